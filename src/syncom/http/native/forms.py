"""/forms: what people subscribe with, on pages of sites or by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.consent.forms import Form, FormInput
from syncom.http.native.given import By, Wiring
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import Edited, needs

_TAGS = ["Forms"]


class ShownForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form, its own page, and what a page of a site has to hold to show it: inline, or as a pop-up."""

    form_id: int
    version: int
    definition: FormInput
    url: str
    snippet: str
    popup_snippet: str
    created_at: datetime
    updated_at: datetime


@get("/forms", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_forms(by: By, wiring: Wiring, limit: Limit = 100, cursor: Cursor = None) -> Page[ShownForm]:
    """Forms of the account, the oldest first."""
    found = await wiring.forms.list(by.account_id, after=read_cursor(cursor, int) or 0, limit=limit + 1)
    page = page_of(found, limit, lambda one: one.form_id)
    return Page(items=[shown(one, wiring.settings.base_url) for one in page.items], next_cursor=page.next_cursor)


@post("/forms", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS, edits=Edited.FORM))
async def add_form(by: By, wiring: Wiring, data: JSONBody[FormInput]) -> ShownForm:
    """Add a form."""
    return shown(await wiring.forms.add(by.account_id, data), wiring.settings.base_url)


@get("/forms/{form_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS, edits=Edited.FORM))
async def get_form(by: By, wiring: Wiring, form_id: FromPath[int]) -> ShownForm:
    """One form."""
    return shown(await wiring.forms.get(by.account_id, form_id), wiring.settings.base_url)


@put("/forms/{form_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS, edits=Edited.FORM))
async def put_form(by: By, wiring: Wiring, form_id: FromPath[int], data: JSONBody[FormInput]) -> ShownForm:
    """Change a form: its next version, at the same address."""
    return shown(await wiring.forms.put(by.account_id, form_id, data), wiring.settings.base_url)


@delete("/forms/{form_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def delete_form(by: By, wiring: Wiring, form_id: FromPath[int]) -> None:
    """Remove a form. What it proved stays."""
    await wiring.forms.delete(by.account_id, form_id)


def shown(form: Form, base_url: str) -> ShownForm:
    """A form with its addresses."""
    url = f"{base_url.rstrip('/')}/t/f/{form.key}"
    return ShownForm(
        form_id=form.form_id,
        version=form.version,
        definition=form.definition,
        url=url,
        snippet=f'<script src="{url}.js"></script>',
        popup_snippet=f'<script async src="{url}.js" data-popup></script>',
        created_at=form.created_at,
        updated_at=form.updated_at,
    )


HANDLERS: list[Any] = [list_forms, add_form, get_form, put_form, delete_form]
