"""The inbox: bounded, in order, and never closed to an exit."""

import asyncio
import threading

import pytest

from copydesk.model.enums import InstType, MgnMode, OrdType, PosSide, Side, SubPosType, TdMode
from copydesk.model.inputs import (
    CancelOrder,
    ClosePosition,
    CloseSubPosition,
    Deposit,
    Input,
    PlaceOrder,
    StopCopying,
)
from copydesk.model.limits import MAX_INBOX
from copydesk.node.inbox import Inbox, Waiting, is_exit

LOOP = asyncio.new_event_loop()
ENTRY = Deposit(2, 0, 1)


def order(reduce_only: bool) -> PlaceOrder:
    return PlaceOrder(
        account_row=2,
        inst_row=0,
        side=Side.BUY,
        pos_side=PosSide.NET,
        td_mode=TdMode.CROSS,
        ord_type=OrdType.MARKET,
        size_lots=1,
        reduce_only=reduce_only,
    )


EXITS: list[Input] = [
    CancelOrder(2, 0, 1),
    ClosePosition(2, 0, MgnMode.CROSS, PosSide.NET),
    CloseSubPosition(2, InstType.SWAP, 5, SubPosType.LEAD),
    StopCopying(2, 3, None),
    order(reduce_only=True),
]


def waiting(body: Input) -> Waiting:
    return Waiting(body, b"", LOOP.create_future())


def test_it_keeps_the_order_of_arrival_and_gives_at_most_what_was_asked_for() -> None:
    inbox = Inbox()
    items = [waiting(Deposit(2, 0, amount)) for amount in range(5)]
    assert all(inbox.put(item) for item in items)
    assert inbox.take(3) == items[:3]
    assert inbox.take(3) == items[3:]


def test_a_full_one_refuses_at_once() -> None:
    inbox = Inbox()
    for _ in range(MAX_INBOX):
        assert inbox.put(waiting(ENTRY))
    assert not inbox.put(waiting(ENTRY))
    assert not inbox.put(waiting(order(reduce_only=False)))
    assert len(inbox) == MAX_INBOX


@pytest.mark.parametrize("body", EXITS, ids=lambda body: type(body).__name__)
def test_a_full_one_never_refuses_an_exit(body: Input) -> None:
    inbox = Inbox(bound=1)
    assert inbox.put(waiting(ENTRY))
    assert is_exit(body)
    assert inbox.put(waiting(body))
    taken = inbox.take(10)
    assert taken is not None
    assert [item.body for item in taken] == [ENTRY, body]


def test_a_closed_one_hands_out_what_it_holds_and_then_says_so() -> None:
    inbox = Inbox()
    item = waiting(ENTRY)
    inbox.put(item)
    inbox.close()
    assert not inbox.put(waiting(EXITS[0]))
    assert inbox.take(10) == [item]
    assert inbox.take(10) is None


def test_a_nudge_wakes_the_engine_without_an_input() -> None:
    inbox = Inbox()
    taken: list[list[Waiting] | None] = []
    thread = threading.Thread(target=lambda: taken.append(inbox.take(10)))
    thread.start()
    inbox.nudge()
    thread.join(10)
    assert taken == [[]]
