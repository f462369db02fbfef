"""The rules of copy trading once more, slowly: dicts, ints, Fractions, one copy trader at a time.

What lives here: the readable specification that the engine is held against (rules 2 to 9, 16).
What it may touch: `model` only; nothing of the engine.
Always true: it is told what single orders filled and what a bunched order got (the order book is
not restated here); sizes, reasons, allocation, money, triggers and ends are its own work.
Start reading: `Oracle.step`, then `_fan_out` and `_close`.
"""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from tests.property import ledger
from tests.property.ledger import Book, Bunch, Event, Flow, Ledger, Mark, Match, Pass, Position

from copydesk.model import inputs
from copydesk.model.enums import (
    CopyMgnMode,
    CopyMode,
    CopyState,
    EndCause,
    FillCause,
    MgnMode,
    NoCopyReason,
    PosSide,
    RelationState,
    RoleType,
    SubPosCloseType,
)
from copydesk.model.inputs import CopySettings
from copydesk.model.instruments import Instrument
from copydesk.model.limits import LEAD_MIN_EQUITY_E8, MAX_COPY_VALUE_E8

GUARD = Fraction(5, 1000)
DEFAULT_LEVER = 3
NEVER = 2**63 - 1
TAKE_PROFIT, STOP_LOSS = FillCause.TAKE_PROFIT, FillCause.STOP_LOSS


@dataclass
class Lead:
    account: int
    led: set[int]
    relations: dict[int, "Relation"] = field(default_factory=dict)  # newest, by copy trader


@dataclass
class Relation:
    lead: Lead
    account: int
    settings: CopySettings
    chosen: set[int] | None = None
    state: RelationState = RelationState.ACTIVE
    cause: EndCause = EndCause.NONE
    copies: list["Copy"] = field(default_factory=list)

    def choose(self) -> None:
        """Take the instrument list of the settings; None: whatever the lead trader leads."""
        rows = self.settings.inst_rows
        self.chosen = None if rows is None else set(rows)

    def open(self) -> list["Copy"]:
        return [copy for copy in self.copies if copy.state is CopyState.OPEN]

    def limit(self) -> int:
        """slTotalAmt, while it is watched; 0 if it is not."""
        return self.settings.sl_total_amt_e8 if self.state is RelationState.ACTIVE else 0


@dataclass
class LeadPosition:
    row: int
    lead: Lead
    book: Book
    direction: int
    order: int
    ordered: int
    copies: dict[int, "Copy"] = field(default_factory=dict)  # by account, ascending
    led: bool = True
    size: int = 0
    cost: int = 0
    closed: int = 0
    closed_value: int = 0
    tp: int = 0
    sl: int = 0

    @property
    def left(self) -> int:
        return self.size - self.closed


@dataclass
class Copy:
    relation: Relation
    position: LeadPosition
    book: Book | None = None
    state: CopyState = CopyState.NOT_MADE
    reason: NoCopyReason = NoCopyReason.NONE
    lever: int = 0
    target: int = 0
    size: int = 0
    cost: int = 0
    margin: int = 0
    closed: int = 0
    closed_value: int = 0
    owed: int = 0
    pnl: int = 0
    fees: int = 0
    cause: FillCause = FillCause.ORDER
    above: int = NEVER
    below: int = 0
    used: int = 0  # entry margin of what is open

    @property
    def left(self) -> int:
        return self.size - self.closed


