"""Kept members of segments: whatever happens to contacts, they are those whom a plain count finds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.activity import engagement
from syncom.contacts.model import ContactInput, FieldType, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.errors import NotFound
from syncom.postgres.pool import Database
from syncom.segments import membership_store as store
from syncom.segments.jobs import MembershipKeeper
from syncom.segments.membership import MembershipService
from syncom.segments.model import Move, MoveCause
from syncom.segments.service import SegmentsService
from tests.clocks import StandingClock

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class House:
    database: Database
    account_id: int
    clock: StandingClock = field(default_factory=lambda: StandingClock(NOW))
    #: From so many contacts on two connections work.
    many: int = 1_000

    def __post_init__(self) -> None:
        self.contacts = ContactsService(self.database, self.clock)
        self.segments = SegmentsService(self.database, self.clock)
        self.membership = MembershipService(self.database, self.segments, self.clock)
        self.keeper = self.another_keeper()

    def another_keeper(self) -> MembershipKeeper:
        return MembershipKeeper(self.database, self.segments, self.clock, many=self.many)

    async def people(self, *cities: str) -> list[int]:
        inputs = [ContactInput(email=f"{uuid4().hex}@example.com", city=city) for city in cities]
        found = await self.contacts.upsert(self.account_id, inputs, UpsertOptions())
        return [one for one in found.contact_ids if one is not None]

    async def move_to(self, contact_id: int, city: str) -> None:
        contact = (await self.contacts.get_many(self.account_id, [contact_id]))[0]
        await self.contacts.upsert(self.account_id, [ContactInput(email=contact.email, city=city)], UpsertOptions())

    async def members(self, segment_id: int) -> set[int]:
        async with self.database.system() as connection:
            cursor = await connection.execute(
                "SELECT contact_id FROM contact_segments WHERE segment_ids @> ARRAY[%s::bigint]", (segment_id,)
            )
            return {row[0] for row in await cursor.fetchall()}

    async def do(self, statement: str, *values: Any) -> None:
        async with self.database.system() as connection:
            await connection.execute(statement.encode(), values)

    async def opened(self, contact_id: int, at: datetime) -> None:
        await self.do(
            "INSERT INTO contact_statistics AS s (account_id, bucket, contact_id, opened, last_open_at)"
            " VALUES (%s, %s, %s, 1, %s) ON CONFLICT (account_id, bucket, contact_id) DO UPDATE"
            " SET opened = s.opened + 1, last_open_at = greatest(s.last_open_at, excluded.last_open_at)",
            self.account_id,
            contact_id & 255,
            contact_id,
            at,
        )

    async def clicked(self, contact_id: int, at: datetime) -> None:
        await self.do(
            "INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id,"
            " message_id) VALUES (%s, %s, %s, %s, 4, 0, 1, 7, %s)",
            self.account_id,
            contact_id & 255,
            contact_id,
            at,
            uuid4(),
        )


@pytest.fixture
async def house(emptied_database: Database) -> House:
    async with emptied_database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('A') RETURNING account_id")
        ).fetchone()
    assert row is not None
    return House(emptied_database, row[0])


@pytest.fixture
async def sharing(house: House) -> House:
    """A house whose keepers let two connections work on any change."""
    return House(house.database, house.account_id, many=1)


IN_KYIV = {"field": "city", "op": "equals", "value": "Kyiv"}


async def test_a_new_segment_is_filled_and_nobody_is_said_to_have_moved(house: House) -> None:
    kyiv, _, other = await house.people("Kyiv", "Lviv", "Kyiv")
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    before = await house.membership.get(house.account_id, segment.segment_id)
    assert not before.is_complete
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == {kyiv, other}
    after = await house.membership.get(house.account_id, segment.segment_id)
    assert (after.members, after.is_complete, after.progress, after.completed_at) == (2, True, 100, NOW)
    assert await house.membership.moves(house.account_id, segment.segment_id) == []


async def test_a_change_moves_a_contact_and_says_when_and_why(house: House) -> None:
    one, two = await house.people("Kyiv", "Lviv")
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    await house.keeper.settle()
    house.clock.time += timedelta(hours=1)
    await house.move_to(one, "Lviv")
    await house.move_to(two, "Kyiv")
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == {two}
    moves = await house.membership.moves(house.account_id, segment.segment_id)
    assert {(move.contact_id, move.entered) for move in moves} == {(one, False), (two, True)}
    assert {(move.cause, move.moved_at) for move in moves} == {(MoveCause.CHANGE, house.clock.time)}
    (today,) = await house.membership.growth(house.account_id, segment.segment_id, days=1)
    assert (today.entered, today.left, today.members) == (1, 1, 1)
    assert await house.membership.segments_of(house.account_id, two) == [segment.segment_id]


async def test_a_window_closes_on_time_and_not_before(house: House) -> None:
    (one,) = await house.people("Kyiv")
    await house.opened(one, NOW - timedelta(days=6))
    lately = await house.segments.create(house.account_id, "Lately", {"activity": "opened", "in_last_days": 7})
    never = await house.segments.create(house.account_id, "Not", {"not": {"activity": "opened", "in_last_days": 7}})
    await house.keeper.settle()
    assert await house.members(lately.segment_id) == {one}
    house.clock.time = NOW + timedelta(days=1)
    await house.keeper.settle()
    assert await house.members(lately.segment_id) == {one}, "seven days ago to the second is within them"
    house.clock.time += timedelta(microseconds=1)
    await house.keeper.settle()
    assert (await house.members(lately.segment_id), await house.members(never.segment_id)) == (set(), {one})
    moves = await house.membership.moves(house.account_id, lately.segment_id)
    assert [(move.entered, move.cause) for move in moves] == [(False, MoveCause.TIME)]


async def test_a_birthday_comes_and_goes(house: House) -> None:
    await house.contacts.fields.create(house.account_id, key="birthday", name="Birthday", type=FieldType.DATE)
    made = await house.contacts.upsert(
        house.account_id, [ContactInput(email="b@example.com", fields={"birthday": "1990-12-01"})], UpsertOptions()
    )
    segment = await house.segments.create(
        house.account_id, "Soon", {"field": "birthday", "op": "anniversary_in_next_days", "value": 3}
    )
    inside = []
    for day in range(1, 15):
        house.clock.time = NOW + timedelta(days=day)
        await house.keeper.settle()
        if await house.members(segment.segment_id) == set(made.contact_ids):
            inside.append(house.clock.time.date().isoformat())
    assert inside == ["2026-11-28", "2026-11-29", "2026-11-30", "2026-12-01"]


async def test_a_score_that_sinks_changes_segments_in_its_second(house: House) -> None:
    [one] = await house.people("Kyiv")
    # A click, worth four points now and two in thirty days.
    await house.do(
        "INSERT INTO contact_statistics (account_id, bucket, contact_id, clicked, engagement)"
        " VALUES (%s, %s, %s, 1, %s)",
        *(house.account_id, one & 255, one, 4 * engagement.weight(NOW)),
    )
    trees = [{"band": ["active"]}, {"band": ["warm", "cooling"]}, {"at_most": 2}]
    segments = [
        (await house.segments.create(house.account_id, str(tree), {"engagement": tree})).segment_id for tree in trees
    ]
    inside: list[list[bool]] = []
    for moment in (NOW, NOW + timedelta(days=30), NOW + timedelta(days=30, seconds=1)):
        house.clock.time = moment
        await house.keeper.settle()
        inside.append([one in await house.members(segment_id) for segment_id in segments])
    assert inside == [[True, False, False], [True, False, True], [False, True, True]]
    [moved] = await house.membership.moves(house.account_id, segments[0])
    assert (moved.entered, moved.cause) == (False, MoveCause.TIME)


async def test_a_new_meaning_is_worked_out_also_where_it_stands_inside_another_segment(house: House) -> None:
    kyiv, lviv = await house.people("Kyiv", "Lviv")
    inner = await house.segments.create(house.account_id, "Inner", IN_KYIV)
    outer = await house.segments.create(house.account_id, "Outer", {"not": {"segment": inner.segment_id}})
    await house.keeper.settle()
    assert await house.members(outer.segment_id) == {lviv}
    await house.segments.update(
        house.account_id, inner.segment_id, "Inner", {"field": "city", "op": "equals", "value": "Lviv"}
    )
    await house.keeper.settle()
    assert (await house.members(inner.segment_id), await house.members(outer.segment_id)) == ({lviv}, {kyiv})
    moves = await house.membership.moves(house.account_id, outer.segment_id)
    assert {(move.contact_id, move.entered, move.cause) for move in moves} == {
        (kyiv, True, MoveCause.DEFINITION),
        (lviv, False, MoveCause.DEFINITION),
    }


async def test_a_new_name_is_no_new_meaning(house: House) -> None:
    await house.people("Kyiv")
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    await house.keeper.settle()
    await house.segments.update(house.account_id, segment.segment_id, "Capital", IN_KYIV)
    await house.keeper.step(everything=True)
    assert (await house.membership.get(house.account_id, segment.segment_id)).is_complete


async def test_a_deleted_segment_leaves_nothing_to_see(house: House) -> None:
    (one,) = await house.people("Kyiv")
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    await house.segments.create(house.account_id, "All", {"all": []})
    await house.keeper.settle()
    await house.segments.delete(house.account_id, segment.segment_id)
    assert segment.segment_id not in await house.membership.segments_of(house.account_id, one)
    await house.keeper.settle()
    assert segment.segment_id not in await house.membership.many(house.account_id)
    with pytest.raises(NotFound):
        await house.membership.get(house.account_id, segment.segment_id)


async def test_who_is_erased_is_in_no_segment_and_has_no_history(house: House) -> None:
    one, two = await house.people("Lviv", "Lviv")
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    await house.keeper.settle()
    for someone in (one, two):
        await house.move_to(someone, "Kyiv")
    await house.keeper.settle()
    await house.contacts.erase(house.account_id, one)
    await house.contacts.delete(house.account_id, two)
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == set()
    moves = await house.membership.moves(house.account_id, segment.segment_id)
    assert {move.contact_id for move in moves} == {two}
    house.clock.time = datetime.now(UTC) + timedelta(hours=1)
    await house.another_keeper().settle()
    async with house.database.system() as connection:
        rows = await (await connection.execute("SELECT entered, left_it FROM segment_moves")).fetchall()
    assert {contact_id for row in rows for column in row for contact_id in column} == {two}
    await house.contacts.restore(house.account_id, two)
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == {two}


async def test_moves_come_in_pages_whoever_moved_together(house: House) -> None:
    people = await house.people(*["Lviv"] * 7)
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    await house.keeper.settle()
    for some in (people[:5], people[5:], people[:3]):
        for one in some:
            await house.move_to(one, "Kyiv" if some is not people[:3] else "Lviv")
        house.clock.time += timedelta(minutes=1)
        await house.keeper.settle()
    whole = await house.membership.moves(house.account_id, segment.segment_id)
    assert len(whole) >= 7
    pages: list[Move] = []
    before = None
    while page := await house.membership.moves(house.account_id, segment.segment_id, before=before, limit=2):
        pages += page
        before = page[-1].moved_at, page[-1].contact_id
    assert pages == whole


async def test_facts_that_come_under_the_old_number_of_a_merged_contact_count(house: House) -> None:
    keep, drop = await house.people("Kyiv", "Lviv")
    segment = await house.segments.create(house.account_id, "Clicked", {"activity": "clicked", "campaign": 7})
    await house.keeper.settle()
    await house.contacts.merge(house.account_id, keep, drop)
    await house.keeper.settle()
    await house.clicked(drop, NOW)
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == {keep}


async def test_a_change_that_commits_while_a_segment_is_filled_is_not_lost(house: House, monkeypatch: Any) -> None:
    (one,) = await house.people("Lviv")
    async with house.database.tenant(house.account_id) as connection:
        await connection.execute("UPDATE contacts SET city = 'Kyiv' WHERE contact_id = %s", (one,))
        segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
        await house.keeper.settle()
        assert await house.members(segment.segment_id) == set()
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == {one}


@pytest.mark.parametrize("many", [1, 1_000])
async def test_a_condition_that_cannot_be_answered_keeps_its_members_and_says_why(house: House, many: int) -> None:
    house = House(house.database, house.account_id, many=many)
    field_made = await house.contacts.fields.create(house.account_id, key="n", name="N", type=FieldType.NUMBER)
    one, two = await house.people("Kyiv", "Kyiv")
    broken = await house.segments.create(house.account_id, "Many", {"field": "n", "op": "less", "value": 5})
    sound = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    await house.do("UPDATE contacts SET fields = jsonb_build_object(%s::text, 3)", str(field_made.field_id))
    await house.keeper.settle()
    assert await house.members(broken.segment_id) == {one, two}
    await house.do(
        "UPDATE contacts SET city = 'Lviv', fields = jsonb_build_object(%s::text, 'three') WHERE contact_id = %s",
        str(field_made.field_id),
        one,
    )
    await house.keeper.settle()
    assert await house.members(sound.segment_id) == {two}
    assert await house.members(broken.segment_id) == {one, two}
    said = await house.membership.get(house.account_id, broken.segment_id)
    assert "three" in said.problem
    assert not said.is_complete
    await house.do("UPDATE contacts SET fields = '{}' WHERE contact_id = %s", one)
    await house.membership.rebuild(house.account_id, broken.segment_id)
    await house.keeper.settle()
    assert await house.members(broken.segment_id) == {two}


async def test_a_rebuild_mends_what_should_not_be(house: House) -> None:
    kyiv, lviv = await house.people("Kyiv", "Lviv")
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    await house.keeper.settle()
    await house.do("DELETE FROM contact_segments")
    await house.do(
        "INSERT INTO contact_segments (account_id, bucket, contact_id, segment_ids) VALUES (%s, %s, %s, %s)",
        house.account_id,
        lviv & 255,
        lviv,
        [segment.segment_id],
    )
    (wrong,) = await house.membership.verify(house.account_id)
    assert (wrong.missing, wrong.surplus) == (1, 1)
    assert await house.membership.rebuild(house.account_id) == [segment.segment_id]
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == {kyiv}
    assert await house.membership.verify(house.account_id) == []


@pytest.mark.parametrize("many", [1, 1_000])
async def test_keepers_beside_each_other_agree(house: House, many: int) -> None:
    house = House(house.database, house.account_id, many=many)
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    chance = random.Random(3)
    people = await house.people(*["Lviv"] * 40)
    stop = asyncio.Event()
    running = [asyncio.create_task(house.another_keeper().run(stop)) for _ in range(3)]
    for _ in range(60):
        await house.move_to(chance.choice(people), chance.choice(["Kyiv", "Lviv"]))
    stop.set()
    await asyncio.gather(*running)
    await house.keeper.settle()
    assert await house.membership.verify(house.account_id) == []
    assert (await house.membership.get(house.account_id, segment.segment_id)).members == len(
        await house.members(segment.segment_id)
    )


async def test_half_a_pass_that_is_written_before_the_other_half_fails_counts_once(
    sharing: House, monkeypatch: Any
) -> None:
    people = await sharing.people(*["Lviv"] * 6)
    segment = await sharing.segments.create(sharing.account_id, "Kyiv", IN_KYIV)
    await sharing.keeper.settle()
    await sharing.do("UPDATE contacts SET city = 'Kyiv' WHERE account_id = %s", sharing.account_id)
    count, counted = store.count_moves, 0

    async def count_the_first_half(*given: Any) -> None:
        nonlocal counted
        counted += 1
        if counted == 2:
            raise ConnectionError("the keeper is gone")
        await count(*given)

    monkeypatch.setattr(store, "count_moves", count_the_first_half)
    with pytest.raises(ConnectionError):
        await sharing.keeper.settle()
    assert len(await sharing.members(segment.segment_id)) == 3
    await sharing.keeper.settle()
    assert await sharing.members(segment.segment_id) == set(people)
    assert (await sharing.membership.get(sharing.account_id, segment.segment_id)).members == 6
    moves = await sharing.membership.moves(sharing.account_id, segment.segment_id)
    assert sorted(move.contact_id for move in moves) == sorted(people)


async def test_nobody_takes_over_an_account_while_half_of_a_lost_pass_still_works(sharing: House) -> None:
    (one,) = await sharing.people("Lviv")
    segment = await sharing.segments.create(sharing.account_id, "Kyiv", IN_KYIV)
    await sharing.keeper.settle()
    await sharing.move_to(one, "Kyiv")
    async with sharing.database.system() as connection:
        await store.help_with(connection, sharing.account_id)
        await sharing.another_keeper().step(everything=True)
        assert await sharing.members(segment.segment_id) == set()
    await sharing.another_keeper().step(everything=True)
    assert await sharing.members(segment.segment_id) == {one}


async def test_what_an_account_keeps_is_its_own(house: House) -> None:
    async with house.database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('B') RETURNING account_id")
        ).fetchone()
    assert row is not None
    other = House(house.database, row[0])
    (mine,) = await house.people("Kyiv")
    segment = await house.segments.create(house.account_id, "Kyiv", IN_KYIV)
    theirs = await other.segments.create(other.account_id, "Kyiv", IN_KYIV)
    await house.keeper.settle()
    assert await house.members(segment.segment_id) == {mine}
    assert await house.members(theirs.segment_id) == set()
    with pytest.raises(NotFound):
        await other.membership.moves(other.account_id, segment.segment_id)
    async with house.database.tenant(other.account_id) as connection:
        for table in ("contact_segments", "segment_states", "contact_changes"):
            rows = await (await connection.execute(f"SELECT account_id FROM {table}".encode())).fetchall()
            assert house.account_id not in {row[0] for row in rows}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("DELETE FROM contact_segments")


# ---------------------------------------------------------------- anything, in any order


def _trees(list_id: int) -> list[dict[str, Any]]:
    return [
        IN_KYIV,
        {"all": []},
        {"not": {"list": list_id}},
        {"list": list_id},
        {"activity": "opened", "in_last_days": 7},
        {"not": {"activity": "clicked", "campaign": 7, "in_last_days": 30}},
        {"activity": "clicked", "at_least": 2, "in_last_days": 3},
        {"subscription": "email", "is": "subscribed"},
        {"all": [IN_KYIV, {"field": "created_at", "op": "in_last_days", "value": 2}]},
        {"orders": "sum", "op": "at_least", "value": 10, "in_last_days": 5},
        {"event": "viewed", "which": "first", "in_last_days": 4},
    ]


Happening = tuple[str, int, int]
_HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("city", "list", "unlist", "open", "click", "old click", "order", "event", "subscribe", "new"),
                *("delete", "restore", "erase", "merge", "hours", "days", "keep", "redefine", "rebuild", "drop"),
            ]
        ),
        st.integers(0, 5),
        st.integers(0, 10),
    ),
    max_size=25,
)


class _World:
    """Contacts to whom things happen."""

    def __init__(self, house: House, people: list[int], list_id: int, event_type_id: int) -> None:
        self.house = house
        self.people = people
        self.merged: list[int] = []
        self.list_id = list_id
        self.event_type_id = event_type_id
        self.segments: list[int] = []
        self.numbers = iter(range(1_000_000))

    async def happen(self, what: str, who: int, number: int) -> None:
        house, someone = self.house, self.people[who % len(self.people)]
        now = house.clock.time
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "city": lambda: house.do(
                "UPDATE contacts SET city = %s WHERE contact_id = %s", ["Kyiv", "Lviv"][number % 2], someone
            ),
            "list": lambda: house.do(
                "INSERT INTO list_members (account_id, bucket, list_id, contact_id)"
                " SELECT account_id, bucket, %s, contact_id FROM contacts WHERE contact_id = %s ON CONFLICT DO NOTHING",
                self.list_id,
                someone,
            ),
            "unlist": lambda: house.do("DELETE FROM list_members WHERE contact_id = %s", someone),
            "open": lambda: house.opened(someone, now - timedelta(hours=number * 20)),
            "click": lambda: house.clicked(someone, now - timedelta(hours=number * 20)),
            "old click": lambda: house.clicked((self.merged or [someone])[-1], now - timedelta(hours=number)),
            "order": lambda: house.do(
                "INSERT INTO orders (account_id, bucket, contact_id, external_id, status, total, ordered_at)"
                " VALUES (%s, %s, %s, %s, 'DELIVERED', %s, %s)",
                *(house.account_id, someone & 255, someone, str(next(self.numbers))),
                *(number, now - timedelta(days=number)),
            ),
            "event": lambda: house.do(
                "INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at)"
                " VALUES (%s, %s, %s, %s, %s, '', '{}', %s)",
                *(house.account_id, someone & 255, someone, self.event_type_id, uuid4(), now - timedelta(days=number)),
            ),
            "subscribe": lambda: house.do(
                "UPDATE contacts SET email_state = %s WHERE contact_id = %s", number % 4, someone
            ),
            "delete": lambda: house.contacts.delete_many(house.account_id, [someone]),
            "restore": lambda: house.contacts.restore(house.account_id, someone),
            "erase": lambda: house.contacts.erase_many(house.account_id, [someone]),
            "rebuild": lambda: house.membership.rebuild(house.account_id),
            "keep": house.keeper.settle,
        }
        if what in steps:
            with suppress(NotFound):
                await steps[what]()
        elif what == "new":
            self.people += await house.people("Kyiv")
        elif what == "merge":
            await self._merge(someone, self.people[number % len(self.people)])
        elif what in ("hours", "days"):
            house.clock.time += timedelta(**{what: number})
        elif what == "redefine":
            trees = _trees(self.list_id)
            await house.segments.update(house.account_id, self.segments[0], "Changing", trees[number % len(trees)])
        elif what == "drop" and number == 0 and len(self.segments) > 1:
            await house.segments.delete(house.account_id, self.segments.pop())

    async def _merge(self, keep: int, drop: int) -> None:
        if keep == drop:
            return
        with suppress(NotFound):
            await self.house.contacts.merge(self.house.account_id, keep, drop)
            self.merged.append(drop)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(_HAPPENINGS)
async def test_whatever_happens_the_members_are_those_of_a_plain_count(
    kept_database: Database, happenings: list[Happening]
) -> None:
    async with kept_database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('P') RETURNING account_id")
        ).fetchone()
        assert row is not None
        house = House(kept_database, row[0], many=1)
        made = await (
            await connection.execute(
                "INSERT INTO event_types (account_id, key) VALUES (%s, 'viewed') RETURNING event_type_id", (row[0],)
            )
        ).fetchone()
    assert made is not None
    chosen = await house.contacts.lists.create(house.account_id, "L")
    world = _World(house, await house.people("Kyiv", "Lviv", "Kyiv"), chosen.list_id, made[0])
    for number, tree in enumerate(_trees(chosen.list_id)):
        segment = await house.segments.create(house.account_id, f"S{number}", tree)
        world.segments.append(segment.segment_id)
    inner = {"any": [{"segment": world.segments[0]}, {"not": {"segment": world.segments[4]}}]}
    await house.segments.create(house.account_id, "Of others", inner)
    for what, who, number in happenings:
        await world.happen(what, who, number)
    await house.keeper.settle()
    assert await house.membership.verify(house.account_id) == []
