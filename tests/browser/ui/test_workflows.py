"""Workflows: ready ones, what happens in them, the people behind the numbers."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import faults

pytestmark = MARKS

PEOPLE = 5


def contacts(api: httpx2.Client, limit: int = PEOPLE) -> list[dict[str, Any]]:
    return api.get("/contacts", params={"limit": limit}).json()["items"]


def started(api: httpx2.Client, name: str, *steps: dict[str, Any], **rules: Any) -> int:
    """A workflow that runs, with some people in it."""
    definition = {"trigger": {"type": "api"}, "rules": rules, "steps": list(steps)}
    made = api.post("/workflows", json={"name": name, "definition": definition})
    assert made.status_code == 201, made.text
    workflow_id: int = made.json()["workflow_id"]
    api.post(f"/workflows/{workflow_id}/start").raise_for_status()
    ids = [one["contact_id"] for one in contacts(api)]
    api.post(f"/workflows/{workflow_id}/run", json={"contact_ids": ids}).raise_for_status()
    return workflow_id


def test_a_ready_workflow_becomes_ones_own(page: Page, api: httpx2.Client) -> None:
    page.goto("/workflows")
    page.get_by_role("link", name="New workflow").first.click()
    expect(page.get_by_role("heading", name="Welcome series")).to_be_visible()
    assert faults(page) == []
    page.locator("[class*=Card]", has_text="Welcome series").get_by_role("button", name="Use it").click()
    name = page.get_by_role("textbox", name="Name of the workflow")
    expect(name).to_have_value("Welcome series")
    name.fill("Hello to new ones")
    page.get_by_role("button", name="Create it").click()
    expect(page.get_by_role("heading", name="Hello to new ones", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Email: Send the email “Welcome: hello”")).to_be_visible()
    expect(page.locator(".mantine-Notification-root")).to_have_count(0)
    assert faults(page) == []
    found = [one for one in api.get("/workflows").json()["items"] if one["name"] == "Hello to new ones"]
    assert [(one["status"], len(one["definition"]["steps"])) for one in found] == [("draft", 6)]


def test_a_number_on_the_canvas_opens_the_people_behind_it(page: Page, api: httpx2.Client) -> None:
    workflow = started(api, "Two waits", {"type": "wait", "id": "first", "days": 1}, {"type": "wait", "days": 2})
    page.goto(f"/workflows/{workflow}")
    page.get_by_role("button", name=f"Waiting here: {PEOPLE}").click()
    table = page.get_by_role("table", name="People")
    expect(table.get_by_role("row")).to_have_count(PEOPLE + 1)
    assert faults(page) == []
    address = contacts(api)[0]["email"]
    table.get_by_role("button", name=address).click()
    journey = page.get_by_role("dialog", name=address)
    expect(journey.get_by_text("waits here")).to_be_visible()
    journey.get_by_role("button", name="Show the way on the canvas").click()
    expect(page.locator("[data-part=first][data-lit]")).to_be_visible()


@pytest.mark.parametrize("tab", ["canvas", "people", "results", "calls", "versions"])
def test_each_view_of_a_workflow_has_no_fault_in_the_dark(page: Page, api: httpx2.Client, tab: str) -> None:
    workflow = started(api, f"Dark {tab}", {"type": "wait", "id": "rest", "days": 1}, holdout=10)
    page.emulate_media(color_scheme="dark")
    page.goto(f"/workflows/{workflow}?tab={tab}")
    expect(page.get_by_role("heading", name=f"Dark {tab}", level=1)).to_be_visible()
    expect(page.locator(".mantine-Skeleton-root")).to_have_count(0)
    assert faults(page) == []


def test_a_workflow_is_built_step_by_step_published_and_started(page: Page, api: httpx2.Client) -> None:
    template = api.get("/templates", params={"limit": 1}).json()["items"][0]
    page.goto("/workflows/new")
    page.get_by_role("button", name="Call Another system", exact=False).click()
    page.get_by_role("textbox", name="Name of the workflow").fill("Built by hand")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Add the first step with “+”.")).to_be_visible()
    page.get_by_role("button", name="Add a step here: Another system calls").click()
    page.get_by_role("menuitem", name="Email", exact=True).click()
    form = page.get_by_role("region", name="Email")
    # What is missing shows at the step itself.
    expect(page.locator("[data-part=send-email][data-wrong]")).to_be_visible()
    form.get_by_role("combobox", name="Template").click()
    page.get_by_role("option", name=template["name"]).first.click()
    expect(page.locator("[data-part=send-email][data-wrong]")).to_have_count(0)
    page.get_by_role("button", name="Add a step here: Send the email", exact=False).click()
    page.get_by_role("menuitem", name="Split by chance").click()
    page.get_by_role("button", name="A · 50%", exact=False).click()
    page.get_by_role("menuitem", name="Wait", exact=True).click()
    page.get_by_role("region", name="Wait").get_by_role("textbox", name="Days").fill("4")
    expect(page.get_by_role("button", name="Wait: Wait 4 days")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Publish", exact=True).click()
    dialog = page.get_by_role("dialog", name="Publish the changes")
    expect(dialog.get_by_text("added")).to_have_count(3)
    assert faults(page) == []
    dialog.get_by_role("button", name="Publish and start").click()
    expect(page.get_by_text("Running")).to_be_visible()
    [made] = [one for one in api.get("/workflows").json()["items"] if one["name"] == "Built by hand"]
    assert (made["status"], made["version"]) == ("active", 2)
    assert [one["type"] for one in made["definition"]["steps"]] == ["send_email", "split", "wait"]
    assert made["definition"]["steps"][0]["template_id"] == template["template_id"]
    assert made["definition"]["steps"][2]["days"] == 4
    assert api.get(f"/workflows/{made['workflow_id']}/draft").status_code == 404


def test_steps_are_taken_back_copied_and_pasted_into_another_workflow_by_keyboard(
    page: Page, api: httpx2.Client
) -> None:
    first = started(
        api, "Copied from", {"type": "wait", "id": "long", "days": 40}, {"type": "wait", "id": "b", "days": 1}
    )
    other = started(api, "Pasted into", {"type": "wait", "id": "short", "days": 1})
    page.goto(f"/workflows/{first}")
    page.locator("[data-node=trigger]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=trigger][data-chosen]")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-part=long][data-chosen]")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.locator("[data-part=long]")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator("[data-part=long]")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-part=long][data-chosen]")).to_be_visible()
    page.keyboard.press("Control+c")
    expect(page.get_by_text("1 step copied", exact=False)).to_be_visible()
    page.goto(f"/workflows/{other}")
    page.get_by_role("button", name="Add a step here: Wait 1 day").click()
    page.get_by_role("menuitem", name="Paste here").click()
    expect(page.locator("[data-part=long]")).to_be_visible()
    expect(page.get_by_text("Saved at", exact=False)).to_be_visible()
    draft = api.get(f"/workflows/{other}/draft").json()
    assert [(one["id"], one["days"]) for one in draft["definition"]["steps"]] == [("short", 1), ("long", 40)]
    assert draft["problems"] == []


def test_a_loop_without_a_wait_shows_at_its_steps_and_cannot_be_published(page: Page, api: httpx2.Client) -> None:
    workflow = started(
        api, "Looped", {"type": "add_to_list", "id": "put", "tag": "x"}, {"type": "wait", "id": "rest", "days": 1}
    )
    looped = {
        "trigger": {"type": "api"},
        "steps": [
            {"type": "add_to_list", "id": "put", "tag": "x"},
            {"type": "remove_from_list", "id": "off", "tag": "x", "next": "put"},
        ],
    }
    api.put(f"/workflows/{workflow}/draft", json={"definition": looped}).raise_for_status()
    page.goto(f"/workflows/{workflow}")
    expect(page.locator("[data-part=put][data-wrong]")).to_be_visible()
    expect(page.locator("[data-part=off][data-wrong]")).to_be_visible()
    page.get_by_role("button", name="Publish", exact=True).click()
    dialog = page.get_by_role("dialog", name="Publish the changes")
    expect(dialog.get_by_role("button", name="Publish", exact=True)).to_be_disabled()
    expect(dialog.get_by_text("is a loop without a wait", exact=False).first).to_be_visible()


def test_those_inside_move_to_the_new_version_where_one_says(page: Page, api: httpx2.Client) -> None:
    workflow = started(api, "Moved", {"type": "wait", "id": "old", "days": 3})
    steps = [{"type": "wait", "id": "new", "days": 5}]
    draft = {"definition": {"trigger": {"type": "api"}, "steps": steps}}
    api.put(f"/workflows/{workflow}/draft", json=draft).raise_for_status()
    page.goto(f"/workflows/{workflow}")
    page.get_by_role("button", name="Publish", exact=True).click()
    dialog = page.get_by_role("dialog", name="Publish the changes")
    expect(dialog.get_by_text(f"{PEOPLE} people")).to_be_visible()
    dialog.get_by_text("They go on in the new version").click()
    dialog.get_by_role("combobox", name="Go to").click()
    page.get_by_role("option", name="Wait 5 days").click()
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(dialog).to_have_count(0)
    figures = api.get(f"/workflows/{workflow}/steps").json()
    assert (figures["version"], figures["steps"][0]["waiting"]) == (2, PEOPLE)
    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Published as version 3")).to_be_visible()
    assert api.get(f"/workflows/{workflow}").json()["definition"]["steps"][0]["id"] == "old"


def test_a_workflow_is_tried_with_what_happened_and_with_one_contact(page: Page, api: httpx2.Client) -> None:
    ids = [one["contact_id"] for one in contacts(api)]
    for contact_id in ids:
        api.post("/events", json={"type_key": "triedHere", "contact_id": contact_id}).raise_for_status()
    template = api.get("/templates", params={"limit": 1}).json()["items"][0]["template_id"]
    definition = {
        "trigger": {"type": "event", "event_type": "triedHere"},
        "steps": [{"type": "send_email", "id": "mail", "template_id": template}, {"type": "wait", "days": 2}],
    }
    made = api.post("/workflows", json={"name": "Tried", "definition": definition}).json()["workflow_id"]
    page.goto(f"/workflows/{made}")
    page.get_by_role("button", name="Try it").click()
    trial = page.get_by_role("dialog", name="Try it")
    trial.get_by_role("button", name="Try it").click()
    expect(trial.get_by_text(f"{PEOPLE} would have come in", exact=False)).to_be_visible()
    assert faults(page) == []
    trial.get_by_text("One contact").click()
    trial.get_by_role("combobox", name="Contact").fill(contacts(api)[0]["email"])
    page.get_by_role("option", name=contacts(api)[0]["email"]).click()
    trial.get_by_role("button", name="Try it").click()
    expect(trial.get_by_text("Wait 2 days")).to_be_visible()
    assert api.get(f"/workflows/{made}").json()["counts"]["waiting"] == 0


def test_a_workflow_is_paused_resumed_and_stopped(page: Page, api: httpx2.Client) -> None:
    workflow = started(api, "Lived", {"type": "wait", "id": "rest", "days": 3})
    page.goto(f"/workflows/{workflow}")
    page.get_by_role("button", name="Hold or stop").click()
    page.get_by_role("menuitem", name="Pause", exact=False).click()
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Running")).to_be_visible()
    page.get_by_role("button", name="Hold or stop").click()
    page.get_by_role("menuitem", name="Stop", exact=False).click()
    page.get_by_role("dialog", name="Stop this workflow?").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    assert api.get(f"/workflows/{workflow}").json()["status"] == "stopped"


def test_on_a_phone_a_workflow_is_a_list_of_steps(page: Page, api: httpx2.Client) -> None:
    workflow = started(api, "On a phone", {"type": "wait", "id": "rest", "days": 3}, {"type": "stop", "id": "stop"})
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/workflows/{workflow}")
    steps = page.get_by_role("list", name="Steps of the workflow")
    expect(steps.get_by_role("listitem")).to_have_count(3)
    expect(steps.get_by_text("Wait 3 days")).to_be_visible()
    expect(steps.get_by_role("button", name=f"Waiting here: {PEOPLE}")).to_be_visible()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
