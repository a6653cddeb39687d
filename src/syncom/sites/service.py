"""Use cases of sites: register one, take in what its pages report, know visitors again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import idna
import msgspec

from syncom.clock import Clock
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, Forbidden, Invalid, NotFound
from syncom.events.model import EventInput
from syncom.events.service import EventsService
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.sites import store
from syncom.sites.model import PageEvent, Sender, Site, Visitor

#: A browser's clock is believed this far back; what it says of the future is now.
_BELIEVED: Final = timedelta(days=1)
#: Anybody can speak for a page, and these are believed to come from the shop's own system.
_OF_ORDERS: Final = re.compile(r"order[A-Z]")
_VISITOR: Final = re.compile(r"[\w.-]{8,100}", re.ASCII)
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


#: What a visitor did this long before it is known who they are becomes the contact's.
JOINED: Final = timedelta(days=30)
#: For this long a page may show a token.
_TOKEN_LIFE: Final = timedelta(days=30)
#: The token of a click is for the page it leads to, and for the time its reader takes to agree there.
_CLICK_LIFE: Final = timedelta(minutes=15)


class _Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says."""

    site: UUID
    #: Seconds since 1970.
    until: int
    named: dict[str, str]
    #: Of a link of a message. Messages are passed on, so it counts only while nobody is known to be there.
    clicked: bool = False


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Signed).decode


