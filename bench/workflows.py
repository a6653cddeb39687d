"""Workflows: a million due journeys through wait, condition and update, and what a million that wait cost.

The floor is the same by hand: for each group of buckets one statement that updates the contacts who match, and one that
puts the journeys on. It writes no paths and no counts. The other comparison takes one journey a transaction.
``SYNCOM_BENCH_SCALE`` makes it fewer than a million.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import Any

import psutil
import psycopg

from bench.figures import Figure, median
from bench.house import House, add_contacts, house, wear_in
from syncom.accounts.service import machine_principal
from syncom.app import App

SCALE = float(os.environ.get("SYNCOM_BENCH_SCALE", "1"))
ROUNDS = 3
#: Journeys that are taken one by one.
SINGLES = 2_000
IDLE_SECONDS = 20.0

_RESET = (
    "UPDATE contacts SET language = 'en' WHERE language <> 'en'",
    "TRUNCATE enrolments, workflow_ways, contact_changes",
    """
    INSERT INTO enrolments (account_id, bucket, workflow_id, contact_id, event_id, version, step, resting, turn, state,
        wake_at, params)
    SELECT account_id, bucket, %(workflow)s, contact_id, gen_random_uuid(), 1, 0, true, 0, 1,
        now() + %(due)s * interval '1 second', '{}' FROM contacts
    """,
    "VACUUM ANALYZE contacts",
    "VACUUM ANALYZE enrolments",
    "CHECKPOINT",
)
_UPDATE = """
UPDATE contacts c SET language = 'uk', updated_at = now()
FROM enrolments e
WHERE e.state = 1 AND e.bucket / 16 = %(group)s AND e.wake_at <= now() AND c.account_id = e.account_id
    AND c.bucket = e.bucket AND c.contact_id = e.contact_id AND c.city = 'Kyiv' AND c.language <> 'uk'
"""
_MOVE = """
UPDATE enrolments e SET state = 3, resting = false, turn = e.turn + 2 + (c.city = 'Kyiv')::integer, changed_at = now(),
    step = CASE WHEN c.city = 'Kyiv' THEN 2 ELSE 1 END
FROM contacts c
WHERE e.state = 1 AND e.bucket / 16 = %(group)s AND e.wake_at <= now() AND c.account_id = e.account_id
    AND c.bucket = e.bucket AND c.contact_id = e.contact_id
