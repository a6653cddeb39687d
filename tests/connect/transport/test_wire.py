"""One connection, one request after the other: where answers begin and end, and when a connection is used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyreqwest.http import Url

from syncom.clock import SystemClock
from syncom.connect.transport.pinned import Exchange, PinnedHosts, TimedOut
from syncom.connect.transport.wire import Body, head_of
from syncom.errors import Invalid
from syncom.outbound import Unreachable, read_networks

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class App:
    """A server that answers with bytes; ``heads`` are the requests of each connection."""

    def __init__(self, hosts: PinnedHosts) -> None:
        self.hosts = hosts
        self.port = 0
        self.heads: list[list[bytes]] = []

    async def ask(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: Body = None,
        length: int | None = None,
        seconds: float = 5.0,
    ) -> Exchange:
        url = Url(f"http://127.0.0.1:{self.port}{path}")
        host = await self.hosts.host(url)
        return await host.exchange(method, url, headers, body, length, seconds)

    async def text(self, method: str = "GET", body: Body = None, length: int | None = None) -> tuple[int, bytes]:
        exchange = await self.ask(method, body=body, length=length)
        pieces = await _rest(exchange)
        exchange.close()
        return exchange.status, pieces


async def _rest(exchange: Exchange) -> bytes:
    pieces: list[bytes] = []
    while (piece := await exchange.read()) is not None:
        pieces.append(piece)
    return b"".join(pieces)


@asynccontextmanager
async def an_app(*answers: bytes, closes: bool = False) -> AsyncIterator[App]:
    """It gives one answer after the other on each connection; after the last it closes, if ``closes``."""
    hosts = PinnedHosts(SystemClock(), read_networks("127.0.0.1/32"))
    app = App(hosts)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads: list[bytes] = []
        app.heads.append(heads)
        try:
            for answer in answers:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
            if not closes:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    app.port = server.sockets[0].getsockname()[1]
    try:
        yield app
    finally:
        hosts.close()
        server.close()


@pytest.mark.parametrize(
    ("first", "method"),
    [
        (OK, "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "POST"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n", "GET"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "DELETE"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, "GET"),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "GET"),
    ],
)
async def test_an_answer_that_came_to_its_end_leaves_the_connection_for_the_next_request(
    first: bytes, method: str
) -> None:
    async with an_app(first, OK) as app:
        await app.text(method)
        assert await app.text() == (200, b"ok")
        assert len(app.heads) == 1


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        # What nobody asked for must not become the answer to the next request.
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ],
)
async def test_any_other_answer_takes_its_connection_with_it(first: bytes) -> None:
    async with an_app(first) as app:
        for _ in range(2):
            status, text = await app.text()
            assert status in (200, 204)
            assert text in (b"ok", b"")
        assert len(app.heads) == 2


async def test_what_comes_between_two_requests_is_never_an_answer() -> None:
    async with an_app(OK, OK) as app:
        exchange = await app.ask()
        assert await _rest(exchange) == b"ok"
        wire = exchange._wire
        exchange.close()
        wire.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        assert await app.text() == (200, b"ok")
        assert len(app.heads) == 2


async def test_an_answer_without_a_length_ends_where_the_connection_does() -> None:
    for head in (b"", b"Transfer-Encoding: gzip\r\n"):
        async with an_app(b"HTTP/1.1 200 OK\r\n" + head + b"\r\nall of it", closes=True) as app:
            assert await app.text() == (200, b"all of it")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf", "closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok", "not HTTP"),
        # Folded lines are obsolete, and read differently by everybody (RFC 9112, 5.2).
        (b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n", "not HTTP"),
        (b"<html>hello</html>\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "protocol|closed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, "head"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "head"),
        (b"", "closed"),
    ],
)
async def test_what_is_no_whole_answer_is_an_error(answer: bytes, words: str) -> None:
    async with an_app(answer, closes=True) as app:
        with pytest.raises(Unreachable, match=words) as failed:
            await app.text("POST", b"x")
        assert failed.value.begun


async def test_values_are_passed_as_they_came() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Name: J\xf6rg \xd0\x9f\r\nX-Many: 1\r\nX-Many: 2\r\nContent-Length: 0\r\n\r\n"
    async with an_app(head) as app:
        exchange = await app.ask()
        assert exchange.headers[:3] == [(b"x-name", b"J\xf6rg \xd0\x9f"), (b"x-many", b"1"), (b"x-many", b"2")]
        exchange.close()


async def test_a_kept_connection_that_was_closed_is_noticed_and_a_reading_request_made_anew() -> None:
    async with an_app(OK, b"", closes=True) as app:
        assert await app.text() == (200, b"ok")
        # The app reads this one and closes without a word.
        assert await app.text() == (200, b"ok")
        assert [len(heads) for heads in app.heads] == [2, 1]


async def test_nothing_is_asked_twice_that_may_have_effects() -> None:
    async with an_app(OK, b"", closes=True) as app:
        assert await app.text("POST", b"x") == (200, b"ok")
        with pytest.raises(Unreachable):
            await app.text("POST", b"x")
        assert [len(heads) for heads in app.heads] == [2]


async def _stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("length", [None, 9])
async def test_a_streamed_body_arrives_whole(length: int | None) -> None:
    got: list[bytes] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append((await reader.readuntil(b"\r\n\r\n")).lower())
        got.append(await (reader.readexactly(9) if length else reader.readuntil(b"0\r\n\r\n")))
        writer.write(OK)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    hosts = PinnedHosts(SystemClock(), read_networks("127.0.0.1/32"))
    app = App(hosts)
    app.port = server.sockets[0].getsockname()[1]
    assert await app.text("PUT", _stream(b"one", b"", b"two", b"end"), length) == (200, b"ok")
    if length:
        assert b"content-length: 9\r\n" in got[0]
        assert got[1] == b"onetwoend"
    else:
        assert b"transfer-encoding: chunked\r\n" in got[0]
        assert got[1] == b"3\r\none\r\n3\r\ntwo\r\n3\r\nend\r\n0\r\n\r\n"
    hosts.close()
    server.close()


@pytest.mark.parametrize("length", [2, 4])
async def test_a_body_of_another_length_than_was_said_is_cut_off(length: int) -> None:
    """What is too much would be the app's next request, with the credentials of this connection."""
    async with an_app(closes=False) as app:
        with pytest.raises(Unreachable, match="than was said"):
            await app.text("PUT", _stream(b"one"), length)


