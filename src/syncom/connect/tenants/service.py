"""Use cases of the tenants room: who asks, workspaces and their keys, who connections belong to."""

from __future__ import annotations

import asyncio
import contextlib
from hashlib import sha256
from typing import Any, Final

import msgspec

from syncom.clock import Clock
from syncom.connect.model import Caller
from syncom.connect.tenants import jose, store
from syncom.connect.tenants.clients import Clients
from syncom.connect.tenants.key_sets import KeySets
from syncom.connect.tenants.model import DEFAULT_TENANT, Member, People, PublicKey, Tenant, Workspace
from syncom.connect.tenants.oauth import OAuthService
from syncom.connect.tenants.registry import Registry, checked_fields, checked_key, checked_name
from syncom.connect.tenants.verifying import Verifier
from syncom.errors import Conflict, Invalid, NotFound
from syncom.ids import short_id
from syncom.outbound import OutboundClient, check_url
from syncom.postgres.pool import Database
from syncom.postgres.remembered import listen
from syncom.security import Keyring

#: Paths of this server that tokens are made for: the REST API and the OAuth server, and MCP.
REST: Final = "/membrane"
MCP: Final = "/mcp"
#: MCP's own address, and the vendor's.
MCP_PATHS: Final = (MCP, "/membrane/mcp/integrate-anything")
#: Said by every process when a credential changes.
_CHANNELS: Final = ("syncom_connect", "syncom_auth")
_MAX_PUBLIC_KEYS: Final = 20
_JWKS_SIZE: Final = 256 * 1024
_JWKS_SECONDS: Final = 5.0
#: How long a post to a workspace's owner may be on its way.
_EVENT_SECONDS: Final = 300


