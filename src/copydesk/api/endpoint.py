"""One row of the endpoint table, and what a handler is given.

What lives here: `Endpoint`, `Limit`, `Call`, the kinds of answers.
What it may touch: `desk`, `errors`, `model`.
Always true: a row is data; app, limits and the OpenAPI document are driven by it and by nothing
else.
Start reading: `Endpoint`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, Literal, TypeVar

import msgspec

from copydesk.api.desk import ApiKey, Desk, Permission
from copydesk.api.errors import Locale, Refused

R = TypeVar("R", bound=msgspec.Struct)

Row = msgspec.Struct | Mapping[str, object] | Sequence[object]
Answer = Sequence[Row] | Refused


class Scope(Enum):
    """Whose requests are counted together."""

    IP = auto()
    USER = auto()
    USER_INSTRUMENT = auto()
    IP_INSTRUMENT = auto()


class Answers(Enum):
    """How a refusal of the handler travels."""

    BUSINESS = auto()  # code, msg, empty data
    ORDER_ROWS = auto()  # code "1" and a row with sCode, sMsg, subCode; inTime, outTime


class Limit(msgspec.Struct, frozen=True):
    """`count` requests in any `seconds`; `lead_count` on instruments that the caller leads.

    `account_count`: of new orders on anything but spot, over all instruments (50061).
    Endpoints with the same `bucket` share one count ("" is the endpoint's own).
    """

    count: int
    seconds: int = 2
    scope: Scope = Scope.USER
    lead_count: int | None = None
    account_count: int | None = None
    bucket: str = ""


class Call(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """One checked request. `account_row` is -1 and `key` None where nobody logged in; `ts_ns` is
    its arrival.

    `exp_ts_ns` is the header expTime in ns, 0 if absent; past ones were refused already.
    """

    desk: Desk
    request: R
    account_row: int
    key: ApiKey | None
    ip: str
    locale: Locale
    ts_ns: int
    exp_ts_ns: int = 0


Handler = Callable[[Call[R]], Awaitable[Answer]]


@dataclass(slots=True, frozen=True, kw_only=True)
class Endpoint(Generic[R]):
    """A row of the table: GET parameters come from the query, POST parameters from a JSON object.

    `batch` > 0: the body is a list of up to that many objects; the handler is called for each of
    them, and `limit` counts orders (`single_limit` instead when there is exactly one).
    `optional_auth`: public, but all checks of signature apply when OK-ACCESS-KEY is sent.
    `takes_exp_time`: header expTime is read.
    """

    method: Literal["GET", "POST"]
    path: str
    permission: Permission
    limit: Limit
    request: type[R]
    handler: Handler[R]
    answers: Answers = Answers.BUSINESS
    batch: int = 0
    single_limit: Limit | None = None
    optional_auth: bool = False
    takes_exp_time: bool = False


class OrderRow(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """The row of an order operation, good or refused. `ts`: ms when handling ended."""

    ord_id: str = ""
    cl_ord_id: str = ""
    tag: str = ""
    ts: str = ""
    s_code: str = "0"
    s_msg: str = ""
    sub_code: str = ""
