"""The only way to start: it ends where the last one ended, or says why it will not."""

import asyncio
import sqlite3
from pathlib import Path

import msgspec
import pytest
from tests.support.node import cash_e8, genesis, pace, running

from copydesk.engine.digest import digest
from copydesk.journal import snapshots
from copydesk.journal.disk import RealDisk
from copydesk.journal.errors import JournalCorrupted
from copydesk.journal.log import NAME, Frame, Journal
from copydesk.model.inputs import CreateAccount, Deposit
from copydesk.model.outputs import AccountCreated
from copydesk.node.recovery import DigestsDiverge, InvariantsBroken, Recovered, recover
from copydesk.node.sequencer import EngineStopped
from copydesk.node.snapshots import capture
from copydesk.node.verify import verify

DISK = RealDisk()


async def work(folder: Path, inputs: int = 25, snapshot_inputs: int = 1_000_000) -> str:
    """Fill a data directory and give the digest of its State."""
    async with running(folder, pace=pace(snapshot_inputs=snapshot_inputs)) as room:
        reply = await room.submit(CreateAccount("lead", 10**10))
        assert isinstance(reply, AccountCreated)
        for number in range(inputs - 1):
            await room.submit(Deposit(reply.account_row, 0, number))
        return await room.sequencer.read(digest)


def recovered(folder: Path) -> Recovered:
    found = recover(folder, DISK, genesis())
    found.journal.close()
    return found


def edit(folder: Path, sql: str) -> None:
    connection = sqlite3.connect(folder / NAME)
    with connection:
        connection.execute(sql)
    connection.close()


def test_an_empty_directory_begins_at_the_beginning(tmp_path: Path) -> None:
    report = recovered(tmp_path).report
    assert (report.seq, report.inputs, report.from_snapshot, report.clean) == (0, 0, 0, True)


def test_a_replay_ends_in_the_same_state(tmp_path: Path) -> None:
    before = asyncio.run(work(tmp_path))
    report = recovered(tmp_path).report
    assert report.digest == before
    assert (report.seq, report.inputs, report.digests_compared) == (25, 25, 2)
    assert not report.clean


def test_from_a_snapshot_only_the_tail_is_replayed(tmp_path: Path) -> None:
    before = asyncio.run(work(tmp_path, snapshot_inputs=20))
    report = recovered(tmp_path).report
    assert report.digest == before
    assert (report.from_snapshot, report.inputs, report.seq) == (20, 5, 25)


def test_a_damaged_snapshot_is_passed_over_in_favour_of_the_older_and_then_of_none(
    tmp_path: Path,
) -> None:
    before = asyncio.run(work(tmp_path, snapshot_inputs=10))
    older, newer = snapshots.listed(tmp_path, DISK)
    newer.write_bytes(newer.read_bytes()[:-9])
    report = recovered(tmp_path).report
    assert (report.digest, report.from_snapshot, len(report.passed_over)) == (before, 10, 1)
    older.write_bytes(b"")
    report = recovered(tmp_path).report
    assert (report.digest, report.from_snapshot, len(report.passed_over)) == (before, 0, 2)


def test_a_snapshot_of_other_columns_is_passed_over(tmp_path: Path) -> None:
    before = asyncio.run(work(tmp_path))
    found = recovered(tmp_path)
    snapshot = capture(found.state, genesis().header())
    snapshot.columns.pop("accounts/uid")
    snapshots.write(tmp_path, DISK, snapshot)
    report = recovered(tmp_path).report
    assert (report.digest, report.from_snapshot, len(report.passed_over)) == (before, 0, 1)


def test_a_snapshot_that_is_not_the_state_it_claims_to_be_stops_the_start(tmp_path: Path) -> None:
    asyncio.run(work(tmp_path))
    found = recovered(tmp_path)
    snapshot = capture(found.state, genesis().header())
    snapshots.write(tmp_path, DISK, msgspec.structs.replace(snapshot, digest="f00d"))
    with pytest.raises(DigestsDiverge, match="after input 25"):
        recover(tmp_path, DISK, genesis())


def test_work_goes_on_where_it_ended(tmp_path: Path) -> None:
    for total in (25, 50, 75):
        asyncio.run(work(tmp_path))
        assert recovered(tmp_path).report.seq == total
    assert verify(tmp_path, DISK, genesis()).broken == []


