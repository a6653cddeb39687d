"""The database as the rest of the code sees it: transactions of the system and transactions of one account."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from syncom.errors import Unavailable
from syncom.postgres.edits import EDIT, stale

Connection = psycopg.AsyncConnection[TupleRow]

_AS_TENANT = "SELECT set_config('role', 'syncom_tenant', true), set_config('syncom.account_id', %s, true)"


class Database:
    """A pool of connections to one PostgreSQL server.

    Two ways to work, and the choice is the caller's right, not its habit:

    * :meth:`tenant` for everything done on behalf of one account: row-level security shows that account's rows
      only, and tables with credentials are out of reach;
    * :meth:`system` for background work and sign-in, which see everything.

    Both give a connection inside a transaction: it commits when the block ends, and rolls back on an exception.
    """

    def __init__(self, dsn: str, *, max_size: int = 16, min_size: int = 1, name: str = "syncom") -> None:
        self.dsn = dsn
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            open=False,
            timeout=30,
            max_idle=300,
            kwargs={"application_name": name, "autocommit": True},
            name=name,
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self) -> None:
        """Connect. Raises Unavailable when the server does not answer within 30 seconds."""
        try:
            await self._pool.open(wait=True, timeout=30)
        except PoolTimeout as error:
            raise Unavailable("the database does not answer; `syncom doctor` says why") from error

    async def close(self) -> None:
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def system(self) -> AsyncGenerator[Connection]:
        """A transaction of the system itself."""
        async with self._connection() as connection, connection.transaction(), _edited(connection):
            yield connection

    @asynccontextmanager
    async def tenant(self, account_id: int) -> AsyncGenerator[Connection]:
        """A transaction that sees and changes the rows of one account only."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute(_AS_TENANT, (str(account_id),))
            async with _edited(connection):
                yield connection

    @asynccontextmanager
    async def reading(self, account_id: int) -> AsyncGenerator[Connection]:
        """A tenant's transaction that sees everything as it was at one moment, and can change nothing."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await connection.execute(_AS_TENANT, (str(account_id),))
            yield connection

    @asynccontextmanager
    async def autocommit(self) -> AsyncGenerator[Connection]:
        """A connection without a transaction, for LISTEN, COPY of many batches, and maintenance."""
        async with self._connection() as connection:
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise Unavailable("the database is busy or down; try again") from error

    def pool_statistics(self) -> dict[str, Any]:
        """Numbers of the pool for the metrics page."""
        return dict(self._pool.get_stats())


@asynccontextmanager
async def _edited(connection: Connection) -> AsyncGenerator[None]:
    """Carry what the request edits into the transaction (edits.py). Raises Stale when somebody saved it since."""
    edit = EDIT.get()
    if edit is None:
        yield
        return
    await edit.ask(connection)
    try:
        yield
    except psycopg.Error as error:
        late = stale(error)
        if late is None:
            raise
        raise late from None
    await edit.hear(connection)
