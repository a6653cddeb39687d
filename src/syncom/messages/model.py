"""Values of the messages domain: senders, queued messages, the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel
from syncom.messages.channels.email.model import Security
from syncom.messages.channels.sms.form import GatewayForm
from syncom.messages.channels.sms.model import TextReplies
from syncom.messages.channels.sms.providers import TwilioAccount, VonageAccount
from syncom.messages.channels.sms.smpp.model import SmppBind


class Lane(IntEnum):
    """Queues of single messages; a lower number goes first. The numbers are stored."""

    TRANSACTIONAL = 0
    WORKFLOW = 1
    #: A campaign's recipient that has to be tried again.
    RETRY = 2


class SenderRole(Enum):
    """Which part of the queue a sending process serves."""

    BULK = "bulk"
    EXPRESS = "express"


class LedgerState(IntEnum):
    """How it ended for one recipient. The numbers are stored."""

    #: The receiving server answered 250 to the body.
    SENT = 1
    #: Refused for good, given up after retries, or the mail could not be made; ``reason`` has the words.
    FAILED = 2
    #: Not sent on purpose; ``reason`` says why.
    EXCLUDED = 3
    #: The campaign was cancelled before its turn.
    CANCELLED = 4
    #: The connection died between body and answer, and the sender's policy is not to send again.
    UNCERTAIN = 5


class Exclusion(Enum):
    """Why somebody gets no message on purpose: the words stand in the ledger."""

    DELETED = "deleted"
    NO_ADDRESS = "no email"
    NO_PHONE = "no phone"
    NO_SUBSCRIPTION = "no push subscription"
    NOT_CONFIRMED = "not confirmed"
    CAPPED = "frequency cap"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    #: They asked for some days without mailings.
    PAUSED = "paused"


class Failure(Enum):
    """What kind of failure the words of a failed message begin with."""

    #: The message could not be made of its template and data.
    NOT_MADE = "cannot be made"
    #: Its time or its attempts were over.
    GIVEN_UP = "given up"
    #: The receiving side said no; the words are its own.
    REFUSED = ""


class SenderKind(Enum):
    SMTP = "smtp"
    #: The dev inbox of this installation: nothing leaves the machine.
    INBOX = "inbox"
    #: An HTTP gateway for SMS and Viber, described by a form.
    GATEWAY = "gateway"
    #: Twilio's, or somebody's who speaks its protocol.
    TWILIO = "twilio"
    #: Vonage's, or somebody's who speaks the protocol of its SMS API.
    VONAGE = "vonage"
    #: The push services of browsers, with the account's own keys.
    WEBPUSH = "webpush"
    #: Sends through others of its channel, by weight (messages/groups.py).
    GROUP = "group"
    #: Binds at an SMSC, for SMS.
    SMPP = "smpp"


class OnUncertain(Enum):
    """What to do with a message whose conversation was cut between body and answer."""

    #: Send it again: nobody is missed, one copy too many is possible (and marked).
    RESEND = "resend"
    #: Leave it: nobody gets two, somebody may get none.
    LEAVE = "leave"


class PartPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one part of a text costs."""

    amount: Decimal
    #: ISO 4217.
    currency: str


class DestinationLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast a sender may send to one destination."""

    #: A family of domains (gmail, yahoo, microsoft, icloud) or a domain.
    name: str
    #: Messages a second over all processes; None: as many as the sender may send.
    rate_per_second: float | None = None
    #: Messages under way at once, of one sending process; None: as many as it has connections.
    connections: int | None = None


class SenderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and how fast a sender sends. ``host`` to ``username`` are SMTP's, ``gateway`` to ``part_price`` texts'."""

    host: str = ""
    port: int = 587
    security: Security = Security.STARTTLS
    username: str = ""
    gateway: GatewayForm | None = None
    twilio: TwilioAccount | None = None
    vonage: VonageAccount | None = None
    smpp: SmppBind | None = None
    #: What is answered to texts that people send to this sender's numbers.
    replies: TextReplies = TextReplies()
    #: What a part of a text costs, for reports; None: not known.
    part_price: PartPrice | None = None
    #: Open connections of one sending process.
    max_connections: int = 10
    #: A connection is renewed after so many messages.
    messages_per_connection: int = 1000
    #: Messages a second over all processes; None: as fast as the server takes them.
    rate_per_second: float | None = None
    #: Limits by receiving domain, of senders of email.
    destinations: tuple[DestinationLimit, ...] = ()
    on_uncertain: OnUncertain = OnUncertain.RESEND
    #: Seconds to wait for an answer of the server.
    timeout: float = 60.0
    #: Of a group: seconds for which a member may be in trouble before others get what lies with it.
    failover_after: float = 30.0

    @property
    def form(self) -> GatewayForm | None:
        """How texts are handed over by HTTP; None: they are not."""
        account = self.twilio or self.vonage
        return account.form() if account is not None else self.gateway


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """One way of sending over a channel, without its password."""

    sender_id: int
    account_id: int
    name: str
    kind: SenderKind
    #: EMAIL, SMS, which is for everything that goes to a phone, or WEBPUSH.
    channel: Channel
    #: Of a sender of web push: whom push services may write to; empty: the installation.
    from_email: str
    from_name: str
    reply_to: str
    config: SenderConfig
    is_default: bool
    paused_until: datetime | None
    problem: str


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign reaches those whom the channels before this one do not reach."""

    channel: Channel
    template_id: int
    #: A sender, or a group of senders.
    sender_id: int
    #: The same when it is a group; 0: a sender.
    group_id: int = 0
    #: Frozen when the campaign starts; 0: not yet.
    content_id: int = 0
    content_languages: dict[str, int] = {}


def ways_after(ways: Sequence[Way], channel: Channel) -> tuple[Way, ...]:
    """What is left of a fall-back order behind a channel; all of it behind the campaign's own."""
    places = [place for place, way in enumerate(ways, start=1) if way.channel is channel]
    return tuple(ways[places[0] :]) if places else tuple(ways)


class MessageState(Enum):
    """What a caller is told about a message."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    EXCLUDED = "excluded"
    CANCELLED = "cancelled"
    UNCERTAIN = "uncertain"


class MessageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message is and what happened to it."""

    message_id: UUID
    contact_id: int
    campaign_id: int | None
    state: MessageState
    channel: Channel
    #: What was sent, and what it was made from; 0 and None: not known, or a mail that came with its request.
    content_id: int
    template_id: int | None
    #: The caller's own id of the request.
    external_request_id: str
    address: str
    reason: str
    attempts: int
    #: A sending process has it in hand.
    leased: bool
    #: An attempt was cut between body and answer: a second copy may exist.
    uncertain: bool
    settled_at: datetime | None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    #: What the receiving side said after it had taken the message: it arrived, or it did not.
    delivered_at: datetime | None = None
    bounced_at: datetime | None = None
    #: In what words: of a text's receipt its state first, such as 'expired: stat EXPIRED err 000'.
    bounce: str = ""

    @property
    def failure(self) -> Failure:
        """Of a failed message: what kind it is."""
        return next(kind for kind in Failure if self.reason.startswith(kind.value))


#: How long a message is tried, from its first turn on, before it counts as failed (RFC 5321 4.5.4.1 suggests 4-5 days
#: for an MTA; marketing mail is stale long before).
CAMPAIGN_LIFE = timedelta(hours=72)
SINGLE_LIFE = timedelta(hours=24)
