"""Recipes: each installs with one call, and its mails arrive in their order."""

from __future__ import annotations

import asyncio
import email
from datetime import timedelta
from decimal import Decimal
from email.policy import default
from typing import Any

import pytest

from syncom.activity.model import ActivityKind, Hit
from syncom.contacts.model import Channel, ConsentChange, ContactInput, SubscriptionState, UpsertOptions
from syncom.contacts.service import set_consents
from syncom.errors import Conflict, NotFound
from syncom.orders.model import OrderInput
from syncom.orders.service import OrdersService
from syncom.rfm.model import RfmSettings, Thresholds
from syncom.rfm.service import RfmService
from syncom.segments.jobs import MembershipKeeper
from syncom.segments.service import SegmentsService
from syncom.workflows.model import EnrolmentState, Workflow
from syncom.workflows.recipes.service import RecipesService, recipes
from tests.messages.email.smtp_peer import SmtpPeer, running_peer
from tests.messages.house import sending
from tests.workflows.conftest import Journeys

HOUR, DAY = 3600, 86_400


def book(journeys: Journeys) -> RecipesService:
    house = journeys.sending
    return RecipesService(journeys.workflows, house.content, house.segments, house.contacts.fields)


async def installed(journeys: Journeys, key: str) -> Workflow:
    made = await book(journeys).install(journeys.account_id, key)
    return await journeys.workflows.start(journeys.account_id, made.workflow_id)


async def arrived(journeys: Journeys, peer: SmtpPeer) -> list[str]:
    """Subjects of all mails so far, once everything queued has been sent."""
    async with sending(journeys.express()), asyncio.timeout(30):
        while await journeys.queued():
            await asyncio.sleep(0.02)
    return [str(email.message_from_bytes(one.data, policy=default)["Subject"]) for one in peer.accepted]


@pytest.mark.parametrize("key", sorted(recipes()))
async def test_every_recipe_installs_and_starts(journeys: Journeys, key: str) -> None:
    workflow = await installed(journeys, key)
    assert workflow.name == recipes()[key].name
    again = await asyncio.gather(book(journeys).install(journeys.account_id, key), return_exceptions=True)
    if recipes()[key].segments:
        assert isinstance(again[0], Conflict), "a segment's name is taken, and nothing of it stays"
    _, total = await journeys.workflows.page(journeys.account_id)
    assert total == (1 if recipes()[key].segments else 2)


#: What happens at first, then after so many seconds (or events, by name), and the subjects that have arrived by then.
STORIES: dict[str, tuple[str, dict[str, Any], list[tuple[float | str, list[str]]]]] = {
    "welcome": (
        "registration",
        {},
        [
            (0, ["Welcome, Anna"]),
            (2 * DAY + 1, ["Welcome, Anna", "What others like most"]),
            (3 * DAY + 1, ["Welcome, Anna", "What others like most", "Something for your first order"]),
        ],
    ),
    "abandoned-cart": (
        "AbandonedCart",
        {"cartUrl": "https://shop.example/cart/7"},
        [
            (0, ["You left something in your cart"]),
            ("itemsPurchased", ["You left something in your cart"]),
            (DAY + 1, ["You left something in your cart"]),
        ],
    ),
    "abandoned-view": (
        "productViewed",
        {"product": {"name": "Tea pot"}, "location": "https://shop.example/p/1"},
        [(0, []), (4 * HOUR + 1, ["Tea pot"])],
    ),
    "lead-nurture": (
        "leadMagnetRequested",
        {},
        [
            (0, ["Here is what you asked for"]),
            (4 * DAY + 1, ["Here is what you asked for", "How others do it"]),
            (10 * DAY + 1, ["Here is what you asked for", "How others do it", "Shall we talk?"]),
        ],
    ),
    "replenishment": ("orderDELIVERED", {}, [(0, []), (31 * DAY + 1, ["Time for more?"])]),
    "post-purchase-review": ("orderDELIVERED", {}, [(0, []), (11 * DAY + 1, ["How do you like it?"])]),
}


