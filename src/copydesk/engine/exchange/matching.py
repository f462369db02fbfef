"""Matching: what an order would meet, and booking the side that was met.

What lives here: `plan` (reads only) and `take` (books the makers; the taker is the caller's).
What it may touch: `exchange.liquidity`, `exchange.fills`, `exchange.funds`, `exchange.resting`,
`engine.state`.
Always true: best price first; at one price users' orders before the provider, older orders before
newer; an order meets at most MAX_MAKERS_PER_TAKER resting orders.
Start reading: `plan`, `take`.

Self-trade: the taker's own resting orders that it would meet are cancelled (OKX's default,
cancel_maker). They stand in the plan with 0 lots, and `take` cancels them. So do orders that can
only close and have nothing to close.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.exchange import fills, funds, history, liquidity, resting
from copydesk.engine.exchange.notices import accounts_touched, book_changed
from copydesk.engine.state import State
from copydesk.engine.table import I64
from copydesk.model.limits import MAX_MAKERS_PER_TAKER

PROVIDER = -1  # order row of a part that the liquidity provider fills


class Plan(NamedTuple):
    """What an order would get: parts are (px_ticks, lots, order row or PROVIDER), best first."""

    lots: int
    value_e8: int
    parts: tuple[tuple[int, int, int], ...]


def plan(
    state: State,
    inst_row: int,
    side: int,
    lots: int,
    limit_ticks: int | None = None,
    taker_row: int | I64 = -1,
) -> Plan:
    """Find what `lots` would meet up to the limit price, changing nothing.

    `taker_row`: the taker, or all of a bunched order (ascending); their resting orders are not met.
    """
    instrument = state.instruments[inst_row]
    parts: list[tuple[int, int, int]] = []
    left, value, makers = lots, 0, 0
    for px, offered, row in _offers(state, inst_row, side):
        if left == 0 or makers == MAX_MAKERS_PER_TAKER:
            break
        if limit_ticks is not None and (px - limit_ticks) * side > 0:
            break
        part = min(left, offered)
        if row != PROVIDER:
            makers += 1
            if _takes(taker_row, int(state.orders.account_row[row])):
                part = 0
            elif resting.closes_by_nature(state, row):
                part = min(part, closable(state, row, parts))
        parts.append((px, part, row))
        left -= part
        value += instrument.value_e8(px, part)
    return Plan(lots - left, value, tuple(parts))


def _takes(taker_row: int | I64, account_row: int) -> bool:
    """Whether an account is the taker, or one of those behind a bunched order."""
    if isinstance(taker_row, int):
        return account_row == taker_row
    at = int(np.searchsorted(taker_row, account_row))
    return at < len(taker_row) and int(taker_row[at]) == account_row


def met_too_many(found: Plan) -> bool:
    """Whether a plan ended because the order met as many resting orders as one order may."""
    if len(found.parts) < MAX_MAKERS_PER_TAKER:
        return False
    return sum(1 for _, _, row in found.parts if row != PROVIDER) >= MAX_MAKERS_PER_TAKER


def within_budget(state: State, inst_row: int, found: Plan, quote_e8: int) -> Plan:
    """Cut a plan to what `quote_e8` pays for, in whole lots."""
    instrument = state.instruments[inst_row]
    parts: list[tuple[int, int, int]] = []
    lots = value = 0
    for px, offered, row in found.parts:
        affordable = (quote_e8 - value) * instrument.value_den // (px * instrument.value_num)
        part = min(offered, affordable)
        if part == 0 and offered:
            break
        parts.append((px, part, row))
        lots += part
        value += instrument.value_e8(px, part)
    return Plan(lots, value, tuple(parts))


def _offers(state: State, inst_row: int, side: int) -> Iterator[tuple[int, int, int]]:
    """Merge users' queues and the provider's levels of the other side: (price, lots, order row)."""
    book_side = state.index.resting.get((inst_row, -side))
    levels = liquidity.levels(state, inst_row, -side)
    quote = next(levels, None)
    if book_side is not None:
        for px in book_side.prices if side > 0 else reversed(book_side.prices):
            while quote is not None and (quote[0] - px) * side < 0:
                yield (*quote, PROVIDER)
                quote = next(levels, None)
            for row in book_side.queues[px]:
                yield px, resting.remaining_lots(state, row), row
    while quote is not None:
        yield (*quote, PROVIDER)
        quote = next(levels, None)


def closable(state: State, row: int, parts: Sequence[tuple[int, int, int]]) -> int:
    """Tell what an only-closing maker can still close, after the earlier parts of this plan."""
    orders = state.orders
    account_row, book = int(orders.account_row[row]), resting.book_of(state, row)
    left = funds.closable_lots(state, account_row, book, int(orders.side[row]))
    for _, lots, other in parts:
        if other != PROVIDER and int(orders.account_row[other]) == account_row:
            left -= lots if resting.book_of(state, other) == book else 0
    return max(0, left)


def take(state: State, ctx: Context, inst_row: int, side: int, found: Plan) -> int:
    """Book the makers of a plan made in this step; gives the trade id of its first part.

    `side` is the taker's. Resting orders fill at their price and pay the maker fee; the provider's
    parts are booked at once. Afterwards the makers' other orders are brought in line with their new
    positions.
    """
    if not found.parts:
        return 0
    first = history.new_trades(state, len(found.parts))
    instrument = state.instruments[inst_row]
    provider_lots = provider_value = 0
    makers: list[int] = []
    for trade_id, (px, lots, row) in enumerate(found.parts, first):
        if row == PROVIDER:
            liquidity.use(state, inst_row, -side, px, lots)
            provider_lots += lots
            provider_value += instrument.value_e8(px, lots)
        elif lots == 0:
            resting.cancel(state, ctx, row)
        else:
            makers.append(int(state.orders.account_row[row]))
            fills.fill_resting(state, ctx, row, fills.Price(trade_id, px, lots, maker=True))
    if provider_lots:
        fills.book_provider(state, ctx, inst_row, -side, (provider_lots, provider_value))
    state.markets.last_trade_id[inst_row] = first + len(found.parts) - 1
    state.markets.volume_lots[inst_row] += found.lots
    for account_row in dict.fromkeys(makers):
        funds.reconcile(state, ctx, account_row, inst_row)
    if makers:
        accounts_touched(ctx, makers, inst_row)
    book_changed(ctx, inst_row)
    return first
