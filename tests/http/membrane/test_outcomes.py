"""A browser program hears how connecting ended: over a stream of its own, and from the last page."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2 as httpx
import pytest

from tests.http.membrane.conftest import Product
from tests.http.membrane.notes_app import KEY
from tests.http.membrane.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PAGE = "/membrane/screens/connections"
_PRODUCT = "https://product.example"


def token_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"].partition(" ")[2]


@asynccontextmanager
async def listening(world: World, client: httpx.AsyncClient, name: str) -> AsyncIterator[asyncio.Task[str]]:
    """A stream that is open; the task ends with everything that came."""
    begun = asyncio.Event()

    async def listen() -> str:
        came = ""
        path = f"/sse/connection-events/{name}"
        headers = {"Origin": _PRODUCT}
        async with world.nobody.stream("GET", path, params={"token": token_of(client)}, headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["access-control-allow-origin"] == "*"
            async for piece in answer.aiter_text():
                came += piece
                begun.set()
        return came

    task = asyncio.create_task(listen())
    opening = asyncio.create_task(begun.wait())
    await asyncio.wait({task, opening}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    opening.cancel()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, opening, return_exceptions=True)


async def message(task: asyncio.Task[str]) -> dict[str, Any]:
    """The one event of a stream that has ended."""
    events = re.findall(r"^data: (.*)$", await asyncio.wait_for(task, 20), re.MULTILINE)
    assert len(events) == 1
    return json.loads(events[0])


async def asked(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post("/connection-requests", json={"connectorKey": "notes", **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["requestId"]


async def submit(world: World, request: str, **fields: str) -> httpx.Response:
    """The form of the page, as a browser posts it."""
    async with httpx.AsyncClient(base_url=world.site.url, headers={"Origin": world.site.url}, timeout=30) as browser:
        shown = await browser.get(_PAGE, params={"connectionRequestId": request})
        auth = re.search(r'name="auth" value="([^"]+)"', shown.text)
        assert auth is not None
        return await browser.post(_PAGE, data={"connectionRequestId": request, "auth": auth[1], **fields})


async def test_the_stream_has_one_event_when_the_person_is_done_and_ends(world: World) -> None:
    request = await asked(world.acme, name="Streamed", allowMultipleConnections=True)
    async with listening(world, world.acme, request) as task:
        assert not task.done()
        assert (await submit(world, request, **{"f.apiKey": KEY})).status_code == 200
        told = await message(task)
    connection = told.pop("connection")
    assert told == {"source": "integration.app", "requestId": request, "type": "newConnectionCreated"}
    assert connection == (await world.acme.get(f"/connections/{connection['id']}")).json()
    assert (connection["name"], connection["state"]) == ("Streamed", "READY")
    assert KEY not in json.dumps(connection)
    async with listening(world, world.acme, request) as late:
        assert (await message(late))["connection"]["id"] == connection["id"]


async def test_a_person_who_does_not_want_to_is_a_failure(world: World) -> None:
    request = await asked(world.acme, allowMultipleConnections=True)
    async with listening(world, world.acme, request) as task:
        answer = await submit(world, request, cancel="yes")
        told = await message(task)
    assert (told["type"], told["errorData"]["key"]) == ("newConnectionFailure", "access_denied")
    assert told["error"]
    assert "connection" not in told
    shown = re.search(r'data-message="([^"]*)" data-origin="([^"]*)"', answer.text)
    assert shown is not None
    assert json.loads(html.unescape(shown[1])) == told
    assert shown[2] == "*"


async def test_a_link_that_nobody_followed_in_time_is_a_failure(world: World) -> None:
    request = await asked(world.acme, allowMultipleConnections=True)
    async with world.site.app.database.system() as connection:
        await connection.execute(
            "UPDATE connection_requests SET expires_at = now() - interval '1 second' WHERE request_id = %s", (request,)
        )
    async with listening(world, world.acme, request) as task:
        assert (await message(task))["errorData"]["key"] == "request_expired"


async def test_a_browser_waits_under_a_name_of_its_own_before_anything_is_asked(world: World, product: Product) -> None:
    name = "3f0e6c52-browser-1"
    payload = {
        "token": token_of(world.acme),
        "requestId": name,
        "connectorKey": "notes",
        "allowMultipleConnections": True,
    }
    form = {"payload": json.dumps(payload)}
    async with (
        listening(world, world.acme, name) as task,
        listening(world, world.globex, name) as other,
        httpx.AsyncClient(base_url=product.url, headers={"Origin": _PRODUCT}, timeout=30) as browser,
    ):
        sent = await browser.post("/membrane/connect", data=form)
        assert sent.status_code == 303, sent.text
        assert sent.headers["cross-origin-opener-policy"] == "unsafe-none"
        request = sent.headers["location"].partition("=")[2]
        done = await submit(world, request, **{"f.apiKey": KEY})
        told = await message(task)
        assert not other.done(), "another tenant's browser may use the same name"
    assert (told["requestId"], told["type"]) == (name, "newConnectionCreated")
    shown = re.search(r'data-message="([^"]*)" data-origin="([^"]*)"', done.text)
    assert shown is not None
    said = json.loads(html.unescape(shown[1]))
    assert (said["requestId"], said["connection"]["id"]) == (name, told["connection"]["id"])
    assert not {"input", "meta", "error", "user"} & set(said["connection"])
    assert shown[2] == _PRODUCT
    assert done.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert 'src="/membrane/screens/outcome.js"' in done.text
    async with httpx.AsyncClient(base_url=product.url) as browser:
        script = await browser.get("/membrane/screens/outcome.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "postMessage" in script.text


@pytest.mark.parametrize(("key", "kind"), [(KEY, "newConnectionCreated"), ("wrong-key", "newConnectionFailure")])
async def test_what_a_hidden_frame_connects_at_once_is_told_over_the_stream(
    world: World, product: Product, key: str, kind: str
) -> None:
    name = f"frame-{kind}"
    payload = {
        "token": token_of(world.acme),
        "requestId": name,
        "connectorKey": "notes",
        "input": {"apiKey": key},
        "allowMultipleConnections": True,
    }
    async with (
        listening(world, world.acme, name) as task,
        httpx.AsyncClient(base_url=product.url, headers={"Origin": _PRODUCT}, timeout=30) as browser,
    ):
        await browser.post("/membrane/connect", data={"payload": json.dumps(payload)})
        told = await message(task)
    assert (told["requestId"], told["type"]) == (name, kind)
    assert key not in json.dumps(told)


async def test_a_server_that_stops_does_not_wait_for_people(world: World) -> None:
    request = await asked(world.acme, allowMultipleConnections=True)
    async with listening(world, world.acme, request) as task:
        await world.site.app.connections.watch.close()
        assert "data:" not in await asyncio.wait_for(task, 10)


async def test_only_a_token_of_the_same_tenant_opens_the_stream(world: World) -> None:
    request = await asked(world.acme, allowMultipleConnections=True)
    path = f"/sse/connection-events/{request}"
    for client, status in (
        (world.globex, 404),
        (world.stranger, 404),
        (world.manager, 403),
    ):
        answer = await world.nobody.get(path, params={"token": token_of(client)})
        assert answer.status_code == status, answer.text
    assert (await world.nobody.get(path)).status_code == 401
    assert (await world.nobody.get(path, params={"token": "forged"})).status_code == 401
    unknown = await world.nobody.get(f"/sse/connection-events/{'0' * 24}", params={"token": token_of(world.acme)})
    assert unknown.status_code == 404
