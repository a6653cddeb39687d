"""Use cases of master keys: open the key file that fits the database, list the keys, move everything to a new one.

A rotation works while everything runs. The new key goes into the file first (running processes take it up within a
second) and seals from then on; what is sealed with older keys is sealed again in batches. A row that somebody saves
meanwhile is left as they saved it. Cut off anywhere, it goes on where it was when it is run again. Older keys stay in
the file, because links in mails that went out are signed with them, until they are forgotten on purpose.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from syncom.clock import Clock
from syncom.errors import Conflict, NotFound
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring, MasterKey

_SQL = load_sql("syncom.keys", "keys.sql")
#: What is sealed: name of the statements, and the purpose it is sealed for.
_SEALED: Final = (
    ("connections", "connection"),
    ("integrations", "integration"),
    ("sign_ins", "oauth state"),
    ("workspaces", "workspace"),
    ("senders", "sender"),
    ("two_factors", "two factor"),
    ("callbacks", "sender"),
    ("webhooks", "webhook"),
    ("push", "web push"),
    ("dkim", "dkim key"),
    ("bounce_hooks", "bounce hook"),
    ("bounce_mailboxes", "bounce mailbox"),
    ("product_feeds", "product feed"),
    ("erasures", "erasure"),
    ("run_inputs", "run input"),
    ("run_outputs", "run output"),
)
#: Rows of one transaction: a few hundred milliseconds, so that a command that is stopped loses next to nothing.
_BATCH: Final = 500
#: Seconds until every running process has seen a new key in the file (it looks once a second).
_SEEN: Final = 2.5
_PASSES: Final = 5
#: Of the advisory lock between those who start and those who take a key away.
_LOCK: Final = 5_079_841_254


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """A key and what is sealed with it."""

    key_id: str
    #: 'current' or 'old'; 'missing' when the file does not hold it.
    state: str
    made_at: datetime | None
    sealed: int


class KeyUses(msgspec.Struct, frozen=True, kw_only=True):
    """All keys, and values that were sealed before keys had ids."""

    keys: Sequence[KeyUse]
    without_id: int


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation did."""

    key_id: str
    #: An earlier one was finished; no new key was made.
    resumed: bool
    sealed_again: int
    #: Values that no key in the file opens.
    unreadable: int
    #: Values that are not sealed with the current key yet.
    left: int


async def open_keyring(database: Database, path: Path) -> Keyring:
    """The keys of an installation: made when nothing was sealed yet.

    Raises Conflict when the file is lost or is another installation's; nothing is written then.
    """
    async with database.system() as connection:
        await connection.execute(_SQL["look"], {"lock": _LOCK})
        known = await _known(connection)
        sample = None if known else await _sample(connection)
        if not path.exists() and (known or sample):
            raise Conflict(
                f"the key file {path} is missing, and stored passwords and credentials cannot be read without it: put "
                "the file back from your backup or from the machine it was made on, or name it with "
                "SYNCOM_SECRET_KEY_FILE. Nothing was changed."
            )
        keyring = Keyring.open(path)
        _check(path, keyring.keys, known)
        if sample is not None:
            _try(path, keyring, sample)
        for key in keyring.keys:
            await connection.execute(_SQL["note"], {"key_id": key.key_id, "proof": key.proof})
    return keyring


