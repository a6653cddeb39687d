"""How long ``membrane --help`` takes from nothing, against ``python -c pass`` in the same minute.

Milliseconds of the clock, the median of runs in turns. The figure is the difference: what the command adds to the
interpreter. ``membrane action list`` without a login is measured beside it: a whole command, up to its request.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Figure, median

ROUNDS = 30
_MEMBRANE = str(Path(sys.executable).parent / "membrane")


async def run() -> list[Figure]:
    lines: Mapping[str, Sequence[str]] = {
        "floor": (sys.executable, "-c", "pass"),
        "membrane --help": (_MEMBRANE, "--help"),
        "membrane action list, without a login": (_MEMBRANE, "action", "list", "--json"),
    }
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home}
        taken: dict[str, list[float]] = {name: [] for name in lines}
        for _ in range(ROUNDS + 1):
            for name, line in lines.items():
                taken[name].append(_milliseconds(line, environment))
    # The first round fills the caches of the disk.
    middle = {name: median(times[1:]) for name, times in taken.items()}
    floor = middle.pop("floor")
    return [
        Figure(
            issue="03",
            name=f"start of {name}, more than python -c pass",
            measured=measured - floor,
            floor=None,
            unit="ms",
            must=400,
            aim=200,
            better="lower",
        )
        for name, measured in middle.items()
    ]


def _milliseconds(line: Sequence[str], environment: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(line, env=environment, capture_output=True, check=False)
    return (time.perf_counter() - begun) * 1000
