"""Use cases of bulk actions: begun by a person, done batch by batch in the background, taken back for a week.

A batch is one transaction: it holds the action's row, does the deed to up to a thousand contacts, notes whom it
changed and how they were, and moves the action on. So a process may die anywhere: what it did is noted, what it was
doing did not happen, and the next one goes on behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from syncom.bulk import acting
from syncom.bulk.acting import Action
from syncom.bulk.model import ActionState, BulkAction, Deed
from syncom.clock import Clock
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, Invalid, NotFound, SyncomError
from syncom.ids import BUCKETS, bucket_of
from syncom.postgres.columns import buckets, by_bucket, numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.segments.service import SegmentsService

_SQL = load_sql("syncom.bulk", "bulk.sql")
_log = logging.getLogger(__name__)
#: Contacts of one transaction: a fraction of a second.
BATCH: Final = 1_000
#: Contacts that may be chosen one by one.
MAX_CHOSEN: Final = 50_000
#: How long what was changed is known.
_UNDO: Final = timedelta(days=7)
#: A batch that fails is tried so many times, after these rests.
_ATTEMPTS: Final = 5
_REST: Final = timedelta(seconds=10)
_DUE: Final = 20
#: Seconds that a batch looks for those who match: few may, among millions. What was looked through is behind it then,
#: and whoever cancels does not wait for the rest.
_LOOKING: Final = 2.0


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    action: Action
    condition: dict[str, Any] | None
    contact_ids: Sequence[int] | None
    is_undoing: bool
    bucket: int
    after_id: int


class _Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch did, and where the next one begins; ``bucket`` 256: there is none."""

    bucket: int
    after_id: int
    looked_at: int = 0
    changed: int = 0
    undone: int = 0


