"""A small exchange in process: the real engine, stepped by hand, with a clock that only tests turn.

What lives here: `World`, and the instruments that tests trade.
What it may touch: the engine, `model`, the shipped instrument table.
Always true: every step is checked by `invariants` (unless told not to); seq and time only rise.
Start reading: `World.do`.
"""

from collections.abc import Mapping
from functools import cache

import msgspec
import numpy as np

from copydesk.data import load_instruments
from copydesk.engine.genesis import new_state
from copydesk.engine.invariants import check
from copydesk.engine.state import State
from copydesk.engine.step import step
from copydesk.model import inputs
from copydesk.model.amounts import E8
from copydesk.model.enums import (
    CopyInstIdType,
    CopyMgnMode,
    CopyMode,
    InstType,
    MgnMode,
    OrdType,
    PosMode,
    PosSide,
    Side,
    SubPosCloseType,
    SubPosType,
    TdMode,
    TriggerPxType,
)
from copydesk.model.inputs import CopySettings, Input, Stamped
from copydesk.model.instruments import Instrument, InstrumentTable
from copydesk.model.outputs import AccountCreated, OrderPlaced, Output, Reply
from copydesk.model.rejects import Code, Reject

BTC, ETH, MIN, COIN, BTC_SPOT, ETH_SPOT = range(6)
BIRTH_NS = 1_777_000_000_000 * 10**6
SECOND_NS = 10**9

_NAMES = (
    "BTC-USDT-SWAP",
    "ETH-USDT-SWAP",
    "SOL-USDT-SWAP",
    "BTC-USD-SWAP",
    "BTC-USDT",
    "ETH-USDT",
)
# Opening prices in ticks: 60,000.0 and 3,000.00 and 100.00 USDT; coins as swaps.
OPENING = {BTC: 600_000, ETH: 300_000, MIN: 10_000, BTC_SPOT: 600_000, ETH_SPOT: 300_000}


@cache
def small_table() -> InstrumentTable:
    """Six instruments of the real table; the third may not be traded in less than ten lots."""
    by_name = {instrument.inst_id: instrument.wire for instrument in load_instruments().instruments}
    rows = [dict(by_name[name]) for name in _NAMES]
    rows[MIN]["minSz"] = "0.1"
    return InstrumentTable.from_rows(rows)


def settings(**changes: object) -> CopySettings:
    """Settings of a copy trader: 100 USDT an order, isolated, the lead trader's list."""
    plain = CopySettings(
        copy_mgn_mode=CopyMgnMode.ISOLATED,
        copy_mode=CopyMode.FIXED_AMOUNT,
        copy_amt_e8=100 * E8,
        copy_ratio_ppm=0,
        copy_total_amt_e8=30_000 * E8,
        tp_ratio_ppm=0,
        sl_ratio_ppm=0,
        sl_total_amt_e8=0,
        sub_pos_close_type=SubPosCloseType.COPY_CLOSE,
        inst_rows=None,
    )
    return msgspec.structs.replace(plain, **changes)


def ratio(ppm: int, **changes: object) -> CopySettings:
    """Settings that copy `ppm` of each lead order."""
    return settings(copy_mode=CopyMode.RATIO_COPY, copy_amt_e8=0, copy_ratio_ppm=ppm, **changes)


