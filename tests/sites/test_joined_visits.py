"""What visitors did before it was known who they are: it becomes their contact's, once, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.carts.service import ABANDONED, CartsService
from syncom.contacts.service import ContactsService
from syncom.events.model import Event
from syncom.events.service import EventsService
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.segments.service import SegmentsService
from syncom.sites.model import PageEvent, Sender, Site, Visitor
from syncom.sites.service import SitesService
from tests.clocks import ShiftedClock
from tests.orders.shops import fresh_account, named_contact

NOW = datetime.now(UTC)
VISITORS = ("visitor-1", "visitor-2")


@dataclass
class House:
    """Sites of an account, and what hears of their events."""

    database: Database
    clock: ShiftedClock
    contacts: ContactsService
    events: EventsService
    sites: SitesService
    carts: CartsService
    account_id: int

    async def site(self, name: str = "shop", *, strict: bool = True) -> Site:
        return await self.sites.add(self.account_id, f"https://{name}.example", strict=strict)

    async def person(self, site: Site, name: str) -> dict[str, str]:
        """A token of a contact."""
        await named_contact(self.contacts, self.account_id, name)
        return {"token": await self.sites.token(self.account_id, site.site_id, Visitor(external_id=name))}

    async def hear(
        self, site: Site, visitor: str, key: str = "productViewed", report_id: str = "", **rest: Any
    ) -> None:
        person, params = rest.pop("person", {}), rest.pop("params", {})
        event = PageEvent(
            type_key=key, report_id=report_id, params=params, visitor=Visitor(visitor=visitor, **person), **rest
        )
        assert await self.sites.report(site, event, Sender(origin=site.domain))

    async def recorded(self, key: str = "productViewed") -> list[Event]:
        return (await self.events.of_type(self.account_id, key)).events

    async def owners(self, key: str = "productViewed") -> list[int | None]:
        return [event.contact_id for event in await self.recorded(key)]

    async def heed(self) -> None:
        """As the worker does it."""
        async with self.database.system() as connection:
            followed, _ = await self.events.take_followed(connection, 1000)
            await self.carts.heed(connection, followed)


@pytest.fixture
async def house(database: Database, account_id: int) -> AsyncIterator[House]:
    clock = ShiftedClock()
    contacts = ContactsService(database, clock)
    events = EventsService(database, contacts, clock)
    async with database.system() as connection:
        await connection.execute("DELETE FROM followed_events")
    sites = SitesService(database, contacts, events, Keyring(b"k" * 32), clock)
    yield House(database, clock, contacts, events, sites, CartsService(database, events, clock), account_id)
    await events.close()
    await contacts.close()


async def test_views_of_before_are_the_contacts_in_activity_and_segments(house: House) -> None:
    site = await house.site()
    await house.hear(site, "visitor-1", params={"product": {"category": "Shoes"}})
    await house.hear(site, "visitor-2")
    assert await house.owners() == [None, None]
    anna = await named_contact(house.contacts, house.account_id, "anna")
    await house.hear(site, "visitor-1", "customerData", person=await house.person(site, "anna"))
    assert sorted(owner or 0 for owner in await house.owners()) == [0, anna]
    mine = (await house.events.of_contact(house.account_id, anna)).events
    assert [event.type_key for event in mine] == ["customerData", "productViewed"]
    assert mine[1].event_id.int & 255 == anna & 255
    condition = {
        "event": "productViewed",
        "where": [{"param": "product.category", "op": "equals", "value": "Shoes"}],
    }
    segments = SegmentsService(house.database, house.clock)
    assert await segments.page(house.account_id, condition, after=0, limit=10) == [anna]


async def test_a_cart_of_before_is_the_contacts_and_may_be_told_of_as_abandoned(house: House) -> None:
    site = await house.site()
    await house.hear(
        site, "visitor-1", "cartUpdated", params={"recycleStateId": "G-1", "products": [{"productId": "x", "price": 5}]}
    )
    await house.heed()
    anna = await named_contact(house.contacts, house.account_id, "anna")
    assert await house.carts.of_contact(house.account_id, anna) == []
    await house.hear(site, "visitor-1", "customerData", person=await house.person(site, "anna"))
    await house.heed()
    [cart] = await house.carts.of_contact(house.account_id, anna)
    assert (cart.cart, cart.value) == ("G-1", 5)
    house.clock.ahead = timedelta(hours=2)
    assert await house.carts.abandon_due() == 1
    assert await house.owners(ABANDONED) == [anna]


async def test_a_cart_that_was_not_heeded_yet_comes_once(house: House) -> None:
    site = await house.site()
    params = {"recycleStateId": "G-1", "products": [{"productId": "x", "price": 5}]}
    await house.hear(site, "visitor-1", "cartUpdated", params=params)
    await house.hear(site, "visitor-1", "customerData", person=await house.person(site, "anna"))
    await house.heed()
    anna = await named_contact(house.contacts, house.account_id, "anna")
    assert len(await house.carts.of_contact(house.account_id, anna)) == 1


async def test_what_is_joined_starts_nothing_that_follows(house: House) -> None:
    site = await house.site()
    await house.hear(site, "visitor-1", "cartUpdated", params={"recycleStateId": "G-1", "products": []})
    await house.hear(site, "visitor-1", "customerData", person=await house.person(site, "anna"))
    async with house.database.system() as connection:
        followed, _ = await house.events.take_followed(connection, 1000)
    assert [(event.type_key, event.is_joined, event.contact_id != 0) for event in followed] == [
        ("cartUpdated", True, True)
    ]


async def test_only_what_was_agreed_to_here_and_not_long_ago_is_joined(house: House) -> None:
    site, other, lenient = await house.site(), await house.site("other"), await house.site("lenient", strict=False)
    for each in (site, other, lenient):
        await house.hear(each, "visitor-1", report_id=each.domain)
    house.clock.ahead = timedelta(days=31)
    await house.hear(site, "visitor-1", report_id="newer", occurred_at=house.clock.now())
    await house.hear(site, "visitor-1", "customerData", person=await house.person(site, "anna"))
    await house.hear(lenient, "visitor-1", "customerData", person={"external_id": "anna"})
    anna = await named_contact(house.contacts, house.account_id, "anna")
    assert sorted(owner or 0 for owner in await house.owners()) == [0, 0, 0, anna]


async def test_whom_somebody_else_turns_out_to_be_later_gets_nothing_of_the_first(house: House) -> None:
    site = await house.site()
    await house.hear(site, "visitor-1", report_id="a")
    await house.hear(site, "visitor-1", "customerData", person=await house.person(site, "anna"))
    await house.hear(site, "visitor-1", report_id="b")
    await house.hear(site, "visitor-1", "customerData", person=await house.person(site, "bob"))
    anna = await named_contact(house.contacts, house.account_id, "anna")
    assert await house.owners() == [anna, anna]


_reports = st.lists(
    st.tuples(st.sampled_from(VISITORS), st.sampled_from(["view", "cart", "identify"]), st.integers(0, 9)),
    min_size=2,
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(reports=_reports, together=st.integers(1, 5))
async def test_each_report_is_recorded_once_and_for_whom_the_visitor_is(
    house: House, reports: list[tuple[str, str, int]], together: int
) -> None:
    """Reports come in any order, also again, some at the same moment."""
    account_id = await fresh_account(house.database)
    mine = House(house.database, house.clock, house.contacts, house.events, house.sites, house.carts, account_id)
    site = await mine.site()
    people = {visitor: await mine.person(site, f"of {visitor}") for visitor in VISITORS}
    ids = {visitor: await named_contact(mine.contacts, account_id, f"of {visitor}") for visitor in VISITORS}

    async def hear(visitor: str, what: str, number: int) -> None:
        report_id, at = f"{what}-{number}", NOW - timedelta(minutes=number + 1)
        if what == "view":
            await mine.hear(site, visitor, report_id=report_id, occurred_at=at)
        elif what == "cart":
            params = {"recycleStateId": f"of {visitor}", "products": [{"productId": f"{number}", "price": 1}]}
            await mine.hear(site, visitor, "cartUpdated", report_id, params=params, occurred_at=at)
        else:
            await mine.hear(site, visitor, "customerData", report_id, person=people[visitor])

    for start in range(0, len(reports), together):
        await asyncio.gather(*(hear(*one) for one in reports[start : start + together]))
        await mine.heed()
    known = {visitor for visitor, what, _ in reports if what == "identify"}
    types = {one.key for one in await mine.events.types.all(account_id)}
    for key, kind in (("productViewed", "view"), ("cartUpdated", "cart")):
        expected = {
            (visitor, f"{number}", ids[visitor] if visitor in known else None)
            for visitor, what, number in reports
            if what == kind
        }
        found = [
            (event.params["sc"], f"{round((NOW - event.occurred_at) / timedelta(minutes=1)) - 1}", event.contact_id)
            for event in (await mine.recorded(key) if key in types else [])
        ]
        assert sorted(found, key=repr) == sorted(expected, key=repr)
    for visitor in VISITORS:
        states = [number for who, what, number in reports if (who, what) == (visitor, "cart")]
        carts = await mine.carts.of_contact(account_id, ids[visitor])
        newest = [[f"{min(states)}"]] if states and visitor in known else []
        assert [[item.product_id for item in cart.items] for cart in carts] == newest
