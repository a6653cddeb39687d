"""What runs on a database folder: the postmaster its pid file names, and what a dead one left behind.

Every judgement is made on the process itself: it is ours when its program is ``postgres`` and it works in our
folder. So a number that now belongs to somebody else is never taken for the server, and never signalled.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil

_PID_FILE = "postmaster.pid"


@dataclass(frozen=True, kw_only=True)
class PidFile:
    """``postmaster.pid``, as PostgreSQL writes it (src/include/utils/pidfile.h)."""

    pid: int
    port: int
    #: Folder of the unix socket; empty when the server has not come that far.
    socket_folder: str
    #: ``starting``, ``stopping``, ``ready`` or ``standby``; empty early in the start.
    status: str


def read_pid_file(database: Path) -> PidFile | None:
    """The pid file of this folder; None when there is none, or only the beginning of one."""
    try:
        lines = (database / _PID_FILE).read_text(errors="replace").split("\n")
    except OSError:
        return None
    lines += [""] * (8 - len(lines))
    try:
        return PidFile(
            pid=int(lines[0]),
            port=int(lines[3] or 0),
            socket_folder=lines[4].strip(),
            status=lines[7].strip(),
        )
    except ValueError:
        return None


def has_pid_file(database: Path) -> bool:
    """Whether a postmaster runs here or did not end properly."""
    return (database / _PID_FILE).exists()


def remove_pid_file(database: Path) -> None:
    """Take away the pid file of a dead postmaster: PostgreSQL itself would take a zombie for a live one."""
    (database / _PID_FILE).unlink(missing_ok=True)


def living_postmaster(database: Path) -> psutil.Process | None:
    """The running postmaster of this folder; a zombie, a reused pid, another folder's server are None."""
    found = read_pid_file(database)
    if found is None or found.pid <= 0:
        return None
    try:
        process = psutil.Process(found.pid)
    except psutil.Error:
        return None
    return process if works_on(process, database) else None


def is_alive(process: psutil.Process) -> bool:
    """Whether exactly this process (not a later one with its number) still runs."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def works_on(process: psutil.Process, database: Path) -> bool:
    """Whether this is a live ``postgres`` process whose working folder is this database."""
    try:
        return process.name() == "postgres" and is_alive(process) and Path(process.cwd()) == database.resolve()
    except (psutil.Error, OSError):
        return False


def children(process: psutil.Process) -> list[psutil.Process]:
    """The server processes under a postmaster; none when it is gone."""
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


async def end_orphans(database: Path, *, patience: float) -> int:
    """End the processes that outlived their dead postmaster and still hold its shared memory.

    Nothing is lost: what they had committed is in the write-ahead log. Returns how many there were.
    """
    orphans = await asyncio.to_thread(_processes_on, database)
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in orphans:
            if works_on(process, database):
                with contextlib.suppress(psutil.NoSuchProcess):
                    send(process)
        if await all_gone(orphans, within=patience):
            break
    return len(orphans)


async def all_gone(processes: list[psutil.Process], *, within: float) -> bool:
    """Wait until none of these runs any more; False when ``within`` seconds were not enough."""
    deadline = asyncio.get_running_loop().time() + within
    while any(is_alive(process) for process in processes):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def _processes_on(database: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if works_on(process, database)]
