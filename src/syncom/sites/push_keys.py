"""The pair of keys that push services know an account by (VAPID, RFC 8292). It stays: browsers subscribe with it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from syncom.errors import NotFound
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring

_SQL = load_sql("syncom.sites", "push.sql")
_PURPOSE: Final = "web push"


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """A pair on the curve P-256."""

    #: Uncompressed point in base64url, as pages and push services get it.
    public: str
    #: PKCS #8 in DER.
    private: bytes

    def __repr__(self) -> str:
        return f"KeyPair({self.public})"


class PushKeys:
    """The pairs of all accounts. They are out of reach for an account's role: every statement names the account."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def public(self, account_id: int) -> str:
        """What browsers subscribe with. Raises NotFound."""
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["key"], {"account_id": account_id})).fetchone()
        if row is None:
            raise NotFound("push key", account_id)
        return row[0]

    async def pair(self, account_id: int) -> KeyPair:
        """The account's pair, made when it has none."""
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["pair"], {"account_id": account_id})).fetchone()
            if row is None:
                await connection.execute(_SQL["add_key"], self._new(account_id))
                row = await (await connection.execute(_SQL["pair"], {"account_id": account_id})).fetchone()
        assert row is not None, "a pair was made when there was none"
        private = self._keyring.unseal(row[1], purpose=_PURPOSE, owner=f"account:{account_id}")
        return KeyPair(public=row[0], private=private)

    def _new(self, account_id: int) -> dict[str, object]:
        private = ec.generate_private_key(ec.SECP256R1())
        public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        secret = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return {
            "account_id": account_id,
            "public_key": urlsafe_b64encode(public).rstrip(b"=").decode(),
            "private_key": self._keyring.seal(secret, purpose=_PURPOSE, owner=f"account:{account_id}"),
        }
