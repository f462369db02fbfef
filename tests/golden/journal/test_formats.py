"""Journals and snapshots of every format that was ever written can be read. Files here are never
deleted or made anew."""

import shutil
from pathlib import Path

import numpy as np

from copydesk.journal import snapshots
from copydesk.journal.disk import RealDisk
from copydesk.journal.log import Frame, Journal

FOLDER = Path(__file__).parent
DISK = RealDisk()
HEADER = {"rules_version": "1", "instruments_sha256": "of another day"}


def test_a_journal_of_format_1(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "format-1", tmp_path, dirs_exist_ok=True)
    journal = Journal.open(tmp_path, DISK, HEADER)
    assert list(journal.read()) == [
        Frame(1, 1_000, b"\x92\xadCreateAccount\xa4lead"),
        Frame(2, 1_000, b""),
        Frame(3, 2_000, bytes(range(256))),
    ]
    assert journal.digests() == {2: "0a" * 16}
    assert not journal.clean
    assert journal.check_pages() == []
    journal.append([Frame(4, 3_000, b"more")])
    journal.close()


def test_a_snapshot_of_format_1() -> None:
    found = snapshots.read(snapshots.path_of(FOLDER / "format-1", 2), DISK)
    assert (found.seq, found.ts_ns, found.digest) == (2, 1_000, "0a" * 16)
    assert found.header == HEADER
    columns = {name: (str(a.dtype), a.tolist()) for name, a in found.columns.items()}
    assert columns == {
        "accounts/uid": ("int64", [7, 8]),
        "accounts/name": ("|S48", [b"one", b"two"]),
        "accounts/frozen": ("bool", [True, False]),
        "markets/used": ("int64", np.arange(8).reshape(2, 4).tolist()),
        "scalars": ("uint8", [1, 2]),
        "empty": ("int32", []),
    }
