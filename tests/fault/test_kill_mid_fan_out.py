"""kill -9 in the middle of fan-outs to 1,000 copy traders, twenty times at random moments.

Two lead traders whom all of them copy, traders with orders of their own, and copy traders who stop
and begin again, all at once. Acknowledged orders lost 0, orders and copies doubled 0, pairs without
copy or reason 0, `verify` clean. The counts are printed (pytest -s).
"""

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from tests.support.server import Server, Trader

from copydesk.cli import main
from copydesk.engine.state import State
from copydesk.journal.disk import RealDisk
from copydesk.journal.log import Journal
from copydesk.model.enums import CopyState, InstType, NoCopyReason, OrderState
from copydesk.model.ids import UID_BASE
from copydesk.node.genesis import shipped
from copydesk.node.recovery import replay

INST = "BTC-USDT-SWAP"
COPY = "/api/v5/copytrading/"
COPIERS, KILLS, LEADS, OTHERS, WANDERERS = 1_000, 20, 2, 2, 4
CLOSE_TYPES = ("market_close", "copy_close", "manual_close")
OPTIONS = ("--no-rate-limits", "--digest-inputs", "200", "--snapshot-inputs", "1500")
DEEP = ("--liquidity", "50:100000000:8")


class Gone(Exception):
    """The server went away: what became of the request nobody knows."""


class Countdown:
    """An event that is set after so many counts."""

    def __init__(self, left: int) -> None:
        self.reached = threading.Event()
        self._left = left
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self.reached.set()


