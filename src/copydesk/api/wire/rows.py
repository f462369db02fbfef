"""The base of all rows, and the rows that several families share.

What lives here: `Row`, `Result`.
What it may touch: msgspec.
Always true: a row is printed in the order in which its fields are declared.
Start reading: `Row`.
"""

from typing import Final

import msgspec


class Row(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """One element of `data`."""


class Result(Row, frozen=True, kw_only=True):
    """What setters answer; a refusal is an error code, so it is always true."""

    result: bool = True


DONE: Final = (Result(),)
