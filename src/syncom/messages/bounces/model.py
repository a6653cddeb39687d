"""Values of the bounces room: reports as they come in, and as they are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import Final
from uuid import UUID

import msgspec

from syncom.messages.channels.email.replies import BounceClass


class ReportKind(IntEnum):
    """What a report says. The numbers are stored."""

    #: The message was not delivered, and nobody tries any longer.
    BOUNCED = 1
    #: It is still tried. No bounce.
    DELAYED = 2
    DELIVERED = 3
    #: The recipient called it spam.
    COMPLAINT = 4
    #: The recipient took it out of the spam folder. Never suppresses.
    NOT_SPAM = 5
    #: Feedback of another type (RFC 5965, 7.3): kept for people to read.
    OTHER = 6
    #: The server refused the message while we spoke to it, and it is not tried any longer.
    REFUSED = 7


class ReportAction(Enum):
    """What a report led to. The words are stored."""

    NONE = ""
    #: The address gets nothing more, for a time or for ever.
    SUPPRESSED = "suppressed"
    #: It is noted, and the address is suppressed when it happens again.
    COUNTED = "counted"
    #: The contact is unsubscribed and the address suppressed.
    UNSUBSCRIBED = "unsubscribed"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A message of ours that a report names."""

    message_id: UUID
    #: By a token that only the recipient's side can know. Otherwise the recipient has to fit.
    is_signed: bool
    #: What a token says besides; 0: nothing.
    account_id: int = 0
    contact_id: int = 0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider's own word for a failure means, where the words of the server say nothing."""

    kind: BounceClass
    #: As in ``replies.toml``.
    strikes: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says of one message and one recipient. Nothing in it is believed without a look at the ledger."""

    kind: ReportKind
    #: Tells this report from all others of its account; the same report has the same key whenever it comes.
    key: bytes
    source: str
    #: As the report writes it; may be empty, or redacted.
    recipient: str = ""
    #: The messages it may be about, the best evidence first.
    named: tuple[Named, ...] = ()
    #: It comes from a provider whose signature was checked, so an address is evidence enough.
    is_trusted: bool = False
    #: Enhanced status code, RFC 3463; may be empty.
    status: str = ""
    #: Of the server, in its own words.
    words: str = ""
    #: The host that refused it.
    host: str = ""
    said: Said | None = None
    #: None: now. Believed between the sending and now.
    occurred_at: datetime | None = None
    #: Proof of a complaint.
    proof: dict[str, str] = {}


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A report for an account."""

    account_id: int
    report: Report


class Bounce(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it is kept."""

    report_id: UUID
    kind: ReportKind
    #: Of a bounce, a refusal or a delay.
    bounce_class: str
    action: ReportAction
    #: None: it names nobody we sent to.
    contact_id: int | None
    message_id: UUID | None
    campaign_id: int
    recipient: str
    status: str
    words: str
    source: str
    occurred_at: datetime
    received_at: datetime


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """What servers object to in a campaign."""

    #: The host that says so.
    server: str
    #: Whom the mails were to.
    domain: str
    words: str


class BounceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports to list; all that is given must hold."""

    kind: ReportKind | None = None
    recipient: str = ""
    #: False: only those that name nobody we sent to.
    matched: bool | None = None


#: Why an address is suppressed that cannot be delivered to.
HARD_BOUNCE: Final = "hard bounce"
#: Classes that may pass: the address is suppressed for a time.
PASSES: Final = frozenset({BounceClass.MAILBOX_FULL, BounceClass.UNKNOWN_HOST})
#: A class that counts when it repeats does within this time.
STRIKE_WINDOW: Final = timedelta(days=30)
#: How long an address is suppressed for what may pass: a full mailbox, a domain that takes no mail.
PASSING: Final = timedelta(days=90)
#: How long a report is kept, and one that names nobody we sent to; of those so many of an account at most.
KEPT: Final = timedelta(days=730)
UNMATCHED_KEPT: Final = timedelta(days=30)
MAX_UNMATCHED: Final = 10_000
