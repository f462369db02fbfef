import pytest
from msgspec.structs import replace
from tests.unit.engine.support import BTC, BTC_SPOT, Bench, limit, market

from copydesk.engine.context import Context
from copydesk.engine.exchange.reducing import Reduction, reduce_at_market
from copydesk.engine.invariants import check
from copydesk.engine.state import book_id
from copydesk.model.amounts import E8
from copydesk.model.enums import (
    FillCause,
    MgnMode,
    OrderState,
    PosMode,
    PosSide,
    Side,
    TdMode,
)
from copydesk.model.inputs import ClosePosition, SetLiquidity, SetPositionMode
from copydesk.model.outputs import Done, OrderUpdated
from copydesk.model.rejects import Code

NET, CROSS = PosSide.NET, MgnMode.CROSS


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.open_markets()
    return bench


def test_close_takes_the_whole_position_and_says_why(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, -100))
    output = bench.run(ClosePosition(trader, BTC, CROSS, NET, cl_ord_id="c", tag="t"))
    assert output.reply == Done()
    assert bench.held(trader) == 0
    (fact,) = [fact for fact in output.facts if isinstance(fact, OrderUpdated)]
    assert (fact.cause, fact.cl_ord_id, fact.tag) == (FillCause.CLOSE_POSITION, "c", "t")
    assert fact.reduce_only


def test_only_the_named_margin_mode_closes(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 10))
    bench.placed(market(trader, 20, td_mode=TdMode.ISOLATED))
    bench.run(ClosePosition(trader, BTC, MgnMode.ISOLATED, NET))
    assert bench.held(trader) == 10
    assert bench.held(trader, mgn_mode=MgnMode.ISOLATED) == 0


def test_one_side_of_long_short_mode_closes(bench: Bench) -> None:
    trader = bench.account()
    bench.run(SetPositionMode(trader, PosMode.LONG_SHORT))
    bench.placed(replace(market(trader, 10), pos_side=PosSide.LONG))
    bench.placed(replace(market(trader, -10), pos_side=PosSide.SHORT))
    assert bench.refused(ClosePosition(trader, BTC, CROSS, NET)) == Code.PARAMETER_ERROR
    bench.run(ClosePosition(trader, BTC, CROSS, PosSide.SHORT))
    assert bench.held(trader, slot=PosSide.LONG) == 10
    assert bench.held(trader, slot=PosSide.SHORT) == 0


def test_nothing_to_close_is_refused(bench: Bench) -> None:
    trader = bench.account()
    assert bench.refused(ClosePosition(trader, BTC, CROSS, NET)) == Code.NO_POSITION
    assert bench.refused(ClosePosition(trader, BTC_SPOT, CROSS, NET)) == Code.PARAMETER_ERROR
    slot = ClosePosition(trader, BTC, CROSS, PosSide.LONG)
    assert bench.refused(slot) == Code.PARAMETER_ERROR


def test_resting_closing_orders_block_unless_they_may_be_cancelled(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 10))
    resting = bench.placed(limit(trader, -10, 610_000))
    adding = bench.placed(limit(trader, 10, 590_000))
    close = ClosePosition(trader, BTC, CROSS, NET)
    assert bench.refused(close) == Code.CLOSE_ORDERS_PENDING
    output = bench.run(replace(close, auto_cancel=True))
    assert output.reply == Done()
    assert bench.held(trader) == 0
    assert bench.about(output, resting.ord_id)[-1].state == OrderState.CANCELED
    assert not bench.about(output, adding.ord_id)


def test_client_id_in_use_is_refused(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 10))
    bench.placed(replace(limit(trader, 10, 590_000), cl_ord_id="x"))
    close = ClosePosition(trader, BTC, CROSS, NET, cl_ord_id="x")
    assert bench.refused(close) == Code.CL_ORD_ID_TAKEN


def test_empty_book_is_told_and_a_thin_one_closes_in_part(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 100))
    bench.run(SetLiquidity(BTC, 50, 0, 0))
    assert bench.refused(ClosePosition(trader, BTC, CROSS, NET)) == Code.BOOK_EMPTY
    bench.run(SetLiquidity(BTC, 50, 240 * E8, 1))
    bench.run(ClosePosition(trader, BTC, CROSS, NET))
    assert bench.held(trader) == 60


def test_price_band_does_not_stand_in_the_way_of_an_exit(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 10))
    bench.run(SetLiquidity(BTC, 100_000, 1_000 * E8, 1))
    assert bench.refused(market(trader, -10)) == Code.BOOK_EMPTY
    assert bench.reply(ClosePosition(trader, BTC, CROSS, NET)) == Done()


def reduce(bench: Bench, request: Reduction) -> int:
    ctx = Context(bench.state.scalars.seq, bench.ts_ns, [])
    return reduce_at_market(bench.state, ctx, request)


def test_reduction_closes_a_part_and_names_the_lead_position(bench: Bench) -> None:
    trader = bench.account()
    bench.placed(market(trader, 100))
    book = book_id(BTC, CROSS, NET)
    request = Reduction(trader, book, 30, FillCause.SUB_POSITION, b"tag", 7)
    assert reduce(bench, request) == 30
    event = bench.state.fill_events.popleft()
    assert (event.closed_lots, event.reduces) == (30, 7)
    assert (event.side, event.cause) == (Side.SELL, FillCause.SUB_POSITION)
    assert event.fee_e8 == 599_970 * 30 * 1_000 * 500 // 1_000_000
    row = bench.state.orders.count - 1
    assert bench.state.orders.tag[row] == b"tag"
    assert bench.held(trader) == 70
    assert check(bench.state) == []


def test_reduction_is_bound_by_the_position_and_by_the_book(bench: Bench) -> None:
    trader = bench.account()
    book = book_id(BTC, CROSS, NET)
    assert reduce(bench, Reduction(trader, book, 30, FillCause.STOP_LOSS)) == 0
    bench.placed(market(trader, 100))
    bench.run(SetLiquidity(BTC, 50, 0, 0))
    assert reduce(bench, Reduction(trader, book, 30, FillCause.STOP_LOSS)) == 0
    bench.run(SetLiquidity(BTC, 50, 240 * E8, 1))
    assert reduce(bench, Reduction(trader, book, 500, FillCause.STOP_LOSS)) == 40
    assert bench.state.orders.size_lots[bench.state.orders.count - 1] == 100
    assert bench.state.orders.state[bench.state.orders.count - 1] == OrderState.CANCELED
    assert check(bench.state) == []
