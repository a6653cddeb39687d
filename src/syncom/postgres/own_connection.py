"""A kept connection beside the pool, and how an absent database shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import psycopg

from syncom.errors import Unavailable
from syncom.postgres.pool import Connection

#: The server is away, restarting, read-only after a failover, out of disk, or slower than we may wait.
AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    OSError,
    TimeoutError,
    Unavailable,
)


class OwnConnection:
    """One kept connection in autocommit mode.

    The pool checks a connection with a round trip before it lends it, and after an outage it waits for
    minutes before it connects again; hits and events can afford neither. ``name`` shows in ``pg_stat_activity``;
    ``prepare`` is run on each new connection.
    """

    def __init__(self, dsn: str, name: str, prepare: Callable[[Connection], Awaitable[None]] | None = None) -> None:
        self._dsn = dsn
        self._name = name
        self._prepare = prepare
        self._connection: Connection | None = None

    async def get(self) -> Connection:
        """The connection, made anew when it was lost. Raises one of `AWAY`."""
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> Connection:
        connection = await psycopg.AsyncConnection.connect(
            self._dsn, autocommit=True, connect_timeout=5, application_name=self._name
        )
        try:
            # Each large statement has one good plan; planning it anew costs more than running it.
            await connection.execute("SET plan_cache_mode = force_generic_plan")
            if self._prepare is not None:
                await self._prepare(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
