"""The command `copydesk`.

What lives here: every command, its options and what it prints; nothing that decides anything.
What it may touch: everything below, imported inside the command that needs it so that `--help` and
a start are quick.
Always true: answers go to standard output, with `--json` as one JSON value; what went wrong goes to
standard error in words; the exit code is 0 only if all went well.
Start reading: `main`, then `serve`.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec

import click
import msgspec

from copydesk import __version__
from copydesk.node import config

P = ParamSpec("P")
Rows = Sequence[Mapping[str, Any]]

_FOR_PEOPLE = (
    ("copydesk.node.config", "ConfigError"),
    ("copydesk.journal.errors", "JournalError"),
    ("copydesk.node.admin_client", "AdminError"),
    ("copydesk.node.credentials", "CredentialError"),
    ("copydesk.feeds.feed", "FeedError"),
    ("copydesk.sim.run", "Broken"),
)

_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=config.DEFAULT_DATA,
    envvar="COPYDESK_DATA",
    show_default=True,
    show_envvar=True,
    help="Data directory.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")


def _setting(*names: str, **options: Any) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare an option of `serve` that can also come from COPYDESK_<NAME>."""
    variable = "COPYDESK_" + names[0].removeprefix("--").partition("/")[0].replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_default=True, show_envvar=True, **options)


