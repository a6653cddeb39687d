"""Webhooks of mail providers: signed requests, and those that are forged, repeated, or out of order."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import SubscriptionState
from syncom.errors import Forbidden, Invalid, NotFound, Upstream
from syncom.messages.bounces.hooks.model import Call, HookInput, Provider
from syncom.messages.bounces.hooks.service import BounceHooks
from syncom.messages.bounces.hooks.ses import is_amazons
from syncom.messages.bounces.hooks.words import said
from syncom.messages.bounces.model import ReportKind
from syncom.messages.channels.email.replies import BounceClass
from syncom.outbound import OutboundClient
from tests.messages.bounces.conftest import NOW, Post

#: Half an hour after the mails were sent.
AT = (NOW - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
_RSA = rsa.generate_private_key(65537, 2048)
_EC = ec.generate_private_key(ec.SECP256R1())
SENDGRID_KEY = b64encode(_EC.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
MAILGUN_KEY = "key-of-mailgun"


def _certificate(*, until: datetime | None = None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_RSA.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=900))
        .not_valid_after(until or now + timedelta(days=900))
        .sign(_RSA, SHA256())
    )
    return made.public_bytes(Encoding.PEM)


class Outside:
    """Amazon's hosts, as far as they are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.certificate = _certificate()
        self.is_away = False

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if self.is_away:
            raise Upstream("Amazon SNS answered 500 to a request of ours")
        return self.certificate


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
async def hooks(post: Post, outside: Outside) -> AsyncIterator[BounceHooks]:
    client = OutboundClient()
    service = BounceHooks(
        post.database,
        post.keyring,
        post.tokens,
        post.intake,
        client,
        post.clock,
        base_url="https://mail.example",
        fetch=outside.fetch,
    )
    yield service
    await service.close()
    await client.close()


async def listen(hooks: BounceHooks, post: Post, provider: Provider, **more: Any) -> str:
    """The key of a webhook."""
    made = await hooks.add(post.account_id, HookInput(provider=provider, **more))
    assert made.url.startswith("https://mail.example/bounces/")
    return made.url.rpartition("/")[2]


# ---------------------------------------------------------------- requests as providers make them


def sns(message: Any, *, kind: str = "Notification", version: str = "2", **more: str) -> dict[str, str]:
    envelope = {
        "Type": kind,
        "MessageId": str(uuid4()),
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": AT,
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        **more,
    }
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    signed = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
    algorithm = SHA256() if version == "2" else SHA1()
    return envelope | {"Signature": b64encode(_RSA.sign(signed.encode(), padding.PKCS1v15(), algorithm)).decode()}


def call(body: Any, **headers: str) -> Call:
    return Call(headers=headers, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def ses_bounce(recipient: str, *, kind: str = "Permanent", sub: str = "General", words: str = "", **mail: Any) -> Any:
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": sub,
            "bouncedRecipients": [{"emailAddress": recipient, "action": "failed", "diagnosticCode": words}],
            "timestamp": AT,
            "feedbackId": f"feedback-{recipient}-{sub}",
        },
        "mail": {"messageId": "ses-1", "source": "news@brand.example", "destination": [recipient], **mail},
    }


def sendgrid(events: Any, *, key: ec.EllipticCurvePrivateKey = _EC, timestamp: str = "1782900000") -> Call:
    body = json.dumps(events).encode()
    signature = b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()
    return Call(
        headers={
            "x-twilio-email-event-webhook-signature": signature,
            "x-twilio-email-event-webhook-timestamp": timestamp,
        },
        body=body,
    )


def mailgun(post: Post, event: Any, *, token: str = "", key: str = MAILGUN_KEY, age: timedelta = timedelta()) -> Call:
    timestamp, token = str(int((post.clock.now() - age).timestamp())), token or uuid4().hex
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return call({"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": event})


def mailgun_failed(recipient: str, message_id: UUID, *, id: str = "e1", **status: Any) -> Any:  # noqa: A002
    return {
        "event": "failed",
        "id": id,
        "severity": "permanent",
        "recipient": recipient,
        "reason": "bounce",
        "delivery-status": {"code": 550, "message": "5.1.1 no such user", **status},
        "message": {"headers": {"message-id": f"{message_id.hex}@brand.example"}},
    }


