"""A real `copydesk serve` on a free loopback port with a data directory of its own.

    with Server(tmp_path) as server:
        lead = server.open_account("lead", "100000")
        answer = lead.post("/api/v5/trade/order", {...})

It speaks to the server as strangers do: signed HTTP, the admin socket, signals.
"""

import base64
import hmac
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from copydesk.node.admin_client import AdminClient
from copydesk.node.clock import RealClock

STOP_S = 30.0

Answer = dict[str, Any]


class Server:
    """One server process. `feed="none"` keeps the market still: no price, no input but the
    caller's."""

    def __init__(self, data: Path, *options: str, feed: str = "none") -> None:
        self.data = data
        self.options = ["--feed", feed, "--port", "0", "--ws-port", "0", *options]
        self.log = data.parent / f"{data.name}.log"
        self.client = httpx.Client(trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it says where its doors are."""
        command = [sys.executable, "-m", "copydesk", "serve", "--json", "--log-format", "json"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.data), *self.options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the server did not start:\n{self.errors()}"
        about = msgspec.json.decode(line, type=dict[str, Any])
        self.http, self.ws = about["http"], about["ws"]
        self.client.close()
        self.client = httpx.Client(base_url=self.http, timeout=30.0, trust_env=False)
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def errors(self) -> str:
        """What it wrote to standard error so far."""
        return self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """End it as a power cut would, as far as a process can tell."""
        self.process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self) -> int:
        """Ask it to stop in good order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return self._end()

    def _end(self) -> int:
        with self.process as process:
            code = process.wait(STOP_S)
        self.client.close()
        return code

    def ask(self, op: str, **fields: Any) -> Any:
        """Put one request to the admin door."""
        with AdminClient(self.data) as admin:
            return admin.ask(op, **fields)

    def open_account(self, name: str, deposit: str = "0", **key: Any) -> "Trader":
        """Open an account with a key."""
        account = self.ask("account create", name=name, deposit=deposit)
        made = self.ask("key create", account=account["uid"], **key)
        return Trader(self, account["uid"], account["unique_code"], made)

    def get(self, path: str) -> Answer:
        """Ask without a signature."""
        return decoded(self.client.get(path))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._end()


class Trader:
    """An account with its key, signing its requests."""

    def __init__(self, server: Server, uid: str, unique_code: str, key: dict[str, str]) -> None:
        self.server = server
        self.uid = uid
        self.unique_code = unique_code
        self.key = key

    def headers(self, method: str, target: str, body: bytes = b"") -> dict[str, str]:
        """Sign a request as OKX says: timestamp + method + target + body."""
        moment = datetime.fromtimestamp(RealClock().now_ns() / 1e9, UTC)
        timestamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        signed = f"{timestamp}{method}{target}".encode() + body
        mac = hmac.digest(self.key["secret_key"].encode(), signed, "sha256")
        return {
            "OK-ACCESS-KEY": self.key["api_key"],
            "OK-ACCESS-SIGN": base64.b64encode(mac).decode(),
            "OK-ACCESS-TIMESTAMP": timestamp,
            "OK-ACCESS-PASSPHRASE": self.key["passphrase"],
            "Content-Type": "application/json",
        }

    def get(self, target: str) -> Answer:
        """Send a signed GET; `target` is path and query."""
        return decoded(self.server.client.get(target, headers=self.headers("GET", target)))

    def post(self, target: str, fields: object) -> Answer:
        """Send a signed POST."""
        body = msgspec.json.encode(fields)
        headers = self.headers("POST", target, body)
        return decoded(self.server.client.post(target, content=body, headers=headers))


def decoded(response: httpx.Response) -> Answer:
    """The envelope of an answer."""
    return msgspec.json.decode(response.content, type=dict[str, Any])
