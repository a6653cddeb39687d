"""Contacts as eSputnik writes them (eSputnik reference, 3.1 and 3.2), to and from ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from syncom.contacts.model import (
    Channel,
    Contact,
    ContactDetails,
    ContactInput,
    ContactSave,
    CustomField,
    FieldType,
    FurtherChannel,
    OrderSummary,
    RowProblem,
    SubscriptionState,
)
from syncom.contacts.service import international
from syncom.errors import Invalid
from syncom.http.esputnik.method import Call, Refused
from syncom.http.esputnik.moments import account_zone, read_moment, write_moment

Text = str | None | UnsetType

#: Types of channels beside e-mail and sms.
_FURTHER: Final = {
    "webpush": Channel.WEBPUSH,
    "mobilepush": Channel.MOBILEPUSH,
    "viber": Channel.VIBER,
    "telegram": Channel.TELEGRAM,
}
_TYPES: Final = {channel: name for name, channel in _FURTHER.items()}
#: A person has one number in a messenger and any number of devices.
_SINGLE: Final = (Channel.VIBER, Channel.TELEGRAM)
_ADDRESS: Final = {
    "region": "region",
    "town": "city",
    "address": "address",
    "postcode": "postcode",
    "country_code": "country",
}
#: Names of `contactFields` and what they are here (eSputnik reference, POST /v1/contacts).
MASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "firstName": ("first_name",),
    "lastName": ("last_name",),
    "email": ("email",),
    "sms": ("phone",),
    "address": ("address",),
    "town": ("city",),
    "region": ("region",),
    "postcode": ("postcode",),
    "countryCode": ("country",),
    "contactKey": ("contact_key",),
    "externalCustomerId": (),
    "languageCode": ("language",),
    "timeZone": ("time_zone",),
    "ordersInfo": ("orders",),
    **{name: (name,) for name in _FURTHER},
}
_CHANNEL_MASKS: Final = {"email", "phone", *_FURTHER}
#: Our names in theirs, for what is said about a wrong value.
_NAMES: Final = {
    "first_name": "firstName",
    "last_name": "lastName",
    "external_id": "externalCustomerId",
    "contact_key": "contactKey",
    "language": "languageCode",
    "time_zone": "timeZone",
    "country": "address.countryCode",
    "region": "address.region",
    "city": "address.town",
    "address": "address.address",
    "postcode": "address.postcode",
}


class ChannelBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A channel: `email`, `sms`, `viber`, `telegram`, `mobilepush` (with `device`), `webpush`."""

    type: str = ""
    value: str | None = ""
    device: dict[str, Any] | None = None
    web_push_subscription: dict[str, Any] | None = None


class AddressBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a contact lives."""

    region: Text = UNSET
    town: Text = UNSET
    address: Text = UNSET
    postcode: Text = UNSET
    #: ISO 3166-1 alpha-2.
    country_code: Text = UNSET


class FieldBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The value of an additional field; ids are those of GET /v1/addressbooks."""

    id: int
    value: Any = None


class OrdersInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Orders of a contact as a whole; the date is YYYY-MM-DDTHH:mm:ss."""

    last_date: str | None = None
    count: int | None = None


class GroupName(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A list, by its name."""

    name: str | None = None


class ContactBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A contact as a caller writes it."""

    id: int | None = None
    first_name: Text = UNSET
    last_name: Text = UNSET
    channels: list[ChannelBody] | UnsetType | None = UNSET
    address: AddressBody | UnsetType | None = UNSET
    fields: list[FieldBody] | None = None
    contact_key: Text = UNSET
    external_customer_id: Text = UNSET
    orders_info: OrdersInfo | None = None
    groups: list[GroupName] | None = None
    language_code: Text = UNSET
    time_zone: Text = UNSET


class Addressbook(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to read and show contacts of an account."""

    account_id: int
    fields: Mapping[int, CustomField]
    zone: ZoneInfo


class Mask(msgspec.Struct, frozen=True, kw_only=True):
    """What a bulk call may write: names of ours, and ids of additional fields."""

    #: None: all members.
    members: frozenset[str] | None
    fields: frozenset[int]
    #: Members by which contacts are recognised: a new contact gets them in any case, a known one keeps its own.
    keys: frozenset[str]


