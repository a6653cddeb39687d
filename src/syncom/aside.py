"""Work for a process of its own: one question, one answer, or one after another.

For work that takes long and holds the interpreter, so that a thread would keep the event loop waiting; and for hostile
input, which only the clock and the memory of a process can stop.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from syncom.errors import Unavailable


class Died(Exception):
    """The process ended without an answer: too much memory, or something unexpected."""


async def ask(module: str, *arguments: str, question: bytes = b"", seconds: float) -> bytes:
    """What the module, run as a program, answers to the question. Raises TimeoutError and Died."""
    process = await _started(module, *arguments, question=question)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Died(module)
    return output


async def answers(module: str, *, question: bytes, seconds: float) -> AsyncGenerator[bytes]:
    """The answers that the module, run as a program, writes one after another (:func:`write_answer`).

    ``seconds`` are for each. The program ends when the caller has enough and closes this. Raises TimeoutError, and Died
    when it ends in the middle of an answer, or badly.
    """
    process = await _started(module, question=question)
    output = process.stdout
    assert output is not None
    try:
        while head := await asyncio.wait_for(output.read(1), seconds):
            size = int.from_bytes(head + await output.readexactly(3), "big")
            yield await asyncio.wait_for(output.readexactly(size), seconds)
        if await asyncio.wait_for(process.wait(), seconds) != 0:
            raise Died(module)
    except asyncio.IncompleteReadError:
        raise Died(module) from None
    finally:
        if process.returncode is None:
            process.kill()
        # Not wait(): asyncio's own loop says that a process has ended only once its output was read to the end.
        await process.communicate()


async def _started(module: str, *arguments: str, question: bytes) -> asyncio.subprocess.Process:
    # A file: a pipe breaks in the hands of whoever writes to a process that died at its start.
    with TemporaryFile() as given:
        given.write(question)
        given.seek(0)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdin=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Ctrl-C in a terminal is for the parent, which ends this process in order.
            start_new_session=True,
        )


def write_answer(sink: BinaryIO, data: bytes) -> None:
    """One of several answers: four bytes of length (big endian), and the data."""
    sink.write(len(data).to_bytes(4, "big") + data)
    sink.flush()


def answer(work: Callable[[bytes], bytes], *, memory: int) -> None:
    """The other side: read the question, write the answer, in at most so many bytes of memory."""
    limit_memory(memory)
    sys.stdout.buffer.write(work(sys.stdin.buffer.read()))


def limit_memory(memory: int) -> None:
    """Let this process have at most so many bytes."""
    if sys.platform == "linux":  # macOS does not enforce it
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


class Turns:
    """So many at once, and so many that may wait for their turn."""

    def __init__(self, *, at_once: int, waiting: int, full: str) -> None:
        """``full``: what is told to one too many."""
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._full = full
        self._held = 0

    @asynccontextmanager
    async def taken(self) -> AsyncGenerator[None]:
        """Raises Unavailable when too many wait."""
        if self._held >= self._most:
            raise Unavailable(self._full)
        self._held += 1
        try:
            async with self._turns:
                yield
        finally:
            self._held -= 1
