"""The main job, shown: lead traders, a thousand copy traders, a kill in the middle, and proofs.

What lives here: `main`, which `copydesk demo` calls, and the parts of the show.
What it may touch: a server process that it starts, its REST door and admin door; files below
`copydesk-demo` in the working directory.
Always true: it exits with 0 only if every proof held.
Start reading: `main`, then `stage.Stage.play`.
"""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec
import uvloop
from rich.console import Console

from copydesk.demo import farewell
from copydesk.demo.board import Board
from copydesk.demo.client import Refused
from copydesk.demo.house import House, HouseError
from copydesk.demo.ledger import Ledger
from copydesk.demo.plot import draw
from copydesk.demo.screen import Screen
from copydesk.demo.stage import BEGIN, Options, Stage

__all__ = ["Options", "main"]

FOLDER = Path("copydesk-demo")
EXIT_HELD, EXIT_BROKEN, EXIT_FAILED = 0, 1, 2


def main(options: Options) -> int:
    """Run the demo; the exit code. A `duration` counts seconds of trading, the outage excluded."""
    console = Console(stderr=options.as_json, highlight=False)
    if not console.is_terminal:
        console.width = 120
    code = EXIT_FAILED
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(_run(options, console))
    except* asyncio.CancelledError:
        console.print("told to end")
    except* (HouseError, Refused, httpx.TransportError) as errors:
        for error in _leaves(errors):
            console.print(f"the demo could not go on: {error}", style="red", markup=False)
    return code


async def _run(options: Options, console: Console) -> int:
    house = House(_fresh_folder())
    console.print(f"everything of this run is in {house.folder}", markup=False, soft_wrap=True)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    board, ledger = Board(), Ledger()
    stage = Stage(options, house, board, ledger)
    try:
        with Screen(board, ledger, console) as screen:
            await stage.play(screen.refresh)
        picture = house.folder / "demo.png"
        draw(picture, board, ledger, stage.copiers, stage.reasons)
        told = farewell.summary(stage, picture)
        farewell.show(console, board, ledger, told)
        if options.as_json:
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
            sys.stdout.flush()
        code = await house.stop()
        if code:
            console.print(f"[red]the server ended with code {code}[/]")
        if not options.leave and not code:
            with suppress(asyncio.CancelledError):  # Ctrl-C is the way out
                await _stay(house, stage, console)
        return EXIT_HELD if told["held"] and not code else EXIT_BROKEN
    finally:
        await house.stop()


async def _stay(house: House, stage: Stage, console: Console) -> None:
    """Start the server again as anybody would run it, say how to use it, wait until it ends."""
    feed = f"{stage.feed.partition('&from=')[0]}&from={BEGIN}"
    await house.start(feed, 1.0, "--rate-limits")
    lead, copier = stage.traders[0], stage.a_plain_copier()
    text = farewell.commands(house, lead.key, copier, lead.unique_code)
    console.print(text, markup=False, soft_wrap=True)
    await house.wait()


def _fresh_folder() -> Path:
    """Make a folder for this run; nothing of an earlier one is touched."""
    for number in range(1, 10_000):
        folder = FOLDER / f"run-{number:03d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise HouseError(f"{FOLDER} is full")


def _leaves(errors: BaseExceptionGroup[Exception]) -> list[Exception]:
    found: list[Exception] = []
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += _leaves(error)
        else:
            found.append(error)
    return found