class TenantsService:
    """Workspaces, tenants, and the tokens that stand for them."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        people: People | None = None,
        client: OutboundClient | None = None,
        base_url: str = "http://127.0.0.1:8080",
    ) -> None:
        """``people``: users and API keys, which another room knows; without it no API key is taken. ``client``: the way
        out to keys of others; without it only listed ones count. ``base_url``: how the world reaches this server."""
        self._database = database
        self._clock = clock
        self._people = people
        self._client = client
        self._registry = Registry(database, keyring, clock)
        self.api_uri = base_url.rstrip("/") + REST
        self._resources = _resources(base_url.rstrip("/"))
        signing_key = keyring.key("oauth access token")
        fetch = self._fetched if client is not None else None
        self._verifier = Verifier(
            database,
            clock,
            self._registry,
            KeySets(fetch, clock),
            people,
            issuer=self.api_uri,
            signing_key=signing_key,
        )
        #: Signing people in, grants, and long-lived tokens.
        self.oauth = OAuthService(
            database,
            keyring,
            clock,
            self._registry,
            self._verifier,
            Clients(database, clock, fetch, code_page=f"{self.api_uri}/oauth/code"),
            issuer=self.api_uri,
            resources=self._resources[REST] | self._resources[MCP],
            signing_key=signing_key,
        )
        self._listener: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ life of the service

    async def start(self) -> None:
        """Follow changes of credentials made by other processes. Only a web server needs it."""
        ready = asyncio.Event()
        self._listener = asyncio.create_task(listen(self._database.dsn, _CHANNELS, self, ready))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), timeout=5)

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    def forget(self) -> None:
        """Believe nothing that was looked up before now."""
        self._verifier.known.forget()
        self._registry.forget()

    # ------------------------------------------------------------ who asks

    async def authenticate(self, token: str, *, at: str = REST) -> Caller:
        """Who a token stands for; ``at`` says which part of this server it came to (:data:`REST`, :data:`MCP`).

        Raises Unauthorized for anything but a live token that is good there, Forbidden for one whose owner may not come
        in at all. What was seen in the last seconds costs no query.
        """
        return await self._verifier.authenticate(token, self._resources[at])

    def known(self, token: str, *, at: str = REST) -> Caller | None:
        """The caller of a token that was seen in the last seconds, without waiting for anything."""
        return self._verifier.seen(token, self._resources[at])

    # ------------------------------------------------------------ workspaces

    async def workspace(self, account_id: int) -> Workspace:
        """The account's workspace, made when there was none. Raises NotFound."""
        return await self._registry.workspace(account_id)

    async def workspace_of(self, selector: str) -> Workspace:
        """By its id or key. Raises NotFound."""
        async with self._database.system() as connection:
            account_id = await store.workspace_account(connection, selector)
        if account_id is None:
            raise NotFound("workspace", selector)
        return await self._registry.workspace(account_id)

    async def credentials(self, account_id: int) -> tuple[str, str]:
        """Key and secret. Only for whoever owns the account. Raises Conflict when the key file is another one."""
        sealed = await self._registry.sealed(account_id)
        return sealed.workspace.key, self._registry.secret(sealed).decode()

    async def sign_event(self, account_id: int, event_id: str, body: bytes) -> str:
        """A token that shows the account's owner that a post is ours: with the SHA-256 of its body, for some minutes.

        It names no tenant and no manager, so it opens nothing here.
        """
        sealed = await self._registry.sealed(account_id)
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": sealed.workspace.key,
            "iat": now,
            "exp": now + _EVENT_SECONDS,
            "jti": event_id,
            "sha256": sha256(body).hexdigest(),
        }
        return jose.sign(claims, self._registry.secret(sealed), kind="JWT")

    async def rotate_secret(self, account_id: int) -> str:
        """A new secret, in the answer once; what was signed with the old one is refused within seconds."""
        secret = await self._registry.rotate_secret(account_id)
        self.forget()
        return secret

    async def set_secret_key_auth(self, account_id: int, *, enabled: bool) -> Workspace:
        """Whether tokens may be signed with the secret."""
        return await self._save(account_id, secret_key_auth=enabled)

    async def add_public_key(self, account_id: int, name: str, public_key: str) -> Workspace:
        """Take tokens signed with its private half: a PEM, or a JWK as JSON. Raises Invalid, Conflict."""
        name = name.strip()
        if not name or len(name) > 100 or not name.isprintable():
            raise Invalid("name", "must have 1 to 100 printable characters")
        jose.read_public_key(public_key)
        present = (await self._registry.sealed(account_id)).workspace.public_keys
        if any(key.name == name for key in present):
            raise Conflict(f"there is a key named {name} already: remove it first", field="name")
        if len(present) >= _MAX_PUBLIC_KEYS:
            raise Conflict(f"a workspace has {_MAX_PUBLIC_KEYS} public keys at most: remove one first")
        keys = (*present, PublicKey(name=name, public_key=public_key.strip()))
        return await self._save(account_id, public_keys=keys)

    async def remove_public_key(self, account_id: int, name: str) -> Workspace:
        """Raises NotFound."""
        present = (await self._registry.sealed(account_id)).workspace.public_keys
        keys = tuple(key for key in present if key.name != name)
        if len(keys) == len(present):
            raise NotFound("public key", name)
        return await self._save(account_id, public_keys=keys)

    async def set_jwks_uri(self, account_id: int, address: str | None) -> Workspace:
        """Where the keys of tokens' signatures are published; None: nowhere. Fetched once to see that it works.

        Raises Invalid, Upstream.
        """
        if address is not None:
            check_url("jwksUri", address)
            if not jose.read_key_set(await self._fetched(address)):
                raise Invalid("jwksUri", "leads to no key for signatures")
        return await self._save(account_id, jwks_uri=address)

    async def _save(self, account_id: int, **changes: Any) -> Workspace:
        present = (await self._registry.sealed(account_id)).workspace
        await self._registry.save(msgspec.structs.replace(present, **changes))
        self.forget()
        return await self._registry.workspace(account_id)

    async def _fetched(self, address: str) -> bytes:
        if self._client is None:
            raise Invalid("jwksUri", "cannot be fetched here")
        answer = await self._client.call(
            "GET",
            address,
            headers={"Accept": "application/json"},
            seconds=_JWKS_SECONDS,
            limit=_JWKS_SIZE,
        )
        if answer.status != 200:
            raise Invalid("jwksUri", f"answered {answer.status}")
        return answer.body

    # ------------------------------------------------------------ people

    async def members(self, user_id: int) -> list[Member]:
        """The accounts a person may act in, oldest first."""
        return await self._people.members(user_id) if self._people is not None else []

    # ------------------------------------------------------------ tenants

    async def tenant(self, account_id: int, selector: str, *, create: bool = False) -> Tenant:
        """By id or key; with ``create`` one with this key is made when there is none. Raises NotFound, Invalid."""
        async with self._database.tenant(account_id) as connection:
            found = await store.tenant(connection, account_id, selector) if selector.isprintable() else None
        if found is not None:
            return found
        if selector == DEFAULT_TENANT:
            return await self._registry.default_tenant(account_id)
        if not create:
            raise NotFound("tenant", selector)
        return await self._registry.seen(account_id, selector, name=None, fields=None)

    async def tenants(
        self, account_id: int, *, search: str | None = None, archived: bool = False, limit: int = 100, offset: int = 0
    ) -> list[Tenant]:
        """The default one first, then by age."""
        await self._registry.default_tenant(account_id)
        async with self._database.tenant(account_id) as connection:
            return await store.tenants(
                connection, account_id, search=search, archived=archived, limit=limit, offset=offset
            )

    async def add_tenant(
        self, account_id: int, key: str, *, name: str | None = None, fields: dict[str, Any] | None = None
    ) -> Tenant:
        """Make one. Raises Invalid; Conflict when the key is taken."""
        key, name, fields = checked_key(key), checked_name(name), checked_fields(fields)
        async with self._database.tenant(account_id) as connection:
            made = await store.add_tenant(
                connection, account_id, tenant_id=short_id(), key=key, name=name or "", fields=fields or {}
            )
            found = await store.tenant_by_key(connection, account_id, key)
        if not made or found is None:
            raise Conflict(f"there is a tenant with the key {key} already", field="internalId")
        return found

    async def change_tenant(
        self,
        account_id: int,
        selector: str,
        *,
        name: str | None = None,
        fields: dict[str, Any] | None = None,
        merge: bool = False,
    ) -> Tenant:
        """Rename it, or store other fields (with ``merge``: over those it has). Raises NotFound, Invalid."""
        name, fields = checked_name(name), checked_fields(fields)
        found = await self.tenant(account_id, selector)
        if fields is not None and merge:
            fields = checked_fields({**found.fields, **fields})
        async with self._database.tenant(account_id) as connection:
            await store.change_tenant(connection, account_id, found.tenant_id, name=name, fields=fields)
        self._registry.forget()
        return await self.tenant(account_id, found.tenant_id)

    async def archive_tenant(self, account_id: int, selector: str) -> Tenant:
        """Its tokens are refused until it is restored. Raises NotFound, Conflict for the default one."""
        found = await self.tenant(account_id, selector)
        if found.key == DEFAULT_TENANT:
            raise Conflict("the default tenant stays: API keys act for it")
        return await self._set_archived(found, archived=True)

    async def restore_tenant(self, account_id: int, selector: str) -> Tenant:
        """Raises NotFound."""
        return await self._set_archived(await self.tenant(account_id, selector), archived=False)

    async def _set_archived(self, tenant: Tenant, *, archived: bool) -> Tenant:
        moment = self._clock.now() if archived else None
        async with self._database.system() as connection:
            await store.archive_tenant(connection, tenant.account_id, tenant.tenant_id, moment)
            await store.notify(connection, f"tenant:{tenant.tenant_id}")
        self.forget()
        return await self.tenant(tenant.account_id, tenant.tenant_id)


def _resources(base: str) -> dict[str, frozenset[str]]:
    """By the part of the server: addresses that a token for it may be bound to. The bare server is good for all."""
    everywhere = {base, base + "/"}
    return {
        REST: frozenset({base + REST, *everywhere}),
        MCP: frozenset({*(base + path for path in MCP_PATHS), *everywhere}),
    }
