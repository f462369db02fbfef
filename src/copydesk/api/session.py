"""One WebSocket connection as a protocol: login, subscribe, unsubscribe, ping, and their errors.

What lives here: `Session`, without a socket: text in, text out through a `Wire`.
What it may touch: `auth`, `channels`, `pushes`, `errors`.
Always true: requests of one connection are handled in order; an ack goes out before the first push
of its topic; an error event repeats the id of the request; what a client presented to log in never
comes back in an answer.
Start reading: `Session.receive`.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from copydesk.api.auth import Login, check_login
from copydesk.api.channels import ANY, Topic, Url, read_topic
from copydesk.api.desk import ApiKey, Desk
from copydesk.api.errors import DoorCode, Locale, Refusal, render
from copydesk.api.pushes import Pushes, Subscription

MAX_FAILED_LOGINS: Final = 3
MAX_SUBSCRIPTIONS: Final = 500
MAX_ECHO: Final = 200
MAX_ID: Final = 32
HOUR_NS: Final = 3_600 * 1_000_000_000

CLOSE_LOGIN_FAILED: Final = 4001
CLOSE_INVALID: Final = 4002
CLOSE_IDLE: Final = 4004
CLOSE_SLOW: Final = 4005
CLOSE_KEY_CHANGED: Final = 4007
CLOSE_TOO_MANY_CHANNELS: Final = 4009

_JSON = msgspec.json.Encoder()
_READ = msgspec.json.Decoder(float_hook=str)  # a login signs the text of its timestamp

Request = Mapping[str, Any]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a connection before it says anything."""

    url: Url
    ip: str
    locale: Locale
    demo: bool
    conn_id: str


