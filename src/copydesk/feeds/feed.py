"""One stream of ticks: as fast as the reader takes them, or paced by their own time.

What lives here: `Feed`, `FeedError`, and the packing of columns into a `MarketTick`.
What it may touch: `model`; asyncio's own timer for pacing, no wall clock.
Always true: `batches` is pure; market time never falls; a feed that fell behind drops no tick.
Start reading: `Feed`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.model.inputs import MarketTick

STALL_S = 1.0  # a reader that is this late is not chased with a burst of ticks


class FeedError(Exception):
    """A feed that cannot be opened or read; the text names the file, the row and the column."""


class Start(msgspec.Struct, frozen=True, gc=False):
    """Where a feed begins: market time (0: its own beginning) and prices known then, in ticks."""

    market_ts_ms: int = 0
    last_ticks: Mapping[int, int] = {}


Source = Callable[[Start], Iterator[MarketTick]]


class Feed:
    """A stream of ticks for `inst_rows`.

    `speed` 1 is its own pace, 60 a minute per second, 0 no waiting at all.
    """

    def __init__(self, name: str, inst_rows: Sequence[int], speed: float, source: Source) -> None:
        if not 0 <= speed < float("inf"):
            raise FeedError(
                f"{name}: speed must be 0 (no waiting) or a positive number, not {speed}"
            )
        self.name = name
        self.inst_rows = tuple(inst_rows)
        self.speed = speed
        self._source = source
        self._start = Start()

    def resume(self, market_ts_ms: int, last_ticks: Mapping[int, int]) -> None:
        """Go on where an earlier run stood: after a recovery, before the first tick is asked for.

        A simulated market takes the prices, a replay skips what lies at or before `market_ts_ms`.
        0 changes nothing.
        """
        if market_ts_ms:
            self._start = Start(market_ts_ms, dict(last_ticks))

    def batches(self) -> Iterator[MarketTick]:
        """Yield the ticks one after another without waiting; each call begins anew at the start."""
        return self._source(self._start)

    async def ticks(self) -> AsyncIterator[MarketTick]:
        """Yield the ticks when their time has come, giving way to other tasks before each."""
        timer = asyncio.get_running_loop().time
        due_s, shown_ms = timer(), -1
        for tick in self._source(self._start):
            wait_s = 0.0
            if self.speed:
                if shown_ms >= 0:
                    due_s += (tick.market_ts_ms - shown_ms) / 1_000 / self.speed
                shown_ms = tick.market_ts_ms
                wait_s = due_s - timer()
                if wait_s < -STALL_S:
                    due_s -= wait_s
            await asyncio.sleep(max(0.0, wait_s))
            yield tick


def pack(
    market_ts_ms: int,
    rows: npt.ArrayLike,
    last: npt.ArrayLike,
    mark: npt.ArrayLike,
    volume: npt.ArrayLike,
) -> MarketTick:
    """Pack parallel columns into a tick: little-endian int64, as `MarketTick` says."""
    columns: list[npt.NDArray[Any]] = [np.asarray(c, "<i8") for c in (rows, last, mark, volume)]
    return MarketTick(market_ts_ms, *(c.tobytes() for c in columns))
