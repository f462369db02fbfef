"""The honest rival: the same fan-out as one set-based statement in PostgreSQL, prepared, durable.

What lives here: the tables, the statement `full` (row locks in id order, copies, orders, bills,
relations, accounts) and `lean` (no locks, no orders, no bills, no relations: unsafe beside a
withdrawal; a lower bound).
Always true: money is bigint in the engine's own units, which is kind to PostgreSQL; fillfactor 50
so that updates stay on their page (HOT); both tables that are updated are vacuumed between
rounds, outside the timing.
Start reading: `FULL`.
"""

import io
import time

import numpy as np

from bench.rivals.cluster import Cluster
from bench.workload import (
    DEPOSIT_E8,
    GUARD_PX_TICKS,
    LEAD_LOTS,
    LOT_TICK_E8,
    PX_TICKS,
    TAKER_FEE_PPM,
    TOTAL_AMT_E8,
    Copies,
    Workload,
)

SCHEMA = """
CREATE TABLE accounts (
    id bigint PRIMARY KEY, balance bigint NOT NULL, margin_used bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE relations (
    id bigint PRIMARY KEY, lead bigint NOT NULL, copier bigint NOT NULL REFERENCES accounts,
    mode smallint NOT NULL, amt bigint NOT NULL, ratio bigint NOT NULL, cap bigint NOT NULL,
    used bigint NOT NULL, lever bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX relations_lead ON relations (lead);
CREATE TABLE copies (
    id bigserial PRIMARY KEY, fill bigint NOT NULL, relation bigint NOT NULL,
    copier bigint NOT NULL, lots bigint NOT NULL, cost bigint NOT NULL,
    margin bigint NOT NULL, fee bigint NOT NULL, state smallint NOT NULL, UNIQUE (fill, relation)
) WITH (fillfactor = 50);
CREATE INDEX copies_copier ON copies (copier);
CREATE TABLE orders (
    id bigserial PRIMARY KEY, account bigint NOT NULL, fill bigint NOT NULL, side smallint NOT NULL,
    lots bigint NOT NULL, cost bigint NOT NULL
);
CREATE INDEX orders_account ON orders (account);
CREATE TABLE bills (
    id bigserial PRIMARY KEY, account bigint NOT NULL, fill bigint NOT NULL, change bigint NOT NULL,
    balance bigint NOT NULL
);
CREATE INDEX bills_account ON bills (account);
"""

# $1 fill id, $2 lead, $3 price, $4 guard price, $5 lots of the lead
_SIZED = f"""
sized AS (
    SELECT id, copier, lever, used, cap, free, balance,
        CASE WHEN mode = 0 THEN amt * lever / ($4::bigint * {LOT_TICK_E8})
             ELSE ratio * $5::bigint / 1000000 END AS lots
    FROM rel
), priced AS (
    SELECT *, lots * $3::bigint * {LOT_TICK_E8} AS cost FROM sized
), charged AS (
    SELECT *, (cost + lever - 1) / lever AS margin,
        (cost * {TAKER_FEE_PPM} + 999999) / 1000000 AS fee FROM priced
), fit AS MATERIALIZED (
    SELECT * FROM charged WHERE lots >= 1 AND used + margin <= cap AND free >= margin + fee
)"""
_COPIES = """
made AS (
    INSERT INTO copies (fill, relation, copier, lots, cost, margin, fee, state)
    SELECT $1::bigint, id, copier, lots, cost, margin, fee, 1 FROM fit RETURNING 1
)"""
_ACCOUNTS = """
paid AS (
    UPDATE accounts a SET balance = a.balance - fit.fee, margin_used = a.margin_used + fit.margin
    FROM fit WHERE a.id = fit.copier RETURNING 1
)"""
_DONE = "SELECT (SELECT count(*) FROM made), (SELECT count(*) FROM paid)"
_DONE_FULL = f"""{_DONE}, (SELECT count(*) FROM ordered), (SELECT count(*) FROM billed),
    (SELECT count(*) FROM used_up)"""
_REL = """
    SELECT r.*, a.balance, a.balance - a.margin_used AS free
    FROM relations r JOIN accounts a ON a.id = r.copier WHERE r.lead = $2::bigint"""

FULL = f"""
WITH rel AS MATERIALIZED ({_REL} ORDER BY r.id FOR UPDATE OF r, a),
{_SIZED}, {_COPIES}, {_ACCOUNTS},
ordered AS (
    INSERT INTO orders (account, fill, side, lots, cost)
    SELECT copier, $1::bigint, 1, lots, cost FROM fit RETURNING 1
), billed AS (
    INSERT INTO bills (account, fill, change, balance)
    SELECT copier, $1::bigint, -fee, balance - fee FROM fit RETURNING 1
), used_up AS (
    UPDATE relations r SET used = r.used + fit.margin FROM fit WHERE r.id = fit.id RETURNING 1
) {_DONE_FULL}
"""
LEAN = f"WITH rel AS ({_REL}), {_SIZED}, {_COPIES}, {_ACCOUNTS} {_DONE}"