# ---------------------------------------------------------------- Amazon SES


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_bounce_of_ses_suppresses(post: Post, hooks: BounceHooks, outside: Outside, version: str) -> None:
    await post.mailed("p1@example.com")
    key = await listen(hooks, post, Provider.SES, topics=(TOPIC,))
    for _ in range(2):
        await hooks.receive(key, call(sns(ses_bounce("P1@example.com"), version=version)))
    entry = (await post.suppressed())["p1@example.com"]
    assert (entry.reason, entry.expires_at) == ("hard bounce", None)
    assert entry.source.startswith("ses webhook ")
    assert len(await post.kept()) == 1
    assert outside.asked == [CERTIFICATE_URL]
    [hook] = await hooks.list(post.account_id)
    assert hook.received == 2


async def test_a_subscription_is_confirmed_at_amazons_host(post: Post, hooks: BounceHooks, outside: Outside) -> None:
    key = await listen(hooks, post, Provider.SES, topics=(TOPIC,))
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    await hooks.receive(key, call(sns("confirm", kind="SubscriptionConfirmation", SubscribeURL=url, Token="t")))
    assert outside.asked == [CERTIFICATE_URL, url]
    assert [hook.is_confirmed for hook in await hooks.list(post.account_id)] == [True]


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://evil.example#sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://s3.eu-west-1.amazonaws.com/bucket/a.pem",
        "https://sns.evil.s3.amazonaws.com/a.pem",
        "https://[sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/a.pem",
        "",
    ],
)
async def test_certificates_come_from_amazon_sns_alone(
    post: Post, hooks: BounceHooks, outside: Outside, url: str
) -> None:
    assert not is_amazons(url)
    key = await listen(hooks, post, Provider.SES, topics=(TOPIC,))
    with pytest.raises(Forbidden):
        await hooks.receive(key, call(sns(ses_bounce("p1@example.com"), SigningCertURL=url)))
    with pytest.raises(Forbidden):
        await hooks.receive(
            key, call(sns("x", kind="SubscriptionConfirmation", SubscribeURL=url or "https://a", Token="t"))
        )
    assert not [asked for asked in outside.asked if asked != CERTIFICATE_URL]


@pytest.mark.parametrize(
    "name", ["Message", "MessageId", "Timestamp", "TopicArn", "Type", "Signature", "SignatureVersion"]
)
async def test_a_change_to_what_is_signed_is_refused(post: Post, hooks: BounceHooks, name: str) -> None:
    await post.mailed("p1@example.com")
    key = await listen(hooks, post, Provider.SES, topics=(TOPIC, "arn:aws:sns:eu-west-1:123456789012:other"))
    envelope = sns(ses_bounce("p1@example.com"))
    changed = {
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:other",
        "SignatureVersion": "3",
        "Signature": b64encode(b"x" * 256).decode(),
    }.get(name, envelope[name] + " ")
    with pytest.raises(Forbidden):
        await hooks.receive(key, call(envelope | {name: changed}))
    assert not await post.suppressed()
    assert [hook.problem != "" for hook in await hooks.list(post.account_id)] == [True]


async def test_a_topic_of_somebody_else_is_refused_however_well_it_is_signed(post: Post, hooks: BounceHooks) -> None:
    key = await listen(hooks, post, Provider.SES, topics=("arn:aws:sns:eu-west-1:1:mine",))
    with pytest.raises(Forbidden, match="topic"):
        await hooks.receive(key, call(sns(ses_bounce("p1@example.com"))))


async def test_an_old_certificate_and_one_that_cannot_be_had(post: Post, hooks: BounceHooks, outside: Outside) -> None:
    key = await listen(hooks, post, Provider.SES, topics=(TOPIC,))
    outside.is_away = True
    with pytest.raises(Upstream):
        await hooks.receive(key, call(sns(ses_bounce("p1@example.com"))))
    outside.is_away = False
    outside.certificate = _certificate(until=datetime.now(UTC) - timedelta(days=1))
    with pytest.raises(Forbidden, match="not valid"):
        await hooks.receive(key, call(sns(ses_bounce("p1@example.com"))))


