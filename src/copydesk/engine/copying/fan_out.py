"""The fan-out: one slice of a lead fill becomes copies for every relation, by the column.

What lives here: who copies, how much, one bunched order, its allocation and booking (rules 3.7 to
5).
What it may touch: `engine.exchange`, `engine.state`, `model`.
Always true: sizes are fixed before anything is sent; one price for all, parts add up to the last
unit;
each row of the block ends as a copy or with a NoCopyReason. No loop over copy traders.
Start reading: `fan_out`, then `_size`.
"""

from typing import NamedTuple

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import relations as copy_relations
from copydesk.engine.copying import triggers
from copydesk.engine.exchange import fees, margin, matching, positions
from copydesk.engine.state import State, Terms, book_id, book_parts, levers_of
from copydesk.engine.table import I8, I32, I64, Bool, Rows, span
from copydesk.model.amounts import allocate_pro_rata, ceil_div, ceil_share, checked_mul
from copydesk.model.enums import (
    CopyMgnMode,
    CopyMode,
    CopyState,
    FillCause,
    NoCopyReason,
    PosMode,
    RelationState,
    Side,
)
from copydesk.model.limits import INT64_MAX, MAX_COPY_VALUE_E8, PRICE_GUARD_PPM, RATIO_ONE
from copydesk.model.outputs import AccountsTouched, CopiesFilled, CopiesNotMade


class Slice(NamedTuple):
    """One pass of a lead order over the book: what it opened."""

    lead_position_row: int
    lots: int
    value_e8: int


class _Wanted(NamedTuple):
    """The rows that take part in one slice, parallel: offsets are rows of the copies table."""

    offsets: I64
    relation_rows: I64
    account_rows: I64
    books: I32
    levers: I64
    lots: I64
    reasons: I8
    terms: Terms


def begin_block(state: State, lead_position_row: int) -> None:
    """Lay out the copies block of a new lead position: one row per relation ACTIVE now."""
    lead_row = int(state.lead_positions.lead_row[lead_position_row])
    rows = state.index.active_relations.get(lead_row)
    count = 0 if rows is None else len(rows)
    start = state.copies.append(count)
    state.lead_positions.block_start[lead_position_row] = start
    state.lead_positions.block_count[lead_position_row] = count
    state.lead_positions.copies_above[lead_position_row] = INT64_MAX
    if rows is not None and count:
        state.copies.relation_row[start : start + count] = rows
        state.copies.account_row[start : start + count] = state.relations.account_row[rows]
        state.copies.above_ticks[start : start + count] = INT64_MAX


def make_room(state: State) -> None:
    """Touch memory for the next fan-outs, a little on each tick, so that no lead fill pays for
    it."""
    counts = state.lead_traders.live("copier_count")
    largest = int(counts.max()) if len(counts) else 0
    state.copies.touch_ahead(4 * largest)
    state.positions.touch_ahead(2 * largest)


def mark_not_led(state: State, ctx: Context, lead_position_row: int) -> None:
    """Put the reason on every row of a block whose lead trade is not led (rules 3.11)."""
    start = int(state.lead_positions.block_start[lead_position_row])
    stop = start + int(state.lead_positions.block_count[lead_position_row])
    state.copies.reason[start:stop] = NoCopyReason.LEAD_TRADE_NOT_LED
    _tell_not_made(state, ctx, lead_position_row, np.arange(start, stop, dtype=np.int64))


def guard_ticks(state: State, inst_row: int, side: Side, slice_: Slice) -> int:
    """Give the worst price at which the copies of a slice may fill: 0.5 % from the lead's average
    (OPEN-5)."""
    instrument = state.instruments[inst_row]
    px_num = slice_.value_e8 * instrument.value_den
    px_den = slice_.lots * instrument.value_num * RATIO_ONE
    if side is Side.BUY:
        return px_num * (RATIO_ONE + PRICE_GUARD_PPM) // px_den
    return ceil_div(px_num * (RATIO_ONE - PRICE_GUARD_PPM), px_den)


def _unit_e8(state: State, slice_: Slice, limit: int) -> int:
    """Value of one lot for sizing: at the guard for buys, at the lead's price for sells
    (OPEN-8)."""
    row = slice_.lead_position_row
    if state.lead_positions.direction[row] > 0:
        return limit * state.instruments[int(state.lead_positions.inst_row[row])].value_num
    return ceil_div(slice_.value_e8, slice_.lots)


