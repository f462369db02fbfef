"""Funding: what longs pay shorts, or the other way, at the instrument's own interval.

What lives here: the settlement of due intervals, for all positions of an instrument at once.
What it may touch: `exchange.history`, `engine.state`, `model`.
Always true: HOUSE takes the rounding, so the payments of one settlement add up to zero; each
interval is settled once, in order.
Start reading: `settle_due`.
"""

from typing import Final

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.exchange import history
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, FIRST_USER, HOUSE, State
from copydesk.engine.table import I64
from copydesk.model.amounts import checked_mul, muldiv_floor
from copydesk.model.outputs import FundingCharged

RATE_ONE: Final = 10**9
# A longer silence is not a gap in a market but another market (a replay began, or ended): nothing
# is charged.
MAX_MISSED_INTERVALS: Final = 90


def settle_due(state: State, ctx: Context, inst_rows: I64, market_ts_ms: int) -> None:
    """Settle what market time has reached for these instruments, at their mark of now.

    An instrument's first tick sets its first funding time: the next whole interval of market time.
    """
    markets = state.markets
    interval = markets.funding_interval_ms[inst_rows]
    due = markets.next_funding_ms[inst_rows]
    ahead = due - market_ts_ms
    unset = (interval > 0) & ((ahead > interval) | (-ahead > MAX_MISSED_INTERVALS * interval))
    unset |= (interval > 0) & (due == 0)
    if unset.any():
        rows, step = inst_rows[unset], interval[unset]
        markets.next_funding_ms[rows] = (market_ts_ms // step + 1) * step
    reached = (interval > 0) & ~unset & (ahead <= 0)
    for inst_row in inst_rows[reached].tolist():
        step_ms = int(markets.funding_interval_ms[inst_row])
        while int(markets.next_funding_ms[inst_row]) <= market_ts_ms:
            _settle(state, ctx, inst_row)
            markets.next_funding_ms[inst_row] += step_ms


def _settle(state: State, ctx: Context, inst_row: int) -> None:
    positions, markets = state.positions, state.markets
    rate, mark = int(markets.funding_rate_e9[inst_row]), int(markets.mark_ticks[inst_row])
    held = positions.live("qty_lots")
    of_instrument = positions.live("book") // BOOKS_PER_INSTRUMENT == inst_row
    rows = np.flatnonzero((held != 0) & of_instrument)
    if not len(rows) or rate == 0 or mark == 0:
        return
    instrument = state.instruments[inst_row]
    quantity = positions.qty_lots[rows]
    value = checked_mul(np.abs(quantity), mark * instrument.value_num)
    amounts = muldiv_floor(
        value, np.full(len(rows), abs(rate), dtype=np.int64), np.full(len(rows), RATE_ONE)
    )
    pays = (quantity > 0) == (rate > 0)
    amounts[pays] *= -1
    owners = positions.account_row[rows].astype(np.int64)
    ccy_row = state.index.ccy_rows[instrument.settle_ccy]
    cash = state.wallet(ccy_row).cash_e8
    np.add.at(cash, owners, amounts)  # an account may hold several positions of one instrument
    cash[HOUSE] -= int(amounts.sum())
    positions.funding_e8[rows] += amounts
    state.accounts.calm_ppm[owners] = 0
    state.scalars.risk_min_calm_ppm = 0
    users = owners >= FIRST_USER
    kinds = np.where(amounts[users] < 0, history.FUNDING_PAID, history.FUNDING_RECEIVED)
    entry = (history.FUNDING, kinds, amounts[users])
    history.add_bills(state, ctx, owners[users], (ccy_row, inst_row), entry)
    ctx.emit(FundingCharged(inst_row, rate, mark, owners[users], amounts[users], ctx.ts_ms))
