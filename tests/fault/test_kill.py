"""Kill a real server in the middle of load; fill its disk. What it acknowledged is there
afterwards."""

import random
import resource
import threading
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from tests.support.server import Server, Trader

from copydesk.cli import main
from copydesk.node.admin_client import AdminError
from copydesk.node.boot import EXIT_FAILED

INST = "BTC-USDT-SWAP"
TRADERS = 6


class Load:
    """Traders who place one order after the other until the server goes away."""

    def __init__(self, traders: list[Trader], enough: int) -> None:
        self.acknowledged: list[tuple[Trader, str]] = []
        self.enough = threading.Event()
        self._enough = enough
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._trade, args=(number, trader))
            for number, trader in enumerate(traders)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _trade(self, number: int, trader: Trader) -> None:
        order = {"instId": INST, "tdMode": "cross", "ordType": "market", "sz": "0.01"}
        side = ("buy", "sell")[number % 2]
        while True:
            try:
                answer = trader.post("/api/v5/trade/order", {**order, "side": side})
            except (httpx.TransportError, msgspec.DecodeError):
                return  # the outcome of this one is unknown
            if answer["code"] != "0":
                return  # stopped between two orders
            with self._lock:
                self.acknowledged.append((trader, answer["data"][0]["ordId"]))
                if len(self.acknowledged) >= self._enough:
                    self.enough.set()


def verified(server: Server) -> dict[str, object]:
    done = CliRunner().invoke(main, ["verify", "--data", str(server.data), "--json"])
    assert done.exit_code == 0, done.output
    return msgspec.json.decode(done.stdout, type=dict[str, object])


def priced(server: Server) -> None:
    """Wait until the market has a price."""
    for _ in range(5_000):
        if server.get(f"/api/v5/market/ticker?instId={INST}")["data"][0]["last"]:
            return
    pytest.fail("no price")


@pytest.mark.long
def test_kill_in_the_middle_of_load(tmp_path: Path) -> None:
    dice = random.Random(3)
    options = ("--no-rate-limits", "--digest-inputs", "50", "--snapshot-inputs", "400")
    with Server(tmp_path / "data", *options, feed="simulated:BTC") as server:
        priced(server)
        traders = [server.open_account(f"t{n}", "100000") for n in range(TRADERS)]
        acknowledged: list[tuple[Trader, str]] = []
        for _ in range(8):
            load = Load(traders, enough=dice.randint(20, 400))
            load.start()
            assert load.enough.wait(60)
            server.kill()
            load.join()
            acknowledged += load.acknowledged
            assert verified(server)["broken"] == []
            server.start()
            recovered = server.ask("health")["recovered"]
            assert not recovered["clean"]
        for trader, ord_id in acknowledged:
            answer = trader.get(f"/api/v5/trade/order?instId={INST}&ordId={ord_id}")
            assert answer["data"][0]["state"] == "filled", ord_id
        assert len({ord_id for _, ord_id in acknowledged}) == len(acknowledged)
        assert server.stop() == 0
    assert verified(server)["broken"] == []


def test_a_stop_in_the_middle_of_load_answers_what_it_took_in(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--no-rate-limits", feed="simulated:BTC") as server:
        priced(server)
        traders = [server.open_account(f"t{n}", "100000") for n in range(TRADERS)]
        load = Load(traders, enough=50)
        load.start()
        assert load.enough.wait(60)
        assert server.stop() == 0
        load.join()
        server.start()
        assert server.ask("health")["recovered"]["clean"]
        for trader, ord_id in load.acknowledged:
            answer = trader.get(f"/api/v5/trade/order?instId={INST}&ordId={ord_id}")
            assert answer["data"][0]["state"] == "filled", ord_id


def deposited(server: Server, trader: Trader) -> bool:
    """Pay in, and tell whether the server said that it took effect."""
    try:
        server.ask("account deposit", account=trader.uid, amount="1")
    except AdminError:
        return False
    return True


def test_a_full_disk_stops_the_server_loudly_and_loses_nothing(tmp_path: Path) -> None:
    """The kernel refuses to let the journal grow: no answer, exit code 70, and all is there
    later."""
    with Server(tmp_path / "data") as server:
        trader = server.open_account("lead", "100")
        size = (server.data / "journal.sqlite-wal").stat().st_size
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 30_000, hard))
        paid = 0
        while deposited(server, trader):
            paid += 1
        assert server.wait() == EXIT_FAILED
        assert "engine_failed" in server.errors()
        assert paid > 0
        server.start()
        recovered = server.ask("health")["recovered"]
        assert not recovered["clean"]
        balance = trader.get("/api/v5/account/balance?ccy=USDT")
        assert int(balance["data"][0]["details"][0]["cashBal"]) - 100 in (paid, paid + 1)
        assert server.stop() == 0
