"""Compiles large templates in a process of its own, so that nobody else waits for them.

A megabyte takes most of a second, and the libraries that do it hold the interpreter all that time. Small templates take
some milliseconds and are compiled where they are.

The parent writes one request to this program's standard input and reads one answer from its standard output, both
MessagePack.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Collection
from tempfile import TemporaryFile

import msgspec

from syncom.content.compile import compile_content
from syncom.content.model import CompiledContent, TemplateInput
from syncom.content.velocity.model import Rules
from syncom.errors import FieldError, Invalid, Unavailable

#: Characters that are compiled at once: about 50 ms.
_SMALL = 75_000
#: Seconds, and bytes of memory, that a template may take. The largest one takes a tenth of both.
_SECONDS = 30.0
_MEMORY = 2 << 30
#: Large templates that are compiled side by side, and those that may wait: each of them holds a connection.
_AT_ONCE = 2
_WAITING = 4


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
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._held = 0

    async def compile(
        self, template: TemplateInput, known_fields: Collection[str], *, track_links: bool, rules: Rules
    ) -> CompiledContent:
        """As :func:`~syncom.content.compile.compile_content`.

        Raises Invalid as there, and Unavailable when too many large templates are being compiled.
        """
        if len(template.source) + len(template.text) <= _SMALL:
            return compile_content(template, known_fields, track_links=track_links, rules=rules)
        if self._held >= _AT_ONCE + _WAITING:
            raise Unavailable("several large templates are being compiled; try again in a moment")
        self._held += 1
        try:
            async with self._turns:
                return await _aside(_Request(template, tuple(known_fields), track_links, rules))
        finally:
            self._held -= 1


async def _aside(request: _Request) -> CompiledContent:
    # A file: a pipe breaks in the hands of whoever writes to a process that died at its start.
    with TemporaryFile() as given:
        given.write(msgspec.msgpack.encode(request))
        given.seek(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "syncom.content.compiling",
            stdin=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        raise Invalid("source", "takes too long to compile; make it shorter or simpler") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Invalid("source", "cannot be compiled; make it shorter or simpler")
    answer = msgspec.msgpack.decode(output, type=_Answer)
    if answer.compiled is None:
        raise Invalid.of([FieldError(field, reason) for field, reason in answer.problems])
    return answer.compiled


def main() -> None:
    """Answer one request."""
    if sys.platform == "linux":  # macOS does not enforce it
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(
            resource.RLIMIT_AS, (_MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard), hard)
        )
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Request)
    try:
        answer = _Answer(
            compile_content(
                request.template, request.known_fields, track_links=request.track_links, rules=request.rules
            )
        )
    except Invalid as error:
        answer = _Answer(None, tuple((problem.field, problem.reason) for problem in error.fields))
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()
