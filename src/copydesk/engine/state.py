"""State: every column of the engine with its unit, meaning and writer. The page to know by heart.

What lives here: the tables, the scalars, and the indexes that are rebuilt from them.
What it may touch: `table`, `model`.
Always true: what a snapshot needs is in a table or in `Scalars`; everything under "derived" can
be rebuilt from it.
Start reading: `Positions`, `LeadPositions`, `Copies`, then `State`.

Signs: quantities and costs of positions carry the direction (long positive), in every position
mode. A *book id* names a place where an account can hold a position: inst_row x 6 + margin mode x
3 + position side. A *copies block* is the stretch of the copies table that belongs to one lead
position, in ascending account row.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.table import I8, I16, I32, I64, Bool, Table, Text, column
from copydesk.model.enums import FillCause, MgnMode, PosSide, Side
from copydesk.model.instruments import Instrument, InstrumentTable
from copydesk.model.limits import CANDLE_RING_MINUTES, DEFAULT_LEVER, MAX_TAG, MAX_TEXT_ID

RULES_VERSION = 1
HOUSE = 0  # account row: fees, insurance, rounding
LIQUIDITY = 1  # account row: the built-in liquidity provider; unlimited credit
FIRST_USER = 2
BOOKS_PER_INSTRUMENT = 6


class Accounts(Table):
    """One row per account. Rows 0 and 1 are the house's own."""

    uid: I64 = column("i8", "uid as number", "exchange.accounts")
    name: Text = column("S48", "nickname, UTF-8", "exchange.accounts")
    unique_code: Text = column("S18", "uniqueCode", "exchange.accounts")
    created_ns: I64 = column("i8", "ns", "exchange.accounts")
    pos_mode: I8 = column("i1", "PosMode", "exchange.leverage")
    swap_role: I8 = column("i1", "RoleType for SWAP", "copying")
    spot_role: I8 = column("i1", "RoleType for SPOT", "copying")
    active_relations: I16 = column(
        "i2", "number of ACTIVE relations as copy trader", "copying.relations"
    )
    pending_orders: I32 = column("i4", "number of resting orders", "exchange.orders")
    calm_ppm: I32 = column(
        "i4",
        "move of any mark from the reference that cannot liquidate it; 0 = must be looked at",
        "exchange.risk",
    )


class Wallet(Table):
    """Money of every account in one currency, by account row; 1e-8 of the currency."""

    cash_e8: I64 = column(
        "i8", "balance, isolated margins included, unrealised excluded", "exchange"
    )
    hold_e8: I64 = column("i8", "frozen by pending orders", "exchange.orders")
    cross_margin_e8: I64 = column("i8", "sum of margin_e8 of cross positions", "exchange.positions")
    iso_margin_e8: I64 = column(
        "i8", "sum of margin_e8 of isolated positions", "exchange.positions"
    )
    deposits_e8: I64 = column(
        "i8", "moved in minus moved out since the account began", "exchange.accounts"
    )


class Positions(Table):
    """One row per (account, book) that ever held something. Row 0 is a dummy that stays zero."""

    mapped_rows = 1 << 24

    account_row: I32 = column("i4", "whose", "exchange.positions")
    book: I32 = column("i4", "book id", "exchange.positions")
    lever: I16 = column("i2", "leverage, x", "exchange.positions, exchange.leverage")
    qty_lots: I64 = column("i8", "signed size", "exchange.positions")
    cost_e8: I64 = column("i8", "signed value at entry of what is held", "exchange.positions")
    margin_e8: I64 = column("i8", "ceil(|cost| / lever)", "exchange.positions")
    linked_lots: I64 = column(
        "i8", "unsigned: open lots of lead or copy positions in it", "copying"
    )
    realised_e8: I64 = column(
        "i8", "gross pnl realised since it was last flat", "exchange.positions"
    )
    fee_e8: I64 = column("i8", "fees paid (positive) since it was last flat", "exchange.positions")
    funding_e8: I64 = column(
        "i8", "funding received (negative: paid) since it was last flat", "exchange.funding"
    )
    opened_ns: I64 = column("i8", "when it last left flat", "exchange.positions")
    updated_ns: I64 = column("i8", "last change", "exchange.positions")