class SitesService:
    """Sites of an account and their visitors."""

    def __init__(
        self, database: Database, contacts: ContactsService, events: EventsService, keyring: Keyring, clock: Clock
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._signer = keyring.signer("site visitor")
        self._events = events
        self._clock = clock

    async def add(self, account_id: int, domain: str, *, strict: bool = False, clicks: bool = False) -> Site:
        """Register a site. Raises Invalid, and Conflict when the account has it already.

        Whether it can be reached is not tried: a shop may be built behind a login first.
        """
        site = Site(
            site_id=uuid4(), account_id=account_id, domain=normalise_domain(domain), strict=strict, clicks=clicks
        )
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

    async def get(self, account_id: int, site_id: UUID) -> Site:
        """A site of this account. Raises NotFound."""
        found = next((site for site in await self.sites(account_id) if site.site_id == site_id), None)
        if found is None:
            raise NotFound("site", site_id)
        return found

    async def change(
        self, account_id: int, site_id: UUID, *, strict: bool | None = None, clicks: bool | None = None
    ) -> Site:
        """Make a site strict, or have it know who comes by a click; None leaves that as it is. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            changed = await store.change(connection, account_id, site_id, strict=strict, clicks=clicks)
        if changed is None:
            raise NotFound("site", site_id)
        return changed

    async def token(self, account_id: int, site_id: UUID, person: Visitor) -> str:
        """What a page of the site shows to say who is at it, for 30 days. Raises NotFound, and Invalid for nobody."""
        site = await self.get(account_id, site_id)
        named = _named(person)
        if not named:
            raise Invalid("email", "is missing: name the person by external_id, email or phone")
        return self._signed(site, named, _TOKEN_LIFE, clicked=False)

    def click_token(self, site: Site, contact_id: int) -> str:
        """What a link of this contact's message tells the site that it leads to: for 15 minutes, and no address."""
        return self._signed(site, {"contactId": str(contact_id)}, _CLICK_LIFE, clicked=True)

    def _signed(self, site: Site, named: dict[str, str], life: timedelta, *, clicked: bool) -> str:
        until = int((self._clock.now() + life).timestamp())
        return self._signer.sign(_encode(_Signed(site=site.site_id, until=until, named=named, clicked=clicked)))

    async def report(self, site: Site, event: PageEvent, sender: Sender) -> bool:
        """Record what a page reports; returns when it is committed. False: nothing is recorded of machines, and of
        whom does not want it.

        Whom it is about: the person its token or, where the site is not strict, the page names, else the one this
        visitor turned out to be before; a click's token names somebody only where nobody is known yet. Pages elsewhere
        are refused (Forbidden). Raises Invalid.
        """
        if sender.origin is not None and not is_of(sender.origin, site.domain):
            raise Forbidden(f"pages of {sender.origin} do not report to the site {site.domain}")
        if sender.origin is None and site.strict:
            raise Forbidden(f"only pages of {site.domain} report to it: send events with an API key instead")
        if _OF_ORDERS.match(event.type_key):
            raise Forbidden("events of orders are not taken from pages: send orders instead")
        if sender.unwanted or (sender.origin is not None and sender.machine):
            return False
        visitor = event.visitor.visitor if _VISITOR.fullmatch(event.visitor.visitor) else ""
        named, clicked = self._who(site, event.visitor)
        known = await self._known(site.account_id, visitor) if visitor and (clicked or not named) else None
        if clicked and known is not None and not await self._is_nobody(site.account_id, known):
            named = {}
        given = EventInput(
            type_key=event.type_key,
            key=event.key or visitor,
            dedupe_key=f"{visitor}.{event.report_id}" if event.report_id else "",
            params=event.params | named | {"siteId": str(site.site_id)} | ({"sc": visitor} if visitor else {}),
            contact_id=None if named else known,
            occurred_at=self._moment(event),
        )
        try:
            [recorded] = await self._events.record(site.account_id, [given], create_contacts=True)
        except NotFound:
            # The contact was deleted since. The visitor is nobody again.
            await self._forget(site.account_id, visitor)
            return await self.report(site, event, sender)
        if named and visitor and recorded.contact_id is not None:
            await self._turned_out(site.account_id, visitor, recorded.contact_id, (site.site_id,))
        if visitor and site.strict and (named or recorded.repeated or recorded.contact_id is None):
            await self._join(site, visitor)
        return True

    async def _join(self, site: Site, visitor: str) -> None:
        """What the visitor did on this site before becomes the contact's whom they turned out to be there.

        Asked for after every report of nobody too, once that is committed: of a report and the one that says who it
        is, at the same moment, the later one sees the other. A report that comes again repairs what a crash left out.
        """
        async with self._database.tenant(site.account_id) as connection:
            contact_id = await store.visitor_of_site(connection, site, visitor)
        if contact_id is not None:
            since = self._clock.now() - JOINED
            await self._events.join_visits(site.account_id, site.site_id, visitor, contact_id, since=since)

    def _who(self, site: Site, visitor: Visitor) -> tuple[dict[str, str], bool]:
        """Whom a page names, in words of events, and whether only a click says so.

        A token that is not of this site or too old names nobody; nor does a click's, once the site does not want them.
        """
        if not visitor.token:
            return {} if site.strict else _named(visitor), False
        payload = self._signer.verify(visitor.token)
        if payload is None:
            return {}, False
        signed = _decode(payload)
        alive = signed.site == site.site_id and signed.until >= self._clock.now().timestamp()
        wanted = site.clicks or not signed.clicked
        return signed.named if alive and wanted else {}, signed.clicked

    def _moment(self, event: PageEvent) -> datetime | None:
        now = self._clock.now()
        if event.occurred_at is None or not now - _BELIEVED <= event.occurred_at <= now:
            return None
        return event.occurred_at

    async def contact_of(self, account_id: int, visitor: str) -> int | None:
        """The contact this visitor turned out to be."""
        return await self._known(account_id, visitor) if _VISITOR.fullmatch(visitor) else None

    async def recognise(self, account_id: int, visitor: str, contact_id: int, *, page_url: str = "") -> None:
        """This visitor filled in a form as this contact: so they are, unless somebody is known to be there already.

        ``page_url``: where it was; what they did on that site before becomes the contact's. An empty visitor is nobody.
        """
        before = await self.contact_of(account_id, visitor)
        if not _VISITOR.fullmatch(visitor) or (before is not None and not await self._is_nobody(account_id, before)):
            return
        sites = [site for site in await self.sites(account_id) if is_of(page_url, site.domain)]
        await self._turned_out(account_id, visitor, contact_id, [site.site_id for site in sites])
        for site in sites:
            if site.strict:
                await self._join(site, visitor)

    async def _turned_out(self, account_id: int, visitor: str, contact_id: int, site_ids: Sequence[UUID]) -> None:
        """Remember who a visitor is; the contact they were taken for goes into it."""
        before = await self._known(account_id, visitor)
        await self.remember(account_id, visitor, contact_id, site_ids=site_ids)
        if before is not None:
            await self.join(account_id, contact_id, before)

    async def remember(self, account_id: int, visitor: str, contact_id: int, *, site_ids: Sequence[UUID] = ()) -> None:
        """This visitor is this contact; ``site_ids``: where they said so. A visitor without a number is nobody's."""
        if not _VISITOR.fullmatch(visitor):
            return
        async with self._database.tenant(account_id) as connection:
            await store.remember(connection, account_id, visitor, contact_id, site_ids)

    async def join(self, account_id: int, contact_id: int, other_id: int) -> None:
        """What a visitor was taken for before it was known who they are goes into who they are.

        Only a contact that nothing tells who it is, such as one that a subscription to web push made, is anybody's.
        """
        if other_id != contact_id and await self._is_nobody(account_id, other_id):
            with contextlib.suppress(NotFound):  # one of them has gone: there is nothing to join
                await self._contacts.merge(account_id, contact_id, other_id)

    async def _is_nobody(self, account_id: int, contact_id: int) -> bool:
        """Whether nothing tells who a contact is; nobody either is one that has gone."""
        try:
            contact = await self._contacts.get(account_id, contact_id)
        except NotFound:
            return True
        return not (contact.email or contact.phone or contact.external_id or contact.contact_key)

    async def _known(self, account_id: int, visitor: str) -> int | None:
        async with self._database.tenant(account_id) as connection:
            return await store.visitor(connection, account_id, visitor)

    async def _forget(self, account_id: int, visitor: str) -> None:
        async with self._database.tenant(account_id) as connection:
            await store.forget(connection, account_id, visitor)


def _named(person: Visitor) -> dict[str, str]:
    given = (
        ("externalCustomerId", person.external_id.strip()),
        ("email", person.email.strip()),
        ("phone", person.phone.strip()),
    )
    return {name: value for name, value in given if value}


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
