"""Workspaces of the running site, and clients with tokens of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2 as httpx
import msgspec
import pytest

from tests.connect.tenants.people import minted
from tests.http.membrane.notes_app import document, running_notes
from tests.http.membrane.world import World
from tests.http.running_site import Site


class Product(msgspec.Struct, kw_only=True):
    """A product with a workspace on the site, as its backend sees it."""

    account_id: int
    url: str
    key: str
    secret: str

    def token(self, tenant: str = "ann", **claims: object) -> str:
        return minted(self.secret, workspaceKey=self.key, tenantKey=tenant, **claims)

    def tenant(self, tenant: str = "ann", **claims: object) -> httpx.AsyncClient:
        """A client with a tenant's token; its base is the API's."""
        return self.client(self.token(tenant, **claims))

    def manager(self) -> httpx.AsyncClient:
        return self.client(minted(self.secret, workspaceKey=self.key, isAdmin=True))

    def client(self, token: str | None, **headers: str) -> httpx.AsyncClient:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(base_url=f"{self.url}/membrane", headers=headers, timeout=30)


async def _product(site: Site, account_id: int) -> Product:
    key, secret = await site.app.tenants.credentials(account_id)
    return Product(account_id=account_id, url=site.url, key=key, secret=secret)


@pytest.fixture(scope="module")
async def product(site: Site) -> Product:
    return await _product(site, site.owner.account_id)


@pytest.fixture(scope="module")
async def other_product(site: Site) -> Product:
    return await _product(site, site.other.account_id)


@pytest.fixture(scope="module")
async def world(site: Site, product: Product, other_product: Product) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        notes = await stack.enter_async_context(running_notes())
        acme, globex, manager, stranger, other_manager, nobody = [
            await stack.enter_async_context(client)
            for client in (
                product.tenant("acme", name="Acme"),
                product.tenant("globex"),
                product.manager(),
                other_product.tenant("acme"),
                other_product.manager(),
                product.client(None),
            )
        ]
        settings = {
            "key": "notes",
            "name": "Notes",
            "domains": ["notes.example"],
            "aliases": ["notebook"],
            "test": "GET /me",
        }
        for owner in (manager, other_manager):
            answer = await owner.post("/connectors", json={"document": document(notes.url), "settings": settings})
            assert answer.status_code == 200, answer.text
        yield World(
            site=site,
            notes=notes,
            acme=acme,
            globex=globex,
            manager=manager,
            stranger=stranger,
            other_manager=other_manager,
            nobody=nobody,
        )
