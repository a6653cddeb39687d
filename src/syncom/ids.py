"""Identifiers. From a contact id or a message id the bucket is always known, without asking the database.

A message id is a UUID in one of two forms, both ending in the low byte of the contact id:

* **Campaign messages** carry a UUIDv8 (RFC 9562, 5.8) built from the campaign and the contact, so the same
  contact in the same campaign always has the same id: it is the effect id of that send, and the ledger's key
  makes a second row impossible.
* **Single messages** carry a UUIDv7 (RFC 9562, 5.7): the time in milliseconds, then random bits. Those of
  workflows have a hash of what they follow from in their place, so they are effect ids too.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

BUCKETS = 256

_V7 = 7 << 76
_V8 = 8 << 76
_VARIANT = 2 << 62
#: Bits of the campaign id and of the contact id inside a campaign message id.
_CAMPAIGN_BITS = 48
_CONTACT_BITS = 62


def bucket_of(contact_id: int) -> int:
    """The bucket (0-255) of everything this contact owns."""
    return contact_id & 255


def bucket_of_message(message_id: UUID) -> int:
    """The bucket of a message's recipient."""
    return message_id.int & 255


def campaign_message_id(campaign_id: int, contact_id: int) -> UUID:
    """The one message id of this contact in this campaign."""
    return UUID(int=campaign_id << 80 | _V8 | _VARIANT | contact_id)


def campaign_of_message(message_id: UUID) -> int | None:
    """The campaign a message id was made for; None for a single message."""
    value = message_id.int
    if value & (15 << 76) != _V8:
        return None
    return value >> 80


def made_at(message_id: UUID) -> datetime | None:
    """When a single message was queued; None for a campaign's message, whose id holds no time."""
    value = message_id.int
    if value & (15 << 76) != _V7:
        return None
    return datetime.fromtimestamp((value >> 80) / 1000, UTC)


def contact_of_campaign_message(message_id: UUID) -> int:
    """The contact inside a campaign message id."""
    return message_id.int & ((1 << _CONTACT_BITS) - 1)


def single_message_id(contact_id: int) -> UUID:
    """A fresh time-ordered id for a transactional or workflow message to this contact."""
    milliseconds = time.time_ns() // 1_000_000
    noise = secrets.randbits(66)
    return UUID(
        int=milliseconds << 80
        | _V7
        | (noise >> 54 & 0xFFF) << 64
        | _VARIANT
        | (noise & ((1 << 54) - 1)) << 8
        | bucket_of(contact_id)
    )


def single_message_ids(count: int) -> list[str]:
    """Fresh time-ordered ids in hexadecimal, whose last byte is still to become a bucket; randomness for all at once.

    Texts, because making as many UUID objects costs several times what the rest does.
    """
    stem = time.time_ns() // 1_000_000 << 80 | _V7 | _VARIANT
    noise = secrets.token_bytes(9 * count)
    found: list[str] = []
    for start in range(0, 9 * count, 9):
        bits = int.from_bytes(noise[start : start + 9])
        found.append(f"{stem | (bits >> 60 & 0xFFF) << 64 | (bits & ((1 << 54) - 1)) << 8:032x}")
    return found


def workflow_effect_id(event_id: UUID, workflow_id: int, turn: int, contact_id: int) -> UUID:
    """The one id of what a journey's step causes: ``turn`` counts the steps it took. It has the form of ids of single
    messages, with the time of the event."""
    return _following(event_id, b"%d:%d" % (workflow_id, turn), bucket_of(contact_id))


def replayed_event_id(event_id: UUID, replay_id: int) -> UUID:
    """The id under which an event is replayed anew, always the same in one replay."""
    return _following(event_id, b"replay %d" % replay_id, bucket_of_message(event_id))


def occurrence_id(workflow_id: int, contact_id: int, occurrence: datetime) -> UUID:
    """The one id of a contact's coming into a workflow by time: for a moment, or for a day, as its midnight in UTC."""
    milliseconds = round(occurrence.timestamp() * 1000)
    return _following(UUID(int=milliseconds << 80), b"due %d:%d" % (workflow_id, contact_id), bucket_of(contact_id))


def copy_id(message_id: UUID, address: str) -> UUID:
    """The one id of a message's copy to a further address of its recipient."""
    return _following(message_id, b"copy " + address.encode(), bucket_of_message(message_id))


def _following(event_id: UUID, what: bytes, bucket: int) -> UUID:
    """An id with the time of the event, and a hash of what follows from it."""
    noise = int.from_bytes(blake2b(event_id.bytes + what, digest_size=9).digest())
    return UUID(
        int=event_id.int >> 80 << 80
        | _V7
        | (noise >> 60 & 0xFFF) << 64
        | _VARIANT
        | (noise & ((1 << 54) - 1)) << 8
        | bucket
    )


def uuid7() -> UUID:
    """A fresh time-ordered id (RFC 9562, 5.7) for runs, imports and requests."""
    return single_message_id(secrets.randbits(8))


def short_id() -> str:
    """A fresh id of the integration layer: 24 hexadecimal digits, seconds first (membrane-api, 15: item 8)."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"
