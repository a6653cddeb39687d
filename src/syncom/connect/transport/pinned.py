"""HTTP clients that connect to checked addresses only. The one file that knows the HTTP library towards apps.

pyreqwest is the fastest client there is for Python, and has no hook at the socket. So the name of a host is resolved
here, its addresses are checked (``outbound.py`` says which are public), and a client is made for that host alone with
the address pinned: between check and connection nobody asks DNS again. Literal addresses are checked as they are.
Redirects, system proxies, cookies and unpacking are off. A name is resolved again after a while; while it keeps
the address, the client keeps its connections.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectTimeoutError, PyreqwestError
from pyreqwest.http import HeaderMap, Url
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response as RawResponse

from syncom import __version__
from syncom.clock import Clock
from syncom.errors import Invalid
from syncom.outbound import Address, Network, Unreachable, may_reach, private_network

#: Addresses of a host and a port.
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
Headers = Sequence[tuple[str, str]]

#: Seconds for which the addresses of a name are believed.
_LIFE: Final = 45.0
#: Clients that are kept, each with its connections.
_MAX_CLIENTS: Final = 256
_IDLE_CONNECTIONS: Final = 128
_CONNECT_SECONDS: Final = 10.0
#: What a client reads before it gives the head of an answer: nothing, or an app that trickles would seem to hang.
_READ_AHEAD: Final = 0


class TimedOut(Unreachable):
    """The app took too long."""

    code = "upstream_timeout"


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Addresses of a name as the system knows them. Raises Unreachable."""
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), _CONNECT_SECONDS)
    except TimeoutError:
        raise TimedOut(f"the name {host} is not found in time", begun=False) from None
    except (OSError, UnicodeError):
        raise Unreachable(f"the name {host} cannot be found", begun=False) from None
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class _Pinned(msgspec.Struct):
    """A client of one host, and the addresses that were found for it."""

    client: Client
    addresses: Sequence[Address]
    #: The address it connects to; None: the host is an address itself.
    address: Address | None
    until: float


