"""A fall-back order: the first channel on which a contact is reachable and has agreed is used, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.campaigns.model import Alternative, Audience, Campaign, CampaignInput, CampaignState, LedgerRow
from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.errors import Conflict, Invalid
from syncom.messages.groups import GroupMember, SenderGroupInput, SenderGroupsService
from syncom.messages.model import SenderKind
from syncom.messages.senders import SenderInput
from syncom.postgres.pool import Database
from tests.messages.email.smtp_peer import Act, SmtpPeer, always, running_peer
from tests.messages.house import LETTER, SendingHouse, sending
from tests.messages.push.browser import Browser, took
from tests.messages.push.test_sending import push
from tests.messages.sms.gateway_peer import GatewayPeer, running_gateway

_TEXT = TemplateInput(name="Text", subject="", source="Hello {{ first_name }}", channel=Channel.SMS)


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


@pytest.fixture
def house(database: Database, account_id: int, tmp_path: Path) -> SendingHouse:
    return SendingHouse.on(database, account_id, tmp_path)


async def texts(house: SendingHouse) -> int:
    """The dev inbox takes them."""
    given = SenderInput(name="Texts", from_name="Acme", kind=SenderKind.INBOX, channel=Channel.SMS)
    return (await house.senders.add(house.account_id, given)).sender_id


async def person(house: SendingHouse, name: str, *, email: bool = False, phone: bool = False) -> int:
    """Somebody who agreed to mails and texts."""
    number = len(name) * 100 + sum(map(ord, name)) % 100
    rows = ContactInput(
        email=f"{name}@example.com" if email else msgspec.UNSET,
        phone=f"+38067{number:07d}" if phone else msgspec.UNSET,
        external_id=name,
        first_name=name,
    )
    contact_id = (
        await house.contacts.upsert_one(house.account_id, rows, UpsertOptions(key=IdentityKind.EXTERNAL_ID))
    ).contact_id
    for channel, has in ((Channel.EMAIL, email), (Channel.SMS, phone)):
        if has:
            await house.contacts.consents.subscribe(house.account_id, [contact_id], channel, source="test")
    return contact_id


async def subscribe(house: SendingHouse, peer: GatewayPeer, contact_id: int) -> Browser:
    browser = Browser(peer, f"b{contact_id}")
    await browser.subscribe(house.contacts, house.account_id, contact_id)
    return browser


async def drafted(house: SendingHouse, *templates: TemplateInput, sender_id: int | None = None) -> Campaign:
    first, *others = [(await house.content.create(house.account_id, one)).template_id for one in templates]
    given = CampaignInput(
        name="News",
        template_id=first,
        audience=Audience(everyone=True),
        alternatives=tuple(Alternative(template_id=one, sender_id=sender_id) for one in others),
    )
    return await house.campaigns.create(house.account_id, given)


async def started(house: SendingHouse, campaign: Campaign) -> Campaign:
    await house.campaigns.start(house.account_id, campaign.campaign_id)
    await house.keeper_rests()
    return campaign


async def finished(house: SendingHouse, campaign: Campaign) -> dict[int, LedgerRow]:
    async with sending(house.loop()), asyncio.timeout(40):
        while True:
            await house.keeper_rests()
            now = await house.campaigns.get(house.account_id, campaign.campaign_id)
            if now.state in (CampaignState.FINISHED, CampaignState.FAILED):
                assert now.state is CampaignState.FINISHED, now.problem
                rows = await house.ledger(campaign.campaign_id)
                assert len(rows) == len({row.contact_id for row in rows}), "one row a contact"
                return {row.contact_id: row for row in rows}
            await house.retries_are_due()
            await asyncio.sleep(0.05)


async def channels(house: SendingHouse) -> dict[int, str]:
    """By which channel the ledger says that each was reached, or why not."""
    async with house.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT contact_id, channel, CASE state WHEN 3 THEN reason ELSE '' END FROM ledger"
            )
        ).fetchall()
    return {row[0]: row[2] or Channel(row[1]).name.lower() for row in rows}


async def test_each_is_reached_once_by_the_first_channel_that_reaches_them(house: SendingHouse) -> None:
    async with running_gateway(took) as push_peer, running_peer() as mail_peer:
        await house.sender(mail_peer.port)
        await texts(house)
        everything = await person(house, "everything", email=True, phone=True)
        mail = await person(house, "mail", email=True, phone=True)
        phone = await person(house, "phone", phone=True)
        left = await person(house, "left", email=True, phone=True)
        nothing = await person(house, "nothing")
        browser = await subscribe(house, push_peer, everything)
        await house.contacts.consents.unsubscribe(house.account_id, [left], Channel.EMAIL, source="page")
        campaign = await drafted(house, push("Hello"), LETTER, _TEXT)
        count = await house.campaigns.count_audience(house.account_id, campaign.audience, channels=campaign.channels)
        await finished(house, await started(house, campaign))
    assert count.channels == {"webpush": 1, "email": 1, "sms": 2}
    assert count.excluded == {"no push subscription": 1}
    assert await channels(house) == {
        everything: "webpush",
        mail: "email",
        phone: "sms",
        left: "sms",
        nothing: "no push subscription",
    }
    assert len(browser.got) == 1
    assert [one.rcpt_to for one in mail_peer.accepted] == ["mail@example.com"]
    report = await house.campaigns.report(house.account_id, campaign.campaign_id)
    assert report.channels == {"webpush": 1, "email": 1, "sms": 2}
    assert (report.sent, report.audience) == (4, 5)


async def test_who_left_a_channel_after_the_audience_was_frozen_goes_by_the_next(house: SendingHouse) -> None:
    async with running_gateway(took) as push_peer, running_peer() as mail_peer:
        await house.sender(mail_peer.port)
        await texts(house)
        a, b, c = [await person(house, name, email=True, phone=True) for name in ("first", "second", "third")]
        browsers = [await subscribe(house, push_peer, one) for one in (a, b, c)]
        campaign = await started(house, await drafted(house, push("Hello"), LETTER, _TEXT))
        consents = house.contacts.consents
        await consents.unsubscribe(house.account_id, [a, b, c], Channel.WEBPUSH, source="page")
        await consents.unsubscribe(house.account_id, [b, c], Channel.EMAIL, source="page")
        await consents.unsubscribe(house.account_id, [c], Channel.SMS, source="page")
        rows = await finished(house, campaign)
    assert await channels(house) == {a: "email", b: "sms", c: "unsubscribed"}
    assert not any(browser.asked for browser in browsers)
    assert rows[a].address == "first@example.com"
    assert len(mail_peer.accepted) == 1
    report = await house.campaigns.report(house.account_id, campaign.campaign_id)
    assert report.channels == {"webpush": 0, "email": 1, "sms": 1}


async def test_who_failed_on_a_channel_is_not_tried_on_the_next(house: SendingHouse) -> None:
    refuses = SmtpPeer(disturb=always("rcpt", Act(say="550 5.1.1 nobody here")))
    async with running_peer(refuses) as mail_peer:
        await house.sender(mail_peer.port)
        await texts(house)
        both = await person(house, "both", email=True, phone=True)
        campaign = await started(house, await drafted(house, LETTER, _TEXT))
        rows = await finished(house, campaign)
        assert (rows[both].state, rows[both].address) == ("failed", "both@example.com")


async def test_failed_and_cancelled_ones_stay_with_their_channel(house: SendingHouse) -> None:
    await house.sender(9)
    sender = await texts(house)
    mail = await person(house, "mail", email=True)
    phone = await person(house, "phone", phone=True)
    campaign = await started(house, await drafted(house, LETTER, _TEXT))
    with pytest.raises(Conflict, match="still sends through this sender"):
        await house.senders.delete(house.account_id, sender)
    await house.campaigns.cancel(house.account_id, campaign.campaign_id)
    await house.keeper_rests()
    async with house.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT l.contact_id, l.channel, l.address, t.channel FROM ledger l"
                " JOIN contents t ON t.content_id = l.content_id ORDER BY l.channel"
            )
        ).fetchall()
        assert [(row[0], row[1], row[3]) for row in rows] == [(mail, 1, 1), (phone, 2, 2)]
        await connection.execute("UPDATE ledger SET state = 2")
        await connection.execute("UPDATE campaigns SET state = 'finished'")
    assert await house.campaigns.retry_failed(house.account_id, campaign.campaign_id) == 2
    async with house.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT m.contact_id, m.channel, s.channel, t.channel FROM messages m"
                " JOIN senders s ON s.sender_id = m.sender_id JOIN contents t ON t.content_id = m.content_id"
                " ORDER BY m.channel"
            )
        ).fetchall()
    assert rows == [(mail, 1, 1, 1), (phone, 2, 2, 2)]


async def test_an_alternative_may_go_through_a_group_of_senders(house: SendingHouse) -> None:
    async with running_peer() as one, running_peer() as other:
        members = tuple([GroupMember(sender_id=await house.sender(peer.port)) for peer in (one, other)])
        groups = SenderGroupsService(house.database)
        group = await groups.add(house.account_id, SenderGroupInput(name="G", members=members))
        await texts(house)
        people = [await person(house, f"m{'x' * number}", email=True) for number in range(12)]
        switched = await person(house, "switched", email=True, phone=True)
        campaign = await started(house, await drafted(house, _TEXT, LETTER, sender_id=group.sender_id))
        await house.contacts.consents.unsubscribe(house.account_id, [switched], Channel.SMS, source="page")
        await finished(house, campaign)
    assert await channels(house) == dict.fromkeys([*people, switched], "email")
    assert len(one.accepted) + len(other.accepted) == 13


async def test_two_messages_for_the_same_people_are_refused(house: SendingHouse) -> None:
    await house.sender(9)
    await texts(house)
    for templates in ((LETTER, LETTER), (LETTER, _TEXT, _TEXT)):
        with pytest.raises(Invalid, match="reaches those whom a message before it reaches"):
            await drafted(house, *templates)
    with pytest.raises(Invalid) as refused:
        await drafted(house, LETTER, _TEXT, sender_id=(await house.senders.default(house.account_id)).sender_id)
    assert refused.value.fields[0].field == "alternatives.0.sender_id"


_PERSON = st.fixed_dictionaries(
    {name: st.sampled_from(["none", "agreed", "left", "suppressed"]) for name in ("email", "sms")}
)


@given(people=st.lists(_PERSON, min_size=1, max_size=8), mail_first=st.booleans())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_the_preview_says_is_what_is_frozen_and_what_one_would_choose_by_hand(
    house: SendingHouse, people: list[dict[str, str]], mail_first: bool
) -> None:
    async with house.database.system() as connection:
        await connection.execute("DELETE FROM contacts")
        await connection.execute("DELETE FROM identities")
        await connection.execute("DELETE FROM suppressions")
        await connection.execute("DELETE FROM ledger")
        await connection.execute("DELETE FROM campaign_chunks")
    await house.sender(9)
    await texts(house)
    order = ["email", "sms"] if mail_first else ["sms", "email"]
    expected: dict[str, int] = {}
    for number, one in enumerate(people):
        contact = await person(house, f"p{'y' * number}", email=one["email"] != "none", phone=one["sms"] != "none")
        for name, channel in (("email", Channel.EMAIL), ("sms", Channel.SMS)):
            if one[name] == "left":
                await house.contacts.consents.unsubscribe(house.account_id, [contact], channel, source="page")
            if one[name] == "suppressed":
                column = "email" if name == "email" else "phone"
                query = (
                    "INSERT INTO suppressions (account_id, channel, address, reason)"
                    f" SELECT account_id, %s, {column}, 'hard bounce' FROM contacts WHERE contact_id = %s"
                    " ON CONFLICT DO NOTHING"
                )
                async with house.database.system() as connection:
                    await connection.execute(query.encode(), (channel.value, contact))
        chosen = next((name for name in order if one[name] == "agreed"), None)
        expected[chosen or "nobody"] = expected.get(chosen or "nobody", 0) + 1
    templates = {"email": LETTER, "sms": _TEXT}
    campaign = await drafted(house, *(templates[name] for name in order))
    count = await house.campaigns.count_audience(house.account_id, campaign.audience, channels=campaign.channels)
    assert {**count.channels, "nobody": sum(count.excluded.values())} == {"nobody": 0, **expected}
    await started(house, campaign)
    async with house.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT coalesce(nullif(k.channel, 0), c.channel), sum(k.size) FROM campaign_chunks k"
                " JOIN campaigns c ON c.campaign_id = k.campaign_id WHERE k.campaign_id = %s GROUP BY 1",
                (campaign.campaign_id,),
            )
        ).fetchall()
    assert {Channel(row[0]).name.lower(): row[1] for row in rows} == count.channels
