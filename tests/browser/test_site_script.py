"""The script of a site's pages in a real browser, on an origin of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import MARKS
from tests.browser.shop import AGENT, Shop, running_shop

pytestmark = MARKS
_PRODUCT = "{ProductPage: {productKey: '200600', price: '990', isInStock: 1}}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_shop(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(user_agent=AGENT)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page has an error: {error}"))
    yield page
    context.close()


def _visitor(page: Page) -> str | None:
    return next((cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "sc"), None)


def test_a_page_reports_views_and_the_person_is_known_from_then_on(shop: Shop, page: Page) -> None:
    shop.open(page, "main", "eS('sendEvent', 'MainPage');")
    shop.open(page, "login", "eS('sendEvent', 'CustomerData', {CustomerData: {user_email: 'olena@example.org'}});")
    [login] = shop.events("customerData")
    shop.open(page, "product", f"eS('sendEvent', 'ProductPage', {_PRODUCT});")
    [main], [view] = shop.events("mainPageViewed"), shop.events("productViewed")
    assert view["params"]["product"] == {"productId": "200600", "price": "990", "isInStock": 1}
    assert view["params"]["location"] == f"{shop.address}/product.html"
    assert main["params"]["sc"] == login["params"]["sc"] == view["params"]["sc"] == _visitor(page)
    assert main["contact_id"] is None
    assert view["contact_id"] == login["contact_id"] is not None


def test_nothing_is_stored_or_sent_before_the_page_begins(shop: Shop, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    not_begun = shop.snippet.replace("eS('init');", "")
    assert not_begun != shop.snippet
    shop.open(page, "waiting", "eS('sendEvent', 'StatusCartPage');", head=not_begun)
    page.wait_for_timeout(500)
    assert not [line for line in sent if line.startswith("POST")]
    assert _visitor(page) is None
    page.evaluate("eS('init')")
    assert len(shop.events("cartPageViewed")) == 1
    assert _visitor(page)


def test_a_page_that_asks_for_consent_sends_after_it_and_forgets_when_it_is_withdrawn(shop: Shop, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    asking = shop.snippet.replace("eS('init');", "eS('init', {CONSENT: true});")
    shop.open(page, "asking", "eS('sendEvent', 'quizPassed', {score: 5});", head=asking)
    page.wait_for_timeout(500)
    assert not [line for line in sent if line.startswith("POST")]
    assert _visitor(page) is None
    page.evaluate("eS('consent', true)")
    [quiz] = shop.events("quizPassed")
    assert quiz["params"]["data"] == {"score": 5}
    assert quiz["params"]["sc"] == _visitor(page)
    page.evaluate("eS('consent', false)")
    assert _visitor(page) is None
    page.evaluate("eS('sendEvent', 'NotFound')")
    page.wait_for_timeout(500)
    assert len([line for line in sent if line.startswith("POST")]) == 1
    assert _visitor(page) is None


class StrictShop:
    """Pages of a strict site, whose policy allows no inline script and no servers but its own and the collector."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        site = next((one for one in shop.syncom("site", "list") if one["strict"]), None)
        self.site_id = site["site_id"] if site else shop.syncom("site", "add", shop.address + "/")["site_id"]

    def open(self, page: Page, name: str, script: str = "") -> None:
        server = self._shop.server
        policy = f"default-src 'none'; script-src 'self' {server}; connect-src {server}"
        self._shop.put(f"{name}.js", script)
        self._shop.put(
            f"{name}.html",
            f"<!doctype html><html><head><title>{name}</title>"
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f'<script async src="{server}/api/v2/script/{self.site_id}.js" data-init data-pages></script></head>'
            f'<body><script src="{name}.js"></script></body></html>',
        )
        page.goto(f"{self._shop.address}/{name}.html", wait_until="networkidle")
        page.wait_for_function("typeof syncom === 'function' && !syncom.q")

    def events(self, page: Page, type_key: str, count: int = 1) -> list[dict[str, Any]]:
        """Events of this page's visitor, oldest first, once there are so many of them."""
        for _ in range(50):
            try:
                listed = self._shop.syncom("event", "list", "--type", type_key)
            except subprocess.CalledProcessError:
                listed = []  # no event of this type yet
            found = [one for one in listed if one["params"].get("sc") == _visitor(page)]
            if len(found) >= count:
                break
            time.sleep(0.2)
        return found[::-1]


