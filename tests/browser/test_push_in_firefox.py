"""Web push from end to end in Firefox: everything but the push service is the real thing.

The site carries our script and imports our service worker; the browser subscribes, our sending process encrypts, signs
and posts; the browser decrypts and shows; its worker tells.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.browser.autopush import Autopush, running_autopush
from tests.browser.firefox import MARKS, Firefox, running_firefox
from tests.browser.shop import Shop, running_shop

pytestmark = MARKS
_PATIENCE = 40.0
#: What the site's worker shows at the moment.
_SHOWN = """
navigator.serviceWorker.getRegistration('/').then(found => found.getNotifications())
  .then(all => JSON.stringify(all.map(one => ({title: one.title, body: one.body, tag: one.tag}))))
"""
_TOKEN = "new Promise(resolve => es('getPushToken', resolve))"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_shop(tmp_path_factory.mktemp("site"), SYNCOM_OUTBOUND_ALLOW="127.0.0.1/32") as running:
        yield running


@pytest.fixture
async def service() -> AsyncIterator[Autopush]:
    async with running_autopush() as running:
        yield running


@pytest.fixture
async def firefox(service: Autopush, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firefox]:
    async with running_firefox(tmp_path_factory.mktemp("firefox"), service.address) as running:
        yield running


async def until(ask: Callable[[], Any], right: Callable[[Any], bool]) -> Any:
    """What is asked for, once it is right. It is asked in a thread, since it waits for other processes."""
    found: Any = None
    try:
        async with asyncio.timeout(_PATIENCE):
            while not right(found := await asyncio.to_thread(ask)):
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"never right: {found!r}")
    return found


async def subscribed(shop: Shop, firefox: Firefox) -> str:
    """The address of the browser's subscription, known to the installation."""
    script = await asyncio.to_thread(shop.push)
    await firefox.open(await asyncio.to_thread(shop.page, "push", "", head=script))
    async with asyncio.timeout(_PATIENCE):
        while not (endpoint := await firefox.evaluate(_TOKEN)):
            await asyncio.sleep(0.1)
    await until(shop.browsers, lambda browsers: endpoint in browsers)
    return str(endpoint)


def send(shop: Shop, endpoint: str, **template: Any) -> str:
    """Queue a notification for this browser; returns its id."""
    made = json.loads(shop.call("POST", "/v1/messages/webpush", {"text": "It is there again", **template}))
    body = {"recipients": [{"contactId": shop.browsers()[endpoint]}]}
    [row] = json.loads(shop.call("POST", f"/v1/message/{made['id']}/smartsend", body))["results"]
    return row["requestId"]


def told(shop: Shop, message_id: str) -> list[str]:
    """What is recorded of a message, the oldest first."""
    return [line["kind"] for line in reversed(shop.syncom("activity", "list", "--message", message_id))]


async def test_a_notification_is_decrypted_shown_and_told_by_a_real_browser(
    shop: Shop, service: Autopush, firefox: Firefox
) -> None:
    endpoint = await subscribed(shop, firefox)
    assert endpoint.startswith(f"http://127.0.0.1:{service.port}/push/")
    words = {"title": "Лампа", "topic": "stock", "link": "https://shop.example/lamp"}
    message_id = await asyncio.to_thread(send, shop, endpoint, **words)
    async with asyncio.timeout(_PATIENCE):
        assert await service.acknowledged.get() == 100, "the browser could read it"
    [posted] = service.posted
    assert posted.claims["aud"] == f"http://127.0.0.1:{service.port}"
    assert posted.headers["topic"] == "stock"
    # The browser may tell before the answer of its push service is settled; on a slow machine it also closes.
    await until(lambda: told(shop, message_id), lambda kinds: {"sent", "delivered"} <= set(kinds))
    shown = json.loads(await firefox.evaluate(_SHOWN))
    assert shown == [{"title": "Лампа", "body": "It is there again", "tag": "stock"}]


async def test_a_browser_whose_subscription_is_renewed_keeps_its_contact(
    shop: Shop, service: Autopush, firefox: Firefox
) -> None:
    endpoint = await subscribed(shop, firefox)
    owner = (await asyncio.to_thread(shop.browsers))[endpoint]
    await service.forget_browser()
    browsers = await until(shop.browsers, lambda found: endpoint not in found)
    [renewed] = [address for address, contact_id in browsers.items() if contact_id == owner]
    assert renewed.rpartition("/")[2] in service.keys
    message_id = await asyncio.to_thread(send, shop, renewed)
    assert await until(lambda: told(shop, message_id), lambda kinds: "delivered" in kinds)


async def test_a_browser_that_ended_its_subscription_is_forgotten_by_the_next_notification(
    shop: Shop, service: Autopush, firefox: Firefox
) -> None:
    endpoint = await subscribed(shop, firefox)
    await firefox.evaluate(
        "navigator.serviceWorker.getRegistration('/').then(found => found.pushManager.getSubscription())"
        ".then(found => found.unsubscribe())"
    )
    message_id = await asyncio.to_thread(send, shop, endpoint)
    assert await until(lambda: told(shop, message_id), bool) == ["failed"]
    assert endpoint not in await until(shop.browsers, lambda found: endpoint not in found)
