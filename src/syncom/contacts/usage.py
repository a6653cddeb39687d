"""Whether something may be deleted: who else uses it. Higher rooms say so here, because lower ones do not know them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from syncom.errors import Conflict
from syncom.postgres.pool import Connection

#: Names of those of an account that use a field, a list or a category: ``("field", "points")``, ``("list", 5)``.
Users = Callable[[Connection, int, str, int | str], Awaitable[list[str]]]

_SHOWN = 10


class Usage:
    """Who uses what; nobody until somebody is named."""

    def __init__(self) -> None:
        self._users: list[Users] = []

    def ask(self, users: Users) -> None:
        """Ask these too before something is deleted."""
        self._users.append(users)

    async def require_none(self, connection: Connection, account_id: int, kind: str, key: int | str) -> None:
        """Raises Conflict naming the users."""
        names: list[str] = []
        for users in self._users:
            names += await users(connection, account_id, kind, key)
        if names:
            shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
            raise Conflict(f"this {kind} is used by {shown}: change that first")
