"""Values of the contacts domain."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, IntEnum
from typing import Any, Final, NamedTuple

import msgspec


class Channel(IntEnum):
    """How a person is reached. The numbers are stored."""

    EMAIL = 1
    SMS = 2
    WEBPUSH = 3
    MOBILEPUSH = 4
    VIBER = 5
    TELEGRAM = 6
    APPINBOX = 7
    INAPP = 8

    @property
    def consent(self) -> Channel:
        """The channel whose consent and suppressed addresses hold for this one: what goes to a phone follows SMS."""
        return Channel.SMS if self is Channel.VIBER else self


#: Channels that a contact has a subscription state of its own for.
CONSENT_CHANNELS: Final = (Channel.EMAIL, Channel.SMS, Channel.WEBPUSH)


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


#: The standard text members of a contact, in the order of its columns. The identities come first.
STANDARD_FIELDS: Final = (
    "email",
    "phone",
    "external_id",
    "contact_key",
    "first_name",
    "last_name",
    "country",
    "region",
    "city",
    "address",
    "postcode",
    "language",
    "time_zone",
)


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

    ``fields`` holds custom fields by key; ``emails`` and ``phones`` are further addresses beside the primary
    one.
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


class Change(Enum):
    """What an upsert did to one contact."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class UpsertResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch did. ``contact_ids`` has one entry for each row: None where the row was refused."""

    contact_ids: list[int | None]
    #: Beside them: what was done, None likewise.
    changes: list[Change | None]
    created: int
    updated: int
    unchanged: int
    problems: list[RowProblem]


class UpsertOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a batch of contacts is written."""

    #: The identity that decides whether a row is a known contact.
    key: IdentityKind = IdentityKind.EMAIL
    #: Identities that lead to a known contact where the key leads to none, in this order; a row needs any one of them
    #: all. With them nothing is refused for a taken identity: one that belongs to another contact stays there.
    fallback_keys: tuple[IdentityKind, ...] = ()
    #: Addresses, numbers and contact keys that belong to another contact move to the one that the row is about, and
    #: take a refusal (an unsubscribed state) along. An external id never moves: a contact found by address or number
    #: that has another external id than the row is somebody else.
    take_over: bool = False
    #: Identities of these kinds that a known contact has stay; a row only adds those it lacks.
    keep: tuple[IdentityKind, ...] = ()
    mode: MergeMode = MergeMode.OVERWRITE
    #: Lists every row joins.
    list_ids: tuple[int, ...] = ()
    #: State given to the channels of NEW contacts (and of known ones whose state is NONE) for which the row has an
    #: address. An unsubscribed contact is never re-subscribed by a batch; UNSUBSCRIBED goes to known ones too, in
    #: any state: a list of people who opted out is believed.
    consent: SubscriptionState = SubscriptionState.SUBSCRIBED
    #: 'import', 'api', 'cli': goes into the consent history.
    source: str = "api"
    #: Proof beside it, such as {"import_id": 5}.
    consent_detail: dict[str, Any] = {}
    #: ISO 3166-1 alpha-2: how to read a phone number without a country code, when the row names no country.
    phone_region: str = ""


class UpsertOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the upsert of one contact did."""

    contact_id: int
    change: Change


class FurtherChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A way to reach a contact beside its address and number: a push token, a number in a messenger.

    ``data`` is what the caller says about it (device, subscription of the browser).
    """

    channel: Channel
    value: str
    data: dict[str, Any] = {}
    #: False: nothing is sent to this token.
    active: bool = True


class OrderSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop says about a contact's orders as a whole. None: not named."""

    count: int | None = None
    last_order_at: datetime | None = None


class Recognition(Enum):
    """How a saved row finds its contact."""

    #: By the identities that the options name.
    IDENTITY = "identity"
    #: By ``ContactSave.contact_id`` and nothing else; never a new one.
    THIS = "this"
    #: By its external id, then by ``ContactSave.contact_id``.
    CONTACT_ID = "contact_id"
    #: By its external id, then by a custom field whose value is unique to a person.
    FIELD = "field"
    #: By its external id, then by a push token.
    PUSH_TOKEN = "push_token"  # noqa: S105 - a kind of identity


