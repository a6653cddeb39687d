"""Events as callers of eSputnik's API send them (reference, 5.7)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from syncom.accounts.model import Compat, KeyScope
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.events.model import Event, TypeParameter
from tests.http.esputnik.conftest import Shop

OLENA = {"name": "EmailAddress", "value": "olena@example.org"}
ONE = {"eventTypeKey": "invoicePaid", "keyValue": "inv-9001", "params": [OLENA, {"name": "sum", "value": "120.50"}]}


async def events_of(shop: Shop, type_key: str = "invoicePaid") -> list[Event]:
    """Oldest first."""
    known = {event_type.key for event_type in await shop.app.events.types.all(shop.account_id)}
    if type_key not in known:
        return []
    return (await shop.app.events.of_type(shop.account_id, type_key, limit=1000)).events[::-1]


async def add_contact(shop: Shop, **members: Any) -> int:
    outcome = await shop.app.contacts.upsert_one(shop.account_id, ContactInput(**members), UpsertOptions())
    return outcome.contact_id


async def minute_later(shop: Shop) -> None:
    async with shop.app.database.system() as connection:
        await connection.execute("UPDATE recent_events SET expires_at = expires_at - interval '61 seconds'")


# ------------------------------------------------------------ version 1


async def test_the_request_of_the_reference_is_answered_as_recorded(shop: Shop) -> None:
    contact_id = await add_contact(shop, email="olena@example.org")
    answer = await shop.post("/v1/event", ONE)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    assert "content-type" not in answer.headers
    [event] = await events_of(shop)
    assert (event.key, event.contact_id) == ("inv-9001", contact_id)
    assert event.params == {"EmailAddress": "olena@example.org", "sum": "120.50"}


async def test_a_key_may_ask_for_json_instead_of_nothing(shop: Shop) -> None:
    shop = await shop.with_key(compat=(Compat.JSON_SENTENCES,))
    answer = await shop.post("/v1/event", ONE)
    assert (answer.status, answer.json()) == (200, {})


async def test_a_key_for_events_only_may_send_them(shop: Shop) -> None:
    narrow = await shop.with_key(scope=KeyScope.EVENTS)
    assert (await narrow.post("/v1/event", ONE)).status == 200
    narrow = await shop.with_key(scope=KeyScope.MESSAGES)
    assert (await narrow.post("/v1/event", ONE | {"keyValue": "other"})).status == 403
    assert len(await events_of(shop)) == 1


async def test_parameters_may_be_missing_empty_or_one_element(shop: Shop) -> None:
    bodies: list[dict[str, Any]] = [
        {"eventTypeKey": "invoicePaid", "keyValue": "a"},
        {"eventTypeKey": "invoicePaid", "keyValue": "b", "params": []},
        {"eventTypeKey": "invoicePaid", "keyValue": "c", "params": None},
        {"eventTypeKey": "invoicePaid", "keyValue": 7, "params": {"name": "sum", "value": "1"}, "unknown": [None]},
    ]
    for body in bodies:
        assert (await shop.post("/v1/event", body)).status == 200, body
    found = await events_of(shop)
    assert [event.key for event in found] == ["a", "b", "c", "7"]
    assert found[-1].params == {"sum": "1"}


async def test_version_1_keeps_what_is_no_text_as_its_json(shop: Shop) -> None:
    values: dict[str, Any] = {"n": 5, "f": 1.5, "yes": True, "list": [1, {"a": "ї"}], "text": '{"escaped": 1}'}
    params = [{"name": name, "value": value} for name, value in values.items()]
    assert (await shop.post("/v1/event", ONE | {"params": params})).status == 200
    [event] = await events_of(shop)
    assert event.params == {"n": "5", "f": "1.5", "yes": "true", "list": '[1,{"a":"ї"}]', "text": '{"escaped": 1}'}


async def test_version_1_makes_no_contact(shop: Shop) -> None:
    await shop.app.events.types.change(shop.account_id, "invoicePaid", creates_contacts=True)
    assert (await shop.post("/v1/event", ONE)).status == 200
    [event] = await events_of(shop)
    assert event.contact_id is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eventTypeKey": None}, "Required field 'eventTypeKey' is missing"),
        ({"eventTypeKey": ""}, "eventTypeKey"),
        ({"eventTypeKey": "  "}, "eventTypeKey"),
        ({"eventTypeKey": "a<b"}, "must not contain '<'"),
        ({"eventTypeKey": "x" * 101}, "longer than 100"),
        ({"eventTypeKey": {"a": 1}}, "eventTypeKey"),
        ({"keyValue": None}, "Required field 'keyValue' is missing"),
        ({"keyValue": " "}, "Required field 'keyValue' is missing"),
        ({"keyValue": "x" * 301}, "longer than 300"),
        ({"keyValue": ["a"]}, "keyValue"),
        ({"params": "text"}, "params"),
        ({"params": [{"name": "a"}]}, "Required field 'params.0.value' is missing"),
        ({"params": [{"name": "a", "value": None}]}, "Required field 'params.0.value' is missing"),
        ({"params": [OLENA, {"value": "x"}]}, "Required field 'params.1.name' is missing"),
        ({"params": [{"name": "", "value": "x"}]}, "params"),
        ({"params": [{"name": "x" * 101, "value": "x"}]}, "100 characters"),
        ({"params": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}, "there is 'a' already"),
        ({"params": [{"name": "Phone", "value": "1" * 301}]}, "longer than 300"),
        ({"params": [{"name": "a", "value": "\0"}]}, "NUL"),
    ],
)
async def test_bad_events_are_refused_and_leave_nothing(shop: Shop, change: dict[str, Any], message: str) -> None:
    for version in ("v1", "v2"):
        if version == "v2" and "keyValue" in change and not str(change["keyValue"] or " ").strip():
            continue
        answer = await shop.post(f"/{version}/event", ONE | change)
        assert answer.status == 400, answer.body
        assert message in answer.message
        assert answer.json()["path"] == f"/api/{version}/event"
    assert await shop.app.events.types.all(shop.account_id) == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
async def test_bodies_that_are_no_event_are_refused(shop: Shop, raw: bytes) -> None:
    for version in ("v1", "v2", "v3"):
        answer = await shop.call("POST", f"/{version}/event", raw=raw)
        assert answer.status == 400, answer.body


async def test_a_body_of_more_than_20_kilobytes_is_refused(shop: Shop) -> None:
    fits = ONE | {"params": [{"name": "text", "value": "x" * 20_000}]}
    assert (await shop.post("/v1/event", fits)).status == 200
    for size in (21_000, 10 * 1024 * 1024 + 1):
        answer = await shop.post("/v1/event", ONE | {"params": [{"name": "text", "value": "x" * size}]})
        assert (answer.status, answer.json()["status"]) == (413, 413), answer.body
    assert len(await events_of(shop)) == 1


async def test_other_verbs_and_content_types_are_refused(shop: Shop) -> None:
    assert (await shop.get("/v1/event")).status == 405
    assert (await shop.put("/v2/event", ONE)).status == 405
    answer = await shop.call("POST", "/v1/event", raw=msgspec.json.encode(ONE), headers={"Content-Type": "text/plain"})
    assert answer.status == 415
    assert await events_of(shop) == []


# ------------------------------------------------------------ repeats


async def test_the_same_event_within_a_minute_is_a_conflict_in_every_version(shop: Shop) -> None:
    assert (await shop.post("/v1/event", ONE)).status == 200
    answer = await shop.post("/v1/event", ONE)
    assert answer.status == 409
    assert answer.message.startswith("Duplicated request")
    assert (answer.json()["error"], answer.headers["content-type"]) == ("Conflict", "application/json;charset=UTF-8")
    turned = ONE | {"params": list(reversed(ONE["params"]))}
    assert (await shop.post("/v2/event", turned)).status == 409
    mapped = ONE | {"params": {"sum": "120.50", "EmailAddress": "olena@example.org"}}
    assert (await shop.post("/v3/event", mapped)).status == 409
    other_key = await shop.with_key()
    assert (await other_key.post("/v1/event", ONE)).status == 409
    assert len(await events_of(shop)) == 1


async def test_another_parameter_key_type_or_account_makes_another_event(shop: Shop) -> None:
    assert (await shop.post("/v1/event", ONE)).status == 200
    assert (await shop.post("/v1/event", ONE | {"params": [OLENA]})).status == 200
    assert (await shop.post("/v1/event", ONE | {"keyValue": "inv-9002"})).status == 200
    assert (await shop.post("/v1/event", ONE | {"eventTypeKey": "invoiceLost"})).status == 200
    assert (await shop.other.post("/v1/event", ONE)).status == 200
    assert len(await events_of(shop)) == 3


async def test_after_a_minute_the_same_event_is_a_new_one(shop: Shop) -> None:
    for _ in range(3):
        assert (await shop.post("/v1/event", ONE)).status == 200
        assert (await shop.post("/v1/event", ONE)).status == 409
        await minute_later(shop)
    assert len(await events_of(shop)) == 3


async def test_what_was_refused_may_come_again_at_once(shop: Shop) -> None:
    await shop.app.events.types.change(shop.account_id, "invoicePaid", parameters=[TypeParameter(name="x")])
    assert (await shop.post("/v1/event", ONE)).status == 400
    await shop.app.events.types.change(shop.account_id, "invoicePaid", parameters=None)
    assert (await shop.post("/v1/event", ONE)).status == 200


async def test_of_many_at_once_one_is_recorded(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.post("/v1/event", ONE) for _ in range(12)))
    assert sorted(answer.status for answer in answers) == [200, *([409] * 11)]
    assert len(await events_of(shop)) == 1


# ------------------------------------------------------------ versions 2 and 3


async def test_version_2_keeps_nested_json(shop: Shop) -> None:
    value = {"profileInputs": [{"profileInputId": 10001, "value": "2020-11-23", "none": None}]}
    body = {"eventTypeKey": "profile", "keyValue": "k", "params": [{"name": "json", "value": value}]}
    answer = await shop.post("/v2/event", body)
    assert (answer.status, answer.body) == (200, b"")
    [event] = await events_of(shop, "profile")
    assert event.params == {"json": value}


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"email": "a@example.org", "externalCustomerId": "C-1", "contactId": 77}, "77"),
        ({"email": "a@example.org", "externalCustomerId": "C-1"}, "C-1"),
        ({"phone": "+380671112233", "UserEmail": "A@example.org "}, "A@example.org"),
        ({"pushToken": "t", "SMS": "380671112233"}, "380671112233"),
        ({"PUSHTOKEN": "t", "email": ""}, "t"),
    ],
)
async def test_without_a_key_the_first_identifier_is_the_key(shop: Shop, params: dict[str, Any], key: str) -> None:
    listed = [{"name": name, "value": value} for name, value in params.items()]
    assert (await shop.post("/v2/event", {"eventTypeKey": "seen", "params": listed})).status == 200
    await minute_later(shop)
    assert (await shop.post("/v3/event", {"eventTypeKey": "seen", "params": params})).status == 200
    assert [event.key for event in await events_of(shop, "seen")] == [key, key]


@pytest.mark.parametrize("params", [{}, {"city": "Lviv"}, {"email": " "}, {"email": None}, {"contactKey": "k"}])
async def test_without_any_key_the_event_is_refused(shop: Shop, params: dict[str, Any]) -> None:
    listed = [{"name": name, "value": value} for name, value in params.items() if value is not None]
    answer = await shop.post("/v2/event", {"eventTypeKey": "seen", "params": listed})
    assert (answer.status, "keyValue" in answer.message) == (400, True)
    answer = await shop.post("/v3/event", {"eventTypeKey": "seen", "params": params})
    assert (answer.status, "keyValue" in answer.message) == (400, True)
    assert await events_of(shop, "seen") == []


async def test_version_3_takes_parameters_as_an_object(shop: Shop) -> None:
    body = {
        "eventTypeKey": "registration",
        "params": {"emailAddress": "olena@example.org", "externalCustomerId": "C-1001", "city": "Lviv", "none": None},
    }
    contact_id = await add_contact(shop, email="olena@example.org")
    assert (await shop.post("/v3/event", body)).status == 200
    [event] = await events_of(shop, "registration")
    assert (event.key, event.contact_id) == ("C-1001", contact_id)
    assert event.params == {"emailAddress": "olena@example.org", "externalCustomerId": "C-1001", "city": "Lviv"}


@pytest.mark.parametrize("params", [[1], "x", 5, [{"name": "a", "value": "b"}]])
async def test_version_3_refuses_other_parameters(shop: Shop, params: Any) -> None:
    answer = await shop.post("/v3/event", {"eventTypeKey": "seen", "keyValue": "k", "params": params})
    assert (answer.status, "params" in answer.message) == (400, True)


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_a_contact_is_made_when_the_type_says_so(shop: Shop, version: str) -> None:
    def body(key: str) -> dict[str, Any]:
        params = {"Email": "new@example.org", "phone": "380671112233"}
        listed = [{"name": name, "value": value} for name, value in params.items()]
        return {"eventTypeKey": "seen", "keyValue": key, "params": params if version == "v3" else listed}

    assert (await shop.post(f"/{version}/event", body("a"))).status == 200
    await shop.app.events.types.change(shop.account_id, "seen", creates_contacts=True)
    assert (await shop.post(f"/{version}/event", body("b"))).status == 200
    assert (await shop.post(f"/{version}/event", body("c"))).status == 200
    first, second, third = await events_of(shop, "seen")
    assert first.contact_id is None
    assert second.contact_id == third.contact_id
    assert second.contact_id is not None
    contact = await shop.app.contacts.get(shop.account_id, second.contact_id)
    assert (contact.email, contact.phone) == ("new@example.org", "+380671112233")


async def test_a_type_that_checks_parameters_answers_with_a_bare_sentence(shop: Shop) -> None:
    wanted = [TypeParameter(name="sum"), TypeParameter(name="note", required=False)]
    await shop.app.events.types.change(shop.account_id, "invoicePaid", parameters=wanted)
    for version in ("v1", "v2"):
        answer = await shop.post(f"/{version}/event", ONE | {"params": [OLENA]})
        assert answer.status == 400
        assert answer.headers["content-type"] == "text/plain;charset=UTF-8"
        assert answer.body.decode() == (
            'The event should have the following params: [{"name":"sum","required":true}, '
            '{"name":"note","required":false}]'
        )
    assert await events_of(shop) == []
    assert (await shop.post("/v1/event", ONE)).status == 200


@pytest.mark.parametrize(
    "params",
    [
        [{"name": "page", "value": '{"location":"https://shop.example/p/1"}'}],
        [{"name": "product", "value": {"productId": "1", "price": 9.5, "isInStock": 1}}],
        [{"name": "products", "value": []}, {"name": "recycleStateId", "value": "0d9b7c1e"}],
        [{"name": "search", "value": "lamp"}, {"name": "isFound", "value": 0}],
    ],
)
async def test_what_visitors_do_is_kept_as_it_came(shop: Shop, params: list[dict[str, Any]]) -> None:
    contact_id = await add_contact(shop, email="olena@example.org")
    where = {"name": "email", "value": "olena@example.org"}
    assert (await shop.post("/v2/event", {"eventTypeKey": "visited", "params": [where, *params]})).status == 200
    [event] = await events_of(shop, "visited")
    assert event.contact_id == contact_id
    assert event.params == {param["name"]: param["value"] for param in (where, *params)}


async def test_people_of_another_account_are_not_found(shop: Shop) -> None:
    theirs = await add_contact(shop.other, email="olena@example.org")
    params = [{"name": "ContactId", "value": str(theirs)}, OLENA]
    assert (await shop.post("/v1/event", ONE | {"params": params})).status == 200
    [event] = await events_of(shop)
    assert event.contact_id is None
    assert (await shop.app.events.of_contact(shop.other.account_id, theirs)).events == []


# ------------------------------------------------------------ orders


ORDER: dict[str, Any] = {
    "externalOrderId": "A-500",
    "externalCustomerId": "C-1001",
    "totalCost": "1000.50",
    "date": "2026-03-08T09:30:00+02:00",
    "currency": "UAH",
    "email": "olena@example.org",
    "items": [{"externalItemId": "200600", "name": "Lamp", "category": "light", "quantity": 1, "cost": 990, "url": ""}],
}


async def order_event(shop: Shop, type_key: str, params: dict[str, Any], version: str = "v2") -> int:
    listed = [{"name": name, "value": value} for name, value in params.items()]
    body = {"eventTypeKey": type_key, "keyValue": f"{type_key} {params}"[:300], "params": listed}
    return (await shop.post(f"/{version}/event", body)).status


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_an_order_goes_its_way_by_events(shop: Shop, version: str) -> None:
    async def status() -> str | None:
        order = await shop.app.orders.find(shop.account_id, "A-500")
        return order.status if order else None

    given = ORDER if version == "v2" else ORDER | {"items": msgspec.json.encode(ORDER["items"]).decode()}
    assert await order_event(shop, "orderDelivered", {"externalOrderId": "A-500"}, version) == 200
    assert await status() is None
    assert await order_event(shop, "orderCreated", given, version) == 200
    assert await status() == "INITIALIZED"
    found = await shop.app.orders.find(shop.account_id, "A-500")
    assert found is not None
    assert (str(found.total), [item.name for item in found.items]) == ("1000.50", ["Lamp"])
    assert (
        await order_event(shop, "orderUpdated", given | {"status": "IN_PROGRESS", "totalCost": "900"}, version) == 200
    )
    assert await status() == "IN_PROGRESS"
    assert await order_event(shop, "orderDelivered", {"externalOrderId": "A-500", "again": "1"}, version) == 200
    assert await status() == "DELIVERED"
    [event] = await events_of(shop, "orderCreated")
    assert event.params["externalOrderId"] == "A-500"
    assert event.contact_id is not None


async def test_an_updated_order_nobody_knows_is_created_and_a_cancelled_one_is_not(shop: Shop) -> None:
    assert await order_event(shop, "orderCancelled", ORDER) == 200
    assert await shop.app.orders.find(shop.account_id, "A-500") is None
    assert await order_event(shop, "orderUpdated", ORDER) == 200
    assert await order_event(shop, "orderCancelled", ORDER | {"why": "x"}) == 200
    found = await shop.app.orders.find(shop.account_id, "A-500")
    assert found is not None
    assert found.status == "CANCELLED"
    assert await shop.app.orders.find(shop.other.account_id, "A-500") is None


@pytest.mark.parametrize(
    "change",
    [
        {"externalOrderId": ""},
        {"totalCost": "much"},
        {"date": "soon"},
        {"items": "[{"},
        {"items": [5]},
        {"status": "?"},
    ],
)
async def test_an_event_that_makes_no_order_is_an_event(shop: Shop, change: dict[str, Any]) -> None:
    for name in ("orderCreated", "orderUpdated"):
        assert await order_event(shop, name, ORDER | change) == 200
        assert len(await events_of(shop, name)) == 1
    assert await shop.app.orders.find(shop.account_id, "A-500") is None


# ------------------------------------------------------------ past events


def past(key: str = "k", when: str = "2026-03-08T09:30:00+02:00", **params: Any) -> dict[str, Any]:
    listed = [{"name": name, "value": value} for name, value in params.items()]
    return {"eventTypeKey": "bought", "keyValue": key, "params": listed, "occurred": when}


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_past_events_are_recorded_with_their_time_and_once(shop: Shop, version: str) -> None:
    contact_id = await add_contact(shop, email="olena@example.org")
    body = {"events": [past("a", email="olena@example.org", n=1), past("b", "2025-01-02")]}
    for given in (body, body["events"], body):
        answer = await shop.post(f"/{version}/past_events", given)
        assert (answer.status, answer.body) == (200, b"")
    later, earlier = await events_of(shop, "bought")
    assert (earlier.key, later.key) == ("a", "b")
    assert earlier.contact_id == contact_id
    assert earlier.occurred_at.isoformat() == "2026-03-08T07:30:00+00:00"
    assert later.occurred_at.isoformat() == "2025-01-02T00:00:00+00:00"
    assert earlier.params["n"] == ("1" if version == "v1" else 1)


async def test_the_key_of_a_past_event_of_version_2_may_be_an_identifier(shop: Shop) -> None:
    event = past("", email="olena@example.org")
    assert (await shop.post("/v1/past_events", [event])).status == 400
    assert (await shop.post("/v2/past_events", [event])).status == 200
    assert [event.key for event in await events_of(shop, "bought")] == ["olena@example.org"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"events": []}, "at least one event"),
        ([], "at least one event"),
        ({}, "'events' is missing"),
        ({"events": [past("good"), {"eventTypeKey": "bought", "keyValue": "k"}]}, "'events.1.occurred' is missing"),
        ([past("good"), past(when="")], "'events.1.occurred' is missing"),
        ([past("good"), past(when="yesterday")], "events.1.occurred"),
        ([past("good"), past(when="2999-01-01")], "events.1.occurred"),
        ([past("good"), past() | {"eventTypeKey": "a<b"}], "events.1.eventTypeKey"),
        ([past("good"), past() | {"params": [{"name": "x"}]}], "1.params.0.value"),
        ([past("good"), past() | {"keyValue": "x" * 301}], "events.1.keyValue"),
        ([past("good"), 5], "1"),
        ([past("good")] * 1001, "Maximum 1000 events per request"),
    ],
)
async def test_bad_past_events_are_refused_whole(shop: Shop, body: Any, message: str) -> None:
    for version in ("v1", "v2"):
        answer = await shop.post(f"/{version}/past_events", body)
        assert answer.status == 400, answer.body
        assert message in answer.message
    assert await events_of(shop, "bought") == []


async def test_events_are_deleted_by_key_or_time(shop: Shop) -> None:
    days = [past(f"k{day % 2}", f"2026-03-0{day}T12:00:00Z") for day in range(1, 7)]
    for each in (shop, shop.other):
        assert (await each.post("/v1/past_events", days)).status == 200

    async def deleted(**query: str) -> int:
        answer = await shop.delete("/v1/past_events", eventTypeKey="bought", **query)
        assert answer.status == 200, answer.body
        return int(answer.json()["deleted"])

    assert await deleted(keyValue="k0", to="2026-03-03T00:00:00Z") == 1
    assert await deleted(**{"from": "2026-03-05", "to": "2026-03-06"}) == 1
    assert await deleted(keyValue="none") == 0
    assert await deleted(keyValue="k0") == 2
    assert [event.key for event in await events_of(shop, "bought")] == ["k1", "k1"]
    assert len(await events_of(shop.other, "bought")) == 6


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"eventTypeKey": "bought"}, 400),
        ({"eventTypeKey": "bought", "from": "2026-01-01"}, 400),
        ({"eventTypeKey": "bought", "from": "2026-01-02", "to": "2026-01-01"}, 400),
        ({"eventTypeKey": "bought", "from": "soon", "to": "2026-01-01"}, 400),
        ({"eventTypeKey": "unknown", "keyValue": "k"}, 404),
    ],
)
async def test_deletions_that_say_too_little_are_refused(shop: Shop, query: dict[str, str], status: int) -> None:
    assert (await shop.post("/v1/past_events", [past()])).status == 200
    answer = await shop.delete("/v1/past_events", **query)
    assert answer.status == status, answer.body
    assert len(await events_of(shop, "bought")) == 1
