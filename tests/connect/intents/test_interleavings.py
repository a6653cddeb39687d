"""Whatever is installed, removed, changed or forbidden in between: search names what is there and may be run."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from syncom.clock import SystemClock
from syncom.connect.intents.service import IntentsService
from syncom.connect.intents.vectors import make_vectors
from syncom.connect.model import Effect, Restrictions
from syncom.postgres.pool import Database
from tests.connect.intents.stock import action, connector, definition, document_hash, put

_WORDS = ["contact", "order", "segment", "message"]
_VERBS = ["get", "delete", "send", "list"]
_PLACE = st.integers(0, 2)
_STEP = st.one_of(
    st.tuples(st.just("install"), _PLACE, st.sampled_from(_VERBS), st.sampled_from(_WORDS)),
    st.tuples(st.just("archive"), st.integers(0, 30)),
    st.tuples(st.just("restore"), st.integers(0, 30)),
    st.tuples(st.just("erase"), st.integers(0, 30)),
    st.tuples(st.just("rename"), st.integers(0, 30), st.sampled_from(_VERBS), st.sampled_from(_WORDS)),
    st.tuples(st.just("remove connector"), _PLACE),
    st.tuples(st.just("bring connector back"), _PLACE),
    st.tuples(st.just("learn")),
)
_MAY = st.builds(
    Restrictions,
    read_only=st.booleans(),
    actions=st.none() | st.frozensets(st.sampled_from([f"{verb}-{word}" for verb in _VERBS for word in _WORDS])),
)


class Letters:
    """Vectors out of trigrams: deterministic and quick. What the real one means by a text does not matter here."""

    model = "letters"
    size = 16

    def give_way(self) -> None:
        pass

    async def query(self, text: str) -> NDArray[np.float32]:
        return (await self.passages([text]))[0]

    async def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await self.passages(texts)

    async def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        found = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in zip(found, texts, strict=True):
            for at in range(len(text) - 2):
                row[crc32(text[at : at + 3].encode()) % self.size] += 1
            row /= max(float(np.linalg.norm(row)), 1.0)
        return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(_STEP, _MAY, st.sampled_from(_WORDS)), min_size=1, max_size=12))
async def test_search_names_exactly_what_is_there_and_may_be_run(
    shelf: Database, account_id: int, steps: list[tuple[tuple, Restrictions, str]]
) -> None:
    async with shelf.system() as connection:
        await connection.execute("DELETE FROM connectors")
    places = [
        connector("one", "Onefold"),
        connector("two", "Twofold"),
        connector("three", "Threefold", account_id=account_id),
    ]
    await put(shelf, places, [])
    # Two processes with a memory of their own, one of them with vectors.
    services = [IntentsService(shelf, SystemClock(), Letters()), IntentsService(shelf, SystemClock(), None)]
    for step, may, word in steps:
        await _take(shelf, places, step)
        expected = await _there(shelf, may)
        for service in services:
            ranking = await service.find(
                account_id, f"get {word}", connected=[places[0].connector_id], restrictions=may, limit=100
            )
            named = {ranked.action.action_id: ranked.action.key for ranked in (*ranking.actions, *ranking.others)}
            assert named == expected
            assert {ranked.action.connector_key for ranked in ranking.actions} <= {"one"}


async def _take(shelf: Database, places: list, step: tuple) -> None:
    if step[0] == "install":
        _, place, verb, word = step
        of = places[place]
        effect = Effect.READ if verb in ("get", "list") else Effect.DESTRUCTIVE
        async with shelf.system() as connection:
            cursor = await connection.execute(
                "SELECT 1 FROM actions WHERE connector_id = %s AND key = %s", (of.connector_id, f"{verb}-{word}")
            )
            if await cursor.fetchone() is None:
                await put(shelf, [], [action(of, f"{verb}-{word}", effect=effect, intents=[f"{verb} my {word}"])])
        return
    if step[0] == "learn":
        while await make_vectors(shelf, Letters(), limit=100):
            pass
        return
    async with shelf.system() as connection:
        if step[0] in ("remove connector", "bring connector back"):
            await connection.execute(
                "UPDATE connectors SET archived_at = CASE WHEN %s THEN now() END WHERE connector_id = %s",
                (step[0] == "remove connector", places[step[1]].connector_id),
            )
            return
        rows = await (
            await connection.execute("SELECT action_id, connector_id FROM actions ORDER BY action_id")
        ).fetchall()
        if not rows:
            return
        action_id, connector_id = rows[step[1] % len(rows)]
        if step[0] == "rename":
            [of] = [one for one in places if one.connector_id == connector_id]
            now = action(of, f"{step[2]}-{step[3]}-{action_id[-4:]}")
            await connection.execute(
                "UPDATE actions SET key = %s, name = %s, definition = %s, document_hash = %s WHERE action_id = %s",
                (now.key, now.name, definition(now), document_hash(now), action_id),
            )
        elif step[0] == "erase":
            await connection.execute("DELETE FROM actions WHERE action_id = %s", (action_id,))
        else:
            await connection.execute(
                "UPDATE actions SET archived_at = CASE WHEN %s THEN now() END WHERE action_id = %s",
                (step[0] == "archive", action_id),
            )


async def _there(shelf: Database, may: Restrictions) -> dict[str, str]:
    async with shelf.system() as connection:
        cursor = await connection.execute(
            "SELECT a.action_id, a.key, a.definition ->> 'effect' FROM actions a JOIN connectors c USING (connector_id)"
            " WHERE a.archived_at IS NULL AND c.archived_at IS NULL"
        )
        rows = await cursor.fetchall()
    return {
        action_id: key
        for action_id, key, effect in rows
        if (not may.read_only or effect == "read")
        and (may.actions is None or key in may.actions or action_id in may.actions)
    }
