"""The built-in liquidity provider: levels around the feed's price, computed, never stored.

What lives here: where the levels lie, how much is left of them, taking from them, requoting.
What it may touch: `engine.state`, `model`.
Always true: level k lies max(1 tick, half spread) x 2**k from mid and holds level value x 2**k (at
least the smallest order), less what was taken since the last quote; account LIQUIDITY is the
counterparty.
Start reading: `levels`.
"""

from collections.abc import Iterator

import numpy as np

from copydesk.engine.state import State
from copydesk.engine.table import I64
from copydesk.model.amounts import ceil_div
from copydesk.model.enums import Side
from copydesk.model.limits import MAX_PX_TICKS, MAX_SIZE_LOTS, RATIO_ONE


def levels(state: State, inst_row: int, side: int) -> Iterator[tuple[int, int]]:
    """Give (price, lots left) of the provider's bids (BUY) or asks (SELL), best first."""
    markets = state.markets
    mid = int(markets.mid_ticks[inst_row])
    if mid == 0:
        return
    instrument = state.instruments[inst_row]
    step = _step(state, inst_row)
    value = int(markets.level_value_e8[inst_row]) * instrument.value_den
    used = markets.bid_used_lots if side == Side.BUY else markets.ask_used_lots
    taken = used[inst_row].tolist()
    for level in range(int(markets.level_count[inst_row])):
        px = mid - side * (step << level)
        if not 0 < px <= MAX_PX_TICKS:
            return
        lots = max(instrument.min_lots, (value << level) // (px * instrument.value_num))
        left = min(lots, MAX_SIZE_LOTS) - taken[level]
        if left > 0:
            yield px, left


def best_px(state: State, inst_row: int, side: int) -> int | None:
    """Price of the provider's best bid (BUY) or ask (SELL); None if there is none."""
    for px, _ in levels(state, inst_row, side):
        return px
    return None


def use(state: State, inst_row: int, side: int, px_ticks: int, lots: int) -> None:
    """Take `lots` from the provider's bid (BUY) or ask (SELL) at `px_ticks`."""
    markets = state.markets
    distance = abs(px_ticks - int(markets.mid_ticks[inst_row]))
    level = (distance // _step(state, inst_row)).bit_length() - 1
    used = markets.bid_used_lots if side == Side.BUY else markets.ask_used_lots
    used[inst_row, level] += lots


def _step(state: State, inst_row: int) -> int:
    """Ticks from mid to the best level: at least one."""
    markets = state.markets
    share = int(markets.mid_ticks[inst_row]) * int(markets.half_spread_ppm[inst_row])
    return max(1, ceil_div(share, RATIO_ONE))


def requote(state: State, inst_rows: I64, mids: I64) -> None:
    """Quote afresh around new prices (0: not at all); what was taken comes back."""
    markets = state.markets
    markets.mid_ticks[inst_rows] = mids
    markets.ask_used_lots[inst_rows] = 0
    markets.bid_used_lots[inst_rows] = 0


def set_quotes(state: State, inst_rows: I64, terms: tuple[int, int, int]) -> None:
    """Set half spread (ppm), value of the best level and number of levels, and quote afresh."""
    markets = state.markets
    half_spread_ppm, level_value_e8, level_count = terms
    markets.half_spread_ppm[inst_rows] = half_spread_ppm
    markets.level_value_e8[inst_rows] = level_value_e8
    markets.level_count[inst_rows] = level_count
    requote(state, inst_rows, np.asarray(markets.mid_ticks[inst_rows]))
