"""Actions over the wire: found by filter and by intent, made, copied, changed, and run on a connection."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.http.membrane.notes_app import KEY
from tests.http.membrane.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

_REQUEST = {"request": {"method": "GET", "path": {"$concat": ["/notes/", {"$var": "$.input.id"}]}}}
_SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


async def keys(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/actions?{query}")
    assert answer.status_code == 200, answer.text
    return [item["key"] for item in answer.json()["items"]]


async def action(client: httpx.AsyncClient, connection: dict[str, Any], part: str) -> dict[str, Any]:
    """The action of a connection whose key has this in it."""
    listed = (await client.get(f"/actions?connectionId={connection['id']}")).json()["items"]
    return next(item for item in listed if part in item["key"])


async def test_the_actions_of_a_connection_have_schemas_and_always_an_integration(world: World) -> None:
    made = await world.connect(world.acme)
    listed = (await world.acme.get(f"/actions?connectionId={made['id']}")).json()["items"]
    assert len(listed) == 5
    for item in listed:
        assert item["integration"]["key"] == "notes"
        assert item["integration"]["name"] == "Notes"
        assert "logoUri" in item["integration"]
        assert item["state"] == "READY"
        assert item["type"] == "api-request-to-external-app"
        assert item["layer"] == "integration"
        assert item["inputSchema"]["type"] == "object"
        assert "outputSchema" in item


async def test_an_intent_ranks_the_actions_and_ten_are_answered_unless_limited(world: World) -> None:
    made = await world.connect(world.acme)
    found = (await world.acme.get(f"/actions?connectionId={made['id']}&intent=write+down+a+new+note")).json()["items"]
    assert "create" in found[0]["key"]
    assert found[0]["score"] >= found[-1]["score"]
    assert len(await keys(world.acme, f"connectionId={made['id']}&intent=note&limit=2")) == 2
    assert (await world.acme.get("/actions?intent=" + "x" * 201)).status_code == 400


async def test_an_intent_without_a_connection_names_actions_of_connected_apps_first(world: World) -> None:
    await world.connect(world.acme)
    found = (await world.acme.get("/actions?intent=create+a+note&limit=5")).json()["items"]
    assert found[0]["integrationKey"] == "notes"


async def test_lists_are_filtered_by_what_the_contract_names(world: World) -> None:
    made = await world.connect(world.acme, key="for-filters")
    everything = sorted(await keys(world.acme, f"connectionId={made['id']}"))
    for query in ("connectionKey=for-filters", "integrationKey=notes", f"externalAppId={made['connectorId']}"):
        assert sorted(await keys(world.acme, query)) == everything, query
    assert await keys(world.acme, "integrationKey=nothing") == []
    assert await keys(world.acme, f"connectionId={made['id']}&layer=universal") == []
    assert await keys(world.acme, f"connectionId={made['id']}&layer=connection") == []
    assert len(await keys(world.acme, f"connectionId={made['id']}&search=delete")) == 1
    assert (await world.acme.get("/actions?connectionId=nope")).status_code == 404


async def test_all_actions_are_read_page_by_page(world: World) -> None:
    made = await world.connect(world.acme)
    read: list[str] = []
    cursor = "0"
    while cursor:
        page = (await world.acme.get(f"/actions?connectionId={made['id']}&limit=2&cursor={cursor}")).json()
        read += [item["key"] for item in page["items"]]
        cursor = page.get("cursor", "")
    assert len(read) == len(set(read)) == 5


async def test_an_action_is_read_by_id_and_by_key_within_its_app(world: World) -> None:
    made = await world.connect(world.acme)
    listing = await action(world.acme, made, "list")
    by_id = (await world.acme.get(f"/actions/{listing['id']}?wait=true&timeout=5")).json()
    by_key = (await world.acme.get(f"/actions/{listing['key']}?integrationKey=notes")).json()
    by_query = (await world.acme.get(f"/action?key={listing['key']}&integrationKey=notes")).json()
    assert by_id == by_key == by_query
    assert (await world.acme.get(f"/actions/{listing['key']}")).json()["id"] == listing["id"]
    missing = await world.acme.get("/actions/nope")
    assert (missing.status_code, missing.json()["key"]) == (404, "not_found")


async def test_an_action_runs_with_a_wrapped_input_and_is_recorded(world: World) -> None:
    made = await world.connect(world.acme)
    creating = await action(world.acme, made, "create")
    answer = await world.acme.post(
        f"/actions/{creating['id']}/run?connectionId={made['id']}",
        json={"input": {"text": "bread", "extra": 1}, "meta": {"reason": "test"}},
    )
    assert answer.status_code == 200, answer.text
    ran = answer.json()
    assert ran["output"]["text"] == "bread"
    record = (await world.acme.get(f"/action-run-logs/{ran['actionRunId']}")).json()
    assert record["status"] == "success"
    assert record["connectionId"] == made["id"]
    assert record["meta"] == {"reason": "test"}
    by_key = await world.acme.post(
        f"/actions/{creating['key']}/run?connectionKey={made['key']}", json={"input": {"text": "x"}}
    )
    assert by_key.status_code == 200


async def test_below_a_connection_the_body_is_the_input_itself(world: World) -> None:
    made = await world.connect(world.acme)
    creating = await action(world.acme, made, "create")
    for path in (
        f"/connections/{made['id']}/actions/{creating['key']}/run",
        f"/action-instance/run?autoCreate=true&connectionId={made['id']}&parentKey={creating['key']}",
        f"/action/run?connectionId={made['id']}&key={creating['key']}",
    ):
        answer = await world.acme.post(path, json={"text": "bare"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["output"]["text"] == "bare"


async def test_a_wrong_input_is_refused_by_its_member_and_nothing_is_sent(world: World) -> None:
    made = await world.connect(world.acme)
    creating = await action(world.acme, made, "create")
    world.notes.seen.clear()
    for given in ({"text": 5}, {}):
        answer = await world.acme.post(
            f"/actions/{creating['id']}/run?connectionId={made['id']}", json={"input": given}
        )
        assert answer.status_code == 400
        assert answer.json()["type"] == "bad_request"
        assert "text" in answer.text
    assert world.notes.seen == []


async def test_a_failure_of_the_app_is_an_error_that_names_the_run(world: World) -> None:
    made = await world.connect(world.acme)
    getting = await action(world.acme, made, "get")
    getting = (await world.acme.get(f"/action?integrationKey=notes&key={getting['key']}")).json()
    one = next(
        item
        for item in (await world.acme.get(f"/actions?connectionId={made['id']}")).json()["items"]
        if item["config"]["request"] == {"method": "GET", "path": "/notes/{id}"}
    )
    answer = await world.acme.post(
        f"/actions/{one['id']}/run?connectionId={made['id']}", json={"input": {"id": 404404}}
    )
    assert answer.status_code == 400
    error = answer.json()
    assert error["type"] == "action_run"
    assert error["data"]["response"]["status"] == 404
    record = (await world.acme.get(f"/action-run-logs/{error['actionRunId']}")).json()
    assert record["status"] == "error"
    assert record["error"]["type"] == "action_run"
    assert getting["integration"]["key"] == "notes"


async def test_a_run_on_a_connection_that_is_disconnected_says_so_in_old_and_new_words(world: World) -> None:
    made = await world.connect(world.acme)
    listing = await action(world.acme, made, "list")
    await world.acme.post(f"/connections/{made['id']}/disconnect")
    answer = await world.acme.post(f"/actions/{listing['id']}/run?connectionId={made['id']}", json={})
    assert answer.status_code == 400
    assert answer.json()["type"] == "connection"
    assert answer.json()["key"] == "connection_is_defunct"
    assert answer.json()["code"] == "CONNECTION_DISCONNECTED"


async def test_a_dry_run_shows_the_request_and_sends_nothing(world: World) -> None:
    made = await world.connect(world.acme)
    creating = await action(world.acme, made, "create")
    world.notes.seen.clear()
    answer = await world.acme.post(
        f"/actions/{creating['id']}/run?connectionId={made['id']}&dryRun=true", json={"input": {"text": "x"}}
    )
    assert answer.json()["preview"][0]["method"] == "POST"
    assert KEY not in answer.text
    assert world.notes.seen == []


async def test_a_repeated_run_with_an_idempotency_key_is_sent_once(world: World) -> None:
    made = await world.connect(world.acme)
    creating = await action(world.acme, made, "create")
    world.notes.seen.clear()
    answers = [
        await world.acme.post(
            f"/actions/{creating['id']}/run?connectionId={made['id']}",
            json={"input": {"text": "once"}},
            headers={"Idempotency-Key": "key-1"},
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert world.notes.seen == [("POST", "/notes")]


async def test_an_action_of_another_app_does_not_run_on_this_connection(world: World) -> None:
    made = await world.connect(world.acme)
    foreign = (await world.acme.get("/actions?connectorKey=esputnik&limit=1")).json()["items"][0]
    answer = await world.acme.post(f"/actions/{foreign['id']}/run?connectionId={made['id']}", json={})
    assert answer.status_code in (400, 404)


async def test_a_tenant_makes_an_action_for_its_connection_that_no_other_connection_has(world: World) -> None:
    made, other = await world.connect(world.acme), await world.connect(world.acme)
    body = {
        "key": "read-one",
        "name": "Read one",
        "type": "api-request-to-external-app",
        "config": _REQUEST,
        "inputSchema": _SCHEMA,
        "connectionId": made["id"],
    }
    created = (await world.acme.post("/actions", json=body)).json()
    assert created["state"] == "READY"
    assert (created["layer"], created["connectionId"]) == ("connection", made["id"])
    assert created["config"]["request"]["method"] == "GET"
    ran = await world.acme.post(f"/actions/read-one/run?connectionId={made['id']}", json={"input": {"id": 1}})
    assert ran.json()["output"] == {"id": 1, "text": "milk"}
    assert "read-one" in await keys(world.acme, f"connectionId={made['id']}")
    assert "read-one" not in await keys(world.acme, f"connectionId={other['id']}")
    assert (await world.globex.get(f"/actions/{created['id']}")).status_code == 404
    taken = await world.acme.post("/actions", json=body)
    assert (taken.status_code, taken.json()["key"]) == (400, "already_exists")
    changed = (await world.acme.patch(f"/actions/{created['id']}", json={"name": "Read it"})).json()
    assert (changed["id"], changed["name"], changed["key"]) == (created["id"], "Read it", "read-one")
    exported = (await world.acme.get(f"/actions/{created['id']}/export")).json()
    assert exported["config"]["request"]["path"] == _REQUEST["request"]["path"]
    assert exported["integrationKey"] == "notes"
    assert (await world.acme.get(f"/actions/{created['id']}/dependencies")).json() == []
    assert [item["id"] for item in (await world.acme.get(f"/connections/{made['id']}/dependencies")).json()] == [
        created["id"]
    ]
    assert (await world.acme.delete(f"/actions/{created['id']}")).json()["archivedAt"]
    assert "read-one" not in await keys(world.acme, f"connectionId={made['id']}")
    assert "read-one" in await keys(world.acme, f"connectionId={made['id']}&includeArchived=true")
    assert (await world.acme.post(f"/actions/{created['id']}/restore")).json()["id"] == created["id"]


async def test_only_a_manager_makes_actions_for_every_connection_of_an_app(world: World) -> None:
    body = {"key": "for-all", "name": "For all", "config": _REQUEST, "integrationKey": "notes"}
    refused = await world.acme.post("/actions", json=body)
    assert (refused.status_code, refused.json()["key"]) == (403, "access_denied")
    created = (await world.manager.post("/actions", json=body)).json()
    assert created["layer"] == "integration"
    made = await world.connect(world.acme)
    assert "for-all" in await keys(world.acme, f"connectionId={made['id']}")
    assert (await world.acme.delete(f"/actions/{created['id']}")).status_code == 403
    assert (await world.acme.patch(f"/actions/{created['id']}", json={"name": "x"})).status_code == 403
    assert (await world.other_manager.delete(f"/actions/{created['id']}")).status_code == 404
    assert (await world.manager.delete(f"/integrations/notes/actions/{created['key']}")).status_code == 200


async def test_an_action_of_the_release_is_changed_as_a_copy_for_one_connection(world: World) -> None:
    made = await world.connect(world.acme)
    listing = await action(world.acme, made, "list")
    path = f"/connections/{made['id']}/actions/{listing['key']}"
    refused = await world.acme.patch(f"/actions/{listing['id']}", json={"name": "Mine"})
    assert refused.status_code == 403
    mine = (await world.acme.patch(path, json={"name": "Mine"})).json()
    assert (mine["name"], mine["layer"], mine["connectionId"]) == ("Mine", "connection", made["id"])
    assert (await world.acme.get(path)).json()["id"] == mine["id"]
    assert (await world.acme.post(f"{path}/run", json={})).status_code == 200
    back = (await world.acme.post(f"{path}/reset")).json()
    assert back["id"] == listing["id"]
    assert (await world.acme.get(path)).json()["id"] == listing["id"]
    copied = (await world.acme.put(path)).json()
    assert copied["layer"] == "connection"
    cloned = await world.acme.post(
        f"/actions/{listing['id']}/clone", json={"connectionId": made["id"], "key": "another", "name": "Another"}
    )
    assert cloned.json()["key"] == "another"
    fresh = await world.acme.put(f"/connections/{made['id']}/actions/brand-new", json={"config": _REQUEST})
    assert fresh.json()["key"] == "brand-new"


async def test_what_came_with_the_release_cannot_be_changed_by_anybody(world: World) -> None:
    shipped = (await world.manager.get("/actions?connectorKey=esputnik&limit=1")).json()["items"][0]
    assert shipped["isReadOnly"] is True
    for client in (world.acme, world.manager):
        answer = await client.patch(f"/actions/{shipped['id']}", json={"name": "x"})
        assert (answer.status_code, answer.json()["type"]) == (400, "configuration")


async def test_an_intent_that_an_action_answers_already_builds_nothing(world: World) -> None:
    made = await world.connect(world.acme)
    answer = await world.acme.post("/actions", json={"intent": "create a note", "connectionId": made["id"]})
    assert answer.status_code == 200, answer.text
    assert "create" in answer.json()["key"]


async def test_an_intent_that_nothing_answers_is_refused_with_what_comes_close(world: World) -> None:
    made = await world.connect(world.acme)
    answer = await world.acme.post(
        "/actions", json={"intent": "paint the moon over the harbour", "connectionId": made["id"]}
    )
    assert answer.status_code == 400
    error = answer.json()
    assert (error["type"], error["key"]) == ("configuration", "no_building_agent")
    assert error["data"]["state"] == "CONFIGURATION_ERROR"
    assert error["data"]["suggestions"]


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ({"name": "x"}, "bad_request"),
        ({"name": "x", "config": {"request": "GET /"}}, "bad_request"),
        ({"name": "x", "config": {"request": {"method": "GET"}}}, "bad_request"),
        ({"config": _REQUEST}, "bad_request"),
        ({"name": "x", "type": "run-javascript", "config": {"code": "1"}}, "configuration"),
        ({"name": "x", "type": "list-data-records", "config": {}}, "configuration"),
        ({"name": "x", "config": _REQUEST, "inputSchema": {"type": 5}}, "bad_request"),
    ],
)
async def test_a_wrong_action_is_refused(world: World, body: dict[str, Any], type_: str) -> None:
    made = await world.connect(world.acme)
    answer = await world.acme.post("/actions", json={**body, "connectionId": made["id"]})
    assert (answer.status_code, answer.json()["type"]) == (400, type_)


async def test_an_action_of_no_app_is_refused_clearly(world: World) -> None:
    answer = await world.manager.post("/actions", json={"name": "x", "config": _REQUEST})
    assert (answer.status_code, answer.json()["type"]) == (400, "configuration")
