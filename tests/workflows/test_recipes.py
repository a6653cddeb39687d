"""Recipes: each installs with one call, and its mails arrive in their order."""

from __future__ import annotations

import asyncio
import email
from email.policy import default
from typing import Any

import pytest

from syncom.errors import Conflict, NotFound
from syncom.workflows.model import EnrolmentState, Workflow
from syncom.workflows.recipes.service import RecipesService, recipes
from tests.messages.email.smtp_peer import SmtpPeer, running_peer
from tests.messages.house import sending
from tests.workflows.conftest import Journeys

HOUR, DAY = 3600, 86_400


def book(journeys: Journeys) -> RecipesService:
    return RecipesService(journeys.workflows, journeys.sending.content, journeys.sending.segments)


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


async def test_an_unknown_recipe_is_said_so(journeys: Journeys) -> None:
    with pytest.raises(NotFound, match="recipe"):
        await book(journeys).install(journeys.account_id, "magic")
