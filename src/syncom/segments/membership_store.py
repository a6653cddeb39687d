"""Rows of kept membership."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from psycopg.rows import class_row, dict_row

from syncom.ids import bucket_of
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.segments.evaluation import Kept, Statement
from syncom.segments.model import CAUSES, FollowedMove, GrowthDay, Membership, Move, MoveCause

_SQL = load_sql("syncom.segments", "membership.sql")
#: Advisory locks of accounts: these numbers plus the account's. Of who works on one, and of who helps.
_LOCKS, _HELPING = 0x7365 << 40, 0x7366 << 40


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A segment and what is kept of it; ``condition`` is None where it was deleted, ``state_of`` where it is new."""

    segment_id: int
    condition: dict[str, Any] | None
    updated_at: datetime | None
    state_of: int | None
    seen_at: datetime | None
    fingerprint: bytes | None
    filled: bool
    cause: MoveCause
    place: tuple[int, int]
    problem: str
    followed: bool


class KeptSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that is kept, and how far."""

    kept: Kept
    filled: bool
    #: Why it is being filled; FILLED: for the first time.
    cause: MoveCause
    #: Bucket and contact up to which it is filled.
    place: tuple[int, int]
    problem: str


def kept_segment(definition: Definition, kept: Kept) -> KeptSegment:
    return KeptSegment(
        kept=kept,
        filled=definition.filled,
        cause=definition.cause,
        place=definition.place,
        problem=definition.problem,
    )


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How many contacts entered and left a segment."""

    segment_id: int
    entered: int
    left: int


# ---------------------------------------------------------------- the keeper's work


async def changed_accounts(connection: Connection) -> list[int]:
    """Accounts with changes to work out."""
    return [row[0] for row in await (await connection.execute(_SQL["changed_accounts"])).fetchall()]


async def restless_accounts(connection: Connection, now: datetime) -> list[int]:
    """Accounts where there is something else to do."""
    return [row[0] for row in await (await connection.execute(_SQL["restless_accounts"], {"now": now})).fetchall()]


async def claim(connection: Connection, account_id: int) -> bool:
    """Be the only one who works on the account, until the transaction ends."""
    values = {"lock": _LOCKS + account_id, "helping": _HELPING + account_id}
    row = await (await connection.execute(_SQL["claim"], values)).fetchone()
    return bool(row and row[0])


async def help_with(connection: Connection, account_id: int) -> None:
    """Work beside the one who has claimed the account, until the transaction ends.

    It must still be claimed when this is said (``still_claimed``): from then on nobody else claims it, come what may.
    """
    await connection.execute(_SQL["help"], {"helping": _HELPING + account_id})


async def still_claimed(connection: Connection) -> None:
    """Raises OperationalError when the transaction of a claim is gone, and the claim with it."""
    await connection.execute("SELECT")


async def take_changes(connection: Connection, account_id: int, *, newest: int, oldest: int) -> tuple[int, list[int]]:
    """Bits of what changed, and of whom; about so many of the newest and of the oldest changes.

    Each contact comes once, in the order of bucket and id; with those that some were merged into.
    """
    values = {"account_id": account_id, "newest": newest, "oldest": oldest}
    facets, contact_ids = 0, set[int]()
    for bits, ids in await (await connection.execute(_SQL["take_changes"], values)).fetchall():
        facets |= bits
        contact_ids.update(ids)
    values = {"account_id": account_id, "contact_ids": list(contact_ids)}
    contact_ids.update(row[0] for row in await (await connection.execute(_SQL["merged_into"], values)).fetchall())
    return facets, sorted(contact_ids, key=lambda contact_id: (bucket_of(contact_id), contact_id))


async def definitions(connection: Connection, account_id: int) -> list[Definition]:
    rows = await (await connection.execute(_SQL["definitions"], {"account_id": account_id})).fetchall()
    return [
        Definition(
            segment_id=row[0],
            condition=row[1],
            updated_at=row[2],
            state_of=row[3],
            seen_at=row[4],
            fingerprint=row[5],
            filled=bool(row[6]),
            cause=CAUSES[int(row[7] or 0)],
            place=(row[8] or 0, row[9] or 0),
            problem=row[10] or "",
            followed=bool(row[11]),
        )
        for row in rows
    ]


async def see(connection: Connection, account_id: int, segment_id: int, seen_at: datetime, fingerprint: bytes) -> None:
    """Note a definition; a new meaning is to be filled."""
    values = {
        "account_id": account_id,
        "segment_id": segment_id,
        "seen_at": seen_at,
        "fingerprint": fingerprint,
    }
    await connection.execute(_SQL["see"], values)


async def forget(connection: Connection, account_id: int, segment_ids: Sequence[int]) -> None:
    """What was kept of deleted segments; their numbers go from the contacts' rows when these are next written."""
    await connection.execute(_SQL["forget_states"], {"account_id": account_id, "segment_ids": numbers(segment_ids)})


async def due(connection: Connection, account_id: int, now: datetime, limit: int) -> list[int]:
    """Contacts for whom time has come."""
    values = {"account_id": account_id, "now": now, "limit": limit}
    return [row[0] for row in await (await connection.execute(_SQL["due"], values)).fetchall()]


