"""/workflows/…/steps, /journeys, /migrate, /results: who is where in a workflow, why, and what came of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Journeys, Parked, Results
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, read_cursor
from syncom.http.native.routing import needs
from syncom.workflows.journeys import Journey, Migrated, VersionFigures
from syncom.workflows.model import EnrolmentState
from syncom.workflows.parked import Call
from syncom.workflows.results import WorkflowResults

_TAGS = ["Workflows"]
State = Literal["waiting", "paused", "finished", "failed", "left", "exited", "held_out"]


class Migration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version's journeys move to the newest one, and how."""

    from_version: int
    #: Steps of the old version to steps of the new one; those it does not name keep their ids.
    mapping: dict[str, str] = {}
    #: Only say who would go where.
    dry_run: bool = True


class TakenUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which journeys that failed: all, unless it says less."""

    #: Those at this step, of any version.
    step: str = ""
    #: Those of this contact.
    contact_id: int | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How many they were."""

    journeys: int


@get("/workflows/{workflow_id:int}/steps", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def workflow_steps(
    by: By,
    journeys: Journeys,
    workflow_id: FromPath[int],
    version: Annotated[int | None, QueryParameter(description="Left out: the newest.")] = None,
) -> VersionFigures:
    """How many are at each step, went on, left, and are parked; and how many took each way."""
    return await journeys.figures(by.account_id, workflow_id, version)


@get("/workflows/{workflow_id:int}/journeys", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def workflow_journeys(
    by: By,
    journeys: Journeys,
    workflow_id: FromPath[int],
    contact_id: Annotated[int | None, QueryParameter(description="Only this contact's, the newest first.")] = None,
    journey_state: Annotated[State | None, QueryParameter(name="state", description="Only those.")] = None,
    step: Annotated[str, QueryParameter(description="Only those that are at this step, or were last.")] = "",
    through: Annotated[str, QueryParameter(description="Only those that went on from this step.")] = "",
    version: Annotated[int | None, QueryParameter(description="Of the steps; left out: the newest.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Journey]:
    """Journeys, each with its path: step by step, what happened and when."""
    if contact_id is not None:
        found = await journeys.of_contact(by.account_id, contact_id, workflow_id, limit=limit)
        return Page(items=found, next_cursor=None)
    page = await journeys.page(
        by.account_id,
        workflow_id,
        state=None if journey_state is None else EnrolmentState[journey_state.upper()],
        step=step,
        through=through,
        version=version,
        cursor=read_cursor(cursor, tuple[int, int, UUID]),
        limit=limit,
    )
    return Page(items=page.journeys, next_cursor=None if page.cursor is None else cursor_for(page.cursor))


@post("/workflows/{workflow_id:int}/migrate", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CAMPAIGNS))
async def migrate_workflow(
    by: By, journeys: Journeys, workflow_id: FromPath[int], data: JSONBody[Migration]
) -> list[Migrated]:
    """Move those inside an older version to the newest. Look first: nothing is done unless `dry_run` is false."""
    return await journeys.migrate(by.account_id, workflow_id, data.from_version, data.mapping, do=not data.dry_run)


@get("/workflows/{workflow_id:int}/results", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def workflow_results(
    by: By,
    results: Results,
    workflow_id: FromPath[int],
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
) -> WorkflowResults:
    """Conversions, revenue, messages by step, and what those held out did, on days (UTC, both included). Else 90."""
    return await results.of_workflow(by.account_id, workflow_id, since=since, until=until)


@post("/workflows/{workflow_id:int}/journeys/retry", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def retry_journeys(by: By, parked: Parked, workflow_id: FromPath[int], data: JSONBody[TakenUp]) -> Taken:
    """Do the step again at which journeys failed."""
    found = await parked.retry(by.account_id, workflow_id, step=data.step, contact_id=data.contact_id)
    return Taken(journeys=found)


@post("/workflows/{workflow_id:int}/journeys/skip", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def skip_journeys(by: By, parked: Parked, workflow_id: FromPath[int], data: JSONBody[TakenUp]) -> Taken:
    """Let journeys that failed go on behind the step."""
    found = await parked.skip(by.account_id, workflow_id, step=data.step, contact_id=data.contact_id)
    return Taken(journeys=found)


@get("/workflows/{workflow_id:int}/calls", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def workflow_calls(
    by: By,
    parked: Parked,
    workflow_id: FromPath[int],
    contact_id: Annotated[int | None, QueryParameter(description="Only this contact's.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Call]:
    """Calls that steps made, each with its attempts."""
    page = await parked.calls(
        by.account_id,
        workflow_id,
        contact_id=contact_id,
        cursor=read_cursor(cursor, tuple[int, UUID]),
        limit=limit,
    )
    return Page(items=page.calls, next_cursor=None if page.cursor is None else cursor_for(page.cursor))


HANDLERS: list[Any] = [
    workflow_steps,
    workflow_journeys,
    migrate_workflow,
    workflow_results,
    retry_journeys,
    skip_journeys,
    workflow_calls,
]
