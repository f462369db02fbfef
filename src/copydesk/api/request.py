"""Request types as data, and the decoding of query and body into them.

What lives here: `Param` (what is known of one parameter), `Request` (base of all request types),
the decoding.
What it may touch: msgspec, `errors`, `model`. The types themselves stand in `wire/`.
Always true: exact match, nothing is trimmed or guessed; "" and null are absent; unknown keys are
ignored; a refusal names the parameter as the wire spells it.
Start reading: `Param`, then `build`.

A request type:

    class StopCopyTrading(Request, kw_only=True):
        inst_type: Annotated[InstType, Param()] = InstType.SWAP
        unique_code: Annotated[str, Param(required=True, pattern="[0-9A-Za-z]{16}")]

The Python type chooses the reading: `str`, `bool` (true, false), `int` (whole number), a
`WireEnum` (its spellings), `tuple[str, ...]` (names joined by commas); `X | None` for those that
may be absent.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import parse_qsl

import msgspec

from copydesk.api.errors import DoorCode, Refusal
from copydesk.model.enums import WireEnum
from copydesk.model.rejects import Code, Reject

R = TypeVar("R", bound=msgspec.Struct)

_MAX_QUERY_FIELDS: Final = 64
_MAX_EXPONENT_DIGITS: Final = 2
_MAX_INT_DIGITS: Final = 18
_DIGITS = re.compile(r"-?[0-9]{1,40}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Request(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """Base of every request type."""


class Param(msgspec.Struct, frozen=True):
    """What is known of one parameter; from it come the checks and the OpenAPI document.

    `pattern` must match the whole text. `values`: the only texts allowed. `minimum`, `maximum`: of
    an `int`.
    `max_items`: of a list of names (50025 above it).
    """

    required: bool = False
    values: tuple[str, ...] = ()
    pattern: str = ""
    max_length: int = 256
    minimum: int | None = None
    maximum: int | None = None
    max_items: int = 0
    about: str = ""


class Malformed(NamedTuple):
    """A text that is not a value of the parameter."""

    reject: Reject


Convert = Callable[[str], object]


class _Field(NamedTuple):
    name: str
    wire: str
    required: bool
    bad: Malformed
    convert: Convert


def _plain(text: str) -> str:
    """Print a JSON number as plain decimal text: 3.0 as "3", 1e-8 as "0.00000001"."""
    if "e" in text or "E" in text:
        exponent = text.lower().partition("e")[2].lstrip("+-0")
        if len(exponent) > _MAX_EXPONENT_DIGITS:
            return text  # no parameter takes such a number: it is refused where it is read
        text = format(Decimal(text), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_JSON = msgspec.json.Decoder(float_hook=_plain)


def decode_query(query: bytes) -> dict[str, object] | Reject:
    """Split a query string. Rejects: 51000 for a repeated parameter or for too many of them."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode("ascii", "replace"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_QUERY_FIELDS,
        )
    except (ValueError, UnicodeDecodeError):
        return Reject(Code.PARAMETER_ERROR, ("query",))
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            return Reject(Code.PARAMETER_ERROR, (name[:64],))
        found[name] = value
    return found


def decode_body(body: bytes, content_type: bytes) -> dict[str, Any] | list[Any] | Refusal:
    """Read a JSON body. Rejects: 50006, 50000, 50002 in this order."""
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        return Refusal(DoorCode.CONTENT_TYPE_WRONG)
    if not body or body.isspace():
        return Refusal(DoorCode.BODY_MISSING)
    try:
        found = _JSON.decode(body)
    except (ValueError, RecursionError):  # msgspec.DecodeError and bad UTF-8 are ValueErrors
        return Refusal(DoorCode.JSON_INVALID)
    if isinstance(found, dict | list):
        return found
    return Refusal(DoorCode.JSON_INVALID)


def build(kind: type[R], given: Mapping[str, object]) -> R | Reject:
    """Make a request out of what was given.

    Rejects: 50014 for the first required parameter that is absent, then 51000 (or 50025) for the
    first that is malformed, each in the order in which the type declares them.
    """
    values: dict[str, object] = {}
    malformed: Malformed | None = None
    for name, wire, required, bad, convert in _plan(kind):
        value = given.get(wire, "")
        text = value if isinstance(value, str) else _text(value)
        if text == "":
            if required:
                return Reject(Code.PARAMETER_MISSING, (wire,))
            continue
        made = bad if text is None else convert(text)
        if made.__class__ is Malformed:  # a missing one behind it would come first: go on
            malformed = malformed or made
        values[name] = made
    return kind(**values) if malformed is None else malformed.reject


def _text(value: object) -> str | None:
    """Read what is no text as one; "" if it is absent, None if it has none."""
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else None
    return None


@cache
def _plan(kind: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """Compile a request type once."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_field(info, hints[info.name]) for info in msgspec.structs.fields(kind))


def _field(info: msgspec.structs.FieldInfo, hint: Any) -> _Field:
    param = Param()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        param = next((extra for extra in extras if isinstance(extra, Param)), param)
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    assert param.required == info.required, (
        f"{info.name}: required and a default exclude each other"
    )
    wire = info.encode_name
    bad = Malformed(Reject(Code.PARAMETER_ERROR, (wire,)))
    return _Field(info.name, wire, param.required, bad, _converter(wire, hint, param))


def _converter(wire: str, hint: Any, param: Param) -> Convert:
    bad = Malformed(Reject(Code.PARAMETER_ERROR, (wire,)))
    if hint is str:
        return _text_converter(bad, param)
    if hint is bool:
        return lambda text: {"true": True, "false": False}.get(text, bad)
    if hint is int:
        return _int_converter(bad, param)
    if get_origin(hint) is tuple:
        return _names_converter(wire, bad, param)
    assert issubclass(hint, WireEnum), f"{wire}: no way to read {hint!r}"
    members = {member.wire: member for member in hint if member.wire}
    if param.values:
        members = {text: members[text] for text in param.values}
    return lambda text: members.get(text, bad)


def _text_converter(bad: Malformed, param: Param) -> Convert:
    allowed = frozenset(param.values)
    if allowed:
        return lambda text: text if text in allowed else bad
    matches = re.compile(param.pattern, re.ASCII).fullmatch if param.pattern else None
    longest = param.max_length

    def convert(text: str) -> object:
        if len(text) > longest or (matches and not matches(text)):
            return bad
        return text if text.isprintable() or not _CONTROL.search(text) else bad

    return convert


def _int_converter(bad: Malformed, param: Param) -> Convert:
    low, high = param.minimum, param.maximum

    def convert(text: str) -> object:
        if not _DIGITS.fullmatch(text) or len(text) > _MAX_INT_DIGITS + 1:
            return bad
        number = int(text)
        if (low is not None and number < low) or (high is not None and number > high):
            return bad
        return number

    return convert


def _names_converter(wire: str, bad: Malformed, param: Param) -> Convert:
    allowed = frozenset(param.values)
    matches = re.compile(param.pattern, re.ASCII).fullmatch if param.pattern else None
    too_many = Malformed(Reject(Code.TOO_MANY_ITEMS, (wire, str(param.max_items))))

    def convert(text: str) -> object:
        names = tuple(text.split(","))
        if param.max_items and len(names) > param.max_items:
            return too_many
        for name in names:
            if not name or len(name) > param.max_length or _CONTROL.search(name):
                return bad
            if (allowed and name not in allowed) or (matches and not matches(name)):
                return bad
        return names

    return convert
