"""Copy relations: their settings, who copies whom, and the instrument lists of custom relations.

What lives here: first setup, amendment, and the book-keeping of who is ACTIVE.
What it may touch: `engine.state`, `model`.
Always true: `index.active_relations[lead]` holds the ACTIVE relations of a lead in ascending
account row.
Start reading: `first_copy_settings`.
"""

from bisect import bisect_left

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.state import State, Terms
from copydesk.engine.table import I32, Bool, Rows, span
from copydesk.model.enums import InstType, PosMode, RelationState, RoleType
from copydesk.model.inputs import AmendCopySettings, CopySettings, FirstCopySettings
from copydesk.model.limits import MAX_LEADS_LONG_SHORT, MAX_LEADS_NET
from copydesk.model.outputs import CopyBegan, Done, Reply
from copydesk.model.rejects import Code, Reject


def newest_relation(state: State, lead_row: int, account_row: int) -> int | None:
    """Find the newest relation of a pair, whatever its state."""
    return state.index.relation_by_pair.get((lead_row, account_row))


def _refuse_list(state: State, lead_row: int, settings: CopySettings) -> Reject | None:
    if settings.inst_rows is None:
        return None
    if not settings.inst_rows:
        return Reject(Code.PARAMETER_MISSING, ("instId",))
    for inst_row in settings.inst_rows:
        switch = state.index.switch_by_pair.get((lead_row, inst_row))
        if switch is None or not state.lead_switches.enabled[switch]:
            return Reject(Code.INSTRUMENT_NOT_LED, (state.instruments[inst_row].inst_id,))
    return None


def _refuse_count(state: State, account_row: int) -> Reject | None:
    copying = int(state.accounts.active_relations[account_row])
    if state.accounts.pos_mode[account_row] == PosMode.NET:
        if copying >= MAX_LEADS_NET:
            return Reject(Code.NET_MODE_NEEDS_ONE_LEAD)
    elif copying >= MAX_LEADS_LONG_SHORT:
        return Reject(Code.TOO_MANY_ITEMS, ("uniqueCode", str(MAX_LEADS_LONG_SHORT)))
    return None


def first_copy_settings(state: State, command: FirstCopySettings, ctx: Context) -> Reply:
    """Start copying a lead trader.

    Rejects: 59258 the caller leads, 59274 himself, 59269 no such lead, 59279 copying already,
    59278 stop not finished, 59256 / 50025 too many leads, 59277 lead full, 59268 instrument not
    led, 50014.
    """
    # Checks.
    account_row = command.account_row
    if state.accounts.swap_role[account_row] == RoleType.LEAD:
        return Reject(Code.LEAD_MAY_NOT_COPY)
    if command.lead_account_row == account_row:
        return Reject(Code.COPYING_ONESELF)
    lead_row = state.index.lead_by_account.get((command.lead_account_row, int(InstType.SWAP)))
    if lead_row is None:
        return Reject(Code.LEAD_UNKNOWN)
    previous = newest_relation(state, lead_row, account_row)
    if previous is not None:
        if state.relations.state[previous] == RelationState.ACTIVE:
            return Reject(Code.ALREADY_COPYING)
        if state.relations.state[previous] == RelationState.CLOSING:
            return Reject(Code.STOP_IN_PROGRESS)
    refused = _refuse_count(state, account_row)
    if refused is not None:
        return refused
    leads = state.lead_traders
    if leads.copier_count[lead_row] >= leads.max_copiers[lead_row]:
        return Reject(Code.COPIER_COUNT_REACHED)
    refused = _refuse_list(state, lead_row, command.settings)
    if refused is not None:
        return refused
    # Changes.
    row = state.relations.append()
    state.relations.lead_row[row] = lead_row
    state.relations.account_row[row] = account_row
    state.relations.state[row] = RelationState.ACTIVE
    state.relations.began_ns[row] = ctx.ts_ns
    _write_settings(state, row, command.settings)
    state.index.relation_by_pair[lead_row, account_row] = row
    state.index.relations_by_account.setdefault(account_row, []).append(row)
    _activate(state, lead_row, row)
    state.accounts.swap_role[account_row] = RoleType.COPY
    ctx.emit(CopyBegan(row, ctx.ts_ms))
    return Done()


def amend_copy_settings(state: State, command: AmendCopySettings, ctx: Context) -> Reply:
    """Replace the settings of a running relation; open copies keep theirs (rules 4.11, 4.12).

    Rejects: 59269 no such lead, 59280 not copying, 59268 instrument not led, 50014.
    """
    # Checks.
    lead_row = state.index.lead_by_account.get((command.lead_account_row, int(InstType.SWAP)))
    if lead_row is None:
        return Reject(Code.LEAD_UNKNOWN)
    row = newest_relation(state, lead_row, command.account_row)
    if row is None or state.relations.state[row] != RelationState.ACTIVE:
        return Reject(Code.NOT_COPYING_AMEND)
    refused = _refuse_list(state, lead_row, command.settings)
    if refused is not None:
        return refused
    # Changes.
    if state.relations.sl_total_amt_e8[row]:
        state.scalars.sl_total_relations -= 1
    _write_settings(state, row, command.settings)
    return Done()


