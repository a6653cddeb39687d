"""What providers post: whose it is, and what it says. Signatures are checked against published examples."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from syncom.errors import Invalid
from syncom.messages.channels.sms.callbacks.posted import Posted
from syncom.messages.channels.sms.callbacks.reading import (
    read_receipts,
    read_texts,
    read_twilio_receipt,
    read_twilio_text,
    read_vonage_receipt,
    read_vonage_text,
)
from syncom.messages.channels.sms.callbacks.signatures import (
    is_of_gateway,
    is_of_twilio,
    is_of_vonage,
    vonage_signature,
)
from syncom.messages.channels.sms.form import CallbackForm, InboundForm, ReceiptForm
from syncom.messages.channels.sms.providers import SignatureMethod
from syncom.messages.receipts.model import ReceiptState

FORM = "application/x-www-form-urlencoded"
URL = "https://x.example/r"
NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)
SECRET = "a-signature-secret-of-32-octets!"
#: https://www.twilio.com/docs/usage/security, "Validating signatures": the example's request and its signature.
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWILIO_FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
TWILIO_SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def posted(body: bytes = b"", *, url: str = URL, kind: str = FORM, method: str = "POST", **headers: str) -> Posted:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Posted(method=method, url=url, headers={"content-type": kind, **named}, body=body)


def form(fields: dict[str, Any], **more: str) -> Posted:
    return posted(urlencode(fields).encode(), **more)


def json(value: Any, **more: str) -> Posted:
    return posted(msgspec.json.encode(value), kind="application/json", **more)


# ------------------------------------------------------------------ Twilio


def twilio(fields: dict[str, str], *, url: str = TWILIO_URL, **headers: str) -> Posted:
    return form(fields, url=url, **headers)


def test_twilios_own_example_is_genuine() -> None:
    assert is_of_twilio(twilio(TWILIO_FIELDS, x_twilio_signature=TWILIO_SIGNATURE), "12345", "")


@pytest.mark.parametrize("url", ["https://mycompany.com:443/myapp.php?foo=1&bar=2", TWILIO_URL])
def test_the_default_port_in_the_address_does_not_matter(url: str) -> None:
    signature = TWILIO_SIGNATURE
    assert is_of_twilio(twilio(TWILIO_FIELDS, url=url, x_twilio_signature=signature), "12345", "")


def test_whatever_is_changed_in_a_request_of_twilio_makes_it_nobodys() -> None:
    signed = {"x_twilio_signature": TWILIO_SIGNATURE}
    assert not is_of_twilio(twilio({**TWILIO_FIELDS, "Digits": "1235"}, **signed), "12345", "")
    assert not is_of_twilio(twilio({**TWILIO_FIELDS, "More": "1"}, **signed), "12345", "")
    assert not is_of_twilio(twilio(TWILIO_FIELDS, url=TWILIO_URL + "3", **signed), "12345", "")
    assert not is_of_twilio(twilio(TWILIO_FIELDS, url="https://mycompany.com:8443/myapp.php", **signed), "12345", "")
    assert not is_of_twilio(twilio(TWILIO_FIELDS, **signed), "54321", "")
    assert not is_of_twilio(twilio(TWILIO_FIELDS, **signed), "", "")
    assert not is_of_twilio(twilio(TWILIO_FIELDS), "12345", "")
    assert not is_of_twilio(twilio(TWILIO_FIELDS, x_twilio_signature=""), "12345", "")
    assert not is_of_twilio(twilio(TWILIO_FIELDS, x_twilio_signature="ж"), "12345", "")


def test_a_webhook_rule_of_twilio_signs_with_its_shared_key_and_sha_256() -> None:
    text = TWILIO_URL + "".join(name + value for name, value in sorted(TWILIO_FIELDS.items()))
    signature = base64.b64encode(hmac.new(b"shared", text.encode(), hashlib.sha256).digest()).decode()
    settings = "key=abc,algorithm=HMAC_SHA256"
    request = twilio(TWILIO_FIELDS, x_twilio_signature=signature, x_twilio_webhooks_signature_settings=settings)
    assert is_of_twilio(request, "12345", "shared")
    assert not is_of_twilio(request, "shared", "")
    weak = twilio(
        TWILIO_FIELDS,
        x_twilio_signature=TWILIO_SIGNATURE,
        x_twilio_webhooks_signature_settings="key=abc,algorithm=HMAC_MD5",
    )
    assert not is_of_twilio(weak, "12345", "12345")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", ReceiptState.ACCEPTED),
        ("sent", ReceiptState.ACCEPTED),
        ("delivered", ReceiptState.DELIVERED),
        ("undelivered", ReceiptState.UNDELIVERED),
        ("failed", ReceiptState.REJECTED),
    ],
)
def test_statuses_of_twilio_are_read(status: str, state: ReceiptState) -> None:
    [receipt] = read_twilio_receipt(7, form({"MessageSid": "SM1", "MessageStatus": status, "To": "+1"}))
    assert (receipt.sender_id, receipt.peer_id, receipt.state) == (7, "SM1", state)
    assert not receipt.invalid_number


def test_our_own_id_is_read_where_a_provider_gives_it_back() -> None:
    own = "0f6a4a02-6d0b-4a8d-8a3c-53f0d3c6b7e9"
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    for url, found in ((f"{URL}?message={own}", own), (f"{URL}?message=1", "None"), (URL, "None")):
        assert str(read_twilio_receipt(7, form(fields, url=url))[0].message_id) == found
    [vonage] = read_vonage_receipt(7, form({**RECEIPT, "client-ref": own}))
    assert str(vonage.message_id) == own
    described = CallbackForm(receipts=ReceiptForm(id="id", status="stat", message="ref"))
    [other] = read_receipts(7, json({"id": "1", "stat": "sent", "ref": own}), described)
    assert str(other.message_id) == own


def test_an_error_code_of_twilio_gives_the_reason_and_says_whether_the_number_is_none() -> None:
    unknown, filtered = (
        read_twilio_receipt(7, form({"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": code}))[0]
        for code in ("30005", "30007")
    )
    assert unknown.invalid_number
    assert unknown.reason.startswith("30005 ")
    assert not filtered.invalid_number


def test_a_text_of_twilio_says_whether_twilio_has_answered_it() -> None:
    fields = {"MessageSid": "SM1", "From": "+1", "To": "+2", "Body": "STOP", "NumMedia": "0"}
    [text] = read_twilio_text(form(fields))
    [handled] = read_twilio_text(form({**fields, "OptOutType": "STOP"}))
    assert (text.from_, text.to, text.text, text.peer_id, text.answered) == ("+1", "+2", "STOP", "SM1", False)
    assert handled.answered


def twilio_receipt(request: Posted) -> object:
    return read_twilio_receipt(7, request)


def described_receipts(request: Posted) -> object:
    return read_receipts(7, request, DESCRIBED)


@pytest.mark.parametrize("read", [read_twilio_text, twilio_receipt])
@pytest.mark.parametrize(
    "request_", [form({}), form({"MessageSid": "SM1"}), json({"MessageSid": "SM1"}), posted(b"\xff")]
)
def test_what_twilio_never_posts_is_refused(read: Any, request_: Posted) -> None:
    with pytest.raises(Invalid):
        read(request_)


# ------------------------------------------------------------------ Vonage


RECEIPT = {
    "err-code": "0",
    "message-timestamp": "2026-11-27 05:59:29",
    "messageId": "0B00000127FDBC63",
    "msisdn": "447547232824",
    "network-code": "23410",
    "price": "0.03330000",
    "scts": "2611270559",
    "status": "delivered",
    "to": "Acme & Co=1",
    "timestamp": str(int(NOW.timestamp())),
}


@pytest.mark.parametrize("method", SignatureMethod)
@pytest.mark.parametrize("kind", ["form", "json", "query"])
def test_a_signed_receipt_of_vonage_is_genuine_wherever_its_parameters_stand(
    method: SignatureMethod, kind: str
) -> None:
    signed = {**RECEIPT, "sig": vonage_signature(RECEIPT, SECRET, method).upper()}
    request = {
        "form": form(signed),
        "json": json(signed),
        "query": posted(url=f"https://x.example/r?{urlencode(signed)}", method="GET", kind=""),
    }[kind]
    assert is_of_vonage(request, SECRET, method, "key", NOW)
    assert not is_of_vonage(request, SECRET + "x", method, "key", NOW)
    others = [other for other in SignatureMethod if other is not method]
    assert not any(is_of_vonage(request, SECRET, other, "key", NOW) for other in others)
    [receipt] = read_vonage_receipt(7, request)
    assert (receipt.peer_id, receipt.state, receipt.reason) == ("0B00000127FDBC63", ReceiptState.DELIVERED, "")
    assert receipt.occurred_at == datetime(2026, 11, 27, 5, 59, 29, tzinfo=UTC)


def test_the_signature_of_vonage_is_that_of_its_documents() -> None:
    """&key=value of the sorted parameters, with & and = in values as _; the secret behind it, or as the key."""
    params = {"b": "x&y=z", "a": "1"}
    text = "&a=1&b=x_y_z"
    assert vonage_signature(params, "s", SignatureMethod.MD5_HASH) == hashlib.md5((text + "s").encode()).hexdigest()
    expected = hmac.new(b"s", text.encode(), hashlib.sha512).hexdigest()
    assert vonage_signature(params, "s", SignatureMethod.SHA512) == expected


def test_changed_unsigned_and_old_receipts_of_vonage_are_nobodys() -> None:
    method = SignatureMethod.SHA256
    sig = vonage_signature(RECEIPT, SECRET, method)

    def genuine(fields: dict[str, Any], now: datetime = NOW, secret: str = SECRET) -> bool:
        return is_of_vonage(form(fields), secret, method, "key", now)

    assert genuine({**RECEIPT, "sig": sig})
    assert not genuine({**RECEIPT, "sig": sig, "status": "failed"})
    assert not genuine({**RECEIPT, "sig": sig, "more": "1"})
    assert not genuine(RECEIPT)
    assert not genuine({**RECEIPT, "sig": ""})
    assert not genuine({**RECEIPT, "sig": sig}, secret="")
    assert not genuine({**RECEIPT, "sig": sig}, now=NOW + timedelta(hours=26))
    assert not genuine({**RECEIPT, "sig": sig}, now=NOW - timedelta(minutes=10))
    for strange in ("", "abc", "-5", "9" * 30):
        other = {**RECEIPT, "timestamp": strange}
        assert not genuine({**other, "sig": vonage_signature(other, SECRET, method)})


def token(body: bytes, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    told = {
        "iat": int(NOW.timestamp()),
        "jti": "c5ba8f24",
        "iss": "Vonage",
        "api_key": "key",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        **claims,
    }
    return jwt.encode({"alg": algorithm}, told, OctKey.import_key(secret), algorithms=[algorithm])


def test_a_web_token_of_vonage_is_genuine_for_its_own_body_key_and_time() -> None:
    status = {"message_uuid": "aaa", "status": "rejected", "error": {"title": "1020", "detail": "bad"}}
    body = msgspec.json.encode(status)

    def genuine(given: str, sent: bytes = body) -> bool:
        request = posted(sent, kind="application/json", authorization=f"Bearer {given}")
        return is_of_vonage(request, SECRET, SignatureMethod.SHA256, "key", NOW)

    assert genuine(token(body))
    assert not genuine(token(body), b'{"status":"delivered"}')
    assert not genuine(token(body, secret="another-secret-of-thirty-two-oct"))
    assert not genuine(token(body, algorithm="HS512"))
    assert not genuine(token(body, api_key="other"))
    assert not genuine(token(body, iat=int((NOW - timedelta(days=2)).timestamp())))
    assert not genuine(token(body, payload_hash=None))
    assert not genuine("a.b.c")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    assert not genuine(f"{unsigned}.{token(body).split('.')[1]}.")
    [receipt] = read_vonage_receipt(7, json(status))
    assert (receipt.peer_id, receipt.state, receipt.reason) == ("aaa", ReceiptState.REJECTED, "1020")


def test_a_number_that_is_no_longer_active_is_said_so_by_vonage() -> None:
    [receipt] = read_vonage_receipt(7, form({**RECEIPT, "status": "failed", "err-code": "3"}))
    assert receipt.invalid_number
    assert receipt.state is ReceiptState.UNDELIVERED
    assert receipt.reason.startswith("3 ")


def test_texts_of_both_interfaces_of_vonage_are_read() -> None:
    old = {"msisdn": "447", "to": "999", "messageId": "M1", "text": "Stop", "message-timestamp": "2026-11-27 06:00:00"}
    new = {"from": "447", "to": "999", "message_uuid": "M2", "text": "Hi", "timestamp": "2026-11-27T06:00:00Z"}
    for request, ident in ((form(old), "M1"), (json(new), "M2")):
        [text] = read_vonage_text(request)
        assert (text.from_, text.to, text.peer_id, text.at) == ("447", "999", ident, NOW)
    joined = {**old, "concat": "true", "concat-ref": "r", "concat-part": "2", "concat-total": "3"}
    [part] = read_vonage_text(form(joined))
    assert part.joined is not None
    assert (part.joined.reference, part.joined.part, part.joined.total) == ("r", 2, 3)
    with pytest.raises(Invalid):
        read_vonage_text(form({**joined, "concat-total": "many"}))
    for nothing in ({}, {"msisdn": "447"}, {"msisdn": "447", "messageId": "M1", "text": 5}):
        with pytest.raises(Invalid):
            read_vonage_text(json(nothing))


# ------------------------------------------------------------------ gateways described by a form


DESCRIBED = CallbackForm(
    receipts=ReceiptForm(id="report.id", status="report.stat", error="report.err", invalid_number=("11",)),
    texts=InboundForm(from_="from", to="to", text="message.text", id="id", each="messages"),
)


def test_a_gateway_shows_the_secret_in_a_header_or_signs_the_body() -> None:
    signing = CallbackForm(signature_header="X-Signature")
    body = b'{"a": 1}'
    mac = hmac.new(b"s", body, hashlib.sha256)
    assert is_of_gateway(posted(body, x_callback_secret="s"), DESCRIBED, "s")
    assert not is_of_gateway(posted(body, x_callback_secret="t"), DESCRIBED, "s")
    assert not is_of_gateway(posted(body), DESCRIBED, "s")
    assert not is_of_gateway(posted(body, x_callback_secret=""), DESCRIBED, "")
    bearer = CallbackForm(secret_header="Authorization")
    assert is_of_gateway(posted(body, authorization="Bearer s"), bearer, "s")
    for spelled in (mac.hexdigest(), f"sha256={mac.hexdigest()}", base64.b64encode(mac.digest()).decode()):
        assert is_of_gateway(posted(body, x_signature=spelled), signing, "s")
        assert not is_of_gateway(posted(body + b" ", x_signature=spelled), signing, "s")
        assert not is_of_gateway(posted(body, x_signature=spelled), signing, "t")
    assert not is_of_gateway(posted(body, x_callback_secret="s"), signing, "s")


def test_receipts_of_a_described_gateway_are_read_by_their_paths() -> None:
    [receipt] = read_receipts(7, json({"report": {"id": 5, "stat": "UNDELIV", "err": "11"}}), DESCRIBED)
    assert (receipt.peer_id, receipt.state, receipt.reason) == ("5", ReceiptState.UNDELIVERED, "11")
    assert receipt.invalid_number
    [strange] = read_receipts(7, form({"report.id": "6", "report.stat": "LOST"}), DESCRIBED)
    assert (strange.state, strange.reason) == (ReceiptState.UNKNOWN, "LOST")
    for nothing in (json({}), json([]), json("x"), form({"report.id": "6"}), posted(b"")):
        with pytest.raises(Invalid):
            read_receipts(7, nothing, DESCRIBED)


def test_several_texts_of_one_request_are_read() -> None:
    both = [{"from": "1", "id": "a", "message": {"text": "x"}}, {"from": "2", "id": "b", "message": {"text": ""}}]
    texts = read_texts(json({"messages": both}), DESCRIBED)
    assert [(text.from_, text.text, text.peer_id) for text in texts] == [("1", "x", "a"), ("2", "", "b")]
    with pytest.raises(Invalid, match="at most"):
        read_texts(json({"messages": both * 500}), DESCRIBED)


def test_a_form_with_too_many_fields_and_broken_json_are_refused() -> None:
    with pytest.raises(Invalid):
        _ = form({f"f{number}": "" for number in range(500)}).form
    with pytest.raises(Invalid):
        _ = posted(b"{", kind="application/json").fields
    with pytest.raises(Invalid):
        _ = posted(b"[" * 30_000, kind="application/json").fields


@given(
    st.binary(max_size=200),
    st.sampled_from([FORM, "application/json", "text/plain", ""]),
    st.dictionaries(
        st.sampled_from(["x-twilio-signature", "authorization", "x-callback-secret"]), st.text(max_size=40)
    ),
)
def test_no_request_of_a_stranger_is_taken_for_a_providers_or_breaks_anything(
    body: bytes, kind: str, headers: dict[str, str]
) -> None:
    request = Posted(method="POST", url="https://x.example/r", headers={**headers, "content-type": kind}, body=body)
    try:
        assert not is_of_twilio(request, "token", "shared")
        assert not is_of_vonage(request, SECRET, SignatureMethod.SHA256, "key", NOW)
        assert not is_of_gateway(request, DESCRIBED, SECRET)
    except Invalid:
        pass
    for read in (read_twilio_text, read_vonage_text, described_receipts):
        try:
            read(request)
        except Invalid:
            continue
