"""Lead traders: becoming one, leaving, and the instruments they lead (rules 1, 2, 9; seed 004).

What lives here: apply, stop leading, set instruments, and the questions "who leads what".
What it may touch: `engine.exchange`, `engine.state`, `model`.
Always true: an instrument goes from off to on only when flat and without pending orders; all or
nothing.
Start reading: `set_lead_instruments`.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import relations, stop
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, State
from copydesk.model.enums import InstType, LeadState, RoleType
from copydesk.model.inputs import ApplyLeadTrading, SetLeadInstruments, StopLeadTrading
from copydesk.model.limits import DEFAULT_MAX_COPIERS, DEFAULT_PROFIT_SHARING_PPM
from copydesk.model.outputs import Done, LeadInstrumentsSet, Reply
from copydesk.model.rejects import Code, Reject


def leadable(state: State, inst_row: int) -> bool:
    """Whether the platform lets an instrument be led: tradable and settled (spot: quoted) in
    USDT."""
    instrument = state.instruments[inst_row]
    return instrument.tradable and instrument.settle_ccy == "USDT"


def led_instruments(state: State, lead_row: int) -> list[int]:
    """Instruments that a lead trader leads now, ascending."""
    switches = state.lead_switches
    mine = (switches.live("lead_row") == lead_row) & switches.live("enabled")
    return sorted(int(row) for row in switches.live("inst_row")[mine])


def _refuse_list(
    state: State, account_row: int, inst_type: InstType, rows: tuple[int, ...], led: set[int]
) -> Reject | None:
    """Check a new list: not empty, of the type, leadable, and what is newly on is flat and
    orderless."""
    if not rows:
        return Reject(Code.PARAMETER_MISSING, ("instId",))
    for row in rows:
        instrument = state.instruments[row]
        if instrument.inst_type is not inst_type:
            return Reject(Code.INST_TYPE_MISMATCH, (instrument.inst_id,))
        if not leadable(state, row):
            return Reject(Code.INSTRUMENT_NOT_LEADABLE, (instrument.inst_id,))
    for row in rows:
        if row in led:
            continue
        if _has_pending(state, account_row, row):
            return Reject(Code.LEAD_HAS_PENDING_ORDERS, (state.instruments[row].inst_id,))
        if _has_position(state, account_row, row):
            return Reject(Code.LEAD_HAS_POSITION, (state.instruments[row].inst_id,))
    return None


def _has_pending(state: State, account_row: int, inst_row: int) -> bool:
    pending = state.index.orders_by_account.get(account_row, ())
    return any(state.orders.inst_row[row] == inst_row for row in pending)


def _has_position(state: State, account_row: int, inst_row: int) -> bool:
    first = inst_row * BOOKS_PER_INSTRUMENT
    for book in range(first, first + BOOKS_PER_INSTRUMENT):
        rows = state.index.position_rows.get(book)
        if rows is None or account_row >= len(rows):
            continue
        if state.positions.qty_lots[rows[account_row]] != 0:
            return True
    return False


def _switch(state: State, lead_row: int, inst_row: int, enabled: bool) -> None:
    key = (lead_row, inst_row)
    row = state.index.switch_by_pair.get(key)
    if row is None:
        row = state.index.switch_by_pair[key] = state.lead_switches.append()
        state.lead_switches.lead_row[row] = lead_row
        state.lead_switches.inst_row[row] = inst_row
    state.lead_switches.enabled[row] = enabled


def _role_column(
    state: State, inst_type: InstType
) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    accounts = state.accounts
    return accounts.swap_role if inst_type is InstType.SWAP else accounts.spot_role


def apply_lead_trading(state: State, command: ApplyLeadTrading, ctx: Context) -> Reply:
    """Make an account a lead trader at once (rules OPEN-1).

    Rejects: 59258 already a lead, 59135 copying someone, and those of the instrument list.
    """
    # Checks.
    roles = _role_column(state, command.inst_type)
    if roles[command.account_row] == RoleType.LEAD:
        return Reject(Code.LEAD_MAY_NOT_COPY)
    if roles[command.account_row] == RoleType.COPY:
        return Reject(Code.RELATIONS_IN_THE_WAY)
    refused = _refuse_list(
        state, command.account_row, command.inst_type, command.inst_rows, led=set()
    )
    if refused is not None:
        return refused
    # Changes.
    leads = state.lead_traders
    row = leads.append()
    leads.account_row[row] = command.account_row
    leads.inst_type[row] = command.inst_type
    leads.state[row] = LeadState.ACTIVE
    leads.profit_sharing_ppm[row] = DEFAULT_PROFIT_SHARING_PPM
    leads.max_copiers[row] = DEFAULT_MAX_COPIERS
    leads.began_ns[row] = ctx.ts_ns
    roles[command.account_row] = RoleType.LEAD
    state.index.lead_by_account[command.account_row, int(command.inst_type)] = row
    for inst_row in command.inst_rows:
        _switch(state, row, inst_row, enabled=True)
    return Done()


def _not_a_lead(inst_type: InstType) -> Reject:
    return Reject(Code.NOT_A_CONTRACT_LEAD if inst_type is InstType.SWAP else Code.NOT_A_SPOT_LEAD)


def stop_lead_trading(state: State, command: StopLeadTrading, ctx: Context) -> Reply:
    """Stop leading (rules 9, OPEN-21): refused while led instruments have positions or pending
    orders.

    Ends all relations; copies that the book still owes a close are closed at market, whatever
    copy_close says.
    """
    # Checks.
    key = (command.account_row, int(command.inst_type))
    lead_row = state.index.lead_by_account.get(key)
    if lead_row is None:
        return _not_a_lead(command.inst_type)
    for inst_row in led_instruments(state, lead_row):
        inst_id = state.instruments[inst_row].inst_id
        if _has_pending(state, command.account_row, inst_row):
            return Reject(Code.LEAD_HAS_PENDING_ORDERS, (inst_id,))
        if _has_position(state, command.account_row, inst_row):
            return Reject(Code.LEAD_HAS_POSITION, (inst_id,))
    for (account_row, book), open_rows in state.index.open_lead_positions.items():
        if account_row == command.account_row and open_rows:
            inst_row = book // BOOKS_PER_INSTRUMENT
            return Reject(Code.LEAD_HAS_POSITION, (state.instruments[inst_row].inst_id,))
    # Changes.
    for relation_row in state.index.active_relations.get(lead_row, np.zeros(0, np.int32)).tolist():
        stop.end_for_lost_lead(state, ctx, relation_row)
    for inst_row in led_instruments(state, lead_row):
        _switch(state, lead_row, inst_row, enabled=False)
    state.lead_traders.state[lead_row] = LeadState.ENDED
    state.lead_traders.ended_ns[lead_row] = ctx.ts_ns
    _role_column(state, command.inst_type)[command.account_row] = RoleType.GENERAL
    del state.index.lead_by_account[key]
    return Done()


def set_lead_instruments(state: State, command: SetLeadInstruments, ctx: Context) -> Reply:
    """Replace the list of led instruments (seed 004): all or nothing.

    What is left out goes off: open lots stay linked until closed, new copies stop (OPEN-4), and
    custom lists of copy traders lose it for good. Already led instruments are not checked.
    Rejects: 59262 / 59260 not a lead, 50014, 51015, 51166, 51162, 51163.
    """
    # Checks.
    lead_row = state.index.lead_by_account.get((command.account_row, int(command.inst_type)))
    if lead_row is None:
        return _not_a_lead(command.inst_type)
    led = set(led_instruments(state, lead_row))
    refused = _refuse_list(state, command.account_row, command.inst_type, command.inst_rows, led)
    if refused is not None:
        return refused
    # Changes.
    wanted = set(command.inst_rows)
    for inst_row in sorted(wanted - led):
        _switch(state, lead_row, inst_row, enabled=True)
    for inst_row in sorted(led - wanted):
        _switch(state, lead_row, inst_row, enabled=False)
    relations.drop_from_custom_lists(state, lead_row, led - wanted)
    return LeadInstrumentsSet(tuple((row, True) for row in command.inst_rows))
