"""What the demo was told by the server, kept on its own side, so that it can be asked for later.

What lives here: orders, settings and stops that were acknowledged, those whose outcome is unknown,
and how long lead orders took.
What it may touch: nothing.
Always true: what stands under "acknowledged" was answered with success before it was written here.
Start reading: `Ledger`.
"""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from copydesk.demo.client import Key


class Acknowledged(msgspec.Struct, frozen=True, gc=False):
    """An order that the server said it took."""

    key: Key
    inst_id: str
    cl_ord_id: str
    own: bool = False  # by a copy trader, by hand


@dataclass(slots=True)
class Ledger:
    """The demo's own memory of the run."""

    orders: dict[str, Acknowledged] = field(default_factory=dict)  # by ordId
    unknown: list[Acknowledged] = field(default_factory=list)  # the connection broke before a word
    late: set[tuple[int, int]] = field(default_factory=set)  # began to copy after trading began
    settings: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict)  # copier, lead
    amended: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict)  # outcome unknown
    stopped: dict[tuple[int, int], str] = field(default_factory=dict)  # copier, lead: close type
    stops_unknown: set[tuple[int, int]] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)  # by code
    lag_ms: list[float] = field(default_factory=list)  # market orders of lead traders
    events: list[tuple[float, str]] = field(default_factory=list)  # seconds into the run, words
