"""A real server whose market stands still, and people on it who lead and copy.

What lives here: `StillMarket`: the server, accounts with their roles, requests byte for byte.
What it may touch: `tests.support.server`, the clock: everything goes through the doors.
Always true: prices never move and the book is deep, so each buy is made at `ASK`, each sell at
`BID`; every account is used by one test only, so that tests may share the server.
Start reading: `StillMarket`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
from tests.support.server import Answer, Server, Trader, decoded

from copydesk.node.clock import RealClock

BTC, ETH, SOL = "BTC-USDT-SWAP", "ETH-USDT-SWAP", "SOL-USDT-SWAP"
PRICES = {BTC: "100000", ETH: "2500", SOL: "200", "BTC-USDT": "100000"}
BID, ASK = "99995", "100005"  # of BTC: half a spread of 50 ppm beside 100,000
_COPYTRADING = "/api/v5/copytrading/"


class StillMarket:
    """A server, and what tests of its doors ask of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._numbers = count()

    def account(self, usdt: str = "100000", **key: Any) -> Trader:
        """Open an account of nobody else's."""
        return self.server.open_account(f"person {next(self._numbers)}", usdt, **key)

    def lead(self, inst_id: str = BTC, usdt: str = "100000") -> Trader:
        """Open an account that leads."""
        trader = self.account(usdt)
        accepted(trader, "apply-lead-trading", instId=inst_id)
        return trader

    def copier(self, *leads: Trader, **settings: str) -> Trader:
        """Open an account in long/short mode that copies all of these, with half their size."""
        trader = self.account()
        mode = trader.post("/api/v5/account/set-position-mode", {"posMode": "long_short_mode"})
        assert mode["code"] == "0", mode
        for lead in leads:
            self.follow(trader, lead, **settings)
        return trader

    def another_key(self, trader: Trader, **key: Any) -> Trader:
        """Make one more key for somebody's account."""
        made = self.server.ask("key create", account=trader.uid, **key)
        return Trader(self.server, trader.uid, trader.unique_code, made)

    def follow(self, trader: Trader, lead: Trader, **settings: str) -> None:
        """Let an account copy a lead trader with half his size."""
        given = {
            "uniqueCode": lead.unique_code,
            "copyMgnMode": "cross",
            "copyInstIdType": "copy",
            "copyMode": "ratio_copy",
            "copyRatio": "0.5",
            "copyTotalAmt": "30000",
            **settings,
        }
        accepted(trader, "first-copy-settings", **given)


@contextmanager
def still_market(folder: Path, *options: str) -> Iterator[StillMarket]:
    """Run a server on one tick of recorded prices and an endless book."""
    tick = folder / "tick.csv"
    lines = [f"{inst_id},1767225601000,{px}" for inst_id, px in PRICES.items()]
    tick.write_text("\n".join(["symbol,ts,price", *lines]), encoding="utf-8")
    still = ("--speed", "0", "--liquidity", "50:100000000:4")
    with Server(folder / "data", *still, *options, feed=f"replay:{tick}") as server:
        while server.ask("health")["seq"] < 2:  # the liquidity provider's terms, then the tick
            assert server.process.poll() is None, server.errors()
        yield StillMarket(server)


def send(
    trader: Trader, method: str, target: str, body: bytes = b"", language: str = "en"
) -> httpx.Response:
    """Sign and send a request byte for byte."""
    headers = {**trader.headers(method, target, body), "Accept-Language": language}
    return trader.server.client.request(method, target, content=body, headers=headers)


def asked(trader: Trader, name: str, language: str = "en", **fields: Any) -> Answer:
    """Post to a copy-trading endpoint; the envelope."""
    body = msgspec.json.encode(fields)
    return decoded(send(trader, "POST", _COPYTRADING + name, body, language))


def accepted(trader: Trader, name: str, **fields: Any) -> list[Any]:
    """Post what must be accepted; its rows."""
    answer = asked(trader, name, **fields)
    assert (answer["code"], answer["msg"]) == ("0", ""), answer
    return list(answer["data"])


def refused(trader: Trader, name: str, language: str = "en", **fields: Any) -> tuple[str, str]:
    """Post what must be refused; code and text."""
    answer = asked(trader, name, language, **fields)
    assert answer["code"] != "0", answer
    assert answer["data"] == []
    return answer["code"], answer["msg"]


def read(trader: Trader, target: str) -> list[Any]:
    """Ask for rows; `target` is what follows /api/v5/."""
    answer = trader.get(f"/api/v5/{target}")
    assert answer["code"] == "0", answer
    return list(answer["data"])


def order(trader: Trader, side: str, sz: str, inst_id: str = BTC, **more: str) -> str:
    """Place an order, at market unless more is said; its id."""
    given = {"instId": inst_id, "tdMode": "cross", "side": side, "ordType": "market", "sz": sz}
    answer = trader.post("/api/v5/trade/order", {**given, **more})
    assert answer["code"] == "0", answer
    return str(answer["data"][0]["ordId"])


def held(trader: Trader, inst_id: str = BTC) -> dict[str, str]:
    """What an account holds of an instrument, by side; {} if nothing."""
    rows = read(trader, f"account/positions?instId={inst_id}")
    return {row["posSide"]: row["pos"] for row in rows if row["pos"] not in ("", "0")}


def copies(trader: Trader, lead: Trader | None = None) -> list[tuple[str, str]]:
    """Open copies of an account as (instrument, size), oldest first."""
    query = "" if lead is None else f"&uniqueCode={lead.unique_code}"
    rows = read(trader, f"copytrading/current-subpositions?subPosType=copy{query}")
    return [(row["instId"], row["subPos"]) for row in reversed(rows)]


class Pace(NamedTuple):
    """What became of more requests than a rate allows."""

    codes: tuple[str, ...]
    waited_ns: int


def pace_of(market: StillMarket, name: str, allowed: int, seconds: int, **fields: Any) -> Pace:
    """Ask once more than is allowed, then go on until a request is let through again.

    `waited_ns` is at least the time between the arrivals of the first request and of that one. A
    request that is refused although the first one arrived longer ago than the window fails here.
    """
    now_ns, window_ns = RealClock().now_ns, seconds * 1_000_000_000
    while True:
        trader = market.account()
        began = now_ns()
        codes = [asked(trader, name, **fields)["code"]]
        first_done = now_ns()
        codes += [asked(trader, name, **fields)["code"] for _ in range(allowed)]
        if now_ns() - began < window_ns:
            break  # else this machine was too busy to ask that fast: once more
    while True:
        sent = now_ns()
        if asked(trader, name, **fields)["code"] != "50011":
            return Pace(tuple(codes), now_ns() - began)
        assert sent < first_done + window_ns, "refused although the window has passed"
