"""Everything the messages domain says to the database: senders, the queue, the ledger."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import class_row, dict_row

from syncom.activity.model import News
from syncom.activity.news import tell_followers
from syncom.activity.rollups.model import Ended
from syncom.activity.rollups.service import REQUESTS_SHARD, count_ended
from syncom.contacts.model import STANDARD_FIELDS, Channel
from syncom.contacts.subscriptions import endpoints
from syncom.content.model import content_in
from syncom.errors import Conflict
from syncom.ids import bucket_of, bucket_of_message, campaign_message_id
from syncom.messages.channels.push.model import service_of
from syncom.messages.model import (
    CAMPAIGN_LIFE,
    Lane,
    LedgerState,
    MessageStatus,
    Sender,
    Way,
    ways_after,
)
from syncom.messages.notices import announce_messages
from syncom.messages.routes import Reached
from syncom.messages.sending.work import ChunkKey, Lease, Postponed, Settled, Work
from syncom.postgres.columns import END, buckets, moments, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.tokens import MessageRef

_SQL = load_sql("syncom.messages", "messages.sql")

#: Columns of statement ``recipients``, in order; custom fields, state and suppression follow.
RECIPIENT_FIELDS = STANDARD_FIELDS
#: Where a recipient's address of a channel stands among them; browsers stand apart.
LANGUAGE_PLACE = RECIPIENT_FIELDS.index("language")
ADDRESS_PLACE = {Channel.EMAIL: RECIPIENT_FIELDS.index("email"), Channel.SMS: RECIPIENT_FIELDS.index("phone")}


class Recipient(NamedTuple):
    """A contact as it is read to be sent to."""

    #: RECIPIENT_FIELDS, custom fields, state, suppression.
    contact: tuple[Any, ...]
    #: Browsers that may be written to; read for web push only.
    endpoints: tuple[str, ...]


# ------------------------------------------------------------------ processes


async def register_worker(connection: Connection, worker_id: UUID, host: str, pid: int, role: str) -> None:
    await connection.execute(_SQL["register_worker"], {"worker_id": worker_id, "host": host, "pid": pid, "role": role})


async def heartbeat(connection: Connection, worker_id: UUID) -> None:
    await connection.execute(_SQL["heartbeat"], {"worker_id": worker_id})


async def release_worker(connection: Connection, worker_id: UUID) -> None:
    await connection.execute(_SQL["release_worker"], {"worker_id": worker_id})


async def workers(connection: Connection) -> list[tuple[UUID, str, float]]:
    """Worker id, host, seconds since the last heartbeat."""
    rows = await (await connection.execute(_SQL["workers"])).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


# ------------------------------------------------------------------ claiming


class _LeasedChunk(msgspec.Struct, frozen=True, kw_only=True):
    campaign_id: int
    chunk_no: int
    account_id: int
    fence: int
    contact_ids: list[int]
    size: int
    content_id: int
    content_languages: dict[str, int]
    launched_at: datetime
    channel: Channel
    leased_at: datetime
    categories: tuple[str, ...]
    group_id: int
    #: The channel by which its contacts are reached; 0: the campaign's own.
    chosen: int
    alternatives: tuple[Way, ...]


async def lease_chunks(
    connection: Connection, sender_id: int, worker_id: UUID, count: int, *, is_stuck: bool = False
) -> list[Lease]:
    """Lease chunks and work out what is left of those that had another holder before.

    A sender that ``is_stuck`` takes nothing that others of a group may send.
    """
    values = {"sender_id": sender_id, "worker_id": worker_id, "count": count, "is_stuck": is_stuck}
    cursor = connection.cursor(row_factory=dict_row)
    found = await (await cursor.execute(_SQL["lease_chunks"], values)).fetchall()
    rows = msgspec.convert(found, list[_LeasedChunk])
    leases: list[Lease] = []
    for row in rows:
        left = row.contact_ids
        if row.fence > 1:
            left = await unsettled(connection, row.account_id, row.campaign_id, row.launched_at, row.contact_ids)
            settled = row.size - len(left)
            if not left:
                await delete_chunks(connection, [(row.campaign_id, row.chunk_no)])
                continue
            await connection.execute(
                _SQL["count_settled"],
                {"settled": settled, "campaign_id": row.campaign_id, "chunk_no": row.chunk_no, "fence": row.fence},
            )
        way = chosen_way(row.alternatives, row.chosen)
        leases.append(
            Lease(
                campaign_id=row.campaign_id,
                chunk_no=row.chunk_no,
                fence=row.fence,
                account_id=row.account_id,
                content_id=way.content_id if way else row.content_id,
                content_languages=way.content_languages if way else row.content_languages,
                launched_at=row.launched_at,
                deadline=row.leased_at + CAMPAIGN_LIFE,
                channel=way.channel if way else row.channel,
                others=ways_after(row.alternatives, way.channel) if way else row.alternatives,
                is_choice=bool(row.alternatives),
                categories=row.categories,
                address_place=ADDRESS_PLACE.get((way.channel if way else row.channel).consent),
                pending=deque(left),
                group_id=row.group_id,
            )
        )
    return leases


def chosen_way(alternatives: Sequence[Way], channel: int) -> Way | None:
    """What a chunk's contacts are reached by; None: the campaign's own channel."""
    return next((way for way in alternatives if way.channel == channel), None)


async def unsettled(
    connection: Connection, account_id: int, campaign_id: int, launched_at: datetime, contact_ids: Sequence[int]
) -> list[int]:
    """Recipients of a campaign that are neither in the ledger nor in the retry lane."""
    values = {
        "account_id": account_id,
        "launched_at": launched_at,
        "contact_ids": list(contact_ids),
        "message_ids": [campaign_message_id(campaign_id, contact_id) for contact_id in contact_ids],
    }
    return [row[0] for row in await (await connection.execute(_SQL["unsettled"], values)).fetchall()]


async def release_chunk(connection: Connection, lease: Lease, worker_id: UUID) -> None:
    await connection.execute(
        _SQL["release_chunk"],
        {
            "campaign_id": lease.campaign_id,
            "chunk_no": lease.chunk_no,
            "worker_id": worker_id,
            "fence": lease.fence,
        },
    )


async def delete_chunks(connection: Connection, keys: Sequence[ChunkKey]) -> None:
    await connection.execute(
        _SQL["delete_chunks"], {"campaign_ids": [key[0] for key in keys], "chunk_nos": [key[1] for key in keys]}
    )


async def lease_messages(
    connection: Connection,
    sender_id: int,
    worker_id: UUID,
    lanes: Sequence[Lane],
    count: int,
    *,
    is_stuck: bool = False,
) -> list[Work]:
    """Lease due rows of the single-message lanes with what rendering needs, the most urgent first.

    ``is_stuck`` as in :func:`lease_chunks`.
    """
    values = {
        "sender_id": sender_id,
        "worker_id": worker_id,
        "lanes": [lane.value for lane in lanes],
        "count": count,
        "is_stuck": is_stuck,
    }
    rows = await (await connection.execute(_SQL["lease_messages"], values)).fetchall()
    return [_leased(row) for row in rows]


def _leased(row: tuple[Any, ...]) -> Work:
    message_id, account_id, contact_id, campaign_id, lane, content_id, params, address, uncertain = row[:9]
    attempt, created_at, deadline, external_request_id, from_name, channel, group_id, launched_at = row[9:17]
    alternatives, categories, present, endpoints = row[17:21]
    ways = msgspec.convert(alternatives or (), tuple[Way, ...])
    return Work(
        account_id=account_id,
        contact_id=contact_id,
        channel=Channel(channel),
        campaign_id=campaign_id,
        content_id=content_id,
        message_id=message_id,
        message=message_id.bytes,
        # Of a campaign over web push, whose browsers are looked up each time.
        address=address if endpoints is None else next(iter(endpoints), ""),
        endpoints=tuple(endpoints or ()),
        contact=row[21:] if present else None,
        launched_at=launched_at or created_at,
        deadline=deadline,
        lane=Lane(lane),
        lease=None,
        attempt=attempt,
        uncertain=uncertain,
        params=params,
        external_request_id=external_request_id,
        from_name=from_name,
        categories=tuple(categories),
        group_id=group_id,
        others=ways_after(ways, Channel(channel)),
        is_choice=bool(ways),
    )


async def release_messages(connection: Connection, worker_id: UUID, works: Sequence[Work]) -> None:
    for work in works:
        await connection.execute(_SQL["release_message"], {"message_id": work.message_id, "worker_id": worker_id})


async def recipients(
    connection: Connection, account_id: int, channel: Channel, contact_ids: Sequence[int]
) -> dict[int, Recipient]:
    """What rendering and the last check need, as of now."""
    values = {"account_id": account_id, "channel": channel.consent.value, "contact_ids": numbers(contact_ids)}
    rows = await (await connection.execute(_SQL["recipients"], values)).fetchall()
    return {row[0]: Recipient(row[2:], tuple(row[1] or ())) for row in rows}


def work_of_chunk(lease: Lease, contact_id: int, recipient: Recipient | None) -> Work:
    """One recipient of a chunk."""
    contact, endpoints = recipient or (None, ())
    address = next(iter(endpoints), "")
    if contact is not None and lease.address_place is not None:
        address = contact[lease.address_place] or ""
    message_id = campaign_message_id(lease.campaign_id, contact_id)
    content_id = lease.content_id
    if lease.content_languages and contact is not None:
        content_id = content_in(lease.content_languages, contact[LANGUAGE_PLACE] or "", content_id)
    return Work(
        account_id=lease.account_id,
        contact_id=contact_id,
        channel=lease.channel,
        campaign_id=lease.campaign_id,
        content_id=content_id,
        message_id=message_id,
        message=message_id.bytes,
        address=address,
        endpoints=endpoints,
        contact=contact,
        launched_at=lease.launched_at,
        deadline=lease.deadline,
        lane=Lane.RETRY,
        lease=lease,
        categories=lease.categories,
        group_id=lease.group_id,
        others=lease.others,
        is_choice=lease.is_choice,
    )


# ------------------------------------------------------------------ settling


async def settle_chunks(
    connection: Connection, worker_id: UUID, counts: Counter[tuple[int, int, int]]
) -> dict[ChunkKey, bool]:
    """Count settled recipients of (campaign, chunk, fence).

    Returns the chunks that are still this process's, and whether each is complete. A missing one was taken over.
    """
    keys = sorted(counts)
    rows = await (
        await connection.execute(
            _SQL["settle_chunks"],
            {
                "worker_id": worker_id,
                "campaign_ids": [key[0] for key in keys],
                "chunk_nos": [key[1] for key in keys],
                "fences": [key[2] for key in keys],
                "counts": [counts[key] for key in keys],
            },
        )
    ).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}


async def copy_ledger(connection: Connection, sender_id: int, rows: Sequence[Settled]) -> None:
    """Append terminal states. Raises UniqueViolation when one of them is there already."""
    lines = [_ledger_line(sender_id, row) for row in rows]
    async with connection.cursor().copy(_SQL["copy_ledger"]) as copy:
        await copy.write("".join(lines).encode())
    await _tell_followers(connection, rows)


async def _tell_followers(connection: Connection, rows: Sequence[Settled]) -> None:
    """What was sent, or could not be, is news; what was not sent on purpose is not."""
    if rows:
        await tell_followers(connection, rows, lambda row: row.work.account_id, _news)


def _news(row: Settled) -> News | None:
    if row.state in (LedgerState.EXCLUDED, LedgerState.CANCELLED):
        return None
    work = row.work
    return News(
        contact_id=work.contact_id,
        message_id=work.message_id,
        campaign_id=work.campaign_id,
        content_id=work.content_id,
        channel=work.channel,
        occurred_at=row.at,
        state=row.state.value,
        detail=row.reason or None,
        address=_kept_address(work.channel, work.address),
        external_request_id=work.external_request_id,
    )


def _kept_address(channel: Channel, address: str) -> str:
    """An address as it is kept after the message: of a browser only its service, the rest is a secret of no use."""
    return service_of(address) if channel is Channel.WEBPUSH else address


#: NULL in COPY's text format.
_NULL = "\\N"


def _ledger_line(sender_id: int, row: Settled) -> str:
    work = row.work
    address = _escaped(_kept_address(work.channel, work.address))
    return (
        f"{work.account_id}\t{bucket_of(work.contact_id)}\t{work.message.hex()}\t{work.contact_id}\t{work.campaign_id}"
        f"\t{sender_id}\t{work.channel.value}\t{row.state.value}\t{'t' if work.uncertain else 'f'}\t{work.attempt}"
        f"\t{work.launched_at}\t{row.at}\t{address}\t{_escaped(row.reason)}\t{work.content_id}"
        f"\t{_escaped(work.external_request_id)}\t{work.parts or _NULL}\t{_kept_categories(work)}\n"
    )


def _kept_categories(work: Work) -> str:
    """What a single message was sent under, as an array for COPY; a campaign keeps it once, in its audience."""
    if work.campaign_id or not work.categories:
        return _NULL
    quoted = (key.replace("\\", "\\\\").replace('"', '\\"') for key in work.categories)
    return _escaped("{" + ",".join(f'"{key}"' for key in quoted) + "}")


def _escaped(text: str) -> str:
    """Text for COPY: backslashes doubled; control characters are gone already, but for tabs nobody needs."""
    if "\\" in text or not text.isprintable():
        return "".join(char if char.isprintable() else " " for char in text).replace("\\", "\\\\")
    return text


async def merge_ledger(connection: Connection, sender_id: int, rows: Sequence[Settled]) -> list[Settled]:
    """As ``copy_ledger`` where a row may be there already: it stays, and is marked uncertain.

    Returns the new ones, with the time under which they are in the ledger.
    """
    values = {
        "account_ids": [row.work.account_id for row in rows],
        "message_ids": [row.work.message_id for row in rows],
        "contact_ids": [row.work.contact_id for row in rows],
        "campaign_ids": [row.work.campaign_id for row in rows],
        "sender_ids": [sender_id] * len(rows),
        "channels": [row.work.channel.value for row in rows],
        "states": [row.state.value for row in rows],
        "uncertains": [row.work.uncertain for row in rows],
        "attempts": [row.work.attempt for row in rows],
        "launched_ats": [row.work.launched_at for row in rows],
        "addresses": [_kept_address(row.work.channel, row.work.address) for row in rows],
        "reasons": [row.reason for row in rows],
        "content_ids": [row.work.content_id for row in rows],
        "external_request_ids": [row.work.external_request_id for row in rows],
        "parts": [row.work.parts or None for row in rows],
        "categories": ["" if row.work.campaign_id else END.join(row.work.categories) for row in rows],
    }
    found = await (await connection.execute(_SQL["merge_ledger"], values)).fetchall()
    new = {message_id: settled_at.astimezone(UTC) for message_id, settled_at, inserted in found if inserted}
    fresh = [replace(row, at=new[row.work.message_id]) for row in rows if row.work.message_id in new]
    await _tell_followers(connection, fresh)
    return fresh


async def add_doubt(connection: Connection, rows: Sequence[Postponed]) -> set[UUID]:
    """Mark those of these messages that have a ledger row as uncertain; returns their ids."""
    values = {
        "account_ids": [row.work.account_id for row in rows],
        "message_ids": [row.work.message_id for row in rows],
        "contact_ids": [row.work.contact_id for row in rows],
        "launched_ats": [row.work.launched_at for row in rows],
    }
    return {row[0] for row in await (await connection.execute(_SQL["add_doubt"], values)).fetchall()}


async def postpone(connection: Connection, sender_id: int, rows: Sequence[Postponed]) -> None:
    """Rows of the lanes get a later time; recipients of chunks move to the retry lane."""
    queued = [row for row in rows if row.work.lease is None and row.sender_id is None]
    fresh = [row for row in rows if row.work.lease is not None]
    redirected = [row for row in rows if row.work.lease is None and row.sender_id is not None]
    if redirected:
        await connection.execute(
            _SQL["redirect_messages"],
            {
                "message_ids": [row.work.message_id for row in redirected],
                "channels": [row.work.channel.value for row in redirected],
                "sender_ids": [row.sender_id for row in redirected],
                "group_ids": [row.work.group_id for row in redirected],
                "content_ids": [row.work.content_id for row in redirected],
                "addresses": [row.work.address for row in redirected],
                "replies": [row.reply for row in redirected],
                "due_ats": [row.due_at for row in redirected],
            },
        )
    if queued:
        await connection.execute(
            _SQL["postpone_messages"],
            {
                "message_ids": [row.work.message_id for row in queued],
                "due_ats": [row.due_at for row in queued],
                "deadlines": [row.work.deadline for row in queued],
                "attempts": [row.work.attempt for row in queued],
                "uncertains": [row.uncertain for row in queued],
                "replies": [row.reply for row in queued],
            },
        )
    if fresh:
        await connection.execute(
            _SQL["insert_retries"],
            {
                "message_ids": [row.work.message_id for row in fresh],
                "account_ids": [row.work.account_id for row in fresh],
                "contact_ids": [row.work.contact_id for row in fresh],
                "channels": [row.work.channel.value for row in fresh],
                "campaign_ids": [row.work.campaign_id for row in fresh],
                "sender_ids": [row.sender_id or sender_id for row in fresh],
                "group_ids": [row.work.group_id for row in fresh],
                "content_ids": [row.work.content_id for row in fresh],
                "addresses": [row.work.address for row in fresh],
                "uncertains": [row.uncertain for row in fresh],
                "attempts": [row.work.attempt for row in fresh],
                "replies": [row.reply for row in fresh],
                "due_ats": [row.due_at for row in fresh],
                "deadlines": [row.work.deadline for row in fresh],
            },
        )


async def delete_messages(connection: Connection, message_ids: Sequence[UUID]) -> None:
    await connection.execute(_SQL["delete_messages"], {"message_ids": list(message_ids)})


async def count_contacts(connection: Connection, rows: Sequence[Settled]) -> None:
    """Contact statistics of messages that were sent."""
    await connection.execute(
        _SQL["count_contacts"],
        {
            "account_ids": numbers(row.work.account_id for row in rows),
            "contact_ids": numbers(row.work.contact_id for row in rows),
            "sent_ats": moments(row.at for row in rows),
        },
    )


async def count_campaigns(connection: Connection, counts: Counter[tuple[int, int, datetime, str]], shard: int) -> None:
    """Add to campaign counters: (account, campaign, hour, kind) → how many."""
    keys = list(counts)
    await connection.execute(
        _SQL["count_campaigns"],
        {
            "shard": shard,
            "account_ids": [key[0] for key in keys],
            "campaign_ids": [key[1] for key in keys],
            "hours": [key[2] for key in keys],
            "kinds": [key[3] for key in keys],
            "counts": [counts[key] for key in keys],
        },
    )


# ------------------------------------------------------------------ recovery


class ChunkHeld(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that a dead process had."""

    campaign_id: int
    chunk_no: int
    account_id: int
    sender_id: int
    contact_ids: list[int]
    channel: Channel
    launched_at: datetime
    content_id: int
    content_languages: dict[str, int]
    on_uncertain: str | None
    group_id: int
    chosen: int
    alternatives: tuple[Way, ...]


