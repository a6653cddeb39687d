"""Recommended products, from orders and views."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from syncom.contacts.model import IdentityKind
from syncom.errors import Conflict, Invalid
from syncom.products.model import Availability, ProductInput
from syncom.recommendations.model import RecommendationKind
from tests.http.esputnik.conftest import Shop

NOW = datetime.now(UTC)


def order(number: str, customer: str, *products: str, days: float = 1, **members: Any) -> dict[str, Any]:
    return {
        "externalOrderId": number,
        "externalCustomerId": customer,
        "totalCost": 10,
        "status": "DELIVERED",
        "date": (NOW - timedelta(days=days)).isoformat(),
        "currency": "UAH",
        "items": [
            {
                "externalItemId": product,
                "name": f"The {product}",
                "category": "light" if product.startswith("l") else "tools",
                "quantity": 1,
                "cost": 5,
                "url": f"https://shop.example/{product}",
            }
            for product in products
        ],
    } | members


ORDERS = [
    order("A-1", "C-1", "lamp"),
    order("A-2", "C-2", "lamp", "hammer"),
    order("A-3", "C-3", "lamp", "hammer", "saw"),
    order("A-4", "C-4", "saw", "saw"),
    order("A-5", "C-5", "saw"),
    order("A-6", "C-5", "lantern", status="CANCELLED"),
    order("A-7", "C-5", "lantern", days=200),
    order("A-8", "C-6", "hammer", status="ABANDONED_SHOPPING_CART"),
]


async def source(shop: Shop, kind: RecommendationKind, **members: Any) -> int:
    added = await shop.app.recommendations.add_source(shop.account_id, name=kind.value, kind=kind, **members)
    return added.source_id


async def recommended(shop: Shop, source_id: int, **query: Any) -> list[str]:
    answer = await shop.get(f"/v2/contacts/recoms/{source_id}", **query)
    assert answer.status == 200, answer.body
    return [product["id"] for product in answer.json()]


async def view(shop: Shop, product: Any, customer: str = "C-1") -> None:
    params = [{"name": "externalCustomerId", "value": customer}, {"name": "product", "value": product}]
    answer = await shop.post("/v2/event", {"eventTypeKey": "productViewed", "params": params})
    assert answer.status == 200, answer.body


@pytest.fixture
async def stocked(shop: Shop) -> Shop:
    assert (await shop.post("/v1/orders", {"orders": ORDERS})).json()["failedOrders"] == []
    return shop


async def test_what_most_orders_have_comes_first(stocked: Shop) -> None:
    most = await source(stocked, RecommendationKind.MOST_BOUGHT)
    assert await recommended(stocked, most) == ["lamp", "saw", "hammer"]
    assert await recommended(stocked, most, category="TOOLS") == ["saw", "hammer"]
    answer = await stocked.get(f"/v2/contacts/recoms/{most}")
    assert answer.json()[0] == {
        "id": "lamp",
        "name": "The lamp",
        "url": "https://shop.example/lamp",
        "imageUrl": "",
        "price": 5,
        "descr": "",
        "brand": None,
        "category": ["light"],
        "isInStock": None,
    }


async def test_a_person_is_shown_what_goes_with_their_products(stocked: Shop) -> None:
    together = await source(stocked, RecommendationKind.BOUGHT_TOGETHER, size=2)
    assert await recommended(stocked, together, externalCustomerId="C-1") == ["hammer", "saw"]
    assert await recommended(stocked, together, externalCustomerId="C-6") == ["lamp", "saw"], "a cart counts"
    assert await recommended(stocked, together, products="saw,hammer") == ["lamp"], "filled up, without what is there"
    assert await recommended(stocked, together) == ["lamp", "saw"], "of nobody: what is bought most"


async def test_the_answer_is_the_same_every_time(stocked: Shop) -> None:
    together = await source(stocked, RecommendationKind.BOUGHT_TOGETHER)
    answers = [await recommended(stocked, together, externalCustomerId="C-2") for _ in range(5)]
    assert answers == [answers[0]] * 5


async def test_what_a_person_looked_at_last_comes_first(stocked: Shop) -> None:
    last = await source(stocked, RecommendationKind.LAST_VIEWED, size=2)
    await view(stocked, {"productId": "1", "name": "One", "price": 5})
    await view(stocked, '{"productId":"2","price":"7.5","isInStock":1,"brand":"Lux","category":["light"]}')
    await view(stocked, {"productId": "1", "name": "One", "price": 6})
    await view(stocked, {"name": "without an id"})
    await view(stocked, "no product")
    await view(stocked, {"productId": "9"}, customer="C-2")
    answer = (await stocked.get(f"/v2/contacts/recoms/{last}", externalCustomerId="C-1")).json()
    assert [(one["id"], one["price"], one["isInStock"], one["brand"]) for one in answer] == [
        ("1", 6, None, None),
        ("2", 7.5, True, "Lux"),
    ]
    assert await recommended(stocked, last, externalCustomerId="C-1", category="light") == ["2"]
    missing = await stocked.get(f"/v2/contacts/recoms/{last}")
    assert (missing.status, "contactId" in missing.message) == (400, True)


async def test_a_contact_is_named_by_id_address_or_number(stocked: Shop) -> None:
    together = await source(stocked, RecommendationKind.BOUGHT_TOGETHER)
    person = {"email": "anna@example.com", "phone": "380671112233"}
    await stocked.post("/v1/orders", {"orders": [order("B-1", "C-9", "saw", **person)]})
    contact = await stocked.app.contacts.find(stocked.account_id, IdentityKind.EXTERNAL_ID, "C-9")
    assert contact is not None
    expected = ["hammer", "lamp"]
    for query in ({"contactId": contact.contact_id}, {"email": person["email"]}, {"phone": person["phone"]}):
        assert await recommended(stocked, together, **query) == expected


async def test_the_catalogue_says_what_a_product_is_and_whether_it_can_be_had(stocked: Shop) -> None:
    most = await source(stocked, RecommendationKind.MOST_BOUGHT, size=2)
    together = await source(stocked, RecommendationKind.BOUGHT_TOGETHER, size=2)
    lamp = ProductInput(
        product_id="lamp",
        name="Lamp",
        url="https://shop.example/new/lamp",
        image_url="https://shop.example/lamp.jpg",
        price=Decimal(7),
        sale_price=Decimal("6.50"),
        brand="Lux",
        categories=("Home", "Light"),
    )
    saw = ProductInput(product_id="saw", name="Saw", availability=Availability.OUT_OF_STOCK)
    await stocked.app.products.put(stocked.account_id, [lamp, saw])
    answer = await stocked.get(f"/v2/contacts/recoms/{most}")
    assert answer.json() == [
        {
            "id": "lamp",
            "name": "Lamp",
            "url": "https://shop.example/new/lamp",
            "imageUrl": "https://shop.example/lamp.jpg",
            "price": 6.5,
            "descr": "",
            "brand": "Lux",
            "category": ["Home", "Light"],
            "isInStock": True,
        }
    ], "a saw is sold out, and there are no hammers any more"
    assert await recommended(stocked, most, category="home > LIGHT") == ["lamp"]
    assert await recommended(stocked, most, category="tools") == []
    await stocked.app.products.put(stocked.account_id, [ProductInput(product_id="hammer", name="Hammer")])
    assert await recommended(stocked, together, externalCustomerId="C-1") == ["hammer"]


async def test_an_app_asks_with_the_token_of_its_contact(stocked: Shop) -> None:
    together = await source(stocked, RecommendationKind.BOUGHT_TOGETHER, size=2)
    answer = await stocked.post("/v1/auth/contact/token", {"externalCustomerId": "C-1"})
    token = answer.json()["token"]
    first = await stocked.call("GET", f"/v1/recoms/{together}", headers={"ES-TOKEN": token}, query={"products": "saw"})
    assert first.status == 200, first.body
    assert [product["id"] for product in first.json()] == ["hammer"]
    fresh = first.headers["es-token"]
    assert fresh != token
    again = await stocked.call("GET", f"/v1/recoms/{together}", headers={"ES-TOKEN": fresh})
    assert [product["id"] for product in again.json()] == ["hammer", "saw"]
    for wrong in ({}, {"ES-TOKEN": ""}, {"ES-TOKEN": "ct_forged"}, {"ES-TOKEN": stocked.key}):
        refused = await stocked.call("GET", f"/v1/recoms/{together}", headers=wrong)
        assert (refused.status, refused.message) == (401, "Authentication error")
    foreign = (await stocked.other.post("/v1/orders", {"orders": [order("X", "C-1", "lamp")]})).status
    token = (await stocked.other.post("/v1/auth/contact/token", {"externalCustomerId": "C-1"})).json()["token"]
    theirs = await stocked.call("GET", f"/v1/recoms/{together}", headers={"ES-TOKEN": token})
    assert (foreign, theirs.status) == (200, 404)


async def test_unknown_sources_and_contacts_are_not_found(stocked: Shop) -> None:
    most = await source(stocked, RecommendationKind.MOST_BOUGHT)
    assert (await stocked.get(f"/v2/contacts/recoms/{most + 999}")).status == 404
    assert (await stocked.other.get(f"/v2/contacts/recoms/{most}")).status == 404
    assert (await stocked.get("/v2/contacts/recoms/x")).status == 400
    contact = await stocked.app.contacts.find(stocked.account_id, IdentityKind.EXTERNAL_ID, "C-1")
    assert contact is not None
    theirs = await stocked.other.app.recommendations.add_source(
        stocked.other.account_id, name="most", kind=RecommendationKind.MOST_BOUGHT
    )
    foreign = await stocked.other.get(f"/v2/contacts/recoms/{theirs.source_id}", contactId=contact.contact_id)
    assert foreign.status == 404
    for query in (
        {"email": "nobody@example.com"},
        {"phone": "1"},
        {"externalCustomerId": "C-0"},
        {"contactId": 10**12},
    ):
        answer = await stocked.get(f"/v2/contacts/recoms/{most}", **query)
        assert (answer.status, "not found" in answer.message) == (404, True), query
    assert (await stocked.get(f"/v2/contacts/recoms/{most}", contactId="x")).status == 400
    many = ",".join(map(str, range(51)))
    assert (await stocked.get(f"/v2/contacts/recoms/{most}", products=many)).status == 400


async def test_sources_are_named_once_and_within_bounds(shop: Shop) -> None:
    service, kind = shop.app.recommendations, RecommendationKind.MOST_BOUGHT
    added = await service.add_source(shop.account_id, name=" Best ", kind=kind)
    with pytest.raises(Conflict):
        await service.add_source(shop.account_id, name="Best", kind=kind)
    for wrong in ({"name": " "}, {"name": "x", "days": 0}, {"name": "x", "size": 101}):
        with pytest.raises(Invalid):
            await service.add_source(shop.account_id, **{"kind": kind, **wrong})
    assert await service.sources(shop.account_id) == [added]
    await service.delete_source(shop.account_id, added.source_id)
    assert await service.sources(shop.account_id) == []
