"""What is said at the end: figures, proofs, and how to go on by hand.

What lives here: the summary as a value and as text, the commands to paste.
What it may touch: rich; it only reads.
Always true: every command that is printed works as pasted while the server runs.
Start reading: `summary`, then `commands`.
"""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from copydesk.demo.board import Board, lag_text, quantile
from copydesk.demo.client import Key
from copydesk.demo.house import Account, House
from copydesk.demo.ledger import Ledger
from copydesk.demo.stage import Stage


def summary(stage: Stage, picture: Path) -> dict[str, Any]:
    """Gather what happened as plain values (--json prints them)."""
    board, ledger = stage.board, stage.ledger
    results = sorted(board.results.values())
    return {
        "held": all(proof.held for proof in stage.proofs),
        "proofs": stage.proofs,
        "copiers": len(stage.copiers),
        "relations": len(ledger.settings),
        "orders": len(ledger.orders),
        "lead_orders": sum(not order.own for order in ledger.orders.values()),
        "orders_of_unknown_outcome": len(ledger.unknown),
        "of_these_in_the_journal": stage.unknown_found,
        "copy_fills": board.copies,
        "pairs": dict(stage.reasons.most_common()),
        "lag_ms": {
            "p50": round(quantile(ledger.lag_ms, 0.5), 2),
            "p99": round(quantile(ledger.lag_ms, 0.99), 2),
            "max": round(max(ledger.lag_ms, default=0.0), 2),
        },
        "leads": {line.name: round(line.pnl, 2) for line in board.lines},
        "copiers_result": {
            "median": round(quantile(results, 0.5), 2),
            "worst": round(min(results, default=0.0), 2),
            "best": round(max(results, default=0.0), 2),
            "sum": round(sum(results), 2),
            "winners": sum(result > 0 for result in results),
        },
        "stopped": {
            kind: list(ledger.stopped.values()).count(kind)
            for kind in dict.fromkeys(ledger.stopped.values())
        },
        "refusals": dict(ledger.refusals.most_common()),
        "recovered": stage.recovered,
        "seconds": stage.seconds,
        "picture": str(picture),
        "data": str(stage.house.data),
    }


def show(console: Console, board: Board, ledger: Ledger, told: dict[str, Any]) -> None:
    """Print the summary for people."""
    table = Table(title="what happened", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    result = told["copiers_result"]
    pairs = told["pairs"]
    why = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in pairs.items())
    rows = [
        ("lead traders", ", ".join(f"{name} {pnl:+,.0f}" for name, pnl in told["leads"].items())),
        (
            "copy traders",
            f"{told['copiers']:,} in {told['relations']:,} relations; {result['winners']:,} won; "
            f"median {result['median']:+,.2f}, worst {result['worst']:+,.0f}, "
            f"best {result['best']:+,.0f} USDT",
        ),
        ("pairs", why),
        (
            "copy fills",
            f"{told['copy_fills']:,} from {told['lead_orders']:,} lead orders (without what the "
            "killed server counted last)",
        ),
        ("lag", f"lead order in, all copies booked, answer out: {lag_text(ledger)}"),
        (
            "stopped",
            ", ".join(f"{n} by {kind}" for kind, n in told["stopped"].items()) or "nobody",
        ),
        (
            "cut off by the kill",
            f"{told['orders_of_unknown_outcome']} orders without an answer, "
            f"{told['of_these_in_the_journal']} of them had reached the journal",
        ),
        ("seconds", ", ".join(f"{name} {s:.1f}" for name, s in told["seconds"].items())),
        ("picture", told["picture"]),
    ]
    for row in rows:
        table.add_row(*row)
    console.print(table)
    proofs = Table(title="what was proved", title_justify="left", show_header=False)
    for proof in told["proofs"]:
        mark = "[bold green]holds[/]" if proof.held else "[bold red]BROKEN[/]"
        proofs.add_row(mark, proof.claim, proof.looked_at)
        for line in proof.against:
            proofs.add_row("", f"[red]{line}[/]", "")
    console.print(proofs)


def commands(house: House, lead: Key, copier: Account, code: str) -> str:
    """Give lines to paste into a shell: curl signed by openssl, and python-okx."""
    return f"""\
The server runs at {house.url} (process {house.pid}, data in {house.data}).
It keeps replaying, rate limits are on, Ctrl-C stops it.

A lead trader's key (unique code {code}):
  {_lines(lead)}
A copy trader's key (uid {copier.uid}):
  {_lines(copier.key)}

With curl, signed by openssl (here as the lead trader):

  KEY='{lead.api_key}' SECRET='{lead.secret}' PASS='{lead.passphrase}'
  okx() {{ T=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
    S=$(printf %s "$T$1$2$3" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64)
    curl -s -X "$1" '{house.url}'"$2" ${{3:+--data "$3"}} -H 'content-type: application/json' \\
      -H "OK-ACCESS-KEY: $KEY" -H "OK-ACCESS-SIGN: $S" -H "OK-ACCESS-TIMESTAMP: $T" \\
      -H "OK-ACCESS-PASSPHRASE: $PASS"; echo; }}
  okx GET /api/v5/account/balance
  okx POST /api/v5/trade/order '{{"instId":"BTC-USDT-SWAP","tdMode":"cross","side":"buy",\
"ordType":"market","sz":"1"}}'
  okx GET '/api/v5/copytrading/current-subpositions?instType=SWAP'

With python-okx (pip install python-okx), as the copy trader:

  from okx.Account import AccountAPI
  account = AccountAPI('{copier.key.api_key}', '{copier.key.secret}',
                       '{copier.key.passphrase}', False, '0', '{house.url}')
  print(account.get_positions('SWAP'))

Why copies of that copy trader were made or not:

  copydesk why --data {house.data} --account {copier.uid} --all
"""


def _lines(key: Key) -> str:
    return f"KEY='{key.api_key}' SECRET='{key.secret}' PASS='{key.passphrase}'"
