"""Values of the activity domain: what happened to messages after they were sent."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum, IntEnum
from uuid import UUID

import msgspec

from syncom.activity.engagement import Band
from syncom.contacts.model import Channel


class ActivityKind(IntEnum):
    """What happened. The numbers are stored."""

    #: Also of a notification: the browser showed it.
    DELIVERED = 1
    BOUNCED = 2
    OPENED = 3
    CLICKED = 4
    UNSUBSCRIBED = 5
    COMPLAINED = 6
    #: The contact chose other categories of messages; beside a message only when it came from its link.
    SUBSCRIPTION_CHANGED = 7
    #: A notification was put away without a click.
    CLOSED = 8


class HitClass(IntEnum):
    """Who caused it. The numbers are stored. Reports count humans, and show machines beside them."""

    HUMAN = 0
    MACHINE = 1
    #: Signs of both: kept, and counted as neither.
    UNKNOWN = 2


#: The number of the invisible link that only a machine follows, as it stands in a URL ...
HONEYPOT_LINK = 65535
#: ... and as it is stored, where numbers of links are 16 bits with a sign.
STORED_HONEYPOT_LINK = -1


class Hit(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One thing that happened to one message. Stored as it is, and never overwritten.

    In JSON, members with their default are left out: `count` (activity.sql) puts them in again.
    ``ip``, ``user_agent`` and ``detail`` must be free of NUL, which PostgreSQL refuses.
    """

    account_id: int
    contact_id: int
    message_id: UUID
    #: 0 for a single message.
    campaign_id: int
    kind: ActivityKind
    #: UTC.
    occurred_at: datetime
    hit_class: HitClass = HitClass.HUMAN
    channel: Channel = Channel.EMAIL
    #: Place in the content's links; STORED_HONEYPOT_LINK for the honeypot.
    link: int | None = None
    #: What the message was made of; 0: not known.
    content_id: int = 0
    ip: str | None = None
    user_agent: str | None = None
    #: Reason of the class, or the words of a server.
    detail: str | None = None
    #: What agent and address say (agents.py), filled in where hits are recorded. Empty: not known.
    device: str = ""
    client: str = ""
    os: str = ""
    country: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Identity of a batch of hits.

    Numbers of one writer rise; a number is written once, however often it is tried.
    """

    writer_id: UUID
    number: int


class News(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact for those who follow an account: a state of the ledger, or what happened afterwards."""

    contact_id: int
    message_id: UUID
    campaign_id: int
    content_id: int
    channel: Channel
    #: UTC.
    occurred_at: datetime
    #: What happened; None: the ledger's state below.
    kind: ActivityKind | None = None
    #: As in the ledger.
    state: int | None = None
    is_unsure: bool = False
    link: int | None = None
    detail: str | None = None
    #: Of the ledger's rows: where the message went, and the caller's own id of the request.
    address: str | None = None
    external_request_id: str = ""


class HourCount(msgspec.Struct, frozen=True, kw_only=True):
    """One counter of a campaign in one hour."""

    hour: datetime
    #: As in `campaign_counts`.
    kind: str
    count: int


class LinkCount(msgspec.Struct, frozen=True, kw_only=True):
    """Clicks on one link of a campaign's content."""

    link: int
    #: By humans.
    clicks: int
    machine_clicks: int


class Engagement(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact does with messages."""

    contact_id: int
    #: Now, to two digits.
    score: float
    band: Band
    #: Messages, not times.
    sent: int
    opened: int
    clicked: int
    last_sent_at: datetime | None
    last_open_at: datetime | None
    last_click_at: datetime | None


class BandSize(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts in one band of the engagement score."""

    band: Band
    #: The lowest score of the band.
    floor: float
    contacts: int


class CohortBy(Enum):
    """What makes contacts of a month a cohort."""

    CREATED = "created"
    FIRST_ORDER = "first_order"


class CohortActive(Enum):
    """What counts as being there in a month."""

    #: Opened or clicked a message for the first time, as people do.
    ENGAGED = "engaged"
    #: Ordered.
    ORDERED = "ordered"


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts that began in one month, and how many of them were there in it and in each month after it."""

    #: Its first day.
    month: date
    contacts: int
    #: The month itself, the one after it, and so on up to the present one.
    active: list[int]


class ActivityFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of the timeline; all that is given must hold, nothing given: all."""

    #: Included.
    since: datetime | None = None
    #: Not included.
    until: datetime | None = None
    #: Of this contact and those merged into it.
    contact_id: int | None = None
    message_id: UUID | None = None
    #: 0: single messages.
    campaign_id: int | None = None
    #: As in TimelineEvent.
    kinds: frozenset[str] = frozenset()
    channels: frozenset[Channel] = frozenset()
    #: Also what machines did.
    machines: bool = True


class TimelineEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline of a contact, a campaign or an account."""

    occurred_at: datetime
    #: 'sent', 'failed', 'excluded', 'cancelled', 'uncertain' (from the ledger); 'delivered', 'bounced',
    #: 'opened', 'clicked', 'unsubscribed', 'complained', 'subscription_changed', 'closed'.
    kind: str
    contact_id: int
    #: 0 for a single message.
    campaign_id: int
    message_id: UUID
    channel: Channel
    #: None for lines of the ledger.
    hit_class: HitClass | None = None
    link: int | None = None
    #: The recipient's address; lines of the ledger only.
    address: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    detail: str | None = None


class TimelinePage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` is None on the last page."""

    events: list[TimelineEvent]
    next_cursor: str | None
