"""Copy trading on the wire.

What lives here: requests of /copytrading and their rows.
What it may touch: `api.request`, `views`, `model`.
Always true: numbers are text except `enabled` (lead instruments) and `result`, which are booleans.
Start reading: `StopCopyTrading`, `SetLeadInstruments` (the two seeds), then `current_row`.

Lists of instruments are names joined by commas, taken exactly: a blank beside a comma belongs to
the name (51001), an empty name is malformed (51000).
"""

from typing import Annotated, Final

from copydesk.api.request import Param, Request
from copydesk.api.wire import text
from copydesk.api.wire.rows import Row
from copydesk.api.wire.trade import DECIMAL, TAG
from copydesk.model.enums import (
    CopyInstIdType,
    CopyMgnMode,
    CopyMode,
    InstType,
    PosSide,
    RoleType,
    SubPosCloseType,
    SubPosType,
    TriggerPxType,
)
from copydesk.model.limits import MAX_INSTRUMENTS_PER_LIST, CopyRanges
from copydesk.views.accounts import ConfigView, RoleView
from copydesk.views.relations import LeadInstrument, LeadTraderView, SettingsView
from copydesk.views.sub_positions import SubPosition
from copydesk.views.why import PairView, reason_text

UNIQUE_CODE: Final = "[0-9A-Za-z]{16}|[0-9A-Za-z]{18}"
SWAP_ONLY: Final = ("SWAP",)
BOTH: Final = ("SPOT", "SWAP")
_LIST: Final = MAX_INSTRUMENTS_PER_LIST


# Requests -----------------------------------------------------------------------------------


class StopCopyTrading(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=SWAP_ONLY)] = InstType.SWAP
    unique_code: Annotated[str, Param(required=True, pattern=UNIQUE_CODE)]
    sub_pos_close_type: Annotated[
        SubPosCloseType | None, Param(about="needed if copies of this lead trader are open")
    ] = None


class SetLeadInstruments(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=BOTH)] = InstType.SWAP
    inst_id: Annotated[tuple[str, ...], Param(required=True, max_items=_LIST)]


class ApplyLeadTrading(Request, frozen=True, kw_only=True):
    """SPOT is ours: without it nobody could set spot instruments (seed 004)."""

    inst_type: Annotated[InstType, Param(values=BOTH)] = InstType.SWAP
    inst_id: Annotated[tuple[str, ...], Param(required=True, max_items=_LIST)]


class StopLeadTrading(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=BOTH)] = InstType.SWAP


class GetLeadInstruments(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=BOTH)] = InstType.SWAP


class CopySettings(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=SWAP_ONLY)] = InstType.SWAP
    unique_code: Annotated[str, Param(required=True, pattern=UNIQUE_CODE)]
    copy_mgn_mode: Annotated[CopyMgnMode, Param(required=True)]
    copy_inst_id_type: Annotated[CopyInstIdType, Param(required=True)]
    inst_id: Annotated[
        tuple[str, ...] | None, Param(max_items=_LIST, about="needed with custom")
    ] = None
    copy_mode: CopyMode = CopyMode.FIXED_AMOUNT
    copy_total_amt: Annotated[str, Param(required=True, pattern=DECIMAL)]
    copy_amt: Annotated[str | None, Param(pattern=DECIMAL, about="needed with fixed_amount")] = None
    copy_ratio: Annotated[str | None, Param(pattern=DECIMAL, about="needed with ratio_copy")] = None
    tp_ratio: Annotated[str, Param(pattern=DECIMAL)] = "0"
    sl_ratio: Annotated[str, Param(pattern=DECIMAL)] = "0"
    sl_total_amt: Annotated[str, Param(pattern=DECIMAL)] = "0"
    sub_pos_close_type: SubPosCloseType = SubPosCloseType.COPY_CLOSE
    tag: Annotated[str, Param(pattern=TAG)] = ""


class GetCopySettings(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=SWAP_ONLY)] = InstType.SWAP
    unique_code: Annotated[str, Param(required=True, pattern=UNIQUE_CODE)]


class GetCurrentLeadTraders(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=SWAP_ONLY)] = InstType.SWAP


class GetConfig(Request, frozen=True, kw_only=True):
    pass


class GetPublicConfig(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=SWAP_ONLY)] = InstType.SWAP


