import pytest
from msgspec.structs import replace
from tests.unit.engine.support import BTC, ETH, START_MS, Bench, market

from copydesk.engine.state import HOUSE
from copydesk.model.enums import PosMode, PosSide, TdMode
from copydesk.model.inputs import SetPositionMode
from copydesk.model.outputs import FundingCharged, Output

HOUR = 3_600_000
RATE = 123_457  # 1e-9
DUE = (START_MS // (8 * HOUR) + 1) * 8 * HOUR


def charged(output: Output) -> list[FundingCharged]:
    return [fact for fact in output.facts if isinstance(fact, FundingCharged)]


def start(rate: int = RATE, interval_ms: int = 8 * HOUR) -> Bench:
    bench = Bench({BTC: (interval_ms, rate)})
    bench.open_markets()
    return bench


def test_first_tick_sets_the_next_whole_interval() -> None:
    bench = start()
    assert bench.state.markets.next_funding_ms[BTC] == DUE


@pytest.mark.parametrize("rate", [RATE, -RATE])
def test_longs_pay_shorts_when_the_rate_is_positive(rate: int) -> None:
    bench = start(rate)
    long, short = bench.account(), bench.account()
    bench.placed(market(long, 333))
    bench.placed(market(short, -77))
    cash = {row: bench.cash(row) for row in (long, short, HOUSE)}
    assert charged(bench.tick(BTC, 601_234, market_ts_ms=DUE - 1)) == []
    (fact,) = charged(bench.tick(BTC, 601_234, market_ts_ms=DUE))
    sign = 1 if rate > 0 else -1
    paid = 601_234 * 333 * 1_000 * RATE // 10**9
    received = 601_234 * 77 * 1_000 * RATE // 10**9
    assert bench.cash(long) - cash[long] == -sign * paid
    assert bench.cash(short) - cash[short] == sign * received
    assert fact.account_rows.tolist() == [long, short]
    assert fact.amount_e8.tolist() == [-sign * paid, sign * received]
    provider = 601_234 * 256 * 1_000 * RATE // 10**9
    assert bench.cash(HOUSE) - cash[HOUSE] == sign * (paid - received - provider)
    bills = bench.state.bills
    kinds = bills.sub_kind[bills.count - 2 : bills.count].tolist()
    assert kinds == ([173, 174] if rate > 0 else [174, 173])
    assert bills.kind[bills.count - 1] == 8
    assert bills.inst_row[bills.count - 1] == BTC
    positions = bench.state.positions
    assert positions.funding_e8[1 : positions.count].sum() == sum(
        (-sign * paid, sign * received, sign * provider)
    )


def test_each_interval_is_settled_once() -> None:
    bench = start()
    bench.placed(market(bench.account(), 100))
    assert len(charged(bench.tick(BTC, 600_000, market_ts_ms=DUE))) == 1
    assert charged(bench.tick(BTC, 600_000, market_ts_ms=DUE + 1)) == []
    assert len(charged(bench.tick(BTC, 600_000, market_ts_ms=DUE + 3 * 8 * HOUR))) == 3
    assert bench.state.markets.next_funding_ms[BTC] == DUE + 4 * 8 * HOUR


def test_instruments_keep_their_own_intervals() -> None:
    bench = Bench({BTC: (8 * HOUR, RATE), ETH: (HOUR, RATE)})
    bench.open_markets()
    trader = bench.account()
    bench.placed(market(trader, 100))
    bench.placed(market(trader, 100, ETH))
    facts = charged(
        bench.ticks({BTC: (600_000, 600_000), ETH: (300_000, 300_000)}, START_MS + HOUR)
    )
    assert [fact.inst_row for fact in facts] == [ETH]


def test_several_positions_of_one_account_are_all_charged() -> None:
    bench = start()
    trader = bench.account()
    bench.run(SetPositionMode(trader, PosMode.LONG_SHORT))
    long = replace(market(trader, 100), pos_side=PosSide.LONG)
    bench.placed(long)
    bench.placed(replace(market(trader, -40), pos_side=PosSide.SHORT))
    bench.placed(replace(long, td_mode=TdMode.ISOLATED))
    before = bench.cash(trader)
    (fact,) = charged(bench.tick(BTC, 600_000, market_ts_ms=DUE))
    assert fact.account_rows.tolist() == [trader] * 3
    assert bench.cash(trader) - before == fact.amount_e8.sum()


def test_no_rate_no_position_no_interval_no_charge() -> None:
    bench = start(rate=0)
    bench.placed(market(bench.account(), 100))
    assert charged(bench.tick(BTC, 600_000, market_ts_ms=DUE)) == []
    assert charged(start().tick(BTC, 600_000, market_ts_ms=DUE)) == []
    bench = start(interval_ms=0)
    bench.placed(market(bench.account(), 100))
    assert charged(bench.tick(BTC, 600_000, market_ts_ms=10 * DUE)) == []


@pytest.mark.parametrize("jump", [-365 * 24 * HOUR, 365 * 24 * HOUR])
def test_jump_to_another_market_charges_nothing_and_starts_afresh(jump: int) -> None:
    bench = start()
    bench.placed(market(bench.account(), 100))
    assert charged(bench.tick(BTC, 600_000, market_ts_ms=START_MS + jump)) == []
    due = int(bench.state.markets.next_funding_ms[BTC])
    assert 0 < due - (START_MS + jump) <= 8 * HOUR
    assert len(charged(bench.tick(BTC, 600_000, market_ts_ms=due))) == 1
