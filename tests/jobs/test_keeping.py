"""The loop of every keeper."""

from __future__ import annotations

import asyncio
import logging

import psycopg
import pytest

from syncom.jobs.keeping import keep

#: Longer than a test runs.
_LONG = 3600.0


class Work:
    """Passes with results that a test chose; the last one of them ends the loop."""

    def __init__(self, *results: int | bool | Exception) -> None:
        self.left = list(results)
        self.stop = asyncio.Event()

    async def step(self) -> int | bool:
        result = self.left.pop(0)
        if not self.left:
            self.stop.set()
        if isinstance(result, Exception):
            raise result
        return result


async def test_passes_follow_at_once_while_there_is_more_and_end_when_told() -> None:
    work = Work(3, True, 0)
    await asyncio.wait_for(keep("tests", work.step, work.stop, rest=_LONG), 10)
    assert work.left == []


async def test_a_pass_that_fails_is_told_and_tried_again_after_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(psycopg.OperationalError("gone"), ValueError("odd"), False)
    with caplog.at_level(logging.WARNING):
        await asyncio.wait_for(keep("tests", work.step, work.stop, rest=0.001), 10)
    assert work.left == []
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "tests: waiting for the database: gone"),
        ("ERROR", "tests: a pass failed"),
    ]


async def test_who_rests_is_woken_also_by_what_came_during_the_pass() -> None:
    wake = asyncio.Event()
    work = Work(False, False, False)

    async def step() -> int | bool:
        if len(work.left) == 3:
            wake.set()
        return await work.step()

    running = asyncio.create_task(keep("tests", step, work.stop, rest=_LONG, wake=wake))
    while len(work.left) > 1:
        await asyncio.sleep(0)
    assert not running.done()
    wake.set()
    await asyncio.wait_for(running, 10)


async def test_who_rests_ends_at_once_when_told() -> None:
    stop = asyncio.Event()

    async def step() -> bool:
        asyncio.get_running_loop().call_soon(stop.set)
        return False

    await asyncio.wait_for(keep("tests", step, stop, rest=_LONG), 10)
