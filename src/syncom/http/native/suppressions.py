"""/suppressions: addresses nothing is sent to, whoever they belong to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream

from syncom.accounts.model import Permission
from syncom.contacts.imports.suppressions import suppressions_csv
from syncom.contacts.model import SuppressionEntry, SuppressionFilter
from syncom.http.native.contacts import CHANNELS, choice
from syncom.http.native.given import By, Contacts
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs

_TAGS = ["Suppressions"]

ChannelName = Annotated[str, QueryParameter(description="email, sms or webpush.")]
Reason = Annotated[str, QueryParameter(description="Only of this: hard bounce, complaint, unsubscribed, manual.")]
Prefix = Annotated[str, QueryParameter(description="Only addresses that begin so.")]


class SuppressionInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses of one channel (email, sms) nothing shall be sent to, until `expires_at` or for ever."""

    addresses: list[str]
    channel: str = "email"
    detail: str = ""
    expires_at: datetime | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address of a channel."""

    address: str
    channel: str = "email"


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """One suppressed address, and why."""

    channel: str
    address: str
    reason: str
    detail: str
    #: By what: 'smtp mx.example.com', 'bounce mail', 'sendgrid webhook 3', a user or a key.
    source: str
    created_at: datetime
    expires_at: datetime | None


@get("/suppressions", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_suppressions(
    by: By,
    contacts: Contacts,
    channel: ChannelName = "email",
    reason: Reason = "",
    prefix: Prefix = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Suppressed]:
    """Suppressed addresses of a channel, in their order: why, by what, until when."""
    after = read_cursor(cursor, str) or ""
    wanted = choice("channel", channel, CHANNELS)
    chosen = SuppressionFilter(reason=reason, prefix=prefix)
    found = await contacts.consents.suppressions(by.account_id, wanted, chosen, after=after, limit=limit + 1)
    return page_of([_shown(entry) for entry in found], limit, lambda entry: entry.address)


@get("/exports/suppressions.csv", tags=["Exports"], media_type="text/csv", opt=needs(Permission.EXPORT_CONTACTS))
async def export_suppressions(
    by: By, contacts: Contacts, channel: ChannelName = "email", reason: Reason = "", prefix: Prefix = ""
) -> Stream:
    """Suppressed addresses of a channel as CSV, streamed, guarded against formula injection."""
    chosen = SuppressionFilter(reason=reason, prefix=prefix)
    wanted = choice("channel", channel, CHANNELS)
    disposition = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
    pieces = suppressions_csv(contacts.consents, by.account_id, wanted, chosen)
    return Stream(pieces, media_type="text/csv; charset=utf-8", headers=disposition)


@post("/suppressions", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CONTACTS))
async def suppress(by: By, contacts: Contacts, data: JSONBody[SuppressionInput]) -> None:
    """Never send to these addresses."""
    await contacts.consents.suppress(
        by.account_id,
        choice("channel", data.channel, CHANNELS),
        data.addresses,
        detail=data.detail,
        source=by.actor,
        expires_at=data.expires_at,
    )


@post("/suppressions/remove", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CONTACTS))
async def unsuppress(by: By, contacts: Contacts, data: JSONBody[Address]) -> None:
    """Allow an address again."""
    await contacts.consents.unsuppress(by.account_id, choice("channel", data.channel, CHANNELS), data.address)


def _shown(entry: SuppressionEntry) -> Suppressed:
    return Suppressed(
        channel=entry.channel.name.lower(),
        address=entry.address,
        reason=entry.reason,
        detail=entry.detail,
        source=entry.source,
        created_at=entry.created_at,
        expires_at=entry.expires_at,
    )


HANDLERS: list[Any] = [list_suppressions, export_suppressions, suppress, unsuppress]
