"""The process group with real, tiny children."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.clock import SystemClock
from syncom.processes import ProcessGroup, Role, next_delay
from tests.clocks import HurriedClock


class Recorder:
    """What the group said and printed, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.lines: list[str] = []

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.01)

    def pids(self, role: str) -> list[int]:
        return [int(event.split("pid ")[1][:-1]) for event in self.events if event.startswith(f"{role} started")]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


SLEEPER = python("import time; print('ready'); time.sleep(600)")
STUBBORN = python("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(600)")


@pytest.fixture
def seen() -> Recorder:
    return Recorder()


def group_of(seen: Recorder, *roles: Role, clock: SystemClock | None = None) -> ProcessGroup:
    return ProcessGroup(
        roles, on_event=seen.events.append, on_line=seen.lines.append, env={"GREETING": "hello"}, clock=clock
    )


async def test_children_run_until_stopped_and_their_lines_carry_their_role(seen: Recorder) -> None:
    talker = python(
        "import os, sys, time; print(os.environ['GREETING']); print('oops', file=sys.stderr); time.sleep(600)"
    )
    stop = asyncio.Event()
    run = asyncio.create_task(
        group_of(seen, Role(name="web", argv=talker), Role(name="sender", argv=SLEEPER)).run_until_stopped(stop)
    )
    await seen.until(lambda: len(seen.lines) == 3)
    assert sorted(seen.lines) == ["sender | ready", "web    | hello", "web    | oops"]
    pids = [*seen.pids("web"), *seen.pids("sender")]
    assert all(os.getsid(pid) == pid for pid in pids)
    stop.set()
    await run
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert {"web stopped", "sender stopped"} <= set(seen.events)


async def test_a_crashed_child_is_started_again_with_growing_waits(seen: Recorder) -> None:
    clock, stop = HurriedClock(), asyncio.Event()
    role = Role(name="web", argv=python("import sys; sys.exit(3)"))
    run = asyncio.create_task(group_of(seen, role, clock=clock).run_until_stopped(stop))
    await seen.until(lambda: len(clock.waits) >= 4)
    stop.set()
    await run
    assert clock.waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert "web ended with exit code 3; starting it again in 0.5 s" in seen.events


async def test_a_killed_child_is_replaced_and_the_others_go_on(seen: Recorder) -> None:
    stop = asyncio.Event()
    run = asyncio.create_task(
        group_of(
            seen, Role(name="a", argv=SLEEPER), Role(name="b", argv=SLEEPER), clock=HurriedClock()
        ).run_until_stopped(stop)
    )
    await seen.until(lambda: len(seen.lines) == 2)
    os.kill(seen.pids("a")[0], signal.SIGKILL)
    await seen.until(lambda: len(seen.pids("a")) == 2)
    stop.set()
    await run
    assert "a was ended by SIGKILL; starting it again in 0.5 s" in seen.events
    assert len(seen.pids("b")) == 1


async def test_a_child_that_ignores_the_request_is_killed_with_what_it_started(seen: Recorder) -> None:
    family = python(
        "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen(['sleep', '600']).pid); time.sleep(600)"
    )
    stop = asyncio.Event()
    role = Role(name="stubborn", argv=family, stop_timeout=0.1)
    run = asyncio.create_task(group_of(seen, role).run_until_stopped(stop))
    await seen.until(lambda: len(seen.lines) == 1)
    grandchild = psutil.Process(int(seen.lines[0].split("| ")[1]))
    stop.set()
    await run
    assert seen.events[-1] == "stubborn did not stop in 0.1 s and was killed"
    await seen.until(lambda: not is_alive(grandchild.pid))


async def test_a_role_that_runs_once_is_not_started_again(seen: Recorder) -> None:
    role = Role(name="migrate", argv=python("print('done')"), restart=False)
    await group_of(seen, role).run_until_stopped(asyncio.Event())
    assert seen.lines == ["migrate | done"]
    assert seen.events[-1] == "migrate ended with exit code 0"


