"""The master keys: a file that fits, a file that is lost, and moving to a new key while everything runs."""

from __future__ import annotations

import asyncio
import secrets
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from syncom.errors import Conflict, Invalid, NotFound
from syncom.keys.service import KeysService, open_keyring
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.tokens import MessageTokens
from syncom.webhooks.secrets import Secrets, seal, unseal
from tests.clocks import HurriedClock


async def webhook(database: Database, account_id: int, sealed: Callable[[int], bytes | None]) -> int:
    """A webhook with a sealed secret."""
    async with database.system() as connection:
        row = await (
            await connection.execute(
                "INSERT INTO webhooks (account_id, name, url, username, header_names, statuses)"
                " VALUES (%s, 'x', 'https://x.example', '', '{}', '{}') RETURNING webhook_id",
                (account_id,),
            )
        ).fetchone()
        assert row is not None
        await connection.execute("UPDATE webhooks SET secret = %s WHERE webhook_id = %s", (sealed(row[0]), row[0]))
    return int(row[0])


async def secret_of(database: Database, webhook_id: int) -> bytes:
    async with database.system() as connection:
        row = await (
            await connection.execute("SELECT secret FROM webhooks WHERE webhook_id = %s", (webhook_id,))
        ).fetchone()
    assert row is not None
    return bytes(row[0])


