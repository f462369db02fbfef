"""Copydesk itself: the real journal, the real step, every rule, reason and fact in place.

What lives here: `Desk`, one State with its journal, driven without the door; `Engine`, the rival.
Always true: State is brought up by inputs alone, each in the journal, so that a replay gives the
same State. An open is: encode the order, append it to the journal (one fsync), decode it, step.
Start reading: `Engine.open_ms`.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.workload import (
    DEPOSIT_E8,
    FIXED_AMOUNT,
    INST_ID,
    LEAD_DEPOSIT_E8,
    LEAD_LOTS,
    PX_TICKS,
    SEED,
    TOTAL_AMT_E8,
    Copies,
    Workload,
)
from copydesk.data import load_instruments
from copydesk.engine.genesis import new_state
from copydesk.engine.state import State
from copydesk.engine.step import step
from copydesk.journal.disk import RealDisk
from copydesk.journal.log import Frame, Journal
from copydesk.model import inputs
from copydesk.model.enums import (
    CopyMgnMode,
    CopyMode,
    InstType,
    MgnMode,
    OrdType,
    PosSide,
    Side,
    SubPosCloseType,
    TdMode,
)
from copydesk.model.inputs import CopySettings, Input, PlaceOrder, Stamped
from copydesk.model.limits import DEFAULT_MAX_COPIERS, MAX_BATCH_INPUTS
from copydesk.model.outputs import AccountCreated, CopiesFilled, Output
from copydesk.model.rejects import Reject
from copydesk.node.memory import keep_freed_memory

HEADER = {"made_by": "bench"}
START_NS = 1_767_225_600 * 10**9
TICKS_BETWEEN = 8  # two seconds of the simulated market, in which memory is touched ahead
DEPTH_E8 = 8 * 10**16  # one level that is never used up
Ratios = tuple[int, int]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Input).decode


class Desk:
    """One State and its journal."""

    def __init__(self, folder: Path) -> None:
        keep_freed_memory()  # as a node does at its start
        self.folder = folder / "desk"
        self.folder.mkdir()
        self.table = load_instruments()
        self.journal = Journal.open(self.folder, RealDisk(), HEADER)
        self.state: State = new_state(self.table)
        self.inst_row = self.state.index.inst_rows[INST_ID]
        self._ts_ns = START_NS
        self.append_ms = 0.0  # of the last `do`
        self.step_ms = 0.0  # of all of `do`
        self.copy_fills = 0  # of all of `do`

    def do(self, body: Input) -> Output:
        """Do one input durably: encode, append with fsync, decode, step."""
        self._ts_ns += 1_000_000
        seq = self.journal.last_seq + 1
        begin = time.perf_counter_ns()
        encoded = _encode(body)
        self.journal.append([Frame(seq, self._ts_ns, encoded)])
        durable = time.perf_counter_ns()
        output = step(self.state, Stamped(seq, self._ts_ns, _decode(encoded)))
        self.step_ms += (time.perf_counter_ns() - durable) / 1e6
        self.append_ms = (durable - begin) / 1e6
        for fact in output.facts:
            if isinstance(fact, CopiesFilled):
                self.copy_fills += len(fact.copy_rows)
        return output

    def step_only(self, body: Input) -> Output:
        """Step without the journal; from here on the journal does not tell the whole story."""
        self._ts_ns += 1_000_000
        seq = self.state.scalars.seq + 1
        output = step(self.state, Stamped(seq, self._ts_ns, body))
        assert not isinstance(output.reply, Reject), output.reply
        return output

    def do_all(self, bodies: Iterable[Input]) -> Iterator[Output]:
        """Do many inputs, a full batch to each fsync; a reject stops the run."""
        batch: list[Input] = []
        for body in bodies:
            batch.append(body)
            if len(batch) == MAX_BATCH_INPUTS:
                yield from self._batch(batch)
                batch.clear()
        yield from self._batch(batch)

    def _batch(self, bodies: list[Input]) -> Iterator[Output]:
        first = self.journal.last_seq + 1
        self._ts_ns += 1_000_000
        frames = [Frame(seq, self._ts_ns, _encode(body)) for seq, body in enumerate(bodies, first)]
        self.journal.append(frames)
        for frame in frames:
            output = step(self.state, Stamped(frame.seq, self._ts_ns, _decode(frame.body)))
            assert not isinstance(output.reply, Reject), (output.reply, _decode(frame.body))
            yield output

    def do_quietly(self, bodies: Iterable[Input]) -> None:
        """Do many inputs without looking at what they made."""
        for _ in self.do_all(bodies):
            pass

    def create(self, count: int, deposit_e8: int) -> int:
        """Open accounts with consecutive rows; give the first row."""
        made = self.do_all(inputs.CreateAccount(f"bench {n}", deposit_e8) for n in range(count))
        rows = [one.reply.account_row for one in made if isinstance(one.reply, AccountCreated)]
        assert rows == list(range(rows[0], rows[0] + count))
        return rows[0]

    def tick(self, px_ticks: int) -> inputs.MarketTick:
        """Make a tick of the one instrument: last, mark and the provider's mid."""
        row, px, none = (np.int64(n).tobytes() for n in (self.inst_row, px_ticks, 0))
        return inputs.MarketTick(self._ts_ns // 1_000_000, row, px, px, none)

    def order(self, account_row: int, side: Side, lots: int) -> PlaceOrder:
        """Make a market order, cross, net."""
        return PlaceOrder(
            account_row=account_row,
            inst_row=self.inst_row,
            side=side,
            pos_side=PosSide.NET,
            td_mode=TdMode.CROSS,
            ord_type=OrdType.MARKET,
            size_lots=lots,
        )

    def fresh_order(self, account_row: int, side: Side) -> PlaceOrder:
        """Let the market tick, so that the provider quotes anew; then make a lead's order."""
        self.step_only(self.tick(PX_TICKS - int(side)))
        return self.order(account_row, side, LEAD_LOTS)

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()


def settings(load: Workload, row: int, levels: Ratios) -> CopySettings:
    """Make the settings of one relation of the workload."""
    fixed = load.mode[row] == FIXED_AMOUNT
    return CopySettings(
        copy_mgn_mode=CopyMgnMode.CROSS,
        copy_mode=CopyMode.FIXED_AMOUNT if fixed else CopyMode.RATIO_COPY,
        copy_amt_e8=int(load.amt_e8[row]),
        copy_ratio_ppm=int(load.ratio_ppm[row]),
        copy_total_amt_e8=TOTAL_AMT_E8,
        tp_ratio_ppm=levels[0],
        sl_ratio_ppm=levels[1],
        sl_total_amt_e8=0,
        sub_pos_close_type=SubPosCloseType.COPY_CLOSE,
        inst_rows=None,
    )


def populate(desk: Desk, loads: Sequence[Workload], ratios: Sequence[Ratios] = ()) -> list[int]:
    """Bring up market, copiers and lead traders, one for each workload; give the leads' rows.

    `ratios`: tpRatio and slRatio of every relation of a workload, in ppm; none by default.
    """
    liquidity = inputs.SetLiquidity(desk.inst_row, 0, DEPTH_E8, 1)
    desk.do_quietly([liquidity, desk.tick(PX_TICKS)])
    first_lead = desk.create(len(loads), LEAD_DEPOSIT_E8)
    first_copier = desk.create(sum(load.count for load in loads), DEPOSIT_E8)
    leads = list(range(first_lead, first_lead + len(loads)))
    desk.do_quietly(
        inputs.ApplyLeadTrading(lead, InstType.SWAP, (desk.inst_row,)) for lead in leads
    )
    for lead, load in zip(leads, loads, strict=True):
        if load.count > DEFAULT_MAX_COPIERS:  # an experiment: no lead trader has so many places
            row = desk.state.index.lead_by_account[lead, InstType.SWAP]
            desk.state.lead_traders.max_copiers[row] = load.count
    levels = ratios or [(0, 0)] * len(loads)
    desk.do_quietly(_joins(desk, list(zip(leads, loads, levels, strict=True)), first_copier))
    return leads


def _joins(
    desk: Desk, teams: Sequence[tuple[int, Workload, Ratios]], first_copier: int
) -> Iterator[Input]:
    """Let copiers join in a random order over all leads, as time would bring them.

    So the relations of one lead do not lie together in the table: unkind to the engine.
    """
    pairs = np.concatenate(
        [
            np.column_stack((np.full(load.count, team), np.arange(load.count)))
            for team, (_, load, _) in enumerate(teams)
        ]
    )
    np.random.default_rng(SEED).shuffle(pairs)
    for team, number in pairs.tolist():
        lead, load, levels = teams[team]
        row, lever = first_copier + int(load.account[number]), int(load.lever[number])
        yield inputs.SetLeverage(row, desk.inst_row, MgnMode.CROSS, PosSide.NET, lever)
        yield inputs.FirstCopySettings(row, lead, settings(load, number, levels))


class Engine:
    """The rival that is the product."""

    name = "Copydesk, journal + step"

    def __init__(self, loads: dict[int, Workload], folder: Path) -> None:
        self.desk = Desk(folder)
        self.leads = dict(zip(loads, populate(self.desk, list(loads.values())), strict=True))
        self._first_copier = max(self.leads.values()) + 1
        self._last: dict[int, int] = {}
        self.ready_seq = self.desk.journal.last_seq  # what follows is fan-out

    def open_ms(self, size: int) -> float:
        """Let the lead trader buy at market: encode, append, decode, step.

        The provider asks one tick over its mid and bids one under, so a tick goes before.
        """
        for _ in range(TICKS_BETWEEN):
            self.desk.do(self.desk.tick(PX_TICKS - 1))
        order = self.desk.order(self.leads[size], Side.BUY, LEAD_LOTS)
        begin = time.perf_counter_ns()
        output = self.desk.do(order)
        took = time.perf_counter_ns() - begin
        assert not isinstance(output.reply, Reject), output.reply
        self._last[size] = self.desk.state.lead_positions.count - 1
        return took / 1e6

    def close_ms(self, size: int) -> float:
        """Let the lead trader sell; every copy follows."""
        self.desk.do(self.desk.tick(PX_TICKS + 1))
        order = self.desk.order(self.leads[size], Side.SELL, LEAD_LOTS)
        begin = time.perf_counter_ns()
        output = self.desk.do(order)
        took = time.perf_counter_ns() - begin
        assert not isinstance(output.reply, Reject), output.reply
        lead_positions = self.desk.state.lead_positions
        assert lead_positions.open_copies[self._last[size]] == 0
        return took / 1e6

    def copies(self, size: int) -> Copies:
        """Read the block of the last lead position; it lies in ascending order of account."""
        state = self.desk.state
        row = self._last[size]
        start = int(state.lead_positions.block_start[row])
        block = slice(start, start + int(state.lead_positions.block_count[row]))
        copies = state.copies
        return Copies(
            copies.account_row[block].astype(np.int64) - self._first_copier,
            copies.size_lots[block].copy(),
            copies.cost_e8[block].copy(),
            copies.margin_e8[block].copy(),
            copies.open_fee_e8[block].copy(),
        )

    def balances(self, size: int) -> tuple[int, int]:
        """Sum cash and margin over the copiers of this size."""
        rows = self.copies(size).account + self._first_copier
        wallet = self.desk.state.wallet(0)
        return int(wallet.cash_e8[rows].sum()), int(wallet.cross_margin_e8[rows].sum())

    def stop(self) -> None:
        """Close the journal."""
        self.desk.close()
