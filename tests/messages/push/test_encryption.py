"""Notifications are encrypted as RFC 8291 says, and only whole ones leave."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from syncom.contacts.subscriptions import SubscriptionKeys
from syncom.errors import Invalid
from syncom.messages.channels.push.encryption import LONGEST_BODY, LONGEST_PAYLOAD, encrypt, encrypt_with
from syncom.messages.channels.push.model import service_of


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw(text), "big"), ec.SECP256R1())


#: RFC 8291, appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
KEYS = SubscriptionKeys(
    p256dh="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    auth="BTBZMqHH6r4Tts7J_aSIgg",
)
RECEIVER = private("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
SENDER = private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
SALT = raw("DGv6ra1nlYgDCS1FRnbzlw")
BODY = raw(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
    "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard_comes_out_byte_by_byte() -> None:
    assert encrypt_with(PLAIN, KEYS, SENDER, SALT) == BODY


@given(st.binary(max_size=LONGEST_PAYLOAD))
def test_the_receiver_reads_what_was_written(payload: bytes) -> None:
    body = encrypt(payload, KEYS)
    assert len(body) <= LONGEST_BODY
    assert http_ece.decrypt(body, private_key=RECEIVER, auth_secret=raw(KEYS.auth)) == payload


def test_no_two_messages_have_a_key_or_a_salt_in_common() -> None:
    bodies = [encrypt(PLAIN, KEYS) for _ in range(50)]
    assert len({body[:16] for body in bodies}) == 50
    assert len({body[21:86] for body in bodies}) == 50


def test_the_longest_notification_fits_and_one_byte_more_is_refused() -> None:
    assert len(encrypt(b"x" * LONGEST_PAYLOAD, KEYS)) == LONGEST_BODY
    with pytest.raises(Invalid, match="payload"):
        encrypt(b"x" * (LONGEST_PAYLOAD + 1), KEYS)


def test_keys_in_plain_base64_are_read_too() -> None:
    point = RECEIVER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = SubscriptionKeys(p256dh=b64encode(point).decode(), auth=b64encode(raw(KEYS.auth)).decode())
    assert encrypt_with(PLAIN, keys, SENDER, SALT) == BODY


@pytest.mark.parametrize(
    ("p256dh", "auth", "named"),
    [
        ("", KEYS.auth, "p256dh"),
        ("BPk", KEYS.auth, "p256dh"),
        ("ключ", KEYS.auth, "p256dh"),
        (urlsafe_b64encode(b"\4" + b"\1" * 64).decode(), KEYS.auth, "p256dh"),
        (KEYS.p256dh, "", "auth"),
        (KEYS.p256dh, KEYS.auth + "AA", "auth"),
        (KEYS.p256dh, "ü" * 22, "auth"),
    ],
)
def test_keys_that_are_none_are_refused_by_name(p256dh: str, auth: str, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        encrypt(PLAIN, SubscriptionKeys(p256dh=p256dh, auth=auth))


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        ("https://push.example/send/secret?x=1", "https://push.example"),
        ("https://push.example:8443/send", "https://push.example:8443"),
        ("https://[2001:db8::1]/send", "https://[2001:db8::1]"),
        ("https://push.example:no/send", ""),
    ],
)
def test_of_an_address_only_the_service_is_kept(endpoint: str, service: str) -> None:
    assert service_of(endpoint) == service
