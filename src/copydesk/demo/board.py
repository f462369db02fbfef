"""What the demo shows: figures of the running server, gathered through its doors.

What lives here: `Board` and the two tasks that keep it fresh.
What it may touch: the REST door, the server's /metrics.
Always true: every figure is the server's own; nothing is computed from what the demo hoped for.
Start reading: `Board`.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from copydesk.demo.cast import BTC, ETH, Copier
from copydesk.demo.client import Client, Key, Row
from copydesk.demo.ledger import Ledger
from copydesk.demo.trading import Trader

_SAMPLE = re.compile(r'^(copydesk_\w+?)(?:\{reason="(\w*)"\})? ([0-9.e+-]+)$', re.MULTILINE)


class Line(msgspec.Struct):
    """One lead trader on the board."""

    name: str
    style: str
    deposit: float
    equity: float
    open_count: int = 0
    copiers: str = ""
    led: str = ""

    @property
    def pnl(self) -> float:
        """What he has won or lost so far."""
        return self.equity - self.deposit


@dataclass(slots=True)
class Board:
    """Figures for the screen, the summary and the plot."""

    lines: list[Line] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)
    market_ms: int = 0
    copies: int = 0
    not_made: Counter[str] = field(default_factory=Counter)
    results: dict[int, float] = field(default_factory=dict)  # copier: equity less deposit
    curves: list[tuple[float, list[float]]] = field(default_factory=list)
    phase: str = "setting up"
    share: float = 0.0
    before: Counter[str] = field(default_factory=Counter)  # counted by a server that is gone

    async def look_at_market(self, client: Client) -> None:
        """Read last prices and the market's time."""
        for inst_id in (BTC, ETH):
            row = (await client.get("/api/v5/market/ticker", {"instId": inst_id}))[0]
            if row["last"]:
                self.prices[inst_id] = float(row["last"])
        query = {"instId": BTC, "limit": "1"}  # candles go by the market's own time
        for candle in await client.get("/api/v5/market/candles", query):
            self.market_ms = int(candle[0])

    async def look_at_leads(self, client: Client, traders: list[Trader], elapsed: float) -> None:
        """Read equity, open positions and copy traders of the lead traders; lengthen the curves."""
        for line, trader in zip(self.lines, traders, strict=True):
            line.equity = await equity(client, trader.key)
            query = {"instType": "SWAP"}
            rows = await client.get("/api/v5/copytrading/current-subpositions", query, trader.key)
            line.open_count = len(rows)
            config = (await client.get("/api/v5/copytrading/config", key=trader.key))[0]
            swap = next(row for row in config["details"] if row["instType"] == "SWAP")
            line.copiers = swap["copyTraderNum"]
            line.led = " ".join(inst_id.partition("-")[0] for inst_id in trader.led)
        self.curves.append((elapsed, [line.equity for line in self.lines]))

    async def look_at_counters(self, client: Client) -> None:
        """Read how many copies were made, and how many not by reason."""
        found: Counter[str] = Counter()
        for name, reason, value in _SAMPLE.findall(await client.text("/metrics")):
            if name == "copydesk_copies_total":
                found["made"] = int(float(value))
            elif name == "copydesk_copies_not_made_total":
                found[reason or "not made"] = int(float(value))
        total = found + self.before
        self.copies = total.pop("made", 0)
        self.not_made = total

    async def look_at_copiers(
        self, client: Client, keys: list[Key], copiers: list[Copier], numbers: list[int]
    ) -> None:
        """Read what some of the copy traders have won or lost."""
        for number in numbers:
            now = await equity(client, keys[number])
            self.results[number] = now - copiers[number].deposit

    def remember_counters(self) -> None:
        """Keep the counters of a server that is about to be killed: they are not part of State."""
        self.before = Counter(self.not_made)
        self.before["made"] = self.copies


async def equity(client: Client, key: Key) -> float:
    """Read the equity of an account in USDT."""
    details: list[Row] = (await client.get("/api/v5/account/balance", key=key))[0]["details"]
    return next((float(row["eq"]) for row in details if row["ccy"] == "USDT"), 0.0)


def quantile(values: list[float], share: float) -> float:
    """Give the value below which a share of the values lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def histogram(values: list[float], edges: list[float]) -> list[int]:
    """Count values between edges; the first and last bin take what lies outside."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[sum(value >= edge for edge in edges)] += 1
    return counts


def lag_text(ledger: Ledger) -> str:
    """How long lead orders took, in words."""
    lag = ledger.lag_ms
    if not lag:
        return "no lead order yet"
    return (
        f"{quantile(lag, 0.5):.1f} ms median, {quantile(lag, 0.99):.1f} ms p99, "
        f"{max(lag):.1f} ms worst of {len(lag)}"
    )
