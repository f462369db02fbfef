"""The outbox: what became durable, on its way to whoever waits or listens.

What lives here: `Outbox`, the event-loop side of the sequencer.
What it may touch: `model.outputs`, asyncio.
Always true: everything here follows from inputs that are on disk; replies go before facts;
listeners get every batch in order. A listener keeps no batch: what it cannot pass on at once it
bounds itself (`api/ws.py` cuts off slow readers).
Start reading: `Outbox.release`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from copydesk.model.outputs import Output

Listener = Callable[[list[Output]], None]
Resolution = tuple[asyncio.Future[Any], Any, Exception | None]


class Outbox:
    """Futures to be answered and listeners to be told, on the event loop."""

    def __init__(self) -> None:
        self._listeners: dict[int, Listener] = {}
        self._next = 0

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the outputs of each released batch; the result unsubscribes."""
        number, self._next = self._next, self._next + 1
        self._listeners[number] = listener

        def unsubscribe() -> None:
            self._listeners.pop(number, None)

        return unsubscribe

    def release(self, resolutions: list[Resolution], outputs: list[Output]) -> None:
        """Answer, then tell. Called on the event loop."""
        for future, value, error in resolutions:
            if future.done():  # whoever asked has gone
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        if outputs:
            for listener in tuple(self._listeners.values()):
                listener(outputs)
