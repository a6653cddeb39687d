"""A mailbox over IMAP (RFC 3501, UIDPLUS RFC 4315, MOVE RFC 6851)."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, cast

import msgspec

from syncom.messages.bounces.mailboxes.guarded import connect
from syncom.messages.bounces.mailboxes.model import Mailbox, Position
from syncom.messages.bounces.mailboxes.session import SECONDS, MailboxError, server_words
from syncom.messages.bounces.reading.mail import READ_BYTES
from syncom.messages.channels.email.model import Security
from syncom.outbound import Network

_VALIDITY: Final = re.compile(rb"\d{1,10}")


class ImapSession:
    """See :class:`Session`."""

    def __init__(self, mailbox: Mailbox, password: str, allowed: Sequence[Network], tls: ssl.SSLContext) -> None:
        self._mailbox = mailbox
        self._password = password
        self._allowed = allowed
        self._tls = tls
        self._client: imaplib.IMAP4 | None = None
        self._validity = 0

    def open(self) -> None:
        mailbox = self._mailbox
        try:
            client = _Client(mailbox, self._allowed, self._tls)
            self._client = client
            if mailbox.security is Security.STARTTLS:
                client.starttls(self._tls)
            client.login(mailbox.username, self._password)
            _good(client.select(_quoted(mailbox.folder)))
            validity = client.response("UIDVALIDITY")[1]
        except (imaplib.IMAP4.error, UnicodeError) as error:
            raise MailboxError(server_words(error)) from error
        found = _VALIDITY.search(cast("bytes", validity[0]) or b"") if validity and validity[0] else None
        self._validity = int(found[0]) if found else 1

    def begun(self, position: Position) -> Position:
        return position if position.validity == self._validity else Position(validity=self._validity)

    def new(self, position: Position, most: int) -> list[str]:
        data = self._uid("SEARCH", "UID", f"{position.after + 1}:*")
        numbers = sorted(
            {int(one) for line in data if isinstance(line, bytes) for one in line.split() if one.isdigit()}
        )
        # `*` is the last mail, whatever stands before the colon.
        return [str(number) for number in numbers if number > position.after][:most]

    def read(self, mail_id: str) -> bytes | None:
        for part in self._uid("FETCH", mail_id, f"(BODY.PEEK[]<0.{READ_BYTES}>)"):
            if isinstance(part, tuple):
                return bytes(cast("tuple[bytes, bytes]", part)[1])
        return None

    def read_on(self, position: Position, mail_ids: Sequence[str], leaving: Sequence[str]) -> Position:
        after = max([position.after, *map(int, mail_ids)])
        return msgspec.structs.replace(position, after=after, leaving=tuple(leaving))

    def take_away(self, mail_ids: Sequence[str]) -> None:
        if not mail_ids:
            return
        client, which = self._opened(), ",".join(mail_ids)
        target = self._mailbox.move_to
        if target and "MOVE" in client.capabilities:
            self._uid("MOVE", which, _quoted(target))
            return
        if target:
            self._uid("COPY", which, _quoted(target))
        self._uid("STORE", which, "+FLAGS.SILENT", r"(\Deleted)")
        if "UIDPLUS" in client.capabilities:
            self._uid("EXPUNGE", which)
        else:
            try:
                _good(client.expunge())
            except imaplib.IMAP4.error as error:
                raise MailboxError(server_words(error)) from error

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.logout()

    def _opened(self) -> imaplib.IMAP4:
        if self._client is None:
            raise MailboxError("the conversation has ended")
        return self._client

    def _uid(self, command: str, *arguments: str) -> list[Any]:
        try:
            return _good(self._opened().uid(command, *arguments))
        except imaplib.IMAP4.error as error:
            raise MailboxError(server_words(error)) from error


class _Client(imaplib.IMAP4):
    """The library's client on a connection of our own making."""

    def __init__(self, mailbox: Mailbox, allowed: Sequence[Network], tls: ssl.SSLContext) -> None:
        self._allowed = allowed
        self._context = tls if mailbox.security is Security.TLS else None
        super().__init__(mailbox.host, mailbox.port, SECONDS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        made = connect(self.host, self.port, timeout or SECONDS, self._allowed)
        return self._context.wrap_socket(made, server_hostname=self.host) if self._context is not None else made


def _good(answer: tuple[str, list[Any]]) -> list[Any]:
    kind, data = answer
    if kind != "OK":
        raise MailboxError(f"the server refused: {server_words(data[0] if data else kind)}")
    return data


def _quoted(name: str) -> str:
    """A folder's name as a quoted string; those outside of ASCII in modified UTF-7 are the operator's to write."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
