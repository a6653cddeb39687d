"""/contacts/duplicates: contacts that are probably one person."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get

from syncom.accounts.model import Permission
from syncom.contacts.duplicates import Agreement, Place
from syncom.http.native.contacts import Person, person
from syncom.http.native.given import By, Contacts
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Contacts"]


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """Two contacts that are probably one person, the older one first, and what they have in common."""

    one: Person
    other: Person
    agree: list[Agreement]


@get("/contacts/duplicates", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def suggest_duplicates(
    by: By,
    contacts: Contacts,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[Alike]:
    """Pairs to look at, and to merge with `POST /contacts/{contact_id}/merge`.

    An address that is another one's but for dots and what follows a plus; then people of one name who have something
    else in common. A page looks at ten thousand contacts at the most: it may be empty and still have a next one, and
    have some pairs more than `limit`.
    """
    found = await contacts.duplicates.suggest(by.account_id, read_cursor(cursor, Place), limit=limit)
    items = [Alike(one=person(pair.one), other=person(pair.other), agree=list(pair.agree)) for pair in found.pairs]
    return Page(items=items, next_cursor=None if found.next is None else cursor_for(found.next))


HANDLERS: list[Any] = [suggest_duplicates]
