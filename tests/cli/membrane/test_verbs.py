"""What the verbs ask of the server and print: exact JSON, tables, errors and exit codes."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from typing import Any

import pytest
import trustme

from tests.cli.membrane.command import Membrane
from tests.cli.membrane.simulator import ACTION_ID, CONNECTION_ID, CONNECTOR_ID, REQUEST_ID, RUN_ID, Simulator


async def test_search_prints_the_answer_and_repeats_it_as_output(logged_in: Membrane, simulator: Simulator) -> None:
    answer = await logged_in("search", "esputnik", "--elementType=connector", "--json")
    assert answer.json["items"][0]["element"]["id"] == CONNECTOR_ID
    assert answer.json["output"]["items"] == answer.json["items"]
    assert simulator.last.query == {"q": "esputnik", "elementType": "connector"}
    human = await logged_in("search", "esputnik")
    assert CONNECTOR_ID in human.out
    assert "\x1b[" not in human.out
    assert "Next: membrane connect --connectorId=ID" in human.err


async def test_connect_waits_until_the_person_is_done_and_prints_the_connection(
    logged_in: Membrane, simulator: Simulator, browser: str
) -> None:
    answer = await logged_in("connect", f"--connectorId={CONNECTOR_ID}", "--json", BROWSER=browser)
    assert answer.code == 0, answer.err
    assert (answer.json["id"], answer.json["state"]) == (CONNECTION_ID, "READY")
    assert simulator.calls("POST", "/connect")[0].body == {"connectorId": CONNECTOR_ID}
    assert f"connectionRequestId={REQUEST_ID}" in answer.err


async def test_connect_without_waiting_prints_the_page_and_ends_with_three(
    logged_in: Membrane, simulator: Simulator
) -> None:
    answer = await logged_in("connect", "--connectorKey", "esputnik", "--non-interactive", "--json")
    assert (answer.code, answer.json["clientAction"]["uiUrl"][:7]) == (3, "http://")
    human = await logged_in("connect", "esputnik.com", "--non-interactive")
    assert (human.code, "/screens/connections" in human.out) == (3, True)
    assert simulator.last.body == {"appUrl": "esputnik.com"}
    late = await logged_in("connect", "--connectorKey=esputnik", "--timeout=1", "--json")
    assert (late.code, late.json["state"]) == (3, "CLIENT_ACTION_REQUIRED")


async def test_connect_says_how_it_ended_otherwise(logged_in: Membrane, simulator: Simulator) -> None:
    simulator.request_status = "cancelled"
    gone = await logged_in("connect", "--connectorKey=esputnik", "--json")
    assert (gone.code, gone.json["error"]["key"]) == (1, "cancelled")
    simulator.connection_state = "SETUP_FAILED"
    failed = await logged_in("connect", "--connectionKey=esputnik", "--json")
    assert (failed.code, failed.json["id"], "was never there" in failed.err) == (1, CONNECTION_ID, True)
    assert simulator.last.body == {"connectionId": "esputnik"}
    simulator.connection_state = "READY"
    assert (await logged_in("connect", "--intent", "our mails", "--allowMultipleConnections")).code == 0
    assert simulator.last.body == {"intent": "our mails", "allowMultipleConnections": True}


async def test_connecting_anew_waits_for_the_person_although_it_still_works(
    logged_in: Membrane, simulator: Simulator, browser: str
) -> None:
    simulator.connection_state = "READY"
    nobody = await logged_in("connect", f"--connectionId={CONNECTION_ID}", "--timeout=1", "--json")
    assert (nobody.code, nobody.json["state"]) == (3, "CLIENT_ACTION_REQUIRED")
    done = await logged_in("connect", f"--connectionId={CONNECTION_ID}", "--json", BROWSER=browser)
    assert (done.code, done.json["state"]) == (0, "READY")


@pytest.mark.parametrize(
    "line", [("connect",), ("connect", "x.com", "--connectorId=1"), ("connection-request", "create")]
)
async def test_one_thing_must_be_named(logged_in: Membrane, simulator: Simulator, line: tuple[str, ...]) -> None:
    answer = await logged_in(*line, "--json")
    assert (answer.code, answer.json["error"]["key"]) == (2, "usage")
    assert "--connectorId=ID" in answer.err
    assert simulator.asked == []


@pytest.mark.parametrize(
    ("line", "method", "path", "query", "body"),
    [
        (
            ["connection", "list", "--integrationKey=k", "--search", "x", "--limit", "5", "--cursor=10"],
            "GET", "/connections", {"integrationKey": "k", "search": "x", "limit": "5", "cursor": "10"}, None,
        ),
        (["connection", "get", "esputnik"], "GET", "/connections/esputnik", {}, None),
        (["connection", "ensure", "https://a.example/x", "--name", "A"], "POST", "/connections/ensure", {},
         {"appUrl": "https://a.example/x", "name": "A"}),
        (["connection", "create", "our shop"], "POST", "/connections", {}, {"intent": "our shop"}),
        (["connection", "patch", CONNECTION_ID, "--data", '{"name": "S"}'], "PATCH", f"/connections/{CONNECTION_ID}",
         {}, {"name": "S"}),
        (["connection", "delete", CONNECTION_ID], "DELETE", f"/connections/{CONNECTION_ID}", {}, None),
        (["connection", "archive", CONNECTION_ID], "DELETE", f"/connections/{CONNECTION_ID}", {}, None),
        (["connection-request", "create", "--connectorKey=e", "--name=N"], "POST", "/connection-requests", {},
         {"connectorKey": "e", "name": "N"}),
        (["connection-request", "get", REQUEST_ID], "GET", f"/connection-requests/{REQUEST_ID}", {}, None),
        (["action", "list", "--intent=add a contact", "--connectionId", "C"], "GET", "/actions",
         {"intent": "add a contact", "connectionId": "C"}, None),
        (["action", "get", "a/b", "--connectionKey=k", "--wait", "--timeout=5"], "GET", "/actions/a/b",
         {"connectionKey": "k", "wait": "true", "timeout": "5"}, None),
        (["action", "create", "ping it", "--connectionId=C"], "POST", "/actions", {},
         {"intent": "ping it", "connectionId": "C"}),
        (["action", "create", "--key=p", "--type=http-request", "--config", '{"a": 1}', "--inputSchema={}"], "POST",
         "/actions", {}, {"key": "p", "type": "http-request", "config": {"a": 1}, "inputSchema": {}}),
        (["action", "update", "A", "--data={}", "--connectionId=C"], "PATCH", "/actions/A", {"connectionId": "C"}, {}),
        (["action", "replace", "A", "--data={}"], "PUT", "/actions/A", {}, {}),
        (["action", "delete", "A"], "DELETE", "/actions/A", {}, None),
        (["action", "run", "--connectionId=C", "A", "--input", '{"k":"v"}', "--meta={}"], "POST", "/actions/A/run",
         {"connectionId": "C"}, {"input": {"k": "v"}, "meta": {}}),
        (["act", "--connectionKey", "k", "--api", '{"method":"GET","path":"/x"}'], "POST", "/act", {},
         {"connectionKey": "k", "api": {"method": "GET", "path": "/x"}}),
        (["act", "--connectionId=C", "--key=a", "--input={}"], "POST", "/act", {},
         {"connectionId": "C", "key": "a", "input": {}}),
        (["action-run-log", "get", RUN_ID, "--details"], "GET", f"/action-run-logs/{RUN_ID}/details", {}, None),
        (["integration", "list", "--search=x", "--connectors", "1"], "GET", "/integrations",
         {"search": "x", "connectors": "true"}, None),
        (["external-app", "list"], "GET", "/external-apps", {}, None),
    ],
)  # fmt: skip
async def test_each_verb_is_one_call(
    logged_in: Membrane,
    simulator: Simulator,
    line: list[str],
    method: str,
    path: str,
    query: dict[str, str],
    body: Any,
) -> None:
    answer = await logged_in(*line, "--json")
    assert answer.code == 0, answer.err
    asked = simulator.last
    assert (asked.method, asked.path, asked.query, asked.body) == (method, path, query, body)
    assert isinstance(answer.json, dict)
    assert answer.err == ""
    human = await logged_in(*line)
    assert human.code == 0, human.err


async def test_people_see_an_actions_output_and_where_more_is(logged_in: Membrane) -> None:
    answer = await logged_in("action", "run", ACTION_ID, "--connectionId=C")
    assert json.loads(answer.out) == {"id": 12}
    assert f"membrane action-run-log get {RUN_ID}" in answer.err
    exact = await logged_in("action", "run", ACTION_ID, "--connectionId=C", "--json")
    assert exact.json == {"output": {"id": 12}, "actionRunId": RUN_ID}
    listed = await logged_in("action", "list", "--connectionId=C", FORCE_COLOR="1")
    assert "[somebody]" in listed.out
    assert "\x1b[" in listed.out
    assert "\x1b[" not in (await logged_in("action", "list", "--connectionId=C", NO_COLOR="1")).out


async def test_waiting_for_a_connection_ends_as_its_state_says(logged_in: Membrane, simulator: Simulator) -> None:
    line = ("connection", "get", CONNECTION_ID, "--wait", "--json")
    for state, code in (("READY", 0), ("CLIENT_ACTION_REQUIRED", 3), ("BUILDING", 3), ("CONFIGURATION_ERROR", 1)):
        simulator.connection_state = state
        answer = await logged_in(*line)
        assert (answer.code, answer.json["state"]) == (code, state)
    assert simulator.last.query == {"wait": "true", "timeout": "30"}
    assert (await logged_in(*line, "--timeout=61")).code == 2


async def test_an_error_is_one_line_and_with_json_an_object(logged_in: Membrane, simulator: Simulator) -> None:
    missing = await logged_in("connection", "get", "nope", "--json")
    assert missing.code == 1
    assert missing.json["error"] == {
        "type": "bad_request",
        "key": "not_found",
        "message": 'Connection "nope" not found',
    }
    assert missing.err == 'membrane: Connection "nope" not found\n'
    data = {"request": {"url": "https://x"}, "response": {"status": 422}}
    failed = {"type": "action_run", "message": "the app\nrefused\x1b[31m", "data": data, "actionRunId": RUN_ID}
    simulator.answers["POST", "/actions/A/run"] = (400, failed)
    answer = await logged_in("action", "run", "A", "--connectionId=C", "--json")
    assert (answer.code, answer.json["actionRunId"], answer.json["error"]["data"]) == (1, RUN_ID, data)
    assert (answer.err.count("\n"), "\x1b" in answer.err) == (1, False)
    quiet = await logged_in("action", "run", "A", "--connectionId=C")
    assert (quiet.code, quiet.out) == (1, "")


async def test_words_from_elsewhere_come_out_whole(logged_in: Membrane, simulator: Simulator) -> None:
    element = {"id": "1", "key": "k", "name": "Київ\ud800 \x1b[2J"}
    simulator.answers["GET", "/search"] = (200, {"items": [{"elementType": "connector", "element": element}]})
    exact = await logged_in("search", "x", "--json", PYTHONIOENCODING="ascii")
    assert exact.json["items"][0]["element"] == element
    assert "Київ" in exact.out
    assert "\x1b" not in (await logged_in("search", "x")).out


async def test_a_server_that_is_away_is_named_with_what_to_do(membrane: Membrane) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}/membrane"
    answer = await membrane("search", "x", "--json", MEMBRANE_API_URI=uri, MEMBRANE_TOKEN="t")
    assert (answer.code, answer.json["error"]["key"]) == (1, "server_unreachable")
    assert "syncom up" in answer.err
    assert answer.err.count("\n") == 1


async def test_another_kind_of_server_is_recognised(membrane: Membrane) -> None:
    async def page(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\n<html>")
        await writer.drain()

    async def noise(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    for peer, words in ((page, "is --apiUri right? (did you mean"), (noise, "does not speak HTTP")):
        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        async with server:
            uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            answer = await membrane("search", "x", MEMBRANE_API_URI=uri, MEMBRANE_TOKEN="t")
        assert (answer.code, words in answer.err) == (1, True), answer.err


async def test_an_unknown_certificate_is_refused_and_no_proxy_is_asked(membrane: Membrane) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    reached: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(100))
        writer.close()

    secure = await asyncio.start_server(peer, "127.0.0.1", 0, ssl=context)
    proxy = await asyncio.start_server(peer, "127.0.0.1", 0)
    async with secure, proxy:
        uri = f"https://localhost:{secure.sockets[0].getsockname()[1]}/membrane"
        through = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        answer = await membrane(
            *("search", "x"), MEMBRANE_API_URI=uri, MEMBRANE_TOKEN="t", HTTPS_PROXY=through, https_proxy=through
        )
    assert (answer.code, "certificate" in answer.err or "self" in answer.err) == (1, True), answer.err
    assert reached == []


@pytest.mark.parametrize("line", ["agent-session create --agent a --message m", "workspace pull", "init", "push x"])
async def test_what_is_not_there_says_so(membrane: Membrane, line: str) -> None:
    answer = await membrane(*line.split(), "--json")
    assert (answer.code, answer.json["error"]["key"]) == (1, "not_available")


async def test_open_names_the_servers_pages(membrane: Membrane, simulator: Simulator) -> None:
    answer = await membrane("open", "--json")
    assert answer.json == {"url": simulator.url.removesuffix("/membrane"), "opened": False}


async def test_the_same_verbs_are_under_syncom(logged_in: Membrane) -> None:
    answer = await logged_in.line("syncom search esputnik --elementType=connector --json")
    assert answer.json["items"][0]["element"]["id"] == CONNECTOR_ID
    wrong = await logged_in.line("syncom search")
    assert (wrong.code, wrong.err[:7]) == (2, "syncom:")
    helped = await logged_in.line("syncom action run --help")
    assert "Usage: syncom action run ACTION" in helped.out
