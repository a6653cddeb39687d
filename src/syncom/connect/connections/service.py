"""Use cases of connections: connect an app, look, change, test, disconnect, and authorise requests.

Credentials come in and never leave again but as an :class:`Authorisation` of one request. What is given is tried out
before it is stored, and stored in one step: nothing half-done stays when it is refused.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from syncom.clock import Clock
from syncom.connect.connections import forms, news, placing, records, store
from syncom.connect.connections.integrations import Integrations
from syncom.connect.connections.model import (
    OWN_OPTION,
    AuthChoice,
    Catalogue,
    ConnectionPatch,
    ConnectionRequest,
    ConnectionWish,
    Credentials,
    Defunct,
    Event,
    OwnKeys,
    RenewalDelayed,
    Stored,
)
from syncom.connect.connections.oauth import OAuthClient
from syncom.connect.connections.proving import Proven, Prover, renewable, typed_client
from syncom.connect.connections.renewal import LEASE, Renewal
from syncom.connect.connections.requests import Requests
from syncom.connect.connections.telling import OwnerWebhooks
from syncom.connect.connections.vault import Vault
from syncom.connect.connections.watching import RequestWatch
from syncom.connect.model import (
    AuthKind,
    AuthOption,
    Authorisation,
    Caller,
    CallerKind,
    Connection,
    ConnectionState,
    Connector,
    Fault,
)
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, SyncomError, Upstream
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Connection as Transaction
from syncom.postgres.pool import Database
from syncom.security import Keyring

_log = logging.getLogger(__name__)

#: Seconds for which an opened authorisation serves the calls of this process: a busy connection makes thousands a
#: second. A credential that another process erased is used that much longer at most.
_HELD: Final = 1.0
_MAX_HELD: Final = 10_000
#: A token that ends within so many seconds is as good as ended: the request has to get there.
_SKEW: Final = timedelta(seconds=5)
#: Seconds between looks of a caller that waits for a person.
_LOOK: Final = 0.25
#: Connector for apps that nobody has described.
_GENERIC: Final = "http"
_MOST: Final = 1000


class _Held(msgspec.Struct, frozen=True):
    authorisation: Authorisation
    until: float
    expires: float


class ConnectionsService:
    """Connections of tenants."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        keyring: Keyring,
        outbound: OutboundClient,
        clock: Clock,
        *,
        base_url: str,
        own_keys: OwnKeys | None = None,
        lease: timedelta = LEASE,
        token_seconds: float | None = None,
    ) -> None:
        """``base_url``: the installation's own address. ``own_keys`` makes API keys for connections to itself.
        ``token_seconds`` for one request to a provider; the ``lease`` of whoever renews must be longer."""
        self._database = database
        self._catalogue = catalogue
        self._clock = clock
        self._own_keys = own_keys
        self._vault = Vault(keyring)
        self._own = OutboundClient("0.0.0.0/0,::/0")
        self._oauth = (
            OAuthClient(outbound, clock)
            if token_seconds is None
            else OAuthClient(outbound, clock, seconds=token_seconds)
        )
        self._prover = Prover(outbound, self._own, self._oauth, clock, own_address=base_url + "/api")
        self.integrations = Integrations(database, catalogue, self._vault)
        #: Who waits for the end of a request.
        self.watch = RequestWatch(database, clock)
        #: Who is told what becomes of connections.
        self.webhooks = OwnerWebhooks(database)
        self._renewal = Renewal(
            database,
            catalogue,
            self.integrations,
            self._vault,
            self._oauth,
            self._prover,
            clock,
            defunct=self._mark,
            lease=lease,
        )
        self.requests = Requests(
            database,
            catalogue,
            self.integrations,
            self._vault,
            self._oauth,
            self._prover,
            clock,
            base_url=base_url,
            own_keys=own_keys,
            changed=self._forget,
        )
        self._held: dict[str, _Held] = {}

    async def close(self) -> None:
        """Finish renewals that are under way, and close connections."""
        await self.watch.close()
        await self._renewal.close()
        await self._own.close()

    # ------------------------------------------------------------ looking

    async def get(self, caller: Caller, selector: str) -> Connection:
        """By id or key, or by the connector's id or key (or an integration's) when exactly one connection is of it.

        Raises NotFound, also for what belongs to others or is not in the token's list; Conflict when several fit.
        """
        found = await self._find(caller, selector)
        return (await self._with_links([found]))[0]

    async def list(
        self,
        caller: Caller,
        *,
        search: str | None = None,
        connector_id: str | None = None,
        include_archived: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Connection]:
        """Those of the caller's tenant (a manager: of the workspace), oldest first. ``search`` is in names and keys."""
        if not 1 <= limit <= _MOST or offset < 0:
            raise Invalid("limit", f"must be between 1 and {_MOST}")
        values: dict[str, Any] = {
            "account_id": caller.account_id,
            "tenant_id": _tenant_of(caller),
            "only": _only(caller),
            "archived": include_archived,
            "connector_id": connector_id,
            "pattern": _pattern(search),
            "limit": limit,
            "offset": offset,
        }
        async with self._database.tenant(caller.account_id) as connection:
            found = await store.select(connection, values)
        return await self._with_links(found)

    async def wait(self, caller: Caller, selector: str, *, seconds: float, ready: bool = False) -> Connection:
        """The connection once it is no longer being built, or as it is after ``seconds`` (membrane-api, 6.4).

        ``ready``: also wait for the person who has to act.
        """
        until = self._clock.monotonic() + seconds
        waited = {ConnectionState.BUILDING, ConnectionState.DISCONNECTING}
        if ready:
            waited.add(ConnectionState.CLIENT_ACTION_REQUIRED)
        while True:
            found = await self.get(caller, selector)
            left = until - self._clock.monotonic()
            if found.state not in waited or left <= 0:
                return found
            await self._clock.sleep(min(_LOOK, left))

    async def options(self, caller: Caller, wish: ConnectionWish) -> Sequence[AuthChoice]:
        """How an app can be connected: its authentication options. Raises NotFound."""
        connector = await self._connector(caller, wish)
        return await self.requests.choices(caller.account_id, connector)

    # ------------------------------------------------------------ connecting

    async def create(self, caller: Caller, wish: ConnectionWish) -> Connection:
        """A new connection: with ``credentials`` or ``input`` it is tested at once and READY; without, a person is
        asked at its ``action_url``.

        Raises NotFound (connector), Invalid (what is wrong with the credentials, by field), Upstream (the app does
        not answer), Conflict (key taken). Nothing stays when it is refused.
        """
        _may_change(caller)
        if wish.connection is not None:
            return await self.reconnect(caller, wish.connection, wish)
        connector = await self._connector(caller, wish)
        chosen = await self._chosen(caller, connector, wish)
        if chosen is None:
            return await self._wait_for_person(caller, connector, wish)
        proven = await self._prove(connector, chosen, wish)
        now = self._clock.now()
        async with self._database.system() as connection:
            made = await self._add(connection, caller, connector, wish, proven=proven)
            await records.keep(connection, self._vault, made, proven, now, fresh=True)
        return await self.get(caller, made.connection_id)

    async def connect(self, caller: Caller, wish: ConnectionWish) -> Connection:
        """As :meth:`create`, but a connection of the same connector that waits for a person is connected instead of
        another one beside it, unless ``allow_multiple`` or a key says otherwise."""
        _may_change(caller)
        if wish.connection is None and not wish.allow_multiple:
            connector = await self._connector(caller, wish)
            waiting = await self._waiting(caller, connector, wish.key)
            if waiting is not None:
                return await self.reconnect(caller, waiting.connection_id, wish)
        return await self.create(caller, wish)

    async def ensure(self, caller: Caller, app: str, *, name: str | None = None) -> Connection:
        """A connection for the app at an address or domain (or of a name): the one there is, else a new one.

        For an app without a connector one of the generic HTTP connector, which asks for what it needs to know
        (``provide-input``). Raises Invalid, NotFound.
        """
        _may_change(caller)
        domain = domain_of(app)
        connector = await self._catalogue.find_by_domain(caller.account_id, domain) if domain else None
        if connector is None and not domain:
            connector = await self._named(caller, app)
        if connector is not None:
            present = await self.list(caller, connector_id=connector.connector_id, limit=1)
            if present:
                return present[0]
            return await self.create(caller, ConnectionWish(connector=connector.connector_id, name=name))
        for one in await self.list(caller, search=None, limit=_MOST):
            if one.meta.get("app") == _app_of(app, domain):
                return one
        return await self._ask_for_input(caller, app, domain, name)

    async def reconnect(self, caller: Caller, selector: str, wish: ConnectionWish | None = None) -> Connection:
        """Connect the same record again. With ``credentials`` or ``input`` at once; without, the answer has an
        ``action_url``, and what is stored goes on working until the person has been there."""
        _may_change(caller)
        present = await self._find(caller, selector)
        if present.archived_at is not None:
            raise Conflict("the connection is archived; restore it first")
        wish = wish or ConnectionWish()
        connector = await self._catalogue.connector(caller.account_id, present.connector_id)
        parameters = {**present.parameters, **(wish.parameters or {})}
        wish = msgspec.structs.replace(wish, parameters=parameters)
        chosen = await self._chosen(caller, connector, wish)
        if chosen is None:
            request = await self.requests.open(caller, connector, wish, connection=present)
            return msgspec.structs.replace(
                present,
                state=ConnectionState.CLIENT_ACTION_REQUIRED,
                client_action=present.client_action or "connect",
                action_url=request.url,
            )
        proven = await self._prove(connector, chosen, wish)
        before = await self._stored(present)
        await self._replace(present, proven)
        await self.requests.drop_own_key(present.account_id, before)
        return await self.get(caller, present.connection_id)

    async def request(self, caller: Caller, wish: ConnectionWish) -> ConnectionRequest:
        """Ask a person to connect an app on the page at ``url``, valid for an hour. Raises NotFound, Invalid."""
        _may_change(caller)
        if wish.connection is not None:
            present = await self._find(caller, wish.connection)
            if present.archived_at is not None:
                raise Conflict("the connection is archived; restore it first")
            connector = await self._catalogue.connector(caller.account_id, present.connector_id)
            return await self.requests.open(caller, connector, wish, connection=present)
        connector = await self._connector(caller, wish)
        waiting = None if wish.allow_multiple else await self._waiting(caller, connector, wish.key)
        return await self.requests.open(caller, connector, wish, connection=waiting)

    async def get_request(self, caller: Caller, request_id: str) -> ConnectionRequest:
        """How far the person is. Raises NotFound."""
        return await self.requests.get(request_id, account_id=caller.account_id, tenant_id=_tenant_of(caller))

    # ------------------------------------------------------------ changing

    async def patch(self, caller: Caller, selector: str, given: ConnectionPatch) -> Connection:
        """Rename, note, or provide what a connection waits for; ``input`` and ``credentials`` are tested at once.

        Raises NotFound, Invalid, Conflict (key taken), Upstream.
        """
        _may_change(caller)
        present = await self._find(caller, selector)
        proven: Proven | None = None
        if given.input is not None or given.credentials is not None or given.parameters is not None:
            proven = await self._proven_again(present, given)
        now = self._clock.now()
        key = given.key if given.key != present.key else None
        async with self._database.system() as connection:
            if key is not None:
                records.check_key(key)
                if await store.taken_keys(connection, present.account_id, present.tenant_id, key) & {key}:
                    raise Conflict(f"there is a connection with the key {key}", field="key")
            await store.change(
                connection,
                present.account_id,
                present.connection_id,
                name=records.check_name(given.name) if given.name is not None else None,
                key=key,
                meta=_merged(present.meta, given.meta) if given.meta is not None else None,
                now=now,
            )
            if proven is not None:
                await records.keep(connection, self._vault, present, proven, now)
        self._forget(present.connection_id)
        return await self.get(caller, present.connection_id)

    async def archive(self, caller: Caller, selector: str) -> Connection:
        """Hide it and let it work no more; :meth:`restore` brings it back with its credentials. Raises NotFound."""
        _may_change(caller)
        present = await self._find(caller, selector)
        async with self._database.system() as connection:
            await store.archive(connection, present.account_id, present.connection_id, self._clock.now())
        self._forget(present.connection_id)
        return await self._find(caller, present.connection_id)

    async def restore(self, caller: Caller, selector: str) -> Connection:
        """Bring an archived one back, under its key or the next free one. Raises NotFound (by id only)."""
        _may_change(caller)
        present = await self._find(caller, selector)
        async with self._database.system() as connection:
            if present.archived_at is not None:
                key = await records.free_key(connection, present.account_id, present.tenant_id, present.key)
                now = self._clock.now()
                await store.restore(connection, present.account_id, present.connection_id, key, now)
        return await self.get(caller, present.connection_id)

    async def disconnect(self, caller: Caller, selector: str) -> Connection:
        """Revoke the access at the provider where it can be, and erase the credentials for good. Raises NotFound.

        What the provider refuses is logged: the credentials are erased whatever it says.
        """
        _may_change(caller)
        present = await self._find(caller, selector)
        now = self._clock.now()
        async with self._database.system() as connection:
            await store.set_state(
                connection, present.account_id, present.connection_id, ConnectionState.DISCONNECTING, now=now
            )
        self._forget(present.connection_id)
        await self.finish_disconnecting(present)
        return await self.get(caller, present.connection_id)

    async def finish_disconnecting(self, present: Connection) -> None:
        """The part of :meth:`disconnect` that a crash may have cut off."""
        stored = await self._stored(present)
        if stored is not None:
            await self._revoke(present, stored)
        async with self._database.system() as connection:
            await store.erase_credentials(connection, present.account_id, present.connection_id)
            await store.set_state(
                connection,
                present.account_id,
                present.connection_id,
                ConnectionState.CLIENT_ACTION_REQUIRED,
                client_action="connect",
                from_state=ConnectionState.DISCONNECTING,
                now=self._clock.now(),
            )
        self._forget(present.connection_id)

    async def test(self, caller: Caller, selector: str) -> Fault | None:
        """Make the connector's test call; what is wrong, None when nothing is. Raises NotFound."""
        present = await self._find(caller, selector)
        connector = await self._catalogue.connector(caller.account_id, present.connector_id)
        try:
            authorisation = await self.authorise(present)
            try:
                await self._prover.test(connector, authorisation)
            except Invalid:
                renewed = await self.refused(present, authorisation)
                if renewed is None:
                    raise
                await self._prover.test(connector, renewed)
        except (Invalid, Conflict, Upstream) as error:
            return Fault(type="connection", key=error.code, message=error.message)
        return None

    async def refresh(self, caller: Caller, selector: str) -> Connection:
        """Renew the credentials now. Raises NotFound, Conflict when they cannot be, Upstream when it failed."""
        _may_change(caller)
        present = await self._find(caller, selector)
        row = await self._row(present)
        stored = self._vault.open(row)
        connector = await self._catalogue.connector(caller.account_id, present.connector_id)
        option = placing.option_of(connector, present.auth_key)
        if option is None or not renewable(option, stored):
            raise Conflict("these credentials do not expire, or only a person can renew them; reconnect instead")
        await self._renewal.renew(present.account_id, present.connection_id, row.generation)
        self._forget(present.connection_id)
        return await self.get(caller, present.connection_id)

    # ------------------------------------------------------------ authorising requests

    async def authorise(self, connection: Connection) -> Authorisation:
        """What makes a request one of this connection, renewed when its time has come.

        Raises Defunct when a person has to act, RenewalDelayed when the token has ended and the provider does not
        answer, NotFound when it was removed.
        """
        held = self._held.get(connection.connection_id)
        if held is not None and held.until > self._clock.monotonic() and held.expires > self._clock.now().timestamp():
            return held.authorisation
        return await self._authorise(connection)

    async def refused(self, connection: Connection, seen: Authorisation) -> Authorisation | None:
        """After a 401: other credentials than those that were refused, renewed once for all who ask.

        None when they cannot be renewed. Raises Defunct, RenewalDelayed.
        """
        self._forget(connection.connection_id)
        row = await self._row(connection)
        for _ in range(2):
            if row.generation != seen.generation:
                return await self._authorise(connection)
            if not await self._is_renewable(connection, row):
                return None
            await self._renewal.renew(connection.account_id, connection.connection_id, seen.generation)
            row = await self._row(connection)
        return None

    async def mark_defunct(self, connection: Connection, fault: Fault, *, seen: Authorisation | None = None) -> None:
        """The app refuses the credentials for good: a person has to connect it again, and its owner is told once.

        ``seen``: the credentials that were refused; nothing happens when there are others by now.
        """
        generation = seen.generation if seen is not None else None
        await self._mark(connection.account_id, connection.connection_id, fault, generation)

    async def renew_due(self, limit: int = 20) -> int:
        """Renew what ends soon, of all accounts; how many were tried. For the keeper in the background."""
        async with self._database.system() as connection:
            due = await store.due(connection, self._clock.now(), limit)
            generations = [await store.credentials(connection, account, ident) for account, ident in due]
        rows = [row for row in generations if row is not None]
        tasks = [self._renewal.begin(row.account_id, row.connection_id, row.generation) for row in rows]
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(rows)

    async def tidy(self) -> None:
        """Finish what a crash cut off, and forget requests and sign-ins that had their time."""
        now = self._clock.now()
        async with self._database.system() as connection:
            await store.forget_old(connection, requests=now - timedelta(days=7), states=now - timedelta(hours=1))
            left = await store.left_disconnecting(connection, now - timedelta(minutes=2))
        for present in left:
            await self.finish_disconnecting(present)

    async def _authorise(self, connection: Connection) -> Authorisation:
        for _ in range(3):
            row = await self._row(connection)
            now = self._clock.now()
            ended = row.expires_at is not None and row.expires_at <= now + _SKEW
            if ended:
                if not await self._is_renewable(connection, row):
                    await self._mark(row.account_id, row.connection_id, _ENDED, row.generation)
                    continue
                await self._renewal.renew(row.account_id, row.connection_id, row.generation)
                continue
            if row.refresh_at is not None and row.refresh_at <= now and (row.retry_at is None or row.retry_at <= now):
                # Not ended yet: nobody has to wait for the fresh one.
                self._renewal.begin(row.account_id, row.connection_id, row.generation)
            return await self._opened(connection, row)
        raise RenewalDelayed("the credentials end faster than they are renewed", None)

    async def _opened(self, connection: Connection, row: Credentials) -> Authorisation:
        connector = await self._catalogue.connector(connection.account_id, connection.connector_id)
        async with self._database.system() as transaction:
            await store.touch(transaction, row.connection_id, self._clock.now())
            present = (await store.find(transaction, row.account_id, None, row.connection_id, None))[0]
        option = placing.option_of(connector, present.auth_key)
        if option is None:
            raise Conflict(f"{connector.name} has no authentication {present.auth_key} any more; connect it again")
        authorisation = self._prover.authorisation(
            connector, option, self._vault.open(row), present.parameters, generation=row.generation
        )
        if len(self._held) >= _MAX_HELD:
            self._held.clear()
        ends = (row.expires_at - _SKEW).timestamp() if row.expires_at is not None else float("inf")
        self._held[row.connection_id] = _Held(authorisation, self._clock.monotonic() + _HELD, ends)
        return authorisation

    async def _row(self, connection: Connection) -> Credentials:
        """The credentials of a connection that works. Raises Defunct, NotFound, Conflict."""
        async with self._database.system() as transaction:
            row = await store.credentials(transaction, connection.account_id, connection.connection_id)
            found = await store.find(transaction, connection.account_id, None, connection.connection_id, None)
        if not found:
            raise NotFound("connection", connection.connection_id)
        present = found[0]
        if present.archived_at is not None:
            raise Conflict(f"the connection {present.name} is archived; restore it first")
        if row is None or not present.connected:
            raise Defunct((await self._with_links([present]))[0])
        return row

    async def _is_renewable(self, connection: Connection, row: Credentials) -> bool:
        connector = await self._catalogue.connector(connection.account_id, connection.connector_id)
        async with self._database.system() as transaction:
            present = (await store.find(transaction, row.account_id, None, row.connection_id, None))[0]
        option = placing.option_of(connector, present.auth_key)
        return option is not None and renewable(option, self._vault.open(row))

    async def _mark(self, account_id: int, connection_id: str, fault: Fault, generation: int | None) -> bool:
        self._forget(connection_id)
        async with self._database.system() as connection:
            changed = await store.defunct(
                connection, account_id, connection_id, fault, generation=generation, now=self._clock.now()
            )
            found = await store.find(connection, account_id, None, connection_id, None)
        if changed and found:
            present = (await self._with_links(found[:1]))[0]
            _log.warning(
                "connection %s (%s) of account %d has to be connected again: %s",
                connection_id,
                present.connector_key,
                account_id,
                fault.message,
            )
        return changed

    def _forget(self, connection_id: str) -> None:
        self._held.pop(connection_id, None)

    # ------------------------------------------------------------ steps

    async def _find(self, caller: Caller, selector: str) -> Connection:
        tenant_id, only = _tenant_of(caller), _only(caller)
        async with self._database.tenant(caller.account_id) as connection:
            found = await store.find(connection, caller.account_id, tenant_id, selector, only)
            if found and found[0].connection_id == selector:
                return found[0]
            if not found:
                found = await store.find_of_connector(connection, caller.account_id, tenant_id, selector, None, only)
        if not found:
            found = await self._of_integration(caller, selector, tenant_id, only)
        if len(found) > 1:
            raise Conflict(f"several connections fit {selector}: name one by its id")
        if not found:
            raise NotFound("connection", selector)
        return found[0]

    async def _of_integration(
        self, caller: Caller, selector: str, tenant_id: str | None, only: Sequence[str] | None
    ) -> Sequence[Connection]:
        async with self._database.system() as connection:
            integration = await store.integration(connection, caller.account_id, selector)
            if integration is None:
                return []
            return await store.find_of_connector(
                connection, caller.account_id, tenant_id, selector, integration.connector_id, only
            )

    async def _with_links(self, found: Sequence[Connection]) -> builtins.list[Connection]:
        """Those that wait for a person, with the page where to go."""
        waiting = [one for one in found if one.state is ConnectionState.CLIENT_ACTION_REQUIRED and not one.archived_at]
        if not waiting:
            return list(found)
        urls = await self.requests.links(waiting)
        return [msgspec.structs.replace(one, action_url=urls.get(one.connection_id)) for one in found]

    async def _connector(self, caller: Caller, wish: ConnectionWish) -> Connector:
        if wish.connector is not None:
            return await self._catalogue.connector(caller.account_id, wish.connector)
        if wish.integration is not None:
            return await self.integrations.connector_of(caller.account_id, wish.integration)
        if wish.connection is not None:
            present = await self._find(caller, wish.connection)
            return await self._catalogue.connector(caller.account_id, present.connector_id)
        raise Invalid("connectorId", "is missing: name a connector, an integration or a connection")

    async def _named(self, caller: Caller, name: str) -> Connector | None:
        """A connector that somebody named: by key, or a key made of the name."""
        for key in dict.fromkeys((name.strip(), records.slug(name, ""))):
            if key:
                try:
                    return await self._catalogue.connector(caller.account_id, key)
                except NotFound:
                    continue
        return None

    async def _chosen(self, caller: Caller, connector: Connector, wish: ConnectionWish) -> AuthOption | None:
        """The option that what was given is for; None when a person has to act. Raises Invalid."""
        named = wish.auth_key
        if named is not None and placing.option_of(connector, named) is None:
            known = ", ".join(option.key for option in connector.auth) or "none"
            raise Invalid("authOptionKey", f"{connector.name} has no option {named}; it has {known}")
        usable = [one for one in connector.auth if named in (None, one.key) and one.key != OWN_OPTION]
        typed = wish.typed
        if typed is None:
            return _without_person(connector, usable, wish.parameters or {})
        if "access_token" in typed and (oauth := [one for one in usable if one.kind is AuthKind.OAUTH2]):
            return oauth[0]
        plain = [one for one in usable if not one.kind.interactive]
        if not plain:
            return None
        return _fitting(connector, plain, typed)

    async def _prove(self, connector: Connector, option: AuthOption, wish: ConnectionWish) -> Proven:
        typed, moved = forms.split(connector, option, wish.typed or {})
        token: dict[str, Any] | None = None
        if option.kind is AuthKind.OAUTH2:
            # Tokens that were got elsewhere.
            token = {name: value for name, value in typed.items() if name in _TOKEN_MEMBERS}
            typed = {name: value for name, value in typed.items() if name not in _TOKEN_MEMBERS}
        return await self._prover.prove(
            connector, option, typed=typed, parameters={**moved, **(wish.parameters or {})}, token=token
        )

    async def _proven_again(self, present: Connection, given: ConnectionPatch) -> Proven:
        """What a patch gives, over what is stored."""
        connector = await self._catalogue.connector(present.account_id, present.connector_id)
        stored = await self._stored(present)
        typed: dict[str, Any] = {**(given.input or {}), **(given.credentials or {})}
        option = placing.option_of(connector, given.auth_key or present.auth_key)
        parameters = {**present.parameters, **(given.parameters or {})}
        if option is not None and stored is not None:
            stored = self._kept(connector, option, present, stored, typed, parameters)
        if option is not None and stored is not None and given.auth_key in (None, present.auth_key):
            if option.kind.interactive or option.key == OWN_OPTION:
                token = stored.token
                return await self._prover.prove(
                    connector,
                    option,
                    typed={**stored.typed, **typed},
                    parameters=parameters,
                    token=token,
                    own_key_id=stored.own_key_id,
                )
            typed = {**stored.typed, **typed}
        wish = ConnectionWish(auth_key=given.auth_key, input=typed, parameters=parameters)
        plain = [one for one in connector.auth if not one.kind.interactive and one.key != OWN_OPTION]
        if wish.auth_key is None and present.auth_key and stored is not None:
            plain = [one for one in plain if one.key == present.auth_key]
        elif wish.auth_key is not None:
            plain = [one for one in plain if one.key == wish.auth_key]
        if not plain:
            raise Invalid("authOptionKey", f"{connector.name} is connected on its page; follow the connection's link")
        return await self._prove(connector, _fitting(connector, plain, typed), wish)

    def _kept(
        self,
        connector: Connector,
        option: AuthOption,
        present: Connection,
        stored: Stored,
        typed: Mapping[str, Any],
        parameters: Mapping[str, Any],
    ) -> Stored:
        """What is stored, without its secrets when the connection is to lead to another host: they were given for the
        one it leads to. Raises Invalid for tokens, which nobody can give again but on the page."""
        shown = forms.visible(option, stored.typed)
        template = option.base_url or connector.base_url
        if option.key == OWN_OPTION:
            return stored
        before = placing.address(template, {**shown, **present.parameters})
        after = placing.address(template, {**shown, **forms.visible(option, typed), **parameters})
        if placing.same_origin(before, after):
            return stored
        if stored.token and option.kind.interactive:
            raise Invalid("parameters", "lead to another host: connect it again there")
        return Stored(typed=shown)

    async def _replace(self, present: Connection, proven: Proven) -> None:
        now = self._clock.now()
        async with self._database.system() as connection:
            await records.keep(connection, self._vault, present, proven, now)
        self._forget(present.connection_id)

    async def _add(
        self,
        transaction: Transaction,
        caller: Caller,
        connector: Connector,
        wish: ConnectionWish,
        *,
        proven: Proven | None = None,
        action: str = "connect",
    ) -> Connection:
        """The row of a new connection, which waits until credentials are kept."""
        return await records.add(
            transaction,
            account_id=caller.account_id,
            tenant_id=caller.tenant(),
            connector=connector,
            key=wish.key,
            name=wish.name,
            meta=wish.meta,
            state=ConnectionState.CLIENT_ACTION_REQUIRED,
            client_action=action,
            auth_key=proven.option.key if proven else wish.auth_key or "",
            parameters=proven.parameters if proven else wish.parameters or {},
            shown=proven.shown if proven else {},
            now=self._clock.now(),
        )

    async def _wait_for_person(
        self, caller: Caller, connector: Connector, wish: ConnectionWish, *, action: str = "connect"
    ) -> Connection:
        async with self._database.system() as connection:
            made = await self._add(connection, caller, connector, wish, action=action)
            await news.tell(connection, made.account_id, made.connection_id, Event.CREATED)
        await self.requests.open(caller, connector, wish, connection=made)
        return await self.get(caller, made.connection_id)

    async def _ask_for_input(self, caller: Caller, app: str, domain: str, name: str | None) -> Connection:
        try:
            generic = await self._catalogue.connector(caller.account_id, _GENERIC)
        except NotFound:
            raise NotFound("connector for", app) from None
        parameters: dict[str, Any] = {}
        for member in ("baseUrl", "baseUri"):
            if domain and member in forms.properties(generic.parameters_schema):
                parameters[member] = f"https://{domain}"
        wish = ConnectionWish(
            connector=generic.connector_id,
            name=name or domain or app,
            parameters=parameters,
            meta={"app": _app_of(app, domain)},
        )
        return await self._wait_for_person(caller, generic, wish, action="provide-input")

    async def _waiting(self, caller: Caller, connector: Connector, key: str | None) -> Connection | None:
        """A connection of this connector that waits for a person."""
        for one in await self.list(caller, connector_id=connector.connector_id, limit=_MOST):
            if one.state is ConnectionState.CLIENT_ACTION_REQUIRED and key in (None, one.key):
                return one
        return None

    async def _stored(self, present: Connection) -> Stored | None:
        async with self._database.system() as connection:
            row = await store.credentials(connection, present.account_id, present.connection_id)
        return self._vault.open(row) if row is not None else None

    async def _revoke(self, present: Connection, stored: Stored) -> None:
        """Tell the provider; what goes wrong there is logged and changes nothing here."""
        await self.requests.drop_own_key(present.account_id, stored)
        try:
            connector = await self._catalogue.connector(present.account_id, present.connector_id)
            option = placing.option_of(connector, present.auth_key)
            token = stored.token.get("refresh_token") or stored.token.get("access_token")
            if option is None or option.oauth is None or not option.oauth.revoke_url or not token:
                return
            client = await self.integrations.client(present.account_id, connector.connector_id)
            if option.kind is not AuthKind.OAUTH2 or client is None:
                client = typed_client(stored.typed)
            known = {**forms.visible(option, stored.typed), **present.parameters}
            problem = await self._oauth.revoke(option.oauth, client, parameters=known, token=str(token))
        except SyncomError as error:
            problem = error.message
        if problem:
            _log.warning("the access of connection %s may live on at its app: %s", present.connection_id, problem)


