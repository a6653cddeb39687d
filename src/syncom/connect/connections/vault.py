"""The vault: what is sealed for connections, integrations and sign-ins under way.

Each value is bound to the row it belongs to (id, tenant, account): moved to another row it does not open.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from syncom.connect.connections.model import Credentials, Stored
from syncom.security import Keyring

_Value = TypeVar("_Value")

CONNECTION = "connection"
INTEGRATION = "integration"
SIGN_IN = "oauth state"


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """As it is stored."""

    key_id: str
    data: bytes


class SignIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has to be known when a person comes back from an app's own page."""

    auth_key: str
    verifier: str
    typed: dict[str, Any] = {}
    parameters: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"SignIn({self.auth_key!r})"


class Vault:
    """Seals and opens. Nothing that was opened is kept here."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, stored: Stored, *, account_id: int, tenant_id: str, connection_id: str) -> Sealed:
        return self._seal(stored, CONNECTION, connection_owner(account_id, tenant_id, connection_id))

    def open(self, row: Credentials) -> Stored:
        """Raises Conflict for a row that was moved or tampered with, or a missing key."""
        owner = connection_owner(row.account_id, row.tenant_id, row.connection_id)
        return self._open(row.sealed, CONNECTION, owner, Stored)

    def seal_secrets(self, secrets: dict[str, str], *, account_id: int, integration_id: str) -> Sealed:
        return self._seal(secrets, INTEGRATION, integration_owner(account_id, integration_id))

    def open_secrets(self, data: bytes, *, account_id: int, integration_id: str) -> dict[str, str]:
        return self._open(data, INTEGRATION, integration_owner(account_id, integration_id), dict[str, str])

    def seal_sign_in(self, sign_in: SignIn, *, account_id: int, request_id: str) -> Sealed:
        return self._seal(sign_in, SIGN_IN, sign_in_owner(account_id, request_id))

    def open_sign_in(self, data: bytes, *, account_id: int, request_id: str) -> SignIn:
        return self._open(data, SIGN_IN, sign_in_owner(account_id, request_id), SignIn)

    def _seal(self, value: Any, purpose: str, owner: str) -> Sealed:
        data = self._keyring.seal(msgspec.json.encode(value), purpose=purpose, owner=owner)
        return Sealed(key_id=self._keyring.key_id_of(data), data=data)

    def _open(self, data: bytes, purpose: str, owner: str, kind: type[_Value]) -> _Value:
        return msgspec.json.decode(self._keyring.unseal(bytes(data), purpose=purpose, owner=owner), type=kind)


def connection_owner(account_id: int, tenant_id: str, connection_id: str) -> str:
    return f"connection:{connection_id}/tenant:{tenant_id}/account:{account_id}"


def integration_owner(account_id: int, integration_id: str) -> str:
    return f"integration:{integration_id}/account:{account_id}"


def sign_in_owner(account_id: int, request_id: str) -> str:
    return f"request:{request_id}/account:{account_id}"
