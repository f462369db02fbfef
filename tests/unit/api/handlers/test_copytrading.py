"""What the copy-trading handlers read and refuse before and after the engine."""

from typing import Any

import pytest
from tests.support.copying import SWAP, Desk

ETH = "ETH-USDT-SWAP"
UNKNOWN = "0000000000000000"
STOP, SET = "copytrading/stop-copy-trading", "copytrading/set-instruments"
FIRST, AMEND = "copytrading/first-copy-settings", "copytrading/amend-copy-settings"


def refused(desk: Desk, path: str, account_row: int, **given: Any) -> tuple[str, str]:
    """Ask something that must be refused and change nothing: code and text."""
    seq = desk.floor.state.scalars.seq
    answer = desk.floor.ask("POST", f"/api/v5/{path}", account_row, given)
    assert answer["code"] != "0"
    assert answer["data"] == []
    assert desk.floor.state.scalars.seq - seq <= 1
    return answer["code"], answer["msg"]


@pytest.mark.parametrize(
    "given, code, name",
    [
        ({}, "50014", "uniqueCode"),
        ({"uniqueCode": ""}, "50014", "uniqueCode"),
        ({"uniqueCode": None}, "50014", "uniqueCode"),
        ({"uniqueCode": "25CD5A80241D6FE"}, "51000", "uniqueCode"),
        ({"uniqueCode": "25CD5A80241D6FE60"}, "51000", "uniqueCode"),
        ({"uniqueCode": "25CD5A80241D6FE6000"}, "51000", "uniqueCode"),
        ({"uniqueCode": "25CD5A80241D6FE-"}, "51000", "uniqueCode"),
        ({"uniqueCode": " 5CD5A80241D6FE6"}, "51000", "uniqueCode"),
        ({"uniqueCode": "٢5CD5A80241D6FE6"}, "51000", "uniqueCode"),
        ({"uniqueCode": ["25CD5A80241D6FE6"]}, "51000", "uniqueCode"),
        ({"uniqueCode": {"a": 1}}, "51000", "uniqueCode"),
        ({"uniqueCode": True}, "51000", "uniqueCode"),
        ({"uniqueCode": UNKNOWN, "instType": "SPOT"}, "51000", "instType"),
        ({"uniqueCode": UNKNOWN, "instType": "swap"}, "51000", "instType"),
        ({"uniqueCode": UNKNOWN, "subPosCloseType": "close"}, "51000", "subPosCloseType"),
        ({"uniqueCode": UNKNOWN, "subPosCloseType": "Market_close"}, "51000", "subPosCloseType"),
        ({"uniqueCode": UNKNOWN, "subPosCloseType": 1}, "51000", "subPosCloseType"),
    ],
)
def test_stop_copying_names_what_is_wrong(given: dict[str, object], code: str, name: str) -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    found, msg = refused(desk, STOP, bob, **given)
    assert found == code
    assert name in msg


def test_stop_copying_takes_both_lengths_and_tells_unknown_from_not_copying() -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob")
    assert refused(desk, STOP, bob, uniqueCode=UNKNOWN)[0] == "59269"
    assert refused(desk, STOP, bob, uniqueCode=UNKNOWN + "00")[0] == "59269"
    assert refused(desk, STOP, bob, uniqueCode=1234567890123456)[0] == "59269"
    assert refused(desk, STOP, bob, uniqueCode=desk.code.lower())[0] == "59269"
    assert refused(desk, STOP, bob, uniqueCode=desk.code)[0] == "59267"
    assert refused(desk, STOP, bob, uniqueCode=desk.floor.code(bob))[0] == "59269"


def test_the_close_type_may_be_left_out_while_nothing_is_open() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "1")
    code, msg = refused(desk, STOP, bob, uniqueCode=desk.code)
    assert (code, "subPosCloseType" in msg) == ("50014", True)
    desk.trade(desk.lead, "sell", "1")
    assert desk.floor.post(STOP, bob, uniqueCode=desk.code, subPosCloseType="") == [
        {"result": True}
    ]


