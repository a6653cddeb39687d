"""The feed of an account: what happened to its messages, oldest first, page after page, each row with its names."""

from __future__ import annotations

import asyncio
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from syncom.contacts.model import Channel
from syncom.contacts.service import lineage
from syncom.errors import Invalid
from syncom.feed import store
from syncom.feed.model import Fact, FeedPlace, FeedQuery, FeedRow, FeedStatus, MessageOf
from syncom.postgres.pool import Connection, Database
from syncom.tokens import MessageTokens

#: Rows of one page at most.
MAX_PAGE: Final = 25_000
#: Three months, counted generously.
MAX_PERIOD: Final = timedelta(days=93)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: microseconds, message, number
_PLACE: Final = struct.Struct(">q16sq")
#: Rows that are read, and told, in one go before others get their turn: a large page must not keep visitors waiting.
_STEP: Final = 2_500
_BITE: Final = 1_000
#: Channels that reach a phone by its number.
_BY_PHONE: Final = frozenset({Channel.SMS, Channel.VIBER})


class FeedService:
    """Reads the feed. Writes nothing: the ledger and the activity are the feed."""

    def __init__(self, database: Database, tokens: MessageTokens, *, base_url: str) -> None:
        self._database = database
        self._tokens = tokens
        self._base_url = base_url

    async def page(self, account_id: int, query: FeedQuery) -> list[Fact]:
        """Up to ``limit`` rows behind the place, by time and then by message.

        The work is in proportion to the page, not to what lies before it. Hits of machines (scanners, proxies that
        load images) are left out, those that may be a person's are not. Raises Invalid for a period that is too
        long or reversed.
        """
        if query.until <= query.since:
            raise Invalid("dateTo", "must not be before dateFrom")
        if query.until - query.since > MAX_PERIOD:
            raise Invalid("dateTo", "must be at most three months after dateFrom")
        facts: list[Fact] = []
        async with self._database.tenant(account_id) as connection:
            scope = await store.scope_of(connection, account_id, query)
            while len(facts) < query.limit:
                step = min(_STEP, query.limit - len(facts))
                part = await _part(connection, account_id, msgspec.structs.replace(query, limit=step), scope)
                facts += part
                if len(part) < step:
                    break
                query = msgspec.structs.replace(query, after=part[-1].place)
        return facts

    async def tell(self, account_id: int, facts: Sequence[Fact], zone: ZoneInfo) -> list[FeedRow]:
        """The same facts with everything a reader elsewhere wants to know of them, in the same order."""
        if not facts:
            return []
        async with self._database.tenant(account_id) as connection:
            contacts = await store.contact_names(connection, account_id, {fact.contact_id for fact in facts})
            asked = [fact for fact in facts if _needs_ledger(fact, contacts.get(fact.contact_id))]
            sent = await store.sent_messages(
                connection,
                account_id,
                {fact.message_id: fact.campaign_id for fact in asked if fact.campaign_id},
                list({fact.message_id for fact in asked if not fact.campaign_id}),
            )
            contents = await store.content_names(
                connection, account_id, {_content_of(fact, sent.get(fact.message_id)) for fact in facts} - {0}
            )
            refused = {
                (fact.channel, _address_of(fact, sent.get(fact.message_id), contacts.get(fact.contact_id)) or "")
                for fact in facts
                if fact.status is FeedStatus.UNDELIVERED
            }
            bounced = await store.hard_bounced(connection, account_id, refused) if refused else set[tuple[int, str]]()
        rows: list[FeedRow] = []
        for start in range(0, len(facts), _BITE):
            for fact in facts[start : start + _BITE]:
                message = sent.get(fact.message_id)
                content = contents.get(_content_of(fact, message))
                row = _row(fact, message, contacts.get(fact.contact_id), content, bounced, zone)
                if fact.channel is Channel.EMAIL and content is not None:
                    row = msgspec.structs.replace(row, view_message_link=self._page_of(row, fact))
                rows.append(row)
            await asyncio.sleep(0)
        return rows

    def _page_of(self, row: FeedRow, fact: Fact) -> str:
        """Where the mail is shown as a page."""
        content_id = row.message_instance_id or 0
        token = self._tokens.view(fact.account_id, content_id, fact.contact_id, fact.message_id)
        return f"{self._base_url}/t/v/{token}"

    async def messages_of(
        self,
        account_id: int,
        contact_id: int,
        *,
        since: datetime,
        until: datetime,
        channels: Collection[Channel] = (),
        offset: int = 0,
        limit: int = 10,
    ) -> list[MessageOf]:
        """What was sent to a contact (and to those merged into it), newest first."""
        async with self._database.tenant(account_id) as connection:
            contact_ids = await lineage(connection, account_id, [contact_id])
            return await store.messages_of(
                connection,
                account_id,
                contact_ids,
                since=since,
                until=until,
                channels=channels or tuple(Channel),
                offset=offset,
                limit=limit,
            )


