"""/exports: all contacts in one file."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from syncom.accounts.model import Permission
from syncom.contacts.imports.export import ExportFilter
from syncom.http.native.given import By, Export
from syncom.http.native.routing import needs


@get("/exports/contacts.csv", tags=["Exports"], media_type="text/csv", opt=needs(Permission.EXPORT_CONTACTS))
async def export_contacts(
    by: By,
    export: Export,
    list_id: Annotated[int | None, QueryParameter(description="Only members of this list.")] = None,
    column: Annotated[
        list[str] | None, QueryParameter(description="A column; may be repeated. All unless given.")
    ] = None,
    mark: Annotated[bool, QueryParameter(description="Begin with a byte order mark, for Excel.")] = False,
) -> Stream:
    """Contacts as CSV, streamed, guarded against formula injection."""
    pieces = await export.export_contacts(
        by.account_id, ExportFilter(list_id=list_id), tuple(column or ()), with_mark=mark
    )
    disposition = {"Content-Disposition": 'attachment; filename="contacts.csv"'}
    return Stream(pieces, media_type="text/csv; charset=utf-8", headers=disposition)


HANDLERS: list[Any] = [export_contacts]
