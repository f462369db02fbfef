"""Sub-positions by id: closing one, and its take-profit and stop-loss (rules 6.2, 7.1 to 7.3).

What lives here: close-subposition and algo-order, for lead positions and (OPEN-26) for copies.
What it may touch: `copying.closes`, `copying.triggers`, `engine.state`, `model`.
Always true: exactly the sub-position named is touched, whole; one take-profit and one stop-loss
each.
Start reading: `close_sub_position`.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import closes, triggers
from copydesk.engine.state import State
from copydesk.model.enums import (
    CopyState,
    FillCause,
    InstType,
    RoleType,
    SubPosType,
    TriggerPxType,
)
from copydesk.model.ids import next_id
from copydesk.model.inputs import CloseSubPosition, SetSubPositionStops
from copydesk.model.limits import INT64_MAX
from copydesk.model.outputs import Reply, SubPositionActed
from copydesk.model.rejects import Code, Reject


def _find_lead(state: State, account_row: int, sub_pos_id: int) -> int | None:
    """Row of an open lead position of this account, by id."""
    row = state.index.lead_position_by_id.get(sub_pos_id)
    lead = state.lead_positions
    if row is None or lead.account_row[row] != account_row:
        return None
    return row if lead.size_lots[row] > lead.closed_lots[row] else None


def locate_copy(state: State, account_row: int, sub_pos_id: int) -> tuple[int, int] | None:
    """Find (lead position row, copies row) of an account's copy by id, whatever its state.

    Ids of copies follow their lead position's, so a bisection finds the block.
    """
    ids = state.lead_positions.live("sub_pos_id")
    block = int(np.searchsorted(ids, sub_pos_id)) - 1
    if block < 0:
        return None
    offset = sub_pos_id - int(ids[block]) - 1
    if offset >= state.lead_positions.block_count[block]:
        return None
    row = int(state.lead_positions.block_start[block]) + offset
    return (block, row) if state.copies.account_row[row] == account_row else None


def _find_copy(state: State, account_row: int, sub_pos_id: int) -> tuple[int, int] | None:
    """Find (lead position row, copies row) of an OPEN copy of this account."""
    found = locate_copy(state, account_row, sub_pos_id)
    return found if found and state.copies.state[found[1]] == CopyState.OPEN else None


def _find(state: State, command: SetSubPositionStops) -> tuple[int, int]:
    """(lead position row, copies row) of the sub-position named; -1 where it does not apply."""
    if command.sub_pos_type is SubPosType.COPY:
        return _find_copy(state, command.account_row, command.sub_pos_id) or (-1, -1)
    found = _find_lead(state, command.account_row, command.sub_pos_id)
    return (-1, -1) if found is None else (found, -1)


def _refuse_role(
    state: State, account_row: int, inst_type: InstType, kind: SubPosType
) -> Reject | None:
    if kind is SubPosType.COPY:
        rows = state.index.relations_by_account.get(account_row)
        return None if rows else Reject(Code.NOT_A_COPIER)
    if inst_type is InstType.SPOT:
        leads = state.accounts.spot_role[account_row] == RoleType.LEAD
        return None if leads else Reject(Code.NOT_A_SPOT_LEAD)
    leads = state.accounts.swap_role[account_row] == RoleType.LEAD
    return None if leads else Reject(Code.NOT_A_CONTRACT_LEAD)


def close_sub_position(state: State, command: CloseSubPosition, ctx: Context) -> Reply:
    """Close one sub-position whole, at market.

    Rejects: 59262 / 59260 / 59273 by role, 59216 unknown or closed, 59218 closing already.
    """
    # Checks.
    refused = _refuse_role(state, command.account_row, command.inst_type, command.sub_pos_type)
    if refused is not None:
        return refused
    if command.sub_pos_type is SubPosType.COPY:
        found = _find_copy(state, command.account_row, command.sub_pos_id)
        if found is None:
            return Reject(Code.SUB_POSITION_UNKNOWN)
        block, offset = found
        if state.copies.owed_lots[offset]:
            return Reject(Code.SUB_POSITION_CLOSING)
        # Changes.
        offsets = np.array([offset], dtype=np.int64)
        closing = closes.whole(state, offsets, FillCause.SUB_POSITION)
        closes.close_copies(state, ctx, block, closing)
        return SubPositionActed(command.sub_pos_id, command.tag)
    row = _find_lead(state, command.account_row, command.sub_pos_id)
    if row is None:
        return Reject(Code.SUB_POSITION_UNKNOWN)
    # Changes.
    closes.close_lead_position(state, ctx, row, FillCause.SUB_POSITION, command.tag.encode())
    return SubPositionActed(command.sub_pos_id, command.tag)


_TP_CODES = {  # (long, watched price) -> the take-profit lies on the wrong side
    (True, TriggerPxType.LAST): Code.TP_BELOW_LAST,
    (False, TriggerPxType.LAST): Code.TP_ABOVE_LAST,
    (True, TriggerPxType.MARK): Code.TP_BELOW_MARK,
    (False, TriggerPxType.MARK): Code.TP_ABOVE_MARK,
    (True, TriggerPxType.INDEX): Code.TP_BELOW_INDEX,
    (False, TriggerPxType.INDEX): Code.TP_ABOVE_INDEX,
}
_SL_CODES = {
    (True, TriggerPxType.LAST): Code.SL_ABOVE_LAST,
    (False, TriggerPxType.LAST): Code.SL_BELOW_LAST,
    (True, TriggerPxType.MARK): Code.SL_ABOVE_MARK,
    (False, TriggerPxType.MARK): Code.SL_BELOW_MARK,
    (True, TriggerPxType.INDEX): Code.SL_ABOVE_INDEX,
    (False, TriggerPxType.INDEX): Code.SL_BELOW_INDEX,
}


def _refuse_sides(
    state: State, inst_row: int, long: bool, command: SetSubPositionStops
) -> Reject | None:
    """Refuse a trigger that the watched price has passed already."""
    if command.tp_ticks:
        px = triggers.watched_px(state, inst_row, command.tp_px_type)
        if (command.tp_ticks < px) if long else (command.tp_ticks > px):
            return Reject(_TP_CODES[long, command.tp_px_type])
    if command.sl_ticks:
        px = triggers.watched_px(state, inst_row, command.sl_px_type)
        if (command.sl_ticks > px) if long else (command.sl_ticks < px):
            return Reject(_SL_CODES[long, command.sl_px_type])
    return None


def set_sub_position_stops(state: State, command: SetSubPositionStops, ctx: Context) -> Reply:
    """Set, replace or delete take-profit and stop-loss of one sub-position.

    Rejects: 59262 / 59260 / 59273 by role, 50015 neither given, 59216 unknown, 51277 to 51308
    wrong side.
    """
    # Checks.
    refused = _refuse_role(state, command.account_row, command.inst_type, command.sub_pos_type)
    if refused is not None:
        return refused
    if command.tp_ticks is None and command.sl_ticks is None:
        return Reject(Code.EITHER_PARAMETER_NEEDED, ("tpTriggerPx", "slTriggerPx"))
    block, offset = _find(state, command)
    if block < 0:
        return Reject(Code.SUB_POSITION_UNKNOWN)
    inst_row = int(state.lead_positions.inst_row[block])
    long = bool(state.lead_positions.direction[block] > 0)
    refused = _refuse_sides(state, inst_row, long, command)
    if refused is not None:
        return refused
    # Changes.
    if offset >= 0:
        _set_copy_levels(state, block, offset, command)
    else:
        _set_lead_levels(state, ctx, block, command)
    triggers.rebuild_band(state, inst_row)
    return SubPositionActed(command.sub_pos_id, command.tag)


def _set_lead_levels(state: State, ctx: Context, row: int, command: SetSubPositionStops) -> None:
    lead = state.lead_positions
    if command.tp_ticks is not None:
        lead.tp_ticks[row] = command.tp_ticks
        lead.tp_px_type[row] = command.tp_px_type
    if command.sl_ticks is not None:
        lead.sl_ticks[row] = command.sl_ticks
        lead.sl_px_type[row] = command.sl_px_type
    if lead.tp_ticks[row] or lead.sl_ticks[row]:
        state.scalars.last_id = next_id(state.scalars.last_id, ctx.ts_ns)
        lead.algo_id[row] = state.scalars.last_id
    else:
        lead.algo_id[row] = 0


def _set_copy_levels(state: State, block: int, offset: int, command: SetSubPositionStops) -> None:
    copies, long = state.copies, state.lead_positions.direction[block] > 0
    up, down = (
        (command.tp_ticks, command.sl_ticks) if long else (command.sl_ticks, command.tp_ticks)
    )
    if up is not None:
        copies.above_ticks[offset] = up or INT64_MAX
    if down is not None:
        copies.below_ticks[offset] = down
    triggers.rebuild_block(state, block)
