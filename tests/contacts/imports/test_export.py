"""What is exported comes back as it was."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.clock import SystemClock
from syncom.contacts.imports.export import ContactExport, ExportFilter
from syncom.contacts.imports.guard import guard, unguard
from syncom.contacts.imports.model import ImportOptions
from syncom.contacts.imports.service import ImportService
from syncom.contacts.model import ContactInput, FieldType, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid, NotFound
from syncom.postgres.pool import Database


@pytest.fixture
async def contacts(database: Database) -> AsyncIterator[ContactsService]:
    service = ContactsService(database, SystemClock())
    yield service
    await service.close()


async def _text(pieces: AsyncIterator[bytes]) -> str:
    return b"".join([piece async for piece in pieces]).decode()


@given(st.text(st.sampled_from("'=+-@\t\r\n19.,a"), max_size=6))
def test_the_guard_comes_off_whatever_the_cell_was(cell: str) -> None:
    assert unguard(guard(cell)) == cell
    assert not guard(cell).startswith(("=", "@", "\t", "\r", "\n"))


def test_formulas_are_guarded_and_phones_and_numbers_are_not() -> None:
    assert guard('=HYPERLINK("http://x")') == '\'=HYPERLINK("http://x")'
    assert guard("+1+cmd|' /C calc'!A0") == "'+1+cmd|' /C calc'!A0"
    assert guard("-2+3") == "'-2+3"
    assert [guard(cell) for cell in ("+380501234567", "-12.5", "a=b", "'quoted'", "")] == [
        "+380501234567", "-12.5", "a=b", "'quoted'", "",
    ]  # fmt: skip


async def test_an_export_imported_into_another_account_gives_the_same_contacts(
    contacts: ContactsService, database: Database, account_id: int, other_account_id: int, tmp_path: Path
) -> None:
    for account in (account_id, other_account_id):
        for key, kind, choices in (
            ("note", FieldType.TEXT, ()),
            ("points", FieldType.NUMBER, ()),
            ("born", FieldType.DATE, ()),
            ("seen", FieldType.DATETIME, ()),
            ("vip", FieldType.BOOLEAN, ()),
            ("size", FieldType.CHOICE, ("S", "M, wide")),
            ("tags", FieldType.MULTICHOICE, ("a", "b")),
            ("raw", FieldType.JSON, ()),
        ):
            await contacts.fields.create(account, key=key, name=key.title(), type=kind, choices=choices)
    rows = [
        ContactInput(
            email="anna@example.com",
            phone="+380501234567",
            external_id="-7",
            contact_key="k1",
            first_name="=1+1",
            last_name="'=О'Коннор",
            country="UA",
            city="@Київ",
            address='вул. "Довга", 1; кв. 2',
            language="uk",
            time_zone="Europe/Kyiv",
            emails=("second@example.com", "third@example.com"),
            phones=("+380671234567",),
            fields={
                "note": "-two\nlines\twith tab",
                "points": -12.5,
                "born": "1990-05-17",
                "seen": "2024-01-02T03:04:05Z",
                "vip": False,
                "size": "M, wide",
                "tags": ["a", "b"],
                "raw": {"deep": ["=x", 1, None]},
            },
        ),
        *(ContactInput(email=f"p{number}@example.com", first_name="П") for number in range(2500)),
    ]
    await contacts.upsert(account_id, rows, UpsertOptions())
    export = ContactExport(database, contacts)
    text = await _text(await export.export_contacts(account_id, with_mark=True))
    assert text.startswith("\ufeffemail,phone,")

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    imports = ImportService(database, contacts, tmp_path, SystemClock())
    file = await imports.store(other_account_id, "export.csv", chunks())
    status = await imports.run((await imports.create(other_account_id, file, ImportOptions())).import_id)
    assert (status.created, status.failed, status.problem) == (2501, 0, "")
    again = await _text(await export.export_contacts(other_account_id, with_mark=True))

    def found(exported: str) -> list[dict[str, Any]]:
        kept = [dict(row) for row in csv.DictReader(io.StringIO(exported[1:], newline=""))]
        for row in kept:
            del row["created_at"]
        return sorted(kept, key=lambda row: row["email"])

    assert found(again) == found(text)


async def test_a_list_and_chosen_columns_are_exported(
    contacts: ContactsService, database: Database, account_id: int, other_account_id: int
) -> None:
    chosen = await contacts.lists.create(account_id, "Chosen")
    await contacts.upsert(account_id, [ContactInput(email="in@x.com")], UpsertOptions(list_ids=(chosen.list_id,)))
    await contacts.upsert(account_id, [ContactInput(email="out@x.com")], UpsertOptions())
    export = ContactExport(database, contacts)
    only = ExportFilter(list_id=chosen.list_id)
    pieces = await export.export_contacts(account_id, only, ("email", "email_state"))
    assert await _text(pieces) == "email,email_state\r\nin@x.com,subscribed\r\n"
    with pytest.raises(NotFound):
        await export.export_contacts(other_account_id, only)
    with pytest.raises(Invalid, match="no column 'shoe'"):
        await export.export_contacts(account_id, columns=("shoe",))
    assert (await _text(await export.export_contacts(other_account_id))).count("\n") == 1
