"""Use cases of sites: register one, take in what its pages report, know visitors again."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import idna

from syncom.clock import Clock
from syncom.errors import Conflict, Forbidden, Invalid, NotFound
from syncom.events.model import EventInput
from syncom.events.service import EventsService
from syncom.postgres.pool import Database
from syncom.sites import store
from syncom.sites.model import PageEvent, Site

#: A browser's clock is believed this far back; what it says of the future is now.
_BELIEVED: Final = timedelta(days=1)
#: Anybody can speak for a page, and these are believed to come from the shop's own system.
_OF_ORDERS: Final = re.compile(r"order[A-Z]")
_VISITOR: Final = re.compile(r"[\w.-]{8,100}", re.ASCII)
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


class SitesService:
    """Sites of an account and their visitors."""

    def __init__(self, database: Database, events: EventsService, clock: Clock) -> None:
        self._database = database
        self._events = events
        self._clock = clock

    async def add(self, account_id: int, domain: str) -> Site:
        """Register a site. Raises Invalid, and Conflict when the account has it already.

        Whether it can be reached is not tried: a shop may be built behind a login first.
        """
        site = Site(site_id=uuid4(), account_id=account_id, domain=normalise_domain(domain))
        async with self._database.tenant(account_id) as connection:
            if not await store.add(connection, site):
                raise Conflict("Domain already exists", field="domain")
        return site

    async def sites(self, account_id: int) -> list[Site]:
        """All sites, the newest first."""
        async with self._database.tenant(account_id) as connection:
            return await store.sites(connection, account_id)

    async def find(self, site_id: UUID) -> Site:
        """The site whose pages carry this id, of whatever account. Raises NotFound."""
        async with self._database.system() as connection:
            found = await store.find(connection, site_id)
        if found is None:
            raise NotFound("site", site_id)
        return found

    async def report(self, site: Site, event: PageEvent, *, origin: str | None) -> None:
        """Record what a page reports; returns when it is committed.

        Whom it is about: the person the page names, else the one this visitor turned out to be before. ``origin`` is
        where the browser says the page is: pages elsewhere are refused (Forbidden); a server has none. Raises Invalid.
        """
        if origin is not None and not is_of(origin, site.domain):
            raise Forbidden(f"pages of {origin} do not report to the site {site.domain}")
        if _OF_ORDERS.match(event.type_key):
            raise Forbidden("events of orders are not taken from pages: send orders instead")
        visitor = event.visitor.visitor if _VISITOR.fullmatch(event.visitor.visitor) else ""
        named = {
            name: value
            for name, value in (
                ("externalCustomerId", event.visitor.external_id.strip()),
                ("email", event.visitor.email.strip()),
                ("phone", event.visitor.phone.strip()),
            )
            if value
        }
        known = None if named or not visitor else await self._known(site.account_id, visitor)
        given = EventInput(
            type_key=event.type_key,
            key=event.key or visitor,
            params=event.params | named | {"siteId": str(site.site_id)} | ({"sc": visitor} if visitor else {}),
            contact_id=known,
            occurred_at=self._moment(event),
        )
        try:
            [recorded] = await self._events.record(site.account_id, [given], create_contacts=True)
        except NotFound:
            # The contact was deleted since. The visitor is nobody again.
            await self._forget(site.account_id, visitor)
            await self.report(site, event, origin=origin)
            return
        if named and visitor and recorded.contact_id is not None:
            async with self._database.tenant(site.account_id) as connection:
                await store.remember(connection, site.account_id, visitor, recorded.contact_id)

    def _moment(self, event: PageEvent) -> datetime | None:
        now = self._clock.now()
        if event.occurred_at is None or not now - _BELIEVED <= event.occurred_at <= now:
            return None
        return event.occurred_at

    async def contact_of(self, account_id: int, visitor: str) -> int | None:
        """The contact this visitor turned out to be."""
        return await self._known(account_id, visitor) if _VISITOR.fullmatch(visitor) else None

    async def _known(self, account_id: int, visitor: str) -> int | None:
        async with self._database.tenant(account_id) as connection:
            return await store.visitor(connection, account_id, visitor)

    async def _forget(self, account_id: int, visitor: str) -> None:
        async with self._database.tenant(account_id) as connection:
            await store.forget(connection, account_id, visitor)


def normalise_domain(text: str) -> str:
    """Scheme and host, such as ``https://shop.example``; without a scheme it is https. Raises Invalid."""
    text = text.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except (ValueError, idna.IDNAError):
        raise Invalid("domain", "is not the address of a site such as https://shop.example") from None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or parts.username is not None:
        raise Invalid("domain", "is not the address of a site such as https://shop.example")
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def is_of(origin: str, domain: str) -> bool:
    """Whether a page of this origin is one of the site: its host, or one below it."""
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    own = (urlsplit(domain).hostname or "").removeprefix("www.")
    return host == own or host.endswith(f".{own}")
