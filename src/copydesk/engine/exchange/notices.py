"""Facts of the exchange: an order changed, accounts were touched, a book changed.

What lives here: the making of facts from State, so that handlers say in one line what happened.
What it may touch: `engine.state`, `engine.context`, `model`.
Always true: a fact is made after the change that it tells.
Start reading: `order_updated`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from copydesk.engine.context import Context
from copydesk.engine.state import State
from copydesk.model.enums import FillCause, OrderState, OrdType, PosSide, Side, TdMode
from copydesk.model.outputs import AccountsTouched, BookChanged, OrderUpdated

_SIDE = {int(member): member for member in Side}
_POS_SIDE = {int(member): member for member in PosSide}
_TD_MODE = {int(member): member for member in TdMode}
_ORD_TYPE = {int(member): member for member in OrdType}
_STATE = {int(member): member for member in OrderState}
_CAUSE = {int(member): member for member in FillCause}


class Match(NamedTuple):
    """The match that changed an order; `fee_e8` in the fee currency, `pnl_e8` gross."""

    trade_id: int
    lots: int
    px_ticks: int
    fee_e8: int
    pnl_e8: int
    maker: bool


_NO_MATCH = Match(0, 0, 0, 0, 0, False)


def accounts_touched(ctx: Context, account_rows: Iterable[int], inst_row: int) -> None:
    """Tell that balances or positions of these accounts changed."""
    rows = np.array(sorted(set(account_rows)), dtype=np.int64)
    ctx.emit(AccountsTouched(rows, inst_row, ctx.ts_ms))


def book_changed(ctx: Context, inst_row: int) -> None:
    """Tell that resting orders or quotes of an instrument changed."""
    ctx.emit(BookChanged(inst_row, ctx.ts_ms))


def order_updated(state: State, ctx: Context, order_row: int, match: Match = _NO_MATCH) -> None:
    """Tell the whole order after a change, with the match that changed it if one did."""
    orders = state.orders
    ctx.emit(
        OrderUpdated(
            account_row=int(orders.account_row[order_row]),
            inst_row=int(orders.inst_row[order_row]),
            ord_id=int(orders.ord_id[order_row]),
            cl_ord_id=orders.cl_ord_id[order_row].decode(),
            tag=orders.tag[order_row].decode(),
            side=_SIDE[int(orders.side[order_row])],
            pos_side=_POS_SIDE[int(orders.pos_side[order_row])],
            td_mode=_TD_MODE[int(orders.td_mode[order_row])],
            ord_type=_ORD_TYPE[int(orders.ord_type[order_row])],
            state=_STATE[int(orders.state[order_row])],
            px_ticks=int(orders.px_ticks[order_row]),
            size_lots=int(orders.size_lots[order_row]),
            filled_lots=int(orders.filled_lots[order_row]),
            filled_value_e8=int(orders.filled_value_e8[order_row]),
            fee_e8=int(orders.fee_e8[order_row]),
            pnl_e8=int(orders.pnl_e8[order_row]),
            lever=int(orders.lever[order_row]),
            reduce_only=bool(orders.reduce_only[order_row]),
            created_ms=int(orders.created_ns[order_row]) // 1_000_000,
            updated_ms=int(orders.updated_ns[order_row]) // 1_000_000,
            cause=_CAUSE[int(orders.cause[order_row])],
            trade_id=match.trade_id,
            fill_lots=match.lots,
            fill_px_ticks=match.px_ticks,
            fill_fee_e8=match.fee_e8,
            fill_pnl_e8=match.pnl_e8,
            maker=match.maker,
        )
    )
