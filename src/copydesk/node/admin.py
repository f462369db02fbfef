"""The admin door: a UNIX socket in the data directory, for whoever may write there.

What lives here: the requests as types, what each of them does, the server.
What it may touch: the sequencer, the key store, views; one socket with mode 0600.
Always true: one JSON object per line in, one per line out, in order; it speaks in uids and decimal
text, as people do.
Start reading: `Request`, then `AdminDoor._answer`.

{"op": "account create", "name": "lead", "deposit": "100000"} {"ok": true, "result": {"uid":
"40000000000000002", "unique_code": "…"}}
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from copydesk.api.errors import render
from copydesk.engine.state import FIRST_USER, State
from copydesk.model.amounts import format_scaled, parse_scaled
from copydesk.model.ids import UID_BASE
from copydesk.model.inputs import CreateAccount, Deposit, Input, SetLiquidity
from copydesk.model.limits import MAX_BALANCE_E8, MAX_NAME
from copydesk.model.outputs import AccountCreated, Reply
from copydesk.model.rejects import Reject
from copydesk.node.admin_client import reachable
from copydesk.node.config import ADMIN_SOCKET, ConfigError, parse_liquidity
from copydesk.node.credentials import CredentialError, KeyStore, KeyWish
from copydesk.node.sequencer import EngineStopped
from copydesk.node.why import UnknownName, Why, why

MAX_LINE = 1 << 16
_USDT = 0


class AdminRefused(Exception):
    """The request cannot be done. The message is meant for a person."""


_REFUSALS = (
    AdminRefused,
    ConfigError,
    CredentialError,
    EngineStopped,
    msgspec.DecodeError,
    UnicodeDecodeError,
    UnknownName,
)


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op"):
    pass


class AccountCreate(_Request, frozen=True, tag="account create"):
    """Open an account with a deposit in USDT."""

    name: str
    deposit: str = "0"


class AccountList(_Request, frozen=True, tag="account list"):
    """All accounts of people, oldest first."""


class AccountDeposit(_Request, frozen=True, tag="account deposit"):
    """Move money in, or out (negative)."""

    account: str
    amount: str
    ccy: str = "USDT"


class KeyCreate(_Request, frozen=True, tag="key create"):
    """Make an API key; secret and passphrase are answered this once."""

    account: str
    label: str = ""
    read_only: bool = False
    ips: tuple[str, ...] = ()
    passphrase: str = ""
    demo: bool = False


class KeyList(_Request, frozen=True, tag="key list"):
    """All keys of an account, without their secrets."""

    account: str


class KeyFreeze(_Request, frozen=True, tag="key freeze"):
    """Stop a key from working, or let it work again."""

    api_key: str
    frozen: bool = True


class KeyDelete(_Request, frozen=True, tag="key delete"):
    """Forget a key for good."""

    api_key: str


class Liquidity(_Request, frozen=True, tag="liquidity"):
    """Configure the built-in liquidity provider (HALF_SPREAD_PPM:BEST_LEVEL_VALUE:LEVELS); ""
    all."""

    spec: str
    inst_id: str = ""


class Health(_Request, frozen=True, tag="health"):
    """How the node is, and where its doors are."""


class TakeSnapshot(_Request, frozen=True, tag="snapshot"):
    """Write a snapshot now."""


Request = (
    AccountCreate
    | AccountList
    | AccountDeposit
    | KeyCreate
    | KeyList
    | KeyFreeze
    | KeyDelete
    | Liquidity
    | Why
    | Health
    | TakeSnapshot
)


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A running node as the admin door sees it."""

    submit: Callable[[Input], Awaitable[Reply]]
    read: Callable[[Callable[[State], Any]], Awaitable[Any]]
    keys: KeyStore
    now_ns: Callable[[], int]
    health: Callable[[], Awaitable[dict[str, Any]]]
    snapshot: Callable[[], Awaitable[dict[str, Any]]]


