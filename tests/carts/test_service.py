"""Carts: the same state in whatever order events come, and one event for each that was left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.carts.model import CartFigures, CartSettings
from syncom.carts.service import ABANDONED, CartsService
from syncom.clock import SystemClock
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid
from syncom.events.model import Event, EventInput, FollowedEvent
from syncom.events.service import EventsService
from syncom.orders.model import OrderInput, RefundInput
from syncom.orders.service import OrdersService
from syncom.postgres.pool import Database
from tests.clocks import StandingClock
from tests.orders.shops import fresh_account, named_contact

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Shop:
    """An account with carts and orders."""

    database: Database
    clock: StandingClock
    contacts: ContactsService
    events: EventsService
    orders: OrdersService
    carts: CartsService
    account_id: int

    async def contact(self, name: str) -> int:
        return await named_contact(self.contacts, self.account_id, name)

    async def report(self, *events: EventInput) -> None:
        """Events come in and are heeded, as the worker does it."""
        for event in events:
            await self.events.record(self.account_id, [event])
        async with self.database.system() as connection:
            followed, _ = await self.events.take_followed(connection, 1000)
            await self.carts.heed(connection, followed)

    async def abandon(self, *, minutes: float) -> list[Event]:
        """What was told of, once the clock stands so long after noon."""
        self.clock.time = NOON + timedelta(minutes=minutes)
        while await self.carts.abandon_due():
            pass
        return await self.told()

    async def told(self) -> list[Event]:
        keys = {known.key for known in await self.events.types.all(self.account_id)}
        return (await self.events.of_type(self.account_id, ABANDONED)).events if ABANDONED in keys else []

    async def order(self, contact_id: int, number: str = "A-1", *, minutes: float = 0, **members: Any) -> None:
        given: dict[str, Any] = {"status": "DELIVERED", "total": Decimal(50), "currency": "UAH"}
        order = OrderInput(
            external_id=number, contact_id=contact_id, ordered_at=NOON + timedelta(minutes=minutes), **(given | members)
        )
        await self.orders.add(self.account_id, [order])

    async def figures(self) -> list[CartFigures]:
        return await self.carts.figures(self.account_id, since=NOON.date(), until=(NOON + timedelta(days=30)).date())


@pytest.fixture
async def shop(database: Database, account_id: int) -> AsyncIterator[Shop]:
    clock = StandingClock(NOON)
    contacts = ContactsService(database, SystemClock())
    events = EventsService(database, contacts, SystemClock())
    async with database.system() as connection:
        await connection.execute("DELETE FROM followed_events")
    orders = OrdersService(database, contacts, events)
    yield Shop(database, clock, contacts, events, orders, CartsService(database, events, clock), account_id)
    await events.close()
    await contacts.close()


def cart(contact_id: int | None, *products: str, minutes: float = 0, guid: str = "G-1", **params: Any) -> EventInput:
    """A cart with these products, a piece of each for 20."""
    given = {
        "recycleStateId": guid,
        "currencyCode": "UAH",
        "cartUrl": "https://shop.example/cart",
        "products": [{"productId": one, "price": "20", "quantity": 1, "name": one.title()} for one in products],
    }
    return EventInput(
        type_key="cartUpdated",
        key=guid,
        params={name: value for name, value in (given | params).items() if value is not None},
        contact_id=contact_id,
        occurred_at=NOON + timedelta(minutes=minutes),
    )


async def test_a_cart_that_rests_for_an_hour_is_told_of_once(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.report(cart(anna, "lamp"), cart(anna, "lamp", "table", minutes=10))
    assert await shop.abandon(minutes=69) == []
    [event] = await shop.abandon(minutes=70)
    assert (event.key, event.contact_id, event.occurred_at) == ("G-1", anna, NOON + timedelta(minutes=70))
    assert (event.params["totalCost"], event.params["currency"]) == (40, "UAH")
    assert event.params["cartUrl"] == "https://shop.example/cart"
    assert [(one["externalItemId"], one["cost"], one["quantity"]) for one in event.params["items"]] == [
        ("lamp", 20, 1),
        ("table", 20, 1),
    ]
    await shop.report(cart(anna, "lamp", minutes=5))
    assert len(await shop.abandon(minutes=300)) == 1, "an older state came late"
    await shop.report(cart(anna, "lamp", minutes=301))
    assert len(await shop.abandon(minutes=400)) == 2, "a new state was left"


async def test_what_is_empty_or_ordered_or_nobodys_is_not_abandoned(shop: Shop) -> None:
    anna, bob = await shop.contact("anna"), await shop.contact("bob")
    await shop.report(
        cart(anna, "lamp", guid="emptied"),
        cart(anna, guid="emptied", minutes=1),
        cart(anna, "lamp", guid="bought"),
        EventInput(
            type_key="itemsPurchased",
            key="A-9",
            params={"recycleStateId": "bought"},
            occurred_at=NOON + timedelta(minutes=2),
        ),
        cart(None, "lamp", guid="nobody's"),
        cart(bob, "lamp", guid="ordered"),
    )
    await shop.order(bob, minutes=3)
    assert await shop.abandon(minutes=100) == []
    await shop.report(cart(bob, "lamp", guid="ordered", minutes=4))
    assert [event.key for event in await shop.abandon(minutes=100)] == ["ordered"], "filled again after the order"


async def test_a_visitors_cart_becomes_theirs_when_they_are_known(shop: Shop) -> None:
    await shop.report(cart(None, "lamp", guid="", recycleStateId=None, sc="visitor-1"))
    assert await shop.abandon(minutes=61) == []
    anna = await shop.contact("anna")
    await shop.report(cart(anna, "lamp", guid="", recycleStateId=None, sc="visitor-1", minutes=30))
    [event] = await shop.abandon(minutes=91)
    assert (event.key, event.contact_id) == ("visitor:visitor-1", anna)


async def test_an_order_recovers_the_last_abandoned_cart_before_it(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.report(cart(anna, "lamp"))
    await shop.abandon(minutes=61)
    await shop.report(cart(anna, "lamp", "table", minutes=100))
    await shop.abandon(minutes=200)
    await shop.order(anna, minutes=300)
    await shop.order(anna, "A-2", minutes=400)
    assert await shop.figures() == [
        CartFigures(currency="UAH", abandoned=2, value=Decimal(60), recovered=1, revenue=Decimal(50))
    ]
    refund = RefundInput(order="A-1", external_id="R", amount=Decimal(20), refunded_at=NOON)
    await shop.orders.refunds.add(shop.account_id, [refund])
    assert (await shop.figures())[0].revenue == 30
    await shop.order(anna, minutes=300, status="CANCELLED")
    assert (await shop.figures())[0].revenue == 50, "the next order"
    await shop.order(anna, "A-2", minutes=7 * 24 * 60 + 101)
    assert (await shop.figures())[0].recovered == 0, "too late"


async def test_an_order_in_time_that_is_heard_of_late_makes_its_cart_neither(shop: Shop) -> None:
    anna = await shop.contact("anna")
    await shop.report(cart(anna, "lamp"))
    await shop.abandon(minutes=61)
    await shop.order(anna, minutes=59, currency="EUR")
    assert await shop.figures() == []


async def test_a_merge_takes_carts_along_and_an_erasure_takes_them_away(shop: Shop) -> None:
    anna, old = await shop.contact("anna"), await shop.contact("old")
    await shop.report(cart(old, "lamp"), cart(old, "lamp", guid="G-2", minutes=100))
    await shop.abandon(minutes=61)
    await shop.contacts.merge(shop.account_id, anna, old)
    assert [one.cart for one in await shop.carts.of_contact(shop.account_id, anna)] == ["G-2", "G-1"]
    told = await shop.abandon(minutes=200)
    assert {(event.key, event.contact_id) for event in told} == {("G-1", old), ("G-2", anna)}
    await shop.order(anna, minutes=300)
    assert [(one.abandoned, one.recovered) for one in await shop.figures()] == [(2, 1)]
    await shop.contacts.erase(shop.account_id, anna)
    assert await shop.figures() == []
    assert await shop.carts.of_contact(shop.account_id, anna) == []


async def test_nothing_is_lost_or_told_twice_when_the_keeper_is_cut_off(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await shop.contact("anna")
    await shop.report(cart(anna, "lamp"))
    write = shop.events.write

    async def cut_off(*given: Any) -> None:
        await write(*given)
        raise ConnectionError("killed before the commit")

    monkeypatch.setattr(shop.events, "write", cut_off)
    with pytest.raises(ConnectionError):
        await shop.abandon(minutes=61)
    monkeypatch.undo()
    await asyncio.gather(*(shop.carts.abandon_due() for _ in range(4)))
    assert len(await shop.abandon(minutes=62)) == 1


async def test_a_type_that_wants_other_parameters_costs_the_event_and_not_the_cart(shop: Shop) -> None:
    await shop.events.types.change(shop.account_id, ABANDONED, parameters=())
    await shop.report(cart(await shop.contact("anna"), "lamp"))
    assert await shop.abandon(minutes=61) == []
    assert [one.abandoned for one in await shop.figures()] == [1]


@pytest.mark.parametrize(
    "params",
    [
        {"products": "nonsense"},
        {"products": [None, 7, {"price": 5}]},
        {"products": [{"productId": "x", "price": "NaN", "quantity": "-1"}]},
        {"products": [{"productId": "x", "price": "1e-20000", "quantity": "9e99999"}]},
        {"products": [{"productId": {}, "price": []}], "currencyCode": 5, "cartUrl": ["x"]},
        {"recycleStateId": None, "products": '[{"productId":"x","price":"5"}]'},
    ],
)
async def test_pages_may_say_anything(shop: Shop, params: dict[str, Any]) -> None:
    anna = await shop.contact("anna")
    await shop.report(cart(anna, **params))
    await shop.abandon(minutes=61)


async def test_settings_are_checked(shop: Shop) -> None:
    assert await shop.carts.settings(shop.account_id) == CartSettings(idle_minutes=60, recovery_days=7)
    await shop.carts.configure(shop.account_id, CartSettings(idle_minutes=5))
    await shop.report(cart(await shop.contact("anna"), "lamp"))
    assert len(await shop.abandon(minutes=5)) == 1
    with pytest.raises(Invalid, match="idle_minutes"):
        await shop.carts.configure(shop.account_id, CartSettings(idle_minutes=0))


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["G", "H"]),
        st.integers(0, 5),
        st.sampled_from(["state", "state", "purchase"]),
        st.sampled_from(["anna", "bob", None]),
        st.lists(st.sampled_from(["lamp", "table"]), max_size=2, unique=True),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda event: event[:3],
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), events=_EVENTS, order=st.none() | st.tuples(st.sampled_from(["anna", "bob"]), st.integers(0, 5)))
async def test_carts_and_what_is_told_of_them_end_the_same_in_any_order(
    shop: Shop, data: st.DataObject, events: list[Any], order: tuple[str, int] | None
) -> None:
    expected: set[tuple[str, str, int]] = set()
    for guid in {event[0] for event in events}:
        mine = sorted((event for event in events if event[0] == guid), key=lambda event: (event[1], event[2]))
        states = [event for event in mine if event[2] == "state"]
        names = [event[3] for event in mine if event[3]]
        bought = [event[1] for event in mine if event[2] == "purchase"]
        if not states or not states[-1][4] or not names or (bought and bought[-1] >= states[-1][1]):
            continue
        if order is not None and order[0] == names[-1] and order[1] >= states[-1][1]:
            continue
        expected.add((guid, names[-1], 20 * len(states[-1][4])))
    for _ in range(2):
        account_id = await fresh_account(shop.database)
        mine = Shop(shop.database, shop.clock, shop.contacts, shop.events, shop.orders, shop.carts, account_id)
        ids = {name: await mine.contact(name) for name in ("anna", "bob")}
        shop.clock.time = NOON
        facts = [
            FollowedEvent(
                account_id=account_id,
                event_type_id=0,
                type_key="cartUpdated" if kind == "state" else "itemsPurchased",
                key=guid,
                contact_id=ids.get(name, 0),
                occurred_at=NOON + timedelta(minutes=minute),
                is_replayed=False,
                # As they were recorded: in the order of time, whatever order they are heeded in.
                event_id=UUID(int=minute * 10 + (kind == "state")),
                params=dict(cart(None, *products, guid=guid).params) if kind == "state" else {"recycleStateId": guid},
            )
            for guid, minute, kind, name, products in events
        ]
        if order is not None:
            await mine.order(ids[order[0]], minutes=order[1])
        arriving = data.draw(st.permutations(facts + facts[:2]))
        size = data.draw(st.integers(1, 4))
        for start in range(0, len(arriving), size):
            async with shop.database.system() as connection:
                await mine.carts.heed(connection, arriving[start : start + size])
        told = await mine.abandon(minutes=100)
        names = {contact_id: name for name, contact_id in ids.items()}
        assert len(told) == len(expected)
        assert {(event.key, names[event.contact_id or 0], event.params["totalCost"]) for event in told} == expected
