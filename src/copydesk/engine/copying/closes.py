"""Closing copies: after the lead trader, by trigger, by stop copying; one bunched order each time.

What lives here: proportional closes, the bunched close and its booking, and closes that the book
still owes.
What it may touch: `engine.exchange`, `engine.state`, `model`.
Always true: nothing blocks a close (no guard, no cap, no price band); what the book cannot take
is owed and
retried on every tick of the instrument until flat (OPEN-16); parts add up to the last unit.
Start reading: `follow_lead`, then `close_copies`.
"""

from typing import NamedTuple

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import relations as copy_relations
from copydesk.engine.exchange import fees, funds, matching, positions, reducing
from copydesk.engine.state import State
from copydesk.engine.table import I32, I64, span
from copydesk.model.amounts import allocate_pro_rata, checked_mul, cut_share
from copydesk.model.enums import CopyState, FillCause, RelationState, Side
from copydesk.model.outputs import AccountsTouched, CopiesFilled


class Closing(NamedTuple):
    """Copies to close: rows of the copies table (ascending), how many lots of each, and why."""

    offsets: I64
    lots: I64
    cause: FillCause


def open_lots(state: State, offsets: I64) -> I64:
    """Give what is still open of copies, int64[N]."""
    rows = span(offsets, rising=True)
    left: I64 = state.copies.size_lots[rows] - state.copies.closed_lots[rows]
    return left


def whole(state: State, offsets: I64, cause: FillCause) -> Closing:
    """Close copies entirely."""
    return Closing(offsets, open_lots(state, offsets), cause)


def block_open(state: State, lead_position_row: int) -> I64:
    """Rows of OPEN copies in a block, ascending."""
    start = int(state.lead_positions.block_start[lead_position_row])
    stop = start + int(state.lead_positions.block_count[lead_position_row])
    return np.flatnonzero(state.copies.state[start:stop] == CopyState.OPEN) + start


def follow_lead(state: State, ctx: Context, lead_position_row: int) -> None:
    """Close of each linked copy the fraction that the lead trader has closed (rules 6.7, 6.8,
    OPEN-15).

    Cumulative: target = round-half-up(size x lead closed / lead size), less what is closed
    already. When the lead position is closed entirely, so is every copy.
    """
    lead = state.lead_positions
    offsets = block_open(state, lead_position_row)
    if not len(offsets):
        return
    size = int(lead.size_lots[lead_position_row])
    closed = int(lead.closed_lots[lead_position_row])
    left = open_lots(state, offsets)
    if closed >= size:
        due = left
    else:
        copied = state.copies.size_lots[span(offsets, rising=True)]
        quotient, rest = np.divmod(copied, size)
        part, remainder = np.divmod(checked_mul(rest, closed), size)
        target = checked_mul(quotient, closed) + part + (2 * remainder >= size)
        due = np.clip(target - state.copies.closed_lots[span(offsets, rising=True)], 0, left)
    due = np.maximum(due, state.copies.owed_lots[span(offsets, rising=True)])
    moving = np.flatnonzero(due)
    if len(moving):
        closing = Closing(offsets[moving], due[moving], FillCause.COPY_CLOSE)
        close_copies(state, ctx, lead_position_row, closing)


def close_lead_position(
    state: State, ctx: Context, lead_position_row: int, cause: FillCause, tag: bytes
) -> int:
    """Close exactly one lead position at market in the lead's account; gives the lots that filled.

    The fills come back through `state.fill_events` with `reduces` set, so that this position is
    the one that shrinks.
    """
    lead = state.lead_positions
    left = int(lead.size_lots[lead_position_row] - lead.closed_lots[lead_position_row])
    request = reducing.Reduction(
        account_row=int(lead.account_row[lead_position_row]),
        book=int(lead.book[lead_position_row]),
        lots=left,
        cause=cause,
        tag=tag,
        reduces=lead_position_row,
    )
    return reducing.reduce_at_market(state, ctx, request)


def close_copies(state: State, ctx: Context, lead_position_row: int, closing: Closing) -> None:
    """Send one bunched market order for the copies of one lead position and book what it fills."""
    lead = state.lead_positions
    inst_row = int(lead.inst_row[lead_position_row])
    side = Side.SELL if lead.direction[lead_position_row] > 0 else Side.BUY
    total = int(closing.lots.sum())
    takers = state.copies.account_row[span(closing.offsets, rising=True)].astype(np.int64)
    plan = matching.plan(state, inst_row, side, total, taker_row=takers)
    if plan.lots:
        matching.take(state, ctx, inst_row, side, plan)
        got = allocate_pro_rata(plan.lots, closing.lots)
        value = allocate_pro_rata(plan.value_e8, got)
        filled = np.flatnonzero(got)
        _book(
            state,
            ctx,
            lead_position_row,
            Closing(closing.offsets[filled], got[filled], closing.cause),
            value[filled],
        )
        owed = closing.lots - got
    else:
        owed = closing.lots
    _owe(state, lead_position_row, closing, owed)


