"""A fresh installation: led through the first steps to a mail that really arrived."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS, PASSWORD
from tests.browser.ui.conftest import EMAIL
from tests.browser.ui.looking import ROOT, Watch, faults
from tests.installation import Installation

pytestmark = MARKS


@pytest.fixture(scope="module")
def fresh() -> Iterator[Installation]:
    """A platform without sample data."""
    if not (ROOT / "src/syncom/http/ui/dist/index.html").is_file():
        pytest.skip("the web application is not built: make ui")
    with Installation(SYNCOM_ADMIN_PASSWORD=PASSWORD) as running:
        running.wait_for("Ctrl-C stops everything.")
        yield running


def test_a_fresh_account_is_led_to_a_mail_that_arrived(browser: Browser, fresh: Installation) -> None:
    context = browser.new_context(base_url=fresh.url, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    watch = Watch(page)
    page.goto("/")
    page.get_by_role("textbox", name="Email").fill(EMAIL)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    _step(page, "About you")
    assert "/welcome" in page.url
    page.get_by_role("textbox", name="Account name").fill("Flowers of Anna")
    assert faults(page) == []
    _next(page)
    _step(page, "Where your mail leaves")
    expect(page.get_by_role("radio", name="Dev inbox")).to_be_checked()
    assert faults(page) == []
    _next(page)
    _step(page, "Who gets it")
    page.get_by_text("Paste", exact=True).click()
    page.get_by_role("textbox", name="Contacts").fill("Iryna Koval <iryna@example.com>\nno address")
    page.get_by_label("These people agreed").check()
    _next(page)
    expect(page.get_by_text("No address in line 2")).to_be_visible()
    page.get_by_role("textbox", name="Contacts").fill("Iryna Koval <iryna@example.com>")
    assert faults(page) == []
    _next(page)
    _step(page, "What you say")
    page.get_by_role("textbox", name="Subject").fill("Tulips & roses")
    page.get_by_role("textbox", name="Heading").fill("<b>Fresh today</b>")
    # What was typed is there after a step back, and after the page was loaded again.
    page.get_by_role("button", name="Back").click()
    _step(page, "Who gets it")
    page.go_back()
    page.reload()
    expect(page.get_by_role("textbox", name="Subject")).to_have_value("Tulips & roses")
    preview = page.frame_locator("iframe")
    expect(preview.get_by_text("<b>Fresh today</b>")).to_be_visible()
    assert faults(page) == []
    _next(page)
    _step(page, "Ready to send")
    expect(page.get_by_text("1 person")).to_be_visible()
    page.get_by_role("button", name="Send now").click()
    expect(page.get_by_text("came to iryna@example.com")).to_be_visible(timeout=60_000)
    expect(page.frame_locator("iframe").get_by_text("Hello Iryna", exact=False)).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Go to Home").first.click()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    assert watch.complaints == []
    context.close()

    with httpx2.Client(base_url=f"{fresh.url}/syncom/v1", headers={"Origin": fresh.url}, timeout=30) as api:
        api.post("/session", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
        assert api.get("/account").json()["name"] == "Flowers of Anna"
        [mail] = api.get("/inbox").json()["items"]
        assert (mail["to"], mail["subject"]) == ("iryna@example.com", "Tulips & roses")


def _step(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", level=2, name=title)).to_be_visible()


def _next(page: Page) -> None:
    page.get_by_role("button", name="Next").click()
