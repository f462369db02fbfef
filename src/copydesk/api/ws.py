"""The WebSocket door: picows on its own port, one Session per connection.

What lives here: `WsDoor` (listen, sweep, close), and the thin skin between picows and `session`.
What it may touch: picows, asyncio, `session`, `pushes`.
Always true: send buffers are bounded, a reader that falls behind is cut off (4005) and never slows
the others; a connection without traffic for `ws_idle_seconds` is closed (4004); one whose key was
frozen or deleted is closed (4007).
Start reading: `WsDoor.open`, then `Connection`.

picows and not uvicorn's WebSockets: bench/results tells what a push costs in each.
"""

import asyncio
import secrets
import socket
import ssl
from collections import deque
from functools import partial
from typing import Any, Final, cast

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from copydesk.api.channels import URLS, Url
from copydesk.api.desk import Desk
from copydesk.api.envelope import print_refused
from copydesk.api.errors import DoorCode, Locale, Refusal, locale_of
from copydesk.api.pushes import Pushes
from copydesk.api.session import (
    CLOSE_IDLE,
    CLOSE_INVALID,
    CLOSE_KEY_CHANGED,
    CLOSE_SLOW,
    Caller,
    Counts,
    Session,
)
from copydesk.model.limits import MAX_BODY_BYTES

SWEEP_S: Final = 1.0
SECOND_NS: Final = 1_000_000_000
_PATHS: Final[dict[bytes, Url]] = {f"/ws/v5/{url}".encode("ascii"): url for url in URLS}
LINGER_S: Final = 5.0
CLOSE_GOING_AWAY: Final = 1001
CLOSE_TOO_FAST: Final = 1008  # OKX publishes no code for it
CLOSE_TOO_BIG: Final = 1009


