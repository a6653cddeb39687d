"""Values of the feed: what happened to an account's messages, in the order of time, for those who copy it elsewhere."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

from syncom.activity.model import ActivityKind, News
from syncom.contacts.model import Channel
from syncom.messages.model import LedgerState


class FeedStatus(Enum):
    """What a row says, in the words of eSputnik's data export."""

    #: Of mobile push only: handed over, and nothing known of its arrival.
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    UNDELIVERED = "UNDELIVERED"
    READ = "READ"
    CLICKED = "CLICKED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    SPAM = "SPAM"
    SUBSCRIPTION_CHANGED = "SUBSCRIPTION_CHANGED"


class FeedPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a row stands: rows are ordered by time, then message, then number."""

    at: datetime
    message_id: UUID
    #: -1 for what the ledger says of the message, the activity's own number for what happened afterwards.
    number: int


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, as the ledger or the activity has it, before it is told with names."""

    account_id: int
    occurred_at: datetime
    message_id: UUID
    number: int
    status: FeedStatus
    contact_id: int
    #: 0: a single message.
    campaign_id: int
    #: 0: to be found by the message.
    content_id: int
    channel: Channel
    #: Where the message went, when the row itself knows.
    address: str | None = None
    external_request_id: str = ""
    #: Place in the content's links; -1 for the invisible one.
    link: int | None = None
    #: The server's words, or the reason of the class.
    detail: str | None = None
    #: Signs of a person and of a machine both.
    is_unsure: bool = False

    @property
    def place(self) -> FeedPlace:
        return FeedPlace(at=self.occurred_at, message_id=self.message_id, number=self.number)


class FeedRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A row of the feed under the names of eSputnik's activity (reference, 5.10).

    ``activity_date_time`` is in the account's zone and says no offset, as its readers expect.
    """

    iid: str
    contact_id: int
    external_customer_id: str | None
    email: str | None
    sms: str | None
    web_push_token: str | None = None
    mob_push_token: str | None = None
    media_type: str
    activity_status: FeedStatus
    activity_date_time: str
    #: The template; None for a mail that was made for one send.
    message_id: int | None
    #: The version of it that was sent.
    message_instance_id: int | None
    message_name: str | None
    message_tag: str | None
    message_language_code: str | None
    click_event_link: str | None
    broadcast_id: int | None
    workflow_id: int | None = None
    workflow_instance_id: str | None = None
    workflow_block_id: str | None = None
    source_event_id: int | None = None
    source_event_key: str | None = None
    source_event_type_key: str | None = None
    external_request_id: str | None
    hard_bounce: bool
    status_description: str | None
    view_message_link: str | None = None
    status_data: dict[str, Any]
    #: Where the row stands: what is asked for next is behind it.
    offset: str


class FeedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows."""

    #: Included.
    since: datetime
    #: Not included.
    until: datetime
    statuses: frozenset[FeedStatus]
    #: Of this contact and those merged into it; None: of the whole account.
    contact_id: int | None = None
    #: Of messages filed under this word.
    tag: str | None = None
    #: Rows behind this one.
    after: FeedPlace | None = None
    limit: int = 1000


class MessageOf(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a contact's history, with what became of it."""

    message_id: UUID
    contact_id: int
    channel: Channel
    campaign_id: int
    content_id: int
    sent_at: datetime
    address: str
    status: FeedStatus
    name: str | None
    template_id: int | None
    subject: str | None


#: What each kind of activity is called. Notifications that were put away have no word in this language and no row.
STATUS_OF_KIND = {
    ActivityKind.DELIVERED: FeedStatus.DELIVERED,
    ActivityKind.BOUNCED: FeedStatus.UNDELIVERED,
    ActivityKind.OPENED: FeedStatus.READ,
    ActivityKind.CLICKED: FeedStatus.CLICKED,
    ActivityKind.UNSUBSCRIBED: FeedStatus.UNSUBSCRIBED,
    ActivityKind.COMPLAINED: FeedStatus.SPAM,
    ActivityKind.SUBSCRIPTION_CHANGED: FeedStatus.SUBSCRIPTION_CHANGED,
}
#: What the states of the ledger are called. A mail whose fate is unknown has not been delivered for all we know.
STATUS_OF_STATE = {
    LedgerState.SENT: FeedStatus.DELIVERED,
    LedgerState.FAILED: FeedStatus.UNDELIVERED,
    LedgerState.UNCERTAIN: FeedStatus.UNDELIVERED,
}
#: The ledger's rows have no number of their own: one a message.
LEDGER_NUMBER = -1
_UNCERTAIN = "the connection broke before the server's answer: a copy may have arrived"


def words_of(state: LedgerState, reason: str | None) -> str | None:
    """Why a message ended in this state."""
    return _UNCERTAIN if state is LedgerState.UNCERTAIN else reason or None


def fact_of(account_id: int, number: int, news: News) -> Fact:
    """What a follower was told, as a row of the feed. ``number`` keeps those of the same time in their order."""
    state = None if news.state is None else LedgerState(news.state)
    status = STATUS_OF_KIND[news.kind] if news.kind is not None else STATUS_OF_STATE[state or LedgerState.UNCERTAIN]
    return Fact(
        account_id=account_id,
        occurred_at=news.occurred_at,
        message_id=news.message_id,
        number=number,
        status=status,
        contact_id=news.contact_id,
        campaign_id=news.campaign_id,
        content_id=news.content_id,
        channel=news.channel,
        address=news.address,
        external_request_id=news.external_request_id,
        link=news.link,
        detail=news.detail if state is None else words_of(state, news.detail),
        is_unsure=news.is_unsure,
    )
