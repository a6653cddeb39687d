"""Compiles documents so that nobody else waits: a small one in a thread, a large one in a process of its own.

A megabyte of YAML takes a second, and Python holds the interpreter nearly all that time, so a thread would only make
the event loop stutter for longer; and a hostile document must be stopped by the clock and by its memory, which only
a process can be. The parent writes one request to this program's standard input and reads one answer from its standard
output, both MessagePack.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from tempfile import TemporaryFile
from typing import Final

import msgspec

from syncom.connect.catalogue.compile import Sources, compile_connector
from syncom.connect.catalogue.model import ActionDraft, Draft
from syncom.errors import FieldError, Invalid, Unavailable

#: Bytes that are compiled in a thread: about 50 ms.
_SMALL: Final = 32 * 1024
#: Seconds, and bytes of memory, that a document may take. The largest public ones take a quarter of both.
_SECONDS: Final = 120.0
_MEMORY: Final = 3 << 30
#: Documents that are compiled side by side, and those that may wait.
_AT_ONCE: Final = 1
_WAITING: Final = 4
#: Actions that are read at once: some milliseconds.
_FEW: Final = 50


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    #: Without its actions: those are read a few at a time, so that a thousand of them do not keep the loop.
    draft: Draft | None = None
    actions: tuple[msgspec.Raw, ...] = ()
    #: Field and reason of each problem.
    problems: tuple[tuple[str, str], ...] = ()


class Compiler:
    """Compiles connectors without keeping the event loop from others."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._held = 0

    async def compile(self, sources: Sources) -> Draft:
        """As :func:`~syncom.connect.catalogue.compile.compile_connector`.

        Raises Invalid as there and for a document that takes too long, and Unavailable when too many are being read.
        """
        if len(sources.document or b"") + len(sources.overlay or b"") <= _SMALL:
            return await asyncio.to_thread(compile_connector, sources)
        if self._held >= _AT_ONCE + _WAITING:
            raise Unavailable("several large documents are being read; try again in a moment")
        self._held += 1
        try:
            async with self._turns:
                return await _aside(sources)
        finally:
            self._held -= 1


async def _aside(sources: Sources) -> Draft:
    # A file: a pipe breaks in the hands of whoever writes to a process that died at its start.
    with TemporaryFile() as given:
        given.write(msgspec.msgpack.encode(sources))
        given.seek(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "syncom.connect.catalogue.compiling",
            stdin=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        raise Invalid(sources.document_name, "takes too long to read: leave out what is not needed") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Invalid(sources.document_name, "cannot be read: it is too large or broken in an unexpected way")
    answer = msgspec.msgpack.decode(output, type=_Answer)
    if answer.draft is None:
        raise Invalid.of([FieldError(field, reason) for field, reason in answer.problems])
    actions: list[ActionDraft] = []
    for start in range(0, len(answer.actions), _FEW):
        actions += [msgspec.msgpack.decode(one, type=ActionDraft) for one in answer.actions[start : start + _FEW]]
        await asyncio.sleep(0)
    return msgspec.structs.replace(answer.draft, actions=tuple(actions))


def main() -> None:
    """Answer one request."""
    if sys.platform == "linux":  # macOS does not enforce it
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(
            resource.RLIMIT_AS, (_MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard), hard)
        )
    sources = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Sources)
    try:
        draft = compile_connector(sources)
        actions = tuple(msgspec.Raw(msgspec.msgpack.encode(one)) for one in draft.actions)
        answer = _Answer(msgspec.structs.replace(draft, actions=()), actions)
    except Invalid as error:
        answer = _Answer(problems=tuple((problem.field, problem.reason) for problem in error.fields))
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()
