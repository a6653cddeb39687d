"""Web push of a site: domains, scripts, subscriptions."""

from __future__ import annotations

import asyncio
import re
from base64 import urlsafe_b64decode
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.errors import NotFound
from syncom.messages.model import SenderRole
from tests.http.esputnik.conftest import Shop
from tests.messages.house import sending
from tests.messages.push.browser import Browser, took
from tests.messages.sms.gateway_peer import running_gateway

DOMAIN = "https://shop.example"
WORKER = {"serviceWorkerName": "sw.js", "serviceWorkerPath": "/uploads/", "serviceWorkerScope": "/uploads/"}
SUBSCRIPTION = {"endpoint": "https://push.example/send/abc", "keys": {"p256dh": "BPk", "auth": "c2U"}, "extra": None}


async def registered(shop: Shop) -> str:
    """The id that stands in the pages."""
    answer = await shop.post("/v1/site/webpush/domain", {"domain": DOMAIN, **WORKER})
    assert answer.json() == {"success": {"domain": DOMAIN, "status": "ACTIVE"}}, answer.body
    return str((await shop.app.web_push.domain(shop.account_id, DOMAIN)).push_id)


async def subscribe(shop: Shop, push_id: str, *, origin: str | None = None, **body: Any) -> int:
    async with httpx.AsyncClient(base_url=shop.url) as page:
        answer = await page.post(
            "/api/v2/webpush",
            json={"pushId": push_id, "subscription": SUBSCRIPTION, **body},
            headers={"Content-Type": "text/plain;charset=UTF-8", **({"Origin": origin} if origin else {})},
        )
    return answer.status_code


async def tokens(shop: Shop) -> list[tuple[str, int]]:
    async with shop.app.database.tenant(shop.account_id) as connection:
        rows = await (
            await connection.execute(
                "SELECT value, contact_id FROM identities WHERE kind = %s", (int(IdentityKind.PUSH_TOKEN),)
            )
        ).fetchall()
    return [(row[0], row[1]) for row in rows]


async def file(shop: Shop, address: str) -> httpx.Response:
    """What a page or a worker of anybody gets from there."""
    async with httpx.AsyncClient(base_url=shop.url) as page:
        return await page.get(httpx.URL(address).path)


async def test_a_site_gets_its_script_and_its_service_worker(shop: Shop) -> None:
    push_id = await registered(shop)
    scripts = (await shop.get("/v1/site/webpush/script", domain=DOMAIN)).json()
    [address] = re.findall(r'<script async src="([^"]+)"></script>', scripts["script"])
    [imported] = re.findall(r'importScripts\("([^"]+)"\)', scripts["serviceWorker"])
    assert push_id in address
    script, worker = await file(shop, address), await file(shop, imported)
    for answer in (script, worker):
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript;charset=UTF-8")
        assert answer.headers["service-worker-allowed"] == "/uploads/"
        assert "/*SETTINGS*/" not in answer.text
    assert '"worker":"/uploads/sw.js"' in script.text
    assert "showNotification" in worker.text
    key = await shop.app.web_push.public_key(shop.account_id)
    assert key in script.text
    point = urlsafe_b64decode(key + "=")
    assert ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    again = await shop.post("/v1/site/webpush/domain", {"domain": DOMAIN, "serviceWorkerName": "other.js"})
    assert again.status == 200
    scripts = (await shop.get("/v1/site/webpush/script", domain="shop.example")).json()
    assert address in scripts["script"], "pages stay as they are"
    assert '"worker":"/other.js"' in (await file(shop, address)).text
    assert await shop.app.web_push.public_key(shop.account_id) == key, "subscriptions are bound to it"


@pytest.mark.parametrize(
    "name",
    ["{}", "{}.css", "{}.worker", "{}.js.map", "x.js", "8893ad6f-be8d-4d55-8a1f-011620fad0d2.js", ".js", "%2e%2e.js"],
)
async def test_other_files_are_not_there(shop: Shop, name: str) -> None:
    push_id = await registered(shop)
    assert (await file(shop, f"/api/v2/webpush/{name.format(push_id)}")).status_code == 404


async def test_the_private_key_is_out_of_the_accounts_reach(shop: Shop) -> None:
    await registered(shop)
    with pytest.raises(Exception, match="permission denied"):
        async with shop.app.database.tenant(shop.account_id) as connection:
            await connection.execute("SELECT private_key FROM push_keys")


