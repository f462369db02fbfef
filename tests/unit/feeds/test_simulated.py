"""The simulated market: equal seeds, equal ticks; moods that differ; coins that move together."""

from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest

from copydesk.data import load_instruments
from copydesk.feeds import Feed, FeedError, open_feed
from copydesk.feeds.simulated import ANCHOR_MS, COINS
from copydesk.model.inputs import MarketTick
from copydesk.model.instruments import InstrumentTable

I64 = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def table() -> InstrumentTable:
    return load_instruments()


def take(feed: Feed, count: int) -> list[MarketTick]:
    return list(islice(feed.batches(), count))


def column(ticks: list[MarketTick], name: str) -> I64:
    return np.array([np.frombuffer(getattr(tick, name), "<i8") for tick in ticks])


def names(table: InstrumentTable, feed: Feed) -> list[str]:
    return [table.instruments[row].inst_id for row in feed.inst_rows]


def steps_ppm(feed: Feed, count: int) -> npt.NDArray[np.float64]:
    last = column(take(feed, count), "last_ticks").astype(float)
    steps: npt.NDArray[np.float64] = np.diff(np.log(last), axis=0) * 1e6
    return steps


def test_the_default_set_is_five_coins_as_swap_and_spot(table: InstrumentTable) -> None:
    moving = names(table, open_feed("simulated", table))
    wanted = {f"{b}-USDT{k}" for b in ("BTC", "ETH", "SOL", "XRP", "DOGE") for k in ("", "-SWAP")}
    assert set(moving) == wanted
    assert len(moving) == 10


def test_equal_seeds_give_equal_ticks(table: InstrumentTable) -> None:
    assert take(open_feed("simulated", table, seed=3), 1_500) == take(
        open_feed("simulated", table, seed=3), 1_500
    )


def test_other_seeds_give_other_ticks(table: InstrumentTable) -> None:
    assert take(open_feed("simulated", table, seed=3), 3) != take(
        open_feed("simulated", table, seed=4), 3
    )


def test_the_ticks_of_a_seed_are_the_same_for_ever(table: InstrumentTable) -> None:
    tick = take(open_feed("simulated:BTC,ETH", table, seed=1), 2_000)[-1]
    assert tick.market_ts_ms == ANCHOR_MS + 1_999 * 250
    assert column([tick], "last_ticks")[0].tolist() == [948_264, 329_149, 948_252, 329_150]


def test_every_call_of_batches_begins_anew(table: InstrumentTable) -> None:
    feed = open_feed("simulated", table, seed=9)
    assert take(feed, 5) == take(feed, 5)


def test_columns_are_parallel_and_positive(table: InstrumentTable) -> None:
    feed = open_feed("simulated:all", table, seed=2)
    ticks = take(feed, 400)
    rows = column(ticks, "inst_rows")
    assert (rows == np.array(feed.inst_rows)).all()
    assert rows.shape == (400, 2 * len(COINS))
    for name in ("last_ticks", "mark_ticks", "volume_lots"):
        assert column(ticks, name).shape == rows.shape
        assert (column(ticks, name) > 0).all()


def test_start_prices_are_those_of_the_coins(table: InstrumentTable) -> None:
    feed = open_feed("simulated:all", table, seed=2)
    first = column(take(feed, 1), "last_ticks")[0]
    for row, ticks in zip(feed.inst_rows, first.tolist(), strict=True):
        inst = table.instruments[row]
        px = float(inst.tick.text(ticks))
        assert px == pytest.approx(float(COINS[inst.base_ccy].start), rel=0.01)


