"""Answers put together from several rooms: a connection with its connector and integration, an action with its app."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from syncom.connect.connections.model import AuthChoice, ConnectionRequest, Integration
from syncom.connect.model import Action, ActionRun, Caller, Connection, Connector
from syncom.errors import NotFound
from syncom.http.membrane.answers import (
    ActionAnswer,
    AttemptAnswer,
    AuthOptionAnswer,
    ConnectionAnswer,
    ConnectionRequestAnswer,
    ConnectorAnswer,
    IntegrationAnswer,
    IntegrationLink,
    RunRecord,
    TenantLink,
    action_answer,
    attempt_answer,
    auth_choice_answer,
    connection_answer,
    connection_request_answer,
    connector_answer,
    integration_answer,
    integration_link,
    run_record,
)
from syncom.http.membrane.method import Call

#: Integrations of one account that are read.
_MOST: Final = 1000


class Views:
    """Of one request: each connector is looked up once, however many answers name it."""

    def __init__(self, call: Call[Any], by: Caller | None = None) -> None:
        """``by``: the tenant for whom a manager acts; None: whoever asks."""
        self._app = call.app
        self._by = by or call.by
        self._connectors: dict[str, Connector | None] = {}
        self._integrations: dict[str, Integration] | None = None
        self._tenants: dict[str, TenantLink] = {}
        self._connections: dict[str, Connection | None] = {}
        self._actions: dict[str, Action | None] = {}

    @property
    def _callback(self) -> str:
        return self._app.connections.requests.callback_url

    async def connector(self, connector_id: str) -> Connector | None:
        """By id; None when it was removed."""
        if connector_id not in self._connectors:
            try:
                self._connectors[connector_id] = await self._app.catalogue.connector(self._by.account_id, connector_id)
            except NotFound:
                self._connectors[connector_id] = None
        return self._connectors[connector_id]

    def know(self, connectors: Iterable[Connector]) -> None:
        """These were read already."""
        self._connectors.update({connector.connector_id: connector for connector in connectors})

    async def integration(self, connector_id: str) -> Integration | None:
        """What the account has set for a connector, if anything."""
        if self._integrations is None:
            rows = await self._app.connections.integrations.list(self._by.account_id, limit=_MOST)
            self._integrations = {row.connector_id: row for row in reversed(rows)}
        return self._integrations.get(connector_id)

    async def tenant(self, tenant_id: str) -> TenantLink:
        """Whose it is."""
        if tenant_id not in self._tenants:
            tenant = await self._app.tenants.tenant(self._by.account_id, tenant_id)
            self._tenants[tenant_id] = TenantLink(id=tenant_id, name=tenant.name or tenant.key, internal_id=tenant.key)
        return self._tenants[tenant_id]

    async def link(self, connector_id: str, key: str = "") -> IntegrationLink:
        """``key``: the connector's, for the case that it was removed."""
        return integration_link(
            connector_id, key, await self.connector(connector_id), await self.integration(connector_id)
        )

    # ------------------------------------------------------------ answers

    async def connection(self, connection: Connection) -> ConnectionAnswer:
        return connection_answer(
            connection,
            await self.connector(connection.connector_id),
            await self.link(connection.connector_id, connection.connector_key),
            await self.tenant(connection.tenant_id),
        )

    async def request(self, request: ConnectionRequest) -> ConnectionRequestAnswer:
        return connection_request_answer(request, await self.link(request.connector_id))

    async def attempt(self, request: ConnectionRequest, connection: Connection) -> AttemptAnswer:
        return attempt_answer(request, await self.link(request.connector_id), connection)

    def choice(self, choice: AuthChoice) -> AuthOptionAnswer:
        return auth_choice_answer(choice, self._callback)

    def connector_answer(self, connector: Connector, *, operations: int | None = None) -> ConnectorAnswer:
        return connector_answer(connector, self._callback, operations=operations)

    async def integration_answer(
        self, connector: Connector, *, connection: Connection | None = None
    ) -> IntegrationAnswer:
        """``connection``: the tenant's own with it."""
        return integration_answer(
            connector,
            await self.integration(connector.connector_id),
            self._callback,
            connection=None if connection is None else connection_answer(connection, connector, None),
        )

    async def action(self, action: Action, *, score: float | None = None) -> ActionAnswer:
        return action_answer(action, await self.link(action.connector_id, action.connector_key), score=score)

    async def run(self, run: ActionRun, *, embed: bool = False, details: bool = False) -> RunRecord:
        """``embed``: with the connection and the action, as far as they are still there."""
        connection, action = await self._parts(run)
        connector_id = "" if connection is None else connection.connector_id
        if action is not None:
            connector_id = action.connector_id
        link = await self.link(connector_id) if connector_id else None
        return run_record(
            run,
            integration=link,
            of_connection=action is not None and action.connection_id is not None,
            connection=await self.connection(connection) if embed and connection is not None else None,
            action=await self.action(action) if embed and action is not None else None,
            user=await self.tenant(run.tenant_id) if embed else None,
            details=details,
        )

    async def _parts(self, run: ActionRun) -> tuple[Connection | None, Action | None]:
        """The connection and the action of a run; None for what is gone."""
        used, done = run.connection_id or "", run.action_id or ""
        if used and used not in self._connections:
            with suppress(NotFound):
                self._connections[used] = await self._app.connections.get(self._by, used)
        if done and done not in self._actions:
            with suppress(NotFound):
                self._actions[done] = await self._app.catalogue.action(self._by.account_id, done)
        return self._connections.setdefault(used, None), self._actions.setdefault(done, None)
