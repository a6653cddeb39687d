"""Compiles large templates in a process of its own, so that nobody else waits for them.

A megabyte takes most of a second, and the libraries that do it hold the interpreter all that time. Small templates take
some milliseconds and are compiled where they are. Question and answer are MessagePack.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from syncom.aside import Died, Turns, answer, ask
from syncom.content.compile import compile_content
from syncom.content.model import CompiledContent, TemplateInput
from syncom.content.velocity.model import Rules
from syncom.errors import FieldError, Invalid

#: Characters that are compiled at once: about 50 ms.
_SMALL = 75_000
#: Seconds, and bytes of memory, that a template may take. The largest one takes a tenth of both.
_SECONDS = 30.0
_MEMORY = 2 << 30


class _Request(msgspec.Struct, frozen=True, array_like=True):
    template: TemplateInput
    known_fields: tuple[str, ...]
    track_links: bool
    rules: Rules


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    compiled: CompiledContent | None = None
    #: Field and reason of each problem.
    problems: tuple[tuple[str, str], ...] = ()


class Compiler:
    """Compiles templates without keeping the event loop from others."""

    def __init__(self) -> None:
        # Each of them holds a connection.
        full = "several large templates are being compiled; try again in a moment"
        self._turns = Turns(at_once=2, waiting=4, full=full)

    async def compile(
        self, template: TemplateInput, known_fields: Collection[str], *, track_links: bool, rules: Rules
    ) -> CompiledContent:
        """As :func:`~syncom.content.compile.compile_content`.

        Raises Invalid as there, and Unavailable when too many large templates are being compiled.
        """
        if len(template.source) + len(template.text) <= _SMALL:
            return compile_content(template, known_fields, track_links=track_links, rules=rules)
        async with self._turns.taken():
            return await _aside(_Request(template, tuple(known_fields), track_links, rules))


async def _aside(request: _Request) -> CompiledContent:
    try:
        output = await ask("syncom.content.compiling", question=msgspec.msgpack.encode(request), seconds=_SECONDS)
    except TimeoutError:
        raise Invalid("source", "takes too long to compile; make it shorter or simpler") from None
    except Died:
        raise Invalid("source", "cannot be compiled; make it shorter or simpler") from None
    found = msgspec.msgpack.decode(output, type=_Answer)
    if found.compiled is None:
        raise Invalid.of([FieldError(field, reason) for field, reason in found.problems])
    return found.compiled


def _work(question: bytes) -> bytes:
    request = msgspec.msgpack.decode(question, type=_Request)
    try:
        said = _Answer(
            compile_content(
                request.template, request.known_fields, track_links=request.track_links, rules=request.rules
            )
        )
    except Invalid as error:
        said = _Answer(None, tuple((problem.field, problem.reason) for problem in error.fields))
    return msgspec.msgpack.encode(said)


if __name__ == "__main__":
    answer(_work, memory=_MEMORY)
