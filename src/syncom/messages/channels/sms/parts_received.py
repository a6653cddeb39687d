"""Joins the parts of texts that people write, whoever brings them: the binds of an SMSC, to different processes, or a
gateway in requests of their own."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import dict_row

from syncom.clock import Clock
from syncom.errors import Invalid, Unavailable
from syncom.jobs.keeping import keep
from syncom.messages.channels.sms.inbound import InboundPart, TextsReceived, text_of
from syncom.messages.channels.sms.parts import MAX_PARTS
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.channels.sms", "incomplete_texts.sql")

#: How long a text waits for its other parts; then it is told as far as it came. Phones count the parts' references to
#: 255 and begin again, so a text of an SMSC waits no longer, and is remembered no longer, than that may take.
PATIENCE: Final = timedelta(minutes=10)
#: A gateway whose request was not answered brings the part again, less and less often for a day (Vonage), under the
#: same id: its texts wait longer, and are remembered until it has given up.
PATIENCE_WITH_GATEWAYS: Final = timedelta(hours=1)
_BROUGHT_AGAIN: Final = timedelta(days=3)
_LOOK: Final = 30.0
_AT_ONCE: Final = 100
#: Stands where a part is missing.
_GAP: Final = " […] "
_LONGEST_NAME: Final = 40
_LONGEST_REFERENCE: Final = 255

#: By the part's number: octets in base64, their codec, and the peer's id of the part.
_Parts = Mapping[str, tuple[str, str, str]]


class PartsReceived:
    """Gives whole texts to whoever reads them."""

    def __init__(self, database: Database, texts: TextsReceived, clock: Clock) -> None:
        self._database = database
        self._texts = texts
        self._clock = clock

    async def receive(self, part: InboundPart) -> None:
        """Take a part; durable on return. Raises Invalid for one that cannot be, Unavailable."""
        at = part.at or self._clock.now()
        if part.reference is None:
            await self._texts.receive(part.sender_id, part.from_, part.to, part.text, at, part.peer_id)
            return
        if not 1 <= part.number <= part.total <= MAX_PARTS:
            raise Invalid("part", f"must be one of at most {MAX_PARTS}")
        own = {str(part.number): (b64encode(part.octets).decode(), part.codec, part.peer_id)}
        text = {
            "sender_id": part.sender_id,
            "from": _line(part.from_, _LONGEST_NAME),
            "to": _line(part.to, _LONGEST_NAME),
            "reference": _line(part.reference, _LONGEST_REFERENCE),
            "total": part.total,
        }
        values = {
            **text,
            "part": msgspec.json.encode(own).decode(),
            "sent_at": at,
            "patience": PATIENCE_WITH_GATEWAYS if part.peer_id else PATIENCE,
            "kept": _BROUGHT_AGAIN if part.peer_id else PATIENCE,
        }
        try:
            async with self._database.system() as connection:
                cursor = connection.cursor(row_factory=dict_row)
                row = await (await cursor.execute(_SQL["add"], values)).fetchone()
            assert row is not None
            if len(row["parts"]) >= part.total and not row["is_told"]:
                await self._tell({**text, **row})
        except psycopg.OperationalError as error:
            raise Unavailable(f"the database does not answer: {error}") from None

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what will not become whole, until ``stop`` is set."""
        await keep("parts of texts", self.give_up, stop, rest=_LOOK)

    async def give_up(self) -> int:
        """Tell texts whose other parts did not come in time, and forget those that were told long ago; how many."""
        async with self._database.system() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            rows = await (await cursor.execute(_SQL["waited"], {"limit": _AT_ONCE})).fetchall()
        for row in rows:
            await self._tell(row)
        async with self._database.system() as connection:
            forgotten = (await connection.execute(_SQL["forget"])).rowcount
        return len(rows) + forgotten

    async def _tell(self, text: Mapping[str, Any]) -> None:
        """Hand the text on. Whoever is killed behind it does so again, under the same id."""
        parts: _Parts = text["parts"]
        begun = f"{text['from']} {text['reference']}/{text['total']} {text['begun_at']:%Y%m%dT%H%M%S.%f}"
        peer_id = parts[min(parts, key=int)][2] or begun
        await self._texts.receive(text["sender_id"], text["from"], text["to"], _joined(parts), text["sent_at"], peer_id)
        async with self._database.system() as connection:
            await connection.execute(_SQL["told"], text)


def _joined(parts: _Parts) -> str:
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
    return pieces[0] if len(pieces) == 1 else _GAP.join(piece.strip() for piece in pieces)


def _line(text: str, limit: int) -> str:
    """A name in one line, without what a database refuses."""
    return "".join(char if char.isprintable() else " " for char in text[:limit]).strip()
