"""/carts: what lies in carts, and what became of those that were abandoned."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import get, put
from litestar.params import FromPath, FromQuery, JSONBody

from syncom.accounts.model import Permission
from syncom.carts.model import Cart, CartFigures, CartSettings
from syncom.http.native.given import By, Carts, Contacts
from syncom.http.native.paging import Limit, Page
from syncom.http.native.routing import needs

_TAGS = ["Carts"]


@get("/carts/settings", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_cart_settings(by: By, carts: Carts) -> CartSettings:
    """When a cart is taken for abandoned, and until when for recovered."""
    return await carts.settings(by.account_id)


@put("/carts/settings", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def put_cart_settings(by: By, carts: Carts, data: JSONBody[CartSettings]) -> CartSettings:
    """Change it. The idle time counts for carts that change from now on."""
    return await carts.configure(by.account_id, data)


@get("/carts/figures", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_cart_figures(
    by: By, carts: Carts, since: FromQuery[date | None] = None, until: FromQuery[date | None] = None
) -> Page[CartFigures]:
    """Abandoned carts, those that orders recovered, and what these came to, by currency.

    Of the last 30 days, unless the days (UTC, both included) are given.
    """
    return Page(items=await carts.figures(by.account_id, since=since, until=until), next_cursor=None)


@get("/contacts/{contact_id:int}/carts", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_contact_carts(
    by: By, carts: Carts, contacts: Contacts, contact_id: FromPath[int], limit: Limit = 100
) -> Page[Cart]:
    """A contact's carts, the one that changed last first."""
    await contacts.get(by.account_id, contact_id)
    return Page(items=await carts.of_contact(by.account_id, contact_id, limit=limit), next_cursor=None)


HANDLERS: list[Any] = [get_cart_settings, put_cart_settings, get_cart_figures, list_contact_carts]
