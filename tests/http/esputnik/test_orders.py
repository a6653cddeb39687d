"""Orders, as shops send them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from syncom.accounts.model import Compat, KeyScope
from syncom.contacts.model import IdentityKind
from syncom.jobs.runner import run_worker
from tests.http.esputnik.conftest import Shop


def order(number: str = "A-500", **members: Any) -> dict[str, Any]:
    return {
        "externalOrderId": number,
        "externalCustomerId": "C-1001",
        "totalCost": 1000,
        "status": "INITIALIZED",
        "date": "2026-03-08T09:30:00+02:00",
        "email": "olena@example.org",
        "currency": "UAH",
        "items": [
            {
                "externalItemId": "200600",
                "name": "Lamp",
                "category": "light",
                "quantity": 1,
                "cost": 990,
                "url": "https://shop.example/p/200600",
                "imageUrl": "https://shop.example/p/200600.png",
            }
        ],
    } | members


async def stored(shop: Shop, number: str = "A-500") -> Any:
    return await shop.app.orders.find(shop.account_id, number)


async def drain(shop: Shop) -> None:
    """Do the background work that is queued."""
    await run_worker(shop.app.jobs(shop.app.database.dsn), queues=["orders"], wait=False)


async def test_an_order_of_an_unknown_customer_makes_the_contact(shop: Shop) -> None:
    answer = await shop.post("/v1/orders", {"orders": [order(firstName="Olena", phone="380671112233")]})
    assert answer.status == 200, answer.body
    body = answer.json()
    assert (body["id"], body["failedOrders"]) == (0, [])
    assert body["asyncSessionId"]
    contact = await shop.app.contacts.find(shop.account_id, IdentityKind.EXTERNAL_ID, "C-1001")
    assert contact is not None
    assert (contact.email, contact.phone, contact.first_name) == ("olena@example.org", "+380671112233", "Olena")
    found = await stored(shop)
    assert (found.contact_id, found.status, found.total, found.currency) == (
        contact.contact_id,
        "INITIALIZED",
        1000,
        "UAH",
    )
    assert found.ordered_at.isoformat() == "2026-03-08T07:30:00+00:00"
    assert (found.items[0].name, found.items[0].image_url) == ("Lamp", "https://shop.example/p/200600.png")
    assert await shop.app.orders.find(shop.other.account_id, "A-500") is None


async def test_the_session_of_a_call_says_what_became_of_it(shop: Shop) -> None:
    answer = await shop.post("/v1/orders", {"orders": [order(), order("A-2", status="LOST")]})
    session = (await shop.get(f"/v1/importstatus/{answer.json()['asyncSessionId']}")).json()
    assert (session["status"], session["description"]) == ("FINISHED", "1 taken, 1 refused")
    deletion = (await shop.delete("/v1/orders", externalOrderId="A-500")).json()["asyncSessionId"]
    assert (await shop.get(f"/v1/importstatus/{deletion}")).json()["status"] == "STARTED"
    await drain(shop)
    session = (await shop.get(f"/v1/importstatus/{deletion}")).json()
    assert (session["status"], session["description"]) == ("FINISHED", "1 deleted")
    assert (await shop.other.get(f"/v1/importstatus/{deletion}")).status == 404


async def test_the_same_number_updates_the_order(shop: Shop) -> None:
    await shop.post("/v1/orders", {"orders": [order()]})
    members = {
        "status": "DELIVERED",
        "shipping": "12.50",
        "source": "kiosk",
        "deliveryMethod": "post",
        "additionalInfo": {"comment": "ring twice"},
        "trackingNumber": "59000",
        "items": None,
    }
    assert (await shop.post("/v1/orders", {"orders": [order(**members)]})).json()["failedOrders"] == []
    found = await stored(shop)
    assert (found.status, str(found.shipping), found.source, found.items) == ("DELIVERED", "12.50", "online", ())
    assert found.additional_info == {"comment": "ring twice", "trackingNumber": "59000"}


async def test_a_late_state_does_not_put_an_order_back_unless_the_shop_says_when(shop: Shop) -> None:
    await shop.post("/v1/orders", {"orders": [order(status="DELIVERED")]})
    await shop.post("/v1/orders", {"orders": [order(status="IN_PROGRESS")]})
    assert (await stored(shop)).status == "DELIVERED"
    await shop.post("/v1/orders", {"orders": [order(status="IN_PROGRESS", updatedAt="2026-03-09T10:00")]})
    assert (await stored(shop)).status == "IN_PROGRESS"


async def test_one_order_may_stand_for_a_list_of_one(shop: Shop) -> None:
    assert (await shop.post("/v1/orders", {"orders": order(totalCost="12.5", items=order()["items"][0])})).status == 200
    assert float((await stored(shop)).total) == 12.5


async def test_a_date_without_an_offset_is_in_the_zone_of_the_account(shop: Shop) -> None:
    async with shop.app.database.system() as connection:
        await connection.execute(
            "UPDATE accounts SET time_zone = 'Europe/Kyiv' WHERE account_id = %s", (shop.account_id,)
        )
    await shop.post("/v1/orders", {"orders": [order(date="2026-07-08T09:30:00")]})
    assert (await stored(shop)).ordered_at.isoformat() == "2026-07-08T06:30:00+00:00"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"date": "yesterday"}, "'date' is not a date"),
        ({"status": "LOST"}, "'status' must be one of"),
        ({"email": "nobody"}, "'email' is not an email address"),
        ({"currency": "hryvnia"}, "'currency' must be an ISO 4217 code"),
        ({"totalCost": 1e30}, "'totalCost' must be an amount"),
        ({"totalCost": "NaN"}, "'totalCost' must be an amount"),
        ({"externalOrderId": " "}, "'externalOrderId' must be printable text"),
        ({"externalCustomerId": None, "email": " "}, "'externalCustomerId' is missing"),
        ({"externalCustomerId": "", "email": "", "phone": "call me"}, "'phone' is not"),
        ({"items": [order()["items"][0] | {"cost": 1e30}]}, "'items.0.cost' must be"),
        ({"items": [order()["items"][0] | {"name": ""}]}, "'items.0.name' must not be empty"),
        ({"restoreUrl": "x" * 3000}, "'restoreUrl' must be at most"),
        ({"updatedAt": "soon"}, "'updatedAt' is not a date"),
    ],
)
async def test_an_order_that_is_wrong_comes_back_with_the_reason_and_the_others_are_taken(
    shop: Shop, members: dict[str, Any], message: str
) -> None:
    wrong = order("A-1", **members) | {"note": "of the shop"}
    answer = await shop.post("/v1/orders", {"orders": [wrong, order("A-2")]})
    assert answer.status == 200, answer.body
    (failed,) = answer.json()["failedOrders"]
    assert failed.pop("errorMessage").startswith(message)
    assert failed == msgspec.json.decode(msgspec.json.encode(wrong))
    assert await stored(shop, "A-1") is None
    assert await stored(shop, "A-2") is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Required field 'orders' is missing"),
        ({"orders": None}, "Required field 'orders' is missing"),
        ({"orders": []}, "at least one order"),
        ({"orders": "x"}, "orders.0"),
        ({"orders": [1]}, "orders.0"),
        ({"orders": [{name: value for name, value in order().items() if name != "status"}]}, "'orders.0.status'"),
        ({"orders": [{name: value for name, value in order().items() if name != "currency"}]}, "'orders.0.currency'"),
        ({"orders": [order(externalOrderId=None)]}, "'orders.0.externalOrderId'"),
        ({"orders": [order(totalCost="much")]}, "'orders.0.totalCost'"),
        ({"orders": [order(items=[{"name": "Lamp"}])]}, "'orders.0.items.0.externalItemId'"),
        ({"orders": [order(additionalInfo="x")]}, "'orders.0.additionalInfo'"),
        ({"orders": [order(f"A-{n}") for n in range(1001)]}, "Maximum 1000 orders"),
    ],
)
async def test_a_body_that_is_no_list_of_orders_is_refused_whole(shop: Shop, body: Any, message: str) -> None:
    answer = await shop.post("/v1/orders", body)
    assert answer.status == 400
    assert message in answer.message
    assert await stored(shop) is None
    assert await shop.app.contacts.find(shop.account_id, IdentityKind.EXTERNAL_ID, "C-1001") is None


async def test_the_same_batch_again_is_a_duplicate(shop: Shop) -> None:
    body = {"orders": [order()]}
    assert (await shop.post("/v1/orders", body)).status == 200
    again = await shop.post("/v1/orders", body)
    assert again.status == 409
    assert "Duplicated request" in again.message
    assert (await shop.other.post("/v1/orders", body)).status == 200


async def test_old_clients_get_the_empty_body_they_wait_for(shop: Shop) -> None:
    old = await shop.with_key(compat=(Compat.EMPTY_ORDERS,))
    answer = await old.post("/v1/orders", {"orders": [order()]})
    assert (answer.status, answer.body) == (200, b"")
    failed = await old.post("/v1/orders", {"orders": [order(status="LOST")]})
    assert len(failed.json()["failedOrders"]) == 1


async def test_a_key_for_messages_takes_no_orders(shop: Shop) -> None:
    narrow = await shop.with_key(scope=KeyScope.MESSAGES)
    assert (await narrow.post("/v1/orders", {"orders": [order()]})).status == 403
    assert (await narrow.delete("/v1/orders", externalOrderId="A-500")).status == 403
    assert (await (await shop.with_key(scope=KeyScope.EVENTS)).post("/v1/orders", {"orders": [order()]})).status == 200


async def test_an_order_is_deleted_by_its_number_and_the_counts_follow(shop: Shop) -> None:
    await shop.post("/v1/orders", {"orders": [order("A-1"), order("A-2")]})
    contact_id = (await stored(shop, "A-1")).contact_id
    answer = await shop.delete("/v1/orders", externalOrderId="A-1")
    assert answer.status == 200, answer.body
    assert answer.json()["asyncSessionId"]
    await drain(shop)
    assert await stored(shop, "A-1") is None
    assert [one.external_id for one in await shop.app.orders.of_contact(shop.account_id, contact_id)] == ["A-2"]
    async with shop.app.database.tenant(shop.account_id) as connection:
        row = await (await connection.execute("SELECT orders FROM contact_statistics")).fetchone()
    assert row == (1,)
    assert (await shop.post("/v1/orders", {"orders": [order("A-1", totalCost=1)]})).status == 200
    assert (await stored(shop, "A-1")).total == 1


async def test_orders_of_a_day_are_deleted_and_no_others(shop: Shop) -> None:
    orders = [order(f"A-{hour}", date=f"2026-03-08T{hour:02}:00:00Z") for hour in range(24)]
    await shop.post("/v1/orders", {"orders": orders})
    await shop.other.post("/v1/orders", {"orders": orders})
    answer = await shop.call("DELETE", "/v1/orders", query={"from": "2026-03-08T02:00:00", "to": "2026-03-08T23:00:00"})
    assert answer.status == 200, answer.body
    await drain(shop)
    left = [hour for hour in range(24) if await stored(shop, f"A-{hour}") is not None]
    assert left == [0, 1, 23]
    assert await shop.app.orders.find(shop.other.account_id, "A-5") is not None


async def test_orders_are_deleted_by_numbers_in_the_body_too(shop: Shop) -> None:
    await shop.post("/v1/orders", {"orders": [order("A-1"), order("A-2"), order("A-3")]})
    assert (await shop.delete("/v1/orders", {"externalOrderIds": ["A-1", "A-2"]})).status == 200
    await drain(shop)
    assert [n for n in ("A-1", "A-2", "A-3") if await stored(shop, n) is not None] == ["A-3"]
    many = await shop.delete("/v1/orders", {"externalOrderIds": [f"A-{n}" for n in range(1001)]})
    assert many.status == 400


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({}, "Either externalOrderId or from and to must be given"),
        ({"from": "2026-03-08T00:00:00"}, "Either externalOrderId or from and to must be given"),
        ({"to": "2026-03-08T00:00:00"}, "Either externalOrderId or from and to must be given"),
        (
            {"from": "2026-03-08", "to": "2026-03-08T23:00:00"},
            "Dates must be in the format yyyy-MM-dd'T'HH:mm:ss",
        ),
        (
            {"from": "2026-03-08T00:00:00", "to": "tomorrow"},
            "Dates must be in the format yyyy-MM-dd'T'HH:mm:ss",
        ),
        (
            {"from": "2026-03-08T23:00:00", "to": "2026-03-08T00:00:00"},
            "The start of the range must be before its end",
        ),
        (
            {"from": "2026-03-08T00:00:00", "to": "2026-03-08T00:00:00"},
            "The start of the range must be before its end",
        ),
        (
            {"from": "2026-03-08T00:00:00", "to": "2026-03-09T00:00:01"},
            "The range must not be longer than 24 hours",
        ),
    ],
)
async def test_a_deletion_that_says_nothing_usable_is_refused_with_a_bare_sentence(
    shop: Shop, query: dict[str, str], complaint: str
) -> None:
    await shop.post("/v1/orders", {"orders": [order(date="2026-03-08T10:00:00Z")]})
    answer = await shop.call("DELETE", "/v1/orders", query=query)
    assert (answer.status, answer.body.decode()) == (400, complaint)
    assert answer.headers["content-type"] == "text/plain;charset=UTF-8"
    await drain(shop)
    assert await stored(shop) is not None


async def test_another_accounts_order_is_as_unknown(shop: Shop) -> None:
    await shop.other.post("/v1/orders", {"orders": [order()]})
    answer = await shop.delete("/v1/orders", externalOrderId="A-500")
    assert answer.status == 404
    assert "not found" in answer.message
    await drain(shop)
    assert await shop.app.orders.find(shop.other.account_id, "A-500") is not None
