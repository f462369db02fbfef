"""Replay: formats, order, units, ends, and what is said of bad files."""

import asyncio
import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from copydesk.data import load_instruments, minutes_path, trades_path
from copydesk.feeds import Feed, FeedError, open_feed
from copydesk.model.inputs import MarketTick
from copydesk.model.instruments import InstrumentTable

T0 = 1_746_662_400_000  # 2025-05-08 00:00 UTC
CANDLES = "ts_ms,open,high,low,close,vol_base"
OKX_TRADES = "instrument_name,trade_id,side,price,size,created_time"


@pytest.fixture(scope="module")
def table() -> InstrumentTable:
    return load_instruments()


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def shown(table: InstrumentTable, tick: MarketTick) -> dict[str, tuple[str, int]]:
    """Instrument to (last price, lots)."""
    rows, last, volume = (
        np.frombuffer(column, "<i8").tolist()
        for column in (tick.inst_rows, tick.last_ticks, tick.volume_lots)
    )
    instruments = [table.instruments[row] for row in rows]
    return {
        inst.inst_id: (inst.tick.text(px), lots)
        for inst, px, lots in zip(instruments, last, volume, strict=True)
    }


def names(table: InstrumentTable, feed: Feed) -> set[str]:
    return {table.instruments[row].inst_id for row in feed.inst_rows}


def test_a_candle_becomes_open_low_high_close_when_it_rose(
    table: InstrumentTable, tmp_path: Path
) -> None:
    path = write(tmp_path / "BTC-USDT-SWAP.csv", CANDLES, f"{T0},100.0,110,90,105.5,0.04")
    ticks = list(open_feed(f"replay:{path}@BTC-USDT-SWAP", table).batches())
    assert [tick.market_ts_ms - T0 for tick in ticks] == [0, 20_000, 40_000, 59_999]
    prices = [shown(table, tick)["BTC-USDT-SWAP"] for tick in ticks]
    # 0.04 BTC are 4 contracts of 0.01 BTC, 400 lots of 0.01 contract
    assert prices == [("100", 100), ("90", 100), ("110", 100), ("105.5", 100)]


def test_a_candle_becomes_open_high_low_close_when_it_fell(
    table: InstrumentTable, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.csv", CANDLES, f"{T0},100,110,90,95,0")
    ticks = open_feed(f"replay:{path}@BTC-USDT-SWAP", table).batches()
    assert [shown(table, t)["BTC-USDT-SWAP"][0] for t in ticks] == ["100", "110", "90", "95"]


def test_no_volume_is_lost_to_rounding(table: InstrumentTable, tmp_path: Path) -> None:
    rows = [f"{T0 + 60_000 * k},100,100,100,100,0.00013" for k in range(100)]
    path = write(tmp_path / "x.csv", CANDLES, *rows)
    ticks = open_feed(f"replay:{path}@BTC-USDT-SWAP", table).batches()
    lots = [shown(table, tick)["BTC-USDT-SWAP"][1] for tick in ticks]
    assert sum(lots) == 130  # 0.013 BTC in lots of 0.0001
    assert set(lots) == {0, 1}


def test_mark_is_last(table: InstrumentTable) -> None:
    feed = open_feed(f"replay:{minutes_path('BTC')}", table)
    assert all(tick.mark_ticks == tick.last_ticks for tick in islice(feed.batches(), 200))


def test_the_shipped_minutes_replay_whole(table: InstrumentTable) -> None:
    spec = f"replay:{minutes_path('BTC')},{minutes_path('ETH')}"
    feed = open_feed(spec, table)
    assert names(table, feed) == {"BTC-USDT-SWAP", "BTC-USDT", "ETH-USDT-SWAP", "ETH-USDT"}
    ticks = list(feed.batches())
    assert len(ticks) == 4 * 4 * 1_440
    times = [tick.market_ts_ms for tick in ticks]
    assert times == sorted(set(times))
    assert (times[0], times[-1]) == (T0, T0 + 4 * 86_400_000 - 1)
    assert shown(table, ticks[0])["BTC-USDT-SWAP"][0] == "96988.4"
    assert ticks == list(open_feed(spec, table).batches())


def test_the_shipped_trades_replay_whole(table: InstrumentTable) -> None:
    feed = open_feed(f"replay:{trades_path('BTC')}", table)
    frame = pl.read_parquet(trades_path("BTC"))
    ticks = list(feed.batches())
    assert len(ticks) == frame["ts_ms"].n_unique()
    lots = sum(shown(table, tick)["BTC-USDT-SWAP"][1] for tick in ticks)
    assert lots == round(frame["qty"].to_numpy().sum() / 0.0001)
    assert shown(table, ticks[-1])["BTC-USDT-SWAP"][0] == f"{frame['price'][-1]:.1f}"


def test_okx_daily_trades_in_a_zip(table: InstrumentTable, tmp_path: Path) -> None:
    lines = [
        OKX_TRADES,
        f"BTC-USDT-SWAP,1,buy,100.1,2.5,{T0}",
        f"BTC-USDT-SWAP,2,sell,100.0,0.5,{T0}",
        f"BTC-USDT-SWAP,3,sell,99.9,1,{T0 + 7}",
    ]
    path = tmp_path / "BTC-USDT-SWAP-trades-2025-05-08.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BTC-USDT-SWAP-trades-2025-05-08.csv", "\n".join(lines))
    ticks = list(open_feed(f"replay:{path}", table).batches())
    assert [tick.market_ts_ms - T0 for tick in ticks] == [0, 7]
    # contracts of 0.01 BTC: 3 of them are 300 lots, and 0.03 BTC of spot in lots of 1e-8
    assert shown(table, ticks[0]) == {"BTC-USDT-SWAP": ("100", 300), "BTC-USDT": ("100", 3_000_000)}


