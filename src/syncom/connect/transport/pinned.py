"""Connections to checked addresses only.

The name of a host is resolved here, its addresses are checked (``outbound.py`` says which are public), and connections
are made to these addresses: between check and connection nobody asks DNS again. Literal addresses are checked as they
are. System proxies are not asked. A name is resolved again after a while; while it keeps the address, the connections
to it are kept.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

from pyreqwest.http import Url

from syncom import __version__
from syncom.clock import Clock
from syncom.connect.transport.wire import IDLE_SECONDS, Body, Broken, Headers, RawHeaders, Wire, head_of
from syncom.outbound import Address, Network, Unreachable, may_reach, private_network

#: Addresses of a host and a port.
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

#: Seconds for which the addresses of a name are believed.
_LIFE: Final = 45.0
#: Hosts whose connections are kept.
_MAX_HOSTS: Final = 256
_IDLE_CONNECTIONS: Final = 128
_CONNECT_SECONDS: Final = 10.0
_AGENT: Final = f"Syncom/{__version__}"
#: What may be asked again on a new connection, when a kept one turned out to be closed (RFC 9110, 9.2.2).
_ASKED_AGAIN: Final = frozenset({"GET", "HEAD"})


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


class Exchange:
    """One request and the head of its answer; its body comes piece by piece. ``close`` it."""

    __slots__ = ("_host", "_wire")

    def __init__(self, host: Host, wire: Wire) -> None:
        self._host = host
        self._wire = wire

    @property
    def status(self) -> int:
        return self._wire.status

    @property
    def headers(self) -> RawHeaders:
        """Names in lower case, and values, in their order."""
        return self._wire.headers

    async def read(self) -> bytes | None:
        """The next bytes as they come; None at the end. Raises Unreachable."""
        try:
            return await self._wire.read()
        except (Broken, TimeoutError) as error:
            raise self._host.trouble(error) from error

    def close(self) -> None:
        """What was read to its end is kept for the next request, anything else is closed."""
        self._host.give_back(self._wire)


class Host:
    """One origin, the addresses that were found for it, and connections to them."""

    def __init__(self, url: Url, trust: ssl.SSLContext | None) -> None:
        self.name = url.host_str or ""
        self._port = url.port_or_known_default or 443
        self._tls = trust if url.scheme == "https" else None
        shown = url.port
        #: As the header names it.
        self.authority = self.name if shown is None else f"{self.name}:{shown}"
        self.addresses: list[Address] = []
        self.until = 0.0
        self._idle: deque[Wire] = deque()
        self._closed = False

    async def exchange(
        self, method: str, url: Url, headers: Headers, body: Body, length: int | None, seconds: float
    ) -> Exchange:
        """Raises Invalid for what cannot be sent, Unreachable when there is no answer."""
        query = url.query_string
        target = url.path if query is None else f"{url.path}?{query}"
        head = head_of(method, target, self.authority, headers, body, length, _AGENT)
        while True:
            wire = self._kept()
            is_kept = wire is not None
            if wire is None:
                wire = await self._connected()
            try:
                await wire.ask(method, head, body, length, seconds)
                return Exchange(self, wire)
            except (Broken, TimeoutError) as error:
                wire.abort()
                # The app closed it in the moment in which it was used again.
                if is_kept and isinstance(error, Broken) and not error.heard and _may_ask_again(method, body):
                    continue
                raise self.trouble(error) from error
            except BaseException:
                wire.abort()
                raise

    def give_back(self, wire: Wire) -> None:
        if not wire.end():
            return
        if self._closed or len(self._idle) >= _IDLE_CONNECTIONS:
            wire.abort()
            return
        now = asyncio.get_running_loop().time()
        wire.idle_since = now
        self._idle.append(wire)
        while self._idle[0].idle_since < now - IDLE_SECONDS:
            self._idle.popleft().abort()

    def close(self) -> None:
        """Idle connections end at once, others when their exchange does."""
        self._closed = True
        while self._idle:
            self._idle.pop().abort()

    def trouble(self, error: Exception) -> Unreachable:
        """What to raise for a failed exchange. Says nothing of paths and queries: they may hold secrets."""
        if isinstance(error, TimeoutError):
            return TimedOut(f"{self.name} did not answer in time", begun=True)
        return Unreachable(f"{self.name} broke off: {str(error)[:200]}", begun=True)

    def _kept(self) -> Wire | None:
        """The connection that was used last: the others may rest and end."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle:
            wire = self._idle.pop()
            # Longer, and something between here and the app may have forgotten it without a word.
            if wire.usable and wire.idle_since >= oldest:
                return wire
            wire.abort()
        return None

    async def _connected(self) -> Wire:
        """A new connection to the first address that takes one. Raises Unreachable."""
        loop = asyncio.get_running_loop()
        failure: Unreachable | None = None
        for address in list(self.addresses):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    _, wire = await loop.create_connection(
                        Wire,
                        str(address),
                        self._port,
                        ssl=self._tls,
                        server_hostname=self.name.strip("[]") if self._tls is not None else None,
                    )
            except TimeoutError:
                failure = TimedOut(f"{self.name} does not answer in time", begun=False)
            except (OSError, ValueError) as error:
                words = str(error) or type(error).__name__
                failure = Unreachable(f"{self.name} cannot be reached: {words[:200]}", begun=False)
            else:
                if address is not self.addresses[0] and address in self.addresses:
                    # The next ones begin with the one that works.
                    self.addresses.remove(address)
                    self.addresses.insert(0, address)
                return wire
        raise failure or Unreachable(f"the name {self.name} cannot be found", begun=False)