class Orders(Table):
    """Single orders (copies are derived from lead positions). Terminal rows are trimmed from the
    front."""

    ord_id: I64 = column("i8", "id, rising", "exchange.orders")
    account_row: I32 = column("i4", "whose", "exchange.orders")
    inst_row: I32 = column("i4", "instrument", "exchange.orders")
    side: I8 = column("i1", "Side", "exchange.orders")
    pos_side: I8 = column("i1", "PosSide", "exchange.orders")
    td_mode: I8 = column("i1", "TdMode", "exchange.orders")
    ord_type: I8 = column("i1", "OrdType", "exchange.orders")
    state: I8 = column("i1", "OrderState", "exchange.orders")
    cause: I8 = column("i1", "FillCause", "exchange.orders")
    reduce_only: Bool = column("?", "reduce only", "exchange.orders")
    lever: I16 = column("i2", "leverage at placing, x; 0 spot", "exchange.orders")
    px_ticks: I64 = column("i8", "limit; 0 market", "exchange.orders")
    size_lots: I64 = column("i8", "ordered", "exchange.orders")
    quote_e8: I64 = column("i8", "spot market buy by quote amount; else 0", "exchange.orders")
    filled_lots: I64 = column("i8", "filled so far", "exchange.orders")
    filled_value_e8: I64 = column("i8", "value of what filled", "exchange.orders")
    fee_e8: I64 = column("i8", "fees paid (positive), fee currency", "exchange.orders")
    pnl_e8: I64 = column("i8", "gross pnl of closing fills", "exchange.orders")
    hold_e8: I64 = column("i8", "frozen for what still rests", "exchange.orders")
    created_ns: I64 = column("i8", "ns", "exchange.orders")
    updated_ns: I64 = column("i8", "ns", "exchange.orders")
    last_trade_id: I64 = column("i8", "tradeId of the last fill", "exchange.orders")
    last_fill_lots: I64 = column("i8", "size of the last fill", "exchange.orders")
    last_fill_px: I64 = column("i8", "ticks of the last fill", "exchange.orders")
    cl_ord_id: Text = column(f"S{MAX_TEXT_ID}", "client id", "exchange.orders")
    tag: Text = column(f"S{MAX_TAG}", "order tag", "exchange.orders")


class Fills(Table):
    """Fills of single orders, history only; trimmed from the front."""

    trade_id: I64 = column("i8", "id, rising", "exchange.orders")
    ord_id: I64 = column("i8", "order", "exchange.orders")
    account_row: I32 = column("i4", "whose", "exchange.orders")
    inst_row: I32 = column("i4", "instrument", "exchange.orders")
    side: I8 = column("i1", "Side", "exchange.orders")
    pos_side: I8 = column("i1", "PosSide", "exchange.orders")
    mgn_mode: I8 = column("i1", "TdMode", "exchange.orders")
    cause: I8 = column("i1", "FillCause", "exchange.orders")
    maker: Bool = column("?", "maker", "exchange.orders")
    px_ticks: I64 = column("i8", "ticks", "exchange.orders")
    lots: I64 = column("i8", "size", "exchange.orders")
    fee_e8: I64 = column("i8", "fee paid (positive)", "exchange.orders")
    pnl_e8: I64 = column("i8", "gross pnl realised", "exchange.orders")
    closed_lots: I64 = column("i8", "part of lots that closed", "exchange.orders")
    cash_after_e8: I64 = column(
        "i8", "balance after, settle (spot: quote) currency", "exchange.orders"
    )
    ts_ns: I64 = column("i8", "ns", "exchange.orders")
    cl_ord_id: Text = column(f"S{MAX_TEXT_ID}", "client id", "exchange.orders")
    tag: Text = column(f"S{MAX_TAG}", "order tag", "exchange.orders")


