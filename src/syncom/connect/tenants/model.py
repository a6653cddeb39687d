"""Values of the tenants room: workspaces, who connections belong to, and what people agreed to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

import msgspec

from syncom.connect.model import Restrictions
from syncom.errors import SyncomError

#: Key of the tenant that an account has from the start.
DEFAULT_TENANT = "default"


class PublicKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key that a workspace's tokens may be signed with: PEM, or a JWK as JSON."""

    name: str
    public_key: str


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """An account as clients of the integration layer see it. Its secret is never part of it."""

    account_id: int
    workspace_id: str
    #: Public; tokens name it.
    key: str
    #: Whether tokens may be signed with the secret.
    secret_key_auth: bool
    public_keys: tuple[PublicKey, ...] = ()
    jwks_uri: str | None = None
    created_at: datetime


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """Who connections belong to: a person, a team or an organisation of the product that uses the workspace."""

    tenant_id: str
    account_id: int
    #: As the product calls it; ``internalId`` and ``tenantKey`` on the wire.
    key: str
    name: str = ""
    fields: dict[str, Any] = {}
    created_at: datetime
    last_active_at: datetime | None = None
    archived_at: datetime | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person in one of their accounts, as far as this room needs to know."""

    account_id: int
    account_name: str
    user_id: int
    email: str
    name: str = ""
    #: Otherwise their tokens only read.
    may_write: bool
    #: May act as the workspace itself.
    may_manage: bool


class KeyHolder(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an API key of this installation acts for."""

    account_id: int
    actor: str
    may_write: bool
    #: The key is for one part of an account only, which is not this one.
    elsewhere: str = ""


class People(Protocol):
    """What the room asks about users and keys: they are another room's (app.py passes it in)."""

    async def key_holder(self, key: str) -> KeyHolder:
        """Raises Unauthorized for anything but a live key."""
        ...

    def known_holder(self, key: str) -> KeyHolder | None:
        """The holder of a live key that was seen in the last seconds."""
        ...

    async def members(self, user_id: int) -> list[Member]:
        """The accounts of a person, oldest first; none when they may not sign in."""
        ...


class Scope(Enum):
    """What an OAuth token is for (membrane-api, 3.4)."""

    __hash__ = object.__hash__

    TENANT = "tenant"
    PERSON = "platform-user"


class GrantKind(Enum):
    """How a grant came about (membrane-api, 3.2)."""

    __hash__ = object.__hash__

    CLI = "cli-oauth"
    MCP = "mcp-oauth"
    #: A token that somebody made, without a sign-in.
    API = "api"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a person agreed to, or made a token for. Its tokens die with it."""

    grant_id: str
    account_id: int
    #: None only where a person chose none.
    tenant_id: str | None
    tenant_key: str | None = None
    user_id: int | None
    client_id: str
    #: What it is called in lists: the program's name, or the one it was given.
    client_name: str
    kind: GrantKind
    scope: Scope
    #: The only address its tokens are good for (RFC 8707).
    resource: str | None = None
    restrictions: Restrictions = Restrictions()
    created_at: datetime
    used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class OAuthClient(msgspec.Struct, frozen=True, kw_only=True):
    """A program that signs people in. All are public: none has a secret (RFC 6749, 2.1)."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A checked request of a program to sign somebody in (RFC 6749, 4.1.1; RFC 7636, 4.3; RFC 8707)."""

    client_id: str
    client_name: str
    redirect_uri: str
    state: str
    #: PKCE, S256.
    challenge: str
    scope: Scope
    resource: str | None = None


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided."""

    member: Member
    tenant: Tenant
    restrictions: Restrictions = Restrictions()


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer of the token endpoint (RFC 6749, 5.1; membrane-api, 3.4). Names are those of the wire."""

    access_token: str
    #: Always Bearer, and always said.
    token_type: str
    expires_in: int
    refresh_token: str | None = None
    scope: str = ""
    default_workspace_key: str = ""
    default_tenant_key: str = ""
    email: str = ""
    org_id: str = ""


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A long-lived token just made; the text is not stored and not shown again."""

    grant: Grant
    token: str


class OAuthError(Enum):
    """Codes of the protocol (RFC 6749, 4.1.2.1 and 5.2; RFC 7591, 3.2.2; RFC 8707, 2)."""

    __hash__ = object.__hash__

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    INVALID_REDIRECT_URI = "invalid_redirect_uri"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    ACCESS_DENIED = "access_denied"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"


class OAuthRefused(SyncomError):
    """A refusal in the protocol's own words."""

    code = "oauth_refused"

    def __init__(self, error: OAuthError, description: str) -> None:
        super().__init__(description)
        self.error = error


#: Asks the web for a document: address in, body out. Raises Upstream or Invalid.
Fetch = Callable[[str], Awaitable[bytes]]
