"""The README's tour works line by line, as written."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installation import Installation

_README = Path(__file__).parents[1] / "README.md"
_HEADING = "## Five-minute tour"


def tour() -> list[str]:
    """The commands of the tour in their order: lines that begin with ``$ `` in blocks of console."""
    text = _README.read_text("utf-8")
    assert _HEADING in text, f"README.md has no section {_HEADING!r}"
    section = text.split(_HEADING, 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.timeout(600)
def test_the_tour_works_as_written(tmp_path: Path) -> None:
    commands = tour()
    assert commands, f"the section {_HEADING!r} of README.md has no commands"
    with Installation() as installation:
        installation.wait_for("Ctrl-C stops everything.")
        for command in commands:
            if command.startswith("curl ") and shutil.which("curl") is None:
                continue
            done = subprocess.run(
                ["sh", "-c", command.replace("http://127.0.0.1:8080", installation.url)],
                cwd=tmp_path,
                env=installation.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
        assert installation.stop() == 0
