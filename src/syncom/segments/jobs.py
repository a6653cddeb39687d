"""The keeper of segments: works out anew whom a change, the time or a definition concerns, and writes who moved.

A pass is one transaction, so a killed keeper leaves nothing half done: changes are taken out of the log in the
transaction that writes what follows from them. What is read is the state at that moment, never what the log says of
it; so changes may be taken in any order, more than once, or together. Any number of keepers may run; an account is
worked on by one at a time.

Of many contacts a second connection works out half in a transaction of its own, which ends first: what it wrote is true
whatever becomes of the pass, and is found so when the changes are taken again. Until then it writes nothing that the
pass has locked; and whoever claims the account when the pass is gone waits for it (``help_with``).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

import msgspec
import psycopg

from syncom.clock import Clock
from syncom.errors import Invalid
from syncom.jobs.keeping import keep
from syncom.postgres.pool import Connection, Database
from syncom.segments import membership_store as store
from syncom.segments.compile import Compiler
from syncom.segments.evaluation import MAX_CONDITIONS, Kept, Statement, statement
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
#: So many contacts are worked out by two connections.
_MANY = 1_000
#: Erased contacts go from the moves once in so many seconds: each time all moves of their account are looked at. A pass
#: that still knows of them may be under way until they were erased so long ago.
_FORGET, _ERASED_BEFORE = 3600.0, timedelta(minutes=10)
#: So many together.
_ERASED = 10_000
#: A filling rests so much of the time that it takes: writers and senders want the database too.
_REST = 0.5


class _Kept(NamedTuple):
    """The account's segments as they are defined now."""

    segments: Sequence[store.KeptSegment]
    #: Whether states of segments were written just now.
    is_news: bool


class _Asked(NamedTuple):
    """A statement, and the moment as of which it is written."""

    made: Statement
    now: datetime


@dataclass(kw_only=True)
class _Pass:
    """Working segments out in one transaction, for contacts of one account."""

    connection: Connection
    account_id: int
    kept: Sequence[store.KeptSegment]
    cause: MoveCause
    #: States of segments are locked: a transaction beside this one would wait for it for ever.
    is_alone: bool = False
    #: Who moved, to be counted at the end of the pass: entered and left, by segment.
    moved: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])

    @property
    def unrecorded(self) -> list[int]:
        """Segments that are filled for the first time."""
        return [one.kept.segment_id for one in self.kept if one.cause is MoveCause.FILLED and not one.filled]

    def note(self, found: Sequence[store.Moved]) -> None:
        """Who moved, once it is sure to be written."""
        for one in found:
            entered, left = self.moved.get(one.segment_id, (0, 0))
            self.moved[one.segment_id] = (entered + one.entered, left + one.left)