@pytest.mark.parametrize(
    "inst_id, code",
    [
        (None, "50014"),
        ("", "50014"),
        ([], "50014"),
        ([SWAP], "51000"),
        ({}, "51000"),
        (7, "51001"),
        (True, "51001"),
        (",", "51000"),
        (f"{SWAP},", "51000"),
        (f"{SWAP},,{ETH}", "51000"),
        (f"{SWAP}, {ETH}", "51001"),
        (f" {SWAP}", "51001"),
        ("btc-usdt-swap", "51001"),
        ("BTC-USDT-ＳＷＡＰ", "51001"),
        (f"{SWAP}\n", "51000"),
        ("X" * 300, "51000"),
        ("BTC-USDT", "51015"),
        ("BTC-USD-SWAP", "51166"),
        ("X," * 5000 + "X", "50025"),
    ],
)
def test_the_list_of_instruments_is_taken_exactly(inst_id: object, code: str) -> None:
    desk = Desk()
    assert refused(desk, SET, desk.lead, instId=inst_id)[0] == code
    assert desk.floor.get("copytrading/instruments", desk.lead)[0] == {
        "instId": SWAP,
        "enabled": True,
    }


def test_instruments_are_answered_in_the_order_asked_each_once() -> None:
    desk = Desk()
    rows = desk.floor.post(SET, desk.lead, instId=f"{ETH},{SWAP},{ETH}")
    assert rows == [{"instId": ETH, "enabled": True}, {"instId": SWAP, "enabled": True}]
    assert list(rows[0]) == ["instId", "enabled"]
    assert refused(desk, SET, desk.lead, instType="SPOT", instId="BTC-USDT")[0] == "59260"
    assert refused(desk, SET, desk.lead, instType="MARGIN", instId=SWAP)[0] == "51000"
    bob = desk.floor.open_account("Bob")
    assert refused(desk, SET, bob, instId=SWAP)[0] == "59262"


def settings(desk: Desk, **changes: object) -> dict[str, object]:
    return {
        "uniqueCode": desk.code,
        "copyMgnMode": "cross",
        "copyInstIdType": "copy",
        "copyMode": "fixed_amount",
        "copyAmt": "100",
        "copyTotalAmt": "500",
        **changes,
    }


@pytest.mark.parametrize(
    "changes, code, told",
    [
        ({"copyAmt": ""}, "50014", "copyAmt"),
        ({"copyMode": "ratio_copy"}, "50014", "copyRatio"),
        ({"copyInstIdType": "custom"}, "50014", "instId"),
        ({"copyMgnMode": ""}, "50014", "copyMgnMode"),
        ({"copyInstIdType": None}, "50014", "copyInstIdType"),
        ({"copyTotalAmt": ""}, "50014", "copyTotalAmt"),
        ({"copyAmt": "19.99999999"}, "51000", "copyAmt"),
        ({"copyAmt": "1000.00000001", "copyTotalAmt": "2000"}, "51000", "copyAmt"),
        ({"copyAmt": "20.000000001"}, "51000", "copyAmt"),
        ({"copyAmt": "-20"}, "51000", "copyAmt"),
        ({"copyAmt": "1e2"}, "51000", "copyAmt"),
        ({"copyAmt": "99999999999999999999"}, "51000", "copyAmt"),
        ({"copyAmt": "100", "copyTotalAmt": "99.99999999"}, "59270", ""),
        ({"copyTotalAmt": "30000.00000001"}, "51000", "copyTotalAmt"),
        (
            {"copyMode": "ratio_copy", "copyRatio": "1", "copyTotalAmt": "1"},
            "51000",
            "copyTotalAmt",
        ),
        ({"copyMode": "ratio_copy", "copyRatio": "0.009999"}, "59259", ""),
        ({"copyMode": "ratio_copy", "copyRatio": "100.000001"}, "59259", ""),
        ({"copyMode": "ratio_copy", "copyRatio": "0"}, "59259", ""),
        ({"tpRatio": "1.500001"}, "59130", "150"),
        ({"slRatio": "0.750001"}, "51000", "slRatio"),
        ({"slTotalAmt": "x"}, "51000", "slTotalAmt"),
        ({"copyMode": "smart"}, "51000", "copyMode"),
        ({"subPosCloseType": "x"}, "51000", "subPosCloseType"),
        ({"tag": "a-b"}, "51000", "tag"),
        ({"tag": "a" * 17}, "51000", "tag"),
        ({"instType": "SPOT"}, "51000", "instType"),
        ({"copyInstIdType": "custom", "instId": "NO"}, "51001", ""),
        ({"copyInstIdType": "custom", "instId": ETH}, "59268", ""),
        ({"uniqueCode": UNKNOWN}, "59269", ""),
    ],
)
def test_settings_are_checked_against_the_published_ranges(
    changes: dict[str, object], code: str, told: str
) -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob")
    found, msg = refused(desk, FIRST, bob, **settings(desk, **changes))
    assert found == code
    assert told in msg
    desk.follow(bob)
    assert refused(desk, AMEND, bob, **settings(desk, **changes))[0] == code


