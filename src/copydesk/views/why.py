"""Why copies were made or not: a line for every pair of a lead position and a relation.

What lives here: `PairView`, the list of pairs, the reasons in words, and the sizing in words.
What it may touch: `engine.state`, `model`, `views`.
Always true: every pair is listed: as a copy, as a part of one, or with its reason.
Start reading: `pairs_of`.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.copying.fan_out import Slice, guard_ticks
from copydesk.engine.state import State
from copydesk.model.amounts import format_scaled
from copydesk.model.enums import CopyMode, CopyState, NoCopyReason, RelationState, Side
from copydesk.model.instruments import Instrument
from copydesk.views.copies import CopyRef, copies_of, sub_pos_id_of
from copydesk.views.paging import Page, Source, first, merged
from copydesk.views.sub_positions import unique_code

I64 = npt.NDArray[np.int64]

REASONS: Final[dict[NoCopyReason, tuple[str, str]]] = {
    NoCopyReason.NONE: ("", ""),
    NoCopyReason.INSTRUMENT_NOT_ENABLED: (
        "Your settings do not copy this instrument.",
        "您的跟单设置未包含该产品。",
    ),
    NoCopyReason.BELOW_MIN_SIZE: (
        "The size by your settings is below the smallest order of this instrument.",
        "按您的设置计算出的数量低于该产品的最小下单数量。",
    ),
    NoCopyReason.COPY_TOTAL_AMT_REACHED: (
        "The copy would take more margin than your total amount for this lead trader allows.",
        "该笔跟单所需保证金将超出您为该带单交易员设置的跟单总金额。",
    ),
    NoCopyReason.INSUFFICIENT_MARGIN: (
        "Your account had too little free margin for the copy.",
        "您的账户可用保证金不足。",
    ),
    NoCopyReason.PRICE_GUARD: (
        "The price was more than 0.5 % worse than the lead trader's.",
        "成交价将比带单交易员的价格差 0.5% 以上。",
    ),
    NoCopyReason.OPPOSITE_POSITION: (
        "You hold a position the other way in net mode, which a copy must not reduce.",
        "您在买卖模式下持有反向仓位，跟单不会减少该仓位。",
    ),
    NoCopyReason.ABOVE_MAX_SIZE: (
        "The size by your settings is above the largest order of this instrument.",
        "按您的设置计算出的数量超过该产品的单笔最大数量。",
    ),
    NoCopyReason.BEGAN_AFTER_OPENING: (
        "The lead trader opened this position before you began to copy.",
        "带单交易员在您开始跟单之前已开仓。",
    ),
    NoCopyReason.LEAD_TRADE_NOT_LED: (
        "The lead trader's order went beyond a platform limit and was not led.",
        "带单交易员的该笔订单超出平台限制，未能带单。",
    ),
}


class PairView(msgspec.Struct, frozen=True, gc=False):
    """What one lead position became for one copy trader; `copy_sub_pos_id` 0: nothing."""

    sub_pos_id: int  # of the lead position
    unique_code: str
    inst: Instrument
    direction: int
    lead_lots: int
    lead_cost_e8: int
    reason: NoCopyReason
    asked_lots: int
    made_lots: int
    cost_e8: int
    margin_e8: int
    lever: int
    copy_sub_pos_id: int
    relation_row: int
    ts_ms: int

    @property
    def whole(self) -> bool:
        """Whether all that the settings asked for was made."""
        return self.reason is NoCopyReason.NONE and self.made_lots >= self.asked_lots > 0


class PairFilter(msgspec.Struct, frozen=True, gc=False):
    """Which pairs: of one lead trader, one instrument; `whole_too`: also copies made whole."""

    lead_account_row: int | None = None
    inst_row: int | None = None
    whole_too: bool = False


def pairs_of(state: State, account_row: int, wanted: PairFilter, page: Page) -> list[PairView]:
    """List the pairs of a copy trader by subPosId of the lead position, newest first.

    Positions that a lead trader held open when copying began are listed as well, with
    BEGAN_AFTER_OPENING, although they never were a pair: the reader asks why there is no copy.
    """
    leads, found = state.lead_positions, copies_of(state, account_row)
    known = found.lead_position_rows
    if not wanted.whole_too:
        found = found.where(~_whole(state, found.copy_rows))
    pairs = Source(
        leads.sub_pos_id[found.lead_position_rows],
        leads.opened_ns[found.lead_position_rows] // 1_000_000,
        lambda place: _pair(state, found.at(place)),
    )
    missed = list(_earlier(state, account_row, known))
    rows = np.asarray([row for row, _ in missed], dtype=np.int64)
    earlier = Source(
        leads.sub_pos_id[rows],
        leads.opened_ns[rows] // 1_000_000,
        lambda place: _missed(state, *missed[place]),
    )
    listed = merged([pairs, earlier], page)
    return first(
        (row for row in listed if isinstance(row, PairView) and _fits(state, row, wanted)), page
    )


def reason_text(pair: PairView, language: str) -> str:
    """Put the reason of a pair into words, English or Chinese ("zh")."""
    zh = language == "zh"
    if pair.reason is NoCopyReason.NONE and not pair.whole:
        return "部分成交：价格保护范围内的深度不足。" if zh else _PARTLY
    return REASONS[pair.reason][1 if zh else 0]


_PARTLY: Final = "Made in part: within the price guard the book had no more."


def sizing_text(state: State, pair: PairView) -> str:
    """Show the arithmetic of a pair: the lead's size, the settings, what was asked and made.

    The settings are those of now; where they were amended since, asked and made still are true.
    """
    inst, relations, row = pair.inst, state.relations, pair.relation_row
    lead_px = inst.average_text(pair.lead_cost_e8, pair.lead_lots)
    lead = f"lead {inst.lot.text(pair.lead_lots)} @ {lead_px}"
    if relations.copy_mode[row] == CopyMode.RATIO_COPY:
        how = f"copyRatio {format_scaled(int(relations.copy_ratio_ppm[row]), 6)} x lead size"
    else:
        amount = format_scaled(int(relations.copy_amt_e8[row]), 8)
        how = f"copyAmt {amount} x lever {pair.lever or '?'} / {_reference(state, pair)}"
    asked, made = inst.lot.text(pair.asked_lots), inst.lot.text(pair.made_lots)
    text = f"{lead}; {how} -> asked {asked}, made {made}"
    if pair.made_lots:
        px = inst.average_text(pair.cost_e8, pair.made_lots)
        text += f" @ {px}, margin {format_scaled(pair.margin_e8, 8)}"
    return text


def _reference(state: State, pair: PairView) -> str:
    """Name the price that a fixed amount is divided by: the guard for buys, else the lead's."""
    if pair.direction < 0:
        return pair.inst.average_text(pair.lead_cost_e8, pair.lead_lots)
    opened = Slice(0, pair.lead_lots, pair.lead_cost_e8)
    ticks = guard_ticks(state, pair.inst.row, Side.BUY, opened)
    return f"guard price {pair.inst.tick.text(ticks)}"