async def test_complaints_deliveries_and_delays_of_ses(post: Post, hooks: BounceHooks) -> None:
    contact_id, _ = await post.mailed("p1@example.com")
    key = await listen(hooks, post, Provider.SES, topics=(TOPIC,))
    mail = {"messageId": "ses-1", "source": "news@brand.example"}
    recipients = [{"emailAddress": "p1@example.com"}]
    notices = [
        {"eventType": "Delivery", "delivery": {"timestamp": AT, "recipients": ["p1@example.com"]}, "mail": mail},
        {
            "eventType": "DeliveryDelay",
            "deliveryDelay": {"timestamp": AT, "delayedRecipients": recipients},
            "mail": mail,
        },
        {"eventType": "Open", "mail": mail},
        {
            "notificationType": "Complaint",
            "complaint": {"complainedRecipients": recipients, "timestamp": AT, "complaintFeedbackType": "not-spam"},
            "mail": mail,
        },
    ]
    for notice in notices:
        await hooks.receive(key, call(sns(notice)))
    assert {kept.kind for kept in await post.kept()} == {
        ReportKind.DELIVERED,
        ReportKind.DELAYED,
        ReportKind.NOT_SPAM,
    }
    assert not await post.suppressed()
    complaint = {
        "complainedRecipients": recipients,
        "timestamp": AT,
        "feedbackId": "f",
        "complaintFeedbackType": "abuse",
    }
    await hooks.receive(key, call(sns({"notificationType": "Complaint", "complaint": complaint, "mail": mail})))
    assert await post.state(contact_id) is SubscriptionState.UNSUBSCRIBED


async def test_ses_names_the_message_by_its_headers(post: Post, hooks: BounceHooks) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    key = await listen(hooks, post, Provider.SES, topics=(TOPIC,))
    path = post.return_path(contact_id, message_id)
    notice = ses_bounce("hidden@privaterelay.example", source=f"{path}@bounce.brand.example")
    await hooks.receive(key, call(sns(notice)))
    assert [kept.message_id for kept in await post.kept()] == [message_id]


# ---------------------------------------------------------------- SendGrid


async def test_events_of_sendgrid_are_taken_once_each(post: Post, hooks: BounceHooks) -> None:
    _, first = await post.mailed("p1@example.com")
    contact_id, second = await post.mailed("p2@example.com")
    key = await listen(hooks, post, Provider.SENDGRID, signing_key=SENDGRID_KEY)
    events = [
        {"event": "processed", "email": "p1@example.com", "sg_event_id": "0"},
        {
            "event": "bounce",
            "email": "p1@example.com",
            "sg_event_id": "1",
            "smtp-id": f"<{first.hex}@brand.example>",
            "status": "5.1.1",
            "reason": "550 5.1.1 no such user",
            "type": "bounce",
            "timestamp": int(NOW.timestamp()) - 60,
        },
        {"event": "spamreport", "email": "p2@example.com", "sg_event_id": "2", "smtp-id": f"<{second.hex}@x>"},
        {"event": "deferred", "email": "p2@example.com", "sg_event_id": "3", "response": "451 later"},
        {"event": "open", "email": "p2@example.com", "sg_event_id": "4", "unknown": {"deep": [1]}},
    ]
    await hooks.receive(key, sendgrid(events))
    await hooks.receive(key, sendgrid(events[::-1], timestamp="1782900300"))
    assert {address: entry.reason for address, entry in (await post.suppressed()).items()} == {
        "p1@example.com": "hard bounce",
        "p2@example.com": "complaint",
    }
    assert len(await post.kept()) == 3
    assert await post.state(contact_id) is SubscriptionState.UNSUBSCRIBED


async def test_forged_requests_of_sendgrid_are_refused(post: Post, hooks: BounceHooks) -> None:
    await post.mailed("p1@example.com")
    key = await listen(hooks, post, Provider.SENDGRID, signing_key=SENDGRID_KEY)
    events = [{"event": "bounce", "email": "p1@example.com", "sg_event_id": "1", "status": "5.1.1"}]
    good = sendgrid(events)
    bad = [
        sendgrid(events, key=ec.generate_private_key(ec.SECP256R1())),
        Call(headers=good.headers, body=good.body + b" "),
        Call(headers={**good.headers, "x-twilio-email-event-webhook-timestamp": "1782900001"}, body=good.body),
        Call(headers={**good.headers, "x-twilio-email-event-webhook-signature": "\xff"}, body=good.body),
        Call(headers={}, body=good.body),
    ]
    for one in bad:
        with pytest.raises(Forbidden):
            await hooks.receive(key, one)
    assert not await post.suppressed()
    with pytest.raises(Invalid):
        await hooks.receive(key, sendgrid({"not": "a list"}))


# ---------------------------------------------------------------- Mailgun


