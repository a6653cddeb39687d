"""Two people who edit the same thing: who saves is told by whom it was saved since.

The versions are columns that a trigger keeps (migration 0130). What a request edits, as whom and from which version, is
set for the time of the request, and every transaction it opens carries it: so the check is made under the lock of the
row, in the transaction that changes it, whichever service does that.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from typing import Final

import msgspec
import psycopg
from psycopg.rows import TupleRow

from syncom.errors import Conflict

#: The trigger's own code of an error.
_STALE: Final = "SY409"
_ASK: Final = "SELECT set_config('syncom.edited', %s, true)"
_TOLD: Final = "SELECT nullif(current_setting('syncom.edited_version', true), '')::bigint"


class Newer(msgspec.Struct, frozen=True, kw_only=True):
    """The version that somebody saved since: when, and who."""

    version: int
    #: 'user:7', 'key:3'; empty when it was neither a page nor a request of the native API.
    by: str
    #: Of the person, else null.
    name: str | None
    at: datetime | None


class Stale(Conflict):
    """Somebody saved another version since the one that this save began from."""

    code = "edited_since"

    def __init__(self, newer: Newer) -> None:
        who = newer.name or newer.by or "somebody"
        super().__init__(f"{who} saved this since you opened it; compare with what is stored now, then save again")
        self.newer = newer


class Edit(msgspec.Struct, kw_only=True):
    """What a request edits. ``saved`` is the version that came of it, once it did."""

    table: str
    ident: int
    #: Who: 'user:7', 'key:3'.
    by: str
    #: The version it began from; None: whichever.
    version: int | None
    saved: int | None = None

    async def ask(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        """Have this transaction's saves checked and signed."""
        # In a later transaction of the same request the version is its own.
        version = self.version if self.saved is None else self.saved
        asked = {"table": self.table, "id": str(self.ident), "by": self.by, "version": version}
        await connection.execute(_ASK, (msgspec.json.encode(asked).decode(),))

    async def hear(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        """Take up what version this transaction's save made."""
        row = await (await connection.execute(_TOLD)).fetchone()
        if row is not None and row[0] is not None:
            self.saved = row[0]


#: What the request of this task edits.
EDIT: ContextVar[Edit | None] = ContextVar("edit", default=None)


def stale(error: psycopg.Error) -> Stale | None:
    """The error of a save that came too late; None for another one."""
    if error.sqlstate != _STALE:
        return None
    return Stale(msgspec.json.decode(error.diag.message_detail or "", type=Newer))
