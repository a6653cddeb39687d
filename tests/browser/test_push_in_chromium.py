"""Web push in Chromium: asked for after a click, shown, clicked, closed, and told of, also without a network.

Chromium's own push service is not to be had here: the page gets a subscription at a service of ours, which decrypts
what our sending process posts, and DevTools hands it to the service worker as that service would.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Worker

from tests.browser.chromium import MARKS
from tests.browser.shop import AGENT, Shop, running_shop
from tests.messages.push.browser import Browser as Subscriber
from tests.messages.push.browser import took
from tests.messages.sms.gateway_peer import GatewayPeer, running_gateway

pytestmark = MARKS
_PATIENCE = 40.0
#: Stands in for the push service of the browser's maker alone.
_PUSH_SERVICE = """
(function () {
  var key = null;
  var made = {endpoint: %s, keys: %s};
  made.toJSON = function () { return {endpoint: made.endpoint, keys: made.keys}; };
  made.unsubscribe = function () { key = null; window.ended = true; return Promise.resolve(true); };
  if (sessionStorage.subscribed) { key = Uint8Array.from(JSON.parse(sessionStorage.subscribed)); }
  function subscription() { made.options = {applicationServerKey: key.buffer}; return made; }
  PushManager.prototype.getSubscription = function () { return Promise.resolve(key ? subscription() : null); };
  PushManager.prototype.subscribe = function (options) {
    key = new Uint8Array(options.applicationServerKey);
    sessionStorage.subscribed = JSON.stringify(Array.from(key));
    return Promise.resolve(subscription());
  };
})();
"""
#: In the worker: what a click would open is noted.
_NOTE_OPENED = "() => { self.clients.openWindow = url => { self.opened = url; return Promise.resolve(null); }; }"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_shop(tmp_path_factory.mktemp("site"), SYNCOM_OUTBOUND_ALLOW="127.0.0.1/32") as running:
        yield running


@pytest.fixture(scope="module")
def service() -> Iterator[GatewayPeer]:
    """A push service that runs beside this thread, which belongs to the browser."""
    started: list[GatewayPeer] = []
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with running_gateway(took) as peer:
            started.append(peer)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(_PATIENCE)
    yield started[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(_PATIENCE)
    loop.close()


class Visitor:
    """A browser that is subscribed, its service worker, and what it shows."""

    def __init__(self, shop: Shop, context: BrowserContext, page: Page, subscriber: Subscriber) -> None:
        self.shop = shop
        self.context = context
        self.page = page
        self.subscriber = subscriber
        self._devtools = context.new_cdp_session(page)
        self._registration = _registration(self._devtools, page)

    @property
    def worker(self) -> Worker:
        return self.context.service_workers[0]

    def send(self, **template: Any) -> str:
        """Have a notification sent and handed to the worker; returns its id."""
        before = len(self.subscriber.got)
        body = {"text": "It is there again", **template}
        made = json.loads(self.shop.call("POST", "/v1/messages/webpush", body))
        recipients = {"recipients": [{"contactId": self.shop.browsers()[self.subscriber.endpoint]}]}
        [row] = json.loads(self.shop.call("POST", f"/v1/message/{made['id']}/smartsend", recipients))["results"]
        until(lambda: len(self.subscriber.got), lambda count: count > before)
        self.deliver(self.subscriber.decrypted(self.subscriber.got[-1].body))
        return str(row["requestId"])

    def deliver(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        given = {"origin": self.shop.address, "registrationId": self._registration, "data": text}
        self._devtools.send("ServiceWorker.deliverPushMessage", given)

    def shown(self, count: int = 1) -> list[dict[str, Any]]:
        """Titles, texts and buttons of the notifications that are shown."""
        script = (
            "self.registration.getNotifications().then(all => all.map(one => ({title: one.title, body: one.body,"
            " tag: one.tag, buttons: one.actions.map(action => action.title), data: one.data})))"
        )
        return until(lambda: self.worker.evaluate(script), lambda all_: len(all_) >= count)

    def happens(self, what: str, action: str = "") -> None:
        """The person clicks the notification, a button of it, or puts it away."""
        self.worker.evaluate(
            "([what, action]) => self.registration.getNotifications().then(all => self.dispatchEvent("
            "new NotificationEvent(what, {notification: all[0], action: action})))",
            [what, action],
        )

    def told(self, message_id: str, count: int) -> list[str]:
        """What is recorded of a message, the oldest first, once it is so much."""

        def ask() -> list[str]:
            return [line["kind"] for line in reversed(self.shop.syncom("activity", "list", "--message", message_id))]

        return until(ask, lambda kinds: len(kinds) >= count)


def until(ask: Callable[[], Any], right: Callable[[Any], bool]) -> Any:
    """What is asked for, once it is right."""
    deadline = time.monotonic() + _PATIENCE
    found = ask()
    while not right(found):
        assert time.monotonic() < deadline, f"never right: {found!r}"
        time.sleep(0.1)
        found = ask()
    return found


def _registration(devtools: CDPSession, page: Page) -> str:
    """The id that DevTools knows the page's service worker by."""
    found: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"] if not one["isDeleted"]),
    )
    devtools.send("ServiceWorker.enable")
    until(lambda: page.wait_for_timeout(50) or found, bool)
    return found[0]


