"""Every refusal of copy trading, raised by its real cause, and without a trace."""

from collections.abc import Callable

import pytest
from tests.support.world import (
    BTC,
    BTC_SPOT,
    COIN,
    ETH,
    MIN,
    OPENING,
    World,
    ratio,
    settings,
    stop,
)

from copydesk.engine.digest import parts
from copydesk.model import inputs
from copydesk.model.amounts import E8
from copydesk.model.enums import (
    InstType,
    PosMode,
    SubPosCloseType,
    SubPosType,
    TriggerPxType,
)
from copydesk.model.inputs import Input
from copydesk.model.limits import MAX_LEADS_LONG_SHORT
from copydesk.model.rejects import Code

SWAP, SPOT = InstType.SWAP, InstType.SPOT
MARKET_CLOSE, COPY_CLOSE = SubPosCloseType.MARKET_CLOSE, SubPosCloseType.COPY_CLOSE
LAST, INDEX, MARK = TriggerPxType
LEAD, COPY = SubPosType.LEAD, SubPosType.COPY


@pytest.fixture
def world() -> World:
    made = World()
    made.open_market()
    return made


def refused(world: World, body: Input) -> tuple[Code, tuple[str, ...]]:
    """Do what must be refused; nothing but seq and time may have changed."""
    before = parts(world.state)
    reject = world.refused(body)
    after = parts(world.state)
    del before["scalars"], after["scalars"]
    assert before == after
    assert world.last is not None
    assert world.last.facts == []
    return reject.code, reject.params


# Leading ------------------------------------------------------------------------------------


def test_a_lead_trader_cannot_apply_again(world: World) -> None:
    lead = world.lead(BTC)
    apply = inputs.ApplyLeadTrading(lead, SWAP, (ETH,))
    assert refused(world, apply)[0] is Code.LEAD_MAY_NOT_COPY


def test_who_copies_cannot_apply(world: World) -> None:
    copier = world.copier(world.lead(BTC))
    apply = inputs.ApplyLeadTrading(copier, SWAP, (ETH,))
    assert refused(world, apply)[0] is Code.RELATIONS_IN_THE_WAY


def test_roles_are_held_by_instrument_type(world: World) -> None:
    copier = world.copier(world.lead(BTC))
    world.ok(inputs.ApplyLeadTrading(copier, SPOT, (BTC_SPOT,)))
    again = inputs.ApplyLeadTrading(copier, SPOT, (BTC_SPOT,))
    assert refused(world, again)[0] is Code.LEAD_MAY_NOT_COPY


Lists = Callable[[int, tuple[int, ...]], Input]


def to_apply(account: int, rows: tuple[int, ...]) -> Input:
    return inputs.ApplyLeadTrading(account, SWAP, rows)


def to_set(account: int, rows: tuple[int, ...]) -> Input:
    return inputs.SetLeadInstruments(account, SWAP, rows)


