"""Tenants and workspaces as the wire has them (membrane-api, 5.9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from syncom.connect.tenants.model import Tenant, Workspace


class TenantShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A tenant; older clients say customer or user."""

    id: str
    name: str
    internal_id: str
    fields: dict[str, Any]
    is_test: bool = False
    is_active: bool = True
    created_at: datetime
    last_active_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    archived_at: datetime | msgspec.UnsetType | None = msgspec.UNSET


class WorkspaceShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A workspace; nothing of it is secret."""

    id: str
    key: str
    name: str
    type: str = "production"
    org_id: str
    created_at: datetime
    #: Where its owner is told what becomes of connections; only for managers to see.
    webhook_uri: str | msgspec.UnsetType | None = msgspec.UNSET


def tenant_shape(tenant: Tenant) -> TenantShape:
    return TenantShape(
        id=tenant.tenant_id,
        name=tenant.name or tenant.key,
        internal_id=tenant.key,
        fields=tenant.fields,
        is_active=tenant.archived_at is None,
        created_at=tenant.created_at,
        last_active_at=tenant.last_active_at or msgspec.UNSET,
        archived_at=tenant.archived_at or msgspec.UNSET,
    )


def workspace_shape(
    workspace: Workspace, name: str, *, webhook_uri: str | msgspec.UnsetType | None = msgspec.UNSET
) -> WorkspaceShape:
    """``name`` is the account's. Here every account is an organisation with one workspace."""
    return WorkspaceShape(
        id=workspace.workspace_id,
        key=workspace.key,
        name=name,
        org_id=str(workspace.account_id),
        created_at=workspace.created_at,
        webhook_uri=webhook_uri,
    )
