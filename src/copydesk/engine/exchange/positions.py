"""Positions: booking fills into (account, book) places, one at a time and by the column.

What lives here: the only functions that change quantity, cost and margin of positions.
What it may touch: `engine.state`, `engine.context`, `model`.
Always true: margin_e8 = ceil(|cost_e8| / lever); the wallet's margin sums follow every change; a
fill's
realised profit = change of cost - signed value of the fill, so money is conserved to the last unit.
Start reading: `book_fill`, then `open_many` and `close_many`.
"""

from typing import NamedTuple

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, State, Wallet, book_parts
from copydesk.engine.table import I32, I64, Rows, span
from copydesk.model.amounts import ceil_div, ceil_share, cut_share
from copydesk.model.enums import MgnMode


class Booked(NamedTuple):
    """What a fill did to a position; the two value parts add up to the value of the fill."""

    closed_lots: int
    closed_value_e8: int
    opened_lots: int
    opened_value_e8: int
    realised_e8: int


def by_book(books: I32) -> list[tuple[int, I64 | slice]]:
    """Rows of a column of book ids (one instrument) by book: at most six groups; one group is a
    slice."""
    first = int(books[0])
    if (books == first).all():
        return [(first, slice(None))]
    base = first // BOOKS_PER_INSTRUMENT * BOOKS_PER_INSTRUMENT
    counts = np.bincount(books - base, minlength=BOOKS_PER_INSTRUMENT)
    return [
        (base + at, np.flatnonzero(books == base + at)) for at in np.flatnonzero(counts).tolist()
    ]


class ManyFills(NamedTuple):
    """One fill each for many accounts of one book, parallel, no account twice: signed lots, and
    unsigned value and fee in 1e-8 of the settle currency."""

    account_rows: I64
    signed_lots: I64
    value_e8: I64
    fee_e8: I64


def settle_ccy_row(state: State, book: int) -> int:
    """Row of the currency in which a book's positions are settled."""
    return state.index.ccy_rows[state.instruments[book_parts(book)[0]].settle_ccy]


def position_row(state: State, book: int, account_row: int) -> int:
    """Row of an account's position in a book; 0 if it never had one."""
    rows = state.index.position_rows.get(book)
    return int(rows[account_row]) if rows is not None and account_row < len(rows) else 0


def held_lots(state: State, book: int, account_rows: I64) -> I64:
    """Signed sizes of many accounts in a book, int64[N]; 0 where there is no position."""
    rows = state.index.position_rows.get(book)
    if rows is None:
        return np.zeros(len(account_rows), dtype=np.int64)
    held: I64 = state.positions.qty_lots[np.take(book_rows(state, book), account_rows)]
    return held


def book_rows(state: State, book: int) -> I32:
    """Give the account -> position index of a book, as long as the accounts table is."""
    rows = state.index.position_rows.get(book)
    if rows is None or len(rows) < state.accounts.capacity:
        fresh = np.zeros(state.accounts.capacity, dtype=np.int32)
        if rows is not None:
            fresh[: len(rows)] = rows
        rows = state.index.position_rows[book] = fresh
    return rows


def ensure_rows(state: State, book: int, account_rows: I64) -> I32:
    """Position rows of many accounts (no row twice), made where missing: int32[N]."""
    rows = book_rows(state, book)
    found = np.take(rows, account_rows)
    missing = found == 0
    count = int(np.count_nonzero(missing))
    if count:
        if state.positions.count == 0:
            state.positions.append()  # row 0: the dummy
        start = state.positions.append(count)
        fresh = np.arange(start, start + count, dtype=np.int32)
        owners = account_rows[missing]
        state.positions.account_row[start : start + count] = owners
        state.positions.book[start : start + count] = book
        rows[owners] = fresh
        found[missing] = fresh
    return found


def book_fill(
    state: State,
    ctx: Context,
    account_row: int,
    book: int,
    signed_lots: int,
    value_lever: tuple[int, int],
) -> Booked:
    """Book one fill of `signed_lots` worth `value_lever[0]` (1e-8) at leverage `value_lever[1]`.

    Closes what points the other way first, then opens the rest (net mode may flip). The realised
    profit goes to cash, the fee does not come from here. Value and cost are split by lots,
    rounding down for the closing part of the value and towards zero for the cost, so that a whole
    close takes all.
    """
    value, lever = value_lever
    row = int(ensure_rows(state, book, np.array([account_row], dtype=np.int64))[0])
    positions = state.positions
    held, cost = int(positions.qty_lots[row]), int(positions.cost_e8[row])
    lots = abs(signed_lots)
    closed = min(lots, abs(held)) if held * signed_lots < 0 else 0
    closed_value = value * closed // lots
    opened, opened_value = lots - closed, value - closed_value
    sign = 1 if signed_lots > 0 else -1
    removed = 0
    if closed:
        removed = abs(cost) * closed // abs(held)
        removed = removed if cost > 0 else -removed
    realised = -removed - sign * closed_value
    if held == 0 or opened:
        positions.lever[row] = lever
    if held == 0:
        _begin(state, row, ctx.ts_ns)
    positions.qty_lots[row] = held + signed_lots
    positions.cost_e8[row] = cost - removed + sign * opened_value
    positions.realised_e8[row] += realised
    positions.updated_ns[row] = ctx.ts_ns
    wallet = state.wallet(settle_ccy_row(state, book))
    wallet.cash_e8[account_row] += realised
    remargin(state, wallet, row)
    _touch(state, account_row)
    return Booked(closed, closed_value, opened, opened_value, realised)


