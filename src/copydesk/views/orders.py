"""Orders of one account: single orders, and the opening and closing orders derived from copies.

What lives here: `OrderView` and the lists and look-ups that make it.
What it may touch: `engine.state`, `model`, `views.copies`, `views.paging`.
Always true: copies show as market orders of their account; a copy that was not made has no order
(see `why`).
Start reading: `find_order`, `pending_orders`, `order_history`.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from copydesk.engine.state import State, book_parts
from copydesk.model.enums import (
    CopyState,
    FillCause,
    InstType,
    OrderState,
    OrdType,
    PosSide,
    Side,
    TdMode,
)
from copydesk.model.instruments import Instrument
from copydesk.views.copies import (
    CopyRef,
    close_ids,
    closed_ms,
    finished,
    last_close_id,
    locate_close,
    locate_sub_position,
    made_copies_of,
    open_ids,
    opened_ms,
    sub_pos_id_of,
)
from copydesk.views.paging import Page, Source, first, merged


class OrderView(msgspec.Struct, frozen=True, gc=False):
    """One order, whole, with its last fill (`fill_px_ticks` 0: use the average of the order)."""

    inst: Instrument
    ord_id: int
    cl_ord_id: str
    tag: str
    side: Side
    pos_side: PosSide
    td_mode: TdMode
    ord_type: OrdType
    state: OrderState
    cause: FillCause
    px_ticks: int
    size_lots: int
    quote_e8: int
    filled_lots: int
    filled_value_e8: int
    fee_e8: int
    pnl_e8: int
    lever: int
    reduce_only: bool
    created_ms: int
    updated_ms: int
    trade_id: int
    fill_lots: int
    fill_px_ticks: int


class OrderFilter(msgspec.Struct, frozen=True, gc=False):
    """Which orders of a list; None means any."""

    inst_type: InstType | None = None
    inst_row: int | None = None
    ord_types: tuple[OrdType, ...] | None = None
    state: OrderState | None = None

    def fits(self, order: OrderView) -> bool:
        """Say whether an order is asked for."""
        return (
            self.inst_type in (None, order.inst.inst_type)
            and self.inst_row in (None, order.inst.row)
            and (self.ord_types is None or order.ord_type in self.ord_types)
            and self.state in (None, order.state)
        )


def order_view(state: State, row: int) -> OrderView:
    """Read one single order."""
    orders = state.orders
    return OrderView(
        inst=state.instruments[int(orders.inst_row[row])],
        ord_id=int(orders.ord_id[row]),
        cl_ord_id=bytes(orders.cl_ord_id[row]).decode(),
        tag=bytes(orders.tag[row]).decode(),
        side=Side(int(orders.side[row])),
        pos_side=PosSide(int(orders.pos_side[row])),
        td_mode=TdMode(int(orders.td_mode[row])),
        ord_type=OrdType(int(orders.ord_type[row])),
        state=OrderState(int(orders.state[row])),
        cause=FillCause(int(orders.cause[row])),
        px_ticks=int(orders.px_ticks[row]),
        size_lots=int(orders.size_lots[row]),
        quote_e8=int(orders.quote_e8[row]),
        filled_lots=int(orders.filled_lots[row]),
        filled_value_e8=int(orders.filled_value_e8[row]),
        fee_e8=int(orders.fee_e8[row]),
        pnl_e8=int(orders.pnl_e8[row]),
        lever=int(orders.lever[row]),
        reduce_only=bool(orders.reduce_only[row]),
        created_ms=int(orders.created_ns[row]) // 1_000_000,
        updated_ms=int(orders.updated_ns[row]) // 1_000_000,
        trade_id=int(orders.last_trade_id[row]),
        fill_lots=int(orders.last_fill_lots[row]),
        fill_px_ticks=int(orders.last_fill_px[row]),
    )


def copy_open_order(state: State, ref: CopyRef) -> OrderView:
    """Derive the order that opened a copy: all slices together, at the average price."""
    copies = state.copies
    row, lead_position_row = ref
    inst_row, mgn_mode, pos_side = book_parts(int(copies.book[row]))
    size, asked = int(copies.size_lots[row]), int(copies.target_lots[row])
    opened = int(state.lead_positions.opened_ns[lead_position_row]) // 1_000_000
    ord_id = sub_pos_id_of(state, ref)
    return OrderView(
        inst=state.instruments[inst_row],
        ord_id=ord_id,
        cl_ord_id="",
        tag=_relation_tag(state, row),
        side=Side(int(state.lead_positions.direction[lead_position_row])),
        pos_side=pos_side,
        td_mode=TdMode(int(mgn_mode)),
        ord_type=OrdType.MARKET,
        state=OrderState.FILLED if size >= asked else OrderState.CANCELED,
        cause=FillCause.COPY_OPEN,
        px_ticks=0,
        size_lots=max(asked, size),
        quote_e8=0,
        filled_lots=size,
        filled_value_e8=int(copies.cost_e8[row]),
        fee_e8=int(copies.open_fee_e8[row]),
        pnl_e8=0,
        lever=int(copies.lever[row]),
        reduce_only=False,
        created_ms=opened,
        updated_ms=opened,
        trade_id=ord_id,
        fill_lots=size,
        fill_px_ticks=0,
    )


def copy_close_order(state: State, ref: CopyRef) -> OrderView:
    """Derive the order that closed a copy: all partial closes together, at the average.

    What the copy trader closed by orders of his own is in those, not here.

    While the copy is open its id changes with every close; lists show it at the end only.
    """
    copies = state.copies
    row, lead_position_row = ref
    inst_row, mgn_mode, pos_side = book_parts(int(copies.book[row]))
    closed = int(copies.closed_lots[row] - copies.own_lots[row])
    closed_at = int(copies.closed_ns[row]) // 1_000_000
    ord_id = last_close_id(state, ref)
    return OrderView(
        inst=state.instruments[inst_row],
        ord_id=ord_id,
        cl_ord_id="",
        tag=_relation_tag(state, row),
        side=Side(-int(state.lead_positions.direction[lead_position_row])),
        pos_side=pos_side,
        td_mode=TdMode(int(mgn_mode)),
        ord_type=OrdType.MARKET,
        state=OrderState.FILLED,
        cause=FillCause(int(copies.close_cause[row])),
        px_ticks=0,
        size_lots=closed,
        quote_e8=0,
        filled_lots=closed,
        filled_value_e8=int(copies.closed_value_e8[row] - copies.own_value_e8[row]),
        fee_e8=int(copies.close_fee_e8[row] - copies.own_fee_e8[row]),
        pnl_e8=int(copies.pnl_e8[row] - copies.own_pnl_e8[row]),
        lever=int(copies.lever[row]),
        reduce_only=pos_side is PosSide.NET,
        created_ms=closed_at,
        updated_ms=closed_at,
        trade_id=ord_id,
        fill_lots=closed,
        fill_px_ticks=0,
    )


def find_order(
    state: State, account_row: int, inst_row: int, ord_id: int, cl_ord_id: str
) -> OrderView | None:
    """Find one order of an account in an instrument by ordId (0: by clOrdId, newest match)."""
    if ord_id:
        found = _by_id(state, account_row, ord_id)
    else:
        row = _by_client_id(state, account_row, cl_ord_id)
        found = None if row is None else order_view(state, row)
    return found if found is not None and found.inst.row == inst_row else None


def pending_orders(
    state: State, account_row: int, wanted: OrderFilter, page: Page
) -> list[OrderView]:
    """List resting orders, newest first."""
    rows = np.asarray(state.index.orders_by_account.get(account_row, []), dtype=np.int64)
    return _listed([_singles(state, rows)], wanted, page)


def order_history(
    state: State, account_row: int, wanted: OrderFilter, page: Page
) -> list[OrderView]:
    """List finished orders, those of copies among them, newest first."""
    orders = state.orders
    mine = orders.live("account_row") == account_row
    mine &= orders.live("state") >= OrderState.FILLED
    if wanted.inst_row is not None:
        mine &= orders.live("inst_row") == wanted.inst_row
    singles = _singles(state, np.flatnonzero(mine))
    return _listed([singles, *copy_orders(state, account_row)], wanted, page)


def copy_orders(state: State, account_row: int) -> tuple[Source, Source]:
    """Give the opening and the closing orders derived from an account's copies."""
    made = made_copies_of(state, account_row)
    ended = finished(state, made)
    return (
        Source(
            open_ids(state, made),
            opened_ms(state, made),
            lambda place: copy_open_order(state, made.at(place)),
        ),
        Source(
            close_ids(state, ended),
            closed_ms(state, ended),
            lambda place: copy_close_order(state, ended.at(place)),
        ),
    )


