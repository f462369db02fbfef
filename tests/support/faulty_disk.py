"""A disk that fails at the n-th call: the fake at the Disk seam."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from copydesk.journal.disk import Chunk, RealDisk


class Fuse:
    """Counts calls and blows at one of them, before or after the call took effect."""

    def __init__(self, fails_at: int, after: bool = False) -> None:
        self.calls = 0
        self.fails_at = fails_at
        self.after = after

    @property
    def blown(self) -> bool:
        return self.calls >= self.fails_at

    def count(self, after: bool) -> bool:
        """Count a call once, and tell whether it fails at this moment."""
        if not after:
            self.calls += 1
        return self.calls == self.fails_at and after == self.after


class FaultyConnection(sqlite3.Connection):
    """A SQLite connection whose calls go through a fuse."""

    fuse: Fuse

    def _check(self, after: bool) -> None:
        if self.fuse.count(after):
            raise sqlite3.OperationalError("disk I/O error")

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self._check(after=False)
        cursor = super().execute(sql, parameters)
        self._check(after=True)
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        self._check(after=False)
        cursor = super().executemany(sql, parameters)
        self._check(after=True)
        return cursor


class FaultyDisk(RealDisk):
    """The disk of this machine, until the fuse blows."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def connect(self, path: Path, read_only: bool = False) -> sqlite3.Connection:
        if self._fuse.count(after=False):
            raise sqlite3.OperationalError("unable to open database file")
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            factory=FaultyConnection,
        )
        connection.fuse = self._fuse
        if self._fuse.count(after=True):
            connection.close()
            raise sqlite3.OperationalError("unable to open database file")
        return connection

    def write(self, path: Path, chunks: Sequence[Chunk]) -> None:
        """Write; when it fails, half of the content may stand there."""
        if self._fuse.count(after=False):
            super().write(path, chunks[: len(chunks) // 2])
            raise OSError(5, "Input/output error")
        super().write(path, chunks)
        self._raise(after=True)

    def read(self, path: Path) -> bytes:
        with self:
            return super().read(path)

    def replace(self, source: Path, target: Path) -> None:
        with self:
            super().replace(source, target)

    def remove(self, path: Path) -> None:
        with self:
            super().remove(path)

    def names(self, folder: Path) -> list[str]:
        with self:
            return super().names(folder)

    def _raise(self, after: bool) -> None:
        if self._fuse.count(after):
            raise OSError(5, "Input/output error")

    def __enter__(self) -> Self:
        self._raise(after=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._raise(after=True)
