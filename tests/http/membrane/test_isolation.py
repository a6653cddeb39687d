"""Nothing of one tenant or account is reached by another's token; restricted tokens do what they are for."""

from __future__ import annotations

import re
from typing import Any

import httpx2 as httpx
import msgspec
import pytest

from syncom.connect.model import Restrictions
from syncom.http.membrane.app import METHODS
from syncom.http.membrane.method import Method, Who
from tests.http.membrane.conftest import Product
from tests.http.membrane.notes_app import KEY
from tests.http.membrane.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MEMBER = re.compile(r"\{(\w+)\}")
_REQUEST = {"request": {"method": "GET", "path": "/notes"}}


class Owned(msgspec.Struct, kw_only=True):
    """Ids of one tenant's things."""

    connection: dict[str, Any]
    #: Of that connection only.
    action: dict[str, Any]
    run_id: str
    request_id: str


@pytest.fixture(scope="module")
async def owned(world: World) -> Owned:
    connection = await world.connect(world.acme, key="guarded", name="Guarded")
    spec = {"key": "guarded-action", "name": "Guarded", "config": _REQUEST, "connectionId": connection["id"]}
    action = (await world.acme.post("/actions", json=spec)).json()
    run = (await world.acme.post(f"/actions/{action['id']}/run", json={})).json()
    request = (await world.acme.post("/connection-requests", json={"connectionId": connection["id"]})).json()
    return Owned(connection=connection, action=action, run_id=run["actionRunId"], request_id=request["requestId"])


def of_a_tenant(method: Method, owned: Owned) -> str | None:
    """The path with ids of a tenant's things; None when it names none."""
    ids = {
        "connection": owned.connection["id"],
        "action": owned.action["id"],
        "key": owned.action["key"],
        "run_id": owned.run_id,
        "request_id": owned.request_id,
        "collection": "contacts",
    }
    if method.path.startswith("/connections/{selector}"):
        ids["selector"] = owned.connection["id"]
    elif method.path.startswith("/actions/{selector}"):
        ids["selector"] = owned.action["id"]
    elif "{connection}" not in method.path and "{run_id}" not in method.path and "{request_id}" not in method.path:
        return None
    return _MEMBER.sub(lambda member: ids[member[1]], method.path)


async def test_no_id_of_another_tenants_or_accounts_things_opens_anything(world: World, owned: Owned) -> None:
    walked = 0
    for method in METHODS:
        path = of_a_tenant(method, owned)
        if path is None:
            continue
        walked += 1
        body: Any = {} if method.verb != "GET" else None
        if method.path.endswith("execute-request"):
            body = {"key": owned.action["key"]}
        for client in (world.globex, world.stranger, world.other_manager):
            answer = await client.request(method.verb, path, json=body)
            assert answer.status_code in (403, 404), f"{method.verb} {path}: {answer.status_code} {answer.text}"
            assert "Guarded" not in answer.text
        assert (await world.nobody.request(method.verb, path, json=body)).status_code == 401
    assert walked > 45
    connection = (await world.acme.get(f"/connections/{owned.connection['id']}")).json()
    assert connection["state"] == "READY"
    assert "archivedAt" not in connection


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "/actions?connectionId={connection}", None),
        ("GET", "/actions?connectionId={connection}&intent=notes", None),
        ("GET", "/action?id={action}", None),
        ("GET", "/action?key=guarded-action&connectionId={connection}", None),
        ("POST", "/action/run?id={action}", {}),
        ("POST", "/action-instance/run?parentKey=guarded-action&connectionId={connection}", {}),
        ("GET", "/action-run-logs?connectionId={connection}", None),
        ("POST", "/act", {"api": {"method": "GET", "path": "/notes"}, "connectionId": "{connection}"}),
        ("POST", "/act", {"id": "{action}"}),
        ("POST", "/act", {"key": "guarded-action", "connectionId": "{connection}"}),
        ("POST", "/connect", {"connectionId": "{connection}"}),
        ("POST", "/connection-requests", {"connectionId": "{connection}"}),
        ("POST", "/connection-options", {"connectionId": "{connection}"}),
        ("POST", "/actions", {"name": "x", "config": _REQUEST, "connectionId": "{connection}"}),
        ("POST", "/actions", {"intent": "list notes", "connectionId": "{connection}"}),
    ],
)
async def test_ids_in_queries_and_bodies_open_nothing_either(
    world: World, owned: Owned, verb: str, path: str, body: Any
) -> None:
    def filled(text: str) -> str:
        return text.replace("{connection}", owned.connection["id"]).replace("{action}", owned.action["id"])

    given = None if body is None else msgspec.json.decode(filled(msgspec.json.encode(body).decode()))
    for client in (world.globex, world.stranger):
        answer = await client.request(verb, filled(path), json=given)
        assert answer.status_code == 404, answer.text
        assert answer.json()["key"] == "not_found"


