"""Imports end to end, on a real database."""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

import pytest
import xlsxwriter

from syncom.clock import SystemClock
from syncom.contacts.imports import service, xlsx
from syncom.contacts.imports.model import (
    ColumnTarget,
    DateOrder,
    ImportOptions,
    ImportState,
    ImportStatus,
    Overrides,
    StoredFile,
)
from syncom.contacts.imports.service import ImportService
from syncom.contacts.model import FieldType, IdentityKind, MergeMode, SubscriptionState
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.embedded import EmbeddedServer
from syncom.postgres.migrate import migrate
from syncom.postgres.pool import Database

_BATCH = 50


@pytest.fixture
async def contacts(database: Database) -> AsyncIterator[ContactsService]:
    service = ContactsService(database, SystemClock())
    yield service
    await service.close()


@pytest.fixture
def imports(database: Database, contacts: ContactsService, tmp_path: Path) -> ImportService:
    return ImportService(database, contacts, tmp_path, SystemClock(), batch_rows=_BATCH, lease_seconds=1.0)


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


async def _store(imports: ImportService, account_id: int, data: str | bytes, name: str = "people.csv") -> StoredFile:
    return await imports.store(account_id, name, _chunks(data.encode() if isinstance(data, str) else data))


async def _import(imports: ImportService, account_id: int, data: str | bytes, **options: Any) -> ImportStatus:
    file = await _store(imports, account_id, data)
    created = await imports.create(account_id, file, ImportOptions(**options))
    return await imports.run(created.import_id)


async def _errors(imports: ImportService, account_id: int, import_id: int) -> list[dict[str, str]]:
    path = await imports.errors_path(account_id, import_id)
    if path is None:
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


async def _contacts(
    database: Database, account_id: int, columns: LiteralString = "email, first_name"
) -> list[tuple[Any, ...]]:
    async with database.tenant(account_id) as connection:
        cursor = await connection.execute(f"SELECT {columns} FROM contacts ORDER BY email, contact_id")
        return await cursor.fetchall()


def _people(count: int, *, first: int = 0, bad_each: int = 0) -> str:
    lines = ["email,first name,phone\n"]
    for number in range(first, first + count):
        wrong = bad_each and number % bad_each == bad_each - 1
        email = "nobody" if wrong else f"p{number}@example.com"
        lines.append(f"{email},Name {number},+38050{number:07}\n")
    return "".join(lines)


async def test_bad_rows_are_reported_with_line_and_reason_and_the_rest_is_imported(
    imports: ImportService, database: Database, account_id: int
) -> None:
    data = "Email,Имя,Phone\n"
    data += 'a@x.com,"Анна\nМария",\nnope,B,\nc@x.com,C,12\n\nd@x.com,D\ne@x.com,E,+380501234567\n'
    status = await _import(imports, account_id, data)
    assert status.state is ImportState.FINISHED
    assert (status.rows_done, status.created, status.failed) == (5, 1, 4)
    found = [(row["line"], row["column"], row["value"]) for row in await _errors(imports, account_id, status.import_id)]
    assert found == [
        ("2", "Имя", "Анна\nМария"),
        ("4", "Email", "nope"),
        ("5", "Phone", "12"),
        ("7", "", "d@x.com,D"),
    ]
    assert await _contacts(database, account_id) == [("e@x.com", "E")]


def _grow_old(folder: Path, days: float) -> None:
    then = time.time() - days * 86_400
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))


async def test_files_go_when_their_imports_are_long_over_and_not_before(
    imports: ImportService, database: Database, account_id: int, tmp_path: Path
) -> None:
    done = await _import(imports, account_id, "email\na@x.com\nnobody\n")
    waiting = await imports.create(account_id, await _store(imports, account_id, "email\nb@x.com\n"), ImportOptions())
    seen_only = await _store(imports, account_id, "email\nc@x.com\n")
    assert await imports.clear() == 0
    _grow_old(tmp_path / "imports", days=31)
    # The import is over for less than that, or not at all; the third file was never imported.
    assert await imports.clear() == 1
    with pytest.raises(NotFound):
        await imports.stored(account_id, seen_only.upload_id)
    async with database.system() as connection:
        await connection.execute("UPDATE imports SET finished_at = now() - interval '31 days' WHERE state = 'finished'")
    assert await imports.errors_path(account_id, done.import_id) is not None
    assert await imports.clear() == 1
    assert await imports.errors_path(account_id, done.import_id) is None
    assert (await imports.run(waiting.import_id)).created == 1
    assert len(list((tmp_path / "imports" / str(account_id)).iterdir())) == 1


