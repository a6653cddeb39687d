"""Values of bulk actions."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from syncom.contacts.model import Channel


class JoinList(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="add_to_list"
):
    """Put them on a list."""

    list_id: int


class LeaveList(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="remove_from_list"
):
    """Take them off a list."""

    list_id: int


class SetFields(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="set_fields"
):
    """Give them the same values: members such as `city`, and custom fields by key; null and '' clear."""

    values: dict[str, Any]


class AddTag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="add_tag"):
    """Add a choice to a multichoice field: what tags are kept in."""

    field: str
    tag: str


class RemoveTag(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="remove_tag"
):
    """Take a choice out of a multichoice field."""

    field: str
    tag: str


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="subscribe"):
    """Record that they agreed to a channel (email, sms, webpush). Who unsubscribed stays so: that needs their own will.

    `proof` says where they agreed.
    """

    channel: str
    proof: str


class Unsubscribe(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="unsubscribe"
):
    """Record that they want no more of a channel (email, sms, webpush)."""

    channel: str


class Suppress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="suppress"):
    """Send nothing more to their addresses of a channel (email, sms)."""

    channel: str


class Delete(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="delete"):
    """Delete them, so that they can be restored."""


Deed = JoinList | LeaveList | SetFields | AddTag | RemoveTag | Subscribe | Unsubscribe | Suppress | Delete
CHANNELS = {"email": Channel.EMAIL, "sms": Channel.SMS, "webpush": Channel.WEBPUSH}


class ActionState(Enum):
    """Where an action is."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    #: It could not go on; `problem` says why. What was done stays, and can be undone.
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class BulkAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action and how far it is.

    Of `looked_at` contacts `changed` are different now; the others were so already, or must not be changed.
    """

    action_id: int
    deed: Deed
    #: Whom it is about: a condition, or so many chosen contacts.
    condition: dict[str, Any] | None
    chosen: int | None
    actor: str
    state: ActionState
    #: How many were chosen; null until counted.
    total: int | None
    total_is_exact: bool
    looked_at: int
    changed: int
    #: How many were put back.
    undone: int
    problem: str
    created_at: datetime
    finished_at: datetime | None
    #: Until when it can be undone; null: there is nothing to undo (yet, or any more).
    undo_until: datetime | None
