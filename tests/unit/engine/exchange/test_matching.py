import numpy as np
import pytest
from tests.unit.engine.support import BTC, BTC_INVERSE, Bench, limit, market

from copydesk.engine.exchange import liquidity, matching
from copydesk.model.amounts import E8
from copydesk.model.enums import OrderState, OrdType, Side
from copydesk.model.inputs import SetLiquidity
from copydesk.model.limits import MAX_MAKERS_PER_TAKER
from copydesk.model.outputs import Done
from copydesk.model.rejects import Code


def quiet(bench: Bench) -> None:
    """Take the provider out of the market."""
    bench.run(SetLiquidity(-1, 50, 0, 0))


def test_levels_lie_at_half_spread_doubling_with_doubling_value() -> None:
    bench = Bench()
    bench.open_markets()
    asks = list(liquidity.levels(bench.state, BTC, Side.SELL))
    bids = list(liquidity.levels(bench.state, BTC, Side.BUY))
    assert [px for px, _ in asks[:4]] == [600_030, 600_060, 600_120, 600_240]
    assert [px for px, _ in bids[:4]] == [599_970, 599_940, 599_880, 599_760]
    assert len(asks) == len(bids) == 10
    for level, (px, lots) in enumerate(asks):
        assert lots == (100_000 * E8 << level) // (px * 1_000)


def test_best_level_is_at_least_one_tick_away_and_one_smallest_order_large() -> None:
    bench = Bench()
    bench.run(SetLiquidity(BTC, 0, 0, 2))
    bench.tick(BTC, 600_000)
    assert list(liquidity.levels(bench.state, BTC, Side.SELL)) == [(600_001, 1), (600_002, 1)]


def test_bids_end_above_zero() -> None:
    bench = Bench()
    bench.run(SetLiquidity(BTC, 400_000, 10 * E8, 4))
    bench.tick(BTC, 10)
    assert [px for px, _ in liquidity.levels(bench.state, BTC, Side.BUY)] == [6, 2]


def test_provider_does_not_quote_before_the_first_price() -> None:
    bench = Bench()
    assert liquidity.best_px(bench.state, BTC, Side.SELL) is None


@pytest.mark.parametrize(
    "terms", [(-1, 0, 1), (1_000_000, 0, 1), (1, -1, 1), (1, 0, -1), (1, 0, 17), (1, 10**17, 1)]
)
def test_liquidity_terms_out_of_range_are_refused(terms: tuple[int, int, int]) -> None:
    assert Bench().refused(SetLiquidity(BTC, *terms)) == Code.PARAMETER_ERROR


def test_liquidity_of_unknown_instrument_is_refused() -> None:
    assert Bench().refused(SetLiquidity(5, 1, 1, 1)) == Code.INSTRUMENT_UNKNOWN
    assert Bench().refused(SetLiquidity(-2, 1, 1, 1)) == Code.INSTRUMENT_UNKNOWN


def test_taken_liquidity_is_gone_until_the_next_tick() -> None:
    bench = Bench()
    bench.open_markets()
    first = next(liquidity.levels(bench.state, BTC, Side.SELL))
    taker = bench.account()
    bench.placed(market(taker, 50))
    assert next(liquidity.levels(bench.state, BTC, Side.SELL)) == (first[0], first[1] - 50)
    bench.tick(BTC, 600_000)
    assert next(liquidity.levels(bench.state, BTC, Side.SELL)) == first


def test_plan_walks_levels_and_stops_at_the_limit() -> None:
    bench = Bench()
    bench.open_markets()
    levels = list(liquidity.levels(bench.state, BTC, Side.SELL))
    found = matching.plan(bench.state, BTC, Side.BUY, 10**9, 600_060)
    assert found.parts == tuple((px, lots, matching.PROVIDER) for px, lots in levels[:2])
    assert found.lots == levels[0][1] + levels[1][1]
    assert found.value_e8 == sum(px * lots * 1_000 for px, lots in levels[:2])


def test_users_come_before_the_provider_at_one_price_and_older_before_newer() -> None:
    bench = Bench()
    bench.open_markets()
    one, two, taker = bench.account(), bench.account(), bench.account()
    first = bench.placed(limit(one, -5, 600_030))
    second = bench.placed(limit(two, -6, 600_030))
    better = bench.placed(limit(two, -7, 600_029))
    found = matching.plan(bench.state, BTC, Side.BUY, 20)
    rows = bench.state.index.order_by_id
    assert found.parts == (
        (600_029, 7, rows[better.ord_id]),
        (600_030, 5, rows[first.ord_id]),
        (600_030, 6, rows[second.ord_id]),
        (600_030, 2, matching.PROVIDER),
    )
    bench.placed(market(taker, 20))
    assert (bench.held(one), bench.held(two), bench.held(taker)) == (-5, -13, 20)
    assert bench.held(1) == -2  # the provider


def test_makers_fill_at_their_price_and_pay_the_maker_fee() -> None:
    bench = Bench()
    bench.open_markets()
    maker, taker = bench.account(), bench.account()
    resting = bench.placed(limit(maker, -50, 600_010))
    output = bench.run(market(taker, 20))
    (fact,) = bench.about(output, resting.ord_id)
    assert (fact.state, fact.fill_lots, fact.fill_px_ticks) == (
        OrderState.PARTIALLY_FILLED,
        20,
        600_010,
    )
    assert fact.maker
    assert fact.fee_e8 == 600_010 * 20 * 1_000 * 200 // 1_000_000
    fills = bench.state.fills
    assert fills.count == 2
    assert fills.trade_id[0] == fills.trade_id[1] == bench.state.markets.last_trade_id[BTC]
    assert fills.maker[:2].tolist() == [True, False]
    assert bench.state.markets.volume_lots[BTC] == 20
    bench.run(market(taker, 30))
    assert bench.state.accounts.pending_orders[maker] == 0


