"""Just enough of libpq through ctypes: connect, prepare, execute prepared, read text.

Used instead of a driver so that `make bench` needs nothing from a package index, and because
nothing is faster: the rival's time is the server's own plus one round trip over a unix socket.
"""

import ctypes
import ctypes.util
from collections.abc import Sequence
from pathlib import Path

_OK_COMMAND, _OK_TUPLES = 1, 2


def library() -> ctypes.CDLL | None:
    """Load libpq; None where it is not installed."""
    found = ctypes.util.find_library("pq")
    if found is None:
        beside = sorted(Path("/usr/lib").glob("*/libpq.so.5"))
        if not beside:
            return None
        found = str(beside[0])
    loaded = ctypes.CDLL(found)
    loaded.PQconnectdb.restype = ctypes.c_void_p
    loaded.PQerrorMessage.restype = ctypes.c_char_p
    for name in ("PQexec", "PQprepare", "PQexecPrepared"):
        getattr(loaded, name).restype = ctypes.c_void_p
    loaded.PQgetvalue.restype = ctypes.c_char_p
    loaded.PQresultErrorMessage.restype = ctypes.c_char_p
    return loaded


class Connection:
    """One connection; every error of the server is a RuntimeError."""

    def __init__(self, loaded: ctypes.CDLL, conninfo: str) -> None:
        self._pq = loaded
        self._conn = ctypes.c_void_p(loaded.PQconnectdb(conninfo.encode()))
        if loaded.PQstatus(self._conn) != 0:
            reason = loaded.PQerrorMessage(self._conn).decode()
            self.close()
            raise ConnectionError(reason)

    def run(self, sql: str) -> list[list[str]]:
        """Run statements without parameters; give the rows of the last one."""
        return self._rows(self._pq.PQexec(self._conn, sql.encode()))

    def prepare(self, name: str, sql: str) -> None:
        """Parse and name a statement once."""
        self._rows(self._pq.PQprepare(self._conn, name.encode(), sql.encode(), 0, None))

    def execute(self, name: str, values: Sequence[int | str]) -> list[list[str]]:
        """Run a prepared statement."""
        texts = (ctypes.c_char_p * len(values))(*(str(value).encode() for value in values))
        arguments = (len(values), texts, None, None, 0)
        return self._rows(self._pq.PQexecPrepared(self._conn, name.encode(), *arguments))

    def _rows(self, address: int) -> list[list[str]]:
        result = ctypes.c_void_p(address)
        try:
            if self._pq.PQresultStatus(result) not in (_OK_COMMAND, _OK_TUPLES):
                raise RuntimeError(self._pq.PQresultErrorMessage(result).decode())
            columns = range(self._pq.PQnfields(result))
            count = self._pq.PQntuples(result)
            return [
                [self._pq.PQgetvalue(result, row, column).decode() for column in columns]
                for row in range(count)
            ]
        finally:
            self._pq.PQclear(result)

    def close(self) -> None:
        """Hang up."""
        self._pq.PQfinish(self._conn)