class World:
    def __init__(self, state: State | None = None, checked: bool = True) -> None:
        self.state = state or new_state(small_table())
        self.checked = checked
        self.ts_ns = max(BIRTH_NS, self.state.scalars.ts_ns)
        self.journal: list[Stamped] = []
        self.last: Output | None = None

    # The one door ---------------------------------------------------------------------------

    def do(self, body: Input) -> Output:
        """Stamp an input and step it; time moves on by a second."""
        self.ts_ns += SECOND_NS
        stamped = Stamped(self.state.scalars.seq + 1, self.ts_ns, body)
        self.journal.append(stamped)
        self.last = step(self.state, stamped)
        if self.checked:
            broken = check(self.state)
            assert broken == [], f"after {body}: {broken}"
        return self.last

    def ok(self, body: Input) -> Reply:
        """Do what must not be refused."""
        reply = self.do(body).reply
        assert not isinstance(reply, Reject), f"{body} refused: {reply}"
        return reply

    def refused(self, body: Input) -> Reject:
        """Do what must be refused."""
        reply = self.do(body).reply
        assert isinstance(reply, Reject), f"{body} accepted: {reply}"
        return reply

    # Words ----------------------------------------------------------------------------------

    def instrument(self, row: int) -> Instrument:
        return self.state.instruments[row]

    def account(self, deposit: int = 100_000, name: str = "someone") -> int:
        reply = self.ok(inputs.CreateAccount(name, deposit * E8))
        assert isinstance(reply, AccountCreated)
        return reply.account_row

    def tick(self, prices: Mapping[int, int], marks: Mapping[int, int] | None = None) -> Output:
        """Move prices, in ticks; marks follow unless given."""
        rows = list(prices)
        mark = [(marks or prices).get(row, prices[row]) for row in rows]

        def packed(values: list[int]) -> bytes:
            return np.array(values, dtype="<i8").tobytes()

        return self.do(
            inputs.MarketTick(
                market_ts_ms=self.ts_ns // 10**6,
                inst_rows=packed(rows),
                last_ticks=packed(list(prices.values())),
                mark_ticks=packed(mark),
                volume_lots=packed([0] * len(rows)),
            )
        )

    def open_market(self) -> None:
        self.tick(OPENING)

    def lead(self, *insts: int, deposit: int = 1_000_000) -> int:
        row = self.account(deposit, "lead")
        self.ok(inputs.ApplyLeadTrading(row, InstType.SWAP, insts or (BTC,)))
        return row

    def copier(self, lead: int, chosen: CopySettings | None = None, deposit: int = 10_000) -> int:
        row = self.account(deposit, "copier")
        self.ok(inputs.FirstCopySettings(row, lead, chosen or settings()))
        return row

    def order(self, account: int, side: Side, lots: int, px: int = 0, **more: object) -> Reply:
        """Place an order on BTC unless `inst` says otherwise; a market order without `px`."""
        return self.do(order(account, side, lots, px, **more)).reply

    def buy(self, account: int, lots: int, px: int = 0, **more: object) -> int:
        return self._placed(self.order(account, Side.BUY, lots, px, **more))

    def sell(self, account: int, lots: int, px: int = 0, **more: object) -> int:
        return self._placed(self.order(account, Side.SELL, lots, px, **more))

    @staticmethod
    def _placed(reply: Reply) -> int:
        assert isinstance(reply, OrderPlaced), f"refused: {reply}"
        return reply.ord_id

    def held(self, account: int, inst: int = BTC) -> int:
        """Net lots held in an instrument, over all its books."""
        positions = self.state.positions
        mine = positions.live("account_row") == account
        mine &= positions.live("book") // 6 == inst
        return int(positions.live("qty_lots")[mine].sum())

    def cash(self, account: int) -> int:
        return int(self.state.wallet(0).cash_e8[account])

    def thin(self, inst: int, value: int, levels: int = 1, half_spread_ppm: int = 50) -> None:
        """Let the provider quote `value` USDT at its best level."""
        self.ok(inputs.SetLiquidity(inst, half_spread_ppm, value * E8, levels))


def order(account: int, side: Side, lots: int, px: int = 0, **more: object) -> inputs.PlaceOrder:
    """Make an order: cross margin, net side, BTC; market without `px`, limit with it."""
    plain = inputs.PlaceOrder(
        account_row=account,
        inst_row=BTC,
        side=side,
        pos_side=PosSide.NET,
        td_mode=TdMode.CROSS,
        ord_type=OrdType.LIMIT if px else OrdType.MARKET,
        size_lots=lots,
        px_ticks=px,
    )
    renamed = {"inst_row" if name == "inst" else name: value for name, value in more.items()}
    return msgspec.structs.replace(plain, **renamed)


def stop(account: int, lead: int, way: SubPosCloseType | None) -> inputs.StopCopying:
    return inputs.StopCopying(account, lead, way)


__all__ = [
    "BTC",
    "BTC_SPOT",
    "COIN",
    "ETH",
    "ETH_SPOT",
    "MIN",
    "OPENING",
    "Code",
    "CopyInstIdType",
    "CopyMgnMode",
    "CopyMode",
    "InstType",
    "MgnMode",
    "OrdType",
    "PosMode",
    "PosSide",
    "Side",
    "SubPosCloseType",
    "SubPosType",
    "TdMode",
    "TriggerPxType",
    "World",
    "order",
    "ratio",
    "settings",
    "small_table",
    "stop",
]
