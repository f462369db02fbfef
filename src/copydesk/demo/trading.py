"""How the three lead traders trade: momentum, scalping, swing.

What lives here: `Trader` (one account and what it sees of the market) and one beat of each style.
What it may touch: the REST door through `client`, the ledger; dice of its own.
Always true: every order carries a clOrdId and is in the ledger as acknowledged or as unknown.
Start reading: `Trader.beat`, then `_momentum`, `_scalp`, `_swing`.

The styles are simple on purpose: they have to make lively lead positions of every kind (added to,
partly closed, closed by a limit order, by take-profit, by stop-loss), not money.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import httpx

from copydesk.demo.cast import BTC, ETH, Lead
from copydesk.demo.client import Client, Key, Refused, Row
from copydesk.demo.ledger import Acknowledged, Ledger

CONTRACT = {BTC: 0.01, ETH: 0.1}  # coin in one contract
TICKS = {BTC: 1, ETH: 2}  # decimals of a price
MEMORY = 60  # beats


@dataclass(slots=True)
class Trader:
    """A lead trader at work."""

    number: int
    lead: Lead
    key: Key
    unique_code: str
    client: Client
    ledger: Ledger
    dice: Random
    led: tuple[str, ...] = (BTC, ETH)
    seen: dict[str, deque[float]] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)  # beats since a state of an instrument began
    count: int = 0

    async def beat(self, prices: dict[str, float]) -> None:
        """Look at the market once and act. A refusal is noted; a broken connection is passed on."""
        for inst_id, px in prices.items():
            self.seen.setdefault(inst_id, deque(maxlen=MEMORY)).append(px)
        for inst_id in prices:
            try:
                await STYLES[self.lead.style](self, inst_id)
            except Refused as refusal:
                self.ledger.refusals[refusal.code] += 1

    def drift(self, inst_id: str, beats: int) -> float:
        """How far the price is above its mean over some beats, as a fraction."""
        seen = list(self.seen[inst_id])[-beats:]
        return seen[-1] * len(seen) / sum(seen) - 1

    def size(self, inst_id: str, usdt: float) -> str:
        """Contracts for so much value, to one decimal."""
        return f"{max(0.1, round(usdt / (self.seen[inst_id][-1] * CONTRACT[inst_id]), 1))}"

    def price(self, inst_id: str, shift: float) -> str:
        """Give a price at some distance from the last one."""
        return f"{self.seen[inst_id][-1] * (1 + shift):.{TICKS[inst_id]}f}"

    async def order(self, inst_id: str, side: str, sz: str, **more: str) -> str:
        """Place an order; the answer is its id. Market orders are timed."""
        self.count += 1
        cl_ord_id = f"{self.lead.name}{self.count:06d}"
        body = {"instId": inst_id, "tdMode": self.lead.mgn_mode, "side": side, "sz": sz}
        body |= {"ordType": "market", "clOrdId": cl_ord_id, **more}
        mine = Acknowledged(self.key, inst_id, cl_ord_id)
        try:
            rows, took_ms = await self.client.timed_post("/api/v5/trade/order", body, self.key)
        except httpx.TransportError:
            self.ledger.unknown.append(mine)
            raise
        if body["ordType"] == "market":
            self.ledger.lag_ms.append(took_ms)
        order_id = str(rows[0]["ordId"])
        self.ledger.orders[order_id] = mine
        return order_id

    async def positions(self, inst_id: str) -> list[Row]:
        """Open positions in an instrument."""
        query = {"instType": "SWAP", "instId": inst_id}
        rows = await self.client.get("/api/v5/account/positions", query, self.key)
        return [row for row in rows if float(row["pos"] or 0)]

    async def sub_positions(self, inst_id: str) -> list[Row]:
        """Open lead positions in an instrument, newest first."""
        query = {"instType": "SWAP", "instId": inst_id}
        return await self.client.get("/api/v5/copytrading/current-subpositions", query, self.key)

    async def pending(self, inst_id: str) -> list[Row]:
        """Resting orders in an instrument."""
        query = {"instType": "SWAP", "instId": inst_id}
        return await self.client.get("/api/v5/trade/orders-pending", query, self.key)

    async def cancel(self, rows: list[Row]) -> None:
        """Cancel resting orders; one that has just filled is no harm."""
        for row in rows:
            body = {"instId": row["instId"], "ordId": row["ordId"]}
            try:
                await self.client.post("/api/v5/trade/cancel-order", body, self.key)
            except Refused as refusal:
                self.ledger.refusals[refusal.code] += 1

    async def close_all(self, inst_id: str) -> None:
        """Close whatever is held in an instrument, at market."""
        for row in await self.positions(inst_id):
            body = {"instId": inst_id, "mgnMode": row["mgnMode"], "posSide": row["posSide"]}
            body["autoCxl"] = "true"
            await self.client.post("/api/v5/trade/close-position", body, self.key)


async def _momentum(trader: Trader, inst_id: str) -> None:
    """Mira: go with a move, add while it lasts, close everything when it turns."""
    trend = trader.drift(inst_id, 24)
    held = sum(float(row["pos"]) for row in await trader.positions(inst_id))
    age = trader.ages[inst_id] = trader.ages.get(inst_id, 0) + 1
    if held and held * trend < 0:
        await trader.close_all(inst_id)
        trader.ages[inst_id] = 0
    elif not held and abs(trend) > 0.0006 and age > 2:
        side = "buy" if trend > 0 else "sell"
        await trader.order(inst_id, side, trader.size(inst_id, 12_000))
        trader.ages[inst_id] = 0
    elif held and abs(trend) > 0.0015 and age > 6 and len(await trader.sub_positions(inst_id)) < 4:
        side = "buy" if held > 0 else "sell"
        await trader.order(inst_id, side, trader.size(inst_id, 6_000))
        trader.ages[inst_id] = 0


async def _scalp(trader: Trader, inst_id: str) -> None:
    """Jun: rest a limit order against the last move, sell half at a small gain, then the rest."""
    pending = await trader.pending(inst_id)
    positions = await trader.positions(inst_id)
    age = trader.ages[inst_id] = trader.ages.get(inst_id, 0) + 1
    if not positions and not pending:
        up = trader.drift(inst_id, 8) > 0
        side, pos_side, shift = ("sell", "short", 0.0004) if up else ("buy", "long", -0.0004)
        size = trader.size(inst_id, 9_000)
        price = trader.price(inst_id, shift)
        await trader.order(inst_id, side, size, posSide=pos_side, ordType="limit", px=price)
        trader.ages[inst_id] = 0
    elif not positions and age > 5:
        await trader.cancel(pending)
    elif positions and not pending and age < 12:
        row = positions[0]
        await _take_half(trader, inst_id, row)
    elif positions and age >= 12:
        await trader.cancel(pending)
        await trader.close_all(inst_id)
        trader.ages[inst_id] = 0


async def _take_half(trader: Trader, inst_id: str, row: Row) -> None:
    """Rest a closing order for half of a position, a little in the money."""
    long = row["posSide"] == "long"
    half = f"{max(0.1, round(abs(float(row['pos'])) / 2, 1))}"
    await trader.order(
        inst_id,
        "sell" if long else "buy",
        half,
        posSide=row["posSide"],
        ordType="limit",
        px=trader.price(inst_id, 0.0005 if long else -0.0005),
    )
    trader.ages[inst_id] = 0


async def _swing(trader: Trader, inst_id: str) -> None:
    """Ada: a few larger positions along the longer move, each with its own TP and SL."""
    age = trader.ages[inst_id] = trader.ages.get(inst_id, 6) + 1
    if age < 10 or len(trader.seen[inst_id]) < 6:
        return
    trader.ages[inst_id] = 0
    held = await trader.sub_positions(inst_id)
    if len(held) >= 3:
        body = {"instType": "SWAP", "subPosId": held[-1]["subPosId"]}
        await trader.client.post("/api/v5/copytrading/close-subposition", body, trader.key)
        return
    up = float(held[0]["subPos"]) > 0 if held else trader.drift(inst_id, MEMORY) > 0
    await trader.order(inst_id, "buy" if up else "sell", trader.size(inst_id, 20_000))
    newest = (await trader.sub_positions(inst_id))[0]
    gain, loss = (0.009, -0.006) if up else (-0.009, 0.006)
    await trader.client.post(
        "/api/v5/copytrading/algo-order",
        {
            "instType": "SWAP",
            "subPosId": newest["subPosId"],
            "tpTriggerPx": trader.price(inst_id, gain),
            "slTriggerPx": trader.price(inst_id, loss),
        },
        trader.key,
    )


STYLES: dict[str, Callable[[Trader, str], Awaitable[None]]] = {
    "momentum": _momentum,
    "scalper": _scalp,
    "swing": _swing,
}
