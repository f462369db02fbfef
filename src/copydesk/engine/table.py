"""Tables of columns: NumPy arrays that grow together, with memory touched ahead of use.

What lives here: `Table` and `column`; `state.py` declares the tables.
What it may touch: NumPy.
Always true: rows [0, count) are live; the memory behind them up to the capacity is zero and
already touched.
Start reading: `Table`.

Growing may replace the arrays, so nobody stores an array of a table across an append. Tables that
get large ask for address space far beyond their rows (`mapped_rows`): memory is taken only where
it is touched, and growing inside it neither copies nor stalls.
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
I16 = npt.NDArray[np.int16]
I8 = npt.NDArray[np.int8]
Bool = npt.NDArray[np.bool_]
Text = npt.NDArray[np.bytes_]


class Column(NamedTuple):
    """A declared column: NumPy dtype, shape of one row, unit and meaning, and which module writes
    it."""

    dtype: str
    meaning: str
    writer: str
    width: int = 0


TOUCH_ROWS = 1 << 14  # how far ahead an append touches beyond its own need

Rows = I64 | slice  # rows of a table: an index array, or a slice where they have no gaps


def span(rows: I64 | I32, *, rising: bool = False) -> Rows:
    """Turn rows into a slice if each is one more than the last, which makes column access ten
    times cheaper. `rising`: they are known to rise strictly, so that their ends tell.
    """
    count = len(rows)
    first = int(rows[0]) if count else 0
    dense = count > 0 and int(rows[-1]) - first == count - 1
    if dense and (rising or (rows[1:] - rows[:-1] == 1).all()):
        return slice(first, first + count)
    return rows.astype(np.int64, copy=False)


def column(dtype: str, meaning: str, writer: str, width: int = 0) -> Any:
    """Declare a column of a Table; `width` > 0 makes each row an array of that many cells."""
    return Column(dtype, meaning, writer, width)


class Table:
    """Rows in columns. Subclasses declare columns as class attributes made by `column`."""

    columns: dict[str, Column]
    mapped_rows: ClassVar[int] = 0  # address space to ask for at once; pages come when touched

    def __init_subclass__(cls) -> None:
        cls.columns = {name: spec for name, spec in vars(cls).items() if isinstance(spec, Column)}

    def __init__(self, capacity: int = 64) -> None:
        self.count = 0
        self.capacity = 0  # rows that are zero and touched; arrays may be longer
        self._move(capacity)

    def _move(self, capacity: int) -> None:
        """Go to new arrays with room for `capacity` rows, and what else may be mapped for free."""
        old = {name: getattr(self, name)[: self.count] for name in self.columns if self.count}
        try:
            self._map(max(capacity, self.mapped_rows))
        except MemoryError:  # address space is limited here: ask for what is needed
            self._map(capacity)
        for name, values in old.items():
            getattr(self, name)[: self.count] = values
        self.capacity = self.count
        self._touch(capacity)

    def _map(self, rows: int) -> None:
        for name, spec in self.columns.items():
            shape = (rows, spec.width) if spec.width else (rows,)
            setattr(self, name, np.empty(shape, dtype=spec.dtype))
        self._mapped = rows

    def _touch(self, capacity: int) -> None:
        """Zero the rows up to `capacity`, so that nobody pays for their pages later."""
        for name, spec in self.columns.items():
            getattr(self, name)[self.capacity : capacity] = np.zeros((), dtype=spec.dtype)
        self.capacity = capacity

    def reserve(self, extra: int) -> None:
        """Make room for `extra` more rows. Inside what is mapped nothing moves; beyond, it
        doubles."""
        need = self.count + extra
        if need > self._mapped:
            self._move(max(need, 2 * self.capacity))
        elif need > self.capacity:
            ahead = self.capacity + min(self.capacity, TOUCH_ROWS)
            self._touch(min(self._mapped, max(need, ahead)))

    def touch_ahead(self, free_rows: int) -> None:
        """Come nearer to `free_rows` touched rows behind the live ones, some thousand a call."""
        wanted = min(self.count + free_rows, self._mapped)
        if self.capacity < wanted:
            self._touch(min(wanted, self.capacity + TOUCH_ROWS))

    def append(self, extra: int = 1) -> int:
        """Add `extra` zero rows and give the index of the first."""
        self.reserve(extra)
        start = self.count
        self.count += extra
        return start

    def drop_first(self, rows: int) -> None:
        """Forget the oldest rows (history only: nothing may hold row numbers into such a table)."""
        keep = self.count - rows
        for name, spec in self.columns.items():
            array = getattr(self, name)
            array[:keep] = array[rows : self.count].copy()
            array[keep : self.count] = np.zeros((), dtype=spec.dtype)
        self.count = keep

    def live(self, name: str) -> npt.NDArray[Any]:
        """Give the live part of a column (a view)."""
        array: npt.NDArray[Any] = getattr(self, name)[: self.count]
        return array

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        """Copy the live rows of all columns, for a snapshot."""
        return {name: self.live(name).copy() for name in self.columns}

    def load(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Replace all rows. Raises ValueError if the columns are not exactly this table's."""
        if set(arrays) != set(self.columns):
            raise ValueError(f"columns differ: {sorted(set(arrays) ^ set(self.columns))}")
        rows = len(next(iter(arrays.values())))
        self.count = 0
        self._move(max(64, rows + rows // 8))
        for name, spec in self.columns.items():
            getattr(self, name)[:rows] = arrays[name].astype(spec.dtype, copy=False)
        self.count = rows
