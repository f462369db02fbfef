"""Copies of one copy trader, and the orders, fills and ids that are derived from them.

What lives here: finding a copy trader's rows in the blocks of the lead traders he follows; what a
copy looks like as an opening and a closing order. Copies have no rows in Orders or Fills:
everything is in their own columns.
What it may touch: `engine.state`, `model`.
Always true: a block lies in ascending account row, so a copy trader's place in it takes O(log n).
Start reading: `copies_of`, then `locate_sub_position`.

Derived ids (`model.ids`): a copy's sub-position and its opening order share one id, lead subPosId +
1 + place in the block. One closing order appears when the copy is at its end (closed, or cut loose
after a part was closed): its id comes from the time of the last close and the row of the copy.
Trade ids and bill ids of copies are these same ids.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from copydesk.engine.state import State
from copydesk.model.enums import CopyState, FillCause
from copydesk.model.ids import birth_ms, copy_close_id, copy_close_lane, copy_sub_pos_id

_LANE = 1 << 20


class CopyRef(NamedTuple):
    """A row of the copies table and the lead position in whose block it lies."""

    copy_row: int
    lead_position_row: int


def lead_rows_of(state: State, account_row: int) -> list[int]:
    """List the lead rows that an account copies or ever copied, in order of the first time."""
    relations = state.relations
    rows = state.index.relations_by_account.get(account_row, [])
    return list(dict.fromkeys(int(relations.lead_row[row]) for row in rows))


def copies_of(state: State, account_row: int, *, open_only: bool = False) -> Iterator[CopyRef]:
    """Find every row of an account in the copies table, made or not; oldest first per lead.

    Cost: O(log n) for each lead position of the lead traders that the account copies or copied.
    """
    for lead_row in lead_rows_of(state, account_row):
        blocks = np.asarray(state.index.blocks_by_lead.get(lead_row, []), dtype=np.int64)
        if open_only:
            blocks = blocks[state.lead_positions.open_copies[blocks] > 0]
        for position_row in blocks.tolist():
            copy_row = copy_in_block(state, position_row, account_row)
            if copy_row is None:
                continue
            if not open_only or state.copies.state[copy_row] == CopyState.OPEN:
                yield CopyRef(copy_row, position_row)


def copy_in_block(state: State, lead_position_row: int, account_row: int) -> int | None:
    """Find the row of an account in the block of one lead position, or None."""
    start = int(state.lead_positions.block_start[lead_position_row])
    count = int(state.lead_positions.block_count[lead_position_row])
    block = state.copies.account_row[start : start + count]
    place = int(np.searchsorted(block, account_row))
    return start + place if place < count and block[place] == account_row else None


def sub_pos_id_of(state: State, ref: CopyRef) -> int:
    """Derive the subPosId of a copy; also the id of its opening order, trade and bill."""
    leads = state.lead_positions
    offset = ref.copy_row - int(leads.block_start[ref.lead_position_row])
    return copy_sub_pos_id(int(leads.sub_pos_id[ref.lead_position_row]), offset)


# Closes by an order of the copy trader himself have that order's rows and no derived ones.
OWN_CAUSES: Final = (FillCause.ORDER, FillCause.LIQUIDATION, FillCause.CLOSE_POSITION)


def close_id_of(state: State, ref: CopyRef) -> int:
    """Derive the id of a copy's closing order, trade and bill; 0 while there is none."""
    copies = state.copies
    ended = copies.state[ref.copy_row] != CopyState.OPEN
    if not ended or copies.closed_lots[ref.copy_row] == 0:
        return 0
    if copies.close_cause[ref.copy_row] in OWN_CAUSES:
        return 0
    return last_close_id(state, ref)


def last_close_id(state: State, ref: CopyRef) -> int:
    """Derive the id of a copy's last close so far; it is that of the closing order at the end."""
    return copy_close_id(int(state.copies.closed_ns[ref.copy_row]), ref.copy_row)


def locate_sub_position(state: State, account_row: int, sub_pos_id: int) -> CopyRef | None:
    """Find an account's copy by its subPosId (or opening order id). O(log n)."""
    ids = state.lead_positions.live("sub_pos_id")
    position_row = int(np.searchsorted(ids, sub_pos_id)) - 1
    if position_row < 0:
        return None
    offset = sub_pos_id - int(ids[position_row]) - 1
    if offset >= int(state.lead_positions.block_count[position_row]):
        return None
    copy_row = int(state.lead_positions.block_start[position_row]) + offset
    if state.copies.account_row[copy_row] != account_row:
        return None
    return CopyRef(copy_row, position_row)


def locate_close(state: State, account_row: int, ord_id: int) -> CopyRef | None:
    """Find an account's copy by the id of its closing order."""
    lane = copy_close_lane(ord_id)
    if lane is None:
        return None
    rows = np.arange(lane, state.copies.count, _LANE)
    closed_ms = state.copies.closed_ns[rows] // 1_000_000
    mine = state.copies.account_row[rows] == account_row
    for copy_row in rows[mine & (closed_ms == birth_ms(ord_id))].tolist():
        ref = CopyRef(copy_row, lead_position_of(state, copy_row))
        if close_id_of(state, ref) == ord_id:
            return ref
    return None


def lead_position_of(state: State, copy_row: int) -> int:
    """Find the lead position in whose block a copy lies; blocks of one lead follow each other."""
    leads = state.lead_positions
    lead_row = int(state.relations.lead_row[state.copies.relation_row[copy_row]])
    blocks = np.asarray(state.index.blocks_by_lead[lead_row], dtype=np.int64)
    blocks = blocks[leads.block_count[blocks] > 0]
    return int(blocks[np.searchsorted(leads.block_start[blocks], copy_row, side="right") - 1])
