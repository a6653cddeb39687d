"""The MCP server, asked by the official SDK's client over HTTP."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx
import jsonschema_rs
import pytest
from mcp import Client, StdioServerParameters

from syncom.connect.model import Restrictions
from tests.http.mcp.conftest import Agent
from tests.http.membrane.notes_app import KEY
from tests.http.membrane.world import World


def token_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"].partition(" ")[2]


@pytest.fixture
async def notes(world: World) -> dict[str, Any]:
    """A connection of acme with the notebook."""
    return await world.connect(world.acme)


@pytest.fixture
def agent(world: World) -> Agent:
    return Agent(world.site, token_of(world.acme))


async def test_nobody_comes_in_without_a_token_and_is_told_where_to_sign_in(world: World) -> None:
    async with httpx.AsyncClient() as http:
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
            answer = await http.post(f"{world.site.url}/mcp", json={}, headers=headers)
            assert answer.status_code == 401
            challenge = answer.headers["www-authenticate"]
            metadata = challenge.partition('resource_metadata="')[2].rstrip('"')
            document = (await http.get(metadata)).json()
            assert document["resource"] == f"{world.site.url}/mcp"
            server = document["authorization_servers"][0]
            at = server.replace(world.site.url, f"{world.site.url}/.well-known/oauth-authorization-server")
            assert (await http.get(at)).json()["issuer"] == server
        page = await http.post(f"{world.site.url}/mcp", json={}, headers={"Origin": "https://evil.example"})
        assert page.status_code == 403
        manager = {"Authorization": f"Bearer {token_of(world.manager)}"}
        assert (await http.post(f"{world.site.url}/mcp", json={}, headers=manager)).status_code == 403


async def test_there_are_few_tools_and_each_says_what_it_takes(agent: Agent) -> None:
    tools = (await agent.tools()).values()
    assert len(tools) <= 12
    for tool in tools:
        jsonschema_rs.validator_for(tool.input_schema)
        assert tool.input_schema["type"] == "object"
        assert tool.description
        assert "$ref" not in str(tool.input_schema)
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is not None
    writing = {tool.name for tool in tools if tool.annotations and not tool.annotations.read_only_hint}
    takes_dry_run = {tool.name for tool in tools if "dryRun" in tool.input_schema["properties"]}
    assert writing == takes_dry_run == {"run-action", "request", "connect"}


async def test_an_agent_finds_an_action_and_runs_it(world: World, agent: Agent, notes: dict[str, Any]) -> None:
    listed = (await agent.call("list-connections"))["connections"]
    assert notes["id"] in [one["id"] for one in listed]
    found = (await agent.call("find-actions", intent="write a new note", connectionId=notes["id"]))["actions"]
    action = next(one for one in found if one["key"].endswith("create-note") or "create" in one["key"])
    assert action["inputSchema"]["required"] == ["text"]
    whole = await agent.call("get-action", action=action["key"], connectionId=notes["id"])
    assert whole["outputSchema"]["properties"]["id"] == {"type": "integer"}

    wrong = await agent.failure("run-action", action=action["id"], connectionId=notes["id"], input={"text": 5})
    assert wrong["data"]["errors"][0]["field"] == "$.text"

    before = dict(world.notes.rows)
    given: dict[str, Any] = {"action": action["id"], "connectionId": notes["id"], "input": {"text": "tea"}}
    dry = await agent.call("run-action", **given, dryRun=True)
    assert dry["wouldSend"][0]["method"] == "POST"
    assert KEY not in str(dry)
    assert world.notes.rows == before, "nothing was sent"

    done = await agent.call("run-action", **given, idempotencyKey="once")
    again = await agent.call("run-action", **given, idempotencyKey="once")
    assert done["output"]["text"] == "tea"
    assert again["runId"] == done["runId"]
    assert list(world.notes.rows.values()).count("tea") == 1

    runs = (await agent.call("list-runs", connectionId=notes["id"], status="success"))["runs"]
    assert runs[0]["id"] == done["runId"]
    run = await agent.call("get-run", runId=done["runId"])
    assert run["input"] == {"text": "tea"}
    assert KEY not in str(run)
    raw = await agent.call("request", connectionId=notes["id"], path="/notes/1")
    assert raw["output"]["text"] == "milk"
    assert (await agent.failure("request", connectionId=notes["id"], path="//evil.example/x"))["message"]


async def test_a_whole_workspace_is_searched_connected_apps_first(agent: Agent, notes: dict[str, Any]) -> None:
    found = await agent.call("find-actions", intent="list notes", limit=10)
    assert found["actions"][0]["app"] == "notes"
    assert notes["id"] in found["actions"][0]["connections"]
    found = await agent.call("find-actions", intent="charge a customer in stripe")
    assert [one["app"] for one in found.get("ofAppsNotConnected", [])][:1] == ["stripe"]
    assert found["actions"] == [], "a product that is named is a filter"


async def test_connecting_gives_a_link_for_a_person_and_no_credential_passes(agent: Agent, world: World) -> None:
    apps = (await agent.call("search-connectors", query="notes"))["connectors"]
    ways = await agent.call("connect", app=apps[0]["key"], dryRun=True)
    assert ways["waysToConnect"]
    waiting = await agent.call("connect", app=apps[0]["key"], name="Second notebook")
    assert not waiting["connected"]
    assert waiting["link"].startswith(f"{world.site.url}/membrane/screens/")
    assert (await agent.call("get-connection", connectionId=waiting["id"]))["state"] == "CLIENT_ACTION_REQUIRED"
    assert (await agent.failure("connect"))["data"]["errors"][0]["field"] == "app"
    assert (await agent.failure("connect", app="no-such-app"))["key"] == "not_found"


async def test_each_action_of_one_connection_can_be_a_tool(world: World, notes: dict[str, Any]) -> None:
    token = token_of(world.acme)
    agent = Agent(world.site, token, f"?connection={notes['id']}")
    tools = await agent.tools()
    create = next(name for name in tools if "create" in name)
    assert tools[create].input_schema["required"] == ["text"]
    before = len(world.notes.rows)
    assert (await agent.call(create, text="bread", dryRun=True))["wouldSend"]
    assert len(world.notes.rows) == before
    assert (await agent.call(create, text="bread"))["output"]["text"] == "bread"
    assert (await agent.failure("run-action", action=create))["key"] == "not_found"
    chosen = Agent(world.site, token, f"?connection={notes['id']}&actions={create}")
    assert list(await chosen.tools()) == [create]


async def test_a_scoped_token_sees_and_does_only_what_it_may(world: World, notes: dict[str, Any]) -> None:
    other = await world.connect(world.acme, allowMultipleConnections=True, name="Other notebook")
    caller = await world.caller(world.acme)
    may = Restrictions(read_only=True, connections=frozenset({notes["id"]}))
    tenants = world.site.app.tenants
    tenant = await tenants.tenant(caller.account_id, "acme")
    made = await tenants.oauth.create_token(caller.account_id, name="agent", tenant=tenant, restrictions=may)
    agent = Agent(world.site, made.token)
    assert [one["id"] for one in (await agent.call("list-connections"))["connections"]] == [notes["id"]]
    assert (await agent.failure("get-connection", connectionId=other["id"]))["key"] == "not_found"
    found = (await agent.call("find-actions", intent="create a note", connectionId=notes["id"]))["actions"]
    assert {one["effect"] for one in found} == {"read"}
    given = {"connectionId": notes["id"], "path": "/notes", "method": "POST", "body": {"text": "no"}}
    assert (await agent.failure("request", **given))["key"] == "access_denied"
    tools = await Agent(world.site, made.token, f"?connection={notes['id']}").tools()
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())


async def test_another_tenant_finds_nothing_of_it(world: World, notes: dict[str, Any]) -> None:
    for client in (world.globex, world.stranger):
        agent = Agent(world.site, token_of(client))
        assert notes["id"] not in str(await agent.call("list-connections"))
        for tool, given in (
            ("get-connection", {}),
            ("find-actions", {"intent": "list notes"}),
            ("request", {"path": "/notes"}),
            ("run-action", {"action": "list-notes"}),
        ):
            assert (await agent.failure(tool, connectionId=notes["id"], **given))["key"] == "not_found"


async def test_wrong_calls_are_answered_with_what_is_wrong(agent: Agent) -> None:
    assert (await agent.failure("no-such-tool"))["key"] == "not_found"
    assert (await agent.failure("run-action", action="x"))["data"]["errors"][0]["field"] == "connectionId"
    assert (await agent.failure("find-actions", intent="x", limit=1000))["data"]["errors"][0]["field"] == "limit"
    assert (await agent.failure("get-run", runId="0" * 24))["key"] == "not_found"


async def test_the_same_tools_are_there_on_standard_input_and_output(
    world: World, notes: dict[str, Any], tmp_path: Path
) -> None:
    def program(token: str, *flags: str) -> StdioServerParameters:
        environment = {"HOME": str(tmp_path), "MEMBRANE_TOKEN": token, "MEMBRANE_API_URL": f"{world.site.url}/membrane"}
        words = ["-m", "syncom.cli.membrane", "mcp", *flags]
        return StdioServerParameters(command=sys.executable, args=words, env=environment, cwd=tmp_path)

    async with Client(program(token_of(world.acme))) as client:
        assert len((await client.list_tools()).tools) == 10
        found = await client.call_tool("list-connections", {})
        assert notes["id"] in str(found.structured_content)
    async with Client(program(token_of(world.acme), f"--connectionId={notes['id']}")) as client:
        assert any("note" in tool.name for tool in (await client.list_tools()).tools)
    refused = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "syncom.cli.membrane", "mcp"),
        env={"HOME": str(tmp_path), "MEMBRANE_API_URL": f"{world.site.url}/membrane"},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await refused.communicate()
    assert refused.returncode == 1
    assert b"membrane login --tenant" in said