class Bills(Table):
    """Movements of money that are not fills: transfers, funding, insurance; history only, trimmed
    from the front."""

    bill_id: I64 = column("i8", "id, rising", "exchange")
    account_row: I32 = column("i4", "whose", "exchange")
    ccy_row: I16 = column("i2", "currency", "exchange")
    inst_row: I32 = column("i4", "instrument; -1 none", "exchange")
    kind: I16 = column("i2", "OKX bill type", "exchange")
    sub_kind: I16 = column("i2", "OKX bill subType", "exchange")
    change_e8: I64 = column("i8", "signed change of the balance", "exchange")
    cash_after_e8: I64 = column("i8", "balance after", "exchange")
    ts_ns: I64 = column("i8", "ns", "exchange")


class Markets(Table):
    """One row per instrument (same row number): prices, the liquidity provider, funding."""

    last_ticks: I64 = column("i8", "last price; 0 = never had one", "exchange.ticks")
    mark_ticks: I64 = column("i8", "mark price", "exchange.ticks")
    ref_ticks: I64 = column("i8", "mark at the last full risk pass", "exchange.risk")
    sl_ref_ticks: I64 = column("i8", "mark at the last slTotalAmt pass", "copying.loss_limits")
    mid_ticks: I64 = column(
        "i8", "price the liquidity provider quotes around; 0 = does not quote", "exchange.liquidity"
    )
    half_spread_ppm: I64 = column("i8", "best level's distance from mid", "exchange.liquidity")
    level_value_e8: I64 = column(
        "i8", "value at the best level, doubling outwards", "exchange.liquidity"
    )
    level_count: I64 = column("i8", "levels per side", "exchange.liquidity")
    ask_used_lots: I64 = column(
        "i8", "taken from ask level k since the last quote", "exchange.liquidity", 16
    )
    bid_used_lots: I64 = column(
        "i8", "taken from bid level k since the last quote", "exchange.liquidity", 16
    )
    last_trade_id: I64 = column("i8", "public trade id", "exchange.matching")
    volume_lots: I64 = column("i8", "traded here since the beginning", "exchange.matching")
    funding_rate_e9: I64 = column("i8", "rate of the running interval, 1e-9", "exchange.funding")
    funding_interval_ms: I64 = column("i8", "0 = no funding", "exchange.funding")
    next_funding_ms: I64 = column("i8", "market time; 0 = not set yet", "exchange.funding")
    market_ts_ms: I64 = column("i8", "market time of the last tick", "exchange.ticks")
    updated_ns: I64 = column("i8", "our time of the last tick", "exchange.ticks")
    candle_row: I32 = column("i4", "row in Candles; -1 = none yet", "exchange.candles")


class Candles(Table):
    """Ring of 1-minute candles of one instrument; cell = minute % CANDLE_RING_MINUTES, valid if
    `minute` matches."""

    inst_row: I32 = column("i4", "instrument", "exchange.candles")
    minute: I64 = column(
        "i8", "market minute held by the cell", "exchange.candles", CANDLE_RING_MINUTES
    )
    open_ticks: I64 = column("i8", "ticks", "exchange.candles", CANDLE_RING_MINUTES)
    high_ticks: I64 = column("i8", "ticks", "exchange.candles", CANDLE_RING_MINUTES)
    low_ticks: I64 = column("i8", "ticks", "exchange.candles", CANDLE_RING_MINUTES)
    close_ticks: I64 = column("i8", "ticks", "exchange.candles", CANDLE_RING_MINUTES)
    volume_lots: I64 = column("i8", "lots", "exchange.candles", CANDLE_RING_MINUTES)


class LeadTraders(Table):
    """One row per (account, instType) that ever led; a trader who comes back gets a new row
    (rules 1.12)."""

    account_row: I32 = column("i4", "whose", "copying.leads")
    inst_type: I8 = column("i1", "InstType", "copying.leads")
    state: I8 = column("i1", "LeadState", "copying.leads")
    lead_mode: I8 = column("i1", "LeadMode", "copying.leads")
    profit_sharing_ppm: I32 = column("i4", "share", "copying.leads")
    max_copiers: I32 = column("i4", "places", "copying.leads")
    copier_count: I32 = column("i4", "ACTIVE relations", "copying.relations")
    day: I64 = column("i8", "UTC+8 day that day_count counts", "copying.fills")
    day_count: I32 = column("i4", "lead positions opened on that day", "copying.fills")
    began_ns: I64 = column("i8", "ns", "copying.leads")
    ended_ns: I64 = column("i8", "ns; 0 while active", "copying.leads")


