"""Account, positions, bills on the wire.

What lives here: requests of /account and /asset and their rows.
What it may touch: `api.request`, `views`, `model`.
Always true: amounts that futures mode does not have are "".
Start reading: `balance_row`, `position_row`.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from copydesk.api.request import Param, Request
from copydesk.api.wire import text
from copydesk.api.wire.rows import Row
from copydesk.api.wire.trade import INST_TYPES, exec_type, fill_px
from copydesk.engine.exchange.history import TRANSFER
from copydesk.model.enums import InstType, MgnMode, PosMode, PosSide
from copydesk.model.ids import position_id_of
from copydesk.views.accounts import BalanceView, ConfigView, LeverView
from copydesk.views.fills import BillView
from copydesk.views.positions import PositionView

_FUNDING: Final = "6"  # account types of transfers
_TRADING: Final = "18"


class GetBalance(Request, frozen=True, kw_only=True):
    ccy: Annotated[tuple[str, ...] | None, Param(max_items=20)] = None


class GetPositions(Request, frozen=True, kw_only=True):
    inst_type: Annotated[str | None, Param(values=INST_TYPES)] = None
    inst_id: Annotated[tuple[str, ...] | None, Param(max_items=10)] = None
    pos_id: Annotated[tuple[str, ...] | None, Param(max_items=20)] = None


class GetConfig(Request, frozen=True, kw_only=True):
    pass


class GetBills(Request, frozen=True, kw_only=True):
    inst_type: Annotated[str | None, Param(values=INST_TYPES)] = None
    inst_id: str | None = None
    ccy: str | None = None
    mgn_mode: MgnMode | None = None
    ct_type: Annotated[str | None, Param(values=("linear", "inverse"))] = None
    type: Annotated[int | None, Param(minimum=1)] = None
    sub_type: Annotated[int | None, Param(minimum=1)] = None
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    begin: Annotated[int | None, Param(minimum=0)] = None
    end: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=100)] = 100


class GetLeverage(Request, frozen=True, kw_only=True):
    inst_id: Annotated[tuple[str, ...], Param(required=True, max_items=20)]
    mgn_mode: Annotated[MgnMode, Param(required=True)]


class SetLeverage(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    lever: Annotated[int, Param(required=True, minimum=1, maximum=10_000)]
    mgn_mode: Annotated[MgnMode, Param(required=True)]
    pos_side: PosSide | None = None


class SetPositionMode(Request, frozen=True, kw_only=True):
    pos_mode: Annotated[PosMode, Param(required=True)]


class GetCurrencies(Request, frozen=True, kw_only=True):
    ccy: Annotated[tuple[str, ...] | None, Param(max_items=20)] = None


class Currency(Row, frozen=True, kw_only=True):
    """Money in one currency."""

    ccy: str = ""
    eq: str = ""
    cash_bal: str = ""
    u_time: str = ""
    iso_eq: str = ""
    avail_eq: str = ""
    dis_eq: str = ""
    fixed_bal: str = ""
    avail_bal: str = ""
    frozen_bal: str = ""
    ord_frozen: str = ""
    liab: str = ""
    upl: str = ""
    upl_liab: str = ""
    cross_liab: str = ""
    reward_bal: str = ""
    iso_liab: str = ""
    mgn_ratio: str = ""
    imr: str = ""
    mmr: str = ""
    interest: str = ""
    twap: str = ""
    frp_type: str = ""
    max_loan: str = ""
    eq_usd: str = ""
    borrow_froz: str = ""
    notional_lever: str = ""
    stgy_eq: str = ""
    iso_upl: str = ""
    spot_in_use_amt: str = ""
    cl_spot_in_use_amt: str = ""
    max_spot_in_use: str = ""
    spot_iso_bal: str = ""
    smt_sync_eq: str = ""
    spot_copy_trading_eq: str = ""
    spot_bal: str = ""
    open_avg_px: str = ""
    acc_avg_px: str = ""
    spot_upl: str = ""
    spot_upl_ratio: str = ""
    total_pnl: str = ""
    total_pnl_ratio: str = ""
    col_res: str = ""
    col_borr_auto_conversion: str = ""
    collateral_restrict: bool = False
    collateral_enabled: bool = False
    auto_lend_status: str = ""
    auto_lend_mt_amt: str = ""


class Balance(Row, frozen=True, kw_only=True):
    """An account's money."""

    u_time: str = ""
    total_eq: str = ""
    iso_eq: str = ""
    adj_eq: str = ""
    avail_eq: str = ""
    ord_froz: str = ""
    imr: str = ""
    mmr: str = ""
    borrow_froz: str = ""
    mgn_ratio: str = ""
    notional_usd: str = ""
    notional_usd_for_borrow: str = ""
    notional_usd_for_swap: str = ""
    notional_usd_for_futures: str = ""
    notional_usd_for_option: str = ""
    upl: str = ""
    delta: str = ""
    delta_lever: str = ""
    delta_neutral_status: str = ""
    details: tuple[Currency, ...] = ()


