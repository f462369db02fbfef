"""Rate limits: at most n requests in any stretch of w seconds, per user or IP, and per instrument.

What lives here: `Limits`, the sliding windows of all callers.
What it may touch: `endpoint`, `desk`. No clock of its own: the caller says what time it is.
Always true: refused requests do not count; memory is bounded by what was accepted in the last two
generations, and by `MAX_WINDOWS`.
Start reading: `Limits.check`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from copydesk.api.desk import Desk
from copydesk.api.endpoint import Endpoint, Limit, Scope
from copydesk.api.errors import DoorCode, Refusal
from copydesk.model.enums import InstType

GENERATION_NS: Final = 10 * 1_000_000_000
SET_BACK_NS: Final = 60 * 1_000_000_000  # longer than any request takes
MAX_WINDOWS: Final = 1 << 17
ACCOUNT: Final = "orders of the account"

Given = Mapping[str, object]
Key = tuple[str, int | str, int]

_BY_INSTRUMENT: Final = frozenset((Scope.USER_INSTRUMENT, Scope.IP_INSTRUMENT))
_BY_IP: Final = frozenset((Scope.IP, Scope.IP_INSTRUMENT))


class Who(NamedTuple):
    """Who calls: an account (-1: nobody logged in) from an address."""

    account_row: int
    ip: str


class Limits:
    """All windows in two generations: what nobody asked for during a whole one is forgotten.

    A list of arrival times per window, not a token bucket: OKX counts in sliding windows, and
    clients that send exactly their n in a burst, then wait, must never be refused.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._young: dict[Key, list[int]] = {}
        self._old: dict[Key, list[int]] = {}
        self._turned_ns = 0

    def check(
        self, endpoint: Endpoint[Any], items: Sequence[Given], who: Who, now_ns: int
    ) -> Refusal | None:
        """Count one call (of a batch: its orders) unless that is more than the table allows.

        `items` is what was given, one element for a single call. All instruments that do not
        exist count as one, so that invented names open no windows. Rejects: 50011, 50061.
        """
        if not self._desk.settings.rate_limits:
            return None
        if not self._allow(endpoint, items, who, now_ns):
            return Refusal(DoorCode.TOO_MANY_REQUESTS)
        count = endpoint.limit.account_count
        if count is None:
            return None
        weight = sum(self._is_counted(item) for item in items)
        whole = Limit(count, endpoint.limit.seconds)
        if weight and not self._take((ACCOUNT, who.account_row, -1), whole, weight, now_ns):
            return Refusal(DoorCode.ACCOUNT_ORDER_RATE)
        return None

    def _is_counted(self, item: Given) -> bool:
        """Tell whether an order counts for the whole account: all but spot do."""
        row = self._inst_row(item)
        return row < 0 or self._desk.table.instruments[row].inst_type is not InstType.SPOT

    def _allow(
        self, endpoint: Endpoint[Any], items: Sequence[Given], who: Who, now_ns: int
    ) -> bool:
        limit = endpoint.limit
        if len(items) == 1 and endpoint.single_limit is not None:
            limit = endpoint.single_limit
        name = limit.bucket or endpoint.path
        caller = who.ip if limit.scope in _BY_IP else who.account_row
        if limit.scope not in _BY_INSTRUMENT:
            return self._take((name, caller, -1), limit, len(items) or 1, now_ns)
        if len(items) == 1:
            row = self._inst_row(items[0])
            return self._take((name, caller, row), self._lead(limit, who, row), 1, now_ns)
        orders = Counter(self._inst_row(item) for item in items) or Counter((-1,))
        return all(
            self._take((name, caller, row), self._lead(limit, who, row), weight, now_ns)
            for row, weight in orders.items()
        )

    def _inst_row(self, item: Given) -> int:
        inst_id = item.get("instId")
        return self._desk.rows.get(inst_id, -1) if isinstance(inst_id, str) else -1

    def _lead(self, limit: Limit, who: Who, inst_row: int) -> Limit:
        """Choose the tighter limit on an instrument that the caller leads."""
        if limit.lead_count is None or inst_row < 0:
            return limit
        if not self._desk.leads(who.account_row, inst_row):
            return limit
        return Limit(limit.lead_count, limit.seconds)

    def _take(self, key: Key, limit: Limit, weight: int, now_ns: int) -> bool:
        if now_ns - self._turned_ns >= GENERATION_NS or len(self._young) >= MAX_WINDOWS:
            self._turn(now_ns)
        stamps = self._young.get(key)
        if stamps is None:
            stamps = self._young[key] = self._old.pop(key, [])
        window_ns = limit.seconds * 1_000_000_000
        assert window_ns <= GENERATION_NS, "a generation must outlive every window"
        if stamps and stamps[-1] > now_ns:
            now_ns = self._put_right(stamps, now_ns)
        del stamps[: bisect_right(stamps, now_ns - window_ns)]
        if len(stamps) + weight > limit.count:
            return False
        stamps.extend([now_ns] * weight)
        return True

    def _put_right(self, stamps: list[int], now_ns: int) -> int:
        """Keep a window in order when a request arrived before one that was counted already.

        A body may come long after its head, so a little back is no reason to forget anything. Far
        back means that the clock was set: old times would block until it catches up.
        """
        if stamps[-1] - now_ns < SET_BACK_NS:
            return stamps[-1]
        stamps.clear()
        return now_ns

    def _turn(self, now_ns: int) -> None:
        self._old = self._young
        self._young = {}
        self._turned_ns = now_ns

    def __len__(self) -> int:
        """Count the windows held."""
        return len(self._young) + len(self._old)