def _book(state: State, ctx: Context, lead_position_row: int, closing: Closing, value: I64) -> None:
    """Book closed lots worth `value`: positions, cash, fees."""
    lead, copies = state.lead_positions, state.copies
    inst_row = int(lead.inst_row[lead_position_row])
    instrument = state.instruments[inst_row]
    direction = int(lead.direction[lead_position_row])
    account_rows = copies.account_row[span(closing.offsets, rising=True)].astype(np.int64)
    signed = -closing.lots if direction > 0 else closing.lots
    fee = fees.taker_fees_e8(instrument, value)
    for book, rows in positions.by_book(copies.book[span(closing.offsets, rising=True)]):
        part = positions.ManyFills(account_rows[rows], signed[rows], value[rows], fee[rows])
        positions.close_many(state, ctx, book, part)
    fees.charge_many(state, account_rows, state.index.ccy_rows[instrument.settle_ccy], fee)
    pnl = record(state, ctx, lead_position_row, closing, (value, fee))
    funds.reconcile_many(state, ctx, account_rows, inst_row)
    ctx.emit(
        CopiesFilled(
            lead_position_row=lead_position_row,
            inst_row=inst_row,
            side=Side(-direction),
            cause=closing.cause,
            ts_ms=ctx.ts_ms,
            copy_rows=closing.offsets,
            account_rows=account_rows,
            lots=closing.lots,
            value_e8=value,
            fee_e8=fee,
            pnl_e8=pnl,
        )
    )
    ctx.emit(AccountsTouched(account_rows, inst_row, ctx.ts_ms))


def record(
    state: State, ctx: Context, lead_position_row: int, closing: Closing, paid: tuple[I64, I64]
) -> I64:
    """Write closed lots into copies and relations; gives the gross profit of the part, int64[N].

    `paid`: value and fee. Profit, and the margin set free, are taken as differences of cumulative
    figures, so that a copy closed in parts ends with exactly what one close would have given.
    """
    copies, lead = state.copies, state.lead_positions
    at, (value, fee) = span(closing.offsets, rising=True), paid
    copies.closed_lots[at] += closing.lots
    copies.closed_value_e8[at] += value
    copies.close_fee_e8[at] += fee
    copies.owed_lots[at] = np.maximum(copies.owed_lots[at] - closing.lots, 0)
    closed, size = copies.closed_lots[at], copies.size_lots[at]
    gross = copies.closed_value_e8[at] - cut_share(copies.cost_e8[at], closed, size)
    if lead.direction[lead_position_row] < 0:
        np.negative(gross, out=gross)
    pnl = gross - copies.pnl_e8[at]
    copies.pnl_e8[at] = gross
    used = copies.margin_e8[at] - cut_share(copies.margin_e8[at], closed, size)
    freed = copies.used_e8[at] - used
    copies.used_e8[at] = used
    copies.close_cause[at] = closing.cause
    copies.closed_ns[at] = ctx.ts_ns
    done = closed == size
    copies.state[closing.offsets[done]] = CopyState.CLOSED
    owners, relations = copies.relation_row[at], state.relations
    relation_rows = span(owners)
    relations.used_e8[relation_rows] -= freed
    relations.realised_e8[relation_rows] += pnl
    relations.fees_e8[relation_rows] += fee
    state.scalars.sl_calm_ppm = 0
    retire(state, lead_position_row, owners[done])
    return pnl


def retire(state: State, lead_position_row: int, relation_rows: I32) -> None:
    """Count down open copies after some of a block went; end relations that were waiting for it."""
    lead, relations = state.lead_positions, state.relations
    if not len(relation_rows):
        return
    relations.open_copies[span(relation_rows)] -= 1
    lead.open_copies[lead_position_row] -= len(relation_rows)
    if lead.open_copies[lead_position_row] == 0:
        state.index.live_blocks[int(lead.inst_row[lead_position_row])].discard(lead_position_row)
    waiting = relations.state[span(relation_rows)] == RelationState.CLOSING
    if not waiting.any():
        return
    waiting &= relations.open_copies[relation_rows] == 0
    for row in relation_rows[waiting].tolist():
        relations.state[row] = RelationState.ENDED
        copy_relations.settle_role(state, int(relations.account_row[row]))


def _owe(state: State, lead_position_row: int, closing: Closing, owed: I64) -> None:
    """Remember what the book could not take, for the next tick."""
    state.copies.owed_lots[span(closing.offsets, rising=True)] = owed
    if not owed.any():
        return
    state.copies.close_cause[closing.offsets[owed > 0]] = closing.cause
    state.lead_positions.pending_close[lead_position_row] = True
    inst_row = int(state.lead_positions.inst_row[lead_position_row])
    state.index.owing.setdefault(inst_row, set()).add(lead_position_row)


def retry_owed(state: State, ctx: Context, inst_row: int) -> None:
    """Try again what the book owes, oldest lead position first."""
    for lead_position_row in sorted(state.index.owing.pop(inst_row, ())):
        state.lead_positions.pending_close[lead_position_row] = False
        offsets = block_open(state, lead_position_row)
        lots = state.copies.owed_lots[offsets]
        for cause in np.unique(state.copies.close_cause[offsets[lots > 0]]).tolist():
            mine = (lots > 0) & (state.copies.close_cause[offsets] == cause)
            closing = Closing(offsets[mine], lots[mine], FillCause(cause))
            close_copies(state, ctx, lead_position_row, closing)
