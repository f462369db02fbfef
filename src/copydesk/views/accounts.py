"""Accounts: settings, roles and balances.

What lives here: `ConfigView`, `RoleView`, `BalanceView` and the functions that read them.
What it may touch: `engine.state`, `engine.exchange.margin`, `model`, `views.positions`.
Always true: equity = cash + unrealised profit; what is free never shows as less than nothing.
Start reading: `config_of`, `balances_of`.
"""

import msgspec
import numpy as np

from copydesk.engine.exchange.margin import available_e8, mark_value_e8, upl_e8
from copydesk.engine.state import State, book_id, book_parts, lever_of
from copydesk.model.enums import InstType, MgnMode, PosMode, PosSide, RoleType
from copydesk.model.instruments import Instrument
from copydesk.views.positions import (
    cross_maintenance_e8,
    cross_needed_e8,
    position_rows_of,
)


class RoleView(msgspec.Struct, frozen=True, gc=False):
    """An account's role in one product line; the numbers belong to lead traders only."""

    inst_type: InstType
    role: RoleType
    led: tuple[str, ...] = ()  # instIds, instrument order
    profit_sharing_ppm: int | None = None
    max_copiers: int | None = None
    copier_count: int | None = None


class ConfigView(msgspec.Struct, frozen=True, gc=False):
    """What does not move about an account."""

    uid: int
    name: str
    unique_code: str
    pos_mode: PosMode
    swap: RoleView
    spot: RoleView


class BalanceView(msgspec.Struct, frozen=True, gc=False):
    """Money in one currency, 1e-8 of it; `usd_e8` is the equity in USDT at the spot price."""

    ccy: str
    cash_e8: int
    equity_e8: int
    available_e8: int
    hold_e8: int
    upl_e8: int
    iso_equity_e8: int
    iso_upl_e8: int
    cross_margin_e8: int
    maintenance_e8: int
    needed_e8: int  # not to be liquidated: maintenance and fee of closing, cross positions
    notional_e8: int  # of cross positions
    usd_e8: int


class LeverView(msgspec.Struct, frozen=True, gc=False):
    """Leverage of one place."""

    inst: Instrument
    mgn_mode: MgnMode
    pos_side: PosSide
    lever: int


def config_of(state: State, account_row: int) -> ConfigView:
    """Read the settings and roles of an account."""
    accounts = state.accounts
    return ConfigView(
        uid=int(accounts.uid[account_row]),
        name=bytes(accounts.name[account_row]).decode(),
        unique_code=bytes(accounts.unique_code[account_row]).decode(),
        pos_mode=PosMode(int(accounts.pos_mode[account_row])),
        swap=role_of(state, account_row, InstType.SWAP),
        spot=role_of(state, account_row, InstType.SPOT),
    )


def role_of(state: State, account_row: int, inst_type: InstType) -> RoleView:
    """Read an account's role in one product line."""
    accounts, leads = state.accounts, state.lead_traders
    roles = accounts.swap_role if inst_type is InstType.SWAP else accounts.spot_role
    role = RoleType(int(roles[account_row]))
    lead_row = state.index.lead_by_account.get((account_row, int(inst_type)))
    if lead_row is None:
        return RoleView(inst_type, role)
    return RoleView(
        inst_type,
        role,
        led=tuple(state.instruments[row].inst_id for row in led_rows(state, lead_row)),
        profit_sharing_ppm=int(leads.profit_sharing_ppm[lead_row]),
        max_copiers=int(leads.max_copiers[lead_row]),
        copier_count=int(leads.copier_count[lead_row]),
    )


def led_rows(state: State, lead_row: int) -> list[int]:
    """List the instruments that a lead trader leads now, ascending."""
    switches = state.lead_switches
    mine = (switches.live("lead_row") == lead_row) & switches.live("enabled")
    rows: list[int] = np.sort(switches.live("inst_row")[mine]).tolist()
    return rows


def balances_of(state: State, account_row: int) -> list[BalanceView]:
    """List the currencies in which an account has or owes anything, most valuable first."""
    found = [
        balance_of(state, account_row, ccy_row)
        for ccy_row, wallet in sorted(state.wallets.items())
        if account_row < wallet.count
        and (wallet.cash_e8[account_row] or wallet.cross_margin_e8[account_row])
    ]
    return sorted(found, key=lambda view: (-view.usd_e8, view.ccy))


def balance_of(state: State, account_row: int, ccy_row: int) -> BalanceView:
    """Read an account's money in one currency."""
    wallet, ccy = state.wallet(ccy_row), state.table.currencies[ccy_row]
    cash = int(wallet.cash_e8[account_row])
    upl, iso_upl, notional = _unrealised(state, account_row, ccy)
    equity = cash + upl
    return BalanceView(
        ccy=ccy,
        cash_e8=cash,
        equity_e8=equity,
        available_e8=max(0, available_e8(state, account_row, ccy_row)),
        hold_e8=int(wallet.hold_e8[account_row]),
        upl_e8=upl,
        iso_equity_e8=int(wallet.iso_margin_e8[account_row]) + iso_upl,
        iso_upl_e8=iso_upl,
        cross_margin_e8=int(wallet.cross_margin_e8[account_row]),
        maintenance_e8=cross_maintenance_e8(state, account_row, ccy),
        needed_e8=cross_needed_e8(state, account_row, ccy_row),
        notional_e8=notional,
        usd_e8=usd_e8(state, ccy, equity),
    )


def usd_e8(state: State, ccy: str, amount_e8: int) -> int:
    """Value an amount in USDT at the last spot price; 0 where there is none. Rounded down."""
    if ccy == "USDT":
        return amount_e8
    inst_row = state.index.inst_rows.get(f"{ccy}-USDT")
    if inst_row is None:
        return 0
    inst = state.instruments[inst_row]
    last = int(state.markets.last_ticks[inst_row])
    return int(amount_e8 * last * inst.tick.mantissa // 10**inst.tick.scale)


def levers_of_instrument(
    state: State, account_row: int, inst_row: int, mgn_mode: MgnMode
) -> list[LeverView]:
    """List the leverage of an instrument: one row in net mode, long and short otherwise."""
    net = state.accounts.pos_mode[account_row] == PosMode.NET
    sides = (PosSide.NET,) if net else (PosSide.LONG, PosSide.SHORT)
    inst = state.instruments[inst_row]
    return [
        LeverView(inst, mgn_mode, side, lever_at(state, account_row, inst_row, mgn_mode, side))
        for side in sides
    ]


def lever_at(
    state: State, account_row: int, inst_row: int, mgn_mode: MgnMode, pos_side: PosSide
) -> int:
    """Give the leverage of one place."""
    return lever_of(state, book_id(inst_row, mgn_mode, pos_side), account_row)


def _unrealised(state: State, account_row: int, ccy: str) -> tuple[int, int, int]:
    """Add up unrealised profit, its isolated part, and the value of cross positions."""
    upl = iso_upl = notional = 0
    for row in position_rows_of(state, account_row):
        inst_row, mgn_mode, _ = book_parts(int(state.positions.book[row]))
        if state.instruments[inst_row].settle_ccy != ccy:
            continue
        part = upl_e8(state, row)
        upl += part
        if mgn_mode is MgnMode.ISOLATED:
            iso_upl += part
        else:
            notional += abs(mark_value_e8(state, row))
    return upl, iso_upl, notional
