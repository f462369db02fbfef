"""The picture at the end: how the lead traders did, and what became of the copy traders.

What lives here: one figure of four panels.
What it may touch: matplotlib (imported when it is drawn, never a window).
Always true: it shows what the server answered; stretches without a server are left white.
Start reading: `draw`.
"""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from copydesk.demo.board import Board
from copydesk.demo.cast import LEADS, Copier
from copydesk.demo.ledger import Ledger

COLOURS = ("#2f6fb2", "#d97a1d", "#3a9a5b")
GREY, RED = "#8a8f98", "#c23b3b"
_CLIP = 20.0  # per cent: what lies beyond goes into the outer bins
MARKS = {  # what an event says, and how it is marked
    "amends": ("Jun drops ETH", GREY),
    "leads it again": ("Jun takes ETH back", GREY),
    "killed": ("kill -9", RED),
    "up again": ("up again", RED),
}


def draw(
    path: Path, board: Board, ledger: Ledger, copiers: list[Copier], reasons: Counter[str]
) -> None:
    """Write the figure as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplot_mosaic(
        [["curves", "curves"], ["results", "kinds"], ["results", "why"]],
        height_ratios=[1.3, 0.8, 0.9],
    )
    _curves(panels["curves"], board, ledger)
    _results(panels["results"], board, copiers)
    _kinds(panels["kinds"], board, copiers)
    _why(panels["why"], board, reasons)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    cast = f"3 lead traders, {len(copiers):,} copy traders, recorded BTC and ETH minutes"
    figure.suptitle(f"Copydesk demo: {cast}", fontweight="bold")
    figure.savefig(path, dpi=110)


def _curves(axes: Any, board: Board, ledger: Ledger) -> None:
    times = [at for at, _ in board.curves]
    gap = max((b - a, a) for a, b in pairwise(times)) if len(times) > 2 else None
    for number, (lead, colour) in enumerate(zip(LEADS, COLOURS, strict=True)):
        gain = [(values[number] / lead.deposit - 1) * 100 for _, values in board.curves]
        if gap is not None:  # no line across the time without a server
            cut = times.index(gap[1]) + 1
            axes.plot(times[:cut], gain[:cut], color=colour, lw=1.8)
            axes.plot(times[cut:], gain[cut:], color=colour, lw=1.8)
        axes.plot([], [], color=colour, lw=3, label=f"{lead.name}, {lead.style}, {lead.lever}x")
    axes.axhline(0, color=GREY, lw=0.8)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + (high - low) * 0.2)  # room for the marks
    for at, words in ledger.events:
        for place, (key, (label, colour)) in enumerate(MARKS.items()):
            if key in words:
                axes.axvline(at, color=colour, lw=1, ls="--")
                axes.annotate(
                    label,
                    (at, 1),
                    (4, -2 - 13 * (place % 2)),
                    xycoords=("data", "axes fraction"),
                    textcoords="offset points",
                    color=colour,
                    va="top",
                )
    axes.margins(x=0.01)
    axes.set(ylabel="gain, % of deposit", xlabel="seconds of the run")
    axes.set_title("Lead traders", loc="left")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0)


def _percent(board: Board, copiers: list[Copier], lead: int) -> list[float]:
    return [
        max(-_CLIP, min(_CLIP, board.results[number] / copier.deposit * 100))
        for number, copier in enumerate(copiers)
        if number in board.results and copier.relations[0].lead == lead
    ]


def _results(axes: Any, board: Board, copiers: list[Copier]) -> None:
    groups = [_percent(board, copiers, lead) for lead in range(len(LEADS))]
    labels = [f"copy {lead.name}" for lead in LEADS]
    bins = [step - _CLIP for step in range(2 * int(_CLIP) + 1)]
    axes.hist(groups, bins=bins, stacked=True, color=COLOURS, label=labels)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.set(xlabel="result, % of deposit (outer bins: beyond)", ylabel="copy traders")
    axes.set_title("What copy traders won or lost", loc="left")
    axes.legend(frameon=False)


def _kinds(axes: Any, board: Board, copiers: list[Copier]) -> None:
    """Draw the spread of results by kind of copy trader."""
    kinds = sorted({copier.kind for copier in copiers})
    groups = [
        [
            max(-_CLIP, min(_CLIP, board.results[number] / copier.deposit * 100))
            for number, copier in enumerate(copiers)
            if copier.kind == kind and number in board.results
        ]
        for kind in kinds
    ]
    parts = axes.boxplot(
        groups, orientation="horizontal", widths=0.55, showfliers=False, patch_artist=True
    )
    for box in parts["boxes"]:
        box.set(facecolor="#dfe7f1", edgecolor=GREY)
    for line in parts["medians"]:
        line.set(color="black", lw=1.5)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.set_yticks(range(1, len(kinds) + 1), kinds)
    axes.set(xlabel="result, % of deposit")
    axes.set_title("By kind of copy trader", loc="left")


def _why(axes: Any, board: Board, reasons: Counter[str]) -> None:
    """Draw how many pairs became a copy, and why the others did not."""
    rows = reasons.most_common()[::-1]
    names = [name.replace("_", " ") for name, _ in rows]
    counts = [count for _, count in rows]
    colours = ["#3a9a5b" if name == "copied" else "#d9b14a" for name, _ in rows]
    bars = axes.barh(names, counts, color=colours)
    axes.bar_label(bars, [f"{count:,}" for count in counts], padding=4)
    axes.margins(x=0.15)
    axes.set(xlabel="pairs of a lead position and a copy relation")
    axes.set_title(f"Copied or not, and why ({board.copies:,} copy fills)", loc="left")
