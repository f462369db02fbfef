"""The log: one row per input in the order of `seq`, and the digests of State beside them.

What lives here: `Journal` over one SQLite database in WAL mode with synchronous=FULL.
What it may touch: `Disk`. A body is bytes here.
Always true: `append` is one transaction and one fsync; seq rises by one from 1; ts_ns never falls;
every row carries a checksum; nothing is ever updated or deleted.
Start reading: `Journal.append`, `Journal.read`.

Why SQLite and not a file of our own: a torn tail, checkpoints, readers beside the writer and a
shell that every operator has are solved there, for 0.04 ms over a bare fdatasync.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from copydesk.journal.disk import Disk
from copydesk.journal.errors import (
    HeaderMismatch,
    JournalCorrupted,
    JournalError,
    JournalUnavailable,
)

NAME = "journal.sqlite"
FORMAT = "1"

_TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS inputs (seq INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL,"
    " check_sum INTEGER NOT NULL, body BLOB NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS digests (seq INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT",
)
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",  # the only call that reaches the platter on macOS; ignored elsewhere
    "PRAGMA checkpoint_fullfsync=ON",
    "PRAGMA busy_timeout=5000",
)


class Frame(NamedTuple):
    """One input as bytes, with its place and its time."""

    seq: int
    ts_ns: int
    body: bytes


def check_sum(frame: Frame) -> int:
    """CRC-32 over place, time and body: a row cannot rot, or move, in silence."""
    place = frame.seq.to_bytes(8, "little") + frame.ts_ns.to_bytes(8, "little", signed=True)
    return zlib.crc32(frame.body, zlib.crc32(place))


class Journal:
    """The log of one data directory. One thread at a time uses it."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, header: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self.path = path
        self.header = dict(header)
        row = connection.execute(
            "SELECT seq, ts_ns FROM inputs ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        self.last_seq: int = row[0] if row else 0
        self.last_ts_ns: int = row[1] if row else 0

    @classmethod
    def open(cls, folder: Path, disk: Disk, header: Mapping[str, str]) -> "Journal":
        """Open for writing, made if missing. The caller holds the `DirectoryLock`.

        Raises HeaderMismatch if the journal was begun with another header, JournalCorrupted if it
        is damaged.
        """
        path = folder / NAME
        with _in_words(path), ExitStack() as undo:
            connection = disk.connect(path)
            undo.callback(connection.close)
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                connection.execute(table)
            fresh = connection.execute("SELECT count(*) FROM meta").fetchone()[0] == 0
            if fresh:
                rows = {"format": FORMAT, "clean": "yes", **header}
                connection.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())
            connection.execute("COMMIT")
            journal = cls._checked(connection, path, header)
            undo.pop_all()
            return journal

    @classmethod
    def open_read_only(cls, folder: Path, disk: Disk, header: Mapping[str, str]) -> "Journal":
        """Open beside a running writer or on a stopped directory; later appends are not seen."""
        path = folder / NAME
        if not path.exists():
            raise JournalError(f"no journal in {folder}")
        with _in_words(path), ExitStack() as undo:
            connection = disk.connect(path, read_only=True)
            undo.callback(connection.close)
            journal = cls._checked(connection, path, header)
            undo.pop_all()
            return journal

    @classmethod
    def _checked(
        cls, connection: sqlite3.Connection, path: Path, header: Mapping[str, str]
    ) -> "Journal":
        stored = dict(connection.execute("SELECT key, value FROM meta"))
        for key, wanted in {"format": FORMAT, **header}.items():
            if stored.get(key) != wanted:
                raise HeaderMismatch(path, key, stored.get(key), wanted)
        return cls(connection, path, header)

    def append(self, frames: Sequence[Frame], digests: Sequence[tuple[int, str]] = ()) -> None:
        """Make frames, and digests of earlier states, durable: one transaction, one fsync.

        Raises JournalUnavailable when the disk refuses. The process must then stop: after a failed
        fsync nobody knows what is on disk, so only opening it again can tell.
        """
        expected, ts_ns = self.last_seq, self.last_ts_ns
        rows = []
        for frame in frames:
            expected += 1
            if frame.seq != expected or frame.ts_ns < ts_ns:
                raise ValueError(
                    f"frame {frame.seq} at {frame.ts_ns} does not follow {expected - 1}"
                )
            ts_ns = frame.ts_ns
            rows.append((frame.seq, ts_ns, check_sum(frame), frame.body))
        execute = self._connection.execute
        with _in_words(self.path):
            execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO inputs VALUES (?, ?, ?, ?)", rows)
            if digests:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO digests VALUES (?, ?)", digests
                )
            execute("COMMIT")
        self.last_seq, self.last_ts_ns = expected, ts_ns

    def read(self, from_seq: int = 1) -> Iterator[Frame]:
        """Yield the frames from `from_seq` to `last_seq`.

        Raises JournalCorrupted at a gap or a damaged row.
        """
        expected, ts_ns = from_seq, 0
        with _in_words(self.path):
            cursor = self._connection.execute(
                "SELECT seq, ts_ns, body, check_sum FROM inputs"
                " WHERE seq BETWEEN ? AND ? ORDER BY seq",
                (from_seq, self.last_seq),
            )
            for seq, row_ts_ns, body, row_sum in cursor:
                frame = Frame(seq, row_ts_ns, body)
                if seq != expected:
                    raise JournalCorrupted(f"journal {self.path}: input {expected} is missing")
                if row_sum != check_sum(frame) or row_ts_ns < ts_ns:
                    raise JournalCorrupted(f"journal {self.path}: input {seq} is damaged")
                expected, ts_ns = seq + 1, row_ts_ns
                yield frame

    def digests(self) -> dict[int, str]:
        """All recorded digests of State by seq."""
        query = "SELECT seq, digest FROM digests WHERE seq <= ?"
        with _in_words(self.path):
            return dict(self._connection.execute(query, (self.last_seq,)))

    @property
    def clean(self) -> bool:
        """Whether the last writer said good-bye."""
        query = "SELECT value FROM meta WHERE key = 'clean'"
        with _in_words(self.path):
            row = self._connection.execute(query).fetchone()
        return row is not None and row[0] == "yes"

    def mark(self, clean: bool) -> None:
        """Record that a writer begins (False) or ended in good order (True)."""
        with _in_words(self.path):
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('clean', ?)", ("yes" if clean else "no",)
            )

    def check_pages(self) -> list[str]:
        """Let SQLite read and check all its pages; what is wrong in its words."""
        try:
            rows = self._connection.execute("PRAGMA integrity_check").fetchall()
        except sqlite3.Error as error:
            return [str(error)]
        return [row[0] for row in rows if row[0] != "ok"]

    def close(self) -> None:
        """Close the database; SQLite folds the WAL in when it was the last."""
        self._connection.close()


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite says into errors of this room."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalUnavailable(f"journal {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise JournalCorrupted(f"journal {path}: {error}") from error
