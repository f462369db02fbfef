"""The REST door: a bare ASGI application whose router is the endpoint table.

What lives here: routing, the reading of bodies, time limits, the probes beside the API.
What it may touch: all of `api`; structlog. No framework: it would cost more than all the
checks together.
Always true: one answer per request, always JSON under /api; a fault in a handler is logged and
answered with 50026, and nothing of it is shown.
Start reading: `App._answer`.

A prefix before /api/v5/ is accepted (a proxy's mount point, or the double slash of a base URL that
ends in one). Bodies above `MAX_BODY_BYTES` end with HTTP 413 and code 50002: OKX publishes no code
for them, and 50002 is the one that clients already map to "the body cannot be read".
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, generate_latest

from copydesk.api.auth import Signed
from copydesk.api.deadlines import Deadlines
from copydesk.api.desk import Desk
from copydesk.api.endpoint import Endpoint
from copydesk.api.endpoints import ENDPOINTS
from copydesk.api.envelope import Printed, print_refused
from copydesk.api.errors import DoorCode, Locale, Refusal, locale_of
from copydesk.api.tally import Tally
from copydesk.api.visit import Visit, Visits
from copydesk.model.limits import MAX_BODY_BYTES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = structlog.get_logger("api")
_API: Final = b"/api/v5/"
_JSON: Final = b"application/json"
_TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"


class TooLong(Exception):
    """The body is longer than a body may be."""


class Gone(Exception):
    """The client went away before its request was complete."""


@lru_cache(256)
def _locale(header: bytes) -> Locale:
    return locale_of(header.decode("latin-1"))


class App:
    """The ASGI callable; one per process."""

    def __init__(self, desk: Desk, endpoints: Iterable[Endpoint[Any]]) -> None:
        self._desk = desk
        self._visits = Visits(desk)
        self._deadlines = Deadlines(desk.settings.request_seconds)
        self._routes: dict[bytes, dict[str, Endpoint[Any]]] = {}
        for endpoint in endpoints:
            methods = self._routes.setdefault(endpoint.path.encode("ascii"), {})
            assert endpoint.method not in methods, f"twice in the table: {endpoint.path}"
            methods[endpoint.method] = endpoint
        self.tally = Tally()
        self._registry = CollectorRegistry()
        self._registry.register(self.tally)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's start and stop."""
        if scope["type"] == "http":
            at = scope["raw_path"].find(_API)
            if at < 0:
                await self._answer_outside(scope["path"], send)
            else:
                await self._answer(scope, at, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)

    async def _answer(self, scope: Scope, at: int, receive: Receive, send: Send) -> None:
        """Do steps 1 to 3 of the order of checks, then let the visit do the others."""
        ts_ns = self._desk.now_ns()
        headers = dict(scope["headers"])
        locale = _locale(headers.get(b"accept-language", b""))
        path = scope["raw_path"][at:]
        methods = self._routes.get(path)
        allow = b""
        if not self._desk.ready():
            printed = print_refused(Refusal(DoorCode.SERVICE_DOWN), locale)
        elif methods is None:
            printed = print_refused(Refusal(DoorCode.NOT_FOUND), locale)
        elif (endpoint := methods.get(scope["method"])) is None:
            printed = print_refused(Refusal(DoorCode.METHOD_NOT_ALLOWED), locale)
            allow = ", ".join(sorted(methods)).encode("ascii")
        else:
            signed = Signed(
                method=endpoint.method,
                path=path,
                full_path=scope["raw_path"],
                query=scope["query_string"],
                headers=headers,
                ip=scope["client"][0] if scope["client"] else "",
            )
            try:
                printed = await self._serve(Visit(endpoint, signed, locale, ts_ns), receive)
            except Gone:
                return
        self.tally.add(path if methods else b"", printed.code, self._desk.now_ns() - ts_ns)
        await _send(send, printed.http, printed.body, _JSON, allow)

    async def _serve(self, visit: Visit, receive: Receive) -> Printed:
        locale = visit.locale
        try:
            return await self._deadlines.limit(self._read_and_serve(visit, receive))
        except Gone:
            raise
        except TooLong:
            return print_refused(Refusal(DoorCode.JSON_INVALID), locale)._replace(http=413)
        except TimeoutError:
            return print_refused(Refusal(DoorCode.TIMED_OUT), locale)
        except Exception:  # noqa: BLE001 one of the two places: a bug must not take the door down
            _log.exception("handler failed", path=visit.endpoint.path)
            return print_refused(Refusal(DoorCode.INTERNAL), locale)

    async def _read_and_serve(self, visit: Visit, receive: Receive) -> Printed:
        visit.signed.body = await _body(receive)
        return await self._visits.serve(visit)

    async def _answer_outside(self, path: str, send: Send) -> None:
        if path == "/healthz":
            await _send(send, 200, b'{"status":"ok"}', _JSON)
        elif path == "/readyz":
            ready = self._desk.ready()
            status = b'{"status":"ready"}' if ready else b'{"status":"not ready"}'
            await _send(send, 200 if ready else 503, status, _JSON)
        elif path == "/metrics":
            text = self._desk.metrics() + generate_latest(self._registry)
            await _send(send, 200, text, _TEXT)
        else:
            printed = print_refused(Refusal(DoorCode.NOT_FOUND), "en")
            await _send(send, printed.http, printed.body, _JSON)


def build_app(desk: Desk) -> App:
    """Make the door of a node: the whole endpoint table."""
    return App(desk, ENDPOINTS)


async def _body(receive: Receive) -> bytes:
    """Read the body whole. Raises TooLong, Gone."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        parts = [body]
        size = len(body)
        while message.get("more_body", False) and size <= MAX_BODY_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        body = b"".join(parts)
    if len(body) > MAX_BODY_BYTES:
        raise TooLong
    return body


async def _send(
    send: Send, http: int, body: bytes, content_type: bytes, allow: bytes = b""
) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    if allow:
        headers.append((b"allow", allow))
    await send({"type": "http.response.start", "status": http, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's lifespan protocol; the node starts and stops on its own terms."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
