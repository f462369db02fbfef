"""The doors of a node to the network: uvicorn for HTTP, picows for WebSocket.

What lives here: opening them on a socket of ours, so that port 0 works, and closing them in good
order.
What it may touch: uvicorn, `api.ws`, sockets.
Always true: bare ASGI, uvloop and httptools; no access log; a proxy's headers are not believed.
Start reading: `HttpDoor`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from copydesk.node.config import ConfigError

GRACE_S = 5
KEEP_ALIVE_S = 75
BACKLOG = 2048


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling, telling when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to boot."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.up.set()


class HttpDoor:
    """The ASGI application behind a listening socket."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._socket = listen(host, port)
        self.address = f"http://{place(self._socket)}"
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            backlog=BACKLOG,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Answer requests from now on."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait({self._task, up}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._task.done():
            self._task.result()
            raise ConfigError(f"{self.address} could not be opened")

    async def close(self) -> None:
        """Take no new requests, answer those that are under way."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


def place(listening: socket.socket) -> str:
    """Print host and port of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen. Raises ConfigError in words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror}") from error
