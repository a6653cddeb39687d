"""The whole job of the documentation by an agent: find the connector, connect, add a contact, send, look at it."""

from __future__ import annotations

import asyncio
from typing import Any

from syncom.accounts.model import Role
from syncom.content.model import TemplateInput
from tests.connect.connectors.mailroom import delivery, inbox_of
from tests.http.mcp.conftest import Agent
from tests.http.mcp.test_mcp import token_of
from tests.http.membrane.world import World


async def test_an_agent_adds_a_contact_sends_it_a_prepared_message_and_reads_its_status(world: World) -> None:
    app, owner = world.site.app, world.site.owner
    agent = Agent(world.site, token_of(world.acme))
    found = (await agent.call("search-connectors", query="esputnik"))["connectors"]
    connector = next(one for one in found if one["key"] == "esputnik")
    waiting = await agent.call("connect", app=connector["key"])
    assert waiting["personMust"] == "connect"
    await _person_connects(world, waiting["id"])
    connection = await agent.call("get-connection", connectionId=waiting["id"], waitSeconds=5)
    assert connection["connected"]

    async def run(intent: str, key: str, given: dict[str, Any]) -> Any:
        ranked = await agent.call("find-actions", intent=intent, connectionId=connection["id"])
        assert key in [action["key"] for action in ranked["actions"]]
        return (await agent.call("run-action", action=key, connectionId=connection["id"], input=given))["output"]

    channels = [{"type": "email", "value": "olena@example.org"}]
    contact = await run("add a contact", "add-update-contact", {"channels": channels, "firstName": "Olena"})
    assert isinstance(contact["id"], int)
    letter = TemplateInput(name="Order", subject="Your order", source="<p>Dear {{ first_name }}</p>")
    template = await app.content.create(owner.account_id, letter)
    async with inbox_of(app, owner.account_id), delivery(app):
        message = {"messageId": template.template_id, "recipients": [{"locator": "olena@example.org"}]}
        sent = await run("send a prepared message", "send-prepared-message", message)
        ids = [row["requestId"] for row in sent["results"]]
        async with asyncio.timeout(30):
            while True:
                [row] = (await run("status of a message", "get-message-status", {"ids": ids}))["results"]
                if row["status"] not in ("IN_QUEUE", "PENDING"):
                    break
                await asyncio.sleep(0.1)
    assert row["status"] == "DELIVERED"
    [entry] = (await app.inbox.list(recipient="olena@example.org")).entries
    assert "Dear Olena" in (await app.inbox.parse(entry.inbox_id)).html


async def _person_connects(world: World, connection_id: str) -> None:
    """What the person does on the page, without the page: pastes a key of this installation."""
    app, owner = world.site.app, world.site.owner
    made = await app.accounts.create_api_key(owner, name="agent", role=Role.ADMIN)
    given = {"input": {"apiKey": made.key, "baseUri": f"{world.site.url}/api"}, "authOptionKey": "api-key"}
    answer = await world.acme.post("/connect", json={"connectionId": connection_id, **given})
    assert answer.status_code == 200, answer.text
