"""Fills and bills of one account: single orders, derived copy rows, and other movements of money.

What lives here: `FillView`, `BillView` and their lists. The bills of a fill are derived from it.
What it may touch: `engine.state`, `model`, `views.orders`, `views.paging`.
Always true: both lists go by bill id, newest first; a fill and its bill share that id.
Start reading: `fills_of`, `bills_of`.

A copy is one fill at its opening and one when it is at its end, both at the average price. The
balance after them is not kept, so it is None.
"""

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.state import State
from copydesk.model.enums import (
    FillCause,
    InstType,
    MgnMode,
    PosSide,
    Side,
    TdMode,
)
from copydesk.model.ids import fill_bill_id
from copydesk.model.instruments import Instrument
from copydesk.views.orders import OrderView, copy_orders
from copydesk.views.paging import Page, Source, first, merged

TRADE, LIQUIDATION = 2, 5
_BUY, _SELL, _OPEN_LONG, _OPEN_SHORT, _CLOSE_LONG, _CLOSE_SHORT = range(1, 7)
_LIQUIDATE_LONG, _LIQUIDATE_SHORT = 104, 105


class FillView(msgspec.Struct, frozen=True, gc=False):
    """One fill; `value_e8` is its value, `px_ticks` 0 means the average of value and lots."""

    inst: Instrument
    bill_id: int
    trade_id: int
    ord_id: int
    cl_ord_id: str
    tag: str
    side: Side
    pos_side: PosSide
    td_mode: TdMode
    cause: FillCause
    maker: bool
    px_ticks: int
    value_e8: int
    lots: int
    fee_e8: int
    pnl_e8: int
    closes: bool
    cash_after_e8: int | None
    ts_ms: int

    @property
    def sub_kind(self) -> int:
        """OKX's bill subType: what the fill did."""
        if self.inst.inst_type is InstType.SPOT:
            return _BUY if self.side is Side.BUY else _SELL
        if self.cause is FillCause.LIQUIDATION:
            return _LIQUIDATE_LONG if self.side is Side.SELL else _LIQUIDATE_SHORT
        if self.closes:
            return _CLOSE_LONG if self.side is Side.SELL else _CLOSE_SHORT
        return _OPEN_LONG if self.side is Side.BUY else _OPEN_SHORT


class FillFilter(msgspec.Struct, frozen=True, gc=False):
    """Which fills of a list; None means any."""

    inst_type: InstType | None = None
    inst_row: int | None = None
    ord_id: int | None = None
    sub_kind: int | None = None

    def fits(self, fill: FillView) -> bool:
        """Say whether a fill is asked for."""
        return (
            self.inst_type in (None, fill.inst.inst_type)
            and self.inst_row in (None, fill.inst.row)
            and self.ord_id in (None, fill.ord_id)
            and self.sub_kind in (None, fill.sub_kind)
        )


class BillView(msgspec.Struct, frozen=True, gc=False):
    """One movement of money in one currency; `fill` where a trade made it."""

    bill_id: int
    ccy: str
    inst: Instrument | None
    kind: int
    sub_kind: int
    change_e8: int
    cash_after_e8: int | None
    ts_ms: int
    fill: FillView | None = None


class BillFilter(msgspec.Struct, frozen=True, gc=False):
    """Which bills of a list; None means any."""

    inst_type: InstType | None = None
    inst_row: int | None = None
    ccy: str | None = None
    mgn_mode: MgnMode | None = None
    kind: int | None = None
    sub_kind: int | None = None

    def fits(self, bill: BillView) -> bool:
        """Say whether a bill is asked for."""
        inst_type = None if bill.inst is None else bill.inst.inst_type
        inst_row = None if bill.inst is None else bill.inst.row
        mgn_mode = None if bill.fill is None else bill.fill.td_mode.wire
        return (
            self.inst_type in (None, inst_type)
            and self.inst_row in (None, inst_row)
            and self.ccy in (None, bill.ccy)
            and (self.mgn_mode is None or self.mgn_mode.wire == mgn_mode)
            and self.kind in (None, bill.kind)
            and self.sub_kind in (None, bill.sub_kind)
        )


def fills_of(state: State, account_row: int, wanted: FillFilter, page: Page) -> list[FillView]:
    """List fills, those of copies among them, newest bill id first."""
    rows = merged(_fill_sources(state, account_row), page)
    return first((row for row in rows if isinstance(row, FillView) and wanted.fits(row)), page)


def bills_of(state: State, account_row: int, wanted: BillFilter, page: Page) -> list[BillView]:
    """List movements of money, newest bill id first."""
    singles, *copies = _fill_sources(state, account_row)
    sources = [_billed(source, settle_bill) for source in (singles, *copies)]
    coins = _coin_fills(state, account_row)
    sources.append(_billed(coins, coin_bill))
    sources.append(_plain_bills(state, account_row))
    rows = merged(sources, page)
    return first((row for row in rows if isinstance(row, BillView) and wanted.fits(row)), page)


def _fill_sources(state: State, account_row: int) -> list[Source]:
    mine = np.flatnonzero(state.fills.live("account_row") == account_row)
    singles = _single_fills(state, mine, 0)
    return [singles, *(_filled(source) for source in copy_orders(state, account_row))]


def _single_fills(state: State, rows: npt.NDArray[np.intp], leg: int) -> Source:
    fills = state.fills
    return Source(
        fill_bill_id(fills.ts_ns[rows], fills.trade_id[rows], leg),
        fills.ts_ns[rows] // 1_000_000,
        lambda place: single_fill(state, int(rows[place])),
    )


