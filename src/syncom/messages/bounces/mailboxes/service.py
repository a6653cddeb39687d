"""Use cases of mailboxes: add, test, list, remove."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import msgspec
from psycopg.rows import dict_row

from syncom.errors import Conflict, Invalid, NotFound
from syncom.messages.bounces.mailboxes.imap import ImapSession
from syncom.messages.bounces.mailboxes.model import PORTS, Mailbox, MailboxInput, MailboxProtocol
from syncom.messages.bounces.mailboxes.pop3 import Pop3Session
from syncom.messages.bounces.mailboxes.session import MailboxError, Opened
from syncom.outbound import read_networks
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring

_SQL: Final = load_sql("syncom.messages.bounces.mailboxes", "mailboxes.sql")
SESSIONS: Final[dict[MailboxProtocol, Opened]] = {
    MailboxProtocol.IMAP: ImapSession,
    MailboxProtocol.POP3: Pop3Session,
}
PURPOSE: Final = "bounce mailbox"
MAX_MAILBOXES: Final = 20
_LONGEST: Final = 255


class MailboxesService:
    """Mailboxes of an account. Passwords are sealed when they come in and never leave again."""

    def __init__(
        self, database: Database, keyring: Keyring, *, outbound_allow: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        """``tls``: other trust than the system's."""
        self._database = database
        self._keyring = keyring
        self._allowed = read_networks(outbound_allow)
        self._tls = tls or ssl.create_default_context()

    async def add(self, account_id: int, given: MailboxInput) -> Mailbox:
        """Log in once, and read it from now on. Raises Invalid naming the field, Conflict when there are too many."""
        values = _columns(given) | {"account_id": account_id}
        tried = msgspec.convert(
            values
            | {"mailbox_id": 0, "failures": 0, "problem": "", "read": 0, "reports": 0, "last_read_at": None}
            | {"created_at": "2000-01-01T00:00:00Z"},
            Mailbox,
        )
        await asyncio.to_thread(self._try, tried, given.password)
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["count"], {"account_id": account_id})).fetchone()
            if row is not None and row[0] >= MAX_MAILBOXES:
                raise Conflict(f"an account has {MAX_MAILBOXES} mailboxes for bounces at most: remove one first")
            made = await (await connection.execute(_SQL["insert"], values)).fetchone()
            assert made is not None
            mailbox_id = int(made[0])
            sealed = self._keyring.seal(given.password.encode(), purpose=PURPOSE, owner=owner(mailbox_id))
            await connection.execute(_SQL["save_secret"], {"mailbox_id": mailbox_id, "secret": sealed})
            [mailbox] = await _select(connection, account_id, mailbox_id)
        return mailbox

    async def list(self, account_id: int) -> list[Mailbox]:
        """All of them, oldest first, with how their readings go."""
        async with self._database.system() as connection:
            return await _select(connection, account_id)

    async def get(self, account_id: int, mailbox_id: int) -> Mailbox:
        """Raises NotFound."""
        async with self._database.system() as connection:
            found = await _select(connection, account_id, mailbox_id)
        if not found:
            raise NotFound("mailbox", mailbox_id)
        return found[0]

    async def remove(self, account_id: int, mailbox_id: int) -> None:
        """Read it no more; what is in it stays. Raises NotFound."""
        values = {"account_id": account_id, "mailbox_id": mailbox_id}
        async with self._database.system() as connection:
            if await (await connection.execute(_SQL["delete"], values)).fetchone() is None:
                raise NotFound("mailbox", mailbox_id)

    def _try(self, mailbox: Mailbox, password: str) -> None:
        session = SESSIONS[mailbox.protocol](mailbox, password, self._allowed, self._tls)
        try:
            session.open()
        except (OSError, MailboxError) as error:
            raise Invalid("host", f"cannot be read: {error}") from error
        finally:
            session.close()


def owner(mailbox_id: int) -> str:
    """Whose secret it is."""
    return f"bounce mailbox:{mailbox_id}"


def _columns(given: MailboxInput) -> dict[str, object]:
    """Raises Invalid naming the field."""
    for name in ("host", "username", "password", "folder"):
        value: str = getattr(given, name)
        if not value or len(value) > _LONGEST or not value.isprintable():
            raise Invalid(name, f"must have 1 to {_LONGEST} printable characters")
    if any(char in given.host for char in " /@"):
        raise Invalid("host", "must be the name of a server, such as imap.example.com")
    for name in ("folder", "move_to", "name"):
        value = getattr(given, name)
        if len(value) > _LONGEST or not value.isprintable() or (name != "name" and not value.isascii()):
            raise Invalid(name, "must be printable; folders in ASCII, as the server lists them")
    if given.move_to and given.protocol is MailboxProtocol.POP3:
        raise Invalid("move_to", "is for IMAP: POP3 has no folders")
    port = given.port if given.port is not None else PORTS[given.protocol, given.security]
    if not 0 < port < 65536:
        raise Invalid("port", "must be between 1 and 65535")
    if not 10 <= given.every <= 86_400:
        raise Invalid("every", "must be 10 seconds to a day")
    return {
        "name": given.name.strip() or f"{given.username} at {given.host}"[:_LONGEST],
        "protocol": given.protocol.value,
        "host": given.host,
        "port": port,
        "security": given.security.value,
        "username": given.username,
        "folder": given.folder,
        "move_to": given.move_to,
        "every": given.every,
    }


async def _select(connection: Connection, account_id: int, mailbox_id: int | None = None) -> list[Mailbox]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["select"], {"account_id": account_id, "mailbox_id": mailbox_id})
    return msgspec.convert(await cursor.fetchall(), list[Mailbox])
