"""Runs of the bottle: steps, power cuts, recoveries, and what must hold between any two steps.

What lives here: `run`, the in-memory log that can lose power, the report.
What it may touch: `engine`, `model`, `node.genesis`.
Always true: after every power cut the recovered State has the digest of the twin that never lost
power.
Start reading: `run`.
"""

import random
from collections import Counter
from collections.abc import Callable

import msgspec

from copydesk.engine import snapshot
from copydesk.engine.digest import digest, parts
from copydesk.engine.invariants import check
from copydesk.engine.state import State
from copydesk.engine.step import step
from copydesk.model.enums import CopyState, NoCopyReason
from copydesk.model.inputs import Input, Stamped
from copydesk.model.outputs import Reply
from copydesk.model.rejects import Reject
from copydesk.node.genesis import Genesis, shipped
from copydesk.sim.workload import Workload

_START_NS = 1_767_225_600_000_000_000
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stamped).decode


class Broken(Exception):
    """An invariant or a digest failed; the text names seed, seq and what was found."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run saw. The same seed and steps give the same report."""

    seed: int
    steps: int
    inputs: int
    power_cuts: int
    lost_unacknowledged: int
    accounts: int
    lead_positions: int
    copies: int
    refused: dict[str, int]
    rejects: dict[str, int]
    digest: str


class Log:
    """Frames that are durable, and the newest snapshot: what survives a power cut."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.snapshot: tuple[int, snapshot.Arrays] | None = None

    def recover(self, genesis: Genesis) -> State:
        """Make State from the snapshot and the frames behind it, as a node does at its start."""
        seq, arrays = self.snapshot or (0, None)
        state = genesis.state() if arrays is None else snapshot.load(genesis.table, arrays)
        for frame in self.frames[seq:]:
            step(state, _decode(frame))
        return state


def run(
    seed: int, steps: int, people: int = 40, progress: Callable[[int], None] | None = None
) -> Report:
    """Run `steps` inputs drawn from `seed`; check everything after each. Raises Broken."""
    dice = random.Random(seed)
    genesis = shipped()
    state, twin, log = genesis.state(), genesis.state(), Log()
    workload = Workload(random.Random(dice.random()), state, people)
    cuts = lost = 0
    rejects: Counter[str] = Counter()
    now_ns = _START_NS
    while state.scalars.seq < steps:
        now_ns += dice.choice((0, 1_000, 250_000_000, 3_600_000_000_000))
        batch = [
            _encode(Stamped(state.scalars.seq + 1 + at, now_ns, body))
            for at, body in enumerate(_draw(dice, workload, state))
        ]
        if dice.random() < 0.01:  # power goes before the fsync: nobody was answered, all is gone
            cuts, lost = cuts + 1, lost + len(batch)
            state = _recovered(seed, log, genesis, twin)
            continue
        log.frames.extend(batch)  # ---- durable ----
        for frame in batch:
            step(twin, _decode(frame))
        if dice.random() < 0.01:  # power goes after the fsync: nobody was answered, all happened
            cuts += 1
            state = _recovered(seed, log, genesis, twin)
            continue
        for frame in batch:
            _tally(rejects, step(state, _decode(frame)).reply)
            _demand(seed, state, check(state))
        if dice.random() < 0.01:
            log.snapshot = (state.scalars.seq, snapshot.dump(state))
        if progress is not None:
            progress(state.scalars.seq)
    _same(seed, state, twin)
    return _report(seed, steps, (cuts, lost), rejects, state)


def _draw(dice: random.Random, workload: Workload, state: State) -> list[Input]:
    """Draw a batch: one input mostly, some together now and then (all drawn before any of them
    steps)."""
    return [workload.draw(state) for _ in range(dice.choice((1, 1, 1, 1, 1, 2, 5)))]


def _tally(rejects: Counter[str], reply: Reply) -> None:
    if isinstance(reply, Reject):
        rejects[f"{int(reply.code)} {reply.code.name}"] += 1


def _recovered(seed: int, log: Log, genesis: Genesis, twin: State) -> State:
    state = log.recover(genesis)
    _same(seed, state, twin)
    return state


def _same(seed: int, state: State, twin: State) -> None:
    if digest(state) != digest(twin):
        mine, other = parts(state), parts(twin)
        differ = sorted(key for key in {*mine, *other} if mine.get(key) != other.get(key))
        raise Broken(f"seed {seed} seq {state.scalars.seq}: recovered State differs in {differ}")


def _demand(seed: int, state: State, broken: list[str]) -> None:
    if broken:
        raise Broken(f"seed {seed} seq {state.scalars.seq}: " + "; ".join(broken))


def _report(
    seed: int, steps: int, cuts: tuple[int, int], rejects: Counter[str], state: State
) -> Report:
    copies = state.copies
    reasons = Counter(
        NoCopyReason(reason).wire
        for reason in copies.live("reason")[copies.live("state") == CopyState.NOT_MADE].tolist()
    )
    return Report(
        seed=seed,
        steps=steps,
        inputs=state.scalars.seq,
        power_cuts=cuts[0],
        lost_unacknowledged=cuts[1],
        accounts=state.accounts.count,
        lead_positions=state.lead_positions.count,
        copies=int((copies.live("state") != CopyState.NOT_MADE).sum()),
        refused=dict(sorted(reasons.items())),
        rejects=dict(sorted(rejects.items())),
        digest=digest(state),
    )