def _begin(state: State, row: int, ts_ns: int) -> None:
    positions = state.positions
    positions.realised_e8[row] = positions.fee_e8[row] = positions.funding_e8[row] = 0
    positions.opened_ns[row] = ts_ns


def _touch(state: State, account_row: int) -> None:
    state.accounts.calm_ppm[account_row] = 0
    state.scalars.risk_min_calm_ppm = 0


def remargin(state: State, wallet: Wallet, row: int) -> None:
    """Bring the margin of a position and its wallet's sum in line with cost and leverage."""
    positions = state.positions
    cost = abs(int(positions.cost_e8[row]))
    margin = ceil_div(cost, int(positions.lever[row])) if cost else 0
    change = margin - int(positions.margin_e8[row])
    positions.margin_e8[row] = margin
    account_row = int(positions.account_row[row])
    if book_parts(int(positions.book[row]))[1] is MgnMode.CROSS:
        wallet.cross_margin_e8[account_row] += change
    else:
        wallet.iso_margin_e8[account_row] += change


def _remargin_many(state: State, book: int, rows: Rows, account_rows: Rows) -> None:
    positions = state.positions
    margin = ceil_share(np.abs(positions.cost_e8[rows]), positions.lever[rows].astype(np.int64))
    change = margin - positions.margin_e8[rows]
    positions.margin_e8[rows] = margin
    _add_margins(state, book, account_rows, change)


def _add_margins(state: State, book: int, account_rows: Rows, change: I64) -> None:
    wallet = state.wallet(settle_ccy_row(state, book))
    if book_parts(book)[1] is MgnMode.CROSS:
        wallet.cross_margin_e8[account_rows] += change
    else:
        wallet.iso_margin_e8[account_rows] += change


def open_many(
    state: State, ctx: Context, book: int, fills: ManyFills, levers: I64, margins: I64
) -> None:
    """Open exposure for many accounts at their leverage, none of which holds the other direction.

    `margins`: ceil(value / lever) of each, which is the margin of what was flat before. Fees are
    noted on the positions; charging them is the caller's.
    """
    account_rows, signed_lots, value, fee = fills
    found = ensure_rows(state, book, account_rows)
    rows, owners = span(found), span(account_rows, rising=True)
    positions = state.positions
    held = positions.qty_lots[rows]
    fresh_rows = found[held == 0]
    if len(fresh_rows):
        fresh = span(fresh_rows)
        positions.realised_e8[fresh] = 0
        positions.fee_e8[fresh] = 0
        positions.funding_e8[fresh] = 0
        positions.opened_ns[fresh] = ctx.ts_ns
    positions.qty_lots[rows] = held + signed_lots
    positions.cost_e8[rows] += value if signed_lots[0] > 0 else -value
    positions.linked_lots[rows] += np.abs(signed_lots)
    positions.fee_e8[rows] += fee
    positions.lever[rows] = levers
    positions.updated_ns[rows] = ctx.ts_ns
    if len(fresh_rows) == len(found):
        positions.margin_e8[rows] = margins
        _add_margins(state, book, owners, margins)
    else:
        _remargin_many(state, book, rows, owners)
    state.accounts.calm_ppm[owners] = 0
    state.scalars.risk_min_calm_ppm = 0


def close_many(state: State, ctx: Context, book: int, fills: ManyFills) -> I64:
    """Close linked lots for many accounts; gives the realised profit of each, int64[N].

    Lots are against the position and never more than it holds. The profit goes to cash; fees are
    noted on the positions, charging them is the caller's.
    """
    account_rows, signed_lots, value, fee = fills
    rows, owners = span(ensure_rows(state, book, account_rows)), span(account_rows, rising=True)
    positions = state.positions
    held, cost = positions.qty_lots[rows], positions.cost_e8[rows]
    lots = np.abs(signed_lots)
    removed = cut_share(np.abs(cost), lots, np.abs(held))
    if signed_lots[0] > 0:  # buying back shorts: cost is negative
        np.negative(removed, out=removed)
        realised = -removed - value
    else:
        realised = value - removed
    positions.qty_lots[rows] = held + signed_lots
    positions.cost_e8[rows] = cost - removed
    positions.linked_lots[rows] -= lots
    positions.fee_e8[rows] += fee
    positions.realised_e8[rows] += realised
    positions.updated_ns[rows] = ctx.ts_ns
    state.wallet(settle_ccy_row(state, book)).cash_e8[owners] += realised
    _remargin_many(state, book, rows, owners)
    state.accounts.calm_ppm[owners] = 0
    state.scalars.risk_min_calm_ppm = 0
    return realised
