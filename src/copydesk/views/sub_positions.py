"""Sub-positions: lead positions and copies as the copy-trading endpoints list them.

What lives here: `SubPosition`, the open and closed lists of a lead trader and of a copy trader.
What it may touch: `engine.state`, `model`, `views.copies`, `views.paging`.
Always true: an open row tells the remainder (OPEN-32), a history row the original size; profits are
gross (rules 6.14).
Start reading: `current_sub_positions`, `sub_position_history`.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.state import State, book_parts
from copydesk.model.enums import (
    InstType,
    MgnMode,
    PosSide,
    SubPosType,
    TriggerPxType,
)
from copydesk.model.instruments import Instrument
from copydesk.views.copies import (
    Copies,
    CopyRef,
    locate_sub_position,
    made_copies_of,
    open_copies_of,
    open_ids,
    opened_ms,
    sub_pos_id_of,
)
from copydesk.views.paging import Page, Source, first, merged

I64 = npt.NDArray[np.int64]


class SubPosition(msgspec.Struct, frozen=True, gc=False):
    """One lead position or one copy; values in 1e-8 of the settle currency, cost of `size_lots`."""

    inst: Instrument
    sub_pos_id: int
    unique_code: str
    pos_side: PosSide
    mgn_mode: MgnMode
    lever: int
    direction: int
    open_ord_id: int  # 0 for copies
    size_lots: int
    closed_lots: int
    cost_e8: int
    closed_value_e8: int
    opened_ms: int
    closed_ms: int
    mark_ticks: int
    tp_ticks: int = 0
    sl_ticks: int = 0
    tp_px_type: TriggerPxType = TriggerPxType.LAST
    sl_px_type: TriggerPxType = TriggerPxType.LAST
    algo_id: int = 0

    @property
    def open_lots(self) -> int:
        """What is still open."""
        return self.size_lots - self.closed_lots


class SubPositionQuery(msgspec.Struct, frozen=True, gc=False):
    """Whose sub-positions: None means any."""

    page: Page
    sub_pos_type: SubPosType = SubPosType.LEAD
    inst_type: InstType | None = None
    inst_row: int | None = None
    lead_account_row: int | None = None


def current_sub_positions(
    state: State, account_row: int, query: SubPositionQuery
) -> list[SubPosition]:
    """List open sub-positions, openTime newest first; the page goes by subPosId."""
    if query.sub_pos_type is SubPosType.LEAD:
        rows, leads = _lead_rows(state, account_row), state.lead_positions
        source = _leads(state, rows[leads.closed_lots[rows] < leads.size_lots[rows]], query)
    else:
        source = _copies(state, open_copies_of(state, account_row), query)
    found = _listed(source, query.page)
    return sorted(found, key=lambda one: (one.opened_ms, one.sub_pos_id), reverse=True)


def sub_position_history(
    state: State, account_row: int, query: SubPositionQuery
) -> list[SubPosition]:
    """List closed and partly closed sub-positions, subPosId newest first."""
    if query.sub_pos_type is SubPosType.LEAD:
        rows = _lead_rows(state, account_row)
        source = _leads(state, rows[state.lead_positions.closed_lots[rows] > 0], query)
    else:
        made = made_copies_of(state, account_row)
        made = made.where(state.copies.closed_lots[made.copy_rows] > 0)
        source = _copies(state, made, query)
    return _listed(source, query.page)


def lead_sub_position(state: State, row: int) -> SubPosition:
    """Read one lead position."""
    leads = state.lead_positions
    inst_row, mgn_mode, pos_side = book_parts(int(leads.book[row]))
    return SubPosition(
        inst=state.instruments[inst_row],
        sub_pos_id=int(leads.sub_pos_id[row]),
        unique_code=unique_code(state, int(leads.account_row[row])),
        pos_side=pos_side,
        mgn_mode=mgn_mode,
        lever=int(leads.lever[row]),
        direction=int(leads.direction[row]),
        open_ord_id=int(leads.ord_id[row]),
        size_lots=int(leads.size_lots[row]),
        closed_lots=int(leads.closed_lots[row]),
        cost_e8=int(leads.cost_e8[row]),
        closed_value_e8=int(leads.closed_value_e8[row]),
        opened_ms=int(leads.opened_ns[row]) // 1_000_000,
        closed_ms=int(leads.closed_ns[row]) // 1_000_000,
        mark_ticks=int(state.markets.mark_ticks[inst_row]),
        tp_ticks=int(leads.tp_ticks[row]),
        sl_ticks=int(leads.sl_ticks[row]),
        tp_px_type=TriggerPxType(int(leads.tp_px_type[row])),
        sl_px_type=TriggerPxType(int(leads.sl_px_type[row])),
        algo_id=int(leads.algo_id[row]),
    )


def copy_sub_position(state: State, ref: CopyRef) -> SubPosition:
    """Read one copy; take-profit and stop-loss are the triggers that its settings gave it."""
    copies, leads = state.copies, state.lead_positions
    row, lead_position_row = ref
    inst_row, mgn_mode, pos_side = book_parts(int(copies.book[row]))
    direction = int(leads.direction[lead_position_row])
    tp_ticks, sl_ticks = copy_triggers(state, row, direction)
    return SubPosition(
        inst=state.instruments[inst_row],
        sub_pos_id=sub_pos_id_of(state, ref),
        unique_code=unique_code(state, int(leads.account_row[lead_position_row])),
        pos_side=pos_side,
        mgn_mode=mgn_mode,
        lever=int(copies.lever[row]),
        direction=direction,
        open_ord_id=0,
        size_lots=int(copies.size_lots[row]),
        closed_lots=int(copies.closed_lots[row]),
        cost_e8=int(copies.cost_e8[row]),
        closed_value_e8=int(copies.closed_value_e8[row]),
        opened_ms=int(leads.opened_ns[lead_position_row]) // 1_000_000,
        closed_ms=int(copies.closed_ns[row]) // 1_000_000,
        mark_ticks=int(state.markets.mark_ticks[inst_row]),
        tp_ticks=tp_ticks,
        sl_ticks=sl_ticks,
    )


def instrument_of_sub_position(
    state: State, account_row: int, sub_pos_id: int
) -> Instrument | None:
    """Find the instrument of an account's lead position or copy; None if it has no such."""
    row = state.index.lead_position_by_id.get(sub_pos_id)
    if row is None or state.lead_positions.account_row[row] != account_row:
        ref = locate_sub_position(state, account_row, sub_pos_id)
        row = None if ref is None else ref.lead_position_row
    return None if row is None else state.instruments[int(state.lead_positions.inst_row[row])]


