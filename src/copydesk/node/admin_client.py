"""The other end of the admin door: what the command line, the demo and the tests speak through.

What lives here: `AdminClient`, and how a UNIX socket is reached under a long path.
What it may touch: one UNIX socket.
Always true: one request, one answer; a refusal of the node becomes `AdminError` with its words.
Start reading: `AdminClient.ask`.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from copydesk.node.config import ADMIN_SOCKET

_MAX_PATH = 100  # sockaddr_un holds 108 bytes on Linux, 104 on macOS
_PROC = Path("/proc/self/fd")


class AdminError(Exception):
    """The node refused, or there is none. The message is meant for a person."""


@contextlib.contextmanager
def reachable(folder: Path) -> Iterator[str]:
    """Give an address of the socket in `folder` that fits into a socket address, however deep it
    lies."""
    plain = str(folder / ADMIN_SOCKET)
    if len(plain.encode()) <= _MAX_PATH or not _PROC.is_dir():
        yield plain
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"{_PROC}/{descriptor}/{ADMIN_SOCKET}"
    finally:
        os.close(descriptor)


class AdminClient:
    """A connection to the admin door of the node that runs on a data directory."""

    def __init__(self, folder: Path, timeout_seconds: float = 60.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_seconds)
        try:
            with reachable(folder) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise AdminError(
                f"no node answers in {folder} ({error.strerror}): is `copydesk serve` running?"
            ) from error
        self._lines = self._socket.makefile("rb")

    def ask(self, op: str, **fields: Any) -> Any:
        """Send one request and give its result. Raises AdminError."""
        try:
            self._socket.sendall(msgspec.json.encode({"op": op, **fields}) + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise AdminError(f"the node went away: {error}") from error
        if not line:
            raise AdminError("the node went away")
        answer = msgspec.json.decode(line, type=dict[str, Any])
        if not answer["ok"]:
            raise AdminError(str(answer["error"]))
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self.close()