async def addressbook(call: Call[Any], bodies: Sequence[ContactBody]) -> Addressbook:
    """What these bodies are read with."""
    wanted = {field.id for body in bodies for field in body.fields or ()}
    return Addressbook(
        account_id=call.account_id,
        fields=await call.app.contacts.fields.by_id(call.account_id, wanted) if wanted else {},
        zone=await account_zone(call),
    )


# ---------------------------------------------------------------- in


def read_contact(
    body: ContactBody, book: Addressbook, *, mask: Mask | None = None, null_clears: bool = False, contact_id: int = 0
) -> ContactSave:
    """What a caller says about one contact. Raises Invalid, with our names of fields."""
    members = _members(body, null_clears=null_clears)
    further = _channels(body, members)
    orders = _orders(body, book.zone)
    fields = _fields(body, book, mask)
    cleared = tuple(sorted({one.channel for one in further if one.channel in _SINGLE}))
    if mask is not None and mask.members is not None:
        members = _masked(members, mask, mask.members)
        further = [one for one in further if _TYPES[one.channel] in mask.members]
        cleared = tuple(channel for name, channel in _FURTHER.items() if name in mask.members)
        orders = orders if "orders" in mask.members else None
    return ContactSave(
        contact=ContactInput(fields=fields, **members),
        contact_id=contact_id,
        channels=tuple(further),
        cleared=cleared,
        orders=orders,
    )


def _members(body: ContactBody, *, null_clears: bool) -> dict[str, Any]:
    """Standard members that are named: a text, empty to clear."""
    given: dict[str, Text] = {
        "first_name": body.first_name,
        "last_name": body.last_name,
        "contact_key": body.contact_key,
        "external_id": body.external_customer_id,
        "language": body.language_code,
        "time_zone": body.time_zone,
    }
    if isinstance(body.address, AddressBody):
        given |= {ours: getattr(body.address, theirs) for theirs, ours in _ADDRESS.items()}
    elif body.address is None and null_clears:
        given |= dict.fromkeys(_ADDRESS.values())
    members: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, str):
            members[name] = value
        elif value is None and null_clears:
            members[name] = ""
    # An identity is given up by an update of exactly this contact only: elsewhere a blank one is one that is missing.
    for name in ("external_id", "contact_key"):
        if not null_clears and not members.get(name, "").strip():
            members.pop(name, None)
    return members


def _channels(body: ContactBody, members: dict[str, Any]) -> list[FurtherChannel]:
    """Puts addresses and numbers among the members; the channels of other kinds."""
    emails: list[str] = []
    phones: list[str] = []
    further: list[FurtherChannel] = []
    for channel in body.channels or ():
        kind = channel.type.strip().lower()
        value = (channel.value or "").strip()
        if kind not in ("email", "sms", *_FURTHER):
            raise Invalid("channels", f"'{channel.type}' is not a type of channel")
        if not value:
            continue
        if kind == "email":
            emails.append(value)
        elif kind == "sms":
            phones.append(international(value))
        else:
            further.append(_further(_FURTHER[kind], value, channel))
    for name, more, values in (("email", "emails", emails), ("phone", "phones", phones)):
        if values:
            members[name], members[more] = values[0], tuple(values[1:])
    return further


def _further(channel: Channel, value: str, given: ChannelBody) -> FurtherChannel:
    data = (given.device if channel is Channel.MOBILEPUSH else given.web_push_subscription) or {}
    active = data.get("active", True) if channel is Channel.MOBILEPUSH else True
    if channel is Channel.VIBER:
        value = international(value)
    return FurtherChannel(channel=channel, value=value, data=data, active=active not in (False, "false"))


def _orders(body: ContactBody, zone: ZoneInfo) -> OrderSummary | None:
    info = body.orders_info
    if info is None or (info.count is None and not info.last_date):
        return None
    if info.count is not None and not 0 <= info.count < 2**31:
        raise Invalid("ordersInfo.count", "must be a whole number of at least 0")
    try:
        return OrderSummary(
            count=info.count, last_order_at=read_moment(info.last_date, zone) if info.last_date else None
        )
    except ValueError as error:
        raise Invalid("ordersInfo.lastDate", str(error)) from None


