"""Sign-up forms, categories and the unsubscribed list (eSputnik reference, 5.1 and 5.3)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from syncom.contacts.model import (
    Category,
    Channel,
    Deleted,
    IdentityKind,
    SaveOptions,
    SaveResult,
    SubscriptionState,
    UpsertOptions,
)
from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.events.service import checked_type_key
from syncom.http.esputnik.contact_body import ContactBody, addressbook, refusal
from syncom.http.esputnik.contacts import ContactId, read_contact_or_refuse, recognised, require_channels
from syncom.http.esputnik.method import EMPTY, Call, Method, Parameter, Refused, Scope
from syncom.postgres.pool import Connection

_KEYS: Final = (IdentityKind.EXTERNAL_ID, IdentityKind.EMAIL, IdentityKind.PHONE)
#: What a form says about a known contact adds to its channels and changes none of them.
_SUBSCRIBE: Final = SaveOptions(
    upsert=UpsertOptions(
        key=_KEYS[0],
        fallback_keys=_KEYS[1:],
        keep=(*_KEYS, IdentityKind.CONTACT_KEY),
        consent=SubscriptionState.UNCONFIRMED,
        source="form",
    ),
    deleted=Deleted.RESTORE,
    deleted_keys=_KEYS[:1],
)
_NAMES_LIMIT: Final = 200
_ADDRESS_LIMIT: Final = 50_000
_IDS_LIMIT: Final = 500


class SubscribeBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact that filled in a form."""

    contact: ContactBody
    #: Names of static segments to join; missing ones are made.
    groups: list[str] | None = None
    #: Name of the form; becomes a suffix of the event's type.
    form_type: str | None = None
    #: Keys of subscription categories.
    subscriptions: list[str] | None = None


class EmailsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, not contacts."""

    emails: list[str]


class SubscriptionsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of categories; a bare list is taken too."""

    subscriptions: list[str] | None = None


ChosenBody: Any = SubscriptionsBody | list[str]


class CategoryShown(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription category of the account."""

    key: str
    name: str


class ContactEmail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact's address."""

    contact_id: int
    email: str


class ContactEmails(msgspec.Struct, frozen=True, kw_only=True):
    """Those of the contacts asked for that have one."""

    results: list[ContactEmail]


async def subscribe(call: Call[SubscribeBody]) -> ContactId:
    body = call.body
    require_channels(body.contact)
    form = _form(body.form_type)
    options = msgspec.structs.replace(
        recognised(_SUBSCRIBE, body.contact),
        lists=_names("groups", body.groups),
        categories=_names("subscriptions", body.subscriptions),
    )
    save = read_contact_or_refuse(body.contact, await addressbook(call, [body.contact]))

    async def also(connection: Connection, result: SaveResult) -> None:
        contact_id = result.contact_ids[0]
        if contact_id is not None:
            event = _event(contact_id, save.contact.email, form, is_new=bool(result.created))
            await call.app.events.write(connection, call.account_id, [event])

    try:
        outcome = await call.app.contacts.save_one(call.account_id, save, options, also=also)
    except Invalid as error:
        if error.fields[0].field in ("name", "subscriptions"):
            field = "groups" if error.fields[0].field == "name" else "subscriptions"
            raise Refused(400, f"Field '{field}' is wrong: {error.fields[0].reason}") from None
        raise refusal(error, body.contact) from None
    return ContactId(id=outcome.contact_id)


def _form(name: str | None) -> str:
    """The suffix of the event's type. Raises Refused."""
    name = (name or "").strip()
    if not name:
        return ""
    try:
        checked_type_key(f"subscribeUpdateFromApi-{name}")
    except Invalid as error:
        raise Refused(400, f"Field 'formType' {error.fields[0].reason}") from None
    return f"-{name}"


def _names(field: str, names: list[str] | None) -> tuple[str, ...]:
    found = tuple(name.strip() for name in names or () if name.strip())
    if len(found) > _NAMES_LIMIT:
        raise Refused(400, f"Field '{field}' has more than {_NAMES_LIMIT} entries")
    return found


def _event(contact_id: int, email: object, form: str, *, is_new: bool) -> EventInput:
    kind = "subscribeFromApi" if is_new else "subscribeUpdateFromApi"
    params: dict[str, Any] = {"ContactId": contact_id}
    if isinstance(email, str) and email:
        params["EmailAddress"] = email.strip().lower()
    return EventInput(type_key=kind + form, key=str(contact_id), params=params, contact_id=contact_id)


# ---------------------------------------------------------------- categories


async def list_categories(call: Call[None]) -> list[CategoryShown]:
    return [_shown(one) for one in await call.app.contacts.categories.all(call.account_id)]


async def get_subscriptions(call: Call[None]) -> list[str]:
    return await call.app.contacts.categories.of(call.account_id, call.path["id"])


async def put_subscriptions(call: Call[Any]) -> list[str]:
    body: SubscriptionsBody | list[str] = call.body
    keys = body if isinstance(body, list) else body.subscriptions
    if keys is None:
        raise Refused(400, "Required field 'subscriptions' is missing")
    try:
        return await call.app.subscriptions.choose(call.account_id, call.path["id"], keys, source=call.by.actor)
    except Invalid as error:
        raise Refused(400, f"Field 'subscriptions' {error.fields[0].reason}") from None


def _shown(category: Category) -> CategoryShown:
    return CategoryShown(key=category.key, name=category.name)


# ---------------------------------------------------------------- addresses


class UnsubscribedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address that gets no mailings. ``reason`` is 'unsubscribed', 'complaint', 'hard bounce' or 'manual'."""

    email: str
    reason: str
    date: str


async def list_unsubscribed(call: Call[None]) -> list[UnsubscribedAddress]:
    """eSputnik's API has no way to read this list; moving an account needs one."""
    found = await call.app.contacts.consents.suppressions(
        call.account_id,
        Channel.EMAIL,
        after=call.query.text("after") or "",
        limit=call.query.number("maxrows", default=500, least=1, clamp=500),
    )
    return [
        UnsubscribedAddress(email=one.address, reason=one.reason, date=f"{one.created_at:%Y-%m-%dT%H:%M:%S}")
        for one in found
    ]


async def add_unsubscribed(call: Call[EmailsBody]) -> object:
    _check_emails(call.body.emails)
    try:
        await call.app.contacts.consents.unsubscribe_addresses(
            call.account_id, Channel.EMAIL, call.body.emails, source="api"
        )
    except Invalid as error:
        raise _wrong_email(error, call.body.emails) from None
    return EMPTY


async def delete_unsubscribed(call: Call[EmailsBody]) -> object:
    _check_emails(call.body.emails)
    try:
        await call.app.contacts.consents.resubscribe_addresses(
            call.account_id, Channel.EMAIL, call.body.emails, source="api"
        )
    except Invalid as error:
        raise _wrong_email(error, call.body.emails) from None
    return EMPTY


def _check_emails(emails: list[str]) -> None:
    if not emails:
        raise Refused(400, "Field 'emails' is empty")
    if len(emails) > _ADDRESS_LIMIT:
        raise Refused(400, f"Maximum {_ADDRESS_LIMIT} emails per request")


def _wrong_email(error: Invalid, emails: list[str]) -> Refused:
    place = error.fields[0].field.rpartition(".")[2]
    return Refused(400, f"'{emails[int(place)]}' is not valid email" if place.isdigit() else error.message)


async def get_emails(call: Call[None]) -> ContactEmails:
    words = call.query.words("ids")
    if not words:
        raise Refused(400, "Required parameter 'ids' is missing")
    if len(words) > _IDS_LIMIT:
        raise Refused(400, f"Maximum {_IDS_LIMIT} ids per request")
    ids: list[int] = []
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) < 19):
            raise Refused(400, f"'{word}' is not a contact id")
        ids.append(int(word))
    contacts = await call.app.contacts.get_many(call.account_id, ids)
    return ContactEmails(
        results=[ContactEmail(contact_id=one.contact_id, email=one.email) for one in contacts if one.email]
    )


