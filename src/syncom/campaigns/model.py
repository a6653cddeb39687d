"""Values of the campaigns domain."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec

from syncom.attribution.model import Revenue
from syncom.contacts.model import Channel
from syncom.messages.model import Way

#: What campaigns are sent over.
CAMPAIGN_CHANNELS: Final = (Channel.EMAIL, Channel.SMS, Channel.VIBER, Channel.WEBPUSH)


class CampaignState(Enum):
    """Life of a campaign."""

    DRAFT = "draft"
    #: Starts by itself at ``scheduled_at``.
    SCHEDULED = "scheduled"
    #: The audience is being frozen, bucket by bucket; sending has begun for what is frozen.
    EXPANDING = "expanding"
    SENDING = "sending"
    PAUSED = "paused"
    #: Every recipient has a terminal row in the ledger; their number is the audience.
    FINISHED = "finished"
    CANCELLED = "cancelled"
    #: Cannot go on; ``problem`` says why.
    FAILED = "failed"


class Late(Enum):
    """What becomes of contacts whose local time has passed when a campaign starts."""

    #: They get it at once.
    SEND = "send"
    #: They get it at that time of their next day.
    NEXT_DAY = "next_day"
    #: They do not get it.
    SKIP = "skip"


class Audience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a campaign is for: everybody that one of the inclusions names, less whom an exclusion names."""

    everyone: bool = False
    lists: tuple[int, ...] = ()
    segments: tuple[int, ...] = ()
    #: A condition tree of the segment language.
    condition: dict[str, Any] | None = None
    exclude_lists: tuple[int, ...] = ()
    exclude_segments: tuple[int, ...] = ()
    #: Keys of subscription categories it belongs to: who chose others, and none of these, does not get it.
    categories: tuple[str, ...] = ()


