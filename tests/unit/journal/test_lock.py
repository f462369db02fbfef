"""One writer per data directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from copydesk.journal.errors import DataDirectoryInUse
from copydesk.journal.lock import DirectoryLock, holder

HOLD = """
import sys
from pathlib import Path
from copydesk.journal.lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path):
        with pytest.raises(DataDirectoryInUse, match=f"in use by process {os.getpid()}") as caught:
            DirectoryLock(tmp_path)
        assert caught.value.pid == os.getpid()
        assert holder(tmp_path) == os.getpid()
    assert holder(tmp_path) is None
    DirectoryLock(tmp_path).release()


def test_a_killed_writer_leaves_no_lock_behind(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DataDirectoryInUse) as caught:
            DirectoryLock(tmp_path)
        assert caught.value.pid == other.pid
        other.send_signal(signal.SIGKILL)
        other.wait()
    DirectoryLock(tmp_path).release()


def test_a_folder_that_does_not_exist_is_made_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "desk"
    DirectoryLock(folder).release()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert holder(tmp_path / "nowhere") is None