def fan_out(state: State, ctx: Context, slice_: Slice) -> None:
    """Copy one slice of a lead fill into every relation of the block.

    Sizes are cumulative targets (OPEN-6); all are fixed first, then one IOC order at the guard
    goes to the book; what fills is split by largest remainder, and so is its value (OPEN-7).
    """
    lead_position_row = slice_.lead_position_row
    inst_row = int(state.lead_positions.inst_row[lead_position_row])
    side = Side(int(state.lead_positions.direction[lead_position_row]))
    wanted = _wanted(state, lead_position_row)
    if wanted is None:
        return
    limit = guard_ticks(state, inst_row, side, slice_)
    unit = _unit_e8(state, slice_, limit)
    _size(state, slice_, wanted, unit)
    _guard_money(state, wanted, inst_row, unit)
    reasons = wanted.reasons
    due = reasons != NoCopyReason.BELOW_MIN_SIZE  # what is refused otherwise is not retried (3.12)
    offered = np.where(due, np.maximum(wanted.lots, 0), 0)
    state.copies.target_lots[span(wanted.offsets, rising=True)] += offered
    asked = np.flatnonzero(reasons == NoCopyReason.NONE)
    if len(asked):
        total = int(wanted.lots[asked].sum())
        takers = wanted.account_rows[asked]
        plan = matching.plan(state, inst_row, side, total, limit, takers)
        if plan.lots:
            matching.take(state, ctx, inst_row, side, plan)
            got = allocate_pro_rata(plan.lots, wanted.lots[asked])
            value = allocate_pro_rata(plan.value_e8, got)
            if plan.lots < total:
                reasons[asked[got < wanted.lots[asked]]] = NoCopyReason.PRICE_GUARD
                made = np.flatnonzero(got)
                asked, got, value = asked[made], got[made], value[made]
            _book(state, ctx, slice_, _select(wanted, asked, got), value)
        else:
            reasons[asked] = NoCopyReason.PRICE_GUARD
    _note_reasons(state, ctx, lead_position_row, wanted)


def _select(wanted: _Wanted, chosen: I64, lots: I64) -> _Wanted:
    if len(chosen) == len(wanted.offsets):
        return wanted._replace(lots=lots)
    return _Wanted(
        offsets=wanted.offsets[chosen],
        relation_rows=wanted.relation_rows[chosen],
        account_rows=wanted.account_rows[chosen],
        books=wanted.books[chosen],
        levers=wanted.levers[chosen],
        lots=lots,
        reasons=wanted.reasons[chosen],
        terms=Terms._make(column[chosen] for column in wanted.terms),
    )


def _wanted(state: State, lead_position_row: int) -> _Wanted | None:
    """Find the rows of the block that may still take part: relation ACTIVE, copy not closed, cut
    loose or on its way out whole."""
    start = int(state.lead_positions.block_start[lead_position_row])
    count = int(state.lead_positions.block_count[lead_position_row])
    relation_rows = state.copies.relation_row[start : start + count].astype(np.int64)
    offsets = np.arange(start, start + count, dtype=np.int64)
    if not count:
        return None
    if state.lead_positions.size_lots[lead_position_row] == 0:  # the first slice: all active ones
        lead_row = int(state.lead_positions.lead_row[lead_position_row])
        terms = copy_relations.terms_of_lead(state, lead_row)
    else:
        alive = state.relations.state[relation_rows] == RelationState.ACTIVE
        alive &= state.copies.state[start : start + count] <= CopyState.OPEN
        alive &= ~_leaving(state, start, start + count)
        offsets, relation_rows = offsets[alive], relation_rows[alive]
        if not len(offsets):
            return None
        terms = copy_relations.terms_of(state, span(relation_rows))
    at = span(offsets, rising=True)
    account_rows = state.copies.account_row[at].astype(np.int64)
    books = _books(state, lead_position_row, terms, span(account_rows, rising=True))
    begun = state.copies.state[at] == CopyState.OPEN
    if begun.any():  # a copy stays where it began, whatever was amended since (rules 4.11)
        books = np.where(begun, state.copies.book[at], books)
    return _Wanted(
        offsets=offsets,
        relation_rows=relation_rows,
        account_rows=account_rows,
        books=books,
        levers=_levers(state, books, account_rows),
        lots=np.zeros(len(offsets), dtype=np.int64),
        reasons=np.zeros(len(offsets), dtype=np.int8),
        terms=terms,
    )


