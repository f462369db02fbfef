"""Command line: what `--help` costs at the prompt, and how much there is to write."""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.tables import Spread, markdown

ROUNDS = 25
PROGRAMS = {
    "python alone": ["-c", "pass"],
    "argparse": ["-m", "bench.candidates.cli_argparse", "--help"],
    "click": ["-m", "bench.candidates.cli_click", "--help"],
    "typer": ["-m", "bench.candidates.cli_typer", "--help"],
}


def run() -> tuple[str, dict[str, list[float]]]:
    """Start each program in turn, many times."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    environment = dict(os.environ, PYTHONPATH=str(Path.cwd()))
    for number in range(ROUNDS + 1):
        for name, arguments in PROGRAMS.items():
            begin = time.perf_counter_ns()
            subprocess.run(
                [sys.executable, *arguments], check=True, env=environment, capture_output=True
            )
            if number:  # the first round only fills the page cache and __pycache__
                times[name].append((time.perf_counter_ns() - begin) / 1e6)
    rows = []
    for name, arguments in PROGRAMS.items():
        lines = _lines(arguments[1].rpartition(".")[2]) if "." in arguments[1] else ""
        rows.append([name, Spread.of(times[name]).cell(), lines])
    head = ["program", "ms to the help text, min / **median** / max (runs)", "lines of code"]
    return markdown(head, rows), times


def _lines(module: str) -> str:
    """Count lines that are neither blank nor the docstring of the module."""
    text = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    return str(sum(bool(line.strip()) for line in text.splitlines()) - 1)
