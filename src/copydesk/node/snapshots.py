"""Snapshots of State while the engine runs: copied between two batches, written by another thread.

What lives here: `capture`, `SnapshotKeeper`.
What it may touch: `engine.snapshot`, `journal.snapshots`, one thread.
Always true: the engine waits for the copy of the columns only, never for the disk; one snapshot is
written at a time; one that cannot be written is logged and costs nothing but a longer replay.
Start reading: `SnapshotKeeper.keep`.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import structlog

from copydesk.engine.digest import digest
from copydesk.engine.snapshot import dump
from copydesk.engine.state import State
from copydesk.journal import snapshots
from copydesk.journal.disk import Disk
from copydesk.journal.snapshots import Snapshot
from copydesk.node.metrics import Metrics

_log = structlog.get_logger()


def capture(state: State, header: dict[str, str]) -> Snapshot:
    """Copy all columns. Where no step can run: on the engine thread, or inside a read."""
    scalars = state.scalars
    return Snapshot(scalars.seq, scalars.ts_ns, digest(state), header, dump(state))


class SnapshotKeeper:
    """Writes snapshots into the data directory, one at a time."""

    def __init__(self, folder: Path, disk: Disk, metrics: Metrics) -> None:
        self._folder = folder
        self._disk = disk
        self._metrics = metrics
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._running: Future[bool] | None = None

    def keep(self, snapshot: Snapshot) -> bool:
        """Begin to write; False if the one before is still being written."""
        if self._running is not None and not self._running.done():
            return False
        self._running = self._writer.submit(self._write, snapshot)
        return True

    def keep_now(self, snapshot: Snapshot) -> bool:
        """Write and wait, after the one before; whether it is on disk. Not on the event loop."""
        return self._writer.submit(self._write, snapshot).result()

    def _write(self, snapshot: Snapshot) -> bool:
        try:
            path = snapshots.write(self._folder, self._disk, snapshot)
        except OSError as error:
            _log.error("snapshot_failed", seq=snapshot.seq, error=str(error))
            return False
        self._metrics.snapshots.inc()
        _log.info("snapshot_written", seq=snapshot.seq, file=path.name)
        return True

    def close(self) -> None:
        """Wait for the one that is being written."""
        self._writer.shutdown(wait=True)
