"""Connectors of other apps, each against a server that answers as the app does: connect, list by pages, write, fail.

They are proven against these simulators only.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from syncom.errors import Invalid, SyncomError
from tests.connect.connectors.desk import desk_of
from tests.connect.connectors.simulators import (
    GoogleSheets,
    HubSpot,
    OwnServer,
    Shopify,
    Slack,
    Stripe,
    Typeform,
    Zendesk,
)


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
