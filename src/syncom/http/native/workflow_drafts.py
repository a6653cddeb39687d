"""/workflows/…/draft, /publish, /versions: what is being written beside what runs, and what ran before."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Drafts
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import Edited, needs
from syncom.workflows.drafts import VERSIONS_LIMIT, Draft, FullVersion, ListedVersion
from syncom.workflows.model import Workflow

_TAGS = ["Workflows"]


class DraftInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is being written; it need not run yet."""

    definition: dict[str, Any]
    #: The version it began from. Left out: as of the draft before, else the newest.
    from_version: int | None = None


class Publishing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to publish a draft."""

    #: Also over a version that was published after the draft was begun.
    overwrite: bool = False


@put("/workflows/{workflow_id:int}/draft", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.WORKFLOW))
async def save_workflow_draft(by: By, drafts: Drafts, workflow_id: FromPath[int], data: JSONBody[DraftInput]) -> Draft:
    """Keep a draft with its problems. What runs goes on as it is."""
    return await drafts.save(by.account_id, workflow_id, data.definition, from_version=data.from_version)


@get("/workflows/{workflow_id:int}/draft", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS, edits=Edited.WORKFLOW))
async def get_workflow_draft(by: By, drafts: Drafts, workflow_id: FromPath[int]) -> Draft:
    """The draft, and what keeps it from being published."""
    return await drafts.get(by.account_id, workflow_id)


@delete("/workflows/{workflow_id:int}/draft", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.WORKFLOW))
async def drop_workflow_draft(by: By, drafts: Drafts, workflow_id: FromPath[int]) -> None:
    """Forget the draft."""
    await drafts.drop(by.account_id, workflow_id)


@post(
    "/workflows/{workflow_id:int}/publish",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.WORKFLOW),
)
async def publish_workflow_draft(
    by: By, drafts: Drafts, workflow_id: FromPath[int], data: JSONBody[Publishing]
) -> Workflow:
    """Make the draft the newest version. Who is inside stays on theirs."""
    return await drafts.publish(by.account_id, workflow_id, overwrite=data.overwrite)


@get("/workflows/{workflow_id:int}/versions", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_workflow_versions(
    by: By, drafts: Drafts, workflow_id: FromPath[int], limit: Limit = 100, cursor: Cursor = None
) -> Page[ListedVersion]:
    """All versions, the newest first."""
    limit = min(limit, VERSIONS_LIMIT - 1)
    found = await drafts.versions(by.account_id, workflow_id, before=read_cursor(cursor, int), limit=limit + 1)
    return page_of(found, limit, lambda one: one.version)


@get("/workflows/{workflow_id:int}/versions/{version:int}", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_workflow_version(
    by: By, drafts: Drafts, workflow_id: FromPath[int], version: FromPath[int]
) -> FullVersion:
    """One version with its definition."""
    return await drafts.version(by.account_id, workflow_id, version)


@post(
    "/workflows/{workflow_id:int}/versions/{version:int}/publish",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.WORKFLOW),
)
async def revert_workflow(by: By, drafts: Drafts, workflow_id: FromPath[int], version: FromPath[int]) -> Workflow:
    """Publish an older version anew."""
    return await drafts.revert(by.account_id, workflow_id, version)


HANDLERS: list[Any] = [
    save_workflow_draft,
    get_workflow_draft,
    drop_workflow_draft,
    publish_workflow_draft,
    list_workflow_versions,
    get_workflow_version,
    revert_workflow,
]
