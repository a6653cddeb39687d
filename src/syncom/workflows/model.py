"""Values of the workflows domain."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import Any, Literal
from uuid import UUID

import msgspec

# ---------------------------------------------------------------- definitions (docs/workflows.md)


class EventTrigger(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="event"
):
    """An event of this type lets its contact in, when its parameters are as ``where`` says."""

    event_type: str
    #: Parameters that must have these values. A number equals its text: version 1 of eSputnik's method sends texts.
    where: dict[str, Any] = {}


class SegmentTrigger(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="segment"
):
    """A contact who enters or leaves a segment comes in."""

    segment_id: int
    when: Literal["enters", "leaves"] = "enters"


Trigger = EventTrigger | SegmentTrigger


class SendEmail(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="send_email"
):
    """Send the template as it is at that moment; the event's parameters are ``data`` in it."""

    template_id: int
    id: str = ""
    #: None: the template's sender, else the default one.
    sender_id: int | None = None


class Wait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="wait"):
    """Wait for a time."""

    id: str = ""
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0

    @property
    def span(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds)


class Condition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="condition"
):
    """Who does not match a condition of the segment language at that moment is done with the workflow."""

    condition: dict[str, Any]
    id: str = ""


class Stop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="stop"):
    """Leave the workflow. The end of the steps does the same."""

    id: str = ""


Step = SendEmail | Wait | Condition | Stop


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What a workflow does."""

    #: Of the definition's language.
    format: int = 1
    trigger: Trigger
    steps: tuple[Step, ...]


# ---------------------------------------------------------------- workflows and who is inside


class WorkflowStatus(Enum):
    #: Never started.
    DRAFT = "draft"
    ACTIVE = "active"
    #: Nobody enters and nobody moves.
    STOPPED = "stopped"


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow with its newest definition."""

    workflow_id: int
    name: str
    status: WorkflowStatus
    version: int
    definition: Definition
    created_at: datetime
    updated_at: datetime


class EnrolmentState(IntEnum):
    """Where a contact is in a workflow. The numbers are stored."""

    WAITING = 1
    #: The workflow is stopped.
    PAUSED = 2
    FINISHED = 3
    #: A step cannot be done for anybody; starting the workflow again tries it again.
    FAILED = 4
    #: The contact is gone.
    LEFT = 5


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A contact whose next step is due."""

    account_id: int
    bucket: int
    workflow_id: int
    event_id: UUID
    #: Of whoever the contact is now: it may have been merged into another since.
    contact_id: int
    version: int
    step: int
    params: dict[str, Any]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Where a contact goes."""

    enrolment: Enrolment
    step: int
    state: EnrolmentState
    #: How long it stays there.
    wait: timedelta = timedelta()
    reason: str = ""


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay of events would do in one workflow."""

    workflow_id: int
    name: str
    #: Events that fit its trigger.
    events: int
    #: Those of them that have let their contact in before. Only a replay anew starts them again.
    started_before: int