async def test_lists_and_searches_name_nothing_of_others(world: World, owned: Owned) -> None:
    for client in (world.globex, world.stranger):
        for path in (
            "/connections",
            "/connections?includeArchived=true",
            f"/connections?tenantId={owned.connection['tenantId']}",
            "/action-run-logs",
            "/search?q=Guarded",
            "/search?q=guarded-action&elementType=action",
            "/search?q=Guarded&elementType=connection",
            "/actions?search=guarded",
            "/actions?integrationKey=notes",
            "/actions?intent=guarded+action",
            "/integrations?search=notes",
        ):
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert owned.connection["id"] not in answer.text, path
            assert owned.action["id"] not in answer.text, path


async def test_a_connector_of_one_account_is_not_there_for_another(world: World, owned: Owned) -> None:
    connector_id = owned.connection["connectorId"]
    for path in (
        f"/connectors/{connector_id}",
        f"/integrations/{connector_id}",
        f"/integrations/{connector_id}/actions",
        f"/external-apps/{connector_id}",
    ):
        assert (await world.stranger.get(path)).status_code == 404, path
    answer = await world.stranger.post("/connections", json={"connectorId": connector_id, "input": {"apiKey": KEY}})
    assert answer.status_code == 404


# ---------------------------------------------------------------- tenants are no managers


async def test_what_is_a_managers_is_refused_to_tenants(world: World) -> None:
    walked = 0
    for method in METHODS:
        if method.who is not Who.MANAGER:
            continue
        walked += 1
        path = _MEMBER.sub("notes", method.path)
        answer = await world.acme.request(method.verb, path, json={} if method.verb != "GET" else None)
        assert (answer.status_code, answer.json()["key"]) == (403, "access_denied"), f"{method.verb} {path}"
    assert walked > 10


# ---------------------------------------------------------------- restricted tokens


async def restricted(world: World, product: Product, **limits: Any) -> httpx.AsyncClient:
    tenant = await world.site.app.tenants.tenant(product.account_id, "acme")
    made = await world.site.app.tenants.oauth.create_token(
        product.account_id, name="narrow", tenant=tenant, restrictions=Restrictions(**limits)
    )
    return product.client(made.token)


async def test_a_token_that_only_reads_runs_what_reads_and_changes_nothing(
    world: World, product: Product, owned: Owned
) -> None:
    async with await restricted(world, product, read_only=True) as reader:
        connection = owned.connection["id"]
        listed = (await reader.get(f"/actions?connectionId={connection}")).json()["items"]
        assert {item["effect"] for item in listed} == {"read"}
        ranked = (await reader.get(f"/actions?connectionId={connection}&intent=delete+a+note")).json()["items"]
        assert {item["effect"] for item in ranked} == {"read"}
        assert (await reader.post(f"/actions/list-notes/run?connectionId={connection}", json={})).status_code == 200
        world.notes.seen.clear()
        for path, body in (
            (f"/actions/create-note/run?connectionId={connection}", {"input": {"text": "x"}}),
            (f"/connections/{connection}/actions/create-note/run", {"text": "x"}),
            (f"/connections/{connection}/execute-request", {"key": "create-note", "payload": {"text": "x"}}),
            (f"/connections/{connection}/operations/create-note/run", {"input": {"text": "x"}}),
            ("/act", {"key": "create-note", "connectionId": connection, "input": {"text": "x"}}),
            ("/act", {"api": {"method": "POST", "path": "/notes", "body": {}}, "connectionId": connection}),
        ):
            answer = await reader.post(path, json=body)
            assert (answer.status_code, answer.json()["key"]) == (403, "access_denied"), path
        assert world.notes.seen == []


