"""A shop that was integrated with eSputnik, and calls a real server the way it always did."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import msgspec
import pytest

from syncom.accounts.model import Compat, KeyScope, Role
from syncom.accounts.service import machine_principal
from syncom.app import App
from syncom.http.esputnik.app import EsputnikApi
from tests.http.running_site import Site


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answered."""

    status: int
    headers: httpx.Headers
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def message(self) -> str:
        """The sentence of an error object."""
        return str(self.json()["message"])


class Shop:
    """A caller of the API with a key of its account."""

    def __init__(self, site: Site, account_id: int, key: str) -> None:
        self._site = site
        self.account_id = account_id
        self.key = key
        #: The same for another account, which must never see this one.
        self.other: Shop = self

    @property
    def app(self) -> App:
        return self._site.app

    @property
    def esputnik(self) -> EsputnikApi:
        return self._site.server.esputnik

    @property
    def url(self) -> str:
        return self._site.url

    async def call(
        self,
        verb: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        raw: bytes | None = None,
        auth: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """``path`` without /api; ``raw`` instead of a JSON ``body``; ``auth`` instead of the shop's own key."""
        content = raw if raw is not None else None if body is None else msgspec.json.encode(body)
        given = {"Content-Type": "application/json; charset=UTF-8"} if content is not None else {}
        async with httpx.AsyncClient(base_url=self.url, timeout=30, auth=auth or ("any", self.key)) as client:
            answer = await client.request(
                verb, f"/api{path}", content=content, params=query, headers={**given, **(headers or {})}
            )
        return Reply(status=answer.status_code, headers=answer.headers, body=answer.content)

    async def get(self, path: str, **query: Any) -> Reply:
        return await self.call("GET", path, query=query)

    async def post(self, path: str, body: Any = None, **query: Any) -> Reply:
        return await self.call("POST", path, body, query=query)

    async def put(self, path: str, body: Any = None, **query: Any) -> Reply:
        return await self.call("PUT", path, body, query=query)

    async def delete(self, path: str, body: Any = None, **query: Any) -> Reply:
        return await self.call("DELETE", path, body, query=query)

    async def with_key(
        self, *, role: Role = Role.ADMIN, scope: KeyScope = KeyScope.FULL, compat: tuple[Compat, ...] = ()
    ) -> Shop:
        """The same shop with another key."""
        by = machine_principal(self.account_id)
        made = await self.app.accounts.create_api_key(by, name="other", role=role, scope=scope, compat=compat)
        shop = Shop(self._site, self.account_id, made.key)
        shop.other = self.other
        return shop


@pytest.fixture
async def shop(site: Site) -> Shop:
    """A shop with a fresh account, and another one beside it. The server is shared by a file's tests."""
    shops: list[Shop] = []
    for name in ("Shop", "Rival"):
        account = await site.app.accounts.create_account(site.owner, name=name)
        by = machine_principal(account.account_id)
        key = await site.app.accounts.create_api_key(by, name="plugin", role=Role.ADMIN)
        shops.append(Shop(site, account.account_id, key.key))
    shops[0].other, shops[1].other = shops[1], shops[0]
    return shops[0]
