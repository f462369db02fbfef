"""Text to integer and integer to text, and the checked products of integers.

What lives here: the one place where decimal text becomes an integer, and back; `muldiv` for
columns.
What it may touch: NumPy, `limits`.
Always true: exact or refused; nothing is rounded in silence, no float appears.
Start reading: `parse_scaled`, `muldiv_floor`.
"""

import re

import numpy as np
import numpy.typing as npt

from copydesk.model.limits import INT64_MAX

I64 = npt.NDArray[np.int64]

E8 = 100_000_000
_DECIMAL = re.compile(r"-?(?:[0-9]{1,24}(?:\.[0-9]{0,24})?|\.[0-9]{1,24})", re.ASCII)


def parse_scaled(text: str, scale: int) -> int | None:
    """Parse decimal text into an integer of 10**-scale units; None if malformed or finer than the
    scale.

    Plain decimals only: no exponent, no sign but a leading minus, no blanks (clients send plain
    decimals).
    """
    if _DECIMAL.fullmatch(text) is None:
        return None
    negative = text.startswith("-")
    whole, _, fraction = text.lstrip("-").partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > scale:
        return None
    value = int((whole or "0") + fraction.ljust(scale, "0"))
    if value > INT64_MAX:
        return None
    return -value if negative else value


def format_scaled(value: int, scale: int) -> str:
    """Print an integer of 10**-scale units as plain decimal text without trailing zeros."""
    if scale == 0:
        return str(value)
    sign = "-" if value < 0 else ""
    digits = str(abs(value)).rjust(scale + 1, "0")
    whole, fraction = digits[:-scale], digits[-scale:].rstrip("0")
    if not fraction:
        return (sign if whole != "0" else "") + whole
    return f"{sign}{whole}.{fraction}"


def format_ratio(numerator: int, denominator: int, places: int = 16) -> str:
    """Print numerator / denominator with at most `places` decimals, truncated towards zero; "" if
    undefined."""
    if denominator == 0:
        return ""
    negative = (numerator < 0) != (denominator < 0)
    value = abs(numerator) * 10**places // abs(denominator)
    return format_scaled(-value if negative else value, places)


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide rounding up; denominator > 0."""
    return -(-numerator // denominator)


def round_half_up_div(numerator: int, denominator: int) -> int:
    """Divide two non-negative integers rounding half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def checked_mul(a: I64, b: I64 | int, out: I64 | None = None) -> I64:
    """Multiply columns after proving from their maxima that no product leaves int64.

    Raises OverflowError (a bug: bounds in `limits` are asserted at the door) rather than wrapping
    in silence.
    """
    if a.size:
        top_a = max(abs(int(a.max())), abs(int(a.min())))
        top_b = abs(b) if isinstance(b, int) else max(abs(int(b.max())), abs(int(b.min())))
        if top_a * top_b > INT64_MAX:
            raise OverflowError(f"column product may reach {top_a} x {top_b}")
    return np.multiply(a, b, out=out)


def muldiv_floor(value: I64, numerator: I64, denominator: I64) -> I64:
    """Compute floor(value x numerator / denominator) by element without forming value x numerator.

    Needs 0 <= numerator <= denominator, denominator > 0, value >= 0, and denominator**2 within
    int64.
    """
    quotient, rest = np.divmod(value, denominator)
    np.multiply(quotient, numerator, out=quotient)
    checked_mul(rest, numerator, out=rest)
    np.floor_divide(rest, denominator, out=rest)
    quotient += rest
    return quotient


def ceil_share(value: I64, parts: I64) -> I64:
    """Compute ceil(value / parts) by element; parts > 0. One divisor for all is the cheap and
    usual case."""
    first = int(parts[0]) if len(parts) else 1
    divisor: I64 | int = first if (parts == first).all() else parts
    raised: I64 = value + (divisor - 1)
    np.floor_divide(raised, divisor, out=raised)
    return raised


def cut_share(value: I64, part: I64, whole: I64) -> I64:
    """Compute floor(value x part / whole) by element, 0 <= part <= whole; all of it where part is
    whole."""
    if (part == whole).all():
        return value.copy()
    return muldiv_floor(value, part, whole)


def allocate_pro_rata(total: int, weights: I64) -> I64:
    """Split `total` over `weights` by largest remainder; the parts add up to `total` exactly.

    Ties go to the earlier row, so the result depends on nothing but the rows. Needs total >= 0 and
    non-negative weights with a positive sum. O(n): the cut between remainders is found by
    partition.
    """
    whole = int(weights.sum())
    if total == whole:
        return weights.copy()
    per_weight, rest = divmod(total, whole)
    if int(weights.max()) * max(per_weight, rest) > INT64_MAX:
        return _allocate_wide(total, weights)
    parts = checked_mul(weights, per_weight)
    if rest == 0:
        return parts
    scaled = checked_mul(weights, rest)
    extra = scaled // whole
    parts += extra
    missing = rest - int(extra.sum())
    if missing:
        remainders = np.subtract(scaled, extra * whole, out=scaled)
        cut = len(remainders) - missing
        border = np.partition(remainders, cut)[cut]
        above = remainders > border
        parts[above] += 1
        ties = np.flatnonzero(remainders == border)
        parts[ties[: missing - int(np.count_nonzero(above))]] += 1
    return parts


def _allocate_wide(total: int, weights: I64) -> I64:
    """`allocate_pro_rata` in Python integers, for the rare split whose products leave int64."""
    listed = [int(weight) for weight in weights]
    whole = sum(listed)
    parts = [total * weight // whole for weight in listed]
    by_remainder = sorted(range(len(listed)), key=lambda row: (-(total * listed[row] % whole), row))
    for row in by_remainder[: total - sum(parts)]:
        parts[row] += 1
    return np.array(parts, dtype=np.int64)
