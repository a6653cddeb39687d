"""DKIM keys: made, spelled as records, and read out of DNS."""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from syncom.messages.channels.email.dkim import PrivateKey
from syncom.messages.identity.model import Algorithm

#: RFC 8301 3.2: at least 1024, and 2048 is what providers ask for. Longer ones do not fit one UDP answer everywhere.
_RSA_BITS: Final = 2048


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that was just made."""

    selector: str
    algorithm: Algorithm
    public_key: str
    #: PKCS #8 in DER.
    private_key: bytes

    def __repr__(self) -> str:
        return f"NewKey({self.selector})"


def new_key(algorithm: Algorithm, at: datetime) -> NewKey:
    """A pair under a selector that was never used. RSA takes some 100 ms: not in the event loop."""
    if algorithm is Algorithm.RSA:
        made = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        public = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        made = Ed25519PrivateKey.generate()
        # RFC 8463 4: the bare 32 octets, unlike RSA.
        public = made.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return NewKey(
        # The month is for people, the rest because caches of DNS remember what stood under a name.
        selector=f"sy{at:%y%m}{algorithm.value[0]}{secrets.token_hex(3)}",
        algorithm=algorithm,
        public_key=b64encode(public).decode(),
        private_key=made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )


def load_private_key(data: bytes) -> PrivateKey:
    """A key that was stored here; it is not checked again, which takes longer than many signatures."""
    found = load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(found, rsa.RSAPrivateKey | Ed25519PrivateKey)
    return found


def tags_of(record: str) -> Mapping[str, str] | None:
    """The tags of a ``tag=value; ...`` list (RFC 6376 3.2); None for what is none. Names in small letters, and white
    space around values is taken away."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not name or name in found:
            return None
        found[name] = value.strip()
    return found


def same_key(record: str, public_key: str) -> bool:
    """Whether a record has this key, however it is folded."""
    tags = tags_of(record)
    if tags is None:
        return False
    try:
        return b64decode("".join(tags.get("p", "").split()), validate=True) == b64decode(public_key)
    except Base64Error:
        return False


def fault_of(record: str, algorithm: Algorithm) -> str:
    """Why verifiers would not use this record for our signatures (RFC 6376 3.6.1); empty: they would."""
    tags = tags_of(record)
    if tags is None:
        return "it is no list of tags"
    if tags.get("v", "DKIM1") != "DKIM1":
        return "v= must be DKIM1"
    if "v" in tags and next(iter(tags)) != "v":
        return "v= must come first"
    if tags.get("k", "rsa") != algorithm.value:
        return f"k= must be {algorithm.value}"
    if not tags.get("p"):
        return "p= is empty, which revokes the key"
    hashes = [one.strip() for one in tags.get("h", "sha256").split(":")]
    if "sha256" not in hashes:
        return "h= does not have sha256"
    services = [one.strip() for one in tags.get("s", "*").split(":")]
    if "*" not in services and "email" not in services:
        return "s= does not have email"
    return ""
