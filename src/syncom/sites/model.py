"""Values of the sites domain."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site whose pages report what visitors do."""

    site_id: UUID
    account_id: int
    #: Scheme and host, such as ``https://shop.example``.
    domain: str


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the page, as far as it knows. Empty: unknown."""

    #: Id in the browser's cookie.
    visitor: str = ""
    external_id: str = ""
    email: str = ""
    phone: str = ""


class PageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a page reports."""

    type_key: str
    key: str = ""
    params: dict[str, Any] = {}
    visitor: Visitor = Visitor()
    #: By the browser's clock; believed within a day.
    occurred_at: datetime | None = None
