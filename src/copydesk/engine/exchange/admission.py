"""Admission: every check of a new order before anything changes.

What lives here: the rules that an order has to meet, each with OKX's code.
What it may touch: `exchange.matching`, `exchange.funds`, `exchange.roles`, `engine.state`, `model`;
reads only.
Always true: an order that only closes is never refused for want of money.
Start reading: `refuse`, then `refuse_plan`.
"""

from msgspec import structs

from copydesk.engine.context import Context
from copydesk.engine.exchange import funds, matching, resting, roles
from copydesk.engine.exchange.margin import available_e8, upl_e8
from copydesk.engine.exchange.positions import position_row
from copydesk.engine.state import State, book_id, lever_of
from copydesk.model.amounts import ceil_div
from copydesk.model.enums import InstType, MgnMode, OrdType, PosSide, Side, TdMode
from copydesk.model.inputs import PlaceOrder
from copydesk.model.instruments import Instrument
from copydesk.model.limits import (
    MAX_ORDERS_PENDING_PER_ACCOUNT,
    MAX_PX_TICKS,
    MAX_SIZE_LOTS,
    MAX_TAG,
    MAX_TEXT_ID,
    MAX_VALUE_E8,
    PRICE_BAND_PPM,
    RATIO_ONE,
)
from copydesk.model.rejects import Code, Reject

_RESTING_TYPES = (OrdType.LIMIT, OrdType.POST_ONLY)


def price_limits(state: State, inst_row: int) -> tuple[int, int]:
    """Highest price of a purchase and lowest of a sale, in ticks: PRICE_BAND_PPM around mark."""
    mark = int(state.markets.mark_ticks[inst_row])
    highest = mark * (RATIO_ONE + PRICE_BAND_PPM) // RATIO_ONE
    return highest, max(1, ceil_div(mark * (RATIO_ONE - PRICE_BAND_PPM), RATIO_ONE))


def refuse(state: State, order: PlaceOrder, ctx: Context) -> Reject | None:
    """Check an order by itself and against the account; None: go on to `refuse_plan`."""
    instrument = state.instruments[order.inst_row]
    return (
        _refuse_moment(state, order, ctx)
        or _refuse_ids(state, order)
        or _refuse_modes(state, order, instrument)
        or _refuse_size(order, instrument)
        or _refuse_price(state, order, instrument)
        or _refuse_closing(state, order, instrument)
        or _refuse_direction(state, order)
    )


def book_of(order: PlaceOrder) -> int:
    """Book in which a swap order would be booked."""
    return book_id(order.inst_row, order.td_mode, order.pos_side)


def _refuse_moment(state: State, order: PlaceOrder, ctx: Context) -> Reject | None:
    instrument = state.instruments[order.inst_row]
    if not _has_market(state, instrument):
        return Reject(Code.INSTRUMENT_SUSPENDED)
    if 0 < order.exp_ts_ns < ctx.ts_ns:
        return Reject(Code.EXP_TIME_PASSED)
    return None


def _has_market(state: State, instrument: Instrument) -> bool:
    """Whether an instrument is traded here and has a price; coins finer than 1e-8 are not."""
    too_fine = instrument.inst_type is InstType.SPOT and instrument.base_lot_e8 == 0
    return instrument.tradable and not too_fine and bool(state.markets.mark_ticks[instrument.row])


def _refuse_ids(state: State, order: PlaceOrder) -> Reject | None:
    client_id = order.cl_ord_id.encode()
    if len(client_id) > MAX_TEXT_ID:
        return Reject(Code.PARAMETER_ERROR, ("clOrdId",))
    if len(order.tag.encode()) > MAX_TAG:
        return Reject(Code.PARAMETER_ERROR, ("tag",))
    if client_id and (order.account_row, client_id) in state.index.pending_by_client_id:
        return Reject(Code.CL_ORD_ID_TAKEN)
    pending = int(state.accounts.pending_orders[order.account_row])
    if order.ord_type in _RESTING_TYPES and pending >= MAX_ORDERS_PENDING_PER_ACCOUNT:
        limit = str(MAX_ORDERS_PENDING_PER_ACCOUNT)
        return Reject(Code.TOO_MANY_PENDING, (state.instruments[order.inst_row].inst_id, limit))
    return None


def _refuse_modes(state: State, order: PlaceOrder, instrument: Instrument) -> Reject | None:
    """Check tdMode and posSide: spot trades with cash, swaps on cross or isolated margin."""
    if instrument.inst_type is InstType.SPOT:
        if order.td_mode is TdMode.SPOT_ISOLATED:
            return Reject(Code.PARAMETER_ERROR, ("tdMode",))
        if order.td_mode is not TdMode.CASH:
            return Reject(Code.WRONG_ACCOUNT_MODE)
        return Reject(Code.REDUCE_ONLY_UNAVAILABLE) if order.reduce_only else None
    if order.td_mode not in (TdMode.CROSS, TdMode.ISOLATED):
        return Reject(Code.PARAMETER_ERROR, ("tdMode",))
    if (order.pos_side is PosSide.NET) != resting.uses_net_mode(state, order.account_row):
        return Reject(Code.PARAMETER_ERROR, ("posSide",))
    return None


