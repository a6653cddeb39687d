"""An SMTP server that behaves as badly as a test wants, and a source that checks the client's promises."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from base64 import b64decode
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.email.model import Mail, Reply, Security, SmtpServer
from syncom.messages.channels.email.pool import SmtpPool

#: The moments at which a conversation can be disturbed, in their order.
PHASES = (
    "connect",
    "banner",
    "ehlo",
    "starttls",
    "mail",
    "rcpt",
    "data",
    "mid_body",
    "after_dot",
    "after_reply",
)


@dataclass(frozen=True, slots=True)
class Act:
    """What the peer does at one moment instead of the ordinary answer."""

    #: Written as it stands, with CRLF behind it.
    say: str | bytes = ""
    #: Written behind that, without CRLF.
    and_half: bytes = b""
    #: Then cut the connection.
    drop: bool = False
    #: Then never answer again.
    stall: bool = False
    #: Write the words one byte at a time, with this pause between.
    drip: float = 0.0


DROP = Act(drop=True)
STALL = Act(stall=True)
GARBAGE = Act(say=b"\x16\x03\x01 this is not SMTP")
HANG_UP = Act(say="421 4.3.2 closing down", drop=True)


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that the peer took responsibility for."""

    mail_from: str
    rcpt_to: str
    parameters: str
    #: Dots unstuffed, without the final dot.
    data: bytes
    #: Which connection of the peer, from 0.
    connection: int


