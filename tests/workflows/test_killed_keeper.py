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
from typing import Any

import pytest

from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.workflows.model import EnrolmentState, Workflow
from tests.workflows.conftest import Journeys

#: Rounds of killing; `make faults` asks for more, each with fifty thousand journeys.
ROUNDS = int(os.environ.get("SYNCOM_FAULT_ROUNDS", "0"))
PEOPLE, KILLS = (50_000, 40) if ROUNDS else (1_000, 4)
KEEPERS = 3
#: Contacts of one call.
_CALL = 1_000
_LONG_REST = 4


@asynccontextmanager
async def keeper_process(journeys: Journeys) -> AsyncGenerator[asyncio.subprocess.Process]:
    """One that may be killed."""
    child = await _keeper(journeys)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await asyncio.wait_for(child.wait(), 30)


@asynccontextmanager
async def keepers(journeys: Journeys) -> AsyncGenerator[list[asyncio.subprocess.Process]]:
    """Processes that move journeys, all at once."""
    running = [await _keeper(journeys) for _ in range(KEEPERS)]
    try:
        yield running
    finally:
        for one in running:
            if one.returncode is None:
                one.terminate()
        await asyncio.wait_for(asyncio.gather(*(one.wait() for one in running)), 60)


async def _keeper(journeys: Journeys) -> asyncio.subprocess.Process:
    arguments = (journeys.database.dsn, str(journeys.account_id), str(journeys.sending.data_dir))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.workflows.keeper_process", *arguments, cwd=Path(__file__).parents[2]
    )


class Model:
    """What is to become of whom: those of Lviv buy when they are asked, those of Kyiv never do."""

    def __init__(self, lviv: list[int], kyiv: list[int]) -> None:
        self.lviv = lviv
        self.kyiv = kyiv

    def mails(self) -> Counter[tuple[int, str]]:
        got = Counter((contact_id, "hello") for contact_id in (*self.lviv, *self.kyiv))
        got.update((contact_id, name) for contact_id in self.lviv for name in ("bought", "thanks"))
        got.update((contact_id, "pity") for contact_id in self.kyiv)
        return got


async def _people(journeys: Journeys) -> Model:
    found: list[int] = []
    for start in range(0, PEOPLE, _CALL):
        rows = [
            ContactInput(email=f"p{number}@example.com", city=("Lviv", "Kyiv")[number % 2])
            for number in range(start, min(start + _CALL, PEOPLE))
        ]
        result = await journeys.sending.contacts.upsert(journeys.account_id, rows, UpsertOptions())
        found += [contact_id for contact_id in result.contact_ids if contact_id is not None]
    assert len(found) == PEOPLE
    return Model(found[::2], found[1::2])


async def _workflows(journeys: Journeys) -> tuple[dict[Any, str], list[Workflow]]:
    """Names of contents, and the workflows: the first one starts the second."""
    templates = {name: await journeys.template(subject=name) for name in ("hello", "bought", "thanks", "pity")}
    contents = {
        (await journeys.sending.content.get(journeys.account_id, template_id)).content_id: name
        for name, template_id in templates.items()
    }

    def send(name: str, **members: Any) -> dict[str, Any]:
        return {"type": "send_email", "id": name, "template_id": templates[name], **members}

    thanks = await journeys.started({"type": "wait", "seconds": 1}, send("thanks"), event="thanked")
    first = await journeys.started(
        send("hello"),
        {"type": "wait", "seconds": 1},
        {"type": "condition", "condition": _CITY_IS_LVIV, "otherwise": "in vain"},
        {"type": "update_contact", "set": {"first_name": "Buyer"}},
        {"type": "wait_for", "id": "rest", "event_type": "bought", "days": 1, "timeout": "end"},
        send("bought"),
        {"type": "generate_event", "event_type": "thanked", "next": "end"},
        {"type": "wait_for", "id": "in vain", "event_type": "bought", "seconds": 2, "timeout": "pity", "next": "end"},
        send("pity"),
    )
    return contents, [first, thanks]


