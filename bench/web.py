"""The web application in a real browser: what the home page weighs, how soon pages are there, and a first run.

Pages are timed inside of the browser, from the click in the navigation to the frame in which the page's heading is
there and nothing in it is still loading; chunks and data were fetched once before. The contacts are a million; their
table is timed in the same way to its first rows, in five orders, nothing of which was fetched before. Then the same
pages while a campaign to everybody leaves at full speed. The person of the first run types ten characters a second and
thinks for a second before each click.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from tests.browser.chromium import CHROMIUM
from tests.installation import Installation

from bench import house as at
from bench import sending
from bench.figures import Figure, Skipped, median
from syncom.campaigns.model import CampaignState

EMAIL = "admin@localhost.localdomain"
PASSWORD = "correct horse battery staple"
ROUNDS = 6
_PAGES = {
    "/contacts": "Contacts",
    "/segments": "Segments",
    "/templates": "Templates",
    "/campaigns": "Campaigns",
    "/workflows": "Workflows",
    "/settings": "Settings",
}
_ORDERS = ("newest", "oldest", "email", "-email", "name")
_LOADING = ".mantine-Skeleton-root, .mantine-Loader-root, [aria-busy='true']"
_SHOWN = """([address, title, loading]) => new Promise((resolve) => {
    const begun = performance.now();
    const link = document.querySelector(`nav a[href='${address}']`);
    if (link) link.click();
    else {
        history.pushState({}, "", address);
        dispatchEvent(new PopStateEvent("popstate"));
    }
    const look = () => {
        const main = document.querySelector("main");
        const heading = main && main.querySelector("h1");
        const there = heading && heading.textContent.trim() === title && !main.querySelector(loading);
        if (there && location.pathname === address.split("?")[0]) resolve(performance.now() - begun);
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""


async def run(contacts: int = 1_000_000) -> list[Figure]:
    if CHROMIUM is None:
        raise Skipped("chromium is not installed: apt-get install -y chromium")
    async with at.house() as house, sending.sink() as sink_port:
        await house.app.accounts.first_run(EMAIL, PASSWORD)
        account = (await house.app.accounts.default_account()).account_id
        await at.add_contacts(house.app.database.dsn, account, contacts)
        await sending.prepare(house, account, sink_port)
        await at.wear_in(house.app.database.dsn)
        port = int(house.environment["SYNCOM_PORT"])
        environment = {**house.environment, "SYNCOM_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        async with AsyncExitStack() as processes:
            for role in (("web",), ("worker",)):
                await processes.enter_async_context(at.process(*at.syncom("run", *role), environment=environment))
            await at.listening(port)
            url = f"http://127.0.0.1:{port}"
            weight, idle, rows = await asyncio.to_thread(_idle, url)
            campaign_id = await sending.start(house, account)
            for _ in range(house.settings.senders):
                command = at.syncom("run", "sender", "--lane", "bulk")
                await processes.enter_async_context(at.process(*command, environment=environment))
            await _under_way(house, account, campaign_id)
            busy = await asyncio.to_thread(_busy, url)
            campaign = await house.app.campaigns.get(account, campaign_id)
            assert campaign.state is CampaignState.SENDING, "the campaign was over before the pages were"
    first = await asyncio.to_thread(_first_run)
    return [
        _figure(
            "shell and home page, compressed JavaScript and CSS",
            weight / 1000,
            "kB",
            must=260,
            aim=225,
        ),
        _figure("page switch, p95", idle, "ms", must=150, aim=80),
        _figure("first rows of a million contacts, p95", rows, "ms", must=400, aim=200),
        _figure("page switch while a campaign runs, p95", busy, "ms", must=2, aim=1.3, floor=idle),
        _figure("first run at human pace, to the mail in the inbox", first, "s", must=180, aim=120),
    ]


def _figure(name: str, measured: float, unit: str, *, must: float, aim: float, floor: float | None = None) -> Figure:
    return Figure(issue="07", name=name, measured=measured, floor=floor, unit=unit, must=must, aim=aim, better="lower")


def _idle(url: str) -> tuple[float, float, float]:
    """Bytes of scripts and styles of the first page; milliseconds of a switch, and of the first rows; both p95."""
    with _browser() as browser:
        weight = _weight(browser, url)
        page = _signed_in(browser, url)
        return weight, _switches(page), _first_rows(page)


def _busy(url: str) -> float:
    with _browser() as browser:
        return _switches(_signed_in(browser, url))


@contextmanager
def _browser() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def _signed_in(browser: Browser, url: str) -> Page:
    page = browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 860}).new_page()
    page.set_default_timeout(60_000)
    page.goto("/")
    page.get_by_role("textbox", name="Email").fill(EMAIL)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation").wait_for()
    page.goto("/campaigns")
    page.get_by_role("heading", level=1, name="Campaigns").wait_for()
    return page


def _weight(browser: Browser, url: str) -> float:
    """Bytes as the server sends them until a signed-in person sees the home page."""
    page = _signed_in(browser, url)
    state: Any = page.context.storage_state()
    page = browser.new_context(base_url=url, storage_state=state).new_page()
    sizes: list[int] = []

    def heard(request: Any) -> None:
        if request.resource_type in ("script", "stylesheet"):
            sizes.append(request.sizes()["responseBodySize"])

    page.on("requestfinished", heard)
    page.goto("/")
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    page.context.close()
    return float(sum(sizes))


def _switches(page: Page) -> float:
    taken: list[float] = []
    for turn in range(ROUNDS):
        for href, title in _PAGES.items():
            milliseconds = page.evaluate(_SHOWN, [href, title, _LOADING])
            if turn > 0:
                taken.append(milliseconds)
    return _p95(taken)


def _first_rows(page: Page) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        page.goto("/campaigns")  # forgets what was fetched
        page.get_by_role("heading", level=1, name="Campaigns").wait_for()
        for order in _ORDERS:
            taken.append(page.evaluate(_SHOWN, [f"/contacts?order={order}", "Contacts", _LOADING]))
            assert page.get_by_role("row").count() > 10
            page.evaluate(_SHOWN, ["/campaigns", "Campaigns", _LOADING])
    return _p95(taken)


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(len(values) * 0.95) - 1]


async def _under_way(house: at.House, account: int, campaign_id: int) -> None:
    async with asyncio.timeout(120):
        while (await house.app.campaigns.report(account, campaign_id)).sent < 10_000:
            await asyncio.sleep(0.2)


def _first_run() -> float:
    """Seconds from the address that `make up` prints to the mail in the inbox; the median of three installations."""
    taken: list[float] = []
    for _ in range(3):
        with Installation(SYNCOM_ADMIN_PASSWORD=PASSWORD) as fresh, _browser() as browser:
            fresh.wait_for("Ctrl-C stops everything.")
            page = browser.new_context(base_url=fresh.url, locale="en-GB").new_page()
            expect.set_options(timeout=60_000)
            started = time.perf_counter()
            _first_steps(page)
            taken.append(time.perf_counter() - started)
    return median(taken)


def _first_steps(page: Page) -> None:
    page.goto("/")
    _type(page.get_by_role("textbox", name="Email"), EMAIL)
    _type(page.get_by_role("textbox", name="Password"), PASSWORD)
    _click(page.get_by_role("button", name="Sign in"))
    _type(page.get_by_role("textbox", name="Account name"), "Flowers of Anna")
    _click(page.get_by_role("button", name="Next"))
    expect(page.get_by_role("radio", name="Dev inbox")).to_be_checked()
    _click(page.get_by_role("button", name="Next"))
    _click(page.get_by_text("Paste", exact=True))
    _type(page.get_by_role("textbox", name="Contacts"), "Iryna Koval <iryna@example.com>")
    _click(page.get_by_label("These people agreed"))
    _click(page.get_by_role("button", name="Next"))
    _type(page.get_by_role("textbox", name="Subject"), "Tulips are here: our first letter to you")
    _type(page.get_by_role("textbox", name="Heading"), "Fresh today")
    _click(page.get_by_role("button", name="Next"))
    _click(page.get_by_role("button", name="Send now"))
    expect(page.get_by_text("came to iryna@example.com")).to_be_visible()


def _type(box: Locator, text: str) -> None:
    _click(box)
    box.fill("")
    box.press_sequentially(text, delay=100)


def _click(target: Locator) -> None:
    target.wait_for()
    time.sleep(1)
    target.click()
