"""Credentials are renewed once, whoever waits and whatever happens on the way."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from syncom.connect.connections import store
from syncom.connect.connections.model import ConnectionWish, Defunct, RenewalDelayed
from syncom.connect.model import Connection, ConnectionState, Fault
from syncom.postgres.pool import Database
from tests.connect.connections.provider import CLIENT_SECRET, Answer, broken, html, silent
from tests.connect.connections.rig import Rig

_HOURS = timedelta(hours=2)


async def reload(rig: Rig, connection: Connection) -> Connection:
    return await rig.connections.get(rig.caller(), connection.connection_id)


def refreshes(rig: Rig) -> list[str]:
    return [one["refresh_token"] for one in rig.app.token_requests if one.get("grant_type") == "refresh_token"]


async def test_two_hundred_callers_in_two_processes_make_one_token_request(rig: Rig, dsn: str) -> None:
    made = await rig.signed_in()
    before = await rig.connections.authorise(made)
    rig.clock.ahead = _HOURS
    async with Database(dsn, max_size=8) as second:
        elsewhere = rig.service(second)
        waiting = [
            asyncio.create_task(service.authorise(made)) for _ in range(100) for service in (rig.connections, elsewhere)
        ]
        found = await asyncio.gather(*waiting)
        await elsewhere.close()
    assert len(refreshes(rig)) == 1
    assert {one.headers["Authorization"] for one in found} == {f"Bearer {rig.app.grants[0].access}"}
    assert {one.generation for one in found} == {before.generation + 1}
    assert not rig.app.grants[0].revoked


async def test_a_refused_token_is_renewed_once_for_all_who_saw_it(rig: Rig) -> None:
    made = await rig.signed_in()
    seen = await rig.connections.authorise(made)
    rig.app.forget_access()
    found = await asyncio.gather(*(rig.connections.refused(made, seen) for _ in range(50)))
    assert len(refreshes(rig)) == 1
    assert {one.generation for one in found if one is not None} == {seen.generation + 1}
    late = await rig.connections.refused(made, seen)
    assert late is not None
    assert len(refreshes(rig)) == 1


async def test_a_token_that_ends_soon_is_renewed_without_anybody_waiting(rig: Rig) -> None:
    made = await rig.signed_in()
    rig.app.gate.clear()
    rig.clock.ahead = timedelta(minutes=58)
    before = await rig.connections.authorise(made)
    assert before.headers["Authorization"] == f"Bearer {rig.app.grants[0].access}"
    rig.app.gate.set()
    await rig.connections.close()
    assert (await reload(rig, made)).refresh_at is not None
    assert len(refreshes(rig)) == 1


async def test_the_keeper_renews_what_is_due_and_nothing_else(rig: Rig) -> None:
    made = await rig.signed_in()
    assert await rig.connections.renew_due() == 0
    rig.clock.ahead = timedelta(minutes=58)
    assert await rig.connections.renew_due() == 1
    assert await rig.connections.renew_due() == 0
    assert len(refreshes(rig)) == 1
    assert (await reload(rig, made)).connected


async def test_a_renewer_that_died_is_followed_by_another_when_its_lease_ends(rig: Rig) -> None:
    made = await rig.signed_in()
    async with rig.database.system() as connection:
        row = await store.credentials(connection, rig.account_id, made.connection_id)
        assert row is not None
        assert await store.lease(connection, row, timedelta(seconds=1)) is not None
    rig.clock.ahead = _HOURS
    found = await asyncio.gather(*(rig.connections.authorise(made) for _ in range(20)))
    assert len(refreshes(rig)) == 1
    assert len({one.generation for one in found}) == 1


async def test_a_caller_that_gives_up_does_not_lose_the_rotated_token(rig: Rig) -> None:
    made = await rig.signed_in()
    rig.clock.ahead = _HOURS
    rig.app.gate.clear()
    rig.app.asked.clear()
    caller = asyncio.create_task(rig.connections.authorise(made))
    await rig.app.asked.wait()
    caller.cancel()
    rig.app.gate.set()
    await asyncio.gather(caller, return_exceptions=True)
    found = await rig.connections.authorise(made)
    assert found.headers["Authorization"] == f"Bearer {rig.app.grants[0].access}"
    assert len(refreshes(rig)) == 1
    assert not rig.app.grants[0].revoked


async def test_credentials_erased_during_a_renewal_stay_erased(rig: Rig) -> None:
    made = await rig.signed_in()
    rig.clock.ahead = _HOURS
    rig.app.gate.clear()
    rig.app.asked.clear()
    caller = asyncio.create_task(rig.connections.authorise(made))
    await rig.app.asked.wait()
    await rig.connections.disconnect(rig.caller(), made.connection_id)
    rig.app.gate.set()
    with pytest.raises(Defunct):
        await caller
    async with rig.database.system() as connection:
        assert await store.credentials(connection, rig.account_id, made.connection_id) is None
    assert rig.app.revocations


async def test_a_revoked_grant_asks_the_person_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    made = await rig.signed_in()
    rig.app.revoke_all()
    rig.clock.ahead = _HOURS
    results = await asyncio.gather(*(rig.connections.authorise(made) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(one, Defunct) for one in results)
    assert len(refreshes(rig)) == 1
    found = await reload(rig, made)
    assert (found.state, found.connected, found.client_action) == (
        ConnectionState.CLIENT_ACTION_REQUIRED,
        False,
        "connect",
    )
    assert found.action_url
    assert found.fault is not None
    assert "invalid_grant" in found.fault.message
    assert caplog.text.count("has to be connected again") == 1
    assert "canary" not in found.fault.message + caplog.text + str(results[0])
    assert await rig.connections.renew_due() == 0
    assert len(refreshes(rig)) == 1


@pytest.mark.parametrize("answer", [html, broken])
async def test_a_provider_that_fails_is_asked_again_later_and_not_by_every_caller(
    rig: Rig, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    made = await rig.signed_in()
    rig.app.instead = [answer]
    rig.clock.ahead = _HOURS
    for _ in range(5):
        with pytest.raises(RenewalDelayed) as caught:
            await rig.connections.authorise(made)
        assert "canary" not in str(caught.value)
    assert len(refreshes(rig)) == 1
    found = await reload(rig, made)
    assert found.connected
    assert found.retry_attempts == 1
    assert found.retry_at is not None
    assert found.fault is not None
    assert found.fault.data == {"ambiguous": True}
    rig.clock.ahead += timedelta(minutes=1)
    assert (await rig.connections.authorise(made)).headers
    found = await reload(rig, made)
    assert (found.fault, found.retry_attempts, found.retry_at) == (None, 0, None)
    assert "canary" not in caplog.text


async def test_a_provider_that_hangs_holds_callers_for_its_time_only(rig: Rig) -> None:
    made = await rig.signed_in()
    hasty = rig.service(rig.database, token_seconds=0.3)
    rig.app.instead = [silent]
    rig.clock.ahead = _HOURS
    results = await asyncio.gather(*(hasty.authorise(made) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(one, RenewalDelayed) for one in results)
    assert len(refreshes(rig)) == 1
    found = await reload(rig, made)
    assert found.fault is not None
    assert "not known whether" in found.fault.message


async def test_while_the_token_lives_a_failed_renewal_harms_nobody(rig: Rig) -> None:
    made = await rig.signed_in()
    rig.app.instead = [broken]
    rig.clock.ahead = timedelta(minutes=58)
    assert await rig.connections.renew_due() == 1
    assert (await rig.connections.authorise(made)).headers
    assert len(refreshes(rig)) == 1


async def test_a_client_that_is_refused_is_the_owners_matter_and_heals(rig: Rig) -> None:
    made = await rig.signed_in()
    integration = (await rig.connections.integrations.list(rig.account_id))[0]

    await rig.connections.integrations.set_parameters(
        rig.account_id, integration.integration_id, {"clientSecret": "canary-old-secret"}
    )

    rig.clock.ahead = _HOURS
    with pytest.raises(RenewalDelayed, match="invalid_client"):
        await rig.connections.authorise(made)
    found = await reload(rig, made)
    assert found.state is ConnectionState.CONFIGURATION_ERROR
    assert found.fault is not None
    assert found.fault.type == "configuration"

    await rig.connections.integrations.set_parameters(
        rig.account_id, integration.integration_id, {"clientSecret": CLIENT_SECRET}
    )
    rig.clock.ahead += timedelta(hours=1, minutes=1)
    assert await rig.connections.renew_due() == 1
    assert (await reload(rig, made)).connected


async def test_a_token_without_refresh_asks_the_person_when_it_ends(rig: Rig) -> None:
    rig.app.rotate = False
    made = await rig.signed_in()
    async with rig.database.system() as connection:
        row = await store.credentials(connection, rig.account_id, made.connection_id)
    assert row is not None
    vault = rig.connections._vault
    stored = vault.open(row)
    del stored.token["refresh_token"]
    sealed = vault.seal(stored, account_id=row.account_id, tenant_id=row.tenant_id, connection_id=row.connection_id)
    async with rig.database.system() as connection:
        await connection.execute(
            "UPDATE connection_credentials SET sealed = %s WHERE connection_id = %s", (sealed.data, row.connection_id)
        )
    rig.clock.ahead = _HOURS
    with pytest.raises(Defunct, match="ended"):
        await rig.connections.authorise(made)
    assert (await reload(rig, made)).client_action == "connect"


async def test_a_provider_that_keeps_the_refresh_token_keeps_working(rig: Rig) -> None:
    rig.app.rotate = False
    made = await rig.signed_in()
    for _ in range(3):
        rig.clock.ahead += _HOURS
        await rig.connections.authorise(made)
    assert len(set(refreshes(rig))) == 1
    assert len(refreshes(rig)) == 3


async def test_a_late_refusal_does_not_undo_a_new_sign_in(rig: Rig) -> None:
    made = await rig.signed_in()
    seen = await rig.connections.authorise(made)
    fault = Fault(type="connection", key="connection_is_defunct", message="401")

    request = await rig.connections.request(rig.caller(), ConnectionWish(connection=made.connection_id))
    going = await rig.connections.requests.depart(request.request_id, "oauth")
    outcome = await rig.connections.requests.come_back(rig.app.agree(going.url), going.browser)

    assert outcome.connection is not None
    assert outcome.connection.connection_id == made.connection_id
    await rig.connections.mark_defunct(made, fault, seen=seen)
    assert (await reload(rig, made)).connected
    await rig.connections.mark_defunct(made, fault)
    assert not (await reload(rig, made)).connected


async def test_disconnecting_revokes_the_grant_at_the_provider(rig: Rig) -> None:
    made = await rig.signed_in()
    await rig.connections.disconnect(rig.caller(), made.connection_id)
    assert rig.app.revocations == [rig.app.grants[0].refresh]
