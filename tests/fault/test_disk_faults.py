"""Fail the 1st, 2nd … n-th disk call until a run passes untouched: nothing acknowledged is ever
lost."""

import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from tests.support.faulty_disk import FaultyDisk, Fuse

from copydesk.journal import snapshots
from copydesk.journal.disk import RealDisk
from copydesk.journal.errors import JournalError, JournalUnavailable
from copydesk.journal.log import NAME, Frame, Journal
from copydesk.journal.snapshots import Snapshot

HEADER = {"rules_version": "1"}
BATCHES = [[1, 2], [3], [4, 5, 6]]


def frame(seq: int) -> Frame:
    return Frame(seq, seq, b"%d" % seq * 40)


def snapshot(seq: int) -> Snapshot:
    return Snapshot(seq, seq, f"{seq}", HEADER, {"column": np.arange(seq, dtype=np.int64)})


def run(folder: Path, disk: RealDisk, acknowledged: list[int]) -> None:
    """Work as a node does: open, append, acknowledge, take snapshots, say good-bye."""
    with closing(Journal.open(folder, disk, HEADER)) as journal:
        journal.mark(clean=False)
        for batch in BATCHES:
            journal.append([frame(seq) for seq in batch], [(batch[0], "digest")])
            acknowledged += batch
            snapshots.write(folder, disk, snapshot(batch[-1]))
        journal.mark(clean=True)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whatever_call_fails_what_was_acknowledged_is_there(tmp_path: Path, after: bool) -> None:
    for fails_at in count(1):
        folder = tmp_path / str(fails_at)
        folder.mkdir()
        fuse = Fuse(fails_at, after)
        acknowledged: list[int] = []
        if passes(folder, FaultyDisk(fuse), acknowledged):
            assert not fuse.blown
            assert fails_at > 30, "the run made fewer disk calls than it must"
            return
        check(folder, acknowledged)


def passes(folder: Path, disk: RealDisk, acknowledged: list[int]) -> bool:
    try:
        run(folder, disk, acknowledged)
    except (JournalError, OSError):
        return False
    return True


def check(folder: Path, acknowledged: list[int]) -> None:
    """Open what is left with a good disk: whole batches, all that were acknowledged, good
    snapshots."""
    journal = Journal.open(folder, RealDisk(), HEADER)
    found = [read.seq for read in journal.read()]
    assert found[: len(acknowledged)] == acknowledged
    whole = [[], [1, 2], [1, 2, 3], [1, 2, 3, 4, 5, 6]]
    assert found in whole
    newest, passed_over = snapshots.newest(folder, RealDisk(), HEADER)
    assert passed_over == []
    assert newest is None or newest.seq in (2, 3, 6)
    journal.append([frame(len(found) + 1)])
    journal.close()


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Let the kernel refuse to write beyond `limit` bytes of a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_stops_the_writer_and_loses_nothing(tmp_path: Path) -> None:
    """The kernel itself refuses here, in the middle of SQLite's own writes."""
    for limit in range(0, 200_000, 1_500):
        folder = tmp_path / str(limit)
        folder.mkdir()
        journal = Journal.open(folder, RealDisk(), HEADER)
        journal.append([frame(1)])
        size = (folder / (NAME + "-wal")).stat().st_size
        batch = [Frame(seq, seq, b"x" * 3_000) for seq in range(2, 20)]
        with full_disk(size + limit):
            try:
                journal.append(batch)
            except JournalUnavailable:
                appended = False
            else:
                appended = True
        journal.close()
        again = Journal.open(folder, RealDisk(), HEADER)
        assert [read.seq for read in again.read()] == list(range(1, 20 if appended else 2))
        again.close()
        if appended:
            assert limit > 40_000
            return
    pytest.fail("the batch never fitted")
