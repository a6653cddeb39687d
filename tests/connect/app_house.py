"""An app to connect to, on loopback, and a connection to it; credentials and connectors stand still."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from syncom.connect.model import (
    Action,
    Authorisation,
    Caller,
    CallerKind,
    Connection,
    ConnectionState,
    Connector,
    Effect,
    Fault,
)
from syncom.connect.runs.service import RunsService
from syncom.connect.transport.doubts import Doubts
from syncom.connect.transport.service import Transport
from syncom.errors import NotFound, SyncomError
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.clocks import HurriedClock

#: Planted: must never be seen outside of a request.
CANARY = "canary-6f1d2c-secret/value+1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class App:
    """What the app was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [request.raw_path for request in self.asked]


@asynccontextmanager
async def an_app(handler: Handler) -> AsyncIterator[App]:
    """A server that answers with ``handler``."""
    application = web.Application(client_max_size=64 * 1024 * 1024)
    app = App(0)

    async def noted(request: web.Request) -> web.StreamResponse:
        app.asked.append(request)
        app.bodies.append(await request.read())
        return await handler(request)

    application.router.add_route("*", "/{path:.*}", noted)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    app.port = runner.addresses[0][1]
    try:
        yield app
    finally:
        await runner.cleanup()


class Connectors:
    """Connectors and actions by id."""

    def __init__(self) -> None:
        self.known: dict[str, Connector] = {}
        self.actions: dict[str, Action] = {}

    async def connector(self, account_id: int, selector: str) -> Connector:
        return self.known[selector]

    async def action(
        self, account_id: int, selector: str, *, connector_id: str | None = None, connection_id: str | None = None
    ) -> Action:
        if selector not in self.actions:
            raise NotFound("action", selector)
        return self.actions[selector]


class Connections:
    """Connections and what authorises them."""

    def __init__(self) -> None:
        self.known: dict[str, Connection] = {}
        self.authorisations: dict[str, Authorisation] = {}
        #: What a 401 gives, by connection; None when a person must connect again.
        self.renewed: dict[str, Authorisation | None] = {}
        self.refusals = 0
        self.dead: SyncomError | None = None
        #: What a test says, and who was marked.
        self.fault: Fault | None = None
        self.defunct: list[str] = []

    async def get(self, caller: Caller, selector: str) -> Connection:
        for connection in self.known.values():
            if selector in (connection.connection_id, connection.key) and connection.tenant_id == caller.tenant_id:
                chosen = caller.restrictions.connections
                if chosen is None or connection.connection_id in chosen:
                    return connection
        raise NotFound("connection", selector)

    async def authorise(self, connection: Connection) -> Authorisation:
        if self.dead is not None:
            raise self.dead
        return self.authorisations[connection.connection_id]

    async def refused(self, connection: Connection, seen: Authorisation) -> Authorisation | None:
        self.refusals += 1
        renewed = self.renewed.get(connection.connection_id)
        if renewed is not None:
            self.authorisations[connection.connection_id] = renewed
        return renewed

    async def test(self, caller: Caller, selector: str) -> Fault | None:
        return self.fault

    async def mark_defunct(self, connection: Connection, fault: Fault, *, seen: Authorisation | None = None) -> None:
        self.defunct.append(connection.connection_id)


class House:
    """Everything a run needs."""

    def __init__(self, database: Database, account_id: int, **transport: Any) -> None:
        self.clock = HurriedClock()
        self.connectors = Connectors()
        self.connections = Connections()
        self.database = database
        self.account_id = account_id
        self.tenant_id = secrets.token_hex(12)
        self.transport = Transport(database, self.connectors, self.clock, **({"allow": "127.0.0.1/32"} | transport))
        self.doubts = Doubts(self.connections, self.transport, self.clock)
        self.runs = RunsService(
            database,
            self.connectors,
            self.connections,
            self.transport,
            self.doubts,
            Keyring(b"k" * 32),
            self.clock,
        )
        self.caller = Caller(
            account_id=account_id,
            kind=CallerKind.TENANT,
            workspace_key="w",
            tenant_id=self.tenant_id,
            tenant_key="acme",
            actor="user:7",
        )

    def connect(self, base_url: str, authorisation: Authorisation | None = None, **connector: Any) -> Connection:
        """A connection to an app at this address. Its connector is what ``connector`` says."""
        made = Connector(
            **{
                "connector_id": secrets.token_hex(12),
                "account_id": None,
                "key": "shopkit",
                "name": "Shopkit",
                "base_url": base_url,
                **connector,
            }
        )
        self.connectors.known[made.connector_id] = made
        connection = Connection(
            connection_id=secrets.token_hex(12),
            account_id=self.account_id,
            tenant_id=self.tenant_id,
            connector_id=made.connector_id,
            connector_key=made.key,
            key=f"shopkit-{len(self.connections.known)}",
            name="Shopkit",
            state=ConnectionState.READY,
            parameters={"shop": "acme"},
            created_at=datetime.now(UTC),
            updated_at=datetime.now(UTC),
        )
        self.connections.known[connection.connection_id] = connection
        self.connections.authorisations[connection.connection_id] = authorisation or Authorisation(
            base_url=base_url, headers={"Authorization": f"Bearer {CANARY}"}, secrets=(CANARY,)
        )
        return connection

    def action(self, connection: Connection, **members: Any) -> Action:
        """An action of the connection's connector."""
        made = Action(
            **{
                "action_id": secrets.token_hex(12),
                "account_id": None,
                "connector_id": connection.connector_id,
                "connector_key": connection.connector_key,
                "key": "get-thing",
                "name": "Get a thing",
                "effect": Effect.READ,
                "idempotent": True,
                "input_schema": {"type": "object"},
                "output_schema": {},
                "updated_at": datetime.now(UTC),
                **members,
            }
        )
        self.connectors.actions[made.action_id] = made
        return made

    async def records(self) -> str:
        """Everything the database says about runs, as text."""
        async with self.database.system() as connection:
            rows = await (await connection.execute("SELECT row_to_json(r)::text FROM action_runs r")).fetchall()
        return "\n".join(str(row[0]) for row in rows)


def answer(value: Any, status: int = 200, **headers: str) -> web.Response:
    """JSON."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        headers={
            "Content-Type": "application/json",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        },
    )
