"""Orders that come as events."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.http.esputnik.order_events import take_order_event
from tests.http.esputnik.conftest import Shop

CREATED = {
    "externalOrderId": "A-500",
    "externalCustomerId": "C-1001",
    "email": "olena@example.org",
    "totalCost": "1000.50",
    "date": "2020-05-14T10:11:00",
    "currency": "UAH",
    "items": [{"externalItemId": "1", "name": "Lamp", "quantity": 1, "cost": 990}],
    "promo": "spring",
}


async def take(shop: Shop, type_key: str, **params: Any) -> bool:
    return await take_order_event(shop.app, shop.account_id, type_key, params)


async def stored(shop: Shop) -> Any:
    return await shop.app.orders.find(shop.account_id, "A-500")


async def test_an_order_lives_through_events(shop: Shop) -> None:
    assert await take(shop, "orderCreated", **CREATED)
    created = await stored(shop)
    assert (created.status, str(created.total), created.items[0].name) == ("INITIALIZED", "1000.50", "Lamp")
    assert created.additional_info == {"promo": "spring"}
    assert await take(shop, "orderUpdated", externalOrderId="A-500", status="IN_PROGRESS", deliveryMethod="post")
    updated = await stored(shop)
    assert (updated.status, updated.delivery_method, updated.items) == ("IN_PROGRESS", "post", created.items)
    assert (updated.contact_id, updated.ordered_at) == (created.contact_id, created.ordered_at)
    assert await take(shop, "orderDelivered", externalOrderId="A-500", status="whatever")
    assert (await stored(shop)).status == "DELIVERED"
    assert await take(shop, "orderCancelled", externalOrderId="A-500")
    assert (await stored(shop)).status == "CANCELLED"


async def test_an_update_of_an_unknown_order_creates_it_and_a_delivery_does_not(shop: Shop) -> None:
    assert not await take(shop, "orderDelivered", **CREATED)
    assert not await take(shop, "orderCancelled", **CREATED)
    assert await stored(shop) is None
    assert await take(shop, "orderUpdated", **CREATED)
    assert (await stored(shop)).status == "IN_PROGRESS"


async def test_lists_may_come_as_text(shop: Shop) -> None:
    text = '[{"externalItemId":"1","name":"Lamp","quantity":"1","cost":"990"}]'
    assert await take(shop, "orderCreated", **{**CREATED, "items": text})
    assert (await stored(shop)).items[0].price == 990


@pytest.mark.parametrize(
    "wrong",
    [
        {"externalOrderId": None},
        {"externalOrderId": " "},
        {"externalOrderId": ["A-500"]},
        {"totalCost": None},
        {"totalCost": "much"},
        {"date": "yesterday"},
        {"status": "LOST"},
        {"email": "nobody"},
        {"items": "[1"},
    ],
)
async def test_an_event_that_lacks_what_an_order_needs_makes_none(shop: Shop, wrong: dict[str, Any]) -> None:
    assert not await take(shop, "orderCreated", **{**CREATED, **wrong})
    assert await stored(shop) is None


async def test_other_events_are_no_orders(shop: Shop) -> None:
    assert not await take(shop, "invoicePaid", **CREATED)
    assert await stored(shop) is None


async def test_the_methods_of_events_take_orders(shop: Shop) -> None:
    listed = [{"name": name, "value": value} for name, value in CREATED.items()]
    first = await shop.post("/v2/event", {"eventTypeKey": "orderCreated", "keyValue": "A-500", "params": listed})
    assert first.status == 200, first.body
    assert (await stored(shop)).status == "INITIALIZED"
    mapped = {"eventTypeKey": "orderDelivered", "keyValue": "A-500", "params": {"externalOrderId": "A-500"}}
    assert (await shop.post("/v3/event", mapped)).status == 200
    assert (await stored(shop)).status == "DELIVERED"
    nothing = {"eventTypeKey": "orderCreated", "keyValue": "A-501", "params": [{"name": "note", "value": "x"}]}
    assert (await shop.post("/v1/event", nothing)).status == 200
    names = [one.key for one in await shop.app.events.types.all(shop.account_id)]
    assert sorted(names) == ["orderCreated", "orderDELIVERED", "orderDelivered", "orderINITIALIZED"]
