"""What is planned, what came of it, and two people at one campaign."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import faults
from tests.browser.ui.test_campaigns import finished

pytestmark = MARKS


def test_a_planned_campaign_moves_to_another_day_and_back(page: Page, api: httpx2.Client) -> None:
    campaign_id, name = drafted(api)
    at = datetime.now().astimezone().replace(hour=9, minute=30, second=0, microsecond=0) + timedelta(days=5)
    api.post(f"/campaigns/{campaign_id}/schedule", json={"at": at.isoformat()}).raise_for_status()
    page.goto(f"/campaigns/calendar?view=week&day={at:%Y-%m-%d}")
    page.get_by_role("button", name=f"Move {name}").press("Enter")
    page.get_by_role("dialog").get_by_label("Day").fill(f"{at + timedelta(days=1):%Y-%m-%d}")
    page.get_by_role("dialog").get_by_role("button", name="Move", exact=True).click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    assert planned(api, campaign_id) == at + timedelta(days=1)
    with page.expect_response("**/schedule") as answer:
        undo.click()
    assert answer.value.ok
    assert planned(api, campaign_id) == at


def test_campaigns_chosen_in_the_list_stand_side_by_side(page: Page, api: httpx2.Client) -> None:
    first = finished(api)
    _, name = drafted(api)
    page.goto("/campaigns")
    for one in ("Autumn letter to customers", name):
        page.get_by_role("row").filter(has_text=one).get_by_role("checkbox").check()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("link", name="Autumn letter to customers")).to_be_visible()
    [sent] = [one["sent"] for one in api.get("/campaigns/comparison", params={"id": first}).json()["items"]]
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Sent", exact=True))
    expect(row.get_by_role("cell", name=f"{sent:,}", exact=True)).to_be_visible()
    page.get_by_role("button", name=f"Leave {name} out").click()
    expect(page.get_by_role("link", name=name)).to_have_count(0)


def test_reports_tell_of_one_campaign_and_their_tables_are_saved(
    page: Page, api: httpx2.Client, tmp_path: Path
) -> None:
    first = finished(api)
    page.goto(f"/reports?campaign={first}&span=month")
    total: dict[str, int] = api.get("/reports/series", params={"campaign_id": first}).json()["total"]
    expect(page.get_by_text(f"{total['sent']:,}", exact=True).first).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV: Over time").click()
    saved.value.save_as(tmp_path / "series.csv")
    head, *rows = (tmp_path / "series.csv").read_text("utf-8-sig").splitlines()
    assert head.startswith("start,sent,")
    assert sum(int(row.split(",")[1]) for row in rows) == total["sent"]


def test_the_second_of_two_who_edit_a_campaign_is_told_and_chooses(page: Page, api: httpx2.Client) -> None:
    campaign_id, name = drafted(api)
    page.goto(f"/campaigns/{campaign_id}")
    sender = page.get_by_role("textbox", name="Sender's name")
    expect(sender).to_be_visible()
    known: dict[str, Any] = api.get(f"/campaigns/{campaign_id}").json()
    given = {key: known[key] for key in ("template_id", "audience", "sender_id")}
    api.put(f"/campaigns/{campaign_id}", json={**given, "name": "Theirs"}).raise_for_status()
    sender.fill("Mine")
    told = page.get_by_role("alert").filter(has_text="Somebody saved this campaign meanwhile")
    expect(told.get_by_role("cell", name="Theirs")).to_be_visible()
    assert api.get(f"/campaigns/{campaign_id}").json()["from_name"] == ""
    told.get_by_role("button", name="Keep mine").click()
    expect(told).to_have_count(0)
    expect(page.get_by_text("Saved at")).to_be_visible()
    now: dict[str, Any] = api.get(f"/campaigns/{campaign_id}").json()
    assert (now["name"], now["from_name"]) == (name, "Mine")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_calendar_comparison_and_reports_have_no_fault(page: Page, api: httpx2.Client, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    first = finished(api)
    for path, seen in (
        ("/campaigns/calendar", "Autumn letter to customers"),
        (f"/campaigns/compare?ids={first}", "Opens and clicks"),
        ("/reports", "Who stays"),
    ):
        page.goto(path)
        expect(page.get_by_text(seen).first).to_be_visible()
        assert faults(page) == []


def drafted(api: httpx2.Client) -> tuple[int, str]:
    """A draft to everybody: its id and name."""
    name = f"Draft {uuid4().hex[:8]}"
    template = api.get("/templates").json()["items"][0]["template_id"]
    given = {"name": name, "template_id": template, "audience": {"everyone": True}}
    return int(api.post("/campaigns", json=given).raise_for_status().json()["campaign_id"]), name


def planned(api: httpx2.Client, campaign_id: int) -> datetime:
    return datetime.fromisoformat(api.get(f"/campaigns/{campaign_id}").json()["scheduled_at"])
