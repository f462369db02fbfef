"""What State begins with: instruments and funding terms. They are no inputs, so the journal seals
them in its header.

What lives here: `Genesis`, and the one that ships with the package.
What it may touch: `copydesk.data`, `engine.genesis`.
Always true: two nodes with the same header begin with the same State.
Start reading: `Genesis`.
"""

import hashlib

import msgspec

from copydesk.data import load_funding, load_instruments
from copydesk.engine.genesis import new_state
from copydesk.engine.state import RULES_VERSION, State
from copydesk.model.instruments import InstrumentTable


class Genesis(msgspec.Struct, frozen=True):
    """Instruments in row order; funding as interval in ms and rate in 1e-9 by instrument row."""

    table: InstrumentTable
    funding: dict[int, tuple[int, int]]

    def state(self) -> State:
        """Make the State before the first input."""
        return new_state(self.table, self.funding)

    def header(self) -> dict[str, str]:
        """Say under which circumstances inputs give their State."""
        return {
            "rules_version": str(RULES_VERSION),
            "instruments_sha256": _sha256(self.table),
            "funding_sha256": _sha256(sorted(self.funding.items())),
        }


def shipped() -> Genesis:
    """Load what ships with the package: OKX's instruments and funding terms of 2026-04-27."""
    table, terms = load_instruments(), load_funding()
    rows = {inst.inst_id: inst.row for inst in table.instruments}
    funding = {rows[name]: (term.interval_ms, term.rate_e9) for name, term in terms.items()}
    return Genesis(table, funding)


def _sha256(value: object) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(value)).hexdigest()