class KeysService:
    """Master keys of this installation. For whoever has its key file: the command line."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    async def list(self) -> KeyUses:
        """Every key, the current one first, and how much is sealed with it."""
        async with self._database.system() as connection:
            known = await _known(connection)
            counts = await _counts(connection)
        present = self._keyring.keys
        ids = [key.key_id for key in present]
        missing = [key_id for key_id in known if key_id not in ids]
        uses = [
            KeyUse(
                key_id=key_id,
                state="missing" if key_id in missing else "current" if key_id == ids[0] else "old",
                made_at=known[key_id][1] if key_id in known else None,
                sealed=counts.get(key_id, 0),
            )
            for key_id in (*ids, *missing)
        ]
        named = sum(use.sealed for use in uses)
        return KeyUses(keys=uses, without_id=sum(counts.values()) - named)

    async def rotate(self, *, on_progress: Callable[[str], None] | None = None) -> Rotated:
        """Make a new key and seal everything with it; an earlier rotation that was cut off is finished instead.

        Raises Conflict when the keys are not from a file, or another process changes it.
        """
        said = on_progress or _silent
        resumed = len(self._keyring.keys) > 1 and await self._left() > 0
        if not resumed:
            fresh = self._keyring.add()
            async with self._database.system() as connection:
                await connection.execute(_SQL["note"], {"key_id": fresh.key_id, "proof": fresh.proof})
            said(f"made the key {fresh.key_id}; it is the current one now")
            await self._clock.sleep(_SEEN)
        done = unreadable = left = 0
        for number in range(_PASSES):
            again, unreadable = await self._pass(said)
            done += again
            left = await self._left() - unreadable
            if left <= 0:
                break
            if number + 1 < _PASSES:
                # Saved by a process that had not seen the new key yet.
                await self._clock.sleep(_SEEN)
        return Rotated(
            key_id=self._keyring.current.key_id,
            resumed=resumed,
            sealed_again=done,
            unreadable=unreadable,
            left=max(left, 0) + unreadable,
        )

    async def forget(self, key_id: str) -> None:
        """Take an old key out of the file. Links in mails that were signed with it stop working.

        Raises NotFound; Conflict while anything is sealed with it, or for the current key.
        """
        uses = await self.list()
        found = next((use for use in uses.keys if use.key_id == key_id), None)
        if found is None or found.state == "missing":
            raise NotFound("key", key_id)
        if found.state == "current":
            raise Conflict("this is the current key; `syncom keys rotate` makes another one")
        if found.sealed or uses.without_id:
            raise Conflict("something may still be sealed with this key; run `syncom keys rotate` first")
        async with self._database.system() as waiting:
            # Whoever starts meanwhile waits: they would note the key again, and look for it in the file for ever.
            await waiting.execute(_SQL["change"], {"lock": _LOCK})
            async with self._database.system() as connection:
                await connection.execute(_SQL["forget"], {"key_id": key_id})
            self._keyring.forget(key_id)

    async def _left(self) -> int:
        current = self._keyring.current.key_id
        async with self._database.system() as connection:
            counts = await _counts(connection)
        return sum(number for key_id, number in counts.items() if key_id != current)

    async def _pass(self, said: Callable[[str], None]) -> tuple[int, int]:
        """Seal again what is not sealed with the current key; how many, and how many cannot be opened."""
        done = unreadable = 0
        for name, purpose in _SEALED:
            after, table = "", 0
            while True:
                async with self._database.system() as connection:
                    rows = await _next(connection, name, after, self._keyring.current.prefix)
                    if not rows:
                        break
                    after = rows[-1][0]
                    again, lost = await self._again(connection, name, purpose, rows)
                table += again
                unreadable += lost
                if table and table % (20 * _BATCH) == 0:
                    said(f"{name}: {table} sealed again")
            done += table
            if table:
                said(f"{name}: {table} sealed again")
        return done, unreadable

    async def _again(
        self, connection: Connection, name: str, purpose: str, rows: Sequence[tuple[str, str, bytes]]
    ) -> tuple[int, int]:
        values: list[dict[str, object]] = []
        lost = 0
        for ident, owner, before in rows:
            try:
                secret = self._keyring.unseal(before, purpose=purpose, owner=owner)
            except Conflict:
                lost += 1
                continue
            sealed = self._keyring.seal(secret, purpose=purpose, owner=owner)
            key_id = self._keyring.key_id_of(sealed)
            values.append({"ident": ident, "before": before, "sealed": sealed, "key_id": key_id})
        if values:
            await connection.cursor().executemany(_SQL[f"put_{name}"], values)
        return len(values), lost


def _check(path: Path, keys: Sequence[MasterKey], known: dict[str, tuple[bytes, datetime]]) -> None:
    """Raises Conflict when the file is not the one that this database was sealed with."""
    present = {key.key_id: key for key in keys}
    for key_id, (proof, _) in known.items():
        key = present.get(key_id)
        if key is None or not hmac.compare_digest(key.proof, proof):
            held = ", ".join(present)
            raise Conflict(
                f"the key file {path} does not fit this database: it holds {held}, and {key_id} is needed to read "
                "stored passwords and credentials. Put back the file that was used here, or name it with "
                "SYNCOM_SECRET_KEY_FILE. Nothing was changed."
            )


def _try(path: Path, keyring: Keyring, sample: tuple[str, str, bytes]) -> None:
    """A database from before keys were noted: its first sealed value tells whether the file fits."""
    purpose, owner, sealed = sample
    try:
        keyring.unseal(sealed, purpose=purpose, owner=owner)
    except Conflict:
        raise Conflict(
            f"the key file {path} does not fit this database: it does not open what is stored for {owner}. Put back "
            "the file that was used here, or name it with SYNCOM_SECRET_KEY_FILE. Nothing was changed."
        ) from None


async def _known(connection: Connection) -> dict[str, tuple[bytes, datetime]]:
    rows = await (await connection.execute(_SQL["known"])).fetchall()
    return {row[0]: (bytes(row[1]), row[2]) for row in rows}


async def _sample(connection: Connection) -> tuple[str, str, bytes] | None:
    """One sealed value: purpose, owner, bytes."""
    for name, purpose in _SEALED:
        values = {"after": "", "prefix": b"", "limit": 1}
        row = await (await connection.execute(_SQL[f"next_{name}"], values)).fetchone()
        if row is not None:
            return purpose, str(row[1]), bytes(row[2])
    return None


async def _counts(connection: Connection) -> dict[str, int]:
    """Sealed values by the id they begin with."""
    found: dict[str, int] = {}
    for name, _ in _SEALED:
        for key_id, number in await (await connection.execute(_SQL[f"count_{name}"])).fetchall():
            found[key_id] = found.get(key_id, 0) + number
    return found


async def _next(connection: Connection, name: str, after: str, prefix: bytes) -> list[tuple[str, str, bytes]]:
    values = {"after": after, "prefix": prefix, "limit": _BATCH}
    rows = await (await connection.execute(_SQL[f"next_{name}"], values)).fetchall()
    return [(str(row[0]), str(row[1]), bytes(row[2])) for row in rows]


def _silent(sentence: str) -> None:
    del sentence
