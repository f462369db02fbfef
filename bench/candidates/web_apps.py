"""The same request behind each web server; run as `python -m bench.candidates.web_apps NAME PORT`.

One worker process each, access logs off, uvloop wherever the server can take it.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bench.candidates.request import PATH, handle

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
JSON = "application/json"


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI without a framework: the router is a dict look-up, here of one row."""
    if scope["type"] != "http":
        return
    found = {name: value for name, value in scope["headers"] if name.startswith(b"ok-")}
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    stamp = found[b"ok-access-timestamp"].decode()
    reply = handle(found[b"ok-access-sign"], stamp, scope["path"], body)
    length = str(len(reply)).encode()
    fields = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": reply})


class Rsgi:
    """Granian's own interface."""

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        body = await proto()
        found = scope.headers
        signature = found.get("ok-access-sign").encode()
        reply = handle(signature, found.get("ok-access-timestamp"), scope.path, body)
        proto.response_bytes(200, [("content-type", JSON)], reply)


rsgi = Rsgi()


def starlette_app() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def order(request: Request) -> Response:
        found = request.headers
        signature = found["ok-access-sign"].encode()
        body = await request.body()
        reply = handle(signature, found["ok-access-timestamp"], request.url.path, body)
        return Response(reply, media_type=JSON)

    return Starlette(routes=[Route(PATH, order, methods=["POST"])])


def fastapi_app() -> Any:
    """The idiomatic form: pydantic in and out; the signature is checked over the raw body."""
    from bench.candidates.web_fastapi import app

    return app


def blacksheep_app() -> Any:
    from blacksheep import Application, Content, Request, Response

    app = Application()

    async def order(request: Request) -> Response:
        body = await request.read()
        assert body is not None
        signature = request.get_first_header(b"ok-access-sign")
        stamp = request.get_first_header(b"ok-access-timestamp")
        assert signature is not None
        assert stamp is not None
        reply = handle(signature, stamp.decode(), request.url.path.decode(), body)
        return Response(200, content=Content(JSON.encode(), reply))

    app.router.add_post(PATH, order)
    return app


def run_aiohttp(port: int) -> None:
    import uvloop
    from aiohttp import web

    async def order(request: web.Request) -> web.Response:
        found = request.headers
        signature = found["OK-ACCESS-SIGN"].encode()
        body = await request.read()
        reply = handle(signature, found["OK-ACCESS-TIMESTAMP"], request.path, body)
        return web.Response(body=reply, content_type=JSON)

    app = web.Application()
    app.router.add_post(PATH, order)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


def run_uvicorn(app: Any, port: int) -> None:
    import uvicorn

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="auto",
        log_level="critical",
        access_log=False,
    )


def run_granian(target: str, interface: str, port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces, Loops

    Granian(
        f"bench.candidates.web_apps:{target}",
        address="127.0.0.1",
        port=port,
        interface=Interfaces(interface),
        workers=1,
        loop=Loops.uvloop,
        log_enabled=False,
    ).serve()


SERVERS: dict[str, Callable[[int], None]] = {
    "uvicorn, bare ASGI": lambda port: run_uvicorn(bare, port),
    "granian, RSGI": lambda port: run_granian("rsgi", "rsgi", port),
    "granian, bare ASGI": lambda port: run_granian("bare", "asgi", port),
    "blacksheep on uvicorn": lambda port: run_uvicorn(blacksheep_app(), port),
    "aiohttp.web": run_aiohttp,
    "Starlette on uvicorn": lambda port: run_uvicorn(starlette_app(), port),
    "FastAPI + pydantic on uvicorn": lambda port: run_uvicorn(fastapi_app(), port),
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](int(sys.argv[2]))
