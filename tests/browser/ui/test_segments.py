"""Segments and RFM as a marketer works with them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import faults

pytestmark = MARKS
# Counting and sampling wait for a pause in typing, and for the server.
expect.set_options(timeout=15_000)


@pytest.fixture
def segments(api: httpx2.Client) -> Iterator[list[int]]:
    """Numbers of segments that a test makes; they go away with it."""
    made: list[int] = []
    yield made
    for segment_id in made:
        api.delete(f"/segments/{segment_id}")


def test_a_segment_is_built_as_a_sentence_and_counted_before_it_is_saved(
    page: Page, api: httpx2.Client, segments: list[int]
) -> None:
    page.goto("/segments/new")
    page.get_by_role("textbox", name="Name").fill("Kyiv or Lviv, subscribed")
    _add(page, "Consent by channel")
    _add(page, "A group of conditions")
    inner = page.get_by_role("group", name="Group of conditions").last
    for city in ("Kyiv", "Lviv"):
        inner.get_by_role("button", name="Add a condition").last.click()
        page.get_by_role("menuitem", name="A field of the contact").last.click()
        row = inner.get_by_role("group", name="A field of the contact").last
        row.get_by_role("combobox", name="Field").click()
        page.get_by_role("option", name="City", exact=True).click()
        row.get_by_role("textbox", name="Value").fill(city)
    condition = {
        "all": [
            {"subscription": "email", "is": "subscribed"},
            {
                "any": [
                    {"field": "city", "op": "equals", "value": "Kyiv"},
                    {"field": "city", "op": "equals", "value": "Lviv"},
                ]
            },
        ]
    }
    expect(page.get_by_text('is subscribed to email and (city is "Kyiv" or city is "Lviv")')).to_be_visible()
    counted = api.post("/segments/count", json={"condition": condition}).json()["contacts"]
    assert counted > 0
    expect(page.get_by_label("Who matches").get_by_text(f"{counted:,}", exact=True)).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url(re.compile(r"/segments/\d+"))
    saved = next(one for one in api.get("/segments").json()["items"] if one["name"] == "Kyiv or Lviv, subscribed")
    segments.append(saved["segment_id"])
    assert saved["condition"] == condition


def test_what_is_wrong_stands_at_its_row_and_nothing_typed_is_lost(page: Page) -> None:
    impossible = {
        "all": [
            {"list": 2},
            {"field": "points", "op": "greater", "value": 5},
            {"field": "points", "op": "less", "value": 3},
        ]
    }
    page.goto(f"/segments/new?condition={_encoded(impossible)}")
    expect(page.get_by_text("see the rows marked red")).to_be_visible()
    row = page.get_by_role("group", name="A field of the contact").last
    expect(row).to_contain_text("exclude each other")
    row.get_by_role("textbox", name="Value").fill("30")
    expect(page.get_by_text("see the rows marked red")).to_have_count(0)
    expect(page.get_by_text("Points is less than 30")).to_be_visible()
    expect(page.get_by_role("group", name="A field of the contact")).to_have_count(2)


def test_what_has_no_row_is_edited_as_json_in_place(page: Page, api: httpx2.Client, segments: list[int]) -> None:
    tree = {"any": [{"list": 2}, {"not": {"not": {"email_domain": "mail.example"}}}]}
    page.goto(f"/segments/new?condition={_encoded(tree)}&name=Twice")
    box = page.get_by_role("textbox", name="Condition as JSON")
    expect(box).to_have_value(re.compile("mail.example"))
    box.fill('{"not": {"not": {"email_domain": "post.example"')
    expect(page.get_by_text("not a JSON object yet")).to_be_visible()
    box.fill('{"not": {"not": {"email_domain": "post.example"}}}')
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url(re.compile(r"/segments/\d+"))
    saved = next(one for one in api.get("/segments").json()["items"] if one["name"] == "Twice")
    segments.append(saved["segment_id"])
    assert saved["condition"] == {"any": [{"list": 2}, {"not": {"not": {"email_domain": "post.example"}}}]}


def test_two_people_who_edit_a_segment_do_not_overwrite_each_other(
    page: Page, api: httpx2.Client, segments: list[int]
) -> None:
    made = _made(api, "Shared", {"list": 2}, segments)
    page.goto(f"/segments/{made}?tab=condition")
    name = page.get_by_role("textbox", name="Name")
    name.fill("Mine")
    theirs = {"name": "Theirs", "condition": {"list": 2}}
    api.put(f"/segments/{made}", json=theirs).raise_for_status()
    page.get_by_role("button", name="Save segment").click()
    expect(page.get_by_text("Somebody saved this segment")).to_be_visible()
    assert api.get(f"/segments/{made}").json()["name"] == "Theirs"
    page.get_by_role("button", name="Save mine over it").click()
    page.get_by_role("button", name="Save segment").click()
    expect(page.get_by_role("heading", name="Mine")).to_be_visible()
    assert api.get(f"/segments/{made}").json()["name"] == "Mine"


def test_a_page_says_why_somebody_is_not_in_a_segment(page: Page, api: httpx2.Client, segments: list[int]) -> None:
    contact = api.get("/contacts?limit=1").json()["items"][0]
    tree = {"all": [{"field": "email", "op": "is_set"}, {"field": "city", "op": "equals", "value": "Nowhere"}]}
    made = _made(api, "Nowhere", tree, segments)
    page.goto(f"/segments/{made}?tab=why")
    picker = page.get_by_role("combobox", name="Contact")
    picker.fill(contact["email"])
    page.get_by_role("option", name=contact["email"]).click()
    expect(page.get_by_text("This contact is not in the segment.")).to_be_visible()
    told = page.get_by_role("listitem").filter(has_text='city is "Nowhere"').last
    expect(told.get_by_role("img", name="No")).to_be_visible()
    if contact["city"]:
        expect(told).to_contain_text(contact["city"])
    assert page.url.endswith(f"contact={contact['contact_id']}")
    assert faults(page) == []


def test_the_overlap_of_two_segments_is_counted_and_opens_its_people(
    page: Page, api: httpx2.Client, segments: list[int]
) -> None:
    one = _made(api, "Customers all", {"list": 2}, segments)
    other = _made(api, "Engaged all", {"all": [{"list": 2}, {"activity": "ordered"}]}, segments)
    told = api.get(f"/segments/{one}/overlap/{other}").json()
    page.goto(f"/segments/overlap?first={one}&second={other}")
    expect(page.get_by_role("img", name=f"share {told['both']['contacts']:,} people")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Open these people as a segment").nth(1).click()
    counted = page.get_by_label("Who matches").get_by_text(f"{told['both']['contacts']:,}", exact=True)
    expect(counted).to_be_visible()


def test_a_cell_of_the_rfm_grid_opens_the_people_it_counts(page: Page, api: httpx2.Client) -> None:
    api.post("/rfm/recompute").raise_for_status()
    page.goto("/rfm")
    expect(page.get_by_role("heading", name="RFM")).to_be_visible()
    cells, before = [{"contacts": 0}], [{"contacts": -1}]
    # Scores are written part by part.
    while cells != before or not cells:
        before = cells
        cells = [one for one in api.get("/rfm/grid").json()["cells"] if one["contacts"]]
        page.wait_for_timeout(1000)
    page.reload()
    cell = cells[0]
    page.get_by_role("link", name=f"Recency {cell['recency']}, frequency {cell['frequency']}:").click()
    expect(page.get_by_label("Who matches").get_by_text(f"{cell['contacts']:,} contact", exact=False)).to_be_visible()


def _add(page: Page, what: str) -> None:
    """A part of the outermost group."""
    page.get_by_role("button", name="Add a condition").last.click()
    page.get_by_role("menuitem", name=what).click()


def _encoded(condition: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(condition).encode()).decode().rstrip("=")


def _made(api: httpx2.Client, name: str, condition: dict[str, Any], segments: list[int]) -> int:
    made = api.post("/segments", json={"name": name, "condition": condition}).raise_for_status().json()["segment_id"]
    segments.append(made)
    return made
