"""Counts that answer at once, and say how far they may be off."""

from __future__ import annotations

import random
from typing import Any

import pytest

from syncom.clock import SystemClock
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.postgres.pool import Connection, Database
from syncom.segments import service, store
from syncom.segments.compile import Predicate
from syncom.segments.service import SegmentsService

IN_KYIV = {"field": "city", "op": "equals", "value": "Kyiv"}
PEOPLE = 5000


async def _made(database: Database, account_id: int) -> int:
    """Contacts, a third of them in Kyiv; how many that is."""
    chance = random.Random(1)
    people = [
        ContactInput(email=f"c{n}@example.com", city="Kyiv" if chance.random() < 0.3 else "") for n in range(PEOPLE)
    ]
    await ContactsService(database, SystemClock()).upsert(account_id, people, UpsertOptions())
    return sum(one.city == "Kyiv" for one in people)


async def test_what_is_counted_quickly_is_exact(database: Database, account_id: int) -> None:
    inside = await _made(database, account_id)
    found = await SegmentsService(database, SystemClock()).estimate(account_id, IN_KYIV)
    assert (found.contacts, found.is_exact, found.error) == (inside, True, 0)


async def test_what_takes_longer_is_estimated_from_a_part_with_its_error(
    database: Database, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = await _made(database, account_id)
    monkeypatch.setattr(service, "_SAMPLE", 0.0)
    monkeypatch.setattr(service, "_FEWEST", 40)

    async def too_long(*given: Any) -> None:
        del given

    monkeypatch.setattr(store, "count_within", too_long)
    found = await SegmentsService(database, SystemClock()).estimate(account_id, IN_KYIV)
    assert not found.is_exact
    assert 0 < found.error < inside / 2
    # Always the same buckets of the same contacts: no chance is left in this.
    assert abs(found.contacts - inside) <= found.error
    monkeypatch.setattr(service, "_FEWEST", 256)
    whole = await SegmentsService(database, SystemClock()).estimate(account_id, IN_KYIV)
    assert (whole.contacts, whole.is_exact) == (inside, True)


async def test_a_count_is_given_up_and_the_transaction_goes_on(database: Database, account_id: int) -> None:
    """The time-out ends with the count: what follows may take its time."""

    async def slow(connection: Connection, account_id: int, predicate: Predicate) -> int:
        del account_id, predicate
        await connection.execute("SELECT pg_sleep(5)")
        return 1

    async with database.tenant(account_id) as connection:
        predicate = await SegmentsService(database, SystemClock()).compile(connection, account_id, IN_KYIV)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "count", slow)
            assert await store.count_within(connection, account_id, predicate, 0.05) is None
        assert await store.count_within(connection, account_id, predicate, 30) == 0
        row = await (await connection.execute("SHOW statement_timeout")).fetchone()
    assert row == ("0",)
