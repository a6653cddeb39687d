"""The database goes away while people click: nothing that was answered is lost, and nothing counts twice."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from syncom.postgres.embedded import EmbeddedServer
from syncom.postgres.migrate import migrate
from syncom.postgres.pool import Database
from tests.http.test_tracking import FORM, ONE_CLICK, _content, running
from tests.settling import settle


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServer]:
    folder = tmp_path_factory.mktemp("server", numbered=True)
    # The database may run as another user than the tests; how deep pytest's folder lies depends on its options.
    for path in (folder, *folder.parents):
        if path == Path(tempfile.gettempdir()):
            break
        path.chmod(0o755)
    embedded = EmbeddedServer(folder, settings={"shared_buffers": "32MB"})
    await embedded.start()
    try:
        yield embedded
    finally:
        await embedded.stop()


async def test_a_killed_database_loses_no_answered_click_and_counts_none_twice(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    dsn = make_conninfo(server.dsn)
    await migrate(dsn)
    spool = tmp_path / "spool"
    async with Database(dsn, max_size=2) as database:
        async with database.system() as connection:
            await connection.execute("INSERT INTO accounts (account_id, name) VALUES (1, 'Acme')")
        content_id = await _content(database, 1)
        async with running(database, 1, content_id, spool, patience=0.3) as tracking:
            await tracking.get(f"/t/c/{tracking.token(1)}/0")  # the targets are known from here on
            answered = [1]
            stop = asyncio.Event()

            async def click(first: int) -> None:
                for contact in range(first, 100_000, 8):
                    if stop.is_set():
                        return
                    answer = await tracking.get(f"/t/c/{tracking.token(contact)}/0")
                    if answer.status_code == 302:
                        answered.append(contact)

            clicking = [asyncio.create_task(click(first)) for first in range(2, 10)]
            await asyncio.sleep(0.5)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.sleep(1.0)
            unsubscribed = await tracking.ask(
                "POST", f"/t/u/{tracking.unsubscribe_token()}", headers={"content-type": FORM}, body=ONE_CLICK
            )
            assert unsubscribed.status_code == 200
            assert list(spool.glob("*.jsonl"))
            await server.stop()
            await server.start()
            for _ in range(200):
                if not list(spool.glob("*.jsonl")):
                    break
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.3)
            stop.set()
            await asyncio.gather(*clicking)
        assert not list(spool.glob("*"))
        async with Database(dsn, max_size=2) as after, after.system() as connection:
            await settle(after)
            rows = await (
                await connection.execute("SELECT contact_id FROM activity WHERE kind = 4 ORDER BY 1")
            ).fetchall()
            counted = await (
                await connection.execute("SELECT sum(count) FROM campaign_statistics WHERE kind = 'clicked'")
            ).fetchone()
            state = await (await connection.execute("SELECT email_state FROM contacts")).fetchone()
    assert sorted(answered) == [row[0] for row in rows]
    assert counted == (len(answered),)
    assert state == (3,)


async def test_what_a_dead_process_left_in_the_spool_is_written_once_at_the_next_start(
    database: Database, account_id: int, tmp_path: Path
) -> None:
    content_id = await _content(database, account_id)
    spool = tmp_path / "spool"
    unreachable = Database("postgresql://nobody@127.0.0.1:1/none")
    async with running(database, account_id, content_id, spool) as tracking:
        token, unsubscribe = tracking.token(), tracking.unsubscribe_token()
        targets = tracking.app._targets  # pyright: ignore[reportPrivateUsage] - known before the database went away
        await targets.of(account_id, content_id)
    async with running(unreachable, account_id, content_id, spool, patience=0.1) as tracking:
        tracking.app._targets = targets  # pyright: ignore[reportPrivateUsage]
        assert (await tracking.get(f"/t/c/{token}/0")).status_code == 302
        assert (await tracking.get(f"/t/c/{token}/1")).status_code == 302
        answer = await tracking.ask("POST", f"/t/u/{unsubscribe}", headers={"content-type": FORM}, body=ONE_CLICK)
        assert answer.status_code == 200
    (left,) = spool.glob("*.jsonl")
    saved = left.read_bytes()
    with left.open("ab") as file:
        file.write(b'{"torn line')
    for _ in range(2):
        async with running(database, account_id, content_id, spool) as tracking:
            for _ in range(100):
                if not list(spool.glob("*.jsonl")):
                    break
                await asyncio.sleep(0.05)
            assert await tracking.rows("SELECT kind, count(*) FROM activity GROUP BY 1 ORDER BY 1") == [
                (4, 2),
                (5, 1),
            ]
            assert await tracking.state() == 3
    assert saved.count(b"\n") == 3
    assert not list(spool.glob("*"))
