"""Ids that clients see: time-ordered numbers, uids and unique codes, all derived from State.

What lives here: the arithmetic of ids. No dice: the same history gives the same ids.
What it may touch: nothing.
Always true: ids rise strictly; (id >> 22) + EPOCH_MS is the birth in Unix ms, as OKX's are.
Start reading: `next_id`.
"""

EPOCH_MS = 1_546_272_000_000  # 2019-01-01 00:00 UTC+8, as OKX's own ids
UID_BASE = 40_000_000_000_000_000
_MASK = 2**64 - 1


def next_id(last_id: int, ts_ns: int) -> int:
    """The first free id at `ts_ns`, greater than `last_id`. A caller may take a stretch of ids from it."""
    return max(last_id + 1, (ts_ns // 1_000_000 - EPOCH_MS) << 22)


def birth_ms(any_id: int) -> int:
    """Unix milliseconds in which an id was made."""
    return (any_id >> 22) + EPOCH_MS


def uid_of(account_row: int) -> int:
    """The uid of an account row."""
    return UID_BASE + account_row


def unique_code_of(account_row: int) -> str:
    """A 16-character unique code (rules 1.9). The mixing is a bijection on 64 bits, so codes never collide."""
    x = (account_row + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return f"{x ^ (x >> 31):016X}"
