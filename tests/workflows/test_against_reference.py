"""The engine against a plain interpreter: random graphs, contacts in several zones, events in any order.

Cases share a database and a clock, and nothing else. ``make journeys`` tries two thousand.
"""

# pyright: basic
from __future__ import annotations

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings

from syncom.contacts.model import Channel, ContactInput, FieldType, IdentityKind, UpsertOptions
from syncom.events.model import EventInput
from syncom.postgres.pool import Database
from syncom.workflows.model import EnrolmentState, Outcome
from tests.clocks import TurnedClock
from tests.workflows import reference
from tests.workflows.conftest import Journeys
from tests.workflows.graphs import CASES, LOOKS
from tests.workflows.reference import Event, Journey, Person, Reference

_COUNT = int(os.environ.get("SYNCOM_JOURNEY_CASES", "60"))
#: Cases of one database.
_TOGETHER: Final = 60
#: Days from which scripts begin: plain ones, and such that clocks change soon, in Kyiv, New York or Auckland.
_BEGINNINGS: Final = ("2026-12-01", "2027-03-26", "2027-10-29", "2027-03-12", "2027-11-05", "2028-02-27", "2027-04-02")
_GAPS: Final = (60, 1_800, 3_600, 5 * 3_600, 17 * 3_600, 86_400, 3 * 86_400)
_STATES: Final = {
    EnrolmentState.WAITING: reference.WAITING,
    EnrolmentState.FINISHED: reference.FINISHED,
    EnrolmentState.EXITED: reference.EXITED,
    EnrolmentState.HELD_OUT: reference.HELD_OUT,
}
Case = dict[str, Any]
#: Cases are gathered, not shrunk: it may take what it takes.
_SLOW: Final = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@cache
def _cases(count: int) -> list[Case]:
    found: list[Case] = []

    @settings(max_examples=count, database=None, derandomize=True, suppress_health_check=_SLOW)
    @given(CASES)
    def collect(case: Case) -> None:
        found.append(json.loads(json.dumps(case)))

    collect()
    return found[:count]


