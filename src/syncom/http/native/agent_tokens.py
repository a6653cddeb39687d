"""/integrations/tokens: what agents use connected apps with, by MCP or REST (docs/agents.md)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.connect.model import Restrictions
from syncom.connect.tenants.model import Grant, GrantKind
from syncom.connect.tenants.service import MCP, REST
from syncom.errors import Forbidden
from syncom.http.native.given import By, Wiring
from syncom.http.native.integration_caller import caller_of
from syncom.http.native.integrations import TAGS, offset_of, offset_page, whole
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_MAX_DAYS = 3650
_MAX_CHOSEN = 200
#: A list of ids or keys; null: all.
_Chosen = Annotated[list[str], msgspec.Meta(max_length=_MAX_CHOSEN)] | None


class AgentToken(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in of a program, or a long-lived token, with what it may do."""

    grant_id: str
    name: str
    kind: GrantKind
    read_only: bool
    #: Ids of connections; null: all.
    connections: list[str] | None
    #: Keys of actions; null: all.
    actions: list[str] | None
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


class NewAgentToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token just made. Its text is not stored, and not shown again."""

    token: str
    made: AgentToken


class AgentTokenInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to make, and what it may do."""

    name: str
    #: Only actions that read.
    read_only: bool = False
    #: Ids or keys of the connections it may use.
    connections: _Chosen = None
    #: Keys of the actions it may run.
    actions: _Chosen = None
    #: Days until it ends; null: it has no end.
    days: Annotated[int, msgspec.Meta(ge=1, le=_MAX_DAYS)] | None = None


class AgentAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where agents come to."""

    mcp_url: str
    api_url: str


@get("/integrations/addresses", tags=TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_agent_addresses(wiring: Wiring) -> AgentAddresses:
    """The addresses that MCP clients and programs are told."""
    base = wiring.settings.base_url.rstrip("/")
    return AgentAddresses(mcp_url=base + MCP, api_url=base + REST)


@get("/integrations/tokens", tags=TAGS, opt=needs(Permission.MANAGE_KEYS))
async def list_agent_tokens(by: By, wiring: Wiring, limit: Limit = 100, cursor: Cursor = None) -> Page[AgentToken]:
    """Sign-ins and long-lived tokens that are good, newest first."""
    caller, limit, offset = await caller_of(by, wiring), whole(limit), offset_of(cursor)
    found = await wiring.tenants.oauth.grants(by.account_id, tenant_id=caller.tenant_id, limit=limit + 1, offset=offset)
    return offset_page([_answer(grant) for grant in found], limit, offset)


@post("/integrations/tokens", tags=TAGS, opt=needs(Permission.MANAGE_KEYS, replay=False))
async def create_agent_token(by: By, wiring: Wiring, data: JSONBody[AgentTokenInput]) -> NewAgentToken:
    """Make a long-lived token. It may never do more than whoever made it."""
    if by.user_id is None:
        # The token of a person ends with the person; one that a key made would outlive the key.
        raise Forbidden("sign in to make a token: one that an API key made would outlive the key")
    caller = await caller_of(by, wiring)
    tenant = await wiring.tenants.tenant(by.account_id, caller.tenant())
    chosen = None
    if data.connections is not None:
        chosen = frozenset([(await wiring.connections.get(caller, one)).connection_id for one in data.connections])
    made = await wiring.tenants.oauth.create_token(
        by.account_id,
        name=data.name,
        tenant=tenant,
        user_id=by.user_id,
        restrictions=Restrictions(
            read_only=data.read_only,
            connections=chosen,
            actions=None if data.actions is None else frozenset(data.actions),
        ),
        life=None if data.days is None else timedelta(days=data.days),
    )
    return NewAgentToken(token=made.token, made=_answer(made.grant))


@delete("/integrations/tokens/{grant_id:str}", tags=TAGS, opt=needs(Permission.MANAGE_KEYS))
async def revoke_agent_token(by: By, wiring: Wiring, grant_id: FromPath[str]) -> None:
    """End a token or a sign-in. It is refused within seconds."""
    caller = await caller_of(by, wiring)
    await wiring.tenants.oauth.revoke_grant(by.account_id, grant_id, tenant_id=caller.tenant_id)


def _answer(grant: Grant) -> AgentToken:
    limits = grant.restrictions
    return AgentToken(
        grant_id=grant.grant_id,
        name=grant.client_name,
        kind=grant.kind,
        read_only=limits.read_only,
        connections=None if limits.connections is None else sorted(limits.connections),
        actions=None if limits.actions is None else sorted(limits.actions),
        created_at=grant.created_at,
        used_at=grant.used_at,
        expires_at=grant.expires_at,
    )


HANDLERS: list[Any] = [get_agent_addresses, list_agent_tokens, create_agent_token, revoke_agent_token]
