import pytest
from tests.support.copying import SWAP, Desk
from tests.support.floor import E8

from copydesk.model.enums import Side
from copydesk.model.inputs import SetLiquidity
from copydesk.views.candles import candles_of
from copydesk.views.markets import book_side
from copydesk.views.paging import Page


def test_users_and_the_provider_make_one_book() -> None:
    desk = Desk()
    floor, row = desk.floor, desk.floor.row(SWAP)
    floor.done(SetLiquidity(row, 100, 50_000 * E8, 2))  # 10 around 100,000, then 20
    for px, sz in (("99990", "1"), ("99990", "2"), ("99985", "3"), ("99995", "4"), ("90000", "5")):
        floor.post(
            "trade/order",
            desk.lead,
            instId=SWAP,
            tdMode="cross",
            side="buy",
            ordType="limit",
            px=px,
            sz=sz,
        )
    (book,) = floor.get("market/books", instId=SWAP, sz="10")
    assert [level[0] for level in book["bids"]] == ["99995", "99990", "99985", "99980", "90000"]
    assert [level[3] for level in book["bids"]] == ["1", "3", "1", "1", "1"]
    assert [level[0] for level in book["asks"]] == ["100010", "100020"]
    best = book["bids"][1]
    assert best[1] == str(3 + 50)
    (top,) = floor.get("market/books", instId=SWAP)
    assert (top["bids"], top["asks"]) == (book["bids"][:1], book["asks"][:1])
    (ticker,) = floor.get("market/ticker", instId=SWAP)
    assert (ticker["bidPx"], ticker["bidSz"], ticker["askPx"]) == ("99995", "4", "100010")
    assert len(list(book_side(floor.state, row, Side.BUY, 2))) == 2


def test_an_instrument_without_a_price_has_an_empty_book_and_blank_prices() -> None:
    desk = Desk()
    (book,) = desk.floor.get("market/books", instId="SOL-USDT-SWAP")
    assert (book["asks"], book["bids"]) == ([], [])
    (ticker,) = desk.floor.get("market/ticker", instId="SOL-USDT-SWAP")
    assert {ticker[name] for name in ("last", "askPx", "bidPx", "open24h", "ts")} == {""}
    assert ticker["vol24h"] == "0"
    assert desk.floor.get("market/candles", instId="SOL-USDT-SWAP") == []
    listed = desk.floor.get("market/tickers", instType="SWAP")
    assert {row["instId"] for row in listed} == {SWAP, "ETH-USDT-SWAP"}
    listed = desk.floor.get("market/tickers", instType="SWAP", instFamily="ETH-USDT")
    assert [row["instId"] for row in listed] == ["ETH-USDT-SWAP"]
    assert desk.floor.get("market/tickers", instType="FUTURES") == []


def minutes(desk: Desk, prices: list[str]) -> None:
    for px in prices:
        desk.floor.tick(after_ms=60_000, BTC_USDT_SWAP=px)


def test_bars_are_made_of_minutes() -> None:
    desk = Desk()
    minutes(desk, ["100100", "100050", "99900", "100000", "100300", "100200"])
    ones = desk.floor.get("market/candles", instId=SWAP)
    assert [row[4] for row in ones][:3] == ["100200", "100300", "100000"]
    assert [row[8] for row in ones][:2] == ["0", "1"]
    fives = desk.floor.get("market/candles", instId=SWAP, bar="5m")
    assert len(fives) == 2
    first = fives[-1]
    assert first[1:5] == ["100000", "100100", "99900", "100000"]
    assert int(fives[0][0]) - int(first[0]) == 300_000
    assert int(first[0]) % 300_000 == 0
    assert first[5:7] == ["0.05", "0.0005"]
    assert [row[8] for row in fives] == ["0", "1"]


def test_bars_are_paged_by_their_beginning() -> None:
    desk = Desk()
    minutes(desk, ["100100"] * 6)
    rows = [row[0] for row in desk.floor.get("market/candles", instId=SWAP)]
    assert rows == sorted(rows, reverse=True)
    page = desk.floor.get("market/candles", instId=SWAP, after=rows[2], limit="2")
    assert [row[0] for row in page] == rows[3:5]
    page = desk.floor.get("market/candles", instId=SWAP, before=rows[2])
    assert [row[0] for row in page] == rows[:2]


@pytest.mark.parametrize("bar", ["1D", "1Dutc", "2m", "1h", "", "1M"])
def test_other_bars_are_refused(bar: str) -> None:
    desk = Desk()
    code = desk.floor.code_of("GET", "market/candles", -1, instId=SWAP, bar=bar)
    assert code == ("51000" if bar else "0")


def test_a_bar_that_lost_its_first_minutes_is_not_shown() -> None:
    desk = Desk()
    row = desk.floor.row(SWAP)
    desk.floor.tick(after_ms=30 * 60_000, BTC_USDT_SWAP="100000")
    minutes(desk, ["100000"] * 1439)
    bars = candles_of(desk.floor.state, row, "1H", Page(300))
    assert len(bars) == 24
    assert all(bar.begin_ms % 3_600_000 == 0 for bar in bars)
    assert min(bar.begin_ms for bar in bars) // 60_000 % 60 == 0
    (ticker,) = desk.floor.get("market/ticker", instId=SWAP)
    assert ticker["sodUtc0"] == ticker["sodUtc8"] == "100000"


def test_funding_names_the_next_two_times() -> None:
    desk = Desk()
    (row,) = desk.floor.get("public/funding-rate", instId=SWAP)
    assert int(row["nextFundingTime"]) - int(row["fundingTime"]) == 8 * 3_600_000
    every = desk.floor.get("public/funding-rate", instId="ANY")
    assert {one["instId"] for one in every} == {SWAP, "ETH-USDT-SWAP"}
    assert desk.floor.code_of("GET", "public/funding-rate", -1, instId="BTC-USDT") == "51000"
    assert desk.floor.code_of("GET", "public/funding-rate", -1, instId="NO") == "51001"


def test_instruments_and_marks_as_ccxt_asks_for_them() -> None:
    desk = Desk()
    for kind in ("FUTURES", "OPTION", "MARGIN", "EVENTS"):
        assert desk.floor.get("public/instruments", instType=kind) == []
    assert desk.floor.get("public/instruments", instType="OPTION", uly="BTC-USD") == []
    assert len(desk.floor.get("public/instruments", instType="SPOT")) == 1218
    swaps = desk.floor.get("public/instruments", instType="SWAP", instFamily="BTC-USDT")
    assert [row["instId"] for row in swaps] == [SWAP]
    assert desk.floor.code_of("GET", "public/instruments", -1) == "50014"
    assert desk.floor.code_of("GET", "public/instruments", -1, instType="X") == "51000"
    asked = {"instType": "SWAP", "instId": "NO"}
    assert desk.floor.code_of("GET", "public/instruments", -1, **asked) == "51001"
    assert desk.floor.get("public/mark-price", instId=SWAP)[0]["markPx"] == "100000"
    assert len(desk.floor.get("public/mark-price", instType="SWAP")) == 2
    assert desk.floor.get("public/mark-price", instType="FUTURES") == []
    assert desk.floor.code_of("GET", "public/mark-price", -1) == "50014"
