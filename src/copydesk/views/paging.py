"""Pages of lists that are ordered by id, newest first.

What lives here: `Page`, the cut that a reader asked for, and `newest_first`.
What it may touch: NumPy.
Always true: `after` gives older rows, `before` newer ones, both exclusive; begin and end include
their millisecond.
Start reading: `newest_first`.
"""

import msgspec
import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


class Page(msgspec.Struct, frozen=True, gc=False):
    """At most `limit` rows, older than id `after`, newer than `before`, within the times."""

    limit: int
    after: int | None = None
    before: int | None = None
    begin_ms: int | None = None
    end_ms: int | None = None


def newest_first(ids: I64, page: Page, times_ms: I64 | None = None) -> I64:
    """Choose the places of `ids` that the page shows, newest id first, int64[<= limit]."""
    chosen = _admitted(ids, page, times_ms)
    order = np.argsort(ids[chosen], kind="stable")[::-1][: page.limit]
    return chosen[order].astype(np.int64)


def _admitted(ids: I64, page: Page, times_ms: I64 | None) -> npt.NDArray[np.intp]:
    keep = np.ones(len(ids), dtype=np.bool_)
    if page.after is not None:
        keep &= ids < page.after
    if page.before is not None:
        keep &= ids > page.before
    if times_ms is not None and page.begin_ms is not None:
        keep &= times_ms >= page.begin_ms
    if times_ms is not None and page.end_ms is not None:
        keep &= times_ms <= page.end_ms
    return np.flatnonzero(keep)
