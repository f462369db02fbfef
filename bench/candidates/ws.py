"""WebSocket servers: time until the first and the last of N sockets have their message.

The client is a raw epoll loop on the other core. It reads frames as bytes and does not parse
them, so that it stays faster than every server.
"""

import os
import resource
import select
import socket
import time

import msgspec

from bench.candidates import processes
from bench.candidates.ws_apps import SERVERS, message
from bench.tables import digits, markdown

SIZES = (1000, 5000)
ROUNDS = 12
_UPGRADE = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_FRAME = 2 + len(message(0, time.monotonic_ns()))


class Fan(msgspec.Struct, frozen=True):
    """One server with N sockets: milliseconds to the last one by round, server CPU per message."""

    first_ms: list[float]
    last_ms: list[float]
    cpu_us: float


def run() -> tuple[str, dict[str, Fan]]:
    """Measure every server at every size, the same message and one for each."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found: dict[str, Fan] = {}
    for size in SIZES:
        for name in SERVERS:
            with processes.server("bench.candidates.ws_apps", name) as (port, pid):
                processes.pin(processes.LOAD_CORE)
                clients = _connect(port, size)
                for kind in ("same", "each"):
                    found[f"{name}|{kind}|{size}"] = _measure(clients, kind, pid)
                for client in clients:
                    client.close()
                os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return _table(found), found


def _connect(port: int, size: int) -> list[socket.socket]:
    clients = []
    for _ in range(size):
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        client.sendall(_UPGRADE.format(port=port).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        assert head.startswith(b"HTTP/1.1 101"), head
        client.setblocking(False)
        clients.append(client)
    return clients


def _measure(clients: list[socket.socket], kind: str, pid: int) -> Fan:
    firsts, lasts = [], []
    poll = select.epoll()
    by_handle = {client.fileno(): client for client in clients}
    for handle in by_handle:
        poll.register(handle, select.EPOLLIN)
    cpu = 0.0
    for number in range(ROUNDS + 1):
        if number == 1:
            cpu = processes.cpu_seconds(pid)
        first, last = _round(poll, by_handle, kind)
        if number:
            firsts.append(first)
            lasts.append(last)
    cpu = processes.cpu_seconds(pid) - cpu
    poll.close()
    return Fan(firsts, lasts, cpu / ROUNDS / len(clients) * 1e6)


def _round(
    poll: select.epoll, by_handle: dict[int, socket.socket], kind: str
) -> tuple[float, float]:
    """Ask for one fan-out, wait until every socket has its whole frame; ms to first and last."""
    payload = kind.encode()
    first = next(iter(by_handle.values()))
    mask = bytes(4)
    first.sendall(bytes([0x81, 0x80 | len(payload)]) + mask + payload)
    missing = len(by_handle) * _FRAME
    stamp = began = 0
    while missing:
        for handle, _ in poll.poll(10):
            data = by_handle[handle].recv(4096)
            assert data
            missing -= len(data)
            if not stamp:
                began = time.monotonic_ns()
                stamp = int(data.partition(b'"stamp":')[2].partition(b",")[0])
    return (began - stamp) / 1e6, (time.monotonic_ns() - stamp) / 1e6


def _table(found: dict[str, Fan]) -> str:
    rows = []
    for key, fan in found.items():
        name, kind, size = key.split("|")
        ordered = sorted(fan.last_ms)
        middle = ordered[len(ordered) // 2]
        spread = f"{digits(ordered[0])} / **{digits(middle)}** / {digits(ordered[-1])}"
        rate = f"{int(size) / middle * 1000:,.0f}"
        first = digits(sorted(fan.first_ms)[len(ordered) // 2])
        rows.append([name, kind, f"{int(size):,}", first, spread, rate, digits(fan.cpu_us)])
    head = [
        "server",
        "message",
        "sockets",
        "ms to the first",
        "ms to the last, min / **median** / max",
    ]
    note = f"{ROUNDS} rounds, the first one dropped; 120-byte text; compression off."
    return f"{note}\n\n{markdown([*head, 'messages/s', 'server CPU us'], rows)}"
