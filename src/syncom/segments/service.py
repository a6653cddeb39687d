"""Segments: saved conditions, compiled for whoever asks who matches. Lists and segments as one are at ``groups``."""

from __future__ import annotations

import asyncio
import math
import random
import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from psycopg import sql
from psycopg.rows import dict_row

from syncom.clock import Clock
from syncom.contacts.model import Contact, CustomField, Found
from syncom.contacts.usage import Usage, hold, refer
from syncom.errors import Invalid, NotFound
from syncom.ids import BUCKETS
from syncom.postgres.pool import Connection, Database
from syncom.segments import store
from syncom.segments.compile import Compiler, Predicate
from syncom.segments.evaluation import Statement, matching_statement
from syncom.segments.given import Tree
from syncom.segments.groups import Groups
from syncom.segments.model import Count, Explanation, Overlap, Segment
from syncom.segments.reading import FewContacts, Reading, WholeAccount
from syncom.segments.sentence import Names, sentence
from syncom.segments.why import Why, reason_of

NAME_LIMIT = 200
#: Seconds that a count may take before a part of the account has to do, and seconds for that part.
_EXACT, _SAMPLE = 0.1, 0.1
#: Buckets of a part at least.
_FEWEST = 4


class SegmentsService:
    """Use cases of segments."""

    def __init__(self, database: Database, clock: Clock, usage: Usage | None = None) -> None:
        """``usage``: who is asked before a segment is deleted; segments answer there themselves."""
        self._database = database
        self._clock = clock
        self._usage = usage or Usage()
        self._usage.ask(self.users)
        self.groups = Groups(database)

    async def create(self, account_id: int, name: str, condition: dict[str, Any]) -> Segment:
        """Save a condition under a name. Raises Invalid with the place in the tree, Conflict for a taken name."""
        async with self._database.tenant(account_id) as connection:
            await refer(connection, account_id)
            await self._given(connection, account_id, condition)
            return await store.insert(connection, account_id, _name(name), condition)

    async def update(self, account_id: int, segment_id: int, name: str, condition: dict[str, Any]) -> Segment:
        """Replace a segment. A condition that leads back to this segment is refused."""
        async with self._database.tenant(account_id) as connection:
            # Alone: of two that begin to use each other at the same time, the later one is refused.
            await hold(connection, account_id)
            predicate = await self._given(connection, account_id, condition)
            if segment_id in predicate.segment_ids:
                raise Invalid("condition", f"segment {segment_id} would refer to itself")
            return await store.update(connection, account_id, segment_id, _name(name), condition)

    async def get(self, account_id: int, segment_id: int) -> Segment:
        async with self._database.tenant(account_id) as connection:
            found = await store.select(connection, account_id, [segment_id])
        if not found:
            raise NotFound("segment", segment_id)
        return found[0]

    async def list(self, account_id: int) -> list[Segment]:
        async with self._database.tenant(account_id) as connection:
            return await store.select(connection, account_id)

    async def delete(self, account_id: int, segment_id: int) -> None:
        """Delete a segment. Raises NotFound, Conflict naming who uses it."""
        async with self._database.tenant(account_id) as connection:
            await self._usage.require_none(connection, account_id, "segment", segment_id)
            if not await store.delete(connection, account_id, segment_id):
                raise NotFound("segment", segment_id)

    async def count(self, account_id: int, condition: dict[str, Any]) -> int:
        """How many contacts match a condition. Raises Invalid with the place in the tree."""
        async with self._database.tenant(account_id) as connection:
            predicate = await self._given(connection, account_id, condition)
            return await store.count(connection, account_id, predicate)

    async def estimate(self, account_id: int, condition: dict[str, Any]) -> Count:
        """How many contacts match, within a third of a second: counted where that is quick, else from a part of them.

        The part is buckets, and the low byte of a number of a contact says nothing about it. The error is that of the
        mean of the buckets seen (95 %), never less than chance alone would make it.
        """
        async with self._database.tenant(account_id) as connection:
            predicate = await self._given(connection, account_id, condition)
            counted = await store.count_within(connection, account_id, predicate, _EXACT)
            if counted is not None:
                return Count(contacts=counted)
            began = self._clock.monotonic()
            buckets = list(range(BUCKETS))
            random.Random(account_id).shuffle(buckets)  # noqa: S311 - the same part each time, so that counts compare
            seen: list[int] = []
            while len(seen) < BUCKETS and (
                len(seen) < _FEWEST or _has_room(self._clock.monotonic() - began, len(seen))
            ):
                seen.append(await store.count_bucket(connection, account_id, predicate, buckets[len(seen)]))
        return _estimated(seen)

    async def page(self, account_id: int, condition: dict[str, Any], *, after: int = 0, limit: int = 100) -> list[int]:
        """Ids of matching contacts, a page at a time: pass the last id of a page as ``after`` of the next."""
        async with self._database.tenant(account_id) as connection:
            predicate = await self.compile(connection, account_id, condition)
            return await store.page(connection, account_id, predicate, after=after, limit=limit)

    async def contacts(self, account_id: int, segment_id: int, *, offset: int, limit: int) -> Found:
        """A part of the contacts that match a segment, and how many do. Raises NotFound."""
        segment = await self.get(account_id, segment_id)
        async with self._database.tenant(account_id) as connection:
            predicate = await self.compile(connection, account_id, segment.condition)
            return await store.part(connection, account_id, predicate, offset=offset, limit=limit)

    async def check(self, connection: Connection, account_id: int, condition: object, *, at: str) -> None:
        """Whether a condition that somebody has just written can be answered, and met. In the transaction that saves.

        Raises Invalid with the place in the tree, whose root is ``at``.
        """
        await refer(connection, account_id)
        await self._given(connection, account_id, condition, at=at)

    async def matching(
        self, connection: Connection, account_id: int, condition: object, contact_ids: Sequence[int]
    ) -> set[int]:
        """Those of these contacts, a few thousand at most, who match now. Raises Invalid."""
        made = matching_statement(await self.compiler(connection, account_id, read=FewContacts), condition)
        return await store.matching(connection, account_id, made, contact_ids)

    async def matching_of(
        self, connection: Connection, account_id: int, condition: object, source: sql.Composable, *, now: datetime
    ) -> Statement:
        """The statement of those who match at a moment, of contacts whose ids a query finds. Raises Invalid.

        Needs ``account_id``, and what the query does. Never prepare it: a plan is for the values it was made with.
        """
        return matching_statement(
            await self.compiler(connection, account_id, read=FewContacts, now=now), condition, source
        )

    async def compile(self, connection: Connection, account_id: int, condition: object) -> Predicate:
        """The SQL predicate of a condition of this account, over ``contacts c``."""
        return (await self.compiler(connection, account_id)).compile(condition)

    async def compiler(
        self,
        connection: Connection,
        account_id: int,
        *,
        read: type[Reading] = WholeAccount,
        now: datetime | None = None,
    ) -> Compiler:
        """A compiler that knows this account's fields and segments. Predicates of one compiler share their values."""
        cursor = connection.cursor(row_factory=dict_row)
        rows = await (
            await cursor.execute(
                "SELECT field_id, key, name, type, choices FROM custom_fields WHERE account_id = %s", (account_id,)
            )
        ).fetchall()
        fields = msgspec.convert(rows, list[CustomField])
        segments = {found.segment_id: found.condition for found in await store.select(connection, account_id)}
        categories, event_types = await store.vocabulary(connection, account_id)
        return Compiler(
            fields,
            segments,
            now=now or self._clock.now(),
            account_id=account_id,
            categories=categories,
            event_types=event_types,
            read=read,
        )

    async def sentence(self, account_id: int, condition: dict[str, Any]) -> str:
        """The condition in words, with the names of what it refers to. Raises Invalid as :meth:`compile` does."""
        async with self._database.tenant(account_id) as connection:
            await self.compile(connection, account_id, condition)
            return await self._said(connection, account_id, condition)

    async def explain(self, account_id: int, condition: dict[str, Any]) -> Explanation:
        """How a condition is understood and answered: its words, the index of each leaf, the statement and its plan."""
        async with self._database.tenant(account_id) as connection:
            predicate = await self.compile(connection, account_id, condition)
            return Explanation(
                sentence=await self._said(connection, account_id, condition),
                leaves=list(predicate.leaves),
                statement=store.count_statement(predicate).as_string(connection),
                values={name: str(value) for name, value in predicate.values.items()},
                plan=await store.plan(connection, account_id, predicate),
            )

    async def why(self, account_id: int, segment_id: int, contact: Contact) -> Why:
        """Whether a contact is in a segment at this moment, and why: the tree with the answer of each part."""
        segment = await self.get(account_id, segment_id)
        async with self._database.tenant(account_id) as connection:
            known = {one.segment_id: one.condition for one in await store.select(connection, account_id)}
            named = {"all": [segment.condition, *known.values()]}
            reason = await reason_of(
                connection,
                account_id,
                contact,
                segment.condition,
                compiler=await self.compiler(connection, account_id),
                segments=known,
                names=msgspec.convert(await store.names(connection, account_id, named), Names),
            )
        return Why(contact_id=contact.contact_id, is_in=reason.holds, reason=reason)

    async def overlap(self, account_id: int, segment_id: int, other_id: int) -> Overlap:
        """How many are in each of two segments, and in both. Raises NotFound.

        Three estimates over the same part of the contacts, so that they compare; exact where counting is quick.
        """
        one = (await self.get(account_id, segment_id)).condition
        other = (await self.get(account_id, other_id)).condition
        first, second, both = await asyncio.gather(
            self.estimate(account_id, one),
            self.estimate(account_id, other),
            self.estimate(account_id, {"all": [one, other]}),
        )
        shared = min(both.contacts, first.contacts, second.contacts)
        return Overlap(first=first, second=second, both=msgspec.structs.replace(both, contacts=shared))

    async def users(self, connection: Connection, account_id: int, leaf: str, value: int | str) -> list[str]:
        """The segments whose conditions have this leaf: ``("field", "points")``, ``("category", "News")``."""
        return [
            f"segment {one.name!r}"
            for one in await store.select(connection, account_id)
            if has_leaf(one.condition, leaf, value)
        ]

    async def _given(
        self, connection: Connection, account_id: int, condition: object, *, at: str = "condition"
    ) -> Predicate:
        """Of a condition that somebody has just written: one that nobody can match is refused too."""
        compiler = await self.compiler(connection, account_id)
        predicate = compiler.compile(condition, at=at)
        tree = cast("Tree", condition)
        compiler.require_possible(tree, at=at)
        missing = await store.missing_lists(connection, account_id, dict(tree))
        if missing:
            raise Invalid(_place_of_list(tree, missing[0], at), f"there is no list {missing[0]}")
        return predicate

    async def _said(self, connection: Connection, account_id: int, condition: dict[str, Any]) -> str:
        return sentence(condition, msgspec.convert(await store.names(connection, account_id, condition), Names))


