"""The command in an empty home, and a server for it to talk to."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.membrane.command import Membrane
from tests.cli.membrane.simulator import Simulator, running

#: A browser with somebody in front of it who agrees to everything: it follows where it is led.
_BROWSER = "import sys, urllib.request\nurllib.request.urlopen(sys.argv[1]).read()\n"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with running() as server:
        yield server


@pytest.fixture
async def membrane(simulator: Simulator, tmp_path: Path) -> Membrane:
    """Not logged in."""
    home = tmp_path / "home"
    home.mkdir()
    return Membrane(home, simulator.url)


@pytest.fixture
def browser(tmp_path: Path) -> str:
    """For the variable BROWSER."""
    script = tmp_path / "browser.py"
    script.write_text(_BROWSER, "utf-8")
    return f"{sys.executable} {script} %s"


@pytest.fixture
async def logged_in(membrane: Membrane, simulator: Simulator, browser: str) -> Membrane:
    """Logged in for a tenant; nothing is asked yet."""
    answer = await membrane.at_a_terminal("login", "--tenant", BROWSER=browser)
    assert answer.code == 0, answer.err
    simulator.asked.clear()
    return membrane
