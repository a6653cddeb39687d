"""Saving contacts with all that other systems keep about them: the batch upsert, and around it what it does not know.

A row finds its contact by one of several identities, by our id, by a custom field or by a push token; a deleted contact
may come back with it. Lists, categories, further channels and the shop's count of orders follow in the same
transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from syncom.clock import Clock
from syncom.contacts.categories import add_categories
from syncom.contacts.consents import set_consents
from syncom.contacts.deletion import find_deleted, restore_contacts
from syncom.contacts.fields import CustomFields
from syncom.contacts.lists import join_named, leave_named
from syncom.contacts.model import (
    Change,
    Channel,
    ConsentChange,
    ContactInput,
    ContactSave,
    CustomField,
    Deleted,
    FurtherChannel,
    IdentityKind,
    NewContact,
    PreparedRow,
    Recognition,
    RowProblem,
    SaveOptions,
    SaveResult,
    SubscriptionState,
    UpsertOptions,
)
from syncom.contacts.normalise import normalise_field, normalise_phone, normalise_text
from syncom.contacts.prepare import IDENTITY_PLACES, prepare_known, prepare_rows
from syncom.contacts.upsert import Merged, lock_account
from syncom.errors import Invalid
from syncom.postgres.columns import booleans, buckets, by_bucket, json, moments, numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "saving.sql")

Merge = Callable[[Connection, int, Sequence[PreparedRow], UpsertOptions], Awaitable[Merged]]
#: More of the caller's in the same transaction, after everything is written.
Also = Callable[[Connection, SaveResult], Awaitable[None]]

#: Characters of a push token; browsers' endpoints are long addresses.
_TOKEN_LENGTH: Final = 2_000
#: Bytes of what a caller says about a device.
_DATA_LENGTH: Final = 10_000
_FIELD_KEY_LENGTH: Final = 255
_PUSH: Final = (Channel.WEBPUSH, Channel.MOBILEPUSH)
_EMAIL: Final = IDENTITY_PLACES[IdentityKind.EMAIL]
_PHONE: Final = IDENTITY_PLACES[IdentityKind.PHONE]
_EXTERNAL_ID: Final = IDENTITY_PLACES[IdentityKind.EXTERNAL_ID]
_NOTHING: Final = ContactSave(contact=ContactInput())
_NO_FIELDS: Final[Mapping[str, CustomField]] = {}


class _Row(msgspec.Struct, kw_only=True):
    """A row on its way: what was given, and what became of it."""

    given: ContactSave
    prepared: PreparedRow
    channels: tuple[FurtherChannel, ...]
    #: What the contact is recognised by where that is no identity; empty: nothing.
    key: str = ""


class Saver:
    """Saves batches. ``merge`` is the upsert of the room's service."""

    def __init__(self, fields: CustomFields, clock: Clock, merge: Merge) -> None:
        self._fields = fields
        self._clock = clock
        self._merge = merge

    async def prepare(
        self, account_id: int, saves: Sequence[ContactSave], options: SaveOptions
    ) -> tuple[list[_Row], list[RowProblem]]:
        """Check and normalise. Bad rows are reported."""
        contacts = [save.contact for save in saves]
        named = {key for contact in contacts for key in contact.fields}
        fields = await self._fields.by_key(account_id, wanted=named) if named else _NO_FIELDS
        if options.recognition is Recognition.IDENTITY:
            prepared, problems = prepare_rows(contacts, fields, options.upsert)
        else:
            prepared, problems = prepare_known(contacts, fields, options.upsert.phone_region)
        rows: list[_Row] = []
        for row in prepared:
            given = saves[row.row]
            try:
                channels = tuple(map(_channel, given.channels)) if given.channels else ()
                key = _key(row, given, channels, options)
            except Invalid as error:
                wrong = error.fields[0]
                problems.append(RowProblem(index=row.row, field=wrong.field, reason=wrong.reason))
                continue
            rows.append(_Row(given=given, prepared=row, channels=channels, key=key))
        return rows, problems

    def take(self, prepared: Sequence[PreparedRow], options: SaveOptions) -> tuple[list[_Row], list[RowProblem]]:
        """Rows that were prepared elsewhere, by identity or by a custom field."""
        rows: list[_Row] = []
        problems: list[RowProblem] = []
        for row in prepared:
            key = ""
            if options.recognition is Recognition.FIELD and options.field is not None:
                value = (row.fields or {}).get(str(options.field.field_id))
                key = "" if value is None else _as_text(value)
                if not key and not row.values[_EXTERNAL_ID]:
                    name = f"fields.{options.field.key}"
                    reason = "is missing: contacts of this batch are recognised by it"
                    problems.append(RowProblem(index=row.row, field=name, reason=reason))
                    continue
            rows.append(_Row(given=_NOTHING, prepared=row, channels=(), key=key))
        return rows, problems

    async def save(
        self, connection: Connection, account_id: int, count: int, rows: Sequence[_Row], options: SaveOptions
    ) -> SaveResult:
        """Write prepared rows inside the caller's (tenant) transaction."""
        refused: list[RowProblem] = []
        if options.recognition in (Recognition.FIELD, Recognition.PUSH_TOKEN):
            # Nothing in the database makes these unique, so one save of the account at a time.
            await lock_account(connection, account_id)
        if options.deleted is not Deleted.IGNORE:
            rows, refused = await self._deleted(connection, account_id, rows, options)
        contact_ids: list[int | None] = [None] * count
        changes: list[Change | None] = [None] * count
        merged = await self._write(connection, account_id, rows, options)
        for row, contact_id, change in zip(rows, merged.contact_ids, merged.changes, strict=True):
            contact_ids[row.prepared.row] = contact_id
            changes[row.prepared.row] = change
        written = [
            (contact_id, row)
            for row, contact_id in zip(rows, merged.contact_ids, strict=True)
            if contact_id is not None
        ]
        await self._beside(connection, account_id, written, options, merged)
        return SaveResult(
            contact_ids=contact_ids,
            changes=changes,
            problems=[*refused, *merged.problems],
            created=tuple(
                NewContact(
                    contact_id=contact_id,
                    email=row.prepared.values[_EMAIL] or "",
                    phone=row.prepared.values[_PHONE] or "",
                )
                for row, contact_id, change in zip(rows, merged.contact_ids, merged.changes, strict=True)
                if change is Change.CREATED and contact_id is not None
            ),
        )

    # ------------------------------------------------------------ deleted contacts

    async def _deleted(
        self, connection: Connection, account_id: int, rows: Sequence[_Row], options: SaveOptions
    ) -> tuple[list[_Row], list[RowProblem]]:
        """Restore or refuse what leads to deleted contacts; the rows that go on."""
        places = [(kind, IDENTITY_PLACES[kind]) for kind in options.deleted_keys]
        wanted = sorted(
            {(kind, value) for row in rows for kind, place in places if (value := row.prepared.values[place])}
        )
        found = await find_deleted(connection, account_id, wanted)
        if not found:
            return list(rows), []
        await lock_account(connection, account_id)
        found = await find_deleted(connection, account_id, wanted)
        live = await _identity_owners(connection, account_id, wanted)
        going: list[_Row] = []
        refused: list[RowProblem] = []
        back: set[int] = set()
        for row in rows:
            named = [(kind, value) for kind, place in places if (value := row.prepared.values[place])]
            first = next((identity for identity in named if identity in live or identity in found), None)
            if row.prepared.contact_id or first is None or first in live:
                going.append(row)
            elif options.deleted is Deleted.SKIP:
                refused.append(
                    RowProblem(
                        index=row.prepared.row,
                        field=first[0].name.lower(),
                        reason="belongs to a deleted contact: ask to restore deleted ones",
                    )
                )
            else:
                back.add(found[first])
                going.append(row)
        if back:
            await restore_contacts(connection, account_id, sorted(back))
        return going, refused

    # ------------------------------------------------------------ writing

    async def _write(
        self, connection: Connection, account_id: int, rows: Sequence[_Row], options: SaveOptions
    ) -> Merged:
        if options.recognition is Recognition.IDENTITY:
            return await self._merge(connection, account_id, [row.prepared for row in rows], options.upsert)
        if options.recognition is Recognition.THIS:
            prepared = [row.prepared._replace(contact_id=row.given.contact_id) for row in rows]
            return await self._merge(connection, account_id, prepared, options.upsert)
        if options.recognition is Recognition.CONTACT_ID:
            external = await _external_owners(connection, account_id, rows)
            prepared = [
                row.prepared
                if row.prepared.values[_EXTERNAL_ID] in external
                else row.prepared._replace(contact_id=row.given.contact_id)
                for row in rows
            ]
            return await self._merge(connection, account_id, prepared, options.upsert)
        return await self._write_in_rounds(connection, account_id, rows, options)

    async def _write_in_rounds(
        self, connection: Connection, account_id: int, rows: Sequence[_Row], options: SaveOptions
    ) -> Merged:
        """Rows whose key is no identity: a second row with a key that is new meets what the first one made."""
        external = await _external_owners(connection, account_id, rows)
        known = dict(await _key_owners(connection, account_id, {row.key for row in rows if row.key}, options))
        done: dict[int, tuple[int | None, Change | None]] = {}
        problems: list[RowProblem] = []
        refused: set[tuple[int, Channel]] = set()
        pending = list(rows)
        while pending:
            now, pending = _first_of_each(pending, known)
            prepared = [
                row.prepared
                if row.prepared.values[_EXTERNAL_ID] in external
                else row.prepared._replace(contact_id=known.get(row.key, 0))
                for row in now
            ]
            merged = await self._merge(connection, account_id, prepared, options.upsert)
            for row, contact_id, change in zip(now, merged.contact_ids, merged.changes, strict=True):
                done[row.prepared.row] = contact_id, change
                if row.key and contact_id is not None:
                    known[row.key] = contact_id
            problems += merged.problems
            refused |= merged.refused
        outcomes = [done[row.prepared.row] for row in rows]
        return Merged(
            contact_ids=[contact_id for contact_id, _ in outcomes],
            changes=[change for _, change in outcomes],
            problems=problems,
            refused=refused,
        )

    # ------------------------------------------------------------ what stands beside a contact

    async def _beside(
        self,
        connection: Connection,
        account_id: int,
        written: Sequence[tuple[int, _Row]],
        options: SaveOptions,
        merged: Merged,
    ) -> None:
        contact_ids = sorted({contact_id for contact_id, _ in written})
        if not contact_ids:
            return
        if options.lists:
            await join_named(connection, account_id, contact_ids, options.lists)
        if options.left_lists:
            await leave_named(connection, account_id, contact_ids, options.left_lists)
        if options.categories:
            await add_categories(connection, account_id, contact_ids, options.categories)
        await _put_channels(connection, account_id, written)
        await _put_order_summaries(connection, account_id, written)
        if merged.refused:
            now = self._clock.now()
            changes = [
                ConsentChange(
                    account_id=account_id,
                    contact_id=contact_id,
                    channel=channel,
                    state=SubscriptionState.UNSUBSCRIBED,
                    source=options.upsert.source,
                    detail={"note": "the contact that had this address before had unsubscribed"},
                    occurred_at=now,
                )
                for contact_id, channel in sorted(merged.refused)
            ]
            await set_consents(connection, changes)


