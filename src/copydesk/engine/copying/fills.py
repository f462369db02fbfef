"""What a fill of a single order leads to: lead positions open and close, copies follow, lots of
copy traders shrink.

What lives here: `drain`, the bridge from exchange to copy trading; the ledger of lead positions.
What it may touch: `engine.exchange`, `copying.fan_out`, `copying.closes`, `engine.state`, `model`.
Always true: one lead order = one lead position (rules 3.2); a plain close takes lead positions
first in, first
out; linked lots never exceed what the position holds.
Start reading: `drain`.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import closes, fan_out, stop
from copydesk.engine.exchange import margin, positions
from copydesk.engine.exchange.roles import leads_instrument
from copydesk.engine.state import FillEvent, State
from copydesk.model.enums import InstType, LeadInfoType, PosSide, RoleType
from copydesk.model.ids import next_id
from copydesk.model.limits import (
    LEAD_MIN_EQUITY_E8,
    LEAD_POSITION_CAP_E8,
    LEAD_POSITION_CAP_OTHER_E8,
    LEAD_POSITIONS_PER_DAY,
)
from copydesk.model.outputs import LeadPositionChanged, LeadTradeNotLed

UTC8_NS = 8 * 3600 * 10**9
DAY_NS = 24 * 3600 * 10**9


def drain(state: State, ctx: Context) -> None:
    """Take up the fills of single orders until the copies they lead to made no more of them.

    In their order, but copy traders' own closes first: a bunched order must find lots linked
    only where they are still held.
    """
    while state.fill_events:
        event = _next(state)
        if event.closed_lots:
            _after_close(state, ctx, event)
        if event.opened_lots and leads_instrument(state, event.account_row, event.inst_row):
            _after_open(state, ctx, event)


def _next(state: State) -> FillEvent:
    events, roles = state.fill_events, state.accounts.swap_role
    for at, event in enumerate(events):
        if event.closed_lots and roles[event.account_row] != RoleType.LEAD:
            del events[at]
            return event
    return events.popleft()


# Opening ------------------------------------------------------------------------------------


def _after_open(state: State, ctx: Context, event: FillEvent) -> None:
    lead = state.lead_positions
    row = state.index.lead_position_by_order.get(event.ord_id, -1)
    ended = row >= 0 and lead.size_lots[row] and lead.closed_lots[row] == lead.size_lots[row]
    if row < 0 or ended:
        row = _new_lead_position(state, ctx, event)
    if lead.info_type[row]:
        return
    fan_out.fan_out(state, ctx, fan_out.Slice(row, event.opened_lots, event.opened_value_e8))
    lead.size_lots[row] += event.opened_lots
    lead.cost_e8[row] += event.opened_value_e8
    position = positions.position_row(state, event.book, event.account_row)
    state.positions.linked_lots[position] += event.opened_lots
    open_rows = state.index.open_lead_positions.setdefault((event.account_row, event.book), [])
    if row not in open_rows:
        open_rows.append(row)
    ctx.emit(LeadPositionChanged(row, event.account_row, ctx.ts_ms))


def _new_lead_position(state: State, ctx: Context, event: FillEvent) -> int:
    lead = state.lead_positions
    lead_row = state.index.lead_by_account[event.account_row, int(InstType.SWAP)]
    row = lead.append()
    lead.lead_row[row] = lead_row
    lead.account_row[row] = event.account_row
    lead.book[row] = event.book
    lead.inst_row[row] = event.inst_row
    lead.direction[row] = int(event.side)
    lead.lever[row] = event.lever
    lead.ord_id[row] = event.ord_id
    lead.ordered_lots[row] = event.ordered_lots
    lead.opened_ns[row] = ctx.ts_ns
    lead.info_type[row] = _why_not_led(state, ctx, lead_row, event)
    fan_out.begin_block(state, row)
    lead.sub_pos_id[row] = next_id(state.scalars.last_id, ctx.ts_ns)
    state.scalars.last_id = int(lead.sub_pos_id[row]) + int(lead.block_count[row])
    state.index.lead_position_by_id[int(lead.sub_pos_id[row])] = row
    state.index.lead_position_by_order[event.ord_id] = row
    state.index.blocks_by_lead.setdefault(lead_row, []).append(row)
    if lead.info_type[row]:
        fan_out.mark_not_led(state, ctx, row)
        ctx.emit(
            LeadTradeNotLed(
                account_row=event.account_row,
                inst_row=event.inst_row,
                side=event.side,
                pos_side=PosSide(event.book % 3),
                info_type=LeadInfoType(int(lead.info_type[row])),
                ts_ms=ctx.ts_ms,
                sub_pos_id=int(lead.sub_pos_id[row]),
            )
        )
    return row


def _why_not_led(state: State, ctx: Context, lead_row: int, event: FillEvent) -> LeadInfoType:
    """Risk control of a lead trade (rules 3.11, 12.2); the lead's own order stands in any case."""
    leads, instrument = state.lead_traders, state.instruments[event.inst_row]
    ccy_row = state.index.ccy_rows[instrument.settle_ccy]
    if margin.cross_equity_e8(state, event.account_row, ccy_row) < LEAD_MIN_EQUITY_E8:
        return LeadInfoType.MIN_EQUITY
    day = (ctx.ts_ns + UTC8_NS) // DAY_NS
    if leads.day[lead_row] != day:
        leads.day[lead_row] = day
        leads.day_count[lead_row] = 0
    if leads.day_count[lead_row] >= LEAD_POSITIONS_PER_DAY:
        return LeadInfoType.DAILY_COUNT
    position = positions.position_row(state, event.book, event.account_row)
    cap = LEAD_POSITION_CAP_E8.get(instrument.base_ccy, LEAD_POSITION_CAP_OTHER_E8)
    if abs(int(state.positions.cost_e8[position])) > cap:
        return LeadInfoType.POSITION_CAP
    leads.day_count[lead_row] += 1
    return LeadInfoType.NONE


