"""Enumerations with their wire spelling.

What lives here: every closed list of words that OKX puts on the wire, and our own closed lists.
What it may touch: nothing.
Always true: the integer is what State and Journal hold; `.wire` is what the wire shows; both
never change meaning.
Start reading: `WireEnum`, then `NoCopyReason` (why a copy was not made).
"""

from enum import IntEnum
from typing import Self


class WireEnum(IntEnum):
    """An integer for State with a text for the wire."""

    wire: str

    def __new__(cls, value: int, wire: str = "") -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.wire = wire
        return member

    @classmethod
    def from_wire(cls, text: str) -> Self | None:
        """Find the member spelled `text`, or None; case-sensitive as on OKX."""
        for member in cls:
            if member.wire == text:
                return member
        return None


class InstType(WireEnum):
    SPOT = 0, "SPOT"
    SWAP = 1, "SWAP"


class Side(WireEnum):
    """The integer is the sign of the size."""

    BUY = 1, "buy"
    SELL = -1, "sell"


class PosSide(WireEnum):
    """Slot of a position book; the integer is part of the book id."""

    NET = 0, "net"
    LONG = 1, "long"
    SHORT = 2, "short"


class PosMode(WireEnum):
    NET = 0, "net_mode"
    LONG_SHORT = 1, "long_short_mode"


class MgnMode(WireEnum):
    CROSS = 0, "cross"
    ISOLATED = 1, "isolated"


class TdMode(WireEnum):
    CROSS = 0, "cross"
    ISOLATED = 1, "isolated"
    CASH = 2, "cash"
    SPOT_ISOLATED = 3, "spot_isolated"


class OrdType(WireEnum):
    MARKET = 0, "market"
    LIMIT = 1, "limit"
    POST_ONLY = 2, "post_only"
    FOK = 3, "fok"
    IOC = 4, "ioc"


class OrderState(WireEnum):
    LIVE = 0, "live"
    PARTIALLY_FILLED = 1, "partially_filled"
    FILLED = 2, "filled"
    CANCELED = 3, "canceled"


class TriggerPxType(WireEnum):
    LAST = 0, "last"
    INDEX = 1, "index"
    MARK = 2, "mark"


class CopyMgnMode(WireEnum):
    CROSS = 0, "cross"
    ISOLATED = 1, "isolated"
    COPY = 2, "copy"


class CopyInstIdType(WireEnum):
    CUSTOM = 0, "custom"
    COPY = 1, "copy"


class CopyMode(WireEnum):
    FIXED_AMOUNT = 0, "fixed_amount"
    RATIO_COPY = 1, "ratio_copy"


class SubPosCloseType(WireEnum):
    """What happens to open copies when a relation ends (seed 000)."""

    MARKET_CLOSE = 0, "market_close"
    COPY_CLOSE = 1, "copy_close"
    MANUAL_CLOSE = 2, "manual_close"


class SubPosType(WireEnum):
    LEAD = 0, "lead"
    COPY = 1, "copy"


class RoleType(WireEnum):
    GENERAL = 0, "0"
    LEAD = 1, "1"
    COPY = 2, "2"


class LeadMode(WireEnum):
    PUBLIC = 0, "public"
    PRIVATE = 1, "private"


class LeadState(IntEnum):
    ENDED = 0
    ACTIVE = 1


class RelationState(IntEnum):
    """ENDED: nothing linked any more. ACTIVE: copying. CLOSING: stopped with copy_close, lots
    still linked."""

    ENDED = 0
    ACTIVE = 1
    CLOSING = 2


class EndCause(IntEnum):
    NONE = 0
    STOPPED = 1  # the copy trader called stop-copy-trading
    SL_TOTAL = 2  # net loss reached slTotalAmt (rules 7.8)
    LEAD_LEFT = 3  # the lead trader stopped leading (rules 9.4)


class CopyState(IntEnum):
    """State of one row of the copies table. NOT_MADE rows carry a NoCopyReason."""

    NOT_MADE = 0
    OPEN = 1
    CLOSED = 2
    RELEASED = 3  # cut loose by manual_close: the quantity is the copy trader's own now


class FillCause(IntEnum):
    """Why an order filled; goes into bills (subType) and history."""

    ORDER = 0
    COPY_OPEN = 1
    COPY_CLOSE = 2  # the lead trader closed
    STOP_COPYING = 3  # market_close
    TAKE_PROFIT = 4
    STOP_LOSS = 5
    SL_TOTAL = 6
    SUB_POSITION = 7  # close-subposition
    LIQUIDATION = 8
    CLOSE_POSITION = 9


class NoCopyReason(WireEnum):
    """Closed list: why a (lead fill, copy relation) pair did not become a copy. `.wire` is shown
    to the copy trader."""

    NONE = 0, ""
    INSTRUMENT_NOT_ENABLED = 1, "instrument_not_enabled"
    BELOW_MIN_SIZE = 2, "below_min_size"
    COPY_TOTAL_AMT_REACHED = 3, "copy_total_amt_reached"
    INSUFFICIENT_MARGIN = 4, "insufficient_margin"
    PRICE_GUARD = 5, "price_guard"
    OPPOSITE_POSITION = 6, "opposite_position"
    ABOVE_MAX_SIZE = 7, "above_max_size"
    BEGAN_AFTER_OPENING = 8, "began_after_opening"
    LEAD_TRADE_NOT_LED = 9, "lead_trade_not_led"


class LeadInfoType(WireEnum):
    """`infoType` of copytrading-lead-notification: why a lead trade was not led (rules 12.5)."""

    NONE = 0, ""
    POSITION_CAP = 1, "1"
    DAILY_COUNT = 2, "2"
    MIN_EQUITY = 3, "3"
