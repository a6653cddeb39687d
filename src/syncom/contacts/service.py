"""Use cases of contacts: the only module of this room that others import, besides ``model``.

>>> contacts = ContactsService(database, clock)
>>> outcome = await contacts.upsert_one(account_id, ContactInput(email="anna@example.com"), UpsertOptions())

Custom fields are at ``contacts.fields``, lists at ``contacts.lists``, consent and suppressed addresses at
``contacts.consents``, its proof at ``contacts.proofs``, subscription categories at ``contacts.categories``, lists with
totals at ``contacts.directory``, asynchronous calls at ``contacts.sessions``, their tokens at ``contacts.tokens``;
:func:`set_consents` and :func:`suppress` do batches inside a caller's transaction, and :func:`hold_contacts` keeps
contacts there until it ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import psycopg

from syncom.clock import Clock
from syncom.contacts import store
from syncom.contacts.categories import Categories
from syncom.contacts.consents import Consents, set_consents, suppress
from syncom.contacts.deletion import delete_contacts, find_deleted, restore_contacts
from syncom.contacts.directory import Directory
from syncom.contacts.duplicates import Duplicates
from syncom.contacts.erasures import Erasures
from syncom.contacts.fields import CustomFields
from syncom.contacts.lists import Lists
from syncom.contacts.model import (
    CONSENT_CHANNELS,
    Change,
    Channel,
    Contact,
    ContactFilter,
    ContactInput,
    ContactPage,
    ContactSave,
    CustomField,
    Identity,
    IdentityKind,
    MergeMode,
    PreparedRow,
    RowProblem,
    SaveOptions,
    SaveResult,
    SubscriptionState,
    TimelineKind,
    TimelinePage,
    UpsertOptions,
    UpsertOutcome,
    UpsertResult,
)
from syncom.contacts.normalise import international, normalise_email, normalise_phone
from syncom.contacts.prepare import prepare_patch, prepare_rows
from syncom.contacts.proofs import Proofs
from syncom.contacts.roots import Roots
from syncom.contacts.saving import Also, Saver
from syncom.contacts.sessions import ApiSessions, put_session
from syncom.contacts.store import COUNTING_LOCK, lineage
from syncom.contacts.tokens import ContactTokens
from syncom.contacts.upsert import (
    ContactIds,
    Merged,
    StalePlan,
    begin_batch,
    begin_tenant_batch,
    contact_locks,
    end_batch,
    hold_contacts,
    lock_account,
    merge_once,
)
from syncom.contacts.usage import Usage
from syncom.errors import Conflict, Invalid, NotFound, SyncomError, Unavailable
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring

__all__ = [
    "BATCH_LIMIT",
    "COUNTING_LOCK",
    "ContactsService",
    "contact_locks",
    "hold_contacts",
    "international",
    "lineage",
    "prepare_rows",
    "put_session",
    "set_consents",
    "suppress",
]

#: Rows of one merge. 10,000 to 50,000 is where set-based writing is cheapest.
BATCH_LIMIT: Final = 50_000
#: Contacts or entries of one page.
PAGE_LIMIT: Final = 1_000
#: Entries of a timeline that are about a channel.
_OF_CHANNELS: Final = frozenset({TimelineKind.CONSENT, TimelineKind.MESSAGE, TimelineKind.ACTIVITY})
#: A batch is planned again each time another transaction beats it to something it needs. After a few times it takes
#: the account for itself, so that it gets through however many others want the same people.
_SHARED_ATTEMPTS: Final = 3
_ATTEMPTS: Final = 10
_NO_FIELDS: Final[Mapping[str, CustomField]] = {}
_PATCH: Final = UpsertOptions(mode=MergeMode.OVERWRITE, consent=SubscriptionState.NONE)
_LAST: Final = 2**63 - 1


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One upsert over HTTP, on its way into a grouped commit."""

    account_id: int
    row: PreparedRow
    options: UpsertOptions


