"""python-okx, unmodified, against a real server: leading, amending, copying, stopping, trading.

Where it has no method it has `_request_with_params`, its own signed request.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from okx.Account import AccountAPI
from okx.CopyTrading import CopyTradingAPI
from okx.Trade import TradeAPI
from tests.support.server import Trader
from tests.support.still_market import ASK, BTC, ETH, StillMarket

pytestmark = [
    # CopyTradingAPI passes on a parameter that its own base class calls deprecated
    pytest.mark.filterwarnings("ignore:use_server_time parameter is deprecated:DeprecationWarning"),
    # it hands its body to httpx as `data`, which httpx calls deprecated
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning"),
]


class Person(NamedTuple):
    """An account behind the three classes that a bot uses; they come without types."""

    unique_code: str
    copying: Any
    trade: Any
    account: Any

    def post(self, name: str, **fields: str) -> dict[str, Any]:
        answer = self.copying._request_with_params("POST", f"/api/v5/copytrading/{name}", fields)
        return dict(answer)

    def get(self, name: str, **query: str) -> dict[str, Any]:
        answer = self.copying._request_with_params("GET", f"/api/v5/copytrading/{name}", query)
        return dict(answer)

    def buy(self, sz: str, **more: str) -> dict[str, Any]:
        given = {"instId": BTC, "tdMode": "cross", "side": "buy", "ordType": "market", "sz": sz}
        return dict(self.trade.place_order(**{**given, **more}))


class Desk(NamedTuple):
    market: StillMarket
    clients: ExitStack

    def person(self, flag: str = "0", **key: Any) -> Person:
        return self.known(self.market.account(**key), flag)

    def known(self, trader: Trader, flag: str = "0") -> Person:
        key = (trader.key["api_key"], trader.key["secret_key"], trader.key["passphrase"])
        made = [
            self.clients.enter_context(kind(*key, flag=flag, domain=self.market.server.http))
            for kind in (CopyTradingAPI, TradeAPI, AccountAPI)
        ]
        return Person(trader.unique_code, *made)

    def lead(self, inst_id: str = BTC) -> Person:
        person = self.person()
        answer = person.post("apply-lead-trading", instId=inst_id)
        assert answer == {"code": "0", "msg": "", "data": [{"result": True}]}
        return person

    def copier(self, lead: Person) -> Person:
        person = self.person()
        answer = person.post(
            "first-copy-settings",
            instType="SWAP",
            uniqueCode=lead.unique_code,
            copyMgnMode="cross",
            copyInstIdType="copy",
            copyMode="ratio_copy",
            copyRatio="0.5",
            copyTotalAmt="10000",
            subPosCloseType="copy_close",
        )
        assert answer["code"] == "0", answer
        return person


@pytest.fixture
def desk(market: StillMarket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as clients:
        yield Desk(market, clients)


def sizes(answer: dict[str, Any]) -> list[tuple[str, str]]:
    assert answer["code"] == "0", answer
    return [(row["instId"], row["subPos"]) for row in answer["data"]]


def test_amend_leading_instruments(desk: Desk) -> None:
    lead = desk.lead()
    assert lead.copying.amend_leading_instruments(instId=f"{BTC},{ETH}") == {
        "code": "0",
        "msg": "",
        "data": [{"instId": BTC, "enabled": True}, {"instId": ETH, "enabled": True}],
    }
    rows = lead.copying.get_leading_instruments()["data"]
    assert {row["instId"] for row in rows if row["enabled"]} == {BTC, ETH}
    refused = lead.copying.amend_leading_instruments()
    assert (refused["code"], refused["data"]) == ("50014", [])
    assert desk.person().copying.amend_leading_instruments(instId=BTC)["code"] == "59262"


@pytest.mark.parametrize("how", ["market_close", "copy_close", "manual_close"])
def test_stop_copy_trading(desk: Desk, how: str) -> None:
    lead = desk.lead()
    copier = desk.copier(lead)
    assert lead.buy("2")["code"] == "0"
    mine = {"subPosType": "copy", "instType": "SWAP"}
    assert sizes(copier.get("current-subpositions", **mine)) == [(BTC, "1")]
    assert copier.post("stop-copy-trading", uniqueCode=lead.unique_code)["code"] == "50014"
    answer = copier.post(
        "stop-copy-trading", instType="SWAP", uniqueCode=lead.unique_code, subPosCloseType=how
    )
    assert answer == {"code": "0", "msg": "", "data": [{"result": True}]}
    left = [(BTC, "1")] if how == "copy_close" else []
    assert sizes(copier.get("current-subpositions", **mine)) == left
    held = [row["pos"] for row in copier.account.get_positions()["data"] if row["pos"] != "0"]
    assert held == ([] if how == "market_close" else ["1"])


def test_an_order_from_placing_to_closing(desk: Desk) -> None:
    lead = desk.lead()
    answer = lead.buy("2")
    assert answer["data"][0]["sCode"] == "0"
    ord_id = answer["data"][0]["ordId"]
    (order,) = lead.trade.get_order(instId=BTC, ordId=ord_id)["data"]
    assert (order["state"], order["avgPx"], order["accFillSz"]) == ("filled", ASK, "2")
    resting = lead.buy("1", ordType="limit", px="90000", clOrdId="mine1")["data"][0]
    pending = lead.trade.get_order_list(instType="SWAP")["data"]
    assert [row["clOrdId"] for row in pending] == ["mine1"]
    assert lead.trade.cancel_order(instId=BTC, ordId=resting["ordId"])["code"] == "0"
    assert lead.trade.get_order_list()["data"] == []
    (position,) = lead.account.get_positions(instType="SWAP", instId=BTC)["data"]
    assert (position["pos"], position["avgPx"]) == ("2", ASK)
    assert lead.trade.close_positions(instId=BTC, mgnMode="cross")["code"] == "0"
    assert lead.copying.get_existing_leading_positions()["data"] == []
    (row,) = lead.copying.get_leading_position_history(instId=BTC, limit="10")["data"]
    assert (row["subPos"], row["type"]) == ("2", "2")


def test_leading_positions_are_guarded_and_closed_one_by_one(desk: Desk) -> None:
    lead = desk.lead()
    lead.buy("2")
    lead.buy("3")
    newest, oldest = lead.copying.get_existing_leading_positions(instId=BTC)["data"]
    assert (newest["subPos"], oldest["subPos"]) == ("3", "2")
    guarded = lead.copying.place_leading_stop_order(
        subPosId=oldest["subPosId"], tpTriggerPx="120000", slTriggerPx="80000"
    )
    assert guarded["data"][0]["subPosId"] == oldest["subPosId"]
    assert lead.copying.close_leading_position(subPosId=newest["subPosId"])["code"] == "0"
    (left,) = lead.copying.get_existing_leading_positions()["data"]
    assert (left["subPos"], left["tpTriggerPx"], left["slTriggerPx"]) == ("2", "120000", "80000")


def test_what_a_bot_asks_of_its_account(desk: Desk) -> None:
    person = desk.person()
    (balance,) = person.account.get_account_balance(ccy="USDT")["data"]
    assert balance["details"][0]["cashBal"] == "100000"
    set_to = person.account.set_leverage(lever="5", mgnMode="cross", instId=BTC)
    assert set_to["data"][0]["lever"] == "5"
    (lever,) = person.account.get_leverage(mgnMode="cross", instId=BTC)["data"]
    assert lever["lever"] == "5"
    (config,) = person.account.get_account_config()["data"]
    assert (config["posMode"], config["roleType"]) == ("net_mode", "0")
    assert person.account.set_position_mode(posMode="long_short_mode")["code"] == "0"


def test_refusals_come_as_answers(desk: Desk) -> None:
    person = desk.person()
    order = person.buy("0.015")
    assert (order["code"], order["data"][0]["sCode"]) == ("1", "51121")
    person.copying.API_SECRET_KEY += "x"
    assert person.copying.get_leading_instruments()["code"] == "50113"
    read_only = desk.person(read_only=True)
    assert read_only.copying.amend_leading_instruments(instId=BTC)["code"] == "50120"


def test_its_default_flag_asks_for_the_demo_environment_and_is_served(desk: Desk) -> None:
    """It always sends x-simulated-trading, and 1 unless told otherwise."""
    trader = desk.market.account()
    for key in (trader, desk.market.another_key(trader, demo=True)):
        for flag in ("1", "0"):
            answer = desk.known(key, flag).copying.amend_leading_instruments(instId=BTC)
            assert answer["code"] == "59262"
