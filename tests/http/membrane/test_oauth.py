"""Signing in over HTTP: metadata, registration, the pages for people, the endpoints for programs."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
import pytest

from syncom.accounts.model import Role
from syncom.ids import short_id
from tests.connect.tenants.signing_in import Program
from tests.http.membrane.conftest import Product
from tests.http.running_site import PASSWORD, Site

_AUTHORIZE = "/membrane/oauth/authorize"


class Browser:
    """A person's browser: cookies, and forms sent from the pages that hold them."""

    def __init__(self, site: Site) -> None:
        self.client = httpx.AsyncClient(base_url=site.url, timeout=30, headers={"accept": "text/html"})
        self._origin = site.url

    async def sign_in(self, email: str = "admin@example.com", password: str = PASSWORD) -> None:
        form = {"email": email, "password": password, "next": "/"}
        answer = await self.client.post("/login", data=form, headers={"origin": self._origin})
        assert answer.status_code == 303, answer.text

    async def open(self, program: Program, **asking: str) -> httpx.Response:
        """The consent page, or whatever the program's request leads to."""
        answer = await self.client.get(_AUTHORIZE, params=program.asking(**asking))
        if answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = await self.client.get(answer.headers["location"])
        return answer

    async def decide(self, page: httpx.Response, decision: str = "approve", **fields: Any) -> httpx.Response:
        given = {**hidden(page.text), "decision": decision, **fields}
        return await self.client.post(_AUTHORIZE, data=given, headers={"origin": self._origin})


def hidden(page: str) -> dict[str, str]:
    """Hidden fields of the form that agrees."""
    form = page[page.index('<form class="stack" method="post"') :]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
    return {name: html.unescape(value) for name, value in found}


def told(answer: httpx.Response) -> dict[str, str]:
    """What the program is told at its address."""
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


@pytest.fixture
async def browser(site: Site) -> Browser:
    browser = Browser(site)
    await browser.sign_in()
    return browser


async def tokens(site: Site, fields: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=site.url) as client:
        return await client.post("/membrane/oauth/token", data=fields)


async def test_a_person_lets_the_command_line_in(site: Site, browser: Browser, product: Product) -> None:
    program = Program()
    page = await browser.open(program)
    assert page.status_code == 200
    assert "Membrane CLI" in page.text
    assert "a program on this computer" in page.text
    answer = await browser.decide(page)
    assert answer.headers["location"].startswith("http://127.0.0.1:51234/callback?code=")
    given = told(answer)
    assert (given["state"], given["iss"]) == ("st&te", f"{site.url}/membrane")
    got = await tokens(site, program.exchanging(given["code"]))
    assert got.status_code == 200
    assert got.headers["cache-control"] == "no-store"
    body = got.json()
    assert body["token_type"] == "Bearer"
    assert (body["default_workspace_key"], body["default_tenant_key"]) == (product.key, "default")
    assert body["email"] == "admin@example.com"
    async with product.client(body["access_token"]) as client:
        assert (await client.get("/self")).json()["internalId"] == "default"
        assert (await client.get("/account")).json()["email"] == "admin@example.com"
        listed = (await client.get("/grants")).json()["items"]
        assert [each["grantType"] for each in listed] == ["cli-oauth"]
        assert (await client.delete(f"/grants/{listed[0]['id']}")).status_code == 204
        assert (await client.get("/self")).status_code == 401
    refused = await tokens(site, program.refreshing(body["refresh_token"]))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_a_person_who_is_not_signed_in_signs_in_first_and_comes_back(site: Site) -> None:
    stranger = Browser(site)
    program = Program()
    answer = await stranger.open(program)
    assert answer.status_code == 303
    login = answer.headers["location"]
    assert login.startswith("/login?next=")
    form = html.unescape((await stranger.client.get(login)).text)
    following = re.search(r'name="next" value="([^"]+)"', form)
    assert following is not None
    fields = {"email": "admin@example.com", "password": PASSWORD, "next": following[1]}
    back = await stranger.client.post("/login", data=fields, headers={"origin": site.url})
    page = await stranger.client.get(back.headers["location"])
    assert "Membrane CLI" in page.text
    assert told(await stranger.decide(page))["code"]


async def test_saying_no_tells_the_program_so(browser: Browser) -> None:
    page = await browser.open(Program())
    given = told(await browser.decide(page, "deny"))
    assert (given["error"], given["state"]) == ("access_denied", "st&te")
    assert "code" not in given
    assert told(await browser.decide(page, "anything else"))["error"] == "access_denied"


