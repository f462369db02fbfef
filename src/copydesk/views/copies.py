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
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from copydesk.engine.copying.sub_positions import locate_copy
from copydesk.engine.state import State
from copydesk.model.enums import CopyState
from copydesk.model.ids import birth_ms, copy_close_id, copy_close_lane, copy_sub_pos_id

I64 = npt.NDArray[np.int64]
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


class Copies(NamedTuple):
    """Rows of the copies table with the lead positions in whose blocks they lie, int64[N] each."""

    copy_rows: I64
    lead_position_rows: I64

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Copies":
        """Keep some."""
        return Copies(self.copy_rows[chosen], self.lead_position_rows[chosen])

    def at(self, place: int) -> CopyRef:
        """Give one."""
        return CopyRef(int(self.copy_rows[place]), int(self.lead_position_rows[place]))

    def refs(self) -> Iterator[CopyRef]:
        """Give one after the other."""
        return map(CopyRef, self.copy_rows.tolist(), self.lead_position_rows.tolist())


def copies_of(state: State, account_row: int) -> Copies:
    """Find every row of an account in the copies table, made or not; oldest first per lead.

    Cost: for each lead position of the lead traders that the account copies or copied, O(log n)
    steps, all positions in step.
    """
    return _in_blocks(state, account_row, _blocks_of(state, account_row))


def open_copies_of(state: State, account_row: int) -> Copies:
    """Find the OPEN copies of an account."""
    blocks = _blocks_of(state, account_row)
    blocks = blocks[state.lead_positions.open_copies[blocks] > 0]
    found = _in_blocks(state, account_row, blocks)
    return found.where(state.copies.state[found.copy_rows] == CopyState.OPEN)


def made_copies_of(state: State, account_row: int) -> Copies:
    """Find the copies of an account that were made, open or not."""
    found = copies_of(state, account_row)
    return found.where(state.copies.state[found.copy_rows] != CopyState.NOT_MADE)


def _blocks_of(state: State, account_row: int) -> I64:
    known = state.index.blocks_by_lead
    listed = [known.get(lead_row, []) for lead_row in lead_rows_of(state, account_row)]
    return np.asarray([row for rows in listed for row in rows], dtype=np.int64)


def _in_blocks(state: State, account_row: int, blocks: I64) -> Copies:
    """Bisect all blocks at once for the account."""
    low = state.lead_positions.block_start[blocks]
    ends = low + state.lead_positions.block_count[blocks]
    high, owners = ends, state.copies.account_row
    while (searching := low < high).any():
        middle = (low + high) // 2
        smaller = searching & (owners[np.where(searching, middle, 0)] < account_row)
        low = np.where(smaller, middle + 1, low)
        high = np.where(searching & ~smaller, middle, high)
    inside = low < ends
    inside &= owners[np.where(inside, low, 0)] == account_row
    return Copies(low[inside], blocks[inside])


def open_ids(state: State, found: Copies) -> I64:
    """Derive the ids of opening orders, int64[N]."""
    leads = state.lead_positions
    offsets = found.copy_rows - leads.block_start[found.lead_position_rows]
    return copy_sub_pos_id(leads.sub_pos_id[found.lead_position_rows], offsets)


def opened_ms(state: State, found: Copies) -> I64:
    """Give the times of opening, int64[N]."""
    times: I64 = state.lead_positions.opened_ns[found.lead_position_rows] // 1_000_000
    return times


def finished(state: State, found: Copies) -> Copies:
    """Keep the copies that have a closing order of their own."""
    copies, rows = state.copies, found.copy_rows
    ended = copies.state[rows] != CopyState.OPEN
    return found.where(ended & (copies.closed_lots[rows] > copies.own_lots[rows]))


def close_ids(state: State, found: Copies) -> I64:
    """Derive the ids of closing orders of finished copies, int64[N]."""
    return copy_close_id(state.copies.closed_ns[found.copy_rows], found.copy_rows)


def closed_ms(state: State, found: Copies) -> I64:
    """Give the times of the last close, int64[N]."""
    times: I64 = state.copies.closed_ns[found.copy_rows] // 1_000_000
    return times


def sub_pos_id_of(state: State, ref: CopyRef) -> int:
    """Derive the subPosId of a copy; also the id of its opening order, trade and bill."""
    leads = state.lead_positions
    offset = ref.copy_row - int(leads.block_start[ref.lead_position_row])
    return copy_sub_pos_id(int(leads.sub_pos_id[ref.lead_position_row]), offset)


def close_id_of(state: State, ref: CopyRef) -> int:
    """Derive the id of a copy's closing order, trade and bill; 0 while there is none."""
    copies = state.copies
    row = ref.copy_row
    if copies.state[row] == CopyState.OPEN or copies.closed_lots[row] == copies.own_lots[row]:
        return 0
    return last_close_id(state, ref)


def last_close_id(state: State, ref: CopyRef) -> int:
    """Derive the id of a copy's last close so far; it is that of the closing order at the end."""
    return copy_close_id(int(state.copies.closed_ns[ref.copy_row]), ref.copy_row)


def locate_sub_position(state: State, account_row: int, sub_pos_id: int) -> CopyRef | None:
    """Find an account's copy by its subPosId (or opening order id). O(log n)."""
    found = locate_copy(state, account_row, sub_pos_id)
    return None if found is None else CopyRef(copy_row=found[1], lead_position_row=found[0])


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
