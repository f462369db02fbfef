"""Risk: who has to be liquidated, found without looking at everyone on a quiet tick.

What lives here: cushions of positions and accounts, the calm bound, the look after a tick.
What it may touch: `exchange.liquidation`, `exchange.margin`, `exchange.fees`, `engine.state`,
`model`.
Always true: an account whose calm_ppm is above the largest move of any mark from its reference
cannot be due for liquidation; risk_min_calm_ppm is a lower bound of all calm_ppm.
Start reading: `look`, then the proof at `_calm`.
"""

from typing import NamedTuple

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.exchange import liquidation
from copydesk.engine.exchange.fees import fee_ppm
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, FIRST_USER, State
from copydesk.engine.table import I64, Bool
from copydesk.model.amounts import checked_mul
from copydesk.model.limits import CALM_PPM, RATIO_ONE, RISK_PASS_PPM

_ISOLATED_FROM = BOOKS_PER_INSTRUMENT // 2


class _Held(NamedTuple):
    """Positions of the accounts looked at, one row each: int64[N]."""

    rows: I64
    account: I64
    inst: I64
    ccy: I64
    isolated: Bool
    unit: I64  # value of one lot and tick
    mmr_ppm: I64
    fee_ppm: I64


class _Cushions(NamedTuple):
    """What lies between now and liquidation: by isolated position, and by account and currency."""

    isolated: I64  # int64[N]; meaningless where cross
    value: I64  # int64[N], unsigned
    cross: dict[int, I64]  # currency row -> by account
    gross: dict[int, I64]  # currency row -> unsigned cross value by account; 0 = holds nothing


