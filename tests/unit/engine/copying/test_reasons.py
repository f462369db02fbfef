"""Why a copy was not made: each reason raised by its real cause."""

import pytest
from tests.support.world import BTC, ETH, MIN, OPENING, World, ratio, settings, stop

from copydesk.model import inputs
from copydesk.model.amounts import E8
from copydesk.model.enums import (
    CopyState,
    InstType,
    LeadInfoType,
    MgnMode,
    NoCopyReason,
    PosMode,
    PosSide,
    SubPosCloseType,
    TdMode,
)
from copydesk.model.limits import LEAD_POSITIONS_PER_DAY
from copydesk.model.outputs import CopiesNotMade, LeadTradeNotLed


@pytest.fixture
def world() -> World:
    made = World()
    made.open_market()
    return made


def told(world: World) -> dict[int, NoCopyReason]:
    """Reasons that the last step told, by account; the block must say the same."""
    assert world.last is not None
    facts = [fact for fact in world.last.facts if isinstance(fact, CopiesNotMade)]
    found = {
        account: NoCopyReason(reason)
        for fact in facts
        for account, reason in zip(fact.account_rows.tolist(), fact.reasons.tolist(), strict=True)
    }
    copies = world.state.copies
    for at in range(copies.count):
        account = int(copies.account_row[at])
        if account in found and copies.state[at] == CopyState.NOT_MADE:
            assert copies.reason[at] == found[account]
    return found


def test_the_instrument_is_not_on_the_copy_traders_list(world: World) -> None:
    lead = world.lead(BTC, ETH)
    copier = world.copier(lead, settings(inst_rows=(ETH,)))
    world.buy(lead, 10)
    assert told(world) == {copier: NoCopyReason.INSTRUMENT_NOT_ENABLED}
    world.buy(lead, 10, inst=ETH)
    assert told(world) == {}


def test_the_instrument_left_the_list_when_the_lead_trader_dropped_it(world: World) -> None:
    lead = world.lead(BTC, ETH)
    custom = world.copier(lead, settings(inst_rows=(BTC, ETH)))
    follows = world.copier(lead, settings())
    world.ok(inputs.SetLeadInstruments(lead, InstType.SWAP, (BTC,)))
    world.buy(lead, 10, inst=ETH)
    assert told(world) == {}, "not a lead trade, so there is nothing to tell"
    world.sell(lead, 10, inst=ETH)
    world.ok(inputs.SetLeadInstruments(lead, InstType.SWAP, (BTC, ETH)))
    world.buy(lead, 10, inst=ETH)
    assert told(world) == {custom: NoCopyReason.INSTRUMENT_NOT_ENABLED}
    assert world.held(follows, ETH) > 0, "copyInstIdType=copy follows the lead trader's list"


@pytest.mark.parametrize("chosen", [ratio(90_000), settings(copy_amt_e8=3 * E8)])
def test_the_copy_is_below_the_smallest_size(world: World, chosen: object) -> None:
    lead = world.lead(MIN)
    assert isinstance(chosen, inputs.CopySettings)
    world.thin(MIN, 1_000_000)
    copier = world.copier(lead, chosen)
    world.ok(inputs.SetLeverage(copier, MIN, MgnMode.ISOLATED, PosSide.NET, 1))
    world.buy(lead, 100, inst=MIN)
    assert told(world) == {copier: NoCopyReason.BELOW_MIN_SIZE}, "9 or 2 lots where 10 are needed"


def test_what_is_too_small_now_may_be_enough_with_the_next_slice(world: World) -> None:
    lead = world.lead(MIN)
    copier = world.copier(lead, ratio(500_000))
    stranger = world.account(1_000_000)
    world.thin(MIN, 1_000_000, 1, half_spread_ppm=1_000)
    world.sell(stranger, 19, OPENING[MIN], inst=MIN)
    world.buy(lead, 40, OPENING[MIN], inst=MIN)
    assert told(world) == {copier: NoCopyReason.BELOW_MIN_SIZE}
    world.sell(stranger, 10, OPENING[MIN], inst=MIN)
    assert world.held(copier, MIN) == 14, "half of 29, all at once"
    assert world.state.copies.reason[0] == NoCopyReason.NONE


def test_the_cap_of_the_relation_is_reached(world: World) -> None:
    lead = world.lead(BTC)
    world.thin(BTC, 10_000_000)
    copier = world.copier(lead, settings(copy_total_amt_e8=250 * E8))
    world.buy(lead, 10)
    world.buy(lead, 10)
    held = world.held(copier)
    world.buy(lead, 10)
    assert told(world) == {copier: NoCopyReason.COPY_TOTAL_AMT_REACHED}
    assert world.held(copier) == held, "skipped whole, never shrunk"
    world.sell(lead, 10)
    world.buy(lead, 10)
    assert told(world) == {}, "closes free the margin, and copying goes on"


def test_the_copy_trader_is_short_of_money(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead, settings(), deposit=98)
    world.buy(lead, 10)
    assert told(world) == {copier: NoCopyReason.INSUFFICIENT_MARGIN}, "98.5 of margin, and the fee"
    world.ok(inputs.Deposit(copier, 0, E8))
    world.buy(lead, 10)
    assert told(world) == {}


