"""Runs the command line and keeps what it printed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from syncom.cli.main import run


@dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str


class Command:
    """Callable: ``await syncom("contact", "get", 1)``. Each call has an event loop of its own, as in a shell."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *arguments: object) -> Answer:
        self._capsys.readouterr()
        code = await asyncio.to_thread(run, [str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        return Answer(code=code, out=printed.out, err=printed.err)

    async def json(self, *arguments: object) -> Any:
        """The answer to the command with ``--json``; it must succeed."""
        answer = await self(*arguments, "--json")
        assert answer.code == 0, answer.err
        return msgspec.json.decode(answer.out)