class LeadSwitches(Table):
    """Which instruments a lead trader leads: one row per (lead row, instrument) ever switched
    on."""

    lead_row: I32 = column("i4", "lead trader", "copying.leads")
    inst_row: I32 = column("i4", "instrument", "copying.leads")
    enabled: Bool = column("?", "led now", "copying.leads")


class Relations(Table):
    """One row per copy relation, from first setup to its end; starting again makes a new row."""

    lead_row: I32 = column("i4", "lead trader", "copying.relations")
    account_row: I32 = column("i4", "copy trader", "copying.relations")
    state: I8 = column("i1", "RelationState", "copying")
    end_cause: I8 = column("i1", "EndCause", "copying.stop")
    copy_mgn_mode: I8 = column("i1", "CopyMgnMode", "copying.relations")
    copy_mode: I8 = column("i1", "CopyMode", "copying.relations")
    close_type: I8 = column("i1", "SubPosCloseType", "copying.relations")
    inst_set: I32 = column(
        "i4",
        "row of InstSets; 0 = the lead trader's list (copyInstIdType=copy)",
        "copying.relations",
    )
    copy_amt_e8: I64 = column("i8", "margin per order, fixed_amount", "copying.relations")
    copy_ratio_ppm: I64 = column("i8", "multiple, ratio_copy", "copying.relations")
    copy_total_amt_e8: I64 = column("i8", "cap on used_e8", "copying.relations")
    tp_ratio_ppm: I64 = column("i8", "return on margin; 0 none", "copying.relations")
    sl_ratio_ppm: I64 = column("i8", "return on margin; 0 none", "copying.relations")
    sl_total_amt_e8: I64 = column("i8", "net loss that ends it; 0 none", "copying.relations")
    used_e8: I64 = column(
        "i8", "sum of entry margins of open copies", "copying.fan_out, copying.closes"
    )
    open_copies: I32 = column("i4", "number of OPEN copies", "copying.fan_out, copying.closes")
    realised_e8: I64 = column(
        "i8", "gross pnl of closed parts since the beginning", "copying.closes"
    )
    fees_e8: I64 = column(
        "i8", "fees paid on copies since the beginning", "copying.fan_out, copying.closes"
    )
    began_ns: I64 = column("i8", "ns", "copying.relations")
    ended_ns: I64 = column("i8", "when it stopped being ACTIVE; 0 while active", "copying.stop")
    tag: Text = column(f"S{MAX_TAG}", "tag of its orders", "copying.relations")


class InstSets(Table):
    """Members of the interned instrument lists of custom relations: one row per (set,
    instrument)."""

    inst_set: I32 = column("i4", "set number, from 1", "copying.relations")
    inst_row: I32 = column("i4", "member", "copying.relations")