def test_one_file_of_several_symbols(table: InstrumentTable, tmp_path: Path) -> None:
    path = write(
        tmp_path / "all.csv",
        OKX_TRADES,
        f"ETH-USDT-SWAP,1,buy,2000.5,1,{T0 + 5}",
        f"BTC-USDT,1,buy,100,0.5,{T0}",
        f"BTC-USDT-SWAP,1,buy,101,1,{T0}",
    )
    ticks = list(open_feed(f"replay:{path}", table).batches())
    assert {name: px for name, (px, _) in shown(table, ticks[0]).items()} == {
        "BTC-USDT": "100",
        "BTC-USDT-SWAP": "101",
    }
    assert set(shown(table, ticks[1])) == {"ETH-USDT-SWAP", "ETH-USDT"}


def test_a_file_of_the_spot_is_not_overruled_by_the_swaps(
    table: InstrumentTable, tmp_path: Path
) -> None:
    swap = write(tmp_path / "BTC-USDT-SWAP_1m.csv", CANDLES, f"{T0},100,100,100,100,1")
    spot = write(tmp_path / "BTC-USDT_1m.csv", CANDLES, f"{T0},99,99,99,99,1")
    tick = next(open_feed(f"replay:{swap},{spot}", table).batches())
    assert {name: px for name, (px, _) in shown(table, tick).items()} == {
        "BTC-USDT-SWAP": "100",
        "BTC-USDT": "99",
    }


@pytest.mark.parametrize(
    "name, moved",
    [
        ("binance_BTCUSDT-PERP_candles_1m.csv", {"BTC-USDT-SWAP", "BTC-USDT"}),
        ("okx_DOGE-USDT-SWAP_candles_5m.csv", {"DOGE-USDT-SWAP", "DOGE-USDT"}),
        ("SOL_USDT_USDT-1m-futures.csv", {"SOL-USDT-SWAP", "SOL-USDT"}),
        ("ETHUSDT.csv", {"ETH-USDT-SWAP", "ETH-USDT"}),
        ("eth-usdt-trades-2025-05-08.csv", {"ETH-USDT-SWAP", "ETH-USDT"}),
    ],
)
def test_a_file_name_says_what_it_moves(
    table: InstrumentTable, tmp_path: Path, name: str, moved: set[str]
) -> None:
    path = write(tmp_path / name, CANDLES, f"{T0},1,1,1,1,1")
    assert names(table, open_feed(f"replay:{path}", table)) == moved


def test_targets_can_be_said_outright(table: InstrumentTable, tmp_path: Path) -> None:
    path = write(tmp_path / "prices.csv", CANDLES, f"{T0},1,1,1,1,1")
    feed = open_feed(f"replay:{path}@XRP-USDT-SWAP+ADA-USDT", table)
    assert names(table, feed) == {"XRP-USDT-SWAP", "ADA-USDT"}


