"""DKIM signatures (RFC 6376) with RSA and Ed25519 (RFC 8463), relaxed/relaxed.

A message must leave exactly as it was signed: CRLF its only line ends, and its body in seven bits, because a server on
its way may encode eight bits anew (RFC 6376 5.3). :class:`MimeFrame` makes such messages.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

#: What a signature covers, each once more than it stands in the message: another one added later breaks it
#: (RFC 6376 8.15). RFC 8058 3.1 wants both headers of unsubscribing, Gmail wants Feedback-ID.
SIGNED: Final = (
    b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"mime-version", b"content-type",
    b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id",
)  # fmt: skip
_PLACES: Final = {name: place for place, name in enumerate(SIGNED)}
_PADDING, _HASH = PKCS1v15(), SHA256()
_LINE = 72
_RUNS = re.compile(rb"  +").sub

PrivateKey = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the selector its public half is published under."""

    selector: str
    private: PrivateKey

    @property
    def algorithm(self) -> str:
        """As in ``a=``."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"


class DkimSigner:
    """Signs messages of one domain, once with each key: who does not know Ed25519 reads the RSA signature."""

    def __init__(self, domain: str, keys: Sequence[SigningKey]) -> None:
        """``domain``: A-labels, as in ``d=``."""
        self.domain = domain
        self._keys = [
            (key.private, f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={domain}; s={key.selector};".encode())
            for key in keys
        ]
        #: ``h=`` as it is written and as it is hashed, by the counts of the headers that are signed.
        self._covers: dict[tuple[int, ...], tuple[bytes, bytes]] = {}

    def sign(self, message: bytes, at: datetime) -> bytes:
        """The signature headers that go before the message, with their CRLFs."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields, counts = _signed_fields(head)
        written, hashed = self._covers.get(counts) or self._cover(counts)
        body_hash = b64encode(sha256(relaxed_body(body)).digest())
        time = b"%d" % int(at.timestamp())
        headers: list[bytes] = []
        for private, start in self._keys:
            data = b"%bdkim-signature:%b t=%b; h=%b; bh=%b; b=" % (fields, start, time, hashed, body_hash)
            if isinstance(private, RSAPrivateKey):
                signature = private.sign(data, _PADDING, _HASH)
            else:
                # RFC 8463 3: pure Ed25519 over the SHA-256 of what is signed.
                signature = private.sign(sha256(data).digest())
            spelled = b64encode(signature)
            lines = b"\r\n ".join([spelled[place : place + _LINE] for place in range(0, len(spelled), _LINE)])
            headers.append(
                b"DKIM-Signature: %b\r\n t=%b; h=%b;\r\n bh=%b;\r\n b=%b\r\n" % (start, time, written, body_hash, lines)
            )
        return b"".join(headers)

    def _cover(self, counts: tuple[int, ...]) -> tuple[bytes, bytes]:
        names = [name for name, count in zip(SIGNED, counts, strict=True) for _ in range(count + 1)]
        lines: list[list[bytes]] = [[]]
        for name in names:
            if lines[-1] and sum(map(len, lines[-1])) + len(lines[-1]) + len(name) >= _LINE:
                lines.append([])
            lines[-1].append(name)
        parts = [b":".join(line) for line in lines]
        found = self._covers[counts] = (b":\r\n ".join(parts), b": ".join(parts))
        return found


def _signed_fields(head: bytes) -> tuple[bytes, tuple[int, ...]]:
    """The signed header fields of a message as they are hashed (RFC 6376 3.4.2), and how often each name stands there.

    Values hold no control characters but folds. Of several with one name the last is hashed first (5.4.2).
    """
    found: list[list[bytes]] = [[] for _ in SIGNED]
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        place = _PLACES.get(name)
        if place is not None:
            found[place].append(b"%b:%b\r\n" % (name, b" ".join(value.split())))
    return b"".join([field for fields in found for field in reversed(fields)]), tuple(map(len, found))


def relaxed_body(body: bytes) -> bytes:
    """The body as it is hashed (RFC 6376 3.4.4): runs of white space are one space, none ends a line, no empty lines
    stand at the end."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    # Of spaces alone: five times faster than one expression for both kinds of white space.
    if b"  " in body:
        body = _RUNS(b" ", body)
    body = body.replace(b" \r\n", b"\r\n").rstrip(b"\r\n ")
    return body + b"\r\n" if body else b""
