"""The log: what is appended is read back, in order; what does not fit is refused."""

import sqlite3
from pathlib import Path

import pytest

from copydesk.journal.disk import RealDisk
from copydesk.journal.errors import HeaderMismatch, JournalCorrupted, JournalError
from copydesk.journal.log import NAME, Frame, Journal

DISK = RealDisk()
HEADER = {"rules_version": "1", "instruments_sha256": "abc"}


def frames(first: int, count: int) -> list[Frame]:
    return [Frame(seq, 1_000 + seq, b"body %d" % seq) for seq in range(first, first + count)]


def opened(folder: Path) -> Journal:
    return Journal.open(folder, DISK, HEADER)


def edit(folder: Path, sql: str) -> None:
    connection = sqlite3.connect(folder / NAME)
    with connection:
        connection.execute(sql)
    connection.close()


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(frames(1, 3))
    journal.append(frames(4, 2), [(3, "d3")])
    journal.close()
    again = opened(tmp_path)
    assert (again.last_seq, again.last_ts_ns) == (5, 1_005)
    assert list(again.read()) == frames(1, 5)
    assert list(again.read(4)) == frames(4, 2)
    assert again.digests() == {3: "d3"}
    again.close()


def test_an_empty_journal_reads_as_nothing(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.last_seq == 0
    assert list(journal.read()) == []
    assert journal.clean
    journal.close()


def test_it_is_durable_before_append_returns(tmp_path: Path) -> None:
    """FULL means an fsync per commit; the page cache of a killed process is not enough."""
    journal = opened(tmp_path)
    mode = journal._connection.execute("PRAGMA journal_mode").fetchone()[0]
    level = journal._connection.execute("PRAGMA synchronous").fetchone()[0]
    assert (mode, level) == ("wal", 2)
    journal.close()


@pytest.mark.parametrize(
    "batch",
    [frames(2, 1), frames(1, 1) + frames(3, 1), frames(1, 1) + frames(1, 1)],
    ids=["gap-before", "gap-inside", "twice"],
)
def test_a_batch_with_a_gap_is_refused_whole(tmp_path: Path, batch: list[Frame]) -> None:
    journal = opened(tmp_path)
    with pytest.raises(ValueError, match="does not follow"):
        journal.append(batch)
    assert list(journal.read()) == []
    journal.close()


def test_time_never_falls(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([Frame(1, 50, b"a")])
    with pytest.raises(ValueError, match="does not follow"):
        journal.append([Frame(2, 49, b"b")])
    journal.append([Frame(2, 50, b"b")])
    journal.close()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM inputs WHERE seq = 2",
        "UPDATE inputs SET body = x'00' WHERE seq = 2",
        "UPDATE inputs SET ts_ns = ts_ns + 1 WHERE seq = 2",
        "UPDATE inputs SET seq = 9 WHERE seq = 3",
        "DELETE FROM inputs WHERE seq = 1",
    ],
)
def test_gaps_and_damaged_rows_are_refused(tmp_path: Path, sql: str) -> None:
    journal = opened(tmp_path)
    journal.append(frames(1, 3))
    journal.close()
    edit(tmp_path, sql)
    again = opened(tmp_path)
    with pytest.raises(JournalCorrupted, match=r"input \d is (missing|damaged)"):
        list(again.read())
    again.close()


def test_a_journal_of_other_rules_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(HeaderMismatch, match="rules_version = 1, this program has 2"):
        Journal.open(tmp_path, DISK, {**HEADER, "rules_version": "2"})


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"this is not a database" * 100)
    with pytest.raises(JournalCorrupted, match="not a database"):
        opened(tmp_path)


def test_a_reader_beside_the_writer_sees_whole_batches_and_writes_nothing(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    writer.append(frames(1, 2))
    reader = Journal.open_read_only(tmp_path, DISK, HEADER)
    writer.append(frames(3, 2))
    assert list(reader.read()) == frames(1, 2)
    with pytest.raises(JournalError, match="readonly"):
        reader.append(frames(3, 1))
    reader.close()
    writer.close()


def test_reading_only_needs_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        Journal.open_read_only(tmp_path, DISK, HEADER)


def test_good_bye_is_remembered(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.mark(clean=False)
    journal.close()
    journal = opened(tmp_path)
    assert not journal.clean
    journal.mark(clean=True)
    journal.close()
    journal = opened(tmp_path)
    assert journal.clean
    assert journal.check_pages() == []
    journal.close()


def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for first in range(1, 2_000, 100):
        journal.append(frames(first, 100))
    journal.close()
    path = tmp_path / NAME
    content = bytearray(path.read_bytes())
    content[-4_096 * 3 : -4_096 * 2] = b"\xff" * 4_096
    path.write_bytes(content)
    again = opened(tmp_path)
    assert again.check_pages() != []
    with pytest.raises(JournalCorrupted):
        list(again.read())
    again.close()


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(frames(1, 1))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    journal.close()
