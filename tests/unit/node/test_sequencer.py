"""The loop: log, then effects, then reply; whole steps for readers; loud when a step fails."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import msgspec
import pytest
from tests.support.faulty_disk import FaultyDisk, Fuse
from tests.support.node import Room, genesis, pace, running

from copydesk.engine.state import State
from copydesk.journal.disk import RealDisk
from copydesk.journal.errors import JournalUnavailable
from copydesk.journal.log import NAME, Frame, Journal
from copydesk.model.inputs import CreateAccount, Deposit
from copydesk.model.outputs import AccountCreated, Done, Output
from copydesk.model.rejects import Code, Reject
from copydesk.node.clock import FakeClock
from copydesk.node.sequencer import EngineStopped

LEAD = CreateAccount("lead", 100)
NOBODY = Deposit(9_999_999, 0, 1)  # no door lets it through: the step has no such row


def journalled(folder: Path) -> list[Frame]:
    journal = Journal.open_read_only(folder, RealDisk(), genesis().header())
    frames = list(journal.read())
    journal.close()
    return frames


def test_a_reply_comes_when_its_input_is_durable(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as room:
            reply = await room.submit(LEAD)
            assert isinstance(reply, AccountCreated)
            assert [frame.seq for frame in journalled(tmp_path)] == [1]
            assert await room.submit(Deposit(reply.account_row, 0, 5)) == Done()
            assert await room.cash_e8(reply.account_row) == 105

    asyncio.run(run())


def test_a_crowd_shares_fsyncs_and_keeps_its_order(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, pace=pace(batch_inputs=64)) as room:
            reply = await room.submit(LEAD)
            assert isinstance(reply, AccountCreated)
            row = reply.account_row
            heard: list[int] = []
            room.sequencer.outbox.subscribe(lambda outputs: heard.extend(o.seq for o in outputs))
            replies = await asyncio.gather(*(room.submit(Deposit(row, 0, 1)) for _ in range(500)))
            assert replies == [Done()] * 500
            assert heard == list(range(2, 502))
            assert await room.cash_e8(row) == 600
        batches = {frame.ts_ns for frame in journalled(tmp_path)}
        assert batches == {FakeClock().ts_ns}

    asyncio.run(run())


def test_time_never_falls_though_the_clock_does(tmp_path: Path) -> None:
    async def run() -> None:
        clock = FakeClock()
        async with running(tmp_path, clock=clock) as room:
            await room.submit(LEAD)
            clock.turn(-3_600)
            await room.submit(LEAD)
            clock.turn(7_200)
            await room.submit(LEAD)

    asyncio.run(run())
    stamps = [frame.ts_ns for frame in journalled(tmp_path)]
    assert stamps[0] == stamps[1] < stamps[2]


def test_a_full_inbox_says_busy_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as room:
            gate = threading.Event()
            blocked = hold_the_engine(room, gate)
            await blocked
            replies = [room.sequencer.submit(LEAD) for _ in range(5_000)]
            busy = [future for future in replies if future.done()]
            assert len(busy) == 5_000 - 4_096
            assert all(future.result() == Reject(Code.SYSTEM_BUSY) for future in busy)
            gate.set()
            await asyncio.gather(*replies)

    asyncio.run(run())


def hold_the_engine(room: Room, gate: threading.Event) -> asyncio.Future[None]:
    """Let the engine thread sit in a view until the gate opens; done when it sits there."""
    loop = asyncio.get_running_loop()
    sitting: asyncio.Future[None] = loop.create_future()

    def sit(_state: State) -> None:
        loop.call_soon_threadsafe(sitting.set_result, None)
        assert gate.wait(30)

    room.sequencer.reads.stepping.acquire()  # as if a step ran: the view goes to the engine thread
    task = asyncio.ensure_future(room.sequencer.read(sit))
    sitting.add_done_callback(lambda _: room.sequencer.reads.stepping.release())
    sitting.add_done_callback(lambda _: task)
    return sitting


def test_readers_see_whole_steps_while_the_engine_works(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as room:
            reply = await room.submit(LEAD)
            assert isinstance(reply, AccountCreated)
            row = reply.account_row

            def look(state: State) -> tuple[int, int]:
                wallet = state.wallet(0)
                return int(wallet.cash_e8[row]), int(wallet.deposits_e8[row])

            async def read() -> None:
                for _ in range(200):
                    cash, deposits = await room.sequencer.read(look)
                    assert cash == deposits
                    await asyncio.sleep(0)

            async def write() -> None:
                for _ in range(20):
                    await asyncio.gather(*(room.submit(Deposit(row, 0, 1)) for _ in range(100)))

            await asyncio.gather(write(), *(read() for _ in range(10)))
            assert await room.cash_e8(row) == 2_100

    asyncio.run(run())


def test_a_view_that_fails_tells_its_reader_and_nobody_else(tmp_path: Path) -> None:
    def fail(_state: State) -> None:
        raise LookupError("a bug of this view")

    async def run() -> None:
        async with running(tmp_path) as room:
            with pytest.raises(LookupError, match="a bug of this view"):
                await room.sequencer.read(fail)
            room.sequencer.reads.stepping.acquire()
            queued = asyncio.ensure_future(room.sequencer.read(fail))
            with pytest.raises(LookupError, match="a bug of this view"):
                await queued
            room.sequencer.reads.stepping.release()
            assert isinstance(await room.submit(LEAD), AccountCreated)

    asyncio.run(run())


def test_an_input_that_the_journal_could_not_give_back_gets_no_seq(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as room:
            with pytest.raises(msgspec.ValidationError):
                room.sequencer.submit(Deposit("2", 0, 1))  # type: ignore[arg-type]
            assert room.sequencer.seq == 0

    asyncio.run(run())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_step_that_raises_stops_everything(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as room:
            await room.submit(LEAD)
            futures = [room.sequencer.submit(body) for body in (LEAD, NOBODY, LEAD)]
            results = await asyncio.gather(*futures, return_exceptions=True)
            assert isinstance(results[1], EngineStopped)
            assert isinstance(results[2], EngineStopped)
            assert room.sequencer.error is not None
            with pytest.raises(EngineStopped):
                await room.sequencer.read(lambda state: state.scalars.seq)
            assert await room.submit(LEAD) == Reject(Code.SYSTEM_BUSY)

    asyncio.run(run())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nothing_leaves_that_is_not_durable(tmp_path: Path) -> None:
    """Let the disk fail at every call of the engine thread in turn: no reply without its input on
    disk."""
    for fails_at in range(1, 400):
        folder = tmp_path / str(fails_at)
        folder.mkdir()
        fuse = Fuse(fails_at)
        heard: list[Output] = []
        try:
            replies = asyncio.run(work(folder, fuse, heard))
        except (JournalUnavailable, OSError):
            continue  # the start itself failed
        acknowledged = sum(isinstance(reply, AccountCreated) for reply in replies)
        frames = journalled(folder)
        assert len(frames) >= acknowledged
        assert len(heard) <= len(frames)
        if not fuse.blown:
            assert acknowledged == 6
            return
    pytest.fail("no run passed untouched")


async def work(folder: Path, fuse: Fuse, heard: list[Output]) -> list[object]:
    replies: list[object] = []
    async with running(folder, disk=FaultyDisk(fuse), pace=pace(digest_inputs=2)) as room:
        room.sequencer.outbox.subscribe(heard.extend)
        for _ in range(3):
            pair = [room.sequencer.submit(LEAD) for _ in range(2)]
            replies += await asyncio.gather(*pair, return_exceptions=True)
    return replies


def test_effects_of_a_long_batch_leave_in_parts(tmp_path: Path) -> None:
    async def run() -> None:
        parts: list[int] = []
        async with running(tmp_path, pace=pace(release_after_ns=0)) as room:
            room.sequencer.outbox.subscribe(lambda outputs: parts.append(len(outputs)))
            gate = threading.Event()
            await hold_the_engine(room, gate)
            futures = [room.sequencer.submit(LEAD) for _ in range(50)]
            gate.set()
            replies = await asyncio.gather(*futures)
            assert [
                reply.account_row for reply in replies if isinstance(reply, AccountCreated)
            ] == (list(range(2, 52)))
        assert parts == [1] * 50

    asyncio.run(run())


def test_digests_are_recorded_as_it_goes(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as room:
            for _ in range(35):
                await room.submit(LEAD)

    asyncio.run(run())
    connection = sqlite3.connect(tmp_path / NAME)
    seqs = [row[0] for row in connection.execute("SELECT seq FROM digests ORDER BY seq")]
    connection.close()
    assert seqs == [10, 20, 30]