class Alternative(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message over another channel, for those whom the channels before it do not reach."""

    template_id: int
    #: None: the template's sender, or the default one of its channel.
    sender_id: int | None = None


class CampaignInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller says about a campaign. Without ``sender_id`` the template's or the default sender sends."""

    name: str
    template_id: int
    audience: Audience
    sender_id: int | None = None
    #: The sender's name on its mails; empty: that of the template or of the sender.
    from_name: str = ""
    #: False: links lead to their targets directly, and clicks are not seen.
    track_links: bool = True
    #: In their order: the first channel on which a contact is reachable and has agreed is used, once.
    alternatives: tuple[Alternative, ...] = ()


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as stored."""

    campaign_id: int
    account_id: int
    name: str
    template_id: int
    sender_id: int
    audience: Audience
    #: Of its content; EMAIL, SMS, VIBER or WEBPUSH.
    channel: Channel
    state: CampaignState
    problem: str
    content_id: int | None
    scheduled_at: datetime | None
    launched_at: datetime | None
    finished_at: datetime | None
    expanded_buckets: int
    #: Contacts matched, excluded ones included. Grows until the audience is frozen.
    audience_size: int
    created_at: datetime
    updated_at: datetime
    from_name: str = ""
    track_links: bool = True
    #: Wall time at which each contact gets it in the own zone; None: it goes to all when it starts.
    local_at: datetime | None = None
    late: Late = Late.SEND
    #: It passed a limit of bounces or complaints; ``problem`` says which.
    self_paused: bool = False
    #: Why it went on all the same; limits do not hold for it any more.
    resume_note: str = ""
    #: In their order, for those whom ``channel`` does not reach.
    alternatives: tuple[Way, ...] = ()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Its fall-back order, its own first."""
        return (self.channel, *(way.channel for way in self.alternatives))


class AudienceCount(msgspec.Struct, frozen=True, kw_only=True):
    """What an audience comes to: those who will get the mail, and the others by reason."""

    matched: int
    recipients: int
    excluded: dict[str, int]
    #: Recipients by the channel that reaches them.
    channels: dict[str, int]
    #: Keys of the categories it was counted for: those of the audience, or of the template.
    categories: tuple[str, ...] = ()


class CallOut(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign of a channel in a list, with how it went so far."""

    name: str
    audience: Audience
    launched_at: datetime
    #: Handed over or tried to the end: ``delivered`` and ``errors`` together.
    sent: int
    #: The gateway took responsibility, and no receipt says that it did not arrive.
    delivered: int
    errors: int


class LinkClicks(msgspec.Struct, frozen=True, kw_only=True):
    """Clicks on one link of a campaign."""

    link: int
    target: str
    clicks: int
    machine_clicks: int


class HourCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one hour (its first moment, UTC), by kind."""

    hour: datetime
    counts: dict[str, int]


class PartsCost(msgspec.Struct, frozen=True, kw_only=True):
    """What parts of texts came to, at the price that their sender has now."""

    amount: Decimal
    #: ISO 4217.
    currency: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign's result. Rates are shares of ``sent``, by people; machines are counted beside them.

    ``audience = sent + failed + excluded + cancelled + uncertain + waiting`` at any moment after expansion.
    """

    campaign: Campaign
    #: What keeps the campaign's sender from sending right now, in its server's words; empty: nothing.
    sender_problem: str
    audience: int
    sent: int
    #: The same by channel.
    channels: dict[str, int]
    failed: int
    excluded: dict[str, int]
    cancelled: int
    #: Left in doubt for good, by the sender's policy.
    uncertain: int
    #: Sent, with an earlier attempt whose answer was lost: a second copy may exist.
    in_doubt: int
    #: In the queue: not tried yet, and to be tried again.
    waiting: int
    retrying: int
    #: When the next of them may go, while all must wait for a time of day; None: some may go now, or none waits.
    next_at: datetime | None
    #: Messages on the air that its texts became, as networks charge them; 0 for other channels.
    parts: int
    #: None: not of texts, or its sender has no price (``part_price``).
    cost: PartsCost | None
    delivered: int
    bounced: int
    opened: int
    opened_total: int
    clicked: int
    clicked_total: int
    unsubscribed: int
    complained: int
    machine_opens: int
    machine_clicks: int
    open_rate: float
    click_rate: float
    unsubscribe_rate: float
    #: Orders that the account's model of attribution leads back to this campaign, of all currencies (docs/orders.md).
    orders: int
    order_rate: float
    #: What they came to, by currency.
    revenue: list[Revenue]
    links: list[LinkClicks]
    hours: list[HourCounts]


class OutcomeReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why so many recipients of a campaign did not get it."""

    #: failed, excluded, cancelled or uncertain.
    state: str
    #: The server's words, or the reason of an exclusion.
    reason: str
    count: int


class LinkHeat(msgspec.Struct, frozen=True, kw_only=True):
    """A link of a campaign's mail and who followed it. ``link`` is its place among the mail's links."""

    link: int
    target: str
    #: By people, and how many they were.
    clicks: int
    people: int
    machine_clicks: int
    #: Of all clicks by people on links.
    share: float
    #: Of the segment language: these people.
    condition: dict[str, Any]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign beside others: its counts, and rates as shares of what was sent."""

    campaign_id: int
    name: str
    state: CampaignState
    launched_at: datetime | None
    audience: int
    sent: int
    failed: int
    delivered: int
    bounced: int
    opened: int
    clicked: int
    unsubscribed: int
    complained: int
    orders: int
    bounce_rate: float
    open_rate: float
    click_rate: float
    #: Of those who opened.
    click_to_open_rate: float
    unsubscribe_rate: float
    complaint_rate: float
    order_rate: float
    revenue: list[Revenue]


class CampaignFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a campaign, and the condition of the segment language that finds these people."""

    #: sent, delivered, bounced, opened, not_opened, clicked, not_clicked, unsubscribed, complained.
    figure: str
    count: int
    condition: dict[str, Any]


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient of a campaign and how it ended."""

    contact_id: int
    message_id: str
    address: str
    state: str
    reason: str
    attempts: int
    uncertain: bool
    settled_at: datetime
