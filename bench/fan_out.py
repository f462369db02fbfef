"""The interleaved run: one lead fill to N copiers by every rival in turn, results asserted equal.

What lives here: the rounds, the comparison, the table.
Always true: in every round every rival does the same open and its copies, its cash and its margin
in use are compared with the plainest computation there is; a difference stops the run. The order
of the rivals rotates from round to round. The first round of a size is not counted.
Start reading: `run`.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from bench.rivals import Rival
from bench.rivals.cluster import Cluster, why_not
from bench.rivals.decimal_loop import DecimalLoop
from bench.rivals.engine import Engine
from bench.rivals.floor import Floor, compiler
from bench.rivals.postgres import Postgres
from bench.tables import Spread, digits, markdown
from bench.workload import Copies, Workload, expected

FULL, LEAN = "PostgreSQL, set-based, full", "PostgreSQL, set-based, lean"
FLOOR, FLOOR_RANDOM = "C floor, sorted accounts", "C floor, random accounts"
Say = Callable[[str], None]


class Result(msgspec.Struct):
    """What the run gave: by size and rival, the times of opening and of closing."""

    opens: dict[str, dict[str, Spread]]
    closes: dict[str, dict[str, Spread]]
    engine_parts: dict[str, dict[str, Spread]]
    missing: list[str]

    def ratio(self, slow: str, fast: str, size: int) -> float | None:
        """Divide medians of one size; None if one of them did not take part."""
        found = self.opens[str(size)]
        if slow not in found or fast not in found:
            return None
        return found[slow].median_ms / found[fast].median_ms


@contextmanager
def rivals_of(
    loads: dict[int, Workload], folder: Path, say: Say
) -> Iterator[tuple[list[Rival], list[str]]]:
    """Bring up every rival that this machine can have; name those it cannot. Stops them all."""
    missing: list[str] = []
    say("bringing up the engine (every account, leverage and relation is an input)")
    with ExitStack() as stack:
        rivals: list[Rival] = [Engine(loads, folder), DecimalLoop(loads, folder)]
        if compiler() is None:
            missing.append("C floor: no C compiler")
        else:
            rivals += [Floor(loads, folder, ordered) for ordered in (True, False)]
        if reason := why_not():
            missing.append(f"PostgreSQL: {reason}")
        else:
            say("bringing up a private PostgreSQL cluster")
            cluster = Cluster(folder)
            stack.callback(cluster.stop)
            rivals += [Postgres(cluster, loads, full) for full in (True, False)]
        for rival in rivals:
            stack.callback(rival.stop)
        yield rivals, missing


def run(loads: dict[int, Workload], rivals: list[Rival], rounds: int, say: Say) -> Result:
    """Do all rounds of all sizes."""
    result = Result({}, {}, {}, [])
    gc.collect()
    gc.freeze()  # the objects of the Decimal loop are not to be walked in the engine's time
    for size, load in loads.items():
        say(f"{size:,} copiers: {rounds} rounds and one to warm up")
        want = expected(load)
        opens: dict[str, list[float]] = {rival.name: [] for rival in rivals}
        closes: dict[str, list[float]] = {rival.name: [] for rival in rivals}
        parts: dict[str, list[float]] = {"append": [], "step": []}
        for number in range(rounds + 1):
            turn = number % len(rivals)
            for rival in rivals[turn:] + rivals[:turn]:
                opened, closed = _one_round(rival, size, want)
                if number:
                    opens[rival.name].append(opened)
                    closes[rival.name].append(closed)
                    if isinstance(rival, Engine):
                        parts["append"].append(rival.desk.append_ms)
                        parts["step"].append(opened - rival.desk.append_ms)
            _assert_same_money(rivals, size)
        result.opens[str(size)] = {name: Spread.of(times) for name, times in opens.items()}
        result.closes[str(size)] = {name: Spread.of(times) for name, times in closes.items()}
        result.engine_parts[str(size)] = {name: Spread.of(t) for name, t in parts.items()}
    gc.unfreeze()
    return result


def _one_round(rival: Rival, size: int, want: Copies) -> tuple[float, float]:
    opened = rival.open_ms(size)
    appended = rival.desk.append_ms if isinstance(rival, Engine) else 0.0
    rival.copies(size).assert_equal(want, rival.name)
    _, in_margin = rival.balances(size)
    assert in_margin == int(want.margin_e8.sum()), f"{rival.name}: margin in use differs"
    closed = rival.close_ms(size)
    if isinstance(rival, Engine):
        rival.desk.append_ms = appended
    return opened, closed


def _assert_same_money(rivals: list[Rival], size: int) -> None:
    """After every round all rivals hold the same cash, to the last unit, and no margin."""
    sums = {rival.name: rival.balances(size) for rival in rivals}
    assert len(set(sums.values())) == 1, sums
    assert next(iter(sums.values()))[1] == 0, sums


def table(result: Result) -> str:
    """Lay out times, ratios and notes."""
    sizes = [int(size) for size in result.opens]
    names = list(next(iter(result.opens.values())))
    head = ["ms, min / **median** / max (rounds)", *(f"{size:,} copiers" for size in sizes)]
    rows = [[name, *(result.opens[str(s)][name].cell() for s in sizes)] for name in names]
    for part in ("append", "step"):
        cells = [result.engine_parts[str(size)][part].cell() for size in sizes]
        rows.append([f"  of the engine: {part}", *cells])
    pages = [markdown(head, rows), "", _ratios(result, sizes), "", _closes(result, sizes, names)]
    pages += ["", *(f"Not taking part: {one}." for one in result.missing)] if result.missing else []
    return "\n".join(pages)


def _ratios(result: Result, sizes: list[int]) -> str:
    engine = Engine.name
    rows = []
    for slow, fast in (
        (FULL, engine),
        (LEAN, engine),
        (DecimalLoop.name, engine),
        (engine, FLOOR),
        (engine, FLOOR_RANDOM),
        (FULL, FLOOR),
    ):
        found = [result.ratio(slow, fast, size) for size in sizes]
        rows.append([f"{slow} / {fast}", *(digits(r) if r else "–" for r in found)])
    per_copy = [result.opens[str(size)][engine].median_ms / size * 1e6 for size in sizes]
    rows.append(["engine, ns for each copy", *(digits(ns) for ns in per_copy)])
    return markdown(["ratio of medians", *(f"{size:,}" for size in sizes)], rows)


def _closes(result: Result, sizes: list[int], names: list[str]) -> str:
    """Closing in passing: durable in the engine and in PostgreSQL, in memory elsewhere."""
    durable = [name for name in names if name.startswith(("Copydesk", "PostgreSQL"))]
    rows = [[name, *(result.closes[str(s)][name].cell() for s in sizes)] for name in durable]
    return markdown(["closing all copies, ms", *(f"{size:,}" for size in sizes)], rows)


def step_only(folder: Path, size: int, rounds: int, say: Say) -> tuple[str, dict[str, Spread]]:
    """Step one fill to more copiers than PostgreSQL is asked to; the journal adds its usual."""
    folder = folder / "step-only"
    folder.mkdir()
    [load] = Workload.draw((size,))
    say(f"bringing up {size:,} copiers")
    engine = Engine({size: load}, folder)
    floors: list[Floor] = [Floor({size: load}, folder, ordered) for ordered in (True, False)]
    want = expected(load)
    rivals: list[Rival] = [engine, *floors]
    times: dict[str, list[float]] = {one.name: [] for one in rivals}
    for number in range(rounds + 1):
        taken = {engine.name: engine.open_ms(size) - engine.desk.append_ms}
        taken |= {floor.name: floor.step_ms(size) for floor in floors}
        for rival in rivals:
            rival.copies(size).assert_equal(want, rival.name)
            rival.close_ms(size)
            if number:
                times[rival.name].append(taken[rival.name])
    for rival in rivals:
        rival.stop()
    spreads = {name: Spread.of(found) for name, found in times.items()}
    base = spreads[engine.name].median_ms
    rows = [
        [name, spread.cell(), digits(base / spread.median_ms)] for name, spread in spreads.items()
    ]
    head = ["step alone", "ms, min / **median** / max (rounds)", "engine / this"]
    return markdown(head, rows), spreads
