"""The timeline: the ledger and the activity as one list, page after page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.activity.model import ActivityFilter, ActivityKind, Hit, HitClass
from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.ids import campaign_message_id
from syncom.postgres.pool import Database
from tests.settling import settle

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


async def _fill(database: Database, account_id: int) -> ActivityService:
    """30 contacts of campaign 7: sent, opened at that moment or later, clicked; and an old campaign 8."""
    service = ActivityService(database, SystemClock())
    hits: list[Hit] = []
    async with database.system() as connection:
        for contact in range(30):
            for campaign, at in (
                (7, NOW - timedelta(minutes=contact % 7)),
                (8, NOW - timedelta(days=40 + contact)),
            ):
                message = campaign_message_id(campaign, contact)
                await connection.execute(
                    "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, "
                    "channel, state, uncertain, attempts, launched_at, settled_at, address, reason) "
                    "VALUES (%s, %s, %s, %s, %s, 1, 1, %s, false, 1, %s, %s, 'a@b.c', '')",
                    (account_id, contact & 255, message, contact, campaign, 1 + contact % 2, at, at),
                )
                for kind, wait in ((ActivityKind.OPENED, contact % 3), (ActivityKind.CLICKED, 2)):
                    hits.append(
                        Hit(
                            account_id=account_id,
                            contact_id=contact,
                            campaign_id=campaign,
                            message_id=message,
                            kind=kind,
                            hit_class=HitClass(contact % 3 == 0 and campaign == 8 and kind is ActivityKind.OPENED),
                            link=1 if kind is ActivityKind.CLICKED else None,
                            occurred_at=at + timedelta(seconds=wait),
                        )
                    )
        await service.record(connection, hits)
    await settle(database)
    return service


async def _walk(service: ActivityService, account_id: int, limit: int, **filters: Any) -> list[tuple[object, ...]]:
    chosen = ActivityFilter(**filters)
    found: list[tuple[object, ...]] = []
    cursor = None
    while True:
        page = await service.activity(account_id, chosen, cursor=cursor, limit=limit)
        assert len(page.events) <= limit
        found += [(event.occurred_at, event.kind, event.contact_id, event.campaign_id) for event in page.events]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_pages_hold_everything_once_newest_first(database: Database, account_id: int, limit: int) -> None:
    service = await _fill(database, account_id)
    for filters, expected in (
        ({"campaign_id": 7}, 90),
        ({"contact_id": 3}, 6),
        ({"contact_id": 3, "campaign_id": 8}, 3),
        ({"campaign_id": 7, "kinds": frozenset({"sent"})}, 15),
        ({"campaign_id": 7, "kinds": frozenset({"clicked", "failed"})}, 45),
        ({"since": NOW - timedelta(minutes=3), "until": NOW, "kinds": frozenset({"sent", "failed"})}, 13),
        ({"message_id": campaign_message_id(7, 3)}, 3),
        ({"message_id": campaign_message_id(7, 3), "kinds": frozenset({"opened"})}, 1),
        ({"message_id": campaign_message_id(7, 3), "contact_id": 4}, 0),
        ({"campaign_id": 7, "channels": frozenset({Channel.SMS})}, 0),
        ({"campaign_id": 8, "channels": frozenset({Channel.EMAIL, Channel.SMS}), "machines": False}, 80),
    ):
        found = await _walk(service, account_id, limit, **filters)
        assert len(found) == len(set(found)) == expected, filters
        assert [line[0] for line in found] == sorted((line[0] for line in found), reverse=True)
    if limit > 1:
        assert len(await _walk(service, account_id, limit)) == 180


async def test_an_account_sees_its_own_events_only(database: Database, account_id: int, other_account_id: int) -> None:
    service = await _fill(database, account_id)
    assert (await service.activity(other_account_id)).events == []
    assert (await service.activity(other_account_id, ActivityFilter(contact_id=3))).events == []
    message_id = campaign_message_id(7, 3)
    assert (await service.activity(other_account_id, ActivityFilter(message_id=message_id))).events == []
    assert await service.campaign_counts(other_account_id, 7) == {}
    assert await service.campaign_hours(other_account_id, 7) == []
    assert await service.links(other_account_id, 7) == []


async def test_wrong_kinds_and_cursors_are_explained(database: Database, account_id: int) -> None:
    service = ActivityService(database, SystemClock())
    with pytest.raises(Invalid, match="kind: 'read' is not one of sent"):
        await service.activity(account_id, ActivityFilter(kinds=frozenset({"read"})))
    for cursor in ("", "x", "é", "bnVsbA", "WzEsMiwzXQ"):
        with pytest.raises(Invalid, match="cursor"):
            await service.activity(account_id, cursor=cursor)
