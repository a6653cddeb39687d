"""Caps: nobody gets more than the account lets them, whatever sends at the same moment, and nothing counts twice."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from syncom.campaigns.model import Campaign, CampaignState
from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.ids import campaign_message_id
from syncom.messages.policy.claims import Wish, claim, release
from syncom.messages.policy.model import Cap, InForce, Policy, QuietHours
from syncom.postgres.pool import Database
from tests.messages.email.smtp_peer import Act, SmtpPeer, always, once, running_peer
from tests.messages.house import SendingHouse, sending, states

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DONE = (CampaignState.FINISHED, CampaignState.FAILED)


def wish(account_id: int, contact_id: int, number: int) -> Wish:
    return Wish(account_id, contact_id, campaign_message_id(number, contact_id))


async def account_with(database: Database, *caps: Cap) -> tuple[int, InForce]:
    """A new account, and these caps in force for it."""
    async with database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('A') RETURNING account_id")
        ).fetchone()
        assert row is not None
        await connection.execute(
            "INSERT INTO sending_policies (account_id, counting_since, counting_days) VALUES (%s, %s, 30)",
            (row[0], NOON - 90 * DAY),
        )
    in_force = InForce(policy=Policy(caps=caps), time_zone="UTC", counting_since=NOON - 90 * DAY, counting_days=30)
    return row[0], in_force


STEPS = some.lists(
    some.tuples(
        some.sampled_from(["claim", "claim", "claim", "release"]),
        some.integers(1, 4),  # contact
        some.integers(1, 6),  # message
        some.sampled_from([Channel.EMAIL, Channel.SMS, Channel.VIBER]),
        some.integers(0, 36),  # hours that pass before
    ),
    max_size=30,
)
CAPS = some.lists(
    some.builds(
        Cap,
        messages=some.integers(1, 3),
        days=some.integers(1, 3),
        channel=some.sampled_from([None, "email", "sms", "viber"]),
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, CAPS)
async def test_claims_agree_with_a_plain_count(
    database: Database, steps: list[tuple[str, int, int, Channel, int]], caps: list[Cap]
) -> None:
    account_id, known = await account_with(database, *caps)
    placed: defaultdict[int, dict[UUID, tuple[datetime, Channel]]] = defaultdict(dict)
    now = NOON
    counted = {"email": {Channel.EMAIL}, "sms": {Channel.SMS, Channel.VIBER}, "viber": {Channel.VIBER}}
    for what, contact_id, number, channel, hours in steps:
        now += timedelta(hours=hours)
        one = wish(account_id, contact_id, number)
        mine = placed[contact_id]
        if what == "release":
            async with database.system() as connection:
                await release(connection, [one])
            mine.pop(one.message_id, None)
            continue
        free = all(
            sum(
                at > now - cap.days * DAY and (cap.channel is None or of in counted[cap.channel])
                for at, of in mine.values()
            )
            < cap.messages
            for cap in caps
            if cap.channel is None or channel in counted[cap.channel]
        )
        async with database.system() as connection:
            refused = await claim(connection, known, [one], channel, now)
        assert (not refused) == (free or one.message_id in mine)
        if not refused:
            mine.setdefault(one.message_id, (now, channel))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    some.integers(1, 3),
    some.lists(some.lists(some.integers(1, 600), min_size=1, max_size=60), min_size=2, max_size=6),
)
async def test_claims_at_the_same_moment_never_pass_the_cap_and_leave_no_place_empty(
    database: Database, most: int, senders: list[list[int]]
) -> None:
    account_id, known = await account_with(database, Cap(messages=most, days=7))
    wishes = [
        [wish(account_id, contact_id, 1000 * (sender + 1) + place) for place, contact_id in enumerate(contacts)]
        for sender, contacts in enumerate(senders)
    ]

    async def one_sender(mine: list[Wish]) -> set[UUID]:
        async with database.system() as connection:
            return await claim(
                connection, known, sorted(mine, key=lambda one: one.contact_id & 255), Channel.EMAIL, NOON
            )

    once_each = [list({one.contact_id: one for one in mine}.values()) for mine in wishes]
    refused = await asyncio.gather(*map(one_sender, once_each))
    wanted = Counter(one.contact_id for mine in once_each for one in mine)
    got = Counter(
        one.contact_id
        for mine, none in zip(once_each, refused, strict=True)
        for one in mine
        if one.message_id not in none
    )
    assert got == {contact_id: min(most, count) for contact_id, count in wanted.items()}


async def test_several_messages_of_a_contact_in_one_batch_count_one_after_the_other(database: Database) -> None:
    account_id, known = await account_with(database, Cap(messages=2, days=1))
    wishes = [wish(account_id, 9, number) for number in range(5)]
    async with database.system() as connection:
        refused = await claim(connection, known, wishes, Channel.EMAIL, NOON)
    assert refused == {one.message_id for one in wishes[2:]}


async def campaigns(house: SendingHouse, count: int) -> list[Campaign]:
    return [await house.campaign() for _ in range(count)]


async def reasons(house: SendingHouse, campaign: Campaign) -> Counter[str]:
    return Counter(
        f"{row.state}: {row.reason}" if row.state == "excluded" else row.state
        for row in await house.ledger(campaign.campaign_id)
    )


async def test_two_campaigns_at_the_same_moment_never_exceed_the_cap(house: SendingHouse) -> None:
    people = await house.people(400)
    await house.policies.put(house.account_id, Policy(caps=(Cap(messages=1, days=7),)))
    async with running_peer() as peer:
        await house.sender(peer.port)
        first, second = await campaigns(house, 2)
        # Their chunks in turns, so that both go on all the time.
        async with sending(house.loop(), house.loop()):
            await asyncio.gather(
                house.until(first.campaign_id, *DONE), asyncio.sleep(0), house.until(second.campaign_id, *DONE)
            )
    assert Counter(mail.rcpt_to for mail in peer.accepted) == {
        f"p{number + 1}@example.com": 1 for number in range(len(people))
    }
    both = await reasons(house, first) + await reasons(house, second)
    assert both == {"sent": 400, "excluded: frequency cap": 400}
    report = await house.campaigns.report(house.account_id, second.campaign_id)
    assert report.sent + report.excluded.get("frequency cap", 0) == report.audience == 400


async def test_what_was_sent_before_there_was_a_cap_counts(house: SendingHouse) -> None:
    await house.people(20)
    async with running_peer() as peer:
        await house.sender(peer.port)
        async with sending(house.loop()):
            [before] = await campaigns(house, 1)
            await house.until(before.campaign_id, *DONE)
            await house.policies.put(house.account_id, Policy(caps=(Cap(messages=2, days=7),)))
            [within, over] = await campaigns(house, 2)
            await house.until(within.campaign_id, *DONE)
            await house.until(over.campaign_id, *DONE)
    assert len(peer.accepted) == 40
    assert await reasons(house, over) + await reasons(house, within) == {"sent": 20, "excluded: frequency cap": 20}


async def test_a_message_that_is_tried_again_has_one_place_and_one_that_fails_gives_it_back(
    house: SendingHouse,
) -> None:
    await house.people(3)
    await house.policies.put(house.account_id, Policy(caps=(Cap(messages=1, days=7),)))
    busy = once("rcpt", Act(say="450 4.2.0 busy"))
    async with running_peer(SmtpPeer(disturb=busy, unknown=re.compile("p3@"))) as peer:
        await house.sender(peer.port)
        [first] = await campaigns(house, 1)
        async with sending(house.loop()):
            async with asyncio.timeout(30):
                while not (await house.campaigns.report(house.account_id, first.campaign_id)).retrying:
                    await asyncio.sleep(0.05)
            await house.retries_are_due()
            await house.until(first.campaign_id, *DONE)
            assert states(await house.ledger(first.campaign_id)) == {"sent": 2, "failed": 1}
            async with house.database.system() as connection:
                await connection.execute("DELETE FROM suppressions")
            peer.unknown = None
            [second] = await campaigns(house, 1)
            await house.until(second.campaign_id, *DONE)
    assert await reasons(house, second) == {"sent": 1, "excluded: frequency cap": 2}


async def test_a_cancelled_campaign_gives_back_what_it_claimed(house: SendingHouse) -> None:
    await house.people(4)
    await house.policies.put(house.account_id, Policy(caps=(Cap(messages=1, days=7),)))
    busy = SmtpPeer(disturb=always("rcpt", Act(say="450 4.2.0 busy")))
    async with running_peer(busy) as peer:
        await house.sender(peer.port)
        [first] = await campaigns(house, 1)
        async with sending(house.loop()):
            async with asyncio.timeout(30):
                while (await house.campaigns.report(house.account_id, first.campaign_id)).retrying < 4:
                    await asyncio.sleep(0.05)
            await house.campaigns.cancel(house.account_id, first.campaign_id)
            await house.keeper_rests()
            assert states(await house.ledger(first.campaign_id)) == {"cancelled": 4}
            peer.disturb = SmtpPeer().disturb
            [second] = await campaigns(house, 1)
            await house.until(second.campaign_id, *DONE)
    assert await reasons(house, second) == {"sent": 4}


async def test_without_caps_nothing_is_claimed_and_what_was_remembered_goes(house: SendingHouse) -> None:
    await house.people(5)
    async with running_peer() as peer:
        await house.sender(peer.port)

        async def rows() -> int:
            async with house.database.system() as connection:
                row = await (await connection.execute("SELECT count(*) FROM message_claims")).fetchone()
            return row[0] if row else 0

        async with sending(house.loop()):
            [plain] = await campaigns(house, 1)
            await house.until(plain.campaign_id, *DONE)
            assert await rows() == 0
            await house.policies.put(house.account_id, Policy(caps=(Cap(messages=9, days=7),)))
            [capped] = await campaigns(house, 1)
            await house.until(capped.campaign_id, *DONE)
            assert await rows() == 5
            assert await house.policies.forget() == 0
            await house.policies.put(house.account_id, Policy())
            assert await house.policies.forget() == 5


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (Policy(caps=(Cap(messages=0),)), "caps.0.messages"),
        (Policy(caps=(Cap(messages=1), Cap(messages=1, days=91))), "caps.1.days"),
        (Policy(caps=(Cap(messages=1),) * 21), "caps"),
        (Policy(quiet_hours=(QuietHours(begin="10:00", end="10:00"),)), "quiet_hours.0.end"),
        (
            Policy(quiet_hours=(QuietHours(begin="09:00", end="21:00"), QuietHours(begin="21:00", end="09:00"))),
            "quiet_hours",
        ),
    ],
)
async def test_a_wrong_policy_is_refused_by_its_place(house: SendingHouse, policy: Policy, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await house.policies.put(house.account_id, policy)
    assert [wrong.field for wrong in refused.value.fields] == [field]
