"""A desk with a connection to one app: the shipped connector, led to a simulator."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import syncom
from syncom.accounts.service import machine_principal
from syncom.app import App, open_app
from syncom.clock import Clock
from syncom.connect.connections.model import ConnectionWish
from syncom.connect.model import Caller, CallerKind, Connection
from syncom.connect.runs.model import RunFailed
from syncom.settings import Settings
from tests.connect.connectors.simulators import Simulator

SHIPPED = Path(syncom.__file__).parent / "connectors"
#: What the base address of each app's document ends with.
BASES = {"shopify": "/admin/api/2025-07", "slack": "/api"}


class Desk:
    """Somebody with a connection to one app."""

    def __init__(self, app: App, caller: Caller, simulator: Simulator, key: str) -> None:
        self.app = app
        self.caller = caller
        self.simulator = simulator
        self._key = key
        self.connection: Connection | None = None

    async def connect(self, parameters: dict[str, Any] | None = None, auth: str | None = None, /, **typed: Any) -> None:
        wish = ConnectionWish(connector=self._key, auth_key=auth, input=typed, parameters=parameters)
        self.connection = await self.app.connections.create(self.caller, wish)

    async def run(self, key: str, /, **given: Any) -> Any:
        """The output of an action. Raises RunFailed."""
        assert self.connection is not None
        action = await self.app.catalogue.action(self.caller.account_id, key, connector_id=self.connection.connector_id)
        return (await self.app.runs.run(self.caller, self.connection, action, given)).output

    async def failure(self, key: str, /, **given: Any) -> str:
        """What a failed run says, with the app's own words."""
        with pytest.raises(RunFailed) as caught:
            await self.run(key, **given)
        said = msgspec.json.encode(caught.value.fault).decode()
        assert self.simulator_token not in said
        return said

    @property
    def simulator_token(self) -> str:
        return str(getattr(self.simulator, "token", "-"))


@asynccontextmanager
async def desk_of(
    key: str, simulator: Simulator, dsn: str, folder: Path, clock: Clock | None = None
) -> AsyncGenerator[Desk]:
    """A connection to the simulator by the shipped connector, of which only the address is another one."""
    async with simulator.run() as url:
        _redirected(key, url, folder / "connectors")
        # Desks of a test file share its database, so they share its keys.
        key_file = str(folder.parent / "desk.key")
        settings = Settings(data_dir=folder, secret_key_file=key_file, outbound_allow="127.0.0.1/32")
        async with open_app(settings, dsn=dsn, clock=clock) as app:
            await app.catalogue.sync(folder / "connectors")
            account = await app.accounts.create_account(machine_principal(0), name=key)
            tenant = await app.tenants.tenant(account.account_id, "default")
            caller = Caller(
                account_id=account.account_id,
                kind=CallerKind.TENANT,
                workspace_key="w",
                tenant_id=tenant.tenant_id,
                actor="test",
            )
            yield Desk(app, caller, simulator, key)


def _redirected(key: str, url: str, into: Path) -> None:
    """Copy a connector, with addresses of the app replaced by the simulator's."""
    shutil.copytree(SHIPPED / key, into / key)
    settings = yaml.safe_load((into / key / "connector.yaml").read_text("utf-8"))
    if "{baseUrl}" not in settings.get("baseUrl", ""):
        settings["baseUrl"] = url + BASES.get(key, "")
    if key == "google-sheets":
        settings["test"] = f"GET {url}/drive/v3/about?fields=user"
        settings["auth"][1]["oauth"]["tokenUrl"] = f"{url}/token"
        settings["auth"][1]["oauth"]["assertion"]["aud"] = f"{url}/token"
    (into / key / "connector.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