async def test_limits_that_a_person_sets_are_limits_of_the_token(
    site: Site, browser: Browser, product: Product
) -> None:
    program = Program()
    page = await browser.open(program)
    answer = await browser.decide(page, read_only="1", actions="get-contact, search-contacts")
    got = (await tokens(site, program.exchanging(told(answer)["code"]))).json()
    caller = await site.app.tenants.authenticate(got["access_token"])
    assert caller.restrictions.read_only
    assert caller.restrictions.actions == {"get-contact", "search-contacts"}
    async with product.client(got["access_token"]) as client:
        assert (await client.get("/self")).status_code == 200
        for refused in (
            await client.patch("/self", json={"name": "x"}),
            await client.post("/client-tokens", json={"name": "x"}),
        ):
            assert refused.status_code == 403


async def _connection(site: Site, product: Product, name: str, tenant: str = "default") -> str:
    """A connection of a tenant, ready, without credentials."""
    connection_id = short_id()
    owner = await site.app.tenants.tenant(product.account_id, tenant, create=True)
    async with site.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO connections (connection_id, account_id, tenant_id, connector_id, key, name, state)"
            " SELECT %s, %s, %s, connector_id, %s, %s, 'READY' FROM connectors WHERE account_id IS NULL LIMIT 1",
            (connection_id, product.account_id, owner.tenant_id, connection_id, name),
        )
    return connection_id


async def test_a_person_limits_a_program_to_connections_of_the_tenant(
    site: Site, browser: Browser, product: Product
) -> None:
    mine = await _connection(site, product, "Shop <i>")
    spare = await _connection(site, product, "Desk")
    foreign = await _connection(site, product, "Somebody else's", tenant="else")
    program = Program()
    page = await browser.open(program)
    assert "Shop &lt;i&gt;" in page.text
    assert mine in page.text
    assert foreign not in page.text
    none = await browser.decide(page, limit="connections", connection=[foreign])
    assert none.status_code == 400
    answer = await browser.decide(page, limit="connections", connection=[mine, foreign])
    got = (await tokens(site, program.exchanging(told(answer)["code"]))).json()
    assert (await site.app.tenants.authenticate(got["access_token"])).restrictions.connections == {mine}
    async with product.client(got["access_token"]) as client:
        assert [each["id"] for each in (await client.get("/connections")).json()["items"]] == [mine]
        assert (await client.get(f"/connections/{spare}")).status_code == 404
        assert (await client.get(f"/connections/{mine}")).status_code == 200
        assert (await client.delete(f"/connections/{mine}")).status_code == 403
    async with product.manager() as manager:
        wanted = {"name": "Bot", "tenantKey": "default", "connections": [spare]}
        made = (await manager.post("/client-tokens", json=wanted)).json()
        assert made["connections"] == [spare]
        wanted["connections"] = [foreign]
        assert (await manager.post("/client-tokens", json=wanted)).status_code == 404


async def test_a_new_customer_is_made_when_the_person_agrees(site: Site, browser: Browser, product: Product) -> None:
    program = Program()
    page = await browser.open(program)
    query = {"request": hidden(page.text)["request"], "new_tenant": "<b>fresh</b>"}
    again = await browser.client.get(_AUTHORIZE, params=query)
    assert "<b>fresh" not in again.text
    async with product.manager() as manager:
        assert (await manager.get("/customers", params={"search": "fresh"})).json()["items"] == []
    got = await tokens(site, program.exchanging(told(await browser.decide(again))["code"]))
    assert got.json()["default_tenant_key"] == "<b>fresh</b>"


async def test_a_person_signs_in_and_derives_tenants_and_managers_tokens(
    site: Site, browser: Browser, product: Product, other_product: Product
) -> None:
    program = Program()
    page = await browser.open(program, scope="platform-user")
    got = (await tokens(site, program.exchanging(told(await browser.decide(page))["code"]))).json()
    async with product.client(got["access_token"]) as person:
        assert (await person.get("/self")).status_code == 403
        workspaces = (await person.get("/org-workspaces")).json()["items"]
        assert [each["key"] for each in workspaces] == [product.key]
        own = workspaces[0]["id"]
        wanted = {"tenantKey": "derived", "name": "Derived", "fields": {"a": 1}, "unknown": True}
        made = await person.post(f"/org-workspaces/{own}/access-token", json=wanted)
        admin = (await person.post(f"/org-workspaces/{own}/access-token", json={"isAdmin": True})).json()
        default = (await person.post(f"/org-workspaces/{product.key}/access-token")).json()
        for foreign in (other_product.key, "nothing"):
            answer = await person.post(f"/org-workspaces/{foreign}/access-token", json={})
            assert answer.status_code == 404
        rotated = await person.post(f"/org-workspaces/{other_product.key}/rotate-secret")
        assert rotated.status_code == 404
    async with product.client(made.json()["token"]) as tenant:
        body = (await tenant.get("/self")).json()
        assert (body["internalId"], body["name"], body["fields"]) == ("derived", "Derived", {"a": 1})
    async with product.client(admin["token"]) as manager:
        assert (await manager.get("/customers")).status_code == 200
    async with product.client(default["token"]) as tenant:
        assert (await tenant.get("/self")).json()["internalId"] == "default"


