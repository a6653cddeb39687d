"""Use cases of imports: receive a file, propose how to read it, import it, follow it, stop it.

An import is a file, a plan, and a resume point in the database. Every batch is one transaction that merges
its rows and moves the resume point, so a run that is killed at any moment goes on where it was, without
doubles and with exact counts. A fence number makes sure that of two runners only one can commit.
"""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import os
import shutil
import uuid
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import psycopg

from syncom.clock import Clock
from syncom.contacts.imports import store
from syncom.contacts.imports.detect import Detection, detect
from syncom.contacts.imports.guard import guard
from syncom.contacts.imports.mapping import check_mapping, column_names, field_key, propose_columns
from syncom.contacts.imports.model import (
    CUSTOM,
    KEY_TARGETS,
    MAX_ERROR_ROWS,
    Column,
    ColumnTarget,
    Dialect,
    ImportOptions,
    ImportState,
    ImportStatus,
    Overrides,
    Plan,
    Position,
    Proposal,
    RowError,
    StoredFile,
)
from syncom.contacts.imports.parsing import ParsedBatch, ParseRequest
from syncom.contacts.imports.processes import ParserDiedError, convert_spreadsheet, parser
from syncom.contacts.imports.reader import SHOWN, RecordReader
from syncom.contacts.imports.standing import BatchFacts, ListNames, join_lists, write_consents
from syncom.contacts.imports.store import BatchCounts, Lease
from syncom.contacts.imports.xlsx import is_spreadsheet
from syncom.contacts.model import (
    Change,
    CustomField,
    IdentityKind,
    NewContact,
    PreparedRow,
    Recognition,
    RowProblem,
    SaveResult,
    SubscriptionState,
    UpsertOptions,
    UpsertResult,
)
from syncom.contacts.prepare import STANDARD
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, Invalid, NotFound, SyncomError, Unavailable
from syncom.postgres.pool import Connection, Database

log = logging.getLogger(__name__)

Result = TypeVar("Result")
OnProgress = Callable[[ImportStatus], None]
#: Makes events of one type for new contacts of an account, inside a transaction.
NewContactEvents = Callable[[Connection, int, str, Sequence[NewContact]], Awaitable[None]]

#: Rows of one transaction. Larger ones gain little and make progress, cancellation and other writers wait.
_BATCH_ROWS = 10_000
#: Largest file that is received, in bytes.
MAX_FILE = 8 << 30
_PREVIEW_ROWS = 10
#: Times the reading process may die at the same place before the import is given up.
_PARSER_ATTEMPTS = 3
#: Somebody may still be choosing where the columns of a file go that was uploaded so lately.
_UNDECIDED = timedelta(days=1)
_LONGEST_WAIT = 10.0
_ERROR_HEADER = ("line", "column", "value", "reason")


