"""Snapshots: all columns at one seq in one file, so that a start need not replay everything.

What lives here: `Snapshot`, writing, finding the newest good one, keeping two.
What it may touch: `Disk`, NumPy. Names and dtypes only; it does not know what a column means.
Always true: a file under its final name is whole; a damaged one is recognised by its checksum and
passed over.
Start reading: `write`, `newest`.

File: magic, SHA-256 of the rest, length of the header, header (msgpack), then the columns' bytes
one after the other. Not np.savez: its zip directory and CRC would come on top of the checksum that
covers the header too.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.journal.disk import Chunk, Disk
from copydesk.journal.errors import SnapshotCorrupted

Columns = dict[str, npt.NDArray[Any]]

MAGIC = b"CDSNAP01"
KEEP = 2
_SUFFIX = ".cds"
_PREFIX = "snapshot-"
_TEMPORARY = ".tmp"
_KINDS = "biuS"  # bool, integers, bytes: no floats, no objects


class Snapshot(msgspec.Struct, frozen=True):
    """All columns after input `seq`. `header` says under which circumstances they were made."""

    seq: int
    ts_ns: int
    digest: str
    header: dict[str, str]
    columns: Columns


class _Column(msgspec.Struct, frozen=True, array_like=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int


class _Head(msgspec.Struct, frozen=True):
    seq: int
    ts_ns: int
    digest: str
    header: dict[str, str]
    columns: list[_Column]


def path_of(folder: Path, seq: int) -> Path:
    """Name of the snapshot after input `seq`."""
    return folder / f"{_PREFIX}{seq:016d}{_SUFFIX}"


def write(folder: Path, disk: Disk, snapshot: Snapshot) -> Path:
    """Write under a temporary name, fsync, rename, fsync the folder; keep the newest two."""
    columns, chunks = [], []
    for name, value in snapshot.columns.items():
        described, chunk = _describe(name, value)
        columns.append(described)
        chunks.append(chunk)
    head = msgspec.msgpack.encode(
        _Head(snapshot.seq, snapshot.ts_ns, snapshot.digest, snapshot.header, columns)
    )
    body: list[Chunk] = [len(head).to_bytes(4, "little"), head, *chunks]
    seal = hashlib.sha256()
    for chunk in body:
        seal.update(chunk)
    final = path_of(folder, snapshot.seq)
    temporary = final.with_suffix(_TEMPORARY)
    disk.write(temporary, [MAGIC, seal.digest(), *body])
    disk.replace(temporary, final)
    prune(folder, disk)
    return final


def _describe(name: str, value: npt.NDArray[Any]) -> tuple[_Column, Chunk]:
    if value.dtype.kind not in _KINDS:
        raise ValueError(f"column {name} has dtype {value.dtype}")
    flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    return _Column(name, value.dtype.str, value.shape, flat.size), flat.data


def read(path: Path, disk: Disk) -> Snapshot:
    """Read one snapshot; arrays are read-only views. Raises SnapshotCorrupted."""
    try:
        content = memoryview(disk.read(path))
    except OSError as error:
        raise SnapshotCorrupted(f"snapshot {path}: {error}") from error
    start = len(MAGIC) + 32
    if bytes(content[: len(MAGIC)]) != MAGIC:
        raise SnapshotCorrupted(f"snapshot {path}: not a snapshot of this format")
    if hashlib.sha256(content[start:]).digest() != bytes(content[len(MAGIC) : start]):
        raise SnapshotCorrupted(f"snapshot {path}: checksum differs")
    head_end = start + 4 + int.from_bytes(content[start : start + 4], "little")
    head = msgspec.msgpack.decode(content[start + 4 : head_end], type=_Head)
    columns: Columns = {}
    at = head_end
    for column in head.columns:
        part = content[at : at + column.size]
        at += column.size
        columns[column.name] = np.frombuffer(part, dtype=column.dtype).reshape(column.shape)
    return Snapshot(head.seq, head.ts_ns, head.digest, head.header, columns)


def newest(
    folder: Path, disk: Disk, header: dict[str, str]
) -> tuple[Snapshot | None, list[SnapshotCorrupted]]:
    """Find the newest good snapshot made under `header`, and why others were passed over."""
    passed_over = []
    for path in reversed(listed(folder, disk)):
        try:
            found = read(path, disk)
        except SnapshotCorrupted as error:
            passed_over.append(error)
            continue
        if found.header == header:
            return found, passed_over
        passed_over.append(SnapshotCorrupted(f"snapshot {path}: made under another header"))
    return None, passed_over


def listed(folder: Path, disk: Disk) -> list[Path]:
    """Paths of all snapshots, oldest first."""
    return [
        folder / name
        for name in disk.names(folder)
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
    ]


def prune(folder: Path, disk: Disk) -> None:
    """Delete all but the newest two snapshots, and temporary files that a crash left."""
    for path in listed(folder, disk)[:-KEEP]:
        disk.remove(path)
    for name in disk.names(folder):
        if name.startswith(_PREFIX) and name.endswith(_TEMPORARY):
            disk.remove(folder / name)
