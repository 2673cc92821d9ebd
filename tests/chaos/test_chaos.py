"""The short version of `make chaos`: what breaks in a minute, with every bar of the long one."""

import json
import subprocess
import sys

import pytest

from tests.servers.databases import ROOT

SECONDS = 60
SEED = 1


@pytest.mark.slow
def test_a_minute_of_chaos(tmp_path):
    report = tmp_path / "chaos.json"
    command = [
        sys.executable,
        "-m",
        "tests.chaos",
        "--seconds",
        str(SECONDS),
        "--seed",
        str(SEED),
        "--paced",
        "--json",
        str(report),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=4 * SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["passed"]
    assert found["purchases"]["lines"] > 20  # it was not idle, and not everything was broken all the time
    assert found["freshness_seconds"]["signal"]["changes"] > 20
    assert len({disturbance["what"] for disturbance in found["disturbances"]}) >= 5
