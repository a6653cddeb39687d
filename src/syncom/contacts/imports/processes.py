"""The child processes of an import, as the rest sees them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from syncom.aside import Died, ask
from syncom.contacts.imports.parsing import ParsedBatch, ParseRequest, decode_batch, encode_request
from syncom.errors import Invalid, SyncomError

#: Longest wait for a spreadsheet to be read, in seconds.
_SPREADSHEET_SECONDS = 600


class ParserDiedError(SyncomError):
    """The reading process ended before the file did: killed, or out of memory."""

    code = "unavailable"


class ParserProcess:
    """Batches of one file, read ahead by one: while a batch is merged, the next is parsed and fetched."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._next: asyncio.Task[ParsedBatch] | None = None

    async def batch(self) -> ParsedBatch:
        """The next batch. Not to be called after the last one. Raises ParserDiedError."""
        batch = await (self._next or self._fetch())
        self._next = None if batch.is_last else asyncio.create_task(self._fetch())
        return batch

    async def _fetch(self) -> ParsedBatch:
        output = self._process.stdout
        assert output is not None
        try:
            size = int.from_bytes(await output.readexactly(4), "big")
            return decode_batch(await output.readexactly(size))
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            raise ParserDiedError(f"reading the file stopped (exit code {code}); it will be tried again") from None

    async def stop(self) -> None:
        """End the process, however far it is."""
        if self._next:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        if self._process.returncode is None:
            self._process.kill()
        # Not wait(): asyncio's own loop says that a process has ended only once its output was read to the end.
        await self._process.communicate()


@asynccontextmanager
async def parser(request: ParseRequest) -> AsyncGenerator[ParserProcess]:
    """A process that reads a file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "syncom.contacts.imports.parsing",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
        # Ctrl-C in a terminal is for the import, which ends this process in order.
        start_new_session=True,
    )
    reading = ParserProcess(process)
    try:
        assert process.stdin is not None
        process.stdin.write(encode_request(request))
        await process.stdin.drain()
        process.stdin.close()
        yield reading
    finally:
        await reading.stop()


async def convert_spreadsheet(source: Path, target: Path, sheet: str | None) -> list[str]:
    """Write a sheet as a text file; returns the names of all sheets. Raises Invalid with the reason."""
    arguments = [str(source), str(target), *([sheet] if sheet else [])]
    try:
        output = await ask("syncom.contacts.imports.xlsx", *arguments, seconds=_SPREADSHEET_SECONDS)
    except TimeoutError:
        raise Invalid("file", "the spreadsheet takes too long to read: save it as CSV") from None
    except Died:
        raise Invalid("file", "the spreadsheet needs too much memory or is damaged: save it as CSV") from None
    answer = json.loads(output)
    if "problem" in answer:
        raise Invalid("file", answer["problem"])
    return [str(name) for name in answer["sheets"]]
