"""The frame of the API: who may come in, what an error looks like, lists, bodies, other sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import httpx2 as httpx
import msgspec
import pytest
from litestar.types import Receive, Scope, Send

from syncom.connect.model import Fault
from syncom.errors import Conflict, Invalid, NotFound, RateLimited, SyncomError, Upstream
from syncom.http.authentication import Authentication
from syncom.http.membrane.app import METHODS, MembraneApi
from syncom.http.membrane.errors import refusal
from syncom.http.membrane.method import Edge, Method, Mount, Page, Who, listed
from tests.http.membrane.conftest import Product
from tests.http.running_site import Site


async def test_a_call_without_a_valid_token_gets_the_error_object(product: Product) -> None:
    for token in (None, "nonsense", "a.b.c", product.token()[:-2] + "xx"):
        async with product.client(token) as client:
            answer = await client.get("/self")
        assert answer.status_code == 401
        body = answer.json()
        assert (body["type"], body["key"]) == ("bad_request", "not_authenticated")
        assert isinstance(body["message"], str)
        assert answer.headers["www-authenticate"].startswith("Bearer resource_metadata=")
    async with product.client(None, authorization="Basic YTpi") as client:
        assert (await client.get("/self")).status_code == 401


async def test_self_is_the_tenant_at_the_top_and_again_under_user(product: Product) -> None:
    async with product.tenant("ann", name="Ann", fields={"plan": "gold"}) as client:
        body = (await client.get("/self")).json()
    assert body["internalId"] == "ann"
    assert (body["name"], body["fields"]) == ("Ann", {"plan": "gold"})
    assert body["user"]["id"] == body["id"]
    assert body["workspaceKey"] == body["workspace"]["key"] == product.key
    assert len(body["id"]) == 24
    assert product.secret not in str(body)


async def test_a_tenant_changes_its_name_and_adds_fields(product: Product) -> None:
    async with product.tenant("carl") as client:
        await client.patch("/self", json={"name": "Carl", "fields": {"a": 1}, "id": "x", "internalId": "bob"})
        body = (await client.patch("/self", json={"fields": {"b": 2}})).json()
    assert (body["internalId"], body["name"], body["fields"]) == ("carl", "Carl", {"a": 1, "b": 2})


async def test_a_manager_has_no_self_and_a_tenant_no_customers(product: Product) -> None:
    async with product.manager() as manager, product.tenant() as tenant:
        for answer in (await manager.get("/self"), await tenant.get("/customers")):
            assert answer.status_code == 403
            assert answer.json()["key"] == "access_denied"


async def test_a_manager_makes_finds_changes_archives_and_restores_tenants(product: Product) -> None:
    async with product.manager() as manager:
        made = (await manager.post("/customers", json={"internalId": "acme-7", "name": "Seven"})).json()
        again = await manager.post("/customers", json={"internalId": "acme-7"})
        assert again.status_code == 400
        assert again.json()["key"] == "already_exists"
        found = (await manager.get(f"/customers/{made['id']}")).json()
        assert found == (await manager.get("/customers/acme-7")).json() == made
        changed = (await manager.patch("/customers/acme-7", json={"name": "7", "fields": {"x": [1]}})).json()
        assert (changed["name"], changed["fields"]) == ("7", {"x": [1]})
        assert not (await manager.delete("/customers/acme-7")).json()["isActive"]
        async with product.tenant("acme-7") as archived:
            assert (await archived.get("/self")).status_code == 403
        listed_keys = [each["internalId"] for each in (await manager.get("/customers")).json()["items"]]
        assert "acme-7" not in listed_keys
        all_keys = (await manager.get("/customers", params={"includeArchived": "1"})).json()["items"]
        assert "acme-7" in [each["internalId"] for each in all_keys]
        assert (await manager.post("/customers/acme-7/restore")).json()["isActive"]
        assert (await manager.delete("/customers/default")).status_code == 400


async def test_lists_are_paged_by_an_offset_in_a_text_and_zero_is_the_start(other_product: Product) -> None:
    async with other_product.manager() as manager:
        for number in range(5):
            await manager.post("/customers", json={"internalId": f"page-{number}"})
        seen: list[str] = []
        cursor = "0"
        while True:
            body = (await manager.get("/customers", params={"cursor": cursor, "limit": 2})).json()
            seen += [each["internalId"] for each in body["items"]]
            if "cursor" not in body:
                break
            cursor = body["cursor"]
            assert isinstance(cursor, str)
        assert seen == ["default", *(f"page-{number}" for number in range(5))]
        for wrong in ({"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"cursor": "-1"}, {"includeArchived": "yes"}):
            answer = await manager.get("/customers", params=wrong)
            assert answer.status_code == 400
            assert answer.json()["data"]["errors"][0]["field"] == next(iter(wrong))


async def test_nothing_of_another_workspace_is_seen_or_changed(product: Product, other_product: Product) -> None:
    async with other_product.tenant("secret-tenant") as theirs:
        their_id = (await theirs.get("/self")).json()["id"]
    async with product.manager() as manager:
        for selector in (their_id, "secret-tenant"):
            assert (await manager.get(f"/customers/{selector}")).status_code == 404
            assert (await manager.patch(f"/customers/{selector}", json={"name": "x"})).status_code == 404
            assert (await manager.delete(f"/customers/{selector}")).status_code == 404
        assert "secret-tenant" not in (await manager.get("/customers", params={"limit": 1000})).text
    missing = f'Tenant "{their_id}" not found'
    async with product.manager() as manager:
        assert (await manager.get(f"/customers/{their_id}")).json()["message"] == missing


async def test_a_manager_says_where_the_owner_is_told(product: Product, other_product: Product) -> None:
    path = f"/org-workspaces/{product.key}"
    async with product.manager() as manager, product.tenant() as tenant, other_product.manager() as other:
        made = await manager.patch(path, json={"webhookUri": "https://you.example/events"})
        assert made.status_code == 200, made.text
        assert made.json()["webhookUri"] == "https://you.example/events"
        assert (await manager.patch(path, json={})).json()["webhookUri"] == "https://you.example/events"
        assert (await manager.patch(path, json={"webhookUri": "not an address"})).status_code == 400
        assert (await tenant.patch(path, json={"webhookUri": None})).status_code == 403
        assert (await other.patch(path, json={"webhookUri": None})).status_code == 404
        assert (await manager.patch(path, json={"webhookUri": None})).json()["webhookUri"] is None


async def test_an_api_key_is_the_default_tenant_and_a_viewers_changes_nothing(site: Site, product: Product) -> None:
    async with product.client(site.key) as client:
        assert (await client.get("/self")).json()["internalId"] == "default"
        assert (await client.patch("/self", json={"name": "Us"})).status_code == 200
    async with product.client(site.viewer_key) as client:
        assert (await client.get("/self")).status_code == 200
        refused = await client.patch("/self", json={"name": "Them"})
    assert refused.status_code == 403
    assert "restricted" in refused.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"name": 5}',
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"fields": "x"}',
        b'{"fields": {"a": 1e999}}',
        b'{"fields": ' + b'{"a":' * 2000 + b"1" + b"}" * 2001,
        b'{"name": "' + b"x" * 300 + b'"}',
        b'{"fields": {"a": "' + b"x" * 20_000 + b'"}}',
    ],
)
async def test_a_bad_body_is_refused_with_its_reason(product: Product, body: bytes) -> None:
    async with product.tenant() as client:
        answer = await client.patch("/self", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "bad_request"


async def test_a_body_of_another_kind_or_of_eleven_megabytes_is_refused(product: Product) -> None:
    async with product.tenant() as client:
        form = await client.patch("/self", data={"name": "x"})
        huge = await client.patch("/self", content=b" " * (11 * 1024 * 1024))
    assert form.status_code == 400
    assert huge.status_code == 413
    assert huge.json()["type"] == "bad_request"


async def test_wrong_paths_and_verbs_are_named(product: Product) -> None:
    async with product.tenant() as client:
        assert (await client.get("/nothing/here")).json()["key"] == "not_found"
        assert (await client.get("/self/")).status_code == 200
        answer = await client.put("/self", json={})
        assert answer.status_code == 405
        assert "PATCH" in answer.headers["allow"]
        assert (await client.head("/self")).status_code == 200
        assert (await client.get("/customers/%00")).status_code in (400, 403)


async def test_pages_of_other_sites_may_call_with_a_token_and_headers_of_versions_mean_nothing(
    product: Product,
) -> None:
    async with product.client(None, origin="https://app.example") as client:
        ask = {"access-control-request-method": "PATCH", "access-control-request-headers": "membrane-api-version"}
        preflight = await client.options("/self", headers=ask)
        refused = await client.get("/self")
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    allowed = preflight.headers["access-control-allow-headers"]
    assert all(name in allowed for name in ("authorization", "content-type", "membrane-api-version", "api-version"))
    assert "access-control-allow-credentials" not in preflight.headers
    assert refused.headers["access-control-allow-origin"] == "*"
    async with product.client(product.token(), **{"membrane-api-version": "legacy", "api-version": "9.9"}) as client:
        answer = await client.get("/self")
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]


async def test_a_signed_in_browser_is_nobody_here_without_a_token(site: Site, product: Product) -> None:
    async with httpx.AsyncClient(base_url=site.url) as browser:
        form = {"email": "admin@example.com", "password": "correct horse battery", "next": "/"}
        await browser.post("/login", data=form, headers={"origin": site.url})
        assert (await browser.get("/membrane/self")).status_code == 401


async def test_every_method_is_in_the_document_under_its_tag(site: Site) -> None:
    for method in METHODS:
        operation = site.document["paths"]["/membrane" + method.path][method.verb.lower()]
        assert operation["tags"] == ["Membrane API"]
        assert operation["x-permission"] == method.who.value


async def test_every_method_says_who_may_call_it_and_the_frame_holds_it(product: Product) -> None:
    async with product.client(None) as nobody, product.tenant() as tenant, product.manager() as manager:
        for method in METHODS:
            path = method.path.replace("{selector}", "nothing").replace("{id}", "nothing")
            if method.who is not Who.PUBLIC:
                assert (await nobody.request(method.verb, path)).status_code == 401, path
            if method.who in (Who.MANAGER, Who.PERSON):
                assert (await tenant.request(method.verb, path)).status_code == 403, path
            if method.who in (Who.TENANT, Who.PERSON):
                assert (await manager.request(method.verb, path)).status_code == 403, path


class _Failed(SyncomError):
    def __init__(self, fault: Fault, *, run_id: str, cause: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.run_id = run_id
        self.cause = cause


def test_errors_of_the_domains_become_the_statuses_and_types_that_clients_know() -> None:
    scope: Any = {}
    dead = Fault(type="connection", key="connection_is_defunct", message="reconnect")
    for error, status, type_, key in (
        (NotFound("connection", "nope"), 404, "bad_request", "not_found"),
        (Invalid("input.title", "is required"), 400, "bad_request", ""),
        (Conflict("taken", field="key"), 400, "bad_request", "already_exists"),
        (RateLimited("slow down", 2.5), 429, "bad_request", "rate_limit_exceeded"),
        (Upstream("the app is down"), 400, "connection", ""),
        (ValueError("a defect"), 500, "internal", ""),
    ):
        found = refusal(error, scope, challenge="Bearer")
        assert (found.status, found.body.type, found.body.key) == (status, type_, key)
        assert "a defect" not in found.body.message
    failed = _Failed(Fault(type="action_run", message="refused", data={"x": 1}), run_id="r1", cause=dead)
    found = refusal(failed, scope, challenge="Bearer")
    assert found.status == 400
    body = msgspec.to_builtins(found.body)
    assert body["actionRunId"] == "r1"
    assert body["data"] == {"x": 1}
    assert body["causedByError"]["key"] == "connection_is_defunct"
    assert body["code"] == "CONNECTION_DISCONNECTED"


def test_a_page_has_a_cursor_only_when_there_is_more() -> None:
    assert msgspec.to_builtins(listed([1, 2], Page(2, 0))) == {"items": [1, 2]}
    assert msgspec.to_builtins(listed([1, 2, 3], Page(2, 4))) == {"items": [1, 2], "cursor": "6"}


def _echo(edge: Edge) -> Any:
    async def route(scope: Scope, receive: Receive, send: Send, members: Mapping[str, str]) -> None:
        if members.get("rest") == "fail":
            raise NotFound("connection", members["selector"])
        body = msgspec.json.encode({**members, "verb": scope.get("method")})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"x/y")]})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        if members.get("rest") == "break":
            raise NotFound("connection", "late")

    return route


async def test_mounts_answer_by_themselves_below_their_path(site: Site) -> None:
    mount = Mount("/connections/{selector}/proxy/{rest*}", _echo, verbs=frozenset({"GET", "HEAD", "POST"}))

    async def nothing(call: Any) -> dict[str, Any]:
        return {}

    own = Method("GET", "/connections/{selector}/proxy/own", nothing, who=Who.PUBLIC, summary="")
    authentication = Authentication(site.app.accounts, site.app.settings)
    api = MembraneApi(site.app, authentication, site.app.jobs(site.app.database.dsn), [own], [mount])
    transport = httpx.ASGITransport(app=cast("Any", api), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://x/membrane") as client:
        found = await client.get("/connections/c1/proxy/a/b//c", headers={"origin": "https://app.example"})
        assert found.json() == {"selector": "c1", "rest": "a/b//c", "verb": "GET"}
        assert found.headers["access-control-allow-origin"] == "*"
        assert (await client.get("/connections/c1/proxy/own")).json() == {}
        assert (await client.post("/connections/c1/proxy/own")).json()["rest"] == "own"
        assert (await client.get("/connections/c1/proxy")).json()["rest"] == ""
        failed = await client.get("/connections/c1/proxy/fail")
        assert (failed.status_code, failed.json()["key"]) == (404, "not_found")
        assert (await client.put("/connections/c1/proxy/a")).status_code == 404
        assert (await client.options("/connections/c1/proxy/a")).status_code == 204
        with pytest.raises(NotFound):
            await client.get("/connections/c1/proxy/break")
