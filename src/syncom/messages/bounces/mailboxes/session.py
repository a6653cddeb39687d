"""What reading a mailbox takes, whatever the protocol: ids, the beginning of a mail, taking mails away.

Sessions are of the standard library, whose calls block: each is used in a thread, by one at a time.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final, Protocol

from syncom.messages.bounces.mailboxes.model import Mailbox, Position
from syncom.outbound import Network

#: Seconds for one answer.
SECONDS: Final = 30.0


class MailboxError(Exception):
    """The server refused, or what it says makes no sense; the words are for people."""


def server_words(said: object) -> str:
    """What a server said, in bytes or wrapped in the library's error, as a line for people."""
    if isinstance(said, Exception) and len(said.args) == 1:
        said = said.args[0]
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return "".join(char if char.isprintable() else " " for char in text)[:200]


class Session(Protocol):
    """A conversation with a mailbox's server. Every method blocks; raises OSError, MailboxError, Invalid."""

    def open(self) -> None:
        """Connect, log in, choose the folder."""
        ...

    def begun(self, position: Position) -> Position:
        """The position where its ids still mean the same, the beginning otherwise."""
        ...

    def new(self, position: Position, most: int) -> list[str]:
        """Ids of mails that were not read yet, the oldest first."""
        ...

    def read(self, mail_id: str) -> bytes | None:
        """The beginning of a mail; None: it is gone, or cannot be read."""
        ...

    def read_on(self, position: Position, mail_ids: Sequence[str], leaving: Sequence[str]) -> Position:
        """The position behind these mails, of which some are to be taken away."""
        ...

    def take_away(self, mail_ids: Sequence[str]) -> None:
        """Move or delete mails; those that are gone already are passed over."""
        ...

    def close(self) -> None:
        """End the conversation. Never raises."""
        ...


class Opened(Protocol):
    """Makes a session."""

    def __call__(self, mailbox: Mailbox, password: str, allowed: Sequence[Network], tls: ssl.SSLContext) -> Session: ...
