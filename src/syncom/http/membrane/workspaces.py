"""``/org-workspaces``: the workspaces of a person, tokens derived from the person's, and a workspace's secret."""

from __future__ import annotations

from typing import Any

import msgspec

from syncom.connect.model import CallerKind
from syncom.connect.tenants.model import Tenant, Workspace
from syncom.errors import Forbidden, NotFound
from syncom.http.membrane.method import Call, Listed, Method, Who
from syncom.http.membrane.shapes import WorkspaceShape, workspace_shape


class AccessTokenInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """For whom the token shall be (membrane-api, 3.3). Nobody named: the default tenant."""

    is_admin: bool = False
    tenant_id: str | None = None
    tenant_key: str | None = None
    name: str | None = None
    fields: dict[str, Any] | None = None


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """Good for an hour, and no longer than the sign-in it came of."""

    token: str


class WorkspacePatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is left out stays as it is."""

    #: Where connections' events are posted; null: nowhere.
    webhook_uri: str | msgspec.UnsetType | None = msgspec.UNSET


class NewSecret(msgspec.Struct, frozen=True, kw_only=True):
    """Shown once."""

    key: str
    secret: str


async def _list(call: Call[None]) -> Listed[WorkspaceShape]:
    if call.by.user_id is None:
        raise Forbidden("this token stands for no person; sign in to have one that does")
    members = await call.app.tenants.members(call.by.user_id)
    return Listed(
        [
            workspace_shape(await call.app.tenants.workspace(member.account_id), member.account_name)
            for member in members
        ]
    )


async def _access_token(call: Call[AccessTokenInput]) -> AccessToken:
    workspace, given = await _workspace(call), call.body
    tenant = None if given.is_admin else await _tenant(call, workspace, given)
    return AccessToken(token=await call.app.tenants.oauth.derive(call.by, workspace.account_id, tenant))


async def _tenant(call: Call[AccessTokenInput], workspace: Workspace, given: AccessTokenInput) -> Tenant:
    """Made when it is named by a key for the first time, as a token that names it would."""
    tenants, account_id = call.app.tenants, workspace.account_id
    if given.tenant_id is not None:
        tenant = await tenants.tenant(account_id, given.tenant_id)
    elif given.tenant_key is not None:
        # A sign-in with limits makes nothing new.
        tenant = await tenants.tenant(account_id, given.tenant_key, create=call.by.restrictions.is_open)
    else:
        tenant = await tenants.tenant(account_id, "default")
    changes = (given.name is not None and given.name != tenant.name) or given.fields is not None
    if changes and call.by.restrictions.is_open:
        tenant = await tenants.change_tenant(account_id, tenant.tenant_id, name=given.name, fields=given.fields)
    return tenant


async def _rotate(call: Call[None]) -> NewSecret:
    workspace = await _workspace(call, manage=True)
    secret = await call.app.tenants.rotate_secret(workspace.account_id)
    return NewSecret(key=workspace.key, secret=secret)


async def _patch(call: Call[WorkspacePatch]) -> WorkspaceShape:
    workspace = await _managed(call)
    webhooks = call.app.connections.webhooks
    if call.body.webhook_uri is msgspec.UNSET:
        found = await webhooks.get(workspace.account_id)
    else:
        found = await webhooks.set(workspace.account_id, call.body.webhook_uri or None)
    account = await call.app.accounts.get_account(workspace.account_id)
    return workspace_shape(workspace, account.name, webhook_uri=found.url if found is not None else None)


async def _managed(call: Call[Any]) -> Workspace:
    """The workspace of a manager's token, or one that the person manages. Raises NotFound, Forbidden."""
    if call.by.kind is CallerKind.TENANT:
        raise Forbidden("this needs a manager's token, or one of a person who manages the account")
    if call.by.kind is not CallerKind.MANAGER:
        return await _workspace(call, manage=True)
    workspace = await call.app.tenants.workspace(call.account_id)
    if call.path["id"] not in (workspace.workspace_id, workspace.key):
        raise NotFound("workspace", call.path["id"])
    return workspace


async def _workspace(call: Call[Any], *, manage: bool = False) -> Workspace:
    """One of the person's own. Raises NotFound for those of others, Forbidden when the role is too small."""
    workspace = await call.app.tenants.workspace_of(call.path["id"])
    members = await call.app.tenants.members(call.by.user_id) if call.by.user_id is not None else []
    member = next((each for each in members if each.account_id == workspace.account_id), None)
    if member is None:
        raise NotFound("workspace", call.path["id"])
    if manage and not member.may_manage:
        raise Forbidden("only an admin of the account may do this")
    return workspace


METHODS = (
    Method(
        "GET",
        "/org-workspaces",
        _list,
        who=Who.PERSON,
        summary="Workspaces of the person who signed in",
        answer=Listed[WorkspaceShape],
    ),
    Method(
        "POST",
        "/org-workspaces/{id}/access-token",
        _access_token,
        who=Who.PERSON,
        body=AccessTokenInput,
        writes=False,
        summary="A token of a tenant, or of the workspace's manager",
        answer=AccessToken,
    ),
    Method(
        "PATCH",
        "/org-workspaces/{id}",
        _patch,
        who=Who.ANYONE,
        body=WorkspacePatch,
        summary="Set where the workspace's owner is told what becomes of connections (`webhookUri`); for managers",
        answer=WorkspaceShape,
    ),
    Method(
        "POST",
        "/org-workspaces/{id}/rotate-secret",
        _rotate,
        who=Who.PERSON,
        summary="Give the workspace a new secret; tokens signed with the old one are refused",
        answer=NewSecret,
    ),
)
