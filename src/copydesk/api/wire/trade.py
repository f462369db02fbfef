"""Orders and fills on the wire.

What lives here: requests of /trade and the rows `OrderDetails`, `Fill`, `Closed`, `Cancelled`.
What it may touch: `api.request`, `views`, `model`.
Always true: fees are negative when paid; a size of a spot market buy by amount is that amount.
Start reading: `PlaceOrder`, `order_row`.
"""

from typing import Annotated, Final

from copydesk.api.request import Param, Request
from copydesk.api.wire import text
from copydesk.api.wire.rows import Row
from copydesk.engine.exchange.fees import fee_ppm
from copydesk.model.enums import FillCause, InstType, MgnMode, OrdType, PosSide, Side, TdMode
from copydesk.model.instruments import Instrument
from copydesk.views.fills import FillView
from copydesk.views.orders import OrderView

CLIENT_ID: Final = "[0-9A-Za-z]{1,32}"
TAG: Final = "[0-9A-Za-z]{1,16}"
DECIMAL: Final = "[0-9]{1,24}(?:[.][0-9]{0,24})?|[.][0-9]{1,24}"
INST_TYPES: Final = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "EVENTS")
ORD_TYPES: Final = tuple(kind.wire for kind in OrdType)


class PlaceOrder(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    td_mode: Annotated[TdMode, Param(required=True)]
    side: Annotated[Side, Param(required=True)]
    ord_type: Annotated[OrdType, Param(required=True)]
    sz: Annotated[str, Param(required=True, pattern=DECIMAL)]
    px: Annotated[str | None, Param(pattern=DECIMAL)] = None
    pos_side: PosSide | None = None
    reduce_only: bool = False
    tgt_ccy: Annotated[str | None, Param(values=("base_ccy", "quote_ccy"))] = None
    cl_ord_id: Annotated[str, Param(pattern=CLIENT_ID)] = ""
    tag: Annotated[str, Param(pattern=TAG)] = ""
    stp_mode: Annotated[str, Param(values=("cancel_maker",))] = "cancel_maker"
    attach_algo_ords: Annotated[str, Param(values=("",), about="not offered yet: refused")] = ""


class CancelOrder(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    ord_id: Annotated[int, Param(minimum=1)] = 0
    cl_ord_id: Annotated[str, Param(pattern=CLIENT_ID)] = ""


class ClosePosition(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    mgn_mode: Annotated[MgnMode, Param(required=True)]
    pos_side: PosSide | None = None
    auto_cxl: bool = False
    cl_ord_id: Annotated[str, Param(pattern=CLIENT_ID)] = ""
    tag: Annotated[str, Param(pattern=TAG)] = ""


class GetOrder(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    ord_id: Annotated[int, Param(minimum=1)] = 0
    cl_ord_id: Annotated[str, Param(pattern=CLIENT_ID)] = ""


class GetOrdersPending(Request, frozen=True, kw_only=True):
    inst_type: Annotated[str | None, Param(values=INST_TYPES)] = None
    inst_id: str | None = None
    ord_type: Annotated[tuple[str, ...] | None, Param(max_items=20)] = None
    state: Annotated[str | None, Param(values=("live", "partially_filled"))] = None
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=100)] = 100


class GetOrdersHistory(Request, frozen=True, kw_only=True):
    inst_type: Annotated[str, Param(required=True, values=INST_TYPES)]
    inst_id: str | None = None
    ord_type: Annotated[tuple[str, ...] | None, Param(max_items=20)] = None
    state: Annotated[str | None, Param(values=("canceled", "filled", "mmp_canceled"))] = None
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    begin: Annotated[int | None, Param(minimum=0)] = None
    end: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=100)] = 100