def test_one_pool_of_money_serves_all_leads_first_come_first_served(world: World) -> None:
    first, second = world.lead(BTC), world.lead(ETH)
    copier = world.account(150)
    world.ok(inputs.SetPositionMode(copier, PosMode.LONG_SHORT))
    for lead in (first, second):
        world.ok(inputs.FirstCopySettings(copier, lead, settings()))
    world.buy(second, 10, inst=ETH)
    world.buy(first, 10)
    assert told(world) == {copier: NoCopyReason.INSUFFICIENT_MARGIN}
    assert world.held(copier, ETH) > 0


@pytest.mark.parametrize("buys", [True, False])
def test_the_price_is_more_than_half_a_percent_worse(world: World, buys: bool) -> None:
    """The guard lies at 0.5 % of the lead trader's price, on the tick, on the worse side only."""
    lead, stranger = world.lead(BTC), world.account(10_000_000)
    copier = world.copier(lead, ratio(1_000_000))
    world.thin(BTC, 0, 0)
    trade, offer = (world.buy, world.sell) if buys else (world.sell, world.buy)
    px = OPENING[BTC]
    edge = px * 1_005 // 1_000 if buys else -(-px * 995 // 1_000)
    offer(stranger, 10, px)
    offer(stranger, 10, edge + (1 if buys else -1))
    trade(lead, 10)
    assert told(world) == {copier: NoCopyReason.PRICE_GUARD}
    assert world.held(copier) == 0
    offer(stranger, 10, px)
    offer(stranger, 4, edge)
    trade(lead, 10)
    assert abs(world.held(copier)) == 4, "what lies on the edge fills, the rest is dropped"
    assert world.state.copies.reason[1] == NoCopyReason.PRICE_GUARD


def test_the_copy_trader_holds_the_other_direction(world: World) -> None:
    lead = world.lead(BTC)
    net, hedged = world.copier(lead), world.account()
    world.ok(inputs.SetPositionMode(hedged, PosMode.LONG_SHORT))
    world.ok(inputs.FirstCopySettings(hedged, lead, settings()))
    from_here = {"td_mode": TdMode.ISOLATED}
    world.sell(net, 1, **from_here)
    world.sell(hedged, 1, pos_side=PosSide.SHORT, **from_here)
    world.buy(lead, 10)
    assert told(world) == {net: NoCopyReason.OPPOSITE_POSITION}
    assert world.held(net) == -1
    assert world.held(hedged) > 0, "long and short stand side by side"


def test_the_copy_is_larger_than_one_order_may_be(world: World) -> None:
    lead = world.lead(MIN, deposit=100_000_000)
    world.thin(MIN, 900_000_000)
    most = world.instrument(MIN).max_market_lots
    rich = world.copier(lead, ratio(100_000_000), deposit=900_000_000)
    world.ok(inputs.AmendCopySettings(rich, lead, ratio(100_000_000, copy_total_amt_e8=10**17)))
    world.buy(lead, most // 100 + 1, inst=MIN)
    assert told(world) == {rich: NoCopyReason.ABOVE_MAX_SIZE}


# The lead trade itself is not led: rules 3.11 and 12.5 ---------------------------------------


def not_led(world: World) -> LeadInfoType:
    assert world.last is not None
    (fact,) = (fact for fact in world.last.facts if isinstance(fact, LeadTradeNotLed))
    return fact.info_type


def test_the_lead_trader_has_too_little_money(world: World) -> None:
    lead = world.lead(BTC, deposit=499)
    copier = world.copier(lead)
    world.buy(lead, 1)
    assert told(world) == {copier: NoCopyReason.LEAD_TRADE_NOT_LED}
    assert not_led(world) is LeadInfoType.MIN_EQUITY
    assert world.held(lead) == 1, "his own order stands"


def test_the_lead_trader_opened_too_often_today(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead)
    world.buy(lead, 1)
    world.state.lead_traders.day_count[0] = LEAD_POSITIONS_PER_DAY
    world.buy(lead, 1)
    assert told(world) == {copier: NoCopyReason.LEAD_TRADE_NOT_LED}
    assert not_led(world) is LeadInfoType.DAILY_COUNT
    world.ts_ns += 24 * 3_600 * 10**9
    world.buy(lead, 1)
    assert told(world) == {}


def test_the_lead_position_is_too_large(world: World) -> None:
    lead = world.lead(MIN, deposit=100_000_000)
    copier = world.copier(lead)
    world.thin(MIN, 900_000_000)
    for lots in (3_000_000, 1_999_000):  # 5 million USDT of SOL are allowed
        world.buy(lead, lots, inst=MIN)
        assert told(world) == {}
    world.buy(lead, 100_000, inst=MIN)
    assert told(world) == {copier: NoCopyReason.LEAD_TRADE_NOT_LED}
    assert not_led(world) is LeadInfoType.POSITION_CAP


# Nothing is skipped in silence --------------------------------------------------------------


def test_who_stopped_has_no_row_and_who_copies_has_one(world: World) -> None:
    lead = world.lead(BTC)
    gone, poor, copier = world.copier(lead), world.copier(lead, deposit=1), world.copier(lead)
    world.ok(stop(gone, lead, SubPosCloseType.MARKET_CLOSE))
    world.buy(lead, 10)
    owners = world.state.copies.live("account_row").tolist()
    assert owners == [poor, copier]
    assert world.state.copies.live("state").tolist() == [CopyState.NOT_MADE, CopyState.OPEN]
    assert told(world) == {poor: NoCopyReason.INSUFFICIENT_MARGIN}
