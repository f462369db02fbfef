"""Ids that clients see: time-ordered numbers, uids and unique codes, all derived from State.

What lives here: the arithmetic of ids. No dice: the same history gives the same ids.
What it may touch: NumPy types; what is derived is derived for one or for many.
Always true: ids rise strictly; (id >> 22) + EPOCH_MS is the birth in Unix ms, as OKX's are.
Start reading: `next_id`.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", int, npt.NDArray[np.int64])

EPOCH_MS = 1_546_272_000_000  # 2019-01-01 00:00 UTC+8, as OKX's own ids
UID_BASE = 40_000_000_000_000_000
POSITION_BASE = 1_000_000_000_000_000_000
_MASK = 2**64 - 1


def next_id(last_id: int, ts_ns: int) -> int:
    """Give the first free id at `ts_ns`, greater than `last_id`. A caller may take a stretch of ids
    from it."""
    return max(last_id + 1, (ts_ns // 1_000_000 - EPOCH_MS) << 22)


def birth_ms(any_id: int) -> int:
    """Unix milliseconds in which an id was made."""
    return (any_id >> 22) + EPOCH_MS


def uid_of(account_row: int) -> int:
    """Give the uid of an account row."""
    return UID_BASE + account_row


def unique_code_of(account_row: int) -> str:
    """Make a 16-character unique code (rules 1.9). The mixing is a bijection on 64 bits, so codes
    never collide."""
    x = (account_row + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return f"{x ^ (x >> 31):016X}"


def copy_sub_pos_id(lead_sub_pos_id: Number, offset_in_block: Number) -> Number:
    """Derive the id of a copy: in its lead position's stretch of ids, its place in the block.

    It names the copy's sub-position and the order that opened it.
    """
    return lead_sub_pos_id + 1 + offset_in_block


# Ids of derived rows lie in the upper part of their millisecond: allocated ids start at its
# beginning and would have to fill a million places within it to reach them.
_FILL_LANE = 1 << 20
_CLOSE_LANE = 1 << 21
_LANE_MASK = (1 << 20) - 1


def _in_lane(ts_ns: Number, lane: int, number: Number) -> Number:
    return ((ts_ns // 1_000_000 - EPOCH_MS) << 22) + lane + (number & _LANE_MASK)


def fill_bill_id(ts_ns: Number, trade_id: Number, leg: int = 0) -> Number:
    """Derive the bill id of a single order's fill: time-ordered; leg 1 is the coins of spot."""
    return _in_lane(ts_ns, _FILL_LANE, 2 * trade_id + leg)


def copy_close_id(closed_ns: Number, copy_row: Number) -> Number:
    """Derive the id of the order that closed a copy for good: time-ordered."""
    return _in_lane(closed_ns, _CLOSE_LANE, copy_row)


def copy_close_lane(any_id: int) -> int | None:
    """Give the low bits of the copy row whose close id `any_id` may be; None if it is none."""
    return any_id & _LANE_MASK if any_id & (_CLOSE_LANE | _FILL_LANE) == _CLOSE_LANE else None


def position_id_of(position_row: int) -> int:
    """Derive the posId of a position row."""
    return POSITION_BASE + position_row
