"""A running installation and a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import CHROMIUM, PASSWORD
from tests.installation import Installation


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation(SYNCOM_ADMIN_PASSWORD=PASSWORD) as running:
        running.wait_for("Ctrl-C stops everything.")
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, installation: Installation) -> Iterator[Page]:
    context = browser.new_context(base_url=installation.url, viewport={"width": 1100, "height": 800})
    yield context.new_page()
    context.close()