class WsDoor:
    """All connections of a node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pushes = Pushes(desk)
        self._counts = Counts()
        self._connections: dict[Connection, None] = {}
        self._connects: dict[str, deque[int]] = {}
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def open(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Answer on a listening socket from now on."""
        more: dict[str, Any] = {} if tls is None else {"ssl": tls}
        self._server = await ws_create_server(
            self._admit,
            sock=listening,
            max_frame_size=MAX_BODY_BYTES,
            enable_auto_pong=False,  # a ping is traffic, so the session has to hear of it
            logger_name="copydesk",
            **more,
        )
        self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def close(self) -> None:
        """Take no new connections, say goodbye to those there are."""
        if self._server is not None:
            self._server.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in tuple(self._connections):
            connection.close(CLOSE_GOING_AWAY)
        await self._pushes.close()

    def __len__(self) -> int:
        """Count open connections."""
        return len(self._connections)

    def _admit(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        """Choose what answers an upgrade. The caller's address is known only afterwards."""
        accept = request.headers.get("Accept-Language", "")
        locale = locale_of(accept)
        url = _PATHS.get(_path(request))
        if url is None:
            return _refuse(DoorCode.NOT_FOUND, locale)
        if not self._desk.ready() or len(self._connections) >= self._desk.settings.ws_connections:
            return _refuse(DoorCode.SERVICE_DOWN, locale)
        demo = request.headers.get("x-simulated-trading", "") == "1"
        return Connection(self, url, locale, demo)

    def begin(self, connection: "Connection", caller: Caller) -> Session | None:
        """Take a connection in; None if its address opens them too fast."""
        if not self._count_connect(caller.ip):
            return None
        self._connections[connection] = None
        return Session(self._desk, self._pushes, self._counts, caller, connection)

    def end(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._connections.pop(connection, None)

    @property
    def most_buffered(self) -> int:
        """How many bytes a reader may be behind."""
        return self._desk.settings.ws_send_buffer_bytes

    def _count_connect(self, ip: str) -> bool:
        most = self._desk.settings.ws_connects_per_second
        if not most or not self._desk.settings.rate_limits:
            return True
        now_ns = self._desk.now_ns()
        stamps = self._connects.setdefault(ip, deque())
        while stamps and not now_ns - SECOND_NS < stamps[0] <= now_ns:
            stamps.popleft()
        if len(stamps) >= most:
            return False
        stamps.append(now_ns)
        return True

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """Close what is idle and whose key no longer holds; forget quiet addresses."""
        now_ns = self._desk.now_ns()
        idle_ns = int(self._desk.settings.ws_idle_seconds * SECOND_NS)
        for connection in tuple(self._connections):
            session = connection.session
            if session is None:
                continue
            if session.key is not None and session.key.frozen:
                connection.close(CLOSE_KEY_CHANGED)
            elif now_ns - session.heard_ns > idle_ns:
                connection.close(CLOSE_IDLE)
        self._connects = {
            ip: stamps for ip, stamps in self._connects.items() if stamps[-1] > now_ns - SECOND_NS
        }


class Connection(WSListener):
    """One socket: frames to its session, the session's texts to frames."""

    def __init__(self, door: WsDoor, url: Url, locale: Locale, demo: bool) -> None:
        self._door = door
        self._url: Url = url
        self._locale: Locale = locale
        self._demo = demo
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []
        self._closing = False
        self.session: Session | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Begin a session."""
        self._transport = transport
        peer = transport.underlying_transport.get_extra_info("peername")
        caller = Caller(
            url=self._url,
            ip=peer[0] if peer else "",
            locale=self._locale,
            demo=self._demo,
            conn_id=secrets.token_hex(4),
        )
        self.session = self._door.begin(self, caller)
        if self.session is None:
            self.close(CLOSE_TOO_FAST)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand a whole text to the session; answer the frames of the protocol itself."""
        session = self.session
        if session is None or self._closing:
            return
        kind = frame.msg_type
        if kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._take(session, frame)
        elif kind == WSMsgType.PING:
            session.hear()
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.PONG:
            session.hear()
        elif kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            self.close(CLOSE_INVALID)

    def _take(self, session: Session, frame: WSFrame) -> None:
        """Put the frames of one text together, within the bound of a request."""
        payload = frame.get_payload_as_bytes()
        if frame.fin and not self._parts:
            session.receive(payload)
            return
        self._parts.append(payload)
        if sum(map(len, self._parts)) > MAX_BODY_BYTES:
            self.close(CLOSE_TOO_BIG)
        elif frame.fin:
            text, self._parts = b"".join(self._parts), []
            session.receive(text)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Give everything back."""
        self._closing = True
        self._door.end(self)
        if self.session is not None:
            self.session.end()

    def send(self, payload: bytes) -> None:
        """Send one text frame; cut the connection off if it reads too slowly."""
        if self._closing or self._transport is None:
            return
        self._transport.send(WSMsgType.TEXT, payload)
        waiting = self._transport.underlying_transport.get_write_buffer_size()
        if waiting > self._door.most_buffered:
            self.close(CLOSE_SLOW)

    def close(self, code: int) -> None:
        """Say why, then close; what a slow reader does not fetch in `LINGER_S` is dropped."""
        transport = self._transport
        if self._closing or transport is None:
            return
        self._closing = True
        transport.send_close(cast(WSCloseCode, code))
        transport.disconnect()
        loop = asyncio.get_running_loop()
        loop.call_later(LINGER_S, partial(transport.disconnect, graceful=False))

    def pause_writing(self) -> None:
        """Do nothing: `send` looks at the buffer itself."""

    def resume_writing(self) -> None:
        """Do nothing."""


def _path(request: WSUpgradeRequest) -> bytes:
    """Take the path without its query, which old clients append."""
    path = request.path.partition(b"?")[0]
    at = path.find(b"/ws/v5/")
    return path[at:] if at > 0 else path


def _refuse(code: DoorCode, locale: Locale) -> WSUpgradeResponseWithListener:
    printed = print_refused(Refusal(code), locale)
    response = WSUpgradeResponse.create_error_response(
        printed.http, printed.body, {"Content-Type": "application/json"}
    )
    return WSUpgradeResponseWithListener(response, None)
