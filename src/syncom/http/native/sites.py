"""/sites: whose pages report what visitors do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Sites, Wiring
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.sites.model import Site, Visitor
from syncom.sites.tracker import snippet

_TAGS = ["Sites"]


class SiteInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site."""

    #: Scheme and host, such as `https://shop.example`.
    domain: str
    #: Visitors are asked before anything is reported, and who they are is believed only with a token.
    strict: bool = True
    #: Who comes by a link of a message is known by it.
    clicks: bool = False


class SiteChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes of a site; what is left out stays."""

    #: Visitors are asked before anything is reported, and who they are is believed only with a token.
    strict: bool | None = None
    #: Who comes by a link of a message is known by it.
    clicks: bool | None = None


class SeenSite(msgspec.Struct, frozen=True, kw_only=True):
    """A site, and what stands in its pages."""

    site_id: UUID
    domain: str
    strict: bool
    clicks: bool
    snippet: str


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is at a page."""

    external_id: str = ""
    email: str = ""
    phone: str = ""


class PageToken(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows: `syncom('identify', token)`."""

    token: str


@get("/sites", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_sites(by: By, sites: Sites, wiring: Wiring) -> Page[SeenSite]:
    """All sites, the newest first."""
    found = await sites.sites(by.account_id)
    return Page(items=[_seen(site, wiring.settings.base_url) for site in found], next_cursor=None)


@post("/sites", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def add_site(by: By, sites: Sites, wiring: Wiring, data: JSONBody[SiteInput]) -> SeenSite:
    """Register a site."""
    site = await sites.add(by.account_id, data.domain, strict=data.strict, clicks=data.clicks)
    return _seen(site, wiring.settings.base_url)


@put("/sites/{site_id:uuid}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def set_site(
    by: By, sites: Sites, wiring: Wiring, site_id: FromPath[UUID], data: JSONBody[SiteChange]
) -> SeenSite:
    """Make a site strict or have it know who comes by clicks, or not. Its pages need the lines of the answer."""
    site = await sites.change(by.account_id, site_id, strict=data.strict, clicks=data.clicks)
    return _seen(site, wiring.settings.base_url)


@post(
    "/sites/{site_id:uuid}/tokens",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.WRITE_EVENTS, replay=False),
)
async def make_page_token(by: By, sites: Sites, site_id: FromPath[UUID], data: JSONBody[Person]) -> PageToken:
    """A token with which a page says for 30 days who is at it. The site's server asks for it, and never the page."""
    person = Visitor(external_id=data.external_id, email=data.email, phone=data.phone)
    return PageToken(token=await sites.token(by.account_id, site_id, person))


def _seen(site: Site, base_url: str) -> SeenSite:
    return SeenSite(
        site_id=site.site_id,
        domain=site.domain,
        strict=site.strict,
        clicks=site.clicks,
        snippet=snippet(site, base_url),
    )


HANDLERS: list[Any] = [list_sites, add_site, set_site, make_page_token]
