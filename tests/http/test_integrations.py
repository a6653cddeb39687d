"""Connected apps in the native API: what can be connected, connections, runs and tokens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2 as httpx

from syncom.accounts.model import KeyScope
from syncom.connect.connections.model import ConnectionWish
from syncom.http.native.integration_caller import caller_of
from tests.http.running_site import PASSWORD, Site

PATH = "/syncom/v1/integrations"


async def connection_to_itself(site: Site, name: str) -> str:
    """A connection to the site under test, made as a program makes one."""
    wish = ConnectionWish(
        connector="http", auth_key="none", name=name, input={}, parameters={"baseUrl": site.url}, allow_multiple=True
    )
    return (await site.app.connections.create(await caller_of(site.owner, site.app), wish)).connection_id


@asynccontextmanager
async def signed_in(site: Site) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, headers={"Origin": site.url}, timeout=30) as client:
        answer = await client.post("/syncom/v1/session", json={"email": "admin@example.com", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        yield client


async def test_apps_are_found_with_how_to_connect_them_and_what_they_can_do(site: Site) -> None:
    async with site.client() as client:
        page = (await client.get(f"{PATH}/apps", params={"limit": 2})).json()
        assert len(page["items"]) == 2
        following = (await client.get(f"{PATH}/apps", params={"limit": 2, "cursor": page["next_cursor"]})).json()
        assert {one["key"] for one in page["items"]}.isdisjoint(one["key"] for one in following["items"])
        [shop, *_] = (await client.get(f"{PATH}/apps", params={"search": "shopify"})).json()["items"]
        assert shop["key"] == "shopify"
        details = (await client.get(f"{PATH}/apps/shopify")).json()
        assert [choice["title"] != "" for choice in details["choices"]]
        actions = (await client.get(f"{PATH}/apps/shopify/actions", params={"search": "list-customers"})).json()[
            "items"
        ]
        assert "list-customers" in [action["key"] for action in actions]
        action = (await client.get(f"{PATH}/actions/{actions[0]['action_id']}")).json()
        assert action["input_schema"]["type"] == "object"
        assert (await client.get(f"{PATH}/apps/nothing-like-it")).status_code == 404


async def test_words_find_actions_of_connected_apps_first(site: Site) -> None:
    async with site.client() as client:
        answer = (await client.get(f"{PATH}/actions", params={"intent": "add a contact to a list"})).json()
        assert answer["items"]
        assert all(one["app_name"] for one in answer["items"])
        assert (await client.get(f"{PATH}/actions")).json()["items"] == []
        assert (await client.get(f"{PATH}/actions", params={"intent": "x" * 201})).status_code == 422


async def test_a_connection_is_asked_for_renamed_tested_deleted_and_brought_back(site: Site) -> None:
    async with site.client() as client:
        asked = await client.post(f"{PATH}/connections", json={"app_key": "shopify", "name": "Tea"})
        assert asked.status_code == 201, asked.text
        page = await client.get(asked.json()["url"])
        assert page.status_code == 200
        assert "Shopify" in page.text

        connection_id = await connection_to_itself(site, "Ourselves")
        one = f"{PATH}/connections/{connection_id}"
        assert (await client.patch(one, json={"name": "We"})).json()["name"] == "We"
        listed = (await client.get(f"{PATH}/connections")).json()["items"]
        assert [(found["name"], found["works"], found["problem"]) for found in listed] == [("We", True, "")]
        tested = (await client.post(f"{one}/test")).json()
        assert tested["works"] is True
        again = (await client.post(f"{one}/reconnect")).json()
        assert (await client.get(again["url"])).status_code == 200
        assert (await client.delete(one)).status_code == 204
        assert (await client.get(f"{PATH}/connections")).json()["items"] == []
        assert (await client.post(f"{one}/restore")).json()["name"] == "We"
        assert (await client.delete(one)).status_code == 204


async def test_an_action_is_run_recorded_and_replayed_and_a_failure_says_why(site: Site) -> None:
    connection_id = await connection_to_itself(site, "Runs")
    async with site.client() as client:
        actions = (await client.get(f"{PATH}/apps/http/actions")).json()["items"]
        get = next(action["action_id"] for action in actions if action["key"] == "send-get")

        async def run(path: str, **more: Any) -> dict[str, Any]:
            body = {"connection_id": connection_id, "action_id": get, "input": {"path": path}} | more
            answer = await client.post(f"{PATH}/runs", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        done = await run("/healthz")
        assert (done["status"], done["problem"]) == ("success", "")
        shown = await run("/healthz?dry", dry_run=True)
        assert "/healthz" in str(shown["preview"])
        failed = await run("/no-such-page")
        assert failed["status"] == "error"
        assert failed["problem"] != ""

        query = {"connection_id": connection_id, "status": "error"}
        [wrong] = (await client.get(f"{PATH}/runs", params=query)).json()["items"]
        assert (wrong["run_id"], wrong["problem"]) == (failed["run_id"], failed["problem"])
        details = (await client.get(f"{PATH}/runs/{done['run_id']}")).json()
        assert details["input"] == {"path": "/healthz"}
        assert len(details["exchanges"]) == 1
        again = (await client.post(f"{PATH}/runs/{done['run_id']}/replay")).json()
        assert (await client.get(f"{PATH}/runs/{again['run_id']}")).json()["replay_of"] == done["run_id"]
    async with site.client(site.viewer_key) as viewer:
        body = {"connection_id": connection_id, "action_id": get, "input": {"path": "/healthz"}}
        assert (await viewer.post(f"{PATH}/runs", json=body)).status_code == 403


async def test_a_token_is_shown_once_opens_the_layer_within_its_limits_and_is_ended(site: Site) -> None:
    connection_id = await connection_to_itself(site, "Chosen")
    async with signed_in(site) as client:
        body = {"name": "Claude", "read_only": True, "connections": [connection_id], "days": 30}
        made = await client.post(f"{PATH}/tokens", json=body)
        assert made.status_code == 201, made.text
        token, grant_id = made.json()["token"], made.json()["made"]["grant_id"]
        [listed] = (await client.get(f"{PATH}/tokens")).json()["items"]
        assert (listed["name"], listed["read_only"], listed["connections"]) == ("Claude", True, [connection_id])
        assert token not in str(listed)
        addresses = (await client.get(f"{PATH}/addresses")).json()
        assert addresses == {"mcp_url": f"{site.url}/mcp", "api_url": f"{site.url}/membrane"}
        async with site.client(token) as agent:
            seen = (await agent.get("/membrane/connections")).json()["items"]
            assert [one["id"] for one in seen] == [connection_id]
        assert (await client.delete(f"{PATH}/tokens/{grant_id}")).status_code == 204
        async with site.client(token) as agent:
            assert (await agent.get("/membrane/connections")).status_code == 401
        assert (await client.post(f"{PATH}/tokens", json={"name": "x", "connections": ["nothing"]})).status_code == 404
    async with site.client() as key:
        assert (await key.post(f"{PATH}/tokens", json={"name": "x"})).status_code == 403, "it would outlive the key"


async def test_a_key_for_one_part_of_an_account_sees_no_connections(site: Site) -> None:
    narrow = await site.app.accounts.create_api_key(site.owner, name="events", scope=KeyScope.EVENTS)
    async with site.client(narrow.key) as client:
        for path in ("apps", "connections"):
            assert (await client.get(f"{PATH}/{path}")).status_code == 403
