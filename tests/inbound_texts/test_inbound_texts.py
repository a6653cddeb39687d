"""Texts that people send: kept, obeyed with proof, answered once, told of as events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import Channel, SubscriptionState, Suppression
from syncom.contacts.service import suppress
from syncom.errors import Invalid, NotFound
from syncom.events.model import TypeParameter
from syncom.inbound_texts.model import InboundFilter
from syncom.messages.channels.sms.inbound import InboundPart
from syncom.messages.channels.sms.model import TextReplies
from syncom.messages.model import SenderConfig, SenderKind
from syncom.messages.senders import SenderInput
from tests.inbound_texts.house import ANN, BOB, EVE, OURS, TextHouse

SUBSCRIBED, UNSUBSCRIBED = SubscriptionState.SUBSCRIBED, SubscriptionState.UNSUBSCRIBED


# ------------------------------------------------------------------ kept and told


async def test_a_text_is_kept_with_who_wrote_it_and_told_as_an_event(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.say("When will it\x00 arrive?", peer_id="SM1")
    [kept] = await texts.kept()
    assert (kept.contact_id, kept.phone, kept.recipient, kept.text) == (ann, ANN, OURS, "When will it arrive?")
    assert (kept.keyword, kept.is_answered, kept.peer_id) == ("", False, "SM1")
    [event] = (await texts.events.of_type(texts.account_id, "smsReceived")).events
    assert event.contact_id == ann
    assert event.params == {
        "inboundTextId": str(kept.inbound_text_id),
        "phone": ANN,
        "to": OURS,
        "text": "When will it arrive?",
        "keyword": "",
        "senderId": texts.sender_id,
    }
    assert await texts.state(ann) is SUBSCRIBED
    assert await texts.queued() == []


async def test_a_text_starts_what_follows_its_events(texts: TextHouse) -> None:
    ann = await texts.person()
    kind = (await texts.events.types.ensure(texts.account_id, ["smsReceived"]))["smsReceived"]
    async with texts.house.database.tenant(texts.account_id) as connection:
        await texts.events.types.follow(connection, texts.account_id, kind.event_type_id, followed=True)
    await texts.say("Yes please")
    async with texts.house.database.system() as connection:
        [event], _ = await texts.events.take_followed(connection, 10)
    assert (event.type_key, event.contact_id, event.params["text"]) == ("smsReceived", ann, "Yes please")


async def test_the_same_text_again_changes_nothing(texts: TextHouse) -> None:
    ann = await texts.person()
    await asyncio.gather(*(texts.say("STOP", peer_id="SM1") for _ in range(5)))
    await texts.say("START", peer_id="SM2")
    await texts.say("STOP", peer_id="SM1")
    assert await texts.state(ann) is SUBSCRIBED
    assert [one.keyword for one in await texts.kept()] == ["start", "stop"]
    assert len(await texts.queued()) == 2


async def test_texts_of_numbers_that_nobody_has_and_of_short_codes_are_kept(texts: TextHouse) -> None:
    await texts.say("Hello", EVE)
    await texts.say("Your code is 1234", "MyBank")
    await texts.say("STOP", "+7777")
    assert [(one.phone, one.contact_id, one.keyword) for one in await texts.kept()] == [
        ("7777", None, ""),
        ("MyBank", None, ""),
        (EVE, None, ""),
    ]
    assert await texts.suppressed() == {}


async def test_texts_come_in_pages_and_by_contact_number_sender_and_keyword(texts: TextHouse) -> None:
    ann = await texts.person()
    other = await texts.sender("Other")
    for text in ("one", "STOP", "two"):
        await texts.say(text)
    await texts.say("three", BOB, sender_id=other)
    first = await texts.inbound.list(texts.account_id, _all(), limit=2)
    rest = await texts.inbound.list(texts.account_id, _all(), before=first[-1].inbound_text_id, limit=10)
    assert [one.text for one in [*first, *rest]] == ["three", "two", "STOP", "one"]
    assert [one.text for one in await texts.kept(contact_id=ann)] == ["two", "STOP", "one"]
    assert [one.text for one in await texts.kept(phone=BOB.lstrip("+"))] == ["three"]
    assert [one.text for one in await texts.kept(sender_id=other)] == ["three"]
    assert [one.text for one in await texts.kept(keyword="stop")] == ["STOP"]
    assert (await texts.inbound.get(texts.account_id, first[0].inbound_text_id)).text == "three"
    with pytest.raises(Invalid, match="phone"):
        await texts.kept(phone="abc")
    with pytest.raises(Invalid, match="keyword"):
        await texts.kept(keyword="maybe")
    with pytest.raises(NotFound):
        await texts.inbound.get(texts.account_id, uuid4())


async def test_two_accounts_that_share_a_number_are_told_apart_by_the_sender(
    texts: TextHouse,
) -> None:
    ann = await texts.person()
    async with texts.house.database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Other') RETURNING account_id")
        ).fetchone()
    assert row is not None
    theirs = await texts.sender("Theirs", account_id=row[0])
    await texts.say("STOP", sender_id=theirs)
    assert await texts.state(ann) is SUBSCRIBED
    assert await texts.kept() == []
    assert [one.keyword for one in await texts.inbound.list(row[0], _all())] == ["stop"]


async def test_a_text_for_a_sender_that_is_gone_is_dropped(texts: TextHouse) -> None:
    await texts.say("STOP", sender_id=999_999)
    assert await texts.kept() == []


async def test_a_type_of_events_that_was_narrowed_costs_the_event_and_not_the_text(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.events.types.ensure(texts.account_id, ["smsReceived"])
    await texts.events.types.change(texts.account_id, "smsReceived", parameters=(TypeParameter(name="other"),))
    await texts.say("STOP")
    assert await texts.state(ann) is UNSUBSCRIBED
    assert [one.keyword for one in await texts.kept()] == ["stop"]
    assert (await texts.events.of_type(texts.account_id, "smsReceived")).events == []


async def test_texts_go_when_their_time_is_over_and_the_proof_stays(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.say("STOP", peer_id="SM1")
    await texts.say("Hello", peer_id="SM2")
    async with texts.house.database.system() as connection:
        for table in ("inbound_texts", "inbound_text_ids"):
            await connection.execute(
                f"UPDATE {table} SET received_at = received_at - %s WHERE peer_id = 'SM1'",
                (timedelta(days=31),),
            )
    await texts.inbound.forget()
    assert [one.peer_id for one in await texts.kept()] == ["SM2"]
    assert ((await texts.decisions(ann))[0].detail or {})["text"] == "STOP"


async def test_an_erased_contact_leaves_no_text_and_a_merged_one_hands_its_over(texts: TextHouse) -> None:
    await texts.say("before anybody knew her", ANN)
    ann, bob = await texts.person(ANN), await texts.person(BOB)
    await texts.say("from Ann", ANN)
    await texts.say("from Bob", BOB)
    await texts.house.contacts.merge(texts.account_id, ann, bob)
    kept = await texts.kept(contact_id=ann)
    assert [one.text for one in kept] == ["from Bob", "from Ann"]
    assert await texts.inbound.get(texts.account_id, kept[0].inbound_text_id) == kept[0]
    await texts.house.contacts.erase(texts.account_id, ann)
    assert await texts.kept() == []


# ------------------------------------------------------------------ parts that come by themselves


async def part(
    texts: TextHouse, text: str, number: int, total: int = 3, *, reference: str = "r1", phone: str = ANN
) -> None:
    await texts.parts.receive(
        InboundPart(
            sender_id=texts.sender_id,
            from_=phone,
            to=OURS,
            octets=text.encode(),
            codec="utf-8",
            at=datetime.now(UTC),
            peer_id=f"{phone}-{reference}-{number}",
            reference=reference,
            number=number,
            total=total,
        )
    )


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations([1, 2, 3]), repeated=st.sampled_from([1, 2, 3]), number=st.integers(1, 10**9))
async def test_parts_in_any_order_and_repeated_make_one_text(
    texts: TextHouse, order: list[int], repeated: int, number: int
) -> None:
    words = {1: "one ", 2: "two ", 3: "three"}
    reference = f"{number}-{order}-{repeated}-{uuid4()}"
    before = len(await texts.kept())
    for one in [*order[:2], repeated, *order[2:], repeated]:
        await part(texts, words[one], one, reference=reference)
    kept = await texts.kept()
    assert len(kept) == before + 1
    assert kept[0].text == "one two three"
    assert kept[0].peer_id == f"{ANN}-{reference}-1"


async def test_last_parts_at_the_same_moment_make_one_text_and_numbers_are_not_mixed(texts: TextHouse) -> None:
    await asyncio.gather(*(part(texts, f"{phone}{n} ", n, phone=phone) for phone in (ANN, BOB) for n in (1, 2, 3)))
    kept = await texts.kept()
    assert {one.phone: one.text for one in kept} == {phone: f"{phone}1 {phone}2 {phone}3" for phone in (ANN, BOB)}


async def test_half_a_text_is_taken_when_the_rest_does_not_come(texts: TextHouse) -> None:
    await part(texts, "Hello ", 1)
    await part(texts, "dear", 3)
    assert await texts.parts.give_up() == 0
    assert await texts.kept() == []
    async with texts.house.database.system() as connection:
        await connection.execute("UPDATE incomplete_texts SET give_up_at = give_up_at - interval '2 hours'")
    assert await texts.parts.give_up() == 1
    assert [one.text for one in await texts.kept()] == ["Hello […] dear"]
    await part(texts, " my ", 2)
    assert len(await texts.kept()) == 1, "it waits for the others of its own"


@pytest.mark.parametrize(("number", "total"), [(0, 3), (4, 3), (1, 0), (1, 256), (-1, 3)])
async def test_parts_that_cannot_be_are_refused(texts: TextHouse, number: int, total: int) -> None:
    with pytest.raises(Invalid, match="part"):
        await part(texts, "x", number, total)


# ------------------------------------------------------------------ STOP


async def test_stop_withdraws_consent_at_once_with_proof_and_is_confirmed_once(texts: TextHouse) -> None:
    ann = await texts.person(language="de")
    await texts.say("Stopp bitte!", peer_id="SM7")
    assert await texts.state(ann) is UNSUBSCRIBED
    decision = (await texts.decisions(ann))[0]
    assert (decision.channel, decision.state, decision.source) == (Channel.SMS, UNSUBSCRIBED, "sms")
    proof = dict(decision.detail or {})
    assert proof.pop("sent_at")
    assert proof == {
        "keyword": "stop",
        "text": "Stopp bitte!",
        "from": ANN,
        "to": OURS,
        "sender_id": texts.sender_id,
        "peer_id": "SM7",
        "before": "subscribed",
    }
    await texts.say("STOP")
    await texts.say("stop!!!")
    assert await texts.sent() == [
        (ANN, "Acme: Sie sind abgemeldet und erhalten keine SMS mehr. START meldet Sie wieder an.")
    ]
    assert [one.is_answered for one in await texts.kept()] == [False, False, True]


async def test_a_contact_whose_language_is_not_known_is_answered_in_that_of_the_word(texts: TextHouse) -> None:
    await texts.person()
    await texts.say("СТОП")
    [(_, text)] = await texts.sent()
    assert text.startswith("Acme: ви відписані")


async def test_a_stop_of_a_number_that_nobody_has_holds_for_whoever_has_it_later(texts: TextHouse) -> None:
    await texts.say("STOP", EVE)
    assert await texts.suppressed() == {EVE: "unsubscribed"}
    assert await texts.queued() == []
    await texts.say("STOP", EVE)
    await texts.say("START", EVE)
    assert await texts.suppressed() == {}


async def test_a_stop_that_the_provider_answered_is_not_answered_again(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.say("STOP", answered=True)
    assert await texts.state(ann) is UNSUBSCRIBED
    assert await texts.queued() == []


async def test_a_sender_may_keep_silent_or_have_words_of_its_own(texts: TextHouse) -> None:
    await texts.person(ANN)
    await texts.person(BOB)
    silent = await texts.sender("Silent", answer=False)
    own = await texts.sender("Own", stop="{brand} says bye", brand="ACME Ltd")
    await texts.say("STOP", ANN, sender_id=silent)
    await texts.say("STOP", BOB, sender_id=own)
    assert await texts.sent() == [(BOB, "ACME Ltd says bye")]


@pytest.mark.parametrize(
    ("replies", "field"),
    [
        (TextReplies(stop="x" * 307), "config.replies.stop"),
        (TextReplies(brand="a\nb"), "config.replies.brand"),
    ],
)
async def test_words_that_cannot_be_sent_are_refused(texts: TextHouse, replies: TextReplies, field: str) -> None:
    sender = SenderInput(
        name="x",
        from_name="Acme",
        kind=SenderKind.INBOX,
        channel=Channel.SMS,
        config=SenderConfig(replies=replies),
    )
    with pytest.raises(Invalid, match=field):
        await texts.house.senders.add(texts.account_id, sender)


async def test_a_stop_while_the_contact_is_deleted_holds_when_it_is_restored(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.house.contacts.delete(texts.account_id, ann)
    await texts.say("STOP")
    await texts.house.contacts.restore(texts.account_id, ann)
    assert ANN in await texts.suppressed()


# ------------------------------------------------------------------ START


async def test_start_gives_back_what_stop_took(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.say("STOP")
    await texts.say("Unstop")
    assert await texts.state(ann) is SUBSCRIBED
    decision = (await texts.decisions(ann))[0]
    assert (decision.state, decision.source) == (SUBSCRIBED, "sms")
    assert (decision.detail or {})["keyword"] == "start"
    assert [text[:12] for _, text in await texts.sent()] == ["Acme: you ar", "Acme: you ge"]


async def test_start_opens_nothing_that_something_else_closed(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.house.contacts.consents.unsubscribe(texts.account_id, [ann], Channel.SMS, source="api")
    await texts.say("STOP")
    await texts.say("START")
    assert await texts.state(ann) is UNSUBSCRIBED
    async with texts.house.database.system() as connection:
        rows = [
            Suppression(account_id=texts.account_id, channel=Channel.SMS, address=EVE, reason="unsubscribed"),
            Suppression(account_id=texts.account_id, channel=Channel.SMS, address=BOB, reason="hard bounce"),
        ]
        await suppress(connection, rows)
    for phone in (EVE, BOB):
        await texts.say("STOP", phone)
        await texts.say("START", phone)
    assert await texts.suppressed() == {EVE: "unsubscribed", BOB: "hard bounce"}
    assert await texts.queued() == []


async def test_start_lifts_what_the_provider_was_told(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.say("STOP")
    async with texts.house.database.system() as connection:
        told = Suppression(account_id=texts.account_id, channel=Channel.SMS, address=ANN, reason="opted out")
        await suppress(connection, [told])
    await texts.say("START")
    assert await texts.suppressed() == {}
    assert await texts.state(ann) is SUBSCRIBED


async def test_start_leads_back_to_the_state_before_and_not_to_more(texts: TextHouse) -> None:
    ann = await texts.person(state=SubscriptionState.UNCONFIRMED)
    await texts.say("STOP")
    assert await texts.state(ann) is UNSUBSCRIBED
    await texts.say("START")
    assert await texts.state(ann) is SubscriptionState.UNCONFIRMED


async def test_start_without_a_stop_is_a_message_like_any_other(texts: TextHouse) -> None:
    ann = await texts.person()
    await texts.say("START")
    assert await texts.state(ann) is SUBSCRIBED
    assert await texts.queued() == []


# ------------------------------------------------------------------ HELP


async def test_help_is_answered_with_brand_contact_and_how_to_stop_also_to_who_left(texts: TextHouse) -> None:
    await texts.person()
    own = await texts.sender("Help", brand="ACME", contact="Ask help@example.org.")
    await texts.say("STOP", sender_id=own)
    await texts.say("HELP?", sender_id=own)
    assert await texts.sent() == [
        (ANN, "ACME: you are unsubscribed and get no more texts. Reply START to get them again."),
        (ANN, "ACME: Ask help@example.org. Msg & data rates may apply. Reply STOP to get no more texts."),
    ]


async def test_a_flood_of_help_is_answered_once(texts: TextHouse) -> None:
    await texts.person()
    await asyncio.gather(*(texts.say("HELP") for _ in range(30)))
    assert len(await texts.kept(keyword="help")) == 30
    assert len(await texts.queued()) == 1


async def test_strangers_are_not_answered(texts: TextHouse) -> None:
    await texts.say("HELP", EVE)
    assert await texts.queued() == []


def _all() -> InboundFilter:
    return InboundFilter()
