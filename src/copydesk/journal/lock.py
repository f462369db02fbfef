"""One writer per data directory, held by the operating system.

What lives here: `DirectoryLock`.
What it may touch: one file named `lock` in the data directory.
Always true: the lock dies with its process, so a crash never leaves one behind; the file itself is
never deleted (deleting it would let two processes lock two different files of the same name).
Start reading: `DirectoryLock`.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from copydesk.journal.errors import DataDirectoryInUse

NAME = "lock"


class DirectoryLock:
    """Hold the data directory for writing. Raises DataDirectoryInUse with the pid of the holder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _read_pid(self._descriptor)
            os.close(self._descriptor)
            raise DataDirectoryInUse(folder, pid) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process in."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        """Hold it for a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release it."""
        self.release()


def holder(folder: Path) -> int | None:
    """Tell the pid of the process that holds a data directory, None if nobody does."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(descriptor)
    finally:
        os.close(descriptor)
    return None


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
