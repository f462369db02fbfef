"""Rows of WebSocket pushes that say more than those of REST.

What lives here: `OrderPush`, `PositionPush`, `LeadNotification`, and the printing of facts.
What it may touch: `wire`, `views`, `model`.
Always true: what REST shows too is printed by the functions that print it there.
Start reading: `order_push`, `copy_push`.
"""

import msgspec

from copydesk.api.wire import account, text, trade
from copydesk.api.wire.rows import Row
from copydesk.model.amounts import format_scaled
from copydesk.model.enums import InstType, LeadInfoType
from copydesk.model.ids import unique_code_of
from copydesk.model.instruments import Instrument
from copydesk.model.limits import LEAD_MIN_EQUITY_E8, LEAD_POSITIONS_PER_DAY
from copydesk.model.outputs import LeadTradeNotLed, OrderUpdated
from copydesk.views.orders import OrderView
from copydesk.views.positions import PositionView


class OrderPush(trade.OrderDetails, frozen=True, kw_only=True):
    """An order after a change, with the fill that changed it if one did."""

    notional_usd: str = ""
    fill_pnl: str = "0"
    fill_fee: str = ""
    fill_fee_ccy: str = ""
    fill_mark_px: str = ""
    fill_idx_px: str = ""
    fill_px_vol: str = ""
    fill_px_usd: str = ""
    fill_mark_vol: str = ""
    fill_fwd_px: str = ""
    exec_type: str = ""
    fill_notional_usd: str = ""
    amend_source: str = ""
    req_id: str = ""
    amend_result: str = ""
    last_px: str = ""
    code: str = "0"
    msg: str = ""


class PositionPush(account.Position, frozen=True, kw_only=True):
    """A position with the time of the push."""

    p_time: str = ""


class LeadNotification(Row, frozen=True, kw_only=True):
    """Why a lead trader's order, which stands, was not led."""

    inst_type: str = "SWAP"
    info_type: str = ""
    sub_pos_id: str = ""
    unique_code: str = ""
    inst_id: str = ""
    side: str = ""
    pos_side: str = ""
    max_lead_trader_num: str = ""
    min_lead_eq: str = ""


class FillPart(msgspec.Struct, frozen=True, gc=False):
    """The fill behind a push; `fee_e8` positive when paid, `pnl_e8` gross.

    `lots` and `value_e8`: of this fill, where the order knows only all fills together (copies).
    """

    fee_e8: int
    pnl_e8: int
    maker: bool = False
    lots: int = 0
    value_e8: int = 0


def order_push(inst: Instrument, fact: OrderUpdated) -> OrderPush:
    """Print an order that changed."""
    view = OrderView(
        inst=inst,
        ord_id=fact.ord_id,
        cl_ord_id=fact.cl_ord_id,
        tag=fact.tag,
        side=fact.side,
        pos_side=fact.pos_side,
        td_mode=fact.td_mode,
        ord_type=fact.ord_type,
        state=fact.state,
        cause=fact.cause,
        px_ticks=fact.px_ticks,
        size_lots=fact.size_lots,
        quote_e8=0,
        filled_lots=fact.filled_lots,
        filled_value_e8=fact.filled_value_e8,
        fee_e8=fact.fee_e8,
        pnl_e8=fact.pnl_e8,
        lever=fact.lever,
        reduce_only=fact.reduce_only,
        created_ms=fact.created_ms,
        updated_ms=fact.updated_ms,
        trade_id=fact.trade_id,
        fill_lots=fact.fill_lots,
        fill_px_ticks=fact.fill_px_ticks,
    )
    part = FillPart(fact.fill_fee_e8, fact.fill_pnl_e8, fact.maker)
    return _push(view, part if fact.fill_lots else None)


def copy_push(view: OrderView, part: FillPart) -> OrderPush:
    """Print the order of a copy after a fill of its bunched order.

    Later slices of one order need tradeIds of their own, because clients drop repeated ones: the
    lots filled so far are added to the id of the first.
    """
    push = _push(view, part)
    later = view.filled_lots - part.lots
    return msgspec.structs.replace(
        push,
        fill_sz=text.sz(view.inst, part.lots),
        fill_px=view.inst.average_text(part.value_e8, part.lots),
        trade_id=str(view.trade_id + later),
    )


def _push(view: OrderView, part: FillPart | None) -> OrderPush:
    inst = view.inst
    values = msgspec.structs.asdict(trade.order_row(view))
    if view.px_ticks:
        values["notional_usd"] = text.amount(inst.value_e8(view.px_ticks, view.size_lots))
    values["fill_notional_usd"] = text.amount(view.filled_value_e8)
    if part is not None:
        values["fill_pnl"] = text.amount(part.pnl_e8)
        values["fill_fee"] = text.amount(-part.fee_e8)
        values["fill_fee_ccy"] = trade.fee_ccy(inst, view.side)
        values["exec_type"] = "M" if part.maker else "T"
    return OrderPush(**values)


def position_push(view: PositionView, now_ms: int) -> PositionPush:
    """Print a position for a push."""
    values = msgspec.structs.asdict(account.position_row(view))
    return PositionPush(**values, p_time=str(now_ms))


def lead_notification(inst: Instrument, fact: LeadTradeNotLed) -> LeadNotification:
    """Print why a lead trade was not led, with the limit that it met."""
    counted = fact.info_type is LeadInfoType.DAILY_COUNT
    poor = fact.info_type is LeadInfoType.MIN_EQUITY
    return LeadNotification(
        inst_type=InstType.SWAP.wire,
        info_type=fact.info_type.wire,
        unique_code=unique_code_of(fact.account_row),
        inst_id=inst.inst_id,
        side=fact.side.wire,
        pos_side=fact.pos_side.wire,
        sub_pos_id=str(fact.sub_pos_id),
        max_lead_trader_num=str(LEAD_POSITIONS_PER_DAY) if counted else "",
        min_lead_eq=format_scaled(LEAD_MIN_EQUITY_E8, 8) if poor else "",
    )
