"""What people do, drawn from a seed: accounts, leads, copy traders, orders, stops, prices.

What lives here: `Workload`, which looks at State and proposes the next input.
What it may touch: `engine.state` (reading), `model`.
Always true: sensible commands mostly, senseless ones now and then; prices walk and sometimes jump.
Start reading: `Workload.draw`.
"""

import random

import numpy as np

from copydesk.engine.state import FIRST_USER, State
from copydesk.model import inputs
from copydesk.model.enums import (
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

_COINS = {"BTC": "95000", "ETH": "3300", "SOL": "190"}
_START_MS = 1_767_225_600_000  # 2026-01-01 UTC
_USDT = 10**8


class Workload:
    """Draws the next input. `people` bounds the number of accounts."""

    def __init__(self, dice: random.Random, state: State, people: int) -> None:
        self._dice = dice
        self._people = people
        rows = state.index.inst_rows
        self._swaps = [rows[f"{coin}-USDT-SWAP"] for coin in _COINS]
        self._spots = [rows[f"{coin}-USDT"] for coin in _COINS]
        self._px = {
            rows[inst_id]: state.instruments[rows[inst_id]].tick.floor_count(px) or 1
            for coin, px in _COINS.items()
            for inst_id in (f"{coin}-USDT-SWAP", f"{coin}-USDT")
        }
        self._market_ms = _START_MS
        self._kinds = (
            (26, self._tick),
            (26, self._order),
            (10, self._account),
            (8, self._copy),
            (6, self._stop),
            (5, self._lead),
            (5, self._cancel),
            (4, self._close),
            (4, self._sub_position),
            (3, self._settings),
            (2, self._liquidity),
            (1, self._deposit),
        )

    def draw(self, state: State) -> inputs.Input:
        """Propose the next input for this State."""
        if state.markets.last_ticks[self._swaps[0]] == 0:
            return self._tick(state)
        if state.accounts.count < FIRST_USER + 4:
            return self._account(state)
        weights = [weight for weight, _ in self._kinds]
        return self._dice.choices([kind for _, kind in self._kinds], weights)[0](state)

    def _someone(self, state: State) -> int:
        return self._dice.randrange(FIRST_USER, state.accounts.count)

    def _a_lead(self, state: State) -> int:
        leads = sorted(account for account, _ in state.index.lead_by_account)
        return self._dice.choice(leads) if leads else self._someone(state)

    def _tick(self, state: State) -> inputs.Input:
        rows = sorted(self._px)
        reach = 60_000 if self._dice.random() < 0.02 else 1_500
        for swap, spot in zip(self._swaps, self._spots, strict=True):
            move = self._dice.randint(-reach, reach)
            for row in (swap, spot):
                self._px[row] = max(10, self._px[row] + self._px[row] * move // 1_000_000)
        self._market_ms += self._dice.choice((250, 1_000, 60_000, 3_600_000))
        last = [self._px[row] for row in rows]
        volume = [self._dice.randrange(1000) for _ in rows]
        columns = (np.array(column, dtype="<i8").tobytes() for column in (rows, last, last, volume))
        return inputs.MarketTick(self._market_ms, *columns)

    def _account(self, state: State) -> inputs.Input:
        if state.accounts.count >= FIRST_USER + self._people:
            return self._order(state)
        deposit = self._dice.choice((50, 1_000, 10_000, 100_000)) * _USDT
        return inputs.CreateAccount(f"trader-{state.accounts.count}", deposit)

    def _order(self, state: State) -> inputs.Input:
        account_row = self._a_lead(state) if self._dice.random() < 0.6 else self._someone(state)
        spot = self._dice.random() < 0.08
        inst_row = self._dice.choice(self._spots if spot else self._swaps)
        ord_type = self._dice.choice(list(OrdType))
        px = 0
        if ord_type is not OrdType.MARKET:
            px = max(1, self._px[inst_row] * self._dice.randint(9_900, 10_100) // 10_000)
        side = self._dice.choice(list(Side))
        hedged = state.accounts.pos_mode[account_row] == PosMode.LONG_SHORT
        pos_side = self._dice.choice((PosSide.LONG, PosSide.SHORT)) if hedged else PosSide.NET
        lots = state.instruments[inst_row].min_lots * self._dice.choice((1, 2, 7, 30, 400, 5_000))
        return inputs.PlaceOrder(
            account_row=account_row,
            inst_row=inst_row,
            side=side,
            pos_side=PosSide.NET if spot else pos_side,
            td_mode=TdMode.CASH if spot else self._dice.choice((TdMode.CROSS, TdMode.ISOLATED)),
            ord_type=ord_type,
            size_lots=lots,
            px_ticks=px,
            reduce_only=not spot and self._dice.random() < 0.15,
            cl_ord_id=self._dice.choice(("", "", "", f"c{self._dice.randrange(50)}")),
            tag=self._dice.choice(("", "sim")),
        )

    def _lead(self, state: State) -> inputs.Input:
        insts = tuple(self._dice.sample(self._swaps, self._dice.randint(1, len(self._swaps))))
        roll = self._dice.random()
        if roll < 0.45 and len(state.index.lead_by_account) < max(2, self._people // 10):
            return inputs.ApplyLeadTrading(self._someone(state), InstType.SWAP, insts)
        if roll < 0.95:
            return inputs.SetLeadInstruments(self._a_lead(state), InstType.SWAP, insts)
        return inputs.StopLeadTrading(self._a_lead(state), InstType.SWAP)

    def _terms(self) -> inputs.CopySettings:
        dice = self._dice
        mode = dice.choice(list(CopyMode))
        fixed = mode is CopyMode.FIXED_AMOUNT
        custom = dice.random() < 0.3
        return inputs.CopySettings(
            copy_mgn_mode=dice.choice(list(CopyMgnMode)),
            copy_mode=mode,
            copy_amt_e8=dice.randint(20, 1_000) * _USDT if fixed else 0,
            copy_ratio_ppm=0 if fixed else dice.choice((10_000, 333_333, 1_000_000, 5_000_000)),
            copy_total_amt_e8=dice.choice((1_000, 5_000, 30_000)) * _USDT,
            tp_ratio_ppm=dice.choice((0, 20_000, 300_000)),
            sl_ratio_ppm=dice.choice((0, 20_000, 300_000)),
            sl_total_amt_e8=dice.choice((0, 0, 5 * _USDT, 500 * _USDT)),
            sub_pos_close_type=dice.choice(list(SubPosCloseType)),
            inst_rows=tuple(dice.sample(self._swaps, dice.randint(1, 2))) if custom else None,
            tag=dice.choice(("", "copytag")),
        )

    def _copy(self, state: State) -> inputs.Input:
        make = inputs.FirstCopySettings if self._dice.random() < 0.8 else inputs.AmendCopySettings
        return make(self._someone(state), self._a_lead(state), self._terms())

    def _stop(self, state: State) -> inputs.Input:
        close_type = self._dice.choice([*SubPosCloseType, None])
        relations = state.relations
        if relations.count and self._dice.random() < 0.7:
            row = self._dice.randrange(relations.count)
            lead = int(state.lead_traders.account_row[int(relations.lead_row[row])])
            return inputs.StopCopying(int(relations.account_row[row]), lead, close_type)
        return inputs.StopCopying(self._someone(state), self._a_lead(state), close_type)

    def _cancel(self, state: State) -> inputs.Input:
        waiting = sorted(state.index.orders_by_account)
        if not waiting:
            return self._order(state)
        row = self._dice.choice(state.index.orders_by_account[self._dice.choice(waiting)])
        orders = state.orders
        return inputs.CancelOrder(
            int(orders.account_row[row]), int(orders.inst_row[row]), int(orders.ord_id[row])
        )

    def _close(self, state: State) -> inputs.Input:
        account_row = self._dice.choice((self._a_lead(state), self._someone(state)))
        hedged = state.accounts.pos_mode[account_row] == PosMode.LONG_SHORT
        return inputs.ClosePosition(
            account_row=account_row,
            inst_row=self._dice.choice(self._swaps),
            mgn_mode=self._dice.choice(list(MgnMode)),
            pos_side=self._dice.choice((PosSide.LONG, PosSide.SHORT)) if hedged else PosSide.NET,
            auto_cancel=self._dice.random() < 0.5,
        )

    def _sub_position(self, state: State) -> inputs.Input:
        lead = state.lead_positions
        if not lead.count:
            return self._order(state)
        row = self._dice.randrange(max(0, lead.count - 20), lead.count)
        account_row, sub_pos_id = int(lead.account_row[row]), int(lead.sub_pos_id[row])
        kind, start, count = SubPosType.LEAD, int(lead.block_start[row]), int(lead.block_count[row])
        if count and self._dice.random() < 0.5:
            offset = self._dice.randrange(count)
            kind, sub_pos_id = SubPosType.COPY, sub_pos_id + 1 + offset
            account_row = int(state.copies.account_row[start + offset])
        if self._dice.random() < 0.5:
            return inputs.CloseSubPosition(account_row, InstType.SWAP, sub_pos_id, kind)
        px = self._px[int(lead.inst_row[row])]
        levels = (None, 0, px * 101 // 100, px * 99 // 100)
        return inputs.SetSubPositionStops(
            account_row=account_row,
            inst_type=InstType.SWAP,
            sub_pos_id=sub_pos_id,
            sub_pos_type=kind,
            tp_ticks=self._dice.choice(levels),
            sl_ticks=self._dice.choice(levels),
            tp_px_type=self._dice.choice(list(TriggerPxType)),
            sl_px_type=self._dice.choice(list(TriggerPxType)),
        )

    def _settings(self, state: State) -> inputs.Input:
        account_row = self._someone(state)
        if self._dice.random() < 0.4:
            return inputs.SetPositionMode(account_row, self._dice.choice(list(PosMode)))
        return inputs.SetLeverage(
            account_row,
            self._dice.choice(self._swaps),
            self._dice.choice(list(MgnMode)),
            self._dice.choice(list(PosSide)),
            self._dice.choice((1, 2, 5, 20, 50)),
        )

    def _liquidity(self, state: State) -> inputs.Input:
        value = self._dice.choice((200, 5_000, 100_000)) * _USDT
        return inputs.SetLiquidity(
            self._dice.choice(self._swaps), self._dice.choice((50, 500)), value, 6
        )

    def _deposit(self, state: State) -> inputs.Input:
        amount = self._dice.choice((-20, 100, 5_000)) * _USDT
        return inputs.Deposit(self._someone(state), 0, amount)
