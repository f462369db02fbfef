"""Ticks: the market moves, and everything that follows from it on the exchange.

What lives here: the handler of `MarketTick`.
What it may touch: `exchange.candles`, `exchange.liquidity`, `exchange.quoting`, `exchange.funding`,
`exchange.risk`.
Always true: the last price is the feed's; trades made here do not move it, so that nobody's own
orders set off stops or liquidations.
Start reading: `tick`.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.exchange import candles, funding, liquidity, quoting, risk
from copydesk.engine.state import State
from copydesk.engine.table import I64
from copydesk.model.inputs import MarketTick
from copydesk.model.limits import MAX_PX_TICKS, MAX_TICK_VOLUME_LOTS
from copydesk.model.outputs import Done, MarketMoved, Reply
from copydesk.model.rejects import Code, Reject


def tick(state: State, command: MarketTick, ctx: Context) -> Reply:
    """Take new prices: candles, quotes, crossed orders, funding, liquidations, in this order.

    A last price of 0 leaves the last price as it is; a mark of 0 stands for the last price.

    Rejects: 51000.
    """
    # Checks.
    arrays = _decode(command)
    if arrays is None or not _sound(state, command, arrays):
        return Reject(Code.PARAMETER_ERROR, ("tick",))
    # Changes.
    rows, last, mark, volume = arrays
    markets = state.markets
    markets.last_ticks[rows] = now = np.where(last > 0, last, markets.last_ticks[rows])
    known = np.where(last > 0, last, markets.mark_ticks[rows])
    markets.mark_ticks[rows] = np.where(mark > 0, mark, known)
    markets.market_ts_ms[rows] = command.market_ts_ms
    markets.updated_ns[rows] = ctx.ts_ns
    candles.add(state, rows, command.market_ts_ms, (last, volume))
    liquidity.requote(state, rows, np.where(now > 0, now, markets.mark_ticks[rows]))
    ctx.emit(MarketMoved(rows, command.market_ts_ms, ctx.ts_ms))
    for inst_row in rows.tolist():
        quoting.fill_crossed(state, ctx, inst_row)
    funding.settle_due(state, ctx, rows, command.market_ts_ms)
    risk.look(state, ctx)
    return Done()


def _decode(command: MarketTick) -> tuple[I64, I64, I64, I64] | None:
    """Read the byte fields; None if they are not whole or not of one length."""
    texts = (command.inst_rows, command.last_ticks, command.mark_ticks, command.volume_lots)
    if len({len(text) for text in texts}) != 1 or len(command.inst_rows) % 8:
        return None
    rows, last, mark, volume = (np.frombuffer(text, dtype="<i8").astype(np.int64) for text in texts)
    return rows, last, mark, volume


def _sound(state: State, command: MarketTick, arrays: tuple[I64, I64, I64, I64]) -> bool:
    """Check bounds: known instruments, each once; prices and volumes in range."""
    rows, last, mark, volume = arrays
    if command.market_ts_ms <= 0:
        return False
    if len(rows) == 0:
        return True
    known = int(rows.min()) >= 0 and int(rows.max()) < len(state.instruments)
    prices = min(int(last.min()), int(mark.min())) >= 0
    prices = prices and max(int(last.max()), int(mark.max())) <= MAX_PX_TICKS
    sizes = int(volume.min()) >= 0 and int(volume.max()) <= MAX_TICK_VOLUME_LOTS
    return known and prices and sizes and len(np.unique(rows)) == len(rows)
