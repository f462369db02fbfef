"""Reducing a position at market by the system itself: close-subposition, triggers, liquidation.

What lives here: orders that nobody placed, which only close.
What it may touch: `exchange.execution`, `exchange.matching`, `exchange.fills`, `engine.state`,
`model`.
Always true: no guard, no size limit, no margin check stands in the way; the order, its fills and
its event are recorded like those of any order.
Start reading: `reduce_at_market`.
"""

from typing import NamedTuple

from copydesk.engine.context import Context
from copydesk.engine.exchange import admission, execution, fills, funds, history, matching, resting
from copydesk.engine.exchange.notices import accounts_touched
from copydesk.engine.exchange.positions import position_row
from copydesk.engine.state import State, book_parts
from copydesk.model.enums import FillCause, OrdType, PosSide, Side, TdMode
from copydesk.model.inputs import PlaceOrder


class Reduction(NamedTuple):
    """What to close: lots of the position in a book, why, and of which lead position."""

    account_row: int
    book: int
    lots: int
    cause: FillCause
    tag: bytes = b""
    reduces: int = -1


def reduce_at_market(state: State, ctx: Context, request: Reduction) -> int:
    """Close up to `lots` as far as the book goes; gives the lots that filled."""
    held = _held(state, request)
    lots = min(request.lots, abs(held))
    if lots == 0:
        return 0
    inst_row, side = _place(request, held)
    found = matching.plan(state, inst_row, side, lots, taker_row=request.account_row)
    if found.lots == 0:
        return 0
    order_row = _append(state, ctx, request, side, lots)
    total = execution.book_parts(state, ctx, order_row, found)
    if found.lots < lots:
        resting.end(state, ctx, order_row)
    fills.leave_event(state, order_row, total, request.reduces)
    _settle(state, ctx, request, inst_row)
    return found.lots


def reduce_wholly(state: State, ctx: Context, request: Reduction) -> None:
    """Close all: inside the price band through the book, the rest to LIQUIDITY at mark."""
    held = _held(state, request)
    inst_row, side = _place(request, held)
    order_row = _append(state, ctx, request, side, abs(held))
    highest, lowest = admission.price_limits(state, inst_row)
    limit = highest if side > 0 else lowest
    found = matching.plan(state, inst_row, side, abs(held), limit, request.account_row)
    total = execution.book_parts(state, ctx, order_row, found)
    left = abs(held) - found.lots
    if left:
        mark = int(state.markets.mark_ticks[inst_row])
        value = state.instruments[inst_row].value_e8(mark, left)
        price = fills.Price(history.new_trades(state, 1), mark, left, maker=False)
        rest = fills.book_match(state, ctx, order_row, price)
        fills.book_provider(state, ctx, inst_row, -side, (left, value))
        total = total.plus(rest)
    fills.leave_event(state, order_row, total, request.reduces)
    _settle(state, ctx, request, inst_row)


def _held(state: State, request: Reduction) -> int:
    row = position_row(state, request.book, request.account_row)
    return int(state.positions.qty_lots[row])


def _place(request: Reduction, held: int) -> tuple[int, Side]:
    return book_parts(request.book)[0], Side.SELL if held > 0 else Side.BUY


def _append(state: State, ctx: Context, request: Reduction, side: Side, lots: int) -> int:
    inst_row, mgn_mode, pos_side = book_parts(request.book)
    order = PlaceOrder(
        account_row=request.account_row,
        inst_row=inst_row,
        side=side,
        pos_side=pos_side,
        td_mode=TdMode(mgn_mode),
        ord_type=OrdType.MARKET,
        size_lots=lots,
        reduce_only=pos_side is PosSide.NET,
        tag=request.tag.decode(),
    )
    lever = int(state.positions.lever[position_row(state, request.book, request.account_row)])
    return execution.append_order(state, ctx, order, lever, request.cause)


def _settle(state: State, ctx: Context, request: Reduction, inst_row: int) -> None:
    funds.reconcile(state, ctx, request.account_row, inst_row)
    accounts_touched(ctx, (request.account_row,), inst_row)
