"""Values of the workflows domain. What definitions are made of is in ``language``."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import msgspec

from syncom.workflows.language import Definition


class WorkflowStatus(Enum):
    #: Never started.
    DRAFT = "draft"
    ACTIVE = "active"
    #: Nobody enters and nobody moves, until it is started again.
    PAUSED = "paused"
    #: Nobody enters; who is inside goes on to the end, and then it is stopped.
    DRAINING = "draining"
    #: Nobody is inside.
    STOPPED = "stopped"


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow with its newest published definition."""

    workflow_id: int
    name: str
    status: WorkflowStatus
    version: int
    definition: Definition
    created_at: datetime
    updated_at: datetime


class WorkflowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Journeys of a workflow in numbers, all versions together."""

    workflow_id: int
    entered: int
    #: Inside, whether the workflow is paused or not.
    waiting: int
    #: Parked at a step that could not be done.
    failed: int
    finished: int
    #: Let out, stopped, or gone.
    exited: int


class EnrolmentState(IntEnum):
    """Where a contact is in a workflow. The numbers are stored."""

    WAITING = 1
    #: The workflow is paused, and its time came.
    PAUSED = 2
    FINISHED = 3
    #: A step cannot be done; it may be tried again, or passed over, by hand.
    FAILED = 4
    #: The contact is gone.
    LEFT = 5
    #: It did what lets it out, or the workflow was stopped.
    EXITED = 6
    #: Watched only, for comparison.
    HELD_OUT = 7


#: While a pass is under way: at a step that is to be done now.
GOING = 0


class Outcome(IntEnum):
    """What a step did to a contact, in its path. The numbers are stored."""

    #: It stays at this step until later.
    WAITS = 0
    PASSED = 1
    MATCHED = 2
    DID_NOT_MATCH = 3
    HAPPENED = 4
    TIMED_OUT = 5
    NOT_SENT = 6
    REACHED = 7
    FAILED = 8
    SKIPPED = 9
    EXITED = 10
    GONE = 11
    HAS_NO_VALUE = 12
    #: It was moved to another version.
    MIGRATED = 13
    CAPPED = 14
    JUMPED = 15
    #: It was parked, and tries the step again.
    RETRIED = 16
    #: And the number of the case or branch from 0.
    BRANCH = 100


class Arrival(IntEnum):
    """Places that are no steps, in the counts of who went from where to where. The numbers are stored."""

    #: Came in (as where from); finished (as where to).
    OUTSIDE = -1
    EXITED = -2
    FAILED = -3
    LEFT = -4
    #: To, or from, another version.
    MIGRATED = -5


class CallState(IntEnum):
    """Where a call of a step is. The numbers are stored."""

    TO_DO = 1
    DONE = 2
    GIVEN_UP = 3


class Cause(IntEnum):
    """Why a workflow looks at events or moves of a segment. The numbers are stored."""

    TRIGGER = 1
    WAIT = 2
    GOAL = 3
    EXIT = 4


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A contact who may come in."""

    account_id: int
    contact_id: int
    workflow_id: int
    #: Names the journey: the same cause lets its contact in once.
    event_id: UUID
    params: dict[str, Any]
    #: When what lets it in happened; None: now.
    at: datetime | None = None
    #: Of the event that lets it in, or of the journey that jumps (events/model.py, FollowedEvent).
    chain: int = 0


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay of events would do in one workflow."""

    workflow_id: int
    name: str
    #: Events that fit its trigger.
    events: int
    #: Those of them that have let their contact in before. Only a replay anew starts them again.
    started_before: int