class AdminDoor:
    """Answers requests, one connection at a time or many."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._decode = msgspec.json.Decoder(Request).decode
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._handlers: dict[type[Any], Callable[[Any], Awaitable[Any]]] = {
            AccountCreate: self._account_create,
            AccountList: self._account_list,
            AccountDeposit: self._account_deposit,
            KeyCreate: self._key_create,
            KeyList: self._key_list,
            KeyFreeze: self._key_freeze,
            KeyDelete: self._key_delete,
            Liquidity: self._liquidity,
            Why: self._why,
            Health: self._health,
            TakeSnapshot: self._snapshot,
        }

    async def open(self, folder: Path) -> None:
        """Listen on the socket in `folder`, in place of one that a crash left there."""
        (folder / ADMIN_SOCKET).unlink(missing_ok=True)
        with reachable(folder) as address:
            previous = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(
                    self._connected, address, limit=MAX_LINE
                )
            finally:
                os.umask(previous)

    async def close(self, folder: Path) -> None:
        """Stop listening and drop who is still connected."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        (folder / ADMIN_SOCKET).unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self.answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass  # gone, a line without end, or the node stops: nothing is left to answer
        finally:
            self._connections.discard(task)
            writer.close()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """Answer one request."""
        try:
            request = self._decode(line)
            result = await self._handlers[type(request)](request)
        except _REFUSALS as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, "result": result}

    async def _account_create(self, request: AccountCreate) -> dict[str, str]:
        name = request.name.strip()
        if not name or len(name.encode()) > MAX_NAME:
            raise AdminRefused(f"a name has 1 to {MAX_NAME} bytes")
        amount = _amount(request.deposit)
        if amount < 0:
            raise AdminRefused("the first deposit must not be negative")
        reply = _accepted(await self._node.submit(CreateAccount(name, amount)))
        assert isinstance(reply, AccountCreated)
        return {"uid": str(reply.uid), "unique_code": reply.unique_code, "name": name}

    async def _account_list(self, _request: AccountList) -> list[dict[str, str]]:
        found: list[dict[str, str]] = await self._node.read(_accounts)
        for account in found:
            account["keys"] = str(len(self._node.keys.of_account(_row(account["uid"]))))
        return found

    async def _account_deposit(self, request: AccountDeposit) -> dict[str, str]:
        row = await self._account(request.account)
        amount = _amount(request.amount)
        ccy_row = await self._node.read(lambda state: state.index.ccy_rows.get(request.ccy))
        if ccy_row is None:
            raise AdminRefused(f"unknown currency {request.ccy}")
        _accepted(await self._node.submit(Deposit(row, ccy_row, amount)))
        cash = await self._node.read(lambda state: int(state.wallet(ccy_row).cash_e8[row]))
        return {"uid": request.account, "ccy": request.ccy, "balance": format_scaled(cash, 8)}

    async def _key_create(self, request: KeyCreate) -> Any:
        wish = KeyWish(
            account_row=await self._account(request.account),
            label=request.label,
            read_only=request.read_only,
            ips=request.ips,
            passphrase=request.passphrase,
            demo=request.demo,
        )
        return self._node.keys.create(wish, self._node.now_ns())

    async def _key_list(self, request: KeyList) -> list[dict[str, Any]]:
        row = await self._account(request.account)
        return [
            {
                "api_key": key.api_key,
                "label": key.label,
                "permissions": key.perm,
                "ip": key.ip,
                "frozen": key.frozen,
                "demo": key.demo,
                "last_used_ms": str(key.last_used_ns // 1_000_000),
            }
            for key in self._node.keys.of_account(row)
        ]

    async def _key_freeze(self, request: KeyFreeze) -> dict[str, Any]:
        self._node.keys.freeze(request.api_key, request.frozen)
        return {"api_key": request.api_key, "frozen": request.frozen}

    async def _key_delete(self, request: KeyDelete) -> dict[str, str]:
        self._node.keys.delete(request.api_key)
        return {"api_key": request.api_key}

    async def _liquidity(self, request: Liquidity) -> dict[str, str]:
        spread, value, levels = parse_liquidity(request.spec)
        row = -1
        if request.inst_id:
            rows = await self._node.read(lambda state: state.index.inst_rows)
            row = rows.get(request.inst_id, -1)
            if row < 0:
                raise AdminRefused(f"unknown instrument {request.inst_id}")
        _accepted(await self._node.submit(SetLiquidity(row, spread, value, levels)))
        return {"inst_id": request.inst_id, "spec": request.spec}

    async def _why(self, request: Why) -> Any:
        return await self._node.read(lambda state: why(state, request))

    async def _health(self, _request: Health) -> dict[str, Any]:
        return await self._node.health()

    async def _snapshot(self, _request: TakeSnapshot) -> dict[str, Any]:
        return await self._node.snapshot()

    async def _account(self, uid: str) -> int:
        row = _row(uid)
        if not FIRST_USER <= row < await self._node.read(lambda state: state.accounts.count):
            raise AdminRefused(f"no account {uid}")
        return row


def _row(uid: str) -> int:
    """Row of a uid; -1 if it is none."""
    return int(uid) - UID_BASE if uid.isascii() and uid.isdigit() else -1


def _amount(text: str) -> int:
    amount = parse_scaled(text, 8)
    if amount is None or abs(amount) > MAX_BALANCE_E8:
        raise AdminRefused(f"{text!r} is not an amount")
    return amount


def _accepted(reply: Reply) -> Reply:
    if isinstance(reply, Reject):
        raise AdminRefused(f"refused with {int(reply.code)}: {render(reply, 'en').msg}")
    return reply


def _accounts(state: State) -> list[dict[str, str]]:
    accounts, cash = state.accounts, state.wallet(_USDT).cash_e8
    return [
        {
            "uid": str(int(accounts.uid[row])),
            "name": bytes(accounts.name[row]).decode(),
            "unique_code": bytes(accounts.unique_code[row]).decode(),
            "usdt": format_scaled(int(cash[row]), 8),
        }
        for row in range(FIRST_USER, accounts.count)
    ]
