"""Figures as numbers and as tables: min / median / max, Markdown."""

import statistics
from collections.abc import Sequence

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """Times of one thing over the rounds of a run, in milliseconds."""

    runs: int
    min_ms: float
    median_ms: float
    max_ms: float
    p99_ms: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> "Spread":
        """Summarise; needs at least one time."""
        ordered = sorted(times_ms)
        last = len(ordered) - 1
        return cls(
            runs=len(ordered),
            min_ms=ordered[0],
            median_ms=statistics.median(ordered),
            max_ms=ordered[-1],
            p99_ms=ordered[min(last, -(-99 * len(ordered) // 100) - 1)],
        )

    def cell(self) -> str:
        """Print as `min / **median** / max (runs)`."""
        low, middle, high = (digits(ms) for ms in (self.min_ms, self.median_ms, self.max_ms))
        return f"{low} / **{middle}** / {high} ({self.runs})"


def digits(value: float) -> str:
    """Print with about three significant digits and no exponent."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.01 or not size else f"{value:.5f}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out one Markdown table, columns padded so that it also reads in a terminal."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    lines = [_row(header, widths), "|" + "|".join("-" * (w + 2) for w in widths) + "|"]
    lines += [_row(row, widths) for row in rows]
    return "\n".join(lines)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "|" + "|".join(f" {c:<{w}} " for c, w in zip(cells, widths, strict=True)) + "|"
