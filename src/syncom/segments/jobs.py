"""The keeper of segments: works out anew whom a change, the time or a definition concerns, and writes who moved.

A pass is one transaction, so a killed keeper leaves nothing half done: changes are taken out of the log in the
transaction that writes what follows from them. What is read is the state at that moment, never what the log says of
it; so changes may be taken in any order, more than once, or together. Any number of keepers may run; an account is
worked on by one at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC
from typing import Any, NamedTuple, cast

import msgspec
import psycopg

from syncom.clock import Clock
from syncom.errors import Invalid
from syncom.jobs.keeping import keep
from syncom.postgres.pool import Connection, Database
from syncom.segments import membership_store as store
from syncom.segments.compile import Compiler
from syncom.segments.evaluation import MAX_CONDITIONS, Kept, statement
from syncom.segments.model import LANGUAGE_VERSION, MoveCause
from syncom.segments.reading import FewContacts
from syncom.segments.service import SegmentsService

_log = logging.getLogger(__name__)

#: Seconds between looks for changes while there are none.
_POLL = 0.1
#: Looks for changes to one look for everything else.
_BETWEEN = 5
#: Contacts of one pass: of the newest changes, of the oldest, and of all else.
_NEWEST, _OLDEST, _BATCH = 2_000, 8_000, 10_000
#: A filling rests so much of the time that it takes: writers and senders want the database too.
_REST = 0.5


class _Work(NamedTuple):
    """Contacts to work segments out for, in one transaction."""

    connection: Connection
    account_id: int
    kept: Sequence[store.KeptSegment]
    contact_ids: Sequence[int]
    cause: MoveCause


class MembershipKeeper:
    """Keeps the members of all segments up to date in the background."""

    def __init__(self, database: Database, segments: SegmentsService, clock: Clock) -> None:
        self._database = database
        self._segments = segments
        self._clock = clock
        self._meanings: dict[bytes, tuple[int, bool]] = {}
        self._looks = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("segments", self._look, stop, rest=_POLL)

    async def _look(self) -> bool:
        self._looks += 1
        return await self.step(everything=self._looks % _BETWEEN == 1)

    async def settle(self) -> None:
        """Work until nothing is left to do now."""
        while await self.step(everything=True):
            pass

    async def step(self, *, everything: bool) -> bool:
        """Do what can be done now, of each account a part; True when there may be more.

        ``everything``: look for definitions, fillings and the time too, and not for changes alone.
        """
        async with self._database.system() as connection:
            changed = await store.changed_accounts(connection)
            restless = await store.restless_accounts(connection, self._clock.now()) if everything else []
        more = [await self._follow_changes(account_id) for account_id in changed]
        more += [await self._follow_time(account_id) for account_id in restless]
        more += [await self._fill(account_id) for account_id in restless]
        return any(more)

    # ------------------------------------------------------------ what there is to do

    async def _follow_changes(self, account_id: int) -> bool:
        async with self._database.system() as connection:
            if not await store.claim(connection, account_id):
                return False
            facets, contact_ids = await store.take_changes(connection, account_id, newest=_NEWEST, oldest=_OLDEST)
            kept = await self._kept(connection, account_id)
            if not kept or not contact_ids:
                return bool(contact_ids)
            concerned = [one for one in kept if facets == -1 or one.kept.facets & facets]
            for start in range(0, len(contact_ids), _BATCH):
                some = contact_ids[start : start + _BATCH]
                await self._work_out(_Work(connection, account_id, kept, some, MoveCause.CHANGE), concerned)
        return True

    async def _follow_time(self, account_id: int) -> bool:
        async with self._database.system() as connection:
            if not await store.claim(connection, account_id):
                return False
            contact_ids = await store.due(connection, account_id, self._clock.now(), _BATCH)
            if contact_ids:
                kept = await self._kept(connection, account_id)
                moving = [one for one in kept if one.kept.moves]
                await self._work_out(_Work(connection, account_id, kept, contact_ids, MoveCause.TIME), moving)
        return bool(contact_ids)

    async def _fill(self, account_id: int) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._database.system() as connection:
            if not await store.claim(connection, account_id):
                return False
            kept = await self._kept(connection, account_id)
            empty = [one for one in kept if not one.filled and not one.problem]
            if not empty:
                return False
            # Those that are at the same place go on together; who began later catches up first.
            place, cause = min(((one.place, one.cause) for one in empty), key=lambda found: (found[0], found[1].code))
            filling = [one for one in empty if one.place == place and one.cause is cause]
            keys = await store.to_fill(connection, account_id, place, _BATCH)
            if keys:
                contact_ids = [contact_id for _, contact_id in keys]
                await self._work_out(_Work(connection, account_id, kept, contact_ids, cause), filling)
            ids = [one.kept.segment_id for one in filling]
            await store.fill(
                connection, ids, keys[-1] if keys else place, filled=len(keys) < _BATCH, now=self._clock.now()
            )
        await asyncio.sleep(_REST * (loop.time() - began))
        return True

    # ------------------------------------------------------------ definitions

    async def _kept(self, connection: Connection, account_id: int) -> list[store.KeptSegment]:
        """The account's segments as they are defined now. A new meaning is filled anew."""
        definitions = await store.definitions(connection, account_id)
        gone = [one.state_of for one in definitions if one.condition is None and one.state_of is not None]
        if gone:
            await store.forget(connection, account_id, gone)
        trees = {one.segment_id: one.condition for one in definitions if one.condition is not None}
        if any(one.condition is not None and one.seen_at != one.updated_at for one in definitions) or gone:
            for one in definitions:
                if one.condition is not None and one.updated_at is not None:
                    meaning = _fingerprint(one.condition, trees)
                    await store.see(connection, account_id, one.segment_id, one.updated_at, meaning)
            definitions = await store.definitions(connection, account_id)
        found: list[store.KeptSegment] = []
        compiler: Compiler | None = None
        for one in definitions:
            if one.condition is None or one.fingerprint is None:
                continue
            if one.fingerprint not in self._meanings:
                compiler = compiler or await self._segments.compiler(connection, account_id)
                await self._understand(connection, compiler, one.segment_id, one.condition, one.fingerprint)
            facets, moves = self._meanings.get(one.fingerprint, (0, False))
            kept = Kept(
                segment_id=one.segment_id, condition=one.condition, facets=facets, moves=moves, followed=one.followed
            )
            found.append(store.kept_segment(one, kept))
        return found

    async def _understand(
        self, connection: Connection, compiler: Compiler, segment_id: int, condition: dict[str, Any], meaning: bytes
    ) -> None:
        try:
            predicate = compiler.compile(condition)
        except Invalid as error:
            await store.set_problem(connection, segment_id, error.message)
            return
        self._meanings[meaning] = (sum(facet.bit for facet in predicate.mentions), predicate.moves)

    # ------------------------------------------------------------ working out

    async def _work_out(self, work: _Work, chosen: Sequence[store.KeptSegment]) -> None:
        """Work out segments for contacts. One that cannot be answered keeps its members and says why."""
        able = [one for one in chosen if not one.problem]
        for start in range(0, max(len(able), 1), MAX_CONDITIONS):
            await self._try(work, able[start : start + MAX_CONDITIONS])

    async def _try(self, work: _Work, chosen: Sequence[store.KeptSegment]) -> None:
        try:
            async with work.connection.transaction():
                await self._write(work, chosen)
        except (Invalid, psycopg.DataError) as error:
            if len(chosen) > 1:
                middle = len(chosen) // 2
                await self._try(work, chosen[:middle])
                await self._try(work, chosen[middle:])
            elif chosen:
                reason = error.message if isinstance(error, Invalid) else str(error).splitlines()[0]
                _log.warning("segment %d cannot be answered: %s", chosen[0].kept.segment_id, reason)
                await store.set_problem(work.connection, chosen[0].kept.segment_id, reason)
            else:
                raise

    async def _write(self, work: _Work, chosen: Sequence[store.KeptSegment]) -> None:
        now = self._clock.now()
        unrecorded = [one.kept.segment_id for one in work.kept if one.cause is MoveCause.FILLED and not one.filled]
        made = statement(
            await self._segments.compiler(work.connection, work.account_id, read=FewContacts),
            [one.kept for one in work.kept],
            [one.kept for one in chosen],
            cause=work.cause,
            unrecorded=unrecorded,
        )
        moved = await store.evaluate(work.connection, work.account_id, made, work.contact_ids, now)
        if moved:
            await store.count_moves(work.connection, moved, set(unrecorded), now.astimezone(UTC).date())


def _fingerprint(condition: dict[str, Any], segments: dict[int, dict[str, Any]]) -> bytes:
    """Of the meaning: the condition with the segments inside it, in this version of the language."""
    whole = msgspec.json.encode([LANGUAGE_VERSION, _expanded(condition, segments)], order="deterministic")
    return hashlib.sha256(whole).digest()


def _expanded(node: Any, segments: dict[int, dict[str, Any]]) -> Any:
    if isinstance(node, dict):
        tree = cast("dict[str, Any]", node)
        inner = segments.get(tree["segment"]) if isinstance(tree.get("segment"), int) else None
        if inner is not None:
            return {"segment": _expanded(inner, segments)}
        return {name: _expanded(part, segments) for name, part in tree.items()}
    if isinstance(node, list):
        return [_expanded(part, segments) for part in cast("list[Any]", node)]
    return node
