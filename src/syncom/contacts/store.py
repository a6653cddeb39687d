"""Reading, deleting and merging contacts in the database. Writing batches is in ``upsert``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import sql
from psycopg.rows import TupleRow

from syncom.contacts.deletion import forget_deleted
from syncom.contacts.model import (
    Channel,
    Contact,
    CustomField,
    Identity,
    IdentityKind,
    SubscriptionState,
    TimelineEntry,
    TimelineKind,
)
from syncom.ids import bucket_of
from syncom.postgres.columns import buckets, by_bucket, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "contacts.sql")

#: Held (shared) while hits are counted, so that an erasure or a merge is before a count or after it: advisory lock.
COUNTING_LOCK: Final = 0x6869 << 40
#: What goes with a contact, in this order, after the contact itself is gone: statements, and tables it owns rows of.
_OWNED = (
    "add_erased",
    "delete_unclaimed_texts",
    "delete_identities",
    "contact_channels",
    "contact_categories",
    "declined_categories",
    "confirmations",
    "delete_tokens",
    "list_members",
    "keep_links",
    "consent_events",
    "contact_statistics",
    "rfm_scores",
    "rfm_history",
    "contact_predictions",
    "orders",
    "refunds",
    "events",
    "enrolments",
    "workflow_messages",
    "workflow_calls",
    "delete_order_identities",
    "delete_visitors",
    "delete_carts",
    "abandoned_carts",
    "delete_engagements",
    "message_params",
    "inbound_texts",
    "message_claims",
    "bulk_changes",
    "bounces",
    "delete_short_links",
    "forget_in_queue",
    "forget_in_ledger",
    "forget_in_activity",
    "delete_merged",
)
#: Statements of these that delete nothing, or count something else.
_KEPT = ("add_erased", "keep_links", "delete_engagements", "forget_in_ledger", "forget_in_activity", "forget_in_queue")
#: What is not handed over in a merge: it is made anew for the kept contact.
_MADE_ANEW = ("rfm_scores", "rfm_history", "contact_predictions")
#: What the kept contact takes over.
_HANDED_OVER = (
    "hand_over_identities",
    "hand_over_channels",
    "hand_over_categories",
    "hand_over_declined",
    "drop_declined",
    "hand_over_lists",
    "hand_over_consent_events",
    "hand_over_orders",
    "hand_over_refunds",
    "hand_over_order_identities",
    "hand_over_visitors",
    "hand_over_carts",
    "hand_over_abandoned_carts",
    "hand_over_inbound_texts",
    "hand_over_statistics",
    "hand_over_attributions",
    "look_at_orders_anew",
    "shorten_lineage",
    "add_lineage",
)


async def get_contacts(
    connection: Connection, account_id: int, contact_ids: Sequence[int], fields: Mapping[str, CustomField]
) -> list[Contact]:
    """The contacts that exist, in the order of the ids."""
    cursor = await connection.execute(_SQL["get_contacts"], _these(account_id, contact_ids))
    keys = {str(field.field_id): key for key, field in fields.items()}
    return [_contact(row, keys) for row in await cursor.fetchall()]


def _contact(row: TupleRow, keys: Mapping[str, str]) -> Contact:
    values: dict[str, Any] = row[14]
    return Contact(
        contact_id=row[0],
        email=row[1],
        phone=row[2],
        external_id=row[3],
        contact_key=row[4],
        first_name=row[5],
        last_name=row[6],
        country=row[7],
        region=row[8],
        city=row[9],
        address=row[10],
        postcode=row[11],
        language=row[12],
        time_zone=row[13],
        # Values of a deleted field are not shown.
        fields={keys[field_id]: value for field_id, value in values.items() if field_id in keys},
        email_state=SubscriptionState(row[15]),
        sms_state=SubscriptionState(row[16]),
        push_state=SubscriptionState(row[17]),
        created_at=row[18],
        updated_at=row[19],
    )


async def find_identity(connection: Connection, account_id: int, kind: IdentityKind, value: str) -> int | None:
    """The contact with this normalised identity."""
    parameters = {"account_id": account_id, "kind": int(kind), "value": value}
    row = await (await connection.execute(_SQL["find_identity"], parameters)).fetchone()
    return row[0] if row else None


async def find_identities(
    connection: Connection, account_id: int, kind: IdentityKind, values: Sequence[str]
) -> list[int | None]:
    """The contacts these values lead to, in their order."""
    found: list[int | None] = [None] * len(values)
    parameters = {"account_id": account_id, "kind": kind.value, "values": list(values)}
    for place, contact_id in await (await connection.execute(_SQL["find_identities"], parameters)).fetchall():
        found[place - 1] = contact_id
    return found


async def identities_of(connection: Connection, account_id: int, contact: Contact) -> list[Identity]:
    """Every identity of a contact, by kind and value."""
    parameters = {"account_id": account_id, "contact_id": contact.contact_id}
    cursor = await connection.execute(_SQL["identities"], parameters)
    primary = {contact.email, contact.phone, contact.external_id, contact.contact_key}
    return [
        Identity(kind=IdentityKind(kind), value=value, primary=value in primary)
        for kind, value in await cursor.fetchall()
    ]


async def release_identity(
    connection: Connection, account_id: int, contact_id: int, kind: IdentityKind, value: str
) -> bool:
    """Take one identity from a contact; False when it has no such one."""
    parameters = {
        "account_id": account_id,
        "contact_id": contact_id,
        "kind": int(kind),
        "value": value,
    }
    return await (await connection.execute(_SQL["release_further"], parameters)).fetchone() is not None


async def newest_contacts(
    connection: Connection, account_id: int, *, before: int, limit: int, list_id: int | None
) -> list[int]:
    """Ids below ``before``, newest first, of the account or of one of its lists."""
    statement = _SQL["newest_contacts" if list_id is None else "newest_members"]
    parameters = {"account_id": account_id, "before": before, "limit": limit, "list_id": list_id}
    return [row[0] for row in await (await connection.execute(statement, parameters)).fetchall()]


async def emails_that_begin(
    connection: Connection, account_id: int, prefix: str, *, after: str, limit: int
) -> list[tuple[int, str]]:
    """Contact ids and addresses behind the address ``after``, in the order of the addresses."""
    parameters = {"account_id": account_id, "prefix": prefix, "after": after, "limit": limit}
    cursor = await connection.execute(_SQL["email_prefix"], parameters)
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def lineage(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> list[int]:
    """These contacts and those merged into them."""
    parameters = {"account_id": account_id, "contact_ids": numbers(contact_ids)}
    cursor = await connection.execute(_SQL["lineage"], parameters)
    return [*contact_ids, *(row[0] for row in await cursor.fetchall())]


async def merged_into(connection: Connection, account_id: int, contact_ids: Sequence[int]) -> dict[int, int]:
    """The contacts that these were merged into, by their own ids; the others are not in it."""
    rows = await connection.execute(_SQL["merged_into"], _these(account_id, contact_ids))
    return {row[0]: row[1] for row in await rows.fetchall()}


async def erase_contacts(
    connection: Connection, account_id: int, contact_ids: Sequence[int]
) -> tuple[list[int], dict[str, int]]:
    """Erase contacts, deleted ones too, with all they own. For a system transaction.

    Returns the ids that existed, and how many rows were deleted, by table.
    """
    cursor = await connection.execute(_SQL["delete_contacts"], _these(account_id, by_bucket(contact_ids)))
    existed = [row[0] for row in await cursor.fetchall()]
    deleted = {"contacts": len(existed)}
    waiting = await forget_deleted(connection, account_id, contact_ids)
    deleted["deleted_contacts"] = len(waiting)
    existed += waiting
    if existed:
        await connection.execute(_SQL["hold_counting"], {"lock": COUNTING_LOCK})
        everyone = by_bucket(await lineage(connection, account_id, existed))
        for name in _OWNED:
            statement = _SQL[name] if name in _SQL else _delete_owned(name)
            cursor = await connection.execute(statement, _these(account_id, everyone))
            if name not in _KEPT:
                deleted[name.removeprefix("delete_")] = cursor.rowcount
    return existed, deleted


def _delete_owned(table: str) -> sql.Composed:
    return sql.SQL(_SQL["delete_owned"]).format(table=sql.Identifier(table))


async def lock_contacts(
    connection: Connection, account_id: int, contact_ids: Sequence[int]
) -> dict[int, tuple[int, int, int]]:
    """States (email, SMS, web push) of the contacts that exist, locked one by one in the room's order."""
    states: dict[int, tuple[int, int, int]] = {}
    for contact_id in by_bucket(contact_ids):
        parameters = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
        row = await (await connection.execute(_SQL["lock_contact"], parameters)).fetchone()
        if row is not None:
            states[contact_id] = (row[0], row[1], row[2])
    return states


