"""/api/v5/trade: orders and fills.

What lives here: the handlers of the family.
What it may touch: `wire`, `views`, `model`, `handlers.names`, `handlers.sizes`.
Always true: an order that is not there is 51603, never an empty answer.
Start reading: `place_order`.
"""

from copydesk.api.endpoint import Answer, Call, OrderRow
from copydesk.api.handlers import names, sizes
from copydesk.api.wire import trade as wire
from copydesk.model.enums import OrderState, OrdType, PosSide
from copydesk.model.inputs import CancelOrder, ClosePosition
from copydesk.model.outputs import OrderPlaced
from copydesk.model.rejects import Code, Reject
from copydesk.views.fills import FillFilter, fills_of
from copydesk.views.orders import OrderFilter, find_order, order_history, pending_orders


async def place_order(call: Call[wire.PlaceOrder]) -> Answer:
    """Place one order."""
    inst = names.instrument(call.desk, call.request.inst_id)
    if isinstance(inst, Reject):
        return inst
    command = sizes.order_command(call.account_row, inst, call.request, call.exp_ts_ns)
    if isinstance(command, Reject):
        return command
    reply = await call.desk.submit(command)
    if isinstance(reply, Reject):
        return reply
    assert isinstance(reply, OrderPlaced), reply
    row = OrderRow(
        ord_id=str(reply.ord_id), cl_ord_id=reply.cl_ord_id, tag=reply.tag, ts=str(reply.ts_ms)
    )
    return (row,)


async def cancel_order(call: Call[wire.CancelOrder]) -> Answer:
    """Cancel one order by its id or the client's."""
    request = call.request
    inst = names.instrument(call.desk, request.inst_id)
    if isinstance(inst, Reject):
        return inst
    if not request.ord_id and not request.cl_ord_id:
        return Reject(Code.ORDER_ID_MISSING)
    command = CancelOrder(call.account_row, inst.row, request.ord_id, request.cl_ord_id)
    reply = await call.desk.submit(command)
    if isinstance(reply, Reject):
        return reply
    assert isinstance(reply, OrderPlaced), reply
    ids = (str(reply.ord_id), reply.cl_ord_id, str(reply.ts_ms))
    return (wire.Cancelled(ord_id=ids[0], cl_ord_id=ids[1], ts=ids[2]),)


async def close_position(call: Call[wire.ClosePosition]) -> Answer:
    """Close a whole position at market."""
    request = call.request
    inst = names.instrument(call.desk, request.inst_id)
    if isinstance(inst, Reject):
        return inst
    side = PosSide.NET if request.pos_side is None else request.pos_side
    reply = await call.desk.submit(
        ClosePosition(
            account_row=call.account_row,
            inst_row=inst.row,
            mgn_mode=request.mgn_mode,
            pos_side=side,
            auto_cancel=request.auto_cxl,
            cl_ord_id=request.cl_ord_id,
            tag=request.tag,
        )
    )
    return reply if isinstance(reply, Reject) else (_closed(request, side),)


def _closed(request: wire.ClosePosition, side: PosSide) -> wire.Closed:
    return wire.Closed(
        inst_id=request.inst_id,
        pos_side=side.wire,
        cl_ord_id=request.cl_ord_id,
        tag=request.tag,
    )


async def get_order(call: Call[wire.GetOrder]) -> Answer:
    """Read one order."""
    request = call.request
    inst = names.instrument(call.desk, request.inst_id)
    if isinstance(inst, Reject):
        return inst
    if not request.ord_id and not request.cl_ord_id:
        return Reject(Code.ORDER_ID_MISSING)
    row, ids = inst.row, (request.ord_id, request.cl_ord_id)
    found = await call.desk.read(lambda state: find_order(state, call.account_row, row, *ids))
    return Reject(Code.ORDER_NOT_FOUND) if found is None else (wire.order_row(found),)


async def orders_pending(call: Call[wire.GetOrdersPending]) -> Answer:
    """List resting orders."""
    wanted = _order_filter(call.desk.rows, call.request)
    if isinstance(wanted, Reject):
        return wanted
    if not names.offered(call.request.inst_type):
        return ()
    page = names.page(call.request)
    row = call.account_row
    found = await call.desk.read(lambda state: pending_orders(state, row, wanted, page))
    return [wire.order_row(view) for view in found]


async def orders_history(call: Call[wire.GetOrdersHistory]) -> Answer:
    """List finished orders, those of copies among them."""
    wanted = _order_filter(call.desk.rows, call.request)
    if isinstance(wanted, Reject):
        return wanted
    if not names.offered(call.request.inst_type) or call.request.state == "mmp_canceled":
        return ()
    page = names.page(call.request)
    found = await call.desk.read(lambda state: order_history(state, call.account_row, wanted, page))
    return [wire.order_row(view) for view in found]


def _order_filter(
    rows: dict[str, int], request: wire.GetOrdersPending | wire.GetOrdersHistory
) -> OrderFilter | Reject:
    if request.inst_id is not None and request.inst_id not in rows:
        return Reject(Code.INSTRUMENT_UNKNOWN)
    kinds = request.ord_type
    return OrderFilter(
        inst_type=names.inst_type_of(request.inst_type),
        inst_row=None if request.inst_id is None else rows[request.inst_id],
        ord_types=None if kinds is None else tuple(k for k in OrdType if k.wire in kinds),
        state=None if request.state is None else OrderState.from_wire(request.state),
    )


async def fills(call: Call[wire.GetFills]) -> Answer:
    """List fills, those of copies among them."""
    request = call.request
    inst_row = names.wanted_row(call.desk, request.inst_id)
    if isinstance(inst_row, Reject):
        return inst_row
    if not names.offered(request.inst_type):
        return ()
    inst_type = names.inst_type_of(request.inst_type)
    wanted = FillFilter(inst_type, inst_row, request.ord_id, request.sub_type)
    page = names.page(request)
    found = await call.desk.read(lambda state: fills_of(state, call.account_row, wanted, page))
    return [wire.fill_row(view) for view in found]
