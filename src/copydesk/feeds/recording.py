"""Files of recorded candles and trades, read into columns and checked.

What lives here: the column names that are understood, `read`, and what is wrong with a bad file.
What it may touch: the file named by the caller; polars, imported when the first file is read.
Always true: every price is a positive number, candles are whole and rise in time, or the file is
refused with its name, row and column.
Start reading: `read`.

Understood: Parquet, CSV, CSV inside .zip or .gz. Candles need a time and open, high, low, close;
trades need a time and a price (OKX's daily files: instrument_name, trade_id, side, price, size,
created_time). Times are Unix seconds, ms, us or ns, or ISO text (UTC). A column of sizes is in
coin, except `size` and `sz` of trades and `vol` of candles, which are in OKX's own unit: contracts
for swaps, coin for spot.
"""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from copydesk.feeds.feed import FeedError

if TYPE_CHECKING:
    import polars as pl

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

TIME = ("ts_ms", "t_ms", "ts", "timestamp", "time", "created_time", "open_time", "date", "datetime")
PRICE = ("price", "px")
COIN = ("vol_base", "volccy", "volume", "qty", "amount")
VENUE_UNIT = ("size", "sz", "vol")
SYMBOL = ("instrument_name", "instid", "inst_id", "symbol")
CANDLE = ("open", "high", "low", "close")
_SHORT = {"o": "open", "h": "high", "l": "low", "c": "close"}


class Prints(NamedTuple):
    """Prices of one symbol in order of time.

    `symbol` is "" where the file does not say; `contracts`: the sizes are in the venue's unit.
    """

    symbol: str
    ts_ms: I64
    px: F64
    qty: F64
    contracts: bool


def read(path: Path) -> list[Prints]:
    """Read a file of candles or trades, one part per symbol in order of name. Raises FeedError."""
    sheet = _Sheet(path)
    symbols = sheet.find(SYMBOL)
    if symbols is None:
        return [_prints(sheet, "")]
    parts = sheet.frame.partition_by(symbols, as_dict=True)
    named = {str(key[0]): part for key, part in parts.items()}
    return [_prints(_Sheet(path, named[name]), name) for name in sorted(named)]