async def test_a_signature_of_mailgun_is_good_once_and_for_a_time(post: Post, hooks: BounceHooks) -> None:
    """The signature does not cover the body, so who saw one could send anything with it."""
    _, message_id = await post.mailed("p1@example.com")
    await post.mailed("victim@example.com")
    key = await listen(hooks, post, Provider.MAILGUN, signing_key=MAILGUN_KEY)
    token = "f" * 50
    await hooks.receive(key, mailgun(post, mailgun_failed("p1@example.com", message_id), token=token))
    forged = {"event": "complained", "id": "e9", "recipient": "victim@example.com"}
    await hooks.receive(key, mailgun(post, forged, token=token))
    # What was not believed is not counted as received.
    [counted] = await hooks.list(post.account_id)
    assert counted.received == 1
    assert set(await post.suppressed()) == {"p1@example.com"}
    for bad in (
        mailgun(post, forged, key="wrong"),
        mailgun(post, forged, age=timedelta(hours=13)),
        mailgun(post, forged, age=timedelta(hours=-1)),
    ):
        with pytest.raises(Forbidden):
            await hooks.receive(key, bad)
    assert set(await post.suppressed()) == {"p1@example.com"}
    assert not await post.rows("SELECT 1 FROM bounces WHERE recipient = 'victim@example.com'")


async def test_a_temporary_failure_of_mailgun_is_a_delay(post: Post, hooks: BounceHooks) -> None:
    _, message_id = await post.mailed("p1@example.com")
    key = await listen(hooks, post, Provider.MAILGUN, signing_key=MAILGUN_KEY)
    await hooks.receive(key, mailgun(post, mailgun_failed("p1@example.com", message_id) | {"severity": "temporary"}))
    assert [kept.kind for kept in await post.kept()] == [ReportKind.DELAYED]
    assert not await post.suppressed()


# ---------------------------------------------------------------- Postmark


async def test_postmark_has_to_log_in_where_a_log_in_was_set(post: Post, hooks: BounceHooks) -> None:
    await post.mailed("p1@example.com")
    key = await listen(hooks, post, Provider.POSTMARK, username="pm", password="secret")
    bounce = {"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": "p1@example.com", "Details": "gone"}
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer secret"}):
        with pytest.raises(Forbidden):
            await hooks.receive(key, call(bounce, **headers))
    login = {"authorization": "Basic " + b64encode(b"pm:secret").decode()}
    await hooks.receive(key, call(bounce | {"Type": "AutoResponder"}, **login))
    await hooks.receive(key, call(bounce | {"Type": "Transient"}, **login))
    assert not await post.suppressed()
    await hooks.receive(key, call(bounce | {"ID": 43}, **login))
    assert (await post.suppressed())["p1@example.com"].detail == "gone"


# ---------------------------------------------------------------- all of them


async def test_an_address_that_was_not_made_here_leads_nowhere(post: Post, hooks: BounceHooks) -> None:
    key = await listen(hooks, post, Provider.POSTMARK)
    for wrong in ("", "x", key[:-1], key + "x", key.swapcase(), "a" * 5000):
        with pytest.raises(NotFound):
            await hooks.receive(wrong, call({}))
    [hook] = await hooks.list(post.account_id)
    await hooks.remove(post.account_id, hook.hook_id)
    with pytest.raises(NotFound):
        await hooks.receive(key, call({}))


