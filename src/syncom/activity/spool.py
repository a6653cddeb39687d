"""Files that hold what could not be written to the database, until it is back.

A segment is a file of lines, each synced to the disk before its requests are answered. Its process holds a
lock on it (`flock`, which dies with the process, however it dies), so that a segment which can be locked
was left behind by a process that is gone.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

_SUFFIX = ".jsonl"
_numbers = itertools.count(1)


class Segment:
    """One locked file of lines."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self._size = os.fstat(handle).st_size

    def append(self, line: bytes) -> None:
        """Write one line and sync it. Raises OSError, and then the line is not in the file."""
        data = memoryview(line + b"\n")
        written = 0
        try:
            while written < len(data):
                written += os.write(self._handle, data[written:])
            os.fsync(self._handle)
        except OSError:
            # A torn line must not stand before the next one.
            os.ftruncate(self._handle, self._size)
            raise
        self._size += written

    def lines(self) -> Iterator[bytes]:
        """The whole lines. A last one without its end was never acknowledged, and is left out."""
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]

    def set_aside(self, line: bytes) -> None:
        """Keep a line that the database refuses in a file of its own, for people to look at."""
        with self.path.with_suffix(".refused").open("ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Delete the file for good, once the database has all of it."""
        self.path.unlink(missing_ok=True)
        _sync_folder(self.path.parent)
        os.close(self._handle)

    def release(self) -> None:
        """Let go of the file; whoever starts next takes it."""
        os.close(self._handle)


class Spool:
    """The segments of this process, and those that dead processes left in the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._current: Segment | None = None
        self._sealed: list[Segment] = []

    @property
    def is_empty(self) -> bool:
        """Whether this process holds no line back."""
        return self._current is None and not self._sealed

    def append(self, line: bytes) -> None:
        """Make a line durable. Raises OSError when the disk refuses."""
        if self._current is None:
            self._current = self._open_new()
        self._current.append(line)

    def seal(self) -> list[Segment]:
        """This process's segments, oldest first; later lines go to a new one.

        Each is to be `done` or kept.
        """
        if self._current is not None:
            self._sealed.append(self._current)
            self._current = None
        return list(self._sealed)

    def adopt(self) -> list[Segment]:
        """Take over the segments of processes that are gone, oldest first."""
        if not self._folder.is_dir():
            return []
        found = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: path.name)
        taken = [segment for path in found if (segment := _lock(path)) is not None]
        self._sealed[:0] = taken
        return taken

    def done(self, segment: Segment) -> None:
        """The database has this segment: delete it."""
        self._sealed.remove(segment)
        segment.remove()

    def close(self) -> None:
        for segment in self.seal():
            segment.release()
        self._sealed.clear()

    def _open_new(self) -> Segment:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Padded numbers: names sort in the order of writing.
        path = self._folder / f"hits-{os.getpid()}-{next(_numbers):06d}{_SUFFIX}"
        while path.exists():  # left by an earlier process with our number
            path = self._folder / f"hits-{os.getpid()}-{next(_numbers):06d}{_SUFFIX}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sync_folder(self._folder)
        return Segment(path, handle)


def _lock(path: Path) -> Segment | None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # its process is alive
        os.close(handle)
        return None
    if not os.fstat(handle).st_nlink:  # written and deleted by another process between the two steps
        os.close(handle)
        return None
    return Segment(path, handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
