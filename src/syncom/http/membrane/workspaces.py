"""``/org-workspaces``: the workspaces of a person."""

from __future__ import annotations

from syncom.errors import Forbidden
from syncom.http.membrane.method import Call, Listed, Method, Who
from syncom.http.membrane.shapes import WorkspaceShape, workspace_shape


async def _list(call: Call[None]) -> Listed[WorkspaceShape]:
    if call.by.user_id is None:
        raise Forbidden("this token stands for no person; sign in to have one that does")
    members = await call.app.tenants.members(call.by.user_id)
    return Listed(
        [
            workspace_shape(await call.app.tenants.workspace(member.account_id), member.account_name)
            for member in members
        ]
    )


METHODS = (
    Method(
        "GET",
        "/org-workspaces",
        _list,
        who=Who.PERSON,
        summary="Workspaces of the person who signed in",
        answer=Listed[WorkspaceShape],
    ),
)
