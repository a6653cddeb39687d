"""Search, connectors, integrations, apps, and the concepts that are not here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http.membrane.notes_app import KEY, document
from tests.http.membrane.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_connector_is_found_by_name_as_the_contract_shows_it(world: World) -> None:
    found = (await world.acme.get("/search?q=notes&elementType=connector")).json()
    first = found["items"][0]
    assert first["elementType"] == "connector"
    assert {"id", "key", "name", "logoUri"} <= set(first["element"])
    assert first["element"]["key"] == "notes"
    assert (await world.acme.get("/search?q=notes&elementType=Connector")).json() == found
    assert (await world.acme.get("/semantic-search?q=notes&elementType=connector")).json() == found["items"]


async def test_every_kind_of_thing_is_found_and_what_is_not_here_is_not(world: World) -> None:
    made = await world.connect(world.acme, name="Shopping list")
    connection = (await world.acme.get("/search?q=shopping&elementType=connection")).json()["items"]
    assert [item["element"]["id"] for item in connection] == [made["id"]]
    assert (await world.globex.get("/search?q=shopping&elementType=connection")).json() == {"items": []}
    actions = (await world.acme.get("/search?q=create+a+note&elementType=action")).json()["items"]
    assert "notes" in {item["element"]["integration"]["key"] for item in actions}
    integration = (await world.acme.get("/search?q=notes&elementType=integration")).json()["items"][0]
    assert integration["element"]["connectorKey"] == "notes"
    app = (await world.acme.get("/search?q=notes&elementType=app")).json()["items"][0]
    assert app["element"]["domain"] == "notes.example"
    assert (await world.acme.get("/search?q=notes&elementType=flow")).json() == {"items": []}
    mixed = (await world.acme.get("/search?q=notes&limit=1")).json()
    assert len(mixed["items"]) == 1


@pytest.mark.parametrize(
    "query", ["", "q=", "q=" + "x" * 201, "q=a&limit=0", "q=a&limit=101", "q=a&elementType=nonsense", "q=a&cursor=x"]
)
async def test_a_wrong_search_is_refused(world: World, query: str) -> None:
    for path in ("/search", "/semantic-search"):
        answer = await world.acme.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["type"]) == (400, "bad_request")


async def test_connectors_are_listed_and_read_by_id_and_key(world: World) -> None:
    listed = (await world.acme.get("/connectors?search=notes")).json()["items"]
    assert [item["key"] for item in listed] == ["notes"]
    one = (await world.acme.get("/connectors/notes")).json()
    assert one == (await world.acme.get(f"/connectors/{one['id']}")).json()
    assert one["type"] == "client-credentials"
    assert list(one["inputSchema"]["properties"])
    assert one["hasTest"] is True
    page = (await world.acme.get("/connectors?limit=1")).json()
    assert page["cursor"] == "1"


async def test_the_ways_of_connecting_are_answered_as_a_bare_array(world: World) -> None:
    made = await world.connect(world.acme)
    connector = made["connectorId"]
    by_connector = (await world.acme.post("/connection-options", json={"connectorId": connector})).json()
    assert [option["type"] for option in by_connector] == ["client-credentials"]
    assert by_connector[0]["inputSchema"]["type"] == "object"
    for body in ({"integrationKey": "notes"}, {"connectionId": made["id"]}):
        assert (await world.acme.post("/connection-options", json=body)).json() == by_connector
    assert (await world.acme.post("/connectors/notes/generate-options")).json() == by_connector


async def test_a_manager_makes_a_connector_of_a_document_in_any_form(world: World) -> None:
    published = document(world.notes.url)
    published["info"]["title"] = "Diary"
    for given in (
        {"json": published},
        {"content": json.dumps(published), "headers": {"Content-Type": "application/yaml"}},
        {"json": {"document": json.dumps(published), "settings": {"key": "diary", "categories": ["notes"]}}},
    ):
        answer = await world.manager.post("/connectors", **given)
        assert answer.status_code == 200, answer.text
        assert answer.json()["key"] == "diary"
    assert (await world.stranger.get("/connectors/diary")).status_code == 404
    assert (await world.manager.delete("/connectors/diary")).status_code == 200
    assert (await world.acme.get("/connectors/diary")).status_code == 404


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (b"", "bad_request"),
        (b"{", "bad_request"),
        (b"[]", "bad_request"),
        (b'{"openapi": "3.1.0"}', "bad_request"),
        (b'{"name": "x", "type": "oauth2"}', "configuration"),
        (b'{"document": 5}', "bad_request"),
        (b'{"document": {}, "settings": {"nonsense": 1}}', "bad_request"),
    ],
)
async def test_what_is_no_document_makes_no_connector(world: World, body: bytes, type_: str) -> None:
    answer = await world.manager.post("/connectors", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, type_), answer.text


async def test_every_connector_is_an_integration_with_the_tenants_connection(world: World) -> None:
    made = await world.connect(world.globex)
    listed = (await world.globex.get("/integrations?search=notes&connectors=1")).json()["items"]
    assert [item["key"] for item in listed] == ["notes"]
    assert listed[0]["connection"]["id"] == made["id"]
    assert listed[0]["state"] == "READY"
    assert (await world.globex.get("/integrations/notes")).json()["id"] == listed[0]["id"]
    assert (await world.globex.get("/integrations/nothing")).status_code == 404
    actions = (await world.globex.get("/integrations/notes/actions")).json()["items"]
    assert {item["integrationKey"] for item in actions} == {"notes"}
    one = (await world.globex.get(f"/integrations/notes/actions/{actions[0]['key']}")).json()
    assert one["id"] == actions[0]["id"]


async def test_a_manager_sets_an_oauth_client_whose_secret_is_never_answered(world: World) -> None:
    assert (await world.acme.patch("/integrations/notes/parameters", json={"clientId": "x"})).status_code == 403
    assert (await world.acme.get("/integrations/notes/parameters")).status_code == 403
    answer = await world.manager.patch(
        "/integrations/notes/parameters", json={"clientId": "id-1", "clientSecret": "canary-of-the-client"}
    )
    assert answer.json() == {"clientId": "id-1", "hasSecret": True}
    changed = await world.manager.patch("/integrations/notes", json={"name": "Our notes"})
    assert changed.json()["name"] == "Our notes"
    for path in ("/integrations/notes", "/integrations", "/integrations/notes/parameters", "/connectors/notes"):
        assert "canary-of-the-client" not in (await world.manager.get(path)).text
    found = (await world.acme.get(f"/integrations/{changed.json()['id']}")).json()
    assert found["parameters"] == {"clientId": "id-1"}
    # A connection names it from now on, and is found by it.
    made = await world.connect(world.acme, key="by-integration")
    assert made["integrationId"] == changed.json()["id"]
    assert made["integration"]["name"] == "Our notes"
    listed = (await world.acme.get(f"/connections?integrationId={made['integrationId']}&search=by-integration")).json()
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    assert (await world.manager.delete("/integrations/notes")).json()["parameters"] == {}


async def test_a_manager_gives_an_integration_a_key_of_its_own(world: World) -> None:
    body = {"connectorKey": "notes", "key": "our-notebook", "name": "Our notebook"}
    assert (await world.acme.post("/integrations", json=body)).status_code == 403
    made = (await world.other_manager.post("/integrations", json=body)).json()
    assert (made["key"], made["connectorKey"]) == ("our-notebook", "notes")
    connected = await world.stranger.post(
        "/connections", json={"integrationKey": "our-notebook", "input": {"apiKey": KEY}}
    )
    assert connected.json()["integrationKey"] == "our-notebook"
    assert (await world.stranger.get("/actions?integrationKey=our-notebook")).json()["items"]
    assert (await world.acme.get("/integrations/our-notebook")).status_code == 404


async def test_external_apps_are_what_can_be_connected(world: World) -> None:
    listed = (await world.acme.get("/external-apps?search=notes")).json()["items"]
    assert [item["domain"] for item in listed] == ["notes.example"]
    assert (await world.acme.get(f"/external-apps/{listed[0]['id']}")).json() == listed[0]
    assert (await world.acme.get("/external-apps/nothing")).status_code == 404


async def test_operations_are_actions_by_their_key(world: World) -> None:
    made = await world.connect(world.acme)
    base = f"/connections/{made['id']}"
    key = next(
        item["key"] for item in (await world.acme.get(f"{base}/operations")).json()["items"] if "list" in item["key"]
    )
    assert (await world.acme.get(f"{base}/operations/{key}")).json()["key"] == key
    ran = (await world.acme.post(f"{base}/operations/{key}/run", json={"input": {}})).json()
    assert ran["output"][0]["text"] == "milk"
    oldest = await world.acme.post(f"{base}/execute-request", json={"key": key, "payload": {}})
    assert oldest.json()[0]["text"] == "milk"
    assert (await world.acme.get(f"{base}/operations/nothing")).status_code == 404


async def test_data_collections_are_not_faked(world: World) -> None:
    made = await world.connect(world.acme)
    for verb in ("list", "search", "match", "find-by-id", "create", "update", "delete"):
        answer = await world.acme.post(f"/connections/{made['id']}/data/contacts/{verb}", json={})
        assert (answer.status_code, answer.json()["type"]) == (400, "configuration")
    assert (await world.acme.get(f"/connections/{made['id']}/data/contacts")).json()["key"] == "no_data_collections"


@pytest.mark.parametrize(
    "path",
    ["flows", "flow-instances", "flow-runs", "data-sources", "field-mappings", "external-event-subscriptions"],
)
async def test_concepts_that_are_not_here_have_none_and_refuse_to_be_made(world: World, path: str) -> None:
    assert (await world.acme.get(f"/{path}")).json() == {"items": []}
    assert (await world.acme.get(f"/{path}/some")).status_code == 404
    answer = await world.acme.post(f"/{path}", json={})
    assert (answer.status_code, answer.json()["type"]) == (400, "configuration")


async def test_there_is_no_agent_that_builds(world: World) -> None:
    answer = await world.acme.post("/agent/sessions", json={"prompt": "build me an action"})
    assert (answer.status_code, answer.json()["type"]) == (400, "configuration")
    assert "no building agent" in answer.json()["message"]
    assert (await world.acme.get("/agent/sessions")).json() == {"items": []}


async def test_the_document_of_this_api_can_be_fetched_where_clients_look_for_it(world: World) -> None:
    found: dict[str, Any] = (await world.nobody.get("/docs-json")).json()
    assert "/connections/{selector}" in found["paths"]
    assert found["servers"] == [{"url": f"{world.site.url}/membrane"}]
