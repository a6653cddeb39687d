"""The only part of live updates that talks to the database."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import LiteralString

from psycopg import sql

from syncom.live.model import Kind
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.live", "live.sql")

#: Account (0: the installation) and kind.
Place = tuple[int, Kind]
#: How many there are, and the sum of the hashes of their states.
Fingerprint = tuple[int, Decimal]


def _statement(kind: Kind) -> LiteralString:
    return _SQL[kind.value.replace("-", "_")]


_SUMMED = sql.SQL(
    "SELECT account_id, {kind}, count(*), sum(hashtextextended(id || ' ' || state, 0))"
    " FROM (\n{statement}\n) found GROUP BY account_id"
)
_FINGERPRINTS = sql.SQL("\nUNION ALL\n").join(
    _SUMMED.format(kind=sql.Literal(kind.value), statement=sql.SQL(_statement(kind))) for kind in Kind
)


async def fingerprints(connection: Connection, accounts: Collection[int]) -> dict[Place, Fingerprint]:
    """One number for each account and kind, which differs when anything of it does. Kinds without rows are left out."""
    cursor = await connection.execute(_FINGERPRINTS, {"accounts": list(accounts)})
    return {(account_id, Kind(kind)): (count, total) for account_id, kind, count, total in await cursor.fetchall()}


async def states(connection: Connection, kind: Kind, accounts: Collection[int]) -> dict[int, dict[str, str]]:
    """The state of everything of a kind, by account and id."""
    cursor = await connection.execute(_statement(kind), {"accounts": list(accounts)})
    found: dict[int, dict[str, str]] = {}
    for account_id, ident, state in await cursor.fetchall():
        found.setdefault(account_id, {})[ident] = state
    return found
