"""What can be wrong with a data directory, in words a person can act on.

What lives here: the typed errors of the journal room.
What it may touch: nothing.
Always true: each message says what was found, where, and what it means; none of them is caught to
go on writing.
Start reading: `JournalError`.
"""

from pathlib import Path


class JournalError(Exception):
    """Something about the data directory stops us. The message is meant for a person."""


class DataDirectoryInUse(JournalError):
    """Another process writes to this data directory."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"data directory {folder} is in use by {who}")
        self.folder = folder
        self.pid = pid


class HeaderMismatch(JournalError):
    """The journal was begun under other circumstances than those of the program that opens it."""

    def __init__(self, path: Path, key: str, stored: str | None, wanted: str) -> None:
        super().__init__(
            f"journal {path} was written with {key} = {stored}, this program has {wanted}: "
            "the same inputs would not give the same state"
        )
        self.key = key


class JournalCorrupted(JournalError):
    """The journal holds what was never written: a gap, a falling time, a damaged row."""


class JournalUnavailable(JournalError):
    """The disk refused. What is on disk is unknown until the journal is opened again."""


class SnapshotCorrupted(JournalError):
    """A snapshot file does not match its own checksum or cannot be read."""
