"""One SMTP conversation (RFC 5321), as synchronous steps on an asyncio protocol.

The state says which reply comes next. Where the server announces PIPELINING (RFC 2920), the next mail's
MAIL, RCPT and DATA travel in the same write as this one's body, so that a mail costs one round trip; the
replies then come in the order BODY, MAIL, RCPT, DATA and the same steps serve both ways of talking.
"""

from __future__ import annotations

import asyncio
import enum
import ssl
from base64 import b64encode
from collections.abc import Callable
from typing import ClassVar, Protocol, cast

from syncom.clock import Clock
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.email.envelope import Extensions, commands, parse_extensions
from syncom.messages.channels.email.model import Mail, MailSource, Phase, Reply, Security, SmtpServer
from syncom.messages.channels.email.wire import CODES, MAX_REPLY, parse_reply, wire_body


class Trouble(enum.Enum):
    """Why a connection ended, as the pool needs to know it."""

    #: An ordinary end: its share of mails was done, it idled, or it died after useful work.
    NONE = "none"
    #: The server or the network failed before the connection was of any use, or asked us to go away.
    CONNECTION = "connection"
    #: The server refused our login.
    LOGIN = "login"


class Owner(Protocol):
    """What a connection asks of its pool."""

    def accepting(self) -> bool:
        """Whether new mails may be started."""
        ...

    def more_work(self) -> None:
        """There was a mail waiting although this connection is busy: another one would help."""
        ...

    def no_work(self) -> None:
        """The source had nothing."""
        ...

    def idle(self, connection: SmtpConnection, /) -> None:
        """The connection is ready and has nothing to do."""
        ...

    def introduced(self, extensions: Extensions, /) -> None:
        """The server said what it can."""
        ...

    def proved(self) -> None:
        """A connection got its first mail answered: the server works."""
        ...

    def gone(self, connection: SmtpConnection, trouble: Trouble, why: Reply, /, *, unsent: bool) -> None:
        """The connection ended; ``unsent`` says whether mails go back to the source."""
        ...


class _State(enum.IntEnum):
    """The reply that comes next."""

    CONNECTING = 0
    GREETING = 1
    EHLO = 2
    HELO = 3
    STARTTLS = 4
    HANDSHAKE = 5
    AUTH = 6
    IDLE = 7
    RSET = 8
    MAIL = 9
    RCPT = 10
    DATA = 11
    BODY = 12
    EMPTY = 13
    QUIT = 14
    CLOSED = 15


# Module constants: looking up an enum's member is the price of a small function call in the hot path.
_CONNECTING, _GREETING, _EHLO, _HELO, _STARTTLS, _HANDSHAKE, _AUTH, _IDLE = list(_State)[:8]
_RSET, _MAIL, _RCPT, _DATA, _BODY, _EMPTY, _QUIT, _CLOSED = list(_State)[8:]
_PHASES: list[Phase] = [
    Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.EHLO, Phase.STARTTLS, Phase.STARTTLS, Phase.AUTH,
    Phase.MAIL, Phase.MAIL, Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY, Phase.DATA, Phase.MAIL,
    Phase.MAIL,
]  # fmt: skip
_ACCEPTED, _TRANSIENT, _PERMANENT = Outcome.ACCEPTED, Outcome.TRANSIENT, Outcome.PERMANENT
#: How long RFC 5321 4.5.3.2 waits for each reply, in seconds, by state.
_PATIENCE: list[float] = [30, 300, 300, 300, 120, 30, 120, 0, 300, 300, 300, 120, 600, 600, 5, 0]
#: A body may take this long more for each octet: slower than 4 KiB/s is a stalled server, not a slow one.
_SECONDS_PER_OCTET = 1 / 4096
#: Bodies above the size of a socket buffer go alone: their envelope would only queue behind them.
_PIPELINED_BODY = 65_536
_AUTH_REFUSED = frozenset({530, 534, 535, 538})


