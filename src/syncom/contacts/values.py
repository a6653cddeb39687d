"""The same values for many contacts at once: one statement, whoever they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from psycopg import sql

from syncom.contacts.model import ContactInput, CustomField
from syncom.contacts.prepare import IDENTITY_PLACES, STANDARD, prepare_patch
from syncom.errors import Invalid
from syncom.postgres import columns
from syncom.postgres.pool import Connection

#: Standard members that can be the same for several contacts.
COMMON: Final = tuple(name for place, name in enumerate(STANDARD) if place not in IDENTITY_PLACES.values())
#: Contacts are locked in the order of bucket and id, as every writer does.
_UPDATE = sql.SQL("""
WITH those AS MATERIALIZED (
    SELECT c.account_id, c.bucket, c.contact_id FROM ({source}) AS k (bucket, contact_id)
    JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    WHERE ({differ})
    ORDER BY c.bucket, c.contact_id FOR UPDATE OF c
)
UPDATE contacts c SET {set}, updated_at = now() FROM those k
WHERE c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
""")


class CommonValues(msgspec.Struct, frozen=True, kw_only=True):
    """Values that are checked and normalised."""

    #: Standard members by name.
    members: dict[str, str]
    #: Custom fields by number, as they are stored.
    fields: dict[str, Any]
    #: Numbers of custom fields to clear.
    cleared: list[str]


def common_values(
    fields: Mapping[str, CustomField], members: Mapping[str, Any], own: Mapping[str, Any]
) -> CommonValues:
    """Check values for whoever it may be. Raises Invalid naming the member."""
    for name, value in members.items():
        if name not in COMMON:
            raise Invalid(name, f"cannot be the same for several contacts; there are {', '.join(COMMON)}")
        if not isinstance(value, str):
            raise Invalid(name, "must be a text")
    prepared = prepare_patch(ContactInput(**dict(members), fields=dict(own)), fields, "")
    stored = prepared.fields or {}
    return CommonValues(
        members={name: value for name, value in zip(STANDARD, prepared.values, strict=True) if value is not None},
        fields={key: value for key, value in stored.items() if value is not None},
        cleared=[key for key, value in stored.items() if value is None],
    )


async def set_common(
    connection: Connection,
    account_id: int,
    given: CommonValues,
    *,
    source: sql.Composable,
    values: Mapping[str, Any],
) -> int:
    """Give these values to the contacts (bucket, id) that a query with ``values`` finds; how many differed.

    Inside the caller's transaction, of the system or the account.
    """
    parts: list[sql.Composable] = []
    differ: list[sql.Composable] = []
    for name in given.members:
        column, value = sql.Identifier(name), sql.Placeholder(f"to_{name}")
        parts.append(sql.SQL("{} = {}").format(column, value))
        differ.append(sql.SQL("c.{} <> {}").format(column, value))
    if given.fields or given.cleared:
        own = sql.SQL("(c.fields - %(cleared)s::text[]) || %(own)s::jsonb")
        parts.append(sql.SQL("fields = {}").format(own))
        differ.append(sql.SQL("c.fields <> {}").format(own))
    if not parts:
        return 0
    statement = _UPDATE.format(source=source, set=sql.SQL(", ").join(parts), differ=sql.SQL(" OR ").join(differ))
    bound = {f"to_{name}": value for name, value in given.members.items()}
    more = {"account_id": account_id, "own": columns.json(given.fields), "cleared": given.cleared}
    return (await connection.execute(statement, {**values, **bound, **more})).rowcount
