import numpy as np
import pytest
from tests.unit.engine.support import BTC, BTC_SPOT, ETH, START_MS, Bench, market, packed

from copydesk.model.enums import InstType
from copydesk.model.inputs import MarketTick
from copydesk.model.limits import CANDLE_RING_MINUTES, MAX_PX_TICKS, MAX_TICK_VOLUME_LOTS
from copydesk.model.outputs import Done, MarketMoved
from copydesk.model.rejects import Code

MINUTE = 60_000


def test_genesis_makes_a_market_per_instrument_that_has_no_price() -> None:
    bench = Bench({BTC: (1_000, 5)})
    markets, instruments = bench.state.markets, bench.state.instruments
    assert markets.count == len(instruments)
    assert not markets.mark_ticks.any()
    assert not markets.mid_ticks.any()
    assert (markets.funding_interval_ms[BTC], markets.funding_rate_e9[BTC]) == (1_000, 5)
    assert (markets.funding_interval_ms[ETH], markets.funding_rate_e9[ETH]) == (8 * 3_600_000, 0)
    assert instruments[BTC_SPOT].inst_type is InstType.SPOT
    assert markets.funding_interval_ms[BTC_SPOT] == 0
    assert bench.state.index.inst_rows["ETH-USDT-SWAP"] == ETH
    assert bench.state.ccy_row("USDT") == 0


def test_tick_sets_prices_and_tells_it() -> None:
    bench = Bench()
    output = bench.tick(BTC, 600_000, 600_005)
    markets = bench.state.markets
    assert output.reply == Done()
    assert (markets.last_ticks[BTC], markets.mark_ticks[BTC]) == (600_000, 600_005)
    assert markets.market_ts_ms[BTC] == START_MS
    assert markets.updated_ns[BTC] == bench.ts_ns
    (fact,) = [fact for fact in output.facts if isinstance(fact, MarketMoved)]
    assert fact.inst_rows.tolist() == [BTC]


def test_zero_leaves_the_last_price_and_stands_for_it_in_the_mark() -> None:
    bench = Bench()
    bench.tick(BTC, 600_000, 600_005)
    markets = bench.state.markets
    bench.tick(BTC, 0, 600_010)
    assert (markets.last_ticks[BTC], markets.mark_ticks[BTC]) == (600_000, 600_010)
    bench.tick(BTC, 600_020, 0)
    assert (markets.last_ticks[BTC], markets.mark_ticks[BTC]) == (600_020, 600_020)
    bench.tick(BTC, 0, 0)
    assert (markets.last_ticks[BTC], markets.mark_ticks[BTC]) == (600_020, 600_020)


def test_provider_quotes_around_mark_while_there_is_no_last_price() -> None:
    bench = Bench()
    bench.tick(BTC, 0, 600_010)
    assert bench.state.markets.mid_ticks[BTC] == 600_010


def test_trades_made_here_do_not_move_the_last_price() -> None:
    bench = Bench()
    bench.open_markets()
    bench.placed(market(bench.account(), 100))
    assert bench.state.markets.last_ticks[BTC] == 600_000


def test_empty_tick_is_nothing() -> None:
    assert Bench().reply(MarketTick(START_MS, b"", b"", b"", b"")) == Done()


@pytest.mark.parametrize(
    "fields",
    [
        (packed(0), packed(1), packed(1), b""),
        (b"1234", b"1234", b"1234", b"1234"),
        (packed(5), packed(1), packed(1), packed(0)),
        (packed(-1), packed(1), packed(1), packed(0)),
        (packed(0), packed(-1), packed(1), packed(0)),
        (packed(0), packed(1), packed(-1), packed(0)),
        (packed(0), packed(1), packed(MAX_PX_TICKS + 1), packed(0)),
        (packed(0), packed(1), packed(1), packed(-1)),
        (packed(0), packed(1), packed(1), packed(MAX_TICK_VOLUME_LOTS + 1)),
        (packed(0, 0), packed(1, 1), packed(1, 1), packed(0, 0)),
    ],
)
def test_unsound_ticks_are_refused(fields: tuple[bytes, bytes, bytes, bytes]) -> None:
    assert Bench().refused(MarketTick(START_MS, *fields)) == Code.PARAMETER_ERROR


def test_tick_before_time_is_refused() -> None:
    bench = Bench()
    assert bench.refused(MarketTick(0, b"", b"", b"", b"")) == Code.PARAMETER_ERROR


# Candles ------------------------------------------------------------------------------------


def candle(bench: Bench, inst_row: int, minute: int) -> list[int] | None:
    candles, row = bench.state.candles, int(bench.state.markets.candle_row[inst_row])
    cell = minute % CANDLE_RING_MINUTES
    if row < 0 or candles.minute[row, cell] != minute:
        return None
    names = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume_lots")
    return [int(getattr(candles, name)[row, cell]) for name in names]


def test_candle_keeps_open_high_low_close_and_volume_of_its_minute() -> None:
    bench = Bench()
    minute = START_MS // MINUTE
    for last in (100, 120, 90, 110):
        bench.tick(BTC, last)
    assert candle(bench, BTC, minute) == [100, 120, 90, 110, 40]
    bench.tick(BTC, 130, market_ts_ms=START_MS + MINUTE)
    assert candle(bench, BTC, minute + 1) == [130, 130, 130, 130, 10]
    assert candle(bench, BTC, minute) == [100, 120, 90, 110, 40]
    assert candle(bench, ETH, minute) is None


def test_tick_without_a_trade_makes_no_candle() -> None:
    bench = Bench()
    bench.tick(BTC, 0, 100)
    assert bench.state.candles.count == 0


def test_ring_forgets_what_is_a_day_old_and_drops_late_minutes() -> None:
    bench = Bench()
    minute = START_MS // MINUTE
    bench.tick(BTC, 100)
    bench.tick(BTC, 200, market_ts_ms=START_MS + CANDLE_RING_MINUTES * MINUTE)
    assert candle(bench, BTC, minute) is None
    assert candle(bench, BTC, minute + CANDLE_RING_MINUTES) == [200] * 4 + [10]
    bench.tick(BTC, 300)
    assert candle(bench, BTC, minute + CANDLE_RING_MINUTES) == [200] * 4 + [10]


def test_rings_are_made_for_what_moved() -> None:
    bench = Bench()
    bench.ticks({ETH: (100, 100), BTC_SPOT: (7, 7)})
    bench.ticks({BTC: (100, 100), ETH: (101, 101)})
    rows = bench.state.markets.candle_row
    assert bench.state.candles.count == 3
    instruments = bench.state.candles.inst_row
    for inst_row in (BTC, ETH, BTC_SPOT):
        assert instruments[rows[inst_row]] == inst_row
    assert np.count_nonzero(rows[: bench.state.markets.count] < 0) == 2
