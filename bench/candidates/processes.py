"""Start a server of a comparison pinned to a core, wait until it answers, end it by its own pid."""

import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
_ENV_KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")


def free_port() -> int:
    """Find a free port on the loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pin(core: int) -> None:
    """Keep this process on one core, if the machine has more than one."""
    if (os.cpu_count() or 1) > core:
        os.sched_setaffinity(0, {core})


def _in_child() -> None:
    pin(SERVER_CORE)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def server(module: str, name: str) -> Iterator[tuple[int, int]]:
    """Run `python -m module name port`; give (port, pid) once it accepts connections."""
    port = free_port()
    environment = {key: os.environ[key] for key in _ENV_KEPT if key in os.environ}
    child = subprocess.Popen(
        [sys.executable, "-m", module, name, str(port)],
        env=environment | {"PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_in_child,  # noqa: PLW1509 - one thread only
        start_new_session=True,
    )
    try:
        _await(port, child)
        yield port, child.pid
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _await(port: int, child: "subprocess.Popen[bytes]") -> None:
    pause = threading.Event()
    for _ in range(400):
        assert child.poll() is None, "the server ended at start"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except ConnectionError:
            pause.wait(0.05)
    raise TimeoutError("the server did not accept within 20 s")


def cpu_seconds(pid: int) -> float:
    """User and system time that one process has used."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
