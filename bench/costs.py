"""What the design pays: the work that deriving copies instead of storing them moves elsewhere.

What lives here: replay, snapshots, digests, reads of derived history, quiet ticks, the upkeep of
trigger levels. What others wait for while a fan-out runs is in `waiting.py`.
Always true: every State was brought up by inputs alone; a replay and a load must give its digest.
Start reading: `replay`, `run`.
"""

import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.rivals.engine import Desk, Engine, populate
from bench.tables import Spread, digits, markdown
from bench.workload import PX_TICKS, Workload
from copydesk.engine.digest import digest
from copydesk.engine.genesis import new_state
from copydesk.engine.snapshot import load
from copydesk.engine.state import State
from copydesk.journal import snapshots
from copydesk.journal.disk import RealDisk
from copydesk.model.enums import InstType, Side, SubPosType
from copydesk.node import recovery
from copydesk.node.snapshots import capture
from copydesk.views.fills import FillFilter, fills_of
from copydesk.views.paging import Page
from copydesk.views.sub_positions import SubPositionQuery, sub_position_history

Say = Callable[[str], None]
LEVELS = (1_000_000, 500_000)  # tpRatio 1, slRatio 0.5: distinct levels for each leverage
ROUNDS = 9
READERS = 300
TICKS = 300
PAGE = Page(limit=100)


