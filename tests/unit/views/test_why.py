"""Why copies were made or not: every pair is listed, in both languages, with its arithmetic."""

import pytest
from tests.support.copying import SWAP, Desk

from copydesk.model.enums import NoCopyReason
from copydesk.views.paging import Page
from copydesk.views.why import REASONS, PairFilter, PairView, pairs_of, reason_text, sizing_text


def pairs(desk: Desk, account_row: int, *, whole_too: bool = True) -> list[PairView]:
    return pairs_of(desk.floor.state, account_row, PairFilter(whole_too=whole_too), Page(100))


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(REASONS) == set(NoCopyReason)
    for reason, (en, zh) in REASONS.items():
        assert bool(en) == bool(zh) == (reason is not NoCopyReason.NONE)
        assert en.isascii()
        assert not zh or not zh.isascii()


def test_a_whole_copy_is_told_with_its_sizing_and_is_no_reason() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "3")
    assert pairs(desk, bob, whole_too=False) == []
    assert desk.floor.get("copytrading/copy-reasons", bob) == []
    (pair,) = pairs(desk, bob)
    assert sizing_text(desk.floor.state, pair) == (
        "lead 3 @ 100005; copyRatio 0.5 x lead size -> asked 1.5, made 1.5 @ 100005, margin 500.025"
    )
    assert reason_text(pair, "en") == ""


def test_a_fixed_amount_is_told_with_the_price_it_was_divided_by() -> None:
    desk = Desk()
    bob = desk.copier("Bob", copyMode="fixed_amount", copyAmt="100", copyRatio="")
    desk.trade(desk.lead, "buy", "3")
    (pair,) = pairs(desk, bob)
    text = sizing_text(desk.floor.state, pair)
    assert "copyAmt 100 x lever 3 / guard price 100505" in text
    assert "asked 0.29, made 0.29" in text
    desk.trade(desk.lead, "sell", "3")
    desk.trade(desk.lead, "sell", "3")
    newest = pairs(desk, bob)[0]
    assert "/ 99995 ->" in sizing_text(desk.floor.state, newest)


@pytest.mark.parametrize(
    "settings, usdt, reason",
    [
        ({}, 20, NoCopyReason.INSUFFICIENT_MARGIN),
        ({"copyRatio": "0.01"}, 1_000, NoCopyReason.BELOW_MIN_SIZE),
        ({"copyTotalAmt": "20"}, 1_000, NoCopyReason.COPY_TOTAL_AMT_REACHED),
    ],
)
def test_what_was_not_made_is_told_with_its_reason(
    settings: dict[str, str], usdt: int, reason: NoCopyReason
) -> None:
    desk = Desk()
    bob = desk.copier("Bob", usdt, **settings)
    desk.trade(desk.lead, "buy", "0.5")
    (row,) = desk.floor.get("copytrading/copy-reasons", bob)
    assert row["reason"] == reason.wire
    assert row["text"] == REASONS[reason][0]
    assert (row["instId"], row["side"], row["madeSz"]) == (SWAP, "buy", "0")
    assert row["copySubPosId"] == ""
    asked = desk.floor.ask("GET", "/api/v5/copytrading/copy-reasons", bob, {}, "zh")
    assert asked["data"][0]["text"] == REASONS[reason][1]
    (pair,) = pairs(desk, bob)
    assert sizing_text(desk.floor.state, pair)


def test_a_position_opened_before_copying_began_is_told_as_such() -> None:
    desk = Desk()
    desk.trade(desk.lead, "buy", "1")
    desk.trade(desk.lead, "buy", "2")
    desk.trade(desk.lead, "sell", "1")
    bob = desk.copier("Bob")
    (row,) = desk.floor.get("copytrading/copy-reasons", bob)
    assert row["reason"] == "began_after_opening"
    (lead_row,) = desk.floor.get("copytrading/current-subpositions", desk.lead)
    assert row["subPosId"] == lead_row["subPosId"]


def test_reasons_are_paged_and_filtered() -> None:
    desk = Desk()
    bob = desk.copier("Bob", 20)
    for _ in range(3):
        desk.trade(desk.lead, "buy", "1")
    ids = [row["subPosId"] for row in desk.floor.get("copytrading/copy-reasons", bob)]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3
    page = desk.floor.get("copytrading/copy-reasons", bob, after=ids[0], limit="1")
    assert [row["subPosId"] for row in page] == [ids[1]]
    assert len(desk.floor.get("copytrading/copy-reasons", bob, uniqueCode=desk.code)) == 3
    other = desk.floor.code(bob)
    assert desk.floor.get("copytrading/copy-reasons", bob, uniqueCode=other) == []
    assert desk.floor.get("copytrading/copy-reasons", bob, instId="ETH-USDT-SWAP") == []
    unknown = {"uniqueCode": "0" * 16}
    assert desk.floor.code_of("GET", "copytrading/copy-reasons", bob, **unknown) == "59269"
    assert desk.floor.get("copytrading/copy-reasons", desk.lead) == []
