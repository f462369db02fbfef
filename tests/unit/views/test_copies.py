"""What a copier sees of copies: orders, fills, bills, sub-positions, all derived."""

import pytest
from tests.support.copying import SWAP, Desk
from tests.support.floor import E8

from copydesk.model.ids import birth_ms
from copydesk.views.copies import copies_of, locate_close, locate_sub_position, sub_pos_id_of


def usdt(desk: Desk, account_row: int) -> str:
    (balance,) = desk.floor.get("account/balance", account_row)
    return str(balance["details"][0]["cashBal"])


def test_a_copy_shows_as_an_order_that_can_be_asked_for_by_its_id() -> None:
    desk = Desk()
    bob = desk.copier("Bob", tag="mytag")
    desk.trade(desk.lead, "buy", "3")
    (order,) = desk.floor.get("trade/orders-history", bob, instType="SWAP")
    assert (order["sz"], order["accFillSz"], order["state"]) == ("1.5", "1.5", "filled")
    assert (order["side"], order["ordType"], order["tag"]) == ("buy", "market", "mytag")
    assert order["avgPx"] == order["fillPx"]
    assert desk.floor.get("trade/order", bob, instId=SWAP, ordId=order["ordId"]) == [order]
    (copy,) = desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy")
    assert copy["subPosId"] == order["ordId"]


def test_copies_are_found_in_every_block_whatever_the_place_of_the_copier() -> None:
    desk = Desk()
    rows = [desk.copier(f"C{number}") for number in range(5)]
    for _ in range(3):
        desk.trade(desk.lead, "buy", "2")
    state = desk.floor.state
    for row in rows:
        refs = list(copies_of(state, row).refs())
        assert [state.copies.account_row[ref.copy_row] for ref in refs] == [row] * 3
        for ref in refs:
            assert locate_sub_position(state, row, sub_pos_id_of(state, ref)) == ref
    ids = {sub_pos_id_of(state, ref) for row in rows for ref in copies_of(state, row).refs()}
    assert len(ids) == 15
    assert locate_sub_position(state, rows[0], min(ids) - 2) is None
    others = copies_of(state, rows[1]).at(0)
    assert locate_sub_position(state, rows[0], sub_pos_id_of(state, others)) is None
    assert list(copies_of(state, desk.lead).refs()) == []


def test_a_copy_that_is_closed_shows_one_closing_order_and_fill() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "4")
    desk.floor.tick(BTC_USDT_SWAP="101000")
    desk.trade(desk.lead, "sell", "1")
    assert len(desk.floor.get("trade/orders-history", bob, instType="SWAP")) == 1
    (past,) = desk.floor.get("copytrading/subpositions-history", bob, subPosType="copy")
    assert (past["closeSubPos"], past["subPos"], past["type"]) == ("0.5", "2", "1")
    (current,) = desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy")
    assert current["subPos"] == "1.5"
    desk.floor.tick(after_ms=50, BTC_USDT_SWAP="102000")
    desk.trade(desk.lead, "sell", "3")
    close, opening = desk.floor.get("trade/orders-history", bob, instType="SWAP")
    assert (close["side"], close["accFillSz"], close["reduceOnly"]) == ("sell", "2", "true")
    assert opening["accFillSz"] == "2"
    assert birth_ms(int(close["ordId"])) == int(close["cTime"]) == int(close["uTime"])
    assert desk.floor.get("trade/order", bob, instId=SWAP, ordId=close["ordId"]) == [close]
    fills = desk.floor.get("trade/fills", bob, instType="SWAP")
    assert [fill["ordId"] for fill in fills] == [close["ordId"], opening["ordId"]]
    assert [fill["subType"] for fill in fills] == ["5", "3"]
    assert fills[0]["fillPnl"] == close["pnl"]
    assert locate_close(desk.floor.state, desk.lead, int(close["ordId"])) is None


@pytest.mark.parametrize("how", ["market_close", "lead", "sub_position"])
def test_the_bills_of_a_copier_add_up_to_his_balance(how: str) -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "3")
    desk.trade(desk.lead, "buy", "1.34")
    desk.floor.tick(BTC_USDT_SWAP="101234.5")
    if how == "market_close":
        desk.stop(bob, "market_close")
    elif how == "lead":
        desk.trade(desk.lead, "sell", "4.34")
    else:
        for copy in desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy"):
            desk.floor.post(
                "copytrading/close-subposition", bob, subPosId=copy["subPosId"], subPosType="copy"
            )
    bills = desk.floor.get("account/bills", bob)
    assert len(bills) == 5
    assert sum(_e8(bill["balChg"]) for bill in bills) == _e8(usdt(desk, bob))
    ids = [int(bill["billId"]) for bill in bills]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == len(ids)


