"""Two accounts, their tenants and a connected app, as clients of the integration layer see them."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import msgspec

from syncom.connect.model import Caller
from tests.http.membrane.notes_app import KEY, Notes
from tests.http.running_site import Site


class World(msgspec.Struct, kw_only=True):
    """Clients of one tenant each, of a manager, and of another account; each with the base address of the API."""

    site: Site
    notes: Notes
    #: A tenant, and another one of the same workspace.
    acme: httpx.AsyncClient
    globex: httpx.AsyncClient
    manager: httpx.AsyncClient
    #: A tenant and the manager of another account.
    stranger: httpx.AsyncClient
    other_manager: httpx.AsyncClient
    nobody: httpx.AsyncClient

    async def caller(self, client: httpx.AsyncClient) -> Caller:
        """Whom a client's token stands for."""
        token = client.headers["authorization"].partition(" ")[2]
        return await self.site.app.tenants.authenticate(token)

    async def connect(self, client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
        """A new connection of this client's tenant with the notebook, that works."""
        answer = await client.post("/connections", json={"connectorKey": "notes", "input": {"apiKey": KEY}, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()
