"""The clock: one of the three seams of the house.

What lives here: `Clock`, the real one, and one that tests turn by hand.
What it may touch: the wall clock; nothing else in the house may.
Always true: nanoseconds since 1970 UTC as an integer.
Start reading: `Clock`.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> int:
        """Unix nanoseconds. May jump backwards: the sequencer never lets `ts_ns` fall."""
        ...


class RealClock:
    """The clock of this machine."""

    def now_ns(self) -> int:
        """Unix nanoseconds."""
        return time.time_ns()


class FakeClock:
    """A clock that stands still until it is turned."""

    def __init__(self, ts_ns: int = 1_750_000_000_000_000_000) -> None:
        self.ts_ns = ts_ns

    def now_ns(self) -> int:
        """Tell the time it was set to."""
        return self.ts_ns

    def turn(self, seconds: float) -> None:
        """Move it."""
        self.ts_ns += int(seconds * 1_000_000_000)
