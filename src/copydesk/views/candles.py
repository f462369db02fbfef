"""Candles of any length up to four hours, from the ring of minutes.

What lives here: `CandleView`, `candles_of`, and the last day's range for tickers.
What it may touch: `engine.state`, `model`.
Always true: times are the market's own, UTC; a bar that lost its first minutes is not shown.
Start reading: `candles_of`.
"""

from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.state import State
from copydesk.model.limits import CANDLE_RING_MINUTES
from copydesk.views.paging import Page

I64 = npt.NDArray[np.int64]

BAR_MINUTES: Final = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1H": 60,
    "2H": 120,
    "4H": 240,
}
_MINUTE_MS: Final = 60_000
_DAY_MINUTES: Final = 1440
_UTC_8_MINUTES: Final = 480


class CandleView(msgspec.Struct, frozen=True, gc=False):
    """One bar. `value_e8`: each minute's volume at its close, 1e-8 of the quote currency."""

    begin_ms: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    value_e8: int
    closed: bool


class DayView(msgspec.Struct, frozen=True, gc=False):
    """The last 24 hours; prices 0 where unknown."""

    open_ticks: int = 0
    high_ticks: int = 0
    low_ticks: int = 0
    volume_lots: int = 0
    value_e8: int = 0
    open_utc_0_ticks: int = 0
    open_utc_8_ticks: int = 0


class _Minutes(NamedTuple):
    """The minutes in the ring, ascending."""

    minute: I64
    open_ticks: I64
    high_ticks: I64
    low_ticks: I64
    close_ticks: I64
    volume_lots: I64


def candles_of(state: State, inst_row: int, bar: str, page: Page) -> list[CandleView]:
    """List bars, newest first; the page goes by the bars' beginning in ms. Cost: the whole ring."""
    minutes = _minutes(state, inst_row)
    if minutes is None:
        return []
    length = BAR_MINUTES[bar]
    now_ms = int(state.markets.market_ts_ms[inst_row])
    starts = np.flatnonzero(np.diff(minutes.minute // length, prepend=-1))
    if len(minutes.minute) == CANDLE_RING_MINUTES and minutes.minute[0] % length:
        starts = starts[1:]
    bars = [
        _bar(state, inst_row, minutes, (begin, end), (length, now_ms))
        for begin, end in zip(
            starts.tolist(), [*starts[1:].tolist(), len(minutes.minute)], strict=True
        )
    ]
    return [bar for bar in reversed(bars) if _in_page(bar.begin_ms, page)][: page.limit]


def last_day(state: State, inst_row: int) -> DayView:
    """Sum up the last 24 hours of market time."""
    minutes = _minutes(state, inst_row)
    if minutes is None:
        return DayView()
    inst = state.instruments[inst_row]
    values = sum(
        inst.value_e8(px, lots)
        for px, lots in zip(minutes.close_ticks.tolist(), minutes.volume_lots.tolist(), strict=True)
    )
    return DayView(
        open_ticks=int(minutes.open_ticks[0]),
        high_ticks=int(minutes.high_ticks.max()),
        low_ticks=int(minutes.low_ticks.min()),
        volume_lots=int(minutes.volume_lots.sum()),
        value_e8=values,
        open_utc_0_ticks=_day_open(minutes, 0),
        open_utc_8_ticks=_day_open(minutes, _UTC_8_MINUTES),
    )


def _minutes(state: State, inst_row: int) -> _Minutes | None:
    row = int(state.markets.candle_row[inst_row])
    if row < 0 or row >= state.candles.count or state.candles.inst_row[row] != inst_row:
        return None
    candles = state.candles
    minute: I64 = candles.minute[row]
    newest = int(state.markets.market_ts_ms[inst_row]) // _MINUTE_MS
    live = np.flatnonzero((minute > newest - CANDLE_RING_MINUTES) & (candles.open_ticks[row] > 0))
    if not len(live):
        return None
    cells = live[np.argsort(minute[live])]
    return _Minutes(
        minute[cells],
        candles.open_ticks[row][cells],
        candles.high_ticks[row][cells],
        candles.low_ticks[row][cells],
        candles.close_ticks[row][cells],
        candles.volume_lots[row][cells],
    )


def _bar(
    state: State,
    inst_row: int,
    minutes: _Minutes,
    cut: tuple[int, int],
    clock: tuple[int, int],
) -> CandleView:
    (begin, end), (length, now_ms) = cut, clock
    inst = state.instruments[inst_row]
    begin_ms = int(minutes.minute[begin]) // length * length * _MINUTE_MS
    closes, lots = minutes.close_ticks[begin:end], minutes.volume_lots[begin:end]
    return CandleView(
        begin_ms=begin_ms,
        open_ticks=int(minutes.open_ticks[begin]),
        high_ticks=int(minutes.high_ticks[begin:end].max()),
        low_ticks=int(minutes.low_ticks[begin:end].min()),
        close_ticks=int(closes[-1]),
        volume_lots=int(lots.sum()),
        value_e8=sum(
            inst.value_e8(px, size) for px, size in zip(closes.tolist(), lots.tolist(), strict=True)
        ),
        closed=begin_ms + length * _MINUTE_MS <= now_ms,
    )


def _in_page(begin_ms: int, page: Page) -> bool:
    return (page.after is None or begin_ms < page.after) and (
        page.before is None or begin_ms > page.before
    )


def _day_open(minutes: _Minutes, shift: int) -> int:
    newest = int(minutes.minute[-1])
    first = (newest + shift) // _DAY_MINUTES * _DAY_MINUTES - shift
    place = int(np.searchsorted(minutes.minute, first))
    return int(minutes.open_ticks[place])
