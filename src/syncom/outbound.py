"""The one way out to other people's HTTP servers.

Whoever may name an address (a webhook, a file to import, a gateway) could name one of our own network. So every
connection is checked where it is made: at the socket, with the address it is about to connect to, which no spelling
of a URL, no change of DNS between check and use, and no redirect gets around. Loopback, private and reserved ranges
are refused unless the operator allows them (``SYNCOM_OUTBOUND_ALLOW``). Redirects are followed only when asked, each
checked again, and credentials stay with the host they were given for.

>>> client = OutboundClient(settings.outbound_allow)
>>> answer = await client.call("POST", "https://gateway.example/send", body=b"{}", limit=65536)
"""

from __future__ import annotations

import email.utils
import errno
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Set
from contextlib import asynccontextmanager
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import aiohttp
import msgspec
from multidict import CIMultiDictProxy
from yarl import URL

from syncom import __version__
from syncom.errors import Invalid, Upstream

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SCHEMES: Final = ("http", "https")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
#: Prefixes of IPv6 that carry an IPv4 address: NAT64 (RFC 6052) in its last 32 bits, 6to4 (RFC 3056) after 16 bits.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
#: All of global unicast (RFC 4291, 2.4). Outside of it are spellings of IPv4 addresses that some systems still follow
#: (``::127.0.0.1``, ``::ffff:0:127.0.0.1``), local NAT64 and site-local addresses, which Python calls global.
_UNICAST: Final = IPv6Network("2000::/3")
_PIECE: Final = 64 * 1024
_URL_LENGTH: Final = 8192
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]{0,2000}")
#: Of a server's words, for people to read.
_WORDS: Final = 200
_LONGEST_REST: Final = 86_400.0


class Unreachable(Upstream):
    """The other server gave no whole answer. ``begun``: the request may have reached it, so it may have acted."""

    code = "unreachable"

    def __init__(self, message: str, *, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. Names of headers are in any case."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose body is read piece by piece."""

    status: int
    headers: CIMultiDictProxy[str]
    pieces: AsyncIterator[bytes]


class _Refused(PermissionError):
    """An address that nothing may connect to. Never leaves this file."""


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks of a setting, separated by commas: ``10.1.0.0/16, 127.0.0.1``. Raises ValueError."""
    return tuple(ip_network(piece.strip()) for piece in text.split(",") if piece.strip())


def check_url(field: str, text: str) -> URL:
    """An absolute http or https address. Raises Invalid naming the field.

    Says nothing about where it leads: that is decided at each connection.
    """
    if len(text) > _URL_LENGTH:
        raise Invalid(field, f"must be at most {_URL_LENGTH} characters")
    if any(character <= " " or character == "\x7f" for character in text):
        raise Invalid(field, "must not contain blanks or control characters; encode them in percent form")
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise Invalid(field, "is not a valid address; it looks like https://shop.example/path") from None
    if url.scheme not in _SCHEMES or not url.host or not port:
        raise Invalid(field, "must begin with https:// or http:// and name a host")
    return url


def check_header(field: str, name: str, value: str | None, *, reserved: Set[str] = frozenset()) -> None:
    """A header that somebody names; ``value`` None: it is not known yet. ``reserved`` names are in lower case.

    Raises Invalid naming the field.
    """
    if not _HEADER_NAME.fullmatch(name) or name.lower() in reserved:
        raise Invalid(f"{field}.{name}", "is not a name that a header of one's own may have")
    if value is not None and not _HEADER_VALUE.fullmatch(value):
        raise Invalid(f"{field}.{name}", "must have at most 2,000 characters, all of them ASCII")


def refusal(status: int, body: bytes) -> str:
    """What is told of an answer that is none: ``answered 503: no room``, with the beginning of its words."""
    words = "".join(char if char.isprintable() else " " for char in body[:_WORDS].decode("utf-8", "replace"))
    return f"answered {status}: {words.strip()}".removesuffix(": ")


def retry_after(headers: Iterable[tuple[str, str]], now: datetime) -> float | None:
    """Seconds that a server asks to wait, a day at most (RFC 9110, 10.2.3: seconds or a date)."""
    text = next((value for name, value in headers if name.lower() == "retry-after"), "").strip()
    if not text:
        return None
    if text.replace(".", "", 1).isdecimal():
        return min(float(text), _LONGEST_REST)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0.0, min((moment - now).total_seconds(), _LONGEST_REST))
    except (ValueError, TypeError, OverflowError):
        return None


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, and so does the IPv4 address that it may carry inside."""
    if isinstance(address, IPv6Address):
        inner = _carried(address)
        if inner is not None:
            return is_public(inner)
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def may_reach(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether something of ours may connect to an address: a public one, or one the operator allows."""
    return is_public(address) or any(address in network for network in allowed)


def is_allowed(host: str, allowed: Iterable[Network]) -> bool:
    """Whether a host is an address that the operator allows; a name is none: it may lead elsewhere tomorrow."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in allowed)


def private_network(host: str) -> Invalid:
    """What is said of an address that must not be reached."""
    return Invalid("url", f"leads into a private network ({host}); an operator may allow it with SYNCOM_OUTBOUND_ALLOW")


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return None


class OutboundClient:
    """Kept connections to other servers, behind the guard. Made in the loop that uses it; ``close`` it."""

    def __init__(
        self, allow: str = "", *, connections: int = 100, repeats: bool = True, tls: ssl.SSLContext | None = None
    ) -> None:
        """``allow``: networks that are reachable though they are not public. ``tls``: other trust than the system's.

        ``repeats=False``: aiohttp does not repeat a GET or PUT by itself when its connection breaks, as it does
        otherwise (RFC 9110, 9.2.2): for servers where these have effects.
        """
        self._allowed = read_networks(allow)
        self._connections = connections
        self._repeats = repeats
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        method: str,
        url: str | URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        seconds: float = 30.0,
        limit: int = 1024 * 1024,
        follow: int = 0,
    ) -> Answer:
        """One request and its whole answer, of any status. See :meth:`stream` for the rest."""
        async with self.stream(
            method, url, headers=headers, body=body, seconds=seconds, limit=limit, follow=follow
        ) as answer:
            pieces = [piece async for piece in answer.pieces]
        return Answer(status=answer.status, headers=answer.headers, body=b"".join(pieces))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str | URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        seconds: float = 300.0,
        limit: int = 1024 * 1024 * 1024,
        follow: int = 0,
    ) -> AsyncGenerator[Stream]:
        """One request; the body of its answer as it comes.

        ``seconds`` is for everything, ``limit`` is bytes of the (unpacked) answer, ``follow`` redirects at most: of
        GET and HEAD only, never from https to http. Raises Invalid for an address that must not be reached,
        Unreachable when there is no answer, it is cut off, or it is too long.
        """
        target = check_url("url", url) if isinstance(url, str) else url
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, 15.0))
        given = _checked(headers or {})
        for hop in range(follow + 1):
            response = await self._answered(method, target, given, body, timeout)
            try:
                forward = _forward(method, target, response) if hop < follow else None
                if forward is None:
                    pieces = _pieces(response, target, limit)
                    yield Stream(status=response.status, headers=response.headers, pieces=pieces)
                    return
            finally:
                # What was read to its end goes back to the pool, anything else is closed.
                response.release()
            if forward.origin() != target.origin():
                given = {name: value for name, value in given.items() if name.lower() not in _SECRET_HEADERS}
            target = forward

    async def _answered(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """The head of an answer."""
        try:
            return await self._opened().request(
                method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=timeout,
                middlewares=() if self._repeats else (_Once(),),
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _trouble(error, url) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    socket_factory=self._socket,
                    ssl=self._tls if self._tls is not None else True,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"Syncom/{__version__}"},
                trust_env=False,
            )
        return self._session

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """The last step before a connection is made: the address is the one it goes to."""
        family, kind, protocol, _, place = info
        address = ip_address(str(place[0]).partition("%")[0])
        if not may_reach(address, self._allowed):
            raise _Refused(errno.EACCES, f"{address} is in a private or reserved network")
        return socket.socket(family, kind, protocol)


