"""Sliding windows, with a clock that is turned by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.api.support import NOW_NS, House, make_house

from copydesk.api import limits
from copydesk.api.desk import Permission
from copydesk.api.endpoint import Answer, Call, Endpoint, Limit, Scope
from copydesk.api.limits import Limits, Who
from copydesk.api.request import Request

SECOND_NS = 1_000_000_000
ME, OTHER = Who(2, "203.0.113.7"), Who(3, "203.0.113.8")
BTC: dict[str, object] = {"instId": "BTC-USDT-SWAP"}
ETH: dict[str, object] = {"instId": "ETH-USDT-SWAP"}


class Nothing(Request, frozen=True, kw_only=True):
    pass


async def answer_nothing(_call: Call[Nothing]) -> Answer:
    return ()


def endpoint(limit: Limit, path: str = "/api/v5/a", **more: Any) -> Endpoint[Nothing]:
    return Endpoint(
        method="POST",
        path=path,
        permission=Permission.TRADE,
        limit=limit,
        request=Nothing,
        handler=answer_nothing,
        **more,
    )


@pytest.fixture
def house() -> House:
    return make_house()


def count(
    windows: Limits, row: Endpoint[Nothing], tries: int, who: Who = ME, *items: Any, at: int = 0
) -> int:
    """How many of `tries` calls are let through at one moment."""
    given = items or ({},)
    return sum(windows.check(row, given, who, NOW_NS + at) is None for _ in range(tries))


def test_as_many_as_the_table_says_and_no_more(house: House) -> None:
    windows, row = Limits(house.desk()), endpoint(Limit(5))
    assert count(windows, row, 9) == 5
    assert count(windows, row, 9, at=2 * SECOND_NS - 1) == 0
    assert count(windows, row, 9, at=2 * SECOND_NS) == 5


def test_the_window_slides_by_the_time_of_each_request(house: House) -> None:
    windows, row = Limits(house.desk()), endpoint(Limit(3))
    assert [count(windows, row, 1, at=at * SECOND_NS // 2) for at in range(6)] == [1, 1, 1, 0, 1, 1]


def test_a_refused_request_does_not_count(house: House) -> None:
    windows, row = Limits(house.desk()), endpoint(Limit(1))
    for at in range(20):
        count(windows, row, 1, at=at * SECOND_NS // 10)
    assert count(windows, row, 1, at=2 * SECOND_NS) == 1


@pytest.mark.parametrize(
    "scope, same",
    [(Scope.USER, Who(2, "198.51.100.1")), (Scope.IP, Who(9, "203.0.113.7"))],
)
def test_who_is_counted_together(house: House, scope: Scope, same: Who) -> None:
    windows, row = Limits(house.desk()), endpoint(Limit(2, scope=scope))
    assert count(windows, row, 2, ME) == 2
    assert count(windows, row, 2, same) == 0
    assert count(windows, row, 2, OTHER) == 2


def test_instruments_have_windows_of_their_own_and_invented_ones_share_one(house: House) -> None:
    windows = Limits(house.desk())
    row = endpoint(Limit(2, scope=Scope.USER_INSTRUMENT))
    assert count(windows, row, 3, ME, BTC) == 2
    assert count(windows, row, 3, ME, ETH) == 2
    assert sum(count(windows, row, 1, ME, {"instId": f"X{n}"}) for n in range(9)) == 2
    assert count(windows, row, 1, ME, {"instId": 7}) == 0
    assert len(windows) == 3


def test_endpoints_of_one_bucket_share_a_window(house: House) -> None:
    windows = Limits(house.desk())
    one = endpoint(Limit(3, bucket="place"))
    two = endpoint(Limit(3, bucket="place"), path="/api/v5/b")
    other = endpoint(Limit(3), path="/api/v5/c")
    assert [count(windows, row, 2) for row in (one, two, other)] == [2, 1, 2]


def test_batches_count_orders_per_instrument_and_a_batch_of_one_is_single(house: House) -> None:
    windows = Limits(house.desk())
    single = Limit(2, scope=Scope.USER_INSTRUMENT, bucket="place")
    batch = Limit(10, scope=Scope.USER_INSTRUMENT, bucket="place-batch")
    row = endpoint(batch, batch=20, single_limit=single)
    assert count(windows, row, 1, ME, *[BTC] * 8) == 1
    assert count(windows, row, 1, ME, *[BTC] * 3) == 0
    assert count(windows, row, 1, ME, *[BTC] * 2, *[ETH] * 10) == 1
    assert count(windows, row, 3, ME, BTC) == 2
    assert count(windows, endpoint(single), 1, ME, BTC) == 0


def test_led_instruments_are_slower_for_who_leads_them(house: House) -> None:
    house.led.add((2, house.desk().rows["BTC-USDT-SWAP"]))
    windows = Limits(house.desk())
    row = endpoint(Limit(60, scope=Scope.USER_INSTRUMENT, lead_count=4))
    assert count(windows, row, 70, ME, BTC) == 4
    assert count(windows, row, 70, ME, ETH) == 60
    assert count(windows, row, 70, OTHER, BTC) == 60


def test_orders_of_the_whole_account_are_bounded_but_spot_is_free(house: House) -> None:
    windows = Limits(house.desk())
    limit = Limit(10, scope=Scope.USER_INSTRUMENT, account_count=12, bucket="place")
    row = endpoint(limit)
    assert count(windows, row, 10, ME, BTC) == 10
    assert count(windows, row, 10, ME, {"instId": "BTC-USDT"}) == 10
    assert count(windows, row, 10, ME, ETH) == 2
    refusal = windows.check(row, ({},), ME, NOW_NS)
    assert refusal is not None
    assert refusal.code == 50061
    assert count(windows, row, 10, OTHER, BTC) == 10


def test_limits_can_be_switched_off(house: House) -> None:
    windows = Limits(house.desk(rate_limits=False))
    assert count(windows, endpoint(Limit(1)), 100) == 100
    assert len(windows) == 0


def test_a_clock_that_is_set_back_does_not_lock_anybody_out(house: House) -> None:
    windows, row = Limits(house.desk()), endpoint(Limit(1))
    assert count(windows, row, 2, at=3_600 * SECOND_NS) == 1
    assert count(windows, row, 2, at=0) == 1


def test_a_body_that_comes_late_does_not_open_a_window_again(house: House) -> None:
    windows, row = Limits(house.desk()), endpoint(Limit(3))
    assert count(windows, row, 9, at=SECOND_NS) == 3
    assert count(windows, row, 9, at=0) == 0
    assert count(windows, row, 9, at=SECOND_NS) == 0
    assert count(windows, row, 9, at=3 * SECOND_NS) == 3


def test_windows_that_nobody_uses_are_forgotten(house: House) -> None:
    windows, row = Limits(house.desk()), endpoint(Limit(1, scope=Scope.IP))
    for n in range(1_000):
        count(windows, row, 1, Who(-1, f"198.51.100.{n}"))
    assert len(windows) == 1_000
    for turn in (1, 2):
        count(windows, row, 1, at=turn * limits.GENERATION_NS)
    assert len(windows) == 1


def test_the_number_of_windows_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_WINDOWS", 100)
    windows, row = Limits(house.desk()), endpoint(Limit(1, scope=Scope.IP))
    for n in range(1_000):
        count(windows, row, 1, Who(-1, str(n)))
        assert len(windows) <= 200


@given(
    st.lists(st.integers(0, 3 * SECOND_NS), max_size=80),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_no_window_ever_holds_more_than_its_count(gaps: list[int], most: int, seconds: int) -> None:
    """The plain twin: a call is let through iff fewer than `most` were in the window before it."""
    windows, row = Limits(make_house().desk()), endpoint(Limit(most, seconds=seconds))
    passed: list[int] = []
    now = 0
    for gap in gaps:
        now += gap
        expected = sum(now - at < seconds * SECOND_NS for at in passed) < most
        assert bool(count(windows, row, 1, at=now)) is expected
        if expected:
            passed.append(now)
