"""Use cases of workflows: write, start, stop and look at them. What moves contacts is in ``jobs``."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from syncom.contacts.model import Channel
from syncom.contacts.normalise import NAME_LENGTH, normalise_text
from syncom.content.service import ContentService
from syncom.errors import Conflict, Invalid, NotFound
from syncom.events.replays import check_span
from syncom.events.service import EventsService
from syncom.messages.senders import SendersService
from syncom.postgres.pool import Connection, Database
from syncom.segments.membership import MembershipService
from syncom.segments.service import SegmentsService, has_leaf
from syncom.workflows import store
from syncom.workflows.definition import fits, read_definition
from syncom.workflows.model import (
    Condition,
    Definition,
    EnrolmentState,
    Rehearsal,
    SegmentTrigger,
    SendEmail,
    Workflow,
    WorkflowStatus,
)

PAGE_LIMIT: Final = 500
WORKFLOWS_LIMIT: Final = 1_000


class WorkflowsService:
    """Workflows of an account."""

    def __init__(
        self,
        database: Database,
        events: EventsService,
        segments: SegmentsService,
        membership: MembershipService,
        content: ContentService,
        senders: SendersService,
    ) -> None:
        self._database = database
        self._events = events
        self._segments = segments
        self._membership = membership
        self._content = content
        self._senders = senders

    async def create(self, account_id: int, name: str, definition: object) -> Workflow:
        """Save a workflow as a draft. Raises Invalid naming the step that cannot run."""
        read = read_definition(definition)
        name = _name(name)
        async with self._database.tenant(account_id) as connection:
            if await store.count(connection, account_id) >= WORKFLOWS_LIMIT:
                raise Conflict(f"an account has at most {WORKFLOWS_LIMIT:,} workflows")
            await self._check(connection, account_id, read)
            begins = await self._beginning(connection, account_id, read)
            workflow_id = await store.add(connection, account_id, name, begins, read)
            return await store.get(connection, account_id, workflow_id)

    async def change(
        self, account_id: int, workflow_id: int, *, name: str | None = None, definition: object = None
    ) -> Workflow:
        """Rename a workflow, or give it a new version; who is inside stays on theirs. Raises NotFound, Invalid."""
        read = None if definition is None else read_definition(definition)
        name = None if name is None else _name(name)
        async with self._database.tenant(account_id) as connection:
            before = await store.lock(connection, account_id, workflow_id)
            version, begins = before.version, before.begins
            if read is not None:
                await self._check(connection, account_id, read)
                version, begins = version + 1, await self._beginning(connection, account_id, read)
                await store.add_version(connection, account_id, workflow_id, version, read)
                if before.status is WorkflowStatus.ACTIVE and begins != before.begins:
                    await self._follow(connection, account_id, workflow_id, before.begins, followed=False)
                    await self._follow(connection, account_id, workflow_id, begins, followed=True)
            await store.change(connection, account_id, workflow_id, name=name, version=version, begins=begins)
            return await store.get(connection, account_id, workflow_id)

    async def start(self, account_id: int, workflow_id: int) -> Workflow:
        """Let events of its type start it, from now on. Who was inside when it was stopped goes on where they were.

        Raises NotFound, and Invalid when a template or a sender is gone.
        """
        workflow = await self.get(account_id, workflow_id)
        if any(isinstance(step, SendEmail) and step.sender_id is None for step in workflow.definition.steps):
            await self._senders.default(account_id)  # made when there is none yet
        async with self._database.tenant(account_id) as connection:
            before = await store.lock(connection, account_id, workflow_id)
            workflow = await store.get(connection, account_id, workflow_id)
            await self._check(connection, account_id, workflow.definition)
            await self._follow(connection, account_id, workflow_id, before.begins, followed=True)
            await store.set_status(connection, account_id, workflow_id, WorkflowStatus.ACTIVE)
            return await store.get(connection, account_id, workflow_id)

    async def stop(self, account_id: int, workflow_id: int) -> Workflow:
        """Let nobody in, and let nobody move, until it is started again. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            before = await store.lock(connection, account_id, workflow_id)
            if before.status is WorkflowStatus.ACTIVE:
                await self._follow(connection, account_id, workflow_id, before.begins, followed=False)
                await store.set_status(connection, account_id, workflow_id, WorkflowStatus.STOPPED)
            return await store.get(connection, account_id, workflow_id)

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
        """How many contacts are where. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await store.get(connection, account_id, workflow_id)
            found = await store.counts(connection, account_id, workflow_id)
        return {state: found.get(state, 0) for state in EnrolmentState}

    async def rehearse(self, account_id: int, type_key: str, since: datetime, until: datetime) -> list[Rehearsal]:
        """What a replay of these events would do, by workflow. Changes nothing. Raises NotFound, Invalid."""
        check_span(since, until)
        event_type = await self._events.types.get(account_id, type_key)
        async with self._database.tenant(account_id) as connection:
            workflows = await store.of_trigger(connection, account_id, event_type.event_type_id)
        fitting = {workflow_id: 0 for workflow_id, _, _ in workflows}
        entered = dict(fitting)
        async for events in self._events.between(account_id, type_key, since, until):
            for workflow_id, _, definition in workflows:
                found = [
                    (event.contact_id, event.event_id)
                    for event in events
                    if event.contact_id is not None and fits(definition.trigger, event.params)
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

    # ------------------------------------------------------------ steps

    async def _check(self, connection: Connection, account_id: int, definition: Definition) -> None:
        """Whether templates and senders of the steps are there. Raises Invalid naming the step."""
        for place, step in enumerate(definition.steps):
            at = f"definition.steps.{place}"
            if isinstance(step, Condition):
                await self._segments.check(connection, account_id, step.condition, at=f"{at}.condition")
            if not isinstance(step, SendEmail):
                continue
            try:
                template = await self._content.sendable(connection, account_id, step.template_id)
            except NotFound as error:
                raise Invalid(f"{at}.template_id", error.message) from None
            if template.channel is not Channel.EMAIL:
                raise Invalid(f"{at}.template_id", f"is a template of {template.channel.name.lower()} messages")
            if step.sender_id is not None:
                try:
                    await self._senders.require(connection, account_id, step.sender_id)
                except NotFound as error:
                    raise Invalid(f"{at}.sender_id", error.message) from None

    async def users(self, connection: Connection, account_id: int, kind: str, key: int | str) -> list[str]:
        """The workflows whose newest version names this, such as ``("segment", 7)``."""
        return [
            f"workflow {workflow.name!r}"
            for workflow in await store.page(connection, account_id, offset=0, limit=WORKFLOWS_LIMIT)
            if _names(workflow.definition, kind, key)
        ]

    async def _beginning(self, connection: Connection, account_id: int, definition: Definition) -> store.Beginning:
        """What starts it: a segment that is there, or a type, made when no event of it has come yet."""
        trigger = definition.trigger
        if isinstance(trigger, SegmentTrigger):
            if not await self._membership.exists(connection, account_id, trigger.segment_id):
                raise Invalid("definition.trigger.segment_id", f"there is no segment {trigger.segment_id}")
            return store.Beginning(segment_id=trigger.segment_id)
        try:
            made = await self._events.types.made_in(connection, account_id, trigger.event_type)
            return store.Beginning(event_type_id=made.event_type_id)
        except Invalid as error:
            raise Invalid("definition.trigger.event_type", error.fields[0].reason) from None

    async def _follow(
        self, connection: Connection, account_id: int, workflow_id: int, begins: store.Beginning, *, followed: bool
    ) -> None:
        """Have what it begins with in the change log while any active workflow begins with the same."""
        if not followed and await store.is_followed_by_others(connection, workflow_id, begins):
            return
        if begins.event_type_id is not None:
            await self._events.types.follow(connection, account_id, begins.event_type_id, followed=followed)
        if begins.segment_id is not None:
            await self._membership.follow(connection, account_id, begins.segment_id, followed=followed)


def _names(definition: Definition, kind: str, key: int | str) -> bool:
    trigger = definition.trigger
    if kind == "segment" and isinstance(trigger, SegmentTrigger) and trigger.segment_id == key:
        return True
    return any(isinstance(step, Condition) and has_leaf(step.condition, kind, key) for step in definition.steps)


def _name(name: str) -> str:
    try:
        text = normalise_text(name, NAME_LENGTH)
    except ValueError as error:
        raise Invalid("name", str(error)) from None
    if not text:
        raise Invalid("name", "is empty")
    return text
