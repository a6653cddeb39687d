"""What every route has in common: credentials, errors, headers, pages, keys that make a request repeatable."""

from __future__ import annotations

import asyncio

import httpx2 as httpx
import pytest

from tests.http.running_site import PASSWORD, Site

V1 = "/syncom/v1"


async def test_a_browser_signs_in_looks_around_and_signs_out(site: Site) -> None:
    async with site.client(None, Accept="text/html") as browser:
        form = {"email": "admin@example.com", "password": PASSWORD, "next": "/docs"}
        origin = {"Origin": site.url}
        wrong = await browser.post("/login", data={**form, "password": "wrong"}, headers=origin)
        assert wrong.status_code == 401
        assert 'role="alert"' in wrong.text
        assert "wrong" in wrong.text
        signed_in = await browser.post("/login", data=form, headers=origin)
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/docs")
        cookie = signed_in.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert (await browser.get(f"{V1}/session")).json()["role"] == "owner"
        await browser.post("/logout", headers=origin)
        assert (await browser.get(f"{V1}/session")).status_code == 401


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/%2F/evil.example", "/a\r\nb", "/\tb", "http:/x"],
)
async def test_signing_in_never_leads_to_another_server(site: Site, target: str) -> None:
    from syncom.http.pages.login import local_path

    assert local_path(target) == "/"


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1.evil.example"])
async def test_a_cookie_changes_nothing_on_behalf_of_another_site(site: Site, origin: str | None) -> None:
    session = await site.app.accounts.sign_in(email="admin@example.com", password=PASSWORD, address="::1")
    async with site.client(None, Cookie=f"syncom_session={session.token}") as browser:
        if origin:
            browser.headers["Origin"] = origin
        for method, path, body in (
            ("PATCH", f"{V1}/account", {"name": "Stolen"}),
            ("POST", f"{V1}/api-keys", {"name": "Stolen"}),
            ("DELETE", f"{V1}/session", None),
            ("POST", "/logout", None),
        ):
            answer = await browser.request(method, path, json=body)
            assert answer.status_code == 403, path
        assert (await browser.get(f"{V1}/account")).json()["name"] != "Stolen"
        allowed = await browser.patch(f"{V1}/account", json={"name": "Mine"}, headers={"Origin": site.url})
        assert allowed.json()["name"] == "Mine"


async def test_a_form_cannot_post_to_the_api(site: Site) -> None:
    async with site.client() as client:
        for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = await client.post(f"{V1}/api-keys", content=b'{"name":"x"}', headers={"Content-Type": media})
            assert answer.status_code == 415
            assert answer.json()["type"].endswith("unsupported_media_type")


async def test_a_key_works_as_bearer_and_as_a_basic_password_until_it_is_revoked(site: Site) -> None:
    async with site.client() as owner:
        made = (await owner.post(f"{V1}/api-keys", json={"name": "shop", "role": "marketer"})).json()
        async with site.client(made["key"]) as shop:
            assert (await shop.get(f"{V1}/account")).status_code == 200
            basic = await shop.get(
                f"{V1}/account", headers={"Authorization": httpx.BasicAuth("x", made["key"])._auth_header}
            )
            assert basic.status_code == 200
            await owner.delete(f"{V1}/api-keys/{made['api_key']['api_key_id']}")
            gone = await shop.get(f"{V1}/account")
            assert gone.status_code == 401
            assert gone.headers["www-authenticate"] == "Bearer"
        listed = (await owner.get(f"{V1}/api-keys")).json()["items"]
        assert made["key"] not in str(listed)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b"[]", 422, "body"),
        (b"{}", 422, "name"),
        (b"", 422, "body"),
        (b'{"name": 5}', 422, "name"),
        (b'{"name": ""}', 422, "name"),
        (b'{"name": "x", "role": "king"}', 422, "role"),
        (b'{"name": "x", "account_id": 2}', 422, "account_id"),
        (b'{"name": "a\\u0000b"}', 422, "name"),
    ],
)
async def test_wrong_input_is_answered_with_the_field(site: Site, body: bytes, status: int, field: str | None) -> None:
    async with site.client() as client:
        answer = await client.post(f"{V1}/api-keys", content=body, headers={"Content-Type": "application/json"})
    problem = answer.json()
    assert answer.status_code == status, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"]
    if field:
        assert [wrong["field"] for wrong in problem["errors"]] == [field], problem


