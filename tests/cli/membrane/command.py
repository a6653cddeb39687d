"""Runs the installed ``membrane`` as a shell would: a process in an empty home."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = Path(sys.executable).parent / "membrane"


@dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Membrane:
    """Callable: ``await membrane("connection", "list")``. ``environment`` may be changed between calls."""

    def __init__(self, home: Path, api_uri: str = "") -> None:
        self.home = home
        self.folder = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEMBRANE_", "SYNCOM_"))}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
            kept.pop(name, None)
        self.environment = {**kept, "HOME": str(home), "COLUMNS": "160", "MEMBRANE_NO_KEYRING": "1"}
        self.environment["PATH"] = f"{_PROGRAM.parent}{os.pathsep}{kept.get('PATH', '')}"
        if api_uri:
            self.environment["MEMBRANE_API_URI"] = api_uri

    @property
    def credentials(self) -> Path:
        return self.home / ".membrane" / "credentials.json"

    @property
    def stored(self) -> Any:
        return json.loads(self.credentials.read_text("utf-8"))

    async def __call__(self, *arguments: str, **environment: str) -> Answer:
        return await self._run([str(_PROGRAM), *arguments], environment)

    async def line(self, line: str, **environment: str) -> Answer:
        """A command line as it stands on a page, through the shell."""
        return await self._run(["sh", "-c", line], environment)

    async def at_a_terminal(self, *arguments: str, **environment: str) -> Answer:
        """The same, with a terminal as its input: somebody sits there."""
        ours, theirs = os.openpty()
        try:
            return await self._run([str(_PROGRAM), *arguments], environment, stdin=theirs)
        finally:
            os.close(ours)
            os.close(theirs)

    async def _run(
        self, argv: list[str], environment: dict[str, str], stdin: int = asyncio.subprocess.DEVNULL
    ) -> Answer:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return Answer(code=process.returncode or 0, raw=out, err=err.decode())
