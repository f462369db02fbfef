"""What the door counts about itself: answers by path and code, and the time they took.

What lives here: `Tally`, plain integers that Prometheus reads when it asks.
What it may touch: prometheus_client. Nothing here is per user.
Always true: the number of series is bounded by the endpoint table; unknown paths count as one.
Start reading: `Tally.add`.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)


class Tally:
    """Counts of the door; a collector of Prometheus."""

    def __init__(self) -> None:
        self._answers: dict[tuple[bytes, str], int] = {}
        self._buckets = [0] * (len(BOUNDS_MS) + 1)
        self._total_ns = 0

    def add(self, path: bytes, code: str, took_ns: int) -> None:
        """Count one answer; `path` b"" stands for all paths that do not exist."""
        key = (path, code)
        self._answers[key] = self._answers.get(key, 0) + 1
        self._total_ns += took_ns
        took_ms = took_ns // 1_000_000
        at = 0
        while at < len(BOUNDS_MS) and took_ms >= BOUNDS_MS[at]:
            at += 1
        self._buckets[at] += 1

    def collect(self) -> Iterator[Metric]:
        """Hand the counts to Prometheus."""
        answers = CounterMetricFamily(
            "copydesk_api_answers", "Answers of the REST door", labels=("path", "code")
        )
        for (path, code), count in self._answers.items():
            answers.add_metric((path.decode("ascii") or "unknown", code), count)
        yield answers
        took = HistogramMetricFamily("copydesk_api_seconds", "Arrival to answer, all paths")
        running = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*BOUNDS_MS, None), self._buckets, strict=True):
            running += count
            buckets.append(("+Inf" if bound is None else str(bound / 1_000), running))
        took.add_metric((), buckets, self._total_ns / 1e9)
        yield took
