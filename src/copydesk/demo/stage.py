"""The run itself: set up, trade, stop copying, amend, kill, restart, prove.

What lives here: `Stage`, whose methods are the acts in order.
What it may touch: the house (server process), the REST door, the board, the ledger.
Always true: everything that happens to an account goes through the real door; the admin door only
opens accounts. What is in the ledger as acknowledged was answered before the kill.
Start reading: `Stage.play`.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import cycle
from random import Random

import httpx
import msgspec

from copydesk.data import minutes_path
from copydesk.demo import proof
from copydesk.demo.board import Board, Line
from copydesk.demo.cast import BTC, ETH, LEADS, LED, Copier, draw_copiers
from copydesk.demo.client import Client, Key, Refused
from copydesk.demo.house import Account, House
from copydesk.demo.ledger import Acknowledged, Ledger
from copydesk.demo.proof import Proof
from copydesk.demo.trading import Trader

BEGIN = "2025-05-08T20:00"
SPEED = 600.0  # ten minutes of market in a second
BEAT_S = 0.35
LOOK_S = 0.5
AT_ONCE = 16  # connections
KILL_AT, AMEND_AT, AMEND_BACK_AT, SNAPSHOT_AT = 0.55, 0.3, 0.42, 0.4
BURST_ORDERS, BURST_SETTINGS, BURST_ACKNOWLEDGED = 4, 40, 12


class Options(msgspec.Struct, frozen=True, gc=False):
    """What the caller chose."""

    copiers: int = 1_000
    duration: float = 60.0
    seed: int = 1
    leave: bool = False
    as_json: bool = False


class Stage:
    """One run of the demo."""

    def __init__(self, options: Options, house: House, board: Board, ledger: Ledger) -> None:
        self.options = options
        self.house = house
        self.board = board
        self.ledger = ledger
        self.copiers: list[Copier] = draw_copiers(options.copiers, options.seed)
        self.accounts: list[Account] = []
        self.traders: list[Trader] = []
        self.proofs: list[Proof] = []
        self.reasons: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self.unknown_found = 0
        self.recovered: dict[str, object] = {}
        self._open = asyncio.Event()  # the server is up
        self._over = asyncio.Event()
        self._timer = asyncio.get_running_loop().time
        self._began = self._timer()
        self._dice = Random(options.seed)
        self._marks: list[tuple[float, asyncio.Event]] = []
        self._round = cycle(range(len(self.copiers)))

    @property
    def feed(self) -> str:
        """The feed of the demo: the minutes that ship with the package, for ever."""
        files = ",".join(str(minutes_path(base)) for base in ("BTC", "ETH"))
        return f"replay:{files}?end=loop&from={BEGIN}"

    @property
    def elapsed(self) -> float:
        """Seconds since the curtain."""
        return self._timer() - self._began

    def tell(self, words: str) -> None:
        """Note an event."""
        self.ledger.events.append((self.elapsed, words))

    async def play(self, refresh: Callable[[float], None]) -> None:
        """Play all acts. Raises HouseError, Refused or httpx.TransportError if one cannot be."""
        showing = asyncio.create_task(self._show(refresh))
        try:
            await self._timed("setup", self.set_up())
            await self._timed("market", self.trade())
            await self._timed("proofs", self.prove())
        finally:
            self._over.set()
            await showing

    async def _timed(self, name: str, act: Awaitable[None]) -> None:
        began = self._timer()
        await act
        self.seconds[name] = round(self._timer() - began, 2)

    async def _show(self, refresh: Callable[[float], None]) -> None:
        while not self._over.is_set():
            refresh(self.elapsed)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), 0.2)
        refresh(self.elapsed)

    # Setting up -------------------------------------------------------------------------

    async def set_up(self) -> None:
        """Start the server, open all accounts, let the lead traders lead and the others follow."""
        await self.house.start(self.feed, SPEED, "--no-rate-limits")
        self.client = Client(self.house.url, connections=AT_ONCE)
        self.tell(f"server up at {self.house.url}, process {self.house.pid}")
        self.board.phase = "opening accounts"
        names = [lead.name for lead in LEADS] + [copier.name for copier in self.copiers]
        deposits = [lead.deposit for lead in LEADS] + [copier.deposit for copier in self.copiers]
        accounts = await self.house.open_accounts(names, deposits)
        self.accounts = accounts[len(LEADS) :]
        self.tell(f"{len(accounts):,} accounts with API keys")
        for number, (lead, account) in enumerate(zip(LEADS, accounts, strict=False)):
            trader = Trader(
                number,
                lead,
                account.key,
                account.unique_code,
                self.client,
                self.ledger,
                Random(self.options.seed * 10 + number),
            )
            await self._become_lead(trader)
            self.traders.append(trader)
            self.board.lines.append(Line(lead.name, lead.style, lead.deposit, lead.deposit))
        self.tell("Mira (momentum), Jun (scalper) and Ada (swing) lead BTC and ETH")
        self.board.phase = "choosing whom to copy"
        early = [n for n, copier in enumerate(self.copiers) if not copier.joins]
        await asyncio.gather(*map(self._prepare, range(len(self.copiers))))
        await asyncio.gather(*map(self._follow, early))
        self.tell(f"{len(self.ledger.settings):,} copy relations through first-copy-settings")
        self._open.set()

    async def _become_lead(self, trader: Trader) -> None:
        lead, key = trader.lead, trader.key
        await self._position_mode(key, lead.pos_mode)
        for inst_id in LED:
            await self._leverage(key, inst_id, lead.lever, lead.mgn_mode, lead.pos_mode)
        body = {"instType": "SWAP", "instId": ",".join(LED)}
        await self.client.post("/api/v5/copytrading/apply-lead-trading", body, key)

    async def _prepare(self, number: int) -> None:
        """Choose position mode and leverage; some hold a position of their own from before."""
        copier, key = self.copiers[number], self.accounts[number].key
        mode = "long_short_mode" if copier.long_short else "net_mode"
        if copier.long_short:
            await self._position_mode(key, mode)
        modes = {relation.settings["copyMgnMode"] for relation in copier.relations}
        for mgn_mode in ("cross", "isolated") if "copy" in modes else sorted(modes):
            for inst_id in LED if copier.lever else ():
                await self._leverage(key, inst_id, copier.lever, mgn_mode, mode)
        if copier.own:
            side = "long" if copier.own == "buy" else "short"
            body = {
                "instId": BTC,
                "tdMode": "cross",
                "side": copier.own,
                "ordType": "market",
                "sz": "0.1",
                "clOrdId": f"own{number}",
            }
            body |= {"posSide": side} if copier.long_short else {}
            order = (await self.client.post("/api/v5/trade/order", body, key))[0]
            self.ledger.orders[order["ordId"]] = Acknowledged(key, BTC, body["clOrdId"], own=True)

    async def _follow(self, number: int) -> None:
        """Begin to copy."""
        copier, key = self.copiers[number], self.accounts[number].key
        for relation in copier.relations:
            body = relation.settings | {"uniqueCode": self.traders[relation.lead].unique_code}
            await self.client.post("/api/v5/copytrading/first-copy-settings", body, key)
            self.ledger.settings[number, relation.lead] = relation.settings

    async def _position_mode(self, key: Key, mode: str) -> None:
        await self.client.post("/api/v5/account/set-position-mode", {"posMode": mode}, key)

    async def _leverage(
        self, key: Key, inst_id: str, lever: int, mgn_mode: str, pos_mode: str
    ) -> None:
        body = {"instId": inst_id, "lever": str(lever), "mgnMode": mgn_mode}
        sides = (
            ("long", "short") if (mgn_mode, pos_mode) == ("isolated", "long_short_mode") else ("",)
        )
        for side in sides:
            more = {"posSide": side} if side else {}
            await self.client.post("/api/v5/account/set-leverage", body | more, key)

    # Trading ----------------------------------------------------------------------------

    async def trade(self) -> None:
        """Let everybody act until the time is over; the kill comes in the middle of it."""
        self.board.phase = "trading"
        acts = [
            self._repeat(BEAT_S, partial(trader.beat, self.board.prices)) for trader in self.traders
        ]
        acts += [self._repeat(LOOK_S / 2, self._look_at_market), self._repeat(LOOK_S, self._look)]
        acts += [self._joiners(), self._leavers(), self._amend(), self._snapshot()]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(act) for act in acts]
            group.create_task(self._clock(tasks))

    async def _clock(self, tasks: list[asyncio.Task[None]]) -> None:
        """Count market time (the outage does not count), kill at its moment, end the acts."""
        killed = False
        while self.board.share < 1.0:
            await asyncio.sleep(0.1)
            self.board.share = min(1.0, self.board.share + 0.1 / self.options.duration)
            for share, reached in self._marks:
                if self.board.share >= share:
                    reached.set()
            if not killed and self.board.share >= KILL_AT:
                killed = True
                await self._timed("outage", self.kill_and_restart())
        for task in tasks:
            task.cancel()

    async def _repeat(self, every_s: float, act: Callable[[], Awaitable[None]]) -> None:
        """Act again and again while the server is up; after a broken connection wait for it."""
        while True:
            await self._open.wait()
            try:
                await act()
            except httpx.TransportError:
                if self._open.is_set():
                    raise
            await asyncio.sleep(every_s)

    async def _reach(self, share: float) -> None:
        """Wait until so much of the run is over and the server is up."""
        reached = asyncio.Event()
        self._marks.append((share, reached))
        await reached.wait()
        await self._open.wait()

    async def _look_at_market(self) -> None:
        await self.board.look_at_market(self.client)

    async def _look(self) -> None:
        await self.board.look_at_leads(self.client, self.traders, self.elapsed)
        await self.board.look_at_counters(self.client)
        numbers = [next(self._round) for _ in range(min(25, len(self.copiers)))]
        keys = [account.key for account in self.accounts]
        await self.board.look_at_copiers(self.client, keys, self.copiers, numbers)

    async def _joiners(self) -> None:
        """Let more copy traders begin, while the lead traders hold positions."""
        joining = [(copier.joins, n) for n, copier in enumerate(self.copiers) if copier.joins]
        for joins, number in sorted(joining):
            await self._reach(joins)
            self.ledger.late |= {(number, r.lead) for r in self.copiers[number].relations}
            try:
                await self._follow(number)
            except httpx.TransportError:
                continue  # the outcome is unknown, and nobody asks for it later
            except Refused as refusal:  # he wants ETH alone while Jun does not lead it
                self.ledger.refusals[refusal.code] += 1
                self.tell(
                    f"{self.copiers[number].name} may not copy: {refusal.code} {refusal.text}"
                )
        if joining:
            self.tell(f"{len(joining):,} more copy traders have begun while trading went on")

    async def _leavers(self) -> None:
        """Let copy traders stop, each at his moment and in his way."""
        leaving = [(c.stop, n) for n, c in enumerate(self.copiers) if c.stop is not None]
        told: Counter[str] = Counter()
        for stop, number in sorted(leaving, key=lambda pair: pair[0].at):
            await self._reach(stop.at)
            lead = self.copiers[number].relations[0].lead
            body = {
                "instType": "SWAP",
                "uniqueCode": self.traders[lead].unique_code,
                "subPosCloseType": stop.close_type,
            }
            key = self.accounts[number].key
            try:
                await self.client.post("/api/v5/copytrading/stop-copy-trading", body, key)
            except httpx.TransportError:
                self.ledger.stops_unknown.add((number, lead))
                continue
            except Refused as refusal:
                self.ledger.refusals[refusal.code] += 1
                continue
            self.ledger.stopped[number, lead] = stop.close_type
            told[stop.close_type] += 1
            if told[stop.close_type] == 1:
                self.tell(f"{self.copiers[number].name} stops copying with {stop.close_type}")

    async def _amend(self) -> None:
        """Let Jun drop ETH, and take it back: refused until he is flat there."""
        jun = self.traders[1]
        await self._reach(AMEND_AT)
        await self._set_instruments(jun, (BTC,))
        self.tell("Jun amends his instruments: BTC only; his open ETH copies stay linked")
        await self._reach(AMEND_BACK_AT)
        while True:
            try:
                await self._set_instruments(jun, LED)
            except Refused as refusal:
                self.ledger.refusals[refusal.code] += 1
                if self.ledger.refusals[refusal.code] == 1:
                    self.tell(f"Jun asks for ETH again: {refusal.code} {refusal.text}")
                await jun.cancel(await jun.pending(ETH))
                await jun.close_all(ETH)
                continue
            break
        self.tell("Jun is flat in ETH and leads it again")

    async def _set_instruments(self, trader: Trader, led: tuple[str, ...]) -> None:
        body = {"instType": "SWAP", "instId": ",".join(led)}
        await self.client.post("/api/v5/copytrading/set-instruments", body, trader.key)
        trader.led = led

    async def _snapshot(self) -> None:
        await self._reach(SNAPSHOT_AT)
        written = await asyncio.to_thread(self.house.ask, "snapshot")
        self.tell(f"snapshot of State after input {written['seq']:,}")

    def a_plain_copier(self) -> Account:
        """Pick somebody who has copied all the time; the first one if nobody has."""
        plain = (
            number
            for number, copier in enumerate(self.copiers)
            if copier.kind == "steady" and not copier.own and not copier.stop and not copier.joins
        )
        return self.accounts[next(plain, 0)]

    def _only_copying(self) -> list[Key]:
        """Keys of people who hold copies and nothing else: no trade by hand, nothing cut loose."""
        loose = {
            number
            for number, copier in enumerate(self.copiers)
            if copier.own
            or (copier.stop is not None and copier.stop.close_type == "manual_close")
            or any("slTotalAmt" in relation.settings for relation in copier.relations)
        }
        copying = {number for number, _ in self.ledger.settings}
        return [self.accounts[number].key for number in sorted(copying - loose)]

    # The kill ---------------------------------------------------------------------------

    async def kill_and_restart(self) -> None:
        """Kill the server in the middle of a burst of orders and settings; restart; prove."""
        self.board.phase = "kill -9"
        await self.board.look_at_counters(self.client)
        self.board.remember_counters()
        acknowledged = asyncio.Semaphore(0)
        burst = [
            asyncio.create_task(self._burst_order(t, acknowledged))
            for t in self.traders * BURST_ORDERS
        ]
        amends = sorted(self._amendable())
        amends = self._dice.sample(amends, k=min(BURST_SETTINGS, len(amends)))
        burst += [asyncio.create_task(self._burst_settings(*a, acknowledged)) for a in amends]
        for _ in range(min(BURST_ACKNOWLEDGED, len(burst) // 2)):
            await acknowledged.acquire()
        self._open.clear()
        await self.house.kill()
        self.tell(f"server killed with {len(self.ledger.orders):,} orders acknowledged")
        await asyncio.gather(*burst)
        await self.client.close()
        self.board.phase = "verifying the journal"
        verified = await self.house.verify()
        self.board.phase = "restarting"
        health = await self.house.start(self.feed, SPEED, "--no-rate-limits")
        self.client = Client(self.house.url, connections=AT_ONCE)
        for trader in self.traders:
            trader.client = self.client
        self.recovered = health["recovered"]
        self.tell(
            f"server up again: {self.recovered['inputs']:,} inputs replayed in "
            f"{self.recovered['seconds']:.2f} s"
        )
        codes = [trader.unique_code for trader in self.traders]
        self.proofs.append(proof.same_state(verified, health["recovered"]))
        self.proofs.append(proof.clean(verified, "right after the kill"))
        self.proofs += await proof.after_restart(self.client, self.ledger, self.accounts, codes)
        self.unknown_found = await proof.found_later(self.client, self.ledger.unknown)
        self.board.phase = "trading"
        self._open.set()

    def _amendable(self) -> set[tuple[int, int]]:
        """Relations without a loss limit that might have ended them, not stopped."""
        return {
            pair
            for pair, body in self.ledger.settings.items()
            if "slTotalAmt" not in body
            and pair not in self.ledger.stopped
            and pair not in self.ledger.stops_unknown
            and self.copiers[pair[0]].stop is None
        }

    async def _burst_order(self, trader: Trader, acknowledged: asyncio.Semaphore) -> None:
        """Send an order that opens a little more of what is held; the kill may cut it off."""
        with suppress(httpx.TransportError):
            try:
                held = {row["instId"]: row for row in await trader.positions(BTC)}
                row = held.get(BTC, {"pos": "1", "posSide": ""})
                short = row["posSide"] == "short" or float(row["pos"]) < 0
                more = {"posSide": "short" if short else "long"} if trader.number == 1 else {}
                await trader.order(BTC, "sell" if short else "buy", trader.size(BTC, 2_000), **more)
            except Refused as refusal:
                self.ledger.refusals[refusal.code] += 1
            acknowledged.release()

    async def _burst_settings(
        self, number: int, lead: int, acknowledged: asyncio.Semaphore
    ) -> None:
        """Amend the cap of a relation; if the kill cuts it off, the old or the new one is right."""
        body = dict(self.ledger.settings[number, lead])
        body["copyTotalAmt"] = str(min(30_000, int(body["copyTotalAmt"]) + 1))
        sent = body | {"uniqueCode": self.traders[lead].unique_code}
        self.ledger.amended[number, lead] = body
        with suppress(httpx.TransportError):
            try:
                key = self.accounts[number].key
                await self.client.post("/api/v5/copytrading/amend-copy-settings", sent, key)
                self.ledger.settings[number, lead] = body
            except Refused as refusal:
                self.ledger.refusals[refusal.code] += 1
                del self.ledger.amended[number, lead]
            acknowledged.release()

    # The end ----------------------------------------------------------------------------

    async def prove(self) -> None:
        """Look at everybody once more, and at every pair of a lead position and a relation."""
        self.board.phase = "looking at every copy"
        for trader in self.traders:  # nothing may open while we count
            for inst_id in LED:
                await trader.cancel(await trader.pending(inst_id))
        keys = [account.key for account in self.accounts]
        await self.board.look_at_leads(self.client, self.traders, self.elapsed)
        await self.board.look_at_counters(self.client)
        everyone = list(range(len(self.copiers)))
        await self.board.look_at_copiers(self.client, keys, self.copiers, everyone)
        proofs, self.reasons = await proof.at_the_end(
            self.house, self.client, self.traders, self.accounts, self.ledger
        )
        self.proofs += proofs
        self.proofs.append(await proof.sums_of_copies(self.client, self._only_copying()))
        self.board.phase = "verifying the journal"
        self.proofs.append(proof.clean(await self.house.verify(), "at the end"))
        self.board.phase = "done"