def _write_settings(state: State, row: int, settings: CopySettings) -> None:
    relations = state.relations
    state.index.terms.pop(int(relations.lead_row[row]), None)
    relations.copy_mgn_mode[row] = settings.copy_mgn_mode
    relations.copy_mode[row] = settings.copy_mode
    relations.close_type[row] = settings.sub_pos_close_type
    relations.copy_amt_e8[row] = settings.copy_amt_e8
    relations.copy_ratio_ppm[row] = settings.copy_ratio_ppm
    relations.copy_total_amt_e8[row] = settings.copy_total_amt_e8
    relations.tp_ratio_ppm[row] = settings.tp_ratio_ppm
    relations.sl_ratio_ppm[row] = settings.sl_ratio_ppm
    relations.sl_total_amt_e8[row] = settings.sl_total_amt_e8
    relations.tag[row] = settings.tag.encode()
    members = settings.inst_rows
    relations.inst_set[row] = 0 if members is None else intern_list(state, tuple(sorted(members)))
    if settings.sl_total_amt_e8:
        state.scalars.sl_total_relations += 1
        state.scalars.sl_calm_ppm = 0


def intern_list(state: State, members: tuple[int, ...]) -> int:
    """Give the number of an instrument list (ascending members), handed out on first use."""
    number = state.index.inst_set_rows.get(members)
    if number is None:
        number = state.scalars.inst_set_count
        state.scalars.inst_set_count += 1
        start = state.inst_sets.append(len(members))
        state.inst_sets.inst_set[start : start + len(members)] = number
        state.inst_sets.inst_row[start : start + len(members)] = members
        state.index.inst_set_rows[members] = number
    return number


def list_members(state: State, number: int) -> tuple[int, ...]:
    """Members of an instrument list, ascending."""
    table = state.inst_sets
    return tuple(table.live("inst_row")[table.live("inst_set") == number].tolist())


def drop_from_custom_lists(state: State, lead_row: int, dropped: set[int]) -> None:
    """Take instruments that are no longer led out of the custom lists of a lead's relations."""
    rows = state.index.active_relations.get(lead_row)
    if rows is None or not dropped:
        return
    numbers = state.relations.inst_set[rows]
    for number in np.unique(numbers[numbers > 0]).tolist():
        kept = tuple(row for row in list_members(state, number) if row not in dropped)
        replacement = intern_list(state, kept)
        if replacement != number:
            state.relations.inst_set[rows[numbers == number]] = replacement
    state.index.terms.pop(lead_row, None)


def _activate(state: State, lead_row: int, row: int) -> None:
    account_row = int(state.relations.account_row[row])
    rows = state.index.active_relations.get(lead_row)
    if rows is None or not len(rows):
        rows = np.array([row], dtype=np.int32)
    else:
        rows = np.insert(rows, _place(state, rows, account_row), row)
    state.index.active_relations[lead_row] = rows
    state.index.terms.pop(lead_row, None)
    state.lead_traders.copier_count[lead_row] += 1
    state.accounts.active_relations[account_row] += 1


def _place(state: State, rows: I32, account_row: int) -> int:
    """Find where an account stands, or would stand, among relations in account order."""
    owners = state.relations.account_row
    return bisect_left(rows, account_row, key=lambda row: int(owners[row]))


def terms_of(state: State, relation_rows: Rows) -> Terms:
    """Gather the settings of relations."""
    relations = state.relations
    return Terms._make(getattr(relations, name)[relation_rows] for name in Terms._fields)


def terms_of_lead(state: State, lead_row: int) -> Terms:
    """Give the settings of a lead's active relations, in their order; kept until one changes."""
    found = state.index.terms.get(lead_row)
    if found is None:
        found = terms_of(state, span(state.index.active_relations[lead_row]))
        state.index.terms[lead_row] = Terms._make(column.copy() for column in found)
    return found


def deactivate(state: State, row: int) -> None:
    """Take a relation out of the ACTIVE ones: its place at the lead is free at once (OPEN-20)."""
    lead_row = int(state.relations.lead_row[row])
    account_row = int(state.relations.account_row[row])
    rows = state.index.active_relations[lead_row]
    at = _place(state, rows, account_row)
    assert rows[at] == row, "active relations are in account order"
    state.index.active_relations[lead_row] = np.delete(rows, at)
    state.index.terms.pop(lead_row, None)
    state.lead_traders.copier_count[lead_row] -= 1
    state.accounts.active_relations[account_row] -= 1
    if state.relations.sl_total_amt_e8[row]:
        state.scalars.sl_total_relations -= 1


def settle_role(state: State, account_row: int) -> None:
    """Make an account a general user again once no relation of his is ACTIVE or CLOSING."""
    rows = state.index.relations_by_account.get(account_row, ())
    over = all(state.relations.state[row] == RelationState.ENDED for row in rows)
    if over and state.accounts.swap_role[account_row] == RoleType.COPY:
        state.accounts.swap_role[account_row] = RoleType.GENERAL


def copied_by(state: State, inst_row: int, inst_sets: I32) -> Bool:
    """Which instrument lists of relations hold an instrument: bool[N]; list 0 follows the lead
    trader."""
    if not inst_sets.any():
        return np.ones(len(inst_sets), dtype=np.bool_)
    table = state.inst_sets
    holding = np.zeros(state.scalars.inst_set_count, dtype=np.bool_)
    holding[0] = True
    holding[table.live("inst_set")[table.live("inst_row") == inst_row]] = True
    found: Bool = holding[inst_sets]
    return found