class Crowd:
    """Everybody on the server, what they send, and what they were told."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sent: set[str] = set()  # clOrdIds
        self.told: dict[str, int] = {}  # ordIds of what was acknowledged, by clOrdId
        self.leading: set[int] = set()  # those of them that opened a lead position
        self.copying: dict[tuple[int, int], bool | None] = {}  # of wanderers; None: not known
        self._names = itertools.count()
        self.leads = [server.open_account(f"lead {n}", "1000000") for n in range(LEADS)]
        for lead in self.leads:
            accepted(lead, COPY + "apply-lead-trading", instId=INST)
        self.others = [server.open_account(f"other {n}", "100000") for n in range(OTHERS)]
        with ThreadPoolExecutor(4) as pool:
            self.copiers = list(pool.map(self._copier, range(COPIERS)))
        self.wanderers = self.copiers[:WANDERERS]

    def _copier(self, number: int) -> Trader:
        trader = self.server.open_account(f"copier {number}", "1000")
        accepted(trader, "/api/v5/account/set-position-mode", posMode="long_short_mode")
        for lead in self.leads:
            assert follow(trader, lead, number)["code"] == "0"
        return trader

    def order(self, trader: Trader, side: str, sz: str) -> int:
        """Place an order that must be accepted; its ordId. Raises Gone."""
        name = f"o{next(self._names)}"
        self.sent.add(name)
        order = {"instId": INST, "tdMode": "cross", "ordType": "market", "sz": sz, "side": side}
        answer = accepted(trader, "/api/v5/trade/order", **order, clOrdId=name)
        ord_id = self.told[name] = int(answer["data"][0]["ordId"])
        return ord_id

    def lead_on(self, lead: Trader, enough: Countdown) -> None:
        """Open and close."""
        while True:
            self.leading.add(self.order(lead, "buy", "0.03"))
            self.order(lead, "sell", "0.03")
            enough.count()

    def trade_on(self, trader: Trader, enough: Countdown) -> None:
        for side in itertools.cycle(("buy", "sell")):
            self.order(trader, side, "0.02")
            enough.count()

    def wander(self, trader: Trader, enough: Countdown) -> None:
        """Stop copying in one way after the other, and begin again."""
        for how in itertools.cycle(CLOSE_TYPES):
            for lead in self.leads:
                pair = row_of(lead), row_of(trader)
                self.copying[pair] = None
                stop = {"uniqueCode": lead.unique_code, "subPosCloseType": how}
                answer = post(trader, COPY + "stop-copy-trading", **stop)
                assert answer["code"] in ("0", "59267", "59278"), answer  # 59278: not flat yet
                answer = follow(trader, lead, 1)
                assert answer["code"] in ("0", "59278"), answer
                self.copying[pair] = answer["code"] == "0"
            enough.count()

    def kill_under_load(self, dice: random.Random) -> None:
        """Let everybody go on, then kill the server a moment later."""
        enough = Countdown(dice.randint(2, 150))
        work = [(self.lead_on, self.leads), (self.trade_on, self.others)]
        work.append((self.wander, self.wanderers))
        threads = [
            threading.Thread(target=until_gone, args=(act, trader, enough))
            for act, traders in work
            for trader in traders
        ]
        for thread in threads:
            thread.start()
        assert enough.reached.wait(60)
        threading.Event().wait(dice.uniform(0, 0.02))  # any moment will do
        self.server.process.kill()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        self.server.kill()

    def flatten(self) -> None:
        """Close what a lead trader still holds because an answer was lost."""
        for lead in self.leads:
            answer = post(lead, "/api/v5/trade/close-position", instId=INST, mgnMode="cross")
            assert answer["code"] in ("0", "51023"), answer


def until_gone(act: Callable[[Trader, Countdown], None], trader: Trader, enough: Countdown) -> None:
    try:
        act(trader, enough)
    except Gone:
        return


def post(trader: Trader, target: str, **fields: str) -> dict[str, Any]:
    try:
        return trader.post(target, fields)
    except (httpx.TransportError, msgspec.DecodeError) as error:
        raise Gone from error


def accepted(trader: Trader, target: str, **fields: str) -> dict[str, Any]:
    answer = post(trader, target, **fields)
    assert answer["code"] == "0", answer
    return answer


def follow(trader: Trader, lead: Trader, number: int) -> dict[str, Any]:
    settings = {
        "uniqueCode": lead.unique_code,
        "copyMgnMode": ("cross", "isolated")[number % 3 == 0],
        "copyInstIdType": "copy",
        "copyMode": "ratio_copy",
        "copyRatio": ("0.5", "1", "0.01")[number % 3],  # every third one is too small to copy
        "copyTotalAmt": "30000",
    }
    return post(trader, COPY + "first-copy-settings", **settings)


def row_of(trader: Trader) -> int:
    return int(trader.uid) - UID_BASE


def priced(server: Server) -> None:
    for _ in range(100_000):
        if server.get(f"/api/v5/market/ticker?instId={INST}")["data"][0]["last"]:
            return
    pytest.fail("no price")


def verified(server: Server) -> None:
    done = CliRunner().invoke(main, ["verify", "--data", str(server.data), "--json"])
    assert done.exit_code == 0, done.output
    assert msgspec.json.decode(done.stdout, type=dict[str, object])["broken"] == []


def state_on_disk(server: Server) -> State:
    """The State that the journal of a dead server amounts to."""
    genesis = shipped()
    journal = Journal.open_read_only(server.data, RealDisk(), genesis.header())
    state = genesis.state()
    replay(state, journal.read(), {})
    journal.close()
    return state


# Counting what went wrong, without asking the engine's own invariants --------------------------


def counted(crowd: Crowd, state: State) -> Counter[str]:
    """Count what happened, and what must not have happened."""
    counts = Counter[str]()
    count_orders(crowd, state, counts)
    for position in range(state.lead_positions.count):
        count_pairs(crowd, state, position, counts)
    count_relations(crowd, state, counts)
    return counts


def count_orders(crowd: Crowd, state: State, counts: Counter[str]) -> None:
    orders = state.orders
    names = [bytes(name).decode() for name in orders.live("cl_ord_id") if name]
    ids = orders.live("ord_id").tolist()
    filled = set(orders.live("ord_id")[orders.live("state") == OrderState.FILLED].tolist())
    led = state.lead_positions.live("ord_id").tolist()
    counts["acknowledged"] = len(crowd.told)
    counts["acknowledged orders lost"] = len(set(crowd.told.values()) - filled)
    counts["acknowledged orders lost"] += len(crowd.told.keys() - set(names))
    counts["lead orders that were not led"] = len(crowd.leading - set(led))
    counts["orders doubled"] = len(names) - len(set(names)) + len(ids) - len(set(ids))
    counts["lead positions doubled"] = len(led) - len(set(led))
    unanswered = crowd.sent - crowd.told.keys()
    counts["unanswered"] = len(unanswered)
    counts["unanswered, yet on disk and applied"] = len(unanswered & set(names))


def count_pairs(crowd: Crowd, state: State, position: int, counts: Counter[str]) -> None:
    """A pair: a lead position and a relation that was active when it opened."""
    lead, copies, relations = state.lead_positions, state.copies, state.relations
    start = int(lead.block_start[position])
    block = slice(start, start + int(lead.block_count[position]))
    opened = lead.opened_ns[position]
    owners = copies.account_row[block]
    made = copies.state[block] != CopyState.NOT_MADE
    told = copies.reason[block] != NoCopyReason.NONE
    counts["pairs"] += len(owners)
    counts["copies"] += int(made.sum())
    counts["copies doubled"] += len(owners) - len(np.unique(owners))
    counts["pairs without copy or reason"] += int((~made & ~told).sum())
    counts["copies without size"] += int((made != (copies.size_lots[block] > 0)).sum())
    of_lead = relations.live("lead_row") == lead.lead_row[position]
    ended = relations.live("ended_ns")
    active = of_lead & (relations.live("began_ns") < opened) & ((ended == 0) | (ended > opened))
    missed = np.setdiff1d(np.flatnonzero(active), copies.relation_row[block])
    steady = [row_of(trader) for trader in crowd.copiers[WANDERERS:]]
    counts["pairs without copy or reason"] += len(missed) + len(np.setdiff1d(steady, owners))
    left = copies.size_lots[block] - copies.closed_lots[block] - copies.owed_lots[block]
    follows = copies.state[block] == CopyState.OPEN
    if lead.closed_lots[position] == lead.size_lots[position]:
        counts["copies that stayed behind"] += int((follows & (left > 0)).sum())


def count_relations(crowd: Crowd, state: State, counts: Counter[str]) -> None:
    relations = state.relations
    for (lead, copier), copying in crowd.copying.items():
        term = state.index.lead_by_account[lead, int(InstType.SWAP)]
        row = state.index.relation_by_pair[term, copier]
        if copying is not None and copying != (relations.ended_ns[row] == 0):
            counts["acknowledged stops or starts lost"] += 1
        counts["stops and starts compared"] += copying is not None


WRONG = (
    "acknowledged orders lost",
    "acknowledged stops or starts lost",
    "lead orders that were not led",
    "orders doubled",
    "lead positions doubled",
    "copies doubled",
    "copies without size",
    "copies that stayed behind",
    "pairs without copy or reason",
)


@pytest.mark.long
def test_twenty_kills_in_the_middle_of_fan_outs_to_a_thousand(tmp_path: Path) -> None:
    dice = random.Random(20)
    with Server(tmp_path / "data", *OPTIONS, *DEEP, feed="simulated:BTC") as server:
        priced(server)
        crowd = Crowd(server)
        in_the_middle = compared = 0
        for kill in range(KILLS):
            before = len(crowd.sent - crowd.told.keys())
            crowd.kill_under_load(dice)
            verified(server)
            counts = counted(crowd, state_on_disk(server))
            assert [name for name in WRONG if counts[name]] == [], (kill, counts)
            in_the_middle += len(crowd.sent - crowd.told.keys()) > before
            compared += counts["stops and starts compared"]
            server.start()
            assert not server.ask("health")["recovered"]["clean"]
            priced(server)
            crowd.flatten()
        assert server.stop() == 0
        verified(server)
        counts = counted(crowd, state_on_disk(server))
        print(f"\nkills {KILLS}, of them with orders in flight {in_the_middle}")
        counts["stops and starts compared"] = compared
        names = [*(name for name in counts if name not in WRONG), *WRONG]
        print(*(f"{counts[name]:>10,}  {name}" for name in names), sep="\n")
        assert [name for name in WRONG if counts[name]] == []
        assert counts["pairs"] > 1_000 * KILLS
