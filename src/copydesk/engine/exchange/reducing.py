"""Reducing a position at market on behalf of the system: sub-position closes and their stops.

What lives here: `reduce_at_market`, for closes that no command of the exchange asked for by itself.
What it may touch: `exchange.execution`, `exchange.matching`, `engine.state`, `model`.
Always true: nothing stands in the way (no size limit, no price band, no pending order); it can
only reduce.
Start reading: `reduce_at_market`.
"""

from typing import NamedTuple

import msgspec

from copydesk.engine.context import Context
from copydesk.engine.exchange import execution, matching, positions
from copydesk.engine.state import State, book_parts
from copydesk.model.enums import FillCause, OrdType, PosSide, Side, TdMode
from copydesk.model.inputs import PlaceOrder


class Reduction(NamedTuple):
    """What to reduce and why; `reduces` names the lead position that the fills must be taken
    from."""

    account_row: int
    book: int
    lots: int
    cause: FillCause
    tag: bytes
    reduces: int


def reduce_at_market(state: State, ctx: Context, request: Reduction) -> int:
    """Send a market order of at most what the position holds; gives the lots that filled."""
    inst_row, mgn_mode, pos_side = book_parts(request.book)
    row = positions.position_row(state, request.book, request.account_row)
    held = int(state.positions.qty_lots[row])
    lots = min(request.lots, abs(held))
    side = Side.SELL if held > 0 else Side.BUY
    found = matching.plan(state, inst_row, side, lots, taker_row=request.account_row)
    if not found.lots:
        return 0
    order = PlaceOrder(
        account_row=request.account_row,
        inst_row=inst_row,
        side=side,
        pos_side=pos_side,
        td_mode=TdMode(int(mgn_mode)),
        ord_type=OrdType.MARKET,
        size_lots=lots,
        reduce_only=pos_side is PosSide.NET,
        tag=request.tag.decode(),
    )
    lever = int(state.positions.lever[row])
    order_row = execution.append_order(state, ctx, order, lever, request.cause)
    execution.run(state, ctx, order_row, found)
    ord_id = int(state.orders.ord_id[order_row])
    for at, event in enumerate(state.fill_events):
        if event.ord_id == ord_id:
            state.fill_events[at] = msgspec.structs.replace(event, reduces=request.reduces)
    return found.lots
