"""Workspaces of the running site, and clients with tokens of theirs."""

from __future__ import annotations

import httpx2 as httpx
import msgspec
import pytest

from tests.connect.tenants.people import minted
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
