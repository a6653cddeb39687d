"""A notification as only its browser can read it: one record of aes128gcm (RFC 8188), its key agreed by RFC 8291."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode
from binascii import Error as BadBase64
from typing import Final, cast

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from syncom.contacts.subscriptions import SubscriptionKeys
from syncom.errors import Invalid

#: Bytes of a body that every push service takes (RFC 8030, 7.2), and what is left of them for the notification: without
#: the header of 86 bytes (salt, record size, our public key), the tag of 16 and the delimiter of the padding.
LONGEST_BODY: Final = 4096
LONGEST_PAYLOAD: Final = LONGEST_BODY - 86 - 16 - 1
_POINT_BYTES: Final = 65
_SECRET_BYTES: Final = 16


def encrypt(payload: bytes, keys: SubscriptionKeys) -> bytes:
    """The body of a push message, with a key of its own. Raises Invalid naming 'payload', 'p256dh' or 'auth'."""
    return encrypt_with(payload, keys, ec.generate_private_key(ec.SECP256R1()), os.urandom(16))


def encrypt_with(payload: bytes, keys: SubscriptionKeys, private_key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The same with a key and a salt (16 bytes) that nothing else may be encrypted with."""
    if len(payload) > LONGEST_PAYLOAD:
        raise Invalid("payload", f"has {len(payload):,} bytes; push services take {LONGEST_PAYLOAD:,}")
    point = _decoded("p256dh", keys.p256dh, _POINT_BYTES)
    secret = _decoded("auth", keys.auth, _SECRET_BYTES)
    try:
        return cast(
            "bytes",
            http_ece.encrypt(
                payload, salt=salt, private_key=private_key, dh=point, auth_secret=secret, rs=LONGEST_BODY
            ),
        )
    except ValueError:
        raise Invalid("p256dh", "is no point on the curve P-256") from None


def _decoded(name: str, text: str, length: int) -> bytes:
    """Browsers write base64url without padding, some libraries plain base64 with it."""
    text = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        found = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (BadBase64, ValueError):
        found = b""
    if len(found) != length:
        raise Invalid(name, f"must be {length} bytes in base64url")
    return found
