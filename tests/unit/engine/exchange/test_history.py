import numpy as np
import pytest
from msgspec.structs import replace
from tests.unit.engine.support import BTC, Bench, limit, market

from copydesk.engine.context import Context
from copydesk.engine.derived import rebuild
from copydesk.engine.exchange import history
from copydesk.engine.invariants import check
from copydesk.model.enums import OrderState
from copydesk.model.inputs import CancelOrder
from copydesk.model.limits import ORDER_HISTORY_ROWS


def busy() -> Bench:
    bench = Bench()
    bench.open_markets()
    trader = bench.account(100_000)
    for number in range(10):
        bench.placed(market(trader, 1 + number))
        if number % 3 == 0:
            bench.placed(replace(limit(trader, 1, 590_000), cl_ord_id=f"c{number}"))
    return bench


def test_trimming_forgets_the_older_half_but_not_what_rests() -> None:
    bench = busy()
    orders = bench.state.orders
    before = orders.live("ord_id").tolist()
    resting = orders.live("state") == OrderState.LIVE
    half = orders.count // 2
    kept = [before[row] for row in range(half) if resting[row]] + before[half:]
    assert history.trim_orders(bench.state, limit=orders.count)
    assert orders.live("ord_id").tolist() == kept
    assert check(bench.state) == []


def test_resting_orders_can_be_met_and_cancelled_after_trimming() -> None:
    bench = busy()
    history.trim_orders(bench.state, limit=1)
    orders = bench.state.orders
    first, second = np.flatnonzero(orders.live("state") == OrderState.LIVE)[:2].tolist()
    second_id = int(orders.ord_id[second])
    bench.run(CancelOrder(2, BTC, int(orders.ord_id[first])))
    bench.tick(BTC, 580_000)
    row = bench.state.index.order_by_id[second_id]
    assert orders.state[row] == OrderState.FILLED


def test_nothing_is_trimmed_below_the_limit() -> None:
    bench = busy()
    count = bench.state.orders.count
    assert not history.trim_orders(bench.state, limit=count + 1)
    history.trim(bench.state.fills, limit=count + 1)
    assert bench.state.orders.count == count


def test_fills_and_bills_lose_their_older_half() -> None:
    bench = busy()
    fills = bench.state.fills
    before = fills.live("trade_id").tolist()
    history.trim(fills, limit=len(before))
    assert fills.live("trade_id").tolist() == before[len(before) // 2 :]


def test_index_is_what_the_tables_say() -> None:
    bench = busy()
    before = bench.columns()
    rebuild(bench.state)
    assert check(bench.state) == []
    assert bench.columns() == before


def test_ids_and_trade_numbers_rise() -> None:
    bench = busy()
    ctx = Context(1, bench.ts_ns, [])
    first = history.new_id(bench.state, ctx)
    stretch = history.new_ids(bench.state, ctx, 10)
    assert stretch > first
    assert history.new_id(bench.state, ctx) > stretch + 9
    trade = history.new_trades(bench.state, 3)
    assert history.new_trades(bench.state, 1) == trade + 3


@pytest.mark.long
def test_order_met_after_its_row_moved_in_the_same_step() -> None:
    bench = Bench(checked=False)
    bench.open_markets()
    maker, taker = bench.account(), bench.account()
    resting = bench.placed(limit(maker, -5, 600_010))
    orders = bench.state.orders
    start = orders.append(ORDER_HISTORY_ROWS)
    first = history.new_ids(bench.state, Context(1, bench.ts_ns, []), ORDER_HISTORY_ROWS)
    orders.ord_id[start : orders.count] = np.arange(first, first + ORDER_HISTORY_ROWS)
    orders.state[start : orders.count] = OrderState.CANCELED
    orders.size_lots[start : orders.count] = 1
    output = bench.run(market(taker, 5))
    assert bench.about(output, resting.ord_id)[-1].state == OrderState.FILLED
    assert orders.count == ORDER_HISTORY_ROWS // 2 + 3
    assert check(bench.state) == []
