"""A shop's site on an origin of its own, beside a whole installation."""

from __future__ import annotations

import functools
import json
import subprocess
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from tests.installation import Installation

#: A browser that is driven says so in its User-Agent, and is taken for the program it is.
AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


class Shop:
    """A shop's site, whose pages carry the script."""

    def __init__(self, installation: Installation, folder: Path, address: str) -> None:
        self._installation = installation
        self._folder = folder
        self.address = address
        self.server = installation.url
        self._key = self.syncom("api-key", "create", "--name", "plugin")["key"]
        self.call("POST", "/v1/site/domains", {"domain": address})
        self.snippet = self.call("GET", "/v1/site/script").decode()
        self.syncom("contact", "add", "--email", "olena@example.org")

    def syncom(self, *command: str) -> Any:
        done = subprocess.run(
            ["syncom", *command, "--json"], env=self._installation.environment, check=True, capture_output=True
        )
        return json.loads(done.stdout)

    def call(self, verb: str, path: str, body: Any = None) -> bytes:
        credentials = b64encode(f"any:{self._key}".encode()).decode()
        request = urllib.request.Request(
            f"{self._installation.url}/api{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def open(self, page: Page, name: str, script: str, *, head: str | None = None) -> None:
        """Put a page on the site that runs this, and visit it."""
        page.goto(self.page(name, script, head=head), wait_until="networkidle")

    def page(self, name: str, script: str, *, head: str | None = None, language: str = "en") -> str:
        """Put a page on the site that runs this; returns its address."""
        lines = self.snippet if head is None else head
        html = (
            f'<!doctype html><html lang="{language}"><head>{lines}</head><body><script>{script}</script></body></html>'
        )
        self.put(f"{name}.html", html)
        return f"{self.address}/{name}.html"

    def push(self, **worker: str) -> str:
        """Let visitors subscribe to web push, and serve the service worker; returns what stands in the pages."""
        paths = {"serviceWorkerName": "sw.js", "serviceWorkerPath": "/", "serviceWorkerScope": "/"}
        self.call("POST", "/v1/site/webpush/domain", {"domain": self.address, **paths, **worker})
        scripts: dict[str, str] = json.loads(self.call("GET", f"/v1/site/webpush/script?domain={self.address}"))
        self.put("sw.js", scripts["serviceWorker"])
        return scripts["script"]

    def put(self, name: str, content: str) -> None:
        """A file of the site."""
        (self._folder / name).write_text(content, "utf-8")

    def browsers(self) -> dict[str, int]:
        """Whose browsers are subscribed, by their addresses."""
        return {
            channel["value"]: contact["id"]
            for contact in json.loads(self.call("GET", "/v1/contacts"))
            for channel in contact.get("channels", [])
            if channel["type"] == "webpush"
        }

    def events(self, type_key: str, count: int = 1) -> list[dict[str, Any]]:
        """Events of a type, once there are so many of them."""
        for _ in range(50):
            try:
                found = self.syncom("event", "list", "--type", type_key)
            except subprocess.CalledProcessError:
                found = []  # no event of this type yet
            if len(found) >= count:
                break
            time.sleep(0.2)
        return found


@contextmanager
def running_shop(folder: Path, **settings: str) -> Iterator[Shop]:
    """The site serves the files of the folder; ``settings`` are the installation's."""
    handler = functools.partial(_Quiet, directory=str(folder))
    site = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        with Installation(**settings) as installation:
            installation.wait_for("Ctrl-C stops everything.")
            yield Shop(installation, folder, f"http://127.0.0.1:{site.server_address[1]}")
    finally:
        site.shutdown()
        site.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nobody reads it."""
