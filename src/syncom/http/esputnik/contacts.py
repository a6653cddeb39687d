"""Single contacts and the search for them (eSputnik reference, 5.1)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from syncom.contacts.model import (
    Channel,
    ContactSearch,
    Deleted,
    IdentityKind,
    Recognition,
    SaveOptions,
    UpsertOptions,
)
from syncom.errors import Conflict, Invalid
from syncom.http.esputnik.contact_body import (
    Addressbook,
    ContactBody,
    ContactShown,
    addressbook,
    has_channel,
    read_contact,
    refusal,
    show_contact,
)
from syncom.http.esputnik.method import PAGING, Answer, Call, Method, Parameter, Refused, Scope, Sentence
from syncom.http.esputnik.moments import account_zone

MAX_ROWS: Final = 500
#: Identities in the order in which they say who a contact is (eSputnik reference, 4 and 9).
KEYS: Final = (IdentityKind.EXTERNAL_ID, IdentityKind.EMAIL, IdentityKind.PHONE, IdentityKind.CONTACT_KEY)
_UPSERT: Final = UpsertOptions(key=KEYS[0], fallback_keys=KEYS[1:], take_over=True, source="api")
_ADD: Final = SaveOptions(upsert=_UPSERT, deleted=Deleted.RESTORE, deleted_keys=(IdentityKind.EXTERNAL_ID,))
_UPDATE: Final = SaveOptions(upsert=_UPSERT, recognition=Recognition.THIS)


class ContactId(msgspec.Struct, frozen=True, kw_only=True):
    """The contact that was made or found."""

    id: int


async def add_contact(call: Call[ContactBody]) -> ContactId:
    body = call.body
    require_channels(body)
    save = read_contact_or_refuse(body, await addressbook(call, [body]))
    options = with_groups(recognised(_ADD, body), body)
    try:
        outcome = await call.app.contacts.save_one(call.account_id, save, options)
    except Invalid as error:
        raise refusal(error, body) from None
    return ContactId(id=outcome.contact_id)


async def get_contact(call: Call[None]) -> ContactShown:
    contacts = await call.app.contacts.directory.details(call.account_id, [call.path["id"]])
    if not contacts:
        raise not_found(call.path["id"])
    return show_contact(contacts[0], await whole_addressbook(call), with_groups=True)


async def update_contact(call: Call[ContactBody]) -> Sentence:
    contact_id, body = call.path["id"], call.body
    book = await addressbook(call, [body])
    save = read_contact_or_refuse(body, book, null_clears=True, contact_id=contact_id)
    try:
        await call.app.contacts.save_one(call.account_id, save, with_groups(_UPDATE, body))
    except Invalid as error:
        raise refusal(error, body) from None
    except Conflict as error:
        raise Refused(400, error.message) from None
    return Sentence(f"Contact with id='{contact_id}' has been updated")


async def delete_contact(call: Call[None]) -> Sentence:
    await call.app.contacts.delete(call.account_id, call.path["id"])
    return Sentence(f"Contact with id='{call.path['id']}' has been deleted")


async def delete_by_external_id(call: Call[None]) -> Sentence:
    contacts = call.app.contacts
    external_id = call.query.required("externalCustomerId")
    erase = call.query.flag("erase")
    found = await contacts.find(call.account_id, IdentityKind.EXTERNAL_ID, external_id)
    contact_id = found.contact_id if found else None
    if contact_id is None and erase:
        contact_id = await contacts.find_deleted(call.account_id, IdentityKind.EXTERNAL_ID, external_id)
    if contact_id is None:
        raise Refused(404, f"Contact with externalCustomerId='{external_id}' not found")
    await (contacts.erase if erase else contacts.delete)(call.account_id, contact_id)
    return Sentence(f"Contact with externalCustomerId='{external_id}' has been deleted")


async def search_contacts(call: Call[None]) -> Answer:
    offset, limit = page(call)
    external_id = call.query.text("externalCustomerId")
    search = ContactSearch(
        email=call.query.text("email") or "",
        phone=call.query.text("sms") or "",
        first_name=call.query.text("firstname") or "",
        last_name=call.query.text("lastname") or "",
    )
    directory = call.app.contacts.directory
    if external_id is None:
        found = await directory.search(call.account_id, search, offset=offset, limit=limit)
        return await show_page(call, found.contact_ids, found.total)
    if search != ContactSearch():
        raise Refused(400, "'externalCustomerId' cannot be combined with other criteria")
    contact = await call.app.contacts.find(call.account_id, IdentityKind.EXTERNAL_ID, external_id)
    return await show_page(call, [contact.contact_id] if contact and not offset else [], int(contact is not None))


# ---------------------------------------------------------------- what other methods share


def page(call: Call[Any]) -> tuple[int, int]:
    """Offset and number of the rows that ``startindex`` and ``maxrows`` name."""
    start = call.query.number("startindex", default=1, least=1, clamp=2**53)
    return start - 1, call.query.number("maxrows", default=MAX_ROWS, least=1, clamp=MAX_ROWS)


async def show_page(call: Call[Any], contact_ids: list[int], total: int) -> Answer:
    """Contacts with the header ``TotalCount``."""
    details = await call.app.contacts.directory.details(call.account_id, contact_ids)
    book = await whole_addressbook(call)
    return Answer([show_contact(one, book) for one in details], headers={"TotalCount": str(total)})


async def whole_addressbook(call: Call[Any]) -> Addressbook:
    """What contacts are shown with."""
    fields = await call.app.contacts.fields.by_key(call.account_id)
    return Addressbook(
        account_id=call.account_id,
        fields={field.field_id: field for field in fields.values()},
        zone=await account_zone(call),
    )


def not_found(contact_id: int) -> Refused:
    return Refused(404, f"Contact with id='{contact_id}' not found")


def require_channels(body: ContactBody) -> None:
    """Raises Refused for a contact that nothing says who it is."""
    if not isinstance(body.channels, list):
        raise Refused(400, "Required field 'channels' is missing")
    if not body.channels:
        raise Refused(400, "Field 'channels' is empty")
    if not has_channel(body) and not (isinstance(body.external_customer_id, str) and body.external_customer_id.strip()):
        raise Refused(400, "Field 'channels' has no channel with a value")


def read_contact_or_refuse(body: ContactBody, book: Addressbook, **how: Any) -> Any:
    try:
        return read_contact(body, book, **how)
    except Invalid as error:
        raise refusal(error, body) from None


def recognised(options: SaveOptions, body: ContactBody) -> SaveOptions:
    """A contact without any other identity is recognised by its push token."""
    kinds = {channel.type.strip().lower() for channel in body.channels or () if (channel.value or "").strip()}
    named = (body.external_customer_id, body.contact_key)
    if kinds & {"email", "sms"} or any(isinstance(value, str) and value.strip() for value in named):
        return options
    for kind, channel in (("mobilepush", Channel.MOBILEPUSH), ("webpush", Channel.WEBPUSH)):
        if kind in kinds:
            return msgspec.structs.replace(options, recognition=Recognition.PUSH_TOKEN, channel=channel)
    raise Refused(400, "Field 'channels' is wrong: a contact is recognised by email, sms, mobilepush or webpush")


def with_groups(options: SaveOptions, body: ContactBody) -> SaveOptions:
    """Old clients name lists to join in the contact."""
    names = tuple(group.name for group in body.groups or () if group.name and group.name.strip())
    return msgspec.structs.replace(options, lists=names) if names else options


METHODS = [
    Method(
        "POST",
        "/v1/contact",
        add_contact,
        scope=Scope.WRITE_CONTACTS,
        body=ContactBody,
        once=True,
        summary="Add or update a contact",
        answer=ContactId,
    ),
    Method(
        "GET",
        "/v1/contact/{id}",
        get_contact,
        scope=Scope.READ_CONTACTS,
        summary="A contact with its static segments",
        answer=ContactShown,
    ),
    Method(
        "PUT",
        "/v1/contact/{id}",
        update_contact,
        scope=Scope.WRITE_CONTACTS,
        body=ContactBody,
        keep_nulls=True,
        summary="Update a contact; null and empty texts clear",
    ),
    Method("DELETE", "/v1/contact/{id}", delete_contact, scope=Scope.WRITE_CONTACTS, summary="Delete a contact"),
    Method(
        "DELETE",
        "/v1/contact",
        delete_by_external_id,
        scope=Scope.WRITE_CONTACTS,
        summary="Delete a contact by your own id, or erase it for good",
        query=(
            Parameter(name="externalCustomerId", text="Id of the contact in your system.", required=True),
            Parameter(name="erase", text="true: erase the data for good.", type="boolean"),
        ),
    ),
    Method(
        "GET",
        "/v1/contacts",
        search_contacts,
        scope=Scope.READ_CONTACTS,
        summary="Search contacts",
        query=(
            Parameter(name="email", text="Part of an address."),
            Parameter(name="sms", text="Part of a number; only digits count."),
            Parameter(name="firstname", text="Part of the first name."),
            Parameter(name="lastname", text="Part of the last name."),
            Parameter(name="externalCustomerId", text="Exact id in your system; give no other criterion with it."),
            *PAGING,
        ),
        answer=list[ContactShown],
    ),
]