class GetSubPositions(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType | None, Param(values=BOTH)] = None
    inst_id: str | None = None
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=500)] = 500
    sub_pos_type: SubPosType = SubPosType.LEAD
    unique_code: Annotated[str | None, Param(pattern=UNIQUE_CODE)] = None


class GetSubPositionsHistory(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType | None, Param(values=BOTH)] = None
    inst_id: str | None = None
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=100)] = 100
    sub_pos_type: SubPosType = SubPosType.LEAD
    unique_code: Annotated[str | None, Param(pattern=UNIQUE_CODE)] = None


class CloseSubPosition(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=BOTH)] = InstType.SWAP
    sub_pos_id: Annotated[int, Param(required=True, minimum=1)]
    ord_type: Annotated[str, Param(values=("market", "limit"))] = "market"
    px: Annotated[str | None, Param(pattern=DECIMAL)] = None
    tag: Annotated[str, Param(pattern=TAG)] = ""
    sub_pos_type: SubPosType = SubPosType.LEAD


class SetSubPositionStops(Request, frozen=True, kw_only=True):
    inst_type: Annotated[InstType, Param(values=BOTH)] = InstType.SWAP
    sub_pos_id: Annotated[int, Param(required=True, minimum=1)]
    tp_trigger_px: Annotated[str | None, Param(pattern=DECIMAL)] = None
    sl_trigger_px: Annotated[str | None, Param(pattern=DECIMAL)] = None
    tp_ord_px: Annotated[str, Param(values=("-1",))] = "-1"
    sl_ord_px: Annotated[str, Param(values=("-1",))] = "-1"
    tp_trigger_px_type: TriggerPxType = TriggerPxType.LAST
    sl_trigger_px_type: TriggerPxType = TriggerPxType.LAST
    tag: Annotated[str, Param(pattern=TAG)] = ""
    sub_pos_type: SubPosType = SubPosType.LEAD


class GetCopyReasons(Request, frozen=True, kw_only=True):
    unique_code: Annotated[str | None, Param(pattern=UNIQUE_CODE)] = None
    inst_id: str | None = None
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=100)] = 100


# Rows ---------------------------------------------------------------------------------------


class InstrumentSwitch(Row, frozen=True, kw_only=True):
    """An instrument and whether it is led."""

    inst_id: str
    enabled: bool


class CopiedInstrument(Row, frozen=True, kw_only=True):
    """An instrument of a lead trader and whether it is copied: "1" or "0"."""

    inst_id: str
    enabled: str


class SubPositionActed(Row, frozen=True, kw_only=True):
    """Answer of acting on a sub-position."""

    sub_pos_id: str
    tag: str


class CurrentSubPosition(Row, frozen=True, kw_only=True):
    """An open lead position or copy."""

    inst_id: str
    sub_pos_id: str
    pos_side: str
    mgn_mode: str
    lever: str
    open_ord_id: str
    open_avg_px: str
    open_time: str
    sub_pos: str
    tp_trigger_px: str
    sl_trigger_px: str
    algo_id: str
    inst_type: str
    tp_ord_px: str
    sl_ord_px: str
    margin: str
    upl: str
    upl_ratio: str
    mark_px: str
    unique_code: str
    ccy: str
    avail_sub_pos: str


class PastSubPosition(Row, frozen=True, kw_only=True):
    """A closed or partly closed lead position or copy."""

    inst_id: str
    sub_pos_id: str
    pos_side: str
    mgn_mode: str
    lever: str
    open_ord_id: str
    open_avg_px: str
    open_time: str
    sub_pos: str
    close_time: str
    close_avg_px: str
    pnl: str
    pnl_ratio: str
    inst_type: str
    margin: str
    mark_px: str
    unique_code: str
    ccy: str
    profit_sharing_amt: str
    close_sub_pos: str
    type: str


class Role(Row, frozen=True, kw_only=True):
    """A role in one product line."""

    inst_type: str
    role_type: str
    profit_sharing_ratio: str
    max_copy_trader_num: str
    copy_trader_num: str


class Config(Row, frozen=True, kw_only=True):
    """The caller's roles."""

    unique_code: str
    nick_name: str
    port_link: str = ""
    details: tuple[Role, ...]


class Settings(Row, frozen=True, kw_only=True):
    """The caller's settings for one lead trader."""

    copy_mode: str = ""
    copy_amt: str = ""
    copy_ratio: str = ""
    copy_total_amt: str = ""
    tp_ratio: str = ""
    sl_ratio: str = ""
    copy_inst_id_type: str = ""
    inst_ids: tuple[CopiedInstrument, ...]
    sl_total_amt: str = ""
    sub_pos_close_type: str = ""
    copy_mgn_mode: str = ""
    ccy: str = "USDT"
    copy_state: str = "0"
    tag: str = ""