def _in_words(command: Callable[P, None]) -> Callable[P, None]:
    """Turn errors that are meant for a person into a line on standard error and exit code 1."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except _errors() as error:
            raise click.ClickException(str(error)) from error

    return guarded


def _errors() -> tuple[type[Exception], ...]:
    """Collect the errors whose message is meant for a person; one not loaded was not raised."""
    loaded = [pair for pair in _FOR_PEOPLE if pair[0] in sys.modules]
    return (OSError, *(getattr(sys.modules[module], name) for module, name in loaded))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="copydesk")
def main() -> None:
    """Run a copy-trading exchange that speaks the OKX v5 API."""


# serve ------------------------------------------------------------------------------------------


@main.command()
@_data
@_json
@_setting("--host", default="127.0.0.1", help="Address to listen on.")
@_setting("--port", type=int, default=config.DEFAULT_PORT, help="HTTP port; 0: any free one.")
@_setting(
    "--ws-port", type=int, default=config.DEFAULT_WS_PORT, help="WebSocket port; 0: any free one."
)
@_setting("--feed", default="simulated", help="simulated[:BASES], replay:FILE[,FILE…], none.")
@_setting("--seed", type=int, default=1, help="Seed of the simulated feed.")
@_setting("--speed", type=float, default=1.0, help="Pace of the feed; 0: as fast as possible.")
@_setting("--journal", default="sqlite", help="Where inputs are kept.")
@_setting(
    "--liquidity",
    default="",
    help="Built-in provider of a new data directory: HALF_SPREAD_PPM:BEST_LEVEL_VALUE:LEVELS.",
)
@_setting("--rate-limits/--no-rate-limits", default=True, help="Limit requests as OKX does.")
@_setting("--batch-inputs", type=int, default=512, help="Inputs per fsync at most.")
@_setting("--snapshot-inputs", type=int, default=200_000, help="Inputs between snapshots.")
@_setting("--digest-inputs", type=int, default=10_000, help="Inputs between digests of State.")
@_setting("--log-format", type=click.Choice(["auto", "json", "console"]), default="auto")
@_setting("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@_in_words
def serve(as_json: bool, **options: Any) -> None:
    """Run a node: recover, open the doors, trade until told to stop (SIGTERM, Ctrl-C)."""
    settings = config.NodeSettings(**options)
    from copydesk.node.boot import serve as run

    sys.exit(run(settings, partial(_announce, as_json)))


def _announce(as_json: bool, about: dict[str, Any]) -> None:
    if as_json:
        _print_json(about)
    else:
        click.echo(f"HTTP       {about['http']}")
        click.echo(f"WebSocket  {about['ws']}")
        click.echo(f"Data       {about['data']} (process {about['pid']})")
    sys.stdout.flush()


# account ----------------------------------------------------------------------------------------


@main.group()
def account() -> None:
    """Open accounts, deposit, manage API keys (through the node's own socket)."""


@account.command("create")
@click.argument("name")
@click.option("--deposit", default="10000", show_default=True, help="First deposit in USDT.")
@_data
@_json
@_in_words
def account_create(name: str, deposit: str, data: Path, as_json: bool) -> None:
    """Open an account called NAME and make an API key for it, shown this once."""
    from copydesk.node.admin_client import AdminClient

    with AdminClient(data) as client:
        opened = client.ask("account create", name=name, deposit=deposit)
        key = client.ask("key create", account=opened["uid"])
    made = {
        "name": opened["name"],
        "uid": opened["uid"],
        "uniqueCode": opened["unique_code"],
        "apiKey": key["api_key"],
        "secretKey": key["secret_key"],
        "passphrase": key["passphrase"],
    }
    _show(made, as_json)


@account.command("list")
@_data
@_json
@_in_words
def account_list(data: Path, as_json: bool) -> None:
    """List all accounts."""
    _ask(data, as_json, "account list")


@account.command("deposit")
@click.option("--account", "uid", required=True, help="uid of the account.")
@click.option("--amount", required=True, help="Negative: withdraw.")
@click.option("--ccy", default="USDT", show_default=True)
@_data
@_json
@_in_words
def account_deposit(uid: str, amount: str, ccy: str, data: Path, as_json: bool) -> None:
    """Move money into an account, or out of it."""
    _ask(data, as_json, "account deposit", account=uid, amount=amount, ccy=ccy)


@account.group("key")
def account_key() -> None:
    """Make, list, freeze and delete API keys."""


@account_key.command("create")
@click.option("--account", "uid", required=True, help="uid of the account.")
@click.option("--label", default="", help="Name of the key.")
@click.option("--read-only", is_flag=True, help="May not trade.")
@click.option("--ip", "ips", multiple=True, help="Address or network it is bound to; repeatable.")
@click.option("--passphrase", default="", help="Made if not given.")
@click.option("--demo", is_flag=True, help="A key of the demo environment; it never expires.")
@_data
@_json
@_in_words
def key_create(uid: str, ips: tuple[str, ...], data: Path, as_json: bool, **options: Any) -> None:
    """Make an API key. Secret and passphrase are shown this once."""
    _ask(data, as_json, "key create", account=uid, ips=ips, **options)


@account_key.command("list")
@click.option("--account", "uid", required=True, help="uid of the account.")
@_data
@_json
@_in_words
def key_list(uid: str, data: Path, as_json: bool) -> None:
    """List the API keys of an account."""
    _ask(data, as_json, "key list", account=uid)


@account_key.command("freeze")
@click.option("--api-key", required=True)
@click.option("--thaw", is_flag=True, help="Let it work again.")
@_data
@_json
@_in_words
def key_freeze(api_key: str, thaw: bool, data: Path, as_json: bool) -> None:
    """Stop an API key from working."""
    _ask(data, as_json, "key freeze", api_key=api_key, frozen=not thaw)


@account_key.command("delete")
@click.option("--api-key", required=True)
@_data
@_json
@_in_words
def key_delete(api_key: str, data: Path, as_json: bool) -> None:
    """Delete an API key for good."""
    _ask(data, as_json, "key delete", api_key=api_key)


# operate ----------------------------------------------------------------------------------------


@main.command()
@click.option("--account", "uid", required=True, help="uid of the copy trader.")
@click.option("--lead", default="", help="Unique code of one lead trader.")
@click.option("--inst", "inst_id", default="", help="One instrument.")
@click.option("--all", "whole", is_flag=True, help="Also what was copied whole.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@_data
@_json
@_in_words
def why(uid: str, data: Path, as_json: bool, **options: Any) -> None:
    """Tell why copies of an account were not made, newest first."""
    _ask(data, as_json, "why", account=uid, **options)


@main.command()
@_data
@_json
@_in_words
def health(data: Path, as_json: bool) -> None:
    """Tell how the node on a data directory is, and where its doors are."""
    _ask(data, as_json, "health")


@main.command()
@_data
@_json
@_in_words
def snapshot(data: Path, as_json: bool) -> None:
    """Let the node write a snapshot now."""
    _ask(data, as_json, "snapshot")


@main.command()
@click.argument("spec")
@click.option("--inst", "inst_id", default="", help="One instrument; all if not given.")
@_data
@_json
@_in_words
def liquidity(spec: str, inst_id: str, data: Path, as_json: bool) -> None:
    """Configure the built-in liquidity provider: HALF_SPREAD_PPM:BEST_LEVEL_VALUE:LEVELS."""
    _ask(data, as_json, "liquidity", spec=spec, inst_id=inst_id)


@main.command()
@_data
@_json
@_in_words
def verify(data: Path, as_json: bool) -> None:
    """Replay everything beside a running or a stopped node, compare digests, check invariants."""
    from copydesk.journal.disk import RealDisk
    from copydesk.node import logs
    from copydesk.node.genesis import shipped
    from copydesk.node.verify import verify as run

    logs.set_up("auto", "warning")
    found = run(data, RealDisk(), shipped())
    if as_json:
        _print_json(found)
    else:
        _print_table([msgspec.structs.asdict(found) | {"broken": len(found.broken)}])
    for line in found.broken:
        click.echo(f"broken: {line}", err=True)
    sys.exit(1 if found.broken else 0)


# run something ----------------------------------------------------------------------------------


@main.command()
@click.option("--copiers", type=click.IntRange(1, 100_000), default=1_000, show_default=True)
@click.option(
    "--duration", type=click.FloatRange(5), default=60.0, show_default=True, help="Seconds."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of settings and styles.")
@click.option("--exit", "leave", is_flag=True, help="End, and leave no server running.")
@_json
@_in_words
def demo(**options: Any) -> None:
    """Run lead traders and copy traders on recorded prices, with a crash in the middle."""
    from copydesk.demo import Options
    from copydesk.demo import main as run

    sys.exit(run(Options(**options)))


@main.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Of the first run.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=2_000, show_default=True)
@click.option("--people", type=click.IntRange(min=2), default=40, show_default=True)
@_json
@_in_words
def sim(seed: int, runs: int, steps: int, people: int, as_json: bool) -> None:
    """Run the whole system in a bottle from a seed, power cuts included, and check every step."""
    from copydesk.sim.run import run

    reports = [run(seed + number, steps, people) for number in range(runs)]
    if as_json:
        _print_json(reports)
    else:
        for report in reports:
            _print_table([msgspec.structs.asdict(report)])


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_in_words
def bench(arguments: tuple[str, ...]) -> None:
    """Measure beside rivals (bench/ of a checkout; `copydesk bench --help` there)."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "bench" / "__main__.py").is_file():
        raise click.ClickException(
            "the benchmarks are in bench/ of the repository, not in the installed package: "
            "run `make bench` in a checkout"
        )
    done = subprocess.run([sys.executable, "-m", "bench", *arguments], cwd=root, check=False)
    sys.exit(done.returncode)


def _ask(data: Path, as_json: bool, op: str, **fields: Any) -> None:
    """Put a request to the node and print what it answers."""
    from copydesk.node.admin_client import AdminClient

    with AdminClient(data) as client:
        result = client.ask(op, **fields)
    _show(result, as_json)


def _show(result: Any, as_json: bool) -> None:
    if as_json:
        _print_json(result)
    else:
        _print_table(result if isinstance(result, list) else [result])


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.encode(value).decode())


def _print_table(rows: Rows) -> None:
    """Print one row as lines of name and value, many as columns."""
    if len(rows) == 1:
        width = max(map(len, rows[0]))
        for name, value in rows[0].items():
            click.echo(f"{name:<{width}}  {_text(value)}")
        return
    if not rows:
        click.echo("(none)")
        return
    names = list(rows[0])
    table = [names, *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    for line in table:
        click.echo("  ".join(map(str.ljust, line, widths)).rstrip())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(part)}" for name, part in value.items())
    return str(value)