class LeadPositions(Table):
    """One row per lead order that opened exposure on a led instrument (OKX: sub-position; rules
    3.2)."""

    sub_pos_id: I64 = column("i8", "id, rising", "copying.fills")
    lead_row: I32 = column("i4", "lead trader", "copying.fills")
    account_row: I32 = column("i4", "lead trader's account", "copying.fills")
    book: I32 = column("i4", "book id of the lead trader's position", "copying.fills")
    inst_row: I32 = column("i4", "instrument", "copying.fills")
    direction: I8 = column("i1", "+1 long, -1 short", "copying.fills")
    lever: I16 = column("i2", "lead trader's leverage", "copying.fills")
    ord_id: I64 = column("i8", "order that opened it", "copying.fills")
    ordered_lots: I64 = column("i8", "size of that order", "copying.fills")
    size_lots: I64 = column("i8", "opened so far", "copying.fills")
    cost_e8: I64 = column("i8", "unsigned value at entry of size_lots", "copying.fills")
    closed_lots: I64 = column("i8", "closed so far", "copying.fills")
    closed_value_e8: I64 = column("i8", "unsigned value of what closed", "copying.fills")
    opened_ns: I64 = column("i8", "ns", "copying.fills")
    closed_ns: I64 = column("i8", "last close; 0 none", "copying.fills")
    info_type: I8 = column("i1", "LeadInfoType: not led for this reason; 0 = led", "copying.fills")
    block_start: I64 = column("i8", "first row of its copies block", "copying.fan_out")
    block_count: I64 = column("i8", "rows of its copies block", "copying.fan_out")
    open_copies: I32 = column("i4", "OPEN rows in the block", "copying.fan_out, copying.closes")
    pending_close: Bool = column(
        "?", "copies still owe a close that the book could not fill", "copying.closes"
    )
    tp_ticks: I64 = column("i8", "lead trader's own take-profit; 0 none", "copying.stops")
    sl_ticks: I64 = column("i8", "lead trader's own stop-loss; 0 none", "copying.stops")
    tp_px_type: I8 = column("i1", "TriggerPxType", "copying.stops")
    sl_px_type: I8 = column("i1", "TriggerPxType", "copying.stops")
    algo_id: I64 = column("i8", "id of the stop order; 0 none", "copying.stops")
    copies_above: I64 = column(
        "i8", "lowest trigger above among its copies; INT64_MAX none", "copying.triggers"
    )
    copies_below: I64 = column(
        "i8", "highest trigger below among its copies; 0 none", "copying.triggers"
    )


class Copies(Table):
    """One row per (lead position, relation active when it opened): a copy, or the reason why there
    is none."""

    mapped_rows = 1 << 25

    account_row: I32 = column("i4", "copy trader; ascending inside a block", "copying.fan_out")
    relation_row: I32 = column("i4", "relation", "copying.fan_out")
    book: I32 = column("i4", "book id of the copy trader's position", "copying.fan_out")
    state: I8 = column("i1", "CopyState", "copying")
    reason: I8 = column("i1", "NoCopyReason of the last slice that gave nothing", "copying.fan_out")
    close_cause: I8 = column("i1", "FillCause of the last close", "copying.closes")
    lever: I16 = column("i2", "leverage at opening", "copying.fan_out")
    target_lots: I64 = column("i8", "asked for so far (cumulative)", "copying.fan_out")
    size_lots: I64 = column("i8", "opened", "copying.fan_out")
    closed_lots: I64 = column("i8", "closed, by whomever", "copying.closes")
    owed_lots: I64 = column("i8", "to be closed as soon as the book allows", "copying.closes")
    cost_e8: I64 = column("i8", "unsigned value at entry of size_lots", "copying.fan_out")
    margin_e8: I64 = column("i8", "entry margin of size_lots", "copying.fan_out")
    used_e8: I64 = column("i8", "entry margin of what is open", "copying.fan_out, copying.closes")
    open_fee_e8: I64 = column("i8", "fee paid at opening", "copying.fan_out")
    closed_value_e8: I64 = column("i8", "unsigned value of closed_lots", "copying.closes")
    pnl_e8: I64 = column("i8", "gross pnl of closed_lots", "copying.closes")
    close_fee_e8: I64 = column("i8", "fees paid at closing", "copying.closes")
    own_lots: I64 = column("i8", "part of closed_lots by his own orders", "copying.fills")
    own_value_e8: I64 = column("i8", "part of closed_value_e8 likewise", "copying.fills")
    own_fee_e8: I64 = column("i8", "part of close_fee_e8 likewise", "copying.fills")
    own_pnl_e8: I64 = column("i8", "part of pnl_e8 likewise", "copying.fills")
    closed_ns: I64 = column("i8", "last close", "copying.closes")
    above_ticks: I64 = column(
        "i8", "closes when the last price reaches it from below; INT64_MAX none", "copying.triggers"
    )
    below_ticks: I64 = column(
        "i8", "closes when the last price reaches it from above; 0 none", "copying.triggers"
    )


