"""Delivery receipts: one fact a message, in whatever order and however often they come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.errors import Unavailable
from syncom.ids import campaign_message_id
from syncom.messages.receipts.model import PeerMessage, Receipt, ReceiptState
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.receipts.store import remember
from syncom.postgres.pool import Database

SENT_AT = datetime(2026, 11, 3, 10, tzinfo=UTC)
LATER = SENT_AT + timedelta(minutes=3)
CAMPAIGN = 77
FAILED = (ReceiptState.UNDELIVERED, ReceiptState.EXPIRED, ReceiptState.REJECTED, ReceiptState.DELETED)
OPEN = (ReceiptState.ACCEPTED, ReceiptState.UNKNOWN)


@pytest.fixture
def receipts(database: Database) -> ReceiptsService:
    return service(database)


def service(database: Database) -> ReceiptsService:
    return ReceiptsService(database, ActivityService(database, SystemClock()), SystemClock())


def message(
    account_id: int, contact_id: int, *peer_ids: str, sender_id: int = 1, campaign_id: int = CAMPAIGN
) -> PeerMessage:
    return PeerMessage(
        sender_id=sender_id,
        peer_ids=peer_ids,
        account_id=account_id,
        contact_id=contact_id,
        message_id=campaign_message_id(campaign_id, contact_id),
        campaign_id=campaign_id,
        content_id=5,
        channel=Channel.SMS,
        sent_at=SENT_AT,
    )


def receipt(peer_id: str, state: ReceiptState = ReceiptState.DELIVERED, **more: Any) -> Receipt:
    return Receipt(sender_id=1, peer_id=peer_id, state=state, **{"occurred_at": LATER, **more})


async def taken(database: Database, *messages: PeerMessage) -> None:
    async with database.system() as connection:
        await remember(connection, messages)


async def facts(database: Database) -> list[tuple[int, int, str | None]]:
    """Contact, kind and detail of every fact, counted."""
    async with database.autocommit() as connection:
        await ActivityService(database, SystemClock()).settle(connection)
        return await (
            await connection.execute("SELECT contact_id, kind, detail FROM activity ORDER BY contact_id, kind")
        ).fetchall()


async def look_again(database: Database, receipts: ReceiptsService) -> int:
    """As if the receipts that wait had waited long enough."""
    async with database.system() as connection:
        await connection.execute("UPDATE waiting_receipts SET try_at = now()")
    return await receipts.look_again()


async def sender(database: Database, account_id: int) -> None:
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO senders (sender_id, account_id, name, kind, channel, from_email, from_name, reply_to, config)"
            " OVERRIDING SYSTEM VALUE VALUES (1, %s, 'SMSC', 'gateway', 2, '', 'Acme', '', '{}')",
            (account_id,),
        )


# ------------------------------------------------------------------ one receipt


async def test_a_receipt_becomes_a_fact_with_its_time_its_campaign_and_its_counters(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    await taken(database, message(account_id, 256, "a"))
    await receipts.receive(receipt("a", reason="DELIVRD err 000"))
    assert await facts(database) == [(256, 1, "DELIVRD err 000")]
    async with database.system() as connection:
        row = await (
            await connection.execute("SELECT occurred_at, campaign_id, channel, content_id FROM activity")
        ).fetchone()
        kept = await (await connection.execute("SELECT delivered_at, bounced_at FROM engagements")).fetchone()
    assert row == (LATER, CAMPAIGN, Channel.SMS.value, 5)
    assert kept == (LATER, None)
    counts = await ActivityService(database, SystemClock()).campaign_counts(account_id, CAMPAIGN)
    assert counts == {"delivered": 1}


@pytest.mark.parametrize("state", FAILED)
async def test_what_did_not_arrive_bounces_with_its_reason(
    database: Database, account_id: int, receipts: ReceiptsService, state: ReceiptState
) -> None:
    await taken(database, message(account_id, 256, "a"))
    await receipts.receive(receipt("a", state, reason="err 027"))
    assert await facts(database) == [(256, 2, f"{state.name.lower()}: err 027")]


@pytest.mark.parametrize("state", OPEN)
async def test_a_state_that_is_not_the_end_is_no_fact(
    database: Database, account_id: int, receipts: ReceiptsService, state: ReceiptState
) -> None:
    await taken(database, message(account_id, 256, "a"))
    await receipts.receive(receipt("a", state))
    assert await facts(database) == []
    await receipts.receive(receipt("a"))
    assert [kind for _, kind, _ in await facts(database)] == [1]


async def test_a_peers_clock_is_believed_between_the_sending_and_now(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    await taken(database, message(account_id, 256, "early"), message(account_id, 257, "late"))
    before = datetime.now(UTC)
    await receipts.receive(receipt("early", occurred_at=SENT_AT - timedelta(hours=5)))
    await receipts.receive(receipt("late", occurred_at=before + timedelta(days=400)))
    await facts(database)
    async with database.system() as connection:
        rows = await (await connection.execute("SELECT occurred_at FROM activity ORDER BY contact_id")).fetchall()
    assert rows[0][0] == SENT_AT
    assert before <= rows[1][0] <= datetime.now(UTC)


async def test_words_of_a_peer_are_bounded_and_cleaned(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    await taken(database, message(account_id, 256, "a"))
    await receipts.receive(receipt("a", ReceiptState.REJECTED, reason="x\x00y" + "z" * 5000))
    [(_, _, detail)] = await facts(database)
    assert detail is not None
    assert detail.startswith("rejected: x yz")
    assert len(detail) < 250


async def test_the_same_id_at_another_sender_is_another_message(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    await taken(database, message(account_id, 256, "a"), message(account_id, 257, "a", sender_id=2))
    await receipts.receive(receipt("a"))
    assert [contact for contact, _, _ in await facts(database)] == [256]


async def test_an_id_that_a_peer_gives_out_again_is_the_newer_messages(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    await taken(database, message(account_id, 256, "a"))
    await receipts.receive(receipt("a"))
    await taken(database, message(account_id, 257, "a"))
    await receipts.receive(receipt("a", ReceiptState.EXPIRED))
    assert await facts(database) == [(256, 1, None), (257, 2, "expired")]


# ------------------------------------------------------------------ orders


async def test_a_receipt_before_the_answer_is_settled_waits_for_its_id(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    await receipts.receive(receipt("a"))
    assert await receipts.look_again() == 1
    assert await facts(database) == []
    await taken(database, message(account_id, 256, "a"))
    assert await look_again(database, receipts) == 1
    assert await facts(database) == [(256, 1, None)]
    assert await look_again(database, receipts) == 0


async def test_a_receipt_that_finds_nothing_is_looked_at_more_and_more_rarely(
    database: Database, receipts: ReceiptsService
) -> None:
    await receipts.receive(receipt("nobody"))
    async with database.system() as connection:
        await connection.execute("UPDATE waiting_receipts SET received_at = now() - interval '2 hours'")
    assert await look_again(database, receipts) == 1
    assert await receipts.look_again() == 0
    async with database.system() as connection:
        row = await (await connection.execute("SELECT try_at - now() FROM waiting_receipts")).fetchone()
    assert row is not None
    assert timedelta(hours=1, minutes=59) < row[0] < timedelta(hours=2, minutes=1)


async def test_a_receipt_of_no_message_of_ours_is_counted_and_dropped_after_a_day(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    await sender(database, account_id)
    await receipts.receive(receipt("nobody"))
    await receipts.tidy()
    assert await receipts.counts(account_id, 1) == {}
    async with database.system() as connection:
        await connection.execute("UPDATE waiting_receipts SET received_at = now() - interval '25 hours'")
    await receipts.tidy()
    assert await receipts.counts(account_id, 1) == {"unmatched": 1}
    assert await look_again(database, receipts) == 0


async def test_repeats_are_counted_and_change_nothing(
    database: Database, account_id: int, other_account_id: int, receipts: ReceiptsService
) -> None:
    await sender(database, account_id)
    await taken(database, message(account_id, 256, "a"))
    await receipts.receive(receipt("a", ReceiptState.ACCEPTED))
    await asyncio.gather(*(receipts.receive(receipt("a")) for _ in range(5)))
    await receipts.receive(receipt("a", ReceiptState.UNDELIVERED))
    await receipts.receive(receipt("a", ReceiptState.ACCEPTED))
    assert await facts(database) == [(256, 1, None)]
    assert await receipts.counts(account_id, 1) == {"accepted": 1, "delivered": 1, "repeated": 6}
    assert await receipts.counts(other_account_id, 1) == {}


async def test_ids_are_forgotten_after_a_week(database: Database, account_id: int, receipts: ReceiptsService) -> None:
    await taken(database, message(account_id, 256, "old"))
    async with database.system() as connection:
        await connection.execute("UPDATE peer_messages SET sent_at = now() - interval '8 days'")
    await taken(database, message(account_id, 257, "new"))
    async with database.system() as connection:
        await connection.execute("UPDATE peer_messages SET sent_at = now() WHERE peer_id = 'new'")
    await receipts.tidy()
    async with database.system() as connection:
        assert await (await connection.execute("SELECT peer_id FROM peer_messages")).fetchall() == [("new",)]


@st.composite
def ends(draw: st.DrawFn) -> tuple[list[ReceiptState], list[tuple[int, ReceiptState]]]:
    """The final state of each part of a message, and the receipts about them: some twice, with others between."""
    parts = draw(st.integers(1, 3))
    finals = [draw(st.sampled_from((ReceiptState.DELIVERED, ReceiptState.DELIVERED, *FAILED))) for _ in range(parts)]
    said: list[tuple[int, ReceiptState]] = []
    for part, final in enumerate(finals):
        said += [(part, final)] * draw(st.integers(1, 2))
        said += [(part, state) for state in draw(st.lists(st.sampled_from(OPEN), max_size=2))]
    return finals, draw(st.permutations(said))


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(ends(), min_size=1, max_size=4), data=st.data())
async def test_every_order_of_receipts_and_settlements_gives_each_message_its_one_fact(
    database: Database, told: Sequence[Any], data: st.DataObject
) -> None:
    """Messages are settled at any moment among the receipts, two processes take receipts at the same time."""
    await _clear(database)
    services = [service(database), service(database)]
    steps: list[Any] = [
        receipt(f"{number}.{part}", state) for number, (_, said) in enumerate(told) for part, state in said
    ]
    steps += [
        message(1, 256 + number, *(f"{number}.{part}" for part in range(len(finals))))
        for number, (finals, _) in enumerate(told)
    ]
    order = data.draw(st.permutations(steps))
    size = data.draw(st.integers(1, 5))
    for start in range(0, len(order), size):
        together = order[start : start + size]
        await asyncio.gather(
            *(
                services[place % 2].receive(step) if isinstance(step, Receipt) else taken(database, step)
                for place, step in enumerate(together)
            )
        )
    await asyncio.gather(*(look_again(database, one) for one in services))
    while await look_again(database, services[0]):
        pass
    found = await facts(database)
    expected = [
        (256 + number, 1 if all(final is ReceiptState.DELIVERED for final in finals) else 2)
        for number, (finals, _) in enumerate(told)
    ]
    assert [(contact_id, kind) for contact_id, kind, _ in found] == expected


async def _clear(database: Database) -> None:
    async with database.system() as connection:
        for table in (
            "peer_messages",
            "waiting_receipts",
            "receipt_counts",
            "activity",
            "activity_journal",
            "engagements",
        ):
            await connection.execute(f"DELETE FROM {table}")


# ------------------------------------------------------------------ numbers that do not exist


async def test_a_number_is_suppressed_when_a_second_message_finds_that_it_does_not_exist(
    database: Database, account_id: int, receipts: ReceiptsService
) -> None:
    contacts = ContactsService(database, SystemClock())
    phone = "+380671112233"
    saved = await contacts.upsert(account_id, [ContactInput(phone=phone)], UpsertOptions(key=IdentityKind.PHONE))
    contact_id = saved.contact_ids[0]
    assert contact_id is not None
    for campaign_id in (1, 2):
        sent = message(account_id, contact_id, f"c{campaign_id}", campaign_id=campaign_id)
        async with database.system() as connection:
            await connection.execute(
                "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel,"
                " state, uncertain, attempts, launched_at, settled_at, address, reason, content_id,"
                " external_request_id)"
                " VALUES (%s, %s, %s, %s, %s, 1, 2, 1, false, 1, now(), now(), %s, '', 5, '')",
                (account_id, contact_id & 255, sent.message_id, contact_id, campaign_id, phone),
            )
            await remember(connection, [sent])
        assert await contacts.consents.suppressions(account_id, Channel.SMS) == []
        gone = receipt(
            f"c{campaign_id}", ReceiptState.UNDELIVERED, reason="err 001", invalid_number=True, occurred_at=None
        )
        await receipts.receive(gone)
        await receipts.receive(gone)
        assert [kind for _, kind, _ in await facts(database)] == [2] * campaign_id
    [entry] = await contacts.consents.suppressions(account_id, Channel.SMS)
    assert (entry.address, entry.reason, entry.detail) == (phone, "hard bounce", "invalid number")


# ------------------------------------------------------------------ faults


async def test_while_the_database_is_away_the_peer_hears_that_it_must_say_it_again(dsn: str) -> None:
    async with Database(dsn, max_size=1) as database:
        receipts = service(database)
    with pytest.raises(Unavailable):
        await receipts.receive(receipt("a"))
