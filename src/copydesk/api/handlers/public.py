"""/api/v5/public and /api/v5/system: instruments, clock, mark prices, funding.

What lives here: the handlers of the family.
What it may touch: `wire`, `views`, `model`, `handlers.names`.
Always true: product lines that are not offered answer an empty list (ccxt asks for all of them).
Start reading: `instruments`.
"""

from copydesk.api.endpoint import Answer, Call
from copydesk.api.handlers import names
from copydesk.api.wire import public as wire
from copydesk.engine.state import State
from copydesk.model.enums import InstType
from copydesk.model.instruments import Instrument
from copydesk.model.rejects import Code, Reject
from copydesk.views.markets import FundingView, MarkView, funding_of, mark_of


async def instruments(call: Call[wire.GetInstruments]) -> Answer:
    """List the instruments of a product line."""
    request, desk = call.request, call.desk
    inst_type = InstType.from_wire(request.inst_type)
    if inst_type is None:
        return ()
    if request.inst_id is not None and desk.instrument(request.inst_id) is None:
        return Reject(Code.INSTRUMENT_UNKNOWN)
    family = request.inst_family or request.uly
    return [
        wire.instrument_row(inst)
        for inst in desk.table.instruments
        if inst.inst_type is inst_type
        and family in (None, inst.inst_family)
        and request.inst_id in (None, inst.inst_id)
    ]


async def time(call: Call[wire.GetTime]) -> Answer:
    """Tell the server's clock."""
    return (wire.Time(ts=str(call.desk.now_ms)),)


async def mark_price(call: Call[wire.GetMarkPrice]) -> Answer:
    """List mark prices of swaps that have one; of one instrument in any case."""
    request, desk = call.request, call.desk
    chosen = _swaps(call)
    if isinstance(chosen, Reject):
        return chosen

    def read(state: State) -> list[MarkView]:
        views = (mark_of(state, inst.row) for inst in chosen)
        return [view for view in views if view.mark_ticks or request.inst_id]

    return [wire.mark_row(view) for view in await desk.read(read)]


def _swaps(call: Call[wire.GetMarkPrice]) -> list[Instrument] | Reject:
    request = call.request
    if request.inst_type is None and request.inst_id is None:
        return Reject(Code.PARAMETER_MISSING, ("instType",))
    if request.inst_id is not None:
        inst = names.instrument(call.desk, request.inst_id)
        if isinstance(inst, Reject):
            return inst
    if request.inst_type not in (None, InstType.SWAP.wire):
        return []
    return [
        inst
        for inst in call.desk.table.instruments
        if inst.inst_type is InstType.SWAP
        and request.inst_id in (None, inst.inst_id)
        and request.inst_family in (None, inst.inst_family)
    ]


async def funding_rate(call: Call[wire.GetFundingRate]) -> Answer:
    """Read the running funding interval of a swap, or ANY: of all that have a price."""
    desk, inst_id = call.desk, call.request.inst_id
    if inst_id == "ANY":
        return [wire.funding_row(view) for view in await desk.read(_all_funding)]
    inst = names.instrument(desk, inst_id)
    if isinstance(inst, Reject):
        return inst
    if inst.inst_type is not InstType.SWAP:
        return Reject(Code.PARAMETER_ERROR, ("instId",))
    row = inst.row
    return (wire.funding_row(await desk.read(lambda state: funding_of(state, row))),)


def _all_funding(state: State) -> list[FundingView]:
    priced = state.markets.live("mark_ticks")
    return [
        funding_of(state, inst.row)
        for inst in state.instruments
        if inst.inst_type is InstType.SWAP and priced[inst.row] > 0
    ]


async def status(call: Call[wire.GetStatus]) -> Answer:
    """Answer that no maintenance is planned."""
    assert call.desk is not None
    return ()
