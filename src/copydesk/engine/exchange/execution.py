"""Execution: an admitted order meets its plan, and what is left of it rests or ends.

What lives here: order rows, the taker's pass, the fate of the rest.
What it may touch: `exchange.matching`, `exchange.fills`, `exchange.funds`, `exchange.resting`,
`engine.state`.
Always true: one pass of an order leaves one fill event, with all that it closed and opened.
Start reading: `append_order`, `run`.
"""

from copydesk.engine.context import Context
from copydesk.engine.exchange import fills, funds, history, matching, resting
from copydesk.engine.exchange.notices import accounts_touched, book_changed, order_updated
from copydesk.engine.state import State
from copydesk.model.enums import FillCause, InstType, OrderState, OrdType
from copydesk.model.inputs import PlaceOrder

_RESTS = frozenset((int(OrdType.LIMIT), int(OrdType.POST_ONLY)))


def append_order(
    state: State, ctx: Context, order: PlaceOrder, lever: int, cause: FillCause
) -> int:
    """Make the row of an admitted order."""
    orders = state.orders
    row = orders.append()
    ord_id = history.new_id(state, ctx)
    orders.ord_id[row] = ord_id
    orders.account_row[row] = order.account_row
    orders.inst_row[row] = order.inst_row
    orders.side[row] = order.side
    orders.pos_side[row] = order.pos_side
    orders.td_mode[row] = order.td_mode
    orders.ord_type[row] = order.ord_type
    orders.state[row] = OrderState.LIVE
    orders.cause[row] = cause
    orders.reduce_only[row] = order.reduce_only
    orders.lever[row] = lever
    orders.px_ticks[row] = order.px_ticks
    orders.size_lots[row] = order.size_lots
    orders.quote_e8[row] = order.quote_e8
    orders.created_ns[row] = orders.updated_ns[row] = ctx.ts_ns
    orders.cl_ord_id[row] = order.cl_ord_id.encode()
    orders.tag[row] = order.tag.encode()
    state.index.order_by_id[ord_id] = row
    return row


def run(state: State, ctx: Context, order_row: int, found: matching.Plan) -> None:
    """Carry out an order as planned in this step: take, book, then rest or end."""
    orders = state.orders
    ord_type, size = int(orders.ord_type[order_row]), int(orders.size_lots[order_row])
    inst_row = int(orders.inst_row[order_row])
    refused = (ord_type == OrdType.POST_ONLY and bool(found.parts)) or (
        ord_type == OrdType.FOK and found.lots < size
    )
    if refused:
        resting.end(state, ctx, order_row)
        return
    account_row = int(orders.account_row[order_row])
    if found.parts:
        _fill(state, ctx, order_row, found)
        funds.reconcile(state, ctx, account_row, inst_row)
        accounts_touched(ctx, (account_row,), inst_row)
    if int(orders.filled_lots[order_row]) == size:
        return
    if ord_type in _RESTS and not matching.met_too_many(found):
        _rest(state, ctx, order_row)
    else:
        resting.end(state, ctx, order_row)


def _fill(state: State, ctx: Context, order_row: int, found: matching.Plan) -> None:
    total = book_parts(state, ctx, order_row, found)
    if found.lots:
        fills.leave_event(state, order_row, total)


def book_parts(state: State, ctx: Context, order_row: int, found: matching.Plan) -> fills.Total:
    """Book both sides of a plan made in this step; gives the sum of it."""
    inst_row = int(state.orders.inst_row[order_row])
    first = matching.take(state, ctx, inst_row, int(state.orders.side[order_row]), found)
    total = fills.NOTHING
    for trade_id, (px, lots, _) in enumerate(found.parts, first):
        if lots:
            price = fills.Price(trade_id, px, lots, maker=False)
            total = total.plus(fills.book_match(state, ctx, order_row, price))
    return total


def _rest(state: State, ctx: Context, order_row: int) -> None:
    """Put what is left into the book and freeze what it needs."""
    orders = state.orders
    account_row, inst_row = int(orders.account_row[order_row]), int(orders.inst_row[order_row])
    resting.enter(state, order_row)
    state.accounts.pending_orders[account_row] += 1
    instrument = state.instruments[inst_row]
    if instrument.inst_type is InstType.SPOT:
        rest = resting.remaining_lots(state, order_row)
        side, px = int(orders.side[order_row]), int(orders.px_ticks[order_row])
        resting.set_hold(state, order_row, funds.hold_e8(instrument, side, px, rest, 0))
    else:
        funds.reconcile(state, ctx, account_row, inst_row)
    if not orders.filled_lots[order_row]:
        order_updated(state, ctx, order_row)
    accounts_touched(ctx, (account_row,), inst_row)
    book_changed(ctx, inst_row)
