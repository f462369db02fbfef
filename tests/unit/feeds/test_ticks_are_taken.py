"""The engine takes what the feeds make: no tick is refused for its size.

The story: spot volumes in lots of a millionth of a coin went beyond the bound of an order, and the
engine refused half of the ticks of a lively market.
"""

from itertools import islice

import pytest

from copydesk.data import load_instruments, minutes_path
from copydesk.engine.context import Context
from copydesk.engine.exchange.ticks import tick
from copydesk.engine.genesis import new_state
from copydesk.feeds import open_feed
from copydesk.model.outputs import Done


@pytest.mark.parametrize(
    "spec, stride",
    [
        (f"replay:{minutes_path('BTC')},{minutes_path('ETH')}", 7),
        ("simulated:all?regime=jump&interval_ms=1000", 1),
    ],
)
def test_every_tick_is_taken(spec: str, stride: int) -> None:
    table = load_instruments()
    state = new_state(table)
    for seq, made in enumerate(islice(open_feed(spec, table, seed=3).batches(), 0, 9_000, stride)):
        assert isinstance(tick(state, made, Context(seq, seq * 1_000_000, [])), Done)
