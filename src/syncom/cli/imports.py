"""``syncom import``: files of contacts, with their progress."""

from __future__ import annotations

import asyncio
import csv
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import KEYS, KeyName, Many, Switch, pairs
from syncom.cli.output import facts, show, table
from syncom.cli.services import Here, Options, here, tell
from syncom.contacts.imports.mapping import standard_targets
from syncom.contacts.imports.model import (
    CUSTOM,
    Column,
    ColumnTarget,
    ImportOptions,
    ImportState,
    ImportStatus,
    Overrides,
    Proposal,
)
from syncom.contacts.model import FieldType, MergeMode, SubscriptionState
from syncom.errors import Invalid

app = App(name="import", help="Files of contacts, and whole accounts from elsewhere: read, follow, go on.")
app.command(
    "syncom.cli.moving:esputnik", name="esputnik", help="Pull an account from eSputnik, or from another Syncom."
)
app.command("syncom.cli.moving:moves", name="moves", help="Moves from other accounts, and how far they got.")
app.command("syncom.cli.moving:move_problems", name="move-problems", help="What a move left out, and why.")
_DEFAULT = Options()
_PIECE = 1 << 20
#: Seconds between two looks at a running import.
_LOOK = 0.25


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the caller knows better than detection."""

    encoding: Annotated[str | None, Parameter(help="Encoding of the file; detected unless given.")] = None
    delimiter: Annotated[str | None, Parameter(help="What separates cells; detected unless given.")] = None
    sheet: Annotated[str | None, Parameter(help="Sheet of a spreadsheet; the first unless given.")] = None
    header: Annotated[bool | None, Parameter(help="Whether the first line has the names; detected unless given.")] = (
        None
    )


_DETECTED = Reading()


@app.command
async def contacts(
    file: Path,
    *,
    key: KeyName = "email",
    mode: MergeMode = MergeMode.OVERWRITE,
    list_: Annotated[str, Parameter(name="--list")] = "",
    map_: Annotated[Many, Parameter(name="--map")] = (),
    consent: SubscriptionState = SubscriptionState.SUBSCRIBED,
    phone_region: str = "",
    reading: Reading = _DETECTED,
    dry_run: Switch = False,
    options: Options = _DEFAULT,
) -> int:
    """Import a CSV or XLSX file. Wrong rows go to a file of errors and never stop the rest.

    Parameters
    ----------
    file
        The file.
    key
        What recognises a known contact.
    mode
        What to do with values of a known contact.
    list_
        Name of a list that everybody joins; it is made when there is none.
    map_
        Where a column goes, COLUMN=FIELD: a standard field, a custom field's key, `new` or `new:TYPE` to make a
        custom field of it, or nothing to leave it out. May be repeated; other columns go where --dry-run says.
    consent
        Whether these people agreed to get mail. Those who unsubscribed before stay unsubscribed.
    phone_region
        Country of numbers without a country code, such as UA.
    dry_run
        Only show how the file is read and where its columns go.
    """
    overrides = Overrides(
        encoding=reading.encoding,
        delimiter=_delimiter(reading.delimiter),
        has_header=reading.header,
        sheet=reading.sheet,
    )
    if not file.is_file():
        raise Invalid("file", f"{file} is no file")
    async with here(options) as services:
        imports = services.app.imports
        stored = await imports.store(services.account_id, file.name, _pieces(file))
        try:
            proposal = await imports.propose(services.account_id, stored, overrides)
            mapping = await _mapping(services, proposal, pairs("map", map_))
        except Invalid:
            await _forget(services, stored.upload_id)
            raise
        if dry_run:
            await _forget(services, stored.upload_id)
            changed = _with_mapping(proposal, mapping)
            show(changed, json=options.json, human=lambda: _show_proposal(changed))
            return 0
        chosen = ImportOptions(
            mapping=mapping,
            key=KEYS[key],
            mode=mode,
            list_name=list_,
            consent=consent,
            phone_region=phone_region,
            overrides=overrides,
        )
        made = await imports.create(services.account_id, stored, chosen)
        return await _run(services, made, options, _left_out(proposal, mapping))


@app.command
async def resume(import_: int, *, options: Options = _DEFAULT) -> int:
    """Go on with an import that was interrupted.

    Parameters
    ----------
    import_
        As in `syncom import list`.
    """
    async with here(options) as services:
        found = await services.app.imports.status(services.account_id, import_)
        return await _run(services, found, options, [])


@app.command(name="list")
async def list_imports(*, limit: int = 50, options: Options = _DEFAULT) -> None:
    """List imports, newest first.

    Parameters
    ----------
    limit
        How many at most.
    """
    async with here(options) as services:
        found = await services.app.imports.recent(services.account_id, count=limit)
    rows = [
        (one.import_id, one.file_name, one.state, f"{one.share_done:.0%}", one.rows_done, one.failed, one.created_at)
        for one in found
    ]
    columns = ("id", "file", "state", "done", "rows", "failed", "made")
    empty = "No import yet: `syncom import contacts FILE`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_import(import_: int, *, options: Options = _DEFAULT) -> None:
    """Show where an import is.

    Parameters
    ----------
    import_
        As in `syncom import list`.
    """
    async with here(options) as services:
        found = await services.app.imports.status(services.account_id, import_)
        errors = await services.app.imports.errors_path(services.account_id, import_)
    show(_value(found, errors), json=options.json, human=lambda: _summarise(found, errors, []))


@app.command
async def errors(import_: int, *, options: Options = _DEFAULT) -> None:
    """Print the rows that were refused, as CSV: line, column, value, reason.

    Parameters
    ----------
    import_
        As in `syncom import list`.
    """
    async with here(options) as services:
        path = await services.app.imports.errors_path(services.account_id, import_)
    if path is None:
        show([], json=options.json, human=lambda: tell("No row was refused."))
        return
    if options.json:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row | {"line": int(row["line"])} for row in csv.DictReader(file)]
        show(rows, json=True, human=_nothing)
        return
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@app.command
async def cancel(import_: int, *, options: Options = _DEFAULT) -> None:
    """Stop an import. What was imported stays.

    Parameters
    ----------
    import_
        As in `syncom import list`.
    """
    async with here(options) as services:
        stopped = await services.app.imports.cancel(services.account_id, import_)
    said = f"Import {import_} is cancelled; {stopped.rows_done} rows were imported."
    show(stopped, json=options.json, human=lambda: print(said))


# ------------------------------------------------------------ running


async def _run(services: Here, made: ImportStatus, options: Options, left_out: Sequence[str]) -> int:
    """Run to the end with a bar. A worker that took the import first is watched instead: there is one lease."""
    imports = services.app.imports
    running = asyncio.create_task(imports.run(made.import_id))
    try:
        await _follow(services, made, running)
        status = await running
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        tell(
            f"\nInterrupted, nothing is lost: `syncom import resume {made.import_id}` goes on. "
            "A running `syncom up` goes on by itself within a minute."
        )
        raise
    path = await imports.errors_path(services.account_id, made.import_id)
    show(_value(status, path), json=options.json, human=lambda: _summarise(status, path, left_out))
    return 0 if status.state is ImportState.FINISHED else 1


async def _follow(services: Here, made: ImportStatus, running: asyncio.Task[ImportStatus]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        name = escape("".join(letter for letter in made.file_name if letter.isprintable()))
        line = bar.add_task(name, total=1.0, counts="")
        while not running.done():
            status = await services.app.imports.status(services.account_id, made.import_id)
            bar.update(line, completed=status.share_done, counts=_counts(status))
            await asyncio.wait([running], timeout=_LOOK)


def _counts(status: ImportStatus) -> str:
    return (
        f"{status.rows_done:,} rows: {status.created:,} created, {status.updated:,} updated, "
        f"{status.unchanged:,} unchanged, {status.failed:,} failed"
    )


def _summarise(status: ImportStatus, path: Path | None, left_out: Sequence[str]) -> None:
    print(f"Import {status.import_id} of {status.file_name}: {status.state.value}. {_counts(status)}.")
    if status.problem:
        print(f"Stopped: {status.problem}")
    if status.state is ImportState.RUNNING or status.state is ImportState.QUEUED:
        print(f"`syncom import resume {status.import_id}` goes on with it.")
    if path is not None:
        print(f"Refused rows: {path}   (or `syncom import errors {status.import_id}`)")
    if left_out:
        print(f"Left out: {', '.join(left_out)}. Import again with --map 'COLUMN=new' to keep one as a custom field.")


def _value(status: ImportStatus, path: Path | None) -> dict[str, Any]:
    return msgspec.to_builtins(status) | {"errors_file": None if path is None else str(path)}


# ------------------------------------------------------------ reading the file


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    try:
        with file.open("rb") as source:
            while piece := await asyncio.to_thread(source.read, _PIECE):
                yield piece
    except OSError as error:
        raise Invalid("file", f"{file} cannot be read: {error.strerror}") from None


async def _forget(services: Here, upload_id: str) -> None:
    """Take away the copy of a file that will not be imported."""
    folder = services.app.settings.data_dir / "imports" / str(services.account_id) / upload_id
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _delimiter(given: str | None) -> str | None:
    return {"tab": "\t", "\\t": "\t"}.get(given, given) if given else None


async def _mapping(services: Here, proposal: Proposal, given: dict[str, str]) -> tuple[ColumnTarget, ...]:
    """The proposal with the caller's own wishes. Raises Invalid naming the column."""
    columns = {column.name.casefold(): column for column in proposal.columns}
    fields = await services.app.contacts.fields.by_key(services.account_id)
    wishes: dict[int, ColumnTarget] = {}
    for name, wish in given.items():
        column = columns.get(" ".join(name.split()).casefold())
        if column is None:
            seen = ", ".join(column.name for column in proposal.columns[:12])
            raise Invalid("map", f"there is no column {name!r}. Columns seen: {seen}")
        wishes[column.index] = _target(column, wish.strip(), set(fields))
    taken = {wish.target for wish in wishes.values()}
    # A field the caller gave to another column is not also filled by the one that was proposed.
    return tuple(
        wishes.get(column.index, ColumnTarget() if column.target.target in taken else column.target)
        for column in proposal.columns
    )


