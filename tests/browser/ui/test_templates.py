"""Templates: blocks and code, drafts that save themselves, previews, tests, versions, pictures."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import faults

pytestmark = MARKS

HTML = "<p>Hello {{ first_name }}</p>\r\n<p>\ttabs &amp;  blanks </p>\r\n"


@pytest.fixture
def letter(api: httpx2.Client) -> Iterator[dict[str, Any]]:
    made = api.post("/templates", json={"name": "A letter", "subject": "Hi {{ first_name }}", "source": HTML})
    yield made.raise_for_status().json()
    api.delete(f"/templates/{made.json()['template_id']}")


def draft_of(api: httpx2.Client, page: Page) -> dict[str, Any]:
    """What is kept of the template that the page shows, once the page says that it is."""
    expect(page.get_by_role("status").filter(has_text="Saved at")).to_be_visible()
    number = page.url.rsplit("/", 1)[1].split("?")[0]
    return api.get(f"/templates/{number}/draft").raise_for_status().json()


def designer(page: Page) -> FrameLocator:
    page.locator("iframe[data-opened=true]").wait_for(timeout=30_000)
    return page.frame_locator("iframe[data-opened=true]")


def test_pages_of_templates_have_no_fault_in_light_and_dark(page: Page, letter: dict[str, Any]) -> None:
    number = letter["template_id"]
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        page.goto("/templates")
        expect(page.get_by_role("link", name="A letter")).to_be_visible()
        assert faults(page) == []
        page.goto("/templates/new")
        expect(page.get_by_role("button", name="Newsletter")).to_be_visible()
        assert faults(page) == []
        for view in ("content", "text", "preview", "versions", "settings"):
            page.goto(f"/templates/{number}?view={view}")
            expect(page.get_by_role("heading", level=1)).to_have_text("A letter")
            page.wait_for_load_state("networkidle")
            assert faults(page) == []
        page.goto("/images")
        expect(page.get_by_role("heading", level=1)).to_have_text("Images")
        assert faults(page) == []


def test_code_is_kept_to_the_letter_and_published_when_its_author_says(
    page: Page, api: httpx2.Client, letter: dict[str, Any]
) -> None:
    page.goto(f"/templates/{letter['template_id']}")
    code = page.get_by_role("textbox", name="Source")
    code.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("PS")
    assert draft_of(api, page)["content"]["source"] == HTML + "PS"
    assert api.get(f"/templates/{letter['template_id']}").json()["source"] == HTML
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 2 is published")).to_be_visible()
    published = api.get(f"/templates/{letter['template_id']}").json()
    assert (published["source"], published["version"]) == (HTML + "PS", 2)


def test_a_mail_is_made_of_blocks_and_sent_as_a_test(page: Page, api: httpx2.Client) -> None:
    page.goto("/templates/new")
    page.get_by_role("button", name="Welcome").click()
    frame = designer(page)
    frame.get_by_role("button", name="Heading").click()
    frame.get_by_role("button", name="Bestsellers").click()
    source = draft_of(api, page)["content"]["source"]
    assert "A heading" in source
    assert '{% for product in products("bestsellers", limit=3) %}' in source
    page.get_by_role("button", name="Send a test").click()
    to = page.get_by_role("dialog").locator("input:not([type=hidden])").first
    to.fill("checker@shop.example")
    to.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("on its way", exact=False)).to_be_visible()
    page.goto(page.url + "?view=preview")
    expect(page.frame_locator("iframe[title*='reader']").get_by_text("A heading")).to_be_visible()
    page.locator("label").filter(has_text=re.compile("^Dark$")).click()
    expect(page.frame_locator("iframe[title*='reader']").get_by_text("A heading")).to_be_visible()


def test_who_is_second_is_told_and_compares(page: Page, api: httpx2.Client, letter: dict[str, Any]) -> None:
    path = f"/templates/{letter['template_id']}/draft"
    page.goto(f"/templates/{letter['template_id']}")
    subject = page.get_by_role("textbox", name="Subject")
    subject.fill("Mine")
    draft_of(api, page)
    api.put(path, json={"content": {"name": "A letter", "subject": "Theirs", "source": "<p>Theirs</p>"}})
    subject.fill("Mine again")
    told = page.get_by_role("dialog", name="Somebody else changed this")
    expect(told).to_be_visible()
    told.get_by_role("button", name="See the difference").click()
    expect(told.get_by_role("cell", name="Theirs", exact=True)).to_be_visible()
    told.get_by_role("button", name="Keep mine").click()
    expect(told).not_to_be_visible()
    assert draft_of(api, page)["content"]["subject"] == "Mine again"


def test_a_text_for_phones_shows_its_parts(page: Page, api: httpx2.Client) -> None:
    page.goto("/templates/new?channel=sms")
    page.get_by_role("button", name="Start writing").click()
    page.get_by_role("textbox", name="Text").fill("Знижка " * 20)
    expect(page.get_by_text("3 parts")).to_be_visible()
    assert faults(page) == []
    assert draft_of(api, page)["content"]["channel"] == 2


def test_a_notification_is_seen_by_day_and_night(page: Page, api: httpx2.Client) -> None:
    page.goto("/templates/new?channel=webpush")
    page.get_by_role("button", name="Start writing").click()
    page.get_by_role("textbox", name="Title").fill("For {{ first_name }}")
    expect(page.get_by_role("figure", name="In dark mode").get_by_text("For Anna")).to_be_visible()
    assert faults(page) == []
    assert draft_of(api, page)["content"]["subject"] == "For {{ first_name }}"


def test_pictures_are_uploaded_and_what_is_none_is_refused(page: Page, api: httpx2.Client) -> None:
    page.goto("/images")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "dot.png", "mimeType": "image/png", "buffer": png()},
            {"name": "claims.png", "mimeType": "image/png", "buffer": b"<svg onload=alert(1)>"},
        ]
    )
    expect(page.get_by_text("dot.png").first).to_be_visible()
    expect(page.get_by_role("alert").get_by_text("claims.png", exact=False)).to_be_visible()
    assert any(one["name"] == "dot.png" for one in api.get("/images").json()["items"])


def png() -> bytes:
    """A red dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\x00" + b"\xff\x00\x00" * 8 for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
