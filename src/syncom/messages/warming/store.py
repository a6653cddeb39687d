"""Everything warm-ups say to the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from syncom.messages.warming.model import Plan, WarmUp
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.warming", "warming.sql")


async def select(connection: Connection, sender_ids: Sequence[int]) -> dict[int, WarmUp]:
    """The warm-ups of those of these senders that have one."""
    rows = await (await connection.execute(_SQL["select"], {"sender_ids": list(sender_ids)})).fetchall()
    return {
        row[0]: WarmUp(
            sender_id=row[0],
            started_on=row[1],
            plan=Plan(first=row[2], growth=row[3], target=row[4]),
            time_zone=row[5],
            day=row[6],
            taken=row[7],
        )
        for row in rows
    }


async def save(connection: Connection, account_id: int, sender_id: int, plan: Plan, today: date) -> None:
    values = {"account_id": account_id, "sender_id": sender_id, "today": today}
    await connection.execute(
        _SQL["save"], {**values, "first": plan.first, "growth": plan.growth, "target": plan.target}
    )


async def delete(connection: Connection, account_id: int, sender_id: int) -> bool:
    values = {"account_id": account_id, "sender_id": sender_id}
    return (await connection.execute(_SQL["delete"], values)).rowcount == 1


async def take(connection: Connection, sender_id: int, today: date, wanted: int, allowed: int | None) -> int:
    """Take of the day's allowance; returns how many were granted. ``allowed`` None: all, and they are counted."""
    values = {"sender_id": sender_id, "today": today, "wanted": wanted, "allowed": allowed}
    row = await (await connection.execute(_SQL["take"], values)).fetchone()
    # Whose plan was deleted meanwhile sends as it likes.
    return row[0] if row else wanted


async def give_back(connection: Connection, sender_id: int, day: date, count: int) -> None:
    """What was taken of a day's allowance and not used."""
    await connection.execute(_SQL["give_back"], {"sender_id": sender_id, "day": day, "count": count})
