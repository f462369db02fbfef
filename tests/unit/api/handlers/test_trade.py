"""Sizes and prices of orders: what is read, and what is refused before the engine sees it."""

import pytest
from tests.support.copying import SWAP, Desk

ORDER = "trade/order"


def given(**changes: object) -> dict[str, object]:
    order: dict[str, object] = {
        "instId": SWAP,
        "tdMode": "cross",
        "side": "buy",
        "ordType": "limit",
        "sz": "1",
        "px": "90000",
    }
    return order | changes


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"instId": "NO"}, "51001"),
        ({"px": ""}, "50014"),
        ({"px": "0"}, "51000"),
        ({"px": "90000.05"}, "51150"),
        ({"px": "-1"}, "51000"),
        ({"px": "1e5"}, "51000"),
        ({"px": "100000000000000"}, "51000"),
        ({"sz": "0"}, "51000"),
        ({"sz": "0.001"}, "51020"),
        ({"sz": "1.001"}, "51121"),
        ({"sz": "x"}, "51000"),
        ({"sz": "-1"}, "51000"),
        ({"sz": "100000000000"}, "51005"),
        ({"sz": "9" * 30}, "51000"),
        ({"side": "BUY"}, "51000"),
        ({"ordType": "optimal_limit_ioc"}, "51000"),
        ({"tdMode": "x"}, "51000"),
        ({"clOrdId": "a_b"}, "51000"),
        ({"clOrdId": "a" * 33}, "51000"),
        ({"tag": "a" * 17}, "51000"),
        ({"posSide": "both"}, "51000"),
        ({"reduceOnly": "yes"}, "51000"),
        ({"attachAlgoOrds": [{"slTriggerPx": "1"}]}, "51000"),
        ({"stpMode": "cancel_both"}, "51000"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused(changes: dict[str, object], code: str) -> None:
    desk = Desk()
    assert desk.floor.code_of("POST", ORDER, desk.lead, **given(**changes)) == code


@pytest.mark.parametrize("missing", ["instId", "tdMode", "side", "ordType", "sz"])
def test_what_is_missing_is_named(missing: str) -> None:
    desk = Desk()
    answer = desk.floor.ask("POST", f"/api/v5/{ORDER}", desk.lead, given(**{missing: ""}))
    assert answer["code"] == "50014"
    assert missing in answer["msg"]


def test_a_refused_order_repeats_the_ids_of_the_request() -> None:
    desk = Desk()
    order = given(sz="0.001", clOrdId="mine1", tag="t1")
    answer = desk.floor.ask("POST", f"/api/v5/{ORDER}", desk.lead, order)
    (row,) = answer["data"]
    assert (answer["code"], row["sCode"], row["clOrdId"], row["tag"]) == (
        "1",
        "51020",
        "mine1",
        "t1",
    )
    assert row["ordId"] == ""


def test_numbers_and_booleans_are_taken_as_ccxt_sends_them() -> None:
    desk = Desk()
    order = given(sz=1.0, px=90000, reduceOnly=False)
    assert desk.floor.code_of("POST", ORDER, desk.lead, **order) == "0"
    (row,) = desk.floor.get("trade/orders-pending", desk.lead)
    assert (row["sz"], row["px"], row["reduceOnly"]) == ("1", "90000", "false")


@pytest.mark.parametrize(
    "changes, code, filled",
    [
        ({"side": "buy", "sz": "500"}, "0", "quote_ccy"),
        ({"side": "buy", "sz": "0.01", "tgtCcy": "base_ccy"}, "0", "base_ccy"),
        ({"side": "buy", "sz": "0.000000001"}, "51000", ""),
        ({"side": "buy", "sz": "0"}, "51000", ""),
        ({"side": "sell", "sz": "0.01", "tgtCcy": "quote_ccy"}, "51000", ""),
        ({"side": "sell", "sz": "0.01"}, "51008", ""),
    ],
)
def test_spot_market_orders_by_amount_and_by_size(
    changes: dict[str, object], code: str, filled: str
) -> None:
    desk = Desk()
    order = {"instId": "BTC-USDT", "tdMode": "cash", "ordType": "market", **changes}
    assert desk.floor.code_of("POST", ORDER, desk.lead, **order) == code
    if filled:
        (row,) = desk.floor.get("trade/orders-history", desk.lead, instType="SPOT")
        assert row["tgtCcy"] == filled


def test_cancelling_needs_an_id_that_rests() -> None:
    desk = Desk()
    path = "trade/cancel-order"
    assert desk.floor.code_of("POST", path, desk.lead, instId=SWAP) == "51003"
    assert desk.floor.code_of("POST", path, desk.lead, instId=SWAP, ordId="7") == "51400"
    assert desk.floor.code_of("POST", path, desk.lead, instId="NO", ordId="7") == "51001"
    desk.floor.post(ORDER, desk.lead, **given(clOrdId="c1"))
    (row,) = desk.floor.post(path, desk.lead, instId=SWAP, clOrdId="c1")
    assert (row["clOrdId"], row["sCode"]) == ("c1", "0")


def test_closing_a_position_answers_without_an_order_id() -> None:
    desk = Desk()
    path = "trade/close-position"
    nothing = {"instId": SWAP, "mgnMode": "cross"}
    assert desk.floor.code_of("POST", path, desk.lead, **nothing) == "51023"
    desk.trade(desk.lead, "buy", "1")
    (row,) = desk.floor.post(path, desk.lead, **nothing, tag="t", autoCxl=True)
    assert row == {"instId": SWAP, "posSide": "net", "clOrdId": "", "tag": "t"}


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"lever": "0"}, "51000"),
        ({"lever": "1.5"}, "51000"),
        ({"lever": 101}, "59102"),
        ({"lever": ""}, "50014"),
        ({"mgnMode": ""}, "50014"),
        ({"instId": ""}, "50014"),
        ({"instId": "NO"}, "51001"),
        ({"lever": 3.0}, "0"),
    ],
)
def test_leverage_is_a_whole_number_within_the_instrument(
    changes: dict[str, object], code: str
) -> None:
    desk = Desk()
    order: dict[str, object] = {"instId": SWAP, "lever": "5", "mgnMode": "cross", **changes}
    assert desk.floor.code_of("POST", "account/set-leverage", desk.lead, **order) == code


def test_leverage_of_spot_is_not_asked_for() -> None:
    desk = Desk()
    query = {"instId": "BTC-USDT", "mgnMode": "cross"}
    assert desk.floor.code_of("GET", "account/leverage-info", desk.lead, **query) == "51000"
