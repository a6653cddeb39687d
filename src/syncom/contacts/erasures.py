"""What stays of people who were erased: keyed hashes of their addresses, so that nothing is sent to them again even
when somebody imports them again, and a signed certificate of what was deleted.

A hash is HMAC-SHA256 with a secret of the account, which is sealed with the installation's key: whoever has the
database alone cannot try addresses. Hashes stop mailings; where the address had a stronger reason (a bounce, a
complaint) they stop everything, as the suppression did. Confirming a subscription by mail lifts them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from syncom.contacts.model import Channel
from syncom.postgres.columns import buckets, numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring

_SQL = load_sql("syncom.contacts", "erasures.sql")
_PURPOSE: Final = "erasure"
#: Of an address that had no other reason for silence.
ERASED: Final = "erased"
#: What stops mailings and lets through what was asked for.
MILD: Final = frozenset((ERASED, "unsubscribed"))
#: Seconds for which it is believed that an account has erased nobody.
_REMEMBERED: Final = 5.0
_LAST: Final = 2**63 - 1


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was done about one person. No member tells who it was."""

    account_id: int
    contact_id: int
    erased_at: datetime
    #: Rows that were deleted by table; of contacts erased together, the rows of all.
    deleted: dict[str, int]
    #: Rows that stay without the person, so that reports keep their counts.
    kept_without_person: dict[str, int]
    #: Keyed hashes of addresses that nothing is sent to, in base64.
    address_hashes: tuple[str, ...]
    #: How many people were erased in the same step.
    erased_together: int


class SignedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate with its signature: Ed25519 over the UTF-8 bytes of ``certificate``; both others in base64."""

    erasure_id: int
    contact_id: int
    erased_at: datetime
    certificate: str
    signature: str
    public_key: str

    @property
    def content(self) -> Certificate:
        return msgspec.json.decode(self.certificate, type=Certificate)


def is_genuine(signed: SignedCertificate) -> bool:
    """Whether the signature fits the certificate and its public key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(signed.public_key, validate=True))
        key.verify(b64decode(signed.signature, validate=True), signed.certificate.encode())
    except (ValueError, InvalidSignature):
        return False
    return True


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure has to say in its certificates: hashes by contact."""

    hashes: Mapping[int, Sequence[bytes]]


class Erasures:
    """Keeps hashes and certificates of erasures."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        #: Accounts that had erased nobody, and until when that is believed.
        self._nobody: dict[int, float] = {}

    # ------------------------------------------------------------ erasing

    async def remember(
        self, connection: Connection, account_id: int, contact_ids: Sequence[int], erased_at: datetime
    ) -> Remembered:
        """Turn the addresses of contacts into hashes, before they are erased, in the same system transaction."""
        values = {"account_id": account_id, "contact_ids": numbers(contact_ids)}
        rows = await (await connection.execute(_SQL["addresses"], values)).fetchall()
        if not rows:
            return Remembered(hashes={})
        secret = await self._secret(connection, account_id)
        hashes: defaultdict[int, list[bytes]] = defaultdict(list)
        stored: dict[tuple[int, bytes], str] = {}
        for contact_id, kind, value, reason in rows:
            address_hash = _hash(secret, Channel(kind), value)
            hashes[contact_id].append(address_hash)
            stored[kind, address_hash] = reason or ERASED
        keys = sorted(stored)
        await connection.execute(
            _SQL["remember"],
            {
                "account_id": account_id,
                "channels": [key[0] for key in keys],
                "hashes": [key[1] for key in keys],
                "reasons": [stored[key] for key in keys],
                "erased_at": erased_at,
            },
        )
        addresses = sorted({(row[1], row[2]) for row in rows})
        await connection.execute(
            _SQL["drop_suppressions"],
            {
                "account_id": account_id,
                "channels": [one[0] for one in addresses],
                "addresses": [one[1] for one in addresses],
            },
        )
        return Remembered(hashes=hashes)

    async def certify(
        self,
        connection: Connection,
        account_id: int,
        contact_ids: Sequence[int],
        remembered: Remembered,
        deleted: Mapping[str, int],
        erased_at: datetime,
    ) -> None:
        """Sign and store a certificate for each erased contact, in the same transaction."""
        key = Ed25519PrivateKey.from_private_bytes(self._keyring.key("erasure certificate"))
        for contact_id in contact_ids:
            these = {
                "account_id": account_id,
                "buckets": buckets([contact_id]),
                "contact_ids": numbers([contact_id]),
            }
            kept = await (await connection.execute(_SQL["kept"], these)).fetchone()
            certificate = Certificate(
                account_id=account_id,
                contact_id=contact_id,
                erased_at=erased_at,
                deleted={table: count for table, count in sorted(deleted.items()) if count},
                kept_without_person={"ledger": kept[0], "activity": kept[1]} if kept else {},
                address_hashes=tuple(b64encode(one).decode() for one in remembered.hashes.get(contact_id, ())),
                erased_together=len(contact_ids),
            )
            text = msgspec.json.encode(certificate).decode()
            await connection.execute(
                _SQL["certify"],
                {
                    "account_id": account_id,
                    "contact_id": contact_id,
                    "erased_at": erased_at,
                    "certificate": text,
                    "signature": key.sign(text.encode()),
                    "public_key": key.public_key().public_bytes_raw(),
                },
            )

    async def certificates(
        self, account_id: int, *, contact_id: int | None = None, before: int | None = None, limit: int = 100
    ) -> list[SignedCertificate]:
        """Certificates, the last one first, before that one; those of one contact, or all."""
        values: dict[str, Any] = {
            "account_id": account_id,
            "contact_id": contact_id,
            "before": _LAST if before is None else before,
            "limit": limit,
        }
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["certificates"], values)).fetchall()
        return [
            SignedCertificate(
                erasure_id=row[0],
                contact_id=row[1],
                erased_at=row[2],
                certificate=row[3],
                signature=b64encode(row[4]).decode(),
                public_key=b64encode(row[5]).decode(),
            )
            for row in rows
        ]

    async def is_of(self, account_id: int, certificate: Certificate) -> bool:
        """Whether a contact with the certificate's number is the person it is about: it has one of the addresses.

        After a backup was restored the number may be somebody else's by now.
        """
        async with self._database.system() as connection:
            values = {"account_id": account_id, "contact_ids": numbers([certificate.contact_id])}
            rows = await (await connection.execute(_SQL["addresses"], values)).fetchall()
            if not rows:
                return False
            secret = await self._secret(connection, account_id)
        known = {b64decode(one) for one in certificate.address_hashes}
        return any(_hash(secret, Channel(kind), value) in known for _, kind, value, _ in rows)

    # ------------------------------------------------------------ sending

    async def refused(self, account_id: int, channel: Channel, addresses: Collection[str]) -> dict[str, str]:
        """Those of these addresses whose owner was erased, and the reason for silence. Free for most accounts."""
        if channel.consent not in (Channel.EMAIL, Channel.SMS) or self._nobody.get(account_id, 0.0) > time.monotonic():
            return {}
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["has_erased"], {"account_id": account_id})).fetchone()
            if row is None or not row[0]:
                self._nobody[account_id] = time.monotonic() + _REMEMBERED
                return {}
            secret = await self._secret(connection, account_id)
            hashes = {_hash(secret, channel.consent, address): address for address in addresses if address}
            values = {"account_id": account_id, "channel": int(channel.consent), "hashes": list(hashes)}
            rows = await (await connection.execute(_SQL["refused"], values)).fetchall()
        return {hashes[bytes(address_hash)]: reason for address_hash, reason in rows}

    async def lift(self, connection: Connection, account_id: int, channel: Channel, address: str) -> None:
        """The owner has come back: in the caller's system transaction."""
        secret = await self._secret(connection, account_id)
        values = {"account_id": account_id, "channel": int(channel), "hashes": [_hash(secret, channel, address)]}
        await connection.execute(_SQL["lift"], values)

    async def _secret(self, connection: Connection, account_id: int) -> bytes:
        """The account's secret, made when it is first needed."""
        owner = f"account:{account_id}"
        row = await (await connection.execute(_SQL["secret"], {"account_id": account_id})).fetchone()
        if row is None:
            sealed = self._keyring.seal(secrets.token_bytes(32), purpose=_PURPOSE, owner=owner)
            await connection.execute(_SQL["put_secret"], {"account_id": account_id, "sealed": sealed})
            row = await (await connection.execute(_SQL["secret"], {"account_id": account_id})).fetchone()
        assert row is not None
        return self._keyring.unseal(bytes(row[0]), purpose=_PURPOSE, owner=owner)


def _hash(secret: bytes, channel: Channel, address: str) -> bytes:
    return hmac.digest(secret, f"{int(channel)}:{address}".encode(), hashlib.sha256)
