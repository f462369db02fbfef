"""Tickers, books and candles on the wire.

What lives here: requests of /market and their rows.
What it may touch: `api.request`, `views`, `model`.
Always true: volumes of swaps are contracts and base coins, of spot base coins and quote currency.
Start reading: `ticker_row`, `book_row`, `candle_row`.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from copydesk.api.request import Param, Request
from copydesk.api.wire import text
from copydesk.api.wire.rows import Row
from copydesk.model.enums import InstType
from copydesk.model.instruments import Instrument
from copydesk.views.candles import BAR_MINUTES, CandleView
from copydesk.views.markets import BookView, LevelView, TickerView

Level = tuple[str, str, str, str]


class GetTicker(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]


class GetTickers(Request, frozen=True, kw_only=True):
    inst_type: Annotated[
        str, Param(required=True, values=("SPOT", "SWAP", "FUTURES", "OPTION", "EVENTS"))
    ]
    inst_family: str = ""
    uly: str = ""


class GetBooks(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    sz: Annotated[int, Param(minimum=1, maximum=400)] = 1


class GetCandles(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]
    bar: Annotated[str, Param(values=tuple(BAR_MINUTES))] = "1m"
    after: Annotated[int | None, Param(minimum=0)] = None
    before: Annotated[int | None, Param(minimum=0)] = None
    limit: Annotated[int, Param(minimum=1, maximum=300)] = 100


class Ticker(Row, frozen=True, kw_only=True):
    """Last price, best prices, last 24 hours."""

    inst_type: str
    inst_id: str
    last: str
    last_sz: str
    ask_px: str
    ask_sz: str
    bid_px: str
    bid_sz: str
    open24h: str
    high24h: str
    low24h: str
    vol_ccy24h: str = msgspec.field(name="volCcy24h")
    vol24h: str
    sod_utc0: str
    sod_utc8: str
    ts: str


class Book(Row, frozen=True, kw_only=True):
    """Both sides of a book: price, size, "0", number of orders."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    ts: str
    seq_id: int


def ticker_row(view: TickerView) -> Ticker:
    """Print a ticker."""
    inst, day = view.inst, view.day
    ask, bid = view.ask, view.bid
    return Ticker(
        inst_type=inst.inst_type.wire,
        inst_id=inst.inst_id,
        last=text.px(inst, view.last_ticks),
        last_sz="",
        ask_px="" if ask is None else text.px(inst, ask.px_ticks),
        ask_sz="" if ask is None else text.sz(inst, ask.lots),
        bid_px="" if bid is None else text.px(inst, bid.px_ticks),
        bid_sz="" if bid is None else text.sz(inst, bid.lots),
        open24h=text.px(inst, day.open_ticks),
        high24h=text.px(inst, day.high_ticks),
        low24h=text.px(inst, day.low_ticks),
        vol_ccy24h=_vol_ccy(inst, day.volume_lots, day.value_e8),
        vol24h=text.sz(inst, day.volume_lots),
        sod_utc0=text.px(inst, day.open_utc_0_ticks),
        sod_utc8=text.px(inst, day.open_utc_8_ticks),
        ts=text.ms(view.ts_ms),
    )


def book_row(view: BookView) -> Book:
    """Print a book."""
    return Book(
        asks=_levels(view.inst, view.asks),
        bids=_levels(view.inst, view.bids),
        ts=text.ms(view.ts_ms),
        seq_id=view.seq,
    )


def candle_row(inst: Instrument, view: CandleView) -> tuple[str, ...]:
    """Print a bar: ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm."""
    return (
        str(view.begin_ms),
        text.px(inst, view.open_ticks),
        text.px(inst, view.high_ticks),
        text.px(inst, view.low_ticks),
        text.px(inst, view.close_ticks),
        text.sz(inst, view.volume_lots),
        _vol_ccy(inst, view.volume_lots, view.value_e8),
        text.amount(view.value_e8),
        text.one_zero(view.closed),
    )


def _levels(inst: Instrument, levels: Iterable[LevelView]) -> tuple[Level, ...]:
    return tuple(
        (text.px(inst, one.px_ticks), text.sz(inst, one.lots), "0", str(one.order_count))
        for one in levels
    )


def _vol_ccy(inst: Instrument, lots: int, value_e8: int) -> str:
    if inst.inst_type is InstType.SPOT:
        return text.amount(value_e8)
    return text.coins(inst, lots)
