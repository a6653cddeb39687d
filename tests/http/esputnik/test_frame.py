"""What every method of the eSputnik API shares: who may, what is read, how it is refused."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpx2 as httpx
import msgspec
import pytest

from syncom.accounts.model import Compat, KeyScope, Role
from syncom.accounts.service import machine_principal
from syncom.http.esputnik.app import METHODS
from syncom.http.esputnik.lenient import BodyReader
from syncom.http.esputnik.method import Refused
from tests.http.esputnik.conftest import Shop
from tests.http.running_site import PASSWORD, Site


async def test_a_key_is_the_password_of_any_user(shop: Shop) -> None:
    for user in ("", "x", "api-user", "someone@example.com"):
        answer = await shop.call("GET", "/v1/account/info", auth=(user, shop.key))
        assert answer.status == 200, answer.body
        assert answer.json() == {
            "userEmail": f"api-user{shop.account_id}",
            "organisationName": "Shop",
            "orgId": shop.account_id,
        }
        assert answer.headers["content-type"] == "application/json;charset=UTF-8"


async def test_the_account_login_works_as_a_key(shop: Shop) -> None:
    right = await shop.call("GET", "/v1/account/info", auth=("admin@example.com", PASSWORD))
    assert right.status == 200
    assert right.json()["orgId"] != shop.account_id
    assert (await shop.call("GET", "/v1/account/info", auth=("admin@example.com", "wrong"))).status == 401


async def test_a_path_ends_with_a_slash_or_not(shop: Shop) -> None:
    assert (await shop.get("/v1/account/info/")).status == 200


@pytest.mark.parametrize("credentials", ["", "Basic", "Basic !!!", "Bearer sk_x", "Digest a", b64encode(b"x").decode()])
async def test_bad_credentials_get_json_that_says_401(shop: Shop, credentials: str) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as client:
        answer = await client.get("/api/v1/account/info", headers={"Authorization": credentials} if credentials else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    body = answer.json()
    assert (body["status"], body["error"], body["message"]) == (401, "Unauthorized", "Authentication error")
    assert body["path"] == "/api/v1/account/info"


async def test_every_method_asks_who_it_is(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as client:
        for method in METHODS:
            if not method.public:
                answer = await client.request(method.verb, "/api" + _with_members(method.path), json={})
                assert answer.status_code == 401, f"{method.verb} {method.path}: {answer.status_code}"


async def test_every_method_wants_the_right_of_the_key(shop: Shop) -> None:
    for scope, allowed in ((KeyScope.EVENTS, {"read_account", "read_content", "write_events"}),):
        narrow = await shop.with_key(scope=scope)
        for method in METHODS:
            if method.public or method.scope.value.value in allowed:
                continue
            answer = await narrow.call(method.verb, _with_members(method.path), None if method.verb == "GET" else {})
            assert answer.status == 403, f"{method.verb} {method.path}: {answer.status} {answer.body!r}"
            assert answer.message.startswith("Access denied")


async def test_a_viewer_may_look_and_not_write(shop: Shop) -> None:
    viewer = await shop.with_key(role=Role.VIEWER)
    for method in METHODS:
        if not method.public and method.scope.value.value.startswith(("write", "send")):
            answer = await viewer.call(method.verb, _with_members(method.path), None if method.verb == "GET" else {})
            assert answer.status == 403, f"{method.verb} {method.path}: {answer.status}"


async def test_unknown_paths_and_verbs(shop: Shop) -> None:
    assert (await shop.get("/v1/nothing")).status == 404
    assert (await shop.get("/v9/account/info")).status == 404
    answer = await shop.post("/v1/account/info", {})
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]
    assert answer.json()["error"] == "Method Not Allowed"


async def test_every_answer_may_be_read_from_a_page_elsewhere(shop: Shop) -> None:
    answer = await shop.call("OPTIONS", "/v1/account/info")
    assert answer.status == 200
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "set-cookie" not in answer.headers
    elsewhere = {"Origin": "https://shop.example"}
    for path, status in (("/v1/account/info", 200), ("/v1/contact/1", 404)):
        answer = await shop.call("GET", path, headers=elsewhere)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, "*")
    event = {"eventTypeKey": "seen", "keyValue": "1"}
    answer = await shop.call("POST", "/v1/event", event, headers=elsewhere)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-origin" not in (await shop.get("/v1/account/info")).headers


async def test_a_session_cookie_is_no_credential_here(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url) as client:
        given = {"email": "admin@example.com", "password": PASSWORD}
        await client.post("/syncom/v1/session", json=given)
        assert (await client.get("/api/v1/account/info")).status_code == 401


async def test_the_methods_are_in_the_document(site: Site) -> None:
    documented = {
        (path, verb.upper())
        for path, item in site.document["paths"].items()
        for verb, operation in item.items()
        if "eSputnik" in operation["tags"]
    }
    assert ("/api/v1/account/info", "GET") in documented
    assert len(documented) == len(METHODS)


async def test_scopes_and_switches_of_a_key_are_kept(shop: Shop) -> None:
    by = machine_principal(shop.account_id)
    made = await shop.app.accounts.create_api_key(
        by, name="narrow", scope=KeyScope.MESSAGES, compat=[Compat.JSON_SENTENCES]
    )
    found = await shop.app.accounts.authenticate_key(made.key)
    assert (found.scope, found.compat) == (KeyScope.MESSAGES, frozenset({Compat.JSON_SENTENCES}))


class _Inner(msgspec.Struct, kw_only=True):
    name: str
    size: int = 0


class _Body(msgspec.Struct, kw_only=True, rename="camel"):
    first_name: str
    inner: list[_Inner] = []
    marks: list[str] = []
    on: bool = False
    anything: Any = None


def test_bodies_of_old_clients_are_read() -> None:
    reader = BodyReader(_Body)
    raw = b'{"firstName": 5, "inner": {"name": "a", "size": "7", "x": 1}, "marks": "m", "on": "true", "unknown": null}'
    found = reader.read(raw)
    assert found == _Body(first_name="5", inner=[_Inner(name="a", size=7)], marks=["m"], on=True)
    assert reader.read(b'{"firstName":"x","inner":null,"anything":{"a":null}}').anything == {"a": None}
    assert reader.read('{"firstName":"Юлія"}'.encode("cp1251"), "windows-1251").first_name == "Юлія"


class _Outer(msgspec.Struct, kw_only=True):
    inner: _Inner | None = None
    free: dict[str, Any] = {}
    unset: _Inner | msgspec.UnsetType = msgspec.UNSET


def test_an_empty_object_of_php_is_none() -> None:
    assert BodyReader(_Outer).read(b'{"inner":[],"free":[],"unset":[]}') == _Outer()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "Request body is not valid JSON"),
        (b"\xff", "Request body is not valid JSON"),
        (b"[" * 100_000, "Request body is not valid JSON"),
        (b"{}", "Required field 'firstName' is missing"),
        (b'{"firstName": null}', "Required field 'firstName' is missing"),
        (b'{"firstName": "x", "inner": [{"size": 1}]}', "Required field 'inner.0.name' is missing"),
        (b'{"firstName": "x", "inner": [{"name": "a", "size": "many"}]}', "'inner.0.size'"),
        (b'{"firstName": {"a": 1}}', "'firstName'"),
        (b'{"firstName": "a\\u0000"}', "NUL"),
        (b"[1]", "Request body is wrong"),
    ],
)
def test_bodies_that_are_wrong_are_refused_by_name(raw: bytes, message: str) -> None:
    with pytest.raises(Refused) as caught:
        BodyReader(_Body).read(raw)
    assert caught.value.status == 400
    assert message in caught.value.message


def _with_members(path: str) -> str:
    pieces = ["1" if piece.startswith("{") else piece for piece in path.split("/")]
    return "/".join(pieces)
