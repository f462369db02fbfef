"""The plain loop: one Python object per relation, Decimal arithmetic, the cause durable in SQLite.

What a careful programmer writes first. It is given the engine's own durability (one record of the
cause, WAL, synchronous=FULL) and nothing else to do: no rows are written per copy, which is kind
to it.
"""

import sqlite3
import time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path

import numpy as np

from bench.workload import (
    DEPOSIT_E8,
    E8,
    GUARD_PX_TICKS,
    LEAD_LOTS,
    LOT_TICK_E8,
    PX_TICKS,
    RATIO_COPY,
    TOTAL_AMT_E8,
    Copies,
    Workload,
)

LOT = Decimal("0.01")  # contracts
UNIT = Decimal("0.00000001")  # USDT
PX = Decimal(PX_TICKS) / 10
GUARD_PX = Decimal(GUARD_PX_TICKS) / 10
CONTRACT_VALUE = Decimal(LOT_TICK_E8) / E8 / LOT * 10  # of one contract, per USDT of price
FEE = Decimal("0.0005")
LEAD_SIZE = LEAD_LOTS * LOT


class _Account:
    __slots__ = ("cash", "margin")

    def __init__(self) -> None:
        self.cash = Decimal(DEPOSIT_E8) / E8
        self.margin = Decimal(0)


class _Relation:
    __slots__ = ("account", "amount", "lever", "number", "ratio", "total", "used")

    def __init__(self, number: int, account: _Account) -> None:
        self.number = number
        self.account = account
        self.amount = Decimal(0)
        self.ratio = Decimal(0)
        self.lever = 1
        self.total = Decimal(TOTAL_AMT_E8) / E8
        self.used = Decimal(0)


class _Copy:
    __slots__ = ("cost", "fee", "margin", "relation", "size")

    def __init__(
        self, relation: _Relation, terms: tuple[Decimal, Decimal, Decimal, Decimal]
    ) -> None:
        self.relation = relation
        self.size, self.cost, self.margin, self.fee = terms


def copy_fill(relation: _Relation) -> _Copy | None:
    """Size, guard and book one copy by the rules; None if a guard stops it."""
    if relation.ratio:
        wanted = relation.ratio * LEAD_SIZE
    else:
        wanted = relation.amount * relation.lever / (GUARD_PX * CONTRACT_VALUE)
    size = (wanted / LOT).quantize(Decimal(1), ROUND_FLOOR) * LOT
    if size < LOT:
        return None
    cost = size * CONTRACT_VALUE * PX
    margin = (cost / relation.lever).quantize(UNIT, ROUND_CEILING)
    fee = (cost * FEE).quantize(UNIT, ROUND_CEILING)
    account = relation.account
    if relation.used + margin > relation.total or account.cash - account.margin < margin + fee:
        return None
    relation.used += margin
    account.margin += margin
    account.cash -= fee
    return _Copy(relation, (size, cost, margin, fee))


class DecimalLoop:
    """Rival (c)."""

    name = "Python loop, Decimal"

    def __init__(self, loads: dict[int, Workload], folder: Path) -> None:
        self._relations = {n: [_relation(load, i) for i in range(n)] for n, load in loads.items()}
        self._made: dict[int, list[_Copy]] = {}
        self._database = sqlite3.connect(folder / "loop.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE cause (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)")

    def open_ms(self, size: int) -> float:
        """Append the cause in a transaction of its own, then loop."""
        begin = time.perf_counter_ns()
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("INSERT INTO cause (record) VALUES (?)", (bytes(56),))
        self._database.execute("COMMIT")
        made = [copy for relation in self._relations[size] if (copy := copy_fill(relation))]
        took = time.perf_counter_ns() - begin
        assert len(made) == size
        self._made[size] = made
        return took / 1e6

    def close_ms(self, size: int) -> float:
        """Close at the opening price (not durable: outside what is compared)."""
        begin = time.perf_counter_ns()
        for copy in self._made[size]:
            copy.relation.used -= copy.margin
            copy.relation.account.margin -= copy.margin
            copy.relation.account.cash -= copy.fee
        return (time.perf_counter_ns() - begin) / 1e6

    def copies(self, size: int) -> Copies:
        """Turn the objects of the last round into columns."""
        made = sorted(self._made[size], key=lambda copy: copy.relation.number)
        rows = [
            (c.relation.number, int(c.size / LOT), _e8(c.cost), _e8(c.margin), _e8(c.fee))
            for c in made
        ]
        return Copies(*np.array(rows, dtype=np.int64).T)

    def balances(self, size: int) -> tuple[int, int]:
        """Sum cash and margin over the copiers of this size."""
        accounts = [relation.account for relation in self._relations[size]]
        return sum(_e8(a.cash) for a in accounts), sum(_e8(a.margin) for a in accounts)

    def stop(self) -> None:
        """Close the database."""
        self._database.close()


def _relation(load: Workload, row: int) -> _Relation:
    relation = _Relation(int(load.account[row]), _Account())
    if load.mode[row] == RATIO_COPY:
        relation.ratio = Decimal(int(load.ratio_ppm[row])) / 1_000_000
    else:
        relation.amount = Decimal(int(load.amt_e8[row])) / E8
    relation.lever = int(load.lever[row])
    return relation


def _e8(amount: Decimal) -> int:
    return int(amount * E8)
