"""What a request is about: the tenant, the connector, the connection and the action that its members name.

Ids and keys are taken in one place each: a connector may be named by its own id or key, by an integration's, or by an
app's id, which is the connector's (membrane-api, 2: selector).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from syncom.connect.connections.service import domain_of
from syncom.connect.model import Action, Caller, CallerKind, Connection, Connector, Effect
from syncom.errors import Forbidden, Invalid, NotFound
from syncom.http.membrane.method import Call, Parameter, Query

#: Connections of one tenant, or connectors, that are looked through.
_MOST: Final = 1000

#: The filters of lists that name a connector, for the document.
CONNECTOR_FILTERS: Final = (
    Parameter(name="integrationId", text="Of this integration."),
    Parameter(name="integrationKey", text="Of this integration."),
    Parameter(name="connectorId", text="Of this connector."),
    Parameter(name="connectorKey", text="Of this connector."),
    Parameter(name="externalAppId", text="Of this app."),
)
#: The filters that name a connection.
CONNECTION_FILTERS: Final = (
    Parameter(name="connectionId", text="Id or key of a connection."),
    Parameter(name="connectionKey", text="Key of a connection."),
)
#: For managers, who belong to no tenant.
TENANT: Final = (
    Parameter(name="tenantId", text="For a manager: the tenant to act for, by id."),
    Parameter(name="tenantKey", text="For a manager: the tenant to act for, by key."),
)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a body or a query that name something, as they came."""

    connector: str | None = None
    integration: str | None = None
    app: str | None = None
    connection: str | None = None

    @classmethod
    def of_query(cls, query: Query) -> Names:
        return cls(
            connector=query.text("connectorId") or query.text("connectorKey"),
            integration=query.text("integrationId") or query.text("integrationKey"),
            app=query.text("externalAppId"),
            connection=query.text("connectionId") or query.text("connectionKey"),
        )

    @property
    def names_connector(self) -> bool:
        return bool(self.connector or self.integration or self.app)


# ---------------------------------------------------------------- tenants


async def acting(call: Call[Any]) -> Caller:
    """In whose name things are done: a manager may name a tenant; without one it sees those of all. Raises NotFound."""
    if call.by.kind is not CallerKind.MANAGER:
        return call.by
    selector = call.query.text("tenantId") or call.query.text("tenantKey") or call.query.text("userId")
    if selector is None:
        return call.by
    tenant = await call.app.tenants.tenant(call.account_id, selector)
    return msgspec.structs.replace(call.by, kind=CallerKind.TENANT, tenant_id=tenant.tenant_id, tenant_key=tenant.key)


def of_another(call: Call[Any]) -> bool:
    """Whether a tenant's token filters by another tenant, of whom it sees nothing."""
    if call.by.kind is CallerKind.MANAGER:
        return False
    wanted = call.query.text("tenantId") or call.query.text("userId")
    return wanted is not None and wanted not in (call.by.tenant_id, call.by.tenant_key)


# ---------------------------------------------------------------- connectors


async def connector_named(call: Call[Any], names: Names) -> Connector | None:
    """None when the members name none. Raises NotFound."""
    if names.connector:
        return await call.app.catalogue.connector(call.account_id, names.connector)
    if names.integration:
        return await connector_of_integration(call, names.integration)
    if names.app:
        return await call.app.catalogue.connector(call.account_id, names.app)
    return None


async def connector_of_integration(call: Call[Any], selector: str) -> Connector:
    """By the id or the key that the account gave the integration, or the connector's own. Raises NotFound."""
    try:
        return await call.app.connections.integrations.connector_of(call.account_id, selector)
    except NotFound:
        raise NotFound("integration", selector) from None


async def connector_meant(call: Call[Any], words: str) -> Connector | None:
    """The connector that an address, a domain or an app's name means; None when there is none."""
    domain = domain_of(words)
    if domain:
        found = await call.app.catalogue.find_by_domain(call.account_id, domain)
        if found is not None:
            return found
    wanted = words.strip().casefold()
    matches = await call.app.catalogue.connectors(call.account_id, search=words.strip()[:200], limit=50)
    for connector in matches:
        if wanted in {name.casefold() for name in (connector.key, connector.name, *connector.aliases)}:
            return connector
    everything = await call.app.catalogue.connectors(call.account_id, limit=_MOST)
    inside = [connector for connector in everything if _named_in(connector, wanted)]
    return inside[0] if len(inside) == 1 else None


def _named_in(connector: Connector, words: str) -> bool:
    """Whether free text such as 'connect my Shopify shop' names the app."""
    return any(f" {name.casefold()} " in f" {words} " for name in (connector.key, connector.name, *connector.aliases))


