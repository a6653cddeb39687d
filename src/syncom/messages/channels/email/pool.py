"""The connections to one SMTP server: opened as work comes, kept, reused, closed when idle."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import ExitStack
from datetime import datetime, timedelta

from syncom.clock import Clock
from syncom.messages.channels.email.connection import SmtpConnection, Trouble
from syncom.messages.channels.email.envelope import Extensions
from syncom.messages.channels.email.model import MailSource, PoolState, Reply, Security, SmtpServer

#: Seconds before the next attempt after trouble: the first wait, doubled each time up to the second.
_BACKOFF = {Trouble.CONNECTION: (1.0, 60.0), Trouble.LOGIN: (60.0, 900.0)}


class SmtpPool:
    """Pulls mails from a source and sends them through one server.

    Use it from one event loop: ``start``, ``wake`` whenever the source has something, ``drain`` or ``close``.
    """

    def __init__(self, server: SmtpServer, source: MailSource, *, clock: Clock) -> None:
        """Nothing is opened before the first ``wake``.

        Raises:
            OSError: ``server.ca_file`` cannot be read.
            ssl.SSLError: ``server.ca_file`` holds no certificate.
        """
        self._server = server
        self._source = source
        self._clock = clock
        self._tls = _tls_context(server)
        self._connections: set[SmtpConnection] = set()
        # A dict keeps the order: the connection used last is used first, the others may idle away.
        self._idle: dict[SmtpConnection, None] = {}
        self._closing = False
        self._offer_planned = False
        self._watch: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        # Whether a mail may be waiting: since the last wake, no connection heard "nothing" from the source.
        self._wanted = False
        self._failures = 0
        self._not_before = 0.0
        self._backing_off_until: datetime | None = None
        self._last_error: Reply | None = None
        self._last_error_at: datetime | None = None
        self._login_refused = False
        #: Whether the server takes 8-bit bodies; None until one connection heard it.
        self.supports_8bitmime: bool | None = None

    def start(self) -> None:
        """Begin to watch over time-outs. Call it inside the running loop."""
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._watch_time())

    def wake(self) -> None:
        """The source has something. Cheap, and safe inside the source's own callbacks."""
        self._wanted = True
        self._plan_offer()

    async def drain(self) -> None:
        """Start no new mail, finish those in hand, say goodbye. Bounded by the server's time-outs."""
        self._closing = True
        for connection in list(self._connections):
            connection.quit()
        await self._empty.wait()
        await self._stop_watch()

    async def close(self) -> None:
        """Cut every connection now; mails in hand end as not sent or uncertain."""
        self._closing = True
        with ExitStack() as every:  # an error in the source may not keep the others open
            for connection in self._connections:
                every.callback(connection.abort)
        await self._stop_watch()

    def state(self) -> PoolState:
        """How it goes, for people."""
        backing_off = self._clock.monotonic() < self._not_before
        return PoolState(
            connections=len(self._connections),
            connecting=sum(not connection.ready for connection in self._connections),
            busy=sum(connection.busy for connection in self._connections),
            last_error=self._last_error,
            last_error_at=self._last_error_at,
            backing_off_until=self._backing_off_until if backing_off else None,
            login_refused=self._login_refused,
        )

    # --- what the connections tell ---

    def accepting(self) -> bool:
        """Whether new mails may be started."""
        return not self._closing

    def more_work(self) -> None:
        """A busy connection found another mail waiting: grow by one."""
        if len(self._connections) < self._server.max_connections:
            self._wanted = True
            self._plan_offer()

    def no_work(self) -> None:
        """The source had nothing."""
        self._wanted = False

    def idle(self, connection: SmtpConnection, /) -> None:
        """The connection waits for work."""
        self._idle[connection] = None

    def introduced(self, extensions: Extensions, /) -> None:
        """The server let us in and said what it can."""
        self.supports_8bitmime = extensions.eight_bit
        self._login_refused = False

    def proved(self) -> None:
        """A new connection got its first mail answered: the trouble is over."""
        self._failures = 0
        self._not_before = 0.0

    def gone(self, connection: SmtpConnection, trouble: Trouble, why: Reply, /, *, unsent: bool) -> None:
        """The connection ended."""
        self._connections.discard(connection)
        self._idle.pop(connection, None)
        if trouble is not Trouble.NONE:
            self._back_off(trouble, why)
        if not self._connections:
            self._empty.set()
        if unsent:
            self._wanted = True
        if self._wanted:
            self._plan_offer()

    # --- steps ---

    def _back_off(self, trouble: Trouble, why: Reply) -> None:
        now = self._clock.monotonic()
        self._last_error, self._last_error_at = why, self._clock.now()
        self._login_refused = trouble is Trouble.LOGIN
        first, most = _BACKOFF[trouble]
        # Twenty connections refused at once are one failure, not twenty.
        if now >= self._not_before:
            self._failures += 1
        # Never below half, so that a fleet neither hammers nor marches in step.
        wait = min(most, first * 2 ** min(self._failures - 1, 10)) * self._clock.jitter(0.5, 1.0)
        if now + wait > self._not_before:
            self._not_before = now + wait
            self._backing_off_until = self._last_error_at + timedelta(seconds=wait)

    def _plan_offer(self) -> None:
        """Offer work in the next turn of the loop: the caller may be in the middle of a reply."""
        if not self._offer_planned and not self._closing:
            self._offer_planned = True
            asyncio.get_running_loop().call_soon(self._offer)

    def _offer(self) -> None:
        """Give work to idle connections; open one more when that was not enough."""
        self._offer_planned = False
        while self._idle and not self._closing:
            connection, _ = self._idle.popitem()
            if not connection.offer() and connection in self._idle:
                return
        if self._wanted:
            self._grow()

    def _grow(self) -> None:
        """One more connection, at most as many at once as there are working ones."""
        opening = sum(not connection.ready for connection in self._connections)
        if (
            self._closing
            or len(self._connections) >= self._server.max_connections
            or opening > len(self._connections) - opening
            or self._clock.monotonic() < self._not_before
        ):
            return
        connection = SmtpConnection(
            server=self._server, source=self._source, owner=self, clock=self._clock, tls=self._tls
        )
        self._connections.add(connection)
        self._empty.clear()
        connection.open()

    async def _watch_time(self) -> None:
        server, loop = self._server, asyncio.get_running_loop()
        step = min(1.0, min(server.connect_timeout, server.command_timeout, server.idle_timeout) / 4)
        while True:
            await self._clock.sleep(step)
            now = self._clock.monotonic()
            for connection in self._connections:
                # As callbacks: an error in the source may not end the watch over the others.
                loop.call_soon(connection.check_time, now)
            if self._wanted:
                self._plan_offer()

    async def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None


def _tls_context(server: SmtpServer) -> ssl.SSLContext | None:
    if server.security is Security.PLAIN:
        return None
    context = ssl.create_default_context(cafile=server.ca_file)
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
