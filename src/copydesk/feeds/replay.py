"""Replay of recorded files: several files, one market, ticks in order of time.

What lives here: which file moves which instruments, the merge by time, and what happens at the end.
What it may touch: `recording`, `model`.
Always true: the same files give the same ticks; mark price = last price; no traded size is lost to
rounding (fractions of a lot are carried on).
Start reading: `Replay.run`, then `open_replay`.

A file moves the instrument that it names (by a column or by its file name) and the other kind of
the same pair too, swap or spot, unless another file names that one. `FILE@BTC-USDT-SWAP+BTC-USDT`
says it outright.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from copydesk.feeds.feed import FeedError, Start, pack
from copydesk.feeds.recording import I64, Prints, read
from copydesk.model.amounts import E8
from copydesk.model.enums import InstType
from copydesk.model.inputs import MarketTick
from copydesk.model.instruments import Instrument, InstrumentTable
from copydesk.model.limits import MAX_PX_TICKS, MAX_TICK_VOLUME_LOTS

ENDS = ("stop", "loop", "hold")
HOLD_MS = 1_000
_MINUTE_MS = 60_000
_NAMED = re.compile(
    r"([A-Z0-9]+?)[-_/]?(USDT|USDC|USD)(?![A-Z0-9])(?:[-_:/](?:USDT|USDC|USD)(?![A-Z0-9]))?"
    r"(?:[-_](SWAP|PERP|[0-9]+[MH]-FUTURES))?"
)


@dataclass(frozen=True, slots=True)
class Replay:
    """Recorded ticks in columns: tick k is `starts[k]:starts[k + 1]` of the cell columns."""

    inst_rows: tuple[int, ...]
    end: str
    ts_ms: I64
    starts: I64
    rows: I64
    last: I64
    volume: I64

    def run(self, start: Start) -> Iterator[MarketTick]:
        """Yield the ticks after the start; then stop, begin a new lap, or hold the last prices."""
        lap_ms = self._lap_ms() if self.end == "loop" else 0
        first_ms, last_ms = int(self.ts_ms[0]), int(self.ts_ms[-1])
        shift_ms = max(0, start.market_ts_ms - first_ms) // lap_ms * lap_ms if lap_ms else 0
        begin = int(np.searchsorted(self.ts_ms, start.market_ts_ms - shift_ms, side="right"))
        yield from self._lap(begin, shift_ms)
        while lap_ms:
            shift_ms += lap_ms
            yield from self._lap(0, shift_ms)
        if self.end == "hold":
            yield from self._hold(max(last_ms, start.market_ts_ms))

    def _lap(self, begin: int, shift_ms: int) -> Iterator[MarketTick]:
        ts_ms, starts = (self.ts_ms[begin:] + shift_ms).tolist(), self.starts[begin:].tolist()
        for k, now_ms in enumerate(ts_ms):
            cells = slice(starts[k], starts[k + 1])
            last = self.last[cells]
            yield pack(now_ms, self.rows[cells], last, last, self.volume[cells])

    def _hold(self, now_ms: int) -> Iterator[MarketTick]:
        """Let time go on without trades: last 0, mark as it was."""
        mark = [int(self.last[np.flatnonzero(self.rows == row)[-1]]) for row in self.inst_rows]
        none = [0] * len(mark)
        while True:
            now_ms += HOLD_MS
            yield pack(now_ms, self.inst_rows, none, mark, none)

    def _lap_ms(self) -> int:
        """Length of a lap: whole minutes, so that candles keep their places."""
        span_ms = int(self.ts_ms[-1] - self.ts_ms[0]) + 1
        return -(-span_ms // _MINUTE_MS) * _MINUTE_MS


def open_replay(table: InstrumentTable, items: Sequence[str], end: str) -> Replay:
    """Read the files `PATH` or `PATH@INSTID+INSTID` and merge them. Raises FeedError."""
    if not items:
        raise FeedError("replay needs at least one file: replay:FILE or replay:FILE@INSTID")
    by_id = {inst.inst_id: inst for inst in table.instruments}
    parts: list[tuple[Instrument, Prints]] = []
    followers: list[tuple[Instrument, Instrument, Prints]] = []
    for item in items:
        name, _, targets = item.partition("@")
        for prints in read(Path(name)):
            if targets:
                parts += [(_named(by_id, name, text), prints) for text in targets.split("+")]
                continue
            own, other = _identify(by_id, Path(name), prints.symbol)
            parts.append((own, prints))
            if other is not None:
                followers.append((other, own, prints))
    owned = {inst.row for inst, _ in parts}
    source: dict[int, int] = {}  # a follower goes by one instrument, whichever file came first
    for other, own, prints in followers:
        if other.row not in owned and source.setdefault(other.row, own.row) == own.row:
            parts.append((other, prints._replace(qty=_coins(own, prints), contracts=False)))
    return _merge(parts, end)


def _named(by_id: dict[str, Instrument], file: str, inst_id: str) -> Instrument:
    if inst_id not in by_id:
        raise FeedError(f"{file}: no instrument is called {inst_id!r}")
    return by_id[inst_id]


def _identify(
    by_id: dict[str, Instrument], path: Path, symbol: str
) -> tuple[Instrument, Instrument | None]:
    """Find what a symbol, or else a file name, stands for; and the other kind of the same pair."""
    text = (symbol or path.name).upper()
    for base, quote, kind in _NAMED.findall(text):
        swap, spot = by_id.get(f"{base}-{quote}-SWAP"), by_id.get(f"{base}-{quote}")
        own, other = (swap, spot) if kind or spot is None else (spot, swap)
        if own is not None:
            return own, other
    said = f"symbol {symbol!r}" if symbol else "its name"
    raise FeedError(f"{path}: {said} fits no instrument; say which: {path}@BTC-USDT-SWAP")


def _coins(inst: Instrument, prints: Prints) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Sizes in coin."""
    if not prints.contracts or inst.inst_type is not InstType.SWAP:
        return prints.qty
    return prints.qty * (float(inst.wire["ctVal"]) * float(inst.wire["ctMult"]))


