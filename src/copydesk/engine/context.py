"""The moment in which a step runs: its seq, its time, and the facts it makes.

What lives here: `Context`, handed to every function of the engine that changes State.
What it may touch: `model`.
Always true: facts are appended in the order in which they happened.
Start reading: `Context`.
"""

import msgspec

from copydesk.model.outputs import Fact


class Context(msgspec.Struct, gc=False):
    """seq and ts_ns of the input, and the facts made so far."""

    seq: int
    ts_ns: int
    facts: list[Fact]

    @property
    def ts_ms(self) -> int:
        """Unix milliseconds of the input."""
        return self.ts_ns // 1_000_000

    def emit(self, fact: Fact) -> None:
        """Record what happened."""
        self.facts.append(fact)
