"""One running platform with sample data for all tests of the application, and a browser that is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import CHROMIUM, PASSWORD
from tests.browser.ui.looking import ROOT, Watch
from tests.installation import Installation

EMAIL = "admin@localhost.localdomain"


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """A platform with the sample data of ``syncom up --demo``."""
    if not (ROOT / "src/syncom/http/ui/dist/index.html").is_file():
        pytest.skip("the web application is not built: make ui")
    with Installation("--demo", SYNCOM_ADMIN_PASSWORD=PASSWORD) as running:
        running.wait_for("Ctrl-C stops everything.")
        yield running


@pytest.fixture(scope="session")
def api(installation: Installation) -> Iterator[httpx2.Client]:
    """The same user's API: to prepare, and to see what came of it."""
    with httpx2.Client(
        base_url=f"{installation.url}/syncom/v1", headers={"Origin": installation.url}, timeout=30
    ) as client:
        client.post("/session", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module: while Playwright's loop runs in a thread, no test with a loop of its own can."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a browser that signed in by the form."""
    kept = tmp_path_factory.mktemp("browser") / "state.json"
    context = browser.new_context(base_url=installation.url)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("textbox", name="Email").fill(EMAIL)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation").wait_for()
    context.storage_state(path=kept)
    context.close()
    return kept


@pytest.fixture
def look() -> dict[str, Any]:
    """How the page looks: options of a browser context. A test changes it by a fixture of its own or by a mark."""
    return {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light", "reduced_motion": "reduce"}


@pytest.fixture
def watched() -> list[Watch]:
    return []


@pytest.fixture
def page(
    browser: Browser, installation: Installation, signed_in: Path, look: dict[str, Any], watched: list[Watch]
) -> Iterator[Page]:
    """A page of one who is signed in. What it complains about fails the test."""
    context = browser.new_context(base_url=installation.url, storage_state=signed_in, locale="en-GB", **look)
    context.set_default_timeout(15_000)
    expect.set_options(timeout=15_000)
    page = context.new_page()
    watch = Watch(page)
    watched.append(watch)
    yield page
    context.close()
    assert watch.complaints == []
