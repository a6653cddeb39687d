"""Who a token stands for: every kind there is (membrane-api, 3.2).

=======================  ==================================================================================
JWT of a workspace       signed with the workspace's secret (HS256/384/512), or with one of its public keys
                         (ES, RS, PS, Ed25519; listed, or behind its ``jwksUri``): of a tenant, or of its manager
JWT of this server       access tokens of OAuth, and those derived from a person's
``pat-...``              long-lived tokens, of a tenant or of a person
``sk_...``, ``st_...``   API keys of this installation, for the default tenant
=======================  ==================================================================================

A JWT must have an end (``exp``). What was verified is believed for seconds, and forgotten when anything is revoked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from joserfc.jwk import Key

from syncom.clock import Clock
from syncom.connect.model import Caller, CallerKind, Restrictions
from syncom.connect.tenants import jose, store
from syncom.connect.tenants.key_sets import KeySets
from syncom.connect.tenants.model import Grant, KeyHolder, Member, People, Scope, Tenant, Workspace
from syncom.connect.tenants.registry import Registry
from syncom.errors import Forbidden, Invalid, Unauthorized
from syncom.postgres.pool import Database
from syncom.postgres.remembered import BELIEVED_SECONDS, Remembered
from syncom.security import hash_token

#: What long-lived tokens begin with: clients know by it that there is no JWT to look into.
TOKEN_PREFIX: Final = "pat-"  # noqa: S105 - what a token begins with
#: Type of this server's own access tokens (RFC 9068, 2.1).
ACCESS_TYPE: Final = "at+jwt"
_OPAQUE: Final = re.compile(r"pat-[0-9A-Za-z]{43}", re.ASCII)
_API_KEYS: Final = ("sk_", "st_")
_NOT_VALID: Final = "the token is not valid; sign in again, or make a new one"


class Verifier:
    """Turns tokens into callers."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        registry: Registry,
        key_sets: KeySets,
        people: People | None,
        *,
        issuer: str,
        signing_key: bytes,
    ) -> None:
        self._database = database
        self._clock = clock
        self._registry = registry
        self._key_sets = key_sets
        self._people = people
        self._issuer = issuer
        self._signing_key = signing_key
        #: With the resources a token is good for; none: all of them.
        self.known: Remembered[tuple[Caller, frozenset[str]]] = Remembered(clock)

    async def authenticate(self, token: str, resources: frozenset[str]) -> Caller:
        """Raises Unauthorized for anything but a live token that is good for one of these addresses; Forbidden for one
        of somebody who may not come in here, such as an archived tenant."""
        if len(token) > jose.MAX_TOKEN:
            raise Unauthorized("the token is too long")
        if token.startswith(_API_KEYS):
            return await self._of_api_key(token)
        token_hash = hash_token(token) if token.isascii() else b""
        known = self.known.get(token_hash)
        if known is None:
            generation = self.known.generation
            if token.startswith(TOKEN_PREFIX):
                caller, good_for, seconds = await self._of_opaque(token, token_hash)
            else:
                caller, good_for, seconds = await self._of_jwt(token)
            known = caller, good_for
            self.known.put(token_hash, known, generation=generation, seconds=seconds)
        caller, good_for = known
        if good_for and not good_for & resources:
            raise Unauthorized("the token was made for another address of this server (RFC 8707)")
        return caller

    def seen(self, token: str, resources: frozenset[str]) -> Caller | None:
        """As :meth:`authenticate`, when everything that it looks up is remembered."""
        if token.startswith(_API_KEYS):
            return self._of_known_key(token)
        found = self.known.get(hash_token(token)) if token.isascii() else None
        if found is None or (found[1] and not found[1] & resources):
            return None
        return found[0]

    # ------------------------------------------------------------ API keys

    def _of_known_key(self, key: str) -> Caller | None:
        holder = None if self._people is None else self._people.known_holder(key)
        if holder is None or holder.elsewhere:
            return None
        workspace = self._registry.known_workspace(holder.account_id)
        tenant = self._registry.known_default_tenant(holder.account_id)
        return None if workspace is None or tenant is None else _holding(holder, workspace, tenant)

    async def _of_api_key(self, key: str) -> Caller:
        """Not remembered here: the accounts' own memory knows when one is revoked."""
        if self._people is None:
            raise Unauthorized(_NOT_VALID)
        holder = await self._people.key_holder(key)
        if holder.elsewhere:
            raise Forbidden(f"this key is for {holder.elsewhere} only; make one with the scope full")
        return await self._of_holder(holder)

    async def _of_holder(self, holder: KeyHolder) -> Caller:
        workspace = await self._registry.workspace(holder.account_id)
        tenant = await self._registry.default_tenant(holder.account_id)
        return _holding(holder, workspace, tenant)

    # ------------------------------------------------------------ long-lived tokens

    async def _of_opaque(self, token: str, token_hash: bytes) -> tuple[Caller, frozenset[str], float]:
        if _OPAQUE.fullmatch(token) is None:
            raise Unauthorized(_NOT_VALID)
        now = self._clock.now()
        async with self._database.system() as connection:
            stored = await store.token(connection, token_hash)
            grant = await store.grant(connection, stored.grant_id) if stored and stored.kind == "access" else None
            if stored is None or grant is None or (stored.expires_at is not None and stored.expires_at <= now):
                raise Unauthorized(_NOT_VALID)
            await store.touch_grant(connection, grant.grant_id, now)
        return await self._of_grant(grant), frozenset(), BELIEVED_SECONDS

    # ------------------------------------------------------------ JWT

    async def _of_jwt(self, token: str) -> tuple[Caller, frozenset[str], float]:
        unverified = jose.Unverified(token)
        if unverified.claims.get("iss") == self._issuer:
            return await self._of_own(token, unverified)
        return await self._of_workspace(token, unverified)

    async def _of_own(self, token: str, unverified: jose.Unverified) -> tuple[Caller, frozenset[str], float]:
        """An access token of this server: it names its grant, and the grant says what it may do."""
        if unverified.type != ACCESS_TYPE:
            raise Unauthorized(_NOT_VALID)
        jose.verify_secret(token, unverified.algorithm, self._signing_key, algorithms=("HS256",))
        claims = unverified.claims
        seconds = jose.check_times(claims, self._clock.now())
        grant_id, good_for = unverified.text("grant"), _audience(claims)
        if grant_id is None:
            raise Unauthorized(_NOT_VALID)
        now = self._clock.now()
        async with self._database.system() as connection:
            grant = await store.grant(connection, grant_id)
            if grant is None:
                raise Unauthorized(_NOT_VALID)
            await store.touch_grant(connection, grant_id, now)
        if claims.get("derived") is True:
            return await self._derived(grant, claims), good_for, seconds
        return await self._of_grant(grant), good_for, seconds

    async def _of_grant(self, grant: Grant) -> Caller:
        member = await self.member(grant)
        actor = f"token:{grant.grant_id}" if grant.kind.value == "api" else f"oauth:{grant.grant_id}"
        workspace = await self._registry.workspace(grant.account_id)
        if grant.scope is Scope.PERSON:
            return Caller(
                account_id=grant.account_id,
                kind=CallerKind.PERSON,
                workspace_key=workspace.key,
                actor=actor,
                user_id=grant.user_id,
                restrictions=_narrowed(grant.restrictions, member),
                grant_id=grant.grant_id,
            )
        if grant.tenant_id is None:
            raise Unauthorized(_NOT_VALID)
        tenant = await self._registry.live_tenant(grant.account_id, grant.tenant_id)
        return _tenant_caller(workspace, tenant, actor, _narrowed(grant.restrictions, member), grant)

    async def _derived(self, grant: Grant, claims: Mapping[str, Any]) -> Caller:
        """A token that a person's token was turned into: of a tenant, or of a workspace's manager."""
        account_id, tenant_id = claims.get("account"), claims.get("tenant")
        if not isinstance(account_id, int):
            raise Unauthorized(_NOT_VALID)
        member = await self.member(grant, account_id=account_id)
        workspace = await self._registry.workspace(account_id)
        actor, restrictions = f"oauth:{grant.grant_id}", _narrowed(grant.restrictions, member)
        if isinstance(tenant_id, str):
            tenant = await self._registry.live_tenant(account_id, tenant_id)
            return _tenant_caller(workspace, tenant, actor, restrictions, grant)
        if member is not None and not member.may_manage:
            raise Unauthorized(_NOT_VALID)
        return Caller(
            account_id=account_id,
            kind=CallerKind.MANAGER,
            workspace_key=workspace.key,
            actor=actor,
            user_id=grant.user_id,
            restrictions=restrictions,
            grant_id=grant.grant_id,
        )

    async def member(self, grant: Grant, *, account_id: int | None = None) -> Member | None:
        """The person behind a live grant, as a member of the account; None when it was made on the server itself.

        Raises Unauthorized when the grant has ended, or the person may not come in any more.
        """
        if grant.revoked_at is not None or (grant.expires_at is not None and grant.expires_at <= self._clock.now()):
            raise Unauthorized("the sign-in has ended; sign in again")
        wanted = grant.account_id if account_id is None else account_id
        if grant.user_id is None:
            if wanted != grant.account_id:
                raise Unauthorized(_NOT_VALID)
            return None
        members = await self._people.members(grant.user_id) if self._people is not None else []
        for member in members:
            if member.account_id == wanted:
                return member
        raise Unauthorized("whoever signed in belongs to this account no more")

    # ------------------------------------------------------------ JWT of a workspace

    async def _of_workspace(self, token: str, unverified: jose.Unverified) -> tuple[Caller, frozenset[str], float]:
        """Signed by the product itself. New claims: workspaceKey, tenantKey; old ones: iss, id."""
        key = unverified.text("workspaceKey", "iss")
        if key is None or unverified.type == ACCESS_TYPE:
            raise Unauthorized(_NOT_VALID)
        sealed = await self._registry.by_key(key)
        if sealed is None:
            raise Unauthorized(_NOT_VALID)
        workspace = sealed.workspace
        if unverified.algorithm in jose.SECRET_ALGORITHMS:
            if not workspace.secret_key_auth:
                raise Unauthorized("tokens signed with the workspace's secret are switched off")
            jose.verify_secret(token, unverified.algorithm, self._registry.secret(sealed))
            actor = "workspace-secret"
        else:
            await self._verify_keys(token, unverified, workspace)
            actor = "workspace-key"
        seconds = jose.check_times(unverified.claims, self._clock.now())
        return await self._named(unverified, workspace, actor), frozenset(), seconds

    async def _verify_keys(self, token: str, unverified: jose.Unverified, workspace: Workspace) -> None:
        keys: list[Key] = []
        for listed in workspace.public_keys:
            key = jose.read_public_key(listed.public_key)
            keys.append(key)
        try:
            jose.verify_keys(token, unverified.algorithm, keys, key_id=None)
        except Unauthorized:
            if workspace.jwks_uri is None:
                raise
            fetched = await self._key_sets.keys(workspace.jwks_uri, unverified.key_id)
            jose.verify_keys(token, unverified.algorithm, fetched, key_id=unverified.key_id)

    async def _named(self, unverified: jose.Unverified, workspace: Workspace, actor: str) -> Caller:
        """Who the claims of a verified token name."""
        is_admin = unverified.claims.get("isAdmin", False)
        if not isinstance(is_admin, bool):
            raise Unauthorized("the token's claim isAdmin is neither true nor false")
        if is_admin:
            return Caller(
                account_id=workspace.account_id,
                kind=CallerKind.MANAGER,
                workspace_key=workspace.key,
                actor=actor,
            )
        key = unverified.text("tenantKey", "id")
        if key is None:
            raise Unauthorized("the token names no tenant: set the claim tenantKey (or id)")
        try:
            name = unverified.text("name")
            fields = msgspec.convert(unverified.claims.get("fields"), dict[str, Any] | None)
            tenant = await self._registry.seen(workspace.account_id, key, name=name, fields=fields)
        except msgspec.ValidationError:
            raise Unauthorized("the token's claim fields is not an object") from None
        except Invalid as error:
            raise Unauthorized(f"the token names no tenant that can be: {error.message}") from None
        return _tenant_caller(workspace, tenant, actor, Restrictions(), None)