def _target(column: Column, wish: str, fields: set[str]) -> ColumnTarget:
    name, mark, kind = wish.partition(":")
    create = _field_type(kind) if mark else None
    if name == "new":
        return ColumnTarget(create_type=create or column.suggested_type)
    name = name.replace("-", "_")
    if name in fields and name not in standard_targets():
        name = CUSTOM + name
    return ColumnTarget(target=name, create_type=create)


def _field_type(name: str) -> FieldType:
    try:
        return FieldType(name)
    except ValueError:
        raise Invalid("map", f"{name!r} is no type: {', '.join(kind.value for kind in FieldType)}") from None


def _with_mapping(proposal: Proposal, mapping: Sequence[ColumnTarget]) -> Proposal:
    columns = tuple(
        msgspec.structs.replace(column, target=target, reason=column.reason if target == column.target else "given")
        for column, target in zip(proposal.columns, mapping, strict=True)
    )
    return msgspec.structs.replace(proposal, columns=columns)


def _left_out(proposal: Proposal, mapping: Sequence[ColumnTarget]) -> list[str]:
    return [
        column.name
        for column, target in zip(proposal.columns, mapping, strict=True)
        if not target.target and target.create_type is None
    ]


def _show_proposal(proposal: Proposal) -> None:
    dialect = proposal.dialect
    if not proposal.sheets:
        facts([("encoding", dialect.encoding), ("delimiter", repr(dialect.delimiter))])
    else:
        facts([("sheets", ", ".join(proposal.sheets))])
    print()
    rows = [
        (column.name, _destination(column), column.reason, " | ".join(column.samples)) for column in proposal.columns
    ]
    table(("column", "goes to", "because of", "samples"), rows, empty="")
    for warning in proposal.warnings:
        print(f"\nNote: {warning}.")
    print("\nNothing was imported. Change a place with --map 'COLUMN=FIELD'; leave out --dry-run to import.")


def _destination(column: Column) -> str:
    if column.target.create_type is not None:
        return f"{column.target.target or 'a new field'} ({column.target.create_type.value}, made when missing)"
    return column.target.target or "(left out)"


def _nothing() -> None:
    """What people see of an answer that is JSON only."""
