"""Journal: make a batch of records durable, read all back; each candidate as it is meant to be.

Batches of 1 and of 64 records of 100 bytes, in turn; the last column reads 200,000 records in
order.
"""

import os
import sqlite3
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import lmdb

from bench.rivals.cluster import Cluster, why_not
from bench.tables import Spread, digits, markdown

RECORD = bytes(range(100))
BATCHES = {1: 1000, 64: 300}
READ_BACK = 200_000


class Candidate(Protocol):
    def append(self, records: list[bytes]) -> None: ...
    def read(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Sqlite:
    """WAL, synchronous=FULL, one transaction for a batch."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "journal.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)")

    def append(self, records: list[bytes]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            "INSERT INTO log (record) VALUES (?)", [(record,) for record in records]
        )
        self._database.execute("COMMIT")

    def read(self) -> Iterator[bytes]:
        for (record,) in self._database.execute("SELECT record FROM log ORDER BY seq"):
            yield record

    def close(self) -> None:
        self._database.close()


class PlainFile:
    """Frames of length and CRC in one file, one write and one fdatasync for a batch."""

    _frame = struct.Struct("<II")

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal.log"
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        self._handle = os.open(self._path, flags, 0o600)

    def append(self, records: list[bytes]) -> None:
        frames = [self._frame.pack(len(r), zlib.crc32(r)) + r for r in records]
        os.write(self._handle, b"".join(frames))
        os.fdatasync(self._handle)

    def read(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while head := file.read(8):
                length, crc = self._frame.unpack(head)
                record = file.read(length)
                assert zlib.crc32(record) == crc
                yield record

    def close(self) -> None:
        os.close(self._handle)


class Lmdb:
    """Sync on every commit (the default), append mode."""

    def __init__(self, folder: Path) -> None:
        self._env = lmdb.open(str(folder / "journal.lmdb"), map_size=2**30)
        self._seq = 0

    def append(self, records: list[bytes]) -> None:
        with self._env.begin(write=True) as transaction:
            for record in records:
                self._seq += 1
                transaction.put(self._seq.to_bytes(8, "big"), record, append=True)

    def read(self) -> Iterator[bytes]:
        with self._env.begin() as transaction:
            for _, record in transaction.cursor():
                yield record

    def close(self) -> None:
        self._env.close()


class PostgresLog:
    """One INSERT of the batch, synchronous_commit=on, over a unix socket."""

    def __init__(self, cluster: Cluster) -> None:
        self._connection = cluster.connect()
        self._connection.run("CREATE TABLE log (seq bigserial PRIMARY KEY, record bytea NOT NULL)")
        insert = "INSERT INTO log (record) SELECT decode(r, 'hex') FROM unnest($1::text[]) r"
        self._connection.prepare("append", insert)

    def append(self, records: list[bytes]) -> None:
        self._connection.execute("append", ["{" + ",".join(r.hex() for r in records) + "}"])

    def read(self) -> Iterator[bytes]:
        last = 0
        while rows := self._connection.run(
            f"SELECT seq, encode(record, 'hex') FROM log WHERE seq > {last} "
            "ORDER BY seq LIMIT 10000"
        ):
            for seq, text in rows:
                last = int(seq)
                yield bytes.fromhex(text)

    def close(self) -> None:
        self._connection.close()


def run() -> tuple[str, dict[str, dict[str, list[float]]]]:
    """Measure every candidate in turn in one temporary folder on the disk of the machine."""
    with tempfile.TemporaryDirectory(prefix="copydesk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        found: dict[str, Candidate] = {
            "SQLite WAL, synchronous=FULL": Sqlite(folder),
            "plain file, fdatasync": PlainFile(folder),
            "LMDB": Lmdb(folder),
        }
        cluster = None
        if not (reason := why_not()):
            cluster = Cluster(folder)
            found[f"PostgreSQL {cluster.version}, local"] = PostgresLog(cluster)
        try:
            times = {str(size): _appends(found, size, count) for size, count in BATCHES.items()}
            reads = {name: _read_rate(candidate) for name, candidate in found.items()}
        finally:
            for candidate in found.values():
                candidate.close()
            if cluster is not None:
                cluster.stop()
    return _table(times, reads, reason), times


def _appends(found: dict[str, Candidate], size: int, count: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(count):
        for name, candidate in found.items():
            times[name].append(_milliseconds(lambda c=candidate: c.append([RECORD] * size)))
    return times


def _milliseconds(call: Callable[[], None]) -> float:
    begin = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - begin) / 1e6


def _read_rate(candidate: Candidate) -> float:
    """Fill up to READ_BACK records, then read all: records per second."""
    have = sum(1 for _ in candidate.read())
    candidate.append([RECORD] * (READ_BACK - have))
    begin = time.perf_counter()
    count = sum(1 for record in candidate.read() if record == RECORD)
    took = time.perf_counter() - begin
    assert count == READ_BACK
    return count / took


def _table(times: dict[str, dict[str, list[float]]], reads: dict[str, float], missing: str) -> str:
    rows = []
    for name, rate in reads.items():
        one, many = Spread.of(times["1"][name]), Spread.of(times["64"][name])
        per_second = f"{64_000 / many.median_ms:,.0f}"
        cells = [one.cell(), digits(one.p99_ms), many.cell(), digits(many.p99_ms), per_second]
        rows.append([name, *cells, f"{rate:,.0f}"])
    head = ["journal", "1 record, ms", "p99", "64 records, ms", "p99", "records/s", "read back/s"]
    note = "min / **median** / max (runs); durable when the call returns." + (
        f" {missing}." if missing else ""
    )
    return f"{note}\n\n{markdown(head, rows)}"