def _tenant_caller(
    workspace: Workspace, tenant: Tenant, actor: str, restrictions: Restrictions, grant: Grant | None
) -> Caller:
    return Caller(
        account_id=workspace.account_id,
        kind=CallerKind.TENANT,
        workspace_key=workspace.key,
        tenant_id=tenant.tenant_id,
        tenant_key=tenant.key,
        actor=actor,
        user_id=None if grant is None else grant.user_id,
        restrictions=restrictions,
        grant_id=None if grant is None else grant.grant_id,
    )


def _narrowed(restrictions: Restrictions, member: Member | None) -> Restrictions:
    """What a person may not do here, their token may not either."""
    if member is None or member.may_write or restrictions.read_only:
        return restrictions
    return Restrictions(read_only=True, connections=restrictions.connections, actions=restrictions.actions)


def _audience(claims: Mapping[str, Any]) -> frozenset[str]:
    """Addresses an own token is good for (RFC 7519, 4.1.3). One without any is good for none."""
    try:
        given = msgspec.convert(claims.get("aud"), str | list[str])
    except msgspec.ValidationError:
        raise Unauthorized(_NOT_VALID) from None
    if not given:
        raise Unauthorized(_NOT_VALID)
    return frozenset([given] if isinstance(given, str) else given)


def _holding(holder: KeyHolder, workspace: Workspace, tenant: Tenant) -> Caller:
    return Caller(
        account_id=holder.account_id,
        kind=CallerKind.TENANT,
        workspace_key=workspace.key,
        tenant_id=tenant.tenant_id,
        tenant_key=tenant.key,
        actor=holder.actor,
        restrictions=Restrictions(read_only=not holder.may_write),
    )
