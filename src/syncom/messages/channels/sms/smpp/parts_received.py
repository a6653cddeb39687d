"""Joins the parts of texts that people write. Parts may come over different binds, to different processes."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import dict_row

from syncom.clock import Clock
from syncom.errors import Unavailable
from syncom.jobs.keeping import keep
from syncom.messages.channels.sms.inbound import TextsReceived
from syncom.messages.channels.sms.smpp.delivered import InboundPart, text_of
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.channels.sms.smpp", "incomplete_texts.sql")

#: How long a text waits for its other parts; then it is told as far as it came.
PATIENCE: Final = timedelta(minutes=10)
_LOOK: Final = 30.0
#: Stands where a part is missing.
_GAP: Final = " […] "


class PartsReceived:
    """Gives whole texts to whoever reads them."""

    def __init__(self, database: Database, texts: TextsReceived, clock: Clock) -> None:
        self._database = database
        self._texts = texts
        self._clock = clock

    async def receive(self, part: InboundPart) -> None:
        """Take a part; durable on return. Raises Unavailable."""
        if part.reference is None:
            await self._texts.receive(part.sender_id, part.from_, part.to, part.text, self._clock.now(), "")
            return
        own = {str(part.number): [b64encode(part.octets).decode(), part.codec]}
        text = {
            "sender_id": part.sender_id,
            "from": part.from_,
            "to": part.to,
            "reference": part.reference,
            "total": part.total,
        }
        try:
            async with self._database.system() as connection:
                row = await (
                    await connection.execute(_SQL["add"], {**text, "part": msgspec.json.encode(own).decode()})
                ).fetchone()
            assert row is not None
            parts, begun_at, is_told = row
            if len(parts) >= part.total and not is_told:
                await self._tell({**text, "begun_at": begun_at}, parts, self._clock.now())
                async with self._database.system() as connection:
                    await connection.execute(_SQL["told"], {**text, "begun_at": begun_at})
        except psycopg.OperationalError as error:
            raise Unavailable(f"the database does not answer: {error}") from None

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what will not become whole, until ``stop`` is set."""
        await keep("parts of texts", self.give_up, stop, rest=_LOOK)

    async def give_up(self) -> int:
        """Tell texts whose other parts did not come in time, and forget all old ones; returns how many."""
        async with self._database.system() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            rows = await (await cursor.execute(_SQL["old"], {"patience": PATIENCE})).fetchall()
        for row in rows:
            text = {**row, "from": row["from_address"], "to": row["to_address"]}
            if not row["is_told"]:
                await self._tell(text, row["parts"], row["begun_at"])
            async with self._database.system() as connection:
                await connection.execute(_SQL["forget"], text)
        return len(rows)

    async def _tell(self, text: Mapping[str, Any], parts: Mapping[str, tuple[str, str]], at: datetime) -> None:
        """Hand the text on. Whoever is killed behind it does so again, under the same id."""
        begun = f"{text['from']} {text['reference']}/{text['total']} {text['begun_at']:%Y%m%dT%H%M%S.%f}"
        await self._texts.receive(text["sender_id"], text["from"], text["to"], _joined(parts), at, begun)


def _joined(parts: Mapping[str, tuple[str, str]]) -> str:
    """The text of these parts, in their order, with a mark where some are missing.

    Parts that follow each other in the same alphabet are joined as octets: a phone may cut a character in half.
    """
    runs: list[tuple[bytes, str]] = []
    pieces: list[str] = []
    last = 0
    for number in sorted(map(int, parts)):
        octets, codec = b64decode(parts[str(number)][0]), parts[str(number)][1]
        if number != last + 1:
            pieces.append("".join(text_of(*run) for run in runs))
            runs = []
        if runs and runs[-1][1] == codec:
            runs[-1] = (runs[-1][0] + octets, codec)
        else:
            runs.append((octets, codec))
        last = number
    pieces.append("".join(text_of(*run) for run in runs))
    return _GAP.join(pieces)