async def test_a_file_that_is_being_looked_at_outlives_an_erasure_for_a_day(
    imports: ImportService, database: Database, account_id: int, tmp_path: Path
) -> None:
    seen_only = await _store(imports, account_id, "email\nc@x.com\n")
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO erasures (account_id, contact_id, erased_at, certificate, signature, public_key)"
            " VALUES (%s, 1, now() + interval '1 second', '', '', '')",
            (account_id,),
        )
    assert await imports.clear() == 0
    _grow_old(tmp_path / "imports", days=1.1)
    assert await imports.clear() == 1
    with pytest.raises(NotFound):
        await imports.stored(account_id, seen_only.upload_id)


async def test_a_clearing_that_was_killed_half_way_is_finished_by_the_next_one(
    imports: ImportService, account_id: int, tmp_path: Path
) -> None:
    folder = tmp_path / "imports" / str(account_id)
    kept, gone = [await _store(imports, account_id, "email\na@x.com\n") for _ in range(2)]
    waiting = await imports.create(account_id, kept, ImportOptions())
    _grow_old(tmp_path / "imports", days=31)
    for file in (kept, gone):
        (folder / file.upload_id).rename(folder / f".{file.upload_id}")
    assert await imports.clear() == 1
    assert [path.name for path in folder.iterdir()] == [kept.upload_id]
    assert (await imports.run(waiting.import_id)).created == 1


async def test_every_row_is_counted_once_over_many_batches(
    imports: ImportService, database: Database, account_id: int
) -> None:
    status = await _import(imports, account_id, _people(1000, bad_each=10))
    assert (status.rows_done, status.created, status.failed) == (1000, 900, 100)
    assert status.bytes_done == status.bytes_total
    assert len(await _contacts(database, account_id)) == 900
    again = await _import(imports, account_id, _people(1000, bad_each=10))
    assert (again.created, again.updated, again.unchanged, again.failed) == (0, 0, 900, 100)


