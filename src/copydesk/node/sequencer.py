"""The loop: take a batch, make it durable, step, let the effects out.

What lives here: `Sequencer`, which owns State and runs in a thread of its own.
What it may touch: the journal, `step`, the clock (nothing else in the house asks it about inputs).
Always true: log, then effects, then reply. seq rises by one, ts_ns never falls, and what steps is
what the journal holds: an input is encoded and decoded again before it gets a seq.
Start reading: `Sequencer._handle`.

A step that raises is a bug of the rules. Its input is durable but was never acknowledged; State may
be half changed and is thrown away with the process. The loop ends, everyone who waits gets
`EngineStopped`, boot exits with a code that is not 0, and recovery will name the input (see
`recovery.py`).
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
import structlog

from copydesk.engine.digest import digest
from copydesk.engine.state import State
from copydesk.engine.step import step
from copydesk.journal.log import Frame, Journal
from copydesk.journal.snapshots import Snapshot
from copydesk.model.inputs import Input, Stamped
from copydesk.model.outputs import Output, Reply
from copydesk.model.rejects import Code, Reject
from copydesk.node.clock import Clock
from copydesk.node.inbox import Inbox, Waiting
from copydesk.node.metrics import Metrics
from copydesk.node.outbox import Outbox, Resolution
from copydesk.node.reads import Reads
from copydesk.node.snapshots import capture

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode
decode_input: Callable[[bytes], Input] = msgspec.msgpack.Decoder(Input).decode
_log = structlog.get_logger()


class EngineStopped(Exception):
    """The engine thread has ended; whether the input took effect is unknown until the next
    start."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How much until what."""

    batch_inputs: int
    digest_inputs: int
    snapshot_inputs: int
    release_after_ns: int = (
        2_000_000  # effects of a long batch leave in parts: nobody waits for all
    )


class Sequencer:
    """One State, one journal, one thread."""

    def __init__(
        self,
        state: State,
        journal: Journal,
        clock: Clock,
        pace: Pace,
        keep_snapshot: Callable[[Snapshot], bool],
        metrics: Metrics,
    ) -> None:
        self._state = state
        self._journal = journal
        self._clock = clock
        self._pace = pace
        self._keep_snapshot = keep_snapshot  # False: busy with the one before
        self._metrics = metrics
        self.inbox = Inbox()
        self.outbox = Outbox()
        self.reads = Reads(state, self.inbox.nudge)
        self.error: BaseException | None = None
        self._digests: list[tuple[int, str]] = []
        self._in_flight: list[Waiting] = []
        self._snapshot_due = journal.last_seq + pace.snapshot_inputs
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)
        metrics.watch_inbox(self.inbox.__len__)

    # On the event loop ------------------------------------------------------------------

    def start(self) -> None:
        """Start the engine thread; effects are released on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        self._thread.start()

    def submit(self, body: Input) -> asyncio.Future[Reply]:
        """Put an input into the inbox; the reply comes when it is durable. Rejects: 50013.

        Raises msgspec.ValidationError on an input that the journal could not read back: a bug of
        its maker.
        """
        encoded = _encode(body)
        item = Waiting(decode_input(encoded), encoded, self._loop.create_future())
        if not self.inbox.put(item):
            self._metrics.busy.inc()
            item.future.set_result(Reject(Code.SYSTEM_BUSY))
        return item.future

    async def read(self, view: Callable[[State], T]) -> T:
        """Run a pure function over State between two steps."""
        return await self.reads.read(view)

    async def stop(self) -> None:
        """Take no more inputs, handle those that wait, end the thread."""
        self.inbox.close()
        await self.ended.wait()

    # On the engine thread ---------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._run()
        finally:
            self._loop.call_soon_threadsafe(self._end, sys.exc_info()[1])

    def _run(self) -> None:
        while (batch := self.inbox.take(self._pace.batch_inputs)) is not None:
            if batch:
                self._in_flight = batch
                self._handle(batch)
                self._in_flight = []
            if self.reads.waiting:
                self._release(self.reads.serve(), [])
            if self._journal.last_seq >= self._snapshot_due:
                self._snapshot()
        if self._digests:
            self._journal.append((), self._digests)
            self._digests.clear()

    def _handle(self, batch: list[Waiting]) -> None:
        ts_ns = max(self._clock.now_ns(), self._journal.last_ts_ns)
        first = self._journal.last_seq + 1
        frames = [Frame(seq, ts_ns, item.encoded) for seq, item in enumerate(batch, first)]
        began_ns = time.perf_counter_ns()
        self._journal.append(frames, self._digests)
        # ---- Durable from here: whatever follows from this batch may now leave the process. ----
        self._digests.clear()
        durable_ns = time.perf_counter_ns()
        stepped_ns = self._step(frames, batch)
        self._metrics.timed((durable_ns - began_ns) / 1e9, (stepped_ns - durable_ns) / 1e9)
        last = frames[-1].seq
        if last // self._pace.digest_inputs != (first - 1) // self._pace.digest_inputs:
            self._digests.append((last, digest(self._state)))

    def _step(self, frames: list[Frame], batch: list[Waiting]) -> int:
        """Step every input of a durable batch; release at the end and whenever it has taken
        long."""
        resolutions: list[Resolution] = []
        outputs: list[Output] = []
        released_ns = time.perf_counter_ns()
        for frame, item in zip(frames, batch, strict=True):
            self.reads.stepping.acquire()
            output = step(self._state, Stamped(frame.seq, frame.ts_ns, item.body))
            if self.reads.waiting:
                resolutions += self.reads.serve()
            self.reads.stepping.release()  # not if the step raised: nobody may see half of it
            outputs.append(output)
            resolutions.append((item.future, output.reply, None))
            if (now_ns := time.perf_counter_ns()) - released_ns > self._pace.release_after_ns:
                self._release(resolutions, outputs)
                resolutions, outputs, released_ns = [], [], now_ns
        self._release(resolutions, outputs)
        return time.perf_counter_ns()

    def _release(self, resolutions: list[Resolution], outputs: list[Output]) -> None:
        if resolutions:
            self._metrics.released(outputs)
            self._loop.call_soon_threadsafe(self.outbox.release, resolutions, outputs)

    def _snapshot(self) -> None:
        self._snapshot_due = self._journal.last_seq + self._pace.snapshot_inputs
        snapshot = capture(self._state, self._journal.header)
        self._digests.append((snapshot.seq, snapshot.digest))
        if not self._keep_snapshot(snapshot):
            _log.warning(
                "snapshot_skipped", seq=snapshot.seq, why="the one before is being written"
            )

    # On the event loop again --------------------------------------------------------------

    def _end(self, error: BaseException | None) -> None:
        """Tell everyone who still waits that no answer will come."""
        self.error = error
        self.inbox.close()
        left: list[Waiting] = list(self._in_flight)
        while more := self.inbox.take(self._pace.batch_inputs):
            left += more
        stopped = EngineStopped("the engine has stopped")
        resolutions: list[Resolution] = [(item.future, None, stopped) for item in left]
        resolutions += self.reads.abandon(stopped)
        self.outbox.release(resolutions, [])
        self.ended.set()

    @property
    def seq(self) -> int:
        """The last durable input."""
        return self._journal.last_seq
