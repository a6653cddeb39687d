"""The proof of consent: a history that is only added to, chained by hashes, and what held at any second.

Every entry holds ``link``, the SHA-256 of the link before it in its contact's chain, followed by its own members in
UTF-8, each but the first after a unit separator (0x1F): account, contact it was recorded for, number of the entry,
channel, category, state, time in microseconds since 1970, source, and the detail as PostgreSQL writes it. The first
link of a chain follows nothing. The trigger ``chain_consent`` makes links, this module checks them on its own.

What has to be shown: GDPR Art. 7(1) and recital 42.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from psycopg.rows import TupleRow

from syncom.contacts.model import (
    CONSENT_CHANNELS,
    Channel,
    ConsentEvent,
    ConsentFault,
    ConsentVerdict,
    SubscriptionState,
)
from syncom.errors import Invalid
from syncom.ids import BUCKETS, bucket_of
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "proofs.sql")
_SEPARATOR: Final = "\x1f"
#: Contacts whose entries are read at once.
_PAGE: Final = 2_000
#: Faults that a verdict lists.
_FAULTS: Final = 1_000
_LAST: Final = 2**63 - 1
#: Characters of a text that is kept; a longer one is a document, and a link to its version belongs into a text.
TEXT_LIMIT: Final = 20_000


class Proofs:
    """What contacts agreed to, when, and on which words."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history(
        self, account_id: int, contact_id: int, *, before: int | None = None, limit: int = 1000
    ) -> list[ConsentEvent]:
        """Entries about a contact, the last recorded first, before that entry; an empty list for an unknown one."""
        parameters = {
            "account_id": account_id,
            "bucket": bucket_of(contact_id),
            "contact_id": contact_id,
            "before": _LAST if before is None else before,
            "limit": limit,
        }
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["consent_history"], parameters)).fetchall()
        return [_event(row) for row in rows]

    async def at(
        self,
        connection: Connection,
        account_id: int,
        contact_id: int,
        channel: Channel,
        at: datetime,
        *,
        recorded_for: int | None = None,
    ) -> list[ConsentEvent]:
        """What held at a moment, inside the caller's transaction: the entry about the channel, and one a category.

        ``recorded_for`` is the contact that it was then, when it was merged into this one since.
        """
        parameters = {
            "account_id": account_id,
            "bucket": bucket_of(contact_id),
            "contact_id": contact_id,
            "channel": int(channel.consent),
            "at": at,
            "recorded_for": recorded_for or contact_id,
        }
        rows = await (await connection.execute(_SQL["consent_at"], parameters)).fetchall()
        return [_event(row) for row in rows]

    async def texts(self, account_id: int, events: Sequence[ConsentEvent]) -> dict[str, str]:
        """The words that these entries name by ``text_hash`` (in hexadecimal), by hash."""
        named = {str((event.detail or {}).get("text_hash", "")) for event in events}
        hashes = [bytes.fromhex(one) for one in named if len(one) == 64 and _is_hex(one)]
        if not hashes:
            return {}
        async with self._database.tenant(account_id) as connection:
            values = {"account_id": account_id, "hashes": hashes}
            rows = await (await connection.execute(_SQL["consent_texts"], values)).fetchall()
        return {row[0]: row[2] for row in rows}

    async def verify(self, account_id: int, contact_id: int | None = None) -> ConsentVerdict:
        """Check the chains of an account, or of one contact; faults stand in the order in which entries were recorded.

        The database is read bucket by bucket.

        An entry that was changed, taken out or put in breaks the link after it; when the last one is gone, the state
        beside the contact is not what the history says.
        """
        contacts = entries = unchained = 0
        faults: list[ConsentFault] = []
        for bucket in range(BUCKETS) if contact_id is None else [bucket_of(contact_id)]:
            after = 0
            while True:
                async with self._database.tenant(account_id) as connection:
                    rows, states = await _page(connection, account_id, bucket, after, contact_id)
                if not rows:
                    break
                for owner, found in groupby(rows, key=lambda row: row[0]):
                    own = list(found)
                    contacts += 1
                    entries += len(own)
                    unchained += sum(row[1] is None for row in own)
                    faults += _broken(account_id, owner, own)
                    faults += _unlike(owner, own, states.get(owner))
                after = rows[-1][0]
        return ConsentVerdict(
            contacts=contacts,
            entries=entries,
            unchained=unchained,
            faults=tuple(sorted(faults, key=lambda fault: fault.consent_event_id)[:_FAULTS]),
            more=len(faults) > _FAULTS,
        )


