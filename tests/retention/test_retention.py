"""What an account does not keep any longer goes; what others keep, what counts and what is under way stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from syncom.accounts.service import machine_principal
from syncom.activity.model import ActivityFilter, ActivityKind, Hit
from syncom.app import App, open_app
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.errors import Conflict, Invalid
from syncom.events.model import EventInput
from syncom.ids import bucket_of, single_message_id
from syncom.postgres.migrate import ensure_partitions
from syncom.retention.service import Gone
from syncom.settings import Settings
from tests.settling import settle

NOW = datetime.now(UTC)
NOTHING = Gone(months=[], rows={})


def _ago(months: int) -> datetime:
    """The middle of a month."""
    number = NOW.year * 12 + NOW.month - 1 - months
    return datetime(number // 12, number % 12 + 1, 15, 12, tzinfo=UTC)


def _month(table: str, months: int) -> str:
    return f"{table}_{_ago(months):%Y_%m}"


class House:
    """An installation with partitions of the last year."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def account(self, name: str, **keep: int) -> int:
        made = await self.app.accounts.create_account(machine_principal(0), name=name)
        if keep:
            await self.app.accounts.update_account(machine_principal(made.account_id), **keep)
        return made.account_id

    async def contact(self, account_id: int, email: str) -> int:
        return (await self.app.contacts.upsert_one(account_id, ContactInput(email=email), UpsertOptions())).contact_id

    async def clicked(self, account_id: int, contact_id: int, at: datetime, *, campaign_id: int = 0) -> UUID:
        """A message that was sent and clicked at a moment."""
        message_id = single_message_id(contact_id)
        async with self.app.database.system() as connection:
            await connection.execute(
                "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel,"
                " state, uncertain, attempts, launched_at, settled_at, address)"
                " VALUES (%s, %s, %s, %s, %s, 1, 1, 1, false, 1, %s, %s, 'a@example.com')",
                (account_id, bucket_of(contact_id), message_id, contact_id, campaign_id, at, at),
            )
        await self.click(account_id, contact_id, message_id, at)
        return message_id

    async def click(self, account_id: int, contact_id: int, message_id: UUID, at: datetime) -> None:
        hit = Hit(
            account_id=account_id,
            contact_id=contact_id,
            message_id=message_id,
            campaign_id=0,
            kind=ActivityKind.CLICKED,
            occurred_at=at,
        )
        async with self.app.database.system() as connection:
            await self.app.activity.record(connection, [hit])
        await settle(self.app.database)

    async def kinds(self, account_id: int) -> list[tuple[int, str]]:
        """What the timeline has, newest first: months ago and kind."""
        page = await self.app.activity.activity(account_id, ActivityFilter())
        return [
            ((NOW.year - event.occurred_at.year) * 12 + NOW.month - event.occurred_at.month, event.kind)
            for event in page.events
        ]

    async def has_table(self, name: str) -> bool:
        async with self.app.database.system() as connection:
            row = await (await connection.execute("SELECT to_regclass(%s)", (name,))).fetchone()
        return row is not None and row[0] is not None