def _place_of_list(node: object, list_id: int, at: str) -> str:
    """Where a tree names a list first."""
    parts: list[tuple[str, object]] = []
    if isinstance(node, dict):
        tree = cast("Tree", node)
        if tree.get("list") == list_id:
            return f"{at}.list"
        parts = [(name, part) for name, part in tree.items()]
    elif isinstance(node, list):
        parts = [(str(place), part) for place, part in enumerate(cast("list[object]", node))]
    return next((found for name, part in parts if (found := _place_of_list(part, list_id, f"{at}.{name}"))), "")


def _has_room(spent: float, seen: int) -> bool:
    """Whether one more bucket, which takes as long as those before, is counted within the time."""
    return spent * (seen + 1) / seen < _SAMPLE


def _estimated(seen: Sequence[int]) -> Count:
    mean = statistics.fmean(seen)
    if len(seen) == BUCKETS:
        return Count(contacts=sum(seen))
    spread = max(statistics.stdev(seen), math.sqrt(mean), 1.0)
    rest = 1 - len(seen) / BUCKETS
    error = 1.96 * spread / math.sqrt(len(seen)) * BUCKETS * math.sqrt(rest)
    return Count(contacts=round(mean * BUCKETS), is_exact=False, error=math.ceil(error))


def has_leaf(node: object, leaf: str, value: int | str) -> bool:
    """Whether a condition names this: ``("field", "points")``, ``("category", "News")`` in any case of letters."""
    if isinstance(node, dict):
        tree = cast("dict[str, object]", node)
        given = tree.get(leaf)
        if leaf == "category" and isinstance(given, str) and isinstance(value, str):
            given, value = given.lower(), value.lower()
        return given == value or any(has_leaf(part, leaf, value) for part in tree.values())
    return isinstance(node, list) and any(has_leaf(part, leaf, value) for part in cast("list[object]", node))


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LIMIT:
        raise Invalid("name", f"must have 1 to {NAME_LIMIT} characters")
    return name
