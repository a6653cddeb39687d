"""What every look at a page of the application includes: no policy broken, no error, no fault that axe finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import ConsoleMessage, Page

ROOT: Final = Path(__file__).parents[3]
_AXE: Final = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
_WATCH: Final = (
    "addEventListener('securitypolicyviolation', event => console.error("
    "`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))"
)
#: Browsers say that an answer was an error; whether it may be one is the test's business.
_ANSWERS: Final = "Failed to load resource"


class Watch:
    """Hears what a page complains about. ``expected``: texts of complaints that belong to the test."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        page.add_init_script(_WATCH)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_ANSWERS):
            self.complaints.append(message.text)


def faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, as sentences; empty is good."""
    page.evaluate(_AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


def settle(page: Page) -> None:
    """Wait until a page has drawn what it was fetching: it has a heading, and nothing says that it is busy."""
    page.get_by_role("heading", level=1).first.wait_for()
    page.wait_for_function(
        "() => !document.querySelector('main [aria-busy=true], main .mantine-Loader-root, main .mantine-Skeleton-root')"
    )
