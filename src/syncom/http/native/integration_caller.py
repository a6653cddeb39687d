"""Whom the native API acts for in the integration layer: the account's own tenant, with the caller's rights."""

from __future__ import annotations

from syncom.accounts.model import KeyScope, Permission, Principal
from syncom.app import App
from syncom.connect.model import Caller, CallerKind, Restrictions
from syncom.connect.tenants.model import DEFAULT_TENANT
from syncom.errors import Forbidden


async def caller_of(by: Principal, app: App) -> Caller:
    """The default tenant of the caller's account. Who may not send only reads, as their tokens do.

    Raises Forbidden for a key that is for one part of an account only.
    """
    if by.scope is not KeyScope.FULL:
        raise Forbidden(f"this key is for {by.scope.value} only; make one with the scope full")
    workspace = await app.tenants.workspace(by.account_id)
    tenant = await app.tenants.tenant(by.account_id, DEFAULT_TENANT)
    return Caller(
        account_id=by.account_id,
        kind=CallerKind.TENANT,
        workspace_key=workspace.key,
        tenant_id=tenant.tenant_id,
        tenant_key=tenant.key,
        actor=by.actor,
        user_id=by.user_id,
        restrictions=Restrictions(read_only=Permission.SEND not in by.permissions),
    )