def _refuse_size(order: PlaceOrder, instrument: Instrument) -> Reject | None:
    if order.quote_e8:
        spot_buy = instrument.inst_type is InstType.SPOT and order.side is Side.BUY
        market = order.ord_type is OrdType.MARKET and order.size_lots == 0
        fits = spot_buy and market and 0 < order.quote_e8 <= MAX_VALUE_E8
        return None if fits else Reject(Code.PARAMETER_ERROR, ("tgtCcy",))
    if order.size_lots <= 0:
        return Reject(Code.PARAMETER_ERROR, ("sz",))
    if order.size_lots < instrument.min_lots:
        return Reject(Code.SIZE_BELOW_MIN)
    if order.ord_type is OrdType.MARKET:
        if order.size_lots > instrument.max_market_lots:
            return Reject(Code.SIZE_ABOVE_MARKET_MAX)
    elif order.size_lots > instrument.max_limit_lots:
        return Reject(Code.SIZE_ABOVE_LIMIT_MAX, (instrument.lot.text(instrument.max_limit_lots),))
    return None


def _refuse_price(state: State, order: PlaceOrder, instrument: Instrument) -> Reject | None:
    if order.ord_type is OrdType.MARKET:
        return None
    if not 0 < order.px_ticks <= MAX_PX_TICKS:
        return Reject(Code.PARAMETER_ERROR, ("px",))
    highest, lowest = price_limits(state, order.inst_row)
    out = order.px_ticks > highest if order.side > 0 else order.px_ticks < lowest
    if out:
        texts = (instrument.tick.text(highest), instrument.tick.text(lowest))
        return Reject(Code.PRICE_OUT_OF_BAND, texts)
    return None


def only_closes(state: State, order: PlaceOrder) -> bool:
    """Whether an order can only close; in long/short mode the side decides, not reduceOnly."""
    if resting.uses_net_mode(state, order.account_row):
        return order.reduce_only
    return resting.closing_side(order.pos_side) == order.side


def _refuse_closing(state: State, order: PlaceOrder, instrument: Instrument) -> Reject | None:
    """Orders that only close must find a position, and be no larger than it.

    One that rests shares it with those that rest already; one that fills at once comes before them.
    """
    if instrument.inst_type is InstType.SPOT or not only_closes(state, order):
        return None
    book = book_of(order)
    held = int(state.positions.qty_lots[position_row(state, book, order.account_row)])
    if held == 0:
        return Reject(Code.NOTHING_TO_REDUCE)
    if held * order.side > 0:
        return Reject(Code.REDUCE_ONLY_SAME_SIDE)
    closing = 0
    if order.ord_type in _RESTING_TYPES:
        _, closing = funds.pending_lots(state, order.account_row, book, order.side)
    if order.size_lots + closing > abs(held):
        return Reject(Code.SIZE_ABOVE_CLOSABLE)
    return None


def _refuse_direction(state: State, order: PlaceOrder) -> Reject | None:
    """Hold a lead in net mode to one direction (rules 3.5); the other way closes (OPEN-13)."""
    swap = state.instruments[order.inst_row].inst_type is InstType.SWAP
    if not swap or order.pos_side is not PosSide.NET or order.reduce_only:
        return None
    if not roles.leads_instrument(state, order.account_row, order.inst_row):
        return None
    refused = Reject(Code.LEAD_DIRECTION_MISMATCH)
    account_row, side = order.account_row, int(order.side)
    closable = funds.closable_lots(state, account_row, book_of(order), side)
    if closable:
        pending, _ = funds.pending_lots(state, account_row, book_of(order), side)
        return refused if order.size_lots > closable - pending else None
    for mgn_mode in MgnMode:
        book = book_id(order.inst_row, mgn_mode, PosSide.NET)
        if funds.closable_lots(state, account_row, book, side):
            return refused
        against, _ = funds.pending_lots(state, account_row, book, -side)
        if against and not funds.closable_lots(state, account_row, book, -side):
            return refused
    return None


def plan_for(state: State, order: PlaceOrder) -> matching.Plan:
    """Find what an order would meet; a market order goes as far as the price band."""
    if order.ord_type is OrdType.MARKET:
        highest, lowest = price_limits(state, order.inst_row)
        limit = highest if order.side > 0 else lowest
    else:
        limit = order.px_ticks
    instrument = state.instruments[order.inst_row]
    lots = instrument.max_market_lots if order.quote_e8 else order.size_lots
    found = matching.plan(state, order.inst_row, order.side, lots, limit, order.account_row)
    if order.quote_e8:
        return matching.within_budget(state, order.inst_row, found, order.quote_e8)
    return found


