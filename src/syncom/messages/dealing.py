"""Who of a group sends what: dealt by weight to those who can send, and dealt again when one cannot any more.

Chunks of a campaign are dealt so that no member is ever ahead of its share by more than a chunk. Single messages are
dealt by their ids: no counter that everybody would wait for, and the same message always falls to the same member.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from syncom.errors import Conflict
from syncom.messages.model import Sender, SenderKind
from syncom.messages.notices import announce_campaigns, announce_messages
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages", "dealing.sql")

#: Rows that are dealt again in one transaction.
_BATCH = 2000


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """Those among whom something is dealt now."""

    #: 0: a sender by itself.
    group_id: int
    #: Sender and weight.
    members: tuple[tuple[int, int], ...]
    #: Whether they can send now; otherwise it is dealt to them all the same, and waits.
    is_able: bool = True

    def of_message(self, message_id: UUID) -> int:
        """The member that sends this message."""
        if len(self.members) == 1:
            return self.members[0][0]
        bounds = list(accumulate(weight for _, weight in self.members))
        place = int.from_bytes(blake2b(message_id.bytes, digest_size=8).digest()) % bounds[-1]
        return next(member for (member, _), bound in zip(self.members, bounds, strict=True) if place < bound)

    def of_chunks(self, sizes: Sequence[int], dealt: Mapping[int, int]) -> list[int]:
        """The members for chunks of so many recipients, where so many were dealt to each before.

        Each chunk goes to the member that lacks most of its share: none is ahead of it by a whole chunk.
        """
        whole = sum(weight for _, weight in self.members)
        counts = {member: dealt.get(member, 0) for member, _ in self.members}
        chosen: list[int] = []
        for size in sizes:
            total = sum(counts.values()) + size
            member = max(self.members, key=lambda one: (total * one[1] / whole - counts[one[0]], -one[0]))[0]
            counts[member] += size
            chosen.append(member)
        return chosen

    @property
    def between(self) -> str:
        """Who they are, as a text: counts hold among the same members only."""
        return " ".join(f"{member}:{weight}" for member, weight in self.members)


async def hand_of(connection: Connection, sender: Sender) -> Hand:
    """Those who send what names this sender. Raises Conflict for a group without members."""
    if sender.kind is not SenderKind.GROUP:
        return Hand(group_id=0, members=((sender.sender_id, 1),))
    return await _hand(connection, sender.sender_id)


async def _hand(connection: Connection, group_id: int) -> Hand:
    rows = await (await connection.execute(_SQL["members"], {"group_id": group_id})).fetchall()
    if not rows:
        raise Conflict(f"the group of senders {group_id} has no members: add one")
    able = [row for row in rows if row[3]]
    eligible = able or rows
    best = min(row[2] for row in eligible)
    members = tuple((row[0], row[1]) for row in eligible if row[2] == best)
    return Hand(group_id=group_id, members=members, is_able=bool(able))


class _Dealt(msgspec.Struct, frozen=True, kw_only=True):
    between: str = ""
    dealt: dict[int, int] = {}


async def deal_campaign(connection: Connection, campaign_id: int, sender_ids: Collection[int]) -> None:
    """Deal the chunks of a campaign that were made in this transaction for groups among the senders it names.

    The caller has the campaign's row locked.
    """
    values = {"campaign_id": campaign_id, "group_ids": sorted(sender_ids)}
    rows = await (await connection.execute(_SQL["new_chunks"], values)).fetchall()
    by_group: dict[int, list[tuple[int, int]]] = {}
    for group_id, chunk_no, size in rows:
        by_group.setdefault(group_id, []).append((chunk_no, size))
    for group_id, chunks in by_group.items():
        hand = await _hand(connection, group_id)
        one = {"campaign_id": campaign_id, "group_id": str(group_id)}
        row = await (await connection.execute(_SQL["dealt"], one)).fetchone()
        before = msgspec.convert(row[0] if row and row[0] else {}, _Dealt, strict=False)
        counts = dict(before.dealt) if before.between == hand.between else {}
        chosen = hand.of_chunks([size for _, size in chunks], counts)
        for member, (_, size) in zip(chosen, chunks, strict=True):
            counts[member] = counts.get(member, 0) + size
        await _move_chunks(connection, [(campaign_id, chunk_no) for chunk_no, _ in chunks], chosen)
        after = {"between": hand.between, "dealt": {str(member): count for member, count in counts.items()}}
        await connection.execute(_SQL["save_dealt"], {**one, "dealt": Jsonb(after)})


async def deal_again(connection: Connection) -> int:
    """Give what lies with members that cannot send to those who can; returns how many chunks and messages.

    What a process has in hand stays there until it gives it back. Safe beside others: rows that are taken are skipped.
    """
    moved = 0
    for group_id, sender_id in await (await connection.execute(_SQL["strayed"])).fetchall():
        hand = await _hand(connection, group_id)
        if not hand.is_able and sender_id != group_id:
            continue
        values = {"group_id": group_id, "sender_id": sender_id, "limit": _BATCH}
        chunks = await (await connection.execute(_SQL["chunks_of"], values)).fetchall()
        if chunks:
            chosen = hand.of_chunks([row[2] for row in chunks], {})
            await _move_chunks(connection, [(row[0], row[1]) for row in chunks], chosen)
            await announce_campaigns(connection)
        messages = [row[0] for row in await (await connection.execute(_SQL["messages_of"], values)).fetchall()]
        if messages:
            members = [hand.of_message(message_id) for message_id in messages]
            await connection.execute(_SQL["move_messages"], {"message_ids": messages, "sender_ids": members})
            await announce_messages(connection)
            await announce_campaigns(connection)
        moved += len(chunks) + len(messages)
    await connection.execute(_SQL["forget_members"])
    return moved


async def must_give_back(connection: Connection, sender_ids: Sequence[int]) -> set[int]:
    """Those of these senders that cannot send while others of a group of theirs can."""
    return {
        row[0] for row in await (await connection.execute(_SQL["stuck"], {"sender_ids": list(sender_ids)})).fetchall()
    }


async def require_others(connection: Connection, account_id: int, sender_id: int) -> None:
    """Whether every group that a sender belongs to has another member. Raises Conflict naming one that has none."""
    values = {"account_id": account_id, "sender_id": sender_id}
    row = await (await connection.execute(_SQL["needs"], values)).fetchone()
    if row:
        raise Conflict(f"it is the only sender of the group {row[0]!r}: add another one to it, or delete the group")


async def _move_chunks(connection: Connection, chunks: Sequence[tuple[int, int]], members: Sequence[int]) -> None:
    await connection.execute(
        _SQL["move_chunks"],
        {
            "campaign_ids": [chunk[0] for chunk in chunks],
            "chunk_nos": [chunk[1] for chunk in chunks],
            "sender_ids": list(members),
        },
    )
