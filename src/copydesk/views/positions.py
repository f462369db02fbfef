"""Positions of one account as a reader sees them, with what they are worth and where they end.

What lives here: `PositionView`, the list of an account, and the liquidation price.
What it may touch: `engine.state`, `engine.exchange.margin`, `model`.
Always true: initial margin is charged at the entry price, profit and maintenance count at mark.
Start reading: `positions_of`.
"""

from collections.abc import Iterable, Iterator

import msgspec

from copydesk.engine.exchange.fees import fee_ppm
from copydesk.engine.exchange.liquidation import cross_rows, needed_e8
from copydesk.engine.exchange.margin import cross_equity_e8, mark_value_e8, upl_e8
from copydesk.engine.state import State, book_parts
from copydesk.model.amounts import ceil_div
from copydesk.model.enums import MgnMode, PosSide
from copydesk.model.instruments import Instrument
from copydesk.model.limits import RATIO_ONE


class PositionView(msgspec.Struct, frozen=True, gc=False):
    """One position; amounts in 1e-8 of the settle currency, `fee_e8` paid positive.

    `equity_e8` and `needed_e8` (maintenance margin and fee of closing) are what decides about
    liquidation: of the position where it is isolated, else of all cross positions in that
    currency. `liq_ticks` 0: none.
    """

    row: int
    inst: Instrument
    mgn_mode: MgnMode
    pos_side: PosSide
    lever: int
    qty_lots: int
    cost_e8: int
    margin_e8: int
    mark_value_e8: int
    upl_e8: int
    last_upl_e8: int
    mark_ticks: int
    last_ticks: int
    mmr_e8: int
    equity_e8: int
    needed_e8: int
    liq_ticks: int
    realised_e8: int
    fee_e8: int
    funding_e8: int
    opened_ms: int
    updated_ms: int


def position_rows_of(state: State, account_row: int) -> Iterator[int]:
    """Find the rows of every place in which an account ever held something, by book."""
    for book in sorted(state.index.position_rows):
        rows = state.index.position_rows[book]
        if account_row < len(rows) and rows[account_row]:
            yield int(rows[account_row])


def positions_of(
    state: State, account_row: int, inst_rows: Iterable[int] | None = None
) -> list[PositionView]:
    """List positions, newest opening first; flat ones only where the instrument was asked for."""
    wanted = None if inst_rows is None else set(inst_rows)
    found = []
    for row in position_rows_of(state, account_row):
        inst_row, _, _ = book_parts(int(state.positions.book[row]))
        asked = wanted is not None and inst_row in wanted
        if asked or (wanted is None and state.positions.qty_lots[row] != 0):
            found.append(position_view(state, row))
    return sorted(found, key=lambda view: (view.opened_ms, view.row), reverse=True)


def position_view(state: State, row: int) -> PositionView:
    """Read one position."""
    positions, markets = state.positions, state.markets
    inst_row, mgn_mode, pos_side = book_parts(int(positions.book[row]))
    inst = state.instruments[inst_row]
    quantity, cost = int(positions.qty_lots[row]), int(positions.cost_e8[row])
    mark_value, upl = mark_value_e8(state, row), upl_e8(state, row)
    last = int(markets.last_ticks[inst_row])
    last_value = inst.value_e8(last, abs(quantity)) * (1 if quantity > 0 else -1)
    equity, needed = _risk(state, row)
    return PositionView(
        row=row,
        inst=inst,
        mgn_mode=mgn_mode,
        pos_side=pos_side,
        lever=int(positions.lever[row]),
        qty_lots=quantity,
        cost_e8=cost,
        margin_e8=int(positions.margin_e8[row]),
        mark_value_e8=abs(mark_value),
        upl_e8=upl,
        last_upl_e8=last_value - cost if quantity else 0,
        mark_ticks=int(markets.mark_ticks[inst_row]),
        last_ticks=last,
        mmr_e8=maintenance_e8(inst, mark_value),
        equity_e8=equity,
        needed_e8=needed,
        liq_ticks=_liquidation_ticks(state, row, equity - needed),
        realised_e8=int(positions.realised_e8[row]),
        fee_e8=int(positions.fee_e8[row]),
        funding_e8=int(positions.funding_e8[row]),
        opened_ms=int(positions.opened_ns[row]) // 1_000_000,
        updated_ms=int(positions.updated_ns[row]) // 1_000_000,
    )


def maintenance_e8(inst: Instrument, value_e8: int) -> int:
    """Compute the maintenance margin of a value at mark, rounded up."""
    return ceil_div(abs(value_e8) * inst.mmr_ppm, RATIO_ONE)


def cross_maintenance_e8(state: State, account_row: int, ccy: str) -> int:
    """Add up the maintenance margins of an account's cross positions settled in `ccy`."""
    total = 0
    for row in position_rows_of(state, account_row):
        inst_row, mgn_mode, _ = book_parts(int(state.positions.book[row]))
        inst = state.instruments[inst_row]
        if mgn_mode is MgnMode.CROSS and inst.settle_ccy == ccy:
            total += maintenance_e8(inst, mark_value_e8(state, row))
    return total


def cross_needed_e8(state: State, account_row: int, ccy_row: int) -> int:
    """Add up what all cross positions of a currency need not to be liquidated."""
    return sum(needed_e8(state, row) for row in cross_rows(state, account_row, ccy_row))


def _risk(state: State, row: int) -> tuple[int, int]:
    """Give equity and need of what is liquidated together with a position."""
    inst_row, mgn_mode, _ = book_parts(int(state.positions.book[row]))
    if mgn_mode is MgnMode.ISOLATED:
        equity = int(state.positions.margin_e8[row]) + upl_e8(state, row)
        return equity, needed_e8(state, row)
    account_row = int(state.positions.account_row[row])
    ccy_row = state.ccy_row(state.instruments[inst_row].settle_ccy)
    equity = cross_equity_e8(state, account_row, ccy_row)
    return equity, cross_needed_e8(state, account_row, ccy_row)


def _liquidation_ticks(state: State, row: int, spare_e8: int) -> int:
    """Solve equity = need for the mark, all else held; 0 if no positive price does it.

    With k the value of one tick, m the rates of maintenance and fee and s what is to spare now, a
    long ends at the px where s + (px - mark) x k x (1 - m) = 0; a short is mirrored. Rounded to
    the safe side: up for a long, down for a short.
    """
    inst_row, _, _ = book_parts(int(state.positions.book[row]))
    inst = state.instruments[inst_row]
    quantity = int(state.positions.qty_lots[row])
    if quantity == 0:
        return 0
    mark = int(state.markets.mark_ticks[inst_row])
    rate_ppm = inst.mmr_ppm + fee_ppm(inst, maker=False)
    away = spare_e8 * inst.value_den * RATIO_ONE
    tick_value = abs(quantity) * inst.value_num
    if quantity > 0:
        return max(0, mark - away // (tick_value * (RATIO_ONE - rate_ppm)))
    return max(0, mark + away // (tick_value * (RATIO_ONE + rate_ppm)))
