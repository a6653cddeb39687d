"""The proxy before a real server: what goes to the app, what comes back, what is cut off."""

from __future__ import annotations

import asyncio
import gzip
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import msgspec
import pytest
import uvicorn
from aiohttp import web
from yarl import URL

from syncom.connect.model import Authorisation, Caller, Connection, Fault, Restrictions
from syncom.errors import Unauthorized
from syncom.http.headers import Headers
from syncom.http.membrane.app import MembraneApi
from syncom.http.membrane.proxy import Proxy, proxy_mounts
from syncom.http.metrics import Metrics
from syncom.http.server import QuietServer
from syncom.postgres.pool import Database
from syncom.settings import Settings
from tests.connect.app_house import CANARY, House, an_app, answer
from tests.http.membrane.notes_app import KEY, document
from tests.http.membrane.world import World


class Tenants:
    """Tokens and whom they stand for."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}

    def known(self, token: str) -> Caller | None:
        return self.callers.get(token)

    async def authenticate(self, token: str) -> Caller:
        found = self.callers.get(token)
        if found is None:
            raise Unauthorized("no such token")
        return found


class Front:
    """A running server with the proxy, and a client of it."""

    def __init__(self, house: House, tenants: Tenants, url: str, session: aiohttp.ClientSession) -> None:
        self.house = house
        self.tenants = tenants
        self.url = url
        self.session = session

    def at(self, connection: Connection, rest: str, form: str = "proxy") -> URL:
        return URL(f"{self.url}/membrane/connections/{connection.connection_id}/{form}{rest}", encoded=True)

    async def ask(
        self, connection: Connection, rest: str, method: str = "GET", token: str = "good", **more: Any
    ) -> tuple[int, bytes, aiohttp.ClientResponse]:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        form = more.pop("form", "proxy")
        url = self.at(connection, rest, form)
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **more) as response:
            return response.status, await response.read(), response

    def allow(self, token: str, **restrictions: Any) -> None:
        self.tenants.callers[token] = msgspec.structs.replace(
            self.house.caller, restrictions=Restrictions(**restrictions)
        )


@pytest.fixture
async def front(emptied_database: Database) -> AsyncIterator[Front]:
    async with emptied_database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Acme') RETURNING account_id")
        ).fetchone()
    assert row is not None
    async with _served(House(emptied_database, int(row[0]))) as made:
        yield made


@asynccontextmanager
async def _served(house: House) -> AsyncIterator[Front]:
    tenants = Tenants()
    tenants.callers["good"] = house.caller
    proxy = Proxy(tenants, house.connections, house.transport, house.doubts, house.clock)
    stub = cast("Any", SimpleNamespace(settings=Settings()))
    api = MembraneApi(stub, stub, stub, methods=(), mounts=proxy_mounts(lambda _: proxy))
    config = uvicorn.Config(
        Headers(api, secure=False, metrics=Metrics()),
        host="127.0.0.1",
        port=0,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Front(house, tenants, f"http://127.0.0.1:{port}", session)
    server.should_exit = True
    await running
    await house.transport.close()


async def _echo(request: web.Request) -> web.Response:
    return answer(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode("utf-8", "replace"),
        },
        201,
        X_One="1",
    )


async def test_a_request_is_passed_on_with_the_credentials_and_its_answer_back(front: Front) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(f"{app.url}/api/v1", headers={"X-Version": "3"})
        status, body, response = await front.ask(
            connection,
            "/a%2Fb/c%20d?x=1&y=a%2Bb&y=2",
            "POST",
            data=b"hello",
            headers={
                "Cookie": "a=1",
                "X-Request-Id": "r",
                "X-Real-IP": "1.2.3.4",
                "X-Forwarded-For": "1.2.3.4",
                "X-Forwarded-Proto": "https",
                "Forwarded": "for=1.2.3.4",
                "membrane-api-version": "2025-10-21",
                "API-Version": "1.0",
                "Connection": "X-Hop",
                "X-Hop": "1",
                "TE": "trailers",
                "X-Kept": "ü".encode().decode("latin-1"),
                "Content-Type": "text/plain",
            },
        )
    said = msgspec.json.decode(body)
    assert status == 201
    assert said["method"] == "POST"
    assert said["path"] == "/api/v1/a%2Fb/c%20d?x=1&y=a%2Bb&y=2"
    assert said["body"] == "hello"
    assert said["headers"]["authorization"] == f"Bearer {CANARY}"
    assert said["headers"]["host"] == f"127.0.0.1:{app.port}"
    assert said["headers"]["x-version"] == "3"
    assert said["headers"]["content-type"] == "text/plain"
    assert said["headers"]["content-length"] == "5"
    gone = {"cookie", "x-request-id", "x-real-ip", "forwarded", "api-version", "membrane-api-version", "x-hop", "te"}
    assert not gone & set(said["headers"])
    assert not [name for name in said["headers"] if name.startswith("x-forwarded")]
    assert response.headers["x-membrane-upstream"] == "1"
    assert response.headers["x-one"] == "1"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"])
async def test_every_method_of_the_contract_is_passed_on(front: Front, method: str) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(app.url)
        status, body, response = await front.ask(connection, "/x", method)
        assert status == 201
        assert app.asked[0].method == method
        if method == "HEAD":
            assert body == b""
            assert int(response.headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "BREW"])
async def test_other_methods_are_refused(front: Front, method: str) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(app.url)
        if method == "CONNECT":
            return
        await front.ask(connection, "/x", method)
        assert not app.asked


async def test_headers_about_the_app_s_own_origin_do_not_become_ours(front: Front) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(
            body=gzip.compress(b"packed"),
            headers=[
                ("Content-Encoding", "gzip"),
                ("Set-Cookie", "session=1"),
                ("Strict-Transport-Security", "max-age=1"),
                ("Content-Security-Policy", "script-src *"),
                ("Access-Control-Allow-Origin", "https://evil.example"),
                ("Link", "<a>; rel=next"),
                ("Link", "<b>; rel=prev"),
                ("Keep-Alive", "timeout=5"),
            ],
        )

    async with an_app(handler) as app:
        connection = front.house.connect(app.url)
        status, body, response = await front.ask(connection, "/", headers={"Accept-Encoding": "gzip"})
    assert (status, gzip.decompress(body)) == (200, b"packed")
    assert response.headers.getall("link") == ["<a>; rel=next", "<b>; rel=prev"]
    assert "set-cookie" not in response.headers
    assert "strict-transport-security" not in response.headers
    assert "access-control-allow-origin" not in response.headers
    assert "script-src *" not in response.headers["content-security-policy"]
    assert len(response.headers.getall("date")) == 1


async def test_a_redirect_is_an_answer(front: Front) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.2:1/secret"})

    async with an_app(handler) as app:
        status, _, response = await front.ask(front.house.connect(app.url), "/")
        assert (status, response.headers["location"]) == (302, "http://127.0.0.2:1/secret")
        assert len(app.asked) == 1


async def test_older_and_enveloped_forms_do_the_same(front: Front) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(f"{app.url}/v1")
        _, body, _ = await front.ask(connection, "/users?a=1", "POST", form="api", data=b"{}")
        assert msgspec.json.decode(body)["path"] == "/v1/users?a=1"
        envelope = {
            "path": "/users/{id}/posts/:post?a=1",
            "method": "patch",
            "pathParameters": {"id": "a/b", "post": 7},
            "query": {"b": ["1", "2"], "c": True},
            "headers": {"X-Two": "2", "Authorization": "mine", "X-Forwarded-For": "1.1.1.1"},
            "data": {"title": "x"},
        }
        status, body, response = await front.ask(connection, "", "POST", form="request", json=envelope)
    said = msgspec.json.decode(body)
    assert (status, response.headers["x-membrane-upstream"]) == (201, "1")
    assert (said["method"], said["path"]) == ("PATCH", "/v1/users/a%2Fb/posts/7?a=1&b=1&b=2&c=true")
    assert said["body"] == '{"title":"x"}'
    assert said["headers"]["x-two"] == "2"
    assert said["headers"]["content-type"] == "application/json"
    assert said["headers"]["authorization"] == f"Bearer {CANARY}"
    assert "x-forwarded-for" not in said["headers"]


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"path": 1},
        {"path": "/x", "method": "TRACE"},
        {"path": "/x/{id}", "pathParameters": {"other": "1"}},
        {"path": "/x/{id}", "pathParameters": {"id": ".."}},
        {"path": "http://evil.example/"},
        {"path": "//evil.example/"},
        {"path": "/x", "headers": {"X-A": "1\r\nX-B: 2"}},
    ],
)
async def test_an_envelope_that_makes_no_sense_is_refused_and_nothing_is_sent(
    front: Front, envelope: dict[str, Any]
) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(app.url)
        status, body, response = await front.ask(connection, "", "POST", form="request", json=envelope)
        assert status in (400, 403, 405)
        assert msgspec.json.decode(body)["type"] == "bad_request"
        assert "x-membrane-upstream" not in response.headers
        assert not app.asked


async def test_a_full_address_goes_to_hosts_of_the_connector_only(front: Front) -> None:
    async with an_app(_echo) as app, an_app(_echo) as other, an_app(_echo) as listed:
        connection = front.house.connect(f"{app.url}/v1", hosts=(f"127.0.0.1:{listed.port}",))
        _, body, _ = await front.ask(connection, f"/{app.url}/other?a=1")
        assert msgspec.json.decode(body)["path"] == "/other?a=1"
        status, _, _ = await front.ask(connection, f"/{listed.url}/y")
        assert (status, listed.paths) == (201, ["/y"])
        status, body, _ = await front.ask(connection, f"/{other.url}/y")
        assert (status, msgspec.json.decode(body)["key"]) == (403, "access_denied")
        assert not other.asked


# ---------------------------------------------------------------- who may


async def test_restricted_and_foreign_tokens_do_what_they_may(front: Front) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(app.url)
        front.allow("reader", read_only=True)
        front.allow("runner", actions=frozenset({"x"}))
        front.allow("elsewhere", connections=frozenset({"0" * 24}))
        front.tenants.callers["stranger"] = msgspec.structs.replace(front.house.caller, tenant_id="0" * 24)
        assert (await front.ask(connection, "/", "GET", "reader"))[0] == 201
        assert (await front.ask(connection, "/", "POST", "reader"))[0] == 403
        envelope = {"path": "/", "method": "DELETE"}
        assert (await front.ask(connection, "", "POST", "reader", form="request", json=envelope))[0] == 403
        assert (await front.ask(connection, "/", "GET", "runner"))[0] == 403
        assert (await front.ask(connection, "/", "GET", "elsewhere"))[0] == 404
        assert (await front.ask(connection, "/", "GET", "stranger"))[0] == 404
        status, body, response = await front.ask(connection, "/", "GET", "forged")
        assert (status, msgspec.json.decode(body)["key"]) == (401, "not_authenticated")
        assert "x-membrane-upstream" not in response.headers
        assert len(app.asked) == 1


async def test_a_revoked_connection_ends_within_seconds(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(app.url)
        assert (await front.ask(connection, "/"))[0] == 201
        del front.house.connections.known[connection.connection_id]
        now = front.house.clock.monotonic()
        monkeypatch.setattr(front.house.clock, "monotonic", lambda: now + 2.1)
        assert (await front.ask(connection, "/"))[0] == 404


# ---------------------------------------------------------------- credentials that end


async def _only_fresh(request: web.Request) -> web.Response:
    if request.headers["Authorization"] == "Bearer fresh":
        return answer({"body": len(await request.read())})
    return answer({"error": "expired"}, 401)


def _renews(front: Front, connection: Connection, base_url: str) -> None:
    front.house.connections.renewed[connection.connection_id] = Authorisation(
        base_url=base_url, headers={"Authorization": "Bearer fresh"}, generation=1
    )


async def test_a_401_renews_once_and_the_same_body_is_sent_again(front: Front) -> None:
    async with an_app(_only_fresh) as app:
        connection = front.house.connect(app.url)
        _renews(front, connection, app.url)
        status, body, _ = await front.ask(connection, "/", "POST", data=b"x" * 100_000)
        assert (status, msgspec.json.decode(body)) == (200, {"body": 100_000})
        assert len(app.asked) == 2
        assert (await front.ask(connection, "/"))[0] == 200
        assert len(app.asked) == 3


async def test_a_streamed_body_is_sent_once_and_the_401_is_the_answer(front: Front) -> None:
    async with an_app(_only_fresh) as app:
        connection = front.house.connect(app.url)
        _renews(front, connection, app.url)
        status, _, response = await front.ask(connection, "/", "POST", data=b"x" * 2_000_000)
        assert (status, response.headers["x-membrane-upstream"]) == (401, "1")
        assert len(app.asked) == 1


async def test_a_401_that_stays_is_passed_on_and_the_connection_is_marked(front: Front) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({"error": "no"}, 401)

    async with an_app(handler) as app:
        connection = front.house.connect(app.url)
        front.house.connections.fault = Fault(type="connection", key="invalid", message="refused")
        status, body, response = await front.ask(connection, "/")
        assert (status, msgspec.json.decode(body)) == (401, {"error": "no"})
        assert response.headers["x-membrane-upstream"] == "1"
        await front.house.doubts.settle()
        assert front.house.connections.defunct == [connection.connection_id]


# ---------------------------------------------------------------- apps that fail


@asynccontextmanager
async def _rude(answered: bytes, *, hang: bool = False) -> AsyncIterator[str]:
    """A server that says this and closes, or hangs."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answered)
        await writer.drain()
        if not hang:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()


