"""Carries texts through the binds of one sender: made as work comes, kept, made anew, ended when they idle."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final, Protocol

from syncom.clock import Clock
from syncom.errors import Unavailable
from syncom.messages.channels.carrier import Outcome, Source
from syncom.messages.channels.sms.model import TextParcel
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.messages.channels.sms.smpp import pdu
from syncom.messages.channels.sms.smpp.delivered import canonical_id
from syncom.messages.channels.sms.smpp.model import BindMode, SmppAnswer, SmppBind
from syncom.messages.channels.sms.smpp.pace import Pace
from syncom.messages.channels.sms.smpp.pdu import Command
from syncom.messages.channels.sms.smpp.segments import Segments, segments
from syncom.messages.channels.sms.smpp.session import Login, SmppSession
from syncom.messages.channels.sms.smpp.statuses import Action, status_of
from syncom.outbound import Network, may_reach

_log = logging.getLogger(__name__)

#: Seconds until a bind is tried again: at first, and at most; doubled each time.
RECONNECT: tuple[float, float] = (5.0, 300.0)
#: Seconds without a text after which a process that need not listen ends its binds.
IDLE: Final = 60.0
#: X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (OpenSSL).
_WRONG_NAME: Final = frozenset((62, 64))
_CONNECT_PATIENCE: Final = 30.0
#: Times that a part is sent again when others of its text were taken, and seconds before the first.
_MOST_REPEATS: Final = 5
REPEAT_AFTER: float = 1.0
_BLOCKED: Final = "the SMSC takes nothing: it asks for a lower rate again and again"
#: Deliveries in hand before no more is read.
_MOST_DELIVERIES: Final = 500


class Taker(Protocol):
    """Takes what the SMSC brings, see ``delivered.py``."""

    async def take(self, octets: bytes) -> int:
        """Keep a deliver_sm; returns the command_status to answer with. Raises nothing."""
        ...


class _Sending:
    """A text on its way, part by part."""

    __slots__ = ("ids", "open", "parcel", "refused", "repeats", "segments", "sent", "unknown")

    def __init__(self, parcel: TextParcel, made: Segments) -> None:
        self.parcel = parcel
        self.segments = made
        #: The SMSC's id of each part it took.
        self.ids: list[str | None] = [None] * len(made.bodies)
        #: The last refusal of each part it did not take.
        self.refused: dict[int, int] = {}
        #: Parts without an end for now: not sent, or without an answer.
        self.open = len(made.bodies)
        self.sent = False
        #: Why nobody can know what became of a part; empty: it is known.
        self.unknown = ""
        self.repeats = 0


class SmppPool:
    """The binds of one sender. Use it from one event loop."""

    def __init__(
        self,
        bind: SmppBind,
        password: str,
        source: Source[Any, Any],
        *,
        deliveries: Taker,
        short_links: ShortLinks | None,
        allowed: Sequence[Network],
        listening: bool,
        timeout: float,
        clock: Clock,
    ) -> None:
        """``listening``: bind at once and stay bound, for receipts and texts of people; else only while there is work.

        ``short_links`` keeps those of texts that have some. ``allowed``: private networks that the SMSC may be in.
        ``timeout``: seconds to wait for an answer.
        """
        self._bind = bind
        self._password = password
        self._source = source
        self._deliveries = deliveries
        self._short_links = short_links
        self._allowed = allowed
        self._listening = listening
        self._timeout = timeout
        self._clock = clock
        self._pace = Pace(bind.window, clock)
        self._destination = (bind.dest_ton, bind.dest_npi)
        self._reference = secrets.randbits(16)
        self._sessions: dict[Command, SmppSession] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()
        self._delivering = 0
        self._held: set[SmppSession] = set()
        #: Parts to be sent next.
        self._parts: deque[tuple[_Sending, int]] = deque()
        self._sendings: set[_Sending] = set()
        self._keeping = 0
        self._later: asyncio.TimerHandle | None = None
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._worked_at = clock.monotonic()
        self._closing = False
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Words about what is wrong; empty: it works; None: not tried yet."""
        return self._trouble or (_BLOCKED if self._pace.is_blocked else self._trouble)

    def start(self) -> None:
        """Begin to keep the binds. Called inside the running loop."""
        if self._listening:
            self._wanted.set()
        commands = (
            (Command.BIND_TRANSCEIVER,)
            if self._bind.mode is BindMode.TRANSCEIVER
            else (Command.BIND_TRANSMITTER, Command.BIND_RECEIVER)
        )
        loop = asyncio.get_running_loop()
        self._keepers = [loop.create_task(self._keep(command)) for command in commands]

    def wake(self) -> None:
        """The source has something. Cheap, and safe inside the source's own callbacks."""
        self._wanted.set()
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(0, self._go_on)

    async def drain(self) -> None:
        """Begin nothing new, wait for the answers that are due, unbind."""
        self._closing = True
        self._give_back()
        while self._sendings or self._keeping or self._errands:
            self._settled.clear()
            if self._errands:
                await asyncio.wait(self._errands, return_when=asyncio.FIRST_COMPLETED)
            else:
                await self._settled.wait()
        if self._later is not None:
            self._later.cancel()
        for session in self._sessions.values():
            session.unbind()
        for session in list(self._sessions.values()):
            await session.ended
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    # ------------------------------------------------------------ binds

    async def _keep(self, command: Command) -> None:
        """Keep one bind, as long as it is wanted."""
        failures = 0
        while not self._closing:
            await self._wanted.wait()
            session, words = await self._bound(command)
            if session is not None:
                failures = 0
                words = await self._while_bound(command, session)
                if not words:
                    continue
            failures += 1
            self._trouble = words
            first, longest = RECONNECT
            wait = min(longest, first * 2 ** min(failures - 1, 10)) * self._clock.jitter(0.5, 1.0)
            _log.warning("%s:%d: %s; again in %.0f s", self._bind.host, self._bind.port, words, wait)
            await self._clock.sleep(wait)

    async def _bound(self, command: Command) -> tuple[SmppSession | None, str]:
        """A new bind, or why there is none."""
        login = Login(
            command=command,
            system_id=self._bind.system_id,
            password=self._password,
            system_type=self._bind.system_type,
            patience=self._timeout,
        )
        session = SmppSession(login, self, self._clock)
        try:
            async with asyncio.timeout(_CONNECT_PATIENCE):
                await self._connect(session)
            words = await session.bound
        except TimeoutError:
            doubt = "; does it speak TLS at this port?" if self._bind.tls else ""
            return None, f"cannot be reached: no connection in time{doubt}"
        except (OSError, ssl.SSLError) as error:
            return None, f"cannot be reached: {_why(error, self._bind.host)}"
        except asyncio.CancelledError:
            session.abort("")
            raise
        if words:
            session.abort(words)
            await session.ended
            return None, words
        return session, ""

    async def _connect(self, session: SmppSession) -> None:
        """To one of the host's addresses that may be reached. Raises OSError."""
        loop = asyncio.get_running_loop()
        host, port = self._bind.host, self._bind.port
        refused: OSError = OSError(f"{host} has no address")
        tls = ssl.create_default_context() if self._bind.tls else None
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, _, protocol, _, place in found:
            address = str(place[0])
            if not may_reach(ip_address(address.partition("%")[0]), self._allowed):
                refused = OSError(
                    f"{host} is in a private network; an operator may allow it with SYNCOM_OUTBOUND_ALLOW"
                )
                continue
            try:
                await loop.create_connection(
                    lambda: session,
                    address,
                    port,
                    family=family,
                    proto=protocol,
                    ssl=tls,
                    server_hostname=host if tls is not None else None,
                )
            except OSError as error:
                refused = error
            else:
                return
        raise refused

    async def _while_bound(self, command: Command, session: SmppSession) -> str:
        """Use a bind until it ends; returns why, empty: as we wanted."""
        self._sessions[command] = session
        if len(self._sessions) == len(self._keepers):
            self._trouble = ""
        self._worked_at = self._clock.monotonic()
        self.wake()
        while not session.ended.done():
            await asyncio.wait([session.ended], timeout=None if self._listening else IDLE / 4)
            if not session.ended.done() and self._idles():
                self._wanted.clear()
                session.unbind()
        del self._sessions[command]
        self._held.discard(session)
        if self._sender_command() == command:
            self._give_back()
        return session.ended.result()

    def _idles(self) -> bool:
        return (
            not self._listening
            and not self._sendings
            and not self._keeping
            and not self._delivering
            and self._clock.monotonic() - self._worked_at > IDLE
        )

    def _sender_command(self) -> Command:
        transceives = self._bind.mode is BindMode.TRANSCEIVER
        return Command.BIND_TRANSCEIVER if transceives else Command.BIND_TRANSMITTER

    def _give_back(self) -> None:
        """The parts that were not sent are not sent."""
        parts, self._parts = self._parts, deque()
        for sending, _ in parts:
            if sending.sent:
                sending.unknown = sending.unknown or "the bind ended before all parts were sent"
            self._ended(sending)

    # ------------------------------------------------------------ submitting

    def _go_on(self) -> None:
        self._later = None
        self.went_on()

    def went_on(self) -> None:
        """Send as much as window and pace allow, in one write."""
        session = self._sessions.get(self._sender_command())
        if session is None or not session.is_bound:
            return
        batch: list[tuple[int, object, bytes]] = []
        while session.in_flight + len(batch) + self._keeping < self._pace.window:
            wait = self._pace.wait()
            if wait > 0:
                if self._later is None:
                    self._later = asyncio.get_running_loop().call_later(wait, self._go_on)
                break
            if self._parts:
                batch.append(self._next_part(session))
            elif self._closing or not self._pull():
                break
        if batch:
            self._worked_at = self._clock.monotonic()
            session.submit(batch)

    def _pull(self) -> bool:
        """Take a text from the source; False: there is none."""
        parcel = self._source.next_parcel()
        if parcel is None:
            return False
        if parcel.link is None:
            self._begin(parcel)
        else:
            self._keeping += 1
            self._errand(self._keep_link(parcel))
        return True

    def _next_part(self, session: SmppSession) -> tuple[int, object, bytes]:
        sending, number = part = self._parts.popleft()
        if not sending.sent:
            sending.sent = True
            self._source.handing_over(sending.parcel)
        sequence = session.next_sequence()
        self._pace.sent()
        return sequence, part, self._octets(sequence, sending, number)

    async def _keep_link(self, parcel: TextParcel) -> None:
        """Its short links lead somewhere before it leaves."""
        try:
            assert parcel.link is not None
            assert self._short_links is not None, "who has no keeper of links sends texts without"
            await self._short_links.keep(parcel.link)
        except Unavailable as error:
            self._keeping -= 1
            self._source.finished(parcel, Outcome.NOT_SENT, _own(error.message))
            await self._clock.sleep(1.0)
        else:
            self._keeping -= 1
            self._begin(parcel)
        self._settled.set()
        if self._closing:
            self._give_back()
        else:
            self.went_on()

    def _begin(self, parcel: TextParcel) -> None:
        try:
            self._reference = self._reference + 1 & 0xFFFF
            made = segments(
                parcel.text,
                self._reference,
                alphabet=self._bind.alphabet,
                wide_reference=self._bind.wide_reference,
            )
        except Exception as error:  # noqa: BLE001 - one text's defect is its own; whoever gave it is told
            _log.exception("a text cannot be put into short messages")
            self._source.finished(parcel, Outcome.PERMANENT, _own(f"cannot be put into short messages: {error}"))
            return
        sending = _Sending(parcel, made)
        self._sendings.add(sending)
        self._parts.extend((sending, number) for number in range(len(made.bodies)))

    def _octets(self, sequence: int, sending: _Sending, number: int) -> bytes:
        bind, parcel, made = self._bind, sending.parcel, sending.segments
        return pdu.submit_sm(
            sequence,
            source=pdu.source_address(parcel.sender, bind.source_ton, bind.source_npi),
            destination=(*self._destination, parcel.to.removeprefix("+")),
            service_type=bind.service_type,
            data_coding=made.data_coding,
            has_header=made.has_headers,
            short_message=made.bodies[number],
        )

    # ------------------------------------------------------------ answers

    def answered(self, token: object, status: int, peer_id: str, /) -> None:
        sending, number = self._part(token)
        if status:
            sending.refused[number] = status
            action = status_of(status).action
            if action is Action.THROTTLE:
                self._pace.refused()
            elif action is Action.DEFECT:
                octets = self._octets(0, sending, number).hex()
                _log.error("the SMSC refuses a submit_sm with 0x%08X: %s", status, octets)
            elif action is Action.REBIND:
                session = self._sessions.get(self._sender_command())
                if session is not None:
                    session.abort(f"the SMSC refuses the bind: {_said(status)}")
        else:
            sending.refused.pop(number, None)
            sending.ids[number] = canonical_id(peer_id, self._bind.receipt_ids)
            self._pace.accepted()
        self._ended(sending)

    def unanswered(self, token: object, words: str, /) -> None:
        sending, _ = self._part(token)
        sending.unknown = sending.unknown or words
        self._ended(sending)

    def _part(self, token: object) -> tuple[_Sending, int]:
        part: tuple[_Sending, int] = token  # pyright: ignore[reportAssignmentType] - opaque to the session, ours
        return part

    def _ended(self, sending: _Sending) -> None:
        """A part has an end for now; when all have, the text has."""
        sending.open -= 1
        if sending.open:
            return
        if self._is_sent_again(sending):
            return
        self._sendings.discard(sending)
        outcome, answer = _end_of(sending)
        self._source.finished(sending.parcel, outcome, answer)
        self._settled.set()

    def _is_sent_again(self, sending: _Sending) -> bool:
        """Some parts were taken and the others may be: only those go again, after a rest."""
        taken = any(one is not None for one in sending.ids)
        if not taken or not sending.refused or sending.unknown or self._closing:
            return False
        if sending.repeats >= _MOST_REPEATS or not all(status_of(one).may_pass for one in sending.refused.values()):
            return False
        sending.repeats += 1
        sending.open = len(sending.refused)
        again = [(sending, number) for number in sorted(sending.refused)]
        sending.refused = {}
        asyncio.get_running_loop().call_later(REPEAT_AFTER * sending.repeats, self._again, again)
        return True

    def _again(self, parts: list[tuple[_Sending, int]]) -> None:
        self._parts.extendleft(reversed(parts))
        if self._closing or self._sender_command() not in self._sessions:
            self._give_back()
        else:
            self.went_on()

    # ------------------------------------------------------------ what the SMSC brings

    def delivered(self, session: SmppSession, sequence: int, octets: bytes, /) -> None:
        self._delivering += 1
        if self._delivering >= _MOST_DELIVERIES and session not in self._held:
            self._held.add(session)
            session.hold_reading(True)
        self._errand(self._deliver(session, sequence, octets))

    async def _deliver(self, session: SmppSession, sequence: int, octets: bytes) -> None:
        """Keep it, and only then say so."""
        status = await self._deliveries.take(octets)
        session.acknowledge(sequence, status)
        self._delivering -= 1
        if self._held and self._delivering < _MOST_DELIVERIES // 2:
            for held in self._held:
                held.hold_reading(False)
            self._held.clear()

    def _errand(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _end_of(sending: _Sending) -> tuple[Outcome, SmppAnswer]:
    """What became of a text whose parts have all ended."""
    taken = tuple(one for one in sending.ids if one is not None)
    for status in sending.refused.values():
        if not status_of(status).may_pass:
            return Outcome.PERMANENT, SmppAnswer(status=status, text=status_of(status).reason)
    if sending.unknown:
        return Outcome.UNCERTAIN, _own(sending.unknown)
    if not sending.refused and len(taken) == len(sending.ids):
        ids = tuple(one for one in taken if one)
        return Outcome.ACCEPTED, SmppAnswer(peer_ids=ids, text="" if ids else "taken, without an id")
    if taken:
        words = f"{len(taken)} of {len(sending.ids)} parts were taken"
        return Outcome.UNCERTAIN, _own(words)
    if not sending.refused:
        return Outcome.NOT_SENT, _own("the bind ended before it was sent")
    status = next(iter(sending.refused.values()))
    if status_of(status).action in (Action.THROTTLE, Action.REBIND):
        # Nothing of it was taken, and it is not about this text: no attempt is counted.
        return Outcome.NOT_SENT, SmppAnswer(status=status, text=status_of(status).reason)
    return Outcome.TRANSIENT, SmppAnswer(status=status, text=status_of(status).reason)


def _said(status: int) -> str:
    row = status_of(status)
    return f"0x{status:08X} {row.name}: {row.reason}"


def _own(words: str) -> SmppAnswer:
    return SmppAnswer(text=words, local=True)


def _why(error: OSError, host: str) -> str:
    """What is wrong with a connection, in words that say what to do about a certificate."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_NAME:
            return f"its certificate is of another host than {host}: name the host that stands in the certificate"
        return (
            f"its certificate is not trusted ({error.verify_message}): give its authority to the system's store of "
            "certificates, or name a file with it in SSL_CERT_FILE"
        )
    return str(error)
