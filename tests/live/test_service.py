"""Watching an account: one look for all, watchers that are slow, and the end."""

from __future__ import annotations

import asyncio

import pytest

from syncom.clock import SystemClock
from syncom.errors import RateLimited
from syncom.live import service
from syncom.live.model import Change, Kind
from syncom.live.service import LiveService
from syncom.postgres.pool import Database


async def _rename(database: Database, account_id: int, name: str) -> None:
    async with database.system() as connection:
        await connection.execute("UPDATE accounts SET name = %s WHERE account_id = %s", (name, account_id))


async def _changes(watcher: service.Watcher) -> list[Change] | None:
    async with asyncio.timeout(20):
        while True:
            changes = await watcher.changes(1)
            if changes != []:
                return changes


async def test_all_watchers_of_an_account_hear_the_same_and_others_nothing(
    database: Database, account_id: int, other_account_id: int
) -> None:
    live = LiveService(database, SystemClock())
    async with live.watch(account_id) as one, live.watch(account_id) as two, live.watch(other_account_id) as other:
        await _rename(database, account_id, "A")
        expected = [Change(kind=Kind.ACCOUNT, id=str(account_id))]
        assert await _changes(one) == await _changes(two) == expected
        await _rename(database, other_account_id, "B")
        assert await _changes(other) == [Change(kind=Kind.ACCOUNT, id=str(other_account_id))]
    await live.close()


async def test_a_watcher_that_takes_nothing_is_told_to_fetch_everything(account_id: int) -> None:
    watcher = service.Watcher(account_id)
    watcher.tell([Change(kind=Kind.CAMPAIGN, id=str(number)) for number in range(900)])
    watcher.tell([Change(kind=Kind.CAMPAIGN, id=str(number)) for number in range(900, 1001)])
    assert await watcher.changes(1) is None
    watcher.tell([Change(kind=Kind.CAMPAIGN, id="1")])
    assert await watcher.changes(1) == [Change(kind=Kind.CAMPAIGN, id="1")]


async def test_closing_wakes_who_waits_and_opens_nothing_new(database: Database, account_id: int) -> None:
    live = LiveService(database, SystemClock())
    async with live.watch(account_id) as watcher:
        waiting = asyncio.create_task(watcher.changes(60))
        await live.close()
        async with asyncio.timeout(20):
            assert await waiting == []
        assert watcher.closed
        async with live.watch(account_id) as late:
            assert late.closed


async def test_an_account_has_so_many_streams_and_no_more(
    database: Database, account_id: int, other_account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_WATCHERS", 1)
    live = LiveService(database, SystemClock())
    live.check_room(account_id)
    async with live.watch(account_id):
        with pytest.raises(RateLimited):
            live.check_room(account_id)
        live.check_room(other_account_id)
    await live.close()
