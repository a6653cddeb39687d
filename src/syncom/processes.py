"""The process group behind ``syncom up``: starts the roles, restarts what crashes, stops all together.

Each child gets a session of its own, so that Ctrl-C in the terminal reaches this process alone and the
children are stopped by it. A ``kill -9`` of this process cannot be handled, so every child inherits the read
end of a pipe whose other end only this process holds: when it closes, the parent is gone
(:func:`exit_with_parent`).
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

import psutil

from syncom.clock import Clock, SystemClock

#: Environment variable with the number of the inherited pipe's descriptor.
PARENT_FD = "SYNCOM_PARENT_FD"

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
#: A child that lived this long was healthy: its next crash is a new story.
_HEALTHY_AFTER = 60.0
#: Output of a child that ended, but whose own children keep the pipe open.
_LAST_OUTPUT_PATIENCE = 1.0
#: A line longer than this is passed on in pieces.
_LONGEST_LINE = 65536


@dataclass(frozen=True, kw_only=True)
class Role:
    """One kind of process: web server, sender, jobs."""

    name: str
    argv: Sequence[str]
    #: Start it again when it ends by itself, whatever its exit code.
    restart: bool = True
    #: Seconds between SIGTERM and SIGKILL.
    stop_timeout: float = 30.0
    #: Added to the niceness: 10 leaves the processor to the others.
    nice: int = 0


class ProcessGroup:
    """Runs one child process for each role.

    Args:
        roles: what to run.
        on_event: called with a sentence whenever a child starts, ends or is killed.
        on_line: called with each line a child writes, prefixed by its role.
        env: variables added to ours for the children.
        clock: for the waits between restarts.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        on_event: Callable[[str], None],
        on_line: Callable[[str], None] | None = None,
        env: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._roles = tuple(roles)
        self._say = on_event
        self._print = on_line or _to_stdout
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._clock = clock or SystemClock()
        self._width = max((len(role.name) for role in self._roles), default=0)

    async def run_until_stopped(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set and every child has ended. When cancelled, the children are killed."""
        watched, held = os.pipe()
        try:
            async with asyncio.TaskGroup() as tasks:
                for role in self._roles:
                    tasks.create_task(self._keep(role, stop, watched))
        finally:
            os.close(watched)
            os.close(held)

    async def _keep(self, role: Role, stop: asyncio.Event, watched: int) -> None:
        """Run one role over and over until it is time to stop."""
        delay = 0.0
        while not stop.is_set():
            begun = self._clock.monotonic()
            outcome = await self._run_once(role, stop, watched)
            if stop.is_set() or not role.restart:
                self._say(f"{role.name} {outcome}")
                return
            delay = next_delay(delay, self._clock.monotonic() - begun)
            self._say(f"{role.name} {outcome}; starting it again in {delay:g} s")
            await _first_of(self._clock.sleep(delay), stop.wait())

    async def _run_once(self, role: Role, stop: asyncio.Event, watched: int) -> str:
        """Start the child and wait for its end, asking for it when ``stop`` is set. Returns how it ended."""
        try:
            child = await asyncio.create_subprocess_exec(
                *role.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**self._env, PARENT_FD: str(watched)},
                pass_fds=[watched],
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be started: {error.strerror} ({role.argv[0]})"
        if role.nice:
            with contextlib.suppress(psutil.Error):
                psutil.Process(child.pid).nice(role.nice)
        output = asyncio.create_task(self._pass_on(role, child))
        self._say(f"{role.name} started (pid {child.pid})")
        try:
            await _first_of(child.wait(), stop.wait())
            if child.returncode is None:
                return await self._stop(role, child)
            return _ending(child.returncode)
        finally:
            if child.returncode is None:
                _kill_session(child.pid)
                await child.wait()
            await asyncio.wait([output], timeout=_LAST_OUTPUT_PATIENCE)
            output.cancel()

    async def _stop(self, role: Role, child: asyncio.subprocess.Process) -> str:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), role.stop_timeout)
        except TimeoutError:
            _kill_session(child.pid)
            await child.wait()
            return f"did not stop in {role.stop_timeout:g} s and was killed"
        return "stopped"

    async def _pass_on(self, role: Role, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        prefix = f"{role.name:<{self._width}} | "
        rest = ""
        while chunk := await child.stdout.read(_LONGEST_LINE):
            *lines, rest = (rest + decoder.decode(chunk)).split("\n")
            if len(rest) >= _LONGEST_LINE:
                lines, rest = [*lines, rest], ""
            for line in lines:
                self._print(prefix + line.rstrip("\r"))
        if rest:
            self._print(prefix + rest)


def next_delay(previous: float, uptime: float) -> float:
    """Seconds to wait before a restart: 0.5, doubling up to 30, from the start again after 60 s of health."""
    if previous == 0 or uptime >= _HEALTHY_AFTER:
        return _FIRST_DELAY
    return min(previous * 2, _LONGEST_DELAY)


def exit_with_parent(*, grace: float = 10.0) -> None:
    """In a child: end this process when its :class:`ProcessGroup`, or whoever gave it such a pipe, dies without a word.

    Sends SIGTERM to itself, and exits hard ``grace`` seconds later. Does nothing outside a process group.
    A thread does it, so that neither a busy event loop nor a deaf signal handler keeps the process alive.
    """
    descriptor = os.environ.pop(PARENT_FD, "")
    if not descriptor.isdecimal():
        return
    # Programs that this process starts are not part of the group.
    os.set_inheritable(int(descriptor), False)
    threading.Thread(
        target=_end_when_closed, args=(int(descriptor), grace), name="exit-with-parent", daemon=True
    ).start()


def _end_when_closed(descriptor: int, grace: float) -> None:
    os.read(descriptor, 1)  # nobody ever writes: it returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os._exit(1)


async def _first_of(*waits: Coroutine[object, object, object]) -> None:
    """Wait for the first; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _kill_session(pid: int) -> None:
    """Kill a child that was not reaped yet (so that its number is still its own) and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _to_stdout(line: str) -> None:
    print(line, flush=True)
