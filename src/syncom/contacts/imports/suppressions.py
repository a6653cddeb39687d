"""The suppression list as a file: each address with why, by what, since when and until when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from syncom.contacts.consents import Consents
from syncom.contacts.imports.export import csv_lines
from syncom.contacts.imports.guard import guard
from syncom.contacts.model import Channel, SuppressionEntry, SuppressionFilter

COLUMNS: Final = ("address", "reason", "detail", "source", "created_at", "expires_at")
_PAGE: Final = 1000


async def suppressions_csv(
    consents: Consents, account_id: int, channel: Channel, chosen: SuppressionFilter
) -> AsyncIterator[bytes]:
    """CSV in pieces (RFC 4180, UTF-8), in the order of the addresses. Memory holds one page."""
    yield csv_lines([COLUMNS])
    after = ""
    while True:
        page = await consents.suppressions(account_id, channel, chosen, after=after, limit=_PAGE)
        if page:
            yield csv_lines([_row(entry) for entry in page])
        if len(page) < _PAGE:
            return
        after = page[-1].address


def _row(entry: SuppressionEntry) -> tuple[str, ...]:
    return (
        guard(entry.address),
        guard(entry.reason),
        guard(entry.detail),
        guard(entry.source),
        _moment(entry.created_at),
        _moment(entry.expires_at),
    )


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