class LeadTrader(Row, frozen=True, kw_only=True):
    """A lead trader that the caller copies."""

    port_link: str = ""
    nick_name: str
    margin: str
    copy_total_amt: str
    copy_total_pnl: str
    unique_code: str
    ccy: str = "USDT"
    profit_sharing_ratio: str
    begin_copy_time: str
    upl: str
    today_pnl: str
    lead_mode: str


class PublicConfig(Row, frozen=True, kw_only=True):
    """Ranges of copy settings."""

    max_copy_amt: str
    min_copy_amt: str
    max_copy_total_amt: str
    min_copy_ratio: str
    max_copy_ratio: str
    max_tp_ratio: str
    max_sl_ratio: str


class CopyReason(Row, frozen=True, kw_only=True):
    """Why a lead position has no copy, or only a part of one. Our own, not on OKX."""

    sub_pos_id: str
    unique_code: str
    inst_id: str
    side: str
    reason: str
    text: str
    asked_sz: str
    made_sz: str
    copy_sub_pos_id: str
    ts: str


# Printing -----------------------------------------------------------------------------------


def switch_row(one: LeadInstrument) -> InstrumentSwitch:
    """Print an instrument with its switch."""
    return InstrumentSwitch(inst_id=one.inst_id, enabled=one.enabled)


def current_row(view: SubPosition) -> CurrentSubPosition:
    """Print an open sub-position: size, margin and profit of the remainder (OPEN-32, EX-1)."""
    inst, size, left = view.inst, view.size_lots, view.open_lots
    value = inst.value_e8(view.mark_ticks, size)
    gain = view.direction * (value - view.cost_e8)
    return CurrentSubPosition(
        inst_id=inst.inst_id,
        sub_pos_id=str(view.sub_pos_id),
        pos_side=view.pos_side.wire,
        mgn_mode=view.mgn_mode.wire,
        lever=str(view.lever),
        open_ord_id=text.number(view.open_ord_id),
        open_avg_px=inst.average_text(view.cost_e8, size),
        open_time=text.ms(view.opened_ms),
        sub_pos=_signed(view, left),
        tp_trigger_px=text.px(inst, view.tp_ticks),
        sl_trigger_px=text.px(inst, view.sl_ticks),
        algo_id=text.number(view.algo_id),
        inst_type=inst.inst_type.wire,
        tp_ord_px="-1" if view.tp_ticks else "",
        sl_ord_px="-1" if view.sl_ticks else "",
        margin=text.per(view.cost_e8, left, size * view.lever),
        upl=text.per(gain, left, size),
        upl_ratio=text.return_on_margin(gain, view.cost_e8, view.lever),
        mark_px=text.px(inst, view.mark_ticks),
        unique_code=view.unique_code,
        ccy=inst.settle_ccy,
        avail_sub_pos=text.sz(inst, left),
    )


def past_row(view: SubPosition) -> PastSubPosition:
    """Print a closed sub-position: original size, profit of what closed (rules 6.13, 6.14)."""
    inst, size, closed = view.inst, view.size_lots, view.closed_lots
    gain = view.direction * (view.closed_value_e8 * size - view.cost_e8 * closed)
    return PastSubPosition(
        inst_id=inst.inst_id,
        sub_pos_id=str(view.sub_pos_id),
        pos_side=view.pos_side.wire,
        mgn_mode=view.mgn_mode.wire,
        lever=str(view.lever),
        open_ord_id=text.number(view.open_ord_id),
        open_avg_px=inst.average_text(view.cost_e8, size),
        open_time=text.ms(view.opened_ms),
        sub_pos=_signed(view, size),
        close_time=text.ms(view.closed_ms),
        close_avg_px=inst.average_text(view.closed_value_e8, closed),
        pnl=text.per(gain, 1, size),
        pnl_ratio=text.return_on_margin(gain, view.cost_e8 * size, view.lever),
        inst_type=inst.inst_type.wire,
        margin=text.per(view.cost_e8, 1, view.lever),
        mark_px=text.px(inst, view.mark_ticks),
        unique_code=view.unique_code,
        ccy=inst.settle_ccy,
        profit_sharing_amt="",
        close_sub_pos=text.sz(inst, closed),
        type="2" if closed >= size else "1",
    )


