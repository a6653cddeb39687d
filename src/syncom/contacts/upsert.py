"""The batch upsert against the database: read what the rows touch, plan, write in a few set-based statements.

Concurrency. Batches of one account run side by side. All of them take locks in one order: new identities (sorted),
released, then moved identities (sorted), contacts (by bucket and id), list members (sorted), so that they hardly
ever wait for each other in a circle; the server breaks the rare circle of released and moved identities, and that
batch is planned again. A plan that another transaction made stale (it claimed an identity first, or changed a
primary one) is noticed by the counts of the guarded statements and raises :class:`StalePlan`; the batch is then
read and planned again too. Deletes and merges of contacts take the account's lock exclusively, because they would
pull contacts away from under a plan.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, LiteralString

import msgspec

from syncom.contacts.model import Change, Channel, MergeMode, PreparedRow, RowProblem, UpsertOptions
from syncom.contacts.plan import (
    KINDS,
    Known,
    MovedIdentity,
    Owners,
    Plan,
    Target,
    consent_to_give,
    plan_batch,
    wanted_identities,
)
from syncom.contacts.prepare import IDENTITY_PLACES, STANDARD
from syncom.errors import Invalid
from syncom.ids import bucket_of
from syncom.postgres.columns import booleans, buckets, by_bucket, json, nullable, numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "upsert.sql")

#: Advisory locks of the contacts of one account: this number plus the account's id.
_LOCKS: Final = 0x636F << 40
#: Ids are taken from the sequence in blocks of at least this many.
_ID_BLOCK: Final = 256


class StalePlan(Exception):
    """Another transaction changed what the plan stood on."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch did, row by row: None for refused rows."""

    contact_ids: list[int | None]
    changes: list[Change | None]
    problems: list[RowProblem]
    #: See Plan.
    refused: set[tuple[int, Channel]] = set()


class ContactIds:
    """Ids for new contacts, taken from the sequence in blocks. Gaps mean nothing."""

    def __init__(self) -> None:
        self._free: deque[int] = deque()

    async def take(self, connection: Connection, count: int) -> list[int]:
        """``count`` fresh ids."""
        missing = count - len(self._free)
        if missing > 0:
            rows = await connection.execute(_SQL["new_contact_ids"], {"count": max(missing, _ID_BLOCK)})
            self._free.extend(row[0] for row in await rows.fetchall())
        return [self._free.popleft() for _ in range(count)]

    def give_back(self, ids: Iterable[int]) -> None:
        """Ids no contact got."""
        self._free.extendleft(ids)


async def begin_batch(connection: Connection, account_id: int) -> None:
    """Take the account's lock (shared) and hold the planner to index plans; once per transaction and account."""
    await connection.execute(_SQL["begin_batch"], {"lock": _LOCKS + account_id})


async def begin_tenant_batch(connection: Connection, account_id: int) -> None:
    """The same, and become the account's role: for one transaction over several accounts."""
    await connection.execute(_SQL["begin_tenant_batch"], {"lock": _LOCKS + account_id, "account": str(account_id)})


async def index_plans(connection: Connection) -> None:
    """Hold the planner to nested loops over indexes, so that rows are locked in the order they are given."""
    await connection.execute(_SQL["index_plans"])


async def end_batch(connection: Connection) -> None:
    """Let the planner go, for what the caller does next in this transaction."""
    await connection.execute(_SQL["end_batch"])


async def hold_contacts(connection: Connection, account_ids: Collection[int]) -> None:
    """Keep contacts of these accounts from being deleted or merged until the transaction ends."""
    await connection.execute(_SQL["hold_contacts"], {"locks": contact_locks(account_ids)})


def contact_locks(account_ids: Collection[int]) -> str:
    """The advisory locks of :func:`hold_contacts`, in their order, for a statement that takes them itself (shared, and
    before it looks at a contact)."""
    return numbers([_LOCKS + number for number in sorted(account_ids)])


async def lock_account(connection: Connection, account_id: int) -> None:
    """Keep batches of this account out until the transaction ends."""
    await connection.execute(_SQL["lock_account"], {"lock": _LOCKS + account_id})


async def merge_once(
    connection: Connection,
    account_id: int,
    rows: Sequence[PreparedRow],
    options: UpsertOptions,
    ids: ContactIds,
    *,
    contact_id: int | None = None,
) -> Merged:
    """Read, plan and write one batch after :func:`begin_batch`. Raises StalePlan with the transaction half done.

    With ``contact_id`` the rows are about that contact, which must exist, or the answer has no rows.
    """
    owners = await _read_owners(connection, account_id, rows)
    about = {row.contact_id for row in rows if row.contact_id}
    known = await _read_known(connection, account_id, owners, about if contact_id is None else {contact_id})
    if contact_id is not None and contact_id not in known:
        return Merged(contact_ids=[], changes=[], problems=[])
    plan = await _plan(connection, rows, owners, known, options, ids, contact_id)
    await _write_identities(connection, account_id, plan)
    if plan.new:
        await _add_contacts(connection, account_id, plan.new, options)
    updated = await _update_contacts(connection, account_id, plan, options)
    if options.list_ids:
        await _join_lists(connection, account_id, plan, options)
    return Merged(
        contact_ids=plan.contact_ids, changes=_changes(plan, updated), problems=plan.problems, refused=plan.refused
    )