def _channel(given: FurtherChannel) -> FurtherChannel:
    """A further channel in its stored form. Raises Invalid."""
    name = given.channel.name.lower()
    try:
        if given.channel is Channel.VIBER:
            value = normalise_phone(given.value)
        else:
            value = normalise_text(given.value, _TOKEN_LENGTH)
    except ValueError as error:
        raise Invalid(name, str(error)) from None
    if len(json(given.data)) > _DATA_LENGTH:
        raise Invalid(name, f"is described in more than {_DATA_LENGTH:,} bytes")
    return FurtherChannel(channel=given.channel, value=value, data=given.data, active=given.active)


def _key(row: PreparedRow, given: ContactSave, channels: Sequence[FurtherChannel], options: SaveOptions) -> str:
    """What the row's contact is recognised by, where that is no identity. Raises Invalid when there is nothing."""
    has_id = bool(row.values[_EXTERNAL_ID])
    if options.recognition is Recognition.CONTACT_ID:
        if not given.contact_id and not has_id:
            raise Invalid("id", "is missing: contacts of this batch are recognised by it")
    elif options.recognition is Recognition.PUSH_TOKEN:
        key = next((one.value for one in channels if one.channel is options.channel), "")
        if not key and not has_id:
            raise Invalid("channels", "have no push token: contacts of this batch are recognised by it")
        return key
    elif options.recognition is Recognition.FIELD and options.field is not None:
        key = _field_key(options.field, given)
        if not key and not has_id:
            raise Invalid(f"fields.{options.field.key}", "is missing: contacts of this batch are recognised by it")
        return key
    return ""