class Scalars(msgspec.Struct):
    """The single values of State."""

    seq: int = 0
    ts_ns: int = 0
    last_id: int = 0
    last_trade_id: int = 0
    inst_set_count: int = 1  # set 0 stands for "the lead trader's list"
    risk_min_calm_ppm: int = 0
    sl_total_relations: int = 0  # ACTIVE relations with slTotalAmt
    sl_calm_ppm: int = 0  # move of any mark from sl_ref_ticks that cannot reach any slTotalAmt


class FillEvent(msgspec.Struct, frozen=True, gc=False):
    """A fill of a single order, booked, left for `copying`: what it closed and opened in the
    account's position."""

    account_row: int
    inst_row: int
    book: int
    side: Side
    ord_id: int
    ordered_lots: int
    closed_lots: int
    opened_lots: int
    opened_value_e8: int
    closed_value_e8: int
    lever: int
    cause: FillCause
    fee_e8: int = 0  # paid on this fill
    reduces: int = -1  # lead position row that a close must take from; -1 = first in, first out


@dataclass(slots=True)
class State:
    """Everything the engine knows. Owned by one thread; changed by `step` alone."""

    table: InstrumentTable
    accounts: Accounts = field(default_factory=lambda: Accounts(1024))
    wallets: dict[int, Wallet] = field(default_factory=dict)  # by currency row
    positions: Positions = field(default_factory=lambda: Positions(1024))
    orders: Orders = field(default_factory=lambda: Orders(1024))
    fills: Fills = field(default_factory=lambda: Fills(1024))
    bills: Bills = field(default_factory=lambda: Bills(1024))
    markets: Markets = field(default_factory=Markets)
    candles: Candles = field(default_factory=lambda: Candles(8))
    lead_traders: LeadTraders = field(default_factory=LeadTraders)
    lead_switches: LeadSwitches = field(default_factory=LeadSwitches)
    relations: Relations = field(default_factory=lambda: Relations(1024))
    inst_sets: InstSets = field(default_factory=InstSets)
    lead_positions: LeadPositions = field(default_factory=LeadPositions)
    copies: Copies = field(default_factory=lambda: Copies(4096))
    levers: dict[int, I16] = field(
        default_factory=dict
    )  # by book id: leverage by account row; 0 = default
    scalars: Scalars = field(default_factory=Scalars)

    # Derived: rebuilt from the tables by `rebuild` in `engine/derived.py`.
    index: "Index" = field(default_factory=lambda: Index())  # noqa: PLW0108 (defined below)

    # Work of the running step; empty between steps.
    fill_events: deque[FillEvent] = field(default_factory=deque)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments in row order."""
        return self.table.instruments

    def tables(self) -> dict[str, Table]:
        """Every table by name, for snapshots, digests and invariants."""
        named: dict[str, Table] = {
            name: value
            for name in self.__slots__
            if isinstance(value := getattr(self, name), Table)
        }
        named.update({f"wallet/{ccy}": wallet for ccy, wallet in sorted(self.wallets.items())})
        return named

    def wallet(self, ccy_row: int) -> Wallet:
        """Wallet columns of a currency, made on first use with a row for every account."""
        found = self.wallets.get(ccy_row)
        if found is None:
            found = self.wallets[ccy_row] = Wallet(self.accounts.capacity)
            found.append(self.accounts.count)
        return found

    def ccy_row(self, ccy: str) -> int:
        """Row of a currency. KeyError if no instrument knows it."""
        return self.index.ccy_rows[ccy]


class Terms(NamedTuple):
    """The settings of many relations, parallel: copies of columns of Relations."""

    copy_mgn_mode: I8
    copy_mode: I8
    inst_set: I32
    copy_amt_e8: I64
    copy_ratio_ppm: I64
    copy_total_amt_e8: I64
    tp_ratio_ppm: I64
    sl_ratio_ppm: I64


class RestingSide:
    """Resting single orders of one side of one instrument: prices ascending, and the queue at
    each price."""

    __slots__ = ("prices", "queues")

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.queues: dict[int, deque[int]] = {}  # px_ticks -> order rows, oldest first


@dataclass(slots=True)
class Index:
    """What can be rebuilt: look-ups by name, positions by book, resting orders, who copies whom."""

    ccy_rows: dict[str, int] = field(default_factory=dict)
    inst_rows: dict[str, int] = field(default_factory=dict)
    account_by_code: dict[bytes, int] = field(default_factory=dict)
    account_by_uid: dict[int, int] = field(default_factory=dict)
    position_rows: dict[int, I32] = field(
        default_factory=dict
    )  # book id -> position row by account row; 0 = none
    cross_books: dict[int, tuple[int, list[int]]] = field(
        default_factory=dict
    )  # currency row -> (number of books when it was made, cross books), see `margin.cross_books`
    resting: dict[tuple[int, int], RestingSide] = field(default_factory=dict)  # (inst_row, side)
    order_by_id: dict[int, int] = field(default_factory=dict)  # ord_id -> order row
    orders_by_account: dict[int, list[int]] = field(
        default_factory=dict
    )  # pending order rows, oldest first
    pending_by_client_id: dict[tuple[int, bytes], int] = field(default_factory=dict)
    lead_by_account: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # (account, inst_type) -> ACTIVE lead row
    switch_by_pair: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # (lead_row, inst_row) -> switch row
    active_relations: dict[int, I32] = field(
        default_factory=dict
    )  # lead_row -> relation rows by account row
    terms: dict[int, Terms] = field(default_factory=dict)  # lead_row -> of its active relations
    relation_by_pair: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # (lead_row, account) -> newest row
    relations_by_account: dict[int, list[int]] = field(default_factory=dict)  # newest last
    open_lead_positions: dict[tuple[int, int], list[int]] = field(
        default_factory=dict
    )  # (account, book), oldest first
    live_blocks: dict[int, set[int]] = field(
        default_factory=dict
    )  # inst_row -> lead positions with OPEN copies
    blocks_by_lead: dict[int, list[int]] = field(
        default_factory=dict
    )  # lead_row -> lead position rows, oldest first
    lead_position_by_id: dict[int, int] = field(default_factory=dict)  # sub_pos_id -> row
    lead_position_by_order: dict[int, int] = field(default_factory=dict)  # ord_id -> row
    inst_set_rows: dict[tuple[int, ...], int] = field(default_factory=dict)  # members -> set number
    trigger_bands: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # inst_row -> (above, below)
    folded: dict[str, tuple[int, int]] = field(default_factory=dict)  # column -> (rows, CRC-32)
    owing: dict[int, set[int]] = field(default_factory=dict)  # inst_row -> blocks with owed closes


def book_id(inst_row: int, mgn_mode: int, pos_side: int) -> int:
    """Name the place of a position."""
    return inst_row * BOOKS_PER_INSTRUMENT + mgn_mode * 3 + pos_side


def book_parts(book: int) -> tuple[int, MgnMode, PosSide]:
    """Instrument row, margin mode and position side of a book id."""
    inst_row, rest = divmod(book, BOOKS_PER_INSTRUMENT)
    return inst_row, MgnMode(rest // 3), PosSide(rest % 3)


def lever_of(state: State, book: int, account_row: int) -> int:
    """Leverage of one account for one book (rules 5.2; default OPEN-10)."""
    levers = state.levers.get(book)
    if levers is None or account_row >= len(levers):
        return DEFAULT_LEVER
    return int(levers[account_row]) or DEFAULT_LEVER


def levers_of(state: State, book: int, account_rows: npt.NDArray[np.integer]) -> I64:
    """Leverage of many accounts for one book, int64[N]."""
    levers = state.levers.get(book)
    if levers is None:
        return np.full(len(account_rows), DEFAULT_LEVER, dtype=np.int64)
    found = np.take(levers, account_rows, mode="clip").astype(np.int64)
    found[found == 0] = DEFAULT_LEVER
    return found