class PinnedHosts:
    """Hosts by origin. Made in the loop that uses it; ``close`` it."""

    def __init__(
        self, clock: Clock, allowed: Sequence[Network], *, resolver: Resolve = resolve, trust: Sequence[bytes] = ()
    ) -> None:
        """``trust``: certificates (PEM) that are believed besides the system's."""
        self._clock = clock
        self._allowed = allowed
        self._resolve = resolver
        self._trust = trust
        self._tls: ssl.SSLContext | None = None
        self._hosts: dict[tuple[str, bool], Host] = {}
        self._pending: dict[tuple[str, bool], asyncio.Future[Host]] = {}

    def close(self) -> None:
        hosts, self._hosts = self._hosts, {}
        for host in hosts.values():
            host.close()

    async def host(self, url: Url, *, own: bool = False) -> Host:
        """The host of an address, to which requests can be sent. ``own``: it is this installation, which is reached
        wherever it is. Raises Invalid for a host that must not be reached, Unreachable for an unknown name."""
        key = (url.origin_ascii, own)
        host = self._hosts.get(key)
        if host is None or host.until <= self._clock.monotonic():
            host = await self._renewed(key, url)
        return host

    async def _renewed(self, key: tuple[str, bool], url: Url) -> Host:
        """Resolved once for all who wait."""
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = asyncio.ensure_future(self._resolved(key, url))
            pending.add_done_callback(lambda _: self._pending.pop(key, None))
        return await asyncio.shield(pending)

    async def _resolved(self, key: tuple[str, bool], url: Url) -> Host:
        name = url.host_str or ""
        own = key[1]
        literal = _literal(name)
        until = float("inf")
        if literal is not None:
            if not own and not may_reach(literal, self._allowed):
                raise private_network(name)
            fitting = [literal]
        else:
            found = await self._resolve(name, url.port_or_known_default or 443)
            fitting = [address for address in found if own or may_reach(address, self._allowed)]
            if not fitting:
                raise private_network(name) if found else Unreachable(f"the name {name} cannot be found", begun=False)
            until = self._clock.monotonic() + _LIFE
        host = self._hosts.get(key)
        if host is not None and host.addresses[0] not in fitting:
            # Connections to an address that is no longer this name's are not used again.
            host.close()
            host = None
        if host is None:
            host = self._hosts[key] = Host(url, self._context() if url.scheme == "https" else None)
            host.addresses = fitting
        else:
            host.addresses = [host.addresses[0], *(address for address in fitting if address != host.addresses[0])]
        host.until = until
        if len(self._hosts) > _MAX_HOSTS:
            # Its requests under way keep it; its idle connections are closed.
            oldest = next(iter(self._hosts))
            self._hosts.pop(oldest).close()
        return host

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
            for certificate in self._trust:
                self._tls.load_verify_locations(cadata=certificate.decode("ascii"))
        return self._tls


def _may_ask_again(method: str, body: Body) -> bool:
    return method in _ASKED_AGAIN and (body is None or isinstance(body, bytes))


def _literal(host: str) -> Address | None:
    """The address that a host is, after the parser wrote it in its one form (``0x7f.1`` is 127.0.0.1 there)."""
    with suppress(ValueError):
        return ip_address(host.strip("[]"))
    return None
