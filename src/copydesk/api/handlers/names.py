"""Names to rows, and the short ways that handlers share.

What lives here: looking up instruments and lead traders, pages, setters.
What it may touch: `api.endpoint`, `views`, `model`.
Always true: an unknown instrument is 51001, an unknown lead trader 59269.
Start reading: `instrument`, `lead_account`, `done`.
"""

from collections.abc import Iterable
from typing import Protocol

from copydesk.api.desk import Desk
from copydesk.api.endpoint import Answer
from copydesk.api.wire.rows import DONE
from copydesk.model.enums import InstType
from copydesk.model.inputs import Input
from copydesk.model.instruments import Instrument
from copydesk.model.rejects import Code, Reject
from copydesk.views.paging import Page


class Paged(Protocol):
    """A request for a page of a list."""

    @property
    def after(self) -> int | None: ...
    @property
    def before(self) -> int | None: ...
    @property
    def limit(self) -> int: ...


def instrument(desk: Desk, inst_id: str) -> Instrument | Reject:
    """Find an instrument. Rejects: 51001."""
    found = desk.instrument(inst_id)
    return Reject(Code.INSTRUMENT_UNKNOWN) if found is None else found


def instrument_rows(desk: Desk, names: Iterable[str]) -> tuple[int, ...] | Reject:
    """Find instruments in the order given; a name given twice counts once. Rejects: 51001."""
    rows: dict[int, None] = {}
    for name in names:
        found = desk.instrument(name)
        if found is None:
            return Reject(Code.INSTRUMENT_UNKNOWN)
        rows[found.row] = None
    return tuple(rows)


def wanted_row(desk: Desk, inst_id: str | None) -> int | Reject | None:
    """Find the instrument of a filter; None where none is given. Rejects: 51001."""
    if inst_id is None:
        return None
    found = instrument(desk, inst_id)
    return found if isinstance(found, Reject) else found.row


def offered(inst_type: str | None) -> bool:
    """Tell whether there can be anything of a product line here (None: of any)."""
    return inst_type is None or InstType.from_wire(inst_type) is not None


def inst_type_of(inst_type: str | None) -> InstType | None:
    """Read a product line that is offered; None where none is given."""
    return None if inst_type is None else InstType.from_wire(inst_type)


async def lead_account(desk: Desk, unique_code: str) -> int | Reject:
    """Find the account behind a uniqueCode, case-sensitive. Rejects: 59269."""
    code = unique_code.encode("ascii")
    row = await desk.read(lambda state: state.index.account_by_code.get(code))
    return Reject(Code.LEAD_UNKNOWN) if row is None else row


def page(request: Paged) -> Page:
    """Read the page that a request asks for."""
    return Page(
        limit=request.limit,
        after=request.after,
        before=request.before,
        begin_ms=getattr(request, "begin", None),
        end_ms=getattr(request, "end", None),
    )


async def done(desk: Desk, command: Input) -> Answer:
    """Submit the command of a setter; `result: true` if it was accepted."""
    reply = await desk.submit(command)
    return reply if isinstance(reply, Reject) else DONE