async def _plan(
    connection: Connection,
    rows: Sequence[PreparedRow],
    owners: Owners,
    known: dict[int, Known],
    options: UpsertOptions,
    ids: ContactIds,
    contact_id: int | None,
) -> Plan:
    fresh: list[int] = []
    if contact_id is None:
        place = IDENTITY_PLACES[options.key]
        # Where several identities count, a row may take one away from a contact before another row asks for it.
        unknown = len(rows) if options.fallback_keys else sum(row.values[place] not in owners[place] for row in rows)
        fresh = await ids.take(connection, unknown) if unknown else []
    used = iter(fresh)
    plan = plan_batch(rows, owners=owners, known=known, options=options, new_ids=used, contact_id=contact_id)
    ids.give_back(reversed(list(used)))
    return plan


async def _read_owners(connection: Connection, account_id: int, rows: Sequence[PreparedRow]) -> Owners:
    """Who has each of the named identities now."""
    owners: Owners = ({}, {}, {}, {})
    kinds, values = wanted_identities(rows)
    if not values:
        return owners
    cursor = await connection.execute(
        _SQL["owners"], {"account_id": account_id, "kinds": numbers(kinds), "values": texts(values)}
    )
    for place, contact_id in await cursor.fetchall():
        owners[kinds[place - 1] - KINDS[0]][values[place - 1]] = contact_id
    return owners


async def _read_known(connection: Connection, account_id: int, owners: Owners, about: set[int]) -> dict[int, Known]:
    """Primary identities and states of the contacts that have those identities, and of those the rows are about."""
    having = {owner for by_value in owners for owner in by_value.values()}
    wanted = having | about
    if not wanted:
        return {}
    contact_ids = by_bucket(wanted)
    cursor = await connection.execute(
        _SQL["known_contacts"],
        {
            "account_id": account_id,
            "buckets": buckets(contact_ids),
            "contact_ids": numbers(contact_ids),
        },
    )
    known = {row[0]: Known(row[1:5], row[5], row[6]) for row in await cursor.fetchall()}
    if not having <= known.keys():
        raise StalePlan  # never while the lock is held, save for a contact removed by hand
    return known


async def _write_identities(connection: Connection, account_id: int, plan: Plan) -> None:
    if plan.claimed:
        kinds, values, contact_ids = zip(*plan.claimed, strict=True)
        cursor = await connection.execute(
            _SQL["claim_identities"],
            {
                "account_id": account_id,
                "kinds": numbers(kinds),
                "values": texts(values),
                "contact_ids": numbers(contact_ids),
            },
        )
        if cursor.rowcount != len(plan.claimed):
            raise StalePlan
    if plan.moved:
        released = [moved for moved in plan.moved if moved.to is None]
        taken = [moved for moved in plan.moved if moved.to is not None]
        await _move(connection, account_id, "release_identities", released)
        await _move(connection, account_id, "move_identities", taken)


async def _move(
    connection: Connection, account_id: int, statement: LiteralString, moved: Sequence[MovedIdentity]
) -> None:
    if not moved:
        return
    cursor = await connection.execute(
        _SQL[statement],
        {
            "account_id": account_id,
            "kinds": numbers(identity.kind for identity in moved),
            "values": texts([identity.value for identity in moved]),
            "owners": numbers(identity.owner for identity in moved),
            "contact_ids": numbers(identity.to or 0 for identity in moved),
        },
    )
    if cursor.rowcount != len(moved):
        raise StalePlan


async def _add_contacts(
    connection: Connection, account_id: int, targets: Sequence[Target], options: UpsertOptions
) -> None:
    consent = int(options.consent)
    columns = zip(*(target.identities + [value or "" for value in target.values] for target in targets), strict=True)
    parameters: dict[str, Any] = {name: nullable(column) for name, column in zip(STANDARD, columns, strict=True)}
    await connection.execute(
        _SQL["add_contacts"],
        parameters
        | {
            "account_id": account_id,
            "contact_ids": numbers(target.contact_id for target in targets),
            "email_states": numbers(consent if target.give_email else 0 for target in targets),
            "sms_states": numbers(consent if target.give_sms else 0 for target in targets),
            "fields": nullable([_present(target.fields) for target in targets]),
            "source": options.source,
            "detail": json(options.consent_detail) if options.consent_detail else None,
        },
    )


