"""Everything the feed says to the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from syncom.activity.model import ActivityKind, HitClass
from syncom.contacts.model import Channel
from syncom.contacts.service import lineage
from syncom.feed.model import (
    LEDGER_NUMBER,
    STATUS_OF_KIND,
    STATUS_OF_STATE,
    Fact,
    FeedPlace,
    FeedQuery,
    FeedStatus,
    MessageOf,
    words_of,
)
from syncom.ids import bucket_of, bucket_of_message
from syncom.messages.model import LedgerState
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.feed", "feed.sql")

#: Before every message and every number.
_FIRST: Final = UUID(int=0)
#: A single message is written down within this time of the moment in its id, unless clocks are far apart.
_ABOUT: Final = timedelta(days=1)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of an account's rows: contacts, contents with the campaigns that sent them, both, or all."""

    contact_ids: list[int] | None = None
    contents: list[int] | None = None
    campaigns: list[int] | None = None

    @property
    def statement(self) -> str:
        if self.contact_ids is not None:
            return "of_contacts"
        return "of_account" if self.contents is None else "of_contents"


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of a message."""

    content_id: int
    address: str
    external_request_id: str


class ContentName(msgspec.Struct, frozen=True, kw_only=True):
    """What a content is called, and where its links lead."""

    template_id: int | None
    name: str
    tags: list[str]
    language: str
    links: list[str]


class ContactName(msgspec.Struct, frozen=True, kw_only=True):
    """How a contact is called elsewhere."""

    email: str | None
    phone: str | None
    external_id: str | None


async def scope_of(connection: Connection, account_id: int, query: FeedQuery) -> Scope:
    """What the query's contact and tag come to."""
    contact_ids = contents = campaigns = None
    if query.contact_id is not None:
        contact_ids = await lineage(connection, account_id, [query.contact_id])
    if query.tag is not None:
        contents = await _column(connection, "contents_with_tag", {"account_id": account_id, "tag": query.tag})
        values = {"account_id": account_id, "contents": contents, "until": query.until}
        campaigns = await _column(connection, "campaigns_of_contents", values)
    return Scope(contact_ids=contact_ids, contents=contents, campaigns=campaigns)


async def ledger_facts(connection: Connection, account_id: int, query: FeedQuery, scope: Scope) -> list[Fact]:
    states = [state.value for state, status in STATUS_OF_STATE.items() if status in query.statuses]
    if not states:
        return []
    values = {**_values(account_id, query, scope), "states": states}
    cursor = await connection.execute(_SQL[f"ledger_{scope.statement}"], values)
    return [_ledger_fact(account_id, row) for row in await cursor.fetchall()]


def _ledger_fact(account_id: int, row: tuple[Any, ...]) -> Fact:
    at, message_id, number, contact_id, campaign_id, content_id, channel, address, external_request_id, reason = row
    state = LedgerState(number)
    return Fact(
        account_id=account_id,
        occurred_at=at,
        message_id=message_id,
        number=LEDGER_NUMBER,
        status=STATUS_OF_STATE[state],
        contact_id=contact_id,
        campaign_id=campaign_id,
        content_id=content_id,
        channel=Channel(channel),
        address=address,
        external_request_id=external_request_id,
        detail=words_of(state, reason),
    )


async def activity_facts(connection: Connection, account_id: int, query: FeedQuery, scope: Scope) -> list[Fact]:
    kinds = [kind.value for kind, status in STATUS_OF_KIND.items() if status in query.statuses]
    if not kinds:
        return []
    values = {**_values(account_id, query, scope), "kinds": kinds}
    cursor = await connection.execute(_SQL[f"activity_{scope.statement}"], values)
    return [_activity_fact(account_id, row) for row in await cursor.fetchall()]


def _activity_fact(account_id: int, row: tuple[Any, ...]) -> Fact:
    at, message_id, number, kind, hit_class, contact_id, campaign_id, content_id, channel, link, detail = row
    return Fact(
        account_id=account_id,
        occurred_at=at,
        message_id=message_id,
        number=number,
        status=STATUS_OF_KIND[ActivityKind(kind)],
        contact_id=contact_id,
        campaign_id=campaign_id,
        content_id=content_id,
        channel=Channel(channel),
        link=link,
        detail=detail,
        is_unsure=hit_class == HitClass.UNKNOWN,
    )


def _values(account_id: int, query: FeedQuery, scope: Scope) -> dict[str, Any]:
    after = query.after or FeedPlace(at=query.since, message_id=_FIRST, number=LEDGER_NUMBER)
    return {
        "account_id": account_id,
        "at": max(after.at, query.since),
        "until": query.until,
        "message_id": after.message_id,
        "number": after.number,
        "contact_ids": scope.contact_ids,
        "buckets": [bucket_of(contact_id) for contact_id in scope.contact_ids or ()],
        "contents": scope.contents,
        "campaigns": scope.campaigns,
        "channels": [channel.value for channel in Channel],
        "limit": query.limit,
    }


# ------------------------------------------------------------------ names


