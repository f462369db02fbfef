"""How relations end: stopped in three ways, at a loss limit, by a lead trader who leaves."""

import pytest
from tests.support.world import BTC, ETH, OPENING, World, ratio, settings, stop

from copydesk.model import inputs
from copydesk.model.amounts import E8
from copydesk.model.enums import (
    CopyState,
    EndCause,
    InstType,
    PosMode,
    RelationState,
    RoleType,
    SubPosCloseType,
)
from copydesk.model.outputs import CopyStopped

MARKET_CLOSE, COPY_CLOSE, MANUAL_CLOSE = SubPosCloseType
ACTIVE, CLOSING, ENDED = RelationState.ACTIVE, RelationState.CLOSING, RelationState.ENDED


@pytest.fixture
def world() -> World:
    made = World()
    made.open_market()
    return made


def relation(world: World, row: int = 0) -> tuple[RelationState, EndCause]:
    table = world.state.relations
    return RelationState(int(table.state[row])), EndCause(int(table.end_cause[row]))


def copy_states(world: World) -> list[int]:
    states: list[int] = world.state.copies.live("state").tolist()
    return states


# market_close, copy_close, manual_close -----------------------------------------------------


def test_market_close_is_done_when_the_copies_are_flat(world: World) -> None:
    lead = world.lead(BTC, ETH)
    copier = world.copier(lead, ratio(1_000_000))
    world.buy(lead, 10)
    world.buy(lead, 10, inst=ETH)
    world.thin(BTC, 0, 0)
    world.ok(stop(copier, lead, MARKET_CLOSE))
    assert (world.held(copier, ETH), world.held(copier)) == (0, 10), "nobody buys BTC now"
    assert relation(world) == (CLOSING, EndCause.STOPPED)
    assert world.state.accounts.swap_role[copier] == RoleType.COPY
    world.thin(BTC, 100, 1)
    world.tick({BTC: OPENING[BTC]})
    assert world.held(copier) == 0, "16 lots of room on the next tick"
    assert relation(world) == (ENDED, EndCause.STOPPED)
    assert world.state.accounts.swap_role[copier] == RoleType.GENERAL


def test_market_close_leaves_copies_of_others_and_of_other_leads(world: World) -> None:
    first, second = world.lead(BTC), world.lead(BTC)
    one = world.account()
    world.ok(inputs.SetPositionMode(one, PosMode.LONG_SHORT))
    for lead in (first, second):
        world.ok(inputs.FirstCopySettings(one, lead, ratio(1_000_000)))
    other = world.copier(first, ratio(1_000_000))
    world.buy(first, 10)
    world.buy(second, 7)
    world.ok(stop(one, first, MARKET_CLOSE))
    assert (world.held(one), world.held(other)) == (7, 10)
    world.sell(second, 7)
    assert (world.held(one), world.held(other)) == (0, 10)


def test_copy_close_follows_partial_closes_to_the_end(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead, ratio(500_000))
    world.buy(lead, 10)
    world.ok(stop(copier, lead, COPY_CLOSE))
    world.buy(lead, 10)
    assert world.held(copier) == 5, "nothing new"
    world.sell(lead, 4)
    assert world.held(copier) == 3
    assert relation(world) == (CLOSING, EndCause.STOPPED)
    world.sell(lead, 6)
    assert world.held(copier) == 0
    assert relation(world) == (ENDED, EndCause.STOPPED)


def test_a_stop_between_two_slices_leaves_the_copy_at_what_it_had(world: World) -> None:
    lead, stranger = world.lead(BTC), world.account(1_000_000)
    copier = world.copier(lead, ratio(1_000_000))
    world.thin(BTC, 1_000_000, 1, half_spread_ppm=1_000)
    world.sell(stranger, 10, OPENING[BTC])
    world.buy(lead, 20, OPENING[BTC])
    world.ok(stop(copier, lead, COPY_CLOSE))
    world.sell(stranger, 10, OPENING[BTC])
    assert (world.held(lead), world.held(copier)) == (20, 10)
    world.sell(lead, 10)
    assert world.held(copier) == 5, "half of the lead position, half of the copy"


def test_manual_close_cuts_loose_and_frees_the_cap(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead, ratio(1_000_000))
    world.buy(lead, 10)
    world.ok(stop(copier, lead, MANUAL_CLOSE))
    assert copy_states(world) == [CopyState.RELEASED]
    assert relation(world) == (ENDED, EndCause.STOPPED)
    assert world.state.relations.used_e8[0] == 0
    world.sell(lead, 10)
    assert world.held(copier) == 10
    world.ok(inputs.FirstCopySettings(copier, lead, ratio(1_000_000)))
    world.buy(lead, 4)
    world.sell(lead, 4)
    assert world.held(copier) == 10, "the lead trader reaches only what is linked"


# slTotalAmt ---------------------------------------------------------------------------------


def sl_total(way: SubPosCloseType) -> inputs.CopySettings:
    """100 lots of BTC are worth 6 USDT each: a move of 1 % is 6 USDT."""
    return ratio(1_000_000, sl_total_amt_e8=10 * E8, sub_pos_close_type=way)


