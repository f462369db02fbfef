"""A private PostgreSQL cluster: in a temporary folder, on a unix socket, ended by its own pid.

Always true: nothing of an installed cluster is touched; durability is on (fsync,
synchronous_commit); the server is a child of this process. initdb refuses root, so root starts it
as the user `postgres`.
"""

import os
import pwd
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from bench.rivals.libpq import Connection, library

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "work_mem": "256MB",
    "jit": "off",
    "autovacuum": "on",
    "max_connections": "20",
    "logging_collector": "off",
}


def why_not() -> str:
    """Say why PostgreSQL cannot take part; "" if it can."""
    if _binaries() is None:
        return "PostgreSQL is not installed (looked under /usr/lib/postgresql and on PATH)"
    if library() is None:
        return "libpq is not installed"
    if os.geteuid() == 0 and _owner() is None:
        return "run as root, and there is no user postgres to run PostgreSQL as"
    return ""


def _binaries() -> Path | None:
    """Find the newest installed server."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: float(f.parent.name))
    on_path = shutil.which("postgres")
    if on_path:
        folders.insert(0, Path(on_path).resolve().parent)
    fit = [f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()]
    return fit[-1] if fit else None


def _owner() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


class Cluster:
    """A running server; `connect` gives connections, `stop` ends it."""

    def __init__(self, folder: Path) -> None:
        binaries = _binaries()
        assert binaries is not None
        self._home = folder / "pg"
        self._home.mkdir(mode=0o700)
        self._identity: dict[str, Any] = {}
        owner = _owner()
        if os.geteuid() == 0 and owner is not None:
            os.chown(self._home, owner.pw_uid, owner.pw_gid)
            self._identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        data = self._home / "data"
        initdb = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "bench", "-E", "UTF8"]
        self._call([*initdb, "--no-sync", "--locale=C"])
        options = [part for item in SETTINGS.items() for part in ("-c", "=".join(item))]
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", self._home, *options]
        with (folder / "postgres.log").open("wb") as log:
            self._server = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._home, **self._identity
            )
        self.version = self._await().run("SHOW server_version")[0][0].split()[0]

    def _call(self, command: list[Any]) -> None:
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, cwd=self._home, **self._identity
        )

    def connect(self) -> Connection:
        """Connect as the owner of the cluster."""
        loaded = library()
        assert loaded is not None
        return Connection(loaded, f"host={self._home} user=bench dbname=postgres")

    def _await(self) -> Connection:
        """Wait until the server answers; it has ten seconds."""
        pause = threading.Event()
        for _ in range(200):
            assert self._server.poll() is None, "PostgreSQL ended at start"
            try:
                return self.connect()
            except ConnectionError:
                pause.wait(0.05)
        raise TimeoutError("PostgreSQL did not answer within 10 s")

    def stop(self) -> None:
        """Ask for a fast shutdown and wait for the end of this one process."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)
                self._server.wait(30)
