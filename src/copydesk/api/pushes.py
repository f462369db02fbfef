"""What goes out to subscribers: facts of durable steps, gathered, read, printed once, sent to many.

What lives here: `Pushes`, the listener to a node's outputs; `Subscription`.
What it may touch: `desk`, `views`, `wire`, asyncio.
Always true: nothing is pushed that is not durable; hearing a batch costs little however many
accounts it touched, because only those who listen are looked at; rows are read between two steps.
Start reading: `Pushes.hear`, then `Pushes._flush`.

Orders go out at once, one push per change. Positions and balances are gathered for
`GATHER_S`, tickers for `Settings.ws_ticker_seconds`; a reader that is told less often misses
nothing but what was overtaken.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import structlog

from copydesk.api.channels import ANY, Topic
from copydesk.api.desk import Desk
from copydesk.api.wire import push
from copydesk.api.wire.account import balance_row
from copydesk.api.wire.market import ticker_row
from copydesk.engine.state import State
from copydesk.model.enums import FillCause
from copydesk.model.outputs import (
    I64,
    AccountsTouched,
    BookChanged,
    CopiesFilled,
    FundingCharged,
    LeadTradeNotLed,
    MarketMoved,
    OrderUpdated,
    Output,
)
from copydesk.views.accounts import balances_of
from copydesk.views.copies import CopyRef
from copydesk.views.markets import ticker_of
from copydesk.views.orders import copy_close_order, copy_open_order
from copydesk.views.positions import PositionView, position_view, positions_of

GATHER_S: Final = 0.05
LOOK_S: Final = 0.5  # how often it is looked who is due for a regular push
READ_AT_ONCE: Final = 64  # subscriptions per read: the engine waits for no more than that

_log = structlog.get_logger("api")
_JSON = msgspec.json.Encoder()
_SNAPSHOT: Final = b'"eventType":"snapshot","curPage":1,"lastPage":true,"data":'
_UPDATE: Final = b'"eventType":"event_update","data":'
_DATA: Final = b'"data":'


class Sink(Protocol):
    """Where the pushes of a connection go."""

    def send(self, payload: bytes) -> None:
        """Send one text frame, or cut the connection off if it reads too slowly."""


class Subscription(msgspec.Struct, eq=False):
    """One topic of one connection. `head`: the arg of its pushes, printed once.

    `shown`: what was last told of each position (by row), to tell what changed.
    """

    topic: Topic
    head: bytes
    sink: Sink
    due_ns: int = 0
    shown: dict[int, tuple[int, ...]] = msgspec.field(default_factory=dict)

    def send(self, middle: bytes, data: bytes) -> None:
        """Send one push."""
        self.sink.send(b"".join((self.head, middle, data, b"}")))


Group = dict[Subscription, None]  # a set in order of arrival


class _CopyFills(msgspec.Struct):
    """Copy fills of accounts that listen: rows of one CopiesFilled."""

    fact: CopiesFilled
    places: list[int]


class Pushes:
    """Who listens to what, and what they still have to be told."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tickers: dict[int, Group] = {}
        self._accounts: dict[tuple[str, int], Group] = {}
        self._listening = np.zeros(0, dtype=np.bool_)
        self._moved: dict[int, None] = {}
        self._touched: dict[int, None] = {}
        self._copy_fills: deque[_CopyFills] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: set[str] = set()
        self._on: dict[type, Callable[[Any], None]] = {
            OrderUpdated: self._on_order,
            CopiesFilled: self._on_copies_filled,
            LeadTradeNotLed: self._on_not_led,
            AccountsTouched: self._on_touched,
            FundingCharged: self._on_touched,
            MarketMoved: self._on_market,
            BookChanged: self._on_book,
        }
        self._unsubscribe = desk.subscribe(self.hear)
        self._spawn(self._push_regularly())

    async def close(self) -> None:
        """Stop listening and forget what was not sent."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Subscriptions ---------------------------------------------------------------------------

    def add(self, subscription: Subscription) -> None:
        """Begin to push; channels with a snapshot send it now, those without wait for news."""
        topic = subscription.topic
        self._group(topic)[subscription] = None
        if topic.account_row != ANY:
            self._hear_account(topic.account_row)
        if topic.regular_seconds or topic.channel.name in ("tickers", "positions", "account"):
            self._spawn(self._push_snapshots([subscription]))

    def remove(self, subscription: Subscription) -> None:
        """Push nothing more of it."""
        topic = subscription.topic
        group = self._group(topic)
        group.pop(subscription, None)
        if group:
            return
        if topic.account_row == ANY:
            del self._tickers[topic.inst_row]
            return
        del self._accounts[topic.channel.name, topic.account_row]
        if not any(row == topic.account_row for _, row in self._accounts):
            self._listening[topic.account_row] = False

    def _group(self, topic: Topic) -> Group:
        if topic.account_row == ANY:
            return self._tickers.setdefault(topic.inst_row, {})
        return self._accounts.setdefault((topic.channel.name, topic.account_row), {})

    def _hear_account(self, account_row: int) -> None:
        if account_row >= len(self._listening):
            grown = np.zeros(max(64, 2 * account_row), dtype=np.bool_)
            grown[: len(self._listening)] = self._listening
            self._listening = grown
        self._listening[account_row] = True

    # Hearing ---------------------------------------------------------------------------------

    def hear(self, outputs: list[Output]) -> None:
        """Take in the outputs of a batch."""
        for output in outputs:
            for fact in output.facts:
                listener = self._on.get(type(fact))
                if listener is not None:
                    listener(fact)

    def _on_order(self, fact: OrderUpdated) -> None:
        group = self._accounts.get(("orders", fact.account_row))
        if group:
            row = push.order_push(self._desk.table.instruments[fact.inst_row], fact)
            self._send_row(group, fact.inst_row, row)

    def _on_not_led(self, fact: LeadTradeNotLed) -> None:
        group = self._accounts.get(("copytrading-lead-notification", fact.account_row))
        if group:
            row = push.lead_notification(self._desk.table.instruments[fact.inst_row], fact)
            self._send_row(group, fact.inst_row, row)

    def _send_row(self, group: Group, inst_row: int, row: msgspec.Struct) -> None:
        data = _JSON.encode((row,))
        for subscription in tuple(group):
            if subscription.topic.wants(self._desk, inst_row):
                subscription.send(_DATA, data)

    def _on_copies_filled(self, fact: CopiesFilled) -> None:
        places = self._heard(fact.account_rows)
        if places:
            self._copy_fills.append(_CopyFills(fact, places))
            self._soon("copies", 0.0, self._flush_copy_fills)

    def _on_touched(self, fact: AccountsTouched | FundingCharged) -> None:
        for place in self._heard(fact.account_rows):
            self._touched[int(fact.account_rows[place])] = None
        if self._touched:
            self._soon("accounts", GATHER_S, self._flush_accounts)

    def _on_market(self, fact: MarketMoved) -> None:
        if self._tickers:
            self._move(fact.inst_rows.tolist())

    def _on_book(self, fact: BookChanged) -> None:
        if self._tickers:
            self._move((fact.inst_row,))

    def _move(self, inst_rows: Iterable[int]) -> None:
        for row in inst_rows:
            if row in self._tickers:
                self._moved[row] = None
        if self._moved:
            self._soon("tickers", self._desk.settings.ws_ticker_seconds, self._flush_tickers)

    def _heard(self, account_rows: I64) -> list[int]:
        """Find the places of accounts that listen; one look-up per row, no search."""
        known = len(self._listening)
        if not known:
            return []
        inside = account_rows < known
        heard = self._listening[np.where(inside, account_rows, 0)] & inside
        places: list[int] = np.flatnonzero(heard).tolist()
        return places

    # Telling ---------------------------------------------------------------------------------

    def _soon(self, what: str, after_s: float, flush: Callable[[], Any]) -> None:
        """Call `flush` once after a while, however often it is asked for until then."""
        if what not in self._pending:
            self._pending.add(what)
            self._spawn(self._after(what, after_s, flush))

    async def _after(self, what: str, after_s: float, flush: Callable[[], Any]) -> None:
        await asyncio.sleep(after_s)
        self._pending.discard(what)
        await flush()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("push_failed", exc_info=task.exception())

    async def _flush_tickers(self) -> None:
        rows, self._moved = tuple(self._moved), {}

        def view(state: State) -> list[tuple[int, msgspec.Struct]]:
            return [(row, ticker_row(ticker_of(state, row))) for row in rows]

        for row, ticker in await self._desk.read(view):
            data = _JSON.encode((ticker,))
            for subscription in tuple(self._tickers.get(row, ())):
                subscription.send(_DATA, data)

    async def _flush_copy_fills(self) -> None:
        fills, self._copy_fills = self._copy_fills, deque()

        def view(state: State) -> list[tuple[int, int, push.OrderPush]]:
            return [
                (
                    int(fill.fact.account_rows[place]),
                    fill.fact.inst_row,
                    _copy_row(state, fill.fact, place),
                )
                for fill in fills
                for place in fill.places
            ]

        for account_row, inst_row, row in await self._desk.read(view):
            group = self._accounts.get(("orders", account_row))
            if group:
                self._send_row(group, inst_row, row)

    async def _flush_accounts(self) -> None:
        touched, self._touched = tuple(self._touched), {}
        listeners = [
            subscription
            for account_row in touched
            for name in ("positions", "account")
            for subscription in self._accounts.get((name, account_row), ())
        ]
        for chunk in _chunks(listeners):
            for subscription, data in await self._desk.read(partial(self._updates, chunk)):
                if data is not None:
                    subscription.send(_UPDATE, data)

    async def _push_regularly(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            now_ns = self._desk.now_ns()
            due = [
                subscription
                for group in self._accounts.values()
                for subscription in group
                if subscription.topic.regular_seconds and subscription.due_ns <= now_ns
            ]
            if due:
                self._spawn(self._push_snapshots(due))

    async def _push_snapshots(self, subscriptions: list[Subscription]) -> None:
        now_ns = self._desk.now_ns()
        for subscription in subscriptions:
            subscription.due_ns = now_ns + int(subscription.topic.regular_seconds * 1e9)
        for chunk in _chunks(subscriptions):
            for subscription, data in await self._desk.read(partial(self._wholes, chunk)):
                private = subscription.topic.account_row != ANY
                subscription.send(_SNAPSHOT if private else _DATA, data)

    # Rows ------------------------------------------------------------------------------------

    def _wholes(
        self, subscriptions: list[Subscription], state: State
    ) -> list[tuple[Subscription, bytes]]:
        return [(subscription, self._whole(state, subscription)) for subscription in subscriptions]

    def _updates(
        self, subscriptions: list[Subscription], state: State
    ) -> list[tuple[Subscription, bytes | None]]:
        return [(subscription, self._update(state, subscription)) for subscription in subscriptions]

    def _whole(self, state: State, subscription: Subscription) -> bytes:
        """Print all that a subscription shows."""
        topic = subscription.topic
        if topic.channel.name == "tickers":
            return _JSON.encode((ticker_row(ticker_of(state, topic.inst_row)),))
        if topic.channel.name == "account":
            return self._account(state, topic)
        views = self._positions(state, subscription)
        subscription.shown = {view.row: _shown(view) for view in views}
        return self._print(views)

    def _update(self, state: State, subscription: Subscription) -> bytes | None:
        """Print what changed; of positions those that did, a closed one once with size 0."""
        if subscription.topic.channel.name == "account":
            return self._account(state, subscription.topic)
        views = self._positions(state, subscription)
        held = {view.row for view in views}
        views += [position_view(state, row) for row in subscription.shown if row not in held]
        changed = [view for view in views if subscription.shown.get(view.row) != _shown(view)]
        subscription.shown = {view.row: _shown(view) for view in views if view.qty_lots}
        return self._print(changed) if changed else None

    def _positions(self, state: State, subscription: Subscription) -> list[PositionView]:
        topic = subscription.topic
        views = positions_of(state, topic.account_row)
        return [view for view in views if topic.wants(self._desk, view.inst.row)]

    def _print(self, views: list[PositionView]) -> bytes:
        now_ms = self._desk.now_ms
        return _JSON.encode([push.position_push(view, now_ms) for view in views])

    def _account(self, state: State, topic: Topic) -> bytes:
        views = balances_of(state, topic.account_row)
        if topic.ccy:
            wanted = topic.ccy.split(",")
            views = [view for view in views if view.ccy in wanted]
        return _JSON.encode((balance_row(views, self._desk.now_ms),))


def _copy_row(state: State, fact: CopiesFilled, place: int) -> push.OrderPush:
    ref = CopyRef(int(fact.copy_rows[place]), fact.lead_position_row)
    opened = fact.cause is FillCause.COPY_OPEN
    view = copy_open_order(state, ref) if opened else copy_close_order(state, ref)
    part = push.FillPart(
        fee_e8=int(fact.fee_e8[place]),
        pnl_e8=int(fact.pnl_e8[place]),
        lots=int(fact.lots[place]),
        value_e8=int(fact.value_e8[place]),
    )
    return push.copy_push(view, part)


def _shown(view: PositionView) -> tuple[int, ...]:
    return (view.qty_lots, view.cost_e8, view.margin_e8, view.lever, view.updated_ms)


def _chunks(subscriptions: list[Subscription]) -> Iterable[list[Subscription]]:
    for start in range(0, len(subscriptions), READ_AT_ONCE):
        yield subscriptions[start : start + READ_AT_ONCE]
