"""Segments as eSputnik calls them, groups (eSputnik reference, 5.2): our lists are `Static`, our segments `Dynamic`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from syncom.contacts.model import IdentityKind
from syncom.http.esputnik.contact_body import ContactShown, GroupShown
from syncom.http.esputnik.contacts import page, show_page
from syncom.http.esputnik.method import PAGING, Answer, Call, Method, Parameter, Refused, Scope, Sentence
from syncom.segments.model import Group

_LIMIT: Final = 500
_KEY_LENGTH: Final = 255


class Member(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One contact, by our id or by the caller's own."""

    contact_id: int | None = None
    external_customer_id: str | None = None


class Members(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Contacts by our ids or by the caller's own, not both."""

    contact_ids: list[int] | None = None
    external_customer_ids: list[str] | None = None


#: Objects as documented, and the bare lists that some clients send.
MembersBody: Any = Members | list[int | Member]


async def list_groups(call: Call[None]) -> Answer:
    offset, limit = page(call)
    groups, total = await call.app.segments.groups.page(
        call.account_id, name=call.query.text("name") or "", offset=offset, limit=limit
    )
    shown = [GroupShown(id=group.group_id, name=group.name, type=group.kind.value) for group in groups]
    return Answer(shown, headers={"TotalCount": str(total)})


async def list_group_contacts(call: Call[None]) -> Answer:
    group = await call.app.segments.groups.get(call.account_id, call.path["id"])
    offset, limit = page(call)
    if group.list_id is not None:
        found = await call.app.contacts.directory.members(call.account_id, group.list_id, offset=offset, limit=limit)
    else:
        assert group.segment_id is not None
        found = await call.app.segments.contacts(call.account_id, group.segment_id, offset=offset, limit=limit)
    return await show_page(call, found.contact_ids, found.total)


async def attach(call: Call[Any]) -> Sentence:
    list_id = _static(await call.app.segments.groups.get(call.account_id, call.path["id"]))
    contact_ids = await _contact_ids(call, call.body)
    if contact_ids is None:
        raise Refused(400, "Required field 'contactIds' is missing")
    await call.app.contacts.lists.add(call.account_id, list_id, contact_ids)
    return Sentence("Contacts were attached")


async def detach(call: Call[Any]) -> Sentence:
    list_id = _static(await call.app.segments.groups.get(call.account_id, call.path["id"]))
    contact_ids = await _contact_ids(call, call.body)
    if contact_ids is None:
        await call.app.contacts.lists.empty(call.account_id, list_id)
    else:
        await call.app.contacts.lists.remove(call.account_id, list_id, contact_ids)
    return Sentence("Contacts were detached")


def _static(group: Group) -> int:
    if group.list_id is None:
        raise Refused(400, f"Segment with id='{group.group_id}' is not static: its contacts follow from its condition")
    return group.list_id


async def _contact_ids(call: Call[Any], body: Members | list[int | Member]) -> list[int] | None:
    """The contacts that a body names, those that exist; None when it names none at all."""
    ids, external_ids = _named(body)
    if ids is None and external_ids is None:
        return None
    if ids and external_ids:
        raise Refused(400, "Use either contactIds or externalCustomerIds")
    named = ids or external_ids or []
    if not named:
        raise Refused(400, "Field 'contactIds' is empty")
    if len(named) > _LIMIT:
        raise Refused(400, f"Maximum {_LIMIT} contacts per request")
    if external_ids:
        return await _by_external_id(call, external_ids)
    return [contact_id for contact_id in ids or () if 0 < contact_id < 2**63]


def _named(body: Members | list[int | Member]) -> tuple[list[int] | None, list[str] | None]:
    if isinstance(body, Members):
        return body.contact_ids, body.external_customer_ids
    ids: list[int] = []
    external_ids: list[str] = []
    for one in body:
        if isinstance(one, int):
            ids.append(one)
        elif one.contact_id is not None:
            ids.append(one.contact_id)
        elif one.external_customer_id is not None:
            external_ids.append(one.external_customer_id)
        else:
            raise Refused(400, "Required field 'contactId' is missing")
    return ids, external_ids


async def _by_external_id(call: Call[Any], external_ids: Sequence[str]) -> list[int]:
    wanted = [value.strip() for value in external_ids if 0 < len(value.strip()) <= _KEY_LENGTH]
    found = await call.app.contacts.find_ids(call.account_id, IdentityKind.EXTERNAL_ID, wanted)
    return [contact_id for contact_id in found if contact_id is not None]


METHODS = [
    Method(
        "GET",
        "/v1/groups",
        list_groups,
        scope=Scope.READ_CONTACTS,
        summary="Segments: lists (Static) and conditions (Dynamic)",
        query=(Parameter(name="name", text="Part of the name."), *PAGING),
        answer=list[GroupShown],
    ),
    Method(
        "GET",
        "/v1/group/{id}/contacts",
        list_group_contacts,
        scope=Scope.READ_CONTACTS,
        summary="Contacts of a segment",
        query=PAGING,
        answer=list[ContactShown],
    ),
    Method(
        "POST",
        "/v1/group/{id}/contacts/attach",
        attach,
        scope=Scope.WRITE_CONTACTS,
        body=MembersBody,
        summary="Add up to 500 contacts to a static segment",
    ),
    Method(
        "POST",
        "/v1/group/{id}/contacts/detach",
        detach,
        scope=Scope.WRITE_CONTACTS,
        body=MembersBody,
        body_optional=True,
        summary="Remove up to 500 contacts from a static segment; without a body, all",
    ),
]
