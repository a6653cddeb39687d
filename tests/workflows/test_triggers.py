"""What lets contacts in, and what takes them on or out, each by the way in which it really comes about."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.campaigns.model import Campaign, CampaignState
from syncom.carts.service import CartsService
from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.events.model import EventInput
from syncom.http.esputnik.site_events import GeneralInfo, page_event
from syncom.inbox.service import InboxService
from syncom.orders.model import OrderInput
from syncom.orders.service import OrdersService
from syncom.segments.jobs import MembershipKeeper
from syncom.segments.service import SegmentsService
from syncom.sites.model import Sender, Site
from syncom.sites.service import SitesService
from syncom.workflows.model import EnrolmentState, Outcome, Workflow
from tests.messages.email.smtp_peer import running_peer
from tests.messages.house import sending
from tests.settling import settle
from tests.workflows.conftest import Journeys, another_keeper

FINISHED, WAITING = EnrolmentState.FINISHED, EnrolmentState.WAITING
EXITED, HELD_OUT = EnrolmentState.EXITED, EnrolmentState.HELD_OUT
WAIT_A_DAY = {"type": "wait", "days": 1}
DAY = 86_400
#: The browser of somebody whom nobody knows yet.
STRANGER = "visitor-of-nobody"


async def inside(journeys: Journeys, workflow: Workflow) -> list[int]:
    """Contacts of all journeys of a workflow, one for each journey."""
    async with journeys.database.system() as connection:
        cursor = await connection.execute(
            "SELECT contact_id FROM enrolments WHERE workflow_id = %s ORDER BY 1", (workflow.workflow_id,)
        )
        return [row[0] for row in await cursor.fetchall()]


async def follow(journeys: Journeys, keeper: MembershipKeeper) -> None:
    """Segments are kept, and workflows hear who moved."""
    await keeper.settle()
    await journeys.settle()


async def move_to(journeys: Journeys, city: str, contact_id: int) -> None:
    """A contact of :meth:`SendingHouse.people` says that it lives there."""
    contacts = journeys.sending.contacts
    email = (await contacts.get(journeys.account_id, contact_id)).email
    assert email is not None
    await contacts.upsert_one(journeys.account_id, ContactInput(email=email, city=city), UpsertOptions())


# ---------------------------------------------------------------- pages


@dataclass
class Pages:
    """A site, and the carts that are made of what its pages report."""

    journeys: Journeys
    sites: SitesService
    carts: CartsService
    site: Site

    async def report(self, body: dict[str, Any], **who: Any) -> None:
        """What the script of a page sends, as the collector reads it; ``who`` are members of ``GeneralInfo``."""
        general = {"siteId": str(self.site.site_id), "eventName": next(iter(body)), **who}
        event = page_event(msgspec.convert(general, GeneralInfo), body)
        assert await self.sites.report(self.site, event, Sender(origin=self.site.domain))


@pytest.fixture
async def pages(journeys: Journeys) -> Pages:
    sites = SitesService(
        journeys.database, journeys.sending.contacts, journeys.events, journeys.sending.keyring, journeys.clock
    )
    carts = CartsService(journeys.database, journeys.events, journeys.clock)
    journeys.keeper = another_keeper(
        journeys.database, journeys.events, journeys.sending, journeys.clock, heard=carts.heed
    )
    return Pages(journeys, sites, carts, await sites.add(journeys.account_id, "https://shop.example"))


def _cart(product: str, price: int) -> dict[str, Any]:
    products = [{"productKey": product, "price": price, "quantity": 1, "currency": "EUR"}]
    return {"StatusCart": {"Products": products, "GUID": f"cart of {product}"}}


def _purchase(product: str, number: str) -> dict[str, Any]:
    return {"PurchasedItems": {"Products": [{"productKey": product, "price": 5}], "OrderNumber": number}}


#: What a trigger looks at and with which values, what a page reports that fits, and what does not.
REPORTS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "page_view": (
        {"page.location": {"contains": "/sale"}},
        {"PageView": {"location": "https://shop.example/sale/1", "title": "Sale"}},
        {"PageView": {"location": "https://shop.example/about", "title": "About"}},
    ),
    "product_view": (
        {"product.productId": "lamp", "product.price": {"gte": 100}},
        {"ProductPage": {"Product": {"productKey": "lamp", "price": "120", "isInStock": 1}}},
        {"ProductPage": {"Product": {"productKey": "lamp", "price": "90", "isInStock": 1}}},
    ),
    "category_view": (
        {"category.productCategoryId": {"in": ["light", "7"]}},
        {"CategoryPage": {"categoryKey": 7}},
        {"CategoryPage": {"categoryKey": "tables"}},
    ),
    "cart": ({"products.price": {"gt": 99}}, _cart("lamp", 100), _cart("cup", 9)),
    "purchase": ({"products.productId": "lamp"}, _purchase("lamp", "A-1"), _purchase("cup", "A-2")),
    "abandoned_cart": (
        {"totalCost": {"gte": 100}, "items.externalItemId": "lamp"},
        _cart("lamp", 100),
        _cart("cup", 9),
    ),
}


@pytest.mark.parametrize("what", REPORTS)
async def test_what_a_page_reports_lets_in_whom_it_is_about(pages: Pages, what: str) -> None:
    journeys = pages.journeys
    where, fits, differs = REPORTS[what]
    anna, boris, _ = await journeys.sending.people(3)
    workflow = await journeys.started_by({"type": "page", "what": what, "where": where}, WAIT_A_DAY)
    for other in REPORTS.keys() - {what}:
        await journeys.started_by({"type": "page", "what": other, "where": {"location": "elsewhere"}}, WAIT_A_DAY)
    await pages.report(fits, user_email="p1@example.com")
    await pages.report(differs, user_email="p2@example.com")
    # The visitor was at the site before, and said who it is then.
    await pages.report({"CustomerData": {"user_email": "p2@example.com"}}, cookies={"sc": "visitor-of-boris"})
    await pages.report(fits | {"GUID": "another cart"}, cookies={"sc": "visitor-of-boris"})
    await journeys.settle()
    if what == "abandoned_cart":
        assert await inside(journeys, workflow) == []
        await journeys.time_passes(DAY)
        assert await pages.carts.abandon_due() == 3
        await journeys.settle()
    assert await inside(journeys, workflow) == [anna, boris]
    _, total = await journeys.workflows.page(journeys.account_id)
    assert total == len(REPORTS)
    async with journeys.database.system() as connection:
        assert await (await connection.execute("SELECT count(*) FROM enrolments")).fetchone() == (2,)


@pytest.mark.parametrize("what", REPORTS)
async def test_a_stranger_starts_nothing_until_it_is_known(pages: Pages, what: str) -> None:
    journeys = pages.journeys
    _, fits, _ = REPORTS[what]
    [anna] = await journeys.sending.people(1)
    workflow = await journeys.started_by({"type": "page", "what": what}, WAIT_A_DAY)

    async def report_and_wait(report_id: str) -> None:
        await pages.report(fits, cookies={"sc": STRANGER}, eventId=report_id)
        await journeys.settle()
        await journeys.time_passes(DAY)
        await pages.carts.abandon_due()
        await journeys.settle()

    await report_and_wait("before")
    await pages.report({"CustomerData": {"user_email": "p1@example.com"}}, cookies={"sc": STRANGER})
    await journeys.settle()
    assert await inside(journeys, workflow) == []
    await report_and_wait("after")
    assert await inside(journeys, workflow) == [anna]


# ---------------------------------------------------------------- orders


async def test_an_order_that_comes_to_a_status_lets_its_contact_in_once(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    orders = OrdersService(journeys.database, journeys.sending.contacts, journeys.events)
    trigger = {"type": "order", "status": "DELIVERED", "where": {"totalCost": {"gte": 100}, "currency": "EUR"}}
    workflow = await journeys.started_by(trigger, WAIT_A_DAY)

    async def write(contact_id: int, number: str, status: str, hour: int, total: int = 100) -> None:
        placed = journeys.clock.now() - timedelta(days=1)
        order = OrderInput(
            external_id=number,
            contact_id=contact_id,
            status=status,
            total=Decimal(total),
            currency="EUR",
            ordered_at=placed,
            changed_at=placed + timedelta(hours=hour),
        )
        taken = await orders.take(journeys.account_id, [order])
        assert not taken.problems
        await journeys.settle()

    await write(anna, "A-1", "IN_PROGRESS", 0)
    assert await inside(journeys, workflow) == []
    await write(anna, "A-1", "DELIVERED", 1)
    assert await inside(journeys, workflow) == [anna]
    await write(anna, "A-1", "DELIVERED", 2)
    await write(anna, "A-1", "CANCELLED", 3)
    # What comes late says what was before.
    await write(anna, "A-1", "DELIVERED", 2)
    await write(boris, "B-1", "DELIVERED", 0, total=99)
    assert await inside(journeys, workflow) == [anna]
    await write(boris, "B-2", "DELIVERED", 0)
    assert await inside(journeys, workflow) == [anna, boris]


# ---------------------------------------------------------------- lists and segments


async def test_who_is_put_on_a_list_or_taken_off_it_comes_in(journeys: Journeys) -> None:
    anna, boris, clara = await journeys.sending.people(3)
    lists, keeper = journeys.sending.contacts.lists, journeys.membership_keeper()
    vip = (await lists.create(journeys.account_id, "VIP")).list_id
    other = (await lists.create(journeys.account_id, "Others")).list_id
    await lists.add(journeys.account_id, vip, [clara])
    joined, left = [
        await journeys.started_by({"type": "list", "list_id": vip, **when}, WAIT_A_DAY)
        for when in ({}, {"when": "leaves"})
    ]
    await follow(journeys, keeper)
    assert await inside(journeys, joined) == [], "who was on it before is no news"
    await lists.add(journeys.account_id, vip, [anna, clara])
    await lists.add(journeys.account_id, other, [boris])
    await follow(journeys, keeper)
    assert (await inside(journeys, joined), await inside(journeys, left)) == ([anna], [])
    await lists.remove(journeys.account_id, vip, [boris, clara])
    await lists.empty(journeys.account_id, other)
    await follow(journeys, keeper)
    assert (await inside(journeys, joined), await inside(journeys, left)) == ([anna], [clara])
    await lists.add(journeys.account_id, vip, [clara])
    await follow(journeys, keeper)
    assert (await inside(journeys, joined), await inside(journeys, left)) == ([anna, clara], [clara])


async def test_who_leaves_a_segment_by_time_alone_comes_in(journeys: Journeys) -> None:
    anna, boris = await journeys.sending.people(2)
    segments = SegmentsService(journeys.database, journeys.clock)
    keeper = MembershipKeeper(journeys.database, segments, journeys.clock)
    await journeys.happen(anna, boris, event="bought")
    fresh = await segments.create(journeys.account_id, "Buyers", {"event": "bought", "in_last_days": 7})
    trigger = {"type": "segment", "segment_id": fresh.segment_id, "when": "leaves"}
    workflow = await journeys.started_by(trigger, WAIT_A_DAY)
    await follow(journeys, keeper)
    journeys.clock.ahead += timedelta(days=6)
    again = EventInput(type_key="bought", key="again", contact_id=boris, occurred_at=journeys.clock.now())
    await journeys.events.record(journeys.account_id, [again])
    await follow(journeys, keeper)
    assert await inside(journeys, workflow) == []
    journeys.clock.ahead += timedelta(days=2)
    await follow(journeys, keeper)
    assert await inside(journeys, workflow) == [anna]


# ---------------------------------------------------------------- activity


LETTER = TemplateInput(
    name="Letter",
    subject="Hello",
    source='<html><body><a href="https://shop.example/a">A</a><a href="https://shop.example/b">B</a></body></html>',
)


@dataclass
class Readers:
    """A campaign that everybody got, and what they do with it."""

    journeys: Journeys
    campaign: Campaign
    #: By contact.
    messages: dict[int, UUID]

    async def do(
        self, contact_id: int, kind: ActivityKind, link: int | None = None, hit_class: HitClass = HitClass.HUMAN
    ) -> None:
        hit = Hit(
            account_id=self.journeys.account_id,
            contact_id=contact_id,
            message_id=self.messages[contact_id],
            campaign_id=self.campaign.campaign_id,
            kind=kind,
            occurred_at=self.journeys.clock.now(),
            hit_class=hit_class,
            link=link,
        )
        async with self.journeys.database.autocommit() as connection:
            await self.journeys.sending.activity.record(connection, [hit])
        await settle(self.journeys.database)


async def delivered(journeys: Journeys, count: int) -> list[Readers]:
    """Campaigns to everybody, sent."""
    house = journeys.sending
    found: list[Readers] = []
    async with running_peer() as peer:
        await house.sender(peer.port)
        for _ in range(count):
            campaign = await house.campaign(letter=LETTER)
            async with sending(house.loop()):
                campaign = await house.until(campaign.campaign_id, CampaignState.FINISHED)
            rows = await house.ledger(campaign.campaign_id)
            found.append(Readers(journeys, campaign, {row.contact_id: UUID(row.message_id) for row in rows}))
    return found


async def test_the_first_open_or_click_of_a_campaign_lets_in_and_a_link_by_its_number(journeys: Journeys) -> None:
    anna, boris, robot = await journeys.sending.people(3)
    readers, others = await delivered(journeys, 2)
    keeper = journeys.membership_keeper()
    of_campaign = {"type": "activity", "campaign_id": readers.campaign.campaign_id}
    opened, clicked, second_link = [
        await journeys.started_by({**of_campaign, **did}, WAIT_A_DAY)
        for did in ({"did": "opened"}, {"did": "clicked"}, {"did": "clicked", "link": 1})
    ]
    await follow(journeys, keeper)

    async def came_in() -> tuple[list[int], list[int], list[int]]:
        await follow(journeys, keeper)
        return await inside(journeys, opened), await inside(journeys, clicked), await inside(journeys, second_link)

    await readers.do(robot, ActivityKind.OPENED, hit_class=HitClass.MACHINE)
    await others.do(boris, ActivityKind.OPENED)
    assert await came_in() == ([], [], [])
    await readers.do(anna, ActivityKind.OPENED)
    assert await came_in() == ([anna], [], [])
    await readers.do(anna, ActivityKind.OPENED)
    await readers.do(anna, ActivityKind.CLICKED, link=0)
    assert await came_in() == ([anna], [anna], [])
    await readers.do(anna, ActivityKind.CLICKED, link=0)
    await readers.do(anna, ActivityKind.CLICKED, link=1)
    await readers.do(boris, ActivityKind.OPENED)
    assert await came_in() == ([anna, boris], [anna], [anna])


# ---------------------------------------------------------------- rules


async def test_a_share_of_contacts_is_held_out_always_the_same_of_a_workflow(journeys: Journeys) -> None:
    people = await journeys.sending.people(400)
    template = await journeys.template()

    async def ruled() -> Workflow:
        definition = {
            "trigger": {"type": "event", "event_type": "joined"},
            "rules": {"holdout": 30},
            "steps": [{"type": "send_email", "template_id": template}],
        }
        made = await journeys.workflows.create(journeys.account_id, "Held", definition)
        return await journeys.workflows.start(journeys.account_id, made.workflow_id)

    async def held_out(workflow: Workflow) -> list[int]:
        async with journeys.database.system() as connection:
            cursor = await connection.execute(
                "SELECT contact_id FROM enrolments WHERE workflow_id = %s AND state = %s ORDER BY 1",
                (workflow.workflow_id, HELD_OUT),
            )
            return [row[0] for row in await cursor.fetchall()]

    first, second = await ruled(), await ruled()
    await journeys.happen(*people)
    await journeys.settle()
    of_first, of_second = await held_out(first), await held_out(second)
    # 120, give or take; by Hoeffding's bound once in a hundred million runs further away.
    assert all(60 <= len(one) <= 180 for one in (of_first, of_second))
    assert of_first != of_second
    assert await journeys.states(first.workflow_id) == {HELD_OUT: len(of_first), FINISHED: 400 - len(of_first)}
    mailed = [one for workflow in (of_first, of_second) for one in people if one not in set(workflow)]
    assert sorted(mail["contact"] for mail in await journeys.queued()) == sorted(mailed)
    await journeys.happen(*people, key="again")
    await journeys.settle()
    assert await held_out(first) == sorted(of_first * 2)
    assert await held_out(second) == sorted(of_second * 2)


async def test_who_comes_to_match_while_it_waits_reaches_the_goal_or_leaves(journeys: Journeys) -> None:
    anna, boris, clara = await journeys.sending.people(3)
    keeper = journeys.membership_keeper()
    template = await journeys.template()

    def lives_in(city: str) -> dict[str, Any]:
        return {"condition": {"field": "city", "op": "equals", "value": city}}

    definition = {
        "trigger": {"type": "event", "event_type": "joined"},
        "rules": {"exits": [lives_in("Odesa")]},
        "steps": [
            WAIT_A_DAY,
            {"type": "goal", "id": "moved", "next": "thanks", **lives_in("Kyiv")},
            {"type": "send_email", "id": "thanks", "template_id": template},
        ],
    }
    made = await journeys.workflows.create(journeys.account_id, "Moves", definition)
    workflow = await journeys.workflows.start(journeys.account_id, made.workflow_id)
    await follow(journeys, keeper)
    await journeys.happen(anna, boris, clara)
    await follow(journeys, keeper)
    assert await journeys.states(workflow.workflow_id) == {WAITING: 3}
    await move_to(journeys, "Kyiv", anna)
    await move_to(journeys, "Odesa", boris)
    await move_to(journeys, "Lviv", clara)
    await follow(journeys, keeper)
    assert [mail["contact"] for mail in await journeys.queued()] == [anna]
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1, EXITED: 1, WAITING: 1}
    await move_to(journeys, "Odesa", anna)
    await follow(journeys, keeper)
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 1, EXITED: 1, WAITING: 1}


# ---------------------------------------------------------------- texts


async def test_a_text_arrives_and_who_has_no_phone_is_passed_over(journeys: Journeys) -> None:
    contacts, content = journeys.sending.contacts, journeys.sending.content
    [mail_only] = await journeys.sending.people(1)
    made = await contacts.upsert(
        journeys.account_id, [ContactInput(phone="+380671112233")], UpsertOptions(key=IdentityKind.PHONE)
    )
    [anna] = made.contact_ids
    assert anna is not None
    text = TemplateInput(name="Ready", subject="", source="Order {{ data.number }} is ready", channel=Channel.SMS)
    template = await content.create(journeys.account_id, text)
    await content.create(journeys.account_id, msgspec.structs.replace(text, name="Other", source="Another text"))
    workflow = await journeys.started({"type": "send_sms", "id": "ready", "template_id": template.template_id})
    await journeys.happen(anna, mail_only, number="A-7")
    await journeys.settle()
    [queued] = await journeys.queued()
    assert (queued["contact"], queued["content"]) == (anna, template.content_id)
    assert await journeys.states(workflow.workflow_id) == {FINISHED: 2}
    async with journeys.database.system() as connection:
        cursor = await connection.execute("SELECT contact_id, path[2] FROM enrolments")
        assert dict(await cursor.fetchall()) == {anna: Outcome.PASSED, mail_only: Outcome.NOT_SENT}
    async with sending(journeys.express()), asyncio.timeout(30):
        while await journeys.queued():
            await asyncio.sleep(0.02)
    inbox = InboxService(journeys.database)
    [entry] = (await inbox.list()).entries
    assert entry.to == "+380671112233"
    assert "Order A-7 is ready" in (await inbox.parse(entry.inbox_id)).text
