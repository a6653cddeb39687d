"""Nothing private is reached, and no other host: by any spelling, name, change of DNS, redirect or path."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import pytest
import trustme
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from pyreqwest.http import Url

from syncom.connect.model import Authorisation, Connection, Effect, Operation
from syncom.connect.runs.model import RunFailed
from syncom.connect.transport.address import address, redirected
from syncom.errors import Forbidden, Invalid
from syncom.outbound import Address, Unreachable
from syncom.postgres.pool import Database
from tests.connect.app_house import CANARY, House, an_app, answer

#: Spellings of private, loopback, link-local and reserved places. ``{port}`` is where a server really listens.
_HOSTS = [
    # Loopback, in the forms of inet_aton and in other digits.
    *("127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0177.0000.0000.0001", "017700000001"),
    *("2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0x7F.0x0.0x0.0x1", "0x7f.0.1", "127.0x1", "127.0.0.01"),
    *(
        "127.0.0.1.",
        "127.1.",
        "2130706433.",
        "0x7f000001.",
        "00000000177.0.0.1",
        "127.0.0.0x1",
        "127.65535",
        "127.0.257",
    ),
    *("127.255.255.254", "127.0.0.2", "127.127.127.127", "0", "0.0.0.0", "0x0", "00", "0.0", "0.0.0.0."),
    *("①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "127.0.0.①", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "0ｘ7f.1"),
    *("%31%32%37.0.0.1", "127.0.0.%31", "%6c%6f%63%61%6c%68%6f%73%74", "127%2e0%2e0%2e1"),
    # Names of it.
    *(
        "localhost",
        "LOCALHOST",
        "localhost.",
        "LocalHost.",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "ｌｏｃａｌｈｏｓｔ",
        "local\u00adhost",
        "loc\u200balhost",
    ),
    *("localhost.localdomain", "ip6-localhost", "127.0.0.1.nip.io", "10.0.0.1.nip.io", "metadata.google.internal"),
    *("metadata", "instance-data", "kubernetes.default.svc", "router.lan", "private.rebind.example"),
    # IPv6, and what it may carry.
    *(
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000::0001]",
        "[::]",
        "[0::0]",
        "[::0001]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ),
    *("[0:0:0:0:0:ffff:7f00:0001]", "[::FFFF:7F00:0001]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]"),
    *("[::ffff:0:7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[64:ff9b::a00:1]"),
    *("[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2002:a00:1::1]", "[2002:c0a8:101::]", "[2002:a9fe:a9fe::]"),
    *(
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fe80::5efe:7f00:1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fec0::1]",
        "[ff02::1]",
    ),
    *("[ff0e::1]", "[100::1]", "[2001:db8::1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:0.0.0.0]"),
    # Private, shared and reserved ranges.
    *("10.0.0.1", "10.255.255.255", "167772161", "0xa.0.0.1", "012.0.0.1", "10.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.0.1", "192.168.1.1", "192.168.257", "3232235777", "0xc0a80101", "169.254.169.254", "169.254.1.1"),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "100.64.0.1", "100.127.255.254", "192.0.2.1"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    # With a log-in before it.
    *("user@127.0.0.1", "user:pass@127.0.0.1", "shop.example@127.0.0.1", "shop.example:80@127.0.0.1", "@127.0.0.1"),
    *("shop.example%40127.0.0.1", "shop.example#@127.0.0.1", "shop.example\\@127.0.0.1", "127.0.0.1\\@shop.example"),
    *("127.0.0.1#shop.example", "127.0.0.1?shop.example", "127.0.0.1;shop.example", "127.0.0.1%00.shop.example"),
    *("127.0.0.1\t", " 127.0.0.1", "127.0.0.1\n", "127.0.\r\n0.1", "shop.example,127.0.0.1", "[::1%25lo]", "[::1%lo]"),
]

_NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "10.0.0.1.nip.io": ["10.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "router.lan": ["192.168.1.1", "fe80::1"],
    "private.rebind.example": ["::ffff:127.0.0.1", "127.0.0.1", "fd00::1"],
    # A stand-in for the public internet, where nobody listens: what is not refused fails here.
    "public.example": ["127.0.0.1"],
}


async def _resolve(host: str, port: int) -> Sequence[Address]:
    found = _NAMES.get(host.lower().rstrip("."))
    if found is None:
        raise Unreachable(f"the name {host} cannot be found", begun=False)
    return [ip_address(text) for text in found]


@pytest.fixture
async def account_of(emptied_database: Database) -> int:
    async with emptied_database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Acme') RETURNING account_id")
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
async def strict(emptied_database: Database, account_of: int) -> AsyncIterator[House]:
    """Nothing private is allowed."""
    house = House(emptied_database, account_of, allow="", resolver=_resolve)
    yield house
    await house.transport.close()


@pytest.fixture
async def house(emptied_database: Database, account_of: int) -> AsyncIterator[House]:
    """127.0.0.1 stands for the public internet; all the rest of loopback is private."""
    house = House(emptied_database, account_of, resolver=_resolve)
    yield house
    await house.transport.close()


async def _ok(request: web.Request) -> web.Response:
    return answer({"path": request.raw_path})


async def _status(house: House, connection: Connection, path: str, method: str = "GET", **more: Any) -> int:
    authorisation = await house.connections.authorise(connection)
    async with house.transport.open(connection, authorisation, method, path, seconds=5, **more) as response:
        await response.whole(1_000_000)
        return response.status


def test_the_corpus_is_large() -> None:
    assert len(set(_HOSTS)) >= 140


async def test_no_spelling_of_a_private_host_is_reached_as_the_base_of_a_connection(strict: House) -> None:
    async with an_app(_ok) as app:
        for host in _HOSTS:
            for url in (f"http://{host}:{app.port}/", f"http://{host}:{app.port}"):
                connection = strict.connect(url)
                with pytest.raises((Invalid, Forbidden, Unreachable)):
                    await _status(strict, connection, "/secret")
                assert not app.asked, host


async def test_no_spelling_of_a_private_host_is_reached_by_an_action_or_a_raw_call(strict: House) -> None:
    async with an_app(_ok) as app:
        for host in _HOSTS[::5]:
            connection = strict.connect(f"http://{host}:{app.port}/")
            action = strict.action(connection, operation=Operation(method="GET", path="/x"))
            with pytest.raises(RunFailed):
                await strict.runs.run(strict.caller, connection, action, {})
            with pytest.raises(RunFailed):
                await strict.runs.request(strict.caller, connection, method="GET", path="/x")
            assert not app.asked, host
    assert CANARY not in await strict.records()


async def test_no_path_leads_to_another_host(house: House) -> None:
    """The other server listens at an address that may be reached: only the rule about hosts stands in between."""
    async with an_app(_ok) as app, an_app(_ok) as other:
        connection = house.connect(f"http://public.example:{app.port}/api", hosts=("*.listed.example",))
        there = f"127.0.0.1:{other.port}"
        paths = [
            *(
                f"{scheme}://{there}/x"
                for scheme in ("http", "HTTP", "https", "ftp", "file", "gopher", "ws", "javascript")
            ),
            *(f"//{there}/x", f"///{there}/x", f"////{there}", f"\\\\{there}\\x", f"/\\{there}/x", f"\\/{there}/x"),
            *(
                f"@{there}/x",
                f":80@{there}/x",
                f".{there}/x",
                f"#@{there}/x",
                f"?@{there}/x",
                f"/@{there}",
                f";@{there}",
            ),
            *(
                f"http:{there}/x",
                f"http:/{there}/x",
                f"http:\\\\{there}\\x",
                f"http:///{there}/x",
                f" http://{there}/x",
            ),
            *(f"\thttp://{there}", f"ht\ntp://{there}/x", f"http://public.example:{app.port}@{there}/x"),
            *(f"http://public.example:{app.port}\\@{there}/x", f"http://{there}#public.example:{app.port}/"),
            *(f"http://{there}?public.example:{app.port}/", f"http://{there}%2f@public.example:{app.port}/"),
            *(f"http://user:pass@public.example:{app.port}/x", f"http://listed.example@{there}/", f"/../../{there}"),
            *(
                f"/%2e%2e/{there}",
                f"/..%2f..%2f{there}",
                "/.%2e/x",
                "/..;/x",
                "/..",
                "..",
                "/a/../../..",
                "/%2E%2e%5cx",
            ),
            *(f"/%0d%0aHost:%20{there}", f"/x HTTP/1.1\r\nHost: {there}", f"/x\r\n\r\nGET http://{there}/ HTTP/1.1"),
            *(
                f"http://public.example:{other.port}/x",
                "http://public.example./x",
                f"http://evil-listed.example:{other.port}",
            ),
            *(f"http://listed.example:{other.port}/", f"http://a.listed.example.evil.example:{other.port}/", "http://"),
            *(f"{there}/x", f"/{there}/x", f"/http://{there}/x", f"/x?url=http://{there}/", f"/x/http://{there}/"),
        ]
        for path in paths:
            with suppress(Invalid, Forbidden, Unreachable):
                await _status(house, connection, path)
            assert not other.asked, path
        assert {request.host for request in app.asked} == {f"public.example:{app.port}"}
        assert all(request.raw_path.startswith("/api") for request in app.asked)


_SCRAPS = [
    *("/", "//", "\\", "@", ":", "?", "#", "..", ".", "%2e", "%2f", "%5c", "%00", "%", ";", "*", "&x=1", "a", "é"),
    *("http:", "https://", "evil.example", "base.example", "[::1]", "127.0.0.1", " ", "\t", "\r\n", "\ud800"),
]
_TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(_SCRAPS),
        max_size=8,
    ).map("".join),
)


@given(path=_TEXTS, value=_TEXTS)
@example(path="https://base.example@evil.example/", value="")
@example(path="https://base.example:443/x", value="")
@example(path="?a=1#b", value="&c")
def test_whatever_path_is_given_the_host_stays(path: str, value: str) -> None:
    for base in ("https://base.example/api/v1", "https://base.example"):
        try:
            url = address(base, path, [("q", value)])
        except (Invalid, Forbidden):
            continue
        assert (url.scheme, url.host_str, url.port_or_known_default) == ("https", "base.example", 443)
        assert (url.username, url.password) == ("", None)
        again = Url(str(url))
        assert again.host_str == "base.example"
        if not path.lower().startswith("https://"):
            assert url.path.startswith("/api/v1") or base.endswith("example")
        assert not {"..", "."} & set(url.path.split("/"))
        assert url.query_dict_multi_value["q"] == value.encode("utf-8", "replace").decode() or "q=" in path


@given(location=_TEXTS)
@example(location="//evil.example/")
@example(location="\\\\evil.example/")
@example(location="http://base.example/")
def test_wherever_a_redirect_leads_the_host_stays(location: str) -> None:
    start = address("https://base.example/api", "/x")
    try:
        url = redirected(start, location, "https://base.example/api")
    except (Invalid, Forbidden):
        return
    assert (url.scheme, url.host_str) == ("https", "base.example")


def test_listed_hosts_are_taken_as_they_are_written() -> None:
    hosts = ("api.shop.example", "*.files.example", "special.example:8443")
    for path in (
        "https://api.shop.example/x",
        "https://API.SHOP.EXAMPLE/x",
        "https://a.files.example/x",
        "https://a.b.files.example",
        "https://special.example:8443/",
        "https://base.example/elsewhere",
    ):
        assert address("https://base.example/api", path, hosts=hosts)
    for path in (
        "http://api.shop.example/x",
        "https://api.shop.example:8443/x",
        "https://files.example/x",
        "https://evilfiles.example/x",
        "https://special.example/",
        "https://shop.example/",
        "https://base.example:444/",
    ):
        with pytest.raises(Forbidden):
            address("https://base.example/api", path, hosts=hosts)


# ---------------------------------------------------------------- names that change, redirects, TLS


async def test_a_name_that_changes_its_address_is_checked_again_and_never_in_between(
    emptied_database: Database, account_of: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2", "127.0.0.1"]]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address(text) for text in answers[min(len(asked), len(answers)) - 1]]

    house = House(emptied_database, account_of, resolver=resolve)
    moment = house.clock.monotonic()
    monkeypatch.setattr(house.clock, "monotonic", lambda: moment)
    async with an_app(_ok) as app:
        connection = house.connect(f"http://shop.example:{app.port}")
        for _ in range(5):
            assert await _status(house, connection, "/") == 200
        assert len(asked) == 1
        moment += 60
        with pytest.raises(Invalid, match="private network"):
            await _status(house, connection, "/")
        moment += 60
        # Of several addresses only those that may be reached are used.
        assert await _status(house, connection, "/") == 200
        assert len(asked) == 3
    await house.transport.close()


async def test_the_next_address_of_a_host_is_tried(emptied_database: Database, account_of: int) -> None:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address("127.0.0.3"), ip_address("127.0.0.1")]

    house = House(emptied_database, account_of, allow="127.0.0.0/8", resolver=resolve)
    async with an_app(_ok) as app:
        assert await _status(house, house.connect(f"http://shop.example:{app.port}"), "/") == 200
    await house.transport.close()


async def test_a_redirect_stays_with_the_hosts_of_the_connector(house: House) -> None:
    async with an_app(_ok) as other:

        async def handler(request: web.Request) -> web.Response:
            places = {"/out": f"http://127.0.0.1:{other.port}/x", "/on": "/ok?a=1", "/private": "http://127.0.0.2:1/"}
            if request.path in places:
                return web.Response(status=302, headers={"Location": places[request.path]})
            return answer({"ok": request.headers.get("Authorization")})

        async with an_app(handler) as app:
            connection = house.connect(f"http://public.example:{app.port}")
            assert await _status(house, connection, "/on", follow=3) == 200
            for path in ("/out", "/private"):
                with pytest.raises(Forbidden):
                    await _status(house, connection, path, follow=3)
                assert await _status(house, connection, path) == 302
            assert not other.asked
            listed = house.connect(f"http://public.example:{app.port}", hosts=(f"127.0.0.1:{other.port}",))
            assert await _status(house, listed, "/out", follow=3) == 200


async def test_system_proxies_are_not_used(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_app(_ok) as app, an_app(_ok) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert await _status(house, house.connect(f"http://public.example:{app.port}"), "/") == 200
        assert not proxy.asked


async def test_tls_is_checked_against_the_name_and_not_the_address(emptied_database: Database, account_of: int) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.example").configure_cert(context)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address("127.0.0.1")]

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    house = House(emptied_database, account_of, resolver=resolve, trust=[authority.cert_pem.bytes()])
    assert await _status(house, house.connect(f"https://shop.example:{port}"), "/") == 200
    with pytest.raises(Unreachable):
        await _status(house, house.connect(f"https://other.example:{port}"), "/")
    stranger = House(emptied_database, account_of, resolver=resolve)
    with pytest.raises(Unreachable):
        await _status(stranger, stranger.connect(f"https://shop.example:{port}"), "/")
    server.close()
    await house.transport.close()
    await stranger.transport.close()


async def test_this_installation_is_reached_by_its_own_connector_only(strict: House) -> None:
    async with an_app(_ok) as app, an_app(_ok) as other:
        base = f"{app.url}/api"
        authorisation = Authorisation(base_url=base, own=True)
        own = strict.connect(base, authorisation, own=True, hosts=(f"127.0.0.1:{other.port}",))
        assert await _status(strict, own, "/v1/contacts") == 200
        for connection in (
            strict.connect(base, authorisation),
            strict.connect(base, Authorisation(base_url=base), own=True),
        ):
            with pytest.raises(Invalid, match="private network"):
                await _status(strict, connection, "/")
        # What it lists beside itself is as far away as for everybody.
        with pytest.raises(Invalid, match="private network"):
            await _status(strict, own, f"{other.url}/x")
        assert len(app.asked) == 1
        assert not other.asked


# ---------------------------------------------------------------- what is sent


async def test_what_authorises_cannot_be_said_a_second_time(house: House) -> None:
    async with an_app(_ok) as app:
        authorisation = Authorisation(
            base_url=app.url,
            headers={"X-Api-Key": "real"},
            query={"key": "real"},
            cookies={"session": "real"},
            secrets=("real",),
        )
        connection = house.connect(app.url, authorisation, headers={"Accept": "x/y", "X-Kept": "1"})
        await _status(
            house,
            connection,
            "/x?key=mine&a=1&%6bey=mine",
            query=[("key", "mine"), ("b", "2")],
            headers=[("x-api-key", "mine"), ("Accept", "application/json"), ("Content-Length", "5")],
            cookies=[("session", "mine"), ("other", "1")],
        )
        request = app.asked[0]
    assert request.raw_path == "/x?a=1&b=2&key=real"
    assert request.headers.getall("X-Api-Key") == ["real"]
    assert request.headers.getall("Accept") == ["application/json"]
    assert request.headers["X-Kept"] == "1"
    assert request.headers["Cookie"] == "other=1; session=real"


async def test_headers_cannot_smuggle_further_ones(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        for headers in ([("X-A", "1\r\nX-B: 2")], [("X A", "1")], [("X-A\n", "1")], [("", "1")]):
            with pytest.raises(Invalid):
                await _status(house, connection, "/", headers=headers)
        assert not app.asked


async def test_writes_are_not_repeated_by_the_client_itself(house: House) -> None:
    """A kept connection that the app closes at the moment of the next request."""
    asked = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    connection = house.connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    writing = house.action(
        connection, operation=Operation(method="POST", path="/"), effect=Effect.WRITE, idempotent=False
    )
    await house.runs.run(house.caller, connection, writing, {})
    with pytest.raises(RunFailed, match="is not known"):
        await house.runs.run(house.caller, connection, writing, {})
    assert asked == 2
    server.close()
