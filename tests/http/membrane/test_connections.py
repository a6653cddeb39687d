"""Connections over the wire: made, found, waited for, changed, archived; credentials never come back."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.membrane.notes_app import KEY
from tests.http.membrane.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_connection_with_its_credentials_is_tried_out_and_ready_at_once(world: World) -> None:
    world.notes.seen.clear()
    made = await world.connect(world.acme, name="My notes")
    assert ("GET", "/me") in world.notes.seen
    assert made["state"] == "READY"
    assert made["connected"] is True
    assert made["disconnected"] is False
    assert "clientAction" not in made
    assert "error" not in made
    assert made["errors"] == []
    assert made["connectorKey"] == made["integrationKey"] == "notes"
    assert made["integration"]["key"] == "notes"
    assert made["userId"] == made["tenantId"] == made["user"]["id"]
    assert made["user"]["internalId"] == "acme"
    assert made["canTest"] is True
    assert made["canRefreshCredentials"] is False
    assert made["createdAt"].endswith("Z")
    assert KEY not in str(made)


async def test_credentials_that_the_app_refuses_make_no_connection(world: World) -> None:
    before = (await world.acme.get("/connections")).json()["items"]
    answer = await world.acme.post("/connections", json={"connectorKey": "notes", "input": {"apiKey": "wrong"}})
    assert answer.status_code == 400
    assert answer.json()["type"] in ("bad_request", "connection")
    assert "wrong" not in answer.json()["message"]
    assert (await world.acme.get("/connections")).json()["items"] == before


async def test_without_credentials_a_person_has_to_act_and_gets_a_link(world: World) -> None:
    answer = await world.acme.post("/connect", json={"connectorKey": "notes", "name": "Later"})
    made = answer.json()
    assert answer.status_code == 200
    assert made["state"] == "CLIENT_ACTION_REQUIRED"
    assert made["connected"] is False
    assert made["disconnected"] is True
    action = made["clientAction"]
    assert action["type"] == "connect"
    assert action["description"] == "Sign in to Notes"
    assert action["uiUrl"].startswith(f"{world.site.url}/membrane/screens/connections?connectionRequestId=")
    again = (await world.acme.post("/connect", json={"connectorKey": "notes"})).json()
    assert again["id"] == made["id"], "a connection that waits is connected, and no second one made"
    await world.acme.delete(f"/connections/{made['id']}")


async def test_secrets_are_not_answered_whoever_asks(world: World) -> None:
    made = await world.connect(world.acme)
    for reader in (world.acme, world.manager):
        answer = await reader.get(f"/connections/{made['id']}?includeSecrets=true")
        assert answer.status_code == 200
        assert "credentials" not in answer.json()
        assert KEY not in answer.text


async def test_a_connection_is_found_by_id_by_key_and_by_its_connector_when_it_is_the_only_one(world: World) -> None:
    made = await world.connect(world.globex, key="only-one")
    for selector in (made["id"], "only-one", "notes", made["connectorId"]):
        assert (await world.globex.get(f"/connections/{selector}")).json()["id"] == made["id"]
    second = await world.connect(world.globex, name="Another")
    assert (await world.globex.get("/connections/notes")).status_code == 400
    await world.globex.delete(f"/connections/{second['id']}")
    await world.globex.delete(f"/connections/{made['id']}")


async def test_lists_are_paged_by_an_offset_and_the_last_page_has_no_cursor(world: World) -> None:
    for number in range(3):
        await world.connect(world.globex, key=f"paged-{number}")
    first = (await world.globex.get("/connections?limit=2&cursor=0&search=paged")).json()
    assert [item["key"] for item in first["items"]] == ["paged-0", "paged-1"]
    rest = (await world.globex.get(f"/connections?limit=2&search=paged&cursor={first['cursor']}")).json()
    assert [item["key"] for item in rest["items"]] == ["paged-2"]
    assert "cursor" not in rest


async def test_lists_are_filtered_by_what_the_contract_names(world: World) -> None:
    made = await world.connect(world.globex, key="filtered")
    keep = f"search={made['key']}"
    connector = made["connectorId"]
    for query in (f"connectorId={connector}", "integrationKey=notes", "connectorKey=notes", "connected=true"):
        found = (await world.globex.get(f"/connections?{keep}&{query}")).json()["items"]
        assert [item["id"] for item in found] == [made["id"]], query
    for query in (
        "disconnected=true",
        "connected=false",
        "integrationKey=nothing",
        "tenantId=acme",
        "connectorKey=http",
    ):
        assert (await world.globex.get(f"/connections?{keep}&{query}")).json() == {"items": []}, query


async def test_an_archived_connection_is_hidden_until_it_is_asked_for_or_restored(world: World) -> None:
    made = await world.connect(world.acme, key="away")
    gone = (await world.acme.delete(f"/connections/{made['id']}")).json()
    assert gone["archivedAt"]
    assert (await world.acme.get("/connections?search=away")).json()["items"] == []
    shown = (await world.acme.get("/connections?search=away&includeArchived=1")).json()["items"]
    assert [item["id"] for item in shown] == [made["id"]]
    back = (await world.acme.post(f"/connections/{made['id']}/restore")).json()
    assert "archivedAt" not in back
    assert back["state"] == "READY"


@pytest.mark.parametrize("verb", ["PATCH", "PUT"])
async def test_a_connection_is_renamed_and_its_notes_are_merged(world: World, verb: str) -> None:
    made = await world.connect(world.acme, meta={"a": 1, "b": 2})
    body = {"name": "Renamed", "meta": {"b": None, "c": 3}, "unknown": "dropped"}
    changed = (await world.acme.request(verb, f"/connections/{made['id']}", json=body)).json()
    assert changed["name"] == "Renamed"
    assert changed["meta"] == {"a": 1, "c": 3}
    assert changed["state"] == "READY"


async def test_a_waiting_connection_is_provided_with_its_input_by_patch(world: World) -> None:
    made = (await world.acme.post("/connections", json={"connectorKey": "notes", "key": "provided"})).json()
    assert made["state"] == "CLIENT_ACTION_REQUIRED"
    ready = (await world.acme.patch(f"/connections/{made['id']}", json={"input": {"apiKey": KEY}})).json()
    assert ready["state"] == "READY"
    assert KEY not in str(ready)


async def test_whoever_waits_hears_of_it_as_soon_as_nothing_is_being_built(world: World) -> None:
    made = await world.connect(world.acme)
    async with asyncio.timeout(20):
        answer = await world.acme.get(f"/connections/{made['id']}?includeSecrets=false&wait=true&timeout=60")
    assert answer.json()["state"] == "READY"
    assert (await world.acme.get(f"/connections/{made['id']}?wait=true&timeout=61")).status_code == 400


async def test_a_test_says_whether_the_app_takes_the_credentials(world: World) -> None:
    made = await world.connect(world.acme)
    assert (await world.acme.post(f"/connections/{made['id']}/test")).json() == {"success": True}
    world.notes.accepts = "changed behind our back"
    try:
        answer = (await world.acme.post(f"/connections/{made['id']}/test")).json()
        assert answer["success"] is False
        assert answer["error"]["message"]
    finally:
        world.notes.accepts = KEY
    assert (await world.acme.post(f"/connections/{made['id']}/refresh")).json()["id"] == made["id"]


async def test_disconnecting_erases_the_credentials_and_reconnecting_takes_others(world: World) -> None:
    made = await world.connect(world.acme)
    answer = await world.acme.post(f"/connections/{made['id']}/disconnect")
    assert (answer.status_code, answer.content) == (204, b"")
    gone = (await world.acme.get(f"/connections/{made['id']}")).json()
    assert gone["state"] == "CLIENT_ACTION_REQUIRED"
    assert gone["disconnected"] is True
    asked = (await world.acme.post(f"/connections/{made['id']}/reconnect")).json()
    assert asked["clientAction"]["uiUrl"]
    again = await world.acme.post(f"/connections/{made['id']}/reconnect", json={"input": {"apiKey": KEY}})
    assert again.json()["id"] == made["id"]
    assert again.json()["state"] == "READY"
    third = await world.acme.post("/connect", json={"connectionId": made["id"], "input": {"apiKey": KEY}})
    assert (third.json()["id"], third.json()["state"]) == (made["id"], "READY")


async def test_credentials_that_do_not_end_are_as_good_as_renewed(world: World) -> None:
    made = await world.connect(world.acme)
    answer = await world.acme.post(f"/connections/{made['id']}/refresh-credentials")
    assert (answer.status_code, answer.content) == (204, b"")
    waiting = (await world.acme.post("/connections", json={"connectorKey": "notes", "key": "never-there"})).json()
    assert (await world.acme.post(f"/connections/{waiting['id']}/refresh-credentials")).status_code == 400


@pytest.mark.parametrize("app", ["https://notes.example/login", "notes.example", "app.notes.example"])
async def test_ensuring_an_app_answers_the_connection_that_there_is(world: World, app: str) -> None:
    first = (await world.stranger.post("/connections/ensure", json={"appUrl": app, "name": "Ensured"})).json()
    again = (await world.stranger.post("/connections/ensure", json={"appUrl": app})).json()
    assert first["connectorKey"] == "notes"
    assert first["id"] == again["id"]


@pytest.mark.parametrize("words", ["Notes", "notebook"])
async def test_an_older_client_ensures_by_the_apps_name(world: World, words: str) -> None:
    answer = (await world.stranger.post("/connections/ensure", json={"intent": words})).json()
    assert answer["connectorKey"] == "notes"


async def test_a_new_connection_can_be_asked_for_in_words(world: World) -> None:
    answer = await world.acme.post("/connections", json={"intent": "connect my notebook please", "name": "In words"})
    assert answer.json()["connectorKey"] == "notes"
    assert answer.json()["name"] == "In words"


async def test_an_app_that_nobody_has_described_is_reached_by_plain_http_once_a_person_says_how(world: World) -> None:
    made = (await world.acme.post("/connections/ensure", json={"appUrl": "https://unknown.example/x"})).json()
    assert made["connectorKey"] == "http"
    assert made["state"] == "CLIENT_ACTION_REQUIRED"
    assert made["clientAction"]["type"] == "provide-input"
    again = (await world.acme.post("/connections/ensure", json={"appUrl": "unknown.example"})).json()
    assert again["id"] == made["id"]
    provided = await world.acme.patch(
        f"/connections/{made['id']}",
        json={"connectorParameters": {"baseUrl": world.notes.url}, "input": {"headerName": "X-Key", "apiKey": KEY}},
    )
    assert provided.status_code == 200, provided.text
    assert provided.json()["state"] == "READY"
    assert provided.json()["connectorParameters"] == {"baseUrl": world.notes.url}
    ran = await world.acme.post("/act", json={"api": {"method": "GET", "path": "/notes"}, "connectionId": made["id"]})
    assert ran.json()["output"][0]["text"] == "milk"


async def test_asking_twice_for_an_app_nobody_knows_by_name_makes_one_connection(world: World) -> None:
    first = (await world.acme.post("/connections/ensure", json={"intent": "Our own  back office"})).json()
    assert first["clientAction"]["type"] == "provide-input"
    again = (await world.acme.post("/connections/ensure", json={"intent": "our own back office"})).json()
    assert again["id"] == first["id"]


async def test_what_a_connection_exports_works_nowhere_without_new_credentials(world: World) -> None:
    made = await world.connect(world.acme, name="Exported", key="exported", meta={"team": "x"})
    exported = (await world.acme.get(f"/connections/{made['id']}/export")).json()
    assert exported["connectorKey"] == "notes"
    assert exported["meta"] == {"team": "x"}
    assert KEY not in str(exported)


async def test_the_log_of_a_connection_tells_how_attempts_ended(world: World) -> None:
    made = (await world.acme.post("/connections", json={"connectorKey": "notes", "key": "tried"})).json()
    request = (await world.acme.post("/connection-requests", json={"connectionId": made["id"]})).json()
    await world.site.app.connections.requests.cancel(request["requestId"])
    logged = (await world.acme.get(f"/connections/{made['id']}/logs")).json()["items"]
    assert logged[0]["status"] == "error"
    assert logged[0]["connectionRequestId"] == request["requestId"]
    assert logged[0]["error"]["key"] == "access_denied"


async def test_a_request_is_made_and_polled(world: World) -> None:
    body = {"connectorKey": "notes", "name": "Asked", "allowMultipleConnections": True}
    made = (await world.acme.post("/connection-requests", json=body)).json()
    assert made["status"] == "pending"
    assert made["url"].endswith(f"/screens/connections?connectionRequestId={made['requestId']}")
    assert made["integrationKey"] == "notes"
    polled = (await world.acme.get(f"/connection-requests/{made['requestId']}")).json()
    assert polled == made
    await world.site.app.connections.requests.submit(made["requestId"], "key", {"apiKey": KEY})
    done = (await world.acme.get(f"/connection-requests/{made['requestId']}")).json()
    assert done["status"] == "success"
    assert (await world.acme.get(f"/connections/{done['resultConnectionId']}")).json()["name"] == "Asked"


@pytest.mark.parametrize("path", ["/connections", "/connect", "/connection-requests", "/connection-options"])
async def test_a_body_that_names_no_app_is_refused(world: World, path: str) -> None:
    answer = await world.acme.post(path, json={})
    assert answer.status_code == 400
    assert answer.json()["type"] == "bad_request"


async def test_a_manager_sees_every_tenants_connections_and_acts_for_the_one_it_names(world: World) -> None:
    made = await world.connect(world.acme, key="seen-by-manager")
    listed = (await world.manager.get("/connections?search=seen-by-manager")).json()["items"]
    assert [item["user"]["internalId"] for item in listed] == ["acme"]
    assert (await world.manager.get("/connections?search=seen-by-manager&tenantKey=globex")).json() == {"items": []}
    refused = await world.manager.post("/connections", json={"connectorKey": "notes", "input": {"apiKey": KEY}})
    assert (refused.status_code, refused.json()["key"]) == (403, "access_denied")
    done = await world.manager.post(
        "/connections?tenantKey=acme", json={"connectorKey": "notes", "input": {"apiKey": KEY}, "key": "by-manager"}
    )
    assert done.json()["tenantId"] == made["tenantId"]
    assert (await world.acme.get("/connections/by-manager")).status_code == 200


async def test_errors_have_the_one_shape(world: World) -> None:
    missing = await world.acme.get("/connections/nope")
    assert missing.status_code == 404
    assert missing.json() == {
        "type": "bad_request",
        "key": "not_found",
        "message": 'Connection "nope" not found',
    }
    unknown = await world.nobody.get("/connections")
    assert (unknown.status_code, unknown.json()["key"]) == (401, "not_authenticated")