METHODS = [
    Method(
        "POST",
        "/v1/contact/subscribe",
        subscribe,
        scope=Scope.WRITE_CONTACTS,
        body=SubscribeBody,
        once=True,
        paced=True,
        summary="Add a contact that is not confirmed yet, from a form",
        answer=ContactId,
    ),
    Method(
        "GET",
        "/v1/contacts/email",
        get_emails,
        scope=Scope.READ_CONTACTS,
        summary="E-mail addresses by contact ids",
        query=(Parameter(name="ids", text="Contact ids, separated by commas.", required=True),),
        answer=ContactEmails,
    ),
    Method(
        "GET",
        "/v1/contact/{id}/subscriptions",
        get_subscriptions,
        scope=Scope.READ_CONTACTS,
        summary="Subscription categories of a contact",
        answer=list[str],
    ),
    Method(
        "PUT",
        "/v1/contact/{id}/subscriptions",
        put_subscriptions,
        scope=Scope.WRITE_CONTACTS,
        body=ChosenBody,
        summary="Replace the subscription categories of a contact",
        answer=list[str],
    ),
    Method(
        "GET",
        "/v1/subscriptions",
        list_categories,
        scope=Scope.GENERAL,
        summary="Subscription categories of the account",
        answer=list[CategoryShown],
    ),
    Method(
        "GET",
        "/v1/emails/unsubscribed",
        list_unsubscribed,
        scope=Scope.READ_CONTACTS,
        summary="Addresses that get no mailings (not a method of eSputnik's)",
        query=(
            Parameter(name="after", text="Give the last address of the page before; none: the first page."),
            Parameter(name="maxrows", type="integer", text="Rows to return, 500 at most."),
        ),
        answer=list[UnsubscribedAddress],
    ),
    Method(
        "POST",
        "/v1/emails/unsubscribed/add",
        add_unsubscribed,
        scope=Scope.WRITE_CONTACTS,
        body=EmailsBody,
        summary="No mailings to these addresses",
    ),
    Method(
        "POST",
        "/v1/emails/unsubscribed/delete",
        delete_unsubscribed,
        scope=Scope.WRITE_CONTACTS,
        body=EmailsBody,
        summary="Allow mailings to these addresses again",
    ),
]
