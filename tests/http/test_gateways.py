"""What providers of texts post, over HTTP: receipts and texts that are theirs, and those of strangers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import msgspec
import pytest

from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.ids import single_message_id
from syncom.inbound_texts.model import InboundFilter
from syncom.messages.channels.sms.callbacks.signatures import vonage_signature
from syncom.messages.channels.sms.form import CallbackForm, GatewayCall, GatewayForm, InboundForm, ReceiptForm
from syncom.messages.channels.sms.providers import SignatureMethod, TwilioAccount, VonageAccount
from syncom.messages.model import SenderConfig, SenderKind
from syncom.messages.receipts.model import PeerMessage
from syncom.messages.receipts.store import remember
from syncom.messages.senders import SenderInput
from tests.http.running_site import Site

_numbers = itertools.count(380_670_000_000)
_ids = itertools.count(1)
URL = "https://gateway.example/send"
SECRET = "a callback secret of some length"


def _signed(url: str, fields: dict[str, str], token: str = "token") -> str:
    text = url + "".join(name + value for name, value in sorted(fields.items()))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


async def _sender(site: Site, kind: SenderKind, **more: Any) -> tuple[int, str, str]:
    """Its id, and where its provider posts receipts and texts."""
    configs = {
        SenderKind.TWILIO: SenderConfig(twilio=TwilioAccount(account_sid="AC1", names=("Acme",))),
        SenderKind.VONAGE: SenderConfig(vonage=VonageAccount(api_key="key", names=("Acme",))),
        SenderKind.GATEWAY: SenderConfig(
            gateway=GatewayForm(
                sms=GatewayCall(url=URL),
                names=("Acme",),
                callbacks=CallbackForm(
                    receipts=ReceiptForm(id="id", status="stat"), texts=InboundForm(from_="from", text="text", id="id")
                ),
            )
        ),
    }
    given = SenderInput(name="Texts", kind=kind, config=configs[kind], password="token", callback_secret=SECRET, **more)
    sender = await site.app.senders.add(site.owner.account_id, given)
    async with site.client() as client:
        got = await client.get(f"/syncom/v1/senders/{sender.sender_id}/callbacks")
    assert got.status_code == 200, got.text
    return sender.sender_id, got.json()["receipts"], got.json()["texts"]


async def _person(site: Site) -> tuple[int, str]:
    phone = f"+{next(_numbers)}"
    made = await site.app.contacts.upsert(
        site.owner.account_id,
        [ContactInput(phone=phone)],
        UpsertOptions(key=IdentityKind.PHONE, consent=SubscriptionState.SUBSCRIBED),
    )
    [contact_id] = made.contact_ids
    assert contact_id is not None
    return contact_id, phone


async def _sent(site: Site, sender_id: int, peer_id: str) -> None:
    """A message that the provider took under this id."""
    contact_id, _ = await _person(site)
    message = PeerMessage(
        sender_id=sender_id,
        peer_ids=(peer_id,),
        account_id=site.owner.account_id,
        contact_id=contact_id,
        message_id=single_message_id(contact_id),
        campaign_id=0,
        content_id=0,
        channel=Channel.SMS,
        sent_at=datetime.now(UTC),
    )
    async with site.app.database.system() as connection:
        await remember(connection, [message])


async def _counts(site: Site, sender_id: int) -> dict[str, int]:
    return await site.app.receipts.counts(site.owner.account_id, sender_id)


async def _twilio(site: Site, url: str, fields: dict[str, str], **headers: str) -> httpx.Response:
    given = {"X-Twilio-Signature": _signed(url, fields), **headers}
    async with site.client(None) as client:
        return await client.post(url, data=fields, headers=given)


def _twilio_text(phone: str, text: str) -> dict[str, str]:
    return {"MessageSid": f"SM{next(_ids)}", "From": phone, "To": "+12025550100", "Body": text, "NumMedia": "0"}


# ------------------------------------------------------------------ texts


async def test_a_stop_through_twilio_ends_the_subscription_with_proof(site: Site) -> None:
    _, _, texts = await _sender(site, SenderKind.TWILIO)
    contact_id, phone = await _person(site)
    fields = _twilio_text(phone, "Stop.")
    answer = await _twilio(site, texts, fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text.endswith("<Response></Response>")
    contact = await site.app.contacts.get(site.owner.account_id, contact_id)
    assert contact.sms_state is SubscriptionState.UNSUBSCRIBED
    [event] = await site.app.contacts.proofs.history(site.owner.account_id, contact_id, limit=1)
    assert (event.detail or {})["peer_id"] == fields["MessageSid"]
    assert (await _twilio(site, texts, fields)).status_code == 200
    async with site.client() as client:
        listed = (await client.get("/syncom/v1/inbound-texts", params={"contact_id": contact_id})).json()
        assert [(one["text"], one["keyword"], one["is_answered"]) for one in listed["items"]] == [
            ("Stop.", "stop", False)
        ], "Twilio answers its own words itself, and the same text again changes nothing"
        one = await client.get(f"/syncom/v1/inbound-texts/{listed['items'][0]['inbound_text_id']}")
    assert one.json() == listed["items"][0]


async def test_a_word_that_twilio_does_not_know_is_answered_by_us(site: Site) -> None:
    _, _, texts = await _sender(site, SenderKind.TWILIO)
    contact_id, phone = await _person(site)
    assert (await _twilio(site, texts, _twilio_text(phone, "СТОП"))).status_code == 200
    [kept] = await site.app.inbound_texts.list(site.owner.account_id, InboundFilter(contact_id=contact_id))
    assert kept.is_answered


async def test_a_text_through_vonage_and_through_a_described_gateway_is_kept(site: Site) -> None:
    _, _, vonage = await _sender(site, SenderKind.VONAGE)
    _, _, described = await _sender(site, SenderKind.GATEWAY)
    _, phone = await _person(site)
    fields = {
        "msisdn": phone.lstrip("+"),
        "to": "999",
        "messageId": f"M{next(_ids)}",
        "text": "Hi & bye=1",
        "timestamp": str(int(datetime.now(UTC).timestamp())),
    }
    fields["sig"] = vonage_signature(fields, SECRET, SignatureMethod.SHA256)
    body = {"from": phone, "text": "Hello", "id": f"G{next(_ids)}"}
    async with site.client(None) as client:
        first = await client.get(vonage, params=fields)
        second = await client.post(described, json=body, headers={"X-Callback-Secret": SECRET})
    assert (first.status_code, second.status_code) == (200, 200)
    kept = await site.app.inbound_texts.list(site.owner.account_id, InboundFilter(phone=phone))
    assert [one.text for one in kept] == ["Hello", "Hi & bye=1"]


# ------------------------------------------------------------------ receipts


async def test_receipts_of_all_kinds_of_senders_reach_their_messages_in_any_order_and_once(site: Site) -> None:
    twilio, twilio_url, _ = await _sender(site, SenderKind.TWILIO)
    vonage, vonage_url, _ = await _sender(site, SenderKind.VONAGE)
    described, described_url, _ = await _sender(site, SenderKind.GATEWAY)
    for sender_id in (twilio, vonage, described):
        await _sent(site, sender_id, "P1")
    for status in ("delivered", "sent", "delivered"):
        answer = await _twilio(site, twilio_url, {"MessageSid": "P1", "MessageStatus": status})
        assert answer.status_code == 200
    fields = {
        "messageId": "P1",
        "status": "failed",
        "err-code": "3",
        "timestamp": str(int(datetime.now(UTC).timestamp())),
    }
    fields["sig"] = vonage_signature(fields, SECRET, SignatureMethod.SHA256)
    async with site.client(None) as client:
        assert (await client.post(vonage_url, data=fields)).status_code == 200
        assert (await client.post(vonage_url, json=fields)).status_code == 200
        secret = {"X-Callback-Secret": SECRET}
        params = {"id": "P1", "stat": "DELIVRD"}
        assert (await client.get(described_url, params=params, headers=secret)).status_code == 200
    assert await _counts(site, twilio) == {"delivered": 1, "repeated": 2}
    assert await _counts(site, vonage) == {"undelivered": 1, "repeated": 1}
    assert await _counts(site, described) == {"delivered": 1}


# ------------------------------------------------------------------ strangers


@pytest.mark.parametrize("kind", [SenderKind.TWILIO, SenderKind.VONAGE, SenderKind.GATEWAY])
@pytest.mark.parametrize("what", ["receipts", "texts"])
async def test_forged_requests_change_nothing(site: Site, kind: SenderKind, what: str) -> None:
    sender_id, receipts, texts = await _sender(site, kind)
    await _sent(site, sender_id, "P1")
    contact_id, phone = await _person(site)
    url = receipts if what == "receipts" else texts
    everything = {
        **_twilio_text(phone, "STOP"),
        "MessageStatus": "delivered",
        "status": "delivered",
        "stat": "DELIVRD",
        "id": "P1",
        "messageId": "P1",
        "msisdn": phone,
        "from": phone,
        "text": "STOP",
        "timestamp": str(int(datetime.now(UTC).timestamp())),
    }
    other = _signed(url, everything, "another token")
    forged: list[dict[str, str]] = [
        {},
        {"X-Twilio-Signature": other, "X-Callback-Secret": "wrong"},
        {"X-Twilio-Signature": "", "X-Callback-Secret": "", "Authorization": "Bearer"},
        {"Authorization": "Bearer a.b.c"},
    ]
    async with site.client(None) as client:
        for headers in forged:
            answer = await client.post(url, data={**everything, "sig": "0" * 64}, headers=headers)
            assert answer.status_code == 403, answer.text
    assert await _counts(site, sender_id) == {}
    contact = await site.app.contacts.get(site.owner.account_id, contact_id)
    assert contact.sms_state is SubscriptionState.SUBSCRIBED


async def test_a_request_that_was_signed_for_one_address_is_none_for_another(site: Site) -> None:
    _, receipts, texts = await _sender(site, SenderKind.TWILIO)
    _, _, others = await _sender(site, SenderKind.TWILIO)
    _, phone = await _person(site)
    fields = _twilio_text(phone, "STOP")
    for wrong in (receipts, others):
        answer = await _twilio(site, texts, fields, **{"X-Twilio-Signature": _signed(wrong, fields)})
        assert answer.status_code == 403


async def test_the_host_header_of_a_stranger_does_not_move_the_address_that_was_signed(site: Site) -> None:
    _, _, texts = await _sender(site, SenderKind.TWILIO)
    _, phone = await _person(site)
    fields = _twilio_text(phone, "Hello")
    evil = texts.replace(urlsplit(texts).netloc, "evil.example")
    answer = await _twilio(site, texts, fields, **{"Host": "evil.example", "X-Twilio-Signature": _signed(evil, fields)})
    assert answer.status_code == 403


async def test_addresses_that_were_not_made_here_and_senders_that_are_gone_look_the_same(site: Site) -> None:
    sender_id, receipts, texts = await _sender(site, SenderKind.TWILIO)
    await site.app.senders.delete(site.owner.account_id, sender_id)
    token = texts.split("/")[4]
    wrong = [
        receipts,
        texts,
        texts.replace(token, token[:-2] + ("AA" if token[-2:] != "AA" else "BB")),
        texts.replace(token, "x" * 500),
        texts + "/more",
        texts.replace("/texts", "/other"),
    ]
    async with site.client(None) as client:
        for url in wrong:
            answer = await client.post(url, data={"MessageSid": "SM1"})
            assert (answer.status_code, answer.text) == (404, "There is no such address."), url


async def test_what_is_too_large_broken_or_of_another_method_is_refused(site: Site) -> None:
    _, receipts, texts = await _sender(site, SenderKind.GATEWAY)
    secret = {"X-Callback-Secret": SECRET}
    async with site.client(None) as client:
        assert (await client.post(texts, content=b"x" * 70_000, headers=secret)).status_code == 413
        broken = {**secret, "Content-Type": "application/json"}
        assert (await client.post(texts, content=b"{", headers=broken)).status_code == 400
        assert (await client.post(receipts, content=b"[" * 60_000, headers=broken)).status_code == 400
        assert (await client.post(receipts, json={"id": 1}, headers=secret)).status_code == 400
        refused = await client.put(texts, json={}, headers=secret)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


async def test_a_sender_without_a_callback_secret_believes_nobody(site: Site) -> None:
    form = GatewayForm(
        sms=GatewayCall(url=URL), names=("Acme",), callbacks=CallbackForm(texts=InboundForm(from_="from", text="text"))
    )
    given = SenderInput(name="x", kind=SenderKind.GATEWAY, config=SenderConfig(gateway=form))
    sender = await site.app.senders.add(site.owner.account_id, given)
    texts = site.app.callback_addresses(sender).texts
    async with site.client(None) as client:
        for headers in ({}, {"X-Callback-Secret": ""}):
            assert (await client.post(texts, json={"from": "1", "text": "x"}, headers=headers)).status_code == 403


async def test_a_viewer_does_not_see_the_addresses_and_secrets_are_never_shown(site: Site) -> None:
    sender_id, _, _ = await _sender(site, SenderKind.TWILIO)
    async with site.client(site.viewer_key) as client:
        assert (await client.get(f"/syncom/v1/senders/{sender_id}/callbacks")).status_code == 403
        shown = await client.get(f"/syncom/v1/senders/{sender_id}")
    assert "callback_secret" not in shown.json()
    assert b"token" not in msgspec.json.encode(shown.json())


# ------------------------------------------------------------------ parts


async def test_parts_are_counted_with_what_makes_a_text_dear(site: Site) -> None:
    async with site.client() as client:
        plain = await client.post("/syncom/v1/texts/parts", json={"text": "a€" * 80})
        curly = await client.post("/syncom/v1/texts/parts", json={"text": "It’s “new” ’"})
        long = await client.post("/syncom/v1/texts/parts", json={"text": "x" * 10_001})
    assert plain.json() == {
        "alphabet": "gsm",
        "characters": 160,
        "units": 240,
        "parts": 2,
        "left": 66,
        "forcing": [],
        "double": ["€"],
    }
    assert curly.json() == {
        "alphabet": "ucs2",
        "characters": 12,
        "units": 12,
        "parts": 1,
        "left": 58,
        "forcing": ["’", "“", "”"],
        "double": [],
    }
    assert long.status_code == 422
