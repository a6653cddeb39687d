"""Contacts as a CSV file that streams: memory holds one page, and no transaction is longer than one.

The columns carry the names the import knows, so an exported file imports again without a mapping and
gives the same data. Cells that a spreadsheet would run as formulas are guarded, see
:mod:`syncom.contacts.imports.guard`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from syncom.contacts.imports.guard import guard
from syncom.contacts.imports.model import CUSTOM, FURTHER
from syncom.contacts.model import CustomField, FieldType, IdentityKind, SubscriptionState
from syncom.contacts.prepare import STANDARD
from syncom.contacts.service import ContactsService
from syncom.errors import FieldError, Invalid
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts.imports", "export.sql")
#: Contacts of one page: about ten milliseconds of the event loop.
_PAGE = 2_000
_STATES = ("email_state", "sms_state", "push_state")
#: Columns of a page after bucket and id, before the custom fields.
_STORED = (*STANDARD, *_STATES, "created_at")
_CUSTOM_PLACE = 2 + len(_STORED)
_FURTHER_KINDS = {IdentityKind.EMAIL: "emails", IdentityKind.PHONE: "phones"}

#: A contact's row and its further addresses by column; the cell of one column.
_Cell = Callable[[Sequence[Any], Mapping[str, str]], str]


class ExportFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which contacts are exported; nothing set: all."""

    list_id: int | None = None


class ContactExport:
    """Exports contacts of an account."""

    def __init__(self, database: Database, contacts: ContactsService) -> None:
        self._database = database
        self._contacts = contacts

    async def columns(self, account_id: int) -> tuple[str, ...]:
        """Every column there is, in the order of a full export; custom fields are ``fields.<key>``."""
        fields = await self._contacts.fields.by_key(account_id)
        return (*STANDARD, *FURTHER, *(CUSTOM + key for key in sorted(fields)), *_STATES, "created_at")

    async def export_contacts(
        self,
        account_id: int,
        filter: ExportFilter | None = None,  # noqa: A002 - its name in the API
        columns: Sequence[str] = (),
        *,
        with_mark: bool = False,
    ) -> AsyncIterator[bytes]:
        """The file in pieces, UTF-8, comma-separated, CRLF (RFC 4180), ordered by bucket and id.

        No ``columns``: all. ``with_mark`` puts a byte order mark first, without which Excel takes the file
        for the machine's old code page. Contacts changed while it runs appear once, old or new. Raises
        Invalid for an unknown column, NotFound for an unknown list, both before the first piece.
        """
        wanted = tuple(columns) or await self.columns(account_id)
        cells = _cells(wanted, await self._contacts.fields.by_key(account_id))
        chosen = filter or ExportFilter()
        if chosen.list_id is not None:
            await self._contacts.lists.get(account_id, chosen.list_id)
        return self._pieces(account_id, chosen, wanted, cells, with_mark=with_mark)

    async def _pieces(
        self,
        account_id: int,
        chosen: ExportFilter,
        columns: Sequence[str],
        cells: Sequence[_Cell],
        *,
        with_mark: bool,
    ) -> AsyncIterator[bytes]:
        yield ("\ufeff" if with_mark else "").encode() + csv_lines([columns])
        with_further = any(name in FURTHER for name in columns)
        bucket, contact_id = -1, -1
        while True:
            parameters = {
                "account_id": account_id,
                "bucket": bucket,
                "contact_id": contact_id,
                "count": _PAGE,
                "list_id": chosen.list_id,
            }
            statement = "page" if chosen.list_id is None else "list_page"
            async with self._database.tenant(account_id) as connection:
                rows = await (await connection.execute(_SQL[statement], parameters)).fetchall()
                addresses: list[tuple[Any, ...]] = []
                if with_further and rows:
                    ids = [row[1] for row in rows]
                    cursor = await connection.execute(_SQL["addresses"], {"account_id": account_id, "contact_ids": ids})
                    addresses = await cursor.fetchall()
            if not rows:
                return
            bucket, contact_id = rows[-1][0], rows[-1][1]
            further = _further(rows, addresses)
            present = [row for row in rows if row[_CUSTOM_PLACE] is not None]
            yield csv_lines([[guard(cell(row, further.get(row[1], {}))) for cell in cells] for row in present])
            if len(rows) < _PAGE:
                return


def _cells(columns: Sequence[str], fields: Mapping[str, CustomField]) -> list[_Cell]:
    cells: list[_Cell] = []
    problems: list[FieldError] = []
    for place, name in enumerate(columns):
        field = fields.get(name.removeprefix(CUSTOM)) if name.startswith(CUSTOM) else None
        if field is not None:
            cells.append(_custom_cell(field))
        elif name in FURTHER:
            cells.append(lambda _, further, name=name: further.get(name, ""))
        elif name in _STORED:
            cells.append(_stored_cell(name))
        else:
            problems.append(FieldError(f"columns.{place}", f"there is no column {name!r}"))
    if problems:
        raise Invalid.of(problems)
    return cells


def _stored_cell(name: str) -> _Cell:
    place = 2 + _STORED.index(name)
    if name in _STATES:
        return lambda row, _: SubscriptionState(row[place]).name.lower()
    if name == "created_at":
        return lambda row, _: _moment(row[place])
    return lambda row, _: row[place] or ""


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="seconds").replace("+00:00", "Z")


def _custom_cell(field: CustomField) -> _Cell:
    key = str(field.field_id)
    if field.type is FieldType.JSON:
        return lambda row, _: msgspec.json.encode(row[_CUSTOM_PLACE][key]).decode() if key in row[_CUSTOM_PLACE] else ""
    return lambda row, _: _text(row[_CUSTOM_PLACE].get(key))


def _text(value: Any) -> str:
    """A custom value as the import reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType] # choices are text
    return str(value)


def _further(rows: Sequence[Sequence[Any]], addresses: Sequence[tuple[Any, ...]]) -> dict[int, dict[str, str]]:
    """Addresses beside the primary ones, by contact and column."""
    primary = {(row[1], value) for row in rows for value in row[2:4]}
    found: dict[int, dict[str, str]] = {}
    for contact_id, kind, value in addresses:
        if (contact_id, value) not in primary:
            column = _FURTHER_KINDS[IdentityKind(kind)]
            cells = found.setdefault(contact_id, {})
            cells[column] = f"{cells[column]};{value}" if column in cells else value
    return found


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as RFC 4180 has them. Cells are written as they are: guard what people wrote."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