class ImportService:
    """Imports of contacts. Files lie in ``data_dir/imports/<account>/<upload>``."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        data_dir: Path,
        clock: Clock,
        *,
        batch_rows: int = _BATCH_ROWS,
        lease_seconds: float = 60.0,
        keep_days: int = 30,
        new_contacts: NewContactEvents | None = None,
    ) -> None:
        """``keep_days`` is how long files stay after the end of their imports; ``new_contacts`` makes their events."""
        self._database = database
        self._contacts = contacts
        self._data_dir = data_dir
        self._clock = clock
        self._batch_rows = batch_rows
        self._lease_seconds = lease_seconds
        self._keep_days = keep_days
        self._new_contacts = new_contacts

    # ------------------------------------------------------------ files

    async def store(self, account_id: int, file_name: str, chunks: AsyncIterable[bytes]) -> StoredFile:
        """Keep a file that is being received. Raises Invalid when it is larger than 8 GB."""
        upload_id = uuid.uuid4().hex
        folder = self._folder(account_id, upload_id)
        folder.mkdir(parents=True, mode=0o700)
        size = 0
        try:
            with (folder / "source").open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > MAX_FILE:
                        raise Invalid("file", f"is larger than {MAX_FILE >> 30} GB: split it")
                    await asyncio.to_thread(file.write, chunk)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        name = Path(file_name.replace("\\", "/")).name[:200] or "contacts.csv"
        (folder / "name").write_text(name, "utf-8", errors="replace")
        return StoredFile(file_name=name, upload_id=upload_id, size=size)

    async def stored(self, account_id: int, upload_id: str) -> StoredFile:
        """A file received before. Raises NotFound, also for another account's file."""
        try:
            folder = self._folder(account_id, uuid.UUID(upload_id).hex)
            size = (folder / "source").stat().st_size
        except (ValueError, OSError):
            raise NotFound("upload", upload_id) from None
        return StoredFile(file_name=(folder / "name").read_text("utf-8"), upload_id=folder.name, size=size)

    def _folder(self, account_id: int, upload_id: str) -> Path:
        return self._data_dir / "imports" / str(account_id) / upload_id

    async def clear(self) -> int:
        """Delete uploads, with the files of errors beside them, that nobody needs any more; returns how many.

        That is: nothing was written there for ``keep_days``, and every import of it ended before that. Or somebody
        of the account, who may stand in it, was erased since it was uploaded, and its imports have ended; an upload of
        the last day that was not imported yet waits for that.
        """
        now = self._clock.now()
        cleared = 0
        for folder, uploaded, written in await asyncio.to_thread(_uploads, self._data_dir / "imports"):
            since = now - timedelta(days=self._keep_days)
            if written >= since.timestamp():
                erased_at = await self._last_erasure(int(folder.parent.name))
                if erased_at is None or uploaded >= erased_at.timestamp():
                    continue
                since = now
                is_new = uploaded >= (now - _UNDECIDED).timestamp()
                if is_new and not await self._was_imported(folder):
                    continue
            cleared += await self._clear(folder, since)
        return cleared

    async def _clear(self, folder: Path, since: datetime) -> bool:
        """Delete an upload that no import needs: none is under way, or ended after that moment."""
        if await self._is_needed(folder, since):
            return False
        # Out of reach first, then a second look: an import of it may have been made in between.
        aside = folder.with_name(f".{folder.name}")
        folder.rename(aside)
        if await self._is_needed(folder, since):
            aside.rename(folder)
            return False
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)
        return True

    async def _last_erasure(self, account_id: int) -> datetime | None:
        async with self._database.system() as connection:
            return await store.last_erasure(connection, account_id)

    async def _was_imported(self, folder: Path) -> bool:
        async with self._database.system() as connection:
            relative = str(folder.relative_to(self._data_dir))
            return await store.has_imports(connection, int(folder.parent.name), relative)

    async def _is_needed(self, folder: Path, cutoff: datetime) -> bool:
        async with self._database.system() as connection:
            relative = str(folder.relative_to(self._data_dir))
            return await store.needs_files(connection, int(folder.parent.name), relative, cutoff)

    # ------------------------------------------------------------ proposing and creating

    async def propose(self, account_id: int, file: StoredFile, overrides: Overrides | None = None) -> Proposal:
        """How the file would be read and where its columns would go. Changes nothing.

        Raises Invalid when the file has no rows or is no text or spreadsheet.
        """
        _, detection, sheets = await self._look(account_id, file, overrides or Overrides())
        fields = await self._contacts.fields.by_key(account_id)
        columns = propose_columns(detection.rows, detection.dialect, fields)
        warnings = list(detection.warnings)
        if not detection.dialect.has_header:
            warnings.append(_no_header(detection))
        if not any(column.target.target for column in columns):
            warnings.append("no column was recognised; choose for each where it goes")
        data = detection.rows[1:] if detection.dialect.has_header else detection.rows
        return Proposal(
            file=file,
            dialect=detection.dialect,
            columns=columns,
            rows=tuple(_preview(row, len(columns)) for row in data[:_PREVIEW_ROWS]),
            sheets=sheets,
            warnings=tuple(warnings),
        )

    async def create(self, account_id: int, file: StoredFile, options: ImportOptions) -> ImportStatus:
        """Record an import; a worker runs it, or :meth:`run`. Missing custom fields and the list are made.

        Raises Invalid that says what is wrong with the file or the mapping.
        """
        path, detection, _ = await self._look(account_id, file, options.overrides)
        if not detection.dialect.has_header and not options.mapping and options.overrides.has_header is None:
            raise Invalid("file", _no_header(detection))
        fields = await self._contacts.fields.by_key(account_id)
        columns = propose_columns(detection.rows, detection.dialect, fields)
        mapping = options.mapping or tuple(column.target for column in columns)
        names = column_names(detection.rows, detection.dialect)
        mapping = _with_keys(mapping, columns)
        check_mapping(mapping, names, fields, *_recognised_by(options))
        await self._create_fields(account_id, mapping, names, fields)
        plan = Plan(
            dialect=detection.dialect,
            columns=names,
            mapping=tuple(entry.target for entry in mapping),
            key=options.key,
            mode=options.mode,
            list_ids=await self._lists(account_id, options),
            consent=options.consent,
            phone_region=options.phone_region,
            start=await asyncio.to_thread(_after_header, path, detection.dialect),
            text_path=str(path.relative_to(self._data_dir)),
            save=options.save,
            new_contact_event=options.new_contact_event,
        )
        folder = self._folder(account_id, file.upload_id).relative_to(self._data_dir)
        async with self._database.tenant(account_id) as connection:
            import_id = await store.add_import(
                connection,
                account_id=account_id,
                file_name=file.file_name,
                folder=str(folder),
                plan=plan,
                bytes_total=path.stat().st_size,
            )
            found = await store.find_import(connection, account_id, import_id)
        assert found is not None
        return found

    async def _look(
        self, account_id: int, file: StoredFile, overrides: Overrides
    ) -> tuple[Path, Detection, tuple[str, ...]]:
        """The text file to read, what it looks like, and the sheets it came from."""
        file = await self.stored(account_id, file.upload_id)
        source = self._folder(account_id, file.upload_id) / "source"
        if not is_spreadsheet(source):
            return source, await asyncio.to_thread(detect, source, overrides), ()
        # A name of its own for each reading: an import that is under way must not lose its file.
        text = source.with_name(f"sheet-{uuid.uuid4().hex}.csv")
        try:
            sheets = await convert_spreadsheet(source, text, overrides.sheet)
            wanted = msgspec.structs.replace(overrides, encoding="utf-8", delimiter=",")
            return text, await asyncio.to_thread(detect, text, wanted, is_numbered=True), tuple(sheets)
        except SyncomError:
            text.unlink(missing_ok=True)
            raise

    async def _create_fields(
        self,
        account_id: int,
        mapping: Sequence[ColumnTarget],
        names: Sequence[str],
        fields: Mapping[str, CustomField],
    ) -> None:
        for entry, name in zip(mapping, names, strict=True):
            key = entry.target.removeprefix(CUSTOM)
            if entry.create_type is not None and key not in fields:
                await self._contacts.fields.create(account_id, key=key, name=name, type=entry.create_type)

    async def _lists(self, account_id: int, options: ImportOptions) -> tuple[int, ...]:
        name = options.list_name.strip()
        if not name:
            return options.list_ids
        lists = self._contacts.lists
        try:
            return (*options.list_ids, (await lists.create(account_id, name)).list_id)
        except Conflict:
            known = {found.name.lower(): found.list_id for found in await lists.all(account_id)}
            if name.lower() not in known:
                raise
            return (*options.list_ids, known[name.lower()])

    # ------------------------------------------------------------ following

    async def status(self, account_id: int, import_id: int) -> ImportStatus:
        """Where an import is. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            found = await store.find_import(connection, account_id, import_id)
        if found is None:
            raise NotFound("import", import_id)
        return found

    async def recent(self, account_id: int, *, before: int | None = None, count: int = 50) -> list[ImportStatus]:
        """Imports of the account, newest first; ``before`` is the last id of the page before."""
        async with self._database.tenant(account_id) as connection:
            return await store.list_imports(connection, account_id, before=before or 1 << 62, count=count)

    async def cancel(self, account_id: int, import_id: int) -> ImportStatus:
        """Stop after the batch under way; what was imported stays. Raises NotFound, Conflict when over."""
        async with self._database.tenant(account_id) as connection:
            stopped = await store.cancel_import(connection, account_id, import_id)
        found = await self.status(account_id, import_id)
        if not stopped:
            raise Conflict(f"the import is already {found.state.value}")
        return found

    async def errors_path(self, account_id: int, import_id: int) -> Path | None:
        """The CSV file of refused rows (line, column, value, reason); None when there are none.

        It has at most a million rows; ``ImportStatus.failed`` counts on.
        """
        async with self._database.tenant(account_id) as connection:
            relative = await store.error_path(connection, account_id, import_id)
        if relative is None:
            raise NotFound("import", import_id)
        path = self._data_dir / relative
        return path if path.exists() else None

    async def due(self) -> list[int]:
        """Imports that wait for a runner, or whose runner died."""
        async with self._database.system() as connection:
            return await store.due_imports(connection)

    # ------------------------------------------------------------ running

    async def run(self, import_id: int, on_progress: OnProgress | None = None) -> ImportStatus:
        """Import the file from where it stands to its end, and return the final status.

        Waits while another runner works on it, and while the database is down. Raises NotFound.
        """
        account_id = await self._account_of(import_id)
        while (lease := await self._take(import_id)) is not None:
            try:
                await self._run_lease(lease, on_progress)
            except ParserDiedError as died:
                await self._end(lease, died.message)
            except (Invalid, NotFound, OSError) as error:
                await self._end(lease, str(error))
            except asyncio.CancelledError:
                await asyncio.shield(self._release(lease))
                raise
            except Exception as error:
                await self._end(lease, f"unexpected error: {error}")
                raise
        return await self._patiently(lambda: self.status(account_id, import_id))

    async def _account_of(self, import_id: int) -> int:
        async with self._database.system() as connection:
            found = await store.import_state(connection, import_id)
        if found is None:
            raise NotFound("import", import_id)
        return found[1]

    async def _take(self, import_id: int) -> Lease | None:
        """The lease, as soon as nobody has it; None when the import is over."""
        while True:
            lease, wait = await self._patiently(lambda: self._try_take(import_id))
            if lease is not None or wait is None:
                return lease
            await self._clock.sleep(min(max(wait, 0.05), 1.0))

    async def _try_take(self, import_id: int) -> tuple[Lease | None, float | None]:
        async with self._database.system() as connection:
            lease = await store.take_import(connection, import_id, seconds=self._lease_seconds)
            if lease is not None:
                return lease, None
            found = await store.import_state(connection, import_id)
        if found is None or found[0] not in (ImportState.QUEUED, ImportState.RUNNING):
            return None, None
        return None, found[2]

    async def _run_lease(self, lease: Lease, on_progress: OnProgress | None) -> None:
        """All batches from the lease's start. A reading process that dies is started again where it was."""
        start, deaths = lease.start, 0
        lists = ListNames(self._contacts.lists, lease.account_id)
        while True:
            try:
                async with parser(await self._request(lease, start)) as reading:
                    while True:
                        batch = await reading.batch()
                        if not await self._settle(lease, start, batch, lists):
                            return
                        start, deaths = batch.next, 0
                        if on_progress:
                            on_progress(await self._patiently(lambda: self.status(lease.account_id, lease.import_id)))
                        if batch.is_last:
                            return
            except ParserDiedError:
                deaths += 1
                if deaths >= _PARSER_ATTEMPTS:
                    raise

    async def _request(self, lease: Lease, start: Position) -> ParseRequest:
        plan = lease.plan
        path = self._data_dir / plan.text_path
        if not path.exists():
            raise NotFound("file of the import", plan.text_path)
        fields = await self._patiently(lambda: self._contacts.fields.by_key(lease.account_id))
        used = {target.removeprefix(CUSTOM) for target in plan.mapping if target.startswith(CUSTOM)}
        missing = sorted(used - fields.keys())
        if missing:
            raise Invalid("mapping", f"the custom field {missing[0]!r} was deleted")
        return ParseRequest(
            path=str(path),
            dialect=plan.dialect,
            columns=plan.columns,
            mapping=plan.mapping,
            fields={key: fields[key] for key in used},
            options=plan.save.upsert if plan.save is not None else _upsert_options(lease),
            start=start,
            batch_rows=self._batch_rows,
            any_identity=plan.save is not None and plan.save.recognition is not Recognition.IDENTITY,
            international=plan.save is not None,
        )

    async def _settle(self, lease: Lease, start: Position, batch: ParsedBatch, lists: ListNames) -> bool:
        """Merge one batch and move the resume point; False when the import is not ours or was stopped."""
        return await self._patiently(lambda: self._try_settle(lease, start, batch, lists))

    async def _try_settle(self, lease: Lease, start: Position, batch: ParsedBatch, lists: ListNames) -> bool:
        await lists.ensure(batch.facts)
        async with self._database.tenant(lease.account_id) as connection:
            progress = await store.lock_import(connection, lease)
            if progress is None:
                return False
            if progress.state is ImportState.FINISHED and batch.is_last:
                return True  # the connection broke between commit and answer
            if progress.state is not ImportState.RUNNING:
                return False
            if progress.position != start:
                return progress.position == batch.next  # likewise
            counts = await self._merge(connection, lease, progress, batch, lists)
            await store.settle_batch(connection, lease, counts, seconds=self._lease_seconds)
        return True

    async def _merge(
        self, connection: Connection, lease: Lease, progress: store.Progress, batch: ParsedBatch, lists: ListNames
    ) -> BatchCounts:
        result = UpsertResult(contact_ids=[], changes=[], created=0, updated=0, unchanged=0, problems=[])
        consented = 0
        if batch.prepared:
            await store.probe_by_index(connection)
            options = _upsert_options(lease)
            if batch.facts:
                options = msgspec.structs.replace(options, consent=SubscriptionState.NONE)
            result = await self._write_rows(connection, lease, batch.prepared, options)
            if batch.facts:
                consented = await self._write_facts(connection, lease, batch, result, lists)
        errors = [*batch.errors, *_merge_errors(lease.plan, batch, result.problems)]
        errors.sort(key=lambda error: error.line)
        room = max(0, MAX_ERROR_ROWS - progress.failed)
        error_bytes = progress.error_bytes
        if errors and room:
            path = self._data_dir / lease.error_path
            error_bytes = await asyncio.to_thread(_write_errors, path, error_bytes, errors[:room])
        return BatchCounts(
            rows=batch.count,
            created=result.created,
            updated=result.updated + consented,
            unchanged=result.unchanged - consented,
            failed=len(errors),
            following=batch.next,
            error_bytes=error_bytes,
            is_last=batch.is_last,
        )

    async def _write_rows(
        self, connection: Connection, lease: Lease, prepared: Sequence[PreparedRow], options: UpsertOptions
    ) -> UpsertResult:
        plan = lease.plan
        if plan.save is None:
            return await self._contacts.merge_prepared(connection, lease.account_id, prepared, options)
        upsert = msgspec.structs.replace(
            plan.save.upsert,
            consent=options.consent,
            source=options.source,
            consent_detail=options.consent_detail,
        )
        save = msgspec.structs.replace(plan.save, upsert=upsert)

        async def also(connection: Connection, result: SaveResult) -> None:
            if self._new_contacts is not None and plan.new_contact_event and result.created:
                await self._new_contacts(connection, lease.account_id, plan.new_contact_event, result.created)

        return await self._contacts.save_prepared(connection, lease.account_id, prepared, save, also)

    async def _write_facts(
        self, connection: Connection, lease: Lease, batch: ParsedBatch, result: UpsertResult, lists: ListNames
    ) -> int:
        """What the rows say beside the fields; returns how many of the unchanged contacts it changed."""
        facts = {row.row: row for row in batch.facts}
        merged = BatchFacts(rows=batch.prepared, contact_ids=result.contact_ids, facts=facts)
        await join_lists(connection, lease.account_id, merged, lists)
        changed = await write_consents(
            connection,
            lease.account_id,
            merged,
            default=lease.plan.consent,
            import_id=lease.import_id,
            now=self._clock.now(),
        )
        unchanged = {
            contact_id
            for contact_id, change in zip(result.contact_ids, result.changes, strict=True)
            if change is Change.UNCHANGED
        }
        return len(changed & unchanged)

    async def _end(self, lease: Lease, problem: str) -> None:
        log.error("import %s failed: %s", lease.import_id, problem)

        async def write() -> None:
            async with self._database.system() as connection:
                await store.fail_import(connection, lease, problem)

        await self._patiently(write)

    async def _release(self, lease: Lease) -> None:
        """On an orderly stop the next runner need not wait for the lease to end."""
        try:
            async with self._database.system() as connection:
                await store.release_import(connection, lease)
        except (psycopg.OperationalError, Unavailable):
            log.warning("import %s goes on in %s seconds", lease.import_id, self._lease_seconds)

    async def _patiently(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do this as soon as the database answers: it may be restarting."""
        wait = 0.2
        while True:
            try:
                return await work()
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                log.warning("the database does not answer, trying again in %.1f s: %s", wait, error)
                await self._clock.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)


def _uploads(root: Path) -> list[tuple[Path, float, float]]:
    """Folders of uploads, when each was uploaded, and when something was last written there (seconds since 1970).

    One that a killed clearing put aside comes back first.
    """
    found: list[tuple[Path, float, float]] = []
    for folder in root.glob("*/*"):
        if not (folder.parent.name.isdigit() and folder.is_dir()):
            continue
        if folder.name.startswith("."):
            folder = folder.rename(folder.with_name(folder.name[1:]))
        times = {path.name: path.stat().st_mtime for path in (folder, *folder.iterdir())}
        found.append((folder, times.get("source", min(times.values())), max(times.values())))
    return found


def _no_header(detection: Detection) -> str:
    seen = ", ".join(repr(cell[:40]) for cell in detection.rows[0][:5])
    return (
        f"the first line looks like data ({seen}), not like column names. "
        "Add a line with names, or say that there is no header and choose where each column goes"
    )


def _preview(row: Sequence[str], width: int) -> tuple[str, ...]:
    return tuple((row[place] if place < len(row) else "")[:SHOWN] for place in range(width))


def _with_keys(mapping: Sequence[ColumnTarget], columns: Sequence[Column]) -> tuple[ColumnTarget, ...]:
    """A column that is to become a new field without a key gets one made from its name."""
    named: list[ColumnTarget] = []
    taken = {entry.target for entry in mapping}
    for place, entry in enumerate(mapping):
        target = entry.target
        if entry.create_type is not None and target in ("", CUSTOM) and place < len(columns):
            base = target = CUSTOM + field_key(columns[place].name)
            number = 2
            while target in taken:
                target, number = f"{base}_{number}", number + 1
            taken.add(target)
        named.append(ColumnTarget(target=target, create_type=entry.create_type))
    return tuple(named)


def _after_header(path: Path, dialect: Dialect) -> Position:
    """Where the first row of data begins."""
    start = Position(offset=dialect.skip_bytes, line=1 + dialect.skip_lines)
    if not dialect.has_header:
        return start
    with RecordReader(path, dialect, None, start) as reader:
        while True:
            batch = reader.read(1)
            cells = batch.rows[0][1 if dialect.is_numbered else 0 :] if batch.rows else []
            if any(cells) or batch.is_last:
                return batch.next


def _recognised_by(options: ImportOptions) -> tuple[IdentityKind, list[str]]:
    """The identity rows are recognised by, and targets of columns that do as well."""
    save = options.save
    if save is None:
        return options.key, []
    others = [KEY_TARGETS[kind] for kind in save.upsert.fallback_keys]
    if save.field is not None:
        others.append(CUSTOM + save.field.key)
    return save.upsert.key, others


def _upsert_options(lease: Lease) -> UpsertOptions:
    plan = lease.plan
    return UpsertOptions(
        key=plan.key,
        mode=plan.mode,
        list_ids=plan.list_ids,
        consent=plan.consent,
        source="import",
        consent_detail={"import_id": lease.import_id},
        phone_region=plan.phone_region,
    )


def _merge_errors(plan: Plan, batch: ParsedBatch, problems: Sequence[RowProblem]) -> list[RowError]:
    """Problems that only the database could see, as errors of lines of the file."""
    if not problems:
        return []
    rows = {prepared.row: prepared for prepared in batch.prepared}
    errors: list[RowError] = []
    for problem in problems:
        field = problem.field.partition(".")[0]
        value = rows[problem.index].values[STANDARD.index(field)] if field in STANDARD else ""
        column = plan.columns[plan.mapping.index(field)] if field in plan.mapping else field
        errors.append(
            RowError(
                line=batch.lines[problem.index],
                column=column,
                value=(value or "")[:SHOWN],
                reason=problem.reason,
            )
        )
    return errors


def _write_errors(path: Path, settled: int, errors: Sequence[RowError]) -> int:
    """Put these rows after the settled part of the file, over what a broken attempt left; its new length."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if not settled:
        text.write("\ufeff")  # Excel takes a file without it for the machine's old code page
        writer.writerow(_ERROR_HEADER)
    for error in errors:
        writer.writerow((error.line, guard(error.column), guard(error.value), error.reason))
    data = text.getvalue().encode("utf-8", "replace")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        file.truncate(settled)
        file.seek(settled)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return settled + len(data)
