"""Credentials at rest: bound to their rows, moved to new keys while calls go on, and nowhere in the clear."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg import sql

from syncom.connect.connections.model import ConnectionWish, Defunct
from syncom.connect.connections.redaction import STRUCK, strike, strike_all
from syncom.connect.model import Caller
from syncom.errors import Conflict, Invalid, SyncomError
from syncom.keys.service import KeysService
from syncom.security import Keyring
from tests.clocks import HurriedClock
from tests.connect.connections.provider import API_KEY, CLIENT_SECRET, Provider, broken
from tests.connect.connections.rig import Rig, open_rig

_GOOD = {"apiKey": API_KEY}


async def swap(rig: Rig, one: str, other: str) -> None:
    """What somebody with the database alone can do."""
    async with rig.database.system() as connection:
        await connection.execute(
            "UPDATE connection_credentials SET sealed ="
            " (SELECT sealed FROM connection_credentials WHERE connection_id = %s) WHERE connection_id = %s",
            (one, other),
        )


async def test_a_row_that_is_moved_to_another_connection_or_tenant_does_not_open(rig: Rig) -> None:
    await rig.connector()
    mine = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=_GOOD))
    theirs = await rig.connections.create(rig.caller(1), ConnectionWish(connector="shop", input=_GOOD))
    await swap(rig, mine.connection_id, theirs.connection_id)
    with pytest.raises(Conflict, match="cannot be read"):
        await rig.connections.authorise(theirs)
    async with rig.database.system() as connection:
        await connection.execute(
            "UPDATE connections SET tenant_id = %s, key = 'moved' WHERE connection_id = %s",
            (rig.tenants[1], mine.connection_id),
        )
    with pytest.raises(Conflict, match="cannot be read"):
        await rig.connections.authorise(mine)


async def test_a_bit_that_is_turned_is_noticed(rig: Rig) -> None:
    await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=_GOOD))
    async with rig.database.system() as connection:
        await connection.execute(
            "UPDATE connection_credentials SET sealed = set_byte(sealed, 30, 1 # get_byte(sealed, 30))"
        )
    with pytest.raises(Conflict, match="cannot be read"):
        await rig.connections.authorise(made)


async def test_keys_are_rotated_while_calls_go_on(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    rig.keyring = Keyring.open(path)
    serving = rig.service(rig.database)
    await rig.connector()
    made = [await serving.create(rig.caller(), ConnectionWish(connector="shop", input=_GOOD)) for _ in range(6)]
    stop = asyncio.Event()
    calls = 0

    async def call() -> None:
        nonlocal calls
        while not stop.is_set():
            for one in made:
                serving._forget(one.connection_id)
                assert (await serving.authorise(one)).headers == {"X-Api-Key": API_KEY}
                calls += 1

    calling = asyncio.create_task(call())
    done = await KeysService(rig.database, Keyring.open(path), HurriedClock()).rotate()
    before = calls
    while calls < before + 20 and not calling.done():
        await asyncio.sleep(0)
    stop.set()
    await calling
    assert (done.left, done.unreadable) == (0, 0)
    async with rig.database.system() as connection:
        rows = await (await connection.execute("SELECT DISTINCT key_id FROM connection_credentials")).fetchall()
    assert rows == [(done.key_id,)]


async def test_no_secret_is_in_any_table_log_or_answer(
    rig: Rig, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    await rig.connector()
    keyed = await rig.connections.create(
        rig.caller(), ConnectionWish(connector="shop", credentials=_GOOD, meta={"a": 1})
    )
    signed = await rig.signed_in()
    for wish in ({"apiKey": "canary-wrong"}, {"apiKey": ["canary-wrong"]}, {"apiKey": "canary-wrong", "x": "canary-x"}):
        try:
            await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=wish))
        except Invalid as error:
            said.append(str(error))
    rig.app.instead = [broken]
    rig.clock.ahead = timedelta(hours=2)
    for _ in range(2):
        try:
            await rig.connections.authorise(signed)
        except SyncomError as error:
            said.append(str(error))
    rig.clock.ahead += timedelta(hours=1)
    await rig.connections.authorise(signed)
    rig.app.revoke_all()
    rig.clock.ahead += timedelta(hours=3)
    with pytest.raises(Defunct) as caught:
        await rig.connections.authorise(signed)
    said += [str(caught.value), repr(await rig.connections.list(rig.caller())), repr(keyed)]
    said += [await dump(rig), caplog.text, *capsys.readouterr()]
    seen = "\n".join(said)
    for secret in ("canary", API_KEY, CLIENT_SECRET):
        for form in (secret, quote(secret, safe=""), b64encode(secret.encode()).decode().rstrip("=")):
            assert form not in seen


async def dump(rig: Rig) -> str:
    """Every row of every table as text."""
    lines: list[str] = []
    async with rig.database.system() as connection:
        tables = await (
            await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).fetchall()
        for (table,) in tables:
            select = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            rows = await (await connection.execute(select)).fetchall()
            lines += [f"{table}: {row[0]}" for row in rows]
    assert any(line.startswith("connection_credentials") for line in lines)
    # Bytes are shown in hexadecimal.
    assert b"canary".hex() not in "\n".join(lines)
    return "\n".join(lines)


def test_secrets_are_struck_out_of_texts_in_every_form() -> None:
    secrets = ("canary key/+ü", 'with"quote')
    for form in (
        "canary key/+ü",
        quote("canary key/+ü"),
        quote("canary key/+ü", safe=""),
        "canary+key%2F%2B%C3%BC",
        b64encode("canary key/+ü".encode()).decode(),
        'with\\"quote',
    ):
        assert strike(f"before {form} after", secrets) == f"before {STRUCK} after"
    assert strike_all({"a": ["x canary key/+ü"], "canary key/+ü": 1}, secrets) == {"a": [f"x {STRUCK}"], STRUCK: 1}


async def test_connections_of_another_account_stay_out_of_reach_of_a_tenants_transaction(
    rig: Rig, other_account_id: int, app: Provider
) -> None:
    await rig.connector()
    made = await rig.connections.create(rig.caller(), ConnectionWish(connector="shop", input=_GOOD))
    async with open_rig(rig.database, other_account_id, app) as other:
        stranger: Caller = other.caller()
        assert await other.connections.list(stranger) == []
        with pytest.raises(SyncomError):
            await other.connections.get(stranger, made.connection_id)
    with pytest.raises(Exception, match="permission denied"):
        async with rig.database.tenant(rig.account_id) as connection:
            await connection.execute("SELECT sealed FROM connection_credentials")
