"""The command line of the comparison in click."""

import click


@click.group()
@click.version_option("1.0", prog_name="desk")
def main() -> None:
    """A desk."""


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--data", type=click.Path(file_okay=False), default="data", show_default=True)
@click.option("--feed", multiple=True, default=("simulated",), show_default=True)
def serve(port: int, data: str, feed: tuple[str, ...]) -> None:
    """Serve."""
    click.echo(f"{port} {data} {feed}")


@main.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False), default="data")
def verify(data: str) -> None:
    """Verify."""
    click.echo(data)


@main.group()
def account() -> None:
    """Accounts."""


@account.command()
@click.argument("name")
@click.option("--deposit", default="0", show_default=True)
def create(name: str, deposit: str) -> None:
    """Create an account."""
    click.echo(f"{name} {deposit}")


@account.command(name="list")
def list_() -> None:
    """List accounts."""


if __name__ == "__main__":
    main()
