"""The journal of a sending process: what was handed to the network and how the server answered.

The ledger is written in grouped commits, some 50-100 ms after the server's answer. When the process is killed in
between, this file says which messages were accepted and which conversations were open; nothing else is in doubt.
Records go to the kernel with ``write`` before the bytes they are about go to the socket, and are not synced: a
killed process loses nothing that way, and a machine that loses power has lost its connections' state anyway.

One file a generation, ``<worker id>.<n>.journal``, locked while its process lives: a file that can be locked belongs
to a dead one. A generation is deleted when all its messages are settled.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from uuid import UUID

import msgspec

_RECORD_BYTES = 17
_GENERATION_BYTES = 4 * 1024 * 1024


class Mark(bytes, Enum):
    """First byte of a record."""

    #: The body is about to be handed to the socket.
    BEGUN = b"B"
    #: The server took responsibility (250 after the body).
    ACCEPTED = b"A"
    #: The server refused it, now or for good: certainly not delivered.
    REFUSED = b"R"


class Journal:
    """Appends records; knows which generations may be deleted."""

    def __init__(self, folder: Path, worker_id: UUID) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._worker_id = worker_id
        self._generation = -1
        self._handle = -1
        self._written = 0
        #: Unsettled messages of each generation, and the generation of each unsettled message.
        self._unsettled: dict[int, int] = {}
        self._of_message: dict[bytes, int] = {}
        self._handles: dict[int, int] = {}
        self._next_generation()

    def begun(self, message: bytes) -> None:
        """``message`` is the 16 bytes of a message id."""
        if self._written >= _GENERATION_BYTES:
            self._next_generation()
        os.write(self._handle, b"B" + message)
        self._written += _RECORD_BYTES
        if message not in self._of_message:
            self._of_message[message] = self._generation
            self._unsettled[self._generation] += 1

    def accepted(self, message: bytes) -> None:
        os.write(self._handle, b"A" + message)
        self._written += _RECORD_BYTES

    def refused(self, message: bytes) -> None:
        os.write(self._handle, b"R" + message)
        self._written += _RECORD_BYTES

    def settled(self, message: bytes) -> None:
        """The message's row is committed: its records are not needed any more."""
        generation = self._of_message.pop(message, None)
        if generation is None:
            return
        self._unsettled[generation] -= 1
        if not self._unsettled[generation] and generation != self._generation:
            self._drop(generation)

    def close(self) -> None:
        """Delete what is settled; leave the rest for recovery."""
        for generation in list(self._handles):
            if self._unsettled[generation]:
                os.close(self._handles.pop(generation))
            else:
                self._drop(generation)

    def _next_generation(self) -> None:
        previous = self._generation
        self._generation += 1
        path = self._path(self._generation)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._handle, self._written = handle, 0
        self._handles[self._generation] = handle
        self._unsettled[self._generation] = 0
        if previous >= 0 and not self._unsettled[previous]:
            self._drop(previous)

    def _drop(self, generation: int) -> None:
        self._path(generation).unlink(missing_ok=True)
        os.close(self._handles.pop(generation))
        del self._unsettled[generation]

    def _path(self, generation: int) -> Path:
        return self._folder / f"{self._worker_id}.{generation:06d}.journal"


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """What the journals of one dead process say."""

    worker_id: UUID
    #: Accepted by a server.
    accepted: frozenset[UUID]
    #: Handed over, no answer known.
    open: frozenset[UUID]
    paths: tuple[Path, ...]


def remains(folder: Path) -> Iterator[Remains]:
    """Journals of dead processes in this folder, held locked while the caller works on each.

    Two recovering processes never get the same journal. The caller deletes ``paths`` once all is settled.
    """
    by_worker: dict[UUID, list[Path]] = {}
    for path in sorted(folder.glob("*.journal")):
        by_worker.setdefault(UUID(path.name.split(".")[0]), []).append(path)
    for worker_id, paths in by_worker.items():
        handles = _lock_all(paths)
        if handles is None:
            continue
        try:
            yield _read(worker_id, paths)
        finally:
            for handle in handles:
                os.close(handle)


def _lock_all(paths: list[Path]) -> list[int] | None:
    """Locks on every file, or None when one belongs to a living process."""
    handles: list[int] = []
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        handles.append(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            for taken in handles:
                os.close(taken)
            return None
    return handles


def _read(worker_id: UUID, paths: list[Path]) -> Remains:
    last: dict[bytes, bytes] = {}
    for path in paths:
        content = path.read_bytes() if path.exists() else b""
        # A record cut by the crash is the last one and was never acted on.
        for start in range(0, len(content) - _RECORD_BYTES + 1, _RECORD_BYTES):
            mark, message = content[start : start + 1], content[start + 1 : start + _RECORD_BYTES]
            if last.get(message) != Mark.ACCEPTED:
                last[message] = mark
    return Remains(
        worker_id=worker_id,
        accepted=frozenset(UUID(bytes=message) for message, mark in last.items() if mark == Mark.ACCEPTED),
        open=frozenset(UUID(bytes=message) for message, mark in last.items() if mark == Mark.BEGUN),
        paths=tuple(paths),
    )