@pytest.mark.parametrize(
    "answered",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    ],
)
async def test_an_app_without_an_answer_is_an_error_of_the_connection(front: Front, answered: bytes) -> None:
    async with _rude(answered) as url:
        status, body, response = await front.ask(front.house.connect(url), "/")
    said = msgspec.json.decode(body)
    assert (status, said["type"], said["key"]) == (502, "connection", "unreachable")
    assert "x-membrane-upstream" not in response.headers
    assert CANARY not in body.decode()


async def test_an_app_that_is_not_there_is_an_error_of_the_connection(front: Front, free_port: int) -> None:
    status, body, _ = await front.ask(front.house.connect(f"http://127.0.0.1:{free_port}"), "/")
    assert (status, msgspec.json.decode(body)["key"]) == (502, "unreachable")


async def test_an_app_that_hangs_is_a_time_out(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncom.http.membrane.proxy.SECONDS", 0.3)
    async with _rude(b"", hang=True) as url:
        status, body, _ = await front.ask(front.house.connect(url), "/")
    assert (status, msgspec.json.decode(body)["key"]) == (504, "upstream_timeout")


@pytest.mark.parametrize(
    "answered",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"half":\r\n',
    ],
)
@pytest.mark.parametrize("hang", [False, True])
async def test_half_an_answer_is_never_taken_for_a_whole_one(
    front: Front, answered: bytes, hang: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncom.http.membrane.proxy.SECONDS", 0.3)
    async with _rude(answered, hang=hang) as url:
        with pytest.raises(aiohttp.ClientPayloadError):
            await front.ask(front.house.connect(url), "/")


async def test_what_the_app_trickles_is_passed_on_as_it_comes(front: Front) -> None:
    async with _rude(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n", hang=True) as url:
        headers = {"Authorization": "Bearer good"}
        async with front.session.get(front.at(front.house.connect(url), "/"), headers=headers) as response:
            async with asyncio.timeout(10):
                assert await response.content.readexactly(5) == b"event"
            response.close()


# ---------------------------------------------------------------- streams

_SIZE = 96 * 1024 * 1024
_PIECE = os.urandom(64 * 1024)


def _memory() -> int:
    """Bytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


class _Peak:
    def __init__(self) -> None:
        self.begun = self.most = _memory()

    def note(self) -> None:
        self.most = max(self.most, _memory())

    @property
    def growth(self) -> int:
        return self.most - self.begun


@asynccontextmanager
async def _streaming(peak: _Peak) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that takes any body without keeping it, and gives `_SIZE` bytes to a GET."""
    taken: list[int] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            response = web.StreamResponse(headers={"Content-Length": str(_SIZE)})
            await response.prepare(request)
            for _ in range(_SIZE // len(_PIECE)):
                await response.write(_PIECE)
            return response
        size = 0
        async for piece in request.content.iter_chunked(256 * 1024):
            size += len(piece)
            if size % (8 * 1024 * 1024) < 256 * 1024:
                await asyncio.sleep(0.002)
                peak.note()
        taken.append(size)
        return web.Response(text=str(size))

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", taken
    finally:
        await runner.cleanup()


async def test_large_answers_are_streamed_to_a_slow_reader_in_little_memory(front: Front) -> None:
    peak = _Peak()
    async with _streaming(peak) as (url, _):
        connection = front.house.connect(url)
        headers = {"Authorization": "Bearer good"}
        size = 0
        async with front.session.get(front.at(connection, "/big"), headers=headers) as response:
            async for piece in response.content.iter_chunked(256 * 1024):
                size += len(piece)
                if size % (8 * 1024 * 1024) < 256 * 1024:
                    await asyncio.sleep(0.05)
                    peak.note()
    assert size == _SIZE
    assert peak.growth < 32 * 1024 * 1024


async def test_large_bodies_are_streamed_to_a_slow_app_in_little_memory(front: Front) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(_SIZE // len(_PIECE)):
            yield _PIECE

    peak = _Peak()
    async with _streaming(peak) as (url, taken):
        status, answered, _ = await front.ask(front.house.connect(url), "/big", "POST", data=body())
    assert (status, answered, taken) == (200, str(_SIZE).encode(), [_SIZE])
    assert peak.growth < 32 * 1024 * 1024


async def test_a_caller_that_goes_away_stops_the_app_s_answer(front: Front) -> None:
    sent = 0
    stopped = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(_PIECE)
                sent += len(_PIECE)
                await asyncio.sleep(0)
        finally:
            stopped.set()

    async with an_app(handler) as app:
        connection = front.house.connect(app.url)
        async with front.session.get(front.at(connection, "/"), headers={"Authorization": "Bearer good"}) as response:
            await response.content.readexactly(1_000_000)
            response.close()
        await asyncio.wait_for(stopped.wait(), 10)


async def test_a_caller_that_goes_away_in_mid_body_leaves_the_app_with_half_a_request(front: Front) -> None:
    whole: list[bool] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        rest = await reader.read()
        whole.append(len(rest) >= 3_000_000)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    connection = front.house.connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    url = front.at(connection, "/")
    _, writer = await asyncio.open_connection("127.0.0.1", url.port)
    head = f"POST {url.raw_path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 3000000\r\n\r\n"
    writer.write(head.encode() + b"x" * 2_000_000)
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    async with asyncio.timeout(10):
        while not whole:
            await asyncio.sleep(0.01)
    assert whole == [False]
    server.close()


async def test_use_is_noted_once_and_not_at_every_call(front: Front) -> None:
    async with an_app(_echo) as app:
        connection = front.house.connect(app.url)
        async with front.house.database.system() as database:
            await database.execute(
                "INSERT INTO tenants (tenant_id, account_id, internal_id) VALUES (%s, %s, 'x')",
                (connection.tenant_id, connection.account_id),
            )
            await database.execute(
                "INSERT INTO connectors (connector_id, key, name, definition, content_hash)"
                " VALUES (%s, 'shopkit', 'x', '{}', '')",
                (connection.connector_id,),
            )
            await database.execute(
                "INSERT INTO connections (connection_id, account_id, tenant_id, connector_id, key, name, state)"
                " VALUES (%s, %s, %s, %s, 'k', 'n', 'READY')",
                (connection.connection_id, connection.account_id, connection.tenant_id, connection.connector_id),
            )
        for _ in range(3):
            await front.ask(connection, "/")
    await front.house.transport.close()
    async with front.house.database.system() as database:
        row = await (
            await database.execute("SELECT last_active_at, updated_at = created_at FROM connections")
        ).fetchone()
    assert row is not None
    assert row[0] is not None
    assert row[1]


# ---------------------------------------------------------------- through the real services


async def test_a_tenant_s_call_goes_over_its_connection_to_the_app(world: World) -> None:
    connection = await world.connect(world.acme, name="proxied")
    path = f"/connections/{connection['id']}/proxy/notes"
    made = await world.acme.post(path, json={"text": "bread"})
    assert (made.status_code, made.headers["x-membrane-upstream"]) == (201, "1")
    assert made.headers["x-request-id"]
    assert made.headers["content-security-policy"].endswith("sandbox")
    assert made.headers["x-content-type-options"] == "nosniff"
    answered = await world.acme.get(f"{path}/{made.json()['id']}")
    assert answered.json()["text"] == "bread"
    assert KEY not in str(answered.headers)

    for foreign in (world.globex, world.stranger):
        assert (await foreign.get(path)).status_code == 404
    assert (await world.nobody.get(path)).status_code == 401


async def test_an_api_key_goes_over_a_connection_until_it_is_revoked(world: World) -> None:
    by = world.site.owner
    made = await world.site.app.accounts.create_api_key(by, name="proxy")
    headers = {"Authorization": f"Bearer {made.key}"}
    wish = {"connectorKey": "notes", "input": {"apiKey": KEY}}
    connection = (await world.nobody.post("/connections", json=wish, headers=headers)).json()
    path = f"/connections/{connection['id']}/proxy/me"
    for _ in range(2):
        assert (await world.nobody.get(path, headers=headers)).json() == {"name": "Olena"}
    await world.site.app.accounts.revoke_api_key(by, made.api_key.api_key_id)
    assert (await world.nobody.get(path, headers=headers)).status_code == 401


async def test_credentials_that_the_app_refuses_are_renewed_and_the_call_is_made_again(world: World) -> None:
    given: list[str] = []

    async def provider(request: web.Request) -> web.Response:
        if request.path == "/token":
            given.append(f"token-{len(given)}")
            return answer({"access_token": given[-1], "token_type": "Bearer", "expires_in": 3600})
        if request.headers.get("Authorization") != f"Bearer {given[-1]}":
            return answer({"error": "expired"}, 401)
        return answer({"body": (await request.read()).decode()})

    async with an_app(provider) as app:
        oauth = {"tokenUrl": f"{app.url}/token"}
        settings = {
            "key": "renewing",
            "name": "Renewing",
            "baseUrl": app.url,
            "auth": [{"key": "client", "kind": "oauth2-client-credentials", "oauth": oauth}],
        }
        wish = {"document": document(app.url), "settings": settings}
        added = await world.manager.post("/connectors", json=wish)
        assert added.status_code == 200, added.text
        wish = {"connectorKey": "renewing", "input": {"clientId": "me", "clientSecret": "hush"}}
        connection = (await world.acme.post("/connections", json=wish)).json()
        path = f"/connections/{connection['id']}/proxy/things"
        assert (await world.acme.post(path, content=b"one")).json() == {"body": "one"}

        # The app forgets the token before its time.
        given.append("another")
        answers = await asyncio.gather(*(world.acme.post(path, content=b"%d" % number) for number in range(8)))
        assert [one.json() for one in answers] == [{"body": str(number)} for number in range(8)]
        assert app.paths.count("/token") == 2