# $1 fill id: what the lead's close does to every open copy, at the opening price
_SHUT = """
WITH shut AS MATERIALIZED (
    SELECT c.id, c.relation, c.copier, c.lots, c.cost, c.margin, c.fee, a.balance
    FROM copies c JOIN accounts a ON a.id = c.copier
    WHERE c.fill = $1::bigint AND c.state = 1 ORDER BY c.relation FOR UPDATE OF c, a
), made AS (
    UPDATE copies c SET state = 2 FROM shut WHERE c.id = shut.id RETURNING 1
), paid AS (
    UPDATE accounts a SET balance = a.balance - shut.fee, margin_used = a.margin_used - shut.margin
    FROM shut WHERE a.id = shut.copier RETURNING 1
)"""
CLOSE_FULL = f"""{_SHUT},
ordered AS (
    INSERT INTO orders (account, fill, side, lots, cost)
    SELECT copier, $1::bigint, -1, lots, cost FROM shut RETURNING 1
), billed AS (
    INSERT INTO bills (account, fill, change, balance)
    SELECT copier, $1::bigint, -fee, balance - fee FROM shut RETURNING 1
), used_up AS (
    UPDATE relations r SET used = r.used - shut.margin
    FROM shut WHERE r.id = shut.relation RETURNING 1
) {_DONE_FULL}
"""
CLOSE_LEAN = f"{_SHUT} {_DONE}"


class Postgres:
    """Rival (a). Each of the two statements has a database (schema) of its own in one cluster."""

    def __init__(self, cluster: Cluster, loads: dict[int, Workload], full: bool) -> None:
        self.name = f"PostgreSQL, set-based, {'full' if full else 'lean'}"
        self._loads = loads
        self._lead = {size: number for number, size in enumerate(loads)}
        self._fill = 0
        self._last: dict[int, int] = {}
        self._connection = cluster.connect()
        schema = "full_rival" if full else "lean_rival"
        self._connection.run(f"CREATE SCHEMA {schema}; SET search_path = {schema}; {SCHEMA}")
        self._fill_tables()
        self._connection.prepare("open", FULL if full else LEAN)
        self._connection.prepare("close", CLOSE_FULL if full else CLOSE_LEAN)

    def _fill_tables(self) -> None:
        accounts = sum(load.count for load in self._loads.values())
        self._connection.run(
            f"INSERT INTO accounts SELECT id, {DEPOSIT_E8}, 0 "
            f"FROM generate_series(0, {accounts - 1}) id"
        )
        number = 0
        for size, load in self._loads.items():
            columns = (load.account, load.mode, load.amt_e8, load.ratio_ppm, load.lever)
            rows = list(zip(*(column.tolist() for column in columns), strict=True))
            for start in range(0, size, 1000):
                values = ",".join(
                    f"({number + i},{self._lead[size]},{a},{m},{amt},{r},{TOTAL_AMT_E8},0,{lever})"
                    for i, (a, m, amt, r, lever) in enumerate(rows[start : start + 1000])
                )
                named = "(id, lead, copier, mode, amt, ratio, cap, used, lever)"
                self._connection.run(f"INSERT INTO relations {named} VALUES {values}")
                number += len(rows[start : start + 1000])
        self._connection.run("VACUUM ANALYZE")
        self._connection.run("CHECKPOINT")

    def open_ms(self, size: int) -> float:
        """Run the fan-out in one transaction; it is durable when the answer arrives."""
        self._fill += 1
        self._last[size] = self._fill
        values = (self._fill, self._lead[size], PX_TICKS, GUARD_PX_TICKS, LEAD_LOTS)
        begin = time.perf_counter_ns()
        answer = self._connection.execute("open", values)
        took = time.perf_counter_ns() - begin
        assert {int(count) for count in answer[0]} == {size}, answer
        return took / 1e6

    def close_ms(self, size: int) -> float:
        """Close every copy of the last fill, then vacuum what was updated (not timed)."""
        begin = time.perf_counter_ns()
        answer = self._connection.execute("close", (self._last[size],))
        took = time.perf_counter_ns() - begin
        assert {int(count) for count in answer[0]} == {size}, answer
        for table in ("accounts", "relations", "copies"):
            self._connection.run(f"VACUUM ANALYZE {table}")
        return took / 1e6

    def copies(self, size: int) -> Copies:
        """Read the copies of the last fill back."""
        text = self._connection.run(
            "SELECT string_agg(concat_ws(' ', copier, lots, cost, margin, fee), chr(10) "
            f"ORDER BY copier) FROM copies WHERE fill = {self._last[size]}"
        )[0][0]
        return Copies(*np.loadtxt(io.StringIO(text), dtype=np.int64, ndmin=2).T)

    def balances(self, size: int) -> tuple[int, int]:
        """Sum cash and margin over the copiers of this size."""
        row = self._connection.run(
            "SELECT sum(balance), sum(margin_used) "
            "FROM accounts a JOIN relations r ON r.copier = a.id "
            f"WHERE r.lead = {self._lead[size]}"
        )[0]
        return int(row[0]), int(row[1])

    def stop(self) -> None:
        """Hang up; the cluster stops by itself."""
        self._connection.close()
