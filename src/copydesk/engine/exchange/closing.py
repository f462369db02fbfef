"""Closing a whole position at market.

What lives here: the handler of `ClosePosition`.
What it may touch: `exchange.execution`, `exchange.matching`, `exchange.resting`, `engine.state`,
`model`.
Always true: neither size limits nor the price band stand in the way of an exit.
Start reading: `close_position`.
"""

from copydesk.engine.context import Context
from copydesk.engine.exchange import execution, matching, resting
from copydesk.engine.exchange.positions import position_row
from copydesk.engine.state import State, book_id
from copydesk.model.enums import FillCause, InstType, OrdType, PosSide, Side, TdMode
from copydesk.model.inputs import ClosePosition, PlaceOrder
from copydesk.model.outputs import Done, Reply
from copydesk.model.rejects import Code, Reject


def close_position(state: State, command: ClosePosition, ctx: Context) -> Reply:
    """Close all of instrument, margin mode and side at market, as far as the book goes.

    Rejects: 51000, 51016, 51023, 51109, 51115.
    """
    # Checks.
    refused = _refuse(state, command)
    if refused is not None:
        return refused
    account_row, inst_row = command.account_row, command.inst_row
    book = book_id(inst_row, command.mgn_mode, command.pos_side)
    held = int(state.positions.qty_lots[position_row(state, book, account_row)])
    if held == 0:
        return Reject(Code.NO_POSITION)
    side = Side.SELL if held > 0 else Side.BUY
    pending = [
        row
        for row in resting.pending_rows(state, account_row)
        if int(state.orders.inst_row[row]) == inst_row
        and int(state.orders.side[row]) == side
        and resting.book_of(state, row) == book
    ]
    if pending and not command.auto_cancel:
        return Reject(Code.CLOSE_ORDERS_PENDING)
    found = matching.plan(state, inst_row, side, abs(held), taker_row=account_row)
    if found.lots == 0:
        return Reject(Code.BOOK_EMPTY)
    # Changes.
    for row in pending:
        resting.cancel(state, ctx, row)
    order = PlaceOrder(
        account_row=account_row,
        inst_row=inst_row,
        side=side,
        pos_side=command.pos_side,
        td_mode=TdMode(command.mgn_mode),
        ord_type=OrdType.MARKET,
        size_lots=abs(held),
        reduce_only=command.pos_side is PosSide.NET,
        cl_ord_id=command.cl_ord_id,
        tag=command.tag,
    )
    lever = int(state.positions.lever[position_row(state, book, account_row)])
    row = execution.append_order(state, ctx, order, lever, FillCause.CLOSE_POSITION)
    execution.run(state, ctx, row, found)
    return Done()


def _refuse(state: State, command: ClosePosition) -> Reject | None:
    if state.instruments[command.inst_row].inst_type is not InstType.SWAP:
        return Reject(Code.PARAMETER_ERROR, ("instId",))
    if (command.pos_side is PosSide.NET) != resting.uses_net_mode(state, command.account_row):
        return Reject(Code.PARAMETER_ERROR, ("posSide",))
    client_id = command.cl_ord_id.encode()
    if client_id and (command.account_row, client_id) in state.index.pending_by_client_id:
        return Reject(Code.CL_ORD_ID_TAKEN)
    return None
