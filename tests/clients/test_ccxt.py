"""ccxt, unmodified, against a real server: unified calls, implicit methods, its own errors."""

import asyncio
from typing import Any

import ccxt
import ccxt.async_support
import pytest
from tests.support.server import Trader
from tests.support.still_market import BTC, ETH, StillMarket, copies

SYMBOL = "BTC/USDT:USDT"


def settings(trader: Trader) -> dict[str, Any]:
    return {
        "apiKey": trader.key["api_key"],
        "secret": trader.key["secret_key"],
        "password": trader.key["passphrase"],
        "urls": {"api": {"rest": trader.server.http}},
        "enableRateLimit": False,
    }


def client(trader: Trader) -> Any:
    return ccxt.okx(settings(trader))


def test_load_markets(market: StillMarket) -> None:
    exchange = client(market.account())
    markets = exchange.load_markets()
    assert len(markets) == 1_530
    assert sum(one["swap"] for one in markets.values()) == 312
    one = markets[SYMBOL]
    assert (one["id"], one["base"], one["quote"], one["settle"]) == (BTC, "BTC", "USDT", "USDT")
    assert (one["type"], one["linear"], one["active"]) == ("swap", True, True)
    assert (one["contractSize"], one["limits"]["amount"]["min"]) == (0.01, 0.01)
    assert (one["precision"]["amount"], one["precision"]["price"]) == (0.01, 0.1)
    spot = markets["BTC/USDT"]
    assert (spot["id"], spot["type"], spot["linear"]) == ("BTC-USDT", "spot", None)


def test_balance_order_position(market: StillMarket) -> None:
    """Money, an order at market, what it became, and the close of it."""
    exchange = client(market.account("50000"))
    assert exchange.fetch_balance()["USDT"] == {"free": 50000.0, "used": 0.0, "total": 50000.0}
    assert exchange.fetch_positions() == []
    made = exchange.create_order(SYMBOL, "market", "buy", 2)
    assert made["symbol"] == SYMBOL
    order = exchange.fetch_order(made["id"], SYMBOL)
    assert (order["status"], order["filled"], order["average"]) == ("closed", 2.0, 100005.0)
    assert order["fee"]["currency"] == "USDT"
    (position,) = exchange.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"]) == ("long", 2.0)
    assert (position["entryPrice"], position["marginMode"]) == (100005.0, "cross")
    (fill,) = exchange.fetch_my_trades(SYMBOL)
    assert (fill["order"], fill["amount"], fill["price"]) == (made["id"], 2.0, 100005.0)
    exchange.create_order(SYMBOL, "market", "sell", 2, params={"reduceOnly": True})
    assert [one["contracts"] for one in exchange.fetch_positions([SYMBOL])] in ([], [0.0])


def test_a_limit_order_rests_and_is_cancelled(market: StillMarket) -> None:
    exchange = client(market.account())
    made = exchange.create_order(SYMBOL, "limit", "buy", 1, 90_000)
    (pending,) = exchange.fetch_open_orders(SYMBOL)
    assert (pending["id"], pending["price"], pending["status"]) == (made["id"], 90000.0, "open")
    exchange.cancel_order(made["id"], SYMBOL)
    assert exchange.fetch_open_orders(SYMBOL) == []
    assert exchange.fetch_order(made["id"], SYMBOL)["status"] == "canceled"


def test_amend_leading_instruments(market: StillMarket) -> None:
    lead = market.lead()
    exchange = client(lead)
    for call in (
        exchange.private_post_copytrading_set_instruments,
        exchange.privatePostCopytradingSetInstruments,
    ):
        answer = call({"instType": "SWAP", "instId": f"{BTC},{ETH}"})
        assert answer == {
            "code": "0",
            "msg": "",
            "data": [{"instId": BTC, "enabled": True}, {"instId": ETH, "enabled": True}],
        }
    rows = exchange.private_get_copytrading_instruments({"instType": "SWAP"})["data"]
    assert {row["instId"] for row in rows if row["enabled"]} == {BTC, ETH}


def test_an_order_is_copied_and_copying_is_stopped(market: StillMarket) -> None:
    lead = market.lead()
    copier = market.copier(lead)
    client(lead).create_order(SYMBOL, "market", "buy", 2)
    assert copies(copier) == [(BTC, "1")]
    exchange = client(copier)
    (position,) = exchange.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"], position["hedged"]) == ("long", 1.0, True)
    given = {"uniqueCode": lead.unique_code, "subPosCloseType": "market_close"}
    answer = exchange.private_post_copytrading_stop_copy_trading(given)
    assert answer == {"code": "0", "msg": "", "data": [{"result": True}]}
    assert copies(copier) == []
    assert [one["contracts"] for one in exchange.fetch_positions([SYMBOL])] in ([], [0.0])


def test_refusals_become_its_own_errors(market: StillMarket) -> None:
    exchange = client(market.account())
    with pytest.raises(ccxt.PermissionDenied, match="59262"):
        exchange.private_post_copytrading_set_instruments({"instId": BTC})
    with pytest.raises(ccxt.BadRequest, match="50000"):  # it sends no body then
        exchange.private_post_copytrading_set_instruments({})
    with pytest.raises(ccxt.BadRequest, match="50014"):
        exchange.private_post_copytrading_set_instruments({"instId": ""})
    with pytest.raises(ccxt.ExchangeError, match="59269"):
        exchange.private_post_copytrading_stop_copy_trading({"uniqueCode": "0" * 16})
    with pytest.raises(ccxt.InsufficientFunds, match="51008"):
        exchange.create_order(SYMBOL, "market", "buy", 1_000)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.fetch_order("1", SYMBOL)
    exchange.secret += "x"
    with pytest.raises(ccxt.AuthenticationError, match="50113"):
        exchange.fetch_balance()


def test_too_many_requests(limited_market: StillMarket) -> None:
    exchange = client(limited_market.account())

    def ask_six_times() -> None:
        for _ in range(6):
            with pytest.raises(ccxt.PermissionDenied):
                exchange.private_post_copytrading_set_instruments({"instId": BTC})

    with pytest.raises(ccxt.RateLimitExceeded, match="50011"):
        ask_six_times()


def test_the_async_client(market: StillMarket) -> None:
    lead = market.lead()
    copier = market.copier(lead)

    async def trade_and_stop() -> Any:
        leading, copying = (ccxt.async_support.okx(settings(one)) for one in (lead, copier))
        try:
            await leading.private_post_copytrading_set_instruments({"instId": f"{ETH},{BTC}"})
            await leading.create_order(SYMBOL, "market", "buy", 2)
            given = {"uniqueCode": lead.unique_code, "subPosCloseType": "manual_close"}
            return await copying.private_post_copytrading_stop_copy_trading(given)
        finally:
            await leading.close()
            await copying.close()

    answer = asyncio.run(trade_and_stop())
    assert answer["data"] == [{"result": True}]
    assert copies(copier) == []