async def test_an_answer_before_the_end_of_the_request_is_the_answer_and_ends_the_connection() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.001)

    async with an_app(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!", OK) as app:
        assert await app.text("PUT", endless()) == (413, b"no!")
        assert await app.text() == (413, b"no!")
        assert len(app.heads) == 2


async def test_an_error_of_the_stream_is_the_caller_s_own() -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"x"
        raise ValueError("the caller's")

    async with an_app(closes=False) as app:
        with pytest.raises(ValueError, match="the caller's"):
            await app.text("PUT", breaks())


async def test_silence_has_an_end_and_what_moves_goes_on() -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(5):
            writer.write(b"x")
            await asyncio.sleep(0.1)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    hosts = PinnedHosts(SystemClock(), read_networks("127.0.0.1/32"))
    app = App(hosts)
    app.port = server.sockets[0].getsockname()[1]
    exchange = await app.ask(seconds=0.4)
    got = b""
    while len(got) < 5:
        got += await exchange.read() or b""
    with pytest.raises(TimedOut):
        await exchange.read()
    assert got == b"xxxxx"
    exchange.close()
    hosts.close()
    server.close()


async def test_whoever_is_cancelled_takes_the_connection_with_him() -> None:
    async with an_app(OK) as app:
        await app.text()
        task = asyncio.create_task(app.text())
        while len(app.heads[0]) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await app.text() == (200, b"ok")
        assert len(app.heads) == 2


@given(data=st.data())
async def test_an_answer_is_the_same_wherever_the_network_cuts_it(data: st.DataObject) -> None:
    body = data.draw(st.binary(max_size=60))
    chunks = data.draw(st.lists(st.binary(min_size=1, max_size=9), max_size=5))
    plain = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    whole = data.draw(st.sampled_from([plain, chunked]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=6)))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            writer.write(whole[start:end])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    hosts = PinnedHosts(SystemClock(), read_networks("127.0.0.1/32"))
    app = App(hosts)
    app.port = server.sockets[0].getsockname()[1]
    status, text = await app.text("POST", b"")
    assert (status, text) == ((200, body) if whole is plain else (201, b"".join(chunks)))
    hosts.close()
    server.close()


@given(value=st.text(max_size=30), name=st.text(max_size=10))
def test_no_header_begins_another_line(name: str, value: str) -> None:
    try:
        head = head_of("GET", "/x", "app.example", [(name, value)], None, None, "Syncom")
    except Invalid:
        return
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == 6
    assert f"\r\n{name}: {value}\r\n".encode("latin-1") in head
