"""One timer for the time limits of all requests.

What lives here: `Deadlines`.
What it may touch: asyncio.
Always true: a request that outlives its limit is cancelled once and ends in TimeoutError; a task
that is cancelled by somebody else stays cancelled.
Start reading: `Deadlines.limit`.

`asyncio.timeout` sets and cancels a timer per request, 4 of its 30 us in this process; all requests
have the same limit here, so they fall due in order of arrival and one look now and then is enough.
A request may outlive its limit by `LOOKS` of it.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

T = TypeVar("T")

LOOKS: Final = 20  # looks per limit


class Deadlines:
    """The requests under way, oldest first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._under_way: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._looking = False

    async def limit(self, work: Awaitable[T]) -> T:
        """Wait for `work`. Raises TimeoutError after the limit."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._under_way[task] = loop.time() + self._seconds
        if not self._looking:
            self._look_later(loop)
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._late or task.uncancel() > 0:
                raise
            raise TimeoutError from None
        finally:
            del self._under_way[task]
            self._late.discard(task)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = True
        loop.call_later(self._seconds / LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in self._under_way.items():
            if due > now:
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        self._looking = False
        if self._under_way:
            self._look_later(loop)
