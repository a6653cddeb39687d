"""Whatever is done with connections in whatever order, their states tell the truth about them (membrane-api, 5.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from syncom.connect.connections import news
from syncom.connect.connections.model import ConnectionPatch, ConnectionWish, Defunct, Event
from syncom.connect.model import Caller, Connection, ConnectionState, Connector
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Database
from tests.connect.connections.provider import API_KEY, provider
from tests.connect.connections.rig import Rig, open_rig

Result = TypeVar("Result")
_KEYS: Final = st.sampled_from(["alpha", "beta", "gamma"])
_TENANTS: Final = st.sampled_from([0, 1])
#: Longer than a token lives.
_LATER: Final = timedelta(hours=2)


class Known:
    """What a connection must be."""

    def __init__(self, made: Connection, tenant: int, *, oauth: bool, works: bool) -> None:
        self.id = made.connection_id
        self.key = made.key
        self.tenant = tenant
        self.oauth = oauth
        self.works = works
        self.archived = False
        #: Whether credentials are stored.
        self.kept = works
        self.ends: datetime | None = None
        #: The provider ended the grant; nobody here knows before it is asked.
        self.revoked = False


class Connections(RuleBasedStateMachine):
    """Two tenants, an app with a key and an app with OAuth."""

    dsn: ClassVar[str]
    runner: ClassVar[asyncio.Runner]
    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.stack = AsyncExitStack()
        self.known: dict[str, Known] = {}
        self.rig: Rig
        self.connectors: dict[bool, Connector] = {}

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    def caller(self, one: Known) -> Caller:
        return self.rig.caller(one.tenant)

    @initialize()
    def open(self) -> None:
        self.do(self._open())

    async def _open(self) -> None:
        database = await self.stack.enter_async_context(Database(self.dsn, max_size=4))
        async with database.system() as connection:
            cursor = await connection.execute("INSERT INTO accounts (name) VALUES ('Acme') RETURNING account_id")
            row = await cursor.fetchone()
        assert row is not None
        app = await self.stack.enter_async_context(provider())
        self.rig = await self.stack.enter_async_context(open_rig(database, int(row[0]), app))
        self.connectors = {
            False: await self.rig.connector("stall"),
            True: await self.rig.connector("cloud", auth=(self.rig.oauth(),)),
        }
        await self.rig.integrate(self.connectors[True])
        # Nobody listens there: what would be told stays to be counted.
        await self.rig.connections.webhooks.set(self.rig.account_id, "http://127.0.0.1:9/")

    def teardown(self) -> None:
        self.do(self.stack.aclose())

    # ------------------------------------------------------------ what happens

    @rule(target=made, tenant=_TENANTS, key=st.none() | _KEYS, oauth=st.booleans())
    def create(self, tenant: int, key: str | None, oauth: bool) -> Any:
        return self._create(tenant, key, oauth)

    def _create(self, tenant: int, key: str | None, oauth: bool) -> Any:
        given = None if oauth else {"apiKey": API_KEY}
        wish = ConnectionWish(
            connector=self.connectors[oauth].connector_id, key=key, credentials=given, allow_multiple=True
        )
        work = self.rig.connections.create(self.rig.caller(tenant), wish)
        if key is not None and key in self.taken(tenant):
            with pytest.raises(Conflict):
                self.do(work)
            return multiple()
        made = self.do(work)
        self.known[made.connection_id] = Known(made, tenant, oauth=oauth, works=not oauth)
        return made.connection_id

    @rule(target=made, tenant=_TENANTS)
    def sign_in_anew(self, tenant: int) -> str:
        ident = str(self._create(tenant, None, True))
        self._answer(self.known[ident], agrees=True)
        return ident

    @rule(tenant=_TENANTS)
    def fail_to_create(self, tenant: int) -> None:
        wish = ConnectionWish(connector=self.connectors[False].connector_id, credentials={"apiKey": "wrong key"})
        with pytest.raises(Invalid):
            self.do(self.rig.connections.create(self.rig.caller(tenant), wish))

    @rule(ident=made, agrees=st.booleans())
    def ask_the_person(self, ident: str, agrees: bool) -> None:
        one = self.known[ident]
        if not one.oauth:
            return
        if one.archived:
            with pytest.raises(Conflict):
                self.do(self.rig.connections.request(self.caller(one), ConnectionWish(connection=ident)))
            return
        self._answer(one, agrees=agrees)

    def _answer(self, one: Known, *, agrees: bool) -> None:
        self.do(self._ask(one, agrees))
        if agrees:
            one.works = one.kept = True
            one.revoked = False
            one.ends = self.rig.clock.now() + timedelta(hours=1)

    async def _ask(self, one: Known, agrees: bool) -> None:
        service = self.rig.connections
        request = await service.request(self.caller(one), ConnectionWish(connection=one.id))
        if not agrees:
            await service.requests.cancel(request.request_id)
            return
        going = await service.requests.depart(request.request_id, "oauth")
        outcome = await service.requests.come_back(self.rig.app.agree(going.url), going.browser)
        assert outcome.connection is not None
        assert outcome.connection.connection_id == one.id

    @rule(ident=made, right=st.booleans())
    def reconnect_with_a_key(self, ident: str, right: bool) -> None:
        one = self.known[ident]
        if one.oauth:
            return
        wish = ConnectionWish(credentials={"apiKey": API_KEY if right else "wrong key"})
        work = self.rig.connections.reconnect(self.caller(one), ident, wish)
        if one.archived or not right:
            with pytest.raises(Conflict if one.archived else Invalid):
                self.do(work)
            return
        self.do(work)
        one.works = one.kept = True

    @rule(ident=made, key=_KEYS, name=st.none() | st.just("Renamed"))
    def patch(self, ident: str, key: str, name: str | None) -> None:
        one = self.known[ident]
        if one.archived:
            return
        work = self.rig.connections.patch(self.caller(one), ident, ConnectionPatch(key=key, name=name))
        if key != one.key and key in self.taken(one.tenant):
            with pytest.raises(Conflict):
                self.do(work)
            return
        one.key = self.do(work).key
        assert one.key == key

    @rule(ident=made)
    def archive(self, ident: str) -> None:
        one = self.known[ident]
        self.do(self.rig.connections.archive(self.caller(one), ident))
        one.archived = True

    @rule(ident=made)
    def restore(self, ident: str) -> None:
        one = self.known[ident]
        one.key = self.do(self.rig.connections.restore(self.caller(one), ident)).key
        one.archived = False

    @rule(ident=made)
    def disconnect(self, ident: str) -> None:
        one = self.known[ident]
        self.do(self.rig.connections.disconnect(self.caller(one), ident))
        one.works = one.kept = False

    @rule()
    def revoke_at_the_app(self) -> None:
        self._revoke()

    def _revoke(self) -> None:
        self.rig.app.revoke_all()
        for one in self.known.values():
            one.revoked = one.oauth

    @rule()
    def let_time_pass(self) -> None:
        self.rig.clock.ahead += _LATER

    @rule(ident=made)
    def use(self, ident: str) -> None:
        self._use(self.known[ident])

    def _use(self, one: Known) -> None:
        """A token that has ended is renewed; a renewal that is refused for good ends it."""
        ident = one.id
        found = self.do(self.rig.connections.get(self.caller(one), ident))
        ended = one.ends is not None and one.ends <= self.rig.clock.now()
        if one.archived or not one.works or (ended and one.revoked):
            with pytest.raises(Conflict) as caught:
                self.do(self.rig.connections.authorise(found))
            assert isinstance(caught.value, Defunct) is not one.archived
            one.works = one.works and one.archived
            return
        self.do(self.rig.connections.authorise(found))
        if ended:
            one.ends = self.rig.clock.now() + timedelta(hours=1)

    @rule(ident=made)
    def refuse_to_renew(self, ident: str) -> None:
        if self.known[ident].oauth:
            self._revoke()
            self.rig.clock.ahead += _LATER
            self._use(self.known[ident])

    @rule(ident=made)
    def renew(self, ident: str) -> None:
        if self.known[ident].oauth:
            self.rig.clock.ahead += _LATER
            self._use(self.known[ident])

    @rule(ident=consumes(made))
    def leave_alone(self, ident: str) -> None:
        """It stays as it is until the end."""

    # ------------------------------------------------------------ what is true

    def taken(self, tenant: int) -> set[str]:
        return {one.key for one in self.known.values() if one.tenant == tenant and not one.archived}

    @invariant()
    def states_tell_the_truth(self) -> None:
        if self.connectors:
            self.do(self._check())

    async def _check(self) -> None:
        service = self.rig.connections
        for tenant in (0, 1):
            listed = await service.list(self.rig.caller(tenant), include_archived=True)
            own = {ident for ident, one in self.known.items() if one.tenant == tenant}
            assert {found.connection_id for found in listed} == own
            keys = [found.key for found in listed if found.archived_at is None]
            assert len(set(keys)) == len(keys)
            for found in listed:
                self._true(found, self.known[found.connection_id])
        for ident, one in self.known.items():
            with pytest.raises(NotFound):
                await service.get(self.rig.caller(1 - one.tenant), ident)
        async with self.rig.database.system() as connection:
            cursor = await connection.execute(
                "SELECT connection_id FROM connection_credentials WHERE account_id = %s", (self.rig.account_id,)
            )
            stored = {str(row[0]) for row in await cursor.fetchall()}
            told = await news.oldest(connection, self.rig.account_id, 10_000)
        assert stored == {ident for ident, one in self.known.items() if one.kept}
        # What the owner was told last is how it is.
        last = {one.connection["id"]: one for one in told}
        assert set(last) == set(self.known)
        for ident, one in self.known.items():
            assert (last[ident].event is Event.DELETED) is one.archived
            assert one.archived or last[ident].connection["disconnected"] is not one.works

    def _true(self, found: Connection, one: Known) -> None:
        assert (found.archived_at is not None) is one.archived
        assert found.key == one.key or one.archived
        assert found.connected is one.works
        if one.works:
            assert found.state is ConnectionState.READY
            assert (found.client_action, found.action_url) == (None, None)
        else:
            assert found.state is ConnectionState.CLIENT_ACTION_REQUIRED
            assert found.client_action == "connect"
            assert (found.action_url is not None) is not one.archived


@pytest.mark.timeout(240)
async def test_states_of_connections_tell_the_truth_in_any_order(dsn: str) -> None:
    # In a thread: the search runs a loop of its own, and this one belongs to the fixtures.
    await asyncio.to_thread(_search, dsn)


def _search(dsn: str) -> None:
    with asyncio.Runner() as runner:
        Connections.dsn, Connections.runner = dsn, runner
        run_state_machine_as_test(
            Connections,
            settings=settings(
                max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
