"""Every bound of the system on one page, so that products of columns can be proved to fit int64.

What lives here: hard limits (engine safety) and the published copy-trading ranges (configuration).
What it may touch: nothing.
Always true: `MAX_VALUE_E8 * RATIO_ONE` is never formed; `muldiv` in `amounts` is used instead.
Start reading: the engine bounds, then `CopyRanges`.
"""

import msgspec

INT64_MAX = 2**63 - 1

# Engine bounds: each is asserted where text becomes integer (handlers) or where arrays are
# multiplied.
MAX_PX_TICKS = 10**12
MAX_SIZE_LOTS = 3_000_000_000  # square still fits int64: pro-rata products are size x size
MAX_VALUE_E8 = 9 * 10**16  # 900 million USDT in one position or one bunched order
MAX_BALANCE_E8 = 9 * 10**17
MAX_TICK_VOLUME_LOTS = 10**12  # traded elsewhere in one tick; a day of ticks fits int64
MAX_COPY_RATIO_PPM = 100 * 10**6
MAX_ACCOUNTS = 2**24
MAX_ORDERS_PENDING_PER_ACCOUNT = 500
MAX_MAKERS_PER_TAKER = 1_000  # resting orders that one order may meet
MAX_LIQUIDITY_LEVELS = 16
MAX_BATCH_INPUTS = 512
MAX_INBOX = 4096
MAX_BODY_BYTES = 64 * 1024
MAX_INSTRUMENTS_PER_LIST = 4096
MAX_TEXT_ID = 32
MAX_TAG = 16
MAX_NAME = 48
ORDER_HISTORY_ROWS = (
    1 << 20
)  # terminal orders and fills kept in State; older ones are trimmed by halves
CANDLE_RING_MINUTES = 1440

RATIO_ONE = 1_000_000
PRICE_BAND_PPM = 50_000  # buys at most this much above mark, sells at most this much below
CALM_PPM = 2**31 - 1  # calm of an account that holds nothing
RISK_PASS_PPM = 5_000  # move of a mark after which its holders are looked at anew
PRICE_GUARD_PPM = 5_000  # rules 3.8: 0.5 %
DEFAULT_LEVER = 3  # rules OPEN-10
DEFAULT_HALF_SPREAD_PPM = 50
DEFAULT_LEVEL_VALUE_E8 = 100_000 * 10**8
DEFAULT_LEVEL_COUNT = 10
DEFAULT_FUNDING_INTERVAL_MS = 8 * 3_600_000
DEFAULT_TAKER_FEE_PPM = 500
DEFAULT_MAKER_FEE_PPM = 200
DEFAULT_SPOT_TAKER_FEE_PPM = 1_000
DEFAULT_SPOT_MAKER_FEE_PPM = 800
DEFAULT_PROFIT_SHARING_PPM = 100_000
DEFAULT_MAX_COPIERS = 100_000
MAX_COPY_VALUE_E8 = 10**16  # 100 million USDT in one copy of one slice; fees of it still fit int64
LEAD_MIN_EQUITY_E8 = 500 * 10**8  # rules 12.2: below it a lead order is not led (infoType 3)
LEAD_POSITIONS_PER_DAY = 5_000  # rules 12.2 (infoType 2)
LEAD_POSITION_CAP_E8 = {  # rules 12.2: USDT value per instrument (infoType 1), by base currency
    "BTC": 50_000_000 * 10**8,
    "ETH": 50_000_000 * 10**8,
    "SOL": 5_000_000 * 10**8,
    "DOGE": 5_000_000 * 10**8,
    "PEPE": 5_000_000 * 10**8,
}
LEAD_POSITION_CAP_OTHER_E8 = 2_500_000 * 10**8
MAX_LEADS_LONG_SHORT = 10  # rules 12.3
MAX_LEADS_NET = 1


class CopyRanges(msgspec.Struct, frozen=True, gc=False):
    """Ranges of copy settings, as `public-config` publishes them (rules 4.8: configuration)."""

    min_copy_amt_e8: int = 20 * 10**8
    max_copy_amt_e8: int = 1_000 * 10**8
    max_copy_total_amt_e8: int = 30_000 * 10**8
    min_copy_ratio_ppm: int = 10_000
    max_copy_ratio_ppm: int = MAX_COPY_RATIO_PPM
    max_tp_ratio_ppm: int = 1_500_000
    max_sl_ratio_ppm: int = 750_000
