"""Leverage and position mode: how an account holds its positions.

What lives here: the handlers of `SetLeverage` and `SetPositionMode`.
What it may touch: `exchange.positions`, `exchange.margin`, `exchange.resting`, `engine.state`,
`model`.
Always true: open positions of a book have the leverage of the book; cross has one for all its
slots.
Start reading: `set_leverage`.
"""

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.exchange import liquidation, margin, positions, resting
from copydesk.engine.exchange.notices import accounts_touched
from copydesk.engine.state import State, book_id
from copydesk.engine.table import I16
from copydesk.model.amounts import ceil_div
from copydesk.model.enums import InstType, MgnMode, PosMode, PosSide
from copydesk.model.inputs import SetLeverage, SetPositionMode
from copydesk.model.limits import MAX_LEADS_NET
from copydesk.model.outputs import Done, Reply
from copydesk.model.rejects import Code, Reject


def set_leverage(state: State, command: SetLeverage, ctx: Context) -> Reply:
    """Set leverage; the margin of open positions follows.

    Rejects: 51000, 59101, 59102, 59107; 59108 when more margin is needed than is available; 59109
    when an isolated position would be due for liquidation at once.
    """
    # Checks.
    refused = _refuse_terms(state, command) or _refuse_pending(state, command)
    if refused is not None:
        return refused
    books = _books(command)
    rows = [positions.position_row(state, book, command.account_row) for book in books]
    refused = _refuse_margin(state, command, [row for row in rows if row])
    if refused is not None:
        return refused
    # Changes.
    for book, row in zip(books, rows, strict=True):
        _levers(state, book)[command.account_row] = command.lever
        if row and state.positions.qty_lots[row]:
            state.positions.lever[row] = command.lever
            wallet = state.wallet(positions.settle_ccy_row(state, book))
            positions.remargin(state, wallet, row)
    state.accounts.calm_ppm[command.account_row] = 0
    state.scalars.risk_min_calm_ppm = 0
    accounts_touched(ctx, (command.account_row,), command.inst_row)
    return Done()


def _books(command: SetLeverage) -> list[int]:
    """Books that one setting covers: all slots in cross, one in isolated."""
    if command.mgn_mode is MgnMode.ISOLATED:
        return [book_id(command.inst_row, command.mgn_mode, command.pos_side)]
    return [book_id(command.inst_row, command.mgn_mode, slot) for slot in PosSide]


def _levers(state: State, book: int) -> I16:
    """Leverage column of a book, as long as the accounts table may be without growing."""
    capacity = state.accounts.capacity
    levers = state.levers.get(book)
    if levers is None or len(levers) < capacity:
        fresh = np.zeros(capacity, dtype=np.int16)
        if levers is not None:
            fresh[: len(levers)] = levers
        state.levers[book] = fresh
        return fresh
    return levers


def _refuse_terms(state: State, command: SetLeverage) -> Reject | None:
    instrument = state.instruments[command.inst_row]
    if instrument.inst_type is not InstType.SWAP:
        return Reject(Code.PARAMETER_ERROR, ("instId",))
    if command.lever < 1:
        return Reject(Code.PARAMETER_ERROR, ("lever",))
    if command.lever > instrument.max_lever:
        return Reject(Code.LEVERAGE_ABOVE_MAX)
    net = resting.uses_net_mode(state, command.account_row)
    if command.mgn_mode is MgnMode.ISOLATED and (command.pos_side is PosSide.NET) != net:
        return Reject(Code.PARAMETER_ERROR, ("posSide",))
    return None


def _refuse_pending(state: State, command: SetLeverage) -> Reject | None:
    """Resting orders hold margin at the old leverage, so they block a change."""
    orders = state.orders
    for row in state.index.orders_by_account.get(command.account_row, ()):
        if (
            int(orders.inst_row[row]) == command.inst_row
            and int(orders.td_mode[row]) == command.mgn_mode
        ):
            if command.mgn_mode is MgnMode.CROSS:
                return Reject(Code.LEVERAGE_CROSS_ORDERS_PENDING)
            return Reject(Code.LEVERAGE_ISOLATED_ORDERS_PENDING)
    return None


def _refuse_margin(state: State, command: SetLeverage, rows: list[int]) -> Reject | None:
    instrument = state.instruments[command.inst_row]
    more = 0
    for row in rows:
        fresh = ceil_div(abs(int(state.positions.cost_e8[row])), command.lever)
        more += fresh - int(state.positions.margin_e8[row])
        if command.mgn_mode is MgnMode.ISOLATED and state.positions.qty_lots[row]:
            spare = fresh + margin.upl_e8(state, row) - liquidation.needed_e8(state, row)
            if spare <= 0:
                return Reject(Code.LEVERAGE_EQUITY_SHORT)
    ccy_row = state.index.ccy_rows[instrument.settle_ccy]
    if more > 0 and margin.available_e8(state, command.account_row, ccy_row) < more:
        return Reject(Code.LEVERAGE_INSUFFICIENT_MARGIN)
    return None


def set_position_mode(state: State, command: SetPositionMode, ctx: Context) -> Reply:
    """Switch the position mode. Rejects: 59000 while anything is open; 59256 (rules 12.3)."""
    # Checks.
    row = command.account_row
    if int(state.accounts.pos_mode[row]) == command.pos_mode:
        return Done()
    owned = state.positions.live("account_row") == row
    if (
        state.accounts.pending_orders[row]
        or (owned & (state.positions.live("qty_lots") != 0)).any()
    ):
        return Reject(Code.POSITION_MODE_IN_USE)
    copied = int(state.accounts.active_relations[row])
    if command.pos_mode is PosMode.NET and copied > MAX_LEADS_NET:
        return Reject(Code.NET_MODE_NEEDS_ONE_LEAD)
    # Changes.
    state.accounts.pos_mode[row] = command.pos_mode
    accounts_touched(ctx, (row,), -1)
    return Done()
