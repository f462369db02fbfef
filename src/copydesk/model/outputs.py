"""Outputs: what a step made. Facts for feeds and history, and the reply to the asker.

What lives here: replies and facts. One fact may hold N rows as arrays.
What it may touch: `enums`, `rejects`, NumPy types.
Always true: facts are past tense and self-contained; a fact's arrays are never written again.
Start reading: `Output`.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.model.enums import (
    EndCause,
    FillCause,
    LeadInfoType,
    OrderState,
    OrdType,
    PosSide,
    Side,
    SubPosCloseType,
    TdMode,
)
from copydesk.model.rejects import Reject

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


# Replies ------------------------------------------------------------------------------------------


class Done(_Value, frozen=True):
    """Accepted, nothing to tell."""


class AccountCreated(_Value, frozen=True):
    account_row: int
    uid: int
    unique_code: str


class OrderPlaced(_Value, frozen=True):
    ord_id: int
    cl_ord_id: str
    tag: str
    ts_ms: int


class LeadInstrumentsSet(_Value, frozen=True):
    """Rows in the order of the request with what is switched on now."""

    rows: tuple[tuple[int, bool], ...]


class SubPositionActed(_Value, frozen=True):
    sub_pos_id: int
    tag: str


Reply = Done | AccountCreated | OrderPlaced | LeadInstrumentsSet | SubPositionActed | Reject


# Facts --------------------------------------------------------------------------------------------


class OrderUpdated(_Value, frozen=True):
    """A single order (not a copy) after a change, whole; with its last fill if this change was
    one (fill_lots > 0)."""

    account_row: int
    inst_row: int
    ord_id: int
    cl_ord_id: str
    tag: str
    side: Side
    pos_side: PosSide
    td_mode: TdMode
    ord_type: OrdType
    state: OrderState
    px_ticks: int
    size_lots: int
    filled_lots: int
    filled_value_e8: int
    fee_e8: int
    pnl_e8: int
    lever: int
    reduce_only: bool
    created_ms: int
    updated_ms: int
    cause: FillCause
    trade_id: int = 0
    fill_lots: int = 0
    fill_px_ticks: int = 0
    fill_fee_e8: int = 0
    fill_pnl_e8: int = 0
    maker: bool = False


class CopiesFilled(_Value, frozen=True):
    """One bunched order was allocated: opening or closing copies of one lead position.

    Arrays are parallel, one row per copy that got something: copies-table row, account row, lots,
    value, fee, pnl (closing only, gross). Values in 1e-8 of the settle currency.
    """

    lead_position_row: int
    inst_row: int
    side: Side
    cause: FillCause
    ts_ms: int
    copy_rows: I64
    account_rows: I64
    lots: I64
    value_e8: I64
    fee_e8: I64
    pnl_e8: I64


class CopiesNotMade(_Value, frozen=True):
    """Relations of a lead fill that got no copy, with NoCopyReason values (int8), parallel."""

    lead_position_row: int
    ts_ms: int
    account_rows: I64
    reasons: npt.NDArray[np.int8]


class LeadPositionChanged(_Value, frozen=True):
    """A lead position was opened, grew, was partly or fully closed."""

    lead_position_row: int
    account_row: int
    ts_ms: int


class LeadTradeNotLed(_Value, frozen=True):
    """A lead trader's order stood but was not led (rules 3.11)."""

    account_row: int
    inst_row: int
    side: Side
    pos_side: PosSide
    info_type: LeadInfoType
    ts_ms: int
    sub_pos_id: int


class CopyBegan(_Value, frozen=True):
    relation_row: int
    ts_ms: int


class CopyStopped(_Value, frozen=True):
    relation_row: int
    cause: EndCause
    close_type: SubPosCloseType
    ts_ms: int


class AccountsTouched(_Value, frozen=True):
    """Balances or positions of these accounts changed; feeds push fresh rows to those who listen.
    `inst_row` -1: many."""

    account_rows: I64
    inst_row: int
    ts_ms: int


class MarketMoved(_Value, frozen=True):
    """Prices of these instruments changed."""

    inst_rows: I64
    market_ts_ms: int
    ts_ms: int


class BookChanged(_Value, frozen=True):
    inst_row: int
    ts_ms: int


class FundingCharged(_Value, frozen=True):
    inst_row: int
    rate_e9: int
    mark_ticks: int
    account_rows: I64
    amount_e8: I64  # negative: paid
    ts_ms: int


class AccountLiquidated(_Value, frozen=True):
    account_row: int
    inst_row: int
    ts_ms: int


Fact = (
    OrderUpdated
    | CopiesFilled
    | CopiesNotMade
    | LeadPositionChanged
    | LeadTradeNotLed
    | CopyBegan
    | CopyStopped
    | AccountsTouched
    | MarketMoved
    | BookChanged
    | FundingCharged
    | AccountLiquidated
)


class Output(msgspec.Struct, gc=False):
    """What one step made. Orders for outside venues join here with the venues."""

    seq: int
    ts_ns: int
    reply: Reply
    facts: list[Fact]