def look(state: State, ctx: Context) -> None:
    """Find and liquidate what the marks of now make due. A quiet tick costs O(instruments)."""
    markets = state.markets
    mark, ref = markets.live("mark_ticks"), markets.live("ref_ticks")
    new = ref == 0
    ref[new] = mark[new]
    moves = -(-checked_mul(np.abs(mark - ref), RATIO_ONE) // np.maximum(ref, 1))  # rounded up
    far = moves >= RISK_PASS_PPM
    move = int(moves[~far].max(initial=0))
    some_far = bool(far.any())
    if not some_far and move < state.scalars.risk_min_calm_ppm:
        return
    looked = state.accounts.live("calm_ppm") <= move
    if some_far:  # the reference follows; whoever holds these instruments is measured anew
        ref[far] = mark[far]
        positions = state.positions
        holders = far[positions.live("book") // BOOKS_PER_INSTRUMENT]
        holders &= positions.live("qty_lots") != 0
        looked[positions.live("account_row")[holders]] = True
    looked[:FIRST_USER] = False
    _review(state, ctx, looked)


def _review(state: State, ctx: Context, looked: Bool) -> None:
    """Measure the calm of accounts at the references, and liquidate those due at the marks."""
    held = _held_by(state, looked)
    calm = state.accounts.live("calm_ppm")
    calm[looked] = _calm(held, _cushions(state, held, state.markets.ref_ticks), len(calm))[looked]
    calm[:FIRST_USER] = CALM_PPM
    state.scalars.risk_min_calm_ppm = int(calm.min(initial=CALM_PPM))
    at_mark = _cushions(state, held, state.markets.mark_ticks)
    for row in held.rows[held.isolated & (at_mark.isolated <= 0)].tolist():
        liquidation.liquidate_isolated(state, ctx, row)
    for ccy_row in sorted(at_mark.cross):
        due = (at_mark.cross[ccy_row] <= 0) & (at_mark.gross[ccy_row] > 0)
        for account_row in np.flatnonzero(due).tolist():
            liquidation.liquidate_cross(state, ctx, account_row, ccy_row)


def _held_by(state: State, looked: Bool) -> _Held:
    positions = state.positions
    owners = positions.live("account_row")
    rows = np.flatnonzero(looked[owners] & (positions.live("qty_lots") != 0))
    books = positions.book[rows]
    inst = (books // BOOKS_PER_INSTRUMENT).astype(np.int64)
    isolated = books % BOOKS_PER_INSTRUMENT >= _ISOLATED_FROM
    terms = np.zeros((4, len(state.instruments)), dtype=np.int64)
    for inst_row in np.flatnonzero(np.bincount(inst, minlength=1)).tolist():
        instrument = state.instruments[inst_row]
        terms[:, inst_row] = (
            state.index.ccy_rows[instrument.settle_ccy],
            instrument.value_num,
            instrument.mmr_ppm,
            fee_ppm(instrument, maker=False),
        )
    ccy, unit, mmr, fee = (np.take(row, inst) for row in terms)
    return _Held(rows, owners[rows].astype(np.int64), inst, ccy, isolated, unit, mmr, fee)


def _cushions(state: State, held: _Held, prices: I64) -> _Cushions:
    """Measure equity less (maintenance margin + fee of closing), both rounded up per position."""
    positions = state.positions
    unit = checked_mul(held.unit, np.take(prices, held.inst))
    signed = checked_mul(positions.qty_lots[held.rows], unit)
    value = np.abs(signed)
    spare = signed - positions.cost_e8[held.rows]
    spare -= _share_up(value, held.mmr_ppm) + _share_up(value, held.fee_ppm)
    isolated = spare + positions.margin_e8[held.rows]
    cross: dict[int, I64] = {}
    gross: dict[int, I64] = {}
    for ccy_row in np.unique(held.ccy[~held.isolated]).tolist():
        wallet = state.wallet(ccy_row)
        of_ccy = ~held.isolated & (held.ccy == ccy_row)
        total = wallet.live("cash_e8") - wallet.live("iso_margin_e8")
        np.add.at(total, held.account[of_ccy], spare[of_ccy])
        volume = np.zeros_like(total)
        np.add.at(volume, held.account[of_ccy], value[of_ccy])
        cross[ccy_row], gross[ccy_row] = total, volume
    return _Cushions(isolated, value, cross, gross)


def _share_up(value: I64, ppm: I64) -> I64:
    """Compute ceil(value x ppm / 1e6) without forming value x ppm."""
    whole, rest = np.divmod(value, RATIO_ONE)
    return whole * ppm - (-rest * ppm // RATIO_ONE)


def _calm(held: _Held, at_ref: _Cushions, account_count: int) -> I64:
    """Give the largest move (ppm, each mark its own way) that provably liquidates nobody.

    Let C be a cushion at the reference prices and G the unsigned value behind it. When every mark
    moves by at most m, equity falls by at most m x G, and maintenance and fee rise by at most m x G
    x (mmr + fee) plus 2 units of rounding per position. mmr + fee < 1, so the cushion stays above C
    - 2 x count - 2 x m x G, which is positive while m < (C - 2 x count) / (2 x G). G in whole ppm
    is rounded up, the quotient down.
    """
    calm = np.full(account_count, CALM_PPM, dtype=np.int64)
    iso = held.isolated
    own = _quotient(at_ref.isolated[iso] - 2, at_ref.value[iso])
    np.minimum.at(calm, held.account[iso], own)
    for ccy_row, total in at_ref.cross.items():
        gross = at_ref.gross[ccy_row]
        holds = np.flatnonzero(gross > 0)
        of_ccy = ~iso & (held.ccy == ccy_row)
        count = np.bincount(held.account[of_ccy], minlength=account_count)[holds]
        bound = _quotient(total[holds] - 2 * count, gross[holds])
        calm[holds] = np.minimum(calm[holds], bound)
    return calm


def _quotient(cushion: I64, gross: I64) -> I64:
    per_ppm = 2 * gross // RATIO_ONE + 1
    calm: I64 = np.clip(cushion // per_ppm, 0, CALM_PPM - 1)
    return calm
