"""/domains: whom mails are from, provably (docs/domains.md)."""

from __future__ import annotations

from typing import Any

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Domains
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs
from syncom.messages.identity.model import DomainChange, DomainInput, DomainView

_TAGS = ["Domains"]


@get("/domains", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_domains(by: By, domains: Domains, limit: Limit = 100, cursor: Cursor = None) -> Page[DomainView]:
    """Sending domains by their names, with the DNS records to set and what the last check found."""
    found = await domains.list(by.account_id, after=read_cursor(cursor, str) or "", limit=limit + 1)
    return page_of(found, limit, lambda one: one.domain)


@post("/domains", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def create_domain(by: By, domains: Domains, data: JSONBody[DomainInput]) -> DomainView:
    """Add a domain that mails come from. Set the records it answers with, then have it checked."""
    return await domains.add(by.account_id, data)


@get("/domains/{domain_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_domain(by: By, domains: Domains, domain_id: FromPath[int]) -> DomainView:
    """One domain."""
    return await domains.get(by.account_id, domain_id)


@patch("/domains/{domain_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def change_domain(by: By, domains: Domains, domain_id: FromPath[int], data: JSONBody[DomainChange]) -> DomainView:
    """Change its hosts and addresses. A new host is in use once a check found it; what is left out stays."""
    return await domains.change(by.account_id, domain_id, data)


@post(
    "/domains/{domain_id:int}/check", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS, replay=False)
)
async def check_domain(by: By, domains: Domains, domain_id: FromPath[int]) -> DomainView:
    """Ask DNS now, and take what is right into use."""
    return await domains.check(by.account_id, domain_id)


@post("/domains/{domain_id:int}/rotate", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def rotate_domain(by: By, domains: Domains, domain_id: FromPath[int]) -> DomainView:
    """Make new DKIM keys. The present ones sign until a check finds the new records."""
    return await domains.rotate(by.account_id, domain_id)


@delete("/domains/{domain_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def delete_domain(by: By, domains: Domains, domain_id: FromPath[int]) -> None:
    """Remove a domain with its keys: its mails are not signed any more."""
    await domains.remove(by.account_id, domain_id)


HANDLERS: list[Any] = [
    list_domains,
    create_domain,
    get_domain,
    change_domain,
    check_domain,
    rotate_domain,
    delete_domain,
]
