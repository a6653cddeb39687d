"""Whether something may be deleted: who else uses it. Higher rooms say so here, because lower ones do not know them.

Whoever saves what names a field, a list, a category, a segment or a campaign (a condition, a template) calls
:func:`refer` before it looks them up; whoever deletes one holds the account's definitions alone. So nothing is deleted
between the look-up and the save.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from syncom.errors import Conflict
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

#: Names of those of an account that use one of its things: ``("field", "points")``, ``("list", 5)``,
#: ``("category", "news")``, ``("segment", 7)``, ``("campaign", 9)``.
Users = Callable[[Connection, int, str, int | str], Awaitable[list[str]]]

_SQL = load_sql("syncom.contacts", "usage.sql")
#: First half of the advisory locks.
_LOCK: Final = 0x7573
_SHOWN = 10


async def refer(connection: Connection, account_id: int) -> None:
    """Keep what the account has from being deleted until the transaction ends."""
    await connection.execute(_SQL["refer"], {"kind": _LOCK, "account_id": account_id})


async def hold(connection: Connection, account_id: int) -> None:
    """Keep everybody from saving what names others until the transaction ends."""
    await connection.execute(_SQL["hold"], {"kind": _LOCK, "account_id": account_id})


class Usage:
    """Who uses what; nobody until somebody is named."""

    def __init__(self) -> None:
        self._users: list[Users] = []

    def ask(self, users: Users) -> None:
        """Ask these too before something is deleted."""
        self._users.append(users)

    async def require_none(self, connection: Connection, account_id: int, kind: str, key: int | str) -> None:
        """Raises Conflict naming the users; without, nobody begins to use it until the transaction ends."""
        await hold(connection, account_id)
        names: list[str] = []
        for users in self._users:
            names += await users(connection, account_id, kind, key)
        if names:
            shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
            raise Conflict(f"this {kind} is used by {shown}: change that first")
