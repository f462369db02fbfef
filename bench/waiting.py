"""What others wait for while a lead's order is copied to 100,000: a running engine thread.

What lives here: orders of uninvolved accounts, sent on a fixed schedule through the sequencer.
Always true: an order's time counts from when it was due, not from when it was sent, so a stalled
loop is not forgiven; each answer is durable.
Start reading: `run`.
"""

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count

import msgspec
import uvloop

from bench.rivals.engine import Desk
from bench.tables import Spread, digits
from bench.workload import E8, LEAD_LOTS, PX_TICKS
from copydesk.model.enums import Side
from copydesk.model.outputs import Reply
from copydesk.model.rejects import Reject
from copydesk.node.boot import SWITCH_INTERVAL_S
from copydesk.node.clock import RealClock
from copydesk.node.metrics import Metrics
from copydesk.node.sequencer import Pace, Sequencer

EVERY_S = 0.001  # one order of the others each millisecond
FAN_OUT_EVERY_S = 0.1
PHASE_S = 5.0
OTHERS = 16
TICK_AFTER = 20  # orders of the others between two ticks of the market


class Order(msgspec.Struct, frozen=True):
    """One order of the others: when it was due, and how long until its durable answer."""

    due_s: float
    took_ms: float


class Waits(msgspec.Struct, frozen=True):
    """Waiting times of others: alone, beside fan-outs, and of those due while one ran."""

    alone: Spread
    beside: Spread
    during: Spread
    fan_out: Spread

    def lines(self, size: int) -> list[tuple[str, str]]:
        """Tell them as lines of the table of costs."""
        named = {
            "orders of others, nothing else running": self.alone,
            f"  with a fan-out to {size:,} every {FAN_OUT_EVERY_S * 1000:.0f} ms": self.beside,
            "  only those due while a fan-out was under way": self.during,
            "  the fan-out's own order meanwhile, opening and closing": self.fan_out,
        }
        return [
            (what, f"{spread.cell()} ms, p99 {digits(spread.p99_ms)}")
            for what, spread in named.items()
        ]


def run(desk: Desk, lead: int, say: Callable[[str], None]) -> Waits:
    """Measure with a running sequencer over the desk's State and journal."""
    others = desk.create(OTHERS, 1_000 * E8)
    say("orders of others through the sequencer, with and without fan-outs")
    gc.collect()
    gc.freeze()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # loop and interval are those of `node.boot`
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_measure(desk, lead, list(range(others, others + OTHERS))))
    finally:
        sys.setswitchinterval(usual)
        gc.unfreeze()


async def _measure(desk: Desk, lead: int, others: list[int]) -> Waits:
    never = Pace(batch_inputs=512, digest_inputs=10**9, snapshot_inputs=10**9)
    journal = desk.journal
    node = Sequencer(desk.state, journal, RealClock(), never, lambda _: True, Metrics())
    node.start()
    alone = await _orders(desk, node, others)
    stop = threading.Event()
    fan_outs = asyncio.create_task(_fan_outs(desk, node, lead, stop))
    beside = await _orders(desk, node, others)
    stop.set()
    spans = await fan_outs
    await node.stop()
    during = [order.took_ms for order in beside if any(a <= order.due_s <= b for a, b in spans)]
    return Waits(
        Spread.of([order.took_ms for order in alone]),
        Spread.of([order.took_ms for order in beside]),
        Spread.of(during),
        Spread.of([(b - a) * 1000 for a, b in spans]),
    )


def _note(made: list[Order], due: float, answer: "asyncio.Future[Reply]") -> None:
    assert not isinstance(answer.result(), Reject), answer.result()
    made.append(Order(due, (time.perf_counter() - due) * 1000))


async def _orders(desk: Desk, node: Sequencer, others: list[int]) -> list[Order]:
    """Send one small market order each millisecond for a phase; wait for all answers.

    A thread keeps the schedule: timers of an event loop are no finer than a millisecond.
    """
    loop = asyncio.get_running_loop()
    made: list[Order] = []
    waiting: list[asyncio.Future[Reply]] = []

    def send(number: int, due: float) -> None:
        if number % TICK_AFTER == 0:  # the provider quotes anew
            waiting.append(node.submit(desk.tick(PX_TICKS + number // TICK_AFTER % 2)))
        account = others[number % len(others)]
        side = Side.BUY if (number // len(others)) % 2 == 0 else Side.SELL
        answer = node.submit(desk.order(account, side, 1))
        answer.add_done_callback(partial(_note, made, due))
        waiting.append(answer)

    def keep_time() -> None:
        pause = threading.Event()
        begin = time.perf_counter() + 0.05
        for number in range(round(PHASE_S / EVERY_S)):
            due = begin + number * EVERY_S
            if (ahead := due - time.perf_counter()) > 0:
                pause.wait(ahead)
            loop.call_soon_threadsafe(send, number, due)

    await asyncio.to_thread(keep_time)
    await asyncio.sleep(0)  # the last one may still be on its way to this loop
    await asyncio.gather(*waiting)
    return made


async def _fan_outs(
    desk: Desk, node: Sequencer, lead: int, stop: threading.Event
) -> list[tuple[float, float]]:
    """Let the lead open and close in turn; give when each was sent and answered."""
    spans: list[tuple[float, float]] = []
    for number in count():
        if stop.is_set() and number % 2 == 0:
            return spans
        side = Side.SELL if number % 2 else Side.BUY
        begin = time.perf_counter()
        reply = await node.submit(desk.order(lead, side, LEAD_LOTS))
        assert not isinstance(reply, Reject), reply
        spans.append((begin, time.perf_counter()))
        await asyncio.sleep(max(0.0, FAN_OUT_EVERY_S - (spans[-1][1] - begin)))
    raise AssertionError("count() does not end")
