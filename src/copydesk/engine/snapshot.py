"""State as plain arrays and back; no I/O here, the journal writes them.

What lives here: `dump` and `load`.
What it may touch: `engine.state`, `engine.derived`, msgspec, NumPy.
Always true: load(dump(state)) has the same digest and steps the same way.
Start reading: `dump`.

Names of arrays: "table/column", "wallet/<currency row>/column", "lever/<book id>", and "scalars"
(msgpack bytes as uint8).
"""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.derived import rebuild
from copydesk.engine.state import Scalars, State, Wallet
from copydesk.model.instruments import InstrumentTable

Arrays = dict[str, npt.NDArray[Any]]


def dump(state: State) -> Arrays:
    """Copy everything that makes up State."""
    assert not state.fill_events, "a snapshot is taken between steps"
    arrays: Arrays = {}
    for name, table in state.tables().items():
        for column, values in table.dump().items():
            arrays[f"{name}/{column}"] = values
    for book, levers in sorted(state.levers.items()):
        arrays[f"lever/{book}"] = levers.copy()
    arrays["scalars"] = np.frombuffer(msgspec.msgpack.encode(state.scalars), dtype=np.uint8)
    return arrays


def load(table: InstrumentTable, arrays: Arrays) -> State:
    """Make a State from what `dump` gave. Raises ValueError if the columns are not this
    version's."""
    state = State(table)
    grouped: dict[str, Arrays] = {}
    for name, values in arrays.items():
        group, _, column = name.rpartition("/")
        grouped.setdefault(group, {})[column] = values
    scalars = grouped.pop("", {}).get("scalars")
    if scalars is None:
        raise ValueError("snapshot without scalars")
    state.scalars = msgspec.msgpack.decode(scalars.tobytes(), type=Scalars)
    for column, values in grouped.pop("lever", {}).items():
        state.levers[int(column)] = values.astype(np.int16)
    tables = state.tables()
    for group, columns in sorted(grouped.items()):
        if group.startswith("wallet/"):
            wallet = state.wallets[int(group.removeprefix("wallet/"))] = Wallet()
            wallet.load(columns)
        elif group in tables:
            tables[group].load(columns)
        else:
            raise ValueError(f"unknown table in snapshot: {group}")
    rebuild(state)
    return state
