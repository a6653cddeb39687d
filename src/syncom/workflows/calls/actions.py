"""Actions of connections as steps run them: through the integration layer, as the account itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from syncom.connect.catalogue.service import CatalogueService
from syncom.connect.connections.service import ConnectionsService
from syncom.connect.model import Action, Caller, CallerKind, Connection, Fault
from syncom.connect.runs.model import DoneBefore, RunFailed
from syncom.connect.runs.service import RunsService
from syncom.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, RateLimited, SyncomError
from syncom.outbound import retry_after
from syncom.workflows import language as words
from syncom.workflows.calls.attempts import Came, bounded, is_final
from syncom.workflows.steps.filling import is_template

#: Refusals of the integration layer itself that would be the same again.
_FINAL: Final = frozenset({"invalid", "not_found", "access_denied"})


class Actions:
    """What steps need of the integration layer."""

    def __init__(self, catalogue: CatalogueService, connections: ConnectionsService, runs: RunsService) -> None:
        self._catalogue = catalogue
        self._connections = connections
        self._runs = runs

    async def check(self, account_id: int, step: words.Action, at: str) -> None:
        """Whether an action is there, and takes what it is given. Raises Invalid."""
        caller = _caller(account_id, 0)
        try:
            connection = await self._connections.get(caller, step.connection)
        except (NotFound, Conflict) as error:
            raise Invalid(f"{at}.connection", error.message) from None
        if connection.archived_at is not None:
            raise Invalid(f"{at}.connection", f"connection {step.connection} was removed")
        try:
            action = await self._action(connection, step.action)
        except NotFound as error:
            raise Invalid(f"{at}.action", error.message) from None
        if action.archived_at is not None:
            raise Invalid(f"{at}.action", f"action {step.action} was removed")
        try:
            self._runs.check_draft(action, step.input, _is_open)
        except Invalid as error:
            raise Invalid.of([FieldError(_place(one.field, at), one.reason) for one in error.fields]) from None

    async def run(self, account_id: int, workflow_id: int, request: Mapping[str, Any], key: str, now: datetime) -> Came:
        """Run an action. ``key``: the same one again runs nothing, and gives what the first run came to."""
        caller = _caller(account_id, workflow_id)
        try:
            connection, action = await self._found(caller, request["connection"], request["action"])
        except (Invalid, NotFound, Conflict) as error:
            return Came(error=error.message, is_final=True)
        try:
            result = await self._runs.run(caller, connection, action, request["input"], idempotency_key=key)
        except DoneBefore as error:
            return Came(run_id=error.run_id)
        except RunFailed as error:
            return _failed(error, now)
        except Conflict as error:
            return Came(error=error.message, is_open=True)
        except RateLimited as error:
            return Came(error=error.message, rest=error.retry_after)
        except SyncomError as error:
            return Came(error=error.message, is_final=isinstance(error, Invalid | NotFound | Forbidden))
        return Came(answer=bounded(result.output), run_id=result.run_id)

    async def _found(self, caller: Caller, connection: str, action: str) -> tuple[Connection, Action]:
        found = await self._connections.get(caller, connection)
        return found, await self._action(found, action)

    async def _action(self, connection: Connection, action: str) -> Action:
        return await self._catalogue.action(
            connection.account_id,
            action,
            connector_id=connection.connector_id,
            connection_id=connection.connection_id,
        )


def _caller(account_id: int, workflow_id: int) -> Caller:
    """The account itself: it uses the connections of every tenant."""
    actor = f"workflow:{workflow_id}"
    return Caller(account_id=account_id, kind=CallerKind.MANAGER, workspace_key="", actor=actor)


def _failed(error: RunFailed, now: datetime) -> Came:
    fault = error.fault
    answer = _answer(fault)
    if answer is None:
        return Came(error=fault.message, run_id=error.run_id, is_final=fault.key in _FINAL)
    status: int = answer["status"]
    # Credentials that are refused a person renews; what waited for that is done then.
    final = is_final(status) and error.cause is None
    rest = retry_after(answer["headers"].items(), now) or 0.0
    return Came(error=fault.message, status=status, run_id=error.run_id, is_final=final, rest=rest)


def _answer(fault: Fault) -> dict[str, Any] | None:
    """What the app answered, if it did: status and headers."""
    return (fault.data or {}).get("response")


def _place(field: str, at: str) -> str:
    """Of what the integration layer names: ``$`` is the input."""
    return field.replace("$", f"{at}.input", 1) if field.startswith("$") else f"{at}.{field}"


def _is_open(value: Any) -> bool:
    """Whether something in a value is still to be filled in."""
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, Mapping):
        return any(_is_open(one) for one in cast("Mapping[str, Any]", value).values())
    if isinstance(value, list | tuple):
        return any(_is_open(one) for one in cast("Sequence[Any]", value))
    return False
