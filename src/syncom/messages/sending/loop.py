"""The sending process: claims work, reads recipients just before they are sent, keeps every sender's line fed.

Two kinds run side by side: ``bulk`` takes the chunks of campaigns and their retries, ``express`` takes transactional
and workflow messages, so that these never wait behind a campaign.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence, Set
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from syncom.clock import Clock
from syncom.contacts.categories import named
from syncom.contacts.erasures import MILD
from syncom.contacts.model import Channel
from syncom.contacts.service import ContactsService
from syncom.content.service import ContentService
from syncom.errors import Unavailable
from syncom.messages import store
from syncom.messages.bounces.refusals import Refusals
from syncom.messages.channels.carrier import Composer
from syncom.messages.dealing import deal_again, must_give_back
from syncom.messages.destinations import store as destinations
from syncom.messages.destinations.model import Destination
from syncom.messages.model import Exclusion, Lane, Sender, SenderKind, SenderRole
from syncom.messages.notices import CAMPAIGNS, MESSAGES, announce_campaigns
from syncom.messages.policy.service import PoliciesService
from syncom.messages.senders import SendersService
from syncom.messages.sending.allowing import Allowing
from syncom.messages.sending.carriers import Carriers
from syncom.messages.sending.journal import Journal
from syncom.messages.sending.line import SENDER_PAUSE, SenderLine
from syncom.messages.sending.merge_fields import reader_of
from syncom.messages.sending.recovery import recover
from syncom.messages.sending.settlement import Settlement
from syncom.messages.sending.work import Lease, Postponed, Work
from syncom.messages.warming import store as warming
from syncom.postgres.pool import Database

_log = logging.getLogger(__name__)


#: Seconds between looks at the queue when nobody notifies.
_POLL = 1.0
#: A line without work is looked after for so long; then only the watch over the whole queue can wake it.
_IDLE = 30.0
_HEARTBEAT = 20.0
#: A process that could not renew its heartbeat for so long begins nothing new: others may believe it dead.
_SILENCE = 300.0
_RECOVER = 15.0
#: Trouble that goes on is told again so often.
_TELL_TROUBLE = 20.0
#: Recipients read at once at most, and at least.
_MAX_SLICE, _MIN_SLICE = 500, 20
#: Recipients are read for about so many seconds of sending, so that consent is never older than that.
_READ_AHEAD = 0.2
#: Composers that a line keeps: contents that several recipients share come back soon.
_COMPOSERS = 64
#: What the words of a sender begin with that waits for its next day.
_WARM_UP = "warm-up"
#: Results that wait for the database before no more is claimed.
_MAX_BACKLOG = 20_000


class SendingLoop:
    """One sending process."""

    def __init__(
        self,
        *,
        database: Database,
        contacts: ContactsService,
        content: ContentService,
        senders: SendersService,
        carriers: Carriers,
        policies: PoliciesService,
        refusals: Refusals,
        clock: Clock,
        data_dir: Path,
        role: SenderRole,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._content = content
        self._senders = senders
        self._carriers = carriers
        self._allowing = Allowing(policies, clock)
        self._refusals = refusals
        self._clock = clock
        self._folder = data_dir / "journal"
        self._role = role
        self._lanes = (Lane.RETRY,) if role is SenderRole.BULK else (Lane.TRANSACTIONAL, Lane.WORKFLOW)
        self._worker_id = uuid4()
        self._host = ""
        self._lines: dict[int, SenderLine] = {}
        self._feeders: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._beat_at = clock.monotonic()
        self._journal: Journal | None = None
        self._settlement: Settlement | None = None
        self._errands: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; then finish what is on the wire, settle it, and give back the rest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._host = host_name(self._folder)
        await self._patiently(self._recover)
        self._journal = Journal(self._folder, self._worker_id)
        await self._patiently(self._register)
        self._settlement = Settlement(
            self._database,
            self._journal,
            worker_id=self._worker_id,
            shard=1 + (self._worker_id.int & 15),
            refusals=self._refusals,
            on_lease_done=self._lease_done,
        )
        self._settlement.start()
        tasks = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._keep_alive()),
            asyncio.create_task(self._watch_queue()),
        ]
        try:
            await stop.wait()
        finally:
            await self._shut_down(tasks)

    async def _shut_down(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in [*tasks, *self._feeders.values()]:
            task.cancel()
        await asyncio.gather(*tasks, *self._feeders.values(), return_exceptions=True)
        for line in self._lines.values():
            line.let_go()
        await asyncio.gather(*(line.carrier.drain() for line in self._lines.values()))
        if self._settlement is not None:
            await self._settlement.close()
        await asyncio.gather(*self._errands, return_exceptions=True)
        async with self._database.system() as connection:
            await store.release_worker(connection, self._worker_id)
            for line in self._lines.values():
                if line.allowance is not None and line.allowance[1] > 0:
                    await warming.give_back(connection, line.sender.sender_id, *line.allowance)
        if self._journal is not None:
            self._journal.close()

    # ------------------------------------------------------------ keeping alive

    async def _register(self) -> None:
        async with self._database.system() as connection:
            await store.register_worker(connection, self._worker_id, self._host, os.getpid(), self._role.value)

    async def _recover(self) -> None:
        if await recover(self._database, self._folder, self._host, self._worker_id, self._clock):
            self._wake.set()

    async def _keep_alive(self) -> None:
        recovered_at = self._clock.monotonic()
        while True:
            try:
                async with self._database.system() as connection:
                    await store.heartbeat(connection, self._worker_id)
                self._beat_at = self._clock.monotonic()
                if self._clock.monotonic() - recovered_at >= _RECOVER:
                    recovered_at = self._clock.monotonic()
                    await self._recover()
            except (psycopg.Error, Unavailable) as error:
                _log.warning("no heartbeat: %s", error)
            silent = self._clock.monotonic() - self._beat_at > _SILENCE
            for line in self._lines.values():
                line.may_send = not silent
            await asyncio.sleep(min(_HEARTBEAT, _RECOVER))

    async def _listen(self) -> None:
        """Notifications make the loop quick; polling makes it certain."""
        channels = (CAMPAIGNS,) if self._role is SenderRole.BULK else (MESSAGES, CAMPAIGNS)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._database.dsn, autocommit=True) as connection:
                    for channel in channels:
                        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    async for notice in connection.notifies():
                        for line in self._lines.values():
                            line.news.set()
                        if notice.channel == CAMPAIGNS:
                            await self._drop_stopped()
                        self._wake.set()
            except (psycopg.Error, Unavailable):
                await asyncio.sleep(1.0)

    async def _watch_queue(self) -> None:
        """Open a line for every sender with work; wake the feeders."""
        while True:
            self._wake.clear()
            try:
                await self._open_lines()
                await self._drop_stopped()
                await self._note_troubles()
                await self._deal_again()
                await self._learn_destinations()
            except (psycopg.Error, Unavailable) as error:
                _log.warning("the queue cannot be read: %s", error)
                await asyncio.sleep(1.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL)

    async def _open_lines(self) -> None:
        async with self._database.system() as connection:
            active = await store.active_senders(
                connection,
                lanes=self._lanes,
                chunks=self._role is SenderRole.BULK,
                listening=self._role is SenderRole.EXPRESS,
            )
            warm_ups = await warming.select(connection, [found.sender.sender_id for found in active])
        await self._carriers.prepare({found.sender.account_id for found in active})
        for found in active:
            sender = found.sender
            line = self._lines.get(sender.sender_id)
            changed = line is not None and (line.sender.config, line.secret) != (sender.config, found.secret)
            if line is not None and changed and line.is_empty:
                await self._close_line(sender.sender_id)
                line = None
            if line is None:
                line = self._open_line(found)
            line.paused_until = _still(sender.paused_until, self._clock.now())
            line.warm_up = warm_ups.get(sender.sender_id)
            if not found.has_work:
                continue
            feeder = self._feeders.get(sender.sender_id)
            if feeder is None or feeder.done():
                self._feeders[sender.sender_id] = asyncio.create_task(self._feed(line))
        if self._role is SenderRole.EXPRESS:
            await self._close_deleted({found.sender.sender_id for found in active})

    async def _close_deleted(self, active: Set[int]) -> None:
        """Senders that are listened to for as long as they are there."""
        for sender_id, line in list(self._lines.items()):
            if line.sender.kind is SenderKind.SMPP and sender_id not in active and line.is_empty:
                await self._close_line(sender_id)

    async def _note_troubles(self) -> None:
        """Show beside the sender what keeps it from sending, and that it is over."""
        for line in self._lines.values():
            trouble = line.rest_words or line.carrier.trouble()
            if trouble is None and line.trouble.startswith(_WARM_UP):
                trouble = ""
            now = self._clock.monotonic()
            # Others look at when trouble was seen last: it is told again while it keeps something here from leaving.
            again = bool(trouble) and not line.is_empty and now - line.trouble_noted_at >= _TELL_TROUBLE
            if trouble is None or (trouble == line.trouble and not again):
                continue
            is_news = trouble != line.trouble
            line.trouble, line.trouble_noted_at = trouble, now
            if trouble and is_news:
                _log.warning("sender %s cannot send: %s", line.sender.name, trouble)
            async with self._database.system() as connection:
                await store.note_trouble(connection, line.sender.sender_id, trouble)

    def _open_line(self, found: store.ActiveSender) -> SenderLine:
        sender = found.sender
        assert self._journal is not None
        assert self._settlement is not None
        line = SenderLine(
            sender=sender,
            journal=self._journal,
            clock=self._clock,
            settle=self._settlement.add,
            pause=self._pause_sender,
            tell=self._tell_destination,
            secret=found.secret,
        )
        password = self._senders.unseal(sender.sender_id, found.secret)
        line.carrier = self._carriers.open(sender, password, line, listening=self._role is SenderRole.EXPRESS)
        line.carrier.start()
        self._lines[sender.sender_id] = line
        return line

    async def _close_line(self, sender_id: int) -> None:
        line = self._lines.pop(sender_id)
        feeder = self._feeders.pop(sender_id, None)
        if feeder is not None:
            feeder.cancel()
        await line.carrier.drain()

    def _pause_sender(self, sender: Sender, until: datetime, problem: str) -> None:
        async def write() -> None:
            async with self._database.system() as connection:
                await store.pause_sender(connection, sender.sender_id, until, problem)

        _log.error("sender %s rests until %s: %s", sender.name, until, problem)
        self._errand(write())

    def _tell_destination(self, found: Destination) -> None:
        async def write() -> None:
            async with self._database.system() as connection:
                if found.rests_until > self._clock.now():
                    await destinations.rest(connection, found)
                else:
                    await destinations.slow(connection, found)

        _log.warning("sender %d is slowed or rests at %s: %s", found.sender_id, found.destination, found.problem)
        self._errand(write())

    async def _learn_destinations(self) -> None:
        """What any process was told by receiving domains."""
        lines = [line for line in self._lines.values() if line.destinations is not None]
        if not lines:
            return
        sender_ids = [line.sender.sender_id for line in lines]
        async with self._database.system() as connection:
            found = await destinations.pressed(connection, sender_ids, self._clock.now())
        for line in lines:
            if line.destinations is not None:
                line.destinations.learn([one for one in found if one.sender_id == line.sender.sender_id])

    # ------------------------------------------------------------ feeding

    async def _feed(self, line: SenderLine) -> None:
        """Keep one line's ready recipients topped up, until it had nothing to do for a while."""
        pace = 0.0
        answered, since = line.answered, self._clock.monotonic()
        busy_at = since
        while self._clock.monotonic() - busy_at < _IDLE:
            now = self._clock.monotonic()
            if now - since >= 0.25:
                pace = (line.answered - answered) / (now - since)
                answered, since = line.answered, now
            size = _slice(pace, line.sender.config.rate_per_second)
            line.news.clear()
            try:
                got = await self._top_up(line, size)
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                _log.warning("sender %s cannot read its work: %s", line.sender.name, error)
                await asyncio.sleep(0.5)
                continue
            except Exception as error:  # noqa: BLE001 - shown, and the line is set aside
                # One sender's or one campaign's defect must not stop the others, and must not be hidden either.
                _log.exception("sender %s is set aside", line.sender.name)
                line.paused_until = self._clock.now() + SENDER_PAUSE
                self._pause_sender(line.sender, line.paused_until, f"internal error: {error}"[:500])
                return
            if got or line.waiting:
                busy_at = self._clock.monotonic()
                line.carrier.wake()
            # Something is ready: look again soon. Nothing is: wait for a notice, and look now and then all the same.
            with suppress(TimeoutError):
                await asyncio.wait_for(line.news.wait(), 0.005 if got or line.waiting else _POLL)

    async def _top_up(self, line: SenderLine, size: int) -> int:
        """Read more recipients when few are ready; returns how many were added."""
        assert self._settlement is not None
        await self._take_permits(line, size)
        await self._take_destination_permits(line)
        if (
            line.paused_until is not None
            or len(line.ready) >= size
            or not line.may_send
            or self._settlement.backlog > _MAX_BACKLOG
        ):
            return 0
        size = await self._allowance(line, size)
        if not size:
            return 0
        added = await self._read_messages(line, size)
        if not added and (self._role is SenderRole.BULK or line.is_of_one_process):
            added = await self._read_chunk(line, size)
        if not added and line.allowance is not None:
            await self._give_back_allowance(line)
        return added

    async def _allowance(self, line: SenderLine, size: int) -> int:
        """How many of so many recipients may be read: of a sender that is warmed up, no more than its day allows.

        What cannot wait is counted and sent all the same.
        """
        now = self._clock.now()
        allowed = line.warm_up.allowed(now) if line.warm_up is not None else None
        if line.warm_up is None or allowed is None:
            line.allowance, line.rest_words = None, ""
            return size
        today = line.warm_up.today(now)
        left = line.allowance[1] if line.allowance is not None and line.allowance[0] == today else 0
        free = left - line.waiting
        if free < 1:
            limit = None if self._role is SenderRole.EXPRESS else allowed
            async with self._database.system() as connection:
                free += await warming.take(connection, line.sender.sender_id, today, size - free, limit)
            line.allowance = (today, free + line.waiting)
        begins = line.warm_up.tomorrow(now)
        over = f"{_WARM_UP}: today's {allowed:,} messages are sent; it goes on at {begins:%Y-%m-%d %H:%M} UTC"
        line.rest_words = over if free < 1 else ""
        return max(0, min(size, free))

    async def _give_back_allowance(self, line: SenderLine) -> None:
        """Nothing is there to be read: others may have what was taken of the day and is not needed."""
        assert line.allowance is not None
        day, left = line.allowance
        if left > line.waiting:
            async with self._database.system() as connection:
                await warming.give_back(connection, line.sender.sender_id, day, left - line.waiting)
            line.allowance = (day, line.waiting)

    async def _read_messages(self, line: SenderLine, size: int) -> int:
        if not line.leased:
            async with self._database.autocommit() as connection:
                line.leased = await store.lease_messages(
                    connection,
                    line.sender.sender_id,
                    self._worker_id,
                    tuple(Lane) if line.is_of_one_process else self._lanes,
                    size,
                    is_stuck=line.is_stuck,
                )
        # When the database goes away here, they are there for the next try.
        works = await self._allowed(line, line.leased)
        for work in works:
            work.composer = await self._composer(line, work.account_id, work.content_id, work.campaign_id)
        await self._ask_again(works)
        await self._find_products(works)
        line.leased = []
        line.ready.extend(works)
        return len(works)

    async def _read_chunk(self, line: SenderLine, size: int) -> int:
        lease = await self._lease_to_read(line)
        if lease is None:
            return 0
        ids = [lease.pending.popleft() for _ in range(min(size, len(lease.pending)))]
        lease.outstanding += len(ids)
        try:
            # The database may go away at any of these steps, the end of the transaction too: nobody may get lost.
            policies = await self._allowing.in_force_for(lease.account_id)
            async with self._database.system() as connection:
                found = await store.recipients(connection, lease.account_id, lease.channel, ids)
                read = [store.work_of_chunk(lease, contact_id, found.get(contact_id)) for contact_id in ids]
                works, waiting = await self._allowing.sift(connection, read, policies)
            composers = {
                content_id: await self._composer(line, lease.account_id, content_id, lease.campaign_id)
                for content_id in {work.content_id for work in works}
            }
            await self._ask_again(works)
            await self._find_products(works)
        except BaseException:
            lease.pending.extendleft(reversed(ids))
            lease.outstanding -= len(ids)
            raise
        if lease.stopped:
            lease.outstanding -= len(ids)
            return 0
        for work in works:
            work.composer = composers[work.content_id]
        self._put_off(line, waiting)
        line.ready.extend(works)
        return len(ids)

    async def _allowed(self, line: SenderLine, works: list[Work]) -> list[Work]:
        """Those leased rows that may go now by the policies of their accounts; the others are put off."""
        policies = await self._allowing.in_force(works)
        if not policies:
            return works
        async with self._database.system() as connection:
            allowed, waiting = await self._allowing.sift(connection, works, policies)
        line.leased = list(allowed)
        self._put_off(line, waiting)
        return line.leased

    def _put_off(self, line: SenderLine, waiting: Sequence[Postponed]) -> None:
        assert self._settlement is not None
        for one in waiting:
            self._settlement.add(line.sender.sender_id, one)

    async def _ask_again(self, works: Sequence[Work]) -> None:
        """Who may not get it after all: asked just before it is sent, whatever held when it was planned.

        Who declined the categories of a message, and whose address belonged to somebody who was erased.
        """
        asked: dict[tuple[int, tuple[str, ...]], list[Work]] = {}
        for work in works:
            if work.categories:
                asked.setdefault((work.account_id, work.categories), []).append(work)
        for (account_id, keys), some in asked.items():
            async with self._database.system() as connection:
                known = tuple(await named(connection, account_id, keys))
                ids = [work.contact_id for work in some]
                declined = await self._contacts.categories.opted_out(connection, account_id, ids, keys)
            for work in some:
                work.category_ids = known
                work.declined = declined.get(work.contact_id, "")
        if self._contacts.erasures is None:
            return
        reached: dict[tuple[int, Channel], list[Work]] = {}
        for work in works:
            reached.setdefault((work.account_id, work.channel), []).append(work)
        for (account_id, channel), some in reached.items():
            refused = await self._contacts.erasures.refused(account_id, channel, {work.address for work in some})
            for work in some if refused else ():
                reason = refused.get(work.address)
                if reason is not None and (work.lane is not Lane.TRANSACTIONAL or reason not in MILD):
                    work.declined = Exclusion.SUPPRESSED.value

    async def _find_products(self, works: Sequence[Work]) -> None:
        """Products for the mails that have some in them: for all recipients of a content at once."""
        for (account_id, content_id), some in _by_content(works).items():
            content = await self._content.compiled(account_id, content_id)
            if content.products:
                picked = await self._content.products_for(account_id, content, [reader_of(work) for work in some])
                for work, products in zip(some, picked, strict=True):
                    work.products = products

    async def _lease_to_read(self, line: SenderLine) -> Lease | None:
        """A chunk in hand with recipients that were not read yet; new ones are leased when there is none."""
        lease = next((lease for lease in line.leases if lease.pending and not lease.stopped), None)
        if lease is None:
            async with self._database.system() as connection:
                leased = await store.lease_chunks(
                    connection, line.sender.sender_id, self._worker_id, 2, is_stuck=line.is_stuck
                )
            line.leases += leased
            lease = next((lease for lease in leased if lease.pending), None)
        return lease

    async def _composer(self, line: SenderLine, account_id: int, content_id: int, campaign_id: int) -> Composer:
        key = (content_id, campaign_id)
        found = line.composers.get(key)
        if found is not None:
            return found
        if len(line.composers) >= _COMPOSERS:
            line.composers.pop(next(iter(line.composers)))
        compiled = await self._content.compiled(account_id, content_id)
        fields = await self._contacts.fields.all(account_id)
        found = line.carrier.composer(
            compiled,
            content_id=content_id,
            campaign_id=campaign_id,
            custom_fields={field.key: field.field_id for field in fields},
            attachments=await self._content.attached_files(account_id, content_id),
        )
        line.composers[key] = found
        return found

    async def _take_permits(self, line: SenderLine, size: int) -> None:
        rate = line.sender.config.rate_per_second
        if rate is None or line.permits is None or line.permits >= 1 or not line.waiting:
            return
        # A tenth of the bucket is kept for the lanes that must not wait.
        burst = max(1.0, rate * 0.5)
        reserve = 0.0 if self._role is SenderRole.EXPRESS else burst * 0.1 if burst >= 10 else 0.0
        async with self._database.system() as connection:
            line.permits += await store.take_permits(
                connection,
                line.sender.sender_id,
                wanted=min(line.waiting, max(1, int(rate * _READ_AHEAD))),
                rate=rate,
                burst=burst,
                reserve=reserve,
            )
        if line.permits >= 1:
            line.carrier.wake()

    async def _take_destination_permits(self, line: SenderLine) -> None:
        """The same for destinations with a rate, of which somebody waits."""
        if line.destinations is None or not line.destinations.active:
            return
        reserve_part = 0.0 if self._role is SenderRole.EXPRESS else 0.1
        for name, wanted, rate in line.destinations.wanted():
            async with self._database.system() as connection:
                granted = await destinations.take_permits(
                    connection, line.sender.sender_id, name, wanted=wanted, rate=rate, reserve_part=reserve_part
                )
            line.destinations.grant(name, granted)

    # ------------------------------------------------------------ stopping campaigns, finishing leases

    async def _drop_stopped(self) -> None:
        """Paused and cancelled campaigns: what was not begun goes back."""
        held = {lease.campaign_id for line in self._lines.values() for lease in line.leases} | {
            work.campaign_id for line in self._lines.values() for work in line.in_hand if work.campaign_id
        }
        if not held:
            return
        async with self._database.system() as connection:
            states = await store.campaign_states(connection, sorted(held))
        stopped = {campaign for campaign in held if states.get(campaign) not in ("expanding", "sending")}
        if stopped:
            for line in self._lines.values():
                await self._give_back(line, lambda one: one.campaign_id in stopped)

    async def _give_back(self, line: SenderLine, is_stopped: Callable[[Work | Lease], bool]) -> None:
        dropped = line.drop(is_stopped)
        if dropped:
            async with self._database.system() as connection:
                await store.release_messages(connection, self._worker_id, dropped)
        for lease in [lease for lease in line.leases if lease.done]:
            self._lease_done(line.sender.sender_id, lease)

    async def _deal_again(self) -> None:
        """Groups: what members that cannot send have in hand goes back, and what lies with them goes to others."""
        concerned = [line for line in self._lines.values() if line.is_of_groups or line.is_stuck]
        if concerned:
            async with self._database.system() as connection:
                stuck = await must_give_back(connection, [line.sender.sender_id for line in concerned])
            for line in concerned:
                line.is_stuck = line.sender.sender_id in stuck
                if line.is_stuck:
                    await self._give_back(line, lambda one: one.group_id != 0)
        async with self._database.system() as connection:
            await deal_again(connection)

    def _lease_done(self, sender_id: int, lease: Lease) -> None:
        """All of a chunk's recipients are settled, or it was stopped and nothing of it is on the wire."""
        line = self._lines.get(sender_id)
        if line is None or lease not in line.leases:
            return
        line.leases.remove(lease)
        if lease.stopped:

            async def give_back() -> None:
                async with self._database.system() as connection:
                    await store.release_chunk(connection, lease, self._worker_id)
                    await announce_campaigns(connection)

            self._errand(give_back())

    # ------------------------------------------------------------ parts

    def _errand(self, work: Coroutine[None, None, None]) -> None:
        """Something small that need not be waited for."""
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step of the start until the database is there."""
        while True:
            try:
                await step()
            except (psycopg.OperationalError, Unavailable) as error:
                _log.warning("waiting for the database: %s", error)
                await asyncio.sleep(1.0)
            else:
                return


def _slice(pace: float, rate: float | None) -> int:
    """How many recipients to read at once, at this many mails a second."""
    least = _MIN_SLICE if rate is None else max(1, min(_MIN_SLICE, int(rate * _READ_AHEAD / 2)))
    return max(least, min(_MAX_SLICE, int(pace * _READ_AHEAD)))


def _by_content(works: Sequence[Work]) -> dict[tuple[int, int], list[Work]]:
    found: dict[tuple[int, int], list[Work]] = {}
    for work in works:
        found.setdefault((work.account_id, work.content_id), []).append(work)
    return found


def host_name(folder: Path) -> str:
    """Names the folder of journals, not the machine's network name: containers change that on every start."""
    path = folder / "host.id"
    if path.exists():
        return path.read_text("ascii").strip()
    identity = UUID(bytes=os.urandom(16)).hex
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(identity)
    except FileExistsError:
        return path.read_text("ascii").strip()
    return identity


def _still(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment > now else None
