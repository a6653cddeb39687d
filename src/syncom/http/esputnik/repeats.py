"""The same request again within a minute: refused with 409, so that a client that retries blindly does no harm.

The first one claims its hash before it works; when it fails, it gives the claim back, so only what succeeded (or is
being worked on at this moment) is refused. Shared by all web processes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

from syncom.accounts.model import Principal
from syncom.http.esputnik.method import Refused
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.http.esputnik", "repeats.sql")
#: eSputnik reference, 9: identical requests of the same key.
WINDOW_SECONDS: Final = 60
DUPLICATED: Final = "Duplicated request: Repeated request within 1 minute."


@asynccontextmanager
async def claimed(database: Database, by: Principal, verb: str, path: str, body: bytes) -> AsyncGenerator[None]:
    """Around the work of one request. Raises Refused (409) when it was done a moment ago."""
    digest = sha256(f"{by.actor}\n{verb}\n{path}\n".encode() + body).digest()
    values = {"account_id": by.account_id, "request_hash": digest, "seconds": WINDOW_SECONDS}
    async with database.autocommit() as connection:
        if await (await connection.execute(_SQL["claim"], values)).fetchone() is None:
            raise Refused(409, DUPLICATED)
    try:
        yield
    except BaseException:
        async with database.autocommit() as connection:
            await connection.execute(_SQL["forget"], values)
        raise


async def forget_old_requests(database: Database) -> None:
    """Remove what is older than the window."""
    async with database.autocommit() as connection:
        await connection.execute(_SQL["remove_old"])
