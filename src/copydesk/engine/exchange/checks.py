"""Invariants of the exchange, in words when broken.

What lives here: `check_exchange`.
What it may touch: `exchange.liquidity`, `exchange.resting`, `engine.state`, `model`.
Always true: reads only; called by tests after steps, by `verify`, and at start-up after a crash.
Start reading: `check_exchange`.
"""

import numpy as np

from copydesk.engine.exchange import liquidity, resting
from copydesk.engine.state import BOOKS_PER_INSTRUMENT, FIRST_USER, State
from copydesk.engine.table import I64, Bool
from copydesk.model.enums import InstType, OrderState, Side

_ISOLATED_FROM = BOOKS_PER_INSTRUMENT // 2


def check_exchange(state: State) -> list[str]:
    """Broken invariants, [] if none."""
    broken: list[str] = []
    _wallet_rows(state, broken)
    if broken:
        return broken  # the sums below need a wallet row for every account
    _accounts(state, broken)
    _positions(state, broken)
    _wallets(state, broken)
    _money(state, broken)
    _holds(state, broken)
    _pending(state, broken)
    _books(state, broken)
    return broken


def _say(broken: list[str], wrong: Bool, words: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        broken.append(f"{words}: rows {rows[:5].tolist()} ({len(rows)})")


def _sums(keys: I64, values: I64, count: int) -> I64:
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, keys, values)
    return total


def _settle_rows(state: State) -> I64:
    """Settle currency row of every instrument."""
    rows = state.index.ccy_rows
    return np.array([rows[inst.settle_ccy] for inst in state.instruments], dtype=np.int64)


def _accounts(state: State, broken: list[str]) -> None:
    calm = state.accounts.live("calm_ppm")[FIRST_USER:]
    if int(calm.min(initial=2**31 - 1)) < state.scalars.risk_min_calm_ppm:
        broken.append("risk_min_calm_ppm is not a lower bound")


def _wallet_rows(state: State, broken: list[str]) -> None:
    count = state.accounts.count
    for ccy_row, wallet in sorted(state.wallets.items()):
        if wallet.count != count:
            broken.append(f"wallet of currency {ccy_row} has {wallet.count} rows for {count}")


