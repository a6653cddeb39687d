"""Everything a test of connections needs, wired as the product wires it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from syncom.connect.catalogue.service import CatalogueService
from syncom.connect.connections.model import Agreed, ConnectionWish, OwnKey
from syncom.connect.connections.service import ConnectionsService
from syncom.connect.model import (
    AuthKind,
    AuthOption,
    Caller,
    CallerKind,
    Connection,
    Connector,
    OAuthConfig,
    Restrictions,
)
from syncom.ids import short_id
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.clocks import ShiftedClock
from tests.connect.connections.provider import CLIENT_ID, CLIENT_SECRET, Provider

BASE_URL = "http://syncom.example"
_COLUMNS = ("connector_id", "account_id", "version", "updated_at", "archived_at")
_OPEN = Restrictions()


class Shelf(CatalogueService):
    """The catalogue, with connectors that tests put there."""

    async def put(self, connector: Connector) -> Connector:
        definition = msgspec.to_builtins(connector)
        async with self._database.system() as connection:
            await connection.execute(
                "INSERT INTO connectors (connector_id, account_id, key, name, definition, content_hash)"
                " VALUES (%s, %s, %s, %s, %s, '')"
                " ON CONFLICT (connector_id) DO UPDATE SET definition = excluded.definition",
                (
                    connector.connector_id,
                    connector.account_id,
                    connector.key,
                    connector.name,
                    Jsonb({name: value for name, value in definition.items() if name not in _COLUMNS}),
                ),
            )
        return connector


class Keys:
    """API keys of this installation, as accounts make them."""

    def __init__(self) -> None:
        self.made: list[tuple[Agreed, str]] = []
        self.live: set[int] = set()

    async def issue(self, by: Agreed, name: str) -> OwnKey:
        self.made.append((by, name))
        self.live.add(len(self.made))
        return OwnKey(api_key_id=len(self.made), key=f"sk_canary_own_{len(self.made)}")

    async def revoke(self, account_id: int, api_key_id: int) -> None:
        self.live.discard(api_key_id)


class Rig:
    """Two of everything where a test may need a second process."""

    def __init__(self, database: Database, app: Provider, account_id: int, tenants: list[str]) -> None:
        self.database = database
        self.app = app
        self.account_id = account_id
        self.tenants = tenants
        self.clock = ShiftedClock()
        self.shelf = Shelf(database, self.clock)
        self.keyring = Keyring(b"k" * 32)
        self.keys = Keys()
        self.outbound = OutboundClient("127.0.0.1/32")
        self.services: list[ConnectionsService] = []
        self.connections = self.service(database)

    def service(
        self, database: Database, *, lease: timedelta = timedelta(seconds=45), token_seconds: float | None = None
    ) -> ConnectionsService:
        """Another one, as another process has it."""
        made = ConnectionsService(
            database,
            self.shelf,
            self.keyring,
            self.outbound,
            self.clock,
            base_url=BASE_URL,
            own_keys=self.keys,
            lease=lease,
            token_seconds=token_seconds,
        )
        self.services.append(made)
        return made

    def caller(self, tenant: int = 0, restrictions: Restrictions = _OPEN) -> Caller:
        return Caller(
            account_id=self.account_id,
            kind=CallerKind.TENANT,
            workspace_key="workspace",
            tenant_id=self.tenants[tenant],
            tenant_key="anna",
            actor="user:1",
            user_id=1,
            restrictions=restrictions,
        )

    def manager(self) -> Caller:
        return Caller(account_id=self.account_id, kind=CallerKind.MANAGER, workspace_key="workspace", actor="secret")

    async def connector(self, key: str = "shop", **given: Any) -> Connector:
        """A connector of the app, with a key in a header unless something else is said."""
        usual: dict[str, Any] = {
            "connector_id": short_id(),
            "account_id": self.account_id,
            "key": key,
            "name": key.title(),
            "base_url": f"{self.app.url}/api",
            "auth": (KEY,),
            "test": ("GET", "/me"),
            "domains": (f"{key}.example",),
        }
        return await self.shelf.put(Connector(**{**usual, **given}))

    def oauth(self, **given: Any) -> AuthOption:
        config: dict[str, Any] = {
            "authorize_url": f"{self.app.url}/authorize",
            "token_url": f"{self.app.url}/token",
            "revoke_url": f"{self.app.url}/revoke",
            "scopes": ("read", "write"),
        }
        return AuthOption(
            key="oauth",
            kind=AuthKind.OAUTH2,
            title="Sign in",
            oauth=OAuthConfig(**{**config, **given}),
            headers={"Authorization": "Bearer {access_token}"},
        )

    async def signed_in(self, key: str = "drive", **given: object) -> Connection:
        """A connection that a person made at the provider's page."""
        connector = await self.connector(key, auth=(self.oauth(**given),))
        await self.integrate(connector)
        return await self.sign_in(connector)

    async def integrate(self, connector: Connector) -> None:
        await self.connections.integrations.add(
            self.account_id,
            connector.connector_id,
            parameters={"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET},
        )

    async def sign_in(self, connector: Connector) -> Connection:
        request = await self.connections.request(self.caller(), ConnectionWish(connector=connector.connector_id))
        going = await self.connections.requests.depart(request.request_id, "oauth")
        outcome = await self.connections.requests.come_back(self.app.agree(going.url), going.browser)
        assert outcome.connection is not None, outcome.fault
        return outcome.connection


KEY = AuthOption(
    key="key",
    kind=AuthKind.API_KEY,
    title="API key",
    input_schema={
        "type": "object",
        "required": ["apiKey"],
        "properties": {
            "apiKey": {"type": "string", "title": "API key", "minLength": 8, "writeOnly": True},
            "account": {"type": "string", "title": "Account"},
        },
    },
    headers={"X-Api-Key": "{apiKey}"},
)


@asynccontextmanager
async def open_rig(database: Database, account_id: int, app: Provider) -> AsyncGenerator[Rig]:
    tenants = [short_id(), short_id()]
    async with database.system() as connection:
        for number, tenant in enumerate(tenants):
            await connection.execute(
                "INSERT INTO tenants (tenant_id, account_id, internal_id, name) VALUES (%s, %s, %s, %s)",
                (tenant, account_id, f"tenant-{number}", f"Tenant {number}"),
            )
    rig = Rig(database, app, account_id, tenants)
    try:
        yield rig
    finally:
        await asyncio.gather(*(service.close() for service in rig.services))
        await rig.outbound.close()
