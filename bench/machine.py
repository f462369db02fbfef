"""The machine line that stands beside every figure: CPU, cores, kernel, Python, fsync.

No host name, no path: results are committed.
"""

import os
import platform
import re
import sqlite3
import statistics
import time
from pathlib import Path

import msgspec
import numpy as np


class Machine(msgspec.Struct, frozen=True):
    """What the figures were measured on."""

    cpu: str
    cores: int
    memory_gib: int
    kernel: str
    python: str
    numpy: str
    sqlite: str
    fdatasync_p50_ms: float
    load_before: float
    date: str

    def line(self) -> str:
        """Tell the machine in one line."""
        return (
            f"{self.date} · {self.cpu}, {self.cores} cores, {self.memory_gib} GiB · "
            f"Linux {self.kernel} · "
            f"CPython {self.python}, NumPy {self.numpy}, SQLite {self.sqlite} · "
            f"fdatasync p50 {self.fdatasync_p50_ms:.2f} ms · load before {self.load_before:.1f}"
        )

    def slug(self) -> str:
        """Name the kind of machine for a file name."""
        words = re.sub(r"\((?:r|tm)\)", "", self.cpu, flags=re.IGNORECASE).lower()
        return f"{re.sub(r'[^a-z0-9]+', '-', words).strip('-')}-{self.cores}c"


def read(folder: Path) -> Machine:
    """Read the machine; `folder` is where the run will keep its durable files."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        kernel=platform.release().split("-")[0],
        python=platform.python_version(),
        numpy=np.__version__,
        sqlite=sqlite3.sqlite_version,
        fdatasync_p50_ms=_fdatasync_ms(folder),
        load_before=round(os.getloadavg()[0], 1),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
    )


def _cpu() -> str:
    """Model name; where a hypervisor hides the generation, family and model say it."""
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name", platform.processor() or "unknown CPU")
    if not re.search(r"\d", name):
        name += f" (family {fields.get('cpu family', '?')} model {fields.get('model', '?')})"
    return name


def _fdatasync_ms(folder: Path) -> float:
    """Median of 200 appends of 128 bytes, each with fdatasync, in a file of its own."""
    path = folder / "fdatasync.probe"
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    times = []
    try:
        for _ in range(200):
            os.write(handle, bytes(128))
            begin = time.perf_counter_ns()
            os.fdatasync(handle)
            times.append(time.perf_counter_ns() - begin)
    finally:
        os.close(handle)
        path.unlink()
    return statistics.median(times) / 1e6
