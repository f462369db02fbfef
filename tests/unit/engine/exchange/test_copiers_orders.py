"""Resting orders of copy traders follow what copying does to their positions (rules 5.7)."""

from msgspec.structs import replace
from tests.unit.engine.support import BTC, Bench, limit, market

from copydesk.model.amounts import E8
from copydesk.model.enums import (
    CopyMgnMode,
    CopyMode,
    InstType,
    OrderState,
    SubPosCloseType,
)
from copydesk.model.inputs import ApplyLeadTrading, CopySettings, FirstCopySettings
from copydesk.model.rejects import Reject

SETTINGS = CopySettings(
    copy_mgn_mode=CopyMgnMode.CROSS,
    copy_mode=CopyMode.RATIO_COPY,
    copy_amt_e8=0,
    copy_ratio_ppm=1_000_000,
    copy_total_amt_e8=30_000 * E8,
    tp_ratio_ppm=0,
    sl_ratio_ppm=0,
    sl_total_amt_e8=0,
    sub_pos_close_type=SubPosCloseType.COPY_CLOSE,
    inst_rows=None,
)


def copying() -> tuple[Bench, int, int]:
    bench = Bench()
    bench.open_markets()
    lead, copier = bench.account(100_000), bench.account(10_000)
    assert not isinstance(bench.reply(ApplyLeadTrading(lead, InstType.SWAP, (BTC,))), Reject)
    assert not isinstance(bench.reply(FirstCopySettings(copier, lead, SETTINGS)), Reject)
    bench.placed(market(lead, 100))
    assert bench.held(copier) == 100
    return bench, lead, copier


def test_reduce_only_order_ends_with_the_copy_that_it_was_to_reduce() -> None:
    bench, lead, copier = copying()
    order = replace(limit(copier, -100, 610_000), reduce_only=True)
    resting = bench.placed(order)
    output = bench.run(market(lead, -100))
    assert bench.held(copier) == 0
    assert [fact.state for fact in bench.about(output, resting.ord_id)] == [OrderState.CANCELED]


def test_plain_order_gets_a_hold_when_the_copy_is_gone() -> None:
    bench, lead, copier = copying()
    bench.placed(limit(copier, -100, 610_000))
    assert bench.state.wallet(0).hold_e8[copier] == 0
    bench.run(market(lead, -100))
    value = 610_000 * 100 * 1_000
    assert bench.state.wallet(0).hold_e8[copier] == -(-value // 3) + value * 200 // 1_000_000
