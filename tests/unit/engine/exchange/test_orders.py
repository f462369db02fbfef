from dataclasses import dataclass

import pytest
from msgspec.structs import replace
from tests.unit.engine.support import BTC, BTC_SPOT, ETH, Bench, limit, market

from copydesk.engine.exchange import admission
from copydesk.engine.state import FillEvent
from copydesk.model.amounts import E8
from copydesk.model.enums import OrderState, OrdType, PosMode, PosSide, Side, TdMode
from copydesk.model.inputs import CancelOrder, PlaceOrder, SetLiquidity, SetPositionMode
from copydesk.model.limits import MAX_ORDERS_PENDING_PER_ACCOUNT
from copydesk.model.outputs import BookChanged, OrderPlaced
from copydesk.model.rejects import Code, Reject


@dataclass
class Desk:
    bench: Bench
    trader: int


@pytest.fixture
def desk() -> Desk:
    bench = Bench()
    bench.open_markets()
    return Desk(bench, bench.account())


def both_ways(trader: int, side: Side, slot: PosSide, lots: int, px: int = 0) -> PlaceOrder:
    kind = OrdType.LIMIT if px else OrdType.MARKET
    return PlaceOrder(trader, BTC, side, slot, TdMode.CROSS, kind, lots, px_ticks=px)


def test_market_order_fills_books_and_pays_the_taker_fee(desk: Desk) -> None:
    fact = desk.bench.placed(market(desk.trader, 100))
    value = 600_030 * 100 * 1_000
    assert (fact.state, fact.filled_lots, fact.filled_value_e8) == (OrderState.FILLED, 100, value)
    assert fact.fee_e8 == value * 500 // 1_000_000
    assert desk.bench.cash(desk.trader) == 10_000 * E8 - fact.fee_e8
    assert desk.bench.held(desk.trader) == 100


def test_order_answers_with_its_ids(desk: Desk) -> None:
    order = replace(limit(desk.trader, 1, 590_000), cl_ord_id="mine", tag="bot")
    reply = desk.bench.reply(order)
    assert isinstance(reply, OrderPlaced)
    assert (reply.cl_ord_id, reply.tag) == ("mine", "bot")
    assert reply.ts_ms == desk.bench.ts_ns // 1_000_000


def test_order_through_several_levels_tells_each_match_and_leaves_one_event(desk: Desk) -> None:
    bench = desk.bench
    bench.run(SetLiquidity(BTC, 50, 600 * E8, 10))
    output = bench.run(market(desk.trader, 500))
    reply = output.reply
    assert isinstance(reply, OrderPlaced)
    facts = bench.about(output, reply.ord_id)
    assert [(fact.fill_px_ticks, fact.fill_lots) for fact in facts] == [
        (600_030, 99),
        (600_060, 199),
        (600_120, 202),
    ]
    states = [fact.state for fact in facts]
    assert states == [OrderState.PARTIALLY_FILLED] * 2 + [OrderState.FILLED]
    assert [fact.trade_id for fact in facts] == [1, 2, 3]


def test_market_order_stops_at_the_price_band_and_its_rest_is_cancelled(desk: Desk) -> None:
    bench = desk.bench
    bench.run(SetLiquidity(BTC, 10_000, 60 * E8, 8))  # levels at 1, 2, 4, 8 %
    fact = bench.placed(market(desk.trader, 100))
    assert fact.state == OrderState.CANCELED
    rows = bench.state.fills
    assert rows.px_ticks[: rows.count].tolist() == [606_000, 612_000, 624_000]
    assert fact.filled_lots == int(rows.lots[: rows.count].sum())


