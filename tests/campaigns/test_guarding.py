"""A campaign that bounces or is complained about pauses itself and says why."""

from __future__ import annotations

import asyncio
import itertools
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from syncom.campaigns.guarding import Counts, is_blocked, reason_to_pause, why_blocked
from syncom.campaigns.model import CampaignState
from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.errors import Invalid
from syncom.messages.bounces.model import Objection
from syncom.messages.policy.model import Limits, Policy
from syncom.postgres.pool import Database
from tests.messages.email.smtp_peer import Act, SmtpPeer, running_peer
from tests.messages.house import SendingHouse, sending, states


@pytest.fixture
def house(database: Database, account_id: int, tmp_path: Path) -> SendingHouse:
    return SendingHouse.on(database, account_id, tmp_path)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(sent=190, refused=10), "10 of 200 messages bounced (5 %, the limit is 5 %)"),
        (Counts(sent=189, refused=10), None),
        (Counts(sent=200, bounced=9), None),
        (Counts(sent=200, bounced=5, refused=6), "11 of 206 messages bounced"),
        (Counts(sent=999, complained=99), None),
        (Counts(sent=1000, complained=3), "3 of 1,000 messages were complained about (0.3 %"),
        (Counts(sent=1000, complained=2), None),
        (Counts(refused=300), "300 of 300 messages bounced (100 %, the limit is 5 %)"),
    ],
)
def test_the_limits_are_those_of_providers(counts: Counts, words: str | None) -> None:
    said = reason_to_pause(counts, Limits())
    assert (said is None) == (words is None)
    assert words is None or words in (said or "")


@given(some.builds(Counts, **{name: some.integers(0, 10**7) for name in Counts.__struct_fields__}))
def test_without_limits_nothing_pauses_and_no_messages_are_no_reason(counts: Counts) -> None:
    assert reason_to_pause(counts, Limits(bounces_percent=None, complaints_percent=None)) is None
    assert reason_to_pause(Counts(), Limits(bounces_after=1, complaints_after=1)) is None
    assert not is_blocked(counts, Limits(content_percent=None))
    assert not is_blocked(Counts(), Limits(content_after=1))


@pytest.mark.parametrize(
    ("counts", "blocked"),
    [
        (Counts(sent=47, blocked=3), True),
        (Counts(sent=46, blocked=3), False),
        (Counts(sent=58, blocked=3), False),
        (Counts(blocked=50), True),
        (Counts(sent=100, refused=100), False),
    ],
)
def test_refusals_of_content_have_a_limit_of_their_own(counts: Counts, blocked: bool) -> None:
    assert is_blocked(counts, Limits()) is blocked


def test_what_pauses_it_is_told_even_when_nobody_knows_the_words() -> None:
    words = why_blocked(Counts(blocked=60), Limits(), None)
    assert words.startswith(
        "paused by itself: 60 of 60 messages were refused for what is in them (100 %, the limit is 5 %);"
    )
    said = why_blocked(Counts(sent=40, blocked=20), Limits(), Objection(server="", domain="a.example", words="554 no"))
    assert "(33.3 %, the limit is 5 %); the server says of mails to a.example: “554 no”; look at" in said


def test_every_refusal_that_pauses_a_campaign_is_one_of_content() -> None:
    """So that the words of what paused it are found by that class."""
    rules = tomllib.loads(files("syncom.messages.channels.email").joinpath("replies.toml").read_text("utf-8"))["rule"]
    kinds = {rule["kind"] for rule in rules if rule["action"] == "pause_campaign"}
    assert kinds == {"content"}


async def test_it_pauses_by_itself_says_why_and_goes_on_with_a_note(house: SendingHouse) -> None:
    await house.people(120)
    strict = Policy(limits=Limits(bounces_percent=10, bounces_after=40))
    await house.policies.put(house.account_id, strict)
    async with running_peer(SmtpPeer(unknown=re.compile(r"p\d*[05]@"))) as peer:
        await house.sender(peer.port, rate_per_second=60)
        campaign = await house.campaign()
        async with sending(house.loop()):
            paused = await house.until(campaign.campaign_id, CampaignState.PAUSED)
            assert paused.self_paused
            assert re.search(r"paused by itself: \d+ of \d+ messages bounced \(.* the limit is 10 %\)", paused.problem)
            report = await house.campaigns.report(house.account_id, campaign.campaign_id)
            assert report.sent + report.failed >= 40
            assert report.sent + report.failed < 120
            with pytest.raises(Invalid, match="note: must say why"):
                await house.campaigns.resume(house.account_id, campaign.campaign_id)
            with pytest.raises(Invalid, match="note"):
                await house.campaigns.resume(house.account_id, campaign.campaign_id, note="x" * 501)
            resumed = await house.campaigns.resume(house.account_id, campaign.campaign_id, note=" our own list ")
            assert (resumed.self_paused, resumed.resume_note, resumed.problem) == (False, "our own list", "")
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 96, "failed": 24}


