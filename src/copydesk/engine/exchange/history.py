"""Ids, trade numbers, bills, and the trimming of what is history only.

What lives here: the only places that take ids and trade numbers, write bills, and forget old rows.
What it may touch: `engine.state`, `engine.context`, `model`.
Always true: ids and trade numbers rise strictly; trimming forgets terminal rows only.
Start reading: `new_id`, `add_bill`, `trim_orders`.
"""

from collections import deque
from typing import Final

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.exchange import resting
from copydesk.engine.state import State
from copydesk.engine.table import I64, Table
from copydesk.model.enums import OrderState
from copydesk.model.ids import next_id
from copydesk.model.limits import ORDER_HISTORY_ROWS

# OKX bill types and subtypes that this system writes (exchange.yaml, semantics.bills).
TRANSFER: Final = 1
LIQUIDATION: Final = 5
FUNDING: Final = 8
TRANSFER_IN: Final = 11
TRANSFER_OUT: Final = 12
LIQUIDATION_TRANSFER_IN: Final = 110
FUNDING_PAID: Final = 173
FUNDING_RECEIVED: Final = 174


def new_id(state: State, ctx: Context) -> int:
    """Take the next free id of this moment."""
    state.scalars.last_id = fresh = next_id(state.scalars.last_id, ctx.ts_ns)
    return fresh


def new_ids(state: State, ctx: Context, count: int) -> int:
    """Take a stretch of `count` ids; gives the first."""
    first = next_id(state.scalars.last_id, ctx.ts_ns)
    state.scalars.last_id = first + count - 1
    return first


def new_trades(state: State, count: int) -> int:
    """Take a stretch of `count` trade numbers; gives the first."""
    first = state.scalars.last_trade_id + 1
    state.scalars.last_trade_id += count
    return first


def add_bill(
    state: State,
    ctx: Context,
    account_row: int,
    place: tuple[int, int],
    entry: tuple[int, int, int],
) -> None:
    """Record one booked movement.

    `place`: currency row, instrument row or -1; `entry`: OKX bill type, subType, signed change.
    """
    rows = np.array([account_row], dtype=np.int64)
    kind, sub_kind, change = entry
    add_bills(state, ctx, rows, place, (kind, np.array([sub_kind]), np.array([change])))


def add_bills(
    state: State,
    ctx: Context,
    account_rows: I64,
    place: tuple[int, int],
    entry: tuple[int, I64, I64],
) -> None:
    """Record booked movements of many accounts; subTypes and changes are int64[N] in `entry`."""
    count = len(account_rows)
    trim(state.bills)
    ccy_row, inst_row = place
    kind, sub_kinds, changes = entry
    bills = state.bills
    start = bills.append(count)
    stretch = slice(start, start + count)
    first = new_ids(state, ctx, count)
    bills.bill_id[stretch] = np.arange(first, first + count)
    bills.account_row[stretch] = account_rows
    bills.ccy_row[stretch] = ccy_row
    bills.inst_row[stretch] = inst_row
    bills.kind[stretch] = kind
    bills.sub_kind[stretch] = sub_kinds
    bills.change_e8[stretch] = changes
    bills.cash_after_e8[stretch] = state.wallet(ccy_row).cash_e8[account_rows]
    bills.ts_ns[stretch] = ctx.ts_ns


def trim(table: Table, limit: int = ORDER_HISTORY_ROWS) -> None:
    """Forget the older half of a history table when there are too many rows."""
    if table.count >= limit:
        table.drop_first(table.count // 2)


def trim_orders(state: State, limit: int = ORDER_HISTORY_ROWS) -> bool:
    """Forget the terminal orders of the older half when there are too many; True if rows moved.

    Orders that still rest are moved to the front of what stays, in their order, so that ids keep
    rising with rows. Row numbers change: to be called only while no row number of an order is held
    outside `index` (before an order is placed).
    """
    orders = state.orders
    if orders.count < limit:
        return False
    half = orders.count // 2
    kept = np.flatnonzero(orders.state[:half] < OrderState.FILLED)
    gone = half - len(kept)
    for name in orders.columns:
        array = getattr(orders, name)
        array[gone:half] = array[kept]
    orders.drop_first(gone)
    reindex_orders(state)
    return True


def reindex_orders(state: State) -> None:
    """Rebuild everything in `index` that holds rows of the orders table.

    At one price, ids give the order of the queue, because an order is queued in the step that made
    it.
    """
    index, orders = state.index, state.orders
    index.order_by_id = dict(zip(orders.live("ord_id").tolist(), range(orders.count), strict=True))
    index.resting, index.orders_by_account, index.pending_by_client_id = {}, {}, {}
    for order_row in np.flatnonzero(orders.live("state") < OrderState.FILLED).tolist():
        resting.enter(state, order_row)
    assert not state.fill_events, "rows of orders are held by fill events"
    state.fill_events = deque()
