"""The pages in a real browser: what only a browser does (Origin, frames, policies) decides whether they work."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS, PASSWORD
from tests.installation import Installation

pytestmark = MARKS
_LETTER = (
    "<p>Hello {{ first_name }}</p><script>document.title='owned'</script>"
    '<p><a href="https://shop.example/new">New</a></p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
    '<meta http-equiv="refresh" content="0;url=https://evil.example/"><p><a href="{{ view_url }}">View</a></p>'
)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """A running platform with one mail in its dev inbox."""
    with Installation(SYNCOM_ADMIN_PASSWORD=PASSWORD) as running:
        running.wait_for("Ctrl-C stops everything.")
        letter = running.folder / "letter.html"
        letter.write_text(_LETTER, "utf-8")
        for command in (
            ["contact", "add", "--email", "anna@example.com", "--first-name", "<b>Anna</b>"],
            ["template", "add", str(letter), "--name", "Letter", "--subject", "For {{ first_name }}"],
            ["campaign", "create", "--name", "First", "--template", "1", "--everyone"],
            ["campaign", "start", "1", "--wait"],
        ):
            subprocess.run(["syncom", *command], env=running.environment, check=True, capture_output=True)
        yield running


@pytest.fixture
def page(browser: Browser, installation: Installation) -> Iterator[Page]:
    context = browser.new_context(base_url=installation.url, viewport={"width": 1100, "height": 640})
    # Whatever a mail or a page wants from elsewhere is not to be had, and must not be asked for by a page of ours.
    context.route(re.compile(rf"^(?!{re.escape(installation.url)})"), lambda route: route.abort())
    yield context.new_page()
    context.close()


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.fill("input[name=email]", "admin@localhost.localdomain")
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button")
    page.wait_for_url("**/")


def test_a_person_signs_in_and_finds_the_mail_in_the_inbox(page: Page) -> None:
    page.goto("/inbox")
    expect(page).to_have_url(re.compile("/login"))
    sign_in(page)
    page.goto("/inbox")
    page.click('a[href^="/inbox/"]')
    expect(page.locator("h1")).to_have_text("For <b>Anna</b>")
    mail = page.frame_locator("iframe")
    expect(mail.locator("body")).to_contain_text("Hello <b>Anna</b>")
    assert page.title() != "owned"
    assert "owned" not in [frame.title() for frame in page.frames]


def test_a_wrong_password_says_so_and_keeps_the_address(page: Page) -> None:
    page.goto("/login")
    page.fill("input[name=email]", "admin@localhost.localdomain")
    page.fill("input[name=password]", "wrong")
    page.click("main form button")
    expect(page.locator("main")).to_contain_text(re.compile("wrong|not right|incorrect|do not", re.IGNORECASE))
    expect(page.locator("input[name=email]")).to_have_value("admin@localhost.localdomain")


def test_the_unsubscribe_page_asks_first_and_then_does_it(page: Page, installation: Installation) -> None:
    sign_in(page)
    page.goto("/inbox")
    page.click('a[href^="/inbox/"]')
    link = page.frame_locator("iframe").get_by_text("Unsubscribe").get_attribute("href")
    assert link is not None
    page.goto(link)
    state = ["syncom", "contact", "find", "--email", "anna@example.com", "--json"]
    before = subprocess.run(state, env=installation.environment, check=True, capture_output=True, text=True).stdout
    assert '"email_state": "subscribed"' in before
    page.click("form button")
    expect(page.locator("body")).to_contain_text(re.compile("unsubscribed", re.IGNORECASE))
    after = subprocess.run(state, env=installation.environment, check=True, capture_output=True, text=True).stdout
    assert '"email_state": "unsubscribed"' in after


def test_a_mail_on_its_own_page_shows_and_links_and_does_nothing_else(page: Page) -> None:
    sign_in(page)
    page.goto("/inbox")
    page.click('a[href^="/inbox/"]')
    link = page.frame_locator("iframe").get_by_text("View").get_attribute("href")
    assert link is not None
    with page.expect_response(re.compile("/t/o/")) as pixel:
        page.goto(link)
    assert pixel.value.status == 200
    expect(page.locator("body")).to_contain_text("Hello <b>Anna</b>")
    assert page.title() != "owned"
    assert page.evaluate("() => { try { return document.cookie } catch (error) { return error.name } }") == (
        "SecurityError"
    )
    expect(page).to_have_url(link)
    page.get_by_text("Unsubscribe").click()
    page.wait_for_url("**/t/u/**")
    expect(page.locator("form button")).to_be_visible()


def test_the_api_pages_need_nothing_from_elsewhere(page: Page) -> None:
    asked: list[str] = []
    page.on("requestfailed", lambda request: asked.append(request.url))
    page.goto("/docs")
    expect(page.locator("h1").first).to_be_visible()
    assert not asked
