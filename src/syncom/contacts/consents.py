"""Consent per channel: the state beside the contact, the append-only history, and suppressed addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString

import msgspec

from syncom.clock import Clock
from syncom.contacts.categories import DECIDE as DECIDE_CATEGORIES
from syncom.contacts.model import (
    CONSENT_CHANNELS,
    Channel,
    ConsentChange,
    SubscriptionState,
    Suppression,
    SuppressionEntry,
    SuppressionFilter,
)
from syncom.contacts.normalise import normalise_email, normalise_phone
from syncom.contacts.upsert import end_batch, index_plans
from syncom.errors import Invalid, NotFound
from syncom.ids import bucket_of
from syncom.postgres.columns import booleans, buckets, json, moments, nullable, numbers, texts
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "consents.sql")

#: Contacts of one subscribe or unsubscribe.
_BATCH_LIMIT: Final = 50_000
#: Addresses of one suppression call.
_SUPPRESS_LIMIT: Final = 50_000
#: The reason of an address that is asked to get no mailings.
UNSUBSCRIBED: Final = "unsubscribed"
#: Reasons that stop mailings only, the weaker first; all others stop everything.
_MAILINGS_ONLY: Final = (UNSUBSCRIBED, "complaint")
_EVERYTHING: Final = SuppressionFilter()
#: The reason of a number whose owner told the provider of texts to bring nothing more: it brings nothing until they say
#: otherwise.
OPTED_OUT: Final = "opted out"
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_WORDS_LENGTH: Final = 500


async def set_consents(connection: Connection, changes: Sequence[ConsentChange]) -> list[bool]:
    """Apply decisions in order, of several accounts at once, inside the caller's (system) transaction.

    The state and a row of history are written only where the state really changes; the answer says for each
    change whether it did. A contact that was merged into another one stands for that one; an unknown contact
    is False. Contacts are locked in the order all statements of this room use, so callers may run side by
    side.
    """
    if not changes:
        return []
    await index_plans(connection)
    owners = await _present_contacts(connection, changes)
    flags = [False] * len(changes)
    for places in _rounds(changes, owners):
        for place in await _set_round(connection, changes, owners, places):
            flags[place] = True
    await end_batch(connection)
    return flags


async def _present_contacts(connection: Connection, changes: Sequence[ConsentChange]) -> list[int]:
    """Whom each change is about now."""
    owners = [change.contact_id for change in changes]
    cursor = await connection.execute(
        _SQL["merged_into"],
        {
            "account_ids": numbers(change.account_id for change in changes),
            "buckets": buckets(owners),
            "contact_ids": numbers(owners),
        },
    )
    for place, into in await cursor.fetchall():
        owners[place - 1] = into
    return owners


def _rounds(changes: Sequence[ConsentChange], owners: Sequence[int]) -> list[list[int]]:
    """Places of the changes, split so that no round has a contact twice; usually there is one round.

    Each later round is about contacts that the first one locked, so the order of locks stays one.
    """
    rounds: list[list[int]] = []
    seen: dict[tuple[int, int], int] = {}
    for place, (change, owner) in enumerate(zip(changes, owners, strict=True)):
        times = seen.get((change.account_id, owner), 0)
        seen[change.account_id, owner] = times + 1
        if times == len(rounds):
            rounds.append([])
        rounds[times].append(place)
    for places in rounds:
        places.sort(key=lambda at: (changes[at].account_id, bucket_of(owners[at]), owners[at]))
    return rounds


async def _set_round(
    connection: Connection, changes: Sequence[ConsentChange], owners: Sequence[int], places: Sequence[int]
) -> list[int]:
    if any(changes[place].undoes for place in places):
        changes, places = await _taken_back(connection, changes, owners, places)
    of_channels = [place for place in places if not changes[place].category_id]
    of_categories = [place for place in places if changes[place].category_id]
    changed: list[int] = []
    if of_channels:
        changed += await _decided(connection, _SQL["set_consents"], changes, owners, of_channels)
        if len(changed) < len(of_channels):
            await _set_deleted(connection, changes, owners, set(of_channels) - set(changed))
    if of_categories:
        changed += await _decided(connection, DECIDE_CATEGORIES, changes, owners, of_categories)
    return changed


async def _taken_back(
    connection: Connection, changes: Sequence[ConsentChange], owners: Sequence[int], places: Sequence[int]
) -> tuple[Sequence[ConsentChange], Sequence[int]]:
    """The changes with the states that undoing leads to, and the places of those that are left to make."""
    values = {
        "account_ids": numbers(changes[at].account_id for at in places),
        "buckets": buckets([owners[at] for at in places]),
        "contact_ids": numbers(owners[at] for at in places),
        "category_ids": numbers(changes[at].category_id for at in places),
        "channels": numbers(changes[at].channel for at in places),
    }
    # All contacts of the round are locked, in the one order of this room, before what is undone is looked at.
    rows: list[tuple[int, int]] = await (await connection.execute(_SQL["before_unsubscribing"], values)).fetchall()
    before = {places[row[0] - 1]: SubscriptionState(row[1]) for row in rows}
    settled = list(changes)
    for at in places:
        if changes[at].undoes and not changes[at].category_id and at in before:
            settled[at] = msgspec.structs.replace(changes[at], state=before[at])
    return settled, [at for at in places if not changes[at].undoes or at in before]


async def _decided(
    connection: Connection,
    statement: LiteralString,
    changes: Sequence[ConsentChange],
    owners: Sequence[int],
    places: Sequence[int],
) -> list[int]:
    """The places whose decision is in the history now."""
    chosen = [changes[place] for place in places]
    contact_ids = [owners[place] for place in places]
    cursor = await connection.execute(
        statement,
        {
            "account_ids": numbers(change.account_id for change in chosen),
            "buckets": buckets(contact_ids),
            "contact_ids": numbers(contact_ids),
            "category_ids": numbers(change.category_id for change in chosen),
            "channels": numbers(change.channel for change in chosen),
            "states": numbers(change.state for change in chosen),
            "occurred": moments(change.occurred_at for change in chosen),
            "sources": texts(_words(change.source) for change in chosen),
            "details": nullable([json(change.detail) if change.detail else None for change in chosen]),
            "always": booleans(change.always for change in chosen),
        },
    )
    return [places[row[0] - 1] for row in await cursor.fetchall()]


async def _set_deleted(
    connection: Connection, changes: Sequence[ConsentChange], owners: Sequence[int], places: set[int]
) -> None:
    """Keep decisions about contacts that may be deleted for the day they are restored."""
    left = sorted(places, key=lambda at: (changes[at].account_id, bucket_of(owners[at]), owners[at]))
    await connection.execute(
        _SQL["set_deleted_consents"],
        {
            "account_ids": numbers(changes[at].account_id for at in left),
            "buckets": buckets([owners[at] for at in left]),
            "contact_ids": numbers(owners[at] for at in left),
            "channels": numbers(changes[at].channel for at in left),
            "states": numbers(changes[at].state for at in left),
        },
    )


async def suppress(connection: Connection, rows: Sequence[Suppression]) -> None:
    """Suppress addresses of several accounts inside the caller's (system) transaction.

    Addresses are normalised here; what cannot be an address is skipped, since nothing can be sent to it.
    """
    wanted: dict[tuple[int, int, str], Suppression] = {}
    for row in rows:
        address = _address(row.channel, row.address)
        if not address:
            continue
        key = (row.account_id, int(row.channel), address)
        if key not in wanted or _outweighs(row, wanted[key]):
            wanted[key] = row
    if not wanted:
        return
    keys = sorted(wanted)
    chosen = [wanted[key] for key in keys]
    await connection.execute(
        _SQL["suppress"],
        {
            "account_ids": numbers(key[0] for key in keys),
            "channels": numbers(key[1] for key in keys),
            "addresses": texts(key[2] for key in keys),
            "reasons": texts(_words(row.reason) for row in chosen),
            "details": texts(_words(row.detail) for row in chosen),
            "sources": texts(_words(row.source) for row in chosen),
            "expires": moments(row.expires_at for row in chosen),
        },
    )


def _outweighs(one: Suppression, other: Suppression) -> bool:
    """Whether one takes the place of the other: it lasts longer, or both last for ever and it stops more."""
    if other.expires_at is None:
        return one.expires_at is None and _weight(one) > _weight(other)
    return one.expires_at is None or one.expires_at > other.expires_at


def _weight(row: Suppression) -> int:
    return _MAILINGS_ONLY.index(row.reason) if row.reason in _MAILINGS_ONLY else len(_MAILINGS_ONLY)


class Consents:
    """Consent of contacts, and suppressed addresses of an account."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def subscribe(
        self,
        account_id: int,
        contact_ids: Sequence[int],
        channel: Channel,
        *,
        source: str,
        detail: dict[str, Any] | None = None,
    ) -> list[bool]:
        """Record that these people agreed; ``detail`` is the proof. Returns which states changed."""
        state = SubscriptionState.SUBSCRIBED
        return await self._set_all(account_id, contact_ids, channel, state, source, detail or {})

    async def unsubscribe(
        self,
        account_id: int,
        contact_ids: Sequence[int],
        channel: Channel,
        *,
        source: str,
        detail: dict[str, Any] | None = None,
    ) -> list[bool]:
        """Record that these people want no more of a channel. Returns which states changed."""
        state = SubscriptionState.UNSUBSCRIBED
        return await self._set_all(account_id, contact_ids, channel, state, source, detail or {})

    async def _set_all(
        self,
        account_id: int,
        contact_ids: Sequence[int],
        channel: Channel,
        state: SubscriptionState,
        source: str,
        detail: dict[str, Any],
    ) -> list[bool]:
        if len(contact_ids) > _BATCH_LIMIT:
            raise Invalid("contact_ids", f"has more than {_BATCH_LIMIT:,} entries")
        channel = channel.consent
        if channel not in CONSENT_CHANNELS:
            raise Invalid("channel", "has no consent of its own: email, sms (viber follows it) and webpush have")
        now = self._clock.now()
        changes = [
            ConsentChange(
                account_id=account_id,
                contact_id=contact_id,
                channel=channel,
                state=state,
                source=source,
                detail=detail,
                occurred_at=now,
            )
            for contact_id in contact_ids
        ]
        async with self._database.tenant(account_id) as connection:
            return await set_consents(connection, changes)

    async def suppress(
        self,
        account_id: int,
        channel: Channel,
        addresses: Sequence[str],
        *,
        reason: str = "manual",
        detail: str = "",
        source: str = "",
        expires_at: datetime | None = None,
    ) -> None:
        """Never send to these addresses (until ``expires_at``). Raises Invalid for what is no address."""
        if len(addresses) > _SUPPRESS_LIMIT:
            raise Invalid("addresses", f"has more than {_SUPPRESS_LIMIT:,} entries")
        for place, address in enumerate(addresses):
            if not _address(channel, address):
                raise Invalid(f"addresses.{place}", "is not an address of this channel")
        rows = [
            Suppression(
                account_id=account_id,
                channel=channel,
                address=address,
                reason=reason,
                detail=detail,
                source=source,
                expires_at=expires_at,
            )
            for address in addresses
        ]
        async with self._database.tenant(account_id) as connection:
            await suppress(connection, rows)

    async def unsubscribe_addresses(
        self, account_id: int, channel: Channel, addresses: Sequence[str], *, source: str
    ) -> None:
        """No mailings to these addresses, e-mail or numbers, whoever has them now or later.

        The contacts whose primary address one is are unsubscribed. Raises Invalid for what is no address.
        """
        stored = _addresses(channel, addresses)
        rows = [
            Suppression(account_id=account_id, channel=channel, address=address, reason=UNSUBSCRIBED, source=source)
            for address in stored
        ]
        async with self._database.tenant(account_id) as connection:
            await suppress(connection, rows)
            owners = await _primary_owners(connection, account_id, channel, stored)
            await self._decide(connection, account_id, channel, list(owners), SubscriptionState.UNSUBSCRIBED, source)

    async def apply_unsubscribed(
        self, account_id: int, channel: Channel, addresses: Sequence[str], *, source: str
    ) -> None:
        """Contacts who came after their address was put on that list are unsubscribed too, so that it shows.

        Nothing would be mailed to them anyway. What is no address is passed over.
        """
        given = sorted({found for one in addresses if (found := _address(channel, one))})
        async with self._database.tenant(account_id) as connection:
            values = {"account_id": account_id, "channel": int(channel), "addresses": given}
            rows = await (await connection.execute(_SQL["listed_unsubscribed"], values)).fetchall()
            if rows:
                owners = await _primary_owners(connection, account_id, channel, [row[0] for row in rows])
                state = SubscriptionState.UNSUBSCRIBED
                await self._decide(connection, account_id, channel, list(owners), state, source)

    async def resubscribe_addresses(
        self, account_id: int, channel: Channel, addresses: Sequence[str], *, source: str
    ) -> None:
        """Take addresses off that list; contacts who are unsubscribed and have one are subscribed again.

        Bounces and complaints stay. Raises Invalid for what is no address.
        """
        stored = _addresses(channel, addresses)
        async with self._database.tenant(account_id) as connection:
            await self.lift(connection, account_id, channel, stored)
            owners = await _primary_owners(connection, account_id, channel, stored)
            left = [contact_id for contact_id, state in owners.items() if state is SubscriptionState.UNSUBSCRIBED]
            await self._decide(connection, account_id, channel, left, SubscriptionState.SUBSCRIBED, source)

    async def lift(self, connection: Connection, account_id: int, channel: Channel, addresses: Sequence[str]) -> None:
        """Take normalised addresses off that list, inside the caller's transaction."""
        values = {"account_id": account_id, "channel": int(channel), "addresses": list(addresses)}
        await connection.execute(_SQL["lift_unsubscribed"], values)

    async def _decide(
        self,
        connection: Connection,
        account_id: int,
        channel: Channel,
        contact_ids: Sequence[int],
        state: SubscriptionState,
        source: str,
    ) -> None:
        now = self._clock.now()
        changes = [
            ConsentChange(
                account_id=account_id,
                contact_id=contact_id,
                channel=channel,
                state=state,
                source=source,
                detail={"by": "address"},
                occurred_at=now,
            )
            for contact_id in contact_ids
        ]
        await set_consents(connection, changes)

    async def unsuppress(self, account_id: int, channel: Channel, address: str) -> None:
        """Allow an address again. Raises NotFound when it was not suppressed."""
        parameters = {
            "account_id": account_id,
            "channel": int(channel),
            "address": _address(channel, address) or address,
        }
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["unsuppress"], parameters)).fetchone()
        if row is None:
            raise NotFound("suppression", address)

    async def suppressions(
        self,
        account_id: int,
        channel: Channel,
        chosen: SuppressionFilter = _EVERYTHING,
        *,
        after: str = "",
        limit: int = 100,
    ) -> list[SuppressionEntry]:
        """Suppressed addresses in their order, those behind the address ``after``; at most 1,000."""
        parameters = {
            "account_id": account_id,
            "channel": int(channel),
            "after": after,
            "reason": chosen.reason,
            "prefix": chosen.prefix.strip().lower(),
            "limit": max(1, min(limit, 1000)),
        }
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["suppressions"], parameters)).fetchall()
        return [
            SuppressionEntry(
                channel=Channel(row[0]),
                address=row[1],
                reason=row[2],
                detail=row[3],
                source=row[4],
                created_at=row[5],
                expires_at=row[6],
            )
            for row in rows
        ]


