"""The language of definitions: triggers, rules and steps as they are written (docs/workflows.md)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec

from syncom.messages.policy.model import Weekday

#: The name of no step: whoever comes here is done.
END = "end"
#: Parameters an event must have: each is equal to the value, or passes comparisons such as ``{"gte": 5}``.
Where = dict[str, Any]
Name = Annotated[str, msgspec.Meta(max_length=100)]
#: What :class:`DateTrigger` reads besides custom fields.
CREATED_AT: Final = "created_at"


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a definition."""


# ---------------------------------------------------------------- triggers


class EventTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """An event of this type lets its contact in, when its parameters are as ``where`` says."""

    event_type: str
    where: Where = {}


class PageTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="page"):
    """What the tracker of a site reports lets its visitor in, once the visitor is known."""

    what: Literal["page_view", "product_view", "category_view", "cart", "purchase", "abandoned_cart"]
    where: Where = {}


class OrderTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="order"):
    """An order that comes to this status lets its contact in."""

    #: As in docs/orders.md, such as ``DELIVERED``, or a shop's own word.
    status: str
    where: Where = {}


class SegmentTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="segment"):
    """A contact who enters or leaves a segment comes in."""

    segment_id: int
    when: Literal["enters", "leaves"] = "enters"


class ListTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="list"):
    """A contact who is put on a list, or taken off it, comes in."""

    list_id: int
    when: Literal["joins", "leaves"] = "joins"


class ActivityTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="activity"):
    """A contact who did something with a campaign's message comes in, the first time it does."""

    did: Literal["opened", "clicked"]
    campaign_id: int
    #: Number of the link in the campaign, for ``clicked``; None: any link.
    link: int | None = None


class DateTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="date"):
    """A day of the contact's own, such as its birthday, or so many days before (negative) or after."""

    #: Key of a custom field of dates, or ``created_at``.
    field: str
    days: int = 0
    #: In the contact's zone, else the account's.
    at: time = time(9, 0)
    #: Every year; else that one day.
    yearly: bool = True


class ScheduleTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="schedule"):
    """Everybody in a segment comes in at these times."""

    segment_id: int
    every: Literal["day", "week", "month", "once"] = "day"
    at: time = time(9, 0)
    #: For ``week``.
    weekday: Weekday = "mon"
    #: For ``month``: the last day of shorter months.
    day: int = 1
    #: For ``once``: the day.
    on: str = ""
    #: Of the times; empty: UTC.
    time_zone: str = ""


class ApiTrigger(_Written, frozen=True, kw_only=True, tag_field="type", tag="api"):
    """Only a call lets contacts in. The others may be called too."""


Trigger = (
    EventTrigger
    | PageTrigger
    | OrderTrigger
    | SegmentTrigger
    | ListTrigger
    | ActivityTrigger
    | DateTrigger
    | ScheduleTrigger
    | ApiTrigger
)

# ---------------------------------------------------------------- rules


class Entry(_Written, frozen=True, kw_only=True):
    """Who may come in again."""

    #: ``after``: when the last time is ``days`` ago.
    again: Literal["always", "never", "after"] = "always"
    days: int = 0
    #: Not while an earlier journey goes on.
    one_active: bool = False
    #: A parameter of the event, such as a cart's id: the rules hold for each of its values on its own.
    key: str = ""


class Exit(_Written, frozen=True, kw_only=True):
    """Whoever does this, or comes to match this, leaves at once, wherever it is."""

    event_type: str = ""
    where: Where = {}
    condition: dict[str, Any] = {}


class Cap(_Written, frozen=True, kw_only=True):
    """A contact who got so many messages of campaigns and workflows lately is passed over by the sends."""

    messages: int
    days: int = 7


class QuietHours(_Written, frozen=True, kw_only=True):
    """No message is sent between these times of the contact's day: it waits until they are over."""

    begin: time = time(21, 0)
    end: time = time(9, 0)


class Rules(_Written, frozen=True, kw_only=True):
    """What holds for the whole journey."""

    entry: Entry = Entry()
    exits: tuple[Exit, ...] = ()
    cap: Cap | None = None
    quiet_hours: QuietHours | None = None
    #: Percent of contacts who are only watched, so that the others' conversion can be compared with theirs.
    holdout: int = 0
    #: Within so many days after coming in, an order (or the goal, where there is one) counts as a conversion.
    conversion_days: int = 7


# ---------------------------------------------------------------- steps


class _Step(_Written, frozen=True, kw_only=True, tag_field="type"):
    """What every step has."""

    id: Name = ""
    #: The step after this one; left out: the next in the list. ``end``: none.
    next: Name = ""


class SendEmail(_Step, frozen=True, kw_only=True, tag="send_email"):
    """Send the template as it is at that moment; the event's parameters are ``data`` in it."""

    template_id: int
    #: None: the template's sender, else the default one.
    sender_id: int | None = None


class SendSms(_Step, frozen=True, kw_only=True, tag="send_sms"):
    """The same by SMS."""

    template_id: int
    sender_id: int | None = None


class SendPush(_Step, frozen=True, kw_only=True, tag="send_push"):
    """The same by web push."""

    template_id: int
    sender_id: int | None = None


class Message(_Written, frozen=True, kw_only=True):
    """What is sent over a channel, which its template has."""

    template_id: int
    #: None: the template's sender, else the default one.
    sender_id: int | None = None


