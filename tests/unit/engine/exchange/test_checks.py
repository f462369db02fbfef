"""Each invariant speaks when it is broken."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.unit.engine.support import BTC, Bench, limit, market

from copydesk.engine.exchange.checks import check_exchange
from copydesk.engine.state import State
from copydesk.model.inputs import Deposit

TRADER = 2


def sound() -> State:
    bench = Bench()
    bench.open_markets()
    bench.account()
    bench.run(Deposit(TRADER, bench.state.ccy_row("BTC"), 5))
    bench.placed(market(TRADER, 10))
    bench.placed(replace(limit(TRADER, 10, 590_000), cl_ord_id="a"))
    bench.placed(limit(TRADER, 5, 590_000))
    bench.placed(limit(TRADER, -5, 610_000))
    bench.tick(BTC, 600_000)
    return bench.state


def add(column: str, row: int, change: int = 1) -> Callable[[State], None]:
    def spoil(state: State) -> None:
        table, name = column.split(".")
        owner = state.wallet(0) if table == "wallet" else getattr(state, table)
        getattr(owner, name)[row] += change

    return spoil


def spend_coins(state: State) -> None:
    wallet = state.wallet(state.ccy_row("BTC"))
    wallet.cash_e8[TRADER] -= 6
    wallet.cash_e8[0] += 6


def cross_the_book(state: State) -> None:
    state.markets.mid_ticks[BTC] = 580_000


def lose_a_client_id(state: State) -> None:
    state.index.pending_by_client_id.clear()


def lose_a_queue(state: State) -> None:
    state.index.resting.clear()


def lose_a_list(state: State) -> None:
    state.index.orders_by_account.clear()


def lose_an_id(state: State) -> None:
    state.index.order_by_id.popitem()


def unsort(state: State) -> None:
    state.index.resting[BTC, 1].prices.append(1)


def raise_the_bound(state: State) -> None:
    state.scalars.risk_min_calm_ppm = 2**31 - 1


def shorten_a_wallet(state: State) -> None:
    state.wallet(1).append()


def test_a_sound_state_has_nothing_to_say() -> None:
    assert check_exchange(sound()) == []


@pytest.mark.parametrize(
    "spoil,words",
    [
        (add("positions.margin_e8", 1), "margin is not ceil"),
        (add("positions.qty_lots", 1), "longs and shorts"),
        (add("positions.qty_lots", 2, -30), "cost against quantity"),
        (add("positions.qty_lots", 2, -10), "cost without quantity"),
        (add("positions.lever", 1, -3), "without leverage"),
        (add("positions.book", 2, 2), "long in a short slot"),
        (add("positions.book", 1, 1), "short in a long slot"),
        (add("positions.qty_lots", 0), "dummy"),
        (add("wallet.cross_margin_e8", TRADER), "cross_margin_e8"),
        (add("wallet.iso_margin_e8", TRADER), "iso_margin_e8"),
        (add("wallet.hold_e8", TRADER), "hold_e8 of currency 0"),
        (add("wallet.cash_e8", TRADER), "money of currency 0"),
        (add("wallet.deposits_e8", 0), "money of currency 0"),
        (add("orders.hold_e8", 0), "hold of an order that ended"),
        (add("orders.hold_e8", 1, -(10**15)), "negative hold"),
        (add("orders.ord_id", 0, 10**17), "do not rise"),
        (add("orders.filled_lots", 1, 10), "filled and state differ"),
        (add("accounts.pending_orders", TRADER), "count of pending orders"),
        (spend_coins, "spent that are not there"),
        (cross_the_book, "is crossed"),
        (lose_a_client_id, "client ids"),
        (lose_a_queue, "queues of the book"),
        (lose_a_list, "lists of pending orders"),
        (lose_an_id, "order ids are not"),
        (unsort, "price levels"),
        (raise_the_bound, "lower bound"),
        (shorten_a_wallet, "wallet of currency 1"),
    ],
)
def test_broken_invariants_are_told(spoil: Callable[[State], None], words: str) -> None:
    state = sound()
    spoil(state)
    assert any(words in line for line in check_exchange(state)), check_exchange(state)
