"""Keepers that are killed in the midst of it: every contact ends where they should, with each mail once."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from syncom.workflows.model import EnrolmentState
from tests.workflows.conftest import Journeys

#: Rounds of killing; `make faults` asks for more.
ROUNDS = int(os.environ.get("SYNCOM_FAULT_ROUNDS", "1"))
PEOPLE = 1200


@asynccontextmanager
async def keeper_process(journeys: Journeys) -> AsyncGenerator[asyncio.subprocess.Process]:
    arguments = (journeys.database.dsn, str(journeys.account_id), str(journeys.sending.data_dir))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.workflows.keeper_process", *arguments, cwd=Path(__file__).parents[2]
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await asyncio.wait_for(child.wait(), 30)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_killed_keepers_lose_nothing_and_repeat_nothing(journeys: Journeys, seed: int) -> None:
    dice = random.Random(seed)
    people = await journeys.sending.people(PEOPLE)
    template = await journeys.template()
    send = {"type": "send_email", "template_id": template}
    workflow = await journeys.started(send, {"type": "wait", "seconds": 1}, send, {"type": "wait", "seconds": 1}, send)

    async def mails() -> int:
        async with journeys.database.system() as connection:
            row = await (await connection.execute("SELECT count(*) FROM messages")).fetchone()
        return int(row[0]) if row else 0

    async def events() -> None:
        for start in range(0, PEOPLE, 50):
            await journeys.happen(*people[start : start + 50])
            await asyncio.sleep(0.02)

    happening = asyncio.create_task(events())
    for number in range(1, 5):
        async with keeper_process(journeys) as one, keeper_process(journeys) as other:
            async with asyncio.timeout(100):
                while await mails() < PEOPLE * 3 * number // 6:
                    await asyncio.sleep(0.002)
            await asyncio.sleep(dice.random() * 0.05)
            one.kill()
            other.kill()
            await one.wait()
            await other.wait()
    await happening
    async with keeper_process(journeys), keeper_process(journeys), asyncio.timeout(120):
        while (await journeys.states(workflow.workflow_id)).get(EnrolmentState.FINISHED, 0) < PEOPLE:
            await asyncio.sleep(0.05)
    got = Counter(mail["contact"] for mail in await journeys.queued())
    assert got == dict.fromkeys(people, 3)
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: PEOPLE}
    async with journeys.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM followed_events")).fetchone()
    assert row == (0,)