class Position(Row, frozen=True, kw_only=True):
    """One position."""

    inst_type: str = ""
    mgn_mode: str = ""
    pos_id: str = ""
    pos_side: str = ""
    pos: str = ""
    hedged_pos: str = ""
    base_bal: str = ""
    quote_bal: str = ""
    base_borrowed: str = ""
    base_interest: str = ""
    quote_borrowed: str = ""
    quote_interest: str = ""
    pos_ccy: str = ""
    avail_pos: str = ""
    avg_px: str = ""
    non_settle_avg_px: str = ""
    mark_px: str = ""
    upl: str = ""
    upl_ratio: str = ""
    upl_last_px: str = ""
    upl_ratio_last_px: str = ""
    inst_id: str = ""
    lever: str = ""
    liq_px: str = ""
    imr: str = ""
    margin: str = ""
    mgn_ratio: str = ""
    mmr: str = ""
    liab: str = ""
    liab_ccy: str = ""
    interest: str = ""
    trade_id: str = ""
    opt_val: str = ""
    pending_close_ord_liab_val: str = ""
    notional_usd: str = ""
    adl: str = ""
    ccy: str = ""
    last: str = ""
    idx_px: str = ""
    usd_px: str = ""
    be_px: str = ""
    delta_bs: str = msgspec.field(default="", name="deltaBS")
    delta_pa: str = msgspec.field(default="", name="deltaPA")
    gamma_bs: str = msgspec.field(default="", name="gammaBS")
    gamma_pa: str = msgspec.field(default="", name="gammaPA")
    theta_bs: str = msgspec.field(default="", name="thetaBS")
    theta_pa: str = msgspec.field(default="", name="thetaPA")
    vega_bs: str = msgspec.field(default="", name="vegaBS")
    vega_pa: str = msgspec.field(default="", name="vegaPA")
    spot_in_use_amt: str = ""
    spot_in_use_ccy: str = ""
    cl_spot_in_use_amt: str = ""
    max_spot_in_use_amt: str = ""
    biz_ref_id: str = ""
    biz_ref_type: str = ""
    realized_pnl: str = ""
    settled_pnl: str = ""
    pnl: str = ""
    fee: str = ""
    funding_fee: str = ""
    liq_penalty: str = ""
    close_order_algo: tuple[object, ...] = ()  # list<object>
    c_time: str = ""
    u_time: str = ""


class Config(Row, frozen=True, kw_only=True):
    """Settings of an account."""

    uid: str = ""
    main_uid: str = ""
    acct_lv: str = ""
    acct_stp_mode: str = ""
    pos_mode: str = ""
    auto_loan: bool = False
    greeks_type: str = ""
    fee_type: str = ""
    level: str = ""
    level_tmp: str = ""
    ct_iso_mode: str = ""
    mgn_iso_mode: str = ""
    spot_offset_type: str = ""
    stgy_type: str = ""
    role_type: str = ""
    trader_insts: tuple[str, ...] = ()
    spot_role_type: str = ""
    spot_trader_insts: tuple[str, ...] = ()
    op_auth: str = ""
    kyc_lv: str = ""
    label: str = ""
    ip: str = ""
    perm: str = ""
    liquidation_gear: str = ""
    enable_spot_borrow: bool = False
    spot_borrow_auto_repay: bool = False
    type: str = ""
    settle_ccy: str = ""
    settle_ccy_list: tuple[str, ...] = ()


class LeverageInfo(Row, frozen=True, kw_only=True):
    """Leverage of one place."""

    inst_id: str = ""
    ccy: str = ""
    mgn_mode: str = ""
    pos_side: str = ""
    lever: str = ""


class LeverageSet(Row, frozen=True, kw_only=True):
    """Answer of setting a leverage."""

    lever: str = ""
    mgn_mode: str = ""
    inst_id: str = ""
    pos_side: str = ""


