"""Writes what rows say beside the fields: the lists they name, and what the person agreed to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from syncom.contacts.imports.row_facts import RowFacts
from syncom.contacts.lists import Lists
from syncom.contacts.model import Channel, ConsentChange, PreparedRow, SubscriptionState
from syncom.contacts.prepare import STANDARD
from syncom.contacts.service import set_consents
from syncom.errors import Invalid
from syncom.postgres.columns import buckets, by_bucket, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts.imports", "standing.sql")

#: Lists one file may name. More means that the column is something else.
MAX_LISTS: Final = 500
_CHANNELS: Final = ((Channel.EMAIL, "email", STANDARD.index("email")), (Channel.SMS, "sms", STANDARD.index("phone")))


class BatchFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The merged rows of a batch, whose contacts they became, and what each says (by ``PreparedRow.row``)."""

    rows: Sequence[PreparedRow]
    contact_ids: Sequence[int | None]
    facts: Mapping[int, RowFacts]


class ListNames:
    """The lists that a file names, made when missing; ids are kept for the length of one run."""

    def __init__(self, lists: Lists, account_id: int) -> None:
        self._lists = lists
        self._account_id = account_id
        self._ids: dict[str, int] = {}

    async def ensure(self, facts: Iterable[RowFacts]) -> None:
        """Make what a batch names and nobody has yet. Raises Invalid when the file names too many."""
        for name in dict.fromkeys(name for row in facts for name in row.lists):
            if name.casefold() in self._ids:
                continue
            if len(self._ids) >= MAX_LISTS:
                raise Invalid("lists", f"the column names more than {MAX_LISTS} lists; it seems to be something else")
            self._ids[name.casefold()] = await self._lists.ensure(self._account_id, name)

    def id_of(self, name: str) -> int:
        return self._ids[name.casefold()]


class _Standing(msgspec.Struct):
    """What is stored of a contact's consent, and what the rows so far made of it. None: no such address."""

    email: int | None
    sms: int | None
    email_at: datetime | None
    sms_at: datetime | None


async def join_lists(connection: Connection, account_id: int, batch: BatchFacts, lists: ListNames) -> None:
    """Put the contacts of a batch on the lists that their rows name."""
    pairs = {
        (contact_id, lists.id_of(name))
        for row, contact_id in zip(batch.rows, batch.contact_ids, strict=True)
        if contact_id is not None
        for name in batch.facts[row.row].lists
    }
    if not pairs:
        return
    ordered = sorted(pairs, key=lambda pair: (pair[0] & 255, pair[1], pair[0]))
    await connection.execute(
        _SQL["join_named_lists"],
        {
            "account_id": account_id,
            "contact_ids": numbers(contact_id for contact_id, _ in ordered),
            "list_ids": numbers(list_id for _, list_id in ordered),
        },
    )


async def write_consents(
    connection: Connection,
    account_id: int,
    batch: BatchFacts,
    *,
    default: SubscriptionState,
    import_id: int,
    now: datetime,
) -> set[int]:
    """Write what the rows say of subscriptions; returns the contacts whose state changed.

    ``default`` is the state of a channel that a row brings an address for and says nothing about.
    """
    present = {contact_id for contact_id in batch.contact_ids if contact_id is not None}
    standings = await _standings(connection, account_id, present)
    changes: list[ConsentChange] = []
    for row, contact_id in zip(batch.rows, batch.contact_ids, strict=True):
        standing = standings.get(contact_id) if contact_id is not None else None
        if contact_id is None or standing is None:
            continue
        said = batch.facts[row.row]
        detail: dict[str, Any] = {"import_id": import_id}
        if said.source:
            detail["source"] = said.source
        for channel, state in _new_states(row, said, standing, default, now):
            changes.append(
                ConsentChange(
                    account_id=account_id,
                    contact_id=contact_id,
                    channel=channel,
                    state=state,
                    source="import",
                    detail=detail,
                    occurred_at=said.at or now,
                )
            )
    flags = await set_consents(connection, changes)
    return {change.contact_id for change, changed in zip(changes, flags, strict=True) if changed}


def _new_states(
    row: PreparedRow, said: RowFacts, standing: _Standing, default: SubscriptionState, now: datetime
) -> Iterable[tuple[Channel, SubscriptionState]]:
    for channel, name, place in _CHANNELS:
        state: SubscriptionState | None = getattr(said, name)
        if state is None:
            state = default if row.values[place] else SubscriptionState.NONE
        if _counts(state, getattr(standing, name), getattr(standing, f"{name}_at"), said.at):
            setattr(standing, name, int(state))
            setattr(standing, f"{name}_at", said.at or now)
            yield channel, state


def _counts(state: SubscriptionState, stored: int | None, stored_at: datetime | None, at: datetime | None) -> bool:
    """The rule of ``UpsertOptions.consent``; besides, an older decision does not undo a newer one."""
    if stored is None or state in (SubscriptionState.NONE, stored):
        return False
    if stored == SubscriptionState.NONE:
        return True
    if state is not SubscriptionState.UNSUBSCRIBED:
        return False
    return at is None or stored_at is None or at >= stored_at


async def _standings(connection: Connection, account_id: int, contact_ids: set[int]) -> dict[int, _Standing]:
    ordered = by_bucket(contact_ids)
    cursor = await connection.execute(
        _SQL["standings"],
        {"account_id": account_id, "buckets": buckets(ordered), "contact_ids": numbers(ordered)},
    )
    return {row[0]: _Standing(*row[1:]) for row in await cursor.fetchall()}
