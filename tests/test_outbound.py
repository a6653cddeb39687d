"""The way out to other servers: nothing private is reached by any spelling, redirect or change of DNS."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.errors import Invalid
from syncom.outbound import OutboundClient, Unreachable, check_url, is_public, read_networks

_HERE = "127.0.0.1/32"
Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _server(handler: Handler) -> AsyncIterator[int]:
    """A server that reads the head of each request and lets ``handler`` write whatever it likes."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await handler(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def _answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    opened = OutboundClient(_HERE)
    yield opened
    await opened.close()


#: Ways to write loopback, private, link-local and reserved addresses.
_PRIVATE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://127.255.255.254:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:7f00:0001]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2002:a00:1::1]:{port}/",
    "http://user:pass@127.0.0.1:{port}/",
    "http://shop.example@127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127。0。0。1:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://192.168.1.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://100.64.0.1:{port}/",
    "http://198.18.0.1:{port}/",
    "http://240.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    "http://224.0.0.1:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[ff02::1]:{port}/",
]


@pytest.mark.parametrize("spelling", _PRIVATE)
async def test_no_spelling_of_a_private_address_reaches_a_server(
    spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    class Recorded(socket.socket):
        def __init__(self, family: int = -1, kind: int = -1, protocol: int = -1, fileno: int | None = None) -> None:
            made.append(family)
            super().__init__(family, kind, protocol, fileno)

    reached: list[bytes] = []

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        reached.append(head)
        writer.write(_answer(b"secret"))

    async with _server(handler) as port:
        guarded = OutboundClient()
        monkeypatch.setattr("syncom.outbound.socket.socket", Recorded)
        with pytest.raises((Invalid, Unreachable)):
            await guarded.call("GET", spelling.format(port=port), seconds=5)
        await guarded.close()
    assert not reached
    assert not made


@pytest.mark.parametrize("url", ["ftp://shop.example/", "file:///etc/passwd", "gopher://x", "//shop.example", "", "x"])
def test_other_schemes_and_half_addresses_are_refused(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_url("link", url)
    assert caught.value.fields[0].field == "link"


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_clear_refusal(text: str) -> None:
    try:
        url = check_url("link", text)
    except Invalid:
        return
    assert url.scheme in ("http", "https")
    assert url.host


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_counts_as_itself(inner: object) -> None:
    inside = ip_address(str(inner))
    for outer in (f"::ffff:{inner}", f"64:ff9b::{inner}"):
        assert is_public(ip_address(outer)) == is_public(inside)


def test_a_setting_names_networks() -> None:
    assert [str(network) for network in read_networks("10.1.0.0/16, 127.0.0.1")] == ["10.1.0.0/16", "127.0.0.1/32"]
    with pytest.raises(ValueError):
        read_networks("10.1.0.1/16")


async def test_a_network_that_the_operator_allows_is_reached(client: OutboundClient) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        assert b"User-Agent: Syncom/" in head
        writer.write(_answer(head.split(b" ")[1], "201 Created", "X-One: 1"))

    async with _server(handler) as port:
        answer = await client.call("POST", f"http://127.0.0.1:{port}/a?b=1", body=b"")
    assert (answer.status, answer.body, answer.headers["x-one"]) == (201, b"/a?b=1", "1")


async def test_a_name_that_changes_its_address_is_checked_where_it_is_connected(
    client: OutboundClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer of DNS is allowed, the second is not: only what is connected to counts."""
    addresses = iter(["127.0.0.1", "127.0.0.2"])

    async def resolve(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
        del self, family
        found = {"hostname": host, "host": next(addresses), "port": port, "proto": 6, "flags": 0}
        return [{**found, "family": socket.AF_INET}]

    monkeypatch.setattr("aiohttp.connector.DefaultResolver.resolve", resolve)

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(_answer(b"ok", "200 OK", "Connection: close"))

    async with _server(handler) as port:
        assert (await client.call("GET", f"http://one.example:{port}/")).body == b"ok"
        with pytest.raises(Invalid, match="private network"):
            await client.call("GET", f"http://two.example:{port}/")


async def test_a_redirect_is_an_answer_unless_it_is_asked_for(client: OutboundClient) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(_answer(b"", "302 Found", "Location: http://127.0.0.1:1/"))

    async with _server(handler) as port:
        assert (await client.call("GET", f"http://127.0.0.1:{port}/")).status == 302
        assert (await client.call("POST", f"http://127.0.0.1:{port}/", follow=3)).status == 302


async def test_credentials_stay_with_the_host_they_were_given_for(client: OutboundClient) -> None:
    heads: list[bytes] = []

    async def second(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(_answer(b"file"))

    async with _server(second) as there:

        async def first(head: bytes, writer: asyncio.StreamWriter) -> None:
            heads.append(head)
            writer.write(_answer(b"", "302 Found", f"Location: http://127.0.0.1:{there}/file"))

        async with _server(first) as here:
            url = f"http://user:secret@127.0.0.1:{here}/"
            headers = {"Cookie": "secret=1", "X-Kept": "1"}
            answer = await client.call("GET", url, headers=headers, follow=3)
    assert answer.body == b"file"
    assert b"Authorization: Basic" in heads[0]
    assert b"Cookie: secret=1" in heads[0]
    assert b"Authorization" not in heads[1]
    assert b"Cookie" not in heads[1]
    assert b"X-Kept: 1" in heads[1]


async def test_a_redirect_into_a_private_network_is_refused(client: OutboundClient) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(_answer(b"", "302 Found", "Location: http://127.0.0.2:1/"))

    async with _server(handler) as port:
        with pytest.raises(Invalid, match="private network"):
            await client.call("GET", f"http://127.0.0.1:{port}/", follow=3)


async def test_a_circle_of_redirects_ends_with_the_last_answer(client: OutboundClient) -> None:
    asked = 0

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        del head
        asked += 1
        writer.write(_answer(b"", "302 Found", "Location: /again"))

    async with _server(handler) as port:
        assert (await client.call("GET", f"http://127.0.0.1:{port}/", follow=5)).status == 302
    assert asked == 6


async def test_an_answer_that_is_too_long_is_cut_off(client: OutboundClient) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(_answer(b"x" * 200_000))

    async with _server(handler) as port:
        with pytest.raises(Unreachable, match="longer than 1000 bytes"):
            await client.call("GET", f"http://127.0.0.1:{port}/", limit=1000)


@pytest.mark.parametrize(
    "part", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"nonsense\r\n\r\n"]
)
async def test_a_server_that_breaks_off_may_have_acted(client: OutboundClient, part: bytes) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(part)
        await writer.drain()
        writer.close()

    async with _server(handler) as port:
        with pytest.raises(Unreachable) as caught:
            await client.call("POST", f"http://127.0.0.1:{port}/", body=b"{}")
    assert caught.value.begun


async def test_a_server_that_is_not_there_did_not_act(client: OutboundClient, free_port: int) -> None:
    with pytest.raises(Unreachable) as caught:
        await client.call("POST", f"http://127.0.0.1:{free_port}/", body=b"{}")
    assert not caught.value.begun


async def test_a_server_that_is_silent_is_given_up(client: OutboundClient) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head, writer
        await asyncio.sleep(30)

    async with _server(handler) as port:
        with pytest.raises(Unreachable, match="in time") as caught:
            await client.call("GET", f"http://127.0.0.1:{port}/", seconds=0.3)
    assert caught.value.begun


async def test_headers_cannot_smuggle_further_ones(client: OutboundClient, free_port: int) -> None:
    with pytest.raises(Invalid):
        await client.call("GET", f"http://127.0.0.1:{free_port}/", headers={"X-One": "1\r\nX-Two: 2"})


async def test_an_error_of_the_reader_is_its_own(client: OutboundClient) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(_answer(b"abc"))

    async with _server(handler) as port:
        with pytest.raises(FileNotFoundError):
            async with client.stream("GET", f"http://127.0.0.1:{port}/"):
                raise FileNotFoundError("the disk")