async def to_fill(connection: Connection, account_id: int, place: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """Buckets and contacts behind a place."""
    values = {"account_id": account_id, "bucket": place[0], "contact_id": place[1], "limit": limit}
    return [(row[0], row[1]) for row in await (await connection.execute(_SQL["to_fill"], values)).fetchall()]


async def fill(
    connection: Connection, segment_ids: Sequence[int], place: tuple[int, int], *, filled: bool, now: datetime
) -> None:
    """Move the place up to which segments are filled."""
    values = {
        "segment_ids": numbers(segment_ids),
        "bucket": place[0],
        "contact_id": place[1],
        "filled": filled,
        "now": now,
    }
    await connection.execute(_SQL["fill"], values)


async def evaluate(
    connection: Connection, account_id: int, made: Statement, contact_ids: Sequence[int], now: datetime
) -> list[Moved]:
    """Run an evaluation. Never prepared, as every statement of conditions."""
    values = {**made.values, "account_id": account_id, "contact_ids": list(contact_ids), "now": now}
    rows = await (await connection.execute(made.text, values, prepare=False)).fetchall()
    return [Moved(segment_id=row[0], entered=row[1], left=row[2]) for row in rows]


async def count_moves(connection: Connection, moved: Sequence[Moved], untold: Collection[int], today: date) -> None:
    """New sizes and the day's figures; of ``untold`` segments the size alone."""
    values = {
        "segment_ids": numbers(one.segment_id for one in moved),
        "entered": numbers(one.entered for one in moved),
        "left_it": numbers(one.left for one in moved),
        "is_told": [one.segment_id not in untold for one in moved],
        "day": today,
    }
    await connection.execute(_SQL["count_moves"], values)


async def set_problem(connection: Connection, segment_id: int, problem: str) -> None:
    """A segment that cannot be answered."""
    await connection.execute(_SQL["set_problem"], {"segment_id": segment_id, "problem": problem[:500]})


async def forget_erased(connection: Connection, before: datetime, limit: int) -> int:
    """Take contacts who were erased before a moment out of the moves; how many there were."""
    rows = await (await connection.execute(_SQL["erased"], {"before": before, "limit": limit})).fetchall()
    by_account: defaultdict[int, list[int]] = defaultdict(list)
    for account_id, contact_id in rows:
        by_account[account_id].append(contact_id)
    for account_id, contact_ids in sorted(by_account.items()):
        values = {"account_id": account_id, "contact_ids": contact_ids}
        await connection.execute(_SQL["forget_moves"], values)
    return len(rows)


async def follow(connection: Connection, account_id: int, segment_id: int, *, followed: bool) -> bool:
    """Have a segment's moves in the change log, or not; False where there is no such segment."""
    values = {"account_id": account_id, "segment_id": segment_id, "followed": followed}
    return await (await connection.execute(_SQL["follow"], values)).fetchone() is not None


async def take_followed(connection: Connection, limit: int) -> list[FollowedMove]:
    """Moves out of the change log, for good when the transaction commits."""
    cursor = connection.cursor(row_factory=class_row(FollowedMove))
    return await (await cursor.execute(_SQL["take_followed"], {"limit": limit})).fetchall()


# ---------------------------------------------------------------- questions


async def rebuild(connection: Connection, account_id: int, segment_id: int | None) -> list[int]:
    """Work out one segment, or all, from the start; ids of those."""
    values = {"account_id": account_id, "segment_id": segment_id}
    return [row[0] for row in await (await connection.execute(_SQL["rebuild"], values)).fetchall()]


async def memberships(connection: Connection, account_id: int, segment_ids: Sequence[int] | None) -> list[Membership]:
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "segment_ids": None if segment_ids is None else list(segment_ids)}
    return msgspec.convert(await (await cursor.execute(_SQL["memberships"], values)).fetchall(), list[Membership])


async def segments_of(connection: Connection, account_id: int, contact_id: int) -> list[int]:
    """Ids of the segments that a contact is in."""
    values = {"account_id": account_id, "bucket": bucket_of(contact_id), "contact_id": contact_id}
    return [row[0] for row in await (await connection.execute(_SQL["segments_of"], values)).fetchall()]


async def moves(
    connection: Connection, account_id: int, segment_id: int, *, before: tuple[datetime, int], limit: int
) -> list[Move]:
    values = {
        "account_id": account_id,
        "segment_id": segment_id,
        "before": before[0],
        "before_contact": before[1],
        "limit": limit,
    }
    rows = await (await connection.execute(_SQL["moves"], values)).fetchall()
    return [
        Move(contact_id=row[0], segment_id=row[1], entered=row[2], cause=CAUSES[int(row[3])], moved_at=row[4])
        for row in rows
    ]


async def growth(connection: Connection, account_id: int, segment_id: int, since: date) -> list[GrowthDay]:
    """Days with a row since then, and the last one before."""
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "segment_id": segment_id, "since": since}
    return msgspec.convert(await (await cursor.execute(_SQL["growth"], values)).fetchall(), list[GrowthDay])