@pytest.fixture
async def house(dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_app(Settings(data_dir=tmp_path, database_url=dsn), pool_size=3) as app:
        async with app.database.autocommit() as connection:
            await ensure_partitions(connection, NOW, before=12)
        yield House(app)


async def test_everything_is_kept_unless_an_account_says_otherwise(house: House) -> None:
    account_id = await house.account("Acme")
    await house.clicked(account_id, await house.contact(account_id, "a@example.com"), _ago(11))
    assert await house.app.retention.apply() == NOTHING
    assert await house.kinds(account_id) == [(11, "clicked"), (11, "sent")]


async def test_months_that_nobody_keeps_go_as_tables_and_what_was_counted_stays(house: House) -> None:
    account_id = await house.account("Acme", keep_activity_days=120, keep_ledger_days=200)
    contact_id = await house.contact(account_id, "a@example.com")
    for months in (11, 6, 1):
        await house.clicked(account_id, contact_id, _ago(months))
    before = await house.app.activity.engagement(account_id, contact_id)
    gone = await house.app.retention.apply()
    assert {_month("activity", 11), _month("activity", 6), _month("ledger", 11)} <= set(gone.months)
    assert not {_month("activity", 1), _month("ledger", 6), _month("events", 11)} & set(gone.months)
    assert gone.rows == {}
    assert await house.kinds(account_id) == [(1, "clicked"), (1, "sent"), (6, "sent")]
    assert not await house.has_table(_month("activity", 11))
    assert await house.app.activity.engagement(account_id, contact_id) == before
    assert (before.clicked, before.opened) == (3, 3)
    # Rollups are not made anew of facts that are gone.
    for months in (11, 6):
        with pytest.raises(Conflict, match="not kept any longer"):
            await house.app.rollups.rebuild(account_id, _ago(months).date())
    await house.app.rollups.rebuild(account_id, _ago(1).date())
    assert await house.app.retention.apply() == NOTHING


async def test_what_another_account_keeps_stays_and_the_rest_is_deleted_around_it(house: House) -> None:
    leaving = await house.account("Acme", keep_activity_days=93, keep_ledger_days=93)
    staying = await house.account("Other")
    for account_id in (leaving, staying):
        for number in range(3):
            contact_id = await house.contact(account_id, f"{number}@example.com")
            await house.clicked(account_id, contact_id, _ago(8))
    gone = await house.app.retention.apply()
    assert gone.rows == {"ledger": 3, "activity": 3}
    assert await house.kinds(leaving) == []
    assert len(await house.kinds(staying)) == 6
    assert await house.has_table(_month("activity", 8))
    # Without a row in it, the others decide: they keep it.
    assert await house.app.retention.apply() == NOTHING


async def test_the_month_in_which_the_days_end_is_kept_whole(house: House) -> None:
    account_id = await house.account("Acme", keep_activity_days=93)
    contact_id = await house.contact(account_id, "a@example.com")
    first = (NOW - timedelta(days=93)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    await house.clicked(account_id, contact_id, first)
    await house.clicked(account_id, contact_id, first - timedelta(microseconds=1))
    await house.app.retention.apply()
    page = await house.app.activity.activity(account_id, ActivityFilter(kinds=frozenset({"clicked"})))
    assert [event.occurred_at for event in page.events] == [first]


async def test_what_a_campaign_under_way_has_sent_is_kept_until_it_ends(house: House) -> None:
    account_id = await house.account("Acme", keep_ledger_days=93)
    contact_id = await house.contact(account_id, "a@example.com")
    async with house.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO campaigns (campaign_id, account_id, name, template_id, sender_id, audience, state,"
            " launched_at) VALUES (7, %s, 'Slow', 1, 1, '{}', 'paused', %s)",
            (account_id, _ago(7)),
        )
    for months in (9, 7, 5):
        await house.clicked(account_id, contact_id, _ago(months), campaign_id=7)
    await house.app.retention.apply()
    assert [line for line in await house.kinds(account_id) if line[1] == "sent"] == [(5, "sent"), (7, "sent")]
    async with house.app.database.system() as connection:
        await connection.execute("UPDATE campaigns SET state = 'finished'")
    await house.app.retention.apply()
    assert [line for line in await house.kinds(account_id) if line[1] == "sent"] == []


async def test_a_hit_that_comes_after_its_month_went_is_counted_and_goes_in_the_next_round(house: House) -> None:
    account_id = await house.account("Acme", keep_activity_days=93)
    contact_id = await house.contact(account_id, "a@example.com")
    message_id = await house.clicked(account_id, contact_id, _ago(8))
    await house.app.retention.apply()
    await house.click(account_id, contact_id, message_id, _ago(8) + timedelta(hours=1))
    assert (await house.kinds(account_id))[0] == (8, "clicked")
    # The first click is known from what is kept of the message: it is not counted again.
    assert (await house.app.activity.engagement(account_id, contact_id)).clicked == 1
    assert await house.app.retention.apply() == Gone(months=[], rows={"activity": 1})


async def test_an_event_with_a_key_is_not_recorded_again_when_its_row_is_gone(house: House) -> None:
    account_id = await house.account("Acme", keep_events_days=93)
    event = EventInput(type_key="paid", dedupe_key="e-1", occurred_at=_ago(8))
    [recorded] = await house.app.events.record(account_id, [event])
    assert not recorded.repeated
    assert _month("events", 8) in (await house.app.retention.apply()).months
    [repeated] = await house.app.events.record(account_id, [event])
    assert repeated.repeated


async def test_a_table_that_is_in_use_is_left_for_the_next_round(house: House) -> None:
    account_id = await house.account("Acme", keep_activity_days=93)
    await house.clicked(account_id, await house.contact(account_id, "a@example.com"), _ago(8))
    async with house.app.database.system() as connection:
        await connection.execute("SELECT count(*) FROM activity")
        gone = await house.app.retention.apply()
        assert not [name for name in gone.months if name.startswith("activity")]
    assert _month("activity", 8) in (await house.app.retention.apply()).months


async def test_an_erased_contact_takes_along_what_the_ledger_does_not_lead_to_any_more(house: House) -> None:
    account_id = await house.account("Acme", keep_ledger_days=93)
    contact_id = await house.contact(account_id, "a@example.com")
    await house.clicked(account_id, contact_id, _ago(8))
    await house.app.retention.apply()
    await house.app.accounts.update_account(machine_principal(account_id), keep_ledger_days=0)
    await house.app.contacts.erase(account_id, contact_id)
    async with house.app.database.system() as connection:
        rows = await (await connection.execute("SELECT contact_id FROM engagements")).fetchall()
    assert rows == []


async def test_carts_that_are_done_with_go_and_others_stay(house: House) -> None:
    account_id, keeping = await house.account("Acme", keep_carts_days=93), await house.account("Other")
    at, due = _ago(8), _ago(1)
    async with house.app.database.system() as connection:
        for account, cart, contact_id, changed_at, ordered_at, due_at in (
            (account_id, "told", 7, at, None, None),
            (account_id, "of nobody", 0, at, None, None),
            (account_id, "ordered lately", 7, at, _ago(1), None),
            (account_id, "only ordered", 7, None, at, None),
            (account_id, "due", 7, at, None, due),
            (account_id, "new", 7, _ago(1), None, None),
            (keeping, "told", 7, at, None, None),
        ):
            await connection.execute(
                "INSERT INTO carts (account_id, cart, contact_id, changed_at, ordered_at, due_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (account, cart, contact_id, changed_at, ordered_at, due_at),
            )
    assert (await house.app.retention.apply()).rows == {"carts": 3}
    async with house.app.database.system() as connection:
        rows = await (await connection.execute("SELECT account_id, cart FROM carts")).fetchall()
    assert sorted(rows) == [
        (account_id, "due"),
        (account_id, "new"),
        (account_id, "ordered lately"),
        (keeping, "told"),
    ]
    assert await house.app.retention.apply() == NOTHING


async def test_whose_a_message_is_stays_as_long_as_anything_of_it(house: House) -> None:
    accounts = [
        await house.account("Acme", keep_ledger_days=93, keep_activity_days=200),
        await house.account("Other", keep_ledger_days=93),
    ]
    async with house.app.database.system() as connection:
        for account_id in accounts:
            for months in (1, 5, 9):
                await connection.execute(
                    "INSERT INTO workflow_messages (account_id, bucket, message_id, contact_id, workflow_id, queued_at)"
                    " VALUES (%s, 7, %s, 7, 1, %s)",
                    (account_id, single_message_id(7), _ago(months)),
                )
    assert (await house.app.retention.apply()).rows == {"workflow_messages": 1}
    async with house.app.database.system() as connection:
        rows = await (await connection.execute("SELECT account_id FROM workflow_messages")).fetchall()
    assert sorted(row[0] for row in rows) == [accounts[0]] * 2 + [accounts[1]] * 3


async def test_days_are_for_ever_or_three_months_at_least(house: House) -> None:
    account_id = await house.account("Acme")
    for days in (1, 92, -1, 40_000):
        with pytest.raises(Invalid, match="keep_activity_days: must be 93 to"):
            await house.app.accounts.update_account(machine_principal(account_id), keep_activity_days=days)
    changed = await house.app.accounts.update_account(machine_principal(account_id), keep_events_days=93)
    assert (changed.keep_events_days, changed.keep_ledger_days) == (93, 0)
    changed = await house.app.accounts.update_account(machine_principal(account_id), keep_events_days=0)
    assert changed.keep_events_days == 0


async def test_segments_are_worked_out_anew_when_the_facts_of_their_members_went(house: House) -> None:
    account_id = await house.account("Acme", keep_activity_days=93)
    contact_id = await house.contact(account_id, "a@example.com")
    clicked = await house.app.segments.create(
        account_id, "Clicked", {"activity": "clicked", "campaign": 0, "channel": "email"}
    )
    keeper = house.app.membership_keeper()
    await house.clicked(account_id, contact_id, _ago(8))
    await keeper.settle()
    assert (await house.app.membership.get(account_id, clicked.segment_id)).members == 1
    await house.app.retention.apply()
    await keeper.settle()
    assert (await house.app.membership.get(account_id, clicked.segment_id)).members == 0
    assert await house.app.membership.verify(account_id) == []