async def test_a_webhook_of_one_account_says_nothing_about_another(
    post: Post, hooks: BounceHooks, other_account_id: int
) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    made = await hooks.add(other_account_id, HookInput(provider=Provider.POSTMARK))
    body = {
        "RecordType": "SpamComplaint",
        "ID": 1,
        "Email": "p1@example.com",
        "Content": f"Return-Path: <{post.return_path(contact_id, message_id)}@bounce.example>",
    }
    await hooks.receive(made.url.rpartition("/")[2], call(body))
    assert not await post.suppressed()
    assert not await post.kept()
    assert await post.state(contact_id) is SubscriptionState.SUBSCRIBED
    with pytest.raises(NotFound):
        await hooks.get(post.account_id, made.hook.hook_id)
    with pytest.raises(NotFound):
        await hooks.remove(post.account_id, made.hook.hook_id)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"[" * 100_000, b"\xff\xfe", b'{"Type": 5}', b'{"signature": 1}']
)
@pytest.mark.parametrize("provider", list(Provider))
async def test_garbage_is_refused_by_its_kind(post: Post, hooks: BounceHooks, provider: Provider, body: bytes) -> None:
    keys: dict[Provider, dict[str, Any]] = {
        Provider.SES: {"topics": (TOPIC,)},
        Provider.SENDGRID: {"signing_key": SENDGRID_KEY},
        Provider.MAILGUN: {"signing_key": MAILGUN_KEY},
        Provider.POSTMARK: {},
    }
    key = await listen(hooks, post, provider, **keys[provider])
    given = call(body)
    if provider is Provider.SENDGRID:
        signature = b64encode(_EC.sign(b"1" + body, ec.ECDSA(SHA256()))).decode()
        given = call(
            body,
            **{
                "x-twilio-email-event-webhook-signature": signature,
                "x-twilio-email-event-webhook-timestamp": "1",
            },
        )
    with suppress(Forbidden, Invalid):
        await hooks.receive(key, given)
    assert not await post.kept()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (HookInput(provider=Provider.SES), "topics"),
        (HookInput(provider=Provider.SES, topics=("bounces",)), "topics"),
        (HookInput(provider=Provider.SENDGRID), "signing_key"),
        (HookInput(provider=Provider.SENDGRID, signing_key="nonsense"), "signing_key"),
        (HookInput(provider=Provider.MAILGUN), "signing_key"),
        (HookInput(provider=Provider.MAILGUN, signing_key="x", topics=(TOPIC,)), "topics"),
        (HookInput(provider=Provider.POSTMARK, name="a\nb"), "name"),
    ],
)
async def test_a_webhook_that_could_not_be_checked_is_not_made(
    post: Post, hooks: BounceHooks, given: HookInput, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await hooks.add(post.account_id, given)
    assert caught.value.fields[0].field == field


async def test_secrets_are_sealed(post: Post, hooks: BounceHooks) -> None:
    await listen(hooks, post, Provider.MAILGUN, signing_key=MAILGUN_KEY)
    [(secret,)] = await post.rows("SELECT secret FROM bounce_hooks")
    assert MAILGUN_KEY.encode() not in bytes(secret)


def test_words_of_providers_mean_classes() -> None:
    found = said("ses", "Nothing/Known", "Permanent/General")
    assert found is not None
    assert (found.kind, found.strikes) == (BounceClass.UNKNOWN_MAILBOX, 1)
    assert said("postmark", "Never heard of") is None


# ---------------------------------------------------------------- any order


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["delivered", "deferred", "bounce", "spamreport"]), min_size=1, max_size=6),
    data=st.data(),
)
async def test_events_out_of_order_and_repeated_lead_to_the_same_end(
    post: Post, hooks: BounceHooks, kinds: list[str], data: st.DataObject
) -> None:
    ends: list[Any] = []
    for is_shuffled in (False, True):
        mark = uuid4().hex
        email = f"{mark}@example.com"
        contact_id = await post.person(email)
        message_id = await post.sent(contact_id, email, campaign_id=int(mark[:8], 16))
        key = await listen(hooks, post, Provider.SENDGRID, signing_key=SENDGRID_KEY)
        at = int(post.clock.now().timestamp()) - 600
        events = [
            {
                "event": kind,
                "email": email,
                "sg_event_id": f"{mark}-{number}",
                "smtp-id": f"<{message_id.hex}@x>",
                "timestamp": at + number,
                "status": "5.1.1" if kind == "bounce" else "",
            }
            for number, kind in enumerate(kinds)
        ]
        batches = [events]
        if is_shuffled:
            events = data.draw(st.permutations(events + events[:2]))
            cut = data.draw(st.integers(0, len(events)))
            batches = [events[:cut], events[cut:]]
        for batch in batches:
            await hooks.receive(key, sendgrid(batch))
        hook = (await hooks.list(post.account_id))[-1]
        await hooks.remove(post.account_id, hook.hook_id)
        await post.settled()
        engaged = await post.rows(
            "SELECT delivered_at, bounced_at, complained_at FROM engagements WHERE contact_id = %s", contact_id
        )
        entry = (await post.suppressed()).get(email)
        kept = await post.rows("SELECT count(*) FROM bounces WHERE contact_id = %s", contact_id)
        reason = (entry.reason, entry.expires_at) if entry else None
        ends.append((engaged, reason, await post.state(contact_id), kept))
    assert ends[0] == ends[1]
