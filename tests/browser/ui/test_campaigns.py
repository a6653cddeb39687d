"""Campaigns in the application: from an empty builder to the figures of what was sent."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import faults

pytestmark = MARKS


def test_a_campaign_is_written_checked_and_sent_to_exactly_the_people_it_says(page: Page, api: httpx2.Client) -> None:
    page.goto("/campaigns/new")
    page.get_by_role("textbox", name="Name", exact=True).fill("Winter letter")
    page.get_by_role("combobox", name="Lists and segments").click()
    page.get_by_role("option", name="Customers", exact=False).click()
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Template", exact=True).click()
    page.get_by_role("option", name="Autumn letter").click()
    page.wait_for_url(re.compile(r"/campaigns/\d+"))
    campaign_id = int(page.url.rsplit("/", 1)[1].split("?")[0])
    counted: dict[str, Any] = api.get(f"/campaigns/{campaign_id}/audience").json()
    expect(page.get_by_text("What will happen")).to_be_visible()
    page.get_by_role("button", name="Send now…").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Send to {counted['recipients']:,} people now").click()
    expect(page.get_by_role("tab", name="Overview")).to_be_visible()
    report: dict[str, Any] = api.get(f"/campaigns/{campaign_id}/report").json()
    assert report["campaign"]["name"] == "Winter letter"
    assert report["campaign"]["launched_at"] is not None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_campaigns_have_no_fault(page: Page, api: httpx2.Client, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    first = finished(api)
    for path, seen in (
        ("/campaigns", "Autumn letter to customers"),
        ("/campaigns/new", "Who gets it"),
        (f"/campaigns/{first}", "Hour by hour"),
        (f"/campaigns/{first}?tab=people", "Outcome"),
    ):
        page.goto(path)
        expect(page.get_by_text(seen).first).to_be_visible()
        assert faults(page) == []


def test_a_figure_opens_its_people_who_can_be_kept_as_a_segment(page: Page, api: httpx2.Client) -> None:
    first = finished(api)
    page.goto(f"/campaigns/{first}")
    page.get_by_role("button", name="Clicked").click()
    page.get_by_role("textbox", name="Keep as a segment named").fill("Clickers of the letter")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("is a segment now")).to_be_visible()
    kept = [one for one in api.get("/segments").json()["items"] if one["name"] == "Clickers of the letter"]
    assert [one["condition"]["campaign"] for one in kept] == [first]


def finished(api: httpx2.Client) -> int:
    """The campaign of the sample data, once it is sent."""
    for _ in range(600):
        if found := api.get("/campaigns", params={"state": "finished"}).json()["items"]:
            return int(found[-1]["campaign_id"])
        time.sleep(0.1)
    pytest.fail("the campaign of the sample data does not finish")
