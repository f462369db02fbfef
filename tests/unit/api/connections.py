"""WebSocket sessions without sockets, over a house with a market."""

import asyncio
import base64
import hmac
import json
from typing import Any

import numpy as np
from tests.unit.api.support import API_KEY, PASSPHRASE, SECRET, House, make_house, make_key

from copydesk.api.channels import Url
from copydesk.api.errors import Locale
from copydesk.api.pushes import Pushes
from copydesk.api.session import Caller, Counts, Session
from copydesk.model.enums import OrdType, PosSide, Side, TdMode
from copydesk.model.inputs import MarketTick, PlaceOrder, SetLiquidity
from copydesk.model.outputs import OrderPlaced

BTC = 0
OTHER_KEY = API_KEY.replace("8f0b", "9f0b")


class Wire:
    """The socket below: what was sent and how it was closed."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed: list[int] = []
        self.arrived = asyncio.Event()

    def send(self, payload: bytes) -> None:
        self.sent.append(payload)
        self.arrived.set()

    def close(self, code: int) -> None:
        self.closed.append(code)

    def take(self) -> list[Any]:
        """What was sent since the last look, parsed."""
        taken = [json.loads(payload) for payload in self.sent if payload != b"pong"]
        self.sent.clear()
        return taken


def quote(house: House, px: int = 60_000) -> None:
    """Give BTC-USDT-SWAP a price and a provider."""
    inst = house.state.table.instruments[BTC]
    assert inst.inst_id == "BTC-USDT-SWAP"
    ticks = np.array([inst.tick.count(str(px))], dtype="<i8").tobytes()
    row, one = (np.array([n], dtype="<i8").tobytes() for n in (BTC, 1))
    house.do(SetLiquidity(-1, 100, 10**13, 5))
    house.do(MarketTick(house.now_ns // 1_000_000, row, ticks, ticks, one))


class Bench:
    """A house with pushes, and connections to them."""

    def __init__(self, **settings: Any) -> None:
        self.house = make_house()
        self.account_row = self.house.open_account()
        key = make_key(self.account_row)
        self.house.keys[API_KEY] = key
        self.desk = self.house.desk(**settings)
        self.pushes = Pushes(self.desk)
        self.counts = Counts()
        self._connections = 0

    def connect(self, url: Url, locale: Locale = "en") -> tuple[Session, Wire]:
        self._connections += 1
        wire = Wire()
        caller = Caller(
            url=url,
            ip="203.0.113.7",
            locale=locale,
            demo=False,
            conn_id=f"{self._connections:08x}",
        )
        return Session(self.desk, self.pushes, self.counts, caller, wire), wire

    def log_in(self, session: Session, wire: Wire) -> None:
        say(session, login(self.house))
        assert [event["event"] for event in wire.take()] == ["login"]

    def quote(self, px: int = 60_000) -> None:
        """Give BTC-USDT-SWAP a price and a provider."""
        quote(self.house, px)

    def trade(self, side: Side, lots: int, **more: Any) -> int:
        reply = self.house.do(
            PlaceOrder(
                self.account_row,
                BTC,
                side,
                PosSide.NET,
                TdMode.CROSS,
                more.pop("ord_type", OrdType.MARKET),
                lots,
                **more,
            )
        ).reply
        assert isinstance(reply, OrderPlaced), reply
        return reply.ord_id


def say(session: Session, message: object) -> None:
    session.receive(message if isinstance(message, bytes) else json.dumps(message).encode())


def login(house: House, **changes: object) -> dict[str, Any]:
    stamp = str(house.now_ns // 1_000_000_000)
    digest = hmac.digest(SECRET, f"{stamp}GET/users/self/verify".encode(), "sha256")
    arg: dict[str, object] = {
        "apiKey": API_KEY,
        "passphrase": PASSPHRASE,
        "timestamp": stamp,
        "sign": base64.b64encode(digest).decode(),
    }
    return {"op": "login", "args": [arg | changes]}


def subscribe(**arg: object) -> dict[str, Any]:
    return {"id": "1512", "op": "subscribe", "args": [arg]}


async def settle() -> None:
    """Let everything run that waits for nothing but its turn."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(wire: Wire, count: int) -> list[Any]:
    """Wait for so many messages."""
    async with asyncio.timeout(5):
        while len(wire.sent) < count:
            wire.arrived.clear()
            await wire.arrived.wait()
    return wire.take()
