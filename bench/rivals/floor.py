"""The lean C floor: compiled on the spot, driven through ctypes; `floor.c` says what it does."""

import ctypes
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.workload import (
    DEPOSIT_E8,
    GUARD_PX_TICKS,
    LEAD_LOTS,
    LOT_TICK_E8,
    PX_TICKS,
    RATIO_COPY,
    TAKER_FEE_PPM,
    TOTAL_AMT_E8,
    Copies,
    Workload,
)

RECORD = bytes(56)  # as long as the engine's own record of a market order


def compiler() -> str | None:
    """Find a C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path) -> ctypes.CDLL:
    """Compile the floor into `folder` and load it."""
    source, library = Path(__file__).with_name("floor.c"), folder / "floor.so"
    found = compiler()
    assert found is not None
    flags = ["-O3", "-march=native", "-fPIC", "-shared"]
    subprocess.run([found, *flags, "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


class _Book:
    """Columns of one lead's relations and the output columns, touched beforehand."""

    def __init__(self, load: Workload) -> None:
        self.load = load
        self.account = load.account.astype(np.int32)
        self.mode = load.mode.astype(np.int8)
        self.amount = np.where(load.mode == RATIO_COPY, load.ratio_ppm, load.amt_e8)
        self.lever = load.lever.astype(np.int32)
        self.cap = np.full(load.count, TOTAL_AMT_E8, dtype=np.int64)
        self.used, self.lots, self.margin, self.fee = (_touched(load.count) for _ in range(4))
        self.state = np.full(load.count, 1, dtype=np.int8)

    def inputs(self) -> list[npt.NDArray[np.generic]]:
        return [self.account, self.mode, self.amount, self.lever, self.cap, self.used]

    def outputs(self) -> list[npt.NDArray[np.generic]]:
        return [self.lots, self.margin, self.fee, self.state]


class Floor:
    """Rival (b). `ordered`: a lead's relations lie in ascending account order, as in the engine."""

    def __init__(self, loads: dict[int, Workload], folder: Path, ordered: bool) -> None:
        self.name = "C floor, sorted accounts" if ordered else "C floor, random accounts"
        self._library = build(folder)
        self._books = {n: _Book(w.sorted() if ordered else w) for n, w in loads.items()}
        accounts = sum(load.count for load in loads.values())
        self._cash = np.full(accounts, DEPOSIT_E8, dtype=np.int64)
        self._in_margin = _touched(accounts)
        log = folder / f"floor-{'sorted' if ordered else 'random'}.log"
        self._log = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._fill = (ctypes.c_int64 * 6)(
            PX_TICKS, GUARD_PX_TICKS, LOT_TICK_E8, LEAD_LOTS, TAKER_FEE_PPM, 1
        )

    def open_ms(self, size: int) -> float:
        """Append the cause with fdatasync, then copy."""
        begin = time.perf_counter_ns()
        failed = self._library.floor_append(self._log, RECORD, ctypes.c_int64(len(RECORD)))
        made = self._step(size)
        took = time.perf_counter_ns() - begin
        assert not failed
        assert made == size
        return took / 1e6

    def step_ms(self, size: int) -> float:
        """Copy without making the cause durable."""
        begin = time.perf_counter_ns()
        made = self._step(size)
        took = time.perf_counter_ns() - begin
        assert made == size
        return took / 1e6

    def _step(self, size: int) -> int:
        book = self._books[size]
        money: list[npt.NDArray[np.generic]] = [self._cash, self._in_margin]
        arrays = (*book.inputs(), *money, *book.outputs())
        made: int = self._library.floor_open(
            self._fill, ctypes.c_int64(size), *(ctypes.c_void_p(a.ctypes.data) for a in arrays)
        )
        return made

    def close_ms(self, size: int) -> float:
        """Close at the opening price (not durable: outside what is compared)."""
        book = self._books[size]
        arrays = (
            book.account,
            book.used,
            self._cash,
            self._in_margin,
            book.margin,
            book.fee,
        )
        begin = time.perf_counter_ns()
        self._library.floor_close(
            ctypes.c_int64(size), *(ctypes.c_void_p(a.ctypes.data) for a in arrays)
        )
        return (time.perf_counter_ns() - begin) / 1e6

    def copies(self, size: int) -> Copies:
        """Read the output columns; the cost follows from the fill's price."""
        book = self._books[size]
        order = np.argsort(book.account)
        lots = book.lots[order]
        return Copies(
            book.account[order].astype(np.int64),
            lots.copy(),
            lots * (PX_TICKS * LOT_TICK_E8),
            book.margin[order],
            book.fee[order],
        )

    def balances(self, size: int) -> tuple[int, int]:
        """Sum cash and margin over the copiers of this size."""
        rows = self._books[size].account
        return int(self._cash[rows].sum()), int(self._in_margin[rows].sum())

    def stop(self) -> None:
        """Close the log."""
        os.close(self._log)


def _touched(count: int) -> npt.NDArray[np.int64]:
    """Zeros whose pages exist already: `np.zeros` would map them on the hot path."""
    column = np.ones(count, dtype=np.int64)
    column[:] = 0
    return column
