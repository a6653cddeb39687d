"""The ledger of a campaign as a CSV file, a page at a time, guarded against formula injection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from syncom.campaigns.model import LedgerRow
from syncom.campaigns.service import CampaignsService
from syncom.contacts.imports.export import csv_lines
from syncom.contacts.imports.guard import guard
from syncom.messages.model import LedgerState

COLUMNS: Final = ("contact_id", "address", "state", "reason", "attempts", "uncertain", "settled_at", "message_id")
_PAGE: Final = 1000


async def ledger_csv(
    campaigns: CampaignsService, account_id: int, campaign_id: int, *, state: LedgerState | None, reason: str
) -> AsyncIterator[bytes]:
    """How it ended for each recipient, with the server's words. Filters as those of the list."""
    yield csv_lines([COLUMNS])
    after: UUID | None = None
    while True:
        page = await campaigns.recipients(account_id, campaign_id, state=state, reason=reason, after=after, limit=_PAGE)
        if page:
            yield csv_lines([_cells(row) for row in page])
        if len(page) < _PAGE:
            return
        after = UUID(page[-1].message_id)


def _cells(row: LedgerRow) -> list[str]:
    return [
        str(row.contact_id),
        guard(row.address),
        row.state,
        guard(row.reason),
        str(row.attempts),
        str(row.uncertain).lower(),
        row.settled_at.isoformat(),
        row.message_id,
    ]
