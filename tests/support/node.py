"""An engine room in the test's own process: real journal, real engine thread, no doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import msgspec

from copydesk.engine.state import State
from copydesk.journal.disk import Disk, RealDisk
from copydesk.journal.log import Journal
from copydesk.journal.snapshots import Snapshot, write
from copydesk.model.inputs import Input
from copydesk.model.outputs import Reply
from copydesk.node.clock import Clock, FakeClock
from copydesk.node.genesis import shipped
from copydesk.node.metrics import Metrics
from copydesk.node.recovery import Report, recover
from copydesk.node.sequencer import Pace, Sequencer

PACE = Pace(batch_inputs=512, digest_inputs=10, snapshot_inputs=1_000_000)

genesis = cache(shipped)


class Room:
    """What a test needs of a running engine."""

    def __init__(self, sequencer: Sequencer, journal: Journal, report: Report) -> None:
        self.sequencer = sequencer
        self.journal = journal
        self.report = report

    async def submit(self, body: Input) -> Reply:
        return await self.sequencer.submit(body)

    async def cash_e8(self, account_row: int) -> int:
        return await self.sequencer.read(lambda state: cash_e8(state, account_row))


def cash_e8(state: State, account_row: int) -> int:
    return int(state.wallet(0).cash_e8[account_row])


@asynccontextmanager
async def running(
    folder: Path, *, clock: Clock | None = None, pace: Pace = PACE, disk: Disk | None = None
) -> AsyncIterator[Room]:
    """Recover, run, drain; the journal is closed without a word of good-bye."""
    disk = disk or RealDisk()
    recovered = recover(folder, disk, genesis())
    recovered.journal.mark(clean=False)

    def keep(snapshot: Snapshot) -> bool:
        write(folder, disk, snapshot)
        return True

    sequencer = Sequencer(
        recovered.state, recovered.journal, clock or FakeClock(), pace, keep, Metrics()
    )
    sequencer.start()
    try:
        yield Room(sequencer, recovered.journal, recovered.report)
    finally:
        await sequencer.stop()
        recovered.journal.close()


def pace(**changes: int) -> Pace:
    return msgspec.structs.replace(PACE, **changes)
