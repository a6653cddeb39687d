"""Sites: registered, scripted, and what their pages report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest

from syncom.contacts.model import ContactInput, IdentityKind, UpsertOptions
from syncom.errors import Invalid
from syncom.events.model import Event
from syncom.http.esputnik.site_events import GeneralInfo, page_event
from syncom.pacing import Attempts
from syncom.sites.model import Visitor
from tests.http.esputnik.conftest import Reply, Shop

DOMAIN = "https://shop.example"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


async def registered(shop: Shop, domain: str = DOMAIN) -> str:
    answer = await shop.post("/v1/site/domains", {"domain": domain})
    assert answer.status == 200, answer.body
    return answer.json()["siteId"]


async def report(shop: Shop, site_id: str, name: str, *, origin: str | None = None, **body: Any) -> Reply:
    """As a page does it: without a key."""
    info = {"eventName": name, "siteId": site_id, **body.pop("info", {})}
    async with httpx.AsyncClient(base_url=shop.url) as page:
        answer = await page.post(
            "/api/v2",
            json={"GeneralInfo": info, **body},
            headers={"Content-Type": "text/plain;charset=UTF-8", **({"Origin": origin, **BROWSER} if origin else {})},
        )
    return Reply(status=answer.status_code, headers=answer.headers, body=answer.content)


async def recorded(shop: Shop, type_key: str) -> list[Event]:
    return (await shop.app.events.of_type(shop.account_id, type_key)).events


async def contact(shop: Shop) -> int:
    made = await shop.app.contacts.upsert_one(
        shop.account_id, ContactInput(external_id="C-1001"), UpsertOptions(key=IdentityKind.EXTERNAL_ID)
    )
    return made.contact_id


async def test_a_site_is_registered_once(shop: Shop) -> None:
    site_id = await registered(shop)
    again = await shop.post("/v1/site/domains", {"domain": "HTTPS://Shop.example/"})
    assert (again.status, again.body) == (400, b"Domain already exists")
    assert again.headers["content-type"] == "text/plain;charset=UTF-8"
    assert await registered(shop.other) != site_id, "another account has a site of its own"


@pytest.mark.parametrize(
    "domain", ["", " ", "shop example", "ftp://shop.example", "https://", "https://a:b@c.d", "a" * 300]
)
async def test_what_is_no_address_of_a_site_is_refused(shop: Shop, domain: str) -> None:
    answer = await shop.post("/v1/site/domains", {"domain": domain})
    assert (answer.status, "domain" in answer.message) == (400, True)
    assert await shop.app.sites.sites(shop.account_id) == []
    assert (await shop.post("/v1/site/domains", {})).status == 400


async def test_the_script_of_a_site_is_served_to_its_pages(shop: Shop) -> None:
    assert (await shop.get("/v1/site/script")).status == 404
    site_id = await registered(shop)
    lines = await shop.get("/v1/site/script")
    assert lines.status == 200
    assert lines.headers["content-type"] == "text/plain;charset=UTF-8"
    assert f"/api/v2/script/{site_id}.js" in lines.body.decode()
    assert "eS('init')" in lines.body.decode()
    async with httpx.AsyncClient(base_url=shop.url) as page:
        script = await page.get(f"/api/v2/script/{site_id}.js")
        assert script.status_code == 200
        assert script.headers["content-type"] == "text/javascript;charset=UTF-8"
        assert site_id in script.text
        for name in (f"{uuid4()}.js", site_id, "x.js", "a%00.js"):
            assert (await page.get(f"/api/v2/script/{name}")).status_code in (400, 404)


async def test_the_script_is_of_the_named_domain_or_the_newest(shop: Shop) -> None:
    first = await registered(shop)
    second = await registered(shop, "shop.example.org")
    assert second in (await shop.get("/v1/site/script")).body.decode()
    assert first in (await shop.get("/v1/site/script", domain="shop.example")).body.decode()
    assert (await shop.get("/v1/site/script", domain="https://elsewhere.example")).status == 404
    assert (await shop.other.get("/v1/site/script", domain=DOMAIN)).status == 404


async def test_a_page_reports_about_a_contact_it_names(shop: Shop) -> None:
    site_id, contact_id = await registered(shop), await contact(shop)
    cart = {"GUID": "g-1", "Products": [{"productKey": "200600", "price": "990", "quantity": 1, "discount": ""}]}
    moment = datetime.now(UTC) - timedelta(minutes=5)
    info = {"externalCustomerId": "C-1001", "datetime": int(moment.timestamp() * 1000), "cookies": {"sc": "visitor-1"}}
    answer = await report(shop, site_id, "StatusCart", info=info, StatusCart=cart)
    assert (answer.status, answer.body) == (200, b"")
    [event] = await recorded(shop, "cartUpdated")
    assert (event.contact_id, event.key) == (contact_id, "g-1")
    assert abs(event.occurred_at - moment) < timedelta(seconds=1)
    assert event.params["products"] == [{"productId": "200600", "price": "990", "quantity": 1, "discount": ""}]
    assert event.params["recycleStateId"] == "g-1"


async def test_a_visitor_is_known_again_by_the_cookie(shop: Shop) -> None:
    site_id, contact_id = await registered(shop), await contact(shop)
    cookie = {"cookies": {"sc": "visitor-12345"}}
    await report(shop, site_id, "MainPage", info=cookie)
    person = {"CustomerData": {"externalCustomerId": "C-1001"}}
    await report(shop, site_id, "CustomerData", info=cookie, **person)
    await report(shop, site_id, "ProductPage", info=cookie, ProductPage={"productKey": "7", "price": 5, "isInStock": 1})
    assert [event.contact_id for event in await recorded(shop, "mainPageViewed")] == [None]
    assert [event.contact_id for event in await recorded(shop, "customerData")] == [contact_id]
    [view] = await recorded(shop, "productViewed")
    assert (view.contact_id, view.params["product"]) == (contact_id, {"productId": "7", "price": 5, "isInStock": 1})
    other_site = await registered(shop.other)
    await report(shop.other, other_site, "MainPage", info=cookie)
    assert [event.contact_id for event in await recorded(shop.other, "mainPageViewed")] == [None]
    await shop.app.contacts.delete(shop.account_id, contact_id)
    assert (await report(shop, site_id, "MainPage", info=cookie)).status == 200
    assert (await recorded(shop, "mainPageViewed"))[0].contact_id is None


async def test_pages_make_no_contacts_unless_the_type_says_so(shop: Shop) -> None:
    site_id = await registered(shop)
    await report(shop, site_id, "MainPage", info={"user_email": "olena@example.org"})
    assert await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "olena@example.org") is None
    await shop.app.events.types.change(shop.account_id, "customerData", creates_contacts=True)
    person = {"CustomerData": {"user_email": "olena@example.org", "user_phone": "380671112233"}}
    await report(shop, site_id, "CustomerData", **person)
    found = await shop.app.contacts.find(shop.account_id, IdentityKind.EMAIL, "olena@example.org")
    assert found is not None
    assert found.phone == "+380671112233"


async def test_pages_elsewhere_do_not_report_and_pages_below_do(shop: Shop) -> None:
    site_id = await registered(shop, "https://www.shop.example")
    for origin in ("https://www.shop.example", "https://shop.example", "http://m.shop.example:8080"):
        assert (await report(shop, site_id, "MainPage", origin=origin)).status == 200
    for origin in ("https://evil.example", "https://notshop.example", "null", "https://shop.example.evil.example"):
        assert (await report(shop, site_id, "MainPage", origin=origin)).status == 403
    assert len(await recorded(shop, "mainPageViewed")) == 3


async def test_wrong_reports_are_refused_and_nothing_is_recorded(shop: Shop) -> None:
    site_id = await registered(shop)
    assert (await report(shop, str(uuid4()), "MainPage")).status == 404
    assert (await report(shop, "no-id", "MainPage")).status == 404
    assert (await report(shop, site_id, "")).status == 400
    assert (await report(shop, site_id, "<script>")).status == 400
    assert (await report(shop, site_id, "orderDELIVERED", info={"user_email": "a@example.com"})).status == 403
    assert (await report(shop, site_id, "MainPage", info={"datetime": "soon"})).status == 400
    async with httpx.AsyncClient(base_url=shop.url) as page:
        for content in (b"", b"{", b"[]", b"{}", b'{"GeneralInfo":1}', b"x" * 70_000):
            assert (await page.post("/api/v2", content=content)).status_code in (400, 413)
    assert await shop.app.events.types.all(shop.account_id) == []


def test_every_event_of_a_page_has_its_words() -> None:
    def told(name: str, **body: Any) -> tuple[str, str, dict[str, Any]]:
        event = page_event(GeneralInfo(event_name=name, site_id=""), body)
        return event.type_key, event.key, event.params

    assert told("NotFound") == told("404") == ("pageNotFound", "", {})
    assert told("StatusCartPage") == ("cartPageViewed", "", {})
    assert told("CategoryPage", CategoryPage={"categoryKey": "Tables"}) == (
        "productCategoryViewed",
        "",
        {"category": {"productCategoryId": "Tables"}},
    )
    bought = {"Products": [{"product_id": "200600", "unit_price": "990", "quantity": 1}], "OrderNumber": "A-500"}
    assert told("PurchasedItems", TrackedOrderId="g-1", PurchasedItems=bought) == (
        "itemsPurchased",
        "A-500",
        {
            "products": [{"productId": "200600", "price": "990", "quantity": 1}],
            "orderNumber": "A-500",
            "recycleStateId": "g-1",
        },
    )
    listed = told("StatusCart", StatusCart=[{"productKey": "1", "currency": "UAH"}], GUID="g")
    assert listed[2]["products"] == [{"productId": "1", "currencyCode": "UAH"}]
    assert told("quizPassed", score=5, email="x@example.com") == (
        "quizPassed",
        "",
        {"data": {"score": 5, "email": "x@example.com"}},
    )
    for odd in (None, [], "x", 5, {"Products": "x"}, [1]):
        told("StatusCart", StatusCart=odd)
        told("ProductPage", ProductPage=odd)
        told("PurchasedItems", PurchasedItems=odd)
        told("CategoryPage", CategoryPage=odd)
        told("CustomerData", CustomerData=odd)


async def strict(shop: Shop) -> UUID:
    return (await shop.app.sites.add(shop.account_id, DOMAIN, strict=True)).site_id


async def page_reports(shop: Shop, site_id: UUID, /, headers: dict[str, str] | None = None, **info: Any) -> int:
    """As the script of a strict site does it."""
    body = {"GeneralInfo": {"eventName": "PageView", "siteId": str(site_id), **info}, "PageView": {"title": "A page"}}
    sent = {"Content-Type": "text/plain;charset=UTF-8", "Origin": DOMAIN, **BROWSER, **(headers or {})}
    async with httpx.AsyncClient(base_url=shop.url) as page:
        return (await page.post("/api/v2", json=body, headers=sent)).status_code


async def test_a_strict_site_believes_who_it_is_only_with_a_token_of_its_own(shop: Shop) -> None:
    site_id, contact_id = await strict(shop), await contact(shop)
    person = Visitor(external_id="C-1001")
    token = await shop.app.sites.token(shop.account_id, site_id, person)
    elsewhere = (await shop.app.sites.add(shop.account_id, "https://other.example", strict=True)).site_id
    of_other = await shop.app.sites.token(shop.account_id, elsewhere, person)
    for claimed in ({"externalCustomerId": "C-1001"}, {"token": "forged"}, {"token": of_other}, {"token": token[:-1]}):
        assert await page_reports(shop, site_id, cookies={"sc": "stranger-1"}, **claimed) == 200
    assert {event.contact_id for event in await recorded(shop, "pageViewed")} == {None}
    await page_reports(shop, site_id, cookies={"sc": "visitor-1"}, token=token)
    await page_reports(shop, site_id, cookies={"sc": "visitor-1"})
    assert [event.contact_id for event in await recorded(shop, "pageViewed")][:2] == [contact_id] * 2
    with pytest.raises(Invalid):
        await shop.app.sites.token(shop.account_id, site_id, Visitor())


async def test_nothing_is_recorded_of_machines_and_of_whom_does_not_want_it(shop: Shop) -> None:
    site_id = await strict(shop)
    for headers in (
        {"Sec-GPC": "1"},
        {"DNT": "1"},
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": ""},
    ):
        assert await page_reports(shop, site_id, headers) == 200
    assert await shop.app.events.types.all(shop.account_id) == []
    async with httpx.AsyncClient(base_url=shop.url) as server:
        body = {"GeneralInfo": {"eventName": "PageView", "siteId": str(site_id)}}
        assert (await server.post("/api/v2", json=body)).status_code == 403, "no page, no report"


async def test_a_report_that_is_sent_again_is_recorded_once(shop: Shop) -> None:
    site_id = await strict(shop)
    for visitor in ("visitor-1", "visitor-1", "visitor-2"):
        await page_reports(shop, site_id, eventId="e-1", cookies={"sc": visitor})
    assert len(await recorded(shop, "pageViewed")) == 2


async def test_an_address_that_reports_too_much_has_to_wait(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    site_id = await strict(shop)
    pace = Attempts(shop.app.clock, burst=2, seconds=600)
    monkeypatch.setattr(shop.esputnik, "_visits", pace)
    assert [await page_reports(shop, site_id, eventId=f"{n}") for n in range(4)] == [200, 200, 429, 429]
    assert len(await recorded(shop, "pageViewed")) == 2