@pytest.mark.parametrize("ask", [to_apply, to_set])
@pytest.mark.parametrize(
    "rows, expected",
    [
        ((), (Code.PARAMETER_MISSING, ("instId",))),
        ((ETH, BTC_SPOT), (Code.INST_TYPE_MISMATCH, ("BTC-USDT",))),
        ((ETH, COIN), (Code.INSTRUMENT_NOT_LEADABLE, ("BTC-USD-SWAP",))),
        ((ETH, MIN), (Code.LEAD_HAS_POSITION, ("SOL-USDT-SWAP",))),
        ((MIN, ETH), (Code.LEAD_HAS_POSITION, ("SOL-USDT-SWAP",))),
        ((BTC,), (Code.LEAD_HAS_PENDING_ORDERS, ("BTC-USDT-SWAP",))),
    ],
)
def test_a_list_is_taken_whole_or_not_at_all(
    world: World, ask: Lists, rows: tuple[int, ...], expected: object
) -> None:
    account = world.account(1_000_000)
    if ask is to_set:
        world.ok(inputs.ApplyLeadTrading(account, SWAP, (ETH,)))
    world.buy(account, 10, inst=MIN)
    world.buy(account, 1, OPENING[BTC] * 98 // 100)
    assert refused(world, ask(account, rows)) == expected


def test_what_is_led_already_may_have_positions_and_orders(world: World) -> None:
    lead = world.lead(BTC, ETH)
    world.buy(lead, 10)
    world.buy(lead, 1, OPENING[ETH] * 98 // 100, inst=ETH)
    world.ok(inputs.SetLeadInstruments(lead, SWAP, (BTC, ETH, MIN)))
    world.ok(inputs.SetLeadInstruments(lead, SWAP, (MIN,)))
    back = inputs.SetLeadInstruments(lead, SWAP, (MIN, BTC))
    assert refused(world, back) == (Code.LEAD_HAS_POSITION, ("BTC-USDT-SWAP",))


@pytest.mark.parametrize(
    "inst_type, code",
    [(SWAP, Code.NOT_A_CONTRACT_LEAD), (SPOT, Code.NOT_A_SPOT_LEAD)],
)
def test_only_lead_traders_amend_lists_and_stop_leading(
    world: World, inst_type: InstType, code: Code
) -> None:
    lead = world.lead(BTC)
    nobody = lead if inst_type is SPOT else world.copier(lead)
    rows = (BTC,) if inst_type is SWAP else (BTC_SPOT,)
    assert refused(world, inputs.SetLeadInstruments(nobody, inst_type, rows))[0] is code
    assert refused(world, inputs.StopLeadTrading(nobody, inst_type))[0] is code


def test_leading_ends_only_flat_and_without_orders(world: World) -> None:
    lead = world.lead(BTC, ETH)
    leave = inputs.StopLeadTrading(lead, SWAP)
    order = world.buy(lead, 10, OPENING[ETH] * 98 // 100, inst=ETH)
    assert refused(world, leave) == (Code.LEAD_HAS_PENDING_ORDERS, ("ETH-USDT-SWAP",))
    world.ok(inputs.CancelOrder(lead, ETH, order))
    world.buy(lead, 10)
    assert refused(world, leave) == (Code.LEAD_HAS_POSITION, ("BTC-USDT-SWAP",))
    world.ok(inputs.SetLeadInstruments(lead, SWAP, (ETH,)))
    assert refused(world, leave) == (Code.LEAD_HAS_POSITION, ("BTC-USDT-SWAP",))
    world.sell(lead, 10)
    world.ok(leave)
    assert refused(world, leave)[0] is Code.NOT_A_CONTRACT_LEAD


# Copying ------------------------------------------------------------------------------------


def begin(account: int, lead: int, **changes: object) -> Input:
    return inputs.FirstCopySettings(account, lead, settings(**changes))


def test_lead_traders_do_not_copy(world: World) -> None:
    first, second = world.lead(BTC), world.lead(BTC)
    assert refused(world, begin(first, second))[0] is Code.LEAD_MAY_NOT_COPY
    assert refused(world, begin(first, first))[0] is Code.LEAD_MAY_NOT_COPY


def test_nobody_copies_himself(world: World) -> None:
    account = world.account()
    assert refused(world, begin(account, account))[0] is Code.COPYING_ONESELF


def test_who_does_not_lead_cannot_be_copied(world: World) -> None:
    former, account = world.lead(BTC), world.account()
    world.ok(inputs.StopLeadTrading(former, SWAP))
    amend = inputs.AmendCopySettings(account, former, settings())
    for body in (begin(account, former), amend, stop(account, former, None)):
        assert refused(world, body)[0] is Code.LEAD_UNKNOWN


def test_one_relation_at_a_time(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead)
    world.buy(lead, 10)
    assert refused(world, begin(copier, lead))[0] is Code.ALREADY_COPYING
    world.ok(stop(copier, lead, COPY_CLOSE))
    assert refused(world, begin(copier, lead))[0] is Code.STOP_IN_PROGRESS
    amend = inputs.AmendCopySettings(copier, lead, settings())
    assert refused(world, amend)[0] is Code.NOT_COPYING_AMEND
    assert refused(world, stop(copier, lead, MARKET_CLOSE))[0] is Code.STOP_IN_PROGRESS
    world.sell(lead, 10)
    assert refused(world, stop(copier, lead, MARKET_CLOSE))[0] is Code.NOT_COPYING
    world.ok(begin(copier, lead))


def test_net_mode_copies_one_and_long_short_mode_ten(world: World) -> None:
    leads = [world.lead(BTC) for _ in range(MAX_LEADS_LONG_SHORT + 1)]
    copier = world.copier(leads[0])
    assert refused(world, begin(copier, leads[1]))[0] is Code.NET_MODE_NEEDS_ONE_LEAD
    world.ok(inputs.SetPositionMode(copier, PosMode.LONG_SHORT))
    for lead in leads[1:MAX_LEADS_LONG_SHORT]:
        world.ok(begin(copier, lead))
    assert refused(world, begin(copier, leads[-1]))[0] is Code.TOO_MANY_ITEMS
    world.ok(stop(copier, leads[3], None))
    world.ok(begin(copier, leads[-1]))
    back = inputs.SetPositionMode(copier, PosMode.NET)
    assert refused(world, back)[0] is Code.NET_MODE_NEEDS_ONE_LEAD


def test_a_lead_trader_has_so_many_places(world: World) -> None:
    lead = world.lead(BTC)
    world.state.lead_traders.max_copiers[0] = 1
    first, second = world.copier(lead), world.account()
    assert refused(world, begin(second, lead))[0] is Code.COPIER_COUNT_REACHED
    world.buy(lead, 10)
    world.ok(stop(first, lead, COPY_CLOSE))  # the place is free at once
    world.ok(begin(second, lead))


@pytest.mark.parametrize(
    "rows, expected",
    [
        ((), (Code.PARAMETER_MISSING, ("instId",))),
        ((BTC, MIN), (Code.INSTRUMENT_NOT_LED, ("SOL-USDT-SWAP",))),
        ((ETH,), (Code.INSTRUMENT_NOT_LED, ("ETH-USDT-SWAP",))),
    ],
)
def test_a_list_of_ones_own_holds_only_what_is_led(
    world: World, rows: tuple[int, ...], expected: object
) -> None:
    lead = world.lead(BTC, ETH)
    world.ok(inputs.SetLeadInstruments(lead, SWAP, (BTC,)))
    assert refused(world, begin(world.account(), lead, inst_rows=rows)) == expected
    copier = world.copier(lead)
    amend = inputs.AmendCopySettings(copier, lead, settings(inst_rows=rows))
    assert refused(world, amend) == expected


def test_who_does_not_copy_has_nothing_to_amend_or_stop(world: World) -> None:
    lead, account = world.lead(BTC), world.account()
    amend = inputs.AmendCopySettings(account, lead, settings())
    assert refused(world, amend)[0] is Code.NOT_COPYING_AMEND
    assert refused(world, stop(account, lead, MARKET_CLOSE))[0] is Code.NOT_COPYING


def test_the_way_to_close_is_needed_only_with_open_copies(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead)
    world.buy(lead, 10)
    expected = (Code.PARAMETER_MISSING, ("subPosCloseType",))
    assert refused(world, stop(copier, lead, None)) == expected
    world.sell(lead, 10)
    world.ok(stop(copier, lead, None))


# Sub-positions ------------------------------------------------------------------------------


def close(account: int, sub_pos_id: int, kind: SubPosType, inst_type: InstType = SWAP) -> Input:
    return inputs.CloseSubPosition(account, inst_type, sub_pos_id, kind)


def levels(account: int, sub_pos_id: int, tp: int | None, sl: int | None, **more: object) -> Input:
    kind = more.get("kind", LEAD)
    watched = more.get("watched", LAST)
    assert isinstance(kind, SubPosType)
    assert isinstance(watched, TriggerPxType)
    return inputs.SetSubPositionStops(account, SWAP, sub_pos_id, kind, tp, sl, watched, watched)


def test_sub_positions_are_for_their_role(world: World) -> None:
    lead = world.lead(BTC)
    copier, nobody = world.copier(lead), world.account()
    world.buy(lead, 10)
    sub_pos_id = int(world.state.lead_positions.sub_pos_id[0])
    cases = (
        (close(copier, sub_pos_id, LEAD), Code.NOT_A_CONTRACT_LEAD),
        (close(lead, sub_pos_id, LEAD, SPOT), Code.NOT_A_SPOT_LEAD),
        (close(nobody, sub_pos_id + 1, COPY), Code.NOT_A_COPIER),
        (close(lead, sub_pos_id + 1, COPY), Code.NOT_A_COPIER),
        (levels(copier, sub_pos_id, 1, 1), Code.NOT_A_CONTRACT_LEAD),
        (levels(nobody, sub_pos_id + 1, 1, 1, kind=COPY), Code.NOT_A_COPIER),
    )
    for body, code in cases:
        assert refused(world, body)[0] is code


def test_a_sub_position_must_be_ones_own_and_open(world: World) -> None:
    lead, other = world.lead(BTC), world.lead(BTC)
    copier, second = world.copier(lead), world.copier(other)
    world.buy(lead, 10)
    mine = int(world.state.lead_positions.sub_pos_id[0])
    strange = [close(other, mine, LEAD), close(lead, mine + 1, LEAD), close(lead, 1, LEAD)]
    strange += [close(second, mine + 1, COPY), close(copier, mine, COPY), close(copier, 7, COPY)]
    strange += [close(copier, mine + 2, COPY), levels(lead, 1, 1, 1)]
    for body in strange:
        assert refused(world, body)[0] is Code.SUB_POSITION_UNKNOWN
    world.ok(close(copier, mine + 1, COPY))
    world.ok(close(lead, mine, LEAD))
    for body in (close(copier, mine + 1, COPY), close(lead, mine, LEAD)):
        assert refused(world, body)[0] is Code.SUB_POSITION_UNKNOWN


def test_a_copy_that_closes_already_is_not_closed_again(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead)
    world.buy(lead, 10)
    world.thin(BTC, 0, 0)
    copy_id = int(world.state.lead_positions.sub_pos_id[0]) + 1
    world.ok(close(copier, copy_id, COPY))
    assert refused(world, close(copier, copy_id, COPY))[0] is Code.SUB_POSITION_CLOSING


def test_one_of_both_stops_is_needed(world: World) -> None:
    lead = world.lead(BTC)
    world.buy(lead, 10)
    body = levels(lead, int(world.state.lead_positions.sub_pos_id[0]), None, None)
    expected = (Code.EITHER_PARAMETER_NEEDED, ("tpTriggerPx", "slTriggerPx"))
    assert refused(world, body) == expected


@pytest.mark.parametrize("kind", [LEAD, COPY])
@pytest.mark.parametrize(
    "watched, long, codes",
    [
        (LAST, True, (Code.TP_BELOW_LAST, Code.SL_ABOVE_LAST)),
        (LAST, False, (Code.TP_ABOVE_LAST, Code.SL_BELOW_LAST)),
        (MARK, True, (Code.TP_BELOW_MARK, Code.SL_ABOVE_MARK)),
        (MARK, False, (Code.TP_ABOVE_MARK, Code.SL_BELOW_MARK)),
        (INDEX, True, (Code.TP_BELOW_INDEX, Code.SL_ABOVE_INDEX)),
        (INDEX, False, (Code.TP_ABOVE_INDEX, Code.SL_BELOW_INDEX)),
    ],
)
def test_stops_lie_on_their_side_of_the_price_they_watch(
    world: World, kind: SubPosType, watched: TriggerPxType, long: bool, codes: tuple[Code, Code]
) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead)
    (world.buy if long else world.sell)(lead, 10)
    world.tick({BTC: 600_000}, {BTC: 605_000})
    price = 600_000 if watched is LAST else 605_000
    owner = lead if kind is LEAD else copier
    sub_pos_id = int(world.state.lead_positions.sub_pos_id[0]) + (kind is COPY)
    sign = 1 if long else -1
    more: dict[str, object] = {"kind": kind, "watched": watched}
    tp = levels(owner, sub_pos_id, price - sign, None, **more)
    sl = levels(owner, sub_pos_id, None, price + sign, **more)
    assert (refused(world, tp)[0], refused(world, sl)[0]) == codes
    world.ok(levels(owner, sub_pos_id, price + sign, price - sign, **more))


def test_amounts_of_settings_do_not_matter_to_who_may_copy(world: World) -> None:
    lead = world.lead(BTC)
    copier = world.copier(lead, ratio(1_000_000, copy_total_amt_e8=20 * E8))
    world.ok(inputs.AmendCopySettings(copier, lead, settings()))