def _fields(body: ContactBody, book: Addressbook, mask: Mask | None) -> dict[str, Any]:
    """Additional fields by our key, empty to clear. A bulk call clears those it lists that a contact lacks."""
    values: dict[str, Any] = {}
    if mask is not None:
        values = {book.fields[field_id].key: None for field_id in mask.fields}
    for given in body.fields or ():
        if mask is not None and given.id not in mask.fields:
            continue
        field = book.fields.get(given.id)
        if field is None:
            raise Invalid(f"fields.{given.id}", f"Additional field with id='{given.id}' not found")
        values[field.key] = _field_value(field, given.value, book.zone)
    return values


def _field_value(field: CustomField, value: Any, zone: ZoneInfo) -> Any:
    if not isinstance(value, str):
        return value
    if field.type is FieldType.DATETIME and value.strip():
        try:
            return read_moment(value, zone).isoformat()
        except ValueError:
            return value
    if field.type is FieldType.MULTICHOICE and ";" not in value and value.strip() not in field.choices:
        return value.split(",")
    return value


def _masked(members: Mapping[str, Any], mask: Mask, allowed: Collection[str]) -> dict[str, Any]:
    """Members that a bulk call lists; one that it lists and a contact does not have is cleared."""
    kept = {name: value for name, value in members.items() if name in allowed or name in mask.keys}
    for name, further in (("email", "emails"), ("phone", "phones")):
        if name in kept and further in members:
            kept[further] = members[further]
    for name in allowed:
        if name not in _FURTHER and name != "orders" and name not in mask.keys:
            kept.setdefault(name, "")
    return kept


def has_channel(body: ContactBody) -> bool:
    """Whether one of the channels has a value."""
    return any((channel.value or "").strip() for channel in body.channels or ())


def complaint(problem: RowProblem, body: ContactBody | None = None) -> str:
    """What is wrong with a contact, as a sentence with eSputnik's names."""
    field, reason = problem.field, problem.reason
    if "not found" in reason:
        return reason
    for name, kind in (("email", "email"), ("emails", "email"), ("phone", "sms"), ("phones", "sms")):
        if body is not None and field.partition(".")[0] == name and " is no" in f" {reason}":
            value = _channel_value(body, kind, field)
            if value is not None:
                return f"'{value}' is not valid {'email' if kind == 'email' else 'phone'}"
    return f"Field '{_NAMES.get(field, field)}' is wrong: {reason}"


def _channel_value(body: ContactBody, kind: str, field: str) -> str | None:
    values = [
        channel.value.strip()
        for channel in body.channels or ()
        if channel.type.strip().lower() == kind and channel.value and channel.value.strip()
    ]
    number = field.partition(".")[2]
    place = int(number) + 1 if number.isdigit() else 0
    return values[place] if place < len(values) else None


def refusal(error: Invalid, body: ContactBody) -> Refused:
    """The same for a single contact."""
    wrong = error.fields[0]
    return Refused(400, complaint(RowProblem(index=0, field=wrong.field, reason=wrong.reason), body))


# ---------------------------------------------------------------- out


class ShownChannel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A channel of a contact."""

    type: str
    value: str
    device: dict[str, Any] | None = None
    web_push_subscription: dict[str, Any] | None = None


class ShownAddress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a contact lives; parts that are not known are empty."""

    region: str
    town: str
    address: str
    postcode: str
    country_code: str | UnsetType = UNSET


class ShownField(msgspec.Struct, frozen=True, kw_only=True):
    """The value of an additional field, as text."""

    id: int
    value: str


