"""Records of runs (membrane-api, 5.5)."""

from __future__ import annotations

from typing import Final

from syncom.connect.model import RunStatus
from syncom.errors import Invalid
from syncom.http.membrane.answers import RunAnswer, RunRecord, run_answer
from syncom.http.membrane.method import Call, Listed, Method, Parameter, Who
from syncom.http.membrane.targets import TENANT, Names, acting, of_another
from syncom.http.membrane.views import Views

_ONE: Final = "/action-run-logs/{run_id}"


async def list_runs(call: Call[None]) -> Listed[RunRecord]:
    """The newest first. ``cursor`` is the id of the last record of the page before; "0" is the start."""
    limit = call.query.number("limit", default=100, least=1, most=1000)
    cursor = call.query.text("cursor", longest=100)
    if of_another(call):
        return Listed([])
    by = await acting(call)
    found = await call.app.runs.runs(
        by,
        connection_id=await _connection(call),
        status=_status(call),
        limit=limit,
        before=None if cursor in (None, "0") else cursor,
    )
    views = Views(call, by)
    items = [await views.run(run) for run in found.items]
    return Listed(items) if found.before is None else Listed(items, found.before)


async def _connection(call: Call[None]) -> str | None:
    names = Names.of_query(call.query)
    if names.connection is None:
        return None
    return (await call.app.connections.get(await acting(call), names.connection)).connection_id


def _status(call: Call[None]) -> RunStatus | None:
    text = call.query.text("status", longest=50)
    if text is None:
        return None
    try:
        return RunStatus(text)
    except ValueError:
        raise Invalid("status", "must be success or error") from None


async def get_run(call: Call[None]) -> RunRecord:
    by = await acting(call)
    run = await call.app.runs.get(by, call.path["run_id"])
    return await Views(call, by).run(run, embed=True, details=call.query.flag("details"))


async def get_details(call: Call[None]) -> RunRecord:
    by = await acting(call)
    return await Views(call, by).run(await call.app.runs.get(by, call.path["run_id"]), embed=True, details=True)


async def replay(call: Call[None]) -> RunAnswer:
    """The same input once more, as a run of its own. A member of our own."""
    by = await acting(call)
    return run_answer(await call.app.runs.replay(by, call.path["run_id"]))


METHODS: Final[tuple[Method, ...]] = (
    Method(
        "GET",
        "/action-run-logs",
        list_runs,
        who=Who.WORKSPACE,
        summary="Runs, the newest first",
        query=(
            Parameter(name="limit", type="integer", text="Rows of a page, 1000 at most."),
            Parameter(name="cursor", text="`cursor` of the page before."),
            Parameter(name="connectionId", text="Of this connection."),
            Parameter(name="status", text="success or error."),
            *TENANT,
        ),
        answer=Listed[RunRecord],
    ),
    Method(
        "GET",
        _ONE,
        get_run,
        who=Who.WORKSPACE,
        summary="One run; `details=true` with the HTTP exchanges, without secrets",
        query=(Parameter(name="details", type="boolean", text="With the HTTP exchanges."), *TENANT),
        answer=RunRecord,
    ),
    Method(
        "GET",
        f"{_ONE}/details",
        get_details,
        who=Who.WORKSPACE,
        summary="One run with the HTTP exchanges, without secrets",
        query=TENANT,
        answer=RunRecord,
    ),
    Method(
        "POST",
        f"{_ONE}/replay",
        replay,
        who=Who.WORKSPACE,
        writes=False,
        summary="Run it once more with the same input",
        query=TENANT,
        answer=RunAnswer,
    ),
)
