"""Forms on pages of a shop in a real browser: inline, as a pop-up, and without JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS
from tests.browser.shop import AGENT, Shop, running_shop

pytestmark = MARKS
#: Nobody types an address faster than that, says the server (milliseconds).
_TYPING = 2_100


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_shop(tmp_path_factory.mktemp("forms")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(user_agent=AGENT)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page has an error: {error}"))
    yield page
    context.close()


def _form(shop: Shop, folder: Path, **members: Any) -> dict[str, Any]:
    file = folder / "form.json"
    given = {
        "name": "Footer",
        "title": "Our news",
        "consent_text": "Yes, send me news.",
        "consent_required": True,
        "domains": [shop.address],
        **members,
    }
    file.write_text(json.dumps(given), "utf-8")
    return shop.syncom("form", "add", str(file))


def _page(shop: Shop, name: str, snippet: str, *, head: str = "") -> str:
    shop.put(f"{name}.html", f"<!doctype html><html><head>{head}</head><body><p>Shop</p>{snippet}</body></html>")
    return f"{shop.address}/{name}.html"


def _state(shop: Shop, email: str) -> str:
    return shop.syncom("contact", "find", "--email", email)["email_state"]


def test_a_visitor_subscribes_on_a_page_whose_policy_allows_only_our_script(
    shop: Shop, page: Page, tmp_path: Path
) -> None:
    form = _form(shop, tmp_path)
    policy = f"default-src 'none'; script-src {shop.server}; connect-src {shop.server}"
    head = f'<meta http-equiv="content-security-policy" content="{policy}">'
    page.goto(_page(shop, "inline", form["snippet"], head=head))
    expect(page.get_by_role("heading", name="Our news")).to_be_visible()
    page.get_by_label("Email").fill("inline@example.com")
    page.wait_for_timeout(_TYPING)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Please agree")).to_be_visible()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Please look into your mailbox")).to_be_visible()
    assert _state(shop, "inline@example.com") == "unconfirmed"
    contact_id = shop.syncom("contact", "find", "--email", "inline@example.com")["contact_id"]
    (entry,) = shop.syncom("consent", "show", str(contact_id))
    assert entry["detail"]["page_url"] == f"{shop.address}/inline.html"
    assert "Yes, send me news." in entry["text"]


def test_the_script_does_the_work_unseen_and_the_server_takes_it(shop: Shop, page: Page, tmp_path: Path) -> None:
    form = _form(shop, tmp_path, proof_of_work=True, double_opt_in=False, consent_required=False)
    page.goto(_page(shop, "worked", form["snippet"]))
    email = page.get_by_label("Email")
    email.fill("worked@example.com")
    email.blur()
    page.wait_for_timeout(_TYPING)
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.get_by_role("button", name="Subscribe").click()
    assert "form_proof=" in (sent.value.post_data or "")
    # The server would have asked for a confirmation, or refused, had the proof been none or wrong.
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert _state(shop, "worked@example.com") == "subscribed"


def test_a_pop_up_opens_once_can_be_closed_by_the_keyboard_and_rests(shop: Shop, page: Page, tmp_path: Path) -> None:
    form = _form(shop, tmp_path, popup={"trigger": "delay", "after": 0, "every_days": 1})
    address = _page(shop, "popup", form["popup_snippet"])
    page.goto(address)
    dialog = page.get_by_role("dialog", name="Our news")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Email")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.goto(address, wait_until="networkidle")
    page.wait_for_timeout(300)
    expect(dialog).to_have_count(0)


def test_a_pop_up_waits_for_scrolling_or_for_leaving(shop: Shop, page: Page, tmp_path: Path) -> None:
    scrolled = _form(shop, tmp_path, popup={"trigger": "scroll", "after": 50})
    page.goto(_page(shop, "scroll", scrolled["popup_snippet"] + '<div style="height:5000px">Long</div>'))
    page.wait_for_load_state("networkidle")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_have_count(0)
    page.mouse.wheel(0, 4000)
    expect(dialog).to_be_visible()
    left = _form(shop, tmp_path, popup={"trigger": "exit"})
    page.goto(_page(shop, "exit", left["popup_snippet"]))
    page.wait_for_load_state("networkidle")
    expect(dialog).to_have_count(0)
    page.evaluate("document.dispatchEvent(new MouseEvent('mouseout', {clientY: -1, bubbles: true}))")
    expect(dialog).to_be_visible()


def test_a_site_that_is_not_the_forms_cannot_use_it(shop: Shop, page: Page, tmp_path: Path) -> None:
    form = _form(shop, tmp_path, domains=["https://another.example"], consent_required=False)
    page.goto(_page(shop, "foreign", form["snippet"]))
    page.get_by_label("Email").fill("foreign@example.com")
    page.wait_for_timeout(_TYPING)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("does not work at the moment")).to_be_visible()
    assert shop.syncom("contact", "list") is not None


def test_without_javascript_the_forms_own_page_does_the_same(shop: Shop, browser: Browser, tmp_path: Path) -> None:
    form = _form(shop, tmp_path, language="uk")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(form["url"])
    page.get_by_label("Електронна пошта").fill("plain@example.com")
    page.get_by_role("checkbox").check()
    page.wait_for_timeout(_TYPING)
    page.get_by_role("button", name="Підписатися").click()
    expect(page.get_by_role("heading", name="Перевірте")).to_be_visible()
    assert _state(shop, "plain@example.com") == "unconfirmed"
    context.close()
