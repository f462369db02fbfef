"""New quotes meet resting orders: what the provider now crosses is filled.

What lives here: the handler of `SetLiquidity`, and the filling of crossed orders after a tick.
What it may touch: `exchange.liquidity`, `exchange.matching`, `exchange.fills`, `engine.state`.
Always true: a crossed order fills as maker at its own price, as far as the provider's size up to
that price goes; afterwards no order and no quote cross.
Start reading: `fill_crossed`.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.exchange import fills, funds, history, liquidity, matching, resting
from copydesk.engine.exchange.notices import accounts_touched, book_changed
from copydesk.engine.state import RestingSide, State
from copydesk.model.enums import Side
from copydesk.model.inputs import SetLiquidity
from copydesk.model.limits import MAX_LIQUIDITY_LEVELS, MAX_VALUE_E8, RATIO_ONE
from copydesk.model.outputs import Done, Reply
from copydesk.model.rejects import Code, Reject


def set_liquidity(state: State, command: SetLiquidity, ctx: Context) -> Reply:
    """Configure the provider of one instrument, or of all (-1). Rejects: 51000, 51001."""
    # Checks.
    if not -1 <= command.inst_row < len(state.instruments):
        return Reject(Code.INSTRUMENT_UNKNOWN)
    if not 0 <= command.half_spread_ppm < RATIO_ONE:
        return Reject(Code.PARAMETER_ERROR, ("halfSpread",))
    if not 0 <= command.level_value_e8 <= MAX_VALUE_E8:
        return Reject(Code.PARAMETER_ERROR, ("levelValue",))
    if not 0 <= command.level_count <= MAX_LIQUIDITY_LEVELS:
        return Reject(Code.PARAMETER_ERROR, ("levelCount",))
    # Changes.
    every = command.inst_row < 0
    rows = np.arange(len(state.instruments)) if every else np.array([command.inst_row])
    terms = (command.half_spread_ppm, command.level_value_e8, command.level_count)
    liquidity.set_quotes(state, rows, terms)
    for row in rows.tolist():
        fill_crossed(state, ctx, row)
        book_changed(ctx, row)
    return Done()


def fill_crossed(state: State, ctx: Context, inst_row: int) -> None:
    """Fill resting orders that the provider's quotes cross, in price-time priority."""
    for side in (int(Side.BUY), int(Side.SELL)):
        book_side = state.index.resting.get((inst_row, side))
        if book_side is None or not book_side.prices:
            continue
        quote = liquidity.best_px(state, inst_row, -side)
        if quote is not None and (_best(book_side, side) - quote) * side >= 0:
            _sweep(state, ctx, inst_row, side)


def _best(book_side: RestingSide, side: int) -> int:
    return book_side.prices[-1] if side > 0 else book_side.prices[0]


def _sweep(state: State, ctx: Context, inst_row: int, side: int) -> None:
    book_side = state.index.resting[inst_row, side]
    filled: list[int] = []
    while book_side.prices:
        px = _best(book_side, side)
        row = book_side.queues[px][0]
        account_row = int(state.orders.account_row[row])
        wanted = resting.remaining_lots(state, row)
        closes = resting.closes_by_nature(state, row)
        lots = min(wanted, matching.closable(state, row, ())) if closes else wanted
        if lots == 0:
            resting.cancel(state, ctx, row)
            continue
        got = _use_up_to(state, inst_row, side, px, lots)
        if got == 0:
            break
        _fill(state, ctx, row, px, got)
        filled.append(account_row)
    for account_row in dict.fromkeys(filled):
        funds.reconcile(state, ctx, account_row, inst_row)
    if filled:
        accounts_touched(ctx, filled, inst_row)
        book_changed(ctx, inst_row)


def _use_up_to(state: State, inst_row: int, side: int, px: int, lots: int) -> int:
    """Take up to `lots` from the provider's levels that an order of `side` at `px` crosses."""
    left = lots
    for level_px, offered in liquidity.levels(state, inst_row, -side):
        if left == 0 or (px - level_px) * side < 0:
            break
        part = min(left, offered)
        liquidity.use(state, inst_row, -side, level_px, part)
        left -= part
    return lots - left


def _fill(state: State, ctx: Context, order_row: int, px: int, lots: int) -> None:
    inst_row = int(state.orders.inst_row[order_row])
    side = int(state.orders.side[order_row])
    trade_id = history.new_trades(state, 1)
    value = state.instruments[inst_row].value_e8(px, lots)
    fills.fill_resting(state, ctx, order_row, fills.Price(trade_id, px, lots, maker=True))
    fills.book_provider(state, ctx, inst_row, -side, (lots, value))
    state.markets.last_trade_id[inst_row] = trade_id
    state.markets.volume_lots[inst_row] += lots
