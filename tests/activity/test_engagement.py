"""The engagement score: what it is worth, whose it is, and that the database agrees with the program about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import LiteralString, cast

import pytest

from syncom.activity import engagement
from syncom.activity.engagement import Band
from syncom.activity.model import ActivityKind, Hit, HitClass
from syncom.app import App, open_app
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.ids import single_message_id
from syncom.postgres.pool import Database
from syncom.settings import Settings
from tests.settling import settle

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    "moment",
    [NOW, NOW - timedelta(days=30), datetime(1970, 1, 1, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC)],
    ids=["now", "a month ago", "the epoch", "long ago"],
)
async def test_the_database_weighs_moments_as_the_program_does(database: Database, moment: datetime) -> None:
    async with database.system() as connection:
        row = await (await connection.execute("SELECT engagement_weight(%s)", (moment,))).fetchone()
    assert row is not None
    assert row[0] == pytest.approx(engagement.weight(moment), rel=1e-12)


async def test_moments_that_no_double_has_room_for_are_held(database: Database) -> None:
    async with database.system() as connection:
        cursor = await connection.execute(
            "SELECT engagement_weight('infinity'), engagement_weight('9999-01-01Z'), engagement_weight(NULL)"
        )
        row = await cursor.fetchone()
    far = engagement.weight(datetime(9999, 1, 1, tzinfo=UTC))
    assert row == (far, far, 0.0)


def test_points_are_halved_every_thirty_days_and_bands_begin_at_their_floors() -> None:
    kept = 4 * engagement.weight(NOW)
    expected = [(0, 4.0, Band.ACTIVE), (30, 2.0, Band.ACTIVE), (31, 1.95, Band.WARM), (90, 0.5, Band.WARM)]
    expected += [(150, 0.125, Band.COOLING), (151, 0.12, Band.INACTIVE)]
    for days, score, band in expected:
        then = NOW + timedelta(days=days)
        assert engagement.score_of(kept, then) == pytest.approx(score, abs=0.01)
        assert engagement.band_of(kept, then) is band, days
    assert engagement.band_of(0, NOW) is Band.INACTIVE


def test_bands_beside_each_other_are_one_span() -> None:
    for size in range(1, 5):
        for bands in combinations(Band, size):
            for score in (0, 0.1, 0.125, 0.3, 0.5, 1, 2, 50):
                inside = any(low <= score and (high is None or score < high) for low, high in engagement.spans(bands))
                assert inside == (engagement.band_of(score * engagement.weight(NOW), NOW) in bands), (bands, score)
    assert engagement.spans([Band.ACTIVE, Band.WARM, Band.COOLING]) == [(0.125, None)]
    assert engagement.spans([Band.INACTIVE, Band.ACTIVE]) == [(2.0, None), (0.0, 0.125)]


async def test_people_give_points_once_for_a_message_and_machines_none(dsn: str, tmp_path: Path) -> None:
    async with open_app(Settings(data_dir=tmp_path, database_url=dsn), pool_size=2) as app:
        account_id, (anna, borys) = await _two_contacts(app)
        first, second = _Mail(account_id, anna), _Mail(account_id, anna)
        await _record(
            app, first.hit(ActivityKind.OPENED), first.hit(ActivityKind.OPENED), second.hit(ActivityKind.CLICKED)
        )
        machine = _Mail(account_id, borys)
        await _record(app, machine.hit(ActivityKind.CLICKED, hit_class=HitClass.MACHINE))
        found = await app.activity.engagement(account_id, anna)
        assert (found.score, found.band, found.opened, found.clicked) == (5.0, Band.ACTIVE, 2, 1)
        found = await app.activity.engagement(account_id, borys)
        assert (found.score, found.band, found.opened) == (0.0, Band.INACTIVE, 0)
        sizes = {size.band: size.contacts for size in await app.activity.engagement_bands(account_id)}
        assert sizes == {Band.ACTIVE: 1, Band.WARM: 0, Band.COOLING: 0, Band.INACTIVE: 1}


async def test_a_merged_contact_brings_its_points_and_those_of_later_hits(dsn: str, tmp_path: Path) -> None:
    async with open_app(Settings(data_dir=tmp_path, database_url=dsn), pool_size=2) as app:
        account_id, (keep, drop) = await _two_contacts(app)
        before, after = _Mail(account_id, drop), _Mail(account_id, drop)
        await _record(app, before.hit(ActivityKind.OPENED), _Mail(account_id, keep).hit(ActivityKind.OPENED))
        await app.contacts.merge(account_id, keep, drop)
        assert (await app.activity.engagement(account_id, keep)).score == 2.0
        await _record(app, after.hit(ActivityKind.CLICKED), before.hit(ActivityKind.CLICKED))
        found = await app.activity.engagement(account_id, keep)
        assert (found.score, found.opened, found.clicked) == (9.0, 3, 2)
        async with app.database.system() as connection:
            rows = await (await connection.execute("SELECT contact_id FROM contact_statistics")).fetchall()
        assert rows == [(keep,)]
        # The migration counts the past the same way.
        text = resources.files("syncom.postgres").joinpath("migrations/0054_engagement.sql").read_text("utf-8")
        async with app.database.system() as connection:
            await connection.execute("UPDATE contact_statistics SET engagement = 0")
            await connection.execute(cast("LiteralString", text))
        assert (await app.activity.engagement(account_id, keep)).score == 9.0


class _Mail:
    """A message of its own."""

    def __init__(self, account_id: int, contact_id: int) -> None:
        self._account_id = account_id
        self._contact_id = contact_id
        self._message_id = single_message_id(contact_id)

    def hit(self, kind: ActivityKind, *, hit_class: HitClass = HitClass.HUMAN) -> Hit:
        return Hit(
            account_id=self._account_id,
            contact_id=self._contact_id,
            message_id=self._message_id,
            campaign_id=0,
            kind=kind,
            hit_class=hit_class,
            occurred_at=datetime.now(UTC),
        )


async def _two_contacts(app: App) -> tuple[int, tuple[int, int]]:
    await app.accounts.first_run("admin@example.com", "correct horse battery")
    account_id = (await app.accounts.default_account()).account_id
    emails = ("anna@example.com", "borys@example.com")
    made = [await app.contacts.upsert_one(account_id, ContactInput(email=email), UpsertOptions()) for email in emails]
    return account_id, (made[0].contact_id, made[1].contact_id)


async def _record(app: App, *hits: Hit) -> None:
    async with app.database.system() as connection:
        await app.activity.record(connection, hits)
    await settle(app.database)