async def keep_text(connection: Connection, account_id: int, language: str, text: str) -> str:
    """Keep words that somebody is shown, inside the caller's transaction; their hash, for the entry's ``text_hash``.

    The same words in the same language are kept once. Raises Invalid for too long a text.
    """
    if len(text) > TEXT_LIMIT:
        raise Invalid("text", f"is longer than {TEXT_LIMIT:,} characters; link to the document instead")
    text_hash = hashlib.sha256(f"{language}\n{text}".encode()).digest()
    values = {"account_id": account_id, "text_hash": text_hash, "language": language, "text": text}
    await connection.execute(_SQL["keep_text"], values)
    return text_hash.hex()


def link_of(previous: bytes, members: Sequence[object]) -> bytes:
    """The link of an entry: see the head of this module."""
    return hashlib.sha256(previous + _SEPARATOR.join(map(str, members)).encode()).digest()


async def _page(
    connection: Connection, account_id: int, bucket: int, after: int, contact_id: int | None
) -> tuple[list[TupleRow], dict[int, Sequence[int]]]:
    """Entries of the next contacts, and the states beside these."""
    values: dict[str, Any] = {
        "account_id": account_id,
        "bucket": bucket,
        "after": after,
        "contact_id": contact_id,
        "limit": _PAGE,
    }
    rows = await (await connection.execute(_SQL["chains_of_bucket"], values)).fetchall()
    values["contact_ids"] = sorted({row[0] for row in rows})
    states = await (await connection.execute(_SQL["states_of_contacts"], values)).fetchall()
    return rows, {row[0]: row[1:] for row in states}


def _broken(account_id: int, owner: int, rows: Sequence[TupleRow]) -> list[ConsentFault]:
    """Entries whose link is not what it must be, chain by chain."""
    faults: list[ConsentFault] = []
    for chain, entries in groupby(rows, key=lambda row: row[1]):
        if chain is None:
            continue
        previous = b""
        for row in entries:
            link = bytes(row[3])
            if link != link_of(previous, (account_id, chain, row[2], *row[4:])):
                reason = "was changed, or one before it was changed, taken out or put in"
                faults.append(ConsentFault(contact_id=owner, consent_event_id=row[2], reason=reason))
            previous = link
    return faults


def _unlike(owner: int, rows: Sequence[TupleRow], states: Sequence[int] | None) -> list[ConsentFault]:
    """Channels whose state beside the contact is not that of the last entry; deleted contacts have none."""
    if states is None:
        return []
    last: dict[int, TupleRow] = {}
    for row in sorted(rows, key=lambda row: row[2]):
        if not row[5]:
            last[row[4]] = row
    return [
        ConsentFault(
            contact_id=owner,
            consent_event_id=last[channel][2],
            reason=f"is the last about {channel.name.lower()}, and the contact's state is another one",
        )
        for channel, state in zip(CONSENT_CHANNELS, states, strict=True)
        if channel in last and last[channel][6] != state
    ]


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)


def _event(row: TupleRow) -> ConsentEvent:
    return ConsentEvent(
        consent_event_id=row[0],
        channel=Channel(row[1]),
        category=row[2],
        state=SubscriptionState(row[3]),
        occurred_at=row[4],
        source=row[5],
        detail=row[6],
        recorded_for=row[7],
        link=row[8],
    )