class _Once:
    """Lets a request go out once: the library's second attempt meets the error of the first."""

    def __init__(self) -> None:
        self._error: aiohttp.ClientError | None = None

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._error is not None:
            raise aiohttp.ClientError(str(self._error) or type(self._error).__name__) from self._error
        try:
            return await handler(request)
        except aiohttp.ClientError as error:
            self._error = error
            raise


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if any(character in name + value for character in "\r\n\0"):
            raise Invalid("headers", "must not contain line breaks or NUL")
    return dict(headers)


def _forward(method: str, url: URL, response: aiohttp.ClientResponse) -> URL | None:
    """Where a redirect leads, when it may be followed."""
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or not location or method not in ("GET", "HEAD"):
        return None
    forward = check_url("url", str(url.join(URL(location))))
    if url.scheme == "https" and forward.scheme != "https":
        raise Invalid("url", "is redirected from https to http, which is not followed")
    return forward


async def _pieces(response: aiohttp.ClientResponse, url: URL, limit: int) -> AsyncIterator[bytes]:
    size = 0
    while True:
        try:
            piece = await response.content.read(_PIECE)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _trouble(error, url) from error
        if not piece:
            return
        size += len(piece)
        if size > limit:
            response.close()
            raise Unreachable(f"the answer of {url.host} is longer than {limit} bytes", begun=True)
        yield piece


def _trouble(error: Exception, url: URL) -> Exception:
    """What to raise for an error of the library. The address is named without its credentials and its query."""
    host = url.host or ""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable(f"the name {host} cannot be found", begun=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        if "is in a private or reserved network" in str(error.os_error):
            return private_network(host)
        return Unreachable(f"{host} cannot be reached: {error.os_error}", begun=False)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Unreachable(f"{host} does not answer in time", begun=False)
    if isinstance(error, TimeoutError):
        return Unreachable(f"{host} did not answer in time", begun=True)
    if isinstance(error, aiohttp.InvalidURL):
        return Invalid("url", "is not a valid address")
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        return Invalid("headers", f"cannot be sent: {error}")
    return Unreachable(f"{host} broke off: {error or type(error).__name__}", begun=True)
