"""``/self`` and ``/account``: who a token is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from syncom.errors import Forbidden
from syncom.http.membrane.method import Call, Method, Who
from syncom.http.membrane.shapes import TenantShape, WorkspaceShape, tenant_shape, workspace_shape


class Self(TenantShape, frozen=True, kw_only=True, rename="camel"):
    """The tenant at the top level, and again under ``user`` with ``workspace`` beside it: clients read either."""

    workspace_key: str
    user: TenantShape
    workspace: WorkspaceShape


class SelfInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may change of itself. ``fields`` go over those it has."""

    name: str | None = None
    fields: dict[str, Any] | None = None


class AccountShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A person, and where they may act."""

    id: str
    email: str
    name: str
    org_id: str
    orgs: list[OrgShape]
    workspaces: list[WorkspaceShape]
    default_workspace_key: str
    created_at: datetime | msgspec.UnsetType = msgspec.UNSET


class OrgShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation: an account of this installation."""

    id: str
    name: str


async def _self(call: Call[Any]) -> Self:
    tenant = tenant_shape(await call.app.tenants.tenant(call.account_id, call.by.tenant()))
    workspace = await call.app.tenants.workspace(call.account_id)
    account = await call.app.accounts.get_account(call.account_id)
    return Self(
        **msgspec.structs.asdict(tenant),
        workspace_key=workspace.key,
        user=tenant,
        workspace=workspace_shape(workspace, account.name),
    )


async def _patch_self(call: Call[SelfInput]) -> Self:
    given = call.body
    await call.app.tenants.change_tenant(
        call.account_id, call.by.tenant(), name=given.name, fields=given.fields, merge=True
    )
    return await _self(call)


async def _account(call: Call[None]) -> AccountShape:
    if call.by.user_id is None:
        raise Forbidden("this token stands for no person; sign in to have one that does")
    members = await call.app.tenants.members(call.by.user_id)
    if not members:
        raise Forbidden("whoever signed in belongs to no account any more")
    workspaces = [
        workspace_shape(await call.app.tenants.workspace(member.account_id), member.account_name) for member in members
    ]
    person = members[0]
    return AccountShape(
        id=str(person.user_id),
        email=person.email,
        name=person.name,
        org_id=str(call.account_id),
        orgs=[OrgShape(id=str(member.account_id), name=member.account_name) for member in members],
        workspaces=workspaces,
        default_workspace_key=call.by.workspace_key,
    )


METHODS = (
    Method("GET", "/self", _self, summary="The tenant whose token this is", answer=Self),
    Method(
        "PATCH",
        "/self",
        _patch_self,
        body=SelfInput,
        summary="Change the tenant's name or fields",
        answer=Self,
    ),
    Method(
        "GET",
        "/account",
        _account,
        who=Who.ANYONE,
        summary="The person who signed in, and their workspaces",
        answer=AccountShape,
    ),
)
