"""Trigger levels: take-profit and stop-loss of copies, and the lead trader's own, watched on ticks.

What lives here: levels at opening, the quiet-tick test, and what happens when one is reached
(rules 7).
What it may touch: `engine.exchange`, `engine.state`, `copying.closes`, `model`.
Always true: a tick that reaches nothing costs two comparisons per instrument; each trigger fires
at most once.
Start reading: `on_tick`, then `set_levels`.

A level "above" fires when the last price is at or over it, one "below" when at or under it. Per
instrument `index.trigger_bands` holds a band that is never wider than the levels of its blocks
allow.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import closes
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, State, Terms
from copydesk.engine.table import I64, Bool
from copydesk.model.amounts import ceil_share
from copydesk.model.enums import CopyState, FillCause, TriggerPxType
from copydesk.model.limits import INT64_MAX, RATIO_ONE

QUIET = (INT64_MAX, 0)


def set_levels(state: State, lead_position_row: int, offsets: I64, terms: Terms) -> None:
    """Set the levels of freshly filled copies from tpRatio and slRatio, returns on margin (rules
    7.6).

    Entry is the copy's average price rounded half up to a tick; distances are rounded up, away
    from entry. A side without a ratio keeps the level that the copy trader may have given it.
    """
    copies, tp, sl = state.copies, terms.tp_ratio_ppm, terms.sl_ratio_ppm
    guarded = np.flatnonzero(tp | sl)
    if not len(guarded):
        return
    tp, sl, offsets = tp[guarded], sl[guarded], offsets[guarded]
    inst_row = int(state.lead_positions.inst_row[lead_position_row])
    unit = copies.size_lots[offsets] * state.instruments[inst_row].value_num
    entry = _entry_ticks(copies.cost_e8[offsets], unit)
    scale = copies.lever[offsets].astype(np.int64) * RATIO_ONE
    tp_away = ceil_share(entry * tp, scale)
    sl_away = ceil_share(entry * sl, scale)
    long = state.lead_positions.direction[lead_position_row] > 0
    up, down = (tp_away, sl_away) if long else (sl_away, tp_away)
    above = np.where((tp if long else sl) > 0, entry + up, copies.above_ticks[offsets])
    below = np.where(
        (sl if long else tp) > 0, np.maximum(entry - down, 0), copies.below_ticks[offsets]
    )
    copies.above_ticks[offsets] = above
    copies.below_ticks[offsets] = below
    positions = state.lead_positions
    lowest = min(int(positions.copies_above[lead_position_row]), int(above.min()))
    highest = max(int(positions.copies_below[lead_position_row]), int(below.max()))
    positions.copies_above[lead_position_row] = lowest
    positions.copies_below[lead_position_row] = highest
    narrow_band(state, inst_row, lowest, highest)


def _entry_ticks(cost: I64, unit: I64) -> I64:
    """Divide cost by value per tick, half up; one price for all is the usual case and needs no
    division."""
    one_px = int(cost[0]) // int(unit[0])
    if (unit * one_px == cost).all():
        return np.full(len(cost), one_px, dtype=np.int64)
    return (2 * cost + unit) // (2 * unit)


def narrow_band(state: State, inst_row: int, above: int, below: int) -> None:
    """Take new levels into an instrument's band."""
    old_above, old_below = state.index.trigger_bands.get(inst_row, QUIET)
    state.index.trigger_bands[inst_row] = (min(old_above, above), max(old_below, below))


def rebuild_band(state: State, inst_row: int) -> None:
    """Compute an instrument's band from its blocks and the lead traders' own stops."""
    positions = state.lead_positions
    above, below = QUIET
    blocks = state.index.live_blocks.get(inst_row)
    if blocks:
        rows = np.array(sorted(blocks), dtype=np.int64)
        above = int(positions.copies_above[rows].min())
        below = int(positions.copies_below[rows].max())
    for row in _stopped_leads(state, inst_row):
        up, down = _lead_levels(state, row)
        above, below = min(above, up), max(below, down)
    state.index.trigger_bands[inst_row] = (above, below)


def _stopped_leads(state: State, inst_row: int) -> list[int]:
    """Open lead positions of an instrument that carry the lead trader's own stops, oldest first."""
    positions = state.lead_positions
    return sorted(
        row
        for (_, book), rows in state.index.open_lead_positions.items()
        if book // BOOKS_PER_INSTRUMENT == inst_row
        for row in rows
        if positions.tp_ticks[row] or positions.sl_ticks[row]
    )


