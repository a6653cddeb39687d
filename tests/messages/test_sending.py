"""From a started campaign to the ledger, through a real SMTP conversation with a peer that can misbehave."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections import Counter

import pytest

from syncom.campaigns.model import Audience, CampaignState
from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.errors import Conflict, Invalid, NotFound
from syncom.messages.model import MessageState, OnUncertain, SenderRole
from syncom.messages.service import MessageRecipient, SendRequest
from tests.messages.email.smtp_peer import DROP, GARBAGE, HANG_UP, Act, SmtpPeer, always, once, running_peer
from tests.messages.house import SendingHouse, sending, states

DONE = (CampaignState.FINISHED, CampaignState.FAILED)


def addresses(peer: SmtpPeer) -> Counter[str]:
    return Counter(mail.rcpt_to for mail in peer.accepted)


async def test_everybody_gets_the_mail_once_and_the_ledger_says_so(house: SendingHouse) -> None:
    await house.people(700)
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        assert campaign.audience_size == 700
        async with sending(house.loop()):
            finished = await house.until(campaign.campaign_id, *DONE)
    assert finished.state is CampaignState.FINISHED, finished.problem
    assert addresses(peer) == {f"p{number}@example.com": 1 for number in range(1, 701)}
    rows = await house.ledger(campaign.campaign_id)
    assert states(rows) == {"sent": 700}
    assert all(row.attempts == 1 and not row.uncertain and row.reason.startswith("250") for row in rows)
    report = await house.campaigns.report(house.account_id, campaign.campaign_id)
    assert (report.audience, report.sent, report.waiting, report.failed) == (700, 700, 0, 0)
    async with house.database.system() as connection:
        row = await (
            await connection.execute("SELECT sum(sent), count(last_sent_at) FROM contact_statistics")
        ).fetchone()
    assert row == (700, 700)
    # Nothing is left behind: no journal, no lease, no process.
    assert not list((house.data_dir / "journal").glob("*.journal"))


async def test_the_mail_carries_what_mailbox_providers_ask_for(house: SendingHouse) -> None:
    await house.people(1)
    async with running_peer() as peer:
        sender_id = await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, *DONE)
    mail = email.message_from_bytes(peer.accepted[0].data, policy=email.policy.default)
    assert mail["Subject"] == "Hello Name1"
    assert mail["From"] == "Brand <news@brand.example>"
    assert mail["To"] == "p1@example.com"
    assert re.fullmatch(r"<http://127\.0\.0\.1:8080/t/u/[\w-]+>", mail["List-Unsubscribe"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    feedback = mail["Feedback-ID"]
    assert feedback == f"c{campaign.campaign_id}:s{sender_id}:campaign:syncom{house.account_id}"
    assert len(set(feedback.split(":"))) == 4, "Gmail drops values that repeat"
    assert 5 <= len(feedback.rpartition(":")[2]) <= 15
    assert mail["Message-ID"].endswith("@brand.example>")
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id"):
        assert len(mail.get_all(name) or []) == 1, name
    html = mail.get_body(("html",)).get_content()  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    assert "Hello Name1" in html
    assert re.search(r"/t/c/[\w-]+/0", html)
    assert re.search(r"/t/o/[\w-]+\.gif", html)


async def test_the_audience_shown_is_the_audience_sent_with_a_reason_for_each_exclusion(house: SendingHouse) -> None:
    ids = await house.people(40)
    account = house.account_id
    await house.contacts.upsert(account, [ContactInput(phone="+380671234567")], UpsertOptions(key=IdentityKind.PHONE))
    await house.contacts.consents.unsubscribe(account, ids[:3], Channel.EMAIL, source="test")
    await house.contacts.consents.suppress(
        account, Channel.EMAIL, ["p10@example.com", "p11@example.com"], reason="manual"
    )
    unconfirmed = [ContactInput(email="maybe@example.com")]
    await house.contacts.upsert(account, unconfirmed, UpsertOptions(consent=SubscriptionState.UNCONFIRMED))
    left_out = await house.contacts.lists.create(account, "Not these")
    await house.contacts.lists.add(account, left_out.list_id, ids[20:24])
    audience = Audience(everyone=True, exclude_lists=(left_out.list_id,))
    shown = await house.campaigns.count_audience(account, audience)
    assert shown.matched == 42
    assert shown.excluded == {
        "excluded by list or segment": 4,
        "no email": 1,
        "not confirmed": 1,
        "suppressed": 2,
        "unsubscribed": 3,
    }
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign(audience=audience)
        async with sending(house.loop()):
            finished = await house.until(campaign.campaign_id, *DONE)
    assert finished.audience_size == shown.matched
    assert len(peer.accepted) == shown.recipients == 31
    rows = await house.ledger(campaign.campaign_id)
    assert Counter(row.reason for row in rows if row.state == "excluded") == shown.excluded
    report = await house.campaigns.report(account, campaign.campaign_id)
    assert report.excluded == shown.excluded
    assert report.sent + sum(report.excluded.values()) == report.audience


async def test_who_unsubscribes_after_the_start_gets_nothing_more(house: SendingHouse) -> None:
    ids = await house.people(120)
    async with running_peer() as peer:
        await house.sender(peer.port, rate_per_second=100, max_connections=1)
        campaign = await house.campaign()
        async with sending(house.loop()):
            while not peer.accepted:
                await asyncio.sleep(0.01)
            await house.contacts.consents.unsubscribe(house.account_id, ids, Channel.EMAIL, source="one-click")
            got = {mail.rcpt_to for mail in peer.accepted}
            finished = await house.until(campaign.campaign_id, *DONE)
    # At most what had been read for the next fraction of a second was still on its way.
    assert finished.state is CampaignState.FINISHED
    assert len(peer.accepted) - len(got) <= 25
    counts = states(await house.ledger(campaign.campaign_id))
    assert counts["sent"] == len(peer.accepted)
    assert counts["excluded"] == 120 - len(peer.accepted)


async def test_an_unknown_mailbox_fails_with_the_servers_words_and_is_never_tried_again(house: SendingHouse) -> None:
    await house.people(20)
    async with running_peer(SmtpPeer(unknown=re.compile(r"p[45]@"))) as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, *DONE)
    failed = [row for row in await house.ledger(campaign.campaign_id) if row.state == "failed"]
    assert {row.address for row in failed} == {"p4@example.com", "p5@example.com"}
    assert all("550" in row.reason and "5.1.1" in row.reason for row in failed)
    shown = await house.campaigns.count_audience(house.account_id, Audience(everyone=True))
    assert shown.excluded == {"suppressed": 2}


async def test_a_greylisting_server_is_tried_again_and_takes_it(house: SendingHouse) -> None:
    await house.people(15)
    async with running_peer(SmtpPeer(greylist=True)) as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop()):
            async with asyncio.timeout(20):
                while await house.retries_are_due() < 15:
                    report = await house.campaigns.report(house.account_id, campaign.campaign_id)
                    assert report.sent + report.waiting + report.retrying <= report.audience
                    await asyncio.sleep(0.05)
            while (await house.campaigns.get(house.account_id, campaign.campaign_id)).state not in DONE:
                await house.retries_are_due()
                await house.keeper_rests()
                await asyncio.sleep(0.05)
    assert set(addresses(peer).values()) == {1}
    rows = await house.ledger(campaign.campaign_id)
    assert states(rows) == {"sent": 15}
    assert all(row.attempts == 2 for row in rows)


async def test_a_connection_lost_after_the_final_dot_is_marked_uncertain_and_sent_again(house: SendingHouse) -> None:
    await house.people(10)
    async with running_peer(SmtpPeer(disturb=once("after_reply", DROP))) as peer:
        await house.sender(peer.port, max_connections=1)
        campaign = await house.campaign()
        async with sending(house.loop()):
            while (await house.campaigns.get(house.account_id, campaign.campaign_id)).state not in DONE:
                await house.retries_are_due()
                await house.keeper_rests()
                await asyncio.sleep(0.05)
    rows = await house.ledger(campaign.campaign_id)
    assert states(rows) == {"sent": 10}
    doubtful = [row for row in rows if row.uncertain]
    repeated = [address for address, count in addresses(peer).items() if count > 1]
    assert set(repeated) <= {row.address for row in doubtful}
    assert len(doubtful) <= 1
    # The same Message-ID, so that the receiving side can tell.
    ids = Counter(email.message_from_bytes(mail.data)["Message-ID"] for mail in peer.accepted)
    assert len(ids) == 10


async def test_a_sender_may_rather_leave_a_message_in_doubt(house: SendingHouse) -> None:
    await house.people(5)
    async with running_peer(SmtpPeer(disturb=once("after_dot", DROP))) as peer:
        await house.sender(peer.port, max_connections=1, on_uncertain=OnUncertain.LEAVE)
        campaign = await house.campaign()
        async with sending(house.loop()):
            finished = await house.until(campaign.campaign_id, *DONE)
    assert finished.state is CampaignState.FINISHED
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 4, "uncertain": 1}
    assert max(addresses(peer).values()) == 1


async def test_a_refused_login_rests_the_sender_and_burns_nobody(house: SendingHouse) -> None:
    await house.people(30)
    refusal = Act(say="535 5.7.8 authentication credentials invalid")
    async with running_peer(SmtpPeer(disturb=always("rcpt", refusal))) as peer:
        sender_id = await house.sender(peer.port, max_connections=2)
        campaign = await house.campaign()
        async with sending(house.loop()), asyncio.timeout(20):
            while (await house.senders.get(house.account_id, sender_id)).paused_until is None:
                await asyncio.sleep(0.05)
        peer.disturb = lambda phase, connection, argument: None
        assert not peer.accepted
        assert "5.7.8" in (await house.senders.get(house.account_id, sender_id)).problem
        assert not [row for row in await house.ledger(campaign.campaign_id) if row.state == "failed"]


@pytest.mark.parametrize(("phase", "act"), [("connect", DROP), ("banner", HANG_UP), ("ehlo", GARBAGE), ("mail", DROP)])
async def test_a_server_in_trouble_is_waited_for_and_the_trouble_shows(
    house: SendingHouse, phase: str, act: Act
) -> None:
    await house.people(20)
    async with running_peer(SmtpPeer(disturb=always(phase, act))) as peer:
        sender_id = await house.sender(peer.port, max_connections=2)
        campaign = await house.campaign()
        async with sending(house.loop()):
            async with asyncio.timeout(20):
                while not (await house.campaigns.report(house.account_id, campaign.campaign_id)).sender_problem:
                    await asyncio.sleep(0.05)
            peer.disturb = lambda phase, connection, argument: None
            async with asyncio.timeout(30):
                while (await house.campaigns.get(house.account_id, campaign.campaign_id)).state not in DONE:
                    await house.retries_are_due()
                    await house.keeper_rests()
                    await asyncio.sleep(0.05)
            async with asyncio.timeout(10):
                while (await house.senders.get(house.account_id, sender_id)).problem:
                    await asyncio.sleep(0.05)
    assert set(addresses(peer).values()) == {1}
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 20}


async def test_pausing_stops_and_resuming_goes_on(house: SendingHouse) -> None:
    await house.people(200)
    async with running_peer() as peer:
        await house.sender(peer.port, rate_per_second=40, max_connections=1)
        campaign = await house.campaign()
        async with sending(house.loop()):
            while len(peer.accepted) < 5:
                await asyncio.sleep(0.01)
            await house.campaigns.pause(house.account_id, campaign.campaign_id)
            before = -1
            while before < len(peer.accepted):
                before = len(peer.accepted)
                await asyncio.sleep(0.5)
            assert before < 200
            await house.campaigns.resume(house.account_id, campaign.campaign_id)
            await house.until(campaign.campaign_id, *DONE)
    assert set(addresses(peer).values()) == {1}
    assert len(peer.accepted) == 200


async def test_cancelling_leaves_a_row_for_everybody_who_did_not_get_it(house: SendingHouse) -> None:
    await house.people(200)
    async with running_peer() as peer:
        await house.sender(peer.port, rate_per_second=200, max_connections=1)
        campaign = await house.campaign()
        async with sending(house.loop()):
            while len(peer.accepted) < 20:
                await asyncio.sleep(0.01)
            await house.campaigns.cancel(house.account_id, campaign.campaign_id)
            async with asyncio.timeout(20):
                while len(await house.ledger(campaign.campaign_id)) < 200:
                    await house.keeper_rests()
                    await asyncio.sleep(0.05)
    counts = states(await house.ledger(campaign.campaign_id))
    assert counts == {"sent": len(peer.accepted), "cancelled": 200 - len(peer.accepted)}
    report = await house.campaigns.report(house.account_id, campaign.campaign_id)
    assert report.sent + report.cancelled == report.audience == 200
    assert report.waiting == report.retrying == 0
    with pytest.raises(Conflict, match="cancelled"):
        await house.campaigns.start(house.account_id, campaign.campaign_id)


async def test_a_mail_that_cannot_be_made_is_an_error_row_and_the_rest_goes_out(house: SendingHouse) -> None:
    await house.people(10)
    await house.contacts.upsert(
        house.account_id, [ContactInput(email="p3@example.com", city="nowhere")], UpsertOptions()
    )
    letter = TemplateInput(
        name="Letter",
        subject="Hi",
        source='<p>{% if city %}{{ params.missing.deeper }}{% endif %}</p><a href="{{ unsubscribe_url }}">Bye</a>',
    )
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign(letter=letter)
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, *DONE)
    failed = [row for row in await house.ledger(campaign.campaign_id) if row.state == "failed"]
    assert [row.address for row in failed] == ["p3@example.com"]
    assert "cannot be made" in failed[0].reason
    assert len(peer.accepted) == 9


async def test_retrying_the_failed_is_one_action(house: SendingHouse) -> None:
    await house.people(12)
    no = once("data", Act(say="554 5.6.0 not this one"))
    async with running_peer(SmtpPeer(disturb=no)) as peer:
        await house.sender(peer.port, max_connections=1)
        campaign = await house.campaign()
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, *DONE)
            assert states(await house.ledger(campaign.campaign_id)) == {"sent": 11, "failed": 1}
            assert await house.campaigns.retry_failed(house.account_id, campaign.campaign_id) == 1
            finished = await house.until(campaign.campaign_id, *DONE)
    assert finished.state is CampaignState.FINISHED
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 12}
    report = await house.campaigns.report(house.account_id, campaign.campaign_id)
    assert (report.sent, report.failed) == (12, 0)


async def test_several_sending_processes_share_a_campaign_without_repeating(house: SendingHouse) -> None:
    await house.people(2500)
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop(), house.loop()):
            finished = await house.until(campaign.campaign_id, *DONE)
    assert finished.state is CampaignState.FINISHED
    assert len(peer.accepted) == 2500
    assert set(addresses(peer).values()) == {1}


async def test_an_audience_of_nobody_is_finished_at_once(house: SendingHouse) -> None:
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
    assert campaign.state is CampaignState.FINISHED
    assert campaign.audience_size == 0


async def test_a_single_message_reaches_its_recipient_and_tells_where_it_is(house: SendingHouse) -> None:
    template = await house.content.create(
        house.account_id,
        TemplateInput(
            name="Receipt", subject="Order {{ number }}", source="<p>Order {{ number }}, {{ first_name }}</p>"
        ),
    )
    [contact_id] = await house.people(1)
    async with running_peer() as peer:
        await house.sender(peer.port)
        async with sending(house.loop(SenderRole.EXPRESS)):
            ids = await house.messages.send(
                house.account_id,
                SendRequest(
                    template_id=template.template_id,
                    recipients=(
                        MessageRecipient(contact_id=contact_id, params={"number": "A-1"}),
                        MessageRecipient(email="New@Example.com", params={"number": "A-2"}),
                    ),
                ),
            )
            async with asyncio.timeout(20):
                while True:
                    found = await house.messages.status(house.account_id, ids)
                    if all(status.state is MessageState.SENT for status in found):
                        break
                    await asyncio.sleep(0.02)
    assert [status.message_id for status in sorted(found, key=lambda status: ids.index(status.message_id))] == ids
    assert addresses(peer) == {"p1@example.com": 1, "new@example.com": 1}
    subjects = {email.message_from_bytes(mail.data)["Subject"] for mail in peer.accepted}
    assert subjects == {"Order A-1", "Order A-2"}
    # Writing to somebody is no consent.
    shown = await house.campaigns.count_audience(house.account_id, Audience(everyone=True))
    assert shown.excluded == {"not confirmed": 1}


async def test_a_wrong_recipient_is_named_and_nobody_gets_anything(house: SendingHouse) -> None:
    template = await house.content.create(house.account_id, TemplateInput(name="R", subject="Hi", source="<p>Hi</p>"))
    [contact_id] = await house.people(1)
    await house.sender(9)
    good = MessageRecipient(contact_id=contact_id)
    for bad, error, place in (
        (MessageRecipient(email="not an address"), Invalid, "recipients.1.email"),
        (MessageRecipient(), Invalid, "recipients.1"),
        (MessageRecipient(contact_id=10**9), NotFound, "contact"),
    ):
        with pytest.raises(error, match=re.escape(place)):
            await house.messages.send(
                house.account_id, SendRequest(template_id=template.template_id, recipients=(good, bad))
            )
    async with house.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM messages")).fetchone()
    assert row == (0,)


async def test_messages_of_another_account_are_not_there(house: SendingHouse, other_account_id: int) -> None:
    template = await house.content.create(house.account_id, TemplateInput(name="R", subject="Hi", source="<p>Hi</p>"))
    [contact_id] = await house.people(1)
    await house.sender(9)
    ids = await house.messages.send(
        house.account_id,
        SendRequest(template_id=template.template_id, recipients=(MessageRecipient(contact_id=contact_id),)),
    )
    assert await house.messages.status(other_account_id, ids) == []
    with pytest.raises(NotFound):
        await house.messages.send(
            other_account_id,
            SendRequest(template_id=template.template_id, recipients=(MessageRecipient(email="a@example.com"),)),
        )


async def test_suppressed_addresses_get_no_transactional_mail_either(house: SendingHouse) -> None:
    template = await house.content.create(house.account_id, TemplateInput(name="R", subject="Hi", source="<p>Hi</p>"))
    [contact_id] = await house.people(1)
    await house.contacts.consents.suppress(house.account_id, Channel.EMAIL, ["p1@example.com"], reason="hard bounce")
    async with running_peer() as peer:
        await house.sender(peer.port)
        async with sending(house.loop(SenderRole.EXPRESS)):
            [message_id] = await house.messages.send(
                house.account_id,
                SendRequest(template_id=template.template_id, recipients=(MessageRecipient(contact_id=contact_id),)),
            )
            async with asyncio.timeout(20):
                while (await house.messages.status(house.account_id, [message_id]))[0].state is MessageState.QUEUED:
                    await asyncio.sleep(0.02)
    [status] = await house.messages.status(house.account_id, [message_id])
    assert (status.state, status.reason) == (MessageState.EXCLUDED, "suppressed")
    assert not peer.accepted


async def test_an_unsubscribed_address_gets_what_it_asked_for_and_no_mailing(house: SendingHouse) -> None:
    [contact_id] = await house.people(1)
    consents = house.contacts.consents
    await consents.unsubscribe_addresses(house.account_id, Channel.EMAIL, ["p1@example.com"], source="test")
    # As if somebody else had the address from now on: only the address is on the list.
    await consents.subscribe(house.account_id, [contact_id], Channel.EMAIL, source="test")
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign()
        async with sending(house.loop(), house.loop(SenderRole.EXPRESS)):
            await house.until(campaign.campaign_id, *DONE)
            request = SendRequest(
                template_id=campaign.template_id, recipients=(MessageRecipient(contact_id=contact_id),)
            )
            [message_id] = await house.messages.send(house.account_id, request)
            async with asyncio.timeout(20):
                while (await house.messages.status(house.account_id, [message_id]))[0].state is MessageState.QUEUED:
                    await asyncio.sleep(0.02)
    [status] = await house.messages.status(house.account_id, [message_id])
    assert status.state is MessageState.SENT
    shown = await house.campaigns.count_audience(house.account_id, Audience(everyone=True))
    assert shown.excluded == {"suppressed": 1}
    assert len(peer.accepted) == 1


async def test_the_ledger_says_what_was_sent_and_repeats_the_callers_id(house: SendingHouse) -> None:
    ids = await house.people(3)
    await house.contacts.consents.unsubscribe(house.account_id, ids[:1], Channel.EMAIL, source="test")
    letter = TemplateInput(
        name="Letter",
        subject="Hi",
        source="<p>Hi</p>",
        tags=("spring", " spring ", "sale"),
        language="UK",
        from_name="Ann",
    )
    async with running_peer() as peer:
        await house.sender(peer.port)
        campaign = await house.campaign(letter=letter)
        async with sending(house.loop(), house.loop(SenderRole.EXPRESS)):
            await house.until(campaign.campaign_id, *DONE)
            request = SendRequest(
                template_id=campaign.template_id,
                recipients=(MessageRecipient(contact_id=ids[1], external_request_id="rq-\\7"),),
                external_request_id="all",
                from_name="Олена",
            )
            (single,) = await house.messages.send(house.account_id, request)
            async with asyncio.timeout(20):
                while (await house.messages.status(house.account_id, [single]))[0].state is MessageState.QUEUED:
                    await asyncio.sleep(0.02)
    senders = {str(email.message_from_bytes(mail.data, policy=email.policy.default)["From"]) for mail in peer.accepted}
    assert senders == {"Ann <news@brand.example>", "Олена <news@brand.example>"}
    template = await house.content.get(house.account_id, campaign.template_id)
    assert (template.tags, template.language) == (("spring", "sale"), "uk")
    async with house.database.system() as connection:
        cursor = await connection.execute(
            "SELECT l.state, l.content_id, l.external_request_id, c.template_id, c.name, c.tags, c.language"
            " FROM ledger l JOIN contents c USING (account_id, content_id) ORDER BY l.settled_at, l.contact_id"
        )
        rows = await cursor.fetchall()
    known = (template.template_id, "Letter", ["spring", "sale"], "uk")
    assert rows == [
        (3, campaign.content_id, "", *known),
        (1, campaign.content_id, "", *known),
        (1, campaign.content_id, "", *known),
        (1, template.content_id, "rq-\\7", *known),
    ]
