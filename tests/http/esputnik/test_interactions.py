"""Apps report what became of a push."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from syncom.activity.model import ActivityFilter
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.ids import single_message_id
from tests.http.esputnik.conftest import Shop

SENT = datetime.now(UTC) - timedelta(hours=1)


async def sent_push(shop: Shop, *, state: int = 1) -> tuple[int, UUID]:
    """A push in the ledger."""
    made = await shop.app.contacts.upsert_one(
        shop.account_id, ContactInput(email=f"{uuid4()}@example.com"), UpsertOptions()
    )
    message_id = single_message_id(made.contact_id)
    async with shop.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state,"
            " uncertain, attempts, launched_at, settled_at, address)"
            " VALUES (%(account)s, %(contact)s & 255, %(message)s, %(contact)s, 0, 0, 4, %(state)s, false, 1, %(sent)s,"
            " %(sent)s, 'token')",
            {
                "account": shop.account_id,
                "contact": made.contact_id,
                "message": message_id,
                "state": state,
                "sent": SENT,
            },
        )
    return made.contact_id, message_id


async def settled(shop: Shop, contact_id: int) -> list[tuple[str, datetime, int]]:
    """What is known to have happened to the contact's messages, oldest first."""
    async with shop.app.database.autocommit() as connection:
        await shop.app.activity.settle(connection)
    chosen = ActivityFilter(contact_id=contact_id, kinds=frozenset({"delivered", "opened", "clicked"}))
    page = await shop.app.activity.activity(shop.account_id, chosen)
    return [(event.kind, event.occurred_at, int(event.channel)) for event in reversed(page.events)]


async def test_what_an_app_reports_becomes_activity_of_that_message(shop: Shop) -> None:
    contact_id, message_id = await sent_push(shop)
    moments = [SENT + timedelta(minutes=minutes) for minutes in (1, 2, 3)]
    for status, moment in zip(("DELIVERED", "opened", "CLICKED"), moments, strict=True):
        body = {"status": status, "time": moment.isoformat(), "token": "x", "more": 1}
        answer = await shop.put(f"/v1/interactions/{message_id}/status", body)
        assert (answer.status, answer.body) == (200, b"")
    assert await settled(shop, contact_id) == [
        ("delivered", moments[0], 4),
        ("opened", moments[1], 4),
        ("clicked", moments[2], 4),
    ]


async def test_the_clock_of_an_app_is_believed_between_the_sending_and_now(shop: Shop) -> None:
    contact_id, message_id = await sent_push(shop)
    path = f"/v1/interactions/{message_id}/status"
    assert (await shop.put(path, {"status": "DELIVERED", "time": "1999-01-01T00:00:00Z"})).status == 200
    assert (await shop.put(path, {"status": "OPENED", "time": "2999-01-01T00:00:00Z"})).status == 200
    assert (await shop.put(path, {"status": "CLICKED"})).status == 200
    delivered, opened, clicked = await settled(shop, contact_id)
    assert delivered[1] == SENT
    assert SENT < opened[1] <= clicked[1] <= datetime.now(UTC)


@pytest.mark.parametrize(
    "body",
    [{}, {"status": None}, {"status": ""}, {"status": "LOST"}, {"status": "OPENED", "time": "soon"}, {"status": [1]}],
)
async def test_a_wrong_report_is_refused_and_nothing_is_recorded(shop: Shop, body: dict[str, Any]) -> None:
    contact_id, message_id = await sent_push(shop)
    assert (await shop.put(f"/v1/interactions/{message_id}/status", body)).status == 400
    assert await settled(shop, contact_id) == []


async def test_messages_nobody_sent_here_are_not_found(shop: Shop) -> None:
    contact_id, message_id = await sent_push(shop)
    failed_contact, failed = await sent_push(shop, state=2)
    for ident in (uuid4(), "7", "no-uuid", failed):
        answer = await shop.put(f"/v1/interactions/{ident}/status", {"status": "OPENED"})
        assert (answer.status, "not found" in answer.message) == (404, True)
    foreign = await shop.other.put(f"/v1/interactions/{message_id}/status", {"status": "OPENED"})
    assert foreign.status == 404
    assert await settled(shop, contact_id) == await settled(shop, failed_contact) == []
