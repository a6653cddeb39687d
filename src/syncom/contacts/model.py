"""Values of the contacts domain."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, IntEnum
from typing import Any

import msgspec


class Channel(IntEnum):
    """How a person is reached. The numbers are stored."""

    EMAIL = 1
    SMS = 2
    WEBPUSH = 3


class SubscriptionState(IntEnum):
    """Whether marketing messages may be sent over a channel. The numbers are stored."""

    #: Nothing known: no address, or no consent yet.
    NONE = 0
    #: Asked, not confirmed: receives confirmations and triggered messages only.
    UNCONFIRMED = 1
    SUBSCRIBED = 2
    UNSUBSCRIBED = 3


class IdentityKind(IntEnum):
    """What makes a contact unique in its account. The numbers are stored."""

    EMAIL = 1
    PHONE = 2
    EXTERNAL_ID = 3
    CONTACT_KEY = 4
    PUSH_TOKEN = 5


class FieldType(Enum):
    """Types of custom fields."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    MULTICHOICE = "multichoice"
    JSON = "json"


class MergeMode(Enum):
    """What an upsert does to a contact that exists."""

    #: Named values replace stored ones.
    OVERWRITE = "overwrite"
    #: Named values fill empty ones only.
    FILL_BLANKS = "fill_blanks"


class CustomField(msgspec.Struct, frozen=True, kw_only=True):
    """Definition of one custom field. ``key`` is its merge-field name."""

    field_id: int
    key: str
    name: str
    type: FieldType
    choices: tuple[str, ...] = ()


class ContactInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller says about one contact. UNSET members are not touched; an empty string clears a value.

    ``fields`` holds custom fields by key; ``emails`` and ``phones`` are further addresses beside the primary one.
    """

    email: str | msgspec.UnsetType = msgspec.UNSET
    phone: str | msgspec.UnsetType = msgspec.UNSET
    external_id: str | msgspec.UnsetType = msgspec.UNSET
    contact_key: str | msgspec.UnsetType = msgspec.UNSET
    first_name: str | msgspec.UnsetType = msgspec.UNSET
    last_name: str | msgspec.UnsetType = msgspec.UNSET
    country: str | msgspec.UnsetType = msgspec.UNSET
    region: str | msgspec.UnsetType = msgspec.UNSET
    city: str | msgspec.UnsetType = msgspec.UNSET
    address: str | msgspec.UnsetType = msgspec.UNSET
    postcode: str | msgspec.UnsetType = msgspec.UNSET
    language: str | msgspec.UnsetType = msgspec.UNSET
    time_zone: str | msgspec.UnsetType = msgspec.UNSET
    fields: dict[str, Any] = {}
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One contact as stored. ``fields`` holds custom fields by key."""

    contact_id: int
    email: str | None
    phone: str | None
    external_id: str | None
    contact_key: str | None
    first_name: str
    last_name: str
    country: str
    region: str
    city: str
    address: str
    postcode: str
    language: str
    time_zone: str
    fields: dict[str, Any]
    email_state: SubscriptionState
    sms_state: SubscriptionState
    push_state: SubscriptionState
    created_at: datetime
    updated_at: datetime


class RowProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why one row of a batch was refused: its place in the batch, the field, the reason."""

    index: int
    field: str
    reason: str


class UpsertResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch did. ``contact_ids`` has one entry for each row: None where the row was refused."""

    contact_ids: list[int | None]
    created: int
    updated: int
    unchanged: int
    problems: list[RowProblem]


class UpsertOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a batch of contacts is written."""

    #: The identity that decides whether a row is a known contact.
    key: IdentityKind = IdentityKind.EMAIL
    mode: MergeMode = MergeMode.OVERWRITE
    #: Lists every row joins.
    list_ids: tuple[int, ...] = ()
    #: State given to the channels of NEW contacts (and of known ones whose state is NONE) for which the row has an
    #: address. An unsubscribed contact is never re-subscribed by a batch.
    consent: SubscriptionState = SubscriptionState.SUBSCRIBED
    #: 'import', 'api', 'cli': goes into the consent history.
    source: str = "api"
    #: Proof beside it, such as {"import_id": 5}.
    consent_detail: dict[str, Any] = {}
