"""The counters equal a recount of the raw rows, in whatever order and number the hits come."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.activity.model import ActivityKind, Batch, Hit, HitClass
from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.ids import campaign_message_id, single_message_id, uuid7
from syncom.postgres.pool import Database
from tests.settling import settle

START = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
SINGLES = {contact: single_message_id(contact) for contact in range(1, 6)}


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


@st.composite
def hits(draw: st.DrawFn) -> Hit:
    campaign = draw(st.sampled_from([0, 7, 8]))
    contact = draw(st.integers(1, 5))
    kind = draw(st.sampled_from(ActivityKind))
    return Hit(
        account_id=draw(st.sampled_from([1, 2])),
        contact_id=contact,
        campaign_id=campaign,
        message_id=campaign_message_id(campaign, contact) if campaign else SINGLES[contact],
        kind=kind,
        hit_class=draw(st.sampled_from(HitClass)),
        link=draw(st.integers(-1, 3)) if kind is ActivityKind.CLICKED else None,
        occurred_at=START + timedelta(minutes=draw(st.integers(0, 240))),
        user_agent=draw(st.sampled_from([None, "", 'a "quoted", {agent} \\ NULL', "агент"])),
    )


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(hits(), min_size=1, max_size=12), min_size=1, max_size=8))
async def test_counters_equal_a_recount_after_concurrent_batches(database: Database, batches: list[list[Hit]]) -> None:
    await _clear(database)
    services = [ActivityService(database, SystemClock(), shard=shard) for shard in range(3)]

    async def write(number: int, batch: list[Hit]) -> None:
        async with database.autocommit() as connection:
            await services[number % 3].record(connection, batch)
            if number % 2:
                await services[number % 3].settle(connection, lane=(None, 0, 1)[number // 2 % 3])

    await asyncio.gather(*(write(number, batch) for number, batch in enumerate(batches)))
    await _assert_counters_equal_a_recount(database, [hit for batch in batches for hit in batch])


async def test_many_writers_on_the_same_messages_never_deadlock_or_lose_a_count(database: Database) -> None:
    chance = random.Random(5)
    everything: list[Hit] = []

    async def write(shard: int) -> None:
        service = ActivityService(database, SystemClock(), shard=shard)
        for _ in range(25):
            batch = [_human_click(chance.randint(1, 20), chance.randint(0, 90)) for _ in range(30)]
            everything.extend(batch)
            async with database.autocommit() as connection:
                await service.record(connection, batch)
                await service.settle(connection)

    await asyncio.gather(*(write(shard) for shard in range(6)))
    await _assert_counters_equal_a_recount(database, everything)


async def test_a_lane_counts_its_contacts_alone_and_what_is_from_before_there_were_lanes(
    database: Database, account_id: int
) -> None:
    service = ActivityService(database, SystemClock())
    async with database.autocommit() as connection:
        batch = [_human_click(contact, 0, account_id=account_id) for contact in (1, 2, 3, 4)]
        await service.record(connection, batch)
        await service.settle(connection, lane=1)
        assert await _rows(database, "SELECT contact_id FROM activity ORDER BY 1") == [(1,), (3,)]
        await service.record(connection, batch)
        await connection.execute("UPDATE activity_journal SET lane = NULL")
        await service.settle(connection, lane=1)
        assert await _rows(database, "SELECT count(*) FROM activity_journal") == [(0,)]
    assert (await service.campaign_counts(account_id, 7))["clicked"] == 8
    assert sorted(await _rows(database, "SELECT contact_id, clicks FROM engagements")) == [(n, 2) for n in (1, 2, 3, 4)]


async def test_a_click_implies_one_open_and_a_late_open_moves_the_first_one(
    database: Database, account_id: int
) -> None:
    service = ActivityService(database, SystemClock())
    async with database.autocommit() as connection:
        await service.record(connection, [_human_click(1, 120, account_id=account_id)])
        await service.settle(connection)
        await service.record(connection, [_human_open(1, 0, account_id=account_id)])
        await service.settle(connection)
    hours = {(count.hour, count.kind): count.count for count in await service.campaign_hours(account_id, 7)}
    assert hours == {
        (START.replace(minute=0), "opened"): 1,
        (START.replace(minute=0), "opened.first"): 1,
        (START.replace(hour=12, minute=0), "clicked"): 1,
        (START.replace(hour=12, minute=0), "clicked.first"): 1,
    }


async def test_a_batch_that_is_written_again_changes_nothing(database: Database, account_id: int) -> None:
    service = ActivityService(database, SystemClock())
    first = Batch(writer_id=uuid7(), number=1)
    second = Batch(writer_id=first.writer_id, number=2)
    hit = _human_click(1, 0, account_id=account_id)
    async with database.autocommit() as connection:
        assert await service.record(connection, [hit, hit], batch=first) == 2
        assert await service.record(connection, [hit, hit], batch=first) == 0
        await service.settle(connection)
        assert await service.record(connection, [hit, hit], batch=first) == 0
        assert await service.record(connection, [hit], batch=second) == 1
        assert await service.record(connection, [hit, hit], batch=first) == 0
        await service.settle(connection)
    assert (await service.campaign_counts(account_id, 7))["clicked"] == 3
    assert [count.clicks for count in await service.links(account_id, 7)] == [3]


async def test_a_batch_is_written_once_when_two_connections_try_it_together(
    database: Database, account_id: int
) -> None:
    service = ActivityService(database, SystemClock())
    batch = Batch(writer_id=uuid7(), number=1)

    async def attempt() -> int:
        async with database.system() as connection:
            written = await service.record(connection, [_human_open(1, 0, account_id=account_id)], batch=batch)
            await asyncio.sleep(0.02)
            return written

    assert sorted(await asyncio.gather(*(attempt() for _ in range(5)))) == [0, 0, 0, 0, 1]


async def test_a_hit_that_the_database_refuses_is_set_aside_and_its_neighbours_are_counted(
    database: Database, account_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    service = ActivityService(database, SystemClock())
    good = _human_click(1, 0, account_id=account_id)
    bad = msgspec.structs.replace(good, link=1 << 20)
    async with database.autocommit() as connection:
        for batch in ([good], [good, bad, good], [bad]):
            await service.record(connection, batch)
        await service.settle(connection)
    assert (await service.campaign_counts(account_id, 7))["clicked"] == 3
    refused = await _rows(database, "SELECT refused FROM activity_journal")
    assert len(refused) == 2
    assert all("smallint" in reason for (reason,) in refused)
    assert "refused" in caplog.text


async def test_a_settling_that_fails_half_way_counts_nothing_and_keeps_the_batch(
    database: Database, account_id: int
) -> None:
    service = ActivityService(database, SystemClock())
    await _record(database, service, _human_click(1, 0, account_id=account_id))
    async with database.autocommit() as connection, connection.transaction(force_rollback=True):
        await service.settle(connection)
    assert await _rows(database, "SELECT count(*) FROM activity") == [(0,)]
    await settle(database)
    assert (await service.campaign_counts(account_id, 7))["clicked"] == 1


async def _record(database: Database, service: ActivityService, hit: Hit) -> None:
    async with database.autocommit() as connection:
        await service.record(connection, [hit])


def _human_click(contact: int, minutes: int, *, account_id: int = 1) -> Hit:
    return Hit(
        account_id=account_id,
        contact_id=contact,
        campaign_id=7,
        message_id=campaign_message_id(7, contact),
        kind=ActivityKind.CLICKED,
        link=contact % 4,
        occurred_at=START + timedelta(minutes=minutes),
    )


def _human_open(contact: int, minutes: int, *, account_id: int = 1) -> Hit:
    return Hit(
        account_id=account_id,
        contact_id=contact,
        campaign_id=7,
        message_id=campaign_message_id(7, contact),
        kind=ActivityKind.OPENED,
        occurred_at=START + timedelta(minutes=minutes),
    )


async def _clear(database: Database) -> None:
    async with database.system() as connection:
        for table in (
            "activity_journal",
            "activity",
            "engagements",
            "contact_statistics",
            "campaign_statistics",
            "campaign_link_statistics",
        ):
            await connection.execute(f"DELETE FROM {table}")


async def _rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.system() as connection:
        return list(await (await connection.execute(query)).fetchall())


async def _assert_counters_equal_a_recount(database: Database, written: Sequence[Hit]) -> None:
    await settle(database)
    raw = await _rows(
        database,
        "SELECT account_id, contact_id, message_id, campaign_id, kind, class, occurred_at, link, user_agent "
        "FROM activity",
    )
    assert Counter(raw) == Counter(
        (
            h.account_id,
            h.contact_id,
            h.message_id,
            h.campaign_id,
            h.kind,
            h.hit_class,
            h.occurred_at,
            h.link,
            h.user_agent,
        )
        for h in written
    )
    hours, links, contacts = _recount(written)
    assert hours == Counter(
        {
            tuple(row[:4]): int(row[4])
            for row in await _rows(
                database,
                "SELECT account_id, campaign_id, hour, kind, sum(count) FROM campaign_statistics "
                "GROUP BY 1, 2, 3, 4 HAVING sum(count) <> 0",
            )
        }
    )
    assert links == {
        tuple(row[:3]): (int(row[3]), int(row[4]))
        for row in await _rows(
            database,
            "SELECT account_id, campaign_id, link, sum(clicks), sum(machine_clicks) "
            "FROM campaign_link_statistics GROUP BY 1, 2, 3",
        )
    }
    assert contacts == {
        tuple(row[:2]): tuple(row[2:])
        for row in await _rows(
            database,
            "SELECT account_id, contact_id, opened, clicked, last_open_at, last_click_at FROM contact_statistics",
        )
    }
    points = dict(await _rows(database, "SELECT (account_id, contact_id)::text, engagement FROM contact_statistics"))
    assert points == pytest.approx(_points(written))


def _points(written: Sequence[Hit]) -> dict[str, float]:
    """The engagement that is kept of everybody who opened something: a point for each message on the day of its first
    open, three on the day of its first click."""
    points: dict[str, float] = {}
    opened: dict[Any, datetime] = {}
    clicked: dict[Any, datetime] = {}
    for hit in written:
        if hit.hit_class is HitClass.HUMAN and hit.kind in (ActivityKind.OPENED, ActivityKind.CLICKED):
            key = (hit.account_id, hit.contact_id, hit.message_id)
            opened[key] = min(opened.get(key, hit.occurred_at), hit.occurred_at)
            if hit.kind is ActivityKind.CLICKED:
                clicked[key] = min(clicked.get(key, hit.occurred_at), hit.occurred_at)
    for worth, first in ((1, opened), (3, clicked)):
        for (account_id, contact_id, _), at in first.items():
            name = f"({account_id},{contact_id})"
            points[name] = points.get(name, 0) + worth * 2 ** (
                (at - datetime(2020, 1, 1, tzinfo=UTC)) / timedelta(days=30)
            )
    return points


def _recount(
    written: Sequence[Hit],
) -> tuple[Counter[Any], dict[Any, tuple[int, int]], dict[Any, tuple[Any, ...]]]:
    """The counters as their documentation says, computed the slow and obvious way."""
    hours: Counter[Any] = Counter()
    links: dict[Any, list[int]] = {}
    contacts: dict[Any, list[Any]] = {}
    messages: dict[Any, list[Hit]] = {}
    for hit in written:
        messages.setdefault((hit.account_id, hit.message_id), []).append(hit)
    for of_message in messages.values():
        one = of_message[0]

        def count(at: datetime, kind: str, one: Hit = one) -> None:
            if one.campaign_id:
                hours[(one.account_id, one.campaign_id, at.replace(minute=0), kind)] += 1

        human = [h for h in of_message if h.hit_class is HitClass.HUMAN]
        opens = [h.occurred_at for h in human if h.kind in (ActivityKind.OPENED, ActivityKind.CLICKED)]
        clicks = [h.occurred_at for h in human if h.kind is ActivityKind.CLICKED]
        for hit in of_message:
            if hit.kind in (ActivityKind.OPENED, ActivityKind.CLICKED):
                suffix = {HitClass.HUMAN: "", HitClass.MACHINE: ".machine", HitClass.UNKNOWN: ".unknown"}
                count(hit.occurred_at, hit.kind.name.lower() + suffix[hit.hit_class])
            if (
                hit.kind is ActivityKind.CLICKED
                and hit.link is not None
                and hit.link >= 0
                and hit.campaign_id
                and hit.hit_class is not HitClass.UNKNOWN
            ):
                pair = links.setdefault((hit.account_id, hit.campaign_id, hit.link), [0, 0])
                pair[int(hit.hit_class)] += 1
        if opens:
            count(min(opens), "opened.first")
            row = contacts.setdefault((one.account_id, one.contact_id), [0, 0, None, None])
            row[0] += 1
            row[2] = max(filter(None, (row[2], max(opens))))
            if clicks:
                count(min(clicks), "clicked.first")
                row[1] += 1
                row[3] = max(filter(None, (row[3], max(clicks))))
        for kind in (
            ActivityKind.DELIVERED,
            ActivityKind.BOUNCED,
            ActivityKind.UNSUBSCRIBED,
            ActivityKind.COMPLAINED,
            ActivityKind.CLOSED,
        ):
            times = [h.occurred_at for h in of_message if h.kind is kind]
            if times:
                count(min(times), kind.name.lower())
    return (
        hours,
        {key: (pair[0], pair[1]) for key, pair in links.items()},
        {key: tuple(row) for key, row in contacts.items()},
    )