def _coin_fills(state: State, account_row: int) -> Source:
    fills = state.fills
    spot = np.asarray([inst.inst_type is InstType.SPOT for inst in state.instruments])
    mine = fills.live("account_row") == account_row
    mine &= spot[fills.live("inst_row")]
    return _single_fills(state, np.flatnonzero(mine), 1)


def _filled(orders: Source) -> Source:
    """Turn orders of copies into their fills."""

    def read(place: int) -> FillView:
        order = orders.read(place)
        assert isinstance(order, OrderView)
        return _copy_fill(order)

    return orders._replace(read=read)


def _billed(fills: Source, bill: Callable[[FillView], BillView]) -> Source:
    """Turn fills into bills."""

    def read(place: int) -> BillView:
        fill = fills.read(place)
        assert isinstance(fill, FillView)
        return bill(fill)

    return fills._replace(read=read)


def _plain_bills(state: State, account_row: int) -> Source:
    bills = state.bills
    rows = np.flatnonzero(bills.live("account_row") == account_row)
    return Source(
        bills.bill_id[rows],
        bills.ts_ns[rows] // 1_000_000,
        lambda place: _plain_bill(state, int(rows[place])),
    )


def single_fill(state: State, row: int) -> FillView:
    """Read one fill of a single order."""
    fills = state.fills
    inst = state.instruments[int(fills.inst_row[row])]
    px_ticks, lots = int(fills.px_ticks[row]), int(fills.lots[row])
    ts_ns, trade_id = int(fills.ts_ns[row]), int(fills.trade_id[row])
    return FillView(
        inst=inst,
        bill_id=fill_bill_id(ts_ns, trade_id),
        trade_id=trade_id,
        ord_id=int(fills.ord_id[row]),
        cl_ord_id=bytes(fills.cl_ord_id[row]).decode(),
        tag=bytes(fills.tag[row]).decode(),
        side=Side(int(fills.side[row])),
        pos_side=PosSide(int(fills.pos_side[row])),
        td_mode=TdMode(int(fills.mgn_mode[row])),
        cause=FillCause(int(fills.cause[row])),
        maker=bool(fills.maker[row]),
        px_ticks=px_ticks,
        value_e8=inst.value_e8(px_ticks, lots),
        lots=lots,
        fee_e8=int(fills.fee_e8[row]),
        pnl_e8=int(fills.pnl_e8[row]),
        closes=bool(fills.closed_lots[row]),
        cash_after_e8=int(fills.cash_after_e8[row]),
        ts_ms=ts_ns // 1_000_000,
    )


def _copy_fill(order: OrderView) -> FillView:
    return FillView(
        inst=order.inst,
        bill_id=order.ord_id,
        trade_id=order.trade_id,
        ord_id=order.ord_id,
        cl_ord_id="",
        tag=order.tag,
        side=order.side,
        pos_side=order.pos_side,
        td_mode=order.td_mode,
        cause=order.cause,
        maker=False,
        px_ticks=0,
        value_e8=order.filled_value_e8,
        lots=order.filled_lots,
        fee_e8=order.fee_e8,
        pnl_e8=order.pnl_e8,
        closes=order.cause is not FillCause.COPY_OPEN,
        cash_after_e8=None,
        ts_ms=order.created_ms,
    )


def settle_bill(fill: FillView) -> BillView:
    """Derive the bill of a fill in the settle currency; of spot in the quote currency.

    A spot fee is taken from what the account receives: coins when it buys, money when it sells.
    """
    inst, side = fill.inst, int(fill.side)
    if inst.inst_type is InstType.SWAP:
        return _bill(fill, inst.settle_ccy, fill.pnl_e8 - fill.fee_e8, fill.cash_after_e8)
    fee = 0 if side > 0 else fill.fee_e8
    return _bill(fill, inst.quote_ccy, -side * fill.value_e8 - fee, fill.cash_after_e8)


def coin_bill(fill: FillView) -> BillView:
    """Derive the second bill of a spot fill: the coins. The balance after it is not kept."""
    side = int(fill.side)
    fee = fill.fee_e8 if side > 0 else 0
    change = side * fill.lots * fill.inst.base_lot_e8 - fee
    bill = _bill(fill, fill.inst.base_ccy, change, None)
    return msgspec.structs.replace(bill, bill_id=fill.bill_id + 1)


def _bill(fill: FillView, ccy: str, change_e8: int, cash_after_e8: int | None) -> BillView:
    return BillView(
        bill_id=fill.bill_id,
        ccy=ccy,
        inst=fill.inst,
        kind=LIQUIDATION if fill.cause is FillCause.LIQUIDATION else TRADE,
        sub_kind=fill.sub_kind,
        change_e8=change_e8,
        cash_after_e8=cash_after_e8,
        ts_ms=fill.ts_ms,
        fill=fill,
    )


def _plain_bill(state: State, row: int) -> BillView:
    bills = state.bills
    inst_row = int(bills.inst_row[row])
    return BillView(
        bill_id=int(bills.bill_id[row]),
        ccy=state.table.currencies[int(bills.ccy_row[row])],
        inst=None if inst_row < 0 else state.instruments[inst_row],
        kind=int(bills.kind[row]),
        sub_kind=int(bills.sub_kind[row]),
        change_e8=int(bills.change_e8[row]),
        cash_after_e8=int(bills.cash_after_e8[row]),
        ts_ms=int(bills.ts_ns[row]) // 1_000_000,
    )
