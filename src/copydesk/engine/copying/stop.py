"""Stop copying: the three ways to treat what is still open (rules 8; seed 000), and the other
ends of a relation.

What lives here: the stop command, and how a relation ends for whatever cause.
What it may touch: `copying.closes`, `copying.relations`, `engine.state`, `model`.
Always true: a relation that is ENDED has no OPEN copy; copies of other leads are not touched.
Start reading: `stop_copying`, then `end_relation`.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import closes
from copydesk.engine.copying import relations as copy_relations
from copydesk.engine.exchange import positions
from copydesk.engine.state import State
from copydesk.model.enums import (
    CopyState,
    EndCause,
    FillCause,
    InstType,
    RelationState,
    SubPosCloseType,
)
from copydesk.model.inputs import StopCopying
from copydesk.model.outputs import AccountsTouched, CopyStopped, Done, Reply
from copydesk.model.rejects import Code, Reject


def stop_copying(state: State, command: StopCopying, ctx: Context) -> Reply:
    """Stop copying one lead trader.

    Rejects: 59269 no such lead, 59267 not copying, 59278 stopped already and lots still follow the
    lead, 50014 subPosCloseType missing while copies are open.
    """
    # Checks.
    lead_row = state.index.lead_by_account.get((command.lead_account_row, int(InstType.SWAP)))
    if lead_row is None:
        return Reject(Code.LEAD_UNKNOWN)
    row = copy_relations.newest_relation(state, lead_row, command.account_row)
    if row is None or state.relations.state[row] == RelationState.ENDED:
        return Reject(Code.NOT_COPYING)
    if state.relations.state[row] == RelationState.CLOSING:
        return Reject(Code.STOP_IN_PROGRESS)
    close_type = command.sub_pos_close_type
    if close_type is None:
        if state.relations.open_copies[row]:
            return Reject(Code.PARAMETER_MISSING, ("subPosCloseType",))
        close_type = SubPosCloseType(int(state.relations.close_type[row]))
    # Changes.
    end_relation(state, ctx, row, EndCause.STOPPED, close_type)
    return Done()


def end_relation(
    state: State, ctx: Context, row: int, cause: EndCause, close_type: SubPosCloseType
) -> None:
    """End an ACTIVE relation: no new copies from here on; what is open is treated as `close_type`
    says."""
    relations = state.relations
    copy_relations.deactivate(state, row)
    relations.state[row] = RelationState.CLOSING
    relations.end_cause[row] = cause
    relations.ended_ns[row] = ctx.ts_ns
    ctx.emit(CopyStopped(row, cause, close_type, ctx.ts_ms))
    if close_type is SubPosCloseType.MARKET_CLOSE:
        why = FillCause.SL_TOTAL if cause is EndCause.SL_TOTAL else FillCause.STOP_COPYING
        for lead_position_row, offset in open_copies_of(state, row):
            closing = closes.whole(state, np.array([offset], dtype=np.int64), why)
            closes.close_copies(state, ctx, lead_position_row, closing)
    elif close_type is SubPosCloseType.MANUAL_CLOSE:
        for lead_position_row, offset in open_copies_of(state, row):
            release(state, ctx, lead_position_row, offset)
    account_row = int(relations.account_row[row])
    if relations.open_copies[row] == 0:
        relations.state[row] = RelationState.ENDED
        copy_relations.settle_role(state, account_row)
    ctx.emit(AccountsTouched(np.array([account_row], dtype=np.int64), -1, ctx.ts_ms))


def end_for_lost_lead(state: State, ctx: Context, row: int) -> None:
    """End a relation whose lead trader leaves: its own close type, but nobody is left to follow
    (OPEN-21)."""
    close_type = SubPosCloseType(int(state.relations.close_type[row]))
    if close_type is SubPosCloseType.COPY_CLOSE:
        close_type = SubPosCloseType.MARKET_CLOSE
    end_relation(state, ctx, row, EndCause.LEAD_LEFT, close_type)


def copy_row(state: State, lead_position_row: int, account_row: int) -> int | None:
    """Row of an account's copy in a block, found by bisection; None if the block has none of
    his."""
    start = int(state.lead_positions.block_start[lead_position_row])
    stop = start + int(state.lead_positions.block_count[lead_position_row])
    at = start + int(np.searchsorted(state.copies.account_row[start:stop], account_row))
    if at == stop or state.copies.account_row[at] != account_row:
        return None
    return at


def open_copies_of(state: State, relation_row: int) -> list[tuple[int, int]]:
    """OPEN copies of a relation as (lead position row, copies row), oldest first."""
    lead_row = int(state.relations.lead_row[relation_row])
    account_row = int(state.relations.account_row[relation_row])
    found = []
    for blocks in state.index.live_blocks.values():
        for block in blocks:
            if state.lead_positions.lead_row[block] != lead_row:
                continue
            at = copy_row(state, block, account_row)
            if at is None or state.copies.relation_row[at] != relation_row:
                continue
            if state.copies.state[at] == CopyState.OPEN:
                found.append((block, at))
    return sorted(found)


def release(state: State, ctx: Context, lead_position_row: int, offset: int) -> None:
    """Cut a copy loose: the quantity stays as the copy trader's own (manual_close)."""
    copies, relations = state.copies, state.relations
    left = int(copies.size_lots[offset] - copies.closed_lots[offset])
    account_row = int(copies.account_row[offset])
    position = positions.position_row(state, int(copies.book[offset]), account_row)
    state.positions.linked_lots[position] -= left
    copies.state[offset] = CopyState.RELEASED
    copies.owed_lots[offset] = 0
    copies.closed_ns[offset] = ctx.ts_ns
    relation_row = copies.relation_row[offset : offset + 1]
    relations.used_e8[relation_row] -= copies.used_e8[offset]
    copies.used_e8[offset] = 0
    closes.retire(state, lead_position_row, relation_row)
