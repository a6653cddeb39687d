"""Where the browser brings the code of a login to: a port of this machine, while the login lasts (RFC 8252)."""

from __future__ import annotations

import html
import secrets
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from syncom.cli.membrane.errors import Failed

#: How long the browser is waited for, in seconds (membrane-api, 15 item 14).
_PATIENCE = 300.0


class Listener:
    """Waits on a port of this machine for the browser to come back with the code."""

    def __init__(self) -> None:
        self._server = HTTPServer(("127.0.0.1", 0), _Callback)
        self._server.timeout = 1.0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/callback"

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def code(self, state: str) -> str:
        """The code. An answer with another state is told so and does not count: any page could have sent it.

        Raises Failed when the person refused, or nobody came.
        """
        came = _Came(state)
        self._server.RequestHandlerClass = came.handler
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self._server.handle_request()
            if came.code:
                return came.code
            if came.refusal:
                raise Failed(f"the login was refused: {came.refusal}", key="access_denied")
        raise Failed(
            "nobody logged in: run `membrane login --tenant` again, or `membrane login start` for another machine",
            key="timeout",
        )


class _Callback(BaseHTTPRequestHandler):
    """One request of the browser."""

    timeout = 10.0
    came: _Came

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != "/callback":
            self._page(404, "There is nothing here.")
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._page(*self.came.take(query))

    def _page(self, status: int, words: str) -> None:
        content = f"<!doctype html><meta charset=utf-8><title>membrane</title><p>{html.escape(words)}</p>\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "default-src 'none'")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: standard error is for the person."""


class _Came:
    """What the browser brought."""

    def __init__(self, state: str) -> None:
        self._state = state
        self.code = ""
        self.refusal = ""
        self.handler = type("_Handler", (_Callback,), {"came": self})

    def take(self, query: dict[str, str]) -> tuple[int, str]:
        """Status and words of the page."""
        if not secrets.compare_digest(query.get("state", "").encode(), self._state.encode()):
            return 400, "This answer belongs to another login. Begin again in the terminal."
        if query.get("code"):
            self.code = query["code"]
            return 200, "Done. Go back to the terminal; this page can be closed."
        self.refusal = query.get("error_description") or query.get("error") or "no code came"
        return 400, f"You are not logged in: {self.refusal}"
