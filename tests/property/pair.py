"""The engine and the oracle side by side: one input to both, and nothing may differ.

What lives here: `Pair`; reading the exchange's part out of facts; both states as plain dicts.
What it may touch: the engine (through `World`), the oracle.
Always true: after each step the invariants hold and `seen_by_engine` equals `seen_by_oracle`.
Start reading: `Pair.do`.
"""

from collections import defaultdict
from typing import Any

from tests.property.commands import Told, step
from tests.property.histories import beginning
from tests.property.ledger import Bunch, Flow, Mark, Match, Pass
from tests.property.oracle import Oracle
from tests.support.world import World

from copydesk.engine.exchange.history import FUNDING, LIQUIDATION
from copydesk.engine.state import book_parts
from copydesk.engine.table import Table
from copydesk.model import inputs
from copydesk.model.enums import MgnMode, OrderState
from copydesk.model.inputs import Input
from copydesk.model.outputs import (
    BookChanged,
    CopiesFilled,
    Fact,
    LeadPositionChanged,
    OrderUpdated,
    Output,
)
from copydesk.model.rejects import Reject

Seen = dict[str, dict[Any, Any]]
_JUDGED_BY_EXCHANGE = (
    inputs.PlaceOrder,
    inputs.CancelOrder,
    inputs.ClosePosition,
    inputs.SetLeverage,
    inputs.SetPositionMode,
    inputs.Deposit,
    inputs.MarketTick,
)


def flow_of(facts: list[Fact]) -> list[Flow]:
    """Read who met whom: each way through the book ends with `BookChanged`, makers before it."""
    flow: list[Flow] = []
    makers: list[Match] = []
    for at, fact in enumerate(facts):
        before = facts[at - 1] if at else None
        if isinstance(fact, OrderUpdated) and fact.fill_lots and fact.maker:
            makers.append(_match(fact))
        elif isinstance(fact, OrderUpdated) and fact.fill_lots:
            own = _match(fact)
            last = flow[-1] if flow else None
            same = isinstance(last, Pass) and last.taker and last.taker[-1].order == own.order
            continues = isinstance(before, OrderUpdated) and same
            if continues and isinstance(last, Pass):
                last.taker.append(own)
            else:
                flow.append(Pass(makers, [own]))
                makers = []
        elif isinstance(fact, CopiesFilled):
            amounts = zip(fact.lots.tolist(), fact.value_e8.tolist(), strict=True)
            parts = dict(zip(fact.account_rows.tolist(), amounts, strict=True))
            flow.append(Bunch(fact.lead_position_row, fact.cause, makers, parts))
            makers = []
        elif isinstance(fact, LeadPositionChanged):
            flow.append(Mark(fact.lead_position_row))
        elif isinstance(fact, BookChanged) and makers and not _goes_on(facts[at + 1 :]):
            flow.append(Pass(makers, []))
            makers = []
    assert not makers
    return flow


def _goes_on(rest: list[Fact]) -> bool:
    """Whether the order that met these makers tells of its own fills next."""
    head = rest[0] if rest else None
    if isinstance(head, OrderUpdated):
        return head.fill_lots > 0 and not head.maker
    return isinstance(head, CopiesFilled)


def _match(fact: OrderUpdated) -> Match:
    return Match(
        account=fact.account_row,
        book=(fact.inst_row, MgnMode(int(fact.td_mode)), fact.pos_side),
        side=int(fact.side),
        px=fact.fill_px_ticks,
        lots=fact.fill_lots,
        maker=fact.maker,
        order=fact.ord_id,
        ordered=fact.size_lots,
        lever=fact.lever,
        cause=fact.cause,
    )


