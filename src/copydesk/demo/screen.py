"""The live picture in a terminal, and plain lines where there is none.

What lives here: what the board looks like.
What it may touch: rich; it only reads.
Always true: without a terminal nothing is drawn over, every line stands by itself.
Start reading: `Screen`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from copydesk.demo.board import Board, histogram, lag_text
from copydesk.demo.cast import BTC, ETH
from copydesk.demo.ledger import Ledger

ORIGIN = (
    "BTC and ETH follow recorded minutes of May 2025 (Binance perpetuals), played faster. "
    "SOL, XRP and DOGE stand still here: no recording of them ships with Copydesk "
    "(`copydesk serve` moves them with its simulated feed)."
)
PLAIN_EVERY_S = 5.0
EDGES = [-100.0, -50.0, -20.0, -10.0, -5.0, 0.0, 5.0, 10.0, 20.0, 50.0, 100.0]
_EVENTS = 7


class Screen:
    """Shows a board: live in a terminal, else a line now and then."""

    def __init__(self, board: Board, ledger: Ledger, console: Console) -> None:
        self._board = board
        self._ledger = ledger
        self._console = console
        self._live: Live | None = None
        self._next_line_s = 0.0
        self._told = 0

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._console.is_terminal:
            self._live = Live(self.picture(), console=self._console, refresh_per_second=5)
            self._live.start()
        else:
            self._console.print(ORIGIN, soft_wrap=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.update(self.picture())
            self._live.stop()

    def refresh(self, elapsed: float) -> None:
        """Show what is new."""
        if self._live is not None:
            self._live.update(self.picture())
            return
        for at, words in self._ledger.events[self._told :]:
            self._console.print(f"[{at:5.1f}s] {words}", soft_wrap=True, markup=False)
        self._told = len(self._ledger.events)
        if elapsed >= self._next_line_s:
            self._next_line_s = elapsed + PLAIN_EVERY_S
            self._console.print(self.line(elapsed), soft_wrap=True, markup=False)

    def line(self, elapsed: float) -> str:
        """Say the state of things in a line."""
        board = self._board
        leads = ", ".join(f"{line.name} {line.pnl:+,.0f}" for line in board.lines)
        return (
            f"[{elapsed:5.1f}s] {board.phase}: {board.copies:,} copy fills, "
            f"{sum(board.not_made.values()):,} not made; {leads or 'no lead traders yet'}"
        )

    def picture(self) -> RenderableType:
        """Draw the whole board."""
        middle = Table.grid(expand=True, padding=(0, 1))
        middle.add_column(ratio=1)
        middle.add_column(ratio=1)
        middle.add_row(self._copies(), self._results())
        return Group(self._head(), self._leads(), middle, self._events())

    def _head(self) -> RenderableType:
        board = self._board
        moment = datetime.fromtimestamp(board.market_ms / 1_000, UTC)
        market = f"market time {moment:%Y-%m-%d %H:%M}" if board.market_ms else "market closed"
        prices = "   ".join(
            f"{name} [bold]{board.prices[inst_id]:,.1f}[/]"
            for name, inst_id in (("BTC", BTC), ("ETH", ETH))
            if inst_id in board.prices
        )
        progress = Table.grid(expand=True)  # a bar by itself would not end its line
        progress.add_row(ProgressBar(total=1.0, completed=board.share))
        return Panel(
            Group(
                Text.from_markup(f"[bold cyan]{board.phase}[/]   {market}   {prices}"),
                progress,
                Text(ORIGIN, style="dim"),
            ),
            title="[bold]Copydesk demo[/]",
            title_align="left",
        )

    def _leads(self) -> RenderableType:
        table = Table(expand=True, title_justify="left")
        for name in ("lead trader", "style", "leads"):
            table.add_column(name)
        for name in ("equity", "PnL", "open", "copy traders"):
            table.add_column(name, justify="right")
        for line in self._board.lines:
            table.add_row(
                f"[bold]{line.name}[/]",
                line.style,
                line.led,
                f"{line.equity:,.0f}",
                _signed(line.pnl),
                str(line.open_count),
                line.copiers,
            )
        return table

    def _copies(self) -> RenderableType:
        board = self._board
        missing = sum(board.not_made.values())
        rows = [("copy fills", board.copies, "green"), ("not made", missing, "red")]
        rows += [(name.replace("_", " "), n, "yellow") for name, n in board.not_made.most_common()]
        lag = Text(f"lead order in, copies booked, answer out: {lag_text(self._ledger)}")
        return Panel(Group(_bars(rows), lag), title="copies", title_align="left")

    def _results(self) -> RenderableType:
        values = list(self._board.results.values())
        counts = histogram(values, EDGES)
        names = [f"< {EDGES[0]:+.0f}", *(f"{edge:+.0f} …" for edge in EDGES)]
        colours = ["red" if edge <= 0 else "green" for edge in EDGES] + ["green"]
        rows = list(zip(names, counts, colours, strict=True))
        title = f"what {len(values):,} copy traders won or lost, USDT"
        return Panel(_bars(rows), title=title, title_align="left")

    def _events(self) -> RenderableType:
        lines = [f"{at:6.1f}s  {words}" for at, words in self._ledger.events[-_EVENTS:]]
        return Panel(Text("\n".join(lines) or "…"), title="what happened", title_align="left")


def _signed(value: float) -> str:
    colour = "green" if value >= 0 else "red"
    return f"[{colour}]{value:+,.0f}[/]"


def _bars(rows: Iterable[tuple[str, int, str]]) -> RenderableType:
    """Draw names, bars and numbers, the longest bar for the largest number."""
    rows = list(rows)
    most = max(1, *(count for _, count, _ in rows))
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right")
    for name, count, colour in rows:
        table.add_row(name, Bar(most, 0, count, color=colour), f"{count:,}")
    return table
