"""The keeper of workflows: lets contacts in after events, and takes them from step to step.

Every pass is one transaction, so a killed keeper leaves nothing half done. An event is taken out of the change log in
the transaction that lets its contact in; a contact moves on in the transaction that queues the message of the step.
Any number of keepers may run: rows of the log are taken by one of them, and the contacts of a group of buckets are
moved by one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec

from syncom.errors import Invalid, NotFound, Unavailable
from syncom.events.model import FollowedEvent
from syncom.events.service import EventsService
from syncom.ids import workflow_message_id
from syncom.jobs.keeping import keep
from syncom.messages.model import Exclusion
from syncom.messages.planned import PlannedSend, PlannedSends
from syncom.postgres.pool import Connection, Database
from syncom.segments.membership import MembershipService
from syncom.segments.model import FollowedMove
from syncom.segments.service import SegmentsService
from syncom.workflows import store
from syncom.workflows.definition import fits
from syncom.workflows.model import (
    Condition,
    Definition,
    Enrolment,
    EnrolmentState,
    Moved,
    SegmentTrigger,
    SendEmail,
    Wait,
)

#: Events or contacts of one transaction: short enough to hold no lock for long.
_BATCH = 1_000
#: Seconds between looks while nothing happens.
_POLL = 0.5


Heard = Callable[[Connection, Sequence[FollowedEvent]], Awaitable[None]]


class _Path(NamedTuple):
    """What is done from a step on until the next rest: the same for everybody who stands there."""

    steps: list[tuple[int, SendEmail | Condition]]
    step: int
    state: EnrolmentState
    wait: timedelta


class WorkflowKeeper:
    """Moves workflows along in the background."""

    def __init__(
        self,
        database: Database,
        events: EventsService,
        segments: SegmentsService,
        membership: MembershipService,
        sends: PlannedSends,
        *,
        heard: Heard | None = None,
    ) -> None:
        """``heard`` gets the events too, in the transaction that takes them out of the change log."""
        self._database = database
        self._heard = heard
        self._events = events
        self._segments = segments
        self._membership = membership
        self._sends = sends

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("workflows", self.step, stop, rest=_POLL)

    async def step(self) -> bool:
        """Do what can be done now; True when there may be more."""
        replaying = await self._events.replays.step()
        more = await self._enrol()
        async with self._database.system() as connection:
            groups = await store.due_groups(connection)
        moved = [await self._advance(group) for group in groups]
        return replaying or more or any(moved)

    # ------------------------------------------------------------ entering

    async def _enrol(self) -> bool:
        async with self._database.system() as connection:
            events, taken = await self._events.take_followed(connection, _BATCH)
            if events and self._heard is not None:
                await self._heard(connection, events)
            events = [event for event in events if event.contact_id]
            if events:
                types = {event.event_type_id for event in events}
                workflows = await store.triggered(connection, event_type_ids=types)
                await _let_in(
                    connection, [_entry(event, one) for event in events for one in workflows if _is_for(one, event)]
                )
        async with self._database.system() as connection:
            moves = await self._membership.take_followed(connection, _BATCH)
            if moves:
                segments = {move.segment_id for move in moves}
                workflows = await store.triggered(connection, segment_ids=segments)
                await _let_in(
                    connection,
                    [_entry_of_move(move, one) for move in moves for one in workflows if _is_for_move(one, move)],
                )
        return _BATCH in (taken, len(moves))

    # ------------------------------------------------------------ going on

    async def _advance(self, group: int) -> bool:
        """Take the contacts of some buckets whose time has come to where they rest next."""
        async with self._database.system() as connection:
            if not await store.claim_group(connection, group):
                return False  # another keeper is at it
            due = await store.due(connection, group, _BATCH)
            active = await store.hold_active(connection, sorted({enrolment.workflow_id for enrolment in due}))
            due = [enrolment for enrolment in due if enrolment.workflow_id in active]
            if not due:
                return False
            places = _by_place(due)
            wanted = sorted({(workflow_id, version) for _, workflow_id, version, _ in places})
            definitions = await store.versions(connection, wanted)
            moves: list[Moved] = []
            for (account_id, workflow_id, version, step), enrolments in places.items():
                path = walk(definitions[workflow_id, version], step)
                moves += await self._take(connection, account_id, path, enrolments)
            moved = await store.move(connection, moves)
            if moved != len(moves):
                # Contacts were erased meanwhile: nothing of this pass may stay, and the next one finds them gone.
                raise Unavailable(f"{len(moves) - moved} contacts are not where they were")
        return len(due) == _BATCH

    async def _take(
        self, connection: Connection, account_id: int, path: _Path, enrolments: Sequence[Enrolment]
    ) -> list[Moved]:
        """Queue the messages on the path of contacts who stand at the same place."""
        going = list(enrolments)
        moves: list[Moved] = []
        for number, step in path.steps:
            if isinstance(step, Condition):
                try:
                    going, done = await self._sorted_out(connection, account_id, step, going)
                except Invalid as error:
                    return moves + [_failed(one, number, step, error) for one in going]
                moves += [
                    _moved(one, number, EnrolmentState.FINISHED, reason=f"step '{step.id}': does not match")
                    for one in done
                ]
                continue
            planned = [_planned(enrolment, number) for enrolment in going]
            try:
                outcomes = await self._sends.queue(
                    connection, account_id, step.template_id, planned, sender_id=step.sender_id
                )
            except (Invalid, NotFound) as error:
                return moves + [_failed(one, number, step, error) for one in going]
            await store.note_messages(
                connection,
                account_id,
                [
                    store.SentBy(plan.message_id, plan.contact_id, enrolment.workflow_id)
                    for plan, enrolment, outcome in zip(planned, going, outcomes, strict=True)
                    if outcome is None
                ],
            )
            gone = {
                enrolment.event_id
                for enrolment, outcome in zip(going, outcomes, strict=True)
                if outcome is Exclusion.DELETED
            }
            moves += [
                _moved(one, number, EnrolmentState.LEFT, reason="the contact is gone")
                for one in going
                if one.event_id in gone
            ]
            going = [one for one in going if one.event_id not in gone]
        return moves + [_moved(one, path.step, path.state, wait=path.wait) for one in going]

    async def _sorted_out(
        self, connection: Connection, account_id: int, step: Condition, going: Sequence[Enrolment]
    ) -> tuple[list[Enrolment], list[Enrolment]]:
        """Those who match now, and those who do not."""
        matching = await self._segments.matching(
            connection, account_id, step.condition, sorted({one.contact_id for one in going})
        )
        return (
            [one for one in going if one.contact_id in matching],
            [one for one in going if one.contact_id not in matching],
        )


def walk(definition: Definition, step: int) -> _Path:
    """From a step to the next rest."""
    steps: list[tuple[int, SendEmail | Condition]] = []
    for number in range(step, len(definition.steps)):
        one = definition.steps[number]
        if isinstance(one, SendEmail | Condition):
            steps.append((number, one))
        elif isinstance(one, Wait):
            return _Path(steps, number + 1, EnrolmentState.WAITING, one.span)
        else:
            return _Path(steps, number, EnrolmentState.FINISHED, timedelta())
    return _Path(steps, len(definition.steps), EnrolmentState.FINISHED, timedelta())


def _by_place(due: Sequence[Enrolment]) -> Mapping[tuple[int, int, int, int], list[Enrolment]]:
    """Contacts by account, workflow, version and step."""
    places: dict[tuple[int, int, int, int], list[Enrolment]] = {}
    for one in due:
        places.setdefault((one.account_id, one.workflow_id, one.version, one.step), []).append(one)
    return places


async def _let_in(connection: Connection, entries: Sequence[store.Entry]) -> None:
    if entries:
        await store.enrol(connection, entries)


def _is_for(workflow: store.Triggered, event: FollowedEvent) -> bool:
    return workflow.begins.event_type_id == event.event_type_id and fits(workflow.definition.trigger, event.params)


def _is_for_move(workflow: store.Triggered, move: FollowedMove) -> bool:
    trigger = workflow.definition.trigger
    return (
        isinstance(trigger, SegmentTrigger)
        and trigger.segment_id == move.segment_id
        and move.entered == (trigger.when == "enters")
    )


def _entry_of_move(move: FollowedMove, workflow: store.Triggered) -> store.Entry:
    return store.Entry(
        account_id=move.account_id,
        contact_id=move.contact_id,
        workflow_id=workflow.workflow_id,
        version=workflow.version,
        event_id=move.move_id,
        params="{}",
    )


def _entry(event: FollowedEvent, workflow: store.Triggered) -> store.Entry:
    return store.Entry(
        account_id=event.account_id,
        contact_id=event.contact_id,
        workflow_id=workflow.workflow_id,
        version=workflow.version,
        event_id=event.event_id,
        params=msgspec.json.encode(event.params).decode(),
    )


def _planned(enrolment: Enrolment, step: int) -> PlannedSend:
    return PlannedSend(
        message_id=workflow_message_id(enrolment.event_id, enrolment.workflow_id, step, enrolment.contact_id),
        contact_id=enrolment.contact_id,
        params={"data": enrolment.params},
    )


def _failed(enrolment: Enrolment, number: int, step: SendEmail | Condition, error: Invalid | NotFound) -> Moved:
    return _moved(enrolment, number, EnrolmentState.FAILED, reason=f"step '{step.id}': {error.message}"[:500])


def _moved(
    enrolment: Enrolment, step: int, state: EnrolmentState, *, wait: timedelta = timedelta(), reason: str = ""
) -> Moved:
    return Moved(enrolment=enrolment, step=step, state=state, wait=wait, reason=reason)
