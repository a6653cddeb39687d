"""A page of the timeline reads about as many rows as it shows, whatever it is chosen by and wherever it begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from syncom.activity.model import ActivityFilter
from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.contacts.model import Channel
from syncom.ids import campaign_message_id
from syncom.postgres.pool import Connection, Database

NOW = datetime.now(UTC)
LIMIT = 20
#: Rows of each table: many times a page of anything.
ROWS = 24_000

_LEDGER = """
INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
    attempts, launched_at, settled_at, address)
SELECT %(account)s, contact & 255,
    (lpad(to_hex(campaign), 12, '0') || '8000' || to_hex(contact | (-9223372036854775808)))::uuid, contact, campaign, 1,
    1 + (contact %% 500 = 0)::int, 1 + (contact %% 300 = 0)::int, false, 1, at, at, 'a@example.com'
FROM (SELECT n AS contact, 1 + n %% 3 AS campaign, %(now)s - n * interval '100 seconds' AS at
      FROM generate_series(1, %(rows)s::bigint) n) AS made
"""
_ACTIVITY = """
INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id)
SELECT %(account)s, contact & 255, contact, %(now)s - contact * interval '90 seconds',
    CASE WHEN contact %% 200 = 0 THEN 6 WHEN contact %% 5 = 0 THEN 4 ELSE 3 END, (contact %% 2)::int,
    1 + (contact %% 500 = 0)::int, 1 + contact %% 3,
    (lpad(to_hex(1 + contact %% 3), 12, '0') || '8000' || to_hex(contact | (-9223372036854775808)))::uuid
FROM generate_series(1, %(rows)s::bigint) contact
"""


@pytest.fixture(scope="module")
async def filled(kept_database: Database) -> tuple[Database, int]:
    """Another account has as much, in the same weeks."""
    async with kept_database.system() as connection:
        accounts: list[int] = []
        for name in ("Acme", "Other"):
            cursor = await connection.execute("INSERT INTO accounts (name) VALUES (%s) RETURNING account_id", (name,))
            accounts += [row[0] for row in await cursor.fetchall()]
        for account in accounts:
            for statement in (_LEDGER, _ACTIVITY):
                await connection.execute(statement, {"account": account, "rows": ROWS, "now": NOW})
        await connection.execute("ANALYZE ledger, activity")
    return kept_database, accounts[0]


FILTERS: list[Mapping[str, Any]] = [
    {},
    {"kinds": frozenset({"sent"})},
    {"kinds": frozenset({"failed"})},
    {"kinds": frozenset({"complained"})},
    {"channels": frozenset({Channel.SMS})},
    {"channels": frozenset({Channel.VIBER})},
    {"machines": False},
    {"machines": False, "kinds": frozenset({"clicked"}), "channels": frozenset({Channel.EMAIL})},
    {"campaign_id": 2},
    {"campaign_id": 2, "kinds": frozenset({"failed"})},
    {"campaign_id": 2, "kinds": frozenset({"complained"})},
    {"campaign_id": 2, "channels": frozenset({Channel.SMS})},
    {"campaign_id": 2, "machines": False},
    {"campaign_id": 0},
    {"contact_id": 5},
    {"contact_id": 5, "campaign_id": 2},
    {"message_id": campaign_message_id(3, 5)},
    {"since": NOW - timedelta(days=3), "until": NOW - timedelta(days=2)},
    {"campaign_id": 1, "since": NOW - timedelta(days=3), "until": NOW - timedelta(days=2)},
]


@pytest.mark.parametrize("chosen", FILTERS, ids=lambda one: ", ".join(one) or "everything")
async def test_a_page_reads_about_what_it_shows_and_a_late_one_no_more(
    filled: tuple[Database, int], chosen: Mapping[str, Any]
) -> None:
    database, account_id = filled
    watched = _Watched(database)
    service = ActivityService(cast("Database", watched), SystemClock())
    cursor, pages = None, 0
    while pages < 15:
        page = await service.activity(account_id, ActivityFilter(**chosen), cursor=cursor, limit=LIMIT)
        cursor, pages = page.next_cursor, pages + 1
        if cursor is None:
            break
    assert watched.read, "nothing was asked for"
    # Each state, and each kind and class, gives a page of its own on each channel before they are merged: 12 have rows.
    assert max(watched.read) <= 12 * (LIMIT + 1), watched.read


class _Watched:
    """A database that notes how many rows of facts each transaction took out of tables, shown or not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.read: list[int] = []

    @asynccontextmanager
    async def tenant(self, account_id: int) -> AsyncGenerator[Connection]:
        async with self._database.tenant(account_id) as connection:
            before = await _rows_read(connection)
            yield connection
            self.read.append(await _rows_read(connection) - before)


async def _rows_read(connection: Connection) -> int:
    cursor = await connection.execute(
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_xact_user_tables"
        " WHERE relname ~ '^(ledger|activity)_'"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
