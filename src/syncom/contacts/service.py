"""Use cases of contacts: the only module of this room that others import, besides ``model``.

>>> contacts = ContactsService(database, clock)
>>> outcome = await contacts.upsert_one(account_id, ContactInput(email="anna@example.com"), UpsertOptions())

Custom fields are at ``contacts.fields``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from syncom.clock import Clock
from syncom.contacts.fields import CustomFields
from syncom.contacts.model import (
    Change,
    ContactInput,
    PreparedRow,
    RowProblem,
    UpsertOptions,
    UpsertOutcome,
    UpsertResult,
)
from syncom.contacts.prepare import prepare_rows
from syncom.contacts.upsert import (
    ContactIds,
    Merged,
    StalePlan,
    begin_batch,
    begin_tenant_batch,
    end_batch,
    merge_once,
)
from syncom.errors import Conflict, Invalid, SyncomError, Unavailable
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Connection, Database

__all__ = ["BATCH_LIMIT", "ContactsService", "prepare_rows"]

#: Rows of one merge. 10,000 to 50,000 is where set-based writing is cheapest.
BATCH_LIMIT: Final = 50_000
#: A batch is planned again each time another transaction beats it to something it needs; every time somebody else
#: has made progress, so this many in a row means that something is broken.
_ATTEMPTS: Final = 20


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One upsert over HTTP, on its way into a grouped commit."""

    account_id: int
    row: PreparedRow
    options: UpsertOptions


class ContactsService:
    """Contacts, their identities and their consent."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._ids = ContactIds()
        self._single: GroupCommit[_Waiting, UpsertOutcome] = GroupCommit(self._write_singles)
        self.fields = CustomFields(database, clock)

    async def close(self) -> None:
        """Finish the writes that were accepted."""
        await self._single.close()

    # ------------------------------------------------------------ upsert

    async def upsert(
        self, account_id: int, rows: Sequence[ContactInput], options: UpsertOptions
    ) -> UpsertResult:
        """Create or update contacts, recognised by ``options.key``; bad rows are reported and the rest is written.

        At most 50,000 rows; all good rows are written in one transaction. Rows of one contact act in their order.
        Raises Invalid when a list does not exist.
        """
        if len(rows) > BATCH_LIMIT:
            raise Invalid("contacts", f"has more than {BATCH_LIMIT:,} entries")
        named = {key for row in rows for key in row.fields}
        fields = await self.fields.by_key(account_id, wanted=named) if named else {}
        prepared, problems = prepare_rows(rows, fields, options)
        async with self._database.tenant(account_id) as connection:
            merged = await self._merge(connection, account_id, prepared, options)
        contact_ids: list[int | None] = [None] * len(rows)
        for row, contact_id in zip(prepared, merged.contact_ids, strict=True):
            contact_ids[row.index] = contact_id
        problems = sorted([*problems, *merged.problems], key=lambda problem: problem.index)
        return _result(contact_ids, merged, problems)

    async def merge_prepared(
        self, connection: Connection, account_id: int, prepared: Sequence[PreparedRow], options: UpsertOptions
    ) -> UpsertResult:
        """Write rows that :func:`prepare_rows` made, inside the caller's transaction, at most 50,000 at once.

        ``contact_ids`` of the answer has one entry for each *prepared* row; ``problems`` names them by
        ``PreparedRow.index``. Problems found here are identities that belong to another contact. Until the caller's
        transaction ends, deletes and merges of contacts of this account wait for it.
        """
        merged = await self._merge(connection, account_id, prepared, options)
        return _result(merged.contact_ids, merged, merged.problems)

    async def upsert_one(self, account_id: int, row: ContactInput, options: UpsertOptions) -> UpsertOutcome:
        """Create or update one contact; returns when it is committed, together with other requests' rows.

        Raises Invalid for a bad row, Conflict when one of its identities belongs to another contact.
        """
        fields = await self.fields.by_key(account_id, wanted=set(row.fields)) if row.fields else {}
        prepared, problems = prepare_rows((row,), fields, options)
        if problems:
            raise Invalid(problems[0].field, problems[0].reason)
        return await self._single.submit(_Waiting(account_id=account_id, row=prepared[0], options=options))

    async def _merge(
        self, connection: Connection, account_id: int, prepared: Sequence[PreparedRow], options: UpsertOptions
    ) -> Merged:
        if not prepared:
            return Merged(contact_ids=[], changes=[], problems=[])
        await begin_batch(connection, account_id)
        for _ in range(_ATTEMPTS):
            try:
                async with connection.transaction():
                    merged = await merge_once(connection, account_id, prepared, options, self._ids)
            except StalePlan:
                continue
            await end_batch(connection)
            return merged
        raise Unavailable("other writers keep changing the same contacts; try again")

    async def _write_singles(self, items: Sequence[_Waiting]) -> Sequence[UpsertOutcome | BaseException]:
        """One transaction for all that is waiting: a batch for each account and set of options."""
        groups: dict[tuple[int, bytes], list[int]] = {}
        for place, item in enumerate(items):
            groups.setdefault((item.account_id, msgspec.msgpack.encode(item.options)), []).append(place)
        for _ in range(_ATTEMPTS):
            results: list[UpsertOutcome | BaseException | None] = [None] * len(items)
            try:
                async with self._database.system() as connection:
                    for places in (groups[group] for group in sorted(groups)):
                        await self._write_group(connection, items, places, results)
            except StalePlan:
                continue
            return [result or Unavailable("this contact was not written; try again") for result in results]
        raise Unavailable("other writers keep changing the same contacts; try again")

    async def _write_group(
        self,
        connection: Connection,
        items: Sequence[_Waiting],
        places: Sequence[int],
        results: list[UpsertOutcome | BaseException | None],
    ) -> None:
        first = items[places[0]]
        await begin_tenant_batch(connection, first.account_id)
        merged = await merge_once(
            connection, first.account_id, [items[place].row for place in places], first.options, self._ids
        )
        problems = iter(merged.problems)
        for place, contact_id, change in zip(places, merged.contact_ids, merged.changes, strict=True):
            if contact_id is None or change is None:
                results[place] = _refusal(next(problems))
            else:
                results[place] = UpsertOutcome(contact_id=contact_id, change=change)


def _result(contact_ids: list[int | None], merged: Merged, problems: list[RowProblem]) -> UpsertResult:
    return UpsertResult(
        contact_ids=contact_ids,
        created=merged.changes.count(Change.CREATED),
        updated=merged.changes.count(Change.UPDATED),
        unchanged=merged.changes.count(Change.UNCHANGED),
        problems=problems,
    )


def _refusal(problem: RowProblem) -> SyncomError:
    return Conflict(f"{problem.field}: {problem.reason}", field=problem.field)
