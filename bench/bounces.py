"""Reports of bounces and complaints a second and core, the database's part included, and what a storm does to memory.

A process of its own listens on SMTP, keeps what comes, reads it, takes it in, and counts the facts, in a database with
its default, durable settings; another one hands mails in over 32 connections: four DSNs for each feedback report, each
about a mail in the ledger, every tenth a second time. The figure is reports by seconds of processor time that the
listening process and the database used, so neither the sending side nor neighbours count. Memory is the listening
process's: what it grows by after the first tenth.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil
import psycopg
from tests.messages.bounces import corpus

from bench.figures import Figure
from bench.house import BY, House, add_contacts, free_port, house, listening, process, warm
from syncom.app import open_app
from syncom.ids import bucket_of, campaign_message_id
from syncom.jobs.keeping import keep
from syncom.messages.bounces.listener import BounceListener
from syncom.messages.bounces.spool import Spool, SpoolReader
from syncom.settings import load_settings

REPORTS = 20_000
CONNECTIONS = 32
_CAMPAIGN = 1
_PATIENCE = 600.0
_OF_A_CONNECTION = 500


async def run(*, reports: int = REPORTS) -> list[Figure]:
    """Two figures."""
    async with house() as found:
        account = await found.app.accounts.create_account(BY, name="Bench")
        await add_contacts(found.app.database.dsn, account.account_id, reports)
        await _send(found, account.account_id, reports)
        mails = _mails(found, account.account_id, reports)
        port = free_port()
        argv = (sys.executable, "-m", "bench.bounces", str(port))
        async with process(*argv, environment=found.environment) as child:
            await listening(port)
            seconds, grown = await _storm(found, psutil.Process(child.pid), port, mails, reports)
    return [
        Figure(
            issue="06",
            name="DSN and ARF intake by a core, with the database",
            measured=reports / seconds,
            floor=None,
            unit="reports/s",
            must=500,
            aim=500,
        ),
        Figure(
            issue="06",
            name="DSN and ARF intake: growth of memory in a storm",
            measured=grown / 1024**2,
            floor=None,
            unit="MB",
            must=32,
            aim=8,
            better="lower",
        ),
    ]


@dataclass(frozen=True)
class _Mail:
    recipient: bytes
    data: bytes


async def _send(found: House, account_id: int, count: int) -> None:
    """A mail to everybody, as the ledger has it."""
    at = datetime.now(UTC)
    async with await psycopg.AsyncConnection.connect(found.app.database.dsn) as connection:
        statement = (
            "COPY ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state,"
            " uncertain, attempts, launched_at, settled_at, address) FROM STDIN"
        )
        async with connection.cursor().copy(statement) as copy:
            for contact_id in range(1, count + 1):
                message_id = campaign_message_id(_CAMPAIGN, contact_id)
                address = f"person{contact_id}@d{contact_id % 50}.example"
                row = (account_id, bucket_of(contact_id), message_id, contact_id, _CAMPAIGN, 1, 1, 1, False, 1, at, at)
                await copy.write_row((*row, address))
        await connection.commit()
        await connection.set_autocommit(True)
        await connection.execute("VACUUM ANALYZE ledger")


def _mails(found: House, account_id: int, count: int) -> list[_Mail]:
    """One report each, and every tenth again."""
    tokens, now = found.app.tokens, datetime.now(UTC)
    padding = "\n".join(f"X-Header-{number}: {'x' * 60}" for number in range(20))
    mails: list[_Mail] = []
    for contact_id in range(1, count + 1):
        message_id = campaign_message_id(_CAMPAIGN, contact_id)
        path = tokens.bounce(account_id, contact_id, message_id, now)
        address = f"person{contact_id}@d{contact_id % 50}.example"
        headers = f"Return-Path: <{path}@bounce.example>\nMessage-ID: <{message_id.hex}@brand.example>\n{padding}"
        make = corpus.complaint if contact_id % 5 == 0 else corpus.postfix
        data = make(recipient=address, identity=f"{contact_id}@x", headers=headers)
        mail = _Mail(f"{path}@bounce.example".encode(), data.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        mails += [mail, mail] if contact_id % 10 == 0 else [mail]
    return mails


async def _storm(
    found: House, child: psutil.Process, port: int, mails: Sequence[_Mail], reports: int
) -> tuple[float, float]:
    """Seconds of processor time, and bytes that the listening process grew by."""
    server = await _postmaster(found)
    before = _used(child) + _used(server)
    sizes: list[int] = []
    sending = asyncio.gather(*(_hand_all_in(port, mails[start::CONNECTIONS]) for start in range(CONNECTIONS)))
    early = 0
    async with asyncio.timeout(_PATIENCE):
        while True:
            taken = await _taken(found)
            size = child.memory_info().rss
            if taken >= reports // 10:
                early = early or size
                sizes.append(size)
            if taken == reports and sending.done() and await _is_quiet(found):
                break
            await asyncio.sleep(0.5)
    await sending
    return _used(child) + _used(server) - before, max(0, max(sizes) - early)


async def _hand_all_in(port: int, mails: Sequence[_Mail]) -> None:
    for start in range(0, len(mails), _OF_A_CONNECTION):
        await _hand_in(port, mails[start : start + _OF_A_CONNECTION])


async def _hand_in(port: int, mails: Sequence[_Mail]) -> None:
    """One connection with many mails, as large senders hand them in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def said(code: bytes) -> None:
        while True:
            line = await reader.readline()
            if line[3:4] != b"-":
                break
        if not line.startswith(code):
            raise RuntimeError(f"the server said {line!r}")

    await said(b"220")
    writer.write(b"EHLO bench.example\r\n")
    await said(b"250")
    for mail in mails:
        writer.write(b"MAIL FROM:<>\r\n")
        await said(b"250")
        writer.write(b"RCPT TO:<" + mail.recipient + b">\r\n")
        await said(b"250")
        writer.write(b"DATA\r\n")
        await said(b"354")
        writer.write(mail.data)
        await said(b"250")
    writer.write(b"QUIT\r\n")
    await said(b"221")
    writer.close()


async def _taken(found: House) -> int:
    async with found.app.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM bounces WHERE contact_id <> 0")).fetchone()
    return int(row[0]) if row else 0


async def _is_quiet(found: House) -> bool:
    """Everything is read and counted."""
    async with found.app.database.system() as connection:
        question = "SELECT EXISTS (SELECT FROM bounce_spool) OR EXISTS (SELECT FROM activity_journal)"
        row = await (await connection.execute(question)).fetchone()
    return row is not None and not row[0]


async def _postmaster(found: House) -> psutil.Process:
    async with found.app.database.system() as connection:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    assert row is not None
    parent = psutil.Process(row[0]).parent()
    assert parent is not None
    return parent


def _used(whose: psutil.Process) -> float:
    """Seconds of processor time of a process and of its children, also of those that ended."""
    times = whose.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in whose.children(recursive=True):
        try:
            own = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += own.user + own.system
    return total


async def _product(port: int) -> None:
    """What listens and takes in, until it is told to end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_app(load_settings(), pool_size=4, name="syncom-bounces") as app:
        listener = BounceListener(Spool(app.database, app.clock), app.tokens, app.clock, port=port)
        reader = SpoolReader(app.database, app.bounce_intake, app.tokens, app.clock)
        warm()
        await listener.start()

        async def count() -> bool:
            async with app.database.autocommit() as connection:
                await app.activity.settle(connection)
            return False

        await asyncio.gather(keep("bounces", reader.step, stop, rest=0.2), keep("counters", count, stop, rest=0.25))
        await listener.stop()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_product(int(sys.argv[1])))