"""


async def run(*, scale: float = SCALE, rounds: int = ROUNDS, idle: float = IDLE_SECONDS) -> list[Figure]:
    """Journeys a second in sets, by hand and one by one; the share of a core that waiting costs."""
    count = max(4_000, round(1_000_000 * scale))
    async with house() as made:
        app = made.app
        account_id = (await app.accounts.create_account(machine_principal(0), name="Bench")).account_id
        await add_contacts(app.database.dsn, account_id, count)
        await wear_in(app.database.dsn)
        workflow = await _workflow(app, account_id)
        ours: list[float] = []
        floors: list[float] = []
        singles: list[float] = []
        for _ in range(rounds):
            await _reset(made, workflow, due=-1)
            floors.append(count / await _by_hand(app))
            await _reset(made, workflow, due=-1)
            ours.append(count / await _in_sets(app))
            await _check(app, count)
            await _reset(made, workflow, due=-1)
            singles.append(SINGLES / await _one_by_one(app))
        await _reset(made, workflow, due=86_400)
        share = await _idle(app, idle)
    return [
        _figure("journeys in sets", median(ours), median(floors), must=0.4, aim=0.8),
        _figure("journeys in sets, against one by one", median(ours), median(singles), must=20, aim=50),
        Figure(
            issue="05",
            name=f"{count:,} journeys that wait",
            measured=share,
            floor=None,
            unit="of a core",
            must=0.01,
            aim=0.01,
            better="lower",
        ),
    ]


def _figure(name: str, measured: float, floor: float, *, must: float, aim: float) -> Figure:
    return Figure(issue="05", name=name, measured=measured, floor=floor, unit="journeys/s", must=must, aim=aim)


async def _workflow(app: App, account_id: int) -> int:
    definition = {
        "trigger": {"type": "api"},
        "steps": [
            {"type": "wait", "days": 1},
            {"type": "condition", "condition": {"field": "city", "op": "equals", "value": "Kyiv"}},
            {"type": "update_contact", "set": {"language": "uk"}},
        ],
    }
    made = await app.workflows.create(account_id, "Bench", definition)
    await app.workflows.start(account_id, made.workflow_id)
    return made.workflow_id


async def _reset(made: House, workflow_id: int, *, due: float) -> None:
    async with await psycopg.AsyncConnection.connect(made.app.database.dsn, autocommit=True) as connection:
        for statement in _RESET:
            values: dict[str, Any] | None = {"workflow": workflow_id, "due": due} if "%(" in statement else None
            await connection.execute(statement, values)


async def _by_hand(app: App) -> float:
    started = time.perf_counter()
    async with await psycopg.AsyncConnection.connect(app.database.dsn, autocommit=True) as connection:
        for group in range(16):
            async with connection.transaction():
                await connection.execute(_UPDATE, {"group": group}, prepare=False)
                await connection.execute(_MOVE, {"group": group}, prepare=False)
    return time.perf_counter() - started


async def _in_sets(app: App) -> float:
    keeper = app.workflow_keeper()
    started = time.perf_counter()
    while await keeper.advance():
        pass
    return time.perf_counter() - started


async def _check(app: App, count: int) -> None:
    """The figures count for nothing unless everybody is where they belong."""
    async with app.database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT e.step, c.language, count(*) FROM enrolments e"
                " JOIN contacts c USING (account_id, bucket, contact_id)"
                " WHERE e.state = 3 AND (c.city = 'Kyiv') = (e.step = 2) GROUP BY 1, 2 ORDER BY 1"
            )
        ).fetchall()
    assert [row[:2] for row in rows] == [(1, "en"), (2, "uk")]
    assert sum(row[2] for row in rows) == count


async def _one_by_one(app: App) -> float:
    async with await psycopg.AsyncConnection.connect(app.database.dsn, autocommit=True) as connection:
        started = time.perf_counter()
        for _ in range(SINGLES):
            async with connection.transaction():
                row = await (
                    await connection.execute(
                        "SELECT account_id, bucket, workflow_id, contact_id, event_id FROM enrolments WHERE state = 1"
                        " AND wake_at <= now() LIMIT 1 FOR UPDATE SKIP LOCKED"
                    )
                ).fetchone()
                assert row is not None
                changed = await connection.execute(
                    "UPDATE contacts SET language = 'uk', updated_at = now() WHERE account_id = %s AND bucket = %s"
                    " AND contact_id = %s AND city = 'Kyiv'",
                    (row[0], row[1], row[3]),
                )
                await connection.execute(
                    "UPDATE enrolments SET state = 3, resting = false, step = %s, changed_at = now()"
                    " WHERE account_id = %s AND bucket = %s AND workflow_id = %s AND contact_id = %s AND event_id = %s",
                    (1 + changed.rowcount, *row),
                )
        return time.perf_counter() - started


async def _idle(app: App, seconds: float) -> float:
    """Processor time of the keeper and of its database, of a second."""
    keeper, stop = app.workflow_keeper(), asyncio.Event()
    running = asyncio.create_task(keeper.run(stop))
    await asyncio.sleep(2)
    before, cpu = time.perf_counter(), _processor()
    await asyncio.sleep(seconds)
    spent = (_processor() - cpu) / (time.perf_counter() - before)
    stop.set()
    await running
    return spent


def _processor() -> float:
    """Seconds of this process, and of the database's, which are below it."""
    own = psutil.Process()
    total = 0.0
    for one in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total
