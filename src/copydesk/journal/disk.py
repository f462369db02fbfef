"""The disk, as far as the journal needs it: one of the three seams of the house.

What lives here: the `Disk` protocol and `RealDisk`.
What it may touch: files, SQLite.
Always true: after `write` and `replace` return, a power cut loses neither the content nor the name.
Start reading: `Disk`.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

Chunk = bytes | memoryview


class Disk(Protocol):
    """What can fail. Tests put a disk here that fails at the n-th call."""

    def connect(self, path: Path, read_only: bool = False) -> sqlite3.Connection:
        """Open a SQLite database in autocommit mode; made if missing unless `read_only`."""
        ...

    def write(self, path: Path, chunks: Sequence[Chunk]) -> None:
        """Write a whole new file and fsync it."""
        ...

    def read(self, path: Path) -> bytes:
        """Read a whole file."""
        ...

    def replace(self, source: Path, target: Path) -> None:
        """Rename, and fsync the directory."""
        ...

    def remove(self, path: Path) -> None:
        """Delete a file if it is there."""
        ...

    def names(self, folder: Path) -> list[str]:
        """List the names in a folder, sorted."""
        ...


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class RealDisk:
    """The disk of this machine."""

    def connect(self, path: Path, read_only: bool = False) -> sqlite3.Connection:
        """Open a SQLite database; the connection may move between threads, one at a time."""
        mode = "ro" if read_only else "rwc"
        fresh = not read_only and not path.exists()
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        if fresh:
            path.chmod(0o600)
            sync_folder(path.parent)
        return connection

    def write(self, path: Path, chunks: Sequence[Chunk]) -> None:
        """Write a whole new file, readable by its owner only, and fsync it."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(descriptor)

    def read(self, path: Path) -> bytes:
        """Read a whole file."""
        return path.read_bytes()

    def replace(self, source: Path, target: Path) -> None:
        """Rename, and fsync the directory."""
        source.replace(target)
        sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Delete a file if it is there."""
        path.unlink(missing_ok=True)

    def names(self, folder: Path) -> list[str]:
        """List the names in a folder, sorted."""
        return sorted(entry.name for entry in folder.iterdir())
