"""``make screenshots``: a picture of every page in light, dark and phone width, into ``build/screenshots``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

import httpx2
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import CHROMIUM, PASSWORD
from tests.browser.ui.conftest import EMAIL
from tests.browser.ui.looking import ROOT, faults, settle
from tests.browser.ui.places import addresses
from tests.installation import Installation

LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
}


def main(folder: Path) -> int:
    """Take them. Answers with how many faults axe found."""
    folder.mkdir(parents=True, exist_ok=True)
    found = 0
    with Installation("--demo", SYNCOM_ADMIN_PASSWORD=PASSWORD) as running, sync_playwright() as playwright:
        running.wait_for("Ctrl-C stops everything.")
        with httpx2.Client(base_url=f"{running.url}/syncom/v1", headers={"Origin": running.url}) as api:
            api.post("/session", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
            pages = addresses(api)
            cookies = [
                {"name": name, "value": value, "url": running.url, "httpOnly": True}
                for name, value in api.cookies.items()
            ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for look, options in LOOKS.items():
            found += _take(browser, running.url, cookies, pages, look, options, folder)
        browser.close()
    sys.stdout.write(f"{len(pages) * len(LOOKS)} pictures in {folder}; axe found {found} faults\n")
    return found


def _take(
    browser: Browser,
    url: str,
    cookies: list[Any],
    pages: dict[str, str],
    look: str,
    options: dict[str, Any],
    folder: Path,
) -> int:
    found = 0
    context = browser.new_context(base_url=url, locale="en-GB", reduced_motion="reduce", **options)
    context.add_cookies(cookies)
    page = context.new_page()
    for path, address in sorted(pages.items()):
        page.goto(address)
        settle(page)
        name = re.sub(r"[^\w]+", "-", path).strip("-") or "home"
        page.screenshot(path=folder / f"{name}-{look}.png", animations="disabled")
        for fault in faults(page):
            found += 1
            sys.stdout.write(f"{path} ({look}): {fault}\n")
    context.close()
    return found


if __name__ == "__main__":
    sys.exit(min(main(ROOT / "build" / "screenshots"), 1))
