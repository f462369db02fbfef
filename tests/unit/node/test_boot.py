"""A node in the test's own process: what ends it, and with which code."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.node import genesis

from copydesk.feeds import Feed, FeedError, open_feed
from copydesk.feeds.feed import Start
from copydesk.journal.disk import RealDisk
from copydesk.model.inputs import MarketTick
from copydesk.node.boot import EXIT_FAILED, EXIT_OK, Running
from copydesk.node.config import NodeSettings
from copydesk.node.recovery import recover

DISK = RealDisk()


def run(folder: Path, feed: Feed | None, announced: Callable[[dict[str, Any]], None]) -> int:
    settings = NodeSettings(data=folder, port=0, ws_port=0)
    running = Running(settings, recover(folder, DISK, genesis()), DISK, feed)
    return asyncio.run(running.run(announced))


def left_in_order(folder: Path) -> bool:
    found = recover(folder, DISK, genesis())
    found.journal.close()
    return found.report.clean


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    told: list[dict[str, Any]] = []

    def stop(about: dict[str, Any]) -> None:
        told.append(about)
        os.kill(os.getpid(), number)

    assert run(tmp_path, None, stop) == EXIT_OK
    assert left_in_order(tmp_path)
    assert told[0]["http"].startswith("http://127.0.0.1:")
    assert told[0]["ws"].startswith("ws://127.0.0.1:")


def test_a_feed_that_breaks_ends_it_loudly_but_in_good_order(tmp_path: Path) -> None:
    source = open_feed("simulated:BTC?interval_ms=1", genesis().table, speed=0)

    def breaks(_start: Start) -> Iterator[MarketTick]:
        for _, tick in zip(range(5), source.batches(), strict=False):
            yield tick
        raise FeedError("prices.csv, row 6: not a number")

    feed = Feed("replay:prices.csv", source.inst_rows, 0, breaks)
    assert run(tmp_path, feed, lambda _: None) == EXIT_FAILED
    assert left_in_order(tmp_path)


def test_a_feed_that_ends_leaves_it_running(tmp_path: Path) -> None:
    source = open_feed("simulated:BTC?interval_ms=1", genesis().table, speed=0)

    def ends(_start: Start) -> Iterator[MarketTick]:
        for _, tick in zip(range(5), source.batches(), strict=False):
            yield tick
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)

    feed = Feed("replay:prices.csv", source.inst_rows, 0, ends)
    assert run(tmp_path, feed, lambda _: None) == EXIT_OK
    found = recover(tmp_path, DISK, genesis())
    found.journal.close()
    assert found.report.seq == 5
