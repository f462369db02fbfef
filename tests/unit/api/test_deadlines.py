"""Time limits of requests, all on one timer."""

import asyncio

import pytest

from copydesk.api.deadlines import Deadlines


async def hang() -> None:
    await asyncio.Event().wait()


async def quick() -> str:
    return "done"


def test_what_is_in_time_is_handed_on() -> None:
    async def work() -> None:
        deadlines = Deadlines(10.0)
        assert await deadlines.limit(quick()) == "done"

    asyncio.run(work())


def test_each_late_one_ends_alone() -> None:
    async def work() -> None:
        deadlines = Deadlines(0.01)
        ends = await asyncio.gather(
            *(deadlines.limit(hang()) for _ in range(3)),
            deadlines.limit(quick()),
            return_exceptions=True,
        )
        assert [type(end) for end in ends] == [TimeoutError, TimeoutError, TimeoutError, str]
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(work())


def test_what_somebody_else_cancels_stays_cancelled() -> None:
    async def work() -> None:
        deadlines = Deadlines(10.0)
        task = asyncio.create_task(deadlines.limit(hang()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())


def test_errors_pass() -> None:
    async def fail() -> None:
        raise ValueError("mine")

    async def work() -> None:
        with pytest.raises(ValueError, match="mine"):
            await Deadlines(10.0).limit(fail())

    asyncio.run(work())
