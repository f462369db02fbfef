from tests.unit.engine.support import Bench, limit, market

from copydesk.engine.context import Context
from copydesk.engine.exchange import accounts
from copydesk.engine.state import HOUSE, LIQUIDITY
from copydesk.model.amounts import E8
from copydesk.model.enums import PosMode
from copydesk.model.ids import uid_of, unique_code_of
from copydesk.model.inputs import CreateAccount, Deposit
from copydesk.model.limits import MAX_ACCOUNTS, MAX_BALANCE_E8, MAX_NAME
from copydesk.model.outputs import AccountCreated, Done
from copydesk.model.rejects import Code, Reject


def test_house_and_liquidity_come_first() -> None:
    bench = Bench()
    names = bench.state.accounts.live("name").tolist()
    assert (names[HOUSE], names[LIQUIDITY]) == (b"house", b"liquidity")


def test_account_opens_in_net_mode_with_its_deposit_and_a_bill() -> None:
    bench = Bench()
    reply = bench.reply(CreateAccount("ann", 100 * E8))
    assert isinstance(reply, AccountCreated)
    row = reply.account_row
    assert (reply.uid, reply.unique_code) == (uid_of(row), unique_code_of(row))
    table, bills, index = bench.state.accounts, bench.state.bills, bench.state.index
    assert table.pos_mode[row] == PosMode.NET
    assert index.account_by_uid[reply.uid] == row
    assert index.account_by_code[reply.unique_code.encode()] == row
    assert bench.cash(row) == 100 * E8
    assert (bills.kind[0], bills.sub_kind[0], bills.change_e8[0]) == (1, 11, 100 * E8)
    assert bills.cash_after_e8[0] == 100 * E8


def test_full_house_takes_no_more() -> None:
    bench = Bench()
    bench.state.accounts.count = MAX_ACCOUNTS
    ctx = Context(1, bench.ts_ns, [])
    reply = accounts.create_account(bench.state, CreateAccount("ann"), ctx)
    assert reply == Reject(Code.SYSTEM_BUSY)


def test_account_without_deposit_has_no_bill() -> None:
    bench = Bench()
    bench.account(0)
    assert bench.state.bills.count == 0


def test_account_of_bad_name_or_deposit_is_refused() -> None:
    bench = Bench()
    for name in ("", "x" * (MAX_NAME + 1), "a\0b"):
        assert bench.refused(CreateAccount(name)) == Code.PARAMETER_ERROR
    for amount in (-1, MAX_BALANCE_E8 + 1):
        assert bench.refused(CreateAccount("ann", amount)) == Code.PARAMETER_ERROR


def test_deposit_goes_in_and_out() -> None:
    bench = Bench()
    row = bench.account(100)
    btc = bench.state.ccy_row("BTC")
    assert bench.reply(Deposit(row, btc, 3 * E8)) == Done()
    assert bench.cash(row, "BTC") == 3 * E8
    assert bench.reply(Deposit(row, 0, -40 * E8)) == Done()
    assert bench.cash(row) == 60 * E8
    assert bench.state.bills.sub_kind[: bench.state.bills.count].tolist() == [11, 11, 12]


def test_new_accounts_get_rows_in_wallets_made_before() -> None:
    bench = Bench()
    bench.reply(Deposit(bench.account(1), bench.state.ccy_row("BTC"), E8))
    row = bench.account(5)
    assert bench.cash(row, "BTC") == 0


def test_deposit_out_of_range_is_refused() -> None:
    bench = Bench()
    row = bench.account(100)
    for amount in (0, MAX_BALANCE_E8, -MAX_BALANCE_E8 - 1):
        assert bench.refused(Deposit(row, 0, amount)) == Code.PARAMETER_ERROR
    for ccy_row in (-1, 99):
        assert bench.refused(Deposit(row, ccy_row, 1)) == Code.PARAMETER_ERROR


def test_more_than_is_free_cannot_go_out() -> None:
    bench = Bench()
    bench.open_markets()
    row = bench.account(1_000)
    bench.placed(market(row, 100))
    bench.placed(limit(row, 100, 590_000))
    cash = bench.cash(row)
    assert bench.refused(Deposit(row, 0, -cash)) == Code.INSUFFICIENT_BALANCE
    bound = 20_001_000_000 + 19_666_666_667 + 11_800_000  # margin, and margin with fee on hold
    assert bench.refused(Deposit(row, 0, -(cash - bound + 1))) == Code.INSUFFICIENT_BALANCE
    bench.tick(0, 700_000)  # unrealised profit does not leave either
    assert bench.refused(Deposit(row, 0, -(cash - bound + 1))) == Code.INSUFFICIENT_BALANCE
    assert bench.reply(Deposit(row, 0, -(cash - bound))) == Done()
