"""Run the comparisons: `python -m bench.candidates [web json cli journal ws]`, from the root."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import machine
from bench.candidates import cli, codecs, journals, web, ws

RUNS: dict[str, tuple[str, Callable[[], tuple[str, Any]]]] = {
    "web": ("Web server: one signed order", web.run),
    "json": ("JSON", codecs.run),
    "cli": ("Command line", cli.run),
    "journal": ("Journal: durable append", journals.run),
    "ws": ("WebSocket: one message to every socket", ws.run),
}


def main(wanted: list[str]) -> None:
    """Run what is wanted, print, and write the results."""
    with tempfile.TemporaryDirectory(prefix="copydesk-bench-") as folder:
        here = machine.read(Path(folder))
    pages = [f"# Candidates\n\n{here.line()}\n"]
    raw: dict[str, Any] = {}
    for name in wanted or list(RUNS):
        title, run = RUNS[name]
        table, raw[name] = run()
        pages.append(f"## {title}\n\n{table}\n")
        print(pages[-1], flush=True)
    if wanted:
        return
    stem = Path(__file__).parents[1] / "results" / f"{here.date}-{here.slug()}-candidates"
    stem.with_suffix(".md").write_text("\n".join(pages), encoding="utf-8")
    body = msgspec.json.encode({"machine": here, "figures": raw})
    stem.with_suffix(".json").write_bytes(msgspec.json.format(body, indent=1))


main(sys.argv[1:])
