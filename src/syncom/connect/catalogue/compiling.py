"""Compiles documents so that nobody else waits: a small one in a thread, a large one in a process of its own.

A megabyte of YAML takes a second, and Python holds the interpreter nearly all that time, so a thread would only make
the event loop stutter for longer; and a hostile document must be stopped by the clock and by its memory, which only
a process can be. Question and answer are MessagePack.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from syncom.aside import Died, Turns, answer, ask
from syncom.connect.catalogue.compile import Sources, compile_connector
from syncom.connect.catalogue.model import ActionDraft, Draft
from syncom.errors import FieldError, Invalid

#: Bytes that are compiled in a thread: about 50 ms.
_SMALL: Final = 32 * 1024
#: Seconds, and bytes of memory, that a document may take. The largest public ones take a quarter of both.
_SECONDS: Final = 120.0
_MEMORY: Final = 3 << 30
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
        full = "several large documents are being read; try again in a moment"
        self._turns = Turns(at_once=1, waiting=4, full=full)

    async def compile(self, sources: Sources) -> Draft:
        """As :func:`~syncom.connect.catalogue.compile.compile_connector`.

        Raises Invalid as there and for a document that takes too long, and Unavailable when too many are being read.
        """
        if len(sources.document or b"") + len(sources.overlay or b"") <= _SMALL:
            return await asyncio.to_thread(compile_connector, sources)
        async with self._turns.taken():
            return await _aside(sources)


async def _aside(sources: Sources) -> Draft:
    name = sources.document_name
    try:
        output = await ask(
            "syncom.connect.catalogue.compiling", question=msgspec.msgpack.encode(sources), seconds=_SECONDS
        )
    except TimeoutError:
        raise Invalid(name, "takes too long to read: leave out what is not needed") from None
    except Died:
        raise Invalid(name, "cannot be read: it is too large or broken in an unexpected way") from None
    found = msgspec.msgpack.decode(output, type=_Answer)
    if found.draft is None:
        raise Invalid.of([FieldError(field, reason) for field, reason in found.problems])
    actions: list[ActionDraft] = []
    for start in range(0, len(found.actions), _FEW):
        actions += [msgspec.msgpack.decode(one, type=ActionDraft) for one in found.actions[start : start + _FEW]]
        await asyncio.sleep(0)
    return msgspec.structs.replace(found.draft, actions=tuple(actions))


def _work(question: bytes) -> bytes:
    try:
        draft = compile_connector(msgspec.msgpack.decode(question, type=Sources))
        actions = tuple(msgspec.Raw(msgspec.msgpack.encode(one)) for one in draft.actions)
        said = _Answer(msgspec.structs.replace(draft, actions=()), actions)
    except Invalid as error:
        said = _Answer(problems=tuple((problem.field, problem.reason) for problem in error.fields))
    return msgspec.msgpack.encode(said)


if __name__ == "__main__":
    answer(_work, memory=_MEMORY)
