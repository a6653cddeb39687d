"""Values of an account's sending policy: when marketing messages rest, how many a contact may get, when to stop."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from syncom.contacts.model import Channel

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
#: In the order of ``datetime.weekday``.
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

ChannelName = Literal["email", "sms", "viber", "webpush"]
#: A time of day as clocks show it.
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Marketing messages wait between these times of the contact's day. ``end`` not after ``begin``: the next day's."""

    begin: TimeOfDay = "21:00"
    end: TimeOfDay = "09:00"
    #: Days on which they begin; empty: every day.
    weekdays: tuple[Weekday, ...] = ()
    #: Empty: all channels. What goes to a phone by Viber follows SMS too.
    channels: tuple[ChannelName, ...] = ()


class Cap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact gets at most so many marketing messages in so many days (of 24 hours), of campaigns and workflows."""

    messages: int
    days: int = 7
    #: Counts and limits the messages of this channel alone; None: those of all channels together.
    channel: ChannelName | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which share of its messages on a campaign pauses itself, once it has sent so many. None: never.

    The defaults are those of relays and mailbox providers: Amazon SES reviews senders at 5 % bounces, Gmail and Yahoo
    want complaints below 0.3 % (docs/pacing.md). ``content``: mails that servers refuse for what is in them.
    """

    bounces_percent: float | None = 5.0
    bounces_after: int = 200
    complaints_percent: float | None = 0.3
    complaints_after: int = 1000
    content_percent: float | None = 5.0
    content_after: int = 50


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for all marketing messages of an account. Transactional ones are exempt."""

    quiet_hours: tuple[QuietHours, ...] = ()
    caps: tuple[Cap, ...] = ()
    limits: Limits = Limits()


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """A policy with what is needed to apply it."""

    policy: Policy
    #: Of the account: where contacts without a zone are.
    time_zone: str
    #: Since when every marketing message claims its place; None: no message does.
    counting_since: datetime | None = None
    #: For so many days claims are remembered.
    counting_days: int = 0


def fits(name: ChannelName, channel: Channel) -> bool:
    """Whether a rule about a channel of this name is about messages of a channel."""
    return Channel[name.upper()] in (channel, channel.consent)
