"""Moves in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import dict_row

from syncom.moving.model import Move, MoveProblem, Step
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.moving", "moves.sql")


class Standing(msgspec.Struct, kw_only=True):
    """Where a running move is; ``place`` is the step's own."""

    move_id: int
    step: Step | None
    place: dict[str, Any]
    counts: dict[str, int]

    def count(self, name: str, number: int = 1) -> None:
        if number:
            self.counts[name] = self.counts.get(name, 0) + number


async def begin(connection: Connection, account_id: int, source: str, first: Step, *, restart: bool) -> Standing:
    values = {"account_id": account_id, "source": source, "step": first.value, "restart": restart}
    cursor = connection.cursor(row_factory=dict_row)
    row = await (await cursor.execute(_SQL["begin"], values)).fetchone()
    standing = msgspec.convert(row, Standing)
    if standing.step is first and not standing.place:
        await connection.execute(_SQL["forget_problems"], {"account_id": account_id, "move_id": standing.move_id})
    return standing


async def advance(connection: Connection, account_id: int, standing: Standing) -> None:
    """Write down where the move is. The step None ends it."""
    await connection.execute(
        _SQL["advance"],
        {
            "account_id": account_id,
            "move_id": standing.move_id,
            "step": standing.step.value if standing.step else None,
            "place": msgspec.json.encode(standing.place).decode(),
            "counts": msgspec.json.encode(standing.counts).decode(),
        },
    )


async def moves(connection: Connection, account_id: int) -> list[Move]:
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["moves"], {"account_id": account_id})).fetchall()
    return msgspec.convert(rows, list[Move])


async def objects(connection: Connection, account_id: int, move_id: int, kind: str) -> dict[int, int]:
    """Ids here by their ids there."""
    values = {"account_id": account_id, "move_id": move_id, "kind": kind}
    return dict(await (await connection.execute(_SQL["objects"], values)).fetchall())


async def remember(
    connection: Connection, account_id: int, move_id: int, kind: str, source_id: int, target_id: int
) -> None:
    values = {"account_id": account_id, "move_id": move_id, "kind": kind}
    await connection.execute(_SQL["remember"], values | {"source_id": source_id, "target_id": target_id})


async def add_problems(connection: Connection, account_id: int, move_id: int, problems: Sequence[MoveProblem]) -> None:
    if problems:
        values = {"whats": [one.what for one in problems], "reasons": [one.reason for one in problems]}
        await connection.execute(_SQL["add_problems"], {"account_id": account_id, "move_id": move_id, **values})


async def problems(connection: Connection, account_id: int, move_id: int) -> list[MoveProblem]:
    values = {"account_id": account_id, "move_id": move_id}
    rows = await (await connection.execute(_SQL["problems"], values)).fetchall()
    return [MoveProblem(what=what, reason=reason) for what, reason in rows]
