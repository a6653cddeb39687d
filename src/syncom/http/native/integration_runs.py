"""/integrations/runs: actions run on connected apps, and the record of what was asked and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.connect.model import ActionRun, RunResult, RunStatus
from syncom.connect.runs.model import RunFailed
from syncom.http.native.given import By, Wiring
from syncom.http.native.integration_caller import caller_of
from syncom.http.native.integrations import TAGS, own_action
from syncom.http.native.paging import Cursor, Limit, Page
from syncom.http.native.routing import needs

_READS = needs(Permission.READ_ACTIVITY)
#: What an app answers may be anything, secrets included: it is no part of the stored answers.
_RUNS = needs(Permission.SEND, replay=False)
_OfConnection = Annotated[str | None, QueryParameter(description="Of this connection, by id or key.")]
_WithStatus = Annotated[RunStatus | None, QueryParameter(description="Only runs that ended so.")]


class RunInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action to be run."""

    connection_id: str
    action_id: str
    input: dict[str, Any] = {}
    #: Only show the request that would be sent.
    dry_run: bool = False


class RunDone(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    run_id: str
    status: RunStatus
    output: Any
    #: Why it failed; empty: it did not.
    problem: str
    #: The requests that would be sent, for a dry run.
    preview: list[Any] | None


class RecordedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as lists show it."""

    run_id: str
    name: str
    action_id: str | None
    action_key: str
    connection_id: str | None
    status: RunStatus
    #: Why it failed; empty: it did not.
    problem: str
    #: Who ran it: a user, a key, a token, a workflow.
    actor: str
    dry_run: bool
    replay_of: str | None
    started_at: datetime
    #: Milliseconds; null while it runs.
    duration: int | None


class RecordedRunDetails(RecordedRun, frozen=True, kw_only=True):
    """With what went in and came out, and the HTTP exchanges. Secrets are struck out, long texts are cut."""

    input: Any
    output: Any
    exchanges: list[Any]


@post("/integrations/runs", tags=TAGS, status_code=200, opt=_RUNS)
async def run_action(by: By, wiring: Wiring, data: JSONBody[RunInput]) -> RunDone:
    """Run an action on a connection, and wait for it.

    A run that began and failed is an answer too: `status` is `error`, and `problem` says why.
    """
    caller = await caller_of(by, wiring)
    connection = await wiring.connections.get(caller, data.connection_id)
    action = await own_action(wiring, caller, data.action_id)
    try:
        result = await wiring.runs.run(caller, connection, action, data.input, dry_run=data.dry_run)
    except RunFailed as error:
        return _failed(error)
    return _done(result)


@get("/integrations/runs", tags=TAGS, opt=_READS)
async def list_runs(
    by: By,
    wiring: Wiring,
    connection_id: _OfConnection = None,
    status: _WithStatus = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[RecordedRun]:
    """Runs of the account, newest first."""
    caller = await caller_of(by, wiring)
    chosen = None if connection_id is None else (await wiring.connections.get(caller, connection_id)).connection_id
    found = await wiring.runs.runs(caller, connection_id=chosen, status=status, limit=limit, before=cursor or None)
    return Page(items=[RecordedRun(**_members(run)) for run in found.items], next_cursor=found.before)


@get("/integrations/runs/{run_id:str}", tags=TAGS, opt=_READS)
async def get_run(by: By, wiring: Wiring, run_id: FromPath[str]) -> RecordedRunDetails:
    """One run, with its requests and answers."""
    run = await wiring.runs.get(await caller_of(by, wiring), run_id)
    return RecordedRunDetails(**_members(run), input=run.input, output=run.output, exchanges=run.exchanges)


@post("/integrations/runs/{run_id:str}/replay", tags=TAGS, status_code=200, opt=_RUNS)
async def replay_run(by: By, wiring: Wiring, run_id: FromPath[str]) -> RunDone:
    """The same input once more, as a run of its own."""
    caller = await caller_of(by, wiring)
    try:
        return _done(await wiring.runs.replay(caller, run_id))
    except RunFailed as error:
        return _failed(error)


def _done(result: RunResult) -> RunDone:
    return RunDone(
        run_id=result.run_id, status=RunStatus.SUCCESS, output=result.output, problem="", preview=result.preview
    )


def _failed(error: RunFailed) -> RunDone:
    return RunDone(run_id=error.run_id, status=RunStatus.ERROR, output=None, problem=error.fault.message, preview=None)


def _members(run: ActionRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "name": run.name,
        "action_id": run.action_id,
        "action_key": run.action_key,
        "connection_id": run.connection_id,
        "status": run.status,
        "problem": run.fault.message if run.fault is not None else "",
        "actor": run.actor,
        "dry_run": run.dry_run,
        "replay_of": run.replay_of,
        "started_at": run.started_at,
        "duration": run.duration,
    }


HANDLERS: list[Any] = [run_action, list_runs, get_run, replay_run]
