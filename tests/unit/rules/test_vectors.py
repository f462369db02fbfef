"""Worked vectors of the rules, lived through by the real engine and read as the wire prints them.

Section 15: OKX's own examples, on its demo contracts (BTC of 0.001, ETH of 0.01 coins). Then the
arithmetic of sections 4, 6, 7 and 16, each small enough to follow with a pencil.
"""

from fractions import Fraction

import pytest
from tests.support.demo_contracts import TABLE, ticks
from tests.support.world import World, ratio, settings

from copydesk.api.wire.copytrading import (
    CurrentSubPosition,
    PastSubPosition,
    current_row,
    past_row,
)
from copydesk.engine.genesis import new_state
from copydesk.model import inputs
from copydesk.model.amounts import E8
from copydesk.model.enums import (
    CopyState,
    InstType,
    MgnMode,
    NoCopyReason,
    PosSide,
    SubPosType,
    TdMode,
)
from copydesk.views.copies import CopyRef
from copydesk.views.sub_positions import copy_sub_position, lead_sub_position

BTC, ETH = 0, 1


class Venue(World):
    """A world of the demo contracts whose best ask (or bid) is exactly what a vector says."""

    def __init__(self) -> None:
        super().__init__(new_state(TABLE))
        self.quote(BTC, ask="37879")
        self.quote(ETH, ask="2029.13")
        self.ok(inputs.SetLiquidity(-1, 0, 10_000_000 * E8, 8))

    def quote(self, inst: int, ask: str = "", bid: str = "", mark: str = "") -> None:
        """Move an instrument so that its best ask or bid lies at a price, one tick from the mid."""
        instrument = TABLE.instruments[inst]
        mid = ticks(instrument, ask) - 1 if ask else ticks(instrument, bid) + 1
        self.tick({inst: mid}, {inst: ticks(instrument, mark) if mark else mid})

    def lever(self, account: int, inst: int, lever: int) -> None:
        for mode in MgnMode:
            self.ok(inputs.SetLeverage(account, inst, mode, PosSide.NET, lever))

    def lead_row(self, row: int = 0) -> CurrentSubPosition:
        return current_row(lead_sub_position(self.state, row))

    def past_lead_row(self, row: int = 0) -> PastSubPosition:
        return past_row(lead_sub_position(self.state, row))

    def copied(self, row: int = 0) -> list[int]:
        """Sizes of all copies of a lead position, in the order of accounts."""
        start = int(self.state.lead_positions.block_start[row])
        stop = start + int(self.state.lead_positions.block_count[row])
        return [int(size) for size in self.state.copies.size_lots[start:stop]]

    def left(self) -> list[int]:
        copies = self.state.copies
        left: list[int] = (copies.live("size_lots") - copies.live("closed_lots")).tolist()
        return left


@pytest.fixture
def venue() -> Venue:
    return Venue()


# Section 15 ---------------------------------------------------------------------------------


def test_ex_1_margin_upl_and_ratio(venue: Venue) -> None:
    lead = venue.lead(BTC, ETH)
    venue.lever(lead, BTC, 3)
    venue.lever(lead, ETH, 5)
    venue.buy(lead, 1)
    venue.buy(lead, 4, inst=ETH)
    venue.quote(BTC, ask="38205.9", mark="38205.8")
    row = venue.lead_row()
    assert (row.sub_pos, row.open_avg_px, row.lever) == ("1", "37879", "3")
    assert (row.margin, row.upl) == ("12.6263333333333333", "0.3268")
    assert row.upl_ratio == "0.0258824150584758"
    ether = venue.lead_row(1)
    assert (ether.sub_pos, ether.open_avg_px, ether.margin) == ("4", "2029.13", "16.23304")


