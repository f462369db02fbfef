"""The only way to start: newest good snapshot, replay of the tail, comparison, invariants.

What lives here: `recover`, its report, and what stops a start.
What it may touch: `journal`, `engine.step`.
Always true: the tail goes through the same `step` as live inputs did, its outputs are discarded,
and every digest that the journal holds is compared. After a crash every invariant is checked before
anyone is let in.
Start reading: `recover`.

Poison input: a step that raises stops the process with its input already durable, and the replay of
that input raises again. The start is then refused, naming the seq. Rejected: skipping it in silence
(two programs would then disagree about what the journal means) and truncating the journal (it is
the only truth). The way out is a version with the bug mended; nobody was told that the input took
effect, so nothing acknowledged is lost by waiting for it.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import structlog

from copydesk.engine.digest import digest
from copydesk.engine.invariants import check
from copydesk.engine.snapshot import load
from copydesk.engine.state import State
from copydesk.engine.step import step
from copydesk.journal import snapshots
from copydesk.journal.disk import Disk
from copydesk.journal.errors import JournalCorrupted, JournalError
from copydesk.journal.log import Frame, Journal
from copydesk.model.inputs import Input, Stamped
from copydesk.node.genesis import Genesis

_log = structlog.get_logger()
_decode: Callable[[bytes], Input] = msgspec.msgpack.Decoder(Input).decode


class DigestsDiverge(JournalError):
    """The same inputs gave another State than they gave when they were first stepped."""

    def __init__(self, seq: int, stored: str, found: str) -> None:
        super().__init__(
            f"after input {seq} the journal recorded State {stored[:16]}…, this program made "
            f"{found[:16]}… of the same inputs: the rules of the two differ"
        )
        self.seq = seq


class InvariantsBroken(JournalError):
    """State contradicts itself."""

    def __init__(self, broken: list[str]) -> None:
        super().__init__("State contradicts itself: " + "; ".join(broken))
        self.broken = broken


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How a start went."""

    from_snapshot: int  # seq of the snapshot; 0: none
    inputs: int  # replayed
    seconds: float
    seq: int
    digest: str
    digests_compared: int
    clean: bool  # the writer before this one stopped in good order
    passed_over: list[str]  # snapshots that could not be used, and why


class Recovered(msgspec.Struct, frozen=True):
    """What a start begins with."""

    state: State
    journal: Journal
    report: Report


def recover(folder: Path, disk: Disk, genesis: Genesis) -> Recovered:
    """Bring State to where the journal ends. The caller holds the `DirectoryLock`. Raises
    JournalError."""
    began = time.perf_counter()
    journal = Journal.open(folder, disk, genesis.header())
    state, passed_over = _base(folder, disk, genesis, journal)
    base_seq = state.scalars.seq
    recorded = journal.digests()
    compared = replay(state, journal.read(base_seq + 1), recorded)
    clean = journal.clean
    if not clean and (broken := check(state)):
        raise InvariantsBroken(broken)
    report = Report(
        from_snapshot=base_seq,
        inputs=journal.last_seq - base_seq,
        seconds=time.perf_counter() - began,
        seq=journal.last_seq,
        digest=digest(state),
        digests_compared=compared,
        clean=clean,
        passed_over=passed_over,
    )
    return Recovered(state, journal, report)


def _base(folder: Path, disk: Disk, genesis: Genesis, journal: Journal) -> tuple[State, list[str]]:
    """State of the newest snapshot that is good, or of the beginning."""
    found, damaged = snapshots.newest(folder, disk, journal.header)
    passed_over = [str(error) for error in damaged]
    if found is None:
        return genesis.state(), passed_over
    if found.seq > journal.last_seq:
        raise JournalCorrupted(
            f"the newest snapshot is of input {found.seq}, the journal ends at {journal.last_seq}: "
            "the end of the journal was lost, or a copy of the directory was mixed up"
        )
    try:
        state = load(genesis.table, found.columns)
    except ValueError as error:
        return genesis.state(), [*passed_over, f"snapshot of input {found.seq}: {error}"]
    if (made := digest(state)) != found.digest:
        raise DigestsDiverge(found.seq, found.digest, made)
    return state, passed_over


def replay(state: State, frames: Iterator[Frame], recorded: dict[int, str]) -> int:
    """Step every frame and compare every recorded digest; how many were compared.

    Raises DigestsDiverge, JournalCorrupted, and whatever a poison input makes the step raise.
    """
    compared = 0
    for frame in frames:
        step_frame(state, frame)
        stored = recorded.get(frame.seq)
        if stored is not None:
            if (made := digest(state)) != stored:
                raise DigestsDiverge(frame.seq, stored, made)
            compared += 1
    return compared


def step_frame(state: State, frame: Frame) -> None:
    """Step one input of the journal, its output discarded."""
    try:
        body = _decode(frame.body)
    except msgspec.DecodeError as error:
        raise JournalCorrupted(
            f"input {frame.seq} of the journal is not one that this program knows: {error}"
        ) from error
    try:
        step(state, Stamped(frame.seq, frame.ts_ns, body))
    except Exception as error:
        name = type(body).__name__
        _log.critical("input_cannot_be_applied", seq=frame.seq, input=name)
        error.add_note(
            f"Input {frame.seq} ({name}) of the journal makes the rules fail. The journal is whole "
            "and nobody was told that this input took effect. Do not edit it: install a version of "
            "copydesk in which this is mended; `copydesk verify` shows whether it is."
        )
        raise
