"""One WebSocket connection: login, subscriptions, errors, without a socket."""

import asyncio

import msgspec
import pytest
import structlog
from tests.unit.api.connections import (
    BTC,
    OTHER_KEY,
    Bench,
    login,
    say,
    settle,
    subscribe,
    until,
)
from tests.unit.api.support import E8, make_key

from copydesk.api import pushes
from copydesk.api import session as sessions
from copydesk.api.channels import Url
from copydesk.api.desk import Settings
from copydesk.api.session import Session
from copydesk.model.enums import LeadInfoType, OrdType, PosSide, Side
from copydesk.model.inputs import CancelOrder, Deposit
from copydesk.model.outputs import Done, LeadTradeNotLed, Output


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather nothing: what is touched is pushed at the next turn of the loop."""
    monkeypatch.setattr(pushes, "GATHER_S", 0.0)


# Requests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent, code, echoed",
    [
        (b"{", "60012", ""),
        (b"[]", "60012", ""),
        (b"\xff\xfe", "60012", ""),
        (b"PING", "60012", ""),
        ({"id": "7"}, "60012", "7"),
        ({"id": "7", "op": 3, "args": []}, "60012", "7"),
        ({"id": "7", "op": "subscribe", "argss": []}, "60012", "7"),
        ({"id": "7", "op": "ping"}, "60019", "7"),
        ({"id": "7", "op": "subscribe", "args": []}, "60013", "7"),
        ({"id": "7", "op": "subscribe", "args": {"channel": "tickers"}}, "60013", "7"),
        ({"id": "7", "op": "subscribe", "args": ["tickers"]}, "60013", "7"),
        ({"id": "7", "op": "subscribe", "args": [{"channel": 5}]}, "60013", "7"),
        ({"id": "no id!", "op": "x"}, "60019", ""),
        ({"id": 7, "op": "x"}, "60019", ""),
        (subscribe(), "60027", "1512"),
        (subscribe(channel="tickers"), "60027", "1512"),
        (subscribe(channel="tickers", instId=""), "60027", "1512"),
        (subscribe(channel="nonsense"), "60018", "1512"),
        (subscribe(channel="tickers", instId="btc-usdt-swap"), "60018", "1512"),
        (subscribe(channel="orders", instType="ANY"), "60008", "1512"),
        (subscribe(channel="copytrading-lead-notification", instType="SWAP"), "64001", "1512"),
    ],
)
def test_requests_that_are_refused(sent: object, code: str, echoed: str) -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("public")
        say(session, sent)
        (event,) = wire.take()
        assert (event["event"], event["code"], event.get("id", "")) == ("error", code, echoed)
        assert event["connId"] == "00000001"
        assert not wire.closed
        await bench.pushes.close()

    asyncio.run(work())


@pytest.mark.parametrize(
    "url, arg, code",
    [
        ("private", {"channel": "orders", "instType": "ANY"}, "60011"),
        ("private", {"channel": "tickers", "instId": "BTC-USDT-SWAP"}, "60008"),
        ("business", {"channel": "tickers", "instId": "BTC-USDT-SWAP"}, "64002"),
        ("business", {"channel": "copytrading-lead-notification", "instType": "SWAP"}, "60011"),
    ],
)
def test_channels_belong_to_urls_and_private_ones_need_a_login(
    url: Url, arg: dict[str, object], code: str
) -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect(url)
        say(session, subscribe(**arg))
        assert wire.take()[0]["code"] == code
        await bench.pushes.close()

    asyncio.run(work())


@pytest.mark.parametrize(
    "arg, code",
    [
        ({"channel": "orders"}, "60027"),
        ({"channel": "orders", "instType": "swap"}, "60033"),
        ({"channel": "orders", "instType": "SPOT", "instId": "BTC-USDT-SWAP"}, "60018"),
        ({"channel": "positions", "instType": "ANY", "extraParams": "{"}, "60033"),
    ],
)
def test_wrong_arguments_of_private_channels(arg: dict[str, object], code: str) -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(**arg))
        assert wire.take()[0]["code"] == code
        await bench.pushes.close()

    asyncio.run(work())


def test_errors_speak_the_language_of_the_upgrade() -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("private", "zh")
        say(session, subscribe(channel="account"))
        assert wire.take()[0]["msg"] == "请先登录。"
        await bench.pushes.close()

    asyncio.run(work())


def test_ping_is_answered_in_plain_text_and_counts_as_traffic() -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("public")
        bench.house.now_ns += 25 * 10**9
        say(session, b"ping")
        assert wire.sent == [b"pong"]
        assert session.heard_ns == bench.house.now_ns
        await bench.pushes.close()

    asyncio.run(work())


def test_requests_per_hour_are_bounded() -> None:
    async def work() -> None:
        bench = Bench(ws_requests_per_hour=2)
        session, wire = bench.connect("public")
        for _ in range(3):
            say(session, subscribe(channel="nonsense"))
        assert [event["code"] for event in wire.take()] == ["60018", "60018", "60014"]
        bench.house.now_ns += sessions.HOUR_NS
        say(session, subscribe(channel="nonsense"))
        assert wire.take()[0]["code"] == "60018"
        await bench.pushes.close()

    asyncio.run(work())


# Login -------------------------------------------------------------------------------------------


def test_login_and_login_again() -> None:
    """python-okx logs in before each subscription: that is answered, not punished."""

    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("private")
        for _ in range(2):
            say(session, login(bench.house))
            assert wire.take() == [{"event": "login", "code": "0", "msg": "", "connId": "00000001"}]
        say(session, login(bench.house, timestamp=bench.house.now_ns // 10**9))
        assert wire.take()[0]["event"] == "login"
        other = make_key(bench.account_row + 1)
        other.api_key = OTHER_KEY
        bench.house.keys[OTHER_KEY] = other
        say(session, login(bench.house, apiKey=OTHER_KEY))
        assert wire.take()[0]["code"] == "60031"
        assert session.account_row == bench.account_row
        await bench.pushes.close()

    asyncio.run(work())


def test_the_third_failed_login_closes() -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("private")
        for count in (1, 2, 3):
            say(session, login(bench.house, passphrase="Wrong-Pass.1"))
            assert wire.take()[0]["code"] == "60024"
            assert wire.closed == ([4001] if count == 3 else [])
        await bench.pushes.close()

    asyncio.run(work())


@pytest.mark.parametrize(
    "sent",
    [
        {"op": "login", "args": [{"passphrase": "Very-Secret.1"}, {}]},
        {"op": "login", "argss": [{"passphrase": "Very-Secret.1"}]},
        b'{"op":"login","args":[{"passphrase":"Very-Secret.1"',
    ],
)
def test_what_was_presented_to_log_in_never_comes_back(sent: object) -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("private")
        say(session, sent)
        assert wire.sent
        assert b"Very-Secret" not in b"".join(wire.sent)
        await bench.pushes.close()

    asyncio.run(work())


# Subscriptions and pushes ------------------------------------------------------------------------


def test_tickers_ack_snapshot_update_unsubscribe() -> None:
    async def work() -> None:
        bench = Bench(ws_ticker_seconds=0.0)
        bench.quote()
        session, wire = bench.connect("public")
        arg = {"channel": "tickers", "instId": "BTC-USDT-SWAP"}
        say(session, subscribe(**arg))
        ack, snapshot = await until(wire, 2)
        assert ack == {"id": "1512", "event": "subscribe", "arg": arg, "connId": "00000001"}
        assert list(snapshot) == ["arg", "data"]
        assert snapshot["arg"] == arg
        assert snapshot["data"][0]["last"] == "60000"
        assert "volCcy24h" in snapshot["data"][0]
        bench.quote(60_100)
        (update,) = await until(wire, 1)
        assert update["data"][0]["last"] == "60100"
        say(session, {"op": "unsubscribe", "args": [arg]})
        assert wire.take() == [{"event": "unsubscribe", "arg": arg, "connId": "00000001"}]
        bench.quote(60_200)
        await settle()
        assert wire.take() == []
        say(session, {"op": "unsubscribe", "args": [arg]})
        assert wire.take()[0]["event"] == "unsubscribe"
        await bench.pushes.close()

    asyncio.run(work())


def test_many_arguments_are_handled_one_by_one() -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("public")
        args = [
            {"channel": "tickers", "instId": "BTC-USDT-SWAP"},
            {"channel": "tickers", "instId": "nothing"},
            {"channel": "tickers", "instId": "BTC-USDT", "extraParams": None},
        ]
        say(session, {"op": "subscribe", "args": args})
        assert [event["event"] for event in wire.take()] == ["subscribe", "error", "subscribe"]
        await bench.pushes.close()

    asyncio.run(work())


def test_orders_are_pushed_with_their_fills() -> None:
    async def work() -> None:
        bench = Bench()
        bench.quote()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        for kind in ("ANY", "SPOT", "FUTURES"):
            say(session, subscribe(channel="orders", instType=kind))
        assert len(wire.take()) == 6
        ord_id = bench.trade(Side.BUY, 10, cl_ord_id="mine")
        (push,) = wire.take()
        assert push["arg"] == {
            "channel": "orders",
            "instType": "ANY",
            "uid": str(40_000_000_000_000_000 + bench.account_row),
        }
        (row,) = push["data"]
        assert row["ordId"] == str(ord_id)
        assert (row["clOrdId"], row["state"], row["execType"]) == ("mine", "filled", "T")
        assert row["fillSz"] == row["sz"] == row["accFillSz"]
        assert row["fillFee"].startswith("-")
        assert row["fillFeeCcy"] == "USDT"
        resting = bench.trade(Side.BUY, 10, ord_type=OrdType.LIMIT, px_ticks=500_000)
        bench.house.do(CancelOrder(bench.account_row, BTC, resting))
        states = [push["data"][0]["state"] for push in wire.take()]
        assert states == ["live", "canceled"]
        await bench.pushes.close()

    asyncio.run(work())


def test_positions_push_a_snapshot_then_changes_and_a_closed_one_once() -> None:
    async def work() -> None:
        bench = Bench()
        bench.quote()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(
            session,
            subscribe(channel="positions", instType="SWAP", extraParams='{"updateInterval":"0"}'),
        )
        ack, counted, snapshot = await until(wire, 3)
        assert ack["arg"] == {"channel": "positions", "instType": "SWAP"}
        assert (counted["event"], counted["connCount"]) == ("channel-conn-count", "1")
        assert (snapshot["eventType"], snapshot["data"]) == ("snapshot", [])
        assert (snapshot["curPage"], snapshot["lastPage"]) == (1, True)
        sizes = []
        for side, lots in ((Side.BUY, 10), (Side.SELL, 4), (Side.SELL, 6)):
            bench.trade(side, lots)
            (update,) = await until(wire, 1)
            assert update["eventType"] == "event_update"
            assert "curPage" not in update
            (row,) = update["data"]
            sizes.append(row["pos"])
            assert row["pTime"]
        assert sizes == ["0.1", "0.06", "0"]
        bench.house.do(Deposit(bench.account_row, 0, E8))
        await settle()
        assert wire.take() == []
        await bench.pushes.close()

    asyncio.run(work())


def test_account_pushes_balances_of_the_wanted_currency() -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(channel="account", ccy="BTC"))
        say(session, subscribe(channel="account"))
        pushes = [event for event in await until(wire, 6) if "data" in event]
        assert [[row["ccy"] for row in push["data"][0]["details"]] for push in pushes] == [
            [],
            ["USDT"],
        ]
        reply = bench.house.do(Deposit(bench.account_row, 0, 5 * E8)).reply
        assert isinstance(reply, Done)
        _, update = await until(wire, 2)
        assert update["eventType"] == "event_update"
        assert update["data"][0]["details"][0]["cashBal"] == "10005"
        await bench.pushes.close()

    asyncio.run(work())


def test_positions_and_balances_are_pushed_again_every_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        monkeypatch.setattr(pushes, "LOOK_S", 0.0)
        bench = Bench()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(channel="positions", instType="ANY"))
        say(session, subscribe(channel="account"))
        say(session, subscribe(channel="account", ccy="USDT", extraParams='{"updateInterval":"0"}'))
        assert len(await until(wire, 9)) == 9
        bench.house.now_ns += 4_999_000_000
        await settle()
        assert wire.take() == []
        bench.house.now_ns += 1_000_000
        again = await until(wire, 2)
        assert [push["eventType"] for push in again] == ["snapshot", "snapshot"]
        await settle()
        assert wire.take() == []
        await bench.pushes.close()

    asyncio.run(work())


def test_a_push_that_fails_is_logged_and_the_others_go_on() -> None:
    async def work() -> None:
        bench = Bench(ws_ticker_seconds=0.0)
        session, wire = bench.connect("public")
        bench.quote()
        say(session, subscribe(channel="tickers", instId="BTC-USDT-SWAP"))
        await until(wire, 2)
        read = bench.desk.read

        async def fail(_view: object) -> None:
            raise ValueError("a bug")

        bench.desk.read = fail  # type: ignore[assignment]
        with structlog.testing.capture_logs() as logs:
            bench.quote(60_100)
            await settle()
        assert [entry["event"] for entry in logs] == ["push_failed"]
        bench.desk.read = read
        bench.quote(60_200)
        (push,) = await until(wire, 1)
        assert push["data"][0]["last"] == "60200"
        await bench.pushes.close()

    asyncio.run(work())


def test_lead_notifications() -> None:
    async def work() -> None:
        bench = Bench()
        session, wire = bench.connect("business")
        bench.log_in(session, wire)
        say(session, subscribe(channel="copytrading-lead-notification", instType="FUTURES"))
        assert wire.take()[0]["code"] == "60033"
        say(session, subscribe(channel="copytrading-lead-notification", instType="SWAP"))
        assert wire.take()[0]["event"] == "subscribe"
        fact = LeadTradeNotLed(
            bench.account_row, BTC, Side.BUY, PosSide.NET, LeadInfoType.POSITION_CAP, 1, 77
        )
        for row in (bench.account_row, bench.account_row + 1):
            told = msgspec.structs.replace(fact, account_row=row)
            bench.pushes.hear([Output(1, 1, Done(), [told])])
        (push,) = wire.take()
        assert push["data"] == [
            {
                "instType": "SWAP",
                "infoType": "1",
                "subPosId": "77",
                "uniqueCode": push["data"][0]["uniqueCode"],
                "instId": "BTC-USDT-SWAP",
                "side": "buy",
                "posSide": "net",
                "maxLeadTraderNum": "",
                "minLeadEq": "",
            }
        ]
        assert len(push["data"][0]["uniqueCode"]) == 16
        limits = {LeadInfoType.DAILY_COUNT: ("5000", ""), LeadInfoType.MIN_EQUITY: ("", "500")}
        for info_type, shown in limits.items():
            told = msgspec.structs.replace(fact, info_type=info_type)
            bench.pushes.hear([Output(1, 1, Done(), [told])])
            (row,) = wire.take()[0]["data"]
            assert (row["maxLeadTraderNum"], row["minLeadEq"]) == shown
        await bench.pushes.close()

    asyncio.run(work())


def test_strangers_hear_nothing() -> None:
    async def work() -> None:
        bench = Bench()
        bench.quote()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(channel="orders", instType="ANY"))
        wire.take()
        bench.account_row = bench.house.open_account()
        bench.trade(Side.BUY, 10)
        await settle()
        assert wire.take() == []
        await bench.pushes.close()

    asyncio.run(work())


def test_connections_per_channel_are_counted_and_bounded() -> None:
    async def work() -> None:
        bench = Bench(ws_connections_per_channel=2)
        ends: list[Session] = []
        for expected in ("1", "2", "2"):
            session, wire = bench.connect("private")
            bench.log_in(session, wire)
            say(session, subscribe(channel="orders", instType="ANY"))
            say(session, subscribe(channel="orders", instType="SPOT"))
            events = wire.take()
            assert [event["event"] for event in events[::2]] == ["subscribe", "subscribe"]
            kind = "channel-conn-count" if len(ends) < 2 else "channel-conn-count-error"
            for event in events[1::2]:
                assert (event["event"], event["connCount"]) == (kind, expected)
            ends.append(session)
        ends[0].end()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(channel="orders", instType="ANY"))
        assert wire.take()[1]["event"] == "channel-conn-count"
        await bench.pushes.close()

    asyncio.run(work())


def test_an_ended_session_leaves_nothing_behind() -> None:
    async def work() -> None:
        bench = Bench()
        bench.quote()
        private, wire = bench.connect("private")
        bench.log_in(private, wire)
        say(private, subscribe(channel="orders", instType="ANY"))
        public, _ = bench.connect("public")
        say(public, subscribe(channel="tickers", instId="BTC-USDT-SWAP"))
        await settle()
        private.end()
        public.end()
        wire.take()
        bench.trade(Side.BUY, 10)
        await settle()
        assert wire.take() == []
        assert vars(bench.counts) == {"_held": {}}
        await bench.pushes.close()
        assert bench.house.listeners == []

    asyncio.run(work())


def test_too_many_subscriptions_close(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        monkeypatch.setattr(sessions, "MAX_SUBSCRIPTIONS", 1)
        bench = Bench()
        session, wire = bench.connect("public")
        for inst_id in ("BTC-USDT-SWAP", "BTC-USDT-SWAP", "BTC-USDT"):
            say(session, subscribe(channel="tickers", instId=inst_id))
        assert wire.closed == [4009]
        await bench.pushes.close()

    asyncio.run(work())


def test_settings_are_generous_by_default() -> None:
    assert Settings().ws_idle_seconds == 30.0
    assert Settings().ws_connections_per_channel == 30
