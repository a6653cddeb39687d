"""Receiving domains have limits of their own, are slowed when they ask for it, and rest alone when they refuse us."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from syncom.campaigns.model import Campaign, CampaignState
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.errors import Invalid
from syncom.messages.channels.email.destinations import destination_of
from syncom.messages.destinations.model import SLOWEST, Destination
from syncom.messages.model import DestinationLimit
from syncom.messages.senders import SenderInput
from tests.messages.email.smtp_peer import Act, SmtpPeer, running_peer
from tests.messages.house import SendingHouse, sending, states

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DONE = (CampaignState.FINISHED, CampaignState.FAILED)


def test_families_are_one_destination_and_every_other_domain_is_one() -> None:
    assert {destination_of(f"a@{domain}") for domain in ("gmail.com", "googlemail.com")} == {"gmail"}
    assert destination_of("a@aol.com") == destination_of("b@yahoo.co.uk") == "yahoo"
    assert destination_of("a@hotmail.fr") == "microsoft"
    assert destination_of("a@me.com") == "icloud"
    assert destination_of("a@example.org") == "example.org"


@given(some.lists(some.tuples(some.floats(0, 3 * 24 * 3600), some.floats(0, 10_000)), min_size=1, max_size=8))
def test_each_request_halves_and_time_brings_back_no_more_than_there_was(steps: list[tuple[float, float]]) -> None:
    found, now, most = Destination(sender_id=1, destination="gmail"), NOON, SLOWEST * 2
    for seconds, pace in steps:
        now += timedelta(seconds=seconds)
        before = found.rate_at(now)
        most = max(most, pace)
        found = found.slowed(now, pace, "421 slow down")
        rate = found.rate_at(now)
        assert rate is not None
        assert rate == pytest.approx(max(SLOWEST, max(SLOWEST, pace if before is None else before) / 2))
        assert SLOWEST <= rate <= most
        later = [found.rate_at(now + timedelta(minutes=minutes)) for minutes in (1, 5, 30)]
        offered = [most + 1 if one is None else one for one in (rate, *later)]
        assert offered == sorted(offered)
    assert found.rate_at(now + timedelta(days=30)) is None


async def people(house: SendingHouse, **domains: int) -> None:
    """So many contacts at gmail.com, example.com …"""
    rows = [
        ContactInput(email=f"{name}{number}@{name}.com") for name, count in domains.items() for number in range(count)
    ]
    result = await house.contacts.upsert(house.account_id, rows, UpsertOptions())
    assert not result.problems


def by_domain(peer: SmtpPeer) -> Counter[str]:
    return Counter(mail.rcpt_to.rpartition("@")[2] for mail in peer.accepted)


def refusing(domains: str, words: str) -> SmtpPeer:
    """Refuses recipients of these domains."""
    pattern = re.compile(domains)
    return SmtpPeer(
        disturb=lambda phase, connection, argument: (
            Act(say=words) if phase == "rcpt" and pattern.search(argument) else None
        )
    )


async def sent(house: SendingHouse, campaign: Campaign, count: int) -> None:
    async with asyncio.timeout(30):
        while (await house.campaigns.report(house.account_id, campaign.campaign_id)).sent < count:
            await asyncio.sleep(0.05)


async def finishes(house: SendingHouse, campaign: Campaign) -> None:
    """Time passes until nobody waits."""
    async with asyncio.timeout(60):
        while (await house.campaigns.get(house.account_id, campaign.campaign_id)).state not in DONE:
            await house.retries_are_due()
            await house.keeper_rests()
            await asyncio.sleep(0.05)


async def test_a_limited_domain_gets_no_more_and_keeps_nobody_waiting(house: SendingHouse) -> None:
    await people(house, gmail=60, example=300)
    async with running_peer() as peer:
        await house.sender(peer.port, destinations=(DestinationLimit(name="gmail", rate_per_second=4),))
        campaign = await house.campaign()
        async with sending(house.loop()):
            began = asyncio.get_running_loop().time()
            await sent(house, campaign, 300)
            while by_domain(peer)["example.com"] < 300:
                await asyncio.sleep(0.02)
            seconds = asyncio.get_running_loop().time() - began
            assert by_domain(peer)["gmail.com"] <= 3 + 4 * seconds
            report = await house.campaigns.report(house.account_id, campaign.campaign_id)
            assert report.failed == 0
            assert report.retrying == 0
            assert report.waiting > 0
        # Given back when the process stopped; another one without the limit sends them.
        [sender] = await house.senders.list(house.account_id)
        await raise_limit(house, sender.sender_id)
        async with sending(house.loop()):
            await finishes(house, campaign)
    assert by_domain(peer) == {"gmail.com": 60, "example.com": 300}
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 360}


async def raise_limit(house: SendingHouse, sender_id: int) -> None:
    stored = await house.senders.get(house.account_id, sender_id)
    config = msgspec.structs.replace(stored.config, destinations=())
    given = SenderInput(name=stored.name, from_email=stored.from_email, config=config)
    await house.senders.update(house.account_id, sender_id, given)


async def test_no_more_messages_are_under_way_to_a_domain_than_its_limit(house: SendingHouse) -> None:
    await people(house, gmail=40, example=40)
    current: dict[int, str] = {}
    most: Counter[str] = Counter()

    def watch(phase: str, connection: int, argument: str) -> Act | None:
        if phase == "rcpt":
            current[connection] = "gmail" if "gmail" in argument else "example"
            for name, count in Counter(current.values()).items():
                most[name] = max(most[name], count)
        if phase == "after_dot":
            current.pop(connection, None)
        return None

    async with running_peer(SmtpPeer(disturb=watch)) as peer:
        limits = (DestinationLimit(name="gmail", connections=1),)
        await house.sender(peer.port, max_connections=6, destinations=limits)
        campaign = await house.campaign()
        async with sending(house.loop()):
            await finishes(house, campaign)
    assert by_domain(peer) == {"gmail.com": 40, "example.com": 40}
    assert most["gmail"] == 1


async def test_a_domain_that_asks_for_less_is_slowed_and_the_others_are_not(house: SendingHouse) -> None:
    await people(house, gmail=30, example=60)
    async with running_peer(refusing("gmail", "421 4.7.28 too many messages, slow down")) as peer:
        sender_id = await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            await sent(house, campaign, 60)
            found = await slowed(house, sender_id)
            assert (found.destination, found.rests_until < datetime.now(UTC)) == ("gmail", True)
            assert found.rate is not None
            assert "4.7.28" in found.problem
            assert (await house.senders.get(house.account_id, sender_id)).paused_until is None
            peer.disturb = SmtpPeer().disturb
            await raise_limit(house, sender_id)
            assert not await house.senders.pressed(house.account_id, sender_id)
            await finishes(house, campaign)
    assert by_domain(peer) == {"gmail.com": 30, "example.com": 60}
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 90}


async def slowed(house: SendingHouse, sender_id: int) -> Destination:
    async with asyncio.timeout(30):
        while True:
            found = await house.senders.pressed(house.account_id, sender_id)
            if found:
                return found[0]
            await asyncio.sleep(0.02)


async def test_a_domain_that_refuses_the_sender_rests_alone_and_burns_nobody(house: SendingHouse) -> None:
    await people(house, gmail=30, googlemail=10, example=60)
    refusal = "550 5.7.26 This mail is unauthenticated"
    async with running_peer(refusing("gmail|googlemail", refusal)) as peer:
        sender_id = await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            await sent(house, campaign, 60)
            found = await slowed(house, sender_id)
            assert found.destination == "gmail"
            assert timedelta(minutes=10) < found.rests_until - datetime.now(UTC) <= timedelta(minutes=15)
            assert "5.7.26" in found.problem
            assert (await house.senders.get(house.account_id, sender_id)).paused_until is None
            async with asyncio.timeout(30):
                while (await house.campaigns.report(house.account_id, campaign.campaign_id)).waiting < 40:
                    await asyncio.sleep(0.05)
            assert states(await house.ledger(campaign.campaign_id)) == {"sent": 60}
            peer.disturb = SmtpPeer().disturb
            await raise_limit(house, sender_id)
            await finishes(house, campaign)
    assert by_domain(peer) == {"gmail.com": 30, "googlemail.com": 10, "example.com": 60}
    assert all(row.attempts == 1 for row in await house.ledger(campaign.campaign_id))


async def test_a_domain_that_never_relents_is_given_up_on_with_its_words(house: SendingHouse) -> None:
    await people(house, gmail=8)
    refusal = "550 5.7.26 This mail is unauthenticated"
    async with running_peer(refusing("gmail", refusal)) as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            nearly_over = "UPDATE messages SET deadline = now() + interval '10 minutes'"
            async with asyncio.timeout(30):
                changed = 0
                while changed < 8:  # all of them wait for the end of its rest
                    async with house.database.system() as connection:
                        changed = (await connection.execute(nearly_over)).rowcount
            assert not await house.ledger(campaign.campaign_id)
            await finishes(house, campaign)
    rows = await house.ledger(campaign.campaign_id)
    assert states(rows) == {"failed": 8}
    assert {row.reason for row in rows} == {f"given up: the receiving domain refused us: {refusal}"}


async def test_when_many_domains_refuse_the_sender_it_rests_itself(house: SendingHouse) -> None:
    await people(house, one=5, two=5, three=5, four=5)
    async with running_peer(refusing(".", "550 5.7.26 This mail is unauthenticated")) as peer:
        sender_id = await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()), asyncio.timeout(30):
            while (await house.senders.get(house.account_id, sender_id)).paused_until is None:
                await asyncio.sleep(0.05)
        assert "5.7.26" in (await house.senders.get(house.account_id, sender_id)).problem
    assert not peer.accepted
    assert not await house.ledger(campaign.campaign_id)


@pytest.mark.parametrize(
    ("limit", "field"),
    [
        (DestinationLimit(name="Gmail"), "name"),
        (DestinationLimit(name="googlemail.com"), "name"),
        (DestinationLimit(name="gmail", rate_per_second=0), "rate_per_second"),
        (DestinationLimit(name="gmail", connections=0), "connections"),
    ],
)
async def test_a_wrong_limit_is_refused_by_its_place(house: SendingHouse, limit: DestinationLimit, field: str) -> None:
    with pytest.raises(Invalid, match=rf"config\.destinations\.0\.{field}"):
        await house.sender(25, destinations=(limit,))
