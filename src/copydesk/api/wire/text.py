"""Integers to the decimal text of the wire.

What lives here: prices, sizes, amounts, ratios and times as text.
What it may touch: `model`.
Always true: plain decimals, exact or cut at 16 decimals; no float, no exponent.
Start reading: `px`, `return_on_margin`.
"""

from typing import Final

from copydesk.model.amounts import E8, format_ratio, format_scaled, round_half_up_div
from copydesk.model.instruments import Instrument

_RATIO_SCALE: Final = 16


def px(inst: Instrument, ticks: int) -> str:
    """Print a price; "" for 0, which stands for none."""
    return inst.tick.text(ticks) if ticks else ""


def sz(inst: Instrument, lots: int) -> str:
    """Print a size in contracts (swap) or coins (spot)."""
    return inst.lot.text(lots)


def amount(value_e8: int) -> str:
    """Print an amount of money."""
    return format_scaled(value_e8, 8)


def amount_or_blank(value_e8: int | None) -> str:
    """Print an amount of money; "" where it is not known."""
    return "" if value_e8 is None else format_scaled(value_e8, 8)


def ppm(value: int) -> str:
    """Print a ratio held in millionths."""
    return format_scaled(value, 6)


def ppm_or_blank(value: int) -> str:
    """Print a ratio held in millionths; "" for 0, which stands for none."""
    return format_scaled(value, 6) if value else ""


def ms(value: int) -> str:
    """Print Unix milliseconds; "" for 0, which stands for never."""
    return str(value) if value else ""


def number(value: int) -> str:
    """Print an id; "" for 0, which stands for none."""
    return str(value) if value else ""


def yes_no(value: bool) -> str:
    """Print a truth value as text."""
    return "true" if value else "false"


def one_zero(value: bool) -> str:
    """Print a truth value as "1" or "0"."""
    return "1" if value else "0"


def per(value_e8: int, part: int, whole: int) -> str:
    """Print value x part / whole, cut at 16 decimals: exact shares of an amount."""
    return format_ratio(value_e8 * part, whole * E8)


def return_on_margin(gain: int, cost: int, lever: int) -> str:
    """Print gain / (cost / lever) as OKX does; "" without cost.

    OKX rounds the change of price to 16 decimals and then multiplies by the leverage: only so do
    the last digits of its published examples come out (EX-1, EX-2).
    """
    if cost == 0:
        return ""
    change = round_half_up_div(abs(gain) * 10**_RATIO_SCALE, cost)
    return format_scaled((-change if gain < 0 else change) * lever, _RATIO_SCALE)


def margin_ratio(equity_e8: int, needed_e8: int) -> str:
    """Print equity / what is needed with four decimals; "" where nothing is."""
    return format_ratio(equity_e8, needed_e8, 4)


def coins(inst: Instrument, lots: int) -> str:
    """Print a size in the base currency: contracts x contract value x multiplier, or coins."""
    if not inst.wire["ctVal"]:
        return sz(inst, lots)
    whole, value, multiplier = (
        (inst.lot.mantissa * lots, inst.lot.scale),
        _decimal(inst.wire["ctVal"]),
        _decimal(inst.wire["ctMult"]),
    )
    scale = whole[1] + value[1] + multiplier[1]
    return format_scaled(whole[0] * value[0] * multiplier[0], scale)


def _decimal(text: str) -> tuple[int, int]:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction), len(fraction)
