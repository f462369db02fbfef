"""One request from its signature to its answer: the checks in one fixed order, then the handler.

What lives here: `serve`, steps 4 to 15 of the order of checks; steps 1 to 3 are the router's.
What it may touch: all of `api`; asyncio for batches.
Always true: the first failing check answers; only what passed all of them reaches a handler.
Start reading: `Visits.serve`.

The order: signature (`auth`) · rate limit · permission · body readable · expTime · parameters ·
handler. Rates per instrument need the instrument's name, so a body is parsed before its rate is
checked; but a body that cannot be read is refused only in its turn.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from copydesk.api.auth import Signed, check_signed
from copydesk.api.desk import ApiKey, Desk, Permission
from copydesk.api.endpoint import Answers, Call, Endpoint, Row
from copydesk.api.envelope import Printed, print_orders, print_refused, print_rows, refused_row
from copydesk.api.errors import DoorCode, Locale, Refusal, Refused
from copydesk.api.limits import Given, Limits, Who
from copydesk.api.request import build, decode_body, decode_query
from copydesk.model.rejects import Code, Reject

_REFUSED: Final = (Refusal, Reject)
_NOTHING: Final[tuple[Given, ...]] = ({},)
_MAX_EXP_DIGITS: Final = 15


class Visit(msgspec.Struct, frozen=True):
    """One request on its way through the checks."""

    endpoint: Endpoint[Any]
    signed: Signed
    locale: Locale
    ts_ns: int


class Visits:
    """Serves requests one by one; holds what outlives them, the rate windows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._limits = Limits(desk)

    async def serve(self, visit: Visit) -> Printed:
        """Check a request and answer it."""
        endpoint = visit.endpoint
        key = self._sign_in(visit)
        if isinstance(key, Refusal):
            return print_refused(key, visit.locale)
        who = Who(-1 if key is None else key.account_row, visit.signed.ip)
        items = _items(endpoint, visit.signed)
        counted = _NOTHING if isinstance(items, _REFUSED) else items
        too_many = self._limits.check(endpoint, counted, who, visit.ts_ns)
        if too_many is not None:
            return print_refused(too_many, visit.locale)
        if key is not None and key.permission < endpoint.permission:
            return print_refused(Refusal(DoorCode.PERMISSION_MISSING), visit.locale)
        if isinstance(items, _REFUSED):
            return print_refused(items, visit.locale)
        exp_ts_ns = _exp_time(visit)
        if isinstance(exp_ts_ns, Reject):
            return print_refused(exp_ts_ns, visit.locale)
        return await self._handle(visit, key, items, exp_ts_ns)

    def _sign_in(self, visit: Visit) -> ApiKey | Refusal | None:
        endpoint = visit.endpoint
        if endpoint.permission is Permission.NONE and not (
            endpoint.optional_auth and b"ok-access-key" in visit.signed.headers
        ):
            return None
        return check_signed(self._desk, visit.signed, visit.ts_ns)

    async def _handle(
        self, visit: Visit, key: ApiKey | None, items: Sequence[Given], exp_ts_ns: int
    ) -> Printed:
        endpoint = visit.endpoint
        if endpoint.batch:
            return await self._batch(visit, key, items, exp_ts_ns)
        request = build(endpoint.request, items[0])
        if isinstance(request, Reject):
            return print_refused(request, visit.locale)
        answer = await endpoint.handler(self._call(visit, key, request, exp_ts_ns))
        if endpoint.answers is Answers.BUSINESS:
            if isinstance(answer, _REFUSED):
                return print_refused(answer, visit.locale)
            return print_rows(answer)
        if isinstance(answer, _REFUSED):
            row = refused_row(answer, request, visit.locale, self._desk.now_ms)
            return print_orders((row,), 1, visit.locale, self._span(visit))
        return print_orders(answer, 0, visit.locale, self._span(visit))

    async def _batch(
        self, visit: Visit, key: ApiKey | None, items: Sequence[Given], exp_ts_ns: int
    ) -> Printed:
        """Call the handler for every element; they are submitted in the order given."""
        done = await asyncio.gather(*(self._one_of(visit, key, item, exp_ts_ns) for item in items))
        rows: list[Row] = [row for row, _ in done]
        failed_count = sum(failed for _, failed in done)
        return print_orders(rows, failed_count, visit.locale, self._span(visit))

    async def _one_of(
        self, visit: Visit, key: ApiKey | None, item: Given, exp_ts_ns: int
    ) -> tuple[Row, bool]:
        request = build(visit.endpoint.request, item)
        if isinstance(request, Reject):
            return refused_row(request, None, visit.locale, self._desk.now_ms), True
        answer = await visit.endpoint.handler(self._call(visit, key, request, exp_ts_ns))
        if isinstance(answer, _REFUSED):
            return refused_row(answer, request, visit.locale, self._desk.now_ms), True
        (row,) = answer
        return row, False

    def _call(
        self, visit: Visit, key: ApiKey | None, request: msgspec.Struct, exp_ts_ns: int
    ) -> Call[Any]:
        return Call(
            desk=self._desk,
            request=request,
            account_row=-1 if key is None else key.account_row,
            key=key,
            ip=visit.signed.ip,
            locale=visit.locale,
            ts_ns=visit.ts_ns,
            exp_ts_ns=exp_ts_ns,
        )

    def _span(self, visit: Visit) -> tuple[int, int]:
        return visit.ts_ns // 1_000, self._desk.now_ns() // 1_000


def _items(endpoint: Endpoint[Any], signed: Signed) -> Sequence[Given] | Refused:
    """Read query or body: one element for a single call, the list for a batch."""
    if endpoint.method == "GET":
        query = decode_query(signed.query)
        return query if isinstance(query, Reject) else (query,)
    body = decode_body(signed.body, signed.headers.get(b"content-type", b""))
    if isinstance(body, Refusal):
        return body
    if not endpoint.batch:
        return (body,) if isinstance(body, dict) else Refusal(DoorCode.JSON_INVALID)
    if isinstance(body, dict) or not all(isinstance(item, dict) for item in body):
        return Refusal(DoorCode.JSON_INVALID)
    if not body:
        return Reject(Code.PARAMETER_MISSING, ("orders",))
    if len(body) > endpoint.batch:
        return Reject(Code.TOO_MANY_ITEMS, ("orders", str(endpoint.batch)))
    return body


def _exp_time(visit: Visit) -> int | Reject:
    """Read header expTime into ns, 0 if absent. Rejects: 51000, 50036."""
    raw = visit.signed.headers.get(b"exptime", b"") if visit.endpoint.takes_exp_time else b""
    if not raw:
        return 0
    if not raw.isdigit() or len(raw) > _MAX_EXP_DIGITS:
        return Reject(Code.PARAMETER_ERROR, ("expTime",))
    exp_ts_ns = int(raw) * 1_000_000
    return Reject(Code.EXP_TIME_IN_PAST) if exp_ts_ns < visit.ts_ns else exp_ts_ns
