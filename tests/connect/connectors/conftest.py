"""This installation as the app behind its own connector: a real server on a real port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import syncom
from syncom.accounts.model import Role
from syncom.accounts.service import machine_principal
from syncom.connect.catalogue.compile import compile_connector, read_folder
from syncom.connect.catalogue.model import ActionDraft, Draft
from syncom.connect.model import Action, Authorisation, Connection, RunResult
from tests.connect.app_house import House
from tests.http.conftest import module_dsn, site
from tests.http.running_site import Site

__all__ = ["module_dsn", "site"]

FOLDER = Path(syncom.__file__).parent / "connectors" / "esputnik"


class Desk:
    """Somebody who runs actions of the connector in an account of their own."""

    def __init__(self, site: Site, house: House, connection: Connection, actions: dict[str, ActionDraft]) -> None:
        self.app = site.app
        self.account_id = house.account_id
        self._house = house
        self._connection = connection
        self._actions = actions

    async def run(self, key: str, _input: dict[str, Any] | None = None, /, **given: Any) -> Any:
        """The output of an action, which is what its schema says. Raises what the run raises."""
        output = (await self.result(key, _input or given)).output
        jsonschema_rs.validate(self._actions[key].output_schema, output)
        return output

    async def result(self, key: str, given: dict[str, Any], *, dry_run: bool = False) -> RunResult:
        draft = self._actions[key]
        action: Action = self._house.action(
            self._connection,
            key=key,
            name=draft.name,
            effect=draft.effect,
            idempotent=draft.idempotent,
            input_schema=draft.input_schema,
            output_schema=draft.output_schema,
            operation=draft.operation,
            shape=draft.shape,
        )
        return await self._house.runs.run(self._house.caller, self._connection, action, given, dry_run=dry_run)

    async def exchanges(self, run_id: str) -> list[str]:
        """Method and path of every request of a run."""
        run = await self._house.runs.get(self._house.caller, run_id)
        return [f"{one['request']['method']} {one['request']['url'].partition('/api')[2]}" for one in run.exchanges]


@pytest.fixture(scope="session")
def draft() -> Draft:
    return compile_connector(read_folder(FOLDER))


@pytest.fixture
async def desk(site: Site, draft: Draft) -> AsyncIterator[Desk]:
    account = await site.app.accounts.create_account(site.owner, name="Shop")
    key = await site.app.accounts.create_api_key(machine_principal(account.account_id), name="own", role=Role.ADMIN)
    house = House(site.app.database, account.account_id)
    authorisation = Authorisation(
        base_url=f"{site.url}/api", headers={"Authorization": f"Bearer {key.key}"}, secrets=(key.key,)
    )
    connection = house.connect(f"{site.url}/api", authorisation, key="esputnik", name="eSputnik")
    yield Desk(site, house, connection, {action.key: action for action in draft.actions})
    await house.transport.close()
