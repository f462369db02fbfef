"""Sizes and prices of orders: text to lots and ticks, with the refusals that belong to it.

What lives here: reading `sz` and `px` against an instrument's grid and the bounds of the engine.
What it may touch: `wire`, `model`.
Always true: what leaves here lies within `model.limits`; nothing is rounded.
Start reading: `order_command`.
"""

from typing import NamedTuple

from copydesk.api.wire import trade as wire
from copydesk.model.amounts import parse_scaled
from copydesk.model.enums import InstType, OrdType, PosSide, Side
from copydesk.model.inputs import PlaceOrder
from copydesk.model.instruments import Instrument
from copydesk.model.limits import MAX_PX_TICKS, MAX_SIZE_LOTS, MAX_VALUE_E8
from copydesk.model.rejects import Code, Reject


class Size(NamedTuple):
    """The size of an order: in lots, or (spot market buy) in the quote currency."""

    lots: int
    quote_e8: int


def order_command(
    account_row: int, inst: Instrument, request: wire.PlaceOrder, exp_ts_ns: int
) -> PlaceOrder | Reject:
    """Make the command of an order. Rejects: 50014, 51000, 51005, 51020, 51121, 51150."""
    size = _size(inst, request)
    if isinstance(size, Reject):
        return size
    px = _px(inst, request)
    if isinstance(px, Reject):
        return px
    return PlaceOrder(
        account_row=account_row,
        inst_row=inst.row,
        side=request.side,
        pos_side=PosSide.NET if request.pos_side is None else request.pos_side,
        td_mode=request.td_mode,
        ord_type=request.ord_type,
        size_lots=size.lots,
        px_ticks=px,
        quote_e8=size.quote_e8,
        reduce_only=request.reduce_only,
        cl_ord_id=request.cl_ord_id,
        tag=request.tag,
        exp_ts_ns=exp_ts_ns,
    )


def px_ticks(inst: Instrument, text: str, name: str) -> int | Reject:
    """Read a price. Rejects: 51000 {name} malformed or out of bounds, 51150 between two ticks."""
    ticks = inst.tick.count(text)
    if ticks is None and inst.tick.floor_count(text) is not None:
        return _OFF_GRID
    return Reject(Code.PARAMETER_ERROR, (name,)) if ticks is None or ticks > MAX_PX_TICKS else ticks


_OFF_GRID = Reject(Code.TOO_MANY_DECIMALS)


def _px(inst: Instrument, request: wire.PlaceOrder) -> int | Reject:
    if request.ord_type is OrdType.MARKET:
        return 0
    if request.px is None:
        return Reject(Code.PARAMETER_MISSING, ("px",))
    ticks = px_ticks(inst, request.px, "px")
    return Reject(Code.PARAMETER_ERROR, ("px",)) if ticks == 0 else ticks


def _size(inst: Instrument, request: wire.PlaceOrder) -> Size | Reject:
    spot_market = inst.inst_type is InstType.SPOT and request.ord_type is OrdType.MARKET
    if spot_market:
        by_default = "quote_ccy" if request.side is Side.BUY else "base_ccy"
        if (request.tgt_ccy or by_default) == "quote_ccy":
            return _quote_size(request)
    lots = _lots(inst, request.sz)
    return lots if isinstance(lots, Reject) else Size(lots, 0)


def _quote_size(request: wire.PlaceOrder) -> Size | Reject:
    if request.side is not Side.BUY:  # a sale for a given amount is not offered
        return Reject(Code.PARAMETER_ERROR, ("tgtCcy",))
    quote_e8 = parse_scaled(request.sz, 8)
    if not quote_e8 or quote_e8 > MAX_VALUE_E8:
        return Reject(Code.PARAMETER_ERROR, ("sz",))
    return Size(0, quote_e8)


def _lots(inst: Instrument, text: str) -> int | Reject:
    lots = inst.lot.count(text)
    if lots is None:
        whole = inst.lot.floor_count(text)
        if whole is None:
            return Reject(Code.PARAMETER_ERROR, ("sz",))
        below = whole < inst.min_lots
        return Reject(Code.SIZE_BELOW_MIN if below else Code.SIZE_NOT_LOT_MULTIPLE)
    if lots == 0:
        return Reject(Code.PARAMETER_ERROR, ("sz",))
    return lots if lots <= MAX_SIZE_LOTS else Reject(Code.SIZE_ABOVE_MAX)