@pytest.mark.parametrize("key", sorted(STORIES))
async def test_its_mails_arrive(journeys: Journeys, key: str) -> None:
    event, params, story = STORIES[key]
    [anna] = await journeys.sending.people(1)
    async with journeys.database.system() as connection:
        await connection.execute("UPDATE contacts SET first_name = 'Anna' WHERE contact_id = %s", (anna,))
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        workflow = await installed(journeys, key)
        await journeys.happen(anna, event=event, **params)
        await journeys.settle()
        for number, (then, subjects) in enumerate(story):
            if isinstance(then, str):
                await journeys.happen(anna, event=then, key=f"then {number}")
                await journeys.settle()
            else:
                await journeys.time_passes(then)
            assert await arrived(journeys, peer) == subjects
    states = await journeys.states(workflow.workflow_id)
    done = EnrolmentState.EXITED if any(isinstance(then, str) for then, _ in story) else EnrolmentState.FINISHED
    assert states == {done: 1}


# ---------------------------------------------------------------- those that begin with a day or a segment


async def letters(journeys: Journeys, peer: SmtpPeer) -> list[tuple[str, str]]:
    """To whom and with which subject, once everything queued has been sent."""
    subjects = await arrived(journeys, peer)
    return list(zip([one.rcpt_to for one in peer.accepted], subjects, strict=True))


def watching(journeys: Journeys) -> MembershipKeeper:
    """Keeps segments by the clock of the test."""
    segments = SegmentsService(journeys.database, journeys.clock)
    return MembershipKeeper(journeys.database, segments, journeys.clock)


async def passes(journeys: Journeys, keeper: MembershipKeeper, days: float) -> None:
    """Time passes, segments are kept, and workflows do what follows."""
    journeys.clock.ahead += timedelta(days=days)
    await keeper.settle()
    await journeys.settle()


async def act(journeys: Journeys, statement: str, *values: Any) -> None:
    async with journeys.database.system() as connection:
        await connection.execute(statement.encode(), values)


async def tagged(journeys: Journeys, name: str) -> list[int]:
    """Contacts on the list of this name."""
    async with journeys.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT m.contact_id FROM list_members m JOIN lists l USING (list_id) WHERE l.name = %s ORDER BY 1",
                (name,),
            )
        ).fetchall()
    return [row[0] for row in rows]


def shop(journeys: Journeys, rfm: RfmService) -> OrdersService:
    return OrdersService(journeys.database, journeys.sending.contacts, journeys.events, recounted=rfm.rescore)


def order(journeys: Journeys, number: str, contact_id: int, *, days: float = 0) -> OrderInput:
    """One that was delivered so many days ago."""
    return OrderInput(
        external_id=number,
        contact_id=contact_id,
        status="DELIVERED",
        currency="EUR",
        total=Decimal(200),
        ordered_at=journeys.clock.now() - timedelta(days=days),
    )


async def opened(journeys: Journeys, contact_id: int) -> None:
    """The contact opens the mail that a workflow sent it."""
    async with journeys.database.system() as connection:
        row = await (
            await connection.execute("SELECT message_id FROM workflow_messages WHERE contact_id = %s", (contact_id,))
        ).fetchone()
        assert row is not None
        hit = Hit(
            account_id=journeys.account_id,
            contact_id=contact_id,
            message_id=row[0],
            campaign_id=0,
            kind=ActivityKind.OPENED,
            occurred_at=journeys.clock.now(),
        )
        await journeys.sending.activity.record(connection, [hit])
    async with journeys.database.autocommit() as connection:
        await journeys.sending.activity.settle(connection)


ANNA, BORIS = "p1@example.com", "p2@example.com"
CONGRATULATED = [(ANNA, "Happy birthday, Name1!"), (BORIS, "Happy birthday, Name2!")]


async def test_birthday_congratulates_and_reminds_who_has_not_ordered(journeys: Journeys) -> None:
    rfm = RfmService(journeys.database, journeys.clock)
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        workflow = await installed(journeys, "birthday")
        morning = (journeys.clock.now() + timedelta(days=3)).replace(hour=9, minute=0)
        people = await journeys.sending.people(2, fields={"birthday": f"1990-{morning:%m-%d}"}, time_zone="UTC")
        journeys.clock.ahead += morning - journeys.clock.now() - timedelta(minutes=5)
        await journeys.settle()
        assert await letters(journeys, peer) == []
        await journeys.time_passes(600)
        assert sorted(await letters(journeys, peer)) == CONGRATULATED
        await shop(journeys, rfm).add(journeys.account_id, [order(journeys, "A", people[1])])
        await journeys.time_passes(5 * DAY)
        assert (await letters(journeys, peer))[2:] == [(ANNA, "Your present is still here")]
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: 2}