def copy_triggers(state: State, copy_row: int, direction: int) -> tuple[int, int]:
    """Give take-profit and stop-loss ticks of a copy, 0 where none."""
    above = int(state.copies.above_ticks[copy_row])
    below = int(state.copies.below_ticks[copy_row])
    above = 0 if above == np.iinfo(np.int64).max else above
    return (above, below) if direction > 0 else (below, above)


def unique_code(state: State, account_row: int) -> str:
    """Give the uniqueCode of an account."""
    return bytes(state.accounts.unique_code[account_row]).decode()


def lead_rows_led(state: State, account_row: int) -> list[int]:
    """Lead rows (terms as a lead trader, also ended ones) of an account."""
    return np.flatnonzero(state.lead_traders.live("account_row") == account_row).tolist()


def _lead_rows(state: State, account_row: int) -> I64:
    known = state.index.blocks_by_lead
    listed = [known.get(lead_row, []) for lead_row in lead_rows_led(state, account_row)]
    return np.asarray([row for rows in listed for row in rows], dtype=np.int64)


def _leads(state: State, rows: I64, query: SubPositionQuery) -> Source:
    leads = state.lead_positions
    chosen = rows[_asked(state, leads.inst_row[rows], query)]
    return Source(
        leads.sub_pos_id[chosen],
        leads.opened_ns[chosen] // 1_000_000,
        lambda place: lead_sub_position(state, int(chosen[place])),
    )


def _copies(state: State, found: Copies, query: SubPositionQuery) -> Source:
    leads = state.lead_positions
    asked = _asked(state, leads.inst_row[found.lead_position_rows], query)
    if query.lead_account_row is not None:
        asked &= leads.account_row[found.lead_position_rows] == query.lead_account_row
    chosen = found.where(asked)
    return Source(
        open_ids(state, chosen),
        opened_ms(state, chosen),
        lambda place: copy_sub_position(state, chosen.at(place)),
    )


def _asked(
    state: State, inst_rows: npt.NDArray[np.integer], query: SubPositionQuery
) -> npt.NDArray[np.bool_]:
    """Tell which instruments were asked for, bool[N]."""
    if query.inst_row is not None:
        asked: npt.NDArray[np.bool_] = inst_rows == query.inst_row
        return asked
    if query.inst_type is None:
        return np.ones(len(inst_rows), dtype=np.bool_)
    kinds = [state.instruments[row].inst_type is query.inst_type for row in inst_rows.tolist()]
    return np.asarray(kinds, dtype=np.bool_)


def _listed(source: Source, page: Page) -> list[SubPosition]:
    rows = merged([source], page)
    return first((row for row in rows if isinstance(row, SubPosition)), page)
