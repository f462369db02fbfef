"""From the text of `--feed` to a Feed.

What lives here: the grammar of feed specs and `open_feed`.
What it may touch: the kinds of feeds.
Always true: a spec that is not understood says what would be.
Start reading: `open_feed`.

    KIND[:ITEM,ITEM…][?OPTION=VALUE&…]
    simulated                     BTC, ETH, SOL, XRP, DOGE in USDT, swap and spot
    simulated:BTC,SUI?interval_ms=100&regime=jump
    simulated:all                 every coin that the simulated market knows
    replay:btc.parquet,eth.csv.zip?end=loop&from=2025-05-08T12:00
    replay:prices.csv@BTC-USDT-SWAP+BTC-USDT
"""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from copydesk.feeds.feed import Feed, FeedError, Start
from copydesk.feeds.replay import ENDS, open_replay
from copydesk.feeds.simulated import REGIMES, open_simulated
from copydesk.model.instruments import InstrumentTable

KINDS = ("simulated", "replay")


class Spec(msgspec.Struct, frozen=True, gc=False):
    """A feed spec taken apart."""

    text: str
    kind: str
    items: tuple[str, ...]
    options: dict[str, str]


def open_feed(
    spec: str,
    table: InstrumentTable,
    *,
    seed: int = 0,
    speed: float = 1.0,
    clock_ms: Callable[[], int] | None = None,
) -> Feed:
    """Open the feed that `spec` describes (grammar: above). Raises FeedError.

    `seed` and `clock_ms` (Unix ms) are for the simulated market: without a clock its time begins at
    a fixed instant, so that equal seeds give equal ticks to the last byte; with one, market time is
    wall time. Recorded data keeps its own time.
    """
    parsed = parse(spec)
    if parsed.kind == "simulated":
        _known(parsed, {"interval_ms", "regime"})
        interval_ms = _interval(parsed)
        regime = _choice(parsed, "regime", ("", *REGIMES))
        clock = clock_ms if speed == 1 else None
        anchor_ms = clock_ms() if clock_ms else 0
        market = open_simulated(table, parsed.items, interval_ms, seed, regime)
        return Feed(
            parsed.text, market.inst_rows, speed, lambda start: market.run(start, anchor_ms, clock)
        )
    if parsed.kind == "replay":
        _known(parsed, {"end", "from"})
        begin = Start(_instant(parsed) - 1) if "from" in parsed.options else Start()
        replay = open_replay(table, parsed.items, _choice(parsed, "end", ENDS))
        return Feed(
            parsed.text,
            replay.inst_rows,
            speed,
            lambda start: replay.run(start if start.market_ts_ms else begin),
        )
    if parsed.kind == "okx":
        raise FeedError(
            f"the feed kind 'okx' (live public data) is not built yet; there are: {_kinds()}"
        )
    raise FeedError(f"unknown feed kind {parsed.kind!r}; there are: {_kinds()}")


def parse(text: str) -> Spec:
    """Take a spec apart without looking at what it names."""
    body, _, query = text.partition("?")
    kind, _, items = body.partition(":")
    options = {}
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        if not equals or not value:
            raise FeedError(f"{text}: option {pair!r} is not NAME=VALUE")
        options[name] = value
    return Spec(text, kind.strip(), tuple(filter(None, items.split(","))), options)


def _kinds() -> str:
    return ", ".join(KINDS)


def _known(spec: Spec, names: set[str]) -> None:
    for name in spec.options:
        if name not in names:
            known = ", ".join(sorted(names))
            raise FeedError(f"{spec.text}: unknown option {name!r}; {spec.kind} knows: {known}")


def _choice(spec: Spec, name: str, choices: tuple[str, ...]) -> str:
    """Read an option with a closed list of values; the first is the default."""
    value = spec.options.get(name, choices[0])
    if value not in choices:
        listed = ", ".join(filter(None, choices))
        raise FeedError(f"{spec.text}: {name} must be one of {listed}, not {value!r}")
    return value


def _interval(spec: Spec) -> int:
    text = spec.options.get("interval_ms", "250")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 60_000:
        raise FeedError(f"{spec.text}: interval_ms must be 1 to 60000, not {text!r}")
    return int(text)


def _instant(spec: Spec) -> int:
    """Read `from`: Unix milliseconds, or an ISO date and time, UTC unless it says otherwise."""
    text = spec.options["from"]
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FeedError(f"{spec.text}: from is neither Unix ms nor an ISO time: {text!r}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)
