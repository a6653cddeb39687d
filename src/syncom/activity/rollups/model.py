"""Values of the rollups: what is counted, by what, and what reports are made of."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum, IntEnum
from typing import Final, NamedTuple

import msgspec

from syncom.contacts.model import Channel

#: Stand in the place of a campaign: everything of the account, and its single messages.
WHOLE_ACCOUNT: Final = -1
SINGLE_MESSAGES: Final = 0


class Dimension(IntEnum):
    """What a rollup counts by. The numbers are stored."""

    #: By hour; the others by day (UTC).
    CHANNEL = 0
    #: Of the recipient's mail address.
    DOMAIN = 1
    DEVICE = 2
    CLIENT = 3
    OS = 4
    COUNTRY = 5


class RollupKind(IntEnum):
    """What is counted. The numbers are stored.

    1 to 5 are the states of the ledger. Hits of people are 13 and 14, of machines 23 and 24, of either 33 and 34; all
    others are messages, each once, at the first time.
    """

    SENT = 1
    FAILED = 2
    EXCLUDED = 3
    CANCELLED = 4
    UNCERTAIN = 5
    #: Sent or failed after more than one attempt; counted beside SENT or FAILED.
    DEFERRED = 6
    DELIVERED = 11
    BOUNCED = 12
    OPENED = 13
    CLICKED = 14
    UNSUBSCRIBED = 15
    COMPLAINED = 16
    CLOSED = 18
    OPENED_MACHINE = 23
    CLICKED_MACHINE = 24
    OPENED_UNKNOWN = 33
    CLICKED_UNKNOWN = 34
    OPENED_FIRST = 43
    CLICKED_FIRST = 44

    @property
    def label(self) -> str:
        """The counter's name, as in a campaign's counters: 'opened.first'."""
        return self.name.lower().replace("_", ".")


#: What the ledger says, and what hits say.
ENDED: Final = tuple(kind for kind in RollupKind if kind < RollupKind.DELIVERED)
REACTED: Final = tuple(kind for kind in RollupKind if kind >= RollupKind.DELIVERED)


class Ended(NamedTuple):
    """Messages that ended alike: a row of the ledger as the rollups see it."""

    account_id: int
    campaign_id: int
    channel: int
    #: Begin of the hour in which it was settled, UTC.
    hour: datetime
    #: As in the ledger.
    state: int
    #: Of the address; empty where it was not sent, is not known, or is no mail address.
    domain: str = ""
    #: It took more than one attempt.
    deferred: bool = False


class Span(Enum):
    """How long one point of a series is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one hour, day, week or month."""

    #: Its begin, in the zone of the question.
    start: datetime
    #: By counter: 'sent', 'failed', 'opened', 'opened.first', 'clicked.machine', ...; absent means 0.
    counts: dict[str, int]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of an account over time, oldest first; without the points in which nothing happened."""

    points: list[Point]
    total: dict[str, int]


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """Counts by weekday and hour of the day."""

    counter: str
    zone: str
    #: Seven rows, Monday first, of 24 hours.
    hours: list[list[int]]


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Hits from one device, mail client, system or country."""

    #: Empty: not known.
    value: str
    opened: int
    clicked: int
    machine_opens: int
    machine_clicks: int


class DomainCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How mail to one receiving domain fared. All are messages, each once."""

    #: Empty: not known, as for contacts that were erased.
    domain: str
    sent: int
    #: The server refused it, or it was given up.
    failed: int
    #: Taken or refused only after more than one attempt.
    deferred: int
    #: In doubt for good.
    uncertain: int
    #: Said by the receiving side after it had been taken.
    delivered: int
    bounced: int
    opened: int
    clicked: int
    unsubscribed: int
    complained: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A rollup that is not what the facts say."""

    #: 'channel', 'domain', ...; 'campaign' for a campaign's own counters.
    dimension: str
    campaign_id: int
    hour: datetime
    value: str
    counter: str
    counted: int
    recounted: int


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What a recount found."""

    since: date
    #: Included.
    until: date
    #: Rows that were compared.
    compared: int
    differences: list[Difference]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """From when on rollups are there, while those of old facts are still made."""

    #: Days from this one on are still to be made; None: nothing is missing.
    next_day: date | None
    last_day: date | None


def channel_of(value: str) -> Channel:
    """The channel in a row of Dimension.CHANNEL."""
    return Channel(int(value))
