"""Pages of lists that are ordered by id, newest first.

What lives here: `Page`, the cut that a reader asked for, and the walk through one or more sources.
What it may touch: NumPy.
Always true: `after` gives older rows, `before` newer ones, both exclusive; begin and end include
their millisecond; rows become objects only as far as the page needs them.
Start reading: `newest_first`.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

T = TypeVar("T")
I64 = npt.NDArray[np.int64]


class Page(msgspec.Struct, frozen=True, gc=False):
    """At most `limit` rows, older than id `after`, newer than `before`, within the times."""

    limit: int
    after: int | None = None
    before: int | None = None
    begin_ms: int | None = None
    end_ms: int | None = None


class Source(NamedTuple):
    """Rows of one kind: their ids, their times in ms, and how the one at a place is read."""

    ids: I64
    times_ms: I64
    read: Callable[[int], object]


def newest_first(ids: I64, page: Page, times_ms: I64 | None = None) -> I64:
    """Choose the places of `ids` that the page admits, newest id first; the limit is the caller's.

    Times are needed where the page has a beginning or an end.
    """
    keep = np.ones(len(ids), dtype=np.bool_)
    if page.after is not None:
        keep &= ids < page.after
    if page.before is not None:
        keep &= ids > page.before
    if times_ms is not None and page.begin_ms is not None:
        keep &= times_ms >= page.begin_ms
    if times_ms is not None and page.end_ms is not None:
        keep &= times_ms <= page.end_ms
    chosen = np.flatnonzero(keep)
    return chosen[np.argsort(ids[chosen], kind="stable")[::-1]].astype(np.int64)


def merged(sources: Sequence[Source], page: Page) -> Iterator[object]:
    """Read the rows of all sources that the page admits, newest id first, one by one."""
    ids = np.concatenate([source.ids for source in sources])
    times = np.concatenate([source.times_ms for source in sources])
    ends = np.cumsum([len(source.ids) for source in sources])
    for place in newest_first(ids, page, times).tolist():
        number = int(np.searchsorted(ends, place, side="right"))
        source = sources[number]
        yield source.read(place - int(ends[number]) + len(source.ids))


def first(rows: Iterator[T], page: Page) -> list[T]:
    """Cut a page off rows that come newest first."""
    return list(islice(rows, page.limit))
