"""The server of the demo: a real `copydesk serve` in a process of its own.

What lives here: starting, killing, stopping, verifying it; opening accounts by its admin door.
What it may touch: one process that it started, one data directory; of `node`, verify and the admin
client.
Always true: only the process that was started here is ever killed.
Start reading: `House`.
"""

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec

from copydesk.demo.client import Key
from copydesk.journal.disk import RealDisk
from copydesk.node.admin_client import AdminClient
from copydesk.node.genesis import shipped
from copydesk.node.verify import Verified, verify

START_S = 60.0
_HANDS = 8  # connections to the admin door that open accounts


class HouseError(Exception):
    """The server did not do what the demo needs. The message is meant for a person."""


class Account(msgspec.Struct, frozen=True, gc=False):
    """An account with its key."""

    uid: str
    unique_code: str
    key: Key


class House:
    """A server process and its data directory."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.url = ""
        self.ws = ""
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    async def start(self, feed: str, speed: float, *options: str) -> dict[str, Any]:
        """Start the server and wait until its doors are open; tell how its recovery went."""
        command = [sys.executable, "-m", "copydesk", "serve", "--json", "--log-format", "json"]
        command += ["--data", str(self.data), "--port", str(self._port), "--ws-port", "0"]
        command += ["--feed", feed, "--speed", str(speed), *options]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=subprocess.PIPE, stderr=log, env=os.environ | {"NO_COLOR": "1"}
            )
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_S)
        except TimeoutError:
            raise HouseError(f"the server did not come up in {START_S:.0f} s") from None
        if not line:
            raise HouseError(f"the server did not start; see {self.log}")
        about = msgspec.json.decode(line, type=dict[str, Any])
        self.url, self.ws = about["http"], about.get("ws", "")
        self._port = int(self.url.rpartition(":")[2])
        health: dict[str, Any] = await asyncio.to_thread(self.ask, "health")
        return health

    def ask(self, op: str, **fields: Any) -> Any:
        """Put one request to the admin door."""
        with AdminClient(self.data) as admin:
            return admin.ask(op, **fields)

    async def open_accounts(self, names: list[str], deposits: list[int]) -> list[Account]:
        """Open accounts with a key each, in the order of the names."""
        hands = min(_HANDS, len(names))
        shares = [range(hand, len(names), hands) for hand in range(hands)]

        def work() -> list[list[Account]]:
            with ThreadPoolExecutor(hands) as pool:
                return list(pool.map(self._open, shares, repeat(names), repeat(deposits)))

        opened: list[Account | None] = [None] * len(names)
        for share, accounts in zip(shares, await asyncio.to_thread(work), strict=True):
            for number, account in zip(share, accounts, strict=True):
                opened[number] = account
        return [account for account in opened if account is not None]

    def _open(self, share: range, names: list[str], deposits: list[int]) -> list[Account]:
        accounts = []
        with AdminClient(self.data) as admin:
            for number in share:
                made = admin.ask(
                    "account create", name=names[number], deposit=str(deposits[number])
                )
                key = admin.ask("key create", account=made["uid"], label="demo")
                secrets = Key(key["api_key"], key["secret_key"], key["passphrase"])
                accounts.append(Account(made["uid"], made["unique_code"], secrets))
        return accounts

    async def kill(self) -> None:
        """Kill the server the hard way, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """Ask the server to stop in good order; its exit code."""
        if self._process is None:
            return 0
        with suppress(ProcessLookupError):  # Ctrl-C in a terminal reaches the server by itself
            self._process.send_signal(signal.SIGTERM)
        return await self._process.wait()

    async def wait(self) -> int:
        """Wait until the server ends by itself."""
        assert self._process is not None
        return await self._process.wait()

    async def verify(self) -> Verified:
        """Replay everything from the first input, as `copydesk verify` does."""
        return await asyncio.to_thread(verify, self.data, RealDisk(), shipped())
