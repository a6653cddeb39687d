"""A stand-in for the accounts room, and tokens as a product of somebody's makes them."""

from __future__ import annotations

import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import Key, OctKey

from syncom.connect.tenants.model import KeyHolder, Member
from syncom.errors import Unauthorized


class FewPeople:
    """Keys and people as a test says."""

    def __init__(self) -> None:
        self.keys: dict[str, KeyHolder] = {}
        self.people: dict[int, list[Member]] = {}

    async def key_holder(self, key: str) -> KeyHolder:
        if key not in self.keys:
            raise Unauthorized("no such key")
        return self.keys[key]

    def known_holder(self, key: str) -> KeyHolder | None:
        return self.keys.get(key)

    async def members(self, user_id: int) -> list[Member]:
        return self.people.get(user_id, [])


def member(account_id: int, user_id: int, *, may_write: bool = True, may_manage: bool = True) -> Member:
    return Member(
        account_id=account_id,
        account_name="Acme",
        user_id=user_id,
        email="ann@example.com",
        may_write=may_write,
        may_manage=may_manage,
    )


def minted(secret: str | Key, *, algorithm: str = "HS256", header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token that is good for an hour unless the claims say otherwise; claims that are None are left out."""
    key = OctKey.import_key(secret) if isinstance(secret, str) else secret
    given = {"exp": int(time.time()) + 3600, **claims}
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode({"alg": algorithm, **(header or {})}, kept, key, algorithms=[algorithm])
