"""Use cases of workflows: write, publish, start, pause and look at them. What moves contacts is in ``jobs``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.contacts.normalise import NAME_LENGTH, normalise_text
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, FieldError, Invalid, NotFound
from syncom.events.prepare import encode_params
from syncom.events.replays import check_span
from syncom.events.service import EventsService
from syncom.ids import uuid7
from syncom.messages.senders import SendersService
from syncom.postgres.pool import Connection, Database
from syncom.segments.membership import MembershipService
from syncom.workflows import ending, entering, store, timetable
from syncom.workflows.checking import Checker, uses
from syncom.workflows.definition import look_through, read_definition
from syncom.workflows.filters import fits
from syncom.workflows.language import Definition
from syncom.workflows.life import Life, Verb, becomes
from syncom.workflows.model import Candidate, EnrolmentState, Rehearsal, Workflow, WorkflowFigures, WorkflowStatus
from syncom.workflows.watches import Watcher

PAGE_LIMIT: Final = 500
WORKFLOWS_LIMIT: Final = store.WORKFLOWS_LIMIT
#: Contacts that one call lets in.
RUN_LIMIT: Final = 1_000


class WorkflowsService:
    """Workflows of an account."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        events: EventsService,
        membership: MembershipService,
        senders: SendersService,
        checker: Checker,
        clock: Clock,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._events = events
        self._membership = membership
        self._senders = senders
        self._clock = clock
        self._life = Life(events, membership)
        self._checker = checker

    # ------------------------------------------------------------ writing

    async def create(self, account_id: int, name: str, definition: object) -> Workflow:
        """Save a workflow as a draft. Raises Invalid naming the step that cannot run."""
        read = read_definition(definition)
        name = _name(name)
        async with self._database.tenant(account_id) as connection:
            if await store.count(connection, account_id) >= WORKFLOWS_LIMIT:
                raise Conflict(f"an account has at most {WORKFLOWS_LIMIT:,} workflows")
            await self._checker.check(connection, account_id, read)
            workflow_id = await store.add(connection, account_id, name)
            await self._publish(connection, account_id, workflow_id, 1, read)
            return await store.get(connection, account_id, workflow_id)

    async def change(
        self, account_id: int, workflow_id: int, *, name: str | None = None, definition: object = None
    ) -> Workflow:
        """Rename a workflow, or publish a new version; who is inside stays on theirs. Raises NotFound, Invalid."""
        read = None if definition is None else read_definition(definition)
        name = None if name is None else _name(name)
        if read is not None:
            await self.ensure_sender(account_id, read)
        async with self._database.tenant(account_id) as connection:
            before = await store.lock(connection, account_id, workflow_id)
            await store.change(connection, account_id, workflow_id, name=name, version=before.version)
            if read is not None:
                await self.publish(connection, account_id, workflow_id, before, read)
            return await store.get(connection, account_id, workflow_id)

    async def publish(
        self, connection: Connection, account_id: int, workflow_id: int, before: store.Locked, read: Definition
    ) -> None:
        """Give a workflow, which the caller has locked, a new version. Raises Invalid."""
        await self._checker.check(connection, account_id, read)
        if before.status is WorkflowStatus.ACTIVE:
            await self._checker.check_chains(connection, account_id, workflow_id, read)
        old = await store.get(connection, account_id, workflow_id)
        version = before.version + 1
        await self._publish(connection, account_id, workflow_id, version, read)
        await store.change(connection, account_id, workflow_id, name=None, version=version)
        await self._life.forget_versions(connection, account_id, workflow_id)
        await self._life.follow(connection, account_id, workflow_id, before.status)
        if before.status is WorkflowStatus.ACTIVE and read.trigger != old.definition.trigger:
            await timetable.end(connection, workflow_id)
            await self._begin(connection, account_id, workflow_id, read, anew=True)

    async def problems(self, account_id: int, definition: object) -> list[FieldError]:
        """What keeps a definition from being published: of each part and step the first. Changes nothing."""
        read, found = look_through(definition)
        if read is None:
            return found
        async with self._database.tenant(account_id) as connection:
            return await self._checker.problems(connection, account_id, read)

    async def ensure_sender(self, account_id: int, definition: Definition) -> None:
        """The default senders of its channels are made where there is none yet."""
        # That of web push is made when it is needed.
        for channel in sorted(await self._checker.senderless(account_id, definition) - {Channel.WEBPUSH}):
            await self._senders.default(account_id, channel)

    async def _publish(
        self, connection: Connection, account_id: int, workflow_id: int, version: int, read: Definition
    ) -> None:
        watcher = Watcher(connection, account_id, workflow_id, version, self._events, self._membership)
        await store.add_version(connection, account_id, workflow_id, version, read)
        await store.add_watches(connection, account_id, await watcher.watches(read))

    # ------------------------------------------------------------ life

    async def start(self, account_id: int, workflow_id: int) -> Workflow:
        """Let contacts in, from now on. Who was inside when it was paused goes on where they were.

        Raises NotFound, Invalid when something that it uses is gone, and Conflict while those of a stopped one leave.
        """
        await self.ensure_sender(account_id, (await self.get(account_id, workflow_id)).definition)
        async with self._database.tenant(account_id) as connection:
            status = await self._lock_for(connection, account_id, workflow_id, Verb.START)
            if await ending.is_emptying(connection, account_id, workflow_id):
                raise Conflict(
                    f"workflow {workflow_id} was stopped, and some are leaving it still: start it when they have left"
                )
            workflow = await store.get(connection, account_id, workflow_id)
            await self._checker.check(connection, account_id, workflow.definition)
            await self._checker.check_chains(connection, account_id, workflow_id, workflow.definition)
            # Those inside one that is paused go on, also when nobody will come in any more.
            anew = workflow.status in (WorkflowStatus.DRAFT, WorkflowStatus.STOPPED)
            await self._begin(connection, account_id, workflow_id, workflow.definition, anew=anew)
            await self._life.become(connection, account_id, workflow_id, status)
            return await store.get(connection, account_id, workflow_id)

    async def pause(self, account_id: int, workflow_id: int) -> Workflow:
        """Let nobody in, and let nobody move, until it is started again.

        Raises NotFound, and Conflict where nobody is inside.
        """
        async with self._database.tenant(account_id) as connection:
            status = await self._lock_for(connection, account_id, workflow_id, Verb.PAUSE)
            await self._life.become(connection, account_id, workflow_id, status)
            return await store.get(connection, account_id, workflow_id)

    async def _begin(
        self, connection: Connection, account_id: int, workflow_id: int, definition: Definition, *, anew: bool
    ) -> None:
        """Let contacts in at times, where those let them in, from now on."""
        now = self._clock.now()
        await timetable.begin(connection, account_id, workflow_id, definition.trigger, now=now, anew=anew)

    async def drain(self, account_id: int, workflow_id: int) -> Workflow:
        """Let nobody in; those inside go on to their ends, and then it is stopped.

        Raises NotFound, and Conflict where nobody is inside.
        """
        async with self._database.tenant(account_id) as connection:
            status = await self._lock_for(connection, account_id, workflow_id, Verb.DRAIN)
            await self._life.become(connection, account_id, workflow_id, status)
            await ending.end_drain(connection, self._life, account_id, workflow_id)
            return await store.get(connection, account_id, workflow_id)

    async def stop(self, account_id: int, workflow_id: int) -> Workflow:
        """Let nobody in, and let everybody inside leave: the keeper does so at once, in batches.

        Raises NotFound, and Conflict for one that was never started.
        """
        async with self._database.tenant(account_id) as connection:
            status = await self._lock_for(connection, account_id, workflow_id, Verb.STOP)
            await self._life.become(connection, account_id, workflow_id, status)
            await ending.set_emptying(connection, account_id, workflow_id, emptying=True)
            return await store.get(connection, account_id, workflow_id)

    async def _lock_for(self, connection: Connection, account_id: int, workflow_id: int, verb: Verb) -> WorkflowStatus:
        """The status a workflow comes to, held until the transaction ends. Raises NotFound, Conflict."""
        before = await store.lock(connection, account_id, workflow_id)
        return becomes(verb, workflow_id, before.status)

    # ------------------------------------------------------------ letting in by a call

    async def run(
        self,
        account_id: int,
        workflow_id: int,
        contact_ids: Sequence[int],
        *,
        params: Mapping[str, Any] | None = None,
        run_id: UUID | None = None,
    ) -> int:
        """Let contacts in, by the rules of entry; how many came in.

        ``run_id`` names the call: with the same one nobody comes in twice. Raises NotFound for a workflow or a contact
        that is not there, Conflict for a workflow that is not active, Invalid for more than 1,000 contacts.
        """
        given = dict(params or {})
        return await self.run_each(account_id, workflow_id, dict.fromkeys(contact_ids, given), run_id=run_id)

    async def run_each(
        self,
        account_id: int,
        workflow_id: int,
        contacts: Mapping[int, Mapping[str, Any]],
        *,
        run_id: UUID | None = None,
    ) -> int:
        """The same, each contact with parameters of its own."""
        if not contacts:
            raise Invalid("contact_ids", "must name at least one contact")
        if len(contacts) > RUN_LIMIT:
            raise Invalid("contact_ids", f"must be at most {RUN_LIMIT:,}: call again with the others")
        for params in contacts.values():
            encode_params(params)
        workflow = await self.get(account_id, workflow_id)
        if workflow.status is not WorkflowStatus.ACTIVE:
            raise Conflict(f"workflow {workflow_id} is {workflow.status.value}: start it first")
        found = {one.contact_id for one in await self._contacts.get_many(account_id, list(contacts))}
        missing = [contact_id for contact_id in contacts if contact_id not in found]
        if missing:
            raise NotFound("contact", missing[0])
        event_id = run_id or uuid7()
        candidates = [
            Candidate(
                account_id=account_id,
                contact_id=contact_id,
                workflow_id=workflow_id,
                event_id=event_id,
                params=dict(params),
            )
            for contact_id, params in contacts.items()
        ]
        async with self._database.system() as connection:
            return await entering.let_in(connection, candidates, now=self._clock.now())

    # ------------------------------------------------------------ reading

    async def get(self, account_id: int, workflow_id: int) -> Workflow:
        """Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            return await store.get(connection, account_id, workflow_id)

    async def page(self, account_id: int, *, offset: int = 0, limit: int = PAGE_LIMIT) -> tuple[list[Workflow], int]:
        """Workflows in the order they were made, at most 500, and how many there are in all."""
        limit = max(1, min(limit, PAGE_LIMIT))
        async with self._database.tenant(account_id) as connection:
            found = await store.page(connection, account_id, offset=offset, limit=limit)
            return found, await store.count(connection, account_id)

    async def counts(self, account_id: int, workflow_id: int) -> dict[EnrolmentState, int]:
        """How many journeys are where. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await store.get(connection, account_id, workflow_id)
            found = await store.counts(connection, account_id, workflow_id)
        return {state: found.get(state, 0) for state in EnrolmentState}

    async def figures(self, account_id: int) -> list[WorkflowFigures]:
        """Journeys of each workflow that somebody came into."""
        async with self._database.tenant(account_id) as connection:
            return await store.figures(connection, account_id)

    async def rehearse(self, account_id: int, type_key: str, since: datetime, until: datetime) -> list[Rehearsal]:
        """What a replay of these events would do, by workflow. Changes nothing. Raises NotFound, Invalid."""
        check_span(since, until)
        event_type = await self._events.types.get(account_id, type_key)
        async with self._database.tenant(account_id) as connection:
            workflows = await store.of_trigger(connection, account_id, event_type.event_type_id)
        fitting = {workflow_id: 0 for workflow_id, _, _ in workflows}
        entered = dict(fitting)
        async for events in self._events.between(account_id, type_key, since, until):
            for workflow_id, _, where in workflows:
                found = [
                    (event.contact_id, event.event_id)
                    for event in events
                    if event.contact_id is not None and fits(where, event.params)
                ]
                fitting[workflow_id] += len(found)
                async with self._database.tenant(account_id) as connection:
                    entered[workflow_id] += await store.count_entered(connection, account_id, workflow_id, found)
        return [
            Rehearsal(
                workflow_id=workflow_id, name=name, events=fitting[workflow_id], started_before=entered[workflow_id]
            )
            for workflow_id, name, _ in workflows
        ]

    async def users(self, connection: Connection, account_id: int, kind: str, key: int | str) -> list[str]:
        """The workflows whose newest version uses this, such as ``("segment", 7)``."""
        return [
            f"workflow {workflow.name!r}"
            for workflow in await store.page(connection, account_id, offset=0, limit=WORKFLOWS_LIMIT)
            if uses(workflow.definition, kind, key)
        ]


def _name(name: str) -> str:
    try:
        text = normalise_text(name, NAME_LENGTH)
    except ValueError as error:
        raise Invalid("name", str(error)) from None
    if not text:
        raise Invalid("name", "is empty")
    return text