def _leaving(state: State, start: int, stop: int) -> Bool:
    """Which copies of a stretch owe a close of all that they hold: nothing is added to them."""
    copies = state.copies
    owed = copies.owed_lots[start:stop]
    left = copies.size_lots[start:stop] - copies.closed_lots[start:stop]
    leaving: Bool = (owed > 0) & (owed == left)
    return leaving


def _books(state: State, lead_position_row: int, terms: Terms, account_rows: Rows) -> I32:
    """Where each copy goes: the copy trader's own margin mode and position mode (rules 5.1,
    5.6)."""
    inst_row, lead_mode, _ = book_parts(int(state.lead_positions.book[lead_position_row]))
    slot = 1 if state.lead_positions.direction[lead_position_row] > 0 else 2
    modes: I32 = terms.copy_mgn_mode.astype(np.int32)
    modes[modes == CopyMgnMode.COPY] = int(lead_mode)
    modes *= 3
    hedged = state.accounts.pos_mode[account_rows] == PosMode.LONG_SHORT
    modes += np.multiply(hedged, slot, dtype=np.int32)
    modes += book_id(inst_row, 0, 0)
    return modes


def _levers(state: State, books: I32, account_rows: I64) -> I64:
    levers = np.empty(len(books), dtype=np.int64)
    for book, rows in positions.by_book(books):
        levers[rows] = levers_of(state, book, account_rows[rows])
    return levers


