"""What a 401 that no renewal helps against says of a connection (membrane-api, 15: item 21).

It may be that the credentials are dead, or only that this call is not theirs to make. So the connector's test call is
asked, in the background and once in a while; when the app refuses that too, or the connector has none, the connection
is marked: it shows that a person has to connect again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

import psycopg

from syncom.clock import Clock
from syncom.connect.model import AuthKind, Authorisation, Caller, Connection, Fault
from syncom.connect.transport.service import Transport
from syncom.errors import SyncomError

_log = logging.getLogger(__name__)

#: Seconds between two tests of one connection.
_EVERY: Final = 30.0
_MAX_KEPT: Final = 10_000
#: What a test says when the app refused the credentials, and not when it was down.
_REFUSED: Final = frozenset({"invalid", "connection_is_defunct"})
_FAULT: Final = Fault(
    type="connection", key="access_token_expired", message="the app refuses the credentials: connect it again"
)


class Connections(Protocol):
    """What is needed of connections."""

    async def test(self, caller: Caller, selector: str) -> Fault | None: ...
    async def mark_defunct(
        self, connection: Connection, fault: Fault, *, seen: Authorisation | None = None
    ) -> None: ...


class Doubts:
    """Connections whose credentials were refused."""

    def __init__(self, connections: Connections, transport: Transport, clock: Clock) -> None:
        self._connections = connections
        self._transport = transport
        self._clock = clock
        self._last: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def settle(self) -> None:
        """Wait for what is being looked into."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def refused(self, caller: Caller, connection: Connection, seen: Authorisation) -> None:
        """The app answered 401 to these credentials, and there are no others."""
        now = self._clock.monotonic()
        ident = connection.connection_id
        if now - self._last.get(ident, -_EVERY) < _EVERY:
            return
        if len(self._last) >= _MAX_KEPT:
            self._last.clear()
        self._last[ident] = now
        task = asyncio.create_task(self._look_into(caller, connection, seen))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_into(self, caller: Caller, connection: Connection, seen: Authorisation) -> None:
        try:
            connector = await self._transport.connector(connection)
            kinds = {option.kind for option in connector.auth if option.key == connection.auth_key}
            if AuthKind.NONE in kinds:
                return
            if connector.test is not None:
                fault = await self._connections.test(caller, connection.connection_id)
                if fault is None or fault.key not in _REFUSED:
                    return
            await self._connections.mark_defunct(connection, _FAULT, seen=seen)
        except (SyncomError, psycopg.Error) as error:
            _log.warning("connection %s is doubted, and could not be tested: %s", connection.connection_id, error)
