"""Liquidation: positions that their margin no longer carries are closed through the book.

What lives here: liquidating an account's cross positions of one currency, or one isolated position.
What it may touch: `exchange.reducing`, `exchange.margin`, `engine.state`, `model`.
Always true: nobody ends below zero: HOUSE makes good what a liquidation lost beyond the margin.
Start reading: `liquidate_cross`.
"""

from copydesk.engine.context import Context
from copydesk.engine.exchange import history, margin, reducing, resting
from copydesk.engine.exchange.fees import fee_e8
from copydesk.engine.exchange.positions import settle_ccy_row
from copydesk.engine.state import HOUSE, State, book_parts
from copydesk.model.amounts import ceil_div
from copydesk.model.enums import FillCause
from copydesk.model.limits import RATIO_ONE
from copydesk.model.outputs import AccountLiquidated


def needed_e8(state: State, position_row: int) -> int:
    """Maintenance margin and closing fee of a position at mark: its last line."""
    inst_row, _, _ = book_parts(int(state.positions.book[position_row]))
    instrument = state.instruments[inst_row]
    value = abs(margin.mark_value_e8(state, position_row))
    return ceil_div(value * instrument.mmr_ppm, RATIO_ONE) + fee_e8(instrument, value, maker=False)


def cross_rows(state: State, account_row: int, ccy_row: int) -> list[int]:
    """Rows of an account's open cross positions of one currency."""
    rows = []
    for book in margin.cross_books(state, ccy_row):
        of_book = state.index.position_rows[book]
        row = int(of_book[account_row]) if account_row < len(of_book) else 0
        if row and state.positions.qty_lots[row]:
            rows.append(row)
    return rows


def liquidate_cross(state: State, ctx: Context, account_row: int, ccy_row: int) -> None:
    """Close all cross positions of a currency, if still due: a maker fill may have saved them."""
    rows = cross_rows(state, account_row, ccy_row)
    needed = sum(needed_e8(state, row) for row in rows)
    if not rows or margin.cross_equity_e8(state, account_row, ccy_row) > needed:
        return
    _cancel_orders(state, ctx, account_row)
    for row in rows:
        _close(state, ctx, row)
    wallet = state.wallet(ccy_row)
    free = int(wallet.cash_e8[account_row]) - int(wallet.iso_margin_e8[account_row])
    _make_good(state, ctx, account_row, ccy_row, -free)


def liquidate_isolated(state: State, ctx: Context, position_row: int) -> None:
    """Close one isolated position if it is still due; it can lose its own margin and no more."""
    positions = state.positions
    own = int(positions.margin_e8[position_row])
    spare = own + margin.upl_e8(state, position_row) - needed_e8(state, position_row)
    if not positions.qty_lots[position_row] or spare > 0:
        return
    account_row = int(positions.account_row[position_row])
    ccy_row = settle_ccy_row(state, int(positions.book[position_row]))
    cash = state.wallet(ccy_row).cash_e8
    before = int(cash[account_row])
    _cancel_orders(state, ctx, account_row)
    _close(state, ctx, position_row)
    _make_good(state, ctx, account_row, ccy_row, before - own - int(cash[account_row]))
    if not cross_rows(state, account_row, ccy_row):  # funding may have eaten into the margin
        others = int(state.wallet(ccy_row).iso_margin_e8[account_row])
        _make_good(state, ctx, account_row, ccy_row, others - int(cash[account_row]))


def _cancel_orders(state: State, ctx: Context, account_row: int) -> None:
    for order_row in resting.pending_rows(state, account_row):
        resting.cancel(state, ctx, order_row)


def _close(state: State, ctx: Context, position_row: int) -> None:
    account_row = int(state.positions.account_row[position_row])
    book = int(state.positions.book[position_row])
    request = reducing.Reduction(account_row, book, 0, FillCause.LIQUIDATION)
    reducing.reduce_wholly(state, ctx, request)
    ctx.emit(AccountLiquidated(account_row, book_parts(book)[0], ctx.ts_ms))


def _make_good(state: State, ctx: Context, account_row: int, ccy_row: int, amount_e8: int) -> None:
    """Let HOUSE pay what is missing, if anything is."""
    if amount_e8 <= 0:
        return
    cash = state.wallet(ccy_row).cash_e8
    cash[account_row] += amount_e8
    cash[HOUSE] -= amount_e8
    entry = (history.LIQUIDATION, history.LIQUIDATION_TRANSFER_IN, amount_e8)
    history.add_bill(state, ctx, account_row, (ccy_row, -1), entry)