class BulkService:
    """Bulk actions of an account."""

    def __init__(self, database: Database, contacts: ContactsService, segments: SegmentsService, clock: Clock) -> None:
        self._database = database
        self._contacts = contacts
        self._segments = segments
        self._clock = clock

    # ------------------------------------------------------------ for a person

    async def start(
        self,
        account_id: int,
        deed: Deed,
        *,
        actor: str,
        condition: dict[str, Any] | None = None,
        contact_ids: Sequence[int] | None = None,
    ) -> BulkAction:
        """Begin an action on those who match a condition, or on chosen contacts. Raises Invalid, NotFound.

        Each contact is asked for the condition once, when its turn comes.
        """
        if (condition is None) == (contact_ids is None):
            raise Invalid("condition", "or contact_ids must say whom it is about, and not both")
        chosen = None if contact_ids is None else by_bucket(set(contact_ids))
        if chosen is not None and not 1 <= len(chosen) <= MAX_CHOSEN:
            raise Invalid("contact_ids", f"must name 1 to {MAX_CHOSEN:,} contacts; use a condition for more")
        fields = await self._contacts.fields.by_key(account_id)
        count = await self._segments.estimate(account_id, condition) if condition is not None else None
        async with self._database.tenant(account_id) as connection:
            await acting.check(connection, account_id, deed, fields)
            values = {
                "account_id": account_id,
                "deed": Jsonb(msgspec.to_builtins(deed)),
                "condition": None if condition is None else Jsonb(condition),
                "contact_ids": chosen,
                "actor": actor,
                "total": count.contacts if count else len(chosen or ()),
                "total_is_exact": count is None or count.is_exact,
            }
            row = await (await connection.execute(_SQL["add"], values)).fetchone()
            assert row is not None, "INSERT … RETURNING gives a row"
            return await _found(connection, account_id, row[0])

    async def get(self, account_id: int, action_id: int) -> BulkAction:
        """Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            return await _found(connection, account_id, action_id)

    async def list(self, account_id: int, *, before: int | None = None, limit: int = 100) -> list[BulkAction]:
        """The newest first, older than ``before``."""
        values = {"account_id": account_id, "before": before, "limit": limit}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["list"], values)).fetchall()
        return [_action(row) for row in rows]

    async def cancel(self, account_id: int, action_id: int) -> BulkAction:
        """Do no more of it; what was done stays, and can be undone. Raises NotFound, and Conflict when it is over."""
        now = self._clock.now()
        values = {"now": now, "undo_until": now + _UNDO}
        return await self._turn(account_id, action_id, "cancel", values, "can be cancelled while it is under way")

    async def undo(self, account_id: int, action_id: int) -> BulkAction:
        """Put back what it changed, where nobody changed the same since. Raises NotFound, Conflict."""
        problem = "can be undone for a week after it ended"
        return await self._turn(account_id, action_id, "undo", {"now": self._clock.now()}, problem)

    async def _turn(
        self, account_id: int, action_id: int, statement: str, values: dict[str, Any], problem: str
    ) -> BulkAction:
        async with self._database.tenant(account_id) as connection:
            found = await _found(connection, account_id, action_id)
            values |= {"account_id": account_id, "action_id": action_id}
            if await (await connection.execute(_SQL[statement], values)).fetchone() is None:
                raise Conflict(f"an action {problem}; this one is {found.state.value}")
            return await _found(connection, account_id, action_id)

    # ------------------------------------------------------------ in the background

    async def work(self) -> bool:
        """One batch of every action that has something to do; whether there may be more."""
        async with self._database.system() as connection:
            values = {"now": self._clock.now(), "limit": _DUE}
            due = await (await connection.execute(_SQL["due"], values)).fetchall()
        worked = False
        for account_id, action_id in due:
            worked |= await self._step(account_id, action_id)
        return worked

    async def forget(self) -> None:
        """Forget what was changed a week ago."""
        async with self._database.system() as connection:
            expired = await (await connection.execute(_SQL["expired"], {"now": self._clock.now()})).fetchall()
        for account_id, action_id in expired:
            for bucket in range(BUCKETS):
                values = {"account_id": account_id, "action_id": action_id, "bucket": bucket}
                async with self._database.tenant(account_id) as connection:
                    await connection.execute(_SQL["forget_changes"], values)

    async def _step(self, account_id: int, action_id: int) -> bool:
        try:
            fields = await self._contacts.fields.by_key(account_id)
            async with self._database.tenant(account_id) as connection:
                held = await self._hold(connection, account_id, action_id, fields)
                if held is None:
                    return False
                batch = await (self._undo_batch if held.is_undoing else self._batch)(connection, held)
                await self._move(connection, held, batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, the actions of others go on
            _log.exception("bulk action %d: a batch failed", action_id)
            # Without a database this fails too, and the keeper waits for it.
            await self._fail(account_id, action_id, error)
        return True

    async def _hold(self, connection: Connection, account_id: int, action_id: int, fields: Any) -> _Held | None:
        values = {"account_id": account_id, "action_id": action_id}
        row = await (await connection.execute(_SQL["hold"], values)).fetchone()
        if row is None:
            return None
        action = Action(
            account_id=account_id,
            action_id=action_id,
            deed=msgspec.convert(row[0], Deed),
            actor=row[3],
            fields=fields,
            now=self._clock.now(),
        )
        return _Held(
            action=action,
            condition=row[1],
            contact_ids=row[2],
            is_undoing=row[4] == ActionState.UNDOING.value,
            bucket=row[5],
            after_id=row[6],
        )

    async def _batch(self, connection: Connection, held: _Held) -> _Batch:
        if held.contact_ids is not None:
            ids, bucket, after_id, looked_at = await self._chosen(connection, held, held.contact_ids)
        else:
            ids, bucket, after_id = await self._matching(connection, held)
            looked_at = len(ids)
        changes = await acting.act(connection, held.action, ids)
        await _remember(connection, held.action, changes)
        return _Batch(bucket=bucket, after_id=after_id, looked_at=looked_at, changed=len(changes))

    async def _chosen(
        self, connection: Connection, held: _Held, contact_ids: Sequence[int]
    ) -> tuple[list[int], int, int, int]:
        """The next of the chosen contacts that exist, where they end, and how many were looked at."""
        place = (held.bucket, held.after_id)
        left = [one for one in contact_ids if (bucket_of(one), one) > place]
        taken = left[:BATCH]
        values = {"account_id": held.action.account_id, "buckets": buckets(taken), "contact_ids": numbers(taken)}
        rows = await (await connection.execute(_SQL["present"], values)).fetchall()
        if len(left) <= BATCH:
            return [row[0] for row in rows], BUCKETS, 0, len(taken)
        return [row[0] for row in rows], bucket_of(taken[-1]), taken[-1], len(taken)

    async def _matching(self, connection: Connection, held: _Held) -> tuple[list[int], int, int]:
        """The next who match, over as many buckets as make a batch or can be looked through, and where they end."""
        account_id = held.action.account_id
        predicate = await self._segments.compile(connection, account_id, held.condition)
        found: list[int] = []
        bucket, after_id = held.bucket, held.after_id
        until = self._clock.monotonic() + _LOOKING
        while bucket < BUCKETS and len(found) < BATCH and self._clock.monotonic() < until:
            room = BATCH - len(found)
            # The bucket as a constant reaches into the facts of conditions too, and their indexes.
            statement = sql.SQL(
                "SELECT c.contact_id FROM contacts c WHERE c.account_id = {account} AND c.bucket = {bucket}::smallint"
                " AND c.contact_id > {after}::bigint AND {predicate} ORDER BY c.contact_id LIMIT {room}"
            ).format(
                account=sql.Placeholder("account_id"),
                bucket=sql.Literal(bucket),
                after=sql.Placeholder("after_id"),
                predicate=predicate.text,
                room=sql.Placeholder("room"),
            )
            values = {**predicate.values, "account_id": account_id, "after_id": after_id, "room": room}
            rows = await (await connection.execute(statement, values, prepare=False)).fetchall()
            found += [row[0] for row in rows]
            bucket, after_id = (bucket + 1, 0) if len(rows) < room else (bucket, rows[-1][0])
        return found, bucket, after_id

    async def _undo_batch(self, connection: Connection, held: _Held) -> _Batch:
        found: list[tuple[int, dict[str, Any]]] = []
        bucket, after_id = held.bucket, held.after_id
        while bucket < BUCKETS and len(found) < BATCH:
            room = BATCH - len(found)
            values = {
                "account_id": held.action.account_id,
                "action_id": held.action.action_id,
                "bucket": bucket,
                "after_id": after_id,
                "limit": room,
            }
            rows = await (await connection.execute(_SQL["changes"], values)).fetchall()
            found += [(row[0], row[1]) for row in rows]
            bucket, after_id = (bucket + 1, 0) if len(rows) < room else (bucket, rows[-1][0])
        return _Batch(bucket=bucket, after_id=after_id, undone=await acting.take_back(connection, held.action, found))

    async def _move(self, connection: Connection, held: _Held, batch: _Batch) -> None:
        under_way, over = (
            (ActionState.UNDOING, ActionState.UNDONE)
            if held.is_undoing
            else (ActionState.RUNNING, ActionState.FINISHED)
        )
        is_over = batch.bucket >= BUCKETS
        now = self._clock.now()
        values = {
            "account_id": held.action.account_id,
            "action_id": held.action.action_id,
            "state": (over if is_over else under_way).value,
            "bucket": 0 if is_over else batch.bucket,
            "after_id": batch.after_id,
            "looked_at": batch.looked_at,
            "changed": batch.changed,
            "undone": batch.undone,
            "now": now,
            "undo_until": now + _UNDO,
        }
        await connection.execute(_SQL["move"], values)

    async def _fail(self, account_id: int, action_id: int, error: Exception) -> None:
        now = self._clock.now()
        words = str(error) if isinstance(error, SyncomError) else "a batch could not be done; the log says why"
        values = {
            "account_id": account_id,
            "action_id": action_id,
            "problem": words,
            "next_at": now + _REST,
            "most": _ATTEMPTS,
            "now": now,
            "undo_until": now + _UNDO,
        }
        async with self._database.tenant(account_id) as connection:
            await connection.execute(_SQL["fail"], values)


async def _remember(connection: Connection, action: Action, changes: acting.Changes) -> None:
    if not changes:
        return
    ids = [contact_id for contact_id, _ in changes]
    values = {
        "account_id": action.account_id,
        "action_id": action.action_id,
        "buckets": buckets(ids),
        "contact_ids": numbers(ids),
        "formers": [Jsonb(former) for _, former in changes],
    }
    await connection.execute(_SQL["remember"], values)


async def _found(connection: Connection, account_id: int, action_id: int) -> BulkAction:
    values = {"account_id": account_id, "action_id": action_id}
    row = await (await connection.execute(_SQL["find"], values)).fetchone()
    if row is None:
        raise NotFound("bulk action", action_id)
    return _action(row)


def _action(row: tuple[Any, ...]) -> BulkAction:
    return BulkAction(
        action_id=row[0],
        deed=msgspec.convert(row[1], Deed),
        condition=row[2],
        chosen=row[3],
        actor=row[4],
        state=ActionState(row[5]),
        total=row[6],
        total_is_exact=row[7],
        looked_at=row[8],
        changed=row[9],
        undone=row[10],
        problem=row[11],
        created_at=row[12],
        finished_at=row[13],
        undo_until=row[14],
    )
