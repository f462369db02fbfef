"""What an order needs, what it freezes while it rests, and what an account may still spend.

What lives here: needed margin of a new order, holds of resting ones, spendable balances.
What it may touch: `exchange.margin`, `exchange.fees`, `exchange.resting`, `engine.state`, `model`.
Always true: only exposure that an order would open needs margin; closing never does.
Start reading: `needed_e8`, `hold_e8`, `reconcile`.
"""

from copydesk.engine.context import Context
from copydesk.engine.exchange import margin, resting
from copydesk.engine.exchange.fees import fee_e8
from copydesk.engine.exchange.positions import position_row
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, State
from copydesk.engine.table import I64
from copydesk.model.amounts import ceil_div
from copydesk.model.enums import InstType, Side
from copydesk.model.instruments import Instrument


def spendable_e8(state: State, account_row: int, ccy_row: int) -> int:
    """Tell what may leave the account or buy coins: available, and never unrealised profit."""
    wallet = state.wallet(ccy_row)
    bound = (
        int(wallet.iso_margin_e8[account_row])
        + int(wallet.cross_margin_e8[account_row])
        + int(wallet.hold_e8[account_row])
    )
    free = int(wallet.cash_e8[account_row]) - bound
    return min(free, margin.available_e8(state, account_row, ccy_row))


def closable_lots(state: State, account_row: int, book: int, side: int) -> int:
    """Lots of the position in `book` that an order of this side would close."""
    held = int(state.positions.qty_lots[position_row(state, book, account_row)])
    return abs(held) if held * side < 0 else 0


def pending_lots(state: State, account_row: int, book: int, side: int) -> tuple[int, int]:
    """Lots resting on this side of a book: of all orders, and of those that can only close."""
    lots = closing = 0
    inst_row = book // BOOKS_PER_INSTRUMENT
    for row in state.index.orders_by_account.get(account_row, ()):
        if (
            int(state.orders.inst_row[row]) == inst_row
            and int(state.orders.side[row]) == side
            and resting.book_of(state, row) == book
        ):
            rest = resting.remaining_lots(state, row)
            lots += rest
            closing += rest if resting.closes_by_nature(state, row) else 0
    return lots, closing


def needed_e8(
    state: State, instrument: Instrument, side: int, opening: tuple[int, int], lever: int
) -> int:
    """Sum up what opening (lots, value) takes: margin, taker fee, loss at mark (open loss)."""
    lots, value = opening
    at_mark = instrument.value_e8(int(state.markets.mark_ticks[instrument.row]), lots)
    open_loss = max(0, side * (value - at_mark))
    return ceil_div(value, lever) + fee_e8(instrument, value, maker=False) + open_loss


def hold_e8(instrument: Instrument, side: int, px_ticks: int, lots: int, lever: int) -> int:
    """Sum up what resting lots freeze: margin and maker fee of a swap; spot, what they pay."""
    if instrument.inst_type is InstType.SPOT:
        if side == Side.SELL:
            return lots * instrument.base_lot_e8
        return instrument.value_e8(px_ticks, lots)
    value = instrument.value_e8(px_ticks, lots)
    return ceil_div(value, lever) + fee_e8(instrument, value, maker=True) if lots else 0


def reconcile_many(state: State, ctx: Context, account_rows: I64, inst_row: int) -> None:
    """Bring the resting orders of many accounts in line; those without any cost a gather."""
    pending = state.accounts.pending_orders[account_rows] > 0
    for account_row in account_rows[pending].tolist():
        reconcile(state, ctx, account_row, inst_row)


def reconcile(state: State, ctx: Context, account_row: int, inst_row: int) -> None:
    """Bring an account's resting orders of an instrument in line with its positions.

    To be called after any change of a position by another way than the resting order itself, too:
    an order that was to close, and whose position is gone, now opens and needs a hold; one that
    can only close and has nothing left to close is cancelled; when that made holds grow beyond
    what is available, orders are cancelled, newest first. Cost: O(pending orders of the account),
    nothing when it has none.
    """
    if not state.accounts.pending_orders[account_row]:
        return
    if state.instruments[inst_row].inst_type is InstType.SPOT:
        return
    ccy_row = state.index.ccy_rows[state.instruments[inst_row].settle_ccy]
    wallet = state.wallet(ccy_row)
    before = int(wallet.hold_e8[account_row])
    pools: dict[tuple[int, int], list[int]] = {}
    for row in resting.pending_rows(state, account_row):
        if int(state.orders.inst_row[row]) == inst_row:
            _reconcile_order(state, ctx, row, pools)
    if int(wallet.hold_e8[account_row]) <= before:
        return
    for row in reversed(resting.pending_rows(state, account_row)):
        if margin.available_e8(state, account_row, ccy_row) >= 0:
            break
        if state.orders.hold_e8[row] and resting.hold_ccy_row(state, row) == ccy_row:
            resting.cancel(state, ctx, row)


def _reconcile_order(
    state: State, ctx: Context, row: int, pools: dict[tuple[int, int], list[int]]
) -> None:
    """Give one resting order its share of what can be closed, and a hold for the rest.

    `pools` of a book and side: what earlier orders left to close, and what earlier ones among those
    that can only close left (a plain order may fill or not, so it takes nothing from them).
    """
    orders = state.orders
    side, book = int(orders.side[row]), resting.book_of(state, row)
    pool = pools.get((book, side))
    if pool is None:
        held = closable_lots(state, int(orders.account_row[row]), book, side)
        pool = pools[book, side] = [held, held]
    rest = resting.remaining_lots(state, row)
    closing = min(pool[0], rest)
    pool[0] -= closing
    if resting.closes_by_nature(state, row):
        if pool[1] == 0:
            resting.cancel(state, ctx, row)
        pool[1] -= min(pool[1], rest)
        return
    px, lever = int(orders.px_ticks[row]), int(orders.lever[row])
    instrument = resting.instrument_of(state, row)
    resting.set_hold(state, row, hold_e8(instrument, side, px, rest - closing, lever))
