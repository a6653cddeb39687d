"""The queue of mails that came to our return paths: durable before they are answered, read a moment later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import psycopg

from syncom.clock import Clock
from syncom.errors import Unavailable
from syncom.messages.bounces.intake import Intake
from syncom.messages.bounces.model import Received, Report
from syncom.messages.bounces.naming import named
from syncom.messages.bounces.reading.mail import READ_BYTES, ReadMail, read_mail
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.tokens import MessageTokens

_SQL: Final = load_sql("syncom.messages.bounces", "bounces.sql")
_log = logging.getLogger(__name__)

#: Mails that may wait before others are asked to come later: a storm fills so much disk and no memory.
MOST_WAITING: Final = 200_000
#: Mails of one write; each is 64 KB at most.
_BATCH: Final = 100
#: Mails that wait for a write in one process.
_MOST_IN_HAND: Final = 500
#: Seconds for which it is believed that there is room, or none.
_BELIEVED: Final = 1.0
#: Mails of one reading: some hundred milliseconds in one transaction.
_TAKEN: Final = 200
#: What is at a return path by its source.
SOURCE: Final = "bounce mail"


class SpooledMail(NamedTuple):
    """A mail as it waits."""

    recipient: str
    raw: bytes


class Spool:
    """The writing side, in the process that listens."""

    def __init__(self, database: Database, clock: Clock, *, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._clock = clock
        self._most_waiting = most_waiting
        self._group: GroupCommit[Sequence[SpooledMail], None] = GroupCommit(
            self._write, max_batch=_BATCH, max_waiting=_MOST_IN_HAND
        )
        self._waiting = 0
        self._looked = float("-inf")

    async def add(self, recipients: Sequence[str], raw: bytes) -> None:
        """Keep the beginning of a mail. Raises Unavailable when it could not be made durable."""
        if not await self.has_room():
            raise Unavailable("too many mails wait to be read")
        part = raw[:READ_BYTES]
        await self._group.submit([SpooledMail(recipient, part) for recipient in recipients])

    async def has_room(self) -> bool:
        """Whether another mail may be taken. Raises Unavailable when the database does not answer."""
        now = self._clock.monotonic()
        if now - self._looked >= _BELIEVED:
            self._looked = now
            try:
                async with self._database.system() as connection:
                    self._waiting = await waiting(connection)
            except psycopg.OperationalError as error:
                raise Unavailable(f"the database does not answer: {error}") from error
        return self._waiting < self._most_waiting

    async def close(self) -> None:
        """Write what was accepted."""
        await self._group.close()

    async def _write(self, batch: Sequence[Sequence[SpooledMail]]) -> list[None]:
        mails = [mail for mails in batch for mail in mails]
        async with self._database.system() as connection:
            await connection.execute(
                _SQL["spool"],
                {"recipients": [mail.recipient for mail in mails], "raws": [mail.raw for mail in mails]},
            )
        self._waiting += len(mails)
        return [None] * len(batch)


class SpoolReader:
    """The reading side: takes mails away and their reports in, in one transaction."""

    def __init__(self, database: Database, intake: Intake, tokens: MessageTokens, clock: Clock) -> None:
        self._database = database
        self._intake = intake
        self._tokens = tokens
        self._clock = clock

    async def step(self) -> bool:
        """Read the oldest mails; whether there may be more."""
        try:
            return await self._take(_TAKEN) == _TAKEN
        except (psycopg.DataError, psycopg.IntegrityError, ValueError):
            await self._one_by_one()
            return True

    async def _take(self, limit: int, spool_id: int | None = None) -> int:
        async with self._database.system() as connection:
            values = {"limit": limit, "spool_id": spool_id}
            rows = await (await connection.execute(_SQL["take"], values)).fetchall()
            if not rows:
                return 0
            # Others of this process go on meanwhile: reading a mail takes about a millisecond of the processor.
            received = await asyncio.to_thread(self._read, [(row[1], bytes(row[2]), row[3]) for row in rows])
            taken = await self._intake.take(connection, received)
        _log.debug("read %d mails: %s", len(rows), taken)
        return len(rows)

    def _read(self, mails: Sequence[tuple[str, bytes, datetime]]) -> list[Received]:
        return [
            Received(account_id=account_id, report=report)
            for recipient, raw, received_at in mails
            for account_id, report in self._reports(recipient, raw, received_at)
        ]

    def _reports(self, recipient: str, raw: bytes, received_at: datetime) -> list[tuple[int, Report]]:
        mail = read_mail(raw)
        local_part = recipient.rpartition("@")[0]
        account_id = account_of(self._tokens, local_part, received_at)
        if account_id is None:
            return []
        return [(account_id, report) for report in reports_of(mail, self._tokens, received_at, envelope=local_part)]

    async def _one_by_one(self) -> None:
        """Find the mail that cannot be dealt with, and set it aside: its neighbours are read."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(_SQL["oldest"], {"limit": _TAKEN})).fetchall()
        for (spool_id,) in rows:
            try:
                await self._take(1, spool_id)
            except (psycopg.DataError, psycopg.IntegrityError, ValueError) as error:
                _log.error("mail %d of bounce_spool is refused and left there: %s", spool_id, error)
                async with self._database.system() as connection:
                    await connection.execute(_SQL["refuse"], {"spool_id": spool_id, "reason": str(error)[:500]})


def account_of(tokens: MessageTokens, local_part: str, now: datetime) -> int | None:
    """The account that an address of ours is of; None: it is none of ours."""
    reference = tokens.read_bounce(local_part, now)
    return reference.account_id if reference is not None else tokens.read_feedback(local_part)


def reports_of(
    mail: ReadMail, tokens: MessageTokens, received_at: datetime, *, envelope: str = "", source: str = SOURCE
) -> list[Report]:
    """What a mail that was read reports."""
    if not mail.found:
        return []
    names = named(tokens, mail.evidence, received_at, envelope=envelope)
    about = names[0].message_id.bytes if names and names[0].is_signed else b""
    return [
        Report(
            kind=one.kind,
            key=b"%d %s %s %s" % (one.kind, mail.identity, about, one.recipient.encode("utf-8", "replace")),
            source=source,
            recipient=one.recipient,
            named=names,
            status=one.status,
            words=one.words,
            host=one.host,
            occurred_at=mail.date,
            proof=one.proof,
        )
        for one in mail.found
    ]


async def waiting(connection: Connection) -> int:
    """About how many mails wait to be read."""
    row = await (await connection.execute(_SQL["waiting"])).fetchone()
    return int(row[0]) if row else 0


async def forget_refused(connection: Connection, before: datetime) -> None:
    """Delete mails that could not be dealt with, when they are old."""
    await connection.execute(_SQL["forget_refused"], {"before": before})
