"""/api/v5/copytrading: leading, copying, stopping, and what became of it.

What lives here: the handlers of the family.
What it may touch: `wire`, `views`, `model`, `handlers.names`, `handlers.settings`,
`handlers.sizes`.
Always true: the rules are the engine's; here only names, numbers and ranges are read.
Start reading: `stop_copy_trading` and `set_instruments`, the two documents the project began with.
"""

from copydesk.api.desk import Desk
from copydesk.api.endpoint import Answer, Call
from copydesk.api.handlers import names
from copydesk.api.handlers.settings import read_settings
from copydesk.api.handlers.sizes import px_ticks
from copydesk.api.wire import copytrading as wire
from copydesk.engine.state import State
from copydesk.model.enums import InstType, SubPosType
from copydesk.model.inputs import (
    AmendCopySettings,
    ApplyLeadTrading,
    CloseSubPosition,
    FirstCopySettings,
    SetLeadInstruments,
    SetSubPositionStops,
    StopCopying,
    StopLeadTrading,
)
from copydesk.model.instruments import Instrument
from copydesk.model.outputs import LeadInstrumentsSet, Reply, SubPositionActed
from copydesk.model.rejects import Code, Reject
from copydesk.views import relations
from copydesk.views.accounts import config_of
from copydesk.views.sub_positions import (
    SubPositionQuery,
    current_sub_positions,
    instrument_of_sub_position,
    sub_position_history,
)
from copydesk.views.why import PairFilter, pairs_of

# Stopping and leading: the seeds ------------------------------------------------------------


async def stop_copy_trading(call: Call[wire.StopCopyTrading]) -> Answer:
    """Stop copying one lead trader (seed 000)."""
    lead = await names.lead_account(call.desk, call.request.unique_code)
    if isinstance(lead, Reject):
        return lead
    close_type = call.request.sub_pos_close_type
    return await names.done(call.desk, StopCopying(call.account_row, lead, close_type))


async def set_instruments(call: Call[wire.SetLeadInstruments]) -> Answer:
    """Replace the list of led instruments (seed 004); a name given twice counts once."""
    rows = names.instrument_rows(call.desk, call.request.inst_id)
    if isinstance(rows, Reject):
        return rows
    command = SetLeadInstruments(call.account_row, call.request.inst_type, rows)
    reply = await call.desk.submit(command)
    if isinstance(reply, Reject):
        return reply
    assert isinstance(reply, LeadInstrumentsSet), reply
    known = call.desk.table.instruments
    return [
        wire.InstrumentSwitch(inst_id=known[row].inst_id, enabled=enabled)
        for row, enabled in reply.rows
    ]


async def apply_lead_trading(call: Call[wire.ApplyLeadTrading]) -> Answer:
    """Become a lead trader at once."""
    rows = names.instrument_rows(call.desk, call.request.inst_id)
    if isinstance(rows, Reject):
        return rows
    command = ApplyLeadTrading(call.account_row, call.request.inst_type, rows)
    return await names.done(call.desk, command)


async def stop_lead_trading(call: Call[wire.StopLeadTrading]) -> Answer:
    """Stop being a lead trader."""
    command = StopLeadTrading(call.account_row, call.request.inst_type)
    return await names.done(call.desk, command)


async def lead_instruments(call: Call[wire.GetLeadInstruments]) -> Answer:
    """List what may be led and what the caller leads, led ones first."""
    row, inst_type = call.account_row, call.request.inst_type

    def read(state: State) -> list[relations.LeadInstrument] | Reject:
        found = relations.lead_instruments(state, row, inst_type)
        return _no_lead(state, row, inst_type) if found is None else found

    found = await call.desk.read(read)
    return found if isinstance(found, Reject) else [wire.switch_row(one) for one in found]


def _no_lead(state: State, account_row: int, inst_type: InstType | None) -> Reject:
    """Name why somebody cannot see what lead traders see (rules 1.4)."""
    if relations.never_led_nor_copied(state, account_row):
        return Reject(Code.NEVER_LED_NOR_COPIED)
    spot = inst_type is InstType.SPOT
    return Reject(Code.NOT_A_SPOT_LEAD if spot else Code.NOT_A_CONTRACT_LEAD)


# Copying ------------------------------------------------------------------------------------


async def first_copy_settings(call: Call[wire.CopySettings]) -> Answer:
    """Start copying a lead trader."""
    return await _set_terms(call, FirstCopySettings)


async def amend_copy_settings(call: Call[wire.CopySettings]) -> Answer:
    """Replace the settings of a running relation."""
    return await _set_terms(call, AmendCopySettings)


async def _set_terms(
    call: Call[wire.CopySettings], command: type[FirstCopySettings | AmendCopySettings]
) -> Answer:
    settings = read_settings(call.desk, call.request)
    if isinstance(settings, Reject):
        return settings
    lead = await names.lead_account(call.desk, call.request.unique_code)
    if isinstance(lead, Reject):
        return lead
    return await names.done(call.desk, command(call.account_row, lead, settings))


async def copy_settings(call: Call[wire.GetCopySettings]) -> Answer:
    """Read the settings for a lead trader; copyState "0" while not copying."""
    lead = await names.lead_account(call.desk, call.request.unique_code)
    if isinstance(lead, Reject):
        return lead
    row = call.account_row
    found = await call.desk.read(lambda state: relations.settings_of(state, row, lead))
    return Reject(Code.LEAD_UNKNOWN) if found is None else (wire.settings_row(found),)


async def current_lead_traders(call: Call[wire.GetCurrentLeadTraders]) -> Answer:
    """List the lead traders that the caller copies; nobody's list is empty (OPEN-31)."""
    row, now_ms = call.account_row, call.desk.now_ms
    found = await call.desk.read(lambda state: relations.current_lead_traders(state, row, now_ms))
    return [wire.lead_trader_row(view) for view in found]