_CITY_IS_LVIV = {"field": "city", "op": "equals", "value": "Lviv"}


async def _rows(journeys: Journeys, statement: str, *values: Any) -> list[Any]:
    async with journeys.database.system() as connection:
        return await (await connection.execute(statement.encode(), values)).fetchall()


async def _happen(journeys: Journeys, model: Model, workflow_id: int) -> None:
    """Everybody joins; whoever is asked buys, once."""
    people = [*model.lviv, *model.kyiv]
    random.Random(0).shuffle(people)
    for start in range(0, PEOPLE, _CALL // 4):
        await journeys.happen(*people[start : start + _CALL // 4])
    bought: set[int] = set()
    while len(bought) < len(model.lviv):
        asked = await _rows(
            journeys,
            "SELECT contact_id FROM enrolments WHERE workflow_id = %s AND step = %s AND resting",
            workflow_id,
            _LONG_REST,
        )
        new = sorted({one for (one,) in asked} - bought)[:_CALL]
        if new:
            await journeys.happen(*new, event="bought")
            bought.update(new)
        else:
            await asyncio.sleep(0.05)


async def _is_finished(journeys: Journeys, workflows: list[Workflow], model: Model) -> bool:
    counts = [await journeys.states(one.workflow_id) for one in workflows]
    return counts == [{EnrolmentState.FINISHED: PEOPLE}, {EnrolmentState.FINISHED: len(model.lviv)}]


@pytest.mark.timeout(3600 if ROUNDS else 400)
@pytest.mark.parametrize("seed", range(max(ROUNDS, 1)))
async def test_killed_keepers_lose_nothing_and_repeat_nothing(journeys: Journeys, seed: int) -> None:
    dice = random.Random(seed)
    model = await _people(journeys)
    contents, workflows = await _workflows(journeys)
    happening = asyncio.create_task(_happen(journeys, model, workflows[0].workflow_id))
    async with keepers(journeys) as running, asyncio.timeout(3000 if ROUNDS else 300):
        for _ in range(KILLS):
            # By how much was done, and then at any moment of a pass.
            mails = await _mails(journeys)
            wanted = mails + dice.randrange(PEOPLE * 5 // 2 // (KILLS * 2))
            while mails < min(wanted, PEOPLE * 5 // 2):
                await asyncio.sleep(0.02)
                mails = await _mails(journeys)
            await asyncio.sleep(dice.random() * 0.1)
            place = dice.randrange(KEEPERS)
            running[place].kill()
            await running[place].wait()
            running[place] = await _keeper(journeys)
        await happening
        while not await _is_finished(journeys, workflows, model):
            await asyncio.sleep(0.2)
    sent = await _rows(journeys, "SELECT contact_id, content_id FROM messages")
    assert Counter((contact_id, contents[content_id]) for contact_id, content_id in sent) == model.mails()
    names = await _rows(journeys, "SELECT contact_id FROM contacts WHERE first_name = 'Buyer'")
    assert sorted(one for (one,) in names) == sorted(model.lviv)
    assert await _rows(journeys, "SELECT count(*) FROM followed_events") == [(0,)]
    ways = await _rows(
        journeys,
        "SELECT from_step, to_step, sum(contacts)::int FROM workflow_ways WHERE workflow_id = %s GROUP BY 1, 2",
        workflows[0].workflow_id,
    )
    half = PEOPLE // 2
    assert sorted(ways) == [
        *((-1, 0, PEOPLE), (0, 1, PEOPLE), (1, 2, PEOPLE)),
        *(
            (2, 3, half),
            (2, 7, half),
            (3, 4, half),
            (4, 5, half),
            (5, 6, half),
            (6, -1, half),
            (7, 8, half),
            (8, -1, half),
        ),
    ]


async def _mails(journeys: Journeys) -> int:
    return (await _rows(journeys, "SELECT count(*) FROM messages"))[0][0]
