"""/lists: static groups of contacts."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.contacts.model import ContactFilter, ContactList, ListName
from syncom.http.native.contacts import Person, person
from syncom.http.native.given import By, Contacts
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_TAGS = ["Lists"]


class ListInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name of a list; no two lists of an account are called alike."""

    name: str


class Members(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Contacts by their ids. Unknown ones are skipped."""

    contact_ids: list[int]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """How many memberships changed."""

    changed: int


@get("/lists", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_lists(by: By, contacts: Contacts) -> Page[ContactList]:
    """All lists by name, with their sizes."""
    return Page(items=await contacts.lists.all(by.account_id), next_cursor=None)


@post("/lists", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def create_list(by: By, contacts: Contacts, data: JSONBody[ListInput]) -> ContactList:
    """Add an empty list."""
    return await contacts.lists.create(by.account_id, data.name)


@get("/lists/{list_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_list(by: By, contacts: Contacts, list_id: FromPath[int]) -> ContactList:
    """One list."""
    return await contacts.lists.get(by.account_id, list_id)


@patch("/lists/{list_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def rename_list(by: By, contacts: Contacts, list_id: FromPath[int], data: JSONBody[ListInput]) -> ContactList:
    """Change the name of a list."""
    return await contacts.lists.rename(by.account_id, list_id, data.name)


@delete("/lists/{list_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def delete_list(by: By, contacts: Contacts, list_id: FromPath[int]) -> None:
    """Remove a list; its contacts stay."""
    await contacts.lists.delete(by.account_id, list_id)


@get("/lists/{list_id:int}/members", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_members(
    by: By, contacts: Contacts, list_id: FromPath[int], limit: Limit = 100, cursor: Cursor = None
) -> Page[Person]:
    """The contacts of a list, newest first."""
    await contacts.lists.get(by.account_id, list_id)
    page = await contacts.search(by.account_id, ContactFilter(list_id=list_id), cursor=cursor or None, limit=limit)
    return Page(items=[person(contact) for contact in page.contacts], next_cursor=page.cursor)


@post("/lists/{list_id:int}/members", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def add_members(by: By, contacts: Contacts, list_id: FromPath[int], data: JSONBody[Members]) -> Changed:
    """Put contacts on a list."""
    return Changed(changed=await contacts.lists.add(by.account_id, list_id, data.contact_ids))


@post("/lists/{list_id:int}/members/remove", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def remove_members(by: By, contacts: Contacts, list_id: FromPath[int], data: JSONBody[Members]) -> Changed:
    """Take contacts off a list."""
    return Changed(changed=await contacts.lists.remove(by.account_id, list_id, data.contact_ids))


@get("/contacts/{contact_id:int}/lists", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_lists_of(by: By, contacts: Contacts, contact_id: FromPath[int]) -> Page[ListName]:
    """The lists that a contact is on, by name."""
    await contacts.get(by.account_id, contact_id)
    return Page(items=await contacts.lists.of(by.account_id, contact_id), next_cursor=None)


HANDLERS: list[Any] = [
    list_lists_of,
    list_lists,
    create_list,
    get_list,
    rename_list,
    delete_list,
    list_members,
    add_members,
    remove_members,
]
