"""From what another system says to rows that are ready to be written: checked, with the reason for a refusal. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from syncom.errors import Invalid
from syncom.events.identity import VALUE_LIMIT, Named, is_name, named_contacts
from syncom.events.model import EventInput, EventType, UnexpectedParameters
from syncom.events.parameters import Kind, fits, values_at
from syncom.ids import bucket_of

TYPE_KEY_LIMIT: Final = 100
KEY_LIMIT: Final = 300
NAME_LIMIT: Final = 100
#: Bytes of JSON that one event's parameters may take. (The eSputnik API takes bodies of 20 kB.)
PARAMS_LIMIT: Final = 256 * 1024

#: eSputnik reference, 5.7, and control characters.
_FORBIDDEN = re.compile("[<>;’\\\\/|\"`'^?!,\x00-\x1f\x7f]")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_A: Final = {kind: f"an {kind}" if kind in ("array", "object") else f"a {kind}" for kind in Kind}
_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode
_VERSION_8: Final = 8 << 76
_VARIANT: Final = 2 << 62
_NOT_VERSION: Final = ~(15 << 76 | 3 << 62)


class PreparedEvent(NamedTuple):
    """An event that is checked, ready to be written. Made by :func:`prepare` only."""

    account_id: int
    event_type_id: int
    key: str
    #: JSON with sorted keys.
    params: str
    #: Given by the caller, who must know this contact.
    contact_id: int | None
    #: Whom the parameters name, the surest first.
    named: list[Named]
    occurred_at: datetime | None
    #: Of what it says, with its account left out: equal for equal events.
    event_hash: int
    #: Of its type and the key that only one event may have; None: it has none.
    dedupe_hash: int | None


def prepare(account_id: int, event: EventInput, event_type: EventType) -> PreparedEvent:
    """Check one event of a known type. Raises Invalid."""
    _check_key("key", event.key)
    if event.dedupe_key:
        _check_key("dedupe_key", event.dedupe_key)
    params = _checked_params(event.params, event_type)
    try:
        named = named_contacts(event.params)
    except ValueError as error:
        raise Invalid(f"params.{error}", f"is longer than {VALUE_LIMIT} characters") from None
    if event.occurred_at is not None and event.occurred_at.tzinfo is None:
        raise Invalid("occurred_at", "must say its offset, such as Z or +03:00")
    return PreparedEvent(
        account_id,
        event_type.event_type_id,
        event.key,
        params.decode(),
        event.contact_id,
        named if event.contact_id is None else [],
        event.occurred_at,
        _hash(b"%d\n%b\n%b" % (event_type.event_type_id, event.key.encode(), params)),
        _hash(b"%d\n%b" % (event_type.event_type_id, event.dedupe_key.encode())) if event.dedupe_key else None,
    )


def repeat_hash(event: PreparedEvent) -> int:
    """Equal for events that say the same; of the same moment and contact, if they say one."""
    value = event.event_hash if event.occurred_at is None else _moment_hash(event)
    return value if event.contact_id is None else _hash(b"%d\n%d" % (value, event.contact_id))


def checked_type_key(key: str) -> str:
    """The key of a type, trimmed. Raises Invalid."""
    key = key.strip()
    if not key:
        raise Invalid("type_key", "is empty")
    if len(key) > TYPE_KEY_LIMIT:
        raise Invalid("type_key", f"is longer than {TYPE_KEY_LIMIT} characters")
    found = _FORBIDDEN.search(key)
    if found:
        raise Invalid("type_key", f"must not contain {found[0]!r}")
    return key


def past_ids(event: PreparedEvent, contact_id: int) -> tuple[UUID, UUID]:
    """Ids of a past event: as one of this contact, and as one of nobody.

    They are made of what the event says, so that the same one has the same id however often it is reported.
    """
    value = _moment_hash(event) & _NOT_VERSION & ~255 | _VERSION_8 | _VARIANT
    return UUID(int=value | bucket_of(contact_id)), UUID(int=value)


def _moment_hash(event: PreparedEvent) -> int:
    moment = event.occurred_at.timestamp() if event.occurred_at is not None else 0
    return _hash(b"%d\n%.6f" % (event.event_hash, moment))


def _check_key(field: str, key: str) -> None:
    if len(key) > KEY_LIMIT:
        raise Invalid(field, f"is longer than {KEY_LIMIT} characters")
    if _CONTROL.search(key):
        raise Invalid(field, "contains a line break or another control character")


def _hash(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=16).digest())


@lru_cache(maxsize=4096)
def _is_sound(name: str) -> bool:
    """Whether a parameter may have this name. Programs send the same few names again and again."""
    return bool(name) and not name.isspace() and len(name) <= NAME_LIMIT and not _CONTROL.search(name)


def encode_params(params: Mapping[str, Any]) -> bytes:
    """Parameters as JSON with sorted keys. Raises Invalid for what no event can have."""
    for name in params:
        if not _is_sound(name):
            raise Invalid("params", f"names must be 1 to {NAME_LIMIT} characters without line breaks")
    try:
        encoded = _encode(params)
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid("params", f"cannot be written as JSON: {error}") from None
    if len(encoded) > PARAMS_LIMIT:
        raise Invalid("params", f"must be at most {PARAMS_LIMIT // 1024} kB of JSON")
    if b"\\u0000" in encoded:
        raise Invalid("params", "must not contain NUL characters")
    return encoded


def _checked_params(params: Mapping[str, Any], event_type: EventType) -> bytes:
    encoded = encode_params(params)
    if event_type.parameters is not None:
        expected = {parameter.name: parameter.required for parameter in event_type.parameters}
        missing = any(required and name not in params for name, required in expected.items())
        if missing or any(name not in expected and not is_name(name) for name in params):
            raise UnexpectedParameters(event_type.parameters)
    for name, kind in event_type.declared.items():
        if not all(fits(value, kind) for value in values_at(params, name)):
            raise Invalid(f"params.{name}", f"must be {_A[kind]}, as its type of events says")
    return encoded
