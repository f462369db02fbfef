"""One-minute candles by market time: a ring per instrument that ever moved.

What lives here: the writing of candles; wider bars are made by readers.
What it may touch: `engine.state`, `model`.
Always true: a cell belongs to the minute written in it; minutes without a trade have no cell.
Start reading: `add`.
"""

import numpy as np

from copydesk.engine.state import State
from copydesk.engine.table import I64
from copydesk.model.limits import CANDLE_RING_MINUTES

MINUTE_MS = 60_000


def add(state: State, inst_rows: I64, market_ts_ms: int, trades: tuple[I64, I64]) -> None:
    """Add last prices and volumes (int64[N] each) of one moment; a price of 0 means no trade.

    Late minutes, older than what their cell holds, are dropped.
    """
    last, volume = trades
    traded = last > 0
    inst_rows, last, volume = inst_rows[traded], last[traded], volume[traded]
    rows = _rings(state, inst_rows)
    candles = state.candles
    minute = market_ts_ms // MINUTE_MS
    cell = minute % CANDLE_RING_MINUTES
    held = candles.minute[rows, cell]
    fresh = held < minute
    opened, price = rows[fresh], last[fresh]
    candles.minute[opened, cell] = minute
    candles.open_ticks[opened, cell] = price
    candles.high_ticks[opened, cell] = price
    candles.low_ticks[opened, cell] = price
    candles.volume_lots[opened, cell] = 0
    current = held <= minute
    rows, last = rows[current], last[current]
    candles.high_ticks[rows, cell] = np.maximum(candles.high_ticks[rows, cell], last)
    candles.low_ticks[rows, cell] = np.minimum(candles.low_ticks[rows, cell], last)
    candles.close_ticks[rows, cell] = last
    candles.volume_lots[rows, cell] += volume[current]


def _rings(state: State, inst_rows: I64) -> I64:
    """Rows of the rings of these instruments, made where missing."""
    ring_of = state.markets.candle_row
    missing = inst_rows[ring_of[inst_rows] < 0]
    if len(missing):
        start = state.candles.append(len(missing))
        fresh = np.arange(start, start + len(missing))
        state.candles.inst_row[fresh] = missing
        state.candles.minute[fresh] = -1
        ring_of[missing] = fresh
    return ring_of[inst_rows].astype(np.int64)
