"""HTTP/1.1 towards an app in the thread of the loop: one connection, one request after the other.

The parser is llhttp by way of httptools, which serves the other side of this process too. Around it is only what
HTTP/1.1 asks of a client (RFC 9112): framing, back-pressure both ways, and when a connection may be used again. The
clients there are for Python hand each request to threads of their own, or spend more on it than all else that a call
through the proxy costs; that call is what this product is for (bench/proxy.py: 0.14 of the app's own pace with the
fastest of them).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from syncom.errors import Invalid

Headers = Sequence[tuple[str, str]]
RawHeaders = list[tuple[bytes, bytes]]
Body = bytes | AsyncIterator[bytes] | None

#: Bytes of an answer that wait for their reader before the app has to.
_READ_AHEAD: Final = 256 * 1024
#: Bytes of a head, interim answers and trailers included.
_MAX_HEAD: Final = 256 * 1024
#: Seconds for which a connection that nobody uses is worth keeping.
IDLE_SECONDS: Final = 60.0
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What no value may hold besides line breaks, which are counted (RFC 9110, 5.5).
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TARGET: Final = re.compile(r"[!-~]+")
#: Statuses whose answers end with their head (RFC 9112, 6.3).
_BODILESS: Final = frozenset({204, 304})
#: Methods that are understood to bring a body, so that none is said as well (RFC 9110, 8.6).
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_MAX_NAMES: Final = 2048
_names: set[str] = set()


class Broken(Exception):
    """There is no whole answer. Its text says what happened."""

    def __init__(self, reason: str, *, heard: bool) -> None:
        super().__init__(reason)
        #: Whether anything of an answer had come.
        self.heard = heard


def head_of(method: str, target: str, host: str, headers: Headers, body: Body, length: int | None, agent: str) -> bytes:
    """The head of a request; ``target`` is a path with its query, ``length`` that of a streamed body: else it goes in
    chunks. ``headers`` must not hold those that are made here. Raises Invalid for what cannot be sent.
    """
    if not _TARGET.fullmatch(target) or not _TOKEN.fullmatch(method):
        raise Invalid("path", "cannot be sent")
    names = {name.lower() for name, _ in headers}
    if not names <= _names:
        _learn(names)
    lines = [f"{method} {target} HTTP/1.1\r\nhost: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if "accept" not in names:
        lines.append("accept: */*")
    if "user-agent" not in names:
        lines.append(f"user-agent: {agent}")
    if isinstance(body, bytes):
        lines.append(f"content-length: {len(body)}")
    elif body is None:
        if method in _WITH_BODY:
            lines.append("content-length: 0")
    elif length is not None:
        lines.append(f"content-length: {length}")
    else:
        lines.append("transfer-encoding: chunked")
    head = "\r\n".join(lines)
    # A line break within a value would begin another header, or another request.
    if head.count("\r") != len(lines) or head.count("\n") != len(lines) or _CONTROL.search(head):
        raise _unsendable()
    try:
        return (head + "\r\n\r\n").encode("latin-1")
    except UnicodeError:
        raise _unsendable() from None


def _learn(names: set[str]) -> None:
    if not all(_TOKEN.fullmatch(name) for name in names):
        raise _unsendable()
    if len(_names) > _MAX_NAMES:
        _names.clear()
    _names.update(names)


def _unsendable() -> Invalid:
    return Invalid("headers", "cannot be sent: names are ASCII words, values have no line breaks")


class Wire(asyncio.Protocol):
    """A connection. Whoever holds it makes a request with :meth:`ask` and reads its answer to the end, or aborts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._parser = HttpResponseParser(self)
        self._lost = False
        #: Why the answer under way will never be whole.
        self._failure: Exception | None = None
        # The answer under way.
        self.status = 0
        #: Names in lower case, in their order.
        self.headers: RawHeaders = []
        self._method = ""
        self._head_size = 0
        self._has_head = False
        self._is_whole = True
        self._until_end = False
        self._may_stay = True
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._stopped = False
        # The request under way.
        self._sending: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        # Who waits, and until when. One timer of the loop looks after all waits of a connection, one after the other.
        self._waiting: asyncio.Future[None] | None = None
        self._seconds = 0.0
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.idle_since = 0.0

    # ------------------------------------------------------------ for whoever asks

    async def ask(self, method: str, head: bytes, body: Body, length: int | None, seconds: float) -> None:
        """Send a request and wait for the head of its answer: ``status`` and ``headers``.

        ``head`` is made by :func:`head_of`; ``length`` is that of a streamed body, when it was said.
        Raises Broken; TimeoutError when nothing moves for ``seconds``, and so for each wait that follows.
        """
        self._method = method
        self._seconds = seconds
        self._failure = None
        self._is_whole = self._has_head = self._until_end = False
        self._may_stay = True
        self._head_size = 0
        self.headers = []
        if body is None:
            self._transport.write(head)
        elif isinstance(body, bytes):
            self._transport.writelines([head, body])
        else:
            self._sending = self._loop.create_task(self._send(head, body, length))
        while not self._has_head:
            await self._news()

    async def read(self) -> bytes | None:
        """The next piece of the body as it came; None at its end. Raises Broken, TimeoutError."""
        while True:
            if self._pieces:
                piece = self._pieces.popleft()
                self._held -= len(piece)
                if self._stopped and self._held < _READ_AHEAD // 2 and not self._lost:
                    self._stopped = False
                    self._transport.resume_reading()
                return piece
            if self._is_whole:
                return None
            await self._news()

    def end(self) -> bool:
        """The holder is done. Whether the connection may be used again; if not, it is closed."""
        sent = self._sending is None or (self._sending.done() and not self._sending.cancelled())
        if self._is_whole and sent and self.usable and self._may_stay and not self._pieces:
            self._sending = None
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._sending is not None:
            self._sending.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._may_stay = False
        self._transport.abort()

    @property
    def usable(self) -> bool:
        return not self._lost and self._failure is None and not self._transport.is_closing()

    # ------------------------------------------------------------ waiting

    async def _news(self) -> None:
        """Until something comes."""
        if self._failure is not None:
            raise self._failure
        if self._lost:
            raise Broken("the connection was closed", heard=self._heard)
        self._until = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look_at_the_clock)
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        left = self._until - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_at_the_clock)
        else:
            self._fail(TimeoutError())

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        self._may_stay = False
        self._wake()

    @property
    def _heard(self) -> bool:
        return self._head_size > 0

    # ------------------------------------------------------------ a streamed request

    async def _send(self, head: bytes, body: AsyncIterator[bytes], length: int | None) -> None:
        """Runs beside the answer, which may come before the request is whole."""
        left = length
        try:
            self._transport.write(head)
            async for piece in body:
                if not piece:
                    continue
                if left is None:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                else:
                    left -= len(piece)
                    if left < 0:
                        # The app would take what is too much for the next request.
                        raise Broken("the body is longer than was said", heard=self._heard)
                    self._transport.write(piece)
                # The request moves: the time for the answer begins anew.
                self._until = self._loop.time() + self._seconds
                if self._room is not None:
                    await self._room
                    self._until = self._loop.time() + self._seconds
            if left is None:
                self._transport.write(b"0\r\n\r\n")
            elif left:
                raise Broken("the body is shorter than was said", heard=self._heard)
        except Exception as error:  # noqa: BLE001 - whatever the caller's stream raises ends the exchange
            self._fail(error)
            self._transport.abort()

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # ------------------------------------------------------------ what comes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._is_whole:
            # Nobody asked. It would be taken for the answer to the next request.
            self._may_stay = False
            self._lost = True
            self._transport.abort()
            return
        if not self._has_head:
            self._count(len(data))
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fail(Broken("it wants to speak another protocol", heard=True))
        except HttpParserError:
            self._fail(Broken("what it answers is not HTTP", heard=True))
        else:
            self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if not self._is_whole:
            if self._until_end and exc is None and self._failure is None:
                self._is_whole = True
            else:
                words = "the connection was closed" if exc is None else str(exc) or type(exc).__name__
                self._fail(Broken(words, heard=self._heard))
        self.resume_writing()
        self._wake()

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _MAX_HEAD and not self._has_head:
            self._fail(Broken(f"the head of its answer is longer than {_MAX_HEAD} bytes", heard=True))
            self._transport.abort()

    # ------------------------------------------------------------ called by the parser

    def on_message_begin(self) -> None:
        if self._is_whole:
            # A second answer behind the first.
            self._may_stay = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # After the head come trailers, which are not passed on.
        if not self._has_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._is_whole:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            return
        self.status = status
        self._has_head = True
        if self._method == "HEAD" or status in _BODILESS:
            # The parser does not know what was asked, and would wait for a body.
            self._may_stay = self._may_stay and _stays(self._parser, self.headers)
            self._is_whole = True
            self._parser = HttpResponseParser(self)
            return
        self._until_end = _goes_to_the_end(self.headers)

    def on_body(self, body: bytes) -> None:
        if self._is_whole:
            self._may_stay = False
            return
        self._pieces.append(body)
        self._held += len(body)
        if self._held > _READ_AHEAD and not self._stopped:
            self._stopped = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._is_whole:
            return
        if not self._has_head:
            # An interim answer (RFC 9110, 15.2): the real one follows.
            self.headers = []
            return
        self._is_whole = True
        if not self._parser.should_keep_alive():
            self._may_stay = False


def _goes_to_the_end(headers: RawHeaders) -> bool:
    """Whether an answer with a body ends where the connection does (RFC 9112, 6.3)."""
    has_length = False
    for name, value in headers:
        if name == b"transfer-encoding":
            return not value.lower().rstrip().endswith(b"chunked")
        has_length = has_length or name == b"content-length"
    return not has_length


def _stays(parser: HttpResponseParser, headers: RawHeaders) -> bool:
    """Whether the app keeps the connection, before the parser can say it."""
    said = b",".join([value.lower() for name, value in headers if name == b"connection"])
    if parser.get_http_version() == "1.1":
        return b"close" not in said
    return b"keep-alive" in said
