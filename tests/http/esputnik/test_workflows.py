"""The list of workflows as callers of eSputnik's API ask for it (reference, 5.9)."""

from __future__ import annotations

import pytest

from syncom.accounts.model import KeyScope
from tests.http.esputnik.conftest import Shop

DEFINITION = {"trigger": {"type": "event", "event_type": "joined"}, "steps": [{"type": "stop"}]}


async def add(shop: Shop, *names: str) -> list[int]:
    made = [await shop.app.workflows.create(shop.account_id, name, DEFINITION) for name in names]
    return [workflow.workflow_id for workflow in made]


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_workflows_are_listed_with_their_status_and_number(shop: Shop, version: str) -> None:
    first, second, third, fourth = await add(shop, "Welcome", "Birthday", "Cart", "Ended")
    await add(shop.other, "Theirs")
    await shop.app.workflows.start(shop.account_id, first)
    await shop.app.workflows.start(shop.account_id, second)
    await shop.app.workflows.pause(shop.account_id, second)
    await shop.app.workflows.start(shop.account_id, fourth)
    await shop.app.workflows.drain(shop.account_id, fourth)
    answer = await shop.get(f"/{version}/workflows")
    assert answer.status == 200
    assert answer.headers["TotalCount"] == "4"
    assert answer.json() == [
        {"id": first, "name": "Welcome", "status": "ACTIVE"},
        {"id": second, "name": "Birthday", "status": "STOPPED"},
        {"id": third, "name": "Cart", "status": "DRAFT"},
        {"id": fourth, "name": "Ended", "status": "STOPPED"},
    ]


async def test_workflows_come_in_pages(shop: Shop) -> None:
    ids = await add(shop, *(f"W{number}" for number in range(5)))
    answer = await shop.get("/v1/workflows", startindex=2, maxrows=2)
    assert [one["id"] for one in answer.json()] == ids[1:3]
    assert answer.headers["TotalCount"] == "5"
    assert (await shop.get("/v1/workflows", startindex=99)).json() == []
    assert len((await shop.get("/v1/workflows", maxrows=100_000)).json()) == 5


async def test_an_account_without_workflows_has_an_empty_list(shop: Shop) -> None:
    answer = await shop.get("/v1/workflows")
    assert (answer.json(), answer.headers["TotalCount"]) == ([], "0")


@pytest.mark.parametrize("query", [{"startindex": 0}, {"startindex": "x"}, {"maxrows": -1}, {"maxrows": 0}])
async def test_wrong_pages_are_refused(shop: Shop, query: dict[str, object]) -> None:
    assert (await shop.get("/v1/workflows", **query)).status == 400


async def test_other_verbs_and_keys_are_refused(shop: Shop) -> None:
    assert (await shop.post("/v1/workflows", {})).status == 405
    narrow = await shop.with_key(scope=KeyScope.EVENTS)
    assert (await narrow.get("/v1/workflows")).status == 403
