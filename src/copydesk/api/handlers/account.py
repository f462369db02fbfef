"""/api/v5/account and /api/v5/asset: money, positions, settings.

What lives here: the handlers of the family.
What it may touch: `wire`, `views`, `model`, `handlers.names`.
Always true: product lines that are not offered answer an empty list.
Start reading: `balance`, `positions`.
"""

from copydesk.api.endpoint import Answer, Call
from copydesk.api.handlers import names
from copydesk.api.wire import account as wire
from copydesk.engine.state import State
from copydesk.model.enums import InstType, MgnMode, PosSide
from copydesk.model.inputs import SetLeverage, SetPositionMode
from copydesk.model.rejects import Code, Reject
from copydesk.views.accounts import LeverView, balances_of, config_of, levers_of_instrument
from copydesk.views.fills import BillFilter, bills_of
from copydesk.views.positions import positions_of


async def balance(call: Call[wire.GetBalance]) -> Answer:
    """Read the account's money."""
    found = await call.desk.read(lambda state: balances_of(state, call.account_row))
    wanted = call.request.ccy
    if wanted is not None:
        found = [view for view in found if view.ccy in wanted]
    return (wire.balance_row(found, call.desk.now_ms),)


async def positions(call: Call[wire.GetPositions]) -> Answer:
    """List positions; a flat one only if its instrument was asked for."""
    request = call.request
    rows = None if request.inst_id is None else names.instrument_rows(call.desk, request.inst_id)
    if isinstance(rows, Reject):
        return rows
    if request.inst_type not in (None, InstType.SWAP.wire):
        return ()
    found = await call.desk.read(lambda state: positions_of(state, call.account_row, rows))
    printed = [wire.position_row(view) for view in found]
    ids = request.pos_id
    return printed if ids is None else [row for row in printed if row.pos_id in ids]


async def config(call: Call[wire.GetConfig]) -> Answer:
    """Read the account's settings."""
    view = await call.desk.read(lambda state: config_of(state, call.account_row))
    key = call.key
    assert key is not None, "a private endpoint"
    return (wire.config_row(view, key.label, key.ip, key.perm),)


async def bills(call: Call[wire.GetBills]) -> Answer:
    """List movements of money, those of copies among them."""
    request = call.request
    inst_row = names.wanted_row(call.desk, request.inst_id)
    if isinstance(inst_row, Reject):
        return inst_row
    if not names.offered(request.inst_type) or request.ct_type == "inverse":
        return ()
    wanted = BillFilter(
        names.inst_type_of(request.inst_type),
        inst_row,
        request.ccy,
        request.mgn_mode,
        request.type,
        request.sub_type,
    )
    page = names.page(request)
    found = await call.desk.read(lambda state: bills_of(state, call.account_row, wanted, page))
    return [wire.bill_row(view) for view in found]


async def leverage_info(call: Call[wire.GetLeverage]) -> Answer:
    """Read the leverage of instruments, in the order asked."""
    mode = call.request.mgn_mode
    rows = names.instrument_rows(call.desk, call.request.inst_id)
    if isinstance(rows, Reject):
        return rows
    if any(call.desk.table.instruments[row].inst_type is InstType.SPOT for row in rows):
        return Reject(Code.PARAMETER_ERROR, ("instId",))

    def read(state: State) -> list[LeverView]:
        listed = [levers_of_instrument(state, call.account_row, row, mode) for row in rows]
        return [view for views in listed for view in views]

    return [wire.leverage_row(view) for view in await call.desk.read(read)]


async def set_leverage(call: Call[wire.SetLeverage]) -> Answer:
    """Set the leverage of one place; in cross of both sides."""
    request = call.request
    inst = names.instrument(call.desk, request.inst_id)
    if isinstance(inst, Reject):
        return inst
    side = PosSide.NET if request.pos_side is None else request.pos_side
    place = PosSide.NET if request.mgn_mode is MgnMode.CROSS else side
    reply = await call.desk.submit(
        SetLeverage(call.account_row, inst.row, request.mgn_mode, place, request.lever)
    )
    return reply if isinstance(reply, Reject) else (_leverage_set(request, side),)


def _leverage_set(request: wire.SetLeverage, side: PosSide) -> wire.LeverageSet:
    return wire.LeverageSet(
        lever=str(request.lever),
        mgn_mode=request.mgn_mode.wire,
        inst_id=request.inst_id,
        pos_side=side.wire,
    )


async def set_position_mode(call: Call[wire.SetPositionMode]) -> Answer:
    """Choose net or long/short mode."""
    mode = call.request.pos_mode
    reply = await call.desk.submit(SetPositionMode(call.account_row, mode))
    return reply if isinstance(reply, Reject) else (wire.PositionMode(pos_mode=mode.wire),)


async def currencies(call: Call[wire.GetCurrencies]) -> Answer:
    """Answer that nothing can be deposited or withdrawn by chain; clients ask before they start."""
    assert call.key is not None, "a private endpoint"
    return ()