class Counts:
    """How many connections of a user hold a channel (`channel-conn-count`)."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, str], dict[str, int]] = {}

    def hold(self, account_row: int, channel: str, conn_id: str) -> int:
        """Count a connection in, once however many topics it has; tells how many there are."""
        held = self._held.setdefault((account_row, channel), {})
        held[conn_id] = held.get(conn_id, 0) + 1
        return len(held)

    def release(self, account_row: int, channel: str, conn_id: str) -> int:
        """Give back one topic of a connection; tells how many connections are left."""
        held = self._held[account_row, channel]
        held[conn_id] -= 1
        if not held[conn_id]:
            del held[conn_id]
        if not held:
            del self._held[account_row, channel]
        return len(held)


class Wire(Protocol):
    """The socket below a session; sends nothing any more once it is closing."""

    def send(self, payload: bytes) -> None:
        """Send one text frame."""

    def close(self, code: int) -> None:
        """Close with a code."""


class Session:
    """The state of one connection."""

    def __init__(
        self,
        desk: Desk,
        pushes: Pushes,
        counts: Counts,
        caller: Caller,
        wire: Wire,
    ) -> None:
        self._desk = desk
        self._pushes = pushes
        self._counts = counts
        self.caller = caller
        self._wire = wire
        self.key: ApiKey | None = None
        self.heard_ns = desk.now_ns()  # last message in either direction
        self._subscriptions: dict[bytes, Subscription] = {}
        self._requests: deque[int] = deque()
        self._failed_logins = 0

    @property
    def account_row(self) -> int:
        """Whose connection it is; ANY before login."""
        return ANY if self.key is None else self.key.account_row

    def send(self, payload: bytes) -> None:
        """Send one text frame."""
        self.heard_ns = self._desk.now_ns()
        self._wire.send(payload)

    def hear(self) -> None:
        """Note that something came in."""
        self.heard_ns = self._desk.now_ns()

    def end(self) -> None:
        """Give everything back. After the connection has gone."""
        for subscription in tuple(self._subscriptions.values()):
            self._drop(subscription)
        self._subscriptions.clear()

    def receive(self, text: bytes) -> None:
        """Handle one text frame."""
        self.heard_ns = self._desk.now_ns()
        if text == b"ping":
            self.send(b"pong")
            return
        request = _read(text)
        if request is None:
            self._refuse("", Refusal(DoorCode.WS_REQUEST_INVALID, (_echo(text),)))
            return
        request_id = _id_of(request)
        op = request.get("op")
        if not isinstance(op, str) or not op:
            self._refuse(request_id, Refusal(DoorCode.WS_REQUEST_INVALID, (_echo(text),)))
        elif op not in ("login", "subscribe", "unsubscribe"):
            self._refuse(request_id, Refusal(DoorCode.WS_OP_UNKNOWN, (op[:64],)))
        elif not self._count_request():
            self._refuse(request_id, Refusal(DoorCode.WS_TOO_MANY_REQUESTS))
        elif "args" not in request:
            echo = op if op == "login" else _echo(text)
            self._refuse(request_id, Refusal(DoorCode.WS_REQUEST_INVALID, (echo,)))
        else:
            self._do(op, request_id, request["args"])

    def _do(self, op: str, request_id: str, args: object) -> None:
        if not isinstance(args, list) or not args or not all(isinstance(a, dict) for a in args):
            self._refuse(request_id, Refusal(DoorCode.WS_ARGS_INVALID))
        elif op == "login":
            self._login(request_id, args)
        else:
            for arg in args:
                given = {name: value for name, value in arg.items() if value is not None}
                if op == "subscribe":
                    self._subscribe(request_id, given)
                else:
                    self._unsubscribe(request_id, given)

    def _count_request(self) -> bool:
        limit = self._desk.settings.ws_requests_per_hour
        if not limit or not self._desk.settings.rate_limits:
            return True
        while self._requests and self._requests[0] <= self.heard_ns - HOUR_NS:
            self._requests.popleft()
        if len(self._requests) >= limit:
            return False
        self._requests.append(self.heard_ns)
        return True

    # Login -----------------------------------------------------------------------------------

    def _login(self, request_id: str, args: list[dict[str, object]]) -> None:
        """Log in; again with a key of the same account is fine, some clients always do."""
        if len(args) != 1:
            self._refuse(request_id, Refusal(DoorCode.WS_ARGS_INVALID))
            return
        (arg,) = args
        login = Login(
            api_key=_text(arg.get("apiKey")),
            passphrase=_text(arg.get("passphrase")),
            timestamp=_text(arg.get("timestamp")),
            sign=_text(arg.get("sign")),
            ip=self.caller.ip,
            demo=self.caller.demo,
        )
        key = check_login(self._desk, login, self.heard_ns)
        if isinstance(key, Refusal):
            self._refuse(request_id, key)
            self._failed_logins += 1
            if self._failed_logins >= MAX_FAILED_LOGINS:
                self._wire.close(CLOSE_LOGIN_FAILED)
            return
        if self.key is not None and self.key.account_row != key.account_row:
            self._refuse(request_id, Refusal(DoorCode.WS_ALREADY_LOGGED_IN))
            return
        self.key = key
        self._failed_logins = 0
        self._tell(request_id, {"event": "login", "code": "0", "msg": ""})

    # Subscriptions ---------------------------------------------------------------------------

    def _subscribe(self, request_id: str, arg: dict[str, object]) -> None:
        topic = read_topic(self._desk, arg, self.caller.url, self.account_row)
        if isinstance(topic, Refusal):
            self._refuse(request_id, topic)
            return
        echo = _without_extras(arg)
        name = _JSON.encode(dict(sorted(echo.items())))
        known = self._subscriptions.pop(name, None)
        if known is not None:
            self._drop(known)
        elif len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            self._wire.close(CLOSE_TOO_MANY_CHANNELS)
            return
        self._tell(request_id, {"event": "subscribe", "arg": echo})
        if not self._count_in(topic):
            return
        subscription = Subscription(topic, self._head(echo, topic), self)
        self._subscriptions[name] = subscription
        self._pushes.add(subscription)

    def _unsubscribe(self, request_id: str, arg: dict[str, object]) -> None:
        """Stop a topic; one that was not subscribed is acknowledged as well."""
        topic = read_topic(self._desk, arg, self.caller.url, self.account_row)
        if isinstance(topic, Refusal):
            self._refuse(request_id, topic)
            return
        echo = _without_extras(arg)
        known = self._subscriptions.pop(_JSON.encode(dict(sorted(echo.items()))), None)
        if known is not None:
            self._drop(known)
        self._tell(request_id, {"event": "unsubscribe", "arg": echo})

    def _drop(self, subscription: Subscription) -> None:
        topic = subscription.topic
        self._pushes.remove(subscription)
        if topic.channel.counted:
            self._counts.release(topic.account_row, topic.channel.name, self.caller.conn_id)

    def _count_in(self, topic: Topic) -> bool:
        """Count the connection for its channel and tell how many there are; False: too many."""
        channel = topic.channel
        if not channel.counted:
            return True
        most = self._desk.settings.ws_connections_per_channel
        count = self._counts.hold(topic.account_row, channel.name, self.caller.conn_id)
        told = {"event": "channel-conn-count", "channel": channel.name, "connCount": str(count)}
        if most and count > most:
            count = self._counts.release(topic.account_row, channel.name, self.caller.conn_id)
            told |= {"event": "channel-conn-count-error", "connCount": str(count)}
            self._tell("", told)
            return False
        self._tell("", told)
        return True

    def _head(self, echo: dict[str, object], topic: Topic) -> bytes:
        """Print the arg of pushes: as subscribed, and on private channels the uid."""
        arg = dict(echo)
        if topic.channel.login and self.key is not None:
            arg["uid"] = str(self.key.uid)
        return b'{"arg":' + _JSON.encode(arg) + b","

    # Answers ---------------------------------------------------------------------------------

    def _tell(self, request_id: str, event: Mapping[str, object]) -> None:
        told: dict[str, object] = {"id": request_id, **event} if request_id else dict(event)
        told["connId"] = self.caller.conn_id
        self.send(_JSON.encode(told))

    def _refuse(self, request_id: str, refusal: Refusal) -> None:
        _, code, msg = render(refusal, self.caller.locale)
        self._tell(request_id, {"event": "error", "code": code, "msg": msg})


def _read(text: bytes) -> Request | None:
    try:
        found = _READ.decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _id_of(request: Request) -> str:
    """Take the id to echo; what is no id of OKX's form is left out."""
    found = request.get("id")
    if isinstance(found, str) and len(found) <= MAX_ID and found.isascii() and found.isalnum():
        return found
    return ""


def _text(value: object) -> str:
    """Read a text or a number as the text that stood there; anything else is absent."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return str(value)
    return ""


def _echo(text: bytes) -> str:
    """Repeat a request that was not understood, cut, and not at all if it may hold a secret."""
    if b"passphrase" in text or b"sign" in text:
        return "login"
    return text[:MAX_ECHO].decode("utf-8", "replace")


def _without_extras(arg: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in arg.items() if name != "extraParams"}
