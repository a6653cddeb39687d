"""Whatever is done with a connection in whatever order, its state tells the truth about it."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

import pytest

from syncom.connect.connections.model import ConnectionWish, Defunct, RenewalDelayed
from syncom.connect.model import Connection, ConnectionState
from syncom.errors import Conflict, SyncomError
from tests.connect.connections.rig import Rig

_STEPS = 40


@pytest.mark.parametrize("seed", range(4))
async def test_a_connection_works_exactly_when_it_says_so(rig: Rig, seed: int) -> None:
    """Sign-ins, revocations, expiry, refusals, archiving and disconnecting in random order."""
    chance = random.Random(seed)
    made = await rig.signed_in()
    caller = rig.caller()
    service = rig.connections

    async def sign_in() -> None:
        request = await service.request(caller, ConnectionWish(connection=made.connection_id))
        going = await service.requests.depart(request.request_id, "oauth")
        outcome = await service.requests.come_back(rig.app.agree(going.url), going.browser)
        assert outcome.connection is not None
        assert outcome.connection.connection_id == made.connection_id

    async def revoke() -> None:
        rig.app.revoke_all()

    async def expire() -> None:
        rig.clock.ahead += timedelta(hours=2)

    async def use() -> None:
        await asyncio.gather(*(service.authorise(made) for _ in range(3)))

    async def refuse() -> None:
        await service.refused(made, await service.authorise(made))

    async def archive() -> None:
        await service.archive(caller, made.connection_id)

    async def restore() -> None:
        await service.restore(caller, made.connection_id)

    async def disconnect() -> None:
        await service.disconnect(caller, made.connection_id)

    steps = (sign_in, revoke, expire, use, use, refuse, archive, restore, disconnect, sign_in)
    for _ in range(_STEPS):
        # Archived, or in need of a person: checked below.
        with suppress(Conflict, RenewalDelayed):
            await chance.choice(steps)()
        await _holds(rig, made)


async def _holds(rig: Rig, made: Connection) -> None:
    found = await rig.connections.get(rig.caller(), made.connection_id)
    assert found.state in (ConnectionState.READY, ConnectionState.CLIENT_ACTION_REQUIRED)
    async with rig.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT count(*) FROM connection_credentials WHERE connection_id = %s", (made.connection_id,)
            )
        ).fetchone()
    assert rows is not None
    if found.connected:
        assert rows[0] == 1
        assert (found.client_action, found.action_url) == (None, None)
    elif found.archived_at is None:
        assert found.client_action == "connect"
        assert found.action_url
    if found.archived_at is not None or not found.connected:
        with pytest.raises(SyncomError) as caught:
            await rig.connections.authorise(found)
        assert isinstance(caught.value, Conflict | Defunct)
