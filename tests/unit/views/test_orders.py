import pytest
from tests.support.copying import SWAP, Desk


def limit(desk: Desk, px: str, cl_ord_id: str = "", sz: str = "1") -> str:
    row = desk.floor.post(
        "trade/order",
        desk.lead,
        instId=SWAP,
        tdMode="cross",
        side="buy",
        ordType="limit",
        sz=sz,
        px=px,
        clOrdId=cl_ord_id,
    )[0]
    return str(row["ordId"])


def test_a_resting_order_is_found_by_both_ids_and_listed() -> None:
    desk = Desk()
    first, second = limit(desk, "90000", "a1"), limit(desk, "90001", "a2")
    listed = desk.floor.get("trade/orders-pending", desk.lead)
    assert [row["ordId"] for row in listed] == [second, first]
    by_id = desk.floor.get("trade/order", desk.lead, instId=SWAP, ordId=first)
    assert by_id == desk.floor.get("trade/order", desk.lead, instId=SWAP, clOrdId="a1")
    order = by_id[0]
    assert (order["state"], order["px"], order["sz"]) == ("live", "90000", "1")
    assert (order["fillPx"], order["fillSz"], order["fillTime"], order["avgPx"]) == (
        "",
        "0",
        "",
        "",
    )
    assert order["fee"] == "0"


def test_a_client_id_names_the_newest_order_that_had_it() -> None:
    desk = Desk()
    made = []
    for px in ("90000", "90001"):
        made.append(limit(desk, px, "again"))
        desk.floor.post("trade/cancel-order", desk.lead, instId=SWAP, clOrdId="again")
    (order,) = desk.floor.get("trade/order", desk.lead, instId=SWAP, clOrdId="again")
    assert (order["ordId"], order["state"]) == (made[-1], "canceled")


def test_a_spot_order_by_amount_prints_the_amount() -> None:
    desk = Desk()
    desk.floor.post(
        "trade/order",
        desk.lead,
        instId="BTC-USDT",
        tdMode="cash",
        side="buy",
        ordType="market",
        sz="500",
    )
    (order,) = desk.floor.get("trade/orders-history", desk.lead, instType="SPOT")
    assert (order["sz"], order["tgtCcy"], order["posSide"]) == ("500", "quote_ccy", "")
    assert (order["feeCcy"], order["lever"]) == ("BTC", "")
    (fill,) = desk.floor.get("trade/fills", desk.lead, instType="SPOT")
    assert fill["feeRate"] == "-0.001"
    bills = [bill for bill in desk.floor.get("account/bills", desk.lead) if bill["instId"]]
    assert [bill["ccy"] for bill in bills] == ["BTC", "USDT"]
    balances = {
        one["ccy"]: one for one in desk.floor.get("account/balance", desk.lead)[0]["details"]
    }
    assert bills[0]["balChg"] == balances["BTC"]["cashBal"]
    assert bills[1]["bal"] == balances["USDT"]["cashBal"]


@pytest.mark.parametrize(
    "query, count",
    [
        ({}, 2),
        ({"state": "filled"}, 1),
        ({"state": "canceled"}, 1),
        ({"state": "mmp_canceled"}, 0),
        ({"ordType": "limit,market"}, 2),
        ({"ordType": "post_only"}, 0),
        ({"instId": "ETH-USDT-SWAP"}, 0),
        ({"limit": "1"}, 1),
        ({"begin": "1"}, 2),
        ({"end": "1"}, 0),
    ],
)
def test_history_is_filtered(query: dict[str, str], count: int) -> None:
    desk = Desk()
    desk.trade(desk.lead, "buy", "1")
    limit(desk, "90000", "gone")
    desk.floor.post("trade/cancel-order", desk.lead, instId=SWAP, clOrdId="gone")
    query = {"instType": "SWAP", **query}
    assert len(desk.floor.get("trade/orders-history", desk.lead, **query)) == count


def test_product_lines_that_are_not_offered_are_empty() -> None:
    desk = Desk()
    desk.trade(desk.lead, "buy", "1")
    for kind in ("FUTURES", "OPTION", "MARGIN", "EVENTS"):
        for path in (
            "trade/orders-pending",
            "trade/orders-history",
            "trade/fills",
            "account/bills",
        ):
            assert desk.floor.get(path, desk.lead, instType=kind) == []
        assert desk.floor.get("account/positions", desk.lead, instType=kind) == []


def test_an_order_of_somebody_else_is_not_found() -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob")
    mine = desk.trade(desk.lead, "buy", "1")
    assert desk.floor.code_of("GET", "trade/order", bob, instId=SWAP, ordId=mine) == "51603"
    assert desk.floor.code_of("GET", "trade/order", desk.lead, instId=SWAP, ordId="77") == "51603"
    other = {"instId": "ETH-USDT-SWAP", "ordId": mine}
    assert desk.floor.code_of("GET", "trade/order", desk.lead, **other) == "51603"
    assert desk.floor.code_of("GET", "trade/order", desk.lead, instId=SWAP) == "51003"