@pytest.mark.parametrize(
    "changes",
    [
        {"copyAmt": "20", "copyTotalAmt": "20"},
        {"copyAmt": 1000, "copyTotalAmt": 30000},
        {"copyAmt": "100.00", "copyTotalAmt": "500."},
        {"copyMode": "ratio_copy", "copyRatio": "0.01", "copyAmt": ""},
        {"copyMode": "ratio_copy", "copyRatio": "100"},
        {"tpRatio": "1.5", "slRatio": "0.75", "slTotalAmt": "0.00000001"},
        {"copyInstIdType": "custom", "instId": f"{SWAP},{SWAP}"},
        {"tag": "a1B2c3D4e5F6g7H8"},
        {"subPosCloseType": "manual_close"},
    ],
)
def test_settings_at_the_ends_of_the_ranges_are_taken(changes: dict[str, object]) -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob")
    assert desk.floor.post(FIRST, bob, **settings(desk, **changes)) == [{"result": True}]
    assert desk.floor.post(AMEND, bob, **settings(desk, **changes)) == [{"result": True}]


def test_settings_are_read_back_as_they_were_set() -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob")
    query = {"uniqueCode": desk.code}
    (before,) = desk.floor.get("copytrading/copy-settings", bob, **query)
    assert (before["copyState"], before["copyMode"], before["ccy"]) == ("0", "", "USDT")
    assert before["instIds"] == [{"instId": SWAP, "enabled": "0"}]
    desk.floor.post(SET, desk.lead, instId=f"{SWAP},{ETH}")
    given = settings(desk, copyInstIdType="custom", instId=ETH, tpRatio="0.5", tag="t1")
    desk.floor.post(FIRST, bob, **given)
    (row,) = desk.floor.get("copytrading/copy-settings", bob, **query)
    assert (row["copyAmt"], row["copyRatio"], row["copyTotalAmt"]) == ("100", "", "500")
    assert (row["tpRatio"], row["slRatio"], row["slTotalAmt"]) == ("0.5", "", "")
    assert (row["copyInstIdType"], row["subPosCloseType"]) == ("custom", "copy_close")
    switched = {one["instId"]: one["enabled"] for one in row["instIds"]}
    assert switched == {SWAP: "0", ETH: "1"}
    assert (row["copyState"], row["tag"], row["copyMgnMode"]) == ("1", "t1", "cross")
    desk.floor.post(STOP, bob, uniqueCode=desk.code)
    (row,) = desk.floor.get("copytrading/copy-settings", bob, **query)
    assert (row["copyState"], row["copyMode"]) == ("0", "fixed_amount")
    assert {one["enabled"] for one in row["instIds"]} == {"0"}
    unknown = {"uniqueCode": UNKNOWN}
    assert desk.floor.code_of("GET", "copytrading/copy-settings", bob, **unknown) == "59269"
    never = {"uniqueCode": desk.floor.code(bob)}
    assert desk.floor.code_of("GET", "copytrading/copy-settings", bob, **never) == "59269"


