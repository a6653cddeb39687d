"""One bind at an SMSC (SMPP 3.4): the conversation on one connection, from bind to unbind."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol, cast

import msgspec

from syncom.clock import Clock
from syncom.messages.channels.sms.smpp import pdu
from syncom.messages.channels.sms.smpp.pdu import Command, Header, Malformed
from syncom.messages.channels.sms.smpp.statuses import status_of

_log = logging.getLogger(__name__)

#: Seconds between looks at what is overdue.
_TICK: Final = 0.5
#: Seconds of silence after which the SMSC is asked whether it is there (enquire_link).
ENQUIRE_AFTER: Final = 30.0
#: Seconds for an answer to unbind.
_UNBIND_PATIENCE: Final = 5.0

_BIND_ANSWERS: Final = frozenset(
    command | 0x80000000 for command in (Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER)
)


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How a bind is asked for."""

    command: Command
    system_id: str
    password: str
    system_type: str
    #: Seconds to wait for an answer of the SMSC.
    patience: float


class Owner(Protocol):
    """What a session asks of its pool. All are called from the event loop and must not block."""

    def answered(self, token: object, status: int, peer_id: str, /) -> None:
        """The answer to a submit_sm; ``peer_id`` is the SMSC's id of it when the status is 0."""
        ...

    def unanswered(self, token: object, words: str, /) -> None:
        """There is no answer to a submit_sm and there will be none: nobody can know."""
        ...

    def delivered(self, session: SmppSession, sequence: int, octets: bytes, /) -> None:
        """The SMSC brings a deliver_sm; to be answered by ``acknowledge``."""
        ...

    def went_on(self) -> None:
        """Everything that came together was handed over: there may be room for more."""
        ...