async def _update_contacts(connection: Connection, account_id: int, plan: Plan, options: UpsertOptions) -> set[int]:
    """Write what differs in known contacts; returns the ids of those in which something did."""
    targets: list[Target] = []
    guarded: set[int] = set()
    for target in plan.known:
        if _is_guarded(target, options):
            guarded.add(target.contact_id)
            targets.append(target)
        elif target.fields or any(value is not None for value in target.values):
            targets.append(target)
    if not targets:
        return set()
    targets.sort(key=lambda target: (bucket_of(target.contact_id), target.contact_id))
    parameters = _update_parameters(account_id, targets, options)
    if not guarded:
        cursor = await connection.execute(_SQL["update_contacts"], parameters)
        return {row[0] for row in await cursor.fetchall()}
    cursor = await connection.execute(
        _SQL["update_contacts_guarded"], parameters | _guard_parameters(targets, guarded, options)
    )
    rows = await cursor.fetchall()
    if sum(row[1] for row in rows) != len(guarded):
        raise StalePlan
    return {row[0] for row in rows}


def _is_guarded(target: Target, options: UpsertOptions) -> bool:
    known = target.known
    assert known is not None
    return (
        (target.give_email and consent_to_give(known.email_state, options))
        or (target.give_sms and consent_to_give(known.sms_state, options))
        or target.identities != list(known.identities)
    )


def _update_parameters(account_id: int, targets: Sequence[Target], options: UpsertOptions) -> dict[str, Any]:
    columns = zip(*(target.values for target in targets), strict=True)
    names = STANDARD[len(KINDS) :]
    parameters: dict[str, Any] = {name: nullable(column) for name, column in zip(names, columns, strict=True)}
    return parameters | {
        "account_id": account_id,
        "buckets": buckets(target.contact_id for target in targets),
        "contact_ids": numbers(target.contact_id for target in targets),
        "fill": options.mode is MergeMode.FILL_BLANKS,
        "fields": nullable([_present(target.fields) for target in targets]),
        "cleared": texts([_cleared(target.fields) for target in targets]),
    }


def _guard_parameters(targets: Sequence[Target], guarded: set[int], options: UpsertOptions) -> dict[str, Any]:
    known = [target.known for target in targets if target.known is not None]
    parameters: dict[str, Any] = {}
    for place, name in enumerate(STANDARD[: len(KINDS)]):
        parameters[name] = nullable([target.identities[place] for target in targets])
        parameters[f"old_{name}"] = nullable([state.identities[place] for state in known])
    give_email = [
        target.give_email and consent_to_give(state.email_state, options)
        for target, state in zip(targets, known, strict=True)
    ]
    give_sms = [
        target.give_sms and consent_to_give(state.sms_state, options)
        for target, state in zip(targets, known, strict=True)
    ]
    return parameters | {
        "guarded": booleans(target.contact_id in guarded for target in targets),
        "give_email": booleans(give_email),
        "give_sms": booleans(give_sms),
        "old_email_states": numbers(state.email_state for state in known),
        "old_sms_states": numbers(state.sms_state for state in known),
        "state": int(options.consent),
        "source": options.source,
        "detail": json(options.consent_detail) if options.consent_detail else None,
    }


async def _join_lists(connection: Connection, account_id: int, plan: Plan, options: UpsertOptions) -> None:
    list_ids = sorted(set(options.list_ids))
    parameters = {"account_id": account_id, "list_ids": numbers(list_ids)}
    row = await (await connection.execute(_SQL["own_lists"], parameters)).fetchone()
    if row is None or row[0] != len(list_ids):
        raise Invalid("list_ids", "names a list that does not exist")
    contact_ids = {contact_id for contact_id in plan.contact_ids if contact_id is not None}
    if contact_ids:
        await connection.execute(_SQL["join_lists"], parameters | {"contact_ids": numbers(by_bucket(contact_ids))})


def _changes(plan: Plan, updated: set[int]) -> list[Change | None]:
    """One change a row: the first row of a new contact created it, later ones updated it."""
    created = {target.contact_id for target in plan.new}
    touched = updated | {owner for _, _, owner in plan.claimed} | {moved.owner for moved in plan.moved}
    touched |= created
    changes: list[Change | None] = []
    for contact_id in plan.contact_ids:
        if contact_id is None:
            changes.append(None)
        elif contact_id in created:
            created.discard(contact_id)
            changes.append(Change.CREATED)
        else:
            changes.append(Change.UPDATED if contact_id in touched else Change.UNCHANGED)
    return changes


def _present(fields: dict[str, Any] | None) -> str | None:
    """The custom fields that have a value, as JSON; None when no row named any field."""
    if not fields:
        return None
    return json({key: value for key, value in fields.items() if value is not None})


def _cleared(fields: dict[str, Any] | None) -> str:
    return ",".join([key for key, value in fields.items() if value is None]) if fields else ""
