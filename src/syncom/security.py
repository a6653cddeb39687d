"""Keys and tokens of the installation: one master key, one derived key for each purpose.

Purposes never share a key, so that a token made for one thing is worthless for another.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from syncom.errors import Conflict, Invalid

_KEY_BYTES = 32
_NONCE_BYTES = 12
_MAC_BYTES = 16


class Keyring:
    """Derives keys from the master key and seals secrets with them."""

    def __init__(self, master: bytes) -> None:
        if len(master) != _KEY_BYTES:
            raise Invalid("SYNCOM_SECRET_KEY_FILE", f"must hold {_KEY_BYTES} bytes in hexadecimal")
        self._master = master

    @classmethod
    def open(cls, path: Path) -> Keyring:
        """Read the key file, or make it with mode 0600 when absent."""
        try:
            text = path.read_text("ascii").strip()
        except FileNotFoundError:
            return cls(_create(path))
        except UnicodeDecodeError:
            raise Invalid("SYNCOM_SECRET_KEY_FILE", f"{path} is not a key file") from None
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise Invalid("SYNCOM_SECRET_KEY_FILE", f"{path} is not a key file") from None

    def key(self, purpose: str) -> bytes:
        """The 32-byte key of a purpose (HKDF-Expand, RFC 5869)."""
        return HKDFExpand(algorithm=SHA256(), length=_KEY_BYTES, info=purpose.encode()).derive(self._master)

    def seal(self, secret: bytes, *, purpose: str, owner: str) -> bytes:
        """Encrypt with AES-256-GCM; ``owner`` (such as 'sender:5') is bound in, so rows cannot be swapped."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.key(f"seal:{purpose}")).encrypt(nonce, secret, owner.encode())

    def unseal(self, sealed: bytes, *, purpose: str, owner: str) -> bytes:
        """Decrypt. Raises Conflict when the key is another one or the row was tampered with."""
        try:
            cipher = AESGCM(self.key(f"seal:{purpose}"))
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
        except InvalidTag:
            raise Conflict(
                "a stored secret cannot be read with this key file: restore the file that was used when it was saved"
            ) from None

    def signer(self, purpose: str) -> Signer:
        return Signer(self.key(f"sign:{purpose}"))


class Signer:
    """Short tokens: payload and a 128-bit MAC, in URL-safe base64 without padding."""

    def __init__(self, key: bytes) -> None:
        # Copied for every token: to begin from the key again costs as much as the MAC itself.
        self._start = hashlib.blake2b(key=key, digest_size=_MAC_BYTES)

    def sign(self, payload: bytes) -> str:
        return _spell(payload + self._mac(payload)).decode("ascii")

    def verify(self, token: str) -> bytes | None:
        """The payload, or None for a token that was not made here."""
        try:
            spelled = token.encode("ascii")
            raw = urlsafe_b64decode(spelled + b"=" * (-len(spelled) % 4))
        except (ValueError, UnicodeEncodeError):
            return None
        if len(raw) <= _MAC_BYTES:
            return None
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        # The last base64 character has unused bits: only the canonical spelling is accepted.
        if not hmac.compare_digest(mac, self._mac(payload)) or _spell(raw) != spelled:
            return None
        return payload

    def _mac(self, payload: bytes) -> bytes:
        hasher = self._start.copy()
        hasher.update(payload)
        return hasher.digest()


def _spell(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def hash_token(token: str) -> bytes:
    """SHA-256 of a random token (API key, session), which is what is stored."""
    return hashlib.sha256(token.encode()).digest()


def _create(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first
        return bytes.fromhex(path.read_text("ascii").strip())
    with os.fdopen(handle, "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key
