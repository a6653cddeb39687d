"""Campaigns at a local time of each contact, and quiet hours."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as some

from syncom.campaigns.model import Audience, Campaign, CampaignInput, CampaignState, Late
from syncom.campaigns.timing import Moment, starts_at, timing
from syncom.contacts.model import Channel, ContactInput, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.errors import Conflict, Invalid
from syncom.messages.model import SenderRole
from syncom.messages.policy.local_time import moment_of, zone_of
from syncom.messages.policy.model import InForce, Policy, QuietHours
from syncom.messages.service import MessageRecipient, SendRequest
from syncom.postgres.pool import Database
from tests.messages.email.smtp_peer import running_peer
from tests.messages.house import LETTER, SendingHouse, sending, states

ZONES = sorted(available_timezones())
HOUR = timedelta(hours=1)


@pytest.fixture
def house(database: Database, account_id: int, tmp_path: Path) -> SendingHouse:
    return SendingHouse.on(database, account_id, tmp_path)


def at_local_time(local_at: datetime | None, late: Late = Late.SEND, *, launched_at: datetime) -> Campaign:
    return Campaign(
        campaign_id=1,
        account_id=1,
        name="News",
        template_id=1,
        sender_id=1,
        audience=Audience(everyone=True),
        channel=Channel.EMAIL,
        state=CampaignState.EXPANDING,
        problem="",
        content_id=1,
        scheduled_at=None,
        launched_at=launched_at,
        finished_at=None,
        expanded_buckets=0,
        audience_size=0,
        created_at=launched_at,
        updated_at=launched_at,
        local_at=local_at,
        late=late,
    )


WALLS = some.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - a wall time
    datetime(2029, 1, 1),  # noqa: DTZ001
).map(lambda wall: wall.replace(second=0, microsecond=0))


@given(WALLS, some.sampled_from(ZONES))
def test_started_in_time_it_goes_to_each_zone_at_its_local_time_to_the_minute(
    wall: datetime, account_zone: str
) -> None:
    started_at = starts_at(wall)
    policy = InForce(policy=Policy(), time_zone=account_zone)
    found = timing(at_local_time(wall, launched_at=started_at), policy, started_at)
    assert set(found.zones) == {*ZONES, ""}
    for name, moment in found.zones.items():
        zone = zone_of(name or account_zone)
        assert moment.due_at == moment_of(wall, zone)
        assert moment.due_at is not None
        local = moment.due_at.astimezone(zone).replace(tzinfo=None)
        # Where clocks jump over it: the first moment after.
        assert local == wall or (
            local > wall and (moment.due_at - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) < wall
        )
    assert found.elsewhere == found.zones[""]


@given(WALLS, some.sampled_from(ZONES), some.integers(1, 72 * 60))
def test_who_is_late_gets_it_at_once_the_next_day_or_never(wall: datetime, name: str, minutes: int) -> None:
    zone = zone_of(name)
    began = moment_of(wall, zone) + timedelta(minutes=minutes)
    policy = InForce(policy=Policy(), time_zone="UTC")

    def told(late: Late) -> Moment:
        return timing(at_local_time(wall, late, launched_at=began), policy, began).zones[name]

    assert told(Late.SEND) == Moment(None)
    assert told(Late.SKIP) == Moment(None, is_late=True)
    due_at = told(Late.NEXT_DAY).due_at or began
    assert began <= due_at <= began + 26 * HOUR
    days = (due_at.astimezone(zone).date() - wall.date()).days
    assert due_at == moment_of(wall + timedelta(days=days), zone)


def test_a_local_time_in_quiet_hours_waits_for_their_end() -> None:
    wall = datetime(2026, 6, 1, 7, 30)  # noqa: DTZ001
    policy = InForce(policy=Policy(quiet_hours=(QuietHours(),)), time_zone="UTC")
    found = timing(at_local_time(wall, launched_at=starts_at(wall)), policy, starts_at(wall))
    assert found.zones["Europe/Kyiv"] == Moment(datetime(2026, 6, 1, 6, tzinfo=UTC))


def test_nothing_is_worked_out_for_campaigns_that_go_to_all_at_once() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    texts_only = Policy(quiet_hours=(QuietHours(channels=("sms",)),))
    assert not timing(at_local_time(None, launched_at=now), InForce(policy=texts_only, time_zone="UTC"), now).zones


async def draft(house: SendingHouse) -> int:
    template = await house.content.create(house.account_id, LETTER)
    given = CampaignInput(name="News", template_id=template.template_id, audience=Audience(everyone=True))
    return (await house.campaigns.create(house.account_id, given)).campaign_id


async def starts_now(house: SendingHouse, campaign_id: int) -> None:
    """Its time has come."""
    async with house.database.system() as connection:
        await connection.execute("UPDATE campaigns SET scheduled_at = now() WHERE campaign_id = %s", (campaign_id,))
    await house.keeper_rests()


async def in_zones(house: SendingHouse, zones: list[str]) -> dict[int, str]:
    """A contact in each of these zones; the empty one: without."""
    rows = [
        ContactInput(email=f"z{number}@example.com", time_zone=zone)
        if zone
        else ContactInput(email=f"z{number}@example.com")
        for number, zone in enumerate(zones)
    ]
    made = await house.contacts.upsert(house.account_id, rows, UpsertOptions())
    return {
        contact_id: zone for contact_id, zone in zip(made.contact_ids, zones, strict=True) if contact_id is not None
    }


async def dues(house: SendingHouse, campaign_id: int) -> dict[int, datetime | None]:
    """When each contact's chunk is due."""
    async with house.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT unnest(contact_ids), due_at FROM campaign_chunks WHERE campaign_id = %s", (campaign_id,)
            )
        ).fetchall()
    return dict(rows)