async def test_a_program_that_does_not_exist_is_reported_and_tried_again(seen: Recorder) -> None:
    clock, stop = HurriedClock(), asyncio.Event()
    run = asyncio.create_task(
        group_of(seen, Role(name="web", argv=["/nowhere/web"]), clock=clock).run_until_stopped(stop)
    )
    await seen.until(lambda: len(clock.waits) >= 2)
    stop.set()
    await run
    assert seen.events[0] == (
        "web cannot be started: No such file or directory (/nowhere/web); starting it again in 0.5 s"
    )


async def test_stopping_does_not_wait_for_a_pending_restart(seen: Recorder) -> None:
    stop = asyncio.Event()
    role = Role(name="web", argv=python("import sys; sys.exit(1)"))
    run = asyncio.create_task(group_of(seen, role, clock=EndlessClock()).run_until_stopped(stop))
    await seen.until(lambda: any("again" in event for event in seen.events))
    stop.set()
    await run


class EndlessClock(SystemClock):
    """A wait that only an interruption ends."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def test_cancelling_the_group_kills_the_children(seen: Recorder) -> None:
    run = asyncio.create_task(group_of(seen, Role(name="web", argv=STUBBORN)).run_until_stopped(asyncio.Event()))
    await seen.until(lambda: len(seen.lines) == 1)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not psutil.pid_exists(seen.pids("web")[0])


async def test_long_lines_and_broken_characters_pass_through(seen: Recorder) -> None:
    code = "import sys; sys.stdout.buffer.write('ї'.encode() * 200_000 + b'\\n\\xff\\nend')"
    role = Role(name="a", argv=python(code), restart=False)
    await group_of(seen, role).run_until_stopped(asyncio.Event())
    assert "".join(line.removeprefix("a | ") for line in seen.lines) == "ї" * 200_000 + "\ufffdend"


async def test_an_unimportant_role_is_nicer(seen: Recorder) -> None:
    stop = asyncio.Event()
    run = asyncio.create_task(group_of(seen, Role(name="jobs", argv=SLEEPER, nice=5)).run_until_stopped(stop))
    await seen.until(lambda: len(seen.lines) == 1)
    assert psutil.Process(seen.pids("jobs")[0]).nice() == psutil.Process().nice() + 5
    stop.set()
    await run


@pytest.mark.parametrize("child", ["polite", "stubborn"])
async def test_children_do_not_outlive_a_killed_parent(tmp_path: Path, child: str) -> None:
    handler = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if child == "stubborn" else ""
    (tmp_path / "child.py").write_text(
        "import os, signal, time\nfrom syncom.processes import exit_with_parent\n"
        f"{handler}\nexit_with_parent(grace=0.1)\nprint(os.getpid())\ntime.sleep(600)\n"
    )
    (tmp_path / "parent.py").write_text(
        "import asyncio, sys\nfrom syncom.processes import ProcessGroup, Role\n"
        f"role = Role(name='c', argv=[sys.executable, {str(tmp_path / 'child.py')!r}])\n"
        "group = ProcessGroup([role], on_event=lambda event: None)\n"
        "asyncio.run(group.run_until_stopped(asyncio.Event()))\n"
    )
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int((await asyncio.to_thread(parent.stdout.readline)).split("| ")[1])
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    while is_alive(pid):
        await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@given(st.lists(st.floats(min_value=0, max_value=59.9), min_size=1, max_size=20))
def test_quick_crashes_wait_ever_longer_up_to_half_a_minute(uptimes: list[float]) -> None:
    delays: list[float] = []
    for uptime in uptimes:
        delays.append(next_delay(delays[-1] if delays else 0, uptime))
    assert delays == [min(0.5 * 2**number, 30) for number in range(len(uptimes))]


@given(st.floats(min_value=0, max_value=30), st.floats(min_value=60, max_value=1e9))
def test_a_minute_of_health_forgets_the_past(previous: float, uptime: float) -> None:
    assert next_delay(previous, uptime) == 0.5
