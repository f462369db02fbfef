import pytest
from tests.unit.engine.support import BTC, BTC_USD_UM, ETH, START_MS, Bench, limit, market

from copydesk.engine.context import Context
from copydesk.engine.exchange import liquidation, margin
from copydesk.engine.exchange.positions import position_row
from copydesk.engine.state import HOUSE, LIQUIDITY, book_id
from copydesk.model.amounts import E8
from copydesk.model.enums import FillCause, MgnMode, OrderState, PosSide, TdMode
from copydesk.model.inputs import Deposit, SetLeverage, SetLiquidity
from copydesk.model.limits import CALM_PPM
from copydesk.model.outputs import AccountLiquidated, OrderUpdated, Output

NET, CROSS, ISOLATED = PosSide.NET, MgnMode.CROSS, MgnMode.ISOLATED


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.open_markets()
    return bench


def liquidated(output: Output) -> list[tuple[int, int]]:
    return [
        (fact.account_row, fact.inst_row)
        for fact in output.facts
        if isinstance(fact, AccountLiquidated)
    ]


def highest_mark_that_liquidates(bench: Bench, account_row: int, inst_row: int = BTC) -> int:
    """Search the last mark at which a long cross account is due, by the definition."""
    state, mark = bench.state, bench.state.markets.mark_ticks
    kept, low, high = int(mark[inst_row]), 1, int(mark[inst_row])
    while low < high:
        mark[inst_row] = middle = (low + high + 1) // 2
        rows = liquidation.cross_rows(state, account_row, 0)
        needed = sum(liquidation.needed_e8(state, row) for row in rows)
        due = margin.cross_equity_e8(state, account_row, 0) <= needed
        low, high = (middle, high) if due else (low, middle - 1)
    mark[inst_row] = kept
    return low


def test_cross_account_is_liquidated_at_its_line_and_not_before(bench: Bench) -> None:
    trader = bench.account(250)
    bench.placed(market(trader, 120))
    line = highest_mark_that_liquidates(bench, trader)
    assert 390_000 < line < 400_000
    assert liquidated(bench.tick(BTC, line + 1)) == []
    output = bench.tick(BTC, line)
    assert liquidated(output) == [(trader, BTC)]
    assert bench.held(trader) == 0
    (fact,) = [fact for fact in output.facts if isinstance(fact, OrderUpdated)]
    assert (fact.cause, fact.state) == (FillCause.LIQUIDATION, OrderState.FILLED)
    assert bench.cash(trader) >= 0


def test_line_is_found_by_small_steps_too(bench: Bench) -> None:
    trader = bench.account(250)
    bench.run(SetLeverage(trader, BTC, CROSS, NET, 100))
    bench.placed(market(trader, 3_000))
    line = highest_mark_that_liquidates(bench, trader)
    for mark in range(600_000, line, -10):
        assert liquidated(bench.tick(BTC, mark)) == []
    assert liquidated(bench.tick(BTC, line)) == [(trader, BTC)]


def test_quiet_ticks_look_at_nobody(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 10))
    bench.tick(BTC, 600_000)
    calm = int(bench.state.accounts.calm_ppm[trader])
    assert 0 < calm < CALM_PPM
    assert bench.state.scalars.risk_min_calm_ppm == calm
    bench.state.accounts.calm_ppm[trader] = calm + 1  # measured anew if looked at
    bench.tick(BTC, 600_100)
    assert bench.state.accounts.calm_ppm[trader] == calm + 1
    bench.tick(BTC, 604_000)  # beyond the reference's span: measured anew
    assert bench.state.accounts.calm_ppm[trader] != calm + 1
    assert bench.state.markets.ref_ticks[BTC] == 604_000


def test_accounts_without_positions_are_calm(bench: Bench) -> None:
    trader = bench.account()
    assert bench.state.accounts.calm_ppm[trader] == CALM_PPM
    bench.placed(market(trader, 10))
    bench.placed(market(trader, -10))
    bench.tick(BTC, 600_000)
    assert bench.state.accounts.calm_ppm[trader] == CALM_PPM


def test_holders_of_other_instruments_are_left_alone_by_a_far_move(bench: Bench) -> None:
    one, two = bench.account(), bench.account()
    bench.placed(market(one, 10))
    bench.placed(market(two, 10, ETH))
    bench.tick(BTC, 600_000)
    bench.state.accounts.calm_ppm[two] -= 1
    before = int(bench.state.accounts.calm_ppm[two])
    bench.state.scalars.risk_min_calm_ppm = min(before, int(bench.state.accounts.calm_ppm[one]))
    bench.tick(BTC, 605_000)
    assert bench.state.accounts.calm_ppm[two] == before


def test_pending_orders_go_first(bench: Bench) -> None:
    trader = bench.account(250)
    bench.placed(market(trader, 110))
    resting = bench.placed(limit(trader, 1, 100_000))
    output = bench.tick(BTC, 350_000)
    assert liquidated(output) == [(trader, BTC)]
    assert bench.about(output, resting.ord_id)[-1].state == OrderState.CANCELED
    assert bench.state.wallet(0).hold_e8[trader] == 0


def test_all_cross_positions_of_the_currency_go_and_others_stay(bench: Bench) -> None:
    trader = bench.account(450)
    bench.run(Deposit(trader, bench.state.ccy_row("USD"), 1_000 * E8))
    bench.placed(market(trader, 100))
    bench.placed(market(trader, 100, ETH))
    bench.placed(market(trader, 1, BTC_USD_UM))
    bench.placed(market(trader, 10, td_mode=TdMode.ISOLATED))
    output = bench.ticks({BTC: (330_000, 330_000), ETH: (140_000, 140_000)})
    assert sorted(liquidated(output)) == [(trader, BTC), (trader, BTC), (trader, ETH)]
    assert bench.held(trader) == bench.held(trader, ETH) == 0
    assert bench.held(trader, BTC_USD_UM) == 1


