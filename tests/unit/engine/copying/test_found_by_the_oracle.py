"""Bugs that generated histories found, each cut down to the few steps that show it."""

from tests.support.world import BTC, MIN, OPENING, World, ratio

from copydesk.engine.state import book_parts
from copydesk.model import inputs
from copydesk.model.enums import (
    CopyMgnMode,
    CopyState,
    InstType,
    MgnMode,
    NoCopyReason,
    PosMode,
    PosSide,
    SubPosType,
    TdMode,
    TriggerPxType,
)

LAST = (TriggerPxType.LAST, TriggerPxType.LAST)


def test_a_take_profit_outlives_a_close_that_is_owed_in_part() -> None:
    world = World()
    world.open_market()
    lead = world.lead(BTC)
    guarded = world.copier(lead, ratio(1_000_000, tp_ratio_ppm=300_000))
    world.buy(lead, 100)
    level = int(world.state.copies.above_ticks[0])
    assert level == 660_033
    world.thin(BTC, 0, 0)  # nobody quotes
    stranger = world.account(1_000_000)
    world.buy(stranger, 50, 599_000)
    world.sell(lead, 50)  # takes the only bid: the copy owes its half
    assert world.state.copies.owed_lots[0] == 50
    world.tick({BTC: level})  # reached, but nobody buys: the copy owes all of itself
    world.tick({BTC: OPENING[BTC]})
    assert world.held(guarded) == 100
    world.thin(BTC, 100_000, 5)
    world.tick({BTC: OPENING[BTC]})
    assert world.held(guarded) == 0


def test_a_lead_liquidated_by_the_tick_that_filled_his_order_leaves_no_copy_behind() -> None:
    world = World()
    world.open_market()
    lead = world.account(1_000_000, "lead")
    world.ok(inputs.SetPositionMode(lead, PosMode.LONG_SHORT))
    world.ok(inputs.ApplyLeadTrading(lead, InstType.SWAP, (BTC,)))
    world.ok(inputs.SetLeverage(lead, BTC, MgnMode.ISOLATED, PosSide.LONG, 20))
    copier = world.copier(lead, ratio(1_000_000))
    world.buy(lead, 100, 599_000, td_mode=TdMode.ISOLATED, pos_side=PosSide.LONG)
    world.tick({BTC: 520_000})
    assert world.held(lead) == 0
    assert world.held(copier) == 0
    assert world.state.copies.state[0] == CopyState.CLOSED


def test_the_reason_of_a_refusal_stands_when_a_later_slice_asks_for_nothing() -> None:
    world = World()
    world.open_market()
    lead = world.lead(MIN)
    poor = world.copier(lead, ratio(10_000_000), deposit=10)
    stranger = world.account(1_000_000)
    world.thin(MIN, 0, 0)
    world.sell(stranger, 20, OPENING[MIN], inst=MIN)
    world.buy(lead, 21 * 10, OPENING[MIN], inst=MIN)
    assert world.state.copies.reason[0] == NoCopyReason.INSUFFICIENT_MARGIN
    world.ok(
        inputs.AmendCopySettings(poor, lead, ratio(10_000))  # wants less than it asked before
    )
    world.sell(stranger, 10, OPENING[MIN], inst=MIN)
    assert world.state.copies.reason[0] == NoCopyReason.INSUFFICIENT_MARGIN


def test_a_copy_on_its_way_out_takes_no_more_of_the_lead_order() -> None:
    world = World()
    world.open_market()
    lead = world.lead(BTC)
    copier = world.copier(lead, ratio(2_000_000))
    stranger = world.account(1_000_000)
    world.thin(BTC, 1_000_000, 1, half_spread_ppm=1_000)
    world.sell(stranger, 20, OPENING[BTC])
    world.buy(lead, 30, OPENING[BTC])
    assert world.held(copier) == 40
    world.thin(BTC, 0, 0)
    world.sell(stranger, 100, OPENING[BTC] + 1)
    sub_pos_id = int(world.state.lead_positions.sub_pos_id[0]) + 1
    close = inputs.CloseSubPosition(copier, InstType.SWAP, sub_pos_id, SubPosType.COPY)
    world.ok(close)  # meets the rest of the lead trader's own order, which is copied in turn
    assert world.held(lead) == 30
    assert world.held(copier) == 30
    assert world.state.copies.owed_lots[0] == 30


def test_settings_amended_between_two_slices_do_not_move_a_copy_to_another_margin_mode() -> None:
    world = World()
    world.open_market()
    lead = world.lead(BTC)
    copier = world.copier(lead, ratio(1_000_000, copy_mgn_mode=CopyMgnMode.ISOLATED))
    stranger = world.account(1_000_000)
    world.thin(BTC, 1_000_000, 1, half_spread_ppm=1_000)
    world.sell(stranger, 10, OPENING[BTC])
    world.buy(lead, 20, OPENING[BTC])
    assert world.held(copier) == 10
    world.ok(
        inputs.AmendCopySettings(copier, lead, ratio(1_000_000, copy_mgn_mode=CopyMgnMode.CROSS))
    )
    world.sell(stranger, 10, OPENING[BTC])
    assert world.held(copier) == 20
    assert book_parts(int(world.state.copies.book[0]))[1] is MgnMode.ISOLATED
    world.buy(lead, 5)
    assert book_parts(int(world.state.copies.book[1]))[1] is MgnMode.CROSS


def test_a_level_set_by_the_copy_trader_outlives_the_next_slice() -> None:
    world = World()
    world.open_market()
    lead = world.lead(BTC)
    copier = world.copier(lead, ratio(1_000_000, tp_ratio_ppm=300_000))
    stranger = world.account(1_000_000)
    world.thin(BTC, 1_000_000, 1, half_spread_ppm=1_000)
    world.sell(stranger, 10, OPENING[BTC])
    world.buy(lead, 20, OPENING[BTC])
    sub_pos_id = int(world.state.lead_positions.sub_pos_id[0]) + 1
    stops = inputs.SetSubPositionStops(
        copier, InstType.SWAP, sub_pos_id, SubPosType.COPY, None, 590_000, *LAST
    )
    world.ok(stops)
    world.sell(stranger, 10, OPENING[BTC])
    assert world.state.copies.size_lots[0] == 20
    assert world.state.copies.below_ticks[0] == 590_000