class Deleted(Enum):
    """What a save does with a row that leads to a deleted contact and to no other."""

    #: A new contact is made.
    IGNORE = "ignore"
    #: The row is refused.
    SKIP = "skip"
    RESTORE = "restore"


class ContactSave(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a save: a contact with all that other systems keep about it."""

    contact: ContactInput
    #: For Recognition.CONTACT_ID.
    contact_id: int = 0
    #: Push tokens are added; a messenger's number replaces the one before.
    channels: tuple[FurtherChannel, ...] = ()
    #: Kinds of further channels that go before those named are added.
    cleared: tuple[Channel, ...] = ()
    orders: OrderSummary | None = None


class SaveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are saved."""

    upsert: UpsertOptions = UpsertOptions()
    recognition: Recognition = Recognition.IDENTITY
    #: For Recognition.FIELD.
    field: CustomField | None = None
    #: For Recognition.PUSH_TOKEN.
    channel: Channel = Channel.MOBILEPUSH
    deleted: Deleted = Deleted.IGNORE
    #: Identities by which deleted contacts are looked for.
    deleted_keys: tuple[IdentityKind, ...] = ()
    #: Names of lists that every row joins (made when missing) and leaves.
    lists: tuple[str, ...] = ()
    left_lists: tuple[str, ...] = ()
    #: Keys of subscription categories that every row gets; made when missing.
    categories: tuple[str, ...] = ()


class NewContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact that a save made, with the normalised address and number of its row."""

    contact_id: int
    email: str
    phone: str


class SaveResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a save did: one entry for each row, None where it was refused; ``problems`` say why."""

    contact_ids: list[int | None]
    changes: list[Change | None]
    problems: list[RowProblem]
    created: tuple[NewContact, ...] = ()


class ContactDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A contact with what stands beside it."""

    contact: Contact
    #: Further addresses and numbers.
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    channels: tuple[FurtherChannel, ...]
    #: (list id, name), by name.
    lists: tuple[tuple[int, str], ...]
    orders: OrderSummary | None


class TokenUse(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a contact's token speaks for, and the token to go on with."""

    account_id: int
    contact_id: int
    fresh: str


class PushToken(msgspec.Struct, frozen=True, kw_only=True):
    """A push token: whose it is, what was said about the device, whether anything may be sent to it."""

    contact_id: int
    data: dict[str, Any]
    active: bool


class ContactSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What contacts have in common. All members that are not empty must fit; none: everybody."""

    #: Part of one of the addresses.
    email: str = ""
    #: Part of one of the numbers; only its digits count.
    phone: str = ""
    #: Parts of the names, any case.
    first_name: str = ""
    last_name: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A part of all that was found, in the order of the ids."""

    contact_ids: list[int]
    total: int


class PreparedRow(NamedTuple):
    """A row of a batch that is checked and normalised, ready to be merged. Made by ``prepare_rows`` only."""

    #: Place in the batch.
    row: int
    #: The thirteen standard members in the order of ``prepare.STANDARD``: None is "not named", '' is "clear".
    values: tuple[str | None, ...]
    #: Custom fields by field id as text; None clears.
    fields: dict[str, Any] | None
    #: Further addresses and numbers, beside the primary ones.
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    #: The contact the row is about, when the caller knows it; 0: its identities say.
    contact_id: int = 0


class ConsentChange(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decision about one channel, or about one category of messages."""

    account_id: int
    contact_id: int
    channel: Channel
    state: SubscriptionState
    #: 'one-click', 'page', 'api', 'cli', 'complaint': goes into the consent history.
    source: str
    #: Proof: IP address, user agent, text shown, message id.
    detail: dict[str, Any] = {}
    occurred_at: datetime
    #: A category that is subscribed to or declined; 0: the whole channel.
    category_id: int = 0
    #: Whether it goes into the history even when it changes nothing: the same wish again, with a proof of its own.
    always: bool = False
    #: Whether it takes back an unsubscription by our pages. It does nothing where there is none, and the channel has
    #: the state again that it had before, so nobody is confirmed who never was; ``state`` is a category's then.
    undoes: bool = False


class ConsentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the consent history."""

    consent_event_id: int
    channel: Channel
    #: Key of a subscription category; empty: it is about the whole channel.
    category: str
    state: SubscriptionState
    occurred_at: datetime
    source: str
    detail: dict[str, Any] | None
    #: The contact it was recorded for: another one's history was handed over by a merge.
    recorded_for: int
    #: SHA-256 over itself and the one before in that contact's chain; empty: recorded before there were chains.
    link: str


class ConsentFault(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the history of consent was tampered with."""

    contact_id: int
    consent_event_id: int
    #: What is wrong with this entry.
    reason: str


class ConsentVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of the history found."""

    contacts: int
    entries: int
    #: Entries from before there were chains, which cannot be checked.
    unchained: int
    faults: tuple[ConsentFault, ...]
    #: There may be more faults than are listed.
    more: bool


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One value that leads to a contact. ``primary`` is the one messages go to."""

    kind: IdentityKind
    value: str
    primary: bool


class ContactList(msgspec.Struct, frozen=True, kw_only=True):
    """A static group of contacts. ``size`` is counted when it is asked for."""

    list_id: int
    name: str
    created_at: datetime
    size: int


class ListName(msgspec.Struct, frozen=True, kw_only=True):
    """A list, where its size does not matter."""

    list_id: int
    name: str


class SessionStatus(Enum):
    """Where the work of an asynchronous call stands. The names are eSputnik's."""

    STARTED = "STARTED"
    IMPORTING = "IMPORTING"
    FINISHED = "FINISHED"
    ERROR = "ERROR"


class SessionContact(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A contact that a session wrote."""

    id: int
    external_customer_id: str = ""


class ApiSession(msgspec.Struct, frozen=True, kw_only=True):
    """One asynchronous call."""

    kind: str
    status: SessionStatus
    description: str
    contacts: tuple[SessionContact, ...]
    changed_at: datetime
    #: The import that does its work; 0: none.
    import_id: int = 0


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """Something subscribers can choose. ``key`` is unique in the account, in any case of letters."""

    category_id: int
    key: str
    name: str


class CategoryChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A category, and whether a contact gets its messages."""

    category: Category
    wanted: bool


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """An address nothing may be sent to. ``reason`` is 'hard bounce', 'complaint' or 'manual'.

    'unsubscribed' and 'complaint' stop mailings only: what an address was asked to be sent (transactional messages)
    still goes.
    """

    account_id: int
    channel: Channel
    address: str
    reason: str
    detail: str = ""
    #: By what: 'smtp mx.example.com', 'bounce mail', 'sendgrid webhook 3', a user or a key.
    source: str = ""
    #: None: for ever.
    expires_at: datetime | None = None


class SuppressionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A suppression as stored."""

    channel: Channel
    address: str
    reason: str
    detail: str
    #: By what; empty: not known.
    source: str
    created_at: datetime
    expires_at: datetime | None


class SuppressionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which suppressions to list; all that is given must hold."""

    reason: str = ""
    #: Addresses that begin so.
    prefix: str = ""


class ContactFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which contacts to list. At most one member is set; none: all. Each is served by an index."""

    email: str | None = None
    phone: str | None = None
    external_id: str | None = None
    contact_key: str | None = None
    #: Addresses that begin so, in the order of the alphabet.
    email_prefix: str | None = None
    list_id: int | None = None


class ContactPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of contacts; ``cursor`` asks for the next one, None: this is the last."""

    contacts: list[Contact]
    cursor: str | None


class TimelineKind(Enum):
    """What an entry of a contact's timeline tells of."""

    CREATED = "created"
    CONSENT = "consent"
    JOINED_LIST = "joined_list"
    MESSAGE = "message"
    ACTIVITY = "activity"
    ORDER = "order"
    EVENT = "event"


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to or was done by a contact.

    ``detail`` by kind: consent ``{channel, state, source, detail}``; joined_list ``{list_id, name}``; message
    ``{message_id, campaign_id, channel, state, address, reason}``; activity ``{kind, class, channel, campaign_id,
    message_id, link, detail}``; order ``{external_id, status, total, currency}``; event ``{event_id, type, key,
    params}``; the numbers are the stored ones, and
    ``activity.timeline.named`` has their names.
    """

    kind: TimelineKind
    occurred_at: datetime
    detail: dict[str, Any]


class TimelinePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a timeline, newest first; ``cursor`` asks for the older ones, None: there are none."""

    entries: list[TimelineEntry]
    cursor: str | None