def _chunks() -> list[list[Case]]:
    cases = _cases(_COUNT)
    return [cases[first : first + _TOGETHER] for first in range(0, len(cases), _TOGETHER)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(-(-_COUNT // _TOGETHER)))
async def test_every_journey_goes_as_it_is_read_plainly(
    emptied_database: Database, account_id: int, data_dir: Path, number: int
) -> None:
    dice = random.Random(number)
    beginning = datetime.fromisoformat(f"{_BEGINNINGS[number % len(_BEGINNINGS)]}T07:20Z")
    moments = [beginning]
    while len(moments) < LOOKS:
        moments.append(moments[-1] + timedelta(seconds=dice.choice(_GAPS)))
    clock = TurnedClock(beginning - timedelta(hours=1))
    journeys = Journeys.on(emptied_database, account_id, data_dir, clock)
    world = World(journeys, clock, _chunks()[number], moments)
    await world.prepare()
    await world.run()
    await world.compare()
    await journeys.events.close()
    await journeys.sending.contacts.close()


class World:
    """Some cases in one database."""

    def __init__(self, journeys: Journeys, clock: TurnedClock, cases: Sequence[Case], moments: list[datetime]) -> None:
        self.journeys = journeys
        self.clock = clock
        self.cases = cases
        self.moments = moments
        #: By case: ids of its workflows and contacts, and definitions as the reference reads them.
        self.workflows: list[list[int]] = []
        self.contacts: list[list[int]] = []
        self.definitions: list[list[dict[str, Any]]] = []
        #: By case: events by the look at which they happened.
        self.happened: list[defaultdict[int, list[Event]]] = []
        self.membership = journeys.membership_keeper()

    # ------------------------------------------------------------ the engine

    async def prepare(self) -> None:
        journeys, account_id = self.journeys, self.journeys.account_id
        contacts = journeys.sending.contacts
        self.templates = {await journeys.template(subject=name): name for name in ("A", "B")}
        self.templates[await journeys.template(channel=Channel.SMS, subject="", source="Hello")] = "T"
        self.lists = {name: await contacts.lists.ensure(account_id, name) for name in ("given", "tagged")}
        field = await contacts.fields.create(account_id, key="day", name="Day", type=FieldType.DATE)
        self.field_id = field.field_id
        await self._people()
        for number, case in enumerate(self.cases):
            definitions = [self._dated(one) for one in case["workflows"]]
            self.definitions.append(definitions)
            ids: list[int] = []
            # The second first: the first one names it.
            for definition in reversed(definitions):
                named = self._named(definition, number, ids)
                made = await journeys.workflows.create(account_id, f"Case {number}.{len(ids)}", named)
                ids.insert(0, (await journeys.workflows.start(account_id, made.workflow_id)).workflow_id)
            self.workflows.append(ids)
        await self._settle()

    async def _people(self) -> None:
        journeys = self.journeys
        people = [(one, place) for case in self.cases for place, one in enumerate(case["people"])]
        ids: list[int] = []
        for number, (one, _) in enumerate(people):
            named: dict[str, Any] = {"phone": f"+38067{number:07}"}
            if one["kind"] != "phone":
                named["email"] = f"p{number}@example.com"
            fields = {"day": one["day"]} if one["day"] else {}
            row = ContactInput(**named, city=one["city"], time_zone=one["zone"], fields=fields)
            options = UpsertOptions(key=IdentityKind.PHONE)
            found = await journeys.sending.contacts.upsert(journeys.account_id, [row], options)
            assert not found.problems
            ids.append(found.contact_ids[0] or 0)
            if one["kind"] == "unsubscribed":
                await journeys.unsubscribe(ids[-1])
        for (_, place), contact_id in zip(people, ids, strict=True):
            if place == 0:
                self.contacts.append([])
            self.contacts[-1].append(contact_id)

    def _dated(self, definition: dict[str, Any]) -> dict[str, Any]:
        steps = [
            {**step, "date": (self.moments[0] + timedelta(hours=step["date"])).isoformat()} if "date" in step else step
            for step in definition["steps"]
        ]
        return {**definition, "steps": steps}

    def _named(self, node: Any, case: int, workflows: list[int]) -> Any:
        """With the database's ids in the place of names."""
        if isinstance(node, list):
            return [self._named(one, case, workflows) for one in node]
        if not isinstance(node, dict):
            return node
        templates = {name: template_id for template_id, name in self.templates.items()}
        made: dict[str, Any] = {}
        for name, value in node.items():
            match name:
                case "event_type":
                    made[name] = f"{value}{case}"
                case "template_id":
                    made[name] = templates[value]
                case "list" | "list_id":
                    made[name] = self.lists[value]
                case "workflow_id":
                    made[name] = workflows[-1]
                case _:
                    made[name] = self._named(value, case, workflows)
        return made

    async def run(self) -> None:
        for look, moment in enumerate(self.moments):
            self.clock.time = moment
            inputs: list[EventInput] = []
            where: list[tuple[int, Event]] = []
            for number, case in enumerate(self.cases):
                if look == 0:
                    self.happened.append(defaultdict(list))
                those = [one for one in case["script"] if one[0] == look]
                for place, (_, person, name, params) in enumerate(those):
                    # Within the last second, one after the other.
                    at = moment - timedelta(milliseconds=900 - place)
                    inputs.append(
                        EventInput(
                            type_key=f"{name}{number}",
                            key=f"{look}.{place}",
                            params=params,
                            contact_id=self.contacts[number][person],
                            occurred_at=at,
                        )
                    )
                    where.append((number, Event(name=name, contact=person, params=params, key=None, at=at)))
            recorded = await self.journeys.events.record(self.journeys.account_id, inputs)
            for (number, event), one in zip(where, recorded, strict=True):
                event.key = one.event_id
                self.happened[number][look].append(event)
            await self._settle()

    async def _settle(self) -> None:
        """All that can be done at this moment."""
        for _ in range(300):
            if await self.journeys.keeper.step():
                continue
            await self.membership.settle()
            if await self._rows("SELECT EXISTS (SELECT FROM followed_moves)") == [(False,)]:
                return
        raise AssertionError("the engine does not come to rest")

    # ------------------------------------------------------------ the comparison

    async def compare(self) -> None:
        journeys = await self._rows(
            "SELECT workflow_id, contact_id, event_id, state, step, wake_at, converted_at IS NOT NULL, path, params"
            " FROM enrolments"
        )
        by_workflow: defaultdict[int, list[Any]] = defaultdict(list)
        for row in journeys:
            by_workflow[row[0]].append(row)
        messages = Counter(await self._rows("SELECT contact_id, content_id FROM messages"))
        contents = {}
        for template_id, name in self.templates.items():
            template = await self.journeys.sending.content.get(self.journeys.account_id, template_id)
            contents[template.content_id] = name
        contacts = {
            row[0]: (row[1], row[2] or "")
            for row in await self._rows("SELECT contact_id, city, fields ->> %s FROM contacts", str(self.field_id))
        }
        listed = {tuple(row) for row in await self._rows("SELECT contact_id, list_id FROM list_members")}
        recorded = Counter(
            await self._rows("SELECT e.contact_id, t.key FROM events e JOIN event_types t USING (event_type_id)")
        )
        for number, case in enumerate(self.cases):
            ids, people = self.workflows[number], self.contacts[number]
            rows = [row for workflow_id in ids for row in by_workflow[workflow_id]]
            read = self._read(number, rows)
            engine: dict[str, Any] = {
                "journeys": sorted(
                    (
                        ids.index(row[0]),
                        people.index(row[1]),
                        _STATES.get(row[3], str(row[3])),
                        row[4],
                        row[5].astimezone(UTC).isoformat() if row[3] == EnrolmentState.WAITING else "",
                        row[6],
                        list(zip(row[7][::3], row[7][1::3], row[7][2::3], strict=True)),
                        json.dumps(row[8], sort_keys=True),
                    )
                    for row in rows
                ),
                "messages": {
                    (place, name): count
                    for place, contact_id in enumerate(people)
                    for content_id, name in contents.items()
                    if (count := messages[contact_id, content_id])
                },
                "contacts": [
                    (
                        *contacts[contact_id],
                        sorted(name for name, one in self.lists.items() if (contact_id, one) in listed),
                    )
                    for contact_id in people
                ],
                "recorded": {
                    (place, name): count
                    for place, contact_id in enumerate(people)
                    for name in ("told", "said")
                    if (count := recorded[contact_id, f"{name}{number}"] - self._scripted(number, place, name))
                },
            }
            plainly: dict[str, Any] = {
                "journeys": sorted(
                    (
                        one.workflow,
                        one.contact,
                        one.state,
                        one.step,
                        one.wake.astimezone(UTC).isoformat() if one.state == reference.WAITING else "",
                        one.converted,
                        one.path,
                        json.dumps(one.params, sort_keys=True),
                    )
                    for one in read.journeys
                ),
                "messages": dict(read.messages),
                "contacts": [(one.city, one.day, sorted(one.lists)) for one in read.people],
                "recorded": dict(read.recorded),
            }
            different = {
                name: [
                    found
                    for found in zip_longest(*(_rows_of(one[name]) for one in (engine, plainly)))
                    if found[0] != found[1]
                ]
                for name in engine
            }
            assert engine == plainly, (
                json.dumps({"case": case, "moments": [str(one) for one in self.moments]}, indent=1)
                + f"\nof the engine, and plainly: {different}"
            )

    def _scripted(self, number: int, person: int, name: str) -> int:
        return sum(
            1 for those in self.happened[number].values() for one in those if (one.contact, one.name) == (person, name)
        )

    def _read(self, number: int, rows: Sequence[Any]) -> Reference:
        case, ids, contacts = self.cases[number], self.workflows[number], self.contacts[number]
        paths: dict[tuple[int, int, UUID], list[int]] = {(row[0], row[1], row[2]): row[7] for row in rows}
        held_out = {(row[0], row[1]) for row in rows if row[3] == EnrolmentState.HELD_OUT}

        def branch(one: Journey) -> int:
            path = paths.get((ids[one.workflow], contacts[one.contact], one.key), [])
            outcomes = path[1 + 3 * len(one.path) : 2 + 3 * len(one.path)]
            return outcomes[0] - Outcome.BRANCH if outcomes and outcomes[0] >= Outcome.BRANCH else 0

        people = [
            Person(zone=one["zone"], is_mailed=one["kind"] == "mailed", city=one["city"], day=one["day"])
            for one in case["people"]
        ]
        read = Reference(
            self.definitions[number],
            people,
            branch=branch,
            is_held_out=lambda workflow, person: (ids[workflow], contacts[person]) in held_out,
        )
        for look, moment in enumerate(self.moments):
            read.look(moment, self.happened[number][look])
        return read

    async def _rows(self, statement: str, *values: Any) -> list[Any]:
        async with self.journeys.database.system() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()


def _rows_of(found: Any) -> list[Any]:
    return sorted(found.items()) if isinstance(found, dict) else found
