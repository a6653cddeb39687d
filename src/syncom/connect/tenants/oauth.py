"""The OAuth server's rules (RFC 6749 with the care of RFC 9700, 7009, 7591, 8707): requests, codes, tokens, grants.

A **grant** is what a person agreed to; everything else hangs on it and dies with it. A **code** is good once, for ten
minutes, for the program, the address and the PKCE challenge it was made for; used again, it takes the grant with it. An
**access token** is a JWT for an hour; what it may do is looked up, so that changes need not wait for its end.

A **refresh token** is good for thirty days and gives way to its successor. When the answer got lost, a program comes
with the old one again: within half a minute it gets another successor, unless it used the one it was given. Of the
successors of one token only the first that is used stays good. So whoever comes with a token that somebody else used
ends the grant for both, whichever of them was first.
"""

from __future__ import annotations

import re
import secrets
import string
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec

from syncom.clock import Clock
from syncom.connect.model import Caller, CallerKind, Restrictions
from syncom.connect.tenants import jose, store
from syncom.connect.tenants.clients import CLI_CLIENT, Clients
from syncom.connect.tenants.model import (
    AuthorizationRequest,
    Consent,
    Grant,
    GrantKind,
    NewToken,
    OAuthClient,
    OAuthError,
    OAuthRefused,
    Scope,
    Tenant,
    TokenAnswer,
)
from syncom.connect.tenants.registry import Registry
from syncom.connect.tenants.verifying import ACCESS_TYPE, TOKEN_PREFIX, Verifier
from syncom.errors import Forbidden, Invalid, NotFound, Unauthorized
from syncom.ids import short_id
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring, hash_token

#: Seconds.
ACCESS_SECONDS: Final = 3600
_CODE_LIFE: Final = timedelta(minutes=10)
_REFRESH_LIFE: Final = timedelta(days=30)
#: A program whose answer got lost comes again within this time,
_GRACE: Final = timedelta(seconds=30)
#: and not more often than this.
_MAX_SUCCESSORS: Final = 5
#: A person has this long to decide.
_REQUEST_LIFE: Final = timedelta(hours=1)
_KEPT: Final = timedelta(days=30)
_BASE62: Final = string.digits + string.ascii_letters
_LENGTH: Final = 43
_REFRESH_PREFIX: Final = "mrt-"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_MAX_LABEL: Final = 60
_MAX_STATE: Final = 2000
_MAX_CHOSEN: Final = 200
_OPEN: Final = Restrictions()


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """A request on its way through the browser, signed."""

    request: AuthorizationRequest
    until: float


class _Holder(msgspec.Struct, frozen=True):
    """Whose a grant is, for the answer."""

    email: str
    workspace_key: str


