"""Requests to apps: addressed, authorised, paced and streamed, behind the guard.

>>> async with transport.open(connection, authorisation, "GET", "/contacts", seconds=60) as response:
...     async for piece in response:
...         ...
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol, TypeVar

import psycopg
from pyreqwest.http import Url

from syncom.clock import Clock
from syncom.connect.model import Authorisation, Connection, Connector
from syncom.connect.transport import pinned, store
from syncom.connect.transport.address import Pairs, address, encode_query, query_names, read_url, redirected
from syncom.connect.transport.pace import Pace
from syncom.connect.transport.pinned import Exchange, PinnedHosts, Resolve
from syncom.connect.transport.wire import Body, RawHeaders
from syncom.errors import Invalid, SyncomError
from syncom.outbound import Unreachable, read_networks
from syncom.postgres.pool import Database

Given = TypeVar("Given", bound=Pairs)

_log = logging.getLogger(__name__)

#: Headers of one connection between two machines (RFC 9110, 7.6.1), and those the client makes itself.
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_MADE_HERE: Final = HOP_BY_HOP | {"host", "content-length"}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
#: Seconds between two notes that a connection was used.
_NOTE_EVERY: Final = 60.0
_CONNECTOR_LIFE: Final = 2.0
_MAX_KEPT: Final = 10_000


class Connectors(Protocol):
    """Where connectors are found."""

    async def connector(self, account_id: int, selector: str) -> Connector: ...


class Response:
    """The head of an answer; its body comes piece by piece, and only as fast as it is read. ``close`` it."""

    def __init__(self, exchange: Exchange, url: Url) -> None:
        self._exchange = exchange
        self.status = exchange.status
        #: As they came, names in lower case.
        self.raw_headers: RawHeaders = exchange.headers
        #: Where it came from. May hold credentials: never to be shown.
        self.url = url

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case, and values, as text."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers]

    def header(self, name: str) -> str:
        """The first header of this lower-case name, or an empty text."""
        return next((value for known, value in self.headers if known == name), "")

    async def read(self) -> bytes | None:
        """The next piece; None at the end. Raises Unreachable when the answer is cut off or stalls."""
        return await self._exchange.read()

    async def close(self) -> None:
        """What was read to its end is kept for the next request, anything else is closed."""
        self._exchange.close()

    @property
    def _host(self) -> str:
        return self.url.host_str or ""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        while (piece := await self.read()) is not None:
            yield piece

    async def whole(self, limit: int) -> bytes:
        """All of it. Raises Unreachable when it is longer than ``limit`` bytes, or cut off."""
        pieces: list[bytes] = []
        size = 0
        while (piece := await self.read()) is not None:
            size += len(piece)
            if size > limit:
                raise Unreachable(f"the answer of {self._host} is longer than {limit} bytes", begun=True)
            pieces.append(piece)
        return b"".join(pieces)


@dataclass(frozen=True)
class Target:
    """What a request is addressed and authorised with. Holds credentials."""

    connection_id: str
    connector: Connector
    authorisation: Authorisation

    @cached_property
    def not_given(self) -> frozenset[str]:
        """Headers, in lower case, that are not the caller's to give."""
        return _MADE_HERE | {name.lower() for name in self.authorisation.headers}

    @cached_property
    def defaults(self) -> tuple[tuple[str, str], ...]:
        """The connector's headers, where the caller gives none. Raises Invalid."""
        pairs = self.connector.headers.items()
        return _checked(tuple(pair for pair in pairs if pair[0].lower() not in self.not_given))

    @cached_property
    def authorising(self) -> tuple[tuple[str, str], ...]:
        """Headers that authorise. Raises Invalid."""
        pairs = self.authorisation.headers.items()
        return _checked(tuple(pair for pair in pairs if pair[0].lower() not in _MADE_HERE))


