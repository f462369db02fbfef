import pytest
from msgspec.structs import replace
from tests.unit.engine.support import BTC_SPOT, Bench

from copydesk.model.amounts import E8
from copydesk.model.enums import OrderState, OrdType, PosSide, Side, TdMode
from copydesk.model.inputs import CancelOrder, Deposit, PlaceOrder, SetLiquidity
from copydesk.model.outputs import AccountsTouched
from copydesk.model.rejects import Code, Reject

LOTS = E8  # of one coin: a lot is 1e-8 BTC


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.open_markets()
    return bench


def spot(trader: int, lots: int, px_ticks: int = 0) -> PlaceOrder:
    side = Side.BUY if lots > 0 else Side.SELL
    kind = OrdType.LIMIT if px_ticks else OrdType.MARKET
    return PlaceOrder(
        trader, BTC_SPOT, side, PosSide.NET, TdMode.CASH, kind, abs(lots), px_ticks=px_ticks
    )


def test_purchase_pays_money_and_its_fee_in_coins(bench: Bench) -> None:
    trader = bench.account(10_000)
    fact = bench.placed(spot(trader, LOTS // 10))
    assert bench.cash(trader) == 10_000 * E8 - 600_030 * E8 // 100
    assert fact.fee_e8 == LOTS // 10 // 1_000
    assert bench.cash(trader, "BTC") == LOTS // 10 - fact.fee_e8
    assert bench.cash(0, "BTC") == fact.fee_e8
    assert bench.state.fills.count == 1
    assert bench.held(trader, BTC_SPOT) == 0


def test_sale_pays_its_fee_in_money(bench: Bench) -> None:
    trader = bench.account(0)
    bench.run(Deposit(trader, bench.state.ccy_row("BTC"), E8))
    fact = bench.placed(spot(trader, -LOTS))
    value = 599_970 * E8 // 10
    assert fact.fee_e8 == value // 1_000
    assert bench.cash(trader) == value - fact.fee_e8
    assert bench.cash(trader, "BTC") == 0


def test_purchase_by_amount_buys_as_much_as_it_pays_for(bench: Bench) -> None:
    trader = bench.account(1_000)
    order = replace(spot(trader, 1), size_lots=0, quote_e8=1_000 * E8)
    fact = bench.placed(order)
    assert fact.state == OrderState.FILLED
    assert fact.filled_lots == 1_000 * E8 * 10 // 600_030
    assert 0 <= bench.cash(trader) < 600_030


def test_purchase_by_amount_walks_levels(bench: Bench) -> None:
    bench.run(SetLiquidity(BTC_SPOT, 50, 500 * E8, 3))
    trader = bench.account(1_000)
    fact = bench.placed(replace(spot(trader, 1), size_lots=0, quote_e8=1_000 * E8))
    assert fact.state == OrderState.FILLED
    assert bench.state.fills.count == 2
    assert 0 <= bench.cash(trader) < 600_060


def test_amount_that_buys_nothing_or_is_not_there_is_refused(bench: Bench) -> None:
    trader = bench.account(1_000)
    order = replace(spot(trader, 1), size_lots=0)
    assert bench.refused(replace(order, quote_e8=1)) == Code.SIZE_BELOW_MIN
    assert bench.refused(replace(order, quote_e8=E8 // 2)) == Code.SIZE_BELOW_MIN
    assert bench.refused(replace(order, quote_e8=1_001 * E8)) == Code.INSUFFICIENT_BALANCE
    bench.run(SetLiquidity(-1, 50, 0, 0))
    assert bench.refused(replace(order, quote_e8=E8)) == Code.BOOK_EMPTY


def test_money_and_coins_must_be_there(bench: Bench) -> None:
    trader = bench.account(1_000)
    assert bench.reply(spot(trader, LOTS)) == Reject(Code.INSUFFICIENT_BALANCE, ("USDT",))
    assert bench.reply(spot(trader, -1_000)) == Reject(Code.INSUFFICIENT_BALANCE, ("BTC",))


def test_resting_purchase_holds_money_and_fills_as_maker(bench: Bench) -> None:
    trader, seller = bench.account(10_000), bench.account(0)
    bench.run(Deposit(seller, bench.state.ccy_row("BTC"), E8))
    placed = bench.placed(spot(trader, LOTS // 10, 600_000))
    value = 600_000 * LOTS // 100
    assert bench.state.wallet(0).hold_e8[trader] == value
    output = bench.run(spot(seller, -LOTS // 40))
    (fact,) = bench.about(output, placed.ord_id)
    assert fact.fee_e8 == LOTS // 40 * 800 // 1_000_000
    assert bench.state.wallet(0).hold_e8[trader] == value * 3 // 4
    touched = {
        row
        for one in output.facts
        if isinstance(one, AccountsTouched)
        for row in one.account_rows.tolist()
    }
    assert touched == {trader, seller}
    bench.run(CancelOrder(trader, BTC_SPOT, placed.ord_id))
    assert bench.state.wallet(0).hold_e8[trader] == 0


def test_resting_sale_holds_coins(bench: Bench) -> None:
    trader = bench.account(0)
    ccy_row = bench.state.ccy_row("BTC")
    bench.run(Deposit(trader, ccy_row, E8))
    bench.placed(spot(trader, -LOTS, 610_000))
    assert bench.state.wallet(ccy_row).hold_e8[trader] == E8
    assert bench.refused(spot(trader, -1_000)) == Code.INSUFFICIENT_BALANCE
    bench.tick(BTC_SPOT, 611_000)
    assert bench.cash(trader, "BTC") == 0


def test_value_beyond_the_engines_bound_is_refused(bench: Bench) -> None:
    instruments = list(bench.state.table.instruments)
    instruments[BTC_SPOT] = replace(instruments[BTC_SPOT], max_limit_lots=10**15)
    bench.state.table = replace(bench.state.table, instruments=tuple(instruments))
    trader = bench.account(1_000)
    assert bench.refused(spot(trader, 10**15, 590_000)) == Code.TIER_EXCEEDED
