"""The compiled SQL against a naive reading of the same conditions, on real rows."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, given, settings
from psycopg import sql

from syncom.postgres.pool import Connection, Database
from syncom.segments.compile import Compiler
from syncom.segments.evaluation import Kept, statement
from syncom.segments.membership_store import evaluate
from syncom.segments.model import MoveCause
from syncom.segments.reading import FewContacts, Reading, WholeAccount
from syncom.segments.schema import CONDITION_SCHEMA
from syncom.segments.sentence import Names, sentence
from tests.segments import world
from tests.segments.trees import TREES
from tests.segments.world import NOW

#: ``make segments`` tries ten thousand.
_COUNT = int(os.environ.get("SYNCOM_SEGMENT_TREES", "1500"))
#: Trees of one statement.
_TOGETHER = 100
#: Later than every turn that tests look at.
_FAR = datetime(2032, 1, 1, tzinfo=UTC)
#: Of the moments before somebody's next turn, so many are read plainly: that is what takes time.
_LOOKED_AT = 0.2


def _trees(count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @settings(max_examples=count, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(TREES)
    def collect(tree: dict[str, Any]) -> None:
        found.append(tree)

    collect()
    return found


def compiler(account_id: int, read: type[Reading] = WholeAccount) -> Compiler:
    return Compiler(
        world.FIELDS,
        {},
        now=world.NOW,
        account_id=account_id,
        categories=world.CATEGORIES,
        event_types=world.EVENT_TYPES,
        read=read,
    )


async def test_every_tree_selects_whom_a_plain_reading_selects(database: Database, account_id: int) -> None:
    everybody = world.people()
    async with database.system() as connection:
        await world.store(connection, account_id, everybody)
        await connection.execute("ANALYZE contacts, ledger, activity, events, orders, contact_statistics")
        for tree in _trees(_COUNT):
            predicate = compiler(account_id).compile(tree)
            statement = sql.SQL("SELECT c.contact_id FROM contacts c WHERE c.account_id = {} AND {}").format(
                account_id, predicate.text
            )
            rows = await (await connection.execute(statement, predicate.values)).fetchall()
            expected = {someone.contact_id for someone in everybody if world.holds(tree, someone)}
            assert {row[0] for row in rows} == expected, tree
            assert len(rows) == len(expected), tree


async def test_many_trees_at_once_say_the_same_and_when_time_may_change_it(database: Database, account_id: int) -> None:
    everybody = world.people()
    chance = random.Random(5)
    trees = _trees(_COUNT)
    async with database.system() as connection:
        await world.store(connection, account_id, everybody)
        await connection.execute("ANALYZE contacts, ledger, activity, events, orders, contact_statistics")
        for start in range(0, len(trees), _TOGETHER):
            some = dict(enumerate(trees[start : start + _TOGETHER], start=1))
            found = await _evaluated(connection, account_id, some, everybody)
            for someone in everybody:
                segment_ids, due_at = found.get(someone.contact_id, ([], None))
                expected = _held(some, someone)
                assert set(segment_ids) == expected, [some[one] for one in set(segment_ids) ^ expected]
                assert segment_ids == sorted(segment_ids)
                last = min(due_at or _FAR, _FAR) - timedelta(microseconds=1)
                between = NOW + (last - NOW) * chance.random()
                for moment in (last, between):
                    if moment > NOW and chance.random() < _LOOKED_AT:
                        with world.at(moment):
                            then = _held(some, someone)
                        assert then == expected, (moment, due_at, [some[one] for one in then ^ expected])


async def _evaluated(
    connection: Connection, account_id: int, trees: dict[int, dict[str, Any]], everybody: list[world.Someone]
) -> dict[int, tuple[list[int], datetime | None]]:
    """Numbers of the trees that hold, and the next turn, by contact: worked out by one statement."""
    kept = [Kept(segment_id=number, condition=tree, facets=-1, moves=True) for number, tree in trees.items()]
    made = statement(compiler(account_id, FewContacts), kept, kept, cause=MoveCause.CHANGE, unrecorded=[])
    contact_ids = [someone.contact_id for someone in everybody]
    await connection.execute("DELETE FROM contact_segments")
    await evaluate(connection, account_id, made, contact_ids, NOW)
    cursor = await connection.execute("SELECT contact_id, segment_ids, due_at FROM contact_segments")
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


def _held(trees: dict[int, dict[str, Any]], someone: world.Someone) -> set[int]:
    return {number for number, tree in trees.items() if world.holds(tree, someone)}


def test_every_tree_fits_the_schema_and_has_a_sentence() -> None:
    schema = jsonschema_rs.validator_for(CONDITION_SCHEMA)
    for tree in _trees(300):
        schema.validate(tree)
        said = sentence(tree, Names())
        assert said
        assert "{}" not in said.replace('"{}"', "")


async def test_every_leaf_says_its_index(account_id: int) -> None:
    for tree in _trees(300):
        predicate = compiler(account_id).compile(tree)
        assert all(leaf.index and leaf.at.startswith("condition") for leaf in predicate.leaves)
        assert predicate.mentions == {leaf.facet for leaf in predicate.leaves}
