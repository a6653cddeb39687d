"""The running server that tests talk to, and as whom."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import msgspec

from syncom.accounts.model import Principal
from syncom.app import App
from syncom.http.server import Server

PASSWORD = "correct horse battery"


class Site(msgspec.Struct, kw_only=True):
    """The running server and how to reach it as whom."""

    app: App
    url: str
    owner: Principal
    key: str
    viewer_key: str
    other: Principal
    other_key: str
    server: Server
    document: dict[str, Any]

    def client(self, key: str | None = "", **headers: str) -> httpx.AsyncClient:
        """A client with the owner's key, another one, or (None) none."""
        given = self.key if key == "" else key
        if given:
            headers["Authorization"] = f"Bearer {given}"
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)
