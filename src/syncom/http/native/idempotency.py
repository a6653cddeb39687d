"""Idempotency-Key: a request that is sent again is answered again, and does nothing a second time.

The key is reserved in the database before the work begins, so that of two requests at the same moment one works
and the other is told to wait. An answer is kept for 24 hours. A request that was refused leaves no trace and may
be repeated; one whose end nobody knows (the process died, the server failed) is never repeated by itself.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from psycopg.types.json import Jsonb

from syncom.accounts.model import Principal
from syncom.errors import Conflict, Invalid
from syncom.http.authentication import Authentication
from syncom.http.headers import header
from syncom.http.native.routing import may_replay
from syncom.http.problems import TooLarge
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.http.native", "idempotency.sql")
_LONGEST_KEY = 255


class Idempotency:
    """Middleware behind :class:`Authorise`."""

    def __init__(self, app: ASGIApp, authentication: Authentication, database: Database, max_body: int) -> None:
        self._app = app
        self._authentication = authentication
        self._database = database
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = header(scope, b"idempotency-key")
        handler = scope["route_handler"]
        if not key or scope.get("method") != "POST" or not isinstance(handler, HTTPRouteHandler):
            await self._app(scope, receive, send)
            return
        if not may_replay(handler.opt):
            raise Invalid("Idempotency-Key", "does not work on this route; leave the header out")
        if len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise Invalid("Idempotency-Key", f"must be up to {_LONGEST_KEY} printable ASCII characters")
        principal = await self._authentication.principal(scope)
        body = await _read(receive, self._max_body)
        request_hash = _fingerprint(scope, principal, body)
        if await self._begin(principal.account_id, key, request_hash):
            await self._work(scope, body, send, principal.account_id, key)
        else:
            await self._replay(principal.account_id, key, request_hash, send)

    async def _begin(self, account_id: int, key: str, request_hash: bytes) -> bool:
        values = {"account_id": account_id, "key": key, "request_hash": request_hash}
        async with self._database.tenant(account_id) as connection:
            return await (await connection.execute(_SQL["begin"], values)).fetchone() is not None

    async def _replay(self, account_id: int, key: str, request_hash: bytes, send: Send) -> None:
        async with self._database.tenant(account_id) as connection:
            values = {"account_id": account_id, "key": key}
            row = await (await connection.execute(_SQL["find"], values)).fetchone()
        if row is None:
            raise Conflict("the first request with this Idempotency-Key was just refused; send it again")
        if bytes(row[0]) != request_hash:
            raise Conflict("this Idempotency-Key was used for another request; use a new one")
        if row[1] is None:
            raise Conflict(
                "the first request with this Idempotency-Key is still running, or was cut off: "
                "look whether it took effect before you send it with a new key"
            )
        answer: dict[str, Any] = row[1]
        body = str(answer["body"]).encode()
        headers = [
            (b"content-type", str(answer["content_type"]).encode("latin-1")),
            (b"content-length", str(len(body)).encode()),
            (b"idempotency-replayed", b"true"),
        ]
        await send({"type": "http.response.start", "status": answer["status"], "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _work(self, scope: Scope, body: bytes, send: Send, account_id: int, key: str) -> None:
        answer = _Answer()
        await self._app(scope, _again(body), answer.keep)
        if answer.status < 300:
            await self._store(account_id, key, answer.as_json())
        elif answer.status < 500:
            await self._store(account_id, key, None)
        for message in answer.messages:
            await send(message)

    async def _store(self, account_id: int, key: str, answer: dict[str, Any] | None) -> None:
        async with self._database.tenant(account_id) as connection:
            values: dict[str, Any] = {"account_id": account_id, "key": key}
            if answer is None:
                await connection.execute(_SQL["forget"], values)
            else:
                await connection.execute(_SQL["finish"], {**values, "answer": Jsonb(answer)})


async def remove_old_keys(database: Database) -> None:
    """Drop the answers nobody may ask for any more."""
    async with database.system() as connection:
        await connection.execute(_SQL["remove_old"])


class _Answer:
    """What the route sent, held back until it is stored."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = 0
        self._content_type = ""
        self._body = b""

    async def keep(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message["headers"]:
                if name.lower() == b"content-type":
                    self._content_type = value.decode("latin-1")
        elif message["type"] == "http.response.body":
            self._body += message["body"]

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status, "content_type": self._content_type, "body": self._body.decode("utf-8")}


def _fingerprint(scope: Scope, principal: Principal, body: bytes) -> bytes:
    """What makes two requests the same. The caller belongs to it: an answer is for the one who asked."""
    digest = hashlib.sha256()
    query = scope.get("query_string", b"")
    for part in (principal.actor.encode(), scope["path"].encode(), query, body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Conflict("the request was cut off")
        size += len(message["body"])
        if size > limit:
            raise TooLarge(f"a request with an Idempotency-Key may have up to {limit} bytes")
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)


def _again(body: bytes) -> Receive:
    waiting: list[Message] = [
        cast("Message", {"type": "http.disconnect"}),
        cast("Message", {"type": "http.request", "body": body, "more_body": False}),
    ]

    async def receive() -> Message:
        return waiting.pop() if len(waiting) > 1 else waiting[0]

    return cast("Receive", receive)
