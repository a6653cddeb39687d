"""Sends with an answer for each recipient: what is queued, for whom a contact is made, who is left out and why."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any, cast

import pytest

from syncom.campaigns.model import Audience, CampaignInput, CampaignState
from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.content.model import LanguageInput, TemplateInput
from syncom.errors import Invalid, NotFound
from syncom.messages.batch import MAX_RECIPIENTS, BatchRecipient, BatchResult, BatchSend
from syncom.messages.model import MessageState, MessageStatus, SenderRole
from syncom.messages.senders import SenderInput
from tests.messages.email.smtp_peer import SmtpPeer, running_peer
from tests.messages.house import SendingHouse, sending

ORDER = TemplateInput(
    name="Order",
    subject="Order {{ number|default('?') }}",
    source='<p>Dear {{ first_name|default("friend") }}</p><a href="https://shop.example/o">See</a>',
)


async def everything_is_settled(house: SendingHouse, results: Sequence[BatchResult]) -> list[MessageStatus]:
    ids = [result.message_id for result in results if result.message_id]
    async with asyncio.timeout(30):
        while True:
            found = await house.messages.status(house.account_id, ids)
            if all(one.state is not MessageState.QUEUED for one in found):
                return found
            await asyncio.sleep(0.02)


def letters(peer: SmtpPeer) -> dict[str, EmailMessage]:
    return {
        mail.rcpt_to: cast("EmailMessage", email.message_from_bytes(mail.data, policy=email.policy.default))
        for mail in peer.accepted
    }


def html_of(letter: EmailMessage) -> str:
    part = letter.get_body(("html",))
    assert part is not None
    return str(part.get_content())


async def test_good_recipients_get_their_mail_and_bad_ones_a_reason_in_the_order_asked(house: SendingHouse) -> None:
    (known,) = await house.people(1)
    template = await house.content.create(house.account_id, ORDER)
    request = BatchSend(
        template_id=template.template_id,
        external_request_id="all",
        from_name="Shop",
        recipients=(
            BatchRecipient(locator="P1@example.com", params='{"number":"A-1"}', external_request_id="rq-1"),
            BatchRecipient(locator="nobody@"),
            BatchRecipient(locator="new@example.com", params={"number": 2}, from_name="Other"),
            BatchRecipient(),
            BatchRecipient(contact_id=known + 256),
            BatchRecipient(locator="x@example.com", params="{bad"),
            BatchRecipient(locator="x@example.com", params="[1]"),
            BatchRecipient(locator="x@example.com", language="what?"),
            BatchRecipient(contact_id=known),
        ),
    )
    async with running_peer() as peer:
        await house.sender(peer.port)
        results = await house.messages.send_each(house.account_id, request)
        async with sending(house.loop(SenderRole.EXPRESS)):
            settled = await everything_is_settled(house, results)
    assert [result.message_id is not None for result in results] == [
        True, False, True, False, False, False, False, False, True,
    ]  # fmt: skip
    assert all(bool(result.problem) is (result.message_id is None) for result in results)
    assert results[1].problem == "'nobody@' is not valid email"
    assert [result.locator for result in results][:3] == ["P1@example.com", "nobody@", "new@example.com"]
    assert {one.external_request_id for one in settled} == {"rq-1", "all"}
    assert all(one.state is MessageState.SENT and one.template_id == template.template_id for one in settled)
    assert sorted(str(email.message_from_bytes(mail.data)["From"]) for mail in peer.accepted) == [
        "Other <news@brand.example>", "Shop <news@brand.example>", "Shop <news@brand.example>",
    ]  # fmt: skip
    assert letters(peer)["new@example.com"]["Subject"] == "Order 2"
    assert {str(email.message_from_bytes(m.data)["Subject"]) for m in peer.accepted} == {
        "Order A-1", "Order 2", "Order ?",
    }  # fmt: skip
    # Whoever had a bad row was not made a contact.
    assert await house.contacts.find(house.account_id, IdentityKind.EMAIL, "x@example.com") is None


async def test_an_unknown_address_becomes_a_confirmed_contact_with_that_channel_only(house: SendingHouse) -> None:
    template = await house.content.create(house.account_id, ORDER)
    recipients = (BatchRecipient(locator="new@example.com"), BatchRecipient(locator="new@example.com"))
    request = BatchSend(template_id=template.template_id, recipients=recipients)
    first, second = await house.messages.send_each(house.account_id, request)
    assert first.message_id
    assert second.message_id
    assert first.message_id != second.message_id
    contact = await house.contacts.find(house.account_id, IdentityKind.EMAIL, "new@example.com")
    assert contact is not None
    assert (contact.email_state, contact.sms_state) == (SubscriptionState.SUBSCRIBED, SubscriptionState.NONE)
    assert contact.phone is None
    found = await house.messages.status(house.account_id, [first.message_id, second.message_id])
    assert [one.contact_id for one in found] == [contact.contact_id] * 2


async def test_a_send_changes_nobodys_consent(house: SendingHouse) -> None:
    states = {
        "none@example.com": SubscriptionState.NONE,
        "maybe@example.com": SubscriptionState.UNCONFIRMED,
        "no@example.com": SubscriptionState.UNSUBSCRIBED,
    }
    for address, state in states.items():
        await house.contacts.upsert(house.account_id, [ContactInput(email=address)], UpsertOptions(consent=state))
    template = await house.content.create(house.account_id, ORDER)
    recipients = tuple(BatchRecipient(locator=address) for address in states)
    await house.messages.send_each(
        house.account_id, BatchSend(template_id=template.template_id, recipients=recipients, allow_unconfirmed=True)
    )
    for address, state in states.items():
        contact = await house.contacts.find(house.account_id, IdentityKind.EMAIL, address)
        assert contact is not None
        assert contact.email_state is state


async def test_who_has_not_confirmed_gets_it_only_when_that_is_allowed(house: SendingHouse) -> None:
    options = UpsertOptions(consent=SubscriptionState.UNCONFIRMED)
    await house.contacts.upsert(house.account_id, [ContactInput(email="maybe@example.com")], options)
    template = await house.content.create(house.account_id, ORDER)
    outcomes: list[tuple[MessageState, str]] = []
    for allowed in (False, True):
        request = BatchSend(
            template_id=template.template_id,
            recipients=(BatchRecipient(locator="maybe@example.com"),),
            allow_unconfirmed=allowed,
            external_request_id="rq",
        )
        (result,) = await house.messages.send_each(house.account_id, request)
        assert result.message_id
        (found,) = await house.messages.status(house.account_id, [result.message_id])
        assert found.external_request_id == "rq"
        outcomes.append((found.state, found.reason))
    assert outcomes == [(MessageState.EXCLUDED, "not confirmed"), (MessageState.QUEUED, "")]


async def test_marketing_does_not_go_to_who_unsubscribed_and_the_rest_does(house: SendingHouse) -> None:
    ids = await house.people(1)
    await house.contacts.consents.unsubscribe(house.account_id, ids, Channel.EMAIL, source="test")
    template = await house.content.create(house.account_id, ORDER)
    found: list[MessageState] = []
    for categories in ((), ("news",)):
        request = BatchSend(
            template_id=template.template_id,
            recipients=(BatchRecipient(contact_id=ids[0]),),
            categories=categories,
        )
        (result,) = await house.messages.send_each(house.account_id, request)
        assert result.message_id
        found += [one.state for one in await house.messages.status(house.account_id, [result.message_id])]
    assert found == [MessageState.QUEUED, MessageState.EXCLUDED]


async def test_who_chose_other_categories_does_not_get_it(house: SendingHouse) -> None:
    never, news, sales, both = await house.people(4)
    categories = house.contacts.categories
    for contact_id, keys in ((news, ["news"]), (sales, ["sales"]), (both, ["News", "sales"])):
        await categories.replace(house.account_id, contact_id, keys)
    template = await house.content.create(house.account_id, ORDER)

    async def left_out(*keys: str) -> set[int]:
        request = BatchSend(
            template_id=template.template_id,
            recipients=tuple(BatchRecipient(contact_id=one) for one in (never, news, sales, both)),
            categories=keys,
        )
        results = await house.messages.send_each(house.account_id, request)
        ids = [result.message_id for result in results if result.message_id]
        found = await house.messages.status(house.account_id, ids)
        return {one.contact_id for one in found if one.state is MessageState.EXCLUDED}

    assert await left_out("NEWS") == {sales}
    assert await left_out("news", "sales") == set()
    assert await left_out("not a category of this account") == set()
    assert await left_out() == set()


async def test_the_id_of_a_contact_that_was_merged_leads_to_the_one_that_was_kept(house: SendingHouse) -> None:
    kept, dropped = await house.people(2)
    await house.contacts.merge(house.account_id, kept, dropped)
    template = await house.content.create(house.account_id, ORDER)
    recipients = (BatchRecipient(contact_id=dropped), BatchRecipient(contact_id=kept), BatchRecipient(contact_id=10**9))
    request = BatchSend(template_id=template.template_id, recipients=recipients)
    results = await house.messages.send_each(house.account_id, request)
    ids = [result.message_id for result in results if result.message_id]
    assert len(ids) == 2
    found = await house.messages.status(house.account_id, ids)
    assert {(one.contact_id, one.address) for one in found} == {(kept, "p1@example.com")}


async def test_everybody_reads_it_in_their_language(house: SendingHouse) -> None:
    template = await house.content.create(
        house.account_id,
        TemplateInput(name="Hello", subject="Hello", source="<p>Hello</p>", language="en", tags=("greeting",)),
    )
    for language, word in (("uk", "Вітаю"), ("pl", "Cześć")):
        await house.content.save_language(
            house.account_id, template.template_id, language, LanguageInput(subject=word, source=f"<p>{word}</p>")
        )
    for address, language in (("a@x.example", "uk-UA"), ("b@x.example", "de"), ("c@x.example", "pl")):
        row = ContactInput(email=address, language=language)
        await house.contacts.upsert(house.account_id, [row], UpsertOptions())
    request = BatchSend(
        template_id=template.template_id,
        recipients=(
            BatchRecipient(locator="a@x.example"),
            BatchRecipient(locator="b@x.example"),
            BatchRecipient(locator="c@x.example", language="en"),
            BatchRecipient(locator="d@x.example", language="PL"),
        ),
    )
    async with running_peer() as peer:
        await house.sender(peer.port)
        results = await house.messages.send_each(house.account_id, request)
        async with sending(house.loop(SenderRole.EXPRESS)):
            settled = await everything_is_settled(house, results)
    subjects = {address: str(letter["Subject"]) for address, letter in letters(peer).items()}
    assert subjects == {
        "a@x.example": "Вітаю",
        "b@x.example": "Hello",
        "c@x.example": "Hello",
        "d@x.example": "Cześć",
    }
    assert {one.template_id for one in settled} == {template.template_id}
    assert len({one.content_id for one in settled}) == 3


async def test_a_campaign_reaches_everybody_in_their_language_also_when_it_is_tried_again(house: SendingHouse) -> None:
    letter = TemplateInput(name="News", subject="News", source="<p>News</p>", language="en")
    template = await house.content.create(house.account_id, letter)
    for language, word in (("uk", "Новини"), ("en-GB", "Newes")):
        version = LanguageInput(subject=word, source=f"<p>{word}</p>")
        await house.content.save_language(house.account_id, template.template_id, language, version)
    readers = {
        "a@x.example": "uk-UA",
        "b@x.example": "en-GB",
        "c@x.example": "en",
        "d@x.example": "",
        "e@x.example": "de",
    }
    people = [ContactInput(email=address, language=language) for address, language in readers.items()]
    await house.contacts.upsert(house.account_id, people, UpsertOptions())
    async with running_peer(SmtpPeer(greylist=True)) as peer:
        await house.sender(peer.port)
        campaign = await house.campaigns.create(
            house.account_id,
            CampaignInput(name="News", template_id=template.template_id, audience=Audience(everyone=True)),
        )
        await house.campaigns.start(house.account_id, campaign.campaign_id)
        # What was started keeps its texts.
        version = LanguageInput(subject="Later", source="<p>Later</p>")
        await house.content.save_language(house.account_id, template.template_id, "uk", version)
        async with sending(house.loop()), asyncio.timeout(30):
            while (
                await house.campaigns.get(house.account_id, campaign.campaign_id)
            ).state is not CampaignState.FINISHED:
                await house.keeper_rests()
                await house.retries_are_due()
                await asyncio.sleep(0.05)
    subjects = {address: str(letter["Subject"]) for address, letter in letters(peer).items()}
    assert subjects == {
        "a@x.example": "Новини",
        "b@x.example": "Newes",
        "c@x.example": "News",
        "d@x.example": "News",
        "e@x.example": "News",
    }


async def test_more_texts_than_a_line_keeps_go_out_in_one_batch(house: SendingHouse) -> None:
    results: list[BatchResult] = []
    async with running_peer(SmtpPeer(greylist=True)) as peer:
        await house.sender(peer.port)
        for number in range(90):
            mail = TemplateInput(name="Hi", subject=f"Mail {number}", source="<p>Hi</p>")
            recipients = (BatchRecipient(locator=f"p{number}@x.example"),)
            results += await house.messages.send_each(house.account_id, BatchSend(mail=mail, recipients=recipients))
        async with sending(house.loop(SenderRole.EXPRESS)), asyncio.timeout(30):
            while len(peer.accepted) < 90:
                await house.retries_are_due()
                await asyncio.sleep(0.05)
    assert {str(letter["Subject"]) for letter in letters(peer).values()} == {f"Mail {number}" for number in range(90)}


async def test_a_mail_that_comes_with_the_request_is_compiled_and_kept_once(house: SendingHouse) -> None:
    mail = TemplateInput(
        name="Hi", subject="Hi {{ first_name }}", source='<a href="https://shop.example/">Shop</a>', tags=("one",)
    )

    async def send(**more: Any) -> list[BatchResult]:
        recipients = (BatchRecipient(locator="p1@example.com"),)
        return await house.messages.send_each(house.account_id, BatchSend(mail=mail, recipients=recipients, **more))

    await house.people(1)
    async with running_peer() as peer:
        await house.sender(peer.port)
        results = [*await send(), *await send(), *await send(track_links=False)]
        async with sending(house.loop(SenderRole.EXPRESS)):
            settled = await everything_is_settled(house, results)
    assert len({one.content_id for one in settled}) == 2
    assert {one.template_id for one in settled} == {None}
    links = [
        "https://shop.example/" in html_of(cast("EmailMessage", letter))
        for letter in (email.message_from_bytes(mail.data, policy=email.policy.default) for mail in peer.accepted)
    ]
    assert sorted(links) == [False, False, True]
    async with house.database.system() as connection:
        row = await (
            await connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE tags = '{one}' AND name = 'Hi') FROM contents"
            )
        ).fetchone()
    assert row == (2, 2)


async def test_a_mail_that_cannot_be_made_is_refused_for_each_recipient(house: SendingHouse) -> None:
    mail = TemplateInput(name="Hi", subject="Hi {{ first_name", source="<p>x</p>")
    (result,) = await house.messages.send_each(
        house.account_id, BatchSend(mail=mail, recipients=(BatchRecipient(locator="a@x.example"),))
    )
    assert result.message_id is None
    assert "cannot be made" in result.problem
    assert await house.contacts.find(house.account_id, IdentityKind.EMAIL, "a@x.example") is None


async def test_the_sender_is_the_named_one_the_templates_or_the_default(house: SendingHouse) -> None:
    async with running_peer() as peer:
        await house.sender(peer.port)
        second = await house.senders.add(
            house.account_id,
            SenderInput(
                name="Two",
                from_email="two@brand.example",
                config=(await house.senders.default(house.account_id)).config,
            ),
        )
        plain = await house.content.create(house.account_id, ORDER)
        owned = await house.content.create(
            house.account_id,
            TemplateInput(name="Own", subject="Own", source="<p>x</p>", sender_id=second.sender_id, from_name="Ann"),
        )
        results: list[BatchResult] = []
        for template, named in ((plain, ""), (owned, ""), (plain, "TWO@brand.example"), (owned, "news@brand.example")):
            request = BatchSend(
                template_id=template.template_id,
                recipients=(BatchRecipient(locator="a@x.example"),),
                from_email=named,
            )
            results += await house.messages.send_each(house.account_id, request)
        unknown = BatchSend(
            template_id=plain.template_id,
            recipients=(BatchRecipient(locator="new@x.example"),),
            from_email="who@brand.example",
        )
        (refused,) = await house.messages.send_each(house.account_id, unknown)
        async with sending(house.loop(SenderRole.EXPRESS)):
            await everything_is_settled(house, results)
    assert "not one of the senders" in refused.problem
    assert await house.contacts.find(house.account_id, IdentityKind.EMAIL, "new@x.example") is None
    assert sorted(str(email.message_from_bytes(mail.data)["From"]) for mail in peer.accepted) == [
        "Ann <news@brand.example>", "Ann <two@brand.example>", "Brand <news@brand.example>", "two@brand.example",
    ]  # fmt: skip


async def test_the_request_as_a_whole_may_be_wrong(house: SendingHouse, other_account_id: int) -> None:
    template = await house.content.create(house.account_id, ORDER)
    one = (BatchRecipient(locator="a@x.example"),)
    for recipients in ((), one * (MAX_RECIPIENTS + 1)):
        with pytest.raises(Invalid, match="recipients"):
            await house.messages.send_each(
                house.account_id, BatchSend(template_id=template.template_id, recipients=recipients)
            )
    with pytest.raises(NotFound):
        await house.messages.send_each(house.account_id, BatchSend(template_id=10**12, recipients=one))
    with pytest.raises(NotFound):
        await house.messages.send_each(other_account_id, BatchSend(template_id=template.template_id, recipients=one))
    assert await house.contacts.find(house.account_id, IdentityKind.EMAIL, "a@x.example") is None
