"""The WebSocket door on a real socket of this machine: what only a socket can show."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from picows import (
    WSFrame,
    WSInvalidStatusError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)
from tests.unit.api.connections import Bench, login, subscribe
from tests.unit.api.support import API_KEY, NOW_NS

from copydesk.api import ws
from copydesk.api.ws import WsDoor
from copydesk.model.limits import MAX_BODY_BYTES

KERNEL_BYTES = 8_192  # little, so that a slow reader is felt soon


def small_socket() -> socket.socket:
    """Make a socket that takes little before it is read."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    made.setblocking(False)
    return made


class Client(WSListener):
    """A client that keeps what it gets."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.pongs: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.messages.put_nowait(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.PONG:
            self.pongs.put_nowait(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            self.closed.set_result(int(frame.get_close_code()))  # type: ignore[call-overload]
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.closed.done():
            self.closed.set_result(0)

    def say(self, message: object) -> None:
        assert self.transport is not None
        sent = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.transport.send(WSMsgType.TEXT, sent)

    async def hear(self) -> Any:
        """The next message, parsed if it is JSON."""
        async with asyncio.timeout(5):
            message = await self.messages.get()
        return json.loads(message) if message.startswith(b"{") else message

    async def close_code(self) -> int:
        async with asyncio.timeout(5):
            return await self.closed


class Door:
    """An open door with its bench."""

    def __init__(self, bench: Bench, door: WsDoor, port: int) -> None:
        self.bench = bench
        self.door = door
        self.port = port
        self.clients: list[Client] = []

    async def connect(self, path: str = "/ws/v5/public", **headers: str) -> Client:
        url = f"ws://127.0.0.1:{self.port}{path}"
        _, client = await ws_connect(
            Client, url, extra_headers=headers, socket_factory=lambda _url: small_socket()
        )
        assert isinstance(client, Client)
        self.clients.append(client)
        return client

    async def leave(self) -> None:
        """Close what the clients left open."""
        for client in self.clients:
            assert client.transport is not None
            client.transport.disconnect(graceful=False)
            await client.transport.wait_disconnected()


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[Door]:
    bench = Bench(**{"ws_connects_per_second": 0, **settings})
    await bench.pushes.close()  # the door has pushes of its own
    door = WsDoor(bench.desk)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    await door.open(listening)
    it = Door(bench, door, listening.getsockname()[1])
    try:
        yield it
    finally:
        await door.close()
        await it.leave()


def test_a_conversation() -> None:
    async def work() -> None:
        async with opened(ws_ticker_seconds=0.0) as it:
            it.bench.quote()
            client = await it.connect("/ws/v5/public?brokerId=9999")
            client.say(b"ping")
            assert await client.hear() == b"pong"
            client.say(subscribe(channel="tickers", instId="BTC-USDT-SWAP"))
            assert (await client.hear())["event"] == "subscribe"
            assert (await client.hear())["data"][0]["last"] == "60000"
            it.bench.quote(60_100)
            assert (await client.hear())["data"][0]["last"] == "60100"

    asyncio.run(work())


def test_fragments_and_protocol_pings() -> None:
    async def work() -> None:
        async with opened() as it:
            client = await it.connect("/ws/v5/private", **{"Accept-Language": "zh-CN"})
            assert client.transport is not None
            text = json.dumps(subscribe(channel="account")).encode()
            client.transport.send(WSMsgType.TEXT, text[:10], fin=False)
            client.transport.send_ping(b"between")
            client.transport.send(WSMsgType.CONTINUATION, text[10:])
            assert (await client.hear())["msg"] == "请先登录。"
            async with asyncio.timeout(5):
                assert await client.pongs.get() == b"between"

    asyncio.run(work())


def test_requests_that_are_too_long_close() -> None:
    async def work() -> None:
        async with opened() as it:
            client = await it.connect()
            client.say(b" " * (MAX_BODY_BYTES + 1))
            assert await client.close_code() == 1009
            client = await it.connect()
            assert client.transport is not None
            client.transport.send(WSMsgType.TEXT, b" " * MAX_BODY_BYTES, fin=False)
            client.transport.send(WSMsgType.CONTINUATION, b"  ", fin=False)
            assert await client.close_code() == 1009

    asyncio.run(work())


def test_binary_frames_close() -> None:
    async def work() -> None:
        async with opened() as it:
            client = await it.connect()
            assert client.transport is not None
            client.transport.send(WSMsgType.BINARY, b"{}")
            assert await client.close_code() == 4002

    asyncio.run(work())


def test_idle_connections_close_and_those_that_ping_stay() -> None:
    async def work() -> None:
        async with opened(ws_idle_seconds=30.0) as it:
            idle, pinging = await it.connect(), await it.connect()
            it.bench.house.now_ns = NOW_NS + 20 * 10**9
            pinging.say(b"ping")
            assert await pinging.hear() == b"pong"
            it.bench.house.now_ns = NOW_NS + 31 * 10**9
            it.door.sweep()
            assert await idle.close_code() == 4004
            pinging.say(b"ping")
            assert await pinging.hear() == b"pong"

    asyncio.run(work())


def test_a_frozen_key_closes_its_connections() -> None:
    async def work() -> None:
        async with opened() as it:
            client = await it.connect("/ws/v5/private")
            client.say(login(it.bench.house))
            assert (await client.hear())["event"] == "login"
            it.bench.house.keys[API_KEY].frozen = True
            it.door.sweep()
            assert await client.close_code() == 4007

    asyncio.run(work())


def test_slow_readers_are_cut_off_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        monkeypatch.setattr(ws, "LINGER_S", 0.0)
        async with opened(ws_ticker_seconds=0.0, ws_send_buffer_bytes=50_000) as it:
            it.bench.quote()
            slow, quick = await it.connect(), await it.connect()
            for client in (slow, quick):
                client.say(subscribe(channel="tickers", instId="BTC-USDT-SWAP"))
                assert (await client.hear())["event"] == "subscribe"
                assert (await client.hear())["data"]
            assert slow.transport is not None
            slow.transport.underlying_transport.pause_reading()
            px = 60_000
            while len(it.door) == 2:
                px += 1
                it.bench.quote(px)
                assert (await quick.hear())["data"][0]["last"] == str(px)
            assert len(it.door) == 1

    asyncio.run(work())


def test_connections_are_refused_with_a_reason() -> None:
    async def refusal(it: Door, path: str) -> tuple[int, str]:
        with pytest.raises(WSInvalidStatusError) as caught:
            await it.connect(path)
        assert caught.value.response is not None
        assert caught.value.raw_body is not None
        return int(caught.value.response.status), json.loads(caught.value.raw_body)["code"]

    async def work() -> None:
        async with opened(ws_connections=1) as it:
            assert await refusal(it, "/ws/v5/nothing") == (404, "404")
            it.bench.house.is_ready = False
            assert await refusal(it, "/ws/v5/public") == (503, "50001")
            it.bench.house.is_ready = True
            await it.connect("/ws/v5/public")
            assert await refusal(it, "/ws/v5/public") == (503, "50001")

    asyncio.run(work())


def test_addresses_that_connect_too_fast_are_sent_away() -> None:
    async def work() -> None:
        async with opened(ws_connects_per_second=2) as it:
            clients = [await it.connect() for _ in range(3)]
            assert await clients[2].close_code() == 1008
            it.bench.house.now_ns += 10**9
            client = await it.connect()
            client.say(b"ping")
            assert await client.hear() == b"pong"
            assert len(it.door) == 3

    asyncio.run(work())


def test_closing_the_door_says_goodbye() -> None:
    async def work() -> None:
        async with opened() as it:
            client = await it.connect()
            await it.door.close()
            assert await client.close_code() == 1001
        assert it.bench.house.listeners == []

    asyncio.run(work())