@pytest.mark.parametrize(
    "stamp", ["1746662400", "1746662400000", "1746662400000000", "2025-05-08 00:00:00"]
)
def test_times_in_any_unit(table: InstrumentTable, tmp_path: Path, stamp: str) -> None:
    path = write(tmp_path / "BTCUSDT.csv", "timestamp,price", f"{stamp},100")
    assert next(open_feed(f"replay:{path}", table).batches()).market_ts_ms == T0


def test_parquet_with_datetimes(table: InstrumentTable, tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.parquet"
    frame = pl.DataFrame({"date": [T0], "o": [1.5], "h": [2.0], "l": [1.0], "c": [1.0]})
    frame.with_columns(pl.from_epoch("date", "ms")).write_parquet(path)
    tick = next(open_feed(f"replay:{path}", table).batches())
    assert (tick.market_ts_ms, shown(table, tick)["BTC-USDT-SWAP"]) == (T0, ("1.5", 0))


def two_minutes(tmp_path: Path) -> Path:
    rows = [f"{T0 + 60_000 * k},10{k},10{k},10{k},10{k},1" for k in range(2)]
    return write(tmp_path / "BTCUSDT.csv", CANDLES, *rows)


def test_it_stops_at_the_end(table: InstrumentTable, tmp_path: Path) -> None:
    assert len(list(open_feed(f"replay:{two_minutes(tmp_path)}", table).batches())) == 8


def test_it_loops_with_time_going_on(table: InstrumentTable, tmp_path: Path) -> None:
    feed = open_feed(f"replay:{two_minutes(tmp_path)}?end=loop", table)
    ticks = list(islice(feed.batches(), 20))
    assert [t.market_ts_ms - T0 for t in ticks[::4]] == [0, 60_000, 120_000, 180_000, 240_000]
    assert ticks[8].last_ticks == ticks[0].last_ticks


def test_it_holds_the_last_prices(table: InstrumentTable, tmp_path: Path) -> None:
    feed = open_feed(f"replay:{two_minutes(tmp_path)}?end=hold", table)
    *_, final, first_held, second_held = islice(feed.batches(), 10)
    assert first_held.market_ts_ms == final.market_ts_ms + 1_000
    assert second_held.market_ts_ms == final.market_ts_ms + 2_000
    assert first_held.mark_ticks == final.mark_ticks
    assert shown(table, first_held)["BTC-USDT-SWAP"] == ("0", 0)  # no new trade


def test_it_begins_where_it_is_told(table: InstrumentTable) -> None:
    spec = f"replay:{minutes_path('BTC')}?from="
    first = [
        next(open_feed(spec + text, table).batches()).market_ts_ms
        for text in ("2025-05-08T12:00", "2025-05-08T14:00+02:00", str(T0 + 43_200_000))
    ]
    assert first == [T0 + 43_200_000] * 3


def test_it_resumes_after_the_last_tick_it_gave(table: InstrumentTable, tmp_path: Path) -> None:
    spec = f"replay:{two_minutes(tmp_path)}?end=loop"
    whole = list(islice(open_feed(spec, table).batches(), 30))
    for stop in (1, 7, 8, 13, 16, 25):
        feed = open_feed(spec, table)
        feed.resume(whole[stop - 1].market_ts_ms, {})
        assert list(islice(feed.batches(), 30 - stop)) == whole[stop:]


def test_paced_or_not_the_ticks_are_the_same(table: InstrumentTable, tmp_path: Path) -> None:
    spec = f"replay:{two_minutes(tmp_path)}"

    async def gather(speed: float) -> list[MarketTick]:
        return [tick async for tick in open_feed(spec, table, speed=speed).ticks()]

    whole = list(open_feed(spec, table).batches())
    assert asyncio.run(gather(0)) == whole
    assert asyncio.run(gather(6_000_000)) == whole


def test_pace_follows_recorded_time(table: InstrumentTable, tmp_path: Path) -> None:
    path = two_minutes(tmp_path)

    async def took_s(speed: float) -> float:
        timer = asyncio.get_running_loop().time
        began = timer()
        async for _ in open_feed(f"replay:{path}", table, speed=speed).ticks():
            pass
        return timer() - began

    assert asyncio.run(took_s(1_200)) >= 0.0999  # 119.999 s of market at 1,200 times


ONE = f"{T0},1,1,1,1,1"
BAD = [
    (
        "x.csv",
        (CANDLES, ONE, f"{T0 + 1},1,abc,1,1,1"),
        r"line 3, column high: 'abc' is not a number",
    ),
    ("x.csv", (CANDLES, f"{T0},1,1,1,,1"), r"line 2, column close: None is not a number"),
    ("x.csv", (CANDLES, f"{T0},1,1,1,nan,1"), r"line 2, column close: 'nan' is not a number"),
    ("x.csv", (CANDLES, f"{T0},1,1,-1,1,1"), r"line 2, column low: '-1' is not a positive price"),
    ("x.csv", (CANDLES, f"{T0},5,4,1,2,1"), r"line 2, column high: '4' contradicts open and close"),
    ("x.csv", (CANDLES, f"{T0},5,6,3,2,1"), r"line 2, column low: '3' contradicts open and"),
    ("x.csv", (CANDLES, f"{T0},1,1,1,1,-2"), r"line 2, column vol_base: '-2' is a negative size"),
    ("x.csv", (CANDLES, ONE, ONE), r"line 3, column ts_ms: .* does not come after"),
    ("x.csv", (CANDLES, ONE, "soon,1,1,1,1,1"), r"line 3, column ts_ms: 'soon' is not a number"),
    (
        "x.csv",
        ("date,px", "2025-05-08 00:00:00,1", "late,2"),
        r"3, column date: 'late' is not a time",
    ),
    ("x.csv", ("price,size", "1,1"), r"no column with the time \(ts_ms, .*\); it has: price, size"),
    ("x.csv", ("ts,side", f"{T0},buy"), r"no column with the price \(price, px, .*has: ts, side"),
    ("x.csv", (CANDLES,), r"x\.csv: holds no rows"),
    ("x.csv", ("",), r"x\.csv: cannot be read"),
    ("x.csv", ("ts,price", f"{T0},1,2,3"), r"x\.csv: cannot be read"),
    ("x.csv", ("ts,price", f"{T0},0.001"), r"0\.001 is no price for BTC-USDT-SWAP \(tick 0\.1\)"),
    ("x.parquet", ("not parquet",), r"x\.parquet: cannot be read"),
    ("x.zip", ("not a zip",), r"x\.zip: cannot be read"),
]


@pytest.mark.parametrize("name, lines, words", BAD)
def test_a_bad_file_is_told_by_file_row_and_column(
    table: InstrumentTable, tmp_path: Path, name: str, lines: tuple[str, ...], words: str
) -> None:
    path = write(tmp_path / name, *lines)
    with pytest.raises(FeedError, match=words):
        open_feed(f"replay:{path}@BTC-USDT-SWAP", table)


def test_a_row_of_parquet_is_counted_from_one(table: InstrumentTable, tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.parquet"
    pl.DataFrame({"ts": [T0, T0 + 1], "price": [1.0, None]}).write_parquet(path)
    with pytest.raises(FeedError, match=r"row 2, column price: None is not a number"):
        open_feed(f"replay:{path}", table)


def test_an_archive_of_many_files_is_refused(table: InstrumentTable, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", "")
    with pytest.raises(FeedError, match=r"x\.zip: holds 2 CSV files, not one"):
        open_feed(f"replay:{path}@BTC-USDT", table)


@pytest.mark.parametrize(
    "spec, words",
    [
        ("replay", r"replay needs at least one file"),
        ("replay:missing.csv", r"missing\.csv: there is no such file"),
        ("replay:{file}?end=never", r"end must be one of stop, loop, hold, not 'never'"),
        ("replay:{file}?from=noon", r"from is neither Unix ms nor an ISO time: 'noon'"),
        ("replay:{file}", r"its name fits no instrument; say which: .*prices\.csv@BTC-USDT-SWAP"),
        ("replay:{file}@NONE-USDT", r"no instrument is called 'NONE-USDT'"),
    ],
)
def test_a_spec_that_is_not_understood_says_why(
    table: InstrumentTable, tmp_path: Path, spec: str, words: str
) -> None:
    path = write(tmp_path / "prices.csv", CANDLES, f"{T0},1,1,1,1,1")
    with pytest.raises(FeedError, match=words):
        open_feed(spec.format(file=path), table)