def test_own_resting_orders_are_cancelled_instead_of_met() -> None:
    bench = Bench()
    bench.open_markets()
    trader, other = bench.account(), bench.account()
    own = bench.placed(limit(trader, -5, 600_010))
    bench.placed(limit(other, -5, 600_011))
    output = bench.run(market(trader, 5))
    assert [fact.state for fact in bench.about(output, own.ord_id)] == [OrderState.CANCELED]
    assert (bench.held(trader), bench.held(other)) == (5, -5)


def test_orders_of_all_takers_of_a_bunched_order_are_cancelled() -> None:
    bench = Bench()
    bench.open_markets()
    rows = [bench.account() for _ in range(4)]
    placed = [bench.placed(limit(row, -5, 600_010)) for row in rows]
    takers = np.array([rows[0], rows[2]], dtype=np.int64)
    found = matching.plan(bench.state, BTC, Side.BUY, 7, None, takers)
    by_id = bench.state.index.order_by_id
    assert [(lots, row) for _, lots, row in found.parts] == [
        (lots, by_id[one.ord_id]) for lots, one in zip((0, 5, 0, 2), placed, strict=True)
    ]


def test_own_resting_orders_that_are_not_met_stay() -> None:
    bench = Bench()
    bench.open_markets()
    trader = bench.account()
    bench.placed(limit(trader, -5, 600_040))
    bench.placed(market(trader, 5))
    assert bench.state.accounts.pending_orders[trader] == 1


def test_one_order_meets_at_most_a_thousand_resting_orders() -> None:
    bench = Bench(checked=False)
    bench.open_markets()
    quiet(bench)
    makers = [bench.account() for _ in range(3)]
    for number in range(MAX_MAKERS_PER_TAKER + 5):
        bench.placed(limit(makers[number % 3], -1, 600_000))
    taker = bench.account(100_000)
    killed = bench.placed(limit(taker, MAX_MAKERS_PER_TAKER + 1, 600_000, ord_type=OrdType.FOK))
    assert (killed.state, killed.filled_lots) == (OrderState.CANCELED, 0)
    ended = bench.placed(limit(taker, MAX_MAKERS_PER_TAKER + 1, 600_000))
    assert (ended.state, ended.filled_lots) == (OrderState.CANCELED, MAX_MAKERS_PER_TAKER)
    bench.checked = True
    bench.run(market(taker, 5))
    assert bench.held(taker) == MAX_MAKERS_PER_TAKER + 5


def test_new_quotes_fill_what_they_cross_at_the_orders_own_price() -> None:
    bench = Bench()
    bench.open_markets()
    one, two = bench.account(), bench.account()
    higher = bench.placed(limit(one, 10, 599_000))
    lower = bench.placed(limit(two, 10, 598_000))
    output = bench.tick(BTC, 598_500)
    (fact,) = bench.about(output, higher.ord_id)
    assert (fact.state, fact.fill_px_ticks, fact.maker) == (OrderState.FILLED, 599_000, True)
    assert not bench.about(output, lower.ord_id)
    assert (bench.held(one), bench.held(1)) == (10, -10)


def test_crossed_sales_fill_too() -> None:
    bench = Bench()
    bench.open_markets()
    one = bench.account()
    bench.placed(limit(one, -10, 601_000))
    bench.tick(BTC, 602_000)
    assert bench.held(one) == -10


def test_crossed_orders_fill_only_as_far_as_the_provider_goes() -> None:
    bench = Bench()
    bench.run(SetLiquidity(BTC, 50, 6_000 * E8, 1))  # some 9.99 contracts at the best level
    bench.open_markets()
    one, two = bench.account(), bench.account()
    first = bench.placed(limit(one, 800, 599_000))
    second = bench.placed(limit(two, 800, 599_000))
    bench.tick(BTC, 598_000)
    rows, filled = bench.state.index.order_by_id, bench.state.orders.filled_lots
    offered = 6_000 * E8 // (598_030 * 1_000)
    assert filled[rows[first.ord_id]] == 800
    assert filled[rows[second.ord_id]] == offered - 800
    assert bench.state.markets.ask_used_lots[BTC, 0] == offered
    bench.tick(BTC, 598_000)
    assert filled[rows[second.ord_id]] == 800


def test_new_terms_fill_what_they_cross() -> None:
    bench = Bench()
    bench.open_markets()
    quiet(bench)
    one = bench.account()
    bench.placed(limit(one, 10, 600_100))
    assert bench.reply(SetLiquidity(BTC, 50, 100 * E8, 1)) == Done()
    assert bench.held(one) == 10


def test_market_order_on_an_empty_book_is_refused() -> None:
    bench = Bench()
    bench.open_markets()
    quiet(bench)
    assert bench.refused(market(bench.account(), 1)) == Code.BOOK_EMPTY


def test_instrument_without_a_price_or_not_traded_here_is_suspended() -> None:
    bench = Bench()
    trader = bench.account()
    assert bench.refused(market(trader, 1)) == Code.INSTRUMENT_SUSPENDED
    bench.open_markets()
    assert bench.refused(market(trader, 1, BTC_INVERSE)) == Code.INSTRUMENT_SUSPENDED