async def merge_contacts(
    connection: Connection,
    account_id: int,
    keep_id: int,
    drop_id: int,
    *,
    take: Collection[str],
    take_fields: Collection[int],
    states: tuple[int, int, int],
    channels: Sequence[int],
    occurred_at: datetime,
) -> None:
    """Give what the dropped contact owns to the kept one, and delete the dropped one. For a system transaction.

    ``take`` are members, ``take_fields`` custom fields by number, of which the dropped one's values win; ``states``
    are those of the kept contact afterwards; ``channels`` get an event in its consent history.
    """
    parameters: dict[str, Any] = {
        "account_id": account_id,
        "keep_id": keep_id,
        "keep_bucket": bucket_of(keep_id),
        "drop_id": drop_id,
        "drop_bucket": bucket_of(drop_id),
    }
    taken = {"take": list(take), "take_fields": [str(field_id) for field_id in take_fields]}
    await connection.execute(_SQL["merge_contacts"], parameters | taken)
    await connection.execute(_SQL["delete_contacts"], _these(account_id, [drop_id]))
    # Hits count for the dropped contact before this, or for the kept one after it: never for nobody in between.
    await connection.execute(_SQL["hold_counting"], {"lock": COUNTING_LOCK})
    for statement in _HANDED_OVER:
        await connection.execute(_SQL[statement], parameters)
    for table in _MADE_ANEW:
        await connection.execute(_delete_owned(table), _these(account_id, [drop_id]))
    email, sms, push = states
    consents = {"email": email, "sms": sms, "push": push, "occurred_at": occurred_at}
    await connection.execute(_SQL["settle_consents"], parameters | consents | {"channels": numbers(channels)})


async def read_timeline(
    connection: Connection,
    account_id: int,
    contact_id: int,
    *,
    kinds: Collection[TimelineKind],
    channels: Collection[Channel],
    before: datetime,
    before_key: str,
    limit: int,
) -> list[tuple[str, TimelineEntry]]:
    """Entries of these kinds behind the cursor, newest first, each with its key. No channels: of all, and of none."""
    everyone = await lineage(connection, account_id, [contact_id])
    parameters = _these(account_id, everyone) | {
        "bucket": bucket_of(contact_id),
        "contact_id": contact_id,
        "kinds": [kind.value for kind in kinds],
        "channels": numbers(channels) if channels else None,
        "before": before,
        "before_key": before_key,
        "limit": limit,
    }
    rows = await (await connection.execute(_SQL["timeline"], parameters)).fetchall()
    return [(row[2], TimelineEntry(kind=TimelineKind(row[0]), occurred_at=row[1], detail=row[3])) for row in rows]


def _these(account_id: int, contact_ids: Sequence[int]) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "buckets": buckets(contact_ids),
        "contact_ids": numbers(contact_ids),
    }