def refusing_content(domain: str) -> SmtpPeer:
    """Takes no mail to a domain for what is in it; each refusal has words of its own."""
    numbers = itertools.count(1)

    def disturb(phase: str, connection: int, argument: str) -> Act | None:
        del connection
        if phase == "after_dot" and argument.endswith(domain):
            return Act(say=f"554 5.7.1 Message rejected as spam, see case {next(numbers)}")
        return None

    return SmtpPeer(disturb=disturb)


async def test_a_campaign_whose_content_is_refused_pauses_once_says_who_said_what_and_goes_on(
    house: SendingHouse,
) -> None:
    rows = [ContactInput(email=f"p{n}@{'strict' if n % 4 == 0 else 'mild'}.example") for n in range(1, 121)]
    await house.contacts.upsert(house.account_id, rows, UpsertOptions())
    await house.policies.put(house.account_id, Policy(limits=Limits(content_percent=10, content_after=20)))
    async with running_peer(refusing_content("@strict.example")) as peer:
        await house.sender(peer.port, rate_per_second=60)
        campaign = await house.campaign()
        async with sending(house.loop()):
            paused = await house.until(campaign.campaign_id, CampaignState.PAUSED)
            assert paused.self_paused
            assert re.match(
                r"paused by itself: \d+ of \d+ messages were refused for what is in them .* the limit is 10 %\); "
                r"127\.0\.0\.1 says of mails to strict\.example: “554 5\.7\.1 Message rejected as spam, see case \d+”; "
                r"look at its links.* resume it with a note$",
                paused.problem,
            )
            report = await house.campaigns.report(house.account_id, campaign.campaign_id)
            assert report.sent + report.failed < 120
            assert report.campaign.problem == paused.problem
            with pytest.raises(Invalid, match="note: must say why"):
                await house.campaigns.resume(house.account_id, campaign.campaign_id)
            await house.campaigns.resume(house.account_id, campaign.campaign_id, note="the others want it")
            # Never again of itself, though as many are refused as before.
            finished = await house.until(campaign.campaign_id, CampaignState.FINISHED, CampaignState.PAUSED)
    assert finished.state is CampaignState.FINISHED
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 90, "failed": 30}


async def test_a_few_mails_that_a_filter_refuses_pause_nothing(house: SendingHouse) -> None:
    rows = [ContactInput(email=f"p{n}@{'strict' if n % 40 == 0 else 'mild'}.example") for n in range(1, 121)]
    await house.contacts.upsert(house.account_id, rows, UpsertOptions())
    await house.policies.put(house.account_id, Policy(limits=Limits(content_percent=10, content_after=20)))
    async with running_peer(refusing_content("@strict.example")) as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            ended = await house.until(campaign.campaign_id, CampaignState.FINISHED, CampaignState.PAUSED)
    assert ended.state is CampaignState.FINISHED
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 117, "failed": 3}


async def test_complaints_that_come_later_pause_it_too(house: SendingHouse) -> None:
    await house.people(20)
    limits = Limits(complaints_percent=10, complaints_after=5)
    await house.policies.put(house.account_id, Policy(limits=limits))
    async with running_peer() as peer:
        await house.sender(peer.port, rate_per_second=5)
        campaign = await house.campaign()
        async with sending(house.loop()):
            async with asyncio.timeout(30):
                while len(await house.ledger(campaign.campaign_id)) < 5:
                    await asyncio.sleep(0.02)
            async with house.database.system() as connection:
                await connection.execute(
                    "INSERT INTO campaign_statistics (account_id, campaign_id, hour, kind, shard, count)"
                    " VALUES (%s, %s, date_trunc('hour', now()), 'complained', 30, 9)",
                    (house.account_id, campaign.campaign_id),
                )
            paused = await house.until(campaign.campaign_id, CampaignState.PAUSED)
    assert "were complained about" in paused.problem
    # One that a person paused goes on without a note.
    async with house.database.system() as connection:
        await connection.execute("UPDATE campaigns SET self_paused = false")
    assert (await house.campaigns.resume(house.account_id, campaign.campaign_id)).resume_note == ""
