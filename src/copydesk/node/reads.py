"""Reading State while the engine runs: whole steps only, and never for long in the way.

What lives here: `Reads`: the lock around steps, and the queue of views for which it was taken.
What it may touch: `engine.state`, threads, asyncio.
Always true: a view runs between two steps, on the event loop if the engine is not stepping, else on
the engine thread.
Start reading: `Reads.read`.

One of the two places of the house that catch everything: a view that fails on the engine thread is
a bug of that view, and is handed to the reader that asked. It must not stop the exchange.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from copydesk.engine.state import State

T = TypeVar("T")
View = Callable[[State], T]
Answer = tuple[asyncio.Future[Any], Any, Exception | None]


class Reads:
    """Views of the event loop over the State of the engine thread."""

    def __init__(self, state: State, nudge: Callable[[], None]) -> None:
        self.stepping = threading.Lock()
        self._state = state
        self._nudge = nudge
        self._over: Exception | None = None
        self._queue: deque[tuple[View[Any], asyncio.Future[Any]]] = deque()

    async def read(self, view: View[T]) -> T:
        """Run `view` over State between two steps."""
        if self._over is not None:
            raise self._over
        if self.stepping.acquire(blocking=False):
            try:
                return view(self._state)
            finally:
                self.stepping.release()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((view, future))
        self._nudge()
        return await future

    def abandon(self, why: Exception) -> list[Answer]:
        """Let nobody read any more, and answer those who wait. When the engine thread has ended."""
        self._over = why
        answers: list[Answer] = [(future, None, why) for _, future in self._queue]
        self._queue.clear()
        return answers

    @property
    def waiting(self) -> bool:
        """Whether a view waits for the engine thread."""
        return bool(self._queue)

    def serve(self) -> list[Answer]:
        """Run what waits. On the engine thread, between two steps."""
        answers: list[Answer] = []
        while self._queue:
            view, future = self._queue.popleft()
            try:
                answers.append((future, view(self._state), None))
            except Exception as error:  # noqa: BLE001 one of the two places: see above
                answers.append((future, None, error))
        return answers
