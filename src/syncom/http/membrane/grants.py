"""What people agreed to, and long-lived tokens: ``/grants``, ``/client-tokens``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from syncom.app import App
from syncom.connect.model import Caller, CallerKind, Restrictions
from syncom.connect.tenants.model import Grant, GrantKind, Tenant, Workspace
from syncom.errors import Forbidden, Invalid
from syncom.http.membrane.method import EMPTY, PAGING, Call, Listed, Method, Who, listed

_MAX_SECONDS = 10 * 365 * 86_400
_MAX_CHOSEN = 200


class GrantShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A sign-in or a long-lived token (membrane-api, 3.2), with what it may do."""

    id: str
    workspace_id: str
    tenant_id: str | None = None
    tenant_key: str | None = None
    user_id: str | None = None
    grant_type: str
    grant_id: str
    grant_name: str
    scope: str
    resource: str | None = None
    read_only: bool = False
    connections: list[str] | None = None
    actions: list[str] | None = None
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None


class NewTokenShape(GrantShape, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """With its text, which is not shown again."""

    token: str


class TokenInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A token to make, and what it may do. What is left out is open."""

    name: str
    #: For a manager; a tenant makes tokens of its own.
    tenant_key: str | None = None
    read_only: bool = False
    #: Ids or keys of connections.
    connections: list[str] | None = None
    #: Ids or keys of actions. A token with this list has no proxy.
    actions: list[str] | None = None
    #: Seconds; no end unless given.
    expires_in: Annotated[int, msgspec.Meta(ge=60, le=_MAX_SECONDS)] | None = None


async def _list(call: Call[None]) -> Listed[GrantShape]:
    return await _listed(call, None)


async def _list_tokens(call: Call[None]) -> Listed[GrantShape]:
    return await _listed(call, GrantKind.API)


async def _listed(call: Call[None], kind: GrantKind | None) -> Listed[GrantShape]:
    page = call.query.page()
    found = await call.app.tenants.oauth.grants(
        call.account_id, tenant_id=call.by.tenant_id, kind=kind, limit=page.limit + 1, offset=page.offset
    )
    workspace = await call.app.tenants.workspace(call.account_id)
    return listed([_shape(grant, workspace.workspace_id) for grant in found], page)


async def _revoke(call: Call[None]) -> object:
    """A manager any, a tenant its own."""
    await call.app.tenants.oauth.revoke_grant(call.account_id, call.path["id"], tenant_id=call.by.tenant_id)
    return EMPTY


async def _create(call: Call[TokenInput]) -> NewTokenShape:
    given = call.body
    if call.by.kind is not CallerKind.MANAGER and call.by.grant_id is None:
        # Whoever was given a token for an hour must not turn it into one for ever.
        raise Forbidden("this token may not make others: sign in, or ask a manager of the workspace")
    tenant = await _tenant(call)
    restrictions = Restrictions(
        read_only=given.read_only,
        connections=await chosen_connections(call.app, tenant, given.connections),
        actions=None if given.actions is None else frozenset(given.actions),
    )
    made = await call.app.tenants.oauth.create_token(
        call.account_id,
        name=given.name,
        tenant=tenant,
        user_id=call.by.user_id,
        restrictions=restrictions,
        parent=call.by.grant_id,
        life=None if given.expires_in is None else timedelta(seconds=given.expires_in),
    )
    workspace = await call.app.tenants.workspace(call.account_id)
    shape = _shape(made.grant, workspace.workspace_id)
    return NewTokenShape(**msgspec.structs.asdict(shape), token=made.token)


async def _tenant(call: Call[TokenInput]) -> Tenant:
    tenants, key = call.app.tenants, call.body.tenant_key
    if call.by.kind is CallerKind.MANAGER:
        if key is None:
            raise Invalid("tenantKey", "is required")
        return await tenants.tenant(call.account_id, key)
    tenant = await tenants.tenant(call.account_id, call.by.tenant())
    if key is not None and key not in (tenant.key, tenant.tenant_id):
        raise Invalid("tenantKey", "must be this token's own")
    return tenant


async def chosen_connections(app: App, tenant: Tenant, selectors: list[str] | None) -> frozenset[str] | None:
    """Ids of the tenant's connections that were named by id or key. Raises NotFound."""
    if selectors is None:
        return None
    workspace = await app.tenants.workspace(tenant.account_id)
    itself = tenant_itself(workspace, tenant)
    return frozenset([(await app.connections.get(itself, each)).connection_id for each in selectors[:_MAX_CHOSEN]])


def tenant_itself(workspace: Workspace, tenant: Tenant) -> Caller:
    """A tenant as a caller, for looking at what is its own on somebody's behalf who may."""
    return Caller(
        account_id=tenant.account_id,
        kind=CallerKind.TENANT,
        workspace_key=workspace.key,
        tenant_id=tenant.tenant_id,
        tenant_key=tenant.key,
        actor="choosing",
        restrictions=Restrictions(read_only=True),
    )


def _shape(grant: Grant, workspace_id: str) -> GrantShape:
    limits = grant.restrictions
    return GrantShape(
        id=grant.grant_id,
        workspace_id=workspace_id,
        tenant_id=grant.tenant_id,
        tenant_key=grant.tenant_key,
        user_id=None if grant.user_id is None else str(grant.user_id),
        grant_type=grant.kind.value,
        grant_id=grant.grant_id,
        grant_name=grant.client_name,
        scope=grant.scope.value,
        resource=grant.resource,
        read_only=limits.read_only,
        connections=None if limits.connections is None else sorted(limits.connections),
        actions=None if limits.actions is None else sorted(limits.actions),
        created_at=grant.created_at,
        last_used_at=grant.used_at,
        expires_at=grant.expires_at,
    )


METHODS = (
    Method(
        "GET",
        "/grants",
        _list,
        who=Who.WORKSPACE,
        query=PAGING,
        summary="Sign-ins and long-lived tokens of the tenant; of all of them for a manager",
        answer=Listed[GrantShape],
    ),
    Method("DELETE", "/grants/{id}", _revoke, who=Who.WORKSPACE, summary="End a sign-in or a token"),
    Method(
        "GET",
        "/client-tokens",
        _list_tokens,
        who=Who.WORKSPACE,
        query=PAGING,
        summary="Long-lived tokens",
        answer=Listed[GrantShape],
    ),
    Method(
        "POST",
        "/client-tokens",
        _create,
        who=Who.WORKSPACE,
        body=TokenInput,
        body_optional=False,
        summary="Make a long-lived token, with limits",
        answer=NewTokenShape,
    ),
    Method("DELETE", "/client-tokens/{id}", _revoke, who=Who.WORKSPACE, summary="End a long-lived token"),
)