class Oracle(Ledger):
    def __init__(self, instruments: tuple[Instrument, ...]) -> None:
        super().__init__(instruments)
        self.leads: dict[int, Lead] = {}
        self.positions: list[LeadPosition] = []
        self.relations: list[Relation] = []
        self.pending: set[tuple[int, int]] = set()  # (account, instrument) with resting orders
        self.ids: dict[int, LeadPosition | Copy] = {}  # by subPosId
        self.flow: deque[Flow] = deque()
        self.events: deque[Event] = deque()

    # The step ---------------------------------------------------------------------------------

    def follow(self, body: inputs.Input) -> None:
        """Do what an input leads to, after the command itself was followed."""
        self.take_passes()
        self._drain()
        if isinstance(body, inputs.MarketTick):
            self._triggers(body)
            self._drain()
            self._loss_limits()
            self._drain()
        assert not self.flow, f"the engine did more than the rules ask: {self.flow}"

    def take_passes(self, reduces: int | None = None) -> None:
        """Book the single orders that filled next."""
        while self.flow and isinstance(self.flow[0], Pass):
            met = self.flow[0]
            if reduces is None and met.taker and met.taker[0].cause in (TAKE_PROFIT, STOP_LOSS):
                return  # comes later: a lead trader's own stop
            self.flow.popleft()
            for match in met.makers:
                self.events.append(self.book([match], None))
            if met.taker:
                self.events.append(self.book(met.taker, reduces))
            if reduces is not None:
                return

    def _drain(self) -> None:
        """Take up what single orders did, in their order, copy traders' own closes first."""
        while self.events:
            first = (e for e in self.events if e.closed and e.match.account not in self.leads)
            event = next(first, self.events[0])
            self.events.remove(event)
            if event.closed:
                self._after_close(event)
            lead = self.leads.get(event.match.account)
            if event.opened and lead is not None and event.match.book[0] in lead.led:
                self._after_open(event, lead)

    # A lead trader opens: 3, 4, 5 -------------------------------------------------------------

    def _after_open(self, event: Event, lead: Lead) -> None:
        match = event.match
        mine = [p for p in self.positions if p.order == match.order]
        if mine and not (mine[-1].size and mine[-1].left == 0):
            position = mine[-1]
        else:
            position = self._new_position(match, lead)
        if not position.led:
            return
        self._fan_out(position, event.opened, event.opened_value)
        position.size += event.opened
        position.cost += event.opened_value
        self.accounts[match.account].position(match.book).linked += event.opened
        assert self.flow.popleft() == Mark(position.row)

    def _new_position(self, match: Match, lead: Lead) -> LeadPosition:
        """One lead order is one lead position; who copies now has a row in it (3.2, 3.9)."""
        row = len(self.positions)
        position = LeadPosition(row, lead, match.book, match.side, match.order, match.ordered)
        self.positions.append(position)
        for account in sorted(lead.relations):
            relation = lead.relations[account]
            if relation.state is RelationState.ACTIVE:
                copy = position.copies[account] = Copy(relation, position)
                relation.copies.append(copy)
        position.led = self.equity(match.account) >= LEAD_MIN_EQUITY_E8
        if not position.led:
            for copy in position.copies.values():
                copy.reason = NoCopyReason.LEAD_TRADE_NOT_LED
        return position

    def _fan_out(self, position: LeadPosition, lots: int, value: int) -> None:
        unit = self.unit(position.book[0])
        price = Fraction(value, lots * unit)
        if position.direction > 0:  # OPEN-5 and OPEN-8
            limit = floor(price * (1 + GUARD))
            reference = Fraction(limit * unit)
        else:
            limit = ceil(price * (1 - GUARD))
            reference = price * unit
        asked: list[tuple[Copy, int]] = []
        for copy in position.copies.values():
            live = copy.relation.state is RelationState.ACTIVE
            leaving = copy.owed and copy.owed == copy.left
            if not live or copy.state > CopyState.OPEN or leaving:
                continue
            self._size(copy, lots, reference, asked)
        if not asked:
            return
        total = sum(wanted for _, wanted in asked)
        got_lots, got_value, told = self._bunched(position, FillCause.COPY_OPEN, total)
        if got_lots:
            edge = limit * unit * got_lots
            within = got_value <= edge if position.direction > 0 else got_value >= edge
            assert within, "copies filled beyond the price guard"
        parts = ledger.share(got_lots, [wanted for _, wanted in asked])
        values = ledger.share(got_value, parts) if got_lots else parts
        for (copy, wanted), part, part_value in zip(asked, parts, values, strict=True):
            if part < wanted:
                copy.reason = NoCopyReason.PRICE_GUARD
            if part:
                assert told.pop(copy.relation.account) == (part, part_value)
                self._open(copy, part, part_value)
        assert not told

    def _size(
        self, copy: Copy, lots: int, reference: Fraction, asked: list[tuple[Copy, int]]
    ) -> None:
        """Find the next part of a copy, or why there is none; nothing is shrunk (4.1 to 4.13)."""
        position, settings = copy.position, copy.relation.settings
        instrument = self.instruments[position.book[0]]
        if copy.state is not CopyState.OPEN:
            copy.book = self._place(copy)
        account = self.accounts[copy.relation.account]
        assert copy.book is not None
        copy.lever = account.levers.get(copy.book, DEFAULT_LEVER)
        filled = position.size + lots
        if settings.copy_mode is CopyMode.RATIO_COPY:
            target = floor(Fraction(settings.copy_ratio_ppm, 10**6) * filled)
        else:
            whole = floor(settings.copy_amt_e8 * copy.lever / reference)
            target = floor(Fraction(whole * filled, max(filled, position.ordered)))
        most = min(instrument.max_market_lots, floor(MAX_COPY_VALUE_E8 / reference))
        wanted = min(target, most) - copy.target
        reason = self._reason(copy, wanted, target > most, reference)
        if reason is NoCopyReason.NONE:
            asked.append((copy, wanted))
        if reason is not NoCopyReason.BELOW_MIN_SIZE:  # too small now may be enough later (OPEN-6)
            copy.target += max(wanted, 0)
        elif wanted <= 0 and (copy.size or copy.reason):
            return  # nothing was asked of this slice: what was said of the last one stands
        copy.reason = reason

    def _reason(self, copy: Copy, wanted: int, over: bool, reference: Fraction) -> NoCopyReason:
        """The first rule that stands in the way; NONE if none does."""
        relation, inst = copy.relation, copy.position.book[0]
        need = ceil(max(wanted, 0) * reference / copy.lever)
        fee = ledger.taker_fee(floor(max(wanted, 0) * reference))
        assert copy.book is not None
        held = self.accounts[relation.account].position(copy.book).lots
        if held * copy.position.direction < 0:
            return NoCopyReason.OPPOSITE_POSITION
        if relation.chosen is not None and inst not in relation.chosen:
            return NoCopyReason.INSTRUMENT_NOT_ENABLED
        if wanted < self.instruments[inst].min_lots:
            return NoCopyReason.BELOW_MIN_SIZE
        if over:
            return NoCopyReason.ABOVE_MAX_SIZE
        if sum(c.used for c in relation.copies) + need > relation.settings.copy_total_amt_e8:
            return NoCopyReason.COPY_TOTAL_AMT_REACHED
        if self.available(relation.account) < need + fee:
            return NoCopyReason.INSUFFICIENT_MARGIN
        return NoCopyReason.NONE

    def _place(self, copy: Copy) -> Book:
        inst, lead_mode, _ = copy.position.book
        chosen = copy.relation.settings.copy_mgn_mode
        mode = lead_mode if chosen is CopyMgnMode.COPY else MgnMode(int(chosen))
        if not self.accounts[copy.relation.account].hedged:
            return inst, mode, PosSide.NET
        return inst, mode, PosSide.LONG if copy.position.direction > 0 else PosSide.SHORT

    def _open(self, copy: Copy, lots: int, value: int) -> None:
        account, fee = self.accounts[copy.relation.account], ledger.taker_fee(value)
        assert copy.book is not None
        held, sign = account.position(copy.book), copy.position.direction
        held.lots += sign * lots
        held.cost += sign * value
        held.linked += lots
        held.lever = copy.lever
        account.cash -= fee
        copy.state = CopyState.OPEN
        copy.size += lots
        copy.cost += value
        margin = ceil(Fraction(value, copy.lever))
        copy.margin, copy.used = copy.margin + margin, copy.used + margin
        copy.fees += fee
        self._levels(copy)

    def _levels(self, copy: Copy) -> None:
        """Returns on margin become prices: from the average, whole ticks away from it (7.6)."""
        settings, unit = copy.relation.settings, self.unit(copy.position.book[0])
        entry = floor(Fraction(copy.cost, copy.size * unit) + Fraction(1, 2))
        tp = ceil(Fraction(entry * settings.tp_ratio_ppm, copy.lever * 10**6))
        sl = ceil(Fraction(entry * settings.sl_ratio_ppm, copy.lever * 10**6))
        up, down = (tp, sl) if copy.position.direction > 0 else (sl, tp)
        copy.above = entry + up if up else copy.above
        copy.below = max(entry - down, 0) if down else copy.below

    # Closes: 6, 7 -----------------------------------------------------------------------------

    def _after_close(self, event: Event) -> None:
        account = self.accounts[event.match.account]
        held = account.position(event.match.book)
        if self._led(event):
            self._shrink_lead(event, held, self._led(event))
        elif held.linked:
            over = held.linked - (0 if event.opened else abs(held.lots))
            self._shrink_copies(event, held, over)

    def _led(self, event: Event) -> list[LeadPosition]:
        """Open lead positions in the place where a single order filled, oldest first."""
        account, book = event.match.account, event.match.book
        mine = [p for p in self.positions if p.lead.account == account and p.book == book]
        return [p for p in mine if p.left]

    def _shrink_lead(self, event: Event, held: Position, found: list[LeadPosition]) -> None:
        """First in, first out, unless one is named (OPEN-14); copies follow (6.7)."""
        named = [p for p in found if p.row == event.reduces]
        left = min(event.closed, held.linked)
        for position in named or found:
            part = min(left, position.left)
            if not part:
                continue
            left -= part
            position.closed += part
            position.closed_value += event.closed_value * part // event.closed
            held.linked -= part
            if not position.left:
                position.tp = position.sl = 0
            assert self.flow.popleft() == Mark(position.row)
            self._follow(position)

    def _follow(self, position: LeadPosition) -> None:
        """Close the same fraction, cumulative, rounded half up; all of it at the end (OPEN-15)."""
        due: list[tuple[Copy, int]] = []
        for copy in position.copies.values():
            if copy.state is not CopyState.OPEN:
                continue
            part = Fraction(copy.size * position.closed, position.size)
            target = floor(part + Fraction(1, 2)) if position.left else copy.size
            wanted = max(min(target - copy.closed, copy.left), copy.owed)
            if wanted > 0:
                due.append((copy, wanted))
        self.close(position, due, FillCause.COPY_CLOSE)

    def close(self, position: LeadPosition, due: list[tuple[Copy, int]], cause: FillCause) -> None:
        """One bunched market order; what the book cannot take is owed (6.9, OPEN-7, OPEN-16)."""
        if not due:
            return
        lots, value, told = self._bunched(position, cause, sum(wanted for _, wanted in due))
        parts = ledger.share(lots, [wanted for _, wanted in due])
        values = ledger.share(value, parts) if lots else parts
        for (copy, wanted), part, part_value in zip(due, parts, values, strict=True):
            if part:
                assert told.pop(copy.relation.account) == (part, part_value)
                account = self.accounts[copy.relation.account]
                assert copy.book is not None
                held, fee = account.position(copy.book), ledger.taker_fee(part_value)
                account.cash += ledger.reduce(held, part, part_value) - fee
                self._record(copy, part, part_value, fee, cause)
            copy.owed = wanted - part
            if copy.owed:
                copy.cause = cause
        assert not told

    def _record(self, copy: Copy, lots: int, value: int, fee: int, cause: FillCause) -> None:
        assert copy.book is not None
        self.accounts[copy.relation.account].position(copy.book).linked -= lots
        copy.closed += lots
        copy.closed_value += value
        copy.fees += fee
        copy.owed = max(copy.owed - lots, 0)
        copy.cause = cause
        copy.used = copy.margin - copy.margin * copy.closed // copy.size
        entry = copy.cost * copy.closed // copy.size
        copy.pnl = copy.position.direction * (copy.closed_value - entry)
        if not copy.left:
            copy.state = CopyState.CLOSED
            self._settle(copy.relation)

    def _shrink_copies(self, event: Event, held: Position, over: int) -> None:
        """The copy trader's own quantity goes first, then his copies, oldest first (OPEN-11)."""
        account, book = event.match.account, event.match.book
        mine = [p.copies[account] for p in self.positions if account in p.copies]
        for copy in mine:
            if copy.state is CopyState.OPEN and copy.book == book and over > 0:
                part = min(over, copy.left)
                over -= part
                value = event.closed_value * part // event.closed
                fee = event.fee * part // (event.closed + event.opened)
                self._record(copy, part, value, fee, event.match.cause)

    def _triggers(self, tick: inputs.MarketTick) -> None:
        for inst in ledger.numbers(tick.inst_rows):
            last = self.last[inst]
            for position in [p for p in self.positions if p.book[0] == inst]:
                owing = [c for c in position.copies.values() if c.owed]
                for cause in sorted({c.cause for c in owing}):
                    due = [(c, c.owed) for c in owing if c.cause == cause]
                    self.close(position, due, cause)
            for position in self.positions:
                if position.book[0] == inst and position.left:
                    self._stop_lead(position)
            for position in [p for p in self.positions if p.book[0] == inst]:
                long = position.direction > 0
                live = [c for c in position.copies.values() if self._watched(c)]
                up = [(c, c.left) for c in live if c.above <= last]
                down = [(c, c.left) for c in live if c.below >= last]
                self.close(position, up, TAKE_PROFIT if long else STOP_LOSS)
                self.close(position, down, STOP_LOSS if long else TAKE_PROFIT)

    @staticmethod
    def _watched(copy: Copy) -> bool:
        return copy.state is CopyState.OPEN and copy.owed < copy.left

    def _stop_lead(self, position: LeadPosition) -> None:
        last, sign = self.last[position.book[0]], position.direction
        took = position.tp and (last - position.tp) * sign >= 0
        stopped = position.sl and (last - position.sl) * sign <= 0
        if took or stopped:
            position.tp = position.sl = 0
            self.take_passes(reduces=position.row)

    def _bunched(
        self, position: LeadPosition, cause: FillCause, asked: int
    ) -> tuple[int, int, dict[int, tuple[int, int]]]:
        """What the bunched order got: lots and value; both 0 if the book had nothing for it."""
        head = self.flow[0] if self.flow else None
        if not isinstance(head, Bunch) or (head.position, head.cause) != (position.row, cause):
            return 0, 0, {}
        self.flow.popleft()
        for match in head.makers:
            self.events.append(self.book([match], None))
        assert head.lots <= asked, "the bunched order was larger than all copies together"
        return head.lots, head.value, dict(head.parts)

    # Ends: 7.8, 8, 9 --------------------------------------------------------------------------

    def _loss_limits(self) -> None:
        over = [r for r in self.relations if r.limit() and self._net(r) <= -r.limit()]
        for relation in over:
            self.end(relation, EndCause.SL_TOTAL, relation.settings.sub_pos_close_type)

    def _net(self, relation: Relation) -> Fraction:
        """Realised less fees, and what the open copies are up at mark (OPEN-19)."""
        total = Fraction(sum(copy.pnl - copy.fees for copy in relation.copies))
        for copy in relation.open():
            inst = copy.position.book[0]
            entry = Fraction(copy.cost * copy.left, copy.size)
            total += copy.position.direction * (
                copy.left * self.mark[inst] * self.unit(inst) - entry
            )
        return total

    def end(self, relation: Relation, cause: EndCause, way: SubPosCloseType) -> None:
        """No new copies from here on; what is open goes the way that was chosen (8.2)."""
        relation.state, relation.cause = RelationState.CLOSING, cause
        why = FillCause.SL_TOTAL if cause is EndCause.SL_TOTAL else FillCause.STOP_COPYING
        for copy in relation.open():
            if way is SubPosCloseType.MARKET_CLOSE:
                self.close(copy.position, [(copy, copy.left)], why)
            elif way is SubPosCloseType.MANUAL_CLOSE:
                assert copy.book is not None
                self.accounts[relation.account].position(copy.book).linked -= copy.left
                copy.state, copy.owed, copy.used = CopyState.RELEASED, 0, 0
        self._settle(relation)

    def _settle(self, relation: Relation) -> None:
        if relation.state is RelationState.CLOSING and not relation.open():
            relation.state = RelationState.ENDED
        account = self.accounts[relation.account]
        mine = [r for r in self.relations if r.account == relation.account]
        if all(r.state is RelationState.ENDED for r in mine) and account.role is RoleType.COPY:
            account.role = RoleType.GENERAL
