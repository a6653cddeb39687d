"""Texts through a real HTTP gateway: what it gets, what its answers do, what a crash leaves."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest

from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.errors import Invalid, Upstream
from syncom.messages.batch import BatchRecipient, BatchResult, BatchSend
from syncom.messages.channels.sms.form import Body, GatewayAnswers, GatewayCall, GatewayForm, Verb
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.messages.groups import GroupMember, SenderGroupInput, SenderGroupsService
from syncom.messages.model import MessageState, MessageStatus, OnUncertain, SenderConfig, SenderKind, SenderRole
from syncom.messages.receipts.model import Receipt, ReceiptState
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.senders import InboxAddress, SenderInput
from syncom.messages.sending.loop import SendingLoop
from tests.messages.house import SendingHouse, sending
from tests.messages.sms.gateway_peer import OK, GatewayPeer, Reply, running_gateway
from tests.messages.test_faults import sender_process

ANN, BOB = "+380671112233", "+380672223344"


async def gateway(
    house: SendingHouse, peer: GatewayPeer, call: GatewayCall | None = None, *, answers_id: str = "", **config: Any
) -> int:
    """A sender through this gateway. ``answers_id``: where its answers have their ids."""
    form = GatewayForm(
        sms=call or GatewayCall(url=f"{peer.url}/sms"),
        viber=GatewayCall(url=f"{peer.url}/viber"),
        headers={"Authorization": "Bearer {secret}"},
        names=("Acme", "Shop"),
        answers=GatewayAnswers(id=answers_id),
    )
    given = SenderInput(
        name="Gateway",
        kind=SenderKind.GATEWAY,
        config=SenderConfig(**{"gateway": form, "timeout": 2.0, "max_connections": 4, **config}),
        password="s3cret",
    )
    return (await house.senders.add(house.account_id, given)).sender_id


def sms(text: str, **more: Any) -> TemplateInput:
    return TemplateInput(name="Text", subject="", source=text, channel=more.pop("channel", Channel.SMS), **more)


async def send(
    house: SendingHouse, text: str, *phones: str, track_links: bool = False, **more: Any
) -> list[BatchResult]:
    request = BatchSend(
        mail=sms(text, **more),
        recipients=tuple(BatchRecipient(locator=phone) for phone in phones or (ANN,)),
        track_links=track_links,
    )
    return await house.messages.send_each(house.account_id, request)


async def settled(house: SendingHouse, results: Sequence[BatchResult], *, patience: float = 20) -> list[MessageStatus]:
    """What became of them, retries being due at once."""
    ids = [result.message_id for result in results if result.message_id is not None]
    async with asyncio.timeout(patience):
        while True:
            found = await house.messages.status(house.account_id, ids)
            if all(one.state is not MessageState.QUEUED for one in found):
                return sorted(found, key=lambda one: ids.index(one.message_id))
            await house.retries_are_due()
            await asyncio.sleep(0.05)


async def waiting(house: SendingHouse, results: Sequence[BatchResult]) -> MessageStatus:
    """The first message that was tried and did not get through at once."""
    ids = [result.message_id for result in results if result.message_id is not None]
    async with asyncio.timeout(20):
        while True:
            for found in await house.messages.status(house.account_id, ids):
                if found.attempts or found.reason:
                    return found
            await asyncio.sleep(0.02)


def express(house: SendingHouse) -> SendingLoop:
    return house.loop(SenderRole.EXPRESS)


# ------------------------------------------------------------------ what arrives


async def test_a_text_reaches_the_gateway_with_its_fields_and_is_in_the_ledger(house: SendingHouse) -> None:
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer)
        results = await send(house, "Order A-500 is on its way", "380671112233")
        [status] = await settled(house, results)
    assert (status.state, status.channel, status.address) == (MessageState.SENT, Channel.SMS, ANN)
    [asked] = peer.asked
    assert asked.json() == {
        "to": ANN,
        "from": "Acme",
        "text": "Order A-500 is on its way",
        "id": str(status.message_id),
    }
    assert asked.headers["authorization"] == "Bearer s3cret"


async def test_a_receipt_by_the_gateways_id_tells_that_the_text_arrived(house: SendingHouse) -> None:
    receipts = ReceiptsService(house.database, house.activity, house.clock)
    async with running_gateway() as peer, sending(express(house)):
        sender_id = await gateway(house, peer, answers_id="id")
        results = await send(house, "Order A-500 is on its way", ANN)
        [status] = await settled(house, results)
    assert status.delivered_at is None
    await receipts.receive(Receipt(sender_id=sender_id, peer_id="gw-1", state=ReceiptState.DELIVERED))
    async with house.database.autocommit() as connection:
        await house.activity.settle(connection)
    [status] = await house.messages.status(house.account_id, [status.message_id])
    assert status.delivered_at is not None
    assert status.bounced_at is None


async def test_unknown_phones_become_contacts_with_nothing_else_and_fields_are_merged(house: SendingHouse) -> None:
    known = await house.contacts.upsert(
        house.account_id,
        [ContactInput(phone=ANN, first_name="Ann", email="ann@example.org")],
        UpsertOptions(key=IdentityKind.PHONE),
    )
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer)
        statuses = await settled(house, await send(house, "Hello %FIRSTNAME|friend%!", ANN, BOB))
    assert {asked.json()["to"]: asked.json()["text"] for asked in peer.asked} == {
        ANN: "Hello Ann!",
        BOB: "Hello friend!",
    }
    assert statuses[0].contact_id == known.contact_ids[0]
    made = await house.contacts.get(house.account_id, statuses[1].contact_id)
    assert (made.phone, made.email, made.first_name) == (BOB, None, "")


async def test_connections_are_kept_and_no_more_than_allowed(house: SendingHouse) -> None:
    phones = [f"+38067{number:07d}" for number in range(1, 201)]
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer, max_connections=3)
        await settled(house, await send(house, "Hello", *phones))
    assert Counter(asked.json()["to"] for asked in peer.asked) == Counter(phones)
    assert len(peer.connections) <= 3


async def test_viber_goes_its_own_way_with_its_members(house: SendingHouse) -> None:
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer)
        results = await send(
            house, "Sale", channel=Channel.VIBER, members={"img": "https://shop.example/i.png", "ttlSeconds": 60}
        )
        [status] = await settled(house, results)
    assert (status.state, status.channel) == (MessageState.SENT, Channel.VIBER)
    assert [asked.path for asked in peer.asked] == ["/viber"]


async def test_a_get_gateway_is_asked_once_though_it_closes_kept_connections(house: SendingHouse) -> None:
    """aiohttp would repeat a GET by itself on a connection that turns out to be closed."""
    call = GatewayCall(url="", verb=Verb.GET, body=Body.QUERY, fields={"to": "{to}", "text": "{text}"})
    phones = [f"+38067{number:07d}" for number in range(1, 11)]
    async with running_gateway(lambda asked, number: Reply(drop=number % 2 == 0)) as peer, sending(express(house)):
        call = GatewayCall(url=f"{peer.url}/get", verb=Verb.GET, body=Body.QUERY, fields=call.fields)
        await gateway(house, peer, call, on_uncertain=OnUncertain.LEAVE, max_connections=1)
        statuses = await settled(house, await send(house, "Hello", *phones))
    assert Counter(asked.query["to"] for asked in peer.asked) == Counter(phones)
    assert Counter(one.state for one in statuses) == {MessageState.SENT: 5, MessageState.UNCERTAIN: 5}


# ------------------------------------------------------------------ what the answers do


async def test_a_4xx_fails_in_the_gateways_words(house: SendingHouse) -> None:
    refusal = Reply(status=400, body=b'{"error": "no such number"}')
    async with running_gateway(lambda asked, number: refusal) as peer, sending(express(house)):
        await gateway(house, peer)
        [status] = await settled(house, await send(house, "Hello"))
    assert status.state is MessageState.FAILED
    assert status.reason == '400 {"error": "no such number"}'
    assert len(peer.asked) == 1


async def test_a_5xx_is_tried_again(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: Reply(status=500) if number < 3 else OK) as peer:
        await gateway(house, peer)
        results = await send(house, "Hello")
        async with sending(express(house)):
            [status] = await settled(house, results)
    assert (status.state, status.attempts, status.uncertain) == (MessageState.SENT, 3, False)


async def test_another_member_of_the_group_takes_over_from_a_gateway_that_only_fails(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: Reply(status=503)) as broken, running_gateway() as well:
        members = [GroupMember(sender_id=await gateway(house, peer)) for peer in (broken, well)]
        members[1] = msgspec.structs.replace(members[1], priority=2)
        group = SenderGroupInput(name="Texts", members=tuple(members), failover_after=1.0, is_default=True)
        await SenderGroupsService(house.database).add(house.account_id, group)
        results = await send(house, "Hello", ANN, BOB)
        async with sending(express(house)):
            statuses = await settled(house, results)
    assert {status.state for status in statuses} == {MessageState.SENT}
    assert len(well.accepted) == 2
    assert broken.accepted == []


async def test_429_waits_as_long_as_the_gateway_asks_and_holds_back_the_others(house: SendingHouse) -> None:
    async with running_gateway(
        lambda asked, number: Reply(status=429, headers={"Retry-After": "900"}) if number == 1 else OK
    ) as peer:
        sender_id = await gateway(house, peer, max_connections=1)
        results = await send(house, "Hello", ANN, BOB)
        async with sending(express(house)):
            first = await waiting(house, results)
            await asyncio.sleep(1.5)
            sender = await house.senders.get(house.account_id, sender_id)
    assert first.reason.startswith("429")
    assert len(peer.asked) == 1, "nobody else is sent while the gateway asks for patience"
    assert sender.problem.startswith("429")
    async with house.database.system() as connection:
        row = await (
            await connection.execute("SELECT max(due_at) > now() + interval '14 minutes' FROM messages")
        ).fetchone()
    assert row == (True,)


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_gateway_that_refuses_the_account_puts_the_sender_to_rest(house: SendingHouse, status: int) -> None:
    phones = [f"+38067{number:07d}" for number in range(1, 21)]
    async with running_gateway(lambda asked, number: Reply(status=status, body=b"bad key")) as peer:
        sender_id = await gateway(house, peer, max_connections=1)
        results = await send(house, "Hello", *phones)
        async with sending(express(house)):
            await waiting(house, results)
            await asyncio.sleep(0.5)
            sender = await house.senders.get(house.account_id, sender_id)
            found = await house.messages.status(house.account_id, [one.message_id for one in results if one.message_id])
    assert "bad key" in sender.problem
    assert sender.paused_until is not None
    assert len(peer.asked) == 1
    assert {one.state for one in found} == {MessageState.QUEUED}, "nobody is burnt on it"


@pytest.mark.parametrize(
    ("policy", "state", "copies"),
    [(OnUncertain.RESEND, MessageState.SENT, 2), (OnUncertain.LEAVE, MessageState.UNCERTAIN, 1)],
)
async def test_a_connection_that_dies_before_the_answer_leaves_a_doubt(
    house: SendingHouse, policy: OnUncertain, state: MessageState, copies: int
) -> None:
    async with running_gateway(lambda asked, number: Reply(drop=True) if number == 1 else OK) as peer:
        await gateway(house, peer, on_uncertain=policy)
        results = await send(house, "Hello")
        async with sending(express(house)):
            [status] = await settled(house, results)
    assert (status.state, status.uncertain) == (state, True)
    assert len(peer.asked) == copies
    assert len({asked.json()["id"] for asked in peer.asked}) == 1, "the gateway can know it again by its id"


async def test_an_answer_that_does_not_come_in_time_leaves_a_doubt(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: Reply(wait=3.0) if number == 1 else OK) as peer:
        await gateway(house, peer, timeout=1.0)
        results = await send(house, "Hello")
        async with sending(express(house)):
            [status] = await settled(house, results)
    assert (status.state, status.uncertain, len(peer.asked)) == (MessageState.SENT, True, 2)


async def test_a_gateway_that_is_not_there_costs_no_attempt_and_is_shown(house: SendingHouse) -> None:
    async with running_gateway() as peer:
        sender_id = await gateway(house, peer)
        port = peer.port
    results = await send(house, "Hello")
    async with sending(express(house)):
        async with asyncio.timeout(20):
            while not (await house.senders.get(house.account_id, sender_id)).problem:
                await asyncio.sleep(0.05)
        [status] = await house.messages.status(house.account_id, [one.message_id for one in results if one.message_id])
    assert (
        str(port) in (await house.senders.get(house.account_id, sender_id)).problem
        or "127.0.0.1" in (await house.senders.get(house.account_id, sender_id)).problem
    )
    assert (status.state, status.attempts, status.uncertain) == (MessageState.QUEUED, 0, False)


async def test_a_gateway_in_a_private_network_is_not_asked(house: SendingHouse) -> None:
    """The house of tests allows 127.0.0.0/8 and nothing else."""
    form = GatewayForm(sms=GatewayCall(url="http://10.255.255.1/sms"), names=("Acme",))
    given = SenderInput(name="LAN", kind=SenderKind.GATEWAY, config=SenderConfig(gateway=form, timeout=2.0))
    sender = await house.senders.add(house.account_id, given)
    results = await send(house, "Hello")
    async with sending(express(house)):
        await waiting(house, results)
        await asyncio.sleep(0.3)
    assert "private network" in (await house.senders.get(house.account_id, sender.sender_id)).problem


# ------------------------------------------------------------------ who gets it


async def test_suppressed_phones_get_nothing_and_those_without_consent_get_single_messages(house: SendingHouse) -> None:
    await house.contacts.consents.suppress(house.account_id, Channel.SMS, [ANN])
    made = await house.contacts.upsert(
        house.account_id, [ContactInput(phone=BOB)], UpsertOptions(key=IdentityKind.PHONE)
    )
    ids = [one for one in made.contact_ids if one is not None]
    await house.contacts.consents.unsubscribe(house.account_id, ids, Channel.SMS, source="test")
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer)
        first, second = await settled(house, await send(house, "Your code is 1234", ANN, BOB))
    assert (first.state, first.reason) == (MessageState.EXCLUDED, "suppressed")
    assert second.state is MessageState.SENT
    assert [asked.json()["to"] for asked in peer.asked] == [BOB]


async def test_names_are_those_of_the_gateway(house: SendingHouse) -> None:
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer)
        results = await house.messages.send_each(
            house.account_id,
            BatchSend(mail=sms("Hello"), from_name="shop", recipients=(BatchRecipient(locator=ANN),)),
        )
        await settled(house, results)
        refused = await house.messages.send_each(
            house.account_id,
            BatchSend(mail=sms("Hello"), from_name="Other", recipients=(BatchRecipient(locator=ANN),)),
        )
    assert [asked.json()["from"] for asked in peer.asked] == ["Shop"]
    assert refused[0].message_id is None
    assert "'Other' is not one of the senders" in refused[0].problem


async def test_a_sender_can_be_tried_and_says_what_the_gateway_said(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: OK if number == 1 else Reply(status=400, body=b"no")) as peer:
        sender_id = await gateway(house, peer)
        words = await house.senders.test(house.account_id, sender_id, "380671112233", InboxAddress())
        with pytest.raises(Upstream, match="400 no"):
            await house.senders.test(house.account_id, sender_id, ANN, InboxAddress())
        with pytest.raises(Invalid, match="to"):
            await house.senders.test(house.account_id, sender_id, "nobody", InboxAddress())
    assert words == "200"
    assert peer.asked[0].json()["to"] == ANN
    assert peer.asked[0].headers["authorization"] == "Bearer s3cret"


async def test_a_wrong_number_stops_nobody_else(house: SendingHouse) -> None:
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer)
        results = await send(house, "Hello", "12", ANN)
        await settled(house, results)
    assert results[0].problem == "'12' is not valid phone number"
    assert [asked.json()["to"] for asked in peer.asked] == [ANN]


async def test_a_sender_keeps_its_kind(house: SendingHouse) -> None:
    async with running_gateway() as peer:
        sender_id = await gateway(house, peer)
        smtp = SenderInput(name="Mail", from_email="news@brand.example", config=SenderConfig(host="127.0.0.1"))
        with pytest.raises(Invalid, match="kind"):
            await house.senders.update(house.account_id, sender_id, smtp)
    assert (await house.senders.get(house.account_id, sender_id)).kind is SenderKind.GATEWAY


# ------------------------------------------------------------------ short links


async def test_tracked_links_are_short_and_lead_where_they_should(house: SendingHouse) -> None:
    await house.contacts.upsert(
        house.account_id, [ContactInput(phone=ANN, first_name="Ann O")], UpsertOptions(key=IdentityKind.PHONE)
    )
    words = "See https://shop.example/sale and https://shop.example/for/{{ first_name }}."
    async with running_gateway() as peer, sending(express(house)):
        await gateway(house, peer)
        [status] = await settled(house, await send(house, words, track_links=True))
    found = re.fullmatch(
        r"See http://127\.0\.0\.1:8080/t/s/(\w{12}) and http://127\.0\.0\.1:8080/t/s/(\w{12})/1\.",
        peer.asked[0].json()["text"],
    )
    assert found is not None
    assert found[1] == found[2]
    link = await ShortLinks(house.database).find(found[1])
    assert link is not None
    assert (link.message_id, link.contact_id, link.channel) == (status.message_id, status.contact_id, Channel.SMS)
    assert link.targets == {1: "https://shop.example/for/Ann%20O"}


# ------------------------------------------------------------------ the dev inbox


async def test_without_a_gateway_texts_are_in_the_dev_inbox_with_their_channel(house: SendingHouse) -> None:
    async with sending(express(house)):
        statuses = await settled(house, await send(house, "Code {{ params.code|default('42') }}", ANN, BOB))
        await settled(house, await send(house, "Привіт", channel=Channel.VIBER, members={"caption": "Купити"}))
    assert {one.state for one in statuses} == {MessageState.SENT}
    async with house.database.system() as connection:
        rows = await (
            await connection.execute("SELECT channel, recipient, mail_from, subject, message_id FROM inbox_messages")
        ).fetchall()
    assert {(row[0], row[1], row[2], row[3]) for row in rows} == {
        ("sms", ANN, "Syncom", "Code 42"),
        ("sms", BOB, "Syncom", "Code 42"),
        ("viber", ANN, "Syncom", "Привіт"),
    }
    assert {UUID(row[4]) for row in rows} >= {one.message_id for one in statuses}


# ------------------------------------------------------------------ crashes


async def test_kills_lose_no_text_and_leave_doubt_only_over_open_requests(house: SendingHouse) -> None:
    """kill -9 in the middle, several times: nobody is missed, a second copy is always marked."""
    phones = [f"+38067{number:07d}" for number in range(1, 1001)]
    connections, kills = 4, 4
    async with running_gateway(lambda asked, number: Reply(wait=0.005)) as peer:
        await gateway(house, peer, max_connections=connections)
        results = await send(house, "Hello", *phones)
        for number in range(1, kills + 1):
            goal = len(phones) * number // (kills + 2)
            async with sender_process(house, SenderRole.EXPRESS) as child:
                async with asyncio.timeout(60):
                    while len(peer.accepted) < goal:
                        await asyncio.sleep(0.002)
                child.kill()
                await child.wait()
        async with sender_process(house, SenderRole.EXPRESS):
            statuses = await settled(house, results, patience=90)
    assert Counter(one.state for one in statuses) == {MessageState.SENT: len(phones)}
    received = Counter(asked.json()["id"] for asked in peer.accepted)
    assert received.keys() == {str(one.message_id) for one in statuses}, "everybody gets it"
    doubtful = {str(one.message_id) for one in statuses if one.uncertain}
    assert {ident for ident, count in received.items() if count > 1} <= doubtful, "a second copy is always marked"
    assert len(doubtful) <= connections * kills