def test_a_snapshot_ahead_of_the_journal_stops_the_start(tmp_path: Path) -> None:
    asyncio.run(work(tmp_path, snapshot_inputs=20))
    edit(tmp_path, "DELETE FROM inputs WHERE seq > 15")
    with pytest.raises(JournalCorrupted, match="snapshot is of input 20, the journal ends at 15"):
        recover(tmp_path, DISK, genesis())


def test_a_digest_that_differs_stops_the_start_and_names_the_input(tmp_path: Path) -> None:
    asyncio.run(work(tmp_path))
    edit(tmp_path, "UPDATE digests SET digest = 'f00d' WHERE seq = 20")
    with pytest.raises(DigestsDiverge, match="after input 20") as caught:
        recover(tmp_path, DISK, genesis())
    assert caught.value.seq == 20


def test_an_input_of_an_unknown_kind_stops_the_start(tmp_path: Path) -> None:
    asyncio.run(work(tmp_path))
    journal = Journal.open(tmp_path, DISK, genesis().header())
    journal.append([Frame(26, journal.last_ts_ns, b"\x91\xa4Bets")])
    journal.close()
    with pytest.raises(JournalCorrupted, match="input 26 of the journal is not one"):
        recover(tmp_path, DISK, genesis())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_poison_input_stops_the_start_and_is_named(tmp_path: Path) -> None:
    async def poison() -> None:
        async with running(tmp_path) as room:
            await room.submit(CreateAccount("lead", 100))
            with pytest.raises(EngineStopped):
                await room.submit(Deposit(9_999_999, 0, 1))

    asyncio.run(poison())
    with pytest.raises(IndexError) as caught:
        recover(tmp_path, DISK, genesis())
    assert "Input 2 (Deposit) of the journal makes the rules fail" in caught.value.__notes__[0]
    with pytest.raises(IndexError):
        verify(tmp_path, DISK, genesis())


def test_after_a_crash_every_invariant_is_checked(tmp_path: Path) -> None:
    """A snapshot with money from nowhere: its checksum and its digest are right, its sums are
    not."""
    asyncio.run(work(tmp_path))
    found = recovered(tmp_path)
    found.state.wallet(0).cash_e8[2] += 1
    header = genesis().header()
    snapshots.write(tmp_path, DISK, capture(found.state, header))
    with pytest.raises(InvariantsBroken):
        recover(tmp_path, DISK, genesis())


def test_verify_finds_what_a_start_from_a_snapshot_cannot_see(tmp_path: Path) -> None:
    asyncio.run(work(tmp_path))
    found = recovered(tmp_path)
    found.state.wallet(0).cash_e8[2] += 1
    snapshots.write(tmp_path, DISK, capture(found.state, genesis().header()))
    with pytest.raises(DigestsDiverge, match="after input 25"):
        verify(tmp_path, DISK, genesis())


def test_verify_reads_beside_a_running_engine(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, pace=pace(snapshot_inputs=5)) as room:
            reply = await room.submit(CreateAccount("lead", 100))
            assert isinstance(reply, AccountCreated)
            for _ in range(20):
                await room.submit(Deposit(reply.account_row, 0, 1))
            found = await asyncio.to_thread(verify, tmp_path, DISK, genesis())
            assert found.broken == []
            assert (found.inputs, found.snapshots_compared) == (21, 2)
            assert found.digest == await room.sequencer.read(digest)
            await room.submit(Deposit(reply.account_row, 0, 1))

    asyncio.run(run())


def test_verify_tells_of_damaged_snapshots_and_pages(tmp_path: Path) -> None:
    asyncio.run(work(tmp_path, snapshot_inputs=10))
    newest = snapshots.listed(tmp_path, DISK)[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    found = verify(tmp_path, DISK, genesis())
    assert len(found.broken) == 1
    assert "checksum differs" in found.broken[0]
    assert found.inputs == 25


def test_money_is_where_it_was(tmp_path: Path) -> None:
    asyncio.run(work(tmp_path))
    assert cash_e8(recovered(tmp_path).state, 2) == 10**10 + sum(range(24))