def _addresses(channel: Channel, addresses: Sequence[str]) -> list[str]:
    """Normalised, each once. Raises Invalid."""
    if len(addresses) > _SUPPRESS_LIMIT:
        raise Invalid("addresses", f"has more than {_SUPPRESS_LIMIT:,} entries")
    stored: dict[str, None] = {}
    for place, given in enumerate(addresses):
        address = _address(channel, given)
        if not address:
            raise Invalid(f"addresses.{place}", "is not an address of this channel")
        stored[address] = None
    return sorted(stored)


async def _primary_owners(
    connection: Connection, account_id: int, channel: Channel, addresses: Sequence[str]
) -> dict[int, SubscriptionState]:
    """Contacts whose primary address is one of these, with their state."""
    values = {"account_id": account_id, "channel": int(channel), "addresses": list(addresses)}
    rows = await (await connection.execute(_SQL["primary_owners"], values)).fetchall()
    return {row[0]: SubscriptionState(row[1] if channel is Channel.EMAIL else row[2]) for row in rows}


def _address(channel: Channel, address: str) -> str | None:
    """The normalised address; None for what cannot be one."""
    try:
        if channel is Channel.EMAIL:
            return normalise_email(address)
        if channel is Channel.SMS:
            return normalise_phone(address)
    except ValueError:
        return None
    return _CONTROL.sub(" ", address).strip() or None


def _words(text: str) -> str:
    """Words from a server or a caller as one bounded line."""
    return _CONTROL.sub(" ", text)[:_WORDS_LENGTH]
