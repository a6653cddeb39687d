"""A program signs a person in with a real browser: login, consent, then the code or the program's address."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS, PASSWORD
from tests.connect.tenants.signing_in import Program
from tests.installation import Installation

pytestmark = MARKS


@pytest.fixture
def page(browser: Browser, installation: Installation) -> Iterator[Page]:
    context = browser.new_context(base_url=installation.url, viewport={"width": 1000, "height": 900})
    yield context.new_page()
    context.close()


class Listener(HTTPServer):
    """What a command line listens with until the browser comes back."""

    def __init__(self) -> None:
        self.told: dict[str, list[str]] = {}
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Listener)
        if self.path.startswith("/callback"):  # browsers ask for an icon too
            server.told = parse_qs(urlsplit(self.path).query)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<p>Done</p>")

    def log_message(self, *args: object) -> None: ...


def _ask(page: Page, program: Program, **asking: str) -> None:
    page.goto(f"/membrane/oauth/authorize?{urlencode(program.asking(**asking))}")
    expect(page).to_have_url(re.compile("/login"))
    page.fill("input[name=email]", "admin@localhost.localdomain")
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button")
    expect(page.locator("h1")).to_contain_text("Membrane CLI")


def _post(url: str, fields: dict[str, str]) -> dict[str, str]:
    with urlopen(Request(url, data=urlencode(fields).encode())) as answer:
        found: dict[str, str] = json.load(answer)
    return found


def test_a_person_without_a_local_browser_pastes_the_code(page: Page, installation: Installation) -> None:
    program = Program(redirect_uri=f"{installation.url}/membrane/oauth/code")
    _ask(page, program)
    page.get_by_label("Only read").check()
    page.get_by_role("button", name="Let it in").click()
    code = page.locator("#code").inner_text()
    got = _post(f"{installation.url}/membrane/oauth/token", program.exchanging(code))
    assert got["default_tenant_key"] == "default"
    listed = subprocess.run(
        ["syncom", "grant", "list", "--json"],
        env=installation.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (grant,) = json.loads(listed)
    assert grant["client_name"] == "Membrane CLI"
    assert grant["restrictions"]["read_only"]


def test_the_browser_goes_back_to_the_program_that_listens(page: Page, installation: Installation) -> None:
    listener = Listener()
    try:
        program = Program(redirect_uri=f"http://127.0.0.1:{listener.server_port}/callback")
        _ask(page, program, scope="platform-user")
        page.locator("summary").click()
        page.fill("input[name=new_tenant]", "acme")
        page.get_by_role("button", name="Choose").click()
        expect(page.locator("summary")).to_contain_text("acme")
        page.get_by_role("button", name="Let it in").click()
        expect(page.locator("body")).to_contain_text("Done")
        assert listener.told["state"] == ["st&te"]
        got = _post(f"{installation.url}/membrane/oauth/token", program.exchanging(listener.told["code"][0]))
        assert got["default_tenant_key"] == "acme"
    finally:
        listener.shutdown()


def test_saying_no_goes_back_as_well(page: Page) -> None:
    listener = Listener()
    try:
        _ask(page, Program(redirect_uri=f"http://127.0.0.1:{listener.server_port}/callback"))
        page.get_by_role("button", name="Do not").click()
        expect(page.locator("body")).to_contain_text("Done")
        assert listener.told["error"] == ["access_denied"]
    finally:
        listener.shutdown()
