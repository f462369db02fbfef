"""Inputs: whatever came from outside and may change State. Immutable; stamped with seq and ts_ns
at the door.

What lives here: commands (someone asks) and ticks (time, prices); reports of venues join them
with the venues.
What it may touch: `enums`.
Always true: rows and integers only, so that a replay needs no look-up by name; a new field gets a
default.
Start reading: `Input` at the end.
"""

import msgspec

from copydesk.model.enums import (
    CopyMgnMode,
    CopyMode,
    InstType,
    MgnMode,
    OrdType,
    PosMode,
    PosSide,
    Side,
    SubPosCloseType,
    SubPosType,
    TdMode,
    TriggerPxType,
)


class _Input(msgspec.Struct, frozen=True, gc=False, tag=True, array_like=True):
    pass


class CreateAccount(_Input, frozen=True, tag=True, array_like=True):
    """Open an account: futures mode, net mode. Reply: `AccountCreated`."""

    name: str
    deposit_e8: int = 0


class Deposit(_Input, frozen=True, tag=True, array_like=True):
    """Move money in (positive) or out (negative) of the trading account. Reply: `Done`. Rejects:
    51008 on the way out."""

    account_row: int
    ccy_row: int
    amount_e8: int


class SetLiquidity(_Input, frozen=True, tag=True, array_like=True):
    """Configure the built-in liquidity provider of one instrument (-1: of all). Reply: `Done`.

    Half spread and step are ppm of the mid price; `level_value_e8` is the value quoted at the best
    level, doubled at each of the `level_count` levels behind it, which lie at half_spread x 2**k
    (k = 0, 1, …).
    """

    inst_row: int
    half_spread_ppm: int
    level_value_e8: int
    level_count: int


class PlaceOrder(_Input, frozen=True, tag=True, array_like=True):
    """Reply: `OrderPlaced`. `px_ticks` 0 for market. `quote_e8` > 0: spot market buy by quote
    amount, size_lots 0."""

    account_row: int
    inst_row: int
    side: Side
    pos_side: PosSide
    td_mode: TdMode
    ord_type: OrdType
    size_lots: int
    px_ticks: int = 0
    quote_e8: int = 0
    reduce_only: bool = False
    cl_ord_id: str = ""
    tag: str = ""
    exp_ts_ns: int = 0


class CancelOrder(_Input, frozen=True, tag=True, array_like=True):
    """Reply: `OrderPlaced` (the ids). `ord_id` 0: by `cl_ord_id`."""

    account_row: int
    inst_row: int
    ord_id: int
    cl_ord_id: str = ""


class ClosePosition(_Input, frozen=True, tag=True, array_like=True):
    """Close a whole position at market. Reply: `Done`. `auto_cancel`: pending closing orders are
    cancelled first."""

    account_row: int
    inst_row: int
    mgn_mode: MgnMode
    pos_side: PosSide
    auto_cancel: bool = False
    cl_ord_id: str = ""
    tag: str = ""


class SetLeverage(_Input, frozen=True, tag=True, array_like=True):
    """Reply: `Done`. For cross and for net isolated `pos_side` is NET; both sides are set in
    cross."""

    account_row: int
    inst_row: int
    mgn_mode: MgnMode
    pos_side: PosSide
    lever: int


class SetPositionMode(_Input, frozen=True, tag=True, array_like=True):
    account_row: int
    pos_mode: PosMode


class ApplyLeadTrading(_Input, frozen=True, tag=True, array_like=True):
    """Become a lead trader at once (rules OPEN-1), leading `inst_rows`."""

    account_row: int
    inst_type: InstType
    inst_rows: tuple[int, ...]


class StopLeadTrading(_Input, frozen=True, tag=True, array_like=True):
    account_row: int
    inst_type: InstType


class SetLeadInstruments(_Input, frozen=True, tag=True, array_like=True):
    """Replace the list of led instruments (seed 004). Reply: `LeadInstrumentsSet`."""

    account_row: int
    inst_type: InstType
    inst_rows: tuple[int, ...]


class CopySettings(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How one relation sizes and guards. `inst_rows` None: copy the lead trader's list
    (copyInstIdType=copy)."""

    copy_mgn_mode: CopyMgnMode
    copy_mode: CopyMode
    copy_amt_e8: int  # margin per copied order, fixed_amount; else 0
    copy_ratio_ppm: int  # multiple of the lead order, ratio_copy; else 0
    copy_total_amt_e8: int
    tp_ratio_ppm: int  # return on margin; 0 none
    sl_ratio_ppm: int
    sl_total_amt_e8: int  # 0 none
    sub_pos_close_type: SubPosCloseType
    inst_rows: tuple[int, ...] | None
    tag: str = ""


class FirstCopySettings(_Input, frozen=True, tag=True, array_like=True):
    """Start copying. `lead_account_row` is who has the uniqueCode (any account; the engine checks
    the role)."""

    account_row: int
    lead_account_row: int
    settings: CopySettings


class AmendCopySettings(_Input, frozen=True, tag=True, array_like=True):
    account_row: int
    lead_account_row: int
    settings: CopySettings


class StopCopying(_Input, frozen=True, tag=True, array_like=True):
    """Stop copying one lead trader (seed 000). `sub_pos_close_type` None: not given."""

    account_row: int
    lead_account_row: int
    sub_pos_close_type: SubPosCloseType | None


class CloseSubPosition(_Input, frozen=True, tag=True, array_like=True):
    """Close one lead (or copy) sub-position whole, at market. Reply: `SubPositionActed`."""

    account_row: int
    inst_type: InstType
    sub_pos_id: int
    sub_pos_type: SubPosType
    tag: str = ""


class SetSubPositionStops(_Input, frozen=True, tag=True, array_like=True):
    """Set (ticks > 0), delete (0) or leave (None) take-profit and stop-loss of a sub-position."""

    account_row: int
    inst_type: InstType
    sub_pos_id: int
    sub_pos_type: SubPosType
    tp_ticks: int | None
    sl_ticks: int | None
    tp_px_type: TriggerPxType
    sl_px_type: TriggerPxType
    tag: str = ""


class MarketTick(_Input, frozen=True, tag=True, array_like=True):
    """Prices and time of the market. The byte fields are little-endian int64 arrays of one length.

    `last` 0 means no new trade for that instrument; `volume` is lots traded since the previous
    tick of the feed. `market_ts_ms` is the market's own time (recorded data keeps its own);
    candles and funding go by it.
    """

    market_ts_ms: int
    inst_rows: bytes
    last_ticks: bytes
    mark_ticks: bytes
    volume_lots: bytes


Input = (
    CreateAccount
    | Deposit
    | SetLiquidity
    | PlaceOrder
    | CancelOrder
    | ClosePosition
    | SetLeverage
    | SetPositionMode
    | ApplyLeadTrading
    | StopLeadTrading
    | SetLeadInstruments
    | FirstCopySettings
    | AmendCopySettings
    | StopCopying
    | CloseSubPosition
    | SetSubPositionStops
    | MarketTick
)


class Stamped(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An Input with its place in the order of events and its time; seq rises by one, ts_ns never
    falls."""

    seq: int
    ts_ns: int
    body: Input
