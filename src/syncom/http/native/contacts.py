"""/contacts: people, their addresses and consent, and what happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.activity.timeline import named
from syncom.contacts.model import (
    Change,
    Channel,
    Contact,
    ContactFilter,
    ContactInput,
    IdentityKind,
    MergeMode,
    RowProblem,
    TimelineEntry,
    TimelineKind,
    UpsertOptions,
)
from syncom.errors import Invalid
from syncom.http.native.contact_upsert import KEYS, STATES, Upserted, upsert_options
from syncom.http.native.given import By, Contacts
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_TAGS = ["Contacts"]
CHANNELS = {channel.name.lower(): channel for channel in Channel}
STATE_NAMES = {state: name for name, state in STATES.items()}
_KEY_NAMES = {kind: kind.name.lower() for kind in IdentityKind}
#: Contacts of one batch: what fits into a body of a megabyte.
_BATCH = 10_000


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One contact. `fields` holds custom fields by key; states are none, unconfirmed, subscribed, unsubscribed."""

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
    email_state: str
    sms_state: str
    push_state: str
    created_at: datetime
    updated_at: datetime


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One value that leads to a contact. Messages go to the primary one."""

    kind: str
    value: str
    primary: bool


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Contacts to upsert at once, and how. `lists` are joined by all of them."""

    contacts: list[ContactInput]
    #: email, phone, external_id or contact_key.
    key: str = "email"
    mode: MergeMode = MergeMode.OVERWRITE
    lists: list[int] = []
    #: State of channels nothing is known about: subscribed, unconfirmed, none; or unsubscribed for everybody.
    consent: str = "subscribed"
    phone_region: str = ""


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch did. `contact_ids` has one entry for each contact: null where it was refused."""

    contact_ids: list[int | None]
    created: int
    updated: int
    unchanged: int
    problems: list[RowProblem]


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person decided about a channel (email, sms, webpush): `subscribed` or `unsubscribed`, and the proof."""

    channel: str
    state: str
    detail: dict[str, Any] = {}


