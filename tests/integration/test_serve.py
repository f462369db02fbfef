"""A real server in a process of its own: start, doors, stop, crash, second writer."""

from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from tests.support.server import Server

from copydesk.cli import main


def told(server: Server, *arguments: str) -> object:
    """What a command of the command line prints as JSON."""
    done = CliRunner().invoke(main, [*arguments, "--data", str(server.data), "--json"])
    assert done.exit_code == 0, done.output
    return msgspec.json.decode(done.stdout)


def test_it_starts_answers_and_stops_in_good_order(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        assert server.get("/api/v5/public/time")["code"] == "0"
        assert server.client.get("/readyz").status_code == 200
        assert "copydesk_inputs_total" in server.client.get("/metrics").text
        health = server.ask("health")
        assert health["http"] == server.http
        assert health["pid"] == server.process.pid
        assert server.stop() == 0
        log = [msgspec.json.decode(line) for line in server.errors().splitlines()]
        assert [line["event"] for line in log][-1] == "stopped"
    with Server(tmp_path / "data") as server:
        assert server.ask("health")["recovered"]["clean"]


def test_an_account_is_opened_by_command_and_used_with_its_key(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        made = told(server, "account", "create", "lead", "--deposit", "1000")
        assert isinstance(made, dict)
        told(server, "account", "deposit", "--account", made["uid"], "--amount", "500")
        trader = server.open_account("copier", "250", label="bot")
        listed = told(server, "account", "list")
        assert isinstance(listed, list)
        assert [(row["name"], row["usdt"]) for row in listed] == [
            ("lead", "1500"),
            ("copier", "250"),
        ]
        balance = trader.get("/api/v5/account/balance?ccy=USDT")
        assert balance["data"][0]["details"][0]["cashBal"] == "250"
        told(server, "account", "key", "delete", "--api-key", trader.key["api_key"])
        assert trader.get("/api/v5/account/balance")["code"] == "50119"


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--digest-inputs", "20") as server:
        trader = server.open_account("lead", "100")
        for _ in range(50):
            server.ask("account deposit", account=trader.uid, amount="1")
        server.kill()
        server.start()
        recovered = server.ask("health")["recovered"]
        assert not recovered["clean"]
        assert recovered["inputs"] == 51
        assert recovered["digests_compared"] == 2
        balance = trader.get("/api/v5/account/balance?ccy=USDT")
        assert balance["data"][0]["details"][0]["cashBal"] == "150"
        found = told(server, "verify")
        assert isinstance(found, dict)
        assert found["broken"] == []
        assert found["running_pid"] == server.process.pid


def test_a_second_server_is_refused_and_the_first_does_not_notice(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        second = Server(tmp_path / "data")
        second.log = tmp_path / "second.log"
        with pytest.raises(AssertionError, match=f"in use by process {server.process.pid}"):
            second.start()
        assert second.wait() == 1
        assert server.get("/api/v5/public/time")["code"] == "0"


def test_a_taken_port_is_told_in_words(tmp_path: Path) -> None:
    with Server(tmp_path / "one") as server:
        port = server.http.rpartition(":")[2]
        other = Server(tmp_path / "two", "--port", port)
        with pytest.raises(AssertionError, match=f"cannot listen on 127.0.0.1 port {port}"):
            other.start()
        assert other.wait() == 1


def test_a_feed_moves_the_market_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--speed", "0", feed="simulated:BTC") as server:
        first = moved(server, "0")
        server.kill()
        server.start()
        moved(server, first)
        assert server.stop() == 0
        assert server.client.is_closed


def moved(server: Server, since_ms: str) -> str:
    """Ask until the market's time has passed a moment."""
    for _ in range(2_000):
        answer = server.get("/api/v5/public/mark-price?instType=SWAP&instId=BTC-USDT-SWAP")
        if answer["data"] and int(answer["data"][0]["ts"]) > int(since_ms):
            return str(answer["data"][0]["ts"])
    pytest.fail(f"the market stands still at {since_ms}")


def test_a_snapshot_on_demand_is_what_the_next_start_begins_with(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        server.open_account("lead", "100")
        taken = told(server, "snapshot")
        assert isinstance(taken, dict)
        assert taken["written"]
        server.kill()
        server.start()
        recovered = server.ask("health")["recovered"]
        assert (recovered["from_snapshot"], recovered["digest"]) == (1, taken["digest"])


def test_no_secret_reaches_the_log(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--log-level", "debug") as server:
        trader = server.open_account("lead", "100")
        trader.get("/api/v5/account/balance")
        trader.key["passphrase"] += "x"
        assert trader.get("/api/v5/account/balance")["code"] == "50105"
        server.stop()
        log = server.errors()
        assert trader.key["secret_key"] not in log
        assert trader.key["passphrase"][:-1] not in log


def test_a_stopping_server_answers_what_it_took_in(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        server.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.http}/api/v5/public/time", trust_env=False)