class PinnedClients:
    """Clients by host. Made in the loop that uses it; ``close`` it."""

    def __init__(
        self, clock: Clock, allowed: Sequence[Network], *, resolver: Resolve = resolve, trust: Sequence[bytes] = ()
    ) -> None:
        """``trust``: certificates (PEM) that are believed besides the system's."""
        self._clock = clock
        self._allowed = allowed
        self._resolve = resolver
        self._trust = trust
        self._clients: dict[tuple[str, bool], _Pinned] = {}
        self._pending: dict[tuple[str, bool], asyncio.Future[_Pinned]] = {}

    async def close(self) -> None:
        clients, self._clients = self._clients, {}
        for pinned in clients.values():
            await pinned.client.close()

    async def client(self, url: Url, *, own: bool = False) -> Client:
        """A client that reaches this address's host, and nothing else. ``own``: it is this installation, which is
        reached wherever it is. Raises Invalid for a host that must not be reached, Unreachable for an unknown name."""
        key = (url.origin_ascii, own)
        pinned = self._clients.get(key)
        if pinned is None or pinned.until <= self._clock.monotonic():
            pinned = await self._renewed(key, url)
        return pinned.client

    def other_address(self, url: Url, *, own: bool = False) -> bool:
        """After a connection that failed: go to the host's next address. False when there is none."""
        key = (url.origin_ascii, own)
        pinned = self._clients.get(key)
        if pinned is None or pinned.address is None or len(pinned.addresses) < 2:
            return False
        place = pinned.addresses.index(pinned.address) + 1
        if place >= len(pinned.addresses):
            del self._clients[key]
            return False
        self._clients[key] = self._made(url, pinned.addresses, pinned.addresses[place])
        return True

    async def _renewed(self, key: tuple[str, bool], url: Url) -> _Pinned:
        """Resolved once for all who wait."""
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = asyncio.ensure_future(self._resolved(key, url))
            pending.add_done_callback(lambda _: self._pending.pop(key, None))
        return await asyncio.shield(pending)

    async def _resolved(self, key: tuple[str, bool], url: Url) -> _Pinned:
        host = url.host_str or ""
        own = key[1]
        literal = _literal(host)
        if literal is not None:
            if not own and not may_reach(literal, self._allowed):
                raise private_network(host)
            pinned = self._clients.get(key) or self._made(url, (), None)
            pinned.until = float("inf")
        else:
            found = await self._resolve(host, url.port_or_known_default or 443)
            fitting = [address for address in found if own or may_reach(address, self._allowed)]
            if not fitting:
                raise private_network(host) if found else Unreachable(f"the name {host} cannot be found", begun=False)
            pinned = self._clients.get(key)
            if pinned is not None and pinned.address in fitting:
                pinned.addresses, pinned.until = fitting, self._clock.monotonic() + _LIFE
            else:
                pinned = self._made(url, fitting, fitting[0])
        self._clients[key] = pinned
        if len(self._clients) > _MAX_CLIENTS:
            # Its requests under way keep it; its idle connections are closed with it.
            del self._clients[next(iter(self._clients))]
        return pinned

    def _made(self, url: Url, addresses: Sequence[Address], address: Address | None) -> _Pinned:
        builder = (
            ClientBuilder()
            .http1_only()
            .no_proxy()
            .follow_redirects(False)
            .referer(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .connect_timeout(timedelta(seconds=_CONNECT_SECONDS))
            .pool_max_idle_per_host(_IDLE_CONNECTIONS)
            .user_agent(f"Syncom/{__version__}")
        )
        for certificate in self._trust:
            builder = builder.add_root_certificate_pem(certificate)
        if address is not None:
            builder = builder.resolve(url.host_str or "", str(address), url.port_or_known_default or 443)
        until = self._clock.monotonic() + _LIFE
        return _Pinned(client=builder.build(), addresses=addresses, address=address, until=until)


def _literal(host: str) -> Address | None:
    """The address that a host is, after the parser wrote it in its one form (``0x7f.1`` is 127.0.0.1 there)."""
    with suppress(ValueError):
        return ip_address(host.strip("[]"))
    return None


def request(
    client: Client, method: str, url: Url, headers: Headers, body: bytes | AsyncIterator[bytes] | None
) -> StreamRequest:
    """A request whose answer is streamed. Raises Invalid for headers that cannot be sent."""
    try:
        builder = client.request(method, url).headers(headers).streamed_read_buffer_limit(_READ_AHEAD)
        if isinstance(body, bytes):
            builder = builder.body_bytes(body)
        elif body is not None:
            builder = builder.body_stream(body)
        return builder.build_streamed()
    except (ValueError, UnicodeError):
        raise Invalid("headers", "cannot be sent: names are ASCII words, values have no line breaks") from None


def headers_of(raw: RawResponse) -> list[tuple[str, str]]:
    """Names in lower case, and values, in their order. A value that is not ASCII cannot be read and is left out."""
    headers: HeaderMap = raw.headers
    try:
        return list(headers.items())
    except ValueError:
        found: list[tuple[str, str]] = []
        for name in dict.fromkeys(headers):
            with suppress(ValueError):
                found += [(name, value) for value in headers.getall(name)]
        return found


async def next_piece(raw: RawResponse) -> bytes | None:
    """The next bytes of an answer, as they come; None at its end. Raises what :func:`trouble` translates."""
    piece = await raw.body_reader.read_chunk()
    return None if piece is None else piece.to_bytes()


def trouble(error: Exception, host: str) -> Unreachable:
    """What to raise for an error of the library. Says nothing of paths and queries: they may hold secrets."""
    if isinstance(error, ConnectTimeoutError):
        return TimedOut(f"{host} does not answer in time", begun=False)
    if isinstance(error, TimeoutError):
        return TimedOut(f"{host} did not answer in time", begun=True)
    causes: list[str] = []
    if isinstance(error, PyreqwestError):
        details: object = getattr(error, "details", None)
        with suppress(msgspec.ValidationError):
            causes = [cause.message for cause in msgspec.convert(details, _Details).causes or ()]
    if any("(Connect)" in cause for cause in causes):
        return Unreachable(f"{host} cannot be reached: {causes[-1][:200]}", begun=False)
    # The first cause names the address with its query.
    reason = causes[-1] if len(causes) > 1 and "http" not in causes[-1] else "the connection was lost"
    return Unreachable(f"{host} broke off: {reason[:200]}", begun=True)


class _Cause(msgspec.Struct):
    message: str


class _Details(msgspec.Struct):
    causes: list[_Cause] | None = None