class Pair(World):
    def __init__(self) -> None:
        super().__init__(beginning())
        self.oracle = Oracle(self.state.instruments)
        self.resting: dict[int, tuple[int, int]] = {}  # ord_id -> (account, instrument)
        self.bills = 0

    def do(self, body: Input) -> Output:
        """Give one input to both, and compare."""
        output = super().do(body)
        refused = isinstance(output.reply, Reject)
        told = Told(not refused, flow_of(output.facts), self._paid())
        code = step(self.oracle, body, told)
        if code is not None:
            assert isinstance(output.reply, Reject), f"{body}: the rules say {code!r}"
            assert output.reply.code == code, f"{body}: {output.reply.code!r}, rules {code!r}"
        elif refused and not isinstance(body, _JUDGED_BY_EXCHANGE):
            raise AssertionError(f"{body}: {output.reply}, which the rules do not know")
        self._note_pending(output)
        self._name_sub_positions()
        engine, oracle = seen_by_engine(self), seen_by_oracle(self.oracle)
        for kind in engine:
            assert engine[kind] == oracle[kind], f"{kind} differ after {body}"
        return output

    def _paid(self) -> list[tuple[int, int]]:
        """Money that the exchange moved without a fill: funding, and what the house made good."""
        bills, start = self.state.bills, self.bills
        self.bills = bills.count
        return [
            (int(bills.account_row[row]), int(bills.change_e8[row]))
            for row in range(start, bills.count)
            if bills.kind[row] in (FUNDING, LIQUIDATION)
        ]

    def _note_pending(self, output: Output) -> None:
        for fact in output.facts:
            if isinstance(fact, OrderUpdated):
                if fact.state in (OrderState.LIVE, OrderState.PARTIALLY_FILLED):
                    self.resting[fact.ord_id] = (fact.account_row, fact.inst_row)
                else:
                    self.resting.pop(fact.ord_id, None)
        self.oracle.pending = set(self.resting.values())

    def _name_sub_positions(self) -> None:
        ids = self.state.lead_positions.live("sub_pos_id")
        for row, position in enumerate(self.oracle.positions):
            first = int(ids[row])
            self.oracle.ids[first] = position
            for offset, copy in enumerate(position.copies.values(), 1):
                self.oracle.ids[first + offset] = copy


def _read(table: Table, row: int, *columns: str) -> tuple[int, ...]:
    return tuple(int(getattr(table, name)[row]) for name in columns)


_POSITION = ("qty_lots", "cost_e8", "linked_lots", "lever")
_RELATION = ("state", "end_cause", "used_e8", "open_copies", "realised_e8", "fees_e8")
_LEAD = ("account_row", "size_lots", "cost_e8", "closed_lots", "closed_value_e8")
_COPY: tuple[str, ...] = ("state", "reason", "target_lots", "size_lots", "cost_e8", "margin_e8")
_COPY += ("closed_lots", "closed_value_e8", "owed_lots", "pnl_e8", "used_e8")
_COPY += ("above_ticks", "below_ticks")


def seen_by_engine(world: World) -> Seen:
    """What both must agree on, read from the engine's columns."""
    state, seen = world.state, defaultdict[str, dict[Any, Any]](dict)
    for row in range(2, state.accounts.count):
        role = int(state.accounts.swap_role[row])
        seen["accounts"][row] = (world.cash(row), role, int(state.accounts.pos_mode[row]))
    held = state.positions
    for row in range(1, held.count):
        if held.account_row[row] >= 2 and held.qty_lots[row]:
            place = (int(held.account_row[row]), *book_parts(int(held.book[row])))
            seen["positions"][place] = _read(held, row, *_POSITION)
    for row in range(state.relations.count):
        seen["relations"][row] = _read(state.relations, row, *_RELATION)
    lead, copies = state.lead_positions, state.copies
    for row in range(lead.count):
        seen["lead positions"][row] = _read(lead, row, *_LEAD)
        start, count = int(lead.block_start[row]), int(lead.block_count[row])
        for at in range(start, start + count):
            fees = int(copies.open_fee_e8[at] + copies.close_fee_e8[at])
            seen["copies"][row, int(copies.account_row[at])] = (*_read(copies, at, *_COPY), fees)
    return seen


def seen_by_oracle(oracle: Oracle) -> Seen:
    """The same, from the oracle."""
    seen = defaultdict[str, dict[Any, Any]](dict)
    for row, account in oracle.accounts.items():
        seen["accounts"][row] = (account.cash, int(account.role), int(account.hedged))
        for book, held in account.positions.items():
            if held.lots:
                now = (held.lots, held.cost, held.linked, held.lever)
                seen["positions"][row, *book] = now
    for row, r in enumerate(oracle.relations):
        used, pnl = sum(c.used for c in r.copies), sum(c.pnl for c in r.copies)
        fees = sum(c.fees for c in r.copies)
        seen["relations"][row] = (int(r.state), int(r.cause), used, len(r.open()), pnl, fees)
    for p in oracle.positions:
        seen["lead positions"][p.row] = (p.lead.account, p.size, p.cost, p.closed, p.closed_value)
        for account_row, c in p.copies.items():
            seen["copies"][p.row, account_row] = (
                *(int(c.state), int(c.reason), c.target, c.size, c.cost, c.margin, c.closed),
                *(c.closed_value, c.owed, c.pnl, c.used, c.above, c.below, c.fees),
            )
    return seen