async def test_win_back_writes_until_they_order_and_tags_who_does_not(journeys: Journeys) -> None:
    rfm, keeper = RfmService(journeys.database, journeys.clock), watching(journeys)
    thresholds = Thresholds(
        recency_days=(30, 90, 180, 365),
        frequency=(2, 3, 5, 10),
        monetary=(Decimal(50), Decimal(100), Decimal(500), Decimal(1000)),
    )
    await rfm.configure(journeys.account_id, RfmSettings(thresholds=thresholds))
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        anna, boris = await journeys.sending.people(2)
        old = [order(journeys, f"{one}-{n}", one, days=170 + n) for one in (anna, boris) for n in range(3)]
        await shop(journeys, rfm).add(journeys.account_id, old)
        await rfm.recompute(journeys.account_id)
        workflow = await installed(journeys, "win-back")
        await keeper.settle()
        await journeys.settle()
        assert await letters(journeys, peer) == []
        journeys.clock.ahead += timedelta(days=20)
        await rfm.recompute(journeys.account_id)
        await passes(journeys, keeper, 0)
        first = await letters(journeys, peer)
        assert sorted(first) == [(ANNA, "It has been a while, Name1"), (BORIS, "It has been a while, Name2")]
        await shop(journeys, rfm).add(journeys.account_id, [order(journeys, "new", anna)])
        await passes(journeys, keeper, 0)
        assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: 1, EnrolmentState.WAITING: 1}
        await passes(journeys, keeper, 7.1)
        assert (await letters(journeys, peer))[2:] == [(BORIS, "Something to come back for")]
        await passes(journeys, keeper, 14.1)
        assert len(await letters(journeys, peer)) == 3
    assert await tagged(journeys, "lapsed") == [boris]
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: 2}


async def test_the_opt_in_reminder_goes_once_to_who_has_not_confirmed(journeys: Journeys) -> None:
    keeper = watching(journeys)
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        workflow = await installed(journeys, "opt-in-reminder")
        await keeper.settle()
        rows = [ContactInput(email=address) for address in (ANNA, BORIS)]
        options = UpsertOptions(consent=SubscriptionState.UNCONFIRMED)
        made = await journeys.sending.contacts.upsert(journeys.account_id, rows, options)
        await passes(journeys, keeper, 0.5)
        assert await letters(journeys, peer) == []
        assert made.contact_ids[1] is not None
        change = ConsentChange(
            account_id=journeys.account_id,
            contact_id=made.contact_ids[1],
            channel=Channel.EMAIL,
            state=SubscriptionState.SUBSCRIBED,
            source="page",
            occurred_at=journeys.clock.now(),
        )
        async with journeys.database.system() as connection:
            await set_consents(connection, [change])
        await passes(journeys, keeper, 0.6)
        assert await letters(journeys, peer) == [(ANNA, "One click is missing")]
        await passes(journeys, keeper, 3)
        assert len(await letters(journeys, peer)) == 1
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: 1}


async def test_re_engagement_asks_the_silent_and_tags_who_says_nothing(journeys: Journeys) -> None:
    keeper = watching(journeys)
    async with running_peer() as peer:
        await journeys.sending.sender(peer.port)
        anna, boris = await journeys.sending.people(2)
        now = journeys.clock.now()
        await act(journeys, "UPDATE contacts SET created_at = %s", now - timedelta(days=179))
        for days in (30, 40, 50):
            await act(
                journeys,
                "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel,"
                " state, uncertain, attempts, launched_at, settled_at, address)"
                " SELECT account_id, bucket, gen_random_uuid(), contact_id, 7, 1, 1, 1, false, 1, %s, %s, email"
                " FROM contacts",
                now - timedelta(days=days),
                now - timedelta(days=days),
            )
        workflow = await installed(journeys, "re-engagement")
        await keeper.settle()
        await passes(journeys, keeper, 0.5)
        assert await letters(journeys, peer) == []
        await passes(journeys, keeper, 0.6)
        asked = "Shall we go on writing to you?"
        assert sorted(await letters(journeys, peer)) == [(ANNA, asked), (BORIS, asked)]
        await opened(journeys, boris)
        await passes(journeys, keeper, 14.1)
        assert len(await letters(journeys, peer)) == 2
    assert await tagged(journeys, "sunset") == [anna]
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: 2}


def test_every_recipe_has_its_story() -> None:
    told = {"birthday", "win-back", "opt-in-reminder", "re-engagement"}
    assert set(recipes()) == told | set(STORIES)
    assert len(recipes()) == 10


async def test_an_unknown_recipe_is_said_so(journeys: Journeys) -> None:
    with pytest.raises(NotFound, match="recipe"):
        await book(journeys).install(journeys.account_id, "magic")