async def test_a_token_for_chosen_connections_sees_no_others(world: World, product: Product, owned: Owned) -> None:
    other = await world.connect(world.acme, key="not-chosen")
    async with await restricted(world, product, connections=frozenset({owned.connection["id"]})) as narrow:
        listed = (await narrow.get("/connections")).json()["items"]
        assert [item["id"] for item in listed] == [owned.connection["id"]]
        assert (await narrow.get(f"/connections/{other['id']}")).status_code == 404
        found = (await narrow.get("/search?q=not-chosen&elementType=connection")).json()["items"]
        assert {item["element"]["id"] for item in found} <= {owned.connection["id"]}
        answer = await narrow.post(f"/actions/list-notes/run?connectionId={other['id']}", json={})
        assert answer.status_code == 404
        assert {item["integrationKey"] for item in (await narrow.get("/actions")).json()["items"]} == {"notes"}
        intended = (await narrow.get("/actions?intent=send+an+email&limit=50")).json()["items"]
        assert {item["integrationKey"] for item in intended} <= {"notes"}
        assert (await narrow.post("/act", json={"key": "list-notes"})).status_code == 200
        runs = (await narrow.get("/action-run-logs")).json()["items"]
        assert {run["connectionId"] for run in runs} == {owned.connection["id"]}


async def test_a_token_for_chosen_actions_runs_these_and_sends_no_requests(
    world: World, product: Product, owned: Owned
) -> None:
    async with await restricted(world, product, actions=frozenset({"list-notes"})) as narrow:
        connection = owned.connection["id"]
        listed = (await narrow.get(f"/actions?connectionId={connection}")).json()["items"]
        assert [item["key"] for item in listed] == ["list-notes"]
        found = (await narrow.get("/search?q=note&elementType=action")).json()["items"]
        assert {item["element"]["key"] for item in found} <= {"list-notes"}
        run = await narrow.post("/act", json={"key": "list-notes", "connectionId": connection})
        assert run.status_code == 200
        for body in ({"key": "who-am-i"}, {"api": {"method": "GET", "path": "/me"}}):
            answer = await narrow.post("/act", json={**body, "connectionId": connection})
            assert answer.status_code == 403


async def test_restricted_tokens_change_nothing_of_ours(world: World, product: Product, owned: Owned) -> None:
    for limits in ({"read_only": True}, {"connections": frozenset({owned.connection["id"]})}, {"actions": frozenset()}):
        async with await restricted(world, product, **limits) as narrow:
            for method in METHODS:
                path = of_a_tenant(method, owned)
                if path is None or not method.changes:
                    continue
                answer = await narrow.request(method.verb, path, json={})
                assert answer.status_code == 403, f"{method.verb} {path}: {answer.status_code}"
            for path in ("/connections", "/connections/ensure", "/connect", "/connection-requests", "/actions"):
                assert (await narrow.post(path, json={"connectorKey": "notes"})).status_code == 403


# ---------------------------------------------------------------- hostile bodies

_HOSTILE = (
    b"",
    b"null",
    b"[]",
    b"0",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b'{"a":' * 2000,
    b"[" * 100_000,
    b'{"key": "\\u0000", "name": "\\u0000"}',
    b'{"name": "\\ud800", "input": {"apiKey": "\\ud800"}}',
    b'{"connectorKey": "notes", "input": 5, "meta": [], "connectorParameters": "x"}',
    b'{"connectionId": "' + b"x" * 5000 + b'"}',
    b'{"id": 1e400, "input": {"n": 123456789012345678901234567890}}',
    b'{"config": {"request": {"method": "GET", "path": {"$var": 5}}}, "name": "n"}',
)


async def test_no_body_makes_the_server_fail(world: World, owned: Owned) -> None:
    mine = await world.connect(world.acme, key="battered")
    ids = {"connection": mine["id"], "action": "create-note", "key": "create-note", "collection": "x", "selector": "x"}
    ids |= {"run_id": owned.run_id, "request_id": owned.request_id, "integration": "notes"}
    for method in METHODS:
        if method.verb == "GET" or method.path.startswith(("/oauth", "/org-workspaces")):
            continue
        path = _MEMBER.sub(lambda member: ids.get(member[1], "x"), method.path)
        client = world.manager if method.who is Who.MANAGER else world.acme
        for body in _HOSTILE:
            answer = await client.request(method.verb, path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code < 500, f"{method.verb} {path} {body[:60]!r}: {answer.text}"
            if answer.status_code >= 400:
                assert answer.json()["type"], f"{method.verb} {path}"
