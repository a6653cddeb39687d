"""Each day a signed root says what the history of consent was; writing it anew, links and all, is found out."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import msgspec
import pytest
from tests.clocks import StandingClock

from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.contacts.proofs import link_of
from syncom.contacts.roots import MerkleTree, Roots, SignedRoot, is_signed
from syncom.contacts.service import ContactsService
from syncom.keys.service import KeysService
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring

_DAY = timedelta(days=1)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(datetime(2031, 1, 1, 0, 30, tzinfo=UTC))


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.open(tmp_path / "secret.key")


@pytest.fixture
async def contacts(database: Database, keyring: Keyring, clock: StandingClock) -> AsyncIterator[ContactsService]:
    service = ContactsService(database, clock, keyring)
    yield service
    await service.close()


def _roots(contacts: ContactsService) -> Roots:
    assert contacts.roots is not None
    return contacts.roots


async def _people(contacts: ContactsService, account_id: int, *names: str) -> list[int]:
    rows = [ContactInput(email=f"{name}@example.com") for name in names]
    made = await contacts.upsert(account_id, rows, UpsertOptions(key=IdentityKind.EMAIL))
    return [one for one in made.contact_ids if one is not None]


async def _leave(contacts: ContactsService, account_id: int, *contact_ids: int) -> None:
    await contacts.consents.unsubscribe(account_id, list(contact_ids), Channel.EMAIL, source="page")


async def _three_days(contacts: ContactsService, account_id: int, clock: StandingClock) -> list[int]:
    """Five people of the first day, two of whom leave on the second, one on the third; a root at the end of each."""
    ids = await _people(contacts, account_id, "a", "b", "c", "d", "e")
    assert await _roots(contacts).make_due() == 1
    clock.time += _DAY
    await _leave(contacts, account_id, ids[0], ids[1])
    assert await _roots(contacts).make_due() == 1
    clock.time += _DAY
    await _leave(contacts, account_id, ids[4])
    assert await _roots(contacts).make_due() == 1
    return ids


async def _rewrite(connection: Connection, account_id: int, contact_id: int) -> None:
    """Change the first entry of a chain and make all its links anew, as a thief of the database would."""
    rows = await (
        await connection.execute(
            "UPDATE consent_events SET source = source || '.' WHERE account_id = %s AND contact_id = %s "
            "RETURNING consent_event_id, channel, coalesce(category, ''), state, "
            "(extract(epoch FROM occurred_at) * 1000000)::bigint, source, coalesce(detail::text, '')",
            (account_id, contact_id),
        )
    ).fetchall()
    previous = b""
    for row in sorted(rows):
        previous = link_of(previous, (account_id, contact_id, *row))
        await connection.execute(
            "UPDATE consent_events SET link = %s WHERE account_id = %s AND consent_event_id = %s",
            (previous, account_id, row[0]),
        )


async def test_each_day_has_one_root_that_covers_what_came_since_the_one_before(
    contacts: ContactsService, account_id: int, other_account_id: int, clock: StandingClock
) -> None:
    await _three_days(contacts, account_id, clock)
    assert await _roots(contacts).make_due() == 0
    found = await _roots(contacts).all(account_id)
    contents = [one.content for one in found]
    assert [(one.number, one.chains, one.entries) for one in contents] == [(1, 5, 5), (2, 2, 2), (3, 1, 1)]
    assert all(is_signed(one) for one in found)
    assert contents[1].previous == hashlib.sha256(found[0].statement.encode()).hexdigest()
    await _leave(contacts, account_id, *(await _people(contacts, account_id, "f")))
    verdict = await _roots(contacts).verify(account_id, found)
    assert (verdict.roots, verdict.covered, verdict.uncovered, verdict.faults) == (3, 8, 2, ())
    assert await _roots(contacts).all(other_account_id) == []
    # A day on which nothing was recorded has a root of nothing, so that no day is missing.
    clock.time += _DAY
    await _roots(contacts).make_due()
    clock.time += _DAY
    await _roots(contacts).make_due()
    last = (await _roots(contacts).all(account_id))[-1].content
    assert (last.entries, last.root) == (0, hashlib.sha256(b"").hexdigest())


async def test_a_history_that_was_written_anew_with_all_its_links_is_found_by_its_day(
    contacts: ContactsService, database: Database, account_id: int, clock: StandingClock
) -> None:
    ids = await _three_days(contacts, account_id, clock)
    async with database.system() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await _rewrite(connection, account_id, ids[0])
    assert (await contacts.proofs.verify(account_id)).faults == ()
    verdict = await _roots(contacts).verify(account_id)
    assert [fault.day.day for fault in verdict.faults] == [1, 2]
    assert all("one was changed" in fault.reason for fault in verdict.faults)


@pytest.mark.parametrize(
    ("harm", "days"),
    [
        pytest.param("DELETE FROM consent_events WHERE contact_id = %(last)s", {1, 3}, id="a chain taken out"),
        pytest.param(
            "INSERT INTO consent_events SELECT account_id, 9, 9, consent_event_id + 100000, 1, 2, occurred_at, 'page', "
            "detail, category, 9, link FROM consent_events WHERE contact_id = %(last)s LIMIT 1",
            set[int](),
            id="a chain put in after all roots",
        ),
        pytest.param(
            "UPDATE consent_events SET consent_event_id = 0 - consent_event_id WHERE contact_id = %(last)s",
            {1, 3},
            id="entries moved before all roots",
        ),
        pytest.param("DELETE FROM consent_roots WHERE day = '2031-01-02'", {3}, id="a root taken out"),
        pytest.param("DELETE FROM consent_roots WHERE day = '2031-01-01'", {2}, id="the first root taken out"),
        pytest.param(
            "UPDATE consent_roots SET statement = replace(statement, '\"entries\":2', '\"entries\":3') "
            "WHERE day = '2031-01-02'",
            {2, 3},
            id="a statement changed",
        ),
        pytest.param(
            "UPDATE consent_roots SET statement = '{}' WHERE day = '2031-01-03'", {3}, id="a statement unreadable"
        ),
    ],
)
async def test_what_is_taken_out_put_in_or_changed_is_named_by_day(
    contacts: ContactsService,
    database: Database,
    account_id: int,
    clock: StandingClock,
    harm: LiteralString,
    days: set[int],
) -> None:
    ids = await _three_days(contacts, account_id, clock)
    async with database.system() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(harm, {"last": ids[4]})
    verdict = await _roots(contacts).verify(account_id)
    named = {fault.day.day for fault in verdict.faults}
    assert days <= named
    assert bool(named) == bool(days)


async def test_who_has_the_database_and_no_key_cannot_make_roots(
    contacts: ContactsService, database: Database, account_id: int, clock: StandingClock
) -> None:
    ids = await _three_days(contacts, account_id, clock)
    kept = await _roots(contacts).all(account_id)
    async with database.system() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM consent_roots")
        await _rewrite(connection, account_id, ids[0])
    forger = Roots(database, Keyring(bytes(range(32))), clock)
    assert await forger.make_due() == 1
    verdict = await _roots(contacts).verify(account_id)
    assert [fault.reason for fault in verdict.faults] == ["is signed with a key that is not in the key file"]
    # What was kept elsewhere holds against the owner of the key as well.
    assert (await forger.verify(account_id)).faults == ()
    reasons = {fault.reason for fault in (await forger.verify(account_id, kept)).faults}
    assert reasons == {"was kept in the file and is gone", "is another one than was kept in the file"}


async def test_a_kept_root_that_was_forged_is_told(
    contacts: ContactsService, account_id: int, clock: StandingClock
) -> None:
    await _three_days(contacts, account_id, clock)
    first, *_ = await _roots(contacts).all(account_id)
    forged = msgspec.structs.replace(first, statement=first.statement.replace('"entries":5', '"entries":6'))
    (fault,) = (await _roots(contacts).verify(account_id, [forged])).faults
    assert "signature that does not fit" in fault.reason


async def test_roots_hold_after_people_were_erased_and_merged_and_after_a_new_key(
    contacts: ContactsService, database: Database, account_id: int, clock: StandingClock, keyring: Keyring
) -> None:
    ids = await _three_days(contacts, account_id, clock)
    await contacts.merge(account_id, ids[2], ids[1])
    await contacts.erase(account_id, ids[2])
    await contacts.erase(account_id, ids[4])
    assert (await _roots(contacts).verify(account_id)).faults == ()
    before = keyring.current.key_id
    await KeysService(database, keyring, clock).rotate()
    clock.time += _DAY
    await _roots(contacts).make_due()
    assert (await _roots(contacts).verify(account_id)).faults == ()
    keyring.forget(before)
    verdict = await _roots(contacts).verify(account_id)
    assert (verdict.covered, verdict.faults) == (9, ())
    async with database.system() as connection:
        left = await (await connection.execute("SELECT * FROM erased_links")).fetchall()
    assert not any(b"example" in bytes(str(row), "utf-8") for row in left)
    assert len(left) == 6


async def test_entries_that_are_called_erased_need_a_certificate(
    contacts: ContactsService, database: Database, account_id: int, clock: StandingClock
) -> None:
    ids = await _three_days(contacts, account_id, clock)
    async with database.system() as connection:
        await connection.execute(
            "WITH gone AS (DELETE FROM consent_events WHERE contact_id = %s RETURNING *) "
            "INSERT INTO erased_links SELECT account_id, chain, consent_event_id, link, contact_id FROM gone",
            (ids[0],),
        )
    (fault,) = (await _roots(contacts).verify(account_id)).faults
    assert fault.reason == f"covers contact {ids[0]}, gone without a certificate"


async def test_a_root_waits_for_whoever_is_writing_history(
    contacts: ContactsService, database: Database, account_id: int, clock: StandingClock
) -> None:
    ids = await _people(contacts, account_id, "a", "b")
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO consent_events (account_id, bucket, contact_id, channel, state, source) "
            "VALUES (%s, %s, %s, 1, 3, 'page')",
            (account_id, ids[0] & 255, ids[0]),
        )
        making = asyncio.create_task(_roots(contacts).make_due())
        async with asyncio.timeout(20):
            async with database.system() as other:
                while not await _waits(other):
                    await asyncio.sleep(0.02)
    assert await making == 1
    (root,) = await _roots(contacts).all(account_id)
    assert root.content.entries == 3
    assert (await _roots(contacts).verify(account_id)).faults == ()


async def _waits(connection: Connection) -> bool:
    row = await (
        await connection.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = 'consent_events'::regclass AND NOT granted"
        )
    ).fetchone()
    return row is not None and row[0] > 0


def test_the_tree_is_that_of_rfc_6962() -> None:
    # The first vectors of the RFC's own implementation, certificate-transparency's merkle_tree_test.
    leaves = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    }
    for count, root in roots.items():
        tree = MerkleTree()
        for leaf in leaves[:count]:
            tree.add(leaf)
        assert tree.root().hex() == root


def test_what_is_no_statement_is_not_signed() -> None:
    day = datetime(2031, 1, 1, tzinfo=UTC).date()
    assert not is_signed(SignedRoot(day=day, statement="{}", signature=""))
