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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value, no tables.")
def main(
    quick: bool, rounds: int, with_costs: bool, write: bool, as_json: bool, **more: int
) -> None:
    """Measure Copydesk beside its rivals in one interleaved run with equal results asserted."""
    sizes, rounds = (QUICK_SIZES, 3) if quick else (SIZES, rounds)
    folder = Path(tempfile.mkdtemp(prefix="copydesk-bench-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user below it
    try:
        here = machine.read(folder)
        pages = Pages(as_json)
        pages.add(f"# Figures\n\n{here.line()}\n")
        raw: dict[str, object] = {"machine": here}
        loads = dict(zip(sizes, Workload.draw(sizes), strict=True))
        with fan_out.rivals_of(loads, folder, say) as (rivals, missing):
            result = fan_out.run(loads, rivals, rounds, say)
            result.missing = missing
            raw["fan_out"] = result
            pages.table("Durable fan-out of one lead fill", fan_out.table(result))
            if with_costs:
                engine = next(rival for rival in rivals if isinstance(rival, Engine))
                figures = costs.Figures([], {})
                say(f"replay of {engine.desk.journal.last_seq:,} inputs")
                costs.replay(figures, engine)
                waits = waiting.run(engine.desk, engine.leads[sizes[-1]], say)
                costs.run(figures, folder, sizes[-1], say)
                figures.lines += waits.lines(sizes[-1])
                raw["costs"], raw["waits"] = figures.numbers, waits
                pages.table("What the design pays", figures.table())
        if step_only := more["step_only"]:
            table, raw["step_only"] = fan_out.step_only(folder, step_only, rounds, say)
            pages.table(f"Step alone, {step_only:,} copiers", table)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        click.echo(msgspec.json.encode(raw).decode())
    if write and not quick:
        _write(here, pages.texts, raw)


class Pages:
    """What is printed and written; silent when one JSON value is asked for."""

    def __init__(self, silent: bool) -> None:
        self.texts: list[str] = []
        self._silent = silent

    def add(self, text: str) -> None:
        """Add a page and print it."""
        self.texts.append(text)
        if not self._silent:
            click.echo(text)

    def table(self, title: str, table: str) -> None:
        """Add a table under its title."""
        self.add(f"## {title}\n\n{table}\n")


def _write(here: machine.Machine, pages: list[str], raw: dict[str, object]) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = f"{here.date}-{here.slug()}"
    (RESULTS / f"{stem}.md").write_text("\n".join(pages), encoding="utf-8")
    body = msgspec.json.format(msgspec.json.encode(raw), indent=1)
    (RESULTS / f"{stem}.json").write_bytes(body)
    say(f"written: bench/results/{stem}.md and .json")


if __name__ == "__main__":
    sys.exit(main())