async def test_a_viewer_lets_a_program_read_only_and_manages_nothing(site: Site, product: Product) -> None:
    await site.app.accounts.create_user(
        site.owner, email="viewer@example.com", role=Role.VIEWER, name="V", password="viewers own word"
    )
    browser = Browser(site)
    await browser.sign_in("viewer@example.com", "viewers own word")
    program = Program()
    page = await browser.open(program, scope="platform-user")
    assert "only reads" in page.text
    got = (await tokens(site, program.exchanging(told(await browser.decide(page))["code"]))).json()
    async with product.client(got["access_token"]) as person:
        own = f"/org-workspaces/{product.key}"
        assert (await person.post(f"{own}/access-token", json={"isAdmin": True})).status_code == 403
        assert (await person.post(f"{own}/rotate-secret")).status_code == 403
        assert (await person.post(f"{own}/access-token", json={"tenantKey": "viewers-new"})).status_code == 404
        token = (await person.post(f"{own}/access-token", json={})).json()["token"]
    assert (await site.app.tenants.authenticate(token)).restrictions.read_only


async def test_a_new_password_or_a_lost_membership_ends_sign_ins(site: Site, product: Product) -> None:
    for email, end in (
        ("leaves@example.com", lambda user: site.app.accounts.remove_user(site.owner, user)),
        ("locked@example.com", lambda user: site.app.accounts.set_user_disabled(site.owner, user, disabled=True)),
        ("forgot@example.com", lambda user: site.app.accounts.reset_password(site.owner, user)),
    ):
        made = await site.app.accounts.create_user(
            site.owner, email=email, role=Role.ADMIN, name="", password="a word of their own"
        )
        browser, program = Browser(site), Program()
        await browser.sign_in(email, "a word of their own")
        page = await browser.open(program)
        got = (await tokens(site, program.exchanging(told(await browser.decide(page))["code"]))).json()
        async with product.client(got["access_token"]) as client:
            assert (await client.get("/self")).status_code == 200
            await end(made.user.user_id)
            for _ in range(200):
                if (await client.get("/self")).status_code == 401:
                    break
                await asyncio.sleep(0.01)
            assert (await client.get("/self")).status_code == 401, email
        assert (await tokens(site, program.refreshing(got["refresh_token"]))).status_code == 400


# ---------------------------------------------------------------- pages that must not be turned against a person


async def test_agreeing_takes_a_form_of_our_own_page(site: Site, browser: Browser) -> None:
    page = await browser.open(Program())
    fields = {**hidden(page.text), "decision": "approve"}
    for origin in ({}, {"origin": "https://evil.example"}, {"origin": "null"}):
        answer = await browser.client.post(_AUTHORIZE, data=fields, headers=origin)
        assert answer.status_code == 403
    forged = {**fields, "request": fields["request"][:-2] + "xx"}
    answer = await browser.client.post(_AUTHORIZE, data=forged, headers={"origin": site.url})
    assert answer.status_code == 400
    async with httpx.AsyncClient(base_url=site.url) as stranger:
        answer = await stranger.post(_AUTHORIZE, data=fields, headers={"origin": site.url})
    assert answer.status_code == 400


async def test_somebody_elses_account_or_customer_is_not_to_be_chosen(
    site: Site, browser: Browser, other_product: Product
) -> None:
    page = await browser.open(Program())
    theirs = await site.app.tenants.tenant(other_product.account_id, "default")
    for wrong in ({"account": str(other_product.account_id)}, {"tenant": theirs.tenant_id}, {"tenant": "x"}):
        answer = await browser.decide(page, **wrong)
        assert answer.status_code in (400, 403), wrong
    query = {"request": hidden(page.text)["request"], "account": str(other_product.account_id)}
    assert (await browser.client.get(_AUTHORIZE, params=query)).status_code == 403


