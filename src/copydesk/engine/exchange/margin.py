"""Margin: what an account is worth and what it may still use.

What lives here: unrealised profit, equity and availability of one account and of many.
What it may touch: `engine.state`, `model`.
Always true: read-only. Initial margin is charged at the entry price (rules 3.4), profit counts at
mark.
Start reading: `available_e8`.

available = cash - isolated margins + unrealised profit of cross positions - cross margins - holds.
"""

import numpy as np

from copydesk.engine.exchange import positions
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, State, book_parts
from copydesk.engine.table import I64, Rows, span
from copydesk.model.amounts import checked_mul


def mark_value_e8(state: State, position_row: int) -> int:
    """Signed value of a position at mark."""
    positions = state.positions
    inst_row, _, _ = book_parts(int(positions.book[position_row]))
    instrument = state.instruments[inst_row]
    quantity = int(positions.qty_lots[position_row])
    value = instrument.value_e8(int(state.markets.mark_ticks[inst_row]), abs(quantity))
    return value if quantity > 0 else -value


def upl_e8(state: State, position_row: int) -> int:
    """Unrealised profit of a position at mark, in its settle currency."""
    return mark_value_e8(state, position_row) - int(state.positions.cost_e8[position_row])


def upl_many_e8(state: State, book: int, position_rows: Rows) -> I64:
    """Unrealised profit of many positions of one book, int64[N]; row 0 (no position) gives 0."""
    inst_row, _, _ = book_parts(book)
    instrument = state.instruments[inst_row]
    unit = int(state.markets.mark_ticks[inst_row]) * instrument.value_num
    values = checked_mul(state.positions.qty_lots[position_rows], unit)
    if instrument.value_den != 1:
        np.floor_divide(values, instrument.value_den, out=values)
    return np.subtract(values, state.positions.cost_e8[position_rows], out=values)


def cross_books(state: State, ccy_row: int) -> list[int]:
    """Books that hold cross positions settled in a currency.

    Kept in `index` until there is a new book: every margin check asks, and there may be hundreds.
    """
    count, books = state.index.cross_books.get(ccy_row, (-1, []))
    if count != len(state.index.position_rows):
        rows, instruments = state.index.ccy_rows, state.instruments
        books = [
            book
            for book in sorted(state.index.position_rows)
            if book % BOOKS_PER_INSTRUMENT < BOOKS_PER_INSTRUMENT // 2
            and rows[instruments[book // BOOKS_PER_INSTRUMENT].settle_ccy] == ccy_row
        ]
        state.index.cross_books[ccy_row] = (len(state.index.position_rows), books)
    return books


def cross_equity_e8(state: State, account_row: int, ccy_row: int) -> int:
    """Cash outside isolated positions plus unrealised profit of cross positions."""
    wallet = state.wallet(ccy_row)
    equity = int(wallet.cash_e8[account_row]) - int(wallet.iso_margin_e8[account_row])
    if wallet.cross_margin_e8[account_row] == 0:
        return equity
    for book in cross_books(state, ccy_row):
        rows = state.index.position_rows[book]
        if account_row < len(rows) and rows[account_row]:
            equity += upl_e8(state, int(rows[account_row]))
    return equity


def available_e8(state: State, account_row: int, ccy_row: int) -> int:
    """Compute what may still be used for new margin and fees; negative when under water."""
    wallet = state.wallet(ccy_row)
    used = int(wallet.cross_margin_e8[account_row]) + int(wallet.hold_e8[account_row])
    return cross_equity_e8(state, account_row, ccy_row) - used


def available_many_e8(state: State, account_rows: I64, ccy_row: int) -> I64:
    """`available_e8` of many accounts, int64[N]. Cost: three gathers per cross book of the
    currency."""
    wallet = state.wallet(ccy_row)
    owners = span(account_rows, rising=True)
    free: I64 = wallet.cash_e8[owners] - wallet.iso_margin_e8[owners]
    free -= wallet.hold_e8[owners]
    free -= wallet.cross_margin_e8[owners]
    for book in cross_books(state, ccy_row):
        rows = positions.book_rows(state, book)[owners]
        if rows.any():
            free += upl_many_e8(state, book, span(rows))
    return free