_TOKEN_MEMBERS: Final = frozenset(
    {"access_token", "refresh_token", "token_type", "expires_in", "expires_at", "scope", "id_token"}
)
_ENDED: Final = Fault(
    type="connection", key="connection_is_defunct", message="its access has ended and cannot be renewed without you"
)


def domain_of(text: str) -> str:
    """The domain of an app's address: 'https://www.shop.example/x' and 'shop.example' give 'shop.example'; empty for
    words that are no address."""
    text = text.strip()
    if not text or any(character.isspace() for character in text):
        return ""
    try:
        host = urlsplit(text if "://" in text else f"https://{text}").hostname or ""
    except ValueError:
        return ""
    host = host.rstrip(".").removeprefix("www.")
    return host if "." in host else ""


def _app_of(words: str, domain: str) -> str:
    """What an app that nobody has described is known by: asking twice makes one connection."""
    return domain or " ".join(words.casefold().split())


def _without_person(
    connector: Connector, usable: Sequence[AuthOption], parameters: Mapping[str, Any]
) -> AuthOption | None:
    """The option of an app that asks for nothing."""
    if len(usable) != 1 or usable[0].kind is not AuthKind.NONE or forms.input_schema(usable[0]).get("required"):
        return None
    try:
        forms.check_parameters(connector, parameters)
    except Invalid:
        return None
    return usable[0]


