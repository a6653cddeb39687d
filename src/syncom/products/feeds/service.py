"""Use cases of product feeds: say where one is, read it now or on a schedule, hand in a file.

A run reads the whole file before anything of it is seen: a process of its own parses it (``reading.py``), batches of
products are staged, and one transaction puts them into the catalogue, takes out what is no longer there, and writes
nothing that is the same. A file that breaks off, or is no feed, changes nothing. Neither does one that most products
have vanished from: a shop's export that failed half-way looks like that, so somebody has to say that it is right.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import msgspec

from syncom.aside import Died, answers
from syncom.clock import Clock
from syncom.errors import Conflict, Invalid, NotFound, SyncomError, Unavailable, Upstream
from syncom.outbound import OutboundClient, check_url
from syncom.postgres.pool import Connection, Database
from syncom.products import store as products
from syncom.products.feeds import store
from syncom.products.feeds.model import Feed, FeedInput, FeedOutcome, FeedResult, FileMark
from syncom.products.feeds.reading import ReadBatch, ReadRequest
from syncom.products.prepare import clean_language
from syncom.security import Keyring

_log = logging.getLogger(__name__)

_PURPOSE: Final = "product feed"

#: Feeds of one account.
MAX_FEEDS: Final = 50
#: Bytes of a file on its way here, and seconds of its download.
MAX_FILE: Final = 1 << 30
_SECONDS: Final = 1800.0
_REDIRECTS: Final = 5
#: Seconds between two looks at the least.
LEAST_EVERY: Final = 300
_LONGEST_NAME: Final = 200
#: Longer than reading a batch takes; a run renews it as it goes.
_LEASE: Final = timedelta(minutes=15)
_RENEW: Final = timedelta(minutes=1)
#: Seconds until the next batch of a file.
_PATIENCE: Final = 120.0
_LONGEST_WAIT: Final = timedelta(hours=6)
_MAX_PROBLEMS: Final = 100
#: A feed of at least so many products may lose at most this share of them unasked.
_FEW: Final = 10
_SUSPICIOUS: Final = 0.5
#: What runs left behind that were cut off is cleared away after so long.
_LEFT_BEHIND: Final = timedelta(days=1)


class FeedsService:
    """Product feeds of an account."""

    def __init__(
        self, database: Database, keyring: Keyring, outbound: OutboundClient, clock: Clock, data_dir: Path
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._outbound = outbound
        self._clock = clock
        self._folder = data_dir / "product-feeds"

    async def add(self, account_id: int, given: FeedInput) -> Feed:
        """Read it from now on. Raises Invalid for a wrong member, Conflict for a name that is taken or too many."""
        given = _checked(given)
        async with self._database.tenant(account_id) as connection:
            if len(await store.list_feeds(connection, account_id)) >= MAX_FEEDS:
                raise Conflict(f"an account has {MAX_FEEDS} product feeds at most: remove one first")
            owned = await store.add(connection, account_id, given, self._next(given))
            if owned is None:
                raise _taken(given.name)
            await store.save_secret(connection, account_id, owned.feed.feed_id, self._sealed(owned, given.password))
        return owned.feed

    async def update(self, account_id: int, feed_id: int, given: FeedInput) -> Feed:
        """Replace its settings; the file is read again. Raises Invalid, NotFound, Conflict.

        A password left out stays, unless the feed moves to another host: it was given for that one.
        """
        given = _checked(given)
        present = await self._owned(account_id, feed_id)
        async with self._database.tenant(account_id) as connection:
            others = await store.list_feeds(connection, account_id)
            if any(one.name == given.name and one.feed_id != feed_id for one in others):
                raise _taken(given.name)
            owned = await store.update(connection, account_id, feed_id, given, self._next(given))
            if owned is None:
                raise NotFound("product feed", feed_id)
            if given.password or not given.username or _has_moved(present.feed.url, given.url):
                await store.save_secret(connection, account_id, feed_id, self._sealed(owned, given.password))
        return owned.feed

    async def list(self, account_id: int) -> list[Feed]:
        """All of them, the oldest first, with how they go."""
        async with self._database.tenant(account_id) as connection:
            return await store.list_feeds(connection, account_id)

    async def get(self, account_id: int, feed_id: int) -> Feed:
        """Raises NotFound."""
        return (await self._owned(account_id, feed_id)).feed

    async def set_enabled(self, account_id: int, feed_id: int, *, enabled: bool) -> Feed:
        """Go on reading it, or rest. Raises NotFound."""
        feed = await self.get(account_id, feed_id)
        next_at = self._clock.now() if enabled and feed.every and feed.url else None
        async with self._database.tenant(account_id) as connection:
            found = await store.enable(connection, account_id, feed_id, enabled=enabled, next_at=next_at)
        if found is None:
            raise NotFound("product feed", feed_id)
        return found.feed

    async def remove(self, account_id: int, feed_id: int) -> int:
        """Forget it and the products that it wrote last; returns how many went. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await products.lock(connection, account_id)
            if not await store.remove(connection, account_id, feed_id):
                raise NotFound("product feed", feed_id)
            return await products.delete_of_feed(connection, account_id, feed_id)

    async def run(self, account_id: int, feed_id: int, *, confirm: bool = False) -> Feed:
        """Read it now and wait for it. ``confirm``: apply it whatever goes, and though the file is the same.

        Raises NotFound, Invalid for a feed without an address, Conflict while it is being read or when so many products
        would go that nothing was changed, and whatever made it fail.
        """
        if not (await self.get(account_id, feed_id)).url:
            raise Invalid("url", "is empty: hand in a file")
        owned = await self._lease(account_id, feed_id)
        return await self._performed(owned, None, confirm=confirm)

    async def take_file(
        self, account_id: int, feed_id: int, pieces: AsyncIterable[bytes], *, confirm: bool = False
    ) -> Feed:
        """Apply a file that is handed in, as if it had been read from the feed's address. Raises like :meth:`run`."""
        owned = await self._lease(account_id, feed_id)
        return await self._performed(owned, pieces, confirm=confirm)

    async def run_due(self) -> int:
        """Read all feeds that are due, one after another; returns how many."""
        done = 0
        while True:
            now = self._clock.now()
            async with self._database.system() as connection:
                owned = await store.lease_due(connection, now=now, until=now + _LEASE)
            if owned is None:
                return done
            done += 1
            try:
                await self._performed(owned, None, confirm=False)
            except SyncomError as error:
                _log.warning("product feed %d: %s", owned.feed.feed_id, error.message)

    # ------------------------------------------------------------ a run

    async def _performed(self, owned: store.Owned, given: AsyncIterable[bytes] | None, *, confirm: bool) -> Feed:
        """One run of a feed whose lease the caller has, kept in its row."""
        begun = self._clock.now()
        try:
            async with self._place() as place:
                result = await self._perform(owned, given, place, confirm=confirm)
        except SyncomError as error:
            await self._finish(owned, begun, error=error.message)
            raise
        except asyncio.CancelledError:
            await self._finish(owned, begun, error="was interrupted; it is read again")
            raise
        except BaseException:
            await self._finish(owned, begun, error="something unexpected happened: the server's log says what")
            raise
        held = _held(result) if result.outcome is FeedOutcome.HELD else None
        await self._finish(owned, begun, result=result, error=held)
        if held is not None:
            raise Conflict(held)
        return await self.get(owned.account_id, owned.feed.feed_id)

    async def _perform(
        self, owned: store.Owned, given: AsyncIterable[bytes] | None, place: Path, *, confirm: bool
    ) -> FeedResult:
        if given is not None:
            mark = await _kept(given, place)
        else:
            mark = await self._downloaded(owned, place, again=confirm)
        if mark is None:
            return FeedResult(outcome=FeedOutcome.SAME_FILE)
        if mark.digest == owned.applied.digest and not confirm:
            if given is None and mark != owned.applied:
                await self._note(owned, mark)
            return FeedResult(outcome=FeedOutcome.SAME_FILE)
        run_id = uuid4()
        async with self._database.tenant(owned.account_id) as connection:
            await products.forget_staged(connection, owned.account_id, self._clock.now() - _LEFT_BEHIND)
        try:
            told = await self._staged(owned, run_id, place)
            return await self._applied(owned, run_id, told, mark, confirm=confirm)
        finally:
            async with self._database.tenant(owned.account_id) as connection:
                await products.unstage(connection, owned.account_id, run_id)

    async def _downloaded(self, owned: store.Owned, place: Path, *, again: bool) -> FileMark | None:
        """None: the server says that it is the file that was applied last."""
        feed = owned.feed
        headers = {"Accept-Encoding": "gzip, deflate"} | self._login(owned)
        if not again and owned.applied.etag:
            headers["If-None-Match"] = owned.applied.etag
        if not again and owned.applied.last_modified:
            headers["If-Modified-Since"] = owned.applied.last_modified
        stream = self._outbound.stream(
            "GET", feed.url, headers=headers, seconds=_SECONDS, limit=MAX_FILE, follow=_REDIRECTS
        )
        async with stream as answer:
            if answer.status == 304:
                return None
            if answer.status != 200:
                host = check_url("url", feed.url).host
                raise Upstream(f"{host} answered {answer.status}" + (": check the login" * (answer.status == 401)))
            mark = await _kept(answer.pieces, place)
            return FileMark(
                digest=mark.digest,
                etag=answer.headers.get("ETag", ""),
                last_modified=answer.headers.get("Last-Modified", ""),
            )

    async def _staged(self, owned: store.Owned, run_id: UUID, place: Path) -> FeedResult:
        """Put all products of the file where nobody sees them yet. Raises Invalid when the file cannot be taken."""
        told = FeedResult(outcome=FeedOutcome.APPLIED)
        request = msgspec.msgpack.encode(ReadRequest(path=str(place), language=owned.feed.language))
        held_at = self._clock.now()
        try:
            async with aclosing(
                answers("syncom.products.feeds.reading", question=request, seconds=_PATIENCE)
            ) as batches:
                async for frame in batches:
                    batch = msgspec.msgpack.decode(frame, type=ReadBatch)
                    if batch.failure:
                        raise Invalid("file", batch.failure)
                    async with self._database.tenant(owned.account_id) as connection:
                        await products.stage(connection, owned.account_id, run_id, batch.rows)
                        if self._clock.now() - held_at > _RENEW:
                            held_at = self._clock.now()
                            await self._hold(connection, owned)
                    told = _added(told, batch)
        except TimeoutError:
            raise Invalid("file", "takes too long to read") from None
        except Died:
            raise Invalid("file", "cannot be read: it needs too much memory") from None
        return told

    async def _applied(
        self, owned: store.Owned, run_id: UUID, told: FeedResult, mark: FileMark, *, confirm: bool
    ) -> FeedResult:
        """The switch: readers see the catalogue before it, or after."""
        account_id, feed_id = owned.account_id, owned.feed.feed_id
        async with self._database.tenant(account_id) as connection:
            await products.lock(connection, account_id)
            await self._hold(connection, owned)
            present, vanishing = await products.vanishing(connection, account_id, run_id, feed_id)
            is_suspicious = present >= _FEW and vanishing > present * _SUSPICIOUS
            if is_suspicious and not confirm:
                return msgspec.structs.replace(
                    told, outcome=FeedOutcome.HELD, removed=vanishing, unchanged=present - vanishing
                )
            merged = await products.merge(connection, account_id, run_id, feed_id=feed_id, now=self._clock.now())
            removed = await products.remove_vanished(connection, account_id, run_id, feed_id)
            await store.note_applied(connection, owned, mark, removed=removed)
        return msgspec.structs.replace(
            told,
            products=merged.products,
            created=merged.created,
            changed=merged.changed,
            unchanged=merged.products - merged.created - merged.changed,
            removed=removed,
        )

    async def _note(self, owned: store.Owned, mark: FileMark) -> None:
        """Keep what the server calls the same file now, to ask for it by that next time."""
        async with self._database.tenant(owned.account_id) as connection:
            await self._hold(connection, owned)
            await store.note_applied(connection, owned, mark, removed=0)

    # ------------------------------------------------------------ parts

    async def _owned(self, account_id: int, feed_id: int) -> store.Owned:
        async with self._database.tenant(account_id) as connection:
            found = await store.get(connection, account_id, feed_id)
        if found is None:
            raise NotFound("product feed", feed_id)
        return found

    async def _lease(self, account_id: int, feed_id: int) -> store.Owned:
        await self._owned(account_id, feed_id)
        now = self._clock.now()
        async with self._database.tenant(account_id) as connection:
            owned = await store.lease(connection, account_id, feed_id, now=now, until=now + _LEASE)
        if owned is None:
            raise Conflict("this feed is being read already; look again in a moment")
        return owned

    async def _hold(self, connection: Connection, owned: store.Owned) -> None:
        if not await store.hold(connection, owned, self._clock.now() + _LEASE):
            raise Unavailable("this run was given up for dead, and another one has begun")

    async def _finish(
        self, owned: store.Owned, begun: datetime, *, result: FeedResult | None = None, error: str | None = None
    ) -> None:
        """Write down how a run ended, and when the next one is due: sooner after one that failed, at first."""
        feed = owned.feed
        next_at = None
        if feed.enabled and feed.every and feed.url:
            next_at = begun + timedelta(seconds=feed.every)
            if result is None:
                wait = min(timedelta(minutes=2 ** min(feed.failures, 10)), _LONGEST_WAIT)
                next_at = self._clock.now() + wait
        async with self._database.tenant(owned.account_id) as connection:
            await store.finished(connection, owned, next_at=next_at, run_at=begun, result=result, error=error)

    def _next(self, given: FeedInput) -> datetime | None:
        return self._clock.now() if given.every and given.url else None

    def _sealed(self, owned: store.Owned, password: str) -> bytes | None:
        if not password:
            return None
        return self._keyring.seal(password.encode(), purpose=_PURPOSE, owner=_owner(owned))

    def _login(self, owned: store.Owned) -> dict[str, str]:
        if not owned.feed.username:
            return {}
        password = b""
        if owned.secret is not None:
            password = self._keyring.unseal(owned.secret, purpose=_PURPOSE, owner=_owner(owned))
        login = b64encode(owned.feed.username.encode() + b":" + password).decode()
        return {"Authorization": f"Basic {login}"}

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[Path]:
        """A file of this run's own; it goes when the run ends, with whatever is beside it."""
        await asyncio.to_thread(_clear, self._folder, (self._clock.now() - _LEFT_BEHIND).timestamp())
        folder = self._folder / uuid4().hex
        folder.mkdir(parents=True, mode=0o700)
        try:
            yield folder / "feed"
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _owner(owned: store.Owned) -> str:
    return f"product feed:{owned.feed.feed_id}"


