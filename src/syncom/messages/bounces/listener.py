"""The SMTP server of our return paths: takes mail to addresses that we made, and no other.

It is open to the world, so: the only recipients are addresses with a token of ours that is still good, nothing is ever
sent on, sizes, recipients and connections are bounded, and 250 means that the mail is in the database. Whoever comes
when there is no room is asked to come later. STARTTLS is offered when there is a certificate.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast

from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from syncom.clock import Clock
from syncom.errors import Unavailable
from syncom.listening import Listener, ServerCertificate
from syncom.messages.bounces.spool import Spool, account_of
from syncom.tokens import MessageTokens

_log = logging.getLogger(__name__)

#: A report may return the whole mail; the beginning is kept.
LARGEST_MAIL: Final = 2 * 1024 * 1024
MOST_CONNECTIONS: Final = 200
_MOST_RECIPIENTS: Final = 10
#: Seconds without a command (RFC 5321, 4.5.3.2.7: five minutes).
_PATIENCE: Final = 300.0
_COMMANDS: Final = 1000
_IDENTITY: Final = "Syncom"


class BounceListener:
    """Listens on ``host`` and ``port`` (0: any free one) between :meth:`start` and :meth:`stop`."""

    def __init__(
        self,
        spool: Spool,
        tokens: MessageTokens,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "localhost",
        certificate: ServerCertificate | None = None,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        """``name``: how it introduces itself, the name that the MX records of the return paths lead to."""
        self._spool = spool
        self._tokens = tokens
        self._clock = clock
        self._listener = Listener(
            host,
            port,
            name="the server for bounces",
            advice="Set SYNCOM_BOUNCE_PORT to a free port, and lead port 25 to it.",
        )
        self._name = name
        self._certificate = certificate
        self._most_connections = most_connections
        #: Conversations under way.
        self.connections = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.port

    async def start(self) -> None:
        """Begin to listen. Raises Conflict when the port is taken or not ours to take."""
        await self._listener.start(self._protocol)

    async def stop(self) -> None:
        """Stop listening, and keep what was accepted."""
        self._listener.close()
        await self._spool.close()

    # ------------------------------------------------------------ what aiosmtpd asks

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A conversation begins. Whoever comes while there is no room is spared the rest of it."""
        del server, session
        try:
            room = await self._spool.has_room()
        except Unavailable:
            room = False
        if not room:
            return "452 4.3.1 No room at the moment, try again later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Only addresses that we made."""
        del server, session
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if account_of(self._tokens, address.rpartition("@")[0], self._clock.now()) is None:
            return "550 5.1.1 No such address"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """A mail has come."""
        del server, session
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            await self._spool.add(list(dict.fromkeys(envelope.rcpt_tos)), raw)
        except Unavailable as error:
            _log.warning("a mail to a return path has to come again: %s", error.message)
            return "451 4.3.0 Cannot keep mail at the moment, try again later"
        return "250 2.0.0 Kept"

    # ------------------------------------------------------------ connections

    def _protocol(self) -> SMTP:
        return _Conversation(
            self,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            decode_data=False,
            hostname=self._name,
            tls_context=None if self._certificate is None else self._certificate.context(),
            ident=_IDENTITY,
            timeout=_PATIENCE,
            command_call_limit=_COMMANDS,
            loop=asyncio.get_running_loop(),
        )

    def admit(self) -> bool:
        """Whether another connection may be had."""
        if self.connections >= self._most_connections:
            return False
        self.connections += 1
        return True

    def part(self) -> None:
        """A connection has ended."""
        self.connections -= 1


class _Conversation(SMTP):
    """One connection, if there may be another."""

    _listener: BounceListener
    _admitted = False

    def __init__(self, listener: BounceListener, **options: Any) -> None:
        super().__init__(listener, **options)
        self._listener = listener

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """As ever, and a client that goes away in the middle of the handshake has ended its connection."""
        await super().smtp_STARTTLS(arg)
        if self._original_transport is not None and not self._tls_handshake_okay:
            raise TLSSetupException

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._admitted:  # it is encrypted from now on
            super().connection_made(transport)
            return
        self._admitted = self._listener.admit()
        if self._admitted:
            super().connection_made(transport)
        else:
            # uvloop's transports are none by their class.
            writing = cast("asyncio.WriteTransport", transport)
            writing.write(b"421 4.3.2 Too many connections, try again later\r\n")
            writing.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._admitted:
            self._admitted = False
            self._listener.part()
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._admitted:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._admitted else False
