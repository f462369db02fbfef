"""The first State: the house's own accounts, and one market per instrument.

What lives here: `new_state`.
What it may touch: `engine.exchange.accounts`, `engine.state`, `model`.
Always true: the same instrument table and funding terms give the same State.
Start reading: `new_state`.
"""

from collections.abc import Mapping

from copydesk.engine.exchange.accounts import append_account
from copydesk.engine.state import HOUSE, LIQUIDITY, State
from copydesk.model.enums import InstType
from copydesk.model.instruments import InstrumentTable
from copydesk.model.limits import (
    DEFAULT_FUNDING_INTERVAL_MS,
    DEFAULT_HALF_SPREAD_PPM,
    DEFAULT_LEVEL_COUNT,
    DEFAULT_LEVEL_VALUE_E8,
)


def new_state(
    table: InstrumentTable, funding: Mapping[int, tuple[int, int]] | None = None
) -> State:
    """Make the State before the first input.

    `funding`: instrument row -> (interval in ms, rate in 1e-9); swaps that are not in it are funded
    every 8 hours at a rate of 0.
    """
    state = State(table)
    state.index.ccy_rows = {ccy: row for row, ccy in enumerate(table.currencies)}
    state.index.inst_rows = {inst.inst_id: inst.row for inst in table.instruments}
    assert append_account(state, b"house", 0) == HOUSE
    assert append_account(state, b"liquidity", 0) == LIQUIDITY
    state.positions.append()  # row 0: the dummy
    markets = state.markets
    count = len(table.instruments)
    markets.append(count)
    markets.half_spread_ppm[:count] = DEFAULT_HALF_SPREAD_PPM
    markets.level_value_e8[:count] = DEFAULT_LEVEL_VALUE_E8
    markets.level_count[:count] = DEFAULT_LEVEL_COUNT
    markets.candle_row[:count] = -1
    terms = funding or {}
    for instrument in table.instruments:
        if instrument.inst_type is InstType.SWAP:
            default = (DEFAULT_FUNDING_INTERVAL_MS, 0)
            interval_ms, rate_e9 = terms.get(instrument.row, default)
            markets.funding_interval_ms[instrument.row] = interval_ms
            markets.funding_rate_e9[instrument.row] = rate_e9
    return state
