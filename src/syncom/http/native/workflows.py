"""/workflows: what is done with a contact after something happened."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.attribution.model import Revenue, Source
from syncom.contacts.model import IdentityKind
from syncom.http.native.given import Attribution, By, Contacts, Workflows
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, read_cursor
from syncom.http.native.routing import Edited, needs
from syncom.ids import uuid7
from syncom.workflows.model import Workflow, WorkflowFigures
from syncom.workflows.schema import definition_schema

_TAGS = ["Workflows"]


class WorkflowInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name, and what it does (docs/workflows.md)."""

    name: str
    definition: dict[str, Any]


class WorkflowName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it is called."""

    name: str


class WorkflowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many journeys are where: one is a contact after one event."""

    waiting: int
    paused: int
    finished: int
    failed: int
    left: int
    exited: int
    #: Watched only, for comparison.
    held_out: int


class WorkflowSeen(Workflow, frozen=True, kw_only=True):
    """A workflow, how many journeys are where, and what its messages led to."""

    counts: WorkflowCounts
    #: Orders by currency, by the account's model of attribution.
    revenue: list[Revenue]
    #: Orders for each journey that was begun.
    order_rate: float


class WorkflowRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Contacts to let in, up to 1,000: by id, by address, by id of yours."""

    contact_ids: list[int] = []
    emails: list[str] = []
    external_ids: list[str] = []
    #: What steps and templates read as `data`.
    params: dict[str, Any] = {}
    #: Names the call: with the same one nobody comes in twice. Left out: a new one.
    run_id: UUID | None = None


class WorkflowRan(msgspec.Struct, frozen=True, kw_only=True):
    """What a call did. Who did not come in was kept out by the rules of entry, or came in by this call before."""

    run_id: UUID
    entered: int


@get("/workflows", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_workflows(by: By, workflows: Workflows, limit: Limit = 100, cursor: Cursor = None) -> Page[Workflow]:
    """All workflows, in the order they were made."""
    offset = max(0, read_cursor(cursor, int) or 0)
    found, total = await workflows.page(by.account_id, offset=min(offset, 2**31), limit=limit)
    behind = offset + len(found)
    return Page(items=found, next_cursor=cursor_for(behind) if found and behind < total else None)


@post("/workflows", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.WORKFLOW))
async def create_workflow(by: By, workflows: Workflows, data: JSONBody[WorkflowInput]) -> Workflow:
    """Save a draft. Nobody enters until it is started."""
    return await workflows.create(by.account_id, data.name, data.definition)


@get("/workflows/schema", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def workflow_schema(by: By) -> dict[str, Any]:
    """The JSON Schema of definitions."""
    return definition_schema()


@get("/workflows/figures", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_workflow_figures(by: By, workflows: Workflows) -> Page[WorkflowFigures]:
    """How many came into each workflow, are inside, and failed. One that nobody came into is not there."""
    return Page(items=await workflows.figures(by.account_id), next_cursor=None)


@get("/workflows/{workflow_id:int}", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS, edits=Edited.WORKFLOW))
async def get_workflow(
    by: By, workflows: Workflows, attribution: Attribution, workflow_id: FromPath[int]
) -> WorkflowSeen:
    """One workflow, how many journeys are where, and what its messages led to."""
    found = await workflows.get(by.account_id, workflow_id)
    counts = await workflows.counts(by.account_id, workflow_id)
    revenue = await attribution.revenue(by.account_id, Source.WORKFLOW, workflow_id)
    return WorkflowSeen(
        **msgspec.structs.asdict(found),
        counts=WorkflowCounts(**{state.name.lower(): number for state, number in counts.items()}),
        revenue=revenue,
        order_rate=sum(one.orders for one in revenue) / max(1, sum(counts.values())),
    )


@put("/workflows/{workflow_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.WORKFLOW))
async def update_workflow(
    by: By, workflows: Workflows, workflow_id: FromPath[int], data: JSONBody[WorkflowInput]
) -> Workflow:
    """Give it a new version. Who is inside stays on theirs."""
    return await workflows.change(by.account_id, workflow_id, name=data.name, definition=data.definition)


@patch("/workflows/{workflow_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.WORKFLOW))
async def rename_workflow(
    by: By, workflows: Workflows, workflow_id: FromPath[int], data: JSONBody[WorkflowName]
) -> Workflow:
    """Call it something else; its version stays."""
    return await workflows.change(by.account_id, workflow_id, name=data.name)


@post("/workflows/{workflow_id:int}/start", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def start_workflow(by: By, workflows: Workflows, workflow_id: FromPath[int]) -> Workflow:
    """Let contacts in from now on, and let go on who was inside."""
    return await workflows.start(by.account_id, workflow_id)


@post("/workflows/{workflow_id:int}/pause", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CAMPAIGNS))
async def pause_workflow(by: By, workflows: Workflows, workflow_id: FromPath[int]) -> Workflow:
    """Let nobody in, and nobody go on, until it is started again."""
    return await workflows.pause(by.account_id, workflow_id)


@post("/workflows/{workflow_id:int}/drain", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CAMPAIGNS))
async def drain_workflow(by: By, workflows: Workflows, workflow_id: FromPath[int]) -> Workflow:
    """Let nobody in; those inside go on to their ends, and then it is stopped."""
    return await workflows.drain(by.account_id, workflow_id)


@post("/workflows/{workflow_id:int}/stop", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CAMPAIGNS))
async def stop_workflow(by: By, workflows: Workflows, workflow_id: FromPath[int]) -> Workflow:
    """Let nobody in, and let everybody inside leave."""
    return await workflows.stop(by.account_id, workflow_id)


@post("/workflows/{workflow_id:int}/run", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def run_workflow(
    by: By, workflows: Workflows, contacts: Contacts, workflow_id: FromPath[int], data: JSONBody[WorkflowRun]
) -> WorkflowRan:
    """Let contacts in, by the rules of entry, whatever the trigger is."""
    kinds = ((IdentityKind.EMAIL, data.emails, "emails"), (IdentityKind.EXTERNAL_ID, data.external_ids, "external_ids"))
    contact_ids = list(data.contact_ids)
    for kind, values, at in kinds:
        contact_ids += await contacts.require_ids(by.account_id, kind, values, at)
    run_id = data.run_id or uuid7()
    entered = await workflows.run(by.account_id, workflow_id, contact_ids, params=data.params, run_id=run_id)
    return WorkflowRan(run_id=run_id, entered=entered)


HANDLERS: list[Any] = [
    list_workflows,
    create_workflow,
    workflow_schema,
    list_workflow_figures,
    get_workflow,
    update_workflow,
    rename_workflow,
    start_workflow,
    pause_workflow,
    drain_workflow,
    stop_workflow,
    run_workflow,
]
