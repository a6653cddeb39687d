"""Debian's Firefox, driven by WebDriver BiDi (W3C) over its own WebSocket."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

FIREFOX: Final = os.environ.get("SYNCOM_FIREFOX") or shutil.which("firefox-esr")
#: Marks of a test file.
MARKS: Final = [
    pytest.mark.skipif(FIREFOX is None, reason="no Firefox here: apt-get install firefox-esr"),
    pytest.mark.timeout(180),
]
_PATIENCE: Final = 60.0
#: Nothing is asked of the internet, and notifications are shown by the browser itself: a machine without a desktop has
#: nobody else to do it.
_QUIET: Final[Mapping[str, Any]] = {
    "alerts.useSystemBackend": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": True,
    "dom.push.retryBaseInterval": 200,
    "dom.push.testing.allowInsecureServerURL": True,
    "extensions.systemAddon.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # 1: every site may show notifications without asking.
    "permissions.default.desktop-notification": 1,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """One tab of a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._tab = ""

    async def begin(self) -> None:
        await self._call("session.new", {"capabilities": {}})
        tree = await self._call("browsingContext.getTree", {"maxDepth": 0})
        self._tab = tree["contexts"][0]["context"]

    async def open(self, url: str) -> None:
        await self._call("browsingContext.navigate", {"context": self._tab, "url": url, "wait": "complete"})

    async def evaluate(self, script: str) -> Any:
        """The value of an expression; of a promise, what it becomes. Texts, numbers and null only."""
        given = {"expression": script, "target": {"context": self._tab}, "awaitPromise": True, "userActivation": False}
        answer = await self._call("script.evaluate", given)
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(_PATIENCE):
            while True:
                answer: dict[str, Any] = await self._socket.receive_json()
                if answer.get("id") == number:
                    assert answer["type"] == "success", answer
                    return answer["result"]


@asynccontextmanager
async def running_firefox(profile: Path, push_server: str) -> AsyncIterator[Firefox]:
    """A browser without a window whose push service is at this address."""
    assert FIREFOX is not None
    prefs = {**_QUIET, "dom.push.serverURL": push_server}
    lines = (f"user_pref({_literal(name)}, {_literal(value)});\n" for name, value in prefs.items())
    (profile / "user.js").write_text("".join(lines), "utf-8")
    process = await asyncio.create_subprocess_exec(
        FIREFOX,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        "0",
        env={**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        address = await _address(process)
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{address}/session") as socket:
            firefox = Firefox(socket)
            await firefox.begin()
            yield firefox
    finally:
        # Its content processes too: they are in its group.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where it listens; it says so in its error output, which is read on so that it never stands still."""
    assert process.stderr is not None
    said: list[str] = []
    async with asyncio.timeout(_PATIENCE):
        async for line in process.stderr:
            text = line.decode("utf-8", "replace").strip()
            said.append(text)
            if "WebDriver BiDi listening on " in text:
                rest = asyncio.create_task(process.stderr.read())
                rest.add_done_callback(lambda task: task.cancelled() or task.exception())
                return text.rpartition(" ")[2]
    raise RuntimeError("Firefox did not start: " + " / ".join(said[-5:]))


def _literal(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'
