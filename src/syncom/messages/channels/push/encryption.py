"""A notification as only its browser can read it: one record of aes128gcm (RFC 8188), its key agreed by RFC 8291.

Put together of the primitives of `cryptography`: libraries for this spend more time on checks of their own arguments
than on the curve. The example of the standard and another implementation's decryption hold it in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode
from binascii import Error as BadBase64
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from syncom.contacts.subscriptions import SubscriptionKeys
from syncom.errors import Invalid

#: Bytes of a body that every push service takes (RFC 8030, 7.2), and what is left of them for the notification: without
#: the header of 86 bytes (salt, record size, our public key), the tag of 16 and the delimiter of the padding.
LONGEST_BODY: Final = 4096
LONGEST_PAYLOAD: Final = LONGEST_BODY - 86 - 16 - 1
_POINT_BYTES: Final = 65
_SECRET_BYTES: Final = 16
_CURVE: Final = ec.SECP256R1()
_AGREEMENT: Final = ec.ECDH()
#: Behind the salt: the record's size, and the length of our public key (RFC 8188, 2.1).
_HEADER: Final = LONGEST_BODY.to_bytes(4, "big") + bytes([_POINT_BYTES])
#: Ends the last record (RFC 8188, 2).
_LAST: Final = b"\x02"


def encrypt(payload: bytes, keys: SubscriptionKeys) -> bytes:
    """The body of a push message, with a key of its own. Raises Invalid naming 'payload', 'p256dh' or 'auth'."""
    return encrypt_with(payload, keys, ec.generate_private_key(_CURVE), os.urandom(16))


def encrypt_with(payload: bytes, keys: SubscriptionKeys, private_key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The same with a key and a salt (16 bytes) that nothing else may be encrypted with."""
    if len(payload) > LONGEST_PAYLOAD:
        raise Invalid("payload", f"has {len(payload):,} bytes; push services take {LONGEST_PAYLOAD:,}")
    point = _decoded("p256dh", keys.p256dh, _POINT_BYTES)
    secret = _decoded("auth", keys.auth, _SECRET_BYTES)
    try:
        receiver = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
        shared = private_key.exchange(_AGREEMENT, receiver)
    except ValueError:
        raise Invalid("p256dh", "is no point on the curve P-256") from None
    ours = private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    # RFC 8291, 3.4: the secret of the subscription is mixed in, and both public keys.
    agreed = _derived(_hmac(secret, shared), b"WebPush: info\0" + point + ours)
    # RFC 8188, 2.2 and 2.3.
    mixed = _hmac(salt, agreed)
    key = _derived(mixed, b"Content-Encoding: aes128gcm\0")[:16]
    nonce = _derived(mixed, b"Content-Encoding: nonce\0")[:12]
    return salt + _HEADER + ours + AESGCM(key).encrypt(nonce, payload + _LAST, None)


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)


def _derived(key: bytes, info: bytes) -> bytes:
    """The first 32 bytes of HKDF's second half (RFC 5869, 2.3), which is all that is needed of it."""
    return _hmac(key, info + b"\x01")


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