# ---------------------------------------------------------------- connections


async def connection_named(call: Call[Any], by: Caller, names: Names) -> Connection | None:
    """By itself, or the only one of a connector. None when the members name neither. Raises NotFound, Invalid."""
    if names.connection:
        return await call.app.connections.get(by, names.connection)
    connector = await connector_named(call, names)
    if connector is None:
        return None
    return await only_connection(call, by, connector)


async def only_connection(call: Call[Any], by: Caller, connector: Connector) -> Connection:
    """The tenant's connection with an app, when there is exactly one that works, or exactly one."""
    found = await call.app.connections.list(by, connector_id=connector.connector_id, limit=_MOST)
    return _only(found, connector.name)


async def default_connection(call: Call[Any], by: Caller) -> Connection:
    """The tenant's connection, when there is exactly one (membrane-api, 6.7: the workspace default)."""
    return _only(await call.app.connections.list(by, limit=_MOST), "any app")


def _only(found: Sequence[Connection], app: str) -> Connection:
    working = [connection for connection in found if connection.connected]
    candidates = working or found
    if not candidates:
        raise NotFound("connection", app)
    if len(candidates) > 1:
        keys = ", ".join(sorted(connection.key for connection in candidates)[:10])
        raise Invalid("connectionId", f"is required: there are several connections with {app}: {keys}")
    return candidates[0]


# ---------------------------------------------------------------- actions


def may_run(by: Caller, action: Action) -> bool:
    """Whether the token's restrictions leave this action open."""
    limits = by.restrictions
    if limits.read_only and action.effect is not Effect.READ:
        return False
    return limits.actions is None or action.action_id in limits.actions or action.key in limits.actions


async def action_named(
    call: Call[Any],
    by: Caller,
    selector: str,
    *,
    connector: Connector | None = None,
    connection: Connection | None = None,
) -> Action:
    """By id, or by key within the connector or the connection.

    A key alone is looked for among the tenant's connections. An action of a connection is there for whoever may use
    that connection. Raises NotFound, Invalid, Forbidden.
    """
    connector_id = connection.connector_id if connection is not None else connector and connector.connector_id
    connection_id = None if connection is None else connection.connection_id
    catalogue = call.app.catalogue
    try:
        action = await catalogue.action(
            call.account_id, selector, connector_id=connector_id, connection_id=connection_id
        )
    except NotFound:
        if connector_id is not None or by.kind is not CallerKind.TENANT:
            raise NotFound("action", selector) from None
        action = await _by_key_alone(call, by, selector)
    if not may_run(by, action):
        raise Forbidden(f"this token may not use the action {action.key}")
    if action.connection_id is not None and action.connection_id != connection_id:
        await _check_owner(call, by, action, selector)
    return action


async def _by_key_alone(call: Call[Any], by: Caller, selector: str) -> Action:
    found: dict[str, Action] = {}
    for connection in await call.app.connections.list(by, limit=_MOST):
        try:
            action = await call.app.catalogue.action(
                call.account_id, selector, connector_id=connection.connector_id, connection_id=connection.connection_id
            )
        except NotFound:
            continue
        found[action.action_id] = action
    if not found:
        raise NotFound("action", selector)
    if len(found) > 1:
        apps = ", ".join(sorted({action.connector_key for action in found.values()}))
        raise Invalid("connectionId", f"is required: {selector} is an action of {apps}")
    return next(iter(found.values()))


async def _check_owner(call: Call[Any], by: Caller, action: Action, selector: str) -> None:
    """An action of a connection is nobody else's. A manager sees those of the whole account."""
    if by.kind is CallerKind.MANAGER:
        return
    try:
        await call.app.connections.get(by, action.connection_id or "")
    except NotFound:
        raise NotFound("action", selector) from None


async def connection_for(call: Call[Any], by: Caller, action: Action, names: Names) -> Connection:
    """The connection to run an action on: the one named, the one it belongs to, or the only one of its app."""
    connection = await connection_named(call, by, names)
    if connection is None and action.connection_id is not None:
        connection = await call.app.connections.get(by, action.connection_id)
    if connection is None:
        connector = await call.app.catalogue.connector(call.account_id, action.connector_id)
        connection = await only_connection(call, by, connector)
    if connection.connector_id != action.connector_id:
        raise Invalid(
            "connectionId",
            f"is a connection with {connection.connector_key}, and {action.key} is of {action.connector_key}",
        )
    if action.connection_id not in (None, connection.connection_id):
        raise NotFound("action", action.action_id)
    return connection