async def test_several_sites_are_registered_and_the_wrong_ones_named(shop: Shop) -> None:
    domains = [{"domain": "https://a.example"}, {"domain": "no site"}, {"domain": "https://b.example"}]
    answer = (await shop.post("/v1/site/webpush/domains", {"domains": domains})).json()
    assert [one["domain"] for one in answer["success"]] == ["https://a.example", "https://b.example"]
    assert [one["domain"] for one in answer["errors"]] == ["no site"]
    assert "address of a site" in answer["errors"][0]["message"]
    bodies: tuple[dict[str, Any], ...] = ({}, {"domains": []}, {"domains": [{"domain": "https://a.example"}] * 101})
    for wrong in bodies:
        assert (await shop.post("/v1/site/webpush/domains", wrong)).status == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": None},
        {"domain": "no site"},
        {"serviceWorkerName": "../sw.js"},
        {"serviceWorkerName": "sw.html"},
        {"serviceWorkerPath": "uploads"},
        {"serviceWorkerPath": "/a/../"},
        {"serviceWorkerScope": "https://evil.example/"},
        {"serviceWorkerScope": '/"</script>/'},
    ],
)
async def test_a_wrong_registration_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    answer = await shop.post("/v1/site/webpush/domain", {"domain": DOMAIN, **WORKER, **wrong})
    assert answer.status == 400
    assert (await shop.get("/v1/site/webpush/script", domain=DOMAIN)).status == 404


async def test_a_site_that_is_refused_is_named_with_the_reason(shop: Shop) -> None:
    answer = await shop.post("/v1/site/webpush/domain", {"domain": "no site"})
    assert answer.status == 400
    assert answer.json()["errors"]["domain"] == "no site"
    assert "address of a site" in answer.json()["errors"]["message"]


async def test_a_subscription_becomes_a_channel_of_the_visitor(shop: Shop) -> None:
    push_id = await registered(shop)
    made = await shop.app.contacts.upsert_one(shop.account_id, ContactInput(email="olena@example.org"), UpsertOptions())
    site = await shop.app.sites.add(shop.account_id, DOMAIN)
    info = {"eventName": "CustomerData", "siteId": str(site.site_id), "user_email": "olena@example.org"}
    async with httpx.AsyncClient(base_url=shop.url) as page:
        await page.post("/api/v2", json={"GeneralInfo": info | {"cookies": {"sc": "visitor-1"}}})
    assert await subscribe(shop, push_id, sc="visitor-1", origin=DOMAIN) == 200
    assert await tokens(shop) == [(SUBSCRIPTION["endpoint"], made.contact_id)]
    contact = (await shop.get(f"/v1/contact/{made.contact_id}")).json()
    [channel] = [channel for channel in contact["channels"] if channel["type"] == "webpush"]
    assert channel["value"] == SUBSCRIPTION["endpoint"]
    shown = channel["webPushSubscription"]
    assert shown["domain"] == DOMAIN
    assert "httpx" in shown["userAgent"]
    assert "keys" not in shown, "nobody needs them but who writes to the browser"
    again = await shop.post("/v1/contact", {"channels": contact["channels"], "firstName": "Olena"})
    assert again.json()["id"] == made.contact_id
    async with shop.app.database.tenant(shop.account_id) as connection:
        rows = await (await connection.execute("SELECT data -> 'keys' FROM contact_channels")).fetchall()
    assert rows == [(SUBSCRIPTION["keys"],)], "they stay when a contact is written back as it was read"


async def test_an_unknown_visitor_becomes_a_contact_with_that_channel_once(shop: Shop) -> None:
    push_id = await registered(shop)
    assert await subscribe(shop, push_id) == 200
    assert await subscribe(shop, push_id, sc="visitor-1") == 200
    [(value, contact_id)] = await tokens(shop)
    assert value == SUBSCRIPTION["endpoint"]
    assert (await shop.app.contacts.get(shop.account_id, contact_id)).email is None


async def report(shop: Shop, site_id: str, event: str, **who: str) -> None:
    """What the script of a page of the shop's site says of visitor-1."""
    info = {"eventName": event, "siteId": site_id, "cookies": {"sc": "visitor-1"}, **who}
    body = {"GeneralInfo": info, "PageView": {"location": DOMAIN}}
    async with httpx.AsyncClient(base_url=shop.url) as page:
        assert (await page.post("/api/v2", json=body)).status_code == 200


async def test_an_anonymous_subscriber_is_the_contact_they_turn_out_to_be(shop: Shop) -> None:
    push_id = await registered(shop)
    site_id = str((await shop.app.sites.add(shop.account_id, DOMAIN)).site_id)
    people = [ContactInput(email=f"{name}@example.org") for name in ("olena", "ivan")]
    made = [await shop.app.contacts.upsert_one(shop.account_id, person, UpsertOptions()) for person in people]
    assert await subscribe(shop, push_id, sc="visitor-1") == 200
    [(_, anonymous)] = await tokens(shop)
    await report(shop, site_id, "PageView")
    [view] = (await shop.app.events.of_type(shop.account_id, "pageViewed")).events
    assert view.contact_id == anonymous, "what they do is known before it is known who they are"
    await report(shop, site_id, "CustomerData", user_email="olena@example.org")
    endpoint, olena = SUBSCRIPTION["endpoint"], made[0].contact_id
    assert await tokens(shop) == [(endpoint, olena)]
    with pytest.raises(NotFound):
        await shop.app.contacts.get(shop.account_id, anonymous)
    await report(shop, site_id, "CustomerData", user_email="ivan@example.org")
    assert await tokens(shop) == [(endpoint, olena)], "who is known is nobody else's, also on the same machine"
    assert (await shop.app.contacts.get(shop.account_id, olena)).email == "olena@example.org"


