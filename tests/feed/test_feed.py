"""The feed: whatever came in which order, pages hold everything once, by time and then by message."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.activity.model import ActivityKind
from syncom.app import open_app
from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.feed.model import FeedPlace, FeedQuery, FeedStatus
from syncom.feed.service import FeedService, read_place, write_place
from syncom.ids import bucket_of, campaign_message_id
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.settings import Settings
from syncom.tokens import MessageTokens
from tests.feed.history import NOON

_EVERYTHING = FeedQuery(
    since=NOON - timedelta(hours=1), until=NOON + timedelta(hours=1), statuses=frozenset(FeedStatus)
)
#: What happened: seconds after noon, contact, kind (0: a row of the ledger), class.
_FACTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 5), st.sampled_from([0, 2, 3, 4, 5, 6, 7]), st.integers(0, 2)),
    max_size=40,
)


def feed_of(database: Database) -> FeedService:
    return FeedService(database, MessageTokens(Keyring(bytes(32))), base_url="https://mail.example")


@pytest.fixture
async def database(kept_database: Database) -> Database:
    return kept_database


async def _fill(database: Database, facts: list[tuple[int, int, int, int]]) -> int:
    """A fresh account with these facts, written in the order given; its id."""
    async with database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Acme') RETURNING account_id")
        ).fetchone()
        assert row is not None
        for number, (seconds, contact, kind, hit_class) in enumerate(facts):
            at = NOON + timedelta(seconds=seconds)
            campaign = number + 1 if kind == 0 else contact
            values: dict[str, Any] = {
                "account": row[0],
                "bucket": bucket_of(contact),
                "contact": contact,
                "campaign": campaign,
                "message": campaign_message_id(campaign, contact),
                "at": at,
                "kind": kind,
                "class": hit_class,
            }
            await connection.execute(_LEDGER if kind == 0 else _ACTIVITY, values)
    return int(row[0])


_LEDGER = """
INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
                    attempts, launched_at, settled_at, address)
VALUES (%(account)s, %(bucket)s, %(message)s, %(contact)s, %(campaign)s, 1, 1, 1 + %(class)s, false, 1, %(at)s, %(at)s,
        'a@example.org')
"""
_ACTIVITY = """
INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id)
VALUES (%(account)s, %(bucket)s, %(contact)s, %(at)s, %(kind)s, %(class)s, 1, %(campaign)s, %(message)s)
"""


@given(facts=_FACTS, limit=st.integers(1, 10))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_pages_of_any_size_hold_everything_once_in_order(
    database: Database, facts: list[tuple[int, int, int, int]], limit: int
) -> None:
    account_id = await _fill(database, facts)
    feed = feed_of(database)
    found: list[tuple[Any, ...]] = []
    after: FeedPlace | None = None
    while True:
        query = FeedQuery(
            since=_EVERYTHING.since, until=_EVERYTHING.until, statuses=_EVERYTHING.statuses, after=after, limit=limit
        )
        page = await feed.page(account_id, query)
        if not page:
            break
        assert len(page) <= limit
        found += [(fact.occurred_at, fact.message_id.int, fact.number, fact.status) for fact in page]
        # What travels through a client is the written form.
        after = read_place(write_place(page[-1].place))
    assert [row[:3] for row in found] == sorted(row[:3] for row in found)
    assert len({row[:3] for row in found}) == len(found)
    # A row of the ledger of class 2 is state 3: not sent on purpose. A hit of class 1 is a machine's.
    expected = sum(hit_class != (2 if kind == 0 else 1) for _, _, kind, hit_class in facts)
    assert len(found) == expected


@given(facts=_FACTS, status=st.sampled_from(FeedStatus))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_status_chooses_from_everything(
    database: Database, facts: list[tuple[int, int, int, int]], status: FeedStatus
) -> None:
    account_id = await _fill(database, facts)
    feed = feed_of(database)
    everything = await feed.page(account_id, _EVERYTHING)
    chosen = await feed.page(
        account_id,
        FeedQuery(since=_EVERYTHING.since, until=_EVERYTHING.until, statuses=frozenset({status})),
    )
    assert chosen == [fact for fact in everything if fact.status is status]


async def test_a_page_reads_by_its_indexes_alone(database: Database) -> None:
    """No page may walk a table, also for an account that is small among large ones: the indexes begin with it."""
    from syncom.postgres.sql import load_sql

    statements = load_sql("syncom.feed", "feed.sql")
    account_id = await _fill(database, [(0, 1, 3, 0)])
    values = {
        "account_id": account_id,
        "at": NOON - timedelta(days=1),
        "until": NOON + timedelta(days=1),
        "message_id": campaign_message_id(0, 0),
        "number": -1,
        "limit": 1000,
        "states": [1, 2, 5],
        "kinds": [kind.value for kind in ActivityKind],
        "channels": [channel.value for channel in Channel],
    }
    async with database.tenant(account_id) as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        for name, index in (
            ("ledger_of_account", "state_channel_settled_at"),
            ("activity_of_account", "kind_channel_class_occurred_at"),
        ):
            rows = await (await connection.execute("EXPLAIN " + statements[name], values)).fetchall()
            plan = "\n".join(row[0] for row in rows)
            assert f"account_id_{index}_idx" in plan, plan
            assert "Seq Scan on" not in plan, plan


async def test_the_words_of_places_are_checked() -> None:
    for text in ("", "x", "é", "f" * 43, "_" * 44):
        with pytest.raises(Invalid, match="offset"):
            read_place(text)


async def test_a_contact_that_chose_other_categories_leaves_a_row(dsn: str, tmp_path: Path) -> None:
    async with open_app(Settings(data_dir=tmp_path / "data", database_url=dsn), pool_size=2) as app:
        await app.accounts.first_run("admin@example.com", "correct horse battery")
        account_id = (await app.accounts.default_account()).account_id
        await app.activity.subscription_changed(account_id, 7, source="api")
        async with app.database.autocommit() as connection:
            await app.activity.settle(connection)
        until = app.clock.now() + timedelta(minutes=1)
        query = FeedQuery(since=until - timedelta(hours=1), until=until, statuses=frozenset(FeedStatus))
        (fact,) = await app.feed.page(account_id, query)
        assert (fact.status, fact.contact_id) == (FeedStatus.SUBSCRIPTION_CHANGED, 7)
        async with app.database.system() as connection:
            row = await (await connection.execute("SELECT count(*) FROM engagements")).fetchone()
        assert row == (0,)
