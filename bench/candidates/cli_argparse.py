"""The command line of the comparison in argparse."""

import argparse  # noqa: TID251 - the candidate that lost
from pathlib import Path


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not in the range 1 to 65535")
    return port


def _existing_folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def _folder(text: str) -> Path:
    path = Path(text)
    if path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is a file")
    return path


def serve(chosen: argparse.Namespace) -> None:
    print(chosen.port, chosen.data, chosen.feed or ["simulated"])


def verify(chosen: argparse.Namespace) -> None:
    print(chosen.data)


def create(chosen: argparse.Namespace) -> None:
    print(chosen.name, chosen.deposit)


def list_(_: argparse.Namespace) -> None:
    pass


def parser() -> argparse.ArgumentParser:
    form = argparse.ArgumentDefaultsHelpFormatter
    root = argparse.ArgumentParser("desk", description="A desk.")
    root.add_argument("--version", action="version", version="desk, version 1.0")
    commands = root.add_subparsers(required=True)

    one = commands.add_parser("serve", help="Serve.", formatter_class=form)
    one.add_argument("--port", type=_port, default=8080)
    one.add_argument("--data", type=_folder, default="data")
    one.add_argument("--feed", action="append")
    one.set_defaults(run=serve)

    one = commands.add_parser("verify", help="Verify.", formatter_class=form)
    one.add_argument("--data", type=_existing_folder, default="data")
    one.set_defaults(run=verify)

    accounts = commands.add_parser("account", help="Accounts.").add_subparsers(required=True)
    one = accounts.add_parser("create", help="Create an account.", formatter_class=form)
    one.add_argument("name")
    one.add_argument("--deposit", default="0")
    one.set_defaults(run=create)
    one = accounts.add_parser("list", help="List accounts.")
    one.set_defaults(run=list_)
    return root


def main() -> None:
    chosen = parser().parse_args()
    chosen.run(chosen)


if __name__ == "__main__":
    main()
