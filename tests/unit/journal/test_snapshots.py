"""Snapshots: whole or passed over, the newest two kept."""

from pathlib import Path

import numpy as np
import pytest

from copydesk.journal import snapshots
from copydesk.journal.disk import RealDisk
from copydesk.journal.errors import SnapshotCorrupted
from copydesk.journal.snapshots import Snapshot

DISK = RealDisk()
HEADER = {"rules_version": "1"}


def snapshot(seq: int) -> Snapshot:
    columns = {
        "accounts/cash_e8": np.arange(seq, dtype=np.int64),
        "accounts/name": np.array([b"one", b"two"], dtype="S48"),
        "markets/used": np.arange(32, dtype=np.int64).reshape(2, 16),
        "accounts/frozen": np.array([True, False]),
        "empty": np.zeros(0, dtype=np.int32),
    }
    return Snapshot(seq, 1_000 + seq, f"digest {seq}", HEADER, columns)


def equal(one: Snapshot, other: Snapshot) -> bool:
    same = one.columns.keys() == other.columns.keys() and all(
        a.dtype == b.dtype and np.array_equal(a, b)
        for a, b in zip(one.columns.values(), other.columns.values(), strict=True)
    )
    return same and (one.seq, one.ts_ns, one.digest) == (other.seq, other.ts_ns, other.digest)


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    path = snapshots.write(tmp_path, DISK, snapshot(7))
    assert path.name == "snapshot-0000000000000007.cds"
    assert equal(snapshots.read(path, DISK), snapshot(7))
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    (tmp_path / "snapshot-0000000000000003.tmp").write_bytes(b"left by a crash")
    for seq in (5, 9, 100):
        snapshots.write(tmp_path, DISK, snapshot(seq))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["snapshot-0000000000000009.cds", "snapshot-0000000000000100.cds"]
    found, passed_over = snapshots.newest(tmp_path, DISK, HEADER)
    assert found is not None
    assert found.seq == 100
    assert passed_over == []


def test_any_single_damaged_byte_is_found(tmp_path: Path) -> None:
    path = snapshots.write(tmp_path, DISK, snapshot(2))
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :])
        with pytest.raises(SnapshotCorrupted):
            snapshots.read(path, DISK)


def test_any_cut_is_found(tmp_path: Path) -> None:
    path = snapshots.write(tmp_path, DISK, snapshot(2))
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(SnapshotCorrupted):
            snapshots.read(path, DISK)


def test_a_damaged_one_is_passed_over_in_favour_of_the_older(tmp_path: Path) -> None:
    snapshots.write(tmp_path, DISK, snapshot(5))
    newer = snapshots.write(tmp_path, DISK, snapshot(9))
    newer.write_bytes(newer.read_bytes()[:-1])
    found, passed_over = snapshots.newest(tmp_path, DISK, HEADER)
    assert found is not None
    assert found.seq == 5
    assert len(passed_over) == 1
    assert "checksum differs" in str(passed_over[0])


def test_one_made_under_another_header_is_passed_over(tmp_path: Path) -> None:
    snapshots.write(tmp_path, DISK, snapshot(5))
    found, passed_over = snapshots.newest(tmp_path, DISK, {"rules_version": "2"})
    assert found is None
    assert "another header" in str(passed_over[0])


def test_floats_do_not_go_to_disk(tmp_path: Path) -> None:
    wrong = Snapshot(1, 1, "", HEADER, {"price": np.zeros(2)})
    with pytest.raises(ValueError, match="float64"):
        snapshots.write(tmp_path, DISK, wrong)