def _whole(state: State, copy_rows: I64) -> npt.NDArray[np.bool_]:
    """Tell which pairs are whole, as `PairView.whole` does: bool[N]."""
    copies = state.copies
    asked, made = copies.target_lots[copy_rows], copies.size_lots[copy_rows]
    whole: npt.NDArray[np.bool_] = copies.reason[copy_rows] == NoCopyReason.NONE
    return whole & (asked > 0) & (made >= asked)


def _pair(state: State, ref: CopyRef) -> PairView:
    copies, leads = state.copies, state.lead_positions
    row, lead_position_row = ref
    made = copies.state[row] != CopyState.NOT_MADE
    return PairView(
        sub_pos_id=int(leads.sub_pos_id[lead_position_row]),
        unique_code=unique_code(state, int(leads.account_row[lead_position_row])),
        inst=state.instruments[int(leads.inst_row[lead_position_row])],
        direction=int(leads.direction[lead_position_row]),
        lead_lots=int(leads.size_lots[lead_position_row]),
        lead_cost_e8=int(leads.cost_e8[lead_position_row]),
        reason=NoCopyReason(int(copies.reason[row])),
        asked_lots=int(copies.target_lots[row]),
        made_lots=int(copies.size_lots[row]),
        cost_e8=int(copies.cost_e8[row]),
        margin_e8=int(copies.margin_e8[row]),
        lever=int(copies.lever[row]),
        copy_sub_pos_id=sub_pos_id_of(state, ref) if made else 0,
        relation_row=int(copies.relation_row[row]),
        ts_ms=int(leads.opened_ns[lead_position_row]) // 1_000_000,
    )


def _earlier(state: State, account_row: int, known: I64) -> Iterator[tuple[int, int]]:
    """Find lead positions that were open when a running relation began: (row, relation row)."""
    relations, leads = state.relations, state.lead_positions
    for relation_row in state.index.relations_by_account.get(account_row, []):
        if relations.state[relation_row] != RelationState.ACTIVE:
            continue
        began = int(relations.began_ns[relation_row])
        lead_row = int(relations.lead_row[relation_row])
        blocks = np.asarray(state.index.blocks_by_lead.get(lead_row, []), dtype=np.int64)
        before = blocks[leads.opened_ns[blocks] < began]
        held = leads.closed_lots[before] < leads.size_lots[before]
        held |= leads.closed_ns[before] > began
        for row in before[held & ~np.isin(before, known)].tolist():
            yield row, relation_row


def _missed(state: State, lead_position_row: int, relation_row: int) -> PairView:
    leads = state.lead_positions
    return PairView(
        sub_pos_id=int(leads.sub_pos_id[lead_position_row]),
        unique_code=unique_code(state, int(leads.account_row[lead_position_row])),
        inst=state.instruments[int(leads.inst_row[lead_position_row])],
        direction=int(leads.direction[lead_position_row]),
        lead_lots=int(leads.size_lots[lead_position_row]),
        lead_cost_e8=int(leads.cost_e8[lead_position_row]),
        reason=NoCopyReason.BEGAN_AFTER_OPENING,
        asked_lots=0,
        made_lots=0,
        cost_e8=0,
        margin_e8=0,
        lever=0,
        copy_sub_pos_id=0,
        relation_row=relation_row,
        ts_ms=int(leads.opened_ns[lead_position_row]) // 1_000_000,
    )


def _fits(state: State, pair: PairView, wanted: PairFilter) -> bool:
    if pair.whole and not wanted.whole_too:
        return False
    if wanted.inst_row not in (None, pair.inst.row):
        return False
    if wanted.lead_account_row is None:
        return True
    return pair.unique_code == unique_code(state, wanted.lead_account_row)