async def sent_messages(
    connection: Connection, account_id: int, campaign_messages: dict[UUID, int], single: Sequence[UUID]
) -> dict[UUID, SentMessage]:
    """What the ledger says of messages: those of campaigns with their campaign, and single ones."""
    rows: list[tuple[Any, ...]] = []
    if campaign_messages:
        asked = {"account_id": account_id, "campaigns": list(set(campaign_messages.values()))}
        launches = dict(await (await connection.execute(_SQL["launches"], asked)).fetchall())
        known = [message_id for message_id, campaign_id in campaign_messages.items() if campaign_id in launches]
        values = {
            "account_id": account_id,
            "message_ids": known,
            "buckets": [bucket_of_message(message_id) for message_id in known],
            "launched_ats": [launches[campaign_messages[message_id]] for message_id in known],
        }
        rows += await (await connection.execute(_SQL["sent_in_campaigns"], values)).fetchall()
    if single:
        times = [message_id.int >> 80 for message_id in single]
        values = {
            "account_id": account_id,
            "message_ids": list(single),
            "buckets": [bucket_of_message(message_id) for message_id in single],
            "earliest": _moment(min(times)) - _ABOUT,
            "latest": _moment(max(times)) + _ABOUT,
        }
        rows += await (await connection.execute(_SQL["sent_alone"], values)).fetchall()
    return {row[0]: SentMessage(content_id=row[1], address=row[2], external_request_id=row[3]) for row in rows}


def _moment(milliseconds: int) -> datetime:
    """The moment in a UUIDv7; a made-up id must not leave the calendar."""
    return datetime.fromtimestamp(min(milliseconds, 4_102_444_800_000) / 1000).astimezone()


async def content_names(connection: Connection, account_id: int, contents: Iterable[int]) -> dict[int, ContentName]:
    values = {"account_id": account_id, "contents": list(contents)}
    rows = await (await connection.execute(_SQL["names_of_contents"], values)).fetchall()
    return {
        row[0]: ContentName(template_id=row[1], name=row[2], tags=row[3], language=row[4], links=row[5]) for row in rows
    }


async def contact_names(connection: Connection, account_id: int, contacts: Iterable[int]) -> dict[int, ContactName]:
    contact_ids = list(contacts)
    values = {"account_id": account_id, "contact_ids": contact_ids, "buckets": [bucket_of(one) for one in contact_ids]}
    rows = await (await connection.execute(_SQL["names_of_contacts"], values)).fetchall()
    return {row[0]: ContactName(email=row[1], phone=row[2], external_id=row[3]) for row in rows}


async def hard_bounced(
    connection: Connection, account_id: int, addresses: Iterable[tuple[Channel, str]]
) -> set[tuple[int, str]]:
    """Of these, the addresses on the black list because they do not exist."""
    wanted = list(addresses)
    values = {
        "account_id": account_id,
        "channels": [channel.value for channel, _ in wanted],
        "addresses": [address for _, address in wanted],
    }
    rows = await (await connection.execute(_SQL["hard_bounced"], values)).fetchall()
    return {(row[0], row[1]) for row in rows}


# ------------------------------------------------------------------ one contact


async def messages_of(
    connection: Connection,
    account_id: int,
    contact_ids: Sequence[int],
    *,
    since: datetime,
    until: datetime,
    channels: Iterable[Channel],
    offset: int,
    limit: int,
) -> list[MessageOf]:
    """Messages of contacts, newest first."""
    values = {
        "account_id": account_id,
        "contact_ids": list(contact_ids),
        "buckets": sorted({bucket_of(contact_id) for contact_id in contact_ids}),
        "since": since,
        "until": until,
        "channels": [channel.value for channel in channels],
        "offset": offset,
        "limit": limit,
    }
    rows = await (await connection.execute(_SQL["messages_of_contacts"], values)).fetchall()
    return [_message_of(row) for row in rows]


def _message_of(row: tuple[Any, ...]) -> MessageOf:
    message_id, contact_id, channel, campaign_id, content_id, at, address, state, name, template_id, subject = row[:11]
    opened, clicked, bounced, unsubscribed, complained = row[11:]
    steps = (
        (complained, FeedStatus.SPAM),
        (unsubscribed, FeedStatus.UNSUBSCRIBED),
        (clicked, FeedStatus.CLICKED),
        (opened, FeedStatus.READ),
        (bounced, FeedStatus.UNDELIVERED),
    )
    furthest = next((status for reached, status in steps if reached is not None), None)
    return MessageOf(
        message_id=message_id,
        contact_id=contact_id,
        channel=Channel(channel),
        campaign_id=campaign_id,
        content_id=content_id,
        sent_at=at,
        address=address,
        status=furthest or STATUS_OF_STATE[LedgerState(state)],
        name=name or None,
        template_id=template_id,
        subject=subject,
    )


async def _column(connection: Connection, statement: str, values: dict[str, Any]) -> list[int]:
    return [row[0] for row in await (await connection.execute(_SQL[statement], values)).fetchall()]