async def test_the_page_is_in_no_frame_and_leads_only_to_the_programs_address(site: Site, browser: Browser) -> None:
    client = await site.app.tenants.oauth.clients.register(
        '<script>alert("x")</script>', ["https://app.example:8443/cb?x=1", "myapp://cb"], address="10.9.9.9"
    )
    for address, source in (
        ("https://app.example:8443/cb?x=1", "https://app.example:8443"),
        ("myapp://cb", "myapp:"),
    ):
        page = await browser.open(Program(client.client_id, address))
        assert "<script" not in page.text
        policy = page.headers["content-security-policy"]
        assert f"form-action 'self' {source};" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in page.headers
        answer = await browser.decide(page)
        assert answer.headers["location"].startswith(f"{address}{'&' if '?' in address else '?'}code=")


async def test_wrong_requests_are_told_to_the_program_only_when_its_address_is_known(browser: Browser) -> None:
    wrong_scope = await browser.client.get(_AUTHORIZE, params=Program().asking(scope="tenant platform-user"))
    assert told(wrong_scope)["error"] == "invalid_scope"
    asking = Program().asking()
    twice = [*asking.items(), ("redirect_uri", "http://127.0.0.1:1/other")]
    for given in (
        {**asking, "redirect_uri": "https://evil.example/"},
        {**asking, "client_id": "nobody"},
        {},
        twice,
        {"request": "nonsense"},
    ):
        answer = await browser.client.get(_AUTHORIZE, params=given)
        assert answer.status_code == 400
        assert "evil.example" not in answer.text
        assert "location" not in answer.headers


async def test_the_page_with_the_code_shows_a_code_and_nothing_else(site: Site, browser: Browser) -> None:
    program = Program(redirect_uri=f"{site.url}/membrane/oauth/code")
    answer = await browser.decide(await browser.open(program))
    code = told(answer)["code"]
    page = await browser.client.get(answer.headers["location"])
    assert f'<pre id="code">{code}</pre>' in page.text
    assert (await tokens(site, program.exchanging(code))).status_code == 200
    for shown in ("<script>alert(1)</script>", "a", "x" * 44):
        page = await browser.client.get("/membrane/oauth/code", params={"code": shown, "error_description": shown})
        assert page.status_code == 400
        assert "<script" not in page.text
        assert "xxxx" not in page.text


# ---------------------------------------------------------------- for programs


async def test_the_metadata_says_what_is_there_under_each_address_it_is_looked_for(site: Site) -> None:
    base = f"{site.url}/membrane"
    async with httpx.AsyncClient(base_url=site.url, headers={"origin": "https://inspector.example"}) as client:
        for path in (
            "/.well-known/oauth-authorization-server/membrane",
            "/.well-known/oauth-authorization-server",
            "/membrane/.well-known/oauth-authorization-server",
        ):
            answer = await client.get(path)
            assert answer.headers["access-control-allow-origin"] == "*"
            found = answer.json()
            assert found["issuer"] == base
            assert found["code_challenge_methods_supported"] == ["S256"]
            assert found["token_endpoint_auth_methods_supported"] == ["none"]
            for name in ("token_endpoint", "registration_endpoint", "revocation_endpoint"):
                assert (await client.get(found[name])).status_code == 404
                assert (await client.options(found[name])).status_code == 204
        for path, resource in (
            ("/.well-known/oauth-protected-resource/mcp", "/mcp"),
            ("/.well-known/oauth-protected-resource", "/mcp"),
            ("/.well-known/oauth-protected-resource/membrane", "/membrane"),
            (
                "/.well-known/oauth-protected-resource/membrane/mcp/integrate-anything",
                "/membrane/mcp/integrate-anything",
            ),
            (
                "/membrane/.well-known/oauth-protected-resource/mcp/integrate-anything",
                "/membrane/mcp/integrate-anything",
            ),
        ):
            found = (await client.get(path)).json()
            assert found["resource"] == site.url + resource
            assert found["authorization_servers"] == [base]
            assert found["bearer_methods_supported"] == ["header"]
        assert (await client.get("/.well-known/openid-configuration")).status_code == 404
        challenge = (await client.get("/membrane/self")).headers["www-authenticate"]
        address = re.search(r'resource_metadata="([^"]+)"', challenge)
        assert address is not None
        assert (await client.get(address[1])).json()["resource"] == base


