"""/contacts/table: pages of contacts as a person looks through them."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import post
from litestar.params import JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.contacts import Person, person
from syncom.http.native.given import By, Table
from syncom.http.native.paging import Cursor, Limit, cursor_for, read_cursor
from syncom.http.native.routing import needs
from syncom.segments.model import Count
from syncom.segments.table import Order

_TAGS = ["Contacts"]


class TableQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to show, and how.

    `condition` is of the segment language. `search` are a few typed words: the beginning of an address, a number or a
    name, or a whole id. `fields` are the keys of custom fields to bring along; null: all. `total` asks how many there
    are: an estimate where counting takes longer than a moment.
    """

    condition: dict[str, Any] | None = None
    search: str = ""
    order: Order = Order.NEWEST
    fields: list[str] | None = None
    total: bool = False


class TableRows(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the table. `is_complete` is false where more than a thousand contacts begin as `search` does."""

    items: list[Person]
    next_cursor: str | None
    total: Count | None
    is_complete: bool


@post("/contacts/table", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CONTACTS, replay=False))
async def read_table(
    by: By, table: Table, data: JSONBody[TableQuestion], limit: Limit = 100, cursor: Cursor = None
) -> TableRows:
    """Contacts by a condition and typed words, in an order; a page costs the same wherever it is. Changes nothing."""
    page = await table.page(
        by.account_id,
        condition=data.condition,
        words=data.search,
        order=data.order,
        after=read_cursor(cursor, tuple[str, int]),
        limit=limit,
        with_total=data.total,
    )
    people = [person(contact) for contact in page.contacts]
    if data.fields is not None:
        wanted = set(data.fields)
        people = [
            msgspec.structs.replace(one, fields={key: one.fields[key] for key in one.fields if key in wanted})
            for one in people
        ]
    return TableRows(
        items=people,
        next_cursor=None if page.next is None else cursor_for(page.next),
        total=page.total,
        is_complete=page.is_complete,
    )


HANDLERS: list[Any] = [read_table]
