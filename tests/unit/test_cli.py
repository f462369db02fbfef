"""The command line: help everywhere, words on standard error, one JSON value on standard output."""

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.support.node import running

from copydesk.cli import main
from copydesk.journal.lock import DirectoryLock
from copydesk.model.inputs import CreateAccount


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [path]
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
        else:
            found.append((*path, name))
    return found


def filled(folder: Path) -> None:
    async def run() -> None:
        async with running(folder) as room:
            for _ in range(12):
                await room.submit(CreateAccount("lead", 100))

    asyncio.run(run())


@pytest.mark.parametrize("path", [p for p in commands(main) if p != ("bench",)], ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    shown = call(*path, "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith("Usage:")


def test_the_groups_are_those_that_were_promised() -> None:
    assert {"serve", "account", "verify", "why", "demo", "sim", "bench"} <= set(main.commands)
    account = main.commands["account"]
    assert isinstance(account, click.Group)
    assert {"create", "list", "deposit", "key"} == set(account.commands)


@pytest.mark.parametrize(
    "arguments",
    [
        ["account", "list"],
        ["account", "create", "x"],
        ["account", "key", "list", "--account", "1"],
        ["why", "--account", "1"],
        ["health"],
        ["snapshot"],
        ["liquidity", "10:10:1"],
        ["verify"],
    ],
    ids=" ".join,
)
def test_without_a_node_they_fail_in_words(tmp_path: Path, arguments: list[str]) -> None:
    failed = call(*arguments, "--data", str(tmp_path), "--json")
    assert failed.exit_code == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("Error: no ")
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    "options, words",
    [
        (["--journal", "postgresql://db"], "keeps its journal in SQLite only"),
        (["--batch-inputs", "0"], "between 1 and 512"),
        (["--digest-inputs", "0"], "at least 1"),
        (["--speed", "-1"], "must not be negative"),
        (["--port", "70000"], "port 70000 does not exist"),
        (["--liquidity", "x"], "HALF_SPREAD_PPM"),
        (["--liquidity", "0:1:1"], "out of range"),
        (["--feed", "astrology"], "astrology"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_words(
    tmp_path: Path, options: list[str], words: str
) -> None:
    failed = call("serve", "--data", str(tmp_path / "data"), *options)
    assert failed.exit_code == 1
    assert words in failed.stderr
    assert "Traceback" not in failed.output


def test_a_second_writer_is_refused_with_a_clear_line(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path):
        failed = call("serve", "--data", str(tmp_path))
    assert failed.exit_code == 1
    assert f"data directory {tmp_path} is in use by process" in failed.stderr


def test_verify_of_a_stopped_directory(tmp_path: Path) -> None:
    filled(tmp_path)
    shown = call("verify", "--data", str(tmp_path))
    assert shown.exit_code == 0
    assert "inputs" in shown.stdout
    as_json = call("verify", "--data", str(tmp_path), "--json")
    found: dict[str, Any] = msgspec.json.decode(as_json.stdout)
    assert (found["inputs"], found["digests_compared"], found["broken"]) == (12, 1, [])


def test_verify_of_a_damaged_directory_fails_in_words(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "snapshot-0000000000000005.cds").write_bytes(b"junk")
    failed = call("verify", "--data", str(tmp_path))
    assert failed.exit_code == 1
    assert "broken: snapshot" in failed.stderr
    (tmp_path / "journal.sqlite").write_bytes(b"junk" * 5_000)
    failed = call("verify", "--data", str(tmp_path))
    assert failed.exit_code == 1
    assert "not a database" in failed.stderr
    assert "Traceback" not in failed.output


def test_the_environment_sets_what_the_command_line_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPYDESK_DATA", str(tmp_path))
    monkeypatch.setenv("COPYDESK_LIQUIDITY", "y")
    failed = call("serve")
    assert "liquidity 'y'" in failed.stderr
    assert f"no node answers in {tmp_path}" in call("health").stderr


def test_benchmarks_are_found_in_a_checkout() -> None:
    shown = call("bench", "--help")
    assert shown.exit_code == 0
