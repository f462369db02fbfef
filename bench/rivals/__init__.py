"""The rivals of the fan-out run: the engine itself, PostgreSQL, the C floor, a plain Decimal loop.

Always true: each is given the same workload, makes its cause (or its rows) durable before
`open_ms` returns, and hands out what it made so that the run can assert equality.
Start reading: `Rival`.
"""

from typing import Protocol

from bench.workload import Copies


class Rival(Protocol):
    """One way to do the fan-out."""

    name: str

    def open_ms(self, size: int) -> float:
        """Copy one lead fill to `size` copiers, durable; give the milliseconds it took."""
        ...

    def close_ms(self, size: int) -> float:
        """Undo the exposure so that the next round starts flat; give the milliseconds it took."""
        ...

    def copies(self, size: int) -> Copies:
        """Read what the last `open_ms` made."""
        ...

    def balances(self, size: int) -> tuple[int, int]:
        """Sum the copiers' cash and the margin in use now, 1e-8 USDT."""
        ...

    def stop(self) -> None:
        """Let go of files and processes."""
        ...