class SendFirst(_Step, frozen=True, kw_only=True, tag="send"):
    """Send one of these messages: the first whose channel reaches the contact."""

    #: In their order, each of another channel.
    channels: tuple[Message, ...]


class Window(_Written, frozen=True, kw_only=True):
    """Times of the contact's day, and days of its week. ``begin`` after ``end``: over midnight."""

    begin: time = time(0, 0)
    end: time = time(0, 0)
    weekdays: tuple[Weekday, ...] = ()


class Wait(_Step, frozen=True, kw_only=True, tag="wait"):
    """Wait for a time."""

    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    #: Then on, until it is such a time where the contact is.
    within: Window | None = None

    @property
    def span(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds)


class WaitUntil(_Step, frozen=True, kw_only=True, tag="wait_until"):
    """Wait until a moment: ``date``, or ``field`` (and ``days`` after it), or the next such weekday and time.

    Who comes when the date is over goes on at once. A contact without a value in ``field`` goes to ``missing``.
    """

    date: datetime | None = None
    field: str = ""
    days: int = 0
    #: The next anniversary of the field.
    yearly: bool = False
    weekdays: tuple[Weekday, ...] = ()
    #: In the contact's zone, else the account's.
    at: time | None = None
    missing: Name = ""


class WaitFor(_Step, frozen=True, kw_only=True, tag="wait_for"):
    """Wait for an event of the contact; who waited in vain goes to ``timeout``."""

    event_type: str
    where: Where = {}
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    #: Left out: the same as ``next``.
    timeout: Name = ""

    @property
    def span(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds)


class Condition(_Step, frozen=True, kw_only=True, tag="condition"):
    """Who matches a condition of the segment language at that moment goes to ``next``, the others to ``otherwise``."""

    condition: dict[str, Any]
    #: Left out: they are done.
    otherwise: Name = END


class Case(_Written, frozen=True, kw_only=True):
    condition: dict[str, Any]
    next: Name


class Switch(_Step, frozen=True, kw_only=True, tag="switch"):
    """The first case that a contact matches says where it goes; ``next``: who matches none."""

    cases: tuple[Case, ...]


class Branch(_Written, frozen=True, kw_only=True):
    weight: int
    next: Name


class Split(_Step, frozen=True, kw_only=True, tag="split"):
    """By chance, with these weights. The same journey always goes the same way."""

    branches: tuple[Branch, ...]


class UpdateContact(_Step, frozen=True, kw_only=True, tag="update_contact"):
    """Set fields of the contact: standard ones by name, own ones in ``fields`` by key. An empty text clears."""

    set: dict[str, Any] = {}
    fields: dict[str, Any] = {}


class AddToList(_Step, frozen=True, kw_only=True, tag="add_to_list"):
    """Put the contact on a list; ``tag``: on the list of this name, made when there is none."""

    list_id: int | None = None
    tag: str = ""


class RemoveFromList(_Step, frozen=True, kw_only=True, tag="remove_from_list"):
    """Take the contact off a list."""

    list_id: int | None = None
    tag: str = ""


class GenerateEvent(_Step, frozen=True, kw_only=True, tag="generate_event"):
    """Record an event of the contact. Texts of ``params`` are templates."""

    event_type: str
    params: dict[str, Any] = {}


class Webhook(_Step, frozen=True, kw_only=True, tag="webhook"):
    """Call an address. Texts of ``url``, ``headers`` and ``body`` are templates.

    At least once, with an ``Idempotency-Key``; tried again for a day. Who cannot be told of goes to ``failed``, or is
    parked where it is left out.
    """

    url: str
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    headers: dict[str, str] = {}
    body: Any = None
    failed: Name = ""


class Action(_Step, frozen=True, kw_only=True, tag="action"):
    """Run an action of a connection of the integration layer. Texts of ``input`` are templates."""

    connection: str
    action: str
    input: dict[str, Any] = {}
    failed: Name = ""


class Goal(_Step, frozen=True, kw_only=True, tag="goal"):
    """Whoever is before this step and does this, or comes to match this, goes on behind it at once.

    ``next`` left out: they are done. Who comes here on foot goes to ``otherwise`` (left out: done too), unreached.
    """

    event_type: str = ""
    where: Where = {}
    condition: dict[str, Any] = {}
    otherwise: Name = END


class Stop(_Step, frozen=True, kw_only=True, tag="stop"):
    """Leave the workflow. The end of the steps does the same."""


class Jump(_Step, frozen=True, kw_only=True, tag="jump"):
    """Leave, and begin another workflow that is active, with the same parameters."""

    workflow_id: int


Send = SendEmail | SendSms | SendPush | SendFirst
Rest = Wait | WaitUntil | WaitFor
Call = Webhook | Action
Step = (
    SendEmail
    | SendSms
    | SendPush
    | SendFirst
    | Wait
    | WaitUntil
    | WaitFor
    | Condition
    | Switch
    | Split
    | UpdateContact
    | AddToList
    | RemoveFromList
    | GenerateEvent
    | Webhook
    | Action
    | Goal
    | Stop
    | Jump
)


def messages_of(step: Send) -> tuple[Message, ...]:
    """What a step may send, in order."""
    if isinstance(step, SendFirst):
        return step.channels
    return (Message(template_id=step.template_id, sender_id=step.sender_id),)


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a workflow does."""

    #: Of the definition's language.
    format: int = 2
    trigger: Trigger
    rules: Rules = Rules()
    steps: tuple[Step, ...]
