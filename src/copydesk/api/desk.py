"""What the door needs from a node: reading, submitting, keys, outputs. Filled in by `node/boot.py`.

What lives here: `Desk`, `ApiKey`, `Settings`; values and callables, no behaviour of a node.
What it may touch: `engine.state` and `model` as types. Never `node`.
Always true: `submit` answers only after the input is durable; `read` sees whole steps only.
Start reading: `Desk`.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_address
from secrets import token_bytes
from typing import Final, Protocol, TypeVar

from copydesk.engine.state import State
from copydesk.model.inputs import Input
from copydesk.model.instruments import Instrument, InstrumentTable
from copydesk.model.limits import CopyRanges
from copydesk.model.outputs import Output, Reply

T = TypeVar("T")

UNUSED_KEY_LIFETIME_NS: Final = 14 * 86_400 * 1_000_000_000


class Permission(IntEnum):
    """A level: the higher implies the lower."""

    NONE = 0
    READ = 1
    TRADE = 2


class Read(Protocol):
    """Run a pure function over State between two batches."""

    def __call__(self, view: Callable[[State], T], /) -> Awaitable[T]: ...


_MEMO_SALT: Final = token_bytes(16)


@dataclass(slots=True, kw_only=True)
class ApiKey:
    """One API key in memory. The node makes it from its store and keeps `last_used_ns` on disk.

    `check_slow` compares a passphrase with the salted hash; what it accepted is remembered as a
    keyed digest, so that the slow hash is paid once per key and not once per request.
    """

    api_key: str
    account_row: int
    uid: int
    permission: Permission
    secret: bytes = field(repr=False)  # the 32 hex characters as text, never decoded
    check_slow: Callable[[str], bool] = field(repr=False)
    networks: tuple[IPv4Network | IPv6Network, ...] = ()  # empty: not bound to an IP
    demo: bool = False
    frozen: bool = False
    last_used_ns: int = 0  # creation counts as the first use
    label: str = ""
    on_use: Callable[["ApiKey"], None] | None = None
    mac: hmac.HMAC = field(init=False, repr=False)
    accepted: bytes = field(init=False, default=b"", repr=False)

    def __post_init__(self) -> None:
        """Key the HMAC once; each check copies it."""
        self.mac = hmac.new(self.secret, digestmod="sha256")

    @property
    def perm(self) -> str:
        """The permissions as the wire lists them."""
        return "read_only,trade" if self.permission >= Permission.TRADE else "read_only"

    @property
    def ip(self) -> str:
        """The bound addresses as the wire lists them; a network of one address without its mask."""
        return ",".join(
            str(net.network_address) if net.num_addresses == 1 else str(net)
            for net in self.networks
        )

    def check_passphrase(self, text: str) -> bool:
        """Tell whether this is the passphrase; constant time once it was accepted."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), key=_MEMO_SALT, digest_size=16)
        if self.accepted and hmac.compare_digest(digest.digest(), self.accepted):
            return True
        if not self.check_slow(text):
            return False
        self.accepted = digest.digest()
        return True

    def allows_ip(self, ip: str) -> bool:
        """Tell whether a caller at `ip` may use this key."""
        if not self.networks:
            return True
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.networks)

    def expired(self, now_ns: int) -> bool:
        """Tell whether an unbound trading key lay unused for 14 days; demo keys never expire."""
        if self.networks or self.demo or self.permission < Permission.TRADE:
            return False
        return now_ns - self.last_used_ns > UNUSED_KEY_LIFETIME_NS

    def touch(self, now_ns: int) -> None:
        """Count a use."""
        self.last_used_ns = now_ns
        if self.on_use is not None:
            self.on_use(self)


@dataclass(slots=True, kw_only=True)
class Settings:
    """Switches of the door; 0 switches a limit off where it says so."""

    rate_limits: bool = True  # off only for load tests and benchmarks
    check_environment: bool = False  # refuse x-simulated-trading that does not fit the key (50101)
    request_seconds: float = 10.0  # then 50004
    ws_idle_seconds: float = 30.0
    ws_connects_per_second: int = 3  # per IP; 0: no limit
    ws_requests_per_hour: int = 480  # per connection; 0: no limit
    ws_connections_per_channel: int = 30  # per user and channel; 0: no limit
    ws_connections: int = 10_000
    ws_send_buffer_bytes: int = 1 << 20  # a reader that is further behind is cut off (4005)
    ws_ticker_seconds: float = 0.1  # tickers are pushed at most this often


@dataclass(slots=True, kw_only=True)
class Desk:
    """A node as the door sees it. Everything is called on the event loop of the door."""

    table: InstrumentTable
    submit: Callable[[Input], Awaitable[Reply]]  # SYSTEM_BUSY when the inbox is full
    read: Read
    now_ns: Callable[[], int]
    find_key: Callable[[str], ApiKey | None]
    leads: Callable[[int, int], bool] = lambda _account_row, _inst_row: (
        False
    )  # cheap, may lag a batch
    ready: Callable[[], bool] = lambda: True
    subscribe: Callable[[Callable[[list[Output]], None]], Callable[[], None]] = lambda _listener: (
        lambda: None
    )  # durable outputs, in order, one call per batch; the result unsubscribes
    metrics: Callable[[], bytes] = lambda: b""  # Prometheus text of the node
    ranges: CopyRanges = field(default_factory=CopyRanges)
    settings: Settings = field(default_factory=Settings)
    rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the instruments by name."""
        self.rows = {inst.inst_id: inst.row for inst in self.table.instruments}

    def instrument(self, inst_id: str) -> Instrument | None:
        """Find an instrument by its exact name."""
        row = self.rows.get(inst_id)
        return None if row is None else self.table.instruments[row]

    @property
    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self.now_ns() // 1_000_000