class PositionMode(Row, frozen=True, kw_only=True):
    """Answer of setting the position mode."""

    pos_mode: str


class Bill(Row, frozen=True, kw_only=True):
    """One movement of money."""

    inst_type: str = ""
    bill_id: str = ""
    type: str = ""
    sub_type: str = ""
    ts: str = ""
    bal_chg: str = ""
    pos_bal_chg: str = ""
    bal: str = ""
    pos_bal: str = ""
    sz: str = ""
    px: str = ""
    ccy: str = ""
    pnl: str = ""
    fee: str = ""
    earn_amt: str = ""
    earn_apr: str = ""
    mgn_mode: str = ""
    inst_id: str = ""
    ord_id: str = ""
    exec_type: str = ""
    from_: str = ""
    to: str = ""
    notes: str = ""
    interest: str = ""
    tag: str = ""
    fill_time: str = ""
    trade_id: str = ""
    cl_ord_id: str = ""
    fill_idx_px: str = ""
    fill_mark_px: str = ""
    fill_px_vol: str = ""
    fill_px_usd: str = ""
    fill_mark_vol: str = ""
    fill_fwd_px: str = ""


def balance_row(views: Sequence[BalanceView], now_ms: int) -> Balance:
    """Print an account's money; one USD counts as one USDT."""
    return Balance(
        u_time=text.ms(now_ms),
        total_eq=text.amount(sum(view.usd_e8 for view in views)),
        iso_eq=text.amount(sum(_usd_part(view, view.iso_equity_e8) for view in views)),
        details=tuple(_currency(view, now_ms) for view in views),
    )


def _usd_part(view: BalanceView, part_e8: int) -> int:
    return view.usd_e8 * part_e8 // view.equity_e8 if view.equity_e8 else 0


def _currency(view: BalanceView, now_ms: int) -> Currency:
    crossed = view.cross_margin_e8 > 0
    free = text.amount(view.available_e8)
    return Currency(
        ccy=view.ccy,
        eq=text.amount(view.equity_e8),
        cash_bal=text.amount(view.cash_e8),
        u_time=text.ms(now_ms),
        iso_eq=text.amount(view.iso_equity_e8),
        avail_eq=free,
        dis_eq=text.amount(view.usd_e8),
        fixed_bal="0",
        avail_bal=free,
        frozen_bal=text.amount(max(0, view.equity_e8 - view.available_e8)),
        ord_frozen=text.amount(view.hold_e8),
        liab="",
        upl=text.amount(view.upl_e8),
        reward_bal="0",
        mgn_ratio=text.margin_ratio(_cross_equity(view), view.needed_e8) if crossed else "",
        imr=text.amount(view.cross_margin_e8) if crossed else "",
        mmr=text.amount(view.maintenance_e8) if crossed else "",
        twap="0",
        eq_usd=text.amount(view.usd_e8),
        notional_lever=text.margin_ratio(view.notional_e8, view.equity_e8) if crossed else "",
        stgy_eq="0",
        iso_upl=text.amount(view.iso_upl_e8),
        spot_iso_bal="0",
        smt_sync_eq="0",
        spot_copy_trading_eq="0",
        auto_lend_status="off",
        auto_lend_mt_amt="0",
    )


def _cross_equity(view: BalanceView) -> int:
    return view.equity_e8 - view.iso_equity_e8


