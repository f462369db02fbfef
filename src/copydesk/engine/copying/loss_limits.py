"""slTotalAmt: a relation ends by itself when its net loss reaches the copy trader's limit (rules
7.8, OPEN-19).

What lives here: the watch over net losses, by the column, and its quiet-tick test.
What it may touch: `copying.stop`, `engine.exchange`, `engine.state`, `model`.
Always true: net = realised - fees + unrealised of open copies at mark; a relation that is over
its limit ends
on the tick that shows it.
Start reading: `on_tick`.

The quiet test: let headroom be what a relation may still lose and gross the mark value of its open
copies. While every mark moved less than headroom / (2 x gross) from `sl_ref_ticks`, the loss
cannot have grown by headroom. The least such ratio over all relations is `sl_calm_ppm`; 0 means
that something changed and all must be looked at.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.copying import stop
from copydesk.engine.copying.closes import block_open, open_lots
from copydesk.engine.state import State
from copydesk.engine.table import I64
from copydesk.model.amounts import checked_mul, muldiv_floor
from copydesk.model.enums import EndCause, RelationState, SubPosCloseType
from copydesk.model.limits import RATIO_ONE

_FOREVER_PPM = 2**30


def on_tick(state: State, ctx: Context) -> None:
    """End the relations whose net loss has reached slTotalAmt."""
    if not state.scalars.sl_total_relations:
        return
    if _moved_ppm(state) < state.scalars.sl_calm_ppm:
        return
    relations = state.relations
    limited = relations.live("sl_total_amt_e8") > 0
    limited &= relations.live("state") == RelationState.ACTIVE
    rows = np.flatnonzero(limited)
    open_net, gross = _open_results(state)
    net = relations.realised_e8[rows] - relations.fees_e8[rows] + open_net[rows]
    headroom = net + relations.sl_total_amt_e8[rows]
    state.markets.live("sl_ref_ticks")[:] = state.markets.live("mark_ticks")
    state.scalars.sl_calm_ppm = _calm_ppm(headroom, gross[rows])
    for row in rows[headroom <= 0].tolist():
        close_type = SubPosCloseType(int(relations.close_type[row]))
        stop.end_relation(state, ctx, row, EndCause.SL_TOTAL, close_type)


def _moved_ppm(state: State) -> int:
    """Largest move of any mark since the last look, in ppm rounded up."""
    reference, mark = state.markets.live("sl_ref_ticks"), state.markets.live("mark_ticks")
    moving = np.flatnonzero(mark)
    if not len(moving):
        return 0
    base = reference[moving]
    if not base.all():
        return _FOREVER_PPM
    away = checked_mul(np.abs(mark[moving] - base), RATIO_ONE)
    return int((away // base).max()) + 1


def _calm_ppm(headroom: I64, gross: I64) -> int:
    """Give the move that no relation can fail to survive; 0 if one is over its limit already."""
    exposed = gross > 0
    if not exposed.any():
        return _FOREVER_PPM
    left = np.maximum(headroom[exposed], 0)
    return int((left // (gross[exposed] // RATIO_ONE + 1)).min()) // 2


def _open_results(state: State) -> tuple[I64, I64]:
    """Unrealised profit and mark value of the open copies of every relation, int64 by relation
    row each."""
    net = np.zeros(state.relations.count, dtype=np.int64)
    gross = np.zeros(state.relations.count, dtype=np.int64)
    copies = state.copies
    for inst_row in sorted(state.index.live_blocks):
        unit = int(state.markets.mark_ticks[inst_row]) * state.instruments[inst_row].value_num
        for block in sorted(state.index.live_blocks[inst_row]):
            offsets = block_open(state, block)
            left = open_lots(state, offsets)
            value = checked_mul(left, unit)
            entry = muldiv_floor(copies.cost_e8[offsets], left, copies.size_lots[offsets])
            relation_rows = copies.relation_row[offsets]  # no relation twice in a block
            if state.lead_positions.direction[block] > 0:
                net[relation_rows] += value - entry
            else:
                net[relation_rows] += entry - value
            gross[relation_rows] += value
    return net, gross