@dataclass(kw_only=True)
class SmtpPeer:
    """One server on a free port of the loopback; use :func:`running_peer`."""

    #: Disturbs: gets the phase, the connection's number and the command's argument.
    disturb: Callable[[str, int, str], Act | None] = lambda phase, connection, argument: None
    extensions: tuple[str, ...] = (
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "SIZE 1000000",
        "ENHANCEDSTATUSCODES",
    )
    #: False: EHLO is an unknown command.
    extended: bool = True
    #: For STARTTLS, announced when given; with ``implicit_tls`` from the first byte.
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    #: Name and password, required when given.
    login: tuple[str, str] | None = None
    mechanisms: str = "PLAIN LOGIN"
    #: RCPT is answered 550 5.1.1 for addresses that match.
    unknown: re.Pattern[str] | None = None
    #: The first RCPT of an address is answered 451.
    greylist: bool = False
    #: 354 although no recipient was accepted.
    always_354: bool = False
    accepted: list[Received] = field(default_factory=list[Received])
    commands: list[str] = field(default_factory=list[str])
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    port: int = 0
    _seen: set[str] = field(default_factory=set[str])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        conversation = _Conversation(self, reader, writer, self.connections)
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            with suppress(_CutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
                await conversation.run()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self.open_now -= 1
            self._tasks.discard(task)
            if writer.transport is not None:
                writer.transport.abort()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def running_peer(peer: SmtpPeer | None = None, *, port: int = 0) -> AsyncIterator[SmtpPeer]:
    """The peer, listening; ``port`` 0: on a free one."""
    peer = peer or SmtpPeer()
    server = await asyncio.start_server(
        peer.serve, "127.0.0.1", port, ssl=peer.tls if peer.implicit_tls else None, limit=2**24
    )
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        await peer.stop()


class _CutError(Exception):
    """The script ended the conversation."""


class _Conversation:
    def __init__(self, peer: SmtpPeer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.peer, self.reader, self.writer, self.number = peer, reader, writer, number
        self.mail_from = self.rcpt_to = self.parameters = ""
        self.in_mail = False
        self.secured = peer.implicit_tls
        self.known = peer.login is None

    async def run(self) -> None:
        await self.disturbed("connect", "")
        await self.answer("banner", "220 peer.example ESMTP")
        while line := await self.reader.readline():
            assert line.endswith(b"\r\n"), f"the client sent a line that does not end in CRLF: {line!r}"
            text = line[:-2].decode()
            self.peer.commands.append(text)
            verb, _, argument = text.partition(" ")
            step = getattr(self, f"on_{verb.lower()}", None)
            if step is None:
                await self.say("500 5.5.1 what?")
            else:
                await step(argument)

    async def say(self, words: str | bytes, drip: float = 0.0, and_half: bytes = b"") -> None:
        data = (words.encode() if isinstance(words, str) else words) + b"\r\n" + and_half
        if drip:
            for octet in data:
                self.writer.write(bytes([octet]))
                await asyncio.sleep(drip)
        else:
            self.writer.write(data)
        await self.writer.drain()

    async def disturbed(self, phase: str, argument: str) -> bool:
        return await self.perform(self.peer.disturb(phase, self.number, argument))

    async def perform(self, act: Act | None) -> bool:
        """Do it; says whether it spoke."""
        if act is None:
            return False
        if act.say:
            await self.say(act.say, act.drip, act.and_half)
        if act.drop:
            raise _CutError
        if act.stall:
            await asyncio.sleep(3600)
        return bool(act.say)

    async def answer(self, phase: str, words: str, argument: str = "") -> bool:
        """The ordinary words, unless the script has others; says whether the ordinary ones were said."""
        if await self.disturbed(phase, argument):
            return False
        await self.say(words)
        return True

    async def on_ehlo(self, argument: str) -> None:
        peer = self.peer
        if not peer.extended:
            await self.say("502 5.5.1 unknown command")
            return
        extensions = list(peer.extensions)
        if peer.tls is not None and not self.secured:
            extensions.append("STARTTLS")
        if peer.login is not None:
            extensions.append(f"AUTH {peer.mechanisms}")
        lines = ["peer.example", *extensions]
        words = "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)
        await self.answer("ehlo", words)

    async def on_helo(self, argument: str) -> None:
        await self.say("250 peer.example")

    async def on_starttls(self, argument: str) -> None:
        assert self.peer.tls is not None
        if await self.answer("starttls", "220 2.0.0 go ahead"):
            await self.writer.start_tls(self.peer.tls)
            self.secured = True

    async def on_auth(self, argument: str) -> None:
        mechanism, _, first = argument.partition(" ")
        if mechanism == "PLAIN":
            _, name, password = b64decode(first).decode().split("\0")
        else:
            await self.say("334 VXNlcm5hbWU6")
            name = b64decode(await self.reader.readline()).decode()
            await self.say("334 UGFzc3dvcmQ6")
            password = b64decode(await self.reader.readline()).decode()
        self.known = (name, password) == self.peer.login
        await self.answer("auth", "235 2.7.0 welcome" if self.known else "535 5.7.8 wrong name or password")

    async def on_mail(self, argument: str) -> None:
        found = re.fullmatch(r"FROM:<([^<>]*)>(.*)", argument)
        if not self.known:
            await self.say("530 5.7.0 authentication required")
        elif self.in_mail:
            await self.say("503 5.5.1 nested MAIL command")
        elif found is None:
            await self.say("501 5.1.7 bad sender")
        elif await self.answer("mail", "250 2.1.0 ok", found[1]):
            self.mail_from, self.parameters, self.in_mail, self.rcpt_to = found[1], found[2].strip(), True, ""

    async def on_rcpt(self, argument: str) -> None:
        found = re.fullmatch(r"TO:<([^<>]+)>", argument)
        peer = self.peer
        if not self.in_mail or found is None:
            await self.say("503 5.5.1 MAIL first")
        elif peer.unknown is not None and peer.unknown.search(found[1]):
            await self.say("550 5.1.1 no such user here")
        elif peer.greylist and found[1] not in peer._seen:
            peer._seen.add(found[1])
            await self.say("451 4.7.1 greylisted, come back later")
        elif await self.answer("rcpt", "250 2.1.5 ok", found[1]):
            self.rcpt_to = found[1]

    async def on_data(self, argument: str) -> None:
        if not self.in_mail or not self.rcpt_to:
            if self.peer.always_354:
                await self.say("354 go ahead, to nobody")
                assert await self.reader.readline() == b".\r\n"
                self.in_mail = False
                await self.say("554 5.5.1 no valid recipients")
            else:
                await self.say("554 5.5.1 no valid recipients")
        elif await self.answer("data", "354 end with a dot"):
            await self.body()

    async def body(self) -> None:
        lines = [await self._body_line()]
        early = self.peer.disturb("mid_body", self.number, self.rcpt_to)
        await self.perform(early)
        while lines[-1] != b".\r\n":
            lines.append(await self._body_line())
        self.in_mail = False
        if early is not None and early.say[:1] in ("4", "5", b"4", b"5"):
            return  # Refused before its end, and answered already: who refuses does not take it after all.
        data = b"".join(line.removeprefix(b".") for line in lines[:-1])
        act = self.peer.disturb("after_dot", self.number, self.rcpt_to)
        if act is None or act.say[:1] in ("2", b"2") or not act.say:
            # Taken: the moment of the reply is too late to take it back.
            self.peer.accepted.append(Received(self.mail_from, self.rcpt_to, self.parameters, data, self.number))
        if await self.perform(act):
            return
        await self.say("250 2.0.0 taken")
        await self.disturbed("after_reply", "")

    async def _body_line(self) -> bytes:
        line = await self.reader.readline()
        if not line:
            raise _CutError
        assert line.endswith(b"\r\n"), f"a line of the body does not end in CRLF: {line[-80:]!r}"
        assert b"\r" not in line[:-2], "a lone CR in the body"
        return line

    async def on_rset(self, argument: str) -> None:
        self.in_mail = False
        await self.say("250 2.0.0 ok")

    async def on_quit(self, argument: str) -> None:
        await self.say("221 2.0.0 bye")
        raise _CutError


def once(phase: str, act: Act, *, connection: int | None = None) -> Callable[[str, int, str], Act | None]:
    """Disturb the first time that this phase is reached."""
    used: list[bool] = []

    def disturb(at: str, number: int, argument: str) -> Act | None:
        if at == phase and not used and connection in (None, number):
            used.append(True)
            return act
        return None

    return disturb


def always(phase: str, act: Act) -> Callable[[str, int, str], Act | None]:
    """Disturb whenever this phase is reached."""
    return lambda at, number, argument: act if at == phase else None


def script(acts: Iterable[Act | None]) -> Callable[[str, int, str], Act | None]:
    """Take the acts one after another whatever the phase, then behave."""
    left = deque(acts)
    return lambda phase, connection, argument: left.popleft() if left else None


class QuickClock:
    """The machine's clock, so many times faster: minutes of patience pass in a moment."""

    def __init__(self, factor: float = 100.0) -> None:
        self.factor = factor

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() * self.factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.factor)

    def jitter(self, low: float, high: float) -> float:
        return high


class Mails:
    """A source of given mails that holds the client to its promises."""

    def __init__(self, mails: Iterable[Mail], *, resend: bool = False) -> None:
        self.waiting = deque(mails)
        self.total = len(self.waiting)
        #: Whether a mail that was not sent goes back into the queue.
        self.resend = resend
        self.out: dict[object, bool] = {}
        self.outcomes: dict[object, Outcome] = {}
        self.replies: dict[object, Reply] = {}
        #: Every report in its order, with those of mails that were sent again.
        self.reports: list[tuple[object, Outcome]] = []
        self.pool: SmtpPool | None = None
        self.done = asyncio.Event()

    def next_parcel(self) -> Mail | None:
        if not self.waiting:
            return None
        mail = self.waiting.popleft()
        assert mail.key not in self.out, "pulled twice"
        self.out[mail.key] = False
        return mail

    def handing_over(self, mail: Mail, /) -> None:
        assert self.out[mail.key] is False, "handed over twice"
        self.out[mail.key] = True

    def finished(self, mail: Mail, outcome: Outcome, reply: Reply, /) -> None:
        handed_over = self.out.pop(mail.key)  # KeyError: finished twice, or never pulled
        if outcome in (Outcome.ACCEPTED, Outcome.UNCERTAIN):
            assert handed_over
        if outcome is Outcome.NOT_SENT:
            assert not handed_over
        self.reports.append((mail.key, outcome))
        self.replies[mail.key] = reply
        if outcome is Outcome.NOT_SENT and self.resend:
            self.waiting.append(mail)
            return
        self.outcomes[mail.key] = outcome
        if len(self.outcomes) == self.total:
            self.done.set()

    def count(self, outcome: Outcome) -> int:
        return sum(each is outcome for each in self.outcomes.values())


def some_mails(count: int, *, data: bytes = b"Subject: hi\r\n\r\nhello\r\n", **more: object) -> list[Mail]:
    """Mails to user0@example.com, user1@example.com and so on, each with its number in the body."""
    return [
        Mail(
            key=n,
            mail_from="news@example.com",
            rcpt_to=f"user{n}@example.com",
            data=data + b"%d\r\n" % n,
            **more,
        )  # pyright: ignore[reportArgumentType]
        for n in range(count)
    ]


@asynccontextmanager
async def sending(
    peer: SmtpPeer, mails: Mails, *, clock: QuickClock | None = None, **settings: object
) -> AsyncIterator[SmtpPool]:
    """A pool at work on these mails against this peer."""
    given = {
        "host": "127.0.0.1",
        "port": peer.port,
        "security": Security.PLAIN,
        "max_connections": 1,
    } | settings
    pool = SmtpPool(SmtpServer(**given), mails, clock=clock or QuickClock())  # pyright: ignore[reportArgumentType]
    mails.pool = pool
    pool.start()
    pool.wake()
    try:
        yield pool
    finally:
        await pool.close()
        assert not mails.out, "a mail was pulled and never finished"


async def send_all(peer: SmtpPeer, mails: Mails, *, clock: QuickClock | None = None, **settings: object) -> Mails:
    """Send until each mail has its outcome."""
    async with sending(peer, mails, clock=clock, **settings) as pool, asyncio.timeout(20):
        await mails.done.wait()
        await pool.drain()
    return mails
