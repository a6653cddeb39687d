"""/workflows of the native API."""

from __future__ import annotations

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
