"""Reads mailboxes in the background: takes reports in, and then takes their mails away, never the other way round.

How far a mailbox is read moves in the transaction that takes the reports in. A mail that is taken in and could not be
taken away yet is remembered with it; one that is fetched again after a crash finds its report there already.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import timedelta
from typing import Final

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.clock import Clock
from syncom.errors import Conflict, Invalid
from syncom.jobs.keeping import keep
from syncom.messages.bounces.intake import Intake
from syncom.messages.bounces.mailboxes.model import Leased, Mailbox, Position
from syncom.messages.bounces.mailboxes.service import PURPOSE, SESSIONS, owner
from syncom.messages.bounces.mailboxes.session import MailboxError, Session
from syncom.messages.bounces.model import Received
from syncom.messages.bounces.reading.mail import read_mail
from syncom.messages.bounces.spool import reports_of
from syncom.outbound import read_networks
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring
from syncom.tokens import MessageTokens

_SQL: Final = load_sql("syncom.messages.bounces.mailboxes", "mailboxes.sql")
_log = logging.getLogger(__name__)

#: Mails of one transaction, each 64 KB at most.
_BATCH: Final = 50
#: Batches of one reading; a mailbox with more is due again at once.
_BATCHES: Final = 20
#: Longer than a batch can take: then its process is gone.
_LEASE: Final = timedelta(minutes=15)
_LONGEST_WAIT: Final = timedelta(hours=1)
_LOOK: Final = 2.0


class MailboxKeeper:
    """Reads every mailbox of the installation when it is due. Any number may run: a mailbox is one's at a time."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        tokens: MessageTokens,
        keyring: Keyring,
        clock: Clock,
        *,
        outbound_allow: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._database = database
        self._intake = intake
        self._tokens = tokens
        self._keyring = keyring
        self._clock = clock
        self._allowed = read_networks(outbound_allow)
        self._tls = tls or ssl.create_default_context()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("mailboxes for bounces", self.step, stop, rest=_LOOK)

    async def step(self) -> bool:
        """Read one mailbox that is due; whether there was one."""
        now = self._clock.now()
        async with self._database.system() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            row = await (await cursor.execute(_SQL["lease"], {"now": now, "until": now + _LEASE})).fetchone()
        if row is None:
            return False
        secret, fence = row.pop("secret"), row.pop("fence")
        position = msgspec.convert(row.pop("position"), Position)
        leased = Leased(mailbox=msgspec.convert(row, Mailbox), secret=secret, position=position, fence=fence)
        problem, is_more = "", False
        try:
            is_more = await self._read(leased)
        except (OSError, MailboxError, Invalid, Conflict) as error:
            problem = f"{error}"[:300] or type(error).__name__
            _log.info("mailbox %d could not be read: %s", leased.mailbox.mailbox_id, problem)
        await self._rest(leased, problem, is_more=is_more)
        return True

    async def _read(self, leased: Leased) -> bool:
        """Whether there may be more."""
        if leased.secret is None:
            raise MailboxError("it has no password: add it again")
        mailbox = leased.mailbox
        password = self._keyring.unseal(leased.secret, purpose=PURPOSE, owner=owner(mailbox.mailbox_id)).decode()
        session = SESSIONS[mailbox.protocol](mailbox, password, self._allowed, self._tls)
        try:
            await asyncio.to_thread(session.open)
            position = session.begun(leased.position)
            for _ in range(_BATCHES):
                after = await self._batch(leased, session, position)
                if after is None:
                    return False
                position = after
            return True
        finally:
            await asyncio.to_thread(session.close)

    async def _batch(self, leased: Leased, session: Session, position: Position) -> Position | None:
        """Read some mails and take reports away; the new position, None when there was nothing more."""
        if position.leaving:
            await asyncio.to_thread(session.take_away, position.leaving)
            position = msgspec.structs.replace(position, leaving=())
        mail_ids = await asyncio.to_thread(session.new, position, _BATCH)
        received: list[Received] = []
        leaving: list[str] = []
        for mail_id in mail_ids:
            reports = await asyncio.to_thread(self._reports, session, leased.mailbox, mail_id)
            received += reports
            if reports:
                leaving.append(mail_id)
        after = session.read_on(position, mail_ids, leaving)
        if mail_ids or position != leased.position:
            await self._commit(leased, after, received, len(mail_ids))
        return after if mail_ids else None

    def _reports(self, session: Session, mailbox: Mailbox, mail_id: str) -> list[Received]:
        raw = session.read(mail_id)
        if raw is None:
            return []
        reports = reports_of(read_mail(raw), self._tokens, self._clock.now(), source=f"mailbox {mailbox.mailbox_id}")
        return [Received(account_id=mailbox.account_id, report=report) for report in reports]

    async def _commit(self, leased: Leased, position: Position, received: list[Received], read: int) -> None:
        now = self._clock.now()
        values = {
            "mailbox_id": leased.mailbox.mailbox_id,
            "fence": leased.fence,
            "position": Jsonb(msgspec.to_builtins(position)),
            "read": read,
            "reports": len(received),
            "now": now,
            "until": now + _LEASE,
        }
        async with self._database.system() as connection:
            if await (await connection.execute(_SQL["advance"], values)).fetchone() is None:
                raise MailboxError("another process reads it, or it was removed")
            await self._intake.take(connection, received)

    async def _rest(self, leased: Leased, problem: str, *, is_more: bool) -> None:
        mailbox = leased.mailbox
        wait = timedelta(seconds=0 if is_more else mailbox.every)
        if problem:
            wait = min(wait * 2 ** min(mailbox.failures, 10), _LONGEST_WAIT)
        values = {
            "mailbox_id": mailbox.mailbox_id,
            "fence": leased.fence,
            "next_at": self._clock.now() + wait,
            "problem": problem,
        }
        async with self._database.system() as connection:
            await connection.execute(_SQL["rest"], values)