def test_marks_stay_near_the_last_price(table: InstrumentTable) -> None:
    ticks = take(open_feed("simulated:BTC?regime=jump", table, seed=5), 3_000)
    last, mark = column(ticks, "last_ticks"), column(ticks, "mark_ticks")
    assert (abs(last - mark) <= last // 1_000 + 1).all()
    assert (mark[:, 0] != last[:, 0]).any()
    assert (mark[:, 1] == last[:, 1]).all()  # spot has no mark of its own


def test_moods_differ(table: InstrumentTable) -> None:
    calm, trend, jump = (
        steps_ppm(open_feed(f"simulated:BTC?regime={name}", table, seed=8), 4_000)[:, 0]
        for name in ("calm", "trend", "jump")
    )
    assert calm.std() < trend.std() < jump.std()
    assert abs(jump).max() > 5 * abs(calm).max()


def test_coins_move_together(table: InstrumentTable) -> None:
    steps = steps_ppm(open_feed("simulated:BTC,ETH", table, seed=8), 6_000)
    btc_swap, eth_swap, btc_spot, _ = steps.T
    assert 0.6 < np.corrcoef(btc_swap, eth_swap)[0, 1] < 0.99
    assert np.corrcoef(btc_swap, btc_spot)[0, 1] > 0.95


def test_time_goes_by_the_interval(table: InstrumentTable) -> None:
    ticks = take(open_feed("simulated?interval_ms=100", table), 4)
    assert [tick.market_ts_ms - ANCHOR_MS for tick in ticks] == [0, 100, 200, 300]


def test_a_clock_gives_the_time_and_changes_no_price(table: InstrumentTable) -> None:
    moments = iter([1_000_000, 1_000_010, 1_009_999, 1_010_000])
    timed = open_feed("simulated", table, seed=6, clock_ms=lambda: next(moments))
    ticks = take(timed, 3)
    # 250 ms on while the clock is behind; after a stall the clock's own time
    assert [tick.market_ts_ms for tick in ticks] == [1_000_000, 1_000_250, 1_009_999]
    untimed = take(open_feed("simulated", table, seed=6), 3)
    assert [t.last_ticks for t in ticks] == [t.last_ticks for t in untimed]


def test_resuming_goes_on_from_the_known_prices_and_time(table: InstrumentTable) -> None:
    feed = open_feed("simulated:BTC", table, seed=6)
    swap, spot = feed.inst_rows
    feed.resume(ANCHOR_MS + 10_000, {swap: 1_100_000, spot: 1_100_100})
    tick = take(feed, 1)[0]
    assert tick.market_ts_ms == ANCHOR_MS + 10_250
    assert abs(column([tick], "last_ticks")[0] - 1_100_000).max() < 1_000


@pytest.mark.parametrize(
    "spec, words",
    [
        ("simulated:LUNA", r"no coin 'LUNA'; it knows: BTC, ETH"),
        ("simulated?interval_ms=0", r"interval_ms must be 1 to 60000, not '0'"),
        ("simulated?interval_ms=fast", r"interval_ms must be 1 to 60000, not 'fast'"),
        ("simulated?regime=wild", r"regime must be one of calm, trend, jump, not 'wild'"),
        ("simulated?speed=3", r"unknown option 'speed'; simulated knows: interval_ms, regime"),
        ("simulated?regime", r"option 'regime' is not NAME=VALUE"),
        ("okx", r"not built yet; there are: simulated, replay"),
        ("", r"unknown feed kind ''; there are: simulated, replay"),
    ],
)
def test_a_spec_that_is_not_understood_says_what_would_be(
    table: InstrumentTable, spec: str, words: str
) -> None:
    with pytest.raises(FeedError, match=words):
        open_feed(spec, table)


@pytest.mark.parametrize("speed", [-1.0, float("inf"), float("nan")])
def test_speed_is_a_number_from_zero_up(table: InstrumentTable, speed: float) -> None:
    with pytest.raises(FeedError, match="speed must be"):
        open_feed("simulated", table, speed=speed)


def test_a_table_without_the_coin_is_told(table: InstrumentTable) -> None:
    small = InstrumentTable(table.instruments[:3], table.currencies)
    with pytest.raises(FeedError, match="neither BTC-USDT-SWAP nor BTC-USDT"):
        open_feed("simulated", small)
