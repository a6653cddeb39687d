"""A process that records is killed at any moment: what it answered is there once, and is counted by the next."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from syncom.postgres.pool import Database
from tests.activity import recording_process
from tests.settling import settle

KILLS = 4
#: One campaign's clicks as the raw rows say, and as the counters say.
RECOUNT = """
SELECT count(*), count(*), count(*), count(DISTINCT contact_id), count(DISTINCT contact_id), count(DISTINCT contact_id)
FROM activity
"""
COUNTED = """
SELECT
    (SELECT sum(clicks)::bigint FROM engagements),
    (SELECT sum(clicks)::bigint FROM campaign_link_statistics),
    (SELECT sum(count)::bigint FROM campaign_statistics WHERE kind = 'clicked'),
    (SELECT sum(count)::bigint FROM campaign_statistics WHERE kind = 'clicked.first'),
    (SELECT sum(clicked)::bigint FROM contact_statistics),
    (SELECT count(*) FROM engagements)
"""


async def test_a_killed_recorder_loses_no_answered_click_and_the_next_one_counts_all(
    database: Database, tmp_path: Path
) -> None:
    moments = random.Random(3)
    answered: list[int] = []
    for number in range(KILLS):
        answered += await _record_until_killed(
            database.dsn, tmp_path, 1 + number * 100_000_000, moments.uniform(0.05, 0.6)
        )
    await settle(database)
    async with database.system() as connection:
        rows = await (await connection.execute("SELECT contact_id FROM activity")).fetchall()
        recount = await (await connection.execute(RECOUNT)).fetchone()
        counted = await (await connection.execute(COUNTED)).fetchone()
    written = [row[0] for row in rows]
    assert len(written) == len(set(written))
    assert set(answered) <= set(written)
    # Nobody was told about these: they were under way.
    assert len(written) - len(answered) <= KILLS * recording_process.CLIENTS
    assert counted == recount


async def _record_until_killed(dsn: str, folder: Path, first: int, seconds: float) -> list[int]:
    """Kill a recording process some time after its first answer; returns the contacts it answered."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        recording_process.__file__,
        dsn,
        str(folder / "spool"),
        str(first),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline()]
    assert lines[0], "the process ended without an answer"
    reading = asyncio.create_task(process.stdout.read())
    await asyncio.sleep(seconds)
    process.kill()
    await process.wait()
    lines += (await reading).splitlines(keepends=True)
    return [int(line) for line in lines if line.endswith(b"\n")]
