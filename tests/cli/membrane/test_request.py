"""``request``: what goes to the app, and its answer byte for byte."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from aiohttp import web

from tests.cli.membrane.command import Membrane
from tests.cli.membrane.simulator import CONNECTION_ID, Simulator


def answering(
    simulator: Simulator, body: bytes, *, status: int = 200, kind: str = "application/json", marked: bool = True
) -> None:
    async def upstream(_: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": kind} | ({"x-membrane-upstream": "1"} if marked else {})
        return web.Response(body=body, status=status, headers=headers)

    simulator.upstream = upstream


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ([], {"method": "GET"}),
        (["-X", "delete"], {"method": "DELETE"}),
        (["--method=POST", "-d", "a=1"], {"method": "POST", "data": "a=1"}),
        (
            ["-XPUT", "--json", "-d", '{"n": 1.10}'],
            {"method": "PUT", "data": '{"n": 1.10}', "headers": {"Content-Type": "application/json"}},
        ),
        (
            ["-XPOST", "--json", '{"n": 12345678901234567890.5}'],
            {
                "method": "POST",
                "data": '{"n": 12345678901234567890.5}',
                "headers": {"Content-Type": "application/json"},
            },
        ),
        (
            ["-X=POST", "-H", "content-type: application/vnd.x+json", "-H", "X: 1", "--json", "[]"],
            {"method": "POST", "data": "[]", "headers": {"content-type": "application/vnd.x+json", "X": "1"}},
        ),
        (["-XPOST", "--json", "--rawData", "-d", "{no json"], {"method": "POST", "data": "{no json"}),
        (["-XPOST", "-d", ""], {"method": "POST", "data": ""}),
        (
            ["--query", "a=b=c", "--query=t=1", "--query", "t=2", "--pathParam", "id=a/b"],
            {"method": "GET", "query": {"a": "b=c", "t": ["1", "2"]}, "pathParameters": {"id": "a/b"}},
        ),
        (["--json"], {"method": "GET"}),
    ],
)
async def test_the_flags_become_the_request(
    logged_in: Membrane, simulator: Simulator, line: list[str], wish: dict[str, Any]
) -> None:
    answering(simulator, b"{}")
    answer = await logged_in("request", CONNECTION_ID, "/v1/x", *line)
    assert answer.code == 0, answer.err
    assert simulator.last.body == {"path": "/v1/x", **wish}


async def test_a_body_with_get_stays_literal_with_a_hint(logged_in: Membrane, simulator: Simulator) -> None:
    answering(simulator, b"{}")
    answer = await logged_in("request", CONNECTION_ID, "/x", "-d", "{}")
    assert (answer.code, simulator.last.body["method"], "-X POST" in answer.err) == (0, "GET", True)


@pytest.mark.parametrize(
    "line",
    [
        ["-X", "TRACE"],
        ["-H", "nonsense"],
        ["--query", "x"],
        ["--json", "-d", "{no"],
        ["--json={no"],
        ["--json", "{}", "-d", "{}"],
    ],
)
async def test_what_cannot_be_sent_is_refused_here(logged_in: Membrane, simulator: Simulator, line: list[str]) -> None:
    answer = await logged_in("request", CONNECTION_ID, "/x", *line)
    assert (answer.code, simulator.asked) == (2, [])


async def test_json_is_indented_and_its_numbers_stay_as_they_are(logged_in: Membrane, simulator: Simulator) -> None:
    answering(simulator, '{"a":[1.10,1e400],"b":"Київ"}'.encode())
    answer = await logged_in("request", CONNECTION_ID, "/x")
    assert answer.out == '{\n  "a": [\n    1.10,\n    1e400\n  ],\n  "b": "Київ"\n}\n'
    assert answer.err == ""
    loud = await logged_in("request", CONNECTION_ID, "/x", "-v")
    assert "200 OK" in loud.err


async def test_everything_else_comes_byte_for_byte(logged_in: Membrane, simulator: Simulator) -> None:
    picture = os.urandom(100_000)
    answering(simulator, picture, kind="image/png")
    assert (await logged_in("request", CONNECTION_ID, "/x")).raw == picture
    assert (await logged_in("request", CONNECTION_ID, "/x", "--json")).raw == picture
    answering(simulator, b"<half", kind="application/json")
    assert (await logged_in("request", CONNECTION_ID, "/x")).raw == b"<half"


async def test_with_json_a_text_becomes_a_string_and_nothing_null(logged_in: Membrane, simulator: Simulator) -> None:
    answering(simulator, b"a,b\n1,2\n", kind="text/csv")
    assert (await logged_in("request", CONNECTION_ID, "/x", "--json")).json == "a,b\n1,2\n"
    answering(simulator, b"", status=204)
    assert (await logged_in("request", CONNECTION_ID, "/x", "--json")).json is None
    assert (await logged_in("request", CONNECTION_ID, "/x")).raw == b""


async def test_an_apps_error_is_printed_and_ends_with_one(logged_in: Membrane, simulator: Simulator) -> None:
    answering(simulator, b'{"fault":1}', status=401)
    answer = await logged_in("request", CONNECTION_ID, "/x", "--json")
    assert (answer.code, answer.json) == (1, {"fault": 1})
    assert answer.err == "membrane: the app answered 401 Unauthorized\n"
    # The app's 401 is no reason to renew our own login.
    assert simulator.refreshes == 0


async def test_our_servers_error_is_no_answer_of_the_app(logged_in: Membrane, simulator: Simulator) -> None:
    refused = json.dumps({"type": "connection", "key": "connection_is_defunct", "message": "connect it again"})
    answering(simulator, refused.encode(), status=400, marked=False)
    answer = await logged_in("request", CONNECTION_ID, "/x", "--json")
    assert (answer.code, answer.json["error"]["key"]) == (1, "connection_is_defunct")
    assert answer.err == "membrane: connect it again\n"


async def test_a_large_answer_flows_through(logged_in: Membrane, simulator: Simulator) -> None:
    piece, count = b"x" * (1 << 20), 64

    async def upstream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json", "x-membrane-upstream": "1"})
        await answer.prepare(request)
        for _ in range(count):
            await answer.write(piece)
        await answer.write_eof()
        return answer

    simulator.upstream = upstream
    line = f"ulimit -v 400000; membrane request {CONNECTION_ID} /x | wc -c"
    answer = await logged_in.line(line)
    assert answer.out.strip() == str(len(piece) * count), answer.err
    # Whoever reads may go away before the end.
    early = await logged_in.line(f"membrane request {CONNECTION_ID} /x | head -c 10")
    assert (early.code, early.raw, early.err) == (0, b"x" * 10, "")


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_answer_that_breaks_off_is_no_success(
    logged_in: Membrane, simulator: Simulator, chunked: bool
) -> None:
    async def upstream(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/plain", "x-membrane-upstream": "1"}
        answer = web.StreamResponse(headers=headers if chunked else {**headers, "Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return answer

    simulator.upstream = upstream
    answer = await logged_in("request", CONNECTION_ID, "/x")
    assert (answer.code, answer.raw) == (1, b"half")
    assert "broke off" in answer.err