class Transport:
    """The one way to apps. Made in the loop that uses it; ``close`` it."""

    def __init__(
        self,
        database: Database,
        connectors: Connectors,
        clock: Clock,
        *,
        allow: str = "",
        resolver: Resolve = pinned.resolve,
        trust: Sequence[bytes] = (),
    ) -> None:
        """``allow``: private networks that may be reached (SYNCOM_OUTBOUND_ALLOW)."""
        self._database = database
        self._connectors = connectors
        self._clock = clock
        self._hosts = PinnedHosts(clock, read_networks(allow), resolver=resolver, trust=trust)
        self.pace = Pace(clock)
        self._noted: dict[str, float] = {}
        self._known: dict[tuple[int, str], tuple[float, Connector]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._hosts.close()

    async def connector(self, connection: Connection) -> Connector:
        """The connector of a connection, as it was at most two seconds ago. Raises NotFound."""
        key = (connection.account_id, connection.connector_id)
        now = self._clock.monotonic()
        known = self._known.get(key)
        if known is not None and known[0] > now:
            return known[1]
        found = await self._connectors.connector(*key)
        if len(self._known) >= _MAX_KEPT:
            self._known.clear()
        self._known[key] = (now + _CONNECTOR_LIFE, found)
        return found

    def address(self, target: Target, path_or_url: str, query: Pairs = ()) -> Url:
        """Where a request would go, with the query that holds credentials. Raises Invalid, Forbidden."""
        placed = target.authorisation.query
        if placed:
            # What authorises is the connection's, and cannot be said a second time by the caller.
            path, _, own = path_or_url.partition("?")
            kept = [part for part in own.split("&") if part and not query_names(part) & set(placed)]
            path_or_url = f"{path}?{'&'.join(kept)}" if kept else path
            query = [*((name, value) for name, value in query if name not in placed), *placed.items()]
        return address(target.authorisation.base_url, path_or_url, query, hosts=target.connector.hosts)

    async def target(self, connection: Connection, authorisation: Authorisation) -> Target:
        """What requests of this connection are made with. Raises NotFound when its connector is gone."""
        return Target(connection.connection_id, await self.connector(connection), authorisation)

    @asynccontextmanager
    async def open(
        self,
        connection: Connection,
        authorisation: Authorisation,
        method: str,
        path_or_url: str,
        *,
        headers: Pairs = (),
        query: Pairs = (),
        cookies: Pairs = (),
        body: Body = None,
        length: int | None = None,
        seconds: float = 60.0,
        follow: int = 0,
    ) -> AsyncGenerator[Response]:
        """One request of a connection, and the head of its answer, of any status.

        ``path_or_url`` as :func:`address` says. ``length`` is that of a streamed body, when it is known. ``seconds``
        is how long the app may be silent. ``follow``: redirects at most, each to a host of the connector.
        Raises Invalid, Forbidden for an address that is not the connector's; RateLimited when the connection has used
        up its calls; Unreachable when there is no whole answer.
        """
        target = await self.target(connection, authorisation)
        url = self.address(target, path_or_url, query)
        await self._turn(target)
        given = self.headers(target, headers, cookies)
        for hop in range(follow + 1):
            response = await self._sent(target, method, url, given, body, length, seconds)
            try:
                location = response.header("location")
                onward = hop < follow and location and _may_follow(method, response.status, body)
                if not onward:
                    if follow and response.status in _REDIRECTS and location and hop == follow:
                        raise Unreachable(f"{url.host_str} redirects more than {follow} times", begun=True)
                    yield response
                    return
                url = redirected(url, location, authorisation.base_url, hosts=target.connector.hosts)
                if response.status == 303:
                    method, body = ("HEAD" if method == "HEAD" else "GET"), None
            finally:
                await response.close()
            placed = authorisation.query
            if placed and not query_names(url.query_string or "") >= set(placed):
                joined = "&".join(part for part in (url.query_string, encode_query(list(placed.items()))) if part)
                url = url.with_query_string(joined)

    async def send(
        self,
        target: Target,
        method: str,
        path_or_url: str,
        *,
        headers: Pairs,
        query: Pairs,
        body: Body,
        length: int | None,
        seconds: float,
    ) -> Response:
        """As :meth:`open`, without following redirects, for whoever keeps a target and closes the answer himself."""
        url = self.address(target, path_or_url, query)
        await self._turn(target)
        return await self._sent(target, method, url, self.headers(target, headers), body, length, seconds)

    def headers(self, target: Target, given: Pairs, cookies: Pairs = ()) -> list[tuple[str, str]]:
        """The headers of a request: the connector's, over them the caller's, over them what authorises.

        Raises Invalid for headers of the connection that cannot be sent; those of the caller are read when they are.
        """
        not_given = target.not_given
        found = [pair for pair in given if pair[0].lower() not in not_given]
        if target.defaults:
            named = {name.lower() for name, _ in found}
            found += [pair for pair in target.defaults if pair[0].lower() not in named]
        found += target.authorising
        placed = target.authorisation.cookies
        if cookies or placed:
            jar = [*(pair for pair in cookies if pair[0] not in placed), *placed.items()]
            found = [(name, value) for name, value in found if name.lower() != "cookie"]
            found.append(("cookie", "; ".join(f"{name}={value}" for name, value in jar)))
        return found

    async def _turn(self, target: Target) -> None:
        """Raises RateLimited."""
        await self.pace.turn(target.connection_id, target.connector.rate_limit)
        self._note(target.connection_id)

    async def _sent(
        self,
        target: Target,
        method: str,
        url: Url,
        headers: list[tuple[str, str]],
        body: Body,
        length: int | None,
        seconds: float,
    ) -> Response:
        """The head of the answer to one request. Raises Unreachable."""
        own = target.connector.own and target.authorisation.own and _same_origin(url, target.authorisation.base_url)
        host = await self._hosts.host(url, own=own)
        return Response(await host.exchange(method, url, headers, body, length, seconds), url)

    # ------------------------------------------------------------ notes

    def _note(self, connection_id: str) -> None:
        """Note that a connection is used: one statement a minute, in the background."""
        now = self._clock.monotonic()
        if now - self._noted.get(connection_id, -_NOTE_EVERY) < _NOTE_EVERY:
            return
        if len(self._noted) >= _MAX_KEPT:
            self._noted.clear()
        self._noted[connection_id] = now
        task = asyncio.create_task(self._write_note(connection_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_note(self, connection_id: str) -> None:
        try:
            async with self._database.system() as connection:
                await store.note_activity(connection, [connection_id], self._clock.now())
        except (psycopg.Error, SyncomError) as error:
            _log.warning("the use of connection %s is not noted: %s", connection_id, error)


def _checked(pairs: Given) -> Given:
    """Headers without what would begin another one. Raises Invalid."""
    text = "".join(map("".join, pairs))
    if "\r" in text or "\n" in text or "\0" in text:
        raise Invalid("headers", "must not contain line breaks or NUL")
    return pairs


def _same_origin(url: Url, base_url: str) -> bool:
    return url.origin_ascii == read_url("the connection's base URL", base_url).origin_ascii


def _may_follow(method: str, status: int, body: Body) -> bool:
    if status not in _REDIRECTS:
        return False
    if method in ("GET", "HEAD") or status == 303:
        return True
    return status in (307, 308) and (body is None or isinstance(body, bytes))