def test_ex_2_history_is_gross(venue: Venue) -> None:
    lead = venue.lead(BTC)
    venue.lever(lead, BTC, 3)
    venue.quote(BTC, ask="37410")
    venue.buy(lead, 3)
    venue.quote(BTC, bid="37617.5")
    venue.sell(lead, 3)
    row = venue.past_lead_row()
    assert (row.open_avg_px, row.close_avg_px) == ("37410", "37617.5")
    assert (row.pnl, row.margin) == ("0.6225", "37.41")
    assert row.pnl_ratio.startswith("0.0166399")
    assert (row.sub_pos, row.close_sub_pos, row.type) == ("3", "3", "2")


@pytest.mark.parametrize("lots, shared", [(3, "0.0407967"), (2, "0.0271978")])
def test_ex_3_the_base_of_the_share_is_gross_less_both_fees(
    venue: Venue, lots: int, shared: str
) -> None:
    lead = venue.lead(BTC)
    venue.copier(lead, ratio(1_000_000))
    venue.quote(BTC, ask="37410")
    venue.buy(lead, lots)
    venue.quote(BTC, bid="37617.5")
    venue.sell(lead, lots)
    copies = venue.state.copies
    fees = int(copies.open_fee_e8[0] + copies.close_fee_e8[0])
    if lots == 3:
        assert Fraction(fees, E8) == Fraction("0.11254125")
    net = Fraction(int(copies.pnl_e8[0]) - fees, E8)
    assert net * Fraction("0.08") == Fraction(shared)


def test_ex_4_a_ratio_copy_at_the_copiers_own_leverage(venue: Venue) -> None:
    lead = venue.lead(BTC)
    copier = venue.copier(lead, ratio(1_000_000))
    venue.lever(lead, BTC, 3)
    venue.lever(copier, BTC, 20)
    venue.buy(lead, 1)
    assert venue.lead_row().margin == "12.6263333333333333"
    row = current_row(copy_sub_position(venue.state, CopyRef(0, 0)))
    assert (row.sub_pos, row.lever, row.margin) == ("1", "20", "1.89395")


# Section 4: sizes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lots, ppm, expected",
    [(10, 500_000, 5), (7, 500_000, 3), (3, 333_333, 0), (4, 333_333, 1), (1, 100_000_000, 100)],
)
def test_4_1_ratio_multiplies_contracts_and_rounds_down(
    venue: Venue, lots: int, ppm: int, expected: int
) -> None:
    lead = venue.lead(BTC)
    venue.copier(lead, ratio(ppm))
    venue.buy(lead, lots)
    assert venue.copied() == [expected]
    made = NoCopyReason.NONE if expected else NoCopyReason.BELOW_MIN_SIZE
    assert venue.state.copies.reason[0] == made


def test_4_2_fixed_amount_is_margin_at_the_guard_for_buys_and_at_the_price_for_sells(
    venue: Venue,
) -> None:
    """Guard of 37,879.0: 38,068.395, on the tick 38,068.3; one lot is worth 38.0683 there.

    100 USDT at 3x: 300 / 38.0683 = 7.88, so 7. At 20x: 2,000 / 38.0683 = 52.53, so 52.
    """
    lead = venue.lead(BTC)
    plain, bold = venue.copier(lead), venue.copier(lead)
    venue.lever(bold, BTC, 20)
    venue.buy(lead, 1)
    assert venue.copied() == [7, 52]
    venue.sell(lead, 1)
    venue.quote(BTC, bid="38000")  # 300 / 38 = 7.89; 2,000 / 38 = 52.6
    venue.sell(lead, 1)
    assert venue.copied(1) == [7, 52]
    margins = venue.state.copies.live("margin_e8")
    assert margins.max() <= 100 * E8
    assert venue.held(plain) == -7


