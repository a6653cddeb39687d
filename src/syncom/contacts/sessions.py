"""Sessions of calls that answer before (or as if before) their work is done: what became of it, for 30 days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from syncom.contacts.model import ApiSession, SessionContact, SessionStatus
from syncom.errors import NotFound
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "sessions.sql")
_KEPT_DAYS: Final = 30
_encode = msgspec.json.Encoder().encode
#: What the state of an import means for its session.
_IMPORT_STATES: Final = {
    "queued": SessionStatus.STARTED,
    "running": SessionStatus.IMPORTING,
    "finished": SessionStatus.FINISHED,
    "failed": SessionStatus.ERROR,
    "cancelled": SessionStatus.ERROR,
}


async def put_session(
    connection: Connection,
    account_id: int,
    session_id: UUID,
    kind: str,
    status: SessionStatus,
    *,
    description: str = "",
    contacts: Sequence[SessionContact] = (),
    import_id: int = 0,
) -> None:
    """Write where a session stands, inside the caller's transaction. With ``import_id`` it follows that import."""
    await connection.execute(
        _SQL["put_session"],
        {
            "session_id": session_id,
            "account_id": account_id,
            "kind": kind,
            "status": status.value,
            "description": description,
            "contacts": _encode(contacts).decode(),
            "import_id": import_id,
        },
    )


class ApiSessions:
    """The sessions of an account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self,
        account_id: int,
        session_id: UUID,
        kind: str,
        status: SessionStatus,
        *,
        description: str = "",
        import_id: int = 0,
    ) -> None:
        """Write where a session stands, in a transaction of its own."""
        async with self._database.tenant(account_id) as connection:
            await put_session(
                connection, account_id, session_id, kind, status, description=description, import_id=import_id
            )

    async def get(self, account_id: int, session_id: UUID) -> ApiSession:
        """Where a session stands. Raises NotFound."""
        values = {"account_id": account_id, "session_id": session_id}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["get_session"], values)).fetchone()
        if row is None:
            raise NotFound("session", session_id)
        return _session(row)

    async def forget_old(self) -> None:
        """Remove sessions that have had their time."""
        async with self._database.system() as connection:
            await connection.execute(_SQL["forget_sessions"], {"days": _KEPT_DAYS})


def _session(row: TupleRow) -> ApiSession:
    kind, status, description, contacts, changed_at = row[:5]
    state, problem, created, updated, unchanged, failed, ended, import_id = row[5:]
    known: list[Any] = contacts
    session = ApiSession(
        kind=kind,
        status=SessionStatus(status),
        description=description,
        contacts=tuple(msgspec.convert(known, list[SessionContact])),
        changed_at=changed_at,
        import_id=import_id,
    )
    if state is None:
        return session
    counts = f"{created} created, {updated} updated, {unchanged} unchanged, {failed} refused"
    return msgspec.structs.replace(
        session,
        status=_IMPORT_STATES[state],
        description=problem or ("the import was cancelled" if state == "cancelled" else counts),
        changed_at=ended or changed_at,
    )
