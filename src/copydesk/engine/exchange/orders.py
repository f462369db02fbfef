"""Orders: placing and cancelling.

What lives here: the handlers of `PlaceOrder` and `CancelOrder`.
What it may touch: `exchange.admission`, `exchange.execution`, `exchange.resting`, `engine.state`,
`model`.
Always true: an order is admitted whole or refused without a trace; what it did then is told by
facts.
Start reading: `place_order`.
"""

import msgspec

from copydesk.engine.context import Context
from copydesk.engine.exchange import admission, execution, history, resting
from copydesk.engine.exchange.notices import accounts_touched, book_changed
from copydesk.engine.state import State, lever_of
from copydesk.model.enums import FillCause, InstType, OrderState
from copydesk.model.inputs import CancelOrder, PlaceOrder
from copydesk.model.outputs import OrderPlaced, Reply
from copydesk.model.rejects import Code, Reject


def place_order(state: State, command: PlaceOrder, ctx: Context) -> Reply:
    """Admit an order and carry it out as far as the book allows.

    post_only that would take and fok that cannot fill are accepted and then canceled, as on OKX.
    Rejects: 50037, 51000, 51004, 51006, 51008, 51010, 51016, 51020, 51022, 51101, 51109, 51112,
    51159, 51169, 51170, 51174, 51202, 51205.
    """
    # Checks.
    refused = admission.refuse(state, command, ctx)
    if refused is not None:
        return refused
    found = admission.plan_for(state, command)
    refused = admission.refuse_plan(state, command, found)
    if refused is not None:
        return refused
    # Changes.
    if history.trim_orders(state):  # rows moved: the same plan, with their new numbers
        found = admission.plan_for(state, command)
    lever = 0
    order = command
    if state.instruments[command.inst_row].inst_type is InstType.SWAP:
        lever = lever_of(state, admission.book_of(command), command.account_row)
        if command.reduce_only and not resting.uses_net_mode(state, command.account_row):
            order = msgspec.structs.replace(command, reduce_only=False)
    elif command.quote_e8:
        order = msgspec.structs.replace(command, size_lots=found.lots)
    row = execution.append_order(state, ctx, order, lever, FillCause.ORDER)
    execution.run(state, ctx, row, found)
    return placed(state, row)


def placed(state: State, order_row: int) -> OrderPlaced:
    """Answer with the ids of an order."""
    orders = state.orders
    return OrderPlaced(
        int(orders.ord_id[order_row]),
        orders.cl_ord_id[order_row].decode(),
        orders.tag[order_row].decode(),
        int(orders.created_ns[order_row]) // 1_000_000,
    )


def cancel_order(state: State, command: CancelOrder, ctx: Context) -> Reply:
    """Cancel a resting order by ordId, else by clOrdId. Rejects: 51400 unless it rests."""
    # Checks.
    if command.ord_id:
        row = state.index.order_by_id.get(command.ord_id)
    else:
        key = (command.account_row, command.cl_ord_id.encode())
        row = state.index.pending_by_client_id.get(key)
    if row is None or not _cancellable(state, command, row):
        return Reject(Code.CANCEL_FAILED_NOT_FOUND)
    # Changes.
    resting.cancel(state, ctx, row)
    accounts_touched(ctx, (command.account_row,), command.inst_row)
    book_changed(ctx, command.inst_row)
    return placed(state, row)


def _cancellable(state: State, command: CancelOrder, row: int) -> bool:
    orders = state.orders
    return (
        int(orders.account_row[row]) == command.account_row
        and int(orders.inst_row[row]) == command.inst_row
        and int(orders.state[row]) < OrderState.FILLED
    )