async def config(call: Call[wire.GetConfig]) -> Answer:
    """Read the caller's roles; general users have some too."""
    row = call.account_row
    return (wire.config_row(await call.desk.read(lambda state: config_of(state, row))),)


async def public_config(call: Call[wire.GetPublicConfig]) -> Answer:
    """Read the ranges of copy settings."""
    return (wire.public_config_row(call.desk.ranges),)


async def copy_reasons(call: Call[wire.GetCopyReasons]) -> Answer:
    """List the lead positions of which the caller has no copy, or only a part, with the reason."""
    request, row = call.request, call.account_row
    inst_row = names.wanted_row(call.desk, request.inst_id)
    if isinstance(inst_row, Reject):
        return inst_row
    lead = await _lead_filter(call.desk, request.unique_code)
    if isinstance(lead, Reject):
        return lead
    wanted, page = PairFilter(lead, inst_row), names.page(request)
    found = await call.desk.read(lambda state: pairs_of(state, row, wanted, page))
    return [wire.reason_row(view, call.locale) for view in found]


# Sub-positions ------------------------------------------------------------------------------


async def current_subpositions(call: Call[wire.GetSubPositions]) -> Answer:
    """List the caller's open lead positions, or copies."""
    query = await _query(call.desk, call.request)
    if isinstance(query, Reject):
        return query
    row = call.account_row
    found = await call.desk.read(
        lambda state: _refused(state, row, query) or current_sub_positions(state, row, query)
    )
    return found if isinstance(found, Reject) else [wire.current_row(view) for view in found]


async def subpositions_history(call: Call[wire.GetSubPositionsHistory]) -> Answer:
    """List the caller's closed and partly closed lead positions, or copies."""
    query = await _query(call.desk, call.request)
    if isinstance(query, Reject):
        return query
    row = call.account_row
    found = await call.desk.read(
        lambda state: _refused(state, row, query) or sub_position_history(state, row, query)
    )
    return found if isinstance(found, Reject) else [wire.past_row(view) for view in found]


async def _lead_filter(desk: Desk, unique_code: str | None) -> int | Reject | None:
    return None if unique_code is None else await names.lead_account(desk, unique_code)


async def _query(
    desk: Desk, request: wire.GetSubPositions | wire.GetSubPositionsHistory
) -> SubPositionQuery | Reject:
    inst_row = names.wanted_row(desk, request.inst_id)
    if isinstance(inst_row, Reject):
        return inst_row
    lead = await _lead_filter(desk, request.unique_code)
    if isinstance(lead, Reject):
        return lead
    return SubPositionQuery(
        page=names.page(request),
        sub_pos_type=request.sub_pos_type,
        inst_type=request.inst_type,
        inst_row=inst_row,
        lead_account_row=lead,
    )


def _refused(state: State, account_row: int, query: SubPositionQuery) -> Reject | None:
    """Refuse who never led (or neither led nor copied); copies of nobody are an empty list."""
    if relations.never_led_nor_copied(state, account_row):
        return Reject(Code.NEVER_LED_NOR_COPIED)
    if query.sub_pos_type is SubPosType.COPY:
        return None
    led = relations.ever_led(state, account_row, query.inst_type)
    return None if led else _no_lead(state, account_row, query.inst_type)


async def close_subposition(call: Call[wire.CloseSubPosition]) -> Answer:
    """Close one lead position or copy whole, at market (limit orders: spot lead traders only)."""
    request = call.request
    if request.ord_type == "limit" and request.inst_type is InstType.SWAP:
        return Reject(Code.PARAMETER_ERROR, ("ordType",))
    command = CloseSubPosition(
        call.account_row,
        request.inst_type,
        request.sub_pos_id,
        request.sub_pos_type,
        request.tag,
    )
    return _acted(await call.desk.submit(command))


async def algo_order(call: Call[wire.SetSubPositionStops]) -> Answer:
    """Set, replace or delete take-profit and stop-loss of one lead position or copy."""
    request, row = call.request, call.account_row
    inst = await call.desk.read(
        lambda state: instrument_of_sub_position(state, row, request.sub_pos_id)
    )
    command = _stops(row, request, inst)
    return command if isinstance(command, Reject) else _acted(await call.desk.submit(command))


def _stops(
    account_row: int, request: wire.SetSubPositionStops, inst: Instrument | None
) -> SetSubPositionStops | Reject:
    take_profit = _trigger(inst, request.tp_trigger_px, "tpTriggerPx")
    if isinstance(take_profit, Reject):
        return take_profit
    stop_loss = _trigger(inst, request.sl_trigger_px, "slTriggerPx")
    if isinstance(stop_loss, Reject):
        return stop_loss
    return SetSubPositionStops(
        account_row=account_row,
        inst_type=request.inst_type,
        sub_pos_id=request.sub_pos_id,
        sub_pos_type=request.sub_pos_type,
        tp_ticks=take_profit,
        sl_ticks=stop_loss,
        tp_px_type=request.tp_trigger_px_type,
        sl_px_type=request.sl_trigger_px_type,
        tag=request.tag,
    )


def _trigger(inst: Instrument | None, text: str | None, name: str) -> int | Reject | None:
    """Read a trigger price; 0 where the sub-position is unknown, which the engine then says."""
    if text is None:
        return None
    return 0 if inst is None else px_ticks(inst, text, name)


def _acted(reply: Reply) -> Answer:
    if isinstance(reply, Reject):
        return reply
    assert isinstance(reply, SubPositionActed), reply
    return (wire.SubPositionActed(sub_pos_id=str(reply.sub_pos_id), tag=reply.tag),)
