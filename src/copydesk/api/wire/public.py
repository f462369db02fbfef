"""Instruments, time, mark price and funding on the wire.

What lives here: requests of /public and /system and their rows.
What it may touch: `api.request`, `views`, `model`.
Always true: an instrument is printed with OKX's own values of the shipped table.
Start reading: `instrument_row`.
"""

from typing import Annotated, Final

from copydesk.api.request import Param, Request
from copydesk.api.wire import text
from copydesk.api.wire.rows import Row
from copydesk.api.wire.trade import INST_TYPES
from copydesk.model.amounts import format_scaled
from copydesk.model.instruments import Instrument
from copydesk.views.markets import FundingView, MarkView

INSTRUMENT_FIELDS: Final = (
    "instType", "seriesId", "instId", "uly", "groupId", "instFamily", "baseCcy", "quoteCcy",
    "settleCcy", "ctVal", "ctMult", "ctValCcy", "optType", "stk", "listTime", "auctionEndTime",
    "contTdSwTime", "preMktSwTime", "openType", "elp", "rpi", "expTime", "lever", "tickSz", "lotSz",
    "minSz", "ctType", "state", "ruleType", "posLmtAmt", "posLmtPct", "maxPlatOILmt",
    "maxPlatOICoinLmt", "longPosRemainingQuota", "shortPosRemainingQuota", "maxLmtSz", "maxMktSz",
    "maxLmtAmt", "maxMktAmt", "maxTwapSz", "maxIcebergSz", "maxTriggerSz", "maxStopSz",
    "futureSettlement", "tradeQuoteCcyList", "instIdCode", "instCategory", "initPxLmtPct",
    "floatPxLmtPct", "maxPxLmtPct", "upcChg", "category", "alias",
)  # fmt: skip


class GetInstruments(Request, frozen=True, kw_only=True):
    inst_type: Annotated[str, Param(required=True, values=INST_TYPES)]
    inst_family: str | None = None
    uly: str | None = None
    inst_id: str | None = None


class GetTime(Request, frozen=True, kw_only=True):
    pass


class GetMarkPrice(Request, frozen=True, kw_only=True):
    inst_type: Annotated[str | None, Param(values=INST_TYPES)] = None
    inst_family: str | None = None
    inst_id: str | None = None


class GetFundingRate(Request, frozen=True, kw_only=True):
    inst_id: Annotated[str, Param(required=True)]


class GetStatus(Request, frozen=True, kw_only=True):
    state: Annotated[
        str | None,
        Param(values=("scheduled", "ongoing", "pre_open", "completed", "canceled")),
    ] = None


class Time(Row, frozen=True, kw_only=True):
    """The server's clock."""

    ts: str


class MarkPrice(Row, frozen=True, kw_only=True):
    """The mark price of an instrument."""

    inst_type: str
    inst_id: str
    mark_px: str
    ts: str


class FundingRate(Row, frozen=True, kw_only=True):
    """The running funding interval of a swap."""

    inst_type: str
    inst_id: str
    method: str = "current_period"
    formula_type: str = "noRate"
    funding_rate: str
    next_funding_rate: str = ""
    funding_time: str
    next_funding_time: str
    min_funding_rate: str = ""
    max_funding_rate: str = ""
    interest_rate: str = ""
    impact_value: str = ""
    sett_state: str = "settled"
    sett_funding_rate: str = ""
    premium: str = ""
    ts: str


_printed: dict[int, tuple[Instrument, dict[str, object]]] = {}


def instrument_row(inst: Instrument) -> dict[str, object]:
    """Print an instrument; kept by identity, as instruments never change (nor can be hashed)."""
    kept = _printed.get(id(inst))
    if kept is None:
        kept = _printed[id(inst)] = (inst, _instrument_row(inst))
    return kept[1]


def _instrument_row(inst: Instrument) -> dict[str, object]:
    row: dict[str, object] = {name: inst.wire.get(name, "") for name in INSTRUMENT_FIELDS}
    row["futureSettlement"] = False
    row["tradeQuoteCcyList"] = [] if inst.inst_family else [inst.quote_ccy]
    row["instIdCode"] = inst.inst_id_code
    row["upcChg"] = []
    return row


def mark_row(view: MarkView) -> MarkPrice:
    """Print a mark price."""
    return MarkPrice(
        inst_type=view.inst.inst_type.wire,
        inst_id=view.inst.inst_id,
        mark_px=text.px(view.inst, view.mark_ticks),
        ts=text.ms(view.ts_ms),
    )


def funding_row(view: FundingView) -> FundingRate:
    """Print the running funding interval; times are "" until the market's time is known."""
    following = view.next_ms + view.interval_ms if view.next_ms else 0
    return FundingRate(
        inst_type=view.inst.inst_type.wire,
        inst_id=view.inst.inst_id,
        funding_rate=format_scaled(view.rate_e9, 9),
        funding_time=text.ms(view.next_ms),
        next_funding_time=text.ms(following),
        ts=text.ms(view.ts_ms),
    )
