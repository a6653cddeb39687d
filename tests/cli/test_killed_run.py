"""A run of the tests that is killed takes along what it started."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

_RUN = """
from tests.installation import Installation
with Installation() as installation:
    installation.wait_for("Ctrl-C stops everything.")
    print(installation.folder, *(process.pid for process in installation.processes()), flush=True)
    input()
"""


@pytest.mark.timeout(180)
def test_when_the_run_is_killed_the_installation_it_started_ends() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _RUN],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    folder, *numbers = run.stdout.readline().split()
    everybody = [psutil.Process(int(number)) for number in numbers]
    assert len(everybody) > 6
    run.send_signal(signal.SIGKILL)
    run.communicate()
    _, alive = psutil.wait_procs(everybody, timeout=90)
    shutil.rmtree(folder)
    assert not alive