def _field_key(field: CustomField, given: ContactSave) -> str:
    """The value of the field as the database shows it as text."""
    try:
        value = normalise_field(field, given.contact.fields.get(field.key))
    except ValueError as error:
        raise Invalid(f"fields.{field.key}", str(error)) from None
    if value is None:
        return ""
    text = _as_text(value)
    if len(text) > _FIELD_KEY_LENGTH or not text.isprintable():
        raise Invalid(f"fields.{field.key}", f"is longer than {_FIELD_KEY_LENGTH} characters, so it is no key")
    return text


def _as_text(value: Any) -> str:
    """A stored value as PostgreSQL's ``->>`` shows it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _first_of_each(rows: Sequence[_Row], known: Mapping[str, int]) -> tuple[list[_Row], list[_Row]]:
    """The rows that may be written now, and those that have to see what these make."""
    now: list[_Row] = []
    later: list[_Row] = []
    seen: set[str] = set()
    for row in rows:
        if row.key and row.key not in known:
            if row.key in seen:
                later.append(row)
                continue
            seen.add(row.key)
        now.append(row)
    return now, later


async def _identity_owners(
    connection: Connection, account_id: int, identities: Sequence[tuple[IdentityKind, str]]
) -> dict[tuple[IdentityKind, str], int]:
    if not identities:
        return {}
    cursor = await connection.execute(
        _SQL["identity_owners"],
        {
            "account_id": account_id,
            "kinds": numbers(int(kind) for kind, _ in identities),
            "values": texts(value for _, value in identities),
        },
    )
    return {identities[place - 1]: contact_id for place, contact_id in await cursor.fetchall()}


async def _external_owners(connection: Connection, account_id: int, rows: Sequence[_Row]) -> set[str | None]:
    """The external ids among the rows' that lead to a contact: such a row is about that one, whatever else it says."""
    ids = sorted({value for row in rows if (value := row.prepared.values[_EXTERNAL_ID])})
    owners = await _identity_owners(connection, account_id, [(IdentityKind.EXTERNAL_ID, value) for value in ids])
    return {value for _, value in owners}


