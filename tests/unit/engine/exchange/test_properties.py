"""Random orders, moves of the market and of money: after every step the invariants hold."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.engine.support import BTC, BTC_SPOT, BTC_USD_UM, ETH, START_MS, Bench

from copydesk.engine.derived import rebuild
from copydesk.engine.exchange import history, liquidation, margin
from copydesk.engine.exchange.checks import check_exchange
from copydesk.engine.exchange.positions import settle_ccy_row
from copydesk.engine.state import FIRST_USER, State, book_parts
from copydesk.model.amounts import E8
from copydesk.model.enums import MgnMode, OrdType, PosMode, PosSide, Side, TdMode
from copydesk.model.inputs import (
    CancelOrder,
    ClosePosition,
    Deposit,
    Input,
    PlaceOrder,
    SetLeverage,
    SetLiquidity,
    SetPositionMode,
)

TRADERS = 4
HOURS_8 = 8 * 3_600_000
FUNDING = {BTC: (HOURS_8, 300_000), ETH: (HOURS_8 // 2, -1_234_567), BTC_USD_UM: (HOURS_8, 777)}
PRICES = {BTC: 600_000, ETH: 300_000, BTC_SPOT: 600_000, BTC_USD_UM: 600_000}
SCALE = {BTC: 1_000, ETH: 1_000, BTC_SPOT: 100_000_000, BTC_USD_UM: 100}  # a large order, in lots

accounts = st.integers(2, 1 + TRADERS)
swaps = st.sampled_from((BTC, ETH, BTC_USD_UM))
margins = st.sampled_from(MgnMode)
slots = st.sampled_from(PosSide)


@st.composite
def orders(draw: st.DrawFn, bench: Bench) -> PlaceOrder:
    inst_row = draw(st.sampled_from((BTC, BTC, ETH, BTC_SPOT, BTC_USD_UM)))
    account_row = draw(accounts)
    spot = inst_row == BTC_SPOT
    net = bench.state.accounts.pos_mode[account_row] == PosMode.NET
    side = draw(st.sampled_from(Side))
    ord_type = draw(st.sampled_from(OrdType))
    lots = max(1, SCALE[inst_row] * draw(st.integers(1, 1000)) // 1000)
    by_quote = spot and side is Side.BUY and ord_type is OrdType.MARKET and draw(st.booleans())
    mid = int(bench.state.markets.mark_ticks[inst_row])
    cross, isolated = TdMode.CROSS, TdMode.ISOLATED
    return PlaceOrder(
        account_row=account_row,
        inst_row=inst_row,
        side=side,
        pos_side=PosSide.NET if spot or net else draw(st.sampled_from(list(PosSide)[1:])),
        td_mode=TdMode.CASH if spot else draw(st.sampled_from((cross, cross, isolated))),
        ord_type=ord_type,
        size_lots=0 if by_quote else lots,
        quote_e8=lots * 100 if by_quote else 0,
        px_ticks=mid * draw(st.integers(950, 1050)) // 1000 + draw(st.integers(-2, 2)),
        reduce_only=not spot and draw(st.integers(0, 3)) == 0,
        cl_ord_id=draw(st.sampled_from(("", "", "a", "b"))),
    )


@st.composite
def others(draw: st.DrawFn, bench: Bench) -> Input:
    kind = draw(st.integers(0, 6))
    account_row, inst_row = draw(accounts), draw(swaps)
    if kind == 0:
        pending = bench.state.index.orders_by_account.get(account_row) or [0]
        row = draw(st.sampled_from(pending))
        table = bench.state.orders
        return CancelOrder(account_row, int(table.inst_row[row]), int(table.ord_id[row]))
    if kind == 1:
        return ClosePosition(account_row, inst_row, draw(margins), draw(slots), draw(st.booleans()))
    if kind == 2:
        lever = draw(st.sampled_from((1, 2, 5, 20, 50, 100)))
        return SetLeverage(account_row, inst_row, draw(margins), draw(slots), lever)
    if kind == 3:
        return SetPositionMode(account_row, draw(st.sampled_from(PosMode)))
    if kind == 4:
        value = draw(st.sampled_from((0, 100 * E8, 100_000 * E8)))
        count = draw(st.integers(0, 12))
        return SetLiquidity(inst_row, draw(st.integers(0, 2_000)), value, count)
    amount = draw(st.integers(-1_000, 3_000)) * E8
    return Deposit(account_row, draw(st.sampled_from((0, 0, 1, 3))), amount)


def due(state: State) -> list[int]:
    """Positions of users that stand at or below their last line, found the slow way."""
    found = []
    positions = state.positions
    for row in np.flatnonzero(positions.live("qty_lots")).tolist():
        account_row, book = int(positions.account_row[row]), int(positions.book[row])
        if account_row < FIRST_USER:
            continue
        if book_parts(book)[1] is MgnMode.ISOLATED:
            own = int(positions.margin_e8[row]) + margin.upl_e8(state, row)
            needed = liquidation.needed_e8(state, row)
        else:
            ccy_row = settle_ccy_row(state, book)
            own = margin.cross_equity_e8(state, account_row, ccy_row)
            rows = liquidation.cross_rows(state, account_row, ccy_row)
            needed = sum(liquidation.needed_e8(state, one) for one in rows)
        if own <= needed:
            found.append(row)
    return found


def move(bench: Bench, data: st.DataObject) -> None:
    """Move the markets a little or a lot, and let time pass; then nobody is left to liquidate."""
    span = data.draw(st.sampled_from((1, 2, 4, 30, 30, 250)))
    prices = {}
    for inst_row in PRICES:
        last = int(bench.state.markets.last_ticks[inst_row])
        step = data.draw(st.integers(-span, span))
        last = max(1_000, last * (1_000 + step) // 1_000)
        prices[inst_row] = (last, last + data.draw(st.integers(-20, 20)))
    passed = data.draw(st.integers(0, 3)) * HOURS_8 // 2
    bench.ticks(prices, int(bench.state.markets.market_ts_ms[BTC]) + passed + 1)
    assert due(bench.state) == []


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_invariants_hold_whatever_happens(data: st.DataObject) -> None:
    bench = Bench(FUNDING)
    bench.ticks({row: (px, px) for row, px in PRICES.items()}, START_MS)
    for _ in range(TRADERS):
        row = bench.account(data.draw(st.integers(0, 5_000)))
        bench.run(Deposit(row, bench.state.ccy_row("USD"), 1_000 * E8))
        bench.run(Deposit(row, bench.state.ccy_row("BTC"), E8 // 10))
    for _ in range(data.draw(st.integers(1, 40))):
        kind = data.draw(st.integers(0, 9))
        if kind < 6:
            bench.run(data.draw(orders(bench)))
        elif kind < 8:
            bench.run(data.draw(others(bench)))
        else:
            move(bench, data)
    history.trim_orders(bench.state, limit=8)
    assert check_exchange(bench.state) == []
    before = bench.columns()
    rebuild(bench.state)
    assert check_exchange(bench.state) == []
    assert bench.columns() == before
