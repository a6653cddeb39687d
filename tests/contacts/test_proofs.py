"""The history of consent can only be added to, and says so when somebody did more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import (
    Channel,
    ConsentChange,
    ContactInput,
    IdentityKind,
    SubscriptionState,
    UpsertOptions,
)
from syncom.contacts.proofs import TEXT_LIMIT, keep_text
from syncom.contacts.service import ContactsService, set_consents
from syncom.errors import Invalid
from syncom.postgres.pool import Database

#: What may be done to a stored entry; the trigger against changes is taken away first, as a thief would.
_TAMPERING: dict[str, LiteralString] = {
    "state": "UPDATE consent_events SET state = 5 - state WHERE consent_event_id = %s",
    "time": "UPDATE consent_events SET occurred_at = occurred_at - interval '1 us' WHERE consent_event_id = %s",
    "source": "UPDATE consent_events SET source = source || '.' WHERE consent_event_id = %s",
    "detail": 'UPDATE consent_events SET detail = \'{"ip": "203.0.113.9"}\' WHERE consent_event_id = %s',
    "category": "UPDATE consent_events SET category = 'News' WHERE consent_event_id = %s",
    "removal": "DELETE FROM consent_events WHERE consent_event_id = %s",
}


async def _person(contacts: ContactsService, account_id: int, email: str, phone: str = "") -> int:
    row = ContactInput(email=email, phone=phone) if phone else ContactInput(email=email)
    result = await contacts.upsert(account_id, [row], UpsertOptions(key=IdentityKind.EMAIL))
    assert result.contact_ids[0] is not None
    return result.contact_ids[0]


async def _decide(contacts: ContactsService, account_id: int, contact_id: int, times: int) -> None:
    for turn in range(times):
        change = contacts.consents.subscribe if turn % 2 else contacts.consents.unsubscribe
        await change(account_id, [contact_id], Channel.EMAIL, source="page", detail={"ip": "192.0.2.1", "turn": turn})


async def test_every_entry_is_chained_to_the_one_before(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    contact_id = await _person(contacts, account_id, "a@example.com", "+380671234567")
    await _decide(contacts, account_id, contact_id, 5)
    history = await contacts.proofs.history(account_id, contact_id)
    assert len({entry.link for entry in history}) == len(history) == 7
    assert all(len(entry.link) == 64 and entry.recorded_for == contact_id for entry in history)
    verdict = await contacts.proofs.verify(account_id)
    assert (verdict.contacts, verdict.entries, verdict.unchained, verdict.faults) == (1, 7, 0, ())


async def test_an_entry_cannot_be_changed_by_a_statement(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    await _person(contacts, account_id, "a@example.com")
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        async with database.system() as connection:
            await connection.execute("UPDATE consent_events SET state = 3")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant(account_id) as connection:
            await connection.execute("DELETE FROM consent_events")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(_TAMPERING)), st.integers(2, 6), st.data())
async def test_whatever_is_done_to_an_entry_behind_our_back_is_found(
    contacts: ContactsService, database: Database, account_id: int, kind: str, entries: int, data: st.DataObject
) -> None:
    contact_id = await _person(contacts, account_id, f"{uuid4().hex}@example.com")
    await _decide(contacts, account_id, contact_id, entries - 1)
    history = await contacts.proofs.history(account_id, contact_id)
    place = data.draw(st.integers(0, entries - 1))
    async with database.system() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(_TAMPERING[kind], (history[place].consent_event_id,))
    verdict = await contacts.proofs.verify(account_id, contact_id)
    assert verdict.faults
    assert {fault.contact_id for fault in verdict.faults} == {contact_id}


async def test_decisions_at_the_same_moment_make_one_chain(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    contact_id = await _person(contacts, account_id, "a@example.com")

    async def decide(number: int) -> None:
        for turn in range(10):
            state = SubscriptionState.UNSUBSCRIBED if (turn + number) % 2 else SubscriptionState.SUBSCRIBED
            change = ConsentChange(
                account_id=account_id,
                contact_id=contact_id,
                channel=Channel.EMAIL,
                state=state,
                source="page",
                occurred_at=datetime.now(UTC),
            )
            async with database.system() as connection:
                await set_consents(connection, [change])

    await asyncio.gather(*(decide(number) for number in range(4)))
    verdict = await contacts.proofs.verify(account_id)
    assert verdict.entries > 1
    assert verdict.faults == ()


async def test_a_merge_keeps_both_chains_whole(contacts: ContactsService, account_id: int) -> None:
    keep = await _person(contacts, account_id, "keep@example.com")
    drop = await _person(contacts, account_id, "drop@example.com")
    await _decide(contacts, account_id, drop, 3)
    await _decide(contacts, account_id, keep, 2)
    await contacts.merge(account_id, keep, drop)
    await _decide(contacts, account_id, keep, 2)
    history = await contacts.proofs.history(account_id, keep)
    assert {entry.recorded_for for entry in history} == {keep, drop}
    verdict = await contacts.proofs.verify(account_id, keep)
    assert verdict.faults == ()
    assert verdict.entries == len(history)


async def test_entries_from_before_the_chains_are_counted_and_not_accused(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    contact_id = await _person(contacts, account_id, "old@example.com")
    async with database.system() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE consent_events SET link = NULL, chain = NULL")
    await _decide(contacts, account_id, contact_id, 1)
    verdict = await contacts.proofs.verify(account_id)
    assert (verdict.entries, verdict.unchained, verdict.faults) == (2, 1, ())


async def test_what_held_at_a_second_is_the_last_entry_until_then(
    contacts: ContactsService, database: Database, account_id: int
) -> None:
    contact_id = await _person(contacts, account_id, "a@example.com")
    moments = [datetime(2031, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    states = (SubscriptionState.UNSUBSCRIBED, SubscriptionState.SUBSCRIBED, SubscriptionState.UNSUBSCRIBED)
    for moment, state in zip(moments, states, strict=True):
        change = ConsentChange(
            account_id=account_id,
            contact_id=contact_id,
            channel=Channel.EMAIL,
            state=state,
            source="page",
            occurred_at=moment,
        )
        async with database.system() as connection:
            await set_consents(connection, [change])
    async with database.tenant(account_id) as connection:
        for moment, state in zip(moments, states, strict=True):
            (entry,) = await contacts.proofs.at(
                connection, account_id, contact_id, Channel.EMAIL, moment.replace(hour=12)
            )
            assert (entry.state, entry.occurred_at) == (state, moment)
        assert await contacts.proofs.at(connection, account_id, contact_id, Channel.SMS, moments[2]) == []


async def test_the_words_people_saw_are_kept_once_and_found_by_their_hash(
    contacts: ContactsService, database: Database, account_id: int, other_account_id: int
) -> None:
    contact_id = await _person(contacts, account_id, "a@example.com")
    words = "Я погоджуюся отримувати новини.\nРаз на тиждень."
    async with database.tenant(account_id) as connection:
        text_hash = await keep_text(connection, account_id, "uk", words)
        assert await keep_text(connection, account_id, "uk", words) == text_hash
        assert await keep_text(connection, account_id, "ru", words) != text_hash
        with pytest.raises(Invalid, match="text"):
            await keep_text(connection, account_id, "uk", "x" * (TEXT_LIMIT + 1))
    detail = {"text_hash": text_hash}
    await contacts.consents.unsubscribe(account_id, [contact_id], Channel.EMAIL, source="page", detail=detail)
    history = await contacts.proofs.history(account_id, contact_id)
    assert await contacts.proofs.texts(account_id, history) == {text_hash: words}
    assert await contacts.proofs.texts(other_account_id, history) == {}
