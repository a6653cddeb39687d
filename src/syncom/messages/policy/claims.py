"""Claims: a marketing message takes its place within the caps of its contact before it is sent, or gives it back.

Exact whoever sends at the same moment: a contact's claims are one row, which is read and written under its lock in one
statement. A message claims by its id, so another attempt at it takes no second place. What was sent before counting
began is read from the facts, contact by contact, when its first message claims.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel
from syncom.messages.policy.model import Cap, InForce, fits
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.policy", "claims.sql")
_POLICY_SQL = load_sql("syncom.messages.policy", "policy.sql")


class Wish(msgspec.Struct, frozen=True):
    """A message that wants its place."""

    account_id: int
    contact_id: int
    message_id: UUID


async def claim(
    connection: Connection,
    in_force: InForce,
    wishes: Sequence[Wish],
    channel: Channel,
    now: datetime,
    *,
    caps: Sequence[Cap] = (),
) -> set[UUID]:
    """Take places for messages of one account and channel, those of a contact one after the other.

    ``caps`` hold beside those of the account. Returns the messages that have no place and must not be sent. When
    nothing is capped nothing is done.
    """
    if not wishes or (in_force.counting_since is None and not caps):
        return set()
    account_id = wishes[0].account_id
    days = max((cap.days for cap in caps), default=0)
    if in_force.counting_since is None or days > in_force.counting_days:
        in_force = await _count_from_now(connection, in_force, account_id, days, now)
    horizon = now - timedelta(days=in_force.counting_days)
    values = {
        "account_id": account_id,
        "horizon": horizon,
        "counting_since": in_force.counting_since,
        "now": now,
        "channel": channel.value,
        **_columns([cap for cap in (*in_force.policy.caps, *caps) if _is_about(cap, channel)], now),
    }
    refused: set[UUID] = set()
    for turn in _turns(wishes):
        rows = await connection.execute(
            _SQL["claim"],
            {
                **values,
                "contact_ids": numbers(wish.contact_id for wish in turn),
                "message_ids": [wish.message_id for wish in turn],
            },
        )
        placed = {contact_id for contact_id, is_placed in await rows.fetchall() if is_placed}
        refused |= {wish.message_id for wish in turn if wish.contact_id not in placed}
    return refused


async def release(connection: Connection, wishes: Sequence[Wish]) -> None:
    """Give back the places of messages that are not sent after all, if they had one."""
    if not wishes:
        return
    await connection.execute(
        _SQL["release"],
        {
            "account_ids": numbers(wish.account_id for wish in wishes),
            "contact_ids": numbers(wish.contact_id for wish in wishes),
            "message_ids": [wish.message_id for wish in wishes],
        },
    )


async def forget(connection: Connection) -> int:
    """Delete what accounts without caps do not need any more; how many contacts."""
    return (await connection.execute(_SQL["forget"])).rowcount


async def _count_from_now(
    connection: Connection, in_force: InForce, account_id: int, days: int, now: datetime
) -> InForce:
    values = {"account_id": account_id, "days": days, "now": now}
    row = await (await connection.execute(_POLICY_SQL["count_from_now"], values)).fetchone()
    assert row is not None
    return msgspec.structs.replace(in_force, counting_since=row[0], counting_days=row[1])


def _is_about(cap: Cap, channel: Channel) -> bool:
    return cap.channel is None or fits(cap.channel, channel)


def _columns(caps: Sequence[Cap], now: datetime) -> dict[str, object]:
    return {
        "cap_messages": [cap.messages for cap in caps],
        "cap_sinces": [now - timedelta(days=cap.days) for cap in caps],
        "cap_channels": [numbers(_counted(cap)) for cap in caps],
    }


def _counted(cap: Cap) -> list[int]:
    """Channels whose messages a cap counts; none: of all."""
    if cap.channel is None:
        return []
    return [channel.value for channel in Channel if fits(cap.channel, channel)]


def _turns(wishes: Iterable[Wish]) -> list[list[Wish]]:
    """The wishes in turns in which each contact comes once."""
    by_contact: defaultdict[int, list[Wish]] = defaultdict(list)
    for wish in wishes:
        by_contact[wish.contact_id].append(wish)
    longest = max(len(one) for one in by_contact.values())
    return [[one[turn] for one in by_contact.values() if len(one) > turn] for turn in range(longest)]
