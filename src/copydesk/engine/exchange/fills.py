"""Booking of matches: position or coins, fee, order row, history row, event for copying.

What lives here: the one way in which a single order fills, as taker or as maker, and the provider's
side.
What it may touch: `exchange.positions`, `exchange.fees`, `exchange.history`, `engine.state`,
`model`.
Always true: both sides of a match are booked at one price and one value; on spot, coins and money
change hands in full; fees are charged besides.
Start reading: `book_match`.
"""

from typing import NamedTuple

from copydesk.engine.context import Context
from copydesk.engine.exchange import history, resting
from copydesk.engine.exchange.fees import charge, fee_e8
from copydesk.engine.exchange.funds import hold_e8
from copydesk.engine.exchange.notices import Match, order_updated
from copydesk.engine.exchange.positions import Booked, book_fill, position_row
from copydesk.engine.state import LIQUIDITY, FillEvent, State, book_id
from copydesk.model.enums import FillCause, InstType, MgnMode, OrderState, PosSide, Side
from copydesk.model.instruments import Instrument

_SIDE = {int(member): member for member in Side}
_CAUSE = {int(member): member for member in FillCause}


class Price(NamedTuple):
    """One match: trade id, price, lots, and whether the order booked is the maker."""

    trade_id: int
    px_ticks: int
    lots: int
    maker: bool


class Total(NamedTuple):
    """What one pass of an order did: to the position, and in fees."""

    booked: Booked
    fee_e8: int

    def plus(self, other: "Total") -> "Total":
        """Add up two passes of one order."""
        pairs = zip(self.booked, other.booked, strict=True)
        return Total(Booked(*(a + b for a, b in pairs)), self.fee_e8 + other.fee_e8)


NOTHING = Total(Booked(0, 0, 0, 0, 0), 0)


def book_match(state: State, ctx: Context, order_row: int, price: Price) -> Total:
    """Book one match of an order; its queue and its hold are the caller's."""
    instrument = resting.instrument_of(state, order_row)
    value = instrument.value_e8(price.px_ticks, price.lots)
    if instrument.inst_type is InstType.SWAP:
        booked, fee = _book_swap(state, ctx, order_row, price, value)
    else:
        booked, fee = _book_spot(state, order_row, price, value)
    orders = state.orders
    filled = int(orders.filled_lots[order_row]) + price.lots
    done = filled == int(orders.size_lots[order_row])
    orders.filled_lots[order_row] = filled
    orders.filled_value_e8[order_row] += value
    orders.fee_e8[order_row] += fee
    orders.pnl_e8[order_row] += booked.realised_e8
    orders.state[order_row] = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
    orders.updated_ns[order_row] = ctx.ts_ns
    orders.last_trade_id[order_row] = price.trade_id
    orders.last_fill_lots[order_row] = price.lots
    orders.last_fill_px[order_row] = price.px_ticks
    match = Match(price.trade_id, price.lots, price.px_ticks, fee, booked.realised_e8, price.maker)
    _append_fill(state, ctx, order_row, match, booked.closed_lots)
    order_updated(state, ctx, order_row, match)
    return Total(booked, fee)


def _book_swap(
    state: State, ctx: Context, order_row: int, price: Price, value: int
) -> tuple[Booked, int]:
    orders = state.orders
    account_row, book = int(orders.account_row[order_row]), resting.book_of(state, order_row)
    lots = int(orders.side[order_row]) * price.lots
    booked = book_fill(state, ctx, account_row, book, lots, (value, int(orders.lever[order_row])))
    instrument = resting.instrument_of(state, order_row)
    fee = fee_e8(instrument, value, price.maker)
    charge(state, account_row, state.index.ccy_rows[instrument.settle_ccy], fee)
    state.positions.fee_e8[position_row(state, book, account_row)] += fee
    return booked, fee


def _book_spot(state: State, order_row: int, price: Price, value: int) -> tuple[Booked, int]:
    """Exchange coins and money of one account; the fee comes out of what it receives."""
    instrument = resting.instrument_of(state, order_row)
    account_row = int(state.orders.account_row[order_row])
    side = int(state.orders.side[order_row])
    coins = price.lots * instrument.base_lot_e8
    move_spot(state, instrument, account_row, side, (coins, value))
    received, ccy = (coins, instrument.base_ccy) if side > 0 else (value, instrument.quote_ccy)
    fee = fee_e8(instrument, received, price.maker)
    charge(state, account_row, state.index.ccy_rows[ccy], fee)
    return NOTHING.booked, fee


