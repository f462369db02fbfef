"""kill -9 in the middle of fan-outs to 1,000 copy traders, twenty times at random moments.

Acknowledged orders lost 0, copies doubled 0, pairs without copy or reason 0, `verify` clean.
"""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
from copydesk.model.enums import CopyState, NoCopyReason
from copydesk.model.ids import UID_BASE
from copydesk.node.genesis import shipped
from copydesk.node.recovery import replay

INST = "BTC-USDT-SWAP"
COPY = "/api/v5/copytrading/"
COPIERS, KILLS, LEADS = 1_000, 20, 2


class Floor:
    """Lead traders whom everybody copies (half of the copy traders each), and what was answered."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.leads = [server.open_account(f"lead {n}", "1000000") for n in range(LEADS)]
        for lead in self.leads:
            accepted(lead, COPY + "apply-lead-trading", {"instId": INST})
        with ThreadPoolExecutor(4) as pool:
            self.copiers = list(pool.map(self._copier, range(COPIERS)))
        self.opened: set[int] = set()  # ordId of acknowledged orders
        self.closed: set[int] = set()

    def _copier(self, number: int) -> Trader:
        trader = self.server.open_account(f"copier {number}", "1000")
        settings = {
            "uniqueCode": self.leads[number % LEADS].unique_code,
            "copyMgnMode": ("cross", "isolated")[number % 3 == 0],
            "copyInstIdType": "copy",
            "copyMode": "ratio_copy",
            "copyRatio": ("0.5", "1", "0.01")[number % 3],  # every third one is too small to copy
            "copyTotalAmt": "30000",
        }
        accepted(trader, COPY + "first-copy-settings", settings)
        return trader

    def trade(self, lead: Trader, enough: "Countdown") -> None:
        """Open and close until the server goes away, noting what it acknowledged."""
        order = {"instId": INST, "tdMode": "cross", "ordType": "market", "sz": "0.03"}
        while True:
            for side, noted in (("buy", self.opened), ("sell", self.closed)):
                try:
                    answer = lead.post("/api/v5/trade/order", {**order, "side": side})
                except (httpx.TransportError, msgspec.DecodeError):
                    return  # what became of this one nobody knows
                if answer["code"] != "0":
                    return  # nothing left to close: the last answer was lost
                noted.add(int(answer["data"][0]["ordId"]))
                enough.count()

    def kill_under_load(self, dice: random.Random) -> None:
        """Let everybody trade, then kill the server a moment later."""
        enough = Countdown(dice.randint(2, 60))
        threads = [threading.Thread(target=self.trade, args=(x, enough)) for x in self.leads]
        for thread in threads:
            thread.start()
        assert enough.reached.wait(60)
        threading.Event().wait(dice.uniform(0, 0.02))  # any moment will do
        self.server.kill()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def flatten(self) -> None:
        """Close what a lead trader still holds because an answer was lost."""
        for lead in self.leads:
            close = {"instId": INST, "mgnMode": "cross"}
            answer = lead.post("/api/v5/trade/close-position", close)
            assert answer["code"] in ("0", "51023"), answer


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


def accepted(trader: Trader, target: str, fields: dict[str, str]) -> None:
    answer = trader.post(target, fields)
    assert answer["code"] == "0", answer


def priced(server: Server) -> None:
    for _ in range(100_000):
        if server.get(f"/api/v5/market/ticker?instId={INST}")["data"]:
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


def check_copies(floor: Floor, state: State) -> None:
    """Every acknowledged order is there, each fill with each of its copy traders exactly once."""
    lead, copies = state.lead_positions, state.copies
    orders = set(state.orders.live("ord_id").tolist())
    assert floor.opened | floor.closed <= orders, "acknowledged orders lost"
    opening = lead.live("ord_id").tolist()
    assert floor.opened <= set(opening), "acknowledged lead orders without a lead position"
    assert len(set(opening)) == len(opening), "lead positions doubled"
    rows = [int(trader.uid) - UID_BASE for trader in floor.copiers]
    of_lead = {int(floor.leads[n].uid) - UID_BASE: rows[n::LEADS] for n in range(LEADS)}
    for position in range(lead.count):
        start = int(lead.block_start[position])
        block = slice(start, start + int(lead.block_count[position]))
        owners = copies.account_row[block].tolist()
        assert owners == sorted(of_lead[int(lead.account_row[position])]), "a copy trader left out"
        made = copies.state[block] != CopyState.NOT_MADE
        told = copies.reason[block] != NoCopyReason.NONE
        assert (made | told).all(), "a pair without copy or reason"
        assert np.array_equal(made, copies.size_lots[block] > 0)
        done = lead.closed_lots[position] == lead.size_lots[position]
        left = copies.size_lots[block] - copies.closed_lots[block] - copies.owed_lots[block]
        assert not done or not left.any(), "a copy that stayed behind"


@pytest.mark.long
def test_twenty_kills_in_the_middle_of_fan_outs_to_a_thousand(tmp_path: Path) -> None:
    dice = random.Random(20)
    options = ("--no-rate-limits", "--digest-inputs", "200", "--snapshot-inputs", "1500")
    deep = ("--liquidity", "50:100000000:8")
    with Server(tmp_path / "data", *options, *deep, feed="simulated:BTC") as server:
        priced(server)
        floor = Floor(server)
        for _ in range(KILLS):
            floor.kill_under_load(dice)
            verified(server)
            check_copies(floor, state_on_disk(server))
            server.start()
            assert not server.ask("health")["recovered"]["clean"]
            priced(server)
            floor.flatten()
        assert len(floor.opened) > 10 * KILLS
        assert server.stop() == 0
        verified(server)
        check_copies(floor, state_on_disk(server))