async def _key_owners(
    connection: Connection, account_id: int, keys: set[str], options: SaveOptions
) -> Mapping[str, int]:
    wanted = sorted(keys)
    if not wanted:
        return {}
    if options.recognition is Recognition.PUSH_TOKEN:
        owners = await _identity_owners(connection, account_id, [(IdentityKind.PUSH_TOKEN, key) for key in wanted])
        return {value: contact_id for (_, value), contact_id in owners.items()}
    assert options.field is not None
    parameters = {"account_id": account_id, "field": str(options.field.field_id), "values": texts(wanted)}
    cursor = await connection.execute(_SQL["field_owners"], parameters)
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def _put_channels(connection: Connection, account_id: int, written: Sequence[tuple[int, _Row]]) -> None:
    cleared = sorted({(contact_id, channel) for contact_id, row in written for channel in row.given.cleared})
    if cleared:
        await clear_channels(connection, account_id, cleared)
    rows = [(contact_id, channel) for contact_id, row in written for channel in row.channels]
    if not rows:
        return
    tokens = [(contact_id, channel.value) for contact_id, channel in rows if channel.channel in _PUSH]
    if tokens:
        await _claim_tokens(connection, account_id, tokens)
    await connection.execute(
        _SQL["put_channels"],
        {
            "account_id": account_id,
            "buckets": buckets(contact_id for contact_id, _ in rows),
            "contact_ids": numbers(contact_id for contact_id, _ in rows),
            "channels": numbers(channel.channel for _, channel in rows),
            "values": texts(channel.value for _, channel in rows),
            "data": texts(json(channel.data) for _, channel in rows),
            "active": booleans(channel.active for _, channel in rows),
        },
    )


