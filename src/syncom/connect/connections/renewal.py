"""Renews credentials exactly once, however many wait for it, in one process or in many.

Within a process the callers of a connection share one attempt. Between processes a lease in the credentials' row says
who asks the provider: it names the generation that is renewed, and ends by itself when its holder dies. The answer is
stored only in the place of what was renewed (generation and lease must still be the same), so that a refresh token
is never used by two, and nothing old is ever put over something new.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from syncom.clock import Clock
from syncom.connect.connections import forms, placing, store
from syncom.connect.connections.integrations import Integrations
from syncom.connect.connections.model import Catalogue, Credentials, RenewalDelayed, Stored
from syncom.connect.connections.oauth import (
    OAuthClient,
    Reason,
    TokenRefused,
    TokenTrouble,
    expiry_of,
    merged,
)
from syncom.connect.connections.proving import Prover, renewable, renewal_time
from syncom.connect.connections.vault import Vault
from syncom.connect.model import AuthKind, AuthOption, Connection, ConnectionState, Connector, Fault
from syncom.errors import Invalid, SyncomError, Unavailable
from syncom.postgres.pool import Database

_log = logging.getLogger(__name__)

#: Longer than one request to a provider can take.
LEASE: Final = timedelta(seconds=45)
#: Seconds between looks while another process renews.
_LOOK: Final = (0.05, 0.2)
_FIRST_WAIT: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(hours=1)
#: A client that is refused is tried again so seldom: an owner has to change something first.
_CLIENT_WAIT: Final = timedelta(hours=1)
#: Seconds for which an answer that cannot be stored is held: losing it may lose the connection.
_HOLD: Final = 30.0

#: Marks the connection and tells its owner; false when others did it first.
Defunct = Callable[[int, str, Fault, int], Awaitable[bool]]


class Renewal:
    """Renews the credentials of connections."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        integrations: Integrations,
        vault: Vault,
        oauth: OAuthClient,
        prover: Prover,
        clock: Clock,
        *,
        defunct: Defunct,
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._integrations = integrations
        self._vault = vault
        self._oauth = oauth
        self._prover = prover
        self._clock = clock
        self._defunct = defunct
        self._lease = lease
        self._running: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Let what is under way come to its end: its answer must be stored."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def renew(self, account_id: int, connection_id: str, seen: int) -> None:
        """Return when the credentials are newer than generation ``seen``, or there is nothing more to be done.

        Raises RenewalDelayed when it could not be done for now. Whoever waits may give up; the attempt goes on.
        """
        await asyncio.shield(self.begin(account_id, connection_id, seen))

    def begin(self, account_id: int, connection_id: str, seen: int) -> asyncio.Task[None]:
        """Renew without waiting for it."""
        running = self._running.get(connection_id)
        if running is None:
            running = asyncio.create_task(self._renew(account_id, connection_id, seen), name=f"renew {connection_id}")
            self._running[connection_id] = running
            running.add_done_callback(lambda done: self._ended(connection_id, done))
        return running

    def _ended(self, connection_id: str, done: asyncio.Task[None]) -> None:
        self._running.pop(connection_id, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            # Those who wait are told by the exception; nobody may be waiting.
            level = logging.INFO if isinstance(error, SyncomError) else logging.ERROR
            _log.log(level, "connection %s was not renewed: %s", connection_id, error)

    async def _renew(self, account_id: int, connection_id: str, seen: int) -> None:
        patience = self._clock.monotonic() + 2 * self._lease.total_seconds()
        while True:
            async with self._database.system() as connection:
                row = await store.credentials(connection, account_id, connection_id)
                if row is None or row.generation > seen or not _living(row):
                    return
                if row.retry_at is not None and row.retry_at > self._clock.now():
                    raise RenewalDelayed("its renewal failed and is tried again later", row.retry_at)
                fence = await store.lease(connection, row, self._lease)
            if fence is not None:
                await self._attempt(row, fence)
                return
            if self._clock.monotonic() > patience:
                raise RenewalDelayed("another process is renewing it; try again", row.retry_at)
            await self._clock.sleep(self._clock.jitter(*_LOOK))

    async def _attempt(self, row: Credentials, fence: datetime) -> None:
        """Ask the provider; the lease is ours."""
        try:
            present = await self._connection(row)
            connector = await self._catalogue.connector(row.account_id, present.connector_id)
            option = placing.option_of(connector, present.auth_key)
            stored = self._vault.open(row)
            if option is None or not renewable(option, stored):
                await self._needs_person(row, "its access has ended and cannot be renewed without you")
                return
            token = await self._ask(connector, option, stored, present)
        except TokenRefused as error:
            await self._refused(row, fence, error)
        except TokenTrouble as error:
            await self._troubled(row, fence, error)
        except Invalid as error:
            await self._refused(row, fence, TokenRefused(error.message, Reason.GRANT))
        else:
            await self._keep(row, fence, option, stored, token)

    async def _ask(
        self, connector: Connector, option: AuthOption, stored: Stored, present: Connection
    ) -> dict[str, Any]:
        """A fresh token answer."""
        if option.kind is not AuthKind.OAUTH2:
            return await self._prover.fetch_token(connector, option, stored.typed, present.parameters)
        client = await self._integrations.client(present.account_id, connector.connector_id)
        if client is None or option.oauth is None:
            raise TokenRefused("the workspace has no OAuth client for this app any more", Reason.CLIENT)
        return await self._oauth.refresh(
            option.oauth,
            client,
            parameters={**forms.visible(option, stored.typed), **present.parameters},
            refresh_token=str(stored.token["refresh_token"]),
        )

    async def _keep(
        self, row: Credentials, fence: datetime, option: AuthOption, stored: Stored, token: dict[str, Any]
    ) -> None:
        """Store what the provider gave. It may be the only refresh token there is, so a database that is away for a
        moment must not lose it."""
        now = self._clock.now()
        fresh = Stored(typed=stored.typed, token=merged(stored.token, token), own_key_id=stored.own_key_id)
        expires_at = expiry_of(token, now)
        until = self._clock.monotonic() + _HOLD
        while True:
            try:
                sealed = self._vault.seal(
                    fresh, account_id=row.account_id, tenant_id=row.tenant_id, connection_id=row.connection_id
                )
                async with self._database.system() as connection:
                    kept = await store.renewed(
                        connection,
                        row,
                        fence,
                        key_id=sealed.key_id,
                        sealed=sealed.data,
                        expires_at=expires_at,
                        refresh_at=renewal_time(option, fresh, expires_at, now),
                        now=now,
                    )
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                if self._clock.monotonic() > until:
                    raise
                _log.warning("renewed credentials of %s wait for the database: %s", row.connection_id, error)
                await self._clock.sleep(self._clock.jitter(0.1, 0.5))
                continue
            if not kept:
                _log.warning("credentials of %s were replaced or erased while they were renewed", row.connection_id)
            return

    async def _refused(self, row: Credentials, fence: datetime, error: TokenRefused) -> None:
        if error.reason is Reason.GRANT:
            before = (await self._connection(row)).fault
            lost = before is not None and bool((before.data or {}).get("ambiguous"))
            more = " (the answer to an earlier renewal was lost on the way)" if lost else ""
            await self._needs_person(row, f"the app ended the access: {error.message}{more}")
            return
        fault = Fault(type="configuration", key="oauth_client_refused", message=error.message)
        await self._delay(row, fence, fault, _CLIENT_WAIT)

    async def _troubled(self, row: Credentials, fence: datetime, error: TokenTrouble) -> None:
        """Try again later, with the same refresh token: there is no other."""
        wait = min(_FIRST_WAIT * 2 ** min(row.retry_attempts, 20), _LONGEST_WAIT)
        wait = timedelta(seconds=self._clock.jitter(0.8, 1.2) * wait.total_seconds())
        if error.retry_after is not None:
            wait = max(wait, timedelta(seconds=error.retry_after))
        unsure = " It is not known whether the app renewed it." if error.begun else ""
        fault = Fault(
            type="connection",
            key="access_token_expired" if _expired(row, self._clock.now()) else "credentials_refresh_failed",
            message=f"the access could not be renewed: {error.message}.{unsure}",
            data={"ambiguous": error.begun},
        )
        await self._delay(row, fence, fault, wait)

    async def _delay(self, row: Credentials, fence: datetime, fault: Fault, wait: timedelta) -> None:
        now = self._clock.now()
        broken = fault.type == "configuration" and _expired(row, now)
        async with self._database.system() as connection:
            await store.delayed(
                connection,
                row,
                fence,
                state=ConnectionState.CONFIGURATION_ERROR if broken else ConnectionState.READY,
                fault=fault,
                retry_at=now + wait,
                attempts=row.retry_attempts + 1,
                now=now,
            )
        raise RenewalDelayed(fault.message, now + wait)

    async def _needs_person(self, row: Credentials, message: str) -> None:
        fault = Fault(type="connection", key="connection_is_defunct", message=message)
        await self._defunct(row.account_id, row.connection_id, fault, row.generation)

    async def _connection(self, row: Credentials) -> Connection:
        async with self._database.system() as connection:
            found = await store.find(connection, row.account_id, None, row.connection_id, None)
        if not found:
            raise RenewalDelayed("the connection is gone", None)
        return found[0]


def _living(row: Credentials) -> bool:
    state = ConnectionState(row.state)
    return row.archived_at is None and state in (ConnectionState.READY, ConnectionState.CONFIGURATION_ERROR)


def _expired(row: Credentials, now: datetime) -> bool:
    return row.expires_at is not None and row.expires_at <= now