async def test_a_program_registers_itself_and_signs_somebody_in(site: Site, browser: Browser) -> None:
    wanted = {
        "client_name": "Agent",
        "redirect_uris": ["http://127.0.0.1:3000/cb"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code"],
        "logo_uri": "https://x",
    }
    async with httpx.AsyncClient(base_url=site.url) as client:
        answer = await client.post("/membrane/oauth/register", json=wanted)
        assert answer.status_code == 201
        registered = answer.json()
        assert registered["token_endpoint_auth_method"] == "none"
        assert "client_secret" not in registered
        for wrong in (b"", b"[]", b"{", b'{"redirect_uris": "x"}', b'{"redirect_uris": ["javascript:1"]}', b"\xff"):
            answer = await client.post("/membrane/oauth/register", content=wrong)
            assert answer.status_code == 400
            assert answer.json()["error"] in ("invalid_client_metadata", "invalid_redirect_uri")
    program = Program(registered["client_id"], "http://127.0.0.1:3999/cb")
    page = await browser.open(program, scope="", resource=f"{site.url}/mcp")
    got = await tokens(site, program.exchanging(told(await browser.decide(page))["code"], resource=f"{site.url}/mcp"))
    token = got.json()["access_token"]
    assert (await site.app.tenants.authenticate(token, at="/mcp")).tenant_key == "default"
    async with httpx.AsyncClient(base_url=site.url, headers={"authorization": f"Bearer {token}"}) as client:
        assert (await client.get("/membrane/self")).status_code == 401
        revoked = await client.post("/membrane/oauth/revoke", data={"token": token})
        assert revoked.status_code == 200
        assert (await client.post("/membrane/oauth/revoke", data={"token": "nonsense"})).status_code == 200


async def test_wrong_token_requests_are_refused_in_the_protocols_words(site: Site) -> None:
    program = Program()
    async with httpx.AsyncClient(base_url=site.url) as client:
        for given, error in (
            ({}, "invalid_request"),
            ({"client_id": "x"}, "unsupported_grant_type"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": "authorization_code"}, "invalid_request"),
            (program.exchanging("x"), "invalid_grant"),
            (program.exchanging("\0"), "invalid_grant"),
            (program.exchanging("ї" * 43), "invalid_grant"),
            (program.refreshing("x"), "invalid_grant"),
            (program.exchanging("x", resource="https://evil.example"), "invalid_target"),
        ):
            answer = await client.post("/membrane/oauth/token", data=given)
            assert (answer.status_code, answer.json()["error"]) == (400, error)
        content = {"content-type": "application/x-www-form-urlencoded"}
        for body in (b"grant_type=a&grant_type=b", b"&".join(b"a%d=1" % number for number in range(99)), b"\xff" * 9):
            answer = await client.post("/membrane/oauth/token", content=body, headers=content)
            assert answer.status_code == 400
        assert (await client.post("/membrane/oauth/token", content=b"x" * 70_000, headers=content)).status_code == 400
        assert (await client.post("/membrane/oauth/token", json={})).status_code == 400


async def test_long_lived_tokens_are_made_by_managers_and_with_sign_ins_only(
    site: Site, browser: Browser, product: Product, other_product: Product
) -> None:
    async with product.manager() as manager:
        made = await manager.post(
            "/client-tokens", json={"name": "Bot", "tenantKey": "default", "readOnly": True, "actions": ["a"]}
        )
        body = made.json()
        assert (body["grantType"], body["readOnly"], body["actions"]) == ("api", True, ["a"])
        assert (await manager.post("/client-tokens", json={"name": "Bot"})).status_code == 400
        assert (await manager.post("/client-tokens", json={"name": "B", "tenantKey": "none"})).status_code == 404
        listed = (await manager.get("/client-tokens")).json()["items"]
        assert body["id"] in [each["id"] for each in listed]
        assert body["token"] not in str(listed)
    async with other_product.manager() as stranger:
        assert (await stranger.delete(f"/client-tokens/{body['id']}")).status_code == 404
    async with product.tenant("ann") as other_tenant:
        assert (await other_tenant.delete(f"/client-tokens/{body['id']}")).status_code == 404
    for token in (product.token("default"), body["token"], site.key):
        async with product.client(token) as client:
            assert (await client.post("/client-tokens", json={"name": "x"})).status_code == 403
    async with product.client(body["token"]) as bot:
        assert (await bot.get("/self")).status_code == 200
        async with product.manager() as manager:
            assert (await manager.delete(f"/client-tokens/{body['id']}")).status_code == 204
        assert (await bot.get("/self")).status_code == 401
