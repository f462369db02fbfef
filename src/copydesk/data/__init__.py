"""Recorded facts that ship with the package: instruments, funding terms, minutes and trades.

What lives here: the data files (their origin and licence: README.md beside them) and their loaders.
What it may touch: `model`, these files; polars never (the recordings are read by `feeds.replay`).
Always true: under 2 MB in all; the loaders give the same rows in the same order on every machine.
Start reading: `load_instruments`.
"""

import gzip
from importlib.resources import files
from pathlib import Path

import msgspec

from copydesk.model.amounts import parse_scaled
from copydesk.model.instruments import InstrumentTable

_INSTRUMENTS = "okx_instruments_2026-04-27.jsonl.gz"
_FUNDING = "okx_funding_2026-04-27.jsonl.gz"
_MINUTES = "binance_{base}USDT-PERP_candles_1m_2025-05-08_2025-05-11.parquet"
_TRADES = "binance_{base}USDT-PERP_trades_2024-08-08.parquet"
RECORDED_BASES = ("BTC", "ETH")

_names = msgspec.json.Decoder(list[str])


class Funding(msgspec.Struct, frozen=True, gc=False):
    """How a swap is funded: every `interval_ms`, at `rate_e9` (1e-9 of the value; + longs pay)."""

    inst_id: str
    interval_ms: int
    rate_e9: int
    wire: dict[str, str]


def load_instruments() -> InstrumentTable:
    """Load OKX's instruments of 2026-04-27: 312 swaps, then 1,218 spot pairs, each by instId."""
    return InstrumentTable.from_rows(_rows(_INSTRUMENTS))


def load_funding() -> dict[str, Funding]:
    """Load the funding terms of the 312 swaps as OKX answered them on 2026-04-27, by instId.

    The interval is the distance of the two funding times of the answer. The rate, 16 decimals on
    the wire, is rounded to 1e-9, half away from zero.
    """
    return {row["instId"]: _funding(row) for row in _rows(_FUNDING)}


def minutes_path(base: str) -> Path:
    """Give the path of recorded minutes of a base (Parquet, 2025-05-08 to 2025-05-11 UTC)."""
    return _path(_MINUTES.format(base=base))


def trades_path(base: str) -> Path:
    """Give the path of recorded trades of a base (Parquet, five minutes of 2024-08-08)."""
    return _path(_TRADES.format(base=base))


def _path(name: str) -> Path:
    path = Path(str(files(__package__).joinpath(name)))
    if not path.is_file():
        raise FileNotFoundError(f"{name} is not among the files that ship with copydesk")
    return path


def _rows(name: str) -> list[dict[str, str]]:
    """Read a table: first a line of field names, then a line of values for each row."""
    lines = gzip.decompress(_path(name).read_bytes()).splitlines()
    fields = _names.decode(lines[0])
    return [dict(zip(fields, _names.decode(line), strict=True)) for line in lines[1:]]


def _funding(row: dict[str, str]) -> Funding:
    interval_ms = int(row["nextFundingTime"]) - int(row["fundingTime"])
    rate_e18 = parse_scaled(row["fundingRate"], 18)
    if rate_e18 is None or interval_ms <= 0:
        raise ValueError(f"funding of {row['instId']} is malformed")
    rounded = (abs(rate_e18) + 5 * 10**8) // 10**9
    return Funding(row["instId"], interval_ms, rounded if rate_e18 >= 0 else -rounded, row)
