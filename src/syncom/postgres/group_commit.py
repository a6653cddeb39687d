"""Grouped commits: rows of many requests, one transaction, then every request answers.

While one batch is being written the next one gathers, so a lone request waits for nobody, and throughput grows
with load. ``submit`` returns after the commit: acknowledged means durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, cast

import psycopg

from syncom.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

Write = Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]


class GroupCommit(Generic[Item, Result]):
    """Collects items and writes them in batches, at most ``writers`` batches at a time.

    ``write`` gets the items and returns one result for each, in order; a result that is an exception is raised
    to that item's caller alone. When ``write`` itself raises, the items of that batch are written one by one, so
    that one bad item cannot fail its neighbours.
    """

    def __init__(
        self,
        write: Write[Item, Result | BaseException],
        *,
        max_batch: int = 1000,
        max_waiting: int = 20_000,
        writers: int = 1,
    ) -> None:
        self._write = write
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._writers = writers
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(self, item: Item) -> Result:
        """Write this item with others; returns its result once it is committed.

        Raises Unavailable when the writer is far behind, instead of letting memory grow.
        """
        if self._closed or len(self._waiting) >= self._max_waiting:
            raise Unavailable("too many writes are waiting; try again in a moment")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if len(self._running) < self._writers:
            self._start()
        return await future

    async def close(self) -> None:
        """Finish what was accepted, then refuse more."""
        self._closed = True
        while self._running or self._waiting:
            if not self._running:
                self._start()
            await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self) -> None:
        task = asyncio.get_running_loop().create_task(self._drain())
        self._running.add(task)

    async def _drain(self) -> None:
        try:
            # One turn of the loop lets every request that is ready now join the first batch.
            await asyncio.sleep(0)
            while self._waiting:
                batch = self._waiting[: self._max_batch]
                del self._waiting[: self._max_batch]
                await self._write_batch(batch)
        finally:
            # At once, and not in a done callback: an item submitted between the last look at `_waiting` and the
            # callback would take this task for a running one, and wait for ever.
            self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _write_batch(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._write([item for item, _ in batch])
        except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
            # The server is away: one by one would only take longer to fail.
            for _, future in batch:
                _settle(future, Unavailable(f"the database does not answer: {error}"))
            return
        except Exception as error:  # noqa: BLE001 - handed to the callers below
            if len(batch) == 1:
                _settle(batch[0][1], error)
                return
            for single in batch:
                await self._write_batch([single])
            return
        for (_, future), result in zip(batch, results, strict=True):
            _settle(future, result)


def _settle(future: asyncio.Future[Result], result: Result | BaseException) -> None:
    if future.done():  # the request went away
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