def _checked(given: FeedInput) -> FeedInput:
    name = given.name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Invalid("name", f"must be printable text of 1 to {_LONGEST_NAME} characters")
    if given.every and given.every < LEAST_EVERY:
        raise Invalid("every", f"must be 0 (when somebody asks) or at least {LEAST_EVERY} seconds")
    if given.url:
        url = check_url("url", given.url)
        if url.user or url.password:
            raise Invalid("url", "holds a password: give username and password instead")
    if ":" in given.username or not given.username.isprintable():
        raise Invalid("username", "must be printable and hold no colon")
    if given.password and not given.username:
        raise Invalid("username", "is missing beside the password")
    return msgspec.structs.replace(given, name=name, language=clean_language(given.language))


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a product feed named {name}; choose another name", field="name")


def _has_moved(before: str, after: str) -> bool:
    """Whether the password was given for another host."""
    if not before or not after:
        return True
    return check_url("url", before).origin() != check_url("url", after).origin()


def _held(result: FeedResult) -> str:
    total = result.removed + result.unchanged
    return (
        f"{result.removed:,} of the {total:,} products of this feed are not in the file, so nothing was changed; "
        "if that is right, run it again with confirm"
    )


def _added(told: FeedResult, batch: ReadBatch) -> FeedResult:
    return msgspec.structs.replace(
        told,
        format=batch.format,
        offers=told.offers + batch.offers,
        refused=told.refused + batch.refused,
        problems=[*told.problems, *batch.problems][:_MAX_PROBLEMS],
    )


async def _kept(pieces: AsyncIterable[bytes], place: Path) -> FileMark:
    """Write a file down as it comes. Raises Invalid when it is too long."""
    digest, size = sha256(), 0
    with place.open("wb") as file:
        async for piece in pieces:
            size += len(piece)
            if size > MAX_FILE:
                raise Invalid("file", f"is larger than {MAX_FILE >> 30} GB")
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    return FileMark(digest=digest.hexdigest())


def _clear(folder: Path, before: float) -> None:
    """Delete what runs left behind that were cut off."""
    for left in folder.glob("*"):
        if left.stat().st_mtime < before:
            shutil.rmtree(left, ignore_errors=True)
