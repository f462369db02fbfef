"""One server for what is wrong with requests."""

from collections.abc import Iterator

import pytest
from tests.support.still_market import StillMarket, still_market


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StillMarket]:
    with still_market(tmp_path_factory.mktemp("api"), "--no-rate-limits") as market:
        yield market
