"""What the demo shows: the board in a terminal, plain lines, the plot, the last words."""

from collections import Counter
from io import StringIO
from pathlib import Path

from rich.console import Console

from copydesk.demo.board import Board, Line, histogram, lag_text, quantile
from copydesk.demo.cast import BTC, draw_copiers
from copydesk.demo.ledger import Ledger
from copydesk.demo.plot import draw
from copydesk.demo.screen import Screen

PNG = b"\x89PNG\r\n\x1a\n"


def a_board() -> Board:
    return Board(
        lines=[
            Line("Mira", "momentum", 150_000, 150_900.5, 2, "340", "BTC ETH"),
            Line("Jun", "scalper", 100_000, 99_500, 1, "330", "BTC"),
            Line("Ada", "swing", 200_000, 200_000, 0, "330", "BTC ETH"),
        ],
        prices={BTC: 103_123.4},
        market_ms=1_746_750_000_000,
        copies=12_345,
        not_made=Counter(insufficient_margin=17, below_min_size=3),
        results={0: 12.5, 1: -230.0, 2: 0.0},
        curves=[(float(t), [150_000 + t, 100_000 - t, 200_000]) for t in (1, 2, 3, 9, 10)],
        phase="trading",
        share=0.4,
    )


def a_ledger() -> Ledger:
    return Ledger(
        lag_ms=[1.0, 2.0, 40.0],
        events=[(1.0, "server killed with 9 orders acknowledged"), (2.0, "Jun amends [x]")],
    )


def test_the_board_is_drawn_in_a_terminal() -> None:
    console = Console(file=StringIO(), record=True, force_terminal=True, width=120, height=50)
    screen = Screen(a_board(), a_ledger(), console)
    console.print(screen.picture())
    text = console.export_text()
    for words in ("Mira", "+900", "12,345", "insufficient margin", "2025-05-09 00:20", "103,123.4"):
        assert words in text
    assert "SOL, XRP and DOGE stand still" in text


def test_without_a_terminal_every_line_stands_by_itself() -> None:
    console = Console(file=StringIO(), record=True, force_terminal=False, width=200)
    with Screen(a_board(), a_ledger(), console) as screen:
        screen.refresh(0.0)
        screen.refresh(1.0)
    lines = console.export_text().splitlines()
    assert "[  2.0s] Jun amends [x]" in lines
    assert sum("12,345 copy fills, 20 not made; Mira +900" in line for line in lines) == 1


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "demo.png"
    draw(path, a_board(), a_ledger(), draw_copiers(3, 1), Counter(copied=5, below_min_size=1))
    assert path.read_bytes().startswith(PNG)


def test_the_plot_of_a_run_that_ended_at_once(tmp_path: Path) -> None:
    path = tmp_path / "demo.png"
    draw(path, Board(), Ledger(), draw_copiers(1, 1), Counter())
    assert path.read_bytes().startswith(PNG)


def test_results_are_counted_between_edges() -> None:
    assert histogram([-5.0, -1.0, 0.0, 0.5, 7.0], [-2.0, 0.0, 2.0]) == [1, 1, 2, 1]


def test_quantiles_of_few_and_none() -> None:
    assert quantile([], 0.5) == 0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2
    assert quantile([3.0, 1.0], 0.99) == 3
    assert lag_text(Ledger()) == "no lead order yet"
    assert lag_text(a_ledger()) == "2.0 ms median, 40.0 ms p99, 40.0 ms worst of 3"
