"""What a server refuses while we speak to it counts as what comes back later does."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from syncom.activity.service import ActivityService
from syncom.campaigns.model import CampaignState
from syncom.contacts.model import Channel, SuppressionEntry
from syncom.ids import campaign_message_id
from syncom.messages.bounces.intake import Intake
from syncom.messages.bounces.model import (
    PASSING,
    STRIKE_WINDOW,
    Bounce,
    Named,
    Received,
    Report,
    ReportAction,
    ReportKind,
)
from syncom.messages.bounces.refusals import Refusals, Refused
from syncom.messages.bounces.service import BouncesService
from syncom.messages.bounces.strikes import struck_until
from syncom.messages.channels.email.replies import BounceClass
from syncom.postgres.pool import Connection, Database
from syncom.tokens import MessageTokens
from tests.messages.bounces.conftest import NOW, Post
from tests.messages.email.smtp_peer import Act, SmtpPeer, always, running_peer
from tests.messages.house import SendingHouse, sending, states

FULL = "552 5.2.2 <%s> mailbox full"


@pytest.fixture
def house(database: Database, account_id: int, tmp_path: Path) -> SendingHouse:
    return SendingHouse.on(database, account_id, tmp_path)


def refusing(phase: str, words: str) -> SmtpPeer:
    return SmtpPeer(disturb=always(phase, Act(say=words)))


async def kept(house: SendingHouse) -> list[Bounce]:
    """Newest first."""
    bounces = BouncesService(house.database, MessageTokens(house.keyring), house.clock)
    return await bounces.list(house.account_id, limit=1000)


async def suppressed(house: SendingHouse) -> dict[str, SuppressionEntry]:
    found = await house.contacts.consents.suppressions(house.account_id, Channel.EMAIL, limit=1000)
    return {entry.address: entry for entry in found}


async def campaign_to(house: SendingHouse, peer: SmtpPeer) -> int:
    """A campaign, sent until all of it has ended; retries come at once."""
    campaign = await house.campaign()
    async with sending(house.loop()), asyncio.timeout(60):
        while (await house.campaigns.get(house.account_id, campaign.campaign_id)).state is not CampaignState.FINISHED:
            await house.retries_are_due()
            await house.keeper_rests()
            await asyncio.sleep(0.02)
    return campaign.campaign_id


async def test_an_unknown_mailbox_is_suppressed_for_ever_and_listed_with_the_servers_words(house: SendingHouse) -> None:
    await house.people(3)
    async with running_peer(SmtpPeer(unknown=re.compile("p2@"))) as peer:
        await house.sender(peer.port)
        campaign_id = await campaign_to(house, peer)
    [one] = await kept(house)
    assert (one.kind, one.bounce_class, one.action) == (
        ReportKind.REFUSED,
        "unknown_mailbox",
        ReportAction.SUPPRESSED,
    )
    assert (one.recipient, one.status, one.source) == ("p2@example.com", "5.1.1", "smtp 127.0.0.1")
    assert one.words == "550 5.1.1 no such user here"
    assert one.campaign_id == campaign_id
    [row] = [row for row in await house.ledger(campaign_id) if row.state == "failed"]
    assert str(one.message_id) == row.message_id
    entry = (await suppressed(house))["p2@example.com"]
    assert (entry.reason, entry.source, entry.expires_at) == ("hard bounce", "smtp 127.0.0.1", None)
    assert entry.detail == one.words


async def test_a_full_mailbox_is_suppressed_for_a_time_at_the_third_message(house: SendingHouse) -> None:
    await house.people(1)
    async with running_peer(refusing("rcpt", FULL % "p1@example.com")) as peer:
        await house.sender(peer.port)
        for number in (1, 2):
            await campaign_to(house, peer)
            assert not await suppressed(house)
            found = await kept(house)
            assert [one.action for one in found] == [ReportAction.COUNTED] * number
        await campaign_to(house, peer)
    newest, *others = await kept(house)
    assert newest.bounce_class == "mailbox_full"
    assert newest.action is ReportAction.SUPPRESSED
    assert "mailbox full" in newest.words
    assert [one.action for one in others] == [ReportAction.COUNTED] * 2
    entry = (await suppressed(house))["p1@example.com"]
    assert entry.expires_at is not None
    rows = await times(house)
    assert entry.expires_at == max(rows) + PASSING
    assert len(rows) == 3


async def times(house: SendingHouse) -> list[datetime]:
    async with house.database.system() as connection:
        rows = await (await connection.execute("SELECT unnest(times) FROM bounce_strikes")).fetchall()
    return [row[0] for row in rows]


async def test_a_domain_without_mail_is_suppressed_at_the_second_message(house: SendingHouse) -> None:
    await house.people(1)
    async with running_peer(refusing("rcpt", "550 5.1.2 no such domain")) as peer:
        await house.sender(peer.port)
        first = await campaign_to(house, peer)
        assert not await suppressed(house)
        await campaign_to(house, peer)
    entry = (await suppressed(house))["p1@example.com"]
    assert entry.expires_at is not None
    # Such refusals are bounces for the limits of campaigns.
    async with house.database.system() as connection:
        found = await connection.execute(
            "SELECT sum(count)::int FROM campaign_statistics WHERE campaign_id = %s AND kind = 'refused'", (first,)
        )
        assert await found.fetchone() == (1,)


@pytest.mark.parametrize(
    ("phase", "words", "bounce_class"),
    [
        ("rcpt", "550 5.7.1 not allowed by policy", "policy"),
        ("after_dot", "552 5.3.4 message too large", "size_or_syntax"),
        ("rcpt", "550 5.9.9 no", "permanent"),
    ],
)
async def test_what_is_about_us_is_listed_and_suppresses_nobody(
    house: SendingHouse, phase: str, words: str, bounce_class: str
) -> None:
    await house.people(1)
    async with running_peer(refusing(phase, words)) as peer:
        await house.sender(peer.port)
        await campaign_to(house, peer)
        await campaign_to(house, peer)
    assert [(one.bounce_class, one.action, one.words) for one in await kept(house)] == [
        (bounce_class, ReportAction.NONE, words)
    ] * 2
    assert not await suppressed(house)
    assert not await times(house)


async def test_a_message_that_is_taken_later_is_no_strike(house: SendingHouse) -> None:
    await house.people(1)
    refusals = iter([Act(say="452 4.2.2 mailbox full"), Act(say=FULL % "p1")])
    peer = SmtpPeer(disturb=lambda phase, connection, argument: next(refusals, None) if phase == "rcpt" else None)
    async with running_peer(peer):
        await house.sender(peer.port)
        campaign_id = await campaign_to(house, peer)
    assert states(await house.ledger(campaign_id)) == {"sent": 1}
    assert not await kept(house)
    assert not await times(house)


async def test_trying_the_failed_again_by_hand_is_no_second_strike(house: SendingHouse) -> None:
    await house.people(1)
    async with running_peer(refusing("rcpt", "550 5.1.2 no such domain")) as peer:
        await house.sender(peer.port)
        campaign_id = await campaign_to(house, peer)
        await house.campaigns.retry_failed(house.account_id, campaign_id)
        async with sending(house.loop()), asyncio.timeout(60):
            while not await house.ledger(campaign_id):
                await asyncio.sleep(0.02)
    assert len(await times(house)) == 1
    assert len(await kept(house)) == 1
    assert not await suppressed(house)


async def test_what_we_refuse_ourselves_is_no_word_of_a_server(house: SendingHouse) -> None:
    """A server that cannot take UTF-8 addresses is never asked about them."""
    await house.people(1)
    async with house.database.system() as connection:
        await connection.execute("UPDATE contacts SET email = 'jürgen@example.com'")
    async with running_peer(SmtpPeer(extensions=("8BITMIME", "ENHANCEDSTATUSCODES"))) as peer:
        await house.sender(peer.port)
        campaign_id = await campaign_to(house, peer)
    assert states(await house.ledger(campaign_id)) == {"failed": 1}
    assert not await kept(house)


# ------------------------------------------------------------ in the same rules as reports


def message(campaign_id: int, place: int) -> UUID:
    return campaign_message_id(campaign_id + 1, place + 1)


def full(address: str, message_id: UUID, post: Post, *, ago: timedelta = timedelta(0)) -> Refused:
    at = NOW - ago
    return Refused(
        account_id=post.account_id,
        contact_id=1,
        message_id=message_id,
        campaign_id=1,
        address=address,
        bounce_class=BounceClass.MAILBOX_FULL,
        suppress=False,
        strikes=3,
        status="5.2.2",
        words=FULL % address,
        server="mx.example.com",
        launched_at=at,
        at=at,
    )


async def test_refusals_and_reports_that_come_back_add_up(post: Post) -> None:
    contact_id = await post.person("p1@example.com")
    refusals = Refusals(post.keyring)
    for number in (1, 2):
        message_id = await post.sent(contact_id, "p1@example.com", campaign_id=number, ago=timedelta(days=number))
        named = (Named(message_id=message_id, is_signed=True),)
        key = b"%d" % number
        await post.take(Report(kind=ReportKind.BOUNCED, key=key, source="test", named=named, words=FULL % "p1"))
    assert not await post.suppressed()
    third = await post.sent(contact_id, "p1@example.com", campaign_id=3)
    one = full("p1@example.com", third, post)
    async with post.database.system() as connection:
        await refusals.take(connection, [one])
    assert (await post.suppressed())["p1@example.com"].expires_at == NOW + PASSING
    # The same once more changes nothing.
    before = await post.kept()
    async with post.database.system() as connection:
        await refusals.take(connection, [one, one])
    assert await post.kept() == before
    counts = await post.bounces.counts(post.account_id)
    assert counts.kinds == {"bounced": 2, "refused": 1}
    assert counts.classes == {"mailbox_full": 3}


async def test_writers_at_the_same_moment_miss_no_strike(post: Post) -> None:
    """Sending processes and readers of reports, each with many addresses in an order of its own."""
    addresses = [f"p{number}@example.com" for number in range(40)]
    refusals = [Refusals(post.keyring) for _ in range(3)]
    batches: list[list[Refused]] = []
    for days, some_addresses in enumerate((addresses, addresses[::-1], addresses[20:] + addresses[:20])):
        ago = timedelta(days=days)
        batches.append(
            [full(address, message(days, place), post, ago=ago) for place, address in enumerate(some_addresses)]
        )

    async def write(one: Refusals, batch: list[Refused]) -> None:
        async with post.database.system() as connection:
            await one.take(connection, batch)

    await asyncio.gather(*(write(one, batch) for one, batch in zip(refusals, batches, strict=True)))
    assert set(await post.suppressed()) == set(addresses)


async def test_however_many_refusals_there_are_the_statements_are_as_few(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    execute = Connection.execute

    async def count(self: Connection, query: Any, *values: Any, **more: Any) -> Any:
        said.append(query)
        return await execute(self, query, *values, **more)

    refusals = Refusals(post.keyring)
    numbers: list[int] = []
    for size in (3, 300):
        batch = [
            msgspec.structs.replace(full(f"p{place}@example.com", message(size, place), post), suppress=place % 2 == 0)
            for place in range(size)
        ]
        async with post.database.system() as connection:
            with monkeypatch.context() as patched:
                patched.setattr(type(connection), "execute", count)
                await refusals.take(connection, batch)
        numbers.append(len(said))
        said.clear()
    assert numbers == [3, 3]


@given(some.lists(some.integers(0, 90), max_size=12), some.integers(2, 4))
def test_an_address_is_suppressed_exactly_when_enough_messages_lie_within_the_window(
    days: list[int], most: int
) -> None:
    moments = sorted({NOW + timedelta(days=day) for day in days})
    until = struck_until(moments, most)
    last = [moment for moment in moments if sum(moment - STRIKE_WINDOW <= other <= moment for other in moments) >= most]
    assert until == (max(last) + PASSING if last else None)


async def test_reports_of_one_batch_count_with_those_of_others(post: Post) -> None:
    """Three messages to one address whose reports come together, beside those of other addresses."""
    intake = Intake(ActivityService(post.database, post.clock), post.keyring, post.clock)
    received: list[Received] = []
    for name in ("p1", "p2"):
        contact_id = await post.person(f"{name}@example.com")
        for number in range(3 if name == "p1" else 2):
            ago = timedelta(days=number + 1)
            message_id = await post.sent(contact_id, f"{name}@example.com", campaign_id=number + 1, ago=ago)
            report = Report(
                kind=ReportKind.BOUNCED,
                key=f"{name} {number}".encode(),
                source="test",
                named=(Named(message_id=message_id, is_signed=True),),
                words=FULL % name,
            )
            received.append(Received(account_id=post.account_id, report=report))
    async with post.database.system() as connection:
        await intake.take(connection, received)
    assert set(await post.suppressed()) == {"p1@example.com"}
    actions = {one.campaign_id: one.action for one in await post.kept() if one.recipient == "p1@example.com"}
    assert actions == {1: ReportAction.SUPPRESSED, 2: ReportAction.COUNTED, 3: ReportAction.COUNTED}
