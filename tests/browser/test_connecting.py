"""A person connects apps on the hosted pages, in a real browser: forms, an app's own page, and the way back to the
product that sent them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2 as httpx
import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS
from tests.connect.connections.provider import API_KEY, CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.connect.tenants.people import minted
from tests.installation import Installation

pytestmark = MARKS
#: Of a product: sends a person away with a form, in a window of its own, and notes what it is told.
_PRODUCT = """<!doctype html><form method="post" target="connecting" action="%s">
<input type="hidden" name="payload" value=""><button>Connect</button></form><pre id="told"></pre>
<script>
addEventListener("message", (event) => {
  document.getElementById("told").textContent = JSON.stringify([event.origin, event.data]);
});
document.querySelector("form").addEventListener("submit", () => window.open("", "connecting", "popup"));
</script>"""


class Elsewhere:
    """Servers of others, in a thread of their own: an app, and a product on another port."""

    def __init__(self) -> None:
        self.app = Provider()
        self.product = ""
        self.page = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def __enter__(self) -> Elsewhere:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            self.app = await stack.enter_async_context(provider())
            application = web.Application()
            application.router.add_get("/", self._show)
            runner = web.AppRunner(application, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.product = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._stop.wait()

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(text=self.page, content_type="text/html")


class Backend:
    """The product's own server: a workspace with the app set up, and tokens of its tenants."""

    def __init__(self, installation: Installation, elsewhere: Elsewhere) -> None:
        said = subprocess.run(
            ["syncom", "workspace", "credentials", "--json"],
            env=installation.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(said.stdout)
        self._key, self._secret = found["workspaceKey"], found["workspaceSecret"]
        self.url = installation.url
        manager = self.client(isAdmin=True)
        self._must(
            manager.post("/connectors", json={"document": _document(elsewhere), "settings": _settings(elsewhere)})
        )
        client = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
        self._must(manager.patch("/integrations/drive/parameters", json=client))

    def token(self, **claims: object) -> str:
        return minted(self._secret, workspaceKey=self._key, **claims)

    def client(self, **claims: object) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(**claims)}"}
        return httpx.Client(base_url=f"{self.url}/membrane", headers=headers, timeout=30)

    def link(self, name: str) -> str:
        """Of a page for a new connection."""
        wish = {"connectorKey": "drive", "name": name, "allowMultipleConnections": True}
        return self._must(self.client(tenantKey="ann").post("/connection-requests", json=wish))["url"]

    def named(self, name: str) -> list[dict[str, Any]]:
        listed = self._must(self.client(tenantKey="ann").get("/connections"))["items"]
        return [one for one in listed if one["name"] == name]

    def _must(self, answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


def _document(elsewhere: Elsewhere) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Drive", "version": "1"},
        "servers": [{"url": f"{elsewhere.app.url}/api"}],
        "paths": {"/me": {"get": {"operationId": "me", "summary": "Me", "responses": {"200": {"description": "Me"}}}}},
    }


def _settings(elsewhere: Elsewhere) -> dict[str, Any]:
    key: dict[str, Any] = {"type": "string", "title": "API key", "minLength": 8, "writeOnly": True}
    return {
        "key": "drive",
        "name": "Drive",
        "test": "GET /me",
        "auth": [
            {
                "key": "key",
                "kind": "api-key",
                "title": "With a key",
                "inputSchema": {"type": "object", "required": ["apiKey"], "properties": {"apiKey": key}},
                "headers": {"X-Api-Key": "{apiKey}"},
            },
            {
                "key": "oauth",
                "kind": "oauth2",
                "title": "Sign in",
                "headers": {"Authorization": "Bearer {access_token}"},
                "oauth": {
                    "authorizeUrl": f"{elsewhere.app.url}/authorize",
                    "tokenUrl": f"{elsewhere.app.url}/token",
                    "scopes": ["read"],
                },
            },
        ],
    }


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation(SYNCOM_OUTBOUND_ALLOW="127.0.0.1/32") as running:
        running.wait_for("Ctrl-C stops everything.")
        yield running


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as running:
        yield running


@pytest.fixture(scope="module")
def backend(installation: Installation, elsewhere: Elsewhere) -> Backend:
    return Backend(installation, elsewhere)


def test_what_is_wrong_stands_beside_its_field_and_then_it_is_connected(page: Page, backend: Backend) -> None:
    page.goto(backend.link("Typed"))
    field = page.get_by_label("API key")
    field.fill("short")
    page.get_by_role("button", name="Connect", exact=True).click()
    field = page.get_by_label("API key")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("")
    expect(page.locator("#apiKey-help .bad")).to_have_text("API key is shorter than 8 characters.")
    field.fill("long enough but wrong")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("main")).to_contain_text("refused")
    assert backend.named("Typed") == []
    page.get_by_label("API key").fill(API_KEY)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("h1")).to_have_text("Drive is connected")
    assert [one["state"] for one in backend.named("Typed")] == ["READY"]


def test_a_person_signs_in_at_the_app_and_comes_back_connected(page: Page, backend: Backend) -> None:
    page.goto(backend.link("Signed in"))
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name=re.compile("Continue to Drive")).click()
    page.get_by_role("link", name="Allow").click()
    expect(page.locator("h1")).to_have_text("Drive is connected")
    assert [one["state"] for one in backend.named("Signed in")] == ["READY"]
    page.reload()
    expect(page.locator("main")).to_contain_text("used already")


def test_a_sign_in_that_another_browser_began_is_refused(page: Page, backend: Backend, browser: Browser) -> None:
    page.goto(backend.link("Stolen"))
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name=re.compile("Continue to Drive")).click()
    address = page.get_by_role("link", name="Allow").get_attribute("href")
    assert address is not None
    other = browser.new_context()
    victim = other.new_page()
    victim.goto(address)
    expect(victim.locator("main")).to_contain_text("begun in another browser")
    other.close()
    assert backend.named("Stolen") == []


def test_the_product_that_opened_the_window_is_told_and_nobody_else(
    page: Page, backend: Backend, elsewhere: Elsewhere
) -> None:
    elsewhere.page = _PRODUCT % f"{backend.url}/membrane/connect"
    page.goto(elsewhere.product)
    payload = {
        "token": backend.token(tenantKey="ann"),
        "requestId": "popup-1",
        "connectorKey": "drive",
        "authOptionKey": "oauth",
        "name": "Popup",
        "allowMultipleConnections": True,
    }
    page.locator("input[name=payload]").evaluate("(field, value) => { field.value = value; }", json.dumps(payload))
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Connect").click()
    popup = opened.value
    popup.get_by_role("link", name=re.compile("Continue to Drive")).click()
    popup.get_by_role("link", name="Allow").click()
    expect(popup.locator("h1")).to_have_text("Drive is connected")
    assert popup.locator("#outcome").get_attribute("data-origin") == elsewhere.product
    told = page.locator("#told")
    expect(told).to_contain_text("newConnectionCreated")
    origin, message = json.loads(told.inner_text())
    assert origin == backend.url
    assert (message["source"], message["requestId"]) == ("integration.app", "popup-1")
    assert [one["id"] for one in backend.named("Popup")] == [message["connection"]["id"]]