async def test_the_file_of_errors_is_bounded_and_the_count_is_not(
    imports: ImportService, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_ERROR_ROWS", 120)
    status = await _import(imports, account_id, "email\n" + "nobody\n" * 500 + "a@x.com\n")
    assert (status.created, status.failed, status.rows_done) == (1, 500, 501)
    errors = await _errors(imports, account_id, status.import_id)
    assert [int(error["line"]) for error in errors] == list(range(2, 122))


async def test_an_import_whose_file_is_gone_fails_with_the_reason(
    imports: ImportService, account_id: int, tmp_path: Path
) -> None:
    file = await _store(imports, account_id, _people(3))
    created = await imports.create(account_id, file, ImportOptions())
    (tmp_path / "imports" / str(account_id) / file.upload_id / "source").unlink()
    status = await imports.run(created.import_id)
    assert status.state is ImportState.FAILED
    assert "was not found" in status.problem


async def test_a_formula_in_a_bad_cell_is_guarded_in_the_file_of_errors(
    imports: ImportService, account_id: int
) -> None:
    status = await _import(imports, account_id, "email\n=cmd|x\n")
    errors = await _errors(imports, account_id, status.import_id)
    assert errors[0]["value"] == "'=cmd|x"


async def test_fill_blanks_keeps_what_is_known_and_an_empty_cell_never_clears(
    imports: ImportService, database: Database, account_id: int
) -> None:
    await _import(imports, account_id, "email,first name,city\na@x.com,Anna,\n")
    await _import(imports, account_id, "email,first name,city\na@x.com,Other,Lviv\n", mode=MergeMode.FILL_BLANKS)
    assert await _contacts(database, account_id, "first_name, city") == [("Anna", "Lviv")]
    await _import(imports, account_id, "email,first name,city\na@x.com,New,\n")
    assert await _contacts(database, account_id, "first_name, city") == [("New", "Lviv")]


async def test_the_key_may_be_an_external_id_and_a_taken_address_is_an_error_of_its_line(
    imports: ImportService, account_id: int
) -> None:
    await _import(imports, account_id, "email,customer id\na@x.com,1\nb@x.com,2\n")
    status = await _import(
        imports, account_id, "email,customer id\nc@x.com,3\nb@x.com,1\n", key=IdentityKind.EXTERNAL_ID
    )
    assert (status.created, status.failed) == (1, 1)
    errors = await _errors(imports, account_id, status.import_id)
    assert [(error["line"], error["column"], error["value"]) for error in errors] == [("3", "email", "b@x.com")]


async def test_consent_is_recorded_with_the_import_and_lists_are_joined(
    imports: ImportService, database: Database, account_id: int
) -> None:
    status = await _import(imports, account_id, _people(3), list_name="Spring", consent=SubscriptionState.UNCONFIRMED)
    async with database.tenant(account_id) as connection:
        cursor = await connection.execute("SELECT DISTINCT state, source, detail FROM consent_events")
        assert await cursor.fetchall() == [(1, "import", {"import_id": status.import_id})]
        cursor = await connection.execute(
            "SELECT name, count(*) FROM lists JOIN list_members USING (list_id) GROUP BY 1"
        )
        assert await cursor.fetchall() == [("Spring", 3)]
    await _import(imports, account_id, _people(5), list_name="spring")
    async with database.tenant(account_id) as connection:
        cursor = await connection.execute(
            "SELECT name, count(*) FROM lists JOIN list_members USING (list_id) GROUP BY 1"
        )
        assert await cursor.fetchall() == [("Spring", 5)]


async def test_columns_become_new_custom_fields_in_the_files_own_notation(
    imports: ImportService, contacts: ContactsService, database: Database, account_id: int
) -> None:
    data = "email;Сума покупок;Joined;VIP\na@x.com;1.234,50;12/31/2024;так\nb@x.com;7;01/02/2025;ні\n"
    file = await _store(imports, account_id, data)
    proposal = await imports.propose(account_id, file)
    assert [column.suggested_type for column in proposal.columns[2:]] == [FieldType.DATE, FieldType.BOOLEAN]
    assert proposal.dialect.date_order is DateOrder.MONTH_FIRST
    options = ImportOptions(
        mapping=(
            ColumnTarget(target="email"),
            ColumnTarget(create_type=FieldType.NUMBER),
            ColumnTarget(target="fields.joined", create_type=FieldType.DATE),
            ColumnTarget(create_type=FieldType.BOOLEAN),
        ),
        overrides=Overrides(decimal=","),
    )
    status = await imports.run((await imports.create(account_id, file, options)).import_id)
    assert (status.created, status.failed) == (2, 0)
    fields = {str(field.field_id): key for key, field in (await contacts.fields.by_key(account_id)).items()}
    assert set(fields.values()) == {"suma_pokupok", "joined", "vip"}
    rows = await _contacts(database, account_id, "fields")
    assert [{fields[key]: value for key, value in row[0].items()} for row in rows] == [
        {"suma_pokupok": 1234.5, "joined": "2024-12-31", "vip": True},
        {"suma_pokupok": 7, "joined": "2025-01-02", "vip": False},
    ]
    again = await imports.propose(account_id, file)
    assert again.columns[1].target.target == "fields.suma_pokupok"


@pytest.mark.parametrize(
    ("header", "targets"),
    [
        ("Email Address,First Name,Last Name,Address,Phone Number,Birthday",
         "email first_name last_name address phone "),
        ("EMAIL,FNAME,LNAME,SMS", "email first_name last_name phone"),
        ("E-mail;Имя;Фамилия;Телефон;Город;Что-то", "email first_name last_name phone city "),
        ("Ел. пошта;Ім'я;Прізвище;Номер телефону;Місто", "email first_name last_name phone city"),
        ("Record ID,First Name,Last Name,Email,State/Region,Postal Code,Country/Region",
         " first_name last_name email region postcode country"),
    ],
)  # fmt: skip
async def test_columns_of_common_exports_are_recognised(
    imports: ImportService, account_id: int, header: str, targets: str
) -> None:
    width = len(targets.split(" "))
    delimiter = ";" if ";" in header else ","
    file = await _store(imports, account_id, f"{header}\n{delimiter.join('x' * width)}\n")
    proposal = await imports.propose(account_id, file)
    assert [column.target.target for column in proposal.columns] == targets.split(" ")


async def test_a_missing_header_is_explained_and_can_be_answered(imports: ImportService, account_id: int) -> None:
    file = await _store(imports, account_id, "Ann,a@x.com,+380501112233\nBob,b@x.com,+380501112234\n")
    with pytest.raises(Invalid, match=r"looks like data \('Ann', 'a@x.com'"):
        await imports.create(account_id, file, ImportOptions())
    proposal = await imports.propose(account_id, file)
    assert [(column.name, column.target.target) for column in proposal.columns] == [
        ("Column 1", ""), ("Column 2", "email"), ("Column 3", "phone"),
    ]  # fmt: skip
    options = ImportOptions(overrides=Overrides(has_header=False))
    status = await imports.run((await imports.create(account_id, file, options)).import_id)
    assert status.created == 2


async def test_a_file_without_the_key_says_which_columns_were_seen(imports: ImportService, account_id: int) -> None:
    file = await _store(imports, account_id, "first name,colour\nAnn,red\n")
    with pytest.raises(Invalid, match=r"no column goes to email.*'first name', 'colour'"):
        await imports.create(account_id, file, ImportOptions())


async def test_a_file_with_only_a_header_imports_nothing(imports: ImportService, account_id: int) -> None:
    status = await _import(imports, account_id, "email,first name\n")
    assert (status.state, status.rows_done, status.failed) == (ImportState.FINISHED, 0, 0)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251", "utf-8-sig"])
async def test_other_encodings_are_imported(
    imports: ImportService, database: Database, account_id: int, encoding: str
) -> None:
    data = "email\tім'я\na@x.com\tЇжак\nb@x.com\tҐалаґан\nc@x.com\tОлена Коваль\n".encode(encoding)
    assert (await _import(imports, account_id, data)).created == 3
    assert [row[1] for row in await _contacts(database, account_id)] == ["Їжак", "Ґалаґан", "Олена Коваль"]


async def test_a_wrong_encoding_given_by_hand_reports_rows_and_stores_nothing_wrong(
    imports: ImportService, database: Database, account_id: int
) -> None:
    data = "email,name\na@x.com,Київ\nb@x.com,Lviv\n".encode("cp1251")
    status = await _import(imports, account_id, data, overrides=Overrides(encoding="utf-8"))
    assert (status.created, status.failed) == (1, 1)
    errors = await _errors(imports, account_id, status.import_id)
    assert (errors[0]["line"], errors[0]["column"]) == ("2", "name")
    assert "not valid UTF-8" in errors[0]["reason"]


async def test_a_spreadsheet_is_imported_by_sheet_with_its_own_row_numbers(
    imports: ImportService, database: Database, account_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Notes").write(0, 0, "nothing")
    sheet = book.add_worksheet("People")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for row, values in enumerate([["email", "phone", "born", "seen", "note"], ["a@x.com", 380501112233]], 2):
        sheet.write_row(row, 0, values)
    sheet.write_datetime(3, 2, datetime.fromisoformat("1990-05-17"), day)
    sheet.write_datetime(3, 3, datetime.fromisoformat("2024-01-02T03:04:05"), day)
    sheet.write_formula(3, 4, "=1+1", None, 2)
    sheet.write_row(4, 0, ["not an address"])
    sheet.write_row(5, 0, ["b@x.com"])
    sheet.write(5, 4, "two\nlines")
    sheet.write_row(6, 0, ["nobody"])
    book.close()
    file = await _store(imports, account_id, path.read_bytes(), "book.xlsx")
    assert (await imports.propose(account_id, file)).sheets == ("Notes", "People")
    options = ImportOptions(
        mapping=(
            ColumnTarget(target="email"),
            ColumnTarget(target="phone"),
            ColumnTarget(target="fields.born", create_type=FieldType.DATE),
            ColumnTarget(target="fields.seen", create_type=FieldType.DATETIME),
            ColumnTarget(target="fields.note", create_type=FieldType.TEXT),
        ),
        phone_region="UA",
        overrides=Overrides(sheet="People"),
    )
    status = await imports.run((await imports.create(account_id, file, options)).import_id)
    assert (status.created, status.failed) == (2, 2)
    assert [row["line"] for row in await _errors(imports, account_id, status.import_id)] == ["5", "7"]
    rows = await _contacts(database, account_id, "phone, fields")
    assert rows[0][0] == "+380501112233"
    assert list(rows[0][1].values()) == ["1990-05-17", "2024-01-02T03:04:05Z", "2"]
    assert list(rows[1][1].values()) == ["two\nlines"]
    with pytest.raises(Invalid, match="there is no sheet 'Other'"):
        await imports.propose(account_id, file, Overrides(sheet="Other"))


@pytest.mark.parametrize("is_honest", [True, False])
def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_honest: bool
) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * 30_000_000)
    if not is_honest:
        size = (30_000_000).to_bytes(4, "little")
        path.write_bytes(path.read_bytes().replace(size, (1000).to_bytes(4, "little")))
    monkeypatch.setattr(xlsx, "MAX_UNPACKED", 20_000_000)
    assert xlsx.is_spreadsheet(path)
    with pytest.raises(xlsx.RefusedError, match="larger than"):
        xlsx.refuse_bomb(path)


