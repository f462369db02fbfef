"""Cut the journal at every byte of its last batch: it is there whole or not at all.

The journal is made with small pages, so that the last transaction is some 2,000 bytes and not
20,000.
"""

import sqlite3
from pathlib import Path

import pytest

from copydesk.journal.disk import RealDisk
from copydesk.journal.log import NAME, Frame, Journal

DISK = RealDisk()
HEADER = {"rules_version": "1"}
WAL = NAME + "-wal"


class Crashed:
    """A journal as a crash leaves it: database and WAL, with the length of the WAL before the last
    batch."""

    def __init__(self, folder: Path) -> None:
        connection = sqlite3.connect(folder / NAME)
        connection.execute("PRAGMA page_size=512")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        journal = Journal.open(folder, DISK, HEADER)
        journal.append([frame(1), frame(2)])
        self.before = (folder / WAL).stat().st_size
        journal.append([frame(3), frame(4), frame(5)], [(2, "digest")])
        self.database = (folder / NAME).read_bytes()
        self.wal = (folder / WAL).read_bytes()
        journal.close()


def frame(seq: int) -> Frame:
    return Frame(seq, seq, b"%d" % seq * 60)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    return Crashed(tmp_path_factory.mktemp("crashed"))


def seqs_after(folder: Path, database: bytes, wal: bytes) -> list[int]:
    """Start on what a crash left, and go on writing."""
    (folder / NAME).write_bytes(database)
    (folder / WAL).write_bytes(wal)
    journal = Journal.open(folder, DISK, HEADER)
    found = list(journal.read())
    assert found == [frame(seq) for seq in range(1, len(found) + 1)]
    assert journal.digests() == ({2: "digest"} if len(found) == 5 else {})
    journal.append([frame(len(found) + 1)])
    assert [read.seq for read in journal.read()] == list(range(1, len(found) + 2))
    journal.close()
    for path in folder.iterdir():
        path.unlink()
    return [read.seq for read in found]


def test_a_batch_is_there_whole_or_not_at_all_wherever_the_journal_is_cut(
    crashed: Crashed, tmp_path: Path
) -> None:
    assert len(crashed.wal) - crashed.before > 1_000
    for length in range(crashed.before, len(crashed.wal)):
        assert seqs_after(tmp_path, crashed.database, crashed.wal[:length]) == [1, 2], length
    assert seqs_after(tmp_path, crashed.database, crashed.wal) == [1, 2, 3, 4, 5]


def test_a_flipped_byte_in_the_last_batch_takes_the_batch_and_no_other(
    crashed: Crashed, tmp_path: Path
) -> None:
    for place in range(crashed.before, len(crashed.wal), 7):
        wal = bytearray(crashed.wal)
        wal[place] ^= 0xFF
        assert seqs_after(tmp_path, crashed.database, bytes(wal)) == [1, 2], place


def test_bytes_behind_the_last_batch_are_ignored(crashed: Crashed, tmp_path: Path) -> None:
    for length in (1, 24, 536, 4096):
        wal = crashed.wal + b"\x5a" * length
        assert seqs_after(tmp_path, crashed.database, wal) == [1, 2, 3, 4, 5]
