"""Figures of a running node in Prometheus' terms.

What lives here: `Metrics`, one registry per node.
What it may touch: prometheus-client.
Always true: no label carries an account, a key or any other unbounded value.
Start reading: `Metrics`.
"""

from collections.abc import Callable

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from copydesk.model.enums import NoCopyReason
from copydesk.model.outputs import CopiesFilled, CopiesNotMade, Output

_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0)


class Metrics:
    """What the engine thread counts. Everything is updated once per batch."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.batches = Counter("copydesk_batches", "Batches made durable", registry=registry)
        self.inputs = Counter("copydesk_inputs", "Inputs made durable", registry=registry)
        self.copies = Counter(
            "copydesk_copies", "Copy fills, opening or closing", registry=registry
        )
        self.not_made = Counter(
            "copydesk_copies_not_made",
            "Copies that were not made, by reason",
            ["reason"],
            registry=registry,
        )
        self.append_seconds = Histogram(
            "copydesk_append_seconds",
            "Append of a batch to the journal, fsync included",
            buckets=_SECONDS,
            registry=registry,
        )
        self.step_seconds = Histogram(
            "copydesk_step_seconds",
            "All steps of a batch",
            buckets=_SECONDS,
            registry=registry,
        )
        self.snapshots = Counter("copydesk_snapshots", "Snapshots written", registry=registry)
        self.busy = Counter(
            "copydesk_inbox_refusals",
            "Inputs refused because the inbox was full",
            registry=registry,
        )
        self.seq = Gauge("copydesk_seq", "Last input", registry=registry)

    def watch_inbox(self, depth: Callable[[], int]) -> None:
        """Report the depth of the inbox when asked."""
        gauge = Gauge("copydesk_inbox_depth", "Inputs waiting", registry=self.registry)
        gauge.set_function(depth)

    def timed(self, append_seconds: float, step_seconds: float) -> None:
        """Count a batch."""
        self.batches.inc()
        self.append_seconds.observe(append_seconds)
        self.step_seconds.observe(step_seconds)

    def released(self, outputs: list[Output]) -> None:
        """Count what left the engine."""
        self.inputs.inc(len(outputs))
        copies = 0
        not_made = np.zeros(len(NoCopyReason), dtype=np.int64)
        for output in outputs:
            for fact in output.facts:
                if isinstance(fact, CopiesFilled):
                    copies += len(fact.copy_rows)
                elif isinstance(fact, CopiesNotMade):
                    not_made += np.bincount(fact.reasons, minlength=len(NoCopyReason))
        if copies:
            self.copies.inc(copies)
        for reason in np.flatnonzero(not_made).tolist():
            self.not_made.labels(NoCopyReason(reason).wire).inc(int(not_made[reason]))
        if outputs:
            self.seq.set(outputs[-1].seq)

    def text(self) -> bytes:
        """All figures as Prometheus text."""
        return generate_latest(self.registry)
