"""/categories: what subscribers can choose from, and what each contact chose."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.contacts.model import Category
from syncom.http.native.given import By, Contacts, Wiring
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs

_TAGS = ["Categories"]


class CategoryInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A category: what programs call it, and what people read."""

    key: str
    name: str


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of categories."""

    keys: list[str]


@get("/categories", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_categories(by: By, contacts: Contacts) -> Page[Category]:
    """Every subscription category, by key."""
    return Page(items=await contacts.categories.all(by.account_id), next_cursor=None)


@post("/categories", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def put_category(by: By, contacts: Contacts, data: JSONBody[CategoryInput]) -> Category:
    """Add a subscription category, or rename the one with this key."""
    return await contacts.categories.put(by.account_id, data.key, data.name)


@delete("/categories/{category_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def delete_category(by: By, contacts: Contacts, category_id: FromPath[int]) -> None:
    """Remove a category, from every contact too."""
    await contacts.categories.delete(by.account_id, category_id)


@get("/contacts/{contact_id:int}/categories", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_contact_categories(by: By, contacts: Contacts, contact_id: FromPath[int]) -> Chosen:
    """What a contact chose."""
    return Chosen(keys=await contacts.categories.of(by.account_id, contact_id))


@put("/contacts/{contact_id:int}/categories", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def put_contact_categories(by: By, wiring: Wiring, contact_id: FromPath[int], data: JSONBody[Chosen]) -> Chosen:
    """Replace what a contact chose; categories that are missing are made."""
    return Chosen(keys=await wiring.subscriptions.choose(by.account_id, contact_id, data.keys, source=by.actor))


HANDLERS: list[Any] = [
    list_categories,
    put_category,
    delete_category,
    get_contact_categories,
    put_contact_categories,
]
