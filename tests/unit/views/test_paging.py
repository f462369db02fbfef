import numpy as np
import pytest

from copydesk.views.paging import Page, Source, first, merged, newest_first

IDS = np.array([10, 30, 20, 40], dtype=np.int64)
TIMES = np.array([1, 3, 2, 4], dtype=np.int64)


@pytest.mark.parametrize(
    "page, places",
    [
        (Page(10), [3, 1, 2, 0]),
        (Page(2), [3, 1]),
        (Page(10, after=30), [2, 0]),
        (Page(10, before=20), [3, 1]),
        (Page(10, after=40, before=10), [1, 2]),
        (Page(1, before=10), [3]),
        (Page(10, begin_ms=2, end_ms=3), [1, 2]),
        (Page(10, after=5), []),
    ],
)
def test_pages_are_cut_exclusively_and_newest_first(page: Page, places: list[int]) -> None:
    assert first(iter(newest_first(IDS, page, TIMES).tolist()), page) == places


def test_an_empty_list_has_empty_pages() -> None:
    assert newest_first(np.zeros(0, dtype=np.int64), Page(5)).tolist() == []


def test_sources_are_merged_by_id_and_read_only_as_far_as_needed() -> None:
    read: list[int] = []

    def keep(place: int) -> int:
        read.append(place)
        return place

    odd = Source(np.array([1, 5, 3], dtype=np.int64), np.zeros(3, dtype=np.int64), keep)
    none = Source(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), keep)
    even = Source(np.array([2, 4], dtype=np.int64), np.zeros(2, dtype=np.int64), lambda p: -p - 1)
    assert first(merged([odd, none, even], Page(3)), Page(3)) == [1, -2, 2]
    assert read == [1, 2]