@pytest.mark.parametrize("wall", ["2030-03-31T02:30", "2030-10-27T02:30", "2030-11-03T01:30", "2030-06-01T09:00"])
async def test_chunks_of_contacts_in_every_zone_are_due_at_their_local_time(house: SendingHouse, wall: str) -> None:
    async with house.database.system() as connection:
        await connection.execute("UPDATE accounts SET time_zone = 'Europe/Kyiv'")
    people = await in_zones(house, [*ZONES, ""])
    await house.sender(25)
    local_at = datetime.fromisoformat(wall)
    campaign_id = await draft(house)
    moved = await house.campaigns.schedule_locally(house.account_id, campaign_id, local_at)
    assert (moved.state, moved.local_at, moved.scheduled_at) == (CampaignState.SCHEDULED, local_at, starts_at(local_at))
    await starts_now(house, campaign_id)
    found = await dues(house, campaign_id)
    assert found == {one: moment_of(local_at, zone_of(zone or "Europe/Kyiv")) for one, zone in people.items()}
    report = await house.campaigns.report(house.account_id, campaign_id)
    assert (report.campaign.state, report.waiting) == (CampaignState.SENDING, len(people))
    assert report.next_at == min(due for due in found.values() if due)


async def test_what_is_not_due_waits_and_then_goes(house: SendingHouse) -> None:
    here = datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0)
    people = await in_zones(house, ["UTC"] * 3 + ["Etc/GMT-5"] * 4 + ["Etc/GMT+5"] * 5)
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign_id = await draft(house)
        await house.campaigns.schedule_locally(house.account_id, campaign_id, here, Late.SKIP)
        await starts_now(house, campaign_id)
        async with sending(house.loop()):
            async with asyncio.timeout(30):
                # The five whose clocks are behind wait; those ahead are too late, and those here are so by seconds.
                while states(await house.ledger(campaign_id)) != {"excluded": 7}:
                    await asyncio.sleep(0.02)
            report = await house.campaigns.report(house.account_id, campaign_id)
            assert (report.waiting, report.sent) == (5, 0)
            assert report.excluded == {"its time had passed": 7}
            async with house.database.system() as connection:
                await connection.execute("UPDATE campaign_chunks SET due_at = now()")
            finished = await house.until(campaign_id, CampaignState.FINISHED)
    assert finished.audience_size == len(people)
    assert Counter(mail.rcpt_to for mail in peer.accepted) == {f"z{number}@example.com": 1 for number in range(7, 12)}


async def test_local_times_are_asked_for_without_an_offset_and_ahead(house: SendingHouse) -> None:
    await house.sender(25)
    campaign_id = await draft(house)
    now = datetime.now(UTC)
    with pytest.raises(Invalid, match="offset"):
        await house.campaigns.schedule_locally(house.account_id, campaign_id, now + HOUR)
    with pytest.raises(Invalid, match="every zone"):
        await house.campaigns.schedule_locally(house.account_id, campaign_id, now.replace(tzinfo=None) - 13 * HOUR)
    await house.campaigns.start(house.account_id, campaign_id)
    with pytest.raises(Conflict):
        await house.campaigns.schedule_locally(house.account_id, campaign_id, now.replace(tzinfo=None) + HOUR)