class SmtpConnection(asyncio.Protocol):
    """A connection of a pool. Everything but the opening and the TLS handshake is synchronous."""

    def __init__(
        self, *, server: SmtpServer, source: MailSource, owner: Owner, clock: Clock, tls: ssl.SSLContext | None
    ) -> None:
        self._server = server
        self._source = source
        self._owner = owner
        self._clock = clock
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._state = _CONNECTING
        self._can = Extensions()
        self._secured = server.security is Security.TLS
        self._login: list[bytes] = []
        # Reading: a line begun, the lines of a reply begun, and whether anything follows this reply.
        self._partial = b""
        self._multi: list[bytes] = []
        self._multi_size = 0
        self._unread = False
        # The mail whose replies come next, the one behind it, and the latter's commands where not sent yet.
        self._mail: Mail | None = None
        self._envelope = b""
        self._ahead: Mail | None = None
        self._ahead_envelope = b""
        self._ahead_sent = False
        self._handed_over = False
        self._needs_reset = False
        self._paused = False
        self._started = 0
        self._proved = False
        self._since = clock.monotonic()
        self._deadline = self._since + server.connect_timeout

    # --- what the pool does with it ---

    @property
    def ready(self) -> bool:
        """Whether it is past greeting and login."""
        return self._state >= _IDLE

    @property
    def busy(self) -> bool:
        """Whether a mail is in its hands."""
        return self._mail is not None

    def open(self) -> None:
        """Connect in the background."""
        self._task = asyncio.get_running_loop().create_task(self._connect())

    def offer(self) -> bool:
        """Ask the source for a mail and begin it; says whether there was one. Only when idle."""
        if self._state is not _IDLE:
            return False
        try:
            self._next()
        except BaseException:
            self._source_failed()
            raise
        return self._state is not _IDLE

    def quit(self) -> None:
        """Say goodbye if nothing is in hand; otherwise it happens when the mails in hand are done."""
        if self._state is _IDLE:
            self._send(b"QUIT\r\n", _QUIT)
        elif self._state < _IDLE:
            self._end(Trouble.NONE, self._words("We closed the connection"))

    def abort(self) -> None:
        """Cut the connection now."""
        self._end(Trouble.NONE, self._words("We closed the connection"))

    def check_time(self, now: float) -> None:
        """Called about every second: end what waits too long.

        One look at all connections costs less than a timer for each command.
        """
        if self._state is _IDLE:
            if now - self._since >= self._server.idle_timeout:
                self.quit()
        elif now >= self._deadline and self._state is not _CLOSED:
            if self._state is _QUIT:
                self.abort()
            else:
                self._fail(f"No answer for {now - self._since:.0f} s")

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._state is _CLOSED:
            cast("asyncio.Transport", transport).abort()
            return
        self._transport = cast("asyncio.Transport", transport)
        self._expect(_GREETING)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._state is _QUIT:
            self._end(Trouble.NONE, self._words("The connection was closed"))
        else:
            self._fail(f"The connection was lost{f': {exc}' if exc else ''}")

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    def data_received(self, data: bytes) -> None:
        try:
            self._read(data)
        except BaseException:
            self._source_failed()
            raise

    # --- reading ---

    def _read(self, data: bytes) -> None:
        if self._partial:
            data = self._partial + data
        lines = data.split(b"\n")
        self._partial = partial = lines.pop()
        if len(partial) > MAX_REPLY:
            self._fail("The server sent a line of more than 64 KiB")
            return
        left = len(lines)
        for line in lines:
            left -= 1
            code = CODES.get(line[:3])
            mark = line[3:4]
            if code is None or mark not in b" -\r":
                self._fail("The server does not speak SMTP")
            elif mark == b"-" or self._multi:
                self._read_multiline(code, mark, line.removesuffix(b"\r"), unread=left > 0 or partial != b"")
            else:
                self._unread = left > 0 or partial != b""
                self._STEPS[self._state](self, code, line)
            if self._state is _CLOSED:
                return

    def _read_multiline(self, code: int, mark: bytes, line: bytes, *, unread: bool) -> None:
        self._multi.append(line)
        self._multi_size += len(line)
        if self._multi_size > MAX_REPLY:
            self._fail("The server sent a reply of more than 64 KiB")
        elif self._multi[0][:3] != line[:3]:
            self._fail("The server changed the code within one reply")
        elif mark != b"-":
            raw = b"\n".join(self._multi)
            self._multi = []
            self._multi_size = 0
            self._unread = unread
            self._STEPS[self._state](self, code, raw)

    # --- opening ---

    async def _connect(self) -> None:
        server = self._server
        implicit = server.security is Security.TLS
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self,
                server.host,
                server.port,
                ssl=self._tls if implicit else None,
                server_hostname=server.host if implicit else None,
            )
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - uvloop, ssl and the resolver share no base class
            self._fail(f"Could not connect to {server.host}:{server.port}: {error}")

    def _greeted(self, code: int, raw: bytes) -> None:
        if code != 220:
            self._refused_connection(code, raw)
        else:
            self._send(f"EHLO {self._server.helo_name}\r\n".encode(), _EHLO)

    def _introduced(self, code: int, raw: bytes) -> None:
        if code == 250:
            self._can = parse_extensions(raw)
            self._prepare()
        elif code >= 500:
            # An old server, or one that refuses the verb (RFC 5321 3.2): plain SMTP without extensions.
            self._send(f"HELO {self._server.helo_name}\r\n".encode(), _HELO)
        else:
            self._refused_connection(code, raw)

    def _introduced_simply(self, code: int, raw: bytes) -> None:
        if code != 250:
            self._refused_connection(code, raw)
        else:
            self._can = Extensions()
            self._prepare()

    def _prepare(self) -> None:
        """Whatever must happen between EHLO and the first mail."""
        if self._server.security is Security.STARTTLS and not self._secured:
            if self._can.starttls:
                self._send(b"STARTTLS\r\n", _STARTTLS)
            else:
                self._fail("The server offers no STARTTLS; nothing is sent without TLS")
        elif self._server.username:
            self._begin_login()
        else:
            self._begin_work()

    def _starttls_answered(self, code: int, raw: bytes) -> None:
        if code != 220:
            self._refused_connection(code, raw)
        elif self._unread:
            # Words in the clear behind the 220, even half a line, would be read as if they came through TLS
            # (response injection, the client's half of CVE-2011-0411).
            self._fail("The server sent more in the clear after agreeing to TLS")
        else:
            self._expect(_HANDSHAKE)
            self._task = asyncio.get_running_loop().create_task(self._handshake())

    async def _handshake(self) -> None:
        assert self._transport is not None
        assert self._tls is not None
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport, self, self._tls, server_hostname=self._server.host
            )
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - as in _connect
            self._fail(f"TLS failed: {error}")
            return
        if secured is None or self._state is not _HANDSHAKE:
            self._fail("The connection was lost during the TLS handshake")
            return
        self._transport = secured
        self._secured = True
        self._can = Extensions()  # RFC 3207 4.2: forget what was said in the clear
        self._send(f"EHLO {self._server.helo_name}\r\n".encode(), _EHLO)

    def _out_of_turn(self, code: int, raw: bytes) -> None:
        self._fail("The server sent words in the clear where the TLS handshake belongs")

    def _begin_login(self) -> None:
        user, password = self._server.username.encode(), self._server.password.encode()
        if "PLAIN" in self._can.auth:
            first = b"AUTH PLAIN " + b64encode(b"\0" + user + b"\0" + password)
        elif "LOGIN" in self._can.auth:
            first = b"AUTH LOGIN"
            self._login = [b64encode(user), b64encode(password)]
        else:
            offered = ", ".join(sorted(self._can.auth)) or "none"
            words = self._words(f"The server offers no AUTH PLAIN or LOGIN (offered: {offered})")
            self._end(Trouble.LOGIN, words, polite=True)
            return
        self._send(first + b"\r\n", _AUTH)

    def _login_answered(self, code: int, raw: bytes) -> None:
        if code == 334 and self._login:
            self._send(self._login.pop(0) + b"\r\n", _AUTH)
        elif code == 235:
            self._begin_work()
        elif code >= 500:
            self._end(Trouble.LOGIN, parse_reply(code, raw, Phase.AUTH), polite=True)
        else:
            self._refused_connection(code, raw)

    def _begin_work(self) -> None:
        self._owner.introduced(self._can)
        self._expect(_IDLE)
        self._next()

    # --- mail by mail ---

    def _next(self) -> None:
        """Begin the next mail, or idle, or say goodbye."""
        mail = self._take()
        if mail is not None:
            self._mail = mail
            self._begin()
        elif self._started >= self._server.messages_per_connection or not self._owner.accepting():
            self._send(b"QUIT\r\n", _QUIT)
        else:
            self._expect(_IDLE)
            self._owner.idle(self)

    def _take(self) -> Mail | None:
        """The next mail that this server can carry, its commands in ``_ahead_envelope``."""
        while self._started < self._server.messages_per_connection and self._owner.accepting():
            mail = self._source.next_parcel()
            if mail is None:
                self._owner.no_work()
                return None
            envelope = commands(mail, self._can)
            if isinstance(envelope, bytes):
                self._started += 1
                self._ahead_envelope = envelope
                return mail
            self._source.finished(mail, Outcome.PERMANENT, envelope)
        return None

    def _begin(self) -> None:
        """Say the commands of the mail in hand, which is not handed over."""
        self._handed_over = False
        self._envelope = self._ahead_envelope
        if self._can.pipelining:
            if self._needs_reset:
                self._needs_reset = False
                self._send(b"RSET\r\n" + self._envelope, _RSET)
            else:
                self._send(self._envelope, _MAIL)
        elif self._needs_reset:
            self._needs_reset = False
            self._send(b"RSET\r\n", _RSET)
        else:
            self._send_command(0, _MAIL)

    def _send_command(self, number: int, state: _State) -> None:
        """One command of the envelope, for a server that wants them one by one."""
        self._send(self._envelope.splitlines(keepends=True)[number], state)

    def _reset(self, code: int, raw: bytes) -> None:
        if code != 250:
            self._refused_connection(code, raw)
        elif self._can.pipelining:
            self._state = _MAIL
        else:
            self._send_command(0, _MAIL)

    def _sender_answered(self, code: int, raw: bytes) -> None:
        if 200 <= code < 300:
            if self._can.pipelining:
                self._state = _RCPT
            else:
                self._send_command(1, _RCPT)
        elif code == 421 and self._proved:
            # The connection has had its share; the mail is not to blame and can go at once over another.
            self._end(Trouble.NONE, parse_reply(code, raw, Phase.MAIL), polite=True)
        elif code in _AUTH_REFUSED:
            self._end(Trouble.LOGIN, parse_reply(code, raw, Phase.MAIL), polite=True)
        else:
            self._refused(code, raw)

    def _recipient_answered(self, code: int, raw: bytes) -> None:
        if self._mail is None:
            # The sender was refused already; this is the answer to a command sent in the same group.
            self._state = _DATA
        elif 200 <= code < 300:
            if self._can.pipelining:
                self._state = _DATA
            else:
                self._send_command(2, _DATA)
        else:
            self._refused(code, raw)

    def _refused(self, code: int, raw: bytes) -> None:
        """MAIL or RCPT was refused."""
        state = self._state
        phase = _PHASES[state]
        if code < 400:
            self._fail(f"The server answered {code} to {phase.name}")
            return
        if not self._settle(code, parse_reply(code, raw, phase)):
            return
        self._needs_reset = True
        if self._can.pipelining:
            self._state = _RCPT if state is _MAIL else _DATA
        else:
            self._next()

    def _data_answered(self, code: int, raw: bytes) -> None:
        if code == 354:
            if self._mail is None:
                # RFC 2920 3.1: no recipient was accepted, yet the server waits for a message. End it empty.
                self._needs_reset = False
                self._send(b".\r\n", _EMPTY)
            elif self._unread:
                self._fail("The server answered a message before it was sent")
            else:
                self._hand_over(self._mail)
        elif code == 421 and self._mail is None:
            self._end(Trouble.CONNECTION, parse_reply(code, raw, Phase.DATA), polite=True)
        elif code < 400:
            self._fail(f"The server answered {code} to DATA")
        elif self._mail is None or self._settle(code, parse_reply(code, raw, Phase.DATA)):
            self._needs_reset = True
            self._next()

    def _hand_over(self, mail: Mail) -> None:
        """Send the body, and the commands of the next mail behind it."""
        data = mail.data
        if mail.needs_8bit and not self._can.eight_bit and mail.encode_7bit is not None:
            data = mail.encode_7bit()
        body = wire_body(data)
        ahead = None
        if len(body) <= _PIPELINED_BODY and not self._paused:
            ahead = self._ahead = self._take()
            if ahead is not None:
                self._owner.more_work()
        self._source.handing_over(mail)
        self._handed_over = True
        self._ahead_sent = ahead is not None and self._can.pipelining
        if self._ahead_sent:
            body += self._ahead_envelope
        self._send(body, _BODY)
        self._deadline += len(body) * _SECONDS_PER_OCTET

    def _body_answered(self, code: int, raw: bytes) -> None:
        if 300 <= code < 400:
            self._fail(f"The server answered {code} to a message")
            return
        if not self._settle(code, parse_reply(code, raw, Phase.BODY)):
            return
        ahead = self._ahead
        if ahead is None:
            self._next()
            return
        self._mail = ahead
        self._ahead = None
        self._handed_over = False
        if self._ahead_sent:
            self._state = _MAIL
        else:
            self._begin()

    def _empty_answered(self, code: int, raw: bytes) -> None:
        if code == 421:
            self._refused_connection(code, raw)
        else:
            self._next()

    def _settle(self, code: int, reply: Reply) -> bool:
        """Report the mail in hand by the server's answer; says whether the connection goes on."""
        mail = self._mail
        assert mail is not None
        if code == 421:
            self._mail = None
            try:
                self._source.finished(mail, Outcome.TRANSIENT, reply)
            finally:
                self._end(Trouble.CONNECTION, reply, polite=True)
            return False
        self._mail = None
        if not self._proved:
            self._proved = True
            self._owner.proved()
        outcome = _ACCEPTED if code < 300 else _TRANSIENT if code < 500 else _PERMANENT
        self._source.finished(mail, outcome, reply)
        return self._state is not _CLOSED

    def _unasked(self, code: int, raw: bytes) -> None:
        if code == 421:
            self._end(Trouble.NONE, parse_reply(code, raw, Phase.MAIL), polite=True)
        else:
            self._fail("The server spoke without being asked")

    def _farewell(self, code: int, raw: bytes) -> None:
        self._end(Trouble.NONE, parse_reply(code, raw, Phase.MAIL), polite=True)

    def _nothing(self, code: int, raw: bytes) -> None:
        """Words that arrive after the end."""

    # --- writing and ending ---

    def _expect(self, state: _State) -> None:
        """Wait for this reply from now on."""
        self._state = state
        self._since = now = self._clock.monotonic()
        limit = self._server.connect_timeout if state is _HANDSHAKE else self._server.command_timeout
        self._deadline = now + min(_PATIENCE[state], limit)

    def _send(self, data: bytes, state: _State) -> None:
        """Write, and wait for this reply. Nothing may already lie there: it could not be an answer."""
        if self._unread:
            self._fail("The server answered before it was asked")
            return
        assert self._transport is not None
        self._expect(state)
        self._transport.write(data)

    def _words(self, text: str) -> Reply:
        # The exception's words may quote the peer.
        return parse_reply(0, b"000 " + text.encode("utf-8", "replace"), _PHASES[self._state])

    def _fail(self, text: str) -> None:
        """The connection is of no further use."""
        useful = self._proved and self._state is not _HANDSHAKE
        idle = self._state is _IDLE
        self._end(Trouble.NONE if useful or idle else Trouble.CONNECTION, self._words(text))

    def _source_failed(self) -> None:
        """A defect in the source (a full disk under its journal) must not leave its other mails unsettled."""
        self._end(Trouble.CONNECTION, self._words("The sender itself failed"))

    def _refused_connection(self, code: int, raw: bytes) -> None:
        """The server does not want to work with us now: no mail is charged with it."""
        trouble = Trouble.LOGIN if code in _AUTH_REFUSED else Trouble.CONNECTION
        self._end(trouble, parse_reply(code, raw, _PHASES[self._state]), polite=True)

    def _end(self, trouble: Trouble, why: Reply, *, polite: bool = False) -> None:
        """Close, tell the pool, and settle what is in hand. The first call counts."""
        if self._state is _CLOSED:
            return
        quitting = self._state is _QUIT
        self._state = _CLOSED
        self._partial = b""
        mail, self._mail = self._mail, None
        ahead, self._ahead = self._ahead, None
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        if self._transport is not None:
            if polite and not self._transport.get_write_buffer_size():
                if not quitting:
                    self._transport.write(b"QUIT\r\n")
                self._transport.close()
            else:
                # A server that does not read would keep a polite close waiting for ever.
                self._transport.abort()
        outcome = Outcome.UNCERTAIN if self._handed_over else Outcome.NOT_SENT
        unsent = ahead is not None or (mail is not None and not self._handed_over)
        self._owner.gone(self, trouble, why, unsent=unsent)
        try:
            if mail is not None:
                self._source.finished(mail, outcome, why)
        finally:
            if ahead is not None:
                self._source.finished(ahead, Outcome.NOT_SENT, why)

    #: What to do with the reply that was awaited, by state.
    _STEPS: ClassVar[list[Callable[[SmtpConnection, int, bytes], None]]] = [
        _nothing,
        _greeted,
        _introduced,
        _introduced_simply,
        _starttls_answered,
        _out_of_turn,
        _login_answered,
        _unasked,
        _reset,
        _sender_answered,
        _recipient_answered,
        _data_answered,
        _body_answered,
        _empty_answered,
        _farewell,
        _nothing,
    ]