def _fitting(connector: Connector, options: Sequence[AuthOption], typed: Mapping[str, Any]) -> AuthOption:
    """The option whose form takes what was given; the most telling error of those that do not."""
    problem: Invalid | None = None
    # An option that asks for nothing takes anything: only when nothing was given, or there is no other.
    asking = [one for one in options if one.kind is not AuthKind.NONE]
    order = asking or list(options) if typed else [*(one for one in options if one.kind is AuthKind.NONE), *asking]
    for option in order:
        given, _ = forms.split(connector, option, typed)
        try:
            forms.check_typed(option, given)
        except Invalid as error:
            better = problem is None or len(error.fields) < len(problem.fields)
            problem = error if better else problem
            continue
        if typed and not set(given) & set(forms.properties(forms.input_schema(option))) and len(order) > 1:
            continue
        return option
    raise problem or Invalid("input", "fits none of the ways to authenticate")


def _may_change(caller: Caller) -> None:
    if caller.kind is CallerKind.PERSON:
        caller.tenant()
    limits = caller.restrictions
    if limits.read_only or limits.connections is not None or limits.actions is not None:
        raise Forbidden("this token may not connect or change connections")


def _tenant_of(caller: Caller) -> str | None:
    """The tenant whose connections are seen; None: those of all tenants."""
    if caller.kind is CallerKind.MANAGER:
        return caller.tenant_id
    return caller.tenant()


def _only(caller: Caller) -> list[str] | None:
    chosen = caller.restrictions.connections
    return None if chosen is None else sorted(chosen)


def _pattern(search: str | None) -> str | None:
    if not search:
        return None
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _merged(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**before, **given}.items() if value is not None}