class MessageHeld(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the single-message lanes that a dead process had."""

    message_id: UUID
    account_id: int
    contact_id: int
    channel: Channel
    campaign_id: int
    sender_id: int
    content_id: int
    address: str
    attempt: int
    created_at: datetime
    deadline: datetime
    uncertain: bool
    external_request_id: str
    #: Its campaign has a fall-back order.
    is_choice: bool
    launched_at: datetime
    on_uncertain: str | None
    categories: tuple[str, ...]


async def chunks_of_worker(connection: Connection, worker_id: UUID) -> list[ChunkHeld]:
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["chunks_of_worker"], {"worker_id": worker_id})).fetchall()
    return msgspec.convert(rows, list[ChunkHeld])


async def messages_of_worker(connection: Connection, worker_id: UUID) -> list[MessageHeld]:
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["messages_of_worker"], {"worker_id": worker_id})).fetchall()
    return msgspec.convert(rows, list[MessageHeld])


async def addresses(
    connection: Connection, account_id: int, contact_ids: Sequence[int], channel: Channel
) -> dict[int, tuple[str, str]]:
    """Primary addresses of contacts for a channel, and languages; nobody is missing but those who were deleted."""
    values = {"account_id": account_id, "channel": channel.consent.value, "contact_ids": list(contact_ids)}
    rows = await (await connection.execute(_SQL["addresses"], values)).fetchall()
    return {row[0]: (row[1] or "", row[2]) for row in rows}


# ------------------------------------------------------------------ senders' limits


async def take_permits(
    connection: Connection, sender_id: int, *, wanted: int, rate: float, burst: float, reserve: float
) -> int:
    """Take from the sender's shared token bucket; returns how many were granted."""
    values = {"sender_id": sender_id, "wanted": wanted, "rate": rate, "burst": burst, "reserve": reserve}
    row = await (await connection.execute(_SQL["take_permits"], values)).fetchone()
    return row[0] if row else 0


async def note_trouble(connection: Connection, sender_id: int, problem: str) -> None:
    """What stands between a sender and its server right now; empty: nothing."""
    await connection.execute(_SQL["note_trouble"], {"sender_id": sender_id, "problem": problem})


async def pause_sender(connection: Connection, sender_id: int, until: datetime | None, problem: str) -> None:
    await connection.execute(_SQL["pause_sender"], {"sender_id": sender_id, "until": until, "problem": problem})


async def campaign_states(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, str]:
    rows = await (await connection.execute(_SQL["campaign_states"], {"campaign_ids": list(campaign_ids)})).fetchall()
    return {row[0]: row[1] for row in rows}


# ------------------------------------------------------------------ single messages


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """A row for the single-message lanes."""

    message_id: UUID
    account_id: int
    contact_id: int
    lane: Lane
    sender_id: int
    content_id: int
    params: str
    address: str
    life: timedelta
    channel: Channel = Channel.EMAIL
    #: The caller's own id of the request.
    external_request_id: str = ""
    #: Stands in for the sender's name on this message alone.
    from_name: str = ""
    #: Keys of the subscription categories it belongs to.
    categories: tuple[str, ...] = ()
    #: Whose member ``sender_id`` is; 0: nobody else may send it.
    group_id: int = 0


async def insert_messages(connection: Connection, rows: Sequence[Queued]) -> None:
    """Queue messages and wake the express sender when this transaction commits."""
    await connection.execute(
        _SQL["insert_messages"],
        {
            "message_ids": [row.message_id for row in rows],
            "account_ids": [row.account_id for row in rows],
            "contact_ids": [row.contact_id for row in rows],
            "channels": [row.channel.value for row in rows],
            "lanes": [row.lane.value for row in rows],
            "sender_ids": [row.sender_id for row in rows],
            "group_ids": [row.group_id for row in rows],
            "content_ids": [row.content_id for row in rows],
            "params": [row.params for row in rows],
            "addresses": [row.address for row in rows],
            "external_request_ids": [row.external_request_id for row in rows],
            "from_names": [row.from_name for row in rows],
            "lives": [row.life for row in rows],
            "categories": [END.join(row.categories) for row in rows],
        },
    )
    await announce_messages(connection)


async def message_params(connection: Connection, message: MessageRef) -> dict[str, Any]:
    """The merge fields that were kept for a message's web page; none: it had none, or is a campaign's."""
    values = {
        "account_id": message.account_id,
        "bucket": bucket_of(message.contact_id),
        "contact_id": message.contact_id,
        "message_id": message.message_id,
    }
    row = await (await connection.execute(_SQL["message_params"], values)).fetchone()
    return row[0] if row else {}


async def forget_params(connection: Connection, before: datetime) -> int:
    """Delete the merge fields kept before this moment."""
    return (await connection.execute(_SQL["forget_params"], {"before": before})).rowcount


class Excluded(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was asked for and is not sent, with the reason."""

    row: Queued
    reason: str


async def insert_excluded(connection: Connection, rows: Sequence[Excluded]) -> None:
    """Ledger rows of messages that end when they are accepted."""
    cursor = await connection.execute(
        _SQL["insert_excluded"],
        {
            "message_ids": [one.row.message_id for one in rows],
            "account_ids": [one.row.account_id for one in rows],
            "contact_ids": [one.row.contact_id for one in rows],
            "channels": [one.row.channel.value for one in rows],
            "sender_ids": [one.row.sender_id for one in rows],
            "addresses": [_kept_address(one.row.channel, one.row.address) for one in rows],
            "reasons": [one.reason for one in rows],
            "content_ids": [one.row.content_id for one in rows],
            "external_request_ids": [one.row.external_request_id for one in rows],
            "categories": [END.join(one.row.categories) for one in rows],
        },
    )
    ended = [
        Ended(account_id=account_id, campaign_id=0, channel=channel, hour=hour, state=LedgerState.EXCLUDED.value)
        for account_id, channel, hour in await cursor.fetchall()
    ]
    await count_ended(connection, Counter(ended), REQUESTS_SHARD)


async def reach(
    connection: Connection, account_id: int, contact_ids: Sequence[int], channel: Channel
) -> dict[int, Reached]:
    """The contacts that exist, by id, as of now, with what this channel needs of them."""
    values = {"account_id": account_id, "buckets": buckets(contact_ids), "contact_ids": numbers(contact_ids)}
    cursor = connection.cursor(row_factory=class_row(Reached))
    rows = await (await cursor.execute(_SQL["reach"], values)).fetchall()
    if channel is not Channel.WEBPUSH:
        return {row.contact_id: row for row in rows}
    browsers = await endpoints(connection, account_id, contact_ids)
    return {
        row.contact_id: msgspec.structs.replace(row, subscriptions=browsers.get(row.contact_id, ())) for row in rows
    }


async def suppressed(connection: Connection, account_id: int, channel: Channel, addresses: Collection[str]) -> set[str]:
    """Those of these addresses to which nothing is sent over a channel, as of now."""
    values = {"account_id": account_id, "channel": int(channel.consent), "addresses": sorted(addresses)}
    return {row[0] for row in await (await connection.execute(_SQL["suppressed"], values)).fetchall()}


async def status(connection: Connection, account_id: int, message_ids: Sequence[UUID]) -> list[MessageStatus]:
    values = {
        "account_id": account_id,
        "message_ids": list(message_ids),
        "buckets": [bucket_of_message(message_id) for message_id in message_ids],
    }
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["status"], values)).fetchall()
    for row in rows:
        state = row["state"]
        row["state"] = "queued" if state is None else LedgerState(state).name.lower()
        row["campaign_id"] = row["campaign_id"] or None
    return msgspec.convert(rows, list[MessageStatus])


# ------------------------------------------------------------------ senders


async def insert_sender(connection: Connection, values: dict[str, Any]) -> Sender:
    cursor = connection.cursor(row_factory=dict_row)
    row = await (await cursor.execute(_SQL["insert_sender"], values)).fetchone()
    assert row is not None
    return msgspec.convert(row, Sender)


async def select_senders(connection: Connection, account_id: int, sender_id: int | None = None) -> list[Sender]:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "sender_id": sender_id}
    rows = await (await cursor.execute(_SQL["select_senders"], values)).fetchall()
    return msgspec.convert(rows, list[Sender])


async def find_sender(connection: Connection, sender_id: int) -> Sender | None:
    """The sender, whoever's it is. For a system transaction."""
    cursor = connection.cursor(row_factory=dict_row)
    row = await (await cursor.execute(_SQL["find_sender"], {"sender_id": sender_id})).fetchone()
    return None if row is None else msgspec.convert(row, Sender)


async def update_sender(connection: Connection, values: dict[str, Any]) -> Sender | None:
    cursor = connection.cursor(row_factory=dict_row)
    row = await (await cursor.execute(_SQL["update_sender"], values)).fetchone()
    return msgspec.convert(row, Sender) if row else None


async def save_secret(connection: Connection, sender_id: int, sealed: bytes | None) -> None:
    await connection.execute(_SQL["save_secret"], {"sender_id": sender_id, "secret": sealed})


async def save_callback_secret(connection: Connection, sender_id: int, sealed: bytes | None) -> None:
    await connection.execute(_SQL["save_callback_secret"], {"sender_id": sender_id, "secret": sealed})


async def callback_secret(connection: Connection, sender_id: int) -> bytes | None:
    row = await (await connection.execute(_SQL["callback_secret"], {"sender_id": sender_id})).fetchone()
    return row[0] if row else None


async def clear_default(connection: Connection, account_id: int, channel: int) -> None:
    await connection.execute(_SQL["clear_default"], {"account_id": account_id, "channel": channel})


async def delete_sender(connection: Connection, account_id: int, sender_id: int) -> bool:
    """Delete a sender that nothing waits for. Raises Conflict when something does."""
    values = {"account_id": account_id, "sender_id": sender_id}
    busy = await (await connection.execute(_SQL["sender_users"], values)).fetchone()
    if busy:
        raise Conflict(f"campaign {busy[0]!r} still sends through this sender: finish or cancel it first")
    return (await connection.execute(_SQL["delete_sender"], values)).rowcount == 1


class ActiveSender(msgspec.Struct, frozen=True, kw_only=True):
    """A sender with work, for a sending process."""

    sender: Sender
    secret: bytes | None
    #: False: it is only listened to.
    has_work: bool = True


async def active_senders(
    connection: Connection, *, lanes: Sequence[Lane], chunks: bool, listening: bool
) -> list[ActiveSender]:
    """Senders that have something in these lanes, or in chunks; with ``listening`` also those whose peers may say
    something at any time."""
    values = {"lanes": [lane.value for lane in lanes], "chunks": chunks, "listening": listening}
    return await _with_secrets(connection, "senders", values)


async def all_senders(connection: Connection) -> list[ActiveSender]:
    """Every sender of the installation."""
    return await _with_secrets(connection, "all_senders", {})


async def _with_secrets(connection: Connection, statement: str, values: dict[str, Any]) -> list[ActiveSender]:
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL[statement], values)).fetchall()
    found: list[ActiveSender] = []
    for row in rows:
        secret, has_work = row.pop("secret"), row.pop("has_work", True)
        found.append(ActiveSender(sender=msgspec.convert(row, Sender), secret=secret, has_work=has_work))
    return found


async def sender_secret(connection: Connection, account_id: int, sender_id: int) -> bytes | None:
    """The sealed password of a sender."""
    values = {"account_id": account_id, "sender_id": sender_id}
    row = await (await connection.execute(_SQL["sender_secret"], values)).fetchone()
    return row[0] if row else None
