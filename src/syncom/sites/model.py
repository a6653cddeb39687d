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
    #: Visitors are asked before anything is reported, and who they are is believed only with a token.
    strict: bool = False
    #: Who comes by a link of a message is known by it: the link says whose message it was.
    clicks: bool = False


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the page, as far as it knows. Empty: unknown."""

    #: Id in the browser's cookie.
    visitor: str = ""
    external_id: str = ""
    email: str = ""
    phone: str = ""
    #: Says who it is on the word of the site's own server.
    token: str = ""


class PageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a page reports."""

    type_key: str
    key: str = ""
    #: The page's own id of this report; a report that is sent again is recorded once.
    report_id: str = ""
    params: dict[str, Any] = {}
    visitor: Visitor = Visitor()
    #: By the browser's clock; believed within a day.
    occurred_at: datetime | None = None


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about where it comes from."""

    #: Where the browser says the page is; None: no browser says it.
    origin: str | None = None
    #: A crawler or another program, as far as its User-Agent tells.
    machine: bool = False
    #: The browser says that its user does not want this (Do Not Track, Global Privacy Control).
    unwanted: bool = False