class Figures(msgspec.Struct):
    """The lines of the table, and the numbers behind them."""

    lines: list[tuple[str, str]]
    numbers: dict[str, float | Spread]

    def add(self, key: str, value: float | Spread, what: str, figure: str) -> None:
        """Keep one figure."""
        self.lines.append((what, figure))
        self.numbers[key] = value

    def table(self) -> str:
        """Lay the lines out."""
        return markdown(["what the design pays", "figure"], self.lines)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Run once; milliseconds and what it gave."""
    begin = time.perf_counter_ns()
    result = call()
    return (time.perf_counter_ns() - begin) / 1e6, result


def replay(figures: Figures, engine: Engine) -> None:
    """Step the whole journal again, as a start without a snapshot does; the digest must agree."""
    desk = engine.desk
    frames = desk.journal.read()
    state = new_state(desk.table)
    bring_up = itertools.islice(frames, engine.ready_seq)
    up_ms, _ = timed(lambda: recovery.replay(state, bring_up, {}))
    tail_ms, _ = timed(lambda: recovery.replay(state, frames, {}))
    assert digest(state) == digest(desk.state), "the replay made another State"
    per_second = engine.ready_seq / up_ms * 1000
    figures.add(
        "replay_inputs_per_s",
        per_second,
        "replay of single inputs (accounts, leverages, relations)",
        f"{per_second:,.0f} inputs/s ({engine.ready_seq:,} in {up_ms / 1000:.1f} s)",
    )
    replayed, live = (desk.copy_fills / ms * 1000 for ms in (tail_ms, desk.step_ms))
    figures.add("replay_copies_per_s", replayed, "replay of fan-outs", f"{replayed:,.0f} copies/s")
    ratio = replayed / live
    figures.add(
        "replay_over_live", ratio, "  the same live, without fsync", f"{live:,.0f}: {ratio:.2f}x"
    )


def snapshot(figures: Figures, desk: Desk, what: str) -> None:
    """Copy the columns (the engine waits), write them (it does not), load them."""
    digest_ms, _ = timed(lambda: digest(desk.state))
    captured_ms, taken = timed(lambda: capture(desk.state, desk.journal.header))
    written_ms, path = timed(lambda: snapshots.write(desk.folder, RealDisk(), taken))
    size = path.stat().st_size / 2**20

    def restore() -> State:
        found = snapshots.read(path, RealDisk())
        return load(desk.table, found.columns)

    loaded_ms, state = timed(restore)
    assert digest(state) == taken.digest
    path.unlink()
    figures.add(
        f"digest_ms, {what}",
        digest_ms,
        f"digest of State, {what}",
        f"{digits(digest_ms)} ms in the engine",
    )
    figures.add(
        f"snapshot_ms, {what}",
        captured_ms,
        f"snapshot, {what}",
        f"{digits(captured_ms)} ms in the engine (digest included), {digits(written_ms)} ms to "
        f"write {size:,.0f} MiB beside it, {digits(loaded_ms)} ms to load",
    )


def reads(figures: Figures, desk: Desk, rows: list[int], what: str) -> None:
    """Read the derived history of single copiers, one page of 100 each."""
    query = SubPositionQuery(PAGE, SubPosType.COPY, InstType.SWAP)
    readers: dict[str, Callable[[int], Any]] = {
        "subpositions-history": lambda row: sub_position_history(desk.state, row, query),
        "fills": lambda row: fills_of(desk.state, row, FillFilter(), PAGE),
    }
    for name, reader in readers.items():
        times = []
        for row in rows:
            took, found = timed(partial(reader, row))
            assert found, "a copier without history"
            times.append(took)
        spread = Spread.of(times)
        figures.add(
            f"read_ms {name}, {what}",
            spread,
            f"{name} of one copier, {what}",
            f"{spread.cell()} ms, p99 {digits(spread.p99_ms)}",
        )


def quiet_ticks(figures: Figures, desk: Desk, what: str) -> None:
    """Step ticks that reach no level; half a basis point up and down."""
    times = []
    for number in range(TICKS):
        tick = desk.tick(PX_TICKS + (37 if number % 2 else 0))
        took, _ = timed(partial(desk.step_only, tick))
        times.append(took)
    desk.step_only(desk.tick(PX_TICKS))
    spread = Spread.of(times)
    figures.add(
        f"quiet_tick_ms, {what}",
        spread,
        f"quiet tick, {what}",
        f"{spread.cell()} ms, p99 {digits(spread.p99_ms)}",
    )


def upkeep(figures: Figures, desk: Desk, leads: list[int], size: int) -> None:
    """Compare fan-outs of two leads in turn: without levels, and with tpRatio and slRatio.

    The first tick after each looks at the risk of every account it touched: timed as well.
    """
    times: dict[int, list[float]] = {lead: [] for lead in leads}
    ticks = []
    for number in range(ROUNDS + 1):
        for lead in leads:
            order = desk.fresh_order(lead, Side.BUY)
            took, _ = timed(partial(desk.step_only, order))
            looked, _ = timed(partial(desk.step_only, desk.tick(PX_TICKS)))
            desk.step_only(desk.fresh_order(lead, Side.SELL))
            if number:
                times[lead].append(took)
                ticks.append(looked)
    plain, watched = (Spread.of(times[lead]) for lead in leads)
    share = watched.median_ms / plain.median_ms - 1
    figures.add(
        "trigger_upkeep_share",
        share,
        f"levels for tpRatio and slRatio of {size:,} copies at their opening",
        f"{digits(plain.median_ms)} ms without, {digits(watched.median_ms)} ms with: "
        f"{share:+.0%} (median of {ROUNDS})",
    )
    first = Spread.of(ticks)
    figures.add(
        "first_tick_ms",
        first,
        f"first tick after a fan-out to {size:,} (risk of all it touched)",
        f"{first.cell()} ms",
    )


def deep_history(figures: Figures, folder: Path, positions: int) -> None:
    """Read the history of a copier whose lead trader opened and closed many times."""
    folder = folder / "deep"
    folder.mkdir()
    desk = Desk(folder)
    [lead] = populate(desk, Workload.draw((10,)))
    for _ in range(positions):
        desk.step_only(desk.fresh_order(lead, Side.BUY))
        desk.step_only(desk.fresh_order(lead, Side.SELL))
    rows = [lead + 1 + number % 10 for number in range(100)]
    reads(figures, desk, rows, f"{positions:,} copies of his")
    desk.close()


def run(figures: Figures, folder: Path, size: int, say: Say) -> None:
    """Measure everything that needs a State of its own."""
    say(f"two leads with {size:,} copiers each")
    folder = folder / "costs"
    folder.mkdir()
    desk = Desk(folder)
    leads = populate(desk, Workload.draw((size, size)), [(0, 0), LEVELS])
    upkeep(figures, desk, leads, size)
    say("snapshots, ticks and reads")
    snapshot(figures, desk, f"{2 * size:,} accounts, {desk.state.copies.count:,} closed copies")
    for number in range(10):
        desk.step_only(desk.fresh_order(leads[1], Side.BUY))
        if number in (0, 9):
            quiet_ticks(figures, desk, f"{(number + 1) * size:,} open copies with levels")
    snapshot(figures, desk, f"the same and {10 * size:,} open copies")
    rng = np.random.default_rng(7)
    relations = desk.state.relations
    copiers = relations.live("account_row")[relations.live("lead_row") == 0]
    drawn = [int(row) for row in rng.choice(copiers, READERS)]
    reads(figures, desk, drawn, f"{ROUNDS + 1} copies of his among {size:,} copiers")
    deep_history(figures, folder, 1000)
    desk.close()
