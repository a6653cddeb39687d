"""Runs of actions against a real server: what is sent, what comes back, what is written down."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web

from syncom.connect.model import (
    Argument,
    Authorisation,
    Connection,
    Effect,
    Failure,
    Fault,
    Operation,
    Pagination,
    Place,
    RateLimit,
    Restrictions,
    RunStatus,
    Shape,
    Step,
)
from syncom.connect.runs.model import HIDDEN, RunFailed
from syncom.errors import Conflict, Forbidden, Invalid, NotFound
from tests.connect.app_house import CANARY, House, an_app, answer

_THING = Operation(
    method="GET", path="/things/{id}", arguments=(Argument(input="id", place=Place.PATH, name="id", required=True),)
)
_ID = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
_CREATE = Operation(
    method="POST",
    path="/things",
    arguments=(Argument(input="title", place=Place.BODY, name="title"),),
    media="application/json",
)


async def _ok(request: web.Request) -> web.Response:
    return answer({"path": request.raw_path})


async def test_an_action_is_sent_with_the_credentials_and_answers_with_its_run(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(f"{app.url}/api")
        action = house.action(connection, operation=_THING, input_schema=_ID)
        result = await house.runs.run(house.caller, connection, action, {"id": "a/b?c#d"})
    assert result.output == {"path": "/api/things/a%2Fb%3Fc%23d"}
    assert app.asked[0].headers["Authorization"] == f"Bearer {CANARY}"
    run = await house.runs.get(house.caller, result.run_id)
    assert (run.status, run.actor, run.action_key, run.input) == (
        RunStatus.SUCCESS,
        "user:7",
        "get-thing",
        {"id": "a/b?c#d"},
    )
    assert run.output == result.output
    assert run.duration is not None
    assert run.exchanges[0]["response"] == {"status": 200}
    assert run.exchanges[0]["request"]["method"] == "GET"


@pytest.mark.parametrize("segment", ["..", ".", "a/../b"])
async def test_an_id_cannot_be_a_step_up(house: House, segment: str) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(f"{app.url}/api")
        action = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed):
            await house.runs.run(house.caller, connection, action, {"id": segment})
        assert not app.asked


async def test_wrong_input_is_named_by_its_path_and_nothing_is_sent(house: House) -> None:
    schema = {
        "type": "object",
        "required": ["contact"],
        "properties": {
            "contact": {
                "type": "object",
                "required": ["email"],
                "properties": {"email": {"type": "string"}, "age": {"type": "integer"}, "a b": {"type": "string"}},
            },
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, input_schema=schema)
        with pytest.raises(Invalid) as caught:
            await house.runs.run(
                house.caller, connection, action, {"contact": {"age": CANARY, "a b": 1}, "tags": ["a", 1]}
            )
        assert not app.asked
    fields = {field.field: field.reason for field in caught.value.fields}
    assert fields["$.contact.email"] == "is required"
    assert set(fields) == {"$.contact.email", "$.contact.age", "$.contact['a b']", "$.tags[1]"}
    assert CANARY not in caught.value.message
    assert await house.records() == ""


async def test_what_the_schema_does_not_know_is_left_out(house: House) -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "title": {"type": "object", "additionalProperties": False, "properties": {"en": {"type": "string"}}}
        },
    }
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, input_schema=schema)
        await house.runs.run(house.caller, connection, action, {"title": {"en": "a", "more": 1}, "other": 2})
    assert msgspec.json.decode(app.bodies[0]) == {"title": {"en": "a"}}


async def test_a_schema_that_refers_elsewhere_fetches_nothing(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, input_schema={"$ref": f"{app.url}/schema.json"})
        with pytest.raises(Invalid, match="cannot be used"):
            await house.runs.run(house.caller, connection, action, {})
        assert not app.asked


async def test_steps_follow_each_other_and_the_output_is_shaped(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.method == "GET":
            return answer({"items": [{"id": "c/1"}]}, 200, X_Total="1")
        return answer({"done": True, "body": await request.json()})

    shape = Shape(
        steps=(
            Step(id="find", path="/contacts", query={"email": {"$var": "$.input.email"}, "none": None}),
            Step(
                id="change",
                method="PUT",
                path={"$tpl": "/contacts/{{$.steps.find.items[0].id}}"},
                body={"name": {"$concat": [{"$var": "$.input.name"}, "!"]}, "gone": {"$var": "$.input.gone"}},
            ),
            Step(id="never", path="/never", when={"$var": "$.input.gone"}),
        ),
        output={
            "found": {"$var": "$.steps.find.items[0].id"},
            "total": {"$var": "$.answers.find.headers.x-total"},
            "sent": {"$var": "$.steps.change.body"},
        },
    )
    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, shape=shape, effect=Effect.WRITE)
        result = await house.runs.run(house.caller, connection, action, {"email": "a@b.c", "name": "Olena"})
    assert app.paths == ["/contacts?email=a%40b.c", "/contacts/c%2F1"]
    assert result.output == {"found": "c/1", "total": "1", "sent": {"name": "Olena!"}}


# ---------------------------------------------------------------- pages


async def _pages_of(house: House, pagination: Pagination, handler: Any, given: Any = None) -> tuple[Any, list[str]]:
    operation = Operation(
        method="GET",
        path="/rows",
        arguments=(
            Argument(input="limit", place=Place.QUERY, name="limit"),
            Argument(input="q", place=Place.QUERY, name="q"),
        ),
        pagination=pagination,
    )
    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=operation)
        result = await house.runs.run(house.caller, connection, action, given or {})
        return result.output, app.paths


async def test_numbered_pages_are_gathered(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        page = int(request.query["page"])
        rows = list(range((page - 1) * 3, min(page * 3, 7)))
        return answer({"rows": rows, "page": page})

    pagination = Pagination(style="page", parameter="page", size_parameter="limit", size=3, first=1, items="/rows")
    output, paths = await _pages_of(house, pagination, handler, {"q": "a b"})
    assert output["rows"] == list(range(7))
    assert paths[0] == "/rows?q=a%20b&limit=3&page=1"
    assert len(paths) == 3


async def test_offsets_follow_what_the_app_really_gives(house: House) -> None:
    """It caps pages at two rows though ten are asked for: nothing is lost."""

    async def handler(request: web.Request) -> web.Response:
        start = int(request.query["offset"])
        return answer(list(range(start, min(start + 2, 5))))

    pagination = Pagination(style="offset", parameter="offset", size_parameter="limit", size=10)
    output, paths = await _pages_of(house, pagination, handler)
    assert output == list(range(5))
    assert len(paths) == 3


async def test_cursors_are_followed_to_the_end(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        place = int(request.query.get("cursor", "0"))
        return answer({"data": [place], "meta": {"next": place + 1 if place < 3 else None}})

    pagination = Pagination(style="cursor", parameter="cursor", items="/data", next="/meta/next")
    output, _ = await _pages_of(house, pagination, handler)
    assert output == {"data": [0, 1, 2, 3], "meta": {"next": None}}


async def test_an_answer_may_say_that_there_is_no_more(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        page = int(request.query["page"])
        return answer({"rows": [page], "more": page < 2})

    pagination = Pagination(style="page", parameter="page", items="/rows", more="/more")
    output, paths = await _pages_of(house, pagination, handler)
    assert (output["rows"], len(paths)) == ([0, 1, 2], 3)


async def test_a_page_that_is_not_full_is_the_last_of_an_app_that_keeps_to_its_size(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        return answer([{"at": place} for place in range(after + 1, min(after + 2, 5) + 1)])

    pagination = Pagination(
        style="cursor", parameter="after", size_parameter="limit", size=2, next="/-1/at", exact=True
    )
    output, paths = await _pages_of(house, pagination, handler)
    assert [row["at"] for row in output] == [1, 2, 3, 4, 5]
    assert paths == ["/rows?limit=2", "/rows?after=2&limit=2", "/rows?after=4&limit=2"]


async def test_links_are_followed_within_the_host_only(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        place = int(request.query.get("at", "0"))
        links = {0: '<https://a.example/>; rel="prev", </rows?at=1>; rel="next"', 1: "<rows?at=2>; rel=next"}
        rows = answer([place])
        if place in links:
            rows.headers["Link"] = links[place].replace("<rows", f"<{request.url.origin()}/rows")
        return rows

    output, paths = await _pages_of(house, Pagination(style="link", size_parameter="limit", size=5), handler)
    assert output == [0, 1, 2]
    assert paths == ["/rows?limit=5", "/rows?at=1", "/rows?at=2"]

    async def elsewhere(request: web.Request) -> web.Response:
        return answer([1], 200, Link='<http://127.0.0.2:1/rows>; rel="next"')

    with pytest.raises(RunFailed, match="is not a host of this connector"):
        await _pages_of(house, Pagination(style="link"), elsewhere)


async def test_an_app_that_always_says_the_same_is_asked_twice_at_most(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer([1, 2, 3])

    output, paths = await _pages_of(house, Pagination(style="page", parameter="page", first=1), handler)
    assert output == [1, 2, 3]
    assert len(paths) == 2


async def test_pages_without_end_are_cut(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncom.connect.runs.paging.MAX_PAGES", 7)

    async def handler(request: web.Request) -> web.Response:
        return answer({"rows": [request.query["page"]]})

    pagination = Pagination(style="page", parameter="page", items="/rows")
    output, paths = await _pages_of(house, pagination, handler)
    assert len(output["rows"]) == len(paths) == 7


async def test_whoever_asks_for_a_page_gets_that_one(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer([1])

    pagination = Pagination(style="page", parameter="page", size_parameter="limit")
    output, paths = await _pages_of(house, pagination, handler, {"limit": 1})
    assert (output, paths) == ([1], ["/rows?limit=1"])


# ---------------------------------------------------------------- failures


async def test_a_refusal_of_the_app_is_told_with_its_words(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({"error": {"message": f"no such thing, key {CANARY}"}}, 422)

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed) as caught:
            await house.runs.run(house.caller, connection, action, {"id": "1"})
    fault = caught.value.fault
    assert fault.type == "action_run"
    assert "answered 422: no such thing" in fault.message
    assert fault.data is not None
    assert fault.data["response"]["status"] == 422
    assert fault.data["request"] == {"method": "GET", "url": f"{app.url}/things/1"}
    run = await house.runs.get(house.caller, caught.value.run_id)
    assert (run.status, run.fault) == (RunStatus.ERROR, fault)
    assert CANARY not in repr(caught.value.fault)
    assert CANARY not in await house.records()


@pytest.mark.parametrize(
    ("body", "media", "words"),
    [
        (b'{"half": [1, 2', "application/json", "broken or cut off"),
        (b"<html>Sign in</html>", "text/html; charset=utf-8", "web page"),
    ],
)
async def test_what_is_no_data_is_a_failure_though_its_status_is_200(
    house: House, body: bytes, media: str, words: str
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": media})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed, match=words):
            await house.runs.run(house.caller, connection, action, {"id": "1"})


async def test_a_bare_sentence_under_the_name_of_json_is_an_answer(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body="Contact with id='5' has been deleted", content_type="application/json")

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        result = await house.runs.run(house.caller, connection, action, {"id": "1"})
    assert result.output == "Contact with id='5' has been deleted"


async def test_reads_are_repeated_and_writes_are_not(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({}, 500) if len(app.asked) < 3 else answer({"ok": 1})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        reading = house.action(connection, operation=_THING, input_schema=_ID)
        assert (await house.runs.run(house.caller, connection, reading, {"id": "1"})).output == {"ok": 1}
        assert len(app.asked) == 3
        assert len(house.clock.waits) == 2
        assert all(0.25 <= pause <= 1 for pause in house.clock.waits)
        app.asked.clear()
        writing = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)
        with pytest.raises(RunFailed, match="500"):
            await house.runs.run(house.caller, connection, writing, {"title": "a"})
        assert len(app.asked) == 1


async def test_a_429_is_waited_for_as_long_as_the_app_asks(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({}, 429, Retry_After="7") if len(app.asked) == 1 else answer({"ok": 1})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        writing = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)
        assert (await house.runs.run(house.caller, connection, writing, {"title": "a"})).output == {"ok": 1}
        assert max(house.clock.waits) >= 6.9
        app.asked.clear()

    async def long(request: web.Request) -> web.Response:
        return answer({}, 429, Retry_After="3600")

    async with an_app(long) as app:
        connection = house.connect(app.url)
        writing = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)
        with pytest.raises(RunFailed) as caught:
            await house.runs.run(house.caller, connection, writing, {"title": "a"})
        assert caught.value.fault.key == "rate_limit_exceeded"
        assert len(app.asked) == 1


async def test_calls_of_a_connection_keep_to_its_rate(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(app.url, rate_limit=RateLimit(calls=2, seconds=10))
        action = house.action(connection, operation=_THING, input_schema=_ID)
        for _ in range(3):
            await house.runs.run(house.caller, connection, action, {"id": "1"})
    assert len(house.clock.waits) == 1
    assert 4 <= house.clock.waits[0] <= 5


async def test_a_connection_lost_in_mid_answer_is_repeated_for_reads_only(house: House) -> None:
    asked = 0

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
            await writer.drain()
            writer.close()
            return

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    connection = house.connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    reading = house.action(connection, operation=_THING, input_schema=_ID)
    with pytest.raises(RunFailed, match="broke off"):
        await house.runs.run(house.caller, connection, reading, {"id": "1"})
    assert asked == 4
    writing = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)
    with pytest.raises(RunFailed, match="is not known"):
        await house.runs.run(house.caller, connection, writing, {"title": "a"})
    assert asked == 5
    server.close()


async def test_an_app_that_hangs_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncom.connect.runs.sending.SECONDS", 0.2)

    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return answer({})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed) as caught:
            await house.runs.run(house.caller, connection, action, {"id": "1"})
        assert caught.value.fault.key == "upstream_timeout"
        assert len(app.asked) == 1


async def test_a_circle_of_redirects_ends(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/again"})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)
        reading = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed, match="redirects more than 5 times"):
            await house.runs.run(house.caller, connection, reading, {"id": "1"})
        asked = len(app.asked)
        with pytest.raises(RunFailed, match="answered 302"):
            await house.runs.run(house.caller, connection, action, {"title": "1"})
        assert len(app.asked) == asked + 1


async def test_a_401_renews_the_credentials_once(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({"ok": 1}) if request.headers["Authorization"] == "Bearer fresh-token-value" else answer({}, 401)

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed) as caught:
            await house.runs.run(house.caller, connection, action, {"id": "1"})
        assert caught.value.fault.key == "access_token_expired"
        assert (house.connections.refusals, len(app.asked)) == (1, 1)
        house.connections.renewed[connection.connection_id] = Authorisation(
            base_url=app.url, headers={"Authorization": "Bearer fresh-token-value"}, secrets=("fresh-token-value",)
        )
        assert (await house.runs.run(house.caller, connection, action, {"id": "1"})).output == {"ok": 1}
        assert (house.connections.refusals, len(app.asked)) == (2, 3)


async def test_a_connection_whose_test_is_refused_too_is_marked(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({}, 401)

    async def doubted(connection: Connection) -> None:
        action = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed) as caught:
            await house.runs.run(house.caller, connection, action, {"id": "1"})
        assert caught.value.cause is not None
        await house.doubts.settle()

    async with an_app(handler) as app:
        fine = house.connect(app.url, test=("GET", "/me"))
        await doubted(fine)
        assert house.connections.defunct == []
        house.connections.fault = Fault(type="connection", key="unreachable", message="down")
        await doubted(house.connect(app.url, test=("GET", "/me")))
        assert house.connections.defunct == []
        untested = house.connect(app.url)
        house.connections.fault = Fault(type="connection", key="invalid", message="refused")
        dead = house.connect(app.url, test=("GET", "/me"))
        await doubted(untested)
        await doubted(dead)
        assert house.connections.defunct == [untested.connection_id, dead.connection_id]


async def test_a_dead_connection_is_a_recorded_failure_of_the_connection(house: House) -> None:
    connection = house.connect("http://127.0.0.1:1")
    action = house.action(connection, operation=_THING, input_schema=_ID)
    house.connections.dead = Conflict("connect Shopkit again")
    with pytest.raises(RunFailed) as caught:
        await house.runs.run(house.caller, connection, action, {"id": "1"})
    assert (caught.value.fault.type, caught.value.fault.key) == ("connection", "connection_is_defunct")
    assert (await house.runs.get(house.caller, caught.value.run_id)).status is RunStatus.ERROR


async def test_an_app_that_fails_with_a_status_of_success_fails(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({"ok": False, "error": "channel_not_found"})

    async with an_app(handler) as app:
        failure = Failure(at="/ok", equals=False, message="/error")
        connection = house.connect(app.url, failure=failure)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        with pytest.raises(RunFailed, match="channel_not_found"):
            await house.runs.run(house.caller, connection, action, {"id": "1"})


# ---------------------------------------------------------------- records


async def test_secrets_and_hidden_members_are_not_written_down(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({"echo": f"{request.headers['Authorization']}", "api_key": "xyz-hidden", "raw": request.raw_path})

    schema = {
        "type": "object",
        "$defs": {"Card": {"type": "object", "properties": {"number": {"type": "string", "writeOnly": True}}}},
        "properties": {
            "card": {"allOf": [{"$ref": "#/$defs/Card"}]},
            "pin": {"type": "string", "isSensitive": True},
            "note": {"type": "string"},
        },
    }
    operation = Operation(
        method="POST",
        path="/pay",
        arguments=(
            Argument(input="card", place=Place.BODY, name="card"),
            Argument(input="pin", place=Place.QUERY, name="pin"),
        ),
    )
    async with an_app(handler) as app:
        authorisation = Authorisation(
            base_url=app.url,
            headers={"Authorization": f"Bearer {CANARY}"},
            query={"key": "query-canary-77"},
            secrets=(CANARY, "query-canary-77"),
        )
        connection = house.connect(app.url, authorisation)
        action = house.action(connection, operation=operation, input_schema=schema, effect=Effect.WRITE)
        given = {"card": {"number": "4111-hidden"}, "pin": "9182", "note": f"x {CANARY} \0"}
        result = await house.runs.run(house.caller, connection, action, given)
        assert CANARY in result.output["echo"]
        assert app.paths == ["/pay?pin=9182&key=query-canary-77"]
    run = await house.runs.get(house.caller, result.run_id)
    assert run.input == {"card": {"number": HIDDEN}, "pin": HIDDEN, "note": f"x {HIDDEN} \ufffd"}
    assert run.output["api_key"] == HIDDEN
    records = await house.records()
    for secret in (CANARY, "query-canary-77", "4111-hidden", "xyz-hidden"):
        assert secret not in records


async def test_a_long_output_is_cut_in_the_record_only(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({"text": '"' * 200_000})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        result = await house.runs.run(house.caller, connection, action, {"id": "1"})
    assert len(result.output["text"]) == 200_000
    run = await house.runs.get(house.caller, result.run_id)
    assert len(msgspec.json.encode(run.output)) <= 64 * 1024
    assert run.output["$cut"]["bytes"] > 400_000


async def test_a_dry_run_shows_the_requests_and_sends_none(house: House) -> None:
    shape = Shape(
        steps=(
            Step(id="find", path="/contacts", query={"email": {"$var": "$.input.email"}}),
            Step(id="change", method="PUT", path={"$tpl": "/contacts/{{$.steps.find.id}}"}, body={}),
        )
    )
    async with an_app(_ok) as app:
        connection = house.connect(app.url, headers={"X-Version": "3"})
        action = house.action(connection, shape=shape, effect=Effect.WRITE)
        result = await house.runs.run(house.caller, connection, action, {"email": "a@b.c"}, dry_run=True)
        assert not app.asked
    assert result.preview is not None
    assert result.preview[0]["url"] == f"{app.url}/contacts?email=a%40b.c"
    assert result.preview[0]["headers"]["authorization"] == HIDDEN
    assert result.preview[0]["headers"]["x-version"] == "3"
    assert result.preview[1]["step"] == "change"
    assert CANARY not in repr(result)
    run = await house.runs.get(house.caller, result.run_id)
    assert run.dry_run


async def test_a_key_makes_the_same_call_once(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)

        async def again(title: str = "a") -> Any:
            return await house.runs.run(house.caller, connection, action, {"title": title}, idempotency_key="k1")

        first = await again()
        assert await again() == first
        assert len(app.asked) == 1
        with pytest.raises(Conflict, match="another call"):
            await again("b")
        async with house.database.system() as database:
            await database.execute("UPDATE action_runs SET started_at = started_at - interval '25 hours'")
        assert (await again()).run_id != first.run_id
        assert len(app.asked) == 2


async def test_two_calls_with_one_key_at_once_send_one_request(house: House) -> None:
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await release.wait()
        return answer({"ok": 1})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)

        async def one() -> Any:
            return await house.runs.run(house.caller, connection, action, {"title": "a"}, idempotency_key="k")

        first = asyncio.create_task(one())
        while not app.asked:
            await asyncio.sleep(0.01)
        with pytest.raises(Conflict, match="under way"):
            await one()
        release.set()
        await first
        assert len(app.asked) == 1


async def test_a_failure_under_a_key_is_told_again(house: House) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer({"message": "no"}, 400)

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, effect=Effect.WRITE, idempotent=False)
        faults: list[RunFailed] = []
        for _ in range(2):
            with pytest.raises(RunFailed) as caught:
                await house.runs.run(house.caller, connection, action, {"title": "a"}, idempotency_key="k")
            faults.append(caught.value)
        assert len(app.asked) == 1
    assert (faults[0].run_id, faults[0].fault) == (faults[1].run_id, faults[1].fault)


async def test_a_run_is_replayed_with_its_very_input(house: House) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string", "writeOnly": True}}}
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_CREATE, input_schema=schema, effect=Effect.WRITE)
        first = await house.runs.run(house.caller, connection, action, {"title": "hidden-title"})
        second = await house.runs.replay(house.caller, first.run_id)
        assert app.bodies[0] == app.bodies[1] == b'{"title":"hidden-title"}'
        raw = await house.runs.request(house.caller, connection, method="post", path="/x", body={"a": 1})
        third = await house.runs.replay(house.caller, raw.run_id)
        assert app.bodies[2] == app.bodies[3] == b'{"a":1}'
    assert (await house.runs.get(house.caller, second.run_id)).replay_of == first.run_id
    assert (await house.runs.get(house.caller, third.run_id)).replay_of == raw.run_id


async def test_a_run_whose_process_died_is_unknown(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        result = await house.runs.run(house.caller, connection, action, {"id": "1"}, idempotency_key="k")
        async with house.database.system() as database:
            await database.execute(
                "UPDATE action_runs SET status = 'running', started_at = started_at - interval '20 minutes'"
            )
        assert (await house.runs.get(house.caller, result.run_id)).status is RunStatus.UNKNOWN
        await house.runs.upkeep()
        run = await house.runs.get(house.caller, result.run_id)
        assert run.status is RunStatus.UNKNOWN
        with pytest.raises(RunFailed, match="not known"):
            await house.runs.run(house.caller, connection, action, {"id": "1"}, idempotency_key="k")


async def test_a_row_is_there_before_the_request(house: House) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(await house.records())
        return answer({})

    async with an_app(handler) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        await house.runs.run(house.caller, connection, action, {"id": "1"})
    assert '"status":"running"' in seen[0]


async def test_runs_are_listed_by_tenant_and_go_after_their_time(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        action = house.action(connection, operation=_THING, input_schema=_ID)
        made = [(await house.runs.run(house.caller, connection, action, {"id": str(n)})).run_id for n in range(5)]
    first = await house.runs.runs(house.caller, limit=3)
    rest = await house.runs.runs(house.caller, limit=3, before=first.before)
    assert [run.run_id for run in (*first.items, *rest.items)] == made[::-1]
    assert rest.before is None
    stranger = msgspec.structs.replace(house.caller, tenant_id="0" * 24)
    assert not (await house.runs.runs(stranger)).items
    with pytest.raises(NotFound):
        await house.runs.get(stranger, made[0])
    async with house.database.system() as database:
        await database.execute(
            "UPDATE action_runs SET started_at = started_at - %s WHERE run_id = %s", (timedelta(days=15), made[0])
        )
    await house.runs.upkeep()
    assert len((await house.runs.runs(house.caller)).items) == 4


# ---------------------------------------------------------------- who may


async def test_a_restricted_token_runs_what_it_may(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(app.url)
        reading = house.action(connection, operation=_THING, input_schema=_ID)
        writing = house.action(connection, key="create", operation=_CREATE, effect=Effect.WRITE)

        def limited(**members: Any) -> Any:
            return msgspec.structs.replace(house.caller, restrictions=Restrictions(**members))

        reader = limited(read_only=True)
        await house.runs.run(reader, connection, reading, {"id": "1"})
        await house.runs.request(reader, connection, method="GET", path="/x")
        with pytest.raises(Forbidden):
            await house.runs.run(reader, connection, writing, {})
        with pytest.raises(Forbidden):
            await house.runs.request(reader, connection, method="POST", path="/x")
        chosen = limited(actions=frozenset({"create"}))
        await house.runs.run(chosen, connection, writing, {})
        with pytest.raises(Forbidden):
            await house.runs.run(chosen, connection, reading, {"id": "1"})
        with pytest.raises(Forbidden):
            await house.runs.request(chosen, connection, method="GET", path="/x")
        with pytest.raises(NotFound):
            await house.runs.run(limited(connections=frozenset({"0" * 24})), connection, reading, {"id": "1"})
        stranger = msgspec.structs.replace(house.caller, tenant_id="0" * 24)
        with pytest.raises(NotFound):
            await house.runs.run(stranger, connection, reading, {"id": "1"})
        other = house.connect(app.url)
        with pytest.raises(NotFound):
            await house.runs.run(house.caller, other, reading, {"id": "1"})


async def test_a_raw_call_is_a_recorded_run(house: House) -> None:
    async with an_app(_ok) as app:
        connection = house.connect(f"{app.url}/api")
        result = await house.runs.request(
            house.caller,
            connection,
            method="PATCH",
            path="/x?a=1",
            query={"b": [1, True]},
            headers={"X-One": "1", "Authorization": "mine", "Host": "evil.example"},
            body={"c": 2},
        )
        assert result.output == {"path": "/api/x?a=1&b=1&b=true"}
        assert app.asked[0].headers["Authorization"] == f"Bearer {CANARY}"
        assert app.asked[0].headers["X-One"] == "1"
        assert app.asked[0].headers["Host"] == f"127.0.0.1:{app.port}"
        assert app.bodies == [b'{"c":2}']
        with pytest.raises(Invalid):
            await house.runs.request(house.caller, connection, method="TRACE", path="/x")
    run = await house.runs.get(house.caller, result.run_id)
    assert (run.action_key, run.name) == ("api", "PATCH /x?a=1")