def _size(state: State, slice_: Slice, wanted: _Wanted, unit: int) -> None:
    """Fill in `lots`: the increment to each relation's cumulative target (rules 4.1, 4.2, OPEN-6,
    OPEN-8)."""
    row = slice_.lead_position_row
    inst_row = int(state.lead_positions.inst_row[row])
    instrument = state.instruments[inst_row]
    filled = int(state.lead_positions.size_lots[row]) + slice_.lots
    ordered = max(filled, int(state.lead_positions.ordered_lots[row]))
    long = state.lead_positions.direction[row] > 0
    terms = wanted.terms
    fixed = checked_mul(terms.copy_amt_e8, wanted.levers)
    np.floor_divide(fixed, unit, out=fixed)
    if filled < ordered:
        whole, rest = np.divmod(fixed, ordered)
        fixed = checked_mul(whole, filled) + checked_mul(rest, filled) // ordered
    ratio = checked_mul(terms.copy_ratio_ppm, filled)
    np.floor_divide(ratio, RATIO_ONE, out=ratio)
    target = np.where(terms.copy_mode == CopyMode.RATIO_COPY, ratio, fixed)
    cap = min(instrument.max_market_lots, MAX_COPY_VALUE_E8 // unit)
    reasons = wanted.reasons
    reasons[target > cap] = NoCopyReason.ABOVE_MAX_SIZE
    np.minimum(target, cap, out=target)
    target -= state.copies.target_lots[span(wanted.offsets, rising=True)]
    reasons[target < instrument.min_lots] = NoCopyReason.BELOW_MIN_SIZE
    wanted.lots[:] = target
    enabled = copy_relations.copied_by(state, inst_row, terms.inst_set)
    reasons[~enabled] = NoCopyReason.INSTRUMENT_NOT_ENABLED
    for book, rows in positions.by_book(wanted.books):
        held = positions.held_lots(state, book, wanted.account_rows[rows])
        opposite = held < 0 if long else held > 0
        if opposite.any():
            reasons[rows] = np.where(opposite, NoCopyReason.OPPOSITE_POSITION, reasons[rows])


def _guard_money(state: State, wanted: _Wanted, inst_row: int, unit: int) -> None:
    """Drop whom copyTotalAmt or the free balance stops: skipped whole, never shrunk (rules 4.7,
    OPEN-9)."""
    instrument = state.instruments[inst_row]
    value = checked_mul(np.maximum(wanted.lots, 0), unit)
    need = ceil_share(value, wanted.levers)
    relation_rows, reasons = span(wanted.relation_rows), wanted.reasons
    free = reasons == NoCopyReason.NONE
    over = state.relations.used_e8[relation_rows] + need > wanted.terms.copy_total_amt_e8
    reasons[free & over] = NoCopyReason.COPY_TOTAL_AMT_REACHED
    need += fees.taker_fees_e8(instrument, value)
    ccy_row = state.index.ccy_rows[instrument.settle_ccy]
    short = margin.available_many_e8(state, wanted.account_rows, ccy_row) < need
    reasons[free & ~over & short] = NoCopyReason.INSUFFICIENT_MARGIN


def _book(state: State, ctx: Context, slice_: Slice, made: _Wanted, value: I64) -> None:
    """Write what was allocated: copies, positions, fees, relations, triggers."""
    row = slice_.lead_position_row
    inst_row = int(state.lead_positions.inst_row[row])
    instrument = state.instruments[inst_row]
    direction = int(state.lead_positions.direction[row])
    entry_margin = ceil_share(value, made.levers)
    fee = fees.taker_fees_e8(instrument, value)
    signed = made.lots if direction > 0 else -made.lots
    for book, rows in positions.by_book(made.books):
        part = positions.ManyFills(made.account_rows[rows], signed[rows], value[rows], fee[rows])
        levers, margins = made.levers[rows], entry_margin[rows]
        positions.open_many(state, ctx, book, part, levers, margins)
    ccy_row = state.index.ccy_rows[instrument.settle_ccy]
    fees.charge_many(state, made.account_rows, ccy_row, fee)
    copies, at = state.copies, span(made.offsets, rising=True)
    fresh = copies.state[at] == CopyState.NOT_MADE
    copies.size_lots[at] += made.lots
    copies.cost_e8[at] += value
    copies.margin_e8[at] += entry_margin
    copies.used_e8[at] += entry_margin
    copies.open_fee_e8[at] += fee
    copies.lever[at] = made.levers
    copies.book[at] = made.books
    copies.state[at] = CopyState.OPEN
    relations, relation_rows = state.relations, span(made.relation_rows)
    relations.used_e8[relation_rows] += entry_margin
    relations.fees_e8[relation_rows] += fee
    relations.open_copies[relation_rows] += fresh
    opened = int(np.count_nonzero(fresh))
    if opened and state.lead_positions.open_copies[row] == 0:
        state.index.live_blocks.setdefault(inst_row, set()).add(row)
    state.lead_positions.open_copies[row] += opened
    state.scalars.sl_calm_ppm = 0
    triggers.set_levels(state, row, made.offsets, made.terms)
    ctx.emit(
        CopiesFilled(
            lead_position_row=row,
            inst_row=inst_row,
            side=Side(direction),
            cause=FillCause.COPY_OPEN,
            ts_ms=ctx.ts_ms,
            copy_rows=made.offsets,
            account_rows=made.account_rows,
            lots=made.lots,
            value_e8=value,
            fee_e8=fee,
            pnl_e8=np.zeros(len(value), dtype=np.int64),
        )
    )
    ctx.emit(AccountsTouched(made.account_rows, inst_row, ctx.ts_ms))


def _note_reasons(state: State, ctx: Context, lead_position_row: int, wanted: _Wanted) -> None:
    """Keep on each row why this slice gave it less than asked; NONE where it gave all."""
    reasons = wanted.reasons
    settled = (reasons == NoCopyReason.BELOW_MIN_SIZE) & (wanted.lots <= 0)
    if settled.any():  # at its target: nothing was refused now, what was said before stands
        copies, rows = state.copies, wanted.offsets
        settled &= (copies.size_lots[rows] > 0) | (copies.reason[rows] != NoCopyReason.NONE)
    told = np.flatnonzero(~settled)
    state.copies.reason[span(wanted.offsets[told], rising=True)] = reasons[told]
    refused = told[reasons[told] != NoCopyReason.NONE]
    if len(refused):
        _tell_not_made(state, ctx, lead_position_row, wanted.offsets[refused])


def _tell_not_made(state: State, ctx: Context, lead_position_row: int, offsets: I64) -> None:
    none = offsets[state.copies.size_lots[offsets] == 0]
    if len(none):
        ctx.emit(
            CopiesNotMade(
                lead_position_row=lead_position_row,
                ts_ms=ctx.ts_ms,
                account_rows=state.copies.account_row[none].astype(np.int64),
                reasons=state.copies.reason[none],
            )
        )