class Merge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contact that goes into this one and disappears.

    Values of this one stay and its blanks are filled. `take` names members of which the other's value wins: `city`,
    `email`, or `fields.birthday` for a custom field.
    """

    drop_id: int
    take: list[str] = []


@get("/contacts", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_contacts(
    by: By,
    contacts: Contacts,
    limit: Limit = 100,
    cursor: Cursor = None,
    email: Annotated[str | None, QueryParameter(description="The contact with this address.")] = None,
    phone: Annotated[str | None, QueryParameter(description="The contact with this number.")] = None,
    external_id: Annotated[str | None, QueryParameter(description="The contact with this id of yours.")] = None,
    contact_key: Annotated[str | None, QueryParameter(description="The contact with this key.")] = None,
    email_prefix: Annotated[str | None, QueryParameter(description="Addresses that begin so.")] = None,
    list_id: Annotated[int | None, QueryParameter(description="Members of this list.")] = None,
) -> Page[Person]:
    """List contacts, newest first, or find them by one of the filters."""
    filters = ContactFilter(
        email=email,
        phone=phone,
        external_id=external_id,
        contact_key=contact_key,
        email_prefix=email_prefix,
        list_id=list_id,
    )
    page = await contacts.search(by.account_id, filters, cursor=cursor or None, limit=limit)
    return Page(items=[person(contact) for contact in page.contacts], next_cursor=page.cursor)


@put("/contacts", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def upsert_contact(
    by: By,
    contacts: Contacts,
    data: JSONBody[ContactInput],
    key: Annotated[str | None, QueryParameter(description="What recognises a known contact; email by default.")] = None,
    mode: Annotated[str | None, QueryParameter(description="overwrite, or fill_blanks.")] = None,
    consent: Annotated[str | None, QueryParameter(description="State of channels nothing is known about.")] = None,
    list_ids: Annotated[
        list[str] | None, QueryParameter(name="list", description="A list to join; may be repeated.")
    ] = None,
    phone_region: Annotated[
        str | None, QueryParameter(description="Country of numbers without a country code, such as UA.")
    ] = None,
) -> Response[Upserted]:
    """Create or update one contact, recognised by its address (or another key).

    Answered once it is stored. An unsubscribed contact stays unsubscribed.
    """
    given: dict[str, str | list[str] | None] = {
        "key": key,
        "mode": mode,
        "consent": consent,
        "list": list_ids,
        "phone_region": phone_region,
    }
    options = upsert_options({name: value for name, value in given.items() if value is not None})
    outcome = await contacts.upsert_one(by.account_id, data, options)
    return Response(
        Upserted(contact_id=outcome.contact_id, change=outcome.change),
        status_code=201 if outcome.change is Change.CREATED else 200,
    )


@post("/contacts/batch", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def upsert_contacts(by: By, contacts: Contacts, data: JSONBody[Batch]) -> BatchResult:
    """Create or update up to 10,000 contacts. Bad ones are reported and never stop the rest."""
    if not 0 < len(data.contacts) <= _BATCH:
        raise Invalid("contacts", f"must have 1 to {_BATCH} entries")
    options = UpsertOptions(
        key=choice("key", data.key, KEYS),
        mode=data.mode,
        list_ids=tuple(data.lists),
        consent=choice("consent", data.consent, STATES),
        phone_region=data.phone_region,
    )
    result = await contacts.upsert(by.account_id, data.contacts, options)
    return BatchResult(
        contact_ids=result.contact_ids,
        created=result.created,
        updated=result.updated,
        unchanged=result.unchanged,
        problems=result.problems,
    )


@get("/contacts/{contact_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_contact(by: By, contacts: Contacts, contact_id: FromPath[int]) -> Person:
    """One contact."""
    return person(await contacts.get(by.account_id, contact_id))


@patch("/contacts/{contact_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def update_contact(by: By, contacts: Contacts, contact_id: FromPath[int], data: JSONBody[ContactInput]) -> Person:
    """Change the named members. An empty text clears one; `emails` and `phones` are added."""
    return person(await contacts.patch(by.account_id, contact_id, data))


@delete("/contacts/{contact_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def delete_contact(
    by: By,
    contacts: Contacts,
    contact_id: FromPath[int],
    erase: Annotated[bool, QueryParameter(description="true: erase the contact and all it owns, for good.")] = False,
) -> None:
    """Delete a contact; it can be restored, unless it is erased. Reports keep their counts, without the person."""
    await (contacts.erase if erase else contacts.delete)(by.account_id, contact_id)


@post("/contacts/{contact_id:int}/restore", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def restore_contact(by: By, contacts: Contacts, contact_id: FromPath[int]) -> Person:
    """Bring a deleted contact back, but for addresses that another contact has now."""
    return person(await contacts.restore(by.account_id, contact_id))


@get("/contacts/{contact_id:int}/addresses", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_addresses(by: By, contacts: Contacts, contact_id: FromPath[int]) -> Page[Address]:
    """Everything that leads to this contact: addresses, numbers, ids."""
    found = await contacts.identities(by.account_id, contact_id)
    items = [Address(kind=_KEY_NAMES[one.kind], value=one.value, primary=one.primary) for one in found]
    return Page(items=items, next_cursor=None)


@get("/contacts/{contact_id:int}/timeline", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_timeline(
    by: By,
    contacts: Contacts,
    contact_id: FromPath[int],
    kind: Annotated[list[TimelineKind] | None, QueryParameter(description="Only such; may be repeated.")] = None,
    channel: Annotated[
        list[str] | None, QueryParameter(description="Only of this channel (email, sms, ...); may be repeated.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TimelineEntry]:
    """What happened to and was done by a contact, newest first.

    `detail` by kind: consent `channel, state, source, detail`; joined_list `list_id, name`; message `message_id,
    campaign_id, channel, state, address, reason`; activity `kind, class, channel, campaign_id, message_id, link,
    detail`; order `external_id, status, total, currency`; event `event_id, type, key, params`.
    """
    page = await contacts.timeline(
        by.account_id,
        contact_id,
        kinds=kind or (),
        channels=[choice("channel", name, CHANNELS) for name in channel or ()],
        cursor=cursor or None,
        limit=limit,
    )
    return Page(items=named(page.entries), next_cursor=page.cursor)


@post("/contacts/{contact_id:int}/subscriptions", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def set_subscription(by: By, contacts: Contacts, contact_id: FromPath[int], data: JSONBody[Decision]) -> Person:
    """Record what a person decided about a channel. Subscribing again after an unsubscribe needs their own will."""
    await contacts.get(by.account_id, contact_id)
    channel = choice("channel", data.channel, CHANNELS)
    detail = {**data.detail, "actor": by.actor}
    if data.state == "subscribed":
        await contacts.consents.subscribe(by.account_id, [contact_id], channel, source="api", detail=detail)
    elif data.state == "unsubscribed":
        await contacts.consents.unsubscribe(by.account_id, [contact_id], channel, source="api", detail=detail)
    else:
        raise Invalid("state", "must be subscribed or unsubscribed")
    return person(await contacts.get(by.account_id, contact_id))


@post("/contacts/{contact_id:int}/merge", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def merge_contacts(by: By, contacts: Contacts, contact_id: FromPath[int], data: JSONBody[Merge]) -> Person:
    """Make one contact of two. The stricter consent wins."""
    return person(await contacts.merge(by.account_id, contact_id, data.drop_id, take=data.take))


def person(contact: Contact) -> Person:
    """A contact as the API shows it."""
    members = {name: getattr(contact, name) for name in _SAME}
    return Person(
        **members,
        email_state=STATE_NAMES[contact.email_state],
        sms_state=STATE_NAMES[contact.sms_state],
        push_state=STATE_NAMES[contact.push_state],
    )


_SAME = [name for name in Person.__struct_fields__ if not name.endswith("_state")]


def choice(field: str, value: str, choices: dict[str, Any]) -> Any:
    """What a name stands for. Raises Invalid that lists the names."""
    if value not in choices:
        raise Invalid(field, f"must be one of {', '.join(choices)}")
    return choices[value]


HANDLERS: list[Any] = [
    list_contacts,
    upsert_contact,
    upsert_contacts,
    get_contact,
    update_contact,
    delete_contact,
    restore_contact,
    list_addresses,
    get_timeline,
    set_subscription,
    merge_contacts,
]