async def _part(connection: Connection, account_id: int, query: FeedQuery, scope: store.Scope) -> list[Fact]:
    """A page of one step: as many rows of each source as could be in it, merged."""
    facts = await store.ledger_facts(connection, account_id, query, scope)
    facts += await store.activity_facts(connection, account_id, query, scope)
    facts.sort(key=lambda fact: (fact.occurred_at, fact.message_id.int, fact.number))
    return facts[: query.limit]


def _needs_ledger(fact: Fact, contact: store.ContactName | None) -> bool:
    """Whether only the ledger knows what is to be told.

    A campaign's message has no request of its own, and its address is the contact's: to look it up would cost ten
    times as much as all the rest of the page.
    """
    if fact.address is not None:
        return False
    return not fact.campaign_id or not fact.content_id or contact is None


def _content_of(fact: Fact, sent: store.SentMessage | None) -> int:
    return fact.content_id or (sent.content_id if sent else 0)


def _address_of(fact: Fact, sent: store.SentMessage | None, contact: store.ContactName | None) -> str | None:
    """Where the message went; the contact's present address only when nothing else is known."""
    known = fact.address or (sent.address if sent else "")
    if known:
        return known
    if contact is None:
        return None
    return contact.email if fact.channel is Channel.EMAIL else contact.phone if fact.channel in _BY_PHONE else None


def _row(
    fact: Fact,
    sent: store.SentMessage | None,
    contact: store.ContactName | None,
    content: store.ContentName | None,
    bounced: set[tuple[int, str]],
    zone: ZoneInfo,
) -> FeedRow:
    address = _address_of(fact, sent, contact)
    failed = fact.status is FeedStatus.UNDELIVERED
    channel = fact.channel
    return FeedRow(
        iid=str(fact.message_id),
        contact_id=fact.contact_id,
        external_customer_id=contact.external_id if contact else None,
        email=address if channel is Channel.EMAIL else None,
        sms=address.removeprefix("+") if address and channel in _BY_PHONE else None,
        web_push_token=address if channel is Channel.WEBPUSH else None,
        media_type=media_type(channel),
        activity_status=fact.status,
        activity_date_time=fact.occurred_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S"),
        message_id=content.template_id if content else None,
        message_instance_id=_content_of(fact, sent) or None,
        message_name=(content.name or None) if content else None,
        message_tag=(",".join(content.tags) or None) if content else None,
        message_language_code=(content.language or None) if content else None,
        click_event_link=_target(fact, content),
        broadcast_id=fact.campaign_id or None,
        external_request_id=fact.external_request_id or (sent.external_request_id if sent else "") or None,
        hard_bounce=failed and (channel.value, address or "") in bounced,
        status_description=fact.detail if failed else None,
        status_data={"class": "unknown"} if fact.is_unsure else {},
        offset=write_place(fact.place),
    )


def _target(fact: Fact, content: store.ContentName | None) -> str | None:
    """Where a click led. The target of a personal link is in the mail alone."""
    if fact.status is not FeedStatus.CLICKED or content is None or fact.link is None:
        return None
    return (content.links[fact.link] or None) if 0 <= fact.link < len(content.links) else None


def media_type(channel: Channel) -> str:
    """The channel in eSputnik's words."""
    return channel.name.lower().replace("_", "")


def write_place(place: FeedPlace) -> str:
    """A place as an opaque word."""
    microseconds = (place.at - _EPOCH) // _MICROSECOND
    return urlsafe_b64encode(_PLACE.pack(microseconds, place.message_id.bytes, place.number)).decode()


def read_place(text: str) -> FeedPlace:
    """Raises Invalid for a word that was not given out."""
    try:
        microseconds, message, number = _PLACE.unpack(urlsafe_b64decode(text.encode("ascii")))
        at = _EPOCH + timedelta(microseconds=microseconds)
    except (ValueError, struct.error, OverflowError):
        raise Invalid("offset", "is not one that was given out: copy it from the last row received") from None
    return FeedPlace(at=at, message_id=UUID(bytes=message), number=number)
