"""Many contacts in one call, and where such calls stand (eSputnik reference, POST /v1/contacts, GET /v1/importstatus).

The work is done before the answer, in one transaction with its session: who asks for the session a moment later finds
it finished, and a call that was answered is not lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from syncom.contacts.imports.fetch import FileRequest
from syncom.contacts.imports.jobs import start_fetch
from syncom.contacts.imports.model import ImportOptions
from syncom.contacts.model import (
    Channel,
    ContactSave,
    CustomField,
    Deleted,
    IdentityKind,
    Recognition,
    RowProblem,
    SaveOptions,
    SaveResult,
    SessionContact,
    SessionStatus,
    UpsertOptions,
)
from syncom.contacts.service import put_session
from syncom.errors import Invalid
from syncom.events.service import checked_type_key
from syncom.http.esputnik.contact_body import (
    MASKS,
    Addressbook,
    ContactBody,
    Mask,
    complaint,
    read_contact,
)
from syncom.http.esputnik.method import Call, Method, Refused, Scope
from syncom.http.esputnik.moments import account_zone, write_moment
from syncom.ids import uuid7
from syncom.postgres.pool import Connection

_LIMIT: Final = 3_000
_NAMES_LIMIT: Final = 200
_EXTERNAL: Final = IdentityKind.EXTERNAL_ID
#: Identities after the external id, which always comes first.
_IDENTITIES: Final[Mapping[str, tuple[IdentityKind, ...]]] = {
    "email": (IdentityKind.EMAIL,),
    "sms": (IdentityKind.PHONE,),
    "email_or_sms": (IdentityKind.PHONE, IdentityKind.EMAIL),
    "externalcustomerid": (),
    "contactkey": (IdentityKind.CONTACT_KEY,),
}
_TOKENS: Final = {"push": Channel.MOBILEPUSH, "mobilepush": Channel.MOBILEPUSH, "webpush": Channel.WEBPUSH}
_MEMBERS: Final = {IdentityKind.EMAIL: "email", IdentityKind.PHONE: "phone", IdentityKind.CONTACT_KEY: "contact_key"}


class ContactsBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Up to 3,000 contacts, and how they are written."""

    contacts: list[ContactBody]
    #: email, sms, email_or_sms, push, mobilepush, webpush, id, fieldId, externalCustomerId, contactKey.
    dedupe_on: str
    #: Additional field that contacts are recognised by, with dedupeOn=fieldId.
    field_id: int | None = None
    #: Members that are written; one that is listed and has no data is cleared. Missing: all that are given.
    contact_fields: list[str] | None = None
    #: Additional fields that are written.
    custom_fields_ids: list[int] | None = msgspec.field(name="customFieldsIDs", default=None)
    group_names: list[str] | None = None
    group_names_exclude: list[str] | None = None
    restore_deleted: bool | None = None
    event_key_for_new_contacts: str | None = None


class BulkAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The session to ask for, and the contacts that were refused, each with `errorMessage`."""

    id: int = 0
    async_session_id: str
    failed_contacts: list[dict[str, Any]]


class ImportStatusShown(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session stands."""

    status: str
    timestamps: str
    description: str
    contacts: tuple[SessionContact, ...]


async def add_contacts(call: Call[ContactsBody]) -> BulkAnswer:
    body = call.body
    if not body.contacts:
        raise Refused(400, "Field 'contacts' is empty")
    if len(body.contacts) > _LIMIT:
        raise Refused(400, f"Maximum {_LIMIT} contacts per request")
    fields = await _fields(call, body)
    options = save_options(
        dedupe_on=body.dedupe_on,
        field=_key_field(fields, body.field_id),
        group_names=body.group_names,
        group_names_exclude=body.group_names_exclude,
        restore_deleted=bool(body.restore_deleted),
    )
    options = _keeping(options, body)
    event_key = new_contact_event(body.event_key_for_new_contacts)
    book = Addressbook(account_id=call.account_id, fields=fields, zone=await account_zone(call))
    saves, places, failed = _read(body, book, _mask(body, options))
    session_id = uuid7()

    async def also(connection: Connection, result: SaveResult) -> None:
        if event_key:
            await call.app.events.write_new_contacts(connection, call.account_id, event_key, result.created)
        await put_session(
            connection,
            call.account_id,
            session_id,
            "contacts",
            SessionStatus.FINISHED,
            description=_description(result, len(body.contacts)),
            contacts=_session_contacts(saves, result),
        )

    try:
        result = await call.app.contacts.save(call.account_id, saves, options, also=also)
    except Invalid as error:
        wrong = error.fields[0]
        raise Refused(400, f"Field '{_OPTION_NAMES.get(wrong.field, wrong.field)}' is wrong: {wrong.reason}") from None
    failed += [
        (places[problem.index], complaint(problem, body.contacts[places[problem.index]])) for problem in result.problems
    ]
    return BulkAnswer(
        async_session_id=str(session_id),
        failed_contacts=[_failed(body.contacts[place], message) for place, message in sorted(failed)],
    )


class UploadBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A CSV file to download, and how it is imported."""

    #: http or https; log-in and password of its host may be in it.
    link: str
    #: email, sms, email_or_sms, fieldId, externalCustomerId, contactKey.
    dedupe_on: str
    field_id: int | None = None
    group_names: list[str] | None = None
    group_names_exclude: list[str] | None = None
    restore_deleted: bool | None = None
    event_key_for_new_contacts: str | None = None


async def upload_contacts(call: Call[UploadBody]) -> BulkAnswer:
    body = call.body
    field = await _field(call, body)
    save = save_options(
        dedupe_on=body.dedupe_on,
        field=field,
        group_names=body.group_names,
        group_names_exclude=body.group_names_exclude,
        restore_deleted=bool(body.restore_deleted),
    )
    if save.recognition not in (Recognition.IDENTITY, Recognition.FIELD):
        raise Refused(400, f"Field 'dedupeOn' is wrong: a file cannot be imported by '{body.dedupe_on}'")
    request = FileRequest(
        account_id=call.account_id,
        session_id=uuid7(),
        link=body.link.strip(),
        options=ImportOptions(save=save, new_contact_event=new_contact_event(body.event_key_for_new_contacts)),
    )
    try:
        await call.app.files.begin(request)
    except Invalid as error:
        raise Refused(400, f"Field 'link' {error.fields[0].reason}") from None
    await start_fetch(call.jobs, request)
    return BulkAnswer(async_session_id=str(request.session_id), failed_contacts=[])


async def _field(call: Call[Any], body: UploadBody) -> CustomField | None:
    if body.field_id is None or body.dedupe_on.strip().lower() != "fieldid":
        return None
    found = await call.app.contacts.fields.by_id(call.account_id, {body.field_id})
    if body.field_id not in found:
        raise Refused(400, f"Additional field with id='{body.field_id}' not found")
    return found[body.field_id]


#: Members of the body that our names stand for, where a whole call is refused.
_OPTION_NAMES: Final = {"name": "groupNames", "subscriptions": "subscriptions", "type_key": "eventKeyForNewContacts"}


async def import_status(call: Call[None]) -> ImportStatusShown:
    text = call.path["session:text"]
    try:
        session_id = UUID(text)
    except ValueError:
        raise Refused(400, f"'{text}' is not a session id") from None
    session = await call.app.contacts.sessions.get(call.account_id, session_id)
    return ImportStatusShown(
        status=session.status.value,
        timestamps=write_moment(session.changed_at, await account_zone(call)),
        description=session.description,
        contacts=session.contacts,
    )


# ---------------------------------------------------------------- how contacts are recognised and written


def save_options(
    *,
    dedupe_on: str,
    field: CustomField | None,
    group_names: Sequence[str] | None,
    group_names_exclude: Sequence[str] | None,
    restore_deleted: bool,
) -> SaveOptions:
    """What the members shared by POST contacts and contacts/upload mean. Raises Refused."""
    kind = dedupe_on.strip().lower()
    keys = _IDENTITIES.get(kind, ())
    if kind in _IDENTITIES:
        recognition = Recognition.IDENTITY
    elif kind in _TOKENS:
        recognition = Recognition.PUSH_TOKEN
    elif kind == "id":
        recognition = Recognition.CONTACT_ID
    elif kind == "fieldid":
        recognition = Recognition.FIELD
        if field is None:
            raise Refused(400, "Required field 'fieldId' is missing")
    else:
        raise Refused(400, f"Field 'dedupeOn' is wrong: '{dedupe_on}' is none of {', '.join(_DEDUPE_NAMES)}")
    return SaveOptions(
        upsert=UpsertOptions(key=_EXTERNAL, fallback_keys=keys, take_over=True, source="api"),
        recognition=recognition,
        field=field,
        channel=_TOKENS.get(kind, Channel.MOBILEPUSH),
        deleted=Deleted.RESTORE if restore_deleted else Deleted.SKIP,
        deleted_keys=(_EXTERNAL, *keys),
        lists=_names("groupNames", group_names),
        left_lists=_names("groupNamesExclude", group_names_exclude),
    )


_DEDUPE_NAMES: Final = (
    "email", "sms", "email_or_sms", "push", "mobilepush", "webpush", "id", "fieldId", "externalCustomerId",
    "contactKey",
)  # fmt: skip


def _names(field: str, names: Sequence[str] | None) -> tuple[str, ...]:
    found = tuple(name.strip() for name in names or () if name.strip())
    if len(found) > _NAMES_LIMIT:
        raise Refused(400, f"Field '{field}' has more than {_NAMES_LIMIT} entries")
    return found


def _keeping(options: SaveOptions, body: ContactsBody) -> SaveOptions:
    """Identities that are not listed stay as they are in known contacts."""
    if body.contact_fields is None:
        return options
    listed = {member for name in body.contact_fields for member in MASKS.get(name, ())}
    keep = tuple(kind for kind, member in _MEMBERS.items() if member not in listed)
    return msgspec.structs.replace(options, upsert=msgspec.structs.replace(options.upsert, keep=keep))


def _mask(body: ContactsBody, options: SaveOptions) -> Mask:
    keys = {_MEMBERS[kind] for kind in options.upsert.fallback_keys} | {"external_id"}
    fields = set(body.custom_fields_ids or ())
    if options.field is not None:
        fields.add(options.field.field_id)
    if body.contact_fields is None:
        return Mask(members=None, fields=frozenset(fields), keys=frozenset(keys))
    unknown = [name for name in body.contact_fields if name not in MASKS]
    if unknown:
        raise Refused(400, f"Field 'contactFields' is wrong: '{unknown[0]}' is none of {', '.join(MASKS)}")
    members = {member for name in body.contact_fields for member in MASKS[name]}
    return Mask(members=frozenset(members), fields=frozenset(fields), keys=frozenset(keys))


def new_contact_event(key: str | None) -> str:
    """The type of event that new contacts make; empty: none."""
    if not key or not key.strip():
        return ""
    try:
        return checked_type_key(key)
    except Invalid as error:
        raise Refused(400, f"Field 'eventKeyForNewContacts' {error.fields[0].reason}") from None


# ---------------------------------------------------------------- reading and telling


async def _fields(call: Call[Any], body: ContactsBody) -> Mapping[int, CustomField]:
    wanted = set(body.custom_fields_ids or ())
    if body.field_id is not None and body.dedupe_on.strip().lower() == "fieldid":
        wanted.add(body.field_id)
    if not wanted:
        return {}
    found = await call.app.contacts.fields.by_id(call.account_id, wanted)
    for field_id in wanted:
        if field_id not in found:
            raise Refused(400, f"Additional field with id='{field_id}' not found")
    return found


def _key_field(fields: Mapping[int, CustomField], field_id: int | None) -> CustomField | None:
    return fields.get(field_id) if field_id is not None else None


def _read(
    body: ContactsBody, book: Addressbook, mask: Mask
) -> tuple[list[ContactSave], list[int], list[tuple[int, str]]]:
    """The contacts that can be read, their places in the call, and what is wrong with the others."""
    saves: list[ContactSave] = []
    places: list[int] = []
    failed: list[tuple[int, str]] = []
    for place, contact in enumerate(body.contacts):
        try:
            saves.append(read_contact(contact, book, mask=mask, contact_id=contact.id or 0))
            places.append(place)
        except Invalid as error:
            wrong = error.fields[0]
            problem = RowProblem(index=place, field=wrong.field, reason=wrong.reason)
            failed.append((place, complaint(problem, contact)))
    return saves, places, failed


def _session_contacts(saves: Sequence[ContactSave], result: SaveResult) -> list[SessionContact]:
    found: list[SessionContact] = []
    for save, contact_id in zip(saves, result.contact_ids, strict=True):
        if contact_id is not None:
            own_id = save.contact.external_id
            found.append(SessionContact(id=contact_id, external_customer_id=own_id if isinstance(own_id, str) else ""))
    return found


def _description(result: SaveResult, count: int) -> str:
    written = sum(contact_id is not None for contact_id in result.contact_ids)
    return f"{written} of {count} contacts were written" if written < count else ""


def _failed(body: ContactBody, message: str) -> dict[str, Any]:
    return {**msgspec.to_builtins(body), "errorMessage": message}


METHODS = [
    Method(
        "POST",
        "/v1/contacts",
        add_contacts,
        scope=Scope.WRITE_CONTACTS,
        body=ContactsBody,
        once=True,
        paced=True,
        summary="Add or update up to 3,000 contacts",
        answer=BulkAnswer,
    ),
    Method(
        "POST",
        "/v1/contacts/upload",
        upload_contacts,
        scope=Scope.WRITE_CONTACTS,
        body=UploadBody,
        once=True,
        summary="Import a CSV file from an address",
        answer=BulkAnswer,
    ),
    Method(
        "GET",
        "/v1/importstatus/{session:text}",
        import_status,
        scope=Scope.READ_CONTACTS,
        summary="Where a session of contacts, contacts/upload or orders stands",
        answer=ImportStatusShown,
    ),
]
