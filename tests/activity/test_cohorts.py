"""Cohorts: who began when, and who was there in which month after, also after contacts were merged."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncom.activity.model import CohortActive, CohortBy
from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.errors import Invalid
from syncom.ids import single_message_id
from syncom.postgres.pool import Connection, Database
from tests.clocks import StandingClock

KYIV = ZoneInfo("Europe/Kyiv")

_NOW = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)  # December has begun in Kyiv


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


async def test_cohorts_are_what_a_plain_count_finds(database: Database, account_id: int, other_account_id: int) -> None:
    chance = random.Random(11)
    people: dict[int, tuple[datetime, list[datetime], list[tuple[datetime, str]]]] = {}
    async with database.system() as connection:
        for contact_id in range(1, 120):
            created = _moment(chance)
            opened = [created + timedelta(days=chance.randint(0, 200)) for _ in range(chance.choice([0, 0, 1, 4]))]
            ordered = [
                (_moment(chance), chance.choice(["DELIVERED", "cancelled"])) for _ in range(chance.randint(0, 3))
            ]
            for owner in (account_id, other_account_id):
                await _store(connection, owner, contact_id, created, opened, ordered, chance)
            people[contact_id] = (created, opened, [at for at, status in ordered if status == "DELIVERED"])
    service = ActivityService(database, StandingClock(_NOW))
    for by in CohortBy:
        for active in CohortActive:
            for zone, months, first in (("UTC", 6, date(2026, 6, 1)), ("Europe/Kyiv", 4, date(2026, 9, 1))):
                found = await service.cohorts(account_id, by=by, active=active, months=months, zone=zone)
                assert found[0].month == first
                expected = _recount(people, by, active, [cohort.month for cohort in found], ZoneInfo(zone))
                assert [(cohort.contacts, cohort.active) for cohort in found] == expected, (by, active, zone)
                assert len(found[0].active) == months


async def test_months_and_zones_are_checked(database: Database, account_id: int) -> None:
    service = ActivityService(database, SystemClock())
    for months in (0, 37):
        with pytest.raises(Invalid, match="months: must be 1 to 36"):
            await service.cohorts(account_id, months=months)
    with pytest.raises(Invalid, match="zone"):
        await service.cohorts(account_id, zone="Mars/Olympus")


def _moment(chance: random.Random) -> datetime:
    return datetime(2026, 4, 1, tzinfo=UTC) + timedelta(hours=chance.randint(0, 240 * 24))


async def _store(
    connection: Connection,
    account_id: int,
    contact_id: int,
    created: datetime,
    opened: list[datetime],
    ordered: list[tuple[datetime, str]],
    chance: random.Random,
) -> None:
    key = (account_id, contact_id & 255, contact_id)
    await connection.execute(
        "INSERT INTO contacts (account_id, bucket, contact_id, created_at) VALUES (%s, %s, %s, %s)", (*key, created)
    )
    dropped = contact_id + 1000
    await connection.execute(
        "INSERT INTO merged_contacts (account_id, bucket, contact_id, into_contact_id) VALUES (%s, %s, %s, %s)",
        (account_id, dropped & 255, dropped, contact_id),
    )
    for at in opened:
        owner = chance.choice([contact_id, dropped])
        await connection.execute(
            "INSERT INTO engagements (account_id, bucket, message_id, contact_id, campaign_id, first_open_at)"
            " VALUES (%s, %s, %s, %s, 0, %s)",
            (account_id, owner & 255, single_message_id(owner), owner, at),
        )
    for place, (at, status) in enumerate(ordered):
        await connection.execute(
            "INSERT INTO orders (account_id, bucket, contact_id, external_id, status, total, ordered_at)"
            " VALUES (%s, %s, %s, %s, %s, 1, %s)",
            (*key, str(place), status, at),
        )


def _recount(
    people: dict[int, Any], by: CohortBy, active: CohortActive, months: list[date], zone: ZoneInfo
) -> list[tuple[int, list[int]]]:
    def month(at: datetime) -> date:
        return at.astimezone(zone).date().replace(day=1)

    found: list[tuple[int, list[int]]] = []
    for place, begun in enumerate(months):
        members = [
            (opened, ordered)
            for created, opened, ordered in people.values()
            if (month(created) if by is CohortBy.CREATED else month(min(ordered)) if ordered else None) == begun
        ]
        there = [
            {month(at) for at in (opened if active is CohortActive.ENGAGED else ordered)} for opened, ordered in members
        ]
        found.append((len(members), [sum(one in those for those in there) for one in months[place:]]))
    return found
