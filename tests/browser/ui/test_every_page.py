"""Every page there is: drawn without a fault in light, dark and phone width, and harmless whatever people write."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import Watch, faults, settle
from tests.browser.ui.places import address, declared
from tests.browser.ui.screens import LOOKS
from tests.installation import Installation

pytestmark = MARKS

#: What a text may hold at its worst: script, long, right to left.
_NASTY = '"><img src=x onerror=owned()><script>owned()</script>{{constructor.constructor("owned()")()}}'
_LONG = "Ж" * 200
_RTL = "شركة ‮العربية"


@pytest.fixture(scope="session")
def nasty(api: httpx2.Client) -> None:
    """Things of every kind whose names are an attack."""
    for text in (_NASTY, _LONG, _RTL):
        short = text[:100]
        contact = {"email": f"nasty{abs(hash(text))}@example.com", "first_name": short, "last_name": short}
        made = [
            api.put("/contacts", json=contact),
            api.post("/lists", json={"name": short}),
            api.post("/segments", json={"name": short, "condition": _EVERYONE}),
            api.post("/templates", json={"name": short, "subject": short, "html": f"<p>{short}</p>"}),
            api.post("/events", json={"type": f"nasty{abs(hash(text))}", "params": {"note": short}, **_BY_EMAIL}),
            api.post("/forms", json={"name": short}),
        ]
        # Refusing is fine; failing is not.
        assert [answer.status_code for answer in made if answer.status_code >= 500] == []
        assert made[0].status_code < 300
    rows = "email,name\n" + "\n".join(f'no address,"{text.replace(chr(34), chr(34) * 2)}"' for text in (_NASTY, _RTL))
    file = api.post("/imports/files", params={"name": _NASTY[:60]}, content=rows.encode()).raise_for_status().json()
    api.post("/imports", json={"upload_id": file["upload_id"], "consent": "none"}).raise_for_status()


_EVERYONE = {"all": []}
_BY_EMAIL = {"email": "anna@example.com"}


@pytest.mark.parametrize("path", sorted(declared()))
def test_a_page_is_drawn_without_a_fault_in_every_look(
    path: str, browser: Browser, installation: Installation, signed_in: Any, api: httpx2.Client, nasty: None
) -> None:
    del nasty
    place = address(path, api)
    found: list[str] = []
    for look, options in LOOKS.items():
        context = browser.new_context(
            base_url=installation.url, storage_state=signed_in, locale="en-GB", reduced_motion="reduce", **options
        )
        context.expose_function("owned", partial(found.append, f"{look}: a text was run"))
        page = context.new_page()
        watch = Watch(page)
        page.goto(place)
        settle(page)
        expect(page.get_by_text("This could not be shown")).to_have_count(0)
        found += [f"{look}: {fault}" for fault in faults(page) + watch.complaints]
        wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            found.append(f"{look}: the page is {wide} px wider than the screen")
        context.close()
    assert found == []


def test_a_lost_connection_says_so_and_comes_back(page: Page, watched: list[Watch]) -> None:
    page.goto("/")
    expect(page.get_by_role("navigation")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("navigation").get_by_role("link", name="Contacts").click()
    expect(page.get_by_text("does not answer").first).to_be_visible(timeout=30_000)
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_role("heading", level=1, name="Contacts")).to_be_visible()
    # Files of the page could not be fetched meanwhile.
    watched[-1].complaints.clear()
