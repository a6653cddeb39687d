"""/workflows of the native API."""

from __future__ import annotations

import jsonschema_rs

from tests.http.running_site import Site

PATH = "/syncom/v1/workflows"
TRIGGER = {"type": "event", "event_type": "joined"}


async def test_a_workflow_is_saved_started_changed_and_stopped(site: Site) -> None:
    async with site.client() as client:
        template = (
            await client.post("/syncom/v1/templates", json={"name": "T", "subject": "S", "source": "<p>x</p>"})
        ).json()["template_id"]
        steps = [{"type": "send_email", "template_id": template}, {"type": "wait", "days": 1}]
        made = await client.post(PATH, json={"name": "Welcome", "definition": {"trigger": TRIGGER, "steps": steps}})
        assert made.status_code == 201, made.text
        workflow_id = made.json()["workflow_id"]
        assert made.json()["status"] == "draft"
        assert made.json()["definition"]["steps"][0]["id"] == "step-1"
        assert (await client.post(f"{PATH}/{workflow_id}/start")).json()["status"] == "active"
        changed = {"name": "Hello", "definition": {"trigger": TRIGGER, "steps": [{"type": "stop"}]}}
        assert (await client.put(f"{PATH}/{workflow_id}", json=changed)).json()["version"] == 2
        seen = (await client.get(f"{PATH}/{workflow_id}")).json()
        assert (seen["name"], seen["counts"]["waiting"]) == ("Hello", 0)
        assert (await client.post(f"{PATH}/{workflow_id}/pause")).json()["status"] == "paused"
        assert (await client.post(f"{PATH}/{workflow_id}/drain")).json()["status"] == "stopped"
        refused = await client.post(f"{PATH}/{workflow_id}/pause")
        assert (refused.status_code, "start it" in refused.json()["detail"]) == (409, True)
        assert (await client.post(f"{PATH}/{workflow_id}/stop")).json()["status"] == "stopped"
        results = (await client.get(f"{PATH}/{workflow_id}/results", params={"since": "2026-01-01"})).json()
        assert (results["since"], results["journeys"]["entered"], results["holdout"]) == ("2026-01-01", 0, None)
        wrong = await client.get(f"{PATH}/{workflow_id}/results", params={"since": "2001-01-01"})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "since")
        page = (await client.get(PATH, params={"limit": 1})).json()
        assert [one["workflow_id"] for one in page["items"]] == [workflow_id]
        assert page["next_cursor"] is None


async def test_a_definition_that_cannot_run_is_refused_with_the_step(site: Site) -> None:
    async with site.client() as client:
        for steps, field in (
            ([{"type": "stop"}, {"type": "stop"}], "definition.steps.1"),
            ([{"type": "teleport"}], "definition.steps.0.type"),
            ([{"type": "send_email", "template_id": 99999}], "definition.steps.0.template_id"),
        ):
            body = {"name": "W", "definition": {"trigger": TRIGGER, "steps": steps}}
            answer = await client.post(PATH, json=body)
            assert answer.status_code == 422
            assert [wrong["field"] for wrong in answer.json()["errors"]] == [field]