def position_row(view: PositionView) -> Position:
    """Print a position. In long/short mode `pos` is positive and the side says the direction."""
    inst, cross = view.inst, view.mgn_mode is MgnMode.CROSS
    size = view.qty_lots if view.pos_side is PosSide.NET else abs(view.qty_lots)
    cost = abs(view.cost_e8)
    held = view.qty_lots != 0
    margin = text.amount(view.margin_e8)
    return Position(
        inst_type=inst.inst_type.wire,
        mgn_mode=view.mgn_mode.wire,
        pos_id=str(position_id_of(view.row)),
        pos_side=view.pos_side.wire,
        pos=text.sz(inst, size),
        avail_pos=text.sz(inst, abs(view.qty_lots)) if held else "",
        avg_px=inst.average_text(cost, abs(view.qty_lots)),
        mark_px=text.px(inst, view.mark_ticks),
        upl=text.amount(view.upl_e8) if held else "",
        upl_ratio=text.return_on_margin(view.upl_e8, cost, view.lever),
        upl_last_px=text.amount(view.last_upl_e8) if held else "",
        upl_ratio_last_px=text.return_on_margin(view.last_upl_e8, cost, view.lever),
        inst_id=inst.inst_id,
        lever=str(view.lever),
        liq_px=text.px(inst, view.liq_ticks),
        imr=margin if cross and held else "",
        margin=margin if held and not cross else "",
        mgn_ratio=text.margin_ratio(view.equity_e8, view.needed_e8) if held else "",
        mmr=text.amount(view.mmr_e8) if held else "",
        notional_usd=text.amount(view.mark_value_e8) if held else "",
        adl="0" if held else "",
        ccy=inst.settle_ccy,
        last=text.px(inst, view.last_ticks),
        idx_px=text.px(inst, view.mark_ticks),
        be_px=_break_even(view) if held else "",
        realized_pnl=text.amount(view.realised_e8 - view.fee_e8 + view.funding_e8),
        pnl=text.amount(view.realised_e8),
        fee=text.amount(-view.fee_e8),
        funding_fee=text.amount(view.funding_e8),
        liq_penalty="0",
        c_time=text.ms(view.opened_ms),
        u_time=text.ms(view.updated_ms),
    )


def _break_even(view: PositionView) -> str:
    """Print the price at which closing pays for entry, fees so far and funding so far."""
    direction = 1 if view.qty_lots > 0 else -1
    spent = view.fee_e8 - view.funding_e8
    return view.inst.average_text(abs(view.cost_e8) + direction * spent, abs(view.qty_lots))


def config_row(view: ConfigView, label: str, ip: str, perm: str) -> Config:
    """Print the settings of an account and of the key that asks."""
    return Config(
        uid=str(view.uid),
        main_uid=str(view.uid),
        acct_lv="2",
        acct_stp_mode="cancel_maker",
        pos_mode=view.pos_mode.wire,
        greeks_type="PA",
        fee_type="0",
        level="Lv1",
        ct_iso_mode="automatic",
        mgn_iso_mode="automatic",
        stgy_type="0",
        role_type=view.swap.role.wire,
        trader_insts=view.swap.led,
        spot_role_type=view.spot.role.wire,
        spot_trader_insts=view.spot.led,
        op_auth="0",
        kyc_lv="3",
        label=label,
        ip=ip,
        perm=perm,
        liquidation_gear="-1",
        type="0",
    )


def leverage_row(view: LeverView) -> LeverageInfo:
    """Print the leverage of one place."""
    return LeverageInfo(
        inst_id=view.inst.inst_id,
        mgn_mode=view.mgn_mode.wire,
        pos_side=view.pos_side.wire,
        lever=str(view.lever),
    )


def bill_row(view: BillView) -> Bill:
    """Print a movement of money; the columns of a trade are "" where there was none."""
    inst, fill = view.inst, view.fill
    own_leg = fill is not None and view.bill_id == fill.bill_id
    return Bill(
        inst_type="" if inst is None else inst.inst_type.wire,
        bill_id=str(view.bill_id),
        type=str(view.kind),
        sub_type=str(view.sub_kind),
        ts=text.ms(view.ts_ms),
        bal_chg=text.amount(view.change_e8),
        pos_bal_chg="0",
        bal=text.amount_or_blank(view.cash_after_e8),
        pos_bal="0",
        sz=text.amount(abs(view.change_e8)) if fill is None else text.sz(fill.inst, fill.lots),
        px="" if fill is None else fill_px(fill),
        ccy=view.ccy,
        pnl="0" if fill is None else text.amount(fill.pnl_e8),
        fee=text.amount(-fill.fee_e8) if fill is not None and own_leg else "0",
        mgn_mode="" if fill is None or not _margined(fill.inst.inst_type) else fill.td_mode.wire,
        inst_id="" if inst is None else inst.inst_id,
        ord_id="" if fill is None else str(fill.ord_id),
        exec_type="" if fill is None else exec_type(fill),
        interest="0",
        tag="" if fill is None else fill.tag,
        fill_time="" if fill is None else text.ms(fill.ts_ms),
        trade_id="" if fill is None else str(fill.trade_id),
        cl_ord_id="" if fill is None else fill.cl_ord_id,
        from_="" if view.kind != TRANSFER else _FUNDING if view.change_e8 > 0 else _TRADING,
        to="" if view.kind != TRANSFER else _TRADING if view.change_e8 > 0 else _FUNDING,
    )


def _margined(inst_type: InstType) -> bool:
    return inst_type is InstType.SWAP