async def test_a_first_start_makes_a_key_that_only_its_owner_reads(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"
    ring = await open_keyring(database, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (await open_keyring(database, path)).current.key_id == ring.current.key_id


@pytest.mark.parametrize("noted", [True, False])
async def test_a_lost_key_file_is_said_and_nothing_is_made(
    database: Database, account_id: int, tmp_path: Path, noted: bool
) -> None:
    path = tmp_path / "secret.key"
    ring = await open_keyring(database, path)
    await webhook(database, account_id, lambda number: seal(ring, number, Secrets(password="p")))
    if not noted:  # as a database from before keys were noted
        async with database.system() as connection:
            await connection.execute("DELETE FROM installation_keys")
    path.unlink()
    with pytest.raises(Conflict, match=r"secret\.key is missing.*put the file back.*Nothing was changed"):
        await open_keyring(database, path)
    assert not path.exists()


@pytest.mark.parametrize("noted", [True, False])
async def test_a_key_file_of_another_installation_is_refused(
    database: Database, account_id: int, tmp_path: Path, noted: bool
) -> None:
    ring = await open_keyring(database, tmp_path / "right.key")
    await webhook(database, account_id, lambda number: seal(ring, number, Secrets(password="p")))
    if not noted:
        async with database.system() as connection:
            await connection.execute("DELETE FROM installation_keys")
    other = tmp_path / "wrong.key"
    Keyring.open(other)
    before = other.read_bytes()
    with pytest.raises(Conflict, match="does not fit this database"):
        await open_keyring(database, other)
    assert other.read_bytes() == before
    assert (await open_keyring(database, tmp_path / "right.key")).current.key_id == ring.current.key_id


@pytest.mark.parametrize("text", ["", "zz", "\xff", f"{'0' * 64} current\n{'1' * 64} current\n", "ab" * 31])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(text, "latin-1")
    with pytest.raises(Invalid, match="SYNCOM_SECRET_KEY_FILE"):
        Keyring.open(path)
    assert path.read_text("latin-1") == text


def test_what_was_sealed_before_keys_had_ids_opens(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("ab" * 32 + "\n", "ascii")
    ring = Keyring.open(path)
    old = ring.seal(b"secret", purpose="sender", owner="sender:5")[8:]
    assert ring.unseal(old, purpose="sender", owner="sender:5") == b"secret"
    ring.add()
    assert ring.unseal(old, purpose="sender", owner="sender:5") == b"secret"
    with pytest.raises(Conflict):
        ring.unseal(old, purpose="sender", owner="sender:6")


def test_a_running_process_takes_up_a_new_key(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    running, command = Keyring.open(path), Keyring.open(path)
    tokens = MessageTokens(running)
    fresh = command.add()
    sealed = command.seal(b"x", purpose="p", owner="o")
    assert running.unseal(sealed, purpose="p", owner="o") == b"x"
    assert running.current.key_id == fresh.key_id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    signed = command.signer("track").sign(b"payload")
    assert running.signer("track").verify(signed) == b"payload"
    assert tokens.read_track("x") is None


def test_links_that_went_out_work_after_a_rotation_until_their_key_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    before = Keyring.open(path)
    link = before.signer("track").sign(b"payload")
    old = before.current.key_id
    ring = Keyring.open(path)
    ring.add()
    assert Keyring.open(path).signer("track").verify(link) == b"payload"
    ring.forget(old)
    assert Keyring.open(path).signer("track").verify(link) is None
    with pytest.raises(NotFound):
        ring.forget(old)


async def test_a_rotation_seals_everything_again(database: Database, account_id: int, tmp_path: Path) -> None:
    ring = await open_keyring(database, tmp_path / "secret.key")
    secret = Secrets(password="canary")
    hooks = [await webhook(database, account_id, lambda number: seal(ring, number, secret)) for _ in range(3)]
    legacy = await webhook(database, account_id, lambda number: (seal(ring, number, secret) or b"")[8:])
    service = KeysService(database, ring, HurriedClock())
    old = ring.current.key_id
    uses = await service.list()
    assert [(use.state, use.sealed) for use in uses.keys] == [("current", 3)]
    assert uses.without_id == 1
    done = await service.rotate()
    assert (done.resumed, done.sealed_again, done.unreadable, done.left) == (False, 4, 0, 0)
    uses = await service.list()
    assert [(use.state, use.sealed) for use in uses.keys] == [("current", 4), ("old", 0)]
    for number in (*hooks, legacy):
        assert unseal(ring, number, await secret_of(database, number)) == secret
    await service.forget(old)
    again = await open_keyring(database, tmp_path / "secret.key")
    assert len(again.keys) == 1
    assert unseal(again, hooks[0], await secret_of(database, hooks[0])) == secret


async def test_a_rotation_that_was_cut_off_goes_on_without_another_key(
    database: Database, account_id: int, tmp_path: Path
) -> None:
    ring = await open_keyring(database, tmp_path / "secret.key")
    secret = Secrets(password="canary")
    number = await webhook(database, account_id, lambda one: seal(ring, one, secret))
    fresh = ring.add()  # and then the command died
    service = KeysService(database, await open_keyring(database, tmp_path / "secret.key"), HurriedClock())
    with pytest.raises(Conflict, match="may still be sealed"):
        await service.forget(ring.keys[1].key_id)
    done = await service.rotate()
    assert (done.resumed, done.key_id, done.sealed_again, done.left) == (True, fresh.key_id, 1, 0)
    assert ring.key_id_of(await secret_of(database, number)) == fresh.key_id


async def test_a_value_that_no_key_opens_is_counted_and_left(
    database: Database, account_id: int, tmp_path: Path
) -> None:
    ring = await open_keyring(database, tmp_path / "secret.key")
    garbage = secrets.token_bytes(60)
    number = await webhook(database, account_id, lambda _: garbage)
    done = await KeysService(database, ring, HurriedClock()).rotate()
    assert (done.unreadable, done.left) == (1, 1)
    assert await secret_of(database, number) == garbage


async def test_what_somebody_saves_during_a_rotation_is_not_overwritten(
    database: Database, account_id: int, tmp_path: Path
) -> None:
    ring = await open_keyring(database, tmp_path / "secret.key")
    older, newer = Secrets(password="older"), Secrets(password="newer")
    hooks = [await webhook(database, account_id, lambda one: seal(ring, one, older)) for _ in range(40)]
    other = Keyring.open(tmp_path / "secret.key")

    async def save() -> None:
        for number in hooks:
            async with database.system() as connection:
                await connection.execute(
                    "UPDATE webhooks SET secret = %s WHERE webhook_id = %s", (seal(other, number, newer), number)
                )

    rotation: Awaitable[object] = KeysService(database, ring, HurriedClock()).rotate()
    await asyncio.gather(rotation, save())
    for number in hooks:
        assert unseal(ring, number, await secret_of(database, number)) == newer
