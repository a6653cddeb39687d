"""The compiled SQL against a naive reading of the same conditions, on real rows."""

from __future__ import annotations

import os
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, given, settings
from psycopg import sql

from syncom.postgres.pool import Database
from syncom.segments.compile import Compiler
from syncom.segments.schema import CONDITION_SCHEMA
from syncom.segments.sentence import Names, sentence
from tests.segments import world
from tests.segments.trees import TREES

#: ``make segments`` tries ten thousand.
_COUNT = int(os.environ.get("SYNCOM_SEGMENT_TREES", "1500"))


def _trees(count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @settings(max_examples=count, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(TREES)
    def collect(tree: dict[str, Any]) -> None:
        found.append(tree)

    collect()
    return found


def compiler(account_id: int) -> Compiler:
    return Compiler(
        world.FIELDS,
        {},
        now=world.NOW,
        account_id=account_id,
        categories=world.CATEGORIES,
        event_types=world.EVENT_TYPES,
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