async def clear_channels(connection: Connection, account_id: int, pairs: Sequence[tuple[int, Channel]]) -> None:
    """Take all further channels of these kinds from contacts, push tokens with their identities."""
    cursor = await connection.execute(
        _SQL["clear_channels"],
        {
            "account_id": account_id,
            "buckets": buckets(contact_id for contact_id, _ in pairs),
            "contact_ids": numbers(contact_id for contact_id, _ in pairs),
            "channels": numbers(channel for _, channel in pairs),
        },
    )
    gone = [(row[0], row[2]) for row in await cursor.fetchall() if row[1] in _PUSH]
    if gone:
        await connection.execute(
            _SQL["release_tokens"],
            {
                "account_id": account_id,
                "values": texts(value for _, value in gone),
                "contact_ids": numbers(contact_id for contact_id, _ in gone),
            },
        )


async def _claim_tokens(connection: Connection, account_id: int, tokens: Sequence[tuple[int, str]]) -> None:
    """Push tokens belong to the contact that was said to have them last."""
    last = {value: contact_id for contact_id, value in tokens}
    values = sorted(last)
    owners = await _identity_owners(connection, account_id, [(IdentityKind.PUSH_TOKEN, value) for value in values])
    moved = [(value, owner) for (_, value), owner in owners.items() if owner != last[value]]
    if moved:
        await connection.execute(
            _SQL["leave_tokens"],
            {
                "account_id": account_id,
                "values": texts(value for value, _ in moved),
                "owners": numbers(owner for _, owner in moved),
            },
        )
    await connection.execute(
        _SQL["claim_tokens"],
        {
            "account_id": account_id,
            "values": texts(values),
            "contact_ids": numbers(last[value] for value in values),
        },
    )


async def _put_order_summaries(connection: Connection, account_id: int, written: Sequence[tuple[int, _Row]]) -> None:
    last = {contact_id: row.given.orders for contact_id, row in written if row.given.orders is not None}
    if not last:
        return
    contact_ids = by_bucket(last)
    summaries = [last[contact_id] for contact_id in contact_ids]
    await connection.execute(
        _SQL["put_order_summaries"],
        {
            "account_id": account_id,
            "buckets": buckets(contact_ids),
            "contact_ids": numbers(contact_ids),
            "counts": _nullable_numbers([summary.count for summary in summaries]),
            "moments": moments(summary.last_order_at for summary in summaries),
        },
    )


def _nullable_numbers(values: Sequence[int | None]) -> str:
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"
