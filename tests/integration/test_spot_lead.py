"""A spot lead trader: set-instruments with instType SPOT has a way in, and its own refusals."""

from tests.support.copying import Desk

SPOT = "BTC-USDT,ETH-USDT"


def test_a_spot_lead_sets_spot_instruments() -> None:
    desk = Desk()
    ann = desk.floor.open_account("Ann", 10_000)
    refused = desk.floor.ask(
        "POST", "/api/v5/copytrading/set-instruments", ann, {"instType": "SPOT", "instId": SPOT}
    )
    assert refused["code"] == "59260"
    applied = desk.floor.post(
        "copytrading/apply-lead-trading", ann, instType="SPOT", instId="BTC-USDT"
    )
    assert applied == [{"result": True}]
    rows = desk.floor.post("copytrading/set-instruments", ann, instType="SPOT", instId=SPOT)
    assert rows == [
        {"instId": "BTC-USDT", "enabled": True},
        {"instId": "ETH-USDT", "enabled": True},
    ]
    listed = desk.floor.get("copytrading/instruments", ann, instType="SPOT")
    assert [row["instId"] for row in listed if row["enabled"]] == ["BTC-USDT", "ETH-USDT"]


def test_the_types_of_a_list_are_kept_apart() -> None:
    desk = Desk()
    ann = desk.floor.open_account("Ann", 10_000)
    desk.floor.post("copytrading/apply-lead-trading", ann, instType="SPOT", instId="BTC-USDT")
    wrong = desk.floor.ask(
        "POST",
        "/api/v5/copytrading/set-instruments",
        ann,
        {"instType": "SPOT", "instId": "BTC-USDT-SWAP"},
    )
    assert wrong["code"] == "51015"
    swap = desk.floor.ask(
        "POST", "/api/v5/copytrading/set-instruments", ann, {"instId": "BTC-USDT-SWAP"}
    )
    assert swap["code"] == "59262"


def test_a_pending_spot_order_keeps_a_pair_from_being_led() -> None:
    desk = Desk()
    ann = desk.floor.open_account("Ann", 10_000)
    desk.floor.post("copytrading/apply-lead-trading", ann, instType="SPOT", instId="BTC-USDT")
    resting = {"instId": "ETH-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit"}
    desk.floor.tick(ETH_USDT="2500")
    desk.floor.post("trade/order", ann, **resting, px="2400", sz="0.1")
    refused = desk.floor.ask(
        "POST", "/api/v5/copytrading/set-instruments", ann, {"instType": "SPOT", "instId": SPOT}
    )
    assert (refused["code"], "ETH-USDT" in refused["msg"]) == ("51162", True)


def test_a_spot_lead_trades_both_ways_and_leaves() -> None:
    desk = Desk()
    ann = desk.floor.open_account("Ann", 10_000)
    desk.floor.post("copytrading/apply-lead-trading", ann, instType="SPOT", instId="BTC-USDT")
    market = {"instId": "BTC-USDT", "tdMode": "cash", "ordType": "market", "tgtCcy": "base_ccy"}
    desk.floor.post("trade/order", ann, **market, side="buy", sz="0.01")
    desk.floor.post("trade/order", ann, **market, side="sell", sz="0.005")
    gone = desk.floor.post("copytrading/stop-lead-trading", ann, instType="SPOT")
    assert gone == [{"result": True}]
