"""Keys and tokens of the installation: a master key, and one derived key for each purpose.

Purposes never share a key, so that a token made for one thing is worthless for another. The key file may hold several
master keys: the current one seals and signs, older ones only read what was sealed and signed with them. Every sealed
value begins with the id of its key, so it is known which is needed and when none needs it any more.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from syncom.errors import Conflict, Invalid, NotFound

_VARIABLE: Final = "SYNCOM_SECRET_KEY_FILE"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MAC_BYTES: Final = 16
_SHORT_MAC_BYTES: Final = 8
_ID_BYTES: Final = 8
_CURRENT: Final = "current"
_OLD: Final = "old"
#: Seconds between looks at the key file, which another process may have changed.
_LOOK: Final = 1.0
_HEADING: Final = (
    "# Master keys of this installation: keep this file, and keep it secret. Without it stored credentials are lost.\n"
)


class MasterKey:
    """One master key. Its id and proof tell it from others and nothing about it."""

    __slots__ = ("_derived", "_master", "key_id", "prefix")

    def __init__(self, master: bytes) -> None:
        if len(master) != _KEY_BYTES:
            raise Invalid(_VARIABLE, f"must hold {_KEY_BYTES} bytes in hexadecimal")
        self._master = master
        self._derived: dict[str, bytes] = {}
        self.prefix = self.key("id of the key")[:_ID_BYTES]
        #: 16 hexadecimal digits.
        self.key_id = self.prefix.hex()

    def __repr__(self) -> str:
        return f"MasterKey({self.key_id})"

    @property
    def spelled(self) -> str:
        """As it stands in the key file."""
        return self._master.hex()

    @property
    def proof(self) -> bytes:
        """What only the holder of this key can tell: stored in the database, it says whether a key file fits."""
        return self.key("proof of the key")

    def key(self, purpose: str) -> bytes:
        """The 32-byte key of a purpose (HKDF-Expand, RFC 5869)."""
        derived = self._derived.get(purpose)
        if derived is None:
            derived = HKDFExpand(algorithm=SHA256(), length=_KEY_BYTES, info=purpose.encode()).derive(self._master)
            self._derived[purpose] = derived
        return derived


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a key file holds: the current key first."""

    keys: tuple[MasterKey, ...]

    @classmethod
    def read(cls, path: Path) -> KeyFile:
        """Raises FileNotFoundError, Invalid for a file that holds no keys."""
        try:
            text = path.read_text("ascii")
        except UnicodeDecodeError:
            raise Invalid(_VARIABLE, f"{path} is not a key file") from None
        except PermissionError as error:
            raise Invalid(_VARIABLE, f"{path} cannot be read: {error.strerror}") from error
        current: list[MasterKey] = []
        old: list[MasterKey] = []
        for line in text.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                key = MasterKey(bytes.fromhex(words[0]))
            except ValueError:
                raise Invalid(_VARIABLE, f"{path} is not a key file") from None
            # A file of one bare line is what releases before rotation wrote.
            (old if words[1:] == [_OLD] else current).append(key)
        if len(current) != 1:
            raise Invalid(_VARIABLE, f"{path} must hold one current key; it holds {len(current)}")
        return cls(keys=(*current, *old))

    def write(self, path: Path) -> None:
        """Replace the file in one step; nobody ever reads half of it, and a crash leaves the one before."""
        states = (_CURRENT, *(_OLD for _ in self.keys[1:]))
        lines = [f"{key.spelled} {state}\n" for key, state in zip(self.keys, states, strict=True)]
        beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(_HEADING + "".join(lines))
                file.flush()
                os.fsync(file.fileno())
            # The user who runs the platform stays its owner when root rotates.
            _keep_owner(path, beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(path.parent)


class Keyring:
    """Derives keys from the master keys and seals secrets with the current one.

    A ring of a file follows it: keys that another process adds are taken up while running.
    """

    def __init__(self, master: bytes, *old: bytes) -> None:
        self._keys: tuple[MasterKey, ...] = tuple(MasterKey(one) for one in (master, *old))
        self._path: Path | None = None
        self._seen: tuple[int, int] | None = None
        self._looked = 0.0
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Keyring:
        """Read the key file, or make it with mode 0600 when absent. Raises Invalid for a file without keys."""
        if not path.exists():
            _create(path)
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Keyring:
        """Read a key file that must be there. Raises FileNotFoundError, Invalid."""
        ring = cls(bytes(_KEY_BYTES))
        ring._path = path
        ring._seen = _state_of(path)
        ring._keys = KeyFile.read(path).keys
        return ring

    @property
    def path(self) -> Path | None:
        """The file it was read from."""
        return self._path

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """All of them, the current one first."""
        self._look()
        return self._keys

    @property
    def current(self) -> MasterKey:
        return self.keys[0]

    def key(self, purpose: str) -> bytes:
        """The current 32-byte key of a purpose."""
        return self.current.key(purpose)

    def seal(self, secret: bytes, *, purpose: str, owner: str) -> bytes:
        """Encrypt with AES-256-GCM; ``owner`` (such as 'sender:5') is bound in, so rows cannot be swapped.

        Bytes: id of the key (8), nonce (12), ciphertext, tag (16).
        """
        current = self.current
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return current.prefix + nonce + AESGCM(current.key(f"seal:{purpose}")).encrypt(nonce, secret, owner.encode())

    def unseal(self, sealed: bytes, *, purpose: str, owner: str) -> bytes:
        """Decrypt. Raises Conflict when the key is missing, or the row was tampered with or moved."""
        named = self._named(sealed)
        if named is not None:
            found = _opened(named, sealed[_ID_BYTES:], purpose, owner)
            if found is not None:
                return found
        for key in self.keys:  # sealed before keys had ids
            found = _opened(key, sealed, purpose, owner)
            if found is not None:
                return found
        raise Conflict(
            "a stored secret cannot be read with this key file: restore the file that was used when it was saved"
        )

    def key_id_of(self, sealed: bytes) -> str:
        """Which key a value was sealed with; empty for one that was sealed before keys had ids."""
        named = self._named(sealed)
        return named.key_id if named is not None else ""

    def signer(self, purpose: str) -> Signer:
        """Tokens of a purpose: signed with the current key, verified with every key."""
        return Signer(lambda: tuple(key.key(f"sign:{purpose}") for key in self._keys), self._look)

    def caseless_signer(self, purpose: str) -> CaselessSigner:
        """The same for places where capital letters may get lost and room is short."""
        return CaselessSigner(lambda: tuple(key.key(f"sign:{purpose}") for key in self._keys), self._look)

    def add(self) -> MasterKey:
        """Make a new key, which is the current one from now on, in the file too. Raises Conflict without a file."""
        fresh = MasterKey(secrets.token_bytes(_KEY_BYTES))
        with self._changing() as path:
            KeyFile(keys=(fresh, *self._keys)).write(path)
        self._look(force=True)
        return fresh

    def forget(self, key_id: str) -> None:
        """Take an old key out of the file. Raises NotFound; Conflict for the current one."""
        if key_id == self.current.key_id:
            raise Conflict("this is the current key; `syncom keys rotate` makes another one")
        if all(key.key_id != key_id for key in self._keys):
            raise NotFound("key", key_id)
        with self._changing() as path:
            KeyFile(keys=tuple(key for key in self._keys if key.key_id != key_id)).write(path)
        self._look(force=True)

    def _changing(self) -> _Change:
        if self._path is None:
            raise Conflict("these keys are not from a file")
        self._look(force=True)
        return _Change(self._path)

    def _named(self, sealed: bytes) -> MasterKey | None:
        for force in (False, True):
            self._look(force=force)
            for key in self._keys:
                if sealed.startswith(key.prefix):
                    return key
        return None

    def _look(self, *, force: bool = False) -> bool:
        """Take up what changed in the file; whether anything did. A file that went away changes nothing."""
        path = self._path
        if path is None:
            return False
        now = time.monotonic()
        if not force and now - self._looked < _LOOK:
            return False
        with self._lock:
            self._looked = now
            state = _state_of(path)
            if state is None or state == self._seen:
                return False
            try:
                keys = KeyFile.read(path).keys
            except (OSError, Invalid):
                return False
            self._seen, self._keys = state, keys
            return True


class _Change:
    """One process at a time changes the key file: a lock on a file beside it, which ends with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def __enter__(self) -> Path:
        import fcntl

        self._handle = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise Conflict("another process changes the key file; try again") from None
        return self._path

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


class Signer:
    """Short tokens: payload and a 128-bit MAC, in URL-safe base64 without padding."""

    _mac_bytes: ClassVar[int] = _MAC_BYTES

    def __init__(self, keys: Callable[[], Sequence[bytes]], look: Callable[..., bool]) -> None:
        self._keys = keys
        self._look = look
        self._known: tuple[bytes, ...] = ()
        self._starts: tuple[hashlib.blake2b, ...] = ()
        self._begin()

    def sign(self, payload: bytes) -> str:
        return self._spell(payload + _mac(self._starts[0], payload)).decode("ascii")

    def verify(self, token: str) -> bytes | None:
        """The payload, or None for a token that was not made here."""
        try:
            spelled = token.encode("ascii")
            raw = self._unspell(spelled)
        except (ValueError, UnicodeEncodeError):
            return None
        if len(raw) <= self._mac_bytes:
            return None
        payload, mac = raw[: -self._mac_bytes], raw[-self._mac_bytes :]
        # The last character has unused bits: only the canonical spelling is accepted.
        if not self._fits(payload, mac) or self._spell(raw) != spelled:
            return None
        return payload

    @staticmethod
    def _spell(raw: bytes) -> bytes:
        return urlsafe_b64encode(raw).rstrip(b"=")

    @staticmethod
    def _unspell(spelled: bytes) -> bytes:
        return urlsafe_b64decode(spelled + b"=" * (-len(spelled) % 4))

    def _fits(self, payload: bytes, mac: bytes) -> bool:
        if any(hmac.compare_digest(mac, _mac(start, payload)) for start in self._starts):
            return True
        # Another process may have signed with a key that was made since.
        self._look()
        return self._begin() and any(hmac.compare_digest(mac, _mac(start, payload)) for start in self._starts)

    def _begin(self) -> bool:
        """Take the keys as they are now; whether they are others."""
        keys = tuple(self._keys())
        if keys == self._known:
            return False
        self._known = keys
        # Copied for every token: to begin from the key again costs as much as the MAC itself.
        self._starts = tuple(hashlib.blake2b(key=key, digest_size=self._mac_bytes) for key in keys)
        return True


class CaselessSigner(Signer):
    """Tokens of small letters and digits (base32, RFC 4648 6), read in any case, with a 64-bit MAC.

    Whoever wants to forge one has to ask here 2^63 times, since nobody else can tell a good one.
    """

    _mac_bytes = _SHORT_MAC_BYTES

    def verify(self, token: str) -> bytes | None:
        return super().verify(token.lower())

    @staticmethod
    def _spell(raw: bytes) -> bytes:
        return b32encode(raw).rstrip(b"=").lower()

    @staticmethod
    def _unspell(spelled: bytes) -> bytes:
        return b32decode(spelled + b"=" * (-len(spelled) % 8), casefold=True)


def _mac(start: hashlib.blake2b, payload: bytes) -> bytes:
    hasher = start.copy()
    hasher.update(payload)
    return hasher.digest()


def hash_token(token: str) -> bytes:
    """SHA-256 of a random token (API key, session), which is what is stored."""
    return hashlib.sha256(token.encode()).digest()


def _opened(key: MasterKey, sealed: bytes, purpose: str, owner: str) -> bytes | None:
    if len(sealed) < _NONCE_BYTES + _MAC_BYTES:
        return None
    try:
        cipher = AESGCM(key.key(f"seal:{purpose}"))
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
    except InvalidTag:
        return None


def _state_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_bytes(_KEY_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Whole or not at all, and never over the key of a process that was first.
        try:
            os.link(beside, path)
        except FileExistsError:
            return
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _keep_owner(path: Path, beside: Path) -> None:
    try:
        owner = path.stat()
        os.chown(beside, owner.st_uid, owner.st_gid)
    except OSError:
        return


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
