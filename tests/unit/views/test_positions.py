"""The liquidation price that is shown is the price at which the engine liquidates."""

import pytest
from tests.support.copying import SWAP, Desk

from copydesk.engine.state import State
from copydesk.views.positions import position_rows_of, position_view


def row_of(state: State, account_row: int) -> int:
    (row,) = position_rows_of(state, account_row)
    return row


@pytest.mark.parametrize("mode", ["cross", "isolated"])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_the_liquidation_price_is_where_the_engine_liquidates(mode: str, side: str) -> None:
    desk = Desk()
    floor = desk.floor
    bob = floor.open_account("Bob", 100)
    floor.post("account/set-leverage", bob, instId=SWAP, lever="50", mgnMode=mode)
    desk.trade(bob, side, "3", tdMode=mode)
    shown = position_view(floor.state, row_of(floor.state, bob))
    (printed,) = floor.get("account/positions", bob)
    tick = floor.table.instruments[floor.row(SWAP)].tick
    assert printed["liqPx"] == tick.text(shown.liq_ticks)
    towards = -1 if side == "buy" else 1
    before, after = shown.liq_ticks - towards * 200, shown.liq_ticks + towards * 200
    floor.tick(BTC_USDT_SWAP=tick.text(before))
    assert position_view(floor.state, row_of(floor.state, bob)).qty_lots == shown.qty_lots
    if mode == "isolated":
        again = position_view(floor.state, row_of(floor.state, bob))
        assert abs(again.liq_ticks - shown.liq_ticks) <= 1, "does not move with the mark"
    floor.tick(BTC_USDT_SWAP=tick.text(after))
    left = position_view(floor.state, row_of(floor.state, bob))
    assert abs(left.qty_lots) < abs(shown.qty_lots)


def test_a_position_that_no_price_can_liquidate_has_none() -> None:
    desk = Desk()
    desk.trade(desk.lead, "buy", "0.01")
    (printed,) = desk.floor.get("account/positions", desk.lead)
    assert printed["liqPx"] == ""


def test_a_flat_position_is_shown_only_to_who_asks_for_its_instrument() -> None:
    desk = Desk()
    desk.trade(desk.lead, "buy", "1")
    desk.trade(desk.lead, "sell", "1")
    assert desk.floor.get("account/positions", desk.lead) == []
    (flat,) = desk.floor.get("account/positions", desk.lead, instId=SWAP)
    assert (flat["pos"], flat["avgPx"], flat["upl"], flat["liqPx"]) == ("0", "", "", "")
    assert desk.floor.get("account/positions", desk.lead, instId="ETH-USDT-SWAP") == []
    query = {"instId": SWAP, "posId": flat["posId"]}
    assert len(desk.floor.get("account/positions", desk.lead, **query)) == 1
    query["posId"] = "1"
    assert desk.floor.get("account/positions", desk.lead, **query) == []
    assert desk.floor.code_of("GET", "account/positions", desk.lead, instId="NO") == "51001"


def test_long_and_short_stand_side_by_side_with_positive_sizes() -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob")
    desk.floor.post("account/set-position-mode", bob, posMode="long_short_mode")
    desk.trade(bob, "buy", "2", posSide="long")
    desk.trade(bob, "sell", "1", posSide="short")
    rows = {row["posSide"]: row for row in desk.floor.get("account/positions", bob)}
    assert (rows["long"]["pos"], rows["short"]["pos"]) == ("2", "1")
    levers = desk.floor.get("account/leverage-info", bob, instId=SWAP, mgnMode="isolated")
    assert [row["posSide"] for row in levers] == ["long", "short"]
    desk.floor.post(
        "account/set-leverage",
        bob,
        instId="ETH-USDT-SWAP",
        lever=7.0,
        mgnMode="isolated",
        posSide="short",
    )
    query = {"instId": "ETH-USDT-SWAP", "mgnMode": "isolated"}
    levers = desk.floor.get("account/leverage-info", bob, **query)
    assert [row["lever"] for row in levers] == ["3", "7"]


def test_equity_is_cash_and_profit_and_what_is_free_is_the_rest() -> None:
    desk = Desk()
    bob = desk.floor.open_account("Bob", 1_000)
    desk.trade(bob, "buy", "1")
    desk.trade(bob, "buy", "1", instId="ETH-USDT-SWAP", tdMode="isolated")
    desk.floor.tick(BTC_USDT_SWAP="101000", ETH_USDT_SWAP="2400")
    (account,) = desk.floor.get("account/balance", bob)
    (usdt,) = account["details"]
    rows = desk.floor.get("account/positions", bob)

    def add(texts: list[str]) -> int:
        return sum(round(float(text) * 1e8) for text in texts)

    upl = add([row["upl"] for row in rows])
    assert add([usdt["upl"]]) == upl
    assert add([usdt["eq"]]) == add([usdt["cashBal"]]) + upl
    assert add([usdt["availEq"], usdt["frozenBal"]]) == add([usdt["eq"]])
    assert add([usdt["imr"]]) == add([row["imr"] for row in rows if row["imr"]])
    assert account["totalEq"] == usdt["eq"]
    assert desk.floor.get("account/balance", bob, ccy="BTC,ETH")[0]["details"] == []
