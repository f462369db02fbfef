"""A door without a network: a desk over a real engine, a clock that is turned by hand, requests."""

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.unit.api.instruments import ROWS

from copydesk.api.app import App
from copydesk.api.desk import ApiKey, Desk, Permission, Settings
from copydesk.api.endpoint import Endpoint
from copydesk.engine.genesis import new_state
from copydesk.engine.state import State
from copydesk.engine.step import step
from copydesk.model.inputs import CreateAccount, Input, Stamped
from copydesk.model.instruments import InstrumentTable
from copydesk.model.outputs import AccountCreated, Output, Reply

T = TypeVar("T")

VECTORS: dict[str, Any] = json.loads(
    Path(__file__).with_name("auth_vectors.json").read_text(encoding="utf-8")
)
API_KEY: str = VECTORS["api_key"]
SECRET: bytes = VECTORS["secret_key"].encode()
PASSPHRASE: str = VECTORS["passphrase"]
STAMP = "2020-12-08T09:08:57.715Z"
NOW_NS = 1_607_418_537_715_000_000
E8 = 100_000_000


def make_key(account_row: int = 2, permission: Permission = Permission.TRADE) -> ApiKey:
    """Make the key of the vectors."""
    return ApiKey(
        api_key=API_KEY,
        account_row=account_row,
        uid=40_000_000_000_000_000 + account_row,
        permission=permission,
        secret=SECRET,
        check_slow=PASSPHRASE.__eq__,
        last_used_ns=NOW_NS,
    )


@dataclass
class House:
    """A desk, with what is behind it in reach."""

    state: State
    now_ns: int = NOW_NS
    seq: int = 0
    is_ready: bool = True
    keys: dict[str, ApiKey] = field(default_factory=dict)
    led: set[tuple[int, int]] = field(default_factory=set)
    listeners: list[Callable[[list[Output]], None]] = field(default_factory=list)
    submitted: list[Input] = field(default_factory=list)

    def desk(self, **settings: Any) -> Desk:
        """Make the desk of this house."""
        return Desk(
            table=self.state.table,
            submit=self._submit,
            read=self._read,
            now_ns=lambda: self.now_ns,
            find_key=self.keys.get,
            leads=lambda account_row, inst_row: (account_row, inst_row) in self.led,
            ready=lambda: self.is_ready,
            subscribe=self._subscribe,
            settings=Settings(**settings),
        )

    def do(self, body: Input) -> Output:
        """Step once, and tell who listens."""
        self.seq += 1
        output = step(self.state, Stamped(self.seq, self.now_ns, body))
        for listener in tuple(self.listeners):
            listener([output])
        return output

    def open_account(self, deposit: int = 10_000) -> int:
        """Open an account with USDT."""
        reply = self.do(CreateAccount("somebody", deposit * E8)).reply
        assert isinstance(reply, AccountCreated)
        return reply.account_row

    async def _submit(self, body: Input) -> Reply:
        self.submitted.append(body)
        return self.do(body).reply

    async def _read(self, view: Callable[[State], T]) -> T:
        return view(self.state)

    def _subscribe(self, listener: Callable[[list[Output]], None]) -> Callable[[], None]:
        self.listeners.append(listener)

        def unsubscribe() -> None:
            self.listeners = [other for other in self.listeners if other != listener]

        return unsubscribe


def make_house() -> House:
    """Make a house with three instruments, no market, and the key of the vectors."""
    house = House(new_state(InstrumentTable.from_rows(ROWS)))
    house.keys[API_KEY] = make_key()
    return house


@dataclass(frozen=True)
class Answer:
    """An answer of the door."""

    http: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the envelope."""
        code: str = self.json["code"]
        return code


def sign(method: str, target: str, body: bytes = b"", stamp: str = STAMP) -> dict[str, str]:
    """Make the headers of a signed request."""
    text = f"{stamp}{method}{target}".encode() + body
    digest = hmac.digest(SECRET, text, "sha256")
    return {
        "OK-ACCESS-KEY": API_KEY,
        "OK-ACCESS-SIGN": base64.b64encode(digest).decode(),
        "OK-ACCESS-TIMESTAMP": stamp,
        "OK-ACCESS-PASSPHRASE": PASSPHRASE,
    }


async def ask(
    app: App,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] = b"",
) -> Answer:
    """Send one request through ASGI; a body of several parts arrives in several messages."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "client": ("203.0.113.7", 40_000),
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
    }
    parts = [body] if isinstance(body, bytes) else list(body)
    messages = [
        {"type": "http.request", "body": part, "more_body": place < len(parts) - 1}
        for place, part in enumerate(parts)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, content = sent
    given = {k.decode(): v.decode() for k, v in start["headers"]}
    return Answer(start["status"], given, content["body"])


def get(app: App, target: str, headers: Mapping[str, str] | None = None) -> Answer:
    """GET without signing."""
    return asyncio.run(ask(app, "GET", target, headers))


def post(app: App, path: str, payload: object, headers: Mapping[str, str] | None = None) -> Answer:
    """POST signed; `payload` bytes as they are, anything else as JSON."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = {**sign("POST", path, body), "Content-Type": "application/json", **(headers or {})}
    return asyncio.run(ask(app, "POST", path, given, body))


def app_of(house: House, *endpoints: Endpoint[Any], **settings: Any) -> App:
    """Make a door with a table of one's own."""
    return App(house.desk(**settings), endpoints)
