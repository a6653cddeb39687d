"""``/customers``: the tenants of a workspace, for its manager."""

from __future__ import annotations

from typing import Any

import msgspec

from syncom.http.membrane.method import PAGING, Call, Listed, Method, Parameter, Who, listed
from syncom.http.membrane.shapes import TenantShape, tenant_shape


class CustomerInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A tenant to make, or what of it to change."""

    internal_id: str | None = None
    #: The newer name of the same.
    tenant_key: str | None = None
    name: str | None = None
    fields: dict[str, Any] | None = None


async def _list(call: Call[None]) -> Listed[TenantShape]:
    page = call.query.page()
    found = await call.app.tenants.tenants(
        call.account_id,
        search=call.query.text("search", longest=200),
        archived=call.query.flag("includeArchived"),
        limit=page.limit + 1,
        offset=page.offset,
    )
    return listed([tenant_shape(tenant) for tenant in found], page)


async def _create(call: Call[CustomerInput]) -> TenantShape:
    given = call.body
    made = await call.app.tenants.add_tenant(
        call.account_id, given.internal_id or given.tenant_key or "", name=given.name, fields=given.fields
    )
    return tenant_shape(made)


async def _get(call: Call[None]) -> TenantShape:
    return tenant_shape(await call.app.tenants.tenant(call.account_id, call.path["selector"]))


async def _patch(call: Call[CustomerInput]) -> TenantShape:
    given = call.body
    changed = await call.app.tenants.change_tenant(
        call.account_id, call.path["selector"], name=given.name, fields=given.fields
    )
    return tenant_shape(changed)


async def _archive(call: Call[None]) -> TenantShape:
    return tenant_shape(await call.app.tenants.archive_tenant(call.account_id, call.path["selector"]))


async def _restore(call: Call[None]) -> TenantShape:
    return tenant_shape(await call.app.tenants.restore_tenant(call.account_id, call.path["selector"]))


_QUERY = (
    *PAGING,
    Parameter(name="search", text="Part of the name or the key."),
    Parameter(name="includeArchived", text="true or 1: archived ones too."),
)

METHODS = (
    Method(
        "GET",
        "/customers",
        _list,
        who=Who.MANAGER,
        summary="Tenants of the workspace",
        query=_QUERY,
        answer=Listed[TenantShape],
    ),
    Method(
        "POST",
        "/customers",
        _create,
        who=Who.MANAGER,
        body=CustomerInput,
        summary="Make a tenant",
        answer=TenantShape,
    ),
    Method(
        "GET",
        "/customers/{selector}",
        _get,
        who=Who.MANAGER,
        summary="One tenant, by id or key",
        answer=TenantShape,
    ),
    Method(
        "PATCH",
        "/customers/{selector}",
        _patch,
        who=Who.MANAGER,
        body=CustomerInput,
        summary="Change a tenant's name, or replace its fields",
        answer=TenantShape,
    ),
    Method(
        "DELETE",
        "/customers/{selector}",
        _archive,
        who=Who.MANAGER,
        summary="Archive a tenant: its tokens are refused",
        answer=TenantShape,
    ),
    Method(
        "POST",
        "/customers/{selector}/restore",
        _restore,
        who=Who.MANAGER,
        summary="Bring an archived tenant back",
        answer=TenantShape,
    ),
)
