"""The frame of the application: signing in, places, palette, languages, what a lost session does."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS, PASSWORD
from tests.browser.ui.conftest import EMAIL
from tests.browser.ui.looking import Watch, faults
from tests.installation import Installation

pytestmark = MARKS


def test_a_deep_link_asks_who_one_is_and_then_shows_its_place(browser: Browser, installation: Installation) -> None:
    context = browser.new_context(base_url=installation.url)
    page = context.new_page()
    watch = Watch(page)
    page.goto("/campaigns?x=1")
    page.get_by_role("textbox", name="Email").fill(EMAIL)
    page.get_by_role("textbox", name="Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("wrong", exact=False).first).to_be_visible()
    assert faults(page) == []
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation")).to_be_visible()
    assert "/campaigns" in page.url
    assert watch.complaints == []
    context.close()


def test_the_first_page_has_no_fault_in_light_and_dark(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("navigation")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Dark mode").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    assert faults(page) == []


def test_the_palette_goes_places_by_keyboard(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("navigation")).to_be_visible()
    page.keyboard.press("Control+k")
    search = page.get_by_role("textbox", name="Type a page", exact=False)
    expect(search).to_be_focused()
    search.fill("home")
    page.keyboard.press("Enter")
    expect(search).not_to_be_visible()


def test_it_speaks_ukrainian_and_remembers_it(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="You").click()
    page.get_by_text("українська").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Головна")
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Головна")


def test_a_session_that_ends_while_one_works_loses_nothing(page: Page) -> None:
    page.goto("/settings/account")
    name = page.get_by_role("textbox", name="Name", exact=False).first
    before = name.input_value()
    name.fill("Half written")
    page.context.clear_cookies()
    page.get_by_role("button", name="Save").first.click()
    again = page.get_by_role("dialog")
    expect(again.get_by_text("Your session is over", exact=False)).to_be_visible()
    again.get_by_role("textbox", name="Email").fill(EMAIL)
    again.get_by_role("textbox", name="Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    expect(again).not_to_be_visible()
    assert before != "Half written"
    expect(name).to_have_value("Half written")


def test_keys_show_themselves_and_jump(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("navigation")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").get_by_text("Go to Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url("**/settings**")


def test_the_first_stop_of_the_tab_key_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("navigation")).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