def _lead_levels(state: State, row: int) -> tuple[int, int]:
    positions = state.lead_positions
    tp, sl = int(positions.tp_ticks[row]), int(positions.sl_ticks[row])
    up, down = (tp, sl) if positions.direction[row] > 0 else (sl, tp)
    return up or INT64_MAX, down


def watched_px(state: State, inst_row: int, px_type: int) -> int:
    """Give the price a trigger type watches; the index is taken to be the mark."""
    markets = state.markets
    column = markets.last_ticks if px_type == TriggerPxType.LAST else markets.mark_ticks
    return int(column[inst_row])


def on_tick(state: State, ctx: Context, inst_rows: I64) -> None:
    """Fire what the new prices reach, oldest block first, take-profits and stop-losses alike."""
    for inst_row in inst_rows.tolist():
        if state.index.owing.get(inst_row):
            closes.retry_owed(state, ctx, inst_row)
        above, below = state.index.trigger_bands.get(inst_row, QUIET)
        last = int(state.markets.last_ticks[inst_row])
        mark = int(state.markets.mark_ticks[inst_row])
        if max(last, mark) < above and min(last, mark) > below:
            continue
        _fire_leads(state, ctx, inst_row)
        _fire_copies(state, ctx, inst_row, last)
        rebuild_band(state, inst_row)


def _fire_leads(state: State, ctx: Context, inst_row: int) -> None:
    positions = state.lead_positions
    for row in _stopped_leads(state, inst_row):
        long = positions.direction[row] > 0
        tp, sl = int(positions.tp_ticks[row]), int(positions.sl_ticks[row])
        tp_px = watched_px(state, inst_row, int(positions.tp_px_type[row]))
        sl_px = watched_px(state, inst_row, int(positions.sl_px_type[row]))
        took = tp != 0 and (tp_px >= tp if long else tp_px <= tp)
        stopped = sl != 0 and (sl_px <= sl if long else sl_px >= sl)
        if took or stopped:
            positions.tp_ticks[row] = positions.sl_ticks[row] = 0
            cause = FillCause.TAKE_PROFIT if took else FillCause.STOP_LOSS
            closes.close_lead_position(state, ctx, row, cause, b"")


def _fire_copies(state: State, ctx: Context, inst_row: int, last: int) -> None:
    positions, copies = state.lead_positions, state.copies
    for row in sorted(state.index.live_blocks.get(inst_row, ())):
        reached = positions.copies_above[row] <= last or positions.copies_below[row] >= last
        if not reached:
            continue
        start = int(positions.block_start[row])
        stop = start + int(positions.block_count[row])
        alive = _watched(state, start, stop)
        up = np.flatnonzero(alive & (copies.above_ticks[start:stop] <= last)) + start
        down = np.flatnonzero(alive & (copies.below_ticks[start:stop] >= last)) + start
        long = positions.direction[row] > 0
        for offsets, cause in (
            (up, FillCause.TAKE_PROFIT if long else FillCause.STOP_LOSS),
            (down, FillCause.STOP_LOSS if long else FillCause.TAKE_PROFIT),
        ):
            if len(offsets):
                closes.close_copies(state, ctx, row, closes.whole(state, offsets, cause))
        rebuild_block(state, row)


def _watched(state: State, start: int, stop: int) -> Bool:
    """Which copies of a stretch still have a level to watch: open, and not on their way out whole.

    A copy that owes only a part of a close is watched on: when its level is reached it goes whole.
    """
    copies = state.copies
    left = copies.size_lots[start:stop] - copies.closed_lots[start:stop]
    watched: Bool = copies.state[start:stop] == CopyState.OPEN
    return watched & (copies.owed_lots[start:stop] < left)


def rebuild_block(state: State, row: int) -> None:
    """Compute the levels of a block from its open copies."""
    positions, copies = state.lead_positions, state.copies
    start = int(positions.block_start[row])
    stop = start + int(positions.block_count[row])
    alive = _watched(state, start, stop)
    above, below = copies.above_ticks[start:stop][alive], copies.below_ticks[start:stop][alive]
    positions.copies_above[row] = int(above.min()) if len(above) else INT64_MAX
    positions.copies_below[row] = int(below.max()) if len(below) else 0
