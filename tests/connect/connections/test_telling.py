"""A workspace's owner hears what becomes of its connections: in order, at least once, signed, and of its own only."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import OctKey

from syncom.connect.connections import news
from syncom.connect.connections.model import ConnectionPatch, ConnectionWish, Defunct, Event, RenewalDelayed
from syncom.connect.connections.telling import HEADER, OwnerTeller, wait_after
from syncom.connect.model import Connection, ConnectionState
from syncom.connect.tenants.service import TenantsService
from syncom.errors import Invalid, Unauthorized
from syncom.outbound import OutboundClient
from tests.connect.connections.provider import API_KEY, Provider, broken
from tests.connect.connections.rig import Rig, open_rig

_DAY = timedelta(days=1, seconds=1)


class Owner:
    """The server of a workspace's owner."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.taken: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.bodies: list[bytes] = []
        #: Set: no answer is given.
        self.silent = False
        self.asked = asyncio.Event()

    @property
    def told(self) -> list[tuple[str, str]]:
        """Event and name of the connection, as they came."""
        return [(one["eventType"].removeprefix("connection."), one["data"]["connection"]["name"]) for one in self.taken]

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.tokens.append(request.headers[HEADER])
        self.bodies.append(body)
        self.asked.set()
        if self.silent:
            await asyncio.sleep(3600)
        (self.taken if self.status == 200 else self.refused).append(msgspec.json.decode(body))
        return web.Response(status=self.status, text="not today")


