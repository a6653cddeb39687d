"""How long an app may say nothing."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Silence:
    """A time limit for one wait after the other: ``with silence: await ...`` raises TimeoutError when it is over.

    As ``asyncio.timeout`` is, for which every wait needs a new one and costs four times as much.
    """

    __slots__ = ("_before", "_handle", "_loop", "_over", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._before = 0
        self._over = False

    def __enter__(self) -> None:
        task = self._task = asyncio.current_task(self._loop)
        self._before = 0 if task is None else task.cancelling()
        self._over = False
        self._handle = self._loop.call_later(self._seconds, self._end)

    def broken(self) -> None:
        """Something was heard: the time begins anew, if anybody waits."""
        if self._handle is not None and not self._over:
            self._handle.cancel()
            self._handle = self._loop.call_later(self._seconds, self._end)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        task, self._task = self._task, None
        # Somebody else may have cancelled the task as well, and then means all of it.
        if self._over and task is not None and task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end(self) -> None:
        self._over = True
        if self._task is not None:
            self._task.cancel()
