"""The journal of a sending process: what was handed to the network and how the server answered.

The ledger is written in grouped commits, some 50-100 ms after the server's answer. When the process is killed in
between, this file says which messages were accepted and which conversations were open; nothing else is in doubt.
Records go into a shared mapping of the file before the bytes they are about go to the socket, and are not synced: a
killed process loses nothing that way, since the pages are the kernel's, and a machine that loses power has lost its
connections' state anyway. (Measured: two ``write`` calls a mail were a tenth of the sending process's time.)

One file a generation, ``<worker id>.<n>.journal``, locked while its process lives: a file that can be locked belongs
to a dead one. A generation is deleted when all its messages are settled.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from uuid import UUID

import msgspec

#: Message id, then the mark: the mark is written last, so a record without one was never finished.
_RECORD_BYTES = 17
_RECORDS = 240_000


class Mark(IntEnum):
    """Last byte of a record; 0 is where the journal ends."""

    #: The body is about to be handed to the socket.
    BEGUN = 1
    #: The server took responsibility (250 after the body).
    ACCEPTED = 2
    #: The server refused it, now or for good: certainly not delivered.
    REFUSED = 3


_BEGUN, _ACCEPTED, _REFUSED = (bytes([mark]) for mark in Mark)


class Journal:
    """Appends records; knows which generations may be deleted."""

    def __init__(self, folder: Path, worker_id: UUID) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._worker_id = worker_id
        self._generation = -1
        self._place = 0
        #: Unsettled messages of each generation, and the generation of each unsettled message.
        self._unsettled: dict[int, int] = {}
        self._of_message: dict[bytes, int] = {}
        self._files: dict[int, tuple[int, mmap.mmap]] = {}
        self._map = self._next_generation()

    def begun(self, message: bytes) -> None:
        """``message`` is the 16 bytes of a message id."""
        self._append(message + _BEGUN)
        if message not in self._of_message:
            self._of_message[message] = self._generation
            self._unsettled[self._generation] += 1

    def accepted(self, message: bytes) -> None:
        self._append(message + _ACCEPTED)

    def refused(self, message: bytes) -> None:
        self._append(message + _REFUSED)

    def not_sent(self, message: bytes) -> None:
        """Nothing of it left us after all, if it was begun."""
        if message in self._of_message:
            self._append(message + _REFUSED)

    def settled(self, message: bytes) -> None:
        """The message's row is committed: its records are not needed any more."""
        generation = self._of_message.pop(message, None)
        if generation is None:
            return
        self._unsettled[generation] -= 1
        if not self._unsettled[generation]:
            self._drop_oldest()

    def close(self) -> None:
        """Delete what is settled; leave the rest for recovery."""
        for generation in list(self._files):
            if self._unsettled[generation]:
                self._release(generation)
            else:
                self._drop(generation)

    def _append(self, record: bytes) -> None:
        if self._place >= _RECORDS * _RECORD_BYTES:
            self._map = self._next_generation()
        self._map[self._place : self._place + _RECORD_BYTES] = record
        self._place += _RECORD_BYTES

    def _next_generation(self) -> mmap.mmap:
        self._generation += 1
        handle = os.open(self._path(self._generation), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Written, not only sized: a full disk is an error here, and not a signal in the middle of a mail.
        os.write(handle, bytes(_RECORDS * _RECORD_BYTES))
        mapped = mmap.mmap(handle, _RECORDS * _RECORD_BYTES)
        self._files[self._generation] = handle, mapped
        self._unsettled[self._generation] = 0
        self._place = 0
        self._drop_oldest()
        return mapped

    def _drop_oldest(self) -> None:
        """In order: the answer about a message may stand in a later generation than its beginning."""
        for generation in list(self._files):
            if self._unsettled[generation] or generation == self._generation:
                return
            self._drop(generation)

    def _drop(self, generation: int) -> None:
        self._path(generation).unlink(missing_ok=True)
        self._release(generation)
        del self._unsettled[generation]

    def _release(self, generation: int) -> None:
        handle, mapped = self._files.pop(generation)
        mapped.close()
        os.close(handle)

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
    last: dict[bytes, int] = {}
    for path in paths:
        content = path.read_bytes() if path.exists() else b""
        for start in range(0, len(content) - _RECORD_BYTES + 1, _RECORD_BYTES):
            message, mark = content[start : start + _RECORD_BYTES - 1], content[start + _RECORD_BYTES - 1]
            if not mark:
                break
            if last.get(message) != Mark.ACCEPTED:
                last[message] = mark
    return Remains(
        worker_id=worker_id,
        accepted=frozenset(UUID(bytes=message) for message, mark in last.items() if mark == Mark.ACCEPTED),
        open=frozenset(UUID(bytes=message) for message, mark in last.items() if mark == Mark.BEGUN),
        paths=tuple(paths),
    )
