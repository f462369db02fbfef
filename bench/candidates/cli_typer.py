"""The command line of the comparison in typer."""

from pathlib import Path
from typing import Annotated

import typer

main = typer.Typer(help="A desk.")
account = typer.Typer(help="Accounts.")
main.add_typer(account, name="account")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo("desk, version 1.0")
        raise typer.Exit


@main.callback()
def root(version: Annotated[bool, typer.Option("--version", callback=_version)] = False) -> None:
    """A desk."""


@main.command()
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    data: Annotated[Path, typer.Option(file_okay=False)] = Path("data"),
    feed: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Serve."""
    typer.echo(f"{port} {data} {feed or ['simulated']}")


@main.command()
def verify(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False)] = Path("data"),
) -> None:
    """Verify."""
    typer.echo(data)


@account.command()
def create(name: str, deposit: str = "0") -> None:
    """Create an account."""
    typer.echo(f"{name} {deposit}")


@account.command(name="list")
def list_() -> None:
    """List accounts."""


if __name__ == "__main__":
    main()
