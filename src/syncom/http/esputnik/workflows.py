"""Workflows (eSputnik reference, 5.9): listed only; events start them."""

from __future__ import annotations

from typing import Final

import msgspec

from syncom.http.esputnik.method import PAGING, Answer, Call, Method, Scope
from syncom.workflows.model import WorkflowStatus
from syncom.workflows.service import PAGE_LIMIT

#: In its words; all others let nobody in.
_STATUSES: Final = {WorkflowStatus.ACTIVE: "ACTIVE", WorkflowStatus.DRAFT: "DRAFT"}


class ListedWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow of the account. ``status``: ACTIVE, STOPPED or DRAFT."""

    id: int
    name: str
    status: str


async def list_workflows(call: Call[None]) -> Answer:
    first = call.query.number("startindex", default=1, least=1, clamp=2**31)
    rows = call.query.number("maxrows", default=PAGE_LIMIT, least=1, clamp=PAGE_LIMIT)
    found, total = await call.app.workflows.page(call.account_id, offset=first - 1, limit=rows)
    listed = [
        ListedWorkflow(id=workflow.workflow_id, name=workflow.name, status=_STATUSES.get(workflow.status, "STOPPED"))
        for workflow in found
    ]
    return Answer(listed, headers={"TotalCount": str(total)})


METHODS = [
    Method(
        "GET",
        f"/{version}/workflows",
        list_workflows,
        scope=Scope.READ_CAMPAIGNS,
        summary="The workflows of the account",
        query=PAGING,
        answer=list[ListedWorkflow],
    )
    for version in ("v1", "v2")
]