@asynccontextmanager
async def owner() -> AsyncGenerator[Owner]:
    found = Owner()
    application = web.Application()
    application.router.add_post("/events", found.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        yield found
    finally:
        await runner.cleanup()


def teller(rig: Rig, allow: OutboundClient | None = None) -> OwnerTeller:
    tenants = TenantsService(rig.database, rig.keyring, rig.clock)
    return OwnerTeller(rig.database, tenants.sign_event, allow or rig.outbound, rig.clock)


async def keyed(rig: Rig, name: str, key: str = "shop") -> Connection:
    present = [one for one in await rig.shelf.connectors(rig.account_id, search=key) if one.key == key]
    made = present[0] if present else await rig.connector(key)
    wish = ConnectionWish(connector=made.connector_id, name=name, credentials={"apiKey": API_KEY})
    return await rig.connections.create(rig.caller(), wish)


async def waiting(rig: Rig) -> list[Event]:
    async with rig.database.system() as connection:
        return [one.event for one in await news.oldest(connection, rig.account_id, 100)]


async def test_the_owner_hears_what_becomes_of_a_connection_in_order(rig: Rig) -> None:
    async with owner() as server:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        caller, service = rig.caller(), rig.connections
        made = await keyed(rig, "Shop")
        await service.patch(caller, made.connection_id, ConnectionPatch(name="Our shop"))
        await service.disconnect(caller, made.connection_id)
        await service.reconnect(caller, made.connection_id, ConnectionWish(credentials={"apiKey": API_KEY}))
        await service.reconnect(caller, made.connection_id, ConnectionWish(credentials={"apiKey": API_KEY}))
        await service.archive(caller, made.connection_id)
        await service.archive(caller, made.connection_id)
        await service.restore(caller, made.connection_id)
        assert await teller(rig).step() == 5
        assert server.told == [
            ("created", "Shop"),
            ("disconnected", "Our shop"),
            ("reconnected", "Our shop"),
            ("deleted", "Our shop"),
            ("created", "Our shop"),
        ]
        assert server.taken[0] == {
            "eventType": "connection.created",
            "data": {
                "connection": {
                    "id": made.connection_id,
                    "integrationId": made.connector_id,
                    "integrationKey": "shop",
                    "name": "Shop",
                    "disconnected": False,
                    "customerId": rig.tenants[0],
                }
            },
        }
        assert [one["data"]["connection"]["disconnected"] for one in server.taken] == [False, True, False, False, False]
        assert await teller(rig).step() == 0


async def test_a_refused_renewal_is_told_once_and_so_is_the_person_who_comes_back(rig: Rig) -> None:
    async with owner() as server:
        made = await rig.signed_in()
        connector = await rig.shelf.connector(rig.account_id, made.connector_id)
        await rig.connections.webhooks.set(rig.account_id, server.url)
        rig.app.revoke_all()
        rig.clock.ahead = timedelta(hours=2)
        results = await asyncio.gather(*(rig.connections.authorise(made) for _ in range(10)), return_exceptions=True)
        assert all(isinstance(one, Defunct) for one in results)
        again = await rig.sign_in(connector)
        assert again.connection_id == made.connection_id
        await teller(rig).step()
        assert server.told == [("disconnected", "Drive"), ("reconnected", "Drive")]
        integration = (await rig.connections.integrations.list(rig.account_id))[0]
        said = server.taken[0]["data"]["connection"]
        assert (said["integrationId"], said["integrationKey"]) == (integration.integration_id, integration.key)
        assert b"canary" not in b"".join(server.bodies)


async def test_a_renewal_that_is_only_late_is_no_news(rig: Rig) -> None:
    made = await rig.signed_in()
    await rig.connections.webhooks.set(rig.account_id, "http://127.0.0.1:9/")
    rig.app.instead = [broken]
    rig.clock.ahead = timedelta(hours=2)
    with pytest.raises(RenewalDelayed):
        await rig.connections.authorise(made)
    rig.clock.ahead += timedelta(hours=1)
    await rig.connections.authorise(made)
    assert await waiting(rig) == []


async def test_one_that_waits_for_a_person_is_told_as_made_and_then_as_working(rig: Rig) -> None:
    async with owner() as server:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        connector = await rig.connector("drive", auth=(rig.oauth(),))
        await rig.integrate(connector)
        made = await rig.connections.create(rig.caller(), ConnectionWish(connector=connector.connector_id))
        assert made.state is ConnectionState.CLIENT_ACTION_REQUIRED
        await rig.sign_in(connector)
        await teller(rig).step()
        assert server.told == [("created", "Drive"), ("reconnected", "Drive")]
        assert [one["data"]["connection"]["disconnected"] for one in server.taken] == [True, False]


async def test_what_is_refused_or_rolled_back_is_never_told(rig: Rig) -> None:
    await rig.connections.webhooks.set(rig.account_id, "http://127.0.0.1:9/")
    connector = await rig.connector()
    wrong = ConnectionWish(connector=connector.connector_id, credentials={"apiKey": "wrong wrong"})
    with pytest.raises(Invalid):
        await rig.connections.create(rig.caller(), wrong)
    assert await waiting(rig) == []


async def test_posts_are_signed_with_the_secret_by_a_token_that_opens_nothing(rig: Rig) -> None:
    async with owner() as server:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        await keyed(rig, "Shop")
        await teller(rig).step()
        tenants = TenantsService(rig.database, rig.keyring, rig.clock)
        key, secret = await tenants.credentials(rig.account_id)
        token = jwt.decode(server.tokens[0], OctKey.import_key(secret), algorithms=["HS256"])
        assert token.header["alg"] == "HS256"
        assert token.claims["iss"] == key
        assert token.claims["exp"] - token.claims["iat"] == 300
        assert token.claims["sha256"] == sha256(server.bodies[0]).hexdigest()
        with pytest.raises(Unauthorized):
            await tenants.authenticate(server.tokens[0])


async def test_a_server_that_is_down_gets_everything_in_order_when_it_is_back(rig: Rig) -> None:
    async with owner() as server:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        server.status = 503
        first = await keyed(rig, "First")
        await keyed(rig, "Second")
        posts = teller(rig)
        assert await posts.step() == 0
        assert len(server.refused) == 1, "nothing overtakes what was not taken"
        assert await posts.step() == 0
        assert len(server.refused) == 1, "there is a pause"
        found = await rig.connections.webhooks.get(rig.account_id)
        assert found is not None
        assert (found.failures, found.waiting, found.last_error) == (1, 2, "answered 503: not today")
        rig.clock.ahead += wait_after(1)
        await posts.step()
        assert len(server.refused) == 2
        rig.clock.ahead += wait_after(1)
        assert await posts.step() == 0
        assert len(server.refused) == 2, "pauses grow"
        await rig.connections.disconnect(rig.caller(), first.connection_id)
        server.status = 200
        rig.clock.ahead += wait_after(2)
        assert await posts.step() == 3
        assert server.told == [("created", "First"), ("created", "Second"), ("disconnected", "First")]
        found = await rig.connections.webhooks.get(rig.account_id)
        assert found is not None
        assert (found.failures, found.waiting, found.last_error) == (0, 0, "")


async def test_after_a_day_it_is_given_up_with_a_line_in_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    async with owner() as server:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        server.status = 500
        await keyed(rig, "Old")
        posts = teller(rig)
        await posts.step()
        rig.clock.ahead += _DAY
        await keyed(rig, "New")
        await posts.step()
        assert "1 events are given up" in caplog.text
        server.status = 200
        rig.clock.ahead += timedelta(hours=1)
        await posts.step()
        assert server.told == [("created", "New")]


async def test_one_workspace_hears_nothing_of_another_and_does_not_wait_for_it(
    rig: Rig, app: Provider, other_account_id: int
) -> None:
    async with owner() as server, owner() as other, open_rig(rig.database, other_account_id, app) as stranger:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        await stranger.connections.webhooks.set(other_account_id, other.url)
        server.status = 500
        await keyed(rig, "Ours")
        await keyed(stranger, "Theirs")
        assert await teller(rig).step() == 1
        assert other.told == [("created", "Theirs")]
        assert [one["data"]["connection"]["name"] for one in server.refused] == ["Ours"]
        tenants = TenantsService(rig.database, rig.keyring, rig.clock)
        for account, server_of in ((rig.account_id, server), (other_account_id, other)):
            _, secret = await tenants.credentials(account)
            jwt.decode(server_of.tokens[0], OctKey.import_key(secret))
        async with rig.database.tenant(other_account_id) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute("SELECT * FROM connection_news")


async def test_private_networks_are_out_of_reach(rig: Rig) -> None:
    guarded = OutboundClient()
    async with owner() as server:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        await keyed(rig, "Shop")
        await teller(rig, guarded).step()
        assert server.bodies == []
        found = await rig.connections.webhooks.get(rig.account_id)
        assert found is not None
        assert found.failures == 1
    await guarded.close()


async def test_a_killed_poster_loses_nothing(rig: Rig) -> None:
    async with owner() as server:
        await rig.connections.webhooks.set(rig.account_id, server.url)
        server.silent = True
        await keyed(rig, "First")
        await keyed(rig, "Second")
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.connect.connections.teller_process",
            rig.database.dsn,
            cwd=Path(__file__).parents[3],
        )
        try:
            await asyncio.wait_for(server.asked.wait(), 60)
        finally:
            child.kill()
            await child.wait()
        server.silent = False
        assert await teller(rig).step() == 0, "its lease lasts a while"
        rig.clock.ahead += timedelta(minutes=4)
        assert await teller(rig).step() == 2
        assert server.told == [("created", "First"), ("created", "Second")]


async def test_without_a_webhook_nothing_is_kept_and_taking_it_away_forgets_what_waits(rig: Rig) -> None:
    await keyed(rig, "Shop")
    assert await waiting(rig) == []
    await rig.connections.webhooks.set(rig.account_id, "http://127.0.0.1:9/")
    await keyed(rig, "Another")
    assert await waiting(rig) == [Event.CREATED]
    assert await rig.connections.webhooks.set(rig.account_id, None) is None
    assert await waiting(rig) == []


@pytest.mark.parametrize("url", ["ftp://a.example/", "nonsense", "https://user:pass@a.example/"])
async def test_an_address_that_cannot_be_is_refused(rig: Rig, url: str) -> None:
    with pytest.raises(Invalid):
        await rig.connections.webhooks.set(rig.account_id, url)