def test_roles_decide_what_may_be_read() -> None:
    desk = Desk()
    nobody = desk.floor.open_account("Nobody")
    bob = desk.copier("Bob")
    reads = ("copytrading/current-subpositions", "copytrading/subpositions-history")
    for path in (*reads, "copytrading/instruments"):
        assert desk.floor.code_of("GET", path, nobody) == "59285"
        assert desk.floor.code_of("GET", path, bob) == "59262"
        assert desk.floor.code_of("GET", path, bob, instType="SPOT") == "59260"
    for path in reads:
        assert desk.floor.get(path, desk.lead, subPosType="copy") == []
        assert desk.floor.code_of("GET", path, nobody, subPosType="copy") == "59285"
        assert desk.floor.code_of("GET", path, bob, subPosType="x") == "51000"
    assert desk.floor.get("copytrading/current-lead-traders", nobody) == []
    (row,) = desk.floor.get("copytrading/config", nobody)
    assert [role["roleType"] for role in row["details"]] == ["0", "0"]
    (row,) = desk.floor.get("copytrading/config", bob)
    assert [role["roleType"] for role in row["details"]] == ["2", "0"]
    (row,) = desk.floor.get("copytrading/config", desk.lead)
    assert row["details"][0]["copyTraderNum"] == "1"
    assert row["details"][1]["copyTraderNum"] == ""


def test_a_lead_trader_who_left_still_sees_his_history() -> None:
    desk = Desk()
    desk.trade(desk.lead, "buy", "1")
    desk.trade(desk.lead, "sell", "1")
    desk.floor.post("copytrading/stop-lead-trading", desk.lead)
    assert len(desk.floor.get("copytrading/subpositions-history", desk.lead)) == 1
    assert desk.floor.code_of("GET", "copytrading/instruments", desk.lead) == "59262"


def test_leadable_instruments_are_listed_with_the_led_ones_first() -> None:
    desk = Desk()
    rows = desk.floor.get("copytrading/instruments", desk.lead)
    assert [row["enabled"] for row in rows] == [True] + [False] * (len(rows) - 1)
    assert all(row["instId"].endswith("-USDT-SWAP") for row in rows)
    assert len(rows) > 200


def test_the_lead_traders_of_a_copier_with_what_they_brought() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "2")
    desk.floor.tick(BTC_USDT_SWAP="101000")
    (row,) = desk.floor.get("copytrading/current-lead-traders", bob)
    (copy,) = desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy")
    assert (row["upl"], row["margin"]) == (copy["upl"], copy["margin"])
    assert (row["todayPnl"], row["copyTotalPnl"], row["nickName"]) == ("0", "0", "Ada")
    desk.trade(desk.lead, "sell", "2")
    (row,) = desk.floor.get("copytrading/current-lead-traders", bob)
    (past,) = desk.floor.get("copytrading/subpositions-history", bob, subPosType="copy")
    assert row["todayPnl"] == row["copyTotalPnl"] == past["pnl"]
    assert (row["margin"], row["upl"]) == ("0", "0")
    desk.floor.tick(after_ms=86_400_000, BTC_USDT_SWAP="101000")
    (row,) = desk.floor.get("copytrading/current-lead-traders", bob)
    assert (row["todayPnl"], row["copyTotalPnl"]) == ("0", past["pnl"])


CLOSE, ALGO = "copytrading/close-subposition", "copytrading/algo-order"


