"""Who is asking: signature, passphrase, environment and IP of a key, in one fixed order.

What lives here: `check_signed` (REST, steps 4 to 10 of the door's order), `check_login`
(WebSocket).
What it may touch: `desk`, `errors`, hmac. No clock of its own: the caller says what time it is.
Always true: the bytes that arrived are hashed, never a reprint of them; compares take constant
time; nothing secret reaches a log or an answer.
Start reading: `check_signed`.

The order: key, sign, timestamp, passphrase present · timestamp readable, inside the window · key
well-formed, known, not frozen · environment · signature · passphrase · IP. The first failure wins.
"""

import hmac
import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from copydesk.api.desk import ApiKey, Desk
from copydesk.api.errors import DoorCode, Refusal

WINDOW_NS: Final = 30 * 1_000_000_000
LOGIN_PREHASH: Final = b"GET/users/self/verify"

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_SECONDS = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))?")
_KEY = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MILLIS_FROM: Final = 10**11  # a login's timestamp from here on is read as milliseconds


class Signed(msgspec.Struct, kw_only=True):
    """A request as it came: `path` from /api/v5 on, `full_path` with a prefix before it."""

    method: str
    path: bytes
    full_path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]
    ip: str
    body: bytes = b""


def check_signed(desk: Desk, signed: Signed, now_ns: int) -> ApiKey | Refusal:
    """Find the key that signed this request.

    Rejects, in this order: 50103, 50106, 50107, 50104, 50112, 50102, 50111, 50119, 50100, 50101,
    50113, 50105, 50110.
    """
    headers = signed.headers
    sign, stamp = headers.get(b"ok-access-sign", b""), headers.get(b"ok-access-timestamp", b"")
    passphrase = headers.get(b"ok-access-passphrase", b"")
    name = headers.get(b"ok-access-key", b"")
    absent = _absent(name, sign, stamp, passphrase)
    if absent is not None:
        return Refusal(absent)
    stamp_ns = read_timestamp(stamp.decode("latin-1"))
    if stamp_ns is None:
        return Refusal(DoorCode.TIMESTAMP_UNREADABLE)
    if abs(now_ns - stamp_ns) > WINDOW_NS:
        return Refusal(DoorCode.TIMESTAMP_OUTSIDE_WINDOW)
    key = _find(desk, name.decode("latin-1"), now_ns)
    if isinstance(key, Refusal):
        return key
    demo = headers.get(b"x-simulated-trading") == b"1"
    if desk.settings.check_environment and demo != key.demo:
        return Refusal(DoorCode.WRONG_ENVIRONMENT)
    if not _is_signed_by(key, signed, stamp, sign):
        return Refusal(DoorCode.SIGN_WRONG)
    if not key.check_passphrase(passphrase.decode("utf-8", "surrogateescape")):
        return Refusal(DoorCode.PASSPHRASE_WRONG)
    if not key.allows_ip(signed.ip):
        return Refusal(DoorCode.IP_NOT_LISTED, (signed.ip,))
    key.touch(now_ns)
    return key


def _absent(name: bytes, sign: bytes, stamp: bytes, passphrase: bytes) -> DoorCode | None:
    if not name:
        return DoorCode.KEY_MISSING
    if not sign:
        return DoorCode.SIGN_MISSING
    if not stamp:
        return DoorCode.TIMESTAMP_MISSING
    return None if passphrase else DoorCode.PASSPHRASE_MISSING


def _find(desk: Desk, name: str, now_ns: int) -> ApiKey | Refusal:
    key = desk.find_key(name)
    if key is None:
        formed = _KEY.fullmatch(name) is not None
        return Refusal(DoorCode.KEY_UNKNOWN if formed else DoorCode.KEY_MALFORMED)
    if key.expired(now_ns):
        return Refusal(DoorCode.KEY_UNKNOWN)
    return Refusal(DoorCode.API_FROZEN) if key.frozen else key


def _is_signed_by(key: ApiKey, signed: Signed, stamp: bytes, sign: bytes) -> bool:
    start = stamp + signed.method.encode("ascii")
    body = signed.body if signed.method == "POST" else b""
    query = b"?" + signed.query if signed.query else b""
    if _matches(key, start + signed.path + query + body, sign):
        return True
    return any(_matches(key, start + text, sign) for text in _second_choices(signed))


