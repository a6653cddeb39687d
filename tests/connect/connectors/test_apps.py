"""Connectors of other apps, each against a server that answers as the app does: connect, list by pages, write, fail.

They are proven against these simulators only.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import syncom
from syncom.app import App, open_app
from syncom.connect.connections.model import ConnectionWish
from syncom.connect.model import Caller, CallerKind, Connection
from syncom.connect.runs.model import RunFailed
from syncom.errors import Invalid, SyncomError
from syncom.settings import Settings
from tests.connect.connectors.simulators import (
    GoogleSheets,
    HubSpot,
    OwnServer,
    Shopify,
    Simulator,
    Slack,
    Stripe,
    Typeform,
    Zendesk,
)

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
async def desk_of(key: str, simulator: Simulator, dsn: str, folder: Path) -> AsyncIterator[Desk]:
    """A connection to the simulator by the shipped connector, of which only the address is another one."""
    async with simulator.run() as url:
        _redirected(key, url, folder / "connectors")
        settings = Settings(data_dir=folder, outbound_allow="127.0.0.1/32")
        async with open_app(settings, dsn=dsn) as app:
            await app.catalogue.sync(folder / "connectors")
            from syncom.accounts.service import machine_principal

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


@pytest.fixture
async def dsn(module_dsn: str) -> str:
    return module_dsn


async def test_shopify(dsn: str, tmp_path: Path) -> None:
    async with desk_of("shopify", Shopify(), dsn, tmp_path) as desk:
        with pytest.raises(SyncomError, match=r"401|Invalid API key"):
            await desk.connect({"shop": "tea"}, accessToken="shpat_wrong")
        await desk.connect({"shop": "tea"}, accessToken=Shopify.token)
        assert len((await desk.run("list-customers"))["customers"]) == 5, "all pages by their links"
        made = await desk.run("create-customer", customer={"email": "new@example.com", "first_name": "Нова"})
        assert made["customer"]["first_name"] == "Нова"
        assert "has already been taken" in await desk.failure(
            "create-customer", customer={"email": "buyer1@example.com"}
        )
        assert "404" in await desk.failure("get-customer", customer_id="7")
        desk.simulator.hiccups.append((429, {"Retry-After": "0"}, {"errors": "Exceeded 2 calls per second"}))
        assert (await desk.run("get-shop"))["shop"]["currency"] == "UAH", "told to wait, and asked again"


async def test_hubspot(dsn: str, tmp_path: Path) -> None:
    async with desk_of("hubspot", HubSpot(), dsn, tmp_path) as desk:
        await desk.connect(accessToken=HubSpot.token)
        assert len((await desk.run("list-contacts"))["results"]) == 5, "all pages by their cursors"
        made = await desk.run("create-contact", properties={"email": "new@example.com"})
        assert made["id"] == "900"
        assert "already exists" in await desk.failure("create-contact", properties={"email": "lead1@example.com"})
        found = await desk.run("get-contact", id="lead2@example.com", idProperty="email")
        assert found["id"] == "502"
        wanted = [{"filters": [{"propertyName": "email", "operator": "EQ", "value": "lead3@example.com"}]}]
        assert (await desk.run("search-contacts", filterGroups=wanted))["total"] == 1
        assert await desk.run("delete-contact", id="502") is None


async def test_stripe(dsn: str, tmp_path: Path) -> None:
    async with desk_of("stripe", Stripe(), dsn, tmp_path) as desk:
        await desk.connect(secretKey=Stripe.token)
        assert len((await desk.run("list-customers"))["data"]) == 5, "all pages by the last id"
        made = await desk.run("create-customer", email="new@example.com", metadata={"plan": "gold"})
        assert made == {"id": "cus_new", "email": "new@example.com", "metadata": {"plan": "gold"}}
        items = [{"price": "price_1", "quantity": 2}]
        subscribed = await desk.run("create-subscription", customer="cus_1", items=items)
        assert subscribed["items"] == {"0": {"price": "price_1", "quantity": "2"}}
        assert "No such customer" in await desk.failure("create-subscription", customer="x", items=items)
        assert {request.headers["stripe-version"] for request in desk.simulator.seen} == {"2024-06-20"}


async def test_slack(dsn: str, tmp_path: Path) -> None:
    async with desk_of("slack", Slack(), dsn, tmp_path) as desk:
        with pytest.raises(SyncomError, match="invalid_auth"):
            await desk.connect(botToken="xoxb-wrong")
        await desk.connect(botToken=Slack.token)
        assert len((await desk.run("list-channels"))["channels"]) == 5
        assert (await desk.run("post-message", channel="C1", text="Нове замовлення"))["ok"]
        assert "channel_not_found" in await desk.failure("post-message", channel="C9", text="hello")


async def test_google_sheets(dsn: str, tmp_path: Path) -> None:
    simulator = GoogleSheets()
    async with desk_of("google-sheets", simulator, dsn, tmp_path) as desk:
        with pytest.raises(SyncomError, match="private"):
            await desk.connect(None, "service-account", clientEmail="robot@example.com", privateKey="no key")
        await desk.connect(None, "service-account", clientEmail="robot@example.com", privateKey=simulator.private_key)
        append = {"spreadsheet_id": "sheet-1", "range": "Sheet1!A1", "valueInputOption": "RAW"}
        written = await desk.run("append-rows", **append, values=[["ivan@example.com", "Іван"]])
        assert written["updates"]["updatedRows"] == 1
        read = await desk.run("get-values", spreadsheet_id="sheet-1", range="Sheet1!A1:B9")
        assert read["values"][-1] == ["ivan@example.com", "Іван"]
        assert read["range"] == "Sheet1!A1:B9"
        assert "not found" in await desk.failure("get-values", spreadsheet_id="other", range="A1")
        assert [request.path for request in simulator.seen].count("/token") == 1, "one token for all of it"


async def test_zendesk(dsn: str, tmp_path: Path) -> None:
    async with desk_of("zendesk", Zendesk(), dsn, tmp_path) as desk:
        await desk.connect({"subdomain": "tea"}, "api-token", email="agent@example.com", apiToken=Zendesk.token)
        assert len((await desk.run("list-tickets"))["tickets"]) == 5
        made = await desk.run("create-ticket", ticket={"subject": "Help", "comment": {"body": "Where is it?"}})
        assert made["ticket"]["id"] == 99
        assert "blank" in await desk.failure("create-ticket", ticket={"comment": {"body": ""}})
        solved = await desk.run("update-ticket", ticket_id="3", ticket={"status": "solved"})
        assert solved["ticket"] == {"id": 3, "status": "solved"}


async def test_typeform(dsn: str, tmp_path: Path) -> None:
    async with desk_of("typeform", Typeform(), dsn, tmp_path) as desk:
        await desk.connect(accessToken=Typeform.token)
        assert len((await desk.run("list-forms"))["items"]) == 5, "pages by number"
        assert len((await desk.run("list-responses", form_id="form1"))["items"]) == 5, "pages by the last token"
        hook = await desk.run("set-webhook", form_id="form1", tag="shop", url="https://s.example/", enabled=True)
        assert hook["tag"] == "shop"
        assert "Non existing form" in await desk.failure("list-responses", form_id="nope")


async def test_a_server_of_ones_own(dsn: str, tmp_path: Path) -> None:
    async with desk_of("http", OwnServer(), dsn, tmp_path) as desk:
        with pytest.raises(Invalid, match="baseUrl"):
            await desk.connect({"baseUrl": "file:///etc/passwd"}, "header", headerName="X-Token", apiKey="x")
        await desk.connect(
            {"baseUrl": f"{desk.simulator.url}/v1"}, "header", headerName="X-Token", apiKey=OwnServer.token
        )
        echo = await desk.run("send-post", path="/items", query={"dry": "1"}, body={"name": "tea"})
        assert echo == {"method": "POST", "query": {"dry": "1"}, "body": {"name": "tea"}}
        assert (await desk.run("send-delete", path="/items/5"))["method"] == "DELETE"