class SmppSession(asyncio.Protocol):
    """A connection with its bind. ``bound`` and ``ended`` say how far it is."""

    def __init__(self, login: Login, owner: Owner, clock: Clock) -> None:
        loop = asyncio.get_running_loop()
        #: Done when the bind is there, with the reason when it is refused.
        self.bound: asyncio.Future[str] = loop.create_future()
        #: Done when the connection is gone, with the reason; empty: as we wanted.
        self.ended: asyncio.Future[str] = loop.create_future()
        self._login = login
        self._owner = owner
        self._clock = clock
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._sequence = 0
        #: By sequence number, in the order they were sent: until when an answer is awaited, and whose it is.
        self._waiting: dict[int, tuple[float, object]] = {}
        self._is_bound = False
        self._unbinding = False
        self._words = ""
        self._deadline: float | None = None
        self._heard_at = clock.monotonic()
        self._enquired_at: float | None = None
        self._watch: asyncio.TimerHandle | None = None

    @property
    def is_bound(self) -> bool:
        """Whether texts may be submitted or received."""
        return self._is_bound and not self._unbinding

    @property
    def in_flight(self) -> int:
        """submit_sm without an answer."""
        return len(self._waiting)

    def next_sequence(self) -> int:
        """A number for a PDU of ours; 1 follows the last one (3.4, 3.2)."""
        self._sequence = self._sequence % pdu.LAST_SEQUENCE + 1
        return self._sequence

    def submit(self, sent: list[tuple[int, object, bytes]]) -> None:
        """Send these submit_sm in one write: number, whose it is, octets."""
        until = self._clock.monotonic() + self._login.patience
        for sequence, token, _ in sent:
            self._waiting[sequence] = (until, token)
        self._write(b"".join(octets for _, _, octets in sent))

    def acknowledge(self, sequence: int, status: int) -> None:
        """Answer a deliver_sm. Its message_id is unused and empty (3.4, 4.6.2)."""
        self._write(pdu.bare(Command.DELIVER_SM_RESP, sequence, status=status, body=b"\0"))

    def hold_reading(self, hold: bool) -> None:
        """Read nothing for a while: more came than can be kept at once."""
        if self._transport is not None and not self._transport.is_closing():
            if hold:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def unbind(self) -> None:
        """Say goodbye; the connection ends after the answer, or without it a little later."""
        if self._unbinding or self._transport is None:
            return
        self._unbinding = True
        self._deadline = self._clock.monotonic() + _UNBIND_PATIENCE
        if self._is_bound:
            self._write(pdu.bare(Command.UNBIND, self.next_sequence()))
        else:
            self._end("")

    def abort(self, words: str) -> None:
        """Cut the connection; what has no answer is in doubt."""
        self._end(words)

    # ------------------------------------------------------------ the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        login = self._login
        self._deadline = self._clock.monotonic() + login.patience
        self._write(
            pdu.bind(
                login.command,
                self.next_sequence(),
                system_id=login.system_id,
                password=login.password,
                system_type=login.system_type,
            )
        )
        self._watch = self._loop.call_later(_TICK, self._tick)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._clock.monotonic()
        self._enquired_at = None
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= pdu.HEADER_SIZE:
                header = pdu.header_of(self._buffer, start)
                if len(self._buffer) - start < header.length:
                    break
                self._handle(header, bytes(self._buffer[start : start + header.length]))
                start += header.length
        except Malformed as error:
            # Nothing that follows can be found in the stream any more.
            self._write(pdu.bare(Command.GENERIC_NACK, 0, status=0x02))
            self._end(f"the SMSC sent what is no SMPP: {error}")
        del self._buffer[:start]
        self._owner.went_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        words = self._words or ("" if self._unbinding else f"the connection was lost{f': {exc}' if exc else ''}")
        if not self.bound.done():
            self.bound.set_result(words or "the connection was closed before the bind")
        self._is_bound = False
        waiting, self._waiting = self._waiting, {}
        for _, token in waiting.values():
            self._owner.unanswered(token, words or "the connection ended before the answer")
        if not self.ended.done():
            self.ended.set_result(words)
        self._owner.went_on()

    # ------------------------------------------------------------ PDUs

    def _handle(self, header: Header, octets: bytes) -> None:
        command = header.command
        if command == Command.SUBMIT_SM_RESP:
            self._answer(header, pdu.c_string(octets[pdu.HEADER_SIZE :]))
        elif command == Command.DELIVER_SM:
            self._owner.delivered(self, header.sequence, octets)
        elif command == Command.ENQUIRE_LINK:
            self._write(pdu.bare(Command.ENQUIRE_LINK_RESP, header.sequence))
        elif command in _BIND_ANSWERS:
            self._bind_answer(header)
        elif command == Command.UNBIND:
            self._write(pdu.bare(Command.UNBIND_RESP, header.sequence))
            self._end("the SMSC ended the bind")
        elif command == Command.UNBIND_RESP:
            self._end("")
        elif command == Command.GENERIC_NACK:
            self._answer(header, "")
        elif not command & 0x80000000 and command != Command.ALERT_NOTIFICATION:
            self._write(pdu.bare(Command.GENERIC_NACK, header.sequence, status=pdu.RINVCMDID))

    def _answer(self, header: Header, peer_id: str) -> None:
        found = self._waiting.pop(header.sequence, None)
        # An answer that was given up, or to nothing: its message is in doubt already.
        if found is not None:
            # generic_nack without a status is a refusal all the same.
            status = header.status or (0xFF if header.command == Command.GENERIC_NACK else 0)
            self._owner.answered(found[1], status, "" if status else peer_id)

    def _bind_answer(self, header: Header) -> None:
        if self.bound.done():
            return
        if header.status:
            refused = status_of(header.status)
            words = f"the SMSC refuses the bind: 0x{header.status:08X} {refused.name}: {refused.reason}"
            self.bound.set_result(words)
            self._end(words)
            return
        self._is_bound = True
        self._deadline = None
        self.bound.set_result("")

    # ------------------------------------------------------------ time

    def _tick(self) -> None:
        now = self._clock.monotonic()
        self._watch = self._loop.call_later(_TICK, self._tick)
        if self._deadline is not None and now > self._deadline:
            self._end("" if self._unbinding else "the SMSC does not answer the bind")
            return
        overdue = [sequence for sequence, (until, _) in self._waiting.items() if now > until]
        for sequence in overdue:
            self._owner.unanswered(self._waiting.pop(sequence)[1], "the SMSC did not answer in time")
        if overdue:
            self._owner.went_on()
        if self._enquired_at is not None:
            if now - self._enquired_at > self._login.patience:
                self._end("the SMSC does not answer any more")
        elif self._is_bound and now - self._heard_at >= ENQUIRE_AFTER:
            self._enquired_at = now
            self._write(pdu.bare(Command.ENQUIRE_LINK, self.next_sequence()))

    def _write(self, octets: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def _end(self, words: str) -> None:
        self._words = self._words or words
        if not self.bound.done():
            self.bound.set_result(words or "the bind was given up")
        self._is_bound = False
        if self._transport is not None:
            # What was written, such as the answer to an unbind, goes out first.
            self._transport.close()
