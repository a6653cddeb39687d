"""/imports: files of contacts. Upload, look at the proposal, start, follow."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import File

from syncom.accounts.model import Permission
from syncom.contacts.imports.jobs import start
from syncom.contacts.imports.model import ColumnTarget, ImportOptions, ImportStatus, Overrides, Proposal, StoredFile
from syncom.contacts.imports.service import MAX_FILE
from syncom.contacts.model import MergeMode
from syncom.errors import NotFound
from syncom.http.native.contact_upsert import KEYS, STATES
from syncom.http.native.contacts import choice
from syncom.http.native.given import By, Imports, Jobs
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Imports"]


class Look(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The uploaded file, and what is known better than detection finds out."""

    upload_id: str
    overrides: Overrides = Overrides()


class ImportInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to import an uploaded file. Without a `mapping` columns go where the proposal says."""

    upload_id: str
    mapping: list[ColumnTarget] = []
    #: email, phone, external_id or contact_key.
    key: str = "email"
    mode: MergeMode = MergeMode.OVERWRITE
    lists: list[int] = []
    #: A list of this name is used, or made.
    list_name: str = ""
    consent: str = "subscribed"
    phone_region: str = ""
    overrides: Overrides = Overrides()


@post(
    "/imports/files",
    tags=_TAGS,
    request_max_body_size=MAX_FILE,
    opt=needs(Permission.WRITE_CONTACTS, media=None, replay=False),
)
async def upload_file(
    request: Request[Any, Any, Any],
    by: By,
    imports: Imports,
    name: Annotated[str, QueryParameter(description="The file's name, such as contacts.csv.")] = "contacts.csv",
) -> StoredFile:
    """Upload a CSV or XLSX file: its bytes are the body, of up to 8 GB."""
    return await imports.store(by.account_id, unquote(name), request.stream())


@post("/imports/propose", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS, replay=False))
async def propose_import(by: By, imports: Imports, data: JSONBody[Look]) -> Proposal:
    """How the file would be read and where its columns would go. Changes nothing."""
    file = await imports.stored(by.account_id, data.upload_id)
    return await imports.propose(by.account_id, file, data.overrides)


@post("/imports", tags=_TAGS, opt=needs(Permission.WRITE_CONTACTS))
async def start_import(by: By, imports: Imports, jobs: Jobs, data: JSONBody[ImportInput]) -> ImportStatus:
    """Import an uploaded file in the background."""
    file = await imports.stored(by.account_id, data.upload_id)
    options = ImportOptions(
        mapping=tuple(data.mapping),
        key=choice("key", data.key, KEYS),
        mode=data.mode,
        list_ids=tuple(data.lists),
        list_name=data.list_name,
        consent=choice("consent", data.consent, STATES),
        phone_region=data.phone_region,
        overrides=data.overrides,
    )
    created = await imports.create(by.account_id, file, options)
    await start(jobs, created.import_id)
    return created


@get("/imports", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_imports(by: By, imports: Imports, limit: Limit = 100, cursor: Cursor = None) -> Page[ImportStatus]:
    """All imports, newest first."""
    found = await imports.recent(by.account_id, before=read_cursor(cursor, int), count=limit + 1)
    return page_of(found, limit, lambda one: one.import_id)


@get("/imports/{import_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_import(by: By, imports: Imports, import_id: FromPath[int]) -> ImportStatus:
    """Where an import is: bytes and rows done, created, updated, failed."""
    return await imports.status(by.account_id, import_id)


@post("/imports/{import_id:int}/cancel", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTACTS))
async def cancel_import(by: By, imports: Imports, import_id: FromPath[int]) -> ImportStatus:
    """Stop an import. What was imported stays."""
    return await imports.cancel(by.account_id, import_id)


@get("/imports/{import_id:int}/errors", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_import_errors(by: By, imports: Imports, import_id: FromPath[int]) -> File:
    """The refused rows as CSV: line, column, value, reason."""
    path = await imports.errors_path(by.account_id, import_id)
    if path is None:
        raise NotFound("file of errors for import", import_id)
    return File(path=path, filename=f"import-{import_id}-errors.csv", media_type="text/csv")


HANDLERS: list[Any] = [
    upload_file,
    propose_import,
    start_import,
    list_imports,
    get_import,
    cancel_import,
    get_import_errors,
]
