"""What each verb does with a workflow in each of its statuses, and what follows. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from syncom.errors import Conflict
from syncom.events.service import EventsService
from syncom.postgres.pool import Connection
from syncom.segments.membership import MembershipService
from syncom.workflows import store, timetable
from syncom.workflows.model import WorkflowStatus

_S = WorkflowStatus


class Verb(Enum):
    START = "start"
    PAUSE = "pause"
    DRAIN = "drain"
    STOP = "stop"


#: What a verb makes of each status; a text: it is refused, and this says why and what to do.
_BECOMES: Final[Mapping[Verb, Mapping[WorkflowStatus, WorkflowStatus | str]]] = {
    Verb.START: dict.fromkeys(_S, _S.ACTIVE),
    Verb.PAUSE: {
        _S.DRAFT: "was never started: there is nothing to pause",
        _S.ACTIVE: _S.PAUSED,
        _S.PAUSED: _S.PAUSED,
        _S.DRAINING: _S.PAUSED,
        _S.STOPPED: "is stopped, and nobody is inside: start it to let contacts in anew",
    },
    Verb.DRAIN: {
        _S.DRAFT: "was never started: there is nobody inside to wait for",
        _S.ACTIVE: _S.DRAINING,
        _S.PAUSED: _S.DRAINING,
        _S.DRAINING: _S.DRAINING,
        _S.STOPPED: "is stopped, and nobody is inside: start it to let contacts in anew",
    },
    Verb.STOP: {
        _S.DRAFT: "was never started: there is nobody inside to let out",
        _S.ACTIVE: _S.STOPPED,
        _S.PAUSED: _S.STOPPED,
        _S.DRAINING: _S.STOPPED,
        _S.STOPPED: _S.STOPPED,
    },
}
#: Statuses in which what a workflow looks at is told to it.
_LISTENING: Final = (_S.ACTIVE, _S.PAUSED, _S.DRAINING)


def becomes(verb: Verb, workflow_id: int, status: WorkflowStatus) -> WorkflowStatus:
    """The status that a verb leads to. Raises Conflict, naming what to do instead."""
    found = _BECOMES[verb][status]
    if isinstance(found, str):
        raise Conflict(f"workflow {workflow_id} {found}")
    return found


class Life:
    """Statuses of workflows, and what is in the change logs for them."""

    def __init__(self, events: EventsService, membership: MembershipService) -> None:
        self._events = events
        self._membership = membership

    async def become(self, connection: Connection, account_id: int, workflow_id: int, status: WorkflowStatus) -> None:
        """Give a workflow, which the caller has locked, a status."""
        await store.set_status(connection, account_id, workflow_id, status)
        if status is not WorkflowStatus.ACTIVE:
            await timetable.end(connection, workflow_id)
        await self.follow(connection, account_id, workflow_id, status)

    async def follow(self, connection: Connection, account_id: int, workflow_id: int, status: WorkflowStatus) -> None:
        """Have what it looks at in the change logs while any workflow that is not at rest needs to hear of it."""
        types, segments = await store.watched(connection, workflow_id)
        wanted_types: set[int] = set()
        wanted_segments: set[int] = set()
        if status in _LISTENING:
            wanted_types, wanted_segments = await store.watched(
                connection, workflow_id, inside_only=status is not WorkflowStatus.ACTIVE
            )
        others = await store.watched_by_others(connection, workflow_id, types, segments)
        for event_type_id in sorted(types):
            followed = event_type_id in wanted_types or event_type_id in others[0]
            await self._events.types.follow(connection, account_id, event_type_id, followed=followed)
        for segment_id in sorted(segments):
            followed = segment_id in wanted_segments or segment_id in others[1]
            await self._membership.follow(connection, account_id, segment_id, followed=followed)

    async def forget_versions(self, connection: Connection, account_id: int, workflow_id: int) -> None:
        """Look no longer at what only versions looked at in which nobody is."""
        types, _ = await store.watched(connection, workflow_id)
        segments = await store.forget_watches(connection, workflow_id)
        left, _ = await store.watched(connection, workflow_id)
        gone = types - left
        others, _ = await store.watched_by_others(connection, workflow_id, gone, ())
        for event_type_id in sorted(gone - others):
            await self._events.types.follow(connection, account_id, event_type_id, followed=False)
        await self._membership.unwatch(connection, account_id, segments)
