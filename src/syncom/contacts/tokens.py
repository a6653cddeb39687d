"""Tokens that speak for one contact: what a mobile app shows instead of a key (eSputnik reference, 5.1).

Each use gives a fresh one; the old one lives on for half a minute, for requests that are under way with it.
"""

from __future__ import annotations

import secrets
from typing import Final

from syncom.contacts.model import TokenUse
from syncom.errors import Unauthorized
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.security import hash_token

_SQL = load_sql("syncom.contacts", "tokens.sql")
#: Seconds a token is good for, and those it lives on after it was used.
TOKEN_SECONDS: Final = 3600
GRACE_SECONDS: Final = 30
_PREFIX: Final = "ct_"
_TOKEN_LENGTH: Final = 200


class ContactTokens:
    """The tokens of contacts. Only their hashes are stored, where no account's role can read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(self, account_id: int, contact_id: int) -> str:
        """A fresh token."""
        async with self._database.system() as connection:
            return await _add(connection, account_id, contact_id)

    async def use(self, token: str) -> TokenUse:
        """Whom a token speaks for, and the token to go on with. Raises Unauthorized."""
        if not token.startswith(_PREFIX) or len(token) > _TOKEN_LENGTH:
            raise Unauthorized("the token is not valid: ask for a new one")
        async with self._database.system() as connection:
            values = {"token_hash": hash_token(token), "grace": GRACE_SECONDS}
            row = await (await connection.execute(_SQL["use_token"], values)).fetchone()
            if row is None:
                raise Unauthorized("the token is not valid any more: ask for a new one")
            return TokenUse(account_id=row[0], contact_id=row[1], fresh=await _add(connection, row[0], row[1]))

    async def forget_old(self) -> None:
        """Remove tokens that have had their time."""
        async with self._database.system() as connection:
            await connection.execute(_SQL["forget_tokens"])


async def _add(connection: Connection, account_id: int, contact_id: int) -> str:
    token = _PREFIX + secrets.token_urlsafe(32)
    values = {
        "token_hash": hash_token(token),
        "account_id": account_id,
        "contact_id": contact_id,
        "seconds": TOKEN_SECONDS,
    }
    await connection.execute(_SQL["add_token"], values)
    return token