async def test_unknown_paths_methods_and_big_bodies_are_problems_too(site: Site) -> None:
    async with site.client() as client:
        for method, path, status in (
            ("GET", f"{V1}/nothing", 404),
            ("GET", f"{V1}/users/abc", 404),
            ("GET", f"{V1}/users/99999999999999999999", 404),
            ("PUT", f"{V1}/account", 405),
            ("GET", "/nothing", 404),
            ("GET", "/.env", 404),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status, path
            assert answer.json()["status"] == status
        big = await client.post(f"{V1}/api-keys", json={"name": "x" * 1_100_000})
        assert big.status_code == 413


async def test_too_many_wrong_passwords_are_answered_with_the_wait(site: Site) -> None:
    async with site.client(None) as client:
        for _ in range(5):
            await client.post(f"{V1}/session", json={"email": "a@b.c", "password": "x"})
        answer = await client.post(f"{V1}/session", json={"email": "a@b.c", "password": "x"})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 20


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    async with site.client() as client:
        for path in ("/", "/login", "/docs", "/healthz", "/readyz", "/metrics", "/nothing", f"{V1}/account", f"{V1}/x"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "server" not in answer.headers


async def test_pages_are_readable_without_scripts_and_without_other_servers(site: Site) -> None:
    async with site.client(None, Accept="text/html") as browser:
        for path in ("/login", "/docs", "/nothing"):
            text = (await browser.get(path)).text
            assert "<script" not in text
            assert " style=" not in text
            assert 'src="http' not in text
            assert '<link rel="stylesheet" href="/assets/pages.css">' in text
        assert (await browser.get("/assets/pages.css")).headers["content-type"].startswith("text/css")
        docs = (await browser.get("/docs")).text
        assert "/syncom/v1/api-keys" in docs
        assert "manage_keys" in docs
        assert "curl -X POST" in docs
        document = (await browser.get(f"{V1}/openapi.json")).json()
    assert document["openapi"].startswith("3.1")


async def test_links_never_come_from_the_host_header(site: Site) -> None:
    async with site.client(None, Host="evil.example") as client:
        for path in ("/", "/docs", f"{V1}/openapi.json", "/login"):
            assert "evil.example" not in (await client.get(path)).text


async def test_health_and_metrics_say_what_is_up(site: Site) -> None:
    async with site.client(None) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        text = (await client.get("/metrics")).text
    assert 'syncom_http_requests_total{area="/healthz",status="200"}' in text
    assert "syncom_database_pool_size" in text


async def test_a_repeated_request_is_answered_again_and_not_done_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.client() as client:
        headers = {"Idempotency-Key": "order-1"}
        session = await site.app.accounts.sign_in(email="admin@example.com", password=PASSWORD, address="::1")
        client.headers["Cookie"] = f"syncom_session={session.token}"
        client.headers["Origin"] = site.url
        del client.headers["Authorization"]
        first, second = await asyncio.gather(
            *(client.post(f"{V1}/accounts", json={"name": "Third"}, headers=headers) for _ in range(2))
        )
        assert sorted((first.status_code, second.status_code)) in ([201, 201], [201, 409])
        again = await client.post(f"{V1}/accounts", json={"name": "Third"}, headers=headers)
        assert again.status_code == 201
        assert again.headers["idempotency-replayed"] == "true"
        names = [account["name"] for account in (await client.get(f"{V1}/accounts")).json()["items"]]
        assert names.count("Third") == 1
        other = await client.post(f"{V1}/accounts", json={"name": "Fourth"}, headers=headers)
        assert other.status_code == 409
        refused = await client.post(f"{V1}/accounts", json={"name": ""}, headers={"Idempotency-Key": "order-2"})
        assert refused.status_code == 422
        mended = await client.post(f"{V1}/accounts", json={"name": "Fifth"}, headers={"Idempotency-Key": "order-2"})
        assert mended.status_code == 201, "a refused request leaves its key free"


async def test_answers_with_secrets_are_never_stored_for_repetition(site: Site) -> None:
    async with site.client() as client:
        answer = await client.post(f"{V1}/api-keys", json={"name": "x"}, headers={"Idempotency-Key": "a"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_an_unexpected_failure_says_nothing_but_its_request_id(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(account_id: int) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(site.app.accounts, "get_account", fail)
    async with site.client() as client:
        answer = await client.get(f"{V1}/account")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"] in caplog.text


async def test_the_account_says_which_version_of_velocity_its_templates_follow(site: Site) -> None:
    async with site.client() as client:
        assert (await client.get(f"{V1}/account")).json()["velocity_truth"] == 1
        changed = await client.patch(f"{V1}/account", json={"velocity_truth": 2})
        assert (changed.json()["velocity_truth"], changed.json()["velocity_lines"]) == (2, 1)
        refused = await client.patch(f"{V1}/account", json={"velocity_lines": 3})
        assert (refused.status_code, "velocity_lines" in refused.text) == (422, True)
        template = {"name": "T", "subject": "S", "source": "#if($x)a#{else}b#end", "dialect": "velocity"}
        made = (await client.post(f"{V1}/templates", json=template)).json()
        assert made["dialect"] == "velocity"
        shown = await client.post(f"{V1}/templates/{made['template_id']}/preview", json={"params": {"x": ""}})
        assert shown.json()["text"] == "b\n"
        broken = await client.post(f"{V1}/templates", json=template | {"source": "<p>\n#if($x)</p>"})
        assert (broken.status_code, "line 2: #if is never closed; add #end" in broken.text) == (422, True)


async def test_lists_come_in_pages(site: Site) -> None:
    for number in range(5):
        await site.app.accounts.update_account(site.owner, name=f"Main {number}")
    async with site.client() as client:
        seen: list[int] = []
        cursor = ""
        while True:
            page = (await client.get(f"{V1}/account/audit", params={"limit": 2, "cursor": cursor})).json()
            assert len(page["items"]) <= 2
            seen += [entry["audit_id"] for entry in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == sorted(set(seen), reverse=True)
        assert len(seen) >= 8
        for wrong in ("x", "bm90IGpzb24", "InRleHQi", "%00"):
            answer = await client.get(f"{V1}/account/audit", params={"cursor": wrong})
            assert answer.json()["errors"][0]["field"] == "cursor"
        assert (await client.get(f"{V1}/account/audit", params={"limit": 1001})).status_code == 422


async def test_changing_the_password_ends_the_other_sessions_over_http(site: Site) -> None:
    async def sign_in(password: str) -> httpx.AsyncClient:
        session = await site.app.accounts.sign_in(email="admin@example.com", password=password, address="::1")
        return site.client(None, Cookie=f"syncom_session={session.token}", Origin=site.url)

    async with await sign_in(PASSWORD) as mine, await sign_in(PASSWORD) as other:
        change = {"current": PASSWORD, "new": PASSWORD}
        assert (await mine.post(f"{V1}/session/password", json=change)).status_code == 204
        assert (await mine.get(f"{V1}/session")).status_code == 200
        assert (await other.get(f"{V1}/session")).status_code == 401