def _matches(key: ApiKey, text: bytes, sign: bytes) -> bool:
    mac = key.mac.copy()
    mac.update(text)
    return hmac.compare_digest(b2a_base64(mac.digest(), newline=False), sign)


def _second_choices(signed: Signed) -> Iterator[bytes]:
    """List what else a client may have signed behind the method; the request as received is first.

    The query percent-decoded (some sign before their library encodes it), "?" with nothing behind
    it (ASGI does not tell), the whole path under a proxy's prefix, a body on a GET.
    """
    queries = [b"?" + signed.query if signed.query else b""]
    if not signed.query:
        queries.append(b"?")
    elif b"%" in signed.query:
        queries.append(b"?" + unquote_to_bytes(signed.query))
    bodies = [signed.body] if signed.method == "POST" else [b""]
    if signed.method != "POST" and signed.body:
        bodies.append(signed.body)
    paths = [signed.path]
    if signed.full_path != signed.path:
        paths.append(signed.full_path)
    for path in paths:
        for query in queries:
            for body in bodies:
                yield path + query + body


def read_timestamp(text: str) -> int | None:
    """Read an ISO 8601 (UTC) or Unix seconds timestamp into Unix ns; None if unreadable."""
    if _ISO.fullmatch(text) is not None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:  # the 31st of February
            return None
        return (moment - _EPOCH) // _MICROSECOND * 1_000
    return _read_number(text)


def _read_number(text: str) -> int | None:
    found = _SECONDS.fullmatch(text)
    if found is None:
        return None
    return int(found[1]) * 1_000_000_000 + int((found[2] or "").ljust(9, "0"))


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What a WebSocket client presents; `timestamp` as the text of what stood in the JSON."""

    api_key: str
    passphrase: str
    timestamp: str
    sign: str
    ip: str
    demo: bool = False


def check_login(desk: Desk, login: Login, now_ns: int) -> ApiKey | Refusal:
    """Find the key that logs in.

    Rejects, in this order: 60027, 60004, 60006, 60005, 60032, 50100, 50101, 60007, 60024, 50110.
    """
    if not (login.api_key and login.passphrase and login.timestamp and login.sign):
        return Refusal(DoorCode.WS_PARAMETER_MISSING, (_first_absent(login),))
    stamp_ns = _read_number(login.timestamp)
    if stamp_ns is None:
        return Refusal(DoorCode.WS_TIMESTAMP_UNREADABLE)
    if stamp_ns >= _MILLIS_FROM * 1_000_000_000:
        stamp_ns //= 1_000
    if abs(now_ns - stamp_ns) > WINDOW_NS:
        return Refusal(DoorCode.WS_TIMESTAMP_EXPIRED)
    key = _find(desk, login.api_key, now_ns)
    if isinstance(key, Refusal):
        return Refusal(_LOGIN_CODES.get(key.code, key.code))
    if desk.settings.check_environment and login.demo != key.demo:
        return Refusal(DoorCode.WRONG_ENVIRONMENT)
    text = login.timestamp.encode("ascii") + LOGIN_PREHASH
    if not _matches(key, text, login.sign.encode("utf-8", "surrogatepass")):
        return Refusal(DoorCode.WS_SIGN_WRONG)
    if not key.check_passphrase(login.passphrase):
        return Refusal(DoorCode.WS_PASSPHRASE_WRONG)
    if not key.allows_ip(login.ip):
        return Refusal(DoorCode.IP_NOT_LISTED, (login.ip,))
    key.touch(now_ns)
    return key


_LOGIN_CODES: Final = {
    DoorCode.KEY_MALFORMED: DoorCode.WS_KEY_MALFORMED,
    DoorCode.KEY_UNKNOWN: DoorCode.WS_KEY_UNKNOWN,
}


def _first_absent(login: Login) -> str:
    if not login.api_key:
        return "apiKey"
    if not login.passphrase:
        return "passphrase"
    return "sign" if login.timestamp else "timestamp"