@pytest.fixture
def strict(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> StrictShop:
    # A domain may be registered once, by its host: strict pages are those of another name of the same server.
    monkeypatch.setattr(shop, "address", shop.address.replace("127.0.0.1", "localhost"))
    return StrictShop(shop)


def _kept(page: Page) -> object:
    return page.evaluate("[document.cookie, Object.keys(localStorage)]")


def test_a_strict_site_reports_pages_products_and_the_cart_after_consent(strict: StrictShop, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    strict.open(page, "strict")
    page.evaluate("syncom('productView', {productId: '7', price: 5})")
    page.evaluate(
        "history.pushState({}, '', '/strict.html?table=7'); history.pushState({}, '', '/strict.html?table=7')"
    )
    page.wait_for_timeout(300)
    assert "POST" not in sent
    assert _kept(page) == ["", []]
    page.evaluate("syncom('consent', true)")
    assert len(strict.events(page, "productViewed")) == 1
    views = strict.events(page, "pageViewed", 2)
    addresses = [view["params"]["page"]["location"] for view in views]
    assert sorted(address.rpartition("/")[2] for address in addresses) == ["strict.html", "strict.html?table=7"]
    page.evaluate(
        "syncom('cartAdd', {productId: '7', price: 5}); syncom('cartAdd', {productId: '8', price: 9, quantity: 2});"
        "syncom('cartAdd', {productId: '7', price: 5}); syncom('cartRemove', '8', 1)"
    )
    strict.open(page, "next")
    page.evaluate("syncom('cartRemove', '7')")
    carts = strict.events(page, "cartUpdated", 5)
    told = [[(one["productId"], one.get("quantity")) for one in cart["params"]["products"]] for cart in carts]
    states = [[("7", None)], [("7", None), ("8", 2)], [("7", 2), ("8", 2)], [("7", 2), ("8", 1)], [("8", 1)]]
    assert sorted(told, key=repr) == sorted(states, key=repr)
    assert len({cart["params"]["recycleStateId"] for cart in carts}) == 1
    page.evaluate("syncom('consent', false)")
    assert _kept(page) == ["", []]
    assert page.context.cookies() == []


def test_a_strict_site_knows_a_person_by_a_token(shop: Shop, strict: StrictShop, page: Page) -> None:
    token = shop.syncom("site", "token", strict.site_id, "--email", "olena@example.org")["token"]
    strict.open(page, "claims", "var first = 1;")
    page.evaluate("syncom('consent', true)")
    page.evaluate("syncom('sendEvent', 'CustomerData', {CustomerData: {user_email: 'olena@example.org'}})")
    [claimed] = strict.events(page, "customerData")
    assert claimed["contact_id"] is None
    page.evaluate(f"syncom('identify', '{token}')")
    believed = strict.events(page, "customerData", 2)
    assert believed[-1]["contact_id"] is not None
    strict.open(page, "later")
    assert strict.events(page, "pageViewed", 2)[-1]["contact_id"] == believed[-1]["contact_id"]


def test_a_browser_that_does_not_want_it_is_left_alone(strict: StrictShop, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    strict.open(page, "private")
    page.evaluate("syncom('consent', true); syncom('cartAdd', {productId: '7'}); syncom('track', 'quiz', {score: 5})")
    page.wait_for_timeout(300)
    assert "POST" not in sent
    assert _kept(page) == ["", []]


def test_what_happens_without_a_network_is_reported_later_and_once(strict: StrictShop, page: Page) -> None:
    strict.open(page, "train")
    page.evaluate("syncom('consent', true)")
    strict.events(page, "pageViewed")
    page.context.set_offline(True)
    page.evaluate("for (var n = 0; n < 60; n++) { syncom('track', 'stationPassed', {n: n}); }")
    page.wait_for_function("JSON.parse(localStorage.sc_unsent || '[]').length === 50")
    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    found = strict.events(page, "stationPassed", 50)
    assert sorted(event["params"]["data"]["n"] for event in found) == list(range(10, 60))


#: The push service of the browser's maker is not to be had here; everything else is the browser's own.
_PUSH_SERVICE = """
PushManager.prototype.subscribe = function (options) {
  window.subscribedWith = new Uint8Array(options.applicationServerKey);
  return Promise.resolve({
    endpoint: 'https://push.example/abc',
    toJSON: function () { return {endpoint: this.endpoint, keys: {p256dh: 'BPk', auth: 'c2U'}}; }
  });
};
"""


def test_a_visitor_who_allows_it_is_subscribed_to_web_push(shop: Shop, browser: Browser) -> None:
    script = shop.push()
    context = browser.new_context(permissions=["notifications"], user_agent=AGENT)
    page = context.new_page()
    page.add_init_script(_PUSH_SERVICE)
    known = "eS('sendEvent', 'CustomerData', {CustomerData: {user_email: 'olena@example.org'}});"
    shop.open(page, "known", known)
    with page.expect_response(lambda response: response.url.endswith("/api/v2/webpush")) as answered:
        shop.open(page, "push", "", head=script)
    assert answered.value.status == 200
    assert page.evaluate("subscribedWith.length") == 65
    assert page.evaluate("navigator.serviceWorker.getRegistration('/').then(found => Boolean(found))")
    [contact] = json.loads(shop.call("GET", "/v1/contacts?email=olena@example.org"))
    assert ("webpush", "https://push.example/abc") in {
        (channel["type"], channel["value"]) for channel in contact["channels"]
    }
    context.close()
