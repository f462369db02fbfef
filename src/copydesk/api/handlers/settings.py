"""Copy settings: text to integers, with the ranges that the platform publishes.

What lives here: reading and checking first-copy-settings and amend-copy-settings.
What it may touch: `wire`, `handlers.names`, `model`.
Always true: only the amount that the mode uses is kept; the ranges are configuration (rules 4.8).
Start reading: `read_settings`.
"""

from copydesk.api.desk import Desk
from copydesk.api.handlers.names import instrument_rows
from copydesk.api.wire import copytrading as wire
from copydesk.model.amounts import format_scaled, parse_scaled
from copydesk.model.enums import CopyInstIdType, CopyMode
from copydesk.model.inputs import CopySettings
from copydesk.model.limits import MAX_BALANCE_E8, CopyRanges
from copydesk.model.rejects import Code, Reject


def read_settings(desk: Desk, request: wire.CopySettings) -> CopySettings | Reject:
    """Read and check settings (rules 4.8, 4.9).

    Rejects: 50014 {copyAmt, copyRatio, instId} missing for the mode, 51000 out of range or finer
    than can be held, 59259 copyRatio, 59270 total below amount, 59130 tpRatio, 51001 instrument.
    """
    refused = _missing(request)
    if refused is not None:
        return refused
    money = _money(desk.ranges, request)
    if isinstance(money, Reject):
        return money
    ratios = _ratios(desk.ranges, request)
    if isinstance(ratios, Reject):
        return ratios
    rows = _instruments(desk, request)
    if isinstance(rows, Reject):
        return rows
    copy_amt, copy_total_amt, sl_total_amt = money
    copy_ratio, tp_ratio, sl_ratio = ratios
    return CopySettings(
        copy_mgn_mode=request.copy_mgn_mode,
        copy_mode=request.copy_mode,
        copy_amt_e8=copy_amt,
        copy_ratio_ppm=copy_ratio,
        copy_total_amt_e8=copy_total_amt,
        tp_ratio_ppm=tp_ratio,
        sl_ratio_ppm=sl_ratio,
        sl_total_amt_e8=sl_total_amt,
        sub_pos_close_type=request.sub_pos_close_type,
        inst_rows=rows,
        tag=request.tag,
    )


def _missing(request: wire.CopySettings) -> Reject | None:
    fixed = request.copy_mode is CopyMode.FIXED_AMOUNT
    if fixed and request.copy_amt is None:
        return Reject(Code.PARAMETER_MISSING, ("copyAmt",))
    if not fixed and request.copy_ratio is None:
        return Reject(Code.PARAMETER_MISSING, ("copyRatio",))
    if request.copy_inst_id_type is CopyInstIdType.CUSTOM and request.inst_id is None:
        return Reject(Code.PARAMETER_MISSING, ("instId",))
    return None


def _money(ranges: CopyRanges, request: wire.CopySettings) -> tuple[int, int, int] | Reject:
    """Read copyAmt (0 in ratio mode), copyTotalAmt, slTotalAmt."""
    amount = 0
    total = parse_scaled(request.copy_total_amt, 8)
    if total is None:
        return Reject(Code.PARAMETER_ERROR, ("copyTotalAmt",))
    if request.copy_mode is CopyMode.FIXED_AMOUNT:
        read = parse_scaled(request.copy_amt or "", 8)
        if read is None or not ranges.min_copy_amt_e8 <= read <= ranges.max_copy_amt_e8:
            return Reject(Code.PARAMETER_ERROR, ("copyAmt",))
        amount = read
        if total < amount:
            return Reject(Code.TOTAL_BELOW_AMOUNT)
    if not ranges.min_copy_amt_e8 <= total <= ranges.max_copy_total_amt_e8:
        return Reject(Code.PARAMETER_ERROR, ("copyTotalAmt",))
    stop = parse_scaled(request.sl_total_amt, 8)
    if stop is None or stop > MAX_BALANCE_E8:
        return Reject(Code.PARAMETER_ERROR, ("slTotalAmt",))
    return amount, total, stop


def _ratios(ranges: CopyRanges, request: wire.CopySettings) -> tuple[int, int, int] | Reject:
    """Read copyRatio (0 in amount mode), tpRatio, slRatio."""
    ratio = 0
    if request.copy_mode is CopyMode.RATIO_COPY:
        read = parse_scaled(request.copy_ratio or "", 6)
        if read is None or not ranges.min_copy_ratio_ppm <= read <= ranges.max_copy_ratio_ppm:
            return Reject(Code.COPY_RATIO_OUT_OF_RANGE)
        ratio = read
    take_profit = parse_scaled(request.tp_ratio, 6)
    if take_profit is None:
        return Reject(Code.PARAMETER_ERROR, ("tpRatio",))
    if take_profit > ranges.max_tp_ratio_ppm:
        percent = format_scaled(ranges.max_tp_ratio_ppm, 4)
        return Reject(Code.TP_RATIO_ABOVE_MAX, (percent,))
    stop_loss = parse_scaled(request.sl_ratio, 6)
    if stop_loss is None or stop_loss > ranges.max_sl_ratio_ppm:
        return Reject(Code.PARAMETER_ERROR, ("slRatio",))
    return ratio, take_profit, stop_loss


def _instruments(desk: Desk, request: wire.CopySettings) -> tuple[int, ...] | Reject | None:
    """Find the instruments of a custom list; None: follow the lead trader's list."""
    if request.copy_inst_id_type is CopyInstIdType.COPY or request.inst_id is None:
        return None
    return instrument_rows(desk, request.inst_id)