class GetFills(Request, frozen=True, kw_only=True):
    inst_type: Annotated[str | None, Param(values=INST_TYPES)] = None
    inst_id: str | None = None
    ord_id: Annotated[int | None, Param(minimum=1)] = None
    sub_type: Annotated[int | None, Param(minimum=1)] = None
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    begin: Annotated[int | None, Param(minimum=0)] = None
    end: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=100)] = 100


class Cancelled(Row, frozen=True, kw_only=True):
    """Answer of a cancellation."""

    ord_id: str
    cl_ord_id: str
    ts: str
    s_code: str = "0"
    s_msg: str = ""


class Closed(Row, frozen=True, kw_only=True):
    """Answer of closing a position."""

    inst_id: str
    pos_side: str
    cl_ord_id: str
    tag: str


class LinkedAlgoOrd(Row, frozen=True, kw_only=True):
    """The algo order that is linked to an order; there is none yet."""

    algo_id: str = ""


class OrderDetails(Row, frozen=True, kw_only=True):
    """An order, whole."""

    inst_type: str = ""
    inst_id: str = ""
    tgt_ccy: str = ""
    ccy: str = ""
    ord_id: str = ""
    cl_ord_id: str = ""
    tag: str = ""
    px: str = ""
    px_usd: str = ""
    px_vol: str = ""
    px_type: str = ""
    sz: str = ""
    pnl: str = ""
    ord_type: str = ""
    side: str = ""
    pos_side: str = ""
    td_mode: str = ""
    acc_fill_sz: str = ""
    fill_px: str = ""
    trade_id: str = ""
    fill_sz: str = ""
    fill_time: str = ""
    avg_px: str = ""
    state: str = ""
    stp_id: str = ""
    stp_mode: str = ""
    lever: str = ""
    attach_algo_cl_ord_id: str = ""
    tp_trigger_px: str = ""
    tp_trigger_px_type: str = ""
    tp_ord_px: str = ""
    sl_trigger_px: str = ""
    sl_trigger_px_type: str = ""
    sl_ord_px: str = ""
    attach_algo_ords: tuple[object, ...] = ()  # list<object>
    linked_algo_ord: LinkedAlgoOrd = LinkedAlgoOrd()
    fee_ccy: str = ""
    fee: str = ""
    rebate_ccy: str = ""
    rebate: str = ""
    source: str = ""
    category: str = ""
    reduce_only: str = ""
    is_tp_limit: str = ""
    cancel_source: str = ""
    cancel_source_reason: str = ""
    quick_mgn_type: str = ""
    algo_cl_ord_id: str = ""
    algo_id: str = ""
    u_time: str = ""
    c_time: str = ""
    trade_quote_ccy: str = ""
    outcome: str = ""


class Fill(Row, frozen=True, kw_only=True):
    """One fill."""

    inst_type: str = ""
    inst_id: str = ""
    trade_id: str = ""
    ord_id: str = ""
    cl_ord_id: str = ""
    bill_id: str = ""
    sub_type: str = ""
    tag: str = ""
    fill_px: str = ""
    fill_sz: str = ""
    fill_idx_px: str = ""
    fill_pnl: str = ""
    fill_px_vol: str = ""
    fill_px_usd: str = ""
    fill_mark_vol: str = ""
    fill_fwd_px: str = ""
    fill_mark_px: str = ""
    side: str = ""
    pos_side: str = ""
    exec_type: str = ""
    fee_ccy: str = ""
    fee: str = ""
    ts: str = ""
    fill_time: str = ""
    fee_rate: str = ""
    trade_quote_ccy: str = ""