def _singles(state: State, rows: npt.NDArray[np.integer]) -> Source:
    return Source(
        state.orders.ord_id[rows],
        state.orders.created_ns[rows] // 1_000_000,
        lambda place: order_view(state, int(rows[place])),
    )


def _listed(sources: list[Source], wanted: OrderFilter, page: Page) -> list[OrderView]:
    rows = merged(sources, page)
    return first((row for row in rows if isinstance(row, OrderView) and wanted.fits(row)), page)


def _by_id(state: State, account_row: int, ord_id: int) -> OrderView | None:
    row = state.index.order_by_id.get(ord_id)
    if row is not None:
        own = state.orders.account_row[row] == account_row
        return order_view(state, row) if own else None
    ref = locate_sub_position(state, account_row, ord_id)
    if ref is not None and state.copies.state[ref.copy_row] != CopyState.NOT_MADE:
        return copy_open_order(state, ref)
    ref = locate_close(state, account_row, ord_id)
    return None if ref is None else copy_close_order(state, ref)


def _by_client_id(state: State, account_row: int, cl_ord_id: str) -> int | None:
    wanted = cl_ord_id.encode()
    row = state.index.pending_by_client_id.get((account_row, wanted))
    if row is not None:
        return row
    rows = np.flatnonzero(state.orders.live("account_row") == account_row)
    matches = rows[state.orders.cl_ord_id[rows] == wanted]
    return int(matches[-1]) if len(matches) else None


def _relation_tag(state: State, copy_row: int) -> str:
    relation_row = int(state.copies.relation_row[copy_row])
    return bytes(state.relations.tag[relation_row]).decode()
