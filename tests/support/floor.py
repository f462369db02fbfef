"""A trading floor for tests: State, a clock that is turned by hand, and the door's handlers.

What lives here: `Floor`: accounts, prices, commands through `step`, requests through the endpoint
table and the envelope, without signature, limits, journal or sockets.
What it may touch: everything of the package.
Always true: nothing is mocked: the same handlers, the same `step`.
Start reading: `Floor.ask`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
import numpy as np

from copydesk.api.desk import ApiKey, Desk, Permission
from copydesk.api.endpoint import Answers, Call, Endpoint
from copydesk.api.endpoints import ENDPOINTS
from copydesk.api.envelope import print_orders, print_refused, print_rows, refused_row
from copydesk.api.errors import Locale, Refusal
from copydesk.api.request import build, decode_body
from copydesk.data import load_instruments
from copydesk.engine.genesis import new_state
from copydesk.engine.invariants import check
from copydesk.engine.state import State
from copydesk.engine.step import step
from copydesk.model.inputs import CreateAccount, Input, MarketTick, Stamped
from copydesk.model.instruments import InstrumentTable
from copydesk.model.outputs import AccountCreated, Fact, Reply
from copydesk.model.rejects import Reject

T = TypeVar("T")
START_NS = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC
MS = 1_000_000
E8 = 100_000_000

_routes: dict[tuple[str, str], Endpoint[Any]] = {(e.method, e.path): e for e in ENDPOINTS}


@cache
def shipped() -> InstrumentTable:
    """The instruments that come with the package."""
    return load_instruments()


class Floor:
    """One State and everybody on it."""

    def __init__(self, table: InstrumentTable | None = None) -> None:
        self.table = shipped() if table is None else table
        self.state = new_state(self.table)
        self.now_ns = START_NS
        self.facts: list[Fact] = []
        self.inputs: list[Input] = []
        self.desk = Desk(
            table=self.table,
            submit=self._submit,
            read=self._read,
            now_ns=lambda: self.now_ns,
            find_key=lambda _key: None,
        )

    def do(self, body: Input, after_ms: int = 1) -> Reply:
        """Apply one input, `after_ms` later; the invariants hold after each."""
        self.now_ns += after_ms * MS
        output = step(self.state, Stamped(self.state.scalars.seq + 1, self.now_ns, body))
        self.facts.extend(output.facts)
        self.inputs.append(body)
        assert check(self.state) == []
        return output.reply

    def done(self, body: Input) -> None:
        """Apply one input that must be accepted."""
        reply = self.do(body)
        assert not isinstance(reply, Reject), reply

    def open_account(self, name: str, usdt: int = 10_000) -> int:
        """Open an account with a deposit and give its row."""
        reply = self.do(CreateAccount(name, usdt * E8))
        assert isinstance(reply, AccountCreated), reply
        return reply.account_row

    def tick(self, after_ms: int = 1, **prices: str) -> None:
        """Move prices: BTC_USDT_SWAP="100000.1"; last and mark alike, one lot traded."""
        insts = [self.table.instruments[self.row(n.replace("_", "-"))] for n in prices]
        texts = list(prices.values())
        ticks = [inst.tick.count(text) for inst, text in zip(insts, texts, strict=True)]
        assert None not in ticks, prices
        column = np.array(ticks, dtype="<i8").tobytes()
        self.do(
            MarketTick(
                market_ts_ms=(self.now_ns + after_ms * MS) // MS,
                inst_rows=np.array([inst.row for inst in insts], dtype="<i8").tobytes(),
                last_ticks=column,
                mark_ticks=column,
                volume_lots=np.ones(len(insts), dtype="<i8").tobytes(),
            ),
            after_ms,
        )

    def row(self, inst_id: str) -> int:
        """Row of an instrument."""
        return self.desk.rows[inst_id]

    def code(self, account_row: int) -> str:
        """The uniqueCode of an account."""
        return bytes(self.state.accounts.unique_code[account_row]).decode()

    def key(self, account_row: int) -> ApiKey:
        """Give a key of an account that may trade."""
        return ApiKey(
            api_key="key",
            account_row=account_row,
            uid=int(self.state.accounts.uid[account_row]),
            permission=Permission.TRADE,
            secret=b"",
            check_slow=lambda _text: True,
            label="test",
        )

    def ask(
        self,
        method: str,
        path: str,
        account_row: int = -1,
        given: dict[str, object] | None = None,
        locale: Locale = "en",
    ) -> dict[str, Any]:
        """Ask an endpoint as its caller would, and give the decoded envelope."""
        endpoint = _routes[method, path]
        request = build(endpoint.request, _as_received(method, given or {}))
        if isinstance(request, Reject):
            return _decoded(print_refused(request, locale).body)
        call = Call(
            desk=self.desk,
            request=request,
            account_row=account_row,
            key=None if account_row < 0 else self.key(account_row),
            ip="127.0.0.1",
            locale=locale,
            ts_ns=self.now_ns,
        )
        answer = asyncio.run(_awaited(endpoint.handler(call)))
        now_ms = self.now_ns // MS
        if isinstance(answer, Refusal | Reject):
            if endpoint.answers is Answers.ORDER_ROWS:
                row = refused_row(answer, request, locale, now_ms)
                return _decoded(print_orders((row,), 1, locale, (0, 0)).body)
            return _decoded(print_refused(answer, locale).body)
        if endpoint.answers is Answers.ORDER_ROWS:
            return _decoded(print_orders(answer, 0, locale, (0, 0)).body)
        return _decoded(print_rows(answer).body)

    def get(self, path: str, account_row: int = -1, **query: str) -> list[Any]:
        """GET below /api/v5 and give the data of a good answer."""
        answer = self.ask("GET", f"/api/v5/{path}", account_row, dict(query))
        assert answer["code"] == "0", answer
        return list(answer["data"])

    def post(self, path: str, account_row: int, **body: object) -> list[Any]:
        """POST below /api/v5 and give the data of a good answer."""
        answer = self.ask("POST", f"/api/v5/{path}", account_row, body)
        assert answer["code"] == "0", answer
        return list(answer["data"])

    def code_of(self, method: str, path: str, account_row: int, **given: object) -> str:
        """Ask below /api/v5 and give the code; of an order operation the row's."""
        answer = self.ask(method, f"/api/v5/{path}", account_row, given)
        if answer["code"] == "1":
            return str(answer["data"][0]["sCode"])
        return str(answer["code"])

    async def _submit(self, body: Input) -> Reply:
        return self.do(body)

    async def _read(self, view: Callable[[State], T]) -> T:
        return view(self.state)


def _as_received(method: str, given: dict[str, object]) -> dict[str, object]:
    """Send a body through JSON, as numbers and null are read there."""
    if method == "GET":
        return given
    body = decode_body(msgspec.json.encode(given), b"application/json")
    assert isinstance(body, dict)
    return body


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


def _decoded(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(body)
    return found
