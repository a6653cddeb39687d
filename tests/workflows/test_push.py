"""The step `send_push`: to every browser of a contact, decrypted by what would show it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from syncom.contacts.model import Channel, ConsentChange, SubscriptionState
from syncom.contacts.service import set_consents
from syncom.content.model import TemplateInput
from syncom.workflows.model import EnrolmentState, Outcome, Workflow
from tests.messages.house import BASE_URL, sending
from tests.messages.push.browser import Browser, took
from tests.messages.sms.gateway_peer import running_gateway
from tests.workflows.conftest import Journeys

PUSH = TemplateInput(
    name="Back in stock",
    subject="{{ data.product }} is back",
    source="{{ first_name }}, it is there again",
    channel=Channel.WEBPUSH,
    members={"link": "https://shop.example/p?city={{ data.city }}", "topic": "stock"},
)


async def started(journeys: Journeys, **rules: Any) -> Workflow:
    template = await journeys.sending.content.create(journeys.account_id, PUSH)
    definition = {
        "trigger": {"type": "event", "event_type": "joined"},
        "rules": rules,
        "steps": [{"type": "send_push", "template_id": template.template_id}],
    }
    made = await journeys.workflows.create(journeys.account_id, "Stock", definition)
    return await journeys.workflows.start(journeys.account_id, made.workflow_id)


async def waiting(journeys: Journeys) -> list[tuple[UUID, int]]:
    """Rows of the lane: message and contact."""
    async with journeys.database.system() as connection:
        rows = await (await connection.execute("SELECT message_id, contact_id FROM messages ORDER BY 1")).fetchall()
    return [(row[0], row[1]) for row in rows]


async def all_sent(journeys: Journeys) -> None:
    async with asyncio.timeout(30):
        while await waiting(journeys):
            await asyncio.sleep(0.02)


async def outcomes(journeys: Journeys) -> list[int]:
    """What the step did to each contact, by its number."""
    async with journeys.database.system() as connection:
        rows = await (
            await connection.execute("SELECT path[2] FROM enrolments ORDER BY contact_id, entered_at")
        ).fetchall()
    return [row[0] for row in rows]


async def test_an_event_leads_to_a_notification_in_each_browser_with_what_the_event_said(journeys: Journeys) -> None:
    async with running_gateway(took) as service, sending(journeys.express()):
        anna, boris = await journeys.sending.people(2)
        phone, desk = Browser(service, "phone"), Browser(service, "desk")
        await phone.subscribe(journeys.sending.contacts, journeys.account_id, anna)
        await desk.subscribe(journeys.sending.contacts, journeys.account_id, anna)
        workflow = await started(journeys)
        await journeys.happen(anna, boris, product="Lamp", city="Lviv")
        await journeys.settle()
        await all_sent(journeys)
    for browser in (phone, desk):
        [shown] = browser.shown
        assert shown["title"] == "Lamp is back"
        assert shown["body"] == "Name1, it is there again"
        assert shown["tag"] == "stock"
        assert shown["url"].startswith(f"{BASE_URL}/t/s/")
    assert phone.shown[0]["url"] != desk.shown[0]["url"], "it is known in which browser was clicked"
    assert await journeys.states(workflow.workflow_id) == {EnrolmentState.FINISHED: 2}
    assert await outcomes(journeys) == [Outcome.PASSED, Outcome.NOT_SENT]


async def test_who_unsubscribed_from_push_gets_none_and_the_ledger_says_why(journeys: Journeys) -> None:
    async with running_gateway(took) as service:
        [anna] = await journeys.sending.people(1)
        browser = Browser(service, "phone")
        await browser.subscribe(journeys.sending.contacts, journeys.account_id, anna)
        change = ConsentChange(
            account_id=journeys.account_id,
            contact_id=anna,
            channel=Channel.WEBPUSH,
            state=SubscriptionState.UNSUBSCRIBED,
            source="page",
            occurred_at=journeys.sending.clock.now(),
        )
        async with journeys.database.system() as connection:
            await set_consents(connection, [change])
        await started(journeys)
        await journeys.happen(anna)
        await journeys.settle()
    assert await waiting(journeys) == []
    assert await outcomes(journeys) == [Outcome.NOT_SENT]
    async with journeys.database.system() as connection:
        rows = await (await connection.execute("SELECT reason, address FROM ledger")).fetchall()
    assert rows == [("unsubscribed", service.url)]


async def test_the_subscriptions_of_a_contact_that_was_merged_go_with_it(journeys: Journeys) -> None:
    async with running_gateway(took) as service, sending(journeys.express()):
        anna, boris = await journeys.sending.people(2)
        browser = Browser(service, "phone")
        await browser.subscribe(journeys.sending.contacts, journeys.account_id, boris)
        await journeys.sending.contacts.merge(journeys.account_id, keep_id=anna, drop_id=boris)
        await started(journeys)
        await journeys.happen(anna, product="Lamp", city="Lviv")
        await journeys.settle()
        await all_sent(journeys)
    assert [shown["body"] for shown in browser.shown] == ["Name1, it is there again"]


async def test_to_a_cap_all_browsers_of_a_contact_are_one_message(journeys: Journeys) -> None:
    async with running_gateway(took) as service:
        [anna] = await journeys.sending.people(1)
        for name in ("phone", "desk", "work"):
            await Browser(service, name).subscribe(journeys.sending.contacts, journeys.account_id, anna)
        await started(journeys, cap={"messages": 2, "days": 7})
        for key in ("one", "two", "three"):
            await journeys.happen(anna, key=key)
            await journeys.settle()
    assert await outcomes(journeys) == [Outcome.PASSED, Outcome.PASSED, Outcome.CAPPED]
    assert len(await waiting(journeys)) == 6
