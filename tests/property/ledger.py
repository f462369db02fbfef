"""Money and positions of accounts, once more and slowly: what the oracle of copying stands on.

What lives here: positions at cost, profit, fees, equity; the records in which a step is told.
What it may touch: `model` only; nothing of the engine.
Always true: money is whole 1e-8; a close takes the cost in proportion, a whole close all of it.
Start reading: `Ledger.book`.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from copydesk.model.enums import FillCause, MgnMode, PosSide, RoleType
from copydesk.model.instruments import Instrument

TAKER, MAKER = Fraction(5, 10_000), Fraction(2, 10_000)

Book = tuple[int, MgnMode, PosSide]


class Match(NamedTuple):
    """One match of a single order, as the engine's facts tell it."""

    account: int
    book: Book
    side: int
    px: int
    lots: int
    maker: bool
    order: int
    ordered: int
    lever: int
    cause: FillCause


class Pass(NamedTuple):
    """One order's way through the book: whom it met, and its own matches."""

    makers: list[Match]
    taker: list[Match]


class Bunch(NamedTuple):
    """What one bunched order of copies got."""

    position: int
    cause: FillCause
    makers: list[Match]
    parts: dict[int, tuple[int, int]]  # what the engine told of it: lots and value by account

    @property
    def lots(self) -> int:
        return sum(lots for lots, _ in self.parts.values())

    @property
    def value(self) -> int:
        return sum(value for _, value in self.parts.values())


class Mark(NamedTuple):
    """A lead position opened, grew or shrank: what comes behind belongs to what follows from it."""

    position: int


Flow = Pass | Bunch | Mark


class Event(NamedTuple):
    """A single order filled: what it closed and opened, for copying to take up."""

    match: Match
    closed: int
    closed_value: int
    opened: int
    opened_value: int
    fee: int
    reduces: int | None


@dataclass
class Position:
    lots: int = 0
    cost: int = 0
    lever: int = 0
    linked: int = 0


@dataclass
class Account:
    cash: int = 0
    hedged: bool = False
    role: RoleType = RoleType.GENERAL
    positions: dict[Book, Position] = field(default_factory=dict)
    levers: dict[Book, int] = field(default_factory=dict)

    def position(self, book: Book) -> Position:
        return self.positions.setdefault(book, Position())


def share(total: int, weights: list[int]) -> list[int]:
    """Split by largest remainder, ties to the earlier one."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [floor(part) for part in exact]
    ranked = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in ranked[: total - sum(parts)]:
        parts[at] += 1
    return parts


def numbers(packed: bytes) -> list[int]:
    """Read the little-endian int64 of a tick."""
    return [int.from_bytes(packed[at : at + 8], "little") for at in range(0, len(packed), 8)]


def taker_fee(value: int) -> int:
    return ceil(value * TAKER)


def reduce(position: Position, lots: int, value: int) -> int:
    """Take `lots` out of a position for `value`; gives the profit."""
    sign = 1 if position.lots > 0 else -1
    removed = abs(position.cost) * lots // abs(position.lots)
    position.lots -= sign * lots
    position.cost -= sign * removed
    return sign * (value - removed)


class Ledger:
    def __init__(self, instruments: tuple[Instrument, ...]) -> None:
        self.instruments = instruments
        self.last = [0] * len(instruments)
        self.mark = [0] * len(instruments)
        self.accounts: dict[int, Account] = {}

    def unit(self, inst: int) -> int:
        """Value of one lot at a price of one tick."""
        return self.instruments[inst].value_num

    def book(self, matches: list[Match], reduces: int | None) -> Event:
        """Close what points the other way first, then open the rest; the fee comes on top."""
        closed = closed_value = opened = opened_value = fees = 0
        for match in matches:
            account = self.accounts[match.account]
            position = account.position(match.book)
            value = match.px * match.lots * self.unit(match.book[0])
            against = position.lots * match.side < 0
            part = min(match.lots, abs(position.lots)) if against else 0
            part_value = value * part // match.lots
            if part:
                account.cash += reduce(position, part, part_value)
            rest, rest_value = match.lots - part, value - part_value
            if rest:
                position.lots += match.side * rest
                position.cost += match.side * rest_value
                position.lever = match.lever
            fee = ceil(value * (MAKER if match.maker else TAKER))
            account.cash -= fee
            closed, closed_value = closed + part, closed_value + part_value
            opened, opened_value = opened + rest, opened_value + rest_value
            fees += fee
        return Event(matches[-1], closed, closed_value, opened, opened_value, fees, reduces)

    def equity(self, account: int) -> int:
        """Cash outside isolated positions, and what the cross ones are up at mark."""
        total = self.accounts[account].cash
        for (inst, mode, _), held in self.accounts[account].positions.items():
            if mode is MgnMode.CROSS:
                total += held.lots * self.mark[inst] * self.unit(inst) - held.cost
            elif held.cost:
                total -= ceil(Fraction(abs(held.cost), held.lever))
        return total

    def available(self, account: int) -> int:
        """Equity less the margins of cross positions (copy traders here rest no orders)."""
        total = self.equity(account)
        for (_, mode, _), held in self.accounts[account].positions.items():
            if mode is MgnMode.CROSS and held.cost:
                total -= ceil(Fraction(abs(held.cost), held.lever))
        return total