class MembershipKeeper:
    """Keeps the members of all segments up to date in the background.

    From ``many`` contacts on, changes are worked out by two connections.
    """

    def __init__(self, database: Database, segments: SegmentsService, clock: Clock, *, many: int = _MANY) -> None:
        self._database = database
        self._segments = segments
        self._clock = clock
        self._many = many
        self._meanings: dict[bytes, tuple[int, bool]] = {}
        self._looks = 0
        self._forgot = -_FORGET

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
        if everything:
            await self._forget()
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
            kept, is_news = await self._kept(connection, account_id)
            if not kept or not contact_ids:
                return bool(contact_ids)
            concerned = [one for one in kept if facets == -1 or one.kept.facets & facets]
            work = _Pass(
                connection=connection, account_id=account_id, kept=kept, cause=MoveCause.CHANGE, is_alone=is_news
            )
            for start in range(0, len(contact_ids), _BATCH):
                await self._share_out(work, contact_ids[start : start + _BATCH], concerned)
            await self._count(work)
        return True

    async def _follow_time(self, account_id: int) -> bool:
        async with self._database.system() as connection:
            if not await store.claim(connection, account_id):
                return False
            contact_ids = await store.due(connection, account_id, self._clock.now(), _BATCH)
            if contact_ids:
                kept, is_news = await self._kept(connection, account_id)
                moving = [one for one in kept if one.kept.moves]
                work = _Pass(
                    connection=connection, account_id=account_id, kept=kept, cause=MoveCause.TIME, is_alone=is_news
                )
                await self._share_out(work, contact_ids, moving)
                await self._count(work)
        return bool(contact_ids)

    async def _fill(self, account_id: int) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._database.system() as connection:
            if not await store.claim(connection, account_id):
                return False
            kept, _ = await self._kept(connection, account_id)
            empty = [one for one in kept if not one.filled and not one.problem]
            if not empty:
                return False
            # Those that are at the same place go on together; who began later catches up first.
            place, cause = min(((one.place, one.cause) for one in empty), key=lambda found: (found[0], found[1].code))
            filling = [one for one in empty if one.place == place and one.cause is cause]
            keys = await store.to_fill(connection, account_id, place, _BATCH)
            if keys:
                work = _Pass(connection=connection, account_id=account_id, kept=kept, cause=cause)
                await self._work_out(work, [contact_id for _, contact_id in keys], filling)
                await self._count(work)
            ids = [one.kept.segment_id for one in filling]
            await store.fill(
                connection, ids, keys[-1] if keys else place, filled=len(keys) < _BATCH, now=self._clock.now()
            )
        await asyncio.sleep(_REST * (loop.time() - began))
        return True

    async def _forget(self) -> None:
        if self._clock.monotonic() < self._forgot + _FORGET:
            return
        self._forgot = self._clock.monotonic()
        forgotten = _ERASED
        while forgotten == _ERASED:
            async with self._database.system() as connection:
                forgotten = await store.forget_erased(connection, self._clock.now() - _ERASED_BEFORE, _ERASED)

    # ------------------------------------------------------------ definitions

    async def _kept(self, connection: Connection, account_id: int) -> _Kept:
        """The account's segments as they are defined now. A new meaning is filled anew."""
        definitions = await store.definitions(connection, account_id)
        gone = [one.state_of for one in definitions if one.condition is None and one.state_of is not None]
        if gone:
            await store.forget(connection, account_id, gone)
        trees = {one.segment_id: one.condition for one in definitions if one.condition is not None}
        is_news = any(one.condition is not None and one.seen_at != one.updated_at for one in definitions) or bool(gone)
        if is_news:
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
                is_news = is_news or one.fingerprint not in self._meanings
            facets, moves = self._meanings.get(one.fingerprint, (0, False))
            kept = Kept(
                segment_id=one.segment_id, condition=one.condition, facets=facets, moves=moves, followed=one.followed
            )
            found.append(store.kept_segment(one, kept))
        return _Kept(found, is_news)

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

    async def _share_out(self, work: _Pass, contact_ids: Sequence[int], chosen: Sequence[store.KeptSegment]) -> None:
        """Work out segments for contacts; of many, half in a transaction beside this one."""
        if len(contact_ids) >= self._many and not work.is_alone:
            try:
                await self._work_out_beside(work, contact_ids, [one for one in chosen if not one.problem])
            except (Invalid, psycopg.DataError):
                # Neither half is written. Now it has to be found which segment it was, one after another.
                pass
            else:
                return
        await self._work_out(work, contact_ids, chosen)

    async def _work_out_beside(
        self, work: _Pass, contact_ids: Sequence[int], chosen: Sequence[store.KeptSegment]
    ) -> None:
        asked = [await self._statement(work, some) for some in _parts(chosen)]
        middle = len(contact_ids) // 2
        async with self._database.system() as beside, work.connection.transaction():
            helping = replace(work, connection=beside, moved={})
            await store.help_with(beside, work.account_id)
            await store.still_claimed(work.connection)
            ours, theirs = await asyncio.gather(
                self._answer(work, asked, contact_ids[:middle]),
                self._answer(helping, asked, contact_ids[middle:]),
                return_exceptions=True,
            )
            for found in (ours, theirs):
                if isinstance(found, BaseException):
                    raise found
            assert not isinstance(ours, BaseException)
            assert not isinstance(theirs, BaseException)
            helping.note(theirs)
            await self._count(helping)
        work.note(ours)

    async def _work_out(self, work: _Pass, contact_ids: Sequence[int], chosen: Sequence[store.KeptSegment]) -> None:
        """Work out segments for contacts. One that cannot be answered keeps its members and says why."""
        for some in _parts([one for one in chosen if not one.problem]):
            await self._try(work, contact_ids, some)

    async def _try(self, work: _Pass, contact_ids: Sequence[int], chosen: Sequence[store.KeptSegment]) -> None:
        try:
            async with work.connection.transaction():
                found = await self._answer(work, [await self._statement(work, chosen)], contact_ids)
            work.note(found)
        except (Invalid, psycopg.DataError) as error:
            if len(chosen) > 1:
                middle = len(chosen) // 2
                await self._try(work, contact_ids, chosen[:middle])
                await self._try(work, contact_ids, chosen[middle:])
            elif chosen:
                reason = error.message if isinstance(error, Invalid) else str(error).splitlines()[0]
                _log.warning("segment %d cannot be answered: %s", chosen[0].kept.segment_id, reason)
                work.is_alone = True
                await store.set_problem(work.connection, chosen[0].kept.segment_id, reason)
            else:
                raise

    async def _statement(self, work: _Pass, chosen: Sequence[store.KeptSegment]) -> _Asked:
        # Before the moment of the tests: what time changes in between is still ahead then, and not missed.
        now = self._clock.now()
        made = statement(
            await self._segments.compiler(work.connection, work.account_id, read=FewContacts),
            [one.kept for one in work.kept],
            [one.kept for one in chosen],
            cause=work.cause,
            unrecorded=work.unrecorded,
        )
        return _Asked(made, now)

    async def _answer(self, work: _Pass, asked: Sequence[_Asked], contact_ids: Sequence[int]) -> list[store.Moved]:
        return [
            moved
            for made, now in asked
            for moved in await store.evaluate(work.connection, work.account_id, made, contact_ids, now)
        ]

    async def _count(self, work: _Pass) -> None:
        """New sizes and the day's figures."""
        moved = [store.Moved(segment_id=one, entered=entered, left=left) for one, (entered, left) in work.moved.items()]
        if moved:
            today = self._clock.now().astimezone(UTC).date()
            await store.count_moves(work.connection, moved, set(work.unrecorded), today)


def _parts(chosen: Sequence[store.KeptSegment]) -> list[Sequence[store.KeptSegment]]:
    """As many as one statement takes; none is a part too: contacts may be gone."""
    return [chosen[start : start + MAX_CONDITIONS] for start in range(0, max(len(chosen), 1), MAX_CONDITIONS)]


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
