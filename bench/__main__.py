"""`python -m bench` from the root of the repository (`make bench`): fan-out, then what it costs.

Writes bench/results/<date>-<machine>.{json,md} unless --no-write.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec

from bench import costs, fan_out, machine, waiting
from bench.rivals.engine import Engine
from bench.workload import Workload

RESULTS = Path(__file__).with_name("results")
SIZES = (1_000, 10_000, 100_000)
QUICK_SIZES = (1_000, 10_000)


def say(line: str) -> None:
    """Tell on stderr what runs now; stdout is for results."""
    click.echo(click.style(f"{time.strftime('%H:%M:%S')} {line}", dim=True), err=True)


@click.command()
@click.option("--quick", is_flag=True, help="Three rounds, up to 10,000 copiers; writes nothing.")
@click.option("--rounds", default=9, show_default=True, help="Counted rounds of each size.")
@click.option("--costs/--no-costs", "with_costs", default=True, help="Measure what it pays.")
@click.option("--step-only", default=0, help="Also a step alone to so many copiers.")
@click.option("--write/--no-write", default=True, help="Write bench/results.")
def main(quick: bool, rounds: int, with_costs: bool, step_only: int, write: bool) -> None:
    """Measure Copydesk beside its rivals in one interleaved run with equal results asserted."""
    sizes, rounds = (QUICK_SIZES, 3) if quick else (SIZES, rounds)
    folder = Path(tempfile.mkdtemp(prefix="copydesk-bench-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user below it
    try:
        here = machine.read(folder)
        pages = [f"# Figures\n\n{here.line()}\n"]
        raw: dict[str, object] = {"machine": here}
        click.echo(pages[0])
        loads = dict(zip(sizes, Workload.draw(sizes), strict=True))
        with fan_out.rivals_of(loads, folder, say) as (rivals, missing):
            result = fan_out.run(loads, rivals, rounds, say)
            result.missing = missing
            raw["fan_out"] = result
            _page(pages, "Durable fan-out of one lead fill", fan_out.table(result))
            if with_costs:
                engine = next(rival for rival in rivals if isinstance(rival, Engine))
                figures = costs.Figures([], {})
                say(f"replay of {engine.desk.journal.last_seq:,} inputs")
                costs.replay(figures, engine)
                waits = waiting.run(engine.desk, engine.leads[sizes[-1]], say)
                costs.run(figures, folder, sizes[-1], say)
                figures.lines += waits.lines(sizes[-1])
                raw["costs"], raw["waits"] = figures.numbers, waits
                _page(pages, "What the design pays", figures.table())
        if step_only:
            table, raw["step_only"] = fan_out.step_only(folder, step_only, rounds, say)
            _page(pages, f"Step alone, {step_only:,} copiers", table)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if write and not quick:
        _write(here, pages, raw)


def _page(pages: list[str], title: str, table: str) -> None:
    pages.append(f"## {title}\n\n{table}\n")
    click.echo(pages[-1])


def _write(here: machine.Machine, pages: list[str], raw: dict[str, object]) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = f"{here.date}-{here.slug()}"
    (RESULTS / f"{stem}.md").write_text("\n".join(pages), encoding="utf-8")
    body = msgspec.json.format(msgspec.json.encode(raw), indent=1)
    (RESULTS / f"{stem}.json").write_bytes(body)
    say(f"written: bench/results/{stem}.md and .json")


if __name__ == "__main__":
    sys.exit(main())
