"""A node from start to stop: read it to see everything joined.

What lives here: `serve`: lock, recover, engine thread, doors, feed, and back again in the opposite
order.
What it may touch: everything but `sim` and `cli`.
Always true: nothing is open before State is where the journal ends; when the engine stops by
itself, so does the process.
Start reading: `serve`, then `Running.run`.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import structlog
import uvloop

from copydesk.api.app import build_app
from copydesk.api.desk import Desk, Settings
from copydesk.api.ws import WsDoor
from copydesk.engine.state import State
from copydesk.feeds import Feed, open_feed
from copydesk.journal.disk import Disk, RealDisk
from copydesk.journal.lock import DirectoryLock
from copydesk.model.inputs import SetLiquidity
from copydesk.model.instruments import InstrumentTable
from copydesk.model.rejects import Code, Reject
from copydesk.node import doors, logs
from copydesk.node.admin import AdminDoor, Node
from copydesk.node.clock import Clock, RealClock
from copydesk.node.config import NodeSettings, parse_liquidity
from copydesk.node.credentials import KeyStore
from copydesk.node.genesis import shipped
from copydesk.node.memory import keep_freed_memory
from copydesk.node.metrics import Metrics
from copydesk.node.recovery import Recovered, recover
from copydesk.node.sequencer import Pace, Sequencer
from copydesk.node.snapshots import SnapshotKeeper, capture

EXIT_OK = 0
EXIT_FAILED = 70  # EX_SOFTWARE
SWITCH_INTERVAL_S = 0.0005  # of the interpreter: the door gets its turn while the engine computes
HOUSEKEEPING_S = 60.0

_log = structlog.get_logger()


def serve(settings: NodeSettings, announce: Callable[[dict[str, Any]], None]) -> int:
    """Run a node until it is told to stop; the exit code. `announce` is told where the doors are.

    Raises ConfigError, JournalError, FeedError, CredentialError for what a person can mend.
    """
    logs.set_up(settings.log_format, settings.log_level)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    keep_freed_memory()
    with DirectoryLock(settings.data):
        disk, genesis = RealDisk(), shipped()
        feed = open_node_feed(settings, genesis.table, RealClock())
        recovered = recover(settings.data, disk, genesis)
        _log.info("recovered", **msgspec.structs.asdict(recovered.report))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(Running(settings, recovered, disk, feed).run(announce))


def open_node_feed(settings: NodeSettings, table: InstrumentTable, clock: Clock) -> Feed | None:
    """Open the feed of the settings; None for "none". Raises FeedError."""
    if settings.feed == "none":
        return None
    return open_feed(
        settings.feed,
        table,
        seed=settings.seed,
        speed=settings.speed,
        clock_ms=lambda: clock.now_ns() // 1_000_000,
    )


class Running:
    """A recovered node at work."""

    def __init__(
        self, settings: NodeSettings, recovered: Recovered, disk: Disk, feed: Feed | None
    ) -> None:
        self._settings = settings
        self._recovered = recovered
        self._state: State = recovered.state
        self._feed = feed
        self._clock = RealClock()
        self._metrics = Metrics()
        self._snapshots = SnapshotKeeper(settings.data, disk, self._metrics)
        self._keys = KeyStore(settings.data, disk)
        self._sequencer = Sequencer(
            recovered.state,
            recovered.journal,
            self._clock,
            Pace(
                batch_inputs=settings.batch_inputs,
                digest_inputs=settings.digest_inputs,
                snapshot_inputs=settings.snapshot_inputs,
            ),
            self._snapshots.keep,
            self._metrics,
        )
        self._api = self._desk()
        self._http = doors.HttpDoor(build_app(self._api), settings.host, settings.port)
        self._ws_listening = doors.listen(settings.host, settings.ws_port)
        self._addresses = {
            "http": self._http.address,
            "ws": f"ws://{doors.place(self._ws_listening)}",
        }
        self._began = time.monotonic()
        self._ready = False

    async def run(self, announce: Callable[[dict[str, Any]], None]) -> int:
        """Open the doors, work until a signal or a failure, close them."""
        stop = self._listen_to_signals()
        self._recovered.journal.mark(clean=False)
        self._sequencer.start()
        if self._recovered.report.seq == 0 and self._settings.liquidity:
            await self._sequencer.submit(
                SetLiquidity(-1, *parse_liquidity(self._settings.liquidity))
            )
        await self._http.open()
        web_socket = WsDoor(self._api)
        await web_socket.open(self._ws_listening)
        admin = AdminDoor(self._node())
        await admin.open(self._settings.data)
        work = [asyncio.create_task(self._keep_house())]
        if self._feed is not None:
            work.append(asyncio.create_task(self._pump(self._feed)))
        self._ready = True
        announce({**self._addresses, "data": str(self._settings.data), "pid": os.getpid()})
        failed = await self._wait(stop, work)
        self._ready = False
        await admin.close(self._settings.data)
        await asyncio.gather(self._http.close(), web_socket.close())
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        return await self._close(failed)

    async def _wait(self, stop: asyncio.Event, work: list[asyncio.Task[None]]) -> bool:
        """Wait for a signal (False), or for the engine or the feed to fail (True)."""
        signalled = asyncio.create_task(stop.wait())
        ended = asyncio.create_task(self._sequencer.ended.wait())
        waiting: set[asyncio.Task[Any]] = {signalled, ended, *work}
        while True:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            errors = [error for task in done if (error := task.exception()) is not None]
            for error in errors:
                _log.critical("task_failed", exc_info=error)
            if errors or signalled in done or ended in done:
                signalled.cancel()
                ended.cancel()
                return bool(errors) or self._sequencer.error is not None

    async def _close(self, failed: bool) -> int:
        """Drain the engine, leave a snapshot and the word that all went well."""
        await self._sequencer.stop()
        self._keys.close()
        journal = self._recovered.journal
        if self._sequencer.error is not None:
            _log.critical(
                "engine_failed", seq=self._state.scalars.seq, exc_info=self._sequencer.error
            )
            self._snapshots.close()
            return EXIT_FAILED
        if journal.last_seq > self._recovered.report.seq:
            snapshot = capture(self._state, journal.header)
            await asyncio.to_thread(self._snapshots.keep_now, snapshot)
        self._snapshots.close()
        journal.mark(clean=True)
        journal.close()
        _log.info("stopped", seq=self._state.scalars.seq)
        return EXIT_FAILED if failed else EXIT_OK

    def _listen_to_signals(self) -> asyncio.Event:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return stop

    def _desk(self) -> Desk:
        """Show the node to the API."""
        table = self._state.table
        return Desk(
            table=table,
            submit=self._sequencer.submit,
            read=self._sequencer.read,
            now_ns=self._clock.now_ns,
            find_key=self._keys.find,
            leads=partial(leads, self._state),
            ready=lambda: self._ready,
            subscribe=self._sequencer.outbox.subscribe,
            metrics=self._metrics.text,
            settings=Settings(rate_limits=self._settings.rate_limits),
        )

    def _node(self) -> Node:
        """Show the node to the admin door."""
        return Node(
            submit=self._sequencer.submit,
            read=self._sequencer.read,
            keys=self._keys,
            now_ns=self._clock.now_ns,
            health=self._health,
            snapshot=self._snapshot,
        )

    async def _health(self) -> dict[str, Any]:
        return {
            **self._addresses,
            "ready": self._ready,
            "pid": os.getpid(),
            "seq": self._sequencer.seq,
            "inbox": len(self._sequencer.inbox),
            "uptime_seconds": round(time.monotonic() - self._began, 3),
            "feed": self._feed.name if self._feed else "none",
            "recovered": self._recovered.report,
        }

    async def _snapshot(self) -> dict[str, Any]:
        header = self._recovered.journal.header
        snapshot = await self._sequencer.read(lambda state: capture(state, header))
        written = await asyncio.to_thread(self._snapshots.keep_now, snapshot)
        return {"seq": snapshot.seq, "digest": snapshot.digest, "written": written}

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._keys.flush()

    async def _pump(self, feed: Feed) -> None:
        """Make inputs of the feed's ticks, one after the other."""
        markets = self._state.markets
        rows = [row for row in feed.inst_rows if markets.last_ticks[row]]
        if rows:
            known = {row: int(markets.last_ticks[row]) for row in rows}
            feed.resume(max(int(markets.market_ts_ms[row]) for row in rows), known)
        warned = False
        async for tick in feed.ticks():
            reply = await self._sequencer.submit(tick)
            if not warned and isinstance(reply, Reject) and reply.code is not Code.SYSTEM_BUSY:
                warned = True  # a full inbox is no matter: the next tick is newer
                _log.warning("tick_refused", feed=feed.name, market_ts_ms=tick.market_ts_ms)
        _log.info("feed_ended", feed=feed.name)


def leads(state: State, account_row: int, inst_row: int) -> bool:
    """Tell whether an account leads an instrument. Called beside a running step: may lag it."""
    index = state.index
    inst_type = int(state.instruments[inst_row].inst_type)
    lead_row = index.lead_by_account.get((account_row, inst_type))
    if lead_row is None:
        return False
    switch = index.switch_by_pair.get((lead_row, inst_row))
    return switch is not None and bool(state.lead_switches.enabled[switch])
