"""Snapshots beside a running engine: one at a time, and one that fails costs nothing."""

import threading
from collections.abc import Sequence
from pathlib import Path

from tests.support.faulty_disk import FaultyDisk, Fuse
from tests.support.node import genesis

from copydesk.journal import snapshots
from copydesk.journal.disk import Chunk, RealDisk
from copydesk.node.metrics import Metrics
from copydesk.node.snapshots import SnapshotKeeper, capture


class SlowDisk(RealDisk):
    """A disk that writes when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def write(self, path: Path, chunks: Sequence[Chunk]) -> None:
        assert self.let.wait(30)
        super().write(path, chunks)


def test_a_second_one_waits_for_the_next_occasion(tmp_path: Path) -> None:
    disk = SlowDisk()
    keeper = SnapshotKeeper(tmp_path, disk, Metrics())
    snapshot = capture(genesis().state(), genesis().header())
    assert keeper.keep(snapshot)
    assert not keeper.keep(snapshot)
    disk.let.set()
    assert keeper.keep_now(snapshot)
    assert keeper.keep(snapshot)
    keeper.close()
    assert len(snapshots.listed(tmp_path, disk)) == 1


def test_one_that_fails_is_told_and_the_older_one_stays(tmp_path: Path) -> None:
    good = SnapshotKeeper(tmp_path, RealDisk(), Metrics())
    snapshot = capture(genesis().state(), genesis().header())
    assert good.keep_now(snapshot)
    good.close()
    bad = SnapshotKeeper(tmp_path, FaultyDisk(Fuse(1)), Metrics())
    assert not bad.keep_now(snapshot)
    bad.close()
    found, passed_over = snapshots.newest(tmp_path, RealDisk(), genesis().header())
    assert found is not None
    assert passed_over == []