@pytest.fixture
def visitor(shop: Shop, browser: Browser, service: GatewayPeer, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    subscriber = Subscriber(service, request.node.name)
    context = browser.new_context(permissions=["notifications"], user_agent=AGENT)
    page = context.new_page()
    keys = {"p256dh": subscriber.keys.p256dh, "auth": subscriber.keys.auth}
    page.add_init_script(_PUSH_SERVICE % (json.dumps(subscriber.endpoint), json.dumps(keys)))
    script = shop.push()
    with page.expect_response(lambda response: response.url.endswith("/api/v2/webpush")) as answered:
        shop.open(page, request.node.name, "", head=script)
    assert answered.value.status == 200
    yield Visitor(shop, context, page, subscriber)
    context.close()


# ------------------------------------------------------------------ what is shown and told


def test_a_notification_is_shown_and_its_buttons_lead_through_counted_links(visitor: Visitor) -> None:
    actions = [
        {"title": "Buy", "link": "https://shop.example/buy"},
        {"title": "Later", "link": "https://shop.example/l"},
    ]
    words = {"title": "Лампа", "topic": "stock", "link": "https://shop.example/lamp", "actions": actions}
    message_id = visitor.send(**words)
    [shown] = visitor.shown()
    assert (shown["title"], shown["body"], shown["tag"]) == ("Лампа", "It is there again", "stock")
    assert shown["buttons"] == ["Buy", "Later"]
    visitor.worker.evaluate(_NOTE_OPENED)
    visitor.happens("notificationclick", "2")
    opened = until(lambda: visitor.worker.evaluate("self.opened"), bool)
    assert opened == shown["data"]["urls"]["2"]
    assert visitor.told(message_id, 2) == ["sent", "delivered"], "a link counts where it leads through"
    led = visitor.context.request.get(opened, max_redirects=0)
    assert (led.status, led.headers["location"]) == (302, "https://shop.example/l")
    assert visitor.told(message_id, 3) == ["sent", "delivered", "clicked"]
    assert visitor.worker.evaluate("self.registration.getNotifications().then(all => all.length)") == 0


def test_a_click_that_leads_nowhere_is_told_and_shows_the_site(visitor: Visitor) -> None:
    message_id = visitor.send()
    visitor.shown()
    visitor.worker.evaluate(_NOTE_OPENED)
    visitor.happens("notificationclick")
    assert visitor.told(message_id, 3) == ["sent", "delivered", "clicked"]
    assert visitor.worker.evaluate("self.opened") == f"{visitor.shop.address}/"


def test_what_is_put_away_without_a_network_is_told_later_and_once(visitor: Visitor) -> None:
    message_id = visitor.send()
    visitor.shown()
    assert visitor.told(message_id, 2) == ["sent", "delivered"]
    visitor.worker.evaluate("() => { self.real = self.fetch; self.fetch = () => Promise.reject(new Error('away')); }")
    visitor.happens("notificationclose")
    kept = "caches.open('syncom-push').then(store => store.keys()).then(all => all.map(one => one.url))"
    until(lambda: visitor.worker.evaluate(kept), lambda urls: any(url.endswith("/closed") for url in urls))
    visitor.worker.evaluate("() => { self.fetch = self.real; }")
    visitor.page.reload()
    assert visitor.told(message_id, 3) == ["sent", "delivered", "closed"]
    assert not [url for url in visitor.worker.evaluate(kept) if url.endswith("/closed")]


@pytest.mark.parametrize("garbage", ["", "no JSON {", "null", "5", '{"actions": 5, "told": "javascript:1"}'])
def test_whatever_arrives_something_is_shown(visitor: Visitor, garbage: str) -> None:
    visitor.deliver(garbage)
    assert visitor.shown()


# ------------------------------------------------------------------ asking


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """Somebody who has not been asked; the answer to the browser's own question is noted, and no."""
    context = browser.new_context(user_agent=AGENT, locale="en-GB")
    page = context.new_page()
    page.add_init_script(
        "window.asked = 0; Object.defineProperty(Notification, 'permission', {get: () => 'default'});"
        "Notification.requestPermission = function () { window.asked += 1; return Promise.resolve('denied'); };"
    )
    yield page
    context.close()


def test_the_page_asks_in_its_language_and_the_browser_only_after_a_click(shop: Shop, stranger: Page) -> None:
    policy = (
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
        f"script-src {shop.server} 'unsafe-inline'; connect-src {shop.server}\">"
    )
    problems: list[str] = []
    stranger.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    stranger.goto(shop.page("asked", "", head=policy + shop.push(), language="uk-UA"))
    question = stranger.get_by_role("dialog")
    question.wait_for()
    assert "127.0.0.1" in question.inner_text()
    assert stranger.evaluate("asked") == 0
    stranger.get_by_role("button", name="Дозволити").click()
    assert stranger.evaluate("asked") == 1
    assert question.count() == 0
    assert [problem for problem in problems if "Content Security Policy" in problem] == []


@pytest.mark.parametrize("how", ["Not now", "Escape"])
def test_who_says_no_is_not_asked_again_for_a_while(shop: Shop, stranger: Page, how: str) -> None:
    address = shop.page("declined", "", head=shop.push(), language="xx")
    stranger.goto(address)
    stranger.get_by_role("dialog").wait_for()
    if how == "Escape":
        stranger.keyboard.press("Escape")
    else:
        stranger.get_by_role("button", name="Not now").click()
    assert stranger.get_by_role("dialog").count() == 0
    stranger.goto(address, wait_until="networkidle")
    assert stranger.get_by_role("dialog").count() == 0
    assert stranger.evaluate("asked") == 0


def test_a_button_of_the_site_asks_at_once_and_nobody_before(shop: Shop, stranger: Page) -> None:
    script = shop.push().replace("<script ", "<script data-wait ")
    button = (
        "var bell = document.createElement('button'); bell.onclick = () => es('pushOn'); document.body.append(bell)"
    )
    stranger.goto(shop.page("bell", button, head=script), wait_until="networkidle")
    assert (stranger.get_by_role("dialog").count(), stranger.evaluate("asked")) == (0, 0)
    stranger.locator("button").click()
    assert (stranger.get_by_role("dialog").count(), stranger.evaluate("asked")) == (0, 1)


# ------------------------------------------------------------------ whose subscription


def test_a_subscription_of_another_key_is_made_anew(visitor: Visitor) -> None:
    visitor.page.evaluate("sessionStorage.subscribed = JSON.stringify(Array.from(new Uint8Array(65)))")
    visitor.page.reload(wait_until="networkidle")
    assert until(lambda: visitor.page.evaluate("window.ended || null"), bool)
    assert visitor.page.evaluate("JSON.parse(sessionStorage.subscribed)[0]") == 4


def test_who_subscribed_before_it_was_known_who_they_are_is_one_contact_afterwards(visitor: Visitor) -> None:
    shop, page = visitor.shop, visitor.page
    anonymous = shop.browsers()[visitor.subscriber.endpoint]
    shop.syncom("contact", "add", "--email", "ivan@example.org", "--external-id", "C-7")
    known = "eS('sendEvent', 'CustomerData', {CustomerData: {user_email: 'ivan@example.org'}});"
    with page.expect_response(lambda response: response.url.endswith("/api/v2")):
        shop.open(page, "login", known)
    with page.expect_response(lambda response: response.url.endswith("/api/v2/webpush")):
        shop.open(page, "after-login", "", head=shop.push())
    [ivan] = json.loads(shop.call("GET", "/v1/contacts?email=ivan@example.org"))
    assert until(lambda: shop.browsers()[visitor.subscriber.endpoint], lambda owner: owner != anonymous) == ivan["id"]
