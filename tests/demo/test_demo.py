"""The demo as a person runs it: a process, a server, a kill, proofs, a picture."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

CLAIMS = {
    "the digest of State is the same after the kill",
    "copydesk verify finds nothing broken right after the kill",
    "every acknowledged order is there",
    "every acknowledged setting is in force",
    "every acknowledged stop has taken effect",
    "a stop leaves no copy linked, unless by copy_close",
    "no pair without a copy or a reason",
    "no copy twice",
    "positions are the sum of their copies",
    "no copy without its cause",
    "copydesk verify finds nothing broken at the end",
}


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_small_demo_proves_everything_and_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copydesk", "demo", "--exit", "--json"]
    command += ["--copiers", "60", "--duration", "15", "--seed", "3"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = msgspec.json.decode(ran.stdout)
    assert {proof["claim"] for proof in told["proofs"]} == CLAIMS
    assert all(proof["held"] for proof in told["proofs"])
    assert told["copy_fills"] > 0
    assert told["recovered"]["clean"] is False
    assert (tmp_path / told["picture"]).is_file()
    assert not (tmp_path / told["data"] / "admin.sock").exists()
