"""THE channel table of the WebSocket door, and the reading of subscription arguments.

What lives here: `CHANNELS`, `Topic` (what one subscription wants), `read_topic`.
What it may touch: `desk`, `errors`, `model`.
Always true: an argument either becomes a Topic or a refusal with OKX's code; nothing is guessed.
Start reading: `CHANNELS`, then `read_topic`.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from copydesk.api.desk import Desk
from copydesk.api.errors import DoorCode, Refusal
from copydesk.model.enums import InstType

Url = Literal["public", "private", "business"]
URLS: Final[tuple[Url, ...]] = ("public", "private", "business")

ANY: Final = -1
_INST_TYPES: Final = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "ANY")
_INTERVALS_S: Final = {"0": 0.0, "2000": 2.0, "3000": 3.0, "4000": 4.0}


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One channel. `counted`: connections per user are counted and told (channel-conn-count).

    `regular_seconds`: fresh rows are pushed at least this often, 0 never.
    """

    name: str
    url: Url
    login: bool
    required: tuple[str, ...] = ()
    counted: bool = False
    regular_seconds: float = 0.0
    inst_types: tuple[str, ...] = _INST_TYPES


CHANNELS: Final = {
    channel.name: channel
    for channel in (
        Channel(name="tickers", url="public", login=False, required=("instId",)),
        Channel(name="orders", url="private", login=True, required=("instType",), counted=True),
        Channel(
            name="positions",
            url="private",
            login=True,
            required=("instType",),
            counted=True,
            regular_seconds=5.0,
        ),
        Channel(name="account", url="private", login=True, counted=True, regular_seconds=5.0),
        Channel(
            name="copytrading-lead-notification",
            url="business",
            login=True,
            required=("instType",),
            inst_types=("SWAP",),
        ),
    )
}


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription wants. `account_row` and `inst_row` ANY where they do not matter.

    `inst_type` None: all of them, or (`empty`) one that is not offered.
    """

    channel: Channel
    account_row: int = ANY
    inst_row: int = ANY
    inst_type: InstType | None = None
    inst_family: str = ""
    ccy: str = ""
    empty: bool = False
    regular_seconds: float = 0.0

    def wants(self, desk: Desk, inst_row: int) -> bool:
        """Tell whether rows of this instrument belong into the subscription."""
        if self.empty:
            return False
        if self.inst_row != ANY:
            return self.inst_row == inst_row
        inst = desk.table.instruments[inst_row]
        if self.inst_type is not None and inst.inst_type is not self.inst_type:
            return False
        return self.inst_family in ("", inst.inst_family)


def read_topic(
    desk: Desk, arg: Mapping[str, object], url: Url, account_row: int
) -> Topic | Refusal:
    """Read one argument of subscribe or unsubscribe.

    Rejects: 60013 not texts, 60018 unknown, 64001, 64002, 60008 other URL, 60011 not logged in,
    60027 missing, 60033 wrong value.
    """
    if not all(isinstance(value, str) for value in arg.values()):
        return Refusal(DoorCode.WS_ARGS_INVALID)
    texts = {name: str(value) for name, value in arg.items()}
    name = texts.get("channel", "")
    channel = CHANNELS.get(name)
    if not name:
        return Refusal(DoorCode.WS_PARAMETER_MISSING, ("channel",))
    if channel is None:
        return Refusal(DoorCode.WS_CHANNEL_UNKNOWN, (f"channel:{name[:64]}",))
    elsewhere = _elsewhere(channel, url)
    if elsewhere is not None:
        return elsewhere
    if channel.login and account_row == ANY:
        return Refusal(DoorCode.WS_LOGIN_NEEDED)
    for required in channel.required:
        if not texts.get(required):
            return Refusal(DoorCode.WS_PARAMETER_MISSING, (required,))
    return _topic(desk, channel, texts, account_row)


def _elsewhere(channel: Channel, url: Url) -> Refusal | None:
    if channel.url == url:
        return None
    if channel.url == "business":
        return Refusal(DoorCode.WS_USE_BUSINESS)
    if url == "business":
        return Refusal(DoorCode.WS_NOT_ON_BUSINESS)
    return Refusal(DoorCode.WS_CHANNEL_ELSEWHERE, (channel.name,))


def _topic(
    desk: Desk, channel: Channel, texts: Mapping[str, str], account_row: int
) -> Topic | Refusal:
    kind, inst_id = texts.get("instType", ""), texts.get("instId", "")
    if kind and kind not in channel.inst_types:
        return Refusal(DoorCode.WS_PARAMETER_WRONG, ("instType",))
    inst = desk.instrument(inst_id)
    if inst_id and inst is None:
        return Refusal(DoorCode.WS_CHANNEL_UNKNOWN, (f"instId:{inst_id[:64]}",))
    if inst is not None and kind not in ("", "ANY", inst.inst_type.wire):
        return Refusal(DoorCode.WS_CHANNEL_UNKNOWN, (f"instId:{inst_id[:64]}",))
    regular = _regular(channel, texts.get("extraParams", ""))
    if regular is None:
        return Refusal(DoorCode.WS_PARAMETER_WRONG, ("extraParams",))
    inst_type = InstType.from_wire(kind)
    return Topic(
        channel=channel,
        account_row=account_row if channel.login else ANY,
        inst_row=ANY if inst is None else inst.row,
        inst_type=inst_type,
        inst_family="" if inst_id else texts.get("instFamily", ""),
        ccy=texts.get("ccy", ""),
        empty=bool(kind) and kind != "ANY" and inst_type is None,
        regular_seconds=regular,
    )


def _regular(channel: Channel, extra: str) -> float | None:
    """Read {"updateInterval":"0"} of extraParams; None if it cannot be read."""
    if not extra or not channel.regular_seconds:
        return channel.regular_seconds
    try:
        params = msgspec.json.decode(extra, type=dict[str, str | int])
    except ValueError:
        return None
    interval = str(params.get("updateInterval", ""))
    return _INTERVALS_S.get(interval, channel.regular_seconds)
