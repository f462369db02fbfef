"""Verify a data directory: replay everything from the beginning and compare, beside a running node
or without one.

What lives here: `verify` and its report.
What it may touch: `journal` (read only), `engine`.
Always true: nothing is written, no lock is taken; the State is its own.
Start reading: `verify`.
"""

import time
from pathlib import Path

import msgspec

from copydesk.engine.digest import digest
from copydesk.engine.invariants import check
from copydesk.journal import snapshots
from copydesk.journal.disk import Disk
from copydesk.journal.errors import SnapshotCorrupted
from copydesk.journal.lock import holder
from copydesk.journal.log import Journal
from copydesk.node.genesis import Genesis
from copydesk.node.recovery import replay


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found. It is good if `broken` is empty."""

    inputs: int
    seconds: float
    digest: str
    digests_compared: int
    snapshots_compared: int
    accounts: int
    copies: int
    running_pid: int | None
    broken: list[str]


def verify(folder: Path, disk: Disk, genesis: Genesis) -> Verified:
    """Replay all inputs from the first, compare each digest and snapshot, check every invariant.

    Raises JournalError where the journal cannot be read to its end or the digests diverge.
    """
    began = time.perf_counter()
    journal = Journal.open_read_only(folder, disk, genesis.header())
    broken = [f"page: {line}" for line in journal.check_pages()]
    recorded = journal.digests()
    stored, damaged = _snapshot_digests(folder, disk, journal.last_seq)
    broken += damaged
    broken += [
        f"snapshot and journal disagree about State after input {seq}"
        for seq in recorded.keys() & stored.keys()
        if recorded[seq] != stored[seq]
    ]
    state = genesis.state()
    compared = replay(state, journal.read(), {**recorded, **stored})
    broken += check(state)
    journal.close()
    return Verified(
        inputs=state.scalars.seq,
        seconds=time.perf_counter() - began,
        digest=digest(state),
        digests_compared=compared,
        snapshots_compared=len(stored),
        accounts=state.accounts.count,
        copies=state.copies.count,
        running_pid=holder(folder),
        broken=broken,
    )


def _snapshot_digests(folder: Path, disk: Disk, last_seq: int) -> tuple[dict[int, str], list[str]]:
    """Digests in the headers of the snapshots, by seq, and what is wrong with damaged ones."""
    found: dict[int, str] = {}
    damaged: list[str] = []
    for path in snapshots.listed(folder, disk):
        try:
            snapshot = snapshots.read(path, disk)
        except SnapshotCorrupted as error:
            if path.exists():  # a running node may just have dropped it
                damaged.append(str(error))
            continue
        if 0 < snapshot.seq <= last_seq:
            found[snapshot.seq] = snapshot.digest
    return found, damaged
