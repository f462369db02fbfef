"""The same fan-out behind each WebSocket server: `python -m bench.candidates.ws_apps NAME PORT`.

A text "same" or "each" from any client makes the server send one 120-byte text to every socket:
the same bytes, or a message encoded for each. It begins with the monotonic time at which the
server started.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import uvloop

_ENCODER = msgspec.json.Encoder()


class OrderUpdate(msgspec.Struct):
    """About the size of an order push."""

    stamp: int
    account: int
    text: str = "b15c0de000000001 BTC-USDT-SWAP filled 1.25 75000.1 partially_filled buy"


def message(account: int, stamp: int) -> bytes:
    return _ENCODER.encode(OrderUpdate(stamp, account)).ljust(120)


def run_picows(port: int) -> None:
    from picows import (
        WSFrame,
        WSListener,
        WSMsgType,
        WSTransport,
        WSUpgradeRequest,
        ws_create_server,
    )

    sockets: set[WSTransport] = set()

    class Listener(WSListener):
        def on_ws_connected(self, transport: WSTransport) -> None:
            sockets.add(transport)

        def on_ws_disconnected(self, transport: WSTransport) -> None:
            sockets.discard(transport)

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            stamp = time.monotonic_ns()
            if frame.msg_type != WSMsgType.TEXT:
                return
            if frame.get_payload_as_bytes() == b"same":
                text = message(0, stamp)
                for socket in sockets:
                    socket.send(WSMsgType.TEXT, text)
            else:
                for number, socket in enumerate(sockets):
                    socket.send(WSMsgType.TEXT, message(number, stamp))

    def listener(_: WSUpgradeRequest) -> WSListener:
        return Listener()

    async def main() -> None:
        server = await ws_create_server(listener, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()

    uvloop.run(main())


def run_websockets(port: int) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    sockets: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        sockets.add(connection)
        async for asked in connection:
            stamp = time.monotonic_ns()
            if asked == "same":
                broadcast(sockets, message(0, stamp).decode())
            else:
                for number, socket in enumerate(sockets):
                    broadcast([socket], message(number, stamp).decode())

    async def main() -> None:
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "backlog": 4096}
        async with serve(handler, "127.0.0.1", port, **options):
            await asyncio.get_running_loop().create_future()

    uvloop.run(main())


def run_uvicorn(port: int) -> None:
    import uvicorn

    sockets: set[Any] = set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        sockets.add(send)
        while (asked := await receive())["type"] == "websocket.receive":
            stamp = time.monotonic_ns()
            same = message(0, stamp).decode() if asked["text"] == "same" else None
            for number, one in enumerate(sockets):
                text = same or message(number, stamp).decode()
                await one({"type": "websocket.send", "text": text})

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        backlog=4096,
        log_level="critical",
    )


def run_aiohttp(port: int) -> None:
    from aiohttp import WSMsgType, web

    sockets: set[web.WebSocketResponse] = set()

    async def handler(request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse(compress=False)
        await connection.prepare(request)
        sockets.add(connection)
        async for asked in connection:
            stamp = time.monotonic_ns()
            if asked.type != WSMsgType.TEXT:
                break
            same = message(0, stamp).decode() if asked.data == "same" else None
            for number, one in enumerate(sockets):
                await one.send_str(same or message(number, stamp).decode())
        return connection

    app = web.Application()
    app.router.add_get("/", handler)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, backlog=4096)


SERVERS: dict[str, Callable[[int], None]] = {
    "picows": run_picows,
    "websockets, uvloop": run_websockets,
    "uvicorn, websockets-sansio": run_uvicorn,
    "aiohttp, uvloop": run_aiohttp,
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](int(sys.argv[2]))
