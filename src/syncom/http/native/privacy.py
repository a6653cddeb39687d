"""What people have a right to: everything that is kept about them, and the proof that it was erased."""

from __future__ import annotations

import tempfile
from datetime import date
from typing import Annotated, Any

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from syncom.accounts.model import Permission
from syncom.contacts.erasures import SignedCertificate
from syncom.contacts.roots import SignedRoot
from syncom.http.native.given import By, Contacts, Wiring
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Privacy"]
#: Bytes that stay in memory while a file is made.
_SPOOLED = 4 * 1024 * 1024


@get("/contacts/{contact_id:int}/export", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def export_contact(by: By, wiring: Wiring, contact_id: FromPath[int]) -> Response[bytes]:
    """Everything that is kept about a contact: a ZIP of JSON files (GDPR Art. 15 and 20)."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as file:
        await wiring.person_export.write(by.account_id, contact_id, file)
        file.seek(0)
        content = file.read()
    return Response(
        content,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="contact-{contact_id}.zip"'},
    )


@get("/erasures", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_erasures(
    by: By,
    contacts: Contacts,
    limit: Limit = 100,
    cursor: Cursor = None,
    contact_id: Annotated[int | None, QueryParameter(description="Certificates of this contact.")] = None,
) -> Page[SignedCertificate]:
    """Certificates of erasures, the last one first: what was deleted, signed with the installation's key (Ed25519)."""
    assert contacts.erasures is not None
    found = await contacts.erasures.certificates(
        by.account_id, contact_id=contact_id, before=read_cursor(cursor, int), limit=limit + 1
    )
    return page_of(found, limit, lambda one: one.erasure_id)


@get("/consents/roots", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_roots(by: By, contacts: Contacts, limit: Limit = 100, cursor: Cursor = None) -> Page[SignedRoot]:
    """Signed roots over the history of consent, one a day, the first one first: keep them elsewhere."""
    assert contacts.roots is not None
    found = await contacts.roots.list(by.account_id, after=read_cursor(cursor, date), limit=limit + 1)
    return page_of(found, limit, lambda one: one.day)


HANDLERS: list[Any] = [export_contact, list_erasures, list_roots]
