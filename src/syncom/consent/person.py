"""Everything that is kept about one person, as one ZIP of JSON files (GDPR Art. 15 and 20)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

import msgspec
from psycopg import sql

from syncom.contacts.service import ContactsService, lineage
from syncom.ids import bucket_of
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.consent", "person.sql")
_README: Final = """Everything that is kept about one person.

contact.json      the person as stored, with custom fields
consents.json     what the person agreed to, when, on which words (docs/consent.md says how the links are checked)
other files       one for each kind of fact, a JSON object a line (https://jsonlines.org), by the names of the tables

Times are UTC unless they say otherwise.
"""
#: Files that tell names beside numbers, with a statement of their own.
_TOLD: Final = ("lists", "categories", "segments", "events")
#: Tables whose rows go as they are, by the name of their file.
OWNED: Final[Mapping[str, str]] = {
    "messages": "ledger",
    "activity": "activity",
    "reactions": "engagements",
    "message_data": "message_params",
    "orders": "orders",
    "refunds": "refunds",
    "attributions": "attributions",
    "abandoned_carts": "abandoned_carts",
    "channels": "contact_channels",
    "statistics": "contact_statistics",
    "scores": "rfm_scores",
    "score_history": "rfm_history",
    "predictions": "contact_predictions",
    "journeys": "enrolments",
    "workflow_messages": "workflow_messages",
    "workflow_calls": "workflow_calls",
    "confirmations": "confirmations",
    "inbound_texts": "inbound_texts",
    "bounces": "bounces",
    "message_claims": "message_claims",
    "bulk_changes": "bulk_changes",
    "deleted_contacts": "deleted_contacts",
    "merged_contacts": "merged_contacts",
}
BY_CONTACT: Final[Mapping[str, str]] = {
    "addresses": "identities",
    "carts": "carts",
    "site_visitors": "site_visitors",
}


class PersonExport:
    """Writes what is kept about a contact."""

    def __init__(self, database: Database, contacts: ContactsService) -> None:
        self._database = database
        self._contacts = contacts

    async def write(self, account_id: int, contact_id: int, file: IO[bytes]) -> dict[str, int]:
        """Write the ZIP; how many entries each of its files has. Raises NotFound.

        What contacts merged into this one left behind is part of it.
        """
        contact = await self._contacts.get(account_id, contact_id)
        history = await self._contacts.proofs.history(account_id, contact_id, limit=100_000)
        texts = await self._contacts.proofs.texts(account_id, history)
        counts = {"contact": 1, "consents": len(history)}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", _README)
            archive.writestr("contact.json", _pretty(contact))
            archive.writestr("consents.json", _pretty({"entries": history, "texts": texts}))
            async with self._database.tenant(account_id) as connection:
                everyone = await lineage(connection, account_id, [contact_id])
            values = {
                "account_id": account_id,
                "buckets": numbers(sorted({bucket_of(one) for one in everyone})),
                "contact_ids": numbers(everyone),
            }
            for name, statement in _statements().items():
                async with self._database.tenant(account_id) as connection:
                    rows = await _rows(connection, statement, values)
                if rows:
                    archive.writestr(f"{name}.jsonl", b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
                counts[name] = len(rows)
        return counts


def _statements() -> dict[str, sql.SQL | sql.Composed]:
    """What is asked for each file."""
    told: dict[str, sql.SQL | sql.Composed] = {name: sql.SQL(_SQL[name]) for name in _TOLD}
    for how, tables in (("owned", OWNED), ("by_contact", BY_CONTACT)):
        for name, table in tables.items():
            told[name] = sql.SQL(_SQL[how]).format(table=sql.Identifier(table))
    return told


async def _rows(connection: Connection, statement: sql.SQL | sql.Composed, values: Mapping[str, Any]) -> Sequence[Any]:
    return [row[0] for row in await (await connection.execute(statement, values)).fetchall()]


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
