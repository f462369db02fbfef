"""Orders of lead traders in instruments that they lead (rules 3.5, 6.4, OPEN-13)."""

import pytest
from msgspec.structs import replace
from tests.unit.engine.support import BTC, ETH, Bench, limit, market

from copydesk.engine.exchange.roles import leads_instrument
from copydesk.model.enums import InstType, MgnMode, PosMode, PosSide, TdMode
from copydesk.model.inputs import (
    ApplyLeadTrading,
    ClosePosition,
    SetLeadInstruments,
    SetPositionMode,
)
from copydesk.model.outputs import Done
from copydesk.model.rejects import Code, Reject

MISMATCH = Code.LEAD_DIRECTION_MISMATCH


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.open_markets()
    return bench


@pytest.fixture
def lead(bench: Bench) -> int:
    row = bench.account(100_000)
    assert not isinstance(bench.reply(ApplyLeadTrading(row, InstType.SWAP, (BTC,))), Reject)
    return row


def test_leads_what_is_switched_on(bench: Bench, lead: int) -> None:
    assert leads_instrument(bench.state, lead, BTC)
    assert not leads_instrument(bench.state, lead, ETH)
    assert not leads_instrument(bench.state, bench.account(), BTC)
    bench.run(SetLeadInstruments(lead, InstType.SWAP, (ETH,)))
    assert not leads_instrument(bench.state, lead, BTC)
    assert leads_instrument(bench.state, lead, ETH)


def test_either_side_is_fine_with_nothing_open(bench: Bench, lead: int) -> None:
    bench.placed(market(lead, -10))
    assert bench.held(lead) == -10


def test_opposite_order_closes_up_to_what_is_closable(bench: Bench, lead: int) -> None:
    bench.placed(market(lead, 100))
    assert bench.refused(market(lead, -101)) == MISMATCH
    bench.placed(limit(lead, -60, 610_000))
    assert bench.refused(market(lead, -41)) == MISMATCH
    assert bench.refused(limit(lead, -41, 610_000)) == MISMATCH
    bench.placed(market(lead, -40))
    bench.placed(market(lead, 10))
    assert bench.held(lead) == 70


def test_opening_goes_the_way_of_what_pends(bench: Bench, lead: int) -> None:
    bench.placed(limit(lead, 10, 590_000))
    assert bench.refused(market(lead, -1)) == MISMATCH
    assert bench.refused(limit(lead, -1, 610_000)) == MISMATCH
    bench.placed(market(lead, 1))


def test_opening_goes_the_way_of_the_other_margin_mode(bench: Bench, lead: int) -> None:
    bench.placed(market(lead, 10, td_mode=TdMode.ISOLATED))
    assert bench.refused(market(lead, -1)) == MISMATCH
    bench.placed(market(lead, 1))
    bench.placed(market(lead, -10, td_mode=TdMode.ISOLATED))


def test_pending_closing_orders_do_not_stop_adding(bench: Bench, lead: int) -> None:
    bench.placed(market(lead, 10))
    bench.placed(limit(lead, -10, 610_000))
    bench.placed(limit(lead, 5, 590_000))


def test_reduce_only_and_close_position_close(bench: Bench, lead: int) -> None:
    bench.placed(market(lead, 10))
    bench.placed(replace(market(lead, -4), reduce_only=True))
    assert bench.reply(ClosePosition(lead, BTC, MgnMode.CROSS, PosSide.NET)) == Done()
    assert bench.held(lead) == 0


def test_what_is_not_led_is_free(bench: Bench, lead: int) -> None:
    bench.placed(market(lead, 10, ETH))
    bench.placed(market(lead, -30, ETH))
    assert bench.held(lead, ETH) == -20


def test_long_short_mode_is_free(bench: Bench) -> None:
    row = bench.account(100_000)
    bench.run(SetPositionMode(row, PosMode.LONG_SHORT))
    bench.run(ApplyLeadTrading(row, InstType.SWAP, (BTC,)))
    bench.placed(replace(market(row, 10), pos_side=PosSide.LONG))
    bench.placed(replace(market(row, -10), pos_side=PosSide.SHORT))
