"""Workflows as callers of eSputnik's API ask for it (reference, 5.9)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from syncom.accounts.model import KeyScope
from syncom.contacts.model import ContactInput, IdentityKind, UpsertOptions
from syncom.workflows.journeys import Journey
from syncom.workflows.model import WorkflowStatus
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


# ---------------------------------------------------------------- run

WAITS = {"trigger": {"type": "event", "event_type": "registration"}, "steps": [{"type": "wait", "days": 1}]}


async def person(shop: Shop, **members: Any) -> int:
    given: dict[str, Any] = {"email": f"{uuid4().hex}@example.org", **members}
    outcome = await shop.app.contacts.upsert_one(
        shop.account_id, ContactInput(**given), UpsertOptions(key=IdentityKind.EMAIL)
    )
    return outcome.contact_id


async def running(shop: Shop) -> int:
    made = await shop.app.workflows.create(shop.account_id, "Series", WAITS)
    return (await shop.app.workflows.start(shop.account_id, made.workflow_id)).workflow_id


async def journey(shop: Shop, contact_id: int) -> Journey:
    [found] = await shop.app.journeys.of_contact(shop.account_id, contact_id)
    return found


async def test_contacts_named_in_any_way_come_in_with_data_of_their_own(shop: Shop) -> None:
    first = await person(shop, email="olena@example.org")
    second = await person(shop, phone="+380671112233")
    third = await person(shop, external_id="C-1001")
    fourth = await person(shop)
    workflow = await running(shop)
    recipients = [
        {"locator": "Olena@Example.org", "jsonParam": '{"city": "Lviv"}'},
        {"locator": "380671112233", "jsonParam": {"city": "Kyiv"}},
        {"externalCustomerId": "C-1001"},
        {"contactId": fourth},
        {"locator": "nobody@example.org"},
        {"contactId": 10**15},
    ]
    answer = await shop.post(f"/v1/workflow/{workflow}/run", {"recipients": recipients})
    assert answer.status == 200, answer.body
    rows = answer.json()["results"]
    assert [row["status"] for row in rows] == ["OK"] * 4 + ["ERROR"] * 2
    assert [row["locator"] for row in rows[:4]] == ["Olena@Example.org", "380671112233", "C-1001", str(fourth)]
    journeys = [await journey(shop, contact_id) for contact_id in (first, second, third, fourth)]
    assert [one.params for one in journeys] == [{"city": "Lviv"}, {"city": "Kyiv"}, {}, {}]
    assert {str(one.event_id) for one in journeys} == {row["workflowInstanceId"] for row in rows[:4]}


async def test_the_same_request_lets_nobody_in_twice(shop: Shop) -> None:
    contact_id = await person(shop)
    workflow, other = await running(shop), await running(shop)
    body = {"recipients": [{"contactId": contact_id}], "externalRequestId": "rq-77"}
    answers = [await shop.post(f"/v1/workflow/{workflow}/run", body) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await shop.app.journeys.of_contact(shop.account_id, contact_id)) == 1
    await shop.post(f"/v1/workflow/{other}/run", body)
    assert len(await shop.app.journeys.of_contact(shop.account_id, contact_id)) == 2


async def test_runs_that_cannot_be_are_refused(shop: Shop) -> None:
    contact_id = await person(shop)
    workflow = await running(shop)
    [draft] = await add(shop, "Draft")
    theirs = await running(shop.other)
    one = {"recipients": [{"contactId": contact_id}]}
    cases: list[tuple[int, dict[str, Any], int, str]] = [
        (draft, one, 400, "start it"),
        (theirs, one, 404, ""),
        (theirs, {"recipients": [{"contactId": 10**15}]}, 404, ""),
        (workflow, {"recipients": []}, 400, "At least one"),
        (workflow, {"recipients": one["recipients"] * 1001}, 400, "Maximum 1000"),
        (workflow, {"recipients": [{"locator": "x" * 301 + "@example.org"}]}, 400, "longer"),
        (workflow, {"recipients": [{"contactId": contact_id, "jsonParam": "[1]"}]}, 400, "recipients.0.jsonParam"),
        (workflow, {"recipients": [{"contactId": contact_id, "jsonParam": {"a": "\0"}}]}, 400, "NUL"),
        (workflow, {"recipients": [{"contactId": 10**30}]}, 200, "not found"),
    ]
    for number, body, status, words in cases:
        answer = await shop.post(f"/v1/workflow/{number}/run", body)
        assert (answer.status, words in answer.body.decode()) == (status, True), (body, answer.body)
    assert await shop.app.journeys.of_contact(shop.account_id, contact_id) == []
    narrow = await shop.with_key(scope=KeyScope.EVENTS)
    assert (await narrow.post(f"/v1/workflow/{workflow}/run", one)).status == 403


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
async def test_an_event_of_each_version_lets_its_contact_in(shop: Shop, version: str) -> None:
    contact_id = await person(shop, email=f"{version}@example.org")
    workflow = await running(shop)
    listed: Any = [{"name": "email", "value": f"{version}@example.org"}, {"name": "city", "value": "Lviv"}]
    params = {one["name"]: one["value"] for one in listed} if version == "v3" else listed
    body = {"eventTypeKey": "registration", "keyValue": version, "params": params}
    assert (await shop.post(f"/{version}/event", body)).status == 200
    while await shop.app.workflow_keeper().step():
        pass
    one = await journey(shop, contact_id)
    assert (one.workflow_id, one.params["city"], one.state) == (workflow, "Lviv", "waiting")
    stopped = await shop.app.workflows.stop(shop.account_id, workflow)
    assert stopped.status is WorkflowStatus.STOPPED
