"""Web servers: signed orders per second at 64 connections, one server process on core 0.

Rounds go over all servers in turn, so that drift of the machine hits all of them.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

import msgspec

from bench.candidates import processes
from bench.candidates.request import BODY, PATH, headers
from bench.candidates.web_apps import SERVERS
from bench.tables import digits, markdown

CONNECTIONS = 64
ROUNDS = 3
SECONDS = 4


class Load(msgspec.Struct, frozen=True):
    """One round against one server."""

    per_second: float
    p50_ms: float
    p99_ms: float


def run() -> tuple[str, dict[str, list[Load]]]:
    """Measure every server; give the table and the rounds."""
    wrk = shutil.which("wrk")
    rounds: dict[str, list[Load]] = {name: [] for name in SERVERS}
    for _ in range(ROUNDS):
        for name, kept in rounds.items():
            with processes.server("bench.candidates.web_apps", name) as (port, _pid):
                _assert_right(port)
                kept.append(_wrk(wrk, port) if wrk else asyncio.run(_own_client(port)))
    return _table(rounds, "wrk" if wrk else "own asyncio client"), rounds


def _assert_right(port: int) -> None:
    """The server checks signatures and gives the same answer as every other."""
    for signature, code in ((headers()["OK-ACCESS-SIGN"], "0"), ("AAAA", None)):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("POST", PATH, BODY, headers() | {"OK-ACCESS-SIGN": signature})
        answer = msgspec.json.decode(connection.getresponse().read())
        connection.close()
        assert answer.get("code") == code or (code is None and answer.get("code") != "0"), answer


def _wrk(wrk: str, port: int) -> Load:
    script = f"wrk.method='POST'\nwrk.body='{BODY.decode()}'\n"
    script += "".join(f"wrk.headers['{key}']='{value}'\n" for key, value in headers().items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "order.lua"
        path.write_text(script, encoding="utf-8")
        command = [wrk, "-t1", f"-c{CONNECTIONS}", "--latency", "-s", str(path)]
        url = f"http://127.0.0.1:{port}{PATH}"
        subprocess.run([*command, "-d1s", url], check=True, capture_output=True)
        said = subprocess.run(
            [*command, f"-d{SECONDS}s", url],
            check=True,
            capture_output=True,
            text=True,
            preexec_fn=lambda: processes.pin(processes.LOAD_CORE),
        ).stdout
    assert "Non-2xx" not in said, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    return Load(float(rate[1]), _percentile(said, 50), _percentile(said, 99))


def _percentile(said: str, percent: int) -> float:
    found = re.search(rf"\s{percent}%\s+([\d.]+)(us|ms|s)", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


async def _own_client(port: int) -> Load:
    """Closed loop over raw sockets; slower than wrk: fast servers show its own limit."""
    processes.pin(processes.LOAD_CORE)
    lines = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(BODY)}"]
    lines += [f"{key}: {value}" for key, value in headers().items()]
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + BODY
    times: list[float] = []
    end = time.perf_counter() + SECONDS

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begin := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert length is not None
            await reader.readexactly(int(length[1]))
            times.append((time.perf_counter() - begin) * 1000)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    times.sort()
    return Load(len(times) / SECONDS, times[len(times) // 2], times[len(times) * 99 // 100])


def _table(rounds: dict[str, list[Load]], load: str) -> str:
    middle = {
        name: sorted(kept, key=lambda one: one.per_second)[len(kept) // 2]
        for name, kept in rounds.items()
    }
    best = max(one.per_second for one in middle.values())
    rows = []
    for name, one in sorted(middle.items(), key=lambda item: -item[1].per_second):
        rates = [kept.per_second for kept in rounds[name]]
        spread = f"{min(rates):,.0f} / **{one.per_second:,.0f}** / {max(rates):,.0f}"
        times = [digits(one.p50_ms), digits(one.p99_ms)]
        rows.append([name, spread, *times, f"{one.per_second / best:.2f}"])
    head = ["server", "orders/s, min / **median** / max", "p50 ms", "p99 ms", "of the best"]
    note = f"{ROUNDS} rounds of {SECONDS} s in turn, {CONNECTIONS} connections, {load} on core 1."
    return f"{note}\n\n{markdown(head, rows)}"
