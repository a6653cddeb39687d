"""A mailbox over POP3 (RFC 1939, TLS RFC 2595). The server must know UIDL, or nothing could be told apart."""

from __future__ import annotations

import poplib
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from syncom.messages.bounces.mailboxes.guarded import connect
from syncom.messages.bounces.mailboxes.model import Mailbox, Position
from syncom.messages.bounces.mailboxes.session import SECONDS, MailboxError, server_words
from syncom.messages.bounces.reading.mail import READ_BYTES
from syncom.messages.channels.email.model import Security
from syncom.outbound import Network

#: Mails that are no reports stay where they are, and are remembered; a mailbox with more is not one for bounces.
MOST_LEFT: Final = 5000
#: Lines of a body that are asked for: more than 64 KB of a report.
_LINES: Final = 1500


class Pop3Session:
    """See :class:`Session`."""

    def __init__(self, mailbox: Mailbox, password: str, allowed: Sequence[Network], tls: ssl.SSLContext) -> None:
        self._mailbox = mailbox
        self._password = password
        self._allowed = allowed
        self._tls = tls
        self._client: poplib.POP3 | None = None
        #: Numbers of this conversation by id.
        self._numbers: dict[str, int] = {}

    def open(self) -> None:
        mailbox = self._mailbox
        try:
            client = _Client(mailbox, self._allowed, self._tls)
            self._client = client
            if mailbox.security is Security.STARTTLS:
                client.stls(self._tls)
            client.user(mailbox.username)
            client.pass_(self._password)
            self._number(client)
        except (poplib.error_proto, UnicodeError) as error:
            raise MailboxError(server_words(error)) from error

    def begun(self, position: Position) -> Position:
        seen = tuple(one for one in position.seen if one in self._numbers)
        leaving = tuple(one for one in position.leaving if one in self._numbers)
        return msgspec.structs.replace(position, seen=seen, leaving=leaving)

    def new(self, position: Position, most: int) -> list[str]:
        known = {*position.seen, *position.leaving}
        if len(position.seen) >= MOST_LEFT:
            raise MailboxError(
                f"holds {MOST_LEFT:,} mails that are no reports: clear it, or give bounces one of their own"
            )
        return [one for one in self._numbers if one not in known][:most]

    def read(self, mail_id: str) -> bytes | None:
        try:
            _, lines, _ = self._opened().top(self._numbers[mail_id], _LINES)
        except poplib.error_proto as error:
            if "too long" not in str(error):
                raise MailboxError(server_words(error)) from error
            # The library gives up in the midst of the answer: the rest of it would be taken for the next one.
            self.close()
            self.open()
            return None
        return b"\r\n".join(lines)[:READ_BYTES]

    def read_on(self, position: Position, mail_ids: Sequence[str], leaving: Sequence[str]) -> Position:
        gone = set(leaving)
        left = (*position.seen, *(one for one in mail_ids if one not in gone))
        return msgspec.structs.replace(position, seen=left, leaving=tuple(leaving))

    def take_away(self, mail_ids: Sequence[str]) -> None:
        """Deleted mails are gone when the conversation ends in order, so it ends here."""
        wanted = [self._numbers[one] for one in mail_ids if one in self._numbers]
        if not wanted:
            return
        try:
            client = self._opened()
            for number in wanted:
                client.dele(number)
            client.quit()
        except poplib.error_proto as error:
            raise MailboxError(server_words(error)) from error
        self._client = None
        self.open()

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()

    def _number(self, client: poplib.POP3) -> None:
        answer: Any = client.uidl()
        self._numbers = {}
        for line in answer[1]:
            number, _, mail_id = line.decode("ascii", "replace").partition(" ")
            if number.isdecimal() and mail_id:
                self._numbers[mail_id.strip()[:100]] = int(number)

    def _opened(self) -> poplib.POP3:
        if self._client is None:
            raise MailboxError("the conversation has ended")
        return self._client


class _Client(poplib.POP3):
    """The library's client on a connection of our own making."""

    def __init__(self, mailbox: Mailbox, allowed: Sequence[Network], tls: ssl.SSLContext) -> None:
        self._allowed = allowed
        self._context = tls if mailbox.security is Security.TLS else None
        super().__init__(mailbox.host, mailbox.port, SECONDS)

    def _create_socket(self, timeout: float) -> socket.socket:
        made = connect(self.host, self.port, timeout, self._allowed)
        return self._context.wrap_socket(made, server_hostname=self.host) if self._context is not None else made
