"""Resting orders: the queues of the book and each account's list of what pends.

What lives here: entering and leaving the book, cancelling, what an order is about.
What it may touch: `exchange.notices`, `engine.state`, `engine.context`, `model`.
Always true: an order is in a queue, in its account's list and under its client id exactly while its
state is live or partially_filled and the step that placed it has ended.
Start reading: `enter`, `cancel`.
"""

from bisect import bisect_left, insort
from collections import deque

from copydesk.engine.context import Context
from copydesk.engine.exchange.notices import order_updated
from copydesk.engine.state import FIRST_USER, RestingSide, State, book_id
from copydesk.model.enums import InstType, OrderState, PosMode, PosSide
from copydesk.model.instruments import Instrument

_CLOSING_SIDE = {int(PosSide.NET): 0, int(PosSide.LONG): -1, int(PosSide.SHORT): 1}


def enter(state: State, order_row: int) -> None:
    """Put an order into its queue and lists; wallets and counts are the caller's."""
    orders, index = state.orders, state.index
    px = int(orders.px_ticks[order_row])
    key = (int(orders.inst_row[order_row]), int(orders.side[order_row]))
    book_side = index.resting.get(key)
    if book_side is None:
        book_side = index.resting[key] = RestingSide()
    queue = book_side.queues.get(px)
    if queue is None:
        queue = book_side.queues[px] = deque()
        insort(book_side.prices, px)
    queue.append(order_row)
    account_row = int(orders.account_row[order_row])
    index.orders_by_account.setdefault(account_row, []).append(order_row)
    client_id = bytes(orders.cl_ord_id[order_row])
    if client_id:
        index.pending_by_client_id[account_row, client_id] = order_row


def leave(state: State, order_row: int) -> None:
    """Take an order out of its queue and lists, release its hold, count it out."""
    orders, index = state.orders, state.index
    px = int(orders.px_ticks[order_row])
    book_side = index.resting[int(orders.inst_row[order_row]), int(orders.side[order_row])]
    queue = book_side.queues[px]
    queue.remove(order_row)
    if not queue:
        del book_side.queues[px]
        del book_side.prices[bisect_left(book_side.prices, px)]
    account_row = int(orders.account_row[order_row])
    pending = index.orders_by_account[account_row]
    pending.remove(order_row)
    if not pending:
        del index.orders_by_account[account_row]
    index.pending_by_client_id.pop((account_row, bytes(orders.cl_ord_id[order_row])), None)
    state.accounts.pending_orders[account_row] -= 1
    set_hold(state, order_row, 0)


def pending_rows(state: State, account_row: int) -> list[int]:
    """Rows of an account's resting orders, oldest first; a copy, so that the caller may cancel."""
    return list(state.index.orders_by_account.get(account_row, ()))


def remaining_lots(state: State, order_row: int) -> int:
    """Count what of an order has not filled."""
    return int(state.orders.size_lots[order_row]) - int(state.orders.filled_lots[order_row])


def hold_ccy_row(state: State, order_row: int) -> int:
    """Currency of an order's hold: settle of a swap, base of a spot sale, quote of a purchase."""
    instrument = instrument_of(state, order_row)
    selling = instrument.inst_type is InstType.SPOT and state.orders.side[order_row] < 0
    return state.index.ccy_rows[instrument.base_ccy if selling else instrument.settle_ccy]


def instrument_of(state: State, order_row: int) -> Instrument:
    """Instrument of an order."""
    return state.instruments[int(state.orders.inst_row[order_row])]


def book_of(state: State, order_row: int) -> int:
    """Book id in which a swap order's fills are booked."""
    orders = state.orders
    return book_id(
        int(orders.inst_row[order_row]),
        int(orders.td_mode[order_row]),
        int(orders.pos_side[order_row]),
    )


def set_hold(state: State, order_row: int, hold_e8: int) -> None:
    """Freeze exactly `hold_e8` for an order."""
    change = hold_e8 - int(state.orders.hold_e8[order_row])
    if change:
        state.orders.hold_e8[order_row] = hold_e8
        wallet = state.wallet(hold_ccy_row(state, order_row))
        wallet.hold_e8[int(state.orders.account_row[order_row])] += change


def cancel(state: State, ctx: Context, order_row: int) -> None:
    """Take a resting order out of the book for good."""
    leave(state, order_row)
    end(state, ctx, order_row)


def end(state: State, ctx: Context, order_row: int) -> None:
    """Mark an order that does not rest as canceled."""
    state.orders.state[order_row] = OrderState.CANCELED
    state.orders.updated_ns[order_row] = ctx.ts_ns
    order_updated(state, ctx, order_row)


def closes_by_nature(state: State, order_row: int) -> bool:
    """Whether an order can only close: reduce-only, or against its side in long/short mode."""
    orders = state.orders
    if orders.reduce_only[order_row]:
        return True
    return closing_side(int(orders.pos_side[order_row])) == int(orders.side[order_row])


def closing_side(pos_side: int) -> int:
    """Sign of the orders that close a long or short slot; 0 in the net slot."""
    return _CLOSING_SIDE[pos_side]


def uses_net_mode(state: State, account_row: int) -> bool:
    """Whether an account trades in net mode."""
    return bool(state.accounts.pos_mode[account_row] == PosMode.NET)


def is_user(account_row: int) -> bool:
    """Whether an account is not one of the house's own."""
    return account_row >= FIRST_USER