def _positions(state: State, broken: list[str]) -> None:
    positions = state.positions
    quantity, cost = positions.live("qty_lots"), positions.live("cost_e8")
    lever = positions.live("lever").astype(np.int64)
    margin = -(-np.abs(cost) // np.maximum(lever, 1))
    _say(broken, positions.live("margin_e8") != margin, "margin is not ceil(|cost| / leverage)")
    _say(broken, (quantity == 0) & (cost != 0), "cost without quantity")
    _say(broken, quantity.astype(object) * cost.astype(object) < 0, "cost against quantity")
    _say(broken, (quantity != 0) & (lever < 1), "position without leverage")
    slot = positions.live("book") % 3
    _say(broken, (slot == 1) & (quantity < 0), "short in a long slot")
    _say(broken, (slot == 2) & (quantity > 0), "long in a short slot")
    instrument = positions.live("book").astype(np.int64) // BOOKS_PER_INSTRUMENT
    sums = _sums(instrument, quantity, len(state.instruments))
    _say(broken, sums != 0, "longs and shorts of an instrument differ")
    if positions.count and (quantity[0] or positions.book[0] or positions.account_row[0]):
        broken.append("the dummy position is not zero")


def _wallets(state: State, broken: list[str]) -> None:
    positions, count = state.positions, state.accounts.count
    books = positions.live("book").astype(np.int64)
    owners = positions.live("account_row").astype(np.int64)
    settle = _settle_rows(state)[books // BOOKS_PER_INSTRUMENT]
    isolated = books % BOOKS_PER_INSTRUMENT >= _ISOLATED_FROM
    for ccy_row, wallet in sorted(state.wallets.items()):
        for name, among in (("iso_margin_e8", isolated), ("cross_margin_e8", ~isolated)):
            mine = (settle == ccy_row) & among
            sums = _sums(owners[mine], positions.live("margin_e8")[mine], count)
            words = f"{name} of currency {ccy_row} is not the sum over positions"
            _say(broken, wallet.live(name) != sums, words)


def _money(state: State, broken: list[str]) -> None:
    """Cash less what was paid for positions is what was moved in, in every currency."""
    positions = state.positions
    settle = _settle_rows(state)[positions.live("book").astype(np.int64) // BOOKS_PER_INSTRUMENT]
    swaps = [inst for inst in state.instruments if inst.inst_type is InstType.SWAP]
    settled = {state.index.ccy_rows[inst.settle_ccy] for inst in swaps if inst.tradable}
    for ccy_row, wallet in sorted(state.wallets.items()):
        cash = sum(wallet.live("cash_e8").tolist())
        cost = sum(positions.live("cost_e8")[settle == ccy_row].tolist())
        moved = sum(wallet.live("deposits_e8").tolist())
        if cash - cost != moved:
            broken.append(f"money of currency {ccy_row}: {cash} - {cost} is not {moved}")
        if ccy_row not in settled:
            free = (wallet.live("cash_e8") - wallet.live("hold_e8"))[FIRST_USER:]
            _say(broken, free < 0, f"coins of currency {ccy_row} spent that are not there")


def _holds(state: State, broken: list[str]) -> None:
    orders, count = state.orders, state.accounts.count
    pending = np.flatnonzero(orders.live("state") < OrderState.FILLED)
    _say(broken, orders.live("hold_e8") < 0, "negative hold")
    ended = orders.live("state") >= OrderState.FILLED
    _say(broken, ended & (orders.live("hold_e8") != 0), "hold of an order that ended")
    ccy = [resting.hold_ccy_row(state, row) for row in pending.tolist()]
    owners = orders.account_row[pending].astype(np.int64)
    for ccy_row, wallet in sorted(state.wallets.items()):
        mine = np.array([row == ccy_row for row in ccy], dtype=np.bool_)
        sums = _sums(owners[mine], orders.hold_e8[pending][mine], count)
        words = f"hold_e8 of currency {ccy_row} is not the sum over orders"
        _say(broken, wallet.live("hold_e8") != sums, words)


def _pending(state: State, broken: list[str]) -> None:
    """Compare the index of resting orders with the orders table."""
    orders, index = state.orders, state.index
    pending = np.flatnonzero(orders.live("state") < OrderState.FILLED)
    rows = pending.tolist()
    counts = np.bincount(orders.account_row[pending], minlength=state.accounts.count)
    _say(broken, state.accounts.live("pending_orders") != counts, "count of pending orders")
    queued = [
        (key, px, row)
        for key, book_side in index.resting.items()
        for px, queue in book_side.queues.items()
        for row in queue
    ]
    expected = [
        ((int(orders.inst_row[row]), int(orders.side[row])), int(orders.px_ticks[row]), row)
        for row in rows
    ]
    if sorted(queued) != sorted(expected):
        broken.append("queues of the book are not the pending orders")
    listed = sorted(row for of_one in index.orders_by_account.values() for row in of_one)
    if listed != rows:
        broken.append("lists of pending orders by account are not the pending orders")
    named = {
        (int(orders.account_row[row]), bytes(orders.cl_ord_id[row])): row
        for row in rows
        if orders.cl_ord_id[row]
    }
    if named != index.pending_by_client_id:
        broken.append("client ids are not those of the pending orders")
    if index.order_by_id != dict(
        zip(orders.live("ord_id").tolist(), range(orders.count), strict=True)
    ):
        broken.append("order ids are not those of the orders table")
    _say(broken, np.diff(orders.live("ord_id")) <= 0, "order ids do not rise")
    full = orders.live("filled_lots") == orders.live("size_lots")
    _say(broken, full != (orders.live("state") == OrderState.FILLED), "filled and state differ")


def _books(state: State, broken: list[str]) -> None:
    """No bid at or above an ask, users' and the provider's together; levels sorted, none empty."""
    index = state.index
    for (inst_row, side), book_side in sorted(index.resting.items()):
        if book_side.prices != sorted(book_side.queues) or not all(book_side.queues.values()):
            broken.append(f"price levels of instrument {inst_row} side {side}")
    quoted = np.flatnonzero(state.markets.live("mid_ticks")).tolist()
    for inst_row in sorted({inst_row for inst_row, _ in index.resting} | set(quoted)):
        bid, ask = _best(state, inst_row, Side.BUY), _best(state, inst_row, Side.SELL)
        if bid is not None and ask is not None and bid >= ask:
            broken.append(f"book of instrument {inst_row} is crossed: {bid} >= {ask}")


def _best(state: State, inst_row: int, side: Side) -> int | None:
    prices = [px for px in (liquidity.best_px(state, inst_row, side),) if px is not None]
    book_side = state.index.resting.get((inst_row, int(side)))
    if book_side is not None and book_side.prices:
        prices.append(book_side.prices[-1 if side is Side.BUY else 0])
    return max(prices, key=lambda px: px * side, default=None)
