"""Twilio and Vonage: the requests they get, byte by byte, and what their answers do."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncom.activity.model import ActivityKind
from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.sms.callbacks.addresses import receipts_address
from syncom.messages.channels.sms.codes import Action, Code, Origin, all_codes, meaning
from syncom.messages.channels.sms.form import GatewayForm, read_answer
from syncom.messages.channels.sms.providers import TwilioAccount, VonageAccount
from syncom.messages.model import MessageState, OnUncertain, Sender, SenderConfig, SenderKind
from syncom.messages.receipts.model import Receipt, ReceiptState
from syncom.messages.receipts.service import ReceiptsService
from syncom.messages.senders import SenderInput
from syncom.security import Keyring
from syncom.tokens import MessageTokens
from tests.messages.house import BASE_URL, SendingHouse, sending
from tests.messages.sms.gateway_peer import Asked, GatewayPeer, Reply, running_gateway
from tests.messages.sms.test_gateway import ANN, BOB, express, send, settled, waiting

SID = "AC0123456789abcdef0123456789abcdef"


def twilio_answers(asked: Asked, number: int) -> Reply:
    """As api.twilio.com answers a message it takes."""
    del asked
    body = {"sid": f"SM{number:032d}", "status": "queued", "num_segments": "1", "error_code": None}
    return Reply(status=201, body=msgspec.json.encode(body))


def twilio_refuses(status: int, code: int, message: str = "no") -> Reply:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Reply(status=status, body=msgspec.json.encode(body))


def vonage_answers(*parts: str, error: str = "") -> Reply:
    """As rest.nexmo.com answers, with a status for each part."""
    messages = [
        {
            "to": ANN.lstrip("+"),
            "status": status,
            **({"error-text": error} if status != "0" else {"message-id": f"V{n}"}),
        }
        for n, status in enumerate(parts, 1)
    ]
    return Reply(body=msgspec.json.encode({"message-count": str(len(parts)), "messages": messages}))


async def twilio(house: SendingHouse, peer: GatewayPeer, **more: Any) -> int:
    account = TwilioAccount(account_sid=SID, base_url=peer.url, names=("+12025550100", "Acme"), **more)
    given = SenderInput(
        name="Twilio",
        kind=SenderKind.TWILIO,
        config=SenderConfig(twilio=account, timeout=2.0, max_connections=1),
        password="token",
    )
    return (await house.senders.add(house.account_id, given)).sender_id


async def vonage(house: SendingHouse, peer: GatewayPeer, **config: Any) -> int:
    account = VonageAccount(api_key="abcd1234", names=("Acme",), base_url=peer.url)
    given = SenderInput(
        name="Vonage",
        kind=SenderKind.VONAGE,
        config=SenderConfig(vonage=account, timeout=2.0, max_connections=1, **config),
        password="s3cret",
    )
    return (await house.senders.add(house.account_id, given)).sender_id


# ------------------------------------------------------------------ what arrives


async def test_twilio_gets_its_form_with_the_account_as_login_and_where_to_post_receipts(house: SendingHouse) -> None:
    async with running_gateway(twilio_answers) as peer, sending(express(house)):
        sender_id = await twilio(house, peer)
        [status] = await settled(house, await send(house, "Hello & good day ж"))
    [asked] = peer.asked
    assert (asked.method, asked.path) == ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json")
    assert b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode() == f"{SID}:token"
    assert asked.form() == {
        "To": ANN,
        "From": "+12025550100",
        "Body": "Hello & good day ж",
        "StatusCallback": f"{BASE_URL}/gateways/{MessageTokens(house.keyring).gateway(sender_id)}/receipts"
        f"?message={status.message_id}",
    }
    assert (status.state, status.reason) == (MessageState.SENT, f"201 id=SM{1:032d}")


async def test_a_messaging_service_chooses_the_number_and_an_api_key_is_the_login(house: SendingHouse) -> None:
    async with running_gateway(twilio_answers) as peer, sending(express(house)):
        await twilio(house, peer, messaging_service_sid="MG01", api_key="SK01")
        await settled(house, await send(house, "Hello"))
    [asked] = peer.asked
    assert asked.form()["MessagingServiceSid"] == "MG01"
    assert "From" not in asked.form()
    assert b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode() == "SK01:token"


async def test_vonage_gets_key_secret_and_type_and_tells_an_id_for_each_part(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: vonage_answers("0", "0")) as peer, sending(express(house)):
        await vonage(house, peer)
        [status] = await settled(house, await send(house, "Привіт", ANN))
        await settled(house, await send(house, "Hello", BOB))
    first, second = peer.asked
    assert (first.method, first.path) == ("POST", "/sms/json")
    form = first.form()
    assert form.pop("callback").endswith("/receipts")
    assert form == {
        "api_key": "abcd1234",
        "api_secret": "s3cret",
        "from": "Acme",
        "to": ANN.lstrip("+"),
        "text": "Привіт",
        "type": "unicode",
        "client-ref": str(status.message_id),
    }
    assert "type" not in second.form()
    assert status.reason == "200 id=V1,V2"


@pytest.mark.parametrize(
    ("ours", "theirs", "asked"),
    [
        ("http://127.0.0.1:8080", "https://api.twilio.com", False),
        ("http://localhost:8080", "https://api.twilio.com", False),
        ("http://10.0.0.5", "https://api.twilio.com", False),
        ("https://mail.example.com", "https://api.twilio.com", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9000", True),
    ],
)
def test_receipts_are_asked_for_only_where_the_provider_can_reach_us(
    tmp_path: Path, ours: str, theirs: str, asked: bool
) -> None:
    config = SenderConfig(twilio=TwilioAccount(account_sid=SID, names=("Acme",), base_url=theirs))
    sender = Sender(
        sender_id=7,
        account_id=1,
        name="x",
        kind=SenderKind.TWILIO,
        channel=Channel.SMS,
        from_email="",
        from_name="Acme",
        reply_to="",
        config=config,
        is_default=True,
        paused_until=None,
        problem="",
    )
    tokens = MessageTokens(Keyring.open(tmp_path / "secret.key"))
    assert bool(receipts_address(ours, tokens, sender)) is asked


# ------------------------------------------------------------------ what answers do


async def test_a_number_that_is_none_is_suppressed_and_nobody_else(house: SendingHouse) -> None:
    refusal = twilio_refuses(400, 21211, "The 'To' number is not a valid phone number.")
    async with (
        running_gateway(
            lambda asked, number: refusal if asked.form()["To"] == ANN else twilio_answers(asked, number)
        ) as peer,
        sending(express(house)),
    ):
        await twilio(house, peer)
        first, second = await settled(house, await send(house, "Hello", ANN, BOB))
    assert (first.state, second.state) == (MessageState.FAILED, MessageState.SENT)
    assert first.reason == "400 The 'To' number is not a valid phone number."
    found = await house.contacts.consents.suppressions(house.account_id, Channel.SMS)
    assert [(one.address, one.reason) for one in found] == [(ANN, "hard bounce")]


async def test_who_has_opted_out_at_twilio_gets_nothing_more(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: twilio_refuses(400, 21610)) as peer, sending(express(house)):
        await twilio(house, peer)
        [status] = await settled(house, await send(house, "Hello"))
    assert status.state is MessageState.FAILED
    found = await house.contacts.consents.suppressions(house.account_id, Channel.SMS)
    assert [(one.address, one.reason) for one in found] == [(ANN, "opted out")]


@pytest.mark.parametrize("reply", [twilio_refuses(401, 20003, "Authenticate"), twilio_refuses(400, 21606, "not yours")])
async def test_a_refused_account_or_number_puts_the_sender_to_rest(house: SendingHouse, reply: Reply) -> None:
    async with running_gateway(lambda asked, number: reply) as peer:
        sender_id = await twilio(house, peer)
        results = await send(house, "Hello", ANN, BOB)
        async with sending(express(house)):
            await waiting(house, results)
            sender = await house.senders.get(house.account_id, sender_id)
    assert sender.paused_until is not None
    assert len(peer.asked) == 1
    assert await house.contacts.consents.suppressions(house.account_id, Channel.SMS) == []


async def test_too_many_requests_are_tried_again_later(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: twilio_refuses(429, 20429)) as peer:
        await twilio(house, peer)
        results = await send(house, "Hello")
        async with sending(express(house)):
            found = await waiting(house, results)
    assert (found.state, found.attempts) == (MessageState.QUEUED, 1)


async def test_a_no_of_vonage_inside_a_200_is_a_no(house: SendingHouse) -> None:
    async with running_gateway(lambda asked, number: vonage_answers("6", error="Unroutable")) as peer:
        await vonage(house, peer)
        results = await send(house, "Hello")
        async with sending(express(house)):
            [status] = await settled(house, results)
    assert (status.state, status.reason) == (MessageState.FAILED, "200 Unroutable")
    found = await house.contacts.consents.suppressions(house.account_id, Channel.SMS)
    assert [one.address for one in found] == [ANN]


def _read(form: GatewayForm, reply: Reply) -> tuple[Outcome, Any]:
    return read_answer(form.answers, reply.status, reply.body, None)


def test_a_text_of_which_vonage_took_some_parts_is_in_doubt() -> None:
    form = VonageAccount(api_key="k", names=("Acme",)).form()
    outcome, answer = _read(form, vonage_answers("0", "1", error="Throttled"))
    assert outcome is Outcome.UNCERTAIN
    assert answer.text == "Throttled"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"messages": []}', b'{"messages": 5}', b"null"])
def test_an_answer_without_a_status_is_no_yes(body: bytes) -> None:
    form = VonageAccount(api_key="k", names=("Acme",)).form()
    outcome, answer = _read(form, Reply(body=body))
    assert outcome is Outcome.PERMANENT
    assert not answer.of_sender


@pytest.mark.parametrize("early", [False, True])
async def test_a_receipt_tells_the_end_of_a_text_whose_answer_was_lost(house: SendingHouse, early: bool) -> None:
    """Vonage brings our id back (client-ref): what was left in doubt is known after all."""
    receipts = ReceiptsService(house.database, house.activity, house.clock)
    delivered = ReceiptState.DELIVERED
    async with running_gateway(lambda asked, number: Reply(drop=True)) as peer:
        sender_id = await vonage(house, peer, on_uncertain=OnUncertain.LEAVE)
        [result] = await send(house, "Hello")
        receipt = Receipt(sender_id=sender_id, peer_id="V9", state=delivered, message_id=result.message_id)
        if early:
            await receipts.receive(receipt)
        async with sending(express(house)):
            [status] = await settled(house, [result])
    assert status.state is MessageState.UNCERTAIN
    if early:
        for _ in range(2):
            async with house.database.system() as connection:
                await connection.execute("UPDATE waiting_receipts SET try_at = now()")
            await receipts.look_again()
    else:
        await receipts.receive(receipt)
    await receipts.receive(receipt)
    strange = Receipt(sender_id=sender_id + 1, peer_id="V9", state=delivered, message_id=result.message_id)
    await receipts.receive(strange)
    await receipts.close()
    async with house.database.autocommit() as connection:
        await house.activity.settle(connection)
        facts = await (await connection.execute("SELECT kind, message_id FROM activity")).fetchall()
    assert facts == [(ActivityKind.DELIVERED, result.message_id)]
    counts = await receipts.counts(house.account_id, sender_id)
    assert counts == {"delivered": 1, "repeated": 1}


# ------------------------------------------------------------------ the table of codes


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: f"{code.provider.value}-{code.codes[0]}")
def test_every_code_has_a_reason_and_a_source_and_is_found(code: Code) -> None:
    assert code.reason
    assert code.source.startswith("https://")
    for one in code.codes:
        assert meaning(code.provider, code.origin or Origin.ANSWER, one) is code


def test_numbers_of_vonages_answers_and_receipts_are_not_mixed_up() -> None:
    for code in all_codes():
        if code.provider.value == "vonage" and code.origin is Origin.RECEIPT:
            assert code.action not in (Action.PAUSE_SENDER, Action.SLOW_DOWN)


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        (SenderKind.TWILIO, SenderConfig(), "config.twilio"),
        (SenderKind.TWILIO, SenderConfig(vonage=VonageAccount(api_key="k", names=("A",))), "config.twilio"),
        (
            SenderKind.TWILIO,
            SenderConfig(twilio=TwilioAccount(account_sid="../x", names=("Acme",))),
            "config.twilio.account_sid",
        ),
        (SenderKind.TWILIO, SenderConfig(twilio=TwilioAccount(account_sid=SID, names=())), "config.twilio.names"),
        (
            SenderKind.TWILIO,
            SenderConfig(twilio=TwilioAccount(account_sid=SID, names=("Acme",), base_url="https://a:b@x.example")),
            "config.twilio.base_url",
        ),
        (
            SenderKind.VONAGE,
            SenderConfig(vonage=VonageAccount(api_key="", names=("Acme",))),
            "config.vonage.api_key",
        ),
        (SenderKind.SMTP, SenderConfig(host="x", vonage=VonageAccount(api_key="k", names=("A",))), "config.vonage"),
    ],
)
async def test_what_cannot_work_is_refused_by_field(
    house: SendingHouse, kind: SenderKind, config: SenderConfig, field: str
) -> None:
    given = SenderInput(name="x", kind=kind, config=config, from_email="a@example.org")
    with pytest.raises(Invalid) as refused:
        await house.senders.add(house.account_id, given)
    assert refused.value.fields[0].field == field