async def test_a_call_lets_contacts_in_once_by_the_name_of_the_call(site: Site) -> None:
    async with site.client() as client:
        made = await client.post(
            "/syncom/v1/contacts/batch",
            json={
                "contacts": [
                    {"email": "run.anna@example.org"},
                    {"email": "run.boris@example.org", "external_id": "run-2"},
                    {"email": "run.clara@example.org"},
                ]
            },
        )
        assert made.status_code == 200, made.text
        anna, boris, clara = made.json()["contact_ids"]
        definition = {"trigger": {"type": "api"}, "steps": [{"type": "wait", "days": 1}]}
        workflow = (await client.post(PATH, json={"name": "Called", "definition": definition})).json()["workflow_id"]
        run = f"{PATH}/{workflow}/run"
        assert (await client.post(run, json={"contact_ids": [anna]})).status_code == 409
        await client.post(f"{PATH}/{workflow}/start")
        body = {"contact_ids": [clara], "emails": ["Run.Anna@example.org"], "external_ids": ["run-2"]}
        first = (await client.post(run, json={**body, "params": {"city": "Lviv"}})).json()
        assert first["entered"] == 3
        again = (await client.post(run, json={**body, "run_id": first["run_id"]})).json()
        assert again == {"run_id": first["run_id"], "entered": 0}
        seen = await client.get(f"{PATH}/{workflow}/journeys")
        assert seen.status_code == 200, seen.text
        found = seen.json()["items"]
        assert {(one["contact_id"], one["params"]["city"]) for one in found} == {
            (one, "Lviv") for one in (anna, boris, clara)
        }
        for wrong, status, field in (
            ({}, 422, "contact_ids"),
            ({"emails": ["nobody@example.org"]}, 422, "emails.0"),
            ({"contact_ids": [anna], "external_ids": ["run-2", "run-3"]}, 422, "external_ids.1"),
            ({"contact_ids": [anna], "params": {"a": "\0"}}, 422, "params"),
            ({"contact_ids": list(range(1, 1002))}, 422, "contact_ids"),
            ({"contact_ids": [10**15]}, 404, None),
        ):
            answer = await client.post(run, json=wrong)
            assert answer.status_code == status, (wrong, answer.text)
            assert field is None or answer.json()["errors"][0]["field"] == field
        assert (await client.post(run, json={"contact_ids": [2**64]})).status_code == 404


async def test_a_workflow_is_renamed_without_a_new_version_and_its_figures_are_listed(site: Site) -> None:
    async with site.client() as client:
        made = await client.post("/syncom/v1/contacts/batch", json={"contacts": [{"email": "named.anna@example.org"}]})
        [anna] = made.json()["contact_ids"]
        definition = {"trigger": {"type": "api"}, "steps": [{"type": "wait", "id": "rest", "days": 1}]}
        workflow = (await client.post(PATH, json={"name": "Old", "definition": definition})).json()["workflow_id"]
        renamed = await client.patch(f"{PATH}/{workflow}", json={"name": "New"})
        assert (renamed.json()["name"], renamed.json()["version"]) == ("New", 1)
        refused = await client.patch(f"{PATH}/{workflow}", json={"name": " "})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "name")
        await client.post(f"{PATH}/{workflow}/start")
        await client.post(f"{PATH}/{workflow}/run", json={"contact_ids": [anna]})
        figures = (await client.get(f"{PATH}/figures")).json()["items"]
        assert isinstance(figures, list)
        wrong = await client.get(f"{PATH}/{workflow}/journeys", params={"through": "nowhere"})
        assert wrong.status_code == 404
        assert (await client.get(f"{PATH}/{workflow}/versions")).json()["items"][0]["version"] == 1


async def test_a_workflow_is_tried_before_it_is_saved_and_by_its_past(site: Site) -> None:
    async with site.client() as client:
        contact = (await client.put("/syncom/v1/contacts", json={"email": "anna@example.com"})).json()["contact_id"]
        steps = [
            {"type": "wait_for", "id": "order", "event_type": "ordered", "days": 3, "timeout": "late"},
            {"type": "stop", "id": "thanks"},
            {"type": "stop", "id": "late"},
        ]
        definition = {"trigger": TRIGGER, "steps": steps}
        asked = {"definition": definition, "contact_id": contact, "happens": {"order": 7200}}
        told = (await client.post(f"{PATH}/simulate", json=asked)).json()
        assert [(one["step_id"], one["what"]) for one in told["steps"]] == [("order", "happened"), ("thanks", "passed")]
        event = {"type_key": "joined", "contact_id": contact}
        assert (await client.post("/syncom/v1/events", json=event)).status_code < 300
        past = (await client.post(f"{PATH}/simulate", json={"definition": definition})).json()
        assert (past["workflow_id"], past["events"], past["enrolled"], past["inside"]) == (None, 1, 1, 1)
        made = (await client.post(PATH, json={"name": "W", "definition": definition})).json()["workflow_id"]
        saved = (await client.post(f"{PATH}/{made}/simulate", json={})).json()
        assert (saved["workflow_id"], saved["enrolled"]) == (made, 1)
        for body, field in (
            ({"contact_id": contact, "since": "2026-01-01T00:00:00Z"}, "since"),
            ({"branches": {"order": "late"}}, "branches"),
            ({"contact_id": contact, "happens": {"order": 1e300}}, "happens.order"),
            ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since"),
        ):
            refused = await client.post(f"{PATH}/{made}/simulate", json=body)
            assert refused.status_code == 422
            assert [wrong["field"] for wrong in refused.json()["errors"]] == [field]