async def test_a_sheet_with_one_cell_in_its_last_corner_is_refused(
    imports: ImportService, account_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "giant.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write(0, 0, "email")
    sheet.write(1048575, 16383, "far away")
    book.close()
    with pytest.raises(Invalid, match="too much memory"):
        await imports.propose(account_id, await _store(imports, account_id, path.read_bytes(), "giant.xlsx"))


async def test_uploads_and_imports_of_another_account_are_not_there(
    imports: ImportService, account_id: int, other_account_id: int
) -> None:
    file = await _store(imports, account_id, _people(2))
    status = await imports.create(account_id, file, ImportOptions())
    for action in (
        imports.stored(other_account_id, file.upload_id),
        imports.stored(account_id, "../../etc"),
        imports.propose(other_account_id, file),
        imports.status(other_account_id, status.import_id),
        imports.cancel(other_account_id, status.import_id),
        imports.errors_path(other_account_id, status.import_id),
    ):
        with pytest.raises(NotFound):
            await action
    assert await imports.recent(other_account_id) == []
    assert [found.import_id for found in await imports.recent(account_id)] == [status.import_id]


async def test_a_cancelled_import_stops_after_its_batch_and_keeps_what_it_did(
    imports: ImportService, database: Database, account_id: int
) -> None:
    file = await _store(imports, account_id, _people(2000))
    created = await imports.create(account_id, file, ImportOptions())
    seen: list[ImportStatus] = []
    running = asyncio.create_task(imports.run(created.import_id, seen.append))
    while not seen:
        await asyncio.sleep(0.01)
    await imports.cancel(account_id, created.import_id)
    status = await running
    assert status.state is ImportState.CANCELLED
    assert 0 < status.rows_done < 2000
    assert len(await _contacts(database, account_id)) == status.created
    with pytest.raises(Conflict):
        await imports.cancel(account_id, created.import_id)


async def test_two_runners_of_one_import_do_it_once(
    imports: ImportService, database: Database, account_id: int
) -> None:
    file = await _store(imports, account_id, _people(500, bad_each=7))
    created = await imports.create(account_id, file, ImportOptions())
    both = await asyncio.gather(imports.run(created.import_id), imports.run(created.import_id))
    assert both[0] == both[1]
    assert both[0].rows_done == 500
    assert len(await _errors(imports, account_id, created.import_id)) == both[0].failed == 500 // 7


_RUNNER = """
import asyncio, sys
from pathlib import Path
from syncom.clock import SystemClock
from syncom.contacts.imports.service import ImportService
from syncom.contacts.service import ContactsService
from syncom.postgres.embedded import EmbeddedServer
from syncom.postgres.migrate import migrate
from syncom.postgres.pool import Database

async def main(dsn, folder, import_id):
    async with Database(dsn) as database:
        contacts = ContactsService(database, SystemClock())
        clock = SystemClock()
        imports = ImportService(database, contacts, Path(folder), clock, batch_rows=50, lease_seconds=1.0)
        await imports.run(int(import_id), lambda status: print(status.rows_done, flush=True))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_an_import_killed_three_times_ends_as_if_it_had_not_been(
    imports: ImportService,
    database: Database,
    dsn: str,
    account_id: int,
    other_account_id: int,
    tmp_path: Path,
) -> None:
    data = _people(3000, bad_each=9) + _people(200)
    undisturbed = await _import(imports, other_account_id, data)
    file = await _store(imports, account_id, data)
    created = await imports.create(account_id, file, ImportOptions(list_name="All"))
    for _ in range(3):
        runner = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _RUNNER,
            dsn,
            str(tmp_path),
            str(created.import_id),
            stdout=asyncio.subprocess.PIPE,
        )
        assert runner.stdout is not None
        for _ in range(5):
            assert await runner.stdout.readline()
        os.kill(runner.pid, signal.SIGKILL)
        await runner.wait()
    killed_at = (await imports.status(account_id, created.import_id)).rows_done
    assert 0 < killed_at < undisturbed.rows_done
    status = await imports.run(created.import_id)
    for name in ("state", "rows_done", "created", "updated", "unchanged", "failed", "bytes_done"):
        assert getattr(status, name) == getattr(undisturbed, name)
    assert await _contacts(database, account_id) == await _contacts(database, other_account_id)
    assert await _errors(imports, account_id, status.import_id) == await _errors(
        imports, other_account_id, undisturbed.import_id
    )


async def test_an_import_waits_out_broken_connections(
    imports: ImportService, database: Database, dsn: str, account_id: int
) -> None:
    import psycopg

    file = await _store(imports, account_id, _people(1500, bad_each=11))
    created = await imports.create(account_id, file, ImportOptions())
    seen: list[int] = []
    running = asyncio.create_task(imports.run(created.import_id, lambda status: seen.append(status.rows_done)))
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for _ in range(3):
            before = len(seen)
            while len(seen) == before and not running.done():
                await asyncio.sleep(0.01)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    status = await running
    assert (status.state, status.rows_done, status.failed) == (ImportState.FINISHED, 1500, 1500 // 11)
    assert status.created == len(await _contacts(database, account_id)) == 1500 - 1500 // 11
    assert len(await _errors(imports, account_id, status.import_id)) == status.failed


async def test_an_import_waits_for_a_database_that_was_killed_and_goes_on() -> None:
    folder = Path(tempfile.mkdtemp(prefix="syncom-import-outage-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "data")
    try:
        dsn = await server.start()
        await migrate(dsn)
        async with Database(dsn, max_size=4) as database:
            async with database.system() as connection:
                await connection.execute("INSERT INTO accounts (account_id, name) VALUES (1, 'A')")
            contacts = ContactsService(database, SystemClock())
            imports = ImportService(
                database, contacts, folder / "files", SystemClock(), batch_rows=_BATCH, lease_seconds=1.0
            )
            file = await _store(imports, 1, _people(1500, bad_each=11))
            created = await imports.create(1, file, ImportOptions())
            seen: list[int] = []
            running = asyncio.create_task(imports.run(created.import_id, lambda status: seen.append(status.rows_done)))
            while not seen:
                await asyncio.sleep(0.01)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await server.wait_failed()
            await asyncio.sleep(0.5)
            await server.start()
            status = await running
            assert (status.state, status.rows_done, status.failed) == (ImportState.FINISHED, 1500, 1500 // 11)
            assert status.created == len(await _contacts(database, 1)) == 1500 - 1500 // 11
            assert len(await _errors(imports, 1, status.import_id)) == status.failed
            await contacts.close()
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)
