"""Looking at journeys: how many are at each step, the path of one contact, and moving journeys to another version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from syncom.clock import Clock
from syncom.errors import Invalid, NotFound
from syncom.ids import bucket_of
from syncom.postgres.columns import booleans, numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.workflows import store
from syncom.workflows.language import Action, Definition, Webhook
from syncom.workflows.model import Arrival, EnrolmentState, Outcome
from syncom.workflows.passing import Ways, count_ways

_SQL = load_sql("syncom.workflows", "journeys.sql")
JOURNEYS_LIMIT: Final = 500
_NIL: Final = UUID(int=0)
_FIRST: Final = (0, 0, _NIL)


class StepFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of those who came to a step."""

    step_id: str
    type: str
    #: At it now.
    waiting: int
    #: Went on to another step, or to the end.
    passed: int
    #: Left the workflow here: let out, stopped, or gone.
    exited: int
    #: Parked at it now.
    failed: int


class WayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many went from one step to another."""

    #: None: they came in.
    from_step: str | None
    #: ``end``: they were done.
    to_step: str
    contacts: int


class VersionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a workflow in numbers."""

    version: int
    entered: int
    steps: list[StepFigures]
    ways: list[WayFigures]


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on the path of a journey."""

    #: None: it was moved to another version.
    step_id: str | None
    #: In words: ``passed``, ``waits``, ``timed out``, ``branch 2``.
    what: str
    at: datetime


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """A contact in a workflow."""

    workflow_id: int
    event_id: UUID
    contact_id: int
    version: int
    state: str
    #: Where it is, or was last.
    step_id: str
    #: When it goes on by itself; None: it does not.
    wakes_at: datetime | None
    reason: str
    params: dict[str, Any]
    entered_at: datetime
    changed_at: datetime
    converted_at: datetime | None
    path: list[Happened]


class JourneyPage(msgspec.Struct, frozen=True, kw_only=True):
    journeys: list[Journey]
    #: Asks for those behind; None: there are none.
    cursor: tuple[int, int, UUID] | None


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """Those at one step of the old version."""

    from_step: str
    #: None: they stay on the old version.
    to_step: str | None
    contacts: int
    #: Why they stay.
    reason: str = ""


class JourneysService:
    """Journeys of an account's workflows."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def figures(self, account_id: int, workflow_id: int, version: int | None = None) -> VersionFigures:
        """Of a version (None: the newest), as they are now. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            workflow = await store.get(connection, account_id, workflow_id)
            version = version or workflow.version
            definition = (await definitions(connection, account_id, workflow_id)).get(version)
            if definition is None:
                raise NotFound("version", version)
            values = {"account_id": account_id, "workflow_id": workflow_id}
            rows = await (await connection.execute(_SQL["ways"], values)).fetchall()
        ways = {(row[1], row[2]): int(row[3]) for row in rows if row[0] == version}
        return figures_of(definition, version, ways)

    async def of_contact(
        self, account_id: int, contact_id: int, workflow_id: int | None = None, *, limit: int = 100
    ) -> list[Journey]:
        """Journeys of a contact, the newest first."""
        values = {
            "account_id": account_id,
            "contact_id": contact_id,
            "bucket": bucket_of(contact_id),
            "workflow_id": workflow_id,
            "limit": max(1, min(limit, JOURNEYS_LIMIT)),
        }
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["of_contact"], values)).fetchall()
            known = {one: await definitions(connection, account_id, one) for one in sorted({row[0] for row in rows})}
        return [_journey(row, known[row[0]]) for row in rows]

    async def page(
        self,
        account_id: int,
        workflow_id: int,
        *,
        state: EnrolmentState | None = None,
        step: str = "",
        through: str = "",
        version: int | None = None,
        cursor: tuple[int, int, UUID] | None = None,
        limit: int = 100,
    ) -> JourneyPage:
        """Journeys of a workflow, in no order of time.

        ``step``: those that are at this step, or were last; ``through``: those that went on from it; both of
        ``version`` (None: the newest). Raises NotFound.
        """
        limit = max(1, min(limit, JOURNEYS_LIMIT))
        bucket, contact_id, event_id = cursor or _FIRST
        async with self._database.tenant(account_id) as connection:
            workflow = await store.get(connection, account_id, workflow_id)
            known = await definitions(connection, account_id, workflow_id)
            version = version or workflow.version
            if version not in known:
                raise NotFound("version", version)
            values = {
                "account_id": account_id,
                "workflow_id": workflow_id,
                "bucket": bucket,
                "contact_id": contact_id,
                "event_id": event_id,
                "state": state,
                "version": version,
                "step": _number(known[version], step) if step else None,
                "through": _number(known[version], through) if through else None,
                "limit": limit,
            }
            rows = await (await connection.execute(_SQL["of_workflow"], values)).fetchall()
        behind = (rows[-1][14], rows[-1][15], rows[-1][1]) if len(rows) == limit else None
        return JourneyPage(journeys=[_journey(row, known) for row in rows], cursor=behind)

    # ------------------------------------------------------------ another version

    async def migrate(
        self,
        account_id: int,
        workflow_id: int,
        from_version: int,
        mapping: Mapping[str, str] | None = None,
        *,
        do: bool = False,
    ) -> list[Migrated]:
        """Move those inside an older version to the newest; without ``do`` only say who would go where.

        ``mapping`` leads from steps of the old version to steps of the new one; steps that it does not name lead to the
        step of the same id. Who is at a step that leads nowhere stays, and so does who waits for the answer of a call.
        Raises NotFound, and Invalid for steps that there are not.
        """
        async with self._database.tenant(account_id) as connection:
            await store.lock(connection, account_id, workflow_id)
            workflow = await store.get(connection, account_id, workflow_id)
            old = (await definitions(connection, account_id, workflow_id)).get(from_version)
            if old is None:
                raise NotFound("version", from_version)
            if from_version == workflow.version:
                raise Invalid("from_version", f"{from_version} is the newest version: nobody has to move")
            targets = _targets(old, workflow.definition, mapping or {})
            values = {"account_id": account_id, "workflow_id": workflow_id, "version": from_version}
            rows = await (await connection.execute(_SQL["standing"], values)).fetchall()
            if do:
                await self._migrate(connection, account_id, workflow_id, from_version, workflow.version, targets)
        return [_told(old, workflow.definition, number, int(count), targets) for number, count in sorted(rows)]

    async def _migrate(
        self,
        connection: Connection,
        account_id: int,
        workflow_id: int,
        from_version: int,
        to_version: int,
        targets: Mapping[int, tuple[int, bool]],
    ) -> None:
        values = {
            "account_id": account_id,
            "workflow_id": workflow_id,
            "from_version": from_version,
            "to_version": to_version,
            "now": self._clock.now(),
            "from_steps": numbers(targets),
            "to_steps": numbers(to for to, _ in targets.values()),
            "same": booleans(same for _, same in targets.values()),
        }
        rows = await (await connection.execute(_SQL["migrate"], values)).fetchall()
        ways: Ways = Counter()
        for from_step, to_step, count, failed in rows:
            if failed:
                ways[account_id, workflow_id, from_version, Arrival.FAILED, from_step] += failed
            ways[account_id, workflow_id, from_version, from_step, Arrival.MIGRATED] += count
            ways[account_id, workflow_id, to_version, Arrival.MIGRATED, to_step] += count
        await count_ways(connection, ways, 0)


def _number(definition: Definition, step: str) -> int:
    for number, one in enumerate(definition.steps):
        if one.id == step:
            return number
    raise NotFound("step", step)


def _targets(old: Definition, new: Definition, mapping: Mapping[str, str]) -> dict[int, tuple[int, bool]]:
    """By step of the old version: the step of the new one, and whether it is of the same kind."""
    known = {step.id: number for number, step in enumerate(old.steps)}
    there = {step.id: number for number, step in enumerate(new.steps)}
    for source, target in mapping.items():
        if source not in known:
            raise Invalid(f"mapping.{source}", "is no step of the old version")
        if target not in there:
            raise Invalid(f"mapping.{source}", f"the new version has no step '{target}'")
    found: dict[int, tuple[int, bool]] = {}
    for name, number in known.items():
        target = mapping.get(name, name)
        if target in there and not isinstance(old.steps[number], Webhook | Action):
            found[number] = there[target], type(old.steps[number]) is type(new.steps[there[target]])
    return found


def _told(
    old: Definition, new: Definition, number: int, count: int, targets: Mapping[int, tuple[int, bool]]
) -> Migrated:
    step = old.steps[number]
    if number in targets:
        return Migrated(from_step=step.id, to_step=new.steps[targets[number][0]].id, contacts=count)
    is_call = isinstance(step, Webhook | Action)
    reason = "they wait for an answer" if is_call else "the new version has no such step: map it to another"
    return Migrated(from_step=step.id, to_step=None, contacts=count, reason=reason)


def figures_of(definition: Definition, version: int, ways: Mapping[tuple[int, int], int]) -> VersionFigures:
    """Of a version, by how many went from which step to which."""
    came: Counter[int] = Counter()
    went: Counter[int] = Counter()
    passed: Counter[int] = Counter()
    exited: Counter[int] = Counter()
    for (source, target), contacts in ways.items():
        came[target] += contacts
        went[source] += contacts
        if target >= Arrival.OUTSIDE:
            passed[source] += contacts
        elif target in (Arrival.EXITED, Arrival.LEFT):
            exited[source] += contacts
    names = {number: step.id for number, step in enumerate(definition.steps)}
    return VersionFigures(
        version=version,
        entered=went[Arrival.OUTSIDE],
        steps=[
            StepFigures(
                step_id=step.id,
                type=str(step.__struct_config__.tag),
                waiting=came[number] - went[number],
                passed=passed[number],
                exited=exited[number],
                failed=ways.get((number, Arrival.FAILED), 0) - ways.get((Arrival.FAILED, number), 0),
            )
            for number, step in enumerate(definition.steps)
        ],
        ways=[
            WayFigures(from_step=names.get(source), to_step=names.get(target, "end"), contacts=contacts)
            for (source, target), contacts in sorted(ways.items())
            if contacts and source >= Arrival.OUTSIDE and target >= Arrival.OUTSIDE
        ],
    )


async def definitions(connection: Connection, account_id: int, workflow_id: int) -> dict[int, Definition]:
    """Of every version of a workflow."""
    values = {"account_id": account_id, "workflow_id": workflow_id}
    rows = await (await connection.execute(_SQL["all_versions"], values)).fetchall()
    return {row[0]: msgspec.convert(row[1], Definition) for row in rows}


def _journey(row: TupleRow, known: Mapping[int, Definition]) -> Journey:
    workflow_id, event_id, contact_id, version, state, step, _, wake_at, reason, params, entered_at = row[:11]
    changed_at, converted_at, path = row[11:14]
    waits = state == EnrolmentState.WAITING and wake_at < store.FOREVER
    return Journey(
        workflow_id=workflow_id,
        event_id=event_id,
        contact_id=contact_id,
        version=version,
        state=EnrolmentState(state).name.lower(),
        step_id=_name(known, version, step),
        wakes_at=wake_at if waits else None,
        reason=reason,
        params=params,
        entered_at=entered_at,
        changed_at=changed_at,
        converted_at=converted_at,
        path=_told_path(path, version, entered_at, known),
    )


def _told_path(
    path: Sequence[int], version: int, entered_at: datetime, known: Mapping[int, Definition]
) -> list[Happened]:
    entries = [path[place : place + 3] for place in range(0, len(path) - 2, 3)]
    # Backwards: what is behind a move to another version was in the newer one.
    found: list[Happened] = []
    for step, outcome, since in reversed(entries):
        at = entered_at + timedelta(seconds=since)
        if outcome == Outcome.MIGRATED:
            found.append(Happened(step_id=None, what=f"moved to version {version}", at=at))
            version = step
        else:
            found.append(Happened(step_id=_name(known, version, step), what=words_of(outcome), at=at))
    return found[::-1]


def _name(known: Mapping[int, Definition], version: int, step: int) -> str:
    steps = known[version].steps if version in known else ()
    return steps[step].id if 0 <= step < len(steps) else str(step)


def words_of(outcome: int) -> str:
    """What came of a step, as it is told."""
    if outcome >= Outcome.BRANCH:
        return f"branch {outcome - Outcome.BRANCH + 1}"
    return Outcome(outcome).name.lower().replace("_", " ")
