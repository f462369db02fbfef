"""Markets as a reader sees them: book, ticker, mark price, funding.

What lives here: `BookView`, `TickerView`, `FundingView` and the functions that read them.
What it may touch: `engine.state`, `engine.exchange.liquidity`, `model`, `views.candles`.
Always true: the book is users' resting orders and the provider's levels together, best first.
Start reading: `book_of`, `ticker_of`.
"""

from collections.abc import Iterator

import msgspec

from copydesk.engine.exchange import liquidity
from copydesk.engine.state import State
from copydesk.model.enums import InstType, Side
from copydesk.model.instruments import Instrument
from copydesk.views.candles import DayView, last_day


class LevelView(msgspec.Struct, frozen=True, gc=False):
    """One price of a book: lots and how many orders (the provider's level counts as one)."""

    px_ticks: int
    lots: int
    order_count: int


class BookView(msgspec.Struct, frozen=True, gc=False):
    """Both sides of a book, best first. `seq` rises with every change of State."""

    inst: Instrument
    asks: tuple[LevelView, ...]
    bids: tuple[LevelView, ...]
    seq: int
    ts_ms: int


class TickerView(msgspec.Struct, frozen=True, gc=False):
    """Last price, best prices and the last 24 hours; prices 0 where there are none."""

    inst: Instrument
    last_ticks: int
    ask: LevelView | None
    bid: LevelView | None
    day: DayView
    ts_ms: int


class MarkView(msgspec.Struct, frozen=True, gc=False):
    """Mark price."""

    inst: Instrument
    mark_ticks: int
    ts_ms: int


class FundingView(msgspec.Struct, frozen=True, gc=False):
    """The running funding interval of a swap; times are the market's own, 0 while unknown."""

    inst: Instrument
    rate_e9: int
    next_ms: int
    interval_ms: int
    ts_ms: int


def book_of(state: State, inst_row: int, depth: int) -> BookView:
    """Read up to `depth` prices of each side of a book."""
    return BookView(
        inst=state.instruments[inst_row],
        asks=tuple(book_side(state, inst_row, Side.SELL, depth)),
        bids=tuple(book_side(state, inst_row, Side.BUY, depth)),
        seq=state.scalars.seq,
        ts_ms=state.scalars.ts_ns // 1_000_000,
    )


def book_side(state: State, inst_row: int, side: Side, depth: int) -> Iterator[LevelView]:
    """Give the best `depth` prices of asks (SELL) or bids (BUY), users and provider merged."""
    found: LevelView | None = None
    for px, lots in _offers(state, inst_row, side):
        if found is not None and found.px_ticks == px:
            found = LevelView(px, found.lots + lots, found.order_count + 1)
            continue
        if found is not None:
            yield found
            depth -= 1
        if depth == 0:
            return
        found = LevelView(px, lots, 1)
    if found is not None:
        yield found


def ticker_of(state: State, inst_row: int) -> TickerView:
    """Read the ticker of an instrument."""
    return TickerView(
        inst=state.instruments[inst_row],
        last_ticks=int(state.markets.last_ticks[inst_row]),
        ask=next(book_side(state, inst_row, Side.SELL, 1), None),
        bid=next(book_side(state, inst_row, Side.BUY, 1), None),
        day=last_day(state, inst_row),
        ts_ms=updated_ms(state, inst_row),
    )


def tickers_of(state: State, inst_type: InstType, inst_family: str) -> list[TickerView]:
    """Read the tickers of the instruments of a type (and family) that ever had a price."""
    priced = state.markets.live("last_ticks")
    return [
        ticker_of(state, inst.row)
        for inst in state.instruments
        if inst.inst_type is inst_type
        and inst_family in ("", inst.inst_family)
        and priced[inst.row] > 0
    ]


def mark_of(state: State, inst_row: int) -> MarkView:
    """Read the mark price of an instrument."""
    mark = int(state.markets.mark_ticks[inst_row])
    return MarkView(state.instruments[inst_row], mark, updated_ms(state, inst_row))


def funding_of(state: State, inst_row: int) -> FundingView:
    """Read the running funding interval of a swap."""
    markets = state.markets
    return FundingView(
        inst=state.instruments[inst_row],
        rate_e9=int(markets.funding_rate_e9[inst_row]),
        next_ms=int(markets.next_funding_ms[inst_row]),
        interval_ms=int(markets.funding_interval_ms[inst_row]),
        ts_ms=updated_ms(state, inst_row),
    )


def updated_ms(state: State, inst_row: int) -> int:
    """Give our time of an instrument's last tick in ms."""
    return int(state.markets.updated_ns[inst_row]) // 1_000_000


def _offers(state: State, inst_row: int, side: Side) -> Iterator[tuple[int, int]]:
    """Merge (price, lots) of resting orders and of the provider, best first."""
    levels = liquidity.levels(state, inst_row, side)
    quote = next(levels, None)
    resting = state.index.resting.get((inst_row, int(side)))
    if resting is not None:
        prices = resting.prices if side is Side.SELL else reversed(resting.prices)
        for px in prices:
            while quote is not None and (px - quote[0]) * side < 0:
                yield quote
                quote = next(levels, None)
            for row in resting.queues[px]:
                yield px, int(state.orders.size_lots[row]) - int(state.orders.filled_lots[row])
    while quote is not None:
        yield quote
        quote = next(levels, None)
