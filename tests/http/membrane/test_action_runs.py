"""Records of runs: listed newest first, filtered, read with their exchanges, run once more."""

from __future__ import annotations

import pytest

from tests.http.membrane.notes_app import KEY
from tests.http.membrane.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def run(world: World, connection_id: str, path: str = "/notes") -> str:
    answer = await world.acme.post("/act", json={"api": {"method": "GET", "path": path}, "connectionId": connection_id})
    return answer.json()["actionRunId"]


async def test_runs_are_listed_newest_first_and_page_by_page(world: World) -> None:
    made = await world.connect(world.acme)
    ids = [await run(world, made["id"]) for _ in range(3)]
    first = (await world.acme.get(f"/action-run-logs?connectionId={made['id']}&limit=2&cursor=0")).json()
    assert [item["id"] for item in first["items"]] == [ids[2], ids[1]]
    rest = (await world.acme.get(f"/action-run-logs?connectionId={made['id']}&limit=2&cursor={first['cursor']}")).json()
    assert [item["id"] for item in rest["items"]] == [ids[0]]
    assert "cursor" not in rest


async def test_runs_are_filtered_by_their_outcome(world: World) -> None:
    made = await world.connect(world.acme)
    await run(world, made["id"])
    failed = await run(world, made["id"], "/notes/999")
    found = (await world.acme.get(f"/action-run-logs?connectionId={made['id']}&status=error")).json()["items"]
    assert [item["id"] for item in found] == [failed]
    assert (await world.acme.get("/action-run-logs?status=maybe")).status_code == 400


async def test_the_details_have_the_exchanges_and_no_credentials(world: World) -> None:
    made = await world.connect(world.acme)
    run_id = await run(world, made["id"])
    plain = (await world.acme.get(f"/action-run-logs/{run_id}")).json()
    assert "exchanges" not in plain
    assert plain["connection"]["id"] == made["id"]
    assert plain["integrationId"] == made["integrationId"]
    for path in (f"/action-run-logs/{run_id}?details=true", f"/action-run-logs/{run_id}/details"):
        answer = await world.acme.get(path)
        assert answer.json()["exchanges"][0]["response"]["status"] == 200
        assert KEY not in answer.text


async def test_a_run_is_repeated_as_a_run_of_its_own(world: World) -> None:
    made = await world.connect(world.acme)
    run_id = await run(world, made["id"])
    again = (await world.acme.post(f"/action-run-logs/{run_id}/replay")).json()
    assert again["actionRunId"] != run_id
    record = (await world.acme.get(f"/action-run-logs/{again['actionRunId']}")).json()
    assert record["replayOf"] == run_id


async def test_a_run_that_is_not_there_is_not_found(world: World) -> None:
    for path in ("", "/details"):
        assert (await world.acme.get(f"/action-run-logs/{'0' * 24}{path}")).status_code == 404
    assert (await world.acme.get("/action-run-logs?cursor=nonsense")).status_code == 400
