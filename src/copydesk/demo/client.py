"""A small signed client of the OKX v5 REST API, for the demo and for tests.

What lives here: `Key`, `Client`, and what a refusal looks like.
What it may touch: httpx, the clock; nothing of the server.
Always true: what is signed is, byte for byte, what is sent.
Start reading: `Client.post`.
"""

import asyncio
import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from copydesk.node.clock import Clock, RealClock

Row = dict[str, Any]

_encode = msgspec.json.Encoder().encode


class Key(msgspec.Struct, frozen=True, gc=False):
    """What a program needs to act for an account."""

    api_key: str
    secret: str
    passphrase: str


class Refused(Exception):
    """The server answered with an error code: nothing was changed."""

    def __init__(self, code: str, text: str, path: str) -> None:
        super().__init__(f"{code} {text} ({path})")
        self.code = code
        self.text = text


class _Envelope(msgspec.Struct):
    code: str
    msg: str = ""
    data: list[Any] = []
    inTime: str = ""  # noqa: N815 - the wire's own name
    outTime: str = ""  # noqa: N815


_decode = msgspec.json.Decoder(_Envelope).decode


class Client:
    """Many accounts over one pool of connections.

    Every call raises `Refused`, or httpx.TransportError when the outcome is unknown.
    """

    def __init__(self, url: str, *, connections: int = 16, clock: Clock | None = None) -> None:
        self.url = url
        self._clock = clock or RealClock()
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        timeout = httpx.Timeout(20.0, pool=120.0)
        # httpx looks through all waiting requests for each one that ends: few may wait there.
        self._turn = asyncio.Semaphore(connections)
        self._http = httpx.AsyncClient(
            base_url=url, limits=limits, timeout=timeout, trust_env=False
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, key: Key | None = None
    ) -> list[Any]:
        """Ask; signed if a key is given. Rows are objects, or arrays for candles and books."""
        target = f"{path}?{urlencode(query)}" if query else path
        async with self._turn:
            headers = self._sign("GET", target, "", key) if key else {}
            response = await self._http.get(target, headers=headers)
        return _opened(path, response).data

    async def text(self, path: str) -> str:
        """Read a page that is not JSON."""
        return (await self._http.get(path)).text

    async def post(self, path: str, body: Mapping[str, Any], key: Key) -> list[Row]:
        """Do. An order that was refused raises like any other refusal."""
        return (await self.timed_post(path, body, key))[0]

    async def timed_post(
        self, path: str, body: Mapping[str, Any], key: Key
    ) -> tuple[list[Row], float]:
        """Do, and give the milliseconds that the server says it took (order endpoints, else 0)."""
        text = _encode(body).decode()
        async with self._turn:
            headers = self._sign("POST", path, text, key)
            headers["content-type"] = "application/json"
            response = await self._http.post(path, content=text, headers=headers)
        envelope = _opened(path, response)
        span_us = int(envelope.outTime or 0) - int(envelope.inTime or 0)
        return envelope.data, span_us / 1_000

    def _sign(self, method: str, target: str, body: str, key: Key) -> dict[str, str]:
        ts_ms = self._clock.now_ns() // 1_000_000
        moment = datetime.fromtimestamp(ts_ms / 1_000, UTC)
        stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        signed = hmac.digest(
            key.secret.encode(), f"{stamp}{method}{target}{body}".encode(), "sha256"
        )
        return {
            "OK-ACCESS-KEY": key.api_key,
            "OK-ACCESS-SIGN": base64.b64encode(signed).decode(),
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-PASSPHRASE": key.passphrase,
        }


def _opened(path: str, response: httpx.Response) -> _Envelope:
    envelope = _decode(response.content)
    if envelope.code == "0":
        return envelope
    for row in envelope.data:
        if isinstance(row, dict) and row.get("sCode", "0") != "0":
            raise Refused(row["sCode"], row.get("sMsg", ""), path)
    raise Refused(envelope.code, envelope.msg, path)
