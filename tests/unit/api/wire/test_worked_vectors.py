"""OKX's own examples, to the last digit (rules 15, EX-1 to EX-4)."""

import pytest
from tests.support.demo_contracts import BTC, BTC_SPOT, ETH, ticks, value_e8

from copydesk.api.wire import text
from copydesk.api.wire.copytrading import current_row, past_row
from copydesk.model.enums import MgnMode, PosSide
from copydesk.model.instruments import Instrument
from copydesk.views.sub_positions import SubPosition


def sub_position(
    inst: Instrument,
    lots: int,
    px: str,
    *,
    lever: int,
    mark: str,
    closed: tuple[int, str] = (0, "1"),
) -> SubPosition:
    closed_lots, close_px = closed
    return SubPosition(
        inst=inst,
        sub_pos_id=649945658862370816,
        unique_code="25CD5A80241D6FE6",
        pos_side=PosSide.NET,
        mgn_mode=MgnMode.ISOLATED,
        lever=lever,
        direction=1,
        open_ord_id=0,
        size_lots=lots,
        closed_lots=closed_lots,
        cost_e8=value_e8(inst, px, lots),
        closed_value_e8=value_e8(inst, close_px, closed_lots),
        opened_ms=1701231120479,
        closed_ms=1701188587950 if closed_lots else 0,
        mark_ticks=ticks(inst, mark),
    )


def test_ex_1_margin_and_upl_of_the_open_rows() -> None:
    row = current_row(sub_position(BTC, 1, "37879", lever=3, mark="38205.8"))
    assert (row.margin, row.upl, row.upl_ratio) == (
        "12.6263333333333333",
        "0.3268",
        "0.0258824150584758",
    )
    row = current_row(sub_position(BTC, 1, "37925.1", lever=3, mark="38205.8"))
    assert (row.margin, row.upl, row.upl_ratio) == ("12.6417", "0.2807", "0.0222042921442527")


def test_ex_1_margin_of_the_ether_row() -> None:
    assert current_row(sub_position(ETH, 4, "2029.13", lever=5, mark="2030")).margin == "16.23304"


@pytest.mark.parametrize("lots, pnl, margin", [(3, "0.6225", "37.41"), (2, "0.415", "24.94")])
def test_ex_2_history(lots: int, pnl: str, margin: str) -> None:
    view = sub_position(BTC, lots, "37410", lever=3, mark="38203.4", closed=(lots, "37617.5"))
    row = past_row(view)
    assert (row.pnl, row.pnl_ratio, row.margin) == (pnl, "0.0166399358460306", margin)
    assert (row.sub_pos, row.close_sub_pos, row.type) == (str(lots), str(lots), "2")
    assert (row.open_avg_px, row.close_avg_px) == ("37410", "37617.5")
    assert row.profit_sharing_amt == ""


def test_ex_3_fees_of_the_history_row_leave_the_net_that_is_shared() -> None:
    opened, closed = value_e8(BTC, "37410", 3), value_e8(BTC, "37617.5", 3)
    fees = (opened + closed) * 500
    net = (closed - opened) * 1_000_000 - fees
    assert text.per(fees, 1, 1_000_000) == "0.11254125"
    assert text.per(net, 8, 100 * 1_000_000) == "0.0407967"


def test_ex_4_margin_of_a_ratio_copy_at_the_copiers_own_leverage() -> None:
    assert current_row(sub_position(BTC, 1, "37879", lever=20, mark="37879")).margin == "1.89395"


def test_a_partly_closed_row_shows_the_remainder_and_history_the_original() -> None:
    view = sub_position(BTC, 4, "40000", lever=10, mark="41000", closed=(1, "42000"))
    now, past = current_row(view), past_row(view)
    assert (now.sub_pos, now.avail_sub_pos, now.margin, now.upl) == ("3", "3", "12", "3")
    assert (past.sub_pos, past.close_sub_pos, past.type) == ("4", "1", "1")
    assert (past.margin, past.pnl, past.pnl_ratio) == ("16", "2", "0.125")


def test_a_short_is_negative_in_net_mode_and_positive_with_a_side() -> None:
    net = sub_position(BTC, 2, "40000", lever=10, mark="39000")
    short = SubPosition(
        **{field: getattr(net, field) for field in net.__struct_fields__} | {"direction": -1}
    )
    hedged = SubPosition(
        **{field: getattr(short, field) for field in net.__struct_fields__}
        | {"pos_side": PosSide.SHORT}
    )
    assert (current_row(short).sub_pos, current_row(short).upl) == ("-2", "2")
    assert (current_row(hedged).sub_pos, current_row(hedged).pos_side) == ("2", "short")


@pytest.mark.parametrize(
    "value, lots, px",
    [
        (value_e8(BTC_SPOT, "51858", 192834), 192834, "51858"),
        (value_e8(BTC_SPOT, "50000.1", 10_000), 10_000, "50000.1"),
        (value_e8(BTC_SPOT, "99999.9", 1003), 1003, "99999.9"),
    ],
)
def test_a_spot_fill_prints_its_price_although_its_value_was_rounded(
    value: int, lots: int, px: str
) -> None:
    assert BTC_SPOT.average_text(value, lots) == px


def test_an_average_between_ticks_is_exact_to_sixteen_decimals() -> None:
    value = value_e8(BTC, "100", 1) + value_e8(BTC, "100.1", 2)
    assert BTC.average_text(value, 3) == "100.0666666666666666"
    assert BTC.average_text(0, 0) == ""


def test_sizes_in_coins() -> None:
    assert text.coins(ETH, 7) == "0.07"
    assert text.coins(BTC_SPOT, 192834) == "0.00192834"


def test_what_does_not_apply_is_blank() -> None:
    assert text.px(BTC, 0) == ""
    assert text.ms(0) == ""
    assert text.number(0) == ""
    assert text.ppm_or_blank(0) == ""
    assert text.amount_or_blank(None) == ""
    assert text.return_on_margin(5, 0, 3) == ""
    assert text.margin_ratio(5, 0) == ""
    assert text.return_on_margin(-1, 3, 1) == "-0.3333333333333333"
