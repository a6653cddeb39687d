"""Notifications through a push service that decrypts them: what arrives, what its answers do, what a crash leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from syncom.contacts.model import Channel, ConsentChange, IdentityKind, SubscriptionState
from syncom.contacts.service import set_consents
from syncom.contacts.subscriptions import SubscriptionKeys, SubscriptionRef
from syncom.content.model import TemplateInput
from syncom.errors import Invalid
from syncom.ids import bucket_of, bucket_of_message
from syncom.messages.batch import BatchRecipient, BatchResult, BatchSend
from syncom.messages.channels.push.browsers import Browsers
from syncom.messages.channels.push.vapid import Vapid
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.messages.model import MessageState, MessageStatus, SenderConfig, SenderKind, SenderRole
from syncom.messages.planned import PlannedSend, PlannedSends
from syncom.messages.senders import SenderInput
from syncom.messages.sending.loop import SendingLoop
from syncom.sites.push_keys import PushKeys
from syncom.tokens import MessageTokens
from tests.clocks import ShiftedClock
from tests.messages.house import BASE_URL, SendingHouse, sending
from tests.messages.push.browser import Browser, took, vapid_claims
from tests.messages.sms.gateway_peer import Asked, GatewayPeer, Reply, running_gateway
from tests.messages.test_faults import sender_process

TOOK = Reply(status=201, body=b"")


def push(text: str = "Hello {{ first_name }}", **members: Any) -> TemplateInput:
    return TemplateInput(
        name="Push",
        subject=members.pop("title", "Shop"),
        source=text,
        channel=Channel.WEBPUSH,
        members=members,
    )


def express(house: SendingHouse) -> SendingLoop:
    return house.loop(SenderRole.EXPRESS)


async def send(house: SendingHouse, template: TemplateInput, *contact_ids: int, **more: Any) -> list[BatchResult]:
    made = await house.content.create(house.account_id, template)
    recipients = tuple(BatchRecipient(contact_id=contact_id, **more) for contact_id in contact_ids)
    return await house.messages.send_each(
        house.account_id, BatchSend(template_id=made.template_id, recipients=recipients, allow_unconfirmed=True)
    )


def ids_of(results: Sequence[BatchResult]) -> list[UUID]:
    return [result.message_id for result in results if result.message_id is not None]


async def settled(house: SendingHouse, ids: Sequence[UUID], *, retries: bool = True) -> list[MessageStatus]:
    """What became of them, retries being due at once."""
    async with asyncio.timeout(20):
        while True:
            found = await house.messages.status(house.account_id, ids)
            if found and all(one.state is not MessageState.QUEUED for one in found):
                return sorted(found, key=lambda one: ids.index(one.message_id))
            if retries:
                await house.retries_are_due()
            await asyncio.sleep(0.05)


async def tried(house: SendingHouse, message_id: UUID) -> MessageStatus:
    """A message after an attempt that was not its last."""
    async with asyncio.timeout(20):
        while True:
            [found] = await house.messages.status(house.account_id, [message_id])
            if found.attempts:
                return found
            await asyncio.sleep(0.02)


async def queued(house: SendingHouse) -> list[UUID]:
    async with house.database.system() as connection:
        rows = await (await connection.execute("SELECT message_id FROM messages ORDER BY message_id")).fetchall()
    return [row[0] for row in rows]


async def subscribed(house: SendingHouse, peer: GatewayPeer, count: int = 1) -> tuple[list[int], list[Browser]]:
    """People with a browser each."""
    people = await house.people(count)
    browsers = [Browser(peer, f"browser-{number}") for number in range(count)]
    for contact_id, browser in zip(people, browsers, strict=True):
        await browser.subscribe(house.contacts, house.account_id, contact_id)
    return people, browsers


async def remaining(house: SendingHouse) -> list[str]:
    async with house.database.system() as connection:
        rows = await (await connection.execute("SELECT value FROM contact_channels ORDER BY value")).fetchall()
    return [row[0] for row in rows]


# ------------------------------------------------------------------ what arrives


async def test_a_notification_arrives_encrypted_signed_and_with_the_contacts_words(house: SendingHouse) -> None:
    template = push(
        title="For {{ first_name }}",
        icon="https://shop.example/icon.png",
        image="https://shop.example/image.png",
        ttlSeconds=600,
        urgency="high",
        topic="sale",
        requireInteraction=True,
    )
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        [status] = await settled(house, ids_of(await send(house, template, contact_id)))
    assert (status.state, status.channel, status.contact_id) == (MessageState.SENT, Channel.WEBPUSH, contact_id)
    assert status.address == peer.url, "the browser's own address is not kept"
    [asked] = browser.got
    assert asked.method == "POST"
    assert asked.headers["content-encoding"] == "aes128gcm"
    assert (asked.headers["ttl"], asked.headers["urgency"], asked.headers["topic"]) == ("600", "high", "sale")
    assert browser.shown == [
        {
            "title": "For Name1",
            "body": "Hello Name1",
            "icon": "https://shop.example/icon.png",
            "image": "https://shop.example/image.png",
            "tag": "sale",
            "requireInteraction": True,
        }
    ]
    pair = await PushKeys(house.database, house.keyring).pair(house.account_id)
    claims = vapid_claims(asked, pair.public)
    assert claims["aud"] == peer.url
    assert claims["sub"] == "mailto:admin@example.org"
    assert timedelta(0) < timedelta(seconds=claims["exp"] - house.clock.now().timestamp()) <= timedelta(hours=12)


async def test_a_push_without_members_is_kept_a_day_and_has_what_it_needs_only(house: SendingHouse) -> None:
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        await settled(house, ids_of(await send(house, push("See https://shop.example", title=""), contact_id)))
    assert browser.shown == [{"body": "See https://shop.example"}], "words are only read"
    assert browser.got[0].headers["ttl"] == "86400"
    assert "topic" not in browser.got[0].headers


async def test_a_browser_is_told_where_to_tell_what_became_of_it(house: SendingHouse) -> None:
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        [message_id] = ids_of(await send(house, push(), contact_id))
        await settled(house, [message_id])
    [told] = browser.told
    reference = MessageTokens(house.keyring).read_notification(told.removeprefix(f"{BASE_URL}/t/n/"))
    assert reference is not None
    assert (reference.account_id, reference.contact_id) == (house.account_id, contact_id)
    assert reference.message_id == message_id


async def test_links_are_short_and_lead_to_their_targets(house: SendingHouse) -> None:
    template = push(
        link="https://shop.example/sale",
        actions=[
            {"title": "For {{ first_name }}", "link": "https://shop.example/for?name={{ first_name }}"},
            {"title": "Later", "link": "https://shop.example/later"},
        ],
    )
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        [message_id] = ids_of(await send(house, template, contact_id))
        await settled(house, [message_id])
    [shown] = browser.shown
    code = shown["url"].removeprefix(f"{BASE_URL}/t/s/")
    assert shown["actions"] == [
        {"action": "1", "title": "For Name1", "url": f"{BASE_URL}/t/s/{code}/1"},
        {"action": "2", "title": "Later", "url": f"{BASE_URL}/t/s/{code}/2"},
    ]
    found = await ShortLinks(house.database).find(code)
    assert found is not None
    assert (found.message_id, found.contact_id, found.channel) == (message_id, contact_id, Channel.WEBPUSH)
    assert found.targets == {1: "https://shop.example/for?name=Name1"}
    content = await house.content.compiled(house.account_id, found.content_id)
    assert (content.links[0], content.links[2]) == ("https://shop.example/sale", "https://shop.example/later")


async def test_the_vendors_tags_are_filled_in_every_part(house: SendingHouse) -> None:
    mail = TemplateInput(
        name="Push",
        subject="Hi %FIRSTNAME|%",
        source="#if($data.sum > 10)Big#{else}Small#end order",
        dialect=push().dialect.VELOCITY,
        channel=Channel.WEBPUSH,
        members={
            "link": "https://shop.example/o/$data.number",
            "actions": [{"title": "Pay $data.sum", "link": "https://shop.example/pay/$!data.number"}],
        },
    )
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        await settled(house, ids_of(await send(house, mail, contact_id, params={"sum": 12, "number": "A-5"})))
    [shown] = browser.shown
    assert (shown["title"], shown["body"]) == ("Hi Name1", "Big order")
    assert shown["actions"][0]["title"] == "Pay 12"
    found = await ShortLinks(house.database).find(shown["url"].rpartition("/")[2])
    assert found is not None
    assert found.targets == {0: "https://shop.example/o/A-5", 1: "https://shop.example/pay/A-5"}


async def test_every_browser_of_a_contact_gets_it_once_and_those_that_are_off_do_not(house: SendingHouse) -> None:
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id] = await house.people(1)
        browsers = [Browser(peer, name) for name in ("one", "two", "three")]
        for browser in browsers:
            await browser.subscribe(house.contacts, house.account_id, contact_id, active=browser is not browsers[2])
        [message_id] = ids_of(await send(house, push(), contact_id))
        await settled(house, [message_id])
        async with asyncio.timeout(20):
            while await queued(house):
                await asyncio.sleep(0.02)
    assert [len(browser.got) for browser in browsers] == [1, 1, 0]
    assert browsers[0].got[0].body != browsers[1].got[0].body


async def test_one_browser_is_written_to_by_its_address_and_an_unknown_one_is_refused(house: SendingHouse) -> None:
    await house.people(1)
    unknown = BatchRecipient(locator="https://push.example/nobody")
    results = await house.messages.send_each(house.account_id, BatchSend(mail=push(), recipients=(unknown,)))
    assert results[0].problem == "'https://push.example/nobody' is no push subscription of a contact"
    wrong = BatchRecipient(locator="http://push.example/x")
    results = await house.messages.send_each(house.account_id, BatchSend(mail=push(), recipients=(wrong,)))
    assert "is not valid push subscription" in results[0].problem
    assert await house.contacts.find_ids(house.account_id, IdentityKind.PUSH_TOKEN, [unknown.locator]) == [None]


async def test_connections_and_tokens_are_kept_for_many(house: SendingHouse) -> None:
    async with running_gateway(took) as peer, sending(express(house)):
        people, browsers = await subscribed(house, peer, 60)
        given = SenderInput(
            name="Slow", kind=SenderKind.WEBPUSH, channel=Channel.WEBPUSH, config=SenderConfig(max_connections=3)
        )
        await house.senders.add(house.account_id, given)
        await settled(house, ids_of(await send(house, push(), *people)))
    assert all(len(browser.got) == 1 for browser in browsers)
    assert len(peer.connections) <= 3
    assert len({asked.headers["authorization"] for asked in peer.accepted}) == 1


async def test_a_token_is_signed_anew_before_it_ends_and_one_is_for_one_service(house: SendingHouse) -> None:
    clock = ShiftedClock()
    pair = await PushKeys(house.database, house.keyring).pair(house.account_id)
    vapid = Vapid(pair, "mailto:a@example.org", clock)
    first = vapid.header("https://one.example")
    clock.ahead += timedelta(hours=10, minutes=55)
    assert vapid.header("https://one.example") == first
    assert vapid.header("https://two.example") != first
    clock.ahead += timedelta(minutes=10)
    assert vapid.header("https://one.example") != first


async def test_the_key_pair_is_one_for_all_who_ask_at_once(house: SendingHouse) -> None:
    keys = PushKeys(house.database, house.keyring)
    pairs = await asyncio.gather(*(keys.pair(house.account_id) for _ in range(8)))
    assert {pair.public for pair in pairs} == {await keys.public(house.account_id)}
    assert {pair.private for pair in pairs} == {pairs[0].private}
    assert "private" not in repr(pairs[0])


# ------------------------------------------------------------------ who gets none


async def test_a_contact_without_a_subscription_is_told_of(house: SendingHouse) -> None:
    [contact_id] = await house.people(1)
    [result] = await send(house, push(), contact_id)
    assert result.problem == f"contact {contact_id} has no push subscription"


async def test_who_unsubscribed_after_the_plan_and_who_was_deleted_get_none(house: SendingHouse) -> None:
    async with running_gateway(took) as peer:
        people, browsers = await subscribed(house, peer, 3)
        template = await house.content.create(house.account_id, push())
        plans = [
            PlannedSend(message_id=UUID(int=number << 8 | bucket_of(contact_id)), contact_id=contact_id, data={})
            for number, contact_id in enumerate(people, start=1)
        ]
        sends = PlannedSends(house.content, house.senders)
        async with house.database.tenant(house.account_id) as connection:
            outcomes = await sends.queue(
                connection, house.account_id, template.template_id, plans, now=house.clock.now()
            )
        assert outcomes == [(plan.message_id,) for plan in plans]
        await _unsubscribe(house, people[0])
        await house.contacts.delete(house.account_id, people[1])
        async with sending(express(house)):
            statuses = await settled(house, [plan.message_id for plan in plans])
    assert [(status.state, status.reason) for status in statuses[:2]] == [
        (MessageState.EXCLUDED, "unsubscribed"),
        (MessageState.EXCLUDED, "deleted"),
    ]
    assert [len(browser.asked) for browser in browsers] == [0, 0, 1]


async def _unsubscribe(house: SendingHouse, contact_id: int) -> None:
    change = ConsentChange(
        account_id=house.account_id,
        contact_id=contact_id,
        channel=Channel.WEBPUSH,
        state=SubscriptionState.UNSUBSCRIBED,
        source="page",
        occurred_at=house.clock.now(),
    )
    async with house.database.system() as connection:
        await set_consents(connection, [change])


async def test_a_plan_made_twice_has_the_same_ids_and_each_browser_gets_one(house: SendingHouse) -> None:
    async with running_gateway(took) as peer:
        [contact_id] = await house.people(1)
        browsers = [Browser(peer, name) for name in ("one", "two")]
        for browser in browsers:
            await browser.subscribe(house.contacts, house.account_id, contact_id)
        template = await house.content.create(house.account_id, push())
        message_id = UUID(int=(7 << 8) | bucket_of(contact_id))
        plan = PlannedSend(message_id=message_id, contact_id=contact_id, data={})
        sends = PlannedSends(house.content, house.senders)
        found: list[Any] = []
        for _ in range(2):
            async with house.database.tenant(house.account_id) as connection:
                found += await sends.queue(
                    connection, house.account_id, template.template_id, [plan], now=house.clock.now()
                )
        assert found[0] == found[1]
        assert found[0][0] == message_id
        assert {bucket_of_message(one) for one in found[0]} == {bucket_of(contact_id)}
        async with sending(express(house)):
            await settled(house, found[0])
    assert [len(browser.got) for browser in browsers] == [1, 1]


async def test_a_subscription_that_moved_on_meanwhile_gets_nothing_for_its_old_owner(house: SendingHouse) -> None:
    async with running_gateway(took) as peer:
        people, [browser, _] = await subscribed(house, peer, 2)
        [message_id] = ids_of(await send(house, push(), people[0]))
        await browser.subscribe(house.contacts, house.account_id, people[1])
        async with sending(express(house)):
            [status] = await settled(house, [message_id])
    assert status.state is MessageState.FAILED
    assert "is gone" in status.reason
    assert browser.asked == []


# ------------------------------------------------------------------ what a service's answers do


@pytest.mark.parametrize("gone", [404, 410])
async def test_a_subscription_that_is_gone_is_removed_and_nothing_else(house: SendingHouse, gone: int) -> None:
    def behave(asked: Asked, number: int) -> Reply:
        return Reply(status=gone, body=b"gone") if asked.path.endswith("-0") else TOOK

    async with running_gateway(behave) as peer, sending(express(house)):
        people, browsers = await subscribed(house, peer, 2)
        statuses = await settled(house, ids_of(await send(house, push(), *people)))
    assert [status.state for status in statuses] == [MessageState.FAILED, MessageState.SENT]
    assert statuses[0].reason.startswith(f"{gone} the subscription is gone")
    assert await remaining(house) == [browsers[1].endpoint]
    owners = await house.contacts.find_ids(
        house.account_id, IdentityKind.PUSH_TOKEN, [browser.endpoint for browser in browsers]
    )
    assert owners == [None, people[1]]
    assert (await house.contacts.get(house.account_id, people[0])).email == "p1@example.com"
    [result] = await send(house, push(), people[0])
    assert "no push subscription" in result.problem


async def test_a_service_that_asks_for_patience_is_left_alone_and_others_are_not(house: SendingHouse) -> None:
    def behave(asked: Asked, number: int) -> Reply:
        return Reply(status=429, headers={"Retry-After": "600"}) if number == 1 else TOOK

    async with running_gateway(behave) as busy, running_gateway(took) as free, sending(express(house)):
        people = await house.people(3)
        browsers = [Browser(busy, "one"), Browser(busy, "two"), Browser(free, "three")]
        for contact_id, browser in zip(people, browsers, strict=True):
            await browser.subscribe(house.contacts, house.account_id, contact_id)
        [first] = ids_of(await send(house, push(), people[0]))
        status = await tried(house, first)
        assert status.reason.startswith("429 127.0.0.1 asks to wait")
        second, third = ids_of(await send(house, push(), people[1], people[2]))
        assert "rests" in (await tried(house, second)).reason
        await settled(house, [third], retries=False)
        async with house.database.system() as connection:
            row = await (
                await connection.execute("SELECT min(due_at) - now() FROM messages WHERE message_id = %s", [first])
            ).fetchone()
    assert row is not None
    assert row[0] > timedelta(minutes=9)
    assert (len(busy.asked), len(free.accepted)) == (1, 1)


async def test_a_notification_whose_keys_cannot_be_read_is_told_of_and_the_next_one_goes(
    house: SendingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Browsers.keys

    async def keys(browsers: Browsers, browser: SubscriptionRef) -> SubscriptionKeys | None:
        if browser.endpoint.endswith("-0"):
            raise RuntimeError("no keys today")
        return await read(browsers, browser)

    monkeypatch.setattr(Browsers, "keys", keys)
    async with running_gateway(took) as peer, sending(express(house)):
        people, browsers = await subscribed(house, peer, 2)
        statuses = await settled(house, ids_of(await send(house, push(), *people)))
    assert [status.state for status in statuses] == [MessageState.FAILED, MessageState.SENT]
    assert "no keys today" in statuses[0].reason
    assert [len(browser.got) for browser in browsers] == [0, 1]


@pytest.mark.parametrize("status", [406, 500, 503])
async def test_a_service_that_fails_for_a_moment_is_asked_again(house: SendingHouse, status: int) -> None:
    def behave(asked: Asked, number: int) -> Reply:
        return Reply(status=status, headers={"Retry-After": "0"}) if number == 1 else TOOK

    async with running_gateway(behave) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        [found] = await settled(house, ids_of(await send(house, push(), contact_id)))
    assert (found.state, found.attempts, len(browser.got)) == (MessageState.SENT, 2, 1)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\x00\xff\x16\x03\x01 hello\r\n\r\n",
        b"HTTP/1.1 twohundred Created\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 201 Created\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n" + b"y" * 100_000,
    ],
    ids=["nothing", "bytes", "status", "cut off", "chunks", "header", "body"],
)
async def test_after_a_senseless_answer_a_message_is_in_doubt_and_others_go_on(
    house: SendingHouse, nonsense: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(nonsense)
        writer.close()

    async with running_gateway(took) as peer, sending(express(house)):
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        people = await house.people(3)
        browsers = [Browser(peer, name) for name in ("lost", "one", "two")]
        browsers[0].endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/push/lost"
        for contact_id, browser in zip(people, browsers, strict=True):
            await browser.subscribe(house.contacts, house.account_id, contact_id)
        doubtful, *fine = ids_of(await send(house, push(), *people))
        found = await tried(house, doubtful)
        states = {status.state for status in await settled(house, fine, retries=False)}
        server.close()
    assert (found.state, found.uncertain) == (MessageState.QUEUED, True)
    assert states == {MessageState.SENT}
    assert [len(browser.got) for browser in browsers] == [0, 1, 1]


@pytest.mark.parametrize("patience", ["soon", "-5", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT", "99999999999999999999", ""])
async def test_a_service_that_names_no_sensible_patience_is_asked_again(house: SendingHouse, patience: str) -> None:
    def behave(asked: Asked, number: int) -> Reply:
        return Reply(status=429, body=b"slow", headers={"Retry-After": patience}) if number == 1 else TOOK

    async with running_gateway(behave) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        [message_id] = ids_of(await send(house, push(), contact_id))
        first = await tried(house, message_id)
    assert (first.state, first.attempts, len(browser.asked)) == (MessageState.QUEUED, 1, 1)


@pytest.mark.parametrize(("status", "words"), [(413, "413 too long for"), (400, "400 127.0.0.1 refused it. bad")])
async def test_what_is_refused_for_good_is_not_tried_again(house: SendingHouse, status: int, words: str) -> None:
    def behave(asked: Asked, number: int) -> Reply:
        return Reply(status=status, body=b"bad")

    async with running_gateway(behave) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        [found] = await settled(house, ids_of(await send(house, push(), contact_id)))
    assert found.state is MessageState.FAILED
    assert found.reason.startswith(words)
    assert len(browser.asked) == 1
    assert await remaining(house) == [browser.endpoint]


async def test_a_key_that_is_not_taken_fails_its_message_and_stops_nobody_else(house: SendingHouse) -> None:
    def behave(asked: Asked, number: int) -> Reply:
        return Reply(status=403, body=b"VAPID key mismatch") if asked.path.endswith("-0") else TOOK

    async with running_gateway(behave) as peer, sending(express(house)):
        people, browsers = await subscribed(house, peer, 2)
        statuses = await settled(house, ids_of(await send(house, push(), *people)))
        sender = await house.senders.default(house.account_id, Channel.WEBPUSH)
    assert [status.state for status in statuses] == [MessageState.FAILED, MessageState.SENT]
    assert "does not take the account's key" in statuses[0].reason
    assert len(browsers[0].asked) == 4
    assert (sender.kind, sender.paused_until) == (SenderKind.WEBPUSH, None)


async def test_a_service_that_is_away_rests_by_itself(house: SendingHouse) -> None:
    async with running_gateway(took) as peer, running_gateway(took) as away:
        people = await house.people(2)
        lost, browser = Browser(away, "lost"), Browser(peer, "there")
        await lost.subscribe(house.contacts, house.account_id, people[0])
        await browser.subscribe(house.contacts, house.account_id, people[1])
        results = ids_of(await send(house, push(), *people))
        away.port = 0
    async with running_gateway(took) as other, sending(express(house)):
        # Nobody listens any more where both were; a third service does.
        last = Browser(other, "last")
        [contact_id] = (await house.people(3))[2:]
        await last.subscribe(house.contacts, house.account_id, contact_id)
        await settled(house, ids_of(await send(house, push(), contact_id)), retries=False)
        assert [one.state for one in await house.messages.status(house.account_id, results)] == [
            MessageState.QUEUED,
            MessageState.QUEUED,
        ]


async def test_a_message_whose_time_is_over_is_not_sent(house: SendingHouse) -> None:
    async with running_gateway(took) as peer:
        [contact_id], [browser] = await subscribed(house, peer)
        [message_id] = ids_of(await send(house, push(), contact_id))
        async with house.database.system() as connection:
            await connection.execute("UPDATE messages SET deadline = now() - interval '1 minute'")
        async with sending(express(house)):
            [status] = await settled(house, [message_id])
    assert status.state is MessageState.FAILED
    assert "its time was over" in status.reason
    assert browser.asked == []


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("http://push.example/x", "https address of a push service"),
        ("https://10.0.0.1/x", "private"),
        ("ftp://push.example/x", "must begin with https"),
    ],
)
async def test_addresses_that_may_not_be_reached_are_refused(house: SendingHouse, endpoint: str, words: str) -> None:
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id] = await house.people(1)
        browser = Browser(peer, "x")
        browser.endpoint = endpoint
        await browser.subscribe(house.contacts, house.account_id, contact_id)
        [status] = await settled(house, ids_of(await send(house, push(), contact_id)))
    assert status.state is MessageState.FAILED
    assert words in status.reason


async def test_a_notification_that_grows_too_long_for_a_contact_names_the_part(house: SendingHouse) -> None:
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        made = await send(house, push("Hello {{ news }}"), contact_id, params={"news": "x" * 4000})
        [status] = await settled(house, ids_of(made))
    assert status.state is MessageState.FAILED
    assert status.reason.startswith("cannot be made")
    assert "text" in status.reason
    assert "3,993" in status.reason
    assert browser.asked == []


# ------------------------------------------------------------------ crashes


async def test_a_killed_process_leaves_no_browser_out(house: SendingHouse) -> None:
    people: list[int] = []
    async with running_gateway(lambda asked, number: Reply(status=201, body=b"", wait=0.02)) as peer:
        people, browsers = await subscribed(house, peer, 30)
        ids = ids_of(await send(house, push(), *people))
        async with sender_process(house, SenderRole.EXPRESS) as process:
            async with asyncio.timeout(30):
                while len(peer.accepted) < 8:
                    await asyncio.sleep(0.005)
            process.kill()
            await process.wait()
        async with sending(express(house)):
            statuses = await settled(house, ids)
    assert {status.state for status in statuses} == {MessageState.SENT}
    assert all(browser.got for browser in browsers)
    doubtful = {status.contact_id for status in statuses if status.uncertain}
    assert all(
        len(browser.got) == 1
        for contact_id, browser in zip(people, browsers, strict=True)
        if contact_id not in doubtful
    )


# ------------------------------------------------------------------ templates and senders


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "shop.example"}, "link"),
        ({"link": "https://"}, "link"),
        ({"link": "https://shop.example/{{ unknown("}, "link"),
        ({"actions": "x"}, "actions"),
        ({"actions": [{"title": "A", "link": "https://a.example"}] * 3}, "actions"),
        ({"actions": [{"title": "A"}]}, "actions.0"),
        ({"actions": [{"title": " ", "link": "https://a.example"}]}, "actions.0.title"),
        ({"actions": [{"title": "A", "link": "mailto:a@b.example"}]}, "actions.0.link"),
        ({"urgency": "soon"}, "urgency"),
        ({"topic": "two words"}, "topic"),
        ({"topic": "x" * 33}, "topic"),
        ({"ttlSeconds": 0}, "ttlSeconds"),
        ({"requireInteraction": "perhaps"}, "requireInteraction"),
    ],
)
async def test_wrong_members_are_refused_by_name(house: SendingHouse, members: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid) as refused:
        await house.content.create(house.account_id, push(**members))
    assert refused.value.fields[0].field == named


async def test_a_sender_of_push_may_say_whom_services_write_to_and_nothing_else(house: SendingHouse) -> None:
    given = SenderInput(name="Push", kind=SenderKind.WEBPUSH, channel=Channel.WEBPUSH, from_email="Ops@Shop.example")
    sender = await house.senders.add(house.account_id, given)
    assert (sender.channel, sender.from_email, sender.is_default) == (Channel.WEBPUSH, "ops@shop.example", True)
    wrong: tuple[dict[str, Any], ...] = (
        {"password": "x"},
        {"kind": SenderKind.INBOX},
        {"channel": Channel.SMS},
        {"from_email": "x"},
    )
    for more in wrong:
        with pytest.raises(Invalid):
            await house.senders.add(house.account_id, msgspec.structs.replace(given, **more))
    async with running_gateway(took) as peer, sending(express(house)):
        [contact_id], [browser] = await subscribed(house, peer)
        await settled(house, ids_of(await send(house, push(), contact_id)))
    pair = await PushKeys(house.database, house.keyring).pair(house.account_id)
    assert vapid_claims(browser.got[0], pair.public)["sub"] == "mailto:ops@shop.example"