async def test_a_draft_is_saved_shown_published_and_versions_are_read(site: Site) -> None:
    async with site.client() as client:
        definition = {"trigger": TRIGGER, "steps": [{"type": "wait", "id": "rest", "days": 1}]}
        made = await client.post(PATH, json={"name": "Drafted", "definition": definition})
        path = f"{PATH}/{made.json()['workflow_id']}"
        assert (await client.get(f"{path}/draft")).status_code == 404
        schema = (await client.get(f"{PATH}/schema")).json()
        assert jsonschema_rs.is_valid(schema, definition)
        draft = (await client.put(f"{path}/draft", json={"definition": {"steps": [{"type": "teleport"}]}})).json()
        assert [one["field"] for one in draft["problems"]] == ["definition.trigger", "definition.steps.0.type"]
        assert (await client.post(f"{path}/publish", json={})).status_code == 422
        await client.put(f"{path}/draft", json={"definition": definition})
        await client.put(path, json={"name": "Drafted", "definition": definition})
        assert (await client.post(f"{path}/publish", json={})).status_code == 409
        assert (await client.post(f"{path}/publish", json={"overwrite": True})).json()["version"] == 3
        page = (await client.get(f"{path}/versions", params={"limit": 2})).json()
        assert [one["version"] for one in page["items"]] == [3, 2]
        rest = (await client.get(f"{path}/versions", params={"cursor": page["next_cursor"]})).json()
        assert ([one["version"] for one in rest["items"]], rest["next_cursor"]) == ([1], None)
        assert (await client.get(f"{path}/versions/1")).json()["definition"]["steps"][0]["id"] == "rest"
        assert (await client.post(f"{path}/versions/1/publish")).json()["version"] == 4
        await client.put(f"{path}/draft", json={"definition": {}})
        assert (await client.delete(f"{path}/draft")).status_code == 204


async def test_failed_journeys_are_taken_up_and_calls_are_looked_at(site: Site) -> None:
    async with site.client() as client:
        made = await client.post("/syncom/v1/contacts/batch", json={"contacts": [{"email": "failed.anna@example.org"}]})
        [anna] = made.json()["contact_ids"]
        hook = {"type": "webhook", "id": "tell", "url": "https://hook.example/in"}
        definition = {"trigger": {"type": "api"}, "steps": [hook, {"type": "wait", "days": 1}]}
        workflow = (await client.post(PATH, json={"name": "Calls", "definition": definition})).json()["workflow_id"]
        await client.post(f"{PATH}/{workflow}/start")
        for verb in ("retry", "skip"):
            answer = await client.post(f"{PATH}/{workflow}/journeys/{verb}", json={"step": "tell", "contact_id": anna})
            assert (answer.status_code, answer.json()) == (200, {"journeys": 0}), answer.text
            assert (await client.post(f"{PATH}/{workflow}/journeys/{verb}", json={"step": "x"})).status_code == 404
        seen = await client.get(f"{PATH}/{workflow}/calls", params={"contact_id": anna})
        assert (seen.status_code, seen.json()["items"]) == (200, []), seen.text