def refuse_plan(state: State, order: PlaceOrder, found: matching.Plan) -> Reject | None:
    """Check that there is a market for a market order, and the money for any order."""
    instrument = state.instruments[order.inst_row]
    if order.ord_type is OrdType.MARKET and found.lots == 0:
        return Reject(_why_nothing(state, order))
    if instrument.inst_type is InstType.SPOT:
        return _refuse_coins(state, order, found, instrument)
    opening = _opening_lots(state, order)
    if opening == 0:
        return None
    return _refuse_tier(state, order, instrument) or _refuse_margin(state, order, found, opening)


def _why_nothing(state: State, order: PlaceOrder) -> Code:
    """Tell an empty book from an amount that does not pay for one lot."""
    if order.quote_e8 and plan_for(state, structs.replace(order, quote_e8=0, size_lots=1)).lots:
        return Code.SIZE_BELOW_MIN
    return Code.BOOK_EMPTY


def _refuse_coins(
    state: State, order: PlaceOrder, found: matching.Plan, instrument: Instrument
) -> Reject | None:
    if order.quote_e8 and found.lots < instrument.min_lots:
        return Reject(Code.SIZE_BELOW_MIN)
    rest = 0 if order.ord_type is OrdType.MARKET else order.size_lots - found.lots
    if order.side is Side.SELL:
        ccy, needed = instrument.base_ccy, (found.lots + rest) * instrument.base_lot_e8
    else:
        ccy, needed = instrument.quote_ccy, order.quote_e8
        needed = needed or found.value_e8 + instrument.value_e8(order.px_ticks, rest)
    if max(needed, instrument.value_e8(order.px_ticks, rest)) > MAX_VALUE_E8:
        return Reject(Code.TIER_EXCEEDED)
    if funds.spendable_e8(state, order.account_row, state.index.ccy_rows[ccy]) < needed:
        return Reject(Code.INSUFFICIENT_BALANCE, (ccy,))
    return None


def _opening_lots(state: State, order: PlaceOrder) -> int:
    """Lots that would open exposure once what is held, and what rests before it, had its part."""
    if only_closes(state, order):
        return 0
    book = book_of(order)
    closable = funds.closable_lots(state, order.account_row, book, order.side)
    if closable == 0 or order.ord_type not in _RESTING_TYPES:
        return max(0, order.size_lots - closable)
    pending, _ = funds.pending_lots(state, order.account_row, book, order.side)
    return max(0, order.size_lots - max(0, closable - pending))


def _refuse_tier(state: State, order: PlaceOrder, instrument: Instrument) -> Reject | None:
    """Keep a position with all that pends for it inside the engine's bounds."""
    book = book_of(order)
    held = int(state.positions.qty_lots[position_row(state, book, order.account_row)])
    pending, _ = funds.pending_lots(state, order.account_row, book, order.side)
    lots = abs(held) + pending + order.size_lots
    px = max(order.px_ticks, int(state.markets.mark_ticks[order.inst_row]))
    if lots > MAX_SIZE_LOTS or instrument.value_e8(px, lots) > MAX_VALUE_E8:
        return Reject(Code.TIER_EXCEEDED)
    return None


def _refuse_margin(
    state: State, order: PlaceOrder, found: matching.Plan, opening: int
) -> Reject | None:
    """Check margin, taker fee and open loss of what opens, the resting part at its limit."""
    instrument = state.instruments[order.inst_row]
    rests = order.ord_type in _RESTING_TYPES
    lots = order.size_lots if rests else found.lots
    value = found.value_e8 + instrument.value_e8(order.px_ticks, lots - found.lots)
    closing = order.size_lots - opening
    opened = max(0, lots - closing)
    if opened == 0:
        return None
    book = book_of(order)
    lever = lever_of(state, book, order.account_row)
    needed = funds.needed_e8(
        state, instrument, order.side, (opened, ceil_div(value * opened, lots)), lever
    )
    ccy_row = state.index.ccy_rows[instrument.settle_ccy]
    free = available_e8(state, order.account_row, ccy_row)
    if closing and not rests:
        free += _released_e8(state, order.account_row, book, closing)
    if free < needed:
        return Reject(Code.INSUFFICIENT_BALANCE, (instrument.settle_ccy,))
    return None


def _released_e8(state: State, account_row: int, book: int, lots: int) -> int:
    """Margin that closing `lots` gives back; of an isolated position less its loss at mark."""
    row = position_row(state, book, account_row)
    freed = int(state.positions.margin_e8[row])
    if book % 6 >= 3:  # isolated: its loss is not in the equity of the account yet
        freed = max(0, freed + min(0, upl_e8(state, row)))
    return freed * lots // abs(int(state.positions.qty_lots[row]))
