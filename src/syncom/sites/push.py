"""Visitors of a site subscribe to web push: domains, the account's keys, the subscriptions."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import msgspec
from psycopg.rows import TupleRow

from syncom.contacts import subscriptions
from syncom.contacts.model import (
    Channel,
    ContactInput,
    ContactSave,
    FurtherChannel,
    Recognition,
    SaveOptions,
    UpsertOptions,
)
from syncom.contacts.service import ContactsService
from syncom.contacts.subscriptions import SubscriptionRef
from syncom.errors import Forbidden, Invalid, NotFound
from syncom.outbound import is_allowed, read_networks
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql
from syncom.sites.push_keys import PushKeys
from syncom.sites.service import SitesService, is_of, normalise_domain

_SQL = load_sql("syncom.sites", "push.sql")
#: A path of a site: what may stand in a script and in a file name, and nothing that leaves the folder.
_PATH: Final = re.compile(r"/(?:[\w.~-]+/)*", re.ASCII)
_NAME: Final = re.compile(r"[\w.~-]{1,100}\.js", re.ASCII)
_ENDPOINT_LIMIT: Final = 2000
_TURNS: Final = 64


class PushDomain(msgspec.Struct, frozen=True, kw_only=True):
    """A site whose visitors may subscribe."""

    push_id: UUID
    account_id: int
    domain: str
    #: Where the site serves the service worker.
    worker_path: str
    scope: str


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser gives out (Push API, W3C): where to send, and keys to encrypt with."""

    endpoint: str
    keys: dict[str, str]


class WebPush:
    """Web push of an account's sites. Sending is the work of a channel of messages."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        sites: SitesService,
        keys: PushKeys,
        *,
        outbound_allow: str = "",
    ) -> None:
        """Subscriptions at push services over plain http are for addresses in ``outbound_allow``."""
        self._database = database
        self._contacts = contacts
        self._sites = sites
        self._keys = keys
        self._allowed = read_networks(outbound_allow)
        #: Two tabs that subscribe at once do not make two contacts of one browser: they wait for each other.
        self._turns = [asyncio.Lock() for _ in range(_TURNS)]

    async def register(self, account_id: int, *, domain: str, name: str, path: str, scope: str) -> PushDomain:
        """Let visitors of a site subscribe; a known one gets the new paths. Raises Invalid."""
        if not _NAME.fullmatch(name):
            raise Invalid("serviceWorkerName", "must be a file name such as push-sw.js")
        for field, value in (("serviceWorkerPath", path), ("serviceWorkerScope", scope)):
            if not _PATH.fullmatch(value) or ".." in value or len(value) > 200:
                raise Invalid(field, "must be a path that begins and ends with / such as /uploads/")
        await self._keys.pair(account_id)
        values = {
            "push_id": uuid4(),
            "account_id": account_id,
            "domain": normalise_domain(domain),
            "worker_path": path + name,
            "scope": scope,
        }
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["put_domain"], values)).fetchone()
        assert row is not None
        return _domain(row)

    async def domain(self, account_id: int, domain: str) -> PushDomain:
        """A registered site. Raises NotFound."""
        values = {"account_id": account_id, "domain": normalise_domain(domain)}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["domain"], values)).fetchone()
        if row is None:
            raise NotFound("domain", domain)
        return _domain(row)

    async def find(self, push_id: UUID) -> PushDomain:
        """The site whose pages carry this id, of whatever account. Raises NotFound."""
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["find"], {"push_id": push_id})).fetchone()
        if row is None:
            raise NotFound("domain", push_id)
        return _domain(row)

    async def public_key(self, account_id: int) -> str:
        """What browsers subscribe with. Raises NotFound."""
        return await self._keys.public(account_id)

    async def subscribe(
        self,
        domain: PushDomain,
        subscription: Subscription,
        *,
        visitor: str,
        origin: str | None,
        previous: str = "",
        agent: str = "",
    ) -> None:
        """Keep a visitor's subscription as a channel: of the contact they turned out to be, else of the one whose
        subscription it takes the place of (``previous``, an address that only its browser knows), else of a new one.

        ``agent``: what the browser says it is. Raises Forbidden for pages elsewhere, Invalid.
        """
        if origin is not None and not is_of(origin, domain.domain):
            raise Forbidden(f"pages of {origin} do not report to the site {domain.domain}")
        self._check(subscription)
        async with self._turns[hash(subscription.endpoint) % _TURNS]:
            await self._subscribe(domain, subscription, visitor, previous, agent)

    async def _subscribe(
        self, domain: PushDomain, subscription: Subscription, visitor: str, previous: str, agent: str
    ) -> None:
        account_id = domain.account_id
        replaced = previous if previous != subscription.endpoint else ""
        owner = await self._owner(account_id, previous or subscription.endpoint)
        known = await self._sites.contact_of(account_id, visitor)
        data: dict[str, Any] = {
            "keys": {name: subscription.keys[name] for name in ("p256dh", "auth")},
            "domain": domain.domain,
            "userAgent": agent,
        }
        channel = FurtherChannel(channel=Channel.WEBPUSH, value=subscription.endpoint, data=data)
        kept = await self._keep(account_id, channel, known if known is not None else owner)
        if replaced and owner is not None:
            gone = SubscriptionRef(account_id=account_id, contact_id=owner, endpoint=replaced)
            async with self._database.system() as connection:
                await subscriptions.remove(connection, [gone])
        if known is None:
            await self._sites.remember(account_id, visitor, kept)
        elif owner is not None:
            await self._sites.join(account_id, kept, owner)

    async def _keep(self, account_id: int, channel: FurtherChannel, contact_id: int | None) -> int:
        """Save it as a channel of this contact, or of a new one; returns whose it is."""
        options = SaveOptions(
            upsert=UpsertOptions(source="web push"),
            recognition=Recognition.PUSH_TOKEN if contact_id is None else Recognition.CONTACT_ID,
            channel=Channel.WEBPUSH,
        )
        save = ContactSave(contact=ContactInput(), contact_id=contact_id or 0, channels=(channel,))
        return (await self._contacts.save_one(account_id, save, options)).contact_id

    async def _owner(self, account_id: int, endpoint: str) -> int | None:
        """Whose subscription this is."""
        values = {"account_id": account_id, "endpoint": endpoint[:_ENDPOINT_LIMIT]}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["owner"], values)).fetchone()
        return None if row is None else row[0]

    def _check(self, subscription: Subscription) -> None:
        """Raises Invalid."""
        parts = urlsplit(subscription.endpoint)
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and is_allowed(parts.hostname or "", self._allowed)
        )
        if not is_safe or not parts.hostname or len(subscription.endpoint) > _ENDPOINT_LIMIT:
            raise Invalid("subscription.endpoint", "must be the https address of a push service")
        if not {"p256dh", "auth"} <= subscription.keys.keys():
            raise Invalid("subscription.keys", "must have p256dh and auth")


def _domain(row: TupleRow) -> PushDomain:
    push_id, account_id, domain, worker_path, scope = row
    return PushDomain(push_id=push_id, account_id=account_id, domain=domain, worker_path=worker_path, scope=scope)
