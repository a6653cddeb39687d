"""A shop on this machine: its feed, served over HTTP; and the services that read it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from hashlib import md5
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

from syncom.clock import SystemClock
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.products.feeds.service import FeedsService
from syncom.products.model import ProductQuery
from syncom.products.service import ProductsService
from syncom.security import Keyring

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE yml_catalog SYSTEM "shops.dtd"><yml_catalog><shop>'
    '<categories><category id="1">Clothes</category><category id="2" parentId="1">Shoes</category></categories><offers>'
)
_TAIL = "</offers></shop></yml_catalog>"


def offer(ident: str, name: str = "", **members: str) -> str:
    """An offer of YML."""
    given = {"name": name or f"The {ident}", "price": "10", "currencyId": "UAH", "categoryId": "2"} | members
    available = given.pop("available", "true")
    body = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in given.items())
    return f'<offer id="{escape(ident)}" available="{available}">{body}</offer>'


def yml(offers: Iterable[str]) -> bytes:
    """A whole YML file."""
    return (_HEAD + "".join(offers) + _TAIL).encode()


class Shop:
    """Serves one file, and remembers who asked how."""

    def __init__(self) -> None:
        self.url = ""
        self.file = b""
        self.status = 200
        self.login = ""
        #: What the server says about its file: an ETag (empty: made of its bytes; None: none), and when it changed.
        self.etag: str | None = ""
        self.changed_at = ""
        self.asked: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append({name.lower(): value for name, value in request.headers.items()})
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401)
        etag = f'"{md5(self.file).hexdigest()}"' if self.etag == "" else self.etag
        given = {"ETag": etag or "", "Last-Modified": self.changed_at}
        asked = request.headers.get("If-None-Match", "")
        # RFC 9110, 13.1.3: If-Modified-Since counts where no If-None-Match is asked.
        since = "" if asked else request.headers.get("If-Modified-Since", "")
        if (asked and asked == etag) or (since and since == self.changed_at):
            return web.Response(status=304)
        headers = {name: value for name, value in given.items() if value}
        return web.Response(status=self.status, body=self.file, headers=headers)


@asynccontextmanager
async def shop() -> AsyncGenerator[Shop]:
    found = Shop()
    application = web.Application()
    application.router.add_get("/feed.xml", found.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/feed.xml"
        yield found
    finally:
        await runner.cleanup()


class Shelves:
    """The catalogue and the feeds of one account."""

    def __init__(self, database: Database, account_id: int, folder: Path) -> None:
        clock = SystemClock()
        self.database = database
        self.account_id = account_id
        self.client = OutboundClient("127.0.0.0/8")
        self.products = ProductsService(database, clock)
        self.feeds = FeedsService(database, Keyring.open(folder / "secret.key"), self.client, clock, folder)

    async def all(self) -> dict[str, str]:
        """Names by id."""
        found = await self.products.search(self.account_id, ProductQuery(), limit=1000)
        return {one.product_id: one.name for one in found}

    async def rows(self) -> dict[str, Any]:
        """Where each row is, and who touched it: a row that is written moves, one that is locked says so."""
        async with self.database.system() as connection:
            rows = await (
                await connection.execute("SELECT product_id, ctid::text, xmin::text, xmax::text FROM products")
            ).fetchall()
        return {row[0]: row[1:] for row in rows}


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]