def test_4_5_used_is_the_entry_margin_of_what_is_open(venue: Venue) -> None:
    lead = venue.lead(BTC)
    venue.copier(lead, ratio(1_000_000))
    venue.buy(lead, 3)
    entry = int(venue.state.copies.margin_e8[0])
    assert entry == -(-37_879 * 3 * E8 // 1_000 // 3)
    venue.sell(lead, 1)
    used = int(venue.state.relations.used_e8[0])
    assert used == entry - entry // 3
    venue.sell(lead, 2)
    assert venue.state.relations.used_e8[0] == 0


# Section 6: closes --------------------------------------------------------------------------


def test_6_5_plain_closes_take_the_oldest_first(venue: Venue) -> None:
    """OPEN-14: two openings of 2, one close of 3: the older one is done, the newer one half."""
    lead = venue.lead(BTC)
    venue.copier(lead, ratio(1_000_000))
    venue.buy(lead, 2)
    venue.buy(lead, 2)
    venue.sell(lead, 3)
    older, newer = venue.past_lead_row(0), venue.past_lead_row(1)
    assert (older.type, older.close_sub_pos, newer.type, newer.close_sub_pos) == (
        "2",
        "2",
        "1",
        "1",
    )
    assert (older.close_time, older.close_avg_px) == (newer.close_time, newer.close_avg_px)
    assert venue.left() == [0, 1]


def test_6_7_each_copy_closes_the_same_fraction_cumulative_and_half_up(venue: Venue) -> None:
    """OPEN-15: of a copy of 5 and one of 3, after 1, 2 and 3 quarters of the lead position.

    5/4 = 1.25 -> 1, 2.5 -> 3, 3.75 -> 4; 3/4 = 0.75 -> 1, 1.5 -> 2, 2.25 -> 2; then all.
    """
    lead = venue.lead(BTC)
    venue.copier(lead, ratio(1_250_000))
    venue.copier(lead, ratio(750_000))
    venue.buy(lead, 4)
    seen = [venue.left()]
    for _ in range(4):
        venue.sell(lead, 1)
        seen.append(venue.left())
    assert seen == [[5, 3], [4, 2], [2, 1], [1, 1], [0, 0]]


def test_6_2_closing_a_sub_position_takes_that_one_whatever_its_age(venue: Venue) -> None:
    lead = venue.lead(BTC)
    venue.copier(lead, ratio(1_000_000))
    venue.buy(lead, 2)
    venue.buy(lead, 3)
    newer = int(venue.state.lead_positions.sub_pos_id[1])
    venue.ok(inputs.CloseSubPosition(lead, InstType.SWAP, newer, SubPosType.LEAD))
    assert (venue.left(), venue.held(lead)) == ([2, 0], 2)


def test_a_manual_close_takes_what_is_the_copy_traders_own_first(venue: Venue) -> None:
    """OPEN-11: 4 of his own and copies of 2 and 3; he sells 6: his 4, then 2 of the oldest."""
    lead = venue.lead(BTC)
    copier = venue.copier(lead, ratio(1_000_000))
    isolated = TdMode.ISOLATED
    venue.buy(copier, 4, td_mode=isolated)
    venue.buy(lead, 2)
    venue.buy(lead, 3)
    venue.sell(copier, 6, td_mode=isolated)
    assert venue.left() == [0, 3]
    venue.sell(copier, 1, td_mode=isolated)
    assert venue.left() == [0, 2]
    venue.sell(lead, 5)
    assert venue.held(copier) == 0


# Section 7: levels --------------------------------------------------------------------------


def test_7_6_ratios_are_returns_on_margin(venue: Venue) -> None:
    """Long at 37,879.0 with 3x: +30 % of margin is +10 % of price, -15 % is -5 %."""
    lead = venue.lead(BTC)
    venue.copier(lead, ratio(1_000_000, tp_ratio_ppm=300_000, sl_ratio_ppm=150_000))
    venue.buy(lead, 1)
    copies = venue.state.copies
    assert (copies.above_ticks[0], copies.below_ticks[0]) == (416_669, 359_850)
    venue.sell(lead, 1)
    venue.quote(BTC, bid="37879")
    venue.sell(lead, 1)
    assert (copies.above_ticks[1], copies.below_ticks[1]) == (397_730, 340_911)


# Section 16: one bunched order --------------------------------------------------------------


def test_open_7_what_fills_is_split_by_largest_remainder_at_one_price(venue: Venue) -> None:
    """Asked 3, 4 and 6; the book has 10: 2.31, 3.08 and 4.62, so 2, 3 and 5, at one average."""
    lead, stranger = venue.lead(BTC), venue.account(1_000_000)
    for ppm in (300_000, 400_000, 600_000):
        venue.copier(lead, ratio(ppm))
    venue.thin(BTC, 0, 0)
    venue.sell(stranger, 10, 378_790)
    venue.sell(stranger, 4, 378_800)
    venue.sell(stranger, 6, 378_900)
    venue.buy(lead, 10)
    assert venue.copied() == [2, 3, 5]
    cost = venue.state.copies.live("cost_e8").tolist()
    total = (4 * 378_800 + 6 * 378_900) * TABLE.instruments[BTC].value_num
    assert sum(cost) == total
    exact = [Fraction(total * lots, 10) for lots in (2, 3, 5)]
    assert all(abs(part - share) < 1 for part, share in zip(cost, exact, strict=True))
    assert venue.state.copies.live("reason").tolist() == [NoCopyReason.PRICE_GUARD] * 3


def test_open_7_equal_remainders_go_to_the_older_accounts(venue: Venue) -> None:
    """Three ask 1 lot each; the book has 2, at two prices: 0.67 each, so 1, 1 and 0."""
    lead, stranger = venue.lead(BTC), venue.account(1_000_000)
    for _ in range(3):
        venue.copier(lead, ratio(100_000))
    venue.thin(BTC, 0, 0)
    venue.sell(stranger, 10, 378_790)
    venue.sell(stranger, 1, 378_800)
    venue.sell(stranger, 1, 378_801)
    venue.buy(lead, 10)
    assert venue.copied() == [1, 1, 0]
    first, second, third = venue.state.copies.live("cost_e8").tolist()
    assert (first - second, third) == (0, 0), "one average price for all"
    assert first + second == (378_800 + 378_801) * TABLE.instruments[BTC].value_num


def test_open_6_a_lead_order_that_fills_in_parts_is_copied_in_parts(venue: Venue) -> None:
    """Half of 7 lots, filled 3, 6 and 7: targets 1, 3 and 3, so 1, then 2, then nothing."""
    lead, stranger = venue.lead(BTC), venue.account(1_000_000)
    venue.copier(lead, ratio(500_000))
    venue.thin(BTC, 1_000_000, 1, half_spread_ppm=1_000)
    seen = []
    venue.sell(stranger, 3, 378_790)
    venue.buy(lead, 7, 378_790)
    seen.append(venue.copied())
    for lots in (3, 1):
        venue.sell(stranger, lots, 378_790)
        seen.append(venue.copied())
    assert seen == [[1], [3], [3]]
    assert venue.state.lead_positions.count == 1, "one order, one lead position"
    assert venue.state.copies.state[0] == CopyState.OPEN


def test_open_6_a_fixed_amount_is_spread_over_the_whole_order(venue: Venue) -> None:
    """7 lots in all for an order of 4: after 1, 2 and 4 of it 1, 3 and 7."""
    lead, stranger = venue.lead(BTC), venue.account(1_000_000)
    venue.copier(lead, settings())
    venue.thin(BTC, 1_000_000, 1, half_spread_ppm=1_000)
    seen = []
    venue.sell(stranger, 1, 378_790)
    venue.buy(lead, 4, 378_790)
    seen.append(venue.copied())
    for lots in (1, 2):
        venue.sell(stranger, lots, 378_790)
        seen.append(venue.copied())
    assert seen == [[1], [3], [7]]