class OAuthService:
    """The rules. Made by the tenants service."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        registry: Registry,
        verifier: Verifier,
        clients: Clients,
        *,
        issuer: str,
        resources: frozenset[str],
        signing_key: bytes,
    ) -> None:
        self._database = database
        self._clock = clock
        self._registry = registry
        self._verifier = verifier
        self.clients = clients
        self.issuer = issuer
        self._resources = resources
        self._signing_key = signing_key
        self._requests = keyring.signer("oauth request")

    # ------------------------------------------------------------ asking

    async def client_for(self, parameters: Mapping[str, str]) -> OAuthClient:
        """The program that asks, and whether its address may be answered at all.

        Raises OAuthRefused: nothing may be sent to the address then (RFC 6749, 4.1.2.1).
        """
        client = await self.clients.find(parameters.get("client_id", ""))
        if not self.clients.may_redirect(client, parameters.get("redirect_uri", "")):
            raise OAuthRefused(OAuthError.INVALID_REDIRECT_URI, "redirect_uri is not an address of this client")
        return client

    def request(self, client: OAuthClient, parameters: Mapping[str, str]) -> AuthorizationRequest:
        """The rest of the request. Raises OAuthRefused: the program is told at its address."""
        if parameters.get("response_type") != "code":
            raise OAuthRefused(OAuthError.UNSUPPORTED_RESPONSE_TYPE, "response_type must be code")
        challenge = parameters.get("code_challenge", "")
        if parameters.get("code_challenge_method") != "S256" or _CHALLENGE.fullmatch(challenge) is None:
            raise OAuthRefused(OAuthError.INVALID_REQUEST, "PKCE is needed: code_challenge, with the method S256")
        state = parameters.get("state", "")
        if len(state) > _MAX_STATE:
            raise OAuthRefused(OAuthError.INVALID_REQUEST, f"state has more than {_MAX_STATE} characters")
        return AuthorizationRequest(
            client_id=client.client_id,
            client_name=_called(client, parameters.get("client_name", "")),
            redirect_uri=parameters["redirect_uri"],
            state=state,
            challenge=challenge,
            scope=_scope(parameters.get("scope", "")),
            resource=self._resource(parameters.get("resource")),
        )

    def pack(self, request: AuthorizationRequest) -> str:
        """The checked request as a text for addresses and forms, which nobody else can make."""
        until = (self._clock.now() + _REQUEST_LIFE).timestamp()
        return self._requests.sign(msgspec.msgpack.encode(_Packed(request, until)))

    def unpack(self, text: str) -> AuthorizationRequest:
        """Raises Invalid for anything but a packed request of the last hour."""
        payload = self._requests.verify(text)
        packed = None if payload is None else msgspec.msgpack.decode(payload, type=_Packed)
        if packed is None or packed.until < self._clock.now().timestamp():
            raise Invalid("request", "is too old; go back to the program and sign in again")
        return packed.request

    def _resource(self, given: str | None) -> str | None:
        if given is None:
            return None
        if given not in self._resources and given.rstrip("/") not in self._resources:
            raise OAuthRefused(OAuthError.INVALID_TARGET, "resource is not an address of this server")
        return given if given in self._resources else given.rstrip("/")

    # ------------------------------------------------------------ agreeing

    async def approve(self, request: AuthorizationRequest, consent: Consent) -> str:
        """Make the grant; returns the code. Raises Invalid, Forbidden."""
        if consent.tenant.account_id != consent.member.account_id:
            raise Forbidden("this tenant is of another account")
        now = self._clock.now()
        is_mcp = request.client_id != CLI_CLIENT
        grant = Grant(
            grant_id=short_id(),
            account_id=consent.member.account_id,
            tenant_id=consent.tenant.tenant_id,
            user_id=consent.member.user_id,
            client_id=request.client_id,
            client_name=request.client_name,
            kind=GrantKind.MCP if is_mcp else GrantKind.CLI,
            scope=request.scope,
            resource=request.resource,
            restrictions=checked_restrictions(consent.restrictions),
            created_at=now,
            expires_at=now + _CODE_LIFE,
        )
        code = _random()
        async with self._database.system() as connection:
            await store.add_grant(connection, grant)
            await store.add_code(
                connection,
                store.Code(
                    code_hash=hash_token(code),
                    grant_id=grant.grant_id,
                    client_id=request.client_id,
                    redirect_uri=request.redirect_uri,
                    challenge=request.challenge,
                    expires_at=now + _CODE_LIFE,
                    used_at=None,
                ),
            )
            await store.use_client(connection, request.client_id, now)
        return code

    # ------------------------------------------------------------ the token endpoint

    async def exchange(self, parameters: Mapping[str, str]) -> TokenAnswer:
        """A code for tokens (RFC 6749, 4.1.3). Raises OAuthRefused.

        Who comes with a wrong verifier, address or name does not spoil the code for its owner.
        """
        code_hash = _hash(parameters.get("code", ""))
        resource = self._resource(parameters.get("resource"))
        # Looked up first: with the grant locked, nothing may wait for a second connection.
        async with self._database.system() as connection:
            code = await store.code(connection, code_hash)
            if code is None:
                raise _no_grant("the code is not valid")
            _check_code(code, parameters)
            grant = await store.grant(connection, code.grant_id)
        holder = await self._holder(grant)
        now = self._clock.now()
        async with self._database.system() as connection:
            grant = await store.lock_grant(connection, code.grant_id)
            if grant is None or grant.revoked_at is not None or code.expires_at <= now:
                raise _no_grant("the code is not valid any more; sign in again")
            if await store.use_code(connection, code_hash, now):
                return await self._issued(connection, grant, holder, resource, parent=None)
            await store.revoke_grant(connection, grant.grant_id, now)
        self._verifier.known.forget()
        raise _no_grant("the code was used before; what came of it has been ended")

    async def refresh(self, parameters: Mapping[str, str]) -> TokenAnswer:
        """A refresh token for new ones (RFC 6749, 6). Raises OAuthRefused."""
        token_hash = _hash(parameters.get("refresh_token", ""))
        resource = self._resource(parameters.get("resource"))
        async with self._database.system() as connection:
            stored = await _refresh_token(connection, token_hash)
            grant = await store.grant(connection, stored.grant_id)
        if grant is None or grant.client_id != parameters.get("client_id", grant.client_id):
            raise _no_grant("the refresh token is not valid")
        if parameters.get("scope") and _scope(parameters["scope"]) is not grant.scope:
            raise OAuthRefused(OAuthError.INVALID_SCOPE, "the scope is not the one that was agreed to")
        holder = await self._holder(grant)
        now = self._clock.now()
        async with self._database.system() as connection:
            grant = await store.lock_grant(connection, stored.grant_id)
            # What another request did to it before the lock was ours.
            stored = await _refresh_token(connection, token_hash)
            if grant is None or grant.revoked_at is not None:
                raise _no_grant("the sign-in has ended; sign in again")
            if stored.expires_at is not None and stored.expires_at <= now:
                raise _no_grant("the refresh token has expired; sign in again")
            if await self._may_rotate(connection, stored, now):
                return await self._issued(connection, grant, holder, resource, parent=token_hash)
            await store.revoke_grant(connection, grant.grant_id, now)
        self._verifier.known.forget()
        raise _no_grant("the refresh token was used before; the sign-in has been ended, sign in again")

    async def _may_rotate(self, connection: Connection, stored: store.StoredToken, now: datetime) -> bool:
        """Whether it may be used now; notes that it is. False: somebody else used it."""
        if stored.closed_at is not None:
            return False
        if stored.used_at is None:
            await store.use_token(connection, stored.token_hash, now)
            if stored.parent_hash is not None:
                await store.close_siblings(connection, stored.token_hash, stored.parent_hash, now)
            return True
        given, used = await store.children(connection, stored.token_hash)
        return now - stored.used_at <= _GRACE and not used and given < _MAX_SUCCESSORS

    async def _issued(
        self,
        connection: Connection,
        grant: Grant,
        holder: _Holder,
        resource: str | None,
        *,
        parent: bytes | None,
    ) -> TokenAnswer:
        """Fresh tokens of a grant."""
        if resource is not None and grant.resource not in (None, resource):
            raise OAuthRefused(OAuthError.INVALID_TARGET, "resource is not the one that was agreed to")
        now = self._clock.now()
        refresh = _REFRESH_PREFIX + _random()
        await store.add_token(
            connection,
            token_hash=hash_token(refresh),
            grant_id=grant.grant_id,
            kind="refresh",
            expires_at=now + _REFRESH_LIFE,
            parent_hash=parent,
            now=now,
        )
        await store.extend_grant(connection, grant.grant_id, now + _REFRESH_LIFE)
        claims = self._claims(grant, resource)
        if grant.scope is Scope.TENANT:
            claims |= _tenant_claims(holder.workspace_key, grant.tenant_key or "", grant.tenant_id or "")
        return TokenAnswer(
            access_token=jose.sign(claims, self._signing_key, kind=ACCESS_TYPE),
            token_type="Bearer",  # noqa: S106 - the name of a type
            expires_in=ACCESS_SECONDS,
            refresh_token=refresh,
            scope=grant.scope.value,
            default_workspace_key=holder.workspace_key,
            default_tenant_key=grant.tenant_key or "",
            email=holder.email,
            org_id=str(grant.account_id),
        )

    def _claims(self, grant: Grant, resource: str | None = None) -> dict[str, Any]:
        """Claims of every token of ours (RFC 9068, 2.2)."""
        now = int(self._clock.now().timestamp())
        bound = grant.resource or resource
        return {
            "iss": self.issuer,
            "aud": [bound] if bound else sorted(self._resources),
            "sub": f"user:{grant.user_id}" if grant.user_id is not None else f"grant:{grant.grant_id}",
            "client_id": grant.client_id,
            "scope": grant.scope.value,
            "iat": now,
            "exp": now + ACCESS_SECONDS,
            "jti": secrets.token_hex(8),
            "grant": grant.grant_id,
        }

    async def _holder(self, grant: Grant | None) -> _Holder:
        """Whose a live grant is. Raises OAuthRefused."""
        if grant is None:
            raise _no_grant("the sign-in has ended; sign in again")
        try:
            member = await self._verifier.member(grant)
        except Unauthorized as error:
            raise _no_grant(error.message) from None
        workspace = await self._registry.workspace(grant.account_id)
        return _Holder(email=member.email if member is not None else "", workspace_key=workspace.key)

    # ------------------------------------------------------------ ending

    async def revoke(self, parameters: Mapping[str, str]) -> None:
        """End the grant of a token, whichever of its tokens it is (RFC 7009). Unknown tokens are no error."""
        token, now = parameters.get("token", ""), self._clock.now()
        async with self._database.system() as connection:
            grant_id = await self._grant_of(connection, token)
            grant = await store.grant(connection, grant_id) if grant_id is not None else None
            if grant is None or grant.client_id != parameters.get("client_id", grant.client_id):
                return
            await store.revoke_grant(connection, grant.grant_id, now)
        self._verifier.known.forget()

    async def _grant_of(self, connection: Connection, token: str) -> str | None:
        if token.startswith((_REFRESH_PREFIX, TOKEN_PREFIX)):
            stored = await store.token(connection, _hash(token))
            return stored.grant_id if stored is not None else None
        try:
            unverified = jose.Unverified(token)
            jose.verify_secret(token, unverified.algorithm, self._signing_key, algorithms=("HS256",))
            return unverified.text("grant")
        except (Unauthorized, UnicodeError):
            return None

    async def grants(
        self,
        account_id: int,
        *,
        tenant_id: str | None = None,
        kind: GrantKind | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Grant]:
        """Live ones, the newest first; of one tenant, or all of the account."""
        async with self._database.system() as connection:
            return await store.grants(
                connection,
                account_id,
                tenant_id=tenant_id,
                kind=None if kind is None else kind.value,
                now=self._clock.now(),
                limit=limit,
                offset=offset,
            )

    async def revoke_grant(self, account_id: int, grant_id: str, *, tenant_id: str | None = None) -> Grant:
        """Its tokens are refused at once here, and within seconds by other processes. Raises NotFound."""
        async with self._database.system() as connection:
            grant = await store.grant(connection, grant_id) if grant_id.isprintable() else None
            wrong_tenant = grant is not None and tenant_id is not None and grant.tenant_id != tenant_id
            if grant is None or grant.account_id != account_id or grant.revoked_at is not None or wrong_tenant:
                raise NotFound("grant", grant_id)
            await store.revoke_grant(connection, grant_id, self._clock.now())
        self._verifier.known.forget()
        return grant

    async def revoke_sign_ins(self, user_id: int) -> int:
        """End what a person signed in to, when their password changes; tokens made on purpose stay, as API keys do."""
        async with self._database.system() as connection:
            ended = await store.revoke_sign_ins(connection, user_id, self._clock.now())
        self._verifier.known.forget()
        return ended

    async def forget(self) -> None:
        """Remove what has had its time."""
        now = self._clock.now()
        async with self._database.system() as connection:
            await store.forget(connection, now=now, before=now - _KEPT)
        await self.clients.forget()

    # ------------------------------------------------------------ other tokens

    async def create_token(
        self,
        account_id: int,
        *,
        name: str,
        tenant: Tenant | None = None,
        user_id: int | None = None,
        restrictions: Restrictions = _OPEN,
        life: timedelta | None = None,
        parent: str | None = None,
    ) -> NewToken:
        """A long-lived token of a tenant, or (without one) of a person. The text is in the answer, once.

        ``parent`` is the sign-in it is made with, and ends with. Raises Invalid, Forbidden.
        """
        name = name.strip()
        if not 1 <= len(name) <= 100 or not name.isprintable():
            raise Invalid("name", "must have 1 to 100 printable characters")
        if tenant is None and user_id is None:
            raise Invalid("tenantKey", "is required")
        now = self._clock.now()
        grant = Grant(
            grant_id=short_id(),
            account_id=account_id,
            tenant_id=None if tenant is None else tenant.tenant_id,
            tenant_key=None if tenant is None else tenant.key,
            user_id=user_id,
            client_id="",
            client_name=name,
            kind=GrantKind.API,
            scope=Scope.PERSON if tenant is None else Scope.TENANT,
            restrictions=checked_restrictions(restrictions),
            created_at=now,
            expires_at=None if life is None else now + life,
        )
        token = TOKEN_PREFIX + _random()
        async with self._database.system() as connection:
            made_with = await store.lock_grant(connection, parent) if parent is not None else None
            if parent is not None and (made_with is None or made_with.revoked_at is not None):
                raise Forbidden("the sign-in has ended; sign in again")
            if made_with is not None and made_with.kind is GrantKind.API:
                raise Forbidden("a long-lived token may not make others: sign in")
            await store.add_grant(connection, grant, parent=parent)
            await store.add_token(
                connection,
                token_hash=hash_token(token),
                grant_id=grant.grant_id,
                kind="access",
                expires_at=grant.expires_at,
                parent_hash=None,
                now=now,
            )
        return NewToken(grant=grant, token=token)

    async def derive(self, by: Caller, account_id: int, tenant: Tenant | None) -> str:
        """A token for an hour out of a person's: of a tenant, or (None) of the workspace's manager.

        It dies with the person's sign-in and keeps its restrictions. Raises Forbidden.
        """
        if by.kind is not CallerKind.PERSON or by.grant_id is None:
            raise Forbidden("this needs a token of a person; sign in without --tenant")
        async with self._database.system() as connection:
            grant = await store.grant(connection, by.grant_id)
        if grant is None:
            raise Forbidden("the sign-in has ended; sign in again")
        member = await self._verifier.member(grant, account_id=account_id)
        if tenant is None and (member is None or not member.may_manage or not grant.restrictions.is_open):
            raise Forbidden("only an admin of the account, with a sign-in without restrictions, may act as its manager")
        workspace = await self._registry.workspace(account_id)
        claims = self._claims(grant) | {"derived": True, "account": account_id}
        if tenant is None:
            claims |= {"isAdmin": True, "workspaceKey": workspace.key}
        else:
            claims |= {"tenant": tenant.tenant_id, **_tenant_claims(workspace.key, tenant.key, tenant.tenant_id)}
        return jose.sign(claims, self._signing_key, kind=ACCESS_TYPE)


async def _refresh_token(connection: Connection, token_hash: bytes) -> store.StoredToken:
    stored = await store.token(connection, token_hash)
    if stored is None or stored.kind != "refresh":
        raise _no_grant("the refresh token is not valid")
    return stored


def _hash(token: str) -> bytes:
    """Of a token of ours; of nothing when it cannot be one."""
    return hash_token(token) if token.isascii() else b""


def checked_restrictions(given: Restrictions) -> Restrictions:
    """Raises Invalid for lists that are no sensible choice."""
    for name in ("connections", "actions"):
        chosen: frozenset[str] | None = getattr(given, name)
        if chosen is None:
            continue
        if len(chosen) > _MAX_CHOSEN:
            raise Invalid(name, f"must be at most {_MAX_CHOSEN}")
        if not all(0 < len(each) <= 200 and each.isprintable() for each in chosen):
            raise Invalid(name, "must be ids or keys")
    return given


def _check_code(stored: store.Code, parameters: Mapping[str, str]) -> None:
    """Whether this is the program, the address and the verifier the code was made for. Raises OAuthRefused."""
    if stored.client_id != parameters.get("client_id"):
        raise _no_grant("the code was made for another client")
    if stored.redirect_uri != parameters.get("redirect_uri"):
        raise _no_grant("redirect_uri is not the one that the code was asked with")
    verifier = parameters.get("code_verifier", "")
    if _VERIFIER.fullmatch(verifier) is None:
        raise _no_grant("code_verifier is missing or is none")
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if not secrets.compare_digest(challenge, stored.challenge):
        raise _no_grant("code_verifier does not fit the challenge")


def _called(client: OAuthClient, label: str) -> str:
    """The program's name. The command line may add for whom it asks (``--clientName``); its own name stays."""
    label = label.strip()
    if client.client_id != CLI_CLIENT or not label or len(label) > _MAX_LABEL or not label.isprintable():
        return client.name
    return f"{client.name} ({label})"


def _scope(given: str) -> Scope:
    """Exactly one; programs of MCP send none and mean a tenant."""
    names = given.split()
    if not names:
        return Scope.TENANT
    try:
        (name,) = names
        return Scope(name)
    except ValueError:
        raise OAuthRefused(OAuthError.INVALID_SCOPE, "scope must be one of: tenant, platform-user") from None


def _tenant_claims(workspace_key: str, tenant_key: str, tenant_id: str) -> dict[str, Any]:
    """What clients read out of a tenant's token, under new and old names (``iss`` is ours)."""
    return {"workspaceKey": workspace_key, "tenantKey": tenant_key, "id": tenant_key, "tenantId": tenant_id}


def _no_grant(description: str) -> OAuthRefused:
    return OAuthRefused(OAuthError.INVALID_GRANT, description)


def _random() -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(_LENGTH))