async def test_a_renewed_subscription_takes_the_place_of_the_old_one(shop: Shop) -> None:
    push_id = await registered(shop)
    assert await subscribe(shop, push_id) == 200
    [(old, owner)] = await tokens(shop)
    fresh = {**SUBSCRIPTION, "endpoint": "https://push.example/send/fresh"}
    for _ in range(2):
        assert await subscribe(shop, push_id, subscription=fresh, previous=old) == 200
        assert await tokens(shop) == [(fresh["endpoint"], owner)]
    contact = (await shop.get(f"/v1/contact/{owner}")).json()
    assert [channel["value"] for channel in contact["channels"]] == [fresh["endpoint"]]
    elsewhere = {**SUBSCRIPTION, "endpoint": "https://push.example/send/else"}
    assert await subscribe(shop, push_id, subscription=elsewhere, previous="https://push.example/guessed") == 200
    assert len({contact_id for _, contact_id in await tokens(shop)}) == 2, "nobody gets what they cannot name"


async def test_two_tabs_that_subscribe_at_once_make_one_contact(shop: Shop) -> None:
    push_id = await registered(shop)
    codes = await asyncio.gather(*(subscribe(shop, push_id, sc="visitor-1") for _ in range(6)))
    assert set(codes) == {200}
    assert len(await tokens(shop)) == 1
    async with shop.app.database.tenant(shop.account_id) as connection:
        row = await (await connection.execute("SELECT count(*) FROM contacts")).fetchone()
    assert row == (1,)


async def test_wrong_subscriptions_are_refused_and_nothing_is_kept(shop: Shop) -> None:
    push_id = await registered(shop)
    assert await subscribe(shop, str(uuid4())) == 404
    assert await subscribe(shop, "x") == 404
    assert await subscribe(shop, push_id, origin="https://evil.example") == 403
    keys = SUBSCRIPTION["keys"]
    subscriptions: tuple[Any, ...] = (
        {},
        None,
        {"endpoint": "http://push.example", "keys": keys},
        {"endpoint": "javascript:x", "keys": keys},
        {"endpoint": "https://push.example/" + "x" * 3000, "keys": keys},
        {"endpoint": "https://push.example", "keys": {}},
        {"endpoint": "https://push.example", "keys": "x"},
    )
    for wrong in subscriptions:
        assert await subscribe(shop, push_id, subscription=wrong) == 400
    assert await tokens(shop) == []
    assert (await shop.get("/v1/site/webpush/script")).status == 400
    assert (await shop.other.get("/v1/site/webpush/script", domain=DOMAIN)).status == 404


async def test_a_prepared_message_is_pushed_and_a_click_on_it_counts(shop: Shop) -> None:
    members = {"title": "Hi %FIRSTNAME|%", "link": "https://shop.example/sale"}
    ident = (await shop.post("/v1/messages/webpush", {"text": "News for you", **members})).json()["id"]
    made = await shop.app.contacts.upsert_one(
        shop.account_id, ContactInput(email="olena@example.org", first_name="Olena"), UpsertOptions()
    )
    async with running_gateway(took) as service, sending(shop.app.sending_loop(SenderRole.EXPRESS)):
        browser = Browser(service, "phone")
        await browser.subscribe(shop.app.contacts, shop.account_id, made.contact_id)
        answer = await shop.post(f"/v1/message/{ident}/smartsend", {"recipients": [{"contactId": made.contact_id}]})
        [row] = answer.json()["results"]
        await _until(shop, row["requestId"], "DELIVERED")
        [shown] = browser.shown
        assert (shown["title"], shown["body"]) == ("Hi Olena", "News for you")
        async with httpx.AsyncClient(base_url=shop.url) as client:
            agent = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", "Accept-Language": "uk"}
            led = await client.get(httpx.URL(shown["url"]).path, headers=agent)
        assert (led.status_code, led.headers["location"]) == (302, "https://shop.example/sale")
        await _until(shop, row["requestId"], "READ")
    async with shop.app.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT channel, link, contact_id FROM activity WHERE message_id = %s", (row["requestId"],)
            )
        ).fetchall()
    assert rows == [(Channel.WEBPUSH.value, 0, made.contact_id)]


async def _until(shop: Shop, message_id: str, status: str) -> None:
    async with asyncio.timeout(30):
        while True:
            found = (await shop.get("/v1/message/status", ids=message_id)).json()["results"]
            if found[0]["status"] == status:
                return
            await asyncio.sleep(0.05)
