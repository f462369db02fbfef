"""Accounts: opening them, and moving money in and out.

What lives here: the handlers of `CreateAccount` and `Deposit`.
What it may touch: `exchange.history`, `exchange.funds`, `engine.state`, `model`.
Always true: every wallet has a row for every account; deposits_e8 is what came in less what went
out.
Start reading: `create_account`, `deposit`.
"""

from copydesk.engine.context import Context
from copydesk.engine.exchange import funds, history
from copydesk.engine.exchange.notices import accounts_touched
from copydesk.engine.state import State
from copydesk.model.enums import PosMode
from copydesk.model.ids import uid_of, unique_code_of
from copydesk.model.inputs import CreateAccount, Deposit
from copydesk.model.limits import CALM_PPM, MAX_ACCOUNTS, MAX_BALANCE_E8, MAX_NAME
from copydesk.model.outputs import AccountCreated, Done, Reply
from copydesk.model.rejects import Code, Reject

USDT = 0  # currency row


def append_account(state: State, name: bytes, ts_ns: int) -> int:
    """Make the row of a new account in every table that has one per account."""
    accounts = state.accounts
    row = accounts.append()
    uid, code = uid_of(row), unique_code_of(row).encode()
    accounts.uid[row] = uid
    accounts.name[row] = name
    accounts.unique_code[row] = code
    accounts.created_ns[row] = ts_ns
    accounts.pos_mode[row] = PosMode.NET
    accounts.calm_ppm[row] = CALM_PPM
    for wallet in state.wallets.values():
        wallet.append()
    state.index.account_by_uid[uid] = row
    state.index.account_by_code[code] = row
    return row


def create_account(state: State, command: CreateAccount, ctx: Context) -> Reply:
    """Open an account in futures and net mode (code: rules 1.9). Rejects: 51000, 50013."""
    # Checks.
    name = command.name.encode()
    if not 0 < len(name) <= MAX_NAME or b"\0" in name:
        return Reject(Code.PARAMETER_ERROR, ("name",))
    if not 0 <= command.deposit_e8 <= MAX_BALANCE_E8:
        return Reject(Code.PARAMETER_ERROR, ("deposit",))
    if state.accounts.count >= MAX_ACCOUNTS:
        return Reject(Code.SYSTEM_BUSY)
    # Changes.
    row = append_account(state, name, ctx.ts_ns)
    if command.deposit_e8:
        _move(state, ctx, row, USDT, command.deposit_e8)
    return AccountCreated(row, uid_of(row), state.accounts.unique_code[row].decode())


def deposit(state: State, command: Deposit, ctx: Context) -> Reply:
    """Move money in or out. Rejects: 51000 on size; 51008 when less is free than is to go out."""
    # Checks.
    if not 0 <= command.ccy_row < len(state.table.currencies):
        return Reject(Code.PARAMETER_ERROR, ("ccy",))
    amount, row = command.amount_e8, command.account_row
    balance = int(state.wallet(command.ccy_row).cash_e8[row]) + amount
    if amount == 0 or abs(amount) > MAX_BALANCE_E8 or balance > MAX_BALANCE_E8:
        return Reject(Code.PARAMETER_ERROR, ("amt",))
    if amount < 0 and funds.spendable_e8(state, row, command.ccy_row) < -amount:
        return Reject(Code.INSUFFICIENT_BALANCE, (state.table.currencies[command.ccy_row],))
    # Changes.
    _move(state, ctx, row, command.ccy_row, amount)
    return Done()


def _move(state: State, ctx: Context, account_row: int, ccy_row: int, amount_e8: int) -> None:
    wallet = state.wallet(ccy_row)
    wallet.cash_e8[account_row] += amount_e8
    wallet.deposits_e8[account_row] += amount_e8
    if amount_e8 < 0:
        state.accounts.calm_ppm[account_row] = 0
        state.scalars.risk_min_calm_ppm = 0
    sub_kind = history.TRANSFER_IN if amount_e8 > 0 else history.TRANSFER_OUT
    history.add_bill(
        state, ctx, account_row, (ccy_row, -1), (history.TRANSFER, sub_kind, amount_e8)
    )
    accounts_touched(ctx, (account_row,), -1)
