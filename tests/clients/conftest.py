"""Servers for the published clients: one for all, and one that limits rates."""

from collections.abc import Iterator

import pytest
from tests.support.still_market import StillMarket, still_market


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StillMarket]:
    with still_market(tmp_path_factory.mktemp("clients"), "--no-rate-limits") as market:
        yield market


@pytest.fixture(scope="session")
def limited_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StillMarket]:
    with still_market(tmp_path_factory.mktemp("rates")) as market:
        yield market