def test_isolated_position_is_liquidated_alone_and_loses_its_margin_at_most(
    bench: Bench,
) -> None:
    trader = bench.account(10_000)
    bench.run(SetLeverage(trader, BTC, ISOLATED, NET, 50))
    bench.placed(market(trader, 100, td_mode=TdMode.ISOLATED))
    bench.placed(market(trader, 100))
    row = position_row(bench.state, book_id(BTC, ISOLATED, NET), trader)
    own = int(bench.state.positions.margin_e8[row])
    before, house = bench.cash(trader), bench.cash(HOUSE)
    output = bench.tick(BTC, 560_000)
    assert liquidated(output) == [(trader, BTC)]
    assert bench.held(trader, mgn_mode=ISOLATED) == 0
    assert bench.held(trader) == 100
    assert bench.cash(trader) == before - own
    assert bench.cash(HOUSE) < house
    bills = bench.state.bills
    last = bills.count - 1
    assert (bills.kind[last], bills.sub_kind[last]) == (5, 110)
    assert bills.change_e8[last] > 0


def test_nobody_ends_below_zero(bench: Bench) -> None:
    trader = bench.account(250)
    bench.placed(market(trader, 120))
    bench.tick(BTC, 100_000)
    assert bench.cash(trader) == 0
    assert bench.cash(HOUSE) < 0


def test_what_the_book_cannot_take_goes_to_the_provider_at_mark(bench: Bench) -> None:
    trader = bench.account(250)
    bench.placed(market(trader, 120))
    bench.run(SetLiquidity(BTC, 50, 100 * E8, 1))
    output = bench.tick(BTC, 398_000, 390_000)
    assert liquidated(output) == [(trader, BTC)]
    fills = bench.state.fills
    assert fills.px_ticks[fills.count - 1] == 390_000
    assert fills.lots[fills.count - 2] == 100 * E8 // (397_980 * 1_000)
    assert bench.held(LIQUIDITY) == 0


def test_liquidation_on_an_empty_book(bench: Bench) -> None:
    trader = bench.account(250)
    bench.placed(market(trader, 120))
    bench.run(SetLiquidity(BTC, 50, 0, 0))
    assert liquidated(bench.tick(BTC, 390_000)) == [(trader, BTC)]
    assert bench.held(trader) == bench.held(LIQUIDITY) == 0


def test_margin_that_funding_has_eaten_into_leaves_no_debt() -> None:
    bench = Bench({BTC: (3_600_000, 50_000_000)})
    bench.open_markets()
    trader = bench.account(201)
    bench.placed(market(trader, 100, td_mode=TdMode.ISOLATED))
    bench.tick(BTC, 600_000, market_ts_ms=START_MS + 3_600_000)
    wallet = bench.state.wallet(0)
    assert wallet.cash_e8[trader] < wallet.iso_margin_e8[trader]
    bench.tick(BTC, 390_000, market_ts_ms=START_MS + 3_600_001)
    assert bench.held(trader, mgn_mode=ISOLATED) == 0
    assert bench.cash(trader) == 0


def test_liquidation_of_a_short(bench: Bench) -> None:
    trader = bench.account(250)
    bench.placed(market(trader, -120))
    assert liquidated(bench.tick(BTC, 780_000)) == []
    assert liquidated(bench.tick(BTC, 820_000)) == [(trader, BTC)]


def test_what_is_no_longer_due_is_left_alone(bench: Bench) -> None:
    """Fills of an earlier liquidation may have saved an account that was measured before it."""
    trader = bench.account()
    bench.placed(market(trader, 100))
    bench.placed(market(trader, 100, td_mode=TdMode.ISOLATED))
    ctx = Context(bench.state.scalars.seq, bench.ts_ns, [])
    liquidation.liquidate_cross(bench.state, ctx, trader, 0)
    row = position_row(bench.state, book_id(BTC, ISOLATED, NET), trader)
    liquidation.liquidate_isolated(bench.state, ctx, row)
    assert bench.held(trader) == bench.held(trader, mgn_mode=ISOLATED) == 100
    bench.placed(market(trader, -100, td_mode=TdMode.ISOLATED))
    liquidation.liquidate_isolated(bench.state, ctx, row)
    assert ctx.facts == []


def test_calm_follows_withdrawals_and_leverage(bench: Bench) -> None:
    trader = bench.account(1_000)
    bench.placed(market(trader, 100))
    bench.tick(BTC, 600_000)
    calm = int(bench.state.accounts.calm_ppm[trader])
    bench.run(Deposit(trader, 0, -500 * E8))
    assert bench.state.accounts.calm_ppm[trader] == 0
    bench.tick(BTC, 600_000)
    assert 0 < bench.state.accounts.calm_ppm[trader] < calm
    bench.run(SetLeverage(trader, BTC, CROSS, NET, 5))
    assert bench.state.accounts.calm_ppm[trader] == 0


def test_liquidation_is_left_for_copying_with_its_order(bench: Bench) -> None:
    trader = bench.account(250)
    bench.placed(market(trader, 120))
    bench.tick(BTC, 350_000)
    orders = bench.state.orders
    row = orders.count - 1
    assert orders.cause[row] == FillCause.LIQUIDATION
    assert orders.reduce_only[row]