def _lots(inst: Instrument, prints: Prints) -> I64:
    """Sizes in lots, whole, with the fractions carried on to later prints."""
    if inst.inst_type is InstType.SWAP:
        contract = float(inst.wire["ctVal"]) * float(inst.wire["ctMult"])
        lot = contract * inst.lot.mantissa / 10**inst.lot.scale
    else:
        lot = inst.base_lot_e8 / E8
    total = np.floor(np.cumsum(_coins(inst, prints) / lot) + 1e-6).astype(np.int64)
    lots: I64 = np.minimum(np.diff(total, prepend=0), MAX_TICK_VOLUME_LOTS)
    return lots


def _px_ticks(inst: Instrument, prints: Prints) -> I64:
    """Prices in ticks, rounded to the nearest."""
    ticks = np.rint(prints.px * 10**inst.tick.scale / inst.tick.mantissa)
    if ticks.min() < 1 or ticks.max() > MAX_PX_TICKS:
        wrong = prints.px[int(np.argmax((ticks < 1) | (ticks > MAX_PX_TICKS)))]
        raise FeedError(f"{wrong} is no price for {inst.inst_id} (tick {inst.wire['tickSz']})")
    whole: I64 = ticks.astype(np.int64)
    return whole


def _merge(parts: list[tuple[Instrument, Prints]], end: str) -> Replay:
    """Order all prints by time and instrument; those of the same of both become one cell."""
    ts_ms = np.concatenate([prints.ts_ms for _, prints in parts])
    rows = np.concatenate([np.full(len(prints.px), inst.row) for inst, prints in parts])
    last = np.concatenate([_px_ticks(*part) for part in parts])
    volume = np.concatenate([_lots(*part) for part in parts])
    order = np.lexsort((rows, ts_ms))  # stable: the order of files and rows decides within a cell
    ts_ms, rows, last, volume = ts_ms[order], rows[order], last[order], volume[order]
    fresh = np.flatnonzero((np.diff(ts_ms, prepend=-1) != 0) | (np.diff(rows, prepend=-1) != 0))
    ends = np.append(fresh[1:], len(rows)) - 1
    cells_ts = ts_ms[fresh]
    starts = np.flatnonzero(np.diff(cells_ts, prepend=-1))
    return Replay(
        inst_rows=tuple(sorted({inst.row for inst, _ in parts})),
        end=end,
        ts_ms=cells_ts[starts],
        starts=np.append(starts, len(cells_ts)),
        rows=rows[fresh].astype(np.int64),
        last=last[ends],
        volume=np.minimum(np.add.reduceat(volume, fresh), MAX_TICK_VOLUME_LOTS),
    )
