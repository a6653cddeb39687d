"""The one entry point for runs: exactly one of four ways, a connection that is found by a fixed order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.membrane.notes_app import KEY
from tests.http.membrane.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def listing(world: World) -> dict[str, Any]:
    found = (await world.acme.get("/actions?integrationKey=notes&search=list")).json()["items"]
    return found[0]


async def test_an_action_runs_by_id_and_by_key(world: World) -> None:
    made = await world.connect(world.acme)
    known = await listing(world)
    for body in ({"id": known["id"]}, {"key": known["key"]}):
        answer = await world.acme.post("/act", json={**body, "connectionId": made["id"], "input": {}})
        assert answer.status_code == 200, answer.text
        assert answer.json()["output"][0] == {"id": 1, "text": "milk"}
        assert answer.json()["actionRunId"]


async def test_a_request_goes_out_as_it_is_and_is_recorded(world: World) -> None:
    made = await world.connect(world.acme)
    for api in (
        {"method": "POST", "path": "/notes", "body": {"text": "raw"}, "query": {"a": 1}, "headers": {"X-A": "b"}},
        {"method": "POST", "url": "/notes", "data": {"text": "raw"}},
    ):
        answer = await world.acme.post("/act", json={"api": api, "connectionKey": made["key"], "meta": {"why": "x"}})
        assert answer.status_code == 200, answer.text
        assert answer.json()["output"]["text"] == "raw"
        record = (await world.acme.get(f"/action-run-logs/{answer.json()['actionRunId']}/details")).json()
        assert record["connectionId"] == made["id"]
        assert record["exchanges"]
        assert KEY not in str(record)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "a", "key": "b"},
        {"key": "a", "api": {"method": "GET", "path": "/"}},
        {"key": "a", "unknown": 1},
        {"api": {"method": "GET", "path": "/", "unknown": 1}},
        {"api": {"method": "TRACE", "path": "/"}},
        {"api": {"method": "GET"}},
        {"api": "GET /"},
        {"id": 5},
    ],
)
async def test_anything_but_exactly_one_known_way_is_refused(world: World, body: dict[str, Any]) -> None:
    made = await world.connect(world.acme)
    answer = await world.acme.post("/act", json={**body, "connectionId": made["id"]})
    assert (answer.status_code, answer.json()["type"]) == (400, "bad_request"), answer.text


async def test_code_is_not_run(world: World) -> None:
    answer = await world.acme.post("/act", json={"code": "export default () => 1"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "configuration"
    assert answer.json()["message"] == "code dispatch is disabled"


async def test_without_a_connection_the_only_one_is_meant_and_of_several_none(world: World) -> None:
    known = await listing(world)
    nobody = await world.stranger.post("/act", json={"key": known["key"]})
    assert nobody.status_code == 404
    made = await world.connect(world.stranger, key="alone")
    for body in (
        {"key": known["key"]},
        {"key": known["key"], "integrationKey": "notes"},
        {"api": {"method": "GET", "path": "/notes"}},
        {"api": {"method": "GET", "path": "/notes"}, "integrationKey": "notes"},
    ):
        answer = await world.stranger.post("/act", json=body)
        assert answer.status_code == 200, (body, answer.text)
    await world.connect(world.stranger, key="second")
    several = await world.stranger.post("/act", json={"api": {"method": "GET", "path": "/notes"}})
    assert several.status_code == 400
    assert "alone, second" in several.json()["message"]
    # What is named first decides: the connection before the integration.
    named = await world.stranger.post(
        "/act",
        json={"api": {"method": "GET", "path": "/notes"}, "connectionId": made["id"], "integrationKey": "nothing"},
    )
    assert named.status_code == 200


async def test_a_request_to_another_host_is_refused(world: World) -> None:
    made = await world.connect(world.acme)
    answer = await world.acme.post(
        "/act", json={"api": {"method": "GET", "path": "http://169.254.169.254/"}, "connectionId": made["id"]}
    )
    assert answer.status_code in (400, 403)


async def test_a_dry_run_of_a_request_sends_nothing(world: World) -> None:
    made = await world.connect(world.acme)
    world.notes.seen.clear()
    answer = await world.acme.post(
        "/act?dryRun=1", json={"api": {"method": "DELETE", "path": "/notes/1"}, "connectionId": made["id"]}
    )
    assert answer.json()["preview"][0]["method"] == "DELETE"
    assert world.notes.seen == []