def test_limit_order_rests_and_holds_margin_and_maker_fee(desk: Desk) -> None:
    fact = desk.bench.placed(limit(desk.trader, 100, 590_000))
    value = 590_000 * 100 * 1_000
    assert (fact.state, fact.lever) == (OrderState.LIVE, 3)
    hold = -(-value // 3) + value * 200 // 1_000_000
    assert desk.bench.state.wallet(0).hold_e8[desk.trader] == hold
    assert desk.bench.state.accounts.pending_orders[desk.trader] == 1


def test_limit_order_that_crosses_takes_and_rests_with_the_remainder(desk: Desk) -> None:
    bench = desk.bench
    bench.run(SetLiquidity(BTC, 50, 600 * E8, 1))
    fact = bench.placed(limit(desk.trader, 150, 600_030))
    assert (fact.state, fact.filled_lots) == (OrderState.PARTIALLY_FILLED, 99)
    row = bench.state.index.order_by_id[fact.ord_id]
    rest = 51 * 600_030 * 1_000
    assert bench.state.orders.hold_e8[row] == -(-rest // 3) + rest * 200 // 1_000_000


def test_post_only_rests_or_is_cancelled(desk: Desk) -> None:
    rests = limit(desk.trader, 1, 600_029, ord_type=OrdType.POST_ONLY)
    assert desk.bench.placed(rests).state == OrderState.LIVE
    takes = limit(desk.trader, 1, 600_030, ord_type=OrdType.POST_ONLY)
    fact = desk.bench.placed(takes)
    assert (fact.state, fact.filled_lots) == (OrderState.CANCELED, 0)


def test_ioc_takes_what_there_is_and_ends(desk: Desk) -> None:
    desk.bench.run(SetLiquidity(BTC, 50, 600 * E8, 1))
    fact = desk.bench.placed(limit(desk.trader, 150, 600_030, ord_type=OrdType.IOC))
    assert (fact.state, fact.filled_lots) == (OrderState.CANCELED, 99)
    fact = desk.bench.placed(limit(desk.trader, 150, 600_029, ord_type=OrdType.IOC))
    assert (fact.state, fact.filled_lots) == (OrderState.CANCELED, 0)


def test_fok_takes_all_or_nothing(desk: Desk) -> None:
    desk.bench.run(SetLiquidity(BTC, 50, 600 * E8, 1))
    fact = desk.bench.placed(limit(desk.trader, 100, 600_030, ord_type=OrdType.FOK))
    assert (fact.state, fact.filled_lots) == (OrderState.CANCELED, 0)
    fact = desk.bench.placed(limit(desk.trader, 99, 600_030, ord_type=OrdType.FOK))
    assert (fact.state, fact.filled_lots) == (OrderState.FILLED, 99)


def test_expired_order_is_refused(desk: Desk) -> None:
    late = replace(market(desk.trader, 1), exp_ts_ns=desk.bench.ts_ns)
    assert desk.bench.refused(late) == Code.EXP_TIME_PASSED
    desk.bench.placed(replace(late, exp_ts_ns=desk.bench.ts_ns + 10**9))


def test_client_id_is_unique_among_what_rests_and_free_afterwards(desk: Desk) -> None:
    order = replace(limit(desk.trader, 1, 590_000), cl_ord_id="a1")
    desk.bench.placed(order)
    assert desk.bench.refused(order) == Code.CL_ORD_ID_TAKEN
    assert desk.bench.refused(replace(market(desk.trader, 1), cl_ord_id="a1"))
    desk.bench.placed(replace(order, account_row=desk.bench.account()))
    desk.bench.reply(CancelOrder(desk.trader, BTC, 0, "a1"))
    desk.bench.placed(order)


@pytest.mark.parametrize(
    "change,code",
    [
        ({"size_lots": 0}, Code.PARAMETER_ERROR),
        ({"size_lots": -1}, Code.PARAMETER_ERROR),
        ({"size_lots": 3_400_001}, Code.SIZE_ABOVE_MARKET_MAX),
        (
            {"ord_type": OrdType.LIMIT, "px_ticks": 1, "size_lots": 3 * 10**9 + 1},
            Code.SIZE_ABOVE_LIMIT_MAX,
        ),
        ({"ord_type": OrdType.LIMIT}, Code.PARAMETER_ERROR),
        ({"ord_type": OrdType.LIMIT, "px_ticks": 10**12 + 1}, Code.PARAMETER_ERROR),
        ({"ord_type": OrdType.LIMIT, "px_ticks": 630_001}, Code.PRICE_OUT_OF_BAND),
        (
            {"ord_type": OrdType.LIMIT, "px_ticks": 569_999, "side": Side.SELL},
            Code.PRICE_OUT_OF_BAND,
        ),
        ({"td_mode": TdMode.CASH}, Code.PARAMETER_ERROR),
        ({"td_mode": TdMode.SPOT_ISOLATED}, Code.PARAMETER_ERROR),
        ({"pos_side": PosSide.LONG}, Code.PARAMETER_ERROR),
        ({"inst_row": BTC_SPOT}, Code.WRONG_ACCOUNT_MODE),
        ({"inst_row": BTC_SPOT, "td_mode": TdMode.SPOT_ISOLATED}, Code.PARAMETER_ERROR),
        (
            {"inst_row": BTC_SPOT, "td_mode": TdMode.CASH, "reduce_only": True},
            Code.REDUCE_ONLY_UNAVAILABLE,
        ),
        ({"quote_e8": 5}, Code.PARAMETER_ERROR),
        ({"cl_ord_id": "x" * 33}, Code.PARAMETER_ERROR),
        ({"tag": "x" * 17}, Code.PARAMETER_ERROR),
    ],
)
def test_malformed_orders_are_refused(desk: Desk, change: dict[str, object], code: Code) -> None:
    assert desk.bench.refused(replace(market(desk.trader, 1), **change)) == code


def test_size_below_the_minimum_is_refused(desk: Desk) -> None:
    instrument = desk.bench.state.instruments[4]
    assert instrument.min_lots == 1
    spot = replace(market(desk.trader, 1, BTC_SPOT), td_mode=TdMode.CASH)
    table = desk.bench.state.table
    small = replace(table.instruments[BTC_SPOT], min_lots=2)
    rows = (*table.instruments[:BTC_SPOT], small, *table.instruments[BTC_SPOT + 1 :])
    desk.bench.state.table = replace(table, instruments=rows)
    assert desk.bench.refused(spot) == Code.SIZE_BELOW_MIN


def test_price_limits_are_told_in_the_refusal(desk: Desk) -> None:
    assert admission.price_limits(desk.bench.state, BTC) == (630_000, 570_000)
    reply = desk.bench.reply(limit(desk.trader, 1, 630_001))
    assert reply == Reject(Code.PRICE_OUT_OF_BAND, ("63000", "57000"))


def test_buys_far_below_and_sales_far_above_are_in_the_band(desk: Desk) -> None:
    desk.bench.placed(limit(desk.trader, 1, 1))
    desk.bench.placed(limit(desk.trader, -1, 6_000_000))


def test_too_many_pending_orders_are_refused() -> None:
    bench = Bench(checked=False)
    bench.open_markets()
    trader = bench.account()
    for _ in range(MAX_ORDERS_PENDING_PER_ACCOUNT):
        bench.placed(limit(trader, 1, 500_000))
    assert bench.refused(limit(trader, 1, 500_000)) == Code.TOO_MANY_PENDING
    bench.placed(market(trader, 1))


def test_order_that_cannot_be_paid_is_refused_at_the_last_unit(desk: Desk) -> None:
    bench = desk.bench
    value = 600_030 * 100 * 1_000
    open_loss = 30 * 100 * 1_000
    needed = value // 3 + value * 500 // 1_000_000 + open_loss
    rich, poor = bench.account(0), bench.account(0)
    bench.state.wallet(0).cash_e8[rich] = bench.state.wallet(0).deposits_e8[rich] = needed
    bench.state.wallet(0).cash_e8[poor] = bench.state.wallet(0).deposits_e8[poor] = needed - 1
    reply = bench.reply(market(poor, 100))
    assert reply == Reject(Code.INSUFFICIENT_BALANCE, ("USDT",))
    bench.placed(market(rich, 100))


def test_open_loss_of_a_resting_sale_below_mark_is_counted(desk: Desk) -> None:
    bench = desk.bench
    bench.run(SetLiquidity(-1, 50, 0, 0))
    px = 580_000
    value = px * 100 * 1_000
    needed = -(-value // 3) + value * 500 // 1_000_000 + 20_000 * 100 * 1_000
    poor = bench.account(0)
    bench.state.wallet(0).cash_e8[poor] = bench.state.wallet(0).deposits_e8[poor] = needed - 1
    assert bench.refused(limit(poor, -100, px)) == Code.INSUFFICIENT_BALANCE


def test_holds_count_against_what_is_available(desk: Desk) -> None:
    poor = desk.bench.account(300)
    desk.bench.placed(limit(poor, 100, 590_000))
    assert desk.bench.refused(limit(poor, 100, 590_000)) == Code.INSUFFICIENT_BALANCE


def test_position_beyond_the_engines_bound_is_refused(desk: Desk) -> None:
    bench = desk.bench
    rich = bench.account(8_000_000_000)
    assert bench.refused(limit(rich, 1_530_000_000, 600_000)) == Code.TIER_EXCEEDED
    bench.placed(limit(rich, 1_000_000, 500_000))
    bench.run(SetLiquidity(-1, 50, 0, 0))
    bench.placed(limit(rich, 140_000_000, 600_000))
    assert bench.refused(limit(rich, 140_000_000, 600_000)) == Code.TIER_EXCEEDED


def test_net_order_against_a_position_closes_then_opens(desk: Desk) -> None:
    bench = desk.bench
    bench.placed(market(desk.trader, 100))
    fact = bench.placed(market(desk.trader, -250))
    assert bench.held(desk.trader) == -150
    assert fact.pnl_e8 == (599_970 - 600_030) * 100 * 1_000
    fills = bench.state.fills
    assert fills.closed_lots[: fills.count].tolist() == [0, 100]


def test_closing_needs_no_money(desk: Desk) -> None:
    bench = desk.bench
    trader = bench.account(250)
    bench.placed(market(trader, 120))
    assert bench.refused(market(trader, 100)) == Code.INSUFFICIENT_BALANCE
    bench.placed(market(trader, -120))
    assert bench.held(trader) == 0


def test_flip_counts_the_margin_that_closing_sets_free(desk: Desk) -> None:
    bench = desk.bench
    trader = bench.account(250)
    bench.placed(market(trader, 100))
    bench.placed(market(trader, -200))
    assert bench.held(trader) == -100
    assert bench.refused(market(trader, 300)) == Code.INSUFFICIENT_BALANCE


def test_flip_of_an_isolated_position_counts_its_loss(desk: Desk) -> None:
    bench = desk.bench
    trader = bench.account(212)
    bench.placed(market(trader, 100, td_mode=TdMode.ISOLATED))
    bench.tick(BTC, 560_000)
    flip = market(trader, -200, td_mode=TdMode.ISOLATED)
    assert bench.refused(flip) == Code.INSUFFICIENT_BALANCE
    bench.placed(market(trader, -100, td_mode=TdMode.ISOLATED))


def test_resting_order_that_closes_holds_nothing_until_its_position_is_gone(desk: Desk) -> None:
    bench = desk.bench
    hold = bench.state.wallet(0).hold_e8
    bench.placed(market(desk.trader, 100))
    bench.placed(limit(desk.trader, -100, 610_000))
    assert hold[desk.trader] == 0
    bench.placed(market(desk.trader, -60))  # closes; of the resting sale 60 lots now open
    value = 610_000 * 60 * 1_000
    assert hold[desk.trader] == -(-value // 3) + value * 200 // 1_000_000


def test_resting_order_whose_position_went_and_that_cannot_be_paid_is_cancelled() -> None:
    bench = Bench()
    bench.open_markets()
    trader = bench.account(1_000)
    bench.placed(market(trader, 300))
    resting = bench.placed(limit(trader, -300, 610_000))
    bench.tick(BTC, 450_000)  # too little is left to carry 300 lots the other way
    output = bench.run(market(trader, -290))
    assert [fact.state for fact in bench.about(output, resting.ord_id)] == [OrderState.CANCELED]


# Closing orders -----------------------------------------------------------------------------


def reducing(trader: int, lots: int, px: int = 0) -> PlaceOrder:
    order = limit(trader, lots, px) if px else market(trader, lots)
    return replace(order, reduce_only=True)


def test_reduce_only_needs_a_position_on_the_other_side(desk: Desk) -> None:
    bench = desk.bench
    assert bench.refused(reducing(desk.trader, -10)) == Code.NOTHING_TO_REDUCE
    bench.placed(market(desk.trader, 10))
    assert bench.refused(reducing(desk.trader, 10)) == Code.REDUCE_ONLY_SAME_SIDE
    assert bench.refused(reducing(desk.trader, -11)) == Code.SIZE_ABOVE_CLOSABLE
    bench.placed(reducing(desk.trader, -10))
    assert bench.held(desk.trader) == 0


def test_reduce_only_orders_together_are_not_larger_than_the_position(desk: Desk) -> None:
    bench = desk.bench
    bench.placed(market(desk.trader, 10))
    bench.placed(reducing(desk.trader, -6, 610_000))
    assert bench.refused(reducing(desk.trader, -5, 610_000)) == Code.SIZE_ABOVE_CLOSABLE
    bench.placed(reducing(desk.trader, -4, 610_000))


def test_reduce_only_order_is_cancelled_when_nothing_is_left_to_reduce(desk: Desk) -> None:
    bench = desk.bench
    bench.placed(market(desk.trader, 10))
    resting = bench.placed(reducing(desk.trader, -10, 610_000))
    output = bench.run(market(desk.trader, -10))
    assert [fact.state for fact in bench.about(output, resting.ord_id)] == [OrderState.CANCELED]


def test_reduce_only_maker_never_fills_beyond_its_position(desk: Desk) -> None:
    bench = desk.bench
    taker = bench.account()
    bench.placed(market(desk.trader, 10))
    resting = bench.placed(reducing(desk.trader, -10, 600_020))
    bench.placed(market(desk.trader, -4))
    bench.run(market(taker, 20))
    row = bench.state.index.order_by_id[resting.ord_id]
    assert bench.state.orders.filled_lots[row] == 6
    assert bench.state.orders.state[row] == OrderState.CANCELED
    assert bench.held(desk.trader) == 0


def test_plain_and_reduce_only_makers_met_by_one_order_do_not_turn_the_position(
    desk: Desk,
) -> None:
    bench = desk.bench
    taker = bench.account()
    bench.placed(market(desk.trader, 10))
    bench.placed(reducing(desk.trader, -10, 600_011))
    bench.placed(limit(desk.trader, -6, 600_010))
    bench.run(market(taker, 20))
    assert bench.held(desk.trader) == 0
    assert bench.state.accounts.pending_orders[desk.trader] == 0


def test_crossed_reduce_only_order_without_a_position_is_cancelled_by_new_quotes(
    desk: Desk,
) -> None:
    bench = desk.bench
    bench.placed(market(desk.trader, 10))
    bench.placed(limit(desk.trader, -10, 600_500))
    resting = bench.placed(reducing(desk.trader, -10, 600_600))
    output = bench.tick(BTC, 602_000)
    assert [fact.state for fact in bench.about(output, resting.ord_id)] == [OrderState.CANCELED]
    assert bench.held(desk.trader) == 0


# Long/short mode ----------------------------------------------------------------------------


@pytest.fixture
def hedger(desk: Desk) -> Desk:
    desk.bench.run(SetPositionMode(desk.trader, PosMode.LONG_SHORT))
    return desk


def test_long_and_short_stand_side_by_side(hedger: Desk) -> None:
    bench, trader = hedger.bench, hedger.trader
    bench.placed(both_ways(trader, Side.BUY, PosSide.LONG, 10))
    bench.placed(both_ways(trader, Side.SELL, PosSide.SHORT, 7))
    assert bench.held(trader, slot=PosSide.LONG) == 10
    assert bench.held(trader, slot=PosSide.SHORT) == -7
    bench.placed(both_ways(trader, Side.SELL, PosSide.LONG, 10))
    bench.placed(both_ways(trader, Side.BUY, PosSide.SHORT, 7))
    assert bench.held(trader, slot=PosSide.LONG) == bench.held(trader, slot=PosSide.SHORT) == 0


def test_side_slot_is_needed_in_long_short_mode(hedger: Desk) -> None:
    assert hedger.bench.refused(market(hedger.trader, 1)) == Code.PARAMETER_ERROR


def test_closing_order_needs_a_position_as_large(hedger: Desk) -> None:
    bench, trader = hedger.bench, hedger.trader
    sale = both_ways(trader, Side.SELL, PosSide.LONG, 10, 610_000)
    assert bench.refused(sale) == Code.NOTHING_TO_REDUCE
    bench.placed(both_ways(trader, Side.BUY, PosSide.LONG, 15))
    bench.placed(sale)
    assert bench.state.wallet(0).hold_e8[trader] == 0
    assert bench.refused(sale) == Code.SIZE_ABOVE_CLOSABLE


def test_reduce_only_is_ignored_in_long_short_mode(hedger: Desk) -> None:
    opening = both_ways(hedger.trader, Side.BUY, PosSide.LONG, 10)
    fact = hedger.bench.placed(replace(opening, reduce_only=True))
    assert (fact.state, fact.reduce_only) == (OrderState.FILLED, False)


# Cancelling ---------------------------------------------------------------------------------


def test_cancel_releases_the_hold(desk: Desk) -> None:
    bench = desk.bench
    placed = bench.placed(limit(desk.trader, 10, 590_000))
    output = bench.run(CancelOrder(desk.trader, BTC, placed.ord_id))
    assert isinstance(output.reply, OrderPlaced)
    assert [fact.state for fact in bench.about(output, placed.ord_id)] == [OrderState.CANCELED]
    assert any(isinstance(fact, BookChanged) for fact in output.facts)
    assert bench.state.wallet(0).hold_e8[desk.trader] == 0
    assert bench.state.accounts.pending_orders[desk.trader] == 0


def test_only_a_resting_order_of_ones_own_can_be_cancelled(desk: Desk) -> None:
    bench = desk.bench
    placed = bench.placed(replace(limit(desk.trader, 10, 590_000), cl_ord_id="b"))
    filled = bench.placed(market(desk.trader, 1))
    gone = Code.CANCEL_FAILED_NOT_FOUND
    assert bench.refused(CancelOrder(desk.trader, BTC, 1)) == gone
    assert bench.refused(CancelOrder(desk.trader, BTC, 0, "zz")) == gone
    assert bench.refused(CancelOrder(desk.trader, ETH, placed.ord_id)) == gone
    assert bench.refused(CancelOrder(bench.account(), BTC, placed.ord_id)) == gone
    assert bench.refused(CancelOrder(desk.trader, BTC, filled.ord_id)) == gone
    bench.reply(CancelOrder(desk.trader, BTC, 0, "b"))
    assert bench.refused(CancelOrder(desk.trader, BTC, placed.ord_id)) == gone


def test_partly_filled_order_keeps_its_fills_when_cancelled(desk: Desk) -> None:
    bench = desk.bench
    placed = bench.placed(limit(desk.trader, 10, 600_010))
    bench.run(market(bench.account(), -4))
    output = bench.run(CancelOrder(desk.trader, BTC, placed.ord_id))
    (fact,) = bench.about(output, placed.ord_id)
    assert (fact.state, fact.filled_lots) == (OrderState.CANCELED, 4)


def test_events_of_a_step_are_all_taken_up(desk: Desk) -> None:
    desk.bench.placed(market(desk.trader, 1))
    assert not desk.bench.state.fill_events
    assert FillEvent.__struct_fields__[0] == "account_row"