async def test_who_starts_it_before_its_time_wants_it_sent_to_all_now(house: SendingHouse) -> None:
    await in_zones(house, ["Pacific/Honolulu", "Pacific/Auckland"])
    await house.sender(25)
    campaign_id = await draft(house)
    in_a_week = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=7)
    await house.campaigns.schedule_locally(house.account_id, campaign_id, in_a_week)
    assert (await house.campaigns.start(house.account_id, campaign_id)).local_at is None
    await house.keeper_rests()
    assert set((await dues(house, campaign_id)).values()) == {None}


async def test_another_schedule_takes_the_place_of_the_first(house: SendingHouse) -> None:
    await house.sender(25)
    campaign_id = await draft(house)
    in_a_week = datetime.now(UTC) + timedelta(days=7)
    await house.campaigns.schedule_locally(house.account_id, campaign_id, in_a_week.replace(tzinfo=None))
    moved = await house.campaigns.schedule(house.account_id, campaign_id, in_a_week)
    assert (moved.local_at, moved.scheduled_at) == (None, in_a_week)


def night_of(now: datetime) -> Policy:
    """Quiet hours that have begun an hour ago in UTC and end in two."""
    return Policy(quiet_hours=(QuietHours(begin=f"{now - HOUR:%H:%M}", end=f"{now + 2 * HOUR:%H:%M}"),))


async def test_in_quiet_hours_a_campaign_goes_only_to_where_it_is_day(house: SendingHouse) -> None:
    await in_zones(house, ["", "UTC", "Etc/GMT-6", "Etc/GMT+6"])
    now = datetime.now(UTC)
    await house.policies.put(house.account_id, night_of(now))
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            async with asyncio.timeout(30):
                while len(await house.ledger(campaign.campaign_id)) < 2:
                    await asyncio.sleep(0.02)
            await house.policies.put(house.account_id, Policy())
            report = await house.campaigns.report(house.account_id, campaign.campaign_id)
            assert report.waiting == 2
            assert report.next_at is not None
            assert timedelta(minutes=110) < report.next_at - now <= timedelta(minutes=121)
            async with house.database.system() as connection:
                await connection.execute("UPDATE campaign_chunks SET due_at = now()")
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    assert len(peer.accepted) == 4


async def test_quiet_hours_that_come_after_the_freezing_hold_and_transactional_mail_is_exempt(
    house: SendingHouse,
) -> None:
    people = await house.people(5)
    now = datetime.now(UTC)
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        assert set((await dues(house, campaign.campaign_id)).values()) == {None}
        await house.policies.put(house.account_id, night_of(now))
        template = await house.content.create(house.account_id, TemplateInput(name="R", subject="R", source="<p>R</p>"))
        request = SendRequest(template_id=template.template_id, recipients=(MessageRecipient(contact_id=people[0]),))
        async with sending(house.loop(), house.loop(SenderRole.EXPRESS)):
            await house.messages.send(house.account_id, request)
            async with asyncio.timeout(30):
                while (await house.campaigns.report(house.account_id, campaign.campaign_id)).next_at is None:
                    await asyncio.sleep(0.02)
            report = await house.campaigns.report(house.account_id, campaign.campaign_id)
            assert (report.waiting, report.retrying, report.failed) == (5, 0, 0)
            async with asyncio.timeout(30):
                while not peer.accepted:
                    await asyncio.sleep(0.02)
            assert [mail.rcpt_to for mail in peer.accepted] == ["p1@example.com"]
            async with house.database.system() as connection:
                rows = await (
                    await connection.execute(
                        "SELECT due_at, deadline, attempt FROM messages WHERE campaign_id = %s", (campaign.campaign_id,)
                    )
                ).fetchall()
            assert {row[2] for row in rows} == {0}
            # It is tried for as long as if its turn had come then.
            assert all(timedelta(hours=71) < row[1] - row[0] <= timedelta(hours=72) for row in rows)
            await house.policies.put(house.account_id, Policy())
            await house.retries_are_due()
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    assert len(peer.accepted) == 6


async def test_who_withdraws_consent_while_a_campaign_waits_for_the_morning_gets_nothing(house: SendingHouse) -> None:
    people = await house.people(3)
    await house.policies.put(house.account_id, night_of(datetime.now(UTC)))
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        await house.contacts.consents.unsubscribe(house.account_id, people[:1], Channel.EMAIL, source="page")
        await house.policies.put(house.account_id, Policy())
        async with house.database.system() as connection:
            await connection.execute("UPDATE campaign_chunks SET due_at = now()")
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    assert states(await house.ledger(campaign.campaign_id)) == {"excluded": 1, "sent": 2}
