import pytest
from tests.unit.engine.support import BTC, BTC_SPOT, Bench, limit, market

from copydesk.engine.state import book_id, lever_of
from copydesk.model.amounts import E8
from copydesk.model.enums import MgnMode, OrdType, PosMode, PosSide, Side, TdMode
from copydesk.model.inputs import (
    Deposit,
    PlaceOrder,
    SetLeverage,
    SetPositionMode,
)
from copydesk.model.outputs import Done
from copydesk.model.rejects import Code

NET, CROSS, ISOLATED = PosSide.NET, MgnMode.CROSS, MgnMode.ISOLATED


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.open_markets()
    return bench


def levers(bench: Bench, account_row: int, mgn_mode: MgnMode) -> list[int]:
    return [lever_of(bench.state, book_id(BTC, mgn_mode, slot), account_row) for slot in PosSide]


def test_leverage_is_three_until_set(bench: Bench) -> None:
    trader = bench.account()
    assert levers(bench, trader, CROSS) == levers(bench, trader, ISOLATED) == [3, 3, 3]


def test_cross_sets_all_slots_and_isolated_one(bench: Bench) -> None:
    trader, other = bench.account(), bench.account()
    assert bench.reply(SetLeverage(trader, BTC, CROSS, NET, 10)) == Done()
    assert levers(bench, trader, CROSS) == [10, 10, 10]
    bench.run(SetLeverage(trader, BTC, ISOLATED, NET, 20))
    assert levers(bench, trader, ISOLATED) == [20, 3, 3]
    assert levers(bench, other, CROSS) == [3, 3, 3]
    bench.run(SetPositionMode(trader, PosMode.LONG_SHORT))
    bench.run(SetLeverage(trader, BTC, ISOLATED, PosSide.SHORT, 5))
    assert levers(bench, trader, ISOLATED) == [20, 3, 5]


def test_leverage_of_accounts_beyond_the_first_thousand_is_kept(bench: Bench) -> None:
    bench.checked = False
    first = bench.account()
    bench.run(SetLeverage(first, BTC, CROSS, NET, 10))
    for _ in range(1_024):
        bench.account()
    last = bench.account()
    assert levers(bench, last, CROSS) == [3, 3, 3]
    bench.run(SetLeverage(last, BTC, CROSS, NET, 7))
    assert levers(bench, last, CROSS) == [7, 7, 7]
    assert levers(bench, first, CROSS) == [10, 10, 10]


def test_margin_of_an_open_position_follows(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 100))
    bench.run(SetLeverage(trader, BTC, CROSS, NET, 10))
    value = 600_030 * 100 * 1_000
    assert bench.state.wallet(0).cross_margin_e8[trader] == value // 10
    assert bench.placed(market(trader, 1)).lever == 10


@pytest.mark.parametrize("lever", [0, -1])
def test_leverage_below_one_is_malformed(bench: Bench, lever: int) -> None:
    command = SetLeverage(bench.account(), BTC, CROSS, NET, lever)
    assert bench.refused(command) == Code.PARAMETER_ERROR


def test_leverage_has_a_maximum_and_is_for_swaps(bench: Bench) -> None:
    trader = bench.account()
    high = SetLeverage(trader, BTC, CROSS, NET, 101)
    assert bench.refused(high) == Code.LEVERAGE_ABOVE_MAX
    assert bench.reply(SetLeverage(trader, BTC, CROSS, NET, 100)) == Done()
    spot = SetLeverage(trader, BTC_SPOT, CROSS, NET, 2)
    assert bench.refused(spot) == Code.PARAMETER_ERROR


def test_isolated_leverage_names_the_slot_of_the_mode(bench: Bench) -> None:
    trader = bench.account()
    wrong = SetLeverage(trader, BTC, ISOLATED, PosSide.LONG, 2)
    assert bench.refused(wrong) == Code.PARAMETER_ERROR
    bench.run(SetPositionMode(trader, PosMode.LONG_SHORT))
    wrong = SetLeverage(trader, BTC, ISOLATED, NET, 2)
    assert bench.refused(wrong) == Code.PARAMETER_ERROR


def test_resting_orders_block_a_change_of_their_margin_mode(bench: Bench) -> None:
    trader = bench.account()
    cross, isolated = (SetLeverage(trader, BTC, mode, NET, 2) for mode in MgnMode)
    bench.placed(limit(trader, 1, 590_000))
    assert bench.refused(cross) == Code.LEVERAGE_CROSS_ORDERS_PENDING
    assert bench.reply(isolated) == Done()
    bench.placed(
        PlaceOrder(trader, BTC, Side.BUY, NET, TdMode.ISOLATED, OrdType.LIMIT, 1, px_ticks=590_000)
    )
    assert bench.refused(isolated) == Code.LEVERAGE_ISOLATED_ORDERS_PENDING


def test_lower_leverage_needs_the_margin(bench: Bench) -> None:
    trader = bench.account(300)
    bench.placed(market(trader, 100))
    lower = SetLeverage(trader, BTC, CROSS, NET, 2)
    assert bench.refused(lower) == Code.LEVERAGE_INSUFFICIENT_MARGIN
    bench.run(Deposit(trader, 0, 10 * E8))
    assert bench.reply(lower) == Done()


def test_higher_leverage_may_not_make_an_isolated_position_due(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 100, td_mode=TdMode.ISOLATED))
    bench.tick(BTC, 590_000)
    higher = SetLeverage(trader, BTC, ISOLATED, NET, 100)
    assert bench.refused(higher) == Code.LEVERAGE_EQUITY_SHORT
    assert bench.reply(SetLeverage(trader, BTC, ISOLATED, NET, 10)) == Done()


def test_position_mode_changes_while_nothing_is_open(bench: Bench) -> None:
    trader = bench.account()
    hedge, net = SetPositionMode(trader, PosMode.LONG_SHORT), SetPositionMode(trader, PosMode.NET)
    assert bench.reply(net) == Done()
    bench.placed(market(trader, 1))
    assert bench.reply(net) == Done()
    assert bench.refused(hedge) == Code.POSITION_MODE_IN_USE
    bench.placed(market(trader, -1))
    bench.placed(limit(trader, 1, 500_000))
    assert bench.refused(hedge) == Code.POSITION_MODE_IN_USE


def test_copier_of_several_leads_may_not_go_to_net_mode(bench: Bench) -> None:
    trader = bench.account()
    bench.run(SetPositionMode(trader, PosMode.LONG_SHORT))
    bench.checked = False
    bench.state.accounts.active_relations[trader] = 2
    refused = bench.refused(SetPositionMode(trader, PosMode.NET))
    assert refused == Code.NET_MODE_NEEDS_ONE_LEAD
    bench.state.accounts.active_relations[trader] = 1
    assert bench.reply(SetPositionMode(trader, PosMode.NET)) == Done()
