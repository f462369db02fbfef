"""The inbox: commands and ticks on their way from the event loop to the engine thread.

What lives here: `Inbox`, `Waiting`, and which inputs are exits.
What it may touch: `model`, threads.
Always true: bounded by `limits.MAX_INBOX`; one order of arrival; an exit is taken even when it is
full (closes are sacred), bounded then by what the door lets through.
Start reading: `Inbox.put`, `Inbox.take`.
"""

import asyncio
import threading
from collections import deque

import msgspec

from copydesk.model.inputs import (
    CancelOrder,
    ClosePosition,
    CloseSubPosition,
    Input,
    PlaceOrder,
    StopCopying,
)
from copydesk.model.limits import MAX_INBOX
from copydesk.model.outputs import Reply

_EXITS = (CancelOrder, ClosePosition, CloseSubPosition, StopCopying)


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """An input that has no seq yet, as the journal will hold it, and who waits for the reply."""

    body: Input
    encoded: bytes
    future: asyncio.Future[Reply]


def is_exit(body: Input) -> bool:
    """Tell whether an input can only get its sender out of something."""
    return isinstance(body, _EXITS) or (isinstance(body, PlaceOrder) and body.reduce_only)


class Inbox:
    """Many producers on the event loop, one consumer: the engine thread."""

    def __init__(self, bound: int = MAX_INBOX) -> None:
        self._bound = bound
        self._waiting: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._nudged = False
        self._closed = False

    def put(self, item: Waiting) -> bool:
        """Take an input in; False if full (never for an exit) or closed."""
        with self._changed:
            if self._closed or (len(self._waiting) >= self._bound and not is_exit(item.body)):
                return False
            self._waiting.append(item)
            self._changed.notify()
            return True

    def nudge(self) -> None:
        """Wake the engine thread though there may be no input."""
        with self._changed:
            self._nudged = True
            self._changed.notify()

    def take(self, most: int) -> list[Waiting] | None:
        """Wait for inputs or a nudge and take up to `most` in order of arrival; None: closed and
        empty."""
        with self._changed:
            while not (self._waiting or self._nudged or self._closed):
                self._changed.wait()
            self._nudged = False
            if not self._waiting and self._closed:
                return None
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def close(self) -> None:
        """Take nothing more in; what is inside is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def __len__(self) -> int:
        """Count the inputs waiting now."""
        return len(self._waiting)