def _signed(view: SubPosition, lots: int) -> str:
    """Print a size: signed in net mode, always positive in long/short mode (rules 3.3)."""
    signed = lots * view.direction if view.pos_side is PosSide.NET else lots
    return text.sz(view.inst, signed)


def config_row(view: ConfigView) -> Config:
    """Print the caller's roles, SWAP first."""
    return Config(
        unique_code=view.unique_code,
        nick_name=view.name,
        details=(_role(view.swap), _role(view.spot)),
    )


def _role(view: RoleView) -> Role:
    leads = view.role is RoleType.LEAD
    ratio = view.profit_sharing_ppm
    return Role(
        inst_type=view.inst_type.wire,
        role_type=view.role.wire,
        profit_sharing_ratio=text.ppm(ratio) if leads and ratio is not None else "",
        max_copy_trader_num=str(view.max_copiers) if leads else "",
        copy_trader_num=str(view.copier_count) if leads else "",
    )


def settings_row(view: SettingsView) -> Settings:
    """Print settings; of somebody who never copied this lead trader only the instruments."""
    instruments = tuple(
        CopiedInstrument(inst_id=one.inst_id, enabled=text.one_zero(one.enabled))
        for one in view.instruments
    )
    if not view.known:
        return Settings(inst_ids=instruments)
    fixed = view.copy_mode is CopyMode.FIXED_AMOUNT
    return Settings(
        copy_mode=view.copy_mode.wire,
        copy_amt=text.amount(view.copy_amt_e8) if fixed else "",
        copy_ratio="" if fixed else text.ppm(view.copy_ratio_ppm),
        copy_total_amt=text.amount(view.copy_total_amt_e8),
        tp_ratio=text.ppm_or_blank(view.tp_ratio_ppm),
        sl_ratio=text.ppm_or_blank(view.sl_ratio_ppm),
        copy_inst_id_type=view.copy_inst_id_type.wire,
        inst_ids=instruments,
        sl_total_amt=text.amount(view.sl_total_amt_e8) if view.sl_total_amt_e8 else "",
        sub_pos_close_type=view.close_type.wire,
        copy_mgn_mode=view.copy_mgn_mode.wire,
        copy_state=text.one_zero(view.copying),
        tag=view.tag,
    )


def lead_trader_row(view: LeadTraderView) -> LeadTrader:
    """Print a lead trader that the caller copies."""
    return LeadTrader(
        nick_name=view.name,
        margin=text.amount(view.margin_e8),
        copy_total_amt=text.amount(view.copy_total_amt_e8),
        copy_total_pnl=text.amount(view.total_pnl_e8),
        unique_code=view.unique_code,
        profit_sharing_ratio=text.ppm(view.profit_sharing_ppm),
        begin_copy_time=text.ms(view.began_ms),
        upl=text.amount(view.upl_e8),
        today_pnl=text.amount(view.today_pnl_e8),
        lead_mode=view.lead_mode.wire,
    )


def public_config_row(ranges: CopyRanges) -> PublicConfig:
    """Print the ranges of copy settings."""
    return PublicConfig(
        max_copy_amt=text.amount(ranges.max_copy_amt_e8),
        min_copy_amt=text.amount(ranges.min_copy_amt_e8),
        max_copy_total_amt=text.amount(ranges.max_copy_total_amt_e8),
        min_copy_ratio=text.ppm(ranges.min_copy_ratio_ppm),
        max_copy_ratio=text.ppm(ranges.max_copy_ratio_ppm),
        max_tp_ratio=text.ppm(ranges.max_tp_ratio_ppm),
        max_sl_ratio=text.ppm(ranges.max_sl_ratio_ppm),
    )


def reason_row(view: PairView, language: str) -> CopyReason:
    """Print why a pair has no whole copy."""
    return CopyReason(
        sub_pos_id=str(view.sub_pos_id),
        unique_code=view.unique_code,
        inst_id=view.inst.inst_id,
        side="buy" if view.direction > 0 else "sell",
        reason=view.reason.wire,
        text=reason_text(view, language),
        asked_sz=text.sz(view.inst, view.asked_lots),
        made_sz=text.sz(view.inst, view.made_lots),
        copy_sub_pos_id=text.number(view.copy_sub_pos_id),
        ts=text.ms(view.ts_ms),
    )
