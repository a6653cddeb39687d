"""``syncom export``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from syncom.activity.export import ExportForm
from syncom.cli.activity import Chosen
from syncom.cli.given import list_id
from syncom.cli.output import show
from syncom.cli.services import Options, here, tell
from syncom.contacts.imports.export import ExportFilter
from syncom.errors import Invalid

app = App(name="export", help="Contacts and activity as files.")
_DEFAULT = Options()
_ALL = Chosen()


@app.command
async def contacts(
    *,
    list_: Annotated[str | None, Parameter(name="--list")] = None,
    columns: str = "",
    output: Path | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Export contacts as CSV, to standard output unless --output names a file.

    With --json, which needs --output, the answer is what was written where.

    Parameters
    ----------
    list_
        Only members of this list: its id or name.
    columns
        Names separated by commas, such as email,first_name,fields.points; all unless given.
    output
        The file to write.
    """
    _check(output, options)
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    async with here(options) as services:
        chosen = ExportFilter(list_id=None if list_ is None else await list_id(services, list_))
        # A file is opened by spreadsheet programs, which want a byte order mark; a pipe is read by programs.
        pieces = await services.app.export.export_contacts(
            services.account_id, chosen, wanted, with_mark=output is not None
        )
        await _write(pieces, output, options)


@app.command
async def activity(
    *,
    chosen: Chosen = _ALL,
    format_: Annotated[ExportForm, Parameter(name="--format")] = ExportForm.CSV,
    output: Path | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Export what happened to messages, newest first, to standard output unless --output names a file.

    With --json, which needs --output, the answer is what was written where.

    Parameters
    ----------
    format_
        csv, or jsonl: a JSON object a line.
    output
        The file to write.
    """
    _check(output, options)
    async with here(options) as services:
        pieces = await services.app.activity.export(
            services.account_id, chosen.filter(), format_, with_mark=output is not None
        )
        await _write(pieces, output, options)


def _check(output: Path | None, options: Options) -> None:
    if options.json and output is None:
        raise Invalid("output", "is needed with --json: standard output is for the JSON then")


async def _write(pieces: AsyncIterator[bytes], output: Path | None, options: Options) -> None:
    if output is None:
        async for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    size = 0
    try:
        with output.open("wb") as file:
            async for piece in pieces:
                size += file.write(piece)
    except OSError as error:
        raise Invalid("output", f"{output} cannot be written: {error.strerror}") from None
    value = {"file": str(output), "bytes": size}
    show(value, json=options.json, human=lambda: tell(f"{output}: {size:,} bytes."))
