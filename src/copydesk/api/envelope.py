"""OKX's envelope: code, msg, data, as bytes.

What lives here: the printing of answers, good and refused, plain and with order rows.
What it may touch: `endpoint`, `errors`, msgspec.
Always true: every answer is an object with code, msg and data, also those of the gateway.
Start reading: `Printed`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from copydesk.api.endpoint import OrderRow, Row
from copydesk.api.errors import DoorCode, Locale, Refusal, Refused, render
from copydesk.model.rejects import Reject

_JSON = msgspec.json.Encoder()
_DONE: Final = b'{"code":"0","msg":"","data":'


class Printed(NamedTuple):
    """An answer ready to be sent; `code` is for the counters."""

    http: int
    code: str
    body: bytes


def print_rows(rows: Sequence[Row]) -> Printed:
    """Print a success."""
    return Printed(200, "0", _DONE + _JSON.encode(rows) + b"}")


def print_refused(refused: Refused, locale: Locale) -> Printed:
    """Print a refusal with empty data."""
    http, code, msg = render(refused, locale)
    return Printed(http, code, _JSON.encode({"code": code, "msg": msg, "data": ()}))


def print_orders(
    rows: Sequence[Row], failed_count: int, locale: Locale, span: tuple[int, int]
) -> Printed:
    """Print rows of order operations; `span` is arrival and end in microseconds.

    Code "0" if every row is fine, "1" if none is, "2" if some are.
    """
    code, msg = "0", ""
    if failed_count:
        every = failed_count == len(rows)
        _, code, msg = render(Refusal(DoorCode.FAILED if every else DoorCode.PARTLY_FAILED), locale)
    answer = {
        "code": code,
        "msg": msg,
        "data": rows,
        "inTime": str(span[0]),
        "outTime": str(span[1]),
    }
    return Printed(200, code, _JSON.encode(answer))


def refused_row(
    refused: Refused, request: msgspec.Struct | None, locale: Locale, ts_ms: int
) -> OrderRow:
    """Make the row of a refused order operation; it repeats the ids that the request gave."""
    _, code, msg = render(refused, locale)
    return OrderRow(
        ord_id=_given(request, "ord_id"),
        cl_ord_id=_given(request, "cl_ord_id"),
        tag=_given(request, "tag"),
        ts=str(ts_ms),
        s_code=code,
        s_msg=msg,
        sub_code=refused.sub_code if isinstance(refused, Reject) else "",
    )


def _given(request: msgspec.Struct | None, name: str) -> str:
    value = getattr(request, name, None)
    return str(value) if value else ""
