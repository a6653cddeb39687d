"""Somebody who subscribed to web push without a name becomes known: by a click in a mail, or the site's own word.

Real pages with the real scripts, a real mail out of the dev inbox; only the push service of the browser's maker is not
there.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import MARKS
from tests.browser.shop import AGENT, Shop, running_shop

pytestmark = MARKS
_PATIENCE: Final = 40.0
#: Each context is a browser with an address of its own.
_PUSH_SERVICE: Final = """
PushManager.prototype.subscribe = function () {
  return Promise.resolve({
    endpoint: 'https://push.example/NAME', options: {},
    toJSON: function () { return {endpoint: this.endpoint, keys: {p256dh: 'BPk', auth: 'c2U'}}; }
  });
};
"""


class StrictSite:
    """A strict site that knows who comes by clicks, with web push."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        [site] = shop.syncom("site", "list")
        self.site_id = site["site_id"]
        shop.syncom("site", "set", self.site_id, "--strict", "yes", "--clicks", "yes")
        script = f'<script async src="{shop.server}/api/v2/script/{self.site_id}.js" data-init data-pages></script>'
        self.head = script + shop.push()

    def visit(self, page: Page, address: str | None = None) -> None:
        """Open a page with both scripts, and agree to what they do."""
        page.goto(address or self.shop.page("shop", "", head=self.head), wait_until="networkidle")
        page.wait_for_function("typeof syncom === 'function' && !syncom.q")
        page.evaluate("syncom('consent', true)")

    def subscribe(self, page: Page, name: str) -> int:
        """Subscribe as somebody whom nobody knows; returns the contact that this makes."""
        self.visit(page)
        page.reload(wait_until="networkidle")  # the number of the visitor is there before the subscription
        return self.owner(name, lambda owner: True)

    def owner(self, name: str, right: Callable[[int], bool]) -> int:
        """Whose the browser is, once that is right."""
        ends = time.monotonic() + _PATIENCE
        found = None
        while time.monotonic() < ends:
            found = self.shop.browsers().get(f"https://push.example/{name}")
            if found is not None and right(found):
                return found
            time.sleep(0.2)
        pytest.fail(f"the browser is still {found}'s")

    def add(self, address: str) -> None:
        self.shop.call("POST", "/v1/contact", {"channels": [{"type": "email", "value": address}]})

    def contact(self, address: str) -> int:
        [found] = json.loads(self.shop.call("GET", f"/v1/contacts?email={address}"))
        return found["id"]

    def mail(self, to: str) -> Any:
        """The newest mail to somebody, once it is there."""
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            mails = self.shop.syncom("inbox", "list", "--to", to)
            if mails:
                raw = self.shop.syncom("inbox", "show", str(mails[0]["id"]), "--raw")["raw"]
                return email.message_from_bytes(raw.encode(), policy=email.policy.default)
            time.sleep(0.2)
        pytest.fail(f"no mail came to {to}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StrictSite]:
    with running_shop(tmp_path_factory.mktemp("site")) as running:
        yield StrictSite(running)


@pytest.fixture
def open_browser(browser: Browser) -> Iterator[Callable[[str], Page]]:
    contexts: list[BrowserContext] = []

    def opened(name: str) -> Page:
        context = browser.new_context(permissions=["notifications"], user_agent=AGENT, locale="en-US")
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"the page has an error: {error}"))
        page.add_init_script(_PUSH_SERVICE.replace("NAME", name))
        return page

    yield opened
    for context in contexts:
        context.close()


def visitor(page: Page) -> str:
    [number] = [one["value"] for one in page.context.cookies() if one["name"] == "sc"]
    return number


def clicked_link(site: StrictSite, folder: Path, address: str) -> str:
    """The tracked link of a campaign's mail to this contact that leads to the site."""
    target = site.shop.page("landing", "", head=site.head) + "?from=mail"
    letter = folder / "letter.html"
    letter.write_text(f'<p><a href="{target}">Look</a> <a href="{{{{ unsubscribe_url }}}}">No more</a></p>', "utf-8")
    site.add(address)
    template = str(
        site.shop.syncom("template", "add", str(letter), "--name", address, "--subject", "News")["template_id"]
    )
    campaign = site.shop.syncom("campaign", "create", "--name", address, "--template", template, "--everyone")
    site.shop.syncom("campaign", "start", str(campaign["campaign_id"]))
    html = site.mail(address).get_body(("html",)).get_content()
    [link] = re.findall(r'href="([^"]+)"[^>]*>Look', html)
    return link


def test_a_click_in_a_mail_tells_the_site_who_the_subscriber_is(
    site: StrictSite, open_browser: Callable[[str], Page], tmp_path: Path
) -> None:
    page = open_browser("clicker")
    nobody = site.subscribe(page, "clicker")
    link = clicked_link(site, tmp_path, "clicker@example.org")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.goto(link, wait_until="networkidle")
    assert page.url == f"{site.shop.address}/landing.html?from=mail", "the script takes the token out of the address"
    known = site.owner("clicker", lambda owner: owner != nobody)
    assert known == site.contact("clicker@example.org")
    assert not [url for url in sent if "clicker@" in url]


def test_a_mail_that_was_passed_on_does_not_make_its_reader_somebody_else(
    site: StrictSite, open_browser: Callable[[str], Page], tmp_path: Path
) -> None:
    page = open_browser("friend")
    nobody = site.subscribe(page, "friend")
    site.add("friend@example.org")
    token = site.shop.syncom("site", "token", site.site_id, "--email", "friend@example.org")["token"]
    page.evaluate("token => syncom('identify', token)", token)
    known = site.owner("friend", lambda owner: owner != nobody)
    assert known == site.contact("friend@example.org"), "the site's own word makes a subscriber known"
    link = clicked_link(site, tmp_path, "writer@example.org")
    with page.expect_response(
        lambda answer: answer.url.endswith("/api/v2") and "from=mail" in answer.request.post_data
    ):
        page.goto(link, wait_until="networkidle")
    views = [one for one in site.shop.events("pageViewed") if one["params"]["location"].endswith("?from=mail")]
    assert {one["contact_id"] for one in views if one["params"]["sc"] == visitor(page)} == {known}
    assert site.owner("friend", lambda owner: True) == known
