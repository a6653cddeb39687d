"""Values of mailboxes."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec

from syncom.messages.channels.email.model import Security


class MailboxProtocol(Enum):
    """How a mailbox is read."""

    IMAP = "imap"
    POP3 = "pop3"


#: The usual ports.
PORTS = {
    (MailboxProtocol.IMAP, Security.TLS): 993,
    (MailboxProtocol.IMAP, Security.STARTTLS): 143,
    (MailboxProtocol.IMAP, Security.PLAIN): 143,
    (MailboxProtocol.POP3, Security.TLS): 995,
    (MailboxProtocol.POP3, Security.STARTTLS): 110,
    (MailboxProtocol.POP3, Security.PLAIN): 110,
}


class MailboxInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox to read."""

    host: str
    username: str
    password: str
    name: str = ""
    protocol: MailboxProtocol = MailboxProtocol.IMAP
    #: None: the usual one.
    port: int | None = None
    security: Security = Security.TLS
    #: IMAP: the folder that is read.
    folder: str = "INBOX"
    #: IMAP: where reports are moved to when they are read; empty: they are deleted.
    move_to: str = ""
    #: Seconds between readings.
    every: int = 60


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox that is read, without its password."""

    mailbox_id: int
    account_id: int
    name: str
    protocol: MailboxProtocol
    host: str
    port: int
    security: Security
    username: str
    folder: str
    move_to: str
    every: int
    #: Readings in a row that failed, and why the last one did.
    failures: int
    problem: str
    #: Mails that were read, and reports among them.
    read: int
    reports: int
    last_read_at: datetime | None
    created_at: datetime


class Position(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a mailbox is read."""

    #: IMAP: UIDVALIDITY, under which ids mean the same (RFC 3501, 2.3.1.1).
    validity: int = 0
    #: IMAP: the last UID that was read.
    after: int = 0
    #: POP3: ids (UIDL) of mails that were read and stay.
    seen: tuple[str, ...] = ()
    #: Ids of reports that are taken in and still to be taken away.
    leaving: tuple[str, ...] = ()


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox in one process's hands."""

    mailbox: Mailbox
    secret: bytes | None
    position: Position
    fence: int
