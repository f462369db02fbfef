"""The digest of State: equal exactly when all columns and scalars are equal.

What lives here: `digest`.
What it may touch: `engine.state`, zlib and hashlib (pure functions).
Always true: depends on live rows only, not on capacities, and on no order but that of names and
rows.
Start reading: `digest`.

Each column is folded with CRC-32 (gigabytes per second); BLAKE2 joins the parts. It finds
divergence, not forgery.
"""

import hashlib
import zlib
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.state import State


def parts(state: State) -> dict[str, int]:
    """CRC-32 of every column by name, so that a divergence can be named."""
    found: dict[str, int] = {}
    for name, table in sorted(state.tables().items()):
        found[name] = table.count
        for column in table.columns:
            if name != "copies":
                found[f"{name}/{column}"] = _fold(table.live(column))
    found.update(_copies(state))
    for book, levers in sorted(state.levers.items()):
        used = levers[: state.accounts.count]  # may be shorter than the accounts are many
        found[f"lever/{book}"] = _fold(np.trim_zeros(used, "b"))
    found["scalars"] = zlib.crc32(msgspec.msgpack.encode(state.scalars))
    return found


def _fold(values: npt.NDArray[Any], crc: int = 0) -> int:
    return zlib.crc32(np.ascontiguousarray(values).view(np.uint8).data, crc)


def _copies(state: State) -> dict[str, int]:
    """Fold the copies; what lies before the oldest unfinished block never changes and is kept
    folded."""
    copies, kept = state.copies, state.index.folded
    still = _unchanging_rows(state)
    found = {}
    for column in copies.columns:
        rows, crc = kept.get(column, (0, 0))
        assert rows <= still, "a block that had ended goes on"
        values = copies.live(column)
        crc = _fold(values[rows:still], crc)
        kept[column] = (still, crc)
        found[f"copies/{column}"] = _fold(values[still:], crc)
    return found


def _unchanging_rows(state: State) -> int:
    """Count the rows of copies in front of the oldest block that is not at its end."""
    lead = state.lead_positions
    going = lead.live("open_copies") > 0
    going |= lead.live("closed_lots") < lead.live("size_lots")
    first = np.flatnonzero(going)[:1]
    return int(lead.block_start[first[0]]) if len(first) else state.copies.count


def digest(state: State) -> str:
    """Digest of State, 32 hex digits."""
    return hashlib.blake2b(msgspec.msgpack.encode(parts(state)), digest_size=16).hexdigest()