def move_spot(
    state: State, instrument: Instrument, account_row: int, side: int, amounts: tuple[int, int]
) -> None:
    """Give an account coins for money (side +1) or money for coins (-1)."""
    coins, money = amounts
    rows = state.index.ccy_rows
    state.wallet(rows[instrument.base_ccy]).cash_e8[account_row] += side * coins
    state.wallet(rows[instrument.quote_ccy]).cash_e8[account_row] -= side * money
    state.accounts.calm_ppm[account_row] = 0  # money that stood behind positions may be gone
    state.scalars.risk_min_calm_ppm = 0


def book_provider(
    state: State, ctx: Context, inst_row: int, side: int, amounts: tuple[int, int]
) -> None:
    """Book (lots, value) on the provider's side, `side` being the provider's own."""
    instrument = state.instruments[inst_row]
    lots, value = amounts
    if instrument.inst_type is InstType.SWAP:
        book = book_id(inst_row, MgnMode.CROSS, PosSide.NET)
        book_fill(state, ctx, LIQUIDITY, book, side * lots, (value, 1))
    else:
        move_spot(state, instrument, LIQUIDITY, side, (lots * instrument.base_lot_e8, value))


def _append_fill(
    state: State, ctx: Context, order_row: int, match: Match, closed_lots: int
) -> None:
    history.trim(state.fills)
    orders, fills = state.orders, state.fills
    row = fills.append()
    instrument = resting.instrument_of(state, order_row)
    cash = state.wallet(state.index.ccy_rows[instrument.settle_ccy]).cash_e8
    fills.trade_id[row] = match.trade_id
    fills.ord_id[row] = orders.ord_id[order_row]
    fills.account_row[row] = orders.account_row[order_row]
    fills.inst_row[row] = orders.inst_row[order_row]
    fills.side[row] = orders.side[order_row]
    fills.pos_side[row] = orders.pos_side[order_row]
    fills.mgn_mode[row] = orders.td_mode[order_row]
    fills.cause[row] = orders.cause[order_row]
    fills.maker[row] = match.maker
    fills.px_ticks[row] = match.px_ticks
    fills.lots[row] = match.lots
    fills.fee_e8[row] = match.fee_e8
    fills.pnl_e8[row] = match.pnl_e8
    fills.closed_lots[row] = closed_lots
    fills.cash_after_e8[row] = cash[orders.account_row[order_row]]
    fills.ts_ns[row] = ctx.ts_ns
    fills.cl_ord_id[row] = orders.cl_ord_id[order_row]
    fills.tag[row] = orders.tag[order_row]


def leave_event(state: State, order_row: int, total: Total, reduces: int = -1) -> None:
    """Leave what an order closed and opened for `copying`; swaps of users only.

    `reduces`: the lead position row that a close is meant for.
    """
    booked = total.booked
    orders = state.orders
    account_row = int(orders.account_row[order_row])
    instrument = resting.instrument_of(state, order_row)
    if not resting.is_user(account_row) or instrument.inst_type is not InstType.SWAP:
        return
    state.fill_events.append(
        FillEvent(
            account_row=account_row,
            inst_row=instrument.row,
            book=resting.book_of(state, order_row),
            side=_SIDE[int(orders.side[order_row])],
            ord_id=int(orders.ord_id[order_row]),
            ordered_lots=int(orders.size_lots[order_row]),
            closed_lots=booked.closed_lots,
            opened_lots=booked.opened_lots,
            opened_value_e8=booked.opened_value_e8,
            closed_value_e8=booked.closed_value_e8,
            lever=int(orders.lever[order_row]),
            cause=_CAUSE[int(orders.cause[order_row])],
            fee_e8=total.fee_e8,
            reduces=reduces,
        )
    )


def fill_resting(state: State, ctx: Context, order_row: int, price: Price) -> None:
    """Fill a resting order as maker; it leaves the book when nothing of it remains.

    Holds of swap orders follow from positions, so `funds.reconcile` sets them when all parts are
    booked.
    """
    total = book_match(state, ctx, order_row, price)
    rest = resting.remaining_lots(state, order_row)
    if rest == 0:
        resting.leave(state, order_row)
    elif (instrument := resting.instrument_of(state, order_row)).inst_type is InstType.SPOT:
        side, px = int(state.orders.side[order_row]), int(state.orders.px_ticks[order_row])
        resting.set_hold(state, order_row, hold_e8(instrument, side, px, rest, 0))
    leave_event(state, order_row, total)
