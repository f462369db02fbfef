"""Pushes of copies: a copy trader hears of each slice that a lead trader's fills make for him."""

import asyncio
from typing import Any

import pytest
from tests.unit.api.connections import BTC, Bench, say, subscribe, until
from tests.unit.api.support import API_KEY, E8, make_key

from copydesk.api import pushes
from copydesk.model.enums import (
    CopyMgnMode,
    CopyMode,
    InstType,
    Side,
    SubPosCloseType,
)
from copydesk.model.inputs import ApplyLeadTrading, CopySettings, FirstCopySettings
from copydesk.model.outputs import CopiesFilled, Done

SETTINGS = CopySettings(
    copy_mgn_mode=CopyMgnMode.COPY,
    copy_mode=CopyMode.FIXED_AMOUNT,
    copy_amt_e8=100 * E8,
    copy_ratio_ppm=0,
    copy_total_amt_e8=1_000 * E8,
    tp_ratio_ppm=0,
    sl_ratio_ppm=0,
    sl_total_amt_e8=0,
    sub_pos_close_type=SubPosCloseType.COPY_CLOSE,
    inst_rows=None,
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes, "GATHER_S", 0.0)


def make_bench() -> tuple[Bench, int]:
    """A lead trader (whose trades `Bench.trade` makes) and one who copies him and listens."""
    bench = Bench()
    bench.quote()
    house, lead = bench.house, bench.account_row
    copier = house.open_account()
    assert isinstance(house.do(ApplyLeadTrading(lead, InstType.SWAP, (BTC,))).reply, Done)
    assert isinstance(house.do(FirstCopySettings(copier, lead, SETTINGS)).reply, Done)
    house.keys[API_KEY] = make_key(copier)
    return bench, copier


def test_each_slice_of_a_copy_is_pushed_with_a_trade_id_of_its_own() -> None:
    async def work() -> None:
        bench, copier = make_bench()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(channel="orders", instType="SWAP"))
        wire.take()
        rows: list[dict[str, Any]] = []
        for side, lots in ((Side.BUY, 100), (Side.SELL, 40), (Side.SELL, 60)):
            bench.trade(side, lots)
            (push,) = await until(wire, 1)
            assert push["arg"]["uid"] == str(40_000_000_000_000_000 + copier)
            (row,) = push["data"]
            rows.append(row)
        assert [row["side"] for row in rows] == ["buy", "sell", "sell"]
        assert len({row["tradeId"] for row in rows}) == 3
        assert len({row["ordId"] for row in rows[1:]}) == 1
        opened, *closed = (float(row["fillSz"]) for row in rows)
        assert opened == pytest.approx(sum(closed))
        assert rows[2]["accFillSz"] == rows[0]["accFillSz"]
        assert all(row["fillFee"].startswith("-") and row["execType"] == "T" for row in rows)
        await bench.pushes.close()

    asyncio.run(work())


def test_positions_and_balances_of_copiers_move_too() -> None:
    async def work() -> None:
        bench, _ = make_bench()
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(channel="positions", instType="SWAP"))
        say(session, subscribe(channel="account"))
        await until(wire, 6)
        bench.trade(Side.BUY, 100)
        position, account = await until(wire, 2)
        assert position["arg"]["channel"] == "positions"
        assert float(position["data"][0]["pos"]) > 0
        assert account["arg"]["channel"] == "account"
        assert account["eventType"] == "event_update"
        await bench.pushes.close()

    asyncio.run(work())


def test_a_fan_out_costs_a_listener_s_read_and_nothing_for_the_others() -> None:
    """Of many accounts in one fact only those are read that listen."""

    async def work() -> None:
        bench, copier = make_bench()
        house = bench.house
        for _ in range(20):
            other = house.open_account()
            house.do(FirstCopySettings(other, bench.account_row, SETTINGS))
        session, wire = bench.connect("private")
        bench.log_in(session, wire)
        say(session, subscribe(channel="orders", instType="SWAP"))
        wire.take()
        bench.trade(Side.BUY, 1_000)
        (push,) = await until(wire, 1)
        assert len(push["data"]) == 1
        assert push["arg"]["uid"] == str(40_000_000_000_000_000 + copier)
        assert not wire.sent
        await bench.pushes.close()

    asyncio.run(work())


def test_copies_that_nobody_listens_to_are_passed_over() -> None:
    async def work() -> None:
        bench, _ = make_bench()
        facts: list[CopiesFilled] = []
        bench.house.listeners.append(
            lambda outputs: facts.extend(
                fact for out in outputs for fact in out.facts if isinstance(fact, CopiesFilled)
            )
        )
        bench.trade(Side.BUY, 100)
        assert facts
        await bench.pushes.close()

    asyncio.run(work())
