"""A workspace's use of a connector: its own OAuth client, whose secret is sealed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from syncom.connect.connections import store
from syncom.connect.connections.model import Catalogue, Integration
from syncom.connect.connections.oauth import Client
from syncom.connect.connections.vault import Vault
from syncom.connect.model import Connector
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Database

#: Members of an integration's parameters that are sealed.
_SECRET: Final = re.compile(r"secret|passw|token|private_?key", re.IGNORECASE)
_LONGEST: Final = 4096


class Integrations:
    """What a workspace's owner sets for a connector. Its callers check that a manager asks."""

    def __init__(self, database: Database, catalogue: Catalogue, vault: Vault) -> None:
        self._database = database
        self._catalogue = catalogue
        self._vault = vault

    async def get(self, account_id: int, selector: str) -> Integration:
        """By id or key. Raises NotFound."""
        async with self._database.system() as connection:
            found = await store.integration(connection, account_id, selector)
        if found is None:
            raise NotFound("integration", selector)
        return found

    async def of_connector(self, account_id: int, connector_id: str) -> Integration | None:
        """The workspace's use of a connector, when there is one."""
        async with self._database.system() as connection:
            return await store.integration_of_connector(connection, account_id, connector_id)

    async def list(
        self, account_id: int, *, include_archived: bool = False, limit: int = 100, offset: int = 0
    ) -> list[Integration]:
        """Oldest first."""
        async with self._database.system() as connection:
            return await store.integrations(
                connection, account_id, include_archived=include_archived, limit=limit, offset=offset
            )

    async def add(
        self,
        account_id: int,
        connector: str,
        *,
        key: str | None = None,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Integration:
        """Use a connector (id or key) with parameters of one's own: ``clientId``, ``clientSecret`` and others.

        Raises NotFound, Invalid, Conflict when the key is taken.
        """
        found = await self._catalogue.connector(account_id, connector)
        integration_id = store.new_id()
        shown, secrets = _split(parameters or {})
        sealed = self._vault.seal_secrets(secrets, account_id=account_id, integration_id=integration_id)
        values: dict[str, Any] = {
            "integration_id": integration_id,
            "account_id": account_id,
            "connector_id": found.connector_id,
            "key": key or found.key,
            "name": name or found.name,
            "parameters": shown,
            "key_id": sealed.key_id if secrets else None,
            "sealed": sealed.data if secrets else None,
        }
        async with self._database.system() as connection:
            if not await store.insert_integration(connection, values):
                raise Conflict(f"there is an integration with the key {values['key']}", field="key")
        return await self.get(account_id, integration_id)

    async def set_parameters(
        self, account_id: int, selector: str, parameters: Mapping[str, Any], *, name: str | None = None
    ) -> Integration:
        """Merge parameters: a member that is None goes, secrets that are not named stay. Raises NotFound, Invalid."""
        present = await self.get(account_id, selector)
        shown, secrets = _split({name: value for name, value in parameters.items() if value is not None})
        gone = {name for name, value in parameters.items() if value is None}
        async with self._database.system() as connection:
            row = await store.integration_secret(connection, account_id, present.connector_id)
            stored: dict[str, str] = {}
            if row is not None and row[0] == present.integration_id and row[2] is not None:
                stored = self._vault.open_secrets(row[2], account_id=account_id, integration_id=row[0])
            kept = {name: value for name, value in {**stored, **secrets}.items() if name not in gone}
            sealed = self._vault.seal_secrets(kept, account_id=account_id, integration_id=present.integration_id)
            values: dict[str, Any] = {
                "account_id": account_id,
                "integration_id": present.integration_id,
                "name": name,
                "parameters": {k: v for k, v in {**present.parameters, **shown}.items() if k not in gone},
                "keep": False,
                "key_id": sealed.key_id if kept else None,
                "sealed": sealed.data if kept else None,
            }
            await store.change_integration(connection, values)
        return await self.get(account_id, present.integration_id)

    async def archive(self, account_id: int, selector: str) -> None:
        """Use the connector no more; the client's secret is erased. Raises NotFound."""
        present = await self.get(account_id, selector)
        async with self._database.system() as connection:
            await store.archive_integration(connection, account_id, present.integration_id)

    async def connector_of(self, account_id: int, selector: str) -> Connector:
        """The connector behind an integration, or behind a connector's own id or key. Raises NotFound."""
        async with self._database.system() as connection:
            found = await store.integration(connection, account_id, selector)
        return await self._catalogue.connector(account_id, found.connector_id if found else selector)

    async def client(self, account_id: int, connector_id: str) -> Client | None:
        """The OAuth client of the workspace for a connector; None when it has none."""
        async with self._database.system() as connection:
            row = await store.integration_secret(connection, account_id, connector_id)
        if row is None:
            return None
        integration_id, parameters, data = row
        secrets = self._vault.open_secrets(data, account_id=account_id, integration_id=integration_id) if data else {}
        client_id = str(parameters.get("clientId") or "")
        return Client(client_id=client_id, client_secret=secrets.get("clientSecret", "")) if client_id else None


def _split(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What may be seen, and what may not."""
    shown: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for name, value in parameters.items():
        if not _SECRET.search(name):
            shown[name] = value
        elif isinstance(value, str) and value and len(value) <= _LONGEST:
            secrets[name] = value
        else:
            raise Invalid(f"parameters.{name}", f"must be a text of at most {_LONGEST} characters")
    return shown, secrets