def order_row(view: OrderView) -> OrderDetails:
    """Print an order."""
    inst, spot = view.inst, view.inst.inst_type is InstType.SPOT
    filled = view.fill_lots > 0
    by_amount = view.quote_e8 > 0
    return OrderDetails(
        inst_type=inst.inst_type.wire,
        inst_id=inst.inst_id,
        tgt_ccy=_tgt_ccy(view),
        ord_id=str(view.ord_id),
        cl_ord_id=view.cl_ord_id,
        tag=view.tag,
        px=text.px(inst, view.px_ticks),
        sz=text.amount(view.quote_e8) if by_amount else text.sz(inst, view.size_lots),
        pnl=text.amount(view.pnl_e8),
        ord_type=view.ord_type.wire,
        side=view.side.wire,
        pos_side="" if spot else view.pos_side.wire,
        td_mode=view.td_mode.wire,
        acc_fill_sz=text.sz(inst, view.filled_lots),
        fill_px=_fill_px(view) if filled else "",
        trade_id=text.number(view.trade_id),
        fill_sz=text.sz(inst, view.fill_lots),
        fill_time=text.ms(view.updated_ms) if filled else "",
        avg_px=inst.average_text(view.filled_value_e8, view.filled_lots),
        state=view.state.wire,
        stp_mode="cancel_maker",
        lever="" if spot else str(view.lever),
        fee_ccy=fee_ccy(view.inst, view.side),
        fee=text.amount(-view.fee_e8),
        rebate_ccy=fee_ccy(view.inst, view.side),
        rebate="0",
        category="full_liquidation" if view.cause is FillCause.LIQUIDATION else "normal",
        reduce_only=text.yes_no(view.reduce_only),
        is_tp_limit="false",
        u_time=text.ms(view.updated_ms),
        c_time=text.ms(view.created_ms),
        trade_quote_ccy=inst.quote_ccy if spot else "",
    )


def fill_row(view: FillView) -> Fill:
    """Print a fill."""
    inst, spot = view.inst, view.inst.inst_type is InstType.SPOT
    return Fill(
        inst_type=inst.inst_type.wire,
        inst_id=inst.inst_id,
        trade_id=str(view.trade_id),
        ord_id=str(view.ord_id),
        cl_ord_id=view.cl_ord_id,
        bill_id=str(view.bill_id),
        sub_type=str(view.sub_kind),
        tag=view.tag,
        fill_px=fill_px(view),
        fill_sz=text.sz(inst, view.lots),
        fill_pnl=text.amount(view.pnl_e8),
        side=view.side.wire,
        pos_side="" if spot else view.pos_side.wire,
        exec_type=exec_type(view),
        fee_ccy=fee_ccy(inst, view.side),
        fee=text.amount(-view.fee_e8),
        ts=text.ms(view.ts_ms),
        fill_time=text.ms(view.ts_ms),
        fee_rate=_fee_rate(view) if spot else "",
        trade_quote_ccy=inst.quote_ccy if spot else "",
    )


def fill_px(view: FillView) -> str:
    """Print the price of a fill; of a copy the average."""
    if view.px_ticks:
        return view.inst.tick.text(view.px_ticks)
    return view.inst.average_text(view.value_e8, view.lots)


def exec_type(view: FillView) -> str:
    """Tell taker from maker; "" for a liquidation."""
    if view.cause is FillCause.LIQUIDATION:
        return ""
    return "M" if view.maker else "T"


def _fill_px(view: OrderView) -> str:
    if view.fill_px_ticks:
        return view.inst.tick.text(view.fill_px_ticks)
    return view.inst.average_text(view.filled_value_e8, view.filled_lots)


def _tgt_ccy(view: OrderView) -> str:
    if view.inst.inst_type is not InstType.SPOT or view.ord_type is not OrdType.MARKET:
        return ""
    return "quote_ccy" if view.quote_e8 else "base_ccy"


def fee_ccy(inst: Instrument, side: Side) -> str:
    """Name the currency in which a fee is taken: what a spot order receives, else the settle."""
    if inst.inst_type is InstType.SPOT:
        return inst.base_ccy if side is Side.BUY else inst.quote_ccy
    return inst.settle_ccy


def _fee_rate(view: FillView) -> str:
    rate = fee_ppm(view.inst, view.maker)
    return text.ppm(-rate)
