"""Trading fees: what a fill costs, and where it goes.

What lives here: the fee of one fill and of many, and the charge to the house.
What it may touch: `engine.state`, `model`.
Always true: fees are rounded up; what an account pays is what HOUSE receives.
Start reading: `fee_e8`.
"""

import numpy as np

from copydesk.engine.state import HOUSE, State
from copydesk.engine.table import I64, span
from copydesk.model.amounts import ceil_div, checked_mul
from copydesk.model.enums import InstType
from copydesk.model.instruments import Instrument
from copydesk.model.limits import (
    DEFAULT_MAKER_FEE_PPM,
    DEFAULT_SPOT_MAKER_FEE_PPM,
    DEFAULT_SPOT_TAKER_FEE_PPM,
    DEFAULT_TAKER_FEE_PPM,
    RATIO_ONE,
)


def fee_ppm(instrument: Instrument, maker: bool) -> int:
    """Fee rate in ppm of the value: OKX's regular tier."""
    if instrument.inst_type is InstType.SWAP:
        return DEFAULT_MAKER_FEE_PPM if maker else DEFAULT_TAKER_FEE_PPM
    return DEFAULT_SPOT_MAKER_FEE_PPM if maker else DEFAULT_SPOT_TAKER_FEE_PPM


def fee_e8(instrument: Instrument, value_e8: int, maker: bool) -> int:
    """Fee of one fill, rounded up, in the currency of the value."""
    return ceil_div(value_e8 * fee_ppm(instrument, maker), RATIO_ONE)


def taker_fees_e8(instrument: Instrument, value_e8: I64) -> I64:
    """Taker fees of many fills, int64[N], rounded up each."""
    fees = checked_mul(value_e8, fee_ppm(instrument, maker=False))
    np.add(fees, RATIO_ONE - 1, out=fees)
    return np.floor_divide(fees, RATIO_ONE, out=fees)


def charge(state: State, account_row: int, ccy_row: int, fee_e8: int) -> None:
    """Move a fee from an account to HOUSE."""
    cash = state.wallet(ccy_row).cash_e8
    cash[account_row] -= fee_e8
    cash[HOUSE] += fee_e8


def charge_many(state: State, account_rows: I64, ccy_row: int, fees: I64) -> None:
    """Move fees from many accounts (no row twice) to HOUSE."""
    cash = state.wallet(ccy_row).cash_e8
    cash[span(account_rows, rising=True)] -= fees
    cash[HOUSE] += int(fees.sum())