def test_a_sub_position_is_closed_by_whom_it_belongs_to() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "2")
    (lead,) = desk.floor.get("copytrading/current-subpositions", desk.lead)
    (copy,) = desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy")
    mine = {"subPosId": copy["subPosId"], "subPosType": "copy"}
    assert refused(desk, CLOSE, desk.lead, subPosId=copy["subPosId"])[0] == "59216"
    assert refused(desk, CLOSE, bob, subPosId=lead["subPosId"])[0] == "59262"
    assert refused(desk, CLOSE, desk.lead, **mine)[0] == "59273"
    assert refused(desk, CLOSE, bob, subPosId="1", subPosType="copy")[0] == "59216"
    assert refused(desk, CLOSE, desk.lead, subPosId="x")[0] == "51000"
    assert refused(desk, CLOSE, desk.lead)[0] == "50014"
    limit = {"subPosId": lead["subPosId"], "ordType": "limit", "px": "1"}
    assert refused(desk, CLOSE, desk.lead, **limit)[0] == "51000"
    assert desk.floor.post(CLOSE, bob, **mine, tag="t") == [
        {"subPosId": copy["subPosId"], "tag": "t"}
    ]
    assert desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy") == []
    assert refused(desk, CLOSE, bob, **mine)[0] == "59216"


def test_stops_are_set_replaced_and_deleted() -> None:
    desk = Desk()
    bob = desk.copier("Bob")
    desk.trade(desk.lead, "buy", "2")
    (lead,) = desk.floor.get("copytrading/current-subpositions", desk.lead)
    own = {"subPosId": lead["subPosId"]}
    desk.floor.post(ALGO, desk.lead, **own, tpTriggerPx="120000", slTriggerPx="90000", tpOrdPx="")
    (row,) = desk.floor.get("copytrading/current-subpositions", desk.lead)
    assert (row["tpTriggerPx"], row["slTriggerPx"]) == ("120000", "90000")
    assert (row["tpOrdPx"], row["slOrdPx"], bool(row["algoId"])) == ("-1", "-1", True)
    desk.floor.post(ALGO, desk.lead, **own, tpTriggerPx="0", slTriggerPx="")
    (row,) = desk.floor.get("copytrading/current-subpositions", desk.lead)
    assert (row["tpTriggerPx"], row["slTriggerPx"]) == ("", "90000")
    code, msg = refused(desk, ALGO, desk.lead, **own)
    assert (code, "tpTriggerPx" in msg) == ("50015", True)
    assert refused(desk, ALGO, desk.lead, **own, tpTriggerPx="120000.05")[0] == "51150"
    assert refused(desk, ALGO, desk.lead, **own, tpTriggerPx="-1")[0] == "51000"
    assert refused(desk, ALGO, desk.lead, **own, tpTriggerPx="99999999999999")[0] == "51000"
    assert refused(desk, ALGO, desk.lead, subPosId="1", tpTriggerPx="1")[0] == "59216"
    assert refused(desk, ALGO, bob, **own, tpTriggerPx="120000")[0] == "59262"
    (copy,) = desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy")
    given = {"subPosId": copy["subPosId"], "subPosType": "copy", "slTriggerPx": "95000"}
    desk.floor.post(ALGO, bob, **given)
    (copy,) = desk.floor.get("copytrading/current-subpositions", bob, subPosType="copy")
    assert (copy["slTriggerPx"], copy["tpTriggerPx"]) == ("95000", "")


def test_refusals_speak_chinese_to_who_asks_for_it() -> None:
    desk = Desk()
    answer = desk.floor.ask("POST", f"/api/v5/{STOP}", desk.lead, {}, "zh")
    assert (answer["code"], answer["msg"]) == ("50014", "缺少必填参数 uniqueCode。")


def test_the_published_ranges() -> None:
    desk = Desk()
    assert desk.floor.get("copytrading/public-config") == [
        {
            "maxCopyAmt": "1000",
            "minCopyAmt": "20",
            "maxCopyTotalAmt": "30000",
            "minCopyRatio": "0.01",
            "maxCopyRatio": "100",
            "maxTpRatio": "1.5",
            "maxSlRatio": "0.75",
        }
    ]
