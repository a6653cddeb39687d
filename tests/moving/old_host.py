"""A host that answers as eSputnik's does, with its oddities: one element instead of a list of one, numbers as texts,
a list of contacts without additional fields, limits, and failures in between.

Written after the API reference; the real service was not asked.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from syncom.http.server import QuietServer

KEY = "there-1"


class OldHost:
    """An ASGI application. ``fail_at``: requests (counted from 1) that are answered with this status."""

    def __init__(self, *, contacts: int = 0) -> None:
        self.contacts = [self.contact(number) for number in range(1, contacts + 1)]
        self.groups: list[dict[str, Any]] = []
        self.members: dict[int, list[int]] = {}
        self.templates: list[dict[str, Any]] = []
        self.fields: Any = []
        self.activity: list[dict[str, Any]] = []
        self.activity_off = False
        self.requests: list[str] = []
        self.fail_at: dict[int, int] = {}
        self.break_at: int | None = None

    @staticmethod
    def contact(number: int) -> dict[str, Any]:
        return {
            "id": str(60_000_000 + number),
            "firstName": f"Name{number}",
            "lastName": " ",
            "channels": {"type": "email", "value": f"person{number}@example.org"},
            "fields": {"id": "15867", "value": f"19{number % 90 + 10}-04-02"},
            "addressBookId": "7200",
            "externalCustomerId": f"C-{number}" if number % 2 else None,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        self.requests.append(path)
        number = len(self.requests)
        headers = dict(scope["headers"])
        status = self.fail_at.pop(number, 200)
        extra: list[tuple[bytes, bytes]] = []
        if (self.break_at is not None and number >= self.break_at) or headers.get(
            b"authorization"
        ) != b"Basic " + b64encode(f"api:{KEY}".encode()):
            status, answer = 401, {"status": 401, "message": "Authentication error"}
        elif status == 429:
            answer, extra = {"status": 429, "message": "Too many requests"}, [(b"retry-after", b"1")]
        elif status != 200:
            answer = {"status": status, "message": "Internal server error"}
        else:
            status, answer, extra = self._answer(path, query)
        body = json.dumps(answer).encode()
        extra += [(b"content-type", b"application/json;charset=UTF-8"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": extra})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        start, rows = int(query.get("startindex", 1)), int(query.get("maxrows", 500))
        if path == "/api/v1/account/info":
            return 200, {"userEmail": "api-user7", "organisationName": "Old shop", "orgId": 7}, []
        if path == "/api/v1/addressbooks":
            return 200, {"addressBook": {"addressBookId": 7200, "name": "Main", "fieldGroups": self.fields}}, []
        if path == "/api/v1/contacts":
            listed = [{k: v for k, v in one.items() if k != "fields"} for one in self.contacts]
            # The header is known to be wrong for an unfiltered list.
            return 200, _page(listed, start, rows), [(b"totalcount", b"2")]
        if match := re.fullmatch(r"/api/v1/contact/(\d+)", path):
            found = [one for one in self.contacts if one["id"] == match[1]]
            return (200, found[0], []) if found else (404, {"status": 404, "message": "not found"}, [])
        if path == "/api/v1/groups":
            return 200, _page(self.groups, start, rows), []
        if match := re.fullmatch(r"/api/v1/group/(\d+)/contacts", path):
            chosen = [self.contacts[place - 1] for place in self.members[int(match[1])]]
            return 200, _page(chosen, start, rows), [(b"totalcount", b"%d" % len(chosen))]
        if path == "/api/v1/messages/email":
            listed = [{k: v for k, v in one.items() if k not in ("htmlText", "plainText")} for one in self.templates]
            return 200, _page(listed, start, rows), []
        if match := re.fullmatch(r"/api/v1/messages/email/(\d+)", path):
            return 200, next(one for one in self.templates if str(one["id"]) == match[1]), []
        if path == "/api/v2/contacts/activity":
            if self.activity_off:
                return 400, {"status": 400, "message": "Contact support to enable ContactActivity."}, []
            return 200, self._activity(query), []
        return 404, {"status": 404, "message": "Not found"}, []

    def _activity(self, query: dict[str, str]) -> list[dict[str, Any]]:
        after = int(query.get("offset", -1))
        found = [
            row | {"offset": str(place)}
            for place, row in enumerate(self.activity)
            if place > after
            and row["activityStatus"] == query["activityStatus"]
            and query["dateFrom"] <= row["activityDateTime"] < query["dateTo"]
        ]
        return found[: int(query["maxrows"])]


def _page(rows: list[Any], start: int, count: int) -> Any:
    page = rows[start - 1 : start - 1 + count]
    return page[0] if len(page) == 1 else page


@asynccontextmanager
async def served(host: OldHost) -> AsyncIterator[str]:
    """The host's address while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = QuietServer(uvicorn.Config(host, port=port, log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running
