"""What tests of the engine share: a small instrument table, a State, and inputs in short words.

What lives here: `Bench`, a State with a running seq and time.
What it may touch: `engine`, `model`, `data`.
Always true: after every input the invariants are checked, unless a test says `checked=False`.
Start reading: `Bench`.
"""

from functools import lru_cache

import numpy as np

from copydesk.data import load_instruments
from copydesk.engine.genesis import new_state
from copydesk.engine.invariants import check
from copydesk.engine.state import State, book_id
from copydesk.engine.step import step
from copydesk.model.amounts import E8
from copydesk.model.enums import MgnMode, OrdType, PosSide, Side, TdMode
from copydesk.model.inputs import CreateAccount, Input, MarketTick, PlaceOrder, Stamped
from copydesk.model.instruments import InstrumentTable
from copydesk.model.outputs import AccountCreated, OrderPlaced, OrderUpdated, Output, Reply
from copydesk.model.rejects import Code, Reject

BTC, ETH, BTC_SPOT, BTC_INVERSE, BTC_USD_UM = range(5)
_INST_IDS = ("BTC-USDT-SWAP", "ETH-USDT-SWAP", "BTC-USDT", "BTC-USD-SWAP", "BTC-USD_UM-SWAP")
START_NS = 1_780_000_000_000_000_000
START_MS = START_NS // 1_000_000


@lru_cache(maxsize=1)
def small_table() -> InstrumentTable:
    """Five real instruments: two USDT swaps, a spot pair, an inverse swap, a swap settled in USD.

    One contract is 0.01 BTC and 0.1 ETH; a lot is a hundredth of it; ticks are 0.1 and 0.01.
    """
    by_id = {inst.inst_id: inst.wire for inst in load_instruments().instruments}
    return InstrumentTable.from_rows([by_id[inst_id] for inst_id in _INST_IDS])


def packed(*values: int) -> bytes:
    """Little-endian int64 bytes, as ticks carry them."""
    return np.array(values, dtype="<i8").tobytes()


class Bench:
    """A State, its clock, and short words for inputs."""

    def __init__(
        self, funding: dict[int, tuple[int, int]] | None = None, *, checked: bool = True
    ) -> None:
        self.state: State = new_state(small_table(), funding)
        self.ts_ns = START_NS
        self.checked = checked
        self.last: Output | None = None

    def run(self, body: Input, after_ns: int = 1_000_000) -> Output:
        """Stamp and apply one input."""
        self.ts_ns += after_ns
        output = step(self.state, Stamped(self.state.scalars.seq + 1, self.ts_ns, body))
        self.last = output
        if self.checked:
            assert check(self.state) == []
        return output

    def reply(self, body: Input) -> Reply:
        """Apply one input and give the reply."""
        return self.run(body).reply

    def refused(self, body: Input) -> Code:
        """Apply an input that must be refused without a trace, and give the code."""
        before = self.columns()
        reply = self.reply(body)
        assert isinstance(reply, Reject), reply
        assert self.columns() == before
        assert self.last is not None
        assert self.last.facts == []
        return reply.code

    def columns(self) -> dict[str, bytes]:
        """Bytes of every column, to compare States."""
        return {
            f"{table}.{name}": values.tobytes()
            for table, rows in self.state.tables().items()
            for name, values in rows.dump().items()
        }

    def account(self, usdt: int = 10_000) -> int:
        """Open an account with a deposit; gives its row."""
        reply = self.reply(CreateAccount(f"user{self.state.accounts.count}", usdt * E8))
        assert isinstance(reply, AccountCreated)
        return reply.account_row

    def tick(
        self, inst_row: int, last: int, mark: int | None = None, market_ts_ms: int | None = None
    ) -> Output:
        """Move one instrument."""
        return self.ticks({inst_row: (last, last if mark is None else mark)}, market_ts_ms)

    def ticks(self, prices: dict[int, tuple[int, int]], market_ts_ms: int | None = None) -> Output:
        """Move several instruments: row -> (last, mark)."""
        return self.run(
            MarketTick(
                START_MS if market_ts_ms is None else market_ts_ms,
                packed(*prices),
                packed(*(last for last, _ in prices.values())),
                packed(*(mark for _, mark in prices.values())),
                packed(*(10 for _ in prices)),
            )
        )

    def open_markets(self) -> None:
        """Give every instrument of the table a first price: BTC 60,000, ETH 3,000."""
        btc, eth = (600_000, 600_000), (300_000, 300_000)
        self.ticks({BTC: btc, ETH: eth, BTC_SPOT: btc, BTC_INVERSE: btc, BTC_USD_UM: btc})

    def placed(self, order: PlaceOrder) -> OrderUpdated:
        """Place an order that must be admitted; gives the last fact about it."""
        output = self.run(order)
        assert isinstance(output.reply, OrderPlaced), output.reply
        return self.about(output, output.reply.ord_id)[-1]

    @staticmethod
    def about(output: Output, ord_id: int) -> list[OrderUpdated]:
        """Facts about one order, in order."""
        return [
            fact
            for fact in output.facts
            if isinstance(fact, OrderUpdated) and fact.ord_id == ord_id
        ]

    def cash(self, account_row: int, ccy: str = "USDT") -> int:
        """Balance of an account."""
        return int(self.state.wallet(self.state.ccy_row(ccy)).cash_e8[account_row])

    def held(
        self,
        account_row: int,
        inst_row: int = BTC,
        slot: PosSide = PosSide.NET,
        mgn_mode: MgnMode = MgnMode.CROSS,
    ) -> int:
        """Signed lots of a position."""
        rows = self.state.index.position_rows.get(book_id(inst_row, mgn_mode, slot))
        return 0 if rows is None else int(self.state.positions.qty_lots[rows[account_row]])


def market(
    account_row: int, lots: int, inst_row: int = BTC, td_mode: TdMode = TdMode.CROSS
) -> PlaceOrder:
    """Order at market in the net slot; negative lots sell."""
    side = Side.BUY if lots > 0 else Side.SELL
    return PlaceOrder(account_row, inst_row, side, PosSide.NET, td_mode, OrdType.MARKET, abs(lots))


def limit(
    account_row: int,
    lots: int,
    px_ticks: int,
    inst_row: int = BTC,
    ord_type: OrdType = OrdType.LIMIT,
) -> PlaceOrder:
    """Priced cross order in the net slot; negative lots sell."""
    side = Side.BUY if lots > 0 else Side.SELL
    return PlaceOrder(
        account_row,
        inst_row,
        side,
        PosSide.NET,
        TdMode.CROSS,
        ord_type,
        abs(lots),
        px_ticks=px_ticks,
    )