class _Sheet:
    """A file as a frame whose last column `row` is where the reader finds the row in it."""

    def __init__(self, path: Path, frame: "pl.DataFrame | None" = None) -> None:
        self.path = path
        self.unit = "row" if path.suffix == ".parquet" else "line"
        self.frame = self._load() if frame is None else frame
        self._names = {name.strip().split("/")[0].lower(): name for name in self.frame.columns}
        if CANDLE[0] not in self._names and "o" in self._names:
            self._names |= {_SHORT[k]: v for k, v in self._names.items() if k in _SHORT}

    def find(self, names: tuple[str, ...]) -> str | None:
        """Find the first of these columns that is there; the file's own spelling of it."""
        return next((self._names[name] for name in names if name in self._names), None)

    def need(self, names: tuple[str, ...], what: str) -> str:
        found = self.find(names)
        if found is None:
            has = ", ".join(self.frame.columns[:-1])
            looked = ", ".join(names)
            raise FeedError(f"{self.path}: no column with the {what} ({looked}); it has: {has}")
        return found

    def bad(self, index: int, column: str, why: str) -> FeedError:
        """Make the error that names file, row and column."""
        row = self.frame["row"][index]
        value = self.frame[column][index]
        return FeedError(f"{self.path}, {self.unit} {row}, column {column}: {value!r} {why}")

    def numbers(self, column: str) -> F64:
        """Read a column of finite numbers."""
        import polars as pl

        series = self.frame[column].cast(pl.Float64, strict=False)
        values: F64 = series.to_numpy()
        wrong = ~np.isfinite(values)
        if wrong.any():
            raise self.bad(int(wrong.argmax()), column, "is not a number")
        return values

    def positive(self, column: str) -> F64:
        values = self.numbers(column)
        wrong = values <= 0
        if wrong.any():
            raise self.bad(int(wrong.argmax()), column, "is not a positive price")
        return values

    def sizes(self) -> tuple[F64, bool]:
        """Read the sizes, and whether they are in the venue's unit; none at all is allowed."""
        column = self.find(COIN)
        venue_unit = column is None
        if column is None:
            column = self.find(VENUE_UNIT)
        if column is None:
            return np.zeros(self.frame.height), False
        values = self.numbers(column)
        wrong = values < 0
        if wrong.any():
            raise self.bad(int(wrong.argmax()), column, "is a negative size")
        return values, venue_unit

    def times(self, column: str) -> I64:
        """Read times as Unix ms."""
        import polars as pl

        series = self.frame[column]
        if series.dtype == pl.String and not str(series[0]).strip().replace(".", "").isdigit():
            series = series.str.to_datetime(strict=False)
        if series.dtype.is_temporal():
            ms = series.cast(pl.Datetime("ms")).cast(pl.Int64)
            if ms.null_count():
                raise self.bad(int(ms.is_null().arg_max() or 0), column, "is not a time")
            stamps: I64 = ms.to_numpy()
            return stamps
        values = self.numbers(column)
        unit = float(values[0])
        factor = next(f for top, f in _TIME_UNITS if unit < top)
        return np.floor(values * factor + 1e-6).astype(np.int64)

    def _load(self) -> "pl.DataFrame":
        import polars as pl

        if not self.path.is_file():
            raise FeedError(f"{self.path}: there is no such file")
        try:
            if self.path.suffix == ".parquet":
                frame, first = pl.read_parquet(self.path), 1
            else:
                source = self._unzipped() if self.path.suffix == ".zip" else self.path
                frame = pl.read_csv(source, infer_schema=False, encoding="utf8-lossy")
                first = 2  # the header is line 1
        except (pl.exceptions.PolarsError, zipfile.BadZipFile, OSError) as error:
            said = str(error).partition("\n")[0]
            raise FeedError(f"{self.path}: cannot be read: {said}") from error
        if frame.height == 0:
            raise FeedError(f"{self.path}: holds no rows")
        return frame.with_columns(pl.int_range(first, first + pl.len()).alias("row"))

    def _unzipped(self) -> bytes:
        with zipfile.ZipFile(self.path) as archive:
            inside = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(inside) != 1:
                raise FeedError(f"{self.path}: holds {len(inside)} CSV files, not one")
            return archive.read(inside[0])


_TIME_UNITS = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (float("inf"), 1e-6))


def _prints(sheet: _Sheet, symbol: str) -> Prints:
    time = sheet.need(TIME, "time")
    ts_ms = sheet.times(time)
    if all(sheet.find((name,)) for name in CANDLE):
        return _candles(sheet, symbol, time, ts_ms)
    px = sheet.positive(sheet.need((*PRICE, *CANDLE), "price"))
    qty, contracts = sheet.sizes()
    order = np.argsort(ts_ms, kind="stable")
    return Prints(symbol, ts_ms[order], px[order], qty[order], contracts)


def _candles(sheet: _Sheet, symbol: str, time: str, ts_ms: I64) -> Prints:
    """Make four prints of each candle.

    Open first, close last; between them the low first in a rising candle, the high first in a
    falling one, so that the path is the shorter one. They come at the start, after one and two
    thirds, and in the last millisecond of the candle; each brings a quarter of the volume.
    """
    steps = np.diff(ts_ms)
    if (steps <= 0).any():
        raise sheet.bad(int((steps <= 0).argmax()) + 1, time, "does not come after the row before")
    open_, high, low, close = (sheet.positive(sheet.need((name,), "price")) for name in CANDLE)
    for column, wrong in (
        ("high", high < np.maximum(open_, close)),
        ("low", low > np.minimum(open_, close)),
    ):
        if wrong.any():
            why = "contradicts open and close"
            raise sheet.bad(int(wrong.argmax()), sheet.need((column,), "price"), why)
    qty, contracts = sheet.sizes()
    length = int(steps.min()) if len(steps) else 60_000
    rising = close >= open_
    first, second = np.where(rising, low, high), np.where(rising, high, low)
    offsets = np.array([0, length // 3, 2 * length // 3, length - 1])
    return Prints(
        symbol,
        (ts_ms[:, None] + offsets).ravel(),
        np.column_stack([open_, first, second, close]).ravel(),
        np.repeat(qty / 4, 4),
        contracts,
    )
