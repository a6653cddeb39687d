"""Taking orders in: whose they are, which state is kept, what is counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.errors import Invalid
from syncom.events.model import EventInput, TypeParameter
from syncom.orders.model import Customer, OrderItem
from syncom.postgres.pool import Database
from tests.orders.shops import NOON, Shop, fresh_account, order


async def test_an_unknown_customer_is_made_from_the_order_and_may_be_written_to(shop: Shop) -> None:
    assert await shop.take(order("A-1")) == ["A-1 INITIALIZED"]
    found = await shop.contacts.get(shop.account_id, await shop.owner("A-1"))
    assert (found.external_id, found.email, found.phone) == ("C-1", "anna@example.com", "+380671112233")
    assert (found.first_name, found.last_name) == ("Anna", "Kos")
    assert found.email_state is found.sms_state is SubscriptionState.SUBSCRIBED


async def test_the_first_order_binds_the_customer_id_whatever_address_later_orders_carry(shop: Shop) -> None:
    await shop.take(order("A-1", customer=Customer(external_id="C-1", email="anna@example.com")))
    await shop.take(order("A-2", customer=Customer(external_id="C-1", email="bob@example.com")))
    assert await shop.owner("A-1") == await shop.owner("A-2")
    assert await shop.contacts.find(shop.account_id, IdentityKind.EMAIL, "bob@example.com") is None


async def test_a_known_contact_keeps_what_it_has_and_gets_what_it_lacks(shop: Shop) -> None:
    await shop.contacts.upsert(
        shop.account_id,
        [ContactInput(email="anna@example.com", first_name="Hanna")],
        UpsertOptions(consent=SubscriptionState.UNSUBSCRIBED),
    )
    await shop.take(order("A-1"))
    found = await shop.contacts.get(shop.account_id, await shop.owner("A-1"))
    assert (found.first_name, found.last_name, found.external_id) == ("Hanna", "Kos", "C-1")
    assert found.email_state is SubscriptionState.UNSUBSCRIBED


async def test_orders_merge_nobody(shop: Shop) -> None:
    await shop.contacts.upsert(shop.account_id, [ContactInput(email="anna@example.com")], UpsertOptions())
    await shop.contacts.upsert(
        shop.account_id, [ContactInput(phone="+380671112233")], UpsertOptions(key=IdentityKind.PHONE)
    )
    await shop.take(order("A-1"))
    by_email = await shop.contacts.find(shop.account_id, IdentityKind.EMAIL, "anna@example.com")
    by_phone = await shop.contacts.find(shop.account_id, IdentityKind.PHONE, "+380671112233")
    assert by_email is not None
    assert by_phone is not None
    assert await shop.owner("A-1") == by_email.contact_id != by_phone.contact_id


async def test_a_number_that_is_known_updates_its_order_and_keeps_its_id(shop: Shop) -> None:
    lamp = OrderItem(external_id="200600", name="Lamp", category="light", price=Decimal(10), url="https://shop.example")
    await shop.take(order("A-1", items=(lamp,)))
    before = await shop.orders.find(shop.account_id, "A-1")
    details: dict[str, Any] = {
        "shipping": Decimal("1.50"),
        "discount": Decimal(2),
        "taxes": Decimal(0),
        "restore_url": "https://shop.example/cart",
        "status_description": "on its way",
        "store_id": "7",
        "source": "offline",
        "delivery_method": "post",
        "payment_method": "card",
        "delivery_address": "Lviv",
        "additional_info": {"comment": "ring twice", "gift": True},
    }
    assert await shop.take(order("A-1", "DELIVERED", total=Decimal(34), **details)) == ["A-1 DELIVERED"]
    after = await shop.orders.find(shop.account_id, "A-1")
    assert before is not None
    assert after is not None
    assert before.items == (lamp,)
    assert (after.order_id, after.created_at) == (before.order_id, before.created_at)
    assert {name: getattr(after, name) for name in details} == details
    assert (after.status, after.total, after.items) == ("DELIVERED", Decimal(34), ())


async def test_an_order_that_turns_out_to_be_somebody_elses_moves_with_its_counts(shop: Shop) -> None:
    await shop.take(order("A-1"), order("A-2"))
    anna = await shop.owner("A-1")
    await shop.take(order("A-1", "DELIVERED", customer=Customer(email="bob@example.com")))
    bob = await shop.owner("A-1")
    assert bob != anna
    assert await shop.statistics() == {anna: (1, NOON), bob: (1, NOON)}
    assert [found.external_id for found in await shop.orders.of_contact(shop.account_id, anna)] == ["A-2"]


async def test_an_update_that_names_nobody_stays_with_its_contact(shop: Shop) -> None:
    await shop.take(order("A-1"))
    anna = await shop.owner("A-1")
    await shop.take(order("A-1", "DELIVERED", customer=None))
    assert await shop.owner("A-1") == anna
    assert await shop.take(order("A-2"), order("A-2", "DELIVERED", customer=None)) == [
        "A-2 INITIALIZED",
        "A-2 DELIVERED",
    ]
    refused = await shop.orders.take(shop.account_id, [order("A-9", customer=None)])
    assert [(one.index, one.field) for one in refused.problems] == [(0, "customer")]
    assert await shop.orders.find(shop.account_id, "A-9") is None


async def test_cancelled_orders_and_left_carts_are_no_purchases(shop: Shop) -> None:
    await shop.take(order("A-1", "DELIVERED"), order("A-2", hours=1), order("A-3", "ABANDONED_SHOPPING_CART", hours=2))
    anna = await shop.owner("A-1")
    assert await shop.statistics() == {anna: (2, NOON + timedelta(hours=1))}
    await shop.take(order("A-1", "CANCELLED"), order("A-2", "CANCELLED", hours=1))
    assert await shop.statistics() == {}


async def test_an_event_is_due_only_when_an_order_comes_to_a_status(shop: Shop) -> None:
    assert await shop.take(order("A-1"), order("A-1", "IN_PROGRESS")) == ["A-1 INITIALIZED", "A-1 IN_PROGRESS"]
    assert await shop.take(order("A-1", "IN_PROGRESS", total=Decimal(99))) == []
    assert await shop.take(order("A-1", "INITIALIZED")) == [], "a late state"
    assert await shop.take(order("A-1", "DELIVERED")) == ["A-1 DELIVERED"]


async def test_the_event_of_an_order_says_what_templates_of_orders_read(shop: Shop) -> None:
    lamp = OrderItem(external_id="200600", name="Lamp", category="light", price=Decimal("9.90"), image_url="https://i")
    await shop.take(order("A-1", items=(lamp,), additional_info={"trackingNumber": "59000"}))
    stored = await shop.orders.find(shop.account_id, "A-1")
    assert stored is not None
    [event] = (await shop.events.of_type(shop.account_id, "orderINITIALIZED")).events
    assert (event.key, event.contact_id) == ("A-1", stored.contact_id)
    assert event.params == {
        "eventKey": "A-1",
        "orderId": stored.order_id,
        "contactId": stored.contact_id,
        "EmailAddress": "anna@example.com",
        "SMS": "+380671112233",
        "externalOrderId": "A-1",
        "status": "INITIALIZED",
        "totalCost": 10,
        "currency": "EUR",
        "date": "2026-03-08T12:00:00Z",
        "additionalInfo": {"trackingNumber": "59000"},
        "items": [
            {
                "externalItemId": "200600",
                "name": "Lamp",
                "category": "light",
                "quantity": 1,
                "cost": 9.9,
                "url": "",
                "imageUrl": "https://i",
                "description": "",
            }
        ],
    }


async def test_an_order_that_is_refused_makes_no_event(shop: Shop) -> None:
    with pytest.raises(Invalid):
        await shop.orders.add(shop.account_id, [order("A-1"), order("A-2", customer=Customer(email="nobody"))])
    await shop.take(order("A-3", "CANCELLED"))
    async with shop.database.tenant(shop.account_id) as connection:
        rows = await (await connection.execute("SELECT key FROM events")).fetchall()
    assert rows == [("A-3",)]


async def test_an_order_is_taken_also_when_its_event_is_not(shop: Shop) -> None:
    first = EventInput(type_key="orderDELIVERED", key="x")
    await shop.events.record(shop.account_id, [first])
    await shop.events.types.change(shop.account_id, "orderDELIVERED", parameters=(TypeParameter(name="receipt"),))
    assert len(await shop.take(order("A-1", "DELIVERED"), order("A-2"))) == 2
    assert await shop.orders.find(shop.account_id, "A-1") is not None
    assert len((await shop.events.of_type(shop.account_id, "orderDELIVERED")).events) == 1
    assert len((await shop.events.of_type(shop.account_id, "orderINITIALIZED")).events) == 1


async def test_a_long_order_makes_an_event_without_its_lines(shop: Shop) -> None:
    long = tuple(OrderItem(name=f"Item {n}", description="x" * 2000) for n in range(500))
    assert await shop.take(order("A-1", items=long)) == ["A-1 INITIALIZED"]
    [event] = (await shop.events.of_type(shop.account_id, "orderINITIALIZED")).events
    assert "items" not in event.params


async def test_a_shop_may_take_a_step_back_when_it_says_when(shop: Shop) -> None:
    await shop.take(order("A-1", "CANCELLED"))
    assert await shop.take(order("A-1", "IN_PROGRESS")) == []
    assert await shop.take(order("A-1", "IN_PROGRESS", changed_at=NOON + timedelta(hours=3))) == ["A-1 IN_PROGRESS"]
    assert await shop.take(order("A-1", "CANCELLED", changed_at=NOON + timedelta(hours=2))) == []


async def test_wrong_orders_are_named_and_the_others_are_taken(shop: Shop) -> None:
    taken = await shop.orders.take(
        shop.account_id,
        [
            order("A-1"),
            order(" "),
            order("A-3", total=Decimal("NaN")),
            order("A-4", customer=Customer(email="nobody")),
            order("A-5", currency="euro"),
            order("A-6", items=(OrderItem(name=" "),)),
            order("A-7", customer=None, contact_id=10**12),
            order("A-8", additional_info={"a": "\0"}),
            order("A-9"),
            order("A-10", "what?"),
        ],
    )
    assert [(one.index, one.field) for one in taken.problems] == [
        (1, "external_id"),
        (2, "total"),
        (3, "customer.email"),
        (4, "currency"),
        (5, "items.0.name"),
        (6, "contact_id"),
        (7, "additional_info"),
        (9, "status"),
    ]
    stored = await shop.orders.of_contact(shop.account_id, await shop.owner("A-1"))
    assert {found.external_id for found in stored} == {"A-1", "A-9"}


async def test_all_or_none_of_a_batch_that_has_to_be_whole(shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        await shop.orders.add(shop.account_id, [order("A-1"), order("A-2", customer=Customer(email="nobody"))])
    assert refused.value.fields[0].field == "orders.1.customer.email"
    assert await shop.orders.find(shop.account_id, "A-1") is None
    assert await shop.contacts.find(shop.account_id, IdentityKind.EXTERNAL_ID, "C-1") is None
    with pytest.raises(Invalid, match="at most 1000"):
        await shop.orders.add(shop.account_id, [order(f"A-{n}") for n in range(1001)])


async def test_a_number_nobody_can_read_is_left_out_when_the_order_says_who_it_is(shop: Shop) -> None:
    await shop.take(order("A-1", customer=Customer(email="anna@example.com", phone="call me")))
    assert (await shop.contacts.get(shop.account_id, await shop.owner("A-1"))).phone is None
    refused = await shop.orders.take(shop.account_id, [order("A-2", customer=Customer(phone="call me"))])
    assert [one.field for one in refused.problems] == ["customer.phone"]


async def test_the_same_number_in_another_account_is_another_order(shop: Shop, other_account_id: int) -> None:
    await shop.take(order("A-1"))
    await shop.orders.take(other_account_id, [order("A-1", "CANCELLED")])
    found = await shop.orders.find(shop.account_id, "A-1")
    other = await shop.orders.find(other_account_id, "A-1")
    assert found is not None
    assert other is not None
    assert (found.status, other.status) == ("INITIALIZED", "CANCELLED")
    assert found.contact_id != other.contact_id


async def test_writers_side_by_side_lose_no_order_and_no_count(shop: Shop) -> None:
    async def write(writer: int) -> None:
        for start in range(0, 20, 5):
            await shop.take(*(order(f"{writer}-{n}", "DELIVERED") for n in range(start, start + 5)), order("shared"))

    await asyncio.gather(*(write(writer) for writer in range(4)))
    anna = await shop.owner("shared")
    assert await shop.statistics() == {anna: (81, NOON)}


async def test_a_merge_of_contacts_takes_their_orders_along_and_a_deletion_forgets_them(shop: Shop) -> None:
    await shop.take(order("A-1"), order("B-1", customer=Customer(email="bob@example.com")))
    anna, bob = await shop.owner("A-1"), await shop.owner("B-1")
    await shop.contacts.merge(shop.account_id, anna, bob)
    assert await shop.owner("B-1") == anna
    await shop.take(order("B-1", "DELIVERED", customer=None))
    assert (await shop.statistics())[anna][0] == 2
    await shop.contacts.erase(shop.account_id, anna)
    assert await shop.orders.find(shop.account_id, "B-1") is None


#: States of three orders, no two of which agree in moment and step: then every order of arrival has to end the same.
_STATES = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C"]),
        st.integers(0, 2),
        st.sampled_from(["ABANDONED_SHOPPING_CART", "INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED"]),
        st.sampled_from(["C-1", "C-2"]),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda state: state[:3],
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), states=_STATES)
async def test_late_duplicate_and_unordered_states_end_the_same(shop: Shop, data: st.DataObject, states: list) -> None:
    orders = [
        order(number, status, hours=hours, total=Decimal(total), customer=Customer(external_id=customer))
        for number, hours, status, customer, total in states
    ]
    expected: dict[str, tuple[str, Decimal, str]] = {}
    for number in {one.external_id for one in orders}:
        mine = [state for state in states if state[0] == number]
        last = max(mine, key=lambda state: (state[1], _STEPS.index(state[2])))
        expected[number] = (last[2], Decimal(last[4]), last[3])
    for _ in range(2):
        arriving = data.draw(st.permutations(orders + orders[: len(orders) // 2]))
        sizes = data.draw(st.integers(1, 4))
        account_id = await fresh_account(shop.database)
        for start in range(0, len(arriving), sizes):
            await shop.orders.take(account_id, arriving[start : start + sizes])
        assert await _state(shop, account_id) == expected
        await _check_counts(shop.database, account_id)


_STEPS = ["ABANDONED_SHOPPING_CART", "INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED"]


async def _state(shop: Shop, account_id: int) -> dict[str, tuple[str, Decimal, str]]:
    async with shop.database.tenant(account_id) as connection:
        rows = await (
            await connection.execute(
                "SELECT o.external_id, o.status, o.total, c.external_id FROM orders o"
                " JOIN contacts c USING (account_id, bucket, contact_id)"
            )
        ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def _check_counts(database: Database, account_id: int) -> None:
    """The counters are those that counting everything gives."""
    async with database.tenant(account_id) as connection:
        counted = await (
            await connection.execute(
                "SELECT contact_id, orders, last_order_at FROM contact_statistics WHERE orders > 0"
            )
        ).fetchall()
        afresh = await (
            await connection.execute(
                "SELECT contact_id, count(*), max(ordered_at) FROM orders"
                " WHERE status NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART') GROUP BY contact_id"
            )
        ).fetchall()
    assert sorted(counted) == sorted(afresh)