def _e8(text: str) -> int:
    whole, _, fraction = text.lstrip("-").partition(".")
    value = int(whole) * E8 + int(fraction.ljust(8, "0"))
    return -value if text.startswith("-") else value


def test_a_close_by_an_order_of_his_own_is_listed_once() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "2")
    mine = desk.trade(bob, "sell", "1", reduceOnly="true")
    orders = desk.floor.get("trade/orders-history", bob, instType="SWAP")
    assert [order["ordId"] == mine for order in orders] == [True, False]
    assert sum(_e8(bill["balChg"]) for bill in desk.floor.get("account/bills", bob)) == _e8(
        usdt(desk, bob)
    )


def test_what_the_lead_closed_before_his_own_order_is_listed_too() -> None:
    desk = Desk()
    bob = desk.copier("Bob", copyRatio="1")
    desk.trade(desk.lead, "buy", "4")
    desk.trade(desk.lead, "sell", "1")
    desk.trade(bob, "sell", "3", reduceOnly="true")
    fills = desk.floor.get("trade/fills", bob)
    assert sorted(row["fillSz"] for row in fills if row["side"] == "sell") == ["1", "3"]
    assert sum(_e8(bill["balChg"]) for bill in desk.floor.get("account/bills", bob)) == _e8(
        usdt(desk, bob)
    )


def test_what_was_cut_loose_is_no_copy_any_more() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "2")
    desk.stop(bob, "manual_close")
    assert desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy") == []
    assert desk.floor.get("copytrading/subpositions-history", bob, subPosType="copy") == []
    (position,) = desk.floor.get("account/positions", bob)
    assert position["pos"] == "1"


def test_current_rows_are_ordered_by_opening_and_paged_by_id() -> None:
    desk = Desk()
    for _ in range(4):
        desk.trade(desk.lead, "buy", "0.5")
    rows = desk.floor.get("copytrading/current-subpositions", desk.lead)
    ids = [row["subPosId"] for row in rows]
    assert ids == sorted(ids, reverse=True)
    query = {"after": ids[1], "limit": "1"}
    page = desk.floor.get("copytrading/current-subpositions", desk.lead, **query)
    assert [row["subPosId"] for row in page] == [ids[2]]
    newer = desk.floor.get("copytrading/current-subpositions", desk.lead, before=ids[1])
    assert [row["subPosId"] for row in newer] == [ids[0]]
    path = "copytrading/current-subpositions"
    assert desk.floor.code_of("GET", path, desk.lead, instType="SPOT") == "59260"
    for limit in ("0", "501", "-1", "x", "1.5"):
        asked = desk.floor.ask(
            "GET", "/api/v5/copytrading/current-subpositions", desk.lead, {"limit": limit}
        )
        assert (asked["code"], "limit" in asked["msg"]) == ("51000", True)


def test_copies_can_be_listed_of_one_lead_trader_only() -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob")
    desk.floor.post("account/set-position-mode", bob, posMode="long_short_mode")
    desk.follow(bob)
    eve = desk.floor.open_account("Eve", 100_000)
    desk.floor.post("copytrading/apply-lead-trading", eve, instId=SWAP)
    desk.code = desk.floor.code(eve)
    desk.follow(bob)
    desk.trade(desk.lead, "buy", "1")
    desk.trade(eve, "sell", "1")
    both = desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy")
    assert [(row["posSide"], row["subPos"]) for row in both] == [("short", "0.5"), ("long", "0.5")]
    query = {"subPosType": "copy", "uniqueCode": desk.code}
    (one,) = desk.floor.get("copytrading/current-subpositions", bob, **query)
    assert one["uniqueCode"] == desk.code


def test_the_bisection_of_all_blocks_finds_what_a_scan_finds() -> None:
    desk = Desk(1_000_000)
    rows = [desk.copier(f"C{number}", 200) for number in range(12)]
    for turn in range(8):
        desk.trade(desk.lead, "buy", "0.1")
        if turn % 2:
            desk.stop(rows[turn], "copy_close")
        if turn == 5:
            desk.trade(desk.lead, "sell", "0.6")
            desk.follow(rows[1])
    state = desk.floor.state
    for row in [*rows, desk.lead, 0, 1]:
        scanned = [
            (place, position)
            for position in range(state.lead_positions.count)
            for place in range(
                int(state.lead_positions.block_start[position]),
                int(state.lead_positions.block_start[position])
                + int(state.lead_positions.block_count[position]),
            )
            if state.copies.account_row[place] == row
        ]
        assert [tuple(ref) for ref in copies_of(state, row).refs()] == scanned
