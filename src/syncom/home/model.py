"""Values of the first page."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """What orders that messages led to came to in one currency, net of refunds, now and in the period before."""

    currency: str
    now: Decimal
    before: Decimal


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a period, and of the period of the same length before it."""

    now: int
    before: int


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in the last days, today included (UTC), against as many before."""

    days: int
    sent: Figure
    #: Messages opened and clicked by people, each once.
    opened: Figure
    clicked: Figure
    bounced: Figure
    complained: Figure
    unsubscribed: Figure
    #: Contacts that came. Not exact beyond 20,000: `new_contacts_is_exact` is false then.
    new_contacts: Figure
    new_contacts_is_exact: bool
    revenue: list[Money]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Something under way."""

    #: campaign, workflow, import or bulk_action.
    kind: str
    id: int
    name: str
    state: str
    #: Share that is done, 0 to 1; null where that cannot be said.
    progress: float | None
    #: When it began, or will begin.
    at: datetime | None


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs a person."""

    #: bounces, complaints, sender, campaign, import, workflow, domain, connection, pull, product_feed or bulk_action.
    kind: str
    #: Of the thing; null for figures of the account. A connection's is a text.
    id: str | None
    name: str
    problem: str
    since: datetime | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of getting started: sender, contacts, template, campaign, domain, segment, workflow."""

    key: str
    is_done: bool


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    #: Of 7 and of 30 days.
    periods: list[Period]
    running: list[Running]
    concerns: list[Concern]
    steps: list[Step]
