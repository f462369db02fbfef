"""Error codes of the door and the texts of all codes, in English and Chinese.

What lives here: `DoorCode` (refusals that end before the engine), `render`, the choice of the
language.
What it may touch: `error_texts.json` beside it, the only place with texts: code -> [http status,
en, zh, placeholders].
Always true: the code never depends on the language; a code without a text is a bug that a test
finds.
Start reading: `render`.
"""

import re
from enum import IntEnum
from importlib.resources import files
from typing import Final, Literal, NamedTuple

import msgspec

from copydesk.model.rejects import Reject

Locale = Literal["en", "zh"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class DoorCode(IntEnum):
    """Refusals that end at the door; those of the rules are `model.rejects.Code`."""

    FAILED = 1
    PARTLY_FAILED = 2
    NOT_FOUND = 404
    BODY_MISSING = 50000
    SERVICE_DOWN = 50001
    JSON_INVALID = 50002
    TIMED_OUT = 50004
    CONTENT_TYPE_WRONG = 50006
    TOO_MANY_REQUESTS = 50011
    INTERNAL = 50026
    NOT_IN_DEMO = 50038
    ACCOUNT_ORDER_RATE = 50061
    API_FROZEN = 50100
    WRONG_ENVIRONMENT = 50101
    TIMESTAMP_OUTSIDE_WINDOW = 50102
    KEY_MISSING = 50103
    PASSPHRASE_MISSING = 50104
    PASSPHRASE_WRONG = 50105
    SIGN_MISSING = 50106
    TIMESTAMP_MISSING = 50107
    IP_NOT_LISTED = 50110
    KEY_MALFORMED = 50111
    TIMESTAMP_UNREADABLE = 50112
    SIGN_WRONG = 50113
    METHOD_NOT_ALLOWED = 50115
    KEY_UNKNOWN = 50119
    PERMISSION_MISSING = 50120
    WS_TIMESTAMP_UNREADABLE = 60004
    WS_KEY_MALFORMED = 60005
    WS_TIMESTAMP_EXPIRED = 60006
    WS_SIGN_WRONG = 60007
    WS_CHANNEL_ELSEWHERE = 60008
    WS_LOGIN_NEEDED = 60011
    WS_REQUEST_INVALID = 60012
    WS_ARGS_INVALID = 60013
    WS_TOO_MANY_REQUESTS = 60014
    WS_CHANNEL_UNKNOWN = 60018
    WS_OP_UNKNOWN = 60019
    WS_PASSPHRASE_WRONG = 60024
    WS_PARAMETER_MISSING = 60027
    WS_ALREADY_LOGGED_IN = 60031
    WS_KEY_UNKNOWN = 60032
    WS_PARAMETER_WRONG = 60033
    WS_USE_BUSINESS = 64001
    WS_NOT_ON_BUSINESS = 64002


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A request that ends at the door: never stamped, never journalled."""

    code: DoorCode
    params: tuple[str, ...] = ()


Refused = Refusal | Reject


class Rendered(NamedTuple):
    """What goes on the wire for a refusal; `http` is 200 where OKX names none (WebSocket codes)."""

    http: int
    code: str
    msg: str


class _Entry(NamedTuple):
    http: int
    en: str
    zh: str
    params: tuple[str, ...] = ()


def _load() -> dict[str, _Entry]:
    raw = files("copydesk.api").joinpath("error_texts.json").read_bytes()
    return msgspec.json.decode(raw, type=dict[str, _Entry])


TEXTS: Final = _load()


def render(refused: Refused, locale: Locale) -> Rendered:
    """Put a refusal into words; its params fill the placeholders in the order in which the table
    lists them.

    A variant (`51008_1000`) falls back to its plain code when the table has no text of its own for
    it.
    """
    code = str(int(refused.code))
    sub_code = refused.sub_code if isinstance(refused, Reject) else ""
    entry = TEXTS.get(f"{code}_{sub_code}") if sub_code else None
    if entry is None:
        entry = TEXTS[code]
    values = dict(zip(entry.params, refused.params, strict=False))
    text = entry.zh if locale == "zh" else entry.en
    return Rendered(entry.http, code, _PLACEHOLDER.sub(lambda m: values.get(m[1], ""), text))


def locale_of(accept_language: str) -> Locale:
    """Choose the first supported language of an Accept-Language header; else English."""
    if not accept_language:
        return "en"
    best: tuple[float, Locale] = (0.0, "en")
    for item in accept_language.lower().split(",", 16)[:16]:
        tag, _, rest = item.strip().partition(";")
        weight = _weight(rest)
        primary = tag.strip().partition("-")[0]
        if weight <= best[0]:
            continue
        if primary in ("en", "*"):
            best = (weight, "en")
        elif primary == "zh":
            best = (weight, "zh")
    return best[1]


def _weight(rest: str) -> float:
    name, _, value = rest.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    value = value.strip()
    plain = value.replace(".", "", 1).isdecimal() and value.isascii()
    return float(value) if plain and len(value) <= 8 else 0.0