class ShownOrders(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Orders of a contact as a whole."""

    last_date: str | UnsetType = UNSET
    count: int


class GroupShown(msgspec.Struct, frozen=True, kw_only=True):
    """A group: `Static` is a list, `Dynamic` a segment."""

    id: int
    name: str
    type: str


class ContactShown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact. Members without a value are left out."""

    id: int
    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    channels: list[ShownChannel]
    address: ShownAddress | UnsetType = UNSET
    fields: list[ShownField] | UnsetType = UNSET
    address_book_id: int
    contact_key: str | UnsetType = UNSET
    external_customer_id: str | UnsetType = UNSET
    orders_info: ShownOrders | UnsetType = UNSET
    groups: list[GroupShown] | UnsetType = UNSET
    language_code: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    #: Ours, and there only when it says something: types of channels over which no mailings are wanted.
    unsubscribed: list[str] | UnsetType = UNSET


def show_contact(details: ContactDetails, book: Addressbook, *, with_groups: bool = False) -> ContactShown:
    """A contact as eSputnik's clients read it. ``book.fields`` are all fields of the account."""
    contact = details.contact
    groups = [GroupShown(id=list_id, name=name, type="Static") for list_id, name in details.lists]
    return ContactShown(
        id=contact.contact_id,
        first_name=contact.first_name or UNSET,
        last_name=contact.last_name or UNSET,
        channels=_shown_channels(details),
        address=_shown_address(contact),
        fields=_shown_fields(contact, book) or UNSET,
        address_book_id=book.account_id,
        contact_key=contact.contact_key or UNSET,
        external_customer_id=contact.external_id or UNSET,
        orders_info=_shown_orders(details.orders, book.zone),
        groups=groups if with_groups and groups else UNSET,
        language_code=contact.language or UNSET,
        time_zone=contact.time_zone or UNSET,
        unsubscribed=_unsubscribed(contact) or UNSET,
    )


def _unsubscribed(contact: Contact) -> list[str]:
    states = (("email", contact.email_state), ("sms", contact.sms_state), ("webpush", contact.push_state))
    return [type_ for type_, state in states if state is SubscriptionState.UNSUBSCRIBED]


def _shown_channels(details: ContactDetails) -> list[ShownChannel]:
    contact = details.contact
    emails = [contact.email, *details.emails] if contact.email else list(details.emails)
    phones = [contact.phone, *details.phones] if contact.phone else list(details.phones)
    shown = [ShownChannel(type="email", value=email) for email in emails if email]
    shown += [ShownChannel(type="sms", value=phone.removeprefix("+")) for phone in phones if phone]
    for one in details.channels:
        device = {**one.data, "active": one.active} if one.channel is Channel.MOBILEPUSH else None
        shown.append(
            ShownChannel(
                type=_TYPES[one.channel],
                value=one.value.removeprefix("+") if one.channel is Channel.VIBER else one.value,
                device=device,
                web_push_subscription=_shown_subscription(one) if one.channel is Channel.WEBPUSH else None,
            )
        )
    return shown


def _shown_subscription(channel: FurtherChannel) -> dict[str, Any] | None:
    """What is told of a browser: not the keys that it gave out to be written to."""
    return {name: value for name, value in channel.data.items() if name != "keys"} or None


def _shown_address(contact: Contact) -> ShownAddress | UnsetType:
    if not any((contact.region, contact.city, contact.address, contact.postcode, contact.country)):
        return UNSET
    return ShownAddress(
        region=contact.region,
        town=contact.city,
        address=contact.address,
        postcode=contact.postcode,
        country_code=contact.country or UNSET,
    )


def _shown_fields(contact: Contact, book: Addressbook) -> list[ShownField]:
    return [
        ShownField(id=field_id, value=as_text(field, contact.fields[field.key], book.zone))
        for field_id, field in sorted(book.fields.items())
        if field.key in contact.fields
    ]


def as_text(field: CustomField, value: Any, zone: ZoneInfo) -> str:
    """A stored value the way eSputnik writes it: dates as YYYY-MM-DD, times in the account's zone, choices with `;`."""
    if field.type is FieldType.DATETIME and isinstance(value, str):
        return write_moment(datetime.fromisoformat(value), zone)
    if isinstance(value, str):
        return value
    if field.type is FieldType.MULTICHOICE and isinstance(value, list):
        return ";".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType] # texts, as they were stored
    return msgspec.json.encode(value).decode()


def _shown_orders(orders: OrderSummary | None, zone: ZoneInfo) -> ShownOrders | UnsetType:
    if orders is None:
        return UNSET
    last = orders.last_order_at
    return ShownOrders(last_date=write_moment(last, zone) if last else UNSET, count=orders.count or 0)
