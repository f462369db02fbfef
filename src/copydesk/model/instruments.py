"""Instruments: what is traded, with the integer units of its prices and sizes.

What lives here: `Instrument`, built from one row of OKX's `public/instruments`, and the currency
list.
What it may touch: `amounts`, `enums`.
Always true: value_e8 = px_ticks x size_lots x value_num / value_den; for swaps value_den is 1
(exact).
Start reading: `Instrument.from_wire`, `value_e8`.
"""

from collections.abc import Mapping, Sequence
from math import gcd

import msgspec

from copydesk.model.amounts import E8, format_ratio, format_scaled, parse_scaled
from copydesk.model.enums import InstType
from copydesk.model.limits import MAX_SIZE_LOTS


class Step(msgspec.Struct, frozen=True, gc=False):
    """A tick or lot size: mantissa x 10**-scale."""

    mantissa: int
    scale: int

    @classmethod
    def from_text(cls, text: str) -> "Step":
        """Read "0.1", "5", "0.00001"; the scale is the number of significant decimals."""
        scale = len(text.partition(".")[2].rstrip("0"))
        mantissa = parse_scaled(text, scale)
        if mantissa is None or mantissa <= 0:
            raise ValueError(f"not a step: {text!r}")
        return cls(mantissa, scale)

    def count(self, text: str) -> int | None:
        """Turn decimal text into a whole number of steps; None if malformed or not a multiple."""
        value = parse_scaled(text, self.scale)
        if value is None or value % self.mantissa:
            return None
        return value // self.mantissa

    def floor_count(self, text: str) -> int | None:
        """Turn decimal text into steps rounding down; None if malformed."""
        whole, point, fraction = text.partition(".")
        value = parse_scaled(whole + point + fraction[: self.scale], self.scale)
        if value is None or not (fraction + "0").isdecimal():
            return None
        return value // self.mantissa

    def text(self, count: int) -> str:
        """Print a number of steps as decimal text."""
        return format_scaled(count * self.mantissa, self.scale)


class Instrument(msgspec.Struct, frozen=True, gc=False):
    """One tradable instrument; `row` is its index everywhere in State. `wire` keeps OKX's own
    fields as text."""

    row: int
    inst_id: str
    inst_type: InstType
    inst_family: str
    base_ccy: str  # of a swap: the contract value currency
    quote_ccy: str
    settle_ccy: str  # of spot: the quote currency
    tick: Step
    lot: Step
    min_lots: int
    max_market_lots: int
    max_limit_lots: int
    max_lever: int
    value_num: int
    value_den: int
    base_lot_e8: int  # spot: base currency of one lot, 1e-8; swap: 0
    tradable: bool  # linear swaps and spot; inverse swaps are listed but not traded yet
    mmr_ppm: int
    inst_id_code: int
    wire: Mapping[str, str]

    @classmethod
    def from_wire(cls, row: int, fields: Mapping[str, str]) -> "Instrument":
        """Build from OKX's field names and text values (data as `public/instruments` answers)."""
        swap = fields["instType"] == "SWAP"
        tick, lot = Step.from_text(fields["tickSz"]), Step.from_text(fields["lotSz"])
        linear = not swap or fields["ctType"] == "linear"
        contract = Step.from_text(fields["ctVal"]) if swap else Step(1, 0)
        multiplier = Step.from_text(fields["ctMult"]) if swap else Step(1, 0)
        num = tick.mantissa * lot.mantissa * contract.mantissa * multiplier.mantissa * E8
        den = 10 ** (tick.scale + lot.scale + contract.scale + multiplier.scale)
        common = gcd(num, den)
        lever = int(fields["lever"] or "1")
        family = fields["instFamily"]
        base, _, quote = (family or fields["instId"]).partition("-")
        return cls(
            row=row,
            inst_id=fields["instId"],
            inst_type=InstType.SWAP if swap else InstType.SPOT,
            inst_family=family,
            base_ccy=base if swap else fields["baseCcy"],
            quote_ccy=quote if swap else fields["quoteCcy"],
            settle_ccy=fields["settleCcy"] if swap else fields["quoteCcy"],
            tick=tick,
            lot=lot,
            min_lots=_lots(lot, fields["minSz"], 1),
            max_market_lots=_lots(lot, fields["maxMktSz"], MAX_SIZE_LOTS),
            max_limit_lots=_lots(lot, fields["maxLmtSz"], MAX_SIZE_LOTS),
            max_lever=lever,
            value_num=num // common,
            value_den=den // common,
            base_lot_e8=0 if swap else lot.mantissa * E8 // 10**lot.scale,
            tradable=linear,
            mmr_ppm=400_000 // lever if swap else 0,
            inst_id_code=int(fields["instIdCode"] or "0"),
            wire=dict(fields),
        )

    def value_e8(self, px_ticks: int, size_lots: int) -> int:
        """Value of `size_lots` at `px_ticks` in 1e-8 of the settle (spot: quote) currency,
        rounded down."""
        return px_ticks * size_lots * self.value_num // self.value_den

    def average_text(self, value_e8: int, size_lots: int) -> str:
        """Print the average price of a value over a size, 16 decimals at most; "" for no size.

        Swap values are exact. Spot values were rounded down to 1e-8: a whole tick that gives
        this value is preferred, so that one fill at one price prints that price.
        """
        if size_lots == 0:
            return ""
        if self.value_den != 1:
            ticks = -(-value_e8 * self.value_den // (size_lots * self.value_num))
            if self.value_e8(ticks, size_lots) == value_e8:
                return self.tick.text(ticks)
        numerator = value_e8 * self.value_den * self.tick.mantissa
        return format_ratio(numerator, size_lots * self.value_num * 10**self.tick.scale)


def _lots(lot: Step, text: str, default: int) -> int:
    count = lot.floor_count(text) if text else default
    return default if count is None else min(count, MAX_SIZE_LOTS)


class InstrumentTable(msgspec.Struct, frozen=True, gc=False):
    """All instruments in row order, and the currencies in row order (row 0 is USDT)."""

    instruments: tuple[Instrument, ...]
    currencies: tuple[str, ...]

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, str]]) -> "InstrumentTable":
        """Build the table: instruments numbered as given (swaps and spot), currencies by first
        appearance after USDT."""
        instruments = tuple(Instrument.from_wire(row, fields) for row, fields in enumerate(rows))
        currencies = {"USDT": None}
        for instrument in instruments:
            for ccy in (instrument.settle_ccy, instrument.base_ccy, instrument.quote_ccy):
                currencies.setdefault(ccy, None)
        return cls(instruments, tuple(currencies))
