"""/fields: custom fields of contacts."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.contacts.model import CustomField, FieldType
from syncom.http.native.given import By, Contacts
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs

_TAGS = ["Custom fields"]


class FieldInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field to add. `key` is its merge-field name; `choices` belong to choice and multichoice."""

    key: str
    type: FieldType
    name: str = ""
    choices: list[str] = []


class FieldChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; members left out stay. Key and type stay for ever: stored values depend on them."""

    name: str | None = None
    choices: list[str] | None = None


@get("/fields", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_fields(by: By, contacts: Contacts) -> Page[CustomField]:
    """All custom fields."""
    return Page(items=await contacts.fields.all(by.account_id), next_cursor=None)


@post("/fields", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def create_field(by: By, contacts: Contacts, data: JSONBody[FieldInput]) -> CustomField:
    """Add a custom field."""
    return await contacts.fields.create(
        by.account_id, key=data.key, name=data.name or data.key, type=data.type, choices=data.choices
    )


@patch("/fields/{field_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def update_field(by: By, contacts: Contacts, field_id: FromPath[int], data: JSONBody[FieldChange]) -> CustomField:
    """Rename a field, or replace its choices."""
    return await contacts.fields.change(by.account_id, field_id, name=data.name, choices=data.choices)


@delete("/fields/{field_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def delete_field(by: By, contacts: Contacts, field_id: FromPath[int]) -> None:
    """Remove a field; its values are not shown any more."""
    await contacts.fields.delete(by.account_id, field_id)


HANDLERS: list[Any] = [list_fields, create_field, update_field, delete_field]