class ContactsService:
    """Contacts, their identities and their consent."""

    def __init__(self, database: Database, clock: Clock, keyring: Keyring | None = None) -> None:
        """``keyring``: for erasures (hashes, certificates) and roots of consent; without it there are none."""
        self._database = database
        self.erasures = Erasures(database, keyring) if keyring is not None else None
        self.roots = Roots(database, keyring, clock) if keyring is not None else None
        self._ids = ContactIds()
        self._single: GroupCommit[_Waiting, UpsertOutcome] = GroupCommit(self._write_singles)
        self._clock = clock
        #: Who else uses fields, lists and categories: asked before one is deleted.
        self.usage = Usage()
        self.fields = CustomFields(database, clock, self.usage)
        self.lists = Lists(database, self.usage)
        self.consents = Consents(database, clock)
        self.proofs = Proofs(database)
        self.categories = Categories(database, self.usage)
        self.directory = Directory(database, self.fields)
        self.duplicates = Duplicates(database, self.fields)
        self.sessions = ApiSessions(database)
        self.tokens = ContactTokens(database)
        self._saver = Saver(self.fields, clock, self._merge)

    async def close(self) -> None:
        """Finish the writes that were accepted."""
        await self._single.close()

    # ------------------------------------------------------------ upsert

    async def upsert(self, account_id: int, rows: Sequence[ContactInput], options: UpsertOptions) -> UpsertResult:
        """Create or update contacts, recognised by ``options.key``; bad rows are reported and the rest is written.

        At most 50,000 rows; all good rows are written in one transaction. Rows of one contact act in their order.
        Raises Invalid when a list does not exist.
        """
        if len(rows) > BATCH_LIMIT:
            raise Invalid("contacts", f"has more than {BATCH_LIMIT:,} entries")
        named = {key for row in rows for key in row.fields}
        fields = await self.fields.by_key(account_id, wanted=named) if named else _NO_FIELDS
        prepared, problems = prepare_rows(rows, fields, options)
        async with self._database.tenant(account_id) as connection:
            merged = await self._merge(connection, account_id, prepared, options)
        contact_ids: list[int | None] = [None] * len(rows)
        changes: list[Change | None] = [None] * len(rows)
        for row, contact_id, change in zip(prepared, merged.contact_ids, merged.changes, strict=True):
            contact_ids[row.row] = contact_id
            changes[row.row] = change
        problems = sorted([*problems, *merged.problems], key=lambda problem: problem.index)
        return _result(contact_ids, changes, problems)

    async def merge_prepared(
        self, connection: Connection, account_id: int, prepared: Sequence[PreparedRow], options: UpsertOptions
    ) -> UpsertResult:
        """Write rows that :func:`prepare_rows` made, inside the caller's transaction, at most 50,000 at once.

        ``contact_ids`` and ``changes`` of the answer have one entry for each *prepared* row; ``problems`` names them by
        ``PreparedRow.row``. Problems found here are identities that belong to another contact. Until the caller's
        transaction ends, deletes and merges of contacts of this account wait for it.
        """
        merged = await self._merge(connection, account_id, prepared, options)
        return _result(merged.contact_ids, merged.changes, merged.problems)

    async def upsert_one(self, account_id: int, row: ContactInput, options: UpsertOptions) -> UpsertOutcome:
        """Create or update one contact; returns when it is committed, together with other requests' rows.

        Raises Invalid for a bad row, Conflict when one of its identities belongs to another contact.
        """
        fields = await self.fields.by_key(account_id, wanted=set(row.fields)) if row.fields else _NO_FIELDS
        prepared, problems = prepare_rows((row,), fields, options)
        if problems:
            raise Invalid(problems[0].field, problems[0].reason)
        return await self._single.submit(_Waiting(account_id=account_id, row=prepared[0], options=options))

    async def _merge(
        self,
        connection: Connection,
        account_id: int,
        prepared: Sequence[PreparedRow],
        options: UpsertOptions,
        *,
        contact_id: int | None = None,
    ) -> Merged:
        if not prepared:
            return Merged(contact_ids=[], changes=[], problems=[])
        for attempt in range(_ATTEMPTS):
            try:
                # The locks of an attempt that failed go with its savepoint.
                async with connection.transaction():
                    if attempt >= _SHARED_ATTEMPTS:
                        await lock_account(connection, account_id)
                    await begin_batch(connection, account_id)
                    merged = await merge_once(
                        connection, account_id, prepared, options, self._ids, contact_id=contact_id
                    )
            except (StalePlan, psycopg.errors.DeadlockDetected):
                continue
            await end_batch(connection)
            return merged
        raise Unavailable("other writers keep changing the same contacts; try again")

    async def _write_singles(self, items: Sequence[_Waiting]) -> Sequence[UpsertOutcome | BaseException]:
        """One transaction for all that is waiting: a batch for each account and set of options."""
        groups: dict[tuple[int, bytes], list[int]] = {}
        for place, item in enumerate(items):
            groups.setdefault((item.account_id, msgspec.msgpack.encode(item.options)), []).append(place)
        for attempt in range(_ATTEMPTS):
            results: list[UpsertOutcome | BaseException | None] = [None] * len(items)
            try:
                async with self._database.system() as connection:
                    for places in (groups[group] for group in sorted(groups)):
                        if attempt >= _SHARED_ATTEMPTS:
                            await lock_account(connection, items[places[0]].account_id)
                        await self._write_group(connection, items, places, results)
            except (StalePlan, psycopg.errors.DeadlockDetected):
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

    async def save_prepared(
        self,
        connection: Connection,
        account_id: int,
        prepared: Sequence[PreparedRow],
        options: SaveOptions,
        also: Also | None = None,
    ) -> UpsertResult:
        """What :meth:`merge_prepared` does, the way :meth:`save` recognises and writes; ``also`` as there."""
        count = max((row.row for row in prepared), default=-1) + 1
        rows, problems = self._saver.take(prepared, options)
        result = await self._saver.save(connection, account_id, count, rows, options)
        if also is not None:
            await also(connection, result)
        return _result(
            [result.contact_ids[row.row] for row in prepared],
            [result.changes[row.row] for row in prepared],
            sorted([*problems, *result.problems], key=lambda problem: problem.index),
        )

    # ------------------------------------------------------------ saving for other systems

    async def save(
        self, account_id: int, saves: Sequence[ContactSave], options: SaveOptions, *, also: Also | None = None
    ) -> SaveResult:
        """Create or update contacts with lists, channels and orders, in one transaction; bad rows are reported.

        ``also`` is done in the same transaction, after everything is written; it is not called when nothing is to be
        written. At most 50,000 rows. Raises Invalid.
        """
        if len(saves) > BATCH_LIMIT:
            raise Invalid("contacts", f"has more than {BATCH_LIMIT:,} entries")
        rows, problems = await self._saver.prepare(account_id, saves, options)
        async with self._database.tenant(account_id) as connection:
            result = await self._saver.save(connection, account_id, len(saves), rows, options)
            result = msgspec.structs.replace(
                result, problems=sorted([*problems, *result.problems], key=lambda problem: problem.index)
            )
            if also is not None:
                await also(connection, result)
        return result

    async def save_one(
        self, account_id: int, save: ContactSave, options: SaveOptions, *, also: Also | None = None
    ) -> UpsertOutcome:
        """The same for one contact. Raises Invalid for a bad value, NotFound, Conflict for a taken external id."""
        result = await self.save(account_id, (save,), options, also=also)
        contact_id, change = result.contact_ids[0], result.changes[0]
        if contact_id is None or change is None:
            problem = result.problems[0]
            if problem.field == "id":
                raise NotFound("contact", save.contact_id)
            raise Invalid(problem.field, problem.reason)
        return UpsertOutcome(contact_id=contact_id, change=change)

    # ------------------------------------------------------------ reading

    async def get(self, account_id: int, contact_id: int) -> Contact:
        """One contact. Raises NotFound."""
        found = await self.get_many(account_id, (contact_id,))
        if not found:
            raise NotFound("contact", contact_id)
        return found[0]

    async def get_many(self, account_id: int, contact_ids: Sequence[int]) -> list[Contact]:
        """The contacts that exist, in the order of the ids."""
        fields = await self.fields.by_key(account_id)
        possible = [contact_id for contact_id in contact_ids if 0 < contact_id <= _LAST]
        async with self._database.tenant(account_id) as connection:
            return await store.get_contacts(connection, account_id, possible, fields)

    async def current(self, account_id: int, contact_id: int) -> Contact | None:
        """The contact that a message was made for, or the one that it was merged into since; None when it is gone."""
        found = await self.get_many(account_id, (contact_id,))
        if not found:
            async with self._database.tenant(account_id) as connection:
                into = await self.merged_into(connection, account_id, (contact_id,))
            found = await self.get_many(account_id, list(into.values()))
        return found[0] if found else None

    async def merged_into(self, connection: Connection, account_id: int, contact_ids: Sequence[int]) -> dict[int, int]:
        """Where contacts that were merged into others went: callers keep ids for long. In the caller's transaction."""
        return await store.merged_into(connection, account_id, contact_ids)

    async def find(self, account_id: int, kind: IdentityKind, value: str) -> Contact | None:
        """The contact with this identity, primary or further; the value is normalised here."""
        stored = _identity(kind, value)
        if stored is None:
            return None
        async with self._database.tenant(account_id) as connection:
            contact_id = await store.find_identity(connection, account_id, kind, stored)
        found = await self.get_many(account_id, (contact_id,)) if contact_id is not None else []
        return found[0] if found else None

    async def find_ids(self, account_id: int, kind: IdentityKind, values: Sequence[str]) -> list[int | None]:
        """The contacts that these identities (normalised) lead to, in their order; None: nobody has it."""
        if not values:
            return []
        async with self._database.tenant(account_id) as connection:
            return await store.find_identities(connection, account_id, kind, values)

    async def require_ids(self, account_id: int, kind: IdentityKind, values: Sequence[str], at: str) -> list[int]:
        """The contacts that these identities lead to, as they are written, in their order.

        Raises Invalid naming the first one, in the field ``at``, that leads to nobody.
        """
        stored = [_identity(kind, value) or "" for value in values]
        found = await self.find_ids(account_id, kind, stored)
        for place, contact_id in enumerate(found):
            if contact_id is None:
                raise Invalid(f"{at}.{place}", "no contact has it")
        return [contact_id for contact_id in found if contact_id is not None]

    async def identities(self, account_id: int, contact_id: int) -> list[Identity]:
        """Everything that leads to this contact. Raises NotFound."""
        contact = await self.get(account_id, contact_id)
        async with self._database.tenant(account_id) as connection:
            return await store.identities_of(connection, account_id, contact)

    async def search(
        self,
        account_id: int,
        filters: ContactFilter | None = None,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> ContactPage:
        """One page of contacts, newest first (``email_prefix``: in the order of the addresses); at most 1,000.

        Raises Invalid for a bad cursor or more than one filter.
        """
        filters = filters or ContactFilter()
        limit = max(1, min(limit, PAGE_LIMIT))
        named = [name for name in filters.__struct_fields__ if getattr(filters, name) is not None]
        if len(named) > 1:
            raise Invalid(named[1], f"cannot be asked together with {named[0]}; build a segment for that")
        for name, kind in _EXACT.items():
            if name in named:
                found = await self.find(account_id, kind, getattr(filters, name))
                return ContactPage(contacts=[found] if found else [], cursor=None)
        if filters.email_prefix is not None:
            return await self._by_prefix(account_id, filters.email_prefix.strip().lower(), cursor, limit)
        before = _number(cursor) if cursor else _LAST
        async with self._database.tenant(account_id) as connection:
            contact_ids = await store.newest_contacts(
                connection, account_id, before=before, limit=limit, list_id=filters.list_id
            )
        more = len(contact_ids) == limit
        return ContactPage(
            contacts=await self.get_many(account_id, contact_ids),
            cursor=str(contact_ids[-1]) if more else None,
        )

    async def _by_prefix(self, account_id: int, prefix: str, cursor: str | None, limit: int) -> ContactPage:
        async with self._database.tenant(account_id) as connection:
            found = await store.emails_that_begin(connection, account_id, prefix, after=cursor or "", limit=limit)
        # A contact whose several addresses begin so is shown once a page.
        contact_ids = list(dict.fromkeys(contact_id for contact_id, _ in found))
        return ContactPage(
            contacts=await self.get_many(account_id, contact_ids),
            cursor=found[-1][1] if len(found) == limit else None,
        )

    async def timeline(
        self,
        account_id: int,
        contact_id: int,
        *,
        kinds: Collection[TimelineKind] = (),
        channels: Collection[Channel] = (),
        cursor: str | None = None,
        limit: int = 50,
    ) -> TimelinePage:
        """What happened to and was done by a contact, newest first; at most 1,000 entries a page.

        ``kinds`` and ``channels`` leave only such entries; what has no channel, such as an order, is then left out.
        The messages and reactions of contacts merged into this one are part of it. Raises NotFound, and Invalid
        for a bad cursor.
        """
        wanted = set(kinds or TimelineKind)
        if channels:
            wanted &= _OF_CHANNELS
        before, key = _moment(cursor) if cursor else (datetime(9999, 1, 1, tzinfo=UTC), "")
        limit = max(1, min(limit, PAGE_LIMIT))
        await self.get(account_id, contact_id)
        async with self._database.tenant(account_id) as connection:
            found = await store.read_timeline(
                connection,
                account_id,
                contact_id,
                kinds=wanted,
                channels=channels,
                before=before,
                before_key=key,
                limit=limit,
            )
        last = found[-1] if len(found) == limit else None
        return TimelinePage(
            entries=[entry for _, entry in found],
            cursor=f"{last[1].occurred_at.astimezone(UTC).isoformat()}|{last[0]}" if last else None,
        )

    # ------------------------------------------------------------ one contact

    async def patch(
        self, account_id: int, contact_id: int, changes: ContactInput, *, phone_region: str = ""
    ) -> Contact:
        """Change the named members of a contact known by its id; '' clears, ``emails`` and ``phones`` are added.

        Consent is not touched. Raises NotFound, Invalid for a bad value, Conflict for a taken identity.
        """
        named = set(changes.fields)
        fields = await self.fields.by_key(account_id, wanted=named) if named else _NO_FIELDS
        prepared = prepare_patch(changes, fields, phone_region)
        async with self._database.tenant(account_id) as connection:
            merged = await self._merge(connection, account_id, (prepared,), _PATCH, contact_id=contact_id)
        if not merged.contact_ids:
            raise NotFound("contact", contact_id)
        if merged.problems:
            raise _refusal(merged.problems[0])
        return await self.get(account_id, contact_id)

    async def remove_address(self, account_id: int, contact_id: int, kind: IdentityKind, value: str) -> None:
        """Take a further address from a contact. A primary one is cleared or replaced by :meth:`patch`.

        Raises NotFound when the contact has no such address, Conflict when it is a primary one.
        """
        stored = _identity(kind, value)
        contact = await self.get(account_id, contact_id)
        if stored in (contact.email, contact.phone, contact.external_id, contact.contact_key):
            raise Conflict("this is the primary address; put another one in its place instead")
        async with self._database.tenant(account_id) as connection:
            await lock_account(connection, account_id)
            if stored is None or not await store.release_identity(connection, account_id, contact_id, kind, stored):
                raise NotFound("address", value)

    async def delete(self, account_id: int, contact_id: int) -> None:
        """Delete a contact so that it can be restored. Raises NotFound. See :meth:`delete_many`."""
        if not await self.delete_many(account_id, (contact_id,)):
            raise NotFound("contact", contact_id)

    async def delete_many(self, account_id: int, contact_ids: Sequence[int]) -> int:
        """Set contacts (at most 1,000) aside: nobody finds them, nothing is sent to them, their identities are free.

        :meth:`restore` brings them back, :meth:`erase` ends them. Returns how many existed.
        """
        chosen = _page(contact_ids)
        async with self._database.tenant(account_id) as connection:
            await lock_account(connection, account_id)
            return len(await delete_contacts(connection, account_id, chosen))

    async def restore(self, account_id: int, contact_id: int) -> Contact:
        """Bring a deleted contact back, but for identities others have now and lists that are gone. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await lock_account(connection, account_id)
            if not await restore_contacts(connection, account_id, (contact_id,)):
                raise NotFound("deleted contact", contact_id)
        return await self.get(account_id, contact_id)

    async def find_deleted(self, account_id: int, kind: IdentityKind, value: str) -> int | None:
        """The contact that was deleted with this identity, of several the last."""
        stored = _identity(kind, value)
        if stored is None:
            return None
        async with self._database.tenant(account_id) as connection:
            return (await find_deleted(connection, account_id, [(kind, stored)])).get((kind, stored))

    async def erase(self, account_id: int, contact_id: int) -> None:
        """Erase a contact, or a deleted one, and all it owns. Raises NotFound. See :meth:`erase_many`."""
        if not await self.erase_many(account_id, (contact_id,)):
            raise NotFound("contact", contact_id)

    async def erase_many(self, account_id: int, contact_ids: Sequence[int]) -> int:
        """Erase contacts (at most 1,000) with all they own, events and orders too, for good.

        Ledger and activity rows stay, without address, IP and user agent, so that reports keep their counts.
        Of their addresses keyed hashes stay, so that nothing is sent to them when they are imported again, and each
        erasure has a signed certificate (``erasures``). Hits that are not counted yet, and later ones, are dropped.
        Returns how many existed.
        """
        chosen = _page(contact_ids)
        erased_at = self._clock.now()
        # Tenants may not change the append-only tables, so this is a system transaction; every statement names
        # the account.
        async with self._database.system() as connection:
            await lock_account(connection, account_id)
            remembered = None
            if self.erasures is not None:
                everyone = await lineage(connection, account_id, chosen)
                remembered = await self.erasures.remember(connection, account_id, everyone, erased_at)
            existed, deleted = await store.erase_contacts(connection, account_id, chosen)
            if self.erasures is not None and remembered is not None:
                await self.erasures.certify(connection, account_id, existed, remembered, deleted, erased_at)
            return len(existed)

    async def merge(self, account_id: int, keep_id: int, drop_id: int, *, take: Collection[str] = ()) -> Contact:
        """Make one contact of two; returns the kept one.

        Identities, lists, consent history, orders and statistics go to the kept contact; its blanks are filled
        from the dropped one, and so are the members that ``take`` names (``city``; ``fields.<key>`` for a custom
        field) where the dropped one has a value. The stricter consent wins: unsubscribed beats all, unconfirmed beats
        subscribed, and nothing known gives way. Messages, ledger, activity and engagements stay under the dropped
        contact's id (a message id ends in its bucket); ``merged_contacts`` leads from there to the kept contact, for
        the timeline and for late facts such as an unsubscribe link in an old mail. Raises NotFound, Invalid.
        """
        if keep_id == drop_id:
            raise Invalid("drop_id", "is the contact to keep")
        members, fields = await self._taken(account_id, take)
        async with self._database.system() as connection:
            await lock_account(connection, account_id)
            states = await store.lock_contacts(connection, account_id, (keep_id, drop_id))
            for contact_id in (keep_id, drop_id):
                if contact_id not in states:
                    raise NotFound("contact", contact_id)
            kept, dropped = states[keep_id], states[drop_id]
            email, sms, push = (_stricter(one, other) for one, other in zip(kept, dropped, strict=True))
            await store.merge_contacts(
                connection,
                account_id,
                keep_id,
                drop_id,
                take=members,
                take_fields=fields,
                states=(email, sms, push),
                channels=[
                    int(channel)
                    for channel, one, other in zip(CONSENT_CHANNELS, kept, dropped, strict=True)
                    if one != other
                ],
                occurred_at=self._clock.now(),
            )
        return await self.get(account_id, keep_id)

    async def _taken(self, account_id: int, take: Collection[str]) -> tuple[list[str], list[int]]:
        """Members and numbers of custom fields out of the names in ``take``. Raises Invalid."""
        members = [name for name in take if name in _TAKEABLE]
        keys = {name.removeprefix(_FIELD) for name in take if name.startswith(_FIELD)}
        fields = await self.fields.by_key(account_id, wanted=keys) if keys else _NO_FIELDS
        for place, name in enumerate(take):
            if name not in _TAKEABLE and not (name.startswith(_FIELD) and name.removeprefix(_FIELD) in fields):
                raise Invalid(f"take.{place}", f"must be one of {', '.join(_TAKEABLE)}, or fields. and a field's key")
        return members, [fields[key].field_id for key in keys]


def _page(contact_ids: Sequence[int]) -> list[int]:
    if len(contact_ids) > PAGE_LIMIT:
        raise Invalid("contact_ids", f"has more than {PAGE_LIMIT:,} entries")
    return sorted(set(contact_ids))


def _result(contact_ids: list[int | None], changes: list[Change | None], problems: list[RowProblem]) -> UpsertResult:
    return UpsertResult(
        contact_ids=contact_ids,
        changes=changes,
        created=changes.count(Change.CREATED),
        updated=changes.count(Change.UPDATED),
        unchanged=changes.count(Change.UNCHANGED),
        problems=problems,
    )


def _refusal(problem: RowProblem) -> SyncomError:
    return Conflict(f"{problem.field}: {problem.reason}", field=problem.field)


#: Members that may come from the dropped contact of a merge; ids of other systems stay those of the kept one.
_TAKEABLE: Final = (
    "email",
    "phone",
    "first_name",
    "last_name",
    "country",
    "region",
    "city",
    "address",
    "postcode",
    "language",
    "time_zone",
)
_FIELD: Final = "fields."

_EXACT: Final = {
    "email": IdentityKind.EMAIL,
    "phone": IdentityKind.PHONE,
    "external_id": IdentityKind.EXTERNAL_ID,
    "contact_key": IdentityKind.CONTACT_KEY,
}


def _identity(kind: IdentityKind, value: str) -> str | None:
    """The stored form of an identity; None for what cannot be one."""
    try:
        if kind is IdentityKind.EMAIL:
            return normalise_email(value)
        if kind is IdentityKind.PHONE:
            return normalise_phone(value)
    except ValueError:
        return None
    return value.strip() if "\0" not in value else None


def _stricter(one: int, other: int) -> SubscriptionState:
    """The consent of two contacts that are one person."""
    if SubscriptionState.UNSUBSCRIBED in (one, other):
        return SubscriptionState.UNSUBSCRIBED
    if SubscriptionState.NONE in (one, other):
        return SubscriptionState(max(one, other))
    return SubscriptionState(min(one, other))


def _number(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid("cursor", "is not one that this list gave")
    return int(cursor)


def _moment(cursor: str) -> tuple[datetime, str]:
    when, mark, key = cursor.partition("|")
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        moment = None
    if not mark or moment is None or moment.tzinfo is None or "\0" in key:
        raise Invalid("cursor", "is not one that this timeline gave")
    return moment, key
