"""What the sender loop and the SMTP client say to each other."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from syncom.errors import Invalid
from syncom.messages.channels.carrier import Source


class Security(enum.Enum):
    """How the conversation with the server is protected."""

    #: No TLS. For a relay on the same machine or a private network.
    PLAIN = "plain"
    #: Starts in the clear and must become TLS before anything is said (RFC 3207); never falls back.
    STARTTLS = "starttls"
    #: TLS from the first byte (RFC 8314), usually port 465.
    TLS = "tls"


class Phase(enum.Enum):
    """Which question a reply answers."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"


class Reply(msgspec.Struct, frozen=True):
    """A server's answer, or our own words where no server was heard."""

    #: Basic code, RFC 5321 4.2. 0 when the connection failed and there was no answer.
    code: int
    #: Enhanced status code such as ``5.1.1`` (RFC 3463), where the server gave one of the same class.
    enhanced: str | None
    #: The server's words without codes: one line, no control characters, at most 1,000 characters.
    text: str
    #: The question that was answered, or open when the connection failed.
    phase: Phase
    #: Whether the words are ours and the server was not asked.
    local: bool = False

    @property
    def words(self) -> str:
        """As people and the ledger want it."""
        code = f"{self.code} " if self.code else ""
        enhanced = f"{self.enhanced} " if self.enhanced else ""
        return f"{code}{enhanced}{self.text}"[:500]

    @property
    def peer_ids(self) -> tuple[str, ...]:
        """None: reports name a mail otherwise."""
        return ()


class Mail(msgspec.Struct):
    """One message to one recipient, ready to hand over."""

    #: Opaque to the client; says to the source which mail it was.
    key: object
    #: Envelope sender without angle brackets; empty is the null sender.
    mail_from: str
    #: Envelope recipient without angle brackets.
    rcpt_to: str
    #: The whole RFC 5322 message with CRLF line ends, not dot-stuffed, without the final dot.
    data: bytes
    #: Whether ``data`` has bytes above 127 (RFC 6152).
    needs_8bit: bool = False
    #: Whether headers or an address hold UTF-8 outside encoded words (RFC 6531).
    needs_smtputf8: bool = False
    #: Gives the same message in 7 bits, asked only when the server does not announce 8BITMIME.
    encode_7bit: Callable[[], bytes] | None = None


#: Where the pool gets its mails and tells what became of them.
MailSource = Source[Mail, Reply]


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpServer:
    """Where to send through, and how patiently. Times are in seconds."""

    host: str
    port: int = 587
    security: Security = Security.STARTTLS
    #: Empty: do not log in.
    username: str = ""
    password: str = field(default="", repr=False)
    #: How we introduce ourselves; the public name of this machine (RFC 5321 4.1.1.1).
    helo_name: str = "localhost"
    #: TCP connection and TLS handshake.
    connect_timeout: float = 30.0
    #: Upper bound for the waits of RFC 5321 4.5.3.2 (2 to 10 minutes by command). Lower it for a server
    #: that is known to be quick.
    command_timeout: float = 600.0
    max_connections: int = 10
    #: After that many mails a connection is closed and another opened; many servers limit it to 100 or 1,000.
    messages_per_connection: int = 1000
    #: A connection without work says goodbye after that long.
    idle_timeout: float = 30.0
    #: Whether the certificate must be valid for ``host``.
    verify: bool = True
    #: PEM file of certificate authorities to trust instead of the system's.
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            Invalid: naming the field.
        """
        if not self.host or not self.host.isprintable() or " " in self.host:
            raise Invalid("host", "give the name or address of the SMTP server")
        if not 0 < self.port < 65536:
            raise Invalid("port", "must be between 1 and 65535")
        if not self.helo_name.isascii() or not self.helo_name.isprintable() or " " in self.helo_name:
            raise Invalid("helo_name", "must be a host name")
        if "\0" in self.username or "\0" in self.password:
            raise Invalid("password", "must not contain a NUL character")
        for name in ("connect_timeout", "command_timeout", "idle_timeout"):
            if getattr(self, name) <= 0:
                raise Invalid(name, "must be more than 0 seconds")
        for name in ("max_connections", "messages_per_connection"):
            if getattr(self, name) < 1:
                raise Invalid(name, "must be at least 1")


class PoolState(msgspec.Struct, frozen=True, kw_only=True):
    """How a pool is doing, for people."""

    #: Open or opening.
    connections: int
    #: Of those, still connecting, greeting or logging in.
    connecting: int
    #: Of those, with a mail in hand.
    busy: int
    #: The last trouble that was the server's or the network's and no mail's; None when there was none yet.
    last_error: Reply | None
    last_error_at: datetime | None
    #: No connection is opened before this moment.
    backing_off_until: datetime | None
    #: Whether the server refused our login the last time.
    login_refused: bool
