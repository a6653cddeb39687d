"""The pages where a person connects an app."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2 as httpx
import pytest
from psycopg.types.json import Jsonb

from syncom.connect.connections.model import ConnectionWish, RequestStatus
from syncom.connect.model import Caller, CallerKind, ConnectionState
from syncom.ids import short_id
from tests.connect.connections.provider import API_KEY, CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.http.membrane.conftest import Product
from tests.http.running_site import PASSWORD, Site

_KEY_FORM = {
    "type": "object",
    "required": ["apiKey"],
    "properties": {
        "apiKey": {"type": "string", "title": "API key", "minLength": 8, "writeOnly": True, "description": "Settings"},
        "account": {"type": "string", "title": "Account <b>"},
        "region": {"type": "string", "enum": ["eu", "us"]},
    },
}


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[Provider]:
    async with provider() as running:
        yield running


@pytest.fixture(scope="module")
async def shop(site: Site, app: Provider) -> str:
    """A connector with a key and with OAuth; its id."""
    connector_id = short_id()
    definition: dict[str, Any] = {
        "key": "pages-shop",
        "name": "Shop & Co",
        "base_url": f"{app.url}/api",
        "test": ["GET", "/me"],
        "auth": [
            {"key": "key", "kind": "api-key", "inputSchema": _KEY_FORM, "headers": {"X-Api-Key": "{apiKey}"}},
            {
                "key": "oauth",
                "kind": "oauth2",
                "title": "Sign in",
                "headers": {"Authorization": "Bearer {access_token}"},
                "oauth": {"authorizeUrl": f"{app.url}/authorize", "tokenUrl": f"{app.url}/token", "scopes": ["a"]},
            },
        ],
    }
    async with site.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO connectors (connector_id, key, name, definition, content_hash) VALUES (%s, %s, %s, %s, '')",
            (connector_id, "pages-shop", "Shop & Co", Jsonb(definition)),
        )
    await site.app.connections.integrations.add(
        site.owner.account_id, connector_id, parameters={"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    )
    return connector_id


@pytest.fixture
async def caller(site: Site, product: Product) -> Caller:
    found = await site.app.tenants.authenticate(product.token("ann"))
    assert found.kind is CallerKind.TENANT
    return found


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, headers={"Origin": site.url}, timeout=30) as client:
        yield client


async def ask(site: Site, caller: Caller, connector: str, **given: Any) -> str:
    """The id of a fresh request."""
    return (await site.app.connections.request(caller, ConnectionWish(connector=connector, **given))).request_id


def fields(request: str, auth: str = "key", **typed: str) -> dict[str, str]:
    return {"connectionRequestId": request, "auth": auth, **{f"f.{name}": value for name, value in typed.items()}}


PAGE = "/membrane/screens/connections"


async def test_the_page_says_who_asks_and_shows_a_form_without_scripts(
    site: Site, shop: str, caller: Caller, browser: httpx.AsyncClient
) -> None:
    answer = await browser.get(PAGE, params={"connectionRequestId": await ask(site, caller, shop)})
    assert answer.status_code == 200
    assert "Connect Shop &amp; Co" in answer.text
    assert '<input type="password" autocomplete="new-password"' in answer.text
    assert "Account &lt;b&gt;" in answer.text
    assert "<select" in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_form_connects_and_the_link_is_used_up(
    site: Site, shop: str, caller: Caller, browser: httpx.AsyncClient
) -> None:
    request = await ask(site, caller, shop, name="My shop")
    answer = await browser.post(PAGE, data=fields(request, apiKey=API_KEY, account="acme", region="eu"))
    assert answer.status_code == 200
    assert "is connected" in answer.text
    assert API_KEY not in answer.text
    done = await site.app.connections.get_request(caller, request)
    assert done.status is RequestStatus.SUCCESS
    assert done.result_connection_id is not None
    made = await site.app.connections.get(caller, done.result_connection_id)
    assert (made.state, made.name, made.input) == (
        ConnectionState.READY,
        "My shop",
        {"account": "acme", "region": "eu"},
    )
    again = await browser.post(PAGE, data=fields(request, apiKey=API_KEY))
    assert again.status_code == 409
    assert "is connected" in (await browser.get(PAGE, params={"connectionRequestId": request})).text


async def test_errors_stand_beside_their_fields_and_secrets_are_not_shown_again(
    site: Site, shop: str, caller: Caller, browser: httpx.AsyncClient
) -> None:
    request = await ask(site, caller, shop)
    short = await browser.post(PAGE, data=fields(request, apiKey="canary", account="acme", region="eu"))
    assert short.status_code == 422
    assert "API key is shorter than 8 characters." in short.text
    assert 'value="acme"' in short.text
    assert "canary" not in short.text
    wrong = await browser.post(PAGE, data=fields(request, apiKey="canary-wrong-key", region="eu"))
    assert wrong.status_code == 422
    assert "refused them" in wrong.text
    assert "canary" not in wrong.text
    assert (await site.app.connections.get_request(caller, request)).status is RequestStatus.PENDING


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
async def test_a_form_of_another_site_is_refused(
    site: Site, shop: str, caller: Caller, browser: httpx.AsyncClient, origin: str
) -> None:
    request = await ask(site, caller, shop)
    answer = await browser.post(PAGE, data=fields(request, apiKey=API_KEY), headers={"Origin": origin})
    assert answer.status_code == 403
    assert (await site.app.connections.get_request(caller, request)).status is RequestStatus.PENDING


async def test_an_unknown_link_says_so(browser: httpx.AsyncClient) -> None:
    for request in ("", "0" * 24, "x' OR 1=1"):
        answer = await browser.get(PAGE, params={"connectionRequestId": request})
        assert answer.status_code == 404
        assert "This link is not known" in answer.text


async def test_a_person_signs_in_at_the_app_and_is_led_back_to_the_product(
    site: Site, shop: str, caller: Caller, browser: httpx.AsyncClient, app: Provider
) -> None:
    request = await ask(
        site, caller, shop, redirect_uri="https://product.example/done?x=1#part", custom_state="s&=", name="Drive"
    )
    shown = await browser.get(PAGE, params={"connectionRequestId": request, "auth": "oauth"})
    link = re.search(r'href="(/membrane/screens/connections/go[^"]+)"', shown.text)
    assert link is not None
    leaving = await browser.get(link[1].replace("&amp;", "&"))
    assert leaving.status_code == 303
    address = leaving.headers["location"]
    assert address.startswith(f"{app.url}/authorize?")
    query = dict(parse_qsl(urlsplit(address).query))
    assert query["redirect_uri"] == f"{site.url}/membrane/oauth-callback"
    cookie = leaving.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    back = await browser.get("/membrane/oauth-callback", params=app.agree(address))
    assert back.status_code == 303
    target = urlsplit(back.headers["location"])
    given = parse_qs(target.query)
    assert (target.netloc, target.fragment, given["x"], given["customState"]) == (
        "product.example",
        "part",
        ["1"],
        ["s&="],
    )
    made = await site.app.connections.get(caller, given["connectionId"][0])
    assert made.connected
    assert "canary" not in back.headers["location"]


async def test_a_sign_in_comes_back_once_and_only_to_the_browser_that_left(
    site: Site, shop: str, caller: Caller, browser: httpx.AsyncClient, app: Provider
) -> None:
    request = await ask(site, caller, shop)
    go = {"connectionRequestId": request, "auth": "oauth"}
    leaving = await browser.get(f"{PAGE}/go", params=go)
    query = app.agree(leaving.headers["location"])
    async with httpx.AsyncClient(base_url=site.url) as other:
        assert (await other.get("/membrane/oauth-callback", params=query)).status_code == 403
        await other.get(f"{PAGE}/go", params=go)
        assert (await other.get("/membrane/oauth-callback", params=query)).status_code == 403
    forged = {**query, "state": "<script>alert(1)</script>"}
    refused = await browser.get("/membrane/oauth-callback", params=forged)
    assert refused.status_code == 403
    assert "<script" not in refused.text
    assert (await browser.get("/membrane/oauth-callback", params=query)).status_code == 200
    assert (await browser.get("/membrane/oauth-callback", params=query)).status_code == 403


async def test_a_person_who_does_not_agree_cancels_the_request(
    site: Site, shop: str, caller: Caller, browser: httpx.AsyncClient
) -> None:
    request = await ask(site, caller, shop, redirect_uri="https://product.example/done")
    leaving = await browser.get(f"{PAGE}/go", params={"connectionRequestId": request, "auth": "oauth"})
    state = dict(parse_qsl(urlsplit(leaving.headers["location"]).query))["state"]
    back = await browser.get(
        "/membrane/oauth-callback", params={"state": state, "error": "access_denied", "error_description": "<b>"}
    )
    given = parse_qs(urlsplit(back.headers["location"]).query)
    assert given["errorKey"] == ["access_denied"]
    assert given["error"]
    assert (await site.app.connections.get_request(caller, request)).status is RequestStatus.CANCELLED
    second = await ask(site, caller, shop)
    await browser.post(PAGE, data={"connectionRequestId": second, "cancel": "yes"})
    assert (await site.app.connections.get_request(caller, second)).status is RequestStatus.CANCELLED


async def test_only_a_signed_in_person_of_the_account_connects_this_installation(
    site: Site, caller: Caller, browser: httpx.AsyncClient
) -> None:
    request = await ask(site, caller, "esputnik", name="Home")
    shown = await browser.get(PAGE, params={"connectionRequestId": request, "auth": "own"})
    assert "Sign in to this installation first" in shown.text
    body = {"connectionRequestId": request, "auth": "own", "own": "yes"}
    assert (await browser.post(PAGE, data=body)).status_code == 401
    with_key = await browser.post(PAGE, data=body, headers={"Authorization": f"Bearer {site.key}"})
    assert with_key.status_code == 401
    login = re.search(r'href="(/login[^"]+)"', shown.text)
    assert login is not None
    following = parse_qs(urlsplit(login[1].replace("&amp;", "&")).query)["next"][0]
    signed_in = await browser.post(
        "/login", data={"email": "admin@example.com", "password": PASSWORD, "next": following}
    )
    assert signed_in.headers["location"] == following
    shown = await browser.get(following)
    assert "Connect this installation" in shown.text
    answer = await browser.post(PAGE, data=body)
    assert answer.status_code == 200, answer.text
    done = await site.app.connections.get_request(caller, request)
    made = await site.app.connections.get(caller, done.result_connection_id or "")
    assert made.connected
    authorisation = await site.app.connections.authorise(made)
    assert (authorisation.base_url, authorisation.own) == (f"{site.url}/api", True)
    keys = [one for one in await site.app.accounts.list_api_keys(site.owner) if one.name == "Connection: Home"]
    assert len(keys) == 1
    await site.app.connections.disconnect(caller, made.connection_id)
    async with httpx.AsyncClient(base_url=authorisation.base_url, headers=dict(authorisation.headers)) as revoked:
        assert (await revoked.get("/v1/account/info")).status_code == 401


async def test_a_products_page_sends_a_person_with_a_token_and_a_payload(
    site: Site, shop: str, product: Product, browser: httpx.AsyncClient
) -> None:
    token = product.token("ann")
    wish = {
        "token": token,
        "requestId": "r1",
        "connectorId": shop,
        "name": "From a page",
        "allowMultipleConnections": True,
    }
    elsewhere = {"Origin": "https://product.example"}
    answer = await browser.post("/membrane/connect", data={"payload": json.dumps(wish)}, headers=elsewhere)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{PAGE}?connectionRequestId=")
    assert "Connect Shop" in (await browser.get(answer.headers["location"])).text
    typed = {
        **wish,
        "allowMultipleConnections": True,
        "authOptionKey": "key",
        "input": {"apiKey": API_KEY, "region": "eu"},
    }
    done = await browser.post("/membrane/connect", data={"payload": json.dumps(typed)}, headers=elsewhere)
    assert done.status_code == 200, done.text
    assert "From a page is connected" in done.text
    assert API_KEY not in done.text
    shown = await browser.get("/membrane/screens/connect", params={"token": token, "connectorId": shop})
    assert shown.status_code == 303
    for payload in ("[]", "{", json.dumps({**wish, "token": "forged"})):
        refused = await browser.post("/membrane/connect", data={"payload": payload}, headers=elsewhere)
        assert refused.status_code in (400, 401)
        assert token not in refused.text