# Closing ------------------------------------------------------------------------------------


def _after_close(state: State, ctx: Context, event: FillEvent) -> None:
    position = positions.position_row(state, event.book, event.account_row)
    linked = int(state.positions.linked_lots[position])
    if not linked:
        return
    if state.index.open_lead_positions.get((event.account_row, event.book)):
        _shrink_lead(state, ctx, event, position)
        return
    held = 0 if event.opened_lots else abs(int(state.positions.qty_lots[position]))
    excess = linked - held  # the copy trader's own quantity goes first (OPEN-11)
    if excess > 0:
        _shrink_copies(state, ctx, event, position, excess)


def _shrink_lead(state: State, ctx: Context, event: FillEvent, position: int) -> None:
    """Take closed lots from lead positions, first in first out (OPEN-14), and let the copies
    follow."""
    lead = state.lead_positions
    open_rows = state.index.open_lead_positions[event.account_row, event.book]
    order = [event.reduces] if event.reduces in open_rows else list(open_rows)
    left = min(event.closed_lots, int(state.positions.linked_lots[position]))
    for row in order:
        part = min(left, int(lead.size_lots[row] - lead.closed_lots[row]))
        if not part:
            continue
        left -= part
        lead.closed_lots[row] += part
        lead.closed_value_e8[row] += event.closed_value_e8 * part // event.closed_lots
        lead.closed_ns[row] = ctx.ts_ns
        state.positions.linked_lots[position] -= part
        if lead.closed_lots[row] == lead.size_lots[row]:
            open_rows.remove(row)
            lead.tp_ticks[row] = lead.sl_ticks[row] = 0
        ctx.emit(LeadPositionChanged(row, event.account_row, ctx.ts_ms))
        closes.follow_lead(state, ctx, row)


def _shrink_copies(
    state: State, ctx: Context, event: FillEvent, position: int, excess: int
) -> None:
    """Take lots from a copy trader's copies in this position, oldest first (OPEN-11)."""
    mine = []
    for relation_row in state.index.relations_by_account.get(event.account_row, ()):
        mine.extend(stop.open_copies_of(state, relation_row))
    copies = state.copies
    for lead_position_row, offset in sorted(mine):
        if copies.book[offset] != event.book or not excess:
            continue
        part = min(excess, int(copies.size_lots[offset] - copies.closed_lots[offset]))
        excess -= part
        state.positions.linked_lots[position] -= part
        value = event.closed_value_e8 * part // event.closed_lots
        fee = event.fee_e8 * part // (event.closed_lots + event.opened_lots)
        closing = closes.Closing(_one(offset), _one(part), event.cause)
        pnl = closes.record(state, ctx, lead_position_row, closing, (_one(value), _one(fee)))
        copies.own_lots[offset] += part
        copies.own_value_e8[offset] += value
        copies.own_fee_e8[offset] += fee
        copies.own_pnl_e8[offset] += pnl[0]


def _one(value: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([value], dtype=np.int64)