@pytest.mark.parametrize("way", SubPosCloseType)
def test_the_relation_ends_when_its_net_loss_reaches_the_limit(
    world: World, way: SubPosCloseType
) -> None:
    """Bought at 60,003; fee 0.30; at 59,034 the loss is 9.69 + 0.30 = 9.99, a dollar lower 10."""
    lead = world.lead(BTC)
    copier = world.copier(lead, sl_total(way))
    world.buy(lead, 100)
    world.tick({BTC: 590_340})
    assert relation(world) == (ACTIVE, EndCause.NONE)
    world.tick({BTC: 590_330})
    state, cause = relation(world)
    assert cause is EndCause.SL_TOTAL
    assert state is (CLOSING if way is COPY_CLOSE else ENDED)
    assert world.held(copier) == (0 if way is MARKET_CLOSE else 100)
    assert world.last is not None
    (fact,) = (fact for fact in world.last.facts if isinstance(fact, CopyStopped))
    assert (fact.cause, fact.close_type) == (EndCause.SL_TOTAL, way)
    world.buy(lead, 10)
    assert world.held(copier) == (0 if way is MARKET_CLOSE else 100), "nothing new"


def test_profits_count_against_losses_and_realised_with_open(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead, sl_total(MARKET_CLOSE))
    world.buy(lead, 100)
    world.tick({BTC: 612_000})
    world.sell(lead, 100)  # about 11 USDT of profit after fees
    world.buy(lead, 100)
    world.tick({BTC: 597_000})  # and 15 of open loss
    assert relation(world) == (ACTIVE, EndCause.NONE)
    world.tick({BTC: 591_000})
    assert relation(world) == (ENDED, EndCause.SL_TOTAL)
    assert world.held(copier) == 0


def test_the_limit_looks_at_the_mark_not_at_the_last_price(world: World) -> None:
    lead = world.lead(BTC)
    world.copier(lead, sl_total(MARKET_CLOSE))
    world.buy(lead, 100)
    world.tick({BTC: 580_000}, {BTC: 600_000})
    assert relation(world) == (ACTIVE, EndCause.NONE)
    world.tick({BTC: 600_000}, {BTC: 580_000})
    assert relation(world) == (ENDED, EndCause.SL_TOTAL)


def test_an_amended_limit_is_watched_at_once_and_none_no_more(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead, sl_total(MARKET_CLOSE))
    world.buy(lead, 100)
    world.ok(inputs.AmendCopySettings(copier, lead, ratio(1_000_000)))
    world.tick({BTC: 580_000})
    assert relation(world) == (ACTIVE, EndCause.NONE)
    world.ok(inputs.AmendCopySettings(copier, lead, sl_total(MARKET_CLOSE)))
    world.tick({BTC: 580_000})
    assert relation(world) == (ENDED, EndCause.SL_TOTAL)


# The lead trader leaves ---------------------------------------------------------------------


def test_all_relations_end_when_the_lead_trader_leaves(world: World) -> None:
    lead = world.lead(BTC)
    copiers = [world.copier(lead, settings(sub_pos_close_type=way)) for way in SubPosCloseType]
    world.buy(lead, 10)
    world.sell(lead, 10)
    world.ok(inputs.StopLeadTrading(lead, InstType.SWAP))
    for row, copier in enumerate(copiers):
        assert relation(world, row) == (ENDED, EndCause.LEAD_LEFT)
        assert world.state.accounts.swap_role[copier] == RoleType.GENERAL
    assert world.state.accounts.swap_role[lead] == RoleType.GENERAL
    world.ok(inputs.FirstCopySettings(lead, world.lead(BTC), settings()))


def test_who_leads_again_begins_anew(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead)
    world.ok(inputs.StopLeadTrading(lead, InstType.SWAP))
    world.ok(inputs.ApplyLeadTrading(lead, InstType.SWAP, (ETH,)))
    assert world.state.lead_traders.count == 2
    world.buy(lead, 10, inst=ETH)
    assert world.held(copier, ETH) == 0
    world.ok(inputs.FirstCopySettings(copier, lead, settings()))


# Switched off -------------------------------------------------------------------------------


def test_open_lots_stay_linked_when_their_instrument_is_switched_off(world: World) -> None:
    lead = world.lead(BTC, ETH)
    copier = world.copier(lead, ratio(1_000_000))
    world.buy(lead, 10)
    world.ok(inputs.SetLeadInstruments(lead, InstType.SWAP, (ETH,)))
    world.buy(lead, 10)
    assert world.held(copier) == 10, "no new lead lots"
    world.sell(lead, 5)
    assert world.held(copier) == 5, "closes are still copied"
    world.sell(lead, 5)
    assert (world.held(lead), world.held(copier)) == (10, 0)
    assert copy_states(world) == [CopyState.CLOSED]
    world.sell(lead, 10)
    assert relation(world) == (ACTIVE, EndCause.NONE)
